/* onnx_pointwise.c - activations, norms, sums of layers and changes of shape as ONNX nodes. */
#include "core/base/local.h"
#include "gan/keras/onnx/onnx_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- activations ---- */

/* gelu(x) = x (1 + erf(x / sqrt 2)) / 2 */
static void gelu(const onnx_layer *t, const char *output, const char *input)
{
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME], d[ONNX_NAME];
	onnx_number(t, "Mul", onnx_own(t, "gelu1", a), input, "gelu_scale", 0.70710678118654752440);
	onnx_unary(t, "Erf", onnx_own(t, "gelu2", b), a);
	onnx_number(t, "Add", onnx_own(t, "gelu3", c), b, "gelu_one", 1);
	onnx_number(t, "Mul", onnx_own(t, "gelu4", d), c, "gelu_half", 0.5);
	onnx_binary(t, "Mul", output, input, d);
}

/* swish(x) = x sigmoid(x) */
static void swish(const onnx_layer *t, const char *output, const char *input)
{
	char a[ONNX_NAME];
	onnx_unary(t, "Sigmoid", onnx_own(t, "sigmoid", a), input);
	onnx_binary(t, "Mul", output, input, a);
}

static const struct {
	const char *name, *op;                       /* op NULL: several nodes */
	void (*nodes)(const onnx_layer *t, const char *output, const char *input);
} activations[] = {
	{"linear", "Identity", NULL}, {"relu", "Relu", NULL}, {"tanh", "Tanh", NULL}, {"sigmoid", "Sigmoid", NULL},
	{"softplus", "Softplus", NULL}, {"softsign", "Softsign", NULL}, {"exponential", "Exp", NULL},
	{"elu", "Elu", NULL}, {"selu", "Selu", NULL}, {"gelu", NULL, gelu}, {"swish", NULL, swish},
	{"silu", NULL, swish},
};

static bool activate(const onnx_layer *t, const char *name, const char *output, const char *input)
{
	for (int i = 0; i < COUNT(activations); i++) {
		if (strcmp(activations[i].name, name) != 0)
			continue;
		if (activations[i].op)
			onnx_unary(t, activations[i].op, output, input);
		else
			activations[i].nodes(t, output, input);
		return true;
	}
	return onnx_refuse(t, name);
}

const char *onnx_before(const onnx_layer *t, char out[ONNX_NAME])
{
	const char *name = keras_text(t->l, "activation", "linear");
	return strcmp(name, "linear") ? onnx_own(t, "linear", out) : t->out;
}

bool onnx_after(const onnx_layer *t, const char *value)
{
	return value == t->out || activate(t, keras_text(t->l, "activation", "linear"), t->out, value);
}

static bool put_activation(const onnx_layer *t)
{
	return activate(t, keras_text(t->l, "activation", "linear"), t->out, t->from[0]);
}

static bool put_relu(const onnx_layer *t)
{
	char a[ONNX_NAME];
	double slope = keras_number(t->l, "negative_slope", 0), top = keras_number(t->l, "max_value", INFINITY);
	if (keras_number(t->l, "threshold", 0) != 0)
		return onnx_refuse(t, "a threshold");
	const char *value = isfinite(top) ? onnx_own(t, "relu", a) : t->out;
	if (slope != 0)
		onnx_float(t->g, onnx_unary(t, "LeakyRelu", value, t->from[0]), "alpha", slope);
	else
		onnx_unary(t, "Relu", value, t->from[0]);
	if (value != t->out)
		onnx_number(t, "Min", t->out, value, "max_value", top);
	return true;
}

/* The slope has a name per generation. */
static bool put_leaky_relu(const onnx_layer *t)
{
	double slope = keras_number(t->l, "negative_slope", keras_number(t->l, "alpha", 0.3));
	onnx_float(t->g, onnx_unary(t, "LeakyRelu", t->out, t->from[0]), "alpha", slope);
	return true;
}

/* Dropout: nothing, when it is used. */
static bool put_identity(const onnx_layer *t)
{
	onnx_unary(t, "Identity", t->out, t->from[0]);
	return true;
}

/* Softmax along one axis; Keras counts axes of a map with the channels last. */
static bool put_softmax(const onnx_layer *t)
{
	int64_t axis = (int64_t)keras_number(t->l, "axis", -1), rank = t->s->rank + 1;
	axis += axis < 0 ? rank : 0;
	if (axis < 1 || axis >= rank)
		return onnx_refuse(t, "this axis");
	axis = t->maps && rank == 4 ? axis % 3 + 1 : axis;
	onnx_int(t->g, onnx_unary(t, "Softmax", t->out, t->from[0]), "axis", axis);
	return true;
}

/* ---- norms ---- */

static bool is_last_axis(const onnx_layer *t)
{
	int64_t axis = (int64_t)keras_number(t->l, "axis", -1);
	return axis == -1 || axis == t->s->rank;
}

static bool put_batch_norm(const onnx_layer *t)
{
	static const char *const names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
	int64_t n = shape_last(t->s);
	char name[4][ONNX_NAME];
	if (!is_last_axis(t) || t->s->rank == 2)
		return onnx_refuse(t, "this axis");
	for (int i = 0; i < 4; i++) {
		onnx_own(t, names[i], name[i]);
		if (i >= 2 && !onnx_need(t, names[i], 1))
			return false;
		if (!onnx_vector(t, names[i], n, i == 0))
			return false;
	}
	onnx_node *node = onnx_add(t->g, "BatchNormalization", t->out, 5,
				   (const char *const[]){t->from[0], name[0], name[1], name[2], name[3]});
	onnx_float(t->g, node, "epsilon", keras_number(t->l, "epsilon", 1e-3));
	return true;
}

static bool put_layer_norm(const onnx_layer *t)
{
	char gamma[ONNX_NAME], beta[ONNX_NAME];
	if (!is_last_axis(t))
		return onnx_refuse(t, "this axis");
	if (!onnx_vector(t, "gamma", shape_last(t->s), 1) || !onnx_vector(t, "beta", shape_last(t->s), 0))
		return false;
	onnx_own(t, "gamma", gamma);
	onnx_own(t, "beta", beta);
	onnx_node *node = onnx_add(t->g, "LayerNormalization", t->out, 3,
				   (const char *const[]){t->from[0], gamma, beta});
	onnx_float(t->g, node, "epsilon", keras_number(t->l, "epsilon", 1e-3));
	onnx_int(t->g, node, "axis", -1);
	return true;
}

static bool put_rescaling(const onnx_layer *t)
{
	char a[ONNX_NAME];
	double offset = keras_number(t->l, "offset", 0);
	const char *scaled = offset != 0 ? onnx_own(t, "scaled", a) : t->out;
	onnx_number(t, "Mul", scaled, t->from[0], "scale", keras_number(t->l, "scale", 1));
	if (offset != 0)
		onnx_number(t, "Add", t->out, scaled, "offset", offset);
	return true;
}

/* ---- moving, joining ---- */

/* Reshape and Flatten take maps apart in Keras' order. */
static bool put_reshape(const onnx_layer *t)
{
	onnx_reshape(t, t->out, t->from[0], t->s);
	return true;
}

/* Any number of inputs, by pairs. */
static bool put_joined(const onnx_layer *t)
{
	const char *op = !strcmp(t->l->class_name, "Add") ? "Add" : "Mul";
	char part[KERAS_INPUTS][ONNX_NAME], what[32];
	const char *sum = t->from[0];
	if (t->l->nin == 1)
		onnx_unary(t, "Identity", t->out, sum);
	for (int k = 1; k < t->l->nin; k++) {
		bool last = k == t->l->nin - 1;
		snprintf(what, sizeof what, "part%d", k);
		const char *to = last ? t->out : onnx_own(t, what, part[k]);
		onnx_binary(t, op, to, sum, t->from[k]);
		sum = to;
	}
	return true;
}

const onnx_class onnx_pointwise[] = {
	{"ReLU", put_relu, ONNX_EITHER}, {"LeakyReLU", put_leaky_relu, ONNX_EITHER},
	{"Dropout", put_identity, ONNX_EITHER}, {"Activation", put_activation, ONNX_EITHER},
	{"Softmax", put_softmax, ONNX_EITHER}, {"BatchNormalization", put_batch_norm, ONNX_MAPS},
	{"LayerNormalization", put_layer_norm, ONNX_LAST}, {"Rescaling", put_rescaling, ONNX_EITHER},
	{"Reshape", put_reshape, ONNX_LAST}, {"Flatten", put_reshape, ONNX_LAST}, {"Add", put_joined, ONNX_EITHER},
	{"Multiply", put_joined, ONNX_EITHER}, {0},
};
