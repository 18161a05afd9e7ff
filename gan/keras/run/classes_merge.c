/* classes_merge.c - layers of Keras with several inputs: sums, products, joins, Dot. */
#include <string.h>

#include "gan/keras/run/placed.h"

/* x with axes of size 1 after the batch until it has `rank`: what Keras does before it merges. */
static node *widened(site *s, node *x, int rank)
{
	shape to = {.rank = rank, .dim = {x->s.dim[0], 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 1; i < x->s.rank; i++)
		to.dim[rank - x->s.rank + i] = x->s.dim[i];
	return op_reshape(s->g, x, to);
}

/* The inputs with equal numbers of axes and sizes that broadcast, the result within limits. */
static bool inputs_read(site *s, node *x[KERAS_INPUTS])
{
	shape to = s->in[0]->s;
	for (int i = 1; i < s->nin; i++)
		to.rank = MAX(to.rank, s->in[i]->s.rank);
	for (int k = 0; k < to.rank; k++)
		to.dim[k] = 1;
	for (int i = 0; i < s->nin; i++) {
		x[i] = widened(s, s->in[i], to.rank);
		for (int k = 0; k < to.rank; k++) {
			const int64_t n = x[i]->s.dim[k];
			if (n != 1 && to.dim[k] != 1 && n != to.dim[k]) {
				site_fail(s, "its inputs have sizes that do not go together: %s and %s", shape_print(&s->in[0]->s).s,
					shape_print(&s->in[i]->s).s);
				return false;
			}
			to.dim[k] = MAX(to.dim[k], n);
		}
	}
	return site_fits(s, &to);
}

static node *folded(site *s, node *(*merge)(graph *g, node *a, node *b))
{
	node *x[KERAS_INPUTS];
	if (!inputs_read(s, x))
		return NULL;
	node *y = x[0];
	for (int i = 1; i < s->nin; i++)
		y = merge(s->g, y, x[i]);
	return y;
}

/* max(a, b) = a + relu(b - a) */
static node *larger(graph *g, node *a, node *b)
{
	return op_add(g, a, op_relu(g, op_sub(g, b, a)));
}

static node *smaller(graph *g, node *a, node *b)
{
	return op_sub(g, a, op_relu(g, op_sub(g, a, b)));
}

static node *add(site *s)
{
	return folded(s, op_add);
}

static node *multiply(site *s)
{
	return folded(s, op_mul);
}

static node *subtract(site *s)
{
	return folded(s, op_sub);
}

static node *average(site *s)
{
	node *y = folded(s, op_add);
	return y ? op_scale(s->g, y, 1.0 / s->nin) : NULL;
}

static node *maximum(site *s)
{
	return folded(s, larger);
}

static node *minimum(site *s)
{
	return folded(s, smaller);
}

static node *concatenate(site *s)
{
	shape to = s->in[0]->s;
	const int axis = site_axis(s, "axis", -1, to.rank);
	for (int i = 1; !s->failed && i < s->nin; i++) {
		const shape *x = &s->in[i]->s;
		for (int k = 0; k < to.rank; k++)
			if (x->rank != to.rank || (k != axis && x->dim[k] != to.dim[k]))
				return site_fail(s, "cannot join %s and %s along axis %d", shape_print(&to).s, shape_print(x).s, axis);
		to.dim[axis] += x->dim[axis];
	}
	return !s->failed && site_fits(s, &to) ? op_concat(s->g, s->in, s->nin, axis) : NULL;
}

/* ---- Dot ---- */

/* axes: [a, b], or one number for both. */
static bool dot_axes(site *s, int axis[2])
{
	const keras_value *v = keras_get(s->l, "axes");
	for (int i = 0; i < 2; i++) {
		const int rank = s->in[i]->s.rank;
		const double a = !v ? 0 : v->kind == KERAS_LIST ? v->n == 2 ? (double)v->list[i] : 0 : v->number;
		const int at = a > -RANK_MAX && a < RANK_MAX ? (int)a + (a < 0 ? rank : 0) : 0;
		if (at < 1 || at >= rank || rank > 3) {
			site_fail(s, "axes must name one axis of each input, which have 2 or 3");
			return false;
		}
		axis[i] = at;
	}
	return true;
}

/* Sums over one axis of each: [B,M,K] and [B,N,K] -> [B,M,N]; vectors count as matrices of one row. */
static node *dot(site *s)
{
	int axis[2];
	if (site_flag(s, "normalize", false))
		return site_fail(s, "normalize is not supported");
	if (!dot_axes(s, axis))
		return NULL;
	node *x[2];
	shape to = {.rank = 1, .dim = {s->in[0]->s.dim[0], 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 0; i < 2; i++) {
		const bool vector = s->in[i]->s.rank == 2;
		x[i] = vector ? widened(s, s->in[i], 3) : s->in[i];
		axis[i] += vector;
		if (!vector)
			to.dim[to.rank++] = x[i]->s.dim[3 - axis[i]];
	}
	if (x[0]->s.dim[axis[0]] != x[1]->s.dim[axis[1]])
		return site_fail(s, "axes of %lld and %lld elements", (long long)x[0]->s.dim[axis[0]],
			(long long)x[1]->s.dim[axis[1]]);
	if (!site_fits(s, &to))
		return NULL;
	if (to.rank == 1)                            /* two vectors: Keras keeps an axis */
		to.rank = 2;
	return op_reshape(s->g, op_matmul(s->g, x[0], x[1], axis[0] == 1, axis[1] == 2), to);
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
