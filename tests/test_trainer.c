/* test_trainer.c - training: what one step does, that nothing but config, seed and data decides a bit,
 * and how a run ends when numbers, files or people stop it. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/rundir.h"
#include "gan/loss/lecam.h"
#include "gan/report/facts.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/train/run_internal.h"
#include "gan/train/trainer_internal.h"
#include "gan/train/trouble.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"
#include "tools/bench/step.h"

static trainer *make(const char *text, const char *const *set, const dataset *d)
{
	fault e = {.text = ""};
	config c = tiny_config(text, set);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	config_free(&c);
	return t;
}

static step_stats step(trainer *t)
{
	step_stats s;
	fault e = {.text = ""};
	ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	return s;
}

/* Notes of a run, one per line. */
typedef struct notes {
	char text[1 << 14];
	size_t n;
	int64_t stop_after;                          /* sets the flag at this many progress reports */
	int64_t reports;
	volatile sig_atomic_t stop;
} notes;

static void on_note(void *ctx, enum run_note kind, const char *text)
{
	notes *s = ctx;
	s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%s%s\n",
		kind == NOTE_WARNING ? "warning: " : "", text);
	ck_assert(s->n < sizeof s->text);
}

static void on_progress(void *ctx, const run_progress *p)
{
	notes *s = ctx;
	(void)p;
	if (++s->reports == s->stop_after)
		s->stop = 1;
}

static run_options options(const char *dir, notes *s)
{
	return (run_options){.out = dir, .ctx = s, .note = on_note, .progress = on_progress,
		.stop = &s->stop};
}

/* ---- one step ---- */

START_TEST(each_network_takes_its_own_number_of_updates_at_its_own_rate)
{
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.d_steps=3", "optim.lr_g=1e-3",
		"optim.lr_d=4e-3", NULL}, d);
	for (int i = 1; i <= 2; i++) {
		step_stats s = step(t);
		ck_assert_int_eq(s.step, i);
		ck_assert_int_eq(optimizer_count(t->pd.opt), 3 * i);
		ck_assert_int_eq(optimizer_count(t->pg.opt), i);
		ck_assert_double_eq(s.d_rate, 4e-3);
		ck_assert_double_eq(s.g_rate, 1e-3);
	}
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Plain SGD moves parameters by rate * gradient: its length shows the clipped norm. */
START_TEST(clipping_bounds_the_length_of_an_update)
{
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.kind=sgd", "optim.lr_d=0.5",
		"optim.clip_norm=0.25", NULL}, d);
	int64_t n = module_block_size(t->pd.m);
	real *before = malloc((size_t)n * sizeof *before);
	ck_assert(before != NULL);
	memcpy(before, module_param_block(t->pd.m), (size_t)n * sizeof *before);
	step_stats s = step(t);
	ck_assert_double_gt(s.d_norm, 0.3);          /* it was longer, and is reported as it was */
	double sum = 0;
	for (int64_t i = 0; i < n; i++) {
		double moved = module_param_block(t->pd.m)[i] - before[i];
		sum += moved * moved;
	}
	ck_assert_double_eq_tol(sqrt(sum), 0.5 * 0.25, 1e-5);
	free(before);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* The gradient after the last of n batches is the mean of the n gradients. */
START_TEST(accumulated_gradient_is_the_mean_over_batches)
{
	dataset *d = tiny_data(12, 16, 2);
	const char *const still[] = {"optim.lr_d=0", "optim.lr_g=0", "model.spectral_norm_g=false",
		"model.spectral_norm_d=false", NULL};
	const char *const twice[] = {"optim.lr_d=0", "optim.lr_g=0", "model.spectral_norm_g=false",
		"model.spectral_norm_d=false", "optim.accumulate=2", NULL};
	trainer *one = make(TINY_PLAIN, still, d), *two = make(TINY_PLAIN, twice, d);
	int64_t n = module_block_size(one->pd.m);
	double *sum = calloc((size_t)n, sizeof *sum);
	ck_assert(sum != NULL);
	/* Without rates and norms nothing moves; `one` must see the batches of D's accumulation only. */
	for (int k = 0; k < 2; k++) {
		rng latent = one->stream[STREAM_LATENT], label = one->stream[STREAM_LABEL];
		step(one);
		for (int64_t i = 0; i < n; i++)
			sum[i] += 0.5 * (double)module_grad_block(one->pd.m)[i];
		/* the G update of the step used one batch of latents: take it back */
		rng *now = one->stream;
		now[STREAM_LATENT].counter = latent.counter + (now[STREAM_LATENT].counter - latent.counter) / 2;
		now[STREAM_LABEL].counter = label.counter + (now[STREAM_LABEL].counter - label.counter) / 2;
	}
	step(two);
	for (int64_t i = 0; i < n; i++)
		ck_assert_double_eq_tol((double)module_grad_block(two->pd.m)[i], sum[i],
			1e-4 * (1 + fabs(sum[i])));
	free(sum);
	trainer_free(one);
	trainer_free(two);
	dataset_free(d);
}
END_TEST

/* e = d e + (1-d) p for every parameter and running statistic; a copy before ema.start. */
START_TEST(average_follows_parameters_and_statistics)
{
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"ema.decay=0.75", "ema.start=2", NULL}, d);
	module *e = trainer_ema(t), *g = trainer_module(t, NET_G);
	int64_t n = module_block_size(g), k = module_state_size(g);
	real *old = malloc((size_t)(n + k) * sizeof *old);
	ck_assert(old != NULL);
	for (int i = 0; i < 4; i++) {
		memcpy(old, module_param_block(e), (size_t)n * sizeof *old);
		memcpy(old + n, module_state_block(e), (size_t)k * sizeof *old);
		step(t);
		double decay = i < 2 ? 0 : 0.75;
		for (int64_t j = 0; j < n + k; j++) {
			double p = j < n ? module_param_block(g)[j] : module_state_block(g)[j - n];
			double have = j < n ? module_param_block(e)[j] : module_state_block(e)[j - n];
			ck_assert_double_eq_tol(have, decay * old[j] + (1 - decay) * p,
				1e-6 * (1 + fabs(p)));
		}
	}
	ck_assert(memcmp(module_state_block(g), module_state_block(e), (size_t)k * sizeof *old) != 0);
	free(old);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* With sn_update = real_only D's vectors move once per D update, and not in the G step. */
START_TEST(spectral_vectors_move_where_the_config_says)
{
	dataset *d = tiny_data(12, 16, 2);
	const char *const how[2][3] = {
		{"loss.d_batch=separate", "model.sn_update=every_forward", NULL},
		{"loss.d_batch=separate", "model.sn_update=real_only", NULL},
	};
	for (int k = 0; k < 2; k++) {
		trainer *t = make(TINY_PLAIN, how[k], d);
		size_t size = (size_t)module_state_size(t->pd.m) * sizeof(real);
		step(t);
		/* state_before is the state before the last pass, the G step */
		bool moved = memcmp(t->pd.state_before, module_state_block(t->pd.m), size) != 0;
		ck_assert_int_eq(moved, k == 0);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

START_TEST(lazy_penalty_is_applied_in_every_kth_update)
{
	dataset *d = tiny_data(12, 16, 2);
	static const char *const kind[] = {"loss.penalty=r1", "loss.penalty=gp", "loss.penalty=dragan",
		"loss.penalty=r1r2"};
	for (int k = 0; k < COUNT(kind); k++) {
		trainer *t = make(TINY_PLAIN, (const char *[]){kind[k], "loss.penalty_every=3", NULL}, d);
		for (int i = 0; i < 7; i++) {
			step_stats s = step(t);
			ck_assert_int_eq(s.penalties, i % 3 == 0);
			ck_assert_int_eq(s.penalty > 0, i % 3 == 0);
		}
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* What is reported is the mean over the updates with the penalty, also where something else, too small to be seen
 * beside it, is added in each. */
START_TEST(the_reported_penalty_has_one_meaning)
{
	static const char *const more[] = {"loss.cr_weight=0", "loss.cr_weight=1e-6", "loss.lecam_weight=1e-6"};
	dataset *d = tiny_data(12, 16, 2);
	double want = 0;
	for (int k = 0; k < COUNT(more); k++) {
		trainer *t = make(TINY_PLAIN, (const char *[]){"loss.penalty=r1", "loss.penalty_every=3",
			"loss.lecam_start=0", "optim.d_steps=2", "optim.lr_g=0", "optim.lr_d=0", more[k], NULL}, d);
		double sum = 0;
		for (int i = 0; i < 3; i++) {
			const step_stats now = step(t);
			ck_assert_int_eq(now.penalties, i < 2);  /* of updates 0 to 5 the first and the fourth */
			sum += now.penalty;
		}
		want = k ? want : sum;
		ck_assert_msg(want > 0 && fabs(sum / want - 1) < 1e-3, "%s: %g, alone %g", more[k], sum, want);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* A penalty of both kinds of images: half gamma of each mean, whatever goes through D at once. The means are found by
 * weights of their own. */
static double penalty_with(const dataset *d, const char *batch, const char *weight, const char *of_fake)
{
	trainer *t = make(TINY_PLAIN, (const char *[]){"loss.penalty=r1r2", "model.spectral_norm_d=false", batch,
		weight, of_fake, NULL}, d);
	const double penalty = step(t).penalty;
	trainer_free(t);
	return penalty;
}

static const char *const together[] = {"loss.d_batch=joint", "loss.d_batch=separate"};

START_TEST(a_penalty_of_both_has_a_weight_for_each)
{
	dataset *d = tiny_data(12, 16, 2);
	for (int k = 0; k < COUNT(together); k++) {
		const double one = penalty_with(d, together[k], "loss.penalty_weight=1", "loss.penalty_weight_fake=0");
		const double a = penalty_with(d, together[k], "loss.penalty_weight=3", "loss.penalty_weight_fake=1");
		const double b = penalty_with(d, together[k], "loss.penalty_weight=1", "loss.penalty_weight_fake=3");
		ck_assert_msg(one > 0 && a > one && b > one, "%g, %g, %g", one, a, b);
		ck_assert_msg(fabs((a + b) / (4 * one) - 1) < 1e-5, "%g + %g is not four times %g", a, b, one);
		ck_assert_msg(fabs(a - b) > 1e-3 * one, "real and fake images cannot be told apart");
	}
	dataset_free(d);
}
END_TEST

/* Runs the D step once more, with what it drew before. */
static void same_d_step(trainer *t, const rng *drawn)
{
	memcpy(t->stream, drawn, sizeof t->stream);
	slices_run_pass(t, PASS_D_PENALTY);
}

static const real *d_of_reals(trainer *t)
{
	const pass *p = slices_pass(t, PASS_D_PENALTY);
	return plan_value(p->p, p->each_real);
}

/* The mean over the batch of the squared slope of D's answer to a real image, by differences in its pixels: those
 * before augmentation, for these are what the trainer holds. */
static double slope_by_differences(trainer *t, const rng *drawn)
{
	enum { B = 4 };
	const int64_t pixels = shape_count(&t->real_x->s) / B;
	const real h = (real)2e-3;
	double sum = 0;
	for (int64_t j = 0; j < pixels; j++) {
		double up[B];
		for (int side = 1; side >= -1; side -= 2) {
			for (int b = 0; b < B; b++)
				t->real_x->x[b * pixels + j] += (real)side * h;
			same_d_step(t, drawn);
			for (int b = 0; b < B; b++) {
				const double d = (double)d_of_reals(t)[b];
				if (side > 0)
					up[b] = d;
				else
					sum += pow((up[b] - d) / (2 * (double)h), 2);
				t->real_x->x[b * pixels + j] -= (real)side * h;
			}
		}
	}
	return sum / B;
}

/* The penalties of R3GAN are slopes at the images as they are, through the augmentation, not at augmented ones: what
 * translation moves out of a picture has no slope, and contrast changes it. */
START_TEST(penalties_of_both_are_before_augmentation)
{
	dataset *d = tiny_data(12, 16, 2);
	for (int k = 0; k < COUNT(together); k++) {
		trainer *t = make(TINY_PLAIN, (const char *[]){"loss.penalty=r1r2", "loss.penalty_weight=1",
			"loss.penalty_weight_fake=1e-9", "model.spectral_norm_d=false", "optim.lr_g=0", "optim.lr_d=0",
			"augment.policy=[translation, color]", together[k], NULL}, d);
		rng drawn[STREAMS];
		step(t);
		memcpy(drawn, t->stream, sizeof drawn);
		same_d_step(t, drawn);
		const pass *p = slices_pass(t, PASS_D_PENALTY);
		const double penalty = pass_scalar(p, p->penalty), slope = slope_by_differences(t, drawn);
		ck_assert_msg(fabs(penalty / (slope / 2) - 1) < 0.01, "%s: %g, by differences %g", together[k],
			      penalty, slope / 2);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* A loss of pairs: fake i has the class of real i, and both steps draw real images. */
START_TEST(pairs_are_of_one_class)
{
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"loss.name=rpgan", "loss.penalty=r1r2", NULL}, d);
	for (int i = 0; i < 4; i++) {
		const step_stats s = step(t);
		ck_assert(s.d_loss > 0 && s.g_loss > 0);
		for (int k = 0; k < t->cfg.batch; k++)
			ck_assert(t->real_y->x[k] == t->fake_y->x[k]);
		const loader_place p = loader_position(t->loader);
		ck_assert_int_eq(p.epoch * loader_batches(t->loader) + p.batch, 2 * (i + 1));
	}
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Where nothing is learnt, the penalty of a step is its weight there times that of a run with the weight 1. */
START_TEST(a_weight_follows_its_ramp)
{
	dataset *d = tiny_data(12, 16, 2);
	const char *const still[] = {"optim.lr_g=0", "optim.lr_d=0", "loss.penalty=r1", "loss.penalty_weight=1", NULL};
	const char *const falls[] = {"optim.lr_g=0", "optim.lr_d=0", "loss.penalty=r1", "loss.penalty_weight=[2, 0.5]",
		"steps=6", NULL};
	trainer *one = make(TINY_PLAIN, still, d), *t = make(TINY_PLAIN, falls, d);
	for (int i = 0; i < 8; i++) {
		const double weight = i < 6 ? 0.5 + 1.5 * (1 + cos(acos(-1) * i / 6)) / 2 : 0.5;
		const double a = step(one).penalty, b = step(t).penalty;
		ck_assert_msg(fabs(b / (weight * a) - 1) < 1e-5, "step %d: %g is not %g times %g", i, b, weight, a);
	}
	trainer_free(one);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Of four classes the data have three, one of which is empty: no fake is of the others, and nothing that belongs to
 * them alone moves. */
START_TEST(classes_without_images_learn_nothing)
{
	enum { K = 4, EMPTY = 1, BEYOND = 3 };
	dataset *d = tiny_data(24, 16, 3);
	for (int i = 0; i < d->n; i++)
		d->label[i] = d->label[i] == EMPTY ? 0 : d->label[i];
	trainer *t = make(TINY_PLAIN, (const char *[]){"model.conditional=true", "model.classes=4",
		"model.spectral_norm_g=false", "model.spectral_norm_d=false", NULL}, d);
	const module *both[] = {t->pg.m, t->pd.m};
	real *before[] = {NULL, NULL};
	int tables = 0, drawn[K] = {0};
	for (int i = 0; i < 2; i++) {
		const size_t bytes = (size_t)module_block_size(both[i]) * sizeof(real);
		before[i] = malloc(bytes);
		memcpy(before[i], module_param_block(both[i]), bytes);
	}
	for (int i = 0; i < 8; i++) {
		step(t);
		for (int k = 0; k < t->cfg.batch; k++)
			drawn[(int)t->fake_y->x[k]]++;
	}
	ck_assert_msg(drawn[0] > 0 && drawn[2] > 0 && drawn[EMPTY] == 0 && drawn[BEYOND] == 0, "%d %d %d %d", drawn[0],
		drawn[1], drawn[2], drawn[3]);
	for (int i = 0; i < 2; i++)
		for (int p = 0; p < module_params(both[i]); p++) {
			const buffer *b = module_param_at(both[i], p);
			const real *was = before[i] + (b->x - module_param_block(both[i]));
			const int64_t row = shape_count(&b->s) / K;
			if (b->s.dim[0] != K || !strstr(b->name, "embed"))
				continue;
			tables++;
			for (int k = 0; k < K; k++) {
				const bool same = memcmp(was + k * row, b->x + k * row, (size_t)row * sizeof *was) == 0;
				ck_assert_msg(same == (k == EMPTY || k == BEYOND), "%s, class %d", b->name, k);
			}
		}
	ck_assert_int_ge(tables, 2);
	free(before[0]);
	free(before[1]);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* LeCam counts from the step after loss.lecam_start; its averages are those of the batches until then. */
START_TEST(lecam_begins_at_its_step)
{
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"loss.lecam_weight=0.3", "loss.lecam_start=2", NULL}, d);
	for (int i = 0; i < 5; i++) {
		const step_stats s = step(t);
		ck_assert_int_eq(s.penalty > 0, i > 2);
		const bool last = fabs((double)t->lecam->x[LECAM_REAL] - s.d_real) < 1e-5;
		ck_assert_int_eq(last, i <= 2);
	}
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Switched on in a run that goes on, also once more, LeCam begins with the averages of the batch: nothing holds D to
 * where it never was, or was long ago. */
START_TEST(lecam_begins_anew_where_it_is_switched_on)
{
	static const char *const weight[] = {"loss.lecam_weight=0", "loss.lecam_weight=0.3"};
	dataset *d = tiny_data(12, 16, 2);
	fault e;
	for (int i = 0; i < 4; i++) {
		trainer *t = make(TINY_PLAIN, (const char *[]){weight[i % 2], "loss.lecam_start=0",
			"model.spectral_norm_d=false", "optim.lr_d=0.02", NULL}, d);
		if (i > 0)
			ck_assert_msg(trainer_load(t, scratch_at("run.h5"), &e), "%s", e.text);
		for (int k = 0; k < 3; k++) {
			const step_stats s = step(t);
			const double r = (double)t->lecam->x[LECAM_REAL], f = (double)t->lecam->x[LECAM_FAKE];
			const bool of_batch = fabs(r - s.d_real) < 1e-5 && fabs(f - s.d_fake) < 1e-5;
			ck_assert_msg(i % 2 ? of_batch == (k == 0) : r == 0 && f == 0,
				"%d, %d: %g %g, the batch %g %g", i, k, r, f, s.d_real, s.d_fake);
		}
		ck_assert_msg(trainer_save(t, scratch_at("run.h5"), &e), "%s", e.text);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* What one step adds to D's loss, and to G's. */
static double added(const dataset *d, const char *a, const char *b, double *to_g)
{
	trainer *t = make(TINY_PLAIN, (const char *[]){a, b, "model.spectral_norm_g=false",
		"model.spectral_norm_d=false", NULL}, d);
	const double penalty = step(t).penalty;
	*to_g = pass_scalar(slices_pass(t, PASS_G), slices_pass(t, PASS_G)->penalty);
	trainer_free(t);
	return penalty;
}

/* Each term by its weight alone; latents without noise give the same images and the same answers. (With
 * spectral norm they would by and by: each pass estimates the norms a little better.) */
START_TEST(consistency_is_weighted)
{
	static const char *const one[][2] = {
		{"loss.cr_weight=1", "loss.cr_weight=3"}, {"loss.cr_weight_fake=1", "loss.cr_weight_fake=3"},
		{"loss.zcr_weight=1", "loss.zcr_weight=3"},
	};
	dataset *d = tiny_data(12, 16, 2);
	double g, most = 0;
	for (int k = 0; k < COUNT(one); k++) {
		const double x = added(d, one[k][0], "seed=7", &g), y = added(d, one[k][1], "seed=7", &g);
		ck_assert_msg(x > 0 && fabs(y / (3 * x) - 1) < 1e-5 && g == 0, "%s: %g, %g", one[k][0], x, y);
		most = fmax(most, x);
	}
	ck_assert(added(d, "loss.zcr_weight=1", "loss.zcr_noise=0", &g) < 1e-9 * most);
	ck_assert(added(d, "loss.zcr_weight_g=1", "loss.zcr_noise=0.05", &g) == 0 && g < 0);
	const double near = g;
	ck_assert(added(d, "loss.zcr_weight_g=1", "loss.zcr_noise=0", &g) == 0 && fabs(g) < 1e-9 * fabs(near));
	dataset_free(d);
}
END_TEST

/* Where nothing is learnt: all fakes in the first epoch, then the highest of four, whose hinge loss is the lowest. */
START_TEST(top_k_begins_after_an_epoch)
{
	const char *const still[] = {"optim.lr_g=0", "optim.lr_d=0", NULL};
	const char *const one[] = {"optim.lr_g=0", "optim.lr_d=0", "loss.top_k=0.25", "loss.top_k_decay=0", NULL};
	dataset *d = tiny_data(12, 16, 2);
	trainer *all = make(TINY_PLAIN, still, d), *few = make(TINY_PLAIN, one, d);
	for (int i = 0; i < 6; i++) {
		const bool first_epoch = loader_position(few->loader).epoch == 0;
		const double a = step(all).g_loss, b = step(few).g_loss;
		ck_assert_int_eq(first_epoch, i < 3);
		ck_assert_msg(first_epoch ? fabs(a - b) < 1e-6 : b < a, "step %d: %g, of the highest %g", i, a, b);
	}
	trainer_free(all);
	trainer_free(few);
	dataset_free(d);
}
END_TEST

/* Every fourth update the probability moves by images / augment.images, up where more real images than wanted have a
 * output of D above the loss's border, down where fewer have; between 0 and augment.probability. */
START_TEST(the_probability_follows_the_signs)
{
	static const struct {
		const char *loss;
		double border;
	} row[] = {{"loss.name=hinge", 0}, {"loss.name=ls", 0.5}};
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = make(TINY_PLAIN, (const char *[]){"augment.policy=[flip, rotate]", "augment.target=0.25",
		"augment.images=64", "augment.probability=0.5", row[_i].loss, NULL}, d);
	double p = 0, signs = 0, most = 0;
	int ups = 0;
	for (int i = 1; i <= 40; i++) {
		ck_assert_double_eq(step(t).augment, p);
		for (int k = 0; k < t->cfg.batch; k++)
			signs += t->d_real[k] > row[_i].border ? 1 : -1;
		if (i % 4 == 0) {
			const double over = signs / 16 - 0.25;
			ups += over > 0;
			p = fmax(0, fmin(0.5, p + (over > 0 ? 0.25 : over < 0 ? -0.25 : 0)));
			signs = 0;
		}
		ck_assert_double_eq(t->adapt[ADAPT_PROBABILITY], p);
		most = fmax(most, p);
	}
	ck_assert_msg(ups > 0 && ups < 10 && most > 0, "%d times up", ups);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* ---- the same bits ---- */

static const char *const KINDS[] = {TINY_FULL, TINY_MNISTGANS, TINY_PAIRS, TINY_HELPED, TINY_TALL,
	TINY_WIDE};

static dataset *data_for(int kind)
{
	config c = tiny_config(KINDS[kind], NULL);
	dataset *d = tiny_data_of(kind == 1 ? 9 : 25, c.net.size, 2);
	config_free(&c);
	return d;
}

START_TEST(threads_do_not_change_a_bit)
{
	dataset *d = data_for(_i);
	uint64_t first = 0;
	static const int threads[] = {1, 2, 4};
	for (int k = 0; k < COUNT(threads); k++) {
		fault e = {.text = ""};
		ck_assert_msg(pool_start(threads[k], &e), "%s", e.text);
		trainer *t = make(KINDS[_i], NULL, d);
		for (int i = 0; i < 3; i++)
			step(t);
		if (k == 0)
			first = tiny_hash(t);
		ck_assert_uint_eq(tiny_hash(t), first);
		trainer_free(t);
		pool_stop();
	}
	dataset_free(d);
}
END_TEST

/* Save after step k, load into a trainer that has gone elsewhere, go on: at every k the same end. */
START_TEST(resuming_after_any_step_ends_in_the_same_bits)
{
	enum { LAST = 6 };
	dataset *d = data_for(_i);
	char path[RUN_PATH_MAX];
	uint64_t at[LAST + 1];
	fault e = {.text = ""};
	const char *dir = scratch_folder();
	trainer *t = make(KINDS[_i], NULL, d);
	for (int k = 0; k <= LAST; k++) {
		if (k > 0)
			step(t);
		at[k] = tiny_hash(t);
		rundir_checkpoint(dir, k, path, sizeof path);
		ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
		ck_assert_uint_eq(tiny_hash(t), at[k]);      /* saving changes nothing */
		ck_assert(k == 0 || at[k] != at[k - 1]);
	}
	trainer_free(t);
	for (int k = 0; k <= LAST; k++) {
		t = make(KINDS[_i], NULL, d);
		step(t);
		rundir_checkpoint(dir, k, path, sizeof path);
		ck_assert_msg(trainer_load(t, path, &e), "%s", e.text);
		ck_assert_uint_eq(tiny_hash(t), at[k]);
		ck_assert_int_eq(trainer_steps_done(t), k);
		for (int i = k; i < LAST; i++)
			step(t);
		ck_assert_uint_eq(tiny_hash(t), at[LAST]);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* What no run saves, with the checksum that it would have: another step than the counted one, counts below 0, numbers
 * that are none. */
START_TEST(a_state_that_no_run_saves_is_refused)
{
	static const char *const message[] = {"step 2, but /trainer/step is 1 and /trainer/d_updates 1",
		"/trainer/d_updates -1", "/ema/", "step = 1000000001: must be 0 to 1000000000"};
	dataset *d = tiny_data(25, 16, 2);
	trainer *t = make(TINY_PLAIN, NULL, d), *other = make(TINY_PLAIN, NULL, d);
	fault e = {.text = ""};
	state_list l = {0};
	step(t);
	checkpoint_info info = {.step = 1, .program = "sagan test", .config = config_text(&t->cfg, &e)};
	ck_assert(info.config && trainer_list(t, &l, &e));
	info.step += _i == 0;
	t->d_updates = _i == 1 ? -1 : t->d_updates;
	if (_i == 2)
		module_param_block(network_module(t->average))[3] = NAN;
	info.step = _i == 3 ? CONFIG_STEPS_MAX + INT64_C(1) : info.step;
	ck_assert_msg(checkpoint_save(scratch_at("forged.h5"), &info, &l, &e), "%s", e.text);
	ck_assert(!trainer_load(other, scratch_at("forged.h5"), &e));
	ck_assert_msg(strstr(e.text, message[_i]) && strstr(e.text, "forged.h5: "), "%s", e.text);
	free(info.config);
	state_list_free(&l);
	trainer_free(t);
	trainer_free(other);
	dataset_free(d);
}
END_TEST

/* A square may be written with both sides: the config, the numbers and the checkpoint are those of one number. */
START_TEST(a_square_by_both_sides_is_the_same_run)
{
	static const char *const both[] = {"model.size=[16, 16]", NULL};
	dataset *d = tiny_data(25, 16, 2);
	fault e = {.text = ""};
	trainer *one = make(TINY_FULL, NULL, d), *two = make(TINY_FULL, both, d);
	char *a = config_text(trainer_config(one), &e), *b = config_text(trainer_config(two), &e);
	ck_assert_str_eq(a, b);
	ck_assert_ptr_nonnull(strstr(a, "\n  size: 16\n"));
	for (int i = 0; i < 3; i++) {
		step(one);
		step(two);
	}
	ck_assert_uint_eq(tiny_hash(one), tiny_hash(two));
	const char *file[] = {scratch_at("one.h5"), scratch_at("two.h5")};
	ck_assert(trainer_save(one, file[0], &e) && trainer_save(two, file[1], &e));
	ck_assert(files_equal(file[0], file[1]));
	free(a);
	free(b);
	trainer_free(one);
	trainer_free(two);
	dataset_free(d);
}
END_TEST

/* ---- whole runs ---- */

static void run_ok(trainer *t, const run_options *o, enum run_end want)
{
	fault e = {.text = ""};
	enum run_end end;
	ck_assert_msg(run_trainer(t, o, &end, &e), "%s", e.text);
	ck_assert_int_eq(end, want);
}

START_TEST(run_leaves_what_it_promises)
{
	const int kind = _i ? _i + 1 : 0;            /* without mnistgans, which ends sooner */
	dataset *d = data_for(kind);
	notes s = {.n = 0};
	const char *dir = scratch_folder();
	trainer *t = make(KINDS[kind], (const char *[]){"train.sample_every=5", NULL}, d);
	run_options o = options(dir, &s);
	run_ok(t, &o, RUN_FINISHED);
	static const char *const file[] = {
		"config.yaml", "data.png", "metrics.csv", "timing.csv", "loss.png", "attention.png", "scores.png",
		"samples-00000005.png", "samples-00000010.png", "samples-00000012.png",
		"checkpoint-00000008.h5", "checkpoint-00000012.h5", "checkpoint-best.h5", "scores.csv",
	};
	for (int i = 0; i < COUNT(file); i++)
		ck_assert_msg(file_exists(dir, file[i]), "%s is missing", file[i]);
	ck_assert(!file_exists(dir, "checkpoint-00000004.h5"));      /* keep = 2 */
	ck_assert_int_eq(s.reports, 4);
	ck_assert_ptr_nonnull(strstr(s.text, "arena"));
	ck_assert_ptr_nonnull(strstr(s.text, "2 classes"));
	ck_assert_ptr_nonnull(strstr(s.text, "/checkpoint-best.h5 (score "));
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* A step takes a second; then a machine sleeps for an hour; then a step takes ten seconds. */
START_TEST(the_time_left_is_not_led_astray_by_a_pause)
{
	double pace = run_pace(0, 1);
	ck_assert(pace == 1);
	pace = run_pace(pace, 3600);
	ck_assert_msg(pace < 1.5, "%g", pace);
	for (int i = 0; i < 10; i++)
		pace = run_pace(pace, 1);
	ck_assert_msg(fabs(pace - 1) < 0.05, "%g", pace);
	for (int i = 0; i < 20; i++)
		pace = run_pace(pace, 10);
	ck_assert_msg(fabs(pace - 10) < 0.5, "%g", pace);
}
END_TEST

/* Rates have then fallen all the way before the run ends, which nobody may have meant. */
START_TEST(going_further_than_the_config_says_is_told)
{
	static const struct {
		int64_t steps;
		const char *set;
		bool told;
	} row[] = {
		{2, "steps=2", false}, {3, "steps=2", true}, {3, "optim.schedule=constant", false},
		{3, "optim.schedule_steps=2", false},
	};
	dataset *d = tiny_data(25, 16, 2);
	for (int i = 0; i < COUNT(row); i++) {
		notes s = {.n = 0};
		char name[8];
		snprintf(name, sizeof name, "run%d", i);
		const char *const set[] = {"steps=2", "optim.schedule=linear", row[i].set, NULL};
		trainer *t = make(TINY_PLAIN, set, d);
		run_options o = options(scratch_at(name), &s);
		o.steps = row[i].steps;
		run_ok(t, &o, RUN_FINISHED);
		const bool told = strstr(s.text, "rates fall until step 2, ") != NULL;
		ck_assert_msg(told == row[i].told, "%d: %s", i, s.text);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* The start alone, then the steps, of which the first two leave their numbers: the same bits as without all that. */
START_TEST(the_start_and_the_first_steps_can_be_written_down)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *const dir[2] = {scratch_at("whole"), scratch_at("watched")};
	uint64_t end[2];
	double loss;
	real z[64];
	notes s = {.n = 0};
	fault e = {.text = ""};
	for (int i = 0; i < 2; i++) {
		run_options o = options(dir[i], &s);
		trainer *t = make(TINY_FULL, NULL, d);
		if (i == 1) {
			const uint64_t start = tiny_hash(t);
			o.start_only = true;
			run_ok(t, &o, RUN_FINISHED);
			ck_assert_uint_eq(tiny_hash(t), start);
			ck_assert(file_exists(dir[1], "checkpoint-00000000.h5") && !file_exists(dir[1], "steps.h5"));
			o.start_only = false;
			o.record = 2;
		}
		run_ok(t, &o, RUN_FINISHED);
		end[i] = tiny_hash(t);
		trainer_free(t);
	}
	ck_assert_uint_eq(end[0], end[1]);
	trainer *t = make(TINY_FULL, NULL, d);
	h5 *f = h5_open(scratch_at("watched/steps.h5"), &e);
	ck_assert_msg(f, "%s", e.text);
	ck_assert(h5_exists(f, "/step2/d1/real_label") && h5_exists(f, "/step2/g1/label") && !h5_exists(f, "/step3"));
	for (int k = 1; k <= 2; k++) {
		char path[40];
		const step_stats now = step(t);
		snprintf(path, sizeof path, "/step%d", k);
		ck_assert(h5_attr_f64(f, path, "d_loss", &loss, &e) && loss == now.d_loss);
		ck_assert(h5_attr_f64(f, path, "g_loss", &loss, &e) && loss == now.g_loss);
		snprintf(path, sizeof path, "/step%d/g%d/latent", k, t->cfg.optim.accumulate);     /* the last pass */
		ck_assert_int_le(shape_count(&t->z->s), COUNT(z));
		ck_assert_msg(h5_read_real(f, path, z, shape_count(&t->z->s), &e), "%s", e.text);
		ck_assert(!memcmp(z, t->z->x, (size_t)shape_count(&t->z->s) * sizeof *z));
	}
	h5_close(f);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Stopped by the flag, by the time, and by an error, and gone on each time: metrics.csv and the state
 * are those of the run that nobody disturbed. */
START_TEST(interrupted_run_ends_like_the_uninterrupted_one)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *const dir[2] = {scratch_at("whole"), scratch_at("interrupted")};
	uint64_t end[2];
	notes s = {.n = 0};
	trainer *t = make(TINY_FULL, NULL, d);
	run_options o = options(dir[0], &s);
	run_ok(t, &o, RUN_FINISHED);
	end[0] = tiny_hash(t);
	trainer_free(t);

	s = (notes){.stop_after = 2};                /* at step 6 of 12: between two checkpoints */
	t = make(TINY_FULL, NULL, d);
	o = options(dir[1], &s);
	run_ok(t, &o, RUN_STOPPED);
	ck_assert_int_eq(trainer_steps_done(t), 6);
	trainer_free(t);

	s = (notes){.n = 0};
	t = make(TINY_FULL, NULL, d);
	o.max_seconds = 1e-9;
	run_ok(t, &o, RUN_TIME);
	ck_assert_int_eq(trainer_steps_done(t), 6);
	ck_assert_ptr_nonnull(strstr(s.text, "going on from"));
	trainer_free(t);

	/* A run killed at step 11: its row of step 9 is there, its state is not. */
	t = make(TINY_FULL, NULL, d);
	o.max_seconds = 0;
	o.steps = 11;
	run_ok(t, &o, RUN_FINISHED);
	trainer_free(t);
	char path[RUN_PATH_MAX];
	rundir_checkpoint(dir[1], 11, path, sizeof path);
	ck_assert_int_eq(unlink(path), 0);

	t = make(TINY_FULL, NULL, d);
	o.steps = 0;
	run_ok(t, &o, RUN_FINISHED);
	end[1] = tiny_hash(t);
	trainer_free(t);
	ck_assert_uint_eq(end[0], end[1]);
	static const char *const file[] = {"metrics.csv", "scores.csv"};
	for (int i = 0; i < COUNT(file); i++)
		ck_assert_msg(files_equal_in(dir[0], dir[1], file[i]), "%s differs", file[i]);
	dataset_free(d);
}
END_TEST

/* Step of the lowest score in scores.csv of dir, and that score. */
static int64_t lowest_score(const char *dir, double *score, int *rows)
{
	char *text = file_bytes_in(dir, "scores.csv", NULL);
	int64_t best = -1;
	*rows = 0;
	ck_assert(strncmp(text, "step,score\n", 11) == 0);
	for (const char *p = text + 11; *p; p = strchr(p, '\n') + 1) {
		long long step;
		double x;
		ck_assert_int_eq(sscanf(p, "%lld,%lf", &step, &x), 2);
		if (best < 0 || x < *score) {
			best = step;
			*score = x;
		}
		++*rows;
	}
	free(text);
	return best;
}

static void best_must_be(const char *dir, int64_t step, double score)
{
	char path[RUN_PATH_MAX];
	fault e = {.text = ""};
	checkpoint_info info;
	ck_assert_msg(rundir_best(dir, path, sizeof path, &e), "%s", e.text);
	ck_assert_msg(checkpoint_verify(path, &e), "%s", e.text);
	ck_assert_msg(checkpoint_read_info(path, &info, &e), "%s", e.text);
	ck_assert(info.has_score);
	ck_assert_int_eq(info.step, step);
	ck_assert_double_eq_tol(info.score, score, 1e-6 * score);
	checkpoint_info_free(&info);
}

/* A run that learns, is interrupted, and goes on at a rate that spoils G: the best is one of its first half,
 * long pruned, and known again after the interruption. */
START_TEST(best_survives_pruning_and_interruption)
{
	static const char *const rate[] = {"optim.lr_g=0.03", "optim.lr_g=3"};
	static const int last[] = {5, 9};
	dataset *d = tiny_data(25, 16, 2);
	char want[64];
	double score = 0;
	int64_t best = 0;
	int rows;
	const char *dir = scratch_folder();
	for (int k = 0; k < 2; k++) {
		notes s = {.n = 0};
		trainer *t = make(TINY_PLAIN, (const char *[]){rate[k], "ema.decay=0", "train.checkpoint_every=1",
			"train.keep=1", "score.count=40", NULL}, d);
		run_options o = options(dir, &s);
		o.steps = last[k];
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
		best = lowest_score(dir, &score, &rows);
		ck_assert_int_eq(rows, last[k]);
		best_must_be(dir, best, score);
		snprintf(want, sizeof want, ", best %.4g at step %d\n", score, (int)best);
		ck_assert_msg(strstr(s.text, want) != NULL, "%s: %s", want, s.text);
	}
	ck_assert_int_le(best, last[0]);             /* or nothing was shown */
	for (int i = 1; i < last[1]; i++) {
		char name[64];
		snprintf(name, sizeof name, "checkpoint-%08d.h5", i);
		ck_assert(!file_exists(dir, name));
	}
	dataset_free(d);
}
END_TEST

/* Killed after the newest checkpoint was written, before it was compared with the best. */
START_TEST(best_that_a_kill_left_out_is_made_good)
{
	dataset *d = tiny_data(25, 16, 2);
	char path[RUN_PATH_MAX];
	double score = 0;
	int rows;
	const char *dir = scratch_folder();
	for (int k = 0; k < 2; k++) {
		notes s = {.n = 0};
		trainer *t = make(TINY_PLAIN, NULL, d);
		run_options o = options(dir, &s);
		o.steps = 4;
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
		ck_assert_int_eq(lowest_score(dir, &score, &rows), 4);
		best_must_be(dir, 4, score);
		ck_assert(rundir_best(dir, path, sizeof path, NULL) && unlink(path) == 0);
	}
	dataset_free(d);
}
END_TEST

/* Every third step, while checkpoints come every fourth: the best may be of a step that has no other checkpoint, and is
 * complete all the same. A process that is killed before its next checkpoint comes to the same best one again. */
START_TEST(scores_have_an_interval_of_their_own)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *dir = scratch_folder();
	char path[RUN_PATH_MAX];
	double score = 0, again = 0;
	int rows;
	for (int k = 0; k < 2; k++) {
		notes s = {.n = 0};
		trainer *t = make(TINY_PLAIN, (const char *[]){"score.every=3", "train.checkpoint_every=4",
			"train.keep=3", "ema.decay=0", "optim.lr_g=0.1", "score.count=40", NULL}, d);
		run_options o = options(dir, &s);
		o.steps = 7;
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
		const int64_t best = lowest_score(dir, k ? &again : &score, &rows);
		ck_assert_int_eq(rows, 3);               /* steps 3, 6, and the last */
		best_must_be(dir, best, k ? again : score);
		ck_assert_int_eq(best % 3, 0);           /* or nothing was shown */
		rundir_checkpoint(dir, 7, path, sizeof path);
		ck_assert(unlink(path) == 0);
	}
	ck_assert_double_eq(score, again);
	for (int i = 0; i < 8; i++) {                /* what the second process put aside it came to once more */
		char name[64];
		snprintf(name, sizeof name, "former-best-%08d.h5", i);
		ck_assert(!file_exists(dir, name));
	}
	dataset_free(d);
}
END_TEST

/* A run to `steps` with a score at each step, all of whose checkpoints stay. Notes: into s. */
static void scored_run(const char *dir, const dataset *d, const char *rate, run_options o, notes *s)
{
	*s = (notes){.n = 0};
	trainer *t = make(TINY_PLAIN, (const char *[]){rate, "ema.decay=0", "train.checkpoint_every=1",
		"train.keep=100", "score.count=40", NULL}, d);
	o.out = dir;
	o.ctx = s;
	o.note = on_note;
	run_ok(t, &o, RUN_FINISHED);
	trainer_free(t);
}

/* What is said to be the best: of the file. */
static int64_t best_of(const char *dir)
{
	checkpoint_info info;
	char path[RUN_PATH_MAX];
	fault e;
	ck_assert_msg(rundir_best(dir, path, sizeof path, &e) && checkpoint_read_info(path, &info, &e), "%s", e.text);
	const int64_t step = info.step;
	checkpoint_info_free(&info);
	return step;
}

static void remove_checkpoints(const char *dir, int64_t from, int64_t to)
{
	char path[RUN_PATH_MAX];
	for (int64_t i = from; i <= to; i++) {
		rundir_checkpoint(dir, i, path, sizeof path);
		ck_assert(unlink(path) == 0);
	}
}

/* Gone back to the checkpoint before the best one, and on at a rate that spoils G: the best is now the lowest score of
 * those steps, whose checkpoint is there, and the better one of the other branch is kept under another name. */
START_TEST(best_of_an_abandoned_branch_is_put_aside)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *dir = scratch_folder();
	notes s;
	char name[64];
	double score, left;
	int rows;
	fault e = {.text = ""};
	scored_run(dir, d, "optim.lr_g=0.03", (run_options){.steps = 6}, &s);
	const int64_t best = lowest_score(dir, &left, &rows);
	ck_assert_int_gt(best, 1);                   /* or nothing was shown */
	remove_checkpoints(dir, best, 6);
	scored_run(dir, d, "optim.lr_g=3", (run_options){.steps = best + 3}, &s);
	snprintf(name, sizeof name, "former-best-%08d.h5", (int)best);
	ck_assert_msg(strstr(s.text, " is of a later step than the run goes on from; it is now ")
		&& strstr(s.text, name), "%s", s.text);
	ck_assert_msg(checkpoint_verify(scratch_at(name), &e), "%s", e.text);
	const int64_t now = lowest_score(dir, &score, &rows);
	ck_assert(now < best && score > left);       /* or nothing was shown */
	best_must_be(dir, now, score);
	run_facts f;
	ck_assert_msg(facts_read(&f, dir, &e), "%s", e.text);
	ck_assert_int_eq(f.best_at, now);
	facts_free(&f);
	dataset_free(d);
}
END_TEST

/* As many images, of the same size, and harder ones: what was measured against the others says nothing about them. */
START_TEST(best_of_other_images_is_put_aside)
{
	dataset *d = tiny_data(25, 16, 2), *others = tiny_data(25, 16, 2);
	for (int64_t i = 0; i < dataset_bytes(others); i++)
		others->pixels[i] = (uint8_t)(255 - others->pixels[i]);
	const char *dir = scratch_folder();
	notes s;
	double score;
	int rows;
	fault e = {.text = ""};
	scored_run(dir, d, "optim.lr_g=0.03", (run_options){.steps = 4}, &s);
	const int64_t old = best_of(dir), at = lowest_score(dir, &score, &rows);
	ck_assert_int_eq(old, at);
	scored_run(dir, others, "optim.lr_g=0.03", (run_options){.steps = 6, .new_data = true}, &s);
	ck_assert_msg(strstr(s.text, " was measured against other images; it is now "), "%s", s.text);
	ck_assert_int_eq(lowest_score(dir, &score, &rows), at);      /* else nothing was shown */
	ck_assert_int_gt(best_of(dir), 4);
	run_facts f;
	ck_assert_msg(facts_read(&f, dir, &e), "%s", e.text);
	ck_assert(f.best_at == best_of(dir) && f.best_score > score);
	facts_free(&f);
	dataset_free(d);
	dataset_free(others);
}
END_TEST

/* What a run says of its average is what everybody finds who opens the checkpoint, however many images a batch has:
 * with spectral norm, whose averaged vectors are no unit vectors, and with standing statistics. */
START_TEST(the_score_of_a_run_is_that_of_its_checkpoint)
{
	static const char *const statistics[] = {"ema.bn_mode=running", "ema.bn_mode=standing"};
	const char *const set[] = {statistics[_i], "model.spectral_norm_g=true", "ema.decay=0.7", "optim.lr_g=0.02",
		"score.count=40", NULL};
	dataset *d = tiny_data(25, 16, 2);
	const char *dir = scratch_folder();
	notes s = {.n = 0};
	fault e = {.text = ""}, why;
	trainer *t = make(TINY_PLAIN, set, d);
	run_options o = options(dir, &s);
	o.steps = 8;
	run_ok(t, &o, RUN_FINISHED);
	double longest = 0;
	const module *average = trainer_ema(t);
	for (int i = 0; i < module_states(average); i++) {
		const buffer *b = module_state_at(average, i);
		double sum = 0;
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			sum += (double)b->x[k] * (double)b->x[k];
		if (module_role_at(average, i).kind == STATE_SN_VECTOR)
			longest = fmax(longest, fabs(sum - 1));
	}
	ck_assert_double_gt(longest, 1e-3);          /* or nothing was shown */
	char *rows = file_bytes_in(dir, "scores.csv", NULL), *row = strstr(rows, "\n8,");
	ck_assert(row != NULL);
	scorer judge;
	judgement j;
	sampler *from = network_sampler_open(dir, false, SAMPLER_BATCH, &why, &e);
	ck_assert_msg(from && scorer_init(&judge, trainer_config(t), d, &why, &e) && scorer_run(&judge, from, &j, &e),
		"%s", e.text);
	ck_assert_msg(fabs(j.score / atof(row + 3) - 1) < 1e-5, "%.9g, in the run %s", j.score, row + 3);
	free(rows);
	scorer_free(&judge);
	sampler_free(from);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Then it is the only checkpoint, and stays one to go on from. */
START_TEST(best_of_other_images_that_is_the_only_one_gets_a_number)
{
	dataset *d = tiny_data(25, 16, 2), *others = tiny_data(25, 16, 2);
	others->pixels[0] ^= 1;
	const char *dir = scratch_folder();
	notes s;
	char path[RUN_PATH_MAX];
	scored_run(dir, d, "optim.lr_g=0.03", (run_options){.steps = 3}, &s);
	const int64_t best = best_of(dir);
	remove_checkpoints(dir, 0, 3);
	scored_run(dir, others, "optim.lr_g=0.03", (run_options){.start_only = true, .new_data = true}, &s);
	rundir_checkpoint(dir, best, path, sizeof path);
	ck_assert_msg(checkpoint_verify(path, NULL) && !file_exists(dir, "checkpoint-best.h5"), "%s", s.text);
	scored_run(dir, others, "optim.lr_g=0.03", (run_options){.steps = best + 1, .new_data = true}, &s);
	ck_assert_int_eq(best_of(dir), best + 1);
	dataset_free(d);
	dataset_free(others);
}
END_TEST

/* With scores, without, with more: parameters, moments, streams, place in the data. */
START_TEST(scores_do_not_change_a_bit_of_training)
{
	static const char *const count[] = {"score.count=0", "score.count=2", "score.count=33"};
	dataset *d = tiny_data(25, 16, 2);
	uint64_t hash[COUNT(count)];
	for (int k = 0; k < COUNT(count); k++) {
			notes s = {.n = 0};
		const char *dir = scratch_at(count[k]);
		trainer *t = make(TINY_FULL, (const char *[]){count[k], "ema.bn_mode=standing", NULL}, d);
		run_options o = options(dir, &s);
		run_ok(t, &o, RUN_FINISHED);
		hash[k] = tiny_hash(t);
		ck_assert_int_eq(file_exists(dir, "scores.csv"), k > 0);
		ck_assert_int_eq(file_exists(dir, "checkpoint-best.h5"), k > 0);
		ck_assert_int_eq(strstr(s.text, "score ") != NULL, k > 0);
		trainer_free(t);
	}
	ck_assert_uint_eq(hash[0], hash[1]);
	ck_assert_uint_eq(hash[0], hash[2]);
	dataset_free(d);
}
END_TEST

START_TEST(fresh_puts_the_earlier_run_aside)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *dir = scratch_folder();
	for (int k = 0; k < 2; k++) {
		notes s = {.n = 0};
		trainer *t = make(TINY_PLAIN, (const char *[]){k ? "seed=8" : "seed=7", NULL}, d);
		run_options o = options(dir, &s);
		o.fresh = true;
		o.steps = 4;
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
	}
	ck_assert(file_exists(dir, "previous-1/checkpoint-00000004.h5"));
	ck_assert(file_exists(dir, "previous-1/metrics.csv"));
	ck_assert(file_exists(dir, "checkpoint-00000004.h5"));
	dataset_free(d);
}
END_TEST

/* Eight classes of one image each are learnt by heart: over seeds and precisions 0.03 to 0.15 is left.
 * Nothing but the right image is that near: a picture of the background alone is at 0.35. */
START_TEST(overfits_eight_images)
{
	enum { N = 8, SIDE = 16, SIZE = SIDE * SIDE };
	dataset *d = tiny_data(N, SIDE, N);
	const char *const set[] = {"model.classes=8", "batch=8", "model.g_channels=16",
		"model.d_channels=16",
		"optim.lr_g=5e-3", "optim.lr_d=5e-3", NULL};
	trainer *t = make(TINY_PLAIN, set, d);
	fault e = {.text = ""};
	sampler *s = network_sampler_new(trainer_config(t), N, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	static real x[N * SIZE];
	double distance[2] = {0, 0};
	for (int when = 0; when < 2; when++) {
		const sample_request q = {.n = N, .seed = 3, .label = -1, .columns = 1};
		for (int k = 0; when && k < 800; k++)
			step(t);
		ck_assert(sampler_take(s, trainer_ema(t), &e) && request_run(s, &q, x, &e));
		for (int i = 0; i < N * SIZE; i++) {
			double diff = x[i] - (d->pixels[i] / 127.5 - 1);
			distance[when] += diff * diff / (N * SIZE);
		}
	}
	ck_assert_msg(distance[1] < 0.2, "mean square distance %g before, %g after", distance[0],
		distance[1]);
	sampler_free(s);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* ---- numbers that are not finite ---- */

START_TEST(nan_stops_and_names_step_and_node)
{
	dataset *d = tiny_data(25, 16, 2);
	trainer *t = make(TINY_FULL, NULL, d);
	fault e = {.text = ""};
	step_stats s;
	step(t);
	step(t);
	size_t size = (size_t)module_block_size(t->pg.m) * sizeof(real);
	real *before = malloc(size);
	ck_assert(before != NULL);
	memcpy(before, module_param_block(t->pg.m), size);

	buffer *bias = module_find(t->pd.m, "block2/conv1/bias");
	ck_assert_ptr_nonnull(bias);
	real good = bias->x[0];
	bias->x[0] = (real)NAN;
	ck_assert(!trainer_step(t, &s, &e));
	ck_assert_msg(strstr(e.text, "step 3: ") && strstr(e.text, "D step")
		&& strstr(e.text, "parameter discriminator/block2/conv1/bias"), "%s", e.text);

	/* A finite parameter whose value overflows on the way. */
	bias->x[0] = sizeof(real) == 4 ? (real)3e38 : (real)1.7e308;
	ck_assert(!trainer_step(t, &s, &e));
	ck_assert_msg(strstr(e.text, "step 3: ") && strstr(e.text, "first bad value: ")
		&& strstr(e.text, " in discriminator") && !strstr(e.text, "-nan"), "%s", e.text);

	/* Nothing of the generator was updated, and with the cause away the run goes on. */
	ck_assert(memcmp(before, module_param_block(t->pg.m), size) == 0);
	bias->x[0] = good;
	ck_assert_int_eq(step(t).step, 3);
	free(before);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* A run whose numbers explode ends with an error, and a checkpoint from before that can be loaded. */
START_TEST(exploding_run_keeps_the_last_good_checkpoint)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	fault e = {.text = ""};
	enum run_end end;
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.kind=sgd", "optim.lr_g=100", "optim.lr_d=100",
		"train.checkpoint_every=1", "model.spectral_norm_g=false",
		"model.spectral_norm_d=false", NULL}, d);
	char first[RUN_PATH_MAX];
	rundir_checkpoint(dir, 0, first, sizeof first);
	ck_assert_msg(trainer_save(t, first, &e), "%s", e.text);
	run_options o = options(dir, &s);
	ck_assert(!run_trainer(t, &o, &end, &e));
	ck_assert_msg(strstr(e.text, "step ") && strstr(e.text, "last good checkpoint: step "), "%s", e.text);
	static const char keys[] = "warning: diverged; to change, from the checkpoint of step ";
	static const char advice[] = ": model.spectral_norm_d (false) to true in a new run; optim.lr_d (1e+02) to a "
		"third; ";
	ck_assert_msg(strstr(s.text, keys) && strstr(s.text, advice) && strstr(s.text, "\nloss curve: "), "%s", s.text);
	trainer_free(t);
	char path[RUN_PATH_MAX];
	ck_assert_msg(rundir_latest(dir, path, NULL, &e), "%s", e.text);
	t = make(TINY_PLAIN, (const char *[]){"optim.kind=sgd", "model.spectral_norm_g=false",
		"model.spectral_norm_d=false", NULL}, d);
	ck_assert_msg(trainer_load(t, path, &e), "%s", e.text);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Before anything but the start is saved. What to change is what made it: the penalty's weight, the rates, eps. */
START_TEST(a_run_that_explodes_at_once_has_its_start)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	fault e = {.text = ""};
	enum run_end end;
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.lr_d=100", "optim.d_steps=2", "loss.penalty=r1",
		"loss.penalty_weight=1e6",
		"model.spectral_norm_g=false", "model.spectral_norm_d=false", NULL}, d);
	const uint64_t start = tiny_hash(t);
	run_options o = options(dir, &s);
	ck_assert(!run_trainer(t, &o, &end, &e));
	ck_assert_msg(strncmp(e.text, "step 1: ", 8) == 0 && strstr(e.text, "; last good checkpoint: step 0, ")
		&& strstr(e.text, "/checkpoint-00000000.h5"), "%s", e.text);
	static const char *const wanted[] = {"warning: diverged; to change, from the checkpoint of step 0: ",
		"optim.lr_d (1e+02) to a third", "optim.lr_g (", "loss.penalty_weight (1e+06) to a third",
		"optim.eps (1e-08) to 1e-6 or more in a new run"};
	for (int i = 0; i < COUNT(wanted); i++)
		ck_assert_msg(strstr(s.text, wanted[i]), "%s: not in %s", wanted[i], s.text);
	trainer_free(t);
	char path[RUN_PATH_MAX];
	ck_assert_msg(rundir_latest(dir, path, NULL, &e), "%s", e.text);
	t = make(TINY_PLAIN, (const char *[]){"model.spectral_norm_g=false", "model.spectral_norm_d=false", NULL}, d);
	ck_assert_msg(trainer_load(t, path, &e), "%s", e.text);
	ck_assert_uint_eq(tiny_hash(t), start);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* The start is a checkpoint like any other: it goes when others have come, and who goes on from it ends with the bytes
 * of a run from nothing. */
START_TEST(the_start_is_kept_until_others_are_and_goes_on_to_the_same_bytes)
{
	dataset *d = tiny_data(25, 16, 2);
	const char *const dir[2] = {scratch_at("whole"), scratch_at("again")};
	static const char first[] = "checkpoint-00000000.h5", last[] = "checkpoint-00000012.h5";
	notes s = {.n = 0};
	for (int i = 0; i < 2; i++) {
		run_options o = options(dir[i], &s);
		trainer *t = make(TINY_FULL, (const char *[]){"train.keep=2", NULL}, d);
		o.steps = 4;
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
		ck_assert(file_exists(dir[i], first) && file_exists(dir[i], "checkpoint-00000004.h5"));
		if (i == 1) {                        /* as if it had been killed before it saved again */
			char path[RUN_PATH_MAX];
			rundir_checkpoint(dir[i], 4, path, sizeof path);
			ck_assert_int_eq(unlink(path), 0);
		}
		s = (notes){.n = 0};
		t = make(TINY_FULL, (const char *[]){"train.keep=2", NULL}, d);
		o.steps = 0;
		run_ok(t, &o, RUN_FINISHED);
		trainer_free(t);
		ck_assert_msg(strstr(s.text, i ? "(step 0)" : "(step 4)"), "%s", s.text);
		ck_assert(!file_exists(dir[i], first));
	}
	ck_assert(files_equal_in(dir[0], dir[1], last));
	dataset_free(d);
}
END_TEST

/* A number of the optimiser that is none, and moves nothing: seen when the state is to be saved. */
static real *spoilt;
static void spoil(void *ctx, int64_t done, int64_t steps)
{
	(void)ctx, (void)steps;
	if (done == 2)
		*spoilt = (real)INFINITY;
}

START_TEST(a_state_that_cannot_be_saved_is_told_with_keys)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	fault e = {.text = ""};
	enum run_end end;
	trainer *t = make(TINY_PLAIN, NULL, d);
	spoilt = optimizer_slot(t->pg.opt, optimizer_slots(t->pg.opt) - 1);
	run_options o = options(scratch_folder(), &s);
	o.step = spoil;
	ck_assert(!run_trainer(t, &o, &end, &e));
	ck_assert_msg(strstr(e.text, "step 4: the state is not saved: /optimizer/generator/v/"), "%s", e.text);
	ck_assert_msg(strstr(s.text,
		"warning: diverged; to change, from the checkpoint of step 0: optim.lr_d (0.002) to "
		"a third; "), "%s", s.text);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

START_TEST(collapse_is_told_once)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.lr_g=0", "batch=2", "steps=210",
		"model.spectral_norm_g=false", NULL}, d);
	/* All of G's parameters at zero: every image is tanh(0). */
	memset(module_param_block(t->pg.m), 0, (size_t)module_block_size(t->pg.m) * sizeof(real));
	run_options o = options(dir, &s);
	run_ok(t, &o, RUN_FINISHED);
	static const char line[] = "warning: step 200: collapse";
	const char *found = strstr(s.text, line);
	ck_assert_msg(found != NULL, "%s", s.text);
	ck_assert_ptr_null(strstr(found + strlen(line), "collapse"));
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* What the network refuses would be no help: batch norm in D excludes penalties. */
START_TEST(advice_can_be_followed)
{
	static const struct {
		const char *network;
		bool penalty;
	} row[] = {
		{"model.network=resnet", true}, {"model.network=dcgan", false},
		{"model.layers_d=[{at: 8, type: cot}]", false},
	};
	static const char *const loss[] = {"loss.name=hinge", "loss.name=wgan"};
	char text[TROUBLE_TEXT];
	for (int i = 0; i < COUNT(row); i++)
		for (int k = 0; k < COUNT(loss); k++) {
			const char *set[] = {row[i].network, loss[k], i == 1 ? "model.d_batch_norm=true" : NULL, NULL};
			config c = tiny_config(TINY_PLAIN, set);
			trouble_advice(TROUBLE_COLLAPSE, &c, text);
			ck_assert_msg((strstr(text, "loss.penalty") != NULL) == row[i].penalty
				&& strstr(text, "optim.lr_d (0.002) to a third"), "%s: %s", row[i].network, text);
			config_free(&c);
		}
}
END_TEST

/* The last bias of D at 1e7: all its outputs, and G's loss, are of that size. */
START_TEST(huge_losses_are_told_once_with_the_keys_to_change)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.lr_d=0", "optim.lr_g=0", "batch=2", "steps=45",
		"loss.name=wgan", NULL}, d);
	module_find(t->pd.m, "linear/bias")->x[0] = (real)1e7;
	run_options o = options(scratch_folder(), &s);
	run_ok(t, &o, RUN_FINISHED);
	static const char line[] = "warning: step 20: diverging: for 20 steps a loss has been beyond 100000 (G's is "
		"-1e+07): D's outputs run away; to change, from an earlier checkpoint: loss.penalty (none) to gp; "
		"optim.lr_d (0) to a third; ";
	const char *found = strstr(s.text, line);
	ck_assert_msg(found != NULL, "%s", s.text);
	ck_assert_ptr_null(strstr(found + strlen(line), "diverging"));
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* Every image is tanh(0), but that is seen at the first score, the second time here, before 200 steps have passed. */
START_TEST(images_of_a_class_that_are_alike_are_told_once)
{
	dataset *d = tiny_data(25, 16, 2);
	notes s = {.n = 0};
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, (const char *[]){"optim.lr_g=0.002", "score.count=20",
		"model.spectral_norm_g=false", NULL}, d);
	memset(module_param_block(t->pg.m), 0, (size_t)module_block_size(t->pg.m) * sizeof(real));
	if (t->average)
		memset(module_param_block(network_module(t->average)), 0,
			(size_t)module_block_size(t->pg.m) * sizeof(real));
	run_options o = options(dir, &s);
	run_ok(t, &o, RUN_FINISHED);
	static const char line[] = "warning: step 8: the images of class 0 are nearly alike: they differ 0.00 times as "
		"much as real ones do (mean of all classes 0.00); to change, from an earlier checkpoint: "
		"loss.penalty (none) to r1; optim.lr_d (0.002) to a third; optim.lr_g (0.002) to a third; ";
	const char *found = strstr(s.text, line);
	ck_assert_msg(found != NULL, "%s", s.text);
	ck_assert_ptr_null(strstr(found + strlen(line), "nearly alike"));
	char *rows = file_bytes(scratch_at("spread.csv"), NULL);
	ck_assert_msg(strstr(rows, "step,mean,lowest,class\n4,0,0,0\n8,0,0,0\n12,0,0,0\n"), "%s", rows);
	free(rows);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* ---- refusals ---- */

/* A run that must fail, and what its one line must contain. */
static void refuse_run(const char *const *set, const dataset *d, const char *dir, const char *const *words)
{
	notes s = {.n = 0};
	fault e = {.text = ""};
	enum run_end end;
	trainer *t = make(TINY_PLAIN, set, d);
	run_options o = options(dir, &s);
	ck_assert(!run_trainer(t, &o, &end, &e));
	for (int i = 0; words[i]; i++)
		ck_assert_msg(strstr(e.text, words[i]) != NULL, "'%s' lacks '%s'", e.text, words[i]);
	ck_assert(strchr(e.text, '\n') == NULL);
	trainer_free(t);
}

START_TEST(going_on_with_another_config_or_other_data_is_refused)
{
	dataset *d = tiny_data(25, 16, 2), *other = tiny_data(24, 16, 2);
	notes s = {.n = 0};
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, NULL, d);
	run_options o = options(dir, &s);
	o.steps = 4;
	run_ok(t, &o, RUN_FINISHED);
	trainer_free(t);
	refuse_run((const char *[]){"seed=8", NULL}, d, dir, (const char *[]){"seed = 8", "7",
		"--fresh", NULL});
	refuse_run((const char *[]){"model.g_channels=16", NULL}, d, dir,
		(const char *[]){"model.g_channels = 16", "8", NULL});
	refuse_run(NULL, other, dir, (const char *[]){"other data", "checkpoint-00000004.h5", NULL});

	/* What may change is told. */
	s = (notes){.n = 0};
	t = make(TINY_PLAIN, (const char *[]){"optim.lr_g=1e-4", "steps=5", NULL}, d);
	o = options(dir, &s);
	run_ok(t, &o, RUN_FINISHED);
	ck_assert_ptr_nonnull(strstr(s.text, "optim.lr_g changed from 0.002 to 0.0001"));
	trainer_free(t);
	dataset_free(d);
	dataset_free(other);
}
END_TEST

/* With nothing between the rise of the rates and the end of their fall, nothing more is learnt from there on. */
START_TEST(rates_that_end_before_they_rose_are_refused)
{
	static const char *const set[] = {"optim.schedule=linear", "optim.warmup=3", "optim.schedule_steps=3",
		"steps=4", NULL};
	dataset *d = tiny_data(25, 16, 2);
	const char *dir = scratch_at("run");
	refuse_run(set, d, dir, (const char *[]){"optim.warmup = 3: the rates still rise at step 3, where "
		"optim.schedule_steps ends their course; must be less than 3", NULL});
	ck_assert(!file_exists(scratch_folder(), "run"));
	for (int beyond = 0; beyond < 2; beyond++) { /* a run that ends as they rise, and that run to a later step */
		notes s = {.n = 0};
		fault e;
		enum run_end end;
		trainer *t = make(TINY_PLAIN, (const char *[]){set[0], set[1], "steps=2", NULL}, d);
		run_options o = options(dir, &s);
		o.steps = beyond ? 4 : 0;
		ck_assert_int_eq(run_trainer(t, &o, &end, &e), !beyond);
		ck_assert(!beyond || strstr(e.text, "the rates still rise at step 2, where steps ends their course"));
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

START_TEST(directories_that_cannot_be_used_are_refused)
{
	dataset *d = tiny_data(25, 16, 2);
	char file[300];
	const char *dir = scratch_folder();
	snprintf(file, sizeof file, "%s/file", dir);
	FILE *f = fopen(file, "w");
	ck_assert(f != NULL);
	fclose(f);
	refuse_run(NULL, d, file, (const char *[]){file, "cannot make the folder: a file lies there", NULL});
	snprintf(file, sizeof file, "%s/file/run", dir);
	refuse_run(NULL, d, file, (const char *[]){"file", "a file lies there", NULL});
	if (geteuid() != 0) {                        /* root may write anywhere */
		ck_assert_int_eq(chmod(dir, 0555), 0);
		snprintf(file, sizeof file, "%s/run", dir);
		refuse_run(NULL, d, file, (const char *[]){file, "Permission denied", NULL});
		chmod(dir, 0755);
	}
	dataset_free(d);
}
END_TEST

/* Files may not grow beyond 20 kB, so a checkpoint does not fit: the run ends, the one before it stays. */
START_TEST(full_disk_ends_the_run_and_keeps_the_last_good_checkpoint)
{
	dataset *d = tiny_data(25, 16, 2);
	char path[RUN_PATH_MAX];
	notes s = {.n = 0};
	fault e = {.text = ""};
	const char *dir = scratch_folder();
	trainer *t = make(TINY_PLAIN, NULL, d);
	run_options o = options(dir, &s);
	o.steps = 4;
	run_ok(t, &o, RUN_FINISHED);
	trainer_free(t);
	disk_full(20000);
	refuse_run(NULL, d, dir, (const char *[]){"checkpoint-00000008.h5: cannot write", "File too large",
		"last good checkpoint: ", "checkpoint-00000004.h5", NULL});
	disk_free();
	ck_assert_msg(rundir_latest(dir, path, NULL, &e), "%s", e.text);
	ck_assert_ptr_nonnull(strstr(path, "checkpoint-00000004.h5"));
	dataset_free(d);
}
END_TEST

START_TEST(two_processes_cannot_train_in_one_directory)
{
	dataset *d = tiny_data(25, 16, 2);
	char byte;
	int ready[2], done[2], status;
	const char *dir = scratch_folder();
	ck_assert(pipe(ready) == 0 && pipe(done) == 0);
	pid_t child = fork();
	if (child == 0) {
		const rundir *folder = rundir_open(dir, NULL);
		if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1)
			_exit(1);
		_exit(!folder);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	refuse_run(NULL, d, dir, (const char *[]){dir, "another process", NULL});
	ck_assert_int_eq(write(done[1], "x", 1), 1);
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	dataset_free(d);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused)
{
	dataset *d = tiny_data(25, 20, 2), *tall = tiny_data_of(25, (net_size){24, 16}, 2),
		*many = tiny_data(25, 16, 5);
	const struct {
		const dataset *d;
		const char *word;
	} row[] = {{d, "[20,20,1]"}, {tall, "[24,16,1], the network makes [16,16,1]"}, {many, "5 classes"}};
	for (int i = 0; i < COUNT(row); i++) {
		fault e = {.text = ""};
		config c = tiny_config(TINY_PLAIN, NULL);
		ck_assert_ptr_null(trainer_new(&c, row[i].d, &e));
		ck_assert_msg(strstr(e.text, row[i].word) != NULL, "%s", e.text);
		config_free(&c);
	}
	dataset_free(d);
	dataset_free(tall);
	dataset_free(many);
}
END_TEST

START_TEST(bench_measures_without_data)
{
	fault e = {.text = ""};
	bench_result r;
	config c = tiny_config(TINY_FULL, NULL);
	ck_assert_msg(step_bench(&c, 2, 3, &r, NULL, &e), "%s", e.text);
	ck_assert(r.min_s > 0 && r.median_s >= r.min_s && r.gflop > 0);
	ck_assert(r.params_g > 0 && r.params_d > 0 && r.arena_bytes > 0);
	ck_assert_int_eq(r.steps, 3);
	config_free(&c);
}
END_TEST

int main(void)
{
	const suite_test one[] = {
		{each_network_takes_its_own_number_of_updates_at_its_own_rate, 1},
		{a_state_that_no_run_saves_is_refused, 4},
		{clipping_bounds_the_length_of_an_update, 1},
		{accumulated_gradient_is_the_mean_over_batches, 1},
		{average_follows_parameters_and_statistics, 1},
		{spectral_vectors_move_where_the_config_says, 1},
		{lazy_penalty_is_applied_in_every_kth_update, 1},
		{the_reported_penalty_has_one_meaning, 1},
		{a_penalty_of_both_has_a_weight_for_each, 1},
		{penalties_of_both_are_before_augmentation, 1},
		{pairs_are_of_one_class, 1},
		{a_weight_follows_its_ramp, 1},
		{classes_without_images_learn_nothing, 1},
		{lecam_begins_at_its_step, 1},
		{lecam_begins_anew_where_it_is_switched_on, 1},
		{consistency_is_weighted, 1},
		{the_probability_follows_the_signs, 2},
		{top_k_begins_after_an_epoch, 1},
	};
	const suite_test bits[] = {
		{threads_do_not_change_a_bit, COUNT(KINDS)},
		{resuming_after_any_step_ends_in_the_same_bits, COUNT(KINDS)},
		{a_square_by_both_sides_is_the_same_run, 1},
	};
	const suite_test runs[] = {
		{run_leaves_what_it_promises, COUNT(KINDS) - 1},
		{the_time_left_is_not_led_astray_by_a_pause, 1},
		{going_further_than_the_config_says_is_told, 1},
		{the_start_and_the_first_steps_can_be_written_down, 1},
		{interrupted_run_ends_like_the_uninterrupted_one, 1},
		{best_survives_pruning_and_interruption, 1},
		{best_that_a_kill_left_out_is_made_good, 1},
		{scores_have_an_interval_of_their_own, 1},
		{best_of_an_abandoned_branch_is_put_aside, 1},
		{best_of_other_images_is_put_aside, 1},
		{the_score_of_a_run_is_that_of_its_checkpoint, 2},
		{best_of_other_images_that_is_the_only_one_gets_a_number, 1},
		{scores_do_not_change_a_bit_of_training, 1},
		{fresh_puts_the_earlier_run_aside, 1},
		{overfits_eight_images, 1},
		{nan_stops_and_names_step_and_node, 1},
		{exploding_run_keeps_the_last_good_checkpoint, 1},
		{a_run_that_explodes_at_once_has_its_start, 1},
		{the_start_is_kept_until_others_are_and_goes_on_to_the_same_bytes, 1},
		{a_state_that_cannot_be_saved_is_told_with_keys, 1},
		{collapse_is_told_once, 1},
		{advice_can_be_followed, 1},
		{huge_losses_are_told_once_with_the_keys_to_change, 1},
		{images_of_a_class_that_are_alike_are_told_once, 1},
	};
	const suite_test wrong[] = {
		{going_on_with_another_config_or_other_data_is_refused, 1},
		{rates_that_end_before_they_rose_are_refused, 1},
		{directories_that_cannot_be_used_are_refused, 1},
		{full_disk_ends_the_run_and_keeps_the_last_good_checkpoint, 1},
		{two_processes_cannot_train_in_one_directory, 1},
		{data_that_do_not_fit_are_refused, 1},
		{bench_measures_without_data, 1},
	};
	const suite_case cases[] = {
		{.name = "step", TESTS(one)},
		{.name = "bits", TESTS(bits)},
		{.name = "runs", TESTS(runs)},
		{.name = "refusals", TESTS(wrong)},
	};
	return suite_run_cases("trainer", cases, COUNT(cases), 300);
}
