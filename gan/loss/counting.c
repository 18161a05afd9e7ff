/* counting.c - whole numbers and comparisons, made of ops by arithmetic. */
#include "gan/loss/counting.h"

#include "core/graph/ops.h"

node *count_up(graph *g, int64_t n)
{
	node *x = op_fill(g, SHAPE(1), 0);
	for (int64_t size = 1; size < n; size *= 2) {
		node *both[2] = {x, op_add_scalar(g, x, (double)size)};
		x = op_concat(g, both, 2, 0);
	}
	return op_slice_axis(g, x, 0, 0, n);
}

node *is_above_0(graph *g, node *x)
{
	return op_gate(g, op_fill(g, x->s, 1), x, 0);
}

/* How many of 1..n-1 do not exceed u*n. */
node *whole_below(graph *g, node *u, int64_t n)
{
	if (n < 2)
		return op_fill(g, u->s, 0);
	node *bound = op_add_scalar(g, count_up(g, n - 1), 1);
	node *above = op_sub(g, op_scale(g, u, (double)n), bound);          /* [B,n-1] */
	return op_sum(g, is_above_0(g, op_add_scalar(g, above, 0x1p-26)), 1u << 1, true);     /* equal counts */
}
