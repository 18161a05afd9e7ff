/* peak.h - what one core can multiply and add at most, measured: the ruler for the speed of kernels and steps. */
#ifndef SAGAN_TOOLS_BENCH_PEAK_H
#define SAGAN_TOOLS_BENCH_PEAK_H

/* Operations per second of one core, in 1e9, a multiply-add being two: of the level in use (SAGAN_LEVEL), on registers
 * alone, the best of some tries. Takes a few milliseconds. */
double peak_gflops(void);

#endif
