/* conv.h - convolution on whole arrays: forward and its two adjoints, direct or by a form with fewer multiplications
 * (conv_form.h).
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

/* The three functions of a convolution. */
typedef enum conv_use { CONV_FORWARD, CONV_DX, CONV_DW } conv_use;

/* What is done besides, by a 3x3 kernel of stride 1 with one zero around: nothing; its output is summed up in windows
 * of 2x2; its input is repeated in 2x2 pixels first. */
typedef enum conv_resize { CONV_SAME = 0, CONV_HALF = -2, CONV_DOUBLE = 2 } conv_resize;

/* One convolution. Output (i,j) reads image rows i*sh - top + ky and columns j*sw - left + kx; what
 * lies outside is zero, so `bottom` and `right` padding are implied by ho and wo. */
typedef struct conv_shape {
	int64_t b, h, w, cin;                        /* image side */
	int64_t ho, wo, cout;
	int kh, kw, sh, sw;
	int64_t top, left;
	int groups;
	conv_want want;
	conv_resize resize;                          /* HALF: ho = h/2, h even; DOUBLE: ho = 2h; columns likewise */
} conv_shape;

/* Bytes of memory, each piece 64-byte aligned and borrowed: of the weights in the order in which the function reads
 * them (0: they are read as they are), of the workspace for bringing them there, of the workspace of the function
 * itself. Workspace is for the pool as it is; packed weights depend on no number of images. */
typedef struct conv_room {
	size_t packed, packing, scratch;
} conv_room;
conv_room conv_room_of(const tile_kernels *k, const conv_shape *s, conv_use use);

/* Packs w [kh,kw,cin/groups,cout] for forward or dx, where room.packed is not 0. */
void conv_pack(const tile_kernels *k, const conv_shape *s, conv_use use, const real *w, real *packed, void *scratch);

/* y [b,ho,wo,cout] from x [b,h,w,cin] and the packed weights w, with bias, residual (not y itself) and activation
 * of `e`. */
void conv_forward(const tile_kernels *k, const conv_shape *s, const real *x, const real *w,
		  epilogue e, real *y, void *scratch);

/* dx [b,h,w,cin] from dy [b,ho,wo,cout] and the packed weights w: the adjoint in x. */
void conv_dx(const tile_kernels *k, const conv_shape *s, const real *dy, const real *w, real *dx,
	     void *scratch);

/* dw from x and dy: the adjoint in w. */
void conv_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch);

/* Multiplications and additions of the direct sum: 2 per output and term. Resized: as conv_resized.c does it. */
double conv_shape_flop(const conv_shape *s);

#endif
