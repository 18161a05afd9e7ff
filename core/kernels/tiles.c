/* tiles.c - the register tiles of each level, and the layouts around them (tile.h). */
#include "core/base/local.h"
#include "core/kernels/tile.h"

#include <string.h>

extern const tile_kernels tile_kernels_base;
#ifdef __x86_64__
extern const tile_kernels tile_kernels_v3, tile_kernels_v4;
#endif

const tile_kernels *tile_at(cpu_level l)
{
	static const tile_kernels *const table[LEVELS] = {
		[LEVEL_BASE] = &tile_kernels_base,
#ifdef __x86_64__
		[LEVEL_V3] = &tile_kernels_v3, [LEVEL_V4] = &tile_kernels_v4,
#endif
	};
	return level_has(l) ? table[l] : NULL;
}

const tile_kernels *tile_best(void)
{
	return tile_at(level_now());
}

int64_t tile_round(const tile_kernels *k, int64_t n)
{
	return (n + k->vec - 1) / k->vec * k->vec;
}

int64_t tile_packed_size(const tile_kernels *k, int64_t terms, int64_t cout)
{
	return terms * tile_round(k, cout);
}

/* Channels of the block that begins at o: a full one where more than one vector is left. */
static int64_t block_width(const tile_kernels *k, int64_t left)
{
	return left > k->vec ? k->block : k->vec;
}

void tile_pack(const tile_kernels *k, const real *w, int64_t row, int64_t col, int64_t n,
	       int64_t cout, int64_t terms, int64_t at, real *packed)
{
	for (int64_t o = 0; o < cout; o += k->block) {
		int64_t width = block_width(k, cout - o), have = MIN(width, cout - o);
		real *to = packed + o * terms + at * width;
		if (row == 1)
			k->transpose(to, width, w + o * col, col, n, have);
		for (int64_t i = 0; i < n; i++, to += width) {
			const real *from = w + i * row + o * col;
			if (col == 1)
				memcpy(to, from, (size_t)have * sizeof(real));
			else if (row != 1)
				for (int64_t j = 0; j < have; j++)
					to[j] = from[j * col];
			if (have < width)
				memset(to + have, 0, (size_t)(width - have) * sizeof(real));
		}
	}
}

enum { GEMM_ROWS = 128 };                            /* rows whose offsets are listed at a time: a block of attention
	                                              * has 96. On the stack; no result depends on it */

size_t tile_gemm_scratch(const tile_kernels *k, int64_t n, int64_t terms)
{
	return (size_t)tile_packed_size(k, terms, n) * sizeof(real);
}

/* Rows of A are pixels, B is packed like weights. */
void tile_gemm_packed(const tile_kernels *k, int64_t m, int64_t n, int64_t terms, const real *a, int64_t lda,
		      const real *packed, real *c, int64_t ldc, bool accumulate)
{
	int64_t in[GEMM_ROWS], out[GEMM_ROWS];
	for (int64_t i = 0; i < MIN(m, GEMM_ROWS); i++) {
		in[i] = i * lda;
		out[i] = i * ldc;
	}
	const int64_t run = 0;
	for (int64_t i = 0; i < m; i += GEMM_ROWS) {
		tile_conv t = {
			.x = a + i * lda, .in = in, .out = out, .npix = MIN(GEMM_ROWS, m - i), .run = &run,
			.nrun = 1, .len = terms, .w = packed, .y = c + i * ldc, .cout = n,
		};
		if (accumulate)
			t.e.residual = t.y;
		k->conv(&t);
	}
}

/* A as stored. */
static void gemm_rows(const tile_kernels *k, int64_t m, int64_t n, int64_t terms, tile_matrix a,
		      tile_matrix b, real *c, int64_t ldc, bool accumulate, real *packed)
{
	tile_pack(k, b.x, b.transposed ? 1 : b.ld, b.transposed ? b.ld : 1, terms, n, terms, 0, packed);
	tile_gemm_packed(k, m, n, terms, a.x, a.ld, packed, c, ldc, accumulate);
}

/* B [terms,n] with rows of whole vectors, zeros behind. */
static void copy_padded(tile_matrix b, int64_t terms, int64_t n, int64_t wide, real *copy)
{
	for (int64_t i = 0; i < terms; i++, copy += wide) {
		if (b.transposed)
			for (int64_t j = 0; j < n; j++)
				copy[j] = b.x[j * b.ld + i];
		else
			memcpy(copy, b.x + i * b.ld, (size_t)n * sizeof(real));
		memset(copy + n, 0, (size_t)(wide - n) * sizeof(real));
	}
}

/* A stored [K,M]: C is a sum of outer products of rows of A and B. */
static void gemm_outer(const tile_kernels *k, int64_t m, int64_t n, int64_t terms, tile_matrix a,
		       tile_matrix b, real *c, int64_t ldc, bool accumulate, real *copy)
{
	if (b.transposed || n % k->vec != 0) {
		int64_t wide = tile_round(k, n);
		copy_padded(b, terms, n, wide, copy);
		b = (tile_matrix){copy, wide, false};
	}
	for (int64_t i = 0; i < m && !accumulate; i++)
		memset(c + i * ldc, 0, (size_t)n * sizeof(real));
	tile_outer t = {
		.x = a.x, .dy = b.x, .size = {1, 1, terms}, .x_step = {0, 0, a.ld},
		.dy_step = {0, 0, b.ld}, .rows = m, .cout = n, .z = c, .ld = ldc,
	};
	k->outer(&t);
}

void tile_gemm(const tile_kernels *k, int64_t m, int64_t n, int64_t terms, tile_matrix a, tile_matrix b,
	       real *c, int64_t ldc, bool accumulate, void *scratch)
{
	if (a.transposed)
		gemm_outer(k, m, n, terms, a, b, c, ldc, accumulate, scratch);
	else
		gemm_rows(k, m, n, terms, a, b, c, ldc, accumulate, scratch);
}
