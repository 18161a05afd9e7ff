/* test_evaluate.c - an evaluation finds what was put into the images: nothing, a lost class, copies. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "data/picture/image.h"
#include "data/picture/png.h"
#include "gan/sample/network_sampler.h"
#include "gan/score/evaluate.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* Every third of the digits up to 3 n, from `first` on: n images. In the order of the file one writer follows another,
 * and what follows is not of the same distribution. */
static dataset *every_third(int first, int64_t n)
{
	fault e = {.text = ""};
	dataset *d = dataset_open("data/mnist", &(dataset_options){.limit = 3 * n}, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	const int64_t size = dataset_image_bytes(d);
	for (int64_t i = 0; i < n; i++) {
		memmove(d->pixels + i * size, d->pixels + (3 * i + first) * size, (size_t)size);
		d->label[i] = d->label[3 * i + first];
	}
	d->n = n;
	return d;
}

/* Images lo to hi of the digits. */
static dataset *digits(int64_t lo, int64_t hi)
{
	fault e = {.text = ""};
	dataset *d = dataset_open("data/mnist", &(dataset_options){.limit = hi}, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	memmove(d->pixels, d->pixels + lo * dataset_image_bytes(d), (size_t)((hi - lo) * dataset_image_bytes(d)));
	memmove(d->label, d->label + lo, (size_t)(hi - lo) * sizeof *d->label);
	d->n = hi - lo;
	return d;
}

static evaluation judge_by(const char *by, const image_source *fakes, dataset *train, dataset *test, const char *pairs)
{
	fault e = {.text = ""}, why;
	lens *look = lens_open(by, train, &why, &e);
	image_source a = source_of_data(train), b = test ? source_of_data(test) : (image_source){0};
	const evaluate_task t = {.fakes = *fakes, .train = &a, .test = test ? &b : NULL, .split = SPLIT_TRAIN,
		.look = look, .seed = 3, .pairs = pairs};
	evaluation v;
	ck_assert_msg(look && evaluate(&t, &v, &e), "%s", e.text);
	lens_free(look);
	return v;
}

static evaluation judge(const image_source *fakes, dataset *train, dataset *test, const char *pairs)
{
	return judge_by(LENS_PIXELS, fakes, train, test, pairs);
}

/* Other digits of the same kind: as good, as varied and as new as test images, which they are. */
START_TEST(unseen_images_are_as_good_as_unseen_images)
{
	dataset *train = every_third(0, 1200), *fake = every_third(1, 500), *test = every_third(2, 500);
	const image_source s = source_of_data(fake);
	evaluation v = judge(&s, train, test, NULL);
	ck_assert(v.fakes == 500 && v.reals == 1200 && v.kept == 500 && v.features == 49 && v.classes == 10);
	ck_assert(v.has_floor && v.floor_n == 500);
	ck_assert_double_eq_tol(v.fid, v.floor, 0.3 * v.floor);
	ck_assert_double_eq_tol(v.kid.mean, 0, 0.02);
	ck_assert_double_gt(v.points.precision, 0.75);
	ck_assert_double_gt(v.points.recall, 0.75);
	ck_assert_double_eq_tol(v.points.density, 1, 0.1);
	ck_assert_double_eq_tol(v.points.coverage, 0.97, 0.06);
	ck_assert(v.has_copies && v.has_test && v.copy_fakes == 500 && v.copy_tests == 500 && v.copy_train == 1200);
	ck_assert_double_eq_tol(v.copied.ratio, 1, 0.1);
	ck_assert_double_lt(v.copied.near, 0.05);
	/* Labels are known, what a classifier sees is not. */
	ck_assert(!v.has_is && !v.has_right && v.modes == 0 && v.class_fid && v.histogram);
	int64_t sum = 0;
	for (int k = 0; k < 10; k++) {
		sum += v.histogram[k];
		ck_assert_double_gt(v.class_fid[k], 0);
	}
	ck_assert_int_eq(sum, 500);
	evaluation_free(&v);
	dataset_free(train);
	dataset_free(fake);
	dataset_free(test);
}
END_TEST

START_TEST(the_training_images_themselves_are_copies)
{
	dataset *train = digits(0, 600), *test = digits(600, 900);
	const image_source s = source_of_data(train);
	evaluation v = judge(&s, train, test, scratch_at("pairs.png"));
	ck_assert_double_eq_tol(v.fid, 0, 1e-6);
	ck_assert_double_gt(v.floor, 0.1);
	ck_assert(v.points.precision == 1 && v.points.recall == 1 && v.points.coverage == 1);
	ck_assert(v.copied.near == 1 && v.copied.fakes == 0 && v.copied.ratio == 0 && v.copied.tests > 1);
	ck_assert_int_eq(v.pairs, PAIRS);
	for (int i = 0; i < PAIRS; i++)
		ck_assert(v.pair[i].distance == 0 && v.pair[i].fake == v.pair[i].train);
	ck_assert(file_exists(scratch_folder(), "pairs.png"));
	evaluation_free(&v);
	dataset_free(train);
	dataset_free(test);
}
END_TEST

/* Fewer judged images than test images: all the test images are looked at for copies, though features of as many as
 * are judged are enough for the floor. */
START_TEST(test_images_beside_few_judged_ones)
{
	dataset *train = every_third(0, 600), *fake = every_third(1, 100), *test = every_third(2, 600);
	const image_source s = source_of_data(fake);
	evaluation v = judge(&s, train, test, NULL);
	ck_assert(v.copy_fakes == 100 && v.copy_tests == 600 && v.floor_n == 100);
	ck_assert_double_eq_tol(v.copied.ratio, 1, 0.1);
	evaluation_free(&v);
	dataset_free(train);
	dataset_free(fake);
	dataset_free(test);
}
END_TEST

/* Of a large set, some are chosen: for measures of points as many as the other set has, for the floor as many as are
 * judged, for copies COPIES_MAX. Folders hold one class after the other. */
START_TEST(the_order_of_a_set_decides_little)
{
	dataset *train = digits(0, 200), *mixed = digits(200, 1100), *ordered = digits(200, 1100);
	order_by_class(ordered, false);
	const image_source a = source_of_data(mixed), b = source_of_data(ordered), few = source_of_data(train);
	evaluation m = judge_by(LENS_NETWORK, &a, train, NULL, NULL), s = judge_by(LENS_NETWORK, &b, train, NULL, NULL);
	ck_assert(m.kept == 200 && m.fakes == 900);
	ck_assert_double_eq_tol(m.fid, s.fid, 1e-6 * m.fid);
	ck_assert_double_eq_tol(m.kid.mean, s.kid.mean, 0.02);
	ck_assert_double_eq_tol(m.points.recall, s.points.recall, 0.1);
	ck_assert_double_eq_tol(m.points.coverage, s.points.coverage, 0.1);
	ck_assert_double_gt(s.points.coverage, 0.75);
	evaluation_free(&m);
	evaluation_free(&s);
	m = judge_by(LENS_NETWORK, &few, train, mixed, NULL);
	s = judge_by(LENS_NETWORK, &few, train, ordered, NULL);
	ck_assert(m.floor_n == 200 && s.floor_n == 200);
	ck_assert_double_eq_tol(m.floor, s.floor, 0.5 * m.floor);
	evaluation_free(&m);
	evaluation_free(&s);
	dataset_free(train);
	dataset_free(mixed);
	dataset_free(ordered);
}
END_TEST

/* A copy far behind in a set of which not all are searched: the pair has its number in the set. */
START_TEST(copies_are_sought_all_over_a_set)
{
	enum { N = 3000 };
	dataset *train = digits(0, 64), *fake = digits(64, 64 + N);
	const int64_t size = dataset_image_bytes(train);
	for (int64_t i = N - 200; i < N; i++)
		memcpy(fake->pixels + i * size, train->pixels + i % 64 * size, (size_t)size);
	const image_source s = source_of_data(fake);
	evaluation v = judge(&s, train, NULL, NULL);
	ck_assert_int_eq(v.copy_fakes, COPIES_MAX);
	for (int i = 0; i < PAIRS; i++)
		ck_assert(v.pair[i].distance == 0 && v.pair[i].fake >= N - 200
			&& v.pair[i].fake % 64 == v.pair[i].train);
	evaluation_free(&v);
	dataset_free(train);
	dataset_free(fake);
}
END_TEST

/* Number 70 of the judged images is training image 123; the others are new. */
START_TEST(one_copy_is_the_closest_pair)
{
	dataset *train = digits(0, 400), *fake = digits(400, 500);
	const int64_t size = dataset_image_bytes(train);
	memcpy(fake->pixels + 70 * size, train->pixels + 123 * size, (size_t)size);
	const image_source s = source_of_data(fake);
	evaluation v = judge(&s, train, NULL, NULL);
	ck_assert(v.has_copies && !v.has_test && !v.has_floor);
	ck_assert(v.pair[0].fake == 70 && v.pair[0].train == 123 && v.pair[0].distance == 0);
	for (int i = 1; i < v.pairs; i++)
		ck_assert(v.pair[i].distance >= v.pair[i - 1].distance && v.pair[i].distance > 0);
	evaluation_free(&v);
	dataset_free(train);
	dataset_free(fake);
}
END_TEST

START_TEST(a_lost_class_is_seen_in_every_measure)
{
	dataset *train = digits(0, 1000), *fake = digits(1000, 1600), *whole = digits(1000, 1600);
	const int64_t size = dataset_image_bytes(fake);
	int64_t n = 0;
	for (int64_t i = 0; i < fake->n; i++)
		if (fake->label[i] != 0) {
			memmove(fake->pixels + n * size, fake->pixels + i * size, (size_t)size);
			fake->label[n++] = fake->label[i];
		}
	fake->n = n;
	const image_source a = source_of_data(fake), b = source_of_data(whole);
	evaluation lost = judge(&a, train, NULL, NULL), all = judge(&b, train, NULL, NULL);
	ck_assert(lost.histogram[0] == 0 && isnan(lost.class_fid[0]) && !isnan(lost.class_fid[1]));
	ck_assert(all.histogram[0] > 0 && !isnan(all.class_fid[0]));
	ck_assert_double_gt(lost.fid, 1.5 * all.fid);
	ck_assert_double_lt(lost.points.coverage, all.points.coverage - 0.05);
	ck_assert_double_lt(lost.points.recall, all.points.recall);
	evaluation_free(&lost);
	evaluation_free(&all);
	dataset_free(train);
	dataset_free(fake);
	dataset_free(whole);
}
END_TEST

/* Features and probabilities of three digits are those of each digit, in the order red, green, blue; a class is the
 * product of its digits'. */
START_TEST(stacked_digits_are_seen_channel_by_channel)
{
	enum { N = 70, SIDE = 28 * 28, D = 64, K = 10, CLASSES = K * K * K };       /* more than a portion */
	static real x[N * SIDE * 3], plane[N * SIDE], whole[N * 3 * D], p[N * CLASSES], one[3][N * D], q[3][N * K];
	fault e = {.text = ""}, why;
	dataset *d = dataset_open("data/mnist", &(dataset_options){.format = "stacked", .limit = 300}, &e);
	dataset *gray = digits(0, 300);
	ck_assert_msg(d && d->classes == CLASSES, "%s", e.text);
	lens *three = lens_open(LENS_NETWORK, d, &why, &e);
	lens *single = three ? lens_open(LENS_NETWORK, gray, &why, &e) : NULL;
	ck_assert_msg(single && lens_count(single) == D && lens_classes(single) == K, "%s", e.text);
	ck_assert(lens_count(three) == 3 * D && lens_classes(three) == CLASSES);
	for (int i = 0; i < COUNT(x); i++)
		x[i] = pixel_real(d->pixels[i]);
	ck_assert(lens_look(three, x, N, whole, p, &e));
	for (int c = 0; c < 3; c++) {
		for (int i = 0; i < N * SIDE; i++)
			plane[i] = x[3 * i + c];
		ck_assert(lens_look(single, plane, N, one[c], q[c], &e));
	}
	int right = 0;
	for (int i = 0; i < N; i++) {
		for (int c = 0; c < 3; c++)
			ck_assert(!memcmp(whole + (i * 3 + c) * D, one[c] + i * D, D * sizeof(real)));
		for (int k = 0; k < CLASSES; k++)
			ck_assert_double_eq_tol((double)p[i * CLASSES + k], (double)q[0][i * K + k / (K * K)]
				* (double)q[1][i * K + k / K % K] * (double)q[2][i * K + k % K], 1e-6);
		right += class_of(p + i * CLASSES, CLASSES) == d->label[i];
	}
	ck_assert_int_ge(right, N * 9 / 10);
	lens_free(three);
	lens_free(single);
	dataset_free(d);
	dataset_free(gray);
}
END_TEST

/* A network is wanted, and there is none for these; with auto pixels do, and it is said why. */
START_TEST(pixels_stand_in_where_no_network_fits)
{
	dataset *d = tiny_data(30, 16, 2);
	fault e = {.text = ""}, why;
	ck_assert_ptr_null(lens_open(LENS_NETWORK, d, &why, &e));
	ck_assert(e.text[0]);
	lens *l = lens_open(LENS_AUTO, d, &why, &e);
	ck_assert(l && lens_is_pixels(l) && why.text[0] && lens_classes(l) == 0);
	ck_assert_str_eq(lens_about(l), "images averaged to 8x8x1");
	lens_free(l);
	dataset_free(d);
}
END_TEST

START_TEST(images_of_another_size_are_refused)
{
	dataset *train = digits(0, 20), *small = tiny_data(20, 16, 2);
	fault e = {.text = ""}, why;
	lens *look = lens_open(LENS_PIXELS, train, &why, &e);
	const image_source a = source_of_data(train);
	evaluate_task t = {.fakes = source_of_data(small), .train = &a, .split = SPLIT_TRAIN, .look = look};
	evaluation v;
	ck_assert(look && !evaluate(&t, &v, &e));
	ck_assert_str_eq(e.text, "the judged images are 16x16x1, the real ones 28x28x1: they must be of one size");
	evaluation_free(&v);
	t.fakes = a;
	t.fakes.n = 1;
	ck_assert(!evaluate(&t, &v, &e));
	ck_assert_msg(strstr(e.text, "two images or more"), "%s", e.text);
	evaluation_free(&v);
	lens_free(look);
	dataset_free(train);
	dataset_free(small);
}
END_TEST

/* The same images, drawn by the generator or read as bytes; and one thread or three. */
START_TEST(a_generator_and_pictures_of_it_have_the_same_numbers)
{
	enum { N = 150, SIDE = 16 };
	config c = tiny_config(TINY_PLAIN, NULL);
	dataset *train = tiny_data(200, SIDE, 2), *drawn_images = tiny_data(N, SIDE, 2);
	fault e = {.text = ""};
	sampler *s = network_sampler_new(&c, SAMPLER_BATCH, &e);
	const sample_request q = {.n = N, .seed = 9, .label = -1};
	real *x = calloc(N * SIDE * SIDE, sizeof *x);
	ck_assert_msg(s && x && request_run(s, &q, x, &e), "%s", e.text);
	for (int i = 0; i < N * SIDE * SIDE; i++)
		drawn_images->pixels[i] = pixel_byte(x[i]);
	for (int i = 0; i < N; i++)
		drawn_images->label[i] = i % 2;
	drawn *d = drawn_new(s, &q, &e);
	ck_assert(d != NULL);
	const image_source of_sampler = source_of_drawn(d), of_files = source_of_data(drawn_images);
	ck_assert(pool_start(1, &e));
	evaluation a = judge(&of_sampler, train, NULL, NULL);
	ck_assert(pool_start(3, &e));
	evaluation b = judge(&of_files, train, NULL, NULL);
	pool_stop();
	ck_assert(a.fid == b.fid && a.kid.mean == b.kid.mean && !memcmp(&a.points, &b.points, sizeof a.points));
	ck_assert(a.class_fid_mean == b.class_fid_mean && a.copied.fakes == b.copied.fakes);
	ck_assert(!memcmp(a.histogram, b.histogram, 2 * sizeof *a.histogram));
	evaluation_free(&a);
	evaluation_free(&b);
	drawn_free(d);
	sampler_free(s);
	free(x);
	dataset_free(train);
	dataset_free(drawn_images);
	config_free(&c);
}
END_TEST

/* ---- the command ---- */

static const char TRAIN[] = "train configs/demo.yaml --set data.limit=300 --set model.g_channels=8 --set "
	"model.d_channels=8 --set score.count=0 --steps 1 --quiet --out %s";

START_TEST(command_prints_lines_and_one_object)
{
	char run[512];
	snprintf(run, sizeof run, "%s", scratch_at("run"));
	ck_assert_int_eq(sagan(TRAIN, run).status, 0);
	answer a = sagan("evaluate %s --n 70 --features pixels --pairs %s", run, scratch_at("p.png"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "FID ") && strstr(a.text, "coverage ")
		&& strstr(a.text, "70 images against 300 of train; of pixels  [pixels 7x7x1, seed 1, "
			"average, batch norm running, no truncation]")
		&& strstr(a.text, "warning: 70 images are few for 49 features") && strstr(a.text, "p.png"),
		"%s", a.text);
	/* A picture that cannot be written costs no result. */
	a = sagan("evaluate %s --n 70 --features pixels --pairs /dev/full", run);
	ck_assert_msg(a.status == 1 && strstr(a.text, "FID ") && strstr(a.text, "copies")
		&& strstr(a.text, "sagan: /dev/full: ") && !strstr(a.text, "picture:"), "%s", a.text);
	a = sagan("evaluate %s --n 70 --features pixels --pairs none", run);
	ck_assert_msg(a.status == 0 && strstr(a.text, "FID ") && !strstr(a.text, "picture:") && access("none", F_OK),
		"%s", a.text);
	a = sagan("evaluate %s --n 70 --raw --json --pairs %s 2>/dev/null", run, scratch_at("p.png"));
	json_error_t where;
	json_t *o = json_loads(a.text, 0, &where);
	ck_assert_msg(a.status == 0 && o, "%s: %s", where.text, a.text);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "images")), 70);
	ck_assert_str_eq(json_string_value(json_object_get(o, "weights")), "raw");
	ck_assert(json_real_value(json_object_get(o, "fid")) > 0);
	/* The shipped classifier fits these digits. */
	ck_assert_msg(strstr(json_string_value(json_object_get(o, "features")), "sha256"), "%s", a.text);
	ck_assert(json_real_value(json_object_get(o, "is")) >= 1);
	/* Of real digits it is surer than of a network's after one step. */
	ck_assert_double_gt(json_real_value(json_object_get(o, "is_real")),
		1 + json_real_value(json_object_get(o, "is")));
	ck_assert_int_eq(json_array_size(json_object_get(o, "histogram")), 10);
	ck_assert(json_real_value(json_object_get(o, "labels_right_real")) > 0.97);
	json_decref(o);

	/* A folder of pictures of the same images: the same distance. */
	char first[64], again[64];
	a = sagan("evaluate %s --n 70 --features pixels --pairs %s", run, scratch_at("p.png"));
	ck_assert(sscanf(strstr(a.text, "\nFID "), " FID %63s", first) == 1);
	ck_assert_int_eq(sagan("sample %s --n 70 --out %s/", run, scratch_at("pictures")).status, 0);
	a = sagan("evaluate %s --against data/mnist --features pixels --pairs %s", scratch_at("pictures"),
		scratch_at("p.png"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "images from files"), "%s", a.text);
	ck_assert_msg(strstr(a.text, "\nFID "), "%s", a.text);
	ck_assert(sscanf(strstr(a.text, "\nFID "), " FID %63s", again) == 1);
	ck_assert(atof(again) > 0);
}
END_TEST

/* Why there is no floor: the test part is there, and damaged. */
START_TEST(a_damaged_part_is_told)
{
	const char *set = scratch_at("cut");
	answer a = command("mkdir -p %s && cp data/mnist/train-* data/mnist/t10k-* %s && "
		"head -c 20000 data/mnist/t10k-images-idx3-ubyte.gz > %s/t10k-images-idx3-ubyte.gz", set, set, set);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("evaluate data/mnist/t10k-images-idx3-ubyte.gz --against %s --n 50 --features pixels --pairs none",
		set);
	const char *at = strstr(a.text, "cut has one part only: ");
	ck_assert_msg(a.status == 0 && at && strstr(at, "t10k-images-idx3-ubyte.gz: "), "%s", a.text);
}
END_TEST

/* What a run has learnt from are its training images, whichever part of the data that was; what is no other part is not
 * called one. */
START_TEST(the_run_says_what_it_has_learnt_from)
{
	static const char yaml[] = "name: t\nsteps: 1\nbatch: 2\ndata: {path: data/mnist, split: test, limit: 300}\n"
		"model: {network: resnet28, latent: 8, g_channels: 8, d_channels: 8}\nscore: {count: 0}\n";
	const char *given = scratch_at("a.yaml"), *evaluate = "evaluate %s --n 20 --features pixels --pairs none";
	file_store(given, yaml, sizeof yaml - 1);
	answer a = sagan("train %s --out %s --steps 0 --quiet", given, scratch_at("test"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan(evaluate, scratch_at("test"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "20 images against 300 of test"), "%s", a.text);
	a = sagan("evaluate %s --n 20 --features pixels --pairs none --split test", scratch_at("test"));
	ck_assert_msg(a.status == 0 && strstr(a.text, " of train; "), "%s", a.text);

	a = sagan("train %s --out %s --steps 0 --quiet --set data.split=all", given, scratch_at("all"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan(evaluate, scratch_at("all"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "has one part only"), "%s", a.text);
	a = sagan("evaluate %s --split test", scratch_at("all"));
	ck_assert_msg(a.status == 1 && strstr(a.text, "the run has learnt from all images"), "%s", a.text);

	a = sagan("train %s --out %s --steps 0 --quiet --set data.split=train --set data.path=data/mnist/"
		"t10k-images-idx3-ubyte.gz", given, scratch_at("file"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan(evaluate, scratch_at("file"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "has one part only"), "%s", a.text);
}
END_TEST

/* Pictures of another size in the part that is not compared with. */
START_TEST(parts_of_two_sizes_are_not_mixed)
{
	uint8_t x[32 * 32 * 3];
	for (int i = 0; i < 12; i++) {
		char name[64];
		fault e;
		const int side = i < 6 ? 32 : 16;
		memset(x, 20 * i, sizeof x);
		snprintf(name, sizeof name, "set/%s/%d.png", i < 6 ? "train" : "test", i);
		ck_assert(file_make_parents(scratch_at(name), &e));
		ck_assert_msg(png_write(scratch_at(name), x, side, side, 3, &e), "%s", e.text);
	}
	const answer a = sagan("evaluate %s --against %s --features pixels --pairs none", scratch_at("set/train"),
		scratch_at("set"));
	ck_assert_msg(a.status == 0 && strstr(a.text, "set has one part only: its test images are 16x16x3, not "
		"32x32x3"), "%s", a.text);
}
END_TEST

/* 40 images of 16x16 under this name, from 0 to `most`; with labels 0 and 1 in turn, if they have a name. */
static void store_h5(const char *path, const char *images, double most, const char *labels)
{
	enum { N = 40, SIDE = 16 };
	static real x[N * SIDE * SIDE];
	int64_t label[N];
	fault e = {.text = ""};
	dataset *d = tiny_data(N, SIDE, 2);
	for (int i = 0; i < COUNT(x); i++)
		x[i] = (real)(most * d->pixels[i] / 255);
	for (int i = 0; i < N; i++)
		label[i] = i % 2;
	h5 *f = h5_create(path, &e);
	ck_assert_msg(f && h5_write_real(f, images, SHAPE(N, SIDE, SIDE), x, &e)
		&& (!labels || h5_write_i64(f, labels, SHAPE(N), label, &e)) && h5_commit(f, &e), "%s", e.text);
	dataset_free(d);
}

/* A run's keys of how its images are stored are no matter for others: names of arrays, a range, names of classes. What
 * the reader decided about the others is told. */
START_TEST(other_data_are_read_as_they_are)
{
	static const char yaml[] = "name: t\nsteps: 1\nbatch: 2\nmodel: {network: resnet, size: 16, latent: 8, "
		"g_channels: 8, d_channels: 8}\nscore: {count: 0}\n";
	const char *given = scratch_at("a.yaml"), *with = "--n 20 --features pixels --pairs none";
	char other[512];
	file_store(given, yaml, sizeof yaml - 1);
	store_h5(scratch_at("own.h5"), "/frames", 1, "/kind");
	snprintf(other, sizeof other, "%s", scratch_at("other.h5"));
	store_h5(other, "/images", 70, "/labels");
	answer a = sagan("train %s --out %s --steps 0 --quiet --set data.path=%s --set data.images=frames --set "
		"data.labels=kind --set data.range=0..1 --set data.class_names=ape,bee", given, scratch_at("run"),
		scratch_at("own.h5"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("evaluate %s --against %s %s", scratch_at("run"), other, with);
	ck_assert_msg(a.status == 0 && strstr(a.text, "other.h5: hdf5, 40 images of 16x16, gray")
		&& strstr(a.text, "other.h5: warning: the values use 23 % of the range") && !strstr(a.text, "bee"),
		"%s", a.text);
	a = sagan("evaluate %s --against %s %s", scratch_at("own.h5"), other, with);
	ck_assert_msg(a.status == 0 && strstr(a.text, "other.h5: warning: the values use 23 % of the range"), "%s",
		a.text);
	a = sagan("evaluate %s --against %s %s --quiet", scratch_at("run"), other, with);
	ck_assert_msg(a.status == 0 && !strstr(a.text, "of the range"), "%s", a.text);
}
END_TEST

/* Six pictures of each class, whose shade is its own, in a folder with its name. */
static void store_classes(const char *folder, const char *const *class)
{
	uint8_t x[16 * 16];
	for (int i = 0; class[i]; i++)
		for (int k = 0; k < 6; k++) {
			char name[128];
			fault e;
			for (int j = 0; j < COUNT(x); j++)
				x[j] = (uint8_t)(20 * class[i][0] + 16 * k + j % 7 * k);
			snprintf(name, sizeof name, "%s/%s/%d.png", folder, class[i], k);
			ck_assert(file_make_parents(scratch_at(name), &e));
			ck_assert_msg(png_write(scratch_at(name), x, 16, 16, 1, &e), "%s", e.text);
		}
}

/* Classes are what they are called: the same set under other numbers has the same scores of each class; other names
 * and other numbers of classes have none, and it is told. */
START_TEST(classes_are_matched_by_their_names)
{
	static const char with[] = "--features pixels --pairs none";
	char set[512], real_ones[512];
	store_classes("real", (const char *const[]){"a", "b", NULL});
	store_classes("other", (const char *const[]){"b", "c", NULL});
	store_classes("three", (const char *const[]){"a", "b", "c", NULL});
	snprintf(real_ones, sizeof real_ones, "%s", scratch_at("real"));
	snprintf(set, sizeof set, "%s", scratch_at("other"));
	answer a = sagan("evaluate %s --against %s %s", set, real_ones, with);
	ck_assert_msg(a.status == 0 && strstr(a.text, "the labels of the judged images are not used, so there are no "
		"scores of them: their classes are called b, c, those of the real ones a, b")
		&& !strstr(a.text, "FID by class"), "%s", a.text);
	a = sagan("evaluate %s --against %s %s", scratch_at("three"), real_ones, with);
	ck_assert_msg(a.status == 0 && strstr(a.text, "they are of 3 classes, the real ones of 2"), "%s", a.text);

	/* The labels of an archive of arrays, in which b is the first class. */
	char swapped[512];
	fault e = {.text = ""};
	dataset *d = dataset_open(real_ones, NULL, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	int64_t label[12];
	for (int i = 0; i < 12; i++)
		label[i] = 1 - d->label[i];
	snprintf(swapped, sizeof swapped, "%s", scratch_at("swapped.h5"));
	h5 *f = h5_create(swapped, &e);
	ck_assert_msg(f && h5_write_u8(f, "/images", SHAPE(12, 16, 16), d->pixels, &e)
		&& h5_write_i64(f, "/labels", SHAPE(12), label, &e) && h5_commit(f, &e), "%s", e.text);
	dataset_free(d);
	a = sagan("evaluate %s --against %s %s", swapped, real_ones, with);
	ck_assert_msg(a.status == 0 && strstr(a.text, "FID by class") && !strstr(a.text, "FID 0.0000 of 6"), "%s",
		a.text);                                         /* numbers alone */
}
END_TEST

/* The same images, of which the one set calls its classes b and a. */
START_TEST(classes_in_another_order_are_the_same)
{
	dataset *train = digits(0, 300), *fake = digits(0, 300);
	for (int64_t i = 0; i < fake->n; i++)
		fake->label[i] = 9 - fake->label[i];
	image_source a = source_of_data(train), b = source_of_data(fake);
	fault e = {.text = ""}, why;
	lens *look = lens_open(LENS_PIXELS, train, &why, &e);
	evaluation v;
	a.class_names = "q\nr\ns\nt\nu\nv\nw\nx\ny\nz\n";
	b.class_names = "z\ny\nx\nw\nv\nu\nt\ns\nr\nq\n";
	const evaluate_task t = {.fakes = b, .train = &a, .split = SPLIT_TRAIN, .look = look, .seed = 3};
	ck_assert_msg(look && evaluate(&t, &v, &e), "%s", e.text);
	ck_assert(v.class_fid && !v.no_labels.text[0]);
	for (int k = 0; k < 10; k++)
		ck_assert_msg(v.histogram[k] == v.real_histogram[k] && fabs(v.class_fid[k]) < 1e-6, "%d: %g", k,
			v.class_fid[k]);
	evaluation_free(&v);
	lens_free(look);
	dataset_free(train);
	dataset_free(fake);
}
END_TEST

/* A file with one class after the other: --n takes some of each, and says so. The closest pairs have the numbers of the
 * file, and all of them are judged as without --n. */
START_TEST(some_of_the_files_are_from_all_over_them)
{
	enum { N = 90 };
	char sorted[512];
	fault e = {.text = ""};
	dataset *d = digits(0, 6 * N);
	order_by_class(d, false);
	int64_t label[6 * N];
	for (int i = 0; i < 6 * N; i++)
		label[i] = d->label[i];
	snprintf(sorted, sizeof sorted, "%s", scratch_at("sorted.h5"));
	h5 *f = h5_create(sorted, &e);
	ck_assert_msg(f && h5_write_u8(f, "/images", SHAPE(6 * N, 28, 28), d->pixels, &e)
		&& h5_write_i64(f, "/labels", SHAPE(6 * N), label, &e) && h5_commit(f, &e), "%s", e.text);
	dataset_free(d);
	answer a = sagan("evaluate %s --against %s --n %d --features pixels --pairs none", sorted, sorted, N);
	ck_assert_msg(a.status == 0 && strstr(a.text, "90 of them are judged, from all over the set, chosen by "
		"--seed 1\n") && strstr(a.text, "FID by class"), "%s", a.text);
	const char *at = strstr(a.text, "FID by class");
	for (int k = 0; k < 10; k++) {
		int class, n;
		at = strchr(at, '\n') + 1;
		ck_assert_msg(sscanf(at, "%d %d images", &class, &n) == 2 && class == k && n > 0, "%s", a.text);
	}
	int fake, train, far = 0;
	at = strstr(a.text, "(image:training image)") + strlen("(image:training image)");
	for (int i = 0; i < PAIRS; i++, at = strchr(at, ',') ? strchr(at, ',') + 1 : at) {
		ck_assert_msg(sscanf(at, "%d:%d", &fake, &train) == 2 && fake == train, "%s", a.text);
		far += fake >= PAIRS;
	}
	ck_assert_int_gt(far, 0);
	answer all = sagan("evaluate %s --against %s --features pixels --pairs none", sorted, sorted);
	a = sagan("evaluate %s --against %s --n 1000 --features pixels --pairs none", sorted, sorted);
	ck_assert_msg(!a.status && !strcmp(a.text, all.text) && !strstr(a.text, "are judged"), "%s", a.text);
}
END_TEST

/* A picture that would be one of the images that are read, or take the place of one. */
START_TEST(nothing_is_written_into_data_that_are_read)
{
	static const char says[] = "lies in the data that are read";
	char real_ones[512], first[512], alias[512], fresh[600];
	store_classes("real", (const char *const[]){"a", "b", NULL});
	store_classes("own", (const char *const[]){"a", "b", NULL});
	snprintf(real_ones, sizeof real_ones, "%s", scratch_at("real"));
	snprintf(first, sizeof first, "%s", scratch_at("own/a/0.png"));
	snprintf(alias, sizeof alias, "%s", scratch_at("alias"));
	snprintf(fresh, sizeof fresh, "%s/new/p.png", scratch_at("own"));
	ck_assert_int_eq(symlink(scratch_at("own"), alias), 0);
	size_t n, m;
	void *before = file_bytes(first, &n);
	answer a = sagan("data %s --picture %s", alias, first);
	ck_assert_msg(a.status == 1 && strstr(a.text, says), "%s", a.text);
	a = sagan("evaluate %s --against %s --features pixels --pairs %s", real_ones, alias, fresh);
	ck_assert_msg(a.status == 1 && strstr(a.text, says), "%s", a.text);
	a = sagan("evaluate %s --against %s --features pixels --pairs %s", alias, real_ones, first);
	ck_assert_msg(a.status == 1 && strstr(a.text, says), "%s", a.text);
	ck_assert(!file_exists(scratch_at("own"), "new"));
	static const char yaml[] = "name: t\nsteps: 1\nbatch: 2\nmodel: {network: resnet, size: 16, latent: 8, "
		"g_channels: 8, d_channels: 8}\nscore: {count: 0}\n";
	file_store(scratch_at("a.yaml"), yaml, sizeof yaml - 1);
	a = sagan("train %s --out %s --steps 0 --quiet --set data.path=%s", scratch_at("a.yaml"), scratch_at("run"),
		alias);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("sample %s --n 4 --out %s/", scratch_at("run"), scratch_at("own/a"));
	ck_assert_msg(a.status == 1 && strstr(a.text, says), "%s", a.text);
	void *after = file_bytes(first, &m);
	ck_assert(n == m && !memcmp(before, after, n));
	free(before);
	free(after);
	/* Beside the data, and in the folder of a run. */
	a = sagan("evaluate %s --n 4 --features pixels --pairs %s", scratch_at("run"), scratch_at("run/p.png"));
	ck_assert_msg(a.status == 0 && file_exists(scratch_at("run"), "p.png"), "%s", a.text);
	a = sagan("data %s --picture %s", alias, scratch_at("own.png"));
	ck_assert_msg(a.status == 0, "%s", a.text);
}
END_TEST

START_TEST(command_says_what_is_wrong)
{
	answer a = sagan("evaluate %s", scratch_folder());
	ck_assert_msg(a.status == 1 && strstr(a.text, "is no run and no checkpoint; for a set of images say --against"),
		"%s", a.text);
	a = sagan("evaluate /nowhere --split all");
	ck_assert_msg(a.status == 2 && strstr(a.text, "--split all: must be train or test"), "%s", a.text);
	a = sagan("evaluate data/cifar10-mini --against data/mnist --n 10 --pairs %s", scratch_at("p.png"));
	ck_assert_msg(a.status == 1 && strstr(a.text, "they must be of one size"), "%s", a.text);
	ck_assert(!file_exists(scratch_folder(), "p.png"));
}
END_TEST

int main(void)
{
	const suite_test sets[] = {
		{unseen_images_are_as_good_as_unseen_images, 1},
		{the_training_images_themselves_are_copies, 1},
		{test_images_beside_few_judged_ones, 1},
		{one_copy_is_the_closest_pair, 1},
		{the_order_of_a_set_decides_little, 1},
		{copies_are_sought_all_over_a_set, 1},
		{a_lost_class_is_seen_in_every_measure, 1},
		{stacked_digits_are_seen_channel_by_channel, 1},
		{pixels_stand_in_where_no_network_fits, 1},
		{images_of_another_size_are_refused, 1},
		{a_generator_and_pictures_of_it_have_the_same_numbers, 1},
		{classes_in_another_order_are_the_same, 1},
	};
	const suite_test commands[] = {{command_prints_lines_and_one_object, 1}, {command_says_what_is_wrong, 1},
		{a_damaged_part_is_told, 1}, {the_run_says_what_it_has_learnt_from, 1},
		{parts_of_two_sizes_are_not_mixed, 1}, {other_data_are_read_as_they_are, 1},
		{classes_are_matched_by_their_names, 1},
		{some_of_the_files_are_from_all_over_them, 1},
		{nothing_is_written_into_data_that_are_read, 1}};
	const suite_case cases[] = {
		{.name = "sets", TESTS(sets)},
		{.name = "command", TESTS(commands), .timeout = 120},
	};
	return suite_run_cases("evaluate", cases, COUNT(cases), 60);
}
