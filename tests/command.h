/* command.h - commands run by the shell, sagan above all: what they say and how they end. For tests with libcheck. */
#ifndef SAGAN_TESTS_COMMAND_H
#define SAGAN_TESTS_COMMAND_H

#include "core/base/base.h"

typedef struct answer {
	int status;                                  /* exit status; -1: ended by a signal */
	int lines;
	long peak_mb;                                /* the most memory of one of its processes */
	char text[1 << 16];                          /* stdout and stderr */
} answer;

/* Runs the line that the format and its arguments make. */
answer command(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same behind the name of the program. */
answer sagan(const char *format, ...) PRINTF_LIKE(1, 2);
/* The program under test: SAGAN of the environment, or build/sagan. */
const char *sagan_program(void);

#endif
