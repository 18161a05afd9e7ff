/* import_sigma.c - vectors of spectral norm for kernels that come from elsewhere. All sums in double. */
#include "core/base/local.h"
#include "gan/keras/import/import_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/plan.h"
#include "core/base/rng.h"

enum { ITERATIONS = 500, TRIES = 400 };

/* Norms as near as this are corrected by the length of u. */
static const double NEAR = 1e-6;

/* W as a matrix [rows, cols] whose product with u is wanted: stored so, or transposed. */
typedef struct matrix {
	const real *x;
	int64_t rows, cols, row_step, col_step;
} matrix;

static matrix matrix_of(const buffer *w, bool by_rows)
{
	const int64_t out = shape_last(&w->s), in = shape_count(&w->s) / out;
	if (by_rows)
		return (matrix){w->x, out, in, 1, out};
	return (matrix){w->x, in, out, out, 1};
}

/* y [rows] = A x */
static void times(const matrix *a, const double *x, double *y)
{
	memset(y, 0, (size_t)a->rows * sizeof *y);
	for (int64_t i = 0; i < a->rows; i++)
		for (int64_t j = 0; j < a->cols; j++)
			y[i] += (double)a->x[i * a->row_step + j * a->col_step] * x[j];
}

/* x [cols] = A' y */
static void transposed_times(const matrix *a, const double *y, double *x)
{
	memset(x, 0, (size_t)a->cols * sizeof *x);
	for (int64_t i = 0; i < a->rows; i++)
		for (int64_t j = 0; j < a->cols; j++)
			x[j] += (double)a->x[i * a->row_step + j * a->col_step] * y[i];
}

static double norm(const double *x, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum);
}

static void scale(double *x, int64_t n, double by)
{
	for (int64_t i = 0; i < n; i++)
		x[i] *= by;
}

buffer *sigma_vector(const module *m, const buffer *w, bool *by_rows)
{
	if (w->s.rank < 2)
		return NULL;
	const int64_t out = shape_last(&w->s), rows = shape_count(&w->s) / out;
	buffer *u = module_beside(m, w, STATE_SN_ROW_VECTOR);
	*by_rows = u != NULL;
	if (!u)
		u = module_beside(m, w, STATE_SN_VECTOR);
	return u && shape_count(&u->s) == (*by_rows ? rows : out) ? u : NULL;
}

double sigma_estimate(const buffer *w, const buffer *u, bool by_rows)
{
	const matrix a = matrix_of(w, by_rows);
	double sum = 0;
	for (int64_t i = 0; i < a.rows; i++) {
		double y = 0;
		for (int64_t j = 0; j < a.cols; j++)
			y += (double)a.x[i * a.row_step + j * a.col_step] * (double)u->x[j];
		sum += y * y;
	}
	return sqrt(sum);
}

/* Power iteration on A'A, or with `below` > 0 on below^2 - A'A, which finds the smallest singular value instead.
 * Returns |A x|; x [cols] is the unit vector found. */
static double iterate(const matrix *a, double *x, double *y, double *t, double below)
{
	double last = -1, now = 0;
	for (int i = 0; i < ITERATIONS; i++) {
		times(a, x, y);
		now = norm(y, a->rows);
		if (fabs(now - last) <= 1e-11 * now && i > 10)
			break;
		last = now;
		transposed_times(a, y, t);
		for (int64_t j = 0; below > 0 && j < a->cols; j++)
			t[j] = below * below * x[j] - t[j];
		const double length = norm(t, a->cols);
		if (!(length > 1e-200))
			break;
		for (int64_t j = 0; j < a->cols; j++)
			x[j] = t[j] / length;
	}
	return now;
}

/* A unit vector with components along everything. */
static void start(double *x, int64_t n)
{
	rng r = rng_new(0, "import");
	for (int64_t i = 0; i < n; i++)
		x[i] = rng_normal(&r);
	scale(x, n, 1 / norm(x, n));
}

/* x times `by`, rounded. */
static void store(const double *x, double by, buffer *u)
{
	for (int64_t i = 0; i < shape_count(&u->s); i++)
		u->x[i] = (real)(by * x[i]);
}

double sigma_top(const buffer *w, buffer *u, bool by_rows, fault *e)
{
	const matrix a = matrix_of(w, by_rows);
	double *x = mem_new((size_t)(2 * a.cols + a.rows), sizeof *x, e);
	if (!x)
		return -1;
	start(x, a.cols);
	const double top = iterate(&a, x, x + 2 * a.cols, x + a.cols, 0);
	if (top > 0)
		store(x, 1, u);
	free(x);
	return top;
}

/* The layer's own sigma, as the network computes it. */
typedef struct sigma_plan {
	graph *g;
	plan *p;
	node *y;
} sigma_plan;

static bool sigma_plan_new(sigma_plan *s, const buffer *w, buffer *u, bool by_rows, fault *e)
{
	union {                                      /* leaves are read only here */
		const buffer *in;
		buffer *out;
	} leaf = {w};
	const spectral_norm sn = {.u = u, .opt = {.on = true, .iterations = 1, .eps = 1e-6}, .by_rows = by_rows};
	*s = (sigma_plan){.g = graph_new(e)};
	if (!s->g)
		return false;
	graph_rewrite(s->g, false);
	s->y = spectral_norm_sigma(s->g, &sn, graph_leaf(s->g, leaf.out), (mode){0});
	s->p = plan_new(s->g, &s->y, 1, 0, e);
	return s->p != NULL;
}

static void sigma_plan_free(sigma_plan *s)
{
	plan_free(s->p);
	graph_free(s->g);
}

static double sigma_now(sigma_plan *s)
{
	plan_run(s->p);
	return (double)plan_value(s->p, s->y)[0];
}

/* x = cos(t) hi + sin(t) lo, of length 1 */
static void between(const double *hi, const double *lo, double t, double *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = cos(t) * hi[i] + sin(t) * lo[i];
	scale(x, n, 1 / norm(x, n));
}

/* The angle between hi (|A hi| >= want) and lo (|A lo| <= want) where |A x| = want, by halving. */
static double angle(const matrix *a, const double *hi, const double *lo, double want, double *x, double *y)
{
	double from = 0, to = acos(-1) / 2;
	for (int i = 0; i < 60; i++) {
		const double t = (from + to) / 2;
		between(hi, lo, t, x, a->cols);
		times(a, x, y);
		*(norm(y, a->rows) > want ? &from : &to) = t;
	}
	return (from + to) / 2;
}

/* Lengths around 1 until rounding does the rest; u keeps the nearest. A sampler takes them for 1. */
static bool search(sigma_plan *s, const double *x, double want, buffer *u, bool *exact, fault *e)
{
	const int64_t n = shape_count(&u->s);
	const double step = sizeof(real) == 4 ? 1.5e-8 : 3e-17;
	real *best = mem_new((size_t)n, sizeof *best, e);
	double nearest = INFINITY;
	store(x, 1, u);
	const double length = want / sigma_now(s);   /* 1, but for NEAR */
	for (int k = 0; best && nearest > 0 && k < TRIES; k++) {
		store(x, length + (k % 2 ? -1 : 1) * ((k + 1) / 2) * step, u);
		const double off = fabs(sigma_now(s) - want);
		if (off < nearest) {
			nearest = off;
			memcpy(best, u->x, (size_t)n * sizeof *best);
		}
	}
	if (best)
		buffer_write(u, best);
	*exact = nearest == 0;
	free(best);
	return best != NULL;
}

/* lo [cols]: a unit vector at a right angle to hi with |A lo| <= want, or the one of the smallest singular value that
 * is found. Returns |A lo|. */
static double find_low(const matrix *a, const double *hi, double top, double want, double *lo, double *t, double *y)
{
	double low = INFINITY;
	start(lo, a->cols);
	for (int round = 0; round < 2 && low > want; round++) {
		if (round)                           /* a random direction is rarely that high */
			iterate(a, lo, y, t, top);
		double along = 0;
		for (int64_t j = 0; j < a->cols; j++)
			along += hi[j] * lo[j];
		for (int64_t j = 0; j < a->cols; j++)
			lo[j] -= along * hi[j];
		const double length = norm(lo, a->cols);
		if (!(length > 1e-6))
			return INFINITY;
		scale(lo, a->cols, 1 / length);
		times(a, lo, y);
		low = norm(y, a->rows);
	}
	return low;
}

bool sigma_set(const buffer *w, buffer *u, bool by_rows, double top, double want, bool *exact, fault *e)
{
	const matrix a = matrix_of(w, by_rows);
	double *hi = mem_new((size_t)(4 * a.cols + a.rows), sizeof *hi, e);
	sigma_plan s = {0};
	bool ok = hi && sigma_plan_new(&s, w, u, by_rows, e);
	*exact = false;
	if (ok) {
		double *lo = hi + a.cols, *x = lo + a.cols, *t = x + a.cols, *y = t + a.cols;
		for (int64_t j = 0; j < a.cols; j++)
			hi[j] = x[j] = (double)u->x[j];
		const bool near_top = fabs(top - want) <= NEAR * want;
		const double low = near_top || top < want ? INFINITY : find_low(&a, hi, top, want, lo, t, y);
		if (low <= want)
			between(hi, lo, angle(&a, hi, lo, want, x, y), x, a.cols);
		if (low <= want || near_top)
			ok = search(&s, x, want, u, exact, e);
	}
	sigma_plan_free(&s);
	free(hi);
	return ok;
}
