/* metrics.c - the CSV files of a run: cut where a run goes on, and extended row by row. */
#include "gan/train/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/checkpoint/rundir.h"

enum { ROWS, TIMES, SCORES, SPREADS, FILES };

struct metrics {
	FILE *f[FILES];                              /* own; SCORES and SPREADS may be NULL */
	char path[FILES][RUN_PATH_MAX];
};

/* Columns of metrics.csv after step and epoch, in order. */
static const struct column {
	const char *name;
	size_t offset;
} COLUMN[] = {
	{"d_loss", offsetof(step_stats, d_loss)}, {"g_loss", offsetof(step_stats, g_loss)},
	{"d_real", offsetof(step_stats, d_real)}, {"d_fake", offsetof(step_stats, d_fake)},
	{"penalty", offsetof(step_stats, penalty)},
	{"d_norm", offsetof(step_stats, d_norm)}, {"g_norm", offsetof(step_stats, g_norm)},
	{"d_rate", offsetof(step_stats, d_rate)}, {"g_rate", offsetof(step_stats, g_rate)},
	{"spread", offsetof(step_stats, spread)},
};

static double value_of(const step_stats *s, const struct column *c)
{
	double x;
	memcpy(&x, (const char *)s + c->offset, sizeof x);
	return x;
}

/* All of f as a text. A read that fails must not pass for the end of the file: the rows behind it would be lost. */
static char *read_all(FILE *f, const char *path, fault *e)
{
	enum { PIECE = 1 << 16 };
	char *text = NULL;
	for (size_t n = 0, got = PIECE; got == PIECE; n += got) {
		char *bigger = realloc(text, n + PIECE + 1);
		if (!bigger) {
			fault_set(e, "%s: out of memory while reading it", path);
			break;
		}
		text = bigger;
		got = fread(text + n, 1, PIECE, f);
		text[n + got] = '\0';
		if (ferror(f)) {
			fault_set(e, "%s: cannot be read: %s", path, strerror(errno));
			break;
		}
		if (got < PIECE)
			return text;
	}
	free(text);
	return NULL;
}

/* The whole file as a text; "" when there is none. */
static char *read_text(const char *path, fault *e)
{
	FILE *f = file_open_read(path, e);
	if (!f)
		return errno == ENOENT ? text_copy("", e) : NULL;
	char *text = read_all(f, path, e);
	fclose(f);
	return text;
}

/* End of the part of a CSV text whose rows are complete and of steps up to `step`. */
static size_t rows_until(const char *text, int64_t step)
{
	const char *p = strchr(text, '\n');          /* the header stays */
	if (!p)
		return 0;
	for (p++; *p; ) {
		char *end;
		const char *line = strchr(p, '\n');
		long long at = strtoll(p, &end, 10);
		if (!line || end == p || *end != ',' || at > step)
			break;
		p = line + 1;
	}
	return (size_t)(p - text);
}

/* Drops rows after `step`, writes the header when there is none, and opens the file for adding. */
static FILE *open_rows(const char *path, const char *header, int64_t step, fault *e)
{
	char *text = read_text(path, e);
	if (!text)
		return NULL;
	size_t keep = step > 0 ? rows_until(text, step) : 0;
	bool ok = true;
	if (keep == 0)
		ok = file_replace(path, header, strlen(header), e);
	else if (text[keep] != '\0')
		ok = file_replace(path, text, keep, e);
	free(text);
	return ok ? file_open_append(path, e) : NULL;
}

metrics *metrics_open(const char *dir, int64_t step, const step_stats *s, enum metrics_wanted wanted, fault *e)
{
	char columns[64 + GAMMA_MAX * 320];
	static const char *const name[FILES] = {"metrics.csv", "timing.csv", "scores.csv", "spread.csv"};
	const char *const header[FILES] = {columns, "step,seconds,images_per_s\n", "step,score\n",
		"step,mean,lowest,class\n"};
	metrics *m = mem_zero(1, sizeof *m, e);
	if (!m)
		return NULL;
	size_t n = (size_t)snprintf(columns, sizeof columns, "step,epoch");
	for (int i = 0; i < COUNT(COLUMN); i++)
		n += (size_t)snprintf(columns + n, sizeof columns - n, ",%s", COLUMN[i].name);
	for (int i = 0; i < s->gammas; i++)
		n += (size_t)snprintf(columns + n, sizeof columns - n, ",%s/gamma,%s/gamma_grad",
			s->gamma[i].name, s->gamma[i].name);
	snprintf(columns + n, sizeof columns - n, "\n");

	for (int i = 0; i < SCORES + (int)wanted; i++)
		if (!run_path(dir, name[i], m->path[i], e)
			|| !(m->f[i] = open_rows(m->path[i], header[i], step, e))) {
			metrics_close(m, NULL);
			return NULL;
		}
	return m;
}

bool metrics_close(metrics *m, fault *e)
{
	if (!m)
		return true;
	bool ok = true;
	for (int i = 0; i < FILES; i++)
		if (m->f[i] && fclose(m->f[i]) != 0)
			ok = fault_set(e, "%s: cannot be written: %s", m->path[i], strerror(errno));
	free(m);
	return ok;
}

static bool flushed(metrics *m, int i, fault *e)
{
	if (fflush(m->f[i]) == 0 && !ferror(m->f[i]))
		return true;
	return fault_set(e, "%s: cannot be written: %s", m->path[i], strerror(errno));
}

bool metrics_row(metrics *m, const step_stats *mean, double epoch, fault *e)
{
	fprintf(m->f[ROWS], "%lld,%.6g", (long long)mean->step, epoch);
	for (int i = 0; i < COUNT(COLUMN); i++)
		fprintf(m->f[ROWS], ",%.9g", value_of(mean, &COLUMN[i]));
	for (int i = 0; i < mean->gammas; i++)
		fprintf(m->f[ROWS], ",%.9g,%.9g", mean->gamma[i].value, mean->gamma[i].grad);
	fputc('\n', m->f[ROWS]);
	return flushed(m, ROWS, e);
}

bool metrics_time(metrics *m, int64_t step, double seconds, double images_per_s, fault *e)
{
	fprintf(m->f[TIMES], "%lld,%.3f,%.1f\n", (long long)step, seconds, images_per_s);
	return flushed(m, TIMES, e);
}

bool metrics_score(metrics *m, int64_t step, const judgement *j, fault *e)
{
	fprintf(m->f[SCORES], "%lld,%.9g\n", (long long)step, j->score);
	if (j->has_spread && m->f[SPREADS])
		fprintf(m->f[SPREADS], "%lld,%.9g,%.9g,%d\n", (long long)step, j->mean, j->lowest, j->lowest_class);
	return flushed(m, SCORES, e) && (!m->f[SPREADS] || flushed(m, SPREADS, e));
}
