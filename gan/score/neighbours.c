/* neighbours.c - one pass over all pairs for each question; what a row needs stays with the row.
 *
 * With other processes each has a share of the rows (points_pairs), and what was found of them is then everybody's. */
#include "gan/score/neighbours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/peers/peers.h"

enum { K_MAX = DENSITY_K };

/* ---- radii ---- */

/* Squared radii of the balls around every point. */
typedef struct radii {
	double *narrow, *wide;                       /* own; [n] each: to neighbour PRECISION_K, DENSITY_K */
	double *near;                                /* own; [n,K_MAX]: to the first neighbours, ascending */
} radii;

static void radii_free(radii *q)
{
	free(q->narrow);
	free(q->wide);
	free(q->near);
}

static void keep_nearest(void *ctx, int64_t i, int64_t lo, int64_t n, const double *square)
{
	const radii *q = ctx;
	double *r = q->near + i * K_MAX;
	for (int64_t j = 0; j < n; j++) {
		if (!(square[j] < r[K_MAX - 1]) || lo + j == i)
			continue;
		int k = K_MAX - 1;
		for (; k > 0 && r[k - 1] > square[j]; k--)
			r[k] = r[k - 1];
		r[k] = square[j];
	}
}

static bool radii_of(const points *x, radii *q, fault *e)
{
	const size_t n = (size_t)x->n;
	*q = (radii){0};
	const bool room = (q->narrow = mem_new(n, sizeof *q->narrow, e)) && (q->wide = mem_new(n, sizeof *q->wide, e))
		&& (q->near = mem_new(n * K_MAX, sizeof *q->near, e));
	for (size_t i = 0; room && i < n * K_MAX; i++)
		q->near[i] = INFINITY;
	if (!peers_agree(room && points_pairs(x, x, keep_nearest, q, e), e))
		return false;
	for (size_t i = 0; i < n; i++) {
		q->narrow[i] = q->near[i * K_MAX + PRECISION_K - 1];
		q->wide[i] = q->near[i * K_MAX + DENSITY_K - 1];
	}
	peers_join(q->narrow, x->n, sizeof *q->narrow);
	peers_join(q->wide, x->n, sizeof *q->wide);
	return true;
}

/* ---- who is in whose ball ---- */

/* Of every row: */
typedef struct found {
	const radii *of_rows, *of_columns;
	bool *in_some;                               /* own; [n]: in a narrow ball around some column, <= */
	bool *holds_some;                            /* own; [n]: some column is in the row's wide ball, < */
	int64_t *in_many;                            /* own; [n]: wide balls around columns that hold it, < */
} found;

static void look(void *ctx, int64_t i, int64_t lo, int64_t n, const double *square)
{
	found *f = ctx;
	const double *narrow = f->of_columns->narrow + lo, *wide = f->of_columns->wide + lo, own = f->of_rows->wide[i];
	int64_t within = 0, many = 0, holds = 0;     /* counted without a branch: most pairs are far apart */
	for (int64_t j = 0; j < n; j++) {
		within += square[j] <= narrow[j];
		many += square[j] < wide[j];
		holds += square[j] < own;
	}
	f->in_some[i] |= within > 0;
	f->in_many[i] += many;
	f->holds_some[i] |= holds > 0;
}

static void found_free(found *f)
{
	free(f->in_some);
	free(f->holds_some);
	free(f->in_many);
}

static bool find(const points *x, const radii *of_x, const points *y, const radii *of_y, found *f, fault *e)
{
	const size_t n = (size_t)x->n;
	*f = (found){.of_rows = of_x, .of_columns = of_y};
	f->in_some = mem_zero(n, sizeof *f->in_some, e);
	f->holds_some = f->in_some ? mem_zero(n, sizeof *f->holds_some, e) : NULL;
	f->in_many = f->holds_some ? mem_zero(n, sizeof *f->in_many, e) : NULL;
	if (!peers_agree(f->in_many && points_pairs(x, y, look, f, e), e))
		return false;
	peers_join(f->in_some, x->n, sizeof *f->in_some);
	peers_join(f->holds_some, x->n, sizeof *f->holds_some);
	peers_join(f->in_many, x->n, sizeof *f->in_many);
	return true;
}

static double share(const bool *is, int64_t n)
{
	int64_t sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += is[i];
	return (double)sum / (double)n;
}

static bool compare(const points *x, const points *y, const radii *of_x, const radii *of_y, manifold *m, fault *e)
{
	found fake = {0}, true_one = {0};
	const bool ok = find(y, of_y, x, of_x, &fake, e) && find(x, of_x, y, of_y, &true_one, e);
	if (ok) {
		int64_t balls = 0;
		for (int64_t i = 0; i < y->n; i++)
			balls += fake.in_many[i];
		*m = (manifold){share(fake.in_some, y->n), share(true_one.in_some, x->n),
			(double)balls / (double)(DENSITY_K * y->n), share(true_one.holds_some, x->n)};
	}
	found_free(&fake);
	found_free(&true_one);
	return ok;
}

bool manifold_compare(const points *real_ones, const points *fakes, manifold *m, fault *e)
{
	if (MIN(real_ones->n, fakes->n) <= DENSITY_K)
		return fault_set(e, "%lld images: precision and recall need %d or more",
			(long long)MIN(real_ones->n, fakes->n), DENSITY_K + 1);
	radii a, b = {0};
	const bool ok = radii_of(real_ones, &a, e) && radii_of(fakes, &b, e)
		&& compare(real_ones, fakes, &a, &b, m, e);
	radii_free(&a);
	radii_free(&b);
	return ok;
}

/* ---- copies ---- */

bool nearest_init(nearest *of, int64_t n, fault *e)
{
	*of = (nearest){.n = n, .which = mem_zero((size_t)n, sizeof *of->which, e)};
	of->distance = of->which ? mem_new((size_t)n, sizeof *of->distance, e) : NULL;
	for (int64_t i = 0; of->distance && i < n; i++)
		of->distance[i] = INFINITY;
	return of->distance != NULL;
}

void nearest_free(nearest *of)
{
	free(of->which);
	free(of->distance);
	*of = (nearest){0};
}

typedef struct portion {
	nearest *of;
	int64_t first;
} portion;

static void keep_first(void *ctx, int64_t i, int64_t lo, int64_t n, const double *square)
{
	const portion *p = ctx;
	double *best = &p->of->distance[i];
	for (int64_t j = 0; j < n; j++)
		if (square[j] < *best) {
			*best = square[j];
			p->of->which[i] = p->first + lo + j;
		}
}

bool nearest_among(nearest *of, const points *x, const points *among, int64_t first, fault *e)
{
	must(x->n == of->n, "the nearest of %lld points, not of %lld", (long long)of->n, (long long)x->n);
	return points_pairs(x, among, keep_first, &(portion){of, first}, e);
}

void nearest_end(nearest *of)
{
	peers_join(of->which, of->n, sizeof *of->which);
	peers_join(of->distance, of->n, sizeof *of->distance);
	for (int64_t i = 0; i < of->n; i++)
		of->distance[i] = sqrt(of->distance[i]);
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Of sorted x [n]: the value below which a share lies. */
static double percentile(const double *x, int64_t n, double part)
{
	const double at = part * (double)(n - 1);
	const int64_t i = (int64_t)at;
	return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

copies copies_of(double *fakes, int64_t n, double *tests, int64_t m)
{
	must(n > 0, "copies among %lld fakes", (long long)n);
	qsort(fakes, (size_t)n, sizeof *fakes, ascending);
	copies c = {.fakes = percentile(fakes, n, 0.5)};
	if (m == 0)
		return c;
	qsort(tests, (size_t)m, sizeof *tests, ascending);
	const double limit = percentile(tests, m, 0.01);
	c.tests = percentile(tests, m, 0.5);
	c.ratio = c.tests > 0 ? c.fakes / c.tests : c.fakes > 0 ? INFINITY : 1;
	int64_t near = 0;                            /* the same image is a copy, also where test images are some */
	while (near < n && (fakes[near] < limit || fakes[near] == 0))
		near++;
	c.near = (double)near / (double)n;
	return c;
}
