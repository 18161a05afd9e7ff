/* attention_gradient.c - the derivatives of attention, and theirs, with the scores made again block by
 * block.
 *
 * Outside runs a block of keys, packed once, inside all blocks of queries: what belongs to keys is
 * complete after its block, what belongs to queries is added up block after block. With few samples
 * the blocks of keys are shared out as pieces with sums of their own, added in order at the end. */
#include "core/base/local.h"
#include "core/kernels/attention_block.h"

#include <string.h>

#include "core/base/clones.h"
#include "core/base/thread.h"

/* Pieces of the keys that are wanted: some for each thread, few since each has sums for all queries of its sample, in
 * memory of its own. They are added in order, so the number is part of what a result is, to the last bits. */
enum { PIECES = 16 };

/* Elements of a worker's memory: operands packed as they are and transposed, blocks of scores, room to
 * copy rows. b, e and what follows are for attention_second. */
typedef struct layout {
	int64_t k, kt, vt, p, u, copy;
	int64_t b, bt, e, et, v, w, x;
	int64_t total;
} layout;

/* Keys at..at+n of all samples laid end to end, m..m+n of their own, and where sums of queries go. */
typedef struct keys {
	int64_t at, n, m;
	bool first;                                  /* of the piece: nothing is in the sums of queries */
	attention_out to;
} keys;

typedef struct backward {
	const attention_sizes *s;
	attention_in in;
	attention_out out, part;                     /* part: [pieces, ..] sums of queries when pieces > 1 */
	const tile_kernels *t;
	int64_t block, blocks, pieces;               /* keys of a block, blocks and pieces of a sample */
	layout at;
	real *memory;                                /* [workers, at.total] */
	bool second;
} backward;

static backward backward_of(const attention_sizes *s, bool second)
{
	backward f = {.s = s, .t = tile_best(), .block = key_block(s->M), .second = second};
	f.blocks = (s->M + f.block - 1) / f.block;
	f.pieces = MIN(f.blocks, (PIECES + s->G - 1) / s->G);
	layout *at = &f.at;
	int64_t *n = &at->total;
	const int64_t k = tile_packed_size(f.t, f.block, s->d), kt = tile_packed_size(f.t, s->d, f.block);
	const int64_t v = tile_packed_size(f.t, f.block, s->c), vt = tile_packed_size(f.t, s->c, f.block);
	at->k = reserve(n, k), at->kt = reserve(n, kt), at->vt = reserve(n, vt);
	at->p = reserve(n, BLOCK_ROWS * f.block), at->u = reserve(n, BLOCK_ROWS * f.block);
	at->copy = reserve(n, tile_packed_size(f.t, BLOCK_ROWS, MAX(s->c, s->d)));
	if (!second)
		return f;
	at->b = reserve(n, k), at->bt = reserve(n, kt);
	at->e = reserve(n, v), at->et = reserve(n, vt), at->v = reserve(n, v);
	at->w = reserve(n, BLOCK_ROWS * f.block), at->x = reserve(n, BLOCK_ROWS * f.block);
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

/* y [rows,n] (+)= x [rows,w], rows of ld elements, times packed keys, transposed */
static void scores(const backward *f, const real *x, int64_t ld, int64_t rows, int64_t w, const real *packed, int64_t n,
		   real *y, bool add)
{
	tile_gemm_packed(f->t, rows, n, w, x, ld, packed, y, n, add);
}

/* The same of queries, or of a, with what they think of the keys' positions. */
static void query_scores(const backward *f, const real *q, int64_t rows, const real *packed, const keys *k, real *y)
{
	const int64_t d = f->s->d, ld = query_width(f->s);
	scores(f, q, ld, rows, d, packed, k->n, y, false);
	if (f->s->cols)
		block_add_positions(y, rows, k->n, k->m, f->s, q + d, ld);
}

/* y [rows,w], rows of ld elements, (+)= s [rows,n] times packed keys */
static void to_queries(const backward *f, const real *s, int64_t rows, int64_t n, const real *packed, int64_t w,
		       real *y, int64_t ld, bool add)
{
	tile_gemm_packed(f->t, rows, w, n, s, n, packed, y, ld, add);
}

/* The derivative of query_scores: dq (+)= s times packed keys, and the sums of s that belong to positions. */
static void to_query_scores(const backward *f, const real *s, int64_t rows, const keys *k, const real *packed, real *dq)
{
	const int64_t d = f->s->d, ld = query_width(f->s);
	to_queries(f, s, rows, k->n, packed, d, dq, ld, !k->first);
	for (int64_t r = 0; k->first && r < rows; r++)
		memset(dq + r * ld + d, 0, (size_t)(ld - d) * sizeof(real));
	if (f->s->cols)
		block_sum_positions(s, rows, k->n, k->m, f->s, dq + d, ld);
}

/* y [n,w] (+)= s' x, s [rows,n], x [rows,w] of ld elements */
static void to_keys(const backward *f, const real *s, int64_t rows, int64_t n, const real *x, int64_t ld, int64_t w,
		    real *y, bool add, real *mine)
{
	tile_gemm(f->t, n, w, rows, (tile_matrix){s, n, true}, (tile_matrix){x, ld, false}, y, w, add,
		  mine + f->at.copy);
}

/* ---- a block of queries against a block of keys ---- */

/* p = P, u = dy V' */
static void again(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows)
{
	const int64_t c = f->s->c;
	real *p = mine + f->at.p;
	query_scores(f, f->in.q + row * query_width(f->s), rows, mine + f->at.kt, k, p);
	f->t->exp_shifted(p, rows, k->n, f->s->scale, f->in.lse + row);
	scores(f, f->in.dy + row * c, c, rows, c, mine + f->at.vt, k->n, mine + f->at.u, false);
}

static void gradient_block(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows, bool add)
{
	const int64_t d = f->s->d, c = f->s->c, n = k->n, ld = query_width(f->s);
	real *p = mine + f->at.p, *t = mine + f->at.u;
	again(f, mine, k, row, rows);
	to_keys(f, p, rows, n, f->in.dy + row * c, c, c, f->out.v + k->at * c, add, mine);
	block_weigh(t, p, rows, n, f->s->scale, f->in.delta + row);
	to_query_scores(f, t, rows, k, mine + f->at.k, k->to.q + row * ld);
	to_keys(f, t, rows, n, f->in.q + row * ld, ld, d, f->out.k + k->at * d, add, mine);
}

static void second_block(const backward *f, real *mine, const keys *k, int64_t row, int64_t rows, bool add)
{
	const int64_t d = f->s->d, c = f->s->c, n = k->n, ld = query_width(f->s);
	const real *q = f->in.q + row * ld, *a = f->in.a + row * ld, *dy = f->in.dy + row * c;
	real *p = mine + f->at.p, *t = mine + f->at.u, *y = mine + f->at.w, *z = mine + f->at.x;
	again(f, mine, k, row, rows);
	query_scores(f, a, rows, mine + f->at.kt, k, y);
	scores(f, q, ld, rows, d, mine + f->at.bt, n, y, true);
	scores(f, dy, c, rows, c, mine + f->at.et, n, z, false);
	if (k->first) {
		memset(k->to.lse + row, 0, (size_t)rows * sizeof(real));
		memset(k->to.delta + row, 0, (size_t)rows * sizeof(real));
	}
	block_second(t, y, z, p, rows, n, f->s->scale, f->in.delta + row, k->to.lse + row, k->to.delta + row);
	to_query_scores(f, z, rows, k, mine + f->at.k, k->to.q + row * ld);
	to_queries(f, t, rows, n, mine + f->at.b, d, k->to.q + row * ld, ld, true);
	to_queries(f, y, rows, n, mine + f->at.v, c, k->to.dy + row * c, c, !k->first);
	to_queries(f, p, rows, n, mine + f->at.e, c, k->to.dy + row * c, c, true);
	to_keys(f, z, rows, n, q, ld, d, f->out.k + k->at * d, add, mine);
	to_keys(f, t, rows, n, a, ld, d, f->out.k + k->at * d, true, mine);
	to_keys(f, y, rows, n, dy, c, c, f->out.v + k->at * c, add, mine);
}

/* ---- a piece of the keys of a sample ---- */

static void pack_keys(const backward *f, real *mine, const keys *k)
{
	const int64_t d = f->s->d, c = f->s->c, n = k->n;
	const layout *at = &f->at;
	pack_plain(f->t, f->in.k + k->at * d, n, d, mine + at->k);
	pack_transposed(f->t, f->in.k + k->at * d, n, d, mine + at->kt);
	pack_transposed(f->t, f->in.v + k->at * c, n, c, mine + at->vt);
	if (!f->second)
		return;
	pack_plain(f->t, f->in.b + k->at * d, n, d, mine + at->b);
	pack_transposed(f->t, f->in.b + k->at * d, n, d, mine + at->bt);
	pack_plain(f->t, f->in.e + k->at * c, n, c, mine + at->e);
	pack_transposed(f->t, f->in.e + k->at * c, n, c, mine + at->et);
	pack_plain(f->t, f->in.v + k->at * c, n, c, mine + at->v);
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

static void run_piece(const backward *f, real *mine, int64_t g, int64_t piece)
{
	const attention_sizes *s = f->s;
	const int64_t from = piece * f->blocks / f->pieces, to = (piece + 1) * f->blocks / f->pieces;
	for (int64_t b = from; b < to; b++) {
		const int64_t m = b * f->block;
		const keys k = {g * s->M + m, MIN(f->block, s->M - m), m, b == from, sums_of(f, piece)};
		pack_keys(f, mine, &k);
		for (int64_t i = 0; i < s->N; i += BLOCK_ROWS)
			(f->second ? second_block : gradient_block)(f, mine, &k, g * s->N + i,
								    MIN(BLOCK_ROWS, s->N - i), i > 0);
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
