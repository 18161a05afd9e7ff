/* values.c - from the output back to an activation with bounds, and forth again through what scales them. */
#include "gan/keras/run/values.h"

#include <math.h>
#include <string.h>

#include "core/base/local.h"

/* Activations by the names that layers and operations give them. */
static const struct {
	const char *name;
	double lo, hi;
} bounds[] = {
	{"sigmoid", 0, 1}, {"softmax", 0, 1}, {"tanh", -1, 1}, {"softsign", -1, 1}, {"relu6", 0, 6},
};

static bool bounded(const char *name, keras_values *v)
{
	for (int i = 0; i < COUNT(bounds); i++)
		if (!strcmp(bounds[i].name, name)) {
			*v = (keras_values){bounds[i].name, bounds[i].lo, bounds[i].hi};
			return true;
		}
	return false;
}

static bool among(const char *const *list, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

bool keras_keeps_values(const char *class_name)
{
	static const char *const name[] = {
		"ActivityRegularization", "AlphaDropout", "AveragePooling2D", "Cropping2D", "Dropout", "Flatten",
		"GaussianDropout", "GaussianNoise", "Identity", "MaxPooling2D", "Permute", "RepeatVector", "Reshape",
		"Resizing", "SpatialDropout2D", "UpSampling2D", "ops>Reshape",
	};
	return among(name, COUNT(name), class_name);
}

/* Both ends through f, sorted. */
static void ends(keras_values *v, double lo, double hi)
{
	v->lo = MIN(lo, hi);
	v->hi = MAX(lo, hi);
}

/* + - * / with a number, which may stand first; clip. False: another operation, or what it does not know. */
static bool scaled(const keras_layer *l, keras_values *v)
{
	const char *op = l->class_name;
	const bool first = keras_get(l, "x1") != NULL;
	const double c = keras_number(l, first ? "x1" : "x2", NAN), lo = v->lo, hi = v->hi;
	if (!strcmp(op, "Rescaling")) {
		const double scale = keras_number(l, "scale", 1), offset = keras_number(l, "offset", 0);
		ends(v, lo * scale + offset, hi * scale + offset);
	} else if (!strcmp(op, "ops>Clip")) {
		const double least = keras_number(l, "x_min", -INFINITY), most = keras_number(l, "x_max", INFINITY);
		ends(v, MIN(MAX(lo, least), most), MIN(MAX(hi, least), most));
	} else if (!strcmp(op, "ops>Negative")) {
		ends(v, -lo, -hi);
	} else if (!strcmp(op, "ops>Add")) {
		ends(v, lo + c, hi + c);
	} else if (!strcmp(op, "ops>Multiply")) {
		ends(v, lo * c, hi * c);
	} else if (!strcmp(op, "ops>Subtract")) {
		ends(v, first ? c - lo : lo - c, first ? c - hi : hi - c);
	} else if ((!strcmp(op, "ops>TrueDivide") || !strcmp(op, "ops>Divide")) && !first) {
		ends(v, lo / c, hi / c);
	} else {
		return false;
	}
	return isfinite(v->lo) && isfinite(v->hi);
}

/* "ops>Tanh": what it does, as a layer's activation is called. */
static const char *as_activation(const char *class_name)
{
	static const char *const name[][2] = {
		{"ops>Tanh", "tanh"}, {"ops>Sigmoid", "sigmoid"}, {"Softmax", "softmax"},
	};
	for (int i = 0; i < COUNT(name); i++)
		if (!strcmp(name[i][0], class_name))
			return name[i][1];
	return "";
}

/* Layer i. Inputs of a layer stand before it, so this ends. */
static bool values_of(const keras_model *m, int i, keras_values *v)
{
	const keras_layer *l = &m->layer[i];
	if (bounded(keras_text(l, "activation", ""), v) || bounded(as_activation(l->class_name), v))
		return true;
	if (l->nin != 1 || strcmp(keras_text(l, "activation", "linear"), "linear") != 0)
		return false;
	if (!strcmp(l->class_name, "Activation") || keras_keeps_values(l->class_name))
		return values_of(m, l->in[0], v);
	return values_of(m, l->in[0], v) && scaled(l, v);
}

keras_values keras_output_values(const keras_model *m)
{
	keras_values v = {.activation = NULL};
	if (m->outputs != 1 || !values_of(m, m->output[0], &v))
		v = (keras_values){.activation = NULL};
	return v;
}
