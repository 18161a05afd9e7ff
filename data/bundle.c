/* bundle.c - an archive unpacked by a child process into a table of names and bytes.
 *
 * The child sends each file: the lengths of name and contents, the name, the contents; and a last one of length 0. */
#include "data/bundle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/archive/archive.h"
#include "core/base/confine.h"
#include "core/base/local.h"
#include "data/dataset_internal.h"

enum { NAME_MOST = 4096, FILES_MOST = 1 << 23 };

typedef struct member {
	char *path;                                  /* own */
	uint8_t *x;                                  /* own; [n] */
	int64_t n;
	int64_t order;                               /* in the archive: the last of one name counts */
} member;

struct bundle {
	char *path;                                  /* own; the archive's */
	member *m;                                   /* own; [n], sorted by path */
	int64_t n, links;
};

/* What the child sends before each file. */
typedef struct head {
	int64_t name, n;                             /* bytes; name 0: the end, and n counts the links */
} head;

bool bundle_is(const char *path, bool *yes, fault *e)
{
	uint8_t x[ARCHIVE_HEAD];
	source *s = source_open(NULL, path, e);
	/* A file packed by gzip shows its contents here, a tar or anything else; its reader says when it is damaged. */
	const int64_t n = s ? source_read_some(s, x, sizeof x, NULL) : -1;
	source_close(s);
	*yes = n > 0 && archive_kind(x, (size_t)n) != NULL;
	return s != NULL;
}

/* ---- the child ---- */

typedef struct job {
	const char *path;
	confine_out *out;
	int64_t room;                                /* bytes that may still come */
} job;

/* Names that lead nowhere else: no "..", no root. Others are no files of the set. */
static const char *name_inside(const char *name)
{
	while (*name == '/' || strncmp(name, "./", 2) == 0)
		name += *name == '/' ? 1 : 2;
	for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
			return "";
	return name;
}

static bool file_send(void *ctx, archive_file *f, fault *e)
{
	job *j = ctx;
	void *x;
	size_t n;
	const char *name = name_inside(archive_name(f));
	const size_t length = strlen(name);
	if (!length || length > NAME_MOST || name[length - 1] == '/')
		return true;
	if (!archive_bytes(f, (size_t)j->room, &x, &n, e))
		return false;
	j->room -= (int64_t)n;
	const head h = {(int64_t)length, (int64_t)n};
	const bool ok = confine_put(j->out, &h, sizeof h) && confine_put(j->out, name, length)
		&& confine_put(j->out, x, n);
	free(x);
	return ok;
}

static bool child(void *ctx, confine_out *out, fault *e)
{
	job *j = ctx;
	head last = {0, 0};
	j->out = out;
	return archive_walk_path(j->path, file_send, j, &last.n, e) && confine_put(out, &last, sizeof last);
}

/* ---- the program's side ---- */

static bool room_take(bundle *b, int64_t *room, fault *e)
{
	if (b->n < *room)
		return true;
	if (b->n == FILES_MOST)
		return fault_at(e, b->path, "an archive of more than %d files", FILES_MOST);
	member *more = realloc(b->m, (size_t)MAX(2 * b->n, 1024) * sizeof *more);
	if (!more)
		return fault_at(e, b->path, "out of memory for %" PRId64 " files", b->n);
	b->m = more;
	*room = MAX(2 * b->n, 1024);
	return true;
}

/* One file of the child's, whose sizes are believed no more than the archive's. *more false: it was the last, or the
 * child has ended. */
static bool member_take(bundle *b, confine *c, int64_t *left, bool *more, bool *whole, fault *e)
{
	head h;
	char name[NAME_MOST + 1];
	*whole = false;
	*more = confine_take(c, &h, sizeof h);
	if (!*more)
		return true;
	if (h.name == 0) {
		*more = false;
		*whole = true;
		b->links = MAX(h.n, 0);
		return true;
	}
	if (h.name < 0 || h.name > NAME_MOST || h.n < 0 || h.n > *left)
		return fault_at(e, b->path, "damaged archive (the reader's sizes make no sense)");
	*left -= h.n;
	member m = {.n = h.n, .order = b->n, .x = mem_new((size_t)h.n, 1, e)};
	*more = m.x && confine_take(c, name, (size_t)h.name) && confine_take(c, m.x, (size_t)h.n);
	name[*more ? h.name : 0] = '\0';
	if (*more && (m.path = path_join(b->path, name, e))) {
		b->m[b->n++] = m;
		return true;
	}
	const bool ok = m.x && !*more;               /* the child has ended and knows why */
	free(m.x);
	return ok;
}

static int member_order(const void *a, const void *b)
{
	const member *p = a, *q = b;
	const int k = strcmp(p->path, q->path);
	return k ? k : (p->order > q->order) - (p->order < q->order);
}

/* Sorted, of each name the last. */
static void members_sort(bundle *b)
{
	int64_t n = 0;
	if (b->n)
		qsort(b->m, (size_t)b->n, sizeof *b->m, member_order);
	for (int64_t i = 0; i < b->n; i++) {
		if (i + 1 < b->n && strcmp(b->m[i].path, b->m[i + 1].path) == 0) {
			free(b->m[i].path);
			free(b->m[i].x);
			continue;
		}
		b->m[n++] = b->m[i];
	}
	b->n = n;
}

/* Half of this machine's memory at most, because images are made of these bytes. */
static bool most_of(const char *path, int64_t *most, fault *e)
{
	if (!packed_most(path, most, e))
		return false;
	*most = (int64_t)MIN((double)*most, machine_memory() / 2);
	return true;
}

static bool members_take(bundle *b, confine *c, int64_t left, bool *whole, fault *e)
{
	int64_t room = 0;
	bool more = true, ok = true;
	while (ok && more)
		ok = room_take(b, &room, e) && member_take(b, c, &left, &more, whole, e);
	return ok;
}

static bundle *open_once(const char *path, fault *e)
{
	int64_t size, most;
	bool whole;
	if (!bytes_count(NULL, path, &size, e) || !most_of(path, &most, e))
		return NULL;
	const confine_limits l = confine_limits_for(size, (double)(1 << 30) + 2 * (double)most);
	job j = {.path = path, .room = most};
	bundle *b = mem_zero(1, sizeof *b, e);
	confine *c = b && (b->path = text_copy(path, e)) ? confine_start(path, child, &j, &l, e) : NULL;
	if (c && !members_take(b, c, most, &whole, e)) {
		confine_stop(c);
	} else if (confine_end(c, e) && (whole || fault_at(e, path, "damaged archive (the reader ended early)"))) {
		members_sort(b);
		return b;
	}
	bundle_free(b);
	return NULL;
}

/* Damaged is what is found so twice: what a library cannot get once, memory say, looks like damage to it. */
bundle *bundle_open(const char *path, fault *e)
{
	fault why = {.text = ""};
	bundle *b = open_once(path, &why);
	if (!b && !fault_is_now(&why))
		b = open_once(path, &why);
	if (!b)
		fault_take(e, &why);
	return b;
}

void bundle_free(bundle *b)
{
	if (!b)
		return;
	for (int64_t i = 0; i < b->n; i++) {
		free(b->m[i].path);
		free(b->m[i].x);
	}
	free(b->m);
	free(b->path);
	free(b);
}

int64_t bundle_size(const bundle *b)
{
	int64_t n = 0;
	for (int64_t i = 0; i < b->n; i++)
		n += b->m[i].n;
	return n;
}

int64_t bundle_files(const bundle *b)
{
	return b->n;
}

int64_t bundle_links(const bundle *b)
{
	return b->links;
}

/* ---- looking ---- */

/* The first member that does not come before a path, followed by `tail`. */
static int64_t first_at(const bundle *b, const char *path, const char *tail)
{
	const size_t k = strlen(path);
	int64_t lo = 0, hi = b->n;
	while (lo < hi) {
		const int64_t mid = lo + (hi - lo) / 2;
		int order = strncmp(b->m[mid].path, path, k);
		if (order == 0)
			order = strcmp(b->m[mid].path + k, tail);
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Of a member in a folder the rest of its path; NULL: it is not in it. */
static const char *rest_in(const char *path, const char *folder)
{
	const size_t k = strlen(folder);
	return strncmp(path, folder, k) == 0 && path[k] == '/' ? path + k + 1 : NULL;
}

const uint8_t *bundle_bytes(const bundle *b, const char *path, int64_t *n)
{
	const int64_t i = first_at(b, path, "");
	if (i == b->n || strcmp(b->m[i].path, path) != 0)
		return NULL;
	*n = b->m[i].n;
	return b->m[i].x;
}

enum file_type bundle_type(const bundle *b, const char *path)
{
	int64_t n;
	if (bundle_bytes(b, path, &n))
		return FILE_REGULAR;
	const int64_t i = first_at(b, path, "/");
	return (i < b->n && rest_in(b->m[i].path, path)) || strcmp(path, b->path) == 0 ? FILE_FOLDER : FILE_MISSING;
}

/* What lies in one folder stands together, and so do the files below each of its folders. */
bool bundle_list(const bundle *b, const char *folder, names *l, fault *e)
{
	const char *rest;
	char last[NAME_MOST + 1] = "";
	for (int64_t i = first_at(b, folder, "/"); i < b->n && (rest = rest_in(b->m[i].path, folder)); i++) {
		char name[NAME_MOST + 1];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "/"), rest);
		if (!*name || strcmp(name, last) == 0)
			continue;
		strcpy(last, name);
		if (*name == '.') {
			l->hidden++;
			continue;
		}
		if (!names_add(l, name, e))
			return false;
	}
	return true;
}
