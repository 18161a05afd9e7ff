/* run_best.c - the best checkpoint of a run directory. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "gan/checkpoint/rundir_internal.h"

void rundir_best_path(const char *dir, char *path, size_t size)
{
	snprintf(path, size, "%s/" BEST_NAME, dir);
}

bool rundir_open_best(const char *dir, checkpoint **best, fault *warning, fault *e)
{
	char path[RUN_PATH_MAX];
	fault why = {.text = ""};
	*best = NULL;
	warning->text[0] = '\0';
	if (!run_path(dir, BEST_NAME, path, e))
		return false;
	switch (checkpoint_examine(path, best, &why)) {
	case CHECKPOINT_GOOD: case CHECKPOINT_ABSENT:
		return true;
	case CHECKPOINT_DAMAGED:
		*warning = why;
		return rundir_put_damaged(path, warning, e);
	case CHECKPOINT_UNREADABLE:
		break;
	}
	return fault_set(e, "%.700s; whether a new one is better cannot be told", why.text);
}

/* ---- a best one that is none of this run any more ---- */

enum { FORMERS_MOST = 1000 };                        /* of one step, each of another branch */

static bool former(const char *dir, int64_t step, int i, char path[RUN_PATH_MAX], fault *e)
{
	char name[64];
	snprintf(name, sizeof name, i == 1 ? "former-best-%08lld.h5" : "former-best-%08lld.%d.h5", (long long)step, i);
	return run_path(dir, name, path, e);
}

bool rundir_former_best(const char *dir, int64_t step, char path[RUN_PATH_MAX], fault *e)
{
	int i = 1;
	bool ok;
	while ((ok = former(dir, step, i, path, e)) && access(path, F_OK) == 0 && i < FORMERS_MOST)
		i++;
	return ok;
}

bool rundir_move_best(const char *dir, const char *to, fault *e)
{
	char path[RUN_PATH_MAX];
	if (!run_path(dir, BEST_NAME, path, e))
		return false;
	return rename(path, to) == 0
		|| fault_set(e, "%s: cannot be moved to %s: %s", path, to, strerror(errno));
}

/* Of two files whether the arrays are the same, as they say themselves. */
static bool same_state(const char *a, const char *b)
{
	checkpoint_info x, y;
	if (!checkpoint_read_info(a, &x, NULL))
		return false;
	const bool both = checkpoint_read_info(b, &y, NULL), same = both && strcmp(x.arrays, y.arrays) == 0;
	if (both)
		checkpoint_info_free(&y);
	checkpoint_info_free(&x);
	return same;
}

void rundir_drop_former(const char *dir, int64_t step)
{
	char best[RUN_PATH_MAX], path[RUN_PATH_MAX];
	if (!run_path(dir, BEST_NAME, best, NULL))
		return;
	for (int i = 1; former(dir, step, i, path, NULL) && access(path, F_OK) == 0; i++)
		if (same_state(best, path))
			unlink(path);
}

/* ---- which is the best ---- */

bool rundir_is_best(const char *dir, double score, const char *about, bool *is, fault *warning, fault *e)
{
	checkpoint *best;
	*is = false;
	if (!rundir_open_best(dir, &best, warning, e))
		return false;
	const checkpoint_info *old = best ? checkpoint_about(best) : NULL;
	const bool stays = old && old->has_score && strcmp(old->score_about, about) == 0 && !(score < old->score);
	checkpoint_close(best);
	*is = !stays && isfinite(score);
	return true;
}

/* A checkpoint that has this score already is copied byte by byte, as the run wrote both: one that was stopped between
 * the two files must end with the same bytes. */
static bool copy_scored(const char *path, const char *best, double score, const char *about, fault *e)
{
	void *bytes = NULL;
	size_t n;
	checkpoint *c = checkpoint_open(path, e);
	if (!c)
		return false;
	const checkpoint_info *said = checkpoint_about(c);
	const bool same = said->has_score && said->score == score && strcmp(said->score_about, about) == 0;
	bool ok = same || checkpoint_rescore(c, best, score, about, e);
	checkpoint_close(c);
	if (same) {
		ok = file_read(path, SIZE_MAX - 1, &bytes, &n, e) && file_replace(best, bytes, n, e);
		free(bytes);
	}
	return ok;
}

bool rundir_keep_best(const char *dir, const char *path, double score, const char *about, bool *better, fault *warning,
	fault *e)
{
	char best[RUN_PATH_MAX];
	if (!rundir_is_best(dir, score, about, better, warning, e) || !run_path(dir, BEST_NAME, best, e))
		return false;
	if (!*better)
		return true;
	*better = copy_scored(path, best, score, about, e);
	return *better;
}

bool rundir_best(const char *dir, char *path, size_t size, fault *e)
{
	const enum file_type type = rundir_look(dir, e);
	if (type == FILE_MISSING || type == FILE_UNKNOWN)
		return false;
	if (type != FILE_FOLDER)
		return fault_at(e, dir, "is a file; --best wants the folder of a run");
	if ((size_t)snprintf(path, size, "%s/" BEST_NAME, dir) >= size)
		return fault_set(e, "%.200s...: the path is longer than %zu bytes", dir, size - 1);
	if (access(path, F_OK) == 0)
		return true;
	return fault_set(e, "%s: %s; a run that scores itself (score.count) keeps the best there",
		path, strerror(errno));
}
