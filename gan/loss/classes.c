/* classes.c - cross-entropy that is safe for large logits, and the share of rows that are right. */
#include "gan/loss/classes.h"

#include "core/graph/ops.h"

/* z [B,K] -> the largest of each row [B,1]; constant to derivatives. */
static node *row_max(graph *g, node *z)
{
	const int64_t B = z->s.dim[0], K = shape_last(&z->s);
	const window_geometry row = {.kh = (int)K, .kw = 1, .sh = (int)K, .sw = 1};
	return op_stop(g, op_reshape(g, op_max_pool(g, op_reshape(g, z, SHAPE(B, K, 1, 1)), row), SHAPE(B, 1)));
}

static bool fits(graph *g, const node *z, const node *truth)
{
	if (z->s.rank == 2 && shape_equal(&z->s, &truth->s))
		return true;
	graph_fail(g, "logits %s and classes %s: must both be [batch, classes]", shape_print(&z->s).s,
		   shape_print(&truth->s).s);
	return false;
}

/* log sum e^z = top + log sum e^(z - top), whatever top is; the largest keeps every power at most 1. */
node *cross_entropy(graph *g, node *z, node *truth)
{
	if (!fits(g, z, truth))
		return op_mean_all(g, z);
	node *below = op_sub(g, z, row_max(g, z));
	node *spread = op_log(g, op_sum(g, op_exp(g, below), 1u << 1, false));
	node *chosen = op_sum(g, op_mul(g, truth, below), 1u << 1, false);
	return op_mean_all(g, op_sub(g, spread, chosen));
}

/* The true logit minus the largest is 0 where they are the same, exactly, and below elsewhere. */
node *share_right(graph *g, node *z, node *truth)
{
	if (!fits(g, z, truth))
		return op_mean_all(g, z);
	node *behind = op_sum(g, op_mul(g, truth, op_sub(g, z, row_max(g, z))), 1u << 1, false);
	node *wrong = op_gate(g, op_fill(g, behind->s, 1), op_neg(g, behind), 0);
	return op_add_scalar(g, op_neg(g, op_mean_all(g, wrong)), 1);
}
