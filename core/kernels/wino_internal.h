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

/* A convolution in tiles: tile t of all is row t / across % down, column t % across of image t / across / down. */
typedef struct wino_map {
	const wino_form *f;
	int64_t ih, iw, ic, oh, ow, oc;              /* its input and its output */
	int64_t top, left;                           /* tile (0,0) reads from input pixel (-top,-left) */
	int64_t down, across, tiles;
} wino_map;

/* Forward and dx in the direction of the data. dw: from the side that the form's `input` reads to the other one. */
wino_map wino_map_of(wino_name f, const conv_shape *s, conv_use use);

size_t wino_dw_scratch(const tile_kernels *k, wino_name f, const conv_shape *s);

/* Where tile t begins in the output: image, row, column. */
typedef struct wino_place {
	int64_t image, row, col;                     /* of the tile in its image: times step or out gives pixels */
} wino_place;
wino_place wino_place_of(const wino_map *m, int64_t t);

/* A block of tiles. In every form the last M of an axis is for a tile's last output alone, so a tile that ends beyond
 * the image does not need it: 7x7 outputs take 11 of 12 positions of F(4x4,3x3) an axis. Tiles lie in such an order
 * that those which need one M follow each other: the rows alone complete, both, the columns alone, neither. */
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

/* The n x n pixels of x [.,h,w,channels] from (row,col) of an image on; those outside are `zeros` (channels). `at`
 * [n*n] is memory for the pointers of a tile that lies over the edge. */
wino_spread wino_window(const real *x, int64_t h, int64_t w, int64_t channels, int64_t image, int64_t row, int64_t col,
			int n, const real *zeros, const real **at);

#endif
