/* picture.h - a picture in memory, whatever kind of file it came from: PNG, JPEG, WebP, GIF (the first frame). The kind
 * is known by the first bytes; what a file is called does not matter.
 *
 * Read as 8 bits gray or RGB: palettes are looked up, 16 bits rounded to 8, CMYK made RGB, transparent pixels laid over
 * a colour; turned as Exif says. Gamma and colour profiles are ignored. Files come from strangers: at most
 * DATA_SIDE_MAX pixels a side, and a damaged or truncated one ends in a line. */
#ifndef SAGAN_DATA_PICTURE_PICTURE_H
#define SAGAN_DATA_PICTURE_PICTURE_H

#include "data/picture/image.h"

typedef struct picture_options {
	uint8_t behind[3];                           /* the colour seen through transparent pixels, RGB */
} picture_options;
extern const picture_options picture_defaults;       /* white */

/* What picture_read would give. */
typedef struct picture_size {
	int h, w, c;                                 /* c 1 (gray) or 3 (RGB) */
} picture_size;

enum { PICTURE_HEAD = 12 };                          /* bytes that tell the kind */

/* The kind's name ("JPEG") by the first n bytes of a file, NULL for others. */
const char *picture_kind_name(const uint8_t *head, size_t n);
/* Whether a file's name ends as pictures' names do, .png or .jpeg or .. */
bool picture_is_named(const char *name);
/* "PNG, JPEG, WebP or GIF", into buf, which it returns. */
char *picture_kinds_print(char *buf, size_t size);

/* Both of a whole file x[0..n); `path` begins messages. picture_stat looks at the header only, so that the beginning of
 * a file is often enough for it. image_free releases im; on failure it is empty. */
bool picture_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e);
bool picture_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e);

#endif
