/* trainer_state.c - everything that a run needs to go on with the same bits, as one list. */
#include "gan/train/trainer_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/version.h"

/* Moments lie in blocks laid out like the parameters': each parameter's part is one array. */
static void list_optimizer(state_list *l, player *p)
{
	char path[STATE_PATH_MAX];
	for (int k = 0; k < optimizer_slots(p->opt); k++) {
		real *block = optimizer_slot(p->opt, k);
		for (int i = 0; i < module_params(p->m); i++) {
			const buffer *b = module_param_at(p->m, i);
			snprintf(path, sizeof path, "/optimizer/%s/%s/%s", p->name,
				optimizer_slot_name(p->opt, k), b->name);
			state_add(l, ARRAY_REAL, path, b->s, block + (b->x - module_param_block(p->m)),
				NULL);
		}
	}
	p->t = optimizer_count(p->opt);
	snprintf(path, sizeof path, "/optimizer/%s/t", p->name);
	state_add(l, ARRAY_I64, path, SHAPE(1), &p->t, "updates taken");
}

static void list_streams(trainer *t, state_list *l)
{
	_Static_assert(sizeof(rng) == 3 * sizeof(int64_t), "a stream is three words");
	char path[STATE_PATH_MAX];
	for (int i = 0; i < STREAMS; i++) {
		snprintf(path, sizeof path, "/random/%s", stream_name[i]);
		state_add(l, ARRAY_I64, path, SHAPE(3), &t->stream[i],
			"Philox4x32-10: key (the seed), stream (hash of its name), next block");
	}
}

static bool list_all(trainer *t, state_list *l, fault *e)
{
	state_add_module(l, "generator", t->pg.m);
	state_add_module(l, "discriminator", t->pd.m);
	if (t->average)
		state_add_module(l, "ema", network_module(t->average));
	list_optimizer(l, &t->pg);
	list_optimizer(l, &t->pd);
	list_streams(t, l);
	state_add(l, ARRAY_I64, "/trainer/step", SHAPE(1), &t->step, "steps done (generator updates)");
	state_add(l, ARRAY_I64, "/trainer/d_updates", SHAPE(1), &t->d_updates,
		"discriminator updates done");
	state_add(l, ARRAY_F64, "/trainer/sums", SHAPE(SUMS), t->sum,
		"what the next row of metrics.csv is the mean of");
	state_add(l, ARRAY_I64, "/loader/position", SHAPE(2), t->place,
		"epoch, batch in the epoch: what comes next");
	state_add(l, ARRAY_I64, "/loader/data_checksum", SHAPE(1), &t->data_checksum,
		"of sizes, labels and pixels");
	return !l->failed || fault_set(e, "out of memory while listing the state");
}

bool trainer_list(trainer *t, state_list *l, fault *e)
{
	if (t->loader) {
		loader_place p = loader_position(t->loader);
		t->place[0] = p.epoch;
		t->place[1] = p.batch;
	}
	return list_all(t, l, e);
}

/* A state with a number that is not finite is no state to go on from. */
static bool all_finite(const state_list *l, fault *e)
{
	for (int i = 0; i < l->n; i++) {
		const state_item *it = &l->item[i];
		const real *x = it->x;
		int64_t n = it->type == ARRAY_REAL ? shape_count(&it->s) : 0;
		for (int64_t k = 0; k < n; k++)
			if (!isfinite(x[k]))
				return fault_set(e, "%s has %g at element %lld", it->path, (double)x[k],
					(long long)k);
	}
	return true;
}

bool trainer_save_scored(trainer *t, const char *path, double score, const char *about, fault *e)
{
	state_list l = {0};
	fault why;
	checkpoint_info info = {.step = t->step, .program = "sagan " SAGAN_VERSION, .has_score = about != NULL,
		.score = score};
	if (about)
		snprintf(info.score_about, sizeof info.score_about, "%s", about);
	info.config = config_text(&t->cfg, e);
	bool ok = info.config && trainer_list(t, &l, e);
	if (ok && !all_finite(&l, &why))
		ok = fault_set(e, "step %lld: the state is not saved: %s", (long long)t->step, why.text);
	ok = ok && checkpoint_save(path, &info, &l, e);
	state_list_free(&l);
	checkpoint_info_free(&info);
	return ok;
}

bool trainer_save(trainer *t, const char *path, fault *e)
{
	return trainer_save_scored(t, path, 0, NULL, e);
}

/* The streams belong to the seed: a file that says otherwise is not of this run. */
static bool fits_run(const trainer *t, const int64_t *data_checksum, const char *path, fault *e)
{
	for (int i = 0; i < STREAMS; i++) {
		rng fresh = rng_new((uint64_t)t->cfg.seed, stream_name[i]);
		if (t->stream[i].seed != fresh.seed || t->stream[i].purpose != fresh.purpose)
			return fault_set(e, "%s: random stream %s is not of seed %lld", path,
				stream_name[i], (long long)t->cfg.seed);
	}
	if (t->data && t->data_checksum != *data_checksum)
		return fault_set(e,
			"%s: was trained on other data than %s (checksum %016llx, now %016llx)", path,
			t->data->path, (unsigned long long)t->data_checksum,
			(unsigned long long)*data_checksum);
	return true;
}

bool trainer_load(trainer *t, const char *path, fault *e)
{
	checkpoint_info info;
	state_list l = {0};
	int64_t now = t->data_checksum;
	if (!checkpoint_read_info(path, &info, e))
		return false;
	bool ok = strcmp(info.precision, REAL_NAME) == 0
		|| fault_set(e, "%s: was trained in %s, this program computes in %s", path,
			info.precision, REAL_NAME);
	checkpoint_info_free(&info);
	ok = ok && trainer_list(t, &l, e) && checkpoint_load(path, &l, true, e)
		&& fits_run(t, &now, path, e);
	state_list_free(&l);
	t->data_checksum = now;
	optimizer_set_count(t->pg.opt, t->pg.t);
	optimizer_set_count(t->pd.opt, t->pd.t);
	if (ok && t->loader)
		ok = loader_seek(t->loader, (loader_place){t->place[0], t->place[1]}, e);
	return ok;
}
