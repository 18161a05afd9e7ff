/* spread.h - how much the points of each class differ from each other.
 *
 * The spread of a class is the root of the mean squared distance of two of its points, drawn apart: sqrt(2 times the
 * sum of the variances, divisor n-1). It needs no pairs: sums and sums of squares are enough. */
#ifndef SAGAN_GAN_SCORE_SPREAD_H
#define SAGAN_GAN_SCORE_SPREAD_H

#include "core/base/base.h"

typedef struct class_spread {
	int classes;
	int64_t d;                                   /* numbers of a point */
	int64_t *n;                                  /* own; [classes]: points so far */
	double *mean;                                /* own; [classes,d] */
	double *square;                              /* own; [classes]: sum of squared distances from the mean */
} class_spread;

bool class_spread_init(class_spread *s, int classes, int64_t d, fault *e);   /* no points yet */
void class_spread_free(class_spread *s);             /* leaves s empty; all zero allowed */
void class_spread_add(class_spread *s, int class, const double *x);          /* a point x [d] of a class */

/* Of class k; -1 with fewer than two points. */
double class_spread_of(const class_spread *s, int k);

/* The spreads in `fake` as shares of those in `data`: their mean, and the lowest with its class. False when no class
 * can be compared (two points at least in both, and points of the data that differ). */
bool class_spread_compare(const class_spread *data, const class_spread *fake, double *mean, double *lowest, int *class);

#endif
