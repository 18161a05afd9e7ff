/* run_start.c - a run before its first step: what is there already, whether the config may go on with it, what
 * the data look like. */
#include "core/base/local.h"
#include "gan/train/run_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/kernels/fingerprint.h"
#include "data/class_names.h"
#include "data/describe.h"
#include "gan/checkpoint/saved.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/pictures.h"

void run_say(const run *r, enum run_note kind, const char *fmt, ...)
{
	char text[1200];
	va_list args;
	if (!r->opt->note)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	r->opt->note(r->opt->ctx, kind, text_plain(text, 0));
}

void run_warn(const run *r, const fault *warning)
{
	if (warning->text[0])
		run_say(r, NOTE_WARNING, "%s", warning->text);
}

/* ---- going on ---- */

static bool is_of_data(const config_key *k)
{
	return strncmp(k->name, "data.", 5) == 0;
}

static bool may_change(const run *r, const config_key *k, const config *old)
{
	/* An average is part of the state from the first step on, or never. */
	if (strcmp(k->name, "ema.decay") == 0)
		return (old->ema.decay == 0) == (r->t->cfg.ema.decay == 0);
	return k->on_resume || (r->opt->new_data && is_of_data(k));
}

/* Keys that differ from the checkpoint's: allowed ones are told, the others refused, all in one line. */
static bool check_config(const run *r, const checkpoint_info *info, fault *e)
{
	config old;
	int at[CONFIG_KEYS_MAX];
	if (!saved_config(info, &old, e))
		return false;
	const config *now = &r->t->cfg;
	const config_key *fixed = NULL;              /* the first that may not change */
	char before[CONFIG_VALUE_MAX] = "", others[400] = "";
	size_t used = 0;
	int n = config_diff(&old, now, at);
	for (int i = 0; i < n; i++) {
		char was[CONFIG_VALUE_MAX], is[CONFIG_VALUE_MAX];
		const config_key *k = config_key_at(at[i]);
		config_value_apart(&old, now, at[i], was);
		config_value_apart(now, &old, at[i], is);
		if (may_change(r, k, &old)) {
			run_say(r, NOTE_INFO, "%s changed from %.500s to %.500s", k->name, was, is);
		} else if (!fixed) {
			fixed = k;
			memcpy(before, was, sizeof before);
		} else if (used < sizeof others) {
			used += (size_t)snprintf(others + used, sizeof others - used, "%s %s (%.100s)",
				used ? "," : ", nor can", k->name, was);
		}
	}
	config_free(&old);
	if (fixed && is_of_data(fixed) && !used)
		return config_wrong(now, fixed->name, e, "the run in %s was started with %.200s; --new-data goes on "
			"with other images", r->out, before);
	return !fixed || config_wrong(now, fixed->name, e, "the run in %s was started with %.200s, which cannot "
		"change%s; use that, another --out (with --init-from it begins with these weights), or --fresh",
		r->out, before, others);
}

/* Whether it was trained on, and so measured against, the data that there are now. */
static bool is_of_data_now(const run *r, checkpoint *c, bool *is, fault *e)
{
	int64_t then = 0;
	state_list l = {0};
	state_add(&l, ARRAY_I64, CHECKPOINT_DATA, SHAPE(1), &then, NULL);
	const bool ok = checkpoint_fill(c, &l, false, e);
	state_list_free(&l);
	*is = then == r->t->data_checksum;
	return ok;
}

/* Nothing is removed. Where the run goes on from it, it is the only good one, and becomes a numbered one. */
static bool leave_best(run *r, const checkpoint_info *best, const char *why, fault *e)
{
	char to[RUN_PATH_MAX];
	const bool alone = strcmp(best->path, r->good) == 0;
	if (alone)
		rundir_checkpoint(r->out, best->step, to, sizeof to);
	else if (!rundir_former_best(r->out, best->step, to, e))
		return false;
	if (!rundir_move_best(r->out, to, e))
		return false;
	if (alone)
		memcpy(r->good, to, sizeof to);
	run_say(r, NOTE_INFO, "the best checkpoint so far (score %.4g at step %lld) %s; it is now %s", best->score,
		(long long)best->step, why, to);
	return true;
}

/* The best of this run, that is, of the steps up to the newest checkpoint, from which it goes on, and of these data. */
static bool take_best(run *r, checkpoint *best, const checkpoint_info *newest, fault *e)
{
	const checkpoint_info *info = checkpoint_about(best);
	bool now;
	if (!info->has_score)
		return true;
	if (info->step > newest->step)
		return leave_best(r, info, "is of a later step than the run goes on from", e);
	if (!is_of_data_now(r, best, &now, e))
		return false;
	if (!now)
		return leave_best(r, info, "was measured against other images", e);
	r->best = (struct best){info->score, info->step};
	return true;
}

static bool read_best(run *r, const checkpoint_info *newest, fault *e)
{
	checkpoint *best;
	fault warning;
	if (!rundir_open_best(r->out, &best, &warning, e))
		return false;
	run_warn(r, &warning);
	const bool ok = !best || take_best(r, best, newest, e);
	checkpoint_close(best);
	return ok;
}

/* A numbered checkpoint that may be the best. */
typedef struct candidate {
	int64_t step;                                /* -1: none yet */
	double score;
	char about[sizeof ((checkpoint_info *)0)->score_about];
} candidate;

/* From the newest on; of equal scores the first counts, as while training. */
static void consider(candidate *c, const checkpoint_info *info)
{
	if (!info->has_score || !isfinite(info->score)
		|| (c->step >= 0 && (strcmp(info->score_about, c->about) != 0 || info->score > c->score)))
		return;
	*c = (candidate){.step = info->step, .score = info->score};
	memcpy(c->about, info->score_about, sizeof c->about);
}

/* One that is no good is none. */
static bool consider_older(const run *r, int64_t step, candidate *found, fault *e)
{
	char path[RUN_PATH_MAX];
	bool now;
	rundir_checkpoint(r->out, step, path, sizeof path);
	checkpoint *c = checkpoint_open(path, NULL);
	const bool ok = !c || is_of_data_now(r, c, &now, e);
	if (c && ok && now)
		consider(found, checkpoint_about(c));
	checkpoint_close(c);
	return ok;
}

/* A kill after the newest checkpoint was written, before it was compared with the best, is made good. Where there is no
 * best one, it is the lowest score of those that are kept. */
static bool find_best(const run *r, const checkpoint_info *newest, candidate *found, fault *e)
{
	int64_t at = newest->step;
	if (!r->t->data_changed)
		consider(found, newest);
	bool ok = true;
	while (ok && r->best.step < 0 && r->t->cfg.score.count > 0 && (ok = rundir_before(r->out, &at, e)) && at >= 0)
		ok = consider_older(r, at, found, e);
	return ok;
}

static bool recall_best(run *r, const checkpoint_info *newest, fault *e)
{
	candidate found = {.step = -1};
	char path[RUN_PATH_MAX];
	bool better = false;
	fault warning;
	if (!read_best(r, newest, e))
		return false;
	if (newest->step <= r->best.step)
		return true;
	if (!find_best(r, newest, &found, e))
		return false;
	if (found.step < 0)
		return true;
	rundir_checkpoint(r->out, found.step, path, sizeof path);
	if (!rundir_keep_best(r->out, path, found.score, found.about, &better, &warning, e))
		return false;
	run_warn(r, &warning);
	if (better)
		r->best = (struct best){found.score, found.step};
	return true;
}

static void tell_new_data(const run *r, const checkpoint_info *info)
{
	char now[sizeof info->data];
	if (!r->t->data_changed)
		return;
	trainer_data_text(r->t, now, sizeof now);
	run_say(r, NOTE_INFO, "new data: %s%s%s; epoch %lld begins with them", info->data,
		info->data[0] ? " before, now " : "", now, (long long)loader_position(r->t->loader).epoch);
}

/* Another processor, another program: the run goes on, to other bits than where it was. */
static void tell_other_bits(const run *r, const checkpoint_info *info)
{
	char line[FINGERPRINT_LINE];
	bool certain;
	if (fingerprint_line(info->fingerprint, info->step, line, &certain))
		run_say(r, certain ? NOTE_WARNING : NOTE_INFO, "%s", line);
}

static bool go_on_from(run *r, checkpoint *c, fault *e)
{
	const checkpoint_info *info = checkpoint_about(c);
	memcpy(r->good, info->path, sizeof r->good);
	r->t->new_data = r->opt->new_data;
	if (!check_config(r, info, e) || !trainer_resume(r->t, c, e) || !recall_best(r, info, e))
		return false;
	r->saved = r->t->step;
	run_say(r, NOTE_INFO, "going on from %s (step %lld)", r->good, (long long)r->t->step);
	tell_other_bits(r, info);
	tell_new_data(r, info);
	if (r->opt->begin_from)
		run_say(r, NOTE_INFO, "the run has begun already: nothing is taken from %s", r->opt->begin_from);
	return true;
}

/* Goes on from the newest readable checkpoint. */
static bool resume(run *r, fault *e)
{
	fault warning;
	checkpoint *c = rundir_resume(r->folder, &warning, e);
	if (!c)
		return false;
	run_warn(r, &warning);
	const bool ok = go_on_from(r, c, e);
	checkpoint_close(c);
	return ok;
}

/* ---- beginning ---- */

static void note_begin(void *ctx, const char *line)
{
	run_say(ctx, NOTE_INFO, "%s", line);
}

/* A new run: random weights, or those of another. Before anything is put aside: they may be those of the run that was
 * here. */
static bool begin(run *r, fault *e)
{
	if (r->opt->begin_from)
		return trainer_begin_from(r->t, r->opt->begin_from, r, note_begin, e);
	return !r->opt->freeze_d || *r->opt->freeze_d <= 0
		|| fault_set(e, "--freeze-d %d: a new run begins with random weights, which must learn; "
			"--init-from names a run that has learnt", *r->opt->freeze_d);
}

/* As asked; else as it was. */
static bool freeze(run *r, fault *e)
{
	const int64_t before = r->t->frozen, now = r->opt->freeze_d ? *r->opt->freeze_d : before;
	if (now != before && !trainer_freeze_d(r->t, (int)now, e))
		return false;
	if (now > 0)
		run_say(r, NOTE_INFO, "D's first %lld blocks do not learn", (long long)now);
	else if (before > 0)
		run_say(r, NOTE_INFO, "all blocks of D learn from here on");
	return true;
}

/* Once for a new run: however early it ends, there is a checkpoint to go on from with other settings, and one that
 * began with another's weights can go on without them. */
static bool save_beginning(run *r, fault *e)
{
	if (r->saved >= 0)
		return true;
	char path[RUN_PATH_MAX];
	rundir_checkpoint(r->out, r->t->step, path, sizeof path);
	if (!trainer_save(r->t, path, e))
		return false;
	memcpy(r->good, path, sizeof r->good);
	r->saved = r->t->step;
	run_say(r, NOTE_FILE, "checkpoint: %s", r->good);
	return true;
}

/* ---- the first lines ---- */

static bool write_config(run *r, fault *e)
{
	char path[RUN_PATH_MAX];
	r->yaml = config_text(&r->t->cfg, e);
	return r->yaml && run_path(r->out, "config.yaml", path, e)
		&& file_replace(path, r->yaml, strlen(r->yaml), e);
}

static void note_line(void *ctx, const char *text)
{
	static const char mark[] = "warning: ";
	bool bad = strncmp(text, mark, sizeof mark - 1) == 0;
	run_say(ctx, bad ? NOTE_WARNING : NOTE_INFO, "%s", bad ? text + sizeof mark - 1 : text);
}

/* A batch of real images, before any augmentation, and how much they differ. The loader's position is put back. */
static bool show_data(run *r, fault *e)
{
	trainer *t = r->t;
	const config *c = &t->cfg;
	dataset_stats stats;
	char path[RUN_PATH_MAX];
	int64_t B = c->batch, size = (int64_t)c->net.size.h * c->net.size.w * c->model.channels;
	if (!t->loader)
		return true;
	if (!dataset_stats_make(t->data, &stats, e))
		return false;
	dataset_describe(t->data, &stats, note_line, r);
	dataset_stats_free(&stats);

	loader_place place = loader_position(t->loader);
	loader_next(t->loader, t->host_x, t->host_y);
	if (!loader_seek(t->loader, place, e))
		return false;
	double sum = 0;
	for (int64_t i = 0; i < size; i++) {
		double mean = 0, square = 0;
		for (int64_t b = 0; b < B; b++) {
			double v = t->host_x[b * size + i];
			mean += v / (double)B;
			square += v * v / (double)B;
		}
		sum += square - mean * mean;
	}
	r->watch.real_spread = sqrt(MAX(sum, 0) / (double)size);
	enum { SHOWN = 100, IN_A_ROW = 10 };         /* enough to see a wrong crop or wrong colours */
	const picture_about about = {.what = "a batch of real images", .name = c->name, .step = -1, .seed = c->seed,
		.config = r->yaml};
	const picture_images shown = {.x = t->host_x, .n = MIN(B, SHOWN), .h = c->net.size.h, .w = c->net.size.w,
		.c = c->model.channels, .columns = IN_A_ROW};
	if (!run_path(r->out, "data.png", path, e) || !picture_grid(path, &shown, &about, e))
		return false;
	run_say(r, NOTE_FILE, "a batch of real images: %s", path);
	return true;
}

static bool start_sampler(run *r, fault *e)
{
	const trainer *t = r->t;
	r->s = network_sampler_new(&t->cfg, MIN(t->cfg.batch, t->cfg.train.sample_count), e);
	char *names = r->s && t->data ? class_names_join(t->data->class_name, t->data->classes, e) : NULL;
	const bool ok = r->s && (!t->data || (names && sampler_call_classes(r->s, names, e)));
	free(names);
	return ok;
}

/* The option --steps says where the run ends, the key steps how long its rates fall. */
static void tell_course(const run *r)
{
	const config *c = &r->t->cfg;
	if (r->last > c->steps && c->optim.course.decay != DECAY_NONE && c->optim.course.steps == 0)
		run_say(r, NOTE_INFO, "rates fall until step %lld, as steps of the config says, and stay there; "
			"`--set steps=%lld` lets them fall to the end", (long long)c->steps, (long long)r->last);
}

bool run_start(run *r, fault *e)
{
	trainer *t = r->t;
	fault no_font;
	char moved[RUN_PATH_MAX];
	bool any;
	if (!config_check_course(&t->cfg, r->last, e))
		return false;
	r->folder = rundir_open(r->out, e);
	if (!r->folder || !rundir_any(r->out, &any, e))
		return false;
	const bool goes_on = !r->opt->fresh && any;
	if (!(goes_on ? resume(r, e) : begin(r, e)) || !freeze(r, e))
		return false;
	if (r->opt->fresh) {
		if (!rundir_put_aside(r->out, moved, e))
			return false;
		if (moved[0])
			run_say(r, NOTE_INFO, "the earlier run is now in %s", moved);
	}
	if (!svg_has_font(&no_font))
		run_say(r, NOTE_WARNING, "%s", no_font.text);
	step_stats names = {.gammas = t->gammas};
	for (int i = 0; i < t->gammas; i++)
		names.gamma[i].name = t->gamma_name[i];
	if (!save_beginning(r, e) || !write_config(r, e) || !show_data(r, e) || !run_scores_start(r, e))
		return false;
	const enum metrics_wanted wanted = r->judge.label ? METRICS_SPREAD
		: r->judge.fakes > 0 ? METRICS_SCORES : METRICS_PLAIN;
	fault warning;
	if (!(r->m = metrics_open(r->out, t->step, &names, wanted, &warning, e))
		|| !start_sampler(r, e))
		return false;
	run_warn(r, &warning);
	run_events_open(r);
	run_say(r, NOTE_INFO,
		"generator %lld, discriminator %lld parameters; arena %.1f MB; %.2f GFLOP a step",
		(long long)module_param_count(t->pg.m), (long long)module_param_count(t->pd.m),
		(double)t->arena_bytes / 1e6, trainer_step_flop(t) / 1e9);
	tell_course(r);
	return true;
}

