/* The rows of blocks.h. */
#include "tests/blocks.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

static const mode train = {.train = true};

static int64_t last(shape s)
{
	return shape_last(&s);
}

static node *blur(graph *g, const any *a, node *x) { return anti_alias_downsample_apply(g, &a->blur, x); }
static node *bn(graph *g, const any *a, node *x) { return batchnorm_with_activation_apply(g, &a->bn, x, a->mode); }
static node *conv2d(graph *g, const any *a, node *x) { return conv2d_no_bias_apply(g, &a->conv, x, a->mode); }
static node *se(graph *g, const any *a, node *x) { return se_module_apply(g, &a->se, x, a->mode); }
static node *ln(graph *g, const any *a, node *x) { return layer_norm_apply(g, &a->ln, x); }
static node *act(graph *g, const any *a, node *x) { return activation_apply(g, &a->act, x); }
static node *cpe(graph *g, const any *a, node *x) { return conv_positional_encoding_apply(g, &a->cpe, x, a->mode); }
static node *look(graph *g, const any *a, node *x) { return outlook_attention_apply(g, &a->outlook, x, a->mode, NULL); }
static node *bias(graph *g, const any *a, node *x) { return bias_layer_apply(g, &a->bias, x); }
static node *pos(graph *g, const any *a, node *x) { return positional_embedding_apply(g, &a->pos, x); }
static node *token(graph *g, const any *a, node *x) { return class_token_apply(g, &a->token, x); }
static node *affine(graph *g, const any *a, node *x) { return channel_affine_apply(g, &a->affine, x); }
static node *mlp(graph *g, const any *a, node *x) { return mlp_block_apply(g, &a->mlp, x, a->mode); }
static node *mixer(graph *g, const any *a, node *x) { return mixer_block_apply(g, &a->mixer, x, a->mode); }
static node *gating(graph *g, const any *a, node *x) { return spatial_gating_block_apply(g, &a->gating, x, a->mode); }

static node *crpe(graph *g, const any *a, node *x)
{
	return conv_relative_positional_encoding_apply(g, &a->crpe, op_tanh(g, x), x, a->mode);
}

static void blur32(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	anti_alias_downsample_init(m, &a->blur, "", last(s), (anti_alias_options){.kernel_size = 3, .strides = 2});
}

static void blur_trained(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	anti_alias_downsample_init(m, &a->blur, "", last(s), (anti_alias_options){.kernel_size = 2, .trainable = true});
}

static void bn_relu(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){.activation = "relu"});
}

static void bn_swish(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	a->mode = train;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){.activation = "swish"});
}

static void bn_last(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	a->mode = train;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){
		.activation = "mish", .act_first = true, .epsilon = 1e-3, .momentum = 0.99});
}

static void bn_second(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	a->mode = train;
	batchnorm_with_activation_init(m, &a->bn, "", s.dim[1], (bn_act_options){.activation = "tanh", .axis = 1});
}

static void evo_b0(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	a->mode = train;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){
		.activation = "relu", .use_evo_norm = true, .evo_norm_group_size = -1});
}

static void evo_s0(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){
		.activation = "relu", .use_evo_norm = true, .evo_norm_group_size = 2});
}

static void evo_s0a(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){
		.use_evo_norm = true, .evo_norm_group_size = 2});
}

static void evo_plain(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	batchnorm_with_activation_init(m, &a->bn, "", last(s), (bn_act_options){.use_evo_norm = true});
}

static void conv_groups(module *m, any *a, shape s, sn_options sn)
{
	conv2d_no_bias_init(m, &a->conv, "", last(s), (conv2d_options){
		.filters = 6, .kh = 3, .sh = 2, .padding = CONV2D_SAME, .groups = 2, .sn = sn});
}

static void conv_one(module *m, any *a, shape s, sn_options sn)
{
	conv2d_no_bias_init(m, &a->conv, "", last(s), (conv2d_options){
		.filters = 1, .kh = 3, .padding = CONV2D_SAME, .depthwise_parity = true, .use_bias = true, .sn = sn});
}

static void conv_rectangle(module *m, any *a, shape s, sn_options sn)
{
	conv2d_no_bias_init(m, &a->conv, "", last(s), (conv2d_options){
		.filters = 3, .kh = 1, .kw = 3, .padding = CONV2D_EXPLICIT, .pad_w = 2, .use_bias = true, .sn = sn});
}

static void conv_seven(module *m, any *a, shape s, sn_options sn)
{
	conv2d_no_bias_init(m, &a->conv, "", last(s), (conv2d_options){.filters = 3, .kh = 7, .sn = sn});
}

static void se_d(module *m, any *a, shape s, sn_options sn)
{
	se_module_init(m, &a->se, "se", last(s), (se_options){.sn = sn});
}

static void se_h(module *m, any *a, shape s, sn_options sn)
{
	se_module_init(m, &a->se, "se", last(s), (se_options){.divisor = 8, .glorot = true, .sn = sn});
}

static void se_dense(module *m, any *a, shape s, sn_options sn)
{
	se_module_init(m, &a->se, "se", last(s), (se_options){
		.se_ratio = 0.5, .dense = true, .activation = "swish", .activation_out = "tanh", .sn = sn});
}

static void ln_d(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	layer_norm_init(m, &a->ln, "ln", s, (ln_options){0});
}

static void ln_h(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	layer_norm_init(m, &a->ln, "ln", s, (ln_options){.eps = 1e-5});
}

static void act_prelu(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	activation_init(m, &a->act, "prelu", "prelu", last(s));
}

static void act_star(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	activation_init(m, &a->act, "star_relu", "star_relu", last(s));
}

static void cpe_square(module *m, any *a, shape s, sn_options sn)
{
	conv_positional_encoding_init(m, &a->cpe, "cpe", last(s), (conv_positional_options){.sn = sn});
}

static void cpe_rows(module *m, any *a, shape s, sn_options sn)
{
	conv_positional_encoding_init(m, &a->cpe, "cpe", last(s), (conv_positional_options){
		.input_height = 2, .sn = sn});
}

static void crpe_eight(module *m, any *a, shape s, sn_options sn)
{
	conv_relative_positional_encoding_init(m, &a->crpe, "crpe", s.dim[1], last(s),
		(conv_relative_options){.sn = sn});
}

static void crpe_two(module *m, any *a, shape s, sn_options sn)
{
	conv_relative_positional_encoding_init(m, &a->crpe, "crpe", s.dim[1], last(s), (conv_relative_options){
		.splits = 2, .head_splits = {1, 2}, .head_kernel_size = {3, 1}, .input_height = 2, .sn = sn});
}

static void look_d(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 6, .num_heads = 2, .sn = sn});
}

static void look_fold(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 6, .num_heads = 2, .fold_kernel = true, .sn = sn});
}

static void look_gaps(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 4, .num_heads = 2, .kernel_size = 2, .strides = 3, .no_padding = true, .sn = sn});
}

static void look_simple(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_simple_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 6, .num_heads = 2, .sn = sn});
}

static void look_wide(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 192, .num_heads = 4, .sn = sn});
}

static void look_simple_wide(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_simple_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 192, .num_heads = 4, .sn = sn});
}

static void bias_last(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	bias_layer_init(m, &a->bias, "bias_layer", s, 0, (init){0});
}

static void bias_rows(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	bias_layer_init(m, &a->bias, "bias_layer", s, 1u << 1, (init){0});
}

static void bias_third(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	bias_layer_init(m, &a->bias, "bias_layer", s, 1u << 2, (init){0});
}

static void pos_any(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	positional_embedding_init(m, &a->pos, "positional_embedding", s, 0);
}

static void token_first(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	class_token_init(m, &a->token, "class_token", last(s), (class_token_options){0});
}

static void token_two_last(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	class_token_init(m, &a->token, "class_token", last(s), (class_token_options){
		.num_tokens = 2, .is_at_end = true});
}

static void affine_last(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	channel_affine_init(m, &a->affine, "channel_affine", s, (affine_options){0});
}

static void affine_axes(module *m, any *a, shape s, sn_options sn)
{
	(void)sn;
	channel_affine_init(m, &a->affine, "channel_affine", s, (affine_options){.axes = 1u << 1 | 1u << 2});
}

static void mlp_d(module *m, any *a, shape s, sn_options sn)
{
	mlp_block_init(m, &a->mlp, "mlp", last(s), (mlp_options){.hidden_dim = 6, .sn = sn});
}

static void mlp_five(module *m, any *a, shape s, sn_options sn)
{
	mlp_block_init(m, &a->mlp, "mlp", last(s), (mlp_options){.hidden_dim = 6, .output_channel = 5, .sn = sn});
}

static void mlp_conv(module *m, any *a, shape s, sn_options sn)
{
	mlp_block_init(m, &a->mlp, "", last(s), (mlp_options){
		.hidden_dim = 5, .use_conv = true, .activation = "swish", .sn = sn});
}

static void mlp_wide(module *m, any *a, shape s, sn_options sn)
{
	mlp_block_init(m, &a->mlp, "mlp", last(s), (mlp_options){.hidden_dim = 36, .sn = sn});
}

static void mixer_d(module *m, any *a, shape s, sn_options sn)
{
	mixer_block_init(m, &a->mixer, "mixer", s.dim[1], last(s), (mixer_options){
		.tokens_mlp_dim = 5, .channels_mlp_dim = 6, .sn = sn});
}

static void mixer_wide(module *m, any *a, shape s, sn_options sn)
{
	mixer_block_init(m, &a->mixer, "mixer", s.dim[1], last(s), (mixer_options){
		.tokens_mlp_dim = 196, .channels_mlp_dim = 36, .sn = sn});
}

static void gating_d(module *m, any *a, shape s, sn_options sn)
{
	spatial_gating_block_init(m, &a->gating, "gating", s.dim[1], last(s), sn);
}

static void mlp_dropped(module *m, any *a, shape s, sn_options sn)
{
	mlp_block_init(m, &a->mlp, "mlp", last(s), (mlp_options){.hidden_dim = 6, .drop_rate = 0.5, .sn = sn});
}

static void mixer_dropped(module *m, any *a, shape s, sn_options sn)
{
	mixer_block_init(m, &a->mixer, "mixer", s.dim[1], last(s), (mixer_options){
		.tokens_mlp_dim = 5, .channels_mlp_dim = 6, .drop_rate = 0.5, .sn = sn});
}

static void look_dropped(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 4, .num_heads = 2, .attn_dropout = 0.5, .sn = sn});
}

static void look_output_dropped(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 4, .num_heads = 2, .output_dropout = 0.5, .sn = sn});
}

static void look_simple_dropped(module *m, any *a, shape s, sn_options sn)
{
	outlook_attention_simple_init(m, &a->outlook, "outlook", last(s), (outlook_options){
		.embed_dim = 4, .num_heads = 2, .attn_dropout = 0.5, .sn = sn});
}

static const block blocks[] = {
	{"blur32", blur32, blur},
	{"blur_trained", blur_trained, blur},
	{"bn_relu", bn_relu, bn},
	{"bn_swish", bn_swish, bn},
	{"bn_last", bn_last, bn},
	{"bn_second", bn_second, bn},
	{"evo_b0", evo_b0, bn},
	{"evo_s0", evo_s0, bn},
	{"evo_s0a", evo_s0a, bn},
	{"evo_plain", evo_plain, bn},
	{"conv_groups", conv_groups, conv2d},
	{"conv_one", conv_one, conv2d},
	{"conv_rectangle", conv_rectangle, conv2d},
	{"conv_seven", conv_seven, conv2d},
	{"se_d", se_d, se},
	{"se_h", se_h, se},
	{"se_dense", se_dense, se},
	{"ln_d", ln_d, ln},
	{"ln_h", ln_h, ln},
	{"act_prelu", act_prelu, act},
	{"act_star", act_star, act},
	{"cpe_square", cpe_square, cpe},
	{"cpe_rows", cpe_rows, cpe},
	{"crpe_eight", crpe_eight, crpe},
	{"crpe_two", crpe_two, crpe},
	{"look_d", look_d, look},
	{"look_fold", look_fold, look},
	{"look_gaps", look_gaps, look},
	{"look_simple", look_simple, look},
	{"look_wide", look_wide, look},
	{"look_simple_wide", look_simple_wide, look},
	{"bias_last", bias_last, bias},
	{"bias_rows", bias_rows, bias},
	{"bias_third", bias_third, bias},
	{"pos_any", pos_any, pos},
	{"token_first", token_first, token},
	{"token_two_last", token_two_last, token},
	{"affine_last", affine_last, affine},
	{"affine_axes", affine_axes, affine},
	{"mlp_d", mlp_d, mlp},
	{"mlp_five", mlp_five, mlp},
	{"mlp_conv", mlp_conv, mlp},
	{"mlp_wide", mlp_wide, mlp},
	{"mixer_d", mixer_d, mixer},
	{"mixer_wide", mixer_wide, mixer},
	{"gating_d", gating_d, gating},
	{"mlp_dropped", mlp_dropped, mlp},
	{"mixer_dropped", mixer_dropped, mixer},
	{"look_dropped", look_dropped, look},
	{"look_output_dropped", look_output_dropped, look},
	{"look_simple_dropped", look_simple_dropped, look},
};

const block *block_named(const char *name)
{
	for (int i = 0; i < COUNT(blocks); i++)
		if (!strcmp(blocks[i].name, name))
			return &blocks[i];
	ck_abort_msg("no block %s", name);
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

trial open_layer(const char *name, shape s, sn_options sn, const mode *how)
{
	const block *b = block_named(name);
	fault e;
	trial t = {.m = module_new(NULL), .g = graph_new(NULL), .x = buffer_new("x", s, NULL)};
	rng r = rng_new(11, "test");
	rng_fill_normal(&r, t.x->x, shape_count(&s));
	b->init(t.m, &t.a, s, sn);
	if (how)
		t.a.mode = *how;
	block_alloc(t.m);
	block_scramble(t.m, 12);
	t.in = graph_leaf(t.g, t.x);
	t.y = b->apply(t.g, &t.a, t.in);
	ck_assert_msg(graph_ok(t.g, &e), "%s", e.text);
	return t;
}

void close_layer(trial *t)
{
	graph_free(t->g);
	buffer_free(t->x);
	module_free(t->m);
}

