/* wino_dw.c - the adjoint in w by Winograd's forms: dw = G' [sum over tiles of (B' x B) . (A dy A')] G.
 *
 * Chunks of tiles, whose bounds depend on the shape alone, are the items of the pool. A chunk sums up dU, position by
 * position, block after block of tiles, and folds it to nine taps; the chunks' taps are added in order. So the same
 * bits come out for any number of threads. V and D lie in slots as in wino.c; dU is [products][ic][oc in whole
 * vectors].
 *
 * Doubling before a convolution: per axis, dw_double(x, dy)[k] = dw_half(dy, x)[2-k]. So dy takes the part of x, V is
 * made of it, and the taps are written from the last one on. */
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/kernels/wino_internal.h"

/* All are part of what dw is, to the last bits. dU is read and written once a block, so large blocks are better, as
 * long as V and D come back from a cache: 16x16, 64 channels 4.92 ms with 32 tiles, 4.76 with 64, 4.95 with 96; 256
 * channels 21.4 and 24.5 with 32 and 64. */
enum {
	BLOCK = 64, BLOCK_WIDE = 32,                 /* tiles of a block with few channels, and with more */
	CHUNKS = 8,                                  /* at most: some for each thread of a small machine */
	CHUNK_TILES = 64,                            /* at least: folding a chunk costs about as much as 4 tiles */
};

typedef struct weigh {
	const tile_kernels *k;
	const wino_kernels *wk;
	wino_map map;                                /* from what V is made of to what D is made of */
	bool swapped;                                /* V is made of dy, D of x */
	int64_t ic, oc, wide_oc;                     /* of the weights */
	int64_t wide_v, wide_d, pitch_v, pitch_d;    /* of a tile and of a position in V and D: elements */
	int64_t block, chunks, blocks;
	int64_t v[WINO_POSITIONS], d[WINO_POSITIONS], u[WINO_POSITIONS];
	const real *v_from, *d_from;
	real *dw, *partial, *zeros, *work;
} weigh;

static int64_t pitch_u(const weigh *g)
{
	return g->ic * g->wide_oc + WINO_GAP;
}

static weigh weigh_of(const tile_kernels *k, wino_name name, const conv_shape *s)
{
	weigh g = {.k = k, .wk = wino_kernels_of(k, name), .map = wino_map_of(name, s, CONV_DW)};
	const wino_form *f = g.map.f;
	g.swapped = s->resize == CONV_DOUBLE;
	g.ic = s->cin;
	g.oc = s->cout;
	g.wide_oc = tile_round(k, g.oc);
	g.wide_v = tile_round(k, g.map.ic);
	g.wide_d = tile_round(k, g.map.oc);
	g.block = MAX(g.wide_v, g.wide_d) > WINO_FEW_CHANNELS ? BLOCK_WIDE : BLOCK;
	g.pitch_v = scratch_piece(g.block * g.wide_v) + WINO_GAP;
	g.pitch_d = scratch_piece(g.block * g.wide_d) + WINO_GAP;
	g.blocks = (g.map.tiles + g.block - 1) / g.block;
	g.chunks = MAX(1, MIN(CHUNKS, g.map.tiles / CHUNK_TILES));
	for (int p = 0; p < f->nv * f->nv; p++)
		g.v[p] = p * g.pitch_v;
	for (int p = 0; p < f->nm * f->nm; p++)
		g.d[p] = p * g.pitch_d;
	for (int p = 0; p < f->np * f->np; p++)
		g.u[p] = p * pitch_u(&g);
	return g;
}

static int64_t taps_size(const weigh *g)
{
	return 9 * g->ic * g->oc;
}

/* Of a worker: V, D and dU, elements. */
static int64_t v_size(const weigh *g)
{
	return g->map.f->nv * g->map.f->nv * g->pitch_v;
}

static int64_t d_size(const weigh *g)
{
	return g->map.f->nm * g->map.f->nm * g->pitch_d;
}

static int64_t u_size(const weigh *g)
{
	return scratch_piece(g->map.f->np * g->map.f->np * pitch_u(g));
}

static int64_t partial_size(const weigh *g)
{
	return (g->chunks - 1) * scratch_piece(taps_size(g));
}

static int64_t zeros_size(const weigh *g)
{
	return scratch_piece(MAX(g->wide_v, g->wide_d));
}

/* V and D of a block. */
static void transform_block(const weigh *g, const wino_block *b, real *v, real *d)
{
	const wino_map *m = &g->map;
	const wino_form *f = m->f;
	const wino_image v_from = {g->v_from, g->zeros, m->ih, m->iw, m->ic};
	const wino_image d_from = {g->d_from, g->zeros, m->oh, m->ow, m->oc};
	const real *at[WINO_POSITIONS];
	for (int64_t t = 0; t < b->n; t++) {
		const wino_place *p = &b->place[t];
		wino_spread s = wino_window(&v_from, p->image, wino_sample(f, p->row, m->top),
					    wino_sample(f, p->col, m->left), m->ih, m->iw, f->side, at);
		s.to = v + b->at[t] * g->wide_v;
		s.slot = g->v;
		g->wk->input(&s);
	}
	for (int64_t t = 0; t < b->n; t++) {
		const wino_place *p = &b->place[t];
		wino_spread s = wino_window(&d_from, p->image, p->row, p->col, p->row + p->rows, p->col + p->cols,
					    f->out, at);
		s.to = d + b->at[t] * g->wide_d;
		s.slot = g->d;
		g->wk->gradient(&s);
	}
}

/* The lines of the images that the next block will touch. */
static tile_ahead lines_ahead(const weigh *g, int64_t t0)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const wino_map *m = &g->map;
	const wino_form *f = m->f;
	if (t0 + g->block >= m->tiles)
		return (tile_ahead){.lines = 0};
	const wino_place p = wino_place_of(m, t0 + g->block);
	const int64_t in = ((p.image * m->ih + wino_sample(f, p.row, 0)) * m->iw + wino_sample(f, p.col, 0)) * m->ic;
	const int64_t out = ((p.image * m->oh + p.row) * m->ow + p.col) * m->oc;
	const int64_t tiles = (g->ic + 11) / 12 * ((g->oc + g->k->block - 1) / g->k->block) * f->np * f->np;
	const int64_t most = MAX(f->step * f->step * m->ic, f->out * f->out * m->oc) * g->block;
	return (tile_ahead){.at = {(const char *)(g->v_from + in), (const char *)(g->d_from + out)}, .n = 2,
			    .lines = (int)((most / LINE + tiles - 1) / tiles)};
}

/* dU += V' D of a block; first: = . Where a tile does not need an M its D is zero. */
static void multiply_block(const weigh *g, const wino_block *b, const real *v, const real *d, real *u, bool first,
			   tile_ahead *ahead)
{
	const wino_form *f = g->map.f;
	for (int i = 0; i < f->np; i++)
		for (int j = 0; j < f->np; j++) {
			const int m = f->m[i] * f->nm + f->m[j];
			const wino_range r = wino_range_of(b, f, m);
			const real *vp = v + g->v[f->v[i] * f->nv + f->v[j]] + r.first * g->wide_v;
			const real *dp = d + g->d[m] + r.first * g->wide_d;
			const tile_outer t = {
				.x = g->swapped ? dp : vp, .dy = g->swapped ? vp : dp, .size = {1, 1, r.n},
				.x_step = {0, 0, g->swapped ? g->wide_d : g->wide_v},
				.dy_step = {0, 0, g->swapped ? g->wide_v : g->wide_d},
				.rows = g->ic, .cout = g->wide_oc, .z = u + g->u[i * f->np + j], .ld = g->wide_oc,
				.fresh = first, .ahead = ahead,
			};
			g->k->outer(&t);
		}
}

static void fold(const weigh *g, const real *u, real *taps)
{
	const int64_t oc = g->oc, step = g->swapped ? -g->ic * oc : g->ic * oc;
	real *first = g->swapped ? taps + 8 * g->ic * oc : taps;
	for (int64_t c = 0; c < g->ic; c++) {
		const wino_collect w = {
			.from = u + c * g->wide_oc, .slot = g->u, .channels = oc, .y = first + c * oc,
			.row = 3 * step, .col = step, .rows = 3, .cols = 3,
		};
		g->wk->fold(&w);
	}
}

static void chunks_run(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const weigh *g = ctx;
	real *v = g->work + worker * (v_size(g) + d_size(g) + u_size(g)), *d = v + v_size(g), *u = d + d_size(g);
	wino_block b;
	for (int64_t c = lo; c < hi; c++) {
		const int64_t first = c * g->blocks / g->chunks;
		for (int64_t i = first; i < (c + 1) * g->blocks / g->chunks; i++) {
			const int64_t t0 = i * g->block;
			tile_ahead ahead = lines_ahead(g, t0);
			wino_block_fill(&b, &g->map, t0, MIN(g->block, g->map.tiles - t0));
			transform_block(g, &b, v, d);
			multiply_block(g, &b, v, d, u, i == first, &ahead);
		}
		fold(g, u, c ? g->partial + (c - 1) * scratch_piece(taps_size(g)) : g->dw);
	}
}

/* dw += the other chunks' taps, in order. */
static void add_partials(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const weigh *g = ctx;
	for (int64_t c = 0; c < g->chunks - 1; c++) {
		const real *p = g->partial + c * scratch_piece(taps_size(g));
		for (int64_t i = lo; i < hi; i++)
			g->dw[i] += p[i];
	}
}

size_t wino_dw_scratch(const tile_kernels *k, wino_name f, const conv_shape *s)
{
	const weigh g = weigh_of(k, f, s);
	return (size_t)(partial_size(&g) + zeros_size(&g) +
			pool_threads() * (v_size(&g) + d_size(&g) + u_size(&g))) * sizeof(real);
}

void wino_dw(const tile_kernels *k, wino_name f, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch)
{
	enum { GRAIN = 4096 };                       /* of adding up */
	weigh g = weigh_of(k, f, s);
	g.v_from = g.swapped ? dy : x;
	g.d_from = g.swapped ? x : dy;
	g.dw = dw;
	g.partial = scratch;
	g.zeros = g.partial + partial_size(&g);
	g.work = g.zeros + zeros_size(&g);
	memset(g.zeros, 0, (size_t)zeros_size(&g) * sizeof(real));
	parallel_for(g.chunks, 1, chunks_run, &g);
	if (g.chunks > 1)
		parallel_for(taps_size(&g), GRAIN, add_partials, &g);
}
