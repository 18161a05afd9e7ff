/* test_keras_read.c - files that Keras wrote are read and give Keras' own predictions; damaged and hostile ones
 * end in one line. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/h5.h"
#include "keras/build.h"
#include "keras/read.h"

#define DIR_ "tests/golden/keras/"

static const char *path_of(const char *name, char path[256])
{
	snprintf(path, 256, DIR_ "%s", name);
	return path;
}

/* ---- golden files ---- */

/* Weights of `file` in the network of `topology` (NULL: its own), and then (for the nested models) through
 * that of `second`: predictions of `base`.expected.h5. */
typedef struct golden_row {
	const char *base, *file, *topology, *second;
} golden_row;

static const golden_row golden[] = {
	{"generator-cond-keras2.15", "generator-cond-keras2.15.legacy.h5", "generator-cond-keras2.15.full.h5", NULL},
	{"generator-cond-keras2.15", "generator-cond-keras2.15.full.h5", NULL, NULL},
	{"generator-cond-keras2.15", "generator-cond-keras2.15.weights.h5", "generator-cond-keras2.15.full.h5", NULL},
	{"generator-cond-keras2.15", "generator-cond-keras2.15.keras", NULL, NULL},
	{"generator-cond-keras3.3", "generator-cond-keras3.3.weights.h5", "generator-cond-keras3.15.keras", NULL},
	{"generator-cond-keras3.3", "generator-cond-keras3.3.keras", NULL, NULL},
	{"generator-cond-keras3.15", "generator-cond-keras3.15.full.h5", NULL, NULL},
	{"generator-cond-keras3.15", "generator-cond-keras3.15.weights.h5", "generator-cond-keras2.15.full.h5", NULL},
	{"generator-cond-keras3.15", "generator-cond-keras3.15.keras", NULL, NULL},
	{"generator-convt-keras2.15", "generator-convt-keras2.15.legacy.h5", "generator-convt-keras3.15.full.h5", NULL},
	{"generator-convt-keras2.15", "generator-convt-keras2.15.full.h5", NULL, NULL},
	{"generator-convt-keras2.15", "generator-convt-keras2.15.weights.h5", "generator-convt-keras2.15.full.h5", NULL},
	{"generator-convt-keras2.15", "generator-convt-keras2.15.keras", NULL, NULL},
	{"generator-convt-keras3.3", "generator-convt-keras3.3.weights.h5", "generator-convt-keras3.15.keras", NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.full.h5", NULL, NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.weights.h5", "generator-convt-keras2.15.keras", NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.keras", NULL, NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.legacy.h5", "discriminator-sn-keras2.15.full.h5", NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.full.h5", NULL, NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.weights.h5", "discriminator-sn-keras3.3.keras", NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.keras", NULL, NULL},
	{"discriminator-sn-keras3.3", "discriminator-sn-keras3.3.weights.h5", "discriminator-sn-keras2.15.full.h5", NULL},
	{"discriminator-sn-keras3.3", "discriminator-sn-keras3.3.keras", NULL, NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.full.h5", NULL, NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.weights.h5", "discriminator-sn-keras3.15.keras", NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.keras", NULL, NULL},
	{"discriminator-sn-frozen-keras2.15", "discriminator-sn-frozen-keras2.15.legacy.h5",
	 "discriminator-sn-keras3.15.full.h5", NULL},
	{"discriminator-plain-keras2.15", "discriminator-plain-keras2.15.full.h5", NULL, NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.legacy.h5", "discriminator-seq-keras2.15.keras", NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.full.h5", NULL, NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.weights.h5", "discriminator-seq-keras2.15.full.h5", NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.keras", NULL, NULL},
};

/* A whole data set; the caller frees it. */
static real *load_set(h5 *f, const char *path, shape *s)
{
	h5_info info;
	error e;
	ck_assert_msg(h5_stat(f, path, &info, &e), "%s", e.text);
	*s = info.s;
	real *x = malloc((size_t)shape_count(s) * sizeof *x);
	ck_assert_msg(h5_read_real(f, path, x, shape_count(s), &e), "%s", e.text);
	return x;
}

static keras_model *read_good(const char *name, bool weights_only)
{
	char path[256];
	error e;
	keras_model *m = keras_read(path_of(name, path), &(keras_read_options){.weights_only = weights_only}, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

/* Largest error of the predictions of m, relative to the largest prediction or 1. The inputs and the output of the
 * expected file. */
static double prediction_error(const keras_model *m, const char *base)
{
	char path[256], inner[128];
	real *in[KERAS_INPUTS] = {NULL};
	error e;
	snprintf(path, sizeof path, DIR_ "%s.expected.h5", base);
	h5 *f = h5_open(path, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	keras_net *n = keras_net_new(m, 3, &e);      /* 4 samples: one whole batch and a rest */
	ck_assert_msg(n != NULL, "%s: %s", base, e.text);
	shape s;
	for (int k = 0; k < keras_net_inputs(n); k++) {
		snprintf(inner, sizeof inner, "/inputs/%s", keras_net_input_name(n, k));
		in[k] = load_set(f, inner, &s);
		const shape want = keras_net_input_shape(n, k);
		ck_assert_int_eq(shape_count(&want) * s.dim[0], shape_count(&s));
	}
	h5_names outputs;
	ck_assert(h5_list(f, "/outputs", &outputs, &e));
	snprintf(inner, sizeof inner, "/outputs/%s", outputs.name[0]);
	real *want = load_set(f, inner, &s), *got = calloc((size_t)shape_count(&s), sizeof *got);
	shape out = keras_net_output_shape(n);
	ck_assert_int_eq(shape_count(&out) * s.dim[0], shape_count(&s));
	ck_assert_msg(keras_net_run(n, s.dim[0], (const real *const *)in, got, &e), "%s", e.text);
	double worst = 0, scale = 1;
	for (int64_t i = 0; i < shape_count(&s); i++) {
		worst = MAX(worst, fabs((double)got[i] - (double)want[i]));
		scale = MAX(scale, fabs((double)want[i]));
	}
	for (int k = 0; k < keras_net_inputs(n); k++)
		free(in[k]);
	free(want);
	free(got);
	h5_names_free(&outputs);
	h5_close(f);
	keras_net_free(n);
	return worst / scale;
}

/* Both are float32 with sums in another order; in double Keras' own rounding is left. */
static const double TOLERANCE = sizeof(real) == 8 ? 1e-6 : 1e-5;

START_TEST(files_of_keras_predict_as_keras_does)
{
	const golden_row *r = &golden[_i];
	error e;
	keras_model *m = read_good(r->topology ? r->topology : r->file, false);
	ck_assert(m->topology);
	if (r->topology) {
		keras_model *w = read_good(r->file, true);
		ck_assert(!w->topology);
		ck_assert_msg(keras_adopt(m, w, NULL, NULL, &e), "%s: %s", r->file, e.text);
		keras_model_free(w);
	}
	const double worst = prediction_error(m, r->base);
	printf("%-46s %3d layers %6lld weights  error %.1e\n", r->file, m->layers, (long long)keras_count(m), worst);
	ck_assert_msg(worst <= TOLERANCE, "%s: error %g", r->file, worst);
	keras_model_free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keras read");
	TCase *t = tcase_create("golden");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, files_of_keras_predict_as_keras_does, 0, COUNT(golden));
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	const int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
