/* attention_block.h - what the attention kernels share: how the work is cut, each worker's memory, and
 * the passes over a block of scores. Included by attention_*.c only. */
#ifndef SAGAN_CORE_KERNELS_ATTENTION_BLOCK_H
#define SAGAN_CORE_KERNELS_ATTENTION_BLOCK_H

#include "core/kernels/attention.h"
#include "core/kernels/attention_tile.h"

enum {
	BLOCK_KEYS = 256,                            /* keys of a block at most, packed once for all queries. The cut is
	                                              * part of what a result is, to the last bits */
	APART = 16,                                  /* elements behind a row of scores: else rows fall into the same
	                                              * sets of the first cache */
};

/* n keys in blocks of about the same length, at most `most`, a multiple of 32: whole blocks of packed columns at every
 * level. */
static inline int64_t cut_keys(int64_t n, int64_t most)
{
	const int64_t blocks = (n + most - 1) / most;
	return ((n + blocks - 1) / blocks + 31) / 32 * 32;
}

/* Elements of a query: d, and its logits of rows and columns. */
static inline int64_t query_width(const attention_sizes *s)
{
	return s->d + s->rows + s->cols;
}

/* Reserves n elements in whole cache lines: their offset. */
static inline int64_t reserve(int64_t *total, int64_t n)
{
	const int64_t at = *total;
	*total += (n + 15) / 16 * 16;
	return at;
}

/* Packs x [n,w] so that a tile multiplies by x' (terms are columns), or by x (terms are rows). */
void pack_transposed(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed);
void pack_plain(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed);

/* ---- passes over s [rows,n], rows lds elements apart ---- */

/* s[r,k] += x[r,i] + x[r,rows+j] for key m + k = i*cols + j of the map. x: rows of ld elements. */
void block_add_positions(real *s, int64_t lds, int64_t rows, int64_t n, int64_t m, const attention_sizes *z,
			 const real *x, int64_t ld);
/* Its adjoint: x[r,i] and x[r,rows+j] gain the sums of s over columns and rows. */
void block_sum_positions(const real *s, int64_t lds, int64_t rows, int64_t n, int64_t m, const attention_sizes *z,
			 real *x, int64_t ld);
/* u = D + delta, w and e = dy e' come in; out go u = p D, w = scale p w, e = p (scale w D + e): attention_second's
 * T / scale, Y and Z. lse[r] and delta_out[r] lose the sums of Z and Y. */
void block_second(real *u, real *w, real *e, const real *p, int64_t lds, int64_t rows, int64_t n, real scale,
		  const real *delta, real *lse, real *delta_out);

#endif
