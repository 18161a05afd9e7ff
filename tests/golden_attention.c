/* Attention layers of keras_cv_attention_models with heads, blocks, local filters and splits: builders for
 * their reference files. Names of weights are compared with the file's, too: lists of weights are exchanged
 * by them. */
#include "core/base/local.h"
#include "tests/golden.h"

#include "core/graph/ops.h"
#include "layers/cot.h"
#include "layers/halo.h"
#include "layers/mhsa.h"
#include "layers/positions.h"
#include "layers/split_attention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arguments ---- */

static int whole(const golden_case *c, const char *name, int fallback)
{
	return (int)golden_number(c, name, fallback);
}

static bool is_on(const golden_case *c, const char *name)
{
	return golden_number(c, name, 0) != 0;
}

/* State H (687943d), or D (07209e2). */
static bool is_late(const golden_case *c)
{
	char state[8];
	golden_text(c, "kecam_state", "D", state, sizeof state);
	return !strcmp(state, "H");
}

/* Memory that lives as long as the case, for layers and what they keep. */
static void *kept(golden_case *c, size_t size)
{
	c->kept = mem_zero(1, size, NULL);
	must(c->kept, "no memory");
	c->drop = free;
	return c->kept;
}

/* ---- weights ---- */

/* "03_p_key_bn.moving_mean" -> "key_bn/moving_mean"; a class's own weights come as "00_class.query". */
static void name_in_layer(const char *weight, bool is_class, char *out, size_t size)
{
	const char *from = strchr(weight, '_') + 1, *dot = strchr(from, '.');
	if (is_class && dot)
		from = dot + 1;
	else if (!strncmp(from, "p_", 2))
		from += 2;
	snprintf(out, size, "%s", from);
	for (char *s = out; *s; s++)
		*s = *s == '.' ? '/' : *s;
}

/* Binds by order and holds our names, which begin with "layer/", against the file's. */
static bool bind(golden_case *c, bool is_class)
{
	if (!golden_bind(c, c->m, 0))
		return false;
	for (int i = 0; i < c->nw; i++) {
		char name[128];
		const char *ours = strchr(c->w[i].buf->name, '/') + 1;
		name_in_layer(c->w[i].name, is_class, name, sizeof name);
		if (strcmp(ours, name))
			return fault_set(c->e, "%s: weight %s is called %s by us", c->group, c->w[i].name, ours);
	}
	return true;
}

/* The result, and what it was weighted with where the file has that. */
static bool give_both(golden_case *c, node *y, node *scores, bool has_scores)
{
	return golden_give(c, y) && (!has_scores || golden_give(c, scores));
}

/* ---- builders ---- */

static bool build_positions(golden_case *c)
{
	positions p;
	const shape q = c->x[0]->s;
	position_options o = {
		.position_height = whole(c, "position_height", 0), .position_width = whole(c, "position_width", 0),
		.use_absolute_pos = is_on(c, "use_absolute_pos"), .dynamic_shape = is_on(c, "dynamic_shape"),
	};
	positions_init(c->m, &p, "layer", q.dim[2], q.dim[3], q.dim[4], o);
	return bind(c, true) && golden_give(c, positions_apply(c->g, &p, c->x[0]));
}

static bool build_mhsa(golden_case *c)
{
	mhsa a;
	node *scores;
	const shape s = c->x[0]->s;
	mhsa_options o = is_late(c) ? mhsa_function_defaults : mhsa_layer_defaults;
	o.num_heads = whole(c, "num_heads", 4);
	o.key_dim = whole(c, "key_dim", 0);
	o.relative = is_on(c, "relative");
	o.out_shape = whole(c, "out_shape", 0);
	o.out_weight = is_on(c, "out_weight");
	o.out_bias = is_on(c, "out_bias");
	o.attn_dropout = golden_number(c, "attn_dropout", 0);
	mhsa_init(c->m, &a, "layer", s.dim[1], s.dim[2], s.dim[3], o);
	if (!bind(c, !is_late(c)))
		return false;
	node *y = mhsa_apply(c->g, &a, c->x[0], c->mode, &scores);
	return give_both(c, y, scores, is_late(c) || is_on(c, "return_attention_scores"));
}

static bool build_halo(golden_case *c)
{
	halo a;
	node *scores;
	halo_options o = is_late(c) ? halo_function_defaults : halo_layer_defaults;
	o.num_heads = whole(c, "num_heads", 4);
	o.key_dim = golden_number(c, "key_dim", 0);
	o.block_size = whole(c, "block_size", 2);
	o.halo_size = whole(c, "halo_size", 1);
	o.strides = whole(c, "strides", 1);
	o.out_shape = whole(c, "out_shape", 0);
	o.default_width = HALO_WIDTH_INPUT;          /* the files come from the code, not from its page */
	o.out_weight = is_on(c, "out_weight");
	o.out_bias = is_on(c, "out_bias");
	o.attn_dropout = golden_number(c, "attn_dropout", 0);
	halo_init(c->m, &a, "layer", shape_last(&c->x[0]->s), o);
	if (!bind(c, !is_late(c)))
		return false;
	node *y = halo_apply(c->g, &a, c->x[0], c->mode, &scores);
	return give_both(c, y, scores, is_late(c) || is_on(c, "return_attention_scores"));
}

/* The activation's name lives in the case. */
static const char *activation_of(golden_case *c)
{
	char *name = kept(c, 32);
	golden_text(c, "activation", "linear", name, 32);
	return name;
}

static bool build_cot(golden_case *c)
{
	cot a;
	node *scores;
	cot_options o = cot_defaults;
	o.kernel_size = whole(c, "kernel_size", 3);
	o.activation = activation_of(c);
	o.strides = whole(c, "strides", 1);
	o.downsample_first = golden_number(c, "downsample_first", 1) != 0;
	o.torch_init = is_late(c);
	cot_init(c->m, &a, "layer", shape_last(&c->x[0]->s), o);
	if (!bind(c, false))
		return false;
	node *y = cot_apply(c->g, &a, c->x[0], c->mode, &scores, NULL);
	return give_both(c, y, scores, is_late(c));
}

static bool build_rsoftmax(golden_case *c)
{
	return golden_give(c, rsoftmax(c->g, c->x[0], whole(c, "groups", 1), is_late(c)));
}

static bool build_split_attention(golden_case *c)
{
	split_attention a;
	split_attention_options o = split_attention_defaults;
	o.filters = whole(c, "filters", 0);
	o.kernel_size = whole(c, "kernel_size", 3);
	o.strides = whole(c, "strides", 1);
	o.groups = whole(c, "groups", 2);
	o.activation = activation_of(c);
	o.downsample = is_late(c) && !is_on(c, "downsample_first") ? SPLIT_STRIDE_POOL : SPLIT_STRIDE_CONV;
	o.torch_init = is_late(c);
	split_attention_init(c->m, &a, "layer", shape_last(&c->x[0]->s), o);
	return bind(c, false) && golden_give(c, split_attention_apply(c->g, &a, c->x[0], c->mode));
}

/* ---- the table ---- */

#define D "@07209e2"
#define H "@687943d"
/* Figures: output, gradient of inputs, of weights, updated states (README.md, "Tolerances"). */
const golden_layer golden_attention[] = {
	{"MHSAWithPositionEmbedding", D, build_mhsa, NULL, {3e-7, 3e-7, 1e-6, 0}, 0},
	{"RelativePositionalEmbedding", H, build_positions, NULL, {9e-8, 2e-7, 2e-7, 0}, 0},
	{"mhsa_with_relative_position_embedding", H, build_mhsa, NULL, {2e-7, 4e-7, 1e-6, 0}, 0},
	{"HaloAttention", D, build_halo, NULL, {3e-7, 4e-7, 5e-7, 0}, 0},
	{"halo_attention", H, build_halo, NULL, {3e-7, 2e-7, 9e-7, 0}, 0},
	{"cot_attention", D, build_cot, NULL, {1e-6, 1e-5, 2e-5, 1e-7}, 0},
	{"cot_attention", H, build_cot, NULL, {7e-7, 1e-5, 2e-5, 3e-7}, 0},
	{"rsoftmax", D, build_rsoftmax, NULL, {8e-8, 1e-7, 0, 0}, 0},
	{"rsoftmax", H, build_rsoftmax, NULL, {1e-7, 1e-7, 0, 0}, 0},
	{"split_attention_conv2d", D, build_split_attention, NULL, {5e-7, 6e-7, 5e-6, 9e-8}, 0},
	{"split_attention_conv2d", H, build_split_attention, NULL, {3e-7, 1e-6, 2e-5, 9e-8}, 0},
	{0}
};
