/* png.h - writing PNG files. (Reading is a matter of data/picture/picture.h.) */
#ifndef SAGAN_DATA_PICTURE_PNG_H
#define SAGAN_DATA_PICTURE_PNG_H

#include "data/picture/image.h"

/* Texts that a PNG carries for who opens it later: keys of 1 to 79 letters of ASCII, and what they say. Both
 * are borrowed. */
enum { PNG_NOTES_MAX = 8 };
typedef struct png_notes {
	int n;
	struct png_note {
		const char *key, *text;
	} note[PNG_NOTES_MAX];
} png_notes;

/* Writes [h,w,c], c 1 or 3, by a temporary file, fsync and rename: on failure (full disk, no
 * permission) an older file is untouched. */
bool png_write(const char *path, const uint8_t *pixels, int h, int w, int c, fault *e);
/* The same of a picture with texts, chunks of type iTXt that are not compressed; notes NULL: none. */
bool png_write_noted(const char *path, const image *im, const png_notes *notes, fault *e);
/* Its bytes instead of a file: *bytes [*n], new/free; `label` begins an error. */
bool png_encode(const char *label, const image *im, const png_notes *notes, void **bytes, size_t *n, fault *e);
/* image_grid, written. */
bool png_write_grid(const char *path, const real *x, int64_t n, int h, int w, int c, int cols, int scale,
	fault *e);

#endif
