/* attention_gradient.c - the derivatives of attention, and theirs, with the scores made again block by
 * block.
 *
 * Outside runs a block of keys, packed once, inside all blocks of queries, each against one part of the keys after the
 * other: what belongs to keys is complete after its block, what belongs to queries is added up block after block. With
 * few samples the blocks of keys are shared out as pieces with sums of their own, added in order at the end. */
#include "core/base/local.h"
#include "core/kernels/attention_block.h"

#include <string.h>

#include "core/base/clones.h"
#include "core/base/thread.h"

enum {
	/* Pieces of the keys that are wanted: some for each thread, few since each has sums for all queries of its
	 * sample, in memory of its own. They are added in order, so the number is part of what a result is, to the last
	 * bits. So are the next two. */
	PIECES = 16,
	BLOCK_ROWS = 96,                             /* queries of a block of scores: whole tiles of 6 and of 12 rows */
	PART_KEYS = 128,                             /* and its keys. v3, 64x64 pooled, gradients of 96 x 128, 96 x 64,
	                                              * 48 x 64: 41.6, 43.1, 48.1 ms */
	PARTS = BLOCK_KEYS / PART_KEYS,              /* parts of a block of keys at most */
};

/* Elements of a worker's memory: blocks of scores, rows of queries as columns wants them, and for each part of a block
 * of keys what is packed: k, b, e and v as they are, kt, bt, et and vt transposed. b, e, v, w, x and a are for
 * attention_second. */
typedef struct layout {
	int64_t p, u, w, x, q, dy, a, parts;
	int64_t k, kt, vt, b, bt, e, et, v;          /* in a part */
	int64_t part, total;
} layout;

/* Keys at..at+n of all samples laid end to end, m..m+n of their own, what is packed of them, and where sums of queries
 * go. */
typedef struct keys {
	int64_t at, n, m;
	bool first;                                  /* of the piece: nothing is in the sums of queries */
	real *packed;
	attention_out to;
} keys;

typedef struct backward {
	const attention_sizes *s;
	attention_in in;
	attention_out out, part;                     /* part: [pieces, ..] sums of queries when pieces > 1 */
	const tile_kernels *t;
	int64_t block, blocks, pieces;               /* keys of a block, blocks and pieces of a sample */
	int64_t step, lds;                           /* keys of a part, and from a row of scores to the next */
	layout at;
	real *memory;                                /* [workers, at.total] */
	bool second;
} backward;

/* What a part of the keys has, packed. */
static void lay_out_part(backward *f)
{
	layout *at = &f->at;
	int64_t *n = &at->part;
	const int64_t k = tile_packed_size(f->t, f->step, f->s->d), kt = tile_packed_size(f->t, f->s->d, f->step);
	const int64_t v = tile_packed_size(f->t, f->step, f->s->c), vt = tile_packed_size(f->t, f->s->c, f->step);
	at->k = reserve(n, k), at->kt = reserve(n, kt), at->vt = reserve(n, vt);
	if (!f->second)
		return;
	at->b = reserve(n, k), at->bt = reserve(n, kt);
	at->e = reserve(n, v), at->et = reserve(n, vt), at->v = reserve(n, v);
}

static backward backward_of(const attention_sizes *s, bool second)
{
	backward f = {.s = s, .t = tile_best(), .block = cut_keys(s->M, BLOCK_KEYS), .second = second};
	f.blocks = (s->M + f.block - 1) / f.block;
	f.pieces = MIN(f.blocks, (PIECES + s->G - 1) / s->G);
	f.step = cut_keys(f.block, PART_KEYS);
	f.lds = f.step + APART;
	lay_out_part(&f);
	layout *at = &f.at;
	int64_t *n = &at->total;
	at->p = reserve(n, BLOCK_ROWS * f.lds), at->u = reserve(n, BLOCK_ROWS * f.lds);
	at->q = reserve(n, BLOCK_ROWS * tile_round(f.t, s->d)), at->dy = reserve(n, BLOCK_ROWS * tile_round(f.t, s->c));
	if (second) {
		at->w = reserve(n, BLOCK_ROWS * f.lds), at->x = reserve(n, BLOCK_ROWS * f.lds);
		at->a = reserve(n, BLOCK_ROWS * tile_round(f.t, s->d));
	}
	at->parts = reserve(n, PARTS * at->part);
	return f;
}

/* Elements that all queries have in the results. */
static int64_t sums(const backward *f)
{
	return f->s->G * f->s->N * (query_width(f->s) + (f->second ? f->s->c + 2 : 0));
}

static size_t scratch_bytes(const backward *f)
{
	const int64_t part = f->pieces > 1 ? f->pieces * sums(f) : 0;
	return (size_t)(pool_threads() * f->at.total + part) * sizeof(real);
}

size_t attention_gradient_scratch(const attention_sizes *s)
{
	const backward f = backward_of(s, false);
	return scratch_bytes(&f);
}

size_t attention_second_scratch(const attention_sizes *s)
{
	const backward f = backward_of(s, true);
	return scratch_bytes(&f);
}

/* ---- products with what is packed, and sums over queries ---- */

/* Scores y of rows x [rows,w], ld apart: y (+)= x times packed keys, transposed. */
static void scores(const backward *f, const real *x, int64_t ld, int64_t rows, int64_t w, int64_t packed, const keys *k,
		   real *y, bool add)
{
	const block_rows b = {.x = x, .ldx = ld, .b = k->packed + packed, .rows = rows, .terms = w, .n = k->n, .y = y,
			      .ldy = f->lds};
	(add ? f->t->attention->add : f->t->attention->store)(&b);
}

/* The same of queries, or of a, with what they think of the keys' positions. */
static void query_scores(const backward *f, const real *q, int64_t rows, const keys *k, real *y)
{
	const int64_t d = f->s->d, ld = query_width(f->s);
	scores(f, q, ld, rows, d, f->at.kt, k, y, false);
	if (f->s->cols)
		block_add_positions(y, f->lds, rows, k->n, k->m, f->s, q + d, ld);
}

/* y [rows,w], rows of ld elements, += s times packed keys */
static void to_queries(const backward *f, const real *s, int64_t rows, const keys *k, int64_t packed, int64_t w,
		       real *y, int64_t ld)
{
	f->t->attention->add(&(block_rows){.x = s, .ldx = f->lds, .b = k->packed + packed, .rows = rows, .terms = k->n,
					   .n = w, .y = y, .ldy = ld});
}

/* y [n,w] += s' x; x: rows as copy_rows leaves them. */
static void to_keys(const backward *f, const real *s, int64_t rows, const keys *k, const real *x, int64_t w, real *y)
{
	f->t->attention->columns(&(block_columns){.s = s, .lds = f->lds, .x = x, .ldx = tile_round(f->t, w),
						  .rows = rows, .n = k->n, .w = w, .z = y + k->at * w});
}

/* ---- a block of queries against a part of the keys ---- */

/* p = P */
static void probabilities(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows)
{
	query_scores(f, f->in.q + row * query_width(f->s), rows, k, mine + f->at.p);
	f->t->exp_shifted(mine + f->at.p, rows, k->n, f->lds, f->s->scale, f->in.lse + row, NULL);
}

/* T / scale = P (dy V' - delta); the scale is in the keys and in the queries that it meets. */
static void gradient_block(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows)
{
	const int64_t d = f->s->d, c = f->s->c, ld = query_width(f->s);
	real *p = mine + f->at.p, *t = mine + f->at.u, *dq = k->to.q + row * ld;
	probabilities(f, mine, k, row, rows);
	to_keys(f, p, rows, k, mine + f->at.dy, c, f->out.v);
	f->t->attention->weigh(&(block_rows){
		.x = f->in.dy + row * c, .ldx = c, .b = k->packed + f->at.vt, .rows = rows, .terms = c, .n = k->n,
		.y = t, .ldy = f->lds, .p = p, .less = f->in.delta + row});
	if (k->first)
		memset(dq, 0, (size_t)(rows * ld) * sizeof *dq);
	to_queries(f, t, rows, k, f->at.k, d, dq, ld);
	if (f->s->cols)
		block_sum_positions(t, f->lds, rows, k->n, k->m, f->s, dq + d, ld);
	to_keys(f, t, rows, k, mine + f->at.q, d, f->out.k);
}

/* The first part of a piece finds nothing in what belongs to queries. */
static void clear_second(const backward *f, const keys *k, int64_t row, int64_t rows)
{
	const int64_t ld = query_width(f->s), c = f->s->c;
	memset(k->to.q + row * ld, 0, (size_t)(rows * ld) * sizeof(real));
	memset(k->to.dy + row * c, 0, (size_t)(rows * c) * sizeof(real));
	memset(k->to.lse + row, 0, (size_t)rows * sizeof(real));
	memset(k->to.delta + row, 0, (size_t)rows * sizeof(real));
}

static void second_block(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows)
{
	const layout *at = &f->at;
	const int64_t d = f->s->d, c = f->s->c, ld = query_width(f->s);
	const real *q = f->in.q + row * ld, *a = f->in.a + row * ld, *dy = f->in.dy + row * c;
	real *p = mine + at->p, *t = mine + at->u, *y = mine + at->w, *z = mine + at->x;
	real *dq = k->to.q + row * ld, *ddy = k->to.dy + row * c;
	if (k->first)
		clear_second(f, k, row, rows);
	probabilities(f, mine, k, row, rows);
	scores(f, dy, c, rows, c, at->vt, k, t, false);
	query_scores(f, a, rows, k, y);
	scores(f, q, ld, rows, d, at->bt, k, y, true);
	scores(f, dy, c, rows, c, at->et, k, z, false);
	block_second(t, y, z, p, f->lds, rows, k->n, f->s->scale, f->in.delta + row, k->to.lse + row,
		     k->to.delta + row);
	to_queries(f, z, rows, k, at->k, d, dq, ld);
	if (f->s->cols)
		block_sum_positions(z, f->lds, rows, k->n, k->m, f->s, dq + d, ld);
	to_queries(f, t, rows, k, at->b, d, dq, ld);
	to_queries(f, y, rows, k, at->v, c, ddy, c);
	to_queries(f, p, rows, k, at->e, c, ddy, c);
	to_keys(f, z, rows, k, mine + at->q, d, f->out.k);
	to_keys(f, t, rows, k, mine + at->a, d, f->out.k);
	to_keys(f, y, rows, k, mine + at->dy, c, f->out.v);
}

/* ---- a piece of the keys of a sample ---- */

static void scale_span(real *x, int64_t n, real by)
{
	for (int64_t i = 0; by != 1 && i < n; i++)
		x[i] *= by;
}

static void pack_keys(const backward *f, const keys *k)
{
	const int64_t d = f->s->d, c = f->s->c, n = k->n;
	const layout *at = &f->at;
	real *to = k->packed;
	pack_plain(f->t, f->in.k + k->at * d, n, d, to + at->k);
	scale_span(to + at->k, tile_packed_size(f->t, n, d), f->s->scale);
	pack_transposed(f->t, f->in.k + k->at * d, n, d, to + at->kt);
	pack_transposed(f->t, f->in.v + k->at * c, n, c, to + at->vt);
	if (!f->second)
		return;
	pack_plain(f->t, f->in.b + k->at * d, n, d, to + at->b);
	scale_span(to + at->b, tile_packed_size(f->t, n, d), f->s->scale);
	pack_transposed(f->t, f->in.b + k->at * d, n, d, to + at->bt);
	pack_plain(f->t, f->in.e + k->at * c, n, c, to + at->e);
	pack_transposed(f->t, f->in.e + k->at * c, n, c, to + at->et);
	pack_plain(f->t, f->in.v + k->at * c, n, c, to + at->v);
}

/* to [rows, whole vectors] = by x, zeros behind; rows of x, of w elements, lie ld apart. */
static void copy_rows(const backward *f, const real *x, int64_t ld, int64_t rows, int64_t w, real by, real *to)
{
	const int64_t wide = tile_round(f->t, w);
	for (int64_t r = 0; r < rows; r++, x += ld, to += wide) {
		for (int64_t i = 0; i < w; i++)
			to[i] = by * x[i];
		memset(to + w, 0, (size_t)(wide - w) * sizeof *to);
	}
}

/* Queries as sums over them want them. */
static void copy_queries(const backward *f, real *mine, int64_t row, int64_t rows)
{
	const int64_t d = f->s->d, c = f->s->c, ld = query_width(f->s);
	copy_rows(f, f->in.q + row * ld, ld, rows, d, f->s->scale, mine + f->at.q);
	copy_rows(f, f->in.dy + row * c, c, rows, c, 1, mine + f->at.dy);
	if (f->second)
		copy_rows(f, f->in.a + row * ld, ld, rows, d, f->s->scale, mine + f->at.a);
}

/* Where piece i adds up what belongs to queries. */
static attention_out sums_of(const backward *f, int64_t i)
{
	const int64_t rows = i * f->s->G * f->s->N;
	if (f->pieces == 1)
		return f->out;
	attention_out to = {.q = f->part.q + rows * query_width(f->s)};
	if (f->second) {
		to.dy = f->part.dy + rows * f->s->c;
		to.lse = f->part.lse + rows;
		to.delta = f->part.delta + rows;
	}
	return to;
}

/* Block b of the keys of sample g in parts, packed: how many. */
static int open_block(const backward *f, real *mine, int64_t g, int64_t b, attention_out to, bool first, keys *part)
{
	const attention_sizes *s = f->s;
	const int64_t end = MIN(s->M, (b + 1) * f->block);
	int n = 0;
	for (int64_t m = b * f->block; m < end; m += f->step, n++) {
		part[n] = (keys){g * s->M + m, MIN(f->step, end - m), m, first && n == 0,
				 mine + f->at.parts + n * f->at.part, to};
		pack_keys(f, &part[n]);
		memset(f->out.k + part[n].at * s->d, 0, (size_t)(part[n].n * s->d) * sizeof(real));
		memset(f->out.v + part[n].at * s->c, 0, (size_t)(part[n].n * s->c) * sizeof(real));
	}
	return n;
}

static void run_piece(const backward *f, real *mine, int64_t g, int64_t piece)
{
	const attention_sizes *s = f->s;
	const int64_t from = piece * f->blocks / f->pieces, to = (piece + 1) * f->blocks / f->pieces;
	for (int64_t b = from; b < to; b++) {
		keys part[PARTS];
		const int parts = open_block(f, mine, g, b, sums_of(f, piece), b == from, part);
		for (int64_t i = 0; i < s->N; i += BLOCK_ROWS) {
			const int64_t row = g * s->N + i, rows = MIN(BLOCK_ROWS, s->N - i);
			copy_queries(f, mine, row, rows);
			for (int j = 0; j < parts; j++)
				(f->second ? second_block : gradient_block)(f, mine, &part[j], row, rows);
		}
	}
}

static void run_pieces(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const backward *f = ctx;
	for (int64_t i = lo; i < hi; i++)
		run_piece(f, f->memory + worker * f->at.total, i / f->pieces, i % f->pieces);
}

/* ---- the pieces put together ---- */

typedef struct total {
	real *y;
	const real *part;                            /* [pieces, n] */
	int64_t n, pieces;
} total;

static void add_parts(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const total *t = ctx;
	memcpy(t->y + lo, t->part + lo, (size_t)(hi - lo) * sizeof(real));
	for (int64_t k = 1; k < t->pieces; k++)
		for (int64_t i = lo; i < hi; i++)
			t->y[i] += t->part[k * t->n + i];
}

static void combine(const backward *f, real *y, const real *part, int64_t width)
{
	total t = {y, part, f->s->G * f->s->N * width, f->pieces};
	parallel_for(t.n, SPAN_GRAIN, add_parts, &t);
}

static void run(backward *f, const attention_in *in, attention_out out, void *scratch)
{
	const int64_t wide = query_width(f->s), c = f->s->c, rows = f->pieces * f->s->G * f->s->N;
	f->in = *in;
	f->out = out;
	f->memory = scratch;
	f->part.q = f->memory + pool_threads() * f->at.total;
	if (f->second) {
		f->part.dy = f->part.q + rows * wide;
		f->part.lse = f->part.dy + rows * c;
		f->part.delta = f->part.lse + rows;
	}
	parallel_for(f->s->G * f->pieces, 1, run_pieces, f);
	if (f->pieces == 1)
		return;
	combine(f, out.q, f->part.q, wide);
	if (f->second) {
		combine(f, out.dy, f->part.dy, c);
		combine(f, out.lse, f->part.lse, 1);
		combine(f, out.delta, f->part.delta, 1);
	}
}

void attention_gradient(const attention_sizes *s, const attention_in *in, attention_out out, void *scratch)
{
	backward f = backward_of(s, false);
	run(&f, in, out, scratch);
}

void attention_second(const attention_sizes *s, const attention_in *in, attention_out out, void *scratch)
{
	backward f = backward_of(s, true);
	run(&f, in, out, scratch);
}
