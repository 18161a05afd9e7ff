/* evo_norm.c - the four forms of EvoNorm from deviations over different axes. */
#include "layers/evo_norm.h"

#include <stdio.h>

#include "core/ops.h"

enum { OVER_BATCH = 1u << 0, OVER_MAP = 1u << 1 | 1u << 2 };

void evo_norm_init(module *m, evo_norm *n, const char *name, int64_t C, evo_options opt)
{
	*n = (evo_norm){.C = C, .opt = opt};
	n->opt.epsilon = opt.epsilon != 0 ? opt.epsilon : 1e-3;
	n->opt.momentum = opt.momentum != 0 ? opt.momentum : 0.99;
	while (n->opt.groups > 1 && C % n->opt.groups)
		n->opt.groups--;
	init ones = {.kind = INIT_ONES}, zeros = {.kind = INIT_ZEROS};
	shape s = SHAPE(1, 1, 1, C);
	snprintf(n->name, sizeof n->name, "%s", name);
	module_push(m, name);
	n->gamma = module_param(m, "gamma", s, opt.zero_gamma ? zeros : ones);
	n->beta = module_param(m, "beta", s, zeros);
	if (opt.groups < 1)
		n->moving_variance = module_state(m, "moving_variance", s, ones);
	if (opt.nonlinearity)
		n->vv = module_param(m, "vv", s, ones);
	module_pop(m);
}

/* mean of (x - mean)^2 over the axes, kept as size 1. */
static node *variance(graph *g, node *x, unsigned axes)
{
	return op_mean(g, op_square(g, op_sub(g, x, op_mean(g, x, axes, true))), axes, true);
}

static node *root(graph *g, const evo_norm *n, node *var)
{
	return op_sqrt(g, op_add_scalar(g, var, n->opt.epsilon));
}

/* [B,1,1,C], the same for the channels of a group. */
static node *group_deviation(graph *g, const evo_norm *n, node *x)
{
	int64_t B = x->s.dim[0], G = n->opt.groups, each = n->C / G;
	shape grouped = SHAPE(B, x->s.dim[1], x->s.dim[2], G, each);
	node *std = root(g, n, variance(g, op_reshape(g, x, grouped), OVER_MAP | 1u << 4));
	return op_reshape(g, op_broadcast(g, std, SHAPE(B, 1, 1, G, each)), SHAPE(B, 1, 1, n->C));
}

/* [1,1,1,C]: of the batch in training, when the running variance moves; else the running one. */
static node *batch_deviation(graph *g, const evo_norm *n, node *x, mode m)
{
	if (!m.train)
		return root(g, n, graph_leaf(g, n->moving_variance));
	node *var = variance(g, x, OVER_BATCH | OVER_MAP);
	if (m.update) {
		node *old = op_scale(g, graph_current(g, n->moving_variance), n->opt.momentum);
		graph_assign(g, n->moving_variance, op_add(g, old, op_scale(g, var, 1 - n->opt.momentum)));
	}
	return root(g, n, var);
}

/* The larger of two of the same shape, either of them to the bit. */
static node *larger(graph *g, node *a, node *b)
{
	node *d = op_sub(g, b, a), *one = op_fill(g, d->s, 1), *take_b = op_gate(g, one, d, 0);
	return op_add(g, op_mul(g, a, op_sub(g, one, take_b)), op_mul(g, b, take_b));
}

node *evo_norm_apply(graph *g, const evo_norm *n, node *x, mode m)
{
	if (x->s.rank != 4 || shape_last(&x->s) != n->C)
		return graph_fail(g, "evo_norm: input %s: must be [B,H,W,%lld]", shape_print(&x->s).s, (long long)n->C);
	graph_push(g, n->name);
	node *y = x, *slope = n->vv ? op_mul(g, x, graph_leaf(g, n->vv)) : NULL;
	if (slope && n->opt.groups > 0)
		y = op_mul(g, y, op_sigmoid(g, slope));
	if (n->opt.groups > 0) {
		y = op_div(g, y, group_deviation(g, n, x));
	} else if (slope) {
		node *of_batch = op_broadcast(g, batch_deviation(g, n, x, m), x->s);
		y = op_div(g, y, larger(g, of_batch, op_add(g, slope, root(g, n, variance(g, x, OVER_MAP)))));
	}
	y = op_add(g, op_mul(g, y, graph_leaf(g, n->gamma)), graph_leaf(g, n->beta));
	graph_pop(g);
	return y;
}
