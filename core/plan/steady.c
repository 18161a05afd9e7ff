/* steady.c - what a plan need not compute in every run: all that follows from parameters alone.
 *
 * A step is still when no leaf that moves, and nothing random, is behind what it reads. Values of still steps that
 * moving ones read keep their place from run to run, and so do packed weights. */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan_internal.h"

/* Bytes of packed weights that may stay: it is memory that other steps could use. */
enum { KEEP_MOST = 4 << 20 };

static bool is_still(const plan *p, const bool *still, const node *in)
{
	const int root = root_of(p, in);
	const node *y = p->node[root];
	return y->op == &op_rec_leaf ? !p->moves[root] : still[root];
}

static bool reads_moving(const plan *p, const bool *still, const step *st)
{
	int n;
	const node *const *read = step_reads(st, &n);
	for (int i = 0; i < n; i++)
		if (!is_still(p, still, read[i]))
			return true;
	return false;
}

/* Whether what is read stays: from now on also between runs. */
static void keep_reads(plan *p, const bool *still, const step *st)
{
	int n;
	const node *const *read = step_reads(st, &n);
	for (int i = 0; i < n; i++)
		if (is_still(p, still, read[i]))
			p->home[root_of(p, read[i])].kept = true;
}

static bool may_be_still(const step *st)
{
	return !(st->y && st->y->op->impure) && st->packed_bytes <= KEEP_MOST;
}

bool plan_mark_still(plan *p, fault *e)
{
	if (!p->moves || p->nassign > 0)
		return true;
	bool *still = mem_zero((size_t)p->count, sizeof *still, e);
	if (!still)
		return false;
	for (int s = 0; s < p->nstep; s++) {
		step *st = &p->step[s];
		st->still = may_be_still(st) && !reads_moving(p, still, st);
		for (int id = 0; id < p->count; id++)
			if (p->node[id] && p->unit[id] == s)
				still[id] = st->still;
	}
	for (int s = 0; s < p->nstep; s++)
		if (!p->step[s].still)
			keep_reads(p, still, &p->step[s]);
	for (int i = 0; i < p->nout; i++)
		p->home[p->home[p->out[i]].root].kept = still[p->home[p->out[i]].root];
	for (int s = 0; s < p->nstep; s++) {
		step *st = &p->step[s];
		st->kept = st->packs && st->still && !p->step[packed_for(p, s)].still;
	}
	free(still);
	return true;
}

void plan_renew(plan *p)
{
	p->settled = false;
}
