/* png.h - writing PNG files. (Reading is a matter of data/picture/picture.h.) */
#ifndef SAGAN_DATA_PICTURE_PNG_H
#define SAGAN_DATA_PICTURE_PNG_H

#include "data/picture/image.h"

/* Writes [h,w,c], c 1 or 3, by a temporary file, fsync and rename: on failure (full disk, no
 * permission) an older file is untouched. */
bool png_write(const char *path, const uint8_t *pixels, int h, int w, int c, fault *e);
/* image_grid, written. */
bool png_write_grid(const char *path, const real *x, int64_t n, int h, int w, int c, int cols, int scale,
	fault *e);

#endif
