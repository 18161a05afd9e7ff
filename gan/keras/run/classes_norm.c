/* classes_norm.c - normalisations and activations of Keras as ops, as they predict. */
#include <math.h>
#include <string.h>

#include "gan/keras/run/placed.h"

/* [C] weights of a normalisation, where its settings say so. */
static node *gain(site *s, shape want)
{
	return site_flag(s, "scale", true) ? site_weight(s, "gamma", want, true) : NULL;
}

static node *offset(site *s, shape want)
{
	return site_flag(s, "center", true) ? site_weight(s, "beta", want, true) : NULL;
}

/* (x - mean) * (gain / sqrt(var + eps)) + bias; all but x broadcast. gain, bias: NULL for none. */
static node *normalised(site *s, node *x, node *mean, node *var, node *scale, node *bias)
{
	const double eps = site_real(s, "epsilon", 1e-3);
	if (s->failed)
		return NULL;
	if (!(eps >= 0))
		return site_fail(s, "epsilon = %g: must not be negative", eps);
	node *factor = op_rsqrt(s->g, op_add_scalar(s->g, var, eps));
	node *y = op_mul(s->g, op_sub(s->g, x, mean), scale ? op_mul(s->g, factor, scale) : factor);
	return bias ? op_add(s->g, y, bias) : y;
}

static node *batch_norm(site *s)
{
	node *x = s->in[0];
	const int last = x->s.rank - 1;
	if (last < 1 || site_axis(s, "axis", -1, x->s.rank) != last)
		return site_fail(s, "normalises another axis than the last; that is not supported");
	const shape C = SHAPE(shape_last(&x->s));
	node *scale = gain(s, C), *bias = offset(s, C);
	node *mean = site_weight(s, "moving_mean", C, false);
	node *var = site_weight(s, "moving_variance", C, false);
	return s->failed ? NULL : normalised(s, x, mean, var, scale, bias);
}

/* Mean and variance over `axes`, kept with size 1. */
static node *by_moments(site *s, node *x, unsigned axes, node *scale, node *bias)
{
	node *mean = op_mean(s->g, x, axes, true);
	node *var = op_mean(s->g, op_square(s->g, op_sub(s->g, x, mean)), axes, true);
	return normalised(s, x, mean, var, scale, bias);
}

/* Keras 2 writes axis as a list, Keras 3 as a number; json.h makes a number of a list of one. */
static node *layer_norm(site *s)
{
	node *x = s->in[0];
	const int last = x->s.rank - 1;
	const keras_value *axis = keras_get(s->l, "axis");
	if (last < 1 || (axis && axis->kind == KERAS_LIST) || site_axis(s, "axis", -1, x->s.rank) != last)
		return site_fail(s, "normalises other axes than the last; that is not supported");
	if (site_flag(s, "rms_scaling", false))
		return site_fail(s, "rms_scaling is not supported");
	const shape C = SHAPE(shape_last(&x->s));
	node *scale = gain(s, C), *bias = offset(s, C);
	return s->failed ? NULL : by_moments(s, x, 1u << last, scale, bias);
}

/* [B,..,C] as [B,n,G,C/G]: moments over the second and the last axis. */
static node *group_norm(site *s)
{
	node *x = s->in[0];
	const int last = x->s.rank - 1;
	if (last < 1 || site_axis(s, "axis", -1, x->s.rank) != last)
		return site_fail(s, "normalises groups of another axis than the last; that is not supported");
	const int64_t C = shape_last(&x->s), B = x->s.dim[0];
	int groups = site_int(s, "groups", 32, -1, 1 << 24);
	groups = groups == -1 ? (int)C : groups;
	if (groups < 1 || C % groups)
		return site_fail(s, "%lld channels do not divide into %d groups", (long long)C, groups);
	node *scale = gain(s, SHAPE(C)), *bias = offset(s, SHAPE(C));
	if (s->failed)
		return NULL;
	const shape one = SHAPE(1, 1, groups, C / groups);
	scale = scale ? op_reshape(s->g, scale, one) : NULL;
	bias = bias ? op_reshape(s->g, bias, one) : NULL;
	node *split = op_reshape(s->g, x, SHAPE(B, shape_count(&x->s) / B / C, groups, C / groups));
	node *y = by_moments(s, split, 1u << 1 | 1u << 3, scale, bias);
	return y ? op_reshape(s->g, y, x->s) : NULL;
}

/* ---- activations ---- */

static node *relu(site *s)
{
	const double slope = site_real(s, "negative_slope", 0), threshold = site_real(s, "threshold", 0);
	const keras_value *most = keras_get(s->l, "max_value");
	if (s->failed || threshold != 0)
		return site_fail(s, "threshold = %g is not supported", threshold);
	node *y = op_leaky_relu(s->g, s->in[0], slope);
	if (!most)
		return y;
	const double top = site_real(s, "max_value", 0);
	return s->failed ? NULL : op_sub(s->g, y, op_relu(s->g, op_add_scalar(s->g, y, -top)));
}

/* Called alpha in Keras 2, negative_slope in Keras 3. */
static node *leaky(site *s)
{
	const double slope = site_real(s, "negative_slope", site_real(s, "alpha", 0.3));
	return s->failed ? NULL : op_leaky_relu(s->g, s->in[0], slope);
}

static node *elu(site *s)
{
	const double alpha = site_real(s, "alpha", 1);
	return s->failed ? NULL : op_elu(s->g, s->in[0], alpha);
}

/* relu(x) - alpha * relu(-x); alpha has size 1 on shared axes. */
static node *prelu(site *s)
{
	node *x = s->in[0];
	const keras_value *shared = keras_get(s->l, "shared_axes");
	shape a = {.rank = x->s.rank - 1, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	if (a.rank < 1)
		return site_fail(s, "its input has no axes");
	for (int i = 0; i < a.rank; i++)
		a.dim[i] = x->s.dim[i + 1];
	for (int i = 0; shared && i < (shared->kind == KERAS_LIST ? shared->n : 1); i++) {
		const double axis = shared->kind == KERAS_LIST ? (double)shared->list[i] : shared->number;
		if (!(axis >= 1 && axis <= a.rank))
			return site_fail(s, "shared_axes must be from 1 to %d", a.rank);
		a.dim[(int)axis - 1] = 1;
	}
	node *alpha = site_weight(s, "alpha", a, true);
	if (!alpha)
		return NULL;
	return op_sub(s->g, op_relu(s->g, x), op_mul(s->g, alpha, op_relu(s->g, op_neg(s->g, x))));
}

static node *activation(site *s)
{
	return site_activation(s, s->in[0], keras_text(s->l, "activation", "linear"));
}

static node *softmax(site *s)
{
	const keras_value *axis = keras_get(s->l, "axis");
	if (axis && axis->kind == KERAS_LIST)
		return site_fail(s, "more than one axis is not supported");
	const int at = site_axis(s, "axis", -1, s->in[0]->s.rank);
	return s->failed ? NULL : op_softmax_axis(s->g, s->in[0], at);
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
