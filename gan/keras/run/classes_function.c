/* classes_function.c - operators and functions that users of Keras put between layers, as (x + 1) / 2. Keras 3 calls
 * them ops, Keras 2 functions of TensorFlow (json_calls.c). Constants are settings under the names of the arguments. */
#include <math.h>

#include "core/base/local.h"
#include "gan/keras/model/shapes.h"
#include "gan/keras/run/placed.h"

/* ---- two arguments ---- */

/* The arguments x1 and x2, either of which may be a number: of the other's rank, each axis 1. */
static bool two(keras_placed *p, node *x[2])
{
	static const char *const name[] = {"x1", "x2"};
	int k = 0;
	shape one = p->in[0]->s;
	for (int i = 0; i < one.rank; i++)
		one.dim[i] = 1;
	for (int i = 0; i < 2; i++) {
		const keras_value *v = placed_get(p, name[i]);
		if (v && v->kind <= KERAS_FLOAT)
			x[i] = op_fill(p->g, one, placed_real(p, name[i], 0));
		else if (v || k == p->nin)
			placed_fail(p, "its argument %s is neither a number nor the result of a layer", name[i]);
		else
			x[i] = p->in[k++];
	}
	if (!p->failed && k != p->nin)
		placed_fail(p, "has %d inputs besides numbers; it takes %d", p->nin, k);
	return !p->failed;
}

static node *of_two(keras_placed *p, node *(*f)(graph *g, node *a, node *b))
{
	node *x[2];
	return two(p, x) && placed_broadcast(p, x, 2) ? f(p->g, x[0], x[1]) : NULL;
}

static node *add(keras_placed *p)
{
	return of_two(p, op_add);
}

static node *subtract(keras_placed *p)
{
	return of_two(p, op_sub);
}

static node *multiply(keras_placed *p)
{
	return of_two(p, op_mul);
}

static node *divide(keras_placed *p)
{
	return of_two(p, op_div);
}

static node *maximum(keras_placed *p)
{
	return of_two(p, placed_larger);
}

static node *minimum(keras_placed *p)
{
	return of_two(p, placed_smaller);
}

/* x^n for the n of products and roots. */
static node *power(keras_placed *p)
{
	enum { MOST = 8 };
	const double n = placed_real(p, "x2", 0);
	if (p->failed || p->nin != 1 || placed_get(p, "x1"))
		return placed_fail(p, "only a result of a layer to the power of a number is supported");
	node *x = p->in[0], *y = x;
	if (n == 0.5)
		return op_sqrt(p->g, x);
	if (n == -0.5)
		return op_rsqrt(p->g, x);
	if (n == -1)
		return op_recip(p->g, x);
	if (!(n >= 1 && n <= MOST && n == floor(n)))
		return placed_fail(p, "the exponent %g is not supported; -1, -0.5, 0.5 and 1 to %d are", n, MOST);
	for (int i = 1; i < (int)n; i++)
		y = op_mul(p->g, y, x);
	return y;
}

/* ---- one argument ---- */

/* The class and the operation of the graph. */
#define FUNCTIONS(F) \
	F(Negative, op_neg) F(Absolute, op_abs) F(Square, op_square) F(Sqrt, op_sqrt) F(Rsqrt, op_rsqrt) \
	F(Exp, op_exp) F(Log, op_log) F(Tanh, op_tanh) F(Sigmoid, op_sigmoid) F(Relu, op_relu)
#define APPLY(name, op) \
	static node *of_##name(keras_placed *p) \
	{ \
		return op(p->g, p->in[0]); \
	}
FUNCTIONS(APPLY)
#undef APPLY

static node *clip(keras_placed *p)
{
	const double lo = placed_real(p, "x_min", 0), hi = placed_real(p, "x_max", 0);
	if (!placed_get(p, "x_min") || !placed_get(p, "x_max") || !(lo <= hi))
		return placed_fail(p, "needs two numbers, the smaller first");
	return p->failed ? NULL : op_clip(p->g, p->in[0], lo, hi);
}

/* ---- shapes ---- */

static node *concatenate(keras_placed *p)
{
	return keras_class_of("Concatenate")->apply(p);
}

/* [-1, 48, 2]: the batch first. */
static node *reshape(keras_placed *p)
{
	const keras_value *v = placed_get(p, "newshape");
	const int64_t B = p->in[0]->s.dim[0];
	const int64_t all = shape_count(&p->in[0]->s);
	if (!v || v->kind != KERAS_LIST || v->n < 1 || v->n > RANK_MAX || v->list[0] != -1)
		return placed_fail(p, "only a new shape of -1, for the batch, and numbers is supported");
	shape to = shape_of(v->n, v->list);
	return keras_reshape(all, v->n, v->list, to.dim) && to.dim[0] == B ? op_reshape(p->g, p->in[0], to)
		: placed_fail(p, "the new shape does not have the %lld elements of a sample", (long long)(all / B));
}

/* Over one axis or some, never the batch. */
static node *mean(keras_placed *p)
{
	const keras_value *v = placed_get(p, "axis");
	const int rank = p->in[0]->s.rank;
	unsigned axes = 0;
	for (int i = 0; v && i < (v->kind == KERAS_LIST ? v->n : 1); i++) {
		const double axis = v->kind == KERAS_LIST ? (double)v->list[i] : v->number;
		const double at = axis < 0 ? axis + rank : axis;
		if (v->kind == KERAS_TEXT || !(at >= 1 && at < rank))
			return placed_fail(p, "axis must be from 1 to %d", rank - 1);
		axes |= 1u << (int)at;
	}
	if (!axes)
		return placed_fail(p, "a mean over the batch is not supported");
	return op_mean(p->g, p->in[0], axes, placed_flag(p, "keepdims", false));
}

const keras_class keras_function_classes[] = {
	{"ops>Add", 1, 2, add},
	{"ops>Subtract", 1, 2, subtract},
	{"ops>Multiply", 1, 2, multiply},
	{"ops>TrueDivide", 1, 2, divide},
	{"ops>Divide", 1, 2, divide},
	{"ops>Power", 1, 2, power},
	{"ops>Maximum", 1, 2, maximum},
	{"ops>Minimum", 1, 2, minimum},
#define RECORD(name, op) {"ops>" #name, 1, 1, of_##name},
	FUNCTIONS(RECORD)
#undef RECORD
	{"ops>Clip", 1, 1, clip},
	{"ops>Concatenate", 2, KERAS_INPUTS, concatenate},
	{"ops>Reshape", 1, 1, reshape},
	{"ops>Mean", 1, 1, mean},
	{0},
};
