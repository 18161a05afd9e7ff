/* test_warm_start.c - a run that begins with the weights of another, and one that goes on with other data: what is
 * taken, what is not, and that an interruption still changes no bit. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/rundir.h"
#include "gan/train/run.h"
#include "gan/train/trainer_internal.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

static trainer *make(const char *const *set, const dataset *d)
{
	fault e = {.text = ""};
	config c = tiny_config(TINY_FULL, set);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	config_free(&c);
	return t;
}

typedef struct notes {
	char text[1 << 14];
	size_t n;
	int64_t stop_at;
	volatile sig_atomic_t stop;
} notes;

static void on_note(void *ctx, enum run_note kind, const char *text)
{
	notes *s = ctx;
	(void)kind;
	s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%s\n", text);
	ck_assert(s->n < sizeof s->text);
}

static void on_step(void *ctx, int64_t done, int64_t steps)
{
	notes *s = ctx;
	(void)steps;
	if (s->stop_at && done + 1 == s->stop_at)
		s->stop = 1;
}

/* Runs t in dir with the options of o; its last state. */
static uint64_t run(trainer *t, const char *dir, run_options o, notes *s)
{
	fault e = {.text = ""};
	enum run_end end;
	o.out = dir;
	o.ctx = s;
	o.note = on_note;
	o.step = on_step;
	o.stop = &s->stop;
	ck_assert_msg(run_trainer(t, &o, &end, &e), "%s", e.text);
	const uint64_t hash = tiny_hash(t);
	trainer_free(t);
	return hash;
}

static void refused(trainer *t, const char *dir, run_options o, const char *why)
{
	fault e = {.text = ""};
	enum run_end end;
	notes s = {.n = 0};
	o.out = dir;
	o.ctx = &s;
	o.note = on_note;
	ck_assert(!run_trainer(t, &o, &end, &e));
	ck_assert_msg(strstr(e.text, why) != NULL, "%s", e.text);
	trainer_free(t);
}

/* A run of four steps on two classes. */
static const char *source(void)
{
	const char *dir = scratch_at("source");
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	run(make(NULL, d), dir, (run_options){.steps = 4}, &s);
	dataset_free(d);
	return dir;
}

static const char *newest(const char *dir)
{
	static char path[RUN_PATH_MAX];
	fault e = {.text = ""};
	ck_assert_msg(rundir_latest(dir, path, NULL, &e), "%s", e.text);
	return path;
}

/* ---- what is taken ---- */

static void silent(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

/* The values that a file has for a list of its own items, and those that a new trainer has: each item of t is one or
 * the other. Returns how many are the file's. */
static int count_taken(const module *m, const module *fresh, const char *group, h5 *f)
{
	int taken = 0;
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		const int k = i - module_params(m);
		const buffer *b = k < 0 ? module_param_at(m, i) : module_state_at(m, k);
		const buffer *start = k < 0 ? module_param_at(fresh, i) : module_state_at(fresh, k);
		const size_t bytes = (size_t)shape_count(&b->s) * sizeof(real);
		char path[STATE_PATH_MAX];
		h5_info info;
		fault e = {.text = ""};
		snprintf(path, sizeof path, "/%s/%s", group, b->name);
		const bool fits = h5_exists(f, path) && h5_stat(f, path, &info, &e) && shape_equal(&info.s, &b->s);
		real *x = calloc(1, bytes);
		ck_assert(x != NULL);
		if (fits)
			ck_assert_msg(h5_read_real(f, path, x, shape_count(&b->s), &e), "%s", e.text);
		ck_assert_msg(memcmp(b->x, fits ? x : start->x, bytes) == 0, "%s", path);
		taken += fits;
		free(x);
	}
	return taken;
}

/* Three classes and a wider picture in place of two: tables by class and the last layers start new, all else is the
 * file's, of the average, too. The optimisers start new. */
START_TEST(what_fits_is_taken_and_the_rest_is_listed)
{
	const char *dir = source();
	dataset *d = tiny_data(24, 16, 3);
	const char *const set[] = {"model.classes=3", NULL};
	trainer *t = make(set, d), *fresh = make(set, d);
	fault e = {.text = ""};
	ck_assert_msg(trainer_begin_from(t, dir, NULL, silent, &e), "%s", e.text);
	h5 *f = h5_open(newest(dir), &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	const int g = count_taken(t->pg.m, fresh->pg.m, "generator", f);
	const int D = count_taken(t->pd.m, fresh->pd.m, "discriminator", f);
	const int average = count_taken(trainer_ema(t), trainer_ema(fresh), "ema", f);
	h5_close(f);
	ck_assert(g > 20 && average == g && D > 20);
	ck_assert(g < module_params(t->pg.m) + module_states(t->pg.m));
	ck_assert_int_eq(optimizer_count(t->pg.opt), 0);
	trainer_free(fresh);

	notes s = {.n = 0};
	run(t, scratch_at("own"), (run_options){.steps = 2, .begin_from = dir}, &s);
	char first[256];
	snprintf(first, sizeof first, "(step 4): %d of ", g + D + average);
	ck_assert_msg(strstr(s.text, first) && strstr(s.text, "  starts new: discriminator/embed/embeddings [3,")
		&& strstr(s.text, ", there [2,") && !strstr(s.text, "ema/"), "%s", s.text);
	dataset_free(d);
}
END_TEST

/* A run without an average gives its generator to both. */
START_TEST(the_average_comes_from_the_generator_where_there_is_none)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	fault e = {.text = ""};
	run(make((const char *[]){"ema.decay=0", NULL}, d), scratch_at("plain"), (run_options){.steps = 2}, &s);
	trainer *t = make(NULL, d);
	ck_assert_msg(trainer_begin_from(t, scratch_at("plain"), NULL, silent, &e), "%s", e.text);
	ck_assert(memcmp(module_param_block(trainer_ema(t)), module_param_block(t->pg.m),
		(size_t)module_block_size(t->pg.m) * sizeof(real)) == 0);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* tiny_hash wants data. */
static uint64_t hash_of(trainer *t)
{
	state_list l = {0};
	fault e;
	uint64_t h = 0xcbf29ce484222325u;
	ck_assert(trainer_list(t, &l, &e));
	for (int i = 0; i < l.n; i++)
		for (int64_t k = 0; l.item[i].type == ARRAY_REAL && k < shape_count(&l.item[i].s); k++)
			h = (h ^ (uint64_t)(int64_t)(1e6 * ((const real *)l.item[i].x)[k])) * 0x100000001b3u;
	state_list_free(&l);
	return h;
}

START_TEST(a_file_that_does_not_fit_at_all_changes_nothing)
{
	fault e = {.text = ""};
	const char *dir = source();
	trainer *t = make((const char *[]){"model.network=dcgan", "model.g_channels=12", "model.d_channels=12",
		"model.layers_g=none", "model.layers_d=none", "model.conditional=false", "loss.penalty=none",
		"model.channels=3", NULL}, NULL);
	const uint64_t before = hash_of(t);
	ck_assert(!trainer_begin_from(t, dir, NULL, silent, &e));
	ck_assert_msg(strstr(e.text, "no array of its networks has the name and the shape"), "%s", e.text);
	ck_assert(!trainer_begin_from(t, "no/such", NULL, silent, &e));
	ck_assert_uint_eq(hash_of(t), before);
	trainer_free(t);
}
END_TEST

/* ---- stages of D that do not learn ---- */

/* Weight decay, clipping and a penalty do not move them; what is behind them learns; vectors of spectral norm go on and
 * keep their length; the state says so, and a trainer that loads it goes on to the same bits. */
START_TEST(frozen_stages_stay_as_they_are)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *const set[] = {"optim.kind=adamw", "optim.weight_decay=0.1", NULL};
	const char *const path = scratch_at("frozen.h5");
	trainer *t = make(set, d), *other = make(set, d);
	fault e = {.text = ""};
	step_stats s;
	ck_assert_msg(trainer_freeze_d(t, 1, &e), "%s", e.text);
	const module *m = t->pd.m;
	const int frozen = network_stage_params(t->d, 1);
	real *before = malloc((size_t)module_block_size(m) * sizeof *before);
	ck_assert(before && frozen > 3 && frozen < module_params(m));
	memcpy(before, module_param_block(m), (size_t)module_block_size(m) * sizeof *before);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	for (int i = 0; i < module_params(m); i++) {
		const buffer *b = module_param_at(m, i);
		const bool same = memcmp(b->x, before + (b->x - module_param_block(m)),
			(size_t)shape_count(&b->s) * sizeof(real)) == 0;
		ck_assert_msg(same == (i < frozen), "%s %s", b->name, same ? "did not learn" : "moved");
	}
	for (int i = 0; i < module_states(m); i++) {
		const buffer *b = module_state_at(m, i);
		double length = 0;
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			length += (double)b->x[k] * b->x[k];
		if (module_role_at(m, i).kind == STATE_SN_VECTOR)
			ck_assert_double_eq_tol(length, 1, 1e-4);
	}
	ck_assert_msg(trainer_save(t, path, &e) && trainer_load(other, path, &e), "%s", e.text);
	for (int i = 0; i < 3; i++)
		ck_assert(trainer_step(t, &s, &e) && trainer_step(other, &s, &e));
	ck_assert_uint_eq(tiny_hash(t), tiny_hash(other));
	ck_assert(memcmp(module_param_block(m), before, (size_t)t->frozen_size * sizeof(real)) == 0);
	ck_assert(!trainer_freeze_d(t, 99, &e));
	ck_assert_msg(strstr(e.text, "--freeze-d 99: D has ") != NULL, "%s", e.text);
	free(before);
	trainer_free(t);
	trainer_free(other);
	dataset_free(d);
}
END_TEST

/* The weights that a warm start takes are gone when the run goes on: its own checkpoints have all it needs. */
START_TEST(a_warm_run_goes_on_to_the_same_bits_by_itself)
{
	const char *dir = source();
	dataset *d = tiny_data(24, 16, 2);
	const int one = 1, none = 0;
	uint64_t end[3];
	notes s = {.n = 0};
	end[0] = run(make(NULL, d), scratch_at("whole"),
		(run_options){.steps = 8, .begin_from = dir, .freeze_d = &one}, &s);
	s = (notes){.stop_at = 3};
	run(make(NULL, d), scratch_at("parts"), (run_options){.steps = 8, .begin_from = dir, .freeze_d = &one}, &s);
	ck_assert_msg(strstr(s.text, "D's first 1 blocks do not learn"), "%s", s.text);
	char first[RUN_PATH_MAX];
	rundir_checkpoint(scratch_at("parts"), 0, first, sizeof first);
	ck_assert(file_exists(scratch_at("parts"), "checkpoint-00000000.h5"));
	ck_assert_int_eq(rename(dir, scratch_at("gone")), 0);
	s = (notes){.n = 0};
	end[1] = run(make(NULL, d), scratch_at("parts"), (run_options){.steps = 8}, &s);
	ck_assert_uint_eq(end[0], end[1]);

	/* The same line once more does no harm; what is frozen can be let go. */
	s = (notes){.n = 0};
	run(make(NULL, d), scratch_at("parts"), (run_options){.steps = 9, .begin_from = dir}, &s);
	ck_assert_msg(strstr(s.text, "the run has begun already: nothing is taken from "), "%s", s.text);
	s = (notes){.n = 0};
	end[2] = run(make(NULL, d), scratch_at("whole"), (run_options){.steps = 9, .freeze_d = &none}, &s);
	ck_assert_msg(strstr(s.text, "all blocks of D learn from here on"), "%s", s.text);
	ck_assert(end[2] != end[1]);
	checkpoint_info info;
	fault e;
	ck_assert(checkpoint_read_info(newest(scratch_at("whole")), &info, &e));
	ck_assert_msg(strstr(info.began_from, "(step 4, checksum ") && info.frozen == 0, "%s", info.began_from);
	checkpoint_info_free(&info);
	refused(make(NULL, d), scratch_at("cold"), (run_options){.steps = 8, .freeze_d = &one},
		"--freeze-d 1: a new run begins with random weights, which must learn; --init-from");
	dataset_free(d);
}
END_TEST

/* --fresh moves the run away whose weights are asked for: they are read before. */
START_TEST(a_run_may_begin_anew_with_its_own_weights)
{
	const char *dir = source();
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	run(make((const char *[]){"seed=8", NULL}, d), dir, (run_options){.steps = 1, .begin_from = dir, .fresh = true},
		&s);
	ck_assert_msg(strstr(s.text, "(step 4): ") && strstr(s.text, "the earlier run is now in"), "%s", s.text);
	dataset_free(d);
}
END_TEST

/* ---- other data ---- */

START_TEST(a_run_goes_on_with_other_data_only_when_asked)
{
	const char *dir = source();
	dataset *more = tiny_data(40, 16, 2), *others = tiny_data(25, 16, 2);
	others->pixels[0] ^= 1;
	notes s = {.n = 0};
	const run_options on = {.steps = 8};
	refused(make(NULL, more), dir, on, "was trained on other data than tiny: it was 25 images of 16x16x1 in 2 "
		"classes, now 40 images of 16x16x1 in 2 classes; --new-data goes on with these");
	refused(make(NULL, others), dir, on, "25 images of 16x16x1 in 2 classes, but other pixels or labels: ");
	trainer *t = make((const char *[]){"data.limit=40", NULL}, more);
	refused(t, dir, (run_options){.steps = 8}, "was started with 0; --new-data goes on with other images");
	run(make((const char *[]){"data.limit=40", NULL}, more), dir, (run_options){.steps = 6, .new_data = true}, &s);
	ck_assert_msg(strstr(s.text, "data.limit changed from 0 to 40\n") && strstr(s.text, "new data: 25 images of "
		"16x16x1 in 2 classes before, now 40 images of 16x16x1 in 2 classes; epoch 3 begins with them\n"),
		"%s", s.text);

	/* From then on these are the run's data; nothing is new about them. */
	s = (notes){.n = 0};
	run(make((const char *[]){"data.limit=40", NULL}, more), dir, (run_options){.steps = 8, .new_data = true}, &s);
	ck_assert_msg(!strstr(s.text, "new data"), "%s", s.text);
	dataset_free(more);
	dataset_free(others);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_fits_is_taken_and_the_rest_is_listed, 1},
		{the_average_comes_from_the_generator_where_there_is_none, 1},
		{a_file_that_does_not_fit_at_all_changes_nothing, 1},
		{frozen_stages_stay_as_they_are, 1},
		{a_warm_run_goes_on_to_the_same_bits_by_itself, 1},
		{a_run_may_begin_anew_with_its_own_weights, 1},
		{a_run_goes_on_with_other_data_only_when_asked, 1},
	};
	return suite_run("warm start", tests, COUNT(tests), 60);
}
