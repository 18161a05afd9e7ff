/* steady.c - what a plan need not compute in every run: all that follows from parameters alone.
 *
 * A step is still when no leaf that moves, and nothing random, is behind what it reads. Values of still steps that
 * moving ones read keep their place from run to run, and so does the workspace of a convolution whose weights are
 * still: it begins with the packed weights. */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan_internal.h"

/* Bytes of a workspace that may stay: it is memory that the steps of other plans share. */
enum { KEEP_MOST = 4 << 20 };

static bool is_still(const plan *p, const bool *still, const node *in)
{
	const int root = root_of(p, in);
	const node *y = p->node[root];
	return y->op == &op_rec_leaf ? !p->moves[root] : still[root];
}

static bool reads_moving(const plan *p, const bool *still, const step *st)
{
	const node *const *read = NULL;
	const int n = st->y ? st->y->nin : chain_reads(st->c, &read);
	for (int i = 0; i < n; i++)
		if (!is_still(p, still, st->y ? st->y->in[i] : read[i]))
			return true;
	return false;
}

/* Whether what is read stays: from now on also between runs. */
static void keep_reads(plan *p, const bool *still, const step *st)
{
	const node *const *read = NULL;
	const int n = st->y ? st->y->nin : chain_reads(st->c, &read);
	for (int i = 0; i < n; i++) {
		const node *in = st->y ? st->y->in[i] : read[i];
		if (is_still(p, still, in))
			p->home[root_of(p, in)].kept = true;
	}
}

static bool packs_weights(const node *y)
{
	return y && (y->op == &op_rec_conv2d || y->op == &op_rec_conv2d_dx);
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
		st->still = !(st->y && st->y->op->impure) && !reads_moving(p, still, st);
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
		st->keeps = !st->still && packs_weights(st->y) && st->scratch_bytes <= KEEP_MOST
			&& is_still(p, still, st->y->in[1]);
	}
	free(still);
	return true;
}

void plan_renew(plan *p)
{
	p->settled = false;
}
