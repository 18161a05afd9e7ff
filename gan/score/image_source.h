/* image_source.h - images that can be read again, a few at a time: of a generator, of a data set. */
#ifndef SAGAN_GAN_SCORE_IMAGE_SOURCE_H
#define SAGAN_GAN_SCORE_IMAGE_SOURCE_H

#include "data/dataset.h"
#include "gan/nets/networks.h"
#include "gan/sample/request.h"

/* Images of one read, and of one pass of a generator: with ema.bn_mode = batch they depend on it. */
enum { SOURCE_BATCH = SAMPLER_BATCH };

typedef struct image_source {
	int64_t n;                                   /* how many there are */
	net_size size;
	int channels;
	int classes;                                 /* 0: no labels */
	const char *class_names;                     /* keep; a text of names (data/class_names.h); "", NULL: numbers */
	/* Images lo to lo + n as x [n,H,W,C] in [-1,1], each number that of a byte; label [n], where there are any. lo
	 * is a multiple of SOURCE_BATCH, n at most SOURCE_BATCH. */
	bool (*read)(void *ctx, int64_t lo, int64_t n, real *x, int *label, fault *e);
	void *ctx;
} image_source;

/* keep: d. */
image_source source_of_data(dataset *d);

/* Some of a set's images, in their order. */
typedef struct data_part {
	const dataset *d;                            /* keep */
	const int64_t *which;                        /* keep; [n] numbers of images, ascending */
	int64_t n;
} data_part;
/* keep: p. */
image_source source_of_part(data_part *p);

/* The images that `sagan sample` draws: number k from latent k of the seed, of class k mod K. They are rounded to
 * bytes, as a picture in a file would be: a folder of these pictures has the same scores. new/free. NULL with e set: no
 * memory. keep: s. */
typedef struct drawn drawn;
drawn *drawn_new(sampler *s, const sample_request *q, fault *e);
void drawn_free(drawn *d);
image_source source_of_drawn(drawn *d);

#endif
