/* test_trace_ops.c - every operation and every recorded layer that has a row in the tracer: what it becomes in a Keras
 * model computes the same here. With SAGAN_TRACE_DIR set the files stay there, for tests/keras/check_traced.py. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/keras/file/write.h"
#include "gan/keras/onnx/onnx.h"
#include "gan/keras/run/run.h"
#include "gan/keras/trace/trace_internal.h"
#include "tests/suite.h"

enum { SAMPLES = 3, LEAVES = 4 };

/* Rounding only: the same sums in another order. Double proves that it is that. */
static const double tolerance = sizeof(real) == 8 ? 1e-12 : 2e-6;

/* A graph under construction, and what lies below its leaves. */
typedef struct sketch {
	graph *g;
	rng r;
	int leaves;
	buffer *leaf[LEAVES];                        /* own */
	node *label;                                 /* the second input, or NULL */
} sketch;

/* A constant of the graph. */
static node *number(sketch *k, shape s)
{
	fault e;
	buffer *b = buffer_new("constant", s, &e);
	rng_fill_normal(&k->r, b->x, shape_count(&s));
	k->leaf[k->leaves++] = b;
	return graph_leaf(k->g, b);
}

/* ---- element by element ---- */

/* Softplus first: nothing can be folded into what is before. */
static node *sums(sketch *k, node *x)
{
	return op_add_scalar(k->g, op_stop(k->g, op_softplus(k->g, x)), 2.5);
}

static node *affine(sketch *k, node *x)
{
	node *y = op_add(k->g, op_mul(k->g, op_exp(k->g, x), number(k, SHAPE(4))), number(k, SHAPE(4)));
	return op_sub(k->g, op_tanh(k->g, y), number(k, SHAPE(4)));
}

/* A difference reads one of its values a second time. */
static node *difference(sketch *k, node *x)
{
	node *y = op_leaky_relu(k->g, x, 0.25), *z = op_sigmoid(k->g, x);
	return op_mul(k->g, op_sub(k->g, y, op_scale(k->g, z, 3)), z);
}

static node *gain(sketch *k, node *x)
{
	return op_mul(k->g, op_tanh(k->g, x), number(k, shape_scalar()));
}

static node *softmax(sketch *k, node *x)
{
	return op_softmax(k->g, x);
}

static node *softmax_of_rows(sketch *k, node *x)
{
	return op_softmax(k->g, op_reshape(k->g, x, SHAPE(SAMPLES, 20, 4)));
}

/* ---- activations that record themselves ---- */

static node *named(sketch *k, node *x)
{
	static const char *const name[] = {"gelu", "swish", "elu", "selu"};
	for (int i = 0; i < COUNT(name); i++)
		x = op_activation(k->g, x, name[i]);
	return x;
}

static node *clipped(sketch *k, node *x)
{
	node *y = op_activation(k->g, op_scale(k->g, x, 4), "hard_swish");
	return op_add(k->g, op_activation(k->g, y, "hard_sigmoid"), op_activation(k->g, y, "hard_sigmoid_torch"));
}

/* ---- shapes, windows, sums ---- */

static node *cut(sketch *k, node *x)
{
	node *both = op_concat(k->g, (node *const[]){x, op_tanh(k->g, x)}, 2, 3);
	return op_slice_axis(k->g, both, 3, 4, 8);
}

static node *windows(sketch *k, node *x)
{
	const window_geometry two = {.kh = 2, .kw = 2, .sh = 2, .sw = 2}, three = {.kh = 3, .kw = 2, .sh = 1, .sw = 1};
	node *y = op_upsample_nearest(k->g, x, 2, 3);
	y = op_max_pool(k->g, y, three);
	y = op_avg_pool(k->g, y, two);
	return op_resize_bilinear(k->g, y, y->s.dim[1] * 3, y->s.dim[2] * 2);
}

static node *pixel_sum(sketch *k, node *x)
{
	return op_sum(k->g, op_tanh(k->g, x), 6, false);
}

static node *pixel_mean(sketch *k, node *x)
{
	return op_mean(k->g, op_tanh(k->g, x), 6, false);
}

static node *row_dot(sketch *k, node *x)
{
	return op_sum(k->g, op_mul(k->g, op_tanh(k->g, x), op_sigmoid(k->g, x)), 2, true);
}

/* ---- products ---- */

static node *convolutions(sketch *k, node *x)
{
	const conv_geometry same = {.sh = 2, .sw = 2, .top = 0, .bottom = 1, .left = 1, .right = 1, .groups = 2};
	node *y = op_conv2d(k->g, x, number(k, SHAPE(3, 3, 2, 6)), same);
	const conv_geometry up = {.sh = 2, .sw = 2, .top = 1, .bottom = 1, .left = 1, .right = 1, .groups = 1};
	return op_conv2d_dx(k->g, y, number(k, SHAPE(4, 4, 3, 6)), up, y->s.dim[1] * 2, y->s.dim[2] * 2);
}

static node *products(sketch *k, node *x)
{
	node *rows = op_reshape(k->g, x, SHAPE(SAMPLES, 20, 4));
	node *q = op_dense(k->g, rows, number(k, SHAPE(4, 2))), *v = op_dense(k->g, rows, number(k, SHAPE(4, 3)));
	node *map = op_softmax(k->g, op_matmul(k->g, q, q, false, true));
	return op_scale(k->g, op_matmul(k->g, map, v, false, false), 0.5);
}

static node *table(sketch *k, node *x)
{
	node *row = op_gather(k->g, number(k, SHAPE(5, 4)), k->label);
	return op_mul(k->g, op_tanh(k->g, x), op_broadcast(k->g, op_reshape(k->g, row, SHAPE(SAMPLES, 1, 1, 4)), x->s));
}

/* ---- single operations, for ONNX ---- */

/* Values of a function that is above 0. */
static node *positive(sketch *k, node *x)
{
	return op_add_scalar(k->g, op_square(k->g, x), 0.5);
}

static node *functions(sketch *k, node *x)
{
	node *y = op_add(k->g, op_log(k->g, positive(k, x)), op_erf(k->g, x));
	return op_mul(k->g, op_add(k->g, op_sqrt(k->g, positive(k, y)), op_rsqrt(k->g, positive(k, x))),
		op_recip(k->g, positive(k, y)));
}

static node *quotients(sketch *k, node *x)
{
	node *y = op_div(k->g, x, positive(k, op_mean(k->g, x, 6, true)));
	y = op_gate(k->g, y, op_tanh(k->g, x), 0.25);
	y = op_add(k->g, y, op_gate(k->g, op_fill(k->g, x->s, 3), op_tanh(k->g, y), 0.5));
	return op_div(k->g, op_sub(k->g, op_fill(k->g, x->s, 1), y), positive(k, x));
}

static node *places(sketch *k, node *x)
{
	node *y = op_sub(k->g, number(k, SHAPE(1, 4, 5, 1)), op_mul(k->g, op_tanh(k->g, x), number(k, SHAPE(4, 5, 4))));
	return op_sub(k->g, op_add(k->g, y, number(k, SHAPE(4, 1, 1))), number(k, SHAPE(5, 4)));
}

/* Factors and summands of channels where no kernel can take them. */
static node *channels(sketch *k, node *x)
{
	node *y = op_add(k->g, op_mul(k->g, op_tanh(k->g, x), number(k, SHAPE(4))), number(k, SHAPE(4)));
	return op_sub(k->g, number(k, SHAPE(4)), op_tanh(k->g, y));
}

static node *moved(sketch *k, node *x)
{
	node *y = op_permute(k->g, x, (const int[]){0, 3, 1, 2});
	y = op_pad(k->g, y, (const int64_t[]){0, 1, 0, 2}, (const int64_t[]){0, 0, 3, 0});
	y = op_slice(k->g, y, (const int64_t[]){0, 1, 2, 1}, (const int64_t[]){SAMPLES, 4, 7, 6});
	y = op_concat(k->g, (node *const[]){y, op_tanh(k->g, y), y}, 3, 2);
	return op_concat(k->g, (node *const[]){op_fill(k->g, SHAPE(SAMPLES, 2, 15, 5), 0), y}, 2, 1);
}

static node *repeated(sketch *k, node *x)
{
	node *y = op_sum(k->g, op_reshape(k->g, x, SHAPE(SAMPLES, 20, 2, 2)), 1u << 3, true);
	y = op_broadcast(k->g, y, SHAPE(SAMPLES, 20, 2, 3));
	return op_reshape(k->g, y, SHAPE(SAMPLES, 20, 6));
}

/* Means and variances over a map and over groups. */
static node *map_moments(sketch *k, node *x)
{
	node *mean, *var;
	op_moments(k->g, x, 6, &mean, &var);
	return op_add(k->g, op_mul(k->g, x, var), mean);
}

static node *group_means(sketch *k, node *x)
{
	node *y = op_reshape(k->g, x, SHAPE(SAMPLES, 20, 2, 2));
	node *middle = op_mean(k->g, y, 1u << 1 | 1u << 3, true);
	node *v = op_mean(k->g, op_square(k->g, op_sub(k->g, y, middle)), 1u << 1 | 1u << 3, true);
	return op_mul(k->g, op_sub(k->g, y, middle), op_rsqrt(k->g, op_add_scalar(k->g, v, 1e-5)));
}

/* Two heads, which share the first axis with the batch; positions by a table. */
static node *two_heads(sketch *k, node *x)
{
	node *q = op_permute(k->g, op_reshape(k->g, x, SHAPE(SAMPLES, 20, 2, 2)), (const int[]){0, 2, 1, 3});
	q = op_reshape(k->g, q, SHAPE(SAMPLES * 2, 20, 2));
	node *S = op_softmax(k->g, op_matmul(k->g, q, op_tanh(k->g, q), false, true));
	node *y = op_matmul(k->g, S, q, true, false);
	node *r = op_dense(k->g, op_reshape(k->g, q, SHAPE(SAMPLES * 2, 4, 5, 2)), number(k, SHAPE(2, 13)));
	r = op_skew(k->g, r);
	y = op_mul(k->g, op_reshape(k->g, y, SHAPE(SAMPLES * 2, 4, 5, 2)), op_slice_axis(k->g, r, 3, 1, 3));
	y = op_reshape(k->g, y, SHAPE(SAMPLES, 2, 20, 2));
	return op_reshape(k->g, op_permute(k->g, y, (const int[]){0, 2, 1, 3}), SHAPE(SAMPLES, 20, 4));
}

static node *skewed(sketch *k, node *x)
{
	return op_skew(k->g, op_reshape(k->g, x, SHAPE(SAMPLES, 2, 8, 5)));
}

static node *softmax_inside(sketch *k, node *x)
{
	return op_softmax_axis(k->g, x, 2);
}

static node *overlapped(sketch *k, node *x)
{
	const window_geometry w = {.kh = 3, .kw = 2, .sh = 2, .sw = 1, .top = 1, .bottom = 1, .right = 1};
	node *p = op_patches(k->g, x, w);
	node *y = op_mul(k->g, op_patches_fold(k->g, p, w, 4, 5), op_mean(k->g, p, 1u << 1 | 1u << 3, true));
	return op_mul(k->g, op_sum_pool(k->g, y, (window_geometry){3, 3, 1, 2, 1, 1, 1, 0}),
		op_sum_pool(k->g, x, (window_geometry){3, 3, 1, 2, 1, 1, 1, 0}));
}

static node *folded_by_steps(sketch *k, node *x)
{
	return op_patches_fold(k->g, x, (window_geometry){.kh = 2, .kw = 2, .sh = 3, .sw = 2}, 13, 11);
}

static node *transposed(sketch *k, node *x)
{
	const conv_geometry c = {.sh = 2, .sw = 2, .top = 2, .bottom = 2, .left = 2, .right = 2, .groups = 2};
	node *y = op_conv2d_dx(k->g, x, number(k, SHAPE(3, 3, 3, 4)), c, 5, 7);
	node *each = op_reshape(k->g, op_permute(k->g, y, (const int[]){0, 3, 1, 2}), SHAPE(SAMPLES * 3, 5, 7, 2));
	const conv_geometry up = {.sh = 2, .sw = 1, .groups = 1};
	return op_reshape(k->g, op_conv2d_dx(k->g, each, number(k, SHAPE(2, 3, 1, 2)), up, 11, 9),
		SHAPE(SAMPLES, 3, 11, 9));
}

static node *grouped(sketch *k, node *x)
{
	const conv_geometry same = {.sh = 1, .sw = 1, .top = 1, .bottom = 1, .left = 1, .right = 1, .groups = 4};
	return op_permute(k->g, op_conv2d(k->g, x, number(k, SHAPE(3, 3, 1, 8)), same), (const int[]){0, 2, 1, 3});
}

#define IMAGE 4, {SAMPLES, 4, 5, 4}

/* labelled: a second input, of 5 classes. */
static const struct {
	const char *name;
	enum keras_form form;
	int rank;
	int64_t dim[4];
	node *(*build)(sketch *k, node *x);
	bool labelled;
} rows[] = {
	{"sums", KERAS_STOCK, IMAGE, sums, false},
	{"affine", KERAS_STOCK, IMAGE, affine, false},
	{"affine_row", KERAS_STOCK, 2, {SAMPLES, 4}, affine, false},
	{"difference", KERAS_STOCK, IMAGE, difference, false},
	{"gain", KERAS_LAYERS, IMAGE, gain, false},
	{"gain_folded", KERAS_STOCK, IMAGE, gain, false},
	{"softmax", KERAS_STOCK, 2, {SAMPLES, 6}, softmax, false},
	{"softmax_map", KERAS_STOCK, IMAGE, softmax, false},
	{"softmax_rows", KERAS_STOCK, IMAGE, softmax_of_rows, false},
	{"named", KERAS_STOCK, IMAGE, named, false},
	{"clipped", KERAS_STOCK, IMAGE, clipped, false},
	{"cut", KERAS_STOCK, IMAGE, cut, false},
	{"windows", KERAS_STOCK, IMAGE, windows, false},
	{"pixel_sum", KERAS_LAYERS, IMAGE, pixel_sum, false},
	{"pixel_sum_stock", KERAS_STOCK, IMAGE, pixel_sum, false},
	{"pixel_mean", KERAS_LAYERS, IMAGE, pixel_mean, false},
	{"row_dot", KERAS_STOCK, 2, {SAMPLES, 6}, row_dot, false},
	{"convolutions", KERAS_STOCK, 4, {SAMPLES, 5, 6, 4}, convolutions, false},
	{"products", KERAS_STOCK, IMAGE, products, false},
	{"table", KERAS_STOCK, IMAGE, table, true},
	{"functions", KERAS_OPS, IMAGE, functions, false},
	{"quotients", KERAS_OPS, IMAGE, quotients, false},
	{"places", KERAS_OPS, IMAGE, places, false},
	{"channels", KERAS_OPS, IMAGE, channels, false},
	{"moved", KERAS_OPS, IMAGE, moved, false},
	{"repeated", KERAS_OPS, IMAGE, repeated, false},
	{"two_heads", KERAS_OPS, IMAGE, two_heads, false},
	{"map_moments", KERAS_STOCK, IMAGE, map_moments, false},
	{"group_means", KERAS_OPS, IMAGE, group_means, false},
	{"skewed", KERAS_OPS, IMAGE, skewed, false},
	{"softmax_inside", KERAS_OPS, IMAGE, softmax_inside, false},
	{"overlapped", KERAS_OPS, IMAGE, overlapped, false},
	{"folded_by_steps", KERAS_OPS, IMAGE, folded_by_steps, false},
	{"transposed", KERAS_OPS, IMAGE, transposed, false},
	{"grouped", KERAS_OPS, IMAGE, grouped, false},
};

/* ---- the rows of the tracer that the graphs above have met ---- */

enum { ROWS_MAX = 64 };
static bool met[ROWS_MAX], met_single[ROWS_MAX];

/* Operations of the graph, and those that became layers of their own. */
static void note_ops(const graph *g, const keras_model *m)
{
	for (int i = 0; i < graph_count(g); i++)
		for (int r = 0; trace_op_rows[r].op; r++)
			met[r] |= !strcmp(trace_op_rows[r].op, graph_at(g, i)->op->name);
	for (int i = 0; i < m->layers; i++)
		for (int r = 0; trace_single_rows[r].op; r++)
			met_single[r] |= !strncmp(m->layer[i].class_name, "op>", 3)
				&& !strcmp(trace_single_rows[r].op, m->layer[i].class_name + 3);
}

/* ---- a row ---- */

static const char *path_of(const char *base, const char *end)
{
	static char path[512];
	const char *kept = getenv("SAGAN_TRACE_DIR");
	snprintf(path, sizeof path, "%s/%s%s", kept ? kept : scratch_folder(), base, end);
	return path;
}

/* The files of a model, and what we compute from it. Those of the second form are for Keras alone, those of single
 * operations for ONNX alone. */
static void keep_files(const keras_model *m, const char *name, enum keras_form form, const real *const *in,
		       const real *out)
{
	fault e;
	if (form != KERAS_OPS) {
		ck_assert_msg(keras_write_archive(m, path_of(name, ".keras"), &e), "%s: %s", name, e.text);
		ck_assert_msg(keras_write_h5(m, path_of(name, ".h5"), &e), "%s: %s", name, e.text);
	}
	ck_assert_msg(keras_write_reference(path_of(name, ".reference.h5"), m, SAMPLES, in, out, &e), "%s: %s", name,
		e.text);
	if (form != KERAS_LAYERS)
		ck_assert_msg(keras_write_onnx(m, path_of(name, ".onnx"), &e), "%s: %s", name, e.text);
}

static double error_of(const real *x, const real *y, int64_t n)
{
	double worst = 0, most = 0;
	for (int64_t i = 0; i < n; i++) {
		worst = isfinite(x[i]) ? fmax(worst, fabs((double)x[i] - (double)y[i])) : INFINITY;
		most = fmax(most, fabs((double)y[i]));
	}
	return most > 0 ? worst / most : INFINITY;
}

static void run_row(int i)
{
	fault e;
	sketch k = {.g = graph_new(&e), .r = rng_new(1, rows[i].name)};
	buffer *x = buffer_new("x", shape_of(rows[i].rank, rows[i].dim), &e), *y = buffer_new("y", SHAPE(SAMPLES), &e);
	rng_fill_normal(&k.r, x->x, shape_count(&x->s));
	for (int b = 0; b < SAMPLES; b++)
		y->x[b] = (real)(2 * b % 5);
	graph_rewrite(k.g, false);
	graph_trace(k.g, true);
	k.label = rows[i].labelled ? graph_leaf(k.g, y) : NULL;
	const trace_end in[] = {{graph_leaf(k.g, x), "x"}, {k.label, "y"}};
	node *out = rows[i].build(&k, in[0].x);
	keras_model *m = keras_trace(k.g, NULL, rows[i].name, rows[i].labelled ? 2 : 1, in, (trace_end){out, "out"},
		rows[i].form, &e);
	ck_assert_msg(m != NULL, "%s: %s", rows[i].name, e.text);
	note_ops(k.g, m);
	plan *p = plan_new(k.g, &out, 1, 0, &e);
	keras_run *n = keras_run_new(m, 2, &e);
	ck_assert_msg(p && n, "%s: %s", rows[i].name, e.text);
	plan_run(p);
	const int64_t count = shape_count(&out->s);
	const real *const inputs[] = {x->x, y->x};
	real *got = calloc((size_t)count, sizeof *got);
	ck_assert_msg(keras_run_predict(n, SAMPLES, inputs, got, &e), "%s: %s", rows[i].name, e.text);
	const double off = error_of(got, plan_value(p, out), count);
	ck_assert_msg(off <= tolerance, "%s: error %g", rows[i].name, off);
	keep_files(m, rows[i].name, rows[i].form, inputs, got);
	free(got);
	keras_run_free(n);
	plan_free(p);
	keras_model_free(m);
	graph_free(k.g);
	for (int b = 0; b < k.leaves; b++)
		buffer_free(k.leaf[b]);
	buffer_free(x);
	buffer_free(y);
}

START_TEST(what_an_operation_becomes_computes_the_same)
{
	run_row(_i);
}
END_TEST

START_TEST(every_row_of_the_tracer_is_tried)
{
	memset(met, 0, sizeof met);
	for (int i = 0; i < COUNT(rows); i++)
		run_row(i);
	for (int r = 0; trace_op_rows[r].op; r++)
		ck_assert_msg(met[r], "no graph of this test has the operation %s", trace_op_rows[r].op);
	for (int r = 0; trace_single_rows[r].op; r++)
		ck_assert_msg(met_single[r], "no graph of this test leaves the operation %s alone",
			trace_single_rows[r].op);
}
END_TEST

/* ---- what a form does not say ---- */

static node *turned(sketch *k, node *x) { return op_permute(k->g, x, (const int[]){0, 2, 1, 3}); }
static node *from_one(sketch *k, node *x) { return op_sub(k->g, op_fill(k->g, x->s, 1), x); }
static node *each_place(sketch *k, node *x) { return op_mul(k->g, x, number(k, SHAPE(4, 5, 4))); }
static node *part(sketch *k, node *x) { return op_slice_axis(k->g, x, 3, 1, 3); }
static node *row_sum(sketch *k, node *x) { return op_sum(k->g, x, 2, true); }
static node *constant(sketch *k, node *x) { return op_mul(k->g, number(k, x->s), number(k, x->s)); }
static node *heads(sketch *k, node *x) { return op_matmul(k->g, x, x, false, true); }
static node *product(sketch *k, node *x)
{
	return op_matmul(k->g, number(k, SHAPE(SAMPLES, 4, 3, 5)), x, false, false);
}

static node *own_kernel(sketch *k, node *x)
{
	return op_conv2d(k->g, x, op_reshape(k->g, op_slice_axis(k->g, x, 0, 0, 1), SHAPE(1, 1, 4, 20)),
		(conv_geometry){.sh = 1, .sw = 1, .groups = 1});
}

static node *own_table(sketch *k, node *x)
{
	return op_gather(k->g, op_reshape(k->g, x, SHAPE(SAMPLES * 20, 4)), k->label);
}

static node *padded_pool(sketch *k, node *x)
{
	return op_sum_pool(k->g, x, (window_geometry){.kh = 2, .kw = 2, .sh = 1, .sw = 1, .top = 1});
}

static node *other_choice(sketch *k, node *x)
{
	return op_max_pick(k->g, op_tanh(k->g, x), x, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 1});
}

static node *overlapping(sketch *k, node *x)
{
	return op_sum_pool_dx(k->g, x, (window_geometry){.kh = 3, .kw = 3, .sh = 2, .sw = 2}, 9, 11);
}

static node *by_halves(sketch *k, node *x) { return op_resize_bilinear(k->g, x, 6, 5); }
static node *cropped(sketch *k, node *x)
{
	const conv_geometry c = {.sh = 2, .sw = 2, .top = 2, .bottom = 2, .left = 2, .right = 2, .groups = 1};
	return op_conv2d_dx(k->g, x, number(k, SHAPE(3, 3, 2, 4)), c, 5, 7);
}

static const struct {
	node *(*build)(sketch *k, node *x);
	const char *message;
	bool labelled;
} refused[] = {
	{turned, "an exchange of axes", false}, {from_one, "a constant minus a value", false},
	{each_place, "a number for each place", false}, {part, "parts of a value", false},
	{row_sum, "a sum over these axes", false}, {constant, "a value that no input reaches", false},
	{product, "this product with a constant", false}, {heads, "attention within rows or heads", false},
	{own_kernel, "a kernel that depends on the input", false},
	{own_table, "a table that depends on the input", true},
	{padded_pool, "pooling with zeros around", false}, {other_choice, "a choice by another map", false},
	{overlapping, "windows that overlap", false}, {by_halves, "resizing by no whole factor", false},
	{cropped, "this transposed convolution", false},
};

static void expect_refused(node *(*build)(sketch *k, node *x), bool labelled, enum keras_form form, const char *message)
{
	fault e;
	sketch k = {.g = graph_new(&e), .r = rng_new(1, "refused")};
	buffer *x = buffer_new("x", SHAPE(SAMPLES, 4, 5, 4), &e), *y = buffer_new("y", SHAPE(SAMPLES), &e);
	graph_rewrite(k.g, false);
	graph_trace(k.g, true);
	k.label = graph_leaf(k.g, y);
	const trace_end in[] = {{graph_leaf(k.g, x), "x"}, {k.label, "y"}};
	node *out = build(&k, in[0].x);
	keras_model *m = keras_trace(k.g, NULL, "own", labelled ? 2 : 1, in, (trace_end){out, "out"}, form, &e);
	ck_assert_msg(m == NULL, "%s: taken", message);
	ck_assert_str_eq(e.text, message);
	graph_free(k.g);
	for (int b = 0; b < k.leaves; b++)
		buffer_free(k.leaf[b]);
	buffer_free(x);
	buffer_free(y);
}

START_TEST(what_no_layer_says_is_refused_in_words)
{
	char message[100];
	snprintf(message, sizeof message, "own: Keras layers do not say %s", refused[_i].message);
	expect_refused(refused[_i].build, refused[_i].labelled, KERAS_STOCK, message);
}
END_TEST

/* ---- what ONNX files do not say ---- */

static node *own_gate(sketch *k, node *x) { return op_gate(k->g, x, number(k, SHAPE(SAMPLES, 4, 5, 4)), 0); }
static node *with_class(sketch *k, node *x)
{
	node *table = op_broadcast(k->g, number(k, SHAPE(1, 4, 5, 2)), SHAPE(SAMPLES, 4, 5, 2));
	return op_concat(k->g, (node *const[]){x, table}, 2, 3);
}

static node *other_batch(sketch *k, node *x) { return op_permute(k->g, x, (const int[]){1, 0, 2, 3}); }
static node *batch_part(sketch *k, node *x) { return op_slice_axis(k->g, x, 0, 0, 2); }
static node *batch_sum(sketch *k, node *x) { return op_sub(k->g, x, op_mean(k->g, x, 1, true)); }

static const struct {
	node *(*build)(sketch *k, node *x);
	const char *message;
	bool labelled;
} not_onnx[] = {
	{own_gate, "a constant gate", false}, {with_class, "a constant beside a value", false},
	{other_batch, "an exchange with the batch", false}, {batch_part, "parts of a batch", false},
	{batch_sum, "a sum over the batch", false},
	{constant, "a value that no input reaches", false}, {product, "this product with a constant", false},
	{own_kernel, "a kernel that depends on the input", false},
	{own_table, "a table that depends on the input", true},
	{other_choice, "a choice by another map", false}, {overlapping, "windows that overlap", false},
	{by_halves, "resizing by no whole factor", false},
};

START_TEST(what_onnx_does_not_say_is_refused_in_words)
{
	char message[100];
	snprintf(message, sizeof message, "own: ONNX files do not say %s", not_onnx[_i].message);
	expect_refused(not_onnx[_i].build, not_onnx[_i].labelled, KERAS_OPS, message);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_an_operation_becomes_computes_the_same, COUNT(rows)},
		{every_row_of_the_tracer_is_tried, 1},
		{what_no_layer_says_is_refused_in_words, COUNT(refused)},
		{what_onnx_does_not_say_is_refused_in_words, COUNT(not_onnx)},
	};
	return suite_run("trace ops", tests, COUNT(tests), 60);
}
