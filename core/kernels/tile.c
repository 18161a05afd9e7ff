/* tile.c - register tiles in GCC vector types, compiled once per level (core/base/level.h).
 *
 * The Makefile sets TILE_LEVEL and the level's instruction set. P pixels (or rows) times N vectors of channels stay in
 * registers; per term of the sum there are N vector loads and P broadcasts for P*N FMAs. */
#include "core/kernels/tile.h"

#include <math.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/attention_tile.h"
#include "core/kernels/vectors.h"
#include "core/kernels/wino.h"

/* Of a tile: P = PIXELS or R = ROWS at most, N = WIDE vectors (FLAT where rows are fewer than 4). P*N or R*N sums, N
 * vectors that are loaded and one that is broadcast fit the registers: 32 at v4 and neon, 16 elsewhere. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { PIXELS = 8, WIDE = 2, ROWS = 12, FLAT = 4 };
#else
enum { PIXELS = 6, WIDE = 2, ROWS = 6, FLAT = 3 };
#endif
enum {
	SUMS = ROWS * WIDE,
	FLATTEST = 8                                 /* vectors of a tile of one row: each sum waits four cycles for
	                                              * itself, and there are two a cycle */
};

INLINE void ask_ahead(tile_ahead *a)
{
	for (int i = 0; a && i < a->n; i++)
		for (int line = 0; line < a->lines; line++, a->at[i] += 64)
			__builtin_prefetch(a->at[i], 0, 2);
}

/* Whether sums are stored as they are. */
INLINE bool plain(const epilogue *e)
{
	return !e->bias && !e->residual && !e->act;
}

/* Term i of the sums of P pixels, N vectors of channels each. */
INLINE void add_term(const int P, const int N, vec (*acc)[WIDE], const real *const *x, int64_t i, const real *w)
{
	vec wv[WIDE];
	UNROLL(32) for (int n = 0; n < N; n++)
		wv[n] = *(const vec *)(w + n * VEC);
	UNROLL(32) for (int p = 0; p < P; p++)
		UNROLL(32) for (int n = 0; n < N; n++)
			acc[p][n] = ADD_PRODUCT(acc[p][n], wv[n], x[p][i]);
}

/* P pixels times N vectors of channels; `valid` of the pixels are stored, the rest repeat one. Two terms a round: that
 * is 24 instructions for 12 products, not 26, which counts where another program runs on the other half of the core
 * (SMT). */
INLINE void conv_tile(const int P, const int N, const tile_conv *t, const real *w,
		      const int64_t *in, const int64_t *out, int valid, int64_t o)
{
	vec acc[PIXELS][WIDE];
	ask_ahead(t->ahead);
	UNROLL(32) for (int p = 0; p < P; p++)
		UNROLL(32) for (int n = 0; n < N; n++)
			acc[p][n] = (vec){0};
	for (int r = 0; r < t->nrun; r++) {
		const real *x[PIXELS];
		UNROLL(32) for (int p = 0; p < P; p++)
			x[p] = t->x + in[p] + t->run[r];
		if (t->w_run)
			w = t->w + t->w_run[r] + o * t->len;
		int64_t i = 0;
		for (; i + 2 <= t->len; i += 2, w += 2 * N * VEC) {
			add_term(P, N, acc, x, i, w);
			add_term(P, N, acc, x, i + 1, w + N * VEC);
		}
		if (i < t->len) {
			add_term(P, N, acc, x, i, w);
			w += N * VEC;
		}
	}
	if (valid == P && o + N * VEC <= t->cout && plain(&t->e)) {
		real *y = t->y + o;                  /* short sums, as those of Winograd's forms, feel the path below */
		UNROLL(32) for (int p = 0; p < P; p++)
			UNROLL(32) for (int n = 0; n < N; n++)
				*(vec_any *)(y + out[p] + n * VEC) = acc[p][n];
		return;
	}
	UNROLL(32) for (int p = 0; p < P; p++) {
		if (p >= valid)
			break;
		UNROLL(32) for (int n = 0; n < N; n++) {
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

/* Calls for the places of pixels from p on, channels from o on. */
INLINE void call_for_places(const tile_conv *t, int64_t p, int64_t o)
{
	for (int64_t end = p + PIXELS <= t->npix ? p + PIXELS : t->npix; p < end; p++) {
		__builtin_prefetch(t->y + t->out[p] + o, 1, 3);
		if (t->e.residual)
			__builtin_prefetch(t->e.residual + t->out[p] + o, 0, 3);
	}
}

/* All pixels of one block of N vectors of channels that begins at channel o. */
INLINE void conv_block(const int N, const tile_conv *t, const real *w, int64_t o)
{
	int64_t p = 0;
	for (; p + PIXELS <= t->npix; p += PIXELS) {
		if (o == 0 && t->nrun == 1)
			call_for(t, p + 2 * PIXELS);
		if (t->cold)
			call_for_places(t, p + 2 * PIXELS, o);
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

/* The sums of R rows, N vectors each, of which `left` channels are wanted. */
static __attribute__((noinline)) void store_sums(const tile_outer *t, const vec *sums, int R, int N, real *z,
						 int64_t left)
{
	for (int r = 0; r < R; r++, z += t->ld)
		for (int n = 0; n < N; n++) {
			const int k = (int)MIN(VEC, left - n * VEC);
			if (k <= 0)
				break;
			if (t->fresh)
				memset(z + n * VEC, 0, (size_t)k * sizeof *z);
			if (k == VEC)
				*(vec_any *)(z + n * VEC) += sums[r * N + n];
			else
				add_some(sums[r * N + n], z + n * VEC, k);
		}
}

/* One position of the sums of R rows, N vectors of channels each. */
INLINE void add_position(const int R, const int N, vec *acc, const real *x, const real *dy)
{
	vec yv[FLATTEST];
	UNROLL(32) for (int n = 0; n < N; n++)
		yv[n] = *(const vec_any *)(dy + n * VEC);
	UNROLL(32) for (int r = 0; r < R; r++)
		UNROLL(32) for (int n = 0; n < N; n++)
			acc[r * N + n] = ADD_PRODUCT(acc[r * N + n], yv[n], x[r]);
}

/* R rows times N vectors of channels, over all positions, two a round as above. */
INLINE void outer_tile(const int R, const int N, const tile_outer *t, int64_t r0, int64_t o)
{
	vec acc[SUMS];
	ask_ahead(t->ahead);
	UNROLL(32) for (int i = 0; i < R * N; i++)
		acc[i] = (vec){0};
	const int64_t xs = t->x_step[2], ys = t->dy_step[2];
	for (int64_t b = 0; b < t->size[0]; b++) {
		for (int64_t i = 0; i < t->size[1]; i++) {
			const real *x = t->x + b * t->x_step[0] + i * t->x_step[1] + r0;
			const real *dy = t->dy + b * t->dy_step[0] + i * t->dy_step[1] + o;
			int64_t j = t->size[2];
			for (; j >= 2; j -= 2, x += 2 * xs, dy += 2 * ys) {
				add_position(R, N, acc, x, dy);
				add_position(R, N, acc, x + xs, dy + ys);
			}
			if (j > 0)
				add_position(R, N, acc, x, dy);
		}
	}
	real *first = t->z + r0 * t->ld + o;
	const int64_t ld = t->ld;
	const bool whole = o + N * VEC <= t->cout;
	if (whole && t->fresh) {
		UNROLL(32) for (int r = 0; r < R; r++)
			UNROLL(32) for (int n = 0; n < N; n++)
				*(vec_any *)(first + r * ld + n * VEC) = acc[r * N + n];
		return;
	}
	if (whole) {
		UNROLL(32) for (int r = 0; r < R; r++)
			UNROLL(32) for (int n = 0; n < N; n++)
				*(vec_any *)(first + r * ld + n * VEC) += acc[r * N + n];
		return;
	}
	/* Through memory: GCC would keep sums that live across a call there, in the loop above, too. */
	vec sums[SUMS];
	UNROLL(32) for (int i = 0; i < R * N; i++)
		sums[i] = acc[i];
	store_sums(t, sums, R, N, first, t->cout - o);
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
	for (; t->rows == 1 && t->cout - o > (FLATTEST - 1) * VEC; o += FLATTEST * VEC)
		outer_tile(1, FLATTEST, t, 0, o);
	for (; t->rows < 4 && t->cout - o > (FLAT - 1) * VEC; o += FLAT * VEC)
		outer_few(FLAT, t, 0, o);
	for (; t->cout - o > VEC; o += WIDE * VEC)
		outer_block(WIDE, t, o);
	if (o < t->cout)
		outer_block(1, t, o);
}

/* ---- softmax: passes over s [rows,n] ---- */

/* Sums and maxima of a row, LANES side by side, are the same at every level: they lie in PARTS vectors of it. (A vector
 * type of 64 bytes would say so, too, but without such registers GCC 12 keeps it in memory: four times slower.) */
enum { LANES = 16, PARTS = LANES / VEC };

INLINE vec larger(vec a, vec b)
{
	const mask above = a > b;
	return (vec)(((mask)a & above) | ((mask)b & ~above));
}

/* The largest of scale s[i] and `most`. */
static real row_top(const real *s, int64_t n, real scale, real most)
{
	vec top[PARTS];
	UNROLL(8) for (int j = 0; j < PARTS; j++)
		top[j] = (vec){0} + most;
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		UNROLL(8) for (int j = 0; j < PARTS; j++)
			top[j] = larger(scale * *(const vec_any *)(s + i + j * VEC), top[j]);
	for (; i < n; i++)
		most = scale * s[i] > most ? scale * s[i] : most;
	UNROLL(8) for (int j = 1; j < PARTS; j++)
		top[0] = larger(top[j], top[0]);
	real lane[VEC];
	memcpy(lane, top, sizeof lane);
	for (int half = VEC / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			lane[k] = lane[k + half] > lane[k] ? lane[k + half] : lane[k];
	return lane[0] > most ? lane[0] : most;
}

/* The lanes are added as fold_lanes does: first those that lie LANES / 2 apart. */
static real row_sum(const real *s, int64_t n)
{
	vec sum[PARTS];
	UNROLL(8) for (int j = 0; j < PARTS; j++)
		sum[j] = (vec){0};
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		UNROLL(8) for (int j = 0; j < PARTS; j++)
			sum[j] += *(const vec_any *)(s + i + j * VEC);
	real lane[LANES] = {0};
	if (i < n) {
		memcpy(lane, s + i, (size_t)(n - i) * sizeof *lane);
		UNROLL(8) for (int j = 0; j < PARTS; j++)
			sum[j] += *(const vec_any *)(lane + j * VEC);
	}
	UNROLL(4) for (int half = PARTS / 2; half > 0; half /= 2)
		UNROLL(4) for (int j = 0; j < half; j++)
			sum[j] += sum[j + half];
	memcpy(lane, sum, sizeof sum[0]);
	return fold_lanes(lane, VEC);
}

/* 2^x with 0 below -126.5 and 2^127 above 127. Passes NaN. */
#ifdef REAL_DOUBLE
INLINE vec power(vec x)
{
	x = CLAMP(x, (vec){0} - 127, (vec){0} + 127);
	for (int i = 0; i < VEC; i++)
		x[i] = x[i] > -126.5 ? exp2(x[i]) : x[i] - x[i];
	return x;
}
#else
/* The polynomial is (2^f - 1) / f for |f| <= 1/2, made as those of vecmath.c: error 3e-9. */
INLINE vec power(vec x)
{
	typedef uint32_t bits __attribute__((vector_size(BYTES)));
	const float magic = 0x1.8p23f + 127;         /* added, it leaves x as a whole number in the low bits, and 127
	                                              * more: an exponent, where 0 makes the number 0 */
	const vec one = (vec){0} + 1;
	x = CLAMP(x, -127 * one, 127 * one);
	const vec t = x + magic, f = x - (t - magic), whole = (vec)((bits)t << 23);
	vec p = ADD_PRODUCT(0.0013390806f * one, f, 0.00015326471f);
	p = ADD_VECTORS(0.009618506f * one, f, p);
	p = ADD_VECTORS(0.0555036f * one, f, p);
	p = ADD_VECTORS(0.24022648f * one, f, p);
	p = ADD_VECTORS(0.6931472f * one, f, p);
	return ADD_VECTORS(whole, f * p, whole);
}
#endif

/* s = e^(scale s - down). The difference comes first: logits may be as large as a real can hold. */
static void row_exp(real *s, int64_t n, real scale, real down)
{
	const real log2_e = (real)1.44269504088896340736;
	const vec less = (vec){0} - down;
	int64_t i = 0;
	for (; i + VEC <= n; i += VEC)
		*(vec_any *)(s + i) = power(log2_e * ADD_PRODUCT(less, *(const vec_any *)(s + i), scale));
	if (i < n) {
		real last[VEC] = {0};
		memcpy(last, s + i, (size_t)(n - i) * sizeof *last);
		*(vec_any *)last = power(log2_e * ADD_PRODUCT(less, *(const vec_any *)last, scale));
		memcpy(s + i, last, (size_t)(n - i) * sizeof *last);
	}
}

static void exp_below(real *s, int64_t rows, int64_t n, int64_t ld, real scale, const real *old, real *top, real *sum)
{
	for (int64_t r = 0; r < rows; r++, s += ld) {
		top[r] = row_top(s, n, scale, old[r]);
		row_exp(s, n, scale, top[r]);
		sum[r] = row_sum(s, n);
	}
}

static void exp_shifted(real *s, int64_t rows, int64_t n, int64_t ld, real scale, const real *shift, real *sum)
{
	for (int64_t r = 0; r < rows; r++, s += ld) {
		row_exp(s, n, scale, shift[r]);
		if (sum)
			sum[r] = row_sum(s, n);
	}
}

/* ---- transposes ---- */

/* d[j*dj + l] = s[l*sl + j], a square of SIDE: rows are read and written whole, and exchanged in registers. Pairs of
 * rows exchange eighths, quarters, halves: then rows are columns. */
enum { SIDE = 8 };

typedef real row __attribute__((vector_size(SIDE * sizeof(real))));
typedef real row_any __attribute__((vector_size(SIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

/* Elements of a, and of b as 8..15, by number. GCC 11 has the older form only. */
#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#ifndef PICK
typedef __typeof__(__builtin_choose_expr(sizeof(real) == 8, (int64_t)0, (int32_t)0)) number;
typedef number numbers __attribute__((vector_size(sizeof(row))));
#define PICK(a, b, ...) __builtin_shuffle(a, b, (numbers){__VA_ARGS__})
#endif

INLINE void exchange_eighths(row *a, row *b)
{
	const row low = PICK(*a, *b, 0, 8, 2, 10, 4, 12, 6, 14);
	*b = PICK(*a, *b, 1, 9, 3, 11, 5, 13, 7, 15);
	*a = low;
}

INLINE void exchange_quarters(row *a, row *b)
{
	const row low = PICK(*a, *b, 0, 1, 8, 9, 4, 5, 12, 13);
	*b = PICK(*a, *b, 2, 3, 10, 11, 6, 7, 14, 15);
	*a = low;
}

INLINE void exchange_halves(row *a, row *b)
{
	const row low = PICK(*a, *b, 0, 1, 2, 3, 8, 9, 10, 11);
	*b = PICK(*a, *b, 4, 5, 6, 7, 12, 13, 14, 15);
	*a = low;
}

INLINE void transpose_square(real *d, int64_t dj, const real *s, int64_t sl)
{
	row r[SIDE];
	UNROLL(8) for (int i = 0; i < SIDE; i++)
		r[i] = *(const row_any *)(s + i * sl);
	UNROLL(4) for (int i = 0; i < SIDE; i += 2)
		exchange_eighths(&r[i], &r[i + 1]);
	UNROLL(4) for (int i = 0; i < SIDE / 2; i++)
		exchange_quarters(&r[i + i / 2 * 2], &r[i + i / 2 * 2 + 2]);
	UNROLL(4) for (int i = 0; i < SIDE / 2; i++)
		exchange_halves(&r[i], &r[i + 4]);
	UNROLL(8) for (int i = 0; i < SIDE; i++)
		*(row_any *)(d + i * dj) = r[i];
}

static void transpose(real *restrict d, int64_t dj, const real *restrict s, int64_t sl, int64_t nj, int64_t nl)
{
	const int64_t wj = nj / SIDE * SIDE, wl = nl / SIDE * SIDE;
	for (int64_t j = 0; j < wj; j += SIDE)
		for (int64_t l = 0; l < wl; l += SIDE)
			transpose_square(d + j * dj + l, dj, s + l * sl + j, sl);
	for (int64_t j = 0; j < nj; j++)
		for (int64_t l = j < wj ? wl : 0; l < nl; l++)
			d[j * dj + l] = s[l * sl + j];
}

/* ---- what a core can do ---- */

/* Each sum becomes itself times x plus c. Two units of latency 4 or 5 need 10 sums that do not wait for each other; 14,
 * x and c are the registers of v3. */
enum { SPIN = 14 };

static double spin(int64_t rounds, real *keep)
{
	const vec c = (vec){0} + (real)1;
	const real x = (real)0.5;
	vec sum[SPIN];
	UNROLL(32) for (int i = 0; i < SPIN; i++)
		sum[i] = c * (real)i;
	for (int64_t k = 0; k < rounds; k++)
		UNROLL(32) for (int i = 0; i < SPIN; i++)
			sum[i] = ADD_PRODUCT(c, sum[i], x);
	for (int i = 1; i < SPIN; i++)
		sum[0] += sum[i];
	*keep = sum[0][0];
	return 2.0 * SPIN * VEC * (double)rounds;
}

extern const wino_kernels PASTE(wino_kernels_, TILE_LEVEL)[WINO_FORMS];
extern const attention_tiles PASTE(attention_tiles_, TILE_LEVEL);

const tile_kernels PASTE(tile_kernels_, TILE_LEVEL) = {
	.wino = PASTE(wino_kernels_, TILE_LEVEL), .attention = &PASTE(attention_tiles_, TILE_LEVEL),
	.vec = VEC, .block = WIDE * VEC, .conv = conv, .outer = outer,
	.exp_below = exp_below, .exp_shifted = exp_shifted, .transpose = transpose, .spin = spin,
};
