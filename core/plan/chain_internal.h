/* chain_internal.h - what a chain is made of: chain.c makes it, chain_run.c runs it. */
#ifndef SAGAN_CORE_PLAN_CHAIN_INTERNAL_H
#define SAGAN_CORE_PLAN_CHAIN_INTERNAL_H

#include "core/plan/plan_internal.h"

enum {
	BLOCK = 1024,                                /* elements a slot holds, about: a few slots fit the first
	                                              * cache; 512 and 2048 were slower */
	BLOCK_MOST = 4096,                           /* a block grows up to here to hold whole repetitions of what is
	                                              * broadcast or summed; a few slots of it leave the first cache */
	CHUNK = 1 << 14,                             /* elements per chunk, about: as SPAN_GRAIN of clones.h */
	LANES = 16,                                  /* sums side by side of a sum to one number: some vectors wide,
	                                              * and the same order of adding at every level */
	SPAN_IN = 3                                  /* inputs of an element-wise op, at most */
};

enum what { DO_SPAN, DO_LOAD, DO_SUM, DO_ROWS };

typedef struct operand {
	const node *y;                               /* value in memory (its root), or NULL */
	int slot;                                    /* otherwise the slot */
} operand;

typedef struct instr {
	enum what what;
	const node *y;                               /* node computed: its op and attributes */
	span_kernel span;                            /* of y, or of y and the member it took in */
	operand out, in[SPAN_IN];
	int nin;
	const node *src;                             /* load: what is broadcast; NULL: fill */
	sum_form form;                               /* load, sum */
	bool regular;                                /* load: form holds */
	int64_t partial_at;                          /* sum: offset of its partial results, in reals */
} instr;

struct chain {
	int64_t n, sections, section, chunk, chunks; /* elements, sections, of one; chunks per section */
	int64_t block;
	int *member, nmember;
	instr *head, *body;                          /* once per chunk; once per block */
	int nhead, nbody;
	int slots;
	int64_t partial_count;                       /* reals */
	const node **read;                           /* values with memory that are read */
	int nread;
	const node **stream;                         /* those read or written block by block */
	int nstream;
};

#endif
