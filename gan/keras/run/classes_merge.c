/* classes_merge.c - layers of Keras with several inputs: sums, products, joins, Dot. */
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/run/placed.h"

/* x with axes of size 1 after the batch until it has `rank`: what Keras does before it merges. */
static node *widened(keras_placed *p, node *x, int rank)
{
	shape to = {.rank = rank, .dim = {x->s.dim[0], 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 1; i < x->s.rank; i++)
		to.dim[rank - x->s.rank + i] = x->s.dim[i];
	return op_reshape(p->g, x, to);
}

/* The inputs with equal numbers of axes and sizes that broadcast, the result within limits. */
static bool inputs_read(keras_placed *p, node *x[KERAS_INPUTS])
{
	int rank = 0;
	for (int i = 0; i < p->nin; i++)
		rank = MAX(rank, p->in[i]->s.rank);
	for (int i = 0; i < p->nin; i++)
		x[i] = widened(p, p->in[i], rank);
	return placed_broadcast(p, x, p->nin);
}

static node *folded(keras_placed *p, node *(*merge)(graph *g, node *a, node *b))
{
	node *x[KERAS_INPUTS];
	if (!inputs_read(p, x))
		return NULL;
	node *y = x[0];
	for (int i = 1; i < p->nin; i++)
		y = merge(p->g, y, x[i]);
	return y;
}

static node *add(keras_placed *p)
{
	return folded(p, op_add);
}

static node *multiply(keras_placed *p)
{
	return folded(p, op_mul);
}

static node *subtract(keras_placed *p)
{
	return folded(p, op_sub);
}

static node *average(keras_placed *p)
{
	node *y = folded(p, op_add);
	return y ? op_scale(p->g, y, 1.0 / p->nin) : NULL;
}

static node *maximum(keras_placed *p)
{
	return folded(p, placed_larger);
}

static node *minimum(keras_placed *p)
{
	return folded(p, placed_smaller);
}

static node *concatenate(keras_placed *p)
{
	shape to = p->in[0]->s;
	const int axis = placed_axis(p, "axis", -1, to.rank);
	for (int i = 1; !p->failed && i < p->nin; i++) {
		const shape *x = &p->in[i]->s;
		for (int k = 0; k < to.rank; k++)
			if (x->rank != to.rank || (k != axis && x->dim[k] != to.dim[k]))
				return placed_fail(p, "cannot join %s and %s along axis %d", shape_print(&to).s,
					shape_print(x).s, axis);
		to.dim[axis] += x->dim[axis];
	}
	return !p->failed && placed_fits(p, &to) ? op_concat(p->g, p->in, p->nin, axis) : NULL;
}

/* ---- Dot ---- */

/* axes: [a, b], or one number for both. */
static bool dot_axes(keras_placed *p, int axis[2])
{
	const keras_value *v = placed_get(p, "axes");
	for (int i = 0; i < 2; i++) {
		const int rank = p->in[i]->s.rank;
		const double a = !v ? 0 : v->kind == KERAS_LIST ? v->n == 2 ? (double)v->list[i] : 0 : v->number;
		const int at = a > -RANK_MAX && a < RANK_MAX ? (int)a + (a < 0 ? rank : 0) : 0;
		if (at < 1 || at >= rank || rank > 3) {
			placed_fail(p, "axes must name one axis of each input, which have 2 or 3");
			return false;
		}
		axis[i] = at;
	}
	return true;
}

/* Sums over one axis of each: [B,M,K] and [B,N,K] -> [B,M,N]; vectors count as matrices of one row. */
static node *dot(keras_placed *p)
{
	int axis[2];
	placed_off(p, "normalize");
	if (p->failed || !dot_axes(p, axis))
		return NULL;
	node *x[2];
	shape to = {.rank = 1, .dim = {p->in[0]->s.dim[0], 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 0; i < 2; i++) {
		const bool vector = p->in[i]->s.rank == 2;
		x[i] = vector ? widened(p, p->in[i], 3) : p->in[i];
		axis[i] += vector;
		if (!vector)
			to.dim[to.rank++] = x[i]->s.dim[3 - axis[i]];
	}
	if (x[0]->s.dim[axis[0]] != x[1]->s.dim[axis[1]])
		return placed_fail(p, "axes of %lld and %lld elements", (long long)x[0]->s.dim[axis[0]],
			(long long)x[1]->s.dim[axis[1]]);
	if (!placed_fits(p, &to))
		return NULL;
	if (to.rank == 1)                            /* two vectors: Keras keeps an axis */
		to.rank = 2;
	return op_reshape(p->g, op_matmul(p->g, x[0], x[1], axis[0] == 1, axis[1] == 2), to);
}

const keras_class keras_merge_classes[] = {
	{"Add", 2, KERAS_INPUTS, add},
	{"Subtract", 2, 2, subtract},
	{"Multiply", 2, KERAS_INPUTS, multiply},
	{"Average", 2, KERAS_INPUTS, average},
	{"Maximum", 2, KERAS_INPUTS, maximum},
	{"Minimum", 2, KERAS_INPUTS, minimum},
	{"Concatenate", 2, KERAS_INPUTS, concatenate},
	{"Dot", 2, 2, dot},
	{0},
};
