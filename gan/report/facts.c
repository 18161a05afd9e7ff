/* facts.c - config.yaml, the newest checkpoint and the CSV files. */
#include "gan/report/facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/level.h"
#include "core/base/local.h"
#include "gan/checkpoint/saved.h"
#include "gan/report/csv.h"

/* A file that is not there yet has no rows. */
static bool read_rows(csv *c, const char *folder, const char *name, fault *e)
{
	char path[RUN_PATH_MAX];
	*c = (csv){0};
	if (!run_path(folder, name, path, e))
		return false;
	return file_type(path) == FILE_MISSING || csv_read(c, path, e);
}

static const double *column(const csv *c, const char *name)
{
	const int at = csv_find(c, "", name, NULL);
	return at < 0 ? NULL : c->x[at];
}

/* ---- config and checkpoint ---- */

static bool read_config(run_facts *f, fault *e)
{
	char path[RUN_PATH_MAX];
	saved s;
	config_init(&f->cfg);
	if (!run_path(f->folder, "config.yaml", path, e))
		return false;
	if (file_type(path) != FILE_MISSING)
		return config_load(&f->cfg, path, e) && config_check(&f->cfg, e);
	config_free(&f->cfg);
	f->cfg = (config){0};
	if (!saved_open_run(f->folder, &s, NULL, e))
		return false;
	const bool ok = config_copy(&f->cfg, &s.cfg, e);
	saved_close(&s);
	return ok;
}

/* None is no failure: a run may not have saved yet. */
static bool read_checkpoint(run_facts *f, fault *e)
{
	fault why = {.text = ""};
	checkpoint *c = rundir_newest(f->folder, NULL, &why);
	if (!c)
		return !fault_is_now(&why) || fault_take(e, &why);
	const checkpoint_info *info = checkpoint_about(c);
	f->step = info->step;
	snprintf(f->program, sizeof f->program, "%s", info->program);
	snprintf(f->precision, sizeof f->precision, "%s", info->precision);
	snprintf(f->data, sizeof f->data, "%s", info->data);
	checkpoint_close(c);
	return true;
}

/* ---- rows ---- */

static bool read_step(run_facts *f, fault *e)
{
	csv c;
	if (!read_rows(&c, f->folder, "metrics.csv", e))
		return false;
	if (c.n > 0)
		f->step = MAX(f->step, (int64_t)c.x[0][c.n - 1]);
	csv_free(&c);
	return true;
}

/* The step of the checkpoint that the run keeps as its best; -1: none. Rows before it may be measured otherwise, or
 * against other images, and be lower. */
static int64_t step_of_best(const char *folder)
{
	char path[RUN_PATH_MAX];
	checkpoint_info info;
	rundir_best_path(folder, path, sizeof path);
	if (!checkpoint_read_info(path, &info, NULL))
		return -1;
	const int64_t step = info.step;
	checkpoint_info_free(&info);
	return step;
}

static bool read_scores(run_facts *f, fault *e)
{
	csv c;
	if (!read_rows(&c, f->folder, "scores.csv", e))
		return false;
	const double *score = column(&c, "score");
	const int64_t best = c.n > 0 ? step_of_best(f->folder) : -1;
	for (int64_t i = 0; score && i < c.n; i++) {
		const int64_t step = (int64_t)c.x[0][i];
		if (!isfinite(score[i]))
			continue;
		if (step == best || !f->has_score || (f->best_at != best && score[i] < f->best_score)) {
			f->best_score = score[i];
			f->best_at = step;
		}
		f->last_score = score[i];
		f->last_at = (int64_t)c.x[0][i];
		f->has_score = true;
	}
	csv_free(&c);
	return true;
}

static int ascending(const void *a, const void *b)
{
	const double p = *(const double *)a, q = *(const double *)b;
	return (p > q) - (p < q);
}

/* Whether row i + 1 is of another process than row i. `from` is NULL, or no number in a row, where it was written
 * before there was that column: then the clock, which begins anew, tells it where it falls. */
static bool process_ends(const double *seconds, const double *from, int64_t i)
{
	const bool before = from && isfinite(from[i]), after = from && isfinite(from[i + 1]);
	return before && after ? from[i] != from[i + 1] : before != after || seconds[i + 1] < seconds[i];
}

/* Leaves out rows without time or speed, as a write that a full disk has cut. */
static void drop_holes(csv *c)
{
	int64_t kept = 0;
	for (int64_t i = 0; i < c->n; i++) {
		bool whole = true;
		for (int k = 0; k < c->columns; k++) {
			c->x[k][kept] = c->x[k][i];
			whole = whole && (isfinite(c->x[k][i]) || strcmp(c->name[k], "from") == 0);
		}
		kept += whole;
	}
	c->n = kept;
}

/* The clock of a row begins with its process. */
static bool read_times(run_facts *f, fault *e)
{
	csv c;
	if (!read_rows(&c, f->folder, "timing.csv", e))
		return false;
	drop_holes(&c);
	const double *seconds = column(&c, "seconds"), *from = column(&c, "from");
	const int speed = csv_find(&c, "", "images_per_s", NULL);
	for (int64_t i = 0; seconds && i < c.n; i++)
		if (i + 1 == c.n || process_ends(seconds, from, i))
			f->seconds += seconds[i];
	if (speed >= 0 && c.n > 0) {
		qsort(c.x[speed], (size_t)c.n, sizeof(double), ascending);
		f->images_per_s = c.x[speed][c.n / 2];
	}
	csv_free(&c);
	return true;
}

static bool read_all(run_facts *f, bool saved_too, fault *e)
{
	const enum file_type type = file_type(f->folder);
	if (type == FILE_UNKNOWN)
		return fault_read(e, f->folder);
	if (type != FILE_FOLDER)
		return fault_at(e, f->folder, type == FILE_MISSING ? "no such folder" : "is not the folder of a run");
	if (read_config(f, e) && (!saved_too || read_checkpoint(f, e)) && read_step(f, e) && read_scores(f, e)
		&& read_times(f, e))
		return true;
	facts_free(f);
	return false;
}

bool facts_read(run_facts *f, const char *folder, fault *e)
{
	*f = (run_facts){.folder = folder};
	return read_all(f, true, e);
}

bool facts_read_live(run_facts *f, const char *folder, int64_t step, fault *e)
{
	*f = (run_facts){.folder = folder, .step = step};
	return read_all(f, false, e);
}

void facts_free(run_facts *f)
{
	config_free(&f->cfg);
	*f = (run_facts){0};
}

/* ---- the machine ---- */

/* "": the system does not say. */
static bool processor_name(char *buf, size_t size, fault *e)
{
	static const char path[] = "/proc/cpuinfo";
	char line[512];
	fault why;
	FILE *f = file_open_read(path, &why);
	bool found = false;
	*buf = '\0';
	if (!f)
		return !fault_is_now(&why) || fault_take(e, &why);
	while (!found && fgets(line, sizeof line, f)) {
		const char *name = strchr(line, ':');
		found = name && strncmp(line, "model name", 10) == 0;
		if (found)
			snprintf(buf, size, "%.*s", (int)strcspn(name + 2, "\n"), name + 2);
	}
	const bool ok = !ferror(f) || fault_read(e, path);
	fclose(f);
	return ok;
}

char *machine_text(char *buf, size_t size, fault *e)
{
	char name[256];
	struct utsname u;
	const long n = sysconf(_SC_NPROCESSORS_ONLN);
	if (!processor_name(name, sizeof name, e))
		return NULL;
	if (!*name)
		snprintf(name, sizeof name, "%.200s", uname(&u) == 0 ? u.machine : "unknown");
	snprintf(buf, size, "%s, %ld processor%s, %s", name, n, n == 1 ? "" : "s", level_name(level_now()));
	return buf;
}
