/* power.c - see power.h. */
#define _GNU_SOURCE                                  /* fileno of our own FILE, asprintf */
#include "tests/torture/power.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"

enum op { OP_CREATE, OP_WRITE, OP_SYNC, OP_RENAME, OP_UNLINK, OP_SYNC_FOLDER };
enum { NAME_ROOM = 128 };

/* An event as it stands in the log; `bytes` of data follow. */
typedef struct event {
	enum op op;
	uint64_t file;                               /* inode; of OP_RENAME and OP_UNLINK the one that is meant */
	int64_t at, bytes;                           /* OP_WRITE */
	char name[NAME_ROOM], to[NAME_ROOM];         /* in the folder */
} event;

/* ---- recording ---- */

static char root[512];
static int log_fd = -1;

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *x, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_fflush(FILE *f);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *x, size_t n);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_fflush(FILE *f);

void power_record(const char *folder, const char *log)
{
	snprintf(root, sizeof root, "%s/", folder);
	log_fd = __real_open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	must(log_fd >= 0, "%s: %s", log, strerror(errno));
}

static void put(const event *e, const void *data)
{
	must(__real_write(log_fd, e, sizeof *e) == (ssize_t)sizeof *e
		&& __real_write(log_fd, data, (size_t)e->bytes) == e->bytes, "the log cannot be written");
}

/* The name of a path in the folder, or NULL. */
static const char *name_in(const char *path)
{
	const size_t n = strlen(root);
	return log_fd >= 0 && strncmp(path, root, n) == 0 && !strchr(path + n, '/') ? path + n : NULL;
}

static uint64_t inode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Files that the log knows, and how long each is there. */
typedef struct known {
	uint64_t file;
	int64_t size;
} known;
static known files[4096];
static int file_count;

static known *find(uint64_t file)
{
	for (int i = file_count - 1; i >= 0; i--)
		if (files[i].file == file)
			return &files[i];
	return NULL;
}

static known *known_fd(int fd)
{
	struct stat st;
	return log_fd >= 0 && fd != log_fd && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? find(st.st_ino) : NULL;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	const char *name = flags & O_CREAT ? name_in(path) : NULL;
	const bool old = name && access(path, F_OK) == 0;
	const int fd = __real_open(path, flags, mode);
	if (fd < 0 || !name || old)
		return fd;
	event e = {.op = OP_CREATE, .file = inode_of(path)};
	snprintf(e.name, sizeof e.name, "%s", name);
	known *k = find(e.file);                     /* an inode may come again */
	must(k || file_count < COUNT(files), "too many files");
	k = k ? k : &files[file_count++];
	*k = (known){e.file, 0};
	put(&e, "");
	return fd;
}

ssize_t __wrap_write(int fd, const void *x, size_t n)
{
	known *k = known_fd(fd);
	const ssize_t done = __real_write(fd, x, n);
	if (!k || done <= 0)
		return done;
	put(&(event){.op = OP_WRITE, .file = k->file, .at = k->size, .bytes = done}, x);
	k->size += done;
	return done;
}

/* What a stream wrote is seen by the length of its file: streams only add. */
int __wrap_fflush(FILE *f)
{
	const int r = __real_fflush(f);
	known *k = f ? known_fd(fileno(f)) : NULL;
	struct stat st;
	if (!k || fstat(fileno(f), &st) != 0 || st.st_size <= k->size)
		return r;
	char path[64], *x = malloc((size_t)(st.st_size - k->size));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(f));
	const int fd = __real_open(path, O_RDONLY);
	const int64_t n = pread(fd, x, (size_t)(st.st_size - k->size), k->size);
	must(n == st.st_size - k->size, "a stream cannot be read again");
	close(fd);
	put(&(event){.op = OP_WRITE, .file = k->file, .at = k->size, .bytes = n}, x);
	k->size += n;
	free(x);
	return r;
}

int __wrap_fsync(int fd)
{
	struct stat st, folder;
	const int r = __real_fsync(fd);
	const known *k = known_fd(fd);
	if (r == 0 && k)
		put(&(event){.op = OP_SYNC, .file = k->file}, "");
	else if (r == 0 && log_fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && stat(root, &folder) == 0
		&& st.st_ino == folder.st_ino)
		put(&(event){.op = OP_SYNC_FOLDER}, "");
	return r;
}

int __wrap_rename(const char *from, const char *to)
{
	const char *a = name_in(from), *b = name_in(to);
	event e = {.op = OP_RENAME, .file = a ? inode_of(from) : 0};
	const int r = __real_rename(from, to);
	if (r == 0 && a && b) {
		snprintf(e.name, sizeof e.name, "%s", a);
		snprintf(e.to, sizeof e.to, "%s", b);
		put(&e, "");
	}
	return r;
}

int __wrap_unlink(const char *path)
{
	const char *name = name_in(path);
	event e = {.op = OP_UNLINK, .file = name ? inode_of(path) : 0};
	const int r = __real_unlink(path);
	if (r == 0 && name) {
		snprintf(e.name, sizeof e.name, "%s", name);
		put(&e, "");
	}
	return r;
}

/* ---- reading ---- */

struct power_log {
	event *e;                                    /* own; [n] */
	char **data;                                 /* own; [n], own */
	int n;
};

power_log *power_read(const char *log)
{
	power_log *l = calloc(1, sizeof *l);
	FILE *f = fopen(log, "rb");
	must(l && f, "%s: %s", log, strerror(errno));
	for (event e; fread(&e, sizeof e, 1, f) == 1; l->n++) {
		if ((l->n & (l->n - 1)) == 0) {
			l->e = realloc(l->e, (size_t)MAX(2 * l->n, 1) * sizeof *l->e);
			l->data = realloc(l->data, (size_t)MAX(2 * l->n, 1) * sizeof *l->data);
		}
		must(l->e && l->data && (l->data[l->n] = malloc((size_t)e.bytes + 1)), "out of memory");
		must(fread(l->data[l->n], 1, (size_t)e.bytes, f) == (size_t)e.bytes, "%s: cut", log);
		l->e[l->n] = e;
	}
	fclose(f);
	return l;
}

int power_events(const power_log *l)
{
	return l->n;
}

void power_free(power_log *l)
{
	for (int i = 0; i < l->n; i++)
		free(l->data[i]);
	free(l->data);
	free(l->e);
	free(l);
}

/* ---- what a cut leaves ---- */

static bool is_name(const event *e)
{
	return e->op == OP_CREATE || e->op == OP_RENAME || e->op == OP_UNLINK;
}

/* The last event before `at` of this kind (and file), or -1. */
static int last_of(const power_log *l, enum op op, uint64_t file, int from, int at)
{
	for (int i = at - 1; i >= from; i--)
		if (l->e[i].op == op && l->e[i].file == file)
			return i;
	return -1;
}

/* Whether a name or a file of b is one of a's. */
static bool meet(const event *a, const event *b)
{
	const char *x[] = {a->name, a->to}, *y[] = {b->name, b->to};
	for (int i = 0; i < 4; i++)
		if (x[i / 2][0] && strcmp(x[i / 2], y[i % 2]) == 0)
			return true;
	return a->file == b->file;
}

/* Which changes of names happened: all before the last sync of the folder, and any of the others whose forerunners
 * did. */
static void choose_names(const power_log *l, int at, bool calm, rng *r, bool *done)
{
	const int safe = last_of(l, OP_SYNC_FOLDER, 0, 0, at);
	for (int i = 0; i < at; i++) {
		done[i] = is_name(&l->e[i]) && (calm || i < safe || rng_below(r, 2) == 0);
		for (int k = MAX(safe, 0); done[i] && k < i; k++)
			done[i] = !is_name(&l->e[k]) || done[k] || !meet(&l->e[k], &l->e[i]);
	}
}

/* Where the file of event `made` gets its next life: an inode is used again. */
static int end_of_life(const power_log *l, int made, int at)
{
	for (int i = made + 1; i < at; i++)
		if (l->e[i].op == OP_CREATE && l->e[i].file == l->e[made].file)
			return i;
	return at;
}

/* The bytes of the file that event `made` made. */
static void write_file(const power_log *l, int made, int at, bool calm, rng *r, const char *path)
{
	const int end = end_of_life(l, made, at), safe = last_of(l, OP_SYNC, l->e[made].file, made, end);
	FILE *f = fopen(path, "wb");
	must(f, "%s: %s", path, strerror(errno));
	for (int i = made; i < end; i++) {
		const event *e = &l->e[i];
		if (e->op != OP_WRITE || e->file != l->e[made].file || (!calm && i > safe && rng_below(r, 2)))
			continue;
		const bool torn = !calm && i > safe && rng_below(r, 4) == 0;
		const size_t n = torn ? (size_t)rng_below(r, (uint64_t)e->bytes) : (size_t)e->bytes;
		must(fseek(f, (long)e->at, SEEK_SET) == 0 && fwrite(l->data[i], 1, n, f) == n, "%s", path);
	}
	fclose(f);
}

/* A name and the event that made its file. */
typedef struct entry {
	char name[NAME_ROOM];
	int made;
} entry;

static int find_entry(const entry *x, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(x[i].name, name) == 0)
			return i;
	return -1;
}

static int drop_entry(entry *x, int n, const char *name)
{
	const int i = find_entry(x, n, name);
	if (i >= 0)
		x[i] = x[n - 1];
	return n - (i >= 0);
}

static int apply(entry *x, int n, const power_log *l, int i)
{
	const event *e = &l->e[i];
	if (e->op == OP_UNLINK)
		return drop_entry(x, n, e->name);
	if (e->op == OP_CREATE) {
		n = drop_entry(x, n, e->name);
		memcpy(x[n].name, e->name, NAME_ROOM);
		x[n].made = i;
		return n + 1;
	}
	const int from = find_entry(x, n, e->name);
	if (from < 0)
		return n;
	const int made = x[from].made;
	n = drop_entry(x, n, e->name);
	n = drop_entry(x, n, e->to);
	memcpy(x[n].name, e->to, NAME_ROOM);
	x[n].made = made;
	return n + 1;
}

void power_cut(const power_log *l, int at, bool calm, rng *r, const char *folder)
{
	bool *done = calloc((size_t)at + 1, sizeof *done);
	entry *x = malloc(((size_t)at + 1) * sizeof *x);
	int n = 0;
	must(done && x, "out of memory");
	choose_names(l, at, calm, r, done);
	for (int i = 0; i < at; i++)
		if (done[i])
			n = apply(x, n, l, i);
	for (int i = 0; i < n; i++) {
		char path[1024];
		snprintf(path, sizeof path, "%s/%s", folder, x[i].name);
		write_file(l, x[i].made, at, calm, r, path);
	}
	free(x);
	free(done);
}

int64_t power_promised(const power_log *l, int at)
{
	const int safe = last_of(l, OP_SYNC_FOLDER, 0, 0, at);
	int64_t step = -1;
	for (int i = 0; i < safe; i++) {
		long long k;
		if (l->e[i].op == OP_RENAME && sscanf(l->e[i].to, "checkpoint-%lld.h5", &k) == 1)
			step = MAX(step, (int64_t)k);
	}
	return step;
}
