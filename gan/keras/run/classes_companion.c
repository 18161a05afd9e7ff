/* classes_companion.c - the layers of the companion module sagan_layers.py that parts of networks become
 * (docs/keras-layers.md): spectral norm, gates and class tables as things of their own. Trained weights come first,
 * then the vectors u. */
#include <stdio.h>
#include <string.h>

#include "gan/keras/run/placed.h"

enum { CHANNELS_MAX = 1 << 24 };

/* ---- layers with spectral norm ---- */

/* A stock layer whose first weight comes divided; u after all others. */
static node *spectral(keras_placed *p, const char *stock, bool by_rows)
{
	p->divide = true;
	p->by_rows = by_rows;
	node *y = keras_class_of(stock)->apply(p);
	if (!y)
		return NULL;
	const shape *w = &p->wants.w[0].s;
	return placed_weight(p, "u", SHAPE(by_rows ? w->dim[0] : shape_last(w)), false) ? y : NULL;
}

static node *spectral_dense(keras_placed *p)
{
	return spectral(p, "Dense", false);
}

static node *spectral_conv(keras_placed *p)
{
	return spectral(p, "Conv2D", false);
}

static node *spectral_conv_transpose(keras_placed *p)
{
	return spectral(p, "Conv2DTranspose", false);
}

static node *spectral_embedding(keras_placed *p)
{
	return spectral(p, "Embedding", true);
}

/* ---- attention ---- */

/* A 1x1 convolution: kernel (1, 1, in, out) and perhaps a bias and a vector u. */
typedef struct projection {
	node *w, *b;
	int64_t in, out;
} projection;

static projection projection_read(keras_placed *p, const char *part, int64_t in, int64_t out)
{
	char name[KERAS_NAME];
	projection j = {.in = in, .out = out};
	snprintf(name, sizeof name, "%s_kernel", part);
	j.w = placed_weight(p, name, SHAPE(1, 1, in, out), true);
	snprintf(name, sizeof name, "%s_bias", part);
	j.b = placed_flag(p, "use_bias", false) ? placed_weight(p, name, SHAPE(out), true) : NULL;
	return j;
}

static void projection_divide(keras_placed *p, projection *j, const char *part)
{
	char name[KERAS_NAME];
	snprintf(name, sizeof name, "%s_u", part);
	node *u = placed_weight(p, name, SHAPE(j->out), false);
	j->w = placed_divided(p, j->w, u, false);
}

static node *project(keras_placed *p, const projection *j, node *x)
{
	node *y = op_dense(p->g, x, op_reshape(p->g, j->w, SHAPE(j->in, j->out)));
	return j->b ? op_add(p->g, y, j->b) : y;
}

typedef struct attention_parts {
	node *gamma;
	projection part[4];                          /* query, key, value, out */
	int parts;
	bool pool, row, inside;
} attention_parts;

static bool attention_read(keras_placed *p, attention_parts *a)
{
	static const char *const name[] = {"query", "key", "value", "out"};
	const int d = placed_int(p, "query_channels", 0, 1, CHANNELS_MAX);
	const int cv = placed_int(p, "value_channels", 0, 1, CHANNELS_MAX);
	*a = (attention_parts){
		.parts = placed_flag(p, "out_proj", true) ? 4 : 3, .pool = placed_flag(p, "pool", false),
		.row = placed_flag(p, "row", false), .inside = placed_flag(p, "gamma_inside", false),
	};
	if (!d || !cv || !placed_rank(p, 4)) {
		placed_fail(p, "needs the settings query_channels and value_channels");
		return false;
	}
	const shape *x = &p->in[0]->s;
	const int64_t C = x->dim[3], out[] = {d, d, cv, C};
	const int filters = placed_int(p, "filters", 0, 0, CHANNELS_MAX);
	placed_must_be(p, "activation", "linear");   /* the module's class knows more than its layers become */
	placed_must_be(p, "residual", "identity");
	if (filters && filters != C)
		placed_fail(p, "filters = %d on %lld channels is not supported", filters, (long long)C);
	if (a->pool && (x->dim[1] % 2 || x->dim[2] % 2 || a->row))
		placed_fail(p, "pools an image of odd size, or rows");
	if (a->parts == 3 && cv != C)
		placed_fail(p, "value_channels = %d without out_proj; its input has %lld", cv, (long long)C);
	a->gamma = placed_weight(p, "gamma", shape_scalar(), true);
	for (int i = 0; i < a->parts; i++)
		a->part[i] = projection_read(p, name[i], i == 3 ? cv : C, out[i]);
	for (int i = 0; i < a->parts && placed_flag(p, "spectral_norm", false); i++)
		projection_divide(p, &a->part[i], name[i]);
	return !p->failed;
}

/* [B,H,W,c] as [B,N,c], or by rows as it is; a pooled one is [B,N/4,c]. */
static node *tokens(keras_placed *p, const attention_parts *a, int i, bool pool)
{
	node *y = project(p, &a->part[i], p->in[0]);
	if (pool)
		y = op_max_pool(p->g, y, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	if (a->row)
		return y;
	return op_reshape(p->g, y, SHAPE(y->s.dim[0], y->s.dim[1] * y->s.dim[2], y->s.dim[3]));
}

/* x + gamma out(softmax(query(x) key(x)') value(x)), or x + out(gamma ..) */
static node *self_attention(keras_placed *p)
{
	attention_parts a;
	if (!attention_read(p, &a))
		return NULL;
	const shape *x = &p->in[0]->s;
	const int64_t N = x->dim[1] * x->dim[2], M = a.row ? x->dim[2] : a.pool ? N / 4 : N;
	const shape map = SHAPE(x->dim[0], N, M), wide = SHAPE(x->dim[0], N, a.part[0].out + a.part[2].out);
	if (!placed_fits(p, &map) || !placed_fits(p, &wide))
		return NULL;
	node *q = tokens(p, &a, 0, false), *k = tokens(p, &a, 1, a.pool), *v = tokens(p, &a, 2, a.pool);
	node *y = op_matmul(p->g, op_softmax(p->g, op_matmul(p->g, q, k, false, true)), v, false, false);
	y = op_reshape(p->g, y, SHAPE(x->dim[0], x->dim[1], x->dim[2], a.part[2].out));
	if (a.inside)
		y = op_mul(p->g, y, a.gamma);
	if (a.parts == 4)
		y = project(p, &a.part[3], y);
	return op_add(p->g, p->in[0], a.inside ? y : op_mul(p->g, y, a.gamma));
}

/* ---- the rest ---- */

/* Rows [B,C] of a table as [B,1,..,C], like an image or a vector. */
static node *rows_like(keras_placed *p, node *table, node *label)
{
	shape to = {.rank = p->in[0]->s.rank, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	to.dim[0] = p->in[0]->s.dim[0];
	to.dim[to.rank - 1] = shape_last(&table->s);
	return op_reshape(p->g, op_gather(p->g, table, label), to);
}

/* [x, label] -> x * (one_plus + gain[label]) + bias[label]. The net checks the labels. */
static node *scale_shift(keras_placed *p)
{
	const int K = placed_int(p, "classes", 0, 1, CHANNELS_MAX);
	const shape *x = &p->in[0]->s;
	if (!K || x->rank < 2)
		return placed_fail(p, "needs the setting classes");
	const int64_t B = x->dim[0], C = shape_last(x);
	if (shape_count(&p->in[1]->s) != B)
		return placed_fail(p, "takes one label per image, not %s", shape_print(&p->in[1]->s).s);
	node *gain = placed_weight(p, "gain", SHAPE(K, C), true), *bias = placed_weight(p, "bias", SHAPE(K, C), true);
	if (placed_flag(p, "spectral_norm", false)) {
		node *gain_u = placed_weight(p, "gain_u", SHAPE(K), false);
		node *bias_u = placed_weight(p, "bias_u", SHAPE(K), false);
		gain = placed_divided(p, gain, gain_u, true);
		bias = placed_divided(p, bias, bias_u, true);
	}
	const bool one_plus = placed_flag(p, "one_plus", false);
	if (p->failed)
		return NULL;
	node *label = op_reshape(p->g, p->in[1], SHAPE(B));
	node *factor = rows_like(p, gain, label);
	if (one_plus)
		factor = op_add_scalar(p->g, factor, 1);
	return op_add(p->g, op_mul(p->g, p->in[0], factor), rows_like(p, bias, label));
}

static node *global_sum(keras_placed *p)
{
	return placed_rank(p, 4) ? op_sum(p->g, p->in[0], 6, false) : NULL;
}

static node *scalar_gain(keras_placed *p)
{
	node *gamma = placed_weight(p, "gamma", shape_scalar(), true);
	return gamma ? op_mul(p->g, p->in[0], gamma) : NULL;
}

const keras_class keras_companion_classes[] = {
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
