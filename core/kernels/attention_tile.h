/* attention_tile.h - products of blocks of scores that lie in the first cache, on register tiles.
 *
 * As tile.h's products, but for what attention needs: rows of their own distance, sums of 8 to 64 terms, results of 8
 * columns, and scores weighed while they are in registers. attention_tile.c is compiled once per level
 * (core/base/level.h); every sum runs in a fixed order, so all levels with FMA give the same bits. */
#ifndef SAGAN_CORE_KERNELS_ATTENTION_TILE_H
#define SAGAN_CORE_KERNELS_ATTENTION_TILE_H

#include "core/kernels/tile.h"

/* x [rows,terms] times b [terms,n]. Rows of x, y and p lie ldx, ldy, ldy elements apart. */
typedef struct block_rows {
	const real *x;
	int64_t ldx;
	const real *b;                               /* by tile_pack */
	int64_t rows, terms, n;
	real *y;
	int64_t ldy;
	const real *p, *less;                        /* for weigh: like y; [rows] */
} block_rows;

/* z [n,w] += s' x, s [rows,n], x [rows,w]. Whole vectors are readable at the end of x's rows. */
typedef struct block_columns {
	const real *s;
	int64_t lds;
	const real *x;
	int64_t ldx;
	int64_t rows, n, w;
	real *z;                                     /* rows of w elements */
} block_columns;

typedef struct attention_tiles {
	void (*store)(const block_rows *b);          /* y = x b, whole vectors: there is room behind n */
	void (*add)(const block_rows *b);            /* y += x b */
	void (*weigh)(const block_rows *b);          /* y = p (x b - less[r]), whole vectors */
	void (*columns)(const block_columns *b);
} attention_tiles;

#endif
