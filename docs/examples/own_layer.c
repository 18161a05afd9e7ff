/* own_layer.c - a layer of one's own, made of ops: radial basis functions (Broomhead and Lowe, 1988). With a dense
 * layer behind it learns which points of a square lie in a ring. Nobody writes a derivative. */
#include <stdio.h>
#include <stdlib.h>
#include <sagan/dense.h>
#include <sagan/fit.h>
#include <sagan/ops.h>

enum { POINTS = 1000, CENTRES = 24, STEPS = 600 };
typedef struct radial {
	buffer *centre, *sharpness;                      /* [K,D], [K] */
} radial;

static void radial_init(module *m, radial *l, int64_t D, int64_t K)
{
	l->centre = module_param(m, "centre", SHAPE(K, D), (init){INIT_NORMAL, 0.5});
	l->sharpness = module_param(m, "sharpness", SHAPE(K), (init){INIT_CONSTANT, 4});
}

/* y_k = exp(-s_k |x - c_k|^2).  x [B,D] -> [B,K] */
static node *radial_apply(graph *g, const radial *l, node *x)
{
	node *each = op_reshape(g, x, SHAPE(x->s.dim[0], 1, x->s.dim[1]));
	node *away = op_sum(g, op_square(g, op_sub(g, each, graph_leaf(g, l->centre))), 1u << 2, false);
	return op_exp(g, op_neg(g, op_mul(g, away, graph_leaf(g, l->sharpness))));
}

int main(void)
{
	fault e;
	rng points = rng_new(1, "points");
	module *m = module_new(&e);
	graph *g = graph_new(&e);
	radial basis;
	radial_init(m, &basis, 2, CENTRES);
	/* New points x in [-1,1]^2 in every run; t is 1 in the ring 0.16 < |x|^2 < 0.64, else -1. */
	node *x = op_add_scalar(g, op_scale(g, op_random(g, SHAPE(POINTS, 2), RANDOM_UNIFORM, &points), 2), -1);
	node *r = op_sum(g, op_square(g, x), 1u << 1, true), *one = op_fill(g, r->s, 1);
	node *inside = op_mul(g, op_add_scalar(g, r, -0.16), op_add_scalar(g, op_neg(g, r), 0.64));
	node *t = op_add_scalar(g, op_scale(g, op_gate(g, one, inside, 0), 2), -1);
	node *tz = op_mul(g, t, dense_layer(m, g, "out", radial_apply(g, &basis, x), 1));
	node *loss = op_mean_all(g, op_softplus(g, op_neg(g, tz)));
	node *right = op_mean_all(g, op_gate(g, one, tz, 0));
	learner *l = learner_new(m, g, (node *[]){loss, right}, 2, 1, &e);
	if (!l)
		return fprintf(stderr, "own_layer: %s\n", e.text), EXIT_FAILURE;
	for (int i = 0; i <= STEPS; i++) {
		const double before = learner_step(l, 0.02), share = 100 * (double)*learner_value(l, right);
		if (i % 100 == 0)
			printf("step %3d  loss %.4f  right %.1f %%\n", i, before, share);
	}
	learner_free(l);
	graph_free(g);
	module_free(m);
	return 0;
}
