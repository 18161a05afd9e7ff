/* ops_shape.c - constants, reshaping, and the rows of a table. Moving values is in ops_move.c, adding
 * them up in ops_reduce.c. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

attr attr_none(void)
{
	attr a;
	memset(&a, 0, sizeof a);
	return a;
}

attr attr_to(shape to)
{
	attr a = attr_none();
	a.to.rank = to.rank;
	for (int i = 0; i < RANK_MAX; i++)
		a.to.dim[i] = i < to.rank ? to.dim[i] : 1;
	return a;
}

bool shape_equal_aligned(const shape *a, const shape *b)
{
	for (int i = 1; i <= MAX(a->rank, b->rank); i++) {
		int64_t p = i <= a->rank ? a->dim[a->rank - i] : 1;
		int64_t q = i <= b->rank ? b->dim[b->rank - i] : 1;
		if (p != q)
			return false;
	}
	return true;
}

/* ---- fill: a constant, no inputs ---- */

static bool infer_fill(node *y, char *why, size_t why_size)
{
	(void)why, (void)why_size;
	y->s = y->a.fill.s;
	return true;
}

static void fill_span(const attr *a, real *out, const real *const *in, int64_t n)
{
	(void)in;
	const real c = (real)a->fill.value;
	for (int64_t i = 0; i < n; i++)
		out[i] = c;
}

const op op_rec_fill = {
	.name = "fill", .nin = 0,
	.infer = infer_fill, .eval = elementwise_eval, .span = fill_span,
};

node *op_fill(graph *g, shape s, double c)
{
	attr a = attr_none();
	a.fill.value = c;
	a.fill.s.rank = s.rank;
	for (int i = 0; i < RANK_MAX; i++)
		a.fill.s.dim[i] = i < s.rank ? s.dim[i] : 1;
	return graph_node(g, &op_rec_fill, 0, NULL, &a);
}

/* ---- reshape: the same values under another shape ---- */

static bool infer_reshape(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *to = &y->a.to;
	if (!shape_is_valid(to, why, why_size))
		return false;
	if (shape_count(x) != shape_count(to))
		return refuse(why, why_size, "%lld elements cannot take the shape %s of %lld",
			      (long long)shape_count(x), shape_print(to).s,
			      (long long)shape_count(to));
	y->s = *to;
	return true;
}

/* A view: the plan lets y be the memory of x. */
static void reshape_eval(const node *y, void *scratch)
{
	(void)scratch;
	if (y->x != y->in[0]->x)
		memcpy(y->x, y->in[0]->x, (size_t)shape_count(&y->s) * sizeof(real));
}

static void reshape_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_reshape(g, dy, y->in[0]->s);
}

const op op_rec_reshape = {
	.name = "reshape", .nin = 1, .inplace = INPLACE(0), .view = true,
	.infer = infer_reshape, .eval = reshape_eval, .vjp = reshape_vjp,
};

node *op_reshape(graph *g, node *x, shape s)
{
	if (shape_equal(&x->s, &s))
		return x;
	if (x->op == &op_rec_reshape && shape_count(&x->s) == shape_count(&s))
		return op_reshape(g, x->in[0], s);
	attr a = attr_to(s);
	return graph_node(g, &op_rec_reshape, 1, &x, &a);
}

/* ---- gather and scatter_add: rows of a table, each other's adjoint ---- */

enum { SCATTER_COLUMNS = 64 };                       /* of a chunk, which reads the whole index: several cache lines */

/* Row number of entry b, checked: data is checked before it comes here. */
static int64_t row_at(const node *y, const node *index, int64_t b, int64_t rows)
{
	real v = index->x[b];
	must(v >= 0 && v < (real)rows, "%s (node %d, %s): index %g at %lld, table has %lld rows",
	     y->op->name, y->id, y->path, (double)v, (long long)b, (long long)rows);
	return (int64_t)v;
}

static bool infer_gather(node *y, char *why, size_t why_size)
{
	const shape *table = &y->in[0]->s, *index = &y->in[1]->s;
	if (table->rank != 2 || index->rank != 1)
		return refuse(why, why_size, "needs a table [K,C] and an index [B]");
	y->s = SHAPE(index->dim[0], table->dim[1]);
	return true;
}

static void gather_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *table = y->in[0];
	const int64_t c = y->s.dim[1];
	for (int64_t b = lo; b < hi; b++)
		memcpy(y->x + b * c, table->x + row_at(y, y->in[1], b, table->s.dim[0]) * c,
		       (size_t)c * sizeof(real));
}

/* y[b,:] = table[index[b],:] */
static void gather_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0], MAX(1, SPAN_GRAIN / y->s.dim[1]), gather_rows, (void *)y);
}

static void gather_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_scatter_add(g, dy, y->in[1], y->in[0]->s.dim[0]);
}

const op op_rec_gather = {
	.name = "gather", .nin = 2,
	.infer = infer_gather, .eval = gather_eval, .vjp = gather_vjp,
};

node *op_gather(graph *g, node *table, node *index)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_gather, 2, (node *[]){table, index}, &a);
}

static bool infer_scatter_add(node *y, char *why, size_t why_size)
{
	const shape *dy = &y->in[0]->s, *index = &y->in[1]->s;
	if (dy->rank != 2 || index->rank != 1 || dy->dim[0] != index->dim[0])
		return refuse(why, why_size, "needs rows [B,C] and an index [B]");
	if (y->a.gather.count < 1)
		return refuse(why, why_size, "table of %lld rows: must be at least 1",
			      (long long)y->a.gather.count);
	y->s = SHAPE(y->a.gather.count, dy->dim[1]);
	return true;
}

/* Columns [lo,hi) of the table: entries are added in their order, whatever the threads. */
static void scatter_columns(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *dy = y->in[0];
	const int64_t rows = y->s.dim[0], c = y->s.dim[1];
	for (int64_t k = 0; k < rows; k++)
		memset(y->x + k * c + lo, 0, (size_t)(hi - lo) * sizeof(real));
	for (int64_t b = 0; b < dy->s.dim[0]; b++) {
		real *to = y->x + row_at(y, y->in[1], b, rows) * c;
		const real *from = dy->x + b * c;
		for (int64_t i = lo; i < hi; i++)
			to[i] += from[i];
	}
}

/* y[k,:] = sum of dy[b,:] over b with index[b] = k */
static void scatter_add_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[1], SCATTER_COLUMNS, scatter_columns, (void *)y);
}

static void scatter_add_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_gather(g, dy, y->in[1]);
}

const op op_rec_scatter_add = {
	.name = "scatter_add", .nin = 2,
	.infer = infer_scatter_add, .eval = scatter_add_eval, .vjp = scatter_add_vjp,
};

node *op_scatter_add(graph *g, node *dy, node *index, int64_t count)
{
	attr a = attr_none();
	a.gather.count = count;
	return graph_node(g, &op_rec_scatter_add, 2, (node *[]){dy, index}, &a);
}
