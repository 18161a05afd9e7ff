/* perceptrons.c - layers of dense products over channels and positions. */

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/mlp.h"
#include "layers/types/arguments.h"

static const layer_arg mlp_args[] = {
	HIDDEN("hidden", "4 C", "width of the hidden layer"), ACT("activation", GELU),
	RATE("drop_rate", "share of values silenced in training"),
	NO("use_conv", "1x1 convolutions instead of dense layers"), YES("bias", "biases"),
};

static const layer_case mlp_cases[] = {{.input = TOKENS_28, .arg = {{"hidden", 36}}}};

static void mlp_start(module *m, void *body, const char *name, const placed_layer *l)
{
	mlp_options o = {
		.hidden_dim = layer_int_or(l, "hidden", 4 * l->C), .output_channel = layer_out(l),
		.activation = layer_word(l, "activation"),
		.drop_rate = layer_number(l, "drop_rate"), .use_conv = layer_is(l, "use_conv"),
		.no_bias = !layer_is(l, "bias"), .sn = l->sn,
	};
	mlp_block_init(m, body, name, l->C, o);
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

static const layer_case mixer_cases[] = {{.input = TOKENS_28, .arg = {{"tokens", 196}, {"channels", 36}}}};

static void mixer_start(module *m, void *body, const char *name, const placed_layer *l)
{
	const int64_t N = layer_positions(l);
	mixer_options o = {
		.tokens_mlp_dim = layer_int_or(l, "tokens", MAX(N / 2, 1)),
		.channels_mlp_dim = layer_int_or(l, "channels", 4 * l->C),
		.activation = layer_word(l, "activation"), .drop_rate = layer_number(l, "drop_rate"),
		.no_bias = !layer_is(l, "bias"), .sn = l->sn,
	};
	mixer_block_init(m, body, name, N, l->C, o);
}

static node *mixer_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return mixer_block_apply(g, body, x, m);
}

/* The gating unit halves its channels, so it stands between two dense layers, as in gMLP's block. */
typedef struct gated_block {
	char name[32];
	dense in, out;
	spatial_gating_block gate;
} gated_block;

static const layer_arg gating_args[] = {
	{.name = "hidden", .type = ARG_INT, .hi = 65536, .zero = "2 C",
	 .help = "width before the gate, which halves it; even"},
};

static bool gating_fits(const placed_layer *l, fault *e)
{
	int h = layer_int(l, "hidden");
	return h % 2 == 0 ? true : fault_set(e, "hidden = %d: the gate halves it; %d and %d fit", h, h - 1, h + 1);
}

static void gating_start(module *m, void *body, const char *name, const placed_layer *l)
{
	gated_block *b = body;
	int64_t hidden = layer_int_or(l, "hidden", 2 * l->C);
	dense_options o = {.units = hidden, .bias = true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}, .sn = l->sn};
	module_name(m, b->name, sizeof b->name, name);
	module_push(m, name);
	dense_init(m, &b->in, "in", l->C, o);
	spatial_gating_block_init(m, &b->gate, "gate", layer_positions(l), hidden, l->sn);
	o.units = l->C;
	dense_init(m, &b->out, "out", hidden / 2, o);
	module_pop(m);
}

static node *gating_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	const gated_block *b = body;
	graph_push(g, b->name);
	node *y = op_gelu(g, dense_apply(g, &b->in, x, m));
	y = dense_apply(g, &b->out, spatial_gating_block_apply(g, &b->gate, y, m), m);
	graph_pop(g);
	return y;
}

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "mlp", .what = "two dense layers over the channels of each pixel", .paper = "arXiv 2105.01601",
	 .cost = "N 2 C hidden", ARGS(mlp_args), .body = sizeof(mlp_block),
	 .formula = "layer(x) = act(x W0 + b0) W1 + b1\n",
	 .weights = "Dense_0 (C,hidden), bias, Dense_1 (hidden,C), bias\n", CASES(mlp_cases),
	 .init = mlp_start, .apply = mlp_place},
	{.name = "mixer", .what = "a perceptron over positions, one over channels", .paper = "arXiv 2105.01601",
	 .keras = "Mixer2D",
	 .cost = "N 2 C (tokens + channels)", ARGS(mixer_args), .body = sizeof(mixer_block), .residual = LAYER_BARE,
	 .formula = "t = x + mlp(LN(x)')', layer(x) = t + mlp(LN(t)), ' exchanges positions and channels\n",
	 .takes = LAYER_TOKENS, CASES(mixer_cases),
	 .weights = "LayerNorm_0 (C), token_mixing/Dense_0 (N,tokens), Dense_1 (tokens,N), LayerNorm_1 (C), "
		    "channel_mixing/Dense_0 (C,channels), Dense_1 (channels,C)\n",
	 .init = mixer_start, .apply = mixer_place},
	{.name = "spatial_gating", .what = "gMLP block: channels gated by a mix of positions",
	 .paper = "arXiv 2105.08050", .keras = "SpatialGating2D",
	 .cost = "N^2 h/2 + N C 3h/2", ARGS(gating_args), .body = sizeof(gated_block),
	 .formula = "u, v = halves of gelu(x Wi + bi); layer(x) = (u * (K' LN(v) + b)) Wo + bo\n",
	 .takes = LAYER_TOKENS,
	 .weights = "in (C,h), gate/vv_ln (h/2), gate/vv_dense (N,N), bias (N), out (h/2,C)\n",
	 .fits = gating_fits, .init = gating_start, .apply = gating_place},
};
const layer_group layers_perceptrons = {types, COUNT(types)};
