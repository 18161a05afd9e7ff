/* gemm.c - matrix products on register tiles: rows times packed columns, or a sum of outer products.
 *
 * a as it is: b is packed like the weights of a convolution with one tap, rows of a are its pixels. Few large
 * products share one packed b; of many small ones each worker packs its own. a stored transposed: rows of a and b
 * are k outer products, added up in pieces of k that stay in L2; few large products are cut into pieces of k, added
 * in order, as long as that moves less memory than the inputs have, and into pieces of m. */
#include "core/kernels/gemm.h"

#include <string.h>

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/thread.h"

enum {
	LEAST = 8,                                   /* sides below waste most of a tile */
	LEAST_COLUMNS = 4,                           /* but rows of a gain: 64 products of 196 rows, 49 terms and 4
	                                              * columns, v3: 10 GFLOP/s, 3.8 without tiles */
	ENOUGH = 16,                                 /* products, or pieces of a sum, that keep every worker of a small
	                                              * machine busy. Pieces of a sum are part of what a result is */
	ROWS = 256,                                  /* rows of a whose offsets are listed: 4 KB of lists */
	KEEP = 256 * 1024,                           /* bytes that should stay in L2: half of a small one */
	PIECE_ROWS = 64,                             /* rows of a piece at least: fewer do not pay for reading all of
	                                              * b */
	PIECES = 32,                                 /* of a large product: some for each thread */
	SUM_LEAST = 64,                              /* terms of a piece of k at least: each adds its tiles to memory */
	STEP_MOST = 64,                              /* terms at a time: they stay in L1 while the next are called for.
	                                              * 64 x 64 sums of 65,536 terms, v3: 78 GFLOP/s, 50 where nobody
	                                              * calls for them, 40 with 512 terms */
	COPY_STEP = 200,                             /* the same of copies: a strip of a and a block of columns of b,
	                                              * 200 rows of 12 and of 32 floats, are 35 KB: a first cache */
	COPY_LEAST = 96,                             /* sides of c that pay for copies: each is read again and again */
	ROW_PIECE = 24, ROWS_LEAST = 48,             /* rows of a piece of an outer product: whole tiles of 6, 8 and 12;
	                                              * at least so many, for each piece reads all of b */
	TALL = 12,                                   /* rows of the tallest tile of any level */
	CALL_MOST = 1 << 14,                         /* elements of factors that are called for early: more would push
	                                              * what is being used out of L1 and L2 */
	WIDEST = 64 / (int)sizeof(real),             /* elements of the widest vector of any level */
	COLUMNS = 2 * WIDEST                         /* and of the widest block of columns */
};

typedef struct product {
	const tile_kernels *t;
	gemm_shape s;
	const real *a, *b;
	real *c;
	epilogue e;
	int64_t mb, ms, kb, ks;                      /* pieces: length and number */
	int64_t packed;                              /* elements of a packed b */
	bool copies;                                 /* outer products of copies of a and b */
	int64_t step, own;                           /* terms at a time; elements that a worker has for them */
	real *work;                                  /* packed b: of each product, or of each worker; or [ks,..] */
	int64_t *in, *out;                           /* [ROWS] */
} product;

bool gemm_suits(const gemm_shape *s)
{
	return s->m >= LEAST && s->n >= (s->ta ? LEAST : LEAST_COLUMNS) && !(s->ta && s->tb);
}

bool gemm_has_epilogue(const gemm_shape *s)
{
	return !s->ta && gemm_suits(s);
}

static int64_t divide_up(int64_t n, int64_t by)
{
	return (n + by - 1) / by;
}

static int64_t round_up(int64_t n, int64_t to)
{
	return divide_up(n, to) * to;
}

static bool is_shared(const gemm_shape *s)
{
	return s->batch < ENOUGH;
}

static int64_t aligned(int64_t n)
{
	return round_up(n, WIDEST);
}

/* Last rows of b behind which a whole vector would read too far; the same on every level. */
static int64_t tail_rows(const gemm_shape *s)
{
	return divide_up(round_up(s->n, WIDEST) - s->n, s->n);
}

static int64_t tail_size(const gemm_shape *s)
{
	return tail_rows(s) * round_up(s->n, WIDEST);
}

static product product_of(const tile_kernels *t, const gemm_shape *s)
{
	product p = {.t = t, .s = *s, .mb = s->m, .ms = 1, .kb = s->k, .ks = 1};
	if (!s->ta && is_shared(s)) {
		p.mb = MAX(PIECE_ROWS, round_up(divide_up(s->m * s->batch, PIECES), 8));
		p.ms = divide_up(s->m, p.mb);
	}
	if (s->ta && is_shared(s)) {
		int64_t cheap = s->k * (s->m + s->n) / (2 * s->m * s->n);
		int64_t most = MIN(ENOUGH / s->batch, MIN(cheap, s->k / SUM_LEAST));
		p.kb = divide_up(s->k, MAX(1, most));
		p.ks = divide_up(s->k, p.kb);
		p.mb = MIN(s->m, MAX(ROWS_LEAST, round_up(divide_up(s->m * s->batch * p.ks, ENOUGH), ROW_PIECE)));
		p.mb = round_up(divide_up(s->m, divide_up(s->m, p.mb)), TALL);
		p.ms = divide_up(s->m, p.mb);
	}
	p.copies = s->ta && s->m >= COPY_LEAST && s->n >= COPY_LEAST;
	p.step = MIN(p.copies ? COPY_STEP : STEP_MOST, MAX(SUM_LEAST, KEEP / (int64_t)sizeof(real) / p.mb));
	p.step = divide_up(p.kb, divide_up(p.kb, p.step));
	p.own = p.copies ? p.step * (COLUMNS + round_up(p.mb, TALL)) : tail_size(s);
	p.packed = aligned(tile_packed_size(t, s->k, s->n));
	return p;
}

/* ---- rows of a times packed columns of b ---- */

/* Rows whose part of a stays in L2 while the blocks of columns pass by. */
static int64_t rows_at_once(const product *p)
{
	int64_t fit = KEEP / (p->s.k * (int64_t)sizeof(real)) / 8 * 8;       /* whole tiles of 8 rows */
	return MIN(ROWS, MAX(32, fit));              /* fewer than 32 would read the packed b too often */
}

/* Rows [lo,hi) of product i. */
static void multiply_rows(const product *p, int64_t i, int64_t lo, int64_t hi, const real *packed)
{
	const gemm_shape *s = &p->s;
	const int64_t run = 0, step = rows_at_once(p);
	for (int64_t r = lo; r < hi; r += step) {
		const int64_t at = (i * s->m + r) * s->n;
		tile_conv t = {
			.x = p->a + (i * s->m + r) * s->k, .in = p->in, .out = p->out, .npix = MIN(step, hi - r),
			.run = &run, .nrun = 1, .len = s->k, .w = packed, .y = p->c + at, .cout = s->n, .e = p->e,
		};
		if (p->e.residual)
			t.e.residual = p->e.residual + at;
		p->t->conv(&t);
	}
}

static void pack(const product *p, int64_t i, int64_t o, int64_t n, real *to)
{
	const gemm_shape *s = &p->s;
	const int64_t row = s->tb ? 1 : s->n, col = s->tb ? s->k : 1;
	tile_pack(p->t, p->b + i * s->k * s->n + o * col, row, col, s->k, n, s->k, 0, to + o * s->k);
}

/* Blocks of columns of the products. */
static void pack_blocks(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const product *p = ctx;
	const int64_t blocks = divide_up(p->s.n, p->t->block);
	for (int64_t j = lo; j < hi; j++) {
		const int64_t o = j % blocks * p->t->block, i = j / blocks;
		pack(p, i, o, MIN(p->t->block, p->s.n - o), p->work + i * p->packed);
	}
}

static void shared_pieces(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const product *p = ctx;
	for (int64_t j = lo; j < hi; j++) {
		const int64_t i = j / p->ms, r = j % p->ms * p->mb;
		multiply_rows(p, i, r, MIN(r + p->mb, p->s.m), p->work + i * p->packed);
	}
}

/* Calls for the factors of product i while the one before is computed. Always inline: GCC 12 takes a function that
 * only prefetches for one without effects, and drops the calls. */
static inline __attribute__((always_inline)) void call_for(const product *p, int64_t i)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const int64_t m = p->s.m * p->s.k, n = p->s.n * p->s.k;
	if (i >= p->s.batch || m + n > CALL_MOST)
		return;
	for (int64_t k = 0; k < m; k += LINE)
		__builtin_prefetch(p->a + i * m + k, 0, 3);
	for (int64_t k = 0; k < n; k += LINE)
		__builtin_prefetch(p->b + i * n + k, 0, 3);
}

static void own_products(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const product *p = ctx;
	real *packed = p->work + worker * p->packed;
	for (int64_t i = lo; i < hi; i++) {
		pack(p, i, 0, p->s.n, packed);
		call_for(p, i + 1);
		multiply_rows(p, i, 0, p->s.m, packed);
	}
}

/* Products per chunk of work: about as many multiplications as 16 elements of a pass each. */
static int64_t grain_of(const gemm_shape *s)
{
	return MAX(1, 16 * SPAN_GRAIN / (s->m * s->n * s->k));
}

static void by_rows(product *p)
{
	const gemm_shape *s = &p->s;
	for (int64_t i = 0; i < ROWS; i++) {
		p->in[i] = i * s->k;
		p->out[i] = i * s->n;
	}
	if (is_shared(s)) {
		parallel_for(s->batch * divide_up(s->n, p->t->block), 1, pack_blocks, p);
		parallel_for(s->batch * p->ms, 1, shared_pieces, p);
	} else
		parallel_for(s->batch, grain_of(s), own_products, p);
}

/* ---- sums of outer products ---- */

/* z [mb,n] += sum of the outer products of terms [lo,hi), rows of b `ldb` apart. The same number of terms behind
 * them is called for. */
static void add_outer(const product *p, const real *a, const real *b, int64_t ldb, int64_t terms, int64_t rows,
		      real *z)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const gemm_shape *s = &p->s;
	const int64_t tiles = divide_up(rows, TALL) * divide_up(s->n, p->t->block);
	tile_ahead next = {
		.at = {(const char *)(a + terms * s->m), (const char *)(b + terms * ldb)}, .n = 2,
		.lines = (int)divide_up(terms * MAX(s->m, s->n) / LINE, tiles),
	};
	tile_outer t = {
		.x = a, .dy = b, .size = {1, 1, terms}, .x_step = {0, 0, s->m}, .dy_step = {0, 0, ldb},
		.rows = rows, .cout = s->n, .z = z, .ld = s->n, .ahead = &next,
	};
	p->t->outer(&t);
}

/* Rows of a piece of a, [terms,rows] in rows of `ld`, as strips of TALL, each [terms][its rows]. */
static CLONES(copy_strips, (real *restrict to, const real *restrict a, int64_t ld, int64_t terms, int64_t rows),
	(to, a, ld, terms, rows))
{
	for (int64_t k = 0; k < terms; k++, a += ld) {
		int64_t r = 0;
		for (; r + TALL <= rows; r += TALL)
			for (int i = 0; i < TALL; i++)
				to[r * terms + k * TALL + i] = a[r + i];
		for (int64_t i = r; i < rows; i++)
			to[r * terms + k * (rows - r) + i - r] = a[i];
	}
}

/* Columns [0,have) of b, [terms,..] in rows of `ld`, as [terms][width], zeros behind. */
static CLONES(copy_columns, (real *restrict to, const real *restrict b, int64_t ld, int64_t terms, int64_t have,
	int64_t width),
	(to, b, ld, terms, have, width))
{
	for (int64_t k = 0; k < terms; k++, to += width, b += ld) {
		for (int i = 0; have == COLUMNS && i < COLUMNS; i++)
			to[i] = b[i];
		for (int64_t i = 0; have < COLUMNS && i < have; i++)
			to[i] = b[i];
		for (int64_t i = have; i < width; i++)
			to[i] = 0;
	}
}

/* Calls for part j of `parts` of rows [0,terms) of x, n elements each, ld apart. Always inline, as above. */
static inline __attribute__((always_inline)) void call_for_rows(const real *x, int64_t ld, int64_t n, int64_t terms,
								int64_t j, int64_t parts)
{
	enum { LINE = 64 / (int)sizeof(real) };
	for (int64_t k = j * terms / parts; k < (j + 1) * terms / parts; k++)
		for (int64_t i = 0; i < n; i += LINE)
			__builtin_prefetch(x + k * ld + i, 0, 2);
}

/* z [rows,n] += sum of the outer products of `terms` rows of a and b. Rows of a and b lie too far apart for L1 and
 * the processor's foresight, so both are copied: a strip of a and a block of columns of b are one stream each. What is
 * copied next is called for: the next block of columns, and `more` rows of a behind these. */
static void add_copies(const product *p, const real *a, const real *b, int64_t terms, int64_t more, int64_t rows,
		       real *z, real *stream)
{
	const gemm_shape *s = &p->s;
	const int64_t block = p->t->block, tall = divide_up(rows, TALL), tiles = tall * divide_up(s->n, block);
	real *strips = stream + p->step * COLUMNS;
	copy_strips(strips, a, s->m, terms, rows);
	for (int64_t o = 0, j = 0; o < s->n; o += block) {
		const int64_t have = MIN(block, s->n - o), next = MIN(block, s->n - o - have);
		copy_columns(stream, b + o, s->n, terms, have, tile_round(p->t, have));
		for (int64_t r = 0; r < rows; r += TALL, j++) {
			tile_outer t = {
				.x = strips + r * terms, .dy = stream, .size = {1, 1, terms},
				.x_step = {0, 0, MIN(TALL, rows - r)}, .dy_step = {0, 0, tile_round(p->t, have)},
				.rows = MIN(TALL, rows - r), .cout = have, .z = z + r * s->n + o, .ld = s->n,
			};
			call_for_rows(b + o + have, s->n, next, terms, r / TALL, tall);
			call_for_rows(a + terms * s->m, s->m, rows, more, j, tiles);
			p->t->outer(&t);
		}
		if (next == 0)
			call_for_rows(b + terms * s->n, s->n, MIN(block, s->n), more, 0, 1);
	}
}

/* z [rows,n] += sum of the outer products of terms [lo,hi), of a and b themselves but for the last rows of b. */
static void add_direct(const product *p, const real *a, const real *b, int64_t lo, int64_t hi, int64_t rows,
		       real *z, real *tail)
{
	const gemm_shape *s = &p->s;
	const int64_t wide = round_up(s->n, WIDEST), last = s->k - tail_rows(s), from = MAX(lo, last);
	for (int64_t k = lo; k < MIN(hi, last); k += p->step)
		add_outer(p, a + k * s->m, b + k * s->n, s->n, MIN(p->step, MIN(hi, last) - k), rows, z);
	for (int64_t k = from; k < hi; k++)
		memcpy(tail + (k - from) * wide, b + k * s->n, (size_t)s->n * sizeof *tail);
	if (from < hi)
		add_outer(p, a + from * s->m, tail, wide, hi - from, rows, z);
}

/* Piece j: product, rows of c, terms. */
static void outer_piece(const product *p, int64_t j, real *own)
{
	const gemm_shape *s = &p->s;
	const int64_t ik = j % p->ks, r = j / p->ks % p->ms * p->mb, i = j / p->ks / p->ms;
	const int64_t rows = MIN(p->mb, s->m - r), lo = ik * p->kb, hi = MIN(lo + p->kb, s->k);
	const real *a = p->a + i * s->m * s->k + r, *b = p->b + i * s->k * s->n;
	real *z = (p->ks > 1 ? p->work + ik * s->batch * s->m * s->n : p->c) + (i * s->m + r) * s->n;
	memset(z, 0, (size_t)(rows * s->n) * sizeof *z);
	if (!p->copies)
		add_direct(p, a, b, lo, hi, rows, z, own);
	for (int64_t k = lo; p->copies && k < hi; k += p->step) {
		const int64_t terms = MIN(p->step, hi - k), more = MAX(0, MIN(p->step, hi - k - p->step));
		add_copies(p, a + k * s->m, b + k * s->n, terms, more, rows, z, own);
	}
}

static void outer_pieces(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const product *p = ctx;
	real *own = p->work + (p->ks > 1 ? aligned(p->ks * p->s.batch * p->s.m * p->s.n) : 0);
	for (int64_t j = lo; j < hi; j++)
		outer_piece(p, j, own + worker * aligned(p->own));
}

/* c = part[0] + part[1] + .., in this order */
static CLONES(combine, (void *ctx, int worker, int64_t lo, int64_t hi), (ctx, worker, lo, hi))
{
	(void)worker;
	const product *p = ctx;
	const int64_t size = p->s.batch * p->s.m * p->s.n;
	memcpy(p->c + lo, p->work + lo, (size_t)(hi - lo) * sizeof *p->c);
	for (int64_t k = 1; k < p->ks; k++) {
		const real *restrict part = p->work + k * size;
		real *restrict c = p->c;
		for (int64_t i = lo; i < hi; i++)
			c[i] += part[i];
	}
}

static void by_outer(product *p)
{
	const gemm_shape *s = &p->s;
	parallel_for(s->batch * p->ms * p->ks, is_shared(s) ? 1 : grain_of(s), outer_pieces, p);
	if (p->ks > 1)
		parallel_for(s->batch * s->m * s->n, SPAN_GRAIN / 8, combine, p);
}

/* ---- both ---- */

static int64_t work_size(const product *p)
{
	const gemm_shape *s = &p->s;
	if (!s->ta)
		return p->packed * (is_shared(s) ? s->batch : pool_threads());
	return (p->ks > 1 ? aligned(p->ks * s->batch * s->m * s->n) : 0) + pool_threads() * aligned(p->own);
}

size_t gemm_scratch(const tile_kernels *t, const gemm_shape *s)
{
	const product p = product_of(t, s);
	return (size_t)work_size(&p) * sizeof(real) + 2 * ROWS * sizeof(int64_t);
}

void gemm(const tile_kernels *t, const gemm_shape *s, const real *a, const real *b, epilogue e, real *c,
	  void *scratch)
{
	product p = product_of(t, s);
	p.a = a;
	p.b = b;
	p.c = c;
	p.e = e;
	p.in = scratch;
	p.out = p.in + ROWS;
	p.work = (real *)(p.out + ROWS);
	(s->ta ? by_outer : by_rows)(&p);
}
