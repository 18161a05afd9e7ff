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

enum { STEPS = 60, KILLS = 20, ATTEMPTS_MAX = 400 };

static const char *self;

/* Trains in dir until done; the exit status says whether that went well. */
static int train(const char *dir, int threads)
{
	static const char *const set[] = {"steps=60", "train.checkpoint_every=2", "train.log_every=3",
		"train.sample_every=20", "train.score_count=20", NULL};
	fault e = {.text = ""};
	enum run_end end;
	config c = tiny_config(TINY_FULL, set);
	dataset *d = tiny_data(25, 16, 2);
	if (!pool_start(threads, &e))
		return 1;
	trainer *t = trainer_new(&c, d, &e);
	const run_options o = {.out = dir};
	bool ok = t && run_trainer(t, &o, &end, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.text);
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
	pool_stop();
	return !ok;
}

static pid_t start(const char *dir, const char *threads)
{
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		execl(self, self, dir, threads, (char *)NULL);
		_exit(127);
	}
	return child;
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
	double begin = now();
	ck_assert_int_eq(status_of(start(whole, "1")), 0);
	double seconds = now() - begin;              /* of a run with start and end */

	rng r = rng_new(suite_seed(), "kill");
	int kills = 0, attempts = 0, status;
	do {
		ck_assert_int_lt(attempts, ATTEMPTS_MAX);
		pid_t child = start(killed, threads[attempts++ % COUNT(threads)]);
		if (kills < KILLS) {
			wait_s(rng_uniform(&r) * seconds * 0.5);
			kill(child, SIGKILL);
		}
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
