#include "tests/scratch.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/base.h"
#include "core/base/local.h"

static char root[256];
static pid_t owner;                              /* the process that removes it: not the children of fork */
static char folder[300];                         /* of the running test; empty: none yet */
static char at[256][400];                        /* paths handed out in it */
static int paths;

/* After a signal, a process may not walk through folders itself. */
static void remove_and_end(int number)
{
	if (getpid() == owner && fork() == 0) {
		execl("/bin/rm", "rm", "-rf", root, (char *)NULL);
		_exit(1);
	}
	raise(number);                               /* the handler is gone: it ends the process */
}

static void tree_remove(const char *path)
{
	if (unlink(path) == 0)                       /* no folder, or a link to one */
		return;
	DIR *d = opendir(path);
	for (struct dirent *f; d && (f = readdir(d));) {
		char name[1024];
		snprintf(name, sizeof name, "%s/%s", path, f->d_name);
		if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
			tree_remove(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

void scratch_close(void)
{
	if (getpid() == owner)
		tree_remove(root);
}

void scratch_open(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/sagan-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(root), "%s: no folder can be made", root);
	owner = getpid();
	atexit(scratch_close);                       /* check ends the program itself where its messages go wrong */
	for (int i = 0; i < COUNT(ends); i++) {
		struct sigaction a = {.sa_handler = remove_and_end, .sa_flags = (int)SA_RESETHAND};
		sigaction(ends[i], &a, NULL);
	}
}

const char *scratch_folder(void)
{
	if (*folder)
		return folder;
	snprintf(folder, sizeof folder, "%s/XXXXXX", root);
	must(mkdtemp(folder), "%s: no folder can be made", folder);
	return folder;
}

/* Makes the folders that path goes through, from its byte n on. */
static void make_folders(char *path, size_t n)
{
	for (char *slash = strchr(path + n, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
}

const char *scratch_at(const char *name)
{
	const size_t n = strlen(scratch_folder()) + 1;
	for (int i = 0; i < paths; i++)
		if (!strcmp(at[i] + n, name))
			return at[i];
	must(paths < COUNT(at), "a test with more than %d paths", COUNT(at));
	char *path = at[paths++];
	must(snprintf(path, sizeof at[0], "%s/%s", folder, name) < (int)sizeof at[0], "%s: too long a name", name);
	make_folders(path, n);
	return path;
}

void scratch_drop(void)
{
	if (*folder)
		tree_remove(folder);
	*folder = '\0';
	paths = 0;
}
