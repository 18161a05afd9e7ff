#include "tests/command.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static answer run(const char *program, const char *format, va_list args)
{
	static answer a;
	char line[4096], shell[5000];
	ck_assert_int_lt(vsnprintf(line, sizeof line, format, args), (int)sizeof line);
	snprintf(shell, sizeof shell, "{ %s %s ; } 2>&1", program, line);
	FILE *f = popen(shell, "r");
	ck_assert_ptr_nonnull(f);
	a.text[fread(a.text, 1, sizeof a.text - 1, f)] = '\0';
	const int status = pclose(f);
	a.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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
