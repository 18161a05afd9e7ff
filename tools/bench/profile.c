/* profile.c - the costs of all plans of a trainer in one list, and added up by name. */
#include "tools/bench/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

static const char *const keys[] = {"d", "d_penalty", "g"};

/* Adds a row where there is room; counts it in any case. */
static void add(profile *p, int room, const profile_row *r)
{
	if (p->rows < room)
		p->row[p->rows] = *r;
	p->rows++;
}

/* Rows that took time, at most `room` of them; p->rows is how many there are. */
static void list(const trainer *t, int steps, profile *p, int room)
{
	plan_cost c;
	p->rows = 0;
	for (int k = 0; k < COUNT(keys); k++) {
		const plan *one = trainer_plan(t, keys[k], &(fault){.text = ""});
		for (int i = 0; one && plan_cost_at(one, i, &c); i++) {
			const double runs = (double)c.runs / steps;
			profile_row r = {
				.plan = keys[k], .step = i, .s = c.s, .seconds = c.seconds / steps, .runs = runs,
				.flop = runs * c.flop, .bytes = runs * c.bytes,
			};
			snprintf(r.what, sizeof r.what, "%s", c.what);
			snprintf(r.path, sizeof r.path, "%s", c.path);
			snprintf(r.form, sizeof r.form, "%s", c.form);
			add(p, room, &r);
		}
	}
	profile_row r = {.plan = "", .runs = 1};
	const char *name;
	for (int i = 0; trainer_part(t, i, &name, &r.seconds); i++) {
		snprintf(r.what, sizeof r.what, "%s", name);
		r.seconds /= steps;
		add(p, room, &r);
	}
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

bool profile_read(const trainer *t, int steps, profile *p, fault *e)
{
	*p = (profile){0};
	list(t, steps, p, 0);
	const int n = p->rows;
	p->row = mem_new((size_t)n, sizeof *p->row, e);
	p->kind = mem_new((size_t)n, sizeof *p->kind, e);
	p->kernel = mem_new((size_t)n, sizeof *p->kernel, e);
	if (!p->row || !p->kind || !p->kernel)
		return false;
	list(t, steps, p, n);
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

void profile_free(profile *p)
{
	free(p->row);
	free(p->kind);
	free(p->kernel);
	*p = (profile){0};
}
