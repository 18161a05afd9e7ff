/* run_pictures.c - what a run draws: samples at their interval; curves and attention then, too, and at the end. */
#include "core/base/local.h"
#include "gan/train/run_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "gan/report/curves.h"
#include "gan/report/report.h"
#include "gan/sample/pictures.h"
#include "gan/sample/request.h"

picture_about run_about(const run *r, const char *what)
{
	const config *c = &r->t->cfg;
	return (picture_about){.what = what, .name = c->name, .step = r->t->step, .seed = c->seed,
		.config = r->yaml};
}

/* The sampler gets the averaged generator (the plain one without average) as it is now. */
bool run_take(run *r, fault *e)
{
	trainer *t = r->t;
	if (r->taken == t->step)
		return true;
	r->taken = -1;
	if (!sampler_take(r->s, t->average ? network_module(t->average) : t->pg.m, e))
		return false;
	r->taken = t->step;
	return true;
}

/* The fixed latents through the generator that is sampled. */
static bool draw_samples(run *r, fault *e)
{
	const config *c = &r->t->cfg;
	char name[64], path[RUN_PATH_MAX];
	const sample_request q = {.n = c->train.sample_count, .seed = (uint64_t)c->seed, .label = -1};
	const picture_about about = run_about(r, "samples");
	real *x = mem_new((size_t)(q.n * sampler_image_size(r->s)), sizeof *x, e);
	const picture_images images = {.x = x, .n = q.n, .h = c->net.size.h, .w = c->net.size.w, .c = c->model.channels,
		.columns = request_columns(r->s, &q), .heads = request_heads(r->s, &q)};
	snprintf(name, sizeof name, "samples-%08lld.png", (long long)r->t->step);
	const bool ok = x && run_path(r->out, name, path, e) && run_take(r, e) && request_run(r->s, &q, x, e)
		&& picture_grid(path, &images, &about, e);
	free(x);
	if (ok) {
		run_say(r, NOTE_FILE, "samples: %s", path);
		run_events_picture(r, "samples/grid", path);
		run_events_histograms(r);
	}
	r->drawn = r->t->step;
	return ok;
}

/* ---- curves and attention ---- */

bool run_curves(run *r, const char *id, bool say, fault *e)
{
	char name[32], path[RUN_PATH_MAX];
	const picture_about about = run_about(r, NULL);
	snprintf(name, sizeof name, "%s.png", id);
	if (!run_path(r->out, name, path, e) || !curves_picture(curves_find(id), r->out, path, &about, e))
		return false;
	if (say)
		run_say(r, NOTE_FILE, "%s: %s", curves_find(id)->short_name, path);
	return true;
}

/* The scores and where the best checkpoint is. Resumed with scores switched off there may be old ones. */
static bool draw_scores(run *r, bool say, fault *e)
{
	char best[RUN_PATH_MAX];
	if (r->judge.fakes == 0 || r->best.step < 0)
		return true;
	if (!run_curves(r, "scores", say, e) || !rundir_best(r->out, best, sizeof best, e))
		return false;
	if (say)
		run_say(r, NOTE_FILE, "best checkpoint: %s (score %.4g at step %lld)", best, r->best.score,
			(long long)r->best.step);
	return true;
}

static bool draw_attention(run *r, bool say, fault *e)
{
	enum { ATTENTION_ROWS = 6 };                 /* images of attention.png: they fit a screen */
	char path[RUN_PATH_MAX];
	const trainer *t = r->t;
	const picture_about about = run_about(r, "attention of the last layer");
	const gaze *maps = sampler_gaze(r->s, e);
	if (!maps)
		return false;
	if (gaze_layers(maps) == 0) {
		if (say && network_placed_layers(t->g) > 0)
			run_say(r, NOTE_INFO, "attention: no picture, no layer of G has a map");
		return true;
	}
	if (!run_path(r->out, "attention.png", path, e) || !run_take(r, e)
		|| !picture_attention(path, r->s, (uint64_t)t->cfg.seed, ATTENTION_ROWS, &about, e))
		return false;
	if (say)
		run_say(r, NOTE_FILE, "attention: %s", path);
	run_events_picture(r, "attention/sheet", path);
	return true;
}

/* One page with all of it: who loads it again sees the run go on. */
static bool write_report(run *r, bool say, fault *e)
{
	char path[RUN_PATH_MAX], data[128];
	trainer_data_text(r->t, data, sizeof data);
	const report_run one = {.folder = r->out, .s = r->s, .about_data = data, .step = r->t->step};
	if (!run_path(r->out, "report.html", path, e) || !run_take(r, e)
		|| !report_write(path, &one, 1, "sagan", e))
		return false;
	if (say)
		run_say(r, NOTE_FILE, "report: %s", path);
	return true;
}

static bool draw_others(run *r, bool say, fault *e)
{
	return run_curves(r, "loss", say, e) && draw_scores(r, say, e) && draw_attention(r, say, e)
		&& write_report(r, say, e);
}

/* Those that show the run as it is now take at most a hundredth of its time: where they take longer, they are drawn at
 * longer intervals, which is said once. One that cannot be drawn must not end the run. */
static void draw_live(run *r)
{
	enum { SHARE = 100 };
	fault why;
	const double begin = clock_s(), wait = SHARE * r->live.seconds;
	if (r->live.at > 0 && begin - r->live.at < wait) {
		if (!r->live.told)
			run_say(r, NOTE_INFO, "curves, attention and report take %.2g s: they are new every %.0f s at "
				"most, and at the end", r->live.seconds, wait);
		r->live.told = true;
		return;
	}
	if (!draw_others(r, false, &why))
		run_say(r, NOTE_WARNING, "step %lld: not drawn: %s", (long long)r->t->step, why.text);
	r->live.at = clock_s();
	r->live.seconds = r->live.at - begin;
}

bool run_draw(run *r, fault *e)
{
	if (!draw_samples(r, e))
		return false;
	draw_live(r);
	return true;
}

bool run_draw_last(run *r, bool stopped, fault *e)
{
	const bool samples = stopped ? r->drawn < 0 : r->drawn != r->t->step;
	return (!samples || draw_samples(r, e)) && draw_others(r, true, e);
}
