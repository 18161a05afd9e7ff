/* clock.h - the clock of runs and benchmarks. */
#ifndef SAGAN_CORE_BASE_CLOCK_H
#define SAGAN_CORE_BASE_CLOCK_H

/* Seconds of a clock that only goes forward; differences mean something, values do not. */
double clock_s(void);

/* The median of x [n], n >= 1. Sorts x: x[0] is the least afterwards. */
double median(double *x, int n);
double mean(const double *x, int n);

#endif
