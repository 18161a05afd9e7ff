/* ops_slices.c - what the slices of a batch have in common: one op, the sum over them, and what is made of it.
 *
 * The op is computed by whoever runs the plans of all slices (core/plan/slices.c), so it has no kernel here. With
 * y = sum over s of x_s in every slice, the loss L = sum of L_s has dL/dx_s = sum over t of dL_t/dy: the sum of dy. */
#include "core/graph/ops.h"

#include "core/base/local.h"
#include "core/graph/ops_internal.h"

static void slice_sum_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)y, (void)need;
	dx[0] = op_slice_sum(g, dy);
}

const op op_rec_slice_sum = {
	.name = "slice_sum", .nin = 1, .inplace = INPLACE(0), .infer = infer_same, .vjp = slice_sum_vjp,
};

node *op_slice_sum(graph *g, node *x)
{
	attr a = attr_none();
	return graph_slices(g) == 1 ? x : graph_node(g, &op_rec_slice_sum, 1, &x, &a);
}

node *op_slice_share(graph *g, node *x)
{
	return graph_slices(g) == 1 ? x : op_scale(g, x, 1.0 / graph_slices(g));
}

node *op_slice_mean(graph *g, node *x)
{
	return op_slice_sum(g, op_slice_share(g, x));
}

/* Each adds its own to zeros. */
node *op_slice_gather(graph *g, node *x)
{
	const int64_t k = graph_slice_index(g), slices = graph_slices(g), B = x->s.dim[0];
	const int64_t before[RANK_MAX] = {k * B}, after[RANK_MAX] = {(slices - 1 - k) * B};
	return slices == 1 ? x : op_slice_sum(g, op_pad(g, x, before, after));
}

/* Slices are equally large: the mean is that of their means m_s, and the variance the mean of v_s + (m_s - mean)^2,
 * which does not cancel (Chan, Golub, LeVeque 1979). */
void op_batch_moments(graph *g, node *x, unsigned axes, node **mean, node **var)
{
	op_moments(g, x, axes, mean, var);
	if (graph_slices(g) == 1)
		return;
	node *own = *mean;
	*mean = op_slice_mean(g, own);
	*var = op_slice_mean(g, op_add(g, *var, op_square(g, op_sub(g, own, *mean))));
}
