/* trainer_step.c - one training step, as the papers write it.
 *
 * A pass runs a plan, which leaves gradients in the network's gradient block; an update turns them
 * into new parameters. Between the two, numbers that are not finite stop everything. */
#include "core/base/clock.h"
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optim/ema.h"
#include "optim/gradient.h"

/* ---- the time of the parts, where somebody wants to know ---- */

static double watch_start(const trainer *t)
{
	return t->profiled ? clock_s() : 0;
}

static void watch_stop(trainer *t, enum part_kind part, double start)
{
	if (t->profiled)
		t->spent[part] += clock_s() - start;
}

bool trainer_profile(trainer *t, fault *e)
{
	for (int i = 0; i < PASSES; i++)
		if (!slices_profile(t, i, e))
			return false;
	t->profiled = true;
	memset(t->spent, 0, sizeof t->spent);
	return true;
}

bool trainer_part(const trainer *t, int i, const char **name, double *seconds)
{
	static const char *const names[PARTS] = {
		[PART_BATCH] = "batch", [PART_OPTIMIZER] = "optimizer", [PART_AVERAGE] = "average",
	};
	if (i < 0 || i >= PARTS)
		return false;
	*name = names[i];
	*seconds = t->spent[i];
	return true;
}

/* ---- the batch ---- */

static void next_real(trainer *t)
{
	if (!t->loader)
		return;
	loader_next(t->loader, t->host_x, t->host_y);
	buffer_write(t->real_x, t->host_x);
	buffer_write(t->real_y, t->host_y);
}

static bool compares_pairs(const trainer *t)
{
	return gan_losses[t->cfg.loss.name].g_of_pairs != NULL;
}

/* Latents from N(0,1) and labels, drawn once, used for both G and D: uniform over the classes that have images;
 * for a loss of pairs those of the real images. */
static void next_latent(trainer *t)
{
	int64_t B = t->cfg.batch;
	rng_fill_normal(&t->stream[STREAM_LATENT], t->host_z, B * t->cfg.net.latent);
	buffer_write(t->z, t->host_z);
	if (t->net.classes == 0)
		return;
	if (compares_pairs(t))
		buffer_read(t->real_y, t->host_y);
	else
		for (int64_t i = 0; i < B; i++)
			t->host_y[i] = (real)t->drawn[rng_below(&t->stream[STREAM_LABEL], t->drawn_n)];
	buffer_write(t->fake_y, t->host_y);
}

static void next_batch(trainer *t, bool with_real)
{
	const double start = watch_start(t);
	if (with_real)
		next_real(t);
	next_latent(t);
	watch_stop(t, PART_BATCH, start);
}

/* ---- a pass ---- */

/* What a pass changes besides gradients: kept, so that a pass that went wrong can be run again. */
static void remember(trainer *t)
{
	memcpy(t->stream_before, t->stream, sizeof t->stream);
	player *both[] = {&t->pg, &t->pd};
	for (int i = 0; i < COUNT(both); i++)
		memcpy(both[i]->state_before, module_state_block(both[i]->m),
			(size_t)module_state_size(both[i]->m) * sizeof(real));
}

static void restore(trainer *t)
{
	memcpy(t->stream, t->stream_before, sizeof t->stream);
	player *both[] = {&t->pg, &t->pd};
	for (int i = 0; i < COUNT(both); i++)
		memcpy(module_state_block(both[i]->m), both[i]->state_before,
			(size_t)module_state_size(both[i]->m) * sizeof(real));
}

/* A parameter that an earlier update spoilt. */
static bool find_bad_parameter(const trainer *t, char *where, size_t size)
{
	const player *both[] = {&t->pg, &t->pd};
	for (int i = 0; i < COUNT(both); i++) {
		for (int k = 0; k < module_params(both[i]->m); k++) {
			const buffer *b = module_param_at(both[i]->m, k);
			for (int64_t j = 0; j < shape_count(&b->s); j++)
				if (!isfinite(b->x[j])) {
					snprintf(where, size, "parameter %s/%s", both[i]->name, b->name);
					return true;
				}
		}
	}
	return false;
}

/* Names the step, the pass and the first value that is not finite. */
static bool gone_bad(trainer *t, enum pass_kind kind, const char *what, double value, fault *e)
{
	char where[512];
	restore(t);
	const bool parameter = find_bad_parameter(t, where, sizeof where);
	if (!slices_share_found(parameter, where, sizeof where) && !slices_find_bad(t, kind, where, sizeof where))
		snprintf(where, sizeof where,
			"unknown: all values of the pass are finite when it is repeated");
	restore(t);
	return fault_set(e, "step %lld: %s of the %s is %g; first bad value: %s",
		(long long)t->step + 1, what, slices_pass(t, kind)->name,
		plain_nan(value), where);
}

static bool pass_run(trainer *t, enum pass_kind kind, fault *e)
{
	const pass *p = slices_pass(t, kind);
	remember(t);
	slices_run_pass(t, kind);
	struct {
		const char *name;
		double x;
	} watched[] = {{"loss", pass_scalar(p, p->loss)}, {"penalty", pass_scalar(p, p->penalty)}};
	for (int i = 0; i < COUNT(watched); i++)
		if (!isfinite(watched[i].x))
			return gone_bad(t, kind, watched[i].name, watched[i].x, e);
	return true;
}

/* ---- an update ---- */

/* After the k-th of n batches: adds its gradients up; after the last, the mean is the gradient. */
static void accumulate(player *p, int k, int n)
{
	if (n == 1)
		return;
	int64_t size = module_block_size(p->m);
	real *grad = module_grad_block(p->m);
	if (k == 0)
		memset(p->sum, 0, (size_t)size * sizeof(real));
	gradient_add(p->sum, grad, size);
	if (k == n - 1) {
		memcpy(grad, p->sum, (size_t)size * sizeof(real));
		gradient_scale(grad, size, 1.0 / n);
	}
}

/* What does not learn has no gradient, so that the others' is measured and clipped alone; .. */
static void hold(const trainer *t, const player *p, real *grad)
{
	if (p == &t->pd && t->frozen_size)
		memset(grad, 0, (size_t)t->frozen_size * sizeof *grad);
}

/* .. and decay of weights does not move it. */
static void put_back(const trainer *t, const player *p)
{
	if (p == &t->pd && t->frozen_size)
		memcpy(module_param_block(p->m), t->frozen_params, (size_t)t->frozen_size * sizeof(real));
}

/* Clips the gradient and takes one step along it. */
static bool update(trainer *t, player *p, enum pass_kind last, double *norm, double *rate, fault *e)
{
	real *grad = module_grad_block(p->m);
	int64_t n = module_block_size(p->m);
	double limit = t->cfg.optim.clip_norm;
	const double start = watch_start(t);
	hold(t, p, grad);
	*norm = limit > 0 ? gradient_clip_norm(grad, n, limit) : gradient_norm(grad, n);
	if (!isfinite(*norm))
		return gone_bad(t, last, "the gradient", *norm, e);
	*rate = schedule_lr(&p->rate, t->step);
	optimizer_step(p->opt, module_param_block(p->m), grad, *rate);
	put_back(t, p);
	watch_stop(t, PART_OPTIMIZER, start);
	return true;
}

static bool penalty_due(const trainer *t)
{
	return t->cfg.loss.penalty != PENALTY_NONE && t->d_updates % t->cfg.loss.penalty_every == 0;
}

/* Whether all that the config asks for is added to D's loss in this pass: a mean of its updates with the penalty of
 * every k-th and of those with the rest alone would be neither's. */
static bool adds_all(const trainer *t, const pass *p)
{
	return p->penalty && (p->penalised || t->cfg.loss.penalty == PENALTY_NONE);
}

static bool update_d(trainer *t, step_stats *s, fault *e)
{
	const enum pass_kind kind = penalty_due(t) ? PASS_D_PENALTY : PASS_D;
	const pass *p = slices_pass(t, kind);
	int n = t->cfg.optim.accumulate;
	double share = 1.0 / (n * t->cfg.optim.d_steps), norm;
	for (int k = 0; k < n; k++) {
		next_batch(t, true);
		record_pass(t, true);
		if (!pass_run(t, kind, e))
			return false;
		s->d_loss += share * pass_scalar(p, p->loss);
		s->d_real += share * pass_scalar(p, p->real);
		s->d_fake += share * pass_scalar(p, p->fake);
		s->penalty += adds_all(t, p) ? pass_scalar(p, p->penalty) / n : 0;
		slices_read_d(t, kind);          /* the next pass runs in the same memory */
		if (t->cfg.augment_target > 0)
			ramps_see(t);
		accumulate(&t->pd, k, n);
	}
	s->penalties += adds_all(t, p);
	if (!update(t, &t->pd, kind, &norm, &s->d_rate, e))
		return false;
	s->d_norm += norm / t->cfg.optim.d_steps;
	t->d_updates++;
	if (t->cfg.augment_target > 0)
		ramps_adapt(t);
	return true;
}

static bool update_g(trainer *t, step_stats *s, fault *e)
{
	const pass *p = slices_pass(t, PASS_G);
	int n = t->cfg.optim.accumulate;
	for (int k = 0; k < n; k++) {
		next_batch(t, compares_pairs(t));
		record_pass(t, false);
		if (!pass_run(t, PASS_G, e))
			return false;
		s->g_loss += pass_scalar(p, p->loss) / n;
		s->spread += sqrt(pass_scalar(p, p->variance)) / n;
		accumulate(&t->pg, k, n);
	}
	return update(t, &t->pg, PASS_G, &s->g_norm, &s->g_rate, e);
}

/* Parameters and states alike: an average without its batch-norm statistics gives garbage. */
static void update_average(trainer *t)
{
	if (!t->average)
		return;
	module *to = network_module(t->average), *from = t->pg.m;
	const double d = ramps_decay(t);
	int64_t start = t->cfg.ema.start;
	ema_update(module_param_block(to), module_param_block(from), module_block_size(to), d, start,
		t->step);
	ema_update(module_state_block(to), module_state_block(from), module_state_size(to), d, start,
		t->step);
}

static void read_gammas(const trainer *t, step_stats *s)
{
	s->gammas = t->gammas;
	for (int i = 0; i < t->gammas; i++) {
		real value, grad;
		buffer_read(t->gamma[i].value, &value);
		buffer_read(t->gamma[i].grad, &grad);
		s->gamma[i] = (gamma_value){t->gamma_name[i], value, grad};
	}
}

bool trainer_step(trainer *t, step_stats *s, fault *e)
{
	*s = (step_stats){.augment = ramps_augment(t)};
	ramps_set(t);
	for (int k = 0; k < t->cfg.optim.d_steps; k++)
		if (!update_d(t, s, e))
			return false;
	if (!update_g(t, s, e))
		return false;
	const double start = watch_start(t);
	update_average(t);
	watch_stop(t, PART_AVERAGE, start);
	t->step++;

	s->step = t->step;
	if (s->penalties > 0)
		s->penalty /= s->penalties;
	read_gammas(t, s);
	return record_step(t, s, e);
}
