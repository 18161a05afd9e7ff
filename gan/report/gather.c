/* gather.c - curves and samples of a run as JSON, thinned. */
#include "gan/report/gather.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/base64.h"
#include "gan/report/curves.h"

/* ---- JSON ---- */

bool gather_put(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v) == 0;
}

bool gather_add(json_t *array, json_t *v)
{
	return json_array_append_new(array, v) == 0;
}

static json_t *done(json_t *j, bool ok, fault *e)
{
	if (ok)
		return j;
	json_decref(j);
	fault_set(e, "out of memory for the page of a run");
	return NULL;
}

/* ---- curves ---- */

enum { POINTS_MOST = 1000 };

/* The mean of x[lo..hi) without gaps; NaN: there are only gaps. */
static double mean(const double *x, int64_t lo, int64_t hi)
{
	double sum = 0;
	int64_t n = 0;
	for (int64_t i = lo; i < hi; i++)
		if (isfinite(x[i])) {
			sum += x[i];
			n++;
		}
	return n ? sum / (double)n : NAN;
}

/* At most `points` numbers: means over buckets of neighbours. With `last`, the last number of each. */
static json_t *thinned(const double *x, int64_t n, int64_t points, bool last)
{
	json_t *a = json_array();
	const int64_t out = MIN(n, points);
	bool ok = a;
	for (int64_t k = 0; ok && k < out; k++) {
		const int64_t lo = k * n / out, hi = (k + 1) * n / out;
		const double v = last ? x[hi - 1] : mean(x, lo, hi);
		ok = gather_add(a, json_number(v));
	}
	if (!ok)
		json_decref(a);
	return ok ? a : NULL;
}

/* "*" and the end of a name stands for all columns that end so; the rest of their names names them. */
static bool matches(const char *pattern, const char *column)
{
	const size_t n = strlen(column), k = strlen(pattern) - 1;
	if (pattern[0] != '*')
		return strcmp(pattern, column) == 0;
	return n > k && strcmp(column + n - k, pattern + 1) == 0;
}

static bool add_series(json_t *all, const char *pattern, const char *name, const csv *c, int column, int64_t points)
{
	char own[CSV_NAME];
	json_t *s = json_object();
	const int cut = (int)(strlen(c->name[column]) - (strlen(pattern) - 1));
	snprintf(own, sizeof own, "%.*s", MAX(cut, 0), c->name[column]);
	const bool ok = s && gather_put(s, "name", json_text(pattern[0] == '*' ? own : name))
		&& gather_put(s, "x", thinned(c->x[0], c->n, points, true))
		&& gather_put(s, "y", thinned(c->x[column], c->n, points, false));
	if (ok)
		return gather_add(all, s);
	json_decref(s);
	return false;
}

static json_t *chart_of(const curves *k, const csv *c, int64_t points)
{
	json_t *o = json_object(), *series = json_array();
	bool ok = o && series;
	for (int i = 0; ok && i < CURVES_MAX && k->curve[i].column; i++)
		for (int at = 1; ok && at < c->columns; at++)
			if (matches(k->curve[i].column, c->name[at]))
				ok = add_series(series, k->curve[i].column, k->curve[i].name, c, at, points);
	ok = ok && gather_put(o, "id", json_text(k->id)) && gather_put(o, "title", json_text(k->title))
		&& gather_put(o, "unit", json_text(k->y_name)) && gather_put(o, "log", json_boolean(k->log_y));
	if (ok)
		ok = gather_put(o, "series", series);
	else
		json_decref(series);
	if (!ok)
		json_decref(o);
	return ok ? o : NULL;
}

json_t *gather_curves(const char *folder, int share, fault *e)
{
	json_t *all = json_array();
	bool ok = all;
	for (const curves *k = curves_of_run; ok && k->id; k++) {
		char path[RUN_PATH_MAX];
		csv c;
		if (!run_path(folder, k->file, path, e)) {
			json_decref(all);
			return NULL;
		}
		if (file_type(path) == FILE_MISSING)
			continue;
		if (!csv_read(&c, path, e)) {
			json_decref(all);
			return NULL;
		}
		if (c.n > 0)
			ok = gather_add(all, chart_of(k, &c, POINTS_MOST / share));
		csv_free(&c);
	}
	return done(all, ok, e);
}

/* ---- samples ---- */

enum { SAMPLE_BYTES = 1900000, SAMPLES_MOST = 30 };  /* of the files, before base64 makes 4 of 3 */

typedef struct pictures {
	int64_t *step;                               /* own; ascending */
	int n;
} pictures;

static int by_step(const void *a, const void *b)
{
	const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
	return (p > q) - (p < q);
}

static bool list_pictures(const char *folder, pictures *out, fault *e)
{
	*out = (pictures){0};
	file_names l;
	bool ok = file_names_list(folder, &l, e);
	for (int i = 0; ok && i < l.n; i++) {
		const char *name = l.name[i];
		long long step;
		int end = 0;
		if (sscanf(name, "samples-%18lld.png%n", &step, &end) != 1 || !end || name[end] || step < 0)
			continue;
		int64_t *bigger = realloc(out->step, (size_t)(out->n + 1) * sizeof *bigger);
		ok = bigger || fault_set(e, "out of memory for the pictures of %s", folder);
		if (bigger) {
			out->step = bigger;
			out->step[out->n++] = step;
		}
	}
	file_names_free(&l);
	if (ok && out->n > 0)
		qsort(out->step, (size_t)out->n, sizeof *out->step, by_step);
	if (!ok)
		free(out->step);
	return ok;
}

/* NULL: not there any more, or an empty one; or e is set. */
static FILE *open_picture(const char *folder, int64_t step, size_t *n, fault *e)
{
	char path[RUN_PATH_MAX + 40];
	struct stat st;
	snprintf(path, sizeof path, "%s/samples-%08lld.png", folder, (long long)step);
	fault why = {.text = ""};
	FILE *f = file_open_read(path, &why);
	if (!f && errno != ENOENT)
		fault_take(e, &why);
	if (f && fstat(fileno(f), &st) != 0)
		fault_read(e, path);
	else if (f && st.st_size > 0)
		return *n = (size_t)st.st_size, f;
	if (f)
		fclose(f);
	return NULL;
}

/* The n bytes of f as text; new/free. */
static char *picture_text(FILE *f, size_t n, const char *folder, fault *e)
{
	uint8_t *x = mem_new(n, 1, e);
	const bool whole = x && fread(x, 1, n, f) == n;
	char *text = whole ? base64_text(x, n) : NULL;
	if (x && !whole)
		fault_read(e, folder);
	else if (x && !text)
		fault_set(e, "out of memory for the pictures of %s", folder);
	free(x);
	return text;
}

/* Adds the picture of a step. One that is not there any more, or larger than the room, is passed over. */
static bool add_sample(json_t *all, const char *folder, int64_t step, size_t room, fault *e)
{
	size_t n;
	fault why = {.text = ""};
	FILE *f = open_picture(folder, step, &n, &why);
	char *text = f && n <= room ? picture_text(f, n, folder, &why) : NULL;
	if (f)
		fclose(f);
	if (!text)
		return !why.text[0] || fault_take(e, &why);
	json_t *s = json_object();
	const bool ok = s && gather_put(s, "step", json_integer(step)) && gather_put(s, "png", json_string(text));
	free(text);
	if (ok && gather_add(all, s))
		return true;
	if (!ok)
		json_decref(s);
	return fault_set(e, "out of memory for the pictures of %s", folder);
}

/* How many pictures, evenly spread, are shown: as many as fit, if all are about as large as the larger of the first
 * (often noise) and the last. */
static bool how_many(const char *folder, const pictures *p, size_t room, int *n, fault *e)
{
	size_t largest = 1, size;
	fault why = {.text = ""};
	for (int k = 0; k < 2 && p->n; k++) {
		FILE *f = open_picture(folder, p->step[k ? p->n - 1 : 0], &size, &why);
		if (!f && why.text[0])
			return fault_take(e, &why);
		largest = f ? MAX(largest, size) : largest;
		if (f)
			fclose(f);
	}
	*n = MIN((int)MIN(room / largest, SAMPLES_MOST), p->n);
	return true;
}

json_t *gather_samples(const char *folder, int share, fault *e)
{
	pictures p;
	int n = 0;
	json_t *all = json_array();
	const size_t room = SAMPLE_BYTES / (size_t)share;
	bool ok = (all || fault_set(e, "out of memory for the pictures of %s", folder)) && list_pictures(folder, &p, e);
	if (!ok) {
		json_decref(all);
		return NULL;
	}
	ok = how_many(folder, &p, room, &n, e);
	for (int k = 0; ok && k < n; k++) {
		const int at = n > 1 ? (int)((int64_t)k * (p.n - 1) / (n - 1)) : p.n - 1;
		ok = add_sample(all, folder, p.step[at], room / (size_t)n * 5 / 4, e);
	}
	free(p.step);
	if (ok)
		return all;
	json_decref(all);
	return NULL;
}
