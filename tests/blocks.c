/* The rows of blocks.h. */
#include "tests/blocks.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/config/config.h"
#include "layers/aotnet.h"
#include "layers/conv_position.h"
#include "layers/token.h"

/* A layer of the catalogue under a path, and what the catalogue does not say of it. */
struct block {
	const char *name;
	const char *path;                            /* of its parameters; "" for none */
	const char *layer;                           /* as a config has it, or a case of the bench, by name */
	int64_t out;                                 /* see placed_layer */
	bool train;                                  /* applied as in training */
	void (*init)(module *m, void *body, const char *name, const placed_layer *l);        /* NULL: the type's */
	node *(*apply)(graph *g, const void *body, node *x, mode m, node **map);
};

/* ---- options that no config has: strides, axes, paddings, tokens that are no map ---- */

static void start_blur(module *m, void *body, const char *name, const placed_layer *l)
{
	anti_alias_downsample_init(m, body, name, l->C, (anti_alias_options){.kernel_size = 2, .trainable = true});
}

static void start_bn_second(module *m, void *body, const char *name, const placed_layer *l)
{
	batchnorm_with_activation_init(m, body, name, l->H, (bn_act_options){.activation = "tanh", .axis = 1});
}

static void start_evo_s0a(module *m, void *body, const char *name, const placed_layer *l)
{
	batchnorm_with_activation_init(m, body, name, l->C, (bn_act_options){
		.use_evo_norm = true, .evo_norm_group_size = 2});
}

static void start_evo_plain(module *m, void *body, const char *name, const placed_layer *l)
{
	batchnorm_with_activation_init(m, body, name, l->C, (bn_act_options){.use_evo_norm = true});
}

static void start_conv_groups(module *m, void *body, const char *name, const placed_layer *l)
{
	conv2d_no_bias_init(m, body, name, l->C, (conv2d_options){
		.filters = 6, .kh = 3, .sh = 2, .padding = CONV2D_SAME, .groups = 2, .sn = l->sn});
}

static void start_conv_rectangle(module *m, void *body, const char *name, const placed_layer *l)
{
	conv2d_no_bias_init(m, body, name, l->C, (conv2d_options){
		.filters = 3, .kh = 1, .kw = 3, .padding = CONV2D_EXPLICIT, .pad_w = 2, .use_bias = true, .sn = l->sn});
}

static void start_conv_seven(module *m, void *body, const char *name, const placed_layer *l)
{
	conv2d_no_bias_init(m, body, name, l->C, (conv2d_options){.filters = 3, .kh = 7, .sn = l->sn});
}

static void start_cpe_rows(module *m, void *body, const char *name, const placed_layer *l)
{
	conv_positional_encoding_init(m, body, name, l->C, (conv_positional_options){.input_height = 2, .sn = l->sn});
}

/* Of tokens only; the catalogue gives it a map's, too. */
static node *apply_cpe(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return conv_positional_encoding_apply(g, body, x, m);
}

static void start_crpe_two(module *m, void *body, const char *name, const placed_layer *l)
{
	conv_relative_positional_encoding_init(m, body, name, l->input.dim[1], l->C, (conv_relative_options){
		.splits = 2, .head_splits = {1, 2}, .head_kernel_size = {3, 1}, .input_height = 2, .sn = l->sn});
}

/* A query of its own: tanh(x). */
static node *apply_crpe(graph *g, const void *body, node *x, mode m, node **map)
{
	(void)map;
	return conv_relative_positional_encoding_apply(g, body, op_tanh(g, x), x, m);
}

static void start_bias_rows(module *m, void *body, const char *name, const placed_layer *l)
{
	bias_layer_init(m, body, name, l->input, 1u << 1, (init){0});
}

static void start_bias_third(module *m, void *body, const char *name, const placed_layer *l)
{
	bias_layer_init(m, body, name, l->input, 1u << 2, (init){0});
}

static void start_token_two_last(module *m, void *body, const char *name, const placed_layer *l)
{
	class_token_init(m, body, name, l->C, (class_token_options){.num_tokens = 2, .is_at_end = true});
}

static void start_affine_axes(module *m, void *body, const char *name, const placed_layer *l)
{
	channel_affine_init(m, body, name, l->input, (affine_options){.axes = 1u << 1 | 1u << 2});
}

/* ---- the table ---- */

static const struct block blocks[] = {
	{"blur32", "", .layer = "anti_alias_downsample"},
	{"blur_trained", "", .layer = "{type: blur}", .init = start_blur},
	{"bn_relu", "", .layer = "{type: bn_act}"},
	{"bn_swish", "", .layer = "{type: bn_act, activation: swish}", .train = true},
	{"bn_last", "", .layer = "{type: bn_act, activation: mish, act_first: true, epsilon: 1e-3, momentum: 0.99}",
	 .train = true},
	{"bn_second", "", .layer = "{type: bn_act}", .train = true, .init = start_bn_second},
	{"evo_b0", "", .layer = "{type: bn_act, evo_norm: true}", .train = true},
	{"evo_s0", "", .layer = "{type: bn_act, evo_norm: true, group_size: 2}"},
	{"evo_s0a", "", .layer = "{type: bn_act}", .init = start_evo_s0a},
	{"evo_plain", "", .layer = "{type: bn_act}", .init = start_evo_plain},
	{"conv_groups", "", .layer = "{type: conv}", .init = start_conv_groups},
	{"conv_one", "", .layer = "{type: conv, bias: true}", .out = 1},
	{"conv_rectangle", "", .layer = "{type: conv}", .init = start_conv_rectangle},
	{"conv_seven", "", .layer = "{type: conv}", .init = start_conv_seven},
	{"se_d", "se", .layer = "{type: se}"},
	{"se_h", "se", .layer = "{type: se, divisor: 8, glorot: true}"},
	{"se_dense", "se", .layer = "{type: se, ratio: 0.5, dense: true, activation: swish, activation_out: tanh}"},
	{"ln_d", "ln", .layer = "{type: layer_norm}"},
	{"ln_h", "ln", .layer = "{type: layer_norm, epsilon: 1e-5}"},
	{"act_prelu", "prelu", .layer = "prelu"},
	{"act_star", "star_relu", .layer = "star_relu"},
	{"cpe_square", "cpe", .layer = "{type: conv_position}", .apply = apply_cpe},
	{"cpe_rows", "cpe", .layer = "{type: conv_position}", .init = start_cpe_rows, .apply = apply_cpe},
	{"crpe_eight", "crpe", .layer = "conv_relative_positional", .apply = apply_crpe},
	{"crpe_two", "crpe", .layer = "conv_relative_positional", .init = start_crpe_two, .apply = apply_crpe},
	{"look_d", "outlook", .layer = "{type: outlook, heads: 2}", .out = 6},
	{"look_fold", "outlook", .layer = "{type: outlook, heads: 2, fold_kernel: true}", .out = 6},
	{"look_gaps", "outlook", .layer = "{type: outlook, heads: 2, kernel: 2, strides: 3, padding: false}", .out = 4},
	{"look_simple", "outlook", .layer = "{type: outlook_simple, heads: 2}", .out = 6},
	{"look_wide", "outlook", .layer = "{type: outlook, heads: 4}"},
	{"look_simple_wide", "outlook", .layer = "{type: outlook_simple, heads: 4}"},
	{"bias_last", "bias_layer", .layer = "{type: bias}"},
	{"bias_rows", "bias_layer", .layer = "{type: bias}", .init = start_bias_rows},
	{"bias_third", "bias_layer", .layer = "{type: bias}", .init = start_bias_third},
	{"pos_any", "positional_embedding", .layer = "{type: positional_embedding}"},
	{"token_first", "class_token", .layer = "class_token"},
	{"token_two_last", "class_token", .layer = "class_token", .init = start_token_two_last},
	{"affine_last", "channel_affine", .layer = "{type: channel_affine}"},
	{"affine_axes", "channel_affine", .layer = "{type: channel_affine}", .init = start_affine_axes},
	{"mlp_d", "mlp", .layer = "{type: mlp, hidden: 6}"},
	{"mlp_five", "mlp", .layer = "{type: mlp, hidden: 6}", .out = 5},
	{"mlp_conv", "", .layer = "{type: mlp, hidden: 5, use_conv: true, activation: swish}"},
	{"mlp_wide", "mlp", .layer = "{type: mlp, hidden: 36}"},
	{"mixer_d", "mixer", .layer = "{type: mixer, tokens: 5, channels: 6}"},
	{"mixer_wide", "mixer", .layer = "{type: mixer, tokens: 196, channels: 36}"},
	{"gating_d", "gating", .layer = "spatial_gating_block"},
	{"mlp_dropped", "mlp", .layer = "{type: mlp, hidden: 6, drop_rate: 0.5}"},
	{"mixer_dropped", "mixer", .layer = "{type: mixer, tokens: 5, channels: 6, drop_rate: 0.5}"},
	{"look_dropped", "outlook", .layer = "{type: outlook, heads: 2, dropout: 0.5}", .out = 4},
	{"look_output_dropped", "outlook", .layer = "{type: outlook, heads: 2, output_dropout: 0.5}", .out = 4},
	{"look_simple_dropped", "outlook", .layer = "{type: outlook_simple, heads: 2, dropout: 0.5}", .out = 4},
};

static const struct block *block_named(const char *name)
{
	for (int i = 0; i < COUNT(blocks); i++)
		if (!strcmp(blocks[i].name, name))
			return &blocks[i];
	ck_abort_msg("no block %s", name);
}

/* Parts of layers and a stride are in no config. */
static layer_spec spec_of_case(const char *name)
{
	for (int i = 0; i < layer_type_all(); i++) {
		const layer_type *t = layer_type_at(i);
		for (int k = 0; k < t->n_cases; k++)
			if (!strcmp(layer_case_name(t, &t->cases[k]), name))
				return placed_layer_case(t, &t->cases[k], 1).spec;
	}
	ck_abort_msg("no layer is timed as %s", name);
}

static layer_spec spec_of(const char *text)
{
	fault e;
	layer_spec s;
	char placed[256];
	if (*text != '{')
		return spec_of_case(text);
	snprintf(placed, sizeof placed, "{at: 1, %s", text + 1);
	ck_assert_msg(config_layer_parse(&s, placed, &e), "%s: %s", text, e.text);
	return s;
}

/* ---- running ---- */

module *block_alloc(module *m)
{
	fault e;
	rng r = rng_new(7, "init");
	ck_assert_msg(module_alloc(m, &r, &e), "%s", e.text);
	return m;
}

real *value_of(graph *g, node *y)
{
	fault e;
	plan *p = plan_new(g, &y, 1, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	int64_t n = shape_count(&y->s);
	real *x = mem_new((size_t)n, sizeof *x, NULL);
	memcpy(x, plan_value(p, y), (size_t)n * sizeof *x);
	plan_free(p);
	return x;
}

void block_scramble(module *m, uint64_t seed)
{
	rng r = rng_new(seed, "scramble");
	for (int i = 0; i < module_params(m); i++) {
		buffer *b = module_param_at(m, i);
		rng_fill_normal(&r, b->x, shape_count(&b->s));
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			b->x[k] *= (real)0.5;
	}
}

static placed_layer start_layer(module *m, const struct block *b, shape s, sn_options sn)
{
	fault e;
	const layer_spec spec = spec_of(b->layer);
	placed_layer l = placed_layer_at(b->path, &spec, s);
	l.sn = sn;
	l.out = b->out;
	if (!b->init) {
		ck_assert_msg(layer_alone_init(m, &l, &e), "%s", e.text);
		return l;
	}
	l.body = mem_zero(1, spec.type->body, NULL);
	ck_assert_ptr_nonnull(l.body);
	b->init(m, l.body, l.name, &l);
	return l;
}

trial open_layer(const char *name, shape s, sn_options sn, const mode *how)
{
	fault e;
	const struct block *b = block_named(name);
	trial t = {.block = b, .m = module_new(NULL), .g = graph_new(NULL), .x = buffer_new("x", s, NULL)};
	t.mode = how ? *how : (mode){.train = b->train};
	rng r = rng_new(11, "test");
	rng_fill_normal(&r, t.x->x, shape_count(&s));
	t.layer = start_layer(t.m, b, s, sn);
	block_alloc(t.m);
	block_scramble(t.m, 12);
	t.in = graph_leaf(t.g, t.x);
	t.y = apply_layer(t.g, &t, t.in, t.mode);
	ck_assert_msg(graph_ok(t.g, &e), "%s", e.text);
	return t;
}

/* Not layer_alone_apply: that makes tokens of a map first, and here the layer itself says what it takes. */
node *apply_layer(graph *g, const trial *t, node *x, mode m)
{
	return (t->block->apply ? t->block->apply : t->layer.spec.type->apply)(g, t->layer.body, x, m, NULL);
}

void close_layer(trial *t)
{
	placed_layer_clear(&t->layer);
	graph_free(t->g);
	buffer_free(t->x);
	module_free(t->m);
}
