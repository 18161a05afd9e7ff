/* ONNX files: read back with the messages of the format and followed through their graph. What ONNX Runtime computes
 * from them is for tests/keras/check_onnx.py; with SAGAN_ONNX_DIR set, the files and references that it needs
 * stay there. */
#include "core/base/local.h"
#include "core/base/rng.h"
#include "gan/keras/run/run.h"
#include "gan/keras/file/write.h"
#include "gan/keras/model/shapes.h"
#include "gan/keras/onnx/onnx.h"
#include "gan/keras/onnx/onnx.pb-c.h"
#include "gan/keras/file/read.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/onnx_kit.h"
#include "tests/suite.h"

#include <check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static fault e;

/* What tests/keras/check_onnx.py needs. */
static const char *in_dir(const char *base, const char *end)
{
	static char path[4][400];
	static int turn;
	char *p = path[turn++ % 4];
	const char *kept = getenv("SAGAN_ONNX_DIR");
	snprintf(p, sizeof path[0], "%s/%s%s", kept ? kept : scratch_folder(), base, end);
	return p;
}

/* ---- a network with every class ---- */

typedef struct sketch {
	keras_model *m;
	rng r;
} sketch;

static int add(sketch *n, const char *class_name, const char *name, int from)
{
	int at = keras_add(n->m, class_name, name, from >= 0, &from, &e);
	ck_assert_msg(at >= 0, "%s", e.text);
	return at;
}

static int add2(sketch *n, const char *class_name, const char *name, int a, int b)
{
	int at = keras_add(n->m, class_name, name, 2, (const int[]){a, b}, &e);
	ck_assert_msg(at >= 0, "%s", e.text);
	return at;
}

/* Random values; variances are positive. */
static void weight(sketch *n, int at, const char *name, shape s)
{
	size_t count = (size_t)shape_count(&s);
	real *x = malloc(count * sizeof *x);
	for (size_t i = 0; i < count; i++)
		x[i] = (real)(strcmp(name, "moving_variance") ? 0.3 * rng_normal(&n->r) : 0.5 + 0.1 * (double)(i % 7));
	OK(keras_add_weight(n->m, at, name, s, x, &e));
	free(x);
}

#define LIST(at, key, ...) OK(keras_set_list(n->m, at, key, 2, (const int64_t[]){__VA_ARGS__}, &e))

static int conv(sketch *n, const char *class_name, const char *name, int from, int64_t k, int64_t stride,
		const char *padding, int64_t cin, int64_t cout)
{
	bool up = !strcmp(class_name, "Conv2DTranspose");
	int at = add(n, class_name, name, from);
	OK(keras_set_int(n->m, at, "filters", cout, &e));
	LIST(at, "kernel_size", k, k + 1);
	LIST(at, "strides", stride, stride);
	OK(keras_set_text(n->m, at, "padding", padding, &e));
	OK(keras_set_text(n->m, at, "data_format", "channels_last", &e));
	OK(keras_set_bool(n->m, at, "use_bias", true, &e));
	weight(n, at, "kernel", up ? SHAPE(k, k + 1, cout, cin) : SHAPE(k, k + 1, cin, cout));
	weight(n, at, "bias", SHAPE(cout));
	return at;
}

static int dense(sketch *n, const char *name, int from, int64_t cin, int64_t cout, const char *activation)
{
	int at = add(n, "Dense", name, from);
	OK(keras_set_int(n->m, at, "units", cout, &e) && keras_set_bool(n->m, at, "use_bias", true, &e));
	OK(keras_set_text(n->m, at, "activation", activation, &e));
	weight(n, at, "kernel", SHAPE(cin, cout));
	weight(n, at, "bias", SHAPE(cout));
	return at;
}

static int reshape(sketch *n, const char *name, int from, int rank, const int64_t *s)
{
	int at = add(n, "Reshape", name, from);
	OK(keras_set_list(n->m, at, "target_shape", rank, s, &e));
	return at;
}

static int activation(sketch *n, const char *name, int from)
{
	int at = add(n, "Activation", name, from);
	OK(keras_set_text(n->m, at, "activation", name, &e));
	return at;
}

static int norm(sketch *n, const char *class_name, const char *name, int from, int64_t c, bool gamma)
{
	bool batch = !strcmp(class_name, "BatchNormalization");
	int at = add(n, class_name, name, from);
	OK(keras_set_int(n->m, at, "axis", -1, &e) && keras_set_float(n->m, at, "epsilon", 1e-3, &e));
	OK(keras_set_bool(n->m, at, "center", true, &e) && keras_set_bool(n->m, at, "scale", gamma, &e));
	if (gamma)
		weight(n, at, "gamma", SHAPE(c));
	weight(n, at, "beta", SHAPE(c));
	if (batch) {
		weight(n, at, "moving_mean", SHAPE(c));
		weight(n, at, "moving_variance", SHAPE(c));
	}
	return at;
}

/* A map [5,7,3] through every window, up and down; odd sizes, even windows, both paddings. */
static int windows(sketch *n, int x)
{
	int a = conv(n, "Conv2D", "c1", x, 3, 2, "same", 3, 4);              /* [3,4,4] */
	a = norm(n, "BatchNormalization", "bn", a, 4, false);
	a = conv(n, "Conv2DTranspose", "t1", a, 4, 2, "same", 4, 5);         /* [6,8,5] */
	a = activation(n, "gelu", a);
	a = conv(n, "Conv2DTranspose", "t2", a, 2, 3, "valid", 5, 4);        /* [18,24,4]: stride beyond the window */
	a = conv(n, "Conv2DTranspose", "t3", a, 3, 2, "valid", 4, 3);        /* [37,49,3] */
	a = add(n, "MaxPooling2D", "mp", a);
	LIST(a, "pool_size", 3, 3);
	LIST(a, "strides", 2, 2);
	OK(keras_set_text(n->m, a, "padding", "valid", &e));
	a = conv(n, "Conv2D", "c2", a, 2, 3, "valid", 3, 4);                 /* [6,8,4] */
	a = add(n, "UpSampling2D", "up", a);
	LIST(a, "size", 2, 2);
	OK(keras_set_text(n->m, a, "interpolation", "bilinear", &e));
	a = add(n, "ZeroPadding2D", "zp", a);
	OK(keras_set_pairs(n->m, a, "padding", 4, (const int64_t[]){1, 2, 0, 3}, &e));    /* [15,19,4] */
	a = conv(n, "Conv2D", "c3", a, 4, 2, "same", 4, 4);                  /* [8,10,4] */
	a = add(n, "AveragePooling2D", "ap", a);
	LIST(a, "pool_size", 2, 2);
	LIST(a, "strides", 2, 2);
	OK(keras_set_text(n->m, a, "padding", "valid", &e));                 /* [4,5,4] */
	a = norm(n, "LayerNormalization", "ln", a, 4, true);
	a = add(n, "UpSampling2D", "nearest", a);
	LIST(a, "size", 1, 2);
	OK(keras_set_text(n->m, a, "interpolation", "nearest", &e));         /* [4,10,4] */
	return a;
}

/* Attention over [4,10,4], a Dense over the channels, a conditional scale, then both kinds of output. */
static keras_model *every_class(bool map)
{
	sketch all_of_it = {.m = keras_model_new("every", &e), .r = rng_new(7, "weights")}, *n = &all_of_it;
	int x = keras_add_input(n->m, "x", SHAPE(5, 7, 3), "float32", &e);
	int y = keras_add_input(n->m, "y", SHAPE(1), "int32", &e);
	int a = windows(n, x);
	int q = reshape(n, "q", a, 2, (const int64_t[]){40, 4});
	int k = reshape(n, "k", dense(n, "key", a, 4, 4, "tanh"), 2, (const int64_t[]){40, 4});
	int s = add2(n, "Dot", "scores", q, k);
	LIST(s, "axes", 2, 2);
	s = add(n, "Softmax", "rows", s);
	OK(keras_set_int(n->m, s, "axis", -1, &e));
	s = add2(n, "Dot", "context", s, q);
	LIST(s, "axes", 2, 1);
	s = reshape(n, "map", s, 3, (const int64_t[]){4, 10, 4});
	s = keras_add(n->m, "Add", "sum", 3, (const int[]){s, a, a}, &e);
	int g = add(n, "Embedding", "gain", y);
	OK(keras_set_int(n->m, g, "input_dim", 5, &e) && keras_set_int(n->m, g, "output_dim", 4, &e));
	weight(n, g, "embeddings", SHAPE(5, 4));
	g = reshape(n, "gain_map", g, 3, (const int64_t[]){1, 1, 4});
	s = add2(n, "Multiply", "scaled", s, g);
	s = add(n, "ReLU", "leaky", s);
	OK(keras_set_float(n->m, s, "negative_slope", 0.2, &e));
	static const char *const all[] = {"sigmoid", "swish", "elu", "softplus", "selu", "exponential", "linear"};
	int t = s, each[COUNT(all)];
	for (int i = 0; i < COUNT(all) && map; i++)
		each[i] = activation(n, all[i], s);
	if (map)
		t = keras_add(n->m, "Add", "all", COUNT(all), each, &e);
	if (!map) {
		int f = add(n, "Flatten", "flat", s), p = add(n, "GlobalAveragePooling2D", "mean", s);
		p = add(n, "Rescaling", "sums", p);
		OK(keras_set_float(n->m, p, "scale", 40, &e) && keras_set_float(n->m, p, "offset", 0.5, &e));
		f = norm(n, "BatchNormalization", "bn_row", dense(n, "fc", f, 160, 4, "relu"), 4, true);
		t = add2(n, "Dot", "logit", f, p);
		LIST(t, "axes", 1, 1);
	}
	OK(keras_set_output(n->m, t, &e));
	return n->m;
}

/* ---- following a graph ---- */

static void check_sizes(const Onnx__ValueInfoProto *v, int elem, int rank, const int64_t *dims)
{
	const Onnx__TypeProto__Tensor *t = v->type->tensor_type;
	ck_assert_int_eq(t->elem_type, elem);
	ck_assert_uint_eq(t->shape->n_dim, (size_t)rank + 1);
	ck_assert_str_eq(t->shape->dim[0]->dim_param, "N");
	for (int i = 0; i < rank; i++)
		ck_assert_int_eq(t->shape->dim[i + 1]->dim_value, dims[i]);
}

START_TEST(the_graph_is_complete_and_typed)
{
	keras_model *m = every_class(_i);
	const char *p = in_dir(_i ? "map" : "logit", ".onnx");
	OK(keras_write_onnx(m, p, &e));
	Onnx__ModelProto *o = onnx_unpack(p);
	ck_assert_int_eq(o->ir_version, 8);
	ck_assert_int_eq(o->opset_import[0]->version, 17);
	ck_assert_str_eq(o->opset_import[0]->domain, "");
	onnx_expect_order(o->graph);
	ck_assert_uint_eq(o->graph->n_input, 2);
	check_sizes(o->graph->input[0], 1, 3, (const int64_t[]){5, 7, 3});
	check_sizes(o->graph->input[1], 6, 1, (const int64_t[]){1});
	if (_i)
		check_sizes(o->graph->output[0], 1, 3, (const int64_t[]){4, 10, 4});
	else
		check_sizes(o->graph->output[0], 1, 1, (const int64_t[]){1});
	onnx__model_proto__free_unpacked(o, NULL);
	keras_model_free(m);
}
END_TEST

static float number(const Onnx__TensorProto *t, size_t i)
{
	const uint8_t *b = t->raw_data.data + 4 * i;
	uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* kernel[o][i][y][x] of the file is ours [y][x][i][o]; a transposed one's [i][o][y][x] is [y][x][o][i]. */
START_TEST(kernels_are_transposed)
{
	keras_model *m = every_class(true);
	OK(keras_write_onnx(m, in_dir("map", ".onnx"), &e));
	Onnx__ModelProto *o = onnx_unpack(in_dir("map", ".onnx"));
	static const char *const names[] = {"c1/kernel", "t1/kernel"};
	int seen = 0;
	for (size_t k = 0; k < o->graph->n_initializer; k++) {
		const Onnx__TensorProto *t = o->graph->initializer[k];
		if (strcmp(t->name, names[0]) && strcmp(t->name, names[1]))
			continue;
		char layer[3] = {t->name[0], t->name[1], 0};
		const keras_weight *w = keras_find_weight(&m->layer[keras_find(m, layer)], "kernel");
		const int64_t *s = w->s.dim;
		ck_assert(t->dims[0] == s[3] && t->dims[1] == s[2] && t->dims[2] == s[0] && t->dims[3] == s[1]);
		size_t at = 0;
		for (int64_t a = 0; a < s[3]; a++)
			for (int64_t b = 0; b < s[2]; b++)
				for (int64_t i = 0; i < s[0] * s[1]; i++)
					ck_assert(number(t, at++) == (float)w->x[(i * s[2] + b) * s[3] + a]);
		seen++;
	}
	ck_assert_int_eq(seen, 2);
	onnx__model_proto__free_unpacked(o, NULL);
	keras_model_free(m);
}
END_TEST

/* What our own graph predicts, for the other runtime to compare with. */
static void reference(const keras_model *m, const char *path)
{
	enum { N = 8 };
	real *in[2] = {NULL, NULL}, *out;
	keras_run *net = keras_run_new(m, N, &e);
	ck_assert_msg(net, "%s", e.text);
	rng r = rng_new(11, "inputs");
	for (int i = 0; i < m->inputs; i++) {
		shape s = keras_run_input_shape(net, i);
		int64_t n = N * shape_count(&s), classes = keras_run_classes(net, i);
		in[i] = malloc((size_t)n * sizeof *in[i]);
		for (int64_t k = 0; k < n; k++)
			in[i][k] = (real)(classes ? (double)(k % classes) : rng_normal(&r));
	}
	shape s = keras_run_output_shape(net);
	out = malloc((size_t)(N * shape_count(&s)) * sizeof *out);
	OK(keras_run_predict(net, N, (const real *const *)in, out, &e));
	OK(keras_write_reference(path, m, N, (const real *const *)in, out, &e));
	free(in[0]);
	free(in[1]);
	free(out);
	keras_run_free(net);
}

/* Every class is one that our own graph knows too, with the same shapes. */
START_TEST(references_are_computed_for_every_class)
{
	keras_model *m = every_class(_i);
	reference(m, in_dir(_i ? "map" : "logit", ".reference.h5"));
	keras_model_free(m);
}
END_TEST

/* Networks that Keras itself saved. */
START_TEST(files_of_keras_become_graphs)
{
	static const char *const base[] = {"example-generator-cond", "example-generator-convt",
					   "example-discriminator-proj",
					   "generator-cond-keras3.15", "generator-convt-keras3.15",
					   "discriminator-seq-keras2.15"};
	char path[128];
	snprintf(path, sizeof path, "tests/golden/keras/%s.keras", base[_i]);
	keras_model *m = keras_read(path, NULL, &e);
	ck_assert_msg(m, "%s", e.text);
	OK(keras_write_onnx(m, in_dir(base[_i], ".onnx"), &e));
	Onnx__ModelProto *o = onnx_unpack(in_dir(base[_i], ".onnx"));
	onnx_expect_order(o->graph);
	onnx__model_proto__free_unpacked(o, NULL);
	reference(m, in_dir(base[_i], ".reference.h5"));
	keras_model_free(m);
}
END_TEST

/* ---- shapes of strangers' models ---- */

static bool shape_of_last(const keras_model *m, shape *last)
{
	shape s[4];
	ck_assert_int_le(m->layers, COUNT(s));
	e.text[0] = '\0';
	const bool ok = keras_shapes(m, s, &e);
	*last = s[m->layers - 1];
	return ok;
}

/* As Keras: windows of 3 side by side, on 12 points 4 of them. */
START_TEST(a_pool_without_strides_steps_by_its_window)
{
	sketch made = {.m = keras_model_new("pool", &e), .r = rng_new(7, "weights")}, *n = &made;
	shape s;
	const int a = add(n, "MaxPooling2D", "p", keras_add_input(n->m, "x", SHAPE(12, 12, 1), "float32", &e));
	LIST(a, "pool_size", 3, 3);
	OK(keras_set_output(n->m, a, &e) && shape_of_last(n->m, &s));
	const shape want = SHAPE(4, 4, 1);
	ck_assert(shape_equal(&s, &want));
	OK(keras_write_onnx(n->m, in_dir("pool", ".onnx"), &e));
	Onnx__ModelProto *o = onnx_unpack(in_dir("pool", ".onnx"));
	int seen = 0;
	for (size_t i = 0; i < o->graph->n_node; i++)
		for (size_t k = 0; k < o->graph->node[i]->n_attribute; k++) {
			const Onnx__AttributeProto *x = o->graph->node[i]->attribute[k];
			if (strcmp(x->name, "strides") != 0)
				continue;
			ck_assert(x->n_ints == 2 && x->ints[0] == 3 && x->ints[1] == 3);
			seen++;
		}
	ck_assert_int_eq(seen, 1);
	onnx__model_proto__free_unpacked(o, NULL);
	keras_model_free(n->m);
}
END_TEST

/* 2^40 times 2^24 + 1 is 2^40 again where 64 bits are not enough; and inputs without an axis. */
START_TEST(shapes_that_cannot_be_are_refused)
{
	static const char *const enlarging[][2] = {{"UpSampling2D", "size"}, {"Conv2DTranspose", "strides"}};
	const int64_t large = ((int64_t)1 << 24) + 1;
	shape s;
	for (int i = 0; i < COUNT(enlarging); i++) {
		sketch made = {.m = keras_model_new("large", &e), .r = rng_new(7, "weights")}, *n = &made;
		const int x = keras_add_input(n->m, "x", SHAPE((int64_t)1 << 40, 1, 1), "float32", &e);
		const int a = add(n, enlarging[i][0], "a", x);
		LIST(a, enlarging[i][1], large, 1);
		OK(keras_set_int(n->m, a, "filters", 1, &e));
		ck_assert(!shape_of_last(n->m, &s));
		ck_assert_msg(strstr(e.text, "layer a (") && strstr(e.text, "its result is too large"), "%s", e.text);
		keras_model_free(n->m);
	}
	sketch made = {.m = keras_model_new("scalars", &e), .r = rng_new(7, "weights")}, *n = &made;
	const int x = keras_add_input(n->m, "x", shape_scalar(), "float32", &e);
	add2(n, "Concatenate", "a", x, x);
	ck_assert(!shape_of_last(n->m, &s));
	ck_assert_msg(strstr(e.text, "no axis to join along"), "%s", e.text);
	keras_model_free(n->m);
}
END_TEST

START_TEST(what_onnx_does_not_have_is_refused_by_name)
{
	static const struct {
		const char *class_name, *key, *text, *message;
	} bad[] = {
		{"Activation", "activation", "hard_sigmoid", "layer r (Activation): hard_sigmoid"},
		{"SelfAttention", "x", "y", "layer r: class SelfAttention"},
		{"UpSampling2D", "interpolation", "bicubic", "layer r (UpSampling2D): bicubic"},
		{"Conv2D", "padding", "same", "layer r"},
		{"BatchNormalization", "x", "y", "weight moving_mean is missing"},
	};
	for (int i = 0; i < COUNT(bad); i++) {
		keras_model *m = keras_model_new("m", &e);
		int x = keras_add_input(m, "x", SHAPE(4, 4, 3), "float32", &e);
		int at = keras_add(m, bad[i].class_name, "r", 1, &x, &e);
		OK(keras_set_output(m, at, &e) && keras_set_text(m, at, bad[i].key, bad[i].text, &e));
		REFUSED(keras_write_onnx(m, scratch_at("bad.onnx"), &e), scratch_at("bad.onnx"), bad[i].message);
		ck_assert_int_ne(access(scratch_at("bad.onnx"), F_OK), 0);
		keras_model_free(m);
	}
}
END_TEST

START_TEST(equal_bytes_or_the_old_file)
{
	keras_model *m = every_class(true), *again = every_class(true);
	OK(keras_write_onnx(m, scratch_at("a.onnx"), &e));
	OK(keras_write_onnx(again, scratch_at("b.onnx"), &e));
	again->layer[2].weight[0].x[0] += 1;
	disk_full(2048);
	bool written = keras_write_onnx(again, scratch_at("b.onnx"), &e);
	disk_free();
	ck_assert(!written);
	ck_assert_ptr_nonnull(strstr(e.text, "cannot write"));
	ck_assert(files_equal(scratch_at("a.onnx"), scratch_at("b.onnx")));
	keras_model_free(m);
	keras_model_free(again);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{the_graph_is_complete_and_typed, 2},
		{references_are_computed_for_every_class, 2},
		{kernels_are_transposed, 1},
		{files_of_keras_become_graphs, 6},
		{a_pool_without_strides_steps_by_its_window, 1},
		{shapes_that_cannot_be_are_refused, 1},
		{what_onnx_does_not_have_is_refused_by_name, 1},
		{equal_bytes_or_the_old_file, 1},
	};
	return suite_run("onnx", tests, COUNT(tests), 60);
}
