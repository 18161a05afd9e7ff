/* convolutional.c - layers that look around by convolutions: contexts, competing groups, gates, blurs. */
#include "core/base/local.h"
#include "layers/aotnet.h"
#include "layers/cot.h"
#include "layers/se.h"
#include "layers/split_attention.h"
#include "layers/types/arguments.h"

static const layer_case map_28[] = {{.input = MAP_28}};

/* ---- cot, split_attention, se ---- */

static const layer_arg cot_args[] = {ODD(3), ACT("activation", RELU), STRIDES, TORCH};

static bool cot_fits(const placed_layer *l, fault *e)
{
	if (l->C % 8)
		return fault_set(e, "%lld channels: must be a multiple of 8; %lld and %lld fit", (long long)l->C,
			(long long)MAX(l->C / 8 * 8, 8), (long long)(l->C / 8 + 1) * 8);
	return layer_has_odd_kernel(l, e);
}

static void cot_start(module *m, void *body, const char *name, const placed_layer *l)
{
	cot_options o = cot_defaults;
	o.kernel_size = layer_int(l, "kernel");
	o.activation = layer_word(l, "activation");
	o.torch_init = layer_is(l, "torch_init");
	o.sn = l->sn;
	cot_init(m, body, name, l->C, o);
}

static node *cot_place(graph *g, const void *body, node *x, mode m, node **map)
{
	return cot_apply(g, body, x, m, NULL, map);
}

/* Channels c with the same c mod C/8 share the local weights, [B,H,W,G,k*k]. */
static int cot_groups(const placed_layer *l)
{
	return (int)l->C / 8;
}

static void cot_lay(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	const int k = layer_int(l, "kernel"), y = q / (int)l->W - k / 2, x = q % (int)l->W - k / 2;
	layer_lay_window(l, scores + (q * s->dim[3] + head) * k * k, k, y, x, row);
}

static const layer_sight cot_sight = {.heads = cot_groups, .lay = cot_lay};

static const layer_arg split_args[] = {
	ODD(3),
	{.name = "groups", .type = ARG_INT, .lo = 1, .hi = SPLIT_GROUPS_MAX, .initial = 2,
	 .help = "groups that compete"},
	ACT("activation", RELU), STRIDES, TORCH,
};

static bool split_fits(const placed_layer *l, fault *e)
{
	return layer_has_odd_kernel(l, e) && layer_divides(l, "groups", l->C, "the channels,", e);
}

static const layer_case split_cases[] = {{.input = MAP_28, .out = 384}};

static void split_start(module *m, void *body, const char *name, const placed_layer *l)
{
	split_attention_options o = split_attention_defaults;
	o.filters = (int)layer_out(l);
	o.kernel_size = layer_int(l, "kernel");
	o.groups = layer_int(l, "groups");
	o.activation = layer_word(l, "activation");
	o.torch_init = layer_is(l, "torch_init");
	o.sn = l->sn;
	split_attention_init(m, body, name, l->C, o);
}

static node *split_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return split_attention_apply(g, body, x, m);
}

static const layer_arg se_args[] = {
	{.name = "ratio", .type = ARG_REAL, .lo = 1e-4, .hi = 16, .initial = 0.25, .help = "hidden channels / C"},
	{.name = "divisor", .type = ARG_INT, .hi = 1024, .zero = "cut off",
	 .help = "hidden channels become a multiple of it"},
	{.name = "limit_round_down", .type = ARG_REAL, .lo = 0.01, .hi = 1, .initial = 0.9,
	 .help = "with divisor: up where less than this share is left"},
	ACT("activation", RELU), ACT("activation_out", SIGMOID),
	YES("bias", "biases"), NO("dense", "dense layers instead of 1x1 convolutions"),
	NO("glorot", "kernels start glorot uniform"),
};

static void se_start(module *m, void *body, const char *name, const placed_layer *l)
{
	se_options o = {
		.se_ratio = layer_number(l, "ratio"), .divisor = layer_int(l, "divisor"),
		.limit_round_down = layer_number(l, "limit_round_down"),
		.activation = layer_word(l, "activation"), .activation_out = layer_word(l, "activation_out"),
		.no_bias = !layer_is(l, "bias"), .dense = layer_is(l, "dense"), .glorot = layer_is(l, "glorot"),
		.sn = l->sn,
	};
	se_module_init(m, body, name, l->C, o);
}

static node *se_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return se_module_apply(g, body, x, m);
}

/* ---- blur, conv ---- */

static const layer_arg blur_args[] = {
	ODD(3), STRIDES, NO("trainable", "the kernel is learned; it starts as the blur"),
};

/* With its stride it is anti_alias_downsample. */
static const layer_case blur_cases[] = {
	{.name = "anti_alias_downsample", .input = MAP_28, .arg = {{"strides", 2}}}, {.input = MAP_28},
};

static void blur_start(module *m, void *body, const char *name, const placed_layer *l)
{
	anti_alias_options o = {.kernel_size = layer_int(l, "kernel"), .strides = layer_int(l, "strides"),
				.trainable = layer_is(l, "trainable")};
	anti_alias_downsample_init(m, body, name, l->C, o);
}

static node *blur_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return anti_alias_downsample_apply(g, body, x);
}

static const layer_arg conv_args[] = {
	ODD(3), STRIDES,
	{.name = "groups", .type = ARG_INT, .lo = 1, .hi = 4096, .initial = 1, .help = "groups of channels"},
	NO("bias", "a bias"), YES("depthwise", "groups = C is a depthwise convolution"), TORCH,
};

static bool conv_fits(const placed_layer *l, fault *e)
{
	return layer_has_odd_kernel(l, e) && layer_divides(l, "groups", l->C, "the channels,", e);
}

static void conv_start(module *m, void *body, const char *name, const placed_layer *l)
{
	conv2d_options o = {
		.filters = (int)layer_out(l), .kh = layer_int(l, "kernel"), .padding = CONV2D_SAME,
		.use_bias = layer_is(l, "bias"), .groups = layer_int(l, "groups"),
		.depthwise_parity = layer_is(l, "depthwise"), .torch_init = layer_is(l, "torch_init"),
		.sn = l->sn,
	};
	conv2d_no_bias_init(m, body, name, l->C, o);
}

static node *conv_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return conv2d_no_bias_apply(g, body, x, m);
}

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "cot", .what = "local weights from keys in context, two branches", .paper = "arXiv 2107.12292",
	 .keras = "ContextualTransformer2D",
	 .cost = "N C (k^2 C/4 + 4C + k^2)", ARGS(cot_args), CASES(map_28), .body = sizeof(cot), .has_batch_norm = true,
	 .formula = "key = act(bn(conv_k(x))), w = gn(conv1(act(bn(conv1([x,key])))))\n"
		    "e = swish(bn(sum_t val[tap t] w[t])), layer(x) = e a_0 + key a_1, a = softmax of the branches\n",
	 .weights = "key_conv (k,k,C/4,C), embed_ww_1_conv (1,1,2C,C/2), embed_ww_2_conv (1,1,C/2,k*k*C/8), "
		    "embed_1_conv (1,1,C,C), attn_se_1_conv, attn_se_2_conv, norms\n",
	 .fits = cot_fits, .init = cot_start, .apply = cot_place, .sight = &cot_sight},
	{.name = "split_attention", .what = "groups of channels compete for each feature", .paper = "arXiv 2004.08955",
	 .keras = "SplitAttention2D",
	 .cost = "N k^2 C^2", ARGS(split_args), CASES(split_cases), .body = sizeof(split_attention),
	 .has_batch_norm = true,
	 .formula = "L = act(bn(conv_k of each group)), a = rsoftmax(conv(act(bn(conv(mean sum_j L_j)))))\n"
		    "layer(x) = sum_j a_j L_j\n",
	 .weights = "1_gj_conv (k,k,C/g,C) per group, 1_bn (g*C), 2_conv (1,1,C,I), 2_bn (I), 3_conv (1,1,I,g*C)\n",
	 .fits = split_fits, .init = split_start, .apply = split_place},
	{.name = "se", .what = "squeeze and excitation: a gain for each channel", .paper = "arXiv 1709.01507",
	 .cost = "N C + 2 r C", ARGS(se_args), CASES(map_28), .body = sizeof(se_module),
	 .formula = "layer(x) = x * act_out(W2 act(W1 mean(x) + b1) + b2)\n",
	 .weights = "1_conv (1,1,C,r), bias (r), 2_conv (1,1,r,C), bias (C)\n", .init = se_start, .apply = se_place},
	{.name = "blur", .what = "anti_alias_downsample without the stride", .paper = "arXiv 1904.11486",
	 .cost = "N k^2 C", ARGS(blur_args), CASES(blur_cases), .body = sizeof(anti_alias_downsample), .prefixed = true,
	 .residual = LAYER_BARE,
	 .formula = "layer(x) = depthwise(x, f f'), f[i] = binom(k-1,i)/2^(k-1)\n",
	 .weights = "anti_alias_down/depthwise_kernel (k,k,C,1)\n",
	 .fits = layer_has_odd_kernel, .init = blur_start, .apply = blur_place},
	{.name = "conv", .what = "conv2d_no_bias: a convolution that keeps the map", .paper = "arXiv 1512.03385",
	 .cost = "N k^2 C^2/groups", ARGS(conv_args), CASES(map_28), .body = sizeof(conv2d_no_bias), .prefixed = true,
	 .formula = "layer(x) = conv_k(x)\n",
	 .weights = "conv/kernel (k,k,C/groups,C), or depthwise_conv/depthwise_kernel (k,k,C,1), bias\n",
	 .fits = conv_fits, .init = conv_start, .apply = conv_place},
};
const layer_group layers_convolutional = {types, COUNT(types)};
