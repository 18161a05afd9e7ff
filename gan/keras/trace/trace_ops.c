/* trace_ops.c - one row for each operation of a graph that stock Keras layers can say. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"

static bool is_op(const node *x, const char *name)
{
	return !strcmp(x->op->name, name);
}

/* ---- element by element ---- */

/* A layer of one input that keeps its shape. */
static int add_unary(tracer *t, node *y, const char *suffix, const char *class_name)
{
	int in = trace_plain(t, y->in[0]);
	int at = in < 0 ? -1 : trace_add(t, y->path, suffix, class_name, 1, &in);
	return trace_done(t, y, at, t->value[y->in[0]->id].s, false) ? at : -1;
}

/* LeakyReLU's argument has two names in two generations of Keras, ReLU's slope has one. */
static bool emit_leaky_relu(tracer *t, node *y)
{
	int at = add_unary(t, y, "relu", "ReLU");
	return at >= 0 && (y->a.scalar == 0 || keras_set_float(t->k, at, "negative_slope", y->a.scalar, t->e));
}

/* Operations that have the name of a Keras activation. */
static bool emit_activation(tracer *t, node *y)
{
	const char *name = is_op(y, "exp") ? "exponential" : y->op->name;
	int at = add_unary(t, y, name, "Activation");
	return at >= 0 && keras_set_text(t->k, at, "activation", name, t->e);
}

static bool emit_softmax(tracer *t, node *y)
{
	int in = trace_as(t, y->in[0], trace_shape(t, y->in[0]));
	int at = in < 0 ? -1 : trace_add(t, y->path, "softmax", "Softmax", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "axis", -1, t->e) && trace_done(t, y, at, trace_shape(t, y), false);
}

node *trace_unrepeated(node *x)
{
	while (is_op(x, "broadcast"))
		x = x->in[0];
	return x;
}

/* Add or Multiply of two values that depend on the input; Keras repeats axes of size 1 itself. */
static bool emit_pair(tracer *t, node *y, const char *suffix, const char *class_name)
{
	node *x[2] = {trace_unrepeated(y->in[0]), trace_unrepeated(y->in[1])};
	int in[2];
	shape s[2];
	for (int i = 0; i < 2; i++) {
		const traced *v = trace_value(t, x[i]);
		if (!v)
			return false;
		s[i] = v->s;
	}
	bool alike = shape_equal(&s[0], &s[1]);
	for (int i = 0; i < 2; i++) {
		s[i] = alike ? s[i] : trace_shape(t, x[i]);
		in[i] = alike ? trace_plain(t, x[i]) : trace_as(t, x[i], s[i]);
		if (in[i] < 0)
			return false;
	}
	if (s[0].rank != s[1].rank)
		return trace_refuse(t, y, "this repetition");
	for (int i = 0; i < s[0].rank; i++)
		s[0].dim[i] = MAX(s[0].dim[i], s[1].dim[i]);
	return trace_done(t, y, trace_add(t, y->path, suffix, class_name, 2, in), s[0], false);
}

/* y = x + sign * c */
static bool emit_shifted(tracer *t, node *y, node *x, node *c, double sign)
{
	const real one = 1;
	terms b;
	if (trace_plain(t, x) < 0 || !fold_terms(t, y, c, shape_last(&x->s), &b))
		return false;
	for (int64_t i = 0; i < b.n; i++)
		b.x[i] *= (real)sign;
	bool folded, ok = fold_shift(t, x, &b, &folded);
	ok = ok && (folded ? trace_alias(t, y, x, 1) : emit_affine(t, y, x, &(terms){1, (real *)&one}, &b));
	free(b.x);
	return ok;
}

/* A Rescaling of its own, so that which layers there are does not depend on the number. */
static bool add_scale(tracer *t, node *y, node *x, double c)
{
	int at = trace_rescaling(t, y->path, "scale", trace_plain(t, x), c, 0);
	return trace_done(t, y, at, t->value[x->id].s, false);
}

/* y = c x for one number: kept aside while sums become means, moved into a kernel, or a Rescaling in the end. */
static bool emit_scaled(tracer *t, node *y, node *x, double c, bool is_gate)
{
	const traced *v = trace_value(t, x);
	real factor = (real)c;
	if (!v)
		return false;
	if (v->scale == 1 && fold_into_next(t, y)) {
		bool ok = trace_alias(t, y, x, c);
		t->value[y->id].into_next = true;
		return ok;
	}
	if (v->scale == 1 && fold_scale(t, x, &(terms){1, &factor}))
		return trace_alias(t, y, x, 1);
	return is_gate ? add_scale(t, y, x, c) : trace_alias(t, y, x, c);
}

/* A gate of the second form: a parameter that stays one. */
static bool emit_gain(tracer *t, node *y, node *x, const node *gamma)
{
	int in = trace_plain(t, x);
	int at = in < 0 ? -1 : trace_add(t, y->path, "gamma", "sagan>ScalarGain", 1, &in);
	return at >= 0 && trace_weight(t, at, "gamma", gamma->buf) && trace_done(t, y, at, t->value[x->id].s, false);
}

static bool emit_times(tracer *t, node *y, node *x, node *c)
{
	terms w;
	const node *single = trace_unrepeated(c);
	if (t->form == KERAS_LAYERS && single->buf && single->s.rank == 0)
		return emit_gain(t, y, x, single);
	if (!trace_value(t, x) || !fold_terms(t, y, c, shape_last(&x->s), &w))
		return false;
	bool ok;
	if (w.n == 1)
		ok = emit_scaled(t, y, x, (double)w.x[0], single->buf && single->s.rank == 0);
	else if (trace_plain(t, x) < 0)
		ok = false;
	else
		ok = fold_scale(t, x, &w) ? trace_alias(t, y, x, 1) : emit_affine(t, y, x, &w, NULL);
	free(w.x);
	return ok;
}

static bool emit_add(tracer *t, node *y)
{
	node *a = y->in[0], *b = y->in[1];
	if (!t->varies[b->id])
		return emit_shifted(t, y, a, b, 1);
	if (!t->varies[a->id])
		return emit_shifted(t, y, b, a, 1);
	return emit_pair(t, y, "add", "Add");
}

static bool emit_sub(tracer *t, node *y)
{
	node *a = y->in[0], *b = y->in[1];
	if (!t->varies[b->id])
		return emit_shifted(t, y, a, b, -1);
	if (!t->varies[a->id])
		return trace_refuse(t, y, "a constant minus a value");
	b = trace_unrepeated(b);                     /* as the pair reads it */
	if (!trace_value(t, b))
		return false;
	traced before = t->value[b->id];             /* -b for this sum, b for everything else */
	t->value[b->id].scale *= -1;
	t->value[b->id].linear = -1;
	bool ok = emit_pair(t, y, "subtract", "Add");
	t->value[b->id] = before;
	return ok;
}

static bool emit_mul(tracer *t, node *y)
{
	node *a = y->in[0], *b = y->in[1];
	if (!t->varies[b->id])
		return emit_times(t, y, a, b);
	if (!t->varies[a->id])
		return emit_times(t, y, b, a);
	return emit_pair(t, y, "multiply", "Multiply");
}

static bool emit_scale(tracer *t, node *y)
{
	return emit_scaled(t, y, y->in[0], y->a.scalar, false);
}

static bool emit_add_scalar(tracer *t, node *y)
{
	real one = 1, c = (real)y->a.scalar;
	return emit_affine(t, y, y->in[0], &(terms){1, &one}, &(terms){1, &c});
}

/* ---- shapes ---- */

static bool emit_view(tracer *t, node *y)
{
	return trace_alias(t, y, y->in[0], 1);
}

node *trace_cut_out(const node *y)
{
	const node *x = y->in[0];
	if (!is_op(x, "concat"))
		return NULL;
	const int axis = x->a.concat.axis;
	int64_t lo = 0;
	for (int i = 0; i < x->s.rank; i++)
		if (i != axis && y->s.dim[i] != x->s.dim[i])
			return NULL;
	for (int i = 0; i < x->nin; i++) {
		if (lo == y->a.pad.before[axis] && x->in[i]->s.dim[axis] == y->s.dim[axis])
			return x->in[i];
		lo += x->in[i]->s.dim[axis];
	}
	return NULL;
}

/* Some of the numbers of a row: as an image of one column, whose rows before and after them are cropped. */
static bool emit_part_of_row(tracer *t, node *y)
{
	const int64_t lo = y->a.pad.before[1], n = shape_last(&y->in[0]->s), hi = y->a.pad.after[1];
	int in = trace_as(t, y->in[0], SHAPE(n));
	in = in < 0 ? -1 : trace_add(t, y->path, "column", "Reshape", 1, &in);
	if (in < 0 || !keras_set_list(t->k, in, "target_shape", 3, (const int64_t[]){n, 1, 1}, t->e))
		return false;
	int at = trace_add(t, y->path, "part", "Cropping2D", 1, &in);
	return at >= 0 && keras_set_pairs(t->k, at, "cropping", 4, (const int64_t[]){lo, n - hi, 0, 0}, t->e)
		&& keras_set_text(t->k, at, "data_format", "channels_last", t->e)
		&& trace_done(t, y, at, SHAPE(hi - lo, 1, 1), false);
}

static bool emit_slice(tracer *t, node *y)
{
	node *part = trace_cut_out(y);
	if (part)
		return trace_alias(t, y, part, 1);
	return y->s.rank == 2 && y->s.dim[0] == t->batch && y->in[0]->s.dim[0] == t->batch ? emit_part_of_row(t, y)
		: trace_refuse(t, y, "parts of a value");
}

/* Rows side by side. */
static bool emit_concat(tracer *t, node *y)
{
	int in[KERAS_INPUTS];
	if (y->s.rank != 2 || y->a.concat.axis != 1 || y->nin > KERAS_INPUTS)
		return trace_refuse(t, y, "values side by side");
	for (int i = 0; i < y->nin; i++) {
		if (!t->varies[y->in[i]->id])
			return trace_refuse(t, y, "a constant beside values");
		in[i] = trace_as(t, y->in[i], trace_shape(t, y->in[i]));
		if (in[i] < 0)
			return false;
	}
	int at = trace_add(t, y->path, "concat", "Concatenate", y->nin, in);
	return at >= 0 && keras_set_int(t->k, at, "axis", -1, t->e) && trace_done(t, y, at, trace_shape(t, y), false);
}

/* ---- windows ---- */

trace_geometry trace_window_of(const node *y)
{
	return (trace_geometry){
		y->a.window.kh, y->a.window.kw, y->a.window.sh, y->a.window.sw, y->a.window.top, y->a.window.bottom,
		y->a.window.left, y->a.window.right,
	};
}

static bool emit_pool(tracer *t, node *y, const char *suffix, const char *class_name)
{
	const trace_geometry c = trace_window_of(y);
	if (c.top || c.bottom || c.left || c.right)
		return trace_refuse(t, y, "pooling with zeros around");
	int in = trace_as(t, y->in[0], trace_shape(t, y->in[0]));
	int at = in < 0 ? -1 : trace_add(t, y->path, suffix, class_name, 1, &in);
	return at >= 0 && keras_set_list(t->k, at, "pool_size", 2, (const int64_t[]){c.kh, c.kw}, t->e)
		&& keras_set_list(t->k, at, "strides", 2, (const int64_t[]){c.sh, c.sw}, t->e)
		&& keras_set_text(t->k, at, "padding", "valid", t->e)
		&& keras_set_text(t->k, at, "data_format", "channels_last", t->e)
		&& trace_done(t, y, at, trace_shape(t, y), false);
}

static bool emit_max_pool(tracer *t, node *y)
{
	return y->in[0] == y->in[1] ? emit_pool(t, y, "max_pool", "MaxPooling2D")
		: trace_refuse(t, y, "a choice by another map");
}

static bool emit_sum_pool(tracer *t, node *y)
{
	bool ok = emit_pool(t, y, "pool", "AveragePooling2D");
	t->value[y->id].scale = y->a.window.kh * y->a.window.kw;
	return ok;
}

static bool emit_upsampling(tracer *t, node *y, int64_t fh, int64_t fw, const char *how)
{
	int in = trace_as(t, y->in[0], trace_shape(t, y->in[0]));
	int at = in < 0 ? -1 : trace_add(t, y->path, "up", "UpSampling2D", 1, &in);
	return at >= 0 && keras_set_list(t->k, at, "size", 2, (const int64_t[]){fh, fw}, t->e)
		&& keras_set_text(t->k, at, "interpolation", how, t->e)
		&& keras_set_text(t->k, at, "data_format", "channels_last", t->e)
		&& trace_done(t, y, at, trace_shape(t, y), false);
}

/* The adjoint of side by side windows is nearest upsampling. */
static bool emit_nearest(tracer *t, node *y)
{
	const trace_geometry c = trace_window_of(y);
	const shape *x = &y->in[0]->s;
	bool tiles = c.kh == c.sh && c.kw == c.sw && !c.top && !c.bottom && !c.left && !c.right
		&& y->s.dim[1] == x->dim[1] * c.kh && y->s.dim[2] == x->dim[2] * c.kw;
	return tiles ? emit_upsampling(t, y, c.kh, c.kw, "nearest") : trace_refuse(t, y, "windows that overlap");
}

static bool emit_bilinear(tracer *t, node *y)
{
	const shape *x = &y->in[0]->s;
	if (y->s.dim[1] % x->dim[1] || y->s.dim[2] % x->dim[2])
		return trace_refuse(t, y, "resizing by no whole factor");
	return emit_upsampling(t, y, y->s.dim[1] / x->dim[1], y->s.dim[2] / x->dim[2], "bilinear");
}

/* ---- sums ---- */

/* sum over c of a[c] b[c] */
static bool emit_row_dot(tracer *t, node *y)
{
	node *const *x = y->in[0]->in;
	const shape row = SHAPE(shape_last(&x[0]->s));
	int in[2] = {trace_as(t, x[0], row), trace_as(t, x[1], row)};
	int at = in[0] < 0 || in[1] < 0 ? -1 : trace_add(t, y->path, "dot", "Dot", 2, in);
	return at >= 0 && keras_set_list(t->k, at, "axes", 2, (const int64_t[]){1, 1}, t->e)
		&& keras_set_bool(t->k, at, "normalize", false, t->e) && trace_done(t, y, at, SHAPE(1), false);
}

/* Whether the sum is on its way to become a mean. */
static bool is_mean(const tracer *t, const node *y, double n)
{
	while (t->uses[y->id] == 1 && t->user[y->id] && is_op(t->user[y->id], "reshape"))
		y = t->user[y->id];
	const node *by = t->uses[y->id] == 1 ? t->user[y->id] : NULL;
	return by && is_op(by, "scale") && by->a.scalar * n > 1 - 1e-9 && by->a.scalar * n < 1 + 1e-9;
}

static bool emit_pixel_sum(tracer *t, node *y)
{
	node *x = y->in[0];
	const double n = (double)(x->s.dim[1] * x->s.dim[2]);
	const bool own = t->form == KERAS_LAYERS && !is_mean(t, y, n);
	int in = trace_as(t, x, trace_shape(t, x));
	int at = in < 0 ? -1 : trace_add(t, y->path, own ? "sum" : "mean",
		own ? "sagan>GlobalSumPooling2D" : "GlobalAveragePooling2D", 1, &in);
	if (at < 0 || !(own || keras_set_text(t->k, at, "data_format", "channels_last", t->e)))
		return false;
	trace_done(t, y, at, SHAPE(x->s.dim[3]), false);
	t->value[y->id].scale = own ? 1 : n;
	return true;
}

bool trace_is_pixel_sum(const node *y)
{
	const shape *s = &y->in[0]->s, *to = &y->s;
	return s->rank == 4 && to->rank == 4 && to->dim[0] == s->dim[0] && to->dim[1] == 1 && to->dim[2] == 1
		&& to->dim[3] == s->dim[3];
}

bool trace_is_row_dot(const tracer *t, const node *y)
{
	const node *x = y->in[0];
	const shape *s = &x->s;
	return s->rank == 2 && is_op(x, "mul") && y->s.dim[0] == s->dim[0] && t->varies[x->in[0]->id]
		&& t->varies[x->in[1]->id] && shape_equal(&x->in[0]->s, s) && shape_equal(&x->in[1]->s, s);
}

static bool emit_sum_to(tracer *t, node *y)
{
	if (trace_is_pixel_sum(y))
		return emit_pixel_sum(t, y);
	if (trace_is_row_dot(t, y))
		return emit_row_dot(t, y);
	return trace_refuse(t, y, "a sum over these axes");
}

const op_row trace_op_rows[] = {
	{"add", emit_add}, {"sub", emit_sub}, {"mul", emit_mul}, {"scale", emit_scale}, {"add_scalar", emit_add_scalar},
	{"leaky_relu", emit_leaky_relu}, {"tanh", emit_activation}, {"sigmoid", emit_activation},
	{"softplus", emit_activation}, {"exp", emit_activation}, {"softmax", emit_softmax},
	{"reshape", emit_view}, {"broadcast", emit_view}, {"stop", emit_view}, {"slice", emit_slice},
	{"concat", emit_concat},
	{"conv2d", emit_conv}, {"conv2d_dx", emit_conv_transpose}, {"matmul", emit_matmul}, {"gather", emit_gather},
	{"max_pick", emit_max_pool}, {"sum_pool", emit_sum_pool}, {"sum_pool_dx", emit_nearest},
	{"resize_bilinear", emit_bilinear}, {"sum_to", emit_sum_to},
	{0},
};
