/* json.c - reading the JSON of Keras 2 and 3 into one flat model (json.h says what becomes of things).
 *
 * The text is hostile until shown otherwise: jansson bounds its depth, we its size, the number of layers,
 * of settings and of models inside each other; every value is asked for its type before it is used. */
#include "core/base/local.h"
#include "gan/keras/model/json_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FULL_NAME = 2 * KERAS_LAYER };                /* "gan.generator." before it is refused as too long */

/* A layer of one model of the text. */
typedef struct entry {
	json_t *json;                                /* borrow */
	const char *name;                            /* borrow: as the other layers of its model call it */
	enum { WAITING, BUSY, DONE } state;
	int nout, out[KERAS_INPUTS];                 /* layers of the flat model that hold its results */
} entry;

/* One model of the text: the whole, or one inside another. */
typedef struct level {
	keras_model *m;
	const char *prefix;                          /* borrow: "", "gen." */
	int nesting, depth;                          /* depth: calls of emit under way, those of outer levels too */
	bool chain;                                  /* Sequential: everybody is fed by the one before */
	int n;
	entry *entry;                                /* [n] own */
	json_t *index;                               /* name -> number of the entry, own */
	int nin, in[KERAS_INPUTS];                   /* nested: what stands for its inputs */
	fault *e;
} level;

/* Results asked from other layers of the same model, and constants. */
typedef struct wants {
	int n;
	int entry[KERAS_INPUTS], result[KERAS_INPUTS];
	calls call;
} wants;

/* ---- small things ---- */

const char *keras_entry_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool wrong(const level *v, const char *name, const char *what)
{
	return fault_set(v->e, "layer %.80s%.80s: %s", v->prefix, name, what);
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* A module of Keras itself, or of a package that is Keras under another name; keras_hub and the like are not. */
static bool is_keras(const char *module)
{
	static const char *const package[] = {"keras.", "tf_keras.", "keras_core.", "tensorflow."};
	for (int i = 0; i < COUNT(package); i++)
		if (starts(module, package[i]))
			return true;
	return !strcmp(module, "keras");
}

static bool is_model(const char *class_name)
{
	return !strcmp(class_name, "Functional") || !strcmp(class_name, "Model") || !strcmp(class_name, "Sequential");
}

/* A function of TensorFlow: the operation that it is, or "tf>image.resize". */
static int tf_function(const json_t *layer, char out[KERAS_NAME])
{
	const char *function = keras_entry_text(json_object_get(layer, "config"), "function");
	const char *op = function ? keras_op_class(function) : NULL;
	return op ? snprintf(out, KERAS_NAME, "%s", op)
		: snprintf(out, KERAS_NAME, "tf>%s", function ? function : "function");
}

/* The class with its package where it is not Keras' own. Keras 2 writes "sagan>X" into class_name, Keras 3
 * into registered_name; the module tells an operation from a layer of the same name. */
bool keras_entry_class(const json_t *layer, char out[KERAS_NAME])
{
	const char *class_name = keras_entry_text(layer, "class_name"), *module = keras_entry_text(layer, "module");
	const char *registered = keras_entry_text(layer, "registered_name");
	int n;
	if (!class_name)
		return false;
	if (strchr(class_name, '>'))
		n = snprintf(out, KERAS_NAME, "%s", class_name);
	else if (registered && strchr(registered, '>'))
		n = snprintf(out, KERAS_NAME, "%s", registered);
	else if (!strcmp(class_name, "TFOpLambda"))
		n = tf_function(layer, out);
	else if (module && !is_keras(module))
		n = snprintf(out, KERAS_NAME, "%s>%s", module, class_name);
	else if ((module && strstr(module, ".ops.")) || keras_is_op(layer, class_name))
		n = snprintf(out, KERAS_NAME, "ops>%s", class_name);
	else
		n = snprintf(out, KERAS_NAME, "%s", class_name);
	return n > 0 && n < KERAS_NAME;
}

/* ---- who feeds whom ---- */

/* ["name", node, result, ..]: one result of a layer. A layer is called once, so the node says nothing. */
static bool want_one(const level *v, const char *who, const json_t *triple, wants *w)
{
	const json_t *name = json_array_get(triple, 0), *result = json_array_get(triple, 2);
	const json_t *at = json_is_string(name) ? json_object_get(v->index, json_string_value(name)) : NULL;
	json_int_t k = json_integer_value(result);
	if (!at)
		return wrong(v, who, "is fed by a layer that does not exist");
	if (!json_is_integer(result) || k < 0 || k >= KERAS_INPUTS)
		return wrong(v, who, "is fed by a result that does not exist");
	if (w->n == KERAS_INPUTS)
		return wrong(v, who, "has more than 8 inputs or results");
	w->entry[w->n] = (int)json_integer_value(at);
	w->result[w->n++] = (int)k;
	return true;
}

/* input_layers and output_layers: triples, alone, in lists or in objects. */
static bool want_triples(const level *v, const char *who, const json_t *x, wants *w)
{
	size_t i;
	const char *key;
	json_t *item;
	if (json_is_string(json_array_get(x, 0)))
		return want_one(v, who, x, w);
	if (!json_is_array(x) && !json_is_object(x))
		return wrong(v, who, "its inputs cannot be understood");
	json_array_foreach(x, i, item)
		if (!want_triples(v, who, item, w))
			return false;
	json_object_foreach((json_t *)x, key, item)
		if (!want_triples(v, who, item, w))
			return false;
	return true;
}

/* A call on its way into wants. */
typedef struct asking {
	const level *v;
	const char *who;
	wants *w;
} asking;

static bool want_result(void *ctx, const json_t *triple)
{
	const asking *a = ctx;
	return want_one(a->v, a->who, triple, a->w);
}

static bool want_call(const level *v, const entry *x, const json_t *node, wants *w)
{
	char class_name[KERAS_NAME];
	asking a = {v, x->name, w};
	if (!keras_entry_class(x->json, class_name))
		return wrong(v, x->name, "has no class, or one of more than 63 characters");
	w->call = (calls){
		.model = v->prefix, .who = x->name, .class_name = class_name,
		.result = want_result, .ctx = &a, .e = v->e,
	};
	return keras_read_call(&w->call, node);
}

static bool want_inputs(const level *v, int i, wants *w)
{
	const entry *x = &v->entry[i];
	const json_t *nodes = json_object_get(x->json, "inbound_nodes"), *node = json_array_get(nodes, 0);
	*w = (wants){.n = 0};
	if (v->chain) {
		if (i > 0)
			*w = (wants){.n = 1, .entry = {i - 1}};
		return true;
	}
	if (!json_is_array(nodes))
		return wrong(v, x->name, "has no inbound_nodes");
	if (json_array_size(nodes) > 1)
		return wrong(v, x->name, "called more than once; shared layers are not read");
	return !node || want_call(v, x, node, w);
}

/* ---- layers ---- */

/* "gen.fc": the name of a layer or model of this level in the flat one, and `end` behind it. new/free. */
static char *full_name_new(const level *v, const char *name, const char *end)
{
	char *full = mem_new(FULL_NAME, 1, v->e);
	if (!full)
		return NULL;
	const size_t before = strlen(v->prefix);         /* below KERAS_LAYER, and a plain name of a part is 127 */
	memcpy(full, v->prefix, before);
	keras_plain_name(name, full + before);
	snprintf(full + strlen(full), KERAS_LAYER / 2, "%s", end);
	if (strlen(full) < KERAS_LAYER)
		return full;
	wrong(v, name, "the names of nested models are too long together");
	free(full);
	return NULL;
}

static bool is_input(const entry *x)
{
	const char *class_name = keras_entry_text(x->json, "class_name");
	return class_name && !strcmp(class_name, "InputLayer");
}

static bool flatten(level *outer, const char *name, const char *class_name, const json_t *config, int nin,
		    const int *in, entry *out);

static bool make_layer(level *v, entry *x, const char *class_name, int nin, const int *in, const calls *call)
{
	if (v->m->layers == KERAS_LAYERS_MAX)
		return fault_set(v->e, "more than %d layers", KERAS_LAYERS_MAX);
	char *name = full_name_new(v, x->name, "");
	const int at = name ? keras_add(v->m, class_name, name, nin, in, v->e) : -1;
	free(name);
	if (at < 0)
		return false;
	x->nout = 1;
	x->out[0] = at;
	if (!keras_read_settings(v->m, at, json_object_get(x->json, "config"), v->e))
		return false;
	for (int k = 0; k < call->constants; k++)
		if (!keras_read_setting(v->m, at, call->constant[k].name, call->constant[k].x, v->e))
			return false;
	return !is_input(x) || keras_get(&v->m->layer[at], "batch_input_shape") || wrong(v, x->name, "has no shape");
}

/* An entry whose inputs are made. */
static bool make(level *v, entry *x, const wants *w)
{
	char class_name[KERAS_NAME];
	int in[KERAS_INPUTS];
	const json_t *config = json_object_get(x->json, "config");
	if (!keras_entry_class(x->json, class_name))
		return wrong(v, x->name, "has no class, or one of more than 63 characters");
	if (!json_is_object(config) && !is_model(class_name))
		return wrong(v, x->name, "has no config");
	for (int k = 0; k < w->n; k++) {
		const entry *from = &v->entry[w->entry[k]];
		if (w->result[k] >= from->nout)
			return wrong(v, x->name, "is fed by a result that does not exist");
		in[k] = from->out[w->result[k]];
	}
	int n = w->n;
	if (v->chain && x == v->entry && strcmp(class_name, "InputLayer") != 0)
		in[n++] = v->in[0];
	if (is_model(class_name))
		return flatten(v, x->name, class_name, config, n, in, x);
	return make_layer(v, x, class_name, n, in, &w->call);
}

/* Makes entry i after everybody who feeds it. Models inside each other go on where the outer walk stands, so their
 * depths add up. */
static bool emit(level *v, int i)
{
	entry *x = &v->entry[i];
	wants w;
	if (x->state == DONE)
		return true;
	if (x->state == BUSY)
		return wrong(v, x->name, "feeds itself");
	x->state = BUSY;
	if (v->depth++ == KERAS_LAYERS_MAX)
		return fault_set(v->e, "more than %d layers, each before the one that feeds it", KERAS_LAYERS_MAX);
	if (!want_inputs(v, i, &w))
		return false;
	for (int k = 0; k < w.n; k++)
		if (!emit(v, w.entry[k]))
			return false;
	x->state = DONE;
	if (!make(v, x, &w))
		return false;
	v->depth--;
	return true;
}

/* ---- models ---- */

static bool index_layers(level *v, const json_t *layers)
{
	v->n = (int)MIN(json_array_size(layers), (size_t)KERAS_LAYERS_MAX + 1);
	if (v->n < 1 || v->n > KERAS_LAYERS_MAX)
		return fault_set(v->e, "a model must have 1 to %d layers", KERAS_LAYERS_MAX);
	v->entry = mem_zero((size_t)v->n, sizeof *v->entry, v->e);
	v->index = json_object();
	for (int i = 0; v->entry && i < v->n; i++) {
		json_t *x = json_array_get(layers, (size_t)i);
		const char *name = keras_entry_text(x, "name");
		if (!name)
			name = keras_entry_text(json_object_get(x, "config"), "name");
		if (!name)
			return fault_set(v->e, "layer %d of a model: has no name", i);
		if (json_object_get(v->index, name))
			return wrong(v, name, "there are two of that name");
		v->entry[i].json = x;
		v->entry[i].name = name;
		if (json_object_set_new(v->index, name, json_integer(i)) != 0)
			return fault_set(v->e, "out of memory");
	}
	return v->entry;
}

/* The whole model is a Sequential whose first layer is no InputLayer: one is made for it. */
static bool make_input(level *v, const json_t *config)
{
	const json_t *first = json_object_get(v->entry[0].json, "config");
	static const char *const keys[] = {"batch_input_shape", "batch_shape"};
	const json_t *s = json_object_get(config, "build_input_shape");
	for (int i = 0; i < COUNT(keys); i++)
		if (json_object_get(first, keys[i]))
			s = json_object_get(first, keys[i]);
	if (!json_is_array(s))
		return wrong(v, v->entry[0].name, "the first of a Sequential, has no input shape");
	char *name = full_name_new(v, v->entry[0].name, "_input");
	v->in[0] = name ? keras_add(v->m, "InputLayer", name, 0, NULL, v->e) : -1;
	free(name);
	return v->in[0] >= 0 && keras_read_setting(v->m, v->in[0], "batch_input_shape", s, v->e) &&
	       keras_set_text(v->m, v->in[0], "dtype", "float32", v->e);
}

/* Entries that are the model's inputs, in the order of its arguments. */
static bool find_inputs(level *v, const json_t *config, wants *w)
{
	if (!v->chain)
		return want_triples(v, "(model)", json_object_get(config, "input_layers"), w);
	*w = (wants){.n = is_input(&v->entry[0])};
	if (w->n || v->nesting > 0)
		return true;
	v->nin = 1;
	return make_input(v, config);
}

/* Nested: the inputs are what feeds the model. */
static bool join_inputs(level *v, const wants *w)
{
	if (v->nin != (v->chain ? 1 : w->n))
		return fault_set(v->e, "model %.200s: has %d inputs, fed by %d", v->prefix, v->chain ? 1 : w->n,
			v->nin);
	for (int k = 0; k < w->n; k++) {
		entry *x = &v->entry[w->entry[k]];
		if (!is_input(x))
			return wrong(v, x->name, "an input of its model, but no InputLayer");
		x->state = DONE;
		x->nout = 1;
		x->out[0] = v->in[k];
	}
	return true;
}

/* All layers of a level in their order; `in` and `out` become the flat model's layers. */
static bool emit_all(level *v, const json_t *config, wants *in, entry *out)
{
	wants ends_at = {.n = 0};
	if (!find_inputs(v, config, in) || (v->nesting > 0 && !join_inputs(v, in)))
		return false;
	for (int i = 0; i < v->n; i++)
		if (!emit(v, i))
			return false;
	if (v->chain)
		ends_at = (wants){.n = 1, .entry = {v->n - 1}};
	else if (!want_triples(v, "(model)", json_object_get(config, "output_layers"), &ends_at))
		return false;
	out->nout = ends_at.n;
	for (int k = 0; k < ends_at.n; k++) {
		const entry *x = &v->entry[ends_at.entry[k]];
		if (ends_at.result[k] >= x->nout)
			return wrong(v, x->name, "is asked for a result that it does not have");
		out->out[k] = x->out[ends_at.result[k]];
	}
	return ends_at.n > 0 || fault_set(v->e, "model %.200s: has no output", v->prefix);
}

static bool read_level(level *v, const json_t *config, wants *in, entry *out)
{
	const json_t *layers = json_is_array(config) ? config : json_object_get(config, "layers");
	bool ok = index_layers(v, layers) && emit_all(v, config, in, out);
	for (int k = 0; ok && v->nesting == 0 && k < in->n; k++) {
		const entry *x = &v->entry[in->entry[k]];
		ok = is_input(x) || wrong(v, x->name, "an input of the model, but no InputLayer");
		in->entry[k] = x->out[0];
	}
	free(v->entry);
	json_decref(v->index);
	return ok;
}

/* A model inside another: its layers join the flat model under "name.". The name is no array here, whose place the
 * calls of emit would take thousands of times. */
static bool flatten(level *outer, const char *name, const char *class_name, const json_t *config, int nin,
		    const int *in, entry *out)
{
	wants ignored = {.n = 0};
	if (outer->nesting + 1 == KERAS_NESTING_MAX)
		return wrong(outer, name, "models are nested deeper than 8");
	char *prefix = full_name_new(outer, name, ".");
	if (!prefix)
		return false;
	level v = {.m = outer->m, .prefix = prefix, .nesting = outer->nesting + 1,
		   .depth = outer->depth, .nin = nin, .chain = !strcmp(class_name, "Sequential"), .e = outer->e};
	memcpy(v.in, in, (size_t)nin * sizeof *in);
	const bool ok = read_level(&v, config, &ignored, out);
	free(prefix);
	return ok;
}

static bool read_model(keras_model *m, const json_t *config, bool chain, fault *e)
{
	level v = {.m = m, .prefix = "", .chain = chain, .e = e};
	wants in = {.n = 0};
	entry out = {.nout = 0};
	if (!read_level(&v, config, &in, &out))
		return false;
	if (v.nin) {                                 /* the input that a Sequential was given */
		in.n = 1;
		in.entry[0] = v.in[0];
	}
	m->inputs = in.n;
	for (int k = 0; k < in.n; k++)
		m->input[k] = in.entry[k];
	for (int k = 0; k < out.nout; k++)
		if (!keras_set_output(m, out.out[k], e))
			return false;
	return true;
}

static keras_model *model_of(const json_t *top, fault *e)
{
	char class_name[KERAS_NAME];
	const json_t *config = json_object_get(top, "config");
	if (!keras_entry_class(top, class_name) || !(json_is_object(config) || json_is_array(config))) {
		fault_set(e, "no Keras model: class_name or config is missing");
		return NULL;
	}
	if (!is_model(class_name)) {
		fault_set(e, "model of class %s: only Functional, Model and Sequential have their layers in the file",
			  class_name);
		return NULL;
	}
	const char *name = keras_entry_text(config, "name");
	keras_model *m = keras_model_new(name ? name : "model", e);
	if (m && !read_model(m, config, !strcmp(class_name, "Sequential"), e)) {
		keras_model_free(m);
		m = NULL;
	}
	return m;
}

/* A message quotes the file, which may hold anything. */
static void one_line(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
}

keras_model *keras_from_json(const char *text, size_t n, fault *e)
{
	json_error_t why;
	if (n > KERAS_JSON_MAX) {
		fault_set(e, "%zu bytes of JSON; %d are allowed", n, KERAS_JSON_MAX);
		return NULL;
	}
	char *plain = keras_plain_json(text, n, &n, e);
	if (!plain)
		return NULL;
	json_t *top = json_loadb(plain, n, JSON_REJECT_DUPLICATES, &why);
	free(plain);
	keras_model *m = NULL;
	if (top)
		m = model_of(top, e);
	else
		fault_set(e, "not JSON: %s (line %d, column %d)", why.text, why.line, why.column);
	json_decref(top);
	if (!m && e)
		one_line(e->text);
	return m;
}
