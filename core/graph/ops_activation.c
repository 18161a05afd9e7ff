/* ops_activation.c - activations composed of other ops, and the table of their names. No kernels:
 * the planner runs such a chain in one pass. */
#include "core/base/local.h"
#include "core/base/words.h"
#include "core/graph/activations.h"
#include "core/graph/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* max(x, lo), to the bit: lo + relu(x - lo) would round. Derivative at lo: 0. */
static node *clip_below(graph *g, node *x, double lo)
{
	if (lo == 0)
		return op_relu(g, x);
	if (isinf((real)lo))                         /* inf - inf would be no number */
		return lo < 0 ? x : op_fill(g, x->s, lo);
	node *excess = op_add_scalar(g, x, -lo);
	node *bound = op_fill(g, x->s, lo);
	return op_add(g, op_gate(g, x, excess, 0), op_sub(g, bound, op_gate(g, bound, excess, 0)));
}

/* min(z, hi) = -max(-z, -hi) */
node *op_clip(graph *g, node *x, double lo, double hi)
{
	if (!(lo <= hi))
		return graph_fail(g, "clip %s: lower bound %g is above upper bound %g", shape_print(&x->s).s,
			lo, hi);
	return op_neg(g, clip_below(g, op_neg(g, clip_below(g, x, lo)), -hi));
}

/* x Phi(x) (arXiv 1606.08415) */
node *op_gelu(graph *g, node *x)
{
	node *phi = op_add_scalar(g, op_erf(g, op_scale(g, x, 0.70710678118654752440)), 1);
	node *y = op_mul(g, op_scale(g, x, 0.5), phi);
	graph_called(g, "activation", "gelu", x, NULL, y);
	return y;
}

node *op_gelu_tanh(graph *g, node *x)
{
	const double root_2_by_pi = 0.79788456080286535588;
	node *cube = op_mul(g, x, op_square(g, x));
	node *u = op_scale(g, op_add(g, x, op_scale(g, cube, 0.044715)), root_2_by_pi);
	return op_mul(g, op_scale(g, x, 0.5), op_add_scalar(g, op_tanh(g, u), 1));
}

node *op_swish(graph *g, node *x)
{
	return op_mul(g, x, op_sigmoid(g, x));
}

/* relu(x) + alpha (e^min(x,0) - 1) with min(x,0) = x - relu(x), so that the derivative at 0 is that
 * of the left side, alpha, as in TensorFlow. e^m - 1 would lose its digits near 0; it is 2 t / (1 - t) with
 * t = tanh(m/2), which does not. */
node *op_elu(graph *g, node *x, double alpha)
{
	node *above = op_relu(g, x);
	node *t = op_tanh(g, op_scale(g, op_sub(g, x, above), 0.5));
	node *below = op_div(g, t, op_add_scalar(g, op_scale(g, t, -1), 1));
	return op_add(g, above, op_scale(g, below, 2 * alpha));
}

/* lambda elu(x, alpha), constants of arXiv 1706.02515, eq. 14 */
node *op_selu(graph *g, node *x)
{
	return op_scale(g, op_elu(g, x, 1.6732632423543772848), 1.0507009873554804934);
}

node *op_hard_sigmoid(graph *g, node *x)
{
	return op_clip(g, op_add_scalar(g, op_scale(g, x, 0.2), 0.5), 0, 1);
}

static node *linear(graph *g, node *x)
{
	(void)g;
	return x;
}

/* Keras 2's slope of its LeakyReLU layer */
static node *leaky_relu_keras(graph *g, node *x)
{
	return op_leaky_relu(g, x, 0.3);
}

static node *elu_keras(graph *g, node *x)
{
	return op_elu(g, x, 1);
}

/* ---- what kecam (H, 687943d) knows beyond Keras ---- */

/* x relu6(x + 3) / 6 (arXiv 1905.02244) */
static node *hard_swish(graph *g, node *x)
{
	return op_mul(g, x, op_scale(g, op_clip(g, op_add_scalar(g, x, 3), 0, 6), 1.0 / 6));
}

/* PyTorch's: clip(x/6 + 0.5, 0, 1) */
static node *hard_sigmoid_torch(graph *g, node *x)
{
	return op_clip(g, op_add_scalar(g, op_scale(g, x, 1.0 / 6), 0.5), 0, 1);
}

/* x tanh(softplus(x)) (arXiv 1908.08681) */
static node *mish(graph *g, node *x)
{
	return op_mul(g, x, op_tanh(g, op_softplus(g, x)));
}

/* x tanh(gelu(x)) */
static node *phish(graph *g, node *x)
{
	return op_mul(g, x, op_tanh(g, op_gelu(g, x)));
}

/* x sigmoid(1.702 x): the sigmoid approximation of gelu (arXiv 1606.08415, section 2) */
static node *gelu_quick(graph *g, node *x)
{
	return op_mul(g, x, op_sigmoid(g, op_scale(g, x, 1.702)));
}

/* x (sign(x) e + 0.5) with e = 0.5 - 0.1444 relu(1.769 - 0.7071 |x|)^2, a parabola for erf (arXiv 2101.01321). Its
 * slope is 0.5 at 0, where the sign is 0. */
static node *gelu_linear(graph *g, node *x)
{
	node *one = op_fill(g, x->s, 1);
	node *sign = op_sub(g, op_gate(g, one, x, 0), op_gate(g, one, op_neg(g, x), 0));
	node *rest = op_relu(g, op_add_scalar(g, op_scale(g, op_abs(g, x), -0.7071), 1.769));
	node *e = op_add_scalar(g, op_scale(g, op_square(g, rest), -0.1444), 0.5);
	return op_mul(g, x, op_add_scalar(g, op_mul(g, sign, e), 0.5));
}

/* relu(x)^2 (arXiv 2109.08668) */
static node *squared_relu(graph *g, node *x)
{
	return op_square(g, op_relu(g, x));
}

#define ROW(name, function) {name, function},
static const struct activation_row {
	const char *name;
	node *(*apply)(graph *g, node *x);
} activation[] = {ACTIVATIONS(ROW) {0}};
#undef ROW

/* Other names: what Keras, ashpy and keras_cv_attention_models write in their places for an activation. */
static const struct {
	const char *name, *means;
} alias[] = {{"none", "linear"}, {"", "linear"}, {"gelu/app", "gelu_tanh"}, {"gelu/approximate", "gelu_tanh"}};

/* "leaky_relu/SLOPE" */
static bool leaky_slope(const char *name, double *slope)
{
	const char *number = name + strlen("leaky_relu/");
	char *end;
	if (strncmp(name, "leaky_relu/", strlen("leaky_relu/")) != 0)
		return false;
	*slope = strtod(number, &end);
	return end != number && !*end && isfinite(*slope);
}

/* NULL: none. */
static const struct activation_row *row_of(const char *name)
{
	for (int i = 0; i < COUNT(alias); i++)
		if (!strcmp(name, alias[i].name))
			name = alias[i].means;
	const int i = word_find((word_list)WORDS_OF(activation, name), name);
	return i < 0 ? NULL : &activation[i];
}

bool activation_known(const char *name, fault *e)
{
	word_list names = WORDS_OF(activation, name);
	char text[512];
	double slope;
	if (row_of(name) || leaky_slope(name, &slope))
		return true;
	const char *near = word_near(names, name);
	if (near)
		return fault_set(e, "activation '%s': unknown; did you mean '%s'?", name, near);
	names.last = "leaky_relu/SLOPE";
	return fault_set(e, "activation '%s': unknown; known are %s", name, words_print(names, text, sizeof text));
}

node *op_activation(graph *g, node *x, const char *name)
{
	fault e;
	double slope;
	if (!activation_known(name, &e))
		return graph_fail(g, "%s", e.text);
	if (leaky_slope(name, &slope))
		return op_leaky_relu(g, x, slope);
	const struct activation_row *row = row_of(name);
	node *y = row->apply(g, x);
	graph_called(g, "activation", row->name, x, NULL, y);
	return y;
}
