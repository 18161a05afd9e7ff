/* ops_warp.c - each image seen through an affine map of its own, and the adjoint.
 *
 * Positions are counted from the middle of the image, so that a map without its translation turns around the middle.
 * A position between pixels takes the four around it (bilinear); beyond the edge the image is mirrored in the centres
 * of the outermost pixels, as in padding "reflect". Positions are computed in double: whole ones are exact. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <math.h>
#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

static bool infer_warp(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *m = &y->in[1]->s;
	if (x->rank != 4 || m->rank != 2 || m->dim[0] != x->dim[0] || m->dim[1] != 6)
		return refuse(why, why_size, "needs an image [B,H,W,C] and maps [B,6]");
	y->s = *x;
	return true;
}

/* Pixels lo and hi of an axis, of which hi counts with `share`. */
typedef struct between {
	int64_t lo, hi;
	real share;
} between;

static between find(double p, int64_t n)
{
	const double last = (double)(n - 1);
	if (!(fabs(p) < 1e9) || n == 1)              /* not a number, too: the graph's values show it elsewhere */
		return (between){0, 0, 0};
	p -= 2 * last * floor(p / (2 * last));
	p = p > last ? 2 * last - p : p;
	const int64_t lo = MIN(n - 1, MAX(0, (int64_t)p));
	return (between){lo, MIN(lo + 1, n - 1), (real)(p - (double)lo)};
}

/* The four pixels that pixel (i, j) of the result is made of, as offsets in an image, and their shares. */
typedef struct four {
	int64_t at[4];
	real share[4];
} four;

static four four_of(const real *m, const shape *s, int64_t i, int64_t j)
{
	const int64_t h = s->dim[1], w = s->dim[2], c = s->dim[3];
	const double mi = (double)(h - 1) / 2, mj = (double)(w - 1) / 2, y = (double)i - mi, x = (double)j - mj;
	const between r = find((double)m[0] * y + (double)m[1] * x + (double)m[2] + mi, h);
	const between q = find((double)m[3] * y + (double)m[4] * x + (double)m[5] + mj, w);
	return (four){
		{(r.lo * w + q.lo) * c, (r.lo * w + q.hi) * c, (r.hi * w + q.lo) * c, (r.hi * w + q.hi) * c},
		{(1 - r.share) * (1 - q.share), (1 - r.share) * q.share, r.share * (1 - q.share), r.share * q.share},
	};
}

/* ---- warp ---- */

static void warp_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx;
	const int64_t h = y->s.dim[1], w = y->s.dim[2], c = y->s.dim[3];
	for (int64_t r = lo; r < hi; r++) {
		const real *x = y->in[0]->x + r / h * h * w * c, *m = y->in[1]->x + r / h * 6;
		for (int64_t j = 0; j < w; j++) {
			const four f = four_of(m, &y->s, r % h, j);
			real *to = y->x + (r * w + j) * c;
			for (int64_t k = 0; k < c; k++)
				to[k] = f.share[0] * x[f.at[0] + k] + f.share[1] * x[f.at[1] + k]
					+ f.share[2] * x[f.at[2] + k] + f.share[3] * x[f.at[3] + k];
		}
	}
}

/* y[b,i,j] = x[b] at the place to which m[b] leads from (i,j) */
static void warp_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], MAX(1, SPAN_GRAIN / (y->s.dim[2] * y->s.dim[3])), warp_rows, (void *)y);
}

static void warp_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_warp_dx(g, dy, y->in[1]);
}

const op op_rec_warp = {
	.name = "warp", .nin = 2,
	.infer = infer_warp, .eval = warp_eval, .vjp = warp_vjp,
};

node *op_warp(graph *g, node *x, node *m)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_warp, 2, (node *[]){x, m}, &a);
}

/* ---- its adjoint ---- */

static void warp_dx_images(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx;
	const int64_t h = y->s.dim[1], w = y->s.dim[2], c = y->s.dim[3], size = h * w * c;
	memset(y->x + lo * size, 0, (size_t)((hi - lo) * size) * sizeof(real));
	for (int64_t p = lo * h * w; p < hi * h * w; p++) {
		const int64_t b = p / (h * w);
		const four f = four_of(y->in[1]->x + b * 6, &y->s, p / w % h, p % w);
		const real *dy = y->in[0]->x + p * c;
		real *to = y->x + b * size;
		for (int k = 0; k < 4; k++)
			for (int64_t l = 0; l < c; l++)
				to[f.at[k] + l] += f.share[k] * dy[l];
	}
}

/* Each pixel of dy is given to the four that it was made of. One thread does an image: sums have one order. */
static void warp_dx_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0], 1, warp_dx_images, (void *)y);
}

static void warp_dx_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[0])
		dx[0] = op_warp(g, dy, y->in[1]);
}

const op op_rec_warp_dx = {
	.name = "warp_dx", .nin = 2,
	.infer = infer_warp, .eval = warp_dx_eval, .vjp = warp_dx_vjp,
};

node *op_warp_dx(graph *g, node *dy, node *m)
{
	attr a = attr_none();
	return graph_node(g, &op_rec_warp_dx, 2, (node *[]){dy, m}, &a);
}
