/* image.h - one picture of bytes, and what is done to it: resizing, other channels, grids.
 *
 * Layout [h,w,c], c 1 (gray) or 3 (RGB). Values are taken as they are: no gamma. */
#ifndef SAGAN_DATA_PICTURE_IMAGE_H
#define SAGAN_DATA_PICTURE_IMAGE_H

#include "data/picture/resize.h"

typedef struct image {
	int h, w, c;
	uint8_t *x;                                  /* own; [h,w,c] */
} image;

/* Black, h x w x c. On failure leaves `im` empty. */
bool image_init(image *im, int h, int w, int c, fault *e);
void image_free(image *im);                          /* the pixels; `im` is empty afterwards */

/* Turns and mirrors a picture as Exif's tag Orientation says, 1 (as it is) to 8; other numbers say nothing. */
bool image_orient(image *im, int orientation, fault *e);
/* Whether that changes height and width. */
bool image_orient_swaps(int orientation);

/* What a byte is to a network, v / PIXEL_HALF - 1 in [-1,1], and back: rounded, cut off at both ends, NaN is black. */
#define PIXEL_HALF 127.5
real pixel_real(uint8_t v);
uint8_t pixel_byte(real x);

/* to [h,w,c] from [sh,sw,sc] under one of the four modes. Per axis: area average when it shrinks,
 * bilinear (half-pixel centres, edge clamped) when it grows. RGB -> gray is ITU-R BT.601 luma. */
bool image_convert(const uint8_t *from, int sh, int sw, int sc, uint8_t *to, int h, int w, int c,
	enum data_resize mode, fault *e);

/* The gray of a colour: ITU-R BT.601, 0 to 255. */
int image_luma(const uint8_t rgb[3]);

/* Planes [c,n] to pixels [n,c], which lie elsewhere. */
void image_join_planes(const uint8_t *planes, int64_t n, int c, uint8_t *to);

/* Pixels [n,c+1], gray or RGB with opacity, over a colour, of which gray takes the luma: to [n,c], which may begin
 * where from does. */
void image_lay_over(const uint8_t *from, int64_t n, int c, const uint8_t colour[3], uint8_t *to);

/* Images [n,h,w,c] in [-1,1] (others are clamped, NaN is black) as one picture: `cols` per row (0:
 * about square), each pixel scale x scale (0: 1), a dark line of 2 around and between. */
bool image_grid(image *out, const real *x, int64_t n, int h, int w, int c, int cols, int scale, fault *e);

#endif
