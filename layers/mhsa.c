/* mhsa.c - self-attention over a whole map, several heads, learned positions. */
#include "layers/mhsa.h"

#include <math.h>

const mhsa_options mhsa_layer_defaults = {
	.form = MHSA_LAYER, .num_heads = 4, .key_dim = 128, .relative = true, .out_weight = true,
};
const mhsa_options mhsa_function_defaults = {
	.form = MHSA_FUNCTION, .num_heads = 4, .relative = true, .out_weight = true,
};

/* ---- registration ---- */

/* Widths of heads and output; false when the arguments do not fit. */
static bool measure(module *m, mhsa *a)
{
	const mhsa_options *o = &a->opt;
	const bool layer = o->form == MHSA_LAYER;
	if (!heads_check(m, "mhsa", o->num_heads, o->out_shape, o->attn_dropout))
		return false;
	const int64_t n = o->num_heads, own = layer ? n * o->key_dim : a->C;
	a->d = layer || o->key_dim ? o->key_dim : a->C / n;
	a->O = o->out_shape && o->out_weight ? o->out_shape : own;
	a->dv = layer ? a->d : a->O / n;
	if (!layer && o->key_dim == 0 && a->d == 0)
		module_fail(m, "mhsa: %lld channels on %d heads: key width is 0; give key_dim", (long long)a->C,
			o->num_heads);
	else if (a->d < 1)
		module_fail(m, "mhsa: key_dim = %lld: must be at least 1", (long long)o->key_dim);
	else if (!layer && a->O % n)
		module_fail(m, "mhsa: output width %lld is not a multiple of %d heads; %s heads fit",
			(long long)a->O, o->num_heads, divisors_print(a->O, 1).s);
	else
		return true;
	return false;
}

static void add_positions(module *m, mhsa *a, const char *name, bool width_first)
{
	position_options p = {.use_absolute_pos = !a->opt.relative, .width_first = width_first};
	positions_init(m, &a->pos, name, a->H, a->W, a->d, p);
}

static void add_layer(module *m, mhsa *a)
{
	const mhsa_options *o = &a->opt;
	const int64_t E = o->num_heads * a->d;
	projection_init(m, &a->query, "query", a->C, E, o->sn);
	projection_init(m, &a->key, "key", a->C, E, o->sn);
	projection_init(m, &a->value, "value", a->C, E, o->sn);
	if (o->out_weight)
		projection_init(m, &a->output_weight, "output_weight", E, a->O, o->sn);
	if (o->out_bias)
		a->output_bias = module_param(m, "output_bias", SHAPE(a->O), (init){.kind = INIT_ZEROS});
	add_positions(m, a, "", true);
}

static void add_function(module *m, mhsa *a)
{
	const mhsa_options *o = &a->opt;
	const init uniform = {INIT_TORCH_UNIFORM, 0}, glorot = {INIT_GLOROT_UNIFORM, 0};
	conv_init(m, &a->qkv, "qkv_conv", a->C, (conv_options){
		.filters = (int)(2 * o->num_heads * a->d + a->O), .kh = 1, .padding = PAD_VALID,
		.kernel_init = uniform, .sn = o->sn,
	});
	add_positions(m, a, "pos_emb", false);
	if (o->out_weight)
		dense_init(m, &a->output, "output", a->O, (dense_options){
			.units = a->O, .bias = o->out_bias, .kernel_init = glorot, .sn = o->sn,
		});
}

void mhsa_init(module *m, mhsa *a, const char *name, int64_t H, int64_t W, int64_t C, mhsa_options opt)
{
	*a = (mhsa){.opt = opt, .C = C, .H = H, .W = W};
	module_name(m, a->name, sizeof a->name, name);
	module_push(m, name);
	if (measure(m, a))
		(opt.form == MHSA_LAYER ? add_layer : add_function)(m, a);
	module_pop(m);
}

/* ---- application ---- */

/* [B,N,n*d] -> [B*n,N,d]. */
static node *split(graph *g, node *x, int64_t n)
{
	const int64_t B = x->s.dim[0], N = x->s.dim[1], d = x->s.dim[2] / n;
	node *y = op_permute(g, op_reshape(g, x, SHAPE(B, N, n, d)), (int[]){0, 2, 1, 3});
	return op_reshape(g, y, SHAPE(B * n, N, d));
}

/* [B*n,N,d] -> [B,H,W,n*d]. */
static node *join(graph *g, const mhsa *a, node *x, int64_t B)
{
	const int64_t n = a->opt.num_heads, N = a->H * a->W, d = shape_last(&x->s);
	node *y = op_permute(g, op_reshape(g, x, SHAPE(B, n, N, d)), (int[]){0, 2, 1, 3});
	return op_reshape(g, y, SHAPE(B, a->H, a->W, n * d));
}

/* Q, K, V as tokens [B,N,..]. */
static void project(graph *g, const mhsa *a, node *x, mode m, node *qkv[3])
{
	const shape tokens = SHAPE(x->s.dim[0], a->H * a->W, a->C);
	if (a->opt.form == MHSA_LAYER) {
		const projection *const p[3] = {&a->query, &a->key, &a->value};
		for (int i = 0; i < 3; i++)
			qkv[i] = projection_apply(g, p[i], op_reshape(g, x, tokens), m);
		return;
	}
	const int64_t E = a->opt.num_heads * a->d, cut[4] = {0, E, 2 * E, 2 * E + a->O};
	node *all = op_reshape(g, conv_apply(g, &a->qkv, x, m), SHAPE(tokens.dim[0], tokens.dim[1], cut[3]));
	for (int i = 0; i < 3; i++)
		qkv[i] = op_slice_axis(g, all, 2, cut[i], cut[i + 1]);
}

static node *project_out(graph *g, const mhsa *a, node *y, mode m)
{
	if (a->opt.form == MHSA_FUNCTION)
		return a->output.kernel ? dense_apply(g, &a->output, y, m) : y;
	if (a->output_weight.w)
		y = projection_apply(g, &a->output_weight, y, m);
	return a->output_bias ? op_add(g, y, graph_leaf(g, a->output_bias)) : y;
}

static node *attend(graph *g, const mhsa *a, node *x, mode m, node **scores)
{
	const shape *s = &x->s;
	if (s->rank != 4 || s->dim[1] != a->H || s->dim[2] != a->W || s->dim[3] != a->C)
		return graph_fail(g, "mhsa: built for [B,%lld,%lld,%lld], given %s", (long long)a->H,
			(long long)a->W, (long long)a->C, shape_print(s).s);
	const int64_t B = s->dim[0], n = a->opt.num_heads, N = a->H * a->W;
	const double scale = 1 / sqrt((double)a->d);
	const bool layer = a->opt.form == MHSA_LAYER;
	node *qkv[3];
	project(g, a, x, m, qkv);
	node *q = layer ? op_scale(g, qkv[0], scale) : qkv[0];       /* positions see it scaled, or not */
	q = op_reshape(g, split(g, q, n), SHAPE(B * n, a->H, a->W, a->d));
	attend_options o = {.scale = layer ? 1 : scale, .dropout = a->opt.attn_dropout};
	node *y = heads_attend(g, &a->pos, q, split(g, qkv[1], n), split(g, qkv[2], n), o, m, scores);
	if (scores)
		*scores = op_reshape(g, *scores, SHAPE(B, n, N, N));
	return project_out(g, a, join(g, a, y, B), m);
}

node *mhsa_apply(graph *g, const mhsa *a, node *x, mode m, node **scores)
{
	graph_push(g, a->name);
	node *y = attend(g, a, x, m, scores);
	graph_pop(g);
	return y;
}
