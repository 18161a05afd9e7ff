/* conv_gather.c - forward convolution and its adjoint in x, both as gathers on one register tile.
 *
 * Forward: one phase, input step = stride. Adjoint of stride s: image row h = s*m + a takes the taps
 * ky = ky0 + s*j with ky0 = (a + top) mod s, from dy row m + (a + top - ky0)/s - j. That is a
 * convolution of stride 1 with a part of the flipped kernel, whose outputs lie s apart: s*s phases.
 *
 * An item is a band of rows of one image, or several small images. Its input is copied once with
 * zeros around it (groups: only their channels), so that kw taps of all channels are one contiguous
 * run and a kernel with few input channels is as fast as others. Without padding nothing is copied. */
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/conv_internal.h"
#include "core/base/thread.h"

typedef struct phase {
	int ty, tx;                                  /* taps */
	int64_t y, x;                                /* input position of the first tap of output (0,0) */
	int64_t row, col;                            /* first output */
	int64_t rows, cols;                          /* outputs */
	int64_t at;                                  /* terms of the phases before */
} phase;

typedef struct gather {
	const tile_kernels *k;
	conv_shape s;
	bool adjoint;
	int64_t ih, iw, ic, oh, ow, oc;              /* input and output of the gather */
	int64_t icg, ocg;                            /* channels of a group */
	int iy, ix, oy, ox;                          /* input and output steps */
	int64_t rows, cols;                          /* outputs of the largest phase */
	int64_t first_y, last_y;                     /* input rows of output row 0: [first, last) */
	int64_t first_x, last_x;                     /* input columns of all outputs */
	bool direct;                                 /* nothing to pad: read the image itself */
	int64_t item_images, item_rows;
	int64_t bands, sets;                         /* items: groups * sets * bands */
	const real *in, *w;                          /* w: packed, but where it is packed itself */
	real *out, *packed, *work;
	epilogue e;
	int64_t list_size;                           /* pixels of an item, at most */
	int64_t lists_size, work_size;               /* per worker, elements: offsets; with the copy */
} gather;

/* One axis of phase a: taps, first input, number of outputs. */
static int axis_phase(const gather *g, int64_t a, int k, int s, int64_t pad, int64_t n, int64_t *first,
		      int64_t *count)
{
	if (!g->adjoint) {
		*first = -pad;
		*count = n;
		return k;
	}
	int k0 = (int)((a + pad) % s), taps = k > k0 ? (k - k0 + s - 1) / s : 0;
	*first = (a + pad - k0) / s - (taps - 1);
	*count = n > a ? (n - a + s - 1) / s : 0;
	return taps;
}

/* Taps along one axis of the phases before a. */
static int64_t taps_before(const gather *g, int64_t a, int k, int s, int64_t pad)
{
	int64_t n = 0, first, count;
	for (int64_t i = 0; i < a; i++)
		n += axis_phase(g, i, k, s, pad, 1, &first, &count);
	return n;
}

static phase phase_at(const gather *g, int i)
{
	const conv_shape *s = &g->s;
	phase p = {.row = i / g->ox, .col = i % g->ox};
	p.ty = axis_phase(g, p.row, s->kh, s->sh, s->top, g->oh, &p.y, &p.rows);
	p.tx = axis_phase(g, p.col, s->kw, s->sw, s->left, g->ow, &p.x, &p.cols);
	/* Every column tap belongs to one phase: whole rows of phases before have kw of them. */
	p.at = (taps_before(g, p.row, s->kh, s->sh, s->top) * s->kw +
		p.ty * taps_before(g, p.col, s->kw, s->sw, s->left)) * g->icg;
	return p;
}

static int phases(const gather *g)
{
	return g->oy * g->ox;
}

/* The input rectangle that the phases need, and the outputs of the largest one. */
static void gather_extent(gather *g)
{
	bool any = false;
	for (int i = 0; i < phases(g); i++) {
		phase p = phase_at(g, i);
		g->rows = MAX(g->rows, p.rows);
		g->cols = MAX(g->cols, p.cols);
		if (p.ty * p.tx == 0 || p.rows * p.cols == 0)
			continue;
		int64_t right = (p.cols - 1) * g->ix + p.x + p.tx;
		g->first_y = any ? MIN(g->first_y, p.y) : p.y;
		g->last_y = any ? MAX(g->last_y, p.y + p.ty) : p.y + p.ty;
		g->first_x = any ? MIN(g->first_x, p.x) : p.x;
		g->last_x = any ? MAX(g->last_x, right) : right;
		any = true;
	}
	g->direct = g->first_y >= 0 && g->first_x >= 0 && g->last_x <= g->iw && g->s.groups == 1 &&
		    (g->rows - 1) * g->iy + g->last_y <= g->ih;
}

/* Rows of the padded copy for n rows of outputs. */
static int64_t band_rows(const gather *g, int64_t n)
{
	return MAX(0, (n - 1) * g->iy + g->last_y - g->first_y);
}

/* Cuts the work into items that fit L2 and are enough for the pool. */
static void gather_items(gather *g)
{
	int64_t line = MAX(1, (g->last_x - g->first_x) * g->icg * (int64_t)sizeof(real));
	int64_t want = MAX(1, CONV_ITEMS / MAX(1, g->s.b * g->s.groups));
	int64_t pixels = g->rows * g->cols;
	int64_t most = MAX(1, (CONV_L2 / line - (g->last_y - g->first_y)) / g->iy);
	g->item_rows = MAX(1, MIN(most, (g->rows + want - 1) / want));
	g->item_rows = MAX(g->item_rows, MIN(g->rows, CONV_PIXELS / MAX(1, g->cols)));
	g->item_rows = MAX(1, MIN(g->item_rows, g->rows));
	g->bands = (g->rows + g->item_rows - 1) / g->item_rows;
	g->item_rows = g->bands ? (g->rows + g->bands - 1) / g->bands : 1;
	g->item_images = 1;
	if (g->bands == 1 && pixels < CONV_PIXELS)
		g->item_images = MIN(g->s.b, (CONV_PIXELS + pixels - 1) / MAX(1, pixels));
	g->sets = (g->s.b + g->item_images - 1) / g->item_images;
	g->list_size = g->item_images * g->item_rows * g->cols;
	int64_t copy = g->item_images * band_rows(g, g->item_rows) * (g->last_x - g->first_x) * g->icg;
	int64_t offsets = 2 * g->list_size + g->s.kh;
	g->lists_size = scratch_piece(offsets * (int64_t)(sizeof(int64_t) / sizeof(real)));
	g->work_size = g->lists_size + (g->direct ? 0 : scratch_piece(copy));
}

static gather gather_of(const tile_kernels *k, const conv_shape *given, bool adjoint)
{
	conv_shape s = conv_is_product(given) ? conv_flatten(given) : *given;
	gather g = {.k = k, .s = s, .adjoint = adjoint, .iy = 1, .ix = 1, .oy = 1, .ox = 1};
	int64_t cig = s.cin / s.groups, cog = s.cout / s.groups;
	if (adjoint) {
		g.ih = s.ho, g.iw = s.wo, g.ic = s.cout, g.icg = cog;
		g.oh = s.h, g.ow = s.w, g.oc = s.cin, g.ocg = cig;
		g.oy = s.sh, g.ox = s.sw;
	} else {
		g.ih = s.h, g.iw = s.w, g.ic = s.cin, g.icg = cig;
		g.oh = s.ho, g.ow = s.wo, g.oc = s.cout, g.ocg = cog;
		g.iy = s.sh, g.ix = s.sw;
	}
	gather_extent(&g);
	gather_items(&g);
	return g;
}

static int64_t packed_size(const gather *g)
{
	return scratch_piece(tile_packed_size(g->k, g->s.kh * g->s.kw * g->icg, g->ocg));
}

static conv_room gather_room(const gather *g)
{
	return (conv_room){
		.packed = (size_t)(g->s.groups * packed_size(g)) * sizeof(real),
		.scratch = (size_t)(pool_threads() * g->work_size) * sizeof(real),
	};
}

/* Packs taps [lo,hi) of all groups: chunk of a parallel_for. */
static void pack_taps(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const gather *g = ctx;
	const conv_shape *s = &g->s;
	int64_t cig = s->cin / s->groups, cog = s->cout / s->groups;
	for (int64_t i = lo; i < hi; i++) {
		int kx = (int)(i % s->kw), ky = (int)(i / s->kw % s->kh);
		int64_t group = i / s->kw / s->kh;
		const real *w = g->w + (ky * s->kw + kx) * cig * s->cout + group * cog;
		real *to = g->packed + group * packed_size(g);
		if (!g->adjoint) {
			tile_pack(g->k, w, s->cout, 1, cig, cog, s->kh * s->kw * cig,
				  (ky * s->kw + kx) * cig, to);
			continue;
		}
		int a = (int)(((ky - s->top) % s->sh + s->sh) % s->sh);
		int b = (int)(((kx - s->left) % s->sw + s->sw) % s->sw);
		phase p = phase_at(g, a * g->ox + b);
		int64_t at = ((p.ty - 1 - ky / s->sh) * p.tx + p.tx - 1 - kx / s->sw) * cog;
		tile_pack(g->k, w, 1, s->cout, cog, cig, p.ty * p.tx * cog, at,
			  to + p.at * tile_round(g->k, cig));
	}
}

/* An item and its input: x is input row first_y of output row m0 and column first_x, in the padded
 * copy or in the image itself. */
typedef struct item {
	int64_t group, b0, b1, m0, m1;               /* images, output rows (of the largest phase) */
	const real *x;
	int64_t image, pitch, pixel;                 /* steps, elements */
	int64_t *lists;
} item;

static void gather_phase(const gather *g, const phase *p, const item *i)
{
	int64_t n = 0, m1 = MIN(i->m1, p->rows);
	int64_t *in = i->lists, *out = in + g->list_size, *run = out + g->list_size;
	for (int64_t b = 0; b < i->b1 - i->b0; b++)
		for (int64_t m = 0; m < m1 - i->m0; m++)
			for (int64_t j = 0; j < p->cols; j++, n++) {
				in[n] = b * i->image + m * g->iy * i->pitch + j * g->ix * i->pixel;
				out[n] = ((b * g->oh + m * g->oy) * g->ow + j * g->ox) * g->oc;
			}
	for (int r = 0; r < p->ty; r++)
		run[r] = r * i->pitch;
	int64_t first = (p->y - g->first_y) * i->pitch + (p->x - g->first_x) * i->pixel;
	int64_t row = i->b0 * g->oh + i->m0 * g->oy + p->row;
	int64_t at = (row * g->ow + p->col) * g->oc + i->group * g->ocg;
	bool empty = p->ty * p->tx == 0;             /* no tap of a large stride: zeros */
	tile_conv t = {
		.x = i->x + (empty ? 0 : first), .in = in, .out = out, .npix = n, .run = run,
		.nrun = empty ? 0 : p->ty, .len = p->tx * g->icg, .cout = g->ocg, .y = g->out + at,
		.w = g->w + i->group * packed_size(g) + p->at * tile_round(g->k, g->ocg), .e = g->e,
		.cold = true,
	};
	if (t.e.bias)
		t.e.bias += i->group * g->ocg;
	if (t.e.residual)
		t.e.residual += at;
	g->k->conv(&t);
}

/* The padded input of an item; returns the elements of one image. */
static int64_t copy_item(const gather *g, const item *i, real *to)
{
	band r = {
		.h = g->ih, .w = g->iw, .channels = g->ic, .c = i->group * g->icg, .n = g->icg,
		.y = i->m0 * g->iy + g->first_y, .x = g->first_x, .rows = band_rows(g, i->m1 - i->m0),
		.cols = g->last_x - g->first_x,
	};
	int64_t size = r.rows * r.cols * r.n;
	for (int64_t b = i->b0; b < i->b1; b++)
		band_copy(&r, g->in + b * g->ih * g->iw * g->ic, to + (b - i->b0) * size);
	return size;
}

static item item_at(const gather *g, int64_t index, real *work)
{
	item i = {.lists = (int64_t *)work, .pixel = g->ic, .pitch = g->iw * g->ic};
	i.m0 = index % g->bands * g->item_rows;
	i.m1 = MIN(i.m0 + g->item_rows, g->rows);
	i.b0 = index / g->bands % g->sets * g->item_images;
	i.b1 = MIN(i.b0 + g->item_images, g->s.b);
	i.group = index / g->bands / g->sets;
	if (g->direct) {
		i.image = g->ih * i.pitch;
		i.x = g->in + i.b0 * i.image + (i.m0 * g->iy + g->first_y) * i.pitch +
		      g->first_x * i.pixel;
	} else {
		real *copy = work + g->lists_size;
		i.pixel = g->icg;
		i.pitch = (g->last_x - g->first_x) * i.pixel;
		i.image = copy_item(g, &i, copy);
		i.x = copy;
	}
	return i;
}

static void gather_items_run(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const gather *g = ctx;
	for (int64_t n = lo; n < hi; n++) {
		item i = item_at(g, n, g->work + worker * g->work_size);
		for (int j = 0; j < phases(g); j++) {
			phase p = phase_at(g, j);
			if (MIN(i.m1, p.rows) > i.m0 && p.cols > 0)
				gather_phase(g, &p, &i);
		}
	}
}

static void gather_run(gather *g, const real *in, const real *w, epilogue e, real *out, void *scratch)
{
	g->in = in;
	g->w = w;
	g->e = e;
	g->out = out;
	g->work = scratch;
	parallel_for(g->s.groups * g->sets * g->bands, 1, gather_items_run, g);
}

conv_room conv_direct_room(const tile_kernels *k, const conv_shape *s, bool adjoint)
{
	if (conv_is_depthwise(s))
		return (conv_room){.scratch = conv_depth_scratch(s)};
	if (conv_is_narrow(s, adjoint))
		return conv_narrow_room(k, s, adjoint);
	gather g = gather_of(k, s, adjoint);
	return gather_room(&g);
}

void conv_direct_pack(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *w, real *packed,
		      void *scratch)
{
	if (conv_is_narrow(s, adjoint)) {
		conv_narrow_pack(k, s, adjoint, w, packed, scratch);
		return;
	}
	gather g = gather_of(k, s, adjoint);
	g.w = w;
	g.packed = packed;
	parallel_for((int64_t)g.s.groups * g.s.kh * g.s.kw, 1, pack_taps, &g);
}

void conv_direct(const tile_kernels *k, const conv_shape *s, bool adjoint, const real *in, const real *w, epilogue e,
		 real *out, void *scratch)
{
	if (conv_is_depthwise(s) && adjoint) {
		conv_depth_dx(s, in, w, out, scratch);
	} else if (conv_is_depthwise(s)) {
		conv_depth_forward(s, in, w, e, out, scratch);
	} else if (conv_is_narrow(s, adjoint)) {
		conv_narrow(k, s, adjoint, in, w, e, out, scratch);
	} else {
		gather g = gather_of(k, s, adjoint);
		gather_run(&g, in, w, e, out, scratch);
	}
}
