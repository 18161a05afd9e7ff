/* mlp.c - a first model, in C or C++: two layers learn which points of a square have coordinates of the same sign. */
#include <sagan/sagan.h>
#include <stdio.h>

int main(void)
{
	fault e;
	rng points = rng_new(1, "points");
	module *m = module_new(&e);
	graph *g = graph_new(&e);
	/* 256 new points x in every step; t is 1 where their coordinates have the same sign, else 0. */
	node *x = op_add_scalar(g, op_random(g, SHAPE(256, 2), RANDOM_UNIFORM, &points), -0.5);
	node *product = op_mul(g, op_slice_axis(g, x, 1, 0, 1), op_slice_axis(g, x, 1, 1, 2));
	node *t = op_gate(g, op_fill(g, SHAPE(256, 1), 1), product, 0);
	/* z is the network's answer, the loss its cross-entropy: log(1 + e^z) - t z. */
	node *z = dense_layer(m, g, "out", op_relu(g, dense_layer(m, g, "hidden", x, 16)), 1);
	node *loss = op_mean_all(g, op_sub(g, op_softplus(g, z), op_mul(g, t, z)));
	learner *l = learner_new(m, g, &loss, 1, 1, &e);
	for (int step = 0; l && step <= 1000; step++) {
		double before = learner_step(l, 0.02);
		if (step % 250 == 0)
			printf("step %4d  loss %.4f\n", step, before);
	}
	if (!l)
		fprintf(stderr, "mlp: %s\n", e.text);
	return l ? 0 : 1;
}
