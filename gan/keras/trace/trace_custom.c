/* trace_custom.c - the classes of sagan_layers.py: gates, class tables and spectral norms as layers of their own.
 *
 * docs/keras-layers.md says class, settings and order of weights of each. A layer placed at a map has the weights that
 * it has registered, in that order: what is trained, then what is not. */
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"
#include "layers/attention.h"
#include "layers/conv.h"
#include "layers/dense.h"

static bool set_sn(tracer *t, int at, const sn_options *o, bool choice)
{
	return (!choice || keras_set_bool(t->k, at, "spectral_norm", o->on, t->e))
		&& keras_set_int(t->k, at, "sn_iterations", MAX(o->iterations, 1), t->e)
		&& keras_set_float(t->k, at, "sn_epsilon", o->eps != 0 ? o->eps : 1e-6, t->e);
}

/* ---- a kernel under spectral norm ---- */

static bool add_normed(tracer *t, int at, const buffer *kernel, const buffer *bias, const spectral_norm *sn)
{
	return keras_set_bool(t->k, at, "use_bias", bias != NULL, t->e) && set_sn(t, at, &sn->opt, false)
		&& trace_weight(t, at, "kernel", kernel) && (!bias || trace_weight(t, at, "bias", bias))
		&& trace_weight(t, at, "u", sn->u);
}

static bool conv_has_u(const tracer *t, const graph_call *c)
{
	(void)t;
	const conv *l = c->layer;
	return l->sn.u && l->opt.groups == 1;
}

/* The convolution itself: below the bias. */
static const node *product_of(const graph_call *c, const buffer *bias)
{
	return bias ? c->y->in[0] : c->y;
}

static bool emit_conv_normed(tracer *t, const graph_call *c)
{
	const conv *l = c->layer;
	const node *y = product_of(c, l->bias);
	const trace_geometry w = trace_conv_geometry(y);
	const char *padding;
	int in = trace_as(t, c->x, trace_shape(t, c->x));
	in = in < 0 ? -1 : trace_padded(t, y, in, c->path, w, c->x->s.dim[1], c->x->s.dim[2], &padding);
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, "sagan>SpectralConv2D", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "filters", l->opt.filters, t->e)
		&& trace_set_window(t, at, w, padding) && add_normed(t, at, l->kernel, l->bias, &l->sn)
		&& trace_done(t, c->y, at, trace_shape(t, c->y), false);
}

static bool emit_transpose_normed(tracer *t, const graph_call *c)
{
	const conv *l = c->layer;
	const node *y = product_of(c, l->bias);
	const trace_geometry w = trace_conv_geometry(y);
	const char *padding = trace_crop(y, w);
	if (!padding)
		return trace_refuse(t, y, "this transposed convolution");
	int in = trace_as(t, c->x, trace_shape(t, c->x));
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, "sagan>SpectralConv2DTranspose", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "filters", l->opt.filters, t->e)
		&& trace_set_window(t, at, w, padding) && add_normed(t, at, l->kernel, l->bias, &l->sn)
		&& trace_done(t, c->y, at, trace_shape(t, c->y), false);
}

static bool dense_has_u(const tracer *t, const graph_call *c)
{
	(void)t;
	return ((const dense *)c->layer)->sn.u != NULL;
}

static bool emit_dense_normed(tracer *t, const graph_call *c)
{
	const dense *l = c->layer;
	shape s = trace_shape(t, c->x);
	int in = trace_as(t, c->x, s);
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, "sagan>SpectralDense", 1, &in);
	s.dim[s.rank - 1] = l->kernel->s.dim[1];
	return at >= 0 && keras_set_int(t->k, at, "units", l->kernel->s.dim[1], t->e)
		&& add_normed(t, at, l->kernel, l->bias, &l->sn) && trace_done(t, c->y, at, s, false);
}

static bool table_has_u(const tracer *t, const graph_call *c)
{
	(void)t;
	return ((const embedding *)c->layer)->sn.u != NULL;
}

static bool emit_table_normed(tracer *t, const graph_call *c)
{
	const embedding *l = c->layer;
	const int64_t K = l->table->s.dim[0], C = l->table->s.dim[1];
	int in = trace_as(t, c->x, SHAPE(1));
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, "sagan>SpectralEmbedding", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "input_dim", K, t->e)
		&& keras_set_int(t->k, at, "output_dim", C, t->e)
		&& set_sn(t, at, &l->sn.opt, false) && trace_weight(t, at, "embeddings", l->table)
		&& trace_weight(t, at, "u", l->sn.u) && trace_done(t, c->y, at, SHAPE(1, C), false);
}

/* ---- class tables ---- */

static bool emit_scale_shift(tracer *t, const graph_call *c)
{
	const cond_norm *n = c->layer;
	shape s;
	int in[2] = {trace_batch_norm(t, c->path, &n->bn, c->x, &s), trace_as(t, c->with, SHAPE(1))};
	int at = in[0] < 0 || in[1] < 0 ? -1 : trace_add(t, c->path, "class", "sagan>ConditionalScaleShift", 2, in);
	return at >= 0 && keras_set_int(t->k, at, "classes", n->K, t->e)
		&& keras_set_bool(t->k, at, "one_plus", n->form == COND_ONE_PLUS, t->e)
		&& set_sn(t, at, &n->gain.sn.opt, true) && trace_weight(t, at, "gain", n->gain.table)
		&& trace_weight(t, at, "bias", n->bias.table)
		&& (!n->gain.sn.u || trace_weight(t, at, "gain_u", n->gain.sn.u))
		&& (!n->bias.sn.u || trace_weight(t, at, "bias_u", n->bias.sn.u)) && trace_done(t, c->y, at, s, false);
}

/* ---- self-attention ---- */

static bool attention_is_plain(const tracer *t, const graph_call *c)
{
	(void)t;
	const attention *a = c->layer;
	return !a->skip.kernel && !a->cfg.activation && a->cfg.filters == a->C;
}

static bool add_attention_weights(tracer *t, int at, const attention *a)
{
	const conv *const part[] = {&a->q, &a->k, &a->v, &a->o};
	static const char *const name[] = {"query", "key", "value", "out"};
	const int parts = a->cfg.out_proj ? 4 : 3;
	char text[KERAS_NAME];
	bool ok = trace_weight(t, at, "gamma", a->gamma);
	for (int i = 0; ok && i < parts; i++) {
		snprintf(text, sizeof text, "%s_kernel", name[i]);
		ok = trace_weight(t, at, text, part[i]->kernel);
		snprintf(text, sizeof text, "%s_bias", name[i]);
		ok = ok && (!part[i]->bias || trace_weight(t, at, text, part[i]->bias));
	}
	for (int i = 0; ok && i < parts; i++) {
		snprintf(text, sizeof text, "%s_u", name[i]);
		ok = !part[i]->sn.u || trace_weight(t, at, text, part[i]->sn.u);
	}
	return ok;
}

static bool emit_attention(tracer *t, const graph_call *c)
{
	const attention *a = c->layer;
	const attention_config *o = &a->cfg;
	const shape s = trace_shape(t, c->x);
	int in = trace_as(t, c->x, s);
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, "sagan>SelfAttention2D", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "query_channels", o->cq, t->e)
		&& keras_set_int(t->k, at, "value_channels", o->cv, t->e)
		&& keras_set_bool(t->k, at, "pool", o->kv_pool, t->e)
		&& keras_set_bool(t->k, at, "out_proj", o->out_proj, t->e)
		&& keras_set_bool(t->k, at, "use_bias", o->bias, t->e)
		&& keras_set_bool(t->k, at, "gamma_inside", o->gamma_inside, t->e)
		&& keras_set_bool(t->k, at, "row", o->layout == ATTENTION_ROW, t->e) && set_sn(t, at, &o->sn, true)
		&& add_attention_weights(t, at, a) && trace_done(t, c->y, at, s, false);
}

/* ---- layers placed at a map ---- */

/* Whether stock layers do not say it. */
static bool has_class(const tracer *t, const graph_call *c)
{
	const placed_layer *l = c->layer;
	const layer_type *type = l->spec.type;
	return t->m && type->keras && (!type->keras_when || layer_number(l, type->keras_when) != 0);
}

static bool set_arg(tracer *t, int at, const placed_layer *l, const layer_arg *a)
{
	const double v = layer_number(l, a->name);
	switch (a->type) {
	case ARG_INT:
		return keras_set_int(t->k, at, a->name, (int64_t)v, t->e);
	case ARG_REAL:
		return keras_set_float(t->k, at, a->name, v, t->e);
	case ARG_BOOL:
		return keras_set_bool(t->k, at, a->name, v != 0, t->e);
	case ARG_WORD:
		return keras_set_text(t->k, at, a->name, layer_word(l, a->name), t->e);
	}
	return false;
}

/* Longer than a weight's name may be: keras_add_weight refuses it whole. */
enum { WEIGHT_TEXT = 4 * KERAS_NAME };

/* "attention14/query_sn/u" below "attention14" -> "query_sn_u"; NULL when it is elsewhere. */
static const char *name_below(const char *full, const char *path, char text[WEIGHT_TEXT])
{
	const size_t n = strlen(path);
	if (strncmp(full, path, n) || full[n] != '/')
		return NULL;
	snprintf(text, WEIGHT_TEXT, "%s", full + n + 1);
	for (char *p = text; *p; p++)
		*p = *p == '/' ? '_' : *p;
	return text;
}

static bool add_registered(tracer *t, int at, const char *path)
{
	char text[WEIGHT_TEXT];
	bool ok = true;
	for (int i = 0; ok && i < module_params(t->m); i++) {
		const buffer *b = module_param_at(t->m, i);
		ok = !name_below(b->name, path, text) || trace_weight(t, at, text, b);
	}
	for (int i = 0; ok && i < module_states(t->m); i++) {
		const buffer *b = module_state_at(t->m, i);
		ok = !name_below(b->name, path, text) || trace_weight(t, at, text, b);
	}
	return ok;
}

static bool emit_placed(tracer *t, const graph_call *c)
{
	const placed_layer *l = c->layer;
	const layer_type *type = l->spec.type;
	const shape s = trace_shape(t, c->x);
	int in = trace_as(t, c->x, s);
	char class_name[KERAS_NAME];
	snprintf(class_name, sizeof class_name, "sagan>%s", type->keras);
	int at = in < 0 ? -1 : trace_add(t, c->path, NULL, class_name, 1, &in);
	bool ok = at >= 0 && keras_set_bool(t->k, at, "skip", l->residual != LAYER_BARE, t->e)
		&& keras_set_bool(t->k, at, "gain", l->residual == LAYER_GAMMA, t->e) && set_sn(t, at, &l->sn, true);
	for (int i = 0; ok && i < type->args; i++)
		ok = set_arg(t, at, l, &type->arg[i]);
	return ok && add_registered(t, at, c->path) && trace_done(t, c->y, at, trace_shape(t, c->y), false);
}

const call_row trace_custom_rows[] = {
	{"conv", conv_has_u, emit_conv_normed}, {"conv_transpose", conv_has_u, emit_transpose_normed},
	{"dense", dense_has_u, emit_dense_normed}, {"embedding", table_has_u, emit_table_normed},
	{"cond_norm", NULL, emit_scale_shift}, {"attention", attention_is_plain, emit_attention},
	{"placed", has_class, emit_placed},
	{0},
};
