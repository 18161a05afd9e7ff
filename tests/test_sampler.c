/* test_sampler.c - images from a trained generator: which latent and class make which image, and which
 * statistics batch norm takes. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/pictures.h"
#include "gan/sample/request.h"
#include "gan/checkpoint/saved.h"
#include "gan/train/trainer_internal.h"
#include "tests/data_files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { SIZE = 16 * 16, Z = 8, MANY = 13, MOST = 256 };

static dataset *data;
static const picture_about nothing_known = {.step = -1, .seed = -1};

/* A trainer of the plain recipe, a few steps old. */
static trainer *trained_on(const dataset *d, const char *const *set)
{
	fault e = {.text = ""};
	step_stats s;
	config c = tiny_config(TINY_PLAIN, set);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	for (int i = 0; i < 5; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	config_free(&c);
	return t;
}

static trainer *trained(const char *const *set)
{
	return trained_on(data, set);
}

static sampler *sampler_for(trainer *t, int64_t batch)
{
	fault e = {.text = ""};
	sampler *s = network_sampler_new(trainer_config(t), batch, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	ck_assert_msg(sampler_take(s, trainer_ema(t), &e), "%s", e.text);
	return s;
}

static void draw(sampler *s, sample_request q, real *x)
{
	fault e = {.text = ""};
	ck_assert_msg(request_run(s, &q, x, &e), "%s", e.text);
}

static void setup(void)
{
	data = tiny_data(25, 16, 2);
}

static void teardown(void)
{
	dataset_free(data);
}

START_TEST(an_image_depends_on_its_number_only)
{
	static real a[MANY * SIZE], b[MANY * SIZE];
	trainer *t = trained(NULL);
	sampler *four = sampler_for(t, 4), *one = sampler_for(t, 1);
	draw(four, (sample_request){.n = MANY, .seed = 5, .label = 1}, a);
	draw(one, (sample_request){.n = 3, .seed = 5, .label = 1}, b);
	for (int i = 0; i < 3 * SIZE; i++)
		ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5);
	draw(four, (sample_request){.n = MANY, .seed = 6, .label = 1}, b);
	ck_assert_mem_ne(a, b, sizeof(real) * SIZE);
	sampler_free(four);
	sampler_free(one);
	trainer_free(t);
}
END_TEST

/* `sagan sample --n 1` has the first image of `--n 64` to the last bit, though it draws a batch of 8 for it. */
START_TEST(a_small_batch_draws_the_bits_of_a_large_one)
{
	enum { FEW = 9 };
	static const char *const text[] = {
		TINY_PLAIN, TINY_WIDE, TINY_MNISTGANS,
		"model: {network: resnet28, g_channels: 36, classes: 10}\n",
		"model: {network: resnet32, g_channels: 32, classes: 10, layers_g: [16]}\n",
		"model: {network: official64, g_channels: 16, classes: 3}\n",
	};
	fault e = {.text = ""};
	config c = tiny_config(text[_i], NULL);
	ck_assert_int_eq(sampler_batch_for(1), 8);
	ck_assert_int_eq(sampler_batch_for(FEW), 16);
	ck_assert_int_eq(sampler_batch_for(64), SAMPLER_BATCH);
	ck_assert_int_eq(sampler_batch_for(1000), SAMPLER_BATCH);
	sampler *many = network_sampler_new(&c, SAMPLER_BATCH, &e);
	ck_assert_msg(many != NULL, "%s", e.text);
	const int64_t size = sampler_image_size(many);
	real *want = malloc((size_t)(FEW * size) * sizeof *want), *have = malloc((size_t)(FEW * size) * sizeof *have);
	draw(many, (sample_request){.n = FEW, .seed = 3, .label = -1}, want);
	for (int n = 1; n <= FEW; n += FEW - 1) {
		sampler *few = network_sampler_new(&c, sampler_batch_for(n), &e);
		ck_assert_msg(few != NULL, "%s", e.text);
		draw(few, (sample_request){.n = n, .seed = 3, .label = -1}, have);
		ck_assert_mem_eq(want, have, (size_t)(n * size) * sizeof *want);
		sampler_free(few);
	}
	sampler_free(many);
	free(want);
	free(have);
	config_free(&c);
}
END_TEST

/* A trained trainer, its checkpoint, and the sampler of it give one and the same picture. */
START_TEST(checkpoint_gives_the_images_of_the_trainer)
{
	static real want[4 * SIZE], have[4 * SIZE];
	char path[RUN_PATH_MAX];
	fault e = {.text = ""}, warning;
	const char *dir = scratch_folder();
	trainer *t = trained(NULL);
	rundir_checkpoint(dir, 5, path, sizeof path);
	ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
	for (int raw = 0; raw < 2; raw++) {
		const sample_request q = {.n = 4, .seed = 1, .label = -1};
		sampler *s = sampler_for(t, 4);
		sampler *opened = network_sampler_open(raw ? path : dir, raw, 4, &warning, &e);
		ck_assert_msg(opened != NULL, "%s", e.text);
		ck_assert(sampler_take(s, raw ? trainer_module(t, NET_G) : trainer_ema(t), &e));
		draw(s, q, want);
		draw(opened, q, have);
		ck_assert_mem_eq(want, have, sizeof want);
		ck_assert_int_eq(sampler_step(opened), 5);
		ck_assert_str_eq(sampler_path(opened), path);
		sampler_free(s);
		sampler_free(opened);
	}
	ck_assert_ptr_null(network_sampler_open("/nowhere/run", false, 4, &warning, &e));
	ck_assert_msg(strstr(e.text, "/nowhere/run"), "%s", e.text);
	trainer_free(t);
}
END_TEST

/* Other parameters are drawn with from the moment they are taken, classes and mixtures, as if there had been none
 * before. */
START_TEST(parameters_that_are_taken_count_at_once)
{
	static real used[2][4 * SIZE], fresh[2][4 * SIZE], old[4 * SIZE];
	const real label[] = {0, 1, 0, 1}, half[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
	real z[4][Z];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 4), *other = network_sampler_new(trainer_config(t), 4, &e);
	for (int k = 0; k < 4; k++)
		request_latent(Z, 4, k, 0, z[k]);
	ck_assert(sampler_run(s, 4, z[0], label, old, &e) && sampler_mix(s, 4, z[0], half, used[1], &e));
	ck_assert(sampler_take(s, trainer_module(t, NET_G), &e) && sampler_take(other, trainer_module(t, NET_G), &e));
	ck_assert(sampler_run(s, 4, z[0], label, used[0], &e) && sampler_mix(s, 4, z[0], half, used[1], &e));
	ck_assert(sampler_run(other, 4, z[0], label, fresh[0], &e) && sampler_mix(other, 4, z[0], half, fresh[1], &e));
	ck_assert_mem_ne(old, used[0], sizeof old);
	ck_assert_mem_eq(used, fresh, sizeof used);
	sampler_free(s);
	sampler_free(other);
	trainer_free(t);
}
END_TEST

/* Image k has class k mod K and its own latent, whatever else is drawn beside it; a grid has a column per class. */
START_TEST(an_image_depends_on_its_number_alone)
{
	static real many[7 * SIZE], few[3 * SIZE], one[7 * SIZE];
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 7);
	ck_assert_int_eq(sampler_classes(s), 2);
	ck_assert_int_eq(request_columns(s, &(sample_request){.n = 7, .label = -1}), 2);
	ck_assert_int_eq(request_columns(s, &(sample_request){.n = 1, .label = -1}), 1);
	ck_assert_int_eq(request_columns(s, &(sample_request){.n = 7, .label = 1}), 3);
	const sample_request by_class = {.n = 7, .label = -1}, one_class = {.n = 7, .label = 1};
	ck_assert_str_eq(request_heads(s, &by_class), "");
	ck_assert(sampler_call_classes(s, "cat\ndog\n", NULL));
	ck_assert_str_eq(request_heads(s, &by_class), "cat\ndog\n");
	ck_assert_ptr_null(request_heads(s, &one_class));
	draw(s, (sample_request){.n = 7, .seed = 2, .label = -1}, many);
	draw(s, (sample_request){.n = 3, .seed = 2, .label = -1, .columns = 3}, few);
	ck_assert_mem_eq(many, few, sizeof few);
	for (int c = 0; c < 2; c++) {
		draw(s, (sample_request){.n = 7, .seed = 2, .label = c}, one);
		for (int k = 0; k < 7; k++)
			ck_assert_int_eq(!memcmp(many + k * SIZE, one + k * SIZE, SIZE * sizeof(real)), k % 2 == c);
	}
	sampler_free(s);
	trainer_free(t);
}
END_TEST

START_TEST(classes_that_do_not_exist_are_refused)
{
	static real x[SIZE];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 1);
	ck_assert(!request_run(s, &(sample_request){.n = 1, .label = 2}, x, &e));
	ck_assert_str_eq(e.text, "class 2: must be 0 to 1");
	sampler_free(s);
	trainer_free(t);
	t = trained((const char *[]){"model.conditional=false", NULL});
	s = sampler_for(t, 1);
	ck_assert(!request_run(s, &(sample_request){.n = 1, .label = 0}, x, &e));
	ck_assert_msg(strstr(e.text, "not conditional"), "%s", e.text);
	ck_assert(request_run(s, &(sample_request){.n = 1, .label = -1}, x, &e));
	sampler_free(s);
	trainer_free(t);
}
END_TEST

START_TEST(truncated_latents_stay_within_the_limit)
{
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 1);
	double most[2] = {0, 0};
	for (int k = 0; k < 50; k++) {
		real z[Z];
		for (int cut = 0; cut < 2; cut++) {
			request_latent(sampler_latent_size(s), 9, k, cut ? 0.5 : 0, z);
			for (int i = 0; i < Z; i++)
				most[cut] = MAX(most[cut], fabs((double)z[i]));
		}
	}
	ck_assert(most[0] > 1.5 && most[1] <= 0.5 && most[1] > 0.4);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* The ends of a row are two latents, the middle of three is halfway. */
static double length(const real *z)
{
	double sum = 0;
	for (int i = 0; i < Z; i++)
		sum += (double)z[i] * (double)z[i];
	return sqrt(sum);
}

/* From latent 0 to latent 1 over the sphere: half way is the same distance from both, and as long as they are. */
START_TEST(interpolation_runs_over_the_sphere)
{
	static real row[3 * SIZE], want[3 * SIZE];
	real z[3][Z], label[3], end[2][Z];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 3);
	const sample_request q = {.n = 3, .seed = 4, .label = 0, .interpolate = true, .columns = 3};
	ck_assert(request_latents(s, &q, z[0], label, &e));
	for (int k = 0; k < 2; k++) {
		request_latent(Z, 4, k, 0, end[k]);
		ck_assert_mem_eq(z[2 * k], end[k], sizeof end[k]);
	}
	ck_assert_double_eq_tol(length(z[1]), (length(z[0]) + length(z[2])) / 2, 1e-5);
	double to[2] = {0, 0};
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < Z; i++)
			to[k] += (double)z[1][i] * (double)end[k][i] / length(end[k]);
	ck_assert_double_eq_tol(to[0], to[1], 1e-5);
	draw(s, q, row);
	ck_assert_msg(sampler_run(s, 3, z[0], label, want, &e), "%s", e.text);
	ck_assert_mem_eq(row, want, sizeof row);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* A way of four latents that comes back: the step behind the last is the first. */
START_TEST(a_loop_ends_where_it_began)
{
	real z[9][Z], label[9], first[4][Z];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 2);
	const sample_request q = {.n = 8, .seed = 4, .label = 0, .interpolate = true, .columns = 8, .loop = true};
	ck_assert(request_latents(s, &q, z[0], label, &e));
	for (int k = 0; k < 4; k++) {
		request_latent(Z, 4, k, 0, first[k]);
		ck_assert_mem_eq(z[2 * k], first[k], sizeof first[k]);
	}
	double near[2] = {0, 0};
	for (int i = 0; i < Z; i++) {
		near[0] += (double)z[7][i] * (double)z[6][i];
		near[1] += (double)z[7][i] * (double)z[0][i];
	}
	ck_assert_double_eq_tol(near[0] / length(z[6]), near[1] / length(z[0]), 1e-4);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* Row r is latent r with -3 to 3 times the direction, and with `loop` there and back. */
START_TEST(rows_follow_a_direction)
{
	real z[8][Z], label[8], own[2][Z], d[Z] = {0.6f, 0, -0.8f};
	static const double step[2][4] = {{-3, -1, 1, 3}, {0, 3, 0, -3}};
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 2);
	const sample_request q = {.n = 8, .seed = 4, .label = -1, .direction = d, .columns = 4, .loop = _i};
	ck_assert(request_latents(s, &q, z[0], label, &e));
	for (int r = 0; r < 2; r++) {
		request_latent(Z, 4, r, 0, own[r]);
		for (int k = 0; k < 4; k++) {
			ck_assert(label[4 * r + k] == r);
			for (int i = 0; i < Z; i++)
				ck_assert_double_eq_tol((double)z[4 * r + k][i],
					(double)own[r][i] + step[_i][k] * (double)d[i], 1e-5);
		}
	}
	sampler_free(s);
	trainer_free(t);
}
END_TEST

START_TEST(a_ladder_has_a_row_for_each_truncation)
{
	real z[6][Z], label[6], want[Z];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 2);
	const sample_request q = {.n = 6, .seed = 4, .label = -1, .steps = 2, .step = {0.5, 2}};
	ck_assert_int_eq(request_columns(s, &q), 3);
	ck_assert(request_latents(s, &q, z[0], label, &e));
	for (int k = 0; k < 6; k++) {
		request_latent(Z, 4, k % 3, q.step[k / 3], want);
		ck_assert_mem_eq(z[k], want, sizeof want);
		ck_assert(label[k] == k % 3 % 2);
	}
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* Whole shares are classes; half of each is what a network gives whose rows of both classes are their mean. */
START_TEST(classes_are_mixed)
{
	static real a[3 * SIZE], b[3 * SIZE], half[3 * SIZE];
	const real share[] = {1, 0, 0, 1, 1, 0}, label[] = {0, 1, 0}, both[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
	real z[3][Z];
	fault e = {.text = ""};
	trainer *t = trained((const char *[]){"model.cbn_sn=false", NULL});
	sampler *s = sampler_for(t, 2);
	for (int k = 0; k < 3; k++)
		request_latent(Z, 4, k, 0, z[k]);
	ck_assert_msg(sampler_mix(s, 3, z[0], share, a, &e), "%s", e.text);
	ck_assert(sampler_run(s, 3, z[0], label, b, &e));
	for (int i = 0; i < 3 * SIZE; i++)
		ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5);
	ck_assert(sampler_mix(s, 3, z[0], both, half, &e));
	ck_assert(memcmp(half, a, sizeof a) != 0);
	module *m = trainer_ema(t);
	for (int i = 0; i < module_params(m); i++) {
		buffer *p = module_param_at(m, i);
		const int64_t C = shape_last(&p->s);
		for (int64_t c = 0; strstr(p->name, "embeddings") && c < C; c++)
			p->x[c] = p->x[C + c] = (p->x[c] + p->x[C + c]) / 2;
	}
	ck_assert(sampler_take(s, m, &e) && sampler_run(s, 3, z[0], label, b, &e));
	for (int i = 0; i < 3 * SIZE; i++)
		ck_assert_double_eq_tol((double)half[i], (double)b[i], 1e-5);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* The way of a request leads from class 1 to class 0. */
START_TEST(a_way_leads_through_classes)
{
	static real x[3 * SIZE], want[SIZE];
	real z[3][Z], label[3], share[6];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 2);
	sample_request q = {.n = 3, .seed = 4, .label = -1, .interpolate = true, .columns = 3,
		.stops = 2, .stop = {1, 0}};
	ck_assert(request_part(s, &q, 0, 3, z[0], label, share, &e));
	static const real shares[] = {0, 1, 0.5, 0.5, 1, 0};
	for (int i = 0; i < 6; i++)
		ck_assert_double_eq_tol((double)share[i], (double)shares[i], 1e-6);
	draw(s, q, x);
	ck_assert(sampler_run(s, 1, z[0], &(real){1}, want, &e));
	for (int i = 0; i < SIZE; i++)
		ck_assert_double_eq_tol((double)x[i], (double)want[i], 1e-5);
	q.stop[0] = 2;
	ck_assert(!request_latents(s, &q, z[0], label, &e));
	ck_assert_str_eq(e.text, "class 2: must be 0 to 1");
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* x becomes factor * x + plus in every state whose name has `part`. */
static void change_states(module *m, const char *part, real factor, real plus)
{
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		for (int64_t k = 0; strstr(b->name, part) && k < shape_count(&b->s); k++)
			b->x[k] = factor * b->x[k] + plus;
	}
}

/* Standing statistics are collected anew: what the running ones were does not matter. */
START_TEST(standing_statistics_forget_the_running_ones)
{
	static real a[4 * SIZE], b[4 * SIZE];
	fault e = {.text = ""};
	static const char *const from[] = {"ema.bn_mode=standing", "ema.bn_mode=batch",
		"ema.bn_mode=running"};
	for (int k = 0; k < COUNT(from); k++) {
		trainer *t = trained((const char *[]){from[k], NULL});
		sampler *s = sampler_for(t, 4);
		const sample_request q = {.n = 4, .seed = 1, .label = 0};
		draw(s, q, a);
		change_states(trainer_ema(t), "moving_", 0, 3);
		ck_assert(sampler_take(s, trainer_ema(t), &e));
		draw(s, q, b);
		bool same = memcmp(a, b, sizeof a) == 0;
		ck_assert_msg(same == (k < 2), "%s", from[k]);
		sampler_free(s);
		trainer_free(t);
	}
}
END_TEST

/* The average of unit vectors is made one again; sigma, and with it the size of images, depends on it. */
START_TEST(averaged_spectral_vectors_are_made_unit)
{
	static real a[SIZE], b[SIZE];
	fault e = {.text = ""};
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 1);
	const sample_request q = {.n = 1, .seed = 1, .label = 0};
	draw(s, q, a);
	change_states(trainer_ema(t), "/u", (real)0.5, 0);
	ck_assert(sampler_take(s, trainer_ema(t), &e));
	draw(s, q, b);
	for (int i = 0; i < SIZE; i++)
		ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

/* Over many batches the standing statistics are those of a large batch, but for a little noise and the
 * n/(n-1) of running variances: both make nearly the same images. A norm in a layer of the user's has a
 * momentum of its own, wherever it stands. */
START_TEST(standing_statistics_are_those_of_batches)
{
	static const char *const layer[] = {
		"model.attention_g=[8]", "model.attention_g=[{at: 8, type: bn_act, momentum: 0.99}]",
		"model.attention_g=[{at: 16, type: bn_act, momentum: 0.5}]",
	};
	static real a[MOST * SIZE], b[MOST * SIZE];
	double diff = 0, size = 0;
	trainer *t = trained((const char *[]){"ema.bn_mode=standing", "ema.standing_batches=40",
		"model.bn_last_momentum=0.99", "model.spectral_norm_g=false", layer[_i], NULL});
	sampler *s = sampler_for(t, MOST);
	draw(s, (sample_request){.n = MOST, .seed = 1, .label = -1}, a);
	sampler_free(s);
	t->cfg.ema.bn_mode = BN_BATCH;
	s = sampler_for(t, MOST);
	draw(s, (sample_request){.n = MOST, .seed = 1, .label = -1}, b);
	for (int i = 0; i < MOST * SIZE; i++) {
		diff += fabs((double)(a[i] - b[i]));
		size += fabs((double)b[i]);
	}
	ck_assert_msg(diff < 0.1 * size, "%s: mean difference %g of %g", layer[_i], diff, size);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

static bool same_module(const module *a, const module *b)
{
	return memcmp(module_param_block(a), module_param_block(b), (size_t)module_block_size(a) * sizeof(real)) == 0
		&& memcmp(module_state_block(a), module_state_block(b),
			(size_t)module_state_size(a) * sizeof(real)) == 0;
}

/* The average, the generator itself, the discriminator: bit for bit, as they were saved. */
START_TEST(networks_of_a_checkpoint_are_the_trainers)
{
	char path[RUN_PATH_MAX];
	fault e = {.text = ""}, warning;
	saved from;
	trainer *t = trained(NULL);
	rundir_checkpoint(scratch_folder(), 5, path, sizeof path);
	ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
	ck_assert_msg(saved_open(scratch_folder(), &from, &warning, &e), "%s", e.text);
	ck_assert(from.step == 5 && strcmp(from.path, path) == 0);
	const struct {
		enum net_side side;
		bool raw;
		const module *want;
	} row[] = {
		{NET_G, false, trainer_ema(t)}, {NET_G, true, trainer_module(t, NET_G)},
		{NET_D, false, trainer_module(t, NET_D)},
	};
	ck_assert(!same_module(row[0].want, row[1].want));
	for (int i = 0; i < COUNT(row); i++) {
		network *n = network_open(&from, row[i].side, row[i].raw, &e);
		ck_assert_msg(n != NULL, "%s", e.text);
		ck_assert_msg(same_module(network_module(n), row[i].want), "row %d", i);
		network_free(n);
	}
	saved_close(&from);
	ck_assert(!saved_open("/nowhere/run", &from, &warning, &e));
	trainer_free(t);
}
END_TEST

/* The map of its one attention layer, for class 1. */
static void look(sampler *s, const real *z, attention_view *v)
{
	fault e = {.text = ""};
	gaze *g = sampler_gaze(s, &e);
	ck_assert_msg(g, "%s", e.text);
	ck_assert_int_eq(gaze_layers(g), 1);
	gaze_look(g, z, 1);
	ck_assert_msg(gaze_view(g, 0, 0, v, &e), "%s", e.text);
}

START_TEST(attention_rows_sum_to_one)
{
	static const char *const variant[] = {"official", "plain", "ashpy_row"};
	static const int keys[] = {16, 64, 64};      /* pooled; the map itself; rows of the map */
	for (int k = 0; k < COUNT(variant); k++) {
		char set[64];
		attention_view v;
		snprintf(set, sizeof set, "model.attention=%s", variant[k]);
		trainer *t = trained((const char *[]){set, NULL});
		sampler *s = sampler_for(t, 2);
		real z[Z];
		request_latent(sampler_latent_size(s), 1, 0, 0, z);
		look(s, z, &v);
		ck_assert(v.qh * v.qw == 64 && v.kh * v.kw == keys[k]);
		for (int q = 0; q < 64; q++) {
			double sum = 0;
			for (int i = 0; i < keys[k]; i++)
				sum += (double)v.map[q * keys[k] + i];
			ck_assert_double_eq_tol(sum, 1, 1e-5);
		}
		if (k == 2)                          /* another image row is never looked at */
			ck_assert(v.map[8] == 0 && v.map[63 * 64] == 0 && v.map[63 * 64 + 63] > 0);
		sampler_free(s);
		trainer_free(t);
	}
}
END_TEST

/* Of a map of 12 x 8 every query has its row, whose keys lie on 6 x 4 when they are pooled. */
START_TEST(attention_of_a_rectangle_has_both_sides)
{
	static const char *const variant[] = {"official", "plain", "ashpy_row"};
	static const int side[][2] = {{6, 4}, {12, 8}, {12, 8}};
	dataset *d = tiny_data_of(9, (net_size){24, 16}, 2);
	for (int k = 0; k < COUNT(variant); k++) {
		char set[64];
		attention_view v;
		snprintf(set, sizeof set, "model.attention=%s", variant[k]);
		trainer *t = trained_on(d, (const char *[]){"model.size=[24, 16]", set, NULL});
		sampler *s = sampler_for(t, 2);
		real z[Z];
		request_latent(sampler_latent_size(s), 1, 0, 0, z);
		look(s, z, &v);
		ck_assert(v.qh == 12 && v.qw == 8 && v.kh == side[k][0] && v.kw == side[k][1]);
		for (int q = 0; q < 96; q++) {
			double sum = 0;
			for (int i = 0; i < v.kh * v.kw; i++) {
				const double a = (double)v.map[q * v.kh * v.kw + i];
				ck_assert(k < 2 || (i / 8 == q / 8 ? a > 0 : a == 0));
				sum += a;
			}
			ck_assert_double_eq_tol(sum, 1, 1e-5);
		}
		sampler_free(s);
		trainer_free(t);
	}
	dataset_free(d);
}
END_TEST

/* A tall image keeps its ratio in the sheet of attention and in the grid. */
START_TEST(pictures_of_rectangles_have_their_ratio)
{
	static real x[6 * 24 * 16];
	char path[RUN_PATH_MAX];
	fault e = {.text = ""};
	image im;
	const char *dir = scratch_folder();
	dataset *d = tiny_data_of(9, (net_size){24, 16}, 2);
	trainer *t = trained_on(d, (const char *[]){"model.size=[24, 16]", NULL});
	sampler *s = sampler_for(t, 6);
	const shape drawn = sampler_image_shape(s), want = SHAPE(24, 16, 1);
	ck_assert(shape_equal(&drawn, &want));
	draw(s, (sample_request){.n = 6, .seed = 1, .label = -1, .interpolate = true, .columns = 3}, x);
	ck_assert(run_path(dir, "grid.png", path, &e));
	ck_assert_msg(picture_grid(path, &(picture_images){.x = x, .n = 6, .h = 24, .w = 16, .c = 1, .columns = 3},
		&nothing_known, &e), "%s", e.text);
	ck_assert_msg(picture_open(path, &im, &e), "%s", e.text);
	ck_assert(im.h == 2 * 24 * 4 + 3 * 2 && im.w == 3 * 16 * 4 + 4 * 2 && im.c == 1);
	image_free(&im);
	ck_assert(run_path(dir, "attention.png", path, &e));
	ck_assert_msg(picture_attention(path, s, 1, 3, &nothing_known, &e), "%s", e.text);
	ck_assert_msg(picture_open(path, &im, &e), "%s", e.text);
	ck_assert(im.h == FRAME_TITLE + FRAME_HEAD + 3 * (144 + 6) && im.w > 6 * (96 + 6) && im.c == 3);
	image_free(&im);
	sampler_free(s);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

START_TEST(the_sheet_of_attention_has_its_size)
{
	fault e = {.text = ""};
	image im;
	trainer *t = trained(NULL);
	sampler *s = sampler_for(t, 6);
	ck_assert_msg(picture_attention(scratch_at("a.png"), s, 1, 3, &nothing_known, &e), "%s", e.text);
	ck_assert_msg(picture_open(scratch_at("a.png"), &im, &e), "%s", e.text);
	ck_assert(im.h == FRAME_TITLE + FRAME_HEAD + 3 * (160 + 6) && im.w > 6 * (160 + 6) && im.c == 3);
	image_free(&im);
	sampler_free(s);
	trainer_free(t);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_small_batch_draws_the_bits_of_a_large_one, 6}, {an_image_depends_on_its_number_only, 1},
		{checkpoint_gives_the_images_of_the_trainer, 1},
		{parameters_that_are_taken_count_at_once, 1},
		{an_image_depends_on_its_number_alone, 1},
		{classes_that_do_not_exist_are_refused, 1},
		{truncated_latents_stay_within_the_limit, 1},
		{interpolation_runs_over_the_sphere, 1},
		{a_loop_ends_where_it_began, 1},
		{rows_follow_a_direction, 2},
		{a_ladder_has_a_row_for_each_truncation, 1},
		{classes_are_mixed, 1},
		{a_way_leads_through_classes, 1},
		{standing_statistics_forget_the_running_ones, 1},
		{averaged_spectral_vectors_are_made_unit, 1},
		{standing_statistics_are_those_of_batches, 3},
		{networks_of_a_checkpoint_are_the_trainers, 1},
		{attention_rows_sum_to_one, 1},
		{attention_of_a_rectangle_has_both_sides, 1},
		{the_sheet_of_attention_has_its_size, 1},
		{pictures_of_rectangles_have_their_ratio, 1},
	};
	const suite_case cases[] = {
		{.name = "sampler", TESTS(tests), .setup = setup, .teardown = teardown},
	};
	return suite_run_cases("sampler", cases, COUNT(cases), 300);
}
