/* pictures.h - the pictures of a run: grids of images, attention maps, the loss curve. PNG files,
 * written by temporary file and rename. */
#ifndef SAGAN_GAN_SAMPLE_PICTURES_H
#define SAGAN_GAN_SAMPLE_PICTURES_H

#include "gan/sample/sampler.h"

/* images [n,H,W,C] in [-1,1], C 1 or 3, row by row, `columns` per row, two pixels between them;
 * small images are enlarged by a whole factor. `heads`, a text of names (data/class_names.h), stands over the columns,
 * as far as there is room; NULL: nothing does. */
bool picture_grid(const char *path, const real *images, int64_t n, int h, int w, int c, int columns,
	const char *heads, fault *e);

/* A sheet: each row is a generated image (seed, row), then the image with a query pixel marked and
 * where that pixel looks laid over it in colour, for several queries. The last attention layer. */
bool picture_attention(const char *path, sampler *s, uint64_t seed, int rows, fault *e);

/* D and G loss and the outputs of D against the step, from a metrics.csv. */
bool picture_loss(const char *path, const char *metrics_csv, fault *e);

/* The score of every checkpoint against its step, on a logarithmic axis, from a scores.csv. */
bool picture_scores(const char *path, const char *scores_csv, fault *e);

#endif
