/* main.c - the program: which command, its help, the level of its loops. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/level.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/peers/peers.h"
#include "core/kernels/conv_form.h"
#include "tools/command.h"

static const command *const COMMANDS[] = {
	&command_train, &command_sample, &command_attend, &command_export, &command_import, &command_info,
	&command_layers, &command_data, &command_classify, &command_evaluate, &command_report, &command_compare,
	&command_bench,
};

static void print_help(FILE *to)
{
	fprintf(to, "usage: sagan COMMAND ...\n"
		"Trains self-attention GANs (arXiv 1805.08318) from a config file, on the CPU.\n\n");
	for (int i = 0; i < COUNT(COMMANDS); i++)
		fprintf(to, "  %-8s %-21s %s\n", COMMANDS[i]->name, COMMANDS[i]->argument, COMMANDS[i]->summary);
	fprintf(to, "\n  sagan COMMAND --help          the options of a command\n"
		"  sagan info --keys             the keys of a config\n"
		"  sagan --version\n\n"
		"Begin with:  sagan train configs/demo.yaml\n"
		"Exit status: 0 done; 1 wrong input or environment; 2 wrong command line;\n"
		"128 and the number of a signal: stopped by it and saved.\n");
}

static int unknown_command(const char *word)
{
	const char *name[COUNT(COMMANDS)];
	for (int i = 0; i < COUNT(COMMANDS); i++)
		name[i] = COMMANDS[i]->name;
	const char *near = text_closest(word, name, COUNT(COMMANDS));
	fprintf(stderr, "sagan: %.60s: no such command%s%s%s; `sagan --help` lists them\n", text_show(word).s,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return EXIT_USAGE;
}

/* A descriptor 0, 1 or 2 that the caller closed would be given to the next file that is opened, and messages would be
 * written into it. What takes the place of standard output cannot be written: that results are lost is told. */
static void open_standard_files(void)
{
	static const int allowed[] = {O_RDWR, O_RDONLY, O_RDWR};
	for (int fd = 0; fd < COUNT(allowed); fd++)
		if (fcntl(fd, F_GETFD) == -1)        /* the lowest that is free: open gives this one */
			(void)!open("/dev/null", allowed[fd]);
}

static void tell_waiting(const char *line)
{
	fprintf(stderr, "sagan: %s\n", line);
}

/* Results that could not be written are a failure even when everything else went well. */
static int closed_stdout(int status)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status > EXIT_SIGNAL)
		return status;
	fprintf(stderr, "sagan: standard output could not be written\n");
	return status == EXIT_GOOD ? EXIT_INPUT : status;
}

static const command *command_of(const char *word)
{
	for (int i = 0; i < COUNT(COMMANDS); i++)
		if (strcmp(word, COMMANDS[i]->name) == 0)
			return COMMANDS[i];
	return NULL;
}

/* "help", or "help train", which is "train --help". */
static int run_help(int argc, char **argv)
{
	const command *c = argc > 1 ? command_of(argv[1]) : NULL;
	if (argc > 2) {
		fprintf(stderr, "sagan: %s: takes the name of one command\n", argv[0]);
		return EXIT_USAGE;
	}
	if (c) {
		command alone = *c;                  /* whoever else there is does not take part */
		alone.shared = false;
		return c->run(&alone, 2, (char *[]){argv[1], "--help", NULL});
	}
	if (argc > 1)
		return unknown_command(argv[1]);
	print_help(stdout);
	return EXIT_GOOD;
}

/* What is no command: about the program itself, or a mistake. */
static int run_word(int argc, char **argv)
{
	const char *word = argv[0];
	if (strcmp(word, "--version") == 0 && argc > 1) {
		fprintf(stderr, "sagan: --version: takes no argument\n");
		return EXIT_USAGE;
	}
	if (strcmp(word, "--version") == 0) {
		printf("sagan %s (%s)\n", SAGAN_VERSION, REAL_NAME);
		return EXIT_GOOD;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return run_help(argc, argv);
	return unknown_command(word);
}

/* Its words without the program's. */
static int run_shared(int argc, char **argv)
{
	const command *c = command_of(argv[0]);
	fault e;
	if (!peers_same("command", argv[0], &e))
		return fail(&e);
	const bool shared = c && c->shared;
	if (peers_rank() > 0 && !shared)
		return EXIT_GOOD;
	if (c && !shared && peers_count() > 1)
		fprintf(stderr, "sagan: `sagan %s` does not share its work: the first of %d processes does it, the "
			"others wait\n", c->name, peers_count());
	if (!shared)
		peers_part();
	return c ? c->run(c, argc, argv) : run_word(argc, argv);
}

/* One process speaks; the others do their share of what is shared. */
static int run_command(int argc, char **argv)
{
	fault e;
	if (!peers_open(tell_waiting, &e)) {
		if (e.text[0])
			fprintf(stderr, "sagan: %s\n", e.text);
		peers_close();                       /* mpirun ends all where one fails: not before that is said */
		return EXIT_INPUT;
	}
	if (peers_rank() > 0 && !freopen("/dev/null", "w", stdout))
		return EXIT_INPUT;
	const int status = run_shared(argc, argv);
	const int own = peers_rank() > 0 ? EXIT_GOOD : status;
	fail_told();
	peers_close();
	return closed_stdout(own);
}

/* OpenBLAS starts a thread for each processor when it is loaded, before main. They would be of no use (blas.h), and
 * where an address space is limited they look for 128 MB for ever, and the program waits for them at each fork and at
 * its end.
 * The functions of this section run before those of libraries, on the environment that the C library then takes as it
 * is: so its last variable is another one until main. */
static char **last_variable, *last_value;

#ifdef __GLIBC__
static void ask_for_one_thread(int argc, char **argv, char **variables)
{
	static char one[] = "OPENBLAS_NUM_THREADS=1";
	(void)argc, (void)argv;
	for (char **v = variables; *v; v++)
		if (!v[1] || strncmp(*v, one, sizeof one - 2) == 0) {
			last_variable = v;
			last_value = *v;
			*v = one;
			return;
		}
}

__attribute__((section(".preinit_array"), used))
static void (*const before_libraries)(int, char **, char **) = ask_for_one_thread;
#endif

int main(int argc, char **argv)
{
	if (last_variable)
		*last_variable = last_value;
	open_standard_files();
	signal(SIGXFSZ, SIG_IGN);                    /* a file size limit is a failed write, told in one line */
	if (argc > 0)
		program_name = argv[0];
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	fault e;
	if (!level_check(&e) || !conv_form_check(&e)) {
		fprintf(stderr, "sagan: %s\n", e.text);
		return EXIT_INPUT;
	}
	return run_command(argc - 1, argv + 1);
}
