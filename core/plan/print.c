/* print.c - a plan as text: what runs, in which order, and where every value lies meanwhile (docs/plan.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/plan/plan_internal.h"

/* ---- what a step computes ---- */

/* "conv2d + bias + residual + relu": what epilogue.c made of a product and its readers. */
static void put_op(FILE *f, const node *y)
{
	const absorbed tail = absorbed_by(y);
	fputs(y->op->name, f);
	if (tail.bias)
		fputs(" + bias", f);
	if (tail.residual)
		fputs(" + residual", f);
	if (tail.act && tail.slope == 0)
		fputs(" + relu", f);
	else if (tail.act)
		fprintf(f, " + leaky_relu(%g)", tail.slope);
}

/* "chain sub mul*2 add": the members in order, equal neighbours once with their number. */
static void put_chain(FILE *f, const plan *p, const chain *c)
{
	const int *member;
	const int n = chain_members(c, &member);
	fputs("chain", f);
	for (int i = 0, next; i < n; i = next) {
		const char *name = p->node[member[i]]->op->name;
		for (next = i + 1; next < n && strcmp(p->node[member[next]]->op->name, name) == 0;)
			next++;
		fprintf(f, next - i > 1 ? " %s*%d" : " %s", name, next - i);
	}
}

/* A value as a reader sees it: "%12", or the name of a buffer. */
static void put_value(FILE *f, const plan *p, const node *y)
{
	const node *root = p->node[root_of(p, y)];
	if (root->buf)
		fputs(root->buf->name, f);
	else
		fprintf(f, "%%%d", root->id);
}

static void put_reads(FILE *f, const plan *p, const step *s)
{
	int n;
	const node *const *read = step_reads(s, &n);
	for (int i = 0; i < n; i++) {
		fputs(i ? ", " : " (", f);
		put_value(f, p, read[i]);
	}
	if (n)
		fputs(")", f);
}

void plan_put_step(FILE *f, const plan *p, const step *s)
{
	if (s->packs)
		fprintf(f, "kernel of %s", s->y->op->name);
	else if (s->y)
		put_op(f, s->y);
	else
		put_chain(f, p, s->c);
}

/* ---- where its values are ---- */

/* The value whose memory `id` took over, or -1: the one of the same memory that is read last where `id` is made. */
static int taken_from(const plan *p, int id)
{
	const home *h = &p->home[id];
	for (int k = 0; k < p->count && h->storage != id; k++)
		if (k != id && in_memory(p, k) && p->home[k].storage == h->storage && p->home[k].last == h->def)
			return k;
	return -1;
}

/* The buffer that the value is computed into, because it is assigned to it; NULL: it lies in the arena. */
static const buffer *buffer_under(const plan *p, int id)
{
	for (int i = 0; i < p->nassign; i++)
		if (p->home[id].fixed && root_of(p, p->assign[i].x) == id)
			return p->assign[i].b;
	return NULL;
}

/* In the arena of the first slice. */
static bool is_elsewhere(const plan *p, bool common)
{
	return common && p->borrows;
}

/* One line: `number` is blank but on the first line of a step, `at` NULL for what is not in the arena. */
static void put_line(FILE *f, const plan *p, const char *number, const char *value, const char *what, size_t bytes,
		     int def, int last, const size_t *at)
{
	char life[32], place[32] = "-";
	if (last < p->nstep)
		snprintf(life, sizeof life, "%d..%d", def, last);
	else
		snprintf(life, sizeof life, "%d..end", def);
	if (at)
		snprintf(place, sizeof place, "%zu", *at);
	fprintf(f, "%5s %7s  %-18s %11zu  %-10s %11s  ", number, value, what, bytes, life, place);
}

static void put_value_line(FILE *f, const plan *p, const char *number, int id)
{
	const home *h = &p->home[id];
	char value[16];
	snprintf(value, sizeof value, "%%%d", id);
	put_line(f, p, number, value, shape_print(&p->node[id]->s).s, h->bytes, h->def, h->last,
		 h->fixed || is_elsewhere(p, h->common) ? NULL : &p->home[h->storage].at);
}

static void put_notes(FILE *f, const plan *p, int id)
{
	const int before = taken_from(p, id);
	const buffer *b = buffer_under(p, id);
	if (*p->node[id]->path)
		fprintf(f, " in %s", p->node[id]->path);
	if (before >= 0)
		fprintf(f, "; in place of %%%d", before);
	if (b)
		fprintf(f, "; written into %s", b->name);
	fputc('\n', f);
}

/* A line for each value that step s writes, the first of them with what the step is, and one for its workspace. */
static void put_step(FILE *f, const plan *p, int s)
{
	const step *st = &p->step[s];
	char number[16];
	snprintf(number, sizeof number, "%d", s);
	for (int id = 0; id < p->count; id++) {
		if (!in_memory(p, id) || p->unit[id] != s)
			continue;
		put_value_line(f, p, number, id);
		if (*number) {
			plan_put_step(f, p, st);
			put_reads(f, p, st);
		} else
			fprintf(f, "and %s", p->node[id]->op->name);
		put_notes(f, p, id);
		*number = '\0';
	}
	if (st->packs) {
		put_line(f, p, number, "-", "packed", plan_align(st->packed_bytes), s, packed_until(p, s),
			 is_elsewhere(p, st->common) ? NULL : &st->packed_at);
		plan_put_step(f, p, st);
		put_reads(f, p, st);
		fprintf(f, " for step %d\n", packed_for(p, s));
		*number = '\0';
	}
	if (st->scratch_bytes) {
		put_line(f, p, number, "-", "workspace", plan_align(st->scratch_bytes), s, s, &st->scratch_at);
		fprintf(f, "of step %d\n", s);
	}
}

/* ---- what is left after a run, and the sum ---- */

static void put_results(FILE *f, const plan *p)
{
	for (int i = 0; i < p->nout; i++) {
		fputs(i ? ", " : "results: ", f);
		put_value(f, p, p->node[p->out[i]]);
	}
	if (p->nout)
		fputc('\n', f);
	for (int i = 0; i < p->nassign; i++) {
		fprintf(f, "after the run: %s = ", p->assign[i].b->name);
		put_value(f, p, p->assign[i].x);
		fputc('\n', f);
	}
}

/* Bytes of the values and packed inputs that somebody still needs at step s; two in the same memory count once. */
static size_t bytes_alive(const plan *p, int s)
{
	size_t sum = 0;
	for (int id = 0; id < p->count; id++) {
		const home *h = &p->home[id];
		if (in_memory(p, id) && !h->fixed && !is_elsewhere(p, h->common) && h->storage == id && h->def <= s
		    && s <= h->busy)
			sum += h->bytes;
	}
	for (int k = 0; k <= s; k++)
		if (p->step[k].packs && !is_elsewhere(p, p->step[k].common) && s <= packed_until(p, k))
			sum += plan_align(p->step[k].packed_bytes);
	return sum;
}

static void put_total(FILE *f, const plan *p)
{
	size_t most = 0, values = 0;
	int at = 0;
	for (int s = 0; s < p->nstep; s++) {
		const size_t alive = bytes_alive(p, s), all = alive + plan_align(p->step[s].scratch_bytes);
		if (all > most) {
			most = all;
			values = alive;
			at = s;
		}
	}
	fprintf(f, "arena: %zu bytes = %zu of values + %zu of workspace in step %d, where most is needed, "
		"+ %zu of gaps\n", p->bytes, values, most - values, at, p->bytes - most);
}

char *plan_print(const plan *p, fault *e)
{
	char *text = NULL;
	size_t n;
	FILE *f = file_begin_text(&text, &n);
	if (!f) {
		fault_set(e, "plan: out of memory for its text");
		return NULL;
	}
	fprintf(f, "%5s %7s  %-18s %11s  %-10s %11s  %s\n", "step", "value", "shape", "bytes", "life", "offset",
		"computed by");
	for (int s = 0; s < p->nstep; s++)
		put_step(f, p, s);
	put_results(f, p);
	put_total(f, p);
	if (!file_end_text(f, &text))
		fault_set(e, "plan: out of memory for its text");
	return text;
}
