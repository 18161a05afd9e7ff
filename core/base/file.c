/* file.c - a file written beside the old one, synced, and renamed over it. */
#define _XOPEN_SOURCE 700                            /* realpath, sync */
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"

/* write() may be interrupted and may take less than it was given. */
static bool write_all(int fd, const char *x, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, x, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		x += done;
		n -= (size_t)done;
	}
	return true;
}

enum { NEW_FILE = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC };

/* Writes, syncs and closes; errno tells what failed. A close that fails has lost data too. */
static bool write_new(const char *path, const void *bytes, size_t n, bool sync)
{
	int fd = open(path, NEW_FILE, 0666);
	if (fd < 0)
		return false;
	bool ok = write_all(fd, bytes, n) && (!sync || fsync(fd) == 0);
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (!ok)
		unlink(path);
	errno = why;
	return ok;
}

/* The rename itself lasts through a power cut only once the directory is on disk. Some file systems
 * and permissions do not allow to sync a directory; the content is safe even then. */
static void sync_directory(char *path)
{
	char *slash = strrchr(path, '/');
	const char *dir = !slash ? "." : slash == path ? "/" : path;
	if (slash)
		*slash = '\0';
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

char *file_real_path(const char *path, fault *e)
{
	char *target = realpath(path, NULL);
	if (!target)
		fault_at(e, path, "%s", strerror(errno));
	return target;
}

/* What a new file at path takes the place of: where a link leads, so that the link stays. A fifo or device is no file,
 * and a rename would destroy it. new/free. */
static char *replaced_path(const char *path, fault *e)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return text_copy(path, e);
	char *target = S_ISLNK(st.st_mode) ? file_real_path(path, e) : text_copy(path, e);
	if (!target || file_type(target) == FILE_REGULAR || file_type(target) == FILE_FOLDER)
		return target;
	fault_at(e, path, "is no regular file, and would be destroyed");
	free(target);
	return NULL;
}

/* "<target>.tmp.<pid>"; new/free. */
static char *draft_path(const char *target, fault *e)
{
	const size_t size = strlen(target) + 32;
	char *tmp = mem_new(size, 1, e);
	if (tmp)
		snprintf(tmp, size, "%s.tmp.%ld", target, (long)getpid());
	return tmp;
}

/* tmp, which is written, becomes the target; tmp is cut to its folder. */
static bool put_in_place(const char *path, char *tmp, const char *target, bool sync, fault *e)
{
	if (rename(tmp, target) != 0) {
		fault_at(e, path, "cannot put the new file in place: %s", strerror(errno));
		unlink(tmp);
		return false;
	}
	if (sync)
		sync_directory(tmp);
	return true;
}

static bool replace(const char *path, const void *bytes, size_t n, bool sync, fault *e)
{
	char *target = replaced_path(path, e), *tmp = target ? draft_path(target, e) : NULL;
	bool ok = false;
	if (tmp && !write_new(tmp, bytes, n, sync))
		fault_at(e, path, "cannot write %zu bytes: %s", n, strerror(errno));
	else if (tmp)
		ok = put_in_place(path, tmp, target, sync, e);
	free(tmp);
	free(target);
	return ok;
}

bool file_replace(const char *path, const void *bytes, size_t n, fault *e)
{
	return replace(path, bytes, n, true, e);
}

bool file_replace_later(const char *path, const void *bytes, size_t n, fault *e)
{
	return replace(path, bytes, n, false, e);
}

void file_settle(void)
{
	sync();
}

/* ---- drafts ---- */

struct file_draft {
	char *path, *target, *tmp;                   /* own */
	int fd;
};

file_draft *file_draft_new(const char *path, fault *e)
{
	file_draft *d = mem_zero(1, sizeof *d, e);
	if (!d)
		return NULL;
	d->fd = -1;
	if ((d->path = text_copy(path, e)) && (d->target = replaced_path(path, e))
		&& (d->tmp = draft_path(d->target, e))) {
		d->fd = open(d->tmp, NEW_FILE, 0666);
		if (d->fd >= 0)
			return d;
		fault_at(e, path, "cannot be written: %s", strerror(errno));
	}
	file_draft_free(d);
	return NULL;
}

const char *file_draft_path(const file_draft *d)
{
	return d->tmp;
}

bool file_draft_write(file_draft *d, const void *bytes, size_t n, fault *e)
{
	return write_all(d->fd, bytes, n) || fault_at(e, d->path, "cannot write %zu bytes: %s", n, strerror(errno));
}

bool file_draft_commit(file_draft *d, fault *e)
{
	bool ok = fsync(d->fd) == 0;
	ok = close(d->fd) == 0 && ok;
	d->fd = -1;
	if (!ok)
		fault_at(e, d->path, "cannot be written: %s", strerror(errno));
	ok = ok && put_in_place(d->path, d->tmp, d->target, true, e);
	if (ok) {                                    /* nothing is left there to remove */
		free(d->tmp);
		d->tmp = NULL;
	}
	file_draft_free(d);
	return ok;
}

void file_draft_free(file_draft *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	if (d->tmp)
		unlink(d->tmp);
	free(d->tmp);
	free(d->target);
	free(d->path);
	free(d);
}

/* One byte more than the length is asked for, so that a growing file shows. */
static bool read_stream(FILE *f, const char *path, size_t limit, void **bytes, size_t *n, fault *e)
{
	struct stat st;
	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
		return fault_at(e, path, "is no regular file");
	if ((uint64_t)st.st_size > limit)
		return fault_at(e, path, "%lld bytes; at most %zu are read", (long long)st.st_size, limit);
	const size_t size = (size_t)st.st_size;
	void *x = mem_new(size + 1, 1, e);
	if (!x)
		return false;
	*n = fread(x, 1, size + 1, f);
	if (*n == size && !ferror(f))
		return *bytes = x, true;
	free(x);
	return fault_at(e, path, "cannot be read whole: %s", ferror(f) ? strerror(errno) : "it changes");
}

bool file_read(const char *path, size_t limit, void **bytes, size_t *n, fault *e)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return fault_at(e, path, "%s", strerror(errno));
	const bool ok = read_stream(f, path, limit, bytes, n, e);
	fclose(f);
	return ok;
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

enum file_type file_type(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return FILE_MISSING;
	return S_ISREG(st.st_mode) ? FILE_REGULAR : S_ISDIR(st.st_mode) ? FILE_FOLDER : FILE_OTHER;
}
