#include "tests/stopwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/level.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "tools/bench/peak.h"

static clockid_t ruler = CLOCK_MONOTONIC;

static double now(void)
{
	struct timespec t;
	clock_gettime(ruler, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double stopwatch_start(int threads)
{
	pool_start(threads, NULL);
	ruler = threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
	const double peak = peak_gflops();
	printf("%s, %d threads, peak of a core: %.0f GFLOP/s\n", level_name(level_now()), threads, peak);
	return peak;
}

double stopwatch_time(void (*fn)(const void *ctx), const void *ctx, int runs)
{
	double t[16];
	must(runs <= COUNT(t), "%d runs", runs);
	for (int i = -1; i < runs; i++) {
		const double start = now();
		fn(ctx);
		if (i >= 0)
			t[i] = now() - start;
	}
	const double middle = median(t, runs);
	return getenv("BEST") ? t[0] : middle;
}

void stopwatch_print(double flop, double seconds, double top)
{
	const double rate = flop / seconds * 1e-9;
	printf("  %8.3f ms %6.1f (%3.0f%%)", seconds * 1e3, rate, 100 * rate / top);
}

real *filled(int64_t n)
{
	real *x = mem_aligned((size_t)n * sizeof(real), NULL);
	for (int64_t i = 0; i < n; i++)
		x[i] = (real)(rand() % 1000) / 500 - (real)1;
	return x;
}
