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
