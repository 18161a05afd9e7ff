/* main.c - the program: which command, its help, and the machine's best OpenBLAS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/level.h"
#include "core/base/version.h"
#include "tools/command.h"

static const command *const COMMANDS[] = {
	&command_train, &command_sample, &command_export, &command_import, &command_info, &command_layers, &command_data,
	&command_bench,
};

/* Debian's OpenBLAS does not know recent processors and takes AVX2 kernels on AVX-512 machines: 119
 * instead of 222 GFLOP/s for sgemm of 256 (one core, 0.3.21). Its choice is an environment variable
 * that is read when the library is loaded, so the program starts itself once more with it set. The same
 * goes for its own threads, which spin for their first tens of milliseconds: a bench of short layers began
 * at half its speed. */
static void choose_blas_kernels(char **argv)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (getenv("OPENBLAS_CORETYPE") || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl")
	    || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq"))
		return;
	char self[4096];                             /* by its own path: ps and pkill know it by name */
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || setenv("OPENBLAS_CORETYPE", "SkylakeX", 1) != 0 || setenv("OPENBLAS_NUM_THREADS", "1", 0) != 0)
		return;
	self[n] = '\0';
	execv(self, argv);                           /* returns only when it failed: slower, not wrong */
#else
	(void)argv;
#endif
}

static void print_help(FILE *to)
{
	fprintf(to, "usage: sagan COMMAND ...\n\n"
		"Trains self-attention GANs (arXiv 1805.08318) from a config file, on the CPU.\n\n");
	for (int i = 0; i < COUNT(COMMANDS); i++)
		fprintf(to, "  %-7s %-21s %s\n", COMMANDS[i]->name, COMMANDS[i]->argument, COMMANDS[i]->summary);
	fprintf(to, "\n  sagan COMMAND --help          the options of a command\n"
		"  sagan info --keys             the keys of a config\n"
		"  sagan --version\n\n"
		"Begin with:  sagan train configs/demo.yaml\n"
		"Exit status: 0 done; 1 wrong input or environment; 2 wrong command line.\n");
}

static int unknown_command(const char *word)
{
	const char *name[COUNT(COMMANDS)];
	for (int i = 0; i < COUNT(COMMANDS); i++)
		name[i] = COMMANDS[i]->name;
	const char *near = closest(word, name, COUNT(COMMANDS));
	fprintf(stderr, "sagan: %.60s: no such command%s%s%s; `sagan --help` lists them\n", word,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return EXIT_USAGE;
}

/* Results that could not be written are a failure even when everything else went well. */
static int closed_stdout(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "sagan: standard output could not be written\n");
	return status == EXIT_GOOD ? EXIT_INPUT : status;
}

int main(int argc, char **argv)
{
	choose_blas_kernels(argv);
	signal(SIGXFSZ, SIG_IGN);                    /* a file size limit is a failed write, told in one line */
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	error e;
	if (!level_check(&e)) {
		fprintf(stderr, "sagan: %s\n", e.text);
		return EXIT_INPUT;
	}
	const char *word = argv[1];
	if (strcmp(word, "--version") == 0) {
		printf("sagan %s (%s)\n", SAGAN_VERSION, REAL_NAME);
		return closed_stdout(EXIT_GOOD);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_help(stdout);
		return closed_stdout(EXIT_GOOD);
	}
	for (int i = 0; i < COUNT(COMMANDS); i++)
		if (strcmp(word, COMMANDS[i]->name) == 0)
			return closed_stdout(COMMANDS[i]->run(COMMANDS[i], argc - 1, argv + 1));
	return unknown_command(word);
}
