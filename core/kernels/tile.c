/* tile.c - register tiles in GCC vector types, compiled once per instruction-set level.
 *
 * The Makefile sets TILE_LEVEL and the -march of the level, and -ffp-contract=fast, so that a*b + c
 * becomes one FMA where the level has it. P pixels (or rows) times N vectors of channels stay in
 * registers; per term of the sum there are N vector loads and P broadcasts for P*N FMAs. */
#include "core/kernels/tile.h"

#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "core/base/vecmath_exp.h"

#ifdef __AVX512F__
enum { BYTES = 64, PIXELS = 8, WIDE = 2, ROWS = 12, FLAT = 4 };
#elif defined(__AVX2__)
enum { BYTES = 32, PIXELS = 6, WIDE = 2, ROWS = 6, FLAT = 3 };
#else
enum { BYTES = 16, PIXELS = 6, WIDE = 2, ROWS = 6, FLAT = 3 };
#endif
enum { VEC = BYTES / (int)sizeof(real), SUMS = ROWS * WIDE };

typedef real vec __attribute__((vector_size(BYTES)));
typedef real vec_any __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

typedef __typeof__((vec){0} > (vec){0}) mask;

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

/* v > 0 ? v : slope * v, by masks: C has no ?: on vectors. */
INLINE vec leaky(vec v, real slope)
{
	mask positive = v > 0;
	return (vec)(((mask)v & positive) | ((mask)(v * slope) & ~positive));
}

/* The first `left` lanes of a vector of results: the end of the channels. Lane by lane it took a third of a product
 * with 36 columns, so the masks of AVX-512 are worth their intrinsics. */
#ifdef __AVX512F__
#ifdef REAL_DOUBLE
#define LOAD_SOME(left, x) ((vec)_mm512_maskz_loadu_pd((__mmask8)((1u << (left)) - 1), x))
#define STORE_SOME(left, y, v) _mm512_mask_storeu_pd(y, (__mmask8)((1u << (left)) - 1), (__m512d)(v))
#else
#define LOAD_SOME(left, x) ((vec)_mm512_maskz_loadu_ps((__mmask16)((1u << (left)) - 1), x))
#define STORE_SOME(left, y, v) _mm512_mask_storeu_ps(y, (__mmask16)((1u << (left)) - 1), (__m512)(v))
#endif
INLINE void store_some(const epilogue *e, vec v, real *y, const real *residual, const real *bias, int left)
{
	if (left <= 0)
		return;
	if (bias)
		v += LOAD_SOME(left, bias);
	if (residual)
		v += LOAD_SOME(left, residual);
	if (e->act)
		v = leaky(v, e->slope);
	STORE_SOME(left, y, v);
}
#else
static __attribute__((noinline)) void store_some(const epilogue *e, vec v, real *y,
						 const real *residual, const real *bias, int left)
{
	for (int i = 0; i < left; i++) {
		real s = v[i];
		if (bias)
			s += bias[i];
		if (residual)
			s += residual[i];
		y[i] = e->act && !(s > 0) ? s * e->slope : s;
	}
}
#endif

/* One vector of results at y; `left` channels are there from y on. */
INLINE void store(const epilogue *e, vec v, real *y, const real *residual, const real *bias,
		  int64_t left)
{
	if (left < VEC) {
		store_some(e, v, y, residual, bias, (int)left);
		return;
	}
	if (bias)
		v += *(const vec_any *)bias;
	if (residual)
		v += *(const vec_any *)residual;
	if (e->act)
		v = leaky(v, e->slope);
	*(vec_any *)y = v;
}

/* P pixels times N vectors of channels; `valid` of the pixels are stored, the rest repeat one. */
INLINE void conv_tile(const int P, const int N, const tile_conv *t, const real *w,
		      const int64_t *in, const int64_t *out, int valid, int64_t o)
{
	vec acc[PIXELS][WIDE];
	UNROLL for (int p = 0; p < P; p++)
		UNROLL for (int n = 0; n < N; n++)
			acc[p][n] = (vec){0};
	for (int r = 0; r < t->nrun; r++) {
		const real *x[PIXELS];
		UNROLL for (int p = 0; p < P; p++)
			x[p] = t->x + in[p] + t->run[r];
		for (int64_t i = 0; i < t->len; i++, w += N * VEC) {
			vec wv[WIDE];
			UNROLL for (int n = 0; n < N; n++)
				wv[n] = *(const vec *)(w + n * VEC);
			UNROLL for (int p = 0; p < P; p++)
				UNROLL for (int n = 0; n < N; n++)
					acc[p][n] += wv[n] * x[p][i];
		}
	}
	UNROLL for (int p = 0; p < P; p++) {
		if (p >= valid)
			break;
		UNROLL for (int n = 0; n < N; n++) {
			int64_t c = o + n * VEC, at = out[p] + c;
			store(&t->e, acc[p][n], t->y + at, t->e.residual ? t->e.residual + at : NULL,
			      t->e.bias ? t->e.bias + c : NULL, t->cout - c);
		}
	}
}

/* Calls for the pixels from p on, rows of a matrix product that nobody has read yet: a tile reads so many rows at a
 * time, and so little of each, that the processor does not foresee the next ones. */
INLINE void call_for(const tile_conv *t, int64_t p)
{
	enum { LINE = 64 / (int)sizeof(real) };
	for (int64_t end = p + PIXELS <= t->npix ? p + PIXELS : t->npix; p < end; p++)
		for (int64_t i = 0; i < t->len; i += LINE)
			__builtin_prefetch(t->x + t->in[p] + i, 0, 3);
}

/* All pixels of one block of N vectors of channels that begins at channel o. */
INLINE void conv_block(const int N, const tile_conv *t, const real *w, int64_t o)
{
	int64_t p = 0;
	for (; p + PIXELS <= t->npix; p += PIXELS) {
		if (o == 0 && t->nrun == 1)
			call_for(t, p + PIXELS);
		conv_tile(PIXELS, N, t, w, t->in + p, t->out + p, PIXELS, o);
	}
	if (p == t->npix)
		return;
	int64_t in[PIXELS], out[PIXELS];
	for (int i = 0; i < PIXELS; i++) {
		int64_t q = p + i < t->npix ? p + i : p;
		in[i] = t->in[q];
		out[i] = t->out[q];
	}
	const int left = (int)(t->npix - p);
	if (left == 1)
		conv_tile(1, N, t, w, in, out, left, o);
	else if (left <= PIXELS / 2)
		conv_tile(PIXELS / 2, N, t, w, in, out, left, o);
	else
		conv_tile(PIXELS, N, t, w, in, out, left, o);
}

static void conv(const tile_conv *t)
{
	int64_t terms = t->nrun * t->len;
	for (int64_t o = 0; o < t->cout; o += WIDE * VEC) {
		const real *w = t->w + o * terms;
		if (t->cout - o > VEC)
			conv_block(WIDE, t, w, o);
		else
			conv_block(1, t, w, o);
	}
}

/* z += the first `left` lanes of v. */
#ifdef __AVX512F__
INLINE void add_some(vec v, real *z, int left)
{
	if (left > 0)
		STORE_SOME(left, z, LOAD_SOME(left, z) + v);
}
#else
static __attribute__((noinline)) void add_some(vec v, real *z, int left)
{
	for (int i = 0; i < left; i++)
		z[i] += v[i];
}
#endif

/* R rows times N vectors of channels, over all positions. */
INLINE void outer_tile(const int R, const int N, const tile_outer *t, int64_t r0, int64_t o)
{
	vec acc[SUMS];
	UNROLL for (int i = 0; i < R * N; i++)
		acc[i] = (vec){0};
	const int64_t xs = t->x_step[2], ys = t->dy_step[2];
	for (int64_t b = 0; b < t->size[0]; b++) {
		for (int64_t i = 0; i < t->size[1]; i++) {
			const real *x = t->x + b * t->x_step[0] + i * t->x_step[1] + r0;
			const real *dy = t->dy + b * t->dy_step[0] + i * t->dy_step[1] + o;
			for (int64_t j = t->size[2]; j > 0; j--, x += xs, dy += ys) {
				vec yv[FLAT];
				UNROLL for (int n = 0; n < N; n++)
					yv[n] = *(const vec_any *)(dy + n * VEC);
				UNROLL for (int r = 0; r < R; r++)
					UNROLL for (int n = 0; n < N; n++)
						acc[r * N + n] += yv[n] * x[r];
			}
		}
	}
	UNROLL for (int r = 0; r < R; r++) {
		UNROLL for (int n = 0; n < N; n++) {
			real *z = t->z + (r0 + r) * t->ld + o + n * VEC;
			int64_t left = t->cout - o - n * VEC;
			if (left >= VEC)
				*(vec_any *)z += acc[r * N + n];
			else
				add_some(acc[r * N + n], z, (int)left);
		}
	}
}

/* The last rows from r on, fewer than 4. */
INLINE void outer_few(const int N, const tile_outer *t, int64_t r, int64_t o)
{
	int64_t left = t->rows - r;
	if (left == 3)
		outer_tile(3, N, t, r, o);
	else if (left == 2)
		outer_tile(2, N, t, r, o);
	else if (left == 1)
		outer_tile(1, N, t, r, o);
}

/* All rows of one block of channels: full tiles, then what is left. */
INLINE void outer_block(const int N, const tile_outer *t, int64_t o)
{
	int64_t r = 0;
	for (; r + ROWS <= t->rows; r += ROWS)
		outer_tile(ROWS, N, t, r, o);
	if (ROWS > 9 && t->rows - r == 9) {          /* 3x3 taps of one channel, 3 taps of a colour */
		outer_tile(ROWS > 9 ? 9 : 1, N, t, r, o);
		return;
	}
	if (ROWS > 8 && t->rows - r >= 8) {
		outer_tile(ROWS > 8 ? 8 : 1, N, t, r, o);
		r += 8;
	}
	if (t->rows - r >= 4) {
		outer_tile(4, N, t, r, o);
		r += 4;
	}
	outer_few(N, t, r, o);
}

static void outer(const tile_outer *t)
{
	int64_t o = 0;
	for (; t->rows < 4 && t->cout - o > (FLAT - 1) * VEC; o += FLAT * VEC)
		outer_few(FLAT, t, 0, o);
	for (; t->cout - o > VEC; o += WIDE * VEC)
		outer_block(WIDE, t, o);
	if (o < t->cout)
		outer_block(1, t, o);
}

/* ---- softmax: passes over s [rows,n] ---- */

enum { LANES = 16 };                                 /* sums and maxima of a row, the same at every level */

typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));
typedef real lanes_any __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef __typeof__((lanes){0} > (lanes){0}) lane_mask;

/* The largest of scale s[i] and `most`. */
static real row_top(const real *s, int64_t n, real scale, real most)
{
	lanes top = (lanes){0} + most;
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES) {
		const lanes v = scale * *(const lanes_any *)(s + i);
		const lane_mask above = v > top;
		top = (lanes)(((lane_mask)v & above) | ((lane_mask)top & ~above));
	}
	for (; i < n; i++)
		most = scale * s[i] > most ? scale * s[i] : most;
	for (int k = 0; k < LANES; k++)
		most = top[k] > most ? top[k] : most;
	return most;
}

static real row_sum(const real *s, int64_t n)
{
	lanes sum = {0};
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		sum += *(const lanes_any *)(s + i);
	for (int k = 0; i + k < n; k++)
		sum[k] += s[i + k];
	real half[LANES / 2];
	for (int k = 0; k < LANES / 2; k++)
		half[k] = sum[k] + sum[k + LANES / 2];
	return ((half[0] + half[4]) + (half[2] + half[6])) + ((half[1] + half[5]) + (half[3] + half[7]));
}

static void row_exp(real *s, int64_t n, real scale, real down)
{
#pragma GCC ivdep
	for (int64_t i = 0; i < n; i++)
		s[i] = exp_normal(scale * s[i] - down);
}

static void exp_below(real *s, int64_t rows, int64_t n, real scale, const real *old, real *top, real *sum)
{
	for (int64_t r = 0; r < rows; r++, s += n) {
		top[r] = row_top(s, n, scale, old[r]);
		row_exp(s, n, scale, top[r]);
		sum[r] = row_sum(s, n);
	}
}

static void exp_shifted(real *s, int64_t rows, int64_t n, real scale, const real *shift)
{
	for (int64_t r = 0; r < rows; r++, s += n)
		row_exp(s, n, scale, shift[r]);
}

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

const tile_kernels PASTE(tile_kernels_, TILE_LEVEL) = {
	.name = TEXT(TILE_LEVEL), .vec = VEC, .block = WIDE * VEC, .conv = conv, .outer = outer,
	.exp_below = exp_below, .exp_shifted = exp_shifted,
};
