/* run_scores.c - the scores of a run, and which checkpoint is the best by them: the one place that decides it. */
#include <string.h>
#include <sys/stat.h>

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

/* Whether the file is still the one that this process put there. */
static bool is_ours(const run *r, const char *best)
{
	struct stat now;
	const struct stat *was = &r->best_file;
	return r->best_ours && stat(best, &now) == 0 && now.st_dev == was->st_dev && now.st_ino == was->st_ino
		&& now.st_size == was->st_size && now.st_mtim.tv_sec == was->st_mtim.tv_sec
		&& now.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

/* The state as it is in memory: nothing that this process has written is read again. */
static bool save_best(run *r, bool *better, fault *warning, fault *e)
{
	char best[RUN_PATH_MAX];
	const double score = r->scored.value;
	rundir_best_path(r->out, best, sizeof best);
	warning->text[0] = '\0';
	if (is_ours(r, best))
		*better = score < r->best.score;
	else if (!rundir_is_best(r->out, score, r->judge.about, better, warning, e))
		return false;
	if (!*better)
		return true;
	r->best_ours = false;
	if (!trainer_save_scored(r->t, best, score, r->judge.about, e))
		return false;
	r->best_ours = stat(best, &r->best_file) == 0;
	rundir_drop_former(r->out, r->t->step);
	return true;
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
