/* classes_own.c - the layers of our companion module, for networks that keep gamma and class tables apart. */
#include <string.h>

#include "keras/site.h"

enum { CHANNELS_MAX = 1 << 24 };

/* x times the next (1, 1, in, out) kernel, plus a bias: a 1x1 convolution. */
static node *project(site *s, node *x, const char *part, int64_t out)
{
	static const char *const names[][3] = {
		{"query", "query_kernel", "query_bias"}, {"key", "key_kernel", "key_bias"},
		{"value", "value_kernel", "value_bias"}, {"out", "out_kernel", "out_bias"},
	};
	const char *const *name = names[0];
	for (int i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i][0], part))
			name = names[i];
	const int64_t in = shape_last(&x->s);
	const shape to = SHAPE(x->s.dim[0], x->s.dim[1], x->s.dim[2], out);
	node *w = site_fits(s, &to) ? site_weight(s, name[1], SHAPE(1, 1, in, out), true) : NULL;
	node *b = w && site_flag(s, "use_bias", false) ? site_weight(s, name[2], SHAPE(out), true) : NULL;
	if (s->failed)
		return NULL;
	node *y = op_dense(s->g, x, op_reshape(s->g, w, SHAPE(in, out)));
	return b ? op_add(s->g, y, b) : y;
}

static node *pooled_or_same(site *s, node *x, bool pool)
{
	return pool ? op_max_pool(s->g, x, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2}) : x;
}

/* x + gamma * out(softmax(query(x) key(x)^T) value(x)) */
static node *self_attention(site *s)
{
	const int d = site_int(s, "query_channels", 0, 1, CHANNELS_MAX), cv = site_int(s, "value_channels", 0, 1,
		CHANNELS_MAX);
	const bool pool = site_flag(s, "pool", false), out = site_flag(s, "out_proj", true);
	if (!d || !cv || !site_rank(s, 4))
		return site_fail(s, "needs the settings query_channels and value_channels");
	const shape *x = &s->in[0]->s;
	const int64_t B = x->dim[0], N = x->dim[1] * x->dim[2], M = pool ? N / 4 : N;
	if (pool && (x->dim[1] % 2 || x->dim[2] % 2))
		return site_fail(s, "pools an image of odd size");
	if (!out && cv != x->dim[3])
		return site_fail(s, "value_channels = %d without out_proj; its input has %lld", cv, (long long)x->dim[3]);
	const shape map = SHAPE(B, N, M);
	node *gamma = site_fits(s, &map) ? site_weight(s, "gamma", shape_scalar(), true) : NULL;
	node *q = gamma ? project(s, s->in[0], "query", d) : NULL;
	node *k = q ? project(s, s->in[0], "key", d) : NULL;
	node *v = k ? project(s, s->in[0], "value", cv) : NULL;
	if (!v)
		return NULL;
	k = op_reshape(s->g, pooled_or_same(s, k, pool), SHAPE(B, M, d));
	v = op_reshape(s->g, pooled_or_same(s, v, pool), SHAPE(B, M, cv));
	q = op_reshape(s->g, q, SHAPE(B, N, d));
	node *weight = op_softmax(s->g, op_matmul(s->g, q, k, false, true));
	node *o = op_reshape(s->g, op_matmul(s->g, weight, v, false, false), SHAPE(B, x->dim[1], x->dim[2], cv));
	if (out)
		o = project(s, o, "out", x->dim[3]);
	return o ? op_add(s->g, s->in[0], op_mul(s->g, o, gamma)) : NULL;
}

/* [x, label] -> x * gain[label] + bias[label]. The net checks the labels. */
static node *scale_shift(site *s)
{
	const int K = site_int(s, "classes", 0, 1, CHANNELS_MAX);
	if (!K || !site_rank(s, 4))
		return site_fail(s, "needs the setting classes");
	const shape *x = &s->in[0]->s;
	const int64_t B = x->dim[0], C = x->dim[3];
	if (shape_count(&s->in[1]->s) != B)
		return site_fail(s, "takes one label per image, not %s", shape_print(&s->in[1]->s).s);
	node *gain = site_weight(s, "gain", SHAPE(K, C), true), *bias = site_weight(s, "bias", SHAPE(K, C), true);
	if (s->failed)
		return NULL;
	node *label = op_reshape(s->g, s->in[1], SHAPE(B));
	const shape row = SHAPE(B, 1, 1, C);
	gain = op_reshape(s->g, op_gather(s->g, gain, label), row);
	bias = op_reshape(s->g, op_gather(s->g, bias, label), row);
	return op_add(s->g, op_mul(s->g, s->in[0], gain), bias);
}

static node *global_sum(site *s)
{
	return site_rank(s, 4) ? op_sum(s->g, s->in[0], 6, false) : NULL;
}

const keras_class keras_own_classes[] = {
	{"sagan>SelfAttention2D", 1, 1, self_attention},
	{"sagan>ConditionalScaleShift", 2, 2, scale_shift},
	{"sagan>GlobalSumPooling2D", 1, 1, global_sum},
	{0},
};
