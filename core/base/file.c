/* file.c - what is at a path: reading it, listing it, making folders. Writing: file_write.c. */
#define _GNU_SOURCE                                  /* realpath, fopencookie */
#include "core/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"

/* ---- a text that grows ---- */

typedef struct growing {
	char **text;
	size_t *n, room;
} growing;

/* 0 is an error, which the stream remembers. */
static ssize_t grow(void *cookie, const char *x, size_t n)
{
	growing *g = cookie;
	if (g->room - *g->n <= n) {
		const size_t room = 2 * g->room + n + 1;
		char *more = realloc(*g->text, room);
		if (!more)
			return 0;
		*g->text = more;
		g->room = room;
	}
	memcpy(*g->text + *g->n, x, n);
	*g->n += n;
	(*g->text)[*g->n] = '\0';
	return (ssize_t)n;
}

static int end_growing(void *cookie)
{
	free(cookie);
	return 0;
}

FILE *file_begin_text(char **text, size_t *n)
{
	*n = 0;
	*text = calloc(1, 1);
	growing *g = *text ? malloc(sizeof *g) : NULL;
	if (g)
		*g = (growing){text, n, 1};
	FILE *f = g ? fopencookie(g, "w", (cookie_io_functions_t){.write = grow, .close = end_growing}) : NULL;
	if (f)
		return f;
	free(g);
	free(*text);
	*text = NULL;
	return NULL;
}

bool file_end_text(FILE *f, char **text)
{
	const bool good = f && !ferror(f), closed = f && fclose(f) == 0;
	if (good && closed)
		return true;
	free(*text);
	*text = NULL;
	return false;
}

/* ---- reading ---- */

static int open_again(const char *path, int flags)
{
	int fd;
	do
		fd = open(path, flags);
	while (fd < 0 && errno == EINTR);            /* a network's disk */
	return fd;
}

/* errno stays what made it -1. */
static int close_after(int fd)
{
	const int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* O_NONBLOCK: a FIFO would wait for its writer already here. It stays: some files of /proc say that they are regular
 * and wait for ever; they give EAGAIN instead. */
static int open_regular(const char *path, fault *e)
{
	struct stat st;
	const int fd = open_again(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENXIO)                /* a socket */
		fault_at(e, path, "not a regular file");
	else if (fd < 0)
		fault_read(e, path);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		fault_read(e, path);
		return close_after(fd);
	}
	if (S_ISREG(st.st_mode))
		return fd;
	fault_at(e, path, S_ISDIR(st.st_mode) ? "a folder, not a regular file" : "not a regular file");
	errno = EINVAL;
	return close_after(fd);
}

FILE *file_open_read(const char *path, fault *e)
{
	const int fd = open_regular(path, e);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
	if (f || fd < 0)
		return f;
	fault_read(e, path);
	close_after(fd);
	return NULL;
}

/* One byte more than the length is asked for, so that a growing file shows. */
static bool read_stream(FILE *f, const char *path, size_t limit, void **bytes, size_t *n, fault *e)
{
	struct stat st;
	if (fstat(fileno(f), &st) != 0)
		return fault_read(e, path);
	if ((uint64_t)st.st_size > limit)
		return fault_at(e, path, "%lld bytes; at most %zu are read", (long long)st.st_size, limit);
	const size_t size = (size_t)st.st_size;
	void *x = mem_new(size + 1, 1, e);
	if (!x)
		return false;
	*n = fread(x, 1, size + 1, f);
	if (*n == size && !ferror(f))
		return *bytes = x, true;
	if (ferror(f))
		fault_read(e, path);
	else
		fault_at(e, path, FAULT_NOW ": it changes");
	free(x);
	return false;
}

bool file_read(const char *path, size_t limit, void **bytes, size_t *n, fault *e)
{
	FILE *f = file_open_read(path, e);
	if (!f)
		return false;
	const bool ok = read_stream(f, path, limit, bytes, n, e);
	fclose(f);
	return ok;
}

/* ---- what a folder holds ---- */

void file_names_free(file_names *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (file_names){NULL, 0};
}

static bool add_name(file_names *l, const char *name, fault *e)
{
	if ((l->n & (l->n - 1)) == 0) {              /* room doubles whenever the count is a power of two */
		char **more = realloc(l->name, (size_t)MAX(2 * l->n, 1) * sizeof *more);
		if (!more)
			return fault_set(e, "out of memory: %d names of files", l->n);
		l->name = more;
	}
	char *copy = text_copy(name, e);
	if (copy)
		l->name[l->n++] = copy;
	return copy;
}

bool file_names_list(const char *folder, file_names *l, fault *e)
{
	*l = (file_names){NULL, 0};
	DIR *d = opendir(folder);
	if (!d)
		return fault_read(e, folder);
	bool ok = true;
	const struct dirent *f;
	while (ok && (errno = 0, f = readdir(d)))
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			ok = add_name(l, f->d_name, e);
	if (ok && errno)
		ok = fault_read(e, folder);
	closedir(d);
	if (!ok)
		file_names_free(l);
	return ok;
}

/* ---- folders and paths ---- */

char *file_real_path(const char *path, fault *e)
{
	char *target = realpath(path, NULL);
	if (!target)
		fault_at(e, path, "%s", strerror(errno));
	return target;
}

/* The real folder of a path that is not there, and the name in it: new/free; NULL: no such folder, or no memory. */
static char *real_place(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *folder = slash ? text_copy(path, NULL) : NULL, *place = NULL;
	if (folder)
		folder[slash == path ? 1 : slash - path] = '\0';
	char *whole = slash && !folder ? NULL : realpath(folder ? folder : ".", NULL);
	const size_t size = whole ? strlen(whole) + strlen(name) + 2 : 0;
	if (whole && (place = mem_new(size, 1, NULL)))
		snprintf(place, size, "%s/%s", whole, name);
	free(whole);
	free(folder);
	return place;
}

bool file_same(const char *a, const char *b)
{
	struct stat x, y;
	const bool there = stat(a, &x) == 0;
	if (strcmp(a, b) == 0)
		return true;
	if (there != (stat(b, &y) == 0))
		return false;
	if (there)
		return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
	char *p = real_place(a), *q = real_place(b);
	const bool same = p && q && strcmp(p, q) == 0;
	free(p);
	free(q);
	return same;
}

/* The real path of the deepest part of a path that is there: new/free; NULL: no memory. */
static char *real_part(const char *path)
{
	char *part = text_copy(path, NULL), *whole = NULL, *slash;
	while (part && !(whole = realpath(part, NULL)) && (slash = strrchr(part, '/')) != NULL && slash > part)
		*slash = '\0';
	if (part && !whole)
		whole = realpath(path[0] == '/' ? "/" : ".", NULL);
	free(part);
	return whole;
}

bool file_lies_in(const char *path, const char *over)
{
	char *inner = real_part(path), *outer = realpath(over, NULL);
	const size_t n = outer ? strlen(outer) : 0;
	const bool lies = inner && n && strncmp(inner, outer, n) == 0
		&& (!inner[n] || inner[n] == '/' || outer[n - 1] == '/');
	free(inner);
	free(outer);
	return lies;
}

/* path: what is wanted, part: the folder of it that cannot be made. */
static bool refuse_folder(const char *path, const char *part, const char *why, fault *e)
{
	if (strcmp(path, part) == 0)
		return fault_at(e, path, "cannot make the folder: %s", why);
	return fault_at(e, path, "cannot make the folder %s: %s", part, why);
}

/* The folder path[0..n) and those above it. */
static bool make_folders(const char *path, size_t n, fault *e)
{
	char *part = text_copy(path, e);
	bool ok = part != NULL;
	for (size_t i = 1; ok && i <= n; i++) {
		if (path[i] != '/' && i < n)
			continue;
		part[i] = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			ok = refuse_folder(path, part, strerror(errno), e);
		else if (file_type(part) != FILE_FOLDER)
			ok = refuse_folder(path, part, "a file lies there", e);
		part[i] = path[i];
	}
	free(part);
	return ok;
}

bool file_make_folders(const char *folder, fault *e)
{
	return make_folders(folder, strlen(folder), e);
}

bool file_make_parents(const char *path, fault *e)
{
	const char *slash = strrchr(path, '/');
	return !slash || slash == path || make_folders(path, (size_t)(slash - path), e);
}

char *file_from_home(const char *path, char *buf, size_t size)
{
	const char *home = getenv("HOME");
	const bool is_home = path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home && home[0];
	snprintf(buf, size, "%s%s", is_home ? home : "", is_home ? path + 1 : path);
	return buf;
}

bool name_ends(const char *name, const char *end)
{
	const size_t n = strlen(name), k = strlen(end);
	return n >= k && strcasecmp(name + n - k, end) == 0;
}

enum file_type file_type(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? FILE_MISSING : FILE_UNKNOWN;
	return S_ISREG(st.st_mode) ? FILE_REGULAR : S_ISDIR(st.st_mode) ? FILE_FOLDER : FILE_OTHER;
}
