/* ops_resize.c - bilinear resizing, its adjoint, and whole-pixel shifts per image. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <math.h>
#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

/* Output pixel o along one axis is (1-f) * x[i] + f * x[j]. */
typedef struct tap {
	int64_t i, j;
	real f;
} tap;

/* Outputs lo <= o < hi use input pixel i, as their `i` or their `j`. */
typedef struct users {
	int64_t lo, hi;
} users;

/* Half-pixel centres: o lies at (o + 0.5) * in/out - 0.5, clamped to the image. */
static void taps_fill(tap *t, int64_t in, int64_t out)
{
	for (int64_t o = 0; o < out; o++) {
		double at = ((double)o + 0.5) * (double)in / (double)out - 0.5;
		at = at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at;
		t[o].i = (int64_t)at;
		t[o].j = MIN(t[o].i + 1, in - 1);
		t[o].f = (real)(at - (double)t[o].i);
	}
}

/* i and j do not fall as o grows, so the users of a pixel are neighbours. */
static void users_fill(users *u, const tap *t, int64_t in, int64_t out)
{
	for (int64_t i = 0; i < in; i++)
		u[i] = (users){.lo = out, .hi = 0};
	for (int64_t o = 0; o < out; o++) {
		int64_t both[2] = {t[o].i, t[o].j};
		for (int k = 0; k < 2; k++) {
			u[both[k]].lo = MIN(u[both[k]].lo, o);
			u[both[k]].hi = o + 1;
		}
	}
}

static real weight_of(const tap *t, int64_t i)
{
	return (t->i == i ? 1 - t->f : 0) + (t->j == i ? t->f : 0);
}

/* Tables for one eval, in its workspace. */
typedef struct tables {
	const node *y;
	tap *row, *col;                              /* [larger map's height], [its width] */
	users *row_users, *col_users;                /* adjoint only: [height of y], [width of y] */
} tables;

static bool infer_resize(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	if (x->rank != 4)
		return refuse(why, why_size, "needs an image [B,H,W,C]");
	if (y->a.window.h < 1 || y->a.window.w < 1)
		return refuse(why, why_size, "size %lldx%lld: must be at least 1x1",
			      (long long)y->a.window.h, (long long)y->a.window.w);
	y->s = SHAPE(x->dim[0], y->a.window.h, y->a.window.w, x->dim[3]);
	return true;
}

static attr attr_size(int64_t h, int64_t w)
{
	attr a = attr_none();
	a.window.h = h;
	a.window.w = w;
	return a;
}

/* ---- resize_bilinear ---- */

static size_t resize_scratch(const node *y)
{
	return (size_t)(y->s.dim[1] + y->s.dim[2]) * sizeof(tap);
}

/* One row [w,C] of the result between rows a and b of x. */
static CLONES(blend_row, (real *restrict y, const real *a, const real *b, real f, const tap *col, int64_t w,
	int64_t c),
	(y, a, b, f, col, w, c))
{
	for (int64_t o = 0; o < w; o++, y += c) {
		const real *p = a + col[o].i * c, *q = a + col[o].j * c;
		const real *r = b + col[o].i * c, *s = b + col[o].j * c;
		const real h = col[o].f;
		for (int64_t k = 0; k < c; k++) {
			real top = p[k] + h * (q[k] - p[k]), bottom = r[k] + h * (s[k] - r[k]);
			y[k] = top + f * (bottom - top);
		}
	}
}

static void resize_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const tables *t = ctx;
	const node *y = t->y, *x = y->in[0];
	const int64_t h = y->s.dim[1], w = y->s.dim[2], c = y->s.dim[3], row = x->s.dim[2] * c;
	for (int64_t r = lo; r < hi; r++) {
		const tap *v = &t->row[r % h];
		const real *image = x->x + r / h * x->s.dim[1] * row;
		blend_row(y->x + r * w * c, image + v->i * row, image + v->j * row, v->f, t->col, w, c);
	}
}

/* y = x sampled at (o + 0.5) * in/out - 0.5 by linear interpolation in both directions */
static void resize_eval(const node *y, void *scratch)
{
	tables t = {.y = y, .row = scratch};
	t.col = t.row + y->s.dim[1];
	taps_fill(t.row, y->in[0]->s.dim[1], y->s.dim[1]);
	taps_fill(t.col, y->in[0]->s.dim[2], y->s.dim[2]);
	/* / 4: a result is made of four elements. */
	parallel_for(y->s.dim[0] * y->s.dim[1], MAX(1, SPAN_GRAIN / 4 / (y->s.dim[2] * y->s.dim[3])),
		     resize_rows, &t);
}

static void resize_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_resize_bilinear_dx(g, dy, y->in[0]->s.dim[1], y->in[0]->s.dim[2]);
}

const op op_rec_resize_bilinear = {
	.name = "resize_bilinear", .nin = 1,
	.infer = infer_resize, .scratch = resize_scratch, .eval = resize_eval, .vjp = resize_vjp,
};

node *op_resize_bilinear(graph *g, node *x, int64_t h, int64_t w_)
{
	if (x->s.rank == 4 && x->s.dim[1] == h && x->s.dim[2] == w_)
		return x;
	attr a = attr_size(h, w_);
	return graph_node(g, &op_rec_resize_bilinear, 1, &x, &a);
}

/* ---- its adjoint ---- */

static size_t resize_dx_scratch(const node *y)
{
	const shape *dy = &y->in[0]->s;
	return (size_t)(dy->dim[1] + dy->dim[2]) * sizeof(tap) +
	       (size_t)(y->s.dim[1] + y->s.dim[2]) * sizeof(users);
}

static inline void add_weighted(real *restrict y, const real *restrict x, real w, int64_t n)
{
	for (int64_t k = 0; k < n; k++)
		y[k] += w * x[k];
}

static CLONES(resize_dx_row, (const tables *t, real *y, const real *dy, int64_t iy), (t, y, dy, iy))
{
	const int64_t c = t->y->s.dim[3], w = t->y->s.dim[2], wo = t->y->in[0]->s.dim[2];
	const users rows = t->row_users[iy];
	memset(y, 0, (size_t)(w * c) * sizeof *y);
	for (int64_t oy = rows.lo; oy < rows.hi; oy++) {
		const real v = weight_of(&t->row[oy], iy);
		for (int64_t ix = 0; ix < w; ix++)
			for (int64_t ox = t->col_users[ix].lo; ox < t->col_users[ix].hi; ox++)
				add_weighted(y + ix * c, dy + (oy * wo + ox) * c,
					     v * weight_of(&t->col[ox], ix), c);
	}
}

static void resize_dx_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const tables *t = ctx;
	const node *y = t->y;
	const shape *d = &y->in[0]->s;
	const int64_t h = y->s.dim[1], row = y->s.dim[2] * y->s.dim[3], map = d->dim[1] * d->dim[2] * d->dim[3];
	for (int64_t r = lo; r < hi; r++)
		resize_dx_row(t, y->x + r * row, y->in[0]->x + r / h * map, r % h);
}

/* y[i] = sum of dy[o] times the weight that x[i] has in output o */
static void resize_dx_eval(const node *y, void *scratch)
{
	const shape *d = &y->in[0]->s;
	tables t = {.y = y, .row = scratch};
	t.col = t.row + d->dim[1];
	t.row_users = (users *)(t.col + d->dim[2]);
	t.col_users = t.row_users + y->s.dim[1];
	taps_fill(t.row, y->s.dim[1], d->dim[1]);
	taps_fill(t.col, y->s.dim[2], d->dim[2]);
	users_fill(t.row_users, t.row, y->s.dim[1], d->dim[1]);
	users_fill(t.col_users, t.col, y->s.dim[2], d->dim[2]);
	parallel_for(y->s.dim[0] * y->s.dim[1], MAX(1, SPAN_GRAIN / 4 / (y->s.dim[2] * y->s.dim[3])),
		     resize_dx_rows, &t);
}

static void resize_dx_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_resize_bilinear(g, dy, y->in[0]->s.dim[1], y->in[0]->s.dim[2]);
}

const op op_rec_resize_bilinear_dx = {
	.name = "resize_bilinear_dx", .nin = 1,
	.infer = infer_resize, .scratch = resize_dx_scratch, .eval = resize_dx_eval, .vjp = resize_dx_vjp,
};

node *op_resize_bilinear_dx(graph *g, node *dy, int64_t h, int64_t w_)
{
	if (dy->s.rank == 4 && dy->s.dim[1] == h && dy->s.dim[2] == w_)
		return dy;
	attr a = attr_size(h, w_);
	return graph_node(g, &op_rec_resize_bilinear_dx, 1, &dy, &a);
}

/* ---- shift ---- */

static bool infer_shift(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *t = &y->in[1]->s;
	if (x->rank != 4 || t->rank != 2 || t->dim[0] != x->dim[0] || t->dim[1] != 2)
		return refuse(why, why_size, "needs an image [B,H,W,C] and shifts [B,2]");
	y->s = *x;
	return true;
}

/* A whole number of pixels, at most n: more moves everything out as well. */
static int64_t whole_shift(real t, int64_t n)
{
	const double d = round((double)t);
	return d >= (double)n ? n : d >= (double)-n ? (int64_t)d : -n;
}

static void shift_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *x = y->in[0];
	const int64_t h = y->s.dim[1], w = y->s.dim[2], c = y->s.dim[3];
	for (int64_t r = lo; r < hi; r++) {
		const real *t = y->in[1]->x + r / h * 2;
		const int64_t i = r % h + whole_shift(t[0], h), dj = whole_shift(t[1], w);
		real *to = y->x + r * w * c;
		const int64_t from = i < 0 || i >= h ? w : MIN(w, MAX(0, -dj)), end = MIN(w, w - dj);
		memset(to, 0, (size_t)(from * c) * sizeof *to);
		if (from >= end) {
			memset(to, 0, (size_t)(w * c) * sizeof *to);
			continue;
		}
		memcpy(to + from * c, x->x + ((r / h * h + i) * w + from + dj) * c,
		       (size_t)((end - from) * c) * sizeof *to);
		memset(to + end * c, 0, (size_t)((w - end) * c) * sizeof *to);
	}
}

/* y[b,i,j] = x[b, i + t[b,0], j + t[b,1]], zero outside */
static void shift_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], MAX(1, SPAN_GRAIN / (y->s.dim[2] * y->s.dim[3])),
		     shift_rows, (void *)y);
}

static void shift_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_shift(g, dy, op_neg(g, y->in[1]));
}

const op op_rec_shift = {
	.name = "shift", .nin = 2,
	.infer = infer_shift, .eval = shift_eval, .vjp = shift_vjp,
};

node *op_shift(graph *g, node *x, node *t)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_shift, 2, (node *[]){x, t}, &a);
}
