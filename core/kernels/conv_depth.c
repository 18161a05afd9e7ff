/* conv_depth.c - depthwise convolution and its adjoints: every input channel has its own kernels.
 *
 * With a channel multiplier m, output channel c*m + i belongs to input channel c; rows of the input
 * are widened to cin*m channels (each repeated m times), and narrowed by sums for the adjoint. After
 * that everything is y[j][c] += a[j][c] * b[j][c] over the pixels of a row. Forward, few channels would leave vectors
 * half empty: kernels are repeated for all pixels of a row, which then is one long sum. */
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/conv_internal.h"
#include "core/base/clones.h"
#include "core/base/thread.h"

enum {
	DEPTH_CHUNKS = 16,                           /* partial sums of dw: some for each thread of a small machine.
	                                              * They are added in order: part of what dw is, to the last bits */
	FEW = 64                                     /* channels below which kernels are repeated: 7x7 on [16,14,14,18]
	                                              * takes 0.20 ms instead of 0.28. The same bits */
};

typedef struct depth {
	conv_shape s;
	int64_t m;                                   /* channel multiplier */
	const real *x, *w, *dy;
	const real *repeated;                        /* w for a row of pixels, [kh,kw,scratch_piece(wo*cout)], or
	                                              * NULL */
	real *out, *work;
	epilogue e;
	int64_t chunks;
} depth;

bool conv_is_depthwise(const conv_shape *s)
{
	return s->groups > 1 && s->groups == s->cin;
}

/* y[j*ys + i] += a[j*as + i] * b[j*bs + i] for j < n, i < c; a step of 0 repeats or adds up. */
static CLONES(row_fma, (real *restrict y, int64_t ys, const real *restrict a, int64_t as,
	const real *restrict b, int64_t bs, int64_t n, int64_t c),
	(y, ys, a, as, b, bs, n, c))
{
	for (int64_t j = 0; j < n; j++, y += ys, a += as, b += bs)
		for (int64_t i = 0; i < c; i++)
			y[i] += a[i] * b[i];
}

/* A row of the image with every channel m times: the row itself, or a copy in `work`. */
static const real *wide_row(const depth *d, const real *row, real *work)
{
	if (d->m == 1)
		return row;
	for (int64_t i = 0, n = d->s.w * d->s.cin; i < n; i++)
		for (int64_t k = 0; k < d->m; k++)
			work[i * d->m + k] = row[i];
	return work;
}

/* Output columns [lo,hi) whose tap kx lies inside the image. */
static int64_t column_lo(const conv_shape *s, int kx)
{
	return MAX(0, (s->left - kx + s->sw - 1) / s->sw);
}

static int64_t column_hi(const conv_shape *s, int kx)
{
	int64_t last = s->w - 1 + s->left - kx;
	return last < 0 ? 0 : MIN(s->wo, last / s->sw + 1);
}

/* act(y + bias + residual) of n pixels of c channels; bias and residual may be NULL. */
static CLONES(finish_pixels, (real *restrict y, const real *restrict bias, const real *restrict residual,
	bool act, real slope, int64_t n, int64_t c),
	(y, bias, residual, act, slope, n, c))
{
	for (int64_t j = 0; bias && j < n; j++)
		for (int64_t i = 0; i < c; i++)
			y[j * c + i] += bias[i];
	for (int64_t i = 0; residual && i < n * c; i++)
		y[i] += residual[i];
	for (int64_t i = 0; act && i < n * c; i++)
		y[i] = y[i] > 0 ? y[i] : y[i] * slope;
}

static void finish_row(const depth *d, int64_t row)
{
	const int64_t c = d->s.cout, at = row * d->s.wo * c;
	finish_pixels(d->out + at, d->e.bias, d->e.residual ? d->e.residual + at : NULL, d->e.act, d->e.slope,
		      d->s.wo, c);
}

static bool is_repeated(const conv_shape *s)
{
	return s->sw == 1 && s->cout == s->cin && s->cout < FEW;
}

/* Elements of the repeated kernels. */
static int64_t repeated_size(const conv_shape *s)
{
	return is_repeated(s) ? s->kh * s->kw * scratch_piece(s->wo * s->cout) : 0;
}

static void repeat_kernels(depth *d, const real *w, real *to)
{
	const conv_shape *s = &d->s;
	d->repeated = to;
	for (int tap = 0; tap < s->kh * s->kw; tap++, w += s->cout, to += scratch_piece(s->wo * s->cout))
		for (int64_t j = 0; j < s->wo; j++)
			memcpy(to + j * s->cout, w, (size_t)s->cout * sizeof *to);
}

/* Output rows: row_fma on the pixels where a tap lies inside the image. */
static void forward_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const depth *d = ctx;
	const conv_shape *s = &d->s;
	const int64_t c = s->cout;
	real *work = d->work + worker * scratch_piece(s->w * c);
	for (int64_t row = lo; row < hi; row++) {
		int64_t b = row / s->ho, i = row % s->ho;
		real *sum = d->out + row * s->wo * c;
		memset(sum, 0, (size_t)(s->wo * c) * sizeof(real));
		for (int ky = 0; ky < s->kh; ky++) {
			int64_t h = i * s->sh - s->top + ky;
			if (h < 0 || h >= s->h)
				continue;
			const real *x = wide_row(d, d->x + (b * s->h + h) * s->w * s->cin, work);
			for (int kx = 0; kx < s->kw; kx++) {
				int64_t j = column_lo(s, kx), n = column_hi(s, kx) - j;
				const real *from = x + (j * s->sw - s->left + kx) * c;
				const int64_t tap = ky * s->kw + kx;
				if (d->repeated)
					row_fma(sum + j * c, 0, from, 0,
						d->repeated + tap * scratch_piece(s->wo * c), 0, 1, n * c);
				else
					row_fma(sum + j * c, c, from, s->sw * c, d->w + tap * c, 0, n, c);
			}
		}
		if (d->e.bias || d->e.residual || d->e.act)
			finish_row(d, row);
	}
}

static void dx_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const depth *d = ctx;
	const conv_shape *s = &d->s;
	const int64_t c = s->cout;
	real *work = d->work + worker * scratch_piece(s->w * c);
	for (int64_t row = lo; row < hi; row++) {
		int64_t b = row / s->h, h = row % s->h;
		real *out = d->out + row * s->w * s->cin, *sum = d->m == 1 ? out : work;
		memset(sum, 0, (size_t)(s->w * c) * sizeof(real));
		for (int ky = 0; ky < s->kh; ky++) {
			int64_t i = (h + s->top - ky) / s->sh;
			if (h + s->top < ky || (h + s->top - ky) % s->sh || i >= s->ho)
				continue;
			const real *dy = d->dy + (b * s->ho + i) * s->wo * c;
			for (int kx = 0; kx < s->kw; kx++) {
				int64_t j = column_lo(s, kx), n = column_hi(s, kx) - j;
				row_fma(sum + (j * s->sw - s->left + kx) * c, s->sw * c, dy + j * c, c,
					d->w + (ky * s->kw + kx) * c, 0, n, c);
			}
		}
		for (int64_t i = 0; d->m > 1 && i < s->w * s->cin; i++) {
			out[i] = 0;
			for (int64_t k = 0; k < d->m; k++)
				out[i] += sum[i * d->m + k];
		}
	}
}

/* Chunk k of the output rows, into a partial sum of its own. */
static void dw_chunks(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const depth *d = ctx;
	const conv_shape *s = &d->s;
	const int64_t c = s->cout, size = s->kh * s->kw * c, rows = s->b * s->ho;
	real *work = d->work + d->chunks * scratch_piece(size) + worker * scratch_piece(s->w * c);
	for (int64_t k = lo; k < hi; k++) {
		real *sum = d->work + k * scratch_piece(size);
		memset(sum, 0, (size_t)size * sizeof(real));
		for (int64_t row = k * rows / d->chunks; row < (k + 1) * rows / d->chunks; row++) {
			const real *dy = d->dy + row * s->wo * c;
			for (int ky = 0; ky < s->kh; ky++) {
				int64_t h = row % s->ho * s->sh - s->top + ky;
				if (h < 0 || h >= s->h)
					continue;
				const real *x = wide_row(
					d, d->x + (row / s->ho * s->h + h) * s->w * s->cin, work);
				for (int kx = 0; kx < s->kw; kx++) {
					int64_t j = column_lo(s, kx), n = column_hi(s, kx) - j;
					row_fma(sum + (ky * s->kw + kx) * c, 0,
						x + (j * s->sw - s->left + kx) * c, s->sw * c,
						dy + j * c, c, n, c);
				}
			}
		}
	}
}

static depth depth_of(const conv_shape *s)
{
	return (depth){
		.s = *s, .m = s->cout / s->cin, .chunks = MIN(DEPTH_CHUNKS, s->b * s->ho),
	};
}

size_t conv_depth_scratch(const conv_shape *s)
{
	depth d = depth_of(s);
	int64_t sums = d.chunks * scratch_piece((int64_t)s->kh * s->kw * s->cout);
	return (size_t)(sums + repeated_size(s) + pool_threads() * scratch_piece(s->w * s->cout)) * sizeof(real);
}

/* Rows of about 16,000 products per chunk of work. */
static int64_t grain_of(const conv_shape *s)
{
	return MAX(1, (1 << 14) / (s->kh * s->kw * s->cout * s->wo));
}

void conv_depth_forward(const conv_shape *s, const real *x, const real *w, epilogue e, real *y,
			void *scratch)
{
	depth d = depth_of(s);
	d.x = x;
	d.w = w;
	d.e = e;
	d.out = y;
	d.work = (real *)scratch + repeated_size(s);
	if (is_repeated(s))
		repeat_kernels(&d, w, scratch);
	parallel_for(s->b * s->ho, grain_of(s), forward_rows, &d);
}

void conv_depth_dx(const conv_shape *s, const real *dy, const real *w, real *dx, void *scratch)
{
	depth d = depth_of(s);
	d.dy = dy;
	d.w = w;
	d.out = dx;
	d.work = scratch;
	parallel_for(s->b * s->h, grain_of(s), dx_rows, &d);
}

void conv_depth_dw(const conv_shape *s, const real *x, const real *dy, real *dw, void *scratch)
{
	depth d = depth_of(s);
	d.x = x;
	d.dy = dy;
	d.work = scratch;
	parallel_for(d.chunks, 1, dw_chunks, &d);
	const int64_t size = (int64_t)s->kh * s->kw * s->cout;
	memcpy(dw, d.work, (size_t)size * sizeof(real));
	for (int64_t k = 1; k < d.chunks; k++)
		for (int64_t i = 0; i < size; i++)
			dw[i] += d.work[k * scratch_piece(size) + i];
}
