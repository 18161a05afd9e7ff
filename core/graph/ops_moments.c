/* ops_moments.c - mean and variance in one pass over memory, what every normalisation begins with.
 *
 * The input is seen as [outer, middle, inner], moments over the middle. A piece that fits the cache is read twice,
 * for its mean and for the squares around it; pieces are combined in their order, in double (Chan, Golub, LeVeque,
 * Updating formulae and a pairwise algorithm, 1979). The variance is biased and does not cancel. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/graph/sum_form.h"
#include "core/base/thread.h"

enum {
	PIECE = 1 << 14,                             /* elements of a piece, about: read twice, once from L2 */
	COLUMNS = 1024,                              /* columns of a piece at most: their sums and means stay in L1 */
	LANES = 64,                                  /* sums side by side, when columns are few: some vectors wide */
	ROW_LANES = 32,                              /* sums of a row side by side */
	ROW = 4096                                   /* longest row that is summed whole: read twice, once from L1 */
};

typedef struct moments {
	const real *x;
	real *mean, *var;                            /* [outer,inner] */
	sum_form f;
	int64_t tiles;                               /* pieces of the columns */
	int64_t rows, pieces;                        /* of a piece; pieces of the middle */
	real *part;                                  /* [outer,pieces,2,inner] */
} moments;

static moments moments_of(const node *y)
{
	moments m = {.x = y->in[0]->x, .mean = y->x, .var = y->x ? y->x + shape_count(&y->s) / 2 : NULL};
	sum_form_of(&y->in[0]->s, &y->a.to, &m.f);
	m.tiles = (m.f.inner + COLUMNS - 1) / COLUMNS;
	m.rows = MAX(1, PIECE / MIN(m.f.inner, COLUMNS));
	m.pieces = (m.f.middle + m.rows - 1) / m.rows;
	return m;
}

static bool by_rows(const moments *m)
{
	return m->f.inner == 1 && m->f.middle <= ROW;
}

/* ---- rows that lie behind each other ---- */

/* Mean and variance of rows [lo,hi) of n values. */
static CLONES(row_moments, (const real *x, int64_t n, int64_t lo, int64_t hi, real *restrict mean,
	real *restrict var),
	(x, n, lo, hi, mean, var))
{
	const int64_t whole = n / ROW_LANES * ROW_LANES;
	for (int64_t r = lo; r < hi; r++) {
		const real *row = x + r * n;
		real lane[ROW_LANES] = {0};
		for (int64_t i = 0; i < whole; i += ROW_LANES)
			for (int k = 0; k < ROW_LANES; k++)
				lane[k] += row[i + k];
		for (int k = 0; whole + k < n; k++)
			lane[k] += row[whole + k];
		const real at = fold_lanes(lane, ROW_LANES) / (real)n;
		memset(lane, 0, sizeof lane);
		for (int64_t i = 0; i < whole; i += ROW_LANES)
			for (int k = 0; k < ROW_LANES; k++)
				lane[k] += (row[i + k] - at) * (row[i + k] - at);
		for (int k = 0; whole + k < n; k++)
			lane[k] += (row[whole + k] - at) * (row[whole + k] - at);
		mean[r] = at;
		var[r] = fold_lanes(lane, ROW_LANES) / (real)n;
	}
}

static void rows_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const moments *m = ctx;
	row_moments(m->x, m->f.middle, lo, hi, m->mean, m->var);
}

/* ---- columns, in pieces ---- */

/* sum[i] += over rows of x[r*stride + i], i < n */
static CLONES(add_rows, (real *restrict sum, const real *restrict x, int64_t rows, int64_t stride, int64_t n),
	(sum, x, rows, stride, n))
{
	int64_t r = 0;
	for (; r + 4 <= rows; r += 4, x += 4 * stride)
		for (int64_t i = 0; i < n; i++)
			sum[i] += (x[i] + x[stride + i]) + (x[2 * stride + i] + x[3 * stride + i]);
	for (; r < rows; r++, x += stride)
		for (int64_t i = 0; i < n; i++)
			sum[i] += x[i];
}

static inline real square(real d)
{
	return d * d;
}

/* sum[i] += over rows of (x[r*stride + i] - mean[i])^2, i < n */
static CLONES(add_squares, (real *restrict sum, const real *restrict x, const real *restrict mean, int64_t rows,
	int64_t stride, int64_t n),
	(sum, x, mean, rows, stride, n))
{
	int64_t r = 0;
	for (; r + 4 <= rows; r += 4, x += 4 * stride)
		for (int64_t i = 0; i < n; i++)
			sum[i] += (square(x[i] - mean[i]) + square(x[stride + i] - mean[i]))
				+ (square(x[2 * stride + i] - mean[i]) + square(x[3 * stride + i] - mean[i]));
	for (; r < rows; r++, x += stride)
		for (int64_t i = 0; i < n; i++)
			sum[i] += square(x[i] - mean[i]);
}

/* Mean and sum of squares around it of `rows` rows of n columns. Few columns are taken several rows at a time. */
static void piece_moments(const real *x, int64_t rows, int64_t stride, int64_t n, real *mean, real *squares)
{
	real sum[COLUMNS + LANES], at[COLUMNS + LANES] = {0};
	const int64_t fold = stride == n ? MAX(1, MIN(rows, LANES / n)) : 1, wide = fold * n;
	const int64_t whole = rows / fold, rest = rows - whole * fold;
	memset(sum, 0, (size_t)wide * sizeof *sum);
	add_rows(sum, x, whole, fold * stride, wide);
	add_rows(sum, x + whole * fold * stride, rest, stride, n);
	for (int64_t i = 0; i < n; i++) {
		double total = 0;
		for (int64_t k = 0; k < fold; k++)
			total += (double)sum[k * n + i];
		mean[i] = (real)(total / (double)rows);
		for (int64_t k = 0; k < fold; k++)
			at[k * n + i] = mean[i];
	}
	memset(sum, 0, (size_t)wide * sizeof *sum);
	add_squares(sum, x, at, whole, fold * stride, wide);
	add_squares(sum, x + whole * fold * stride, at, rest, stride, n);
	for (int64_t i = 0; i < n; i++) {
		double total = 0;
		for (int64_t k = 0; k < fold; k++)
			total += (double)sum[k * n + i];
		squares[i] = (real)total;
	}
}

static void piece_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const moments *m = ctx;
	const int64_t inner = m->f.inner;
	for (int64_t j = lo; j < hi; j++) {
		const int64_t tile = j % m->tiles * COLUMNS, piece = j / m->tiles % m->pieces;
		const int64_t p = j / m->tiles / m->pieces, r = piece * m->rows;
		real *part = m->part + (p * m->pieces + piece) * 2 * inner + tile;
		piece_moments(m->x + (p * m->f.middle + r) * inner + tile, MIN(m->rows, m->f.middle - r), inner,
			      MIN(COLUMNS, inner - tile), part, part + inner);
	}
}

/* Column [lo,hi) of all outer: na, nb elements with means a, b have together the mean a + (b-a) nb/n and the squares
 * A + B + (b-a)^2 na nb/n. */
static void combine(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const moments *m = ctx;
	const int64_t inner = m->f.inner;
	for (int64_t j = lo; j < hi; j++) {
		const real *part = m->part + j / inner * m->pieces * 2 * inner + j % inner;
		double mean = (double)part[0], squares = (double)part[inner], n = (double)MIN(m->rows, m->f.middle);
		for (int64_t k = 1; k < m->pieces; k++) {
			part += 2 * inner;
			const double more = (double)MIN(m->rows, m->f.middle - k * m->rows);
			const double apart = (double)part[0] - mean, share = more / (n + more);
			mean += apart * share;
			squares += (double)part[inner] + apart * apart * n * share;
			n += more;
		}
		m->mean[j] = (real)mean;
		m->var[j] = (real)(squares / n);
	}
}

/* ---- the op ---- */

static bool infer_moments(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *to = &y->a.to;
	sum_form f;
	if (to->rank != x->rank || x->rank >= RANK_MAX || !sum_form_of(x, to, &f))
		return refuse(why, why_size, "the axes kept must be the first and the last ones");
	y->s = (shape){.rank = x->rank + 1, .dim = {2, 1, 1, 1, 1, 1, 1, 1}};
	memcpy(y->s.dim + 1, to->dim, (size_t)to->rank * sizeof *to->dim);
	return true;
}

static size_t moments_scratch(const node *y)
{
	const moments m = moments_of(y);
	return by_rows(&m) ? 0 : (size_t)(m.f.outer * m.pieces * 2 * m.f.inner) * sizeof(real);
}

/* y[0] = mean, y[1] = variance */
static void moments_eval(const node *y, void *scratch)
{
	moments m = moments_of(y);
	m.part = scratch;
	if (by_rows(&m)) {
		parallel_for(m.f.outer, MAX(1, SPAN_GRAIN / m.f.middle), rows_chunk, &m);
		return;
	}
	parallel_for(m.f.outer * m.pieces * m.tiles, 1, piece_chunk, &m);
	/* Chunks are at least a cache line of results. */
	parallel_for(m.f.outer * m.f.inner, MAX(16, SPAN_GRAIN / m.pieces), combine, &m);
}

/* Half of y [2,..], of the kept shape. */
static node *half_of(graph *g, node *y, int i)
{
	shape s = {.rank = y->s.rank - 1, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	memcpy(s.dim, y->s.dim + 1, (size_t)s.rank * sizeof *s.dim);
	return op_reshape(g, op_slice_axis(g, y, 0, i, i + 1), s);
}

/* m = mean(x), v = mean((x-m)^2)  =>  dx = dm/n + (x - m) 2 dv/n: v does not move with m, its minimum. */
static void moments_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	node *x = y->in[0];
	const double n = (double)shape_count(&x->s) / (double)shape_count(&y->a.to);
	node *slope = op_scale(g, half_of(g, dy, 1), 2 / n), *centred = op_sub(g, x, half_of(g, y, 0));
	dx[0] = op_add(g, op_mul(g, centred, slope), op_scale(g, half_of(g, dy, 0), 1 / n));
}

const op op_rec_moments = {
	.name = "moments", .nin = 1,
	.infer = infer_moments, .scratch = moments_scratch, .eval = moments_eval, .vjp = moments_vjp,
};

/* As their formulas where the graph is to stay as written, or axes that are kept lie between those summed. */
void op_moments(graph *g, node *x, unsigned axes, node **mean, node **var)
{
	shape kept = x->s;
	for (int i = 0; i < kept.rank; i++)
		if (axes >> i & 1)
			kept.dim[i] = 1;
	sum_form f;
	if (graph_rewrites(g) && x->s.rank < RANK_MAX && sum_form_of(&x->s, &kept, &f)) {
		attr a = attr_to(kept);
		node *both = graph_node(g, &op_rec_moments, 1, &x, &a);
		const bool ok = graph_ok(g, NULL);
		*mean = ok ? half_of(g, both, 0) : x;
		*var = ok ? half_of(g, both, 1) : x;
		return;
	}
	*mean = op_mean(g, x, axes, true);
	*var = op_mean(g, op_square(g, op_sub(g, x, *mean)), axes, true);
}
