/* tile.h - register tiles: the innermost loops of convolutions and matrix products.
 *
 * tile.c is compiled once per level (core/base/level.h) with vectors of 16, 32 or 64 bytes; each level
 * exports one table, and tile_best picks at run time. Every output has one accumulator that runs over its
 * sum in a fixed order, so all levels with FMA (v3, v4, neon) give the same bits (docs/portability.md).
 * Kernels are serial and know neither padding nor threads: callers prepare
 * offsets and zero-padded copies (conv_internal.h). */
#ifndef SAGAN_CORE_KERNELS_TILE_H
#define SAGAN_CORE_KERNELS_TILE_H

#include "core/base/level.h"

/* What is done to a sum before it is stored: y = act(sum + bias + residual), act(v) = v > 0 ? v :
 * slope * v. Zero everywhere means nothing. */
typedef struct epilogue {
	const real *bias;                            /* [cout] or NULL */
	const real *residual;                        /* like y or NULL; a tile allows y itself */
	real slope;
	bool act;
} epilogue;

/* Memory that will be wanted soon, in `n` streams: each register tile asks for the next `lines` of 64 bytes of each,
 * into the second-level cache. A line that does not exist is not missed. */
typedef struct tile_ahead {
	const char *at[3];
	int n, lines;
} tile_ahead;

/* y[out[p] + o] = sum over runs r and i < len of x[in[p] + run[r] + i] * w[r*len + i][o], for pixels
 * p < npix and channels o < cout: a convolution whose taps lie in contiguous runs, or a matrix
 * product (one run). */
typedef struct tile_conv {
	const real *x;
	const int64_t *in, *out;                     /* [npix] elements */
	int64_t npix;
	const int64_t *run;                          /* [nrun] elements */
	int nrun;
	int64_t len;
	const real *w;                               /* packed: tile_packed_size elements, 64-byte aligned */
	const int64_t *w_run;                        /* [nrun] elements, or NULL: the weights of each run are packed for
	                                              * themselves, and begin there */
	real *y;
	int64_t cout;
	epilogue e;
	bool cold;                                   /* y and the residual are in no cache: to be called for early */
	tile_ahead *ahead;                           /* or NULL */
} tile_conv;

/* z[r*ld + o] += (fresh: =) sum over images n, rows i, columns j of x[..+ r] * dy[..+ o], for r < rows and
 * o < cout; the position of (n,i,j) is n*step[0] + i*step[1] + j*step[2]. Reads whole vectors of dy:
 * tile_round(cout) elements must be readable there. */
typedef struct tile_outer {
	const real *x, *dy;
	int64_t size[3];
	int64_t x_step[3], dy_step[3];               /* elements */
	int64_t rows, cout;
	real *z;
	int64_t ld;
	bool fresh;                                  /* z holds nothing yet */
	tile_ahead *ahead;                           /* or NULL */
} tile_outer;

typedef struct tile_kernels {
	int vec;                                     /* elements of a vector */
	int block;                                   /* channels of a full block of packed weights */
	const struct wino_kernels *wino;             /* transforms of Winograd's forms (wino.h) */
	const struct attention_tiles *attention;     /* products of blocks of scores (attention_tile.h) */
	void (*conv)(const tile_conv *t);
	void (*outer)(const tile_outer *t);
	/* Softmax over s [rows,n], a block at a time, rows ld apart. top[r] = max(old[r], scale s[r,:]);
	 * s = e^(scale s - top[r]); sum[r] = s[r,0] + s[r,1] + .. */
	void (*exp_below)(real *s, int64_t rows, int64_t n, int64_t ld, real scale, const real *old, real *top,
			  real *sum);
	/* s = e^(scale s - shift[r]), and the sums of rows unless NULL. 2^127 at most. */
	void (*exp_shifted)(real *s, int64_t rows, int64_t n, int64_t ld, real scale, const real *shift, real *sum);
	/* d[j*dj + l] = s[l*sl + j] for j < nj, l < nl: squares of 8 in registers. */
	void (*transpose)(real *d, int64_t dj, const real *s, int64_t sl, int64_t nj, int64_t nl);
	/* Multiply-adds on registers alone, `rounds` of them in each of some independent sums: what a core can do at
	 * most. How many operations that were; *keep gets what they gave, so that none is left out. */
	double (*spin)(int64_t rounds, real *keep);
} tile_kernels;

/* The tiles of a level; NULL where level_has says no. */
const tile_kernels *tile_at(cpu_level l);

/* Those of level_now. */
const tile_kernels *tile_best(void);

/* n rounded up to whole vectors. */
int64_t tile_round(const tile_kernels *k, int64_t n);

/* Packed weights are blocks of k->block channels (the last one narrower: whole vectors), each
 * [terms][channels of the block], zeros beyond cout. Block of channel o starts at o*terms. */
int64_t tile_packed_size(const tile_kernels *k, int64_t terms, int64_t cout);

/* Packs w[i*row + o*col], i < n, o < cout, as terms at..at+n of the `terms` of packed weights. */
void tile_pack(const tile_kernels *k, const real *w, int64_t row, int64_t col, int64_t n,
	       int64_t cout, int64_t terms, int64_t at, real *packed);

#endif
