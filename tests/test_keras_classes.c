/* test_keras_classes.c - every class of Keras that import knows predicts here what it predicts there.
 *
 * tests/golden/keras/classes/ has a model for each class and variant, classes.expected.h5 what Keras made of it
 * (make_classes.py in the same folder writes both). */
#include <check.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/h5/h5.h"
#include "gan/keras/file/read.h"
#include "gan/keras/run/placed.h"
#include "tests/suite.h"

#define DIR_ "tests/golden/keras/"

/* ---- one file ---- */

/* "FILE|part" of the expected values; the caller frees it. */
static real *load(h5 *f, const char *file, const char *part, shape *s)
{
	char path[300];
	h5_info info;
	error e;
	snprintf(path, sizeof path, "/%s|%s", file, part);
	ck_assert_msg(h5_stat(f, path, &info, &e), "%s", e.text);
	*s = info.s;
	real *x = malloc((size_t)shape_count(s) * sizeof *x);
	ck_assert(x && h5_read_real(f, path, x, shape_count(s), &e));
	return x;
}

static keras_model *model_in(const char *file)
{
	char path[300];
	error e;
	snprintf(path, sizeof path, DIR_ "classes/%s", file);
	keras_model *m = keras_read(path, NULL, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

/* What Keras calls the input is what the layer is called. */
static double error_of(const char *file, const keras_model *m, h5 *expected)
{
	real *in[KERAS_INPUTS] = {NULL};
	shape s, out;
	error e;
	keras_run *n = keras_run_new(m, 2, &e);
	ck_assert_msg(n != NULL, "%s: %s", file, e.text);
	for (int k = 0; k < keras_run_inputs(n); k++)
		in[k] = load(expected, file, keras_run_input_name(n, k), &s);
	real *want = load(expected, file, "y", &s), *got = calloc((size_t)shape_count(&s), sizeof *got);
	out = keras_run_output_shape(n);
	const shape samples = shape_of(s.rank - 1, s.dim + 1);
	ck_assert_msg(shape_equal(&out, &samples), "%s: %s, of Keras %s", file, shape_print(&out).s, shape_print(&samples).s);
	ck_assert_msg(keras_run_predict(n, s.dim[0], (const real *const *)in, got, &e), "%s: %s", file, e.text);
	double worst = 0, most = 0;
	for (int64_t i = 0; i < shape_count(&s); i++) {
		worst = isfinite(got[i]) ? fmax(worst, fabs((double)got[i] - (double)want[i])) : INFINITY;
		most = fmax(most, fabs((double)want[i]));
	}
	for (int k = 0; k < keras_run_inputs(n); k++)
		free(in[k]);
	free(want);
	free(got);
	keras_run_free(n);
	return worst / most;
}

/* ---- all of them ---- */

/* The class of a layer, and of the one inside SpectralNormalization. */
static void note_classes(const keras_model *m, bool *seen)
{
	for (int i = 0; i < m->layers; i++)
		for (int c = 0; keras_class_at(c); c++)
			seen[c] |= !strcmp(m->layer[i].class_name, keras_class_at(c)->name);
}

/* Keras computed in float32, and sums in another order: its values are a few units of rounding (6e-8) off, a little
 * more behind a normalisation, which divides. The largest of all files is 5e-7. A wrong formula is off by 1e-2. */
static const double TOLERANCE = 2e-6;

enum { CLASSES_MAX = 128 };

START_TEST(every_class_predicts_what_keras_does)
{
	bool seen[CLASSES_MAX] = {false};
	int files = 0, wrong = 0;
	error e;
	h5 *expected = h5_open(DIR_ "classes.expected.h5", &e);
	ck_assert_msg(expected != NULL, "%s", e.text);
	DIR *d = opendir(DIR_ "classes");
	ck_assert_ptr_nonnull(d);
	for (const struct dirent *f; (f = readdir(d));) {
		if (*f->d_name == '.')
			continue;
		keras_model *m = model_in(f->d_name);
		const double off = error_of(f->d_name, m, expected);
		if (!(off <= TOLERANCE))
			printf("%-32s error %.1e\n", f->d_name, off);
		wrong += !(off <= TOLERANCE);
		note_classes(m, seen);
		keras_model_free(m);
		files++;
	}
	closedir(d);
	h5_close(expected);
	ck_assert_msg(wrong == 0, "%d of %d files", wrong, files);
	for (int c = 0; keras_class_at(c); c++)
		ck_assert_msg(seen[c], "no file in " DIR_ "classes has the class %s: make_classes.py needs a row",
			keras_class_at(c)->name);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{every_class_predicts_what_keras_does, 1},
	};
	return suite_run("keras_classes", tests, COUNT(tests), 120);
}
