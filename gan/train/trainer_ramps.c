/* trainer_ramps.c - numbers that change along a run, each by the step alone: weights of penalties, the probability of
 * an augmentation, beta2, the half-life of the average. A plan reads a number that changes from a buffer; one that does
 * not is a constant of the graph. */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include "core/graph/ops.h"
#include "gan/loss/lecam.h"
#include "gan/loss/top_k.h"
#include "optim/ema.h"

/* ---- what a number is now ---- */

/* PyTorch-StudioGAN src/worker.py: none up to this step, and until then the averages are those of the last batch. */
static double lecam_weight(const trainer *t)
{
	return t->step > t->cfg.loss.lecam_start ? t->cfg.loss.lecam_weight : 0;
}

/* Averages that are 0 are none yet: a run has gone on with LeCam that was without. */
static double lecam_keep(const trainer *t)
{
	const bool none = t->lecam->x[LECAM_REAL] == 0 && t->lecam->x[LECAM_FAKE] == 0;
	return t->step > t->cfg.loss.lecam_start && !none ? t->cfg.loss.lecam_decay : 0;
}

static double top_k(const trainer *t)
{
	const config *c = &t->cfg;
	const int64_t epochs = t->loader ? loader_position(t->loader).epoch - c->loss.top_k_start : 0;
	return top_k_of(c->batch, c->loss.top_k, c->loss.top_k_decay, epochs);
}

double ramps_augment(const trainer *t)
{
	return t->cfg.augment_target > 0 ? t->adapt[ADAPT_PROBABILITY]
		: ramp_at(&t->cfg.augment_probability, t->step, t->pg.rate.steps);
}

/* Those that have a rule of their own; the others go from one value to another. */
static double (*const RULE[RAMPS])(const trainer *t) = {
	[RAMP_LECAM] = lecam_weight, [RAMP_LECAM_KEEP] = lecam_keep, [RAMP_TOP_K] = top_k,
	[RAMP_AUGMENT] = ramps_augment,
};

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

/* Whether it changes along this run. */
static bool moves(const trainer *t, enum ramp_kind kind)
{
	const ramp *c = ramp_of(t, kind);
	return !c || c->from != c->to || (kind == RAMP_AUGMENT && t->cfg.augment_target > 0);
}

static double now(const trainer *t, const ramp *c)
{
	return ramp_at(c, t->step, t->pg.rate.steps);
}

static double value_of(const trainer *t, enum ramp_kind kind)
{
	return RULE[kind] ? RULE[kind](t) : now(t, ramp_of(t, kind));
}

/* ---- all of them ---- */

bool ramps_make(trainer *t, fault *e)
{
	for (int k = 0; k < RAMPS; k++)
		if (moves(t, k) && !(t->ramp[k] = buffer_new("ramp", SHAPE(1), e)))
			return false;
	return true;
}

void ramps_set(trainer *t)
{
	for (int k = 0; k < RAMPS; k++)
		if (t->ramp[k])
			buffer_write(t->ramp[k], &(real){(real)value_of(t, k)});
	optimizer_set_beta2(t->pg.opt, now(t, &t->cfg.optim.beta2));
	optimizer_set_beta2(t->pd.opt, now(t, &t->cfg.optim.beta2));
}

node *ramp_times(const trainer *t, graph *g, enum ramp_kind kind, node *x, double factor)
{
	if (!t->ramp[kind])
		return op_scale(g, x, ramp_of(t, kind)->from * factor);
	return op_mul(g, op_scale(g, x, factor), ramp_node(t, g, kind, x->s));
}

node *ramp_node(const trainer *t, graph *g, enum ramp_kind kind, shape s)
{
	return t->ramp[kind] ? op_reshape(g, graph_leaf(g, t->ramp[kind]), s) : op_fill(g, s, ramp_of(t, kind)->from);
}

bool ramp_is_1(const trainer *t, enum ramp_kind kind)
{
	return !t->ramp[kind] && ramp_of(t, kind)->from == 1;
}

/* ---- ADA ---- */

void ramps_see(trainer *t)
{
	const double border = gan_losses[t->cfg.loss.name].border;
	for (int i = 0; i < t->cfg.batch; i++)
		t->adapt[ADAPT_SIGNS] += (t->d_real[i] > border) - (t->d_real[i] < border);
	t->adapt[ADAPT_IMAGES] += t->cfg.batch;
}

/* p += sign(mean sign(D(real) - border) - target) * images / augment.images, every fourth update
 * (stylegan2-ada-pytorch, training_loop.py: ada_interval 4, ada_kimg 500). */
void ramps_adapt(trainer *t)
{
	enum { EVERY = 4 };
	double *a = t->adapt;
	if (t->d_updates % EVERY != 0)
		return;
	const double over = a[ADAPT_SIGNS] / a[ADAPT_IMAGES] - t->cfg.augment_target;
	const double most = ramp_at(&t->cfg.augment_probability, t->step, t->pg.rate.steps);
	const double p = a[ADAPT_PROBABILITY] + ((over > 0) - (over < 0)) * a[ADAPT_IMAGES] / t->cfg.augment_images;
	a[ADAPT_PROBABILITY] = MAX(0, MIN(p, most));
	a[ADAPT_SIGNS] = a[ADAPT_IMAGES] = 0;
}

double ramps_decay(const trainer *t)
{
	const config *c = &t->cfg;
	const int64_t batch = (int64_t)c->batch * c->optim.accumulate;
	const double life = now(t, &c->ema.half_life);
	const bool decay = c->ema.half_life.from == 0 && c->ema.half_life.to == 0;
	return decay ? c->ema.decay : ema_decay(life, c->ema.rampup, batch, t->step * batch);
}
