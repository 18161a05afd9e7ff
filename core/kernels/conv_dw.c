/* conv_dw.c - the adjoint of convolution in the weights: dw[tap][ci][co] = sum x * dy.
 *
 * Rows of the register tile are (kx, ci): in a zero-padded copy of the input they are contiguous, one
 * broadcast each; columns are vectors of co; the sum runs over pixels. The pixels are cut into at
 * most CHUNKS chunks whose bounds depend on the shape alone. Each chunk has a partial sum of its own
 * and they are added in order: the same bits for any number of threads. Large kernels have fewer
 * chunks and are cut along co instead. */
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/conv_internal.h"
#include "core/kernels/gemm.h"
#include "core/base/thread.h"

enum {
	CHUNKS = 16,                                 /* at most: some for each thread of a small machine. They are added
	                                              * in order: part of what dw is, to the last bits */
	CHUNK_PIXELS = 256,                          /* at least: adding a tile to dw costs like 3 pixels */
	PARTIAL_MAX = 8 << 20,                       /* bytes of partial sums at most: large kernels would need CHUNKS
	                                              * times their own size */
	COPY_DY = 128,                               /* rows of dw that pay for a copy of dy: each reads dy again */
	FEW = 4,                                     /* output channels that leave vectors empty: dw of 64 to 3
	                                              * channels went from 36 to 119 GFLOP/s with roles exchanged */
	BAND_BYTES = 48 * 1024,                      /* of input and dy of a band: nearly in L1, and the next one is
	                                              * called for. 3 to 64 channels, v3: 44 GFLOP/s, 30 with 384 KB */
};

typedef struct weigh {
	const tile_kernels *k;
	conv_shape s;
	int64_t cig, cog;                            /* channels of a group */
	bool copy_x, copy_dy;
	bool swapped;                                /* vectors run over (kx,ci) instead of co */
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
	g.swapped = s.groups == 1 && s.cout <= FEW && s.kw * s.cin >= 4 * FEW;
	g.copy_x = g.copy_x || g.swapped;
	g.copy_dy = !g.swapped && (g.cog % k->vec != 0 || s.kh * s.kw * g.cig >= COPY_DY);
	int64_t fit = PARTIAL_MAX / (int64_t)sizeof(real) / dw_size(&g);
	g.chunks = MAX(1, MIN(MIN(fit, CHUNKS), s.b * s.ho * s.wo / CHUNK_PIXELS));
	weigh_bands(&g);
	g.chunks = MIN(g.chunks, (s.b + g.images - 1) / g.images * g.bands);
	int64_t blocks = (g.cog + k->block - 1) / k->block;
	int64_t parts = MIN(blocks, MAX(1, CHUNKS / (g.chunks * s.groups)));
	g.part = (blocks + parts - 1) / parts * k->block;
	g.parts = (g.cog + g.part - 1) / g.part;
	/* Whole vectors are read at the last pixel, too. */
	g.x_size = g.copy_x ? scratch_piece(g.images * g.rows_in * g.width * g.cig + k->vec) : 0;
	g.dy_size = g.copy_dy ? scratch_piece(g.images * g.rows * s.wo * k->block) : 0;
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

/* Input of a band: where it begins and the steps of images, rows and pixels. */
typedef struct source {
	const real *x;
	int64_t image, pitch, pixel;
} source;

/* n images from b, input of output rows [m0,m1), channels of the group: padded copies or x itself. */
static source source_of(const weigh *g, int64_t group, int64_t b, int64_t n, int64_t m0, int64_t m1,
			real *copy)
{
	const conv_shape *s = &g->s;
	int64_t pitch = s->w * s->cin, image = s->h * pitch;
	if (!g->copy_x)
		return (source){g->x + b * image + m0 * s->sh * pitch, image, pitch, s->cin};
	band r = {
		.h = s->h, .w = s->w, .channels = s->cin, .c = group * g->cig, .n = g->cig,
		.y = m0 * s->sh - s->top, .x = -s->left, .cols = g->width,
		.rows = (m1 - m0 - 1) * s->sh + s->kh,
	};
	int64_t size = r.rows * r.cols * r.n;
	for (int64_t i = 0; i < n; i++)
		band_copy(&r, g->x + (b + i) * image, copy + i * size);
	return (source){copy, size, g->width * g->cig, g->cig};
}

/* The pixels of dy behind those of a band, from `dy` on. */
static tile_ahead lines_ahead(const weigh *g, const real *dy, int64_t pixels, int64_t have)
{
	enum { LINE = 64 / (int)sizeof(real), ROWS = 12 };
	const int64_t rows = (g->s.kw * g->cig + ROWS - 1) / ROWS, blocks = (have + g->k->block - 1) / g->k->block;
	const int64_t lines = pixels * g->s.cout / LINE, tiles = g->s.kh * rows * blocks;
	return (tile_ahead){
		.at = {(const char *)(dy + pixels * g->s.cout)}, .n = 1, .lines = (int)((lines + tiles - 1) / tiles),
	};
}

/* Adds n images from b, output rows [m0,m1), output channels from o of the group, to z (like dw). */
static void weigh_band(const weigh *g, int64_t group, int64_t o, int64_t b, int64_t n, int64_t m0,
		       int64_t m1, real *work, real *z)
{
	const conv_shape *s = &g->s;
	const source x = source_of(g, group, b, n, m0, m1, work);
	const int64_t step = g->copy_dy ? g->k->block : g->part, rows = s->kw * g->cig;
	for (int64_t end = MIN(o + g->part, g->cog); o < end; o += step) {
		int64_t have = MIN(step, end - o), c = group * g->cog + o;
		int64_t wide = s->cout, dy_image = s->ho * s->wo * wide;
		const real *dy = g->dy + (b * s->ho + m0) * s->wo * wide + c;
		if (g->copy_dy) {
			wide = copy_dy(g, c, have, b, n, m0, m1, work + g->x_size);
			dy_image = (m1 - m0) * s->wo * wide;
			dy = work + g->x_size;
		}
		tile_ahead next = lines_ahead(g, dy, n * (m1 - m0) * s->wo, have);
		for (int ky = 0; ky < s->kh; ky++) {
			tile_outer t = {
				.x = x.x + ky * x.pitch, .dy = dy, .size = {n, m1 - m0, s->wo},
				.x_step = {x.image, s->sh * x.pitch, s->sw * x.pixel},
				.dy_step = {dy_image, s->wo * wide, wide},
				.rows = rows, .cout = have, .z = z + ky * rows * s->cout + c, .ld = s->cout,
				.ahead = g->copy_dy ? NULL : &next,
			};
			g->k->outer(&t);
		}
	}
}

/* The same with the roles exchanged, to z [kh,cout,kw*cin]: few output channels leave vectors of co
 * empty, (kx,ci) fill them. */
static void weigh_band_swapped(const weigh *g, int64_t b, int64_t n, int64_t m0, int64_t m1, real *work,
			       real *z)
{
	const conv_shape *s = &g->s;
	const source x = source_of(g, 0, b, n, m0, m1, work);
	const int64_t columns = s->kw * s->cin;
	for (int ky = 0; ky < s->kh; ky++) {
		tile_outer t = {
			.x = g->dy + (b * s->ho + m0) * s->wo * s->cout, .dy = x.x + ky * x.pitch,
			.size = {n, m1 - m0, s->wo},
			.x_step = {s->ho * s->wo * s->cout, s->wo * s->cout, s->cout},
			.dy_step = {x.image, s->sh * x.pitch, s->sw * x.pixel},
			.rows = s->cout, .cout = columns, .z = z + ky * s->cout * columns, .ld = columns,
		};
		g->k->outer(&t);
	}
}

/* Where chunk c adds up; the first one in dw itself, unless its layout is another. */
static real *sum_of(const weigh *g, int64_t c)
{
	int64_t i = g->swapped ? c : c - 1;
	return i < 0 ? g->dw : g->partial + i * scratch_piece(dw_size(g));
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
		real *z = sum_of(g, c);
		for (int64_t r = 0; r < dw_size(g) / g->s.cout; r++)
			memset(z + r * g->s.cout + group * g->cog + o, 0,
			       (size_t)MIN(g->part, g->cog - o) * sizeof(real));
		for (int64_t u = c * units / g->chunks; u < (c + 1) * units / g->chunks; u++) {
			int64_t b = u / g->bands * g->images, m0 = u % g->bands * g->rows;
			int64_t n = MIN(g->images, g->s.b - b), m1 = MIN(m0 + g->rows, g->s.ho);
			if (g->swapped)
				weigh_band_swapped(g, b, n, m0, m1, work, z);
			else
				weigh_band(g, group, o, b, n, m0, m1, work, z);
		}
	}
}

/* dw += partial sums, in order. */
static void add_partials(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const weigh *g = ctx;
	for (int64_t c = 1; c < g->chunks; c++) {
		const real *p = sum_of(g, c);
		for (int64_t i = lo; i < hi; i++)
			g->dw[i] += p[i];
	}
}

/* dw = sum of the exchanged partial sums: [kh,cout,n] -> [kh,n,cout], n = kw*cin. */
static void add_swapped(const weigh *g)
{
	const int64_t cout = g->s.cout, n = g->s.kw * g->s.cin;
	for (int64_t i = 0; i < dw_size(g); i++) {
		int64_t o = i % cout, r = i / cout % n, ky = i / cout / n;
		real sum = 0;
		for (int64_t c = 0; c < g->chunks; c++)
			sum += sum_of(g, c)[(ky * cout + o) * n + r];
		g->dw[i] = sum;
	}
}

static int64_t partial_size(const weigh *g)
{
	return (g->chunks - !g->swapped) * scratch_piece(dw_size(g));
}

/* With one tap dw = x' dy over all pixels. Whether that is so, and the product suits the tiles. */
static bool is_outer_product(const conv_shape *s, gemm_shape *p)
{
	*p = (gemm_shape){.batch = 1, .m = s->cin, .n = s->cout, .k = s->b * s->h * s->w, .ta = true};
	return conv_is_product(s) && gemm_suits(p);
}

size_t conv_direct_dw_scratch(const tile_kernels *k, const conv_shape *s)
{
	if (conv_is_depthwise(s))
		return conv_depth_scratch(s);
	gemm_shape p;
	if (is_outer_product(s, &p))
		return gemm_scratch(k, &p);
	weigh g = weigh_of(k, s);
	return (size_t)(partial_size(&g) + pool_threads() * (g.x_size + g.dy_size)) * sizeof(real);
}

void conv_direct_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
		    void *scratch)
{
	enum { GRAIN = 4096 };                       /* of adding up, each element from up to CHUNKS places */
	if (conv_is_depthwise(s)) {
		conv_depth_dw(s, x, dy, dw, scratch);
		return;
	}
	gemm_shape p;
	if (is_outer_product(s, &p)) {
		gemm(k, &p, x, dy, (epilogue){0}, dw, scratch);
		return;
	}
	weigh g = weigh_of(k, s);
	g.x = x;
	g.dy = dy;
	g.dw = dw;
	g.partial = scratch;
	g.work = g.partial + partial_size(&g);
	parallel_for(s->groups * g.chunks * g.parts, 1, weigh_item, &g);
	if (g.swapped)
		add_swapped(&g);
	else if (g.chunks > 1)
		parallel_for(dw_size(&g), GRAIN, add_partials, &g);
}
