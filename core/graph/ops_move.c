/* ops_move.c - ops that only move values: broadcast, permute, pad, slice, concat.
 *
 * All of them are one thing, a copy between two strided boxes (move.h): broadcasting is a source
 * stride of 0, permuting exchanges source strides, padding and concatenating choose where the box
 * lies in the result. */
#include "core/graph/ops.h"

#include <string.h>

#include "core/kernels/move.h"
#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

/* ---- broadcast ---- */

static bool infer_broadcast(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *to = &y->a.to;
	if (!shape_is_valid(to, why, why_size))
		return false;
	if (x->rank > to->rank)
		return refuse(why, why_size, "cannot broadcast to %s: it has fewer axes",
			      shape_print(to).s);
	for (int i = 1; i <= x->rank; i++) {
		int64_t from = x->dim[x->rank - i], n = to->dim[to->rank - i];
		if (from != n && from != 1)
			return refuse(why, why_size, "cannot broadcast to %s: axis %d has %lld, allowed "
				      "are 1 and %lld", shape_print(to).s, x->rank - i,
				      (long long)from, (long long)n);
	}
	y->s = *to;
	return true;
}

/* y = x repeated along axes of size 1 and missing ones */
static void broadcast_eval(const node *y, void *scratch)
{
	(void)scratch;
	const shape *x = &y->in[0]->s;
	move m = {.dst = y->x, .src = y->in[0]->x, .rank = y->s.rank};
	int64_t stride[RANK_MAX];
	move_strides(x, stride);
	move_strides(&y->s, m.ds);
	for (int i = 0; i < m.rank; i++) {
		int k = i - (y->s.rank - x->rank);
		m.n[i] = y->s.dim[i];
		m.ss[i] = k < 0 || x->dim[k] == 1 ? 0 : stride[k];
	}
	move_run(&m);
}

static void broadcast_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_sum_to(g, dy, y->in[0]->s);
}

const op op_rec_broadcast = {
	.name = "broadcast", .nin = 1,
	.infer = infer_broadcast, .eval = broadcast_eval, .vjp = broadcast_vjp,
};

node *op_broadcast(graph *g, node *x, shape s)
{
	if (shape_equal(&x->s, &s))
		return x;
	if (x->s.rank < s.rank && shape_equal_aligned(&x->s, &s))
		return op_reshape(g, x, s);
	attr a = attr_to(s);
	return graph_node(g, &op_rec_broadcast, 1, &x, &a);
}

/* ---- permute ---- */

static bool infer_permute(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	const int *axis = y->a.permute.axis;
	unsigned seen = 0;
	for (int i = 0; i < x->rank; i++) {
		if (axis[i] < 0 || axis[i] >= x->rank || seen & 1u << axis[i])
			return refuse(why, why_size, "output axis %d is input axis %d: must be each of "
				      "0..%d once", i, axis[i], x->rank - 1);
		seen |= 1u << axis[i];
	}
	y->s = *x;
	for (int i = 0; i < x->rank; i++)
		y->s.dim[i] = x->dim[axis[i]];
	return true;
}

/* y[i0,i1,..] = x with i_k along input axis axis[k] */
static void permute_eval(const node *y, void *scratch)
{
	(void)scratch;
	move m = {.dst = y->x, .src = y->in[0]->x, .rank = y->s.rank};
	int64_t stride[RANK_MAX];
	move_strides(&y->in[0]->s, stride);
	move_strides(&y->s, m.ds);
	for (int i = 0; i < m.rank; i++) {
		m.n[i] = y->s.dim[i];
		m.ss[i] = stride[y->a.permute.axis[i]];
	}
	move_run(&m);
}

/* The adjoint is the inverse permutation. */
static void permute_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	int inverse[RANK_MAX] = {0};
	for (int i = 0; i < y->s.rank; i++)
		inverse[y->a.permute.axis[i]] = i;
	dx[0] = op_permute(g, dy, inverse);
}

const op op_rec_permute = {
	.name = "permute", .nin = 1,
	.infer = infer_permute, .eval = permute_eval, .vjp = permute_vjp,
};

node *op_permute(graph *g, node *x, const int *axis)
{
	if (!graph_ok(g, NULL))                      /* x may have another rank than the caller meant */
		return x;
	attr a = attr_none();
	bool identity = true;
	for (int i = 0; i < x->s.rank; i++) {
		a.permute.axis[i] = axis[i];
		identity = identity && axis[i] == i;
	}
	return identity ? x : graph_node(g, &op_rec_permute, 1, &x, &a);
}

node *op_transpose(graph *g, node *x)
{
	const int r = x->s.rank;
	if (r < 2)
		return graph_fail(g, "transpose %s: needs at least two axes",
				  shape_print(&x->s).s);
	int axis[RANK_MAX] = {0};
	for (int i = 0; i < r; i++)
		axis[i] = i < r - 2 ? i : 2 * r - 3 - i;
	return op_permute(g, x, axis);
}

/* ---- pad and slice, each other's adjoint ---- */

static bool infer_pad(node *y, char *why, size_t why_size)
{
	y->s = y->in[0]->s;
	for (int i = 0; i < y->s.rank; i++) {
		int64_t before = y->a.pad.before[i], after = y->a.pad.after[i];
		if (before < 0 || after < 0)
			return refuse(why, why_size, "axis %d: %lld zeros before and %lld after: must "
				      "not be negative", i, (long long)before, (long long)after);
		y->s.dim[i] += before + after;
	}
	return true;
}

/* Copies the box x to where it begins at `at` in the row-major values y of shape s. */
static void box_put(real *y, const shape *s, const int64_t *at, const real *x, const shape *box)
{
	move m = {.dst = y, .src = x, .rank = s->rank};
	move_strides(s, m.ds);
	move_strides(box, m.ss);
	for (int i = 0; i < m.rank; i++) {
		m.n[i] = box->dim[i];
		m.dst += at[i] * m.ds[i];
	}
	move_run(&m);
}

static void zero_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	memset((real *)ctx + lo, 0, (size_t)(hi - lo) * sizeof(real));
}

/* y = 0 except y[before + i] = x[i] */
static void pad_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(shape_count(&y->s), SPAN_GRAIN, zero_span, y->x);
	box_put(y->x, &y->s, y->a.pad.before, y->in[0]->x, &y->in[0]->s);
}

static void pad_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	int64_t hi[RANK_MAX] = {0};
	for (int i = 0; i < y->s.rank; i++)
		hi[i] = y->a.pad.before[i] + y->in[0]->s.dim[i];
	dx[0] = op_slice(g, dy, y->a.pad.before, hi);
}

const op op_rec_pad = {
	.name = "pad", .nin = 1,
	.infer = infer_pad, .eval = pad_eval, .vjp = pad_vjp,
};

static attr attr_pad(int rank, const int64_t *before, const int64_t *after)
{
	attr a = attr_none();
	for (int i = 0; i < rank; i++) {
		a.pad.before[i] = before[i];
		a.pad.after[i] = after[i];
	}
	return a;
}

node *op_pad(graph *g, node *x, const int64_t *before, const int64_t *after)
{
	if (!graph_ok(g, NULL))
		return x;
	attr a = attr_pad(x->s.rank, before, after);
	bool none = true;
	for (int i = 0; i < x->s.rank; i++)
		none = none && before[i] == 0 && after[i] == 0;
	return none ? x : graph_node(g, &op_rec_pad, 1, &x, &a);
}

static bool infer_slice(node *y, char *why, size_t why_size)
{
	y->s = y->in[0]->s;
	for (int i = 0; i < y->s.rank; i++) {
		int64_t lo = y->a.pad.before[i], hi = y->a.pad.after[i];
		if (lo < 0 || hi > y->s.dim[i] || lo >= hi)
			return refuse(why, why_size, "axis %d: elements %lld up to %lld: must be a "
				      "non-empty part of 0 up to %lld", i, (long long)lo,
				      (long long)hi, (long long)y->s.dim[i]);
		y->s.dim[i] = hi - lo;
	}
	return true;
}

/* y[i] = x[lo + i] */
static void slice_eval(const node *y, void *scratch)
{
	(void)scratch;
	const node *x = y->in[0];
	move m = {.dst = y->x, .src = x->x, .rank = y->s.rank};
	move_strides(&y->s, m.ds);
	move_strides(&x->s, m.ss);
	for (int i = 0; i < m.rank; i++) {
		m.n[i] = y->s.dim[i];
		m.src += y->a.pad.before[i] * m.ss[i];
	}
	move_run(&m);
}

static void slice_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	int64_t after[RANK_MAX] = {0};
	for (int i = 0; i < y->s.rank; i++)
		after[i] = y->in[0]->s.dim[i] - y->a.pad.after[i];
	dx[0] = op_pad(g, dy, y->a.pad.before, after);
}

const op op_rec_slice = {
	.name = "slice", .nin = 1,
	.infer = infer_slice, .eval = slice_eval, .vjp = slice_vjp,
};

node *op_slice(graph *g, node *x, const int64_t *lo, const int64_t *hi)
{
	if (!graph_ok(g, NULL))
		return x;
	attr a = attr_pad(x->s.rank, lo, hi);
	bool all = true;
	for (int i = 0; i < x->s.rank; i++)
		all = all && lo[i] == 0 && hi[i] == x->s.dim[i];
	return all ? x : graph_node(g, &op_rec_slice, 1, &x, &a);
}

node *op_slice_axis(graph *g, node *x, int axis, int64_t lo, int64_t hi)
{
	if (axis < 0 || axis >= x->s.rank)
		return graph_fail(g, "slice %s: axis %d: must be 0..%d", shape_print(&x->s).s,
				  axis, x->s.rank - 1);
	int64_t from[RANK_MAX] = {0}, to[RANK_MAX];
	memcpy(to, x->s.dim, sizeof to);
	from[axis] = lo;
	to[axis] = hi;
	return op_slice(g, x, from, to);
}

/* ---- concat ---- */

static bool infer_concat(node *y, char *why, size_t why_size)
{
	const int axis = y->a.concat.axis;
	if (y->nin < 1)
		return refuse(why, why_size, "nothing to concatenate");
	y->s = y->in[0]->s;
	if (axis < 0 || axis >= y->s.rank)
		return refuse(why, why_size, "axis %d: must be 0..%d", axis, y->s.rank - 1);
	for (int k = 1; k < y->nin; k++) {
		const shape *s = &y->in[k]->s;
		bool fits = s->rank == y->s.rank;
		for (int i = 0; i < y->s.rank; i++)
			fits = fits && (i == axis || s->dim[i] == y->s.dim[i]);
		if (!fits)
			return refuse(why, why_size, "inputs 0 and %d differ in another axis than %d", k,
				      axis);
		y->s.dim[axis] += s->dim[axis];
	}
	return true;
}

static void concat_eval(const node *y, void *scratch)
{
	(void)scratch;
	const int axis = y->a.concat.axis;
	int64_t at[RANK_MAX] = {0};
	for (int k = 0; k < y->nin; k++) {
		box_put(y->x, &y->s, at, y->in[k]->x, &y->in[k]->s);
		at[axis] += y->in[k]->s.dim[axis];
	}
}

static void concat_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	const int axis = y->a.concat.axis;
	int64_t lo = 0;
	for (int k = 0; k < y->nin; k++) {
		int64_t hi = lo + y->in[k]->s.dim[axis];
		dx[k] = need[k] ? op_slice_axis(g, dy, axis, lo, hi) : NULL;
		lo = hi;
	}
}

const op op_rec_concat = {
	.name = "concat", .nin = -1,
	.infer = infer_concat, .eval = concat_eval, .vjp = concat_vjp,
};

node *op_concat(graph *g, node *const *x, int n, int axis)
{
	if (n == 1 && axis >= 0 && axis < x[0]->s.rank)
		return x[0];
	attr a = attr_none();
	a.concat.axis = axis;
	return graph_node(g, &op_rec_concat, n, x, &a);
}
