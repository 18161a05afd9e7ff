/* bench_conv.c - speed of the convolution kernels: GFLOP/s and percent of the FMA peak of a core.
 *
 * [SAGAN_LEVEL=LEVEL] bench_conv [THREADS [NAME-PART]]: one line per geometry, forward, dx, dw; medians, or the
 * best times with BEST in the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/local.h"
#include "core/kernels/conv.h"
#include "core/base/thread.h"
#include "tools/bench/peak.h"

typedef struct row {
	const char *name;
	conv_shape s;
} row;

static const row rows[] = {
	{"3x3 32x32 64", {64, 32, 32, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 16x16 64", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 8x8 64", {64, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 16x16 256", {16, 16, 16, 256, 16, 16, 256, 3, 3, 1, 1, 1, 1, 1}},
	{"4x4s2 32-16 64", {64, 32, 32, 64, 16, 16, 64, 4, 4, 2, 2, 1, 1, 1}},
	{"4x4s2 16-8 64", {64, 16, 16, 64, 8, 8, 64, 4, 4, 2, 2, 1, 1, 1}},
	{"4x4s2 8-4 64", {64, 8, 8, 64, 4, 4, 64, 4, 4, 2, 2, 1, 1, 1}},
	{"4x4s2 16-8 256", {16, 16, 16, 256, 8, 8, 256, 4, 4, 2, 2, 1, 1, 1}},
	{"1x1 32x32 64", {64, 32, 32, 64, 32, 32, 64, 1, 1, 1, 1, 0, 0, 1}},
	{"1x1 16x16 64-8", {64, 16, 16, 64, 16, 16, 8, 1, 1, 1, 1, 0, 0, 1}},
	{"3x3 32x32 64-3", {64, 32, 32, 64, 32, 32, 3, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 32x32 3-64", {64, 32, 32, 3, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 28x28 1-64", {64, 28, 28, 1, 28, 28, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 28x28 64-1", {64, 28, 28, 64, 28, 28, 1, 3, 3, 1, 1, 1, 1, 1}},
	{"4x4s2 32-16 3-64", {64, 32, 32, 3, 16, 16, 64, 4, 4, 2, 2, 1, 1, 1}},
	{"3x3 128x128 64 b1", {1, 128, 128, 64, 128, 128, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 7x7 64", {64, 7, 7, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 4x4 64", {64, 4, 4, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1}},
	{"3x3 16x16 dw64", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 64}},
	{"3x3 16x16 64 g4", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 4}},
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static real *filled(int64_t n)
{
	real *x = mem_aligned((size_t)n * sizeof(real), NULL);
	for (int64_t i = 0; i < n; i++)
		x[i] = (real)(rand() % 1000) / 1000 - (real)0.5;
	return x;
}

static double median_of(int kind, const tile_kernels *k, const conv_shape *s, real *x, real *w, real *y,
			void *scratch)
{
	enum { RUNS = 9 };
	double t[RUNS];
	for (int i = -1; i < RUNS; i++) {
		double start = now();
		if (kind == 0)
			conv_forward(k, s, x, w, (epilogue){0}, y, scratch);
		else if (kind == 1)
			conv_dx(k, s, y, w, x, scratch);
		else
			conv_dw(k, s, x, y, w, scratch);
		if (i >= 0)
			t[i] = now() - start;
	}
	qsort(t, RUNS, sizeof(t[0]), by_value);
	return getenv("BEST") ? t[0] : t[RUNS / 2];
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	const tile_kernels *k = tile_best();
	pool_start(threads, NULL);
	double top = peak_gflops();
	printf("%s, %d threads, peak of a core: %.0f GFLOP/s\n", level_name(level_now()), threads, top);
	printf("%-18s %7s %15s %15s %15s\n", "", "MFLOP", "forward", "dx", "dw");
	for (int i = 0; i < COUNT(rows); i++) {
		const conv_shape *s = &rows[i].s;
		if (argc > 2 && !strstr(rows[i].name, argv[2]))
			continue;
		real *x = filled(s->b * s->h * s->w * s->cin), *y = filled(s->b * s->ho * s->wo * s->cout);
		real *w = filled((int64_t)s->kh * s->kw * s->cin / s->groups * s->cout);
		size_t bytes = MAX(conv_forward_scratch(k, s), conv_dx_scratch(k, s));
		void *scratch = mem_aligned(MAX(bytes, conv_dw_scratch(k, s)), NULL);
		double flop = conv_shape_flop(s);
		printf("%-18s %7.0f", rows[i].name, flop * 1e-6);
		for (int kind = 0; kind < 3; kind++) {
			double rate = flop / median_of(kind, k, s, x, w, y, scratch) * 1e-9;
			printf("  %6.1f (%3.0f%%)", rate, 100 * rate / (top * threads));
		}
		printf("\n");
		free(scratch);
		free(w);
		free(y);
		free(x);
	}
	pool_stop();
	return 0;
}
