/* Update rules against trajectories of Keras and PyTorch, every case of both files; averages, schedules
 * and gradient blocks by their definitions; the same bits for any number of threads. */
#include "core/h5.h"
#include "core/rng.h"
#include "core/thread.h"
#include "optim/optim.h"

#include <check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Against the double trajectories, as max|c - ref| / max|ref|. In float four times what TensorFlow's own
 * float32 weights are off, 7e-7; slots, gradients squared and added up, are no worse. */
static const double tolerance = sizeof(real) == 8 ? 1e-12 : 2.8e-6;

static error e;
#define OK(call) do { e.text[0] = '\0'; ck_assert_msg(call, "%s", e.text); } while (0)

static h5 *golden(const char *name)
{
	char path[512];
	const char *dir = getenv("GOLDEN");
	snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "tests/golden", name);
	h5 *f = h5_open(path, &e);
	ck_assert_msg(f, "%s", e.text);
	return f;
}

/* A whole data set as double; *n its count. */
static double *values(h5 *f, const char *path, int64_t *n)
{
	h5_info info;
	OK(h5_stat(f, path, &info, &e));
	*n = shape_count(&info.s);
	double *x = malloc(sizeof *x * (size_t)*n);
	OK(h5_read_f64(f, path, x, *n, &e));
	return x;
}

/* A number, or `none` where the attribute is absent or the text "None". */
static double number(h5 *f, const char *group, const char *name, double none)
{
	double x = none;
	char kind = h5_attr_kind(f, group, name);
	if (kind == 'i' || kind == 'f')
		OK(h5_attr_f64(f, group, name, &x, &e));
	return x;
}

static double worst;                                 /* of a whole file, for the line that is printed */

static void compare(const char *where, const real *x, const double *ref, int64_t n, double largest)
{
	double off = 0;
	for (int64_t i = 0; i < n; i++)
		off = fmax(off, fabs((double)x[i] - ref[i]));
	off /= largest;
	worst = fmax(worst, off);
	ck_assert_msg(off <= tolerance, "%s: off by %.2g, %.2g allowed", where, off, tolerance);
}

static double largest_of(const double *x, int64_t n)
{
	double m = 0;
	for (int64_t i = 0; i < n; i++)
		m = fmax(m, fabs(x[i]));
	return m;
}

static enum update_rule rule_named(const char *layer)
{
	static const struct {
		const char *name;
		enum update_rule rule;
	} rows[] = {
		{"Adam", RULE_ADAM}, {"AdamW", RULE_ADAMW}, {"SGD", RULE_SGD}, {"RMSprop", RULE_RMSPROP},
		{"torch.optim.Adam", RULE_ADAM}, {"torch.optim.AdamW", RULE_ADAMW}, {"torch.optim.SGD", RULE_SGD},
	};
	for (int i = 0; i < COUNT(rows); i++)
		if (!strcmp(layer, rows[i].name))
			return rows[i].rule;
	ck_abort_msg("unknown optimizer \"%s\"", layer);
	return RULE_ADAM;
}

/* ---- Keras: two parameters in one block, padded between as a module's block may be ---- */

enum { VARS = 2, STEPS_MAX = 16, BLOCK = 40, AT0 = 0, AT1 = 32 };

struct keras {
	h5 *f;
	char name[64], path[192];
	optimizer *o;
	real p[BLOCK], g[BLOCK], average[BLOCK];
	int64_t steps, n[VARS];
	double *grad[VARS];
};

static const int64_t at[VARS] = {AT0, AT1};

static const char *keras_path(struct keras *k, const char *part)
{
	snprintf(k->path, sizeof k->path, "/%s/%s", k->name, part);
	return k->path;
}

/* Keras clips per variable by value or norm, or all variables by their common norm. */
static void keras_clip(struct keras *k)
{
	const char *group = keras_path(k, "");
	double by_value = number(k->f, group, "clipvalue", 0), by_norm = number(k->f, group, "clipnorm", 0);
	double by_all = number(k->f, group, "global_clipnorm", 0);
	for (int i = 0; i < VARS; i++) {
		if (by_value > 0)
			gradient_clip_value(k->g + at[i], k->n[i], by_value);
		if (by_norm > 0)
			gradient_clip_norm(k->g + at[i], k->n[i], by_norm);
	}
	if (by_all > 0)
		gradient_clip_norm(k->g, BLOCK, by_all);
}

/* Compares step s of the trajectory `part`, one set per parameter, with the block x. */
static void keras_compare(struct keras *k, const char *group, const char *const var[VARS], int64_t s, const real *x)
{
	for (int i = 0; i < VARS; i++) {
		char part[96], where[256];
		int64_t n;
		snprintf(part, sizeof part, "%s/%s", group, var[i]);
		double *ref = values(k->f, keras_path(k, part), &n);
		int64_t row = s < 0 ? 0 : s;
		ck_assert_int_eq(n, k->n[i] * (s < 0 ? 1 : k->steps));
		snprintf(where, sizeof where, "%s, step %lld", k->path, (long long)s);
		compare(where, x + at[i], ref + row * k->n[i], k->n[i], largest_of(ref, n));
		free(ref);
	}
}

/* The slot of a file's set "m.w0": by our name; NULL when the rule keeps none. */
static const real *keras_slot(const struct keras *k, const char *set)
{
	static const char *const ours[][2] = {
		{"m.", "m"}, {"v.", "v"}, {"vhat.", "vhat"}, {"velocity.", "v"}, {"average.", "average"},
	};
	for (int r = 0; r < COUNT(ours); r++) {
		if (strncmp(set, ours[r][0], strlen(ours[r][0])) != 0)
			continue;
		if (!strcmp(ours[r][1], "average"))
			return k->average;
		for (int i = 0; i < optimizer_slots(k->o); i++)
			if (!strcmp(optimizer_slot_name(k->o, i), ours[r][1]))
				return optimizer_slot(k->o, i);
		return NULL;
	}
	ck_abort_msg("/%s: unknown slot \"%s\"", k->name, set);
	return NULL;
}

/* With beta1 = 0 and momentum = 0 Keras still keeps an m: the gradient, or zeros. We keep none. */
static bool may_be_missing(const struct keras *k, const char *set)
{
	double beta1 = number(k->f, k->path, "beta_1", 0), momentum = number(k->f, k->path, "momentum", 0);
	return set[0] == 'm' && beta1 == 0 && momentum == 0;
}

static void keras_compare_slots(struct keras *k, int64_t s)
{
	h5_names sets;
	OK(h5_list(k->f, keras_path(k, "state64"), &sets, &e));
	for (int i = 0; i < sets.n; i++) {
		size_t stem = strlen(sets.name[i]) - 1;
		ck_assert_msg(!strcmp(sets.name[i] + stem - 1, "w0") || !strcmp(sets.name[i] + stem - 1, "w1"), "%s",
			      sets.name[i]);
		if (sets.name[i][stem] != '0')
			continue;
		char first[64], second[64];
		snprintf(first, sizeof first, "%s", sets.name[i]);
		snprintf(second, sizeof second, "%.*s1", (int)stem, sets.name[i]);
		const real *slot = keras_slot(k, first);
		keras_path(k, "");
		ck_assert_msg(slot || may_be_missing(k, first), "/%s: no slot %s", k->name, first);
		if (slot)
			keras_compare(k, "state64", (const char *const[]){first, second}, s, slot);
	}
	h5_names_free(&sets);
}

static void keras_start(struct keras *k)
{
	char layer[64];
	const char *group = keras_path(k, "");
	OK(h5_attr_text(k->f, group, "layer", layer, sizeof layer, &e));
	bool rms = rule_named(layer) == RULE_RMSPROP;
	optimizer_config c = {
		.rule = rule_named(layer), .form = UPDATE_KERAS,
		.beta1 = number(k->f, group, "beta_1", 0),
		.beta2 = number(k->f, group, rms ? "rho" : "beta_2", 0),
		.eps = number(k->f, group, "epsilon", 0),
		.weight_decay = number(k->f, group, "weight_decay", 0),
		.momentum = number(k->f, group, "momentum", 0),
		.nesterov = number(k->f, group, "nesterov", 0) != 0,
		.amsgrad = number(k->f, group, "amsgrad", 0) != 0,
	};
	ck_assert_msg(number(k->f, group, "centered", 0) == 0, "centered RMSprop is not ours");
	k->steps = (int64_t)number(k->f, group, "steps", 0);
	ck_assert_int_gt(k->steps, 0);
	OK(k->o = optimizer_new(&c, BLOCK, &e));
	static const char *const start[VARS] = {"weight/00_w", "weight/01_w"}, *const grads[VARS] = {"input/00_w", "input/01_w"};
	for (int i = 0; i < VARS; i++) {
		int64_t n;
		double *w = values(k->f, keras_path(k, start[i]), &k->n[i]);
		ck_assert(at[i] + k->n[i] <= (i ? BLOCK : AT1));
		for (int64_t j = 0; j < k->n[i]; j++)
			k->p[at[i] + j] = (real)w[j];
		free(w);
		k->grad[i] = values(k->f, keras_path(k, grads[i]), &n);
		ck_assert_int_eq(n, k->n[i] * k->steps);
	}
	memcpy(k->average, k->p, sizeof k->p);       /* Keras starts its average at the weights */
}

static void keras_case(h5 *f, const char *name)
{
	static const char *const vars[VARS] = {"00_w", "01_w"};
	struct keras k = {.f = f};
	snprintf(k.name, sizeof k.name, "%s", name);
	keras_start(&k);
	const char *group = keras_path(&k, "");
	double lr = number(f, group, "learning_rate", -1), keep = number(f, group, "ema_momentum", 0);
	bool averaged = number(f, group, "use_ema", 0) != 0;
	int64_t every = averaged ? (int64_t)number(f, group, "ema_overwrite_frequency", 0) : 0;
	ck_assert(lr > 0);
	for (int64_t s = 0; s < k.steps; s++) {
		for (int i = 0; i < VARS; i++)
			for (int64_t j = 0; j < k.n[i]; j++)
				k.g[at[i] + j] = (real)k.grad[i][s * k.n[i] + j];
		keras_clip(&k);
		optimizer_step(k.o, k.p, k.g, lr);
		if (averaged)
			ema_update(k.average, k.p, BLOCK, keep, 0, s);
		if (every > 0 && (s + 1) % every == 0)
			memcpy(k.p, k.average, sizeof k.p);
		keras_compare(&k, "output64", vars, s, k.p);
		keras_compare_slots(&k, s);
	}
	ck_assert_int_eq(optimizer_count(k.o), k.steps);
	if (averaged)
		keras_compare(&k, "finalized64", vars, -1, k.average);
	for (int i = 0; i < VARS; i++)
		free(k.grad[i]);
	optimizer_free(k.o);
}

START_TEST(keras_trajectories_are_met)
{
	h5 *f = golden("keras_optimizers.h5");
	h5_names cases;
	OK(h5_list(f, "/", &cases, &e));
	ck_assert_int_ge(cases.n, 13);
	worst = 0;
	for (int i = 0; i < cases.n; i++)
		keras_case(f, cases.name[i]);
	printf("keras_optimizers: %d cases, worst %.1e\n", cases.n, worst);
	h5_names_free(&cases);
	h5_close(f);
}
END_TEST

/* ---- PyTorch: one parameter, gradients and results per step ---- */

static void torch_case(h5 *f, const char *name)
{
	char group[96], path[128], layer[64];
	snprintf(group, sizeof group, "/%s", name);
	OK(h5_attr_text(f, group, "layer", layer, sizeof layer, &e));
	optimizer_config c = {                       /* absent arguments have PyTorch's defaults */
		.rule = rule_named(layer), .form = UPDATE_TORCH,
		.beta1 = number(f, group, "beta1", 0.9), .beta2 = number(f, group, "beta2", 0.999),
		.eps = number(f, group, "eps", 1e-8), .weight_decay = number(f, group, "weight_decay", 0),
		.momentum = number(f, group, "momentum", 0), .nesterov = number(f, group, "nesterov", 0) != 0,
	};
	double lr = number(f, group, "lr", -1);
	ck_assert(lr > 0);
	int64_t n, m;
	snprintf(path, sizeof path, "%s/weight/00_param", group);
	double *start = values(f, path, &n);
	real *p = malloc(sizeof *p * (size_t)n), *g = malloc(sizeof *g * (size_t)n);
	optimizer *o;
	OK(o = optimizer_new(&c, n, &e));
	for (int64_t i = 0; i < n; i++)
		p[i] = (real)start[i];
	h5_names steps;
	snprintf(path, sizeof path, "%s/input", group);
	OK(h5_list(f, path, &steps, &e));
	ck_assert_int_gt(steps.n, 0);
	for (int s = 0; s < steps.n; s++) {
		snprintf(path, sizeof path, "%s/input/%d", group, s);
		double *grad = values(f, path, &m);
		ck_assert_int_eq(m, n);
		for (int64_t i = 0; i < n; i++)
			g[i] = (real)grad[i];
		optimizer_step(o, p, g, lr);
		snprintf(path, sizeof path, "%s/output64/%d", group, s);
		double *ref = values(f, path, &m);
		ck_assert_int_eq(m, n);
		compare(path, p, ref, n, largest_of(ref, n));
		free(grad);
		free(ref);
	}
	h5_names_free(&steps);
	optimizer_free(o);
	free(start);
	free(p);
	free(g);
}

START_TEST(torch_trajectories_are_met)
{
	h5 *f = golden("torch_optimizers.h5");
	h5_names cases;
	OK(h5_list(f, "/", &cases, &e));
	ck_assert_int_ge(cases.n, 7);
	worst = 0;
	for (int i = 0; i < cases.n; i++)
		torch_case(f, cases.name[i]);
	printf("torch_optimizers: %d cases, worst %.1e\n", cases.n, worst);
	h5_names_free(&cases);
	h5_close(f);
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
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-8, NAN, 0, false, false}, "weight_decay = "},
		{{RULE_ADAM, UPDATE_TORCH, 0, 0.9, 1e-8, 0, 0.5, false, false}, "momentum = 0.5"},
		{{RULE_SGD, UPDATE_TORCH, 0, 0, 0, 0, 0, true, false}, "Nesterov"},
		{{RULE_SGD, UPDATE_TORCH, 0, 0, 0, 0, 0, false, true}, "amsgrad"},
	};
	for (int k = 0; k < COUNT(rows); k++) {
		ck_assert_ptr_null(optimizer_new(&rows[k].c, 3, &e));
		ck_assert_msg(strstr(e.text, rows[k].part), "%s", e.text);
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
	const TTest *const tests[] = {
		keras_trajectories_are_met, torch_trajectories_are_met, threads_do_not_change_a_bit,
		state_continues_elsewhere, moments_that_are_not_needed_are_not_kept, wrong_settings_are_refused,
		schedules_follow_their_formulas, average_copies_before_its_start_and_then_settles_at_a_constant,
		gradients_are_measured_clipped_and_gathered,
	};
	TCase *tc = tcase_create("optim");
	tcase_set_timeout(tc, 60);
	for (int i = 0; i < COUNT(tests); i++)
		tcase_add_test(tc, tests[i]);
	Suite *s = suite_create("optim");
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
