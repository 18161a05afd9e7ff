/* histogram.h - how numbers are spread: counts in bins of one width, and their sums. */
#ifndef SAGAN_GAN_LOG_HISTOGRAM_H
#define SAGAN_GAN_LOG_HISTOGRAM_H

#include "core/base/base.h"

enum { HISTOGRAM_BINS = 30 };                        /* what TensorBoard shows of one: more would be added up there */

typedef struct histogram {
	double min, max, num, sum, sum_squares;
	int bins;                                    /* 1 where all numbers are the same */
	double limit[HISTOGRAM_BINS];                /* the upper end of each bin */
	double count[HISTOGRAM_BINS];
} histogram;

/* Of x [n]; numbers that are not finite are left out. num is 0, and there is no bin, where none is left. */
histogram histogram_of(const real *x, int64_t n);

#endif
