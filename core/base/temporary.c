/* temporary.c - names of temporary files, and who may remove them.
 *
 * The number of the process in a name is not its pid: in a container every process may have the same one. A lock of
 * fcntl is the process's own, so a process tells its files from those of others by that number, and files of dead
 * processes from those of living ones by the lock. */
#include "core/base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"

#define PREFIX ".sagan-"
enum { DIGITS = 16, NAME_ROOM = 64, TRIES = 100 };

static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
static uint64_t process, number;                     /* under `own` */
static pid_t process_pid;                            /* whose number it is; another: of before a fork */

/* Differs between processes that start at one moment, between those with one pid, and after a fork. */
static uint64_t draw(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	const uint64_t x = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, y = (uint64_t)getpid() << 40;
	return (x ^ y ^ (uintptr_t)&t) * 0x9e3779b97f4a7c15u;
}

/* Under `own`. */
static uint64_t own_number(void)
{
	const pid_t now = getpid();
	if (process_pid != now)
		process = draw();
	process_pid = now;
	return process;
}

static void next_name(char name[NAME_ROOM])
{
	pthread_mutex_lock(&own);
	snprintf(name, NAME_ROOM, PREFIX "%016llx-%llu.tmp", (unsigned long long)own_number(),
		(unsigned long long)++number);
	pthread_mutex_unlock(&own);
}

/* A name of next_name, of another process. */
static bool is_of_another(const char *name)
{
	const size_t head = sizeof PREFIX - 1;
	if (strncmp(name, PREFIX, head) != 0 || strspn(name + head, "0123456789abcdef") != DIGITS)
		return false;
	const char *rest = name + head + DIGITS;
	const size_t n = *rest == '-' ? strspn(rest + 1, "0123456789") : 0;
	if (n == 0 || strcmp(rest + 1 + n, ".tmp") != 0)
		return false;
	pthread_mutex_lock(&own);
	const bool other = strtoull(name + head, NULL, 16) != own_number();
	pthread_mutex_unlock(&own);
	return other;
}

static bool lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(fd, F_SETLK, &whole) == 0;
}

/* ---- leftovers ---- */

/* Removed while it is locked: a process that has just made a file finds its lock taken, and takes another name. */
static void remove_leftover(int folder, const char *name)
{
	struct stat st;
	const int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && lock(fd))
		unlinkat(folder, name, 0);
	close(fd);
}

void temporary_sweep(const char *folder)
{
	DIR *d = opendir(folder);
	if (!d)
		return;
	for (const struct dirent *f; (f = readdir(d)) != NULL;)
		if (is_of_another(f->d_name))
			remove_leftover(dirfd(d), f->d_name);
	closedir(d);
}

/* A folder that gets many files is looked through once. */
static void sweep_once(const char *folder)
{
	static uint64_t last;                        /* under `own`; hash of the last folder's name (FNV-1a) */
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *p = folder; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	pthread_mutex_lock(&own);
	const bool again = h == last;
	last = h;
	pthread_mutex_unlock(&own);
	if (!again)
		temporary_sweep(folder);
}

/* ---- a file ---- */

/* The file is there, locked, and was not taken for a leftover between the two. Where a file system has no locks, it
 * has no leftovers that can be told either; and where its error says nothing, the file must not be left behind. */
static bool is_held(int fd)
{
	struct stat st;
	const bool taken = !lock(fd) && (errno == EACCES || errno == EAGAIN);
	return !taken && (fstat(fd, &st) != 0 || st.st_nlink > 0);
}

static bool open_new(temporary *t, char *name, mode_t mode)
{
	for (int i = 0; i < TRIES; i++) {
		next_name(name);
		t->fd = open(t->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (t->fd >= 0 && is_held(t->fd))
			return true;
		if (t->fd < 0 && errno != EEXIST)
			return false;
		if (t->fd >= 0)
			close(t->fd);
		t->fd = -1;
	}
	errno = EEXIST;
	return false;
}

bool temporary_make(temporary *t, const char *beside, mode_t mode)
{
	const char *slash = strrchr(beside, '/');
	const size_t n = slash ? (size_t)(slash - beside) + 1 : 0;
	*t = (temporary){mem_new(n + NAME_ROOM, 1, NULL), -1};
	if (!t->path) {
		errno = ENOMEM;
		return false;
	}
	memcpy(t->path, beside, n);
	strcpy(t->path + n, n ? "" : ".");
	sweep_once(t->path);
	if (open_new(t, t->path + n, mode))
		return true;
	const int why = errno;
	free(t->path);
	t->path = NULL;
	errno = why;
	return false;
}

void temporary_lock(const temporary *t)
{
	(void)lock(t->fd);
}

bool temporary_rename(temporary *t, const char *target)
{
	if (rename(t->path, target) != 0)
		return false;
	free(t->path);
	t->path = NULL;
	return true;
}

void temporary_end(temporary *t)
{
	const int why = errno;
	if (t->path)
		unlink(t->path);
	if (t->fd >= 0)
		close(t->fd);
	free(t->path);
	*t = (temporary){NULL, -1};
	errno = why;
}
