/* mlp.c - products over the last axis, and over the token axis by exchanging it with the last. */
#include "layers/mlp.h"

#include "core/graph/ops.h"
#include "layers/dropout.h"

/* ---- mlp_block ---- */

static void product_init(module *m, mlp_block *b, int i, int64_t in, int64_t out)
{
	static const char *const name[2][2] = {{"Dense_0", "Dense_1"}, {"Conv_0", "Conv_1"}};
	const mlp_options *o = &b->opt;
	shape kernel = o->use_conv ? SHAPE(1, 1, in, out) : SHAPE(in, out);
	module_push(m, name[o->use_conv][i]);
	b->kernel[i] = module_param(m, "kernel", kernel, (init){.kind = INIT_GLOROT_UNIFORM});
	if (!o->no_bias)
		b->bias[i] = module_param(m, "bias", SHAPE(out), (init){.kind = INIT_ZEROS});
	spectral_norm_init(m, &b->sn[i], o->sn, kernel, false);
	module_pop(m);
}

void mlp_block_init(module *m, mlp_block *b, const char *name, int64_t C, mlp_options opt)
{
	*b = (mlp_block){.opt = opt};
	int64_t out = opt.output_channel > 0 ? opt.output_channel : C;
	module_name(m, b->name, sizeof b->name, name);
	if (*name)
		module_push(m, name);
	if (opt.hidden_dim < 1)
		module_fail(m, "mlp_block: hidden_dim = %lld: must be at least 1", (long long)opt.hidden_dim);
	product_init(m, b, 0, C, opt.hidden_dim);
	activation_init(m, &b->act, "activation", opt.activation ? opt.activation : "gelu", opt.hidden_dim);
	product_init(m, b, 1, opt.hidden_dim, out);
	if (*name)
		module_pop(m);
}

static node *product(graph *g, const mlp_block *b, int i, node *x, mode m)
{
	node *w = spectral_norm_apply(g, &b->sn[i], graph_leaf(g, b->kernel[i]), m);
	int rank = w->s.rank;
	node *y = op_dense(g, x, op_reshape(g, w, SHAPE(w->s.dim[rank - 2], w->s.dim[rank - 1])));
	return b->bias[i] ? op_add(g, y, graph_leaf(g, b->bias[i])) : y;
}

node *mlp_block_apply(graph *g, const mlp_block *b, node *x, mode m)
{
	if (b->opt.use_conv && x->s.rank != 4)
		return graph_fail(g, "mlp_block: input %s is no image [B,H,W,C], which use_conv wants",
			shape_print(&x->s).s);
	if (*b->name)
		graph_push(g, b->name);
	node *hidden = activation_apply(g, &b->act, product(g, b, 0, x, m));
	node *few = drop_out(g, hidden, b->opt.drop_rate, hidden->s, m, "mlp_block: drop_rate");
	node *y = product(g, b, 1, few, m);
	y = drop_out(g, y, b->opt.drop_rate, y->s, m, "mlp_block: drop_rate");
	if (*b->name)
		graph_pop(g);
	return y;
}

/* ---- mixer_block ---- */

void mixer_block_init(module *m, mixer_block *b, const char *name, int64_t N, int64_t C, mixer_options opt)
{
	*b = (mixer_block){.N = N, .C = C, .drop_rate = opt.drop_rate};
	mlp_options token = {
		.hidden_dim = opt.tokens_mlp_dim, .no_bias = opt.no_bias, .activation = opt.activation, .sn = opt.sn,
	};
	mlp_options channel = token;
	channel.hidden_dim = opt.channels_mlp_dim;
	ln_options norm = {.eps = 1e-5};
	module_name(m, b->name, sizeof b->name, name);
	module_push(m, name);
	layer_norm_init(m, &b->norm[0], "LayerNorm_0", SHAPE(1, N, C), norm);
	mlp_block_init(m, &b->token, "token_mixing", N, token);
	layer_norm_init(m, &b->norm[1], "LayerNorm_1", SHAPE(1, N, C), norm);
	mlp_block_init(m, &b->channel, "channel_mixing", C, channel);
	module_pop(m);
}

/* x + branch, the branch of a sample dropped as a whole in training. */
static node *add_branch(graph *g, const mixer_block *b, node *x, node *branch, mode m)
{
	return op_add(g, x, drop_out(g, branch, b->drop_rate, SHAPE(x->s.dim[0], 1, 1), m, "mixer_block: drop_rate"));
}

/* False with the graph's error set unless x is [B,N,C] as built. */
static bool is_as_built(graph *g, const char *layer, const node *x, int64_t N, int64_t C)
{
	if (x->s.rank == 3 && x->s.dim[1] == N && x->s.dim[2] == C)
		return true;
	graph_fail(g, "%s: built for [B,%lld,%lld], given %s", layer, (long long)N, (long long)C,
		shape_print(&x->s).s);
	return false;
}

node *mixer_block_apply(graph *g, const mixer_block *b, node *x, mode m)
{
	if (!is_as_built(g, "mixer_block", x, b->N, b->C))
		return x;
	graph_push(g, b->name);
	node *mixed = mlp_block_apply(g, &b->token, op_transpose(g, layer_norm_apply(g, &b->norm[0], x)), m);
	node *t = add_branch(g, b, x, op_transpose(g, mixed), m);
	node *y = add_branch(g, b, t, mlp_block_apply(g, &b->channel, layer_norm_apply(g, &b->norm[1], t), m), m);
	graph_pop(g);
	return y;
}

/* ---- spatial_gating_block ---- */

void spatial_gating_block_init(module *m, spatial_gating_block *b, const char *name, int64_t N, int64_t C,
			       sn_options sn)
{
	*b = (spatial_gating_block){.N = N, .C = C};
	module_name(m, b->name, sizeof b->name, name);
	module_push(m, name);
	if (C % 2)
		module_fail(m, "spatial_gating_block: %lld channels cannot be halved", (long long)C);
	layer_norm_init(m, &b->norm, "vv_ln", SHAPE(1, N, C / 2), (ln_options){.eps = 1e-5});
	dense_init(m, &b->gate, "vv_dense", N, (dense_options){
		.units = N, .bias = true, .kernel_init = {INIT_TRUNCATED, 1e-6},
		.bias_init = {.kind = INIT_ONES}, .sn = sn});
	module_pop(m);
}

node *spatial_gating_block_apply(graph *g, const spatial_gating_block *b, node *x, mode m)
{
	if (!is_as_built(g, "spatial_gating_block", x, b->N, b->C))
		return x;
	graph_push(g, b->name);
	node *u = op_slice_axis(g, x, 2, 0, b->C / 2);
	node *v = layer_norm_apply(g, &b->norm, op_slice_axis(g, x, 2, b->C / 2, b->C));
	node *gate = op_transpose(g, dense_apply(g, &b->gate, op_transpose(g, v), m));
	node *y = op_mul(g, u, gate);
	graph_pop(g);
	return y;
}
