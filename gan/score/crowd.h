/* crowd.h - what is gathered of one set of images while it is read once: moments, features, classes. */
#ifndef SAGAN_GAN_SCORE_CROWD_H
#define SAGAN_GAN_SCORE_CROWD_H

#include "gan/score/frechet.h"
#include "gan/score/image_source.h"
#include "gan/score/lens.h"
#include "gan/score/points.h"

/* What of a set is wanted. */
typedef struct crowd_plan {
	int64_t images;                              /* so many of the set, from all over it, go through the lens */
	int64_t keep;                                /* features of so many of these are kept: 0 to images */
	int64_t pixels;                              /* so many of the set, from all over it, are kept small; 0: none */
	net_size small;                              /* so large */
	int classes;                                 /* of the classifier, or of the labels; 0: none */
	const int *as;                               /* borrow; the class that each label means; NULL: itself */
	bool by_class, probabilities;                /* moments of each class; probabilities of the kept ones */
	uint64_t seed;                               /* chooses all of these */
} crowd_plan;

typedef struct crowd {
	crowd_plan want;
	moments all;                                 /* own */
	moments *of_class;                           /* own, each and all; [classes], or NULL */
	points kept, small;                          /* own; [keep,D]; [pixels, small size * C] */
	real *p;                                     /* own; [keep,K] or NULL */
	int64_t *histogram;                          /* own; [classes]: what the lens sees, or else what labels say */
	int64_t right, labelled;                     /* of images with labels, the lens confirms so many */
	int64_t *looked, *shrunk;                    /* own; which of the set: [images], [pixels], ascending */
} crowd;

/* small [n, small size * C]: images lo to lo + n, averaged to crowd_plan.small. */
typedef bool (*crowd_batch)(void *ctx, int64_t lo, int64_t n, const real *small, fault *e);

/* Reads a set: want.images of it through the lens, want.pixels small; the first `all` images are given to `each` (may
 * be NULL). There are that many. progress as in evaluate.h. With other
 * processes (core/peers/peers.h) all call it, share the looking, and get the whole crowd.
 * Release with crowd_free in any case. */
typedef void (*progress_fn)(void *ctx, const char *what, int64_t done, int64_t of);
typedef struct crowd_reading {
	const char *what;                            /* "generated images" */
	int64_t all;
	crowd_batch each;
	void *each_ctx;
	progress_fn progress;
	void *progress_ctx;
} crowd_reading;
bool crowd_read(crowd *c, const crowd_plan *want, const image_source *from, lens *look, const crowd_reading *how,
	fault *e);
void crowd_free(crowd *c);

#endif
