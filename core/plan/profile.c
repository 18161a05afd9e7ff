/* profile.c - what each step of a plan is, and how long it took. plan.c holds the watch. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/plan/plan_internal.h"

bool plan_profile(plan *p, fault *e)
{
	double *spent = mem_zero((size_t)MAX(p->nstep, 1), sizeof *spent, e);
	if (!spent)
		return false;
	free(p->owns_spent ? p->spent : NULL);
	p->spent = spent;
	p->owns_spent = true;
	p->runs = 0;
	return true;
}

bool plan_profile_slices(plan *const *p, int n, fault *e)
{
	if (!plan_profile(p[0], e))
		return false;
	for (int i = 1; i < n; i++) {
		free(p[i]->owns_spent ? p[i]->spent : NULL);
		p[i]->spent = p[0]->spent;
		p[i]->owns_spent = false;
	}
	return true;
}

/* The first value that step s writes, or its op's own. */
static const node *first_value(const plan *p, int s)
{
	for (int id = 0; id < p->count; id++)
		if (in_memory(p, id) && p->unit[id] == s)
			return p->node[id];
	const int *member;
	return p->step[s].y ? p->step[s].y : (chain_members(p->step[s].c, &member), p->node[member[0]]);
}

/* Bytes of an op's inputs and of its result. */
static double op_bytes(const node *y)
{
	double n = (double)shape_count(&y->s);
	for (int i = 0; i < y->nin; i++)
		n += (double)shape_count(&y->in[i]->s);
	return n * sizeof(real);
}

static double bytes_of(const step *st)
{
	if (st->packs)
		return (double)shape_count(&st->y->in[st->y->op->pack->input]->s) * sizeof(real)
			+ (double)st->packed_bytes;
	return st->y ? op_bytes(st->y) : chain_bytes(st->c);
}

bool plan_cost_at(const plan *p, int i, plan_cost *c)
{
	if (i < 0 || i >= p->nstep)
		return false;
	const step *st = &p->step[i];
	const node *y = first_value(p, i);
	const bool done_before = p->spent && st->still && p->spent[i] == 0;
	const int64_t runs = done_before ? 0 : p->runs;
	*c = (plan_cost){
		.s = y->s, .path = y->path, .seconds = p->spent ? p->spent[i] : 0, .runs = runs,
		.flop = st->y && !st->packs && st->y->op->flop ? st->y->op->flop(st->y) : 0,
		.bytes = bytes_of(st),
	};
	if (st->y && !st->packs && st->y->op->form)
		st->y->op->form(st->y, c->form, sizeof c->form);
	FILE *f = fmemopen(c->what, sizeof c->what - 1, "w");
	if (!f)
		return true;                             /* no memory: a step without a name */
	plan_put_step(f, p, st);
	fclose(f);                                   /* what does not fit is left out */
	return true;
}
