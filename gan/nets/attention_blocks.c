/* attention_blocks.c - attention over channels, convolutions that look around, perceptrons, and what is added to
 * tokens, as layer types. */
#include <stdio.h>

#include "core/graph/ops.h"
#include "gan/nets/attention_table.h"
#include "layers/aotnet.h"
#include "layers/conv_position.h"
#include "layers/cot.h"
#include "layers/mlp.h"
#include "layers/split_attention.h"
#include "layers/token.h"

static const char *const ACTIVATION[] = {
	"relu", "leaky_relu", "swish", "gelu", "gelu_tanh", "elu", "selu", "mish", "phish", "hard_swish", "squared_relu",
	"tanh", "sigmoid", "hard_sigmoid", "softplus", "prelu", "star_relu", "linear", NULL
};
enum { RELU = 0, GELU = 3, SIGMOID = 12 };

#define ODD(k)         {.name = "kernel", .type = ARG_INT, .lo = 1, .hi = 31, .initial = k, .help = "side k, odd"}
#define ACT(n, a)      {.name = n, .type = ARG_WORD, .words = ACTIVATION, .initial = a, .help = "activation"}
#define YES(n, h)      {.name = n, .type = ARG_BOOL, .initial = 1, .help = h}
#define NO(n, h)       {.name = n, .type = ARG_BOOL, .initial = 0, .help = h}
#define RATE(n, h)     {.name = n, .type = ARG_REAL, .hi = 0.95, .help = h}
#define STRIDES        {.name = "strides", .type = ARG_INT, .lo = 1, .hi = 1, .initial = 1, .help = "1: the map keeps its size"}
#define TORCH          NO("torch_init", "kernels start uniform, as PyTorch's")

static int whole(const layer_site *s, const char *name)
{
	return (int)layer_number(s, name);
}

static bool yes(const layer_site *s, const char *name)
{
	return layer_number(s, name) != 0;
}

/* Given, or what 0 stands for. */
static int64_t or_else(const layer_site *s, const char *name, int64_t otherwise)
{
	int64_t v = (int64_t)layer_number(s, name);
	return v ? v : otherwise;
}

static bool odd_kernel(const layer_site *s, error *e)
{
	return layer_is_odd(s, "kernel", e);
}

static node *as_tokens(graph *g, node *x)
{
	return op_reshape(g, x, SHAPE(x->s.dim[0], x->s.dim[1] * x->s.dim[2], x->s.dim[3]));
}

/* ---- cot, split_attention, se ---- */

static const layer_arg cot_args[] = {ODD(3), ACT("activation", RELU), STRIDES, TORCH};

static bool cot_fits(const layer_site *s, error *e)
{
	if (s->C % 8)
		return error_set(e, "%lld channels: must be a multiple of 8; %lld and %lld fit", (long long)s->C,
			(long long)MAX(s->C / 8 * 8, 8), (long long)(s->C / 8 + 1) * 8);
	return odd_kernel(s, e);
}

static void cot_start(module *m, void *body, const char *name, const layer_site *s)
{
	cot_options o = cot_defaults;
	o.kernel_size = whole(s, "kernel");
	o.activation = layer_word(s, "activation");
	o.torch_init = yes(s, "torch_init");
	o.sn = s->sn;
	cot_init(m, body, name, s->C, o);
}

static node *cot_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return cot_apply(g, body, x, m, NULL);
}

static const layer_arg split_args[] = {
	ODD(3),
	{.name = "groups", .type = ARG_INT, .lo = 1, .hi = SPLIT_GROUPS_MAX, .initial = 2, .help = "groups that compete"},
	ACT("activation", RELU), STRIDES, TORCH,
};

static bool split_fits(const layer_site *s, error *e)
{
	return odd_kernel(s, e) && layer_divides(s, "groups", s->C, "the channels,", e);
}

static void split_start(module *m, void *body, const char *name, const layer_site *s)
{
	split_attention_options o = split_attention_defaults;
	o.filters = (int)s->C;
	o.kernel_size = whole(s, "kernel");
	o.groups = whole(s, "groups");
	o.activation = layer_word(s, "activation");
	o.torch_init = yes(s, "torch_init");
	o.sn = s->sn;
	split_attention_init(m, body, name, s->C, o);
}

static node *split_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return split_attention_apply(g, body, x, m);
}

static const layer_arg se_args[] = {
	{.name = "ratio", .type = ARG_REAL, .lo = 1e-4, .hi = 16, .initial = 0.25, .help = "hidden channels / C"},
	{.name = "divisor", .type = ARG_INT, .hi = 1024, .zero = "cut off", .help = "hidden channels become a multiple of it"},
	{.name = "limit_round_down", .type = ARG_REAL, .lo = 0.01, .hi = 1, .initial = 0.9,
	 .help = "with divisor: up where less than this share is left"},
	ACT("activation", RELU), ACT("activation_out", SIGMOID),
	YES("bias", "biases"), NO("dense", "dense layers instead of 1x1 convolutions"),
	NO("glorot", "kernels start glorot uniform"),
};

static void se_start(module *m, void *body, const char *name, const layer_site *s)
{
	se_options o = {
		.se_ratio = layer_number(s, "ratio"), .divisor = whole(s, "divisor"),
		.limit_round_down = layer_number(s, "limit_round_down"),
		.activation = layer_word(s, "activation"), .activation_out = layer_word(s, "activation_out"),
		.no_bias = !yes(s, "bias"), .dense = yes(s, "dense"), .glorot = yes(s, "glorot"), .sn = s->sn,
	};
	se_module_init(m, body, name, s->C, o);
}

static node *se_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return se_module_apply(g, body, x, m);
}

/* ---- mlp, mixer, spatial_gating ---- */

#define HIDDEN(n, z, h) {.name = n, .type = ARG_INT, .hi = 65536, .zero = z, .help = h}

static const layer_arg mlp_args[] = {
	HIDDEN("hidden", "4 C", "width of the hidden layer"), ACT("activation", GELU),
	RATE("drop_rate", "share of values silenced in training"),
	NO("use_conv", "1x1 convolutions instead of dense layers"), YES("bias", "biases"),
};

static void mlp_start(module *m, void *body, const char *name, const layer_site *s)
{
	mlp_options o = {
		.hidden_dim = or_else(s, "hidden", 4 * s->C), .activation = layer_word(s, "activation"),
		.drop_rate = layer_number(s, "drop_rate"), .use_conv = yes(s, "use_conv"), .no_bias = !yes(s, "bias"),
		.sn = s->sn,
	};
	mlp_block_init(m, body, name, s->C, o);
}

static node *mlp_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return mlp_block_apply(g, body, x, m);
}

static const layer_arg mixer_args[] = {
	HIDDEN("tokens", "max(N / 2, 1)", "hidden width of the perceptron over positions"),
	HIDDEN("channels", "4 C", "hidden width of the perceptron over channels"), ACT("activation", GELU),
	RATE("drop_rate", "share of samples whose branch is silenced in training"), YES("bias", "biases"),
};

static void mixer_start(module *m, void *body, const char *name, const layer_site *s)
{
	int64_t N = s->H * s->W;
	mixer_options o = {
		.tokens_mlp_dim = or_else(s, "tokens", MAX(N / 2, 1)), .channels_mlp_dim = or_else(s, "channels", 4 * s->C),
		.activation = layer_word(s, "activation"), .drop_rate = layer_number(s, "drop_rate"),
		.no_bias = !yes(s, "bias"), .sn = s->sn,
	};
	mixer_block_init(m, body, name, N, s->C, o);
}

static node *mixer_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return op_reshape(g, mixer_block_apply(g, body, as_tokens(g, x), m), x->s);
}

/* The gating unit halves its channels, so it stands between two dense layers, as in gMLP's block. */
typedef struct gated_block {
	char name[32];
	dense in, out;
	spatial_gating_block gate;
} gated_block;

static const layer_arg gating_args[] = {
	{.name = "hidden", .type = ARG_INT, .hi = 65536, .zero = "2 C", .help = "width before the gate, which halves it; even"},
};

static bool gating_fits(const layer_site *s, error *e)
{
	int h = whole(s, "hidden");
	return h % 2 == 0 ? true : error_set(e, "hidden = %d: the gate halves it; %d and %d fit", h, h - 1, h + 1);
}

static void gating_start(module *m, void *body, const char *name, const layer_site *s)
{
	gated_block *b = body;
	int64_t hidden = or_else(s, "hidden", 2 * s->C);
	dense_options o = {.units = hidden, .bias = true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}, .sn = s->sn};
	snprintf(b->name, sizeof b->name, "%s", name);
	module_push(m, name);
	dense_init(m, &b->in, "in", s->C, o);
	spatial_gating_block_init(m, &b->gate, "gate", s->H * s->W, hidden, s->sn);
	o.units = s->C;
	dense_init(m, &b->out, "out", hidden / 2, o);
	module_pop(m);
}

static node *gating_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	const gated_block *b = body;
	graph_push(g, b->name);
	node *y = op_gelu(g, dense_apply(g, &b->in, as_tokens(g, x), m));
	y = dense_apply(g, &b->out, spatial_gating_block_apply(g, &b->gate, y, m), m);
	graph_pop(g);
	return op_reshape(g, y, x->s);
}

/* ---- positions ---- */

static const layer_arg position_args[] = {ODD(3)};

static void position_start(module *m, void *body, const char *name, const layer_site *s)
{
	conv_positional_options o = {.kernel_size = whole(s, "kernel"), .input_height = s->H, .sn = s->sn};
	conv_positional_encoding_init(m, body, name, s->C, o);
}

/* The layer expects a class token in front; a zero takes its place and leaves again. */
static node *position_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	int64_t N = x->s.dim[1] * x->s.dim[2];
	node *row[] = {op_fill(g, SHAPE(x->s.dim[0], 1, x->s.dim[3]), 0), as_tokens(g, x)};
	node *y = conv_positional_encoding_apply(g, body, op_concat(g, row, 2, 1), m);
	return op_reshape(g, op_slice_axis(g, y, 1, 1, N + 1), x->s);
}

static void table_start(module *m, void *body, const char *name, const layer_site *s)
{
	positional_embedding_init(m, body, name, SHAPE(1, s->H, s->W, s->C), 0);
}

static node *table_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return positional_embedding_apply(g, body, x);
}

/* ---- scales, norms, convolutions ---- */

static const layer_arg affine_args[] = {
	YES("bias", "add a number of each channel, too"),
	{.name = "start", .type = ARG_REAL, .lo = -100, .hi = 100, .initial = 1, .help = "start of the scales"},
};

static void affine_start(module *m, void *body, const char *name, const layer_site *s)
{
	affine_options o = {.no_bias = !yes(s, "bias"), .weight_init = {INIT_CONSTANT, layer_number(s, "start")}};
	channel_affine_init(m, body, name, SHAPE(1, s->H, s->W, s->C), o);
}

static node *affine_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return channel_affine_apply(g, body, x);
}

static void bias_start(module *m, void *body, const char *name, const layer_site *s)
{
	bias_layer_init(m, body, name, SHAPE(1, s->H, s->W, s->C), 0, (init){INIT_ZEROS, 0});
}

static node *bias_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return bias_layer_apply(g, body, x);
}

static const layer_arg norm_args[] = {
	{.name = "epsilon", .type = ARG_REAL, .lo = 1e-9, .hi = 1, .initial = 1e-6, .help = "added to the variance"},
	YES("scale", "gains"), YES("center", "biases"),
};

/* Two scalars of one name in one layer would be one. */
static bool norm_fits(const layer_site *s, error *e)
{
	if (layer_number(s, "residual") != LAYER_GAMMA || !yes(s, "scale"))
		return true;
	return error_set(e, "residual = gamma: the layer has a gain called gamma of its own; none, add and scale = false "
		"fit");
}

static void norm_start(module *m, void *body, const char *name, const layer_site *s)
{
	ln_options o = {.eps = layer_number(s, "epsilon"), .no_scale = !yes(s, "scale"), .no_center = !yes(s, "center")};
	layer_norm_init(m, body, name, SHAPE(1, s->H, s->W, s->C), o);
}

static node *norm_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return layer_norm_apply(g, body, x);
}

/* The layers of aotnet.h prefix their names themselves: a level of ours around them. */
typedef struct leveled {
	char name[32];
	union {
		anti_alias_downsample blur;
		batchnorm_with_activation norm;
		conv2d_no_bias conv;
	} u;
} leveled;

static leveled *level(module *m, void *body, const char *name)
{
	leveled *l = body;
	snprintf(l->name, sizeof l->name, "%s", name);
	module_push(m, name);
	return l;
}

static const layer_arg blur_args[] = {
	ODD(3), STRIDES, NO("trainable", "the kernel is learned; it starts as the blur"),
};

static void blur_start(module *m, void *body, const char *name, const layer_site *s)
{
	anti_alias_options o = {.kernel_size = whole(s, "kernel"), .strides = 1, .trainable = yes(s, "trainable")};
	anti_alias_downsample_init(m, &level(m, body, name)->u.blur, "", s->C, o);
	module_pop(m);
}

static node *blur_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	const leveled *l = body;
	graph_push(g, l->name);
	x = anti_alias_downsample_apply(g, &l->u.blur, x);
	graph_pop(g);
	return x;
}

static const layer_arg bn_args[] = {
	ACT("activation", RELU), NO("zero_gamma", "gains start at 0"), NO("act_first", "activation before the norm"),
	NO("evo_norm", "EvoNorm instead of both"),
	{.name = "group_size", .type = ARG_INT, .hi = 4096, .zero = "B0, no groups", .help = "EvoNorm S0: channels of a group"},
	{.name = "epsilon", .type = ARG_REAL, .lo = 1e-9, .hi = 1, .initial = 1e-5, .help = "added to the variance"},
	{.name = "momentum", .type = ARG_REAL, .lo = 0.01, .hi = 0.9999, .initial = 0.9, .help = "share kept of the running value"},
};

static void bn_start(module *m, void *body, const char *name, const layer_site *s)
{
	bn_act_options o = {
		.activation = layer_word(s, "activation"), .zero_gamma = yes(s, "zero_gamma"), .act_first = yes(s, "act_first"),
		.use_evo_norm = yes(s, "evo_norm"), .evo_norm_group_size = whole(s, "group_size"),
		.epsilon = layer_number(s, "epsilon"), .momentum = layer_number(s, "momentum"),
	};
	batchnorm_with_activation_init(m, &level(m, body, name)->u.norm, "", s->C, o);
	module_pop(m);
}

static node *bn_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	const leveled *l = body;
	graph_push(g, l->name);
	x = batchnorm_with_activation_apply(g, &l->u.norm, x, m);
	graph_pop(g);
	return x;
}

static const layer_arg conv_args[] = {
	ODD(3), STRIDES, {.name = "groups", .type = ARG_INT, .lo = 1, .hi = 4096, .initial = 1, .help = "groups of channels"},
	NO("bias", "a bias"), YES("depthwise", "groups = C is a depthwise convolution"), TORCH,
};

static bool conv_fits(const layer_site *s, error *e)
{
	return odd_kernel(s, e) && layer_divides(s, "groups", s->C, "the channels,", e);
}

static void conv_start(module *m, void *body, const char *name, const layer_site *s)
{
	conv2d_options o = {
		.filters = (int)s->C, .kh = whole(s, "kernel"), .padding = CONV2D_SAME, .use_bias = yes(s, "bias"),
		.groups = whole(s, "groups"), .depthwise_parity = yes(s, "depthwise"), .torch_init = yes(s, "torch_init"),
		.sn = s->sn,
	};
	conv2d_no_bias_init(m, &level(m, body, name)->u.conv, "", s->C, o);
	module_pop(m);
}

static node *conv_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	const leveled *l = body;
	graph_push(g, l->name);
	x = conv2d_no_bias_apply(g, &l->u.conv, x, m);
	graph_pop(g);
	return x;
}

/* ---- records ---- */

#define ARGS(a) .arg = a, .args = COUNT(a)

static const layer_type types[] = {
	{.name = "cot", .what = "local weights from keys in context, two branches", .paper = "arXiv 2107.12292",
	 .cost = "N C (k^2 C/4 + 4C + k^2)", ARGS(cot_args), .body = sizeof(cot), .has_batch_norm = true,
	 .formula = "key = act(bn(conv_k(x))), w = gn(conv1(act(bn(conv1([x,key])))))\n"
		    "e = swish(bn(sum_t val[tap t] w[t])), layer(x) = e a_0 + key a_1, a = softmax of the branches\n",
	 .weights = "key_conv (k,k,C/4,C), embed_ww_1_conv (1,1,2C,C/2), embed_ww_2_conv (1,1,C/2,k*k*C/8), "
		    "embed_1_conv (1,1,C,C), attn_se_1_conv, attn_se_2_conv, norms\n",
	 .fits = cot_fits, .init = cot_start, .apply = cot_place},
	{.name = "split_attention", .what = "groups of channels compete for each feature", .paper = "arXiv 2004.08955",
	 .cost = "N k^2 C^2", ARGS(split_args), .body = sizeof(split_attention), .has_batch_norm = true,
	 .formula = "L = act(bn(conv_k of each group)), a = rsoftmax(conv(act(bn(conv(mean sum_j L_j)))))\n"
		    "layer(x) = sum_j a_j L_j\n",
	 .weights = "1_gj_conv (k,k,C/g,C) per group, 1_bn (g*C), 2_conv (1,1,C,I), 2_bn (I), 3_conv (1,1,I,g*C)\n",
	 .fits = split_fits, .init = split_start, .apply = split_place},
	{.name = "se", .what = "squeeze and excitation: a gain for each channel", .paper = "arXiv 1709.01507",
	 .cost = "N C + 2 r C", ARGS(se_args), .body = sizeof(se_module),
	 .formula = "layer(x) = x * act_out(W2 act(W1 mean(x) + b1) + b2)\n",
	 .weights = "1_conv (1,1,C,r), bias (r), 2_conv (1,1,r,C), bias (C)\n", .init = se_start, .apply = se_place},
	{.name = "mlp", .what = "two dense layers over the channels of each pixel", .paper = "arXiv 2105.01601",
	 .cost = "N 2 C hidden", ARGS(mlp_args), .body = sizeof(mlp_block),
	 .formula = "layer(x) = act(x W0 + b0) W1 + b1\n",
	 .weights = "Dense_0 (C,hidden), bias, Dense_1 (hidden,C), bias\n", .init = mlp_start, .apply = mlp_place},
	{.name = "mixer", .what = "a perceptron over positions, one over channels", .paper = "arXiv 2105.01601",
	 .cost = "N 2 C (tokens + channels)", ARGS(mixer_args), .body = sizeof(mixer_block), .residual = LAYER_BARE,
	 .formula = "t = x + mlp(LN(x)')', layer(x) = t + mlp(LN(t)), ' exchanges positions and channels\n",
	 .weights = "LayerNorm_0 (C), token_mixing/Dense_0 (N,tokens), Dense_1 (tokens,N), LayerNorm_1 (C), "
		    "channel_mixing/Dense_0 (C,channels), Dense_1 (channels,C)\n",
	 .init = mixer_start, .apply = mixer_place},
	{.name = "spatial_gating", .what = "gMLP block: channels gated by a mix of positions", .paper = "arXiv 2105.08050",
	 .cost = "N^2 h/2 + N C 3h/2", ARGS(gating_args), .body = sizeof(gated_block),
	 .formula = "u, v = halves of gelu(x Wi + bi); layer(x) = (u * (K' LN(v) + b)) Wo + bo\n",
	 .weights = "in (C,h), gate/vv_ln (h/2), gate/vv_dense (N,N), bias (N), out (h/2,C)\n",
	 .fits = gating_fits, .init = gating_start, .apply = gating_place},
	{.name = "conv_position", .what = "positions from a depthwise convolution", .paper = "arXiv 2104.06399",
	 .cost = "N k^2 C", ARGS(position_args), .body = sizeof(conv_positional_encoding), .residual = LAYER_BARE,
	 .formula = "layer(x) = x + depthwise_k(x)\n",
	 .weights = "depth_conv/depthwise_kernel (k,k,C,1), bias (C)\n",
	 .fits = odd_kernel, .init = position_start, .apply = position_place},
	{.name = "positional_embedding", .what = "a learned number for each place and channel",
	 .paper = "arXiv 2106.13112", .cost = "N C", .body = sizeof(positional_embedding), .residual = LAYER_BARE,
	 .formula = "layer(x) = x + p\n", .weights = "positional_embedding (1,H,W,C)\n",
	 .init = table_start, .apply = table_place},
	{.name = "channel_affine", .what = "a gain and a bias for each channel", .paper = "arXiv 2105.03404",
	 .cost = "N C", ARGS(affine_args), .body = sizeof(channel_affine), .residual = LAYER_BARE,
	 .formula = "layer(x) = x * w + b\n", .weights = "weight (C), bias (C)\n",
	 .init = affine_start, .apply = affine_place},
	{.name = "bias", .what = "a bias for each channel", .paper = "arXiv 2106.13112", .cost = "N C",
	 .body = sizeof(bias_layer), .residual = LAYER_BARE, .formula = "layer(x) = x + b\n", .weights = "bias (C)\n",
	 .init = bias_start, .apply = bias_place},
	{.name = "layer_norm", .what = "each pixel normalised over its channels", .paper = "arXiv 1607.06450",
	 .cost = "N C", ARGS(norm_args), .body = sizeof(layer_norm), .residual = LAYER_BARE,
	 .formula = "layer(x) = gamma (x - mean)/sqrt(var + epsilon) + beta\n", .weights = "gamma (C), beta (C)\n",
	 .fits = norm_fits, .init = norm_start, .apply = norm_place},
	{.name = "blur", .what = "anti_alias_downsample without the stride", .paper = "arXiv 1904.11486",
	 .cost = "N k^2 C", ARGS(blur_args), .body = sizeof(leveled), .residual = LAYER_BARE,
	 .formula = "layer(x) = depthwise(x, f f'), f[i] = binom(k-1,i)/2^(k-1)\n",
	 .weights = "anti_alias_down/depthwise_kernel (k,k,C,1)\n", .fits = odd_kernel, .init = blur_start, .apply = blur_place},
	{.name = "bn_act", .what = "batchnorm_with_activation", .paper = "arXiv 1502.03167", .cost = "N C",
	 ARGS(bn_args), .body = sizeof(leveled), .has_batch_norm = true, .residual = LAYER_BARE,
	 .formula = "layer(x) = act(bn(x)), or bn(act(x)) with act_first\n",
	 .weights = "bn/gamma, beta, moving_mean, moving_variance (C)\n", .init = bn_start, .apply = bn_place},
	{.name = "conv", .what = "conv2d_no_bias: a convolution that keeps the map", .paper = "arXiv 1512.03385",
	 .cost = "N k^2 C^2/groups", ARGS(conv_args), .body = sizeof(leveled),
	 .formula = "layer(x) = conv_k(x)\n",
	 .weights = "conv/kernel (k,k,C/groups,C), or depthwise_conv/depthwise_kernel (k,k,C,1), bias\n",
	 .fits = conv_fits, .init = conv_start, .apply = conv_place},
};
const layer_group layers_blocks = {types, COUNT(types)};
