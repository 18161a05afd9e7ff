/* penalties.c - penalties on the slope of D, each a gradient inside the graph. */
#include "gan/loss/penalties.h"

#include "core/graph/ops.h"

/* Per sample, the sum over all axes but the first of (d sum(logits) / dx)^2: [B]. D must not mix
 * samples (no batch norm), or the slope is not that of one sample. */
node *penalty_squares(graph *g, node *logits, node *x)
{
	node *slope;
	graph_grad(g, logits, NULL, &x, 1, &slope);
	unsigned inner = (1u << x->s.rank) - 2;
	return op_sum(g, op_square(g, slope), inner, false);
}

node *penalty_r1_of(graph *g, node *logits, node *x)
{
	return op_mean_all(g, penalty_squares(g, logits, x));
}

node *penalty_r1(graph *g, critic_fn d, void *ctx, node *x)
{
	return penalty_r1_of(g, d(g, ctx, x), x);
}

/* mean (sqrt(s + 1e-12) - target)^2: the root has a finite slope where D is flat. */
static node *distance_to(graph *g, node *squared, double target)
{
	node *norm = op_sqrt(g, op_add_scalar(g, squared, 1e-12));
	return op_mean_all(g, op_square(g, op_add_scalar(g, norm, -target)));
}

node *penalty_gp(graph *g, critic_fn d, void *ctx, node *r, node *f, node *a, double target)
{
	/* a*r + (1-a)*f = f + a*(r - f) */
	node *x = op_add(g, f, op_mul(g, op_sub(g, r, f), a));
	return distance_to(g, penalty_squares(g, d(g, ctx, x), x), target);
}

node *penalty_dragan(graph *g, critic_fn d, void *ctx, node *x, node *a, node *noise)
{
	double n = (double)shape_count(&x->s) * graph_slices(g);
	node *centred = op_sub(g, x, op_slice_mean(g, op_mean_all(g, x)));
	/* Divisor n-1, as torch.std. */
	node *squares = op_slice_sum(g, op_sum_all(g, op_square(g, centred)));
	node *std = op_sqrt(g, op_scale(g, squares, 1 / (n - 1)));
	node *near = op_add(g, x, op_mul(g, noise, op_scale(g, op_mul(g, a, std), 0.5)));
	return distance_to(g, penalty_squares(g, d(g, ctx, near), near), 1);
}

/* ---- the table ---- */

static node *draw_per_sample(graph *g, node *x, rng *stream)
{
	return op_random(g, SHAPE(x->s.dim[0], 1, 1, 1), RANDOM_UNIFORM, stream);
}

static node *r1_apply(graph *g, critic_fn d, void *ctx, node *x, node *f, rng *stream)
{
	(void)f, (void)stream;
	return penalty_r1(g, d, ctx, x);
}

static node *gp_apply(graph *g, critic_fn d, void *ctx, node *x, node *f, rng *stream)
{
	return penalty_gp(g, d, ctx, x, f, draw_per_sample(g, x, stream), 1);
}

static node *dragan_apply(graph *g, critic_fn d, void *ctx, node *x, node *f, rng *stream)
{
	(void)f;
	node *a = draw_per_sample(g, x, stream);
	return penalty_dragan(g, d, ctx, x, a, op_random(g, x->s, RANDOM_UNIFORM, stream));
}

const gan_penalty gan_penalties[] = {
	[PENALTY_NONE] = {"none", NULL, 0, false},
	{"r1",     r1_apply,     0.5, false},
	{"gp",     gp_apply,     1, false},
	{"dragan", dragan_apply, 1, false},
	{"r1r2",   NULL,         0.5, true},
	{0}
};
