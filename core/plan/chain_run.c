/* chain_run.c - runs a chain: loads, element-wise operations and sums on one block after the other (chain.c). */
#include <string.h>

#include "core/base/local.h"
#include "core/plan/chain_internal.h"
#include "core/graph/ops_internal.h"
#include "core/base/thread.h"

static size_t partial_bytes(const chain *c)
{
	return ((size_t)c->partial_count * sizeof(real) + 63) & ~(size_t)63;
}

size_t chain_scratch(const chain *c)
{
	return partial_bytes(c) + (size_t)c->slots * (size_t)c->block * sizeof(real) * (size_t)pool_threads();
}

/* out[r*width + i] = x[r], r < rows */
static CLONES(load_columns, (real *restrict out, const real *restrict x, int64_t rows, int64_t width),
	(out, x, rows, width))
{
	for (int64_t r = 0; r < rows; r++, out += width) {
		const real v = x[r];
		for (int64_t i = 0; i < width; i++)
			out[i] = v;
	}
}

/* out[r*width + i] = x[i], r < rows */
static CLONES(load_rows, (real *restrict out, const real *restrict x, int64_t rows, int64_t width),
	(out, x, rows, width))
{
	for (int64_t r = 0; r < rows; r++, out += width)
		for (int64_t i = 0; i < width; i++)
			out[i] = x[i];
}

/* out[0..n) = the pattern from flat position `at` on: [outer, repeated middle, inner]. Whole repetitions go by the
 * loops above. */
static void load_regular(real *out, const real *x, sum_form f, int64_t at, int64_t n)
{
	for (int64_t i = 0; i < n;) {
		const int64_t row = (at + i) / f.inner, q = (at + i) % f.inner, p = row / f.middle;
		if (f.inner == 1) {
			const int64_t whole = row % f.middle ? 0 : (n - i) / f.middle;
			const int64_t run = whole ? f.middle : MIN(n - i, (p + 1) * f.middle - row);
			load_columns(out + i, x + p, MAX(1, whole), run);
			i += MAX(1, whole) * run;
		} else {
			const int64_t whole = q ? 0 : MIN((n - i) / f.inner, (p + 1) * f.middle - row);
			const int64_t run = whole ? f.inner : MIN(n - i, f.inner - q);
			load_rows(out + i, x + p * f.inner + q, MAX(1, whole), run);
			i += MAX(1, whole) * run;
		}
	}
}

/* Any broadcast, one element at a time. */
static void load_general(real *out, const node *v, const real *x, int64_t at, int64_t n)
{
	const shape *to = &v->s, *from = &v->in[0]->s;
	int shift = to->rank - from->rank;
	for (int64_t i = 0; i < n; i++) {
		int64_t rest = at + i, src = 0, stride = 1;
		for (int a = to->rank - 1; a >= 0; a--) {
			int64_t k = rest % to->dim[a];
			rest /= to->dim[a];
			if (a >= shift && from->dim[a - shift] != 1) {
				src += k * stride;
				stride *= from->dim[a - shift];
			}
		}
		out[i] = x[src];
	}
}

static void do_load(const instr *l, real *out, int64_t at, int64_t n)
{
	if (!l->src)
		for (int64_t i = 0; i < n; i++)
			out[i] = (real)l->y->a.fill.value;
	else if (l->regular)
		load_regular(out, l->src->x, l->form, at, n);
	else
		load_general(out, l->y, l->src->x, at, n);
}

static CLONES(add_rows, (real *restrict sum, const real *restrict x, int64_t rows, int64_t width),
	(sum, x, rows, width))
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < width; i++)
			sum[i] += x[r * width + i];
}

static CLONES(add_products, (real *restrict sum, const real *a, const real *b, int64_t rows, int64_t width),
	(sum, a, b, rows, width))
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < width; i++)
			sum[i] += a[r * width + i] * b[r * width + i];
}

/* Rows of x, or of x by y when there is one. */
static void add_some(real *sum, const real *x, const real *y, int64_t rows, int64_t width)
{
	if (y)
		add_products(sum, x, y, rows, width);
	else
		add_rows(sum, x, rows, width);
}

/* Adds x[0..n), or its products with y, which start at position q of the inner pattern, to sum[width]. */
static void do_sum(real *sum, const real *x, const real *y, int64_t q, int64_t n, int64_t width)
{
	int64_t at = 0;
	if (q) {
		at = MIN(n, width - q);
		add_some(sum + q, x, y, 1, at);
	}
	const int64_t rows = (n - at) / width, end = at + rows * width;
	add_some(sum, x + at, y ? y + at : NULL, rows, width);
	add_some(sum, x + end, y ? y + end : NULL, 1, n - end);
}

/* sum[r] = sum of row r of x [rows,n]. */
static CLONES(sum_rows, (real *restrict sum, const real *x, int64_t rows, int64_t n), (sum, x, rows, n))
{
	const int64_t whole = n / LANES * LANES;
	for (int64_t r = 0; r < rows; r++, x += n) {
		real lane[LANES] = {0};
		for (int64_t i = 0; i < whole; i += LANES)
			for (int k = 0; k < LANES; k++)
				lane[k] += x[i + k];
		for (int k = 0; whole + k < n; k++)
			lane[k] += x[whole + k];
		sum[r] = fold_lanes(lane, LANES);
	}
}

/* sum[r] = sum of row r of x by that of y. */
static CLONES(sum_row_products, (real *restrict sum, const real *x, const real *y, int64_t rows, int64_t n),
	(sum, x, y, rows, n))
{
	const int64_t whole = n / LANES * LANES;
	for (int64_t r = 0; r < rows; r++, x += n, y += n) {
		real lane[LANES] = {0};
		for (int64_t i = 0; i < whole; i += LANES)
			for (int k = 0; k < LANES; k++)
				lane[k] += x[i + k] * y[i + k];
		for (int k = 0; whole + k < n; k++)
			lane[k] += x[whole + k] * y[whole + k];
		sum[r] = fold_lanes(lane, LANES);
	}
}

typedef struct runner {
	const chain *c;
	real *partial, *slots;
} runner;

static real *address(const chain *c, const operand *o, real *slots, int64_t at)
{
	return o->y ? o->y->x + at : slots + o->slot * c->block;
}

static int64_t sum_width(const instr *k)
{
	return k->form.inner == 1 ? LANES : k->form.inner;
}

static real *partial_of(const runner *r, const instr *k, int64_t chunk)
{
	return r->partial + k->partial_at + chunk * MAX(k->form.inner, LANES);
}

/* Calls for part j of the cache lines of the block behind the one at `at`, while that is computed: a block is too short
 * for the processor to notice that its operands follow each other, and all at once are more than it can wait for.
 * Always inline: GCC 12 takes a function that only prefetches for one without effects, and drops the calls. */
static inline __attribute__((always_inline)) void call_for(const chain *c, int64_t at, int j)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const int64_t from = at + c->block, part = (c->block / c->nbody + LINE) / LINE * LINE;
	const int64_t end = MIN(from + MIN((j + 1) * part, c->block), c->n);
	for (int i = 0; i < c->nstream; i++)
		for (int64_t k = from + j * part; k < end; k += LINE)
			__builtin_prefetch(c->stream[i]->x + k, 0, 3);
}

/* Which of a sum's results the value at `at` belongs to; of a single result, which lane. */
static int64_t sum_phase(const instr *k, int64_t at, int64_t start)
{
	return k->form.inner == 1 ? (at - start) % LANES : at % k->form.inner;
}

static void run_block(const runner *r, real *slots, int64_t chunk, int64_t at, int64_t start, int64_t n)
{
	const chain *c = r->c;
	for (int j = 0; j < c->nbody; j++) {
		const instr *k = &c->body[j];
		const int64_t row = k->form.middle;          /* of DO_ROWS */
		const real *in[SPAN_IN];
		call_for(c, at, j);
		for (int i = 0; i < k->nin; i++)
			in[i] = address(c, &k->in[i], slots, at);
		if (k->what == DO_SPAN)
			k->span(&k->y->a, address(c, &k->out, slots, at), in, n);
		else if (k->what == DO_LOAD)
			do_load(k, slots + k->out.slot * c->block, at, n);
		else if (k->what == DO_ROWS && k->nin == 2)
			sum_row_products(k->y->x + at / row, in[0], in[1], n / row, row);
		else if (k->what == DO_ROWS)
			sum_rows(k->y->x + at / row, in[0], n / row, row);
		else
			do_sum(partial_of(r, k, chunk), in[0], k->nin == 2 ? in[1] : NULL, sum_phase(k, at, start),
			       n, sum_width(k));
	}
}

/* Chunk `lo`: which section, which part of it. */
static void run_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	const runner *r = ctx;
	const chain *c = r->c;
	real *slots = r->slots + (int64_t)worker * c->slots * c->block;
	for (int64_t k = lo; k < hi; k++) {
		int64_t start = k / c->chunks * c->section;
		int64_t from = start + k % c->chunks * c->chunk;
		int64_t to = MIN(from + c->chunk, start + c->section);
		for (int j = 0; j < c->nhead; j++)
			do_load(&c->head[j], slots + c->head[j].out.slot * c->block, from, MIN(c->block, to - from));
		for (int j = 0; j < c->nbody; j++)
			if (c->body[j].what == DO_SUM)
				memset(partial_of(r, &c->body[j], k), 0, (size_t)sum_width(&c->body[j]) * sizeof(real));
		for (int64_t at = from; at < to; at += c->block)
			run_block(r, slots, k, at, start, MIN(c->block, to - at));
	}
}

static void combine(const runner *r, const instr *k)
{
	const chain *c = r->c;
	int64_t per = c->sections / k->form.outer * c->chunks, inner = k->form.inner;
	for (int64_t p = 0; p < k->form.outer; p++)
		for (int64_t q = 0; q < inner; q++) {
			double sum = 0;
			for (int64_t j = p * per; j < (p + 1) * per; j++) {
				const real *x = partial_of(r, k, j);
				for (int64_t lane = 0; lane < (inner == 1 ? LANES : 1); lane++)
					sum += (double)x[inner == 1 ? lane : q];
			}
			k->y->x[p * inner + q] = (real)sum;
		}
}

void chain_run(const chain *c, void *scratch)
{
	runner r = {.c = c, .partial = scratch, .slots = (real *)((char *)scratch + partial_bytes(c))};
	int64_t count = c->sections * c->chunks;
	parallel_for(count, MAX(1, CHUNK / MIN(c->chunk, c->section)), run_chunk, &r);
	for (int j = 0; j < c->nbody; j++)
		if (c->body[j].what == DO_SUM)
			combine(&r, &c->body[j]);
}
