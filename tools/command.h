/* command.h - what the subcommands share: the table of commands, options, messages.
 *
 * Everything that prints, exits or hears signals is in tools/; the library does none of it. */
#ifndef SAGAN_TOOLS_COMMAND_H
#define SAGAN_TOOLS_COMMAND_H

#include <stdio.h>

#include "core/base/base.h"
#include "gan/config/config.h"

/* EXIT_SIGNAL and the number of a signal: what a shell says of a program that the signal ended, so that a loop over
 * several runs ends, too. */
enum exit_status { EXIT_GOOD = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_SIGNAL = 128 };

/* How the program was called, for commands that it prints. */
extern const char *program_name;

enum option_type {
	OPTION_FLAG,                                 /* bool: true when given */
	OPTION_INT,                                  /* int in [lo,hi] */
	OPTION_COUNT,                                /* int64_t in [lo,hi] */
	OPTION_REAL,                                 /* double in [lo,hi] */
	OPTION_TIME,                                 /* double, seconds: 90s, 30m, 2h, 1d */
	OPTION_TEXT,                                 /* const char * (borrow from argv) */
	OPTION_PATH,                                 /* the same; "~/" is the home folder */
	OPTION_TEXTS                                 /* text_list: may be given often */
};

enum { TEXTS_MAX = 256 };
typedef struct text_list {
	int n;
	const char *text[TEXTS_MAX];                 /* borrow from argv */
} text_list;

/* One row: --name ARGUMENT. Drives parsing and --help. */
typedef struct option_row {
	const char *name;
	enum option_type type;
	void *at;
	double lo, hi;
	const char *argument;                        /* "N"; NULL for flags; "[FILE.html]" may be left out: the next
	                                              * word belongs to it if it has that ending */
	const char *help;                            /* at most 54 letters: a line of --help */
} option_row;

/* What an option goes with. Names of others, with spaces between: one of `with` must be given, too, and --help says so
 * where it is a single one; none of `without` may be. NULL: no matter. */
typedef struct option_rule {
	const char *name, *with, *without;
} option_rule;

/* A subcommand; `run` gets what follows its name and returns the exit status. */
typedef struct command {
	const char *name;
	const char *argument;                        /* "CONFIG.yaml" */
	const char *summary;                         /* for the list of commands */
	const char *about;                           /* paragraph of --help, lines of at most 80 */
	const char *examples;
	const option_rule *rules;                    /* ended by {NULL}; NULL: there are none */
	int (*run)(const struct command *c, int argc, char **argv);
	/* All processes of an mpirun take part; else rank 0 alone runs it. */
	bool shared;
	const char *own;                             /* options that each of them may have as it likes: names */
} command;

extern const command command_train, command_sample, command_attend, command_export, command_import, command_info,
	command_layers, command_data, command_classify, command_evaluate, command_report, command_compare,
	command_bench;

/* Parses argv[0..argc) by the rows. Positional arguments go to place[0..*places), at most `places` at
 * first; fewer than `needed` is an error. Returns -1 to go on, or the exit status: after --help, or
 * after a message about a wrong option. Processes that share a command must have the same options; paths may differ. */
int options_parse(const command *c, const option_row *rows, int n, int argc, char **argv,
		  const char **place, int needed, int places);

/* A number in [lo,hi] that is the whole text, as options have them (core/base/text.h). */
bool read_real(const char *text, double lo, double hi, double *x);
bool read_count(const char *text, double lo, double hi, int64_t *x);

/* "sagan: text" on stderr; returns EXIT_INPUT. */
int fail(const fault *e);
/* The same of what an argument says; returns EXIT_USAGE, unless it is memory that lacks. */
int fail_argument(const fault *e);
/* With other processes (core/peers/peers.h) that line waits for fail_told, which rank 0 calls at the end. Together: all
 * give their status and get EXIT_GOOD, or rank 0 the message of the first that has failed; a failure of one is that of
 * all. */
int fail_together(int status);
void fail_told(void);
/* As fail, with EXIT_USAGE and where help is. */
int fail_usage(const command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Defaults, file and --set into cfg, checked. EXIT_GOOD, or the status after a message; cfg is to be
 * freed by config_free in any case. */
int read_config(config *cfg, const char *path, const text_list *sets);
int read_config_for(config *cfg, enum config_purpose p, const char *path, const text_list *sets);
/* The same of a config that is there. */
int finish_config(config *cfg, const text_list *sets);

/* "1.5 GB" and "1,234,567"; return buf. */
char *print_bytes(double bytes, char *buf, size_t size);
char *print_count(int64_t n, char *buf, size_t size);
/* A path that is not there, but that tools/fetch-data.sh can fetch: adds to the message how, and what there is until
 * then. Returns false. */
bool offer_data(const char *path, fault *e);

/* The most memory that the program has had so far. */
double peak_bytes(void);
/* "2 h 05 min", "3 min 20 s", "12 s" */
char *print_time(double seconds, char *buf, size_t size);

/* Whether a picture, or a page, may have this name: false where it ends like a file of another kind, or would replace
 * one (gan/checkpoint/kept.h). */
bool picture_may_be(const char *path, fault *e), page_may_be(const char *path, fault *e);
/* The same, and "-" is refused: the results of the command go there. */
bool picture_beside_may_be(const char *path, fault *e);

/* Whether an output may lie there: false where it would lie in data that are read, and become one of the images or
 * replace one. `data` NULL or "": none. */
bool output_apart(const char *path, const char *data, fault *e);

/* Threads of this process where `asked` are, or 0, as many as there are processors for each of the processes that share
 * them. */
int threads_here(int asked);

/* Where a line about a file that was written goes: stdout, or stderr where the file itself went to stdout ("-"). */
FILE *told_beside(const char *path);

/* Prints a line of a library callback to stdout (line_fn of data/describe.h). */
void print_line(void *ctx, const char *text);

#endif
