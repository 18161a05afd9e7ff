/* evo_norm.c - the four forms of EvoNorm from deviations over different axes. */
#include "layers/evo_norm.h"

#include "core/graph/ops.h"
#include "layers/norm.h"

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
	module_name(m, n->name, sizeof n->name, name);
	module_push(m, name);
	n->gamma = module_param(m, "gamma", s, opt.zero_gamma ? zeros : ones);
	n->beta = module_param(m, "beta", s, zeros);
	if (opt.groups < 1)
		n->moving_variance = module_state(m, "moving_variance", s, ones,
			(state_role){STATE_MOVING_VARIANCE, n->opt.momentum});
	if (opt.nonlinearity)
		n->vv = module_param(m, "vv", s, ones);
	module_pop(m);
}

/* Over the axes, kept as size 1. */
static node *variance(graph *g, node *x, unsigned axes)
{
	node *mean, *var;
	(axes & OVER_BATCH ? op_batch_moments : op_moments)(g, x, axes, &mean, &var);
	return var;
}

static node *with_eps(graph *g, const evo_norm *n, node *var)
{
	return op_add_scalar(g, var, n->opt.epsilon);
}

/* 1 / deviation of the channels of a group, [B,1,1,C]. */
static node *group_factor(graph *g, const evo_norm *n, node *x)
{
	const int64_t B = x->s.dim[0], C = n->C;
	node *mean, *var;
	group_moments(g, op_reshape(g, x, SHAPE(B, x->s.dim[1] * x->s.dim[2], C)), n->opt.groups, &mean, &var);
	return op_reshape(g, op_rsqrt(g, with_eps(g, n, var)), SHAPE(B, 1, 1, C));
}

/* [1,1,1,C]: of the batch in training, when the running variance moves; else the running one. */
static node *batch_deviation(graph *g, const evo_norm *n, node *x, mode m)
{
	if (!m.train)
		return op_sqrt(g, with_eps(g, n, graph_leaf(g, n->moving_variance)));
	node *var = variance(g, x, OVER_BATCH | OVER_MAP);
	if (m.update) {
		node *old = op_scale(g, graph_current(g, n->moving_variance), n->opt.momentum);
		graph_assign(g, n->moving_variance, op_add(g, old, op_scale(g, var, 1 - n->opt.momentum)));
	}
	return op_sqrt(g, with_eps(g, n, var));
}

/* The larger of two, to a rounding where it is b. */
static node *larger(graph *g, node *a, node *b)
{
	return op_add(g, a, op_relu(g, op_sub(g, b, a)));
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
		y = op_mul(g, y, group_factor(g, n, x));
	} else if (slope) {
		node *each = op_sqrt(g, with_eps(g, n, variance(g, x, OVER_MAP)));
		y = op_div(g, y, larger(g, batch_deviation(g, n, x, m), op_add(g, slope, each)));
	}
	y = op_add(g, op_mul(g, y, graph_leaf(g, n->gamma)), graph_leaf(g, n->beta));
	graph_pop(g);
	return y;
}
