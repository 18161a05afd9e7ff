/* ops_activation.c - activations composed of other ops, and the table of their names. No kernels:
 * the planner runs such a chain in one pass. */
#include "core/ops.h"

#include <string.h>

/* max(x, lo), to the bit: lo + relu(x - lo) would round. Derivative at lo: 0. */
static node *clip_below(graph *g, node *x, double lo)
{
	if (lo == 0)
		return op_relu(g, x);
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
	return op_mul(g, op_scale(g, x, 0.5), phi);
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
 * of the left side, alpha, as in TensorFlow. */
node *op_elu(graph *g, node *x, double alpha)
{
	node *above = op_relu(g, x);
	node *below = op_exp(g, op_sub(g, x, above));
	return op_add(g, above, op_scale(g, op_add_scalar(g, below, -1), alpha));
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

static const struct {
	const char *name;
	node *(*apply)(graph *g, node *x);
} activation[] = {
	{"linear",       linear},
	{"none",         linear},
	{"",             linear},
	{"relu",         op_relu},
	{"leaky_relu",   leaky_relu_keras},
	{"sigmoid",      op_sigmoid},
	{"tanh",         op_tanh},
	{"swish",        op_swish},
	{"gelu",         op_gelu},
	{"gelu_tanh",    op_gelu_tanh},
	{"softplus",     op_softplus},
	{"elu",          elu_keras},
	{"selu",         op_selu},
	{"exponential",  op_exp},
	{"hard_sigmoid", op_hard_sigmoid},
	{"softmax",      op_softmax},
};

node *op_activation(graph *g, node *x, const char *name)
{
	const char *names[COUNT(activation)];
	for (int i = 0; i < COUNT(activation); i++) {
		names[i] = activation[i].name;
		if (!strcmp(name, activation[i].name))
			return activation[i].apply(g, x);
	}
	const char *near = closest(name, names, COUNT(names));
	if (near)
		return graph_fail(g, "activation '%s': unknown; did you mean '%s'?", name, near);
	return graph_fail(g, "activation '%s': unknown; known are linear, relu, leaky_relu, sigmoid, tanh, "
		"swish, gelu, gelu_tanh, softplus, elu, selu, exponential, hard_sigmoid, softmax", name);
}
