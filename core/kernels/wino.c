/* wino.c - 3x3 convolution by Winograd's forms, forward and its adjoint in x.
 *
 * A block of tiles is an item of the pool, whatever images and rows they belong to. Its values lie in slots, one for
 * each position: [tiles][channels rounded up to vectors]. V of position i is in slot i + off, M goes into a slot whose
 * V nobody reads any more: half the memory, and what is read again is still in the cache.
 *
 *     for each tile: V = B' x B                    (borders: pointers to a line of zeros, no padded copy)
 *     for each M: M = sum over its products p and input channels c of V[p][.][c] U[p][c][.]
 *     for each tile: y = act(A' M A + bias + residual)
 *
 * A transform touches short pieces of some rows, which no prefetcher of the processor follows. So the products ask for
 * the lines that this block's output and the next block's input will touch: a few of them with each register tile. */
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/kernels/wino_internal.h"

/* Tiles of a block at most: multiples of the rows of a register tile at every level (6, 8). Few channels: V and M stay
 * in the second-level cache (64 channels: 240 KB), and so does U, or nearly. With many neither does, and larger blocks
 * read U less often: 256 channels, F(4x4,3x3), 21.7 ms with 24 tiles and 18.2 with 96. No result depends on it. */
enum { BLOCK = 24, BLOCK_WIDE = WINO_BLOCK_MOST };
enum { MANY = 7 };                                   /* products an axis: with more, blocks are half as large */

/* The products that add to one M. */
typedef struct sum {
	int position;                                /* M */
	int64_t m;                                   /* its slot, elements */
	int64_t run[4], u[4];                        /* slots of V, and of U in the packed weights: two an axis */
	int n;
} sum;

typedef struct winograd {
	const tile_kernels *k;
	const wino_kernels *wk;
	wino_map map;
	bool turned;                                 /* the adjoint: w turned and transposed */
	int64_t wide_in, wide_out, pitch;            /* of a tile in V and M, of a slot: elements */
	int64_t block, blocks;
	int slots, sums;
	sum sum[WINO_POSITIONS];
	int64_t v[WINO_POSITIONS], m[WINO_POSITIONS];        /* slot of each position, elements */
	int64_t u_slot[WINO_POSITIONS];              /* of each product's U, elements; equal ones have one */
	int64_t packed;                              /* elements */
	const real *in, *w, *u;
	real *packing;                               /* where u is packed */
	real *w_turned;
	real *out, *zeros, *work;
	epilogue e;
} winograd;

/* The next sum, into position m. */
static void sum_begin(winograd *g, int m)
{
	g->m[m] = g->sums * g->pitch;
	g->sum[g->sums++] = (sum){.position = m, .m = g->m[m]};
}

/* Slots of U. A gap lies between them as between positions. */
static void place_weights(winograd *g)
{
	const wino_form *f = g->map.f;
	int n = 0;
	for (int p = 0; p < f->np * f->np; p++) {
		const int same = f->u[p / f->np] * f->np + f->u[p % f->np];
		g->u_slot[p] = same < p ? g->u_slot[same] : n++ * (g->map.ic * g->wide_out + WINO_GAP);
	}
	g->packed = scratch_piece(n * (g->map.ic * g->wide_out + WINO_GAP));
}

/* Products in an order in which neither V nor M comes twice but in a row; slots in the order of use. */
static void order_products(winograd *g)
{
	const wino_form *f = g->map.f;
	const int nv = f->nv * f->nv, nm = f->nm * f->nm, off = MAX(0, nm - nv) + 1;
	const bool by_v = nv <= nm;
	int used_v = 0, last = -1;
	g->slots = nv + off;
	for (int key = 0; key < MIN(nv, nm); key++)
		for (int p = 0; p < f->np * f->np; p++) {
			const int i = p / f->np, j = p % f->np;
			const int v = f->v[i] * f->nv + f->v[j], m = f->m[i] * f->nm + f->m[j];
			if ((by_v ? v : m) != key)
				continue;
			if (!by_v || last != v)
				g->v[v] = (used_v++ + off) * g->pitch;
			if (by_v || last != m)
				sum_begin(g, m);
			sum *s = &g->sum[g->sums - 1];
			last = by_v ? v : m;
			s->u[s->n] = g->u_slot[p];
			s->run[s->n++] = g->v[v];
		}
}

static winograd winograd_of(const tile_kernels *k, wino_name f, const conv_shape *s, conv_use use)
{
	winograd g = {.k = k, .wk = wino_kernels_of(k, f), .map = wino_map_of(f, s, use), .turned = use == CONV_DX};
	const int64_t tiles = g.map.tiles;
	g.wide_in = tile_round(k, g.map.ic);
	g.wide_out = tile_round(k, g.map.oc);
	const int64_t all = MAX(g.wide_in, g.wide_out) > WINO_FEW_CHANNELS ? BLOCK_WIDE : BLOCK;
	const int64_t most = g.map.f->np > MANY ? all / 2 : all;
	g.block = tiles >= 8 * most ? most : tiles >= BLOCK ? MIN(most / 2, BLOCK) : BLOCK / 4;
	g.blocks = (tiles + g.block - 1) / g.block;
	g.pitch = scratch_piece(g.block * MAX(g.wide_in, g.wide_out)) + WINO_GAP;
	place_weights(&g);
	order_products(&g);
	return g;
}

static int64_t turned_size(const winograd *g)
{
	return g->turned ? scratch_piece(9 * g->map.ic * g->map.oc) : 0;
}

static conv_room winograd_room(const winograd *g)
{
	return (conv_room){
		.packed = (size_t)g->packed * sizeof(real),
		.packing = (size_t)turned_size(g) * sizeof(real),
		.scratch = (size_t)(scratch_piece(g->wide_in) + pool_threads() * g->slots * g->pitch) * sizeof(real),
	};
}

/* Taps of w [3,3,oc,ic] transposed: the tap stays where it is, reading begins at the last one. */
static void turn_taps(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const winograd *g = ctx;
	const int64_t ic = g->map.ic, oc = g->map.oc;
	for (int64_t t = lo; t < hi; t++)
		g->k->transpose(g->w_turned + t * ic * oc, oc, g->w + t * ic * oc, ic, ic, oc);
}

/* U = G w G' of input channels [lo,hi), each packed as tile_pack would. */
static void pack_weights(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const winograd *g = ctx;
	const int64_t ic = g->map.ic, oc = g->map.oc, step = g->turned ? -ic * oc : ic * oc;
	const real *first = g->turned ? g->w_turned + 8 * ic * oc : g->w;
	const int np = g->map.f->np;
	for (int64_t o = 0; o < oc; o += g->k->block) {
		const int64_t width = oc - o > g->k->vec ? g->k->block : g->k->vec;
		int64_t slot[WINO_POSITIONS];
		for (int p = 0; p < np * np; p++)
			slot[p] = g->u_slot[p] + o * ic;
		for (int64_t c = lo; c < hi; c++) {
			const wino_spread w = {
				.x = first + c * oc + o, .row = 3 * step, .col = step, .channels = MIN(width, oc - o),
				.to = g->packing + c * width, .slot = slot,
			};
			g->wk->weights(&w);
		}
	}
}

static void input_block(const winograd *g, const wino_block *b, real *slots)
{
	const wino_map *m = &g->map;
	const wino_image x = {g->in, g->zeros, m->ih, m->iw, m->ic};
	const real *at[WINO_POSITIONS];
	for (int64_t t = 0; t < b->n; t++) {
		const wino_place *p = &b->place[t];
		wino_spread s = wino_window(&x, p->image, wino_sample(m->f, p->row, m->top),
					    wino_sample(m->f, p->col, m->left), m->ih, m->iw, m->f->side, at);
		s.to = slots + b->at[t] * g->wide_in;
		s.slot = g->v;
		g->wk->input(&s);
	}
}

/* The offset of a pixel. */
static int64_t pixel_at(int64_t h, int64_t w, int64_t channels, int64_t image, int64_t row, int64_t col)
{
	return ((image * h + row) * w + col) * channels;
}

static void output_block(const winograd *g, const wino_block *b, const real *slots)
{
	const wino_map *m = &g->map;
	for (int64_t t = 0; t < b->n; t++) {
		const wino_place *p = &b->place[t];
		const int64_t at = pixel_at(m->oh, m->ow, m->oc, p->image, p->row, p->col);
		const wino_collect c = {
			.from = slots + b->at[t] * g->wide_out, .slot = g->m, .channels = m->oc, .y = g->out + at,
			.residual = g->e.residual ? g->e.residual + at : NULL, .row = m->ow * m->oc, .col = m->oc,
			.rows = p->rows, .cols = p->cols, .e = g->e,
		};
		g->wk->output(&c);
	}
}

/* What the transforms after the products will touch, from the first line on: the next block's input, this block's
 * output and residual. */
static tile_ahead lines_ahead(const winograd *g, int64_t t0)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const wino_map *m = &g->map;
	const wino_place now = wino_place_of(m, t0), next = wino_place_of(m, t0 + g->block);
	const int64_t in = pixel_at(m->ih, m->iw, m->ic, next.image, wino_sample(m->f, next.row, 0),
				    wino_sample(m->f, next.col, 0));
	const int64_t out = pixel_at(m->oh, m->ow, m->oc, now.image, now.row, now.col);
	const int64_t tiles = (g->block + 7) / 8 * ((g->map.oc + g->k->block - 1) / g->k->block) * g->sums;
	const int64_t most = MAX(m->f->step * m->f->step * m->ic, m->f->out * m->f->out * m->oc) * g->block;
	tile_ahead a = {.lines = (int)((most / LINE + tiles - 1) / tiles)};
	if (t0 + g->block < m->tiles)
		a.at[a.n++] = (const char *)(g->in + in);
	a.at[a.n++] = (const char *)(g->out + out);
	if (g->e.residual)
		a.at[a.n++] = (const char *)(g->e.residual + out);
	return a;
}

static void multiply_block(const winograd *g, const wino_block *b, real *slots, tile_ahead *ahead)
{
	int64_t in[WINO_BLOCK_MOST], out[WINO_BLOCK_MOST];
	for (int64_t t = 0; t < b->n; t++) {
		in[t] = t * g->wide_in;
		out[t] = t * g->wide_out;
	}
	for (const sum *s = g->sum; s < g->sum + g->sums; s++) {
		const wino_range r = wino_range_of(b, g->map.f, s->position);
		const tile_conv t = {
			.x = slots, .in = in + r.first, .out = out + r.first, .npix = r.n,
			.run = s->run, .nrun = s->n, .len = g->map.ic,
			.w = s->n == 1 ? g->u + s->u[0] : g->u, .w_run = s->n == 1 ? NULL : s->u,
			.y = slots + s->m, .cout = g->wide_out, .ahead = ahead,
		};
		g->k->conv(&t);
	}
}

static void blocks_run(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const winograd *g = ctx;
	real *slots = g->work + worker * g->slots * g->pitch;
	wino_block b;
	for (int64_t i = lo; i < hi; i++) {
		const int64_t t0 = i * g->block;
		tile_ahead ahead = lines_ahead(g, t0);
		wino_block_fill(&b, &g->map, t0, MIN(g->block, g->map.tiles - t0));
		input_block(g, &b, slots);
		multiply_block(g, &b, slots, &ahead);
		output_block(g, &b, slots);
	}
}

static void winograd_run(winograd *g, const real *in, const real *u, epilogue e, real *out, void *scratch)
{
	g->in = in;
	g->u = u;
	g->e = e;
	g->out = out;
	g->zeros = scratch;
	g->work = g->zeros + scratch_piece(g->wide_in);
	memset(g->zeros, 0, (size_t)g->wide_in * sizeof(real));
	parallel_for(g->blocks, 1, blocks_run, g);
}

conv_room wino_room(const tile_kernels *k, wino_name f, const conv_shape *s, conv_use use)
{
	if (use == CONV_DW)
		return (conv_room){.scratch = wino_dw_scratch(k, f, s)};
	const winograd g = winograd_of(k, f, s, use);
	return winograd_room(&g);
}

void wino_pack(const tile_kernels *k, wino_name f, const conv_shape *s, conv_use use, const real *w, real *packed,
	       void *scratch)
{
	enum { GRAIN = 8 };                          /* input channels of a piece */
	winograd g = winograd_of(k, f, s, use);
	g.w = w;
	g.packing = packed;
	g.w_turned = scratch;
	if (g.turned)
		parallel_for(9, 1, turn_taps, &g);
	parallel_for(g.map.ic, GRAIN, pack_weights, &g);
}

void wino_forward(const tile_kernels *k, wino_name f, const conv_shape *s, const real *x, const real *w, epilogue e,
		  real *y, void *scratch)
{
	winograd g = winograd_of(k, f, s, CONV_FORWARD);
	winograd_run(&g, x, w, e, y, scratch);
}

void wino_dx(const tile_kernels *k, wino_name f, const conv_shape *s, const real *dy, const real *w, real *dx,
	     void *scratch)
{
	winograd g = winograd_of(k, f, s, CONV_DX);
	winograd_run(&g, dy, w, (epilogue){0}, dx, scratch);
}
