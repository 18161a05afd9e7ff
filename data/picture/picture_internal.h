/* picture_internal.h - what the decoders of data/picture/ are to picture.c, and nothing else includes. */
#ifndef SAGAN_DATA_PICTURE_PICTURE_INTERNAL_H
#define SAGAN_DATA_PICTURE_PICTURE_INTERNAL_H

#include "data/picture/picture.h"

/* A kind of picture file. A new one is a file with its record, and a line in data/picture/picture.c. */
typedef struct picture_kind {
	const char *name;                            /* must stay the first field: lists of words */
	const char *ending[3];                       /* of files' names, ended by NULL */
	bool (*is)(const uint8_t *head, size_t n);
	bool (*stat)(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e);
	bool (*read)(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e);
} picture_kind;

/* The bytes of a moving picture (data/picture/moving.h): *bytes [*size], new/free; NULL where it failed. */
bool gif_encode(const char *path, const image *frame, int n, int ms, void **bytes, size_t *size, fault *e);
bool webp_encode(const char *path, const image *frame, int n, int ms, void **bytes, size_t *size, fault *e);

/* The line for sides that are not 1..DATA_SIDE_MAX. */
bool picture_sides_check(const char *path, int64_t h, int64_t w, fault *e);

/* Exif's tag Orientation in a block x[0..n) that begins with the header of a TIFF file ("II" or "MM"): 1 to 8, 1 where
 * it says nothing or makes no sense. */
int exif_orientation(const uint8_t *x, size_t n);

#endif
