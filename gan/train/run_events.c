/* run_events.c - what a run writes for TensorBoard (gan/log/events.h). docs/tensorboard.md lists the tags.
 *
 * A page is for looking: a file that cannot be written any more is told once, and training goes on without it. Nothing
 * here draws random numbers or changes a parameter: with and without event files a run has the same bits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/log/events.h"
#include "gan/train/run_internal.h"

/* Says why there are no event files from here on. */
static void give_up(run *r, const fault *why)
{
	run_say(r, NOTE_WARNING, "%s; no more event files from this process", why->text);
	events_close(r->events, NULL);
	r->events = NULL;
}

/* ---- the beginning and the end ---- */

/* The text of a key's value, and what kind of setting that is to the page. */
static event_setting setting_of(const config *c, int i, char *text, size_t size)
{
	const config_key *k = config_key_at(i);
	const bool number = k->type == KEY_INT || k->type == KEY_COUNT || k->type == KEY_REAL;
	const bool plain = k->type == KEY_TEXT || k->type == KEY_NAMES;      /* without quotes */
	event_setting s = {.name = k->name, .text = config_value(c, i, text, size)};
	s.kind = number ? SETTING_NUMBER : k->type == KEY_BOOL ? SETTING_BOOL : SETTING_TEXT;
	if (plain)
		snprintf(text, size, "%s", (const char *)c + k->offset);
	s.text = text_plain(text, 0);
	s.number = number ? strtod(text, NULL) : !strcmp(text, "true");
	return s;
}

static bool begin(run *r, fault *e)
{
	event_setting row[CONFIG_KEYS_MAX];
	const int n = config_key_count();
	char (*text)[CONFIG_VALUE_MAX] = mem_new((size_t)n, sizeof *text, e);
	for (int i = 0; text && i < n; i++)
		row[i] = setting_of(&r->t->cfg, i, text[i], CONFIG_VALUE_MAX);
	const bool ok = text && events_begin(r->events, n, row, e);
	free(text);
	return ok;
}

/* In a block that Markdown shows as it is. */
static bool write_config(run *r, fault *e)
{
	char *yaml = config_text(&r->t->cfg, e);
	const size_t size = yaml ? strlen(yaml) + 32 : 0;
	char *page = yaml ? mem_new(size, 1, e) : NULL;
	if (page)
		snprintf(page, size, "```yaml\n%s```\n", yaml);
	const bool ok = page && events_text(r->events, r->t->step, "config", page, e);
	free(page);
	free(yaml);
	return ok;
}

void run_events_open(run *r)
{
	fault why;
	if (!r->t->cfg.train.tensorboard || r->opt->start_only)
		return;
	r->events = events_open(r->out, r->t->step, &why);
	if (!r->events || !begin(r, &why) || !write_config(r, &why))
		give_up(r, &why);
}

void run_events_close(run *r, bool ok)
{
	fault why;
	if (r->events && !events_end(r->events, ok ? EVENT_SUCCESS : EVENT_FAILURE, &why))
		give_up(r, &why);
	events_close(r->events, NULL);
	r->events = NULL;
}

/* ---- numbers ---- */

void run_events_row(run *r, const run_progress *p)
{
	enum { PLAIN = 12 };
	const step_stats *m = &p->mean;
	char name[2 * GAMMA_MAX][160];
	event_scalar row[PLAIN + 1 + 2 * GAMMA_MAX] = {
		{"loss/d", m->d_loss}, {"loss/g", m->g_loss}, {"loss/penalty", m->penalty},
		{"d_output/real", m->d_real}, {"d_output/fake", m->d_fake},
		{"gradient/d", m->d_norm}, {"gradient/g", m->g_norm}, {"rate/d", m->d_rate}, {"rate/g", m->g_rate},
		{"samples/spread", m->spread}, {"time/epoch", p->epoch}, {"time/images_per_s", p->images_per_s},
	};
	int n = PLAIN;
	fault why;
	if (r->t->cfg.augment.n)
		row[n++] = (event_scalar){"augment/probability", m->augment};
	for (int i = 0; i < m->gammas; i++) {
		const gamma_value *g = &m->gamma[i];
		snprintf(name[2 * i], sizeof name[0], "gamma/%s", g->name);
		snprintf(name[2 * i + 1], sizeof name[0], "gamma_gradient/%s", g->name);
		row[n++] = (event_scalar){name[2 * i], g->value};
		row[n++] = (event_scalar){name[2 * i + 1], g->grad};
	}
	if (r->events && !events_scalars(r->events, m->step, n, row, &why))
		give_up(r, &why);
}

void run_events_score(run *r, const judgement *j)
{
	const event_scalar row[] = {
		{"score/distance", j->score}, {"score/spread", j->mean}, {"score/lowest", j->lowest},
	};
	fault why;
	if (r->events && !events_scalars(r->events, r->t->step, j->has_spread ? COUNT(row) : 1, row, &why))
		give_up(r, &why);
}

/* ---- pictures and histograms ---- */

void run_events_picture(run *r, const char *tag, const char *path)
{
	enum { PNG_MOST = 1 << 28 };
	fault why;
	size_t n;
	void *png = NULL;
	if (r->events && !(file_read(path, PNG_MOST, &png, &n, &why)
		&& events_png(r->events, r->t->step, tag, png, n, &why)))
		give_up(r, &why);
	free(png);
}

static bool write_weights(run *r, const player *p, fault *e)
{
	char tag[320];
	bool ok = true;
	for (int i = 0; ok && i < module_params(p->m); i++) {
		const buffer *b = module_param_at(p->m, i);
		snprintf(tag, sizeof tag, "weights_%c/%s", p->name[0], b->name);
		ok = events_histogram(r->events, r->t->step, tag, b->x, shape_count(&b->s), e);
	}
	return ok;
}

void run_events_histograms(run *r)
{
	const trainer *t = r->t;
	fault why;
	if (!r->events || t->step == 0)
		return;
	if (!events_histogram(r->events, t->step, "d_values/real", t->d_real, t->cfg.batch, &why)
		|| !events_histogram(r->events, t->step, "d_values/fake", t->d_fake, t->cfg.batch, &why)
		|| !write_weights(r, &t->pg, &why) || !write_weights(r, &t->pd, &why))
		give_up(r, &why);
}
