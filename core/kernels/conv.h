/* conv.h - convolution on whole arrays: forward and its two adjoints, direct or by Winograd's forms (conv_form.h).
 *
 * Images are [B,H,W,C], kernels [kh,kw,Cin/groups,Cout]. Work is cut into items that fill the pool;
 * no result depends on the number of threads. The tiles are an argument, so that tests can compare
 * levels; everybody else passes tile_best(). */
#ifndef SAGAN_CORE_KERNELS_CONV_H
#define SAGAN_CORE_KERNELS_CONV_H

#include "core/base/base.h"
#include "core/kernels/tile.h"

/* How a convolution is computed (conv_form.c): the fastest form for its shape; the fastest of those that are about as
 * exact as the direct sum; the direct sum. */
typedef enum conv_want { CONV_FASTEST, CONV_EXACT, CONV_DIRECT } conv_want;

/* One convolution. Output (i,j) reads image rows i*sh - top + ky and columns j*sw - left + kx; what
 * lies outside is zero, so `bottom` and `right` padding are implied by ho and wo. */
typedef struct conv_shape {
	int64_t b, h, w, cin;                        /* image side */
	int64_t ho, wo, cout;
	int kh, kw, sh, sw;
	int64_t top, left;
	int groups;
	conv_want want;
} conv_shape;

/* Bytes of workspace for the function that follows, for the pool as it is. Here and below `scratch` (borrow) has so
 * many, 64-byte aligned. */
size_t conv_forward_scratch(const tile_kernels *k, const conv_shape *s);
/* y [b,ho,wo,cout] from x [b,h,w,cin] and w [kh,kw,cin/groups,cout], with bias, residual (not y itself) and activation
 * of `e`. */
void conv_forward(const tile_kernels *k, const conv_shape *s, const real *x, const real *w,
		  epilogue e, real *y, void *scratch);

/* dx [b,h,w,cin] from dy [b,ho,wo,cout] and w: the adjoint in x. */
size_t conv_dx_scratch(const tile_kernels *k, const conv_shape *s);
void conv_dx(const tile_kernels *k, const conv_shape *s, const real *dy, const real *w, real *dx,
	     void *scratch);

/* dw from x and dy: the adjoint in w. */
size_t conv_dw_scratch(const tile_kernels *k, const conv_shape *s);
void conv_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch);

/* Multiplications and additions of the definition: 2 per output and term. */
double conv_shape_flop(const conv_shape *s);

#endif
