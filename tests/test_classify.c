/* test_classify.c - classifiers learn, are tested, go on after a stop, and become files. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "core/plan/plan.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/classify/class_run.h"
#include "gan/classify/class_trainer.h"
#include "gan/classify/classifier_file.h"
#include "gan/classify/settle.h"
#include "tests/command.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { SIDE = 12, CLASSES = 3, TRAIN = 96, TEST = 30 };

/* ---- data on the disk: a bar whose direction is the class, on noise ---- */

static void put_part(const char *folder, const char *part, uint32_t n, uint64_t seed)
{
	static uint8_t x[16 + TRAIN * SIDE * SIDE], y[8 + TRAIN];
	char name[128];
	rng r = rng_new(seed, part);
	size_t at = idx_bytes(x, (uint32_t[]){n, SIDE, SIDE}, 3, n * SIDE * SIDE, 0, 1) - n * SIDE * SIDE;
	for (uint32_t i = 0; i < n; i++) {
		const int64_t bar = 1 + rng_below(&r, SIDE - 3);
		for (int64_t h = 0; h < SIDE; h++)
			for (int64_t w = 0; w < SIDE; w++) {
				const int64_t along[CLASSES] = {h, w, (h + w) / 2};
				const int64_t off = along[i % CLASSES] - bar;
				x[at++] = (uint8_t)((off == 0 || off == 1 ? 180 : 10) + rng_below(&r, 60));
			}
	}
	snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte", folder, part);
	file_put(name, x, at);
	at = idx_bytes(y, &n, 1, n, 1, CLASSES);
	snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte", folder, part);
	file_put(name, y, at);
}

static const char *put_data(void)
{
	put_part("bars", "train", TRAIN, 1);
	put_part("bars", "t10k", TEST, 2);
	return scratch_at("bars");
}

/* ---- runs ---- */

static const char CONFIG[] =
	"name: bars\nseed: 3\nsteps: 40\nbatch: 16\n"
	"classify:\n  width: 8\n  lr: 0.1\n"
	"optim:\n  schedule: linear\n  warmup: 5\nema:\n  decay: 0.8\n"
	"train:\n  checkpoint_every: 16\n  log_every: 10\n";

/* With the data of put_data, and more lines of the form key=value. */
static config bars(const char *const *set)
{
	config c;
	fault e;
	char path[600];
	snprintf(path, sizeof path, "data.path=%s", put_data());
	config_init_for(&c, CONFIG_CLASSIFIER);
	ck_assert_msg(config_parse(&c, CONFIG, strlen(CONFIG), "bars.yaml", &e) && config_set(&c, path, &e), "%s",
		e.text);
	for (; set && *set; set++)
		ck_assert_msg(config_set(&c, *set, &e), "%s", e.text);
	ck_assert_msg(config_check(&c, &e), "%s", e.text);
	return c;
}

typedef struct listener {
	volatile sig_atomic_t stop;
	int64_t stop_after;                          /* step; 0: never */
	int reports;
	char said[4096];
} listener;

static void on_progress(void *ctx, const class_progress *p)
{
	listener *l = ctx;
	l->reports++;
	ck_assert(isfinite(p->loss) && p->steps == 40);
	if (l->stop_after && p->step >= l->stop_after)
		l->stop = SIGINT;
}

static void on_note(void *ctx, const char *text)
{
	listener *l = ctx;
	strncat(l->said, text, sizeof l->said - strlen(l->said) - 2);
	strcat(l->said, "\n");
}

static bool made(const char *const *set, const char *out, listener *l, bool fresh, fault *e)
{
	config c = bars(set);
	bool finished;
	const class_run_options o = {
		.out = out, .fresh = fresh, .stop = &l->stop, .ctx = l, .progress = on_progress, .note = on_note,
	};
	const bool ok = class_run(&c, &o, &finished, e);
	config_free(&c);
	ck_assert(!ok || finished == !l->stop);
	return ok;
}

/* ---- tests ---- */

START_TEST(a_classifier_learns_and_says_what_it_is)
{
	listener l = {.stop = 0};
	fault e;
	classifier_record r;
	int64_t right;
	const char *out = scratch_at("new/bars.h5");
	ck_assert_msg(made(NULL, out, &l, false, &e), "%s", e.text);
	ck_assert_int_eq(l.reports, 4);
	h5 *f = h5_open(out, &e);
	classifier *c = classifier_read(f, &r, &e);
	ck_assert_msg(c != NULL, "%s", e.text);
	h5_close(f);
	ck_assert_str_eq(r.name, "bars");
	ck_assert_str_eq(r.class_names, "");
	ck_assert_int_eq(r.tested, TEST);
	ck_assert_double_ge(r.accuracy, 0.9);
	ck_assert_ptr_nonnull(strstr(r.config, "  smoothing: 0.1\n"));
	ck_assert_ptr_null(strstr(r.config, "lr_g"));
	ck_assert(r.mean > 0.15 && r.mean < 0.4 && r.deviation > 0.1 && r.deviation < 0.4);
	dataset *d = set_opened(put_data(), (dataset_options){.split = SPLIT_TEST});
	ck_assert(classifier_test(c, d, &right, &e));
	ck_assert_double_eq((double)right / TEST, r.accuracy);       /* of what the file holds */
	ck_assert(!file_exists(scratch_at("new"), "bars.h5.state"));
	dataset_free(d);
	classifier_free(c);
	classifier_record_free(&r);
}
END_TEST

/* Stopped at a moment that is no checkpoint, with threads and without: the same file. */
START_TEST(threads_and_stops_change_nothing)
{
	static const char *const set[] = {"data.flip=true", NULL};
	const char *whole = scratch_at("whole.h5"), *parts = scratch_at("parts.h5");
	listener a = {.stop = 0}, b = {.stop_after = 20}, c = {.stop = 0};
	fault e;
	ck_assert_msg(made(set, whole, &a, false, &e), "%s", e.text);
	ck_assert(pool_start(3, &e));
	ck_assert_msg(made(set, parts, &b, false, &e), "%s", e.text);
	ck_assert(file_exists(scratch_folder(), "parts.h5.state") && !file_exists(scratch_folder(), "parts.h5"));
	ck_assert_msg(made(set, parts, &c, false, &e), "%s", e.text);
	pool_stop();
	ck_assert_ptr_nonnull(strstr(c.said, "goes on after step 21, from "));
	ck_assert(files_equal(whole, parts));
}
END_TEST

START_TEST(what_is_there_is_not_lost)
{
	static const char *const other[] = {"classify.width=4", NULL}, *const more[] = {"train.log_every=20", NULL};
	static const char *const nowhere[] = {"data.path=nowhere", NULL};
	const char *out = scratch_at("bars.h5");
	listener a = {.stop_after = 10}, b = {.stop = 0};
	fault e;
	ck_assert_msg(made(NULL, out, &a, false, &e), "%s", e.text);
	ck_assert(!made(other, out, &b, false, &e));
	ck_assert_msg(strstr(e.text, "command line: classify.width = 4: ") && strstr(e.text, "was begun with 8"), "%s",
		e.text);
	ck_assert(!made(nowhere, out, &b, true, &e));
	ck_assert_msg(made(more, out, &b, false, &e), "%s", e.text);
	ck_assert_msg(strstr(b.said, "\ntrain.log_every changed from 10 to 20\n")
		&& strstr(b.said, "goes on after step"), "%s", b.said);
	ck_assert(!made(NULL, out, &b, false, &e));
	ck_assert_msg(strstr(e.text, "is there already; --fresh"), "%s", e.text);
	ck_assert_msg(made(other, out, &b, true, &e), "%s", e.text);
}
END_TEST

/* What has gone to infinity is not written over the state of before. */
START_TEST(a_state_without_numbers_is_not_saved)
{
	static const char *const wild[] = {"classify.lr=100", "optim.weight_decay=10", "train.checkpoint_every=1",
		"optim.warmup=0", NULL};
	static const char *const tame[] = {"classify.lr=1e-3", "optim.warmup=0", NULL};
	const char *out = scratch_at("wild.h5");
	listener a = {.stop = 0};
	fault e = {.text = ""};
	checkpoint_info kept;
	ck_assert(!made(wild, out, &a, false, &e));
	const char *at = strstr(e.text, "step ");
	ck_assert_msg(at && strstr(at, ": the state is not saved: /") && !strstr(at, "-nan")
		&& strstr(at, "; --fresh with a lower classify.lr may help"), "%s", e.text);
	ck_assert_msg(checkpoint_read_info(scratch_at("wild.h5.state"), &kept, &e), "%s", e.text);
	ck_assert_int_lt(kept.step, atoi(at + 5));
	checkpoint_info_free(&kept);
	ck_assert_msg(made(tame, out, &a, true, &e), "%s", e.text);
}
END_TEST

START_TEST(data_that_do_not_fit_are_refused)
{
	static const struct {
		const char *set, *says;
	} bad[] = {
		{"batch=97", "batch = 97: the data have 96 images"},
		{"data.format=random", "data.format = random: noise has no classes"},
		{"data.path=no/such", "data.path = \"no/such\""},
		{"model.channels=3", NULL},
		{"optim.schedule_steps=5", "optim.warmup = 5: the rates still rise at step 5"},
	};
	const char *out = scratch_at("bars.h5");
	for (int i = 0; i < COUNT(bad); i++) {
		const char *const set[] = {bad[i].set, NULL};
		listener l = {.stop = 0};
		fault e;
		const bool ok = made(set, out, &l, true, &e);
		ck_assert_msg(bad[i].says ? !ok && strstr(e.text, bad[i].says) : ok, "%s: %s", bad[i].set, e.text);
	}
}
END_TEST

START_TEST(images_without_labels_are_refused)
{
	static const uint8_t x[32 * SIDE * SIDE];
	char path[600];
	fault e;
	h5 *f = h5_create(scratch_at("plain.h5"), &e);
	ck_assert(h5_write_u8(f, "/train/images", SHAPE(32, SIDE, SIDE), x, &e)
		&& h5_write_u8(f, "/test/images", SHAPE(32, SIDE, SIDE), x, &e) && h5_commit(f, &e));
	snprintf(path, sizeof path, "data.path=%s", scratch_at("plain.h5"));
	const char *const set[] = {path, NULL};
	listener l = {.stop = 0};
	ck_assert(!made(set, scratch_at("bars.h5"), &l, false, &e));
	ck_assert_msg(strstr(e.text, "needs images with labels of two classes or more"), "%s", e.text);
}
END_TEST

/* The first loss is that of the formula: the mean over the batch of -sum_k t_k log softmax(z)_k with
 * t = (1 - s) [k is the class] + s/K. A batch of all the data has the same images in any order. */
START_TEST(loss_is_smoothed_cross_entropy)
{
	enum { N = 12, K = 2 };
	const double s = 0.3;
	fault e;
	double loss, want = 0;
	dataset *d = tiny_data(N, 16, K);
	static const char *const set[] = {
		"batch=12", "classify.smoothing=0.3", "classify.width=4", "augment.policy=none", NULL
	};
	config c = bars(set);
	class_trainer *t = class_trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", SHAPE(N, 16, 16, 1), &e);
	for (int64_t i = 0; i < dataset_bytes(d); i++)
		x->x[i] = (real)(d->pixels[i] / 127.5 - 1);
	node *z = classifier_apply(g, class_trainer_average(t), graph_leaf(g, x), (mode){.train = true}, NULL);
	plan *p = plan_new(g, &z, 1, 0, &e);
	plan_run(p);
	for (int i = 0; i < N; i++) {
		const real *row = plan_value(p, z) + i * K;
		const double sum = exp((double)row[0]) + exp((double)row[1]);
		for (int k = 0; k < K; k++)
			want -= (s / K + (k == d->label[i] ? 1 - s : 0)) * log(exp((double)row[k]) / sum) / N;
	}
	ck_assert(class_trainer_step(t, &loss, &e));
	ck_assert_double_eq_tol(loss, want, 1e-5);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	class_trainer_free(t);
	config_free(&c);
	dataset_free(d);
}
END_TEST

/* average = d start + (1 - d) weights after one step: with d = 0 it is the weights. */
START_TEST(average_moves_weights)
{
	fault e;
	double loss;
	dataset *d = tiny_data(32, 16, 2);
	class_trainer *t[3];
	static const char *const decay[] = {"ema.decay=0", "ema.decay=0.75"};
	for (int i = 0; i < 3; i++) {
		const char *const set[] = {decay[i > 0], "classify.width=4", NULL};
		config c = bars(set);
		t[i] = class_trainer_new(&c, d, &e);
		ck_assert_msg(t[i] != NULL, "%s", e.text);
		if (i < 2)
			ck_assert(class_trainer_step(t[i], &loss, &e));
		config_free(&c);
	}
	const module *now = classifier_module(class_trainer_average(t[0]));
	const module *mean = classifier_module(class_trainer_average(t[1]));
	const module *start = classifier_module(class_trainer_average(t[2]));
	double moved = 0;
	for (int64_t i = 0; i < module_block_size(now); i++) {
		const double a = (double)module_param_block(start)[i], b = (double)module_param_block(now)[i];
		ck_assert_double_eq_tol((double)module_param_block(mean)[i], 0.75 * a + 0.25 * b, 1e-6);
		moved += fabs(b - a);
	}
	ck_assert_double_gt(moved, 1e-3);
	for (int i = 0; i < 3; i++)
		class_trainer_free(t[i]);
	dataset_free(d);
}
END_TEST

/* When a batch is all the data, the statistics are those of the data, and the network computes the same in use as in
 * training (but for Bessel's factor, which is near 1 over n images of 16x16). */
START_TEST(settled_statistics_are_those_of_the_data)
{
	enum { N = 32, K = 2 };
	fault e;
	real z[2][N * K];
	dataset *d = tiny_data(N, 16, K);
	static const char *const set[] = {"batch=32", "classify.width=4", NULL};
	config c = bars(set);
	class_trainer *t = class_trainer_new(&c, d, &e);
	ck_assert_msg(t && classifier_settle(class_trainer_average(t), d, N, 1, &e), "%s", e.text);
	for (int train = 0; train < 2; train++) {
		graph *g = graph_new(&e);
		buffer *x = buffer_new("x", SHAPE(N, 16, 16, 1), &e);
		for (int64_t i = 0; i < dataset_bytes(d); i++)
			x->x[i] = (real)(d->pixels[i] / 127.5 - 1);
		node *y = classifier_apply(g, class_trainer_average(t), graph_leaf(g, x), (mode){.train = train}, NULL);
		plan *p = plan_new(g, &y, 1, 0, &e);
		plan_run(p);
		memcpy(z[train], plan_value(p, y), sizeof z[train]);
		plan_free(p);
		graph_free(g);
		buffer_free(x);
	}
	for (int i = 0; i < N * K; i++)
		ck_assert_double_eq_tol((double)z[0][i], (double)z[1][i], 0.01);
	class_trainer_free(t);
	config_free(&c);
	dataset_free(d);
}
END_TEST

/* Each purpose has its keys. */
START_TEST(keys_of_the_other_purpose_are_refused)
{
	static const char gan[] = "loss:\n  name: ns\n", classes[] = "classify:\n  width: 8\n";
	config c;
	fault e;
	config_init_for(&c, CONFIG_CLASSIFIER);
	ck_assert(!config_parse(&c, gan, strlen(gan), "a.yaml", &e));
	ck_assert_str_eq(e.text, "a.yaml:2: loss.name = ns: a key of GANs (`sagan train`), not of classifiers");
	config_free(&c);
	config_init(&c);
	ck_assert(!config_parse(&c, classes, strlen(classes), "a.yaml", &e));
	ck_assert_str_eq(e.text, "a.yaml:2: classify.width = 8: a key of classifiers (`sagan classify`), not of GANs");
	config_free(&c);
	config_init_for(&c, CONFIG_CLASSIFIER);
	ck_assert(!config_set(&c, "classify.widht=8", &e));
	ck_assert_msg(strstr(e.text, "did you mean classify.width?"), "%s", e.text);
	ck_assert(!config_set(&c, "optim.lr_g=8", &e) && strstr(e.text, "of GANs"));
	config_free(&c);
}
END_TEST

START_TEST(the_command_makes_a_file)
{
	const char *out = scratch_at("c.h5"), *yaml = scratch_at("bars.yaml");
	file_put("bars.yaml", CONFIG, sizeof CONFIG - 1);
	answer a = sagan("classify %s --set data.path=%s --out %s", yaml, put_data(), out);
	ck_assert_msg(a.status == 0 && strstr(a.text, "test images are right, ") && strstr(a.text, "sha256 of"), "%s",
		a.text);
	a = sagan("classify %s --set data.path=%s --out %s", yaml, put_data(), out);
	ck_assert(a.status == 1 && strstr(a.text, "is there already"));
	/* Between two reports, too, the step under way is told; --quiet keeps the rest. */
	a = command("%s classify %s --set data.path=%s --out %s --set steps=1000000000 "
		"--set train.log_every=100000000 --set train.checkpoint_every=3 --set optim.schedule=constant --quiet "
		"& p=$!; while ! test -e %s.state; do sleep 0.1; done; kill $p; wait $p", sagan_program(), yaml,
		put_data(), scratch_at("long.h5"), scratch_at("long.h5"));
	long long under_way = 0;
	ck_assert_msg(a.status == 143 && sscanf(a.text, "\nfinishing step %lld", &under_way) == 1 && under_way > 1
		&& !strstr(a.text, "the same command"), "%d: %s", a.status, a.text);
	a = sagan("classify configs/demo.yaml --out %s", scratch_at("d.h5"));
	ck_assert_msg(a.status == 1 && strstr(a.text, "not of classifiers"), "%s", a.text);
	a = sagan("classify %s --set data.path=no/such --out %s", yaml, scratch_at("d.h5"));
	ck_assert_int_eq(a.status, 1);
	ck_assert(!file_exists(scratch_folder(), "d.h5"));
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_classifier_learns_and_says_what_it_is, 1},
		{threads_and_stops_change_nothing, 1},
		{what_is_there_is_not_lost, 1},
		{a_state_without_numbers_is_not_saved, 1},
		{data_that_do_not_fit_are_refused, 1},
		{images_without_labels_are_refused, 1},
		{loss_is_smoothed_cross_entropy, 1},
		{average_moves_weights, 1},
		{settled_statistics_are_those_of_the_data, 1},
		{keys_of_the_other_purpose_are_refused, 1},
		{the_command_makes_a_file, 1},
	};
	return suite_run("classify", tests, COUNT(tests), 60);
}
