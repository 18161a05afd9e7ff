/* classes_companion.c - the layers of our companion module that parts of networks become (custom_layers.md): spectral norm,
 * gates and class tables as things of their own. Trained weights come first, then the vectors u. */
#include <stdio.h>
#include <string.h>

#include "gan/keras/run/placed.h"

enum { CHANNELS_MAX = 1 << 24 };

/* ---- layers with spectral norm ---- */

/* A stock layer whose first weight comes divided; u after all others. */
static node *spectral(site *s, const char *stock, bool by_rows)
{
	s->divide = true;
	s->by_rows = by_rows;
	node *y = keras_class_of(stock)->apply(s);
	if (!y)
		return NULL;
	const shape *w = &s->wants.w[0].s;
	return site_weight(s, "u", SHAPE(by_rows ? w->dim[0] : shape_last(w)), false) ? y : NULL;
}

static node *spectral_dense(site *s)
{
	return spectral(s, "Dense", false);
}

static node *spectral_conv(site *s)
{
	return spectral(s, "Conv2D", false);
}

static node *spectral_conv_transpose(site *s)
{
	return spectral(s, "Conv2DTranspose", false);
}

static node *spectral_embedding(site *s)
{
	return spectral(s, "Embedding", true);
}

/* ---- attention ---- */

/* A 1x1 convolution: kernel (1, 1, in, out) and perhaps a bias and a vector u. */
typedef struct projection {
	node *w, *b;
	int64_t in, out;
} projection;

static projection projection_read(site *s, const char *part, int64_t in, int64_t out)
{
	char name[KERAS_NAME];
	projection p = {.in = in, .out = out};
	snprintf(name, sizeof name, "%s_kernel", part);
	p.w = site_weight(s, name, SHAPE(1, 1, in, out), true);
	snprintf(name, sizeof name, "%s_bias", part);
	p.b = site_flag(s, "use_bias", false) ? site_weight(s, name, SHAPE(out), true) : NULL;
	return p;
}

static void projection_divide(site *s, projection *p, const char *part)
{
	char name[KERAS_NAME];
	snprintf(name, sizeof name, "%s_u", part);
	node *u = site_weight(s, name, SHAPE(p->out), false);
	p->w = site_divided(s, p->w, u, false);
}

static node *project(site *s, const projection *p, node *x)
{
	node *y = op_dense(s->g, x, op_reshape(s->g, p->w, SHAPE(p->in, p->out)));
	return p->b ? op_add(s->g, y, p->b) : y;
}

typedef struct attention_parts {
	node *gamma;
	projection part[4];                          /* query, key, value, out */
	int parts;
	bool pool, row, inside;
} attention_parts;

static bool attention_read(site *s, attention_parts *a)
{
	static const char *const name[] = {"query", "key", "value", "out"};
	const int d = site_int(s, "query_channels", 0, 1, CHANNELS_MAX);
	const int cv = site_int(s, "value_channels", 0, 1, CHANNELS_MAX);
	*a = (attention_parts){
		.parts = site_flag(s, "out_proj", true) ? 4 : 3, .pool = site_flag(s, "pool", false),
		.row = site_flag(s, "row", false), .inside = site_flag(s, "gamma_inside", false),
	};
	if (!d || !cv || !site_rank(s, 4)) {
		site_fail(s, "needs the settings query_channels and value_channels");
		return false;
	}
	const shape *x = &s->in[0]->s;
	const int64_t C = x->dim[3], out[] = {d, d, cv, C};
	if (a->pool && (x->dim[1] % 2 || x->dim[2] % 2 || a->row))
		site_fail(s, "pools an image of odd size, or rows");
	if (a->parts == 3 && cv != C)
		site_fail(s, "value_channels = %d without out_proj; its input has %lld", cv, (long long)C);
	a->gamma = site_weight(s, "gamma", shape_scalar(), true);
	for (int i = 0; i < a->parts; i++)
		a->part[i] = projection_read(s, name[i], i == 3 ? cv : C, out[i]);
	for (int i = 0; i < a->parts && site_flag(s, "spectral_norm", false); i++)
		projection_divide(s, &a->part[i], name[i]);
	return !s->failed;
}

/* [B,H,W,c] as [B,N,c], or by rows as it is; a pooled one is [B,N/4,c]. */
static node *tokens(site *s, const attention_parts *a, int i, bool pool)
{
	node *y = project(s, &a->part[i], s->in[0]);
	if (pool)
		y = op_max_pool(s->g, y, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	if (a->row)
		return y;
	return op_reshape(s->g, y, SHAPE(y->s.dim[0], y->s.dim[1] * y->s.dim[2], y->s.dim[3]));
}

/* x + gamma out(softmax(query(x) key(x)') value(x)), or x + out(gamma ..) */
static node *self_attention(site *s)
{
	attention_parts a;
	if (!attention_read(s, &a))
		return NULL;
	const shape *x = &s->in[0]->s;
	const int64_t N = x->dim[1] * x->dim[2], M = a.row ? x->dim[2] : a.pool ? N / 4 : N;
	const shape map = SHAPE(x->dim[0], N, M), wide = SHAPE(x->dim[0], N, a.part[0].out + a.part[2].out);
	if (!site_fits(s, &map) || !site_fits(s, &wide))
		return NULL;
	node *q = tokens(s, &a, 0, false), *k = tokens(s, &a, 1, a.pool), *v = tokens(s, &a, 2, a.pool);
	node *y = op_matmul(s->g, op_softmax(s->g, op_matmul(s->g, q, k, false, true)), v, false, false);
	y = op_reshape(s->g, y, SHAPE(x->dim[0], x->dim[1], x->dim[2], a.part[2].out));
	if (a.inside)
		y = op_mul(s->g, y, a.gamma);
	if (a.parts == 4)
		y = project(s, &a.part[3], y);
	return op_add(s->g, s->in[0], a.inside ? y : op_mul(s->g, y, a.gamma));
}

/* ---- the rest ---- */

/* Rows [B,C] of a table as [B,1,..,C], like an image or a vector. */
static node *rows_like(site *s, node *table, node *label)
{
	shape to = {.rank = s->in[0]->s.rank, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	to.dim[0] = s->in[0]->s.dim[0];
	to.dim[to.rank - 1] = shape_last(&table->s);
	return op_reshape(s->g, op_gather(s->g, table, label), to);
}

/* [x, label] -> x * (one_plus + gain[label]) + bias[label]. The net checks the labels. */
static node *scale_shift(site *s)
{
	const int K = site_int(s, "classes", 0, 1, CHANNELS_MAX);
	const shape *x = &s->in[0]->s;
	if (!K || x->rank < 2)
		return site_fail(s, "needs the setting classes");
	const int64_t B = x->dim[0], C = shape_last(x);
	if (shape_count(&s->in[1]->s) != B)
		return site_fail(s, "takes one label per image, not %s", shape_print(&s->in[1]->s).s);
	node *gain = site_weight(s, "gain", SHAPE(K, C), true), *bias = site_weight(s, "bias", SHAPE(K, C), true);
	if (site_flag(s, "spectral_norm", false)) {
		node *gain_u = site_weight(s, "gain_u", SHAPE(K), false), *bias_u = site_weight(s, "bias_u", SHAPE(K), false);
		gain = site_divided(s, gain, gain_u, true);
		bias = site_divided(s, bias, bias_u, true);
	}
	const bool one_plus = site_flag(s, "one_plus", false);
	if (s->failed)
		return NULL;
	node *label = op_reshape(s->g, s->in[1], SHAPE(B));
	node *factor = rows_like(s, gain, label);
	if (one_plus)
		factor = op_add_scalar(s->g, factor, 1);
	return op_add(s->g, op_mul(s->g, s->in[0], factor), rows_like(s, bias, label));
}

static node *global_sum(site *s)
{
	return site_rank(s, 4) ? op_sum(s->g, s->in[0], 6, false) : NULL;
}

static node *scalar_gain(site *s)
{
	node *gamma = site_weight(s, "gamma", shape_scalar(), true);
	return gamma ? op_mul(s->g, s->in[0], gamma) : NULL;
}

const keras_class keras_own_classes[] = {
	{"sagan>SpectralDense", 1, 1, spectral_dense},
	{"sagan>SpectralConv2D", 1, 1, spectral_conv},
	{"sagan>SpectralConv2DTranspose", 1, 1, spectral_conv_transpose},
	{"sagan>SpectralEmbedding", 1, 1, spectral_embedding},
	{"sagan>SelfAttention2D", 1, 1, self_attention},
	{"sagan>ConditionalScaleShift", 2, 2, scale_shift},
	{"sagan>GlobalSumPooling2D", 1, 1, global_sum},
	{"sagan>ScalarGain", 1, 1, scalar_gain},
	{0},
};
