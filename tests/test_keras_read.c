/* test_keras_read.c - files that Keras wrote are read and give Keras' own predictions; damaged and hostile ones
 * end in one line. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/archive/archive.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/keras/run/run.h"
#include "gan/keras/file/write.h"
#include "gan/keras/file/match.h"
#include "gan/keras/file/read_internal.h"
#include "tests/files.h"
#include "tests/keras_damage.h"
#include "tests/suite.h"

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
	{"generator-convt-keras2.15", "generator-convt-keras2.15.weights.h5",
	 "generator-convt-keras2.15.full.h5", NULL},
	{"generator-convt-keras2.15", "generator-convt-keras2.15.keras", NULL, NULL},
	{"generator-convt-keras3.3", "generator-convt-keras3.3.weights.h5", "generator-convt-keras3.15.keras", NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.full.h5", NULL, NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.weights.h5", "generator-convt-keras2.15.keras", NULL},
	{"generator-convt-keras3.15", "generator-convt-keras3.15.keras", NULL, NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.legacy.h5",
	 "discriminator-sn-keras2.15.full.h5", NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.full.h5", NULL, NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.weights.h5",
	 "discriminator-sn-keras3.3.keras", NULL},
	{"discriminator-sn-keras2.15", "discriminator-sn-keras2.15.keras", NULL, NULL},
	{"discriminator-sn-keras3.3", "discriminator-sn-keras3.3.weights.h5",
	 "discriminator-sn-keras2.15.full.h5", NULL},
	{"discriminator-sn-keras3.3", "discriminator-sn-keras3.3.keras", NULL, NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.full.h5", NULL, NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.weights.h5",
	 "discriminator-sn-keras3.15.keras", NULL},
	{"discriminator-sn-keras3.15", "discriminator-sn-keras3.15.keras", NULL, NULL},
	{"discriminator-sn-frozen-keras2.15", "discriminator-sn-frozen-keras2.15.legacy.h5",
	 "discriminator-sn-keras3.15.full.h5", NULL},
	{"discriminator-plain-keras2.15", "discriminator-plain-keras2.15.full.h5", NULL, NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.legacy.h5",
	 "discriminator-seq-keras2.15.keras", NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.full.h5", NULL, NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.weights.h5",
	 "discriminator-seq-keras2.15.full.h5", NULL},
	{"discriminator-seq-keras2.15", "discriminator-seq-keras2.15.keras", NULL, NULL},
};

/* A whole data set; the caller frees it. */
static real *load_set(h5 *f, const char *path, shape *s)
{
	h5_info info;
	fault e;
	ck_assert_msg(h5_stat(f, path, &info, &e), "%s", e.text);
	*s = info.s;
	real *x = malloc((size_t)shape_count(s) * sizeof *x);
	ck_assert_msg(h5_read_real(f, path, x, shape_count(s), &e), "%s", e.text);
	return x;
}

static keras_model *read_good(const char *name, bool weights_only)
{
	char path[256];
	fault e;
	keras_model *m = keras_read(path_of(name, path), &(keras_read_options){.weights_only = weights_only}, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

/* Largest error of the predictions of m, relative to the largest prediction or 1. The inputs and the output of the
 * expected file. */
static double prediction_error(const keras_model *m, const char *base)
{
	char path[256], inner[1024];
	real *in[KERAS_INPUTS] = {NULL};
	fault e;
	snprintf(path, sizeof path, DIR_ "%s.expected.h5", base);
	h5 *f = h5_open(path, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	keras_run *n = keras_run_new(m, 3, &e);      /* 4 samples: one whole batch and a rest */
	ck_assert_msg(n != NULL, "%s: %s", base, e.text);
	shape s;
	for (int k = 0; k < keras_run_inputs(n); k++) {
		snprintf(inner, sizeof inner, "/inputs/%s", keras_run_input_name(n, k));
		in[k] = load_set(f, inner, &s);
		const shape want = keras_run_input_shape(n, k);
		ck_assert_int_eq(shape_count(&want) * s.dim[0], shape_count(&s));
	}
	h5_names outputs;
	ck_assert(h5_list(f, "/outputs", &outputs, &e));
	snprintf(inner, sizeof inner, "/outputs/%s", outputs.name[0]);
	real *want = load_set(f, inner, &s), *got = calloc((size_t)shape_count(&s), sizeof *got);
	shape out = keras_run_output_shape(n);
	ck_assert_int_eq(shape_count(&out) * s.dim[0], shape_count(&s));
	ck_assert_msg(keras_run_predict(n, s.dim[0], (const real *const *)in, got, &e), "%s", e.text);
	double worst = 0, scale = 1;
	for (int64_t i = 0; i < shape_count(&s); i++) {
		worst = MAX(worst, fabs((double)got[i] - (double)want[i]));
		scale = MAX(scale, fabs((double)want[i]));
	}
	for (int k = 0; k < keras_run_inputs(n); k++)
		free(in[k]);
	free(want);
	free(got);
	h5_names_free(&outputs);
	h5_close(f);
	keras_run_free(n);
	return worst / scale;
}

/* Keras computed in float32, ours sums in another order. In double the rounding of Keras itself is left: for the same
 * weights 2e-6 (2.15) to 9.4e-6 (3.15). */
static const double TOLERANCE = 1e-5;

START_TEST(files_of_keras_predict_as_keras_does)
{
	const golden_row *r = &golden[_i];
	fault e;
	keras_model *m = read_good(r->topology ? r->topology : r->file, false);
	ck_assert(m->topology);
	if (r->topology) {
		keras_model *w = read_good(r->file, true);
		ck_assert(!w->topology);
		ck_assert_msg(keras_match(m, w, NULL, NULL, &e), "%s: %s", r->file, e.text);
		keras_model_free(w);
	}
	const double worst = prediction_error(m, r->base);
	printf("%-46s %3d layers %6lld weights  error %.1e\n", r->file, m->layers, (long long)keras_count(m), worst);
	ck_assert_msg(worst <= TOLERANCE, "%s: error %g", r->file, worst);
	keras_model_free(m);
}
END_TEST

/* ---- lists of names in pieces, nested models ---- */

/* 97 names of 744 bytes in two attributes: 96 dense layers with tanh one after the other. */
START_TEST(chunked_names_are_joined)
{
	char name[KERAS_NAME];
	fault e;
	keras_model *w = read_good("chunked-names-keras2.15.legacy.h5", false), *m = keras_model_new("chain", &e);
	ck_assert(!w->topology);
	ck_assert_int_eq(w->layers, 96);
	int at = keras_add_input(m, "z", SHAPE(3), "float32", &e);
	for (int i = 0; i < 96; i++) {
		snprintf(name, sizeof name, "d%d", i);
		at = keras_add(m, "Dense", name, 1, &at, &e);
		ck_assert(keras_set_int(m, at, "units", 3, &e) && keras_set_text(m, at, "activation", "tanh", &e)
			&& keras_set_bool(m, at, "use_bias", i % 3 == 0, &e));
	}
	ck_assert(keras_set_output(m, at, &e));
	ck_assert_msg(keras_match(m, w, NULL, NULL, &e), "%s", e.text);
	ck_assert_double_le(prediction_error(m, "chunked-names-keras2.15"), TOLERANCE);
	keras_model_free(m);
	keras_model_free(w);
}
END_TEST

/* The layers of `from` after those of m, as the nested model `name` reading layer `at`; the last one's index. */
static int nest(keras_model *m, const keras_model *from, const char *name, int at)
{
	int index[128];
	fault e;
	for (int i = 0; i < from->layers; i++) {
		const keras_layer *l = &from->layer[i];
		char full[2 * KERAS_LAYER];
		int in[KERAS_INPUTS];
		snprintf(full, sizeof full, "%s.%s", name, l->name);
		for (int k = 0; k < l->nin; k++)
			in[k] = index[l->in[k]];
		index[i] = !strcmp(l->class_name, "InputLayer") ? at
			: keras_add(m, l->class_name, full, l->nin, in, &e);
		for (int k = 0; index[i] != at && k < l->values; k++) {
			const keras_value *v = &l->value[k];
			const int j = index[i];
			ck_assert(v->kind == KERAS_TEXT ? keras_set_text(m, j, v->key, v->text, &e) :
				v->kind == KERAS_LIST ? keras_set_list(m, j, v->key, v->n, v->list, &e) :
				v->kind == KERAS_PAIRS ? keras_set_pairs(m, j, v->key, v->n, v->list, &e) :
				keras_set_float(m, j, v->key, v->number, &e));
		}
	}
	return index[from->output[0]];
}

/* z -> generator -> discriminator, both nested models; without weights. */
static keras_model *two_models(const char *first, const char *second)
{
	fault e;
	keras_model *g = read_good("generator-convt-keras2.15.full.h5", false);
	keras_model *d = read_good("discriminator-seq-keras2.15.full.h5", false), *m = keras_model_new("both", &e);
	int at = keras_add_input(m, "z", SHAPE(6), "float32", &e);
	at = nest(m, g, first, at);
	at = nest(m, d, second, at);
	ck_assert(keras_set_output(m, at, &e));
	keras_model_free(g);
	keras_model_free(d);
	return m;
}

/* Trained weights first in the generator, layer by layer in the frozen discriminator. */
START_TEST(nested_models_get_their_flat_lists)
{
	fault e;
	keras_model *w = read_good("combined-nested-frozen-keras2.15.legacy.h5", false);
	keras_model *m = two_models(_i ? "renamed" : "gent2", "discl");
	ck_assert_msg(keras_match(m, w, NULL, NULL, &e), "%s", e.text);
	ck_assert_double_le(prediction_error(m, "combined-nested-frozen-keras2.15"), TOLERANCE);
	keras_model_free(m);
	keras_model_free(w);
}
END_TEST

/* layers/GROUP/layers/conv2d_1/vars/0 ..: the layers of one nested model. */
static void write_group(h5 *f, const keras_model *m, const char *model, const char *group)
{
	const size_t n = strlen(model);
	fault e;
	for (int i = 0; i < m->layers; i++) {
		const keras_layer *l = &m->layer[i];
		char snake[2 * KERAS_NAME], path[512], number[16] = "";
		int before = 0;
		if (strncmp(l->name, model, n) || l->name[n] != '.')
			continue;
		for (int k = 0; k < i; k++)
			before += !strncmp(m->layer[k].name, model, n)
				&& !strcmp(m->layer[k].class_name, l->class_name);
		keras_snake(l->class_name, snake);
		if (before)
			snprintf(number, sizeof number, "_%d", before);
		for (int k = 0; k < l->weights; k++) {
			snprintf(path, sizeof path, "/layers/%s/layers/%s%s/vars/%d", group, snake, number, k);
			ck_assert_msg(h5_write_real(f, path, l->weight[k].s, l->weight[k].x, &e), "%s", e.text);
		}
	}
}

/* Groups are called by the class of the nested model, so which is which shows in their weights only. */
START_TEST(nested_models_find_their_groups)
{
	static const char *const group[][2] = {{"functional", "sequential"}, {"functional_1", "functional"}};
	fault e;
	keras_model *w = read_good("combined-nested-frozen-keras2.15.legacy.h5", false);
	keras_model *m = two_models("gent2", "discl"), *fresh = two_models("a", "b");
	ck_assert(keras_match(m, w, NULL, NULL, &e));
	keras_model_free(w);
	h5 *f = h5_create(scratch_at("file"), &e);
	write_group(f, m, "gent2", group[_i][0]);
	write_group(f, m, "discl", group[_i][1]);
	ck_assert(h5_commit(f, &e));
	w = keras_read(scratch_at("file"), NULL, &e);
	ck_assert_msg(w != NULL, "%s", e.text);
	ck_assert_msg(keras_match(fresh, w, NULL, NULL, &e), "%s", e.text);
	ck_assert_double_le(prediction_error(fresh, "combined-nested-frozen-keras2.15"), TOLERANCE);
	keras_model_free(m);
	keras_model_free(fresh);
	keras_model_free(w);
}
END_TEST

/* ---- what does not fit ---- */

typedef struct lines {
	int n;
	char text[8][400];
} lines;

static void keep_line(void *ctx, const char *text)
{
	lines *l = ctx;
	if (l->n < COUNT(l->text))
		snprintf(l->text[l->n], sizeof l->text[0], "%s", text);
	l->n++;
}

START_TEST(mismatches_are_listed_layer_by_layer)
{
	fault e;
	lines l = {0};
	keras_model *m = read_good("discriminator-seq-keras2.15.full.h5", false);
	keras_model *w = read_good("discriminator-seq-keras2.15.legacy.h5", true);
	const real before = m->layer[1].weight[0].x[5];
	w->layer[0].weight[0].s = SHAPE(4, 4, 8, 1);
	w->layer[2].weights = 1;
	ck_assert(!keras_match(m, w, keep_line, &l, &e));
	ck_assert_int_eq(l.n, 2);
	ck_assert_str_eq(l.text[0], "Shape mismatch in layer #1 (named c0, Conv2D) for weight kernel: the layer has "
		"[4,4,1,8], the file [4,4,8,1]");
	ck_assert_str_eq(l.text[1], "Weight count mismatch for layer #8 (named fc, Dense). Layer expects 2 weight(s). "
		"Received 1 saved weight(s)");
	ck_assert_ptr_nonnull(strstr(e.text, l.text[0]));
	ck_assert(m->layer[1].weight[0].x[5] == before && w->layer[0].weight[0].x != NULL);
	w->layer[2].weights = 2;
	keras_model_free(m);
	keras_model_free(w);
}
END_TEST

START_TEST(another_networks_weights_are_refused)
{
	fault e;
	keras_model *m = read_good("discriminator-seq-keras2.15.full.h5", false);
	keras_model *w = read_good("generator-cond-keras3.3.weights.h5", true);
	ck_assert(!keras_match(m, w, NULL, NULL, &e));
	keras_model_free(w);
	w = read_good("generator-convt-keras2.15.legacy.h5", true);
	ck_assert(!keras_match(m, w, NULL, NULL, &e));
	ck_assert_str_eq(e.text, "Layer count mismatch: the model has 3 layers with weights, the file 11");
	keras_model_free(w);
	keras_model_free(m);
}
END_TEST

START_TEST(unknown_classes_are_kept_by_name_and_not_run)
{
	fault e;
	keras_model *m = read_good("discriminator-seq-keras2.15.full.h5", false);
	snprintf(m->layer[2].class_name, KERAS_NAME, "Strange");
	ck_assert_ptr_null(keras_run_new(m, 1, &e));
	ck_assert_str_eq(e.text, "layer #2 (named l0, Strange): the class is not known");
	keras_model *w = read_good("discriminator-seq-keras2.15.legacy.h5", true);
	ck_assert_msg(keras_match(m, w, NULL, NULL, &e), "%s", e.text);      /* all names are found */
	keras_model_free(w);
	keras_model_free(m);
}
END_TEST

START_TEST(labels_are_checked_before_anything_runs)
{
	fault e;
	keras_model *m = read_good("generator-cond-keras2.15.full.h5", false);
	keras_run *n = keras_run_new(m, 2, &e);
	ck_assert_int_eq(keras_run_classes(n, 0) + keras_run_classes(n, 1), 4);
	const int y = keras_run_classes(n, 1) ? 1 : 0;
	static const real bad[] = {4, -1, (real)0.5, (real)NAN};
	real z[12] = {0}, label[2] = {0}, out[2 * 12 * 16 * 3];
	for (int i = 0; i < COUNT(bad); i++) {
		label[1] = bad[i];
		const real *in[2] = {y ? z : label, y ? label : z};
		ck_assert(!keras_run_predict(n, 2, in, out, &e));
		ck_assert_ptr_nonnull(strstr(e.text, "must be a whole number from 0 to 3"));
	}
	keras_run_free(n);
	keras_model_free(m);
}
END_TEST

/* One settings of one layer made wrong: the layer and what is wrong are named. */
START_TEST(wrong_settings_are_named)
{
	static const struct {
		int layer;
		const char *key;
		double number;
		const char *text, *want;
	} row[] = {
		{1, "kernel_size", 0, NULL, "setting kernel_size must be a whole number from 1 to 4096"},
		{1, "strides", 1e9, NULL, "setting strides must be a whole number"},
		{1, "filters", 9, NULL, "weight kernel has the shape [4,4,1,8]; [4,4,1,9] is needed"},
		{1, "groups", 3, NULL, "groups = 3 divide 1 channels or 8 filters with a rest"},
		{1, "padding", 0, "causal", "padding causal: must be same or valid"},
		{1, "data_format", 0, "channels_first", "only channels_last is supported"},
		{1, "use_bias", 0, NULL, "expects 1 weight(s), received 2"},
		{1, "activation", 0, "sinus", "activation sinus is not supported"},
		{1, "dilation_rate", 2, NULL, "dilation_rate [2,2] is not supported"},
		{8, "units", 1e12, NULL, "setting units must be a whole number"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		fault e;
		keras_model *m = read_good("discriminator-seq-keras2.15.full.h5", false);
		ck_assert(row[i].text ? keras_set_text(m, row[i].layer, row[i].key, row[i].text, &e)
				      : keras_set_float(m, row[i].layer, row[i].key, row[i].number, &e));
		ck_assert_ptr_null(keras_run_new(m, 1, &e));
		ck_assert_msg(strstr(e.text, row[i].want) != NULL, "%s: %s", row[i].key, e.text);
		ck_assert_ptr_nonnull(strstr(e.text, m->layer[row[i].layer].name));
		keras_model_free(m);
	}
}
END_TEST

/* A network that computes nothing passes its input on. */
START_TEST(an_identity_runs)
{
	fault e;
	keras_model *m = keras_model_new("same", &e);
	int at = keras_add_input(m, "x", SHAPE(2, 2), "float32", &e);
	at = keras_add(m, _i ? "Flatten" : "Dropout", "d", 1, &at, &e);
	ck_assert(keras_set_output(m, at, &e));
	keras_run *n = keras_run_new(m, 2, &e);
	ck_assert_msg(n != NULL, "%s", e.text);
	const real x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, *in[1] = {x};
	real y[12];
	ck_assert(keras_run_predict(n, 3, in, y, &e));
	ck_assert_mem_eq(x, y, sizeof y);
	keras_run_free(n);
	keras_model_free(m);
}
END_TEST

/* ---- damaged and hostile files ---- */

START_TEST(damaged_files_are_read_or_refused_with_a_line)
{
	damage_counts c = {0};
	const int64_t n = _i == DAMAGE_OLD ? 150 : 200;
	for (int64_t i = 0; i < n; i++)
		damage_try((enum damage_kind)_i, 100000 + i, scratch_at("file"), &c);
	ck_assert_int_eq(c.read + c.refused, n);
	ck_assert_int_eq(c.silent, 0);
	/* of CIFAR's pickles nine tenths are pixels, which may be anything */
	ck_assert_int_gt(c.refused, _i == DAMAGE_PICKLE ? n / 8 : n / 4);
}
END_TEST

/* By the child process, and by the same functions here: the line comes through the pipe as it is. */
static void refused_with(const char *want)
{
	fault e = {.text = ""}, here = {.text = ""};
	keras_model *m = keras_read(scratch_at("file"), NULL, &e);
	ck_assert_ptr_null(read_unconfined(scratch_at("file"), NULL, &here));
	unlink(scratch_at("file"));
	ck_assert_msg(m == NULL, "read: %s", want);
	ck_assert_msg(strstr(e.text, want) != NULL, "%s", e.text);
	ck_assert_str_eq(e.text, here.text);
	ck_assert_int_eq(strncmp(e.text, scratch_at("file"), strlen(scratch_at("file"))), 0);
}

static void put_bytes(const void *x, size_t n)
{
	FILE *f = fopen(scratch_at("file"), "wb");
	ck_assert(f && fwrite(x, 1, n, f) == n && fclose(f) == 0);
}

START_TEST(what_is_no_file_of_keras_is_said)
{
	put_bytes("", 0);
	refused_with("the file is empty");
	put_bytes("hello, this is no network\n", 26);
	refused_with("not a readable HDF5 file (file signature not found)");
	put_bytes("PK\003\004 and nothing else", 21);
	refused_with("zip");
	fault e;
	h5 *f = h5_create(scratch_at("file"), &e);
	ck_assert(h5_write_real(f, "/x", SHAPE(2), (real[]){1, 2}, &e) && h5_commit(f, &e));
	refused_with("HDF5, but no weights of Keras");
	ck_assert(mkdir(scratch_at("file"), 0700) == 0);
	ck_assert_ptr_null(keras_read(scratch_at("file"), NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "not a regular file"));
	rmdir(scratch_at("file"));
}
END_TEST

/* Files of other programs: what they are, by their first bytes, and how to get what is read. */
START_TEST(files_of_other_programs_are_called_by_name)
{
	static const struct {
		const char *head;
		size_t n;
		const char *what;
	} row[] = {
		{"PK\003\004\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0archive/data.pkl", 46, "of PyTorch"},
		{"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15, "of PyTorch"},
		{"\x80\x04\x95 and so on", 12, "a pickle of Python"},
		{"\x40\0\0\0\0\0\0\0{\"w\":", 13, "safetensors"},
		{"\x93NUMPY\1\0", 8, "arrays of NumPy"},
		{"\x1c\0\0\0TFL3\0", 9, "TensorFlow Lite"},
		{"model_checkpoint_path: \"a\"", 26, "a checkpoint of TensorFlow"},
		{"\x08\x08\x12\7pytorch", 11, "of ONNX"},
		{"\x08\x07:\x80\x01", 5, "of ONNX"},
		{" {\"class_name\": \"Functional\"}", 30, "the JSON of a network, without weights"},
		{"{\"metadata\": {\"total_size\": 9}, \"weight_map\": {}}", 49,
		 "the index of weights in several files"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		put_bytes(row[i].head, row[i].n);
		refused_with(row[i].what);
	}
	fault e;
	put_bytes("{}", 2);
	ck_assert(rename(scratch_at("file"), scratch_at("x.weights.json")) == 0);
	ck_assert_ptr_null(keras_read(scratch_at("x.weights.json"), NULL, &e));
	ck_assert_msg(strstr(e.text, "save them as one .weights.h5"), "%s", e.text);
	ck_assert(mkdir(scratch_at("file.d"), 0700) == 0);
	FILE *f = fopen(scratch_at("file.d/saved_model.pb"), "wb");
	ck_assert(f && fclose(f) == 0 && (f = fopen(scratch_at("ckpt.index"), "wb")) && fclose(f) == 0);
	ck_assert_ptr_null(keras_read(scratch_at("file.d"), NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "a SavedModel folder of TensorFlow"));
	ck_assert_ptr_null(keras_read(scratch_at("ckpt"), NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "a checkpoint of TensorFlow"));
	ck_assert_ptr_null(keras_read(scratch_at("file.d/saved_model.pb"), NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "a graph of TensorFlow"));
}
END_TEST

/* Numbers that are no float32: half precision is read, what Keras stores as bytes is called by name. */
START_TEST(quantised_and_half_files)
{
	static const char *const refused[][2] = {
		{"int8-keras3.15.weights.h5", "int8 numbers: a quantised network"},
		{"bfloat16-keras3.15.weights.h5", "bfloat16"},
	};
	char path[200];
	fault e;
	for (int i = 0; i < COUNT(refused); i++) {
		snprintf(path, sizeof path, "tests/golden/keras/%s", refused[i][0]);
		ck_assert_ptr_null(keras_read(path, NULL, &e));
		ck_assert_msg(strstr(e.text, refused[i][1]), "%s", e.text);
	}
	keras_model *m = keras_read("tests/golden/keras/float16-keras3.15.weights.h5", NULL, &e);
	ck_assert_msg(m && m->layers == 1 && m->layer[0].weights == 2, "%s", e.text);
	for (int64_t i = 0; i < 16; i++)             /* eleven bits: nothing is rounded on the way */
		ck_assert_double_eq(m->layer[0].weight[0].x[i], (double)(i - 8) / 8);
	keras_model_free(m);
}
END_TEST

/* A legacy file with one layer "d", whose list of weights is given. */
static h5 *legacy_file(const char *layer, const char *weight)
{
	fault e;
	h5 *f = h5_create(scratch_at("file"), &e);
	const char *layers[] = {layer}, *weights[] = {weight};
	ck_assert(h5_group(f, "/d", &e) && h5_attr_write_texts(f, "/", "layer_names", 1, layers, &e) &&
		h5_attr_write_texts(f, "/d", "weight_names", 1, weights, &e));
	return f;
}

START_TEST(legacy_lists_that_lead_astray_are_refused)
{
	fault e;
	const real x[4] = {1, 2, 3, 4}, bad[2] = {1, (real)NAN};
	static const char *const name[] = {"/d/k:0", "../d/k:0", "d//k:0", ""};
	for (int i = 0; i < COUNT(name); i++) {
		h5 *f = legacy_file("d", name[i]);
		ck_assert(h5_write_real(f, "/d/k:0", SHAPE(4), x, &e) && h5_commit(f, &e));
		refused_with("is no name");
	}
	h5 *f = legacy_file("e", "k:0");
	ck_assert(h5_commit(f, &e));
	refused_with("layer e is listed, but has no group");
	f = legacy_file("d", "k:0");
	ck_assert(h5_commit(f, &e));
	refused_with("not in the file");
	f = legacy_file("d", "k:0");
	ck_assert(h5_write_real(f, "/d/k:0", SHAPE(2), bad, &e) && h5_commit(f, &e));
	refused_with("values that are not finite");
	f = legacy_file("d", "k:0");
	ck_assert(h5_write_i64(f, "/d/k:0", SHAPE(2), (int64_t[]){1, 2}, &e) && h5_commit(f, &e));
	refused_with("floating-point numbers are expected");
	f = legacy_file("d", "k:0");
	ck_assert(h5_write_real(f, "/d/k:0", SHAPE(0), x, &e) && h5_commit(f, &e));
	refused_with("is empty");
	f = legacy_file("d", "k:0");                 /* NaN, asked for */
	ck_assert(h5_write_real(f, "/d/k:0", SHAPE(2), bad, &e) && h5_commit(f, &e));
	keras_model *m = keras_read(scratch_at("file"), &(keras_read_options){.allow_nonfinite = true}, &e);
	ck_assert(m && m->layers == 1 && isnan(m->layer[0].weight[0].x[1]));
	keras_model_free(m);
}
END_TEST

/* Names that keras_add would not take stay apart, and are the same wherever they are read. */
START_TEST(names_of_any_letters_stay_apart)
{
	static const char *const name[] = {"a/b", "a_b", "a b", "\xc3\xa9", "", "conv_1"};
	char plain[COUNT(name)][KERAS_LAYER], full[2][400], of[2][KERAS_LAYER];
	fault e;
	keras_model *m = keras_model_new("m", &e);
	for (int i = 0; i < COUNT(name); i++) {
		keras_plain_name(name[i], plain[i]);
		ck_assert_msg(keras_add(m, "Dense", plain[i], 0, NULL, &e) == i, "%s: %s", name[i], e.text);
	}
	ck_assert_str_eq(plain[1], "a_b");
	ck_assert_str_eq(plain[5], "conv_1");
	for (int i = 0; i < 2; i++) {
		memset(full[i], 'n', sizeof full[i]);
		snprintf(full[i] + 390, 10, "%d", i);
		keras_plain_name(full[i], of[i]);
		ck_assert_int_eq(strlen(of[i]), 127);
	}
	ck_assert_str_ne(of[0], of[1]);
	keras_model_free(m);
}
END_TEST

/* A text in the global heap that says to be 2^64 - 16 bytes long: with its head of 16 bytes it takes none, and libhdf5
 * (H5HG; 1.10.8 and 2.0.0 were tried) goes from it to itself for ever. The end of the child's time is the end. */
START_TEST(a_file_that_keeps_libhdf5_busy_is_refused)
{
	static const uint8_t no_end[8] = {0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	enum { FIRST_SIZE = 24 };                    /* of a heap's first text, behind the heap's name */
	size_t n, heaps = 0;
	fault e = {.text = ""};
	char *x = file_bytes(DIR_ "generator-cond-keras2.15.legacy.h5", &n);
	for (size_t i = 0; i + FIRST_SIZE + sizeof no_end < n; i++)
		if (memcmp(x + i, "GCOL", 4) == 0) {
			memcpy(x + i + FIRST_SIZE, no_end, sizeof no_end);
			heaps++;
		}
	ck_assert_uint_gt(heaps, 0);
	file_store(scratch_at("endless.h5"), x, n);
	free(x);
	ck_assert_ptr_null(keras_read(scratch_at("endless.h5"), &(keras_read_options){.cpu_s = 1}, &e));
	ck_assert_msg(strstr(e.text, "endless.h5: ") && !strchr(e.text, '\n'), "%s", e.text);
	/* A libhdf5 that sees it says so. */
	ck_assert_msg(strstr(e.text, "did not end in 1 s of processor time") || !strstr(e.text, "read now"), "%s",
		e.text);
}
END_TEST

/* The end of a long name is not its name: without names the layers stand in their order. */
START_TEST(long_names_are_nobody_elses)
{
	char full[301], weight[80];
	fault e;
	memset(full, 'n', sizeof full);
	full[sizeof full - 1] = '\0';
	const char *end = full + sizeof full - 128, *names[] = {full, "first"}, *path[] = {"kernel:0"};
	h5 *f = h5_create(scratch_at("file"), &e);
	ck_assert(h5_attr_write_texts(f, "/", "layer_names", 2, names, &e));
	for (int i = 0; i < 2; i++) {
		char group[320], set[340];
		snprintf(group, sizeof group, "/%s", names[i]);
		snprintf(set, sizeof set, "%s/kernel:0", group);
		ck_assert(h5_write_real(f, set, SHAPE(1, 1), (real[]){(real)(i + 1)}, &e)
			&& h5_attr_write_texts(f, group, "weight_names", 1, path, &e));
	}
	ck_assert_msg(h5_commit(f, &e), "%s", e.text);
	keras_model *w = keras_read(scratch_at("file"), NULL, &e), *m = keras_model_new("m", &e);
	ck_assert_msg(w != NULL, "%s", e.text);
	int at = keras_add_input(m, "x", SHAPE(1), "float32", &e);
	for (int i = 0; i < 2; i++) {
		at = keras_add(m, "Dense", i ? end : "first", 1, &at, &e);
		ck_assert(at > 0 && keras_set_int(m, at, "units", 1, &e)
			&& keras_set_bool(m, at, "use_bias", false, &e));
	}
	ck_assert(keras_set_output(m, at, &e));
	ck_assert_msg(keras_match(m, w, NULL, NULL, &e), "%s", e.text);
	ck_assert(m->layer[1].weight[0].x[0] == 1 && m->layer[2].weight[0].x[0] == 2);
	keras_model_free(m);
	keras_model_free(w);
	memset(weight, 'w', sizeof weight - 1);
	weight[sizeof weight - 1] = '\0';
	f = legacy_file("d", weight);
	char set[100];
	snprintf(set, sizeof set, "/d/%s", weight);
	ck_assert(h5_write_real(f, set, SHAPE(1), (real[]){1}, &e) && h5_commit(f, &e));
	refused_with("79 letters; at most 63");
}
END_TEST

/* More layers than any network, each within another as deep as the library goes. */
START_TEST(deep_and_wide_native_files_are_refused)
{
	char path[2048] = "/layers/a";
	fault e;
	h5 *f = h5_create(scratch_at("file"), &e);
	for (int i = 0; i < 30; i++)
		strcat(path, "/layers/a");
	ck_assert(h5_group(f, path, &e) && h5_commit(f, &e));
	refused_with("nested deeper than 12 groups");
	f = h5_create(scratch_at("file"), &e);
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof path, "/layers/dense_%d/vars", i);
		ck_assert(h5_group(f, path, &e));
	}
	ck_assert(h5_commit(f, &e));
	refused_with("members; 4096 are allowed");
	f = h5_create(scratch_at("file"), &e);
	ck_assert(h5_write_real(f, "/layers/dense/vars/1", SHAPE(2), (real[]){1, 2}, &e) && h5_commit(f, &e));
	refused_with("not in the file");             /* variable 0 */
}
END_TEST

/* Files made with h5py: tests/golden/data/README.md says how. */
START_TEST(linked_files_are_refused)
{
	static const struct {
		const char *file, *want;
	} row[] = {
		{"soft.h5", "a soft or external link"},
		{"external.h5", "a soft or external link"},
		{"storage.h5", "its values lie in another file"},
		{"virtual.h5", "its values lie in other data sets"},
		{"loop.h5", "nested deeper than"},
		{"bomb.h5", "more weights than a file of this size can hold"},
		{"huge.h5", "claims"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		char path[256];
		fault e;
		snprintf(path, sizeof path, "tests/golden/data/%s", row[i].file);
		keras_model *m = keras_read(path, NULL, &e);
		ck_assert_msg(m == NULL, "%s was read", row[i].file);
		ck_assert_msg(strstr(e.text, row[i].want) != NULL, "%s", e.text);
	}
}
END_TEST

/* ---- archives ---- */

typedef struct blob {
	void *x;
	size_t n;
} blob;

static blob member(const char *file, const char *name)
{
	char path[256];
	fault e;
	FILE *f = fopen(path_of(file, path), "rb");
	ck_assert_ptr_nonnull(f);
	blob all = {malloc(1 << 20), 0}, b;
	all.n = fread(all.x, 1, 1 << 20, f);
	fclose(f);
	ck_assert_msg(archive_extract(file, all.x, all.n, name, 1 << 20, &b.x, &b.n, &e), "%s", e.text);
	free(all.x);
	return b;
}

static void put_archive(const archive_member *m, int n)
{
	fault e;
	void *x;
	size_t size;
	ck_assert_msg(archive_pack("made", m, n, &x, &size, &e), "%s", e.text);
	put_bytes(x, size);
	free(x);
}

START_TEST(archives_with_wrong_members_are_refused)
{
	blob c = member("discriminator-seq-keras2.15.keras", "config.json");
	blob w = member("discriminator-seq-keras2.15.keras", "model.weights.h5");
	const archive_member good[] = {{"config.json", c.x, c.n}, {"model.weights.h5", w.x, w.n}};
	put_archive(good, 1);
	refused_with("model.weights.h5");
	put_archive(good + 1, 1);
	refused_with("config.json");
	archive_member m[2] = {good[0], {"model.weights.h5", "", 0}};
	put_archive(m, 2);
	refused_with("it is empty");
	m[1] = good[1];
	m[0].bytes = "{\"class_name\": 3}";
	m[0].n = strlen(m[0].bytes);
	put_archive(m, 2);
	refused_with("");
	char deep[40000];                            /* a parser without a limit would end here */
	memset(deep, '[', sizeof deep);
	m[0] = (archive_member){"config.json", deep, sizeof deep};
	put_archive(m, 2);
	refused_with("");
	free(c.x);
	free(w.x);
}
END_TEST

/* 300 MB of zeros in 300 kB: claims more than a file of its size may hold. */
START_TEST(zip_bombs_are_refused_before_memory_is_taken)
{
	char path[256];
	fault e;
	ck_assert_ptr_null(keras_read(path_of("../data/bomb.keras", path),
		&(keras_read_options){.weights_only = true}, &e));
	ck_assert_msg(strstr(e.text, "model.weights.h5") != NULL, "%s", e.text);
}
END_TEST

/* A few bytes of settings that mean terabytes: refused before anything of that size is asked for. */
START_TEST(networks_larger_than_the_machine_are_refused)
{
	fault e;
	keras_model *m = keras_model_new("large", &e);
	int at = keras_add_input(m, "x", SHAPE(4096, 4096, 1), "float32", &e);
	at = keras_add(m, "UpSampling2D", "up", 1, &at, &e);
	ck_assert(keras_set_list(m, at, "size", 2, (int64_t[]){_i ? 4096 : 60, 60}, &e));
	at = keras_add(m, "Activation", "tanh", 1, &at, &e);
	ck_assert(keras_set_text(m, at, "activation", "tanh", &e) && keras_set_output(m, at, &e));
	ck_assert_ptr_null(keras_run_new(m, 1, &e));
	ck_assert_msg(strstr(e.text, _i ? "too many elements" : "this machine has") != NULL, "%s", e.text);
	keras_model_free(m);
}
END_TEST

int main(void)
{
	const suite_test files[] = {
		{files_of_keras_predict_as_keras_does, COUNT(golden)},
		{chunked_names_are_joined, 1},
		{nested_models_get_their_flat_lists, 2},
		{nested_models_find_their_groups, 2},
	};
	const suite_test mismatches[] = {
		{mismatches_are_listed_layer_by_layer, 1},
		{another_networks_weights_are_refused, 1},
		{unknown_classes_are_kept_by_name_and_not_run, 1},
		{labels_are_checked_before_anything_runs, 1},
		{wrong_settings_are_named, 1},
		{an_identity_runs, 2},
	};
	const suite_test hostile[] = {
		{damaged_files_are_read_or_refused_with_a_line, DAMAGE_KINDS},
		{what_is_no_file_of_keras_is_said, 1},
		{legacy_lists_that_lead_astray_are_refused, 1},
		{names_of_any_letters_stay_apart, 1},
		{files_of_other_programs_are_called_by_name, 1},
		{quantised_and_half_files, 1},
		{a_file_that_keeps_libhdf5_busy_is_refused, 1},
		{long_names_are_nobody_elses, 1},
		{deep_and_wide_native_files_are_refused, 1},
		{linked_files_are_refused, 1},
		{archives_with_wrong_members_are_refused, 1},
		{networks_larger_than_the_machine_are_refused, 2},
		{zip_bombs_are_refused_before_memory_is_taken, 1},
	};
	const suite_case cases[] = {
		{.name = "golden", TESTS(files)},
		{.name = "mismatches", TESTS(mismatches)},
		{.name = "hostile", TESTS(hostile), .timeout = 300},
	};
	return suite_run_cases("keras read", cases, COUNT(cases), 120);
}
