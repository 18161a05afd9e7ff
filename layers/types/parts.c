/* parts.c - what networks and other layers are made of. A config does not place these by name: some change the map, and
 * the others come with a network or inside another layer. They are timed like every layer. */
#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/activation.h"
#include "layers/conv.h"
#include "layers/conv_position.h"
#include "layers/dense.h"
#include "layers/evo_norm.h"
#include "layers/mlp.h"
#include "layers/norm.h"
#include "layers/positions.h"
#include "layers/split_attention.h"
#include "layers/token.h"
#include "layers/types/arguments.h"

static const layer_case map_28[] = {{.input = MAP_28}};

/* ---- norms ---- */

static void batch_norm_start(module *m, void *body, const char *name, const placed_layer *l)
{
	batch_norm_init(m, body, name, l->C, (bn_options){BN_USUAL});
}

static node *batch_norm_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return batch_norm_apply(g, body, x, m);
}

static const layer_arg group_norm_args[] = {
	{.name = "groups", .type = ARG_INT, .lo = 1, .hi = 4096, .initial = 32, .help = "groups of channels"},
};

static void group_norm_start(module *m, void *body, const char *name, const placed_layer *l)
{
	group_norm_init(m, body, name, l->C, layer_int(l, "groups"), 1e-5);
}

static node *group_norm_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return group_norm_apply(g, body, x);
}

/* B0 without groups, S0 with; without its nonlinearity it is S0a. */
static const layer_arg evo_norm_args[] = {
	{.name = "groups", .type = ARG_INT, .hi = 4096, .zero = "B0", .help = "S0: groups of channels"},
	YES("nonlinearity", "x sigmoid(v x) instead of x"),
};
static const layer_case evo_norm_cases[] = {
	{.name = "evo_norm_b0", .input = MAP_28}, {.name = "evo_norm_s0", .input = MAP_28, .arg = {{"groups", 32}}},
	{.name = "evo_norm_s0a", .input = MAP_28, .arg = {{"groups", 32}, {"nonlinearity", 0}}},
};

static void evo_norm_start(module *m, void *body, const char *name, const placed_layer *l)
{
	evo_norm_init(m, body, name, l->C, (evo_options){
		.nonlinearity = layer_is(l, "nonlinearity"), .groups = layer_int(l, "groups")});
}

static node *evo_norm_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return evo_norm_apply(g, body, x, m);
}

/* ---- activations that learn: the type's name is the activation's ---- */

static void activation_start(module *m, void *body, const char *name, const placed_layer *l)
{
	activation_init(m, body, name, l->spec.type->name, l->C);
}

static node *activation_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return activation_apply(g, body, x);
}

/* ---- products ---- */

static void dense_start(module *m, void *body, const char *name, const placed_layer *l)
{
	dense_init(m, body, name, l->C, (dense_options){
		.units = layer_out(l), .bias = true, .kernel_init = {.kind = INIT_GLOROT_UNIFORM}, .sn = l->sn});
}

static node *dense_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return dense_apply(g, body, x, m);
}

static void depthwise_start(module *m, void *body, const char *name, const placed_layer *l)
{
	depthwise_init(m, body, name, l->C, (conv_options){
		.kh = 3, .bias = true, .kernel_init = {.kind = INIT_GLOROT_UNIFORM}, .sn = l->sn});
}

static node *depthwise_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return depthwise_apply(g, body, x, m);
}

/* 4x4, stride 2: the way up of DCGAN, with half as many channels. */
static const layer_case transpose_cases[] = {{.input = MAP_14, .out = 96}};

static void transpose_start(module *m, void *body, const char *name, const placed_layer *l)
{
	conv_transpose_init(m, body, name, l->C, (conv_options){
		.filters = (int)layer_out(l), .kh = 4, .sh = 2, .bias = true,
		.kernel_init = {.kind = INIT_GLOROT_UNIFORM}, .sn = l->sn});
}

static node *transpose_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return conv_transpose_apply(g, body, x, m);
}

/* ---- parts of attention layers ---- */

/* Queries [B,heads,H,W,d]. */
static const layer_case positions_cases[] = {{.input = {5, {0, 4, 14, 16, 32}}}};

static void positions_start(module *m, void *body, const char *name, const placed_layer *l)
{
	const int64_t *d = l->input.dim;
	positions_init(m, body, name, d[2], d[3], d[4], (position_options){0});
}

static node *positions_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return positions_apply(g, body, x);
}

/* Heads [B,heads,1+N,d], as queries and as values. */
static const layer_case relative_cases[] = {{.input = {4, {0, 8, 197, 6}}}};

static void relative_start(module *m, void *body, const char *name, const placed_layer *l)
{
	conv_relative_positional_encoding_init(m, body, name, l->input.dim[1], l->C,
		(conv_relative_options){.sn = l->sn});
}

static node *relative_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return conv_relative_positional_encoding_apply(g, body, x, x, m);
}

static const layer_case rsoftmax_cases[] = {{.input = {4, {0, 1, 1, 98}}}};

static void nothing_to_start(module *m, void *body, const char *name, const placed_layer *l)
{
	(void)m, (void)body, (void)name, (void)l;
}

/* Of two groups. */
static node *rsoftmax_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)body, (void)m, (void)map;
	return rsoftmax(g, x, 2, false);
}

static const layer_case class_token_cases[] = {{.input = {3, {0, 196, 192}}}};

static void class_token_start(module *m, void *body, const char *name, const placed_layer *l)
{
	class_token_init(m, body, name, l->C, (class_token_options){0});
}

static node *class_token_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)m, (void)map;
	return class_token_apply(g, body, x);
}

/* The gate of gMLP alone: it halves the channels. */
static const layer_case gate_cases[] = {{.input = TOKENS_28}};

static void gate_start(module *m, void *body, const char *name, const placed_layer *l)
{
	spatial_gating_block_init(m, body, name, layer_positions(l), l->C, l->sn);
}

static node *gate_place(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return spatial_gating_block_apply(g, body, x, m);
}

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "batch_norm", .what = "each channel normalised over the batch", .paper = "arXiv 1502.03167",
	 .body = sizeof(batch_norm), .has_batch_norm = true, CASES(map_28),
	 .init = batch_norm_start, .apply = batch_norm_place},
	{.name = "group_norm", .what = "groups of channels normalised over the map", .paper = "arXiv 1803.08494",
	 ARGS(group_norm_args), .body = sizeof(group_norm), CASES(map_28),
	 .init = group_norm_start, .apply = group_norm_place},
	{.name = "evo_norm", .what = "normalisation and activation in one", .paper = "arXiv 2004.02967",
	 ARGS(evo_norm_args), .body = sizeof(evo_norm), CASES(evo_norm_cases),
	 .init = evo_norm_start, .apply = evo_norm_place},
	{.name = "prelu", .what = "ReLU with a learned slope below zero", .paper = "arXiv 1502.01852",
	 .body = sizeof(activation), CASES(map_28), .init = activation_start, .apply = activation_place},
	{.name = "star_relu", .what = "learned scale and bias of relu(x)^2", .paper = "arXiv 2210.13452",
	 .body = sizeof(activation), CASES(map_28), .init = activation_start, .apply = activation_place},
	{.name = "dense", .what = "a product with a matrix over the channels", .paper = "-",
	 .body = sizeof(dense), CASES(map_28), .init = dense_start, .apply = dense_place},
	{.name = "depthwise_conv2d", .what = "a 3x3 convolution of each channel", .paper = "arXiv 1610.02357",
	 .body = sizeof(depthwise), CASES(map_28), .init = depthwise_start, .apply = depthwise_place},
	{.name = "conv2d_transpose", .what = "a transposed 4x4 convolution, stride 2", .paper = "arXiv 1511.06434",
	 .body = sizeof(conv), CASES(transpose_cases), .init = transpose_start, .apply = transpose_place},
	{.name = "relative_position", .what = "scores of displacements from tables", .paper = "arXiv 2101.11605",
	 .body = sizeof(positions), CASES(positions_cases), .init = positions_start, .apply = positions_place},
	{.name = "conv_relative_positional", .what = "the position term of conv_relative", .paper = "arXiv 2104.06399",
	 .body = sizeof(conv_relative_positional_encoding), CASES(relative_cases),
	 .init = relative_start, .apply = relative_place},
	{.name = "rsoftmax", .what = "softmax over the groups of split_attention", .paper = "arXiv 2004.08955",
	 .body = 1, CASES(rsoftmax_cases), .init = nothing_to_start, .apply = rsoftmax_place},
	{.name = "class_token", .what = "a learned token before the others", .paper = "arXiv 2010.11929",
	 .body = sizeof(class_token), CASES(class_token_cases), .init = class_token_start, .apply = class_token_place},
	{.name = "spatial_gating_block", .what = "the gate of spatial_gating", .paper = "arXiv 2105.08050",
	 .body = sizeof(spatial_gating_block), CASES(gate_cases), .init = gate_start, .apply = gate_place},
};
const layer_group layers_parts = {types, COUNT(types)};
