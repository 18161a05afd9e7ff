#include "tests/mpirun.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/local.h"

enum { CHILDREN = 64 };

static const char *variable(const char *name, const char *otherwise)
{
	const char *p = getenv(name);
	return p && *p ? p : otherwise;
}

const char *mpi_program(void)
{
	return variable("SAGAN_MPI", NULL);
}

/* MPICH knows none of these, and needs none. */
void mpi_any_user(void)
{
	setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", true);
	setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", true);
	setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", true);
	setenv("OMPI_MCA_hwloc_base_binding_policy", "none", true);
}

answer mpirun_line(const char *line)
{
	return command("%s %s", variable("MPIRUN", "mpirun"), line);
}

answer mpirun(int n, const char *rest)
{
	return command("%s -n %d %s %s", variable("MPIRUN", "mpirun"), n, mpi_program(), rest);
}

pid_t mpirun_begin(int n, const char *rest, const char *log)
{
	char text[1 << 13];
	snprintf(text, sizeof text, "exec %s -n %d %s %s >%s 2>&1", variable("MPIRUN", "mpirun"), n, mpi_program(),
		rest, log);
	const pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", text, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static bool is_ours(long pid)
{
	char path[64], name[64] = "";
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	FILE *f = fopen(path, "r");
	const bool ours = f && fgets(name, sizeof name, f) && strncmp(name, "sagan", 5) == 0;
	if (f)
		fclose(f);
	return ours;
}

/* Open MPI's ranks are its children, MPICH's are children of a child. What a rank starts itself is no rank. */
static int find_ranks(long pid, long found[CHILDREN], int n)
{
	char path[64];
	long child;
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	FILE *f = fopen(path, "r");
	while (f && n < CHILDREN && fscanf(f, "%ld", &child) == 1) {
		if (is_ours(child))
			found[n++] = child;
		else
			n = find_ranks(child, found, n);
	}
	if (f)
		fclose(f);
	return n;
}

pid_t mpirun_rank(pid_t mpirun, int i)
{
	long found[CHILDREN];
	const int n = find_ranks(mpirun, found, 0);
	return i < n ? (pid_t)found[n - 1 - i] : 0;
}

int mpirun_end(pid_t mpirun)
{
	int status;
	ck_assert(waitpid(mpirun, &status, 0) == mpirun);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
