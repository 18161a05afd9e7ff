/* file_write.c - a file written beside the old one, synced, and renamed over it; or bytes sent into a device or pipe.
 *
 * Everything that the program writes as a whole comes through here. What is at the path decides:
 *     nothing                   a new file
 *     a regular file            replaced by one of the same owner and mode; refused where it is write-protected
 *     a link                    what it leads to, by these rules; the link stays
 *     a character device, FIFO  the bytes are written into it: a rename would put a file in its place
 *     "-"                       standard output, the same way
 *     anything else             refused */
#define _XOPEN_SOURCE 700                            /* sync */
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/descriptor.h"
#include "core/base/local.h"
#include "core/base/temporary.h"

struct file_draft {
	char *path;                                  /* own; as given, for messages */
	char *target;                                /* own; where it will be */
	bool into;                                   /* the target is written into: the temporary file is elsewhere */
	bool later;                                  /* not waited for */
	bool old;                                    /* there is a file to be replaced */
	struct stat was;                             /* of that one */
	temporary tmp;                               /* own */
};

/* ---- the target ---- */

/* What the link at path says, seen from the folder it is in; new/free, NULL with e set. */
static char *link_target(const char *path, fault *e)
{
	enum { ROOM = 4096 };
	const char *slash = strrchr(path, '/');
	const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
	char *to = mem_new(folder + ROOM, 1, e);
	if (!to)
		return NULL;
	const ssize_t n = readlink(path, to + folder, ROOM - 1);
	if (n < 0) {
		fault_at(e, path, "%s", strerror(errno));
		free(to);
		return NULL;
	}
	to[folder + (size_t)n] = '\0';
	if (to[folder] == '/')
		memmove(to, to + folder, (size_t)n + 1);
	else
		memcpy(to, path, folder);
	return to;
}

/* Where the links at path lead, also to a file that is not there yet; new/free. */
static char *follow(const char *path, fault *e)
{
	enum { LINKS_MOST = 40 };                    /* as Linux */
	struct stat st;
	char *at = text_copy(path, e);
	for (int i = 0; at; i++) {
		const bool there = lstat(at, &st) == 0;
		if (there ? !S_ISLNK(st.st_mode) : errno == ENOENT)
			return at;
		char *next = there && i < LINKS_MOST ? link_target(at, e)
			: (fault_at(e, path, "%s", strerror(there ? ELOOP : errno)), NULL);
		free(at);
		at = next;
	}
	return NULL;
}

/* stat before the links are followed: /dev/stdout leads to a pipe that has no path. */
static bool find_target(file_draft *d, fault *e)
{
	struct stat *st = &d->was;
	if (strcmp(d->path, "-") == 0)
		return d->into = true;
	const bool there = stat(d->path, st) == 0;
	if (!there && errno != ENOENT)
		return fault_at(e, d->path, "%s", strerror(errno));
	if (there && (S_ISCHR(st->st_mode) || S_ISFIFO(st->st_mode)))
		return d->into = true;
	if (there && !S_ISREG(st->st_mode))
		return fault_at(e, d->path, S_ISDIR(st->st_mode) ? "is a folder" : "is no regular file");
	if (there && faccessat(AT_FDCWD, d->path, W_OK, AT_EACCESS) != 0)
		return fault_at(e, d->path, "is write-protected: %s", strerror(errno));
	d->old = there;
	return (d->target = follow(d->path, e)) != NULL;
}

/* A pipe without a reader waits for one, as with every program. -1 with errno. */
static int open_into(const file_draft *d)
{
	return strcmp(d->path, "-") == 0 ? dup(STDOUT_FILENO) : open(d->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

/* Owner and mode of the file that is replaced. A user may not give files away: then the group, or nothing; the bits
 * that lend the owner's rights stay with the old owner only. */
static bool take_over(const file_draft *d)
{
	const int fd = d->tmp.fd;
	struct stat is;
	if (!d->old)
		return true;
	if (fstat(fd, &is) != 0)
		return false;
	const bool same = is.st_uid == d->was.st_uid && is.st_gid == d->was.st_gid;
	const bool kept = same || fchown(fd, d->was.st_uid, d->was.st_gid) == 0;
	if (!kept && fchown(fd, (uid_t)-1, d->was.st_gid) != 0)
		errno = 0;                           /* not ours to give */
	return fchmod(fd, d->was.st_mode & (kept ? 07777 : 0777)) == 0;
}

/* ---- drafts ---- */

/* For what is written into a device: the bytes must be whole before the first one is sent. */
static const char *spool_folder(char *buf, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(buf, size, "%s/", tmp && tmp[0] ? tmp : "/tmp");
	return buf;
}

static file_draft *draft_new(const char *path, bool later, bool spooled, fault *e)
{
	enum { ROOM = 4096 };
	char spool[ROOM];
	file_draft *d = mem_zero(1, sizeof *d, e);
	if (!d)
		return NULL;
	d->tmp.fd = -1;
	d->later = later;
	if ((d->path = text_copy(path, e)) && find_target(d, e)) {
		const char *beside = d->into ? spool_folder(spool, sizeof spool) : d->target;
		if (d->into && !spooled)
			return d;
		if (temporary_make(&d->tmp, beside, d->into || d->old ? 0600 : 0666) && take_over(d))
			return d;
		fault_at(e, path, "cannot be written: %s", strerror(errno));
	}
	file_draft_free(d);
	return NULL;
}

file_draft *file_draft_new(const char *path, fault *e)
{
	return draft_new(path, false, true, e);
}

const char *file_draft_path(const file_draft *d)
{
	return d->tmp.path;
}

static bool cannot_write(const file_draft *d, size_t n, fault *e)
{
	return fault_at(e, d->path, "cannot write %zu bytes: %s", n, strerror(errno));
}

bool file_draft_write(file_draft *d, const void *bytes, size_t n, fault *e)
{
	return descriptor_write(d->tmp.fd, bytes, n) || cannot_write(d, n, e);
}

/* The rename itself lasts through a power cut only once the directory is on disk. Some file systems
 * and permissions do not allow to sync a directory; the content is safe even then. */
static void sync_folder_of(char *path)
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

/* A close that fails has lost data, too. */
static bool finish(file_draft *d)
{
	bool ok = d->later || fsync(d->tmp.fd) == 0;
	const int why = errno;
	const bool closed = close(d->tmp.fd) == 0;
	d->tmp.fd = -1;
	if (!ok)
		errno = why;
	return ok && closed;
}

static bool put_in_place(file_draft *d, fault *e)
{
	temporary_lock(&d->tmp);                     /* whoever wrote by file_draft_path has ended it */
	if (!finish(d))
		return fault_at(e, d->path, "cannot be written: %s", strerror(errno));
	if (!temporary_rename(&d->tmp, d->target))
		return fault_at(e, d->path, "cannot put the new file in place: %s", strerror(errno));
	if (!d->later)
		sync_folder_of(d->target);
	return true;
}

/* All of fd into `to`; 1: done, 0: cannot be read, -1: cannot be written. */
static int copy_all(int fd, int to)
{
	enum { PIECE = 1 << 16 };
	char piece[PIECE];
	ssize_t n;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno != EINTR)
			return 0;
		if (n > 0 && !descriptor_write(to, piece, (size_t)n))
			return -1;
	}
	return 1;
}

/* bytes, or where they are NULL the temporary file. */
static bool send_into(const file_draft *d, const void *bytes, size_t n, fault *e)
{
	const int to = open_into(d);
	if (to < 0)
		return fault_at(e, d->path, "cannot be written: %s", strerror(errno));
	bool ok = bytes ? descriptor_write(to, bytes, n) : copy_all(d->tmp.fd, to) > 0;
	const int why = errno;
	if (close(to) == 0)
		errno = why;
	else
		ok = false;
	return ok || fault_at(e, d->path, "cannot be written: %s", strerror(errno));
}

bool file_draft_commit(file_draft *d, fault *e)
{
	const bool ok = d->into ? send_into(d, NULL, 0, e) : put_in_place(d, e);
	file_draft_free(d);
	return ok;
}

void file_draft_free(file_draft *d)
{
	if (!d)
		return;
	temporary_end(&d->tmp);
	free(d->target);
	free(d->path);
	free(d);
}

/* ---- whole files ---- */

static bool replace(const char *path, const void *bytes, size_t n, bool later, fault *e)
{
	file_draft *d = draft_new(path, later, false, e);
	if (!d)
		return false;
	if (!d->into && file_draft_write(d, bytes, n, e))
		return file_draft_commit(d, e);
	const bool ok = d->into && send_into(d, bytes, n, e);
	file_draft_free(d);
	return ok;
}

bool file_replace(const char *path, const void *bytes, size_t n, fault *e)
{
	return replace(path, bytes, n, false, e);
}

bool file_replace_later(const char *path, const void *bytes, size_t n, fault *e)
{
	return replace(path, bytes, n, true, e);
}

void file_settle(void)
{
	sync();
}

void file_remove_leftovers(const char *folder)
{
	temporary_sweep(folder);
}

/* ---- files that grow ---- */

FILE *file_open_append(const char *path, fault *e)
{
	struct stat st;
	const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	const bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	FILE *f = regular ? fdopen(fd, "ab") : NULL;
	if (f)
		return f;
	if (fd >= 0 && !regular)
		fault_at(e, path, "is no regular file");
	else
		fault_at(e, path, "cannot be written: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}
