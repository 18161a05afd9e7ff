/* kid.h - the kernel distance of two sets of features, arXiv 1801.01401.
 *
 * The kernel is k(x, y) = (x.y / d + 1)^3; the distance of two sets of m points each is the unbiased estimate of the
 * squared maximum mean discrepancy,
 *     (sum_{i != j} k(x_i, x_j) + sum_{i != j} k(y_i, y_j)) / (m (m - 1)) - 2 / m^2 sum_{i, j} k(x_i, y_j).
 * Unlike the Frechet distance its mean does not depend on the number of images; it may be negative. It is computed on
 * subsets that are drawn without replacement, anew each time; mean and deviation (divisor: the number of subsets) are
 * over these, as torch-fidelity 0.4.0 does (metric_kid.py). */
#ifndef SAGAN_GAN_SCORE_KID_H
#define SAGAN_GAN_SCORE_KID_H

#include "gan/score/points.h"

enum { KID_SUBSETS = 100, KID_SIZE = 1000 };

typedef struct mean_sd {
	double mean, sd;
} mean_sd;

/* Mean and deviation (divisor n) of x [n]. */
mean_sd mean_sd_of(const double *x, int64_t n);

/* *distance of two whole sets of the same number of points, at least two. False with e set: no memory. */
bool kernel_distance(const points *x, const points *y, double *distance, fault *e);

/* Over `subsets` subsets of `size` points of each, chosen by the seed. `size` is 2 to the smaller set. With other
 * processes (core/peers/peers.h) all call it, and share the work. */
bool kernel_distances(const points *x, const points *y, int64_t subsets, int64_t size, uint64_t seed, mean_sd *out,
	fault *e);

#endif
