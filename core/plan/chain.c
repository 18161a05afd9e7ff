/* chain.c - makes a chain of element-wise ops, which is run block by block in cache: one pass over memory.
 *
 * A chain is a little program over operands. An operand is a value in memory, read or written at the
 * block's place, or a slot: a block of scratch. Broadcasts and fills are loads into slots; those that
 * look the same in every block of a chunk are loaded once per chunk. Sums add each block to a partial
 * result per chunk; the partial results are combined in order, in double. Sums of short rows are finished in
 * their block, which is made of whole rows. A value that only the next operation reads may be computed on the way
 * (pairs.c). Chunks depend on sizes only, so the bits do not depend on the number of threads. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/plan/chain_internal.h"
#include "core/graph/ops_internal.h"

/* What the maker knows of where a root is. */
enum where {
	NOWHERE,                                     /* not met so far */
	FOR_NOW,                                     /* in a slot that serves again behind its last reader, or in
	                                              * memory */
	TO_STAY,                                     /* in memory, or in a slot of its own: the same in every block */
	GONE                                         /* its slot has been given away */
};

typedef struct maker {
	const plan *p;
	chain *c;
	bool *inside, *holds;                        /* [count] id is a member; it took another in */
	operand *where;                              /* [count] of roots met so far */
	char *known;                                 /* [count] enum where, of where[] */
	int *last_use;                               /* [count] index of the last member reading the root */
	int *taken;                                  /* [members] id that the member computes on the way, -1: none */
	bool *gone;                                  /* [count] taken in by a member */
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
	m->known[root] = steady ? TO_STAY : FOR_NOW;
}

static operand operand_of(maker *m, const node *in)
{
	int root = root_of(m->p, in);
	if (m->known[root] != NOWHERE)
		return m->where[root];
	const node *y = m->p->node[root];
	if (m->p->home[root].stored) {
		note_read(m->c, y);
		note_stream(m->c, y);
		m->where[root] = (operand){.y = y};
		m->known[root] = TO_STAY;
	} else
		add_load(m, root);
	return m->where[root];
}

/* What member `index` reads: its inputs, or, when it took another member in, that one's and its own other one. */
static int inputs_of(const maker *m, int index, const node *in[SPAN_IN])
{
	const node *y = m->p->node[m->c->member[index]];
	const int first = m->taken[index];
	int n = 0;
	for (int i = 0; first >= 0 && i < m->p->node[first]->nin; i++)
		in[n++] = m->p->node[first]->in[i];
	for (int i = 0; i < y->nin; i++)
		if (first < 0 || root_of(m->p, y->in[i]) != first)
			in[n++] = y->in[i];
	return n;
}

/* Slots whose value is not read any more serve again. */
static void release_slots(maker *m, int index)
{
	const node *in[SPAN_IN];
	const int n = inputs_of(m, index, in);
	for (int i = 0; i < n; i++) {
		int root = root_of(m->p, in[i]);
		if (m->known[root] == FOR_NOW && m->last_use[root] == index && !m->where[root].y) {
			m->free_slot[m->nfree++] = m->where[root].slot;
			m->known[root] = GONE;
		}
	}
}

static void add_member(maker *m, int index)
{
	chain *c = m->c;
	int id = c->member[index];
	const node *y = m->p->node[id];
	must(y->nin <= SPAN_IN, "%s: element-wise with %d inputs", y->op->name, y->nin);
	if (m->gone[id])
		return;
	const node *in[SPAN_IN];
	instr k = {.what = y->op->span ? DO_SPAN : DO_SUM, .y = y, .nin = inputs_of(m, index, in), .span = y->op->span};
	for (int i = 0; i < k.nin; i++)
		k.in[i] = operand_of(m, in[i]);
	if (m->taken[index] >= 0 && y->op->span)
		k.span = pair_span(m->p->node[m->taken[index]]->op, y->op, root_of(m->p, y->in[1]) == m->taken[index]);
	if (k.what == DO_SUM && sum_form_of(&y->in[0]->s, &y->s, &k.form) && is_row_sum(&k.form)) {
		k.what = DO_ROWS;
		release_slots(m, index);
	} else if (k.what == DO_SUM) {
		k.partial_at = c->partial_count;
		c->partial_count += c->sections * c->chunks * MAX(k.form.inner, LANES);
		release_slots(m, index);
	} else {
		release_slots(m, index);
		if (m->p->home[id].stored) {
			k.out = (operand){.y = y};
			note_stream(c, y);
		} else
			k.out = (operand){.slot = slot_take(m)};
		m->where[id] = k.out;
		m->known[id] = FOR_NOW;
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
			if (v->op != &op_rec_broadcast || p->home[v->id].stored
			    || !sum_form_of(&v->s, &v->in[0]->s, &f))
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
		const node *in[SPAN_IN];
		const int n = m->gone[m->c->member[k]] ? 0 : inputs_of(m, k, in);
		for (int i = 0; i < n; i++)
			m->last_use[root_of(m->p, in[i])] = k;
	}
}

/* Members without memory that one other member reads, once, and can compute on the way. */
static bool find_pairs(maker *m, fault *e)
{
	const plan *p = m->p;
	const chain *c = m->c;
	int *uses = mem_zero((size_t)p->count, sizeof *uses, e);
	if (!uses)
		return false;
	for (int k = 0; k < c->nmember; k++) {
		const node *y = p->node[c->member[k]];
		m->inside[c->member[k]] = true;
		m->taken[k] = -1;
		for (int i = 0; i < y->nin; i++)
			uses[root_of(p, y->in[i])]++;
	}
	for (int k = 0; k < c->nmember; k++) {
		const node *y = p->node[c->member[k]];
		for (int i = 0; i < y->nin && m->taken[k] < 0; i++) {
			const int first = root_of(p, y->in[i]);
			const node *x = p->node[first];
			const bool alone = m->inside[first] && !p->home[first].stored && uses[first] == 1;
			const bool fits = y->op->span ? pair_span(x->op, y->op, i) != NULL : x->op == &op_rec_mul;
			if (alone && !m->holds[first] && fits) {
				m->taken[k] = first;
				m->gone[first] = true;
				m->holds[y->id] = true;
			}
		}
	}
	free(uses);
	return true;
}

static bool maker_open(maker *m, const int *member, int n, fault *e)
{
	size_t count = (size_t)m->p->count;
	chain *c = m->c;
	m->where = mem_zero(count, sizeof *m->where, e);
	m->known = mem_zero(count, 1, e);
	m->last_use = mem_zero(count, sizeof *m->last_use, e);
	m->taken = mem_zero((size_t)n, sizeof *m->taken, e);
	m->gone = mem_zero(count, sizeof *m->gone, e);
	m->inside = mem_zero(count, sizeof *m->inside, e);
	m->holds = mem_zero(count, sizeof *m->holds, e);
	m->free_slot = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *m->free_slot, e);
	c->member = mem_new((size_t)n, sizeof *c->member, e);
	c->head = mem_zero((size_t)n * SPAN_IN, sizeof *c->head, e);
	c->body = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *c->body, e);
	c->read = mem_zero((size_t)n * SPAN_IN, sizeof *c->read, e);
	c->stream = mem_zero((size_t)n * (SPAN_IN + 1), sizeof *c->stream, e);
	if (!m->taken || !m->gone || !m->inside || !m->holds || !m->where || !m->known || !m->last_use || !m->free_slot
	    || !c->member || !c->head || !c->body || !c->read || !c->stream)
		return false;
	memcpy(c->member, member, (size_t)n * sizeof *member);
	c->nmember = n;
	return find_pairs(m, e);
}

static void maker_close(maker *m)
{
	free(m->where);
	free(m->known);
	free(m->last_use);
	free(m->taken);
	free(m->gone);
	free(m->inside);
	free(m->holds);
	free(m->free_slot);
}

chain *chain_new(const plan *p, const int *member, int n, fault *e)
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

double chain_bytes(const chain *c)
{
	return (double)c->nstream * (double)c->n * sizeof(real);
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
