/* tokens.c - positions, scales and biases: what is added to tokens or multiplies them. */
#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/conv_position.h"
#include "layers/token.h"
#include "layers/types/arguments.h"

static const layer_case map_14[] = {{.input = MAP_14}};
static const layer_case position_cases[] = {{.input = {3, {0, 197, 256}}}};           /* a class token and 14x14 */
static const layer_case table_cases[] = {{.input = {4, {0, 8, 16, 49}}}};

static const layer_arg position_args[] = {ODD(3)};

static void position_start(module *m, void *body, const char *name, const placed_layer *l)
{
	conv_positional_options o = {.kernel_size = layer_int(l, "kernel"), .sn = l->sn};
	if (l->input.rank == 4)
		o.input_height = l->H;               /* tokens alone are of a square map */
	conv_positional_encoding_init(m, body, name, l->C, o);
}

/* The layer expects a class token in front of a map's positions; a zero takes its place and leaves again. */
static node *position_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	if (x->s.rank == 3)
		return conv_positional_encoding_apply(g, body, x, m);
	const int64_t B = x->s.dim[0], N = x->s.dim[1] * x->s.dim[2], C = x->s.dim[3];
	node *row[] = {op_fill(g, SHAPE(B, 1, C), 0), op_reshape(g, x, SHAPE(B, N, C))};
	node *y = conv_positional_encoding_apply(g, body, op_concat(g, row, 2, 1), m);
	return op_reshape(g, op_slice_axis(g, y, 1, 1, N + 1), x->s);
}

static void table_start(module *m, void *body, const char *name, const placed_layer *l)
{
	positional_embedding_init(m, body, name, l->input, 0);
}

static node *table_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return positional_embedding_apply(g, body, x);
}

static const layer_arg affine_args[] = {
	YES("bias", "add a number of each channel, too"),
	{.name = "start", .type = ARG_REAL, .lo = -100, .hi = 100, .initial = 1, .help = "start of the scales"},
};

static void affine_start(module *m, void *body, const char *name, const placed_layer *l)
{
	affine_options o = {.no_bias = !layer_is(l, "bias"), .weight_init = {INIT_CONSTANT, layer_number(l, "start")}};
	channel_affine_init(m, body, name, l->input, o);
}

static node *affine_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return channel_affine_apply(g, body, x);
}

static void bias_start(module *m, void *body, const char *name, const placed_layer *l)
{
	bias_layer_init(m, body, name, l->input, 0, (init){INIT_ZEROS, 0});
}

static node *bias_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return bias_layer_apply(g, body, x);
}

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "conv_position", .what = "positions from a depthwise convolution", .paper = "arXiv 2104.06399",
	 .cost = "N k^2 C", ARGS(position_args), CASES(position_cases), .body = sizeof(conv_positional_encoding),
	 .residual = LAYER_BARE,
	 .formula = "layer(x) = x + depthwise_k(x)\n",
	 .weights = "depth_conv/depthwise_kernel (k,k,C,1), bias (C)\n",
	 .fits = layer_has_odd_kernel, .init = position_start, .apply = position_place},
	{.name = "positional_embedding", .what = "a learned number for each place and channel",
	 .keras = "PositionalEmbedding2D",
	 .paper = "arXiv 2106.13112", .cost = "N C", CASES(table_cases),
	 .body = sizeof(positional_embedding), .residual = LAYER_BARE,
	 .formula = "layer(x) = x + p\n", .weights = "positional_embedding (1,H,W,C)\n",
	 .init = table_start, .apply = table_place},
	{.name = "channel_affine", .what = "a gain and a bias for each channel", .paper = "arXiv 2105.03404",
	 .cost = "N C", ARGS(affine_args), CASES(map_14), .body = sizeof(channel_affine), .residual = LAYER_BARE,
	 .formula = "layer(x) = x * w + b\n", .weights = "weight (C), bias (C)\n",
	 .init = affine_start, .apply = affine_place},
	{.name = "bias", .what = "a bias for each channel", .paper = "arXiv 2106.13112", .cost = "N C",
	 CASES(map_14), .body = sizeof(bias_layer), .residual = LAYER_BARE,
	 .formula = "layer(x) = x + b\n", .weights = "bias (C)\n",
	 .init = bias_start, .apply = bias_place},
};
const layer_group layers_tokens = {types, COUNT(types)};
