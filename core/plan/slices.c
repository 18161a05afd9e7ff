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
#include "core/peers/peers.h"
#include "core/plan/plan_internal.h"

enum {
	TOGETHER = 1 << 18,                          /* bytes of sums that nobody waits for, at least */
	PARCELS = 16,                                /* then twice as many of them, at most: each is an open exchange */
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
		int n;
		const node *const *in = step_reads(&p->step[s], &n);
		for (int i = 0; i < n; i++) {
			const int unit = p->unit[root_of(p, in[i])];
			if (unit >= 0)
				read[unit] = true;
		}
	}
}

static bool is_read_sum(const plan *p, const bool *read, int s)
{
	return s < p->nstep && is_slice_sum(&p->step[s]) && read[s];
}

static size_t sum_bytes(const plan *p, int s)
{
	return (size_t)shape_count(&p->step[s].y->s) * sizeof(real);
}

/* The sums that nobody reads, by the step behind which they can be made: first[s], and then next[] of each; -1: none.
 * Those of leaves: first[nstep]. */
static size_t sort_sums(const plan *p, const bool *read, int *first, int *next)
{
	size_t bytes = 0;
	for (int s = 0; s <= p->nstep; s++)
		first[s] = -1;
	for (int s = p->nstep - 1; s >= 0; s--) {
		if (!is_slice_sum(&p->step[s]) || read[s])
			continue;
		const int unit = p->unit[root_of(p, p->step[s].y->in[0])], from = unit >= 0 ? unit : p->nstep;
		next[s] = first[from];
		first[from] = s;
		bytes += sum_bytes(p, s);
	}
	return bytes;
}

/* The order in which steps run, into order[nstep]. Sums for a gradient or a report are made from the step on that
 * computes what is summed: as soon as they are many, or half as many where the run pauses anyway. first, next:
 * [nstep + 1] to work in. */
static void order_steps(const plan *p, const bool *read, int *order, int *first, int *next)
{
	const size_t many = MAX((size_t)TOGETHER, sort_sums(p, read, first, next) / PARCELS);
	int n = 0, held = 0;                         /* order[n .. n + held) wait to be made */
	size_t bytes = 0;
	for (int s = 0; s < p->nstep; s++) {
		if (is_slice_sum(&p->step[s]) && !read[s])
			continue;
		memmove(order + n + 1, order + n, (size_t)held * sizeof *order);
		order[n++] = s;
		for (int sum = first[s]; sum >= 0; sum = next[sum]) {
			order[n + held++] = sum;
			bytes += sum_bytes(p, sum);
		}
		const bool pauses = is_read_sum(p, read, s) && !is_read_sum(p, read, s + 1);
		if (bytes < (pauses ? many / 2 : many))
			continue;
		n += held;
		held = 0;
		bytes = 0;
	}
	for (int sum = first[p->nstep]; sum >= 0; sum = next[sum])
		order[n + held++] = sum;
}

bool plan_gather_sums(plan *p, fault *e)
{
	const size_t n = (size_t)p->nstep;
	for (int s = 0; s < p->nstep && !p->sliced; s++)
		p->sliced = is_slice_sum(&p->step[s]);
	if (!p->sliced)
		return true;
	bool *read = mem_zero(n, sizeof *read, e);
	int *order = mem_new(3 * n + 2, sizeof *order, e);
	bool ok = read && order;
	if (ok) {
		find_read(p, read);
		order_steps(p, read, order, order + n, order + 2 * n + 1);
		ok = plan_reorder(p, order, e);
	}
	free(read);
	free(order);
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
	real *y[SLICES_MAX];                         /* where the sum goes; may be one of x */
	int n, results;
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
		for (int k = 0; k < t->results; k++)
			memcpy(t->y[k] + i, level[0], (size_t)n * sizeof(real));
	}
}

static void add_up(tree *t, int64_t n)
{
	parallel_for(n, SPAN_GRAIN, tree_chunk, t);
}

static int64_t step_count(const plan *p, int s)
{
	return shape_count(&p->step[s].y->s);
}

/* The inputs of step s in all of these plans. */
static tree tree_of(plan *const *p, int n, int s)
{
	tree t = {.n = n};
	for (int i = 0; i < n; i++)
		t.x[i] = p[i]->step[s].y->in[0]->x;
	return t;
}

/* The places of its results: slices may have one in common. */
static int places_of(plan *const *p, int n, int s, real *y[SLICES_MAX])
{
	int places = 0;
	for (int i = 0; i < n; i++) {
		real *x = p[i]->step[s].y->x;
		if (!places || y[places - 1] != x)
			y[places++] = x;
	}
	return places;
}

static void sum_here(plan *const *p, int n, int s)
{
	tree t = tree_of(p, n, s);
	t.results = places_of(p, n, s, t.y);
	add_up(&t, step_count(p[0], s));
}

/* ---- adding with other processes ----
 *
 * A process has slices that follow each other, as many as every other: a branch of the tree. It adds these; the sums of
 * the branches are carried, and added by the upper part of the tree. A small sum goes from each to each. Of a large
 * one, rank r gets block r from everybody, adds it, and gives the result to everybody: each sends 2 (n-1)/n times its
 * size. */

enum stage { STAGE_NONE, STAGE_BRANCHES, STAGE_RESULT };

/* Sums, steps [first, last), that are carried together. */
typedef struct parcel {
	int first, last;
	bool waits;                                  /* nobody reads them before the end of the run */
	int64_t n, block;                            /* elements; of a rank's part, or 0: all go to all */
	real *own;                                   /* [n], filled up to whole blocks: of this branch, then of all */
	real *part;                                  /* [ranks, block or n] */
	enum stage stage;
	int exchange[2];
} parcel;

struct wire {
	parcel *parcel;                              /* own */
	int parcels;
	real *memory;                                /* own */
};

enum { SMALL = 1 << 12 };                            /* elements that go to all: a second journey costs more */

void plan_wire_free(struct wire *w)
{
	if (w)
		free(w->parcel);
	if (w)
		free(w->memory);
	free(w);
}

/* Steps that follow each other and do not read each other. */
static int parcel_end(const plan *p, const bool *read, int s)
{
	int last = s + 1;
	for (; last < p->nstep && is_slice_sum(&p->step[last]) && read[last] == read[s]; last++) {
		const int from = p->unit[root_of(p, p->step[last].y->in[0])];
		if (from >= s)
			break;
	}
	return last;
}

/* In elements: memory that a parcel needs, and what a process sends of it. */
static int64_t parcel_room(const parcel *q, int ranks)
{
	return q->block ? 2 * ranks * q->block : (ranks + 1) * q->n;
}

static int64_t parcel_sent(const parcel *q, int ranks)
{
	return (ranks - 1) * (q->block ? 2 * q->block : q->n);
}

/* Fills w->parcel where there is one, else counts; returns how many elements of memory all need. *sent: see there. */
static int64_t find_parcels(const plan *p, const bool *read, int ranks, struct wire *w, int64_t *sent)
{
	int64_t room = 0;
	w->parcels = 0;
	*sent = 0;
	for (int s = 0; s < p->nstep; s++) {
		parcel q = {.first = s, .waits = !read[s] && !(p->flags & PLAN_SEPARATE)};
		if (!is_slice_sum(&p->step[s]))
			continue;
		q.last = parcel_end(p, read, s);
		for (int i = s; i < q.last; i++)
			q.n += step_count(p, i);
		q.block = q.n > SMALL ? (q.n + ranks - 1) / ranks : 0;
		if (w->parcel) {
			q.own = w->memory + room;
			q.part = q.own + (q.block ? ranks * q.block : q.n);
			w->parcel[w->parcels] = q;
		}
		w->parcels++;
		room += parcel_room(&q, ranks);
		*sent += parcel_sent(&q, ranks);
		s = q.last - 1;
	}
	return room;
}

/* The other slices' plans are alike. */
static bool needs_wire(const plan *p)
{
	return p->sliced && peers_count() > 1 && is_first_slice(p);
}

bool plan_wire_new(plan *p, fault *e)
{
	if (!needs_wire(p))
		return true;
	bool *read = mem_zero((size_t)p->nstep, sizeof *read, e);
	struct wire *w = p->wire = mem_zero(1, sizeof *w, e);
	if (read && w) {
		int64_t sent;
		find_read(p, read);
		const int64_t room = find_parcels(p, read, peers_count(), w, &sent);
		w->parcel = mem_zero((size_t)w->parcels, sizeof *w->parcel, e);
		w->memory = mem_zero((size_t)room, sizeof *w->memory, e);
		if (w->parcel && w->memory)
			find_parcels(p, read, peers_count(), w, &sent);
	}
	free(read);
	return w && w->parcel && w->memory;
}

bool plan_any_process(const plan *p, bool mine)
{
	return p->wire ? peers_most(mine) : mine;
}

bool plan_carries(const plan *p, int processes, double *sent, double *memory, fault *e)
{
	struct wire count = {0};
	int64_t elements = 0, room = 0;
	bool *read = mem_zero((size_t)p->nstep, sizeof *read, e);
	if (read && processes > 1) {
		find_read(p, read);
		room = find_parcels(p, read, processes, &count, &elements);
	}
	free(read);
	*sent = (double)elements * sizeof(real);
	*memory = (double)room * sizeof(real);
	return read != NULL;
}

static parcel *parcel_at(const plan *p, int s)
{
	for (int i = 0; i < p->wire->parcels; i++)
		if (p->wire->parcel[i].first == s)
			return &p->wire->parcel[i];
	must(false, "step %d is no sum", s);
	return NULL;
}

static void send_branch(parcel *q)
{
	peers_block b[PEERS_MAX];
	const size_t bytes = (size_t)(q->block ? q->block : q->n) * sizeof(real);
	for (int i = 0; i < peers_count(); i++)
		b[i] = (peers_block){q->own + i * q->block, (char *)q->part + (size_t)i * bytes, bytes, bytes};
	q->exchange[0] = peers_name();
	q->exchange[1] = q->block ? peers_name() : -1;
	q->stage = STAGE_BRANCHES;
	peers_start(q->exchange[0], b);
}

static void send_result(parcel *q)
{
	peers_block b[PEERS_MAX];
	const size_t bytes = (size_t)q->block * sizeof(real);
	const real *own = q->own + peers_rank() * q->block;
	for (int i = 0; i < peers_count(); i++)
		b[i] = (peers_block){own, q->own + i * q->block, bytes, bytes};
	q->stage = STAGE_RESULT;
	peers_start(q->exchange[1], b);
}

/* The branches of all ranks are here. */
static void add_branches(parcel *q)
{
	tree t = {.n = peers_count(), .results = 1, .y = {q->own + peers_rank() * q->block}};
	const int64_t n = q->block ? q->block : q->n;
	for (int i = 0; i < t.n; i++)
		t.x[i] = q->part + i * n;
	add_up(&t, n);
}

static void hand_out(plan *const *p, int n, const parcel *q)
{
	const real *from = q->own;
	for (int s = q->first; s < q->last; s++) {
		real *y[SLICES_MAX];
		const int places = places_of(p, n, s, y);
		for (int k = 0; k < places; k++)
			memcpy(y[k], from, (size_t)step_count(p[0], s) * sizeof(real));
		from += step_count(p[0], s);
	}
}

/* As far as what has arrived allows, or to the end. */
static void carry_on(plan *const *p, int n, parcel *q, bool to_the_end)
{
	while (q->stage != STAGE_NONE) {
		const int exchange = q->exchange[q->stage == STAGE_RESULT];
		if (to_the_end)
			peers_wait(exchange);
		else if (!peers_done(exchange))
			return;
		if (q->stage == STAGE_BRANCHES)
			add_branches(q);
		if (q->stage == STAGE_BRANCHES && q->block) {
			send_result(q);
			continue;
		}
		hand_out(p, n, q);
		q->stage = STAGE_NONE;
	}
}

static void carry_all(plan *const *p, int n, bool to_the_end)
{
	const struct wire *w = p[0]->wire;
	for (int i = 0; w && i < w->parcels; i++)
		carry_on(p, n, &w->parcel[i], to_the_end);
}

/* Returns the step behind. */
static int sum_with_peers(plan *const *p, int n, int s)
{
	parcel *q = parcel_at(p[0], s);
	real *to = q->own;
	for (int i = s; i < q->last; i++) {
		tree t = tree_of(p, n, i);
		t.y[0] = to;
		t.results = 1;
		add_up(&t, step_count(p[0], i));
		to += step_count(p[0], i);
	}
	send_branch(q);
	carry_on(p, n, q, !q->waits);
	carry_all(p, n, false);
	return q->last;
}

/* No other run than a debug run can. */
static bool one_has_failed(const plan *p, bool mine)
{
	return p->flags & PLAN_SEPARATE ? plan_any_process(p, mine) : mine;
}

/* Sums from step s on; returns the step behind them, or -1 without memory in a debug run. */
static int sum_steps(plan *const *p, int n, int s)
{
	const int last = p[0]->wire ? parcel_at(p[0], s)->last : s + 1;
	bool ok = true;
	for (int k = s; k < last; k++)
		for (int i = 0; i < n; i++)
			ok = plan_open_step(p[i], k) && ok;
	if (one_has_failed(p[0], !ok))
		return -1;
	if (p[0]->wire)
		sum_with_peers(p, n, s);
	else
		sum_here(p, n, s);
	for (int k = s; k < last; k++)
		for (int i = 0; i < n; i++)
			plan_close_step(p[i], k);
	return last;
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

/* First what all have in common, on all threads. Then side by side where each thread gets as many slices as the
 * others: they wait for each other at sums only. Else one after the other, each on all threads. */
static void advance_all(group *r)
{
	r->failed = !plan_advance_common(r->p[0]);
	for (int i = 1; i < r->n; i++)
		r->p[i]->next = r->p[0]->next;
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
	plans_borrow(p, n);
	for (;;) {
		advance_all(&r);
		const int s = p[0]->next;
		if (one_has_failed(p[0], r.failed))
			return false;
		if (s == p[0]->nstep)
			break;
		const int behind = sum_steps(p, n, s);
		if (behind < 0)
			return false;
		for (int i = 0; i < n; i++)
			p[i]->next = behind;
	}
	carry_all(p, n, true);
	return true;
}

void plan_run_slices(plan *const *p, int n)
{
	must(slices_run(p, n), "out of memory in a debug run");
	p[0]->runs += n;
	plan_assign(p[0]);
}
