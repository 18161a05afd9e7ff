/* cot.c - a convolution's context, a learned local filter's context, and a softmax between them. */
#include "layers/cot.h"

#include "core/base/local.h"
#include "core/graph/ops.h"

enum { SHARE = 8, GROUPS = 4 };                      /* channels per local weight; groups of the key */

const cot_options cot_defaults = {
	.kernel_size = 3, .activation = "relu", .strides = 1, .downsample_first = true,
};

/* ---- registration ---- */

static bool check(module *m, const cot *c)
{
	const cot_options *o = &c->opt;
	if (c->F < 1 || c->F % SHARE)
		module_fail(m, "cot_attention: %lld channels: must be a multiple of %d", (long long)c->F,
			SHARE);
	else if (o->kernel_size < 1 || o->kernel_size % 2 == 0)
		module_fail(m, "cot_attention: kernel_size = %d: must be odd", o->kernel_size);
	else if (o->strides < 1)
		module_fail(m, "cot_attention: strides = %d: must be at least 1", o->strides);
	else
		return true;
	return false;
}

static void add_weights(module *m, cot *c)
{
	const cot_options *o = &c->opt;
	const int F = (int)c->F, k = o->kernel_size, local = k * k * F / SHARE, S = MAX(F * 2 / 4, 32);
	const conv2d_options one = {.kh = 1, .torch_init = o->torch_init, .sn = o->sn};
	const bn_act_options act = {.activation = o->activation}, none = {0}, swish = {.activation = "swish"};
	conv2d_options key = one, half = one, taps = one, full = one, squeeze = one, excite = one;
	key.filters = full.filters = F;
	key.kh = k;
	key.padding = CONV2D_SAME;
	key.groups = GROUPS;
	half.filters = F / 2;
	taps.filters = local;
	squeeze.filters = S;
	excite.filters = 2 * F;
	taps.use_bias = squeeze.use_bias = excite.use_bias = true;
	conv2d_no_bias_init(m, &c->key, "key_", F, key);
	batchnorm_with_activation_init(m, &c->key_bn, "key_", F, act);
	conv2d_no_bias_init(m, &c->embed_ww_1, "embed_ww_1_", 2 * F, half);
	batchnorm_with_activation_init(m, &c->embed_ww_1_bn, "embed_ww_1_", F / 2, act);
	conv2d_no_bias_init(m, &c->embed_ww_2, "embed_ww_2_", F / 2, taps);
	group_norm_init(m, &c->embed_ww_norm, "embed_ww_group_norm", local, F / SHARE, 1e-5);
	conv2d_no_bias_init(m, &c->embed_1, "embed_1_", F, full);
	batchnorm_with_activation_init(m, &c->embed_1_bn, "embed_1_", F, none);
	batchnorm_with_activation_init(m, &c->embed_2_bn, "embed_2_", F, swish);
	conv2d_no_bias_init(m, &c->se_1, "attn_se_1_", F, squeeze);
	batchnorm_with_activation_init(m, &c->se_bn, "attn_se_", S, act);
	conv2d_no_bias_init(m, &c->se_2, "attn_se_2_", S, excite);
}

void cot_init(module *m, cot *c, const char *name, int64_t F, cot_options opt)
{
	*c = (cot){.opt = opt, .F = F};
	module_name(m, c->name, sizeof c->name, name);
	module_push(m, name);
	if (check(m, c))
		add_weights(m, c);
	module_pop(m);
}

/* ---- application ---- */

static node *halved(graph *g, node *x)
{
	const window_geometry w = {3, 3, 2, 2, 1, 1, 1, 1};
	return op_scale(g, op_sum_pool(g, x, w), 1.0 / 9);
}

static node *normalised_conv(graph *g, const conv2d_no_bias *by, const batchnorm_with_activation *bn, node *x,
			     mode m)
{
	return batchnorm_with_activation_apply(g, bn, conv2d_no_bias_apply(g, by, x, m), m);
}

/* w [B,H,W,G*k*k]: the local weights of each pixel, group by group. */
static node *local_weights(graph *g, const cot *c, node *x, node *key, mode m)
{
	node *w = op_concat(g, (node *[]){x, key}, 2, 3);
	w = normalised_conv(g, &c->embed_ww_1, &c->embed_ww_1_bn, w, m);
	return group_norm_apply(g, &c->embed_ww_norm, conv2d_no_bias_apply(g, &c->embed_ww_2, w, m));
}

/* y[pixel,c] = sum_t val[pixel at tap t, c] w[pixel, c mod G, t]; zeros around val. [B,H,W,F] */
static node *local_conv(graph *g, const cot *c, node *val, node *w)
{
	const int k = c->opt.kernel_size, p = k / 2;
	const int64_t G = c->F / SHARE, N = val->s.dim[0] * val->s.dim[1] * val->s.dim[2];
	node *taps = op_patches(g, val, (window_geometry){k, k, 1, 1, p, p, p, p});
	taps = op_reshape(g, taps, SHAPE(N, k * k, SHARE, G));
	w = op_transpose(g, op_reshape(g, w, SHAPE(N, G, k * k)));
	node *y = op_mul(g, taps, op_reshape(g, w, SHAPE(N, k * k, 1, G)));
	return op_reshape(g, op_sum(g, y, 1u << 1, false), val->s);
}

/* [B,1,1,F,2]: what each channel takes of e and of key. */
static node *branch_weights(graph *g, const cot *c, node *e, node *key, mode m)
{
	node *s = op_mean(g, op_add(g, e, key), 1u << 1 | 1u << 2, true);
	s = normalised_conv(g, &c->se_1, &c->se_bn, s, m);
	s = conv2d_no_bias_apply(g, &c->se_2, s, m);
	return op_softmax(g, op_reshape(g, s, SHAPE(s->s.dim[0], 1, 1, c->F, 2)));
}

static node *attend(graph *g, const cot *c, node *x, mode m, node **scores, node **local)
{
	if (x->s.rank != 4 || x->s.dim[3] != c->F)
		return graph_fail(g, "cot_attention: built for [B,H,W,%lld], given %s", (long long)c->F,
			shape_print(&x->s).s);
	const bool pooled = c->opt.strides > 1;
	const int64_t k = c->opt.kernel_size;
	x = pooled && c->opt.downsample_first ? halved(g, x) : x;
	node *key = normalised_conv(g, &c->key, &c->key_bn, x, m);
	node *val = normalised_conv(g, &c->embed_1, &c->embed_1_bn, x, m);
	node *w = local_weights(g, c, x, key, m), *e = local_conv(g, c, val, w);
	e = batchnorm_with_activation_apply(g, &c->embed_2_bn, e, m);
	node *a = branch_weights(g, c, e, key, m);
	const shape per_channel = SHAPE(x->s.dim[0], 1, 1, c->F);
	node *a0 = op_reshape(g, op_slice_axis(g, a, 4, 0, 1), per_channel);
	node *a1 = op_reshape(g, op_slice_axis(g, a, 4, 1, 2), per_channel);
	node *y = op_add(g, op_mul(g, e, a0), op_mul(g, key, a1));
	if (scores)
		*scores = a;
	if (local)
		*local = op_reshape(g, w, SHAPE(x->s.dim[0], x->s.dim[1], x->s.dim[2], c->F / SHARE, k * k));
	return pooled && !c->opt.downsample_first ? halved(g, y) : y;
}

node *cot_apply(graph *g, const cot *c, node *x, mode m, node **scores, node **local)
{
	graph_push(g, c->name);
	node *y = attend(g, c, x, m, scores, local);
	graph_pop(g);
	return y;
}
