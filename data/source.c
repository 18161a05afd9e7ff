/* source.c - reading files of others by zlib, and listing folders. */
#include "data/source.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core/base/local.h"

/* The longest match (258 bytes) in the shortest code (2 bits): zlib's manual states 1032:1. */
enum { DEFLATE_DENSEST = 1032, READ_STEP = 1 << 20 };

struct source {
	char *path;                                  /* own */
	gzFile file;
	bool packed;
	int64_t size;                                /* bytes on disk */
	int64_t at;                                  /* bytes of contents read */
};

/* A pipe or device could block or never end: only regular files are opened. */
bool bytes_count(const char *path, int64_t *n, fault *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fault_at(e, path, "cannot read: %s", strerror(errno));
	*n = st.st_size;
	return S_ISREG(st.st_mode) || fault_at(e, path, "not a regular file");
}

bool bytes_read(const char *path, int64_t most, uint8_t **x, int64_t *n, fault *e)
{
	*x = NULL;
	if (!bytes_count(path, n, e) || !(*x = mem_new((size_t)(*n = MIN(*n, most)), 1, e)))
		return false;
	FILE *f = fopen(path, "rb");
	const bool ok = f && fread(*x, 1, (size_t)*n, f) == (size_t)*n;
	if (!ok)
		fault_at(e, path, "cannot read: %s", errno ? strerror(errno) : "the file became shorter");
	if (f)
		fclose(f);
	if (!ok) {
		free(*x);
		*x = NULL;
	}
	return ok;
}

source *source_open(const char *path, fault *e)
{
	int64_t size;
	if (!bytes_count(path, &size, e))
		return NULL;
	source *s = mem_zero(1, sizeof *s, e);
	if (!s || !(s->path = text_copy(path, e)))
		goto fail;
	s->size = size;
	errno = 0;
	s->file = gzopen(path, "rb");
	if (!s->file) {
		fault_at(e, path, "cannot read: %s", errno ? strerror(errno) : "out of memory");
		goto fail;
	}
	gzbuffer(s->file, 1 << 17);
	s->packed = !gzdirect(s->file);
	return s;
fail:
	source_close(s);
	return NULL;
}

void source_close(source *s)
{
	if (!s)
		return;
	if (s->file)
		gzclose_r(s->file);
	free(s->path);
	free(s);
}

static bool source_damaged(const source *s, fault *e)
{
	int code;
	const char *why = gzerror(s->file, &code);
	if (code == Z_ERRNO)
		return fault_at(e, s->path, "cannot read: %s", strerror(errno));
	if (code == Z_BUF_ERROR)
		return fault_at(e, s->path, "truncated: the gzip stream ends after %" PRId64 " bytes of contents",
			s->at);
	return fault_at(e, s->path, "damaged gzip stream after %" PRId64 " bytes of contents (%s)", s->at,
		why);
}

int64_t source_read_some(source *s, void *to, int64_t n, fault *e)
{
	int64_t got = 0;
	while (got < n) {
		int k = gzread(s->file, (char *)to + got, (unsigned)MIN(n - got, READ_STEP));
		if (k < 0)
			return source_damaged(s, e), -1;
		if (k == 0)
			break;
		got += k;
		s->at += k;
	}
	int code;
	gzerror(s->file, &code);
	if (got < n && code != Z_OK && code != Z_STREAM_END)   /* zlib delivers what it has first */
		return source_damaged(s, e), -1;
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

bool file_length(const char *path, int64_t most, int64_t *n, fault *e)
{
	source *s = source_open(path, e);
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

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool names_list(names *l, const char *folder, fault *e)
{
	*l = (names){0};
	DIR *d = opendir(folder);
	if (!d)
		return fault_at(e, folder, "cannot read the folder: %s", strerror(errno));
	bool ok = true;
	const struct dirent *entry;
	while (ok && (errno = 0, entry = readdir(d)))
		if (entry->d_name[0] != '.')
			ok = names_add(l, entry->d_name, e);
	if (ok && errno)
		ok = fault_at(e, folder, "cannot read the folder: %s", strerror(errno));
	closedir(d);
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

bool name_ends(const char *name, const char *end)
{
	const size_t n = strlen(name), k = strlen(end);
	return n >= k && strcasecmp(name + n - k, end) == 0;
}
