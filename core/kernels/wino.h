/* wino.h - 3x3 convolutions of stride 1 with fewer multiplications: Winograd's forms, and two of that kind for a
 * convolution with pooling behind it or doubling before it.
 *
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308: y = A' [(G w G') . (B' x B)] A
 * for each tile of the output. Per axis a form has `nv` values V = B' x of the input, `np` products with U = G w, and
 * `nm` sums M, from which `out` outputs follow: y = A' M. Between the transforms stand matrix products over channels,
 * one for each pair of positions, done by the register tiles of tile.h. The adjoint in w uses the same matrices:
 * dw = G' [(B' x B) . (A dy A')] G.
 *
 * WINO_F4_UNIT is F(4x4,3x3) at the points 0, 1, -1, i, -i and infinity: the two complex ones are conjugates, so that
 * they take 3 real products, 7 of an axis in all: 49 for 16 outputs, where F(4x4,3x3) at 2 and -2 has 36 and F(2x2,3x3)
 * 64. Its matrices are as harmless as those of F(2x2,3x3). (Complex points: arXiv 1901.01965.)
 *
 * WINO_HALF takes two pooled outputs per axis from six samples in 5 products. With s[n] = x[n] + x[n+1] they are
 * y[i] = w0 s[2i-1] + w1 s[2i] + w2 s[2i+1]: odd sums meet two taps, F(2,2) of 3 products, even sums one, 2 products.
 * WINO_DOUBLE takes four outputs per axis from four samples before doubling, in 5 products, by the points 0, 1, i, -i
 * and infinity: at -1 a doubled image is zero, and at i and -i it has the same value but for the sign. That is 25
 * products for 4 coarse pixels, where 144 are plain and 64 are left in conv_resized.c; and their matrices hold nothing
 * but 0, 1, -1 and 1/2, so that they are about as exact as the direct sum. Each is the adjoint of the other in x.
 *
 * WINO_HALF4 takes four pooled outputs per axis from ten samples in 9 products: odd sums by F(4,2) at the points 0, 1,
 * -1, 2 and infinity, 5 products, even sums 4. That is 81 for 16 coarse pixels, 5.06 each instead of 6.25, and twice
 * the error. */
#ifndef SAGAN_CORE_KERNELS_WINO_H
#define SAGAN_CORE_KERNELS_WINO_H

#include "core/kernels/conv.h"

enum { WINO_SIDE = 10, WINO_POSITIONS = WINO_SIDE * WINO_SIDE };      /* of any form, at most: an axis, both */

/* Samples [n,n] of pixels of `channels` to positions [m,m]: pixel (i,j) lies at x + i*row + j*col, or at at[i*n + j];
 * position p goes to to + slot[p]. Whole vectors are written, zeros beyond the channels. */
typedef struct wino_spread {
	const real *x;
	int64_t row, col;
	const real *const *at;                       /* NULL: x, row and col say where */
	int64_t channels;
	real *to;
	const int64_t *slot;
} wino_spread;

/* Positions [m,m] to samples [n,n], of which the first `rows` and `cols` are stored with the epilogue. */
typedef struct wino_collect {
	const real *from;                            /* position p is at from + slot[p] */
	const int64_t *slot;
	int64_t channels;
	real *y;
	const real *residual;                        /* like y or NULL */
	int64_t row, col;                            /* steps of y and residual */
	int64_t rows, cols;
	epilogue e;                                  /* its residual is not looked at */
} wino_collect;

/* The transforms of a form at a level. */
typedef struct wino_kernels {
	void (*input)(const wino_spread *s);         /* [side,side] -> [nv,nv]: B' x B */
	void (*weights)(const wino_spread *s);       /* [3,3] -> [np,np]: G w G' */
	void (*output)(const wino_collect *c);       /* [nm,nm] -> [out,out]: A' M A */
	void (*gradient)(const wino_spread *s);      /* [out,out] -> [nm,nm]: A dy A' */
	void (*fold)(const wino_collect *c);         /* [np,np] -> [3,3]: G' dU G */
} wino_kernels;                                      /* the last two are NULL where wino_can says no to CONV_DW */

typedef enum wino_name { WINO_F2, WINO_F4, WINO_F4_UNIT, WINO_HALF, WINO_DOUBLE, WINO_HALF4, WINO_FORMS } wino_name;

/* What the driver must know of a form. Along an axis, product p multiplies V v[p] by U p, which equals the U of product
 * u[p], and adds to M m[p]. */
typedef struct wino_form {
	int side, step;                              /* samples that a tile reads; from a tile to the next */
	int nv, nm, np, out;
	unsigned char v[WINO_SIDE], m[WINO_SIDE], u[WINO_SIDE];
} wino_form;

extern const wino_form wino_forms[WINO_FORMS];

/* The transforms of all forms at the level of k. */
const wino_kernels *wino_kernels_of(const tile_kernels *k, wino_name f);

/* Whether the form computes this function of a convolution at all: 3x3, stride 1, one group, resized as it does. */
bool wino_can(wino_name f, const conv_shape *s, conv_use use);
/* Of an image: tiles, and products of two numbers for each pair of channels. */
int64_t wino_tiles(wino_name f, const conv_shape *s, conv_use use);
int64_t wino_products(wino_name f, const conv_shape *s, conv_use use);

/* As conv_pack, conv_forward, conv_dx and conv_dw (conv.h), by the form f. Forward and dx: each output is one sum whose
 * order depends on no size; dw: sums of chunks of tiles, added in order. */
conv_room wino_room(const tile_kernels *k, wino_name f, const conv_shape *s, conv_use use);
void wino_pack(const tile_kernels *k, wino_name f, const conv_shape *s, conv_use use, const real *w, real *packed,
	       void *scratch);
void wino_forward(const tile_kernels *k, wino_name f, const conv_shape *s, const real *x, const real *w, epilogue e,
		  real *y, void *scratch);
void wino_dx(const tile_kernels *k, wino_name f, const conv_shape *s, const real *dy, const real *w, real *dx,
	     void *scratch);
void wino_dw(const tile_kernels *k, wino_name f, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch);

#endif
