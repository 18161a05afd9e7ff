/* run_scores.c - the scores of a run, and which checkpoint is the best by them: the one place that decides it. */
#include <string.h>

#include "core/base/local.h"
#include "gan/train/run_internal.h"

/* Random images have nothing to be compared with, and one image has no spread. */
bool run_scores_start(run *r, fault *e)
{
	const trainer *t = r->t;
	fault why;
	if (t->cfg.score.count == 0 || !t->data || t->data->n < 2)
		return true;
	if (!scorer_init(&r->judge, &t->cfg, t->data, &why, e))
		return false;
	run_say(r, NOTE_INFO, "score: %s", r->judge.about);
	return true;
}

/* An evaluation that fails must not cost the checkpoint. */
bool run_score(run *r, fault *e)
{
	fault why;
	judgement j;
	if (r->judge.fakes == 0)
		return true;
	if (!run_take(r, &why) || !scorer_run(&r->judge, r->s, &j, &why)) {
		run_say(r, NOTE_WARNING, "step %lld: not scored: %s", (long long)r->t->step, why.text);
		return true;
	}
	r->scored = (struct scored){j.score, r->t->step};
	watch_classes(r, &j);
	run_events_score(r, &j);
	return metrics_score(r->m, r->t->step, &j, e);
}

/* The state as it is in memory: nothing that was just written is read again. */
static bool save_best(run *r, bool *better, fault *warning, fault *e)
{
	char best[RUN_PATH_MAX];
	rundir_best_path(r->out, best, sizeof best);
	return rundir_is_best(r->out, r->scored.value, r->judge.about, better, warning, e)
		&& (!*better || trainer_save_scored(r->t, best, r->scored.value, r->judge.about, e));
}

bool run_keep_best(run *r, fault *e)
{
	const double score = r->scored.value;
	bool better;
	fault warning;
	if (r->scored.step != r->t->step)
		return true;
	if (!save_best(r, &better, &warning, e))
		return false;
	run_warn(r, &warning);
	if (better)
		r->best = (struct best){score, r->t->step};
	run_say(r, NOTE_INFO, "%s %.4g, best %.4g at step %lld", r->judge.name, score, r->best.score,
		(long long)r->best.step);
	return true;
}
