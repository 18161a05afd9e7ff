/* split_attention.c - groups of features weighted by a softmax across the groups. */
#include "layers/split_attention.h"

#include <stdio.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/heads.h"

const split_attention_options split_attention_defaults = {
	.kernel_size = 3, .strides = 1, .groups = 2, .activation = "relu",
};

/* ---- rsoftmax ---- */

node *rsoftmax(graph *g, node *x, int groups, bool spatial)
{
	const shape *s = &x->s;
	if (s->rank != 4)
		return graph_fail(g, "rsoftmax: %s: expects [B,H,W,C]", shape_print(s).s);
	if (groups <= 1)
		return op_sigmoid(g, x);
	const int64_t n = s->dim[1] * s->dim[2] * s->dim[3];
	if (!spatial && s->dim[1] * s->dim[2] > 1)
		return graph_fail(g, "rsoftmax: map %lldx%lld: expects a pooled [B,1,1,C]",
			(long long)s->dim[1], (long long)s->dim[2]);
	if (n % groups)
		return graph_fail(g, "rsoftmax: %lld values, groups=%d: not divisible", (long long)n, groups);
	node *y = op_reshape(g, x, SHAPE(s->dim[0], groups, n / groups));
	return op_reshape(g, op_softmax_axis(g, y, 1), x->s);
}

/* ---- registration ---- */

static bool check(module *m, const split_attention *s)
{
	const split_attention_options *o = &s->opt;
	const struct {
		const char *name;
		int value, most;
	} size[] = {
		{"filters", o->filters, INT32_MAX}, {"kernel_size", o->kernel_size, INT32_MAX},
		{"strides", o->strides, INT32_MAX}, {"groups", o->groups, SPLIT_GROUPS_MAX},
	};
	for (int i = 0; i < COUNT(size); i++) {
		if (size[i].value >= 1 && size[i].value <= size[i].most)
			continue;
		if (size[i].most == INT32_MAX)
			module_fail(m, "split_attention_conv2d: %s = %d: must be at least 1", size[i].name,
				size[i].value);
		else
			module_fail(m, "split_attention_conv2d: %s = %d: must be 1 to %d", size[i].name,
				size[i].value, size[i].most);
		return false;
	}
	if (s->C % o->groups)
		module_fail(m, "split_attention_conv2d: in=%lld, groups=%d: not divisible; %s fit",
			(long long)s->C, o->groups, divisors_print(s->C, 1).s);
	return s->C % o->groups == 0;
}

static void add_split(module *m, split_attention *s)
{
	const split_attention_options *o = &s->opt;
	const conv2d_options c = {
		.filters = o->filters, .kh = o->kernel_size, .padding = CONV2D_SAME, .sn = o->sn,
		.sh = o->downsample == SPLIT_STRIDE_CONV ? o->strides : 1, .torch_init = o->torch_init,
	};
	for (int j = 0; j < o->groups; j++) {
		char prefix[32];
		snprintf(prefix, sizeof prefix, o->groups > 1 ? "1_g%d_" : "1_", j + 1);
		conv2d_no_bias_init(m, &s->split[j], prefix, s->C / o->groups, c);
	}
}

void split_attention_init(module *m, split_attention *s, const char *name, int64_t C,
			  split_attention_options opt)
{
	*s = (split_attention){.opt = opt, .C = C};
	module_name(m, s->name, sizeof s->name, name);
	module_push(m, name);
	if (check(m, s)) {
		const int64_t wide = (int64_t)opt.groups * opt.filters, inner = MAX(C * opt.groups / 4, 32);
		const bn_act_options act = {.activation = opt.activation};
		conv_options c = {
			.filters = (int)inner, .kh = 1, .padding = PAD_VALID, .bias = true,
			.kernel_init = {INIT_GLOROT_UNIFORM, 0}, .sn = opt.sn,
		};
		add_split(m, s);
		batchnorm_with_activation_init(m, &s->bn1, "1_", wide, act);
		conv_init(m, &s->conv2, "2_conv", opt.filters, c);
		batchnorm_with_activation_init(m, &s->bn2, "2_", inner, act);
		c.filters = (int)wide;
		conv_init(m, &s->conv3, "3_conv", inner, c);
	}
	module_pop(m);
}

/* ---- application ---- */

/* Each group's own convolution of its own channels. */
static node *convolve(graph *g, const split_attention *s, node *x, mode m)
{
	const int groups = s->opt.groups;
	const int64_t part = s->C / groups;
	node *y[SPLIT_GROUPS_MAX];
	for (int j = 0; j < groups; j++)
		y[j] = conv2d_no_bias_apply(g, &s->split[j], op_slice_axis(g, x, 3, j * part, (j + 1) * part), m);
	return op_concat(g, y, groups, 3);
}

/* sum_j x_j: [B,H,W,g*F] -> [B,H,W,F] */
static node *sum_groups(graph *g, node *x, int groups)
{
	const int64_t F = x->s.dim[3] / groups;
	node *y = op_slice_axis(g, x, 3, 0, F);
	for (int j = 1; j < groups; j++)
		y = op_add(g, y, op_slice_axis(g, x, 3, j * F, (j + 1) * F));
	return y;
}

static node *split(graph *g, const split_attention *s, node *x, mode m)
{
	const split_attention_options *o = &s->opt;
	const window_geometry halve = {3, 3, 2, 2, 1, 1, 1, 1};
	if (x->s.rank != 4 || x->s.dim[3] != s->C)
		return graph_fail(g, "split_attention_conv2d: built for [B,H,W,%lld], given %s",
			(long long)s->C, shape_print(&x->s).s);
	node *L = batchnorm_with_activation_apply(g, &s->bn1, convolve(g, s, x, m), m);
	node *gap = sum_groups(g, op_mean(g, L, 1u << 1 | 1u << 2, true), o->groups);
	node *inner = batchnorm_with_activation_apply(g, &s->bn2, conv_apply(g, &s->conv2, gap, m), m);
	node *a = rsoftmax(g, conv_apply(g, &s->conv3, inner, m), o->groups, false);
	node *y = sum_groups(g, op_mul(g, L, a), o->groups);
	if (o->downsample == SPLIT_STRIDE_POOL && o->strides > 1)
		y = op_scale(g, op_sum_pool(g, y, halve), 1.0 / 9);
	return y;
}

node *split_attention_apply(graph *g, const split_attention *s, node *x, mode m)
{
	graph_push(g, s->name);
	node *y = split(g, s, x, m);
	graph_pop(g);
	return y;
}
