/* test_features.c - images as features: what is read, what is refused, what a result depends on. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "core/plan/plan.h"
#include "data/picture/image.h"
#include "gan/classify/classifier_file.h"
#include "gan/score/features.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/suite.h"

enum { SIDE = 16, IMAGE = SIDE * SIDE, WIDTH = 3, D = 2 * WIDTH, K = 5, N = 70 };

static const dataset LIKE = {.h = SIDE, .w = SIDE, .c = 1};

/* A classifier whose statistics are not those of the start. */
static classifier *made(uint64_t seed)
{
	fault e;
	rng r = rng_new(seed, "weights");
	const classifier_options o = {.size = {SIDE, SIDE}, .channels = 1, .classes = K, .width = WIDTH, .blocks = 1};
	classifier *c = classifier_new(&o, &r, &e);
	ck_assert_msg(c != NULL, "%s", e.text);
	module *m = classifier_module(c);
	rng_fill_uniform(&r, module_state_block(m), module_state_size(m));
	for (int i = 0; i < module_states(m); i++)
		for (int64_t k = 0; k < shape_count(&module_state_at(m, i)->s); k++)
			module_state_at(m, i)->x[k] += (real)0.25;
	return c;
}

static void saved(const char *path, classifier *c, bool compact)
{
	fault e;
	classifier_record r = {.name = "rings", .data = "circles", .accuracy = 0.75, .tested = 40};
	if (compact)
		classifier_round(c);
	ck_assert_msg(classifier_save(path, c, &r, compact, &e), "%s", e.text);
}

START_TEST(a_file_that_cannot_be_written_is_told)
{
	fault e = {.text = ""};
	classifier *c = made(1);
	classifier_record r = {.name = "rings", .data = "circles"};
	ck_assert(!classifier_save("/proc/nowhere/c.h5", c, &r, false, &e));
	ck_assert_msg(strstr(e.text, "/proc/nowhere/c.h5"), "%s", e.text);
	classifier_free(c);
}
END_TEST

static void images_fill(real *x, int64_t n)
{
	rng r = rng_new(3, "images");
	rng_fill_uniform(&r, x, n * IMAGE);
	for (int64_t i = 0; i < n * IMAGE; i++)
		x[i] = 2 * x[i] - 1;
}

/* The classifier itself on one batch. */
static void direct(const classifier *c, const real *images, int64_t n, real *last, real *logits)
{
	fault e;
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", SHAPE(n, SIDE, SIDE, 1), &e);
	node *out[2];
	out[1] = classifier_apply(g, c, graph_leaf(g, x), (mode){0}, &out[0]);
	plan *p = plan_new(g, out, 2, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	buffer_write(x, images);
	plan_run(p);
	memcpy(last, plan_value(p, out[0]), (size_t)(n * D) * sizeof *last);
	memcpy(logits, plan_value(p, out[1]), (size_t)(n * K) * sizeof *logits);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
}

/* N images are more than a batch, and no multiple of it. */
START_TEST(features_are_those_of_the_saved_classifier)
{
	static real images[N * IMAGE], x[N * D], want[N * D], p[N * K], z[N * K];
	const bool compact = _i;
	const char *path = scratch_at("rings.h5");
	fault e;
	classifier *c = made(1);
	saved(path, c, compact);
	images_fill(images, N);
	direct(c, images, N, want, z);
	features *f = features_open(path, &LIKE, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert_int_eq(features_count(f), D);
	ck_assert_int_eq(features_classes(f), K);
	ck_assert_ptr_nonnull(strstr(features_about(f), "rings classifier, 75.00 % of 40 test images right, sha256 "));
	ck_assert(features_run(f, images, N, x, p, &e));
	for (int i = 0; i < N * D; i++)
		ck_assert_double_eq_tol((double)x[i], (double)want[i], 1e-5);
	for (int i = 0; i < N; i++) {
		double sum = 0;
		for (int k = 0; k < K; k++)
			sum += exp((double)z[i * K + k]);
		for (int k = 0; k < K; k++)
			ck_assert_double_eq_tol((double)p[i * K + k], exp((double)z[i * K + k]) / sum, 1e-5);
	}
	features_free(f);
	classifier_free(c);
}
END_TEST

START_TEST(features_of_an_image_depend_on_nothing_else)
{
	static real images[N * IMAGE], x[N * D], alone[D];
	const char *path = scratch_at("rings.h5");
	fault e;
	classifier *c = made(2);
	saved(path, c, true);
	images_fill(images, N);
	for (int threads = 1; threads <= 2; threads++) {
		ck_assert(pool_start(threads, &e));
		features *f = features_open(path, &LIKE, &e);
		ck_assert_msg(f != NULL, "%s", e.text);
		if (threads == 1)
			ck_assert(features_run(f, images, N, x, NULL, &e));
		for (int i = N - 1; i >= 0; i -= 23) {
			ck_assert(features_run(f, images + i * IMAGE, 1, alone, NULL, &e));
			ck_assert_mem_eq(alone, x + i * D, sizeof alone);
		}
		features_free(f);
	}
	pool_stop();
	classifier_free(c);
}
END_TEST

/* The hash is that of the file: another file, another line. */
START_TEST(what_is_said_tells_files_apart)
{
	const char *a = scratch_at("a.h5"), *b = scratch_at("b.h5");
	fault e;
	for (int i = 0; i < 2; i++) {
		classifier *c = made((uint64_t)i);
		saved(i ? b : a, c, true);
		classifier_free(c);
	}
	features *f = features_open(a, &LIKE, &e), *g = features_open(b, &LIKE, &e);
	ck_assert(f && g);
	ck_assert_str_ne(features_about(f), features_about(g));
	features_free(f);
	features_free(g);
}
END_TEST

static void refused(const char *path, const dataset *like, const char *says)
{
	fault e;
	ck_assert_ptr_null(features_open(path, like, &e));
	ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0 && strstr(e.text, says), "%s", e.text);
	ck_assert_ptr_null(strstr(e.text + 1, path));        /* once */
}

START_TEST(other_files_and_images_are_refused)
{
	const char *path = scratch_at("rings.h5"), *other = scratch_at("other.h5");
	const dataset colour = {.h = SIDE, .w = SIDE, .c = 3}, large = {.h = 2 * SIDE, .w = SIDE, .c = 1};
	fault e;
	classifier *c = made(1);
	saved(path, c, true);
	classifier_free(c);
	refused(path, &colour, "made for images of 16x16x1, these are 16x16x3");
	refused(path, &large, "these are 32x16x1");
	refused(scratch_at("missing.h5"), &LIKE, "No such file");
	refused(scratch_folder(), &LIKE, "not a regular file");
	file_store(other, "hello", 5);
	refused(other, &LIKE, "no network for features");
	h5 *f = h5_create(other, &e);
	ck_assert(h5_write_real(f, "/x", SHAPE(1), &(real){0}, &e) && h5_commit(f, &e));
	refused(other, &LIKE, "no network for features");
}
END_TEST

/* Every byte of the weights counts: the file says their hash. */
START_TEST(damaged_weights_are_refused)
{
	const char *path = scratch_at("rings.h5");
	size_t n;
	classifier *c = made(1);
	saved(path, c, false);
	const buffer *kernel = module_find(classifier_module(c), "stage1/down/conv/kernel");
	uint8_t *bytes = file_bytes(path, &n);
	size_t at = 0;
	float first = (float)kernel->x[0];
	while (at + 4 <= n && memcmp(bytes + at, &first, 4) != 0)
		at++;
	ck_assert_uint_lt(at, n - 4);
	bytes[at] ^= 1;
	file_store(path, bytes, n);
	refused(path, &LIKE, "damaged: its weights have the SHA-256");
	first = NAN;
	memcpy(bytes + at, &first, 4);
	file_store(path, bytes, n);
	refused(path, &LIKE, "holds nan");
	free(bytes);
	classifier_free(c);
}
END_TEST

/* What a file says of sizes is compared before memory is taken. */
START_TEST(sizes_that_no_classifier_has_are_refused)
{
	static const struct {
		const char *name;
		int64_t x;
		const char *says;
	} bad[] = {
		{"height", 1 << 20, "height = 1048576"}, {"height", 4, "size = 4"}, {"width", -1, "width = -1"},
		{"base_width", 4096, "width = 4096: must be 1 to 512"}, {"blocks", 9, "blocks = 9"},
		{"classes", 1, "classes = 1"}, {"channels", 2, "channels = 2"}, {"format", 2, "format 2"},
	};
	const char *path = scratch_at("bad.h5");
	fault e;
	for (int i = 0; i < COUNT(bad); i++) {
		static const char *const names[] = {
			"height", "width", "channels", "classes", "base_width", "blocks", "format"
		};
		static const int64_t good[] = {SIDE, SIDE, 1, K, WIDTH, 1, 1};
		h5 *f = h5_create(path, &e);
		h5_attr_write_text(f, "/", "kind", "sagan classifier", &e);
		static const char *const texts[] = {"name", "data", "class_names", "config", "weights_sha256"};
		for (int k = 0; k < COUNT(texts); k++)
			h5_attr_write_text(f, "/", texts[k], "", &e);
		h5_attr_write_f64(f, "/", "pixel_mean", 0, &e);
		h5_attr_write_f64(f, "/", "pixel_deviation", 0, &e);
		h5_attr_write_f64(f, "/", "accuracy", 0, &e);
		h5_attr_write_i64(f, "/", "test_images", 0, &e);
		for (int k = 0; k < COUNT(names); k++)
			h5_attr_write_i64(f, "/", names[k], strcmp(names[k], bad[i].name) ? good[k] : bad[i].x, &e);
		ck_assert_msg(h5_commit(f, &e), "%s", e.text);
		refused(path, &LIKE, bad[i].says);
	}
}
END_TEST

/* ---- what is shipped ---- */

static dataset *digits(enum data_split split, int64_t limit)
{
	fault e;
	dataset *d = dataset_open("data/mnist", &(dataset_options){.split = split, .limit = limit}, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	return d;
}

static int64_t right_of(features *f, const dataset *d)
{
	const int n = features_classes(f);
	fault e;
	int64_t right = 0;
	real *x = mem_new((size_t)dataset_bytes(d), sizeof *x, NULL);
	real *y = mem_new((size_t)(d->n * features_count(f)), sizeof *y, NULL);
	real *p = mem_new((size_t)(d->n * n), sizeof *p, NULL);
	for (int64_t i = 0; i < dataset_bytes(d); i++)
		x[i] = pixel_real(d->pixels[i]);
	ck_assert(features_run(f, x, d->n, y, p, &e));
	for (int64_t i = 0; i < d->n; i++) {
		int best = 0;
		for (int k = 1; k < n; k++)
			best = p[i * n + k] > p[i * n + best] ? k : best;
		right += best == d->label[i];
	}
	free(x);
	free(y);
	free(p);
	return right;
}

/* "auto" finds the digits by their pixels, trained on or not, and knows what they are. */
START_TEST(shipped_network_of_digits_is_found_and_right)
{
	fault e;
	dataset *d = digits(SPLIT_TEST, 1000);
	features *f = features_open("auto", d, &e), *g = features_open("mnist", d, &e);
	ck_assert_msg(f && g, "%s", e.text);
	ck_assert_ptr_eq(strstr(features_about(f), "mnist classifier, 99."), features_about(f));
	ck_assert_str_eq(features_about(f), features_about(g));
	ck_assert_int_ge(right_of(f, d), 985);
	features_free(f);
	features_free(g);
	dataset_free(d);
}
END_TEST

START_TEST(shipped_network_of_photographs_is_found_and_right)
{
	fault e;
	dataset *d = dataset_open("data/cifar10-mini", &(dataset_options){.split = SPLIT_TEST, .limit = 300}, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	features *f = features_open("auto", d, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert_ptr_eq(strstr(features_about(f), "cifar10 classifier, "), features_about(f));
	ck_assert_int_ge(right_of(f, d), 240);       /* 84 of a hundred are expected */
	features_free(f);
	dataset_free(d);
}
END_TEST

/* Of the same size and number of classes, but inverted; and of another size. */
START_TEST(other_images_fit_no_shipped_network)
{
	fault e;
	dataset *d = digits(SPLIT_TEST, 500);
	for (int64_t i = 0; i < dataset_bytes(d); i++)
		d->pixels[i] = (uint8_t)(255 - d->pixels[i]);
	ck_assert_ptr_null(features_open("auto", d, &e));
	ck_assert_msg(strstr(e.text, "none of the networks that are shipped (mnist"), "%s", e.text);
	dataset_free(d);
	const dataset large = {.h = 30, .w = 28, .c = 1};
	ck_assert_ptr_null(features_open("fashion", &large, &e));
	ck_assert_str_eq(e.text, "fashion: no such file; networks that are shipped are mnist, fashion-mnist, cifar10");
	ck_assert_ptr_null(features_open("mnist", &large, &e));
	ck_assert_msg(strstr(e.text, "mnist: made for images of 28x28x1, these are 30x28x1"), "%s", e.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_file_that_cannot_be_written_is_told, 1},
		{features_are_those_of_the_saved_classifier, 2},
		{features_of_an_image_depend_on_nothing_else, 1},
		{what_is_said_tells_files_apart, 1},
		{other_files_and_images_are_refused, 1},
		{shipped_network_of_digits_is_found_and_right, 1},
		{shipped_network_of_photographs_is_found_and_right, 1},
		{other_images_fit_no_shipped_network, 1},
		{damaged_weights_are_refused, 1},
		{sizes_that_no_classifier_has_are_refused, 1},
	};
	return suite_run("features", tests, COUNT(tests), 60);
}
