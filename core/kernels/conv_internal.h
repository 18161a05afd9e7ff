/* conv_internal.h - what the convolution kernels share: padded copies and cutting scratch. */
#ifndef SAGAN_CORE_KERNELS_CONV_INTERNAL_H
#define SAGAN_CORE_KERNELS_CONV_INTERNAL_H

#include "core/kernels/conv.h"

/* Into how many items the work is cut: no result depends on it, since each output is one sum
 * (the_cut_changes_no_bit). */
enum {
	CONV_L2 = 384 * 1024,                        /* bytes of input that an item should hold at most: a second-level
	                                              * cache has 512 KB or more, and packed weights go there too */
	CONV_ITEMS = 16,                             /* items that should exist at least: a few for each thread of a
	                                              * small machine, so that all end at about the same time */
	CONV_PIXELS = 64,                            /* pixels of an item at least: fills register tiles */
};

/* A rectangle of an image, channels [c, c+n) of `channels`; rows and columns may lie outside. */
typedef struct band {
	int64_t h, w, channels;                      /* the image */
	int64_t c, n;
	int64_t y, x, rows, cols;
} band;

/* Copies the rectangle to `to` [rows,cols,n], zeros where it lies outside. */
void band_copy(const band *r, const real *image, real *to);

/* Elements of a 64-byte aligned piece of scratch that holds n elements. */
int64_t scratch_piece(int64_t n);

/* 1x1, stride 1, no padding, one group: the same thing as one column of pixels. */
bool conv_is_product(const conv_shape *s);
conv_shape conv_flatten(const conv_shape *s);

/* Of s.resize (conv_resized.c): the sum as a 4x4 convolution of stride 2, the direct way. `e` of forward and dx. */
conv_room conv_resized_room(const tile_kernels *k, const conv_shape *s, conv_use use);
void conv_resized_pack(const tile_kernels *k, const conv_shape *s, conv_use use, const real *w, real *packed,
		       void *scratch);
void conv_resized(const tile_kernels *k, const conv_shape *s, conv_use use, const real *a, const real *b, epilogue e,
		  real *out, void *scratch);

/* Any convolution that is not resized, as direct sums: forward, dx (conv_gather.c), dw (conv_dw.c). */
conv_room conv_direct_room(const tile_kernels *k, const conv_shape *s, bool adjoint);
void conv_direct_pack(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *w, real *packed,
		      void *scratch);
void conv_direct(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *in, const real *w, epilogue e,
		 real *out, void *scratch);
size_t conv_direct_dw_scratch(const tile_kernels *k, const conv_shape *s);
void conv_direct_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
		    void *scratch);

/* Depthwise kernels (conv_depth.c): groups == cin > 1. */
bool conv_is_depthwise(const conv_shape *s);
size_t conv_depth_scratch(const conv_shape *s);
void conv_depth_forward(const conv_shape *s, const real *x, const real *w, epilogue e, real *y,
			void *scratch);
void conv_depth_dx(const conv_shape *s, const real *dy, const real *w, real *dx, void *scratch);
void conv_depth_dw(const conv_shape *s, const real *x, const real *dy, real *dw, void *scratch);

/* Few output channels (conv_narrow.c): the adjoint in x, and forward with stride 1. */
bool conv_is_narrow(const conv_shape *s, bool adjoint);
conv_room conv_narrow_room(const tile_kernels *k, const conv_shape *s, bool adjoint);
void conv_narrow_pack(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *w, real *packed,
		      void *scratch);
void conv_narrow(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *in, const real *w,
		 epilogue e, real *out, void *scratch);

#endif
