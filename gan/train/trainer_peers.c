/* trainer_peers.c - a trainer with other processes: one state for all, and the proof that it stays one.
 *
 * Each process draws the whole batch, updates all parameters, keeps all moments and averages: what it needs from the
 * others is in the sums of the slices alone (core/plan/slices.c). So the states are equal while nothing is wrong. */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/peers/peers.h"

static size_t item_bytes(const state_item *it)
{
	return (size_t)shape_count(&it->s) * (it->type == ARRAY_REAL ? sizeof(real) : sizeof(int64_t));
}

/* What follows from the arrays that have come. */
static bool take_up(trainer *t, fault *e)
{
	optimizer_set_count(t->pg.opt, t->pg.t);
	optimizer_set_count(t->pd.opt, t->pd.t);
	return (!t->loader || loader_seek(t->loader, (loader_place){t->place[0], t->place[1]}, e))
		&& (!t->frozen || trainer_freeze_d(t, (int)t->frozen, e));
}

bool trainer_spread(trainer *t, fault *e)
{
	state_list l = {0};
	if (peers_count() == 1)
		return true;
	peers_spread(&t->frozen, sizeof t->frozen);  /* it says what is in the list */
	bool ok = peers_agree(trainer_list(t, &l, e), e);
	for (int i = 0; ok && i < l.n; i++)
		peers_spread(l.item[i].x, item_bytes(&l.item[i]));
	state_list_free(&l);
	return ok && peers_agree(peers_rank() == 0 || take_up(t, e), e);
}

/* FNV-1a, by words of 64 bits where there are. */
static uint64_t hash_of(uint64_t h, const void *x, size_t bytes)
{
	const unsigned char *p = x;
	for (; bytes >= 8; bytes -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		h = (h ^ word) * 0x100000001b3u;
	}
	for (; bytes; bytes--, p++)
		h = (h ^ *p) * 0x100000001b3u;
	return h;
}

/* The first rank whose number differs from rank 0's, or 0. */
static int first_other(uint64_t own)
{
	uint64_t all[PEERS_MAX];
	peers_gather(&own, sizeof own, all);
	for (int i = 1; i < peers_count(); i++)
		if (all[i] != all[0])
			return i;
	return 0;
}

static uint64_t hash_item(uint64_t h, const state_item *it)
{
	return hash_of(h, it->x, item_bytes(it));
}

/* All of them in one number first; where it differs, one after the other. */
static bool compare(const trainer *t, const state_list *l, fault *e)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (int i = 0; i < l->n; i++)
		h = hash_item(h, &l->item[i]);
	if (!first_other(h))
		return true;
	for (int i = 0; i < l->n; i++) {
		const int other = first_other(hash_item(0xcbf29ce484222325u, &l->item[i]));
		if (other)
			return fault_set(e, "step %" PRId64 ": rank %d on %s has other numbers than rank 0 in %s",
				t->step, other, peers_host(other), l->item[i].path);
	}
	return fault_set(e, "step %" PRId64 ": ranks have different states", t->step);
}

bool trainer_same(trainer *t, fault *e)
{
	state_list l = {0};
	if (peers_count() == 1)
		return true;
	const bool ok = peers_agree(trainer_list(t, &l, e), e) && compare(t, &l, e);
	state_list_free(&l);
	return ok;
}

/* ---- what it costs ---- */

/* Parameters, gradients, moments, sums over batches, states, and what is kept of them. */
static double player_bytes(const player *p)
{
	const int64_t copies = 2 + optimizer_slots(p->opt) + (p->sum != NULL);
	return (double)(copies * module_block_size(p->m) + 2 * module_state_size(p->m)) * sizeof(real);
}

bool trainer_share_cost(const trainer *t, int processes, double *memory, double *sent, fault *e)
{
	const config *c = &t->cfg;
	const slice *s = t->slice;
	const double penalised = s->pass[PASS_D_PENALTY].p ? 1.0 / c->loss.penalty_every : 0;
	const double share[PASSES] = {
		[PASS_D] = c->optim.d_steps * (1 - penalised), [PASS_D_PENALTY] = c->optim.d_steps * penalised,
		[PASS_G] = 1,
	};
	*sent = 0;
	*memory = (double)s->arena_bytes + (double)s[t->own_slices - 1].arena_bytes * (t->slices / processes - 1);
	*memory += player_bytes(&t->pg) + player_bytes(&t->pd);
	if (t->average)
		*memory += (double)(module_block_size(t->pg.m) + module_state_size(t->pg.m)) * sizeof(real);
	for (int k = 0; k < PASSES; k++) {
		double bytes, room;
		if (!s->pass[k].p)
			continue;
		if (!plan_carries(s->pass[k].p, processes, &bytes, &room, e))
			return false;
		*sent += share[k] * c->optim.accumulate * bytes;
		*memory += room;
	}
	return true;
}
