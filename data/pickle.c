/* pickle.c - a machine with a stack and a memo, whose values are numbers, texts and lists. (Python's pickletools.py
 * describes the codes.) */
#include "data/pickle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

enum { FILE_MOST = 1 << 30, VALUES_MOST = 1 << 22 };
enum kind { NOTHING, NUMBER, TEXT, ITEMS, MARK };

/* Lists, tuples, dictionaries (keys and values in turn) and objects (what they were made of) are all ITEMS: the entries
 * of `entry` from `first` on, chained. */
typedef struct value {
	enum kind kind;
	int64_t v;                                   /* the number */
	const char *x;                               /* borrow; the text [n] */
	int64_t n;                                   /* bytes, or entries */
	int64_t first, last;                         /* indices into entry; -1: none */
} value;

typedef struct entry {
	int64_t value, next;
} entry;

/* An array that grows. */
typedef struct grown {
	void *x;                                     /* own */
	int64_t n, room;
	bool no_memory;
} grown;

struct pickle {
	char *path;                                  /* own */
	uint8_t *file;                               /* own; [n] */
	int64_t n, at;
	grown values, entries, stack, memo;          /* of value, entry, and indices of values twice */
	bool ended;
};

static void *grow(grown *g, size_t size)
{
	if (g->n == VALUES_MOST)
		return NULL;
	if (g->n == g->room) {
		void *more = realloc(g->x, (size_t)MAX(2 * g->room, 256) * size);
		g->no_memory = !more;
		if (!more)
			return NULL;
		g->x = more;
		g->room = MAX(2 * g->room, 256);
	}
	memset((char *)g->x + (size_t)g->n * size, 0, size);
	return (char *)g->x + (size_t)g->n++ * size;
}

static value *value_at(const pickle *p, int64_t i)
{
	return (value *)p->values.x + i;
}

static bool push_index(pickle *p, int64_t i)
{
	int64_t *to = grow(&p->stack, sizeof *to);
	if (to)
		*to = i;
	return to != NULL;
}

static bool push(pickle *p, value v)
{
	value *to = grow(&p->values, sizeof *to);
	v.first = v.last = -1;
	if (to)
		*to = v;
	return to && push_index(p, p->values.n - 1);
}

/* Index of the value `down` below the top of the stack, -1: there is none. */
static int64_t below_top(const pickle *p, int64_t down)
{
	return down < p->stack.n ? ((int64_t *)p->stack.x)[p->stack.n - 1 - down] : -1;
}

static bool entry_add(pickle *p, int64_t list, int64_t v)
{
	entry *to = grow(&p->entries, sizeof *to);
	value *l = value_at(p, list);
	if (!to || l->kind != ITEMS)
		return false;
	*to = (entry){v, -1};
	if (l->last >= 0)
		((entry *)p->entries.x)[l->last].next = p->entries.n - 1;
	else
		l->first = p->entries.n - 1;
	l->last = p->entries.n - 1;
	l->n++;
	return true;
}

/* The n values at the top become entries of the one below them. */
static bool take(pickle *p, int64_t n)
{
	const int64_t list = below_top(p, n);
	bool ok = list >= 0;
	for (int64_t i = n - 1; ok && i >= 0; i--)
		ok = entry_add(p, list, below_top(p, i));
	p->stack.n -= ok ? n : 0;
	return ok;
}

/* ---- codes: each has its argument, a number that follows it ---- */

static bool op_skip(pickle *p, uint64_t v)
{
	(void)p, (void)v;
	return true;
}

static bool op_end(pickle *p, uint64_t v)
{
	(void)v;
	return p->ended = true;
}

static bool op_number(pickle *p, uint64_t v)
{
	return push(p, (value){.kind = NUMBER, .v = (int64_t)v});
}

static bool op_signed(pickle *p, uint64_t v)
{
	return push(p, (value){.kind = NUMBER, .v = (int32_t)v});
}

static bool op_nothing(pickle *p, uint64_t v)
{
	(void)v;
	return push(p, (value){.kind = NOTHING});
}

static bool op_true(pickle *p, uint64_t v)
{
	(void)v;
	return push(p, (value){.kind = NUMBER, .v = 1});
}

static bool op_false(pickle *p, uint64_t v)
{
	(void)v;
	return push(p, (value){.kind = NUMBER});
}

static bool op_mark(pickle *p, uint64_t v)
{
	(void)v;
	return push(p, (value){.kind = MARK});
}

static bool op_items(pickle *p, uint64_t v)
{
	(void)v;
	return push(p, (value){.kind = ITEMS});
}

static bool op_text(pickle *p, uint64_t n)
{
	if (n > (uint64_t)(p->n - p->at))
		return false;
	p->at += (int64_t)n;
	return push(p, (value){.kind = TEXT, .x = (const char *)p->file + p->at - n, .n = (int64_t)n});
}

/* The name of a module and of a thing in it, a line each: what they mean does not matter. */
static bool op_global(pickle *p, uint64_t v)
{
	(void)v;
	for (int i = 0; i < 2; i++) {
		const uint8_t *end = memchr(p->file + p->at, '\n', (size_t)(p->n - p->at));
		if (!end)
			return false;
		p->at = end + 1 - p->file;
	}
	return push(p, (value){.kind = NOTHING});
}

/* What was pushed after the last mark becomes entries of what lies under the mark. */
static bool op_take_marked(pickle *p, uint64_t v)
{
	(void)v;
	for (int64_t n = 0, i; (i = below_top(p, n)) >= 0; n++) {
		if (value_at(p, i)->kind != MARK)
			continue;
		int64_t *at = (int64_t *)p->stack.x + p->stack.n - 1 - n;
		memmove(at, at + 1, (size_t)n * sizeof *at);
		p->stack.n--;
		return take(p, n);
	}
	return false;
}

/* .. of a new tuple, in the place of the mark. */
static bool op_tuple_marked(pickle *p, uint64_t v)
{
	(void)v;
	for (int64_t n = 0, i; (i = below_top(p, n)) >= 0; n++)
		if (value_at(p, i)->kind == MARK) {
			value_at(p, i)->kind = ITEMS;
			return take(p, n);
		}
	return false;
}

static bool take_new(pickle *p, int64_t n)
{
	if (n > p->stack.n || !push(p, (value){.kind = ITEMS}))
		return false;
	int64_t *top = (int64_t *)p->stack.x + p->stack.n - 1, made = *top;
	memmove(top - n + 1, top - n, (size_t)n * sizeof *top);
	top[-n] = made;
	return take(p, n);
}

static bool op_take_one(pickle *p, uint64_t v) { return (void)v, take(p, 1); }
static bool op_take_two(pickle *p, uint64_t v) { return (void)v, take(p, 2); }
static bool op_tuple_one(pickle *p, uint64_t v) { return (void)v, take_new(p, 1); }
static bool op_tuple_two(pickle *p, uint64_t v) { return (void)v, take_new(p, 2); }
static bool op_tuple_three(pickle *p, uint64_t v) { return (void)v, take_new(p, 3); }

static bool op_put(pickle *p, uint64_t v)
{
	while ((uint64_t)p->memo.n <= v) {
		int64_t *to = grow(&p->memo, sizeof *to);
		if (!to)
			return false;
		*to = -1;
	}
	((int64_t *)p->memo.x)[v] = below_top(p, 0);
	return p->stack.n > 0;
}

static bool op_get(pickle *p, uint64_t v)
{
	const int64_t i = v < (uint64_t)p->memo.n ? ((int64_t *)p->memo.x)[v] : -1;
	return i >= 0 && push_index(p, i);
}

static const struct {
	uint8_t code, bytes;                         /* of the argument */
	bool (*run)(pickle *p, uint64_t v);
} CODE[] = {
	{0x80, 1, op_skip}, {'.', 0, op_end}, {'K', 1, op_number}, {'M', 2, op_number}, {'J', 4, op_signed},
	{'N', 0, op_nothing}, {0x88, 0, op_true}, {0x89, 0, op_false}, {'U', 1, op_text}, {'T', 4, op_text},
	{'X', 4, op_text}, {'C', 1, op_text}, {'B', 4, op_text}, {']', 0, op_items}, {'}', 0, op_items},
	{')', 0, op_items}, {'(', 0, op_mark}, {'c', 0, op_global}, {'e', 0, op_take_marked}, {'u', 0, op_take_marked},
	{'t', 0, op_tuple_marked}, {'a', 0, op_take_one}, {'s', 0, op_take_two}, {0x85, 0, op_tuple_one},
	{0x86, 0, op_tuple_two}, {0x87, 0, op_tuple_three}, {'R', 0, op_tuple_two}, {'b', 0, op_tuple_two},
	{'q', 1, op_put}, {'r', 4, op_put}, {'h', 1, op_get}, {'j', 4, op_get},
};

static bool refused(const pickle *p, const char *path, int64_t at, fault *e)
{
	if (p->values.no_memory || p->entries.no_memory || p->stack.no_memory || p->memo.no_memory)
		return fault_at(e, path, "out of memory");
	return fault_at(e, path, "damaged pickle at byte %" PRId64, at);
}

static bool step(pickle *p, const char *path, fault *e)
{
	const int64_t from = p->at;
	const uint8_t code = p->at < p->n ? p->file[p->at++] : 0;
	for (int i = 0; i < COUNT(CODE); i++) {
		uint64_t v = 0;
		if (CODE[i].code != code || CODE[i].bytes > p->n - p->at)
			continue;
		for (int k = 0; k < CODE[i].bytes; k++)
			v |= (uint64_t)p->file[p->at++] << 8 * k;
		return CODE[i].run(p, v) || refused(p, path, from, e);
	}
	return fault_at(e, path, "no pickle of CIFAR's, or a truncated one (byte %" PRId64 "); the binary version, "
		"-binary.tar.gz, is read in any case", from);
}

pickle *pickle_open(const bundle *in, const char *path, fault *e)
{
	pickle *p = mem_zero(1, sizeof *p, e);
	bool ok = p && (p->path = text_copy(path, e)) && bytes_read(in, path, FILE_MOST, &p->file, &p->n, e);
	while (ok && !p->ended)
		ok = step(p, path, e);
	if (ok && (p->stack.n != 1 || value_at(p, below_top(p, 0))->kind != ITEMS))
		ok = fault_at(e, path, "a pickle that is no dictionary");
	if (ok)
		return p;
	pickle_free(p);
	return NULL;
}

void pickle_free(pickle *p)
{
	if (!p)
		return;
	free(p->path);
	free(p->file);
	free(p->values.x);
	free(p->entries.x);
	free(p->stack.x);
	free(p->memo.x);
	free(p);
}

/* ---- looking ---- */

/* Walks through a list: *at is -1 at its start; NULL at its end, or when it is no list. */
static const value *next_of(const pickle *p, const value *list, int64_t *at)
{
	const entry *all = p->entries.x;
	*at = !list || list->kind != ITEMS ? -1 : *at < 0 ? list->first : all[*at].next;
	return *at >= 0 ? value_at(p, all[*at].value) : NULL;
}

static const value *under(const pickle *p, const char *key)
{
	const value *root = value_at(p, below_top(p, 0)), *k, *v;
	const int64_t n = (int64_t)strlen(key);
	for (int64_t at = -1; (k = next_of(p, root, &at)) && (v = next_of(p, root, &at));)
		if (k->kind == TEXT && k->n == n && memcmp(k->x, key, (size_t)n) == 0)
			return v;
	return NULL;
}

static bool no_list(const pickle *p, const char *key, const char *of, fault *e)
{
	return fault_at(e, p->path, "no list %s of %s in this pickle", key, of);
}

bool pickle_numbers(const pickle *p, const char *key, int64_t **v, int64_t *n, fault *e)
{
	const value *list = under(p, key), *x;
	if (!list || list->kind != ITEMS)
		return no_list(p, key, "numbers", e);
	*n = 0;
	if (!(*v = mem_new((size_t)list->n, sizeof **v, e)))
		return false;
	for (int64_t at = -1; *n < list->n && (x = next_of(p, list, &at)) && x->kind == NUMBER;)
		(*v)[(*n)++] = x->v;
	if (*n == list->n)
		return true;
	free(*v);
	*v = NULL;
	return no_list(p, key, "numbers", e);
}

bool pickle_texts(const pickle *p, const char *key, names *l, fault *e)
{
	const value *list = under(p, key), *x;
	bool ok = list && list->kind == ITEMS;
	*l = (names){0};
	for (int64_t at = -1; ok && l->n < list->n && (x = next_of(p, list, &at));) {
		char text[128];
		ok = x->kind == TEXT && x->n < (int64_t)sizeof text;
		snprintf(text, sizeof text, "%.*s", ok ? (int)x->n : 0, ok ? x->x : "");
		if (ok && !names_add(l, text, e))
			return names_free(l), false;
	}
	if (ok)
		return true;
	names_free(l);
	return no_list(p, key, "texts", e);
}

/* numpy's arrays are made empty and then given their state: version, shape, type, whether columns lie together
 * (Fortran's order), bytes. */
const uint8_t *pickle_array(const pickle *p, const char *key, int64_t *n)
{
	const value *made = under(p, key), *x, *order = NULL;
	int64_t at = -1;
	next_of(p, made, &at);
	const value *state = next_of(p, made, &at);
	for (at = -1; (x = next_of(p, state, &at)) && x->kind != TEXT;)
		order = x;
	if (!x || !order || order->kind != NUMBER || order->v)
		return NULL;
	*n = x->n;
	return (const uint8_t *)x->x;
}
