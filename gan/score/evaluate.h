/* evaluate.h - everything that is known about images: how good, how varied, whether copied (docs/evaluation.md).
 *
 * Two sets are compared: the images that are judged, and one part of the real ones, train or test; the other part gives
 * the floor and the comparison for copies. Each set is read once, in portions; of the real ones only as many features
 * are kept as of the judged ones. */
#ifndef SAGAN_GAN_SCORE_EVALUATE_H
#define SAGAN_GAN_SCORE_EVALUATE_H

#include "gan/score/classes.h"
#include "gan/score/image_source.h"
#include "gan/score/lens.h"
#include "gan/score/neighbours.h"

/* Classes are the same where they have the same names, in any order; where a side has none, the same numbers. */
typedef struct evaluate_task {
	image_source fakes;                          /* what is judged; at least two images */
	const image_source *train, *test;            /* borrow; one of them may be NULL */
	enum data_split split;                       /* which one is compared with; it is not NULL */
	lens *look;                                  /* borrow; of images of this size */
	bool even;                                   /* classes of the real data are equally frequent (StackedMNIST) */
	uint64_t seed;                               /* of subsets, splits and orders */
	const char *pairs;                           /* NULL, or the PNG of the ten closest pairs; one that cannot be
	                                              * written costs no result: evaluation.no_picture */
	void *ctx;
	/* How far a piece of work is; called often. May be NULL. */
	void (*progress)(void *ctx, const char *what, int64_t done, int64_t of);
} evaluate_task;

/* Images of each kind that are compared pixel by pixel for copies, averaged to COPY_SIDE_MAX pixels a side. */
enum { COPIES_MAX = 2000, COPY_SIDE_MAX = 16, PAIRS = 10 };

/* What was found; what could not be asked is absent (has_.. false, NULL). */
typedef struct evaluation {
	int64_t fakes, reals, kept;                  /* images judged; compared with; of each in measures of points */
	int64_t features;                            /* D */
	double fid;
	bool has_floor;
	double floor;                                /* the same of the other part of the real data */
	int64_t floor_n;                             /* of so many images */
	bool has_kid;
	mean_sd kid;
	int64_t kid_size;                            /* images of a subset */
	bool has_manifold;
	manifold points;
	bool has_is;
	mean_sd is, is_whole;                        /* of ten splits; of one */
	mean_sd real_is;                             /* of the `kept` real images, ten splits: what a classifier that is
	                                              * never sure allows; NAN: of fewer images than splits */
	int classes;                                 /* 0: neither labels nor a classifier */
	int64_t *histogram, *real_histogram;         /* own; [classes]: what a classifier sees, else labels say */
	int modes;                                   /* classes seen */
	double kl;                                   /* of the histogram from the real data's shares */
	bool has_right;
	double right, real_right;                    /* labels of fakes, of real images, that the classifier confirms */
	double *class_fid;                           /* own; [classes], NAN where a class has less than two; or NULL */
	int64_t *class_n;                            /* own; [2,classes]: judged, real images of each; with class_fid */
	bool by_label;                               /* these judged images have labels, which say the class */
	double class_fid_mean;                       /* of those that have one */
	fault no_labels;                             /* why the judged images' labels are not used; "": they are, or
	                                              * there are none */
	fault no_picture;                            /* why the pairs are not drawn; "": they are, or nobody asked */
	bool has_copies, has_test;
	net_size copy_size;
	int64_t copy_fakes, copy_tests, copy_train;  /* images compared */
	copies copied;                               /* without test images only .fakes */
	struct pair {
		int64_t fake, train;                 /* numbers of the images */
		double distance;
	} pair[PAIRS];                               /* the closest first */
	int pairs;
} evaluation;

/* False with e set: sets of other sizes, a feature that is not finite, no memory.
 * Release with evaluation_free in any case. The same bits for any number of threads, and of processes
 * (core/peers/peers.h), which all call it with the same task and all get the result; rank 0 draws the pairs. */
bool evaluate(const evaluate_task *t, evaluation *out, fault *e);
void evaluation_free(evaluation *v);

#endif
