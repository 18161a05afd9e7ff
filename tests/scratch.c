#include "tests/scratch.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base.h"

static char root[256];
static pid_t owner;                              /* the process that removes it: not the children of fork */
static char folder[64][300];
static int folders;

/* After a signal, a process may not walk through folders itself. */
static void remove_and_end(int number)
{
	if (getpid() == owner && fork() == 0) {
		execl("/bin/rm", "rm", "-rf", root, (char *)NULL);
		_exit(1);
	}
	raise(number);                               /* the handler is gone: it ends the process */
}

void scratch_open(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/sagan-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(root), "%s: no folder can be made", root);
	owner = getpid();
	for (int i = 0; i < COUNT(ends); i++) {
		struct sigaction a = {.sa_handler = remove_and_end, .sa_flags = (int)SA_RESETHAND};
		sigaction(ends[i], &a, NULL);
	}
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
	tree_remove(root);
}

const char *scratch_root(void)
{
	return root;
}

const char *scratch_folder(void)
{
	must(folders < COUNT(folder), "a test with more than %d folders", COUNT(folder));
	char *path = folder[folders++];
	snprintf(path, sizeof folder[0], "%s/XXXXXX", root);
	must(mkdtemp(path), "%s: no folder can be made", path);
	return path;
}

const char *scratch_file(void)
{
	const char *path = scratch_folder();
	rmdir(path);
	return path;
}

void scratch_drop(void)
{
	while (folders > 0)
		tree_remove(folder[--folders]);
}
