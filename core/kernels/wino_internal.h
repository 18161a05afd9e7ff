/* wino_internal.h - what forward and weight gradient of Winograd's forms share: how a convolution is cut into tiles,
 * and the order of the products. */
#ifndef SAGAN_CORE_KERNELS_WINO_INTERNAL_H
#define SAGAN_CORE_KERNELS_WINO_INTERNAL_H

#include "core/kernels/conv_internal.h"
#include "core/kernels/wino.h"

enum {
	WINO_GAP = 48,                               /* elements between positions: those of channels that are a power
	                                              * of two would all fall into the same sets of a cache */
	WINO_FEW_CHANNELS = 128,                     /* with more a block's values leave the second-level cache */
};

/* How n outputs of an axis are cut: the first `whole` tiles have all that a tile can have, the others lack the last. */
typedef struct wino_cut {
	int64_t n, tiles, whole;
} wino_cut;

/* A convolution in tiles, which follow each other along the rows of an image. */
typedef struct wino_map {
	const wino_form *f;
	int64_t ih, iw, ic, oh, ow, oc;              /* its input and its output */
	int64_t top, left;                           /* tile (0,0) reads from input pixel (-top,-left) */
	wino_cut down, across;
	int64_t tiles;
} wino_map;

/* Forward and dx in the direction of the data. dw: from the side that the form's `input` reads to the other one. */
wino_map wino_map_of(wino_name f, const conv_shape *s, conv_use use);

size_t wino_dw_scratch(const tile_kernels *k, wino_name f, const conv_shape *s);

/* The outputs of a tile. Along an axis of n outputs as few tiles lie as can be, and what they have too many is left out
 * at one output a tile: 14 are 4, 4, 3 and 3. (Doubled ones at the last tile: all must begin at a whole pixel.) */
typedef struct wino_place {
	int64_t image, row, col;                     /* the first one */
	int64_t rows, cols;
} wino_place;
wino_place wino_place_of(const wino_map *m, int64_t t);

/* The first sample that a tile reads, whose first output is `at`, and `before` zeros stand before the image. */
int64_t wino_sample(const wino_form *f, int64_t at, int64_t before);

/* A block of tiles. In every form the last M of an axis is for a tile's last output alone, so a tile that lacks it does
 * not need this M: 7x7 outputs take 11 of 12 positions of F(4x4,3x3) an axis. Tiles lie in such an order that those
 * which need one M follow each other: the rows alone complete, both, the columns alone, neither. */
enum { WINO_BLOCK_MOST = 96 };
typedef struct wino_block {
	int64_t n;
	wino_place place[WINO_BLOCK_MOST];           /* of tile t of the block */
	int64_t at[WINO_BLOCK_MOST];                 /* where its values lie among those of the others */
	int64_t begin[5];                            /* of the four kinds, and the end */
} wino_block;
void wino_block_fill(wino_block *b, const wino_map *m, int64_t t0, int64_t n);

/* The tiles that need position p of M: n from `first` on. */
typedef struct wino_range {
	int64_t first, n;
} wino_range;
wino_range wino_range_of(const wino_block *b, const wino_form *f, int p);

/* n x n pixels of x [.,h,w,channels] from (row,col) of an image on; those before the image, and from (bottom,right) on,
 * are `zeros` (channels). `at` [n*n] is memory for the pointers of a tile that lies over the edge. */
typedef struct wino_image {
	const real *x, *zeros;
	int64_t h, w, channels;
} wino_image;
wino_spread wino_window(const wino_image *x, int64_t image, int64_t row, int64_t col, int64_t bottom, int64_t right,
			int n, const real **at);

#endif
