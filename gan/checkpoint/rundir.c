/* rundir.c - the directory of a run itself: who may write there, and what an earlier run left. */
#include "gan/checkpoint/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/checkpoint/rundir_internal.h"
#include "gan/log/events.h"

bool run_path(const char *dir, const char *name, char path[RUN_PATH_MAX], fault *e)
{
	if (snprintf(path, RUN_PATH_MAX, "%s/%s", dir, name) >= RUN_PATH_MAX)
		return fault_set(e, "%.200s...: the path is longer than %d bytes", dir, RUN_PATH_MAX - 1);
	return true;
}

/* ---- who may write ---- */

/* A descriptor that holds the lock, or -1. */
static int take_lock(const char *dir, const char *path, fault *e)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) {
		fault_set(e, "%s: cannot write there: %s", dir, strerror(errno));
		return -1;
	}
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &whole) == 0)
		return fd;
	bool busy = errno == EACCES || errno == EAGAIN;
	fault_set(e, "%s: %s", dir, busy ? "another process is training there" : strerror(errno));
	close(fd);
	return -1;
}

rundir *rundir_open(const char *dir, fault *e)
{
	char path[RUN_PATH_MAX];
	if (dir[0] == '\0') {
		fault_set(e, "the run directory has no name");
		return NULL;
	}
	const bool made = file_type(dir) == FILE_MISSING;
	if (!file_make_folders(dir, e) || !run_path(dir, "lock", path, e))
		return NULL;
	rundir *d = mem_zero(1, sizeof *d, e);
	if (!d)
		return NULL;
	d->made = made;
	d->dir = text_copy(dir, e);
	d->lock = d->dir ? take_lock(dir, path, e) : -1;
	if (d->lock < 0) {
		rundir_close(d);
		return NULL;
	}
	file_remove_leftovers(dir);
	return d;
}

/* A run that fails before it has written anything leaves no folder. */
static void remove_unused(const rundir *d)
{
	char path[RUN_PATH_MAX];
	file_names l;
	if (!d->made || !run_path(d->dir, "lock", path, NULL) || !file_names_list(d->dir, &l, NULL))
		return;
	const bool unused = l.n == 1 && strcmp(l.name[0], "lock") == 0;
	file_names_free(&l);
	if (unused && unlink(path) == 0)
		rmdir(d->dir);
}

void rundir_close(rundir *d)
{
	if (!d)
		return;
	if (d->lock >= 0) {
		remove_unused(d);
		close(d->lock);
	}
	free(d->good);
	free(d->dir);
	free(d);
}

bool rundir_stands(const rundir *d, fault *e)
{
	char path[RUN_PATH_MAX];
	struct stat here, there;
	if (!run_path(d->dir, "lock", path, e))
		return false;
	if (fstat(d->lock, &here) == 0 && stat(path, &there) == 0 && here.st_dev == there.st_dev
		&& here.st_ino == there.st_ino)
		return true;
	return fault_set(e, "%s: the folder of the run, or the file lock in it, was removed or replaced while the run "
		"went on; nothing more is written there", d->dir);
}

/* ---- an earlier run ---- */

/* What a run writes: its name has one of these endings, or is that of an event file. Folders of earlier runs stay. */
static bool is_run_file(const char *name)
{
	static const char *const ending[] = {".h5", ".csv", ".png", ".html", "config.yaml"};
	size_t n = strlen(name);
	if (strncmp(name, EVENTS_NAME, sizeof EVENTS_NAME - 1) == 0)
		return true;
	for (int i = 0; i < COUNT(ending); i++) {
		size_t k = strlen(ending[i]);
		if (n >= k && strcmp(name + n - k, ending[i]) == 0)
			return true;
	}
	return false;
}

static bool make_previous(const char *dir, char *moved, fault *e)
{
	for (int i = 1; i < 100000; i++) {
		char name[32];
		snprintf(name, sizeof name, "previous-%d", i);
		if (!run_path(dir, name, moved, e))
			return false;
		if (mkdir(moved, 0777) == 0)
			return true;
		if (errno != EEXIST)
			break;
	}
	return fault_set(e, "%s: cannot be made: %s", moved, strerror(errno));
}

bool rundir_put_aside(const char *dir, char *moved, fault *e)
{
	file_names l;
	moved[0] = '\0';
	bool ok = file_names_list(dir, &l, e);
	for (int i = 0; ok && i < l.n; i++) {
		char from[RUN_PATH_MAX], to[RUN_PATH_MAX];
		if (!is_run_file(l.name[i]))
			continue;
		ok = (moved[0] || make_previous(dir, moved, e))
			&& run_path(dir, l.name[i], from, e) && run_path(moved, l.name[i], to, e);
		if (ok && rename(from, to) != 0)
			ok = fault_set(e, "%s: cannot be moved to %s: %s", from, moved, strerror(errno));
	}
	file_names_free(&l);
	return ok;
}
