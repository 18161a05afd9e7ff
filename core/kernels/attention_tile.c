/* attention_tile.c - register tiles for blocks of scores, in GCC vector types, compiled once per level.
 *
 * R rows times N vectors of columns stay in registers. Where one vector is all there is (8 channels of queries and
 * keys), twice as many rows are taken, so that as many sums run side by side. */
#include "core/kernels/attention_tile.h"

#include "core/kernels/vectors.h"

/* Rows of the tallest tiles: 12 sums and what they are made of fit 16 registers, 24 fit 32. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { TALL = 12, WIDE = 2, SLIM = 12 };
#else
enum { TALL = 6, WIDE = 2, SLIM = 12 };
#endif
enum { SUMS = 24, AHEAD = 16 };                       /* terms */

typedef enum what { STORE, ADD, WEIGH } what;

/* One vector of sums at row r, column o. */
INLINE void put(const what todo, const block_rows *b, vec sum, int64_t r, int64_t o)
{
	real *y = b->y + r * b->ldy + o;
	if (todo == WEIGH)
		sum = *(const vec_any *)(b->p + r * b->ldy + o) * (sum - b->less[r]);
	if (todo == ADD && b->n - o < VEC)
		add_some(sum, y, (int)(b->n - o));
	else if (todo == ADD)
		*(vec_any *)y += sum;
	else
		*(vec_any *)y = sum;
}

/* R rows times N vectors at row r, column o. What comes next in b is called for: strips of it drive each other out of
 * the first cache (24 x 256 times 256 x 32: 75 % of the peak without, 93 % with). */
INLINE void rows_tile(const int R, const int N, const what todo, const block_rows *b, const real *w, int64_t r,
		      int64_t o)
{
	vec sum[SUMS];
	const real *x = b->x + r * b->ldx;
	const int64_t ld = b->ldx;
	UNROLL(32) for (int i = 0; i < R * N; i++)
		sum[i] = (vec){0};
	UNROLL(4) for (int64_t k = b->terms; k > 0; k--, x++, w += N * VEC) {
		vec wv[WIDE];
		__builtin_prefetch(w + AHEAD * N * VEC, 0, 3);
		UNROLL(32) for (int n = 0; n < N; n++)
			wv[n] = *(const vec *)(w + n * VEC);
		UNROLL(32) for (int i = 0; i < R; i++)
			UNROLL(32) for (int n = 0; n < N; n++)
				sum[i * N + n] = ADD_PRODUCT(sum[i * N + n], wv[n], x[i * ld]);
	}
	UNROLL(32) for (int i = 0; i < R; i++)
		UNROLL(32) for (int n = 0; n < N; n++)
			put(todo, b, sum[i * N + n], r + i, o + n * VEC);
}

/* All rows of N vectors of columns. */
INLINE void rows_strip(const int R, const int N, const what todo, const block_rows *b, int64_t o)
{
	const real *w = b->b + o * b->terms;
	int64_t r = 0;
	for (; r + R <= b->rows; r += R)
		rows_tile(R, N, todo, b, w, r, o);
	for (; r + 4 <= b->rows; r += 4)
		rows_tile(4, N, todo, b, w, r, o);
	for (; r < b->rows; r++)
		rows_tile(1, N, todo, b, w, r, o);
}

/* A copy of b, which no result can overwrite, stays in registers. */
INLINE void rows(const what todo, const block_rows *given)
{
	const block_rows b = *given;
	for (int64_t o = 0; o < b.n; o += WIDE * VEC)
		if (b.n - o > VEC)
			rows_strip(TALL, WIDE, todo, &b, o);
		else
			rows_strip(SLIM, 1, todo, &b, o);
}

static void store_rows(const block_rows *b)
{
	rows(STORE, b);
}

static void add_rows(const block_rows *b)
{
	rows(ADD, b);
}

static void weigh_rows(const block_rows *b)
{
	rows(WEIGH, b);
}

/* R columns of s times N vectors of x, over all rows. */
INLINE void columns_tile(const int R, const int N, const block_columns *b, int64_t r, int64_t o)
{
	vec sum[SUMS];
	const real *s = b->s + r, *x = b->x + o;
	UNROLL(32) for (int i = 0; i < R * N; i++)
		sum[i] = (vec){0};
	for (int64_t k = b->rows; k > 0; k--, s += b->lds, x += b->ldx) {
		vec xv[WIDE];
		UNROLL(32) for (int n = 0; n < N; n++)
			xv[n] = *(const vec_any *)(x + n * VEC);
		UNROLL(32) for (int i = 0; i < R; i++)
			UNROLL(32) for (int n = 0; n < N; n++)
				sum[i * N + n] = ADD_PRODUCT(sum[i * N + n], xv[n], s[i]);
	}
	real *z = b->z + r * b->w + o;
	UNROLL(32) for (int i = 0; i < R; i++)
		UNROLL(32) for (int n = 0; n < N; n++) {
			const int64_t left = b->w - o - n * VEC;
			if (left < VEC)
				add_some(sum[i * N + n], z + i * b->w + n * VEC, (int)left);
			else
				*(vec_any *)(z + i * b->w + n * VEC) += sum[i * N + n];
		}
}

INLINE void columns_strip(const int R, const int N, const block_columns *b, int64_t o)
{
	int64_t r = 0;
	for (; r + R <= b->n; r += R)
		columns_tile(R, N, b, r, o);
	for (; r + 4 <= b->n; r += 4)
		columns_tile(4, N, b, r, o);
	for (; r < b->n; r++)
		columns_tile(1, N, b, r, o);
}

static void columns(const block_columns *given)
{
	const block_columns b = *given;
	for (int64_t o = 0; o < b.w; o += WIDE * VEC)
		if (b.w - o > VEC)
			columns_strip(TALL, WIDE, &b, o);
		else
			columns_strip(SLIM, 1, &b, o);
}

extern const attention_tiles PASTE(attention_tiles_, TILE_LEVEL);

const attention_tiles PASTE(attention_tiles_, TILE_LEVEL) = {
	.store = store_rows, .add = add_rows, .weigh = weigh_rows, .columns = columns,
};
