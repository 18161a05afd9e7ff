/* test_kill_resume.c - kill -9 at random moments, go on, again and again: the run ends with the same files
 * as one that nobody disturbed.
 *
 * The process that trains is this program itself, started with a directory as its argument. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "gan/train/run.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { STEPS = 60, KILLS = 20, ATTEMPTS_MAX = 400, PROGRESS = 3 };

static const char *self;

/* A byte for each step that begins, to the descriptor PROGRESS: where the run is, however slow the machine. */
static void tell(void *ctx, int64_t done, int64_t steps)
{
	(void)ctx, (void)done, (void)steps;
	if (write(PROGRESS, ".", 1) != 1)
		_exit(9);
}

/* Trains in dir until done; the exit status says whether that went well. */
static int train(const char *dir, int threads)
{
	static const char *const set[] = {"steps=60", "train.checkpoint_every=2", "train.log_every=3",
		"train.sample_every=20", "score.count=20", NULL};
	fault e = {.text = ""};
	enum run_end end;
	config c = tiny_config(TINY_FULL, set);
	dataset *d = tiny_data(25, 16, 2);
	if (!pool_start(threads, &e))
		return 1;
	trainer *t = trainer_new(&c, d, &e);
	const run_options o = {.out = dir, .step = tell};
	bool ok = t && run_trainer(t, &o, &end, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.text);
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
	pool_stop();
	return !ok;
}

/* *progress: to read from, to be closed. */
static pid_t start(const char *dir, const char *threads, int *progress)
{
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (fd[1] != PROGRESS && dup2(fd[1], PROGRESS) != PROGRESS)
			_exit(127);
		for (int i = 0; i < 2; i++)
			if (fd[i] != PROGRESS)
				close(fd[i]);
		execl(self, self, dir, threads, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	*progress = fd[0];
	return child;
}

/* How many of n further steps begin; fewer when the child ends before. */
static int wait_steps(int progress, int n)
{
	char byte;
	int begun = 0;
	while (begun < n && read(progress, &byte, 1) == 1)
		begun++;
	return begun;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void wait_s(double s)
{
	struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
	nanosleep(&t, NULL);
}

static int status_of(pid_t child)
{
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

START_TEST(killed_run_ends_in_the_same_bits)
{
	static const char *const threads[] = {"1", "2", "4"};
	const char *whole = scratch_at("whole"), *killed = scratch_at("killed");
	char last[64];
	int progress;
	double begin = now();
	pid_t child = start(whole, "1", &progress);
	ck_assert_int_eq(wait_steps(progress, 1), 1);
	double start_s = now() - begin;              /* until the first step */
	ck_assert_int_eq(wait_steps(progress, STEPS), STEPS - 1);
	close(progress);
	ck_assert_int_eq(status_of(child), 0);

	rng r = rng_new(suite_seed(), "kill");
	int kills = 0, attempts = 0, status;
	do {
		ck_assert_int_lt(attempts, ATTEMPTS_MAX);
		begin = now();
		child = start(killed, threads[attempts++ % COUNT(threads)], &progress);
		if (kills < KILLS) {
			/* While it starts, or within the last of some steps, with what is drawn and saved after it. */
			const int goal = (int)rng_below(&r, 2 * STEPS / KILLS);
			const int begun = wait_steps(progress, goal);
			const double step_s = begun ? (now() - begin) / (begun + 1) : start_s;
			wait_s(rng_uniform(&r) * MIN(step_s, start_s));
			kill(child, SIGKILL);
		}
		wait_steps(progress, STEPS);
		close(progress);
		status = status_of(child);
		ck_assert_msg(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
			"attempt %d ended with status %#x", attempts, status);
		kills += status != 0;
	} while (kills < KILLS || status != 0);

	snprintf(last, sizeof last, "checkpoint-%08d.h5", STEPS);
	const char *const same[] = {last, "metrics.csv", "scores.csv", "checkpoint-best.h5", "samples-00000060.png"};
	for (int i = 0; i < COUNT(same); i++)
		ck_assert_msg(files_equal_in(whole, killed, same[i]), "%s differs", same[i]);
}
END_TEST

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 3)
		return train(argv[1], atoi(argv[2]));
	const suite_test tests[] = {
		{killed_run_ends_in_the_same_bits, 1},
	};
	return suite_run("kill and resume", tests, COUNT(tests), 3600);
}
