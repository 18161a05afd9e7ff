/* png.h - PNG files in one place: the only file that knows png.h and its longjmp.
 *
 * Read: any PNG, as 8 bits gray or RGB: palettes are looked up, 16 bits rounded to 8, transparent
 * pixels laid over white. Gamma and colour profiles are ignored. */
#ifndef SAGAN_DATA_PICTURE_PNG_H
#define SAGAN_DATA_PICTURE_PNG_H

#include "data/picture/image.h"

/* Size and channels (1 or 3, what png_read would give), from the header only. */
bool png_stat(const char *path, int *h, int *w, int *c, fault *e);
/* The picture; image_free releases it. On failure `im` is empty. At most DATA_SIDE_MAX a side. */
bool png_read(const char *path, image *im, fault *e);

/* Writes [h,w,c], c 1 or 3, by a temporary file, fsync and rename: on failure (full disk, no
 * permission) an older file is untouched. */
bool png_write(const char *path, const uint8_t *pixels, int h, int w, int c, fault *e);
/* image_grid, written. */
bool png_write_grid(const char *path, const real *x, int64_t n, int h, int w, int c, int cols, int scale,
	fault *e);

#endif
