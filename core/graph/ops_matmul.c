/* ops_matmul.c - batched matrix products: on register tiles (gemm.h), and as thin ones (thin.h) where a side is
 * shorter than a tile or both factors are stored transposed.
 *
 * Thin products are cut into pieces by shape alone: products of a batch, blocks of rows, blocks of columns
 * and, for small results of long sums, blocks of the sum, added up in order. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/kernels/gemm.h"
#include "core/kernels/thin.h"
#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

enum {
	PIECES = 32,                                 /* wanted: more than the cores of a usual machine. Pieces of the
	                                              * sum are added in order: part of what a result is, to the last
	                                              * bits */
	ROWS_MIN = 64, COLUMNS_MIN = 128, SUM_MIN = 512      /* of a piece: below, calls cost more than sums */
};

/* [batch, m, n] = [batch, m, k] [batch, k, n], cut into pieces of mb rows, nb columns, kb terms. */
typedef struct product {
	const node *y;
	int64_t batch, m, n, k;
	int64_t mb, nb, kb;                          /* length of a piece */
	int64_t ms, ns, ks;                          /* number of pieces */
	real *part;                                  /* [ks, batch, m, n] when ks > 1 */
} product;

/* Length of the pieces when n is to fall into about `want`: a multiple of 16, at least `least`. */
static int64_t scratch_piece(int64_t n, int64_t want, int64_t least)
{
	if (want < 2 || n < 2 * least)
		return n;
	return MAX(least, (n / want + 15) / 16 * 16);
}

static int64_t pieces(int64_t n, int64_t length)
{
	return (n + length - 1) / length;
}

/* From the factors: in a plan the result may have taken another shape (epilogue.c). */
static gemm_shape shape_of_product(const node *y)
{
	const shape *a = &y->in[0]->s, *b = &y->in[1]->s;
	const int r = a->rank;
	const bool ta = y->a.matmul.ta, tb = y->a.matmul.tb;
	gemm_shape s = {
		.m = a->dim[ta ? r - 1 : r - 2], .k = a->dim[ta ? r - 2 : r - 1], .n = b->dim[tb ? r - 2 : r - 1],
		.ta = ta, .tb = tb,
	};
	s.batch = shape_count(a) / (s.m * s.k);
	return s;
}

static product product_of(const node *y)
{
	const gemm_shape s = shape_of_product(y);
	product p = {.y = y, .batch = s.batch, .m = s.m, .n = s.n, .k = s.k};
	int64_t want = pieces(PIECES, p.batch);
	p.mb = scratch_piece(p.m, want, ROWS_MIN);
	p.ms = pieces(p.m, p.mb);
	p.nb = scratch_piece(p.n, want / p.ms, COLUMNS_MIN);
	p.ns = pieces(p.n, p.nb);
	p.kb = scratch_piece(p.k, want / (p.ms * p.ns), SUM_MIN);
	p.ks = pieces(p.k, p.kb);
	return p;
}

static void product_piece(const product *p, int64_t item)
{
	const bool ta = p->y->a.matmul.ta, tb = p->y->a.matmul.tb;
	const int64_t ik = item % p->ks * p->kb, in = item / p->ks % p->ns * p->nb;
	const int64_t im = item / p->ks / p->ns % p->ms * p->mb, i = item / p->ks / p->ns / p->ms;
	const int64_t lda = ta ? p->m : p->k, ldb = tb ? p->k : p->n;
	const real *a = p->y->in[0]->x + i * p->m * p->k + (ta ? ik * lda + im : im * lda + ik);
	const real *b = p->y->in[1]->x + i * p->k * p->n + (tb ? in * ldb + ik : ik * ldb + in);
	real *c = p->ks > 1 ? p->part + item % p->ks * p->batch * p->m * p->n : p->y->x;
	thin_product(ta, tb, MIN(p->mb, p->m - im), MIN(p->nb, p->n - in), MIN(p->kb, p->k - ik), a, lda,
		     b, ldb, c + i * p->m * p->n + im * p->n + in, p->n);
}

static void product_pieces(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	for (int64_t i = lo; i < hi; i++)
		product_piece(ctx, i);
}

/* y[i] = part[0,i] + part[1,i] + .., in this order */
static void combine_parts(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const product *p = ctx;
	real *y = p->y->x;
	memcpy(y + lo, p->part + lo, (size_t)(hi - lo) * sizeof *y);
	for (int64_t k = 1; k < p->ks; k++) {
		const real *part = p->part + k * p->batch * p->m * p->n;
		for (int64_t i = lo; i < hi; i++)
			y[i] += part[i];
	}
}

static bool infer_matmul(node *y, char *why, size_t why_size)
{
	const shape *a = &y->in[0]->s, *b = &y->in[1]->s;
	const int r = a->rank;
	if (r < 2 || b->rank != r)
		return refuse(why, why_size, "needs two inputs of the same number of axes, at least two");
	for (int i = 0; i < r - 2; i++)
		if (a->dim[i] != b->dim[i])
			return refuse(why, why_size, "leading axis %d differs: %lld and %lld", i,
				      (long long)a->dim[i], (long long)b->dim[i]);
	const bool ta = y->a.matmul.ta, tb = y->a.matmul.tb;
	int64_t ka = a->dim[ta ? r - 2 : r - 1], kb = b->dim[tb ? r - 1 : r - 2];
	if (ka != kb)
		return refuse(why, why_size, "inner sizes differ: %lld%s and %lld%s", (long long)ka,
			      ta ? " (transposed)" : "", (long long)kb, tb ? " (transposed)" : "");
	y->s = *a;
	y->s.dim[r - 2] = a->dim[ta ? r - 1 : r - 2];
	y->s.dim[r - 1] = b->dim[tb ? r - 2 : r - 1];
	return true;
}

bool matmul_has_epilogue(const node *y)
{
	const gemm_shape s = shape_of_product(y);
	return gemm_has_epilogue(&s);
}

static size_t matmul_scratch(const node *y)
{
	const gemm_shape s = shape_of_product(y);
	if (gemm_suits(&s))
		return gemm_scratch(tile_best(), &s);
	const product p = product_of(y);
	return p.ks > 1 ? (size_t)(p.ks * p.batch * p.m * p.n) * sizeof(real) : 0;
}

/* Inputs 2 and 3, and the activation, are the planner's. */
static void matmul_eval(const node *y, void *scratch)
{
	const gemm_shape s = shape_of_product(y);
	if (gemm_suits(&s)) {
		const epilogue e = {
			.bias = y->nin > 2 ? y->in[2]->x : NULL, .residual = y->nin > 3 ? y->in[3]->x : NULL,
			.slope = (real)y->a.matmul.slope, .act = y->a.matmul.act,
		};
		gemm(tile_best(), &s, y->in[0]->x, y->in[1]->x, e, y->x, scratch);
		return;
	}
	product p = product_of(y);
	p.part = scratch;
	/* Small products: several per chunk, about as many multiplications as 16 for each element of a pass. */
	const int64_t size = p.mb * p.nb * p.kb;
	parallel_for(p.batch * p.ms * p.ns * p.ks, MAX(1, SPAN_GRAIN * 16 / size), product_pieces, &p);
	if (p.ks > 1)
		parallel_for(p.batch * p.m * p.n, SPAN_GRAIN, combine_parts, &p);
}

static double matmul_flop(const node *y)
{
	const gemm_shape p = shape_of_product(y);
	return 2.0 * (double)p.batch * (double)p.m * (double)p.n * (double)p.k;
}

/* y = a' b'  =>  da' = dy b'^T, db' = a'^T dy; a stored transposed wants the transposed product. */
static void matmul_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	node *a = y->in[0], *b = y->in[1];
	const bool ta = y->a.matmul.ta, tb = y->a.matmul.tb;
	if (need[0])
		dx[0] = ta ? op_matmul(g, b, dy, tb, true) : op_matmul(g, dy, b, false, !tb);
	if (need[1])
		dx[1] = tb ? op_matmul(g, dy, a, true, ta) : op_matmul(g, a, dy, !ta, false);
}

const op op_rec_matmul = {
	.name = "matmul", .nin = 2,
	.infer = infer_matmul, .scratch = matmul_scratch, .eval = matmul_eval, .flop = matmul_flop,
	.vjp = matmul_vjp,
};

node *op_matmul(graph *g, node *a, node *b, bool ta, bool tb)
{
	attr t = attr_none();
	t.matmul.ta = ta;
	t.matmul.tb = tb;
	return graph_node(g, &op_rec_matmul, 2, (node *[]){a, b}, &t);
}

node *op_dense(graph *g, node *x, node *w)
{
	if (x->s.rank < 1 || w->s.rank != 2 || shape_last(&x->s) != w->s.dim[0])
		return graph_fail(g, "dense %s %s: the last axis of x must be the first of w [K,N]",
				  shape_print(&x->s).s, shape_print(&w->s).s);
	shape s = x->s;
	s.dim[s.rank - 1] = w->s.dim[1];
	node *rows = op_reshape(g, x, SHAPE(shape_count(&x->s) / w->s.dim[0], w->s.dim[0]));
	return op_reshape(g, op_matmul(g, rows, w, false, false), s);
}
