/* test_features_keras.c - layers of Keras models as features: which layer, what the images are, what is refused. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "gan/keras/file/write.h"
#include "gan/keras/run/run.h"
#include "gan/score/features.h"
#include "tests/suite.h"

enum { H = 6, W = 5, FILTERS = 4, CLASSES = 3, N = 40 };

static fault e;
#define OK(call) ck_assert_msg((call), "%s", e.text)

static int layer(keras_model *m, const char *class_name, const char *name, int from)
{
	const int at = keras_add(m, class_name, name, 1, &from, &e);
	ck_assert_msg(at >= 0, "%s", e.text);
	return at;
}

static void weight(keras_model *m, int at, const char *name, shape s)
{
	real x[512];
	rng r = rng_new((uint64_t)at, name);
	ck_assert_int_le(shape_count(&s), COUNT(x));
	rng_fill_normal(&r, x, shape_count(&s));
	OK(keras_add_weight(m, at, name, s, x, &e));
}

/* image [h,w,c] -> (prepared) -> (Rescaling) -> conv -> (pool) -> score */
typedef struct form {
	int channels;
	bool rescaling;
	const char *activation;                      /* of the scores */
	bool prepared;                               /* noise, borders, resizing come first */
} form;

static keras_model *model(const form *f)
{
	keras_model *m = keras_model_new("m", &e);
	int at = keras_add_input(m, "image", SHAPE(H, W, f->channels), "float32", &e);
	if (f->prepared) {
		static const int64_t one[] = {1, 1, 1, 1};
		at = layer(m, "GaussianNoise", "noise", at);
		OK(keras_set_float(m, at, "stddev", 0.5, &e));
		at = layer(m, "ZeroPadding2D", "border", at);
		OK(keras_set_pairs(m, at, "padding", 4, one, &e));
		at = layer(m, "Cropping2D", "crop", at);
		OK(keras_set_pairs(m, at, "cropping", 4, one, &e));
		at = layer(m, "Resizing", "resizing", at);
		OK(keras_set_int(m, at, "height", H, &e) && keras_set_int(m, at, "width", W, &e));
	}
	if (f->rescaling) {
		at = layer(m, "Rescaling", "rescaling", at);
		OK(keras_set_float(m, at, "scale", 1 / 255.0, &e) && keras_set_float(m, at, "offset", 0, &e));
	}
	at = layer(m, "Conv2D", "conv", at);
	OK(keras_set_int(m, at, "filters", FILTERS, &e)
		&& keras_set_list(m, at, "kernel_size", 2, (const int64_t[]){3, 3}, &e)
		&& keras_set_text(m, at, "padding", "same", &e) && keras_set_text(m, at, "activation", "relu", &e));
	weight(m, at, "kernel", SHAPE(3, 3, f->channels, FILTERS));
	weight(m, at, "bias", SHAPE(FILTERS));
	at = layer(m, "GlobalAveragePooling2D", "pool", at);
	at = layer(m, "Dense", "score", at);
	OK(keras_set_int(m, at, "units", CLASSES, &e) && keras_set_text(m, at, "activation", f->activation, &e));
	weight(m, at, "kernel", SHAPE(FILTERS, CLASSES));
	weight(m, at, "bias", SHAPE(CLASSES));
	OK(keras_set_output(m, at, &e));
	return m;
}

static keras_model *saved(const form *f, const char *path)
{
	keras_model *m = model(f);
	OK(strstr(path, ".h5") ? keras_write_h5(m, path, &e) : keras_write_archive(m, path, &e));
	return m;
}

static void fill(real *x, int64_t n)
{
	rng r = rng_new(7, "images");
	rng_fill_uniform(&r, x, n);
	for (int64_t i = 0; i < n; i++)
		x[i] = 2 * x[i] - 1;
}

/* What the model itself says of images whose numbers go from lo to hi: probabilities [N,CLASSES]. */
static void whole(const keras_model *m, bool logits, const real *images, double lo, double hi, double *p)
{
	static real x[N * H * W * 3], y[N * CLASSES];
	keras_run *run = keras_run_new(m, N, &e);
	ck_assert_msg(run != NULL, "%s", e.text);
	const shape in = keras_run_input_shape(run, 0);
	for (int64_t i = 0; i < N * shape_count(&in); i++)
		x[i] = (real)(((double)images[i] + 1) / 2 * (hi - lo) + lo);
	OK(keras_run_predict(run, N, (const real *const[]){x}, y, &e));
	keras_run_free(run);
	for (int i = 0; i < N; i++) {
		double sum = 0;
		for (int k = 0; k < CLASSES; k++)
			sum += p[i * CLASSES + k] = logits ? exp((double)y[i * CLASSES + k])
				: (double)y[i * CLASSES + k];
		for (int k = 0; k < CLASSES; k++)
			p[i * CLASSES + k] /= sum;
	}
}

/* The dense layer on the features gives the probabilities, and these are the model's. N is no multiple of a batch. */
static void check(const keras_model *m, const char *spec, const dataset *like, const real *images, const double *want)
{
	static real x[N * FILTERS], p[N * CLASSES];
	const keras_layer *score = &m->layer[keras_find(m, "score")];
	const real *w = score->weight[0].x, *b = score->weight[1].x;
	features *f = features_open(spec, like, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert_int_eq(features_count(f), FILTERS);
	ck_assert_int_eq(features_classes(f), CLASSES);
	OK(features_run(f, images, N, x, p, &e));
	for (int i = 0; i < N; i++) {
		double z[CLASSES], sum = 0;
		for (int k = 0; k < CLASSES; k++) {
			z[k] = (double)b[k];
			for (int d = 0; d < FILTERS; d++)
				z[k] += (double)(x[i * FILTERS + d] * w[d * CLASSES + k]);
			sum += exp(z[k]);
		}
		for (int k = 0; k < CLASSES; k++) {
			ck_assert_double_eq_tol((double)p[i * CLASSES + k], want[i * CLASSES + k], 1e-5);
			ck_assert_double_eq_tol((double)p[i * CLASSES + k], exp(z[k]) / sum, 1e-5);
		}
	}
	features_free(f);
}

START_TEST(features_lead_to_the_models_result)
{
	static const form forms[] = {
		{1, false, "softmax", false}, {3, true, "softmax", false}, {3, false, "linear", false},
		{1, true, "linear", false},
		{1, true, "softmax", true}, {3, false, "softmax", true},
	};
	static real images[N * H * W * 3];
	static double want[N * CLASSES];
	const form *f = &forms[_i];
	const dataset like = {.h = H, .w = W, .c = f->channels};
	const char *path = scratch_at(_i % 2 ? "m.h5" : "m.keras");
	keras_model *m = saved(f, path);
	fill(images, N * H * W * f->channels);
	whole(m, strcmp(f->activation, "linear") == 0, images, 0, f->rescaling ? 255 : 1, want);
	check(m, path, &like, images, want);
	keras_model_free(m);
}
END_TEST

/* A range in the name takes the place of the usual one; "conv" is a map, whose mean is what "pool" gives. */
START_TEST(layer_and_range_can_be_named)
{
	static real images[N * H * W];
	static double want[N * CLASSES];
	const form f = {1, false, "softmax", false};
	const dataset like = {.h = H, .w = W, .c = 1};
	const char *path = scratch_at("m.keras");
	char spec[600];
	keras_model *m = saved(&f, path);
	fill(images, N * H * W);
	whole(m, false, images, -1, 1, want);
	static const char *const ends[] = {"-1..1", "pool:-1..1", "conv:-1..1"};
	for (int i = 0; i < COUNT(ends); i++) {
		snprintf(spec, sizeof spec, "%s:%s", path, ends[i]);
		check(m, spec, &like, images, want);
	}
	snprintf(spec, sizeof spec, "%s:conv", path);
	features *net = features_open(spec, &like, &e);
	ck_assert_msg(net && strstr(features_about(net), "m.keras, layer conv (mean), images [6,5,1] in 0..1, sha256 "),
		"%s", net ? features_about(net) : e.text);
	features_free(net);
	keras_model_free(m);
}
END_TEST

/* Gray images become three equal channels, larger ones are made as small: of one colour they keep it. */
START_TEST(images_are_brought_to_the_model)
{
	static real even[N * 4 * H * W], small[N * H * W * 3], a[N * FILTERS], b[N * FILTERS];
	const form f = {3, false, "softmax", false};
	const dataset large = {.h = 2 * H, .w = 2 * W, .c = 1}, like = {.h = H, .w = W, .c = 3};
	const char *path = scratch_at("m.keras");
	keras_model_free(saved(&f, path));
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 4 * H * W; k++)
			even[i * 4 * H * W + k] = (real)i / N;
		for (int k = 0; k < H * W * 3; k++)
			small[i * H * W * 3 + k] = (real)i / N;
	}
	features *g = features_open(path, &large, &e), *h = features_open(path, &like, &e);
	ck_assert_msg(g && h, "%s", e.text);
	OK(features_run(g, even, N, a, NULL, &e) && features_run(h, small, N, b, NULL, &e));
	for (int i = 0; i < N * FILTERS; i++)
		ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5);
	features_free(g);
	features_free(h);
}
END_TEST

START_TEST(what_is_no_classifier_of_images_is_refused)
{
	const form gray = {1, false, "softmax", false};
	const dataset colour = {.h = H, .w = W, .c = 3}, like = {.h = H, .w = W, .c = 1};
	const char *path = scratch_at("m.keras");
	const struct {
		const char *spec, *says;
		const dataset *like;
	} bad[] = {
		{path, "its images are gray, these have colours", &colour},
		{":pol", ":pol: no such layer; did you mean pool?", &like},
		{":conv:0..2", ":conv:0..2: no such layer", &like},
		{"tests/golden/keras/example-generator-cond.keras", "no classifier of images: it has 2 inputs", &like},
	};
	keras_model_free(saved(&gray, path));
	for (int i = 0; i < COUNT(bad); i++) {
		char spec[600];
		snprintf(spec, sizeof spec, "%s%s", bad[i].spec[0] == ':' ? path : "", bad[i].spec);
		ck_assert_ptr_null(features_open(spec, bad[i].like, &e));
		ck_assert_msg(strstr(e.text, bad[i].says), "%s", e.text);
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{features_lead_to_the_models_result, 6},
		{layer_and_range_can_be_named, 1},
		{images_are_brought_to_the_model, 1},
		{what_is_no_classifier_of_images_is_refused, 1},
	};
	return suite_run("features_keras", tests, COUNT(tests), 60);
}
