/* ops_max.c - the value under the largest entry of each window, its adjoint, max pooling.
 *
 * `sel` chooses, `v` is chosen from; the derivative flows through v only, so the pair is linear in v
 * and closed under differentiation. max_pool(x) is pick(x, x). */
#include "core/base/local.h"
#include "core/graph/ops.h"

#include <string.h>

#include "core/graph/ops_internal.h"
#include "core/graph/ops_window.h"
#include "core/base/thread.h"

/* Channels side by side in registers. */
enum { LANES = 32 / (int)sizeof(real) };
typedef real lanes __attribute__((vector_size(32), aligned(sizeof(real)), may_alias));
typedef __typeof__((lanes){0} > (lanes){0}) choice;

/* Whether s takes the place of the largest so far: it is larger, or no number, which then stays. */
#define IS_LARGER(s, best) (((s) > (best)) | ((s) != (s)))

/* a where c is set, b elsewhere. */
#define CHOSEN(c, a, b) ((lanes)(((choice)(a) & (c)) | ((choice)(b) & ~(c))))

/* Real pixels of the window at (y0,x0): rows [top,bottom), columns [left,right). */
typedef struct view {
	int64_t top, bottom, left, right;
} view;

static view view_of(const shape *s, window_geometry w, int64_t y0, int64_t x0)
{
	return (view){
		.top = MAX(y0, 0), .bottom = MIN(y0 + w.kh, s->dim[1]),
		.left = MAX(x0, 0), .right = MIN(x0 + w.kw, s->dim[2]),
	};
}

/* *y = v where sel is largest under the view: the first in row-major order on ties. sel and v are images of rows
 * `width` and pixels `c`. */
INLINE void pick(real *y, const real *sel, const real *v, view at, int64_t width, int64_t c)
{
	const int64_t first = (at.top * width + at.left) * c;
	real best = sel[first], value = v[first];
	for (int64_t iy = at.top; iy < at.bottom; iy++)
		for (int64_t ix = at.left; ix < at.right; ix++) {
			const int64_t p = (iy * width + ix) * c;
			const bool larger = IS_LARGER(sel[p], best);
			value = larger ? v[p] : value;
			best = larger ? sel[p] : best;
		}
	*y = value;
}

/* The same for LANES channels. */
INLINE void pick_lanes(real *y, const real *sel, const real *v, view at, int64_t width, int64_t c)
{
	const int64_t first = (at.top * width + at.left) * c;
	lanes best = *(const lanes *)(sel + first), value = *(const lanes *)(v + first);
	for (int64_t iy = at.top; iy < at.bottom; iy++)
		for (int64_t ix = at.left; ix < at.right; ix++) {
			const int64_t p = (iy * width + ix) * c;
			const lanes s = *(const lanes *)(sel + p), u = *(const lanes *)(v + p);
			const choice larger = IS_LARGER(s, best);
			value = CHOSEN(larger, u, value);
			best = CHOSEN(larger, s, best);
		}
	*(lanes *)y = value;
}

/* Adds d at the pixel that pick would take. */
INLINE void place(real *y, const real *sel, real d, view at, int64_t width, int64_t c)
{
	int64_t where = (at.top * width + at.left) * c;
	real best = sel[where];
	for (int64_t iy = at.top; iy < at.bottom; iy++)
		for (int64_t ix = at.left; ix < at.right; ix++) {
			const int64_t p = (iy * width + ix) * c;
			const bool larger = IS_LARGER(sel[p], best);
			where = larger ? p : where;
			best = larger ? sel[p] : best;
		}
	y[where] += d;
}

/* The same for LANES channels. A pixel's number, counted through the view, is an exact real, so that it has the width
 * of the values beside it. */
INLINE void place_lanes(real *y, const real *sel, const real *d, view at, int64_t width, int64_t c)
{
	const int64_t across = at.right - at.left;
	lanes best = *(const lanes *)(sel + (at.top * width + at.left) * c), pixel = {0}, none = {0};
	for (int64_t iy = at.top; iy < at.bottom; iy++)
		for (int64_t ix = at.left; ix < at.right; ix++) {
			const lanes s = *(const lanes *)(sel + (iy * width + ix) * c);
			const choice larger = IS_LARGER(s, best);
			pixel = CHOSEN(larger, none + (real)((iy - at.top) * across + ix - at.left), pixel);
			best = CHOSEN(larger, s, best);
		}
	for (int64_t iy = at.top; iy < at.bottom; iy++)
		for (int64_t ix = at.left; ix < at.right; ix++) {
			const choice here = pixel == none + (real)((iy - at.top) * across + ix - at.left);
			*(lanes *)(y + (iy * width + ix) * c) += CHOSEN(here, *(const lanes *)d, none);
		}
}

static bool infer_selection(const node *y, char *why, size_t why_size)
{
	return y->in[0]->s.rank == 4 || refuse(why, why_size, "needs images [B,H,W,C]");
}

/* ---- max_pick ---- */

static bool infer_max_pick(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	int64_t ho = 0, wo = 0;
	if (!infer_selection(y, why, why_size))
		return false;
	if (!shape_equal(x, &y->in[1]->s))
		return refuse(why, why_size, "selector and values must have the same shape");
	if (!infer_windows(y, x->dim[1], x->dim[2], &ho, &wo, why, why_size))
		return false;
	y->s = SHAPE(x->dim[0], ho, wo, x->dim[3]);
	return true;
}

static CLONES(pick_row, (real *y, const real *sel, const real *v, const shape *xs, const shape *ys,
	window_geometry w, int64_t y0),
	(y, sel, v, xs, ys, w, y0))
{
	const int64_t width = xs->dim[2], c = xs->dim[3];
	for (int64_t ox = 0; ox < ys->dim[2]; ox++, y += c) {
		const view at = view_of(xs, w, y0, ox * w.sw - w.left);
		int64_t i = 0;
		for (; i + LANES <= c; i += LANES)
			pick_lanes(y + i, sel + i, v + i, at, width, c);
		for (; i < c; i++)
			pick(y + i, sel + i, v + i, at, width, c);
	}
}

static void pick_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *sel = y->in[0];
	const window_geometry w = window_of(y);
	const int64_t image = sel->s.dim[1] * sel->s.dim[2] * sel->s.dim[3];
	const int64_t row = y->s.dim[2] * y->s.dim[3];
	for (int64_t r = lo; r < hi; r++) {
		int64_t b = r / y->s.dim[1];
		pick_row(y->x + r * row, sel->x + b * image, y->in[1]->x + b * image, &sel->s, &y->s, w,
			 r % y->s.dim[1] * w.sh - w.top);
	}
}

/* y[b,i,j,c] = v at the pixel of window i,j where sel[..,c] is largest */
static void max_pick_eval(const node *y, void *scratch)
{
	(void)scratch;
	/* / 4: a result costs several elements of a pass, those of its window. */
	parallel_for(y->s.dim[0] * y->s.dim[1], MAX(1, SPAN_GRAIN / 4 / (y->s.dim[2] * y->s.dim[3])),
		     pick_rows, (void *)y);
}

static void max_pick_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[1])
		dx[1] = op_max_place(g, y->in[0], dy, window_of(y));
}

const op op_rec_max_pick = {
	.name = "max_pick", .nin = 2,
	.infer = infer_max_pick, .eval = max_pick_eval, .vjp = max_pick_vjp,
};

node *op_max_pick(graph *g, node *sel, node *v, window_geometry w)
{
	attr a = attr_window(w, 0, 0);
	return graph_node(g, &op_rec_max_pick, 2, (node *[]){sel, v}, &a);
}

node *op_max_pool(graph *g, node *x, window_geometry w)
{
	return op_max_pick(g, x, x, w);
}

/* ---- max_place ---- */

static bool infer_max_place(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *dy = &y->in[1]->s;
	int64_t ho = 0, wo = 0;
	if (!infer_selection(y, why, why_size) ||
	    !infer_windows(y, x->dim[1], x->dim[2], &ho, &wo, why, why_size))
		return false;
	const shape want = SHAPE(x->dim[0], ho, wo, x->dim[3]);
	if (!shape_equal(&want, dy))
		return refuse(why, why_size, "the windows of the selector are %s", shape_print(&want).s);
	y->s = *x;
	return true;
}

/* One image, n channels from where the pointers stand: windows may overlap, so they add, in order. */
static CLONES(place_image, (real *y, const real *sel, const real *dy, const shape *ys, const shape *ds,
	window_geometry w, int64_t n),
	(y, sel, dy, ys, ds, w, n))
{
	const int64_t width = ys->dim[2], c = ys->dim[3];
	for (int64_t p = 0; p < ys->dim[1] * width; p++)
		memset(y + p * c, 0, (size_t)n * sizeof *y);
	for (int64_t o = 0; o < ds->dim[1] * ds->dim[2]; o++) {
		const int64_t oy = o / ds->dim[2], ox = o % ds->dim[2];
		const view at = view_of(ys, w, oy * w.sh - w.top, ox * w.sw - w.left);
		int64_t i = 0;
		for (; i + LANES <= n; i += LANES)
			place_lanes(y + i, sel + i, dy + o * c + i, at, width, c);
		for (; i < n; i++)
			place(y + i, sel + i, dy[o * c + i], at, width, c);
	}
}

enum { CHANNELS = 64 };                              /* of an item: its image stays in L1 or L2 */

static void place_images(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx, *dy = y->in[1];
	const int64_t c = y->s.dim[3], blocks = (c + CHANNELS - 1) / CHANNELS;
	const int64_t image = y->s.dim[1] * y->s.dim[2] * c, map = dy->s.dim[1] * dy->s.dim[2] * c;
	for (int64_t k = lo; k < hi; k++) {
		int64_t b = k / blocks, c0 = k % blocks * CHANNELS;
		place_image(y->x + b * image + c0, y->in[0]->x + b * image + c0, dy->x + b * map + c0,
			    &y->s, &dy->s, window_of(y), MIN(CHANNELS, c - c0));
	}
}

/* y = 0, then dy[b,i,j,c] added at the pixel of window i,j where sel[..,c] is largest */
static void max_place_eval(const node *y, void *scratch)
{
	(void)scratch;
	const int64_t blocks = (y->s.dim[3] + CHANNELS - 1) / CHANNELS;
	parallel_for(y->s.dim[0] * blocks, 1, place_images, (void *)y);
}

static void max_place_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	if (need[1])
		dx[1] = op_max_pick(g, y->in[0], dy, window_of(y));
}

const op op_rec_max_place = {
	.name = "max_place", .nin = 2,
	.infer = infer_max_place, .eval = max_place_eval, .vjp = max_place_vjp,
};

node *op_max_place(graph *g, node *sel, node *dy, window_geometry w)
{
	attr a = attr_window(w, 0, 0);
	return graph_node(g, &op_rec_max_place, 2, (node *[]){sel, dy}, &a);
}
