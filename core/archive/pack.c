/* pack.c - libarchive: zip archives, made in a child process (archive.h says why).
 *
 * The child of archive_pack has the members by its fork, and sends the archive in pieces, each behind its size. That of
 * a draft gets them through a socket, each behind a head, and writes into the draft's file. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/archive/archive.h"
#include "core/archive/libarchive.h"
#include "core/base/confine.h"
#include "core/base/descriptor.h"
#include "core/base/local.h"

enum { PIECE = 1 << 16, NAME_MOST = 1 << 12 };

/* ---- in the child ---- */

/* Where the bytes of the archive go. put must not fail for libarchive: after an error of it archive_write_free (3.6.2)
 * leaves its buffer behind. */
typedef struct sink {
	bool (*put)(void *to, const void *x, size_t n, fault *e);
	void *to;
	bool failed;
	fault why;
} sink;

static la_ssize_t bytes_put(struct archive *a, void *ctx, const void *x, size_t n)
{
	sink *s = ctx;
	(void)a;
	s->failed = s->failed || !s->put(s->to, x, n, &s->why);
	return (la_ssize_t)n;
}

static struct archive *zip_new(sink *s)
{
	struct archive *a = archive_write_new();
	if (a && archive_write_set_format_zip(a) == ARCHIVE_OK
	    && archive_write_zip_set_compression_store(a) == ARCHIVE_OK
	    && archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK
	    && archive_write_open(a, s, NULL, bytes_put, NULL) == ARCHIVE_OK)
		return a;
	archive_write_free(a);
	return NULL;
}

/* No time is set: libarchive writes 1980 then, whatever the time zone is. */
static bool member_begin(struct archive *a, const char *name, int64_t n)
{
	struct archive_entry *entry = archive_entry_new();
	if (!entry)
		return false;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)n);
	const bool ok = archive_write_header(a, entry) == ARCHIVE_OK;
	archive_entry_free(entry);
	return ok;
}

static bool piece_add(struct archive *a, const void *bytes, size_t n)
{
	return n == 0 || archive_write_data(a, bytes, n) == (la_ssize_t)n;
}

/* The archive's own failure, or the sink's. */
static bool zip_end(struct archive *a, bool ok, const char *label, const sink *s, fault *e)
{
	ok = ok && archive_write_close(a) == ARCHIVE_OK && !s->failed;
	if (s->failed)
		fault_set(e, "%s", s->why.text);
	else if (!ok)
		fault_at(e, label, "cannot make the archive: %s", a && archive_error_string(a) ? archive_error_string(a)
			: "out of memory");
	archive_write_free(a);
	return ok;
}

/* ---- in memory ---- */

typedef struct packing {
	const char *label;                           /* borrow */
	const archive_member *m;                     /* borrow; [count] */
	int count;
} packing;

static bool send_piece(void *to, const void *x, size_t n, fault *e)
{
	return confine_put(to, &n, sizeof n) && confine_put(to, x, n) ? true : fault_set(e, "not heard");
}

/* A piece of no bytes is the end. */
static bool pack(void *ctx, confine_out *out, fault *e)
{
	const packing *p = ctx;
	const size_t none = 0;
	sink s = {.put = send_piece, .to = out};
	struct archive *a = zip_new(&s);
	bool ok = a != NULL;
	for (int i = 0; ok && i < p->count; i++)
		ok = member_begin(a, p->m[i].name, (int64_t)p->m[i].n) && piece_add(a, p->m[i].bytes, p->m[i].n);
	return zip_end(a, ok, p->label, &s, e) && confine_put(out, &none, sizeof none);
}

static bool take_piece(confine *c, char **x, size_t *n, size_t *room, size_t more, fault *e)
{
	if (*room - *n < more) {
		const size_t wanted = 2 * *room + more;
		char *grown = realloc(*x, wanted);
		if (!grown)
			return fault_set(e, "out of memory for an archive");
		*x = grown;
		*room = wanted;
	}
	const bool there = confine_take(c, *x + *n, more);
	*n += there ? more : 0;
	return there;
}

bool archive_pack(const char *label, const archive_member *m, int count, void **bytes, size_t *size, fault *e)
{
	packing p = {label, m, count};
	char *x = NULL;
	size_t n = 0, room = 0, more = 0;
	fault why = {.text = ""};
	*bytes = NULL;
	*size = 0;
	confine *c = confine_start(label, pack, &p, &(confine_limits){.cpu_s = INT_MAX, .writes = true}, e);
	if (!c)
		return false;
	bool ok;
	while ((ok = confine_take(c, &more, sizeof more)) && more > 0)
		if (!(ok = take_piece(c, &x, &n, &room, more, &why)))
			break;
	if (why.text[0])                             /* no memory here */
		confine_stop(c);
	else if (!confine_end(c, &why))
		ok = false;
	else if (!ok)
		fault_at(&why, label, "cannot be written: the archive's writer is not heard");
	if (!ok) {
		free(x);
		return fault_take(e, &why);
	}
	*bytes = x;
	*size = n;
	return true;
}

/* ---- drafts ---- */

/* Before each member; its name follows, and its bytes. No name: the end of all. */
typedef struct head {
	size_t name, n;
} head;

struct archive_draft {
	file_draft *to;                              /* borrow */
	confine *child;                              /* own; NULL: it is over, why */
	int mine, theirs;                            /* ends of the socket */
	size_t left;                                 /* of the member that is being written */
	fault why;
};

static bool write_piece(void *to, const void *x, size_t n, fault *e)
{
	return file_draft_write(to, x, n, e);
}

static bool add_member(struct archive *a, int from, const head *h, char *piece)
{
	char name[NAME_MOST + 1];
	if (h->name > NAME_MOST || !descriptor_read(from, name, h->name))
		return false;
	name[h->name] = '\0';
	bool ok = member_begin(a, name, (int64_t)h->n);
	for (size_t left = h->n, k; ok && left > 0; left -= k) {
		k = MIN(left, (size_t)PIECE);
		ok = descriptor_read(from, piece, k) && piece_add(a, piece, k);
	}
	return ok;
}

static bool pack_draft(void *ctx, confine_out *out, fault *e)
{
	archive_draft *d = ctx;
	(void)out;
	close(d->mine);
	sink s = {.put = write_piece, .to = d->to};
	char *piece = mem_new(PIECE, 1, e);
	struct archive *a = piece ? zip_new(&s) : NULL;
	head h = {0};
	bool ok = a != NULL;
	while (ok && !s.failed && (ok = descriptor_read(d->theirs, &h, sizeof h)) && h.name)
		ok = add_member(a, d->theirs, &h, piece);
	free(piece);
	return zip_end(a, ok, file_draft_path(d->to), &s, e);
}

archive_draft *archive_draft_new(file_draft *to, fault *e)
{
	int fd[2];
	archive_draft *d = mem_zero(1, sizeof *d, e);
	if (!d)
		return NULL;
	if (!descriptor_pair(fd)) {
		fault_at(e, file_draft_path(to), "no process for the archive: %s", strerror(errno));
		free(d);
		return NULL;
	}
	d->to = to;
	d->mine = fd[0];
	d->theirs = fd[1];
	d->child = confine_start("archive", pack_draft, d,
		&(confine_limits){.cpu_s = INT_MAX, .wall_s = INT_MAX, .writes = true, .files = true}, e);
	close(d->theirs);
	if (d->child)
		return d;
	close(d->mine);
	free(d);
	return NULL;
}

/* The child goes, and says why; an archive that is not whole is none. */
static bool draft_over(archive_draft *d, bool whole)
{
	close(d->mine);
	if (whole && confine_end(d->child, &d->why)) {
		d->child = NULL;
		return true;
	}
	if (!whole) {
		confine_stop(d->child);
		fault_at(&d->why, file_draft_path(d->to), "cannot be written: not all of the archive");
	}
	d->child = NULL;
	return false;
}

/* Whether it was sent; else the child has ended, and says why. */
static bool draft_good(archive_draft *d, bool sent, fault *e)
{
	if (sent)
		return true;
	if (d->child && draft_over(d, true))
		fault_at(&d->why, file_draft_path(d->to), "cannot be written: the archive's writer does not hear");
	return fault_take(e, &d->why);
}

bool archive_draft_member(archive_draft *d, const char *name, int64_t n, fault *e)
{
	const head h = {strlen(name), (size_t)n};
	must(h.name > 0 && h.name <= NAME_MOST && d->left == 0, "a member of an archive without a name, or too early");
	d->left = h.n;
	const struct iovec part[] = {{(void *)(uintptr_t)&h, sizeof h}, {(void *)(uintptr_t)name, h.name}};
	return draft_good(d, d->child && descriptor_send_parts(d->mine, part, COUNT(part)), e);
}

bool archive_draft_write(archive_draft *d, const void *bytes, size_t n, fault *e)
{
	must(n <= d->left, "a member of an archive is larger than was said");
	d->left -= n;
	return draft_good(d, d->child && descriptor_send(d->mine, bytes, n), e);
}

bool archive_draft_end(archive_draft *d, fault *e)
{
	const head none = {0};
	if (!d)
		return false;
	bool ok = d->child != NULL;
	if (ok && d->left == 0)
		ok = draft_good(d, descriptor_send(d->mine, &none, sizeof none), NULL) && draft_over(d, true);
	else if (ok)
		ok = draft_over(d, false);
	if (!ok)
		fault_take(e, &d->why);
	free(d);
	return ok;
}
