/* conv_band.c - padded copies of parts of images, and scratch for them. */
#include "core/base/local.h"
#include "core/kernels/conv_internal.h"

#include <string.h>

static real *zeros(real *to, int64_t n)
{
	memset(to, 0, (size_t)n * sizeof(real));
	return to + n;
}

void band_copy(const band *r, const real *image, real *to)
{
	int64_t lo = MAX(r->x, 0), hi = MAX(lo, MIN(r->x + r->cols, r->w));
	int64_t before = MIN(lo - r->x, r->cols), after = r->cols - before - (hi - lo);
	for (int64_t y = r->y; y < r->y + r->rows; y++) {
		if (y < 0 || y >= r->h || hi == lo) {
			to = zeros(to, r->cols * r->n);
			continue;
		}
		to = zeros(to, before * r->n);
		const real *from = image + (y * r->w + lo) * r->channels + r->c;
		if (r->n == r->channels) {
			memcpy(to, from, (size_t)((hi - lo) * r->n) * sizeof(real));
			to += (hi - lo) * r->n;
		} else {
			for (int64_t x = lo; x < hi; x++, from += r->channels, to += r->n)
				memcpy(to, from, (size_t)r->n * sizeof(real));
		}
		to = zeros(to, after * r->n);
	}
}

int64_t scratch_piece(int64_t n)
{
	const int64_t line = 64 / (int64_t)sizeof(real);
	return (n + line - 1) / line * line;
}
