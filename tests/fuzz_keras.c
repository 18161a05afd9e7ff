/* fuzz_keras.c - many damaged files of each kind, by the way that the program takes (`make fuzz`).
 *
 *     fuzz_keras [FILES [FIRST [KIND]]]      20,000 of each kind, from number 0 on; or of one kind. FILES may be a time
 *                                            for all kinds together, as 60s
 *
 * A worker process reads them; when it dies the file's number is printed, and another one goes on. The status is 1 when
 * one died, took longer than the limits allow, or refused without a line.
 *
 * fuzz_within (`make fuzz WITHIN=1`) is this file without the child in which the program reads such files: up to 18
 * times as many a second, and what the child would hide is seen. There libhdf5 dies of some files, and never ends with
 * others; both are counted apart. */
#define _DEFAULT_SOURCE                              /* MAP_ANONYMOUS */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"
#include "tests/keras_damage.h"
#include "tests/scratch.h"

/* Longer is for ever: by the clock, or, where nothing is waited for, of processor time. */
#ifdef WITHIN
enum { WITHIN_CHILD = 0, HANG_MS = 250, HANG_CLOCK = ITIMER_PROF, HANG_SIGNAL = SIGPROF };
#else
enum { WITHIN_CHILD = 1, HANG_MS = 30000, HANG_CLOCK = ITIMER_REAL, HANG_SIGNAL = SIGALRM };
#endif

/* What workers leave behind. */
typedef struct board {
	damage_counts counts;
	int64_t next;                                /* the file at work */
} board;

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Until file `end`, or until the clock says `late`. A worker reads WORK files at most: of damaged ones libhdf5 keeps
 * descriptors and memory, and without any left it would refuse all that follow. */
enum { WORK = 256 };
static void work(enum damage_kind kind, int64_t end, double late, const char *path, board *b)
{
	const struct itimerval hang = {.it_value = {HANG_MS / 1000, HANG_MS % 1000 * 1000}};
	end = MIN(end, b->next + WORK);
	for (; b->next < end && seconds() < late; b->next++) {
		setitimer(HANG_CLOCK, &hang, NULL);
		damage_try(kind, b->next, path, &b->counts);
	}
	_exit(0);
}

/* Reads files [first, first + n) of a kind, for at most so many seconds; false when something went wrong. */
static bool run(enum damage_kind kind, int64_t first, int64_t n, double most_s, const char *path, board *b)
{
	const bool library = !WITHIN_CHILD && damage_is_hdf5(kind);
	int64_t died = 0, hung = 0;
	const double start = seconds(), end_s = start + most_s;
	*b = (board){.next = first};
	while (b->next < first + n && seconds() < end_s) {
		int status = 0;
		fflush(stdout);
		const pid_t pid = fork();
		if (pid == 0)
			work(kind, first + n, end_s, path, b);
		must(pid > 0 && waitpid(pid, &status, 0) == pid, "no worker process");
		if (status == 0)
			continue;
		const int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		*(sig == HANG_SIGNAL ? &hung : &died) += 1;
		if (!library || sig == SIGABRT || !sig)              /* which is how our own bugs end, and sanitizers */
			printf("%s: file %lld: the program %s (status %d)\n", damage_name[kind], (long long)b->next,
				sig == HANG_SIGNAL ? "hung" : "died", status);
		b->next++;
	}
	const damage_counts *c = &b->counts;
	printf("%-20s %6lld files: %6lld read, %6lld refused (%lld crashes and %lld limits contained), %lld without a "
		"line; %s crashes %lld, hangs %lld; %.0f s\n", damage_name[kind], (long long)(b->next - first),
		(long long)c->read, (long long)c->refused, (long long)c->crashes, (long long)c->limits,
		(long long)c->silent, library ? "libhdf5" : "program", (long long)died, (long long)hung,
		seconds() - start);
	return (library || died + hung == 0) && c->silent == 0;
}

int main(int argc, char **argv)
{
	const bool timed = argc > 1 && strchr(argv[1], 's');
	const double most_s = timed ? atof(argv[1]) / DAMAGE_KINDS : 1e9;
	const int64_t n = timed ? INT64_MAX / 2 : argc > 1 ? atoll(argv[1]) : 20000;
	const int64_t first = argc > 2 ? atoll(argv[2]) : 0;
	const int only = argc > 3 ? atoi(argv[3]) : -1;
	if (n < 1 || most_s <= 0 || only >= DAMAGE_KINDS) {
		printf("%s %s %s: no file would be tried\n", argv[0], argv[1], argc > 3 ? argv[3] : "");
		return 2;
	}
	board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool ok = true;
	must(b != MAP_FAILED, "no memory is shared");
	scratch_open();
	for (int kind = 0; kind < DAMAGE_KINDS; kind++)
		if (only < 0 || only == kind)
			ok = run((enum damage_kind)kind, first, n, most_s, scratch_at("file"), b) && ok;
	scratch_close();
	return !ok;
}
