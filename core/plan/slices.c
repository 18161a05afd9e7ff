/* slices.c - the slices of a batch run together, and meet where something is summed over all of them.
 *
 * Their plans are alike, so each has its sums at the same steps: all run up to the next one, whose values are then
 * added for everybody, along a binary tree of the slices' numbers, (x0 + x1) + (x2 + x3). Nothing else decides a bit of
 * a sum: neither how many threads there are nor which slices they run. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/plan/plan_internal.h"

enum {
	TOGETHER = 1 << 20,                          /* bytes of sums that nobody waits for, between two pauses */
	BLOCK = 1 << 9,                              /* elements that are added at a time: a tree of them is in L1 */
	ROWS = 7                                     /* partial sums: at work, and waiting at each level of the tree */
};
_Static_assert(SLICES_MAX == 1 << (ROWS - 1), "a row for each level");

bool is_slice_sum(const step *st)
{
	return st->y && st->y->op == &op_rec_slice_sum;
}

/* ---- when sums are made ---- */

/* read[s]: a later step needs what step s computes. */
static void find_read(const plan *p, bool *read)
{
	for (int s = 0; s < p->nstep; s++) {
		const node *const *in = NULL;
		const node *y = p->step[s].y;
		const int n = y ? y->nin : chain_reads(p->step[s].c, &in);
		for (int i = 0; i < n; i++) {
			const int unit = p->unit[root_of(p, y ? y->in[i] : in[i])];
			if (unit >= 0)
				read[unit] = true;
		}
	}
}

/* The order in which steps run, into order[nstep]. Sums for a gradient or a report wait until they are many, or until
 * the run pauses anyway. */
static void order_steps(const plan *p, const bool *read, int *order, int *waiting)
{
	int n = 0, held = 0;
	size_t bytes = 0;
	for (int s = 0; s < p->nstep; s++) {
		const bool is_sum = is_slice_sum(&p->step[s]), waits = is_sum && !read[s];
		if (waits) {
			waiting[held++] = s;
			bytes += (size_t)shape_count(&p->step[s].y->s) * sizeof(real);
		} else {
			order[n++] = s;
		}
		const bool pauses = is_sum && read[s] && !(s + 1 < p->nstep && is_slice_sum(&p->step[s + 1]));
		if (bytes < TOGETHER && !pauses && s + 1 < p->nstep)
			continue;
		for (int i = 0; i < held; i++)
			order[n++] = waiting[i];
		held = 0;
		bytes = 0;
	}
}

static void reorder(plan *p, const int *order, step *old, int *place)
{
	memcpy(old, p->step, (size_t)p->nstep * sizeof *old);
	for (int s = 0; s < p->nstep; s++) {
		p->step[s] = old[order[s]];
		place[order[s]] = s;
	}
	for (int id = 0; id < p->count; id++)
		if (p->unit[id] >= 0)
			p->unit[id] = place[p->unit[id]];
}

bool plan_gather_sums(plan *p, fault *e)
{
	const size_t n = (size_t)p->nstep;
	for (int s = 0; s < p->nstep && !p->sliced; s++)
		p->sliced = is_slice_sum(&p->step[s]);
	if (!p->sliced)
		return true;
	bool *read = mem_zero(n, sizeof *read, e);
	int *order = mem_new(3 * n, sizeof *order, e);
	step *old = mem_new(n, sizeof *old, e);
	const bool ok = read && order && old;
	if (ok) {
		find_read(p, read);
		order_steps(p, read, order, order + n);
		reorder(p, order, old, order + 2 * n);
	}
	free(read);
	free(order);
	free(old);
	return ok;
}

/* ---- adding ---- */

static CLONES(add_to_block, (real *restrict y, const real *restrict x, int64_t n), (y, x, n))
{
	for (int64_t i = 0; i < n; i++)
		y[i] += x[i];
}

typedef struct tree {
	const real *x[SLICES_MAX];                   /* of each slice */
	real *y[SLICES_MAX];                         /* may be its x, and that of another slice */
	int n;
} tree;

/* Like a counter in base two: a sum of 2^k slices waits in level[k + 1] for its neighbour; level[0] is at work, and the
 * result in the end. */
static void tree_sum(const tree *t, int64_t lo, int64_t n, real level[ROWS][BLOCK])
{
	for (int k = 0; k < t->n; k++) {
		int at = 0;
		memcpy(level[0], t->x[k] + lo, (size_t)n * sizeof(real));
		for (int bit = k; bit & 1; bit >>= 1)
			add_to_block(level[0], level[++at], n);
		if (k + 1 < t->n)
			memcpy(level[at + 1], level[0], (size_t)n * sizeof(real));
	}
}

static void tree_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const tree *t = ctx;
	real level[ROWS][BLOCK];
	for (int64_t i = lo, n; i < hi; i += n) {
		n = MIN(hi - i, BLOCK);
		tree_sum(t, i, n, level);
		for (int k = 0; k < t->n; k++)
			if (k == 0 || t->y[k] != t->y[k - 1])
				memcpy(t->y[k] + i, level[0], (size_t)n * sizeof(real));
	}
}

/* Step s of every plan. */
static bool sum_step(plan *const *p, int n, int s)
{
	tree t = {.n = n};
	bool ok = true;
	for (int i = 0; i < n; i++)
		ok = plan_open_step(p[i], s) && ok;
	if (!ok)
		return false;
	for (int i = 0; i < n; i++) {
		const node *y = p[i]->step[s].y;
		t.x[i] = y->in[0]->x;
		t.y[i] = y->x;
	}
	parallel_for(shape_count(&p[0]->step[s].y->s), SPAN_GRAIN, tree_chunk, &t);
	for (int i = 0; i < n; i++)
		plan_close_step(p[i], s);
	return true;
}

/* ---- running ---- */

typedef struct group {
	plan *const *p;
	int n;
	_Atomic bool failed;
} group;

static void advance(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	group *r = ctx;
	for (int64_t i = lo; i < hi; i++)
		if (!plan_advance(r->p[i]))
			r->failed = true;
}

/* Side by side where each thread gets as many slices as the others: they then wait for each other at sums only. Else
 * one after the other, each on all threads. */
static void advance_all(group *r)
{
	const bool side_by_side = r->n > 1 && r->n % pool_threads() == 0 && !r->p[0]->spent;
	if (side_by_side)
		parallel_for(r->n, 1, advance, r);
	else
		advance(r, 0, 0, r->n);
}

bool slices_run(plan *const *p, int n)
{
	group r = {.p = p, .n = n};
	must(n >= 1 && n <= SLICES_MAX && !(n & (n - 1)), "%d slices", n);
	for (int i = 0; i < n; i++) {
		must(p[i]->nstep == p[0]->nstep, "slices with different plans");
		plan_begin(p[i]);
	}
	for (;;) {
		advance_all(&r);
		const int s = p[0]->next;
		if (r.failed || s == p[0]->nstep)
			return !r.failed;
		if (!sum_step(p, n, s))
			return false;
		for (int i = 0; i < n; i++)
			p[i]->next++;
	}
}

void plan_run_slices(plan *const *p, int n)
{
	must(slices_run(p, n), "out of memory in a debug run");
	p[0]->runs += n;
	plan_assign(p[0]);
}
