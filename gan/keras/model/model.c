/* model.c - the arrays of a model, and the order that Keras puts its layers into. */
#include "gan/keras/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

keras_model *keras_model_new(const char *name, fault *e)
{
	keras_model *m = mem_zero(1, sizeof *m, e);
	if (!m)
		return NULL;
	m->topology = true;
	m->name = text_copy(name, e);
	if (m->name)
		return m;
	free(m);
	return NULL;
}

static void layer_clear(keras_layer *l)
{
	for (int i = 0; i < l->values; i++)
		free(l->value[i].text);
	for (int i = 0; i < l->weights; i++)
		free(l->weight[i].x);
	free(l->value);
	free(l->weight);
}

void keras_model_free(keras_model *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->layers; i++)
		layer_clear(&m->layer[i]);
	free(m->layer);
	free(m->name);
	free(m);
}

/* One more element, zero, at the end of an array of n: its new place, or NULL. The array grows at powers of two. */
static void *grow(void **array, int n, size_t size, fault *e)
{
	if ((n & (n - 1)) == 0) {
		void *bigger = realloc(*array, (size_t)MAX(1, 2 * n) * size);
		if (!bigger) {
			fault_set(e, "out of memory");
			return NULL;
		}
		*array = bigger;
	}
	return memset((char *)*array + (size_t)n * size, 0, size);
}

/* ---- layers ---- */

/* What Keras 2 and 3 both take as a layer's name. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

static bool name_allowed(const char *name, fault *e)
{
	size_t n = strlen(name);
	if (n >= 1 && n < KERAS_LAYER && strspn(name, letters) == n)
		return true;
	return fault_set(e, "layer name \"%.80s\": must be 1 to %d of A-Z a-z 0-9 _ . -", name, KERAS_LAYER - 1);
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static uint32_t checksum(const char *text)
{
	uint32_t h = 2166136261u;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

void keras_plain_name(const char *name, char out[KERAS_LAYER])
{
	enum { PART = 127, SUM = 9 };                /* models inside each other join their names */
	const size_t n = strlen(name);
	const bool fits = n >= 1 && n <= PART && strspn(name, letters) == n;
	const int kept = snprintf(out, KERAS_LAYER, "%.*s", fits ? PART : PART - SUM, name);
	if (fits)
		return;
	for (char *c = out; *c; c++)
		if (!strchr(letters, *c))
			*c = '_';
	const int used = kept < KERAS_LAYER ? kept : KERAS_LAYER - 1;
	snprintf(out + used, (size_t)(KERAS_LAYER - used), "-%08x", (unsigned)checksum(name));
}

static bool name_is_free(const keras_model *m, const char *name, fault *e)
{
	return name_allowed(name, e) && (keras_find(m, name) < 0 || fault_set(e, "layer name %s: there are two", name));
}

/* The name of something else than a layer, any letters. */
static bool name_fits(const char *what, const char *name, fault *e)
{
	return strlen(name) < KERAS_NAME ||
		fault_set(e, "%s \"%.80s\": %zu letters; at most 63", what, name, strlen(name));
}

bool keras_rename(keras_model *m, int i, const char *name, fault *e)
{
	if (!name_is_free(m, name, e))
		return false;
	snprintf(m->layer[i].name, sizeof m->layer[i].name, "%s", name);
	return true;
}

int keras_add(keras_model *m, const char *class_name, const char *name, int nin, const int *in, fault *e)
{
	if (!name_is_free(m, name, e) || !name_fits("class", class_name, e))
		return -1;
	if (nin > KERAS_INPUTS)
		return fault_set(e, "layer %s: %d inputs; at most %d", name, nin, KERAS_INPUTS), -1;
	for (int i = 0; i < nin; i++)
		if (in[i] < 0 || in[i] >= m->layers)
			return fault_set(e, "layer %s: input %d does not exist", name, i), -1;
	void *array = m->layer;
	keras_layer *l = grow(&array, m->layers, sizeof *l, e);
	m->layer = array;
	if (!l)
		return -1;
	snprintf(l->name, sizeof l->name, "%s", name);
	snprintf(l->class_name, sizeof l->class_name, "%s", class_name);
	l->nin = nin;
	for (int i = 0; i < nin; i++)
		l->in[i] = in[i];
	return m->layers++;
}

int keras_add_input(keras_model *m, const char *name, shape s, const char *dtype, fault *e)
{
	int64_t dims[KERAS_LIST_MAX] = {-1};
	if (m->inputs == KERAS_INPUTS || s.rank + 1 > KERAS_LIST_MAX)
		return fault_set(e, "input %s: too many inputs or axes", name), -1;
	for (int i = 0; i < s.rank; i++)
		dims[i + 1] = s.dim[i];
	int at = keras_add(m, "InputLayer", name, 0, NULL, e);
	if (at < 0 || !keras_set_list(m, at, "batch_input_shape", s.rank + 1, dims, e) ||
	    !keras_set_text(m, at, "dtype", dtype, e))
		return -1;
	m->input[m->inputs++] = at;
	return at;
}

bool keras_set_output(keras_model *m, int layer, fault *e)
{
	if (layer < 0 || layer >= m->layers || m->outputs == KERAS_INPUTS)
		return fault_set(e, "model %s: no such output, or too many", m->name);
	m->output[m->outputs++] = layer;
	return true;
}

/* ---- settings ---- */

/* The entry of a key, new or emptied. */
static keras_value *value_of(keras_model *m, int i, const char *key, enum keras_kind kind, fault *e)
{
	keras_layer *l = &m->layer[i];
	keras_value *v = (keras_value *)keras_get(l, key);
	if (!name_fits("setting", key, e))
		return NULL;
	if (!v) {
		void *array = l->value;
		v = grow(&array, l->values, sizeof *v, e);
		l->value = array;
		if (!v)
			return NULL;
		l->values++;
	}
	free(v->text);
	*v = (keras_value){.kind = kind};
	snprintf(v->key, sizeof v->key, "%s", key);
	return v;
}

static bool set_number(keras_model *m, int i, const char *key, enum keras_kind kind, double x, fault *e)
{
	keras_value *v = value_of(m, i, key, kind, e);
	if (v)
		v->number = x;
	return v;
}

bool keras_set_bool(keras_model *m, int i, const char *key, bool x, fault *e)
{
	return set_number(m, i, key, KERAS_BOOL, x, e);
}

bool keras_set_int(keras_model *m, int i, const char *key, int64_t x, fault *e)
{
	return set_number(m, i, key, KERAS_INT, (double)x, e);
}

bool keras_set_float(keras_model *m, int i, const char *key, double x, fault *e)
{
	return set_number(m, i, key, KERAS_FLOAT, x, e);
}

bool keras_set_text(keras_model *m, int i, const char *key, const char *x, fault *e)
{
	char *copy = text_copy(x, e);
	keras_value *v = copy ? value_of(m, i, key, KERAS_TEXT, e) : NULL;
	if (!v)
		free(copy);
	else
		v->text = copy;
	return v;
}

static bool set_list(keras_model *m, int i, const char *key, enum keras_kind kind, int n, const int64_t *x, fault *e)
{
	if (n > KERAS_LIST_MAX)
		return fault_set(e, "layer %s: %s has %d numbers; at most %d", m->layer[i].name, key, n,
			KERAS_LIST_MAX);
	keras_value *v = value_of(m, i, key, kind, e);
	if (!v)
		return false;
	v->n = n;
	memcpy(v->list, x, (size_t)n * sizeof *x);
	return true;
}

bool keras_set_list(keras_model *m, int i, const char *key, int n, const int64_t *x, fault *e)
{
	return set_list(m, i, key, KERAS_LIST, n, x, e);
}

bool keras_set_pairs(keras_model *m, int i, const char *key, int n, const int64_t *x, fault *e)
{
	return set_list(m, i, key, KERAS_PAIRS, n, x, e);
}

/* ---- weights ---- */

bool keras_add_weight(keras_model *m, int i, const char *name, shape s, const real *x, fault *e)
{
	keras_layer *l = &m->layer[i];
	size_t n = (size_t)shape_count(&s);
	real *copy = name_fits("weight", name, e) ? mem_zero(n, sizeof *copy, e) : NULL;
	void *array = l->weight;
	keras_weight *w = copy ? grow(&array, l->weights, sizeof *w, e) : NULL;
	l->weight = array;
	if (!w) {
		free(copy);
		return false;
	}
	if (x)
		memcpy(copy, x, n * sizeof *copy);
	snprintf(w->name, sizeof w->name, "%s", name);
	w->s = s;
	w->x = copy;
	l->weights++;
	return true;
}

/* ---- reading ---- */

int keras_find(const keras_model *m, const char *name)
{
	for (int i = 0; i < m->layers; i++)
		if (!strcmp(m->layer[i].name, name))
			return i;
	return -1;
}

const keras_value *keras_get(const keras_layer *l, const char *key)
{
	for (int i = 0; i < l->values; i++)
		if (!strcmp(l->value[i].key, key))
			return &l->value[i];
	return NULL;
}

double keras_number(const keras_layer *l, const char *key, double otherwise)
{
	const keras_value *v = keras_get(l, key);
	return v && v->kind <= KERAS_FLOAT ? v->number : otherwise;
}

const char *keras_text(const keras_layer *l, const char *key, const char *otherwise)
{
	const keras_value *v = keras_get(l, key);
	return v && v->kind == KERAS_TEXT ? v->text : otherwise;
}

const keras_weight *keras_find_weight(const keras_layer *l, const char *name)
{
	for (int i = 0; i < l->weights; i++)
		if (!strcmp(l->weight[i].name, name))
			return &l->weight[i];
	return NULL;
}

int64_t keras_count(const keras_model *m)
{
	int64_t n = 0;
	for (int i = 0; i < m->layers; i++)
		for (int k = 0; k < m->layer[i].weights; k++)
			n += shape_count(&m->layer[i].weight[k].s);
	return n;
}

/* ---- the order of model.layers ---- */

typedef struct walk {
	const keras_model *m;
	int *index, *seq, *depth;                    /* index -1: not met */
	bool *done;
	int met, n;
} walk;

static void visit(walk *w, int i)
{
	if (w->done[i])
		return;
	const keras_layer *l = &w->m->layer[i];
	if (w->index[i] < 0)
		w->index[i] = w->met++;
	for (int k = 0; k < l->nin; k++)
		visit(w, l->in[k]);
	w->done[i] = true;
	w->seq[w->n++] = i;
}

/* Depth from the outputs: larger comes first; equal depths stay in the order they were met. */
static void sort_by_depth(walk *w, int *order)
{
	for (int k = w->n - 1; k >= 0; k--) {
		const keras_layer *l = &w->m->layer[w->seq[k]];
		for (int j = 0; j < l->nin; j++)
			w->depth[l->in[j]] = MAX(w->depth[l->in[j]], w->depth[w->seq[k]] + 1);
	}
	for (int k = 0; k < w->n; k++) {
		int i = w->seq[k], at = k;
		for (; at > 0; at--) {
			int j = order[at - 1];
			bool before = w->depth[j] > w->depth[i] ||
				(w->depth[j] == w->depth[i] && w->index[j] < w->index[i]);
			if (before)
				break;
			order[at] = j;
		}
		order[at] = i;
	}
}

/* Inputs stand before their layer, so the walk cannot run in a circle; its depth is at most the number of layers,
 * which readers limit. Layers that no output needs follow at the end. */
bool keras_order(const keras_model *m, int *order, fault *e)
{
	size_t n = (size_t)m->layers;
	walk w = {
		.m = m, .index = mem_new(n, sizeof(int), e), .seq = mem_new(n, sizeof(int), e),
		.depth = mem_zero(n, sizeof(int), e), .done = mem_zero(n, sizeof(bool), e),
	};
	bool ok = w.index && w.seq && w.depth && w.done;
	for (size_t i = 0; ok && i < n; i++)
		w.index[i] = -1;
	for (int o = 0; ok && o < m->outputs; o++)
		visit(&w, m->output[o]);
	if (ok) {
		sort_by_depth(&w, order);
		int at = w.n;
		for (int i = 0; i < m->layers; i++)
			if (!w.done[i])
				order[at++] = i;
	}
	free(w.index);
	free(w.seq);
	free(w.depth);
	free(w.done);
	return ok;
}
