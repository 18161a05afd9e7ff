/* rundir.c - the files of a run directory: which checkpoints there are, which may go, who may write.
 *
 * Checkpoints are named by their step with eight digits, so that names sort as steps do. A file that
 * was being written when the process was killed is called "<name>.tmp.<pid>" (core/base/file.h). */
#include "gan/checkpoint/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/log/events.h"

#define BEST_NAME "checkpoint-best.h5"

bool run_path(const char *dir, const char *name, char path[RUN_PATH_MAX], fault *e)
{
	if (snprintf(path, RUN_PATH_MAX, "%s/%s", dir, name) >= RUN_PATH_MAX)
		return fault_set(e, "%.200s...: the path is longer than %d bytes", dir, RUN_PATH_MAX - 1);
	return true;
}

void rundir_checkpoint(const char *dir, int64_t step, char *path, size_t size)
{
	snprintf(path, size, "%s/checkpoint-%08lld.h5", dir, (long long)step);
}

/* ---- which files there are ---- */

/* The step of "checkpoint-00001000.h5", or -1 for any other name. */
static int64_t name_step(const char *name)
{
	static const char head[] = "checkpoint-";
	if (strncmp(name, head, sizeof head - 1) != 0)
		return -1;
	const char *digits = name + sizeof head - 1;
	size_t n = strspn(digits, "0123456789");
	if (n < 8 || n > 18 || strcmp(digits + n, ".h5") != 0)
		return -1;
	return strtoll(digits, NULL, 10);
}

typedef struct steps {
	int64_t *x;                                  /* own; newest first */
	int n;
} steps;

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x < y) - (x > y);
}

/* Steps of the checkpoints in dir, newest first. */
static bool list_steps(const char *dir, steps *out, fault *e)
{
	*out = (steps){0};
	DIR *d = opendir(dir);
	if (!d)
		return fault_set(e, "%s: cannot be read: %s", dir, strerror(errno));
	int room = 0;
	bool ok = true;
	for (struct dirent *f; ok && (f = readdir(d)) != NULL;) {
		int64_t step = name_step(f->d_name);
		if (step < 0)
			continue;
		if (out->n == room) {
			room = room ? 2 * room : 16;
			int64_t *bigger = realloc(out->x, (size_t)room * sizeof *bigger);
			if (!bigger) {
				ok = fault_set(e, "%s: out of memory while listing it", dir);
				break;
			}
			out->x = bigger;
		}
		out->x[out->n++] = step;
	}
	closedir(d);
	if (out->n > 0)
		qsort(out->x, (size_t)out->n, sizeof *out->x, newest_first);
	if (!ok) {
		free(out->x);
		*out = (steps){0};
	}
	return ok;
}

bool rundir_any(const char *dir)
{
	char best[RUN_PATH_MAX];
	bool any = false;
	DIR *d = opendir(dir);
	for (struct dirent *f; d && !any && (f = readdir(d)) != NULL;)
		any = name_step(f->d_name) >= 0;
	if (d)
		closedir(d);
	return any || rundir_best(dir, best, sizeof best, NULL);
}

bool rundir_latest(const char *dir, char *path, size_t size, fault *warning, fault *e)
{
	steps s;
	fault first = {.text = ""}, why = {.text = ""};
	if (warning)
		warning->text[0] = '\0';
	if (!list_steps(dir, &s, e))
		return false;
	bool found = false;
	for (int i = 0; i < s.n && !found && !fault_is_memory(&why); i++) {
		rundir_checkpoint(dir, s.x[i], path, size);
		found = checkpoint_verify(path, &why);
		if (!found && first.text[0] == '\0')
			first = why;
	}
	if (!found && !fault_is_memory(&why) && rundir_best(dir, path, size, NULL)) {
		found = checkpoint_verify(path, &why);
		if (!found && first.text[0] == '\0')
			first = why;
	}
	if (found && first.text[0] && warning)
		fault_set(warning, "%.600s; going on from %.300s", first.text, path);
	if (fault_is_memory(&why))
		found = fault_set(e, "%s: %.900s", dir, why.text);
	else if (!found && !first.text[0])
		fault_set(e, "%s: no checkpoint there (checkpoint-*.h5)", dir);
	else if (!found)
		fault_set(e, "%.900s; no other checkpoint can be read", first.text);
	free(s.x);
	return found;
}

bool rundir_resolve(const char *given, char *path, size_t size, fault *warning, fault *e)
{
	struct stat st;
	if (warning)
		warning->text[0] = '\0';
	if (stat(given, &st) != 0)
		return fault_set(e, "%s: %s; give a run directory or a checkpoint file", given,
			strerror(errno));
	if (S_ISDIR(st.st_mode))
		return rundir_latest(given, path, size, warning, e);
	if ((size_t)snprintf(path, size, "%s", given) >= size)
		return fault_set(e, "%.200s...: the path is longer than %zu bytes", given, size - 1);
	return checkpoint_verify(path, e);
}

/* ---- which may go ---- */

/* "checkpoint-00001000.h5.tmp.4711" and the like: left by a process that was killed while writing. */
static bool is_leftover(const char *name)
{
	const char *tmp = strstr(name, ".tmp.");
	return tmp && tmp[5] && strspn(tmp + 5, "0123456789") == strlen(tmp + 5);
}

/* Removes leftovers of this run's files. The run's lock is held, so nobody is writing them. */
static void remove_leftovers(const char *dir)
{
	DIR *d = opendir(dir);
	char path[RUN_PATH_MAX];
	if (!d)
		return;
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		if (is_leftover(f->d_name) && run_path(dir, f->d_name, path, NULL))
			unlink(path);
	closedir(d);
}

bool rundir_prune(const char *dir, int keep, fault *e)
{
	steps s;
	if (!list_steps(dir, &s, e))
		return false;
	bool ok = true;
	for (int i = MAX(keep, 1); i < s.n && ok; i++) {
		char path[RUN_PATH_MAX];
		rundir_checkpoint(dir, s.x[i], path, sizeof path);
		if (unlink(path) != 0 && errno != ENOENT)
			ok = fault_set(e, "%s: cannot remove it: %s", path, strerror(errno));
	}
	free(s.x);
	remove_leftovers(dir);
	return ok;
}

bool rundir_is_best(const char *dir, double score, const char *about, bool *is, fault *e)
{
	char best[RUN_PATH_MAX];
	checkpoint_info old;
	fault why = {.text = ""};
	*is = false;
	if (!run_path(dir, BEST_NAME, best, e))
		return false;
	/* Read whole: a damaged best one must not stand in the way of a good one. */
	bool keep_old = checkpoint_read_info(best, &old, &why) && old.has_score
		&& strcmp(old.score_about, about) == 0 && !(score < old.score) && checkpoint_verify(best, &why);
	checkpoint_info_free(&old);
	if (fault_is_memory(&why))
		return fault_set(e, "%s: %.900s", best, why.text);
	*is = !keep_old && isfinite(score);
	return true;
}

bool rundir_keep_best(const char *dir, const char *path, double score, const char *about, bool *better, fault *e)
{
	char best[RUN_PATH_MAX];
	if (!rundir_is_best(dir, score, about, better, e) || !run_path(dir, BEST_NAME, best, e))
		return false;
	if (!*better)
		return true;
	*better = checkpoint_rescore(path, best, score, about, e);
	return *better;
}

void rundir_best_path(const char *dir, char *path, size_t size)
{
	snprintf(path, size, "%s/" BEST_NAME, dir);
}

bool rundir_best(const char *dir, char *path, size_t size, fault *e)
{
	if ((size_t)snprintf(path, size, "%s/" BEST_NAME, dir) >= size)
		return fault_set(e, "%.200s...: the path is longer than %zu bytes", dir, size - 1);
	if (access(path, F_OK) == 0)
		return true;
	return fault_set(e, "%s: %s; a run that scores itself (score.count) keeps the best there",
		path, strerror(errno));
}

/* ---- the directory itself ---- */

int rundir_open(const char *dir, fault *e)
{
	char path[RUN_PATH_MAX];
	if (dir[0] == '\0') {
		fault_set(e, "the run directory has no name");
		return -1;
	}
	if (!file_make_folders(dir, e) || !run_path(dir, "lock", path, e))
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) {
		fault_set(e, "%s: cannot write there: %s", dir, strerror(errno));
		return -1;
	}
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &whole) != 0) {
		bool busy = errno == EACCES || errno == EAGAIN;
		fault_set(e, "%s: %s", dir, busy ? "another process is training there" : strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

void rundir_close(int lock)
{
	if (lock >= 0)
		close(lock);
}

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
	moved[0] = '\0';
	DIR *d = opendir(dir);
	if (!d)
		return fault_set(e, "%s: cannot be read: %s", dir, strerror(errno));
	bool ok = true;
	for (struct dirent *f; ok && (f = readdir(d)) != NULL;) {
		char from[RUN_PATH_MAX], to[RUN_PATH_MAX];
		if (!is_run_file(f->d_name))
			continue;
		ok = (moved[0] || make_previous(dir, moved, e))
			&& run_path(dir, f->d_name, from, e) && run_path(moved, f->d_name, to, e);
		if (ok && rename(from, to) != 0)
			ok = fault_set(e, "%s: cannot be moved to %s: %s", from, moved, strerror(errno));
	}
	closedir(d);
	return ok;
}
