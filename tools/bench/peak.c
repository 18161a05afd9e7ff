/* peak.c - a stopwatch around multiply-adds that wait for nothing. */
#include "tools/bench/peak.h"

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/kernels/tile.h"

/* A try of 0.1 to 0.3 ms is seldom interrupted, and long beside the clock's steps. */
enum { TRIES = 40, ROUNDS = 1 << 16 };

double peak_gflops(void)
{
	const tile_kernels *k = tile_best();
	double best = 0;
	real keep;
	for (int i = 0; i < TRIES; i++) {
		const double start = clock_s(), flop = k->spin(ROUNDS, &keep), rate = flop / (clock_s() - start);
		best = MAX(best, rate);
	}
	return best / 1e9;
}
