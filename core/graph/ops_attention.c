/* ops_attention.c - softmax(scale Q K') V and its derivatives without the N x M matrix.
 *
 * Three ops, each with all its results behind each other in one row of values, cut out by slices:
 *	attention          q k v                      -> o | lse
 *	attention_grad     q k v dy lse delta         -> dq | dk | dv
 *	attention_second   q k v dy lse delta a b e   -> derivatives of attention_grad in its six inputs
 * attention.h has the formulas. Each differentiates into the next, attention_second (the third
 * derivative) into elementary ops. As inputs, lse and delta are independent of the others: what they
 * depend on is the graph's business, and the chain rule does the rest. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include "core/kernels/attention.h"
#include "core/graph/ops_internal.h"

/* Scores of a sample from which on they are not held: measured with batch 16 and 2 threads, forward and backward are
 * even at 256 x 256 and 1.1 to 1.8 times as fast from 1024 x 256 on. Both ways give the same values but for
 * rounding. */
enum { LARGE = 1 << 17 };
enum { Q, K, V, DY, LSE, DELTA, A, B, E, INPUTS };

/* ---- sizes and places ---- */

static attention_sizes sizes_of(const node *y)
{
	const shape *q = &y->in[Q]->s, *k = &y->in[K]->s;
	const int r = q->rank;
	attention_sizes s = {
		.N = q->dim[r - 2], .M = k->dim[r - 2], .d = k->dim[r - 1], .c = shape_last(&y->in[V]->s),
		.rows = y->a.attention.rows, .cols = y->a.attention.cols, .scale = (real)y->a.attention.scale,
	};
	s.G = shape_count(q) / (s.N * q->dim[r - 1]);

	return s;
}

/* The shape of query n's one number: q without its last axis. */
static shape per_query(const shape *q)
{
	return shape_of(q->rank - 1, q->dim);
}

/* The shape of O: as many rows as q, as wide as v. */
static shape result_shape(const shape *q, const shape *v)
{
	shape s = *q;
	s.dim[s.rank - 1] = shape_last(v);
	return s;
}

/* Elements at..at+n of a row of values that are slices and paddings of others, looked through so that
 * nothing is copied forth and back; NULL for zeros. */
static node *part(graph *g, node *x, int64_t at, int64_t n)
{
	if (x->op == &op_rec_pad) {
		const int64_t lo = x->a.pad.before[0], hi = lo + x->in[0]->s.dim[0];
		if (at >= hi || at + n <= lo)
			return NULL;
		if (at >= lo && at + n <= hi)
			return part(g, x->in[0], at - lo, n);
	}
	if (x->op == &op_rec_add) {
		node *a = part(g, x->in[0], at, n), *b = part(g, x->in[1], at, n);
		return a && b ? op_add(g, a, b) : a ? a : b;
	}
	return op_slice_axis(g, x, 0, at, at + n);
}

/* The next value of shape s in a row of values; *at moves on. NULL for zeros. */
static node *next_or_none(graph *g, node *row, int64_t *at, shape s)
{
	node *x = part(g, row, *at, shape_count(&s));
	*at += shape_count(&s);
	return x ? op_reshape(g, x, s) : NULL;
}

static node *next(graph *g, node *row, int64_t *at, shape s)
{
	node *x = next_or_none(g, row, at, s);
	return x ? x : op_fill(g, s, 0);
}

/* Gradients for inputs 0..n-1 from the row of values that has them in this order. */
static void hand_out(graph *g, node *y, node *row, int n, const bool *need, node **dx)
{
	int64_t at = 0;
	for (int i = 0; i < n; i++) {
		const shape s = y->in[i]->s;
		if (need[i])
			dx[i] = op_reshape(g, op_slice_axis(g, row, 0, at, at + shape_count(&s)), s);
		at += shape_count(&s);
	}
}

/* The values of a run as the kernels take them. */
static attention_in inputs_of(const node *y)
{
	const real *x[INPUTS] = {NULL};
	for (int i = 0; i < y->nin; i++)
		x[i] = y->in[i]->x;
	return (attention_in){x[Q], x[K], x[V], x[DY], x[LSE], x[DELTA], x[A], x[B], x[E]};
}

/* ---- attention: q [..,N,d], k [..,M,d], v [..,M,c] -> o [..,N,c] | lse [..,N] ---- */

static bool attention_infer(node *y, char *why, size_t why_size)
{
	const shape *q = &y->in[Q]->s, *k = &y->in[K]->s, *v = &y->in[V]->s;
	const int r = q->rank;
	if (r < 2 || k->rank != r || v->rank != r)
		return refuse(why, why_size, "needs q [..,N,d], k [..,M,d] and v [..,M,c] of the same number of axes");
	for (int i = 0; i < r - 2; i++)
		if (q->dim[i] != k->dim[i] || q->dim[i] != v->dim[i])
			return refuse(why, why_size, "leading axis %d differs: %lld, %lld and %lld", i,
				      (long long)q->dim[i], (long long)k->dim[i], (long long)v->dim[i]);
	const int64_t rows = y->a.attention.rows, cols = y->a.attention.cols;
	if (q->dim[r - 1] != k->dim[r - 1] + rows + cols)
		return refuse(why, why_size, "queries have width %lld: must be the keys' %lld%s",
			      (long long)q->dim[r - 1], (long long)k->dim[r - 1],
			      cols ? ", and one more for each row and column of keys" : "");
	if (cols && rows * cols != k->dim[r - 2])
		return refuse(why, why_size, "%lld keys are no map of %lld x %lld", (long long)k->dim[r - 2],
			      (long long)rows, (long long)cols);
	if (k->dim[r - 2] != v->dim[r - 2])
		return refuse(why, why_size, "%lld keys and %lld values: must be as many", (long long)k->dim[r - 2],
			      (long long)v->dim[r - 2]);
	const attention_sizes s = sizes_of(y);
	y->s = SHAPE(s.G * s.N * (s.c + 1));
	return true;
}

static size_t attention_scratch(const node *y)
{
	const attention_sizes s = sizes_of(y);
	return attention_forward_scratch(&s);
}

static void attention_eval(const node *y, void *scratch)
{
	const attention_sizes s = sizes_of(y);
	const attention_in in = inputs_of(y);
	attention_forward(&s, &in, y->x, y->x + s.G * s.N * s.c, scratch);
}

static double flop(const node *y, double d, double c)
{
	const attention_sizes s = sizes_of(y);
	return 2.0 * (double)s.G * (double)s.N * (double)s.M * (d * (double)s.d + c * (double)s.c);
}

static double attention_flop(const node *y)
{
	return flop(y, 1, 1);
}

/* delta = sum dy * o - dlse; dq, dk, dv are attention_grad's */
static void attention_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	const shape *q = &y->in[Q]->s, rows = per_query(q), result = result_shape(q, &y->in[V]->s);
	int64_t at = 0, dat = 0;
	node *o = next(g, y, &at, result), *lse = next(g, y, &at, rows);
	node *d_o = next(g, dy, &dat, result), *d_lse = next_or_none(g, dy, &dat, rows);
	node *delta = op_sum(g, op_mul(g, d_o, o), 1u << (q->rank - 1), false);
	if (d_lse)
		delta = op_sub(g, delta, d_lse);
	node *in[] = {y->in[Q], y->in[K], y->in[V], d_o, lse, delta};
	hand_out(g, y, graph_node(g, &op_rec_attention_grad, COUNT(in), in, &y->a), 3, need, dx);
}

const op op_rec_attention = {
	.name = "attention", .nin = 3,
	.infer = attention_infer, .scratch = attention_scratch, .eval = attention_eval, .flop = attention_flop,
	.vjp = attention_vjp,
};

/* ---- attention_grad: and dy [..,N,c], lse and delta [..,N] -> dq | dk | dv ---- */

/* Inputs from DY on have the shapes that belong to q, k and v. */
static bool infer_rest(node *y, char *why, size_t why_size)
{
	if (!attention_infer(y, why, why_size))
		return false;
	const shape q = y->in[Q]->s, rows = per_query(&q), o = result_shape(&q, &y->in[V]->s);
	const shape want[INPUTS] = {q, y->in[K]->s, y->in[V]->s, o, rows, rows, q, y->in[K]->s, y->in[V]->s};
	for (int i = DY; i < y->nin; i++)
		if (!shape_equal(&y->in[i]->s, &want[i]))
			return refuse(why, why_size, "input %d must be %s", i, shape_print(&want[i]).s);
	return true;
}

/* Results for the first n inputs. */
static void infer_row(node *y, int n)
{
	int64_t count = 0;
	for (int i = 0; i < n; i++)
		count += shape_count(&y->in[i]->s);
	y->s = SHAPE(count);
}

static bool grad_infer(node *y, char *why, size_t why_size)
{
	if (!infer_rest(y, why, why_size))
		return false;
	infer_row(y, 3);
	return true;
}

static size_t grad_scratch(const node *y)
{
	const attention_sizes s = sizes_of(y);
	return attention_gradient_scratch(&s);
}

/* Where the results for the first n inputs lie. */
static attention_out results_of(const node *y, int n)
{
	real *to[A] = {y->x};
	for (int i = 1; i < n; i++)
		to[i] = to[i - 1] + shape_count(&y->in[i - 1]->s);
	return (attention_out){to[Q], to[K], to[V], to[DY], to[LSE], to[DELTA]};
}

static void grad_eval(const node *y, void *scratch)
{
	const attention_sizes s = sizes_of(y);
	const attention_in in = inputs_of(y);
	attention_gradient(&s, &in, results_of(y, 3), scratch);
}

/* By definition, like the other flop functions: making the scores again is not counted. */
static double grad_flop(const node *y)
{
	return flop(y, 2, 2);
}

static void grad_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	node *in[INPUTS];
	int64_t at = 0;
	for (int i = 0; i < y->nin; i++)
		in[i] = y->in[i];
	for (int i = 0; i < 3; i++)
		in[A + i] = next(g, dy, &at, y->in[i]->s);
	hand_out(g, y, graph_node(g, &op_rec_attention_second, INPUTS, in, &y->a), A, need, dx);
}

const op op_rec_attention_grad = {
	.name = "attention_grad", .nin = A,
	.infer = grad_infer, .scratch = grad_scratch, .eval = grad_eval, .flop = grad_flop, .vjp = grad_vjp,
};

/* ---- attention_second: and a, b, e like q, k, v -> one for each input of attention_grad ---- */

static bool second_infer(node *y, char *why, size_t why_size)
{
	if (!infer_rest(y, why, why_size))
		return false;
	infer_row(y, A);
	return true;
}

static size_t second_scratch(const node *y)
{
	const attention_sizes s = sizes_of(y);
	return attention_second_scratch(&s);
}

static void second_eval(const node *y, void *scratch)
{
	const attention_sizes s = sizes_of(y);
	const attention_in in = inputs_of(y);
	attention_second(&s, &in, results_of(y, A), scratch);
}

static double second_flop(const node *y)
{
	return flop(y, 6, 4);
}

/* [..,N] -> [..,N,1] */
static node *as_column(graph *g, node *x)
{
	shape s = x->s;
	s.dim[s.rank++] = 1;
	return op_reshape(g, x, s);
}

static node *row_sums(graph *g, node *x)
{
	return op_neg(g, op_sum(g, x, 1u << (x->s.rank - 1), false));
}

/* a b + c d, with the first factors transposed where `t` says so. */
static node *two_products(graph *g, node *a, node *b, node *c, node *d, bool t)
{
	return op_add(g, op_matmul(g, a, b, t, false), op_matmul(g, c, d, t, false));
}

/* [..,N,M] with the keys as a map: [..,N,rows,cols]. */
static shape as_map(const node *x, const attention_sizes *s)
{
	shape map = x->s;
	map.dim[map.rank - 1] = s->rows;
	map.dim[map.rank++] = s->cols;
	return map;
}

/* Channels lo..hi of queries. */
static node *channels(graph *g, node *q, int64_t lo, int64_t hi)
{
	return op_slice_axis(g, q, q->s.rank - 1, lo, hi);
}

/* What queries q think of the keys' positions, added to S [..,N,M]. */
static node *with_positions(graph *g, node *S, node *q, const attention_sizes *s)
{
	if (!s->cols)
		return S;
	node *of_row = as_column(g, channels(g, q, s->d, s->d + s->rows));
	node *of_column = channels(g, q, s->d + s->rows, s->d + s->rows + s->cols);
	shape row = of_column->s;
	row.dim[row.rank - 1] = 1;
	row.dim[row.rank++] = s->cols;
	node *y = op_add(g, op_reshape(g, S, as_map(S, s)), of_row);
	return op_reshape(g, op_add(g, y, op_reshape(g, of_column, row)), S->s);
}

/* Its adjoint: the channels of positions, from Z [..,N,M], behind those of x [..,N,d]. */
static node *with_sums(graph *g, node *x, node *Z, const attention_sizes *s)
{
	const int last = x->s.rank - 1;
	if (!s->cols)
		return x;
	node *map = op_reshape(g, Z, as_map(Z, s));
	node *all[] = {x, op_sum(g, map, 1u << (last + 1), false), op_sum(g, map, 1u << last, false)};
	return op_concat(g, all, COUNT(all), last);
}

/* The same in elementary ops, out[0..5] as attention.h says; holds matrices N x M. */
static void second_plain(graph *g, node *const *in, const attention_sizes *s, double scale, node **out)
{
	node *q = channels(g, in[Q], 0, s->d), *a = channels(g, in[A], 0, s->d);
	node *S = with_positions(g, op_scale(g, op_matmul(g, q, in[K], false, true), scale), in[Q], s);
	node *P = op_exp(g, op_sub(g, S, as_column(g, in[LSE])));
	node *D = op_sub(g, op_matmul(g, in[DY], in[V], false, true), as_column(g, in[DELTA]));
	node *W = op_add(g, op_matmul(g, a, in[K], false, true), op_matmul(g, q, in[B], false, true));
	W = with_positions(g, op_scale(g, W, scale), in[A], s);
	node *T = op_scale(g, op_mul(g, P, D), scale), *Y = op_mul(g, P, W);
	node *Z = op_mul(g, P, op_add(g, op_mul(g, W, D), op_matmul(g, in[DY], in[E], false, true)));
	node *scaled = op_scale(g, Z, scale);
	out[Q] = with_sums(g, two_products(g, scaled, in[K], T, in[B], false), Z, s);
	out[K] = two_products(g, scaled, q, T, a, true);
	out[V] = op_matmul(g, Y, in[DY], true, false);
	out[DY] = two_products(g, Y, in[V], P, in[E], false);
	out[LSE] = row_sums(g, Z);
	out[DELTA] = row_sums(g, Y);
}

/* The third derivative, which no loss asks for, in elementary ops. They stand on copies of the inputs:
 * lse depends on q and k, and the derivative wanted here is the one with lse held fast. */
static void second_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	node *in[INPUTS], *out[A];
	const attr zero = attr_none();
	for (int i = 0; i < INPUTS; i++)
		in[i] = graph_node(g, &op_rec_add_scalar, 1, &y->in[i], &zero);
	const attention_sizes s = sizes_of(y);
	second_plain(g, in, &s, y->a.attention.scale, out);
	for (int i = 0; i < A; i++)
		out[i] = op_reshape(g, out[i], SHAPE(shape_count(&out[i]->s)));
	graph_grad(g, op_concat(g, out, A, 0), dy, in, INPUTS, dx);
	for (int i = 0; i < INPUTS; i++) {
		bool again = false;                  /* copies of one node are one node, and its derivative is whole */
		for (int k = 0; k < i; k++)
			again = again || in[k] == in[i];
		dx[i] = need[i] && !again ? dx[i] : NULL;
	}
}

const op op_rec_attention_second = {
	.name = "attention_second", .nin = INPUTS,
	.infer = second_infer, .scratch = second_scratch, .eval = second_eval, .flop = second_flop, .vjp = second_vjp,
};

/* ---- constructors ---- */

static node *blocked(graph *g, node *q, node *k, node *v, const attr *a)
{
	node *row = graph_node(g, &op_rec_attention, 3, (node *[]){q, k, v}, a);
	if (!graph_ok(g, NULL))
		return row;
	int64_t at = 0;
	return next(g, row, &at, result_shape(&q->s, &v->s));
}

node *op_attention_blocked(graph *g, node *q, node *k, node *v, double scale)
{
	attr a = attr_none();
	a.attention.scale = scale;
	return blocked(g, q, k, v, &a);
}

node *op_attention_positions(graph *g, node *q, node *k, node *v, int64_t rows, int64_t cols)
{
	attr a = attr_none();
	a.attention.scale = 1;
	a.attention.rows = rows;
	a.attention.cols = cols;
	return blocked(g, q, k, v, &a);
}

bool attention_is_blocked(const graph *g, int64_t N, int64_t M)
{
	return graph_rewrites(g) && N * M >= LARGE;
}

node *op_attention(graph *g, node *q, node *k, node *v, double scale)
{
	const bool known = q->s.rank >= 2 && k->s.rank >= 2;
	if (known && attention_is_blocked(g, q->s.dim[q->s.rank - 2], k->s.dim[k->s.rank - 2]))
		return op_attention_blocked(g, q, k, v, scale);
	node *scaled = scale == 1 ? q : op_scale(g, q, scale);
	return op_matmul(g, op_softmax(g, op_matmul(g, scaled, k, false, true)), v, false, false);
}
