/* classify.c - digits by self-attention over all pixels, as juancolonna/SelfAttention_Conv2D dc0cf66 (98.84 % in ten
 * epochs; 99.04 % here). classify [EPOCHS [IMAGES]] reads data/mnist, or the first IMAGES of both its parts. */
#include <stdio.h>
#include <stdlib.h>
#include <sagan/attention.h>
#include <sagan/classes.h>
#include <sagan/dense.h>
#include <sagan/fit.h>
#include <sagan/thread.h>
enum { B = 125 };                                /* divides both parts; the original's batch is 128 */

/* x [B,28,28,1] -> logits [B,10]. */
static node *network(module *m, graph *g, node *x)
{
	const mode run = {.train = true};
	const init start = {INIT_GLOROT_UNIFORM, 0};
	attention look;
	conv filters;
	dense hidden, out;
	attention_config c;
	attention_variant("conv2d", 4, (sn_options){0}, &c, NULL);       /* 4 inner channels */
	c.filters = 8;
	attention_init(m, &look, "look", 1, c);
	conv_init(m, &filters, "filters", 8, conv_same(32, 5, start, (sn_options){0}));
	dense_init(m, &hidden, "hidden", 14 * 14 * 32, (dense_options){100, true, .kernel_init = start});
	dense_init(m, &out, "out", 100, (dense_options){10, true, .kernel_init = start});
	node *y = op_relu(g, conv_apply(g, &filters, attention_apply(g, &look, x, run, NULL, NULL), run));
	y = op_avg_pool(g, y, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	y = op_relu(g, dense_apply(g, &hidden, op_reshape(g, y, SHAPE(B, 14 * 14 * 32)), run));
	return dense_apply(g, &out, y, run);
}

int main(int argc, char **argv)
{
	const int epochs = argc > 1 ? atoi(argv[1]) : 10, images = argc > 2 ? atoi(argv[2]) : 0;
	fault e;
	dataset *train = dataset_open("data/mnist", &(dataset_options){.limit = images}, &e);
	dataset *test = dataset_open("data/mnist", &(dataset_options){.limit = images, .split = SPLIT_TEST}, &e);
	if (!train || !test || !pool_start(0, &e))
		return fprintf(stderr, "classify: %s\n", e.text), EXIT_FAILURE;
	module *m = module_new(&e);
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", SHAPE(B, 28, 28, 1), &e), *label = buffer_new("label", SHAPE(B), &e);
	buffer *digits = module_state(m, "digits", SHAPE(10, 10), (init){INIT_IDENTITY, 0},
		(state_role){STATE_FIXED, 0});
	node *z = network(m, g, graph_leaf(g, x)), *t = op_gather(g, graph_leaf(g, digits), graph_leaf(g, label));
	node *loss = cross_entropy(g, z, t), *right = share_right(g, z, t);
	rng r = rng_new(1, "init");
	module_alloc(m, &r, &e);
	optimizer_config rmsprop = {RULE_RMSPROP, UPDATE_KERAS, .beta2 = 0.9, .eps = 1e-7};
	optimizer *o = optimizer_new(&rmsprop, module_block_size(m), &e);
	loader_options batches = {.batch = B, .seed = 1};
	const fit check = {loader_new(test, &batches, &e), x, label, plan_new(g, &right, 1, 0, &e), NULL, NULL};
	module_grad(m, g, loss);
	const fit learn = {loader_new(train, &batches, &e), x, label, plan_new(g, &loss, 1, 0, &e), m, o};
	for (int i = 1; i <= epochs; i++) {
		double l, a;
		if (!fit_epoch(&learn, loss, 1e-3 * (epochs - i + 1) / epochs, &l, &e)
		    || !fit_epoch(&check, right, 0, &a, &e))
			return fprintf(stderr, "classify: %s\n", e.text), EXIT_FAILURE;
		printf("epoch %2d  loss %.4f  test accuracy %.2f %%\n", i, l, 100 * a);
	}
}
