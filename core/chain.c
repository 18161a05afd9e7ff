/* chain.c - a chain of element-wise ops, run block by block in cache: one pass over memory.
 *
 * A chain is a little program over operands. An operand is a value in memory, read or written at the
 * block's place, or a slot: a block of scratch. Broadcasts and fills are loads into slots; those that
 * look the same in every block of a chunk are loaded once per chunk. Sums add each block to a partial
 * result per chunk; the partial results are combined in order, in double. Sums of short rows are finished in
 * their block, which is made of whole rows. Chunks depend on sizes only, so the bits do not depend on the number of threads. */
#include <stdlib.h>
#include <string.h>

#include "core/ops_internal.h"
#include "core/plan_internal.h"
#include "core/thread.h"

enum {
	BLOCK = 1024,                                /* elements a slot holds, about */
	BLOCK_MOST = 4096,
	CHUNK = 1 << 14,                             /* elements per chunk, about */
	LANES = 16,                                  /* partial sums of a sum to one number */
	SPAN_IN = 3                                  /* inputs of an element-wise op, at most */
};

enum what { DO_SPAN, DO_LOAD, DO_SUM, DO_ROWS };

typedef struct operand {
	const node *y;                               /* value in memory (its root), or NULL */
	int slot;                                    /* otherwise the slot */
} operand;

typedef struct instr {
	enum what what;
	const node *y;                               /* node computed: its op and attributes */
	operand out, in[SPAN_IN];
	int nin;
	const node *src;                             /* load: what is broadcast; NULL: fill */
	sum_form form;                               /* load, sum */
	bool regular;                                /* load: form holds */
	int64_t partial_at;                          /* sum: offset of its partial results, in reals */
} instr;

struct chain {
	int64_t n, sections, section, chunk, chunks; /* elements, sections, of one; chunks per section */
	int64_t block;
	int *member, nmember;
	instr *head, *body;                          /* once per chunk; once per block */
	int nhead, nbody;
	int slots;
	int64_t partial_count;                       /* reals */
	const node **read;                           /* values with memory that are read */
	int nread;
	const node **stream;                         /* values that pass by, block by block: read or written */
	int nstream;
};

/* ---- making ---- */

typedef struct maker {
	const plan *p;
	chain *c;
	bool *inside;                                /* [count] id is a member */
	operand *where;                              /* [count] of roots met so far */
	char *known;                                 /* [count] where[] is set */
	int *last_use;                               /* [count] index of the last member reading the root */
	int *free_slot, nfree;
} maker;

static int slot_take(maker *m)
{
	return m->nfree ? m->free_slot[--m->nfree] : m->c->slots++;
}

static void note_read(chain *c, const node *y)
{
	for (int i = 0; i < c->nread; i++)
		if (c->read[i] == y)
			return;
	c->read[c->nread++] = y;
}

static void note_stream(chain *c, const node *y)
{
	for (int i = 0; i < c->nstream; i++)
		if (c->stream[i] == y)
			return;
	c->stream[c->nstream++] = y;
}

/* The pattern repeats with every block of a chunk. */
static bool is_steady(const chain *c, const instr *l)
{
	if (!l->src)
		return true;
	return l->regular && c->sections % l->form.outer == 0 && c->block % l->form.inner == 0;
}

static void add_load(maker *m, int root)
{
	const node *v = m->p->node[root];
	instr l = {.what = DO_LOAD, .y = v};
	if (v->nin) {
		l.src = m->p->node[root_of(m->p, v->in[0])];
		l.regular = sum_form_of(&v->s, &v->in[0]->s, &l.form);
		note_read(m->c, l.src);
	}
	bool steady = is_steady(m->c, &l);
	l.out.slot = steady ? m->c->slots++ : slot_take(m);
	*(steady ? &m->c->head[m->c->nhead++] : &m->c->body[m->c->nbody++]) = l;
	m->where[root] = l.out;
	m->known[root] = steady ? 2 : 1;
}

static operand operand_of(maker *m, const node *in)
{
	int root = root_of(m->p, in);
	if (m->known[root])
		return m->where[root];
	const node *y = m->p->node[root];
	if (m->p->home[root].stored) {
		note_read(m->c, y);
		note_stream(m->c, y);
		m->where[root] = (operand){.y = y};
		m->known[root] = 2;
	} else
		add_load(m, root);
	return m->where[root];
}

/* Slots whose value is not read any more serve again. */
static void release_slots(maker *m, const node *y, int index)
{
	for (int i = 0; i < y->nin; i++) {
		int root = root_of(m->p, y->in[i]);
		if (m->known[root] == 1 && m->last_use[root] == index && !m->where[root].y) {
			m->free_slot[m->nfree++] = m->where[root].slot;
			m->known[root] = 3;
		}
	}
}

static void add_member(maker *m, int index)
{
	chain *c = m->c;
	int id = c->member[index];
	const node *y = m->p->node[id];
	must(y->nin <= SPAN_IN, "%s: element-wise with %d inputs", y->op->name, y->nin);
	instr k = {.what = y->op->span ? DO_SPAN : DO_SUM, .y = y, .nin = y->nin};
	for (int i = 0; i < y->nin; i++)
		k.in[i] = operand_of(m, y->in[i]);
	if (k.what == DO_SUM && sum_form_of(&y->in[0]->s, &y->s, &k.form) && is_row_sum(&k.form)) {
		k.what = DO_ROWS;
		release_slots(m, y, index);
	} else if (k.what == DO_SUM) {
		k.partial_at = c->partial_count;
		c->partial_count += c->sections * c->chunks * MAX(k.form.inner, LANES);
		release_slots(m, y, index);
	} else {
		release_slots(m, y, index);
		if (m->p->home[id].stored) {
			k.out = (operand){.y = y};
		} else
			k.out = (operand){.slot = slot_take(m)};
		m->where[id] = k.out;
		m->known[id] = 1;
	}
	c->body[c->nbody++] = k;
}

static int64_t fit_block(int64_t block, int64_t inner)
{
	int64_t both = block;
	while (both % inner)
		both += block;
	return both <= BLOCK_MOST ? both : block;
}

/* Length of the rows that the chain sums whole; 1 when it does not. */
static int64_t row_length(const maker *m)
{
	for (int k = 0; k < m->c->nmember; k++) {
		const node *y = m->p->node[m->c->member[k]];
		sum_form f;
		if (!y->op->span && sum_form_of(&y->in[0]->s, &y->s, &f) && is_row_sum(&f))
			return f.middle;
	}
	return 1;
}

/* Sections, chunks and blocks: every chunk lies in one result of each sum and, where that is not too
 * small, in one row of each broadcast; blocks are whole repetitions of the innermost pattern. */
static void set_sizes(maker *m)
{
	chain *c = m->c;
	const plan *p = m->p;
	const int64_t row = row_length(m);
	c->sections = 1;
	c->block = row;
	for (int k = 0; k < c->nmember; k++) {
		const node *y = p->node[c->member[k]];
		sum_form f;
		if (y->op->span || !sum_form_of(&y->in[0]->s, &y->s, &f) || is_row_sum(&f))
			continue;
		c->sections = MAX(c->sections, f.outer);
		c->block = fit_block(c->block, f.inner);
	}
	for (int k = 0; k < c->nmember; k++)
		for (int i = 0; i < p->node[c->member[k]]->nin; i++) {
			const node *v = p->node[root_of(p, p->node[c->member[k]]->in[i])];
			sum_form f;
			if (v->op != &op_rec_broadcast || p->home[v->id].stored || !sum_form_of(&v->s, &v->in[0]->s, &f))
				continue;
			c->block = fit_block(c->block, f.inner);
			if (f.outer % c->sections == 0 && c->n / f.outer >= BLOCK && c->n / f.outer % row == 0)
				c->sections = f.outer;
		}
	c->section = c->n / c->sections;
	c->block *= MAX(BLOCK / c->block, 1);
	c->chunk = MAX(CHUNK / c->block, 1) * c->block;
	c->chunks = (c->section + c->chunk - 1) / c->chunk;
}

static void find_last_uses(maker *m)
{
	for (int k = 0; k < m->c->nmember; k++) {
		const node *y = m->p->node[m->c->member[k]];
		for (int i = 0; i < y->nin; i++)
			m->last_use[root_of(m->p, y->in[i])] = k;
	}
}

static bool maker_open(maker *m, const int *member, int n, error *e)
{
	size_t count = (size_t)m->p->count;
	chain *c = m->c;
	m->where = mem_zero(count, sizeof *m->where, e);
	m->known = mem_zero(count, 1, e);
	m->last_use = mem_zero(count, sizeof *m->last_use, e);
	m->free_slot = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *m->free_slot, e);
	c->member = mem_new((size_t)n, sizeof *c->member, e);
	c->head = mem_zero((size_t)n * SPAN_IN, sizeof *c->head, e);
	c->body = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *c->body, e);
	c->read = mem_zero((size_t)n * SPAN_IN, sizeof *c->read, e);
	c->stream = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *c->stream, e);
	if (!m->where || !m->known || !m->last_use || !m->free_slot || !c->member || !c->head || !c->body || !c->read || !c->stream)
		return false;
	memcpy(c->member, member, (size_t)n * sizeof *member);
	c->nmember = n;
	return true;
}

static void maker_close(maker *m)
{
	free(m->where);
	free(m->known);
	free(m->last_use);
	free(m->free_slot);
}

chain *chain_new(const plan *p, const int *member, int n, error *e)
{
	chain *c = mem_zero(1, sizeof *c, e);
	if (!c)
		return NULL;
	maker m = {.p = p, .c = c};
	bool ok = maker_open(&m, member, n, e);
	if (ok) {
		const node *first = p->node[member[0]];
		c->n = shape_count(first->op->span ? &first->s : &first->in[0]->s);
		set_sizes(&m);
		find_last_uses(&m);
		for (int k = 0; k < n; k++)
			add_member(&m, k);
	}
	maker_close(&m);
	if (ok)
		return c;
	chain_free(c);
	return NULL;
}

void chain_free(chain *c)
{
	if (!c)
		return;
	free(c->member);
	free(c->head);
	free(c->body);
	free(c->read);
	free(c->stream);
	free(c);
}

int chain_reads(const chain *c, const node *const **read)
{
	*read = c->read;
	return c->nread;
}

int chain_members(const chain *c, const int **member)
{
	*member = c->member;
	return c->nmember;
}

bool chain_may_overwrite(const chain *c, const node *y, const node *x)
{
	int written = -1, read = -1;
	for (int k = 0; k < c->nhead; k++)
		if (c->head[k].src == x)
			return false;
	for (int k = 0; k < c->nbody; k++) {
		if (c->body[k].what == DO_SPAN && c->body[k].y == y)
			written = k;
		if (c->body[k].src == x)
			return false;
		for (int i = 0; i < c->body[k].nin; i++)
			if (c->body[k].in[i].y == x)
				read = k;
	}
	return written >= 0 && read >= 0 && read <= written;
}

/* ---- running ---- */

static size_t partial_bytes(const chain *c)
{
	return ((size_t)c->partial_count * sizeof(real) + 63) & ~(size_t)63;
}

size_t chain_scratch(const chain *c)
{
	return partial_bytes(c) + (size_t)c->slots * (size_t)c->block * sizeof(real) * (size_t)pool_threads();
}

/* out[r*width + i] = x[r], r < rows */
VECTOR_CLONES
static void load_columns(real *restrict out, const real *restrict x, int64_t rows, int64_t width)
{
	for (int64_t r = 0; r < rows; r++, out += width) {
		const real v = x[r];
		for (int64_t i = 0; i < width; i++)
			out[i] = v;
	}
}

/* out[r*width + i] = x[i], r < rows */
VECTOR_CLONES
static void load_rows(real *restrict out, const real *restrict x, int64_t rows, int64_t width)
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

VECTOR_CLONES
static void add_rows(real *restrict sum, const real *restrict x, int64_t rows, int64_t width)
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t i = 0; i < width; i++)
			sum[i] += x[r * width + i];
}

/* Adds x[0..n), which starts at position q of the inner pattern, to sum[width]. */
static void do_sum(real *sum, const real *x, int64_t q, int64_t n, int64_t width)
{
	if (q) {
		int64_t run = MIN(n, width - q);
		add_rows(sum + q, x, 1, run);
		x += run;
		n -= run;
	}
	add_rows(sum, x, n / width, width);
	add_rows(sum, x + n / width * width, 1, n % width);
}

/* sum[r] = sum of row r of x [rows,n]. */
VECTOR_CLONES
static void sum_rows(real *restrict sum, const real *restrict x, int64_t rows, int64_t n)
{
	const int64_t whole = n / LANES * LANES;
	for (int64_t r = 0; r < rows; r++, x += n) {
		real lane[LANES] = {0};
		for (int64_t i = 0; i < whole; i += LANES)
			for (int k = 0; k < LANES; k++)
				lane[k] += x[i + k];
		for (int k = 0; whole + k < n; k++)
			lane[k] += x[whole + k];
		for (int half = LANES / 2; half > 0; half /= 2)
			for (int k = 0; k < half; k++)
				lane[k] += lane[k + half];
		sum[r] = lane[0];
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
 * for the processor to notice that its operands follow each other, and all at once are more than it can wait for. */
static void call_for(const chain *c, int64_t at, int j)
{
	enum { LINE = 64 / (int)sizeof(real) };
	const int64_t from = at + c->block, part = (c->block / c->nbody + LINE) / LINE * LINE;
	const int64_t end = MIN(from + MIN((j + 1) * part, c->block), c->n);
	for (int i = 0; i < c->nstream; i++)
		for (int64_t k = from + j * part; k < end; k += LINE)
			__builtin_prefetch(c->stream[i]->x + k, 0, 3);
}

static void run_block(const runner *r, real *slots, int64_t chunk, int64_t at, int64_t start, int64_t n)
{
	const chain *c = r->c;
	for (int j = 0; j < c->nbody; j++) {
		const instr *k = &c->body[j];
		const real *in[SPAN_IN];
		call_for(c, at, j);
		for (int i = 0; i < k->nin; i++)
			in[i] = address(c, &k->in[i], slots, at);
		if (k->what == DO_SPAN)
			k->y->op->span(&k->y->a, address(c, &k->out, slots, at), in, n);
		else if (k->what == DO_LOAD)
			do_load(k, slots + k->out.slot * c->block, at, n);
		else if (k->what == DO_ROWS)
			sum_rows(k->y->x + at / k->form.middle, in[0], n / k->form.middle, k->form.middle);
		else
			do_sum(partial_of(r, k, chunk), in[0], (at - start) % sum_width(k), n, sum_width(k));
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
		/* Sums restart their pattern at the chunk: chunks are whole blocks, blocks whole patterns, or
		 * the pattern is longer than a block and the section is where it starts. */
		for (int64_t at = from; at < to; at += c->block) {
			run_block(r, slots, k, at, start, MIN(c->block, to - at));
		}
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
