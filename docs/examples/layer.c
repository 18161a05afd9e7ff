/* layer.c - one layer alone: halo attention on a random map, forward and back. */
#include <stdio.h>
#include <stdlib.h>
#include <sagan/gradient.h>
#include <sagan/halo.h>
#include <sagan/ops.h>
#include <sagan/plan.h>

static fault e;

/* What was made, or the end of the program: e says why. */
static void *made(void *what)
{
	if (what)
		return what;
	fprintf(stderr, "layer: %s\n", e.text);
	exit(EXIT_FAILURE);
}

int main(void)
{
	/* Storage: the input, and a module that owns the layer's weights. */
	const shape s = SHAPE(2, 16, 16, 64);
	buffer *x = made(buffer_new("x", s, &e));
	rng r = rng_new(1, "example");
	rng_fill_normal(&r, x->x, shape_count(&s));

	halo_options o = halo_layer_defaults;
	o.num_heads = 4;
	o.key_dim = 16;
	o.block_size = 4;
	halo attention;
	module *m = made(module_new(&e));
	halo_init(m, &attention, "halo", 64, o);
	if (!module_alloc(m, &r, &e))
		made(NULL);

	/* Values: y, a loss of it, and what the loss says about the weights and the input. */
	graph *g = made(graph_new(&e));
	node *in = graph_leaf(g, x), *scores, *dx;
	node *y = halo_apply(g, &attention, in, (mode){.train = true}, &scores);
	node *loss = op_mean_all(g, op_square(g, y));
	module_grad(m, g, loss);
	graph_grad(g, loss, NULL, &in, 1, &dx);
	plan *p = made(plan_new(g, (node *[]){loss, dx}, 2, 0, &e));
	plan_run(p);

	const double of_weights = gradient_norm(module_grad_block(m), module_block_size(m));
	const double of_x = gradient_norm(plan_value(p, dx), shape_count(&s));
	printf("x %s -> y %s, scores %s\n", shape_print(&s).s, shape_print(&y->s).s, shape_print(&scores->s).s);
	printf("%lld weights, loss %.5f\n", (long long)module_param_count(m), (double)*plan_value(p, loss));
	printf("gradient norms: weights %.5f, input %.5f\n", of_weights, of_x);
	plan_free(p);
	graph_free(g);
	module_free(m);
	buffer_free(x);
	return 0;
}
