/* common.c - what the slices of a batch have in common: all that follows from parameters alone, such as weights divided
 * by sigma and the order in which a convolution reads them.
 *
 * The plan of the first slice computes it, on all threads, and keeps it until all have read it; the others' plans read
 * it there. Slices run side by side between two sums, so common steps come first in such a stretch, and what they make
 * stays until the end of the stretch in which it is read last. */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/peers/peers.h"
#include "core/plan/plan_internal.h"

bool is_first_slice(const plan *p)
{
	const int own = graph_slices(p->g) / peers_count();
	return graph_slice_index(p->g) % MAX(own, 1) == 0;
}

int stretch_end(const plan *p, int s)
{
	while (s + 1 < p->nstep && !is_slice_sum(&p->step[s + 1]))
		s++;
	return s;
}

static bool is_common(const plan *p, const node *in)
{
	const int root = root_of(p, in);
	const node *y = p->node[root];
	return y->op == &op_rec_leaf ? y->buf->common : p->home[root].common;
}

static bool reads_common_alone(const plan *p, const step *st)
{
	int n;
	const node *const *read = step_reads(st, &n);
	for (int i = 0; i < n; i++)
		if (!is_common(p, read[i]))
			return false;
	return true;
}

static void mark(plan *p)
{
	for (int s = 0; s < p->nstep; s++) {
		step *st = &p->step[s];
		const bool own = st->y && (st->y->op->impure || is_slice_sum(st));
		st->common = !own && reads_common_alone(p, st);
		for (int id = 0; st->common && id < p->count; id++)
			if (p->node[id] && p->unit[id] == s)
				p->home[id].common = true;
	}
}

/* Common steps of each stretch first; else as before. */
static void order_steps(const plan *p, int *order)
{
	int n = 0;
	for (int s = 0, end; s < p->nstep; s = end + 1) {
		end = is_slice_sum(&p->step[s]) ? s : stretch_end(p, s);
		for (int common = 1; common >= 0; common--)
			for (int i = s; i <= end; i++)
				if (p->step[i].common == common)
					order[n++] = i;
	}
}

bool plan_find_common(plan *p, fault *e)
{
	if (graph_slices(p->g) == 1 || p->flags & PLAN_SEPARATE)
		return true;
	int *order = mem_new((size_t)p->nstep, sizeof *order, e);
	bool ok = order != NULL;
	if (ok) {
		mark(p);
		order_steps(p, order);
		ok = plan_reorder(p, order, e);
		p->borrows = !is_first_slice(p);
	}
	free(order);
	return ok;
}

void plans_borrow(plan *const *p, int n)
{
	must(!p[0]->borrows, "slices run without the first of them");
	for (int k = 1; k < n; k++) {
		for (int id = 0; id < p[k]->count; id++)
			if (p[k]->node[id] && p[k]->home[root_of(p[k], p[k]->node[id])].common)
				p[k]->node[id]->x = p[0]->node[id]->x;
		for (int s = 0; s < p[k]->nstep; s++)
			if (p[k]->step[s].packs && p[k]->step[s].common)
				p[k]->step[s].y->packed = p[0]->step[s].y->packed;
	}
}
