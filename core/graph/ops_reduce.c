/* ops_reduce.c - sums over axes, what is made of them, and softmax.
 *
 * Sums are fast and accurate together: eight rows are added pairwise, and these sums go into double
 * accumulators, one per channel, so that the error stays near one rounding whatever the length.
 * Blocks of rows are combined in their order, which does not depend on the threads. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <math.h>
#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/base/clones.h"
#include "core/base/thread.h"
#include "core/kernels/tile.h"

enum {
	LANES = 32,                                  /* a run is at least that wide, by folding rows */
	COLUMNS = 1024,                              /* widest run: its accumulators stay in L1 */
	BLOCK = 1 << 15,                             /* elements per block, about, where a few results are sums of many
	                                              * elements: enough blocks for every thread, few partial results */
	ROW = 512,                                   /* longest row that row_sum takes: behind it each row is an item */
	ENOUGH = 64                                  /* items from which blocks are not needed: some for each thread.
	                                              * The cut is part of what a sum is, to the last bits */
};

/* The input seen as rows [kept, added, m, c]: y[p, i] = sum over q < added, j < m of
 * x[p, q, j, i], i < c. kept and added are odometers over up to RANK_MAX merged axes, m rows of c
 * values lie behind each other. */
typedef struct reduction {
	const real *x;
	real *y;
	double *part;                                /* [kept, blocks, c], when blocks > 1 */
	int64_t c, m;
	int kept_rank, added_rank;
	int64_t kept_n[RANK_MAX], kept_stride[RANK_MAX], kept;
	int64_t added_n[RANK_MAX], added_stride[RANK_MAX], added;
	int64_t blocks, block;                       /* pieces of m, and their length */
	int64_t tiles;                               /* pieces of c of COLUMNS */
} reduction;

/* Axes of x that are kept or added, neighbours of one kind merged. */
typedef struct merged {
	int rank;
	int64_t n[RANK_MAX];
	bool add[RANK_MAX];
} merged;

static merged merge_axes(const shape *x, const shape *to)
{
	merged m = {.rank = 0};
	for (int i = 0; i < x->rank; i++) {
		int k = i - (x->rank - to->rank);
		bool add = k < 0 || to->dim[k] == 1;
		if (x->dim[i] == 1)
			continue;
		if (m.rank && m.add[m.rank - 1] == add) {
			m.n[m.rank - 1] *= x->dim[i];
			continue;
		}
		m.n[m.rank] = x->dim[i];
		m.add[m.rank++] = add;
	}
	return m;
}

static reduction reduction_of(const node *y)
{
	const merged a = merge_axes(&y->in[0]->s, &y->s);
	reduction r = {.x = y->in[0]->x, .y = y->x, .c = 1, .m = 1, .kept = 1, .added = 1};
	int rest = a.rank;
	if (rest && !a.add[rest - 1])
		r.c = a.n[--rest];
	if (rest && a.add[rest - 1])
		r.m = a.n[--rest];
	int64_t stride = r.c * r.m;
	for (int i = rest - 1; i >= 0; i--) {
		if (a.add[i]) {
			r.added_n[r.added_rank] = a.n[i];
			r.added_stride[r.added_rank++] = stride;
			r.added *= a.n[i];
		} else {
			r.kept_n[r.kept_rank] = a.n[i];
			r.kept_stride[r.kept_rank++] = stride;
			r.kept *= a.n[i];
		}
		stride *= a.n[i];
	}
	r.tiles = (r.c + COLUMNS - 1) / COLUMNS;
	r.block = r.m;
	if (r.kept * r.tiles < ENOUGH)
		r.block = MIN(r.m, MAX(LANES, BLOCK / MIN(r.c, COLUMNS)));
	r.blocks = (r.m + r.block - 1) / r.block;
	return r;
}

/* Offset of entry i of an odometer whose fastest axis is the first. */
static int64_t offset_at(int rank, const int64_t *n, const int64_t *stride, int64_t i)
{
	int64_t at = 0;
	for (int k = 0; k < rank - 1; k++) {
		at += i % n[k] * stride[k];
		i /= n[k];
	}
	return rank ? at + i * stride[rank - 1] : at;
}

/* acc[i] += x[0,i] + .. + x[rows-1,i], i < n; rows lie `stride` apart. */
static CLONES(add_rows, (double *restrict acc, const real *restrict x, int64_t rows, int64_t stride, int64_t n),
	(acc, x, rows, stride, n))
{
	int64_t j = 0;
	for (; j + 8 <= rows; j += 8) {
		const real *a = x + j * stride, *b = a + stride, *c = b + stride, *d = c + stride;
		const real *e = d + stride, *f = e + stride, *g = f + stride, *h = g + stride;
		for (int64_t i = 0; i < n; i++)
			acc[i] += (double)(((a[i] + b[i]) + (c[i] + d[i])) +
					   ((e[i] + f[i]) + (g[i] + h[i])));
	}
	for (; j < rows; j++)
		for (int64_t i = 0; i < n; i++)
			acc[i] += (double)x[j * stride + i];
}

/* out[i] += sum over j < m of x[j,i], i < c: narrow rows are taken several at a time, so that the
 * inner loop is a few vectors wide. */
static void add_run(double *out, const real *x, int64_t m, int64_t c)
{
	const int64_t fold = MIN(m, LANES / c), n = fold * c;
	double acc[LANES] = {0};
	add_rows(acc, x, m / fold, n, n);
	const real *tail = x + m / fold * n;
	for (int64_t i = 0; i < m % fold * c; i++)
		acc[i] += (double)tail[i];
	for (int64_t i = 0; i < n; i++)
		out[i % c] += acc[i];
}

/* One item: columns of one tile, rows of one block, all added runs of one kept entry. */
static void reduce_item(const reduction *r, int64_t item)
{
	const int64_t block = item % r->blocks, tile = item / r->blocks % r->tiles;
	const int64_t p = item / r->blocks / r->tiles;
	const int64_t j = block * r->block, rows = MIN(r->block, r->m - j);
	const int64_t i = tile * COLUMNS, n = MIN(COLUMNS, r->c - i);
	const real *x = r->x + j * r->c + i + offset_at(r->kept_rank, r->kept_n, r->kept_stride, p);
	double acc[COLUMNS];
	memset(acc, 0, (size_t)n * sizeof *acc);
	for (int64_t q = 0; q < r->added; q++) {
		const real *run = x + offset_at(r->added_rank, r->added_n, r->added_stride, q);
		if (2 * r->c <= LANES)
			add_run(acc, run, rows, r->c);
		else
			add_rows(acc, run, rows, r->c, n);
	}
	if (r->blocks > 1)
		memcpy(r->part + (p * r->blocks + block) * r->c + i, acc, (size_t)n * sizeof *acc);
	else
		for (int64_t k = 0; k < n; k++)
			r->y[p * r->c + i + k] = (real)acc[k];
}

/* The sum of one row, for rows too short to be cut: lanes in double, folded in halves. */
static inline __attribute__((always_inline)) double sum_of_row(const real *x, int64_t n)
{
	enum { WIDTH = LANES / 2 };
	double lane[WIDTH] = {0};
	int64_t i = 0;
	if (n < WIDTH) {
		for (; i < n; i++)
			lane[0] += (double)x[i];
		return lane[0];
	}
	for (; i + WIDTH <= n; i += WIDTH)
		for (int k = 0; k < WIDTH; k++)
			lane[k] += (double)x[i + k];
	for (int k = 0; i + k < n; k++)
		lane[k] += (double)x[i + k];
	for (int half = WIDTH / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			lane[k] += lane[k + half];
	return lane[0];
}

static CLONES(row_sum, (double *sum, const real *x, int64_t n), (sum, x, n))
{
	*sum = sum_of_row(x, n);
}

static void reduce_items(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const reduction *r = ctx;
	if (r->c == 1 && r->m <= ROW && r->kept_rank <= 1 && r->added == 1) {        /* [n,m] -> [n] */
		for (int64_t p = lo; p < hi; p++) {
			double sum;
			row_sum(&sum, r->x + p * r->m, r->m);
			r->y[p] = (real)sum;
		}
		return;
	}
	for (int64_t item = lo; item < hi; item++)
		reduce_item(r, item);
}

/* y[p,i] = part[p,0,i] + part[p,1,i] + .., in this order */
static void combine_blocks(const reduction *r)
{
	for (int64_t p = 0; p < r->kept; p++)
		for (int64_t i = 0; i < r->c; i++) {
			const double *part = r->part + p * r->blocks * r->c + i;
			double sum = 0;
			for (int64_t b = 0; b < r->blocks; b++)
				sum += part[b * r->c];
			r->y[p * r->c + i] = (real)sum;
		}
}

/* ---- sum_to: the adjoint of broadcast ---- */

static bool infer_sum_to(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *to = &y->a.to;
	if (!shape_is_valid(to, why, why_size))
		return false;
	if (x->rank < to->rank)
		return refuse(why, why_size, "cannot sum to %s: it has more axes",
			      shape_print(to).s);
	for (int i = 1; i <= to->rank; i++) {
		int64_t from = x->dim[x->rank - i], n = to->dim[to->rank - i];
		if (from != n && n != 1)
			return refuse(why, why_size, "cannot sum to %s: axis %d has %lld, allowed are "
				      "1 and %lld", shape_print(to).s, to->rank - i, (long long)n,
				      (long long)from);
	}
	y->s = *to;
	return true;
}

static size_t sum_to_scratch(const node *y)
{
	const reduction r = reduction_of(y);
	return r.blocks > 1 ? (size_t)(r.kept * r.blocks * r.c) * sizeof(double) : 0;
}

static void sum_to_eval(const node *y, void *scratch)
{
	reduction r = reduction_of(y);
	r.part = scratch;
	const int64_t size = r.added * r.block * MIN(r.c, COLUMNS);
	parallel_for(r.kept * r.tiles * r.blocks, MAX(1, SPAN_GRAIN / size), reduce_items, &r);
	if (r.blocks > 1)
		combine_blocks(&r);
}

static void sum_to_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_broadcast(g, dy, y->in[0]->s);
}

const op op_rec_sum_to = {
	.name = "sum_to", .nin = 1,
	.infer = infer_sum_to, .scratch = sum_to_scratch, .eval = sum_to_eval, .vjp = sum_to_vjp,
};

/* Whether y repeats a value along every axis that is summed from its shape to s. */
static bool repeats_along(const node *y, const shape *s)
{
	if (y->op != &op_rec_broadcast)
		return false;
	const shape *from = &y->in[0]->s;
	for (int i = 1; i <= y->s.rank; i++) {
		const int64_t n = i <= s->rank ? s->dim[s->rank - i] : 1;
		const int64_t kept = i <= from->rank ? from->dim[from->rank - i] : 1;
		if (kept != 1 && n == 1)
			return false;
	}
	return true;
}

/* sum(c x) = c sum(x), also where c repeats along the sum: the large value is passed once less, and often its sum is
 * there already. NULL when x is no such product. */
static node *sum_of_product(graph *g, node *x, shape s)
{
	if (x->op == &op_rec_scale)
		return op_scale(g, op_sum_to(g, x->in[0], s), x->a.scalar);
	for (int i = 0; x->op == &op_rec_mul && i < 2; i++) {
		if (!repeats_along(x->in[i], &s))
			continue;
		node *c = x->in[i]->in[0];
		if (c->s.rank > s.rank)
			c = op_reshape(g, c, shape_of(s.rank, c->s.dim + c->s.rank - s.rank));
		return op_mul(g, op_sum_to(g, x->in[1 - i], s), c);
	}
	return NULL;
}

/* The same sizes behind axes of size 1. */
static shape with_rank(const shape *s, int rank)
{
	shape t = {.rank = rank, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	memcpy(t.dim + rank - s->rank, s->dim, (size_t)s->rank * sizeof *s->dim);
	return t;
}

node *op_sum_to(graph *g, node *x, shape s)
{
	if (shape_equal(&x->s, &s))
		return x;
	if (x->s.rank > s.rank && shape_equal_aligned(&x->s, &s))
		return op_reshape(g, x, s);
	if (graph_ok(g, NULL) && graph_rewrites(g)) {
		node *cheaper = sum_of_product(g, x, s);
		if (cheaper)
			return cheaper;
		if (x->s.rank > s.rank)              /* one form of the same sum, so that it is found again */
			return op_reshape(g, op_sum_to(g, x, with_rank(&s, x->s.rank)), s);
	}
	attr a = attr_to(s);
	return graph_node(g, &op_rec_sum_to, 1, &x, &a);
}

/* ---- sums and means over named axes ---- */

/* x's shape with the axes of the set as size 1, or left out. */
static shape without_axes(const shape *x, unsigned axes, bool keep)
{
	int64_t dim[RANK_MAX];
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (!(axes & 1u << i))
			dim[rank++] = x->dim[i];
		else if (keep)
			dim[rank++] = 1;
	return shape_of(rank, dim);
}

node *op_sum(graph *g, node *x, unsigned axes, bool keep)
{
	if (!graph_ok(g, NULL))
		return x;
	if (axes >> x->s.rank)
		return graph_fail(g, "sum %s: set of axes %#x: must be bits 0..%d", shape_print(&x->s).s,
				  axes, x->s.rank - 1);
	node *y = op_sum_to(g, x, without_axes(&x->s, axes, true));
	return op_reshape(g, y, without_axes(&x->s, axes, keep));
}

node *op_mean(graph *g, node *x, unsigned axes, bool keep)
{
	node *y = op_sum(g, x, axes, keep);
	return op_scale(g, y, (double)shape_count(&y->s) / (double)shape_count(&x->s));
}

node *op_sum_all(graph *g, node *x)
{
	return op_sum(g, x, (1u << x->s.rank) - 1, false);
}

node *op_mean_all(graph *g, node *x)
{
	return op_mean(g, x, (1u << x->s.rank) - 1, false);
}

/* ---- softmax over the last axis ---- */

static bool infer_softmax(node *y, char *why, size_t why_size)
{
	if (y->in[0]->s.rank < 1)
		return refuse(why, why_size, "needs at least one axis");
	y->s = y->in[0]->s;
	return true;
}

/* Each row by its sum. */
static CLONES(divide_rows, (real *y, const real *sum, int64_t rows, int64_t n), (y, sum, rows, n))
{
	for (int64_t r = 0; r < rows; r++, y += n) {
		const real scale = 1 / sum[r];
		for (int64_t i = 0; i < n; i++)
			y[i] *= scale;
	}
}

/* y = e^(x-max) / sum of these, rows [lo,hi); y may be x. Some rows at a time, which the passes find in the first
 * cache. */
static void softmax_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	enum { AT_ONCE = 2048, ROWS = 64 };          /* elements, and rows, at most */
	const node *y = ctx;
	const int64_t n = shape_last(&y->s), step = MAX(1, MIN(ROWS, AT_ONCE / n));
	real lowest[ROWS], top[ROWS], sum[ROWS];
	for (int r = 0; r < ROWS; r++)
		lowest[r] = -INFINITY;
	for (int64_t r = lo; r < hi; r += step) {
		const int64_t rows = MIN(step, hi - r);
		real *to = y->x + r * n;
		if (to != y->in[0]->x + r * n)
			memcpy(to, y->in[0]->x + r * n, (size_t)(rows * n) * sizeof *to);
		tile_best()->exp_below(to, rows, n, n, 1, lowest, top, sum);
		divide_rows(to, sum, rows, n);
	}
}

static void softmax_eval(const node *y, void *scratch)
{
	(void)scratch;
	const int64_t n = shape_last(&y->s);
	parallel_for(shape_count(&y->s) / n, MAX(1, SPAN_GRAIN / n), softmax_rows, (void *)y);
}

/* y = softmax(x)  =>  dx = y * (dy - sum(dy * y)) */
static void softmax_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	node *along = op_sum(g, op_mul(g, dy, y), 1u << (y->s.rank - 1), true);
	dx[0] = op_mul(g, y, op_sub(g, dy, along));
}

const op op_rec_softmax = {
	.name = "softmax", .nin = 1, .inplace = INPLACE(0),
	.infer = infer_softmax, .eval = softmax_eval, .vjp = softmax_vjp,
};

node *op_softmax(graph *g, node *x)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_softmax, 1, &x, &a);
}

node *op_softmax_axis(graph *g, node *x, int axis)
{
	const int last = x->s.rank - 1;
	if (axis < 0 || axis > last)
		return graph_fail(g, "softmax %s: axis %d: must be 0..%d", shape_print(&x->s).s, axis,
				  last);
	int swap[RANK_MAX] = {0};
	for (int i = 0; i <= last; i++)
		swap[i] = i == axis ? last : i == last ? axis : i;
	return op_permute(g, op_softmax(g, op_permute(g, x, swap)), swap);
}
