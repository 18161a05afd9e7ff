/* points.h - features of many images, kept: for measures that compare points with points. */
#ifndef SAGAN_GAN_SCORE_POINTS_H
#define SAGAN_GAN_SCORE_POINTS_H

#include "core/base/base.h"

typedef struct points {
	int64_t n, d;                                /* points, numbers of each */
	real *x;                                     /* own; [n,d] */
} points;

/* Room for n points of d numbers, which are not set. False with e set: no memory. */
bool points_init(points *p, int64_t n, int64_t d, fault *e);
void points_free(points *p);                         /* leaves p empty; all zero allowed */

/* The points with these numbers, in this order: to->n of them, into `to`, which has room. */
void points_choose(const points *from, const int64_t *which, points *to);

/* Row i of the table of all pairs, its columns lo to lo + n: squared distances [n]. Called for columns in ascending
 * order, rows of different chunks at the same time. */
typedef void (*pair_fn)(void *ctx, int64_t i, int64_t lo, int64_t n, const double *square);

/* The squared distance of every point of x (rows) and every one of y (columns), in double, on the pool. The table is
 * never kept, so memory does not grow with it. Differences are taken, not |x|^2 + |y|^2 - 2 x y': equal points are at
 * distance 0 exactly, and from x to y it is as far as from y to x. The same bits for any number of threads and any
 * level. With other processes only the rows of this one's share (peers_span of x->n): the caller hands out what it made
 * of them. False with e set: no memory. */
bool points_pairs(const points *x, const points *y, pair_fn fn, void *ctx, fault *e);

#endif
