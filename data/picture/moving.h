/* moving.h - pictures that move, written: GIF and WebP, which any browser shows, in a loop without end.
 *
 * GIF has 256 colours: gray is exact, colours are the nearest of 6 x 7 x 6 after an ordered pattern is laid over them.
 * WebP keeps every colour. */
#ifndef SAGAN_DATA_PICTURE_MOVING_H
#define SAGAN_DATA_PICTURE_MOVING_H

#include "data/picture/image.h"

/* Whether the ending says so: .gif, .webp. */
bool moving_is_named(const char *path);

/* Frames of one size and number of channels, each shown for `ms` milliseconds (GIF: rounded to hundredths of a second).
 * By temporary file and rename. False with e set: it cannot be written, sides too long for the kind, or no memory. */
bool moving_write(const char *path, const image *frame, int n, int ms, fault *e);

#endif
