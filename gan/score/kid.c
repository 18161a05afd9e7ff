/* kid.c - products of a subset with a subset by BLAS, on one thread: the same bits for any number of ours. With other
 * processes all draw all subsets, and each computes the distances of its share. */
#include "gan/score/kid.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/kernels/blas.h"
#include "core/peers/peers.h"

mean_sd mean_sd_of(const double *x, int64_t n)
{
	mean_sd m = {0};
	for (int64_t i = 0; i < n; i++)
		m.mean += x[i] / (double)n;
	for (int64_t i = 0; i < n; i++)
		m.sd += (x[i] - m.mean) * (x[i] - m.mean) / (double)n;
	m.sd = sqrt(m.sd);
	return m;
}

/* What the kernel of two sets of m points is computed in. */
typedef struct kernel_room {
	double *x, *y;                               /* own; [m,d] */
	double *product;                             /* own; [m,m] */
} kernel_room;

static void kernel_room_free(kernel_room *r)
{
	free(r->x);
	free(r->y);
	free(r->product);
}

static bool kernel_room_init(kernel_room *r, int64_t m, int64_t d, fault *e)
{
	*r = (kernel_room){.x = mem_new((size_t)(m * d), sizeof *r->x, e)};
	r->y = r->x ? mem_new((size_t)(m * d), sizeof *r->y, e) : NULL;
	r->product = r->y ? mem_new((size_t)(m * m), sizeof *r->product, e) : NULL;
	return r->product != NULL && blas_ready(e);
}

/* The sum of the kernel over all pairs; of a set with itself without those of a point with itself. */
static double sum_of(const double *x, const double *y, int64_t m, int64_t d, double *product)
{
	double sum = 0;
	blas_pairs(m, m, d, x, y, product);
	for (int64_t i = 0; i < m; i++) {
		double row = 0;
		for (int64_t j = 0; j < m; j++) {
			const double k = product[i * m + j] / (double)d + 1;
			row += x == y && i == j ? 0 : k * k * k;
		}
		sum += row;
	}
	return sum;
}

bool kernel_distance(const points *x, const points *y, double *distance, fault *e)
{
	const int64_t m = x->n, d = x->d;
	kernel_room r;
	must(y->n == m && y->d == d && m >= 2, "kernel distance of %lld and %lld points", (long long)m,
	     (long long)y->n);
	const bool ok = kernel_room_init(&r, m, d, e);
	for (int64_t i = 0; ok && i < m * d; i++) {
		r.x[i] = (double)x->x[i];
		r.y[i] = (double)y->x[i];
	}
	if (ok) {
		const double xx = sum_of(r.x, r.x, m, d, r.product), yy = sum_of(r.y, r.y, m, d, r.product);
		const double xy = sum_of(r.x, r.y, m, d, r.product), n = (double)m;
		*distance = (xx + yy) / (n * (n - 1)) - 2 * xy / (n * n);
	}
	kernel_room_free(&r);
	return ok;
}

/* The first n of 0..among in random order, into order [among]: a shuffle that stops. */
static void draw(rng *r, int64_t *order, int64_t among, int64_t n)
{
	for (int64_t i = 0; i < among; i++)
		order[i] = i;
	for (int64_t i = 0; i < n; i++) {
		const int64_t j = i + rng_below(r, among - i), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

typedef struct subset {
	points x;                                    /* own */
	int64_t *order;                              /* own; [from->n] */
	rng r;
} subset;

static bool subset_init(subset *s, const points *from, int64_t size, uint64_t seed, const char *purpose, fault *e)
{
	*s = (subset){.r = rng_new(seed, purpose)};
	return points_init(&s->x, size, from->d, e)
		&& (s->order = mem_new((size_t)from->n, sizeof *s->order, e));
}

static void subset_free(subset *s)
{
	points_free(&s->x);
	free(s->order);
}

static void subset_draw(subset *s, const points *from)
{
	draw(&s->r, s->order, from->n, s->x.n);
	points_choose(from, s->order, &s->x);
}

bool kernel_distances(const points *x, const points *y, int64_t subsets, int64_t size, uint64_t seed, mean_sd *out,
	fault *e)
{
	must(subsets > 0 && size >= 2 && size <= MIN(x->n, y->n), "%lld subsets of %lld points", (long long)subsets,
	     (long long)size);
	subset a = {0}, b = {0};
	double *distance = mem_new((size_t)subsets, sizeof *distance, e);
	bool ok = distance && subset_init(&a, x, size, seed, "kid real", e)
		&& subset_init(&b, y, size, seed, "kid fake", e);
	int64_t lo, hi;
	peers_span(subsets, &lo, &hi);
	for (int64_t i = 0; ok && i < hi; i++) {
		subset_draw(&a, x);
		subset_draw(&b, y);
		ok = i < lo || kernel_distance(&a.x, &b.x, &distance[i], e);
	}
	ok = peers_agree(ok, e);
	if (ok) {
		peers_join(distance, subsets, sizeof *distance);
		*out = mean_sd_of(distance, subsets);
	}
	subset_free(&a);
	subset_free(&b);
	free(distance);
	return ok;
}
