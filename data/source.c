/* source.c - reading files of others by zlib, and listing folders. */
#include "data/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core/base/local.h"
#include "data/bundle.h"

enum { STORED_STEP = 1 << 17, READ_STEP = 1 << 20, GZIP_FIRST = 0x1f, GZIP_SECOND = 0x8b };

struct source {
	char *path;                                  /* own */
	FILE *file;                                  /* own; NULL: a file of an archive */
	uint8_t *stored;                             /* own; [STORED_STEP], what comes from the disk */
	z_stream z;                                  /* next_in [avail_in]: stored bytes that are not used yet */
	const uint8_t *rest;                         /* borrow; of a file of an archive, `left` more bytes */
	int64_t left;
	bool packed;
	bool within;                                 /* a gzip stream that has not ended */
	int64_t size;                                /* bytes as stored */
	int64_t at;                                  /* bytes of contents read */
};

enum file_type type_of(const bundle *in, const char *path)
{
	return in ? bundle_type(in, path) : file_type(path);
}

/* ---- as stored ---- */

bool bytes_count(const bundle *in, const char *path, int64_t *n, fault *e)
{
	struct stat st;
	if (in)
		return bundle_bytes(in, path, n) || fault_at(e, path, "no such file in the archive");
	if (stat(path, &st) != 0)
		return fault_at(e, path, "cannot read: %s", strerror(errno));
	*n = st.st_size;
	return S_ISREG(st.st_mode) || fault_at(e, path, "not a regular file");
}

static bool disk_read(const char *path, uint8_t *x, int64_t n, fault *e)
{
	FILE *f = file_open_read(path, e);
	if (!f)
		return false;
	errno = 0;
	const bool ok = fread(x, 1, (size_t)n, f) == (size_t)n;
	if (!ok)
		errno ? fault_read(e, path) : fault_at(e, path, FAULT_NOW ": the file became shorter");
	fclose(f);
	return ok;
}

bool bytes_read(const bundle *in, const char *path, int64_t most, uint8_t **x, int64_t *n, fault *e)
{
	*x = NULL;
	if (!bytes_count(in, path, n, e) || !(*x = mem_new((size_t)(*n = MIN(*n, most)), 1, e)))
		return false;
	if (in) {
		int64_t all;
		memcpy(*x, bundle_bytes(in, path, &all), (size_t)*n);
		return true;
	}
	if (disk_read(path, *x, *n, e))
		return true;
	free(*x);
	*x = NULL;
	return false;
}

/* ---- streams ---- */

/* Stored bytes that wait, if any are left; false with e set when they cannot be read. */
static bool refill(source *s, fault *e)
{
	if (s->z.avail_in)
		return true;
	if (s->file) {
		s->z.next_in = s->stored;
		s->z.avail_in = (uInt)fread(s->stored, 1, STORED_STEP, s->file);
		return !ferror(s->file) || fault_read(e, s->path);
	}
	s->z.avail_in = (uInt)MIN(s->left, READ_STEP);
	s->z.next_in = (Bytef *)(uintptr_t)s->rest;  /* zlib's field is not const */
	s->rest += s->z.avail_in;
	s->left -= s->z.avail_in;
	return true;
}

static bool source_begin(source *s, const bundle *in, fault *e)
{
	if (in) {
		s->rest = bundle_bytes(in, s->path, &s->left);
	} else if (!(s->stored = mem_new(STORED_STEP, 1, e))) {
		return false;
	} else if (!(s->file = file_open_read(s->path, e))) {
		return false;
	}
	if (!refill(s, e))
		return false;
	s->packed = s->z.avail_in > 1 && s->z.next_in[0] == GZIP_FIRST && s->z.next_in[1] == GZIP_SECOND;
	if (s->packed && inflateInit2(&s->z, 15 + 16) != Z_OK) {
		s->packed = false;
		return fault_at(e, s->path, "out of memory");
	}
	s->within = s->packed;
	return true;
}

source *source_open(const bundle *in, const char *path, fault *e)
{
	int64_t size;
	if (!bytes_count(in, path, &size, e))
		return NULL;
	source *s = mem_zero(1, sizeof *s, e);
	if (s && (s->path = text_copy(path, e)) && source_begin(s, in, e)) {
		s->size = size;
		return s;
	}
	source_close(s);
	return NULL;
}

void source_close(source *s)
{
	if (!s)
		return;
	if (s->packed)
		inflateEnd(&s->z);
	if (s->file)
		fclose(s->file);
	free(s->stored);
	free(s->path);
	free(s);
}

/* Up to n bytes of contents; 0 at the end, -1 with e set. */
static int64_t unpack(source *s, void *to, int64_t n, fault *e)
{
	if (!s->within) {                            /* another stream may follow; other bytes mean nothing */
		if (!s->z.avail_in || s->z.next_in[0] != GZIP_FIRST)
			return 0;
		s->within = inflateReset(&s->z) == Z_OK;
	}
	if (!s->z.avail_in)
		return fault_at(e, s->path, "truncated: the gzip stream ends after %" PRId64 " bytes of contents",
			s->at), -1;
	s->z.next_out = to;
	s->z.avail_out = (uInt)MIN(n, READ_STEP);
	const uInt room = s->z.avail_out;
	const int k = inflate(&s->z, Z_NO_FLUSH);
	s->within = k != Z_STREAM_END;
	if (k != Z_OK && k != Z_STREAM_END && k != Z_BUF_ERROR)
		return fault_at(e, s->path, "damaged gzip stream after %" PRId64 " bytes of contents (%s)", s->at,
			k == Z_MEM_ERROR ? "out of memory" : s->z.msg ? s->z.msg : "no reason given"), -1;
	return room - s->z.avail_out;
}

/* The same of a file that is not packed. */
static int64_t copy(source *s, void *to, int64_t n)
{
	const uInt k = (uInt)MIN(n, s->z.avail_in);
	memcpy(to, s->z.next_in, k);
	s->z.next_in += k;
	s->z.avail_in -= k;
	return k;
}

int64_t source_read_some(source *s, void *to, int64_t n, fault *e)
{
	int64_t got = 0;
	while (got < n) {
		if (!refill(s, e))
			return -1;
		if (!s->z.avail_in && !s->within)
			break;
		const bool was_within = s->within;
		char *at = (char *)to + got;
		const int64_t k = s->packed ? unpack(s, at, n - got, e) : copy(s, at, n - got);
		if (k < 0)
			return -1;
		if (k == 0 && !s->within && !was_within)
			break;
		got += k;
		s->at += k;
	}
	return got;
}

bool source_read(source *s, void *to, int64_t n, fault *e)
{
	const int64_t from = s->at, got = source_read_some(s, to, n, e);
	if (got == n)
		return true;
	return got >= 0 && fault_at(e, s->path, "truncated: ends after %" PRId64 " bytes, needs %" PRId64,
		s->at, from + n);
}

bool source_end(source *s, fault *e)
{
	char extra;
	const int64_t got = source_read_some(s, &extra, 1, e);
	if (got > 0)
		return fault_at(e, s->path, "has more than the %" PRId64 " bytes that its header says",
			s->at - 1);
	return got == 0;
}

int64_t source_size(const source *s)
{
	return s->packed ? -1 : s->size;
}

int64_t source_most(const source *s)
{
	return !s->packed ? s->size : s->size > INT64_MAX / DEFLATE_DENSEST ? INT64_MAX : s->size * DEFLATE_DENSEST;
}

bool packed_most(const char *path, int64_t *most, fault *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fault_read(e, path);
	*most = !S_ISREG(st.st_mode) ? INT64_MAX
		: MIN(st.st_size, (INT64_MAX - PACKED_FREE) / PACKED_FACTOR) * PACKED_FACTOR + PACKED_FREE;
	return true;
}

bool packed_check(const char *path, double bytes, fault *e)
{
	int64_t most = 0;
	if (!packed_most(path, &most, e))
		return false;
	return bytes <= (double)most || fault_at(e, path, "%.0f bytes of images are packed in it; a file of its size "
		"may hold %" PRId64 ": unpack it first", bytes, most);
}

bool file_length(const bundle *in, const char *path, int64_t most, int64_t *n, fault *e)
{
	source *s = source_open(in, path, e);
	char *step = s && s->packed ? mem_new(READ_STEP, 1, e) : NULL;
	bool ok = s && (!s->packed || step);
	if (ok && s->packed) {
		int64_t got;
		do
			got = source_read_some(s, step, READ_STEP, e);
		while (got == READ_STEP && s->at <= most);
		ok = got >= 0;
	}
	*n = !ok ? 0 : s->packed ? s->at : s->size;
	if (ok && *n > most)
		ok = fault_at(e, path, "longer than the %" PRId64 " bytes allowed", most);
	free(step);
	source_close(s);
	return ok;
}

bool names_add(names *l, const char *name, fault *e)
{
	/* room doubles whenever the count is a power of two */
	if ((l->n & (l->n - 1)) == 0) {
		char **more = realloc(l->name, (size_t)MAX(2 * l->n, 1) * sizeof *more);
		if (!more)
			return fault_set(e, "out of memory: %" PRId64 " names", l->n);
		l->name = more;
	}
	char *copy = text_copy(name, e);
	if (!copy)
		return false;
	l->name[l->n++] = copy;
	return true;
}

void names_free(names *l)
{
	for (int64_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (names){0};
}

char *names_print(const names *l, char *buf, size_t size)
{
	size_t n = 0;
	*buf = '\0';
	for (int64_t i = 0; i < l->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", l->name[i]);
	return buf;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool disk_list(names *l, const char *folder, fault *e)
{
	file_names all;
	bool ok = file_names_list(folder, &all, e);
	for (int i = 0; ok && i < all.n; i++)
		if (all.name[i][0] != '.')
			ok = names_add(l, all.name[i], e);
		else
			l->hidden++;
	file_names_free(&all);
	return ok;
}

bool names_list(names *l, const bundle *in, const char *folder, fault *e)
{
	*l = (names){0};
	const bool ok = in ? bundle_list(in, folder, l, e) : disk_list(l, folder, e);
	if (!ok)
		names_free(l);
	if (l->n)
		qsort(l->name, (size_t)l->n, sizeof *l->name, name_order);
	return ok;
}

char *path_join(const char *folder, const char *name, fault *e)
{
	const size_t n = strlen(folder) + strlen(name) + 2;
	char *p = mem_new(n, 1, e);
	if (p)
		snprintf(p, n, "%s%s%s", folder, *folder && folder[strlen(folder) - 1] == '/' ? "" : "/", name);
	return p;
}

size_t text_mark(const void *text, size_t n)
{
	return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const char *path_below(const char *folder, const char *path)
{
	path += strlen(folder);
	return path + strspn(path, "/");
}
