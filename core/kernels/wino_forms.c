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
 * side as input of a form that halves. */
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
	return m.down.tiles * m.across.tiles;
}

/* Whether a tile may begin at any output: not where two outputs share a sample. */
static bool begins_anywhere(const wino_form *f)
{
	return f->step >= f->out;
}

static wino_cut cut_of(const wino_form *f, int64_t n)
{
	const int64_t tiles = (n + f->out - 1) / f->out, lack = tiles * f->out - n;
	return (wino_cut){n, tiles, begins_anywhere(f) ? MAX(0, tiles - lack) : n / f->out};
}

/* Products of an axis of n outputs: a tile that is not whole leaves out those of the last one. */
static int64_t axis_products(const wino_form *f, int64_t n)
{
	const wino_cut c = cut_of(f, n);
	int64_t some = 0;
	for (int p = 0; p < f->np; p++)
		some += f->m[p] != f->nm - 1;
	return c.whole * f->np + (c.tiles - c.whole) * some;
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
	wino_map m = {.f = &wino_forms[f], .ih = s->h, .iw = s->w, .ic = s->cin, .oh = s->ho, .ow = s->wo,
		      .oc = s->cout, .top = s->top, .left = s->left};
	if (adjoint)
		m = (wino_map){.f = m.f, .ih = s->ho, .iw = s->wo, .ic = s->cout, .oh = s->h, .ow = s->w,
			       .oc = s->cin, .top = 2 - s->top, .left = 2 - s->left};
	m.down = cut_of(m.f, m.oh);
	m.across = cut_of(m.f, m.ow);
	m.tiles = s->b * m.down.tiles * m.across.tiles;
	return m;
}

/* The first output of tile t, and how many it has. */
static int64_t first_of(const wino_form *f, const wino_cut *c, int64_t t, int64_t *count)
{
	const int64_t lacks = begins_anywhere(f) ? MAX(0, t - c->whole) : 0, first = t * f->out - lacks;
	*count = MIN(t < c->whole ? f->out : f->out - 1, c->n - first);
	return first;
}

wino_place wino_place_of(const wino_map *m, int64_t t)
{
	const int64_t row = t / m->across.tiles, image = row / m->down.tiles;
	wino_place p = {.image = image};
	p.row = first_of(m->f, &m->down, row - image * m->down.tiles, &p.rows);
	p.col = first_of(m->f, &m->across, t - row * m->across.tiles, &p.cols);
	return p;
}

int64_t wino_sample(const wino_form *f, int64_t at, int64_t before)
{
	return at * f->step / f->out - before;
}

void wino_block_fill(wino_block *b, const wino_map *m, int64_t t0, int64_t n)
{
	int kind[WINO_BLOCK_MOST];
	b->n = n;
	memset(b->begin, 0, sizeof b->begin);
	for (int64_t t = 0; t < n; t++) {
		const wino_place p = b->place[t] = wino_place_of(m, t0 + t);
		const bool rows = p.rows == m->f->out, cols = p.cols == m->f->out;
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

wino_spread wino_window(const wino_image *x, int64_t image, int64_t row, int64_t col, int64_t bottom, int64_t right,
			int n, const real **at)
{
	wino_spread s = {.row = x->w * x->channels, .col = x->channels, .channels = x->channels};
	const real *first = x->x + image * x->h * s.row;
	if (row >= 0 && col >= 0 && row + n <= bottom && col + n <= right) {
		s.x = first + row * s.row + col * s.col;
		return s;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			const bool inside = row + i >= 0 && row + i < bottom && col + j >= 0 && col + j < right;
			at[i * n + j] = inside ? first + (row + i) * s.row + (col + j) * s.col : x->zeros;
		}
	s.at = at;
	return s;
}
