/* trace.c - the walk from a network's output back to its inputs, and the names of layers. */
#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 2,                                   /* more than one, so that the batch axis is seen */
	NAME_TEXT = 4 * KERAS_NAME                   /* longer than a layer's name may be: keras_add refuses it whole */
};

/* ---- refusing ---- */

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);
	return !strncmp(path, top, n) && (path[n] == '/' || path[n] == '\0');
}

const placed_layer *trace_placed(const tracer *t, const char *path)
{
	int n;
	const graph_call *call = graph_calls(t->g, &n);
	for (int i = 0; i < n; i++)
		if (!strcmp(call[i].kind, "placed") && is_below(path, call[i].path))
			return call[i].layer;
	return NULL;
}

bool trace_refuse(tracer *t, const node *y, const char *what)
{
	const placed_layer *l = trace_placed(t, y->path);
	if (l && t->form == KERAS_STOCK)
		return fault_set(t->e, "%s: layer type %s: stock Keras layers do not say %s; --layers writes it as a "
			"class of sagan_layers.py, and type %s is stock", l->name, l->spec.type->name, what,
			l->spec.type->own_skip ? "ashpy" : "official");
	if (l && t->form == KERAS_OPS)
		return fault_set(t->e, "%s: layer type %s: ONNX files do not say %s", l->name, l->spec.type->name,
			what);
	return fault_set(t->e, "%s%s%s: %s do not say %s", t->k->name, *y->path ? "/" : "", y->path,
		t->form == KERAS_OPS ? "ONNX files" : "Keras layers", what);
}

/* ---- names ---- */

bool trace_has_name(const tracer *t, const char *path)
{
	static const char *const kinds[] = {"conv", "conv_transpose", "depthwise", "dense", "projection", "embedding"};
	int n;
	const graph_call *call = graph_calls(t->g, &n);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < COUNT(kinds); k++)
			if (!strcmp(call[i].kind, kinds[k]) && !strcmp(call[i].path, path))
				return true;
	return false;
}

/* "block1/conv1" and "relu" -> "block1_conv1_relu", with a number where that is taken. */
static void name_of(const keras_model *k, const char *path, const char *suffix, char name[NAME_TEXT])
{
	char text[NAME_TEXT - 12];                   /* room for a number */
	snprintf(text, sizeof text, "%s%s%s", path, *path && suffix ? "_" : "", suffix ? suffix : "");
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			*p = '_';
	snprintf(name, NAME_TEXT, "%s", text);
	for (int i = 2; keras_find(k, name) >= 0; i++)
		snprintf(name, NAME_TEXT, "%s_%d", text, i);
}

int trace_add(tracer *t, const char *path, const char *suffix, const char *class_name, int nin, const int *in)
{
	char name[NAME_TEXT];
	name_of(t->k, path, suffix, name);
	return keras_add(t->k, class_name, name, nin, in, t->e);
}

/* ---- values ---- */

bool trace_done(tracer *t, const node *y, int layer, shape s, bool linear)
{
	if (layer < 0)
		return false;
	t->value[y->id] = (traced){
		.done = true, .layer = layer, .s = s, .scale = 1, .linear = linear ? layer : -1, .by = y,
	};
	return true;
}

bool trace_alias(tracer *t, const node *y, node *x, double c)
{
	const traced *from = trace_value(t, x);
	if (!from)
		return false;
	traced *v = &t->value[y->id];
	*v = *from;
	v->scale *= c;
	if (v->scale > 1 - 1e-12 && v->scale < 1 + 1e-12)
		v->scale = 1;                        /* a sum over n, times 1/n */
	if (t->uses[x->id] != 1)
		v->linear = -1;
	return true;
}

/* What an operation without a row is to a reader. */
static const char *words_for(const char *name)
{
	static const struct {
		const char *op, *words;
	} row[] = {
		{"permute", "an exchange of axes"}, {"patches", "windows that overlap"},
		{"patches_fold", "windows that overlap"},
		{"rsqrt", "this normalisation"}, {"div", "this normalisation"},
		{"gate", "this activation"}, {"erf", "this activation"}, {"skew", "position tables"},
		{"attention", "attention without its map"},
	};
	for (int i = 0; i < COUNT(row); i++)
		if (!strcmp(row[i].op, name))
			return row[i].words;
	return name;
}

/* The row that makes y, tried from the outermost layer inwards, then its operation. */
static bool emit(tracer *t, node *y)
{
	int n;
	const graph_call *call = graph_calls(t->g, &n);
	const call_row *const tables[] = {t->form == KERAS_LAYERS ? trace_custom_rows : NULL, trace_call_rows};
	for (int i = n - 1; i >= 0; i--)
		for (int k = 0; k < COUNT(tables) && call[i].y == y && call[i].x != y; k++)
			for (const call_row *r = tables[k]; r && r->kind; r++)
				if (!strcmp(r->kind, call[i].kind) && (!r->takes || r->takes(t, &call[i])))
					return r->emit(t, &call[i]);
	for (const single_row *r = trace_single_rows; t->form == KERAS_OPS && r->op; r++)
		if (!strcmp(r->op, y->op->name) && (!r->takes || r->takes(t, y)))
			return r->emit(t, y);
	for (const op_row *r = trace_op_rows; r->op; r++)
		if (!strcmp(r->op, y->op->name))
			return r->emit(t, y);
	return trace_refuse(t, y, words_for(y->op->name));
}

traced *trace_value(tracer *t, node *y)
{
	traced *v = &t->value[y->id];
	if (!v->done && !t->varies[y->id])
		return trace_refuse(t, y, "a value that no input reaches"), NULL;
	return v->done || emit(t, y) ? v : NULL;
}

shape trace_shape(tracer *t, node *y)
{
	const shape *s = &y->s;
	if (s->rank == 1 && s->dim[0] == t->batch)
		return SHAPE(1);
	if (s->rank > 1 && s->dim[0] == t->batch)
		return shape_of(s->rank - 1, s->dim + 1);
	if (t->form == KERAS_OPS && s->rank > 1 && s->dim[0] % t->batch == 0) {      /* heads or blocks, too */
		shape one = *s;
		one.dim[0] /= t->batch;
		return one;
	}
	const traced *v = trace_value(t, y);
	return v ? v->s : SHAPE(1);
}

int trace_plain(tracer *t, node *y)
{
	traced *v = trace_value(t, y);
	if (!v || v->scale == 1)
		return v ? v->layer : -1;
	int at = trace_rescaling(t, v->by->path, "scale", v->layer, v->scale, 0);
	if (at < 0)
		return -1;
	v->layer = at;
	v->scale = 1;
	v->linear = -1;
	return at;
}

/* Flatten for whole maps, Reshape for the rest. */
static int add_reshape(tracer *t, const node *y, int in, shape from, shape to)
{
	if (to.rank == 1 && from.rank == 3 && from.dim[0] > 1) {
		int at = trace_add(t, y->path, "flatten", "Flatten", 1, &in);
		return at >= 0 && keras_set_text(t->k, at, "data_format", "channels_last", t->e) ? at : -1;
	}
	int at = trace_add(t, y->path, "reshape", "Reshape", 1, &in);
	return at >= 0 && keras_set_list(t->k, at, "target_shape", to.rank, to.dim, t->e) ? at : -1;
}

int trace_as(tracer *t, node *y, shape s)
{
	traced *v = trace_value(t, y);
	if (!v || (!v->into_next && trace_plain(t, y) < 0))
		return -1;
	if (shape_equal(&v->s, &s))
		return v->layer;
	if (shape_count(&v->s) != shape_count(&s))
		return trace_refuse(t, y, "this exchange of pixels and samples"), -1;
	int at = add_reshape(t, y, v->layer, v->s, s);
	if (at >= 0) {
		v->layer = at;
		v->s = s;
	}
	return at;
}

/* ---- the walk ---- */

/* What is wanted besides the output: n values, and the layers at[n] that give them. */
typedef struct trace_more {
	int n;
	node *const *x;
	int *at;
} trace_more;

static void mark(tracer *t, int nin, const trace_end *in, const node *out, const trace_more *more)
{
	for (int k = 0; k < nin; k++)
		t->varies[in[k].x->id] = true;
	for (int i = 0; i < t->n; i++) {
		const node *y = graph_at(t->g, i);
		for (int k = 0; k < y->nin; k++)
			t->varies[i] |= t->varies[y->in[k]->id];
	}
	t->uses[out->id] = 1;
	for (int k = 0; k < more->n; k++)
		if (more->x[k])
			t->uses[more->x[k]->id]++;
	for (int i = t->n - 1; i >= 0; i--) {
		const node *y = graph_at(t->g, i);
		for (int k = 0; t->uses[i] && k < y->nin; k++) {
			t->uses[y->in[k]->id]++;
			t->user[y->in[k]->id] = y;
		}
	}
}

static bool add_inputs(tracer *t, int nin, const trace_end *in)
{
	for (int k = 0; k < nin; k++) {
		const bool label = in[k].x->s.rank == 1;
		shape s = trace_shape(t, in[k].x);
		int at = keras_add_input(t->k, in[k].name, s, label ? "int32" : "float32", t->e);
		if (!trace_done(t, in[k].x, at, s, false))
			return false;
	}
	return true;
}

static bool walk_more(tracer *t, const trace_more *more)
{
	for (int k = 0; k < more->n; k++) {
		more->at[k] = more->x[k] ? trace_as(t, more->x[k], trace_shape(t, more->x[k])) : -1;
		if (more->x[k] && more->at[k] < 0)
			return false;
	}
	return true;
}

static bool walk(tracer *t, int nin, const trace_end *in, trace_end out, const trace_more *more)
{
	mark(t, nin, in, out.x, more);
	if (!add_inputs(t, nin, in))
		return false;
	int last = trace_as(t, out.x, trace_shape(t, out.x));
	if (last < 0)
		return false;
	return keras_rename(t->k, last, out.name, t->e) && keras_set_output(t->k, last, t->e) && walk_more(t, more);
}

static keras_model *trace(graph *g, const module *m, const char *name, int nin, const trace_end *in, trace_end out,
			  const trace_more *more, enum keras_form form, fault *e)
{
	if (!graph_ok(g, e))
		return NULL;
	const size_t n = (size_t)graph_count(g);
	tracer t = {
		.g = g, .m = m, .k = keras_model_new(name, e), .form = form, .batch = out.x->s.dim[0], .n = (int)n,
		.value = mem_zero(n, sizeof *t.value, e), .varies = mem_zero(n, sizeof *t.varies, e),
		.uses = mem_zero(n, sizeof *t.uses, e), .user = mem_zero(n, sizeof *t.user, e), .e = e,
	};
	bool ok = t.k && t.value && t.varies && t.uses && t.user && walk(&t, nin, in, out, more);
	free(t.value);
	free(t.varies);
	free(t.uses);
	free(t.user);
	if (!ok) {
		keras_model_free(t.k);
		t.k = NULL;
	}
	return t.k;
}

keras_model *keras_trace(graph *g, const module *m, const char *name, int nin, const trace_end *in, trace_end out,
			 enum keras_form form, fault *e)
{
	return trace(g, m, name, nin, in, out, &(trace_more){0}, form, e);
}

/* ---- our two networks ---- */

/* The maps are asked for so that attention is written with them: users look them up. scores NULL: by name alone. */
static keras_model *of_network(const network *n, enum keras_form form, int *scores, fault *e)
{
	static const struct {
		const char *in, *out;
	} name[] = {[NET_G] = {"z", "image"}, [NET_D] = {"image", "logit"}};
	const enum net_side side = network_side(n);
	const int inputs = network_config(n)->classes ? 2 : 1;
	graph *g = graph_new(e);
	buffer *x = buffer_new(name[side].in, network_input(n, BATCH), e), *y = buffer_new("y", SHAPE(BATCH), e);
	node *map[LAYERS_MAX] = {NULL};
	keras_model *k = NULL;
	if (g && x && y) {
		graph_rewrite(g, false);
		graph_trace(g, true);
		trace_end in[2] = {{graph_leaf(g, x), name[side].in}, {inputs > 1 ? graph_leaf(g, y) : NULL, "y"}};
		trace_end out = {network_apply(g, n, in[0].x, in[1].x, (mode){0}, map), name[side].out};
		const trace_more more = {scores ? network_placed_layers(n) : 0, map, scores};
		k = trace(g, network_module(n), net_side_name(side), inputs, in, out, &more, form, e);
	}
	graph_free(g);
	buffer_free(x);
	buffer_free(y);
	return k;
}

keras_model *keras_of_network(const network *n, enum keras_form form, fault *e)
{
	return of_network(n, form, NULL, e);
}

keras_model *keras_of_network_scores(const network *n, int *scores, fault *e)
{
	return of_network(n, KERAS_OPS, scores, e);
}
