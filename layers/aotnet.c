/* aotnet.c - blur and stride, norm and activation, convolution with explicit zeros (spec of each in aotnet.h). */
#include "layers/aotnet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"

/* prefix + suffix, the name of a sublayer. */
typedef struct sublayer {
	char name[32];
} sublayer;
static sublayer joined(const char *prefix, const char *suffix)
{
	sublayer s;
	int n = snprintf(s.name, sizeof s.name, "%s%s", prefix, suffix);
	must(n < (int)sizeof s.name, "the layer name %s%s is too long", prefix, suffix);
	return s;
}

/* ---- anti_alias_downsample ---- */

void anti_alias_downsample_init(module *m, anti_alias_downsample *a, const char *prefix, int64_t C,
				anti_alias_options opt)
{
	*a = (anti_alias_downsample){.opt = opt};
	int k = a->opt.kernel_size = opt.kernel_size != 0 ? opt.kernel_size : 3;
	a->opt.strides = opt.strides != 0 ? opt.strides : 2;
	module_name(m, a->name, sizeof a->name, joined(prefix, "anti_alias_down").name);
	if (k < 1)
		module_fail(m, "anti_alias_downsample: kernel_size = %d: must be at least 1", k);
	if (a->opt.strides < 1)
		module_fail(m, "anti_alias_downsample: strides = %d: must be at least 1", a->opt.strides);
	module_push(m, a->name);
	init blur = {.kind = INIT_BINOMIAL};
	shape s = SHAPE(k, k, C, 1);
	a->kernel = opt.trainable ? module_param(m, "depthwise_kernel", s, blur)
				  : module_state(m, "depthwise_kernel", s, blur, (state_role){STATE_FIXED, 0});
	module_pop(m);
}

node *anti_alias_downsample_apply(graph *g, const anti_alias_downsample *a, node *x)
{
	if (x->s.rank != 4)
		return graph_fail(g, "anti_alias_downsample: input %s is no image [B,H,W,C]", shape_print(&x->s).s);
	int k = a->opt.kernel_size, s = a->opt.strides;
	int64_t C = a->kernel->s.dim[2];
	conv_geometry c = {.sh = s, .sw = s, .groups = (int)C};
	pad_same_tf(x->s.dim[1], k, s, &c.top, &c.bottom);
	pad_same_tf(x->s.dim[2], k, s, &c.left, &c.right);
	graph_push(g, a->name);
	node *w = graph_leaf(g, a->kernel);
	node *y = op_conv2d(g, x, op_reshape(g, w, SHAPE(k, k, 1, C)), c);
	graph_pop(g);
	return y;
}

/* ---- batchnorm_with_activation ---- */

void batchnorm_with_activation_init(module *m, batchnorm_with_activation *b, const char *prefix, int64_t C,
				    bn_act_options opt)
{
	*b = (batchnorm_with_activation){.opt = opt};
	bool acts = opt.activation && *opt.activation && strcmp(opt.activation, "none") != 0;
	const char *act = acts ? opt.activation : "linear";
	sublayer act_layer = joined(prefix, act);
	if (opt.axis < 0)
		module_fail(m, "batchnorm_with_activation: axis = %d: must be at least 1, or 0 for the last", opt.axis);
	if (opt.use_evo_norm) {
		int64_t groups = opt.evo_norm_group_size > 0 ? C / opt.evo_norm_group_size : 0;
		evo_norm_init(m, &b->evo, joined(prefix, "evo_norm").name, C, (evo_options){
			.nonlinearity = acts, .groups = groups, .zero_gamma = opt.zero_gamma,
			.epsilon = opt.epsilon != 0 ? opt.epsilon : 1e-5,
			.momentum = opt.momentum != 0 ? opt.momentum : 0.9});
		return;
	}
	bn_options bn = {
		.keep = opt.momentum != 0 ? opt.momentum : 0.9, .eps = opt.epsilon != 0 ? opt.epsilon : 1e-5,
		.zero_gamma = opt.zero_gamma,
	};
	if (opt.act_first)
		activation_init(m, &b->act, act_layer.name, act, C);
	batch_norm_init(m, &b->bn, joined(prefix, "bn").name, C, bn);
	if (!opt.act_first)
		activation_init(m, &b->act, act_layer.name, act, C);
}

/* Batch norm of the channels of any axis, by exchanging it with the last. */
static node *norm_axis(graph *g, const batchnorm_with_activation *b, node *x, mode m)
{
	int rank = x->s.rank, axis = b->opt.axis ? b->opt.axis : rank - 1, swap[RANK_MAX];
	if (axis >= rank)
		return graph_fail(g, "batchnorm_with_activation: axis = %d: input %s has %d", axis,
			shape_print(&x->s).s, rank);
	/* Only Keras' fused kernel has Bessel's factor: images and volumes, channels last or first. */
	bool bessel = (rank == 4 || rank == 5) && (axis == rank - 1 || axis == 1);
	if (axis == rank - 1)
		return batch_norm_apply_as(g, &b->bn, x, bessel, m);
	for (int i = 0; i < rank; i++)
		swap[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
	return op_permute(g, batch_norm_apply_as(g, &b->bn, op_permute(g, x, swap), bessel, m), swap);
}

node *batchnorm_with_activation_apply(graph *g, const batchnorm_with_activation *b, node *x, mode m)
{
	if (b->opt.use_evo_norm)
		return evo_norm_apply(g, &b->evo, x, m);
	if (b->opt.act_first)
		return norm_axis(g, b, activation_apply(g, &b->act, x), m);
	return activation_apply(g, &b->act, norm_axis(g, b, x, m));
}

/* ---- conv2d_no_bias ---- */

static conv2d_options with_defaults(conv2d_options o)
{
	o.kh = o.kh ? o.kh : 1;
	o.kw = o.kw ? o.kw : o.kh;
	o.sh = o.sh ? o.sh : 1;
	o.sw = o.sw ? o.sw : o.sh;
	o.groups = o.groups ? o.groups : 1;
	return o;
}

/* The same in terms of conv.h. */
static conv_options plain(const conv2d_options *o, int64_t in)
{
	conv_options c = {
		.filters = o->filters, .kh = o->kh, .kw = o->kw, .sh = o->sh, .sw = o->sw, .groups = o->groups,
		.padding = PAD_AXES, .bias = o->use_bias, .sn = o->sn, .kernel_init = {.kind = INIT_HE_FAN_OUT},
	};
	switch (o->padding) {
	case CONV2D_VALID:
		break;
	case CONV2D_SAME:
		c.pad = o->kh / 2;
		c.pad_w = o->kw / 2;
		break;
	case CONV2D_SAME_LARGER:
		c.pad = c.pad_w = MAX(o->kh, o->kw) / 2;
		break;
	case CONV2D_SAME_TF:
		c.padding = PAD_SAME;
		break;
	case CONV2D_EXPLICIT:
		c.pad = o->pad_h;
		c.pad_w = o->pad_w;
		break;
	}
	if (o->torch_init)                           /* of all input channels, whatever the groups */
		c.kernel_init = (init){INIT_TORCH_UNIFORM, 1 / sqrt((double)in * o->kh * o->kw)};
	return c;
}

void conv2d_no_bias_init(module *m, conv2d_no_bias *c, const char *prefix, int64_t in, conv2d_options opt)
{
	*c = (conv2d_no_bias){.opt = with_defaults(opt)};
	const conv2d_options *o = &c->opt;
	sublayer name = joined(prefix, "conv");
	if (o->filters < 1)
		module_fail(m, "%s: filters = %d: must be at least 1", name.name, o->filters);
	if (o->kh < 1 || o->kw < 1 || o->sh < 1 || o->sw < 1 || o->groups < 1 || o->pad_h < 0 || o->pad_w < 0)
		module_fail(m, "%s: kernel %dx%d, strides %dx%d, groups = %d, padding %dx%d: a kernel, stride or group "
			"below 1 or a negative padding", name.name, o->kh, o->kw, o->sh, o->sw, o->groups, o->pad_h,
			o->pad_w);
	c->is_depthwise = o->depthwise_parity && o->groups == o->filters;
	conv_options part = plain(o, in);
	if (c->is_depthwise) {
		part.kernel_init = (init){.kind = INIT_GLOROT_UNIFORM};      /* Keras ignores the one given */
		depthwise_init(m, &c->depthwise, name.name, in, part);
	} else if (o->filters > 0 && o->groups > 0) {
		conv_init(m, &c->conv, name.name, in, part);
	}
}

node *conv2d_no_bias_apply(graph *g, const conv2d_no_bias *c, node *x, mode m)
{
	const conv_options *o = c->is_depthwise ? &c->depthwise.opt : &c->conv.opt;
	if (x->s.rank != 4)
		return graph_fail(g, "conv2d_no_bias: input %s is no image [B,H,W,C]", shape_print(&x->s).s);
	int64_t H = x->s.dim[1], W = x->s.dim[2];
	if (o->padding != PAD_SAME && (H + 2 * o->pad < o->kh || W + 2 * o->pad_w < o->kw))
		return graph_fail(g, "conv %dx%d on %lldx%lld: output would be empty", o->kh, o->kw, (long long)H,
			(long long)W);
	return c->is_depthwise ? depthwise_apply(g, &c->depthwise, x, m) : conv_apply(g, &c->conv, x, m);
}
