/* attention_forward.c - O = softmax(scale Q K') V, a block of keys after the other.
 *
 * Per block of keys, packed once for a chunk of queries: scores of BLOCK_ROWS queries, O += e^(S - m) V and the sums l
 * of e^(S - m). m is the maximum of the first block. It need not be that of all: floating point is as exact with
 * powers of e above 1. Only where a later block has sums above HIGH, m becomes the running maximum, O and l are made
 * relative to it (arXiv 1805.02867), and the block is done again. At the end O / l, lse = m + log l. */
#include "core/base/local.h"
#include "core/kernels/attention_block.h"

#include <math.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/base/vecmath.h"

#define HIGH ((real)(1 << 20))                       /* far from what a real cannot hold, also times a value of V */

enum {
	BLOCK_ROWS = 24,                             /* queries of a block: whole tiles of 6 and of 12 rows; their
	                                              * scores stay in L1 */
	PIECES = 16,                                 /* chunks wanted: some for each thread, few since each packs all
	                                              * keys of its sample. Queries do not meet: no result depends
	                                              * on it */
	CHUNK = 1 << 16,                             /* elements of O in a chunk: it stays in L2 */
};

/* Elements of a worker's memory: packed keys and values, scores, and per row: sum, old maximum, what the
 * block adds to the sum. */
typedef struct layout {
	int64_t keys, values, s, sum, old, more, total;
} layout;

typedef struct forward {
	const attention_sizes *s;
	attention_in in;
	real *o, *lse;
	const tile_kernels *t;
	int64_t chunk, chunks;                       /* queries of a chunk, chunks of a sample */
	int64_t block, lds;                          /* keys of a block, and from a row of scores to the next */
	layout at;
	real *memory;                                /* [workers, at.total] */
} forward;

static forward forward_of(const attention_sizes *s)
{
	forward f = {.s = s, .t = tile_best(), .block = cut_keys(s->M, BLOCK_KEYS)};
	const int64_t want = (PIECES + s->G - 1) / s->G, most = MAX(1, CHUNK / s->c / BLOCK_ROWS) * BLOCK_ROWS;
	f.chunk = ((s->N + want - 1) / want + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS;
	f.chunk = MIN(f.chunk, most);
	f.chunks = (s->N + f.chunk - 1) / f.chunk;
	f.lds = f.block + APART;
	layout *at = &f.at;
	at->keys = reserve(&at->total, tile_packed_size(f.t, s->d, f.block));
	at->values = reserve(&at->total, tile_packed_size(f.t, f.block, s->c));
	at->s = reserve(&at->total, BLOCK_ROWS * f.lds);
	at->sum = reserve(&at->total, f.chunk);
	at->old = reserve(&at->total, BLOCK_ROWS);
	at->more = reserve(&at->total, BLOCK_ROWS);
	return f;
}

size_t attention_forward_scratch(const attention_sizes *s)
{
	return (size_t)pool_threads() * (size_t)forward_of(s).at.total * sizeof(real);
}

static void scale_row(real *x, int64_t n, real by)
{
	for (int64_t i = 0; i < n; i++)
		x[i] *= by;
}

/* Makes O and the sums of these rows relative to the new maximum. */
static void lower(const forward *f, real *mine, int64_t rows, const real *top, real *sum, real *o)
{
	real *factor = mine + f->at.old;
	for (int64_t r = 0; r < rows; r++)
		factor[r] -= top[r];
	vec_exp(factor, factor, rows);
	for (int64_t r = 0; r < rows; r++)
		if (factor[r] != 1) {
			sum[r] *= factor[r];
			scale_row(o + r * f->s->c, f->s->c, factor[r]);
		}
}

/* Scores of `rows` queries against n keys from m on. */
static void make_scores(const forward *f, real *mine, int64_t row, int64_t rows, int64_t m, int64_t n)
{
	const int64_t d = f->s->d, ld = query_width(f->s);
	const real *q = f->in.q + row * ld;
	real *s = mine + f->at.s;
	f->t->attention->store(&(block_rows){
		.x = q, .ldx = ld, .b = mine + f->at.keys, .rows = rows, .terms = d, .n = n, .y = s, .ldy = f->lds});
	if (f->s->cols)
		block_add_positions(s, f->lds, rows, n, m, f->s, q + d, ld);
}

static bool any_high(const real *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (x[i] > HIGH)
			return true;
	return false;
}

/* Scores become e^(S - m), sums are added up; m is kept in lse. */
static void make_powers(const forward *f, real *mine, int64_t row, int64_t rows, int64_t m, int64_t n, real *sum)
{
	real *s = mine + f->at.s, *old = mine + f->at.old, *more = mine + f->at.more, *top = f->lse + row;
	const bool first = m == 0;
	if (!first)
		f->t->exp_shifted(s, rows, n, f->lds, f->s->scale, top, more);
	if (first || any_high(more, rows)) {
		if (!first)
			make_scores(f, mine, row, rows, m, n);
		for (int64_t r = 0; r < rows; r++)
			old[r] = first ? -INFINITY : top[r];
		f->t->exp_below(s, rows, n, f->lds, f->s->scale, old, top, first ? sum : more);
		if (!first)
			lower(f, mine, rows, top, sum, f->o + row * f->s->c);
	}
	for (int64_t r = 0; !first && r < rows; r++)
		sum[r] += more[r];
}

/* `rows` queries against n keys from m on. */
static void attend_block(const forward *f, real *mine, int64_t row, int64_t rows, int64_t m, int64_t n, real *sum)
{
	const int64_t c = f->s->c;
	real *o = f->o + row * c;
	if (m == 0)
		memset(o, 0, (size_t)(rows * c) * sizeof *o);
	make_scores(f, mine, row, rows, m, n);
	make_powers(f, mine, row, rows, m, n, sum);
	f->t->attention->add(&(block_rows){
		.x = mine + f->at.s, .ldx = f->lds, .b = mine + f->at.values, .rows = rows, .terms = n, .n = c,
		.y = o, .ldy = c});
}

/* O / l and lse = m + log l of rows [lo,hi). */
static void finish(const forward *f, int64_t lo, int64_t hi, real *sum)
{
	for (int64_t r = lo; r < hi; r++)
		scale_row(f->o + r * f->s->c, f->s->c, 1 / sum[r - lo]);
	vec_log(sum, sum, hi - lo);
	for (int64_t r = lo; r < hi; r++)
		f->lse[r] += sum[r - lo];
}

static void attend_chunk(const forward *f, real *mine, int64_t item)
{
	const attention_sizes *s = f->s;
	const int64_t g = item / f->chunks, lo = item % f->chunks * f->chunk, hi = MIN(s->N, lo + f->chunk);
	real *sum = mine + f->at.sum;
	for (int64_t m = 0; m < s->M; m += f->block) {
		const int64_t n = MIN(f->block, s->M - m), key = g * s->M + m;
		pack_transposed(f->t, f->in.k + key * s->d, n, s->d, mine + f->at.keys);
		pack_plain(f->t, f->in.v + key * s->c, n, s->c, mine + f->at.values);
		for (int64_t i = lo; i < hi; i += BLOCK_ROWS)
			attend_block(f, mine, g * s->N + i, MIN(BLOCK_ROWS, hi - i), m, n, sum + i - lo);
	}
	finish(f, g * s->N + lo, g * s->N + hi, sum);
}

static void attend_chunks(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const forward *f = ctx;
	for (int64_t i = lo; i < hi; i++)
		attend_chunk(f, f->memory + worker * f->at.total, i);
}

void attention_forward(const attention_sizes *s, const attention_in *in, real *o, real *lse, void *scratch)
{
	forward f = forward_of(s);
	f.in = *in;
	f.o = o;
	f.lse = lse;
	f.memory = scratch;
	parallel_for(s->G * f.chunks, 1, attend_chunks, &f);
}
