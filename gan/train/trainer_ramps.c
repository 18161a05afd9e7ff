/* trainer_ramps.c - numbers that change along a run, each by the step alone: weights of penalties, the probability of
 * an augmentation, beta2, the half-life of the average. A plan reads a number that changes from a buffer; one that does
 * not is a constant of the graph. */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include "core/graph/ops.h"
#include "optim/ema.h"

static const ramp *ramp_of(const trainer *t, enum ramp_kind kind)
{
	const config *c = &t->cfg;
	const ramp *fake = &c->loss.penalty_weight_fake;
	const bool own = fake->from > 0 || fake->to > 0;
	const ramp *const all[RAMPS] = {
		[RAMP_PENALTY] = &c->loss.penalty_weight,
		[RAMP_PENALTY_FAKE] = own ? fake : &c->loss.penalty_weight,
		[RAMP_AUGMENT] = &c->augment_probability,
	};
	return all[kind];
}

static double now(const trainer *t, const ramp *c)
{
	return ramp_at(c, t->step, t->pg.rate.steps);
}

bool ramps_make(trainer *t, fault *e)
{
	for (int k = 0; k < RAMPS; k++) {
		const ramp *c = ramp_of(t, k);
		if (c->from != c->to && !(t->ramp[k] = buffer_new("ramp", SHAPE(1), e)))
			return false;
	}
	return true;
}

void ramps_set(trainer *t)
{
	for (int k = 0; k < RAMPS; k++)
		if (t->ramp[k])
			buffer_write(t->ramp[k], &(real){(real)now(t, ramp_of(t, k))});
	optimizer_set_beta2(t->pg.opt, now(t, &t->cfg.optim.beta2));
	optimizer_set_beta2(t->pd.opt, now(t, &t->cfg.optim.beta2));
}

node *ramp_times(const trainer *t, graph *g, enum ramp_kind kind, node *x, double factor)
{
	if (!t->ramp[kind])
		return op_scale(g, x, ramp_of(t, kind)->from * factor);
	return op_mul(g, op_scale(g, x, factor), op_reshape(g, graph_leaf(g, t->ramp[kind]), x->s));
}

node *ramp_share(const trainer *t, graph *g, enum ramp_kind kind)
{
	const ramp *c = ramp_of(t, kind);
	if (t->ramp[kind])
		return op_reshape(g, graph_leaf(g, t->ramp[kind]), SHAPE(1, 1, 1, 1));
	return c->from == 1 ? NULL : op_fill(g, SHAPE(1, 1, 1, 1), c->from);
}

double ramps_decay(const trainer *t)
{
	const config *c = &t->cfg;
	const int64_t batch = (int64_t)c->batch * c->optim.accumulate;
	const double life = now(t, &c->ema.half_life);
	const bool decay = c->ema.half_life.from == 0 && c->ema.half_life.to == 0;
	return decay ? c->ema.decay : ema_decay(life, c->ema.rampup, batch, t->step * batch);
}
