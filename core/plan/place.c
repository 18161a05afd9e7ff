/* place.c - who lives where: first and last step of every value, reuse in place, offsets.
 *
 * Offsets: largest value first, each at the lowest place that is free during its whole life
 * ("greedy by size", arXiv 2001.03288, section 5.2). */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/plan/plan_internal.h"

size_t plan_align(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

bool in_memory(const plan *p, int id)
{
	return p->node[id] && p->home[id].root == id && p->home[id].stored && p->node[id]->op != &op_rec_leaf;
}

/* How long what is common, or not, must stay when step s reads it: other slices may read it later than the first one,
 * whose steps these are. */
static int read_until(const plan *p, bool common, int s)
{
	return common && !p->step[s].common ? stretch_end(p, s) : s;
}

static void read_at(plan *p, const node *y, int s)
{
	home *h = &p->home[root_of(p, y)];
	h->last = MAX(h->last, read_until(p, h->common, s));
}

static void find_lives(plan *p)
{
	for (int id = 0; id < p->count; id++)
		if (in_memory(p, id)) {
			p->home[id].def = p->home[id].last = p->unit[id];
			p->home[id].bytes = plan_align((size_t)shape_count(&p->node[id]->s) * sizeof(real));
		}
	for (int s = 0; s < p->nstep; s++) {
		int n;
		const node *const *read = step_reads(&p->step[s], &n);
		for (int i = 0; i < n; i++)
			read_at(p, read[i], s);
	}
	for (int i = 0; i < p->nout; i++)
		p->home[p->home[p->out[i]].root].last = p->nstep;
	for (int i = 0; i < p->nassign; i++)
		p->home[root_of(p, p->assign[i].x)].last = p->nstep;
	for (int id = 0; id < p->count; id++)
		if (p->home[id].kept)
			p->home[id].last = p->nstep;
}

/* A value that is assigned to a buffer which the run does not read is computed right there. Slices of a batch have
 * their buffers in common: only what is the same for all of them may be written before all have read. */
static void fix_assigned(plan *p)
{
	for (int i = 0; i < p->nassign; i++) {
		bool read = false;
		for (int id = 0; id < p->count && !read; id++)
			read = p->node[id] && p->node[id]->op == &op_rec_leaf && p->node[id]->buf == p->assign[i].b;
		int root = root_of(p, p->assign[i].x);
		if (!read && in_memory(p, root) && (!p->sliced || p->node[root]->op == &op_rec_slice_sum))
			p->home[root].fixed = true;
	}
}

/* y, computed at step s, takes the memory of x when x is read there for the last time. */
static bool take_over(plan *p, const node *y, const node *in, int s, int *taken)
{
	int to = y->id, from = root_of(p, in);
	home *h = &p->home[to], *x = &p->home[from];
	if (!in_memory(p, to) || !in_memory(p, from) || h->fixed || x->fixed || h->kept || x->last != s || x->def == s
	    || x->bytes != h->bytes || x->common != h->common || taken[x->storage] == s)
		return false;
	taken[x->storage] = s;
	h->storage = x->storage;
	return true;
}

/* Input i of y may be overwritten: the op allows it, also wherever else it reads the same memory. */
static bool may_overwrite(const plan *p, const node *y, int i)
{
	for (int k = 0; k < y->nin; k++)
		if (root_of(p, y->in[k]) == root_of(p, y->in[i]) && !(y->op->inplace & INPLACE(k)))
			return false;
	return true;
}

static void reuse_in_place(plan *p, int *taken)
{
	for (int s = 0; s < p->nstep; s++) {
		const step *st = &p->step[s];
		const node *y = st->packs ? NULL : st->y;
		for (int i = 0; y && i < y->nin; i++)
			if (may_overwrite(p, y, i) && take_over(p, y, y->in[i], s, taken))
				break;
		if (!st->c)
			continue;
		const node *const *read;
		const int *member;
		int nread = chain_reads(st->c, &read), n = chain_members(st->c, &member);
		for (int k = 0; k < n; k++)
			for (int i = 0; i < nread; i++)
				if (chain_may_overwrite(st->c, p->node[member[k]], read[i])
				    && take_over(p, p->node[member[k]], read[i], s, taken))
					break;
	}
}

typedef struct item {
	int def, last;
	size_t bytes, at;
	size_t *place;                               /* where the offset goes */
} item;

static int by_size(const void *a, const void *b)
{
	const item *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->def - y->def;
}

/* Puts item k among the items before it, which are kept in order of offset in `order`. */
static size_t put(item *all, int *order, int k)
{
	size_t at = 0;
	for (int i = 0; i < k; i++) {
		const item *o = &all[order[i]];
		if (o->last < all[k].def || o->def > all[k].last)
			continue;
		if (o->at >= at + all[k].bytes)
			break;
		at = MAX(at, o->at + o->bytes);
	}
	int i = k;
	for (; i > 0 && all[order[i - 1]].at > at; i--)
		order[i] = order[i - 1];
	order[i] = k;
	return all[k].at = at;
}

int packed_until(const plan *p, int s)
{
	return p->step[s].kept ? p->nstep : read_until(p, p->step[s].common, packed_for(p, s));
}

static int collect(plan *p, item *all)
{
	int n = 0;
	for (int id = 0; id < p->count; id++)
		if (in_memory(p, id)) {
			int *busy = &p->home[p->home[id].storage].busy;
			*busy = MAX(*busy, p->home[id].last);
		}
	for (int id = 0; id < p->count; id++) {
		home *h = &p->home[id];
		if (in_memory(p, id) && h->storage == id && !h->fixed && !(h->common && p->borrows))
			all[n++] = (item){h->kept ? 0 : h->def, h->busy, h->bytes, 0, &h->at};
	}
	for (int s = 0; s < p->nstep; s++) {
		step *st = &p->step[s];
		if (st->common && p->borrows)
			continue;
		if (st->scratch_bytes)
			all[n++] = (item){s, s, plan_align(st->scratch_bytes), 0, &st->scratch_at};
		if (st->packs)
			all[n++] = (item){st->kept ? 0 : s, packed_until(p, s), plan_align(st->packed_bytes), 0,
				&st->packed_at};
	}
	return n;
}

bool plan_place(plan *p, fault *e)
{
	size_t most = (size_t)p->count + 2 * (size_t)p->nstep;
	item *all = mem_zero(most, sizeof *all, e);
	int *order = mem_zero(most, sizeof *order, e);
	int *taken = mem_new((size_t)p->count, sizeof *taken, e);
	bool ok = all && order && taken;
	if (ok) {
		for (int id = 0; id < p->count; id++)
			taken[id] = -1;
		find_lives(p);
		if (!(p->flags & PLAN_SEPARATE)) {
			fix_assigned(p);
			reuse_in_place(p, taken);
		}
		int n = collect(p, all);
		qsort(all, (size_t)n, sizeof *all, by_size);
		for (int k = 0; k < n; k++) {
			*all[k].place = put(all, order, k);
			p->bytes = MAX(p->bytes, all[k].at + all[k].bytes);
		}
	}
	free(all);
	free(order);
	free(taken);
	return ok;
}
