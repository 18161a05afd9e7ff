/* json_calls.c - the calls by which layers are joined, in the dialects of Keras 2 and 3: which results a layer takes,
 * and which constants.
 *
 * A layer of Keras is called with tensors. What is an operator or a function to the user, as in (x + 1) / 2, is a layer
 * here, too: of class ops>Add in Keras 3, a TFOpLambda with the function math.add in Keras 2. Its constants become
 * settings under the names of the arguments. */
#include "core/base/local.h"
#include "gan/keras/model/json_internal.h"

#include <stdio.h>
#include <string.h>

enum { ARGUMENTS = 3, FUNCTIONS = 2 };

/* What takes arguments by position or name: its class, the functions of TensorFlow that are the same, how Keras 3 and
 * TensorFlow call the arguments. Keras 3's names are ours. */
typedef struct signature {
	const char *class_name, *function[FUNCTIONS], *argument[ARGUMENTS], *old[ARGUMENTS];
} signature;

#define TWO {"x1", "x2"}, {"x", "y"}
#define ONE {"x"}, {"x"}

static const signature signatures[] = {
	{"MultiHeadAttention", {0}, {"query", "value", "key"}, {"query", "value", "key"}},
	{"ops>Add", {"math.add", "__operators__.add"}, TWO},
	{"ops>Subtract", {"math.subtract"}, TWO},
	{"ops>Multiply", {"math.multiply"}, TWO},
	{"ops>TrueDivide", {"math.truediv"}, TWO},
	{"ops>Divide", {"math.divide"}, TWO},
	{"ops>Power", {"math.pow"}, TWO},
	{"ops>Maximum", {"math.maximum"}, TWO},
	{"ops>Minimum", {"math.minimum"}, TWO},
	{"ops>Negative", {"math.negative"}, ONE},
	{"ops>Absolute", {"math.abs"}, ONE},
	{"ops>Square", {"math.square"}, ONE},
	{"ops>Sqrt", {"math.sqrt"}, ONE},
	{"ops>Rsqrt", {"math.rsqrt"}, ONE},
	{"ops>Exp", {"math.exp"}, ONE},
	{"ops>Log", {"math.log"}, ONE},
	{"ops>Tanh", {"math.tanh", "nn.tanh"}, ONE},
	{"ops>Sigmoid", {"math.sigmoid", "nn.sigmoid"}, ONE},
	{"ops>Relu", {"nn.relu"}, ONE},
	{"ops>Clip", {"clip_by_value"}, {"x", "x_min", "x_max"}, {"t", "clip_value_min", "clip_value_max"}},
	{"ops>Concatenate", {"concat"}, {"xs", "axis"}, {"values", "axis"}},
	{"ops>Reshape", {"reshape"}, {"x", "newshape"}, {"tensor", "shape"}},
	{"ops>Mean", {"math.reduce_mean"}, {"x", "axis", "keepdims"}, {"input_tensor", "axis", "keepdims"}},
};

static const signature *signature_of(const char *class_name)
{
	for (int i = 0; i < COUNT(signatures); i++)
		if (!strcmp(signatures[i].class_name, class_name))
			return &signatures[i];
	return NULL;
}

/* In an .h5 of Keras 3 nothing says whether Add is the layer or the operation, but how it is called does: an operation
 * of two has two arguments, the layer a list. Concatenate is the same as both. */
bool keras_is_op(const json_t *layer, const char *class_name)
{
	static const char *const layers[] = {"Add", "Subtract", "Multiply", "Maximum", "Minimum"};
	char op[KERAS_NAME];
	const json_t *node = json_array_get(json_object_get(layer, "inbound_nodes"), 0);
	snprintf(op, sizeof op, "ops>%.40s", class_name);
	if (!json_is_object(node) || json_object_get(layer, "module") || !signature_of(op))
		return false;
	for (int i = 0; i < COUNT(layers); i++)
		if (!strcmp(layers[i], class_name))
			return json_array_size(json_object_get(node, "args")) == 2;
	return strcmp(class_name, "Reshape") != 0 ? strcmp(class_name, "Concatenate") != 0
		: json_object_get(json_object_get(layer, "config"), "newshape") != NULL;
}

const char *keras_op_class(const char *function)
{
	for (int i = 0; i < COUNT(signatures); i++)
		for (int k = 0; k < FUNCTIONS && signatures[i].function[k]; k++)
			if (!strcmp(signatures[i].function[k], function))
				return signatures[i].class_name;
	return NULL;
}

/* ---- what is no argument ---- */

/* Layers that compute something else when they train; and whatever we do not know. */
static bool minds_training(const char *class_name)
{
	static const char *const name[] = {
		"AlphaDropout", "Attention", "AdditiveAttention", "BatchNormalization", "Dropout", "Functional",
		"GaussianDropout", "GaussianNoise", "Model", "MultiHeadAttention", "Sequential", "SpatialDropout2D",
		"SpectralNormalization",
	};
	for (int i = 0; i < COUNT(name); i++)
		if (!strcmp(class_name, name[i]))
			return true;
	return strchr(class_name, '>');
}

/* null, false, and lists and objects of these: "mask": [null, null], of named inputs {"p": null}. */
static bool says_nothing(const json_t *x)
{
	size_t i;
	const char *key;
	json_t *item;
	if (!json_is_array(x) && !json_is_object(x))
		return json_is_null(x) || json_is_false(x);
	json_array_foreach(x, i, item)
		if (!says_nothing(item))
			return false;
	json_object_foreach((json_t *)x, key, item)
		if (!says_nothing(item))
			return false;
	return true;
}

/* An operation without a signature may be given anything: then it is the operation that cannot be read. */
static bool is_known(const calls *c)
{
	const bool operation = !strncmp(c->class_name, "ops>", 4) || !strncmp(c->class_name, "tf>", 3);
	if (!operation || signature_of(c->class_name))
		return true;
	return fault_set(c->e, "layer %.80s%.80s: class %s is not known", c->model, c->who, c->class_name);
}

static bool is_argument(const signature *s, const char *const *name, const char *key)
{
	for (int i = 0; s && i < ARGUMENTS && name[i]; i++)
		if (!strcmp(name[i], key))
			return true;
	return false;
}

/* Keywords that are no arguments must say nothing. */
static bool plain_keywords(calls *c, const signature *s, const char *const *name, const json_t *keywords)
{
	const char *key;
	json_t *x;
	json_object_foreach((json_t *)keywords, key, x) {
		const bool idle = !strcmp(key, "training") && !minds_training(c->class_name);
		if (!is_argument(s, name, key) && !says_nothing(x) && !idle && strcmp(key, "name") != 0)
			return is_known(c) && fault_set(c->e, "layer %.80s%.80s: called with %.60s = ..; only plain "
				"calls are read", c->model, c->who, key);
	}
	return true;
}

/* ---- arguments ---- */

static bool constant(calls *c, const char *name, const json_t *x)
{
	if (json_is_null(x))
		return true;
	if (!name || json_is_object(x) || c->constants == CALLS_CONSTANTS)
		return fault_set(c->e, "layer %.80s%.80s: called with a constant that is no number; only results of "
			"layers and numbers are read", c->model, c->who);
	c->constant[c->constants].name = name;
	c->constant[c->constants++].x = x;
	return true;
}

/* ["name", node, result, ..]: one result of a layer. A layer is called once, so the node says nothing. */
static bool is_triple(const json_t *x)
{
	return json_is_string(json_array_get(x, 0)) && json_array_size(x) >= 3;
}

/* Keras 2 puts a constant into a first argument like this. */
static bool is_constant(const json_t *triple)
{
	return !strcmp(json_string_value(json_array_get(triple, 0)), "_CONSTANT_VALUE");
}

static bool is_tensor(const json_t *x)
{
	const char *class_name = keras_entry_text(x, "class_name");
	return class_name && !strcmp(class_name, "__keras_tensor__");
}

static bool holds_tensors(const json_t *x)
{
	size_t i;
	const char *key;
	json_t *item;
	json_array_foreach(x, i, item)
		if (holds_tensors(item))
			return true;
	if (is_tensor(x))
		return true;
	json_object_foreach((json_t *)x, key, item)
		if (holds_tensors(item))
			return true;
	return false;
}

/* Keras 3: tensors in lists of lists. */
static bool tensors(calls *c, const json_t *x)
{
	size_t i;
	json_t *item;
	if (is_tensor(x))
		return c->result(c->ctx, json_object_get(json_object_get(x, "config"), "keras_history"));
	if (!json_is_array(x))
		return is_known(c) && fault_set(c->e, "layer %.80s%.80s: called with %s are read", c->model, c->who,
			holds_tensors(x) ? "a dictionary of results of layers; only lists of them"
				: "a constant; only results of layers");
	json_array_foreach(x, i, item)
		if (!tensors(c, item))
			return false;
	return true;
}

/* Keras 3: {"args": [..], "kwargs": {..}}. */
static bool node_of_3(calls *c, const signature *s, const json_t *node)
{
	static const char *const none[ARGUMENTS] = {0};
	const json_t *args = json_object_get(node, "args"), *keywords = json_object_get(node, "kwargs");
	const char *const *name = s ? s->argument : none;
	const size_t n = json_array_size(args);
	if (!plain_keywords(c, s, name, keywords))
		return false;
	if (!s)
		return tensors(c, args);
	for (size_t p = 0; p < MAX(n, (size_t)ARGUMENTS); p++) {
		const char *called = p < ARGUMENTS ? name[p] : NULL;
		const json_t *x = p < n ? json_array_get(args, p) : called ? json_object_get(keywords, called) : NULL;
		if (x && !called && holds_tensors(x))        /* a mask: it would be read as what has the last name */
			return fault_set(c->e, "layer %.80s%.80s: called with argument %zu; only plain calls are read",
				c->model, c->who, p + 1);
		if (x && !(holds_tensors(x) ? tensors(c, x) : constant(c, called, x)))
			return false;
	}
	return true;
}

/* Keras 2: one argument, a triple or a list of them; of a call with more, the first. */
static bool triples(calls *c, const signature *s, const json_t *x)
{
	static const char *const none[ARGUMENTS] = {0};
	size_t i;
	json_t *item;
	if (is_triple(x)) {
		if (!plain_keywords(c, s, s ? s->old : none, json_array_get(x, 3)))
			return false;
		return s && is_constant(x) ? constant(c, s->argument[0], json_array_get(x, 2)) : c->result(c->ctx, x);
	}
	if (!json_is_array(x))
		return fault_set(c->e, "layer %.80s%.80s: its inputs cannot be understood", c->model, c->who);
	json_array_foreach(x, i, item)
		if (!triples(c, s, item))
			return false;
	return true;
}

/* The keywords of a call, which stand in each of its triples. */
static const json_t *keywords_of(const json_t *node)
{
	for (int depth = 0; depth < 3 && json_is_array(node) && !is_triple(node); depth++)
		node = json_array_get(node, 0);
	return json_array_get(node, 3);
}

static bool node_of_2(calls *c, const signature *s, const json_t *node)
{
	if (!triples(c, s, node))
		return false;
	const json_t *keywords = keywords_of(node);
	for (int p = 1; s && p < ARGUMENTS && s->old[p]; p++) {
		const json_t *x = json_object_get(keywords, s->old[p]);
		if (is_triple(x) && is_constant(x))
			x = json_array_get(x, 2);
		if (x && !(is_triple(x) ? c->result(c->ctx, x) : constant(c, s->argument[p], x)))
			return false;
	}
	return true;
}

bool keras_read_call(calls *c, const json_t *node)
{
	const signature *s = signature_of(c->class_name);
	c->constants = 0;
	return json_is_object(node) ? node_of_3(c, s, node) : node_of_2(c, s, node);
}
