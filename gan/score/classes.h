/* classes.h - what a classifier's answers say of a set of images: score, histogram, modes.
 *
 * The Inception score, arXiv 1606.03498: exp(mean_i KL(p(.|x_i) || mean_j p(.|x_j))) of the probabilities p [n,K] of
 * each of some splits, and mean and deviation (divisor: the number of splits) over these. Splits are cut from a random
 * order; split i of s has the images from i n / s to (i + 1) n / s, rounded down (torch-fidelity 0.4.0, metric_isc.py).
 * It knows no real images: of the classes alone it says whether they are clear and all there.
 *
 * Modes: classes that at least one image is of. KL: sum over classes of q log(q / p) with shares q of the images and p
 * of the real data (of StackedMNIST 1/1000 each: arXiv 1611.02163 and 1712.04086 count both over 26,000 images). */
#ifndef SAGAN_GAN_SCORE_CLASSES_H
#define SAGAN_GAN_SCORE_CLASSES_H

#include "gan/score/kid.h"

enum { INCEPTION_SPLITS = 10 };

/* p [n,K], rows that sum to 1, against their mean; n >= 1. */
double inception_score(const real *p, const int64_t *rows, int64_t n, int K, double *mean);
/* Of all splits, in an order of the seed; splits is 1 to n. False with e set: no memory. */
bool inception_scores(const real *p, int64_t n, int K, int64_t splits, uint64_t seed, mean_sd *out, fault *e);

/* The class of the largest of p [K], the first one of equals. */
int class_of(const real *p, int K);

/* Classes of fakes [K] that have images. */
int modes_of(const int64_t *fakes, int K);
/* KL of the shares in fakes [K] from those in real_ones [K], or from equal shares where that is NULL; INFINITY where
 * fakes have a class that the real data have not. Both have images. */
double histogram_kl(const int64_t *fakes, const int64_t *real_ones, int K);

#endif
