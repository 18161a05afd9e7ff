/* lecam.c - the pairing of each output with the other kind's average is that of the authors' program and of
 * PyTorch-StudioGAN (src/utils/losses.py, lecam_reg); the paper's eq. 4 has it the other way around. */
#include "gan/loss/lecam.h"

#include "core/graph/ops.h"

/* mean relu(a - b)^2, b [1] */
static node *beyond(graph *g, node *a, node *b)
{
	return op_mean_all(g, op_square(g, op_relu(g, op_sub(g, a, b))));
}

node *lecam(graph *g, node *r, node *f, buffer *averages, node *keep)
{
	node *mean[LECAM_AVERAGES] = {op_reshape(g, op_slice_mean(g, op_mean_all(g, r)), SHAPE(1)),
		op_reshape(g, op_slice_mean(g, op_mean_all(g, f)), SHAPE(1))};
	node *now = op_stop(g, op_concat(g, mean, LECAM_AVERAGES, 0)), *old = graph_leaf(g, averages);
	/* now + keep (old - now): what keep = 0 gives is exactly the batch's */
	node *moved = op_add(g, now, op_mul(g, op_reshape(g, keep, SHAPE(1)), op_sub(g, old, now)));
	graph_assign(g, averages, moved);
	node *reals = op_slice_axis(g, moved, 0, LECAM_REAL, LECAM_REAL + 1);
	node *fakes = op_slice_axis(g, moved, 0, LECAM_FAKE, LECAM_FAKE + 1);
	return op_add(g, beyond(g, r, fakes), beyond(g, op_neg(g, f), op_neg(g, reals)));
}
