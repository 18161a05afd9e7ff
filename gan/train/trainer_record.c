/* trainer_record.c - what the first steps drew and computed, in an HDF5 file, for a comparison with another program
 * (docs/step.md). Each pass has a group of its own, /step1/d1 with the batch of images, its labels, the latents and
 * labels of the fakes, /step1/g1 with the last two; for a loss of pairs with all four. Losses are attributes of
 * /step1. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/train/trainer_internal.h"

struct record {
	h5 *f;                                       /* own until it is complete */
	int64_t last;                                /* step after which it is */
	int passes[2];                               /* of this step: D, G */
	int64_t steps;                               /* that are complete */
};

bool trainer_record(trainer *t, const char *path, int64_t steps, fault *e)
{
	record_free(t->record);
	t->record = mem_zero(1, sizeof *t->record, e);
	if (!t->record)
		return false;
	t->record->last = t->step + steps;
	t->record->f = h5_create(path, e);
	return t->record->f != NULL;
}

void record_free(record *r)
{
	if (r)
		h5_close(r->f);
	free(r);
}

static void write_set(const trainer *t, const char *group, const char *name, const buffer *b)
{
	char path[64];
	snprintf(path, sizeof path, "%s/%s", group, name);
	h5_write_real(t->record->f, path, b->s, b->x, NULL);
}

void record_pass(trainer *t, bool d)
{
	char group[48];
	if (!t->record)
		return;
	snprintf(group, sizeof group, "/step%lld/%c%d", (long long)t->step + 1, d ? 'd' : 'g', ++t->record->passes[!d]);
	const bool images = d || gan_losses[t->cfg.loss.name].g_of_pairs;
	const struct {
		const char *name;
		const buffer *b;
		bool wanted;
	} set[] = {
		{"real", t->real_x, images}, {"real_label", t->real_y, images && t->net.classes},
		{"latent", t->z, true}, {"label", t->fake_y, t->net.classes},
	};
	for (int i = 0; i < COUNT(set); i++)
		if (set[i].wanted)
			write_set(t, group, set[i].name, set[i].b);
}

bool record_step(trainer *t, const step_stats *s, fault *e)
{
	char group[32];
	record *r = t->record;
	if (!r)
		return true;
	snprintf(group, sizeof group, "/step%lld", (long long)s->step);
	bool ok = h5_attr_write_f64(r->f, group, "d_loss", s->d_loss, e)
		&& h5_attr_write_f64(r->f, group, "g_loss", s->g_loss, e);
	r->passes[0] = r->passes[1] = 0;
	r->steps++;
	return ok && (s->step < r->last || trainer_record_end(t, e));
}

bool trainer_record_end(trainer *t, fault *e)
{
	record *r = t->record;
	h5 *f = r && r->steps ? r->f : NULL;
	if (f)
		r->f = NULL;
	record_free(r);
	t->record = NULL;
	return !f || h5_commit(f, e);
}
