/* trainer_state.c - everything that a run needs to go on with the same bits, as one list. */
#include "gan/train/trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/version.h"
#include "core/kernels/fingerprint.h"
#include "data/class_names.h"

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
	state_add(l, ARRAY_I64, CHECKPOINT_DATA, SHAPE(1), &t->data_checksum,
		"of sizes, labels and pixels");
	state_add_optional(l, ARRAY_REAL, "/trainer/lecam", t->lecam->s, t->lecam->x,
		"averages of D(real) and D(fake), for loss.lecam_weight");
	state_add_optional(l, ARRAY_F64, "/trainer/adapt", SHAPE(ADAPTS), t->adapt,
		"for augment.target: probability; signs of D(real) since it moved last, and how many");
	if (t->frozen)
		state_add(l, ARRAY_I64, CHECKPOINT_FROZEN, SHAPE(1), &t->frozen,
			"from the image on: these do not learn");
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

bool trainer_finite(trainer *t)
{
	state_list l = {0};
	const bool finite = !trainer_list(t, &l, NULL) || state_is_finite(&l, NULL);
	state_list_free(&l);
	return finite;
}

void trainer_data_text(const trainer *t, char *buf, size_t size)
{
	const dataset *d = t->data;
	buf[0] = '\0';
	if (d)
		snprintf(buf, size, "%lld images of %dx%dx%d in %d classes", (long long)d->n, d->h, d->w, d->c,
			 d->classes);
}

/* The names of the data's classes; so many that an attribute cannot hold them are left out. */
static bool take_class_names(const trainer *t, checkpoint_info *info, fault *e)
{
	enum { LETTERS_MOST = 60000 };
	char *names = t->data ? class_names_join(t->data->class_name, t->data->classes, e) : NULL;
	if (names && *names && strlen(names) <= LETTERS_MOST)
		info->class_names = names;
	else
		free(names);
	return names || !t->data;
}

bool trainer_save_scored(trainer *t, const char *path, double score, const char *about, fault *e)
{
	state_list l = {0};
	fault why;
	checkpoint_info info = {.step = t->step, .program = "sagan " SAGAN_VERSION, .has_score = about != NULL,
		.score = score};
	if (about)
		snprintf(info.score_about, sizeof info.score_about, "%s", about);
	snprintf(info.began_from, sizeof info.began_from, "%s", t->began_from);
	trainer_data_text(t, info.data, sizeof info.data);
	_Static_assert(sizeof info.fingerprint == FINGERPRINT_TEXT, "a checkpoint has room for all of it");
	fingerprint_now(info.fingerprint);
	info.config = config_text(&t->cfg, e);
	bool ok = info.config && take_class_names(t, &info, e) && trainer_list(t, &l, e);
	if (ok && !state_is_finite(&l, &why))
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

/* What the checkpoint was trained on and what there is now, in words; "" in a checkpoint that has no words for it. */
static bool other_data(const trainer *t, const checkpoint_info *info, int64_t then, fault *e)
{
	char now[sizeof info->data], words[3 * sizeof info->data];
	trainer_data_text(t, now, sizeof now);
	if (info->data[0] && strcmp(info->data, now) != 0)
		snprintf(words, sizeof words, "it was %s, now %s", info->data, now);
	else
		snprintf(words, sizeof words, "%s, but other pixels or labels: checksum %016llx, now %016llx", now,
			 (unsigned long long)then, (unsigned long long)t->data_checksum);
	return fault_set(e, "%s: was trained on other data than %s: %s; --new-data goes on with these", info->path,
			 t->data->path, words);
}

/* The streams belong to the seed: a file that says otherwise is not of this run. `now`: the checksum of the data that
 * there are, where t has the checkpoint's. */
static bool fits_run(trainer *t, const checkpoint_info *info, int64_t now, fault *e)
{
	const int64_t then = t->data_checksum;
	const bool none = then == 0 && t->step == 0;         /* an import, which looks at no data */
	t->data_checksum = t->data ? now : then;
	if (t->step != info->step || t->d_updates < 0)
		return fault_set(e, "%s: step %lld, but /trainer/step is %lld and /trainer/d_updates %lld", info->path,
			(long long)info->step, (long long)t->step, (long long)t->d_updates);
	for (int i = 0; i < STREAMS; i++) {
		rng fresh = rng_new((uint64_t)t->cfg.seed, stream_name[i]);
		if (t->stream[i].seed != fresh.seed || t->stream[i].purpose != fresh.purpose)
			return fault_set(e, "%s: random stream %s is not of seed %lld", info->path,
				stream_name[i], (long long)t->cfg.seed);
	}
	t->data_changed = t->data && then != now && !none;
	return !t->data_changed || t->new_data || other_data(t, info, then, e);
}

/* Where the loader goes on: with other data an epoch begins. */
static loader_place next_place(const trainer *t)
{
	const bool begins = t->data_changed && t->place[1] > 0;
	return t->data_changed ? (loader_place){t->place[0] + begins, 0} : (loader_place){t->place[0], t->place[1]};
}

static bool fill(trainer *t, checkpoint *from, fault *e)
{
	const checkpoint_info *info = checkpoint_about(from);
	state_list l = {0};
	const int64_t now = t->data_checksum;
	t->frozen = info->frozen;                    /* the list must be the file's */
	bool ok = strcmp(info->precision, REAL_NAME) == 0
		|| fault_set(e, "%s: was trained in %s, this program computes in %s", info->path,
			info->precision, REAL_NAME);
	ok = ok && trainer_list(t, &l, e) && checkpoint_fill(from, &l, true, e) && fits_run(t, info, now, e);
	state_list_free(&l);
	return ok;
}

/* Averages that nobody moves while LeCam is off would be those of another D when it comes back. */
static void forget_lecam(trainer *t)
{
	if (t->cfg.loss.lecam_weight == 0)
		memset(t->lecam->x, 0, (size_t)shape_count(&t->lecam->s) * sizeof *t->lecam->x);
}

bool trainer_resume(trainer *t, checkpoint *from, fault *e)
{
	const bool ok = fill(t, from, e);
	forget_lecam(t);
	memcpy(t->began_from, checkpoint_about(from)->began_from, sizeof t->began_from);
	optimizer_set_count(t->pg.opt, t->pg.t);
	optimizer_set_count(t->pd.opt, t->pd.t);
	return ok && (!t->loader || loader_seek(t->loader, next_place(t), e))
		&& (!t->frozen || trainer_freeze_d(t, (int)t->frozen, e));
}

bool trainer_load(trainer *t, const char *path, fault *e)
{
	checkpoint *c = checkpoint_open(path, e);
	const bool ok = c && trainer_resume(t, c, e);
	checkpoint_close(c);
	return ok;
}
