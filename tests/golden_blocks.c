/* Blocks, tokens, positions by convolution, outlook attention and MLPs of keras_cv_attention_models: each case's
 * arguments as our options. State D is 07209e2, H 687943d; where both exist the state says what a default means. */
#include "tests/golden.h"

#include "layers/aotnet.h"
#include "layers/conv_position.h"
#include "layers/mlp.h"
#include "layers/outlook.h"
#include "layers/se.h"
#include "layers/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_h(const golden_case *c)
{
	char state[8];
	golden_text(c, "kecam_state", "", state, sizeof state);
	return !strcmp(state, "H");
}

static bool flag(const golden_case *c, const char *name, bool fallback)
{
	return golden_number(c, name, fallback) != 0;
}

static int whole(const golden_case *c, const char *name, int fallback)
{
	return (int)golden_number(c, name, fallback);
}

/* Axes of attribute `axis` as a mask; 0, the last one, when it is "auto" or -1. */
static unsigned axes_of(const golden_case *c)
{
	double axis[RANK_MAX];
	char kind = h5_attr_kind(c->f, c->group, "axis");
	unsigned mask = 0;
	int n = kind == 'i' ? golden_list(c, "axis", axis, RANK_MAX) : 0;
	for (int i = 0; i < n; i++)
		mask |= 1u << (int)(axis[i] < 0 ? axis[i] + c->x[0]->s.rank : axis[i]);
	return mask;
}

static int64_t channels(const golden_case *c)
{
	return shape_last(&c->x[0]->s);
}

/* ---- aotnet ---- */

static bool build_anti_alias(golden_case *c)
{
	anti_alias_downsample a;
	anti_alias_options o = {
		.kernel_size = whole(c, "kernel_size", 3), .strides = whole(c, "strides", 2),
		.trainable = c->nw == 1 && c->w[0].trainable,
	};
	anti_alias_downsample_init(c->m, &a, "p_", channels(c), o);
	rng r = rng_new(1, "golden");
	if (c->nw != 1 || !module_alloc(c->m, &r, c->e))
		return fault_set(c->e, "%s: one kernel is expected", c->group);
	c->w[0].buf = a.kernel;                      /* ours starts as the original's: nothing is copied */
	for (int64_t i = 0; !o.trainable && i < shape_count(&c->w[0].s); i++)
		if (c->w[0].x[i] != a.kernel->x[i])
			return fault_set(c->e, "%s: the fixed kernel differs at %d", c->group, (int)i);
	if (o.trainable)
		buffer_write(a.kernel, c->w[0].x);
	return golden_give(c, anti_alias_downsample_apply(c->g, &a, c->x[0]));
}

static bool build_bn_act(golden_case *c)
{
	batchnorm_with_activation b;
	char act[32];
	golden_text(c, "activation", "none", act, sizeof act);
	bn_act_options o = {
		.activation = act, .zero_gamma = flag(c, "zero_gamma", false), .act_first = flag(c, "act_first", false),
		.epsilon = golden_number(c, "epsilon", 1e-5), .momentum = golden_number(c, "momentum", 0.9),
		.use_evo_norm = flag(c, "use_evo_norm", false),
		.evo_norm_group_size = whole(c, "evo_norm_group_size", -1),
	};
	batchnorm_with_activation_init(c->m, &b, "p_", channels(c), o);
	return golden_bind(c, c->m, 0) &&
	       golden_give(c, batchnorm_with_activation_apply(c->g, &b, c->x[0], c->mode));
}

static void conv2d_padding(const golden_case *c, conv2d_options *o)
{
	char text[16];
	int pad[2];
	if (h5_attr_kind(c->f, c->group, "padding") != 's') {
		golden_pair(c, "padding", 0, pad);
		o->padding = CONV2D_EXPLICIT;
		o->pad_h = pad[0];
		o->pad_w = pad[1];
		return;
	}
	golden_text(c, "padding", "valid", text, sizeof text);
	if (strcasecmp(text, "same") != 0)
		o->padding = CONV2D_VALID;
	else if (!is_h(c))
		o->padding = CONV2D_SAME_LARGER;
	else
		o->padding = flag(c, "use_torch_padding", true) ? CONV2D_SAME : CONV2D_SAME_TF;
}

static bool build_conv2d(golden_case *c)
{
	conv2d_no_bias k;
	int size[2], strides[2];
	golden_pair(c, "kernel_size", 1, size);
	golden_pair(c, "strides", 1, strides);
	conv2d_options o = {
		.filters = whole(c, "filters", 0), .kh = size[0], .kw = size[1], .sh = strides[0], .sw = strides[1],
		.use_bias = flag(c, "use_bias", false), .groups = whole(c, "groups", 1), .depthwise_parity = !is_h(c),
		.torch_init = is_h(c),
	};
	conv2d_padding(c, &o);
	conv2d_no_bias_init(c->m, &k, "p_", channels(c), o);
	return golden_bind(c, c->m, 0) && golden_give(c, conv2d_no_bias_apply(c->g, &k, c->x[0], c->mode));
}

static bool build_se(golden_case *c)
{
	se_module s;
	char hidden[64];
	golden_text(c, "activation", "relu", hidden, sizeof hidden);
	char *out = strchr(hidden, ',');
	if (out)
		*out++ = '\0';
	se_options o = {
		.se_ratio = golden_number(c, "se_ratio", 0.25), .divisor = whole(c, "divisor", 0),
		.limit_round_down = golden_number(c, "limit_round_down", 0.9), .activation = hidden,
		.activation_out = out, .no_bias = !flag(c, "use_bias", true), .dense = !flag(c, "use_conv", true),
		.glorot = is_h(c),
	};
	se_module_init(c->m, &s, "p", channels(c), o);
	return golden_bind(c, c->m, 0) && golden_give(c, se_module_apply(c->g, &s, c->x[0], c->mode));
}

static bool build_kecam_layer_norm(golden_case *c)
{
	layer_norm l;
	ln_options o = {
		.eps = golden_number(c, "epsilon", is_h(c) ? 1e-5 : 1e-6), .no_center = !flag(c, "center", true),
		.zero_gamma = flag(c, "zero_gamma", false), .axes = axes_of(c),
	};
	layer_norm_init(c->m, &l, "p_ln", c->x[0]->s, o);
	return golden_bind(c, c->m, 0) && golden_give(c, layer_norm_apply(c->g, &l, c->x[0]));
}

/* ---- coat ---- */

static bool build_conv_position(golden_case *c)
{
	conv_positional_encoding p;
	conv_positional_options o = {
		.kernel_size = whole(c, "kernel_size", 3), .input_height = whole(c, "input_height", 0),
	};
	conv_positional_encoding_init(c->m, &p, "p", channels(c), o);
	return golden_bind(c, c->m, 0) &&
	       golden_give(c, conv_positional_encoding_apply(c->g, &p, c->x[0], c->mode));
}

static bool build_conv_relative(golden_case *c)
{
	conv_relative_positional_encoding p;
	conv_relative_options o = {.input_height = whole(c, "input_height", 0)};
	double heads[CONV_RELATIVE_SPLITS], sizes[CONV_RELATIVE_SPLITS];
	o.splits = golden_list(c, "head_splits", heads, CONV_RELATIVE_SPLITS);
	if (c->nx != 2 || o.splits < 1 ||
	    golden_list(c, "head_kernel_size", sizes, CONV_RELATIVE_SPLITS) != o.splits)
		return fault_set(c->e, "%s: query, value, splits and as many kernels are expected", c->group);
	for (int i = 0; i < o.splits; i++) {
		o.head_splits[i] = (int)heads[i];
		o.head_kernel_size[i] = (int)sizes[i];
	}
	conv_relative_positional_encoding_init(c->m, &p, "p", c->x[0]->s.dim[1], channels(c), o);
	return golden_bind(c, c->m, 0) &&
	       golden_give(c, conv_relative_positional_encoding_apply(c->g, &p, c->x[0], c->x[1], c->mode));
}

/* ---- volo ---- */

static outlook_options outlook_arguments(const golden_case *c)
{
	return (outlook_options){
		.embed_dim = whole(c, "embed_dim", 0), .num_heads = whole(c, is_h(c) ? "num_heads" : "num_head", 0),
		.kernel_size = whole(c, "kernel_size", 3), .strides = whole(c, "strides", 2),
		.no_padding = !is_h(c) && whole(c, "padding", 1) != 1,
		.attn_dropout = golden_number(c, "attn_dropout", 0),
		.output_dropout = golden_number(c, "output_dropout", 0), .refuse_gaps = is_h(c),
	};
}

/* H gives its weights a as a second output. */
static bool give_outlook(golden_case *c, const outlook *o)
{
	node *scores;
	golden_give(c, outlook_attention_apply(c->g, o, c->x[0], c->mode, &scores));
	return !is_h(c) || golden_give(c, scores);
}

static bool build_outlook(golden_case *c)
{
	outlook o;
	outlook_options p = outlook_arguments(c);
	p.fold_kernel = is_h(c);
	outlook_attention_init(c->m, &o, "p", channels(c), p);
	if (o.fold)
		c->w[3].trainable = false;           /* frozen, though the file has its gradient */
	if (!golden_bind(c, c->m, 0))
		return false;
	return give_outlook(c, &o);
}

static bool build_outlook_simple(golden_case *c)
{
	outlook o;
	outlook_attention_simple_init(c->m, &o, "p", channels(c), outlook_arguments(c));
	return golden_bind(c, c->m, 0) && give_outlook(c, &o);
}

static bool build_bias_layer(golden_case *c)
{
	bias_layer b;
	bias_layer_init(c->m, &b, "b", c->x[0]->s, axes_of(c), (init){0});
	return golden_bind(c, c->m, 0) && golden_give(c, bias_layer_apply(c->g, &b, c->x[0]));
}

static bool build_positional_embedding(golden_case *c)
{
	positional_embedding p;
	positional_embedding_init(c->m, &p, "p", c->x[0]->s, whole(c, "input_height", 0));
	return golden_bind(c, c->m, 0) && golden_give(c, positional_embedding_apply(c->g, &p, c->x[0]));
}

static bool build_class_token(golden_case *c)
{
	class_token t;
	class_token_options o = {.num_tokens = whole(c, "num_tokens", 1), .is_at_end = flag(c, "is_at_end", false)};
	class_token_init(c->m, &t, "t", channels(c), o);
	return golden_bind(c, c->m, 0) && golden_give(c, class_token_apply(c->g, &t, c->x[0]));
}

static bool build_channel_affine(golden_case *c)
{
	channel_affine a;
	affine_options o = {
		.no_bias = !flag(c, "use_bias", true), .axes = axes_of(c),
		.weight_init = {INIT_CONSTANT, golden_number(c, "weight_init_value", 1)},
	};
	channel_affine_init(c->m, &a, "a", c->x[0]->s, o);
	return golden_bind(c, c->m, 0) && golden_give(c, channel_affine_apply(c->g, &a, c->x[0]));
}

/* ---- mlp ---- */

static bool build_mlp(golden_case *c)
{
	mlp_block b;
	char act[32];
	golden_text(c, "activation", "gelu", act, sizeof act);
	mlp_options o = {
		.hidden_dim = whole(c, "hidden_dim", 0), .output_channel = whole(c, "output_channel", 0),
		.drop_rate = golden_number(c, "drop_rate", 0), .use_conv = flag(c, "use_conv", false),
		.no_bias = !flag(c, "use_bias", true), .activation = act,
	};
	mlp_block_init(c->m, &b, "p", channels(c), o);
	return golden_bind(c, c->m, 0) && golden_give(c, mlp_block_apply(c->g, &b, c->x[0], c->mode));
}

static bool build_mixer(golden_case *c)
{
	mixer_block b;
	char act[32];
	golden_text(c, "activation", "gelu", act, sizeof act);
	mixer_options o = {
		.tokens_mlp_dim = whole(c, "tokens_mlp_dim", 0), .channels_mlp_dim = whole(c, "channels_mlp_dim", 0),
		.drop_rate = golden_number(c, "drop_rate", 0), .no_bias = !flag(c, "use_bias", true), .activation = act,
	};
	mixer_block_init(c->m, &b, "p", c->x[0]->s.dim[1], channels(c), o);
	return golden_bind(c, c->m, 0) && golden_give(c, mixer_block_apply(c->g, &b, c->x[0], c->mode));
}

static bool build_spatial_gating(golden_case *c)
{
	spatial_gating_block b;
	spatial_gating_block_init(c->m, &b, "p", c->x[0]->s.dim[1], channels(c), (sn_options){0});
	return golden_bind(c, c->m, 0) && golden_give(c, spatial_gating_block_apply(c->g, &b, c->x[0], c->mode));
}

/* ---- the table: figures of the original per state ---- */

#define D "07209e2"
#define H "687943d"

const golden_layer golden_blocks[] = {
	{"anti_alias_downsample", D, build_anti_alias, NULL, {1e-7, 1e-7, 1e-7, 0}, 0},
	{"batchnorm_with_activation", D, build_bn_act, NULL, {2e-7, 2e-7, 4e-7, 1e-7}, 0},
	{"batchnorm_with_activation", H, build_bn_act, NULL, {2e-7, 2e-7, 3e-7, 7e-8}, 0},
	{"conv2d_no_bias", D, build_conv2d, NULL, {4e-7, 2e-7, 2e-7, 0}, 0},
	{"conv2d_no_bias", H, build_conv2d, NULL, {2e-7, 1e-7, 2e-7, 0}, 0},
	{"se_module", D, build_se, NULL, {9e-8, 1e-7, 2e-6, 0}, 0},
	{"se_module", H, build_se, NULL, {1e-7, 9e-8, 3e-7, 0}, 0},
	{"layer_norm", D, build_kecam_layer_norm, NULL, {1e-7, 2e-7, 1e-7, 0}, 0},
	{"layer_norm", H, build_kecam_layer_norm, NULL, {2e-7, 2e-7, 3e-7, 0}, 0},
	{"ConvPositionalEncoding", D, build_conv_position, NULL, {1e-7, 6e-8, 1e-7, 0}, 0},
	{"ConvPositionalEncoding", H, build_conv_position, NULL, {4e-8, 6e-8, 1e-7, 0}, 0},
	{"ConvRelativePositionalEncoding", D, build_conv_relative, NULL, {7e-8, 2e-7, 3e-7, 0}, 0},
	{"ConvRelativePositionalEncoding", H, build_conv_relative, NULL, {6e-8, 6e-8, 2e-7, 0}, 0},
	{"outlook_attention", D, build_outlook, NULL, {2e-7, 2e-7, 5e-7, 0}, 0},
	{"outlook_attention", H, build_outlook, NULL, {2e-7, 2e-7, 4e-7, 0}, 0},
	{"outlook_attention_simple", D, build_outlook_simple, NULL, {1e-7, 2e-7, 5e-7, 0}, 0},
	{"outlook_attention_simple", H, build_outlook_simple, NULL, {2e-7, 2e-7, 2e-7, 0}, 0},
	{"BiasLayer", D, build_bias_layer, NULL, {3e-8, 0, 1e-7, 0}, 0},
	{"BiasLayer", H, build_bias_layer, NULL, {4e-8, 0, 1e-7, 0}, 0},
	{"PositionalEmbedding", D, build_positional_embedding, NULL, {5e-8, 0, 6e-8, 0}, 0},
	{"PositionalEmbedding", H, build_positional_embedding, NULL, {4e-8, 0, 4e-8, 0}, 0},
	{"ClassToken", D, build_class_token, NULL, {0, 0, 6e-8, 0}, 0},
	{"ClassToken", H, build_class_token, NULL, {0, 0, 6e-8, 0}, 0},
	{"ChannelAffine", D, build_channel_affine, NULL, {4e-8, 5e-8, 1e-7, 0}, 0},
	{"ChannelAffine", H, build_channel_affine, NULL, {5e-8, 4e-8, 7e-8, 0}, 0},
	{"mlp_block", D, build_mlp, NULL, {9e-8, 9e-8, 2e-7, 0}, 0},
	{"mlp_block", H, build_mlp, NULL, {9e-8, 1e-7, 1e-7, 0}, 0},
	{"mixer_block", D, build_mixer, NULL, {1e-7, 2e-7, 4e-7, 0}, 0},
	{"mlp_mixer_block", H, build_mixer, NULL, {9e-8, 1e-7, 3e-7, 0}, 0},
	{"spatial_gating_block", D, build_spatial_gating, NULL, {2e-7, 4e-7, 3e-7, 0}, 0},
	{0}
};
