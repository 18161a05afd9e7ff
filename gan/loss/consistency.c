/* consistency.c - the distance between two answers, and the images that should get the same one. */
#include "gan/loss/consistency.h"

#include "core/graph/ops.h"
#include "gan/loss/geometry.h"

node *inconsistency(graph *g, node *a, node *b)
{
	return op_mean_all(g, op_square(g, op_sub(g, a, b)));
}

static affine drawn(graph *g, const affine_kind *k, const node *x, rng *stream)
{
	return k->of(g, &x->s, op_random(g, SHAPE(x->s.dim[0], k->draws), RANDOM_UNIFORM, stream));
}

node *same_meaning(graph *g, node *x, bool flip, rng *stream)
{
	affine all = drawn(g, &affine_shift, x, stream);
	if (flip) {
		const affine turned = drawn(g, &affine_flip, x, stream);
		all = affine_then(g, &turned, &all);
	}
	return affine_apply(g, &all, x);
}
