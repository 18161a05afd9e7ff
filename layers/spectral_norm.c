/* spectral_norm.c - power iteration and the division by sigma, as nodes. */
#include "layers/spectral_norm.h"

#include "core/base/local.h"
#include "core/graph/ops.h"

/* x / max(norm(x), eps), x a column. max under the root, so that no 1/0 appears. */
static node *unit(graph *g, node *x, double eps)
{
	node *s = op_sum_all(g, op_square(g, x));
	s = op_add_scalar(g, op_relu(g, op_add_scalar(g, s, -eps * eps)), eps * eps);
	return op_mul(g, x, op_rsqrt(g, s));
}

void spectral_norm_init(module *m, spectral_norm *s, sn_options opt, shape w, bool by_rows)
{
	*s = (spectral_norm){.opt = opt, .by_rows = by_rows};
	if (s->opt.iterations == 0)
		s->opt.iterations = 1;
	if (s->opt.eps == 0)
		s->opt.eps = 1e-6;
	if (!opt.on)
		return;
	int64_t out = shape_last(&w), rows = shape_count(&w) / MAX(out, 1);
	s->u = module_state(m, "u", SHAPE(by_rows ? rows : out), (init){.kind = INIT_UNIT_NORMAL},
		(state_role){by_rows ? STATE_SN_ROW_VECTOR : STATE_SN_VECTOR, 0});
}

/* With W [rows,out], v and u columns (by_rows: W' in the place of W):
 *	v = n(W u),  t = W' v,  u = n(t),  sigma = v' W u = t' u
 * v and u are constants of the derivative, so dsigma/dW = v u'. */
node *spectral_norm_sigma(graph *g, const spectral_norm *s, node *w, mode m)
{
	if (!s->u)
		return graph_fail(g, "no spectral norm here");
	int64_t out = shape_last(&w->s), rows = shape_count(&w->s) / out;
	node *matrix = op_reshape(g, w, SHAPE(rows, out));
	node *u = op_reshape(g, graph_current(g, s->u), SHAPE(s->by_rows ? rows : out, 1));
	bool iterate = m.train && m.update;
	node *t = NULL;
	for (int i = 0; i < (iterate ? s->opt.iterations : 1); i++) {
		node *v = op_stop(g, unit(g, op_matmul(g, matrix, u, s->by_rows, false), s->opt.eps));
		t = op_matmul(g, matrix, v, !s->by_rows, false);
		if (iterate)
			u = op_stop(g, unit(g, t, s->opt.eps));
	}
	if (iterate)
		graph_assign(g, s->u, op_reshape(g, u, s->u->s));
	node *sigma = op_reshape(g, op_sum_all(g, op_mul(g, t, u)), SHAPE(1, 1));
	return s->opt.constant_sigma ? op_stop(g, sigma) : sigma;
}

node *spectral_norm_apply(graph *g, const spectral_norm *s, node *w, mode m)
{
	if (!s->opt.on)
		return w;
	node *sigma = op_reshape(g, spectral_norm_sigma(g, s, w, m), shape_scalar());
	return op_mul(g, w, op_recip(g, sigma));
}
