/* attention_block.c - passes over a block of scores that lies in cache. */
#include "core/attention_block.h"

#include "core/clones.h"
#include "core/vecmath.h"

enum { LANES = 16 };                                 /* sums and maxima of a row, in this order always */

void pack_transposed(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed)
{
	tile_pack(t, x, 1, w, w, n, w, 0, packed);
}

void pack_plain(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed)
{
	tile_pack(t, x, w, 1, n, w, n, 0, packed);
}

static inline real fold_sum(const real *lane)
{
	real sum[LANES];
	for (int k = 0; k < LANES; k++)
		sum[k] = lane[k];
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			sum[k] += sum[k + half];
	return sum[0];
}

VECTOR_CLONES
static void scale_below(real *s, int64_t rows, int64_t n, real scale, const real *old, real *top)
{
	for (int64_t r = 0; r < rows; r++, s += n) {
		real lane[LANES], most = old[r];
		for (int k = 0; k < LANES; k++)
			lane[k] = most;
		int64_t i = 0;
		for (; i + LANES <= n; i += LANES)
			for (int k = 0; k < LANES; k++) {
				s[i + k] *= scale;
				lane[k] = s[i + k] > lane[k] ? s[i + k] : lane[k];
			}
		for (; i < n; i++) {
			s[i] *= scale;
			most = s[i] > most ? s[i] : most;
		}
		for (int k = 0; k < LANES; k++)
			most = lane[k] > most ? lane[k] : most;
		top[r] = most;
		for (i = 0; i < n; i++)
			s[i] -= most;
	}
}

void block_exp_below(real *s, int64_t rows, int64_t n, real scale, const real *old, real *top)
{
	scale_below(s, rows, n, scale, old, top);
	vec_exp(s, s, rows * n);
}

VECTOR_CLONES
static void scale_shift(real *s, int64_t rows, int64_t n, real scale, const real *shift)
{
	for (int64_t r = 0; r < rows; r++, s += n) {
		const real down = shift[r];
		for (int64_t i = 0; i < n; i++)
			s[i] = scale * s[i] - down;
	}
}

void block_exp_shifted(real *s, int64_t rows, int64_t n, real scale, const real *shift)
{
	scale_shift(s, rows, n, scale, shift);
	vec_exp(s, s, rows * n);
}

VECTOR_CLONES
void block_add_sums(const real *s, int64_t rows, int64_t n, real *sum)
{
	for (int64_t r = 0; r < rows; r++, s += n) {
		real lane[LANES] = {0};
		int64_t i = 0;
		for (; i + LANES <= n; i += LANES)
			for (int k = 0; k < LANES; k++)
				lane[k] += s[i + k];
		for (int k = 0; i + k < n; k++)
			lane[k] += s[i + k];
		sum[r] += fold_sum(lane);
	}
}

VECTOR_CLONES
void block_weigh(real *restrict d, const real *restrict p, int64_t rows, int64_t n, real scale, const real *delta)
{
	for (int64_t r = 0; r < rows; r++, d += n, p += n) {
		const real less = delta[r];
		for (int64_t i = 0; i < n; i++)
			d[i] = scale * p[i] * (d[i] - less);
	}
}

VECTOR_CLONES
void block_second(real *restrict u, real *restrict w, real *restrict e, const real *restrict p, int64_t rows,
		  int64_t n, real scale, const real *delta, real *lse, real *delta_out)
{
	for (int64_t r = 0; r < rows; r++, u += n, w += n, e += n, p += n) {
		const real less = delta[r];
		real z_sum[LANES] = {0}, y_sum[LANES] = {0};
		for (int64_t i = 0; i < n; i++) {
			const real D = u[i] - less, y = scale * p[i] * w[i];
			e[i] = p[i] * (scale * w[i] * D + e[i]);
			u[i] = scale * p[i] * D;
			w[i] = y;
		}
		int64_t i = 0;
		for (; i + LANES <= n; i += LANES)
			for (int k = 0; k < LANES; k++) {
				z_sum[k] += e[i + k];
				y_sum[k] += w[i + k];
			}
		for (int k = 0; i + k < n; k++) {
			z_sum[k] += e[i + k];
			y_sum[k] += w[i + k];
		}
		lse[r] -= fold_sum(z_sum);
		delta_out[r] -= fold_sum(y_sum);
		for (i = 0; i < n; i++)
			e[i] *= scale;
	}
}
