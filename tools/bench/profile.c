/* profile.c - the costs of all plans in one list, and added up by name. */
#include "tools/bench/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

/* What is listed: a trainer's plans and the parts around them, or one plan by itself. */
typedef struct source {
	const trainer *t;                            /* NULL: .. */
	const plan *one;
	const char *key;
	int steps;
} source;

/* Adds a row where there is room; counts it in any case. */
static void add(profile *p, int room, const profile_row *r)
{
	if (p->rows < room)
		p->row[p->rows] = *r;
	p->rows++;
}

static void list_plan(const plan *one, const char *key, int steps, profile *p, int room)
{
	plan_cost c;
	for (int i = 0; one && plan_cost_at(one, i, &c); i++) {
		const double runs = (double)c.runs / steps;
		profile_row r = {
			.plan = key, .step = i, .s = c.s, .seconds = c.seconds / steps, .runs = runs,
			.flop = runs * c.flop, .bytes = runs * c.bytes,
		};
		snprintf(r.what, sizeof r.what, "%s", c.what);
		snprintf(r.path, sizeof r.path, "%s", c.path);
		snprintf(r.form, sizeof r.form, "%s", c.form);
		add(p, room, &r);
	}
}

static void list_trainer(const trainer *t, int steps, profile *p, int room)
{
	const plan *one;
	const char *key;
	for (int i = 0; (one = trainer_plan_at(t, i, &key)) != NULL; i++)
		list_plan(one, key, steps, p, room);
	profile_row r = {.plan = "", .runs = 1};
	const char *name;
	for (int i = 0; trainer_part(t, i, &name, &r.seconds); i++) {
		snprintf(r.what, sizeof r.what, "%s", name);
		r.seconds /= steps;
		add(p, room, &r);
	}
}

/* Rows that took time, at most `room` of them; p->rows is how many there are. */
static void list(const source *from, profile *p, int room)
{
	p->rows = 0;
	if (from->t)
		list_trainer(from->t, from->steps, p, room);
	else
		list_plan(from->one, from->key, from->steps, p, room);
}

/* Longest first; among equals, as they run. */
static int by_time(const void *a, const void *b)
{
	const profile_row *x = a, *y = b;
	const int order = strcmp(x->plan, y->plan);
	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? 1 : -1;
	return order ? order : (x->step > y->step) - (x->step < y->step);
}

static int by_name(const void *a, const void *b)
{
	const profile_row *x = a, *y = b;
	return strcmp(x->what, y->what);
}

/* Rows of one name become one. */
static int join(profile_row *kind, int n)
{
	int kinds = 0;
	for (int i = 0; i < n; i++) {
		if (kinds && strcmp(kind[kinds - 1].what, kind[i].what) == 0) {
			profile_row *k = &kind[kinds - 1];
			k->seconds += kind[i].seconds;
			k->runs += kind[i].runs;
			k->flop += kind[i].flop;
			k->bytes += kind[i].bytes;
			continue;
		}
		kind[kinds] = kind[i];
		kind[kinds].plan = "";
		kind[kinds++].path[0] = '\0';
	}
	return kinds;
}

/* The convolutions of all rows, named by their forms. */
static void list_kernels(profile *p)
{
	for (int i = 0; i < p->rows; i++)
		if (*p->row[i].form) {
			profile_row *k = &p->kernel[p->kernels++];
			*k = p->row[i];
			snprintf(k->what, sizeof k->what, "%s", k->form);
		}
	qsort(p->kernel, (size_t)p->kernels, sizeof *p->kernel, by_name);
	p->kernels = join(p->kernel, p->kernels);
	qsort(p->kernel, (size_t)p->kernels, sizeof *p->kernel, by_time);
}

static bool read_source(const source *from, profile *p, fault *e)
{
	*p = (profile){0};
	list(from, p, 0);
	const int n = p->rows;
	p->row = mem_new((size_t)n, sizeof *p->row, e);
	p->kind = mem_new((size_t)n, sizeof *p->kind, e);
	p->kernel = mem_new((size_t)n, sizeof *p->kernel, e);
	if (!p->row || !p->kind || !p->kernel)
		return false;
	list(from, p, n);
	memcpy(p->kind, p->row, (size_t)n * sizeof *p->row);
	qsort(p->kind, (size_t)n, sizeof *p->kind, by_name);
	p->kinds = join(p->kind, n);
	list_kernels(p);
	qsort(p->row, (size_t)n, sizeof *p->row, by_time);
	qsort(p->kind, (size_t)p->kinds, sizeof *p->kind, by_time);
	for (int i = 0; i < n; i++)
		p->seconds += p->row[i].seconds;
	return true;
}

bool profile_read(const trainer *t, int steps, profile *p, fault *e)
{
	return read_source(&(source){.t = t, .steps = steps}, p, e);
}

bool profile_read_plan(const plan *one, const char *key, int runs, profile *p, fault *e)
{
	return read_source(&(source){.one = one, .key = key, .steps = runs}, p, e);
}

void profile_free(profile *p)
{
	free(p->row);
	free(p->kind);
	free(p->kernel);
	*p = (profile){0};
}
