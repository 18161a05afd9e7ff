/* metrics.c - the CSV files of a run: cut where a run goes on, and extended row by row. */
#include "gan/train/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "gan/checkpoint/rundir.h"

enum { ROWS, TIMES, SCORES, SPREADS, FILES };

struct metrics {
	FILE *f[FILES];                              /* own; SCORES and SPREADS may be NULL */
	char path[FILES][RUN_PATH_MAX];
	int64_t from;                                /* the step after which this process began */
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

/* All of f: bytes with a 0 behind them; new/free. A read that fails must not pass for the end of the file: the rows
 * behind it would be lost. */
static char *read_all(FILE *f, const char *path, size_t *n, fault *e)
{
	enum { PIECE = 1 << 16 };
	char *text = NULL;
	*n = 0;
	for (size_t got = PIECE; got == PIECE; *n += got) {
		char *bigger = realloc(text, *n + PIECE + 1);
		if (!bigger) {
			fault_set(e, "%s: out of memory while reading it", path);
			break;
		}
		text = bigger;
		got = fread(text + *n, 1, PIECE, f);
		text[*n + got] = '\0';
		if (ferror(f)) {
			fault_read(e, path);
			break;
		}
		if (got < PIECE)
			return *n += got, text;
	}
	free(text);
	return NULL;
}

/* The whole file; "" when there is none. */
static char *read_text(const char *path, size_t *n, fault *e)
{
	*n = 0;
	FILE *f = file_open_read(path, e);
	if (!f)
		return errno == ENOENT ? text_copy("", e) : NULL;
	char *text = read_all(f, path, n, e);
	fclose(f);
	return text;
}

/* ---- which rows stay ---- */

enum row { ROW_STAYS, ROW_LATER, ROW_STRAY };

static int commas(const char *p, size_t n)
{
	int k = 0;
	for (size_t i = 0; i < n; i++)
		k += p[i] == ',';
	return k;
}

/* p[0..n), without its end of line. One that is cut is of a step that will come again. */
static enum row kind_of(const char *p, size_t n, bool whole, int columns, int64_t step)
{
	const size_t digits = strspn(p, "0123456789");
	if (!whole && digits == n)
		return ROW_LATER;
	if (digits == 0 || digits > 18 || p[digits] != ',' || memchr(p, '\0', n))
		return ROW_STRAY;
	if (!whole || strtoll(p, NULL, 10) > step)
		return ROW_LATER;
	return commas(p, n) == columns ? ROW_STAYS : ROW_STRAY;
}

typedef struct rows {
	char *text;                                  /* own; rows that stay come to its beginning */
	size_t n, kept;
	char *stray;                                 /* own; lines that are no rows */
	size_t strays;
	int lines;                                   /* of them */
} rows;

static void sort_rows(rows *r, int64_t step)
{
	const char *end = memchr(r->text, '\n', r->n);
	if (!end)
		return;                              /* not even a header */
	size_t at = (size_t)(end - r->text) + 1;
	const int columns = commas(r->text, at);
	for (r->kept = at; at < r->n;) {
		end = memchr(r->text + at, '\n', r->n - at);
		const size_t n = end ? (size_t)(end - r->text) - at : r->n - at, all = n + (end != NULL);
		const enum row kind = kind_of(r->text + at, n, end, columns, step);
		char *to = kind == ROW_STAYS ? r->text + r->kept : r->stray + r->strays;
		if (kind != ROW_LATER)
			memmove(to, r->text + at, all);
		r->kept += kind == ROW_STAYS ? all : 0;
		r->strays += kind == ROW_STRAY ? all : 0;
		r->lines += kind == ROW_STRAY;
		at += all;
	}
}

/* A file that was begun before there were all of today's columns (its header is the beginning of ours) gets the others:
 * in its rows they are empty. */
static bool widen_rows(rows *r, const char *header, fault *e)
{
	const char *end = memchr(r->text, '\n', r->kept);
	const size_t had = end ? (size_t)(end - r->text) : 0;
	if (!had || strncmp(r->text, header, had) != 0 || header[had] != ',')
		return true;
	const size_t columns = (size_t)commas(header + had, strlen(header + had));
	size_t lines = 0, n = strlen(header);
	for (size_t i = had + 1; i < r->kept; i++)
		lines += r->text[i] == '\n';
	char *wide = mem_new(n + r->kept + lines * columns + 1, 1, e);
	if (!wide)
		return false;
	memcpy(wide, header, n);
	for (size_t i = had + 1; i < r->kept; i++) {
		for (size_t k = 0; k < columns && r->text[i] == '\n'; k++)
			wide[n++] = ',';
		wide[n++] = r->text[i];
	}
	free(r->text);
	r->text = wide;
	r->kept = n;
	return true;
}

/* Lines that are no rows, as another program's, are kept beside: they must not cost the rows behind them. */
static bool keep_strays(const rows *r, const char *dir, const char *name, fault *warning, fault *e)
{
	char path[RUN_PATH_MAX], other[64];
	if (!r->strays)
		return true;
	snprintf(other, sizeof other, "stray-%s", name);
	FILE *f = run_path(dir, other, path, e) ? file_open_append(path, e) : NULL;
	if (!f)
		return false;
	bool ok = fwrite(r->stray, 1, r->strays, f) == r->strays;
	ok = fclose(f) == 0 && ok;
	const fault before = *warning;               /* of another file */
	const char *also = before.text[0] ? "; " : "";
	fault_set(warning, "%.500s%s%s%s%s: %d line%s no row%s, and in %s now", before.text, also,
		*also ? "" : dir, *also ? "" : "/", name, r->lines, r->lines > 1 ? "s are" : " is",
		r->lines > 1 ? "s" : "", *also ? other : path);
	return ok || fault_set(e, "%s: cannot be written: %s", path, strerror(errno));
}

/* Drops rows after `step`, writes the header when there is none, and opens the file for adding. */
static FILE *open_rows(const char *dir, const char *name, const char *path, const char *header, int64_t step,
	fault *warning, fault *e)
{
	rows r = {.text = NULL};
	bool ok = (r.text = read_text(path, &r.n, e)) && (r.stray = mem_new(r.n, 1, e));
	if (ok && step > 0)
		sort_rows(&r, step);
	ok = ok && keep_strays(&r, dir, name, warning, e) && widen_rows(&r, header, e);
	if (ok && r.kept == 0)
		ok = file_replace(path, header, strlen(header), e);
	else if (ok && r.kept != r.n)
		ok = file_replace(path, r.text, r.kept, e);
	free(r.text);
	free(r.stray);
	return ok ? file_open_append(path, e) : NULL;
}

metrics *metrics_open(const char *dir, int64_t step, const step_stats *s, enum metrics_wanted wanted, fault *warning,
	fault *e)
{
	char columns[64 + GAMMA_MAX * 320];
	static const char *const name[FILES] = {"metrics.csv", "timing.csv", "scores.csv", "spread.csv"};
	const char *const header[FILES] = {columns, "step,seconds,images_per_s,from\n", "step,score\n",
		"step,mean,lowest,class\n"};
	metrics *m = mem_zero(1, sizeof *m, e);
	warning->text[0] = '\0';
	if (!m)
		return NULL;
	m->from = step;
	size_t n = (size_t)snprintf(columns, sizeof columns, "step,epoch");
	for (int i = 0; i < COUNT(COLUMN); i++)
		n += (size_t)snprintf(columns + n, sizeof columns - n, ",%s", COLUMN[i].name);
	for (int i = 0; i < s->gammas; i++) {
		char column[300], cell[2][320];
		for (int k = 0; k < 2; k++) {
			snprintf(column, sizeof column, "%.280s/gamma%s", s->gamma[i].name, k ? "_grad" : "");
			text_cell(column, cell[k], sizeof cell[k]);
		}
		n += (size_t)snprintf(columns + n, sizeof columns - n, ",%s,%s", cell[0], cell[1]);
	}
	snprintf(columns + n, sizeof columns - n, "\n");

	for (int i = 0; i < SCORES + (int)wanted; i++)
		if (!run_path(dir, name[i], m->path[i], e)
			|| !(m->f[i] = open_rows(dir, name[i], m->path[i], header[i], step, warning, e))) {
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
	fprintf(m->f[TIMES], "%lld,%.3f,%.1f,%lld\n", (long long)step, seconds, images_per_s,
		(long long)m->from);
	return flushed(m, TIMES, e);
}

bool metrics_score(metrics *m, int64_t step, const judgement *j, fault *e)
{
	fprintf(m->f[SCORES], "%lld,%.9g\n", (long long)step, j->score);
	if (j->has_spread && m->f[SPREADS])
		fprintf(m->f[SPREADS], "%lld,%.9g,%.9g,%d\n", (long long)step, j->mean, j->lowest, j->lowest_class);
	return flushed(m, SCORES, e) && (!m->f[SPREADS] || flushed(m, SPREADS, e));
}

bool metrics_sync(metrics *m, fault *e)
{
	for (int i = 0; i < FILES; i++)
		if (m->f[i] && fsync(fileno(m->f[i])) != 0 && errno != EINVAL)
			return fault_set(e, "%s: cannot be written: %s", m->path[i], strerror(errno));
	return true;
}
