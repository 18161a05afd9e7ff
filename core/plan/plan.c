/* plan.c - makes a plan (private copies, views, order, memory) and runs it. */
#include "core/plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/kernels/conv.h"
#include "core/plan/plan_internal.h"
#include "core/base/thread.h"
#include "core/peers/peers.h"

enum { EPILOGUE_INPUTS = 4 };                         /* a product takes bias and residual in */

/* Marks what the roots need; inputs always have smaller ids. */
static void mark_live(const graph *g, bool *live, int count)
{
	for (int id = count - 1; id >= 0; id--)
		if (live[id])
			for (int i = 0; i < graph_at(g, id)->nin; i++)
				live[graph_at(g, id)->in[i]->id] = true;
}

static node *copy_node(const plan *p, const node *y, fault *e)
{
	size_t most = (size_t)MAX(y->nin, EPILOGUE_INPUTS);
	node *c = mem_new(1, sizeof *c + most * sizeof(node *), e);
	if (!c)
		return NULL;
	*c = *y;
	c->in = (node **)(c + 1);
	c->x = NULL;
	if (!(p->flags & PLAN_FAST) &&
	    (y->op == &op_rec_conv2d || y->op == &op_rec_conv2d_dx || y->op == &op_rec_conv2d_dw))
		c->a.conv.want = CONV_EXACT;
	for (int i = 0; i < c->nin; i++)
		c->in[i] = p->node[y->in[i]->id];
	return c;
}

/* Private copies of the live nodes, and the root of every view. */
static bool copy_live(plan *p, fault *e)
{
	bool *live = mem_zero((size_t)p->count, sizeof *live, e);
	if (!live)
		return false;
	for (int i = 0; i < p->nout; i++)
		live[p->out[i]] = true;
	for (int i = 0; i < p->nassign; i++)
		live[p->assign[i].x->id] = true;
	mark_live(p->g, live, p->count);
	bool ok = true;
	for (int id = 0; id < p->count && ok; id++) {
		p->home[id] = (home){.root = id, .storage = id};
		if (!live[id])
			continue;
		const node *y = graph_at(p->g, id);
		ok = (p->node[id] = copy_node(p, y, e)) != NULL;
		if (y->op->view)
			p->home[id].root = p->home[y->in[0]->id].root;
	}
	for (int i = 0; i < p->nassign && ok; i++)
		p->assign[i].x = p->node[p->assign[i].x->id];
	free(live);
	return ok;
}

static bool copy_requests(plan *p, node *const *out, int n, fault *e)
{
	const graph_assignment *a = graph_assignments(p->g, &p->nassign);
	p->out = mem_new((size_t)n, sizeof *p->out, e);
	p->assign = mem_new((size_t)p->nassign, sizeof *p->assign, e);
	if (!p->out || !p->assign)
		return false;
	for (int i = 0; i < n; i++)
		p->out[p->nout++] = out[i]->id;
	if (p->nassign)
		memcpy(p->assign, a, (size_t)p->nassign * sizeof *a);
	return true;
}

/* The value of assignment i is a buffer as it was when the run began, and the buffer has an assignment of its own. */
static bool is_overwritten(const plan *p, int i)
{
	const node *leaf = p->node[root_of(p, p->assign[i].x)];
	if (leaf->op != &op_rec_leaf || leaf->buf == p->assign[i].b)
		return false;
	for (int k = 0; k < p->nassign; k++)
		if (p->assign[k].b == leaf->buf)
			return true;
	return false;
}

/* Memory for such values: two buffers may change places, so no order of copying would do. */
static bool hold_overwritten(plan *p, fault *e)
{
	p->held = mem_zero((size_t)p->nassign, sizeof *p->held, e);
	bool ok = p->held;
	for (int i = 0; i < p->nassign && ok; i++)
		if (is_overwritten(p, i))
			ok = (p->held[i] = mem_new((size_t)shape_count(&p->assign[i].b->s), sizeof(real), e));
	return ok;
}

static bool separate(const plan *p)
{
	return p->flags & PLAN_SEPARATE;
}

/* In the debug mode every value has a malloc of its own. */
static void value_release(plan *p, int id)
{
	node *y = p->node[id];
	if (!y || !y->x || p->home[id].root != id || p->home[id].fixed || y->op == &op_rec_leaf)
		return;
	memset(y->x, 0xff, p->home[id].bytes);
	free(y->x);
	y->x = NULL;
}

static void release_packed(step *st)
{
	free(st->y->packed);
	st->y->packed = NULL;
}

static void release_all(plan *p)
{
	for (int id = 0; id < p->count; id++)
		value_release(p, id);
	for (int s = 0; s < p->nstep; s++)
		if (p->step[s].packs)
			release_packed(&p->step[s]);
}

void plan_free(plan *p)
{
	if (!p)
		return;
	if (separate(p) && p->home && p->node)
		release_all(p);
	for (int i = 0; i < p->nstep; i++)
		chain_free(p->step[i].c);
	for (int id = 0; p->node && id < p->count; id++)
		free(p->node[id]);
	if (p->owns_arena)
		free(p->arena);
	plan_wire_free(p->wire);
	free(p->node);
	free(p->home);
	free(p->unit);
	free(p->moves);
	free(p->step);
	free(p->out);
	for (int i = 0; p->held && i < p->nassign; i++)
		free(p->held[i]);
	free(p->held);
	free(p->assign);
	free(p->owns_spent ? p->spent : NULL);
	free(p);
}

size_t plan_bytes(const plan *p)
{
	return p->bytes;
}

/* Every value's address, now that the arena is known. Leaves are looked up at each run: their
 * buffers may have been placed since. */
static void set_addresses(plan *p)
{
	for (int id = 0; id < p->count; id++) {
		const home *h = &p->home[p->home[id].root];
		if (!p->node[id] || !h->stored || h->fixed || p->node[p->home[id].root]->op == &op_rec_leaf)
			continue;
		p->node[id]->x = (real *)(p->arena + p->home[h->storage].at);
	}
	for (int s = 0; s < p->nstep; s++)
		if (p->step[s].packs)
			p->step[s].y->packed = (real *)(p->arena + p->step[s].packed_at);
}

void plan_bind(plan *p, void *arena)
{
	if (p->owns_arena)
		free(p->arena);
	p->owns_arena = false;
	p->arena = arena;
	if (!separate(p))
		set_addresses(p);
}

static bool own_arena(plan *p, fault *e)
{
	void *arena = mem_aligned(p->bytes, e);
	if (!arena)
		return false;
	plan_bind(p, arena);
	p->owns_arena = true;
	return true;
}

/* moves: as in plan_steady, or NULL. */
static bool copy_moves(plan *p, node *const *moves, int n, fault *e)
{
	p->moves = moves ? mem_zero((size_t)p->count, sizeof *p->moves, e) : NULL;
	for (int i = 0; p->moves && i < n; i++)
		p->moves[moves[i]->id] = true;
	return !moves || p->moves;
}

static plan *plan_make(graph *g, node *const *out, int n, node *const *moves, int nmoves, unsigned flags, fault *e)
{
	if (!graph_ok(g, e))
		return NULL;
	plan *p = mem_zero(1, sizeof *p, e);
	if (!p)
		return NULL;
	p->g = g;
	p->flags = flags;
	p->count = graph_count(g);
	p->threads = pool_threads();
	p->bad = -1;
	p->node = mem_zero((size_t)p->count, sizeof *p->node, e);
	p->home = mem_zero((size_t)p->count, sizeof *p->home, e);
	p->unit = mem_zero((size_t)p->count, sizeof *p->unit, e);
	if (p->node && p->home && p->unit && copy_moves(p, moves, nmoves, e) && copy_requests(p, out, n, e)
	    && copy_live(p, e)
	    && (flags & PLAN_NO_FUSE || plan_epilogues(p, e)) && plan_fuse(p, e)
	    && plan_gather_sums(p, e) && plan_find_common(p, e) && plan_wire_new(p, e) && plan_mark_still(p, e)
	    && plan_place(p, e) && hold_overwritten(p, e)
	    && (flags & (PLAN_SEPARATE | PLAN_UNBOUND) || own_arena(p, e)))
		return p;
	plan_free(p);
	return NULL;
}

plan *plan_new(graph *g, node *const *out, int n, unsigned flags, fault *e)
{
	return plan_make(g, out, n, NULL, 0, flags, e);
}

plan *plan_steady(graph *g, node *const *out, int n, node *const *moves, int nmoves, fault *e)
{
	return plan_make(g, out, n, moves, nmoves, 0, e);
}

const node *const *step_reads(const step *st, int *n)
{
	const node *const *read = NULL;
	if (st->c) {
		*n = chain_reads(st->c, &read);
		return read;
	}
	*n = st->packs ? 1 : st->y->nin;
	return (const node *const *)st->y->in + (st->packs ? st->y->op->pack->input : 0);
}

bool plan_reorder(plan *p, const int *order, fault *e)
{
	const size_t n = (size_t)p->nstep;
	step *old = mem_new(n, sizeof *old, e);
	int *place = mem_new(n, sizeof *place, e);
	const bool ok = old && place;
	if (ok)
		memcpy(old, p->step, n * sizeof *old);
	for (int s = 0; ok && s < p->nstep; s++) {
		p->step[s] = old[order[s]];
		place[order[s]] = s;
	}
	for (int id = 0; ok && id < p->count; id++)
		if (p->unit[id] >= 0)
			p->unit[id] = place[p->unit[id]];
	free(old);
	free(place);
	return ok;
}

static void set_leaves(plan *p)
{
	for (int i = 0; i < p->nassign; i++)
		if (p->home[root_of(p, p->assign[i].x)].fixed)
			p->node[root_of(p, p->assign[i].x)]->x = p->assign[i].b->x;
	for (int id = 0; id < p->count; id++) {
		node *y = p->node[id];
		if (!y)
			continue;
		if (y->op == &op_rec_leaf)
			y->x = y->buf->x;
		else if (p->home[id].root != id)
			y->x = p->node[p->home[id].root]->x;
	}
}

/* False when memory is out. */
static bool allocate_values(plan *p, int s)
{
	for (int id = 0; id < p->count; id++) {
		home *h = &p->home[id];
		if (!p->node[id] || h->root != id || !h->stored || h->fixed || h->def != s
		    || p->node[id]->op == &op_rec_leaf)
			continue;
		free(p->node[id]->x);
		p->node[id]->x = mem_aligned(h->bytes, NULL);
		if (!p->node[id]->x)
			return false;
		memset(p->node[id]->x, 0xff, h->bytes);
	}
	return true;
}

static void release_values(plan *p, int s)
{
	for (int id = 0; id < p->count; id++)
		if (p->node[id] && p->home[id].stored && p->home[id].last == s)
			value_release(p, id);
}

static bool all_finite(const real *x, int64_t n)
{
	real sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += x[i] * 0;
	return sum == 0;
}

bool plan_open_step(plan *p, int s)
{
	if (!separate(p))
		return true;
	const bool ok = allocate_values(p, s);
	set_leaves(p);
	return ok;
}

void plan_close_step(plan *p, int s)
{
	step *st = &p->step[s];
	const node *y = st->packs ? NULL : st->y;
	if (p->check && y && p->bad < 0 && !all_finite(y->x, shape_count(&y->s)))
		p->bad = y->id;
	if (!separate(p))
		return;
	release_values(p, s);
	if (y && y->packed)
		release_packed(st);
}

/* False without memory for the packed input, in the debug mode. */
static bool pack(plan *p, step *st, void *scratch)
{
	node *y = st->y;
	if (separate(p) && !(y->packed = mem_aligned(st->packed_bytes, NULL)))
		return false;
	y->op->pack->run(y, y->packed, scratch);
	return true;
}

static bool do_step(plan *p, int s)
{
	step *st = &p->step[s];
	void *scratch = NULL, *own = NULL;
	bool ok = true;
	if (st->scratch_bytes)
		scratch = separate(p) ? own = mem_aligned(st->scratch_bytes, NULL) : p->arena + st->scratch_at;
	if (st->scratch_bytes && !scratch)
		return false;
	if (st->c)
		chain_run(st->c, scratch);
	else if (st->packs)
		ok = pack(p, st, scratch);
	else
		st->y->op->eval(st->y, scratch);
	free(own);
	return ok;
}

/* With the time it takes, where somebody wants to know. */
static bool run_step(plan *p, int s)
{
	const double start = p->spent ? clock_s() : 0;
	if (p->step[s].still && p->settled)
		return true;
	if (!plan_open_step(p, s) || !do_step(p, s))
		return false;
	plan_close_step(p, s);
	if (p->spent)
		p->spent[s] += clock_s() - start;
	return true;
}

void plan_begin(plan *p)
{
	must(pool_threads() <= p->threads, "a plan made for %d threads is run by %d: its workspace is too small",
		p->threads, pool_threads());
	must(p->arena || separate(p), "a plan made with PLAN_UNBOUND runs before plan_bind");
	if (separate(p))
		release_all(p);
	set_leaves(p);
	p->next = 0;
}

static bool next_step(plan *p)
{
	const bool ok = run_step(p, p->next++);
	if (p->wire)
		peers_help();
	return ok;
}

/* False when a debug run has no memory for its values. No other run asks for any. */
bool plan_advance(plan *p)
{
	while (p->next < p->nstep && !is_slice_sum(&p->step[p->next]))
		if (!next_step(p))
			return false;
	return true;
}

bool plan_advance_common(plan *p)
{
	while (p->next < p->nstep && p->step[p->next].common)
		if (!next_step(p))
			return false;
	return true;
}

void plan_assign(plan *p)
{
	for (int i = 0; i < p->nassign; i++)
		if (p->held[i])
			memcpy(p->held[i], p->assign[i].x->x, (size_t)shape_count(&p->assign[i].b->s) * sizeof(real));
	for (int i = 0; i < p->nassign; i++) {
		const graph_assignment *a = &p->assign[i];
		const real *x = p->held[i] ? p->held[i] : a->x->x;
		if (x != a->b->x)
			memcpy(a->b->x, x, (size_t)shape_count(&a->b->s) * sizeof(real));
	}
}

void plan_run(plan *p)
{
	plan_run_slices(&p, 1);
	p->settled = p->moves != NULL;
}

const real *plan_value(const plan *p, const node *out)
{
	must(out->id < p->count && p->node[out->id], "plan_value of %s, which was not planned", out->op->name);
	return p->node[out->id]->x;
}

double plan_flop(const plan *p)
{
	double sum = 0;
	for (int id = 0; id < p->count; id++)
		if (p->node[id] && p->node[id]->op->flop)
			sum += p->node[id]->op->flop(p->node[id]);
	return sum;
}

/* A parameter or input that went bad is the cause, not the values made from it. */
static bool bad_leaf(plan *p)
{
	for (int id = 0; id < p->count && p->bad < 0; id++) {
		const node *y = p->node[id];
		if (y && y->op == &op_rec_leaf && !all_finite(y->buf->x, shape_count(&y->s)))
			p->bad = id;
	}
	return p->bad >= 0;
}

static plan *debug_plan(const plan *p)
{
	node **out = mem_new((size_t)p->nout, sizeof *out, NULL);
	for (int i = 0; out && i < p->nout; i++)
		out[i] = graph_at(p->g, p->out[i]);
	const unsigned flags = PLAN_SEPARATE | PLAN_NO_FUSE | (p->flags & PLAN_FAST);
	plan *debug = out ? plan_new(p->g, out, p->nout, flags, NULL) : NULL;
	if (debug)
		debug->check = true;
	free(out);
	return debug;
}

static void name_bad(const plan *p, char *where, size_t size)
{
	const node *y = graph_at(p->g, p->bad);
	if (y->buf)
		snprintf(where, size, "%s %s", y->buf->name, shape_print(&y->s).s);
	else
		snprintf(where, size, "%s %s in %s", y->op->name, shape_print(&y->s).s,
			*y->path ? y->path : "the loss");
}

/* The plan whose bad value comes first: the slices run side by side. */
static const plan *first_bad(plan *const *p, int n)
{
	const plan *first = NULL;
	for (int i = 0; i < n; i++)
		if (p[i]->bad >= 0 && (!first || p[i]->bad < first->bad))
			first = p[i];
	return first;
}

bool plan_find_bad_slice(plan *const *p, int n, char *where, size_t size)
{
	plan *debug[SLICES_MAX] = {NULL};
	bool lacks = false, leaf = false;
	for (int i = 0; i < n; i++)
		lacks = !(debug[i] = debug_plan(p[i])) || lacks;
	const bool made = !plan_any_process(p[0], lacks);
	for (int i = 0; made && i < n; i++)
		leaf = bad_leaf(debug[i]) || leaf;
	const bool looked = made && (plan_any_process(p[0], leaf) || slices_run(debug, n));
	const plan *bad = looked ? first_bad(debug, n) : NULL;
	if (bad)
		name_bad(bad, where, size);
	for (int i = 0; i < n; i++)
		plan_free(debug[i]);
	return bad != NULL;
}

bool plan_find_bad(plan *p, char *where, size_t size)
{
	return plan_find_bad_slice(&p, 1, where, size);
}
