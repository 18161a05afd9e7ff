/* cmd_compare.c - sagan compare: a table of runs: what differs in their configs, scores, time, speed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "gan/report/facts.h"
#include "gan/report/gather.h"
#include "tools/command.h"

enum { RUNS_MOST = 16, CELL = CONFIG_VALUE_MAX };

/* ---- rows ---- */

static char *steps_of(const run_facts *f, char *buf, size_t size)
{
	const int n = snprintf(buf, size, "%lld", (long long)f->step);
	if (f->step <= f->cfg.steps)                 /* --steps may go further */
		snprintf(buf + n, size - (size_t)n, " of %lld", (long long)f->cfg.steps);
	return buf;
}

static char *score_of(const run_facts *f, double score, int64_t at, char *buf, size_t size)
{
	if (f->has_score)
		snprintf(buf, size, "%.4g at %lld", score, (long long)at);
	else
		snprintf(buf, size, "-");
	return buf;
}

static char *best_of(const run_facts *f, char *buf, size_t size)
{
	return score_of(f, f->best_score, f->best_at, buf, size);
}

static char *last_of(const run_facts *f, char *buf, size_t size)
{
	return score_of(f, f->last_score, f->last_at, buf, size);
}

static char *time_of(const run_facts *f, char *buf, size_t size)
{
	return print_time(f->seconds, buf, size);
}

static char *speed_of(const run_facts *f, char *buf, size_t size)
{
	snprintf(buf, size, "%.1f", f->images_per_s);
	return buf;
}

static const struct {
	const char *name;
	char *(*of)(const run_facts *f, char *buf, size_t size);
} ROW[] = {
	{"steps", steps_of}, {"best score", best_of}, {"last score", last_of}, {"time", time_of},
	{"images/s", speed_of},
};

/* The keys whose values are not the same in all runs, into at; returns how many. */
static int differing(const run_facts *run, int n, int *at)
{
	bool differs[CONFIG_KEYS_MAX] = {false};
	int count = 0;
	for (int r = 1; r < n; r++)
		for (int k = config_diff(&run[0].cfg, &run[r].cfg, at); k > 0; k--)
			differs[at[k - 1]] = true;
	for (int i = 0; i < config_key_count(); i++)
		if (differs[i])
			at[count++] = i;
	return count;
}

/* The text of row i, the rows of ROW first and then the differing keys: its name (run -1), or what run r has there. */
static const char *cell(const run_facts *run, const int *key, int i, int r, char buf[CELL])
{
	if (i < COUNT(ROW))
		return r < 0 ? ROW[i].name : ROW[i].of(&run[r], buf, CELL);
	i = key[i - COUNT(ROW)];
	return r < 0 ? config_key_at(i)->name : config_value(&run[r].cfg, i, buf, CELL);
}

/* ---- a table for people ---- */

static void print_table(const run_facts *run, int n, const int *key, int rows)
{
	char buf[CELL];
	char folder[RUNS_MOST][TEXT_SHOWN];
	int width[1 + RUNS_MOST];
	for (int r = 0; r < n; r++)
		memcpy(folder[r], text_show(run[r].folder).s, TEXT_SHOWN);
	for (int r = -1; r < n; r++) {
		width[1 + r] = r < 0 ? 0 : (int)strlen(folder[r]);
		for (int i = 0; i < rows; i++)
			width[1 + r] = MAX(width[1 + r], (int)strlen(cell(run, key, i, r, buf)));
	}
	for (int i = -1; i < rows; i++)
		for (int r = -1; r < n; r++) {
			const char *text = i >= 0 ? cell(run, key, i, r, buf) : r < 0 ? "" : folder[r];
			printf("%-*s%s", r + 1 < n ? width[1 + r] + 2 : 0, text, r + 1 < n ? "" : "\n");
		}
	if (rows == COUNT(ROW))
		printf("the configs are the same\n");
}

/* ---- a line of JSON for each run ---- */

static bool print_json(const run_facts *f, const int *key, int keys)
{
	char buf[CELL];
	json_t *o = json_object(), *differs = json_object();
	bool ok = o && differs;
	for (int i = 0; ok && i < keys; i++)
		ok = gather_put(differs, config_key_at(key[i])->name,
			json_text(config_value(&f->cfg, key[i], buf, sizeof buf)));
	ok = ok && gather_put(o, "run", json_text(f->folder)) && gather_put(o, "step", json_integer(f->step))
		&& gather_put(o, "seconds", json_number(f->seconds))
		&& gather_put(o, "images_per_s", json_number(f->images_per_s))
		&& gather_put(o, "best_score", f->has_score ? json_number(f->best_score) : json_null())
		&& gather_put(o, "last_score", f->has_score ? json_number(f->last_score) : json_null())
		&& json_object_set(o, "differs", differs) == 0;
	char *text = ok ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(differs);
	json_decref(o);
	return text != NULL;
}

static bool compare(const char *const *folder, int n, bool json, fault *e)
{
	run_facts run[RUNS_MOST];
	int key[CONFIG_KEYS_MAX], read = 0;
	while (read < n && facts_read(&run[read], folder[read], e))
		read++;
	bool ok = read == n;
	const int keys = ok ? differing(run, n, key) : 0;
	if (ok && !json)
		print_table(run, n, key, COUNT(ROW) + keys);
	for (int r = 0; ok && json && r < n; r++)
		ok = print_json(&run[r], key, keys) || fault_set(e, "out of memory for a line of JSON");
	while (read > 0)
		facts_free(&run[--read]);
	return ok;
}

static int run(const command *c, int argc, char **argv)
{
	const char *folder[RUNS_MOST] = {NULL};
	bool json = false;
	int n = 0;
	fault e;
	const option_row rows[] = {
		{"json", OPTION_FLAG, &json, 0, 0, NULL, "a line of JSON for each run"},
	};
	const int status = options_parse(c, rows, COUNT(rows), argc, argv, folder, 2, RUNS_MOST);
	if (status >= 0)
		return status;
	while (n < RUNS_MOST && folder[n])
		n++;
	return compare(folder, n, json, &e) ? EXIT_GOOD : fail(&e);
}

const command command_compare = {
	.name = "compare", .argument = "RUN RUN [RUN...]", .summary = "what differs between runs, their scores",
	.about = "Prints for each run the steps, the best and the last score and at which step,\n"
		 "the time of training and the speed, and below that each key of the config that\n"
		 "is not the same in all of them. Scores compare only where they measure the same.",
	.examples = "examples:\n"
		    "  sagan compare runs/demo runs/mnist-sagan",
	.run = run,
};
