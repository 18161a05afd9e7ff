/* classes_norm.c - normalisations and activations of Keras as ops, as they predict. */
#include <math.h>
#include <string.h>

#include "gan/keras/run/placed.h"

/* [C] weights of a normalisation, where its settings say so. */
static node *gain(keras_placed *p, shape want)
{
	return placed_flag(p, "scale", true) ? placed_weight(p, "gamma", want, true) : NULL;
}

static node *offset(keras_placed *p, shape want)
{
	return placed_flag(p, "center", true) ? placed_weight(p, "beta", want, true) : NULL;
}

/* (x - mean) * (gain / sqrt(var + eps)) + bias; all but x broadcast. gain, bias: NULL for none. */
static node *normalised(keras_placed *p, node *x, node *mean, node *var, node *scale, node *bias)
{
	const double eps = placed_real(p, "epsilon", 1e-3);
	if (p->failed)
		return NULL;
	if (!(eps >= 0))
		return placed_fail(p, "epsilon = %g: must not be negative", eps);
	node *factor = op_rsqrt(p->g, op_add_scalar(p->g, var, eps));
	node *y = op_mul(p->g, op_sub(p->g, x, mean), scale ? op_mul(p->g, factor, scale) : factor);
	return bias ? op_add(p->g, y, bias) : y;
}

static node *batch_norm(keras_placed *p)
{
	node *x = p->in[0];
	const int last = x->s.rank - 1;
	if (last < 1 || placed_axis(p, "axis", -1, x->s.rank) != last)
		return placed_fail(p, "normalises another axis than the last; that is not supported");
	placed_off(p, "renorm");
	const shape C = SHAPE(shape_last(&x->s));
	node *scale = gain(p, C), *bias = offset(p, C);
	node *mean = placed_weight(p, "moving_mean", C, false);
	node *var = placed_weight(p, "moving_variance", C, false);
	return p->failed ? NULL : normalised(p, x, mean, var, scale, bias);
}

/* Mean and variance over `axes`, kept with size 1. */
static node *by_moments(keras_placed *p, node *x, unsigned axes, node *scale, node *bias)
{
	node *mean = op_mean(p->g, x, axes, true);
	node *var = op_mean(p->g, op_square(p->g, op_sub(p->g, x, mean)), axes, true);
	return normalised(p, x, mean, var, scale, bias);
}

/* Keras 2 writes axis as a list, Keras 3 as a number; json.h makes a number of a list of one. */
static node *layer_norm(keras_placed *p)
{
	node *x = p->in[0];
	const int last = x->s.rank - 1;
	const keras_value *axis = placed_get(p, "axis");
	if (last < 1 || (axis && axis->kind == KERAS_LIST) || placed_axis(p, "axis", -1, x->s.rank) != last)
		return placed_fail(p, "normalises other axes than the last; that is not supported");
	placed_off(p, "rms_scaling");
	const shape C = SHAPE(shape_last(&x->s));
	node *scale = gain(p, C), *bias = offset(p, C);
	return p->failed ? NULL : by_moments(p, x, 1u << last, scale, bias);
}

/* [B,..,C] as [B,n,G,C/G]: moments over the second and the last axis. */
static node *group_norm(keras_placed *p)
{
	node *x = p->in[0];
	const int last = x->s.rank - 1;
	if (last < 1 || placed_axis(p, "axis", -1, x->s.rank) != last)
		return placed_fail(p, "normalises groups of another axis than the last; that is not supported");
	const int64_t C = shape_last(&x->s), B = x->s.dim[0];
	int groups = placed_int(p, "groups", 32, -1, 1 << 24);
	groups = groups == -1 ? (int)C : groups;
	if (groups < 1 || C % groups)
		return placed_fail(p, "%lld channels do not divide into %d groups", (long long)C, groups);
	node *scale = gain(p, SHAPE(C)), *bias = offset(p, SHAPE(C));
	if (p->failed)
		return NULL;
	const shape one = SHAPE(1, 1, groups, C / groups);
	scale = scale ? op_reshape(p->g, scale, one) : NULL;
	bias = bias ? op_reshape(p->g, bias, one) : NULL;
	node *split = op_reshape(p->g, x, SHAPE(B, shape_count(&x->s) / B / C, groups, C / groups));
	node *y = by_moments(p, split, 1u << 1 | 1u << 3, scale, bias);
	return y ? op_reshape(p->g, y, x->s) : NULL;
}

/* ---- activations ---- */

static node *relu(keras_placed *p)
{
	const double slope = placed_real(p, "negative_slope", 0), threshold = placed_real(p, "threshold", 0);
	const keras_value *most = placed_get(p, "max_value");
	if (p->failed || threshold != 0)
		return placed_fail(p, "threshold = %g is not supported", threshold);
	node *y = op_leaky_relu(p->g, p->in[0], slope);
	if (!most)
		return y;
	const double top = placed_real(p, "max_value", 0);
	return p->failed ? NULL : placed_smaller(p->g, y, op_fill(p->g, shape_scalar(), top));
}

/* Called alpha in Keras 2, negative_slope in Keras 3. */
static node *leaky(keras_placed *p)
{
	const double slope = placed_real(p, "negative_slope", placed_real(p, "alpha", 0.3));
	return p->failed ? NULL : op_leaky_relu(p->g, p->in[0], slope);
}

static node *elu(keras_placed *p)
{
	const double alpha = placed_real(p, "alpha", 1);
	return p->failed ? NULL : op_elu(p->g, p->in[0], alpha);
}

/* relu(x) - alpha * relu(-x); alpha has size 1 on shared axes. */
static node *prelu(keras_placed *p)
{
	node *x = p->in[0];
	const keras_value *shared = placed_get(p, "shared_axes");
	shape a = {.rank = x->s.rank - 1, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	if (a.rank < 1)
		return placed_fail(p, "its input has no axes");
	for (int i = 0; i < a.rank; i++)
		a.dim[i] = x->s.dim[i + 1];
	for (int i = 0; shared && i < (shared->kind == KERAS_LIST ? shared->n : 1); i++) {
		const double axis = shared->kind == KERAS_LIST ? (double)shared->list[i] : shared->number;
		if (!(axis >= 1 && axis <= a.rank))
			return placed_fail(p, "shared_axes must be from 1 to %d", a.rank);
		a.dim[(int)axis - 1] = 1;
	}
	node *alpha = placed_weight(p, "alpha", a, true);
	if (!alpha)
		return NULL;
	return op_sub(p->g, op_relu(p->g, x), op_mul(p->g, alpha, op_relu(p->g, op_neg(p->g, x))));
}

static node *activation(keras_placed *p)
{
	return placed_activation(p, p->in[0], placed_text(p, "activation", "linear"));
}

static node *softmax(keras_placed *p)
{
	const keras_value *axis = placed_get(p, "axis");
	if (axis && axis->kind == KERAS_LIST)
		return placed_fail(p, "more than one axis is not supported");
	const int at = placed_axis(p, "axis", -1, p->in[0]->s.rank);
	return p->failed ? NULL : op_softmax_axis(p->g, p->in[0], at);
}

const keras_class keras_norm_classes[] = {
	{"BatchNormalization", 1, 1, batch_norm},
	{"LayerNormalization", 1, 1, layer_norm},
	{"GroupNormalization", 1, 1, group_norm},
	{"ReLU", 1, 1, relu},
	{"LeakyReLU", 1, 1, leaky},
	{"ELU", 1, 1, elu},
	{"PReLU", 1, 1, prelu},
	{"Activation", 1, 1, activation},
	{"Softmax", 1, 1, softmax},
	{0},
};
