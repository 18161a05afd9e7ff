/* trace_single.c - operations that no layer of Keras says, one by one: the rows of the form KERAS_OPS.
 *
 * Operation NAME becomes a layer of class "op>NAME". Its settings are those of the operation, seen from one sample,
 * with the shape of its result under "result". gan/keras/onnx/onnx_ops.c writes them, gan/keras/run/classes_op.c runs
 * them; no file of Keras has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"

/* ---- from values with their batch to one sample ---- */

/* How many axes of y stand before those of a sample: 1 for [B,..], 0 where heads or blocks share the first axis with
 * the batch, which is one of the sample then. */
static int axes_before(tracer *t, const node *y)
{
	return y->s.dim[0] == t->batch ? 1 : 0;
}

/* The layer op>NAME for y over the layers in[0..n), with its result's shape. */
static int add_op(tracer *t, node *y, int n, const int *in)
{
	char class_name[KERAS_NAME];
	const shape s = trace_shape(t, y);
	for (int k = 0; k < n; k++)
		if (in[k] < 0)
			return -1;
	snprintf(class_name, sizeof class_name, "op>%s", y->op->name);
	t->k->ops = true;
	int at = trace_add(t, y->path, y->op->name, class_name, n, in);
	return at >= 0 && keras_set_list(t->k, at, "result", s.rank, s.dim, t->e) ? at : -1;
}

/* The same over y's first n inputs, each in the shape of its sample. */
static int add_over_inputs(tracer *t, node *y, int n)
{
	int in[KERAS_INPUTS];
	if (n > KERAS_INPUTS)
		return trace_refuse(t, y, "more than eight values side by side"), -1;
	for (int k = 0; k < n; k++) {
		if (!t->varies[y->in[k]->id])
			return trace_refuse(t, y, "this constant"), -1;
		in[k] = trace_as(t, y->in[k], trace_shape(t, y->in[k]));
	}
	return add_op(t, y, n, in);
}

static bool done(tracer *t, node *y, int at)
{
	return trace_done(t, y, at, trace_shape(t, y), false);
}

/* ---- element by element ---- */

static bool emit_unary(tracer *t, node *y)
{
	return done(t, y, add_over_inputs(t, y, 1));
}

/* A constant beside a value that varies: the numbers of one sample, aligned at the last axis. */
static bool add_constant(tracer *t, node *y, int at, node *c)
{
	const bool same = !strcmp(c->op->name, "fill");      /* of any shape */
	const int first = !same && c->s.rank == y->s.rank ? axes_before(t, y) : 0;
	const shape s = same ? shape_scalar() : shape_of(c->s.rank - first, c->s.dim + first);
	if (first && c->s.dim[0] != 1)
		return trace_refuse(t, y, "another constant for each sample");
	real *x = fold_value(t, c);
	const bool ok = x && keras_add_weight(t->k, at, "constant", s, x, t->e);
	free(x);
	return ok;
}

/* Two inputs, one of them constant or both varying, repeated as numpy does. */
static int add_pair(tracer *t, node *y)
{
	node *x[2];
	int in[2], n = 0, constant = -1;
	for (int k = 0; k < 2; k++) {
		x[k] = trace_unrepeated(y->in[k]);
		if (t->varies[x[k]->id])
			in[n++] = trace_as(t, x[k], trace_shape(t, x[k]));
		else
			constant = k;
	}
	int at = add_op(t, y, n, in);
	return at >= 0 && (constant < 0 || add_constant(t, y, at, x[constant]))
		&& keras_set_bool(t->k, at, "constant_first", constant == 0, t->e) ? at : -1;
}

/* a + b, a - b, a * b, a / b */
bool emit_binary(tracer *t, node *y)
{
	return done(t, y, add_pair(t, y));
}

static bool emit_gate(tracer *t, node *y)
{
	if (!t->varies[y->in[1]->id])
		return trace_refuse(t, y, "a constant gate");
	int at = add_pair(t, y);
	return at >= 0 && keras_set_float(t->k, at, "slope", y->a.scalar, t->e) && done(t, y, at);
}

/* Neither one number nor one for each channel. */
static bool has_places(const tracer *t, const node *y)
{
	for (int k = 0; k < 2; k++)
		if (!t->varies[y->in[k]->id])
			return !fold_is_terms(y->in[k], shape_last(&y->s));
	return false;
}

static bool is_from_constant(const tracer *t, const node *y)
{
	return !t->varies[y->in[0]->id] || has_places(t, y);
}

/* ---- places ---- */

static bool emit_permute(tracer *t, node *y)
{
	const int before = axes_before(t, y);
	int64_t axis[RANK_MAX];
	if (y->a.permute.axis[0] != 0)
		return trace_refuse(t, y, "an exchange with the batch");
	for (int i = before; i < y->s.rank; i++)
		axis[i - before] = y->a.permute.axis[i] - before;
	int at = add_over_inputs(t, y, 1);
	return at >= 0 && keras_set_list(t->k, at, "axes", y->s.rank - before, axis, t->e) && done(t, y, at);
}

/* Two numbers per axis: pad's zeros, slice's bounds. */
static bool emit_bounds(tracer *t, node *y)
{
	const int before = axes_before(t, y);
	int64_t lo[RANK_MAX], hi[RANK_MAX];
	if (y->in[0]->s.dim[0] != y->s.dim[0])
		return trace_refuse(t, y, "parts of a batch");
	memcpy(lo, y->a.pad.before, sizeof lo);
	memcpy(hi, y->a.pad.after, sizeof hi);
	hi[0] /= t->batch;                           /* slice: all of the first axis; pad: 0 */
	int at = add_over_inputs(t, y, 1);
	return at >= 0 && keras_set_list(t->k, at, "before", y->s.rank - before, lo + before, t->e)
		&& keras_set_list(t->k, at, "after", y->s.rank - before, hi + before, t->e) && done(t, y, at);
}

static bool is_cut(const tracer *t, const node *y)
{
	(void)t;
	return !trace_cut_out(y);
}

/* Zeros in front of, or behind, the one value that varies are a pad. */
static bool emit_zeros(tracer *t, node *y, int value)
{
	const int before = axes_before(t, y), axis = y->a.concat.axis - before;
	int64_t zeros[2][RANK_MAX] = {{0}, {0}};
	for (int k = 0; k < y->nin; k++) {
		const node *x = y->in[k];
		if (k != value && (strcmp(x->op->name, "fill") || x->a.fill.value != 0))
			return trace_refuse(t, y, "a constant beside a value");
		if (k != value)
			zeros[k > value][axis] += x->s.dim[y->a.concat.axis];
	}
	int in = trace_as(t, y->in[value], trace_shape(t, y->in[value]));
	int at = in < 0 ? -1 : trace_add(t, y->path, "pad", "op>pad", 1, &in);
	const shape s = trace_shape(t, y);
	t->k->ops = true;
	return at >= 0 && keras_set_list(t->k, at, "result", s.rank, s.dim, t->e)
		&& keras_set_list(t->k, at, "before", s.rank, zeros[0], t->e)
		&& keras_set_list(t->k, at, "after", s.rank, zeros[1], t->e) && trace_done(t, y, at, s, false);
}

static bool emit_concat(tracer *t, node *y)
{
	int vary = 0, value = 0;
	for (int k = 0; k < y->nin; k++)
		if (t->varies[y->in[k]->id]) {
			vary++;
			value = k;
		}
	if (y->a.concat.axis < axes_before(t, y))
		return trace_refuse(t, y, "batches side by side");
	if (vary == 1)
		return emit_zeros(t, y, value);
	int at = add_over_inputs(t, y, y->nin);
	return at >= 0 && keras_set_int(t->k, at, "axis", y->a.concat.axis - axes_before(t, y), t->e) && done(t, y, at);
}

/* ---- sums, repetitions, products ---- */

static bool is_other_sum(const tracer *t, const node *y)
{
	return !trace_is_pixel_sum(y) && !trace_is_row_dot(t, y);
}

/* The axes stay, as 1, or those in front have gone: the same elements. */
static bool emit_sum(tracer *t, node *y)
{
	const shape *s = &y->in[0]->s;
	if (y->s.rank != s->rank || y->s.dim[0] != s->dim[0])
		return trace_refuse(t, y, "a sum over the batch");
	return done(t, y, add_over_inputs(t, y, 1));
}

static bool emit_broadcast(tracer *t, node *y)
{
	if (y->in[0]->s.rank != y->s.rank || y->in[0]->s.dim[0] != y->s.dim[0])
		return trace_refuse(t, y, "this repetition");
	return done(t, y, add_over_inputs(t, y, 1));
}

static bool is_block_product(const tracer *t, const node *y)
{
	return t->varies[y->in[0]->id] && t->varies[y->in[1]->id]
		&& (y->s.rank != 3 || y->s.dim[0] != t->batch);
}

static bool emit_block_product(tracer *t, node *y)
{
	int at = add_over_inputs(t, y, 2);
	return at >= 0 && keras_set_bool(t->k, at, "ta", y->a.matmul.ta, t->e)
		&& keras_set_bool(t->k, at, "tb", y->a.matmul.tb, t->e) && done(t, y, at);
}

/* ---- windows ---- */

static bool set_geometry(tracer *t, int at, trace_geometry c)
{
	return at >= 0 && keras_set_list(t->k, at, "size", 2, (const int64_t[]){c.kh, c.kw}, t->e)
		&& keras_set_list(t->k, at, "strides", 2, (const int64_t[]){c.sh, c.sw}, t->e)
		&& keras_set_list(t->k, at, "zeros", 4, (const int64_t[]){c.top, c.bottom, c.left, c.right}, t->e);
}

static bool emit_window(tracer *t, node *y)
{
	int at = add_over_inputs(t, y, 1);
	return set_geometry(t, at, trace_window_of(y)) && done(t, y, at);
}

static bool has_zeros(const tracer *t, const node *y)
{
	const trace_geometry c = trace_window_of(y);
	(void)t;
	return c.top || c.bottom || c.left || c.right;
}

/* A transposed convolution that crops in its own way, has groups, or lies behind heads. */
static bool is_other_transpose(const tracer *t, const node *y)
{
	return !t->varies[y->in[1]->id] && (!trace_crop(y, trace_conv_geometry(y)) || y->a.conv.groups > 1
		|| y->s.dim[0] != t->batch);
}

static bool emit_transpose(tracer *t, node *y)
{
	int at = add_over_inputs(t, y, 1);
	real *w = set_geometry(t, at, trace_conv_geometry(y)) ? fold_value(t, y->in[1]) : NULL;
	const bool ok = w && keras_set_int(t->k, at, "groups", y->a.conv.groups, t->e)
		&& keras_add_weight(t->k, at, "constant", y->in[1]->s, w, t->e) && done(t, y, at);
	free(w);
	return ok;
}

const single_row trace_single_rows[] = {
	{"recip", NULL, emit_unary}, {"sqrt", NULL, emit_unary}, {"rsqrt", NULL, emit_unary}, {"log", NULL, emit_unary},
	{"erf", NULL, emit_unary}, {"gate", NULL, emit_gate}, {"skew", NULL, emit_unary},
	{"div", NULL, emit_binary}, {"add", has_places, emit_binary}, {"mul", has_places, emit_binary},
	{"sub", is_from_constant, emit_binary}, {"permute", NULL, emit_permute}, {"pad", NULL, emit_bounds},
	{"slice", is_cut, emit_bounds}, {"concat", NULL, emit_concat}, {"sum_to", is_other_sum, emit_sum},
	{"broadcast", NULL, emit_broadcast}, {"matmul", is_block_product, emit_block_product},
	{"patches", NULL, emit_window}, {"patches_fold", NULL, emit_window}, {"sum_pool", has_zeros, emit_window},
	{"conv2d_dx", is_other_transpose, emit_transpose},
	{0},
};
