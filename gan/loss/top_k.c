/* top_k.c - which fakes are the k highest: how many stand before each. */
#include "gan/loss/top_k.h"

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/loss/counting.h"

#include <math.h>

/* 1 where the column's index is below the row's: [B,B]. */
static node *earlier(graph *g, int64_t B)
{
	node *i = count_up(g, B);
	return is_above_0(g, op_sub(g, op_reshape(g, i, SHAPE(B, 1)), op_reshape(g, i, SHAPE(1, B))));
}

/* Before i stand those above it, and the earlier of the equal ones. A slice of a batch chooses among all of it. */
node *top_k_choice(graph *g, node *f, node *k)
{
	const int64_t own = shape_count(&f->s), B = own * graph_slices(g), first = own * graph_slice_index(g);
	node *x = op_slice_gather(g, op_reshape(g, op_stop(g, f), SHAPE(own)));
	node *ahead = op_sub(g, op_reshape(g, x, SHAPE(1, B)), op_reshape(g, x, SHAPE(B, 1)));
	node *above = is_above_0(g, ahead), *below = is_above_0(g, op_neg(g, ahead));
	node *equal = op_add_scalar(g, op_neg(g, op_add(g, above, below)), 1);
	node *before = op_sum(g, op_add(g, above, op_mul(g, equal, earlier(g, B))), 1u << 1, false);
	node *room = op_sub(g, op_reshape(g, k, SHAPE(1)), op_add_scalar(g, before, 0.5));
	node *chosen = is_above_0(g, room);
	return op_reshape(g, own == B ? chosen : op_slice_axis(g, chosen, 0, first, first + own), f->s);
}

/* By multiplication, so that every machine counts the same. */
double top_k_of(int64_t batch, double floor_share, double decay, int64_t epochs)
{
	double share = 1;
	for (int64_t i = 0; i < epochs && share > floor_share; i++)
		share *= decay;
	return MAX(1, floor((double)batch * MAX(share, floor_share)));
}
