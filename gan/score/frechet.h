/* frechet.h - how far two clouds of points are apart, seen as normal distributions.
 *
 * The Frechet distance of arXiv 1706.08500: |m1-m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)) with means m and
 * covariances S (divisor n-1), computed in double whatever the program computes in. It has the unit of
 * the features squared, and is biased: fewer points give larger values, so that numbers compare only
 * between equal counts. It works for fewer points than dimensions. */
#ifndef SAGAN_GAN_SCORE_FRECHET_H
#define SAGAN_GAN_SCORE_FRECHET_H

#include "gan/score/moments.h"

/* *distance between two clouds of equal d and at least two points each; never negative. Both are settled
 * (moments_settle) by it. False when a number is not finite or memory is out. */
bool frechet_distance(moments *a, moments *b, double *distance, fault *e);

#endif
