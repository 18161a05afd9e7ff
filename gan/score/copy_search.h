/* copy_search.h - the training image that is nearest to each fake, and to each test image, while the training images
 * pass by.
 *
 * Images are compared as pixels, averaged to evaluation.copy_size: a classifier calls two images alike that are not
 * copies. Distances are Euclidean, of numbers in [-1,1]. A mirror image is another image. */
#ifndef SAGAN_GAN_SCORE_COPY_SEARCH_H
#define SAGAN_GAN_SCORE_COPY_SEARCH_H

#include "gan/score/crowd.h"
#include "gan/score/evaluate.h"

typedef struct copy_search {
	bool wanted;
	const crowd *fakes, *tests;                  /* borrow; what was kept small of them; tests may be empty */
	image_source train;
	points batch;                                /* own; training images that wait to be compared */
	int64_t waits, compared;                     /* how many wait; how many have been compared */
	nearest of_fakes, of_tests;                  /* own */
} copy_search;

/* keep: fakes, tests. Release with copy_search_free in any case. */
bool copy_search_begin(copy_search *s, const crowd *fakes, const crowd *tests, const image_source *train, fault *e);
/* A crowd_batch (crowd.h); ctx is a copy_search. */
bool copy_search_batch(void *ctx, int64_t lo, int64_t n, const real *small, fault *e);
/* What was found, into the fields of v that are about copies. With other processes each has searched for its share of
 * fakes and test images, and all call it. */
bool copy_search_end(copy_search *s, evaluation *v, fault *e);
/* The pairs of v as a picture: judged images above, the training image below each. Both are read again. */
bool copy_search_draw(const copy_search *s, const evaluation *v, const image_source *judged, const char *path,
	fault *e);
void copy_search_free(copy_search *s);

#endif
