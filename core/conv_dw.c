/* conv_dw.c - the adjoint of convolution in the weights: dw[tap][ci][co] = sum x * dy.
 *
 * Rows of the register tile are (kx, ci): in a zero-padded copy of the input they are contiguous, one
 * broadcast each; columns are vectors of co; the sum runs over pixels. The pixels are cut into at
 * most CHUNKS chunks whose bounds depend on the shape alone. Each chunk has a partial sum of its own
 * and they are added in order: the same bits for any number of threads. Large kernels have fewer
 * chunks and are cut along co instead. */
#include <string.h>

#include "core/conv_internal.h"
#include "core/thread.h"

enum {
	CHUNKS = 16,
	CHUNK_PIXELS = 256,                          /* at least: adding a tile to dw costs like 3 pixels */
	PARTIAL_MAX = 8 << 20,                       /* bytes of partial sums */
	COPY_DY = 128,                               /* rows of dw that pay for a copy of dy */
	BAND_BYTES = 384 * 1024,                     /* of input and dy of a band: both stay in L2 */
};

typedef struct weigh {
	const tile_kernels *k;
	conv_shape s;
	int64_t cig, cog;                            /* channels of a group */
	bool copy_x, copy_dy;
	int64_t width, rows_in;                      /* of the copy of x for a band: columns, rows */
	int64_t rows, bands, images;                 /* output rows of a band; images taken together */
	int64_t chunks, parts, part;                 /* part: output channels of an item */
	int64_t x_size, dy_size;                     /* of the copies of a worker, elements */
	const real *x, *dy;
	real *dw, *partial, *work;
} weigh;

static int64_t dw_size(const weigh *g)
{
	return (int64_t)g->s.kh * g->s.kw * g->cig * g->s.cout;
}

static void weigh_bands(weigh *g)
{
	const conv_shape *s = &g->s;
	int64_t line = (g->width * g->cig * s->sh + s->wo * g->cog) * (int64_t)sizeof(real);
	int64_t want = MAX(1, g->chunks / s->b);
	g->rows = MIN(MAX(1, BAND_BYTES / line), (s->ho + want - 1) / want);
	g->rows = MAX(1, g->rows);
	g->bands = (s->ho + g->rows - 1) / g->rows;
	g->rows = (s->ho + g->bands - 1) / g->bands;
	g->images = 1;
	if (g->bands == 1)
		g->images = MAX(1, MIN(s->b / g->chunks, BAND_BYTES / (g->rows * line)));
	g->rows_in = (g->rows - 1) * s->sh + s->kh;
}

static weigh weigh_of(const tile_kernels *k, const conv_shape *given)
{
	conv_shape s = conv_is_product(given) ? conv_flatten(given) : *given;
	weigh g = {.k = k, .s = s, .cig = s.cin / s.groups, .cog = s.cout / s.groups};
	g.width = (s.wo - 1) * s.sw + s.kw;
	g.copy_x = s.groups > 1 || s.top > 0 || s.left > 0 || g.width - s.left > s.w ||
		   (s.ho - 1) * s.sh + s.kh - s.top > s.h;
	g.copy_dy = g.cog % k->vec != 0 || s.kh * s.kw * g.cig >= COPY_DY;
	int64_t fit = PARTIAL_MAX / (int64_t)sizeof(real) / dw_size(&g);
	g.chunks = MAX(1, MIN(MIN(fit, CHUNKS), s.b * s.ho * s.wo / CHUNK_PIXELS));
	weigh_bands(&g);
	g.chunks = MIN(g.chunks, (s.b + g.images - 1) / g.images * g.bands);
	int64_t blocks = (g.cog + k->block - 1) / k->block;
	int64_t parts = MIN(blocks, MAX(1, CHUNKS / (g.chunks * s.groups)));
	g.part = (blocks + parts - 1) / parts * k->block;
	g.parts = (g.cog + g.part - 1) / g.part;
	g.x_size = g.copy_x ? piece(g.images * g.rows_in * g.width * g.cig) : 0;
	g.dy_size = g.copy_dy ? piece(g.images * g.rows * s.wo * k->block) : 0;
	return g;
}

/* Block [o, o + k->block) of a group's channels of dy, some images and rows, as [pixels,width]: one
 * stream of whole vectors, which strides through dy itself would not be. Returns the width. */
static int64_t copy_dy(const weigh *g, int64_t c, int64_t have, int64_t b, int64_t n, int64_t m0, int64_t m1,
		       real *to)
{
	const conv_shape *s = &g->s;
	int64_t wide = tile_round(g->k, have);
	for (int64_t i = b; i < b + n; i++) {
		const real *from = g->dy + (i * s->ho + m0) * s->wo * s->cout + c;
		for (int64_t p = 0; p < (m1 - m0) * s->wo; p++, from += s->cout, to += wide) {
			memcpy(to, from, (size_t)have * sizeof(real));
			memset(to + have, 0, (size_t)(wide - have) * sizeof(real));
		}
	}
	return wide;
}

/* Adds n images from b, output rows [m0,m1), output channels from o of the group, to z (like dw). */
static void weigh_band(const weigh *g, int64_t group, int64_t o, int64_t b, int64_t n, int64_t m0,
		       int64_t m1, real *work, real *z)
{
	const conv_shape *s = &g->s;
	int64_t pixel = s->cin, pitch = s->w * s->cin, image = s->h * pitch;
	const real *x = g->x + b * image + m0 * s->sh * pitch;
	if (g->copy_x) {
		band r = {
			.h = s->h, .w = s->w, .channels = s->cin, .c = group * g->cig, .n = g->cig,
			.y = m0 * s->sh - s->top, .x = -s->left, .cols = g->width,
			.rows = (m1 - m0 - 1) * s->sh + s->kh,
		};
		pixel = g->cig, pitch = g->width * pixel;
		for (int64_t i = 0; i < n; i++)
			band_copy(&r, g->x + (b + i) * image, work + i * r.rows * pitch);
		image = r.rows * pitch;
		x = work;
	}
	for (int64_t end = MIN(o + g->part, g->cog); o < end; o += g->k->block) {
		int64_t have = MIN(g->k->block, end - o), c = group * g->cog + o;
		int64_t wide = s->cout, dy_image = s->ho * s->wo * wide;
		const real *dy = g->dy + (b * s->ho + m0) * s->wo * wide + c;
		if (g->copy_dy) {
			wide = copy_dy(g, c, have, b, n, m0, m1, work + g->x_size);
			dy_image = (m1 - m0) * s->wo * wide;
			dy = work + g->x_size;
		}
		for (int ky = 0; ky < s->kh; ky++) {
			tile_outer t = {
				.x = x + ky * pitch, .dy = dy, .size = {n, m1 - m0, s->wo},
				.x_step = {image, s->sh * pitch, s->sw * pixel},
				.dy_step = {dy_image, s->wo * wide, wide},
				.rows = s->kw * g->cig, .cout = have,
				.z = z + ky * s->kw * g->cig * s->cout + c, .ld = s->cout,
			};
			g->k->outer(&t);
		}
	}
}

/* Item: a group, a chunk of the pixels, a part of the output channels. */
static void weigh_item(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const weigh *g = ctx;
	real *work = g->work + worker * (g->x_size + g->dy_size);
	int64_t units = (g->s.b + g->images - 1) / g->images * g->bands;
	for (int64_t i = lo; i < hi; i++) {
		int64_t o = i % g->parts * g->part, c = i / g->parts % g->chunks;
		int64_t group = i / g->parts / g->chunks;
		real *z = c ? g->partial + (c - 1) * piece(dw_size(g)) : g->dw;
		for (int64_t r = 0; r < dw_size(g) / g->s.cout; r++)
			memset(z + r * g->s.cout + group * g->cog + o, 0,
			       (size_t)MIN(g->part, g->cog - o) * sizeof(real));
		for (int64_t u = c * units / g->chunks; u < (c + 1) * units / g->chunks; u++) {
			int64_t b = u / g->bands * g->images, m0 = u % g->bands * g->rows;
			weigh_band(g, group, o, b, MIN(g->images, g->s.b - b), m0,
				   MIN(m0 + g->rows, g->s.ho), work, z);
		}
	}
}

/* dw += partial sums, in order. */
static void add_partials(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const weigh *g = ctx;
	for (int64_t c = 0; c < g->chunks - 1; c++) {
		const real *p = g->partial + c * piece(dw_size(g));
		for (int64_t i = lo; i < hi; i++)
			g->dw[i] += p[i];
	}
}

size_t conv_dw_scratch(const tile_kernels *k, const conv_shape *s)
{
	weigh g = weigh_of(k, s);
	int64_t n = (g.chunks - 1) * piece(dw_size(&g)) + pool_threads() * (g.x_size + g.dy_size);
	return (size_t)n * sizeof(real);
}

void conv_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch)
{
	enum { GRAIN = 4096 };
	weigh g = weigh_of(k, s);
	g.x = x;
	g.dy = dy;
	g.dw = dw;
	g.partial = scratch;
	g.work = g.partial + (g.chunks - 1) * piece(dw_size(&g));
	parallel_for(s->groups * g.chunks * g.parts, 1, weigh_item, &g);
	if (g.chunks > 1)
		parallel_for(dw_size(&g), GRAIN, add_partials, &g);
}
