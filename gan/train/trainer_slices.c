/* trainer_slices.c - a batch in equal slices, each with graphs of its own: what goes into them and what comes out.
 *
 * The batch itself is drawn as a whole and cut here. One slice reads the trainer's buffers; several have copies, as
 * values of a graph begin at multiples of 64 bytes. */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/peers/peers.h"

/* A buffer of the trainer and the place of a slice's part of it. */
typedef struct cut {
	buffer *whole;
	buffer **part;
} cut;

enum { CUTS = 4 };

static void cuts_of(trainer *t, slice *s, cut c[CUTS])
{
	c[0] = (cut){t->real_x, &s->real_x};
	c[1] = (cut){t->real_y, &s->real_y};
	c[2] = (cut){t->z, &s->z};
	c[3] = (cut){t->fake_y, &s->fake_y};
}

static bool make(trainer *t, slice *s, fault *e)
{
	cut c[CUTS];
	cuts_of(t, s, c);
	for (int i = 0; i < CUTS; i++) {
		shape part = c[i].whole->s;
		part.dim[0] /= t->slices;
		*c[i].part = t->slices == 1 ? c[i].whole : buffer_new(c[i].whole->name, part, e);
		if (!*c[i].part)
			return false;
	}
	return true;
}

bool slices_make(trainer *t, fault *e)
{
	const int slices = t->cfg.train.slices, ranks = peers_count();
	if (slices % ranks != 0)
		return config_wrong(&t->cfg, "train.slices", e, "%d processes share the slices of a batch: must be a "
			"multiple of their number", ranks);
	t->slice = mem_zero((size_t)(slices / ranks), sizeof *t->slice, e);
	if (!t->slice)
		return false;
	t->slices = slices;
	t->own_slices = slices / ranks;
	t->first_slice = t->own_slices * peers_rank();
	for (int k = 0; k < t->own_slices; k++)
		if (!make(t, &t->slice[k], e))
			return false;
	return true;
}

void slices_free(trainer *t)
{
	for (int k = 0; k < t->own_slices; k++) {
		slice *s = &t->slice[k];
		cut c[CUTS];
		cuts_of(t, s, c);
		for (int i = 0; t->slices > 1 && i < CUTS; i++)
			buffer_free(*c[i].part);
		for (int i = 0; i < PASSES; i++)
			pass_free(&s->pass[i]);
		free(s->arena);
	}
	free(t->slice);
}

/* ---- a pass ---- */

const pass *slices_pass(const trainer *t, enum pass_kind kind)
{
	return &t->slice[0].pass[kind];
}

static void hand_out(trainer *t)
{
	for (int k = 0; k < t->own_slices; k++) {
		slice *s = &t->slice[k];
		cut c[CUTS];
		cuts_of(t, s, c);
		for (int i = 0; t->slices > 1 && i < CUTS; i++)
			buffer_write(*c[i].part, c[i].whole->x + (t->first_slice + k) * shape_count(&(*c[i].part)->s));
		memcpy(s->stream, t->stream, sizeof s->stream);
	}
}

/* All slices have drawn alike. */
static void take_streams(trainer *t)
{
	memcpy(t->stream, t->slice[0].stream, sizeof t->stream);
}

static void plans_of(const trainer *t, enum pass_kind kind, plan *p[SLICES_MAX])
{
	for (int k = 0; k < t->own_slices; k++)
		p[k] = t->slice[k].pass[kind].p;
}

void slices_run_pass(trainer *t, enum pass_kind kind)
{
	plan *p[SLICES_MAX];
	plans_of(t, kind, p);
	hand_out(t);
	plan_run_slices(p, t->own_slices);
	take_streams(t);
}

/* The first process that has found one tells all. */
bool slices_share_found(bool found, char *where, size_t size)
{
	enum { TEXT = 512 };
	static char all[PEERS_MAX][TEXT];
	char own[TEXT] = "";
	if (found)
		snprintf(own, sizeof own, "%s", where);
	peers_gather(own, sizeof own, all);
	for (int i = 0; i < peers_count(); i++)
		if (all[i][0]) {
			snprintf(where, size, "%s", all[i]);
			return true;
		}
	return false;
}

bool slices_find_bad(trainer *t, enum pass_kind kind, char *where, size_t size)
{
	plan *p[SLICES_MAX];
	plans_of(t, kind, p);
	hand_out(t);
	return slices_share_found(plan_find_bad_slice(p, t->own_slices, where, size), where, size);
}

bool slices_profile(trainer *t, enum pass_kind kind, fault *e)
{
	plan *p[SLICES_MAX];
	plans_of(t, kind, p);
	return !p[0] || plan_profile_slices(p, t->own_slices, e);
}

void slices_read_d(trainer *t, enum pass_kind kind)
{
	const int64_t n = t->cfg.batch / t->slices, own = n * t->own_slices;
	real *const real_d = t->d_real + t->first_slice * n, *const fake_d = t->d_fake + t->first_slice * n;
	for (int k = 0; k < t->own_slices; k++) {
		const pass *p = &t->slice[k].pass[kind];
		memcpy(real_d + k * n, plan_value(p->p, p->each_real), (size_t)n * sizeof(real));
		memcpy(fake_d + k * n, plan_value(p->p, p->each_fake), (size_t)n * sizeof(real));
	}
	peers_gather(real_d, (size_t)own * sizeof(real), t->d_real);
	peers_gather(fake_d, (size_t)own * sizeof(real), t->d_fake);
}
