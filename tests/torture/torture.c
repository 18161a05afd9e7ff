/* torture.c - what a run keeps when it is killed, when the power goes, and when others use its folder: each again and
 * again until the time is over, and counted. docs/reliability.md says what is promised.
 *
 *     torture SECONDS [SEED [cuts|kills]]            both in turn, or one of them alone
 *
 * The process that trains is this program itself, started as `torture train FOLDER THREADS [LOG]`. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "gan/train/run.h"
#include "tests/tiny_run.h"
#include "tests/torture/power.h"

enum { STEPS = 8, FAILED = 1, BUSY = 2 };

static const char *self;
static char work[256];                               /* the folder of everything */

/* ---- the run ---- */

static int train(const char *dir, int threads, const char *log)
{
	static const char *const set[] = {"steps=8", "train.checkpoint_every=2", "train.log_every=1",
		"train.sample_every=4", "train.keep=2", "score.count=8", NULL};
	fault e = {.text = ""};
	enum run_end end;
	config c = tiny_config(TINY_PLAIN, set);
	dataset *d = tiny_data(25, 16, 2);
	if (log)
		power_record(dir, log);
	trainer *t = pool_start(threads, &e) ? trainer_new(&c, d, &e) : NULL;
	const run_options o = {.out = dir};
	const bool ok = t && run_trainer(t, &o, &end, &e);
	const bool busy = !ok && strstr(e.text, "another process is training there");
	if (!ok && !busy)
		fprintf(stderr, "%s\n", e.text);
	return ok ? 0 : busy ? BUSY : FAILED;
}

static pid_t start(const char *dir, const char *threads, const char *log)
{
	const pid_t child = fork();
	if (child == 0) {
		execl(self, self, "train", dir, threads, log, (char *)NULL);
		_exit(FAILED);
	}
	must(child > 0, "no process can be started");
	return child;
}

/* The exit status; -1: killed. */
static int status_of(pid_t child)
{
	int status;
	must(waitpid(child, &status, 0) == child, "a process is lost");
	must(!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL, "ended by signal %d", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- folders ---- */

static void at(char path[600], const char *name)
{
	snprintf(path, 600, "%s/%s", work, name);
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);
	for (struct dirent *f; d && (f = readdir(d));) {
		char path[1200];
		snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	mkdir(dir, 0777);
}

static bool same(const char *a, const char *b, const char *name)
{
	char path[2][1200];
	int x, y;
	snprintf(path[0], sizeof path[0], "%s/%s", a, name);
	snprintf(path[1], sizeof path[1], "%s/%s", b, name);
	FILE *f = fopen(path[0], "rb"), *g = fopen(path[1], "rb");
	must(f, "%s is missing", path[0]);
	do {
		x = getc(f);
		y = g ? getc(g) : -2;
	} while (x == y && x != EOF);
	fclose(f);
	if (g)
		fclose(g);
	return x == y;
}

/* Whether the run in dir ended as the one that nobody disturbed. */
static bool is_whole(const char *dir)
{
	static const char *const name[] = {"checkpoint-00000008.h5", "metrics.csv", "scores.csv", "checkpoint-best.h5"};
	char whole[600];
	bool ok = true;
	at(whole, "whole");
	for (int i = 0; i < COUNT(name); i++)
		if (!same(whole, dir, name[i])) {
			printf("  %s/%s differs\n", dir, name[i]);
			ok = false;
		}
	return ok;
}

/* Step of the newest good checkpoint; -1: none. */
static int64_t newest(const char *dir)
{
	fault warning, e;
	checkpoint *c = rundir_newest(dir, &warning, &e);
	const int64_t step = c ? checkpoint_about(c)->step : -1;
	checkpoint_close(c);
	return step;
}

/* ---- counts ---- */

static struct counts {
	long kills, lost, runs, other_bits, failed;
	long cuts, cut_lost, cut_other_bits, cut_failed;
	long reads, reads_failed, refused;
} count;

/* ---- kills ---- */

static void wait_s(double s)
{
	nanosleep(&(struct timespec){(time_t)s, (long)((s - (double)(time_t)s) * 1e9)}, NULL);
}

/* Reads the newest checkpoint whole, over and over; a byte for each to `to`: whether it could. */
static void read_always(const char *dir, int to)
{
	for (;;) {
		fault warning, e;
		checkpoint *c = rundir_newest(dir, &warning, &e);
		const bool none = !c && strstr(e.text, "no checkpoint there");
		if (!none && write(to, c ? "+" : "-", 1) != 1)
			_exit(0);
		if (!none && !c)
			fprintf(stderr, "  reader: %s\n", e.text);
		checkpoint_close(c);
		wait_s(0.02);                        /* the runs want the processors, too */
	}
}

/* One run, killed at random moments until it is done, with a second trainer and a reader beside it. On a machine that
 * became busy it gets more time with each kill that it did not get on before. */
static void kill_one_run(rng *r, double run_s)
{
	double most = 0.6 * run_s;
	static const char *const threads[] = {"1", "2"};
	char dir[600], byte[4096];
	int fd[2], status;
	int64_t had = -1;
	at(dir, "killed");
	empty(dir);
	must(pipe(fd) == 0, "no pipe");
	const pid_t reader = fork();
	if (reader == 0)
		read_always(dir, fd[1]);
	close(fd[1]);
	do {
		const pid_t child = start(dir, threads[rng_below(r, 2)], NULL);
		wait_s(rng_uniform(r) * most);
		const pid_t other = start(dir, "1", NULL);
		const int second = rng_below(r, 2) ? status_of(other) : (kill(other, SIGKILL), status_of(other));
		count.refused += second == BUSY;
		if (had < STEPS)                     /* else it only has to end */
			kill(child, SIGKILL);
		status = status_of(child);
		count.kills += status == -1;
		count.failed += status == FAILED || second == FAILED;
		const int64_t has = newest(dir);
		count.lost += has < had;
		most = has > had ? 0.6 * run_s : 1.05 * most;
		had = has;
	} while (status == -1 || status == BUSY || had < STEPS);
	count.runs++;
	count.other_bits += !is_whole(dir);
	kill(reader, SIGKILL);
	status_of(reader);
	for (ssize_t n; (n = read(fd[0], byte, sizeof byte)) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			count.reads++;
			count.reads_failed += byte[i] == '-';
		}
	close(fd[0]);
}

/* ---- power cuts ---- */

static void cut_once(const power_log *l, rng *r)
{
	char dir[600];
	const int moment = (int)rng_below(r, (uint64_t)power_events(l) + 1);
	at(dir, "cut");
	empty(dir);
	power_cut(l, moment, rng_below(r, 8) == 0, r, dir);
	const int64_t promised = power_promised(l, moment), has = newest(dir);
	count.cuts++;
	if (has < promised) {
		count.cut_lost++;
		printf("  cut before event %d: step %lld was promised, %lld is there\n", moment, (long long)promised,
			(long long)has);
	}
	if (status_of(start(dir, "1", NULL)) != 0)
		count.cut_failed++;
	else
		count.cut_other_bits += !is_whole(dir);
}

/* ---- together ---- */

static void report(void)
{
	printf("kills: %ld of processes in %ld runs; checkpoints lost %ld, runs with other bits %ld, failed %ld\n",
		count.kills, count.runs, count.lost, count.other_bits, count.failed);
	printf("two trainers in a folder: the second was refused %ld times\n", count.refused);
	printf("readers: %ld checkpoints read whole beside the runs, failed %ld\n", count.reads, count.reads_failed);
	printf("power cuts: %ld; promised checkpoints lost %ld, runs with other bits %ld, failed %ld\n", count.cuts,
		count.cut_lost, count.cut_other_bits, count.cut_failed);
}

static long bad(void)
{
	return count.lost + count.other_bits + count.failed + count.reads_failed + count.cut_lost
		+ count.cut_other_bits + count.cut_failed;
}

static void make_work(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(work, sizeof work, "%s/sagan-torture-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	must(mkdtemp(work), "%s: no folder can be made", work);
}

static void drop_work(void)
{
	static const char *const name[] = {"whole", "killed", "cut"};
	char path[600];
	for (int i = 0; i < COUNT(name); i++) {
		at(path, name[i]);
		empty(path);
		rmdir(path);
	}
	at(path, "log");
	unlink(path);
	rmdir(work);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc >= 4 && strcmp(argv[1], "train") == 0)
		return train(argv[2], atoi(argv[3]), argc > 4 ? argv[4] : NULL);
	const double seconds = argc > 1 ? atof(argv[1]) : 3600, begin = clock_s();
	const unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (unsigned long long)time(NULL);
	const char *only = argc > 3 ? argv[3] : "";
	char whole[600], log[600];
	if (!(seconds > 0) || (*only && strcmp(only, "cuts") != 0 && strcmp(only, "kills") != 0)) {
		printf("%s %s %s: nothing would be tried\n", argv[0], argv[1], only);
		return 2;
	}
	make_work();
	at(whole, "whole");
	at(log, "log");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("torture: %.0f s in %s, seed %llu\n", seconds, work, seed);
	must(status_of(start(whole, "1", log)) == 0, "the run itself fails");
	const double run_s = clock_s() - begin;
	power_log *l = power_read(log);
	rng r = rng_new(seed, "torture");
	printf("  a run takes %.1f s and %d events\n", run_s, power_events(l));
	/* Both for about the same time. */
	for (double cuts_s = 0, kills_s = 0, now; (now = clock_s()) - begin < seconds;)
		if (*only ? strcmp(only, "cuts") == 0 : cuts_s <= kills_s) {
			cut_once(l, &r);
			cuts_s += clock_s() - now;
		} else {
			report();
			kill_one_run(&r, run_s);
			kills_s += clock_s() - now;
		}
	report();
	power_free(l);
	if (bad() == 0)
		drop_work();
	return bad() != 0;
}
