/* halo.c - blocked local self-attention with position tables. */
#include "layers/halo.h"

#include <math.h>

#include "layers/se.h"

const halo_options halo_layer_defaults = {
	.form = HALO_LAYER, .num_heads = 4, .key_dim = 128, .block_size = 2, .halo_size = 1, .strides = 1,
	.default_width = HALO_WIDTH_EMB_DIM, .out_weight = true,
};
const halo_options halo_function_defaults = {
	.form = HALO_FUNCTION, .num_heads = 8, .key_dim = 0, .block_size = 4, .halo_size = 1, .strides = 1,
	.out_weight = true,
};

/* ---- arguments ---- */

/* A whole number in HALO_LAYER, see halo_options in HALO_FUNCTION. */
static int64_t key_width(const halo_options *o, int64_t C)
{
	if (o->form == HALO_LAYER || o->key_dim > 1)
		return (int64_t)o->key_dim;
	if (o->key_dim > 0)
		return make_divisible((double)C * o->key_dim, 8, 0.9) / o->num_heads;
	return C / o->num_heads;
}

static bool sizes_fit(module *m, const halo_options *o)
{
	const int least = o->form == HALO_LAYER ? 2 : 1;     /* the class fails for single pixels */
	if (o->block_size < least)
		module_fail(m, "halo_attention: block_size = %d: must be at least %d", o->block_size, least);
	else if (o->halo_size < 0)
		module_fail(m, "halo_attention: halo_size = %d: must be at least 0", o->halo_size);
	else if (o->strides < 1)
		module_fail(m, "halo_attention: strides = %d: must be at least 1", o->strides);
	else if (o->form == HALO_LAYER && o->block_size % o->strides)
		module_fail(m, "halo_attention: strides = %d: must divide block_size %d; %s fit", o->strides,
			o->block_size, divisors_print(o->block_size, 1).s);
	else
		return true;
	return false;
}

static bool widths_fit(module *m, const halo *a)
{
	const halo_options *o = &a->opt;
	const bool is_share = o->form == HALO_FUNCTION && o->key_dim <= 1;
	if (!is_share && o->key_dim != floor(o->key_dim))
		module_fail(m, "halo_attention: key_dim = %g: must be a whole number%s", o->key_dim,
			o->form == HALO_FUNCTION ? ", or a share of the channels up to 1" : "");
	else if (a->d < 1 || o->key_dim < 0)
		module_fail(m, "halo_attention: key_dim = %g with %d heads on %lld channels: key width must be "
			"at least 1", o->key_dim, o->num_heads, (long long)a->C);
	else if (o->form == HALO_FUNCTION && a->O % o->num_heads)
		module_fail(m, "halo_attention: output width %lld is not a multiple of %d heads; %s heads fit",
			(long long)a->O, o->num_heads, divisors_print(a->O, 1).s);
	else if (o->form == HALO_LAYER && !o->out_weight && a->O != o->num_heads * a->d)
		module_fail(m, "halo_attention: without the output weight the width stays %lld, but %lld is "
			"asked for", (long long)(o->num_heads * a->d), (long long)a->O);
	else
		return true;
	return false;
}

/* All sizes of the layer; false when the arguments do not fit. */
static bool measure(module *m, halo *a)
{
	const halo_options *o = &a->opt;
	if (!heads_check(m, "halo_attention", o->num_heads, o->out_shape, o->attn_dropout) || !sizes_fit(m, o))
		return false;
	const bool layer = o->form == HALO_LAYER, own = layer && o->default_width == HALO_WIDTH_EMB_DIM;
	const bool given = o->out_shape && (o->out_weight || !layer);
	a->pooled = o->block_size % o->strides != 0;
	a->block = o->block_size;
	a->window = o->block_size + 2 * (int64_t)o->halo_size;
	a->queries = a->pooled ? a->block : a->block / o->strides;
	a->d = key_width(o, a->C);
	a->O = given ? o->out_shape : own ? o->num_heads * a->d : a->C;
	a->dv = layer ? a->d : a->O / o->num_heads;
	return widths_fit(m, a);
}

/* ---- registration ---- */

static void add_positions(module *m, halo *a, const char *name, bool width_first)
{
	position_options p = {
		.position_height = a->window, .position_width = a->window, .width_first = width_first,
	};
	positions_init(m, &a->pos, name, a->queries, a->queries, a->d, p);
}

static void add_layer(module *m, halo *a)
{
	const halo_options *o = &a->opt;
	const int64_t E = o->num_heads * a->d;
	projection_init(m, &a->query, "query", a->C, E, o->sn);
	projection_init(m, &a->key_value, "key_value", a->C, 2 * E, o->sn);
	if (o->out_weight)
		projection_init(m, &a->output_weight, "output_weight", E, a->O, o->sn);
	if (o->out_bias)
		a->output_bias = module_param(m, "output_bias", SHAPE(a->O), (init){.kind = INIT_ZEROS});
	add_positions(m, a, "", true);
}

static void add_function(module *m, halo *a)
{
	const halo_options *o = &a->opt;
	const int E = (int)(o->num_heads * a->d);
	conv_options c = {
		.filters = E, .kh = 1, .padding = PAD_VALID, .kernel_init = {INIT_TORCH_UNIFORM, 0}, .sn = o->sn,
	};
	conv_init(m, &a->query_conv, "query_conv", a->C, c);
	c.filters = E + (int)a->O;
	conv_init(m, &a->key_value_conv, "key_value_conv", a->C, c);
	add_positions(m, a, "pos_emb", false);
	if (o->out_weight)
		dense_init(m, &a->output, "output", a->O, (dense_options){
			.units = a->O, .bias = o->out_bias, .kernel_init = {INIT_GLOROT_UNIFORM, 0},
			.sn = o->sn,
		});
}

void halo_init(module *m, halo *a, const char *name, int64_t C, halo_options opt)
{
	*a = (halo){.opt = opt, .C = C};
	module_name(m, a->name, sizeof a->name, name);
	module_push(m, name);
	if (measure(m, a))
		(opt.form == HALO_LAYER ? add_layer : add_function)(m, a);
	module_pop(m);
}

/* ---- application ---- */

/* x [B,H,W,C] -> x[::s, ::s]; s divides H and W. */
static node *every(graph *g, node *x, int64_t s)
{
	const int64_t B = x->s.dim[0], H = x->s.dim[1] / s, W = x->s.dim[2] / s, C = x->s.dim[3];
	if (s == 1)
		return x;
	node *y = op_slice_axis(g, op_reshape(g, x, SHAPE(B, H, s, W, s, C)), 2, 0, 1);
	return op_reshape(g, op_slice_axis(g, y, 4, 0, 1), SHAPE(B, H, W, C));
}

/* How many samples, heads and blocks there are. */
typedef struct grid {
	int64_t B, n, rows, columns;
} grid;

/* Queries [B,H/s,W/s,n*d] -> [B*n*rows*columns, q,q,d]. */
static node *into_blocks(graph *g, const halo *a, grid k, node *x)
{
	const int64_t q = a->queries;
	node *y = op_reshape(g, x, SHAPE(k.B, k.rows, q, k.columns, q, k.n, a->d));
	y = op_permute(g, y, (int[]){0, 5, 1, 3, 2, 4, 6});
	return op_reshape(g, y, SHAPE(k.B * k.n * k.rows * k.columns, q, q, a->d));
}

/* Keys and values [B,H,W,n*(d+dv)] -> the window of each block [B*n*rows*columns, P*P, d+dv]. */
static node *into_windows(graph *g, const halo *a, grid k, node *x)
{
	const int P = (int)a->window, b = (int)a->block, h = a->opt.halo_size;
	node *y = op_patches(g, x, (window_geometry){P, P, b, b, h, h, h, h});
	y = op_reshape(g, y, SHAPE(k.B, k.rows, k.columns, P * P, k.n, a->d + a->dv));
	y = op_permute(g, y, (int[]){0, 4, 1, 2, 3, 5});
	return op_reshape(g, y, SHAPE(k.B * k.n * k.rows * k.columns, P * P, a->d + a->dv));
}

/* [B*n*rows*columns, q*q, dv] -> [B,H/s,W/s,n*dv]. */
static node *out_of_blocks(graph *g, const halo *a, grid k, node *x)
{
	const int64_t q = a->queries;
	node *y = op_reshape(g, x, SHAPE(k.B, k.n, k.rows, k.columns, q, q, a->dv));
	y = op_permute(g, y, (int[]){0, 2, 4, 3, 5, 1, 6});
	return op_reshape(g, y, SHAPE(k.B, k.rows * q, k.columns * q, k.n * a->dv));
}

static node *project_out(graph *g, const halo *a, node *y, mode m)
{
	if (a->pooled)
		y = op_avg_pool(g, y, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	if (a->opt.form == HALO_FUNCTION)
		return a->output.kernel ? dense_apply(g, &a->output, y, m) : y;
	if (a->output_weight.w)
		y = projection_apply(g, &a->output_weight, y, m);
	return a->output_bias ? op_add(g, y, graph_leaf(g, a->output_bias)) : y;
}

/* NULL when blocks tile the map. */
static node *misfit(graph *g, const halo *a, const shape *s)
{
	if (s->rank != 4 || s->dim[3] != a->C)
		return graph_fail(g, "halo_attention: built for [B,H,W,%lld], given %s", (long long)a->C,
			shape_print(s).s);
	const bool rows = s->dim[1] % a->block == 0, columns = s->dim[2] % a->block == 0;
	if (rows && columns)
		return NULL;
	return graph_fail(g, "halo_attention: map %lldx%lld: %s is not a multiple of block_size %lld; %s fit",
		(long long)s->dim[1], (long long)s->dim[2], rows ? "width" : "height", (long long)a->block,
		divisors_print(common_divisor(s->dim[1], s->dim[2]), 2).s);
}

static node *attend(graph *g, const halo *a, node *x, mode m, node **scores)
{
	node *wrong = misfit(g, a, &x->s);
	if (wrong)
		return wrong;
	const bool layer = a->opt.form == HALO_LAYER;
	const grid k = {x->s.dim[0], a->opt.num_heads, x->s.dim[1] / a->block, x->s.dim[2] / a->block};
	const double scale = 1 / sqrt((double)a->d);
	node *few = every(g, x, a->block / a->queries);
	node *q = layer ? projection_apply(g, &a->query, few, m) : conv_apply(g, &a->query_conv, few, m);
	node *kv = layer ? projection_apply(g, &a->key_value, x, m) : conv_apply(g, &a->key_value_conv, x, m);
	q = layer ? op_scale(g, q, scale) : q;       /* positions see the scaled query, or not */
	kv = into_windows(g, a, k, kv);
	node *key = op_slice_axis(g, kv, 2, 0, a->d), *value = op_slice_axis(g, kv, 2, a->d, a->d + a->dv);
	attend_options o = {.scale = layer ? 1 : scale, .dropout = a->opt.attn_dropout};
	node *y = heads_attend(g, &a->pos, into_blocks(g, a, k, q), key, value, o, m, scores);
	if (scores)
		*scores = op_reshape(g, *scores, SHAPE(k.B, k.n, k.rows, k.columns, a->queries * a->queries,
			a->window * a->window));
	return project_out(g, a, out_of_blocks(g, a, k, y), m);
}

node *halo_apply(graph *g, const halo *a, node *x, mode m, node **scores)
{
	graph_push(g, a->name);
	node *y = attend(g, a, x, m, scores);
	graph_pop(g);
	return y;
}
