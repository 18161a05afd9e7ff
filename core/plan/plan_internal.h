/* plan_internal.h - what the planner's files share: plan.c (making and running), epilogue.c (what
 * a convolution does on the way out), fuse.c (which element-wise nodes form a chain), recompute.c
 * (which values chains do not write), pairs.c (two operations in one pass), chain.c and chain_run.c (making and
 * running a chain), place.c (who lives where), slices.c (running the slices of a batch together), common.c (what one of
 * them computes for all), print.c (all this as text), profile.c (how long each step takes), steady.c (what only the
 * first run computes). */
#ifndef SAGAN_CORE_PLAN_PLAN_INTERNAL_H
#define SAGAN_CORE_PLAN_PLAN_INTERNAL_H

#include <stdio.h>

#include "core/graph/graph_internal.h"
#include "core/graph/sum_form.h"
#include "core/plan/plan.h"

typedef struct chain chain;

/* One thing to run: an op by its eval, or a chain of element-wise ops in one pass over memory. Or what comes before an
 * eval: an input of the node is packed. */
typedef struct step {
	node *y;                                     /* the op's node, NULL for a chain */
	chain *c;                                    /* own */
	size_t scratch_bytes, scratch_at;            /* workspace: bytes, offset in the arena */
	bool packs;                                  /* y's input, for y's step, which comes later */
	size_t packed_bytes, packed_at;              /* of the packed input */
	bool still;                                  /* reads no leaf that moves: not in every run (steady.c) */
	bool kept;                                   /* packed, still, and read by what moves */
	bool common;                                 /* the same in all slices: run by the first one alone (common.c) */
} step;

/* Where a value lives. Indexed by node id; meaningful for ids that are their own root. */
typedef struct home {
	int root;                                    /* a view shares its input's home; else the id itself */
	int storage;                                 /* id whose memory this root uses (in-place), or itself */
	bool stored;                                 /* has memory: false for values that live in registers */
	bool fixed;                                  /* lives in an assigned buffer, not in the arena */
	bool common;                                 /* computed by a common step: lives in the first slice's arena */
	bool kept;                                   /* still, and read by what moves: stays from run to run */
	int def, last;                               /* steps of first write and last read */
	int busy;                                    /* last read of any value in this memory */
	size_t at, bytes;                            /* offset and size in the arena */
} home;

struct plan {
	graph *g;
	unsigned flags;
	int threads;                                 /* of the pool when the plan was made: sizes workspace */
	int count;                                   /* ids 0..count-1 */
	node **node;                                 /* [count] private copy of each live node, or NULL */
	home *home;                                  /* [count] */
	int *unit;                                   /* [count] step that computes the root, -1: leaf, virtual */
	step *step;                                  /* [nstep] */
	int nstep;
	int next;                                    /* step to run next, within a run */
	bool *moves;                                 /* own; [count] leaves that do; NULL: all may */
	bool settled;                                /* what is still has been computed */
	bool sliced;                                 /* has sums over the slices of a batch */
	bool borrows;                                /* common values and packed inputs of the first slice's plan */
	struct wire *wire;                           /* own; carries them to other processes; NULL: there are none */
	int *out, nout;                              /* ids to keep after a run */
	graph_assignment *assign;                    /* [nassign] copied after a run; x: private copies */
	int nassign;
	real **held;                                 /* own; [nassign] own: buffers that another assignment overwrites
	                                              * before they are copied; NULL: copied from where they are */
	size_t bytes;
	char *arena;
	bool owns_arena;
	bool check;                                  /* stop at the first value that is not finite */
	int bad;                                     /* its id, -1: none */
	double *spent;                               /* [nstep] seconds; NULL: nobody wants to know */
	bool owns_spent;                             /* else it is the first slice's, whose plan outlives the runs */
	int64_t runs;                                /* that these were */
};

/* Root of an input: looks through views. */
static inline int root_of(const plan *p, const node *y)
{
	return p->home[y->id].root;
}

/* What a step reads, *n values: an op's inputs, or what plan_internal.h says of chains. */
const node *const *step_reads(const step *st, int *n);
/* The step that reads what step s packs. */
static inline int packed_for(const plan *p, int s)
{
	return p->unit[p->step[s].y->id];
}
/* Step order[i] becomes step i. */
bool plan_reorder(plan *p, const int *order, fault *e);

/* epilogue.c: bias, residual and activation become part of the convolution or matrix product before them. */
bool plan_epilogues(plan *p, fault *e);

/* What a product took in; nothing for any other op. */
typedef struct absorbed {
	bool bias, residual, act;
	double slope;
} absorbed;
absorbed absorbed_by(const node *y);

/* fuse.c: decides chains and the order of steps; fills p->step, p->unit, home.stored. */
bool plan_fuse(plan *p, fault *e);

/* steady.c: marks what need not be computed in every run; nothing where p->moves is NULL. */
bool plan_mark_still(plan *p, fault *e);

/* recompute.c: what fuse.c decided, and which values need no memory because each reader computes them again: it clears
 * their home.stored. The second adds them to the n members of a unit that reads them and returns how many there are;
 * stamp [p->count] is the caller's, -1 before the first call. */
typedef struct fusion {
	plan *p;
	const int *unit;                             /* [count] id of the unit's first member, -1: none */
	const bool *virtual;                         /* [count] broadcast or fill without memory */
	const bool *in_chain;                        /* [count] of units */
} fusion;
bool plan_recompute(const fusion *f, fault *e);
int plan_recomputed(const fusion *f, int unit, int *member, int n, int *stamp);

/* slices.c: sums over slices that nobody waits for come a few together, so that a run pauses less often. */
bool plan_gather_sums(plan *p, fault *e);
bool is_slice_sum(const step *st);
/* What the plan needs where slices run in other processes, too. */
bool plan_wire_new(plan *p, fault *e);
void plan_wire_free(struct wire *w);
/* Whether a process with which p exchanges sums says so, this one included: where runs part, all must part, or some
 * wait for ever. p is the first of its slices. */
bool plan_any_process(const plan *p, bool mine);
/* plan.c: the parts of a run. Steps from p->next up to a sum over slices, or to the end; false: no memory in a debug
 * run. A sum's step is opened, computed by the caller and closed. */
void plan_begin(plan *p);
bool plan_advance(plan *p);
/* As far as common steps go: those of a stretch. */
bool plan_advance_common(plan *p);
bool plan_open_step(plan *p, int s);
void plan_close_step(plan *p, int s);
void plan_assign(plan *p);
/* slices.c: plan_run_slices without assignments; false: no memory in a debug run. */
bool slices_run(plan *const *p, int n);

/* common.c: marks what is the same in all slices, and puts it before what is not, between two pauses; nothing in a
 * graph of the whole batch. */
bool plan_find_common(plan *p, fault *e);
/* The plan of the first of those slices that this process runs. */
bool is_first_slice(const plan *p);
/* The last step before the next sum over slices: then all slices have run so far. */
int stretch_end(const plan *p, int s);
/* For one run: p[1] to p[n-1] read p[0]'s common values. */
void plans_borrow(plan *const *p, int n);

/* place.c: liveness, in-place reuse, offsets; fills home and p->bytes. */
bool plan_place(plan *p, fault *e);
/* The id is a live value of its own with memory: no view, no leaf, none that only exists in registers. */
bool in_memory(const plan *p, int id);
/* The last step that needs what step s packs. */
int packed_until(const plan *p, int s);
/* Bytes as they are placed: every value starts at 64 bytes. */
size_t plan_align(size_t bytes);

/* print.c: what step s runs, without what it reads. */
void plan_put_step(FILE *f, const plan *p, const step *s);

/* pairs.c: one pass for two operations, the first being input `at` of the second; NULL when there is none. Its inputs
 * are those of the first, then the other one of the second. */
typedef void (*span_kernel)(const attr *a, real *out, const real *const *in, int64_t n);
span_kernel pair_span(const op *first, const op *second, int at);

/* chain.c. A chain runs members (ids in topological order, element-wise ops and sums) over n
 * elements. Virtual inputs (broadcasts and fills that have no memory) are made on the fly. */
chain *chain_new(const plan *p, const int *member, int n, fault *e);
void chain_free(chain *c);
size_t chain_scratch(const chain *c);
void chain_run(const chain *c, void *scratch);
/* Visits every value with memory that the chain reads (full-size or the source of a broadcast). */
int chain_reads(const chain *c, const node *const **read);
int chain_members(const chain *c, const int **member);
/* May output `y` take the memory of input `x`: same size, and not read after y is written. */
bool chain_may_overwrite(const chain *c, const node *y, const node *x);
/* Bytes of the full-size values that it reads and writes, each once. */
double chain_bytes(const chain *c);

/* Sums of short rows, [outer,middle] -> [outer], which a chain finishes block by block. */
bool is_row_sum(const sum_form *f);

extern const op op_rec_broadcast, op_rec_sum_to, op_rec_fill, op_rec_slice_sum;

#endif
