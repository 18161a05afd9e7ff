/* ops_elementwise.c - arithmetic, element by element: sums, products, powers by halves.
 *
 * Inputs of one record have one shape; the two-input constructors insert the broadcast, and its
 * derivative (sum_to) un-broadcasts. A span may write over its inputs, so its loops promise the
 * compiler independent elements (ivdep) and no more. Functions are in ops_function.c. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <tgmath.h>

#include "core/graph/ops_internal.h"

/* ---- constants, folded while the graph is built: derivatives are full of ones ---- */

/* Whether every element of x is *c, seen through repetition. */
static bool is_constant(const node *x, double *c)
{
	while (x->op == &op_rec_broadcast || x->op == &op_rec_reshape)
		x = x->in[0];
	if (x->op != &op_rec_fill)
		return false;
	*c = x->a.fill.value;
	return true;
}

static bool is_negated(const node *x)
{
	return x->op == &op_rec_scale && x->a.scalar == -1;
}

/* Result of aligning two shapes at the last axis, where sizes are equal or one of them is 1. */
static bool common_shape(const shape *a, const shape *b, shape *out)
{
	shape s = a->rank >= b->rank ? *a : *b;
	const shape *t = a->rank >= b->rank ? b : a;
	for (int i = 1; i <= t->rank; i++) {
		int64_t *n = &s.dim[s.rank - i], m = t->dim[t->rank - i];
		if (*n != m && *n != 1 && m != 1)
			return false;
		*n = MAX(*n, m);
	}
	*out = s;
	return true;
}

/* Gives *a and *b one shape. False when there is none; the graph remembers it. */
static bool align(graph *g, const op *o, node **a, node **b)
{
	shape s;
	if (shape_equal(&(*a)->s, &(*b)->s))
		return true;
	if (!common_shape(&(*a)->s, &(*b)->s, &s)) {
		graph_fail(g, "%s %s %s: sizes, aligned at the last axis, must be equal or 1", o->name,
			shape_print(&(*a)->s).s, shape_print(&(*b)->s).s);
		return false;
	}
	*a = op_broadcast(g, *a, s);
	*b = op_broadcast(g, *b, s);
	return true;
}

static node *binary(graph *g, const op *o, node *a, node *b)
{
	return graph_node(g, o, 2, (node *[]){a, b}, NULL);
}

/* ---- y = a + b ---- */

static CLONES(add_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] + b[i];
}

static void add_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)g, (void)y, (void)need;
	dx[0] = dy;
	dx[1] = dy;
}

const op op_rec_add = {
	.name = "add", .nin = 2, .inplace = INPLACE(0) | INPLACE(1),
	.infer = infer_same, .eval = elementwise_eval, .span = add_span, .vjp = add_vjp,
};

node *op_add(graph *g, node *a, node *b)
{
	double c;
	if (!align(g, &op_rec_add, &a, &b))
		return a;
	if (graph_rewrites(g) && is_constant(b, &c))
		return op_add_scalar(g, a, c);
	if (graph_rewrites(g) && is_constant(a, &c))
		return op_add_scalar(g, b, c);
	if (graph_rewrites(g) && is_negated(b))
		return binary(g, &op_rec_sub, a, b->in[0]);
	return binary(g, &op_rec_add, a, b);
}

/* ---- y = a - b ---- */

static CLONES(sub_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] - b[i];
}

/* y = a - b  =>  da = dy, db = -dy */
static void sub_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)y;
	dx[0] = dy;
	if (need[1])
		dx[1] = op_neg(g, dy);
}

const op op_rec_sub = {
	.name = "sub", .nin = 2, .inplace = INPLACE(0) | INPLACE(1),
	.infer = infer_same, .eval = elementwise_eval, .span = sub_span, .vjp = sub_vjp,
};

node *op_sub(graph *g, node *a, node *b)
{
	double c;
	if (!align(g, &op_rec_sub, &a, &b))
		return a;
	if (graph_rewrites(g) && is_constant(b, &c))
		return op_add_scalar(g, a, -c);
	if (graph_rewrites(g) && is_negated(b))
		return binary(g, &op_rec_add, a, b->in[0]);
	return binary(g, &op_rec_sub, a, b);
}

/* ---- y = a b ---- */

static CLONES(mul_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] * b[i];
}

/* y = a b  =>  da = dy b, db = dy a */
static void mul_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_mul(g, dy, y->in[1]);
	if (need[1])
		dx[1] = op_mul(g, dy, y->in[0]);
}

const op op_rec_mul = {
	.name = "mul", .nin = 2, .inplace = INPLACE(0) | INPLACE(1),
	.infer = infer_same, .eval = elementwise_eval, .span = mul_span, .vjp = mul_vjp,
};

node *op_mul(graph *g, node *a, node *b)
{
	double c;
	if (!align(g, &op_rec_mul, &a, &b))
		return a;
	if (graph_rewrites(g) && is_constant(b, &c))
		return op_scale(g, a, c);
	if (graph_rewrites(g) && is_constant(a, &c))
		return op_scale(g, b, c);
	return binary(g, &op_rec_mul, a, b);
}

/* ---- y = a / b ---- */

static CLONES(div_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] / b[i];
}

/* y = a / b  =>  da = dy / b, db = -(dy / b) y */
static void div_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	dx[0] = op_div(g, dy, y->in[1]);
	if (need[1])
		dx[1] = op_neg(g, op_mul(g, dx[0], y));
}

const op op_rec_div = {
	.name = "div", .nin = 2, .inplace = INPLACE(0) | INPLACE(1),
	.infer = infer_same, .eval = elementwise_eval, .span = div_span, .vjp = div_vjp,
};

node *op_div(graph *g, node *a, node *b)
{
	if (!align(g, &op_rec_div, &a, &b))
		return a;
	return binary(g, &op_rec_div, a, b);
}

/* ---- y = c x ---- */

static CLONES(scale_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	const real *x = in[0], c = (real)at->scalar;
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = c * x[i];
}

static void scale_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_scale(g, dy, y->a.scalar);
}

const op op_rec_scale = {
	.name = "scale", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = scale_span, .vjp = scale_vjp,
};

node *op_scale(graph *g, node *x, double c)
{
	double value;
	if (graph_rewrites(g) && x->op == &op_rec_scale) {
		c *= x->a.scalar;
		x = x->in[0];
	}
	if (graph_rewrites(g) && c == 1)
		return x;
	if (graph_rewrites(g) && is_constant(x, &value))
		return op_fill(g, x->s, c * value);
	attr a = attr_none();
	a.scalar = c;
	return graph_node(g, &op_rec_scale, 1, &x, &a);
}

node *op_neg(graph *g, node *x)
{
	return op_scale(g, x, -1);
}

/* ---- y = x + c ---- */

static CLONES(add_scalar_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	const real *x = in[0], c = (real)at->scalar;
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = x[i] + c;
}

static void add_scalar_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)g, (void)y, (void)need;
	dx[0] = dy;
}

const op op_rec_add_scalar = {
	.name = "add_scalar", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = add_scalar_span, .vjp = add_scalar_vjp,
};

/* (x + c) + d stays two additions: x + (c + d) rounds differently where they nearly cancel. */
node *op_add_scalar(graph *g, node *x, double c)
{
	double value;
	if (graph_rewrites(g) && c == 0)
		return x;
	if (graph_rewrites(g) && is_constant(x, &value))
		return op_fill(g, x->s, value + c);
	attr a = attr_none();
	a.scalar = c;
	return graph_node(g, &op_rec_add_scalar, 1, &x, &a);
}

/* ---- powers ---- */

node *op_square(graph *g, node *x)
{
	return op_mul(g, x, x);
}

static CLONES(recip_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *x = in[0];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = 1 / x[i];
}

/* y = 1 / x  =>  dx = -dy y y */
static void recip_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_neg(g, op_mul(g, dy, op_square(g, y)));
}

const op op_rec_recip = {
	.name = "recip", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = recip_span, .vjp = recip_vjp,
};

node *op_recip(graph *g, node *x)
{
	return graph_node(g, &op_rec_recip, 1, &x, NULL);
}

static CLONES(sqrt_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *x = in[0];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = sqrt(x[i]);
}

/* y = sqrt(x)  =>  dx = dy / (2 y) */
static void sqrt_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_scale(g, op_div(g, dy, y), 0.5);
}

const op op_rec_sqrt = {
	.name = "sqrt", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = sqrt_span, .vjp = sqrt_vjp,
};

node *op_sqrt(graph *g, node *x)
{
	return graph_node(g, &op_rec_sqrt, 1, &x, NULL);
}

static CLONES(rsqrt_span, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *x = in[0];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = 1 / sqrt(x[i]);
}

/* y = x^(-1/2)  =>  dx = -dy y^3 / 2 */
static void rsqrt_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_scale(g, op_mul(g, dy, op_mul(g, y, op_square(g, y))), -0.5);
}

const op op_rec_rsqrt = {
	.name = "rsqrt", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = rsqrt_span, .vjp = rsqrt_vjp,
};

node *op_rsqrt(graph *g, node *x)
{
	return graph_node(g, &op_rec_rsqrt, 1, &x, NULL);
}
