/* norm.c - normalisation layers as compositions of a few full-size operations.
 *
 * gain and 1/deviation are multiplied while they are small, so that the big tensor sees one
 * subtraction, one product and one sum. */
#include "layers/norm.h"

#include "core/base/local.h"
#include "core/graph/ops.h"

/* ---- batch norm ---- */

void batch_norm_init(module *m, batch_norm *b, const char *name, int64_t C, bn_options opt)
{
	*b = (batch_norm){.opt = opt};
	must(opt.keep >= 0 && opt.keep < 1 && opt.eps > 0, "batch norm %s: keep = %g, eps = %g", name, opt.keep,
		opt.eps);
	module_name(m, b->name, sizeof b->name, name);
	module_push(m, name);
	if (!opt.no_scale)
		b->gamma = module_param(m, "gamma", SHAPE(C), (init){.kind = opt.zero_gamma ? INIT_ZEROS : INIT_ONES});
	if (!opt.no_center)
		b->beta = module_param(m, "beta", SHAPE(C), (init){.kind = INIT_ZEROS});
	b->moving_mean = module_state(m, "moving_mean", SHAPE(C), (init){.kind = INIT_ZEROS},
		(state_role){STATE_MOVING_MEAN, b->opt.keep});
	b->moving_variance = module_state(m, "moving_variance", SHAPE(C), (init){.kind = INIT_ONES},
		(state_role){STATE_MOVING_VARIANCE, b->opt.keep});
	module_pop(m);
}

/* b becomes keep*b + (1-keep)*x, x of as many elements. */
static void move_running(graph *g, buffer *b, node *x, double keep)
{
	node *old = op_scale(g, graph_current(g, b), keep);
	graph_assign(g, b, op_add(g, old, op_scale(g, op_reshape(g, x, b->s), 1 - keep)));
}

/* (x - mean) * (gain / sqrt(var + eps)) + bias; mean, var [1,..,1,C]; gain, bias [C] or [B,1,..,C],
 * or NULL. */
static node *normalise(graph *g, node *x, const batch_norm *b, node *gain, node *bias, bool use_bessel, mode m)
{
	if (x->s.rank < 2)
		return graph_fail(g, "batch norm: input %s needs a batch axis and channels", shape_print(&x->s).s);
	shape channels = {.rank = x->s.rank, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	channels.dim[x->s.rank - 1] = shape_last(&x->s);
	double n = (double)(shape_count(&x->s) / shape_last(&x->s)) * graph_slices(g);
	node *mean, *var, *centred;
	if (m.train) {
		op_batch_moments(g, x, (1u << (x->s.rank - 1)) - 1, &mean, &var);
		centred = op_sub(g, x, mean);
	} else {
		mean = op_reshape(g, graph_leaf(g, b->moving_mean), channels);
		centred = op_sub(g, x, mean);
		var = op_reshape(g, graph_leaf(g, b->moving_variance), channels);
	}
	if (m.train && m.update) {
		/* Bessel's factor is in the running variance only: PyTorch, Keras on images. */
		double bessel = !use_bessel || n < 2 ? 1 : n / (n - 1);
		move_running(g, b->moving_mean, mean, b->opt.keep);
		move_running(g, b->moving_variance, op_scale(g, var, bessel), b->opt.keep);
	}
	node *factor = op_rsqrt(g, op_add_scalar(g, var, b->opt.eps));
	node *y = op_mul(g, centred, gain ? op_mul(g, factor, gain) : factor);
	return bias ? op_add(g, y, bias) : y;
}

node *batch_norm_apply(graph *g, const batch_norm *b, node *x, mode m)
{
	return batch_norm_apply_as(g, b, x, !b->opt.no_bessel, m);
}

node *batch_norm_apply_as(graph *g, const batch_norm *b, node *x, bool bessel, mode m)
{
	graph_push(g, b->name);
	node *gain = b->gamma ? graph_leaf(g, b->gamma) : NULL;
	node *bias = b->beta ? graph_leaf(g, b->beta) : NULL;
	node *y = normalise(g, x, b, gain, bias, bessel, m);
	graph_called(g, "batch_norm", b, x, NULL, y);
	graph_pop(g);
	return y;
}

/* ---- conditional batch norm ---- */

const char *const cond_form_name[] = {[COND_TABLE] = "table", [COND_ONE_PLUS] = "one_plus", NULL};

void cond_norm_init(module *m, cond_norm *c, const char *name, int64_t C, int64_t K, bn_options opt,
		    enum cond_form form, init table_init, sn_options sn)
{
	*c = (cond_norm){.K = K, .form = form};
	opt.no_scale = opt.no_center = K > 0;
	batch_norm_init(m, &c->bn, name, C, opt);
	if (K == 0)
		return;
	init ones = {.kind = INIT_ONES}, zeros = {.kind = INIT_ZEROS};
	module_push(m, name);
	embedding_init(m, &c->gain, "gain", K, C, form == COND_TABLE ? ones : table_init, sn);
	embedding_init(m, &c->bias, "bias", K, C, form == COND_TABLE ? zeros : table_init, sn);
	module_pop(m);
}

void cond_norm_init_vector(module *m, cond_norm *c, const char *name, int64_t C, int64_t width, bn_options opt,
			   init kernel_init, sn_options sn)
{
	const dense_options o = {.units = C, .kernel_init = kernel_init, .sn = sn};
	*c = (cond_norm){.width = width};
	opt.no_scale = opt.no_center = true;
	batch_norm_init(m, &c->bn, name, C, opt);
	module_push(m, name);
	dense_init(m, &c->gain_of, "gain", width, o);
	dense_init(m, &c->bias_of, "bias", width, o);
	module_pop(m);
}

/* [B,C] -> [B,1,..,1,C], of the rank of x. */
static node *per_sample(graph *g, node *rows, const node *x)
{
	shape s = {.rank = x->s.rank, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	s.dim[0] = rows->s.dim[0];
	s.dim[x->s.rank - 1] = shape_last(&rows->s);
	return op_reshape(g, rows, s);
}

/* Layers of their own, as every Keras has them. */
static node *modulate(graph *g, const cond_norm *c, node *x, node *v, mode m)
{
	node *y = batch_norm_apply(g, &c->bn, x, m);
	graph_push(g, c->bn.name);
	node *gain = op_add_scalar(g, dense_apply(g, &c->gain_of, v, m), 1);
	node *bias = dense_apply(g, &c->bias_of, v, m);
	y = op_add(g, op_mul(g, y, per_sample(g, gain, x)), per_sample(g, bias, x));
	graph_pop(g);
	return y;
}

node *cond_norm_apply(graph *g, const cond_norm *c, node *x, node *with, mode m)
{
	if (c->K == 0 && c->width == 0)
		return batch_norm_apply(g, &c->bn, x, m);
	if (!with)
		return graph_fail(g, "%s: conditional batch norm needs %s", c->bn.name,
				  c->width ? "vectors" : "labels");
	if (c->width)
		return modulate(g, c, x, with, m);
	graph_push(g, c->bn.name);
	node *gain = embedding_apply(g, &c->gain, with, m);
	if (c->form == COND_ONE_PLUS)
		gain = op_add_scalar(g, gain, 1);
	node *bias = embedding_apply(g, &c->bias, with, m);
	bool bessel = !c->bn.opt.no_bessel;
	node *y = normalise(g, x, &c->bn, per_sample(g, gain, x), per_sample(g, bias, x), bessel, m);
	graph_called(g, "cond_norm", c, x, with, y);
	graph_pop(g);
	return y;
}

/* ---- layer norm ---- */

static unsigned ln_axes(const ln_options *o, int rank)
{
	return o->axes ? o->axes : 1u << (rank - 1);
}

/* Sizes of the chosen axes in place, 1 elsewhere. */
static shape kept_sizes(const shape *x, unsigned axes)
{
	shape s = *x;
	for (int i = 0; i < s.rank; i++)
		if (!(axes >> i & 1))
			s.dim[i] = 1;
	return s;
}

void layer_norm_init(module *m, layer_norm *l, const char *name, shape input, ln_options opt)
{
	*l = (layer_norm){.opt = opt};
	l->opt.eps = opt.eps != 0 ? opt.eps : 1e-6;
	module_name(m, l->name, sizeof l->name, name);
	shape s = {0};
	unsigned axes = ln_axes(&opt, input.rank);
	if (axes >> input.rank)
		module_fail(m, "%s: layer_norm: an axis beyond the %d of the input", name, input.rank);
	for (int i = 0; i < input.rank; i++)
		if (axes >> i & 1)
			s.dim[s.rank++] = input.dim[i];
	s = shape_of(s.rank, s.dim);
	module_push(m, name);
	if (!opt.no_scale)
		l->gamma = module_param(m, "gamma", s, (init){.kind = opt.zero_gamma ? INIT_ZEROS : INIT_ONES});
	if (!opt.no_center)
		l->beta = module_param(m, "beta", s, (init){.kind = INIT_ZEROS});
	module_pop(m);
}

/* (x - mean) / sqrt(var + eps), moments over the axes. */
static node *standardise(graph *g, node *x, unsigned axes, double eps)
{
	node *mean, *var;
	op_moments(g, x, axes, &mean, &var);
	return op_mul(g, op_sub(g, x, mean), op_rsqrt(g, op_add_scalar(g, var, eps)));
}

node *layer_norm_apply(graph *g, const layer_norm *l, node *x)
{
	graph_push(g, l->name);
	unsigned axes = ln_axes(&l->opt, x->s.rank);
	shape s = kept_sizes(&x->s, axes);
	node *y = standardise(g, x, axes, l->opt.eps);
	if (l->gamma)
		y = op_mul(g, y, op_reshape(g, graph_leaf(g, l->gamma), s));
	if (l->beta)
		y = op_add(g, y, op_reshape(g, graph_leaf(g, l->beta), s));
	graph_called(g, "layer_norm", l, x, NULL, y);
	graph_pop(g);
	return y;
}

/* ---- group norm ---- */

void group_norm_init(module *m, group_norm *n, const char *name, int64_t C, int64_t groups, double eps)
{
	*n = (group_norm){.groups = groups, .eps = eps};
	module_name(m, n->name, sizeof n->name, name);
	module_push(m, name);
	if (groups < 1 || C % groups)
		module_fail(m, "%lld channels, groups=%lld: not divisible", (long long)C, (long long)groups);
	n->gamma = module_param(m, "gamma", SHAPE(C), (init){.kind = INIT_ONES});
	n->beta = module_param(m, "beta", SHAPE(C), (init){.kind = INIT_ZEROS});
	module_pop(m);
}

/* Channels on their own first, so that the big tensor is walked along its rows: the variance of a group is the mean of
 * its channels' variances and of the squares of how far their means lie from that of the group. */
void group_moments(graph *g, node *x, int64_t groups, node **mean, node **var)
{
	const int64_t B = x->s.dim[0], C = x->s.dim[2];
	const shape grouped = SHAPE(B, groups, C / groups), channels = SHAPE(B, 1, C);
	node *m, *v;
	op_moments(g, x, 1u << 1, &m, &v);
	m = op_reshape(g, m, grouped);
	node *middle = op_mean(g, m, 1u << 2, true);
	v = op_add(g, op_reshape(g, v, grouped), op_square(g, op_sub(g, m, middle)));
	*mean = op_reshape(g, op_broadcast(g, middle, grouped), channels);
	*var = op_reshape(g, op_broadcast(g, op_mean(g, v, 1u << 2, true), grouped), channels);
}

node *group_norm_apply(graph *g, const group_norm *n, node *x)
{
	graph_push(g, n->name);
	const int64_t B = x->s.dim[0], C = shape_last(&x->s);
	node *flat = op_reshape(g, x, SHAPE(B, shape_count(&x->s) / (B * C), C));
	node *mean, *var;
	group_moments(g, flat, n->groups, &mean, &var);
	node *centred = op_sub(g, flat, mean);
	node *factor = op_mul(g, op_rsqrt(g, op_add_scalar(g, var, n->eps)), graph_leaf(g, n->gamma));
	node *y = op_add(g, op_mul(g, centred, factor), graph_leaf(g, n->beta));
	graph_pop(g);
	return op_reshape(g, y, x->s);
}
