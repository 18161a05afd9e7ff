/* class_run.c - see class_run.h. */
#include "gan/classify/class_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/kernels/fingerprint.h"
#include "data/class_names.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/classify/class_trainer.h"
#include "gan/classify/classifier_file.h"
#include "gan/classify/settle.h"
#include "gan/config/config_apply.h"

enum { PATH_ROOM = 4096 };

typedef struct making {
	const class_run_options *o;
	config *cfg;
	dataset *train, *test;                       /* own */
	class_trainer *t;                            /* own */
	char state[PATH_ROOM + 8];                   /* path of the state */
	double began, reported;                      /* clock */
	double loss;                                 /* sum since the last report, of `count` steps */
	int64_t count;
} making;

static void note(const making *m, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(const making *m, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (m->o->note)
		m->o->note(m->o->ctx, text);
}

/* ---- going on ---- */

/* Keys that must not change have not; the others are told. */
static bool same_config(const making *m, const char *text, fault *e)
{
	config was;
	int at[CONFIG_KEYS_MAX];
	config_init_for(&was, CONFIG_CLASSIFIER);
	bool ok = config_parse(&was, text, strlen(text), m->state, e);
	const int n = ok ? config_diff(&was, m->cfg, at) : 0;
	for (int i = 0; ok && i < n; i++) {
		const config_key *k = config_key_at(at[i]);
		char then[CONFIG_VALUE_MAX], now[CONFIG_VALUE_MAX];
		config_value_apart(&was, m->cfg, at[i], then);
		if (k->on_resume)
			note(m, "%s changed from %.400s to %.400s", k->name, then,
			     config_value_apart(m->cfg, &was, at[i], now));
		else
			ok = config_wrong(m->cfg, k->name, e, "%s was begun with %.200s; --fresh begins anew", m->state,
				then);
	}
	config_free(&was);
	return ok;
}

static bool go_on(making *m, fault *e)
{
	checkpoint_info info;
	if (file_type(m->state) == FILE_MISSING)
		return true;
	char line[FINGERPRINT_LINE];
	bool certain;
	if (!checkpoint_read_info(m->state, &info, e))
		return false;
	const bool ok = same_config(m, info.config, e) && class_trainer_load(m->t, m->state, e);
	if (ok && fingerprint_line(info.fingerprint, info.step, line, &certain))
		note(m, "%s", line);
	checkpoint_info_free(&info);
	if (ok)
		note(m, "goes on after step %lld, from %s", (long long)class_trainer_steps_done(m->t), m->state);
	return ok;
}

/* ---- learning ---- */

static void report(making *m, int64_t step)
{
	const double now = clock_s();
	const class_progress p = {
		.step = step, .steps = m->cfg->steps, .loss = m->loss / (double)m->count,
		.images_per_s = (double)(m->count * m->cfg->batch) / MAX(now - m->reported, 1e-9),
		.seconds = now - m->began,
	};
	if (m->o->progress)
		m->o->progress(m->o->ctx, &p);
	m->loss = 0;
	m->count = 0;
	m->reported = now;
}

static bool is_due(int64_t step, int64_t every)
{
	return every > 0 && step % every == 0;
}

static bool tested(making *m, int64_t *right, fault *e)
{
	classifier *c = class_trainer_average(m->t);
	if (!classifier_settle(c, m->train, m->cfg->batch, (uint64_t)m->cfg->seed, e)
		|| !classifier_test(c, m->test, right, e))
		return false;
	note(m, "step %lld: %lld of %lld test images are right, %.2f %%", (long long)class_trainer_steps_done(m->t),
		(long long)*right, (long long)m->test->n, 100 * (double)*right / (double)m->test->n);
	return true;
}

static bool learn(making *m, bool *finished, fault *e)
{
	int64_t step = class_trainer_steps_done(m->t), right;
	m->began = m->reported = clock_s();
	*finished = true;
	while (*finished && step < m->cfg->steps) {
		double loss;
		if (m->o->step)
			m->o->step(m->o->ctx, step);
		if (!class_trainer_step(m->t, &loss, e))
			return false;
		step = class_trainer_steps_done(m->t);
		m->loss += loss;
		m->count++;
		*finished = !m->o->stop || !*m->o->stop;
		if (is_due(step, m->cfg->train.log_every) || step == m->cfg->steps)
			report(m, step);
		if (!*finished || is_due(step, m->cfg->train.checkpoint_every)) {
			if (!class_trainer_save(m->t, m->state, e) || (*finished && !tested(m, &right, e)))
				return false;
			m->reported = clock_s();
		}
	}
	return true;
}

/* ---- the file ---- */

/* What is tested is what the file holds. */
static bool save(making *m, fault *e)
{
	classifier *c = class_trainer_average(m->t);
	classifier_record r = {.tested = m->test->n};
	int64_t right;
	const dataset *d = m->train;
	if (m->cfg->classify.compact)
		classifier_round(c);
	snprintf(r.name, sizeof r.name, "%.63s", m->cfg->name);
	snprintf(r.data, sizeof r.data, "%lld images of %dx%dx%d in %d classes (%.31s)", (long long)d->n, d->h, d->w,
		d->c, d->classes, d->kind);
	dataset_moments(d, &r.mean, &r.deviation);
	r.class_names = class_names_join(d->class_name, d->classes, e);
	r.config = r.class_names ? config_text(m->cfg, e) : NULL;
	bool ok = r.config && tested(m, &right, e);
	r.accuracy = ok ? (double)right / (double)m->test->n : 0;
	ok = ok && classifier_save(m->o->out, c, &r, m->cfg->classify.compact, e);
	if (ok)
		note(m, "%s: sha256 of the weights %s", m->o->out, r.sha256);
	classifier_record_free(&r);
	return ok;
}

/* Late: what was learnt is not lost to a mistake in the config or the data. */
static bool forget_state(const making *m, fault *e)
{
	return unlink(m->state) == 0 || errno == ENOENT
		|| fault_at(e, m->state, "cannot remove it: %s", strerror(errno));
}

static void note_idle(void *ctx, const char *line)
{
	note(ctx, "%s", line);
}

static bool start(making *m, fault *e)
{
	if (!config_check_course(m->cfg, m->cfg->steps, e))
		return false;
	if (strcmp(m->o->out, "-") == 0)
		return fault_at(e, m->o->out, "the state is kept beside the file, which must have a name");
	snprintf(m->state, sizeof m->state, "%.4095s.state", m->o->out);
	if (!kept_spared(m->o->out, KEPT_CLASSIFIER, e) || !kept_spared(m->state, KEPT_CLASSIFIER, e))
		return false;
	if (!m->o->fresh && file_type(m->o->out) != FILE_MISSING)
		return fault_at(e, m->o->out, "is there already; --fresh makes it anew");
	if (!file_make_parents(m->o->out, e) || !config_open_classes(m->cfg, &m->train, &m->test, e))
		return false;
	note(m, "data: %lld images for training, %lld for testing, %dx%dx%d, %d classes", (long long)m->train->n,
		(long long)m->test->n, m->train->h, m->train->w, m->train->c, m->train->classes);
	m->t = class_trainer_new(m->cfg, m->train, e);
	if (!m->t)
		return false;
	const classifier *c = class_trainer_average(m->t);
	note(m, "network: %lld parameters, %d features", (long long)module_param_count(classifier_module(c)),
		classifier_feature_count(c));
	config_tell_idle(m->cfg, note_idle, m);
	return m->o->fresh ? forget_state(m, e) : go_on(m, e);
}

bool class_run(config *cfg, const class_run_options *o, bool *finished, fault *e)
{
	making m = {.o = o, .cfg = cfg};
	*finished = false;
	const bool ok = start(&m, e) && learn(&m, finished, e) && (!*finished || save(&m, e));
	if (ok && *finished)
		unlink(m.state);
	class_trainer_free(m.t);
	dataset_free(m.train);
	dataset_free(m.test);
	return ok;
}
