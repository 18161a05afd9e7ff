#include "tests/gradcheck.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

#ifdef REAL_DOUBLE
static const double ROUNDING = 512 * DBL_EPSILON;
#else
static const double ROUNDING = 512 * FLT_EPSILON;
#endif

/* The graph and everything that is compared. */
typedef struct check {
	const char *name;
	int n;                                       /* inputs, then r as input n */
	buffer *in[GRAD_INPUTS + 1];
	buffer *v[GRAD_INPUTS];
	bool wanted[GRAD_INPUTS];
	graph *g;
	node *y, *s;                                 /* value; S = <v, J'r> */
	node *d1[GRAD_INPUTS], *d2[GRAD_INPUTS + 1]; /* J'r; dS/d(in), dS/dr */
	plan *value, *derivative;
	char *why;
} check;

static bool fail(const check *c, const char *text)
{
	snprintf(c->why, GRAD_WHY, "%.200s: %s", c->name, text);
	return false;
}

void grad_fill(buffer *b, enum grad_values kind, uint64_t seed)
{
	rng r = rng_new(seed, "gradcheck");
	const int64_t n = shape_count(&b->s);
	for (int64_t i = 0; i < n; i++) {
		double u = rng_uniform(&r);
		switch (kind) {
		case GRAD_SMOOTH:
		case GRAD_APART:
			b->x[i] = (real)(2 * u - 1);
			break;
		case GRAD_POSITIVE:
			b->x[i] = (real)(0.5 + 1.5 * u);
			break;
		case GRAD_INDEX:
			b->x[i] = (real)rng_below(&r, 3);
			break;
		case GRAD_SHIFT:
			b->x[i] = (real)(rng_below(&r, 5) - 2);
			break;
		}
	}
	if (kind != GRAD_APART)
		return;
	/* Random order, by ranks: each value becomes a multiple of 0.02, none of them 0. */
	for (int64_t i = 0; i < n; i++)
		b->x[i] = (real)(i + 1);
	for (int64_t i = n - 1; i > 0; i--) {
		int64_t j = rng_below(&r, i + 1);
		real t = b->x[i];
		b->x[i] = b->x[j];
		b->x[j] = t;
	}
	for (int64_t i = 0; i < n; i++)
		b->x[i] = (real)(0.02 * ((double)b->x[i] - (double)(n / 2) - 0.5));
}

static buffer *random_like(const char *name, const shape *s, uint64_t seed)
{
	buffer *b = buffer_new(name, *s, NULL);
	if (b)
		grad_fill(b, GRAD_SMOOTH, seed);
	return b;
}

static double dot(const real *a, const real *b, int64_t n, double *size)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++) {
		sum += (double)a[i] * (double)b[i];
		*size += fabs((double)a[i] * (double)b[i]);
	}
	return sum;
}

/* S = sum over the wanted inputs of <v, J'r> */
static void append_second_order(check *c, const node *const *leaf)
{
	node *wrt[GRAD_INPUTS + 1];
	for (int i = 0; i <= c->n; i++)
		wrt[i] = (node *)leaf[i];
	graph_grad(c->g, c->y, wrt[c->n], wrt, c->n, c->d1);
	c->s = op_fill(c->g, shape_scalar(), 0);
	for (int i = 0; i < c->n; i++)
		if (c->wanted[i])
			c->s = op_add(c->g, c->s, op_sum_all(c->g, op_mul(c->g, c->d1[i],
				graph_leaf(c->g, c->v[i]))));
	graph_grad(c->g, c->s, NULL, wrt, c->n + 1, c->d2);
}

static bool check_build(check *c, grad_build build, const void *arg)
{
	node *leaf[GRAD_INPUTS + 1];
	fault e;
	if (!(c->g = graph_new(&e)))
		return fail(c, e.text);
	for (int i = 0; i < c->n; i++)
		leaf[i] = graph_leaf(c->g, c->in[i]);
	c->y = build(c->g, leaf, arg);
	if (!graph_ok(c->g, &e))
		return fail(c, e.text);
	c->in[c->n] = random_like("r", &c->y->s, 77);
	for (int i = 0; i < c->n; i++)
		c->v[i] = random_like("v", &c->in[i]->s, 1000 + (uint64_t)i);
	leaf[c->n] = graph_leaf(c->g, c->in[c->n]);
	append_second_order(c, (const node *const *)leaf);

	node *out[2 * GRAD_INPUTS + 3] = {c->y, c->s};
	int nout = 2;
	for (int i = 0; i < c->n; i++)
		out[nout++] = c->d1[i];
	for (int i = 0; i <= c->n; i++)
		out[nout++] = c->d2[i];
	/* The differences come from unfused runs, the derivatives from fused ones. */
	c->value = plan_new(c->g, out, 2, PLAN_NO_FUSE, &e);
	c->derivative = c->value ? plan_new(c->g, out, nout, 0, &e) : NULL;
	return c->derivative || fail(c, e.text);
}

static bool check_consistency(const check *c)
{
	const buffer *r = c->in[c->n];
	double size = 0, s = (double)*plan_value(c->derivative, c->s);
	double back = dot(r->x, plan_value(c->derivative, c->d2[c->n]), shape_count(&r->s), &size);
	for (int i = 0; i < c->n; i++)
		if (c->wanted[i])
			dot(c->v[i]->x, plan_value(c->derivative, c->d1[i]), shape_count(&c->in[i]->s), &size);
	if (fabs(s - back) <= ROUNDING * (size + DBL_MIN))
		return true;
	snprintf(c->why, GRAD_WHY, "%s: <v, J'r> = %.9g but <r, Jv> = %.9g (terms add up to %.3g)", c->name, s, back,
		 size);
	return false;
}

static bool check_linear(const check *c, int i)
{
	const buffer *r = c->in[c->n], *x = c->in[i];
	double size = 0;
	double forward = dot(r->x, plan_value(c->derivative, c->y), shape_count(&r->s), &size);
	double back = dot(x->x, plan_value(c->derivative, c->d1[i]), shape_count(&x->s), &size);
	if (fabs(forward - back) <= ROUNDING * (size + DBL_MIN))
		return true;
	snprintf(c->why, GRAD_WHY, "%s: linear in %s, but <r, Ax> = %.9g and <x, A'r> = %.9g", c->name, x->name,
		 forward, back);
	return false;
}

#ifdef REAL_DOUBLE
/* Step and tolerance of the central differences: truncation STEP^2 = 1e-10 times a third derivative,
 * cancellation 1e-16 / STEP = 1e-11 times the sum. */
static const double STEP = 1e-5, TOLERANCE = 2e-7;

static void values_at(check *c, double *l, double *s)
{
	double size = 0;
	plan_run(c->value);
	*l = dot(c->in[c->n]->x, plan_value(c->value, c->y), shape_count(&c->y->s), &size);
	*s = (double)*plan_value(c->value, c->s);
}

/* What the largest difference of one input looks like. */
typedef struct worst {
	double gap, got, want, scale;
	int64_t at;
} worst;

static void compare(worst *w, int64_t at, double got, double want)
{
	w->scale = fmax(w->scale, fabs(want));
	double gap = fabs(got - want);
	if (gap > w->gap || gap != gap) {
		w->gap = gap == gap ? gap : INFINITY;
		w->at = at;
		w->got = got;
		w->want = want;
	}
}

static bool judge(const check *c, const worst *w, const char *order, const char *input)
{
	if (w->gap <= TOLERANCE * (1 + w->scale))
		return true;
	snprintf(c->why, GRAD_WHY, "%s: %s derivative in %s, element %lld: %.12g, differences say %.12g", c->name,
		 order, input, (long long)w->at, w->got, w->want);
	return false;
}

/* Both orders for input i (i == n: r, where L is linear and only S is of interest). */
static bool check_differences(check *c, int i, const real *d1, const real *d2)
{
	buffer *b = c->in[i];
	const int64_t n = shape_count(&b->s), stride = MAX(1, n / GRAD_SAMPLES);
	worst first = {.gap = 0}, second = {.gap = 0};
	for (int64_t k = 0; k < n; k += stride) {
		double l0, l1, s0, s1;
		const real x = b->x[k];
		b->x[k] = x + STEP;
		values_at(c, &l1, &s1);
		b->x[k] = x - STEP;
		values_at(c, &l0, &s0);
		b->x[k] = x;
		if (d1)
			compare(&first, k, (double)d1[k], (l1 - l0) / (2 * STEP));
		compare(&second, k, (double)d2[k], (s1 - s0) / (2 * STEP));
	}
	return judge(c, &first, "first", b->name) && judge(c, &second, "second", b->name);
}
#endif

static bool check_all(check *c, unsigned linear)
{
	plan_run(c->derivative);
	if (!check_consistency(c))
		return false;
	for (int i = 0; i < c->n; i++)
		if (linear & 1u << i && !check_linear(c, i))
			return false;
#ifdef REAL_DOUBLE
	for (int i = 0; i <= c->n; i++)
		if ((i == c->n || c->wanted[i]) &&
		    !check_differences(c, i, i < c->n ? plan_value(c->derivative, c->d1[i]) : NULL,
				       plan_value(c->derivative, c->d2[i])))
			return false;
#endif
	return true;
}

bool gradcheck(const char *name, grad_build build, const void *arg, buffer *const *in, int n, unsigned fixed,
	       unsigned linear, char why[GRAD_WHY])
{
	must(n >= 1 && n <= GRAD_INPUTS, "gradcheck of %d inputs", n);
	check c = {.name = name, .n = n, .why = why};
	for (int i = 0; i < n; i++) {
		c.in[i] = in[i];
		c.wanted[i] = i >= 32 || !(fixed & 1u << i);
	}
	bool ok = check_build(&c, build, arg) && check_all(&c, linear);
	plan_free(c.value);
	plan_free(c.derivative);
	graph_free(c.g);
	for (int i = 0; i < n; i++)
		buffer_free(c.v[i]);
	buffer_free(c.in[n]);
	return ok;
}

bool gradcheck_case(const grad_case *c, char why[GRAD_WHY])
{
	static const char *const label[] = {"input 0", "input 1", "input 2", "input 3"};
	buffer *in[COUNT(label)] = {NULL};
	unsigned fixed = 0;
	for (int i = 0; i < c->n; i++) {
		in[i] = buffer_new(label[i], shape_of(c->in[i].s.rank, c->in[i].s.dim), NULL);
		must(in[i], "out of memory");
		grad_fill(in[i], c->in[i].values, 10 + (uint64_t)i);
		if (c->in[i].values == GRAD_INDEX || c->in[i].values == GRAD_SHIFT)
			fixed |= 1u << i;
	}
	bool ok = gradcheck(c->name, c->build, c->arg, in, c->n, fixed, c->linear, why);
	for (int i = 0; i < c->n; i++)
		buffer_free(in[i]);
	return ok;
}
