/* attention_forward.c - O = softmax(scale Q K') V, a block of keys after the other.
 *
 * Per block of keys, packed once for a chunk of queries: scores of BLOCK_ROWS queries, their running
 * maximum m and sum l, and O = O e^(m_old - m) + e^(S - m) V. At the end O / l, lse = m + log l. */
#include "core/base/local.h"
#include "core/kernels/attention_block.h"

#include <math.h>

#include "core/base/thread.h"
#include "core/base/vecmath.h"

enum {
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
	int64_t chunk, chunks, block;                /* queries of a chunk, chunks of a sample, keys of a block */
	layout at;
	real *memory;                                /* [workers, at.total] */
} forward;

static forward forward_of(const attention_sizes *s)
{
	forward f = {.s = s, .t = tile_best(), .block = key_block(s->M)};
	const int64_t want = (PIECES + s->G - 1) / s->G, most = MAX(1, CHUNK / s->c / BLOCK_ROWS) * BLOCK_ROWS;
	f.chunk = ((s->N + want - 1) / want + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS;
	f.chunk = MIN(f.chunk, most);
	f.chunks = (s->N + f.chunk - 1) / f.chunk;
	layout *at = &f.at;
	at->keys = reserve(&at->total, tile_packed_size(f.t, s->d, f.block));
	at->values = reserve(&at->total, tile_packed_size(f.t, f.block, s->c));
	at->s = reserve(&at->total, BLOCK_ROWS * f.block);
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

/* `rows` queries against n keys from m on; the maximum is kept in lse. */
static void attend_block(const forward *f, real *mine, int64_t row, int64_t rows, int64_t m, int64_t n, real *sum)
{
	const int64_t d = f->s->d, c = f->s->c, ld = query_width(f->s);
	const bool first = m == 0;
	const real *q = f->in.q + row * ld;
	real *s = mine + f->at.s, *old = mine + f->at.old, *more = mine + f->at.more;
	real *top = f->lse + row, *o = f->o + row * c;
	tile_gemm_packed(f->t, rows, n, d, q, ld, mine + f->at.keys, s, n, false);
	if (f->s->cols)
		block_add_positions(s, rows, n, m, f->s, q + d, ld);
	for (int64_t r = 0; r < rows; r++)
		old[r] = first ? -INFINITY : top[r];
	f->t->exp_below(s, rows, n, f->s->scale, old, top, first ? sum : more);
	if (!first) {
		lower(f, mine, rows, top, sum, o);
		for (int64_t r = 0; r < rows; r++)
			sum[r] += more[r];
	}
	tile_gemm_packed(f->t, rows, c, n, s, n, mine + f->at.values, o, c, !first);
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
