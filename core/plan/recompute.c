/* recompute.c - values that are cheaper to compute again than to keep.
 *
 * A chain reads and writes memory far more slowly than it adds and multiplies. A value that a chain would write only
 * for other chains of the same length, and that takes a few cheap operations from values which are in memory anyway,
 * is not written: each of its readers computes it again, in its own pass, to the same bits. (A sum in that pass may be
 * cut into other pieces, and so add up in another order, than without.) */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan_internal.h"

/* Counted as in fuse.c. Values do not depend on these numbers, sums behind them only by the order of adding. */
enum {
	/* Elements of a value that stays in cache: writing it costs next to nothing. */
	SMALL = 1 << 12,
	/* Operations that a reader does again, at most. None: up to 10 % more arena and 5 % more bytes read and
	 * written; one: 10 % and 2 %; six: the same bytes as three, and more arithmetic. */
	COST_MOST = 3,
	/* Values in memory that they read, at most. One: as many bytes, but more of them written, which costs more than
	 * reading; four: 0.6 % more bytes. */
	INPUTS_MOST = 2
};

/* Operations that cost less than a read. */
static const op *const cheap[] = {
	&op_rec_add, &op_rec_sub, &op_rec_mul, &op_rec_scale, &op_rec_add_scalar, &op_rec_leaky_relu, &op_rec_gate,
};

static bool is_cheap(const node *y)
{
	for (int i = 0; i < COUNT(cheap); i++)
		if (y->op == cheap[i])
			return true;
	return false;
}

/* Whether reader y can do with computing the value `from` itself. */
static bool can_compute(const fusion *f, const node *y, int from)
{
	const int id = root_of(f->p, y);
	if (f->virtual[id] || f->unit[id] < 0 || !f->in_chain[f->unit[id]])
		return false;
	const shape *s = y->op->span ? &y->s : &y->in[0]->s;
	return shape_count(s) == shape_count(&f->p->node[from]->s);
}

/* Values that some reader must find in memory. */
static void find_needed(const fusion *f, bool *needed)
{
	const plan *p = f->p;
	for (int id = 0; id < p->count; id++) {
		const node *y = p->node[id];
		for (int i = 0; y && i < y->nin; i++) {
			const int from = root_of(p, y->in[i]);
			if (p->home[id].root != from && !f->virtual[from] && !can_compute(f, y, from))
				needed[from] = true;
		}
	}
	for (int i = 0; i < p->nout; i++)
		needed[p->home[p->out[i]].root] = true;
	for (int i = 0; i < p->nassign; i++)
		needed[root_of(p, p->assign[i].x)] = true;
}

/* Operations from values in memory to y, and how many values they are; too many when one of them is not cheap. */
static void count_cost(const fusion *f, const node *y, int *cost, int *inputs)
{
	const plan *p = f->p;
	cost[y->id] = is_cheap(y) ? 1 : COST_MOST + 1;
	for (int i = 0; i < y->nin; i++) {
		const int from = root_of(p, y->in[i]);
		if (f->virtual[from])
			continue;
		const bool stored = p->home[from].stored;
		cost[y->id] = MIN(COST_MOST + 1, cost[y->id] + (stored ? 0 : cost[from]));
		inputs[y->id] += stored ? (i == 0 || from != root_of(p, y->in[0])) : inputs[from];
	}
}

bool plan_recompute(const fusion *f, fault *e)
{
	plan *p = f->p;
	bool *needed = mem_zero((size_t)p->count, sizeof *needed, e);
	int *cost = mem_zero((size_t)p->count, sizeof *cost, e);
	int *inputs = mem_zero((size_t)p->count, sizeof *inputs, e);
	const bool ok = needed && cost && inputs;
	if (ok)
		find_needed(f, needed);
	for (int id = 0; ok && id < p->count; id++) {
		const node *y = p->node[id];
		if (!y || p->home[id].root != id || !y->op->span || f->unit[id] < 0 || !f->in_chain[f->unit[id]])
			continue;
		count_cost(f, y, cost, inputs);
		if (!needed[id] && cost[id] <= COST_MOST && inputs[id] <= INPUTS_MOST && shape_count(&y->s) > SMALL)
			p->home[id].stored = false;
	}
	free(needed);
	free(cost);
	free(inputs);
	return ok;
}

/* Adds what member `id` of `unit` reads and nobody has in memory; stamp[] names the units seen. */
static int add_inputs(const fusion *f, int unit, int id, int *member, int n, int *stamp)
{
	const plan *p = f->p;
	const node *y = p->node[id];
	for (int i = 0; i < y->nin; i++) {
		const int from = root_of(p, y->in[i]);
		if (f->virtual[from] || p->home[from].stored || f->unit[from] == unit || stamp[from] == unit)
			continue;
		stamp[from] = unit;
		member[n++] = from;
		n = add_inputs(f, unit, from, member, n, stamp);
	}
	return n;
}

int plan_recomputed(const fusion *f, int unit, int *member, int n, int *stamp)
{
	const int own = n;
	for (int k = 0; k < own; k++)
		n = add_inputs(f, unit, member[k], member, n, stamp);
	return n;
}
