/* Update rules against trajectories of Keras and PyTorch, every case of both files; averages, schedules
 * and gradient blocks by their definitions; the same bits for any number of threads. */
#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "optim/ema.h"
#include "optim/gradient.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tests/expect.h"
#include "tests/golden.h"
#include "tests/suite.h"

#include <check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fault e;

/* Every case of a file of trajectories; tests/golden.c compares and prints. */
static void check_trajectories(const char *name, int at_least)
{
	char path[512];
	golden_count n = {0};
	const char *dir = getenv("GOLDEN");
	snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "tests/golden", name);
	OK(golden_file(path, &n, &e));
	ck_assert_int_eq(n.failed, 0);
	ck_assert_int_ge(n.cases, at_least);
}

START_TEST(keras_trajectories_are_met)
{
	check_trajectories("keras_optimizers.h5", 13);
}
END_TEST

START_TEST(torch_trajectories_are_met)
{
	check_trajectories("torch_optimizers.h5", 7);
}
END_TEST

/* ---- properties ---- */

static const optimizer_config all_rules[] = {
	{RULE_ADAM, UPDATE_TORCH, 0.5, 0.999, 1e-8, 0.1, 0, false, false},
	{RULE_ADAM, UPDATE_KERAS, 0, 0.9, 1e-7, 0, 0, false, false},
	{RULE_ADAMW, UPDATE_TORCH, 0.9, 0.99, 1e-8, 0.1, 0, false, true},
	{RULE_SGD, UPDATE_KERAS, 0, 0, 0, 0.1, 0.9, true, false},
	{RULE_SGD, UPDATE_TORCH, 0, 0, 0, 0, 0, false, false},
	{RULE_RMSPROP, UPDATE_KERAS, 0, 0.9, 1e-7, 0, 0, false, false},
	{RULE_RMSPROP, UPDATE_TORCH, 0, 0.9, 1e-7, 0, 0, false, false},
};

enum { MANY = 300001 };

/* Everything once, over a block of many chunks and a rest. */
static real *work(const optimizer_config *c, double *norm)
{
	rng r = rng_new(1, "test");
	real *p = malloc(sizeof *p * 3 * MANY), *g = p + MANY, *a = g + MANY;
	rng_fill_normal(&r, p, 3 * MANY);
	optimizer *o = optimizer_new(c, MANY, &e);
	ck_assert_msg(o, "%s", e.text);
	for (int s = 0; s < 3; s++) {
		gradient_add(g, p, MANY);
		*norm = gradient_clip_norm(g, MANY, 100);
		optimizer_step(o, p, g, 1e-2);
		ema_update(a, p, MANY, 0.9, 1, s);
		gradient_scale(g, MANY, 0.3);
	}
	optimizer_free(o);
	return p;
}

START_TEST(threads_do_not_change_a_bit)
{
	for (int k = 0; k < COUNT(all_rules); k++) {
		double norm[2];
		OK(pool_start(1, &e));
		real *one = work(&all_rules[k], &norm[0]);
		OK(pool_start(4, &e));
		real *four = work(&all_rules[k], &norm[1]);
		ck_assert_mem_eq(one, four, sizeof *one * 3 * MANY);
		ck_assert(norm[0] == norm[1]);
		free(one);
		free(four);
	}
	pool_stop();
}
END_TEST

/* Count and slots, copied into a new optimiser, continue with the same bits. */
START_TEST(state_continues_elsewhere)
{
	enum { N = 1000 };
	for (int k = 0; k < COUNT(all_rules); k++) {
		rng r = rng_new(2, "test");
		real p[N], g[N], q[N];
		rng_fill_normal(&r, p, N);
		rng_fill_normal(&r, g, N);
		optimizer *a = optimizer_new(&all_rules[k], N, &e), *b = optimizer_new(&all_rules[k], N, &e);
		for (int s = 0; s < 3; s++)
			optimizer_step(a, p, g, 1e-3);
		memcpy(q, p, sizeof q);
		optimizer_set_count(b, optimizer_count(a));
		ck_assert_int_eq(optimizer_slots(a), optimizer_slots(b));
		for (int i = 0; i < optimizer_slots(a); i++) {
			ck_assert_str_eq(optimizer_slot_name(a, i), optimizer_slot_name(b, i));
			memcpy(optimizer_slot(b, i), optimizer_slot(a, i), sizeof p);
		}
		optimizer_step(a, p, g, 1e-3);
		optimizer_step(b, q, g, 1e-3);
		ck_assert_mem_eq(p, q, sizeof p);
		optimizer_free(a);
		optimizer_free(b);
	}
}
END_TEST

START_TEST(moments_that_are_not_needed_are_not_kept)
{
	static const int want[] = {2, 1, 3, 1, 0, 1, 1};
	for (int k = 0; k < COUNT(all_rules); k++) {
		optimizer *o = optimizer_new(&all_rules[k], 5, &e);
		ck_assert_int_eq(optimizer_slots(o), want[k]);
		optimizer_free(o);
	}
}
END_TEST

START_TEST(wrong_settings_are_refused)
{
	static const struct {
		optimizer_config c;
		const char *part;
	} rows[] = {
		{{RULE_ADAM, UPDATE_TORCH, 1, 0.9, 1e-8, 0, 0, false, false}, "beta1 = 1"},
		{{RULE_ADAM, UPDATE_TORCH, 0, -1, 1e-8, 0, 0, false, false}, "beta2 = -1"},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 0, 0, 0, false, false}, "eps = 0"},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, INFINITY, 0, 0, false, false}, "eps = inf"},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-8, NAN, 0, false, false}, "weight_decay = "},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-8, INFINITY, 0, false, false}, "weight_decay = inf"},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-8, 0, 0.5, false, false}, "momentum = 0.5"},
		{{RULE_SGD, UPDATE_TORCH, 0, 0, 0, 0, 0, true, false}, "Nesterov"},
		{{RULE_SGD, UPDATE_TORCH, 0, 0, 0, 0, 0, false, true}, "amsgrad"},
	};
	for (int k = 0; k < COUNT(rows); k++) {
		ck_assert_ptr_null(optimizer_new(&rows[k].c, 3, &e));
		ck_assert_msg(strstr(e.text, rows[k].part), "%s", e.text);
	}
	/* What is above 0 in a config and 0 in a float would divide by nothing. */
	const optimizer_config small = {RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-50, 0, 0, false, false};
	ck_assert(optimizer_check(&small, &e) == (sizeof(real) == sizeof(double)));
	static const int64_t no_size[] = {-5, INT64_C(1) << 62};
	for (int k = 0; k < COUNT(no_size); k++) {
		ck_assert_ptr_null(optimizer_new(&all_rules[0], no_size[k], &e));
		ck_assert_msg(strstr(e.text, "cannot be counted in bytes"), "%s", e.text);
	}
}
END_TEST

START_TEST(schedules_follow_their_formulas)
{
	static const struct {
		schedule s;
		int64_t step;
		double want;
	} rows[] = {
		{{DECAY_NONE, 2, 0, 10, 0}, 0, 2},
		{{DECAY_NONE, 2, 0, 10, 0}, 99, 2},
		{{DECAY_NONE, 2, 0, 10, 4}, 0, 0.5},
		{{DECAY_NONE, 2, 0, 10, 4}, 3, 2},
		{{DECAY_NONE, 2, 0, 10, 4}, 4, 2},
		{{DECAY_LINEAR, 2, 0, 10, 0}, 0, 2},
		{{DECAY_LINEAR, 2, 0, 10, 0}, 5, 1},
		{{DECAY_LINEAR, 2, 0, 10, 0}, 10, 0},
		{{DECAY_LINEAR, 2, 0, 10, 0}, 11, 0},
		{{DECAY_LINEAR, 2, 0.5, 10, 2}, 1, 2},
		{{DECAY_LINEAR, 2, 0.5, 10, 2}, 2, 2},
		{{DECAY_LINEAR, 2, 0.5, 10, 2}, 6, 1.5},
		{{DECAY_COSINE, 2, 0, 10, 0}, 0, 2},
		{{DECAY_COSINE, 2, 0, 12, 0}, 4, 1.5},
		{{DECAY_COSINE, 2, 0.5, 12, 0}, 8, 1.25},
		{{DECAY_COSINE, 2, 0.5, 10, 0}, 10, 1},
		{{DECAY_COSINE, 2, 0.5, 10, 10}, 10, 1},
		{{DECAY_LINEAR, 2, 0.5, 0, 0}, 0, 1},
	};
	for (int k = 0; k < COUNT(rows); k++) {
		double lr = schedule_lr(&rows[k].s, rows[k].step);
		ck_assert_msg(fabs(lr - rows[k].want) < 1e-15, "row %d: %g, %g expected", k, lr, rows[k].want);
	}
}
END_TEST

START_TEST(ramps_go_from_one_value_to_another)
{
	const ramp falls = {1, 0.2}, stays = {0.1, 0.1};
	ck_assert(ramp_at(&falls, 0, 12) == 1 && ramp_at(&falls, 12, 12) == 0.2 && ramp_at(&falls, 99, 12) == 0.2);
	ck_assert(fabs(ramp_at(&falls, 6, 12) - 0.6) < 1e-15 && fabs(ramp_at(&falls, 4, 12) - 0.8) < 1e-15);
	ck_assert(ramp_at(&falls, 0, 0) == 0.2);
	for (int i = 0; i < 20; i++)
		ck_assert(ramp_at(&stays, i, 12) == 0.1);
}
END_TEST

/* After a half-life of images a change has come half of the way. */
START_TEST(averages_have_a_half_life)
{
	ck_assert(fabs(pow(ema_decay(640, 0, 64, 0), 10) - 0.5) < 1e-14);
	ck_assert(fabs(ema_decay(1e6, 0.05, 64, 12800) - pow(0.5, 0.1)) < 1e-15);        /* 5 % of 12,800: 640 */
	ck_assert(ema_decay(640, 0.05, 64, 1000000) == ema_decay(640, 0, 64, 0));
	ck_assert(ema_decay(640, 0.05, 64, 0) == 0 && ema_decay(0, 0, 64, 64) == 0 && ema_decay(0.01, 0, 64, 0) == 0);
}
END_TEST

START_TEST(average_copies_before_its_start_and_then_settles_at_a_constant)
{
	real a[3] = {9, 9, 9}, x[3] = {1, -0.3, 1e-20};
	ema_update(a, x, 3, 0.9, 5, 4);
	ck_assert_mem_eq(a, x, sizeof x);
	real b[1] = {1}, one[1] = {3};
	ema_update(b, one, 1, 0.5, 5, 5);
	ck_assert(b[0] == 2);
	for (int s = 0; s < 100000; s++)             /* what is there must stay there, bit for bit */
		ema_update(a, x, 3, 0.9999, 0, s);
	ck_assert_mem_eq(a, x, sizeof x);
}
END_TEST

START_TEST(gradients_are_measured_clipped_and_gathered)
{
	real g[5] = {3, 0, -4, 0, 0}, sum[5] = {1, 1, 1, 1, 1};
	ck_assert(gradient_norm(g, 5) == 5);
	ck_assert(gradient_norm(g, 0) == 0);
	ck_assert(gradient_clip_norm(g, 5, 6) == 5 && g[0] == 3);
	ck_assert(gradient_clip_norm(g, 5, 2.5) == 5);
	ck_assert(g[0] == 1.5 && g[2] == -2);
	gradient_clip_value(g, 5, 0.5);
	ck_assert(g[0] == 0.5 && g[2] == -0.5 && g[1] == 0);
	gradient_add(sum, g, 5);
	gradient_scale(sum, 5, 2);
	ck_assert(sum[0] == 3 && sum[1] == 2 && sum[2] == 1);
	real bad[2] = {INFINITY, 1};
	gradient_clip_norm(bad, 2, 1);
	ck_assert(isinf(bad[0]) && bad[1] == 1);
	bad[0] = NAN;
	gradient_clip_norm(bad, 2, 1);
	gradient_clip_value(bad, 2, 1);
	ck_assert(isnan(bad[0]) && bad[1] == 1);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{keras_trajectories_are_met, 1},
		{torch_trajectories_are_met, 1},
		{threads_do_not_change_a_bit, 1},
		{state_continues_elsewhere, 1},
		{moments_that_are_not_needed_are_not_kept, 1},
		{wrong_settings_are_refused, 1},
		{schedules_follow_their_formulas, 1},
		{ramps_go_from_one_value_to_another, 1},
		{averages_have_a_half_life, 1},
		{average_copies_before_its_start_and_then_settles_at_a_constant, 1},
		{gradients_are_measured_clipped_and_gathered, 1},
	};
	return suite_run("optim", tests, COUNT(tests), 60);
}
