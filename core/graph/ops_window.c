/* ops_window.c - windows sliding over images: sums, patches, their adjoints, and what is made of
 * them. Choosing the largest is in ops_max.c, resizing in ops_resize.c.
 *
 * Images are [B,H,W,C]; inner loops run across channels. Every loop gathers: a row of the result is
 * computed by one thread in a fixed order, also in the adjoints. */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/graph/ops_window.h"
#include "core/graph/rewrite.h"
#include "core/base/thread.h"

attr attr_window(window_geometry w, int64_t h, int64_t w_)
{
	attr a = attr_none();
	a.window.kh = w.kh, a.window.kw = w.kw, a.window.sh = w.sh, a.window.sw = w.sw;
	a.window.top = w.top, a.window.bottom = w.bottom, a.window.left = w.left, a.window.right = w.right;
	a.window.h = h, a.window.w = w_;
	return a;
}

window_geometry window_of(const node *y)
{
	return (window_geometry){
		.kh = y->a.window.kh, .kw = y->a.window.kw, .sh = y->a.window.sh, .sw = y->a.window.sw,
		.top = y->a.window.top, .bottom = y->a.window.bottom,
		.left = y->a.window.left, .right = y->a.window.right,
	};
}

/* Windows along one axis of n pixels; fewer than 1 when none fits. */
static int64_t windows(int64_t n, int k, int s, int before, int after)
{
	int64_t room = n + before + after - k;
	return room < 0 ? 0 : room / s + 1;
}

bool infer_windows(const node *y, int64_t h, int64_t w_, int64_t *ho, int64_t *wo, char *why,
		   size_t why_size)
{
	const window_geometry w = window_of(y);
	if (w.kh < 1 || w.kw < 1 || w.sh < 1 || w.sw < 1)
		return refuse(why, why_size, "window %dx%d, stride %dx%d: must be at least 1", w.kh, w.kw,
			      w.sh, w.sw);
	if (MIN(w.top, w.bottom) < 0 || MIN(w.left, w.right) < 0 || MAX(w.top, w.bottom) >= w.kh ||
	    MAX(w.left, w.right) >= w.kw)
		return refuse(why, why_size, "padding %d,%d,%d,%d (top, bottom, left, right) of window "
			      "%dx%d: must be 0 up to the window's size less one", w.top, w.bottom,
			      w.left, w.right, w.kh, w.kw);
	*ho = windows(h, w.kh, w.sh, w.top, w.bottom);
	*wo = windows(w_, w.kw, w.sw, w.left, w.right);
	if (*ho < 1 || *wo < 1)
		return refuse(why, why_size, "window %dx%d does not fit into the padded map of %lldx%lld",
			      w.kh, w.kw, (long long)(h + w.top + w.bottom),
			      (long long)(w_ + w.left + w.right));
	return true;
}

static bool infer_image(const node *y, char *why, size_t why_size)
{
	return y->in[0]->s.rank == 4 || refuse(why, why_size, "needs an image [B,H,W,C]");
}

/* y->s = [B, Ho, Wo, channels] for an image input. */
static bool infer_to_windows(node *y, int64_t channels, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	int64_t ho = 0, wo = 0;
	if (!infer_windows(y, x->dim[1], x->dim[2], &ho, &wo, why, why_size))
		return false;
	y->s = SHAPE(x->dim[0], ho, wo, channels);
	return true;
}

/* y->s = [B, h, w, channels] for an input with one pixel per window. */
static bool infer_to_image(node *y, int64_t channels, char *why, size_t why_size)
{
	const shape *dy = &y->in[0]->s;
	const int64_t h = y->a.window.h, w = y->a.window.w;
	int64_t ho = 0, wo = 0;
	if (!infer_windows(y, h, w, &ho, &wo, why, why_size))
		return false;
	if (ho != dy->dim[1] || wo != dy->dim[2])
		return refuse(why, why_size, "a map of %lldx%lld has %lldx%lld windows, given %lldx%lld",
			      (long long)h, (long long)w, (long long)ho, (long long)wo,
			      (long long)dy->dim[1], (long long)dy->dim[2]);
	y->s = SHAPE(dy->dim[0], h, w, channels);
	return true;
}

/* Rows of the result per chunk. */
static int64_t row_grain(const node *y)
{
	return MAX(1, SPAN_GRAIN / (y->s.dim[2] * y->s.dim[3]));
}

/* ---- sum_pool ---- */

static bool infer_sum_pool(node *y, char *why, size_t why_size)
{
	return infer_image(y, why, why_size) &&
	       infer_to_windows(y, y->in[0]->s.dim[3], why, why_size);
}

/* y[c] = the sum of four pixels: the 2x2 window. */
static inline void add_quad(real *restrict y, const real *restrict a, const real *restrict b, int64_t c)
{
	for (int64_t i = 0; i < c; i++)
		y[i] = (a[i] + a[c + i]) + (b[i] + b[c + i]);
}

static inline void add_to(real *restrict y, const real *restrict x, int64_t c)
{
	for (int64_t i = 0; i < c; i++)
		y[i] += x[i];
}

/* Row [Wo,C] of the result from rows y0.. of the image x [H,W,C]. */
static CLONES(sum_pool_row, (real *y, const real *x, const shape *xs, const shape *ys, window_geometry w,
	int64_t y0),
	(y, x, xs, ys, w, y0))
{
	const int64_t width = xs->dim[2], c = xs->dim[3];
	for (int64_t ox = 0; ox < ys->dim[2]; ox++, y += c) {
		const int64_t x0 = ox * w.sw - w.left;
		const real *at = x + (y0 * width + x0) * c;
		if (w.kh == 2 && w.kw == 2 && w.top + w.bottom + w.left + w.right == 0) {
			add_quad(y, at, at + width * c, c);
			continue;
		}
		memset(y, 0, (size_t)c * sizeof *y);
		for (int64_t iy = MAX(y0, 0); iy < MIN(y0 + w.kh, xs->dim[1]); iy++)
			for (int64_t ix = MAX(x0, 0); ix < MIN(x0 + w.kw, width); ix++)
				add_to(y, x + (iy * width + ix) * c, c);
	}
}

static void sum_pool_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *x = y->in[0];
	const window_geometry w = window_of(y);
	const int64_t image = x->s.dim[1] * x->s.dim[2] * x->s.dim[3], row = y->s.dim[2] * y->s.dim[3];
	for (int64_t r = lo; r < hi; r++)
		sum_pool_row(y->x + r * row, x->x + r / y->s.dim[1] * image, &x->s, &y->s, w,
			     r % y->s.dim[1] * w.sh - w.top);
}

/* y[b,i,j,c] = sum over ky, kx of x[b, i*sh + ky - top, j*sw + kx - left, c] */
static void sum_pool_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], row_grain(y), sum_pool_rows, (void *)y);
}

static void sum_pool_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_sum_pool_dx(g, dy, window_of(y), y->in[0]->s.dim[1], y->in[0]->s.dim[2]);
}

const op op_rec_sum_pool = {
	.name = "sum_pool", .nin = 1,
	.infer = infer_sum_pool, .eval = sum_pool_eval, .vjp = sum_pool_vjp,
};

node *op_sum_pool(graph *g, node *x, window_geometry w)
{
	node *cheaper = rewrite_pool(g, x, w, 1);
	if (cheaper)
		return cheaper;
	attr a = attr_window(w, 0, 0);
	return graph_node(g, &op_rec_sum_pool, 1, &x, &a);
}

/* ---- sum_pool_dx and patches_fold: an image pixel gathers from the windows that hold it ---- */

/* Windows o with o*s <= i + before < o*s + k: they hold pixel i. */
static void windows_at(int64_t i, int k, int s, int before, int64_t n, int64_t *lo, int64_t *hi)
{
	const int64_t at = i + before;
	*lo = at < k ? 0 : (at - k) / s + 1;
	*hi = MIN(n, at / s + 1);
}

/* Row iy [W,C] of the image from dy [Ho,Wo,D]. taps: D = kh*kw*C, each tap has channels of its own;
 * otherwise D = C and all taps share them. */
static CLONES(gather_row, (real *y, const real *dy, const shape *ys, const shape *ds, window_geometry w,
	int64_t iy, bool taps),
	(y, dy, ys, ds, w, iy, taps))
{
	const int64_t c = ys->dim[3], d = ds->dim[3];
	int64_t oy0, oy1;
	windows_at(iy, w.kh, w.sh, w.top, ds->dim[1], &oy0, &oy1);
	for (int64_t ix = 0; ix < ys->dim[2]; ix++, y += c) {
		int64_t ox0, ox1;
		bool first = true;
		windows_at(ix, w.kw, w.sw, w.left, ds->dim[2], &ox0, &ox1);
		for (int64_t oy = oy0; oy < oy1; oy++)
			for (int64_t ox = ox0; ox < ox1; ox++) {
				int64_t ky = iy + w.top - oy * w.sh, kx = ix + w.left - ox * w.sw;
				const real *from = dy + (oy * ds->dim[2] + ox) * d +
						   (taps ? (ky * w.kw + kx) * c : 0);
				if (first)
					memcpy(y, from, (size_t)c * sizeof *y);
				else
					add_to(y, from, c);
				first = false;
			}
		if (first)
			memset(y, 0, (size_t)c * sizeof *y);
	}
}

static void gather_image_rows(const node *y, int64_t lo, int64_t hi, bool taps)
{
	const node *dy = y->in[0];
	const window_geometry w = window_of(y);
	const int64_t map = dy->s.dim[1] * dy->s.dim[2] * dy->s.dim[3], row = y->s.dim[2] * y->s.dim[3];
	for (int64_t r = lo; r < hi; r++)
		gather_row(y->x + r * row, dy->x + r / y->s.dim[1] * map, &y->s, &dy->s, w,
			   r % y->s.dim[1], taps);
}

static bool infer_sum_pool_dx(node *y, char *why, size_t why_size)
{
	return infer_image(y, why, why_size) && infer_to_image(y, y->in[0]->s.dim[3], why, why_size);
}

static void sum_pool_dx_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	gather_image_rows(ctx, lo, hi, false);
}

/* y[b,i,j,c] = sum of dy over the windows that hold pixel i,j */
static void sum_pool_dx_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], row_grain(y), sum_pool_dx_rows, (void *)y);
}

static void sum_pool_dx_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_sum_pool(g, dy, window_of(y));
}

const op op_rec_sum_pool_dx = {
	.name = "sum_pool_dx", .nin = 1,
	.infer = infer_sum_pool_dx, .eval = sum_pool_dx_eval, .vjp = sum_pool_dx_vjp,
};

node *op_sum_pool_dx(graph *g, node *dy, window_geometry w, int64_t h, int64_t w_)
{
	attr a = attr_window(w, h, w_);
	return graph_node(g, &op_rec_sum_pool_dx, 1, &dy, &a);
}

/* ---- patches ---- */

static bool infer_patches(node *y, char *why, size_t why_size)
{
	return infer_image(y, why, why_size) &&
	       infer_to_windows(y, y->in[0]->s.dim[3] * y->a.window.kh * y->a.window.kw, why, why_size);
}

/* One row [Wo,kh*kw*C]: per window kh runs of kw*C values, zero where they leave the image. */
static void patches_row(real *y, const real *x, const shape *xs, const shape *ys, window_geometry w,
			int64_t y0)
{
	const int64_t width = xs->dim[2], c = xs->dim[3];
	for (int64_t ox = 0; ox < ys->dim[2]; ox++) {
		const int64_t x0 = ox * w.sw - w.left, from = MAX(x0, 0), to = MIN(x0 + w.kw, width);
		for (int64_t iy = y0; iy < y0 + w.kh; iy++, y += w.kw * c) {
			if (iy < 0 || iy >= xs->dim[1]) {
				memset(y, 0, (size_t)(w.kw * c) * sizeof *y);
				continue;
			}
			memset(y, 0, (size_t)((from - x0) * c) * sizeof *y);
			memcpy(y + (from - x0) * c, x + (iy * width + from) * c,
			       (size_t)((to - from) * c) * sizeof *y);
			memset(y + (to - x0) * c, 0, (size_t)((x0 + w.kw - to) * c) * sizeof *y);
		}
	}
}

static void patches_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *x = y->in[0];
	const window_geometry w = window_of(y);
	const int64_t image = x->s.dim[1] * x->s.dim[2] * x->s.dim[3], row = y->s.dim[2] * y->s.dim[3];
	for (int64_t r = lo; r < hi; r++)
		patches_row(y->x + r * row, x->x + r / y->s.dim[1] * image, &x->s, &y->s, w,
			    r % y->s.dim[1] * w.sh - w.top);
}

/* y[b,i,j,(ky*kw + kx)*C + c] = x[b, i*sh + ky - top, j*sw + kx - left, c] */
static void patches_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], row_grain(y), patches_rows, (void *)y);
}

static void patches_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_patches_fold(g, dy, window_of(y), y->in[0]->s.dim[1], y->in[0]->s.dim[2]);
}

const op op_rec_patches = {
	.name = "patches", .nin = 1,
	.infer = infer_patches, .eval = patches_eval, .vjp = patches_vjp,
};

node *op_patches(graph *g, node *x, window_geometry w)
{
	attr a = attr_window(w, 0, 0);
	return graph_node(g, &op_rec_patches, 1, &x, &a);
}

static bool infer_patches_fold(node *y, char *why, size_t why_size)
{
	if (!infer_image(y, why, why_size))
		return false;
	const int64_t taps = MAX(1, (int64_t)y->a.window.kh * y->a.window.kw), d = y->in[0]->s.dim[3];
	if (d % taps)
		return refuse(why, why_size, "%lld channels: must be a multiple of the %lld taps of the "
			      "window", (long long)d, (long long)taps);
	return infer_to_image(y, d / taps, why, why_size);
}

static void patches_fold_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	gather_image_rows(ctx, lo, hi, true);
}

/* The adjoint of patches: overlapping patches add up. */
static void patches_fold_eval(const node *y, void *scratch)
{
	(void)scratch;
	parallel_for(y->s.dim[0] * y->s.dim[1], row_grain(y), patches_fold_rows, (void *)y);
}

static void patches_fold_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_patches(g, dy, window_of(y));
}

const op op_rec_patches_fold = {
	.name = "patches_fold", .nin = 1,
	.infer = infer_patches_fold, .eval = patches_fold_eval, .vjp = patches_fold_vjp,
};

node *op_patches_fold(graph *g, node *p, window_geometry w, int64_t h, int64_t w_)
{
	attr a = attr_window(w, h, w_);
	return graph_node(g, &op_rec_patches_fold, 1, &p, &a);
}

/* ---- composed ---- */

node *op_avg_pool(graph *g, node *x, window_geometry w)
{
	double share = 1.0 / MAX(1, w.kh * w.kw);
	node *cheaper = rewrite_pool(g, x, w, share);
	if (cheaper)
		return cheaper;
	node *sum = op_sum_pool(g, x, w);
	if (w.top + w.bottom + w.left + w.right == 0 || !graph_ok(g, NULL))
		return op_scale(g, sum, share);
	/* The number of real pixels under each window, the same for every image and channel. */
	node *ones = op_fill(g, SHAPE(1, x->s.dim[1], x->s.dim[2], 1), 1);
	return op_div(g, sum, op_sum_pool(g, ones, w));
}

node *op_upsample_nearest(graph *g, node *x, int fh, int fw)
{
	window_geometry w = {.kh = fh, .kw = fw, .sh = fh, .sw = fw};
	return op_sum_pool_dx(g, x, w, x->s.dim[1] * fh, x->s.dim[2] * fw);
}
