/* pictures.h - the pictures of a generator: grids of images, attention maps. PNG files, written by temporary file and
 * rename. */
#ifndef SAGAN_GAN_SAMPLE_PICTURES_H
#define SAGAN_GAN_SAMPLE_PICTURES_H

#include "gan/sample/frame.h"
#include "gan/sample/sampler.h"

/* Images for a grid: row by row, two pixels between them; small ones are enlarged by a whole factor. */
typedef struct picture_images {
	const real *x;                               /* [n,h,w,c] in [-1,1], c 1 or 3 */
	int64_t n;
	int h, w, c, columns;
	const char *heads, *sides;                   /* over the columns, beside the rows (picture_words); NULL: none */
	int cycle;
} picture_images;

/* With a title where about->what is not NULL. */
bool picture_grid(const char *path, const picture_images *p, const picture_about *about, fault *e);

/* A sheet (gan/sample/attention_sheet.h) of the last attention layer, the mean of its heads: a row for each of `rows`
 * images of a seed. */
bool picture_attention(const char *path, sampler *s, uint64_t seed, int rows, const picture_about *about, fault *e);

#endif
