#define _DEFAULT_SOURCE                              /* wait4 */
#include "tests/command.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static answer run(const char *program, const char *format, va_list args)
{
	static answer a;
	char line[4096], shell[5000];
	ck_assert_int_lt(vsnprintf(line, sizeof line, format, args), (int)sizeof line);
	snprintf(shell, sizeof shell, "{ %s %s ; } 2>&1", program, line);
	int fd[2], status;
	struct rusage use;
	fflush(NULL);
	ck_assert_int_eq(pipe(fd), 0);
	const pid_t child = fork();                  /* vfork, as popen does, would count this program's own memory */
	if (child == 0) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		execl("/bin/sh", "sh", "-c", shell, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	FILE *f = fdopen(fd[0], "r");
	ck_assert(child > 0 && f);
	a.text[fread(a.text, 1, sizeof a.text - 1, f)] = '\0';
	fclose(f);
	ck_assert_int_eq(wait4(child, &status, 0, &use), child);
	a.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	a.peak_mb = use.ru_maxrss / 1024;
	a.lines = 0;
	for (const char *p = a.text; *p; p++)
		a.lines += *p == '\n';
	return a;
}

answer command(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const answer a = run("", format, args);
	va_end(args);
	return a;
}

answer sagan(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const answer a = run(sagan_program(), format, args);
	va_end(args);
	return a;
}

const char *sagan_program(void)
{
	const char *p = getenv("SAGAN");
	return p && *p ? p : "build/sagan";
}
