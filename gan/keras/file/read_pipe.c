/* read_pipe.c - a model through a pipe, from a process that nobody trusts.
 *
 * Native byte order and sizes: both ends are the same program. Counts come before what they count, and are
 * checked before memory is taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/model/json.h"
#include "gan/keras/file/read_internal.h"

enum { VALUES_MAX = 256, WEIGHTS_MAX = 1 << 16, TEXT_MAX = 64 << 20 };

/* ---- sending ---- */

static bool put_int(confine_out *out, int64_t x)
{
	return confine_put(out, &x, sizeof x);
}

static bool put_text(confine_out *out, const char *x)
{
	const size_t n = strlen(x);
	return put_int(out, (int64_t)n) && confine_put(out, x, n);
}

static bool put_value(confine_out *out, const keras_value *v)
{
	return put_text(out, v->key) && put_int(out, (int64_t)v->kind)
		&& confine_put(out, &v->number, sizeof v->number) && put_text(out, v->text ? v->text : "")
		&& put_int(out, v->n) && confine_put(out, v->list, sizeof v->list);
}

static bool put_weight(confine_out *out, const keras_weight *w)
{
	return put_text(out, w->name) && put_int(out, w->s.rank) && confine_put(out, w->s.dim, sizeof w->s.dim) &&
		confine_put(out, w->x, (size_t)shape_count(&w->s) * sizeof *w->x);
}

static bool put_layer(confine_out *out, const keras_layer *l)
{
	bool ok = put_text(out, l->name) && put_text(out, l->class_name) && put_int(out, l->nin) &&
		confine_put(out, l->in, sizeof l->in) && put_int(out, l->values);
	for (int i = 0; ok && i < l->values; i++)
		ok = put_value(out, &l->value[i]);
	ok = ok && put_int(out, l->weights);
	for (int i = 0; ok && i < l->weights; i++)
		ok = put_weight(out, &l->weight[i]);
	return ok;
}

bool read_pipe_put(confine_out *out, const keras_model *m)
{
	bool ok = put_text(out, m->name) && put_int(out, m->topology) && put_int(out, m->layers);
	for (int i = 0; ok && i < m->layers; i++)
		ok = put_layer(out, &m->layer[i]);
	return ok && put_int(out, m->inputs) && confine_put(out, m->input, sizeof m->input)
		&& put_int(out, m->outputs) && confine_put(out, m->output, sizeof m->output);
}

/* ---- receiving ---- */

typedef struct taker {
	confine *c;
	keras_model *m;
	int64_t budget;                              /* bytes that may still come */
	const char *label;
	fault *e;
	bool lied;                                   /* e is set; else the child ended and says why */
} taker;

static bool lie(taker *t, const char *what)
{
	t->lied = true;
	return fault_set(t->e, "%s: damaged file (the reader's %s makes no sense)", t->label, what);
}

static bool take_int(taker *t, int64_t *x, int64_t lo, int64_t hi, const char *what)
{
	return confine_take(t->c, x, sizeof *x) && ((*x >= lo && *x <= hi) || lie(t, what));
}

/* A text of at most `most` bytes; new/free. */
static char *take_text(taker *t, int64_t most)
{
	int64_t n;
	if (!take_int(t, &n, 0, MIN(most, t->budget), "text"))
		return NULL;
	t->budget -= n;
	char *x = mem_zero((size_t)n + 1, 1, t->e);
	t->lied = t->lied || !x;
	if (x && confine_take(t->c, x, (size_t)n))
		return x;
	free(x);
	return NULL;
}

static bool take_name(taker *t, char *out, size_t size)
{
	char *x = take_text(t, (int64_t)size - 1);
	if (x)
		snprintf(out, size, "%s", x);
	free(x);
	return x != NULL;
}

static bool store_value(taker *t, int i, const keras_value *v)
{
	switch (v->kind) {
	case KERAS_BOOL:
		return keras_set_bool(t->m, i, v->key, v->number != 0, t->e);
	case KERAS_INT:
		if (!(v->number >= -9e15 && v->number <= 9e15))
			return lie(t, "number");
		return keras_set_int(t->m, i, v->key, (int64_t)v->number, t->e);
	case KERAS_FLOAT:
		return keras_set_float(t->m, i, v->key, v->number, t->e);
	case KERAS_TEXT:
		return keras_set_text(t->m, i, v->key, v->text, t->e);
	case KERAS_LIST:
		return keras_set_list(t->m, i, v->key, v->n, v->list, t->e);
	case KERAS_PAIRS:
		return keras_set_pairs(t->m, i, v->key, v->n, v->list, t->e);
	}
	return false;
}

static bool take_value(taker *t, int i)
{
	keras_value v = {.text = NULL};
	int64_t kind, n;
	bool ok = take_name(t, v.key, sizeof v.key) && take_int(t, &kind, KERAS_BOOL, KERAS_PAIRS, "setting") &&
		confine_take(t->c, &v.number, sizeof v.number) && (v.text = take_text(t, TEXT_MAX)) &&
		take_int(t, &n, 0, KERAS_LIST_MAX, "list") && confine_take(t->c, v.list, sizeof v.list);
	if (ok) {
		v.kind = (enum keras_kind)kind;
		v.n = (int)n;
		ok = store_value(t, i, &v);
		t->lied = t->lied || !ok;
	}
	free(v.text);
	return ok;
}

static bool take_shape(taker *t, shape *s)
{
	int64_t rank, dim[RANK_MAX], n = 1;
	if (!take_int(t, &rank, 0, RANK_MAX, "shape") || !confine_take(t->c, dim, sizeof dim))
		return false;
	*s = shape_of((int)rank, dim);
	for (int i = 0; i < s->rank; i++) {
		if (s->dim[i] < 1 || s->dim[i] > t->budget / (int64_t)sizeof(real) / n)
			return lie(t, "shape");
		n *= s->dim[i];
	}
	t->budget -= n * (int64_t)sizeof(real);
	return t->budget >= 0 || lie(t, "shape");
}

static bool take_weight(taker *t, int i)
{
	char name[KERAS_NAME];
	shape s;
	if (!take_name(t, name, sizeof name) || !take_shape(t, &s))
		return false;
	if (!keras_add_weight(t->m, i, name, s, NULL, t->e))
		return t->lied = true, false;
	const keras_layer *l = &t->m->layer[i];
	return confine_take(t->c, l->weight[l->weights - 1].x, (size_t)shape_count(&s) * sizeof(real));
}

static bool take_layer(taker *t)
{
	char name[KERAS_LAYER], class_name[KERAS_NAME];
	int64_t nin, values, weights;
	int in[KERAS_INPUTS];
	if (!take_name(t, name, sizeof name) || !take_name(t, class_name, sizeof class_name) ||
	    !take_int(t, &nin, 0, KERAS_INPUTS, "inputs") ||
	    !confine_take(t->c, in, sizeof in))
		return false;
	const int i = keras_add(t->m, class_name, name, (int)nin, in, t->e);
	if (i < 0)
		return t->lied = true, false;
	bool ok = take_int(t, &values, 0, VALUES_MAX, "settings");
	for (int64_t k = 0; ok && k < values; k++)
		ok = take_value(t, i);
	ok = ok && take_int(t, &weights, 0, WEIGHTS_MAX, "weights");
	for (int64_t k = 0; ok && k < weights; k++)
		ok = take_weight(t, i);
	return ok;
}

/* Indices of layers: how many, and which. */
static bool take_ends(taker *t, int *n, int at[KERAS_INPUTS])
{
	int64_t count;
	if (!take_int(t, &count, 0, KERAS_INPUTS, "inputs") || !confine_take(t->c, at, KERAS_INPUTS * sizeof *at))
		return false;
	for (int k = 0; k < count; k++)
		if (at[k] < 0 || at[k] >= t->m->layers)
			return lie(t, "inputs");
	*n = (int)count;
	return true;
}

static bool take_model(taker *t)
{
	int64_t topology, layers;
	char *name = take_text(t, TEXT_MAX);
	if (!name)
		return false;
	free(t->m->name);
	t->m->name = name;
	if (!take_int(t, &topology, 0, 1, "model") || !take_int(t, &layers, 0, KERAS_LAYERS_MAX, "layers"))
		return false;
	t->m->topology = topology;
	for (int64_t i = 0; i < layers; i++)
		if (!take_layer(t))
			return false;
	return take_ends(t, &t->m->inputs, t->m->input) && take_ends(t, &t->m->outputs, t->m->output);
}

/* Ends the child. When it lied its line does not matter. */
keras_model *read_pipe_take(confine *c, const char *label, int64_t budget, fault *e)
{
	taker t = {.c = c, .m = keras_model_new("", e), .budget = budget, .label = label, .e = e};
	const bool whole = t.m && take_model(&t);
	if (!t.m || t.lied)
		confine_stop(c);
	else if (confine_end(c, e) && !whole)
		fault_set(e, "%s: damaged file (the reader ended early)", label);
	else if (whole && !*e->text)
		return t.m;
	keras_model_free(t.m);
	return NULL;
}
