/* ops_random.c - random values as nodes, and dropout made of them.
 *
 * The one impure family: evaluating draws from a stream that lies outside the graph and moves on at
 * every run. In a plan each such node is evaluated once per run, in order of creation, so the same
 * stream gives the same values whatever else the plan computes. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include "core/graph/ops_internal.h"

static bool random_infer(node *y, char *why, size_t why_size)
{
	y->s = y->a.random.s;
	return y->a.random.stream || refuse(why, why_size, "no random stream");
}

static void random_eval(const node *y, void *scratch)
{
	static void (*const fill[])(rng *r, real *x, int64_t n, int64_t first, int64_t total) = {
		[RANDOM_UNIFORM] = rng_part_uniform,
		[RANDOM_NORMAL] = rng_part_normal,
	};
	(void)scratch;
	const int64_t n = shape_count(&y->s);
	fill[y->a.random.kind](y->a.random.stream, y->x, n, y->a.random.slice * n, y->a.random.slices * n);
}

const op op_rec_random = {
	.name = "random", .nin = 0, .impure = true, .infer = random_infer, .eval = random_eval,
};

node *op_random(graph *g, shape s, int kind, rng *stream)
{
	must(kind == RANDOM_UNIFORM || kind == RANDOM_NORMAL, "op_random: kind %d", kind);
	attr a = attr_none();
	a.random.stream = stream;
	a.random.kind = kind;
	a.random.slice = graph_slice_index(g);
	a.random.slices = graph_slices(g);
	a.random.s = s;
	return graph_node(g, &op_rec_random, 0, NULL, &a);
}

/* keep = u - rate >= 0 ? 1/(1-rate) : 0. A gate asks for > 0 and u takes the 2^24 values k 2^-24:
 * half a step added keeps u = rate, so exactly the wanted share of the values is kept. */
node *op_dropout(graph *g, node *x, double rate, shape noise, rng *stream)
{
	if (!(rate >= 0 && rate < 1))
		return graph_fail(g, "dropout %s: rate %g must be at least 0 and below 1",
			shape_print(&x->s).s, rate);
	if (rate == 0)
		return x;
	node *u = op_random(g, noise, RANDOM_UNIFORM, stream);
	node *kept = op_add_scalar(g, u, 0x1p-25 - rate);
	node *mask = op_gate(g, op_fill(g, noise, 1 / (1 - rate)), kept, 0);
	node *y = op_mul(g, x, mask);
	if (!shape_equal(&y->s, &x->s))
		return graph_fail(g, "dropout %s: noise of shape %s does not broadcast to it",
			shape_print(&x->s).s, shape_print(&noise).s);
	return y;
}
