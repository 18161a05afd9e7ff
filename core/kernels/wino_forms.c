/* wino_forms.c - the forms, and how a convolution is cut into their tiles. */
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/wino_internal.h"

const wino_form wino_forms[WINO_FORMS] = {
	[WINO_F2] = {4, 2, 4, 4, 4, 2, {0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}},
	[WINO_F4] = {6, 4, 6, 6, 6, 4, {0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}},
	[WINO_F4_UNIT] = {6, 4, 7, 7, 7, 4, {0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5, 6}, {0, 1, 2, 3, 4, 5, 6}},
	[WINO_HALF] = {6, 4, 5, 3, 5, 2, {0, 1, 2, 3, 4}, {0, 1, 2, 0, 2}, {0, 1, 2, 3, 3}},
	[WINO_HALF4] = {10, 8, 9, 7, 9, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {0, 1, 2, 3, 6, 0, 4, 5, 6},
			{0, 1, 2, 3, 4, 5, 5, 5, 5}},
	[WINO_DOUBLE] = {4, 2, 4, 5, 5, 4, {0, 1, 2, 2, 3}, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}},
};

const wino_kernels *wino_kernels_of(const tile_kernels *k, wino_name f)
{
	return k->wino + f;
}

/* Of a resized convolution: what goes from the fine side to the coarse one. dw of either is summed up with the fine
 * side as input of the form WINO_HALF. */
static bool halves(const conv_shape *s, conv_use use)
{
	return use == CONV_DW || (use == CONV_FORWARD) == (s->resize == CONV_HALF);
}

bool wino_can(wino_name f, const conv_shape *s, conv_use use)
{
	const bool half = f == WINO_HALF || f == WINO_HALF4, resized = half || f == WINO_DOUBLE;
	return s->kh == 3 && s->kw == 3 && s->sh == 1 && s->sw == 1 && s->groups == 1 &&
	       resized == (s->resize != CONV_SAME) && (!resized || halves(s, use) == half);
}

int64_t wino_tiles(wino_name f, const conv_shape *s, conv_use use)
{
	const wino_map m = wino_map_of(f, s, use);
	return m.down * m.across;
}

/* Products of an axis of n outputs: those of the last output alone are left out where a tile has none. */
static int64_t axis_products(const wino_form *f, int64_t n)
{
	int64_t some = 0;
	for (int p = 0; p < f->np; p++)
		some += f->m[p] != f->nm - 1;
	return n / f->out * f->np + (n % f->out ? some : 0);
}

int64_t wino_products(wino_name f, const conv_shape *s, conv_use use)
{
	const wino_map m = wino_map_of(f, s, use);
	return axis_products(m.f, m.oh) * axis_products(m.f, m.ow);
}

/* The adjoint in x of a 3x3 convolution is one with the kernel turned, whose zeros are 2 - top and 2 - left. */
wino_map wino_map_of(wino_name f, const conv_shape *s, conv_use use)
{
	const bool adjoint = use == CONV_DX || (use == CONV_DW && s->resize == CONV_DOUBLE);
	wino_map m = {&wino_forms[f], s->h, s->w, s->cin, s->ho, s->wo, s->cout, s->top, s->left, 0, 0, 0};
	if (adjoint)
		m = (wino_map){m.f, s->ho, s->wo, s->cout, s->h, s->w, s->cin, 2 - s->top, 2 - s->left, 0, 0, 0};
	m.down = (m.oh + m.f->out - 1) / m.f->out;
	m.across = (m.ow + m.f->out - 1) / m.f->out;
	m.tiles = s->b * m.down * m.across;
	return m;
}

wino_place wino_place_of(const wino_map *m, int64_t t)
{
	return (wino_place){t / m->across / m->down, t / m->across % m->down, t % m->across};
}

void wino_block_fill(wino_block *b, const wino_map *m, int64_t t0, int64_t n)
{
	const int64_t whole_down = m->oh / m->f->out, whole_across = m->ow / m->f->out;
	int kind[WINO_BLOCK_MOST];
	b->n = n;
	memset(b->begin, 0, sizeof b->begin);
	for (int64_t t = 0; t < n; t++) {
		const wino_place p = b->place[t] = wino_place_of(m, t0 + t);
		const bool rows = p.row < whole_down, cols = p.col < whole_across;
		kind[t] = rows ? (cols ? 1 : 0) : (cols ? 2 : 3);
		b->begin[kind[t] + 1]++;
	}
	for (int k = 0; k < 4; k++)
		b->begin[k + 1] += b->begin[k];
	int64_t next[4];
	memcpy(next, b->begin, sizeof next);
	for (int64_t t = 0; t < n; t++)
		b->at[t] = next[kind[t]]++;
}

wino_range wino_range_of(const wino_block *b, const wino_form *f, int p)
{
	const bool rows = p / f->nm == f->nm - 1, cols = p % f->nm == f->nm - 1;
	const int64_t first = b->begin[cols ? 1 : 0], end = b->begin[rows ? 2 : cols ? 3 : 4];
	return (wino_range){first, end - first};
}

wino_spread wino_window(const real *x, int64_t h, int64_t w, int64_t channels, int64_t image, int64_t row, int64_t col,
			int n, const real *zeros, const real **at)
{
	wino_spread s = {.row = w * channels, .col = channels, .channels = channels};
	const real *first = x + image * h * s.row;
	if (row >= 0 && col >= 0 && row + n <= h && col + n <= w) {
		s.x = first + row * s.row + col * s.col;
		return s;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			const bool inside = row + i >= 0 && row + i < h && col + j >= 0 && col + j < w;
			at[i * n + j] = inside ? first + (row + i) * s.row + (col + j) * s.col : zeros;
		}
	s.at = at;
	return s;
}
