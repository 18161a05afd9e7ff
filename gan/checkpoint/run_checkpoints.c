/* run_checkpoints.c - the numbered checkpoints of a run directory: which there are, which is the newest good one, which
 * may go.
 *
 * They are named by their step with eight digits, so that names sort as steps do. */
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

#define STEP_NAME "checkpoint-%08lld.h5"

void rundir_checkpoint(const char *dir, int64_t step, char *path, size_t size)
{
	snprintf(path, size, "%s/" STEP_NAME, dir, (long long)step);
}

/* The same, and no name that is cut off: it would be taken for a checkpoint that vanished. */
static bool step_path(const char *dir, int64_t step, char path[RUN_PATH_MAX], fault *e)
{
	char name[64];
	snprintf(name, sizeof name, STEP_NAME, (long long)step);
	return run_path(dir, name, path, e);
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

bool rundir_name_fits(const char *path, int64_t step, fault *e)
{
	const char *slash = strrchr(path, '/');
	const int64_t named = name_step(slash ? slash + 1 : path);
	return named < 0 || named == step
		|| fault_at(e, path, "holds step %lld; must be called " STEP_NAME, (long long)step, (long long)step);
}

typedef struct steps {
	int64_t *x;                                  /* own; newest first */
	int n;
	bool best;                                   /* a best one is there, too */
} steps;

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x < y) - (x > y);
}

/* Steps of the checkpoints in dir, newest first. */
static bool list_steps(const char *dir, steps *out, fault *e)
{
	file_names l;
	*out = (steps){0};
	if (!file_names_list(dir, &l, e))
		return false;
	out->x = mem_new((size_t)l.n, sizeof *out->x, e);
	for (int i = 0; out->x && i < l.n; i++) {
		const int64_t step = name_step(l.name[i]);
		if (step >= 0)
			out->x[out->n++] = step;
		out->best |= strcmp(l.name[i], BEST_NAME) == 0;
	}
	file_names_free(&l);
	if (out->n > 0)
		qsort(out->x, (size_t)out->n, sizeof *out->x, newest_first);
	return out->x;
}

bool rundir_any(const char *dir, bool *any, fault *e)
{
	steps s;
	struct stat st;
	*any = false;
	if (stat(dir, &st) != 0 && errno == ENOENT)
		return true;
	if (!list_steps(dir, &s, e))
		return false;
	*any = s.n > 0 || s.best;
	free(s.x);
	return true;
}

bool rundir_before(const char *dir, int64_t *step, fault *e)
{
	steps s;
	if (!list_steps(dir, &s, e))
		return false;
	int i = 0;
	while (i < s.n && s.x[i] >= *step)
		i++;
	*step = i < s.n ? s.x[i] : -1;
	free(s.x);
	return true;
}

/* ---- what is damaged ---- */

bool rundir_put_damaged(const char *path, fault *warning, fault *e)
{
	char to[RUN_PATH_MAX + 32];
	struct stat st;
	const char *name = strrchr(path, '/') + 1;
	int i = 1;
	do
		snprintf(to, sizeof to, i == 1 ? "%.*sdamaged-%s" : "%.*sdamaged-%s.%d.h5", (int)(name - path), path,
			name, i);
	while (lstat(to, &st) == 0 && ++i < 1000);
	if (rename(path, to) != 0)
		return fault_set(e, "%s: damaged, and cannot be put aside: %s", path, strerror(errno));
	const fault before = *warning;
	return fault_set(warning, "%.700s%sput aside as %.250s", before.text, before.text[0] ? "; " : "", to), true;
}

/* ---- the newest good one ---- */

enum { LISTS_MOST = 20 };                            /* a reader beside a run that writes and removes quickly */

typedef struct search {
	const char *dir;
	bool aside;                                  /* the caller goes on from what is found */
	checkpoint *found;
	fault first;                                 /* the newest damaged one; "": none */
	bool again;                                  /* one vanished: there may be a newer one */
} search;

/* A copy under another number would be taken for what the run never was. */
static bool has_step_of_name(search *s, fault *e)
{
	const checkpoint_info *c = checkpoint_about(s->found);
	if (rundir_name_fits(c->path, c->step, e))
		return true;
	checkpoint_close(s->found);
	s->found = NULL;
	return false;
}

/* False with e set: it cannot be read now, so nobody knows whether it is the newest good one. */
static bool look(search *s, const char *path, fault *e)
{
	fault why = {.text = ""};
	struct stat link;
	switch (checkpoint_examine(path, &s->found, &why)) {
	case CHECKPOINT_GOOD:
		return has_step_of_name(s, e);
	case CHECKPOINT_ABSENT:
		if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
			return fault_at(e, path, "a link, and what it leads to is not there");
		s->again = true;
		break;
	case CHECKPOINT_DAMAGED:
		if (!s->first.text[0])
			s->first = why;
		break;
	case CHECKPOINT_UNREADABLE:
		return fault_set(e, "%.900s", why.text);
	}
	return true;
}

/* Damaged ones that are newer than the one that was found. */
static bool put_newer_aside(const search *s, const steps *of, int n, fault *warning, fault *e)
{
	bool ok = true;
	for (int i = 0; ok && i < n; i++) {
		char path[RUN_PATH_MAX];
		rundir_checkpoint(s->dir, of->x[i], path, sizeof path);
		ok = rundir_put_damaged(path, warning, e);
	}
	return ok;
}

static bool search_once(search *s, fault *warning, fault *e)
{
	steps of;
	char path[RUN_PATH_MAX];
	int i = 0;
	s->again = false;
	s->first.text[0] = '\0';
	if (!list_steps(s->dir, &of, e))
		return false;
	bool ok = true;
	for (; ok && i < of.n && !s->found && !s->again; i++)
		ok = step_path(s->dir, of.x[i], path, e) && look(s, path, e);
	const int newer = s->found ? i - 1 : i;
	if (ok && !s->found && !s->again && of.best)
		ok = run_path(s->dir, BEST_NAME, path, e) && look(s, path, e);
	if (ok && s->found && s->first.text[0])
		fault_set(warning, "%.600s; going on from %.300s", s->first.text, path);
	if (ok && s->found && s->aside)
		ok = put_newer_aside(s, &of, newer, warning, e);
	free(of.x);
	return ok;
}

static checkpoint *newest(const char *dir, bool aside, fault *warning, fault *e)
{
	fault nowhere;
	search s = {.dir = dir, .aside = aside, .again = true};
	warning = warning ? warning : &nowhere;
	warning->text[0] = '\0';
	for (int i = 0; i < LISTS_MOST && s.again && !s.found; i++)
		if (!search_once(&s, warning, e)) {
			checkpoint_close(s.found);
			return NULL;
		}
	if (s.found)
		return s.found;
	if (s.again)
		fault_set(e, "%s: its checkpoints vanish faster than they can be read; raise train.keep", dir);
	else if (s.first.text[0])
		fault_set(e, "%.900s; no other checkpoint can be read", s.first.text);
	else
		fault_set(e, "%s: no checkpoint there (checkpoint-*.h5)", dir);
	return NULL;
}

checkpoint *rundir_resume(rundir *d, fault *warning, fault *e)
{
	return newest(d->dir, true, warning, e);
}

enum file_type rundir_look(const char *given, fault *e)
{
	const enum file_type type = file_type(given);
	if (type == FILE_UNKNOWN)
		fault_read(e, given);
	const int why = errno;
	struct stat link;
	if (type == FILE_MISSING && lstat(given, &link) == 0)
		fault_at(e, given, "a link, and what it leads to is not there");
	else if (type == FILE_MISSING)
		fault_at(e, given, "%s; give a run directory or a checkpoint file", strerror(why));
	return type;
}

checkpoint *rundir_newest(const char *given, fault *warning, fault *e)
{
	const enum file_type type = rundir_look(given, e);
	if (warning)
		warning->text[0] = '\0';
	if (type == FILE_MISSING || type == FILE_UNKNOWN)
		return NULL;
	if (type == FILE_FOLDER)
		return newest(given, false, warning, e);
	if (strlen(given) < RUN_PATH_MAX)
		return checkpoint_open(given, e);
	fault_set(e, "%.200s...: the path is longer than %d bytes", given, RUN_PATH_MAX - 1);
	return NULL;
}

bool rundir_latest(const char *dir, char path[RUN_PATH_MAX], fault *warning, fault *e)
{
	checkpoint *c = newest(dir, false, warning, e);
	if (!c)
		return false;
	memcpy(path, checkpoint_about(c)->path, RUN_PATH_MAX);
	checkpoint_close(c);
	return true;
}

/* ---- which may go ---- */

static bool identify(const char *path, int64_t step, good_one *out)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return false;
	*out = (good_one){step, st.st_size, st.st_ino, st.st_mtim};
	return true;
}

static bool is_known(const rundir *d, const good_one *x)
{
	for (int i = 0; i < d->goods; i++) {
		const good_one *g = &d->good[i];
		if (g->step == x->step)
			return g->bytes == x->bytes && g->file == x->file && g->changed.tv_sec == x->changed.tv_sec
				&& g->changed.tv_nsec == x->changed.tv_nsec;
	}
	return false;
}

static void forget(rundir *d, int64_t step)
{
	int n = 0;
	for (int i = 0; i < d->goods; i++)
		if (d->good[i].step != step)
			d->good[n++] = d->good[i];
	d->goods = n;
}

static bool remember(rundir *d, const good_one *x, fault *e)
{
	forget(d, x->step);
	good_one *bigger = realloc(d->good, (size_t)(d->goods + 1) * sizeof *bigger);
	if (!bigger)
		return fault_set(e, "%s: out of memory while listing its checkpoints", d->dir);
	d->good = bigger;
	d->good[d->goods++] = *x;
	return true;
}

/* Whether the checkpoint counts as kept; read whole once in the life of this process. */
static bool counts(rundir *d, const char *path, int64_t step, bool *is, fault *warning, fault *e)
{
	good_one x;
	fault why = {.text = ""};
	*is = identify(path, step, &x) && is_known(d, &x);
	if (*is)
		return true;
	switch (checkpoint_examine(path, NULL, &why)) {
	case CHECKPOINT_GOOD:
		*is = true;
		return remember(d, &x, e);
	case CHECKPOINT_DAMAGED:
		if (!warning->text[0])
			*warning = why;
		return rundir_put_damaged(path, warning, e);
	case CHECKPOINT_UNREADABLE:
		if (!warning->text[0])
			fault_set(warning, "%.900s; it stays", why.text);
		return true;
	case CHECKPOINT_ABSENT:
		break;
	}
	return true;
}

static bool remove_one(rundir *d, const char *path, int64_t step, fault *e)
{
	forget(d, step);
	return unlink(path) == 0 || errno == ENOENT
		|| fault_set(e, "%s: cannot remove it: %s", path, strerror(errno));
}

/* At least `step` stays, which has just been written and synced. */
bool rundir_prune(rundir *d, int keep, int64_t step, fault *warning, fault *e)
{
	steps s;
	good_one x;
	char path[RUN_PATH_MAX];
	int kept = 1;
	warning->text[0] = '\0';
	rundir_checkpoint(d->dir, step, path, sizeof path);
	if (!list_steps(d->dir, &s, e))
		return false;
	bool ok = !identify(path, step, &x) || remember(d, &x, e);
	for (int i = 0; i < s.n && ok; i++) {
		bool is = false;
		if (s.x[i] >= step)
			continue;
		rundir_checkpoint(d->dir, s.x[i], path, sizeof path);
		ok = kept < keep ? counts(d, path, s.x[i], &is, warning, e) : remove_one(d, path, s.x[i], e);
		kept += is;
	}
	free(s.x);
	return ok;
}
