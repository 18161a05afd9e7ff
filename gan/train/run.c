/* run.c - the loop around the steps: logging, drawing, scoring, saving, ending. */
#include "gan/train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/peers/peers.h"
#include "gan/train/run_internal.h"
#include "gan/train/trouble.h"

/* ---- between steps ---- */

static void sums_add(double *sum, const step_stats *s)
{
	sum[SUM_STEPS] += 1;
	sum[SUM_D_LOSS] += s->d_loss;
	sum[SUM_G_LOSS] += s->g_loss;
	sum[SUM_PENALTY] += s->penalty * s->penalties;
	sum[SUM_PENALTIES] += s->penalties;
	sum[SUM_D_REAL] += s->d_real;
	sum[SUM_D_FAKE] += s->d_fake;
	sum[SUM_D_NORM] += s->d_norm;
	sum[SUM_G_NORM] += s->g_norm;
	sum[SUM_SPREAD] += s->spread;
}

/* Means since the last row; rates and gammas are those of the last step. */
static step_stats sums_mean(const double *sum, const step_stats *now)
{
	step_stats m = *now;
	double n = sum[SUM_STEPS];
	m.d_loss = sum[SUM_D_LOSS] / n;
	m.g_loss = sum[SUM_G_LOSS] / n;
	m.penalty = sum[SUM_PENALTIES] > 0 ? sum[SUM_PENALTY] / sum[SUM_PENALTIES] : 0;
	m.penalties = (int)sum[SUM_PENALTIES];
	m.d_real = sum[SUM_D_REAL] / n;
	m.d_fake = sum[SUM_D_FAKE] / n;
	m.d_norm = sum[SUM_D_NORM] / n;
	m.g_norm = sum[SUM_G_NORM] / n;
	m.spread = sum[SUM_SPREAD] / n;
	return m;
}

static double epoch_of(const trainer *t)
{
	if (!t->loader)
		return 0;
	loader_place p = loader_position(t->loader);
	return (double)p.epoch + (double)p.batch / (double)loader_batches(t->loader);
}

double run_pace(double pace, double step_s)
{
	enum { REPORTS = 5, SLOWER = 3 };
	return pace > 0 ? pace + (MIN(step_s, SLOWER * pace) - pace) / REPORTS : step_s;
}

/* Time to the end at this speed, or to the limit when that comes first. */
static double eta(const run *r, double seconds)
{
	double left = (double)(r->last - r->t->step) * r->pace;
	if (r->opt->max_seconds > 0)
		left = MIN(left, MAX(r->opt->max_seconds - seconds, 0));
	return left;
}

static bool report(run *r, const step_stats *s, fault *e)
{
	trainer *t = r->t;
	if (!rundir_stands(r->folder, e))            /* rows would go into files that have no name any more */
		return false;
	double now = clock_s();
	run_progress p = {.mean = sums_mean(t->sum, s), .steps = r->last, .epoch = epoch_of(t)};
	p.step_s = (now - r->report_at) / (double)MAX(t->step - r->report_step, 1);
	p.seconds = now - r->start;
	p.score_name = r->scored.step >= 0 ? r->judge.name : NULL;
	p.score = r->scored.value;
	p.images_per_s = trainer_step_images(t) / MAX(p.step_s, 1e-9);
	r->pace = run_pace(r->pace, p.step_s);
	p.eta_s = eta(r, p.seconds);
	r->report_at = now;
	r->report_step = t->step;
	memset(t->sum, 0, sizeof t->sum);
	if (!metrics_row(r->m, &p.mean, p.epoch, e)
		|| !metrics_time(r->m, t->step, p.seconds, p.images_per_s, e))
		return false;
	run_events_row(r, &p);
	if (r->opt->progress)
		r->opt->progress(r->opt->ctx, &p);
	return true;
}

/* The new file is complete before older ones go. A score of this step goes into it. */
static bool save(run *r, fault *e)
{
	trainer *t = r->t;
	char path[RUN_PATH_MAX];
	const bool scored = r->scored.step == t->step;
	rundir_checkpoint(r->out, t->step, path, sizeof path);
	if (!metrics_sync(r->m, e))                  /* after a power cut no row up to a checkpoint is missing */
		return false;
	if (!trainer_save_scored(t, path, r->scored.value, scored ? r->judge.about : NULL, e))
		return false;
	memcpy(r->good, path, sizeof r->good);
	r->saved = t->step;
	run_say(r, NOTE_FILE, "checkpoint: %s", path);
	fault warning = {.text = ""};
	const bool ok = run_keep_best(r, e) && rundir_prune(r->folder, t->cfg.train.keep, t->step, &warning, e);
	run_warn(r, &warning);
	return ok;
}

static bool due(int64_t step, int64_t every)
{
	return every > 0 && step % every == 0;
}

static bool after_step(run *r, const step_stats *s, fault *e)
{
	const config *c = &r->t->cfg;
	sums_add(r->t->sum, s);
	watch_step(r, s);
	bool end = s->step == r->last;
	if ((due(s->step, c->train.log_every) || end) && !report(r, s, e))
		return false;
	if ((due(s->step, c->train.sample_every) || end) && !run_draw(r, e))
		return false;
	const bool saves = due(s->step, c->train.checkpoint_every) || end;
	const bool scores = c->score.every ? due(s->step, c->score.every) || end : saves;
	return (!scores || run_score(r, e)) && (saves ? save(r, e) : !scores || run_keep_best(r, e));
}

/* What one process wants, the largest of which all do at the same step: go on, end, fail. Rank 0's clock counts. */
enum wish { WISH_ON, WISH_TIME, WISH_STOP, WISH_FAIL };

static enum wish wish_of(const run *r)
{
	if (r->opt->stop && *r->opt->stop)
		return WISH_STOP;
	const bool late = r->opt->max_seconds > 0 && clock_s() - r->start >= r->opt->max_seconds;
	return late && peers_rank() == 0 ? WISH_TIME : WISH_ON;
}

/* The curve up to there shows since when; a failure to draw it must not hide the message. */
static bool diverged(run *r)
{
	char keys[TROUBLE_TEXT];
	if (peers_rank() > 0)
		return false;
	run_say(r, NOTE_WARNING, "diverged; to change, from the checkpoint of step %lld: %s", (long long)r->saved,
		trouble_advice(TROUBLE_NO_NUMBER, trainer_config(r->t), keys));
	run_curves(r, "loss", true, NULL);
	return false;
}

/* The sums of a process that writes nothing: they are part of the state. */
static bool forget_step(run *r, const step_stats *s)
{
	sums_add(r->t->sum, s);
	if (due(s->step, r->t->cfg.train.log_every) || s->step == r->last)
		memset(r->t->sum, 0, sizeof r->t->sum);
	return true;
}

/* One process writes; the others learn at the next wish whether it could. */
static bool write_step(run *r, const step_stats *s, fault *e)
{
	if (peers_rank() > 0)
		return forget_step(r, s);
	if (after_step(r, s, e))
		return true;
	peers_most(WISH_FAIL);
	return trainer_finite(r->t) ? false : diverged(r);
}

/* What is written between steps keeps the others waiting and is no part of them. */
static bool timed_step(run *r, step_stats *s, fault *e)
{
	struct stepping *all = &r->stepping;
	const peers_cost was = peers_cost_now();
	const double start = clock_s();
	const bool good = trainer_step(r->t, s, e);
	const peers_cost is = peers_cost_now();
	all->steps++;
	all->seconds += clock_s() - start;
	all->cost.sent += is.sent - was.sent;
	all->cost.carried += is.carried - was.carried;
	all->cost.waited += is.waited - was.waited;
	return good;
}

static bool one_step(run *r, fault *e)
{
	enum { COMPARE_EVERY = 50 };                 /* steps; comparing costs a pass over the state */
	step_stats s;
	if (r->opt->step)
		r->opt->step(r->opt->ctx, r->t->step, r->last);
	const bool good = timed_step(r, &s, e);
	enum { GOOD, UNWRITTEN, NOT_FINITE } all = peers_most(good ? GOOD : s.step ? UNWRITTEN : NOT_FINITE);
	if (all != GOOD)
		return peers_agree(good, e) || (all == NOT_FINITE && diverged(r));
	if ((due(s.step, COMPARE_EVERY) || s.step == r->last) && !trainer_same(r->t, e))
		return false;
	return write_step(r, &s, e);
}

static bool steps(run *r, enum run_end *end, fault *e)
{
	for (;;) {
		/* Asked after the last step, too: rank 0 may have failed to write it. */
		const enum wish all = peers_most(r->t->step < r->last ? wish_of(r) : WISH_ON);
		*end = all == WISH_STOP ? RUN_STOPPED : all == WISH_TIME ? RUN_TIME : RUN_FINISHED;
		if (all == WISH_FAIL)
			return fault_set(e, "rank 0 has failed");
		if (*end != RUN_FINISHED || r->t->step >= r->last)
			return true;
		if (!one_step(r, e))
			return false;
	}
}

/* ---- after the last step ---- */

static bool finish(run *r, enum run_end end, fault *e)
{
	/* Where an interruption fell must not decide which checkpoint is the best: no score. */
	if (r->saved != r->t->step && !save(r, e))
		return false;
	if (r->opt->start_only)
		return true;
	return run_draw_last(r, end == RUN_STOPPED, e);
}

static bool start_record(run *r, fault *e)
{
	char path[RUN_PATH_MAX];
	return r->opt->record == 0 || (run_path(r->out, "steps.h5", path, e)
		&& trainer_record(r->t, path, r->opt->record, e));
}

/* What is left after a failure, so that nobody has to look for it. Where the folder is gone, that is what failed. */
static void name_last_good(const run *r, fault *e)
{
	fault why = *e;
	if (rundir_stands(r->folder, e) && r->good[0] && file_type(r->good) == FILE_REGULAR)
		fault_set(e, "%.560s; last good checkpoint: step %lld, %.400s", why.text, (long long)r->saved, r->good);
}

/* The steps alone: rank 0 has the folder, writes and says everything. */
static bool follow(run *r, enum run_end *end, fault *e)
{
	return peers_agree(true, e) && trainer_spread(r->t, e) && peers_agree(true, e) && steps(r, end, e);
}

/* What the processes cost each other, as rank 0 has seen it. */
static void tell_cost(const run *r)
{
	const peers_cost c = r->stepping.cost;
	const double n = (double)r->stepping.steps;
	if (peers_count() == 1 || n == 0)
		return;
	run_say(r, NOTE_INFO, "a step of %.3g s: %.3g MB sent by a process, %.3g s under way, %.3g s of that waited",
		r->stepping.seconds / n, c.sent / 1e6 / n, c.carried / n, c.waited / n);
}

bool run_trainer(trainer *t, const run_options *opt, enum run_end *end, fault *e)
{
	run r = {.t = t, .opt = opt, .out = opt->out, .saved = -1, .drawn = -1,
		.taken = -1, .best = {.step = -1}, .scored = {.step = -1}};
	r.last = opt->start_only ? 0 : opt->steps > 0 ? opt->steps : t->cfg.steps;
	*end = RUN_FINISHED;
	if (peers_rank() > 0)
		return follow(&r, end, e);
	bool started = peers_agree(run_start(&r, e), e) && trainer_spread(t, e);
	r.start = r.report_at = clock_s();
	r.report_step = t->step;
	const int64_t from = t->step;
	if (started && t->step >= r.last && !opt->start_only)
		run_say(&r, NOTE_INFO, "all %lld steps are done; --steps N trains on to step N", (long long)r.last);
	bool ok = started && peers_agree(start_record(&r, e), e) && steps(&r, end, e);
	if (ok && opt->record && t->step == from)
		run_say(&r, NOTE_WARNING, "no step was done, so there is nothing to record: no steps.h5 is written");
	tell_cost(&r);
	ok = ok && trainer_record_end(t, e)
		&& finish(&r, *end, e);
	if (started && !ok)
		name_last_good(&r, e);
	run_events_close(&r, ok);
	ok = metrics_close(r.m, ok ? e : NULL) && ok;
	sampler_free(r.s);
	scorer_free(&r.judge);
	free(r.yaml);
	rundir_close(r.folder);
	return ok;
}
