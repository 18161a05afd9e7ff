/* ops_skew.c - from displacements to positions: each query row of a table of logits, moved along.
 *
 * Relative positions (arXiv 1803.02155, 2101.11605) give query m a logit for every displacement
 * -(P-1)..P-1 of a key; attention wants it per key j: y[m,j] = x[m, P-1 + j - m]. Two ops, each
 * other's adjoint, copy that band; x beyond it never counts. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

/* Both sides are rows [o,m,i,..]: P of them are copied from or to where query m's band begins. */
typedef struct band {
	int64_t queries, inner, keys, span;          /* M, I, P, 2P-1 */
} band;

static band band_of(const shape *positions)
{
	const int r = positions->rank;
	const int64_t keys = positions->dim[r - 1];
	return (band){positions->dim[r - 3], positions->dim[r - 2], keys, 2 * keys - 1};
}

/* First column of row r's band. */
static int64_t band_start(const band *b, int64_t r)
{
	return b->keys - 1 - r / b->inner % b->queries;
}

static bool infer_band(node *y, int64_t keys, int64_t columns, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	if (x->rank < 3)
		return refuse(why, why_size, "needs [..,queries,inner,columns]");
	if (x->dim[x->rank - 3] > keys)
		return refuse(why, why_size, "%lld queries, %lld keys: there must not be more queries than "
			      "keys", (long long)x->dim[x->rank - 3], (long long)keys);
	y->s = *x;
	y->s.dim[x->rank - 1] = columns;
	return true;
}

/* ---- skew ---- */

static bool infer_skew(node *y, char *why, size_t why_size)
{
	const int64_t span = shape_last(&y->in[0]->s), keys = (span + 1) / 2;
	if (span % 2 == 0)
		return refuse(why, why_size, "%lld columns: must be odd, 2 * keys - 1", (long long)span);
	return infer_band(y, keys, keys, why, why_size);
}

static void skew_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx;
	const band b = band_of(&y->s);
	for (int64_t r = lo; r < hi; r++)
		memcpy(y->x + r * b.keys, y->in[0]->x + r * b.span + band_start(&b, r),
		       (size_t)b.keys * sizeof(real));
}

/* y[o,m,i,j] = x[o,m,i, P-1 + j - m] */
static void skew_eval(const node *y, void *scratch)
{
	(void)scratch;
	const int64_t keys = shape_last(&y->s);
	parallel_for(shape_count(&y->s) / keys, MAX(1, SPAN_GRAIN / keys), skew_rows, (void *)y);
}

static void skew_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)y, (void)need;
	dx[0] = op_unskew(g, dy);
}

const op op_rec_skew = {
	.name = "skew", .nin = 1,
	.infer = infer_skew, .eval = skew_eval, .vjp = skew_vjp,
};

node *op_skew(graph *g, node *x)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_skew, 1, &x, &a);
}

/* ---- its adjoint ---- */

static bool infer_unskew(node *y, char *why, size_t why_size)
{
	const int64_t keys = shape_last(&y->in[0]->s);
	return infer_band(y, keys, 2 * keys - 1, why, why_size);
}

static void unskew_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx;
	const band b = band_of(&y->in[0]->s);
	memset(y->x + lo * b.span, 0, (size_t)((hi - lo) * b.span) * sizeof(real));
	for (int64_t r = lo; r < hi; r++)
		memcpy(y->x + r * b.span + band_start(&b, r), y->in[0]->x + r * b.keys,
		       (size_t)b.keys * sizeof(real));
}

/* y[o,m,i, P-1 + j - m] = dy[o,m,i,j], zero elsewhere */
static void unskew_eval(const node *y, void *scratch)
{
	(void)scratch;
	const int64_t span = shape_last(&y->s);
	parallel_for(shape_count(&y->s) / span, MAX(1, SPAN_GRAIN / span), unskew_rows, (void *)y);
}

static void unskew_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)y, (void)need;
	dx[0] = op_skew(g, dy);
}

const op op_rec_unskew = {
	.name = "unskew", .nin = 1,
	.infer = infer_unskew, .eval = unskew_eval, .vjp = unskew_vjp,
};

node *op_unskew(graph *g, node *dy)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_unskew, 1, &dy, &a);
}
