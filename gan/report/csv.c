/* csv.c - our own CSV: numbers and plain words, no quotes. */
#include "gan/report/csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"

/* One line at a time, however long, without its end. */
typedef struct lines {
	FILE *f;
	char *text;                                  /* own */
	size_t room;
	bool whole;                                  /* it had an end */
} lines;

/* False at the end, and with errno set where a line cannot be had. */
static bool next_line(lines *l)
{
	errno = 0;
	const ssize_t n = getline(&l->text, &l->room, l->f);
	l->whole = n > 0 && l->text[n - 1] == '\n';
	if (n > 0)
		l->text[strcspn(l->text, "\r\n")] = '\0';
	return n > 0;
}

static void read_names(csv *c, const char *header)
{
	for (const char *p = header; p && c->columns < CSV_COLUMNS_MAX; c->columns++) {
		snprintf(c->name[c->columns], CSV_NAME, "%.*s", (int)strcspn(p, ","), p);
		p = strchr(p, ',');
		p += p != NULL;
	}
}

static bool make_room(csv *c, fault *e)
{
	if (c->n < c->room)
		return true;
	const int64_t room = c->room ? 2 * c->room : 256;
	for (int k = 0; k < c->columns; k++) {
		double *bigger = realloc(c->x[k], (size_t)room * sizeof *bigger);
		if (!bigger)
			return fault_set(e, "out of memory for %lld rows", (long long)room);
		c->x[k] = bigger;
	}
	c->room = room;
	return true;
}

static void read_row(csv *c, const char *row)
{
	const char *p = row;
	for (int k = 0; k < c->columns; k++) {
		char *end = NULL;
		c->x[k][c->n] = p ? strtod(p, &end) : NAN;
		if (!p || end == p)
			c->x[k][c->n] = NAN;
		p = p ? strchr(p, ',') : NULL;
		p += p != NULL;
	}
	c->n += isfinite(c->x[0][c->n]) != 0;
}

bool csv_read(csv *c, const char *path, fault *e)
{
	lines l = {.f = file_open_read(path, e)};
	*c = (csv){0};
	if (!l.f)
		return false;
	bool ok = next_line(&l);
	if (ok)
		read_names(c, l.text);
	else if (!errno)
		fault_set(e, "%s: is empty", path);
	while (ok && next_line(&l) && l.whole) {
		ok = make_room(c, e);
		if (ok)
			read_row(c, l.text);
	}
	if (errno && !feof(l.f))
		ok = fault_read(e, path);
	free(l.text);
	fclose(l.f);
	if (!ok)
		csv_free(c);
	return ok;
}

void csv_free(csv *c)
{
	for (int k = 0; k < c->columns; k++)
		free(c->x[k]);
	*c = (csv){0};
}

int csv_find(const csv *c, const char *path, const char *name, fault *e)
{
	for (int k = 0; k < c->columns; k++)
		if (strcmp(c->name[k], name) == 0)
			return k;
	fault_set(e, "%s: no column %s", path, name);
	return -1;
}
