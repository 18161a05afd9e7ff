/* archive.c - libarchive: walking through archives of any size. */
#include "core/archive/archive.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/archive/libarchive.h"
#include "core/base/local.h"

/* ---- which kind ---- */

/* A header of tar: 512 bytes, of which the sum stands at 148, in octal digits; counted with spaces in its place. */
static bool is_tar(const uint8_t *x, size_t n)
{
	enum { HEADER = 512, AT = 148, DIGITS = 8 };
	long sum = 0, said = 0;
	int digits = 0;
	if (n < HEADER || !x[0])
		return false;
	for (int i = 0; i < HEADER; i++)
		sum += i >= AT && i < AT + DIGITS ? ' ' : x[i];
	for (int i = AT; i < AT + DIGITS; i++) {
		if (x[i] >= '0' && x[i] <= '7') {
			said = said * 8 + (x[i] - '0');
			digits++;
		} else if (digits || x[i] != ' ') {
			break;
		}
	}
	return digits > 0 && said == sum;
}

static const struct {
	const char *kind, *signature;
	size_t n;
} SIGNATURE[] = {
	{"zip", "PK\3\4", 4}, {"zip", "PK\5\6", 4}, {"tar", "\3757zXZ\0", 6}, {"tar", "BZh", 3},
	{"tar", "\x28\xb5\x2f\xfd", 4},
};

const char *archive_kind(const uint8_t *head, size_t n)
{
	for (int i = 0; i < COUNT(SIGNATURE); i++)
		if (n >= SIGNATURE[i].n && memcmp(head, SIGNATURE[i].signature, SIGNATURE[i].n) == 0)
			return SIGNATURE[i].kind;
	return is_tar(head, n) ? "tar" : NULL;
}

/* ---- walking ---- */

enum { BLOCK = 1 << 16 };

/* Who reads an archive: bytes, or a file. libarchive says that an archive is damaged where a disk is, so the file is
 * read here. */
typedef struct reader {
	const char *label;                           /* borrow */
	struct archive *a;                           /* own */
	FILE *file;                                  /* own; NULL: bytes */
	char *block;                                 /* own; [BLOCK] */
	int error;                                   /* an errno: the file could not be read */
} reader;

struct archive_file {
	const char *label, *name;                    /* borrow */
	reader *r;                                   /* borrow */
	struct archive_entry *entry;                 /* borrow */
};

const char *archive_name(const archive_file *f)
{
	return f->name;
}

/* What libarchive and what unpacks for it may want: without it they find mistakes in good files. */
enum { LIBRARY_BYTES = 64 << 20 };

/* Some of libarchive's reasons end with a new line. It has one for all that it finds in a file, but none where it has
 * no memory for a reader. */
static bool failed(const reader *r, fault *e)
{
	const char *why = archive_error_string(r->a);
	const bool memory = !why || !*why || archive_errno(r->a) == ENOMEM || strstr(why, "memory");
	if (r->error)
		return fault_at(e, r->label, FAULT_NOW ": %s", strerror(r->error));
	if (memory || !memory_is_there(LIBRARY_BYTES))
		return fault_at(e, r->label, "out of memory (%.*s)", why ? (int)strcspn(why, "\n") : 0, why ? why : "");
	return fault_at(e, r->label, "damaged or truncated archive (zip and tar are read): %.*s",
		(int)strcspn(why, "\n"), why);
}

/* Until the end of the file; *x grows with what comes, not with what the archive says. */
static bool contents(archive_file *f, size_t limit, char **x, size_t *n, fault *e)
{
	size_t room = 0;
	for (;;) {
		if (*n == room) {
			room = MIN(MAX(2 * room, (size_t)1 << 16), limit + 1);
			char *more = realloc(*x, room);
			if (!more)
				return fault_at(e, f->label, "out of memory: %s has more than %zu bytes", f->name, *n);
			*x = more;
		}
		const la_ssize_t k = archive_read_data(f->r->a, *x + *n, room - *n);
		if (k < 0)
			return failed(f->r, e);
		*n += (size_t)k;
		if (*n > limit)
			return fault_at(e, f->label, "%s has more than the %zu bytes that are allowed", f->name, limit);
		if (k == 0)
			return true;
	}
}

bool archive_bytes(archive_file *f, size_t limit, void **bytes, size_t *n, fault *e)
{
	char *x = NULL;
	*n = 0;
	*bytes = NULL;
	if (archive_entry_is_encrypted(f->entry))
		return fault_at(e, f->label, "%s is encrypted", f->name);
	const la_int64_t says = archive_entry_size_is_set(f->entry) ? archive_entry_size(f->entry) : 0;
	if (says < 0 || (uint64_t)says > limit)
		return fault_at(e, f->label, "%s has %lld bytes; %zu are allowed", f->name, (long long)says, limit);
	if (!contents(f, limit, &x, n, e)) {
		free(x);
		return false;
	}
	*bytes = x;
	return true;
}

static bool visit(reader *r, struct archive_entry *entry, archive_fn fn, void *ctx,
	int64_t *links, fault *e)
{
	const char *name = archive_entry_pathname(entry);
	if (!name)
		name = archive_entry_pathname_utf8(entry);
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)) {
		*links += archive_entry_filetype(entry) != AE_IFDIR;
		return true;
	}
	archive_file f = {r->label, name, r, entry};
	return !name || !*name || fn(ctx, &f, e);
}

/* A tar ends with blocks of zeros. libarchive 3.6.0 also takes the end of the file for the end: a tar cut between or in
 * its files would be read as one with fewer. `last`: where the contents of the last file ended. */
static bool ended(const char *label, struct archive *a, la_int64_t last, fault *e)
{
	enum { HEADER = 512 };
	const bool tar = (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
	return !tar || archive_filter_bytes(a, 0) - last >= HEADER
		|| fault_at(e, label, "truncated archive: a tar without its end");
}

static bool walk(reader *r, archive_fn fn, void *ctx, int64_t *links, fault *e)
{
	struct archive *a = r->a;
	struct archive_entry *entry;
	la_int64_t last = 0;
	for (;;) {
		const int k = archive_read_next_header(a, &entry);
		if (k == ARCHIVE_EOF)
			return r->error ? failed(r, e) : ended(r->label, a, last, e);
		if (k != ARCHIVE_OK && k != ARCHIVE_WARN)
			return failed(r, e);
		if (!visit(r, entry, fn, ctx, links, e))
			return false;
		if (archive_read_data_skip(a) < ARCHIVE_WARN)
			return failed(r, e);
		last = archive_filter_bytes(a, 0);
	}
}

/* ---- opening ---- */

static la_ssize_t block_read(struct archive *a, void *ctx, const void **block)
{
	reader *r = ctx;
	ssize_t n;
	while ((n = read(fileno(r->file), r->block, BLOCK)) < 0 && errno == EINTR)
		;
	*block = r->block;
	if (n >= 0)
		return (la_ssize_t)n;
	r->error = errno;
	archive_set_error(a, errno, "%s", strerror(errno));
	return ARCHIVE_FATAL;
}

static la_int64_t block_seek(struct archive *a, void *ctx, la_int64_t to, int from)
{
	reader *r = ctx;
	const off_t at = lseek(fileno(r->file), (off_t)to, from);
	if (at >= 0)
		return (la_int64_t)at;
	r->error = errno;
	archive_set_error(a, errno, "%s", strerror(errno));
	return ARCHIVE_FATAL;
}

/* A zip is read by the list at its end, so that a truncated one is noticed. A filter that this libarchive does not have
 * would run a program of its own: it is refused. */
static struct archive *reader_new(const char *label, fault *e)
{
	struct archive *a = archive_read_new();
	if (!a) {
		fault_at(e, label, "out of memory");
		return NULL;
	}
	if (archive_read_support_format_zip_seekable(a) == ARCHIVE_OK
	    && archive_read_support_format_tar(a) == ARCHIVE_OK
	    && archive_read_support_filter_gzip(a) == ARCHIVE_OK && archive_read_support_filter_bzip2(a) == ARCHIVE_OK
	    && archive_read_support_filter_xz(a) == ARCHIVE_OK && archive_read_support_filter_zstd(a) == ARCHIVE_OK)
		return a;
	fault_at(e, label, "this libarchive reads no archives packed by gzip, bzip2, xz and zstd");
	archive_read_free(a);
	return NULL;
}

/* Names in UTF-8 come out as they are, whatever the user's language is. */
static bool names_as_they_are(const char *label, fault *e)
{
	errno = 0;
	const bool ok = setlocale(LC_CTYPE, "C.UTF-8") || !errno || errno == ENOENT;     /* a system may not have it */
	return ok || fault_at(e, label, FAULT_NOW ": the names in it: %s", strerror(errno));
}

static bool open_file(reader *r, fault *e)
{
	r->block = mem_new(BLOCK, 1, e);
	r->file = r->block ? file_open_read(r->label, e) : NULL;
	if (!r->file)
		return false;
	struct archive *a = r->a;
	return (archive_read_set_read_callback(a, block_read) == ARCHIVE_OK
		&& archive_read_set_seek_callback(a, block_seek) == ARCHIVE_OK
		&& archive_read_set_callback_data(a, r) == ARCHIVE_OK && archive_read_open1(a) == ARCHIVE_OK)
		|| failed(r, e);
}

static void reader_close(reader *r)
{
	archive_read_free(r->a);
	if (r->file)
		fclose(r->file);
	free(r->block);
}

bool archive_walk_path(const char *path, archive_fn fn, void *ctx, int64_t *links, fault *e)
{
	int64_t count = 0;
	reader r = {.label = path, .a = names_as_they_are(path, e) ? reader_new(path, e) : NULL};
	const bool ok = r.a && open_file(&r, e) && walk(&r, fn, ctx, links ? links : &count, e);
	reader_close(&r);
	return ok;
}

bool archive_walk_bytes(const char *label, const void *x, size_t n, archive_fn fn, void *ctx, fault *e)
{
	int64_t count = 0;
	reader r = {.label = label, .a = reader_new(label, e)};
	const bool ok = r.a && (archive_read_open_memory(r.a, x, n) == ARCHIVE_OK || failed(&r, e))
		&& walk(&r, fn, ctx, &count, e);
	reader_close(&r);
	return ok;
}

/* ---- one file ---- */

enum { FILES_MOST = 1000 };

typedef struct wanted {
	const char *label, *name;
	size_t limit, n;
	void *bytes;                                 /* own */
	int files;
} wanted;

/* Names are compared as they are: two spellings of one name would let two readers see two files. */
static bool take_wanted(void *ctx, archive_file *f, fault *e)
{
	wanted *w = ctx;
	if (++w->files > FILES_MOST)
		return fault_at(e, w->label, "an archive of more than %d files", FILES_MOST);
	if (strcmp(f->name, w->name) != 0)
		return true;
	if (w->bytes)
		return fault_at(e, w->label, "%s stands twice in the archive", w->name);
	return archive_bytes(f, w->limit, &w->bytes, &w->n, e);
}

bool archive_extract(const char *label, const void *x, size_t n, const char *name, size_t limit, void **bytes,
	size_t *size, fault *e)
{
	wanted w = {.label = label, .name = name, .limit = limit};
	const bool ok = archive_walk_bytes(label, x, n, take_wanted, &w, e)
		&& (w.bytes || fault_at(e, label, "no %s in the archive", name));
	if (!ok)
		free(w.bytes);
	*bytes = ok ? w.bytes : NULL;
	*size = w.n;
	return ok;
}
