/* conv_narrow.c - convolution to few channels (images): taps become channels of a matrix product.
 *
 * With 3 output channels a vector of them is mostly empty. Instead every input pixel is multiplied by
 * the weights of all taps at once, t[p][tap*C + c] = sum over i of in[p][i] * w[tap][i][c], which fills
 * vectors, and each output pixel adds up its taps:
 *     out[h][v][c] = sum over (ky,kx) with h + top - ky = sh*i, v + left - kx = sw*j
 *                    of t[i][j][(ky,kx)*C + c]
 * That is the adjoint in x. Forward with stride 1 is the same with the kernel flipped. */
#include <string.h>

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/kernels/conv_internal.h"
#include "core/base/thread.h"

enum {
	NARROW = 4,                                  /* channels: one small vector */
	NARROW_BYTES = 256 * 1024,                   /* of t in an item: it stays in L2, beside the input that it is
	                                              * made from. No result depends on it */
};

typedef real quad __attribute__((vector_size(NARROW * sizeof(real)), aligned(sizeof(real)), may_alias));

typedef struct narrow {
	const tile_kernels *k;
	int64_t b, ih, iw, ic, oh, ow, oc;
	int kh, kw, sh, sw;
	int64_t top, left;
	int64_t wide;                                /* of a pixel of t */
	int64_t rows, bands;                         /* output rows of an item */
	int64_t rows_in;                             /* rows of t of an item, at most */
	const real *in, *packed;
	real *out, *work;
	int64_t work_size, lists_size;               /* per worker, elements */
	epilogue e;
} narrow;

static narrow narrow_of(const tile_kernels *k, const conv_shape *s, bool adjoint)
{
	narrow g = {.k = k, .b = s->b, .kh = s->kh, .kw = s->kw, .sh = 1, .sw = 1};
	if (adjoint) {
		g.ih = s->ho, g.iw = s->wo, g.ic = s->cout, g.oh = s->h, g.ow = s->w, g.oc = s->cin;
		g.sh = s->sh, g.sw = s->sw, g.top = s->top, g.left = s->left;
	} else {
		g.ih = s->h, g.iw = s->w, g.ic = s->cin, g.oh = s->ho, g.ow = s->wo, g.oc = s->cout;
		g.top = s->kh - 1 - s->top, g.left = s->kw - 1 - s->left;
	}
	g.wide = tile_round(k, s->kh * s->kw * g.oc);
	int64_t want = MAX(1, CONV_ITEMS / s->b), line = g.iw * g.wide * (int64_t)sizeof(real);
	g.rows = MAX(1, MIN((g.oh + want - 1) / want, NARROW_BYTES / line * g.sh));
	g.bands = (g.oh + g.rows - 1) / g.rows;
	g.rows_in = MIN(g.ih, (g.rows + s->kh) / g.sh + 2);
	g.lists_size = scratch_piece(2 * (g.rows_in * g.iw + g.ow) * (int64_t)(sizeof(int64_t) / sizeof(real)));
	g.work_size = g.lists_size + scratch_piece(g.rows_in * g.iw * g.wide + NARROW);
	return g;
}

bool conv_is_narrow(const conv_shape *s, bool adjoint)
{
	int64_t oc = adjoint ? s->cin : s->cout, ic = adjoint ? s->cout : s->cin;
	if (s->groups > 1 || oc > NARROW || s->kh * s->kw == 1 || ic < NARROW ||
	    (!adjoint && (s->sh > 1 || s->sw > 1)))
		return false;
	/* Products here against those of a gather with a vector per tap; of 16 elements at every level,
	 * so that the choice, and with it the bits, are the same. */
	int64_t taps = (int64_t)s->kh * s->kw, all = (taps * oc + 15) / 16 * 16;
	if (adjoint)
		return all < taps * 16;
	return s->h * s->w * all < s->ho * s->wo * taps * 16;
}

static int64_t packed_size(const narrow *g)
{
	return scratch_piece(tile_packed_size(g->k, g->ic, g->kh * g->kw * g->oc));
}

conv_room conv_narrow_room(const tile_kernels *k, const conv_shape *s, bool adjoint)
{
	narrow g = narrow_of(k, s, adjoint);
	return (conv_room){
		.packed = (size_t)packed_size(&g) * sizeof(real),
		.packing = (size_t)scratch_piece(g.ic * g.kh * g.kw * g.oc) * sizeof(real),
		.scratch = (size_t)(pool_threads() * g.work_size) * sizeof(real),
	};
}

/* The weights as a matrix [ic, taps*oc], then packed. */
void conv_narrow_pack(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *w, real *packed,
		      void *scratch)
{
	const narrow of_shape = narrow_of(k, s, adjoint), *g = &of_shape;
	const int64_t taps = (int64_t)g->kh * g->kw, columns = taps * g->oc;
	real *plain = scratch;
	for (int64_t t = 0; t < taps; t++) {
		const real *from = w + (adjoint ? t : taps - 1 - t) * g->ic * g->oc;
		for (int64_t i = 0; i < g->ic; i++)
			for (int64_t c = 0; c < g->oc; c++)
				plain[i * columns + t * g->oc + c] =
					adjoint ? from[c * g->ic + i] : from[i * g->oc + c];
	}
	tile_pack(k, plain, columns, 1, g->ic, columns, g->ic, 0, packed);
}

/* t [rows*iw, wide], whole vectors of channels, of input rows [lo, lo + rows) of image b. */
static void multiply(const narrow *g, int64_t b, int64_t lo, int64_t rows, int64_t *lists, real *t)
{
	int64_t n = rows * g->iw, run = 0, *in = lists, *out = lists + n;
	for (int64_t p = 0; p < n; p++) {
		in[p] = p * g->ic;
		out[p] = p * g->wide;
	}
	tile_conv c = {
		.x = g->in + (b * g->ih + lo) * g->iw * g->ic, .in = in, .out = out, .npix = n, .run = &run,
		.nrun = 1, .len = g->ic, .w = g->packed, .y = t, .cout = g->wide,
	};
	g->k->conv(&c);
}

/* Bias, residual, activation. `left` channels of the row are still to be written: where four are, four are written, and
 * those of the next pixels are overwritten by them. */
static inline void finish(const narrow *g, int64_t at, quad sum, int64_t left)
{
	const epilogue *e = &g->e;
	if (e->bias)
		for (int64_t c = 0; c < g->oc; c++)
			sum[c] += e->bias[c];
	if (e->residual)
		for (int64_t c = 0; c < g->oc; c++)
			sum[c] += e->residual[at + c];
	for (int64_t c = 0; e->act && c < g->oc; c++)
		sum[c] = sum[c] > 0 ? sum[c] : sum[c] * e->slope;
	if (left >= NARROW)
		*(quad *)(g->out + at) = sum;
	else
		for (int64_t c = 0; c < g->oc; c++)
			g->out[at + c] = sum[c];
}

/* Taps of output position h along one axis of n inputs: [*lo, *hi) in steps of s. */
static void taps_at(int64_t h, int64_t pad, int k, int s, int64_t n, int64_t *lo, int64_t *hi)
{
	int64_t p = h + pad, first = p - s * (n - 1);        /* tap of the last input */
	int64_t k0 = (p % s + s) % s;
	*lo = first > k0 ? first : k0;
	*hi = MIN(k, p + 1);
}

/* For each output column: offset of its first tap in a row of t, and the number of its taps. */
static void columns_of(const narrow *g, int64_t *start, int64_t *taps)
{
	for (int64_t v = 0; v < g->ow; v++) {
		int64_t lo, hi;
		taps_at(v, g->left, g->kw, g->sw, g->iw, &lo, &hi);
		taps[v] = hi > lo ? (hi - lo + g->sw - 1) / g->sw : 0;
		start[v] = taps[v] ? (v + g->left - lo) / g->sw * g->wide + lo * g->oc : 0;
	}
}

/* sum: of taps of `rows` rows that lie `up` apart, `step` from tap to tap. Not returned: four doubles are a vector that
 * the base level has no register for. */
INLINE void sum_taps(const real *p, int64_t rows, int64_t up, int64_t taps, int64_t step, quad *sum)
{
	*sum = (quad){0};
	for (int64_t i = 0; i < rows; i++)
		for (int64_t n = 0; n < taps; n++)
			*sum += *(const quad *)(p + i * up + n * step);
}

/* Row h of image b from t, which begins at input row `first`. Per column the next tap lies one pixel
 * of t back and sw taps on. */
static void fold_row(const narrow *g, int64_t b, int64_t h, int64_t first, const int64_t *start,
		     const int64_t *taps, const real *t)
{
	const int64_t step = g->sw * g->oc - g->wide, down = g->kw * g->oc, row = g->iw * g->wide;
	const int64_t up = g->sh * down - row;
	int64_t lo, hi;
	taps_at(h, g->top, g->kh, g->sh, g->ih, &lo, &hi);
	const int64_t rows = hi > lo ? (hi - lo + g->sh - 1) / g->sh : 0;
	const real *from = rows ? t + ((h + g->top - lo) / g->sh - first) * row + lo * down : t;
	const int64_t end = (b * g->oh + h + 1) * g->ow * g->oc;
	for (int64_t v = 0, at = end - g->ow * g->oc; v < g->ow; v++, at += g->oc) {
		const real *p = from + start[v];
		quad sum;
		if (rows == 3 && taps[v] == 3)
			sum_taps(p, 3, up, 3, step, &sum);
		else
			sum_taps(p, rows, up, taps[v], step, &sum);
		finish(g, at, sum, end - at);
	}
}

static void narrow_item(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const narrow *g = ctx;
	int64_t *lists = (int64_t *)(g->work + worker * g->work_size);
	int64_t *start = lists + 2 * g->rows_in * g->iw, *taps = start + g->ow;
	real *t = g->work + worker * g->work_size + g->lists_size;
	columns_of(g, start, taps);
	for (int64_t i = lo; i < hi; i++) {
		int64_t b = i / g->bands, h0 = i % g->bands * g->rows, h1 = MIN(h0 + g->rows, g->oh);
		int64_t low = h0 + g->top - (g->kh - 1);
		int64_t first = low > 0 ? MIN(g->ih - 1, low / g->sh) : 0;
		int64_t last = MIN(g->ih - 1, MAX(0, (h1 - 1 + g->top) / g->sh));
		multiply(g, b, first, MAX(0, last - first) + 1, lists, t);
		for (int64_t h = h0; h < h1; h++)
			fold_row(g, b, h, first, start, taps, t);
	}
}

void conv_narrow(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *in, const real *w,
		 epilogue e, real *out, void *scratch)
{
	narrow g = narrow_of(k, s, adjoint);
	g.in = in;
	g.out = out;
	g.e = e;
	g.packed = w;
	g.work = scratch;
	parallel_for(g.b * g.bands, 1, narrow_item, &g);
}
