/* data_files.h - files for the tests of data/: in the folder of the program, good and broken ones. */
#ifndef SAGAN_TESTS_DATA_FILES_H
#define SAGAN_TESTS_DATA_FILES_H

#include "data/dataset.h"
#include "data/picture/picture.h"

/* Names are those of scratch_at. */
void file_put(const char *name, const void *bytes, size_t n);
void file_put_gz(const char *name, const void *bytes, size_t n);
size_t file_get(const char *name, uint8_t *bytes, size_t room);

/* An IDX file in memory: rank sizes, then n bytes of data (i * step modulo `modulo`). */
size_t idx_bytes(uint8_t *to, const uint32_t *size, int rank, size_t n, int step, int modulo);

/* A PNG written chunk by chunk, so that every kind can be made: `rows` are the packed rows without
 * filter bytes, `row` bytes each; palette and trns may be NULL. */
typedef struct png_kind {
	int w, h, depth, type;
	const uint8_t *rows;
	size_t row;
	const uint8_t *palette, *trns;
	size_t palette_n, trns_n;
} png_kind;
size_t png_bytes(uint8_t *to, size_t room, const png_kind *k);

/* The data set at a path, which must be read; dataset_free releases it. */
dataset *set_opened(const char *path, dataset_options o);
/* It must be refused, in one line that begins with the path and says `says`. */
void set_refused(const char *path, dataset_options o, const char *says);
/* A note of it must say this. */
void set_must_note(const dataset *d, const char *says);

/* The picture in a file, over white; image_free releases it. */
bool picture_open(const char *path, image *im, fault *e);

#endif
