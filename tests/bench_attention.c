/* bench_attention.c - speed of the attention kernels: GFLOP/s and percent of the FMA peak of a core.
 *
 * [SAGAN_LEVEL=LEVEL] bench_attention [THREADS [NAME-PART]]: one line per shape: forward, its derivatives, both, and
 * the derivatives of these; medians, or the best times with BEST in the environment; one thread: of processor time.
 * Rates are those of the definition: scores that are made again count once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/kernels/attention.h"
#include "tests/stopwatch.h"

typedef struct row {
	const char *name;
	attention_sizes s;
} row;

/* SAGAN's own shapes have d = C/8; keys pooled and values of C/2 as in the authors' code, or neither. */
static const row rows[] = {
	{"32x32 C 64 pooled", {.G = 16, .N = 1024, .M = 256, .d = 8, .c = 32, .scale = 1}},
	{"64x64 C 64 pooled", {.G = 4, .N = 4096, .M = 1024, .d = 8, .c = 32, .scale = 1}},
	{"64x64 C 128 pooled", {.G = 4, .N = 4096, .M = 1024, .d = 16, .c = 64, .scale = 1}},
	{"64x64 C 256 pooled", {.G = 2, .N = 4096, .M = 1024, .d = 32, .c = 128, .scale = 1}},
	{"64x64 C 64", {.G = 2, .N = 4096, .M = 4096, .d = 8, .c = 64, .scale = 1}},
	{"64x64 C 128", {.G = 1, .N = 4096, .M = 4096, .d = 16, .c = 128, .scale = 1}},
	{"128x128 C 64 pooled", {.G = 1, .N = 16384, .M = 4096, .d = 8, .c = 32, .scale = 1}},
	{"128x128 C 64", {.G = 1, .N = 16384, .M = 16384, .d = 8, .c = 64, .scale = 1}},
	{"mhsa 224, 4 heads", {.G = 64, .N = 224, .M = 224, .d = 32, .c = 32, .rows = 14, .cols = 16, .scale = 1}},
	{"1024 x 1024, d = c = 64", {.G = 4, .N = 1024, .M = 1024, .d = 64, .c = 64, .scale = (real)0.125}},
};

enum { FORWARD, GRADIENT, SECOND, PASSES };

typedef struct arrays {
	attention_in in;
	attention_out out;
	real *o, *lse;
	void *scratch;
} arrays;

typedef struct job {
	int pass;
	const attention_sizes *s;
	const arrays *a;
} job;

static void run(const void *ctx)
{
	const job *j = ctx;
	if (j->pass == FORWARD)
		attention_forward(j->s, &j->a->in, j->a->o, j->a->lse, j->a->scratch);
	else if (j->pass == GRADIENT)
		attention_gradient(j->s, &j->a->in, j->a->out, j->a->scratch);
	else
		attention_second(j->s, &j->a->in, j->a->out, j->a->scratch);
}

/* Operations of a pass by its definition: two for each term of O, twice as many for the derivatives. */
static double flop_of(int pass, const attention_sizes *s)
{
	static const double scores[PASSES] = {1, 2, 6}, values[PASSES] = {1, 2, 4};
	const double pairs = 2.0 * (double)s->G * (double)s->N * (double)s->M;
	return pairs * (scores[pass] * (double)s->d + values[pass] * (double)s->c);
}

static size_t scratch_bytes(const attention_sizes *s)
{
	const size_t first = MAX(attention_forward_scratch(s), attention_gradient_scratch(s));
	return MAX(first, attention_second_scratch(s));
}

static void line(const row *r, double top)
{
	const attention_sizes *s = &r->s;
	const int64_t q = s->G * s->N * (s->d + s->rows + s->cols), k = s->G * s->M * s->d, v = s->G * s->M * s->c;
	const int64_t o = s->G * s->N * s->c, n = s->G * s->N;
	const attention_in in = {filled(q), filled(k), filled(v), filled(o), filled(n), filled(n), filled(q), filled(k),
				 filled(v)};
	const attention_out out = {filled(q), filled(k), filled(v), filled(o), filled(n), filled(n)};
	/* lse is what the forward pass says, so that the derivatives meet probabilities. */
	const arrays a = {in, out, filled(o), (real *)in.lse, mem_aligned(scratch_bytes(s), NULL)};
	double wall[PASSES];
	printf("%-24s %2lld x %5lld x %5lld, %2lld, %3lld", r->name, (long long)s->G, (long long)s->N, (long long)s->M,
		(long long)s->d, (long long)s->c);
	for (int pass = 0; pass < PASSES; pass++) {
		wall[pass] = stopwatch_time(run, &(job){pass, s, &a}, 7);
		stopwatch_print(flop_of(pass, s), wall[pass], top);
		if (pass == GRADIENT)
			stopwatch_print(flop_of(FORWARD, s) + flop_of(pass, s), wall[FORWARD] + wall[pass], top);
	}
	printf("\n");
	const void *all[] = {in.q, in.k, in.v, in.dy, in.lse, in.delta, in.a, in.b, in.e,
			     out.q, out.k, out.v, out.dy, out.lse, out.delta, a.o, a.scratch};
	for (int i = 0; i < COUNT(all); i++)
		free((void *)all[i]);
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	const double top = stopwatch_start(threads);
	printf("%-24s %-27s %25s %26s %26s %26s\n", "", "samples x N x M, d, c", "forward", "derivatives", "both",
		"of derivatives");
	for (int i = 0; i < COUNT(rows); i++)
		if (argc <= 2 || strstr(rows[i].name, argv[2]))
			line(&rows[i], top * threads);
	pool_stop();
	return 0;
}
