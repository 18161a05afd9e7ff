/* stopwatch.h - what the bench programs share: a clock, the time of one call, numbers to work on. */
#ifndef SAGAN_TESTS_STOPWATCH_H
#define SAGAN_TESTS_STOPWATCH_H

#include "core/base/base.h"

/* Starts the pool, and prints level, threads and peak; returns the peak of a core in GFLOP/s. With one thread the clock
 * is the processor's time for us: other programs may disturb, but are not counted. */
double stopwatch_start(int threads);

/* Seconds of fn(ctx): the median of `runs` (at most 16) after one that does not count, or the least of them with BEST
 * in the environment. */
double stopwatch_time(void (*fn)(const void *ctx), const void *ctx, int runs);

/* "  1.234 ms  56.7 ( 89%)" for so many operations in so many seconds, where `top` GFLOP/s are 100 %. */
void stopwatch_print(double flop, double seconds, double top);

/* Numbers in [-1,1), aligned; new/free. */
real *filled(int64_t n);

#endif
