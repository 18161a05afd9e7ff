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

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/keras/file/read.h"
#include "gan/keras/model/json.h"
#include "gan/keras/run/placed.h"
#include "tests/suite.h"

#define DIR_ "tests/golden/keras/"

/* ---- one file ---- */

/* "FILE|part" of the expected values; the caller frees it. */
static real *load(h5 *f, const char *file, const char *part, shape *s)
{
	char path[300];
	h5_info info;
	fault e;
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
	fault e;
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
	fault e;
	keras_run *n = keras_run_new(m, 2, &e);
	ck_assert_msg(n != NULL, "%s: %s", file, e.text);
	for (int k = 0; k < keras_run_inputs(n); k++)
		in[k] = load(expected, file, keras_run_input_name(n, k), &s);
	real *want = load(expected, file, "y", &s), *got = calloc((size_t)shape_count(&s), sizeof *got);
	out = keras_run_output_shape(n);
	const shape samples = shape_of(s.rank - 1, s.dim + 1);
	ck_assert_msg(shape_equal(&out, &samples), "%s: %s, of Keras %s", file, shape_print(&out).s,
		shape_print(&samples).s);
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
	fault e;
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

/* ---- numbers at the edges ---- */

/* What one layer of this class makes of n samples of one number each, from as many inputs as there are. */
static void run_class(const char *class_name, const char *key, double setting, int nin, const real *const *in, int n,
	real *out)
{
	static const char *const name[] = {"a", "b"};
	int from[2];
	fault e;
	keras_model *m = keras_model_new("m", &e);
	for (int i = 0; i < nin; i++)
		from[i] = keras_add_input(m, name[i], SHAPE(1), "float32", &e);
	const int at = keras_add(m, class_name, "l", nin, from, &e);
	ck_assert(!key || keras_set_float(m, at, key, setting, &e));
	ck_assert(keras_set_output(m, at, &e));
	m->topology = true;
	keras_run *net = keras_run_new(m, n, &e);
	ck_assert_msg(net && keras_run_predict(net, n, in, out, &e), "%s: %s", class_name, e.text);
	keras_run_free(net);
	keras_model_free(m);
}

/* Equal to the bit, but for the sign of a zero; NaN equals NaN. */
static bool same_number(real x, real y)
{
	return x == y || (isnan(x) && isnan(y));
}

static const real LARGE = (real)-1e5, SMALL = (real)0.3e-3, VAST = (real)1e30;
#define INF ((real)INFINITY)
#define NONE ((real)NAN)

START_TEST(larger_and_smaller_are_one_of_the_two)
{
	const real a[] = {LARGE, SMALL, 2, 0, VAST, -VAST, INF, 1, -INF, 1, INF, -INF, INF, NONE, 1, NONE, -INF};
	const real b[] = {SMALL, LARGE, 2, 0, 1, 1, 1, INF, 1, -INF, INF, -INF, -INF, 1, NONE, INF, NONE};
	enum { N = COUNT(a) };
	static const char *const larger[] = {"Maximum", "ops>Maximum"}, *const smaller[] = {"Minimum", "ops>Minimum"};
	const real *const in[] = {a, b};
	real most[N], least[N];
	for (int c = 0; c < COUNT(larger); c++) {
		run_class(larger[c], NULL, 0, 2, in, N, most);
		run_class(smaller[c], NULL, 0, 2, in, N, least);
		for (int i = 0; i < N; i++) {
			const real up = isnan(a[i]) || isnan(b[i]) ? NONE : MAX(a[i], b[i]);
			const real down = isnan(a[i]) || isnan(b[i]) ? NONE : MIN(a[i], b[i]);
			ck_assert_msg(same_number(most[i], up), "%s(%g, %g) = %.9g", larger[c], (double)a[i],
				(double)b[i], (double)most[i]);
			ck_assert_msg(same_number(least[i], down), "%s(%g, %g) = %.9g", smaller[c], (double)a[i],
				(double)b[i], (double)least[i]);
		}
	}
}
END_TEST

START_TEST(a_bound_of_relu_is_met_to_the_bit)
{
	const real x[] = {(real)1e9, VAST, INF, 6, (real)5.9999995, (real)0.1, 0, -1, -INF, NONE};
	const real want[] = {6, 6, 6, 6, (real)5.9999995, (real)0.1, 0, 0, 0, NONE};
	const real *const in[] = {x};
	real y[COUNT(x)];
	run_class("ReLU", "max_value", 6, 1, in, COUNT(x), y);
	for (int i = 0; i < COUNT(x); i++)
		ck_assert_msg(same_number(y[i], want[i]), "of %g: %.9g", (double)x[i], (double)y[i]);
}
END_TEST

/* Where TensorFlow's rounding takes another pixel than the centre's true place (from Keras 3.15, Resizing to width m,
 * interpolation nearest): pixel `at` of m takes `takes` of n. -1: nowhere. */
static const struct {
	int n, m, at, takes;
} roundings[] = {
	{28, 46, 11, 6}, {48, 76, 47, 29}, {64, 110, 27, 15}, {32, 94, 23, 7}, {8, 82, 20, 1}, {8, 41, 20, 3},
	{6, 37, 18, 2}, {5, 3, -1, -1}, {7, 4, -1, -1}, {64, 37, -1, -1}, {4, 12, -1, -1},
};

START_TEST(nearest_pixels_are_those_of_tensorflow)
{
	const int n = roundings[_i].n, m = roundings[_i].m;
	fault e;
	real x[64], y[128];
	const real *const in[] = {x};
	keras_model *k = keras_model_new("m", &e);
	const int from = keras_add_input(k, "a", SHAPE(1, n, 1), "float32", &e);
	const int at = keras_add(k, "Resizing", "l", 1, &from, &e);
	ck_assert(keras_set_int(k, at, "height", 1, &e) && keras_set_int(k, at, "width", m, &e) &&
		keras_set_text(k, at, "interpolation", "nearest", &e) && keras_set_output(k, at, &e));
	k->topology = true;
	for (int i = 0; i < n; i++)
		x[i] = (real)i;
	keras_run *net = keras_run_new(k, 1, &e);
	ck_assert_msg(net && keras_run_predict(net, 1, in, y, &e), "%s", e.text);
	for (int i = 0; i < m; i++) {
		const int takes = i == roundings[_i].at ? roundings[_i].takes : (2 * i + 1) * n / (2 * m);
		ck_assert_msg(y[i] == (real)takes, "%d -> %d: pixel %d takes %g, not %d", n, m, i, (double)y[i], takes);
	}
	keras_run_free(net);
	keras_model_free(k);
}
END_TEST

/* ---- what is refused ---- */

/* One layer of the class with these settings, in JSON with ' for ", on inputs of these shapes. */
typedef struct refusal {
	const char *class_name, *input, *second, *settings, *message;
} refusal;

#define MAP "[null, 4, 5, 4]"
#define ROW "[null, 6]"
#define ALONE "[null]"
#define TOKENS "[null, 5, 4]"

static const refusal refusals[] = {
	{"Dense", ROW, NULL, "", "has no setting units"},
	{"Dense", ALONE, NULL, "'units': 3", "its input has no axis of features"},
	{"Dense", ROW, NULL, "'units': 3, 'activation': 'hard_sigmoid'", "activation hard_sigmoid is not supported"},
	{"Dense", ROW, NULL, "'units': 3, 'activation': {'class_name': 'LeakyReLU'}", "is not supported"},
	{"Embedding", ROW, NULL, "'input_dim': 3", "needs the settings input_dim and output_dim"},
	{"Embedding", "[null, 1, 1, 1, 1, 1, 1, 1]", NULL, "'input_dim': 3, 'output_dim': 2", "its input has 8 axes"},
	{"Conv2D", MAP, NULL, "'filters': 3", "needs the settings filters and kernel_size"},
	{"Conv2D", ROW, NULL, "'filters': 3, 'kernel_size': [1, 1]", "its input [1,6] has 2 axes; it takes 4"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3, 3]", "two whole numbers from 1 to 4096"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [5, 5]", "kernel 5 x 5 is larger than the image"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3], 'padding': 'causal'", "must be same or valid"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3], 'dilation_rate': [1, 2]", "[1,2] is not supported"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3], 'groups': 2", "groups = 2 divide"},
	{"Conv2D", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3], 'data_format': 'channels_first'",
	 "setting data_format = channels_first: only channels_last"},
	{"Conv2DTranspose", MAP, NULL, "'kernel_size': [3, 3]", "needs the settings filters and kernel_size"},
	{"Conv2DTranspose", MAP, NULL, "'filters': 3, 'kernel_size': [3, 3], 'output_padding': [1, 1]",
	 "output_padding is not supported"},
	{"Conv2DTranspose", MAP, NULL, "'filters': 4, 'kernel_size': [3, 3], 'groups': 2", "groups are not supported"},
	{"Conv2DTranspose", "[null, 4000, 4000, 1]", NULL,
	 "'filters': 64, 'kernel_size': [2, 2], 'strides': [4000, 4000]", "too many elements"},
	{"DepthwiseConv2D", MAP, NULL, "", "needs the setting kernel_size"},
	{"SeparableConv2D", MAP, NULL, "'kernel_size': [3, 3]", "needs the setting filters"},
	{"SeparableConv2D", MAP, NULL, "'filters': 3", "needs the setting kernel_size"},
	{"SpectralNormalization", MAP, NULL, "'layer': {'class_name': 'ReLU', 'config': {}}",
	 "wraps a ReLU, which has no kernel"},
	{"SpectralNormalization", MAP, NULL, "'layer': {'class_name': 'Lambda', 'config': {}}",
	 "wraps the class Lambda, which is not supported"},
	{"SpectralNormalization", MAP, NULL, "'layer': {'class_name': 'SpectralNormalization', 'config': {}}",
	 "wraps the class SpectralNormalization, which is not supported"},
	{"SpectralNormalization", TOKENS, NULL, "'layer': {'class_name': 'Attention', 'config': {}}",
	 "wraps the class Attention, which takes 2 inputs"},
	{"SpectralNormalization", TOKENS, NULL,
	 "'layer': {'class_name': 'MultiHeadAttention', 'config': {'num_heads': 2, 'key_dim': 3}}",
	 "wraps the class MultiHeadAttention, which takes 2 inputs"},
	{"SpectralNormalization", ROW, NULL, "'layer': {'class_name': 'Dot', 'config': {'axes': 1}}",
	 "wraps the class Dot, which takes 2 inputs"},
	{"AveragePooling2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"AveragePooling2D", MAP, NULL, "'pool_size': [0, 1]", "two whole numbers from 1"},
	{"MaxPooling2D", MAP, NULL, "'padding': 'full'", "padding full: must be same or valid"},
	{"MaxPooling2D", MAP, NULL, "'strides': [0, 1]", "setting strides must be two whole numbers"},
	{"GlobalAveragePooling2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"GlobalAveragePooling2D", MAP, NULL, "'data_format': 'channels_first'", "only channels_last"},
	{"GlobalMaxPooling2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"GlobalMaxPooling2D", "[null, 5000, 2, 1]", NULL, "", "its input is too large"},
	{"UpSampling2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"UpSampling2D", MAP, NULL, "'interpolation': 'bicubic'", "interpolation bicubic: must be nearest or bilinear"},
	{"UpSampling2D", "[null, 4000, 4000, 1]", NULL, "'size': [4000, 4000]", "too many elements"},
	{"Resizing", MAP, NULL, "'height': 3", "needs the settings height and width"},
	{"Resizing", ROW, NULL, "'height': 3, 'width': 3", "has 2 axes; it takes 4"},
	{"Resizing", MAP, NULL, "'height': 0, 'width': 3", "setting height must be a whole number from 1"},
	{"Resizing", MAP, NULL, "'height': 3, 'width': 3, 'interpolation': 'bicubic'", "must be nearest or bilinear"},
	{"Resizing", MAP, NULL, "'height': 3, 'width': 3, 'crop_to_aspect_ratio': true", "crop_to_aspect_ratio is not"},
	{"Resizing", MAP, NULL, "'height': 3, 'width': 3, 'pad_to_aspect_ratio': true", "pad_to_aspect_ratio is not"},
	{"Resizing", MAP, NULL, "'height': 3, 'width': 3, 'data_format': 'channels_first'", "only channels_last"},
	{"Attention", TOKENS, NULL, "", "has 1 inputs; it takes 2 to 3"},
	{"Attention", MAP, MAP, "", "has 4 axes; it takes [B,N,C]"},
	{"Attention", TOKENS, "[null, 7, 3]", "", "a query of width 4 and keys of width 3"},
	{"Attention", TOKENS, TOKENS, "'score_mode': 'cosine'", "score_mode = cosine: only dot"},
	{"AdditiveAttention", TOKENS, "[null, 7, 3]", "", "a query of width 4 and keys of width 3"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 2", "needs the settings num_heads and key_dim"},
	{"MultiHeadAttention", MAP, MAP, "'num_heads': 2, 'key_dim': 3", "has 4 axes; it takes [B,N,C]"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 2, 'key_dim': 3, 'attention_axes': [1, 2]",
	 "only the axis of the tokens"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 2, 'key_dim': 3, 'output_shape': [2, 2]",
	 "output_shape must be one number"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 16777216, 'key_dim': 16777216", "too many elements"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 2, 'key_dim': 3, 'use_gate': true", "use_gate is not"},
	{"MultiHeadAttention", TOKENS, TOKENS, "'num_heads': 2, 'key_dim': 3, 'sliding_window': 2",
	 "sliding_window is not supported"},
	{"Attention", TOKENS, TOKENS, "'causal': true", "causal is not supported"},
	{"AdditiveAttention", TOKENS, TOKENS, "'causal': true", "causal is not supported"},
	{"BatchNormalization", MAP, NULL, "'renorm': true", "renorm is not supported"},
	{"Dense", ROW, NULL, "'units': 3, 'sparse': true", "sparse is not supported"},
	{"Dense", ROW, NULL, "'units': 3, 'warp': 'a'", "setting warp is not known"},
	{"Dense", ROW, NULL, "'units': 3, 'lora_rank': 4", "setting lora_rank is not known"},
	{"Dense", ROW, NULL, "'units': 3, 'warp': false", "setting warp is not known"},
	{"ReLU", MAP, NULL, "'units': 3", "setting units is not known"},
	{"SpectralNormalization", ROW, NULL, "'layer': {'class_name': 'Dense', 'config': {'units': 3, 'warp': 2}}",
	 "setting warp is not known"},
	{"ops>Tanh", MAP, NULL, "'axis': 1", "setting axis is not known"},
	{"DepthwiseConv2D", MAP, NULL, "'kernel_size': [3, 3], 'groups': 2", "setting groups must be"},
	{"ops>Add", MAP, NULL, "", "its argument x2 is neither a number nor the result of a layer"},
	{"ops>Add", MAP, NULL, "'x1': 'a', 'x2': 1", "its argument x1 is neither a number nor"},
	{"ops>Add", MAP, MAP, "'x2': 1", "has 2 inputs besides numbers; it takes 1"},
	{"ops>Multiply", MAP, "[null, 4, 3, 4]", "", "sizes that do not go together: [1,4,5,4] and [1,4,3,4]"},
	{"ops>Subtract", "[null, 4000, 4000, 1]", "[null, 1, 1, 9999]", "", "too many elements"},
	{"ops>Power", MAP, MAP, "", "only a result of a layer to the power of a number"},
	{"ops>Power", MAP, NULL, "'x2': 1.7", "the exponent 1.7 is not supported"},
	{"ops>Clip", MAP, NULL, "'x_min': 1", "needs two numbers, the smaller first"},
	{"ops>Clip", MAP, NULL, "'x_min': 1, 'x_max': 0", "needs two numbers, the smaller first"},
	{"ops>Reshape", MAP, NULL, "'newshape': [2, 80]", "only a new shape of -1, for the batch, and numbers"},
	{"ops>Reshape", MAP, NULL, "'newshape': [-1, 7]", "does not have the 80 elements of a sample"},
	{"ops>Reshape", "[null, 262144, 262144]", NULL,
	 "'newshape': [-1, 1073741824, 64, 1073741824, 1073741824, 1073741824]",
	 "does not have the 68719476736 elements of a sample"},
	{"ops>Reshape", "[null, 262144, 262144]", NULL, "'newshape': [-1, -1]", "does not have the 68719476736"},
	{"ops>Mean", MAP, NULL, "", "a mean over the batch is not supported"},
	{"ops>Mean", MAP, NULL, "'axis': [0, 1]", "axis must be from 1 to 3"},
	{"ops>Transpose", MAP, NULL, "", "the class is not known"},
	{"BatchNormalization", MAP, NULL, "'axis': 1", "normalises another axis than the last"},
	{"BatchNormalization", MAP, NULL, "'axis': 7", "setting axis = 7: its input has the axes 1 to 3"},
	{"BatchNormalization", ALONE, NULL, "", "normalises another axis than the last"},
	{"BatchNormalization", MAP, NULL, "'epsilon': -1.0", "epsilon = -1: must not be negative"},
	{"LayerNormalization", MAP, NULL, "'axis': [1, 3]", "normalises other axes than the last"},
	{"LayerNormalization", MAP, NULL, "'axis': 2", "normalises other axes than the last"},
	{"LayerNormalization", MAP, NULL, "'rms_scaling': true", "rms_scaling is not supported"},
	{"GroupNormalization", MAP, NULL, "'axis': 1", "groups of another axis than the last"},
	{"GroupNormalization", MAP, NULL, "'groups': 3", "4 channels do not divide into 3 groups"},
	{"GroupNormalization", MAP, NULL, "'groups': 0", "4 channels do not divide into 0 groups"},
	{"ReLU", MAP, NULL, "'threshold': 1.0", "threshold = 1 is not supported"},
	{"ReLU", MAP, NULL, "'max_value': 'much'", "setting max_value must be a number"},
	{"ReLU", MAP, NULL, "'max_value': NaN", "setting max_value must be a number"},
	{"ReLU", MAP, NULL, "'max_value': -Infinity", "setting max_value must be a number"},
	{"ReLU", MAP, NULL, "'threshold': Infinity", "setting threshold must be a number"},
	{"LeakyReLU", MAP, NULL, "'negative_slope': 1e999", "not JSON"},
	{"PReLU", MAP, NULL, "'shared_axes': [1, 4]", "shared_axes must be from 1 to 3"},
	{"PReLU", MAP, NULL, "'shared_axes': 0", "shared_axes must be from 1 to 3"},
	{"PReLU", ALONE, NULL, "", "its input has no axes"},
	{"Activation", MAP, NULL, "'activation': 'hard_sigmoid'", "activation hard_sigmoid is not supported"},
	{"Softmax", MAP, NULL, "'axis': [1, 2]", "more than one axis is not supported"},
	{"Softmax", MAP, NULL, "'axis': 0", "setting axis = 0"},
	{"Reshape", ROW, NULL, "", "needs the setting target_shape"},
	{"Reshape", ROW, NULL, "'target_shape': [4]", "target_shape does not have the 6 elements"},
	{"Reshape", ROW, NULL, "'target_shape': [2, 4]", "target_shape does not have the 6 elements"},
	{"Reshape", ROW, NULL, "'target_shape': [-1, 4]", "target_shape does not have the 6 elements"},
	{"Reshape", ROW, NULL, "'target_shape': [-1, -1]", "target_shape does not have the 6 elements"},
	{"Reshape", "[null, 262144, 262144]", NULL, "'target_shape': [1073741824, 64, 1073741824, -1]",
	 "target_shape does not have the 68719476736 elements"},                             /* 2^66 is 0 in 64 bits */
	{"Flatten", MAP, NULL, "'data_format': 'channels_first'", "only channels_last"},
	{"Permute", MAP, NULL, "'dims': [1, 2]", "dims must be 3 numbers"},
	{"Permute", MAP, NULL, "'dims': [1, 2, 2]", "dims must be the numbers 1 to 3, each once"},
	{"Permute", MAP, NULL, "'dims': [0, 1, 2]", "dims must be the numbers 1 to 3, each once"},
	{"RepeatVector", MAP, NULL, "'n': 2", "has 4 axes; it takes 2"},
	{"RepeatVector", ROW, NULL, "'n': 0", "setting n must be a whole number from 1"},
	{"ZeroPadding2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"ZeroPadding2D", MAP, NULL, "'padding': [[1, -1], [0, 0]]", "two pairs of numbers from 0 to 4096"},
	{"ZeroPadding2D", MAP, NULL, "'padding': [[1, 1]]", "two pairs of numbers from 0 to 4096"},
	{"ZeroPadding2D", MAP, NULL, "'padding': [1, 1], 'data_format': 'channels_first'", "padding must be"},
	{"Cropping2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"Cropping2D", MAP, NULL, "'cropping': [[2, 2], [0, 0]]", "crops all of its input [1,4,5,4]"},
	{"Rescaling", MAP, NULL, "'scale': [1, 2]", "scale must be a number or a yes/no"},
	{"Add", MAP, NULL, "", "has 1 inputs; it takes 2 to 8"},
	{"Subtract", MAP, "[null, 4, 3, 4]", "", "sizes that do not go together: [1,4,5,4] and [1,4,3,4]"},
	{"Multiply", "[null, 4000, 4000, 1]", "[null, 1, 1, 9999]", "", "too many elements"},
	{"Concatenate", MAP, "[null, 4, 3, 4]", "", "cannot join [1,4,5,4] and [1,4,3,4] along axis 3"},
	{"Concatenate", MAP, ROW, "", "cannot join [1,4,5,4] and [1,6] along axis 3"},
	{"Concatenate", MAP, MAP, "'axis': 0", "setting axis = 0"},
	{"Dot", ROW, ROW, "'axes': 1, 'normalize': true", "normalize is not supported"},
	{"Dot", ROW, ROW, "", "axes must name one axis of each input"},
	{"Dot", ROW, ROW, "'axes': [1, 1, 1]", "axes must name one axis of each input"},
	{"Dot", MAP, MAP, "'axes': 1", "axes must name one axis of each input, which have 2 or 3"},
	{"Dot", ROW, "[null, 5]", "'axes': 1", "axes of 6 and 5 elements"},
	{"sagan>SpectralDense", ROW, NULL, "", "has no setting units"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2", "query_channels and value_channels"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2, 'value_channels': 4, 'pool': true",
	 "pools an image of odd size, or rows"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2, 'value_channels': 3, 'out_proj': false",
	 "value_channels = 3 without out_proj; its input has 4"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2, 'value_channels': 3, 'activation': 'tanh'",
	 "activation = tanh: only linear"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2, 'value_channels': 3, 'residual': 'projected'",
	 "residual = projected: only identity"},
	{"sagan>SelfAttention2D", MAP, NULL, "'query_channels': 2, 'value_channels': 3, 'filters': 1",
	 "filters = 1 on 4 channels"},
	{"sagan>SelfAttention2D", "[null, 4000, 4000, 4]", NULL, "'query_channels': 2, 'value_channels': 3",
	 "too many elements"},
	{"sagan>ConditionalScaleShift", MAP, "[null, 1]", "", "needs the setting classes"},
	{"sagan>ConditionalScaleShift", MAP, ROW, "'classes': 3", "takes one label per image, not [1,6]"},
	{"sagan>ConditionalScaleShift", MAP, "[null, 1]", "'classes': 3, 'spectral_norm': true, 'sn_epsilon': 0.0",
	 "sn_epsilon = 0: must be above 0"},
	{"sagan>GlobalSumPooling2D", ROW, NULL, "", "has 2 axes; it takes 4"},
	{"Lambda", MAP, NULL, "", "the class is not known"},
};

/* The text of a model with that one layer; the caller frees it. */
static char *json_of(const refusal *r)
{
	static const char form[] =
		"{'class_name': 'Functional', 'config': {'name': 'm', 'layers': ["
		"{'class_name': 'InputLayer', 'config': {'batch_input_shape': %s, 'dtype': 'float32'}, 'name': 'a',"
		" 'inbound_nodes': []},"
		"{'class_name': 'InputLayer', 'config': {'batch_input_shape': %s, 'dtype': 'float32'}, 'name': 'b',"
		" 'inbound_nodes': []},"
		"{'class_name': '%s', 'config': {%s}, 'name': 'l', 'inbound_nodes': [[['a', 0, 0, {}]%s]]}],"
		"'input_layers': [['a', 0, 0], ['b', 0, 0]], 'output_layers': [['l', 0, 0]]}}";
	const size_t n = sizeof form + 300;
	char *text = malloc(n);
	ck_assert_int_lt(snprintf(text, n, form, r->input, r->second ? r->second : ROW, r->class_name, r->settings,
		r->second ? ", ['b', 0, 0, {}]" : ""), (int)n);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return text;
}

/* Input((None, None, 3)): the batch is axis 0, as Keras counts. */
START_TEST(an_input_without_fixed_sizes_is_refused)
{
	static const char *const text[] = {"[null, null, null, 3]", "[null, 8, null, 3]"};
	static const char *const message[] = {
		"layer #0 (named a, InputLayer): axis 1 has no fixed size (null); build the model with fixed sizes",
		"layer #0 (named a, InputLayer): axis 2 has no fixed size (null); build the model with fixed sizes",
	};
	const refusal r = {"Flatten", text[_i], NULL, "", message[_i]};
	fault e = {.text = ""};
	bool refused;
	keras_wants wants[3];
	char *json = json_of(&r);
	keras_model *m = keras_from_json(json, strlen(json), &e);
	ck_assert_msg(m, "%s", e.text);
	ck_assert(!keras_run_wants(m, wants, &refused, &e));
	ck_assert_str_eq(e.text, r.message);
	keras_model_free(m);
	free(json);
}
END_TEST

START_TEST(settings_that_mean_something_else_are_refused)
{
	const refusal *r = &refusals[_i];
	fault e = {.text = ""};
	bool refused;
	keras_wants wants[3];
	char *text = json_of(r);
	keras_model *m = keras_from_json(text, strlen(text), &e);
	ck_assert_msg(!m || !keras_run_wants(m, wants, &refused, &e), "%s {%s} is taken", r->class_name, r->settings);
	ck_assert_msg(strstr(e.text, r->message), "%s {%s}: %s", r->class_name, r->settings, e.text);
	ck_assert_msg(!m || strstr(e.text, "layer #2 (named l, "), "%s", e.text);
	keras_model_free(m);
	free(text);
}
END_TEST

/* ---- masks ---- */

/* Tokens [5] through an Embedding with or without mask_zero and a layer of this class, then into Attention with itself
 * or, without attention, out. NULL with e set where it is refused. */
static bool masked_model_is_taken(bool mask, const char *between, bool attention, fault *e)
{
	bool refused = false;
	keras_wants wants[4];
	keras_model *m = keras_model_new("m", e);
	const int tokens = keras_add_input(m, "a", SHAPE(5), "int32", e);
	const int rows = keras_add(m, "Embedding", "rows", 1, &tokens, e);
	ck_assert(keras_set_int(m, rows, "input_dim", 3, e) && keras_set_int(m, rows, "output_dim", 4, e) &&
		keras_set_bool(m, rows, "mask_zero", mask, e));
	int at = keras_add(m, between, "between", 1, &rows, e);
	ck_assert(strcmp(between, "Dense") != 0 || keras_set_int(m, at, "units", 4, e));
	ck_assert(strcmp(between, "Reshape") != 0 ||
		keras_set_list(m, at, "target_shape", 2, (int64_t[]){5, 4}, e));
	if (attention)
		at = keras_add(m, "Attention", "seen", 2, (int[]){at, at}, e);
	ck_assert(keras_set_output(m, at, e));
	m->topology = true;
	const bool taken = keras_run_wants(m, wants, &refused, e);
	keras_model_free(m);
	return taken;
}

START_TEST(masks_are_refused_where_attention_sees_them)
{
	static const char *const keeps[] = {"Dense", "LayerNormalization", "Dropout", "ReLU"};
	static const char *const loses[] = {"Reshape", "ops>Tanh"};
	fault e = {.text = ""};
	for (int i = 0; i < COUNT(keeps); i++) {
		ck_assert_msg(!masked_model_is_taken(true, keeps[i], true, &e), "%s keeps the mask", keeps[i]);
		ck_assert_str_eq(e.text, "layer #3 (named seen, Attention): mask_zero of layer rows is not supported "
			"where attention follows");
		ck_assert_msg(masked_model_is_taken(true, keeps[i], false, &e), "%s: %s", keeps[i], e.text);
		ck_assert_msg(masked_model_is_taken(false, keeps[i], true, &e), "%s: %s", keeps[i], e.text);
	}
	for (int i = 0; i < COUNT(loses); i++)
		ck_assert_msg(masked_model_is_taken(true, loses[i], true, &e), "%s: %s", loses[i], e.text);
	ck_assert(!masked_model_is_taken(true, "Softmax", false, &e));
	ck_assert_msg(strstr(e.text, "(named between, Softmax): mask_zero of layer rows"), "%s", e.text);
}
END_TEST

/* Keras 3.15: SpectralNormalization ends in ops.cast(output, inputs.dtype). */
START_TEST(a_spectral_embedding_of_whole_numbers_is_refused)
{
	static const char *const type[] = {"int32", "uint8", "int64", "float32"};
	for (int i = 0; i < COUNT(type); i++) {
		fault e = {.text = ""};
		bool refused = false;
		keras_wants wants[2];
		keras_model *m = keras_model_new("m", &e);
		const int label = keras_add_input(m, "a", SHAPE(1), type[i], &e);
		const int at = keras_add(m, "SpectralNormalization", "rows", 1, &label, &e);
		ck_assert(keras_set_text(m, at, "layer", "Embedding", &e) && keras_set_int(m, at, "input_dim", 3, &e) &&
			keras_set_int(m, at, "output_dim", 4, &e) && keras_set_output(m, at, &e));
		m->topology = true;
		const bool taken = keras_run_wants(m, wants, &refused, &e), whole = strcmp(type[i], "float32") != 0;
		ck_assert_msg(taken != whole, "%s: %s", type[i], e.text);
		ck_assert_msg(!whole || strstr(e.text, "(named rows, SpectralNormalization): Keras 3 casts"), "%s",
			e.text);
		keras_model_free(m);
	}
}
END_TEST

/* The class of the one layer of a model, by its module. */
START_TEST(only_keras_own_modules_are_keras)
{
	static const struct {
		const char *module, *class_name;
	} is[] = {
		{"keras", "Tanh"}, {"keras.layers", "Tanh"}, {"keras.src.ops.numpy", "ops>Tanh"},
		{"keras_core.src.ops.numpy", "ops>Tanh"}, {"tf_keras.src.layers", "Tanh"},
		{"tensorflow.keras.layers", "Tanh"}, {"mylib.ops.act", "mylib.ops.act>Tanh"},
		{"keras_mine.layers", "keras_mine.layers>Tanh"}, {"kerasx", "kerasx>Tanh"},
		{"tf_keras2", "tf_keras2>Tanh"}, {"tensorflow_addons.ops.act", "tensorflow_addons.ops.act>Tanh"},
	};
	char text[600];
	for (int i = 0; i < COUNT(is); i++) {
		fault e = {.text = ""};
		snprintf(text, sizeof text,
			"{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\", \"layers\": ["
			"{\"class_name\": \"InputLayer\", \"name\": \"a\", \"config\": {\"batch_shape\": [null, 4]}},"
			"{\"class_name\": \"Tanh\", \"module\": \"%s\", \"name\": \"l\", \"config\": {}}]}}",
			is[i].module);
		keras_model *m = keras_from_json(text, strlen(text), &e);
		ck_assert_msg(m != NULL, "%s", e.text);
		ck_assert_str_eq(m->layer[1].class_name, is[i].class_name);
		keras_model_free(m);
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{every_class_predicts_what_keras_does, 1},
		{larger_and_smaller_are_one_of_the_two, 1},
		{a_bound_of_relu_is_met_to_the_bit, 1},
		{nearest_pixels_are_those_of_tensorflow, COUNT(roundings)},
		{settings_that_mean_something_else_are_refused, COUNT(refusals)},
		{an_input_without_fixed_sizes_is_refused, 2},
		{masks_are_refused_where_attention_sees_them, 1},
		{a_spectral_embedding_of_whole_numbers_is_refused, 1},
		{only_keras_own_modules_are_keras, 1},
	};
	return suite_run("keras_classes", tests, COUNT(tests), 120);
}
