/* attention_block.c - passes over a block of scores that lies in cache. */
#include "core/kernels/attention_block.h"

#include "core/base/clones.h"
#include "core/base/local.h"

enum { LANES = 16 };                                 /* sums of a row side by side, the same at every level */

void pack_transposed(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed)
{
	tile_pack(t, x, 1, w, w, n, w, 0, packed);
}

void pack_plain(const tile_kernels *t, const real *x, int64_t n, int64_t w, real *packed)
{
	tile_pack(t, x, w, 1, n, w, n, 0, packed);
}

static inline real row_sum(const real *s, int64_t n)
{
	real lane[LANES] = {0};
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] += s[i + k];
	for (int k = 0; i + k < n; k++)
		lane[k] += s[i + k];
	return fold_lanes(lane, LANES);
}

CLONES(block_add_positions, (real *s, int64_t lds, int64_t rows, int64_t n, int64_t m, const attention_sizes *z,
	const real *x, int64_t ld),
	(s, lds, rows, n, m, z, x, ld))
{
	for (int64_t r = 0; r < rows; r++, s += lds, x += ld)
		for (int64_t k = 0; k < n;) {
			const int64_t i = (m + k) / z->cols, j = (m + k) % z->cols, run = MIN(z->cols - j, n - k);
			const real *column = x + z->rows + j, row = x[i];
			for (int64_t end = k + run; k < end; k++, column++)
				s[k] += row + *column;
		}
}

CLONES(block_sum_positions, (const real *restrict s, int64_t lds, int64_t rows, int64_t n, int64_t m,
	const attention_sizes *z, real *restrict x, int64_t ld),
	(s, lds, rows, n, m, z, x, ld))
{
	for (int64_t r = 0; r < rows; r++, s += lds, x += ld)
		for (int64_t k = 0; k < n;) {
			const int64_t i = (m + k) / z->cols, j = (m + k) % z->cols, run = MIN(z->cols - j, n - k);
			real *column = x + z->rows + j;
			for (int64_t t = 0; t < run; t++)
				column[t] += s[k + t];
			x[i] += row_sum(s + k, run);
			k += run;
		}
}

CLONES(block_second, (real *restrict u, real *restrict w, real *restrict e, const real *restrict p,
	int64_t lds, int64_t rows, int64_t n, real scale, const real *delta, real *lse, real *delta_out),
	(u, w, e, p, lds, rows, n, scale, delta, lse, delta_out))
{
	for (int64_t r = 0; r < rows; r++, u += lds, w += lds, e += lds, p += lds) {
		const real less = delta[r];
		for (int64_t i = 0; i < n; i++) {
			const real D = u[i] - less, y = scale * p[i] * w[i];
			e[i] = p[i] * (scale * w[i] * D + e[i]);
			u[i] = p[i] * D;
			w[i] = y;
		}
		lse[r] -= row_sum(e, n);
		delta_out[r] -= row_sum(w, n);
	}
}
