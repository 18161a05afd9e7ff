/* gradient.c - norms in a fixed order of adding, and passes over a block of gradients. */
#include "optim/gradient.h"

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/thread.h"

#include <math.h>

enum {
	LANES = 8,                                   /* partial sums per span: a fixed order that vectorises */
	BLOCK = 1 << 10,                             /* spans whose sums are kept at once */
};

/* ---- norm ---- */

static CLONES(square_sum, (double *sum, const real *x, int64_t n), (sum, x, n))
{
	double lane[LANES] = {0};
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] += (double)x[i + k] * (double)x[i + k];
	for (int k = 0; i + k < n; k++)
		lane[k] += (double)x[i + k] * (double)x[i + k];
	*sum = 0;
	for (int k = 0; k < LANES; k++)
		*sum += lane[k];
}

struct norm_job {
	const real *x;
	double *part;                                /* one per span */
};

static void norm_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct norm_job *j = ctx;
	square_sum(&j->part[lo / SPAN_GRAIN], j->x + lo, hi - lo);
}

double gradient_norm(const real *g, int64_t n)
{
	const int64_t most = (int64_t)BLOCK * SPAN_GRAIN;
	double part[BLOCK], sum = 0;
	for (int64_t at = 0; at < n; at += most) {
		int64_t size = MIN(n - at, most), spans = (size + SPAN_GRAIN - 1) / SPAN_GRAIN;
		struct norm_job j = {g + at, part};
		parallel_for(size, SPAN_GRAIN, norm_span, &j);
		for (int64_t k = 0; k < spans; k++)
			sum += part[k];
	}
	return sqrt(sum);
}

/* ---- element-wise ---- */

struct job {
	real *y;
	const real *x;
	real c;
};

static CLONES(scale_loop, (real *y, real c, int64_t n), (y, c, n))
{
	for (int64_t i = 0; i < n; i++)
		y[i] *= c;
}

static CLONES(add_loop, (real *restrict y, const real *restrict x, int64_t n), (y, x, n))
{
	for (int64_t i = 0; i < n; i++)
		y[i] += x[i];
}

static CLONES(clip_loop, (real *y, real c, int64_t n), (y, c, n))
{
	for (int64_t i = 0; i < n; i++)
		y[i] = y[i] > c ? c : y[i] < -c ? -c : y[i];
}

static void scale_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct job *j = ctx;
	scale_loop(j->y + lo, j->c, hi - lo);
}

static void add_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct job *j = ctx;
	add_loop(j->y + lo, j->x + lo, hi - lo);
}

static void clip_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct job *j = ctx;
	clip_loop(j->y + lo, j->c, hi - lo);
}

void gradient_scale(real *g, int64_t n, double c)
{
	struct job j = {g, NULL, (real)c};
	parallel_for(n, SPAN_GRAIN, scale_span, &j);
}

void gradient_add(real *sum, const real *g, int64_t n)
{
	struct job j = {sum, g, 0};
	parallel_for(n, SPAN_GRAIN, add_span, &j);
}

void gradient_clip_value(real *g, int64_t n, double limit)
{
	struct job j = {g, NULL, (real)limit};
	parallel_for(n, SPAN_GRAIN, clip_span, &j);
}

double gradient_clip_norm(real *g, int64_t n, double limit)
{
	double norm = gradient_norm(g, n);
	if (norm > limit && isfinite(norm))
		gradient_scale(g, n, limit / norm);
	return norm;
}
