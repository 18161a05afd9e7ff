/* attention_block.h - what the attention kernels share: how the work is cut, each worker's memory, and
 * the passes over a block of scores. Included by attention_*.c only. */
#ifndef SAGAN_CORE_KERNELS_ATTENTION_BLOCK_H
#define SAGAN_CORE_KERNELS_ATTENTION_BLOCK_H

#include "core/kernels/attention.h"
#include "core/kernels/tile.h"

enum {
	BLOCK_ROWS = 96,                             /* queries of a block: whole tiles of 6 and of 8 rows */
	BLOCK_KEYS = 256,                            /* and keys at most: a block of scores, 96 KB in float, stays in
	                                              * L2. The cut is part of what a result is, to the last bits */
};

/* M keys in blocks of about the same length, a multiple of 32: whole blocks of packed columns at every level. */
static inline int64_t key_block(int64_t M)
{
	const int64_t n = (M + BLOCK_KEYS - 1) / BLOCK_KEYS;
	return ((M + n - 1) / n + 31) / 32 * 32;
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

/* ---- passes over s [rows,n] ---- */

/* s[r,k] += x[r,i] + x[r,rows+j] for key m + k = i*cols + j of the map. x: rows of ld elements. */
void block_add_positions(real *s, int64_t rows, int64_t n, int64_t m, const attention_sizes *z, const real *x,
			 int64_t ld);
/* Its adjoint: x[r,i] and x[r,rows+j] gain the sums of s over columns and rows. */
void block_sum_positions(const real *s, int64_t rows, int64_t n, int64_t m, const attention_sizes *z, real *x,
			 int64_t ld);
/* d = scale p (d - delta[r]) */
void block_weigh(real *d, const real *p, int64_t rows, int64_t n, real scale, const real *delta);
/* u = D + delta, w and e = dy e' come in; out go u = scale p D, w = scale p w, e = scale p (scale w D + e).
 * attention_second's T, Y and scale Z. lse[r] and delta_out[r] lose the sums of Z and Y. */
void block_second(real *u, real *w, real *e, const real *p, int64_t rows, int64_t n, real scale,
		  const real *delta, real *lse, real *delta_out);

#endif
