/* norms.c - normalisations as layers of their own. */
#include "core/base/local.h"
#include "layers/aotnet.h"
#include "layers/types/arguments.h"

static const layer_case map_28[] = {{.input = MAP_28}};

static const layer_arg norm_args[] = {
	{.name = "epsilon", .type = ARG_REAL, .lo = 1e-9, .hi = 1, .initial = 1e-6, .help = "added to the variance"},
	YES("scale", "gains"), YES("center", "biases"),
};

/* Two scalars of one name in one layer would be one. */
static bool norm_fits(const placed_layer *l, fault *e)
{
	if (layer_number(l, "residual") != LAYER_GAMMA || !layer_is(l, "scale"))
		return true;
	return fault_set(e, "residual = gamma: the layer has a gain called gamma of its own; none, add and scale = "
		"false fit");
}

static void norm_start(module *m, void *body, const char *name, const placed_layer *l)
{
	ln_options o = {.eps = layer_number(l, "epsilon"), .no_scale = !layer_is(l, "scale"),
			.no_center = !layer_is(l, "center")};
	layer_norm_init(m, body, name, l->input, o);
}

static node *norm_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return layer_norm_apply(g, body, x);
}

static const layer_arg bn_args[] = {
	ACT("activation", RELU), NO("zero_gamma", "gains start at 0"), NO("act_first", "activation before the norm"),
	NO("evo_norm", "EvoNorm instead of both"),
	{.name = "group_size", .type = ARG_INT, .hi = 4096, .zero = "B0, no groups",
	 .help = "EvoNorm S0: channels of a group"},
	{.name = "epsilon", .type = ARG_REAL, .lo = 1e-9, .hi = 1, .initial = 1e-5, .help = "added to the variance"},
	{.name = "momentum", .type = ARG_REAL, .lo = 0.01, .hi = 0.9999, .initial = 0.9,
	 .help = "share kept of the running value"},
};

static void bn_start(module *m, void *body, const char *name, const placed_layer *l)
{
	bn_act_options o = {
		.activation = layer_word(l, "activation"), .zero_gamma = layer_is(l, "zero_gamma"),
		.act_first = layer_is(l, "act_first"),
		.use_evo_norm = layer_is(l, "evo_norm"), .evo_norm_group_size = layer_int(l, "group_size"),
		.epsilon = layer_number(l, "epsilon"), .momentum = layer_number(l, "momentum"),
	};
	batchnorm_with_activation_init(m, body, name, l->C, o);
}

static node *bn_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return batchnorm_with_activation_apply(g, body, x, m);
}

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "layer_norm", .what = "each pixel normalised over its channels", .paper = "arXiv 1607.06450",
	 .cost = "N C", ARGS(norm_args), CASES(map_28), .body = sizeof(layer_norm), .residual = LAYER_BARE,
	 .formula = "layer(x) = gamma (x - mean)/sqrt(var + epsilon) + beta\n", .weights = "gamma (C), beta (C)\n",
	 .fits = norm_fits, .init = norm_start, .apply = norm_place},
	{.name = "bn_act", .what = "batchnorm_with_activation", .paper = "arXiv 1502.03167", .cost = "N C",
	 .keras = "EvoNorm2D", .keras_when = "evo_norm",
	 ARGS(bn_args), CASES(map_28), .body = sizeof(batchnorm_with_activation), .prefixed = true,
	 .has_batch_norm = true, .residual = LAYER_BARE,
	 .formula = "layer(x) = act(bn(x)), or bn(act(x)) with act_first\n",
	 .weights = "bn/gamma, beta, moving_mean, moving_variance (C)\n", .init = bn_start, .apply = bn_place},
};
const layer_group layers_norms = {types, COUNT(types)};
