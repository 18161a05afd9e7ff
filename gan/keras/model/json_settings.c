/* json_settings.c - a layer's config in JSON as the settings of model.h. */
#include "core/base/local.h"
#include "gan/keras/model/json_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	SETTINGS_MAX = 256,
	NUMBER_MAX = INT32_MAX,                      /* whole numbers beyond it count nothing in a network */
};

#define KIND(k) (1u << (k))
enum { WHOLE = KIND(KERAS_INT), NUMBER = KIND(KERAS_INT) | KIND(KERAS_FLOAT) };

/* What the stock layers' settings are; run/ relies on it. */
static const struct {
	const char *key, *must_be;
	unsigned kinds;
} stock[] = {
	{"units", "a whole number", WHOLE},
	{"filters", "a whole number", WHOLE},
	{"input_dim", "a whole number", WHOLE},
	{"output_dim", "a whole number", WHOLE},
	{"groups", "a whole number", WHOLE},
	{"kernel_size", "a list of whole numbers", KIND(KERAS_LIST)},
	{"strides", "a list of whole numbers", KIND(KERAS_LIST)},
	{"pool_size", "a list of whole numbers", KIND(KERAS_LIST)},
	{"size", "a list of whole numbers", KIND(KERAS_LIST)},
	{"dilation_rate", "a list of whole numbers", KIND(KERAS_LIST)},
	{"target_shape", "a list of whole numbers", KIND(KERAS_LIST)},
	{"batch_input_shape", "a list of whole numbers and null", KIND(KERAS_LIST)},
	{"padding", "a text or pairs of whole numbers", KIND(KERAS_TEXT) | KIND(KERAS_PAIRS)},
	{"axis", "a whole number or a list", WHOLE | KIND(KERAS_LIST)},
	{"axes", "a whole number or a list", WHOLE | KIND(KERAS_LIST)},
	{"momentum", "a number", NUMBER},
	{"epsilon", "a number", NUMBER},
	{"negative_slope", "a number", NUMBER},
	{"alpha", "a number", NUMBER},
	{"offset", "a number", NUMBER},
	{"scale", "a number or a yes/no", NUMBER | KIND(KERAS_BOOL)},
	{"center", "true or false", KIND(KERAS_BOOL)},
	{"use_bias", "true or false", KIND(KERAS_BOOL)},
	{"normalize", "true or false", KIND(KERAS_BOOL)},
	{"activation", "a text", KIND(KERAS_TEXT)},
	{"interpolation", "a text", KIND(KERAS_TEXT)},
	{"data_format", "a text", KIND(KERAS_TEXT)},
};

static bool small(const json_t *x)
{
	json_int_t n = json_integer_value(x);
	return json_is_integer(x) && n >= -NUMBER_MAX && n <= NUMBER_MAX;
}

/* Whole numbers and nulls of a list, behind those already in x[0..*n). */
static bool list_of(const json_t *list, int *n, int64_t x[KERAS_LIST_MAX])
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) {
		if (*n == KERAS_LIST_MAX || !(json_is_null(item) || small(item)))
			return false;
		x[(*n)++] = json_is_null(item) ? -1 : json_integer_value(item);
	}
	return true;
}

/* [[a, b], [c, d]] as a b c d. */
static bool pairs_of(const json_t *list, int *n, int64_t x[KERAS_LIST_MAX])
{
	size_t i;
	json_t *pair;
	json_array_foreach(list, i, pair)
		if (json_array_size(pair) != 2 || !list_of(pair, n, x))
			return false;
	return *n > 0;
}

static bool set_json(keras_model *m, int at, const char *key, const json_t *x, fault *e)
{
	char *text = json_dumps(x, JSON_COMPACT | JSON_ENCODE_ANY);
	bool ok = text ? keras_set_text(m, at, key, text, e) : fault_set(e, "out of memory");
	free(text);
	return ok;
}

static bool set_array(keras_model *m, int at, const char *key, const json_t *x, fault *e)
{
	int64_t list[KERAS_LIST_MAX];
	int n = 0;
	if (list_of(x, &n, list)) {
		if (n == 1 && !strcmp(key, "axis"))
			return keras_set_int(m, at, key, list[0], e);
		return keras_set_list(m, at, key, n, list, e);
	}
	n = 0;
	return pairs_of(x, &n, list) ? keras_set_pairs(m, at, key, n, list, e) : set_json(m, at, key, x, e);
}

/* A function is its name, a dtype policy too. */
static bool set_object(keras_model *m, int at, const char *key, const json_t *x, fault *e)
{
	const json_t *config = json_object_get(x, "config");
	const char *class_name = keras_entry_text(x, "class_name"), *name = NULL;
	if (class_name && !strcmp(class_name, "function"))
		name = json_string_value(config);
	else if (class_name && !strcmp(class_name, "DTypePolicy"))
		name = keras_entry_text(config, "name");
	return name ? keras_set_text(m, at, key, name, e) : set_json(m, at, key, x, e);
}

static bool set_any(keras_model *m, int at, const char *key, const json_t *x, fault *e)
{
	switch (json_typeof(x)) {
	case JSON_NULL:
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		return keras_set_bool(m, at, key, json_is_true(x), e);
	case JSON_INTEGER:
		return small(x) ? keras_set_int(m, at, key, json_integer_value(x), e)
			: keras_set_float(m, at, key, (double)json_integer_value(x), e);
	case JSON_REAL:
		return keras_set_float(m, at, key, json_real_value(x), e);
	case JSON_STRING:
		return keras_set_text(m, at, key, json_string_value(x), e);
	case JSON_ARRAY:
		return set_array(m, at, key, x, e);
	default:
		return set_object(m, at, key, x, e);
	}
}

static bool check_kind(const keras_model *m, int at, const char *key, fault *e)
{
	const keras_layer *l = &m->layer[at];
	const keras_value *x = keras_get(l, key);
	for (int i = 0; x && i < COUNT(stock); i++)
		if (!strcmp(stock[i].key, key) && !(stock[i].kinds & KIND(x->kind)) && !strchr(l->class_name, '>'))
			return fault_set(e, "layer %s: %s must be %s", l->name, key, stock[i].must_be);
	return true;
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);
	return n >= k && !strcmp(s + n - k, with);
}

/* Not settings of the network: how weights began, what training added, names. */
static bool is_idle(const char *class_name, const char *key)
{
	bool input = !strcmp(class_name, "InputLayer");
	if (!strcmp(key, "batch_input_shape") || !strcmp(key, "batch_shape"))
		return !input;                       /* Keras 2 notes it on a first layer of any class */
	return ends(key, "_initializer") || ends(key, "_regularizer") || ends(key, "_constraint") ||
	       !strcmp(key, "name") || (input && strcmp(key, "dtype") != 0);
}

/* A largest value without a bound is none. */
static bool is_unset(const char *key, const json_t *x)
{
	const char *text = json_string_value(x);
	return text && !strcmp(key, "max_value") && !strcmp(text, KERAS_INFINITY);
}

bool keras_read_setting(keras_model *m, int at, const char *key, const json_t *x, fault *e)
{
	if (is_unset(key, x))
		return true;
	return set_any(m, at, key, x, e) && check_kind(m, at, key, e);
}

static bool set_config(keras_model *m, int at, const json_t *config, fault *e)
{
	const char *key;
	json_t *x;
	if (json_object_size(config) > SETTINGS_MAX)
		return fault_set(e, "layer %s: more than %d settings", m->layer[at].name, SETTINGS_MAX);
	json_object_foreach((json_t *)config, key, x) {
		const char *as = !strcmp(key, "batch_shape") ? "batch_input_shape" : key;
		if (!is_idle(m->layer[at].class_name, key) && !keras_read_setting(m, at, as, x, e))
			return false;
	}
	return true;
}

/* SpectralNormalization: the settings of the layer inside, then its own, and the inner class as "layer". */
bool keras_read_settings(keras_model *m, int at, const json_t *config, fault *e)
{
	const json_t *inner = json_object_get(config, "layer");
	char class_name[KERAS_NAME];
	if (strcmp(m->layer[at].class_name, "SpectralNormalization") != 0)
		return set_config(m, at, config, e);
	if (!json_is_object(json_object_get(inner, "config")) || !keras_entry_class(inner, class_name))
		return fault_set(e, "layer %s: wraps no layer", m->layer[at].name);
	return set_config(m, at, json_object_get(inner, "config"), e) && set_config(m, at, config, e) &&
	       keras_set_text(m, at, "layer", class_name, e);
}
