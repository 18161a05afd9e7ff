/* report.c - the page: a template (report.html), a style, a script, and the runs as JSON for it. */
#include "gan/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "gan/report/curves.h"
#include "gan/report/gather.h"
#include "gan/sample/network_sampler.h"

/* The files beside this one, which the Makefile puts into the program. */
extern const unsigned char report_page_text[], report_style_text[], report_script_text[];
extern const unsigned long report_page_size, report_style_size, report_script_size;

/* ---- a run as JSON ---- */

/* [key, value] of each key that a config of this purpose has. */
static json_t *config_json(const config *c)
{
	char value[CONFIG_VALUE_MAX];
	json_t *all = json_array();
	bool ok = all;
	for (int i = 0; ok && i < config_key_count(); i++) {
		if (!config_key_used(i, c->purpose))
			continue;
		json_t *row = json_array();
		ok = row && gather_add(row, json_text(config_key_at(i)->name))
			&& gather_add(row, json_text(config_value(c, i, value, sizeof value)));
		if (ok)
			ok = gather_add(all, row);
		else
			json_decref(row);
	}
	if (!ok)
		json_decref(all);
	return ok ? all : NULL;
}

/* "sagan train runs/demo", to be typed as it stands. */
static json_t *command_json(const char *program, const char *folder)
{
	static const char verb[] = " train ";
	const size_t size = 4 * (strlen(program) + strlen(folder)) + 12 + sizeof verb;
	char *text = malloc(size);
	if (text) {
		strcat(text_shell(program, text, size), verb);
		text_shell(folder, text + strlen(text), size - strlen(text));
	}
	json_t *j = text ? json_text(text) : NULL;
	free(text);
	return j;
}

static bool facts_into(json_t *o, const run_facts *f, const report_run *from, const char *program, const char *machine)
{
	bool ok = gather_put(o, "name", json_text(f->cfg.name)) && gather_put(o, "folder", json_text(from->folder))
		&& gather_put(o, "step", json_integer(f->step)) && gather_put(o, "steps", json_integer(f->cfg.steps))
		&& gather_put(o, "seconds", json_number(f->seconds))
		&& gather_put(o, "images_per_s", json_number(f->images_per_s))
		&& gather_put(o, "program", json_text(f->program[0] ? f->program : "sagan " SAGAN_VERSION))
		&& gather_put(o, "precision", json_text(f->precision[0] ? f->precision : REAL_NAME))
		&& gather_put(o, "data", json_text(from->about_data ? from->about_data : f->data))
		&& gather_put(o, "machine", json_text(machine))
		&& gather_put(o, "go_on", command_json(program, from->folder));
	if (ok && f->has_score)
		ok = gather_put(o, "best_score", json_number(f->best_score))
			&& gather_put(o, "best_at", json_integer(f->best_at))
			&& gather_put(o, "last_score", json_number(f->last_score))
			&& gather_put(o, "last_at", json_integer(f->last_at));
	return ok;
}

/* The maps of the generator that is there; a run without a checkpoint has none yet. */
static json_t *attention_json(const report_run *from, const run_facts *f, int share, fault *e)
{
	fault why = {.text = ""};
	sampler *own = from->s ? NULL : network_sampler_open(from->folder, false, 1, NULL, &why);
	if (!from->s && !own)
		return f->program[0] || fault_is_now(&why) ? (fault_take(e, &why), NULL) : json_array();
	json_t *a = gather_attention(from->s ? from->s : own, (uint64_t)f->cfg.seed, share, e);
	sampler_free(own);
	return a;
}

/* o[key] = v, or false with e set: v is NULL and e says why, or no memory. */
static bool put(json_t *o, const char *key, json_t *v, fault *e)
{
	return v && (gather_put(o, key, v) || fault_set(e, "out of memory for the page of a run"));
}

static json_t *run_json(const report_run *from, int share, const char *program, fault *e)
{
	run_facts f;
	if (!(from->s ? facts_read_live(&f, from->folder, from->step, e) : facts_read(&f, from->folder, e)))
		return NULL;
	char machine[400];
	if (!machine_text(machine, sizeof machine, e)) {
		facts_free(&f);
		return NULL;
	}
	json_t *o = json_object();
	const bool ok = ((o && facts_into(o, &f, from, program, machine)
				&& gather_put(o, "config", config_json(&f.cfg)))
			|| fault_set(e, "out of memory for the page of a run"))
		&& put(o, "curves", gather_curves(from->folder, share, e), e)
		&& put(o, "samples", gather_samples(from->folder, share, e), e)
		&& put(o, "attention", attention_json(from, &f, share, e), e);
	facts_free(&f);
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- the page ---- */

static void print_json(FILE *to, const char *json)
{
	for (; *json; json++) {
		if (text_script(*json))
			fputs(text_script(*json), to);
		else
			fputc(*json, to);
	}
}

/* As HTML text. */
static void print_text(FILE *to, const char *text)
{
	const text_shown t = text_show(text);
	for (const char *c = t.s; *c; c++) {
		if (text_markup(*c))
			fputs(text_markup(*c), to);
		else
			fputc(*c, to);
	}
}

/* The charts as they are without a script, one after the other. What a run has not, is left out. */
static bool draw_charts(svg *all, const report_run *run, int n, fault *e)
{
	for (int r = 0; r < n; r++)
		for (const curves *k = curves_of_run; k->id; k++) {
			svg s;
			fault why;
			const picture_about about = {.name = run[r].folder, .step = -1, .seed = -1};
			if (!k->short_name)
				continue;
			if (curves_svg(k, run[r].folder, &about, &s, &why)) {
				svg_add(all, "%s", s.text);
				svg_free(&s);
			} else if (fault_is_now(&why)) {
				return fault_set(e, "%s", why.text);
			}
		}
	return svg_good(all, e);
}

/* What stands in the template's marks. */
typedef struct parts {
	const report_run *run;
	int n;
	const char *json;
	const svg *charts;
} parts;

static void print_part(FILE *to, const char *mark, size_t len, const parts *p)
{
	if (len == 5 && memcmp(mark, "TITLE", 5) == 0)
		print_text(to, p->n == 1 ? p->run[0].folder : "runs compared");
	else if (len == 5 && memcmp(mark, "STYLE", 5) == 0)
		fwrite(report_style_text, 1, report_style_size, to);
	else if (len == 6 && memcmp(mark, "SCRIPT", 6) == 0)
		fwrite(report_script_text, 1, report_script_size, to);
	else if (len == 6 && memcmp(mark, "CHARTS", 6) == 0)
		fwrite(p->charts->text ? p->charts->text : "", 1, p->charts->n, to);
	else if (len == 4 && memcmp(mark, "DATA", 4) == 0)
		print_json(to, p->json);
	else
		must(false, "report.html has a mark %.*s", (int)len, mark);
}

/* The template, whose marks are @WORD@. */
static void print_page(FILE *to, const parts *p)
{
	const char *at = (const char *)report_page_text, *end = at + report_page_size;
	while (at < end) {
		const char *mark = memchr(at, '@', (size_t)(end - at));
		const char *close = mark ? memchr(mark + 1, '@', (size_t)(end - mark - 1)) : NULL;
		fwrite(at, 1, (size_t)((close ? mark : end) - at), to);
		if (!close)
			return;
		print_part(to, mark + 1, (size_t)(close - mark - 1), p);
		at = close + 1;
	}
}

static bool write_page(const char *path, const parts *p, fault *e)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = file_begin_text(&text, &n);
	if (!to)
		return fault_set(e, "out of memory for %s", path);
	print_page(to, p);
	const bool ok = file_end_text(to, &text) ? file_replace(path, text, n, e)
		: fault_set(e, "out of memory for %s", path);
	free(text);
	return ok;
}

static bool stamp(json_t *all)
{
	char when[64] = "";
	const time_t now = time(NULL);
	struct tm t;
	if (localtime_r(&now, &t))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M", &t);
	return gather_put(all, "written", json_text(when));
}

bool report_write(const char *path, const report_run *run, int n, const char *program, fault *e)
{
	must(n > 0 && n <= REPORT_RUNS_MOST, "a page of %d runs", n);
	json_t *all = json_object(), *runs = json_array();
	bool ok = (all && runs && stamp(all)) || fault_set(e, "out of memory for %s", path);
	for (int i = 0; ok && i < n; i++) {
		json_t *one = run_json(&run[i], n, program, e);
		ok = one && (gather_add(runs, one) || fault_set(e, "out of memory for %s", path));
	}
	ok = ok && (json_object_set(all, "runs", runs) == 0 || fault_set(e, "out of memory for %s", path));
	char *json = ok ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	json_decref(runs);
	json_decref(all);
	if (ok && !json)
		return fault_set(e, "out of memory for %s", path);
	svg charts = {0};
	ok = ok && draw_charts(&charts, run, n, e) && write_page(path, &(parts){run, n, json, &charts}, e);
	svg_free(&charts);
	free(json);
	return ok;
}
