/* moments.h - mean and covariance of points, gathered as they come: memory does not grow with their number. */
#ifndef SAGAN_GAN_SCORE_MOMENTS_H
#define SAGAN_GAN_SCORE_MOMENTS_H

#include "core/base/base.h"

typedef struct moments {
	int64_t d, n;                                /* numbers of a point; points so far */
	double *mean;                                /* own; [d] */
	double *scatter;                             /* own; [d,d]: sum of (x-mean)(x-mean)'; j <= i only */
	double *held;                                /* own; points that are not in mean and scatter yet */
	int64_t holds;                               /* how many */
} moments;

bool moments_init(moments *m, int64_t d, fault *e);  /* no points yet; d at most BLAS_SIDE_MAX (blas.h) */
void moments_free(moments *m);                       /* leaves m empty; all zero allowed */

/* Points x [n,d]. The result does not depend on how many come at once. */
void moments_add(moments *m, const double *x, int64_t n);
void moments_add_real(moments *m, const real *x, int64_t n);

/* All points so far go into mean and scatter: to be called before those are read. */
void moments_settle(moments *m);

/* Whether mean and scatter, settled, are finite. */
bool moments_finite(const moments *m);

/* The covariance s [d,d], divisor n-1, both halves; of at least two points, settled. */
void moments_covariance(const moments *m, double *s);

#endif
