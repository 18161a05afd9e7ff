/* trace_calls.c - layers of several operations that Keras has as one: norms, named activations, the map. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"

bool trace_weight(tracer *t, int layer, const char *name, const buffer *b)
{
	return keras_add_weight(t->k, layer, name, b->s, b->x, t->e);
}

/* ---- norms ---- */

int trace_batch_norm(tracer *t, const char *path, const batch_norm *b, node *x, shape *s)
{
	*s = trace_shape(t, x);
	int in = trace_as(t, x, *s);
	int at = in < 0 ? -1 : trace_add(t, path, NULL, "BatchNormalization", 1, &in);
	const bool ok = at >= 0 && keras_set_int(t->k, at, "axis", -1, t->e)
		&& keras_set_float(t->k, at, "momentum", b->opt.keep, t->e)
		&& keras_set_float(t->k, at, "epsilon", b->opt.eps, t->e)
		&& keras_set_bool(t->k, at, "center", b->beta != NULL, t->e)
		&& keras_set_bool(t->k, at, "scale", b->gamma != NULL, t->e)
		&& (!b->gamma || trace_weight(t, at, "gamma", b->gamma))
		&& (!b->beta || trace_weight(t, at, "beta", b->beta))
		&& trace_weight(t, at, "moving_mean", b->moving_mean)
		&& trace_weight(t, at, "moving_variance", b->moving_variance);
	return ok ? at : -1;
}

static bool emit_batch_norm(tracer *t, const graph_call *c)
{
	shape s;
	int at = trace_batch_norm(t, c->path, c->layer, c->x, &s);
	return trace_done(t, c->y, at, s, false);
}

/* Rows of a class table, as [1,1,C] beside an image, [C] beside a row. */
static int add_table(tracer *t, const graph_call *c, const embedding *e, double plus, const char *suffix, shape s)
{
	node *table = spectral_norm_apply(t->g, &e->sn, graph_leaf(t->g, e->table), (mode){0});
	const int64_t K = e->table->s.dim[0], C = e->table->s.dim[1];
	int in = trace_as(t, c->with, SHAPE(1));
	int at = in < 0 ? -1 : trace_add(t, c->path, suffix, "Embedding", 1, &in);
	real *x = at < 0 ? NULL : fold_value(t, table);
	for (int64_t i = 0; x && i < K * C; i++)
		x[i] += (real)plus;
	bool ok = x && keras_set_int(t->k, at, "input_dim", K, t->e) && keras_set_int(t->k, at, "output_dim", C, t->e)
		&& keras_add_weight(t->k, at, "embeddings", SHAPE(K, C), x, t->e);
	free(x);
	for (int i = 0; i + 1 < s.rank; i++)
		s.dim[i] = 1;
	int rows = ok ? trace_add(t, c->path, suffix, "Reshape", 1, &at) : -1;
	return rows >= 0 && keras_set_list(t->k, rows, "target_shape", s.rank, s.dim, t->e) ? rows : -1;
}

/* gain[y] * norm(x) + bias[y] */
static bool emit_cond_norm(tracer *t, const graph_call *c)
{
	const cond_norm *n = c->layer;
	shape s;
	int norm = trace_batch_norm(t, c->path, &n->bn, c->x, &s);
	int gain = norm < 0 ? -1 : add_table(t, c, &n->gain, n->form == COND_ONE_PLUS, "gain", s);
	int scaled = gain < 0 ? -1 : trace_add(t, c->path, "scaled", "Multiply", 2, (const int[]){norm, gain});
	int bias = scaled < 0 ? -1 : add_table(t, c, &n->bias, 0, "bias", s);
	int at = bias < 0 ? -1 : trace_add(t, c->path, "shifted", "Add", 2, (const int[]){scaled, bias});
	return trace_done(t, c->y, at, s, false);
}

static bool is_over_channels(const tracer *t, const graph_call *c)
{
	(void)t;
	const layer_norm *l = c->layer;
	return l->opt.axes == 0 || l->opt.axes == 1u << (c->x->s.rank - 1);
}

static bool emit_layer_norm(tracer *t, const graph_call *c)
{
	const layer_norm *l = c->layer;
	shape s = trace_shape(t, c->x);
	int in = trace_as(t, c->x, s);
	int at = in < 0 ? -1 : trace_add(t, c->path, "norm", "LayerNormalization", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "axis", -1, t->e)
		&& keras_set_float(t->k, at, "epsilon", l->opt.eps, t->e)
		&& keras_set_bool(t->k, at, "center", l->beta != NULL, t->e)
		&& keras_set_bool(t->k, at, "scale", l->gamma != NULL, t->e)
		&& (!l->gamma || trace_weight(t, at, "gamma", l->gamma))
		&& (!l->beta || trace_weight(t, at, "beta", l->beta)) && trace_done(t, c->y, at, s, false);
}

/* ---- the rest ---- */

/* The name that users look the map up by, whatever the network. */
static bool emit_map(tracer *t, const graph_call *c)
{
	node *x = c->y->in[0];
	if (c->y->s.rank != 3 && t->form != KERAS_OPS)
		return trace_refuse(t, c->y, "attention within image rows");
	int in = trace_as(t, x, trace_shape(t, x));
	int at = in < 0 ? -1 : trace_add(t, "attention_map", NULL, "Softmax", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "axis", -1, t->e)
		&& trace_done(t, c->y, at, trace_shape(t, c->y), false);
}

/* Activations that are several operations here and one in every Keras. hard_sigmoid is not: it has two meanings. */
static const char *const activations[] = {"gelu", "swish", "elu", "selu"};

static bool is_known(const tracer *t, const graph_call *c)
{
	(void)t;
	for (int i = 0; i < COUNT(activations); i++)
		if (!strcmp(activations[i], c->layer))
			return true;
	return false;
}

/* Activations with a clip: c = clip(slope x + 0.5, 0, 1), or x c. */
static const struct clipped {
	const char *name;
	double slope;
	bool times_x;
} clipped[] = {{"hard_sigmoid", 0.2, false}, {"hard_sigmoid_torch", 1.0 / 6, false}, {"hard_swish", 1.0 / 6, true}};

static const struct clipped *clipped_of(const char *name)
{
	for (int i = 0; i < COUNT(clipped); i++)
		if (!strcmp(clipped[i].name, name))
			return &clipped[i];
	return NULL;
}

static bool is_clipped(const tracer *t, const graph_call *c)
{
	(void)t;
	return clipped_of(c->layer) != NULL;
}

static int add_relu(tracer *t, const char *path, int in)
{
	return in < 0 ? -1 : trace_add(t, path, "relu", "ReLU", 1, &in);
}

/* clip(u, 0, 1) = relu(u) - relu(u - 1) */
static bool emit_clipped(tracer *t, const graph_call *c)
{
	const struct clipped *a = clipped_of(c->layer);
	int x = trace_plain(t, c->x);
	int low = add_relu(t, c->path, trace_rescaling(t, c->path, "rescale", x, a->slope, 0.5));
	int high = add_relu(t, c->path, trace_rescaling(t, c->path, "rescale", low, 1, -1));
	high = trace_rescaling(t, c->path, "rescale", high, -1, 0);
	int at = high < 0 ? -1 : trace_add(t, c->path, "clip", "Add", 2, (const int[]){low, high});
	if (at >= 0 && a->times_x)
		at = trace_add(t, c->path, "swish", "Multiply", 2, (const int[]){x, at});
	return trace_done(t, c->y, at, t->value[c->x->id].s, false);
}

static bool emit_named(tracer *t, const graph_call *c)
{
	int in = trace_plain(t, c->x);
	int at = in < 0 ? -1 : trace_add(t, c->path, c->layer, "Activation", 1, &in);
	return at >= 0 && keras_set_text(t->k, at, "activation", c->layer, t->e)
		&& trace_done(t, c->y, at, t->value[c->x->id].s, false);
}

const call_row trace_call_rows[] = {
	{"batch_norm", NULL, emit_batch_norm}, {"cond_norm", NULL, emit_cond_norm},
	{"layer_norm", is_over_channels, emit_layer_norm}, {"attention_map", NULL, emit_map},
	{"activation", is_known, emit_named}, {"activation", is_clipped, emit_clipped},
	{0},
};
