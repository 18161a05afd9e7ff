/* fuse.c - which element-wise nodes run together, and in which order the steps go.
 *
 * A unit is an op on its own or a chain: element-wise nodes over the same number of elements, and
 * sums at their ends, run in one pass over memory. Two units may be merged when nothing that is
 * computed between them depends on the first and feeds the second; a chain cannot read its own sums.
 * Broadcasts and fills that only chains read have no memory at all: they are made on the fly. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/plan/plan_internal.h"

/* Where these numbers were varied, the bytes that steps read and write were counted in the plans of the D and G steps
 * of mnist-sagan, -cot, -dcgan, -mixer-d and -outlook-g in configs/. Values do not depend on them but for the order of
 * sums. */
enum {
	/* Elements of a chain that is no pass over memory: 16 KB lie in the first cache anyway. 1 to 2^16: 0.2 %. */
	SHORT = 1 << 12,
	/* Readers of a value that are tried with a new one. One is enough in nine of the ten plans; more cost nothing
	 * but a little time when planning. */
	SIBLINGS = 4,
	/* Elements per result from which a chain sums in pieces: with 16 lanes a piece, less than 1/32 of what is read
	 * is written as partial results. 4096: up to 0.3 % more bytes; 64: up to 4 % less with CoT, the same
	 * elsewhere. */
	SUM_MIN = 512,
	/* Results of a sum for each element in it, at most: every chunk keeps a row of them. 8 or 1024: 0.1 %. */
	WIDE_MOST = 64,
	/* Elements of a row that a chain sums whole: it fills the lanes of a sum, and a block holds it. Without such
	 * sums a plan has up to an eighth more steps and 5 % more bytes. */
	ROW_MIN = 16, ROW_MOST = 1024
};

typedef struct fuser {
	plan *p;
	int words;                                   /* of a row of the ancestor matrix */
	uint64_t *anc;                               /* [count][words]: bit u: the unit depends on u */
	int *unit;                                   /* [count] id of the unit's first member, -1: none */
	int *next;                                   /* [count] next member of the unit, -1: end */
	int *tail;                                   /* [count] last member of the unit */
	int64_t *outer;                              /* [count] unit's sums keep the first axes: how many results */
	int64_t *rows;                               /* [count] results of its row sums, 0: it has none */
	bool *virtual;                               /* [count] broadcast or fill without memory */
	int *order;                                  /* [count] units, in order of running */
	int norder;
	bool *seen;                                  /* [count] the unit is in order[], or being put there */
} fuser;

static bool is_leaf(const node *y)
{
	return y->op == &op_rec_leaf;
}

static bool is_made_on_the_fly(const node *y)
{
	return y->op == &op_rec_broadcast || y->op == &op_rec_fill;
}

bool is_row_sum(const sum_form *f)
{
	return f->inner == 1 && f->middle >= ROW_MIN && f->middle <= ROW_MOST;
}

static bool is_chain_sum(const node *y)
{
	sum_form f;
	return y->op == &op_rec_sum_to && sum_form_of(&y->in[0]->s, &y->s, &f)
		&& (is_row_sum(&f) || (f.middle * f.inner >= SUM_MIN && f.inner <= f.middle * WIDE_MOST));
}

/* Elements the node runs over as a member of a chain, or 0 when it cannot be one. */
static int64_t chain_length(const node *y)
{
	if (y->op->span)
		return shape_count(&y->s);
	return is_chain_sum(y) ? shape_count(&y->in[0]->s) : 0;
}

static uint64_t *ancestors(const fuser *f, int u)
{
	return f->anc + (size_t)u * (size_t)f->words;
}

static bool has(const uint64_t *set, int u)
{
	return set[u / 64] >> (u % 64) & 1;
}

static void insert(uint64_t *set, int u)
{
	set[u / 64] |= (uint64_t)1 << (u % 64);
}

/* The unit that computes what node y reads at input i (through views and virtual nodes), or -1. */
static int source_unit(const fuser *f, const node *in)
{
	int id = root_of(f->p, in);
	if (f->virtual[id]) {
		const node *v = f->p->node[id];
		if (!v->nin)
			return -1;
		id = root_of(f->p, v->in[0]);
	}
	return f->unit[id];
}

/* Reading through this input needs the whole value first: a broadcast of it, or another length. */
static bool is_hard_edge(const fuser *f, const node *reader, const node *in)
{
	int id = root_of(f->p, in);
	const node *src = f->p->node[id];
	return f->virtual[id] || !src->op->span || shape_count(&src->s) != chain_length(reader);
}

static bool hard_between(const fuser *f, int from, int to)
{
	for (int m = to; m >= 0; m = f->next[m]) {
		const node *y = f->p->node[m];
		for (int i = 0; i < y->nin; i++)
			if (source_unit(f, y->in[i]) == from && is_hard_edge(f, y, y->in[i]))
				return true;
	}
	return false;
}

/* Some third unit lies on a path from a to b. */
static bool path_between(const fuser *f, int a, int b)
{
	const uint64_t *above = ancestors(f, b);
	if (!has(above, a))
		return false;
	for (int w = 0; w < f->words; w++)
		for (uint64_t bits = above[w]; bits; bits &= bits - 1) {
			int u = w * 64 + __builtin_ctzll(bits);
			if (u != a && has(ancestors(f, u), a))
				return true;
		}
	return false;
}

static void set_union(uint64_t *to, const uint64_t *from, int words)
{
	for (int w = 0; w < words; w++)
		to[w] |= from[w];
}

/* b's members go to unit a; everything that depended on either now depends on both. */
static void merge(fuser *f, int a, int b, int newest)
{
	uint64_t *row = ancestors(f, a);
	set_union(row, ancestors(f, b), f->words);
	row[a / 64] &= ~((uint64_t)1 << (a % 64));
	row[b / 64] &= ~((uint64_t)1 << (b % 64));
	for (int u = 0; u <= newest; u++) {
		if (f->unit[u] != u || u == a || u == b)
			continue;
		uint64_t *other = ancestors(f, u);
		if (!has(other, a) && !has(other, b))
			continue;
		set_union(other, row, f->words);
		insert(other, a);
		other[b / 64] &= ~((uint64_t)1 << (b % 64));
	}
	for (int m = b; m >= 0; m = f->next[m])
		f->unit[m] = a;
	f->outer[a] = MAX(f->outer[a], f->outer[b]);
	f->rows[a] = MAX(f->rows[a], f->rows[b]);
	f->next[f->tail[a]] = b;
	f->tail[a] = f->tail[b];
}

/* Chunks of a chain must lie inside one result of each of its sums: the outer counts must nest. Chunks are whole rows
 * of row sums, of which there is one kind. */
static bool sums_nest(const fuser *f, int a, int b)
{
	const int64_t outer = MAX(f->outer[a], f->outer[b]), rows = MAX(f->rows[a], f->rows[b]);
	const bool one_kind = !f->rows[a] || !f->rows[b] || f->rows[a] == f->rows[b];
	return outer % MIN(f->outer[a], f->outer[b]) == 0 && one_kind && rows % outer == 0;
}

/* b depends on nothing but a that a does not depend on. */
static bool adds_nothing(const fuser *f, int a, int b)
{
	const uint64_t *had = ancestors(f, a), *more = ancestors(f, b);
	for (int w = 0; w < f->words; w++) {
		const uint64_t self = a / 64 == w ? (uint64_t)1 << (a % 64) : 0;
		if (more[w] & ~had[w] & ~self)
			return false;
	}
	return true;
}

/* Short chains gain little by being one, while the readers of one then wait for what the other reads, which may keep
 * two passes over a large value apart. */
static bool is_worth_it(const fuser *f, int a, int b)
{
	if (chain_length(f->p->node[a]) >= SHORT)
		return true;
	const bool above = has(ancestors(f, b), a), below = has(ancestors(f, a), b);
	return (below || adds_nothing(f, a, b)) && (above || adds_nothing(f, b, a));
}

static bool can_merge(const fuser *f, int a, int b)
{
	const node *x = f->p->node[a], *y = f->p->node[b];
	return a != b && chain_length(x) && chain_length(x) == chain_length(y)
		&& sums_nest(f, a, b) && !hard_between(f, a, b)
		&& !hard_between(f, b, a) && !path_between(f, a, b) && !path_between(f, b, a) && is_worth_it(f, a, b);
}

/* A new unit of one node. */
static void unit_open(fuser *f, int id)
{
	f->unit[id] = f->tail[id] = id;
	const node *y = f->p->node[id];
	sum_form s;
	const bool is_sum = is_chain_sum(y) && sum_form_of(&y->in[0]->s, &y->s, &s), is_row = is_sum && is_row_sum(&s);
	f->outer[id] = is_sum && !is_row ? s.outer : 1;
	f->rows[id] = is_row ? s.outer : 0;
	uint64_t *row = ancestors(f, id);
	for (int i = 0; i < y->nin; i++) {
		int u = source_unit(f, y->in[i]);
		if (u < 0 || u == id)
			continue;
		set_union(row, ancestors(f, u), f->words);
		insert(row, u);
	}
}

/* Merges the unit of node id with the units of its inputs. */
static void join_inputs(fuser *f, int id)
{
	const node *y = f->p->node[id];
	for (int i = 0; i < y->nin; i++) {
		int from = root_of(f->p, y->in[i]);
		int a = f->virtual[from] ? -1 : f->unit[from], b = f->unit[id];
		if (a >= 0 && can_merge(f, a, b))
			merge(f, a, b, id);
	}
}

/* Chains that read the same full-size value and depend on each other in no way: one pass serves
 * both (the gradient of a bias and that of the layer below, say). reader [count][SIBLINGS]: the last ones. */
static void join_siblings(fuser *f, int id, int *reader)
{
	const node *y = f->p->node[id];
	for (int i = 0; i < y->nin; i++) {
		int from = root_of(f->p, y->in[i]);
		if (f->virtual[from] || shape_count(&f->p->node[from]->s) != chain_length(y))
			continue;
		int *last = reader + (size_t)from * SIBLINGS;
		for (int k = 0; k < SIBLINGS; k++) {
			int a = last[k] >= 0 ? f->unit[last[k]] : -1, b = f->unit[id];
			if (a >= 0 && can_merge(f, a, b) && !has(ancestors(f, a), b) && !has(ancestors(f, b), a))
				merge(f, MIN(a, b), MAX(a, b), f->p->count - 1);
		}
		memmove(last + 1, last, (SIBLINGS - 1) * sizeof *last);
		*last = id;
	}
}

/* Broadcasts and fills read by chain members only need no memory. */
static void find_virtual(fuser *f)
{
	const plan *p = f->p;
	for (int id = 0; id < p->count; id++)
		f->virtual[id] = p->node[id] && is_made_on_the_fly(p->node[id]) && !(p->flags & PLAN_NO_FUSE);
	for (int id = 0; id < p->count; id++) {
		const node *y = p->node[id];
		bool is_view = y && p->home[id].root != id;
		for (int i = 0; y && i < y->nin && !is_view; i++) {
			int from = root_of(p, y->in[i]);
			if (f->virtual[from] && shape_count(&p->node[from]->s) != chain_length(y))
				f->virtual[from] = false;
		}
	}
	for (int i = 0; i < p->nout; i++)
		f->virtual[p->home[p->out[i]].root] = false;
	for (int i = 0; i < p->nassign; i++)
		f->virtual[root_of(p, p->assign[i].x)] = false;
	/* The source of a virtual broadcast must itself have memory. */
	for (int id = p->count - 1; id >= 0; id--)
		if (f->virtual[id] && p->node[id]->nin)
			f->virtual[root_of(p, p->node[id]->in[0])] = false;
}

/* Units in dependency order, as close to the order of creation as that allows. */
static void emit(fuser *f, int u)
{
	if (u < 0 || f->seen[u])
		return;
	f->seen[u] = true;
	for (int m = u; m >= 0; m = f->next[m])
		for (int i = 0; i < f->p->node[m]->nin; i++) {
			int v = source_unit(f, f->p->node[m]->in[i]);
			if (v != u)
				emit(f, v);
		}
	f->order[f->norder++] = u;
}

static void form_units(fuser *f)
{
	plan *p = f->p;
	bool fusing = !(p->flags & PLAN_NO_FUSE);
	for (int id = 0; id < p->count; id++) {
		f->unit[id] = f->next[id] = -1;
		if (!p->node[id] || p->home[id].root != id || is_leaf(p->node[id]) || f->virtual[id])
			continue;
		unit_open(f, id);
		if (fusing && chain_length(p->node[id]))
			join_inputs(f, id);
	}
}

static bool form_siblings(fuser *f, fault *e)
{
	const size_t n = (size_t)f->p->count * SIBLINGS;
	int *reader = mem_new(n, sizeof *reader, e);
	if (!reader)
		return false;
	for (size_t i = 0; i < n; i++)
		reader[i] = -1;
	for (int id = 0; id < f->p->count; id++)
		if (f->unit[id] >= 0 && chain_length(f->p->node[id]))
			join_siblings(f, id, reader);
	free(reader);
	return true;
}

/* Values read outside their own chain, kept, or computed by an op of their own have memory. */
static void mark_stored(fuser *f)
{
	plan *p = f->p;
	for (int id = 0; id < p->count; id++) {
		if (!p->node[id] || p->home[id].root != id)
			continue;
		int u = f->unit[id];
		bool alone = u >= 0 && f->next[u] < 0;
		p->home[id].stored = !f->virtual[id]
			&& (u < 0 || alone || !p->node[id]->op->span);
	}
	for (int id = 0; id < p->count; id++) {
		const node *y = p->node[id];
		for (int i = 0; y && i < y->nin; i++) {
			int from = root_of(p, y->in[i]), to = p->home[id].root;
			bool on_the_way = f->virtual[to] || f->unit[to] != f->unit[from] || f->unit[from] < 0;
			if (!f->virtual[from] && on_the_way && !(y->op->view && to == from))
				p->home[from].stored = true;
		}
	}
	for (int i = 0; i < p->nout; i++)
		p->home[p->home[p->out[i]].root].stored = true;
	for (int i = 0; i < p->nassign; i++)
		p->home[root_of(p, p->assign[i].x)].stored = true;
}

static int compare_ids(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool make_chain(fuser *f, const fusion *k, int u, step *st, int *members, int *stamp, fault *e)
{
	int n = 0;
	for (int m = u; m >= 0; m = f->next[m])
		members[n++] = m;
	n = plan_recomputed(k, u, members, n, stamp);
	qsort(members, (size_t)n, sizeof *members, compare_ids);
	st->c = chain_new(f->p, members, n, e);
	if (st->c)
		st->scratch_bytes = chain_scratch(st->c);
	return st->c != NULL;
}

/* Everything that can be a chain is one, but for a sum on its own: the op adds more carefully. */
static bool runs_as_chain(const fuser *f, int u)
{
	const node *y = f->p->node[u];
	if (f->p->flags & PLAN_NO_FUSE)
		return false;
	return f->next[u] >= 0 || y->op->span || (is_chain_sum(y) && f->virtual[root_of(f->p, y->in[0])]);
}

/* All values of a chain are computed again by their readers. */
static bool is_needless(const fuser *f, int u)
{
	for (int m = u; m >= 0; m = f->next[m])
		if (f->p->home[m].stored)
			return false;
	return true;
}

/* The step before that of y in which an input is packed, where the kernel wants one. */
static void make_packing(plan *p, node *y)
{
	const packing *k = y->op->pack;
	const size_t bytes = k ? k->bytes(y) : 0;
	if (bytes)
		p->step[p->nstep++] = (step){
			.y = y, .packs = true, .packed_bytes = bytes, .scratch_bytes = k->scratch(y),
		};
}

static bool make_step(fuser *f, const fusion *k, int u, int *members, int *stamp, fault *e)
{
	plan *p = f->p;
	if (!k->in_chain[u])
		make_packing(p, p->node[u]);
	step *st = &p->step[p->nstep];
	for (int m = u; m >= 0; m = f->next[m])
		p->unit[m] = p->nstep;
	p->nstep++;
	st->y = p->node[u];
	if (k->in_chain[u]) {
		st->y = NULL;
		return make_chain(f, k, u, st, members, stamp, e);
	}
	if (st->y->op->scratch)
		st->scratch_bytes = st->y->op->scratch(st->y);
	return true;
}

static bool make_steps(fuser *f, fault *e)
{
	plan *p = f->p;
	const size_t count = (size_t)p->count;
	int *members = mem_new(count, sizeof *members, e), *stamp = mem_new(count, sizeof *stamp, e);
	bool *in_chain = mem_zero(count, sizeof *in_chain, e);
	const fusion k = {p, f->unit, f->virtual, in_chain};
	p->step = mem_zero(2 * (size_t)f->norder, sizeof *p->step, e);
	bool ok = members && stamp && in_chain && p->step;
	for (int i = 0; i < f->norder && ok; i++)
		in_chain[f->order[i]] = runs_as_chain(f, f->order[i]);
	for (int id = 0; id < p->count && ok; id++)
		stamp[id] = -1;
	ok = ok && (p->flags & PLAN_NO_RECOMPUTE || plan_recompute(&k, e));
	for (int i = 0; i < f->norder && ok; i++)
		if (!in_chain[f->order[i]] || !is_needless(f, f->order[i]))
			ok = make_step(f, &k, f->order[i], members, stamp, e);
	free(members);
	free(stamp);
	free(in_chain);
	return ok;
}

bool plan_fuse(plan *p, fault *e)
{
	size_t n = (size_t)p->count;
	fuser f = {.p = p, .words = (p->count + 63) / 64};
	f.anc = mem_zero(n * (size_t)f.words, sizeof *f.anc, e);
	f.unit = mem_zero(n, sizeof *f.unit, e);
	f.next = mem_zero(n, sizeof *f.next, e);
	f.tail = mem_zero(n, sizeof *f.tail, e);
	f.outer = mem_zero(n, sizeof *f.outer, e);
	f.rows = mem_zero(n, sizeof *f.rows, e);
	f.virtual = mem_zero(n, sizeof *f.virtual, e);
	f.order = mem_zero(n, sizeof *f.order, e);
	f.seen = mem_zero(n, sizeof *f.seen, e);
	bool ok = f.anc && f.unit && f.next && f.tail && f.outer && f.rows && f.virtual && f.order && f.seen;
	for (int id = 0; id < p->count; id++)
		p->unit[id] = -1;
	if (ok) {
		find_virtual(&f);
		form_units(&f);
		ok = p->flags & PLAN_NO_FUSE || form_siblings(&f, e);
	}
	if (ok) {
		/* Emitting by last member keeps producers next to their consumers. */
		for (int id = 0; id < p->count; id++)
			if (f.unit[id] >= 0 && f.tail[f.unit[id]] == id)
				emit(&f, f.unit[id]);
		for (int id = 0; id < p->count; id++)
			if (f.unit[id] >= 0)
				emit(&f, f.unit[id]);
		mark_stored(&f);
		ok = make_steps(&f, e);
	}
	free(f.anc);
	free(f.unit);
	free(f.next);
	free(f.tail);
	free(f.outer);
	free(f.rows);
	free(f.virtual);
	free(f.order);
	free(f.seen);
	return ok;
}
