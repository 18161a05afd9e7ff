/* points.c - tiles of 4 rows by 8 columns in registers: numbers of a column's 8 points lie side by side. */
#include "gan/score/points.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/peers/peers.h"

enum { ROWS = 4, LANES = 8, PANELS = 8, COLUMNS = LANES * PANELS, CHUNK = 64 };

bool points_init(points *p, int64_t n, int64_t d, fault *e)
{
	*p = (points){.n = n, .d = d};
	if (d && (uint64_t)n > SIZE_MAX / sizeof *p->x / (uint64_t)d)
		return fault_set(e, "%lld points of %lld numbers: out of memory", (long long)n, (long long)d);
	p->x = mem_new((size_t)(n * d), sizeof *p->x, e);
	return p->x != NULL;
}

void points_free(points *p)
{
	free(p->x);
	*p = (points){0};
}

void points_choose(const points *from, const int64_t *which, points *to)
{
	for (int64_t i = 0; i < to->n; i++)
		memcpy(to->x + i * to->d, from->x + which[i] * from->d, (size_t)from->d * sizeof *to->x);
}

/* ---- tiles ---- */

/* Half of a column's points: eight sums of four numbers and what they are made of fit into the 16 registers of v3. */
typedef double lane __attribute__((vector_size(LANES / 2 * sizeof(double))));

/* x [4,d] against y [d,8] -> s [4,8], sums over d in order. */
static CLONES(squares, (const double *x, int64_t d, const lane *y, lane *s), (x, d, y, s))
{
	const double *x1 = x + d, *x2 = x1 + d, *x3 = x2 + d;
	lane a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, f0 = {0}, f1 = {0};
	for (int64_t k = 0; k < d; k++) {
		const lane u = y[2 * k], v = y[2 * k + 1];
		a0 += (u - x[k]) * (u - x[k]);
		a1 += (v - x[k]) * (v - x[k]);
		b0 += (u - x1[k]) * (u - x1[k]);
		b1 += (v - x1[k]) * (v - x1[k]);
		c0 += (u - x2[k]) * (u - x2[k]);
		c1 += (v - x2[k]) * (v - x2[k]);
		f0 += (u - x3[k]) * (u - x3[k]);
		f1 += (v - x3[k]) * (v - x3[k]);
	}
	const lane all[2 * ROWS] = {a0, a1, b0, b1, c0, c1, f0, f1};
	for (int i = 0; i < 2 * ROWS; i++)
		s[i] = all[i];
}

/* ---- the table ---- */

typedef struct table {
	const points *x, *y;
	pair_fn fn;
	void *ctx;
	int64_t first;                               /* row of this process */
	double *room;                                /* own; each worker's rows [CHUNK,d], panels [PANELS][d][LANES] */
} table;

/* Rows lo to hi as double, and up to a multiple of ROWS zeros. */
static void take_rows(const points *x, int64_t lo, int64_t hi, double *to)
{
	const int64_t d = x->d, n = (hi - lo) * d, all = (hi - lo + ROWS - 1) / ROWS * ROWS * d;
	for (int64_t i = 0; i < n; i++)
		to[i] = (double)x->x[lo * d + i];
	for (int64_t i = n; i < all; i++)
		to[i] = 0;
}

/* n points from lo on as panels [d][LANES]; lanes without a point have zeros. */
static void take_panels(const points *y, int64_t lo, int64_t n, double *to)
{
	const int64_t d = y->d;
	for (int64_t p = 0; p * LANES < n; p++)
		for (int j = 0; j < LANES; j++) {
			const int64_t i = p * LANES + j;
			for (int64_t k = 0; k < d; k++)
				to[(p * d + k) * LANES + j] = i < n ? (double)y->x[(lo + i) * d + k] : 0;
		}
}

/* n columns from lo on of the rows from `first`, ROWS of them, of which `rows` are points. */
static void strip(const table *t, int64_t first, int64_t rows, const double *x, int64_t lo, int64_t n,
	const double *panels)
{
	union {
		lane v[PANELS][2 * ROWS];
		double one[PANELS][ROWS][LANES];
	} s;
	double row[COLUMNS];
	const int64_t d = t->x->d;
	for (int64_t p = 0; p * LANES < n; p++)
		squares(x, d, (const lane *)(panels + p * d * LANES), s.v[p]);
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t j = 0; j < n; j++)
			row[j] = s.one[j / LANES][r][j % LANES];
		t->fn(t->ctx, first + r, lo, n, row);
	}
}

static void chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const table *t = ctx;
	const int64_t d = t->x->d;
	double *rows = t->room + worker * (CHUNK + COLUMNS) * d, *panels = rows + CHUNK * d;
	lo += t->first;
	hi += t->first;
	take_rows(t->x, lo, hi, rows);
	for (int64_t at = 0; at < t->y->n; at += COLUMNS) {
		const int64_t n = MIN(COLUMNS, t->y->n - at);
		take_panels(t->y, at, n, panels);
		for (int64_t i = lo; i < hi; i += ROWS)
			strip(t, i, MIN(ROWS, hi - i), rows + (i - lo) * d, at, n, panels);
	}
}

bool points_pairs(const points *x, const points *y, pair_fn fn, void *ctx, fault *e)
{
	must(x->d == y->d && x->d > 0, "points of %lld and %lld numbers", (long long)x->d, (long long)y->d);
	const size_t each = (size_t)((CHUNK + COLUMNS) * x->d) * sizeof(double);
	int64_t lo, hi;
	peers_span(x->n, &lo, &hi);
	table t = {x, y, fn, ctx, lo, mem_aligned(each * (size_t)pool_threads(), e)};
	if (!t.room)
		return false;
	parallel_for(hi - lo, CHUNK, chunk, &t);
	free(t.room);
	return true;
}
