/* ops_function.c - elementary functions and gates, element by element. The numbers are computed in
 * vecmath.c; compositions of these ops and activations by name are in ops_activation.c. */
#include "core/graph/ops.h"

#include "core/graph/ops_internal.h"
#include "core/base/vecmath.h"

static node *unary(graph *g, const op *o, node *x)
{
	return graph_node(g, o, 1, &x, NULL);
}

/* ---- y = e^x ---- */

static void exp_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_exp(out, in[0], n);
}

/* dx = dy y */
static void exp_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_mul(g, dy, y);
}

const op op_rec_exp = {
	.name = "exp", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = exp_span, .vjp = exp_vjp,
};

node *op_exp(graph *g, node *x)
{
	return unary(g, &op_rec_exp, x);
}

/* ---- y = log x ---- */

static void log_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_log(out, in[0], n);
}

/* dx = dy / x */
static void log_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_div(g, dy, y->in[0]);
}

const op op_rec_log = {
	.name = "log", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = log_span, .vjp = log_vjp,
};

node *op_log(graph *g, node *x)
{
	return unary(g, &op_rec_log, x);
}

/* ---- y = tanh x ---- */

static void tanh_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_tanh(out, in[0], n);
}

/* dx = dy (1 - y y) */
static void tanh_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_sub(g, dy, op_mul(g, dy, op_square(g, y)));
}

const op op_rec_tanh = {
	.name = "tanh", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = tanh_span, .vjp = tanh_vjp,
};

node *op_tanh(graph *g, node *x)
{
	return unary(g, &op_rec_tanh, x);
}

/* ---- y = 1 / (1 + e^-x) ---- */

static void sigmoid_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_sigmoid(out, in[0], n);
}

/* dx = dy y (1 - y) */
static void sigmoid_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_mul(g, dy, op_sub(g, y, op_square(g, y)));
}

const op op_rec_sigmoid = {
	.name = "sigmoid", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = sigmoid_span, .vjp = sigmoid_vjp,
};

node *op_sigmoid(graph *g, node *x)
{
	return unary(g, &op_rec_sigmoid, x);
}

/* ---- y = log(1 + e^x) ---- */

static void softplus_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_softplus(out, in[0], n);
}

/* dx = dy sigmoid(x) */
static void softplus_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_mul(g, dy, op_sigmoid(g, y->in[0]));
}

const op op_rec_softplus = {
	.name = "softplus", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = softplus_span, .vjp = softplus_vjp,
};

node *op_softplus(graph *g, node *x)
{
	return unary(g, &op_rec_softplus, x);
}

/* ---- y = erf x ---- */

static void erf_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)a;
	vec_erf(out, in[0], n);
}

/* dx = dy 2/sqrt(pi) e^(-x x) */
static void erf_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	const double two_by_root_pi = 1.128379167095512573896;
	(void)need;
	node *bell = op_exp(g, op_neg(g, op_square(g, y->in[0])));
	dx[0] = op_mul(g, dy, op_scale(g, bell, two_by_root_pi));
}

const op op_rec_erf = {
	.name = "erf", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = erf_span, .vjp = erf_vjp,
};

node *op_erf(graph *g, node *x)
{
	return unary(g, &op_rec_erf, x);
}

/* ---- y = sel > 0 ? x : slope x ---- */

/* With slope 0 the loop selects a zero: 0 * x would be -0, or NaN for an infinite x. A NaN in sel
 * lets x pass, so that relu(NaN) is NaN. */
static CLONES(gate_values, (real *out, const real *x, const real *sel, real slope, int64_t n),
	(out, x, sel, slope, n))
{
	if (slope == 0) {
	INDEPENDENT
		for (int64_t i = 0; i < n; i++)
			out[i] = sel[i] <= 0 ? 0 : x[i];
	} else {
	INDEPENDENT
		for (int64_t i = 0; i < n; i++) {
			real low = slope * x[i];
			out[i] = sel[i] > 0 ? x[i] : low;
		}
	}
}

static void gate_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	gate_values(out, in[0], in[1], (real)a->scalar, n);
}

/* y = gate(x, sel)  =>  dx = gate(dy, sel): linear in x, piecewise constant in sel */
static void gate_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_gate(g, dy, y->in[1], y->a.scalar);
}

const op op_rec_gate = {
	.name = "gate", .nin = 2, .inplace = INPLACE(0) | INPLACE(1),
	.infer = infer_same, .eval = elementwise_eval, .span = gate_span, .vjp = gate_vjp,
};

node *op_gate(graph *g, node *x, node *sel, double slope)
{
	attr a = attr_none();
	a.scalar = slope;
	if (graph_rewrites(g) && slope == 1 && shape_equal(&x->s, &sel->s))
		return x;
	return graph_node(g, &op_rec_gate, 2, (node *[]){x, sel}, &a);
}

/* ---- y = x > 0 ? x : slope x ---- */

static void leaky_relu_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	gate_values(out, in[0], in[0], (real)a->scalar, n);
}

/* dx = x > 0 ? dy : slope dy */
static void leaky_relu_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	/* y > 0 where x > 0, and y is kept anyway for the layer above: x need not be. */
	dx[0] = op_gate(g, dy, y->a.scalar >= 0 ? y : y->in[0], y->a.scalar);
}

const op op_rec_leaky_relu = {
	.name = "leaky_relu", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_same, .eval = elementwise_eval, .span = leaky_relu_span, .vjp = leaky_relu_vjp,
};

node *op_leaky_relu(graph *g, node *x, double slope)
{
	attr a = attr_none();
	a.scalar = slope;
	if (graph_rewrites(g) && slope == 1)
		return x;
	return graph_node(g, &op_rec_leaky_relu, 1, &x, &a);
}

node *op_relu(graph *g, node *x)
{
	return op_leaky_relu(g, x, 0);
}

node *op_abs(graph *g, node *x)
{
	return op_leaky_relu(g, x, -1);
}
