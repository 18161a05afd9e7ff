/* test_run_files.c - the files of a run when something is wrong with them: what is damaged, what cannot be read now,
 * what vanishes, and what somebody removes. Nothing good is ever overwritten or removed for it.
 *
 * Rights mean nothing to root: what is about them runs as nobody. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "gan/checkpoint/saved.h"
#include "tests/command.h"
#include "tests/expect.h"
#include "tests/faults/readdir.h"
#include "tests/files.h"
#include "tests/suite.h"

static const char *at_step(int step)
{
	char name[64];
	snprintf(name, sizeof name, "checkpoint-%08d.h5", step);
	return scratch_at(name);
}

static const char *save_step(int step)
{
	real kernel[64] = {[0] = 1, [1] = (real)step};
	fault e = {.text = ""};
	const checkpoint_info about = {.step = step, .program = "sagan test", .config = (char *)"seed: 1\n"};
	state_list l = {0};
	state_add(&l, ARRAY_REAL, "/generator/kernel", SHAPE(64), kernel, NULL);
	ck_assert_msg(checkpoint_save(at_step(step), &about, &l, &e), "%s", e.text);
	state_list_free(&l);
	return at_step(step);
}

/* One bit of the last array. */
static void damage(const char *path)
{
	size_t n;
	char *x = file_bytes(path, &n);
	for (size_t i = n / 2; i < n; i++)
		x[i] = (char)(x[i] ^ 1);
	file_store(path, x, n);
	free(x);
}

static rundir *opened(void)
{
	fault e = {.text = ""};
	rundir *d = rundir_open(scratch_folder(), &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	return d;
}

/* Which checkpoint a run in the folder goes on from. */
static bool goes_on_from(rundir *d, char path[RUN_PATH_MAX], fault *warning, fault *e)
{
	checkpoint *c = rundir_resume(d, warning, e);
	if (!c)
		return false;
	memcpy(path, checkpoint_about(c)->path, RUN_PATH_MAX);
	checkpoint_close(c);
	return true;
}

/* ---- what is damaged ---- */

/* Damaged files of later steps once counted as the newest, and the checkpoint just written was removed. */
START_TEST(what_was_just_written_stays_beside_damaged_ones)
{
	fault e, warning;
	char path[RUN_PATH_MAX];
	rundir *d = opened();
	save_step(4);
	damage(save_step(10));
	OK(goes_on_from(d, path, &warning, &e));
	ck_assert_str_eq(path, at_step(4));
	ck_assert_msg(strstr(warning.text, "damaged-checkpoint-00000010.h5"), "%s", warning.text);
	ck_assert(!file_exists(scratch_folder(), "checkpoint-00000010.h5"));
	ck_assert(file_exists(scratch_folder(), "damaged-checkpoint-00000010.h5"));
	save_step(9);
	OK(rundir_prune(d, 1, 9, &warning, &e));
	OK(goes_on_from(d, path, &warning, &e));
	ck_assert_str_eq(path, at_step(9));
	ck_assert(!file_exists(scratch_folder(), "checkpoint-00000004.h5"));
	/* Damaged again at the same step: both stay. */
	damage(save_step(10));
	OK(goes_on_from(d, path, &warning, &e));
	ck_assert(file_exists(scratch_folder(), "damaged-checkpoint-00000010.h5.2.h5"));
	/* A later one that somebody puts there while the run goes on changes nothing. */
	damage(save_step(20));
	save_step(11);
	OK(rundir_prune(d, 1, 11, &warning, &e));
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000011.h5"));
	rundir_close(d);
}
END_TEST

START_TEST(damaged_ones_do_not_count_as_kept)
{
	fault e, warning;
	rundir *d = opened();
	for (int i = 1; i <= 4; i++)
		save_step(i);
	damage(at_step(3));
	OK(rundir_prune(d, 2, 4, &warning, &e));
	ck_assert_msg(strstr(warning.text, "damaged-checkpoint-00000003.h5"), "%s", warning.text);
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000002.h5"));
	ck_assert(!file_exists(scratch_folder(), "checkpoint-00000001.h5"));
	ck_assert(file_exists(scratch_folder(), "damaged-checkpoint-00000003.h5"));
	/* Known to be good, and changed since. */
	damage(at_step(4));
	save_step(5);
	OK(rundir_prune(d, 2, 5, &warning, &e));
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000002.h5"));
	ck_assert(file_exists(scratch_folder(), "damaged-checkpoint-00000004.h5"));
	rundir_close(d);
}
END_TEST

START_TEST(a_damaged_best_one_is_put_aside)
{
	fault e, warning;
	bool better;
	OK(rundir_keep_best(scratch_folder(), save_step(1), 1, "units", &better, &warning, &e));
	damage(scratch_at("checkpoint-best.h5"));
	OK(rundir_keep_best(scratch_folder(), save_step(2), 2, "units", &better, &warning, &e));
	ck_assert(better && strstr(warning.text, "damaged-checkpoint-best.h5"));
	ck_assert(file_exists(scratch_folder(), "damaged-checkpoint-best.h5"));
}
END_TEST

/* Else a run that was killed between the two files would end with other bytes than one that was not. */
START_TEST(a_best_one_is_the_scored_one_byte_for_byte)
{
	real kernel[64] = {[0] = 1};
	fault e = {.text = ""}, warning;
	bool better;
	checkpoint_info about = {.step = 1, .program = "sagan test", .config = (char *)"seed: 1\n", .has_score = true,
		.score = 1.5, .score_about = "units", .began_from = "another"};
	state_list l = {0};
	state_add(&l, ARRAY_REAL, "/z/kernel", SHAPE(64), kernel, "of z");
	state_add(&l, ARRAY_REAL, "/a/kernel", SHAPE(64), kernel, NULL);
	state_add(&l, ARRAY_REAL, "/z/bias", SHAPE(64), kernel, NULL);       /* a list of the file has it before */
	OK(checkpoint_save(at_step(1), &about, &l, &e));
	state_list_free(&l);
	OK(rundir_keep_best(scratch_folder(), at_step(1), 1.5, "units", &better, &warning, &e));
	ck_assert(better && files_equal(at_step(1), scratch_at("checkpoint-best.h5")));
}
END_TEST

/* Two of one step, each of another branch, both stay; what is the best once more is not kept twice. */
START_TEST(a_former_best_one_is_kept_until_it_comes_again)
{
	fault e = {.text = ""}, warning;
	bool better;
	char path[RUN_PATH_MAX];
	for (int i = 1; i <= 2; i++) {
		OK(rundir_keep_best(scratch_folder(), save_step(i), i, "units", &better, &warning, &e));
		OK(rundir_former_best(scratch_folder(), 7, path, &e));
		ck_assert_str_eq(strrchr(path, '/') + 1, i == 1 ? "former-best-00000007.h5"
			: "former-best-00000007.2.h5");
		OK(rundir_move_best(scratch_folder(), path, &e));
		OK(checkpoint_verify(path, &e) && !file_exists(scratch_folder(), "checkpoint-best.h5"));
	}
	REFUSED(rundir_move_best(scratch_folder(), path, &e), scratch_at("checkpoint-best.h5"), "cannot be moved to");
	OK(rundir_keep_best(scratch_folder(), at_step(2), 2, "units", &better, &warning, &e));
	rundir_drop_former(scratch_folder(), 7);
	ck_assert(file_exists(scratch_folder(), "former-best-00000007.h5"));
	ck_assert(!file_exists(scratch_folder(), "former-best-00000007.2.h5"));
}
END_TEST

/* ---- what cannot be read now ---- */

START_TEST(a_best_one_without_permission_is_not_overwritten)
{
	fault e, warning;
	bool better = true;
	become_nobody();
	const char *best = scratch_at("checkpoint-best.h5");
	OK(rundir_keep_best(scratch_folder(), save_step(1), 1, "units", &better, &warning, &e));
	ck_assert_int_eq(chmod(best, 0), 0);
	save_step(2);
	REFUSED(rundir_keep_best(scratch_folder(), at_step(2), 2, "units", &better, &warning, &e), best,
		"Permission denied");
	ck_assert(!better);
	ck_assert_int_eq(chmod(best, 0600), 0);
	OK(rundir_keep_best(scratch_folder(), at_step(2), 2, "units", &better, &warning, &e));
	ck_assert(!better);
}
END_TEST

/* A folder without permission is not one without a run. */
START_TEST(a_run_without_permission_is_not_called_missing)
{
	fault e, warning;
	saved s;
	become_nobody();
	const char *dir = scratch_at("runs/r"), *yaml = scratch_at("runs/r/config.yaml");
	ck_assert_int_eq(file_type(yaml), FILE_MISSING);
	REFUSED(saved_open_run(dir, &s, &warning, &e), dir, "is no run");
	file_store(yaml, "steps: 1\n", 9);
	ck_assert_int_eq(chmod(dir, 0), 0);
	ck_assert_int_eq(file_type(yaml), FILE_UNKNOWN);
	REFUSED(saved_open_run(dir, &s, &warning, &e), dir, "cannot be read now: Permission denied");
	ck_assert_int_eq(chmod(scratch_at("runs"), 0), 0);
	REFUSED(saved_open_run(dir, &s, &warning, &e), dir, "cannot be read now: Permission denied");
	ck_assert_int_eq(chmod(scratch_folder(), 0755), 0);
	static const char *const line[] = {"train %s", "info %s", "sample %s", "report %s", "compare %s x", "attend %s",
		"evaluate %s", "export %s", "data %s"};
	for (int i = 0; i < COUNT(line); i++) {
		const answer a = sagan(line[i], dir);
		ck_assert_msg(a.status == 1 && strstr(a.text, "Permission denied"), "%s: %s", line[i], a.text);
	}
	ck_assert_int_eq(chmod(scratch_at("runs"), 0755), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
}
END_TEST

START_TEST(a_newest_one_without_permission_is_not_passed_over)
{
	fault e, warning;
	char path[RUN_PATH_MAX];
	become_nobody();
	rundir *d = opened();
	save_step(1);
	ck_assert_int_eq(chmod(save_step(2), 0), 0);
	REFUSED(goes_on_from(d, path, &warning, &e), at_step(2), "Permission denied");
	save_step(3);
	OK(rundir_prune(d, 2, 3, &warning, &e));     /* not counted, not removed */
	ck_assert_msg(strstr(warning.text, "it stays"), "%s", warning.text);
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000001.h5"));
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000002.h5"));
	rundir_close(d);
}
END_TEST

/* No descriptor is left for the newest: the one before is not the newest for that. */
START_TEST(without_descriptors_nothing_is_passed_over)
{
	fault e, warning;
	char path[RUN_PATH_MAX];
	struct rlimit was;
	save_step(1);
	save_step(2);
	ck_assert(getrlimit(RLIMIT_NOFILE, &was) == 0);
	const int free_one = dup(0);
	close(free_one);
	for (rlim_t more = 0; more < 14; more++) {
		const struct rlimit few = {(rlim_t)free_one + more, was.rlim_max};
		ck_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
		const bool ok = rundir_latest(scratch_folder(), path, &warning, &e);
		ck_assert(setrlimit(RLIMIT_NOFILE, &was) == 0);
		ck_assert_msg(ok ? strcmp(path, at_step(2)) == 0 : strstr(e.text, "Too many open files") != NULL,
			"%s: %s", path, e.text);
	}
}
END_TEST

/* A run whose newest checkpoint is good and cannot be read: the start ends, or reads it after all. */
static void must_not_be_passed_over(rundir *d, bool (*before)(int), void (*after)(void), int times)
{
	for (int i = 0; i < times; i++) {
		fault e = {.text = ""}, warning;
		char path[RUN_PATH_MAX];
		if (!before(i))
			continue;
		const bool ok = goes_on_from(d, path, &warning, &e);
		after();
		ck_assert_msg(file_exists(scratch_folder(), "checkpoint-00000002.h5"), "%d: %s", i, warning.text);
		ck_assert_msg(ok ? strcmp(path, at_step(2)) == 0 : fault_is_now(&e), "%d: %s: %s", i, path, e.text);
	}
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static struct rlimit memory_was;

/* From a few pages to more than is needed. */
static bool memory_little(int i)
{
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	const bool known = f && fscanf(f, "%lld", &pages) == 1;
	if (f)
		fclose(f);
	const rlim_t more = i < 60 ? (rlim_t)i << 16 : (rlim_t)(i - 58) << 22;
	const struct rlimit few = {(rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more, memory_was.rlim_max};
	return known && setrlimit(RLIMIT_AS, &few) == 0;
}

static void memory_again(void)
{
	ck_assert(setrlimit(RLIMIT_AS, &memory_was) == 0);
}

/* HDF5 without memory stumbles over a good file in many ways. */
START_TEST(without_memory_nothing_is_put_aside)
{
	rundir *d = opened();
	save_step(1);
	save_step(2);
	ck_assert(getrlimit(RLIMIT_AS, &memory_was) == 0);
	must_not_be_passed_over(d, memory_little, memory_again, 90);
	rundir_close(d);
}
END_TEST
#endif

static pid_t killer;
static char children_of[64];

/* Kills two of three children that this process has besides it, until it is killed itself. */
static void kill_children(void)
{
	for (;;) {
		FILE *f = fopen(children_of, "r");
		for (int child; f && fscanf(f, "%d", &child) == 1;)
			if (child != getpid() && child % 3)
				kill(child, SIGKILL);
		if (f)
			fclose(f);
	}
}

static bool start_killer(int i)
{
	(void)i;
	snprintf(children_of, sizeof children_of, "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	killer = access(children_of, R_OK) == 0 ? fork() : -1;
	if (killer == 0)
		kill_children();
	return killer > 0;
}

static void end_killer(void)
{
	kill(killer, SIGKILL);
	ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
}

/* The system does so when memory is out. */
START_TEST(readers_that_are_killed_put_nothing_aside)
{
	rundir *d = opened();
	save_step(1);
	save_step(2);
	must_not_be_passed_over(d, start_killer, end_killer, 40);
	rundir_close(d);
}
END_TEST

/* A name that is cut off is not there: that is no checkpoint which vanished. */
START_TEST(a_path_that_is_too_long_is_called_so)
{
	char dir[RUN_PATH_MAX + 64], path[RUN_PATH_MAX];
	fault e = {.text = ""}, warning;
	save_step(1);
	size_t n = (size_t)snprintf(dir, sizeof dir, "%s", scratch_folder());
	while (n < RUN_PATH_MAX - 10)
		n += (size_t)snprintf(dir + n, sizeof dir - n, "/.");
	for (int i = 0; i < 2; i++) {                /* a numbered one; the best alone, whose name is shorter */
		ck_assert(!rundir_latest(dir, path, &warning, &e));
		ck_assert_msg(strstr(e.text, ": the path is longer than 1023 bytes"), "%s", e.text);
		if (i == 0)
			ck_assert_int_eq(rename(at_step(1), scratch_at("checkpoint-best.h5")), 0);
	}
}
END_TEST

START_TEST(a_list_that_breaks_off_is_no_empty_folder)
{
	fault e, warning;
	char path[RUN_PATH_MAX];
	bool any;
	rundir *d = opened();
	save_step(1);
	save_step(2);
	for (int i = 0; i < 5; i++) {
		readdir_names_left = i;
		REFUSED(rundir_any(scratch_folder(), &any, &e), scratch_folder(), "Input/output error");
		readdir_names_left = i;
		REFUSED(goes_on_from(d, path, &warning, &e), scratch_folder(), "Input/output error");
		readdir_names_left = i;
		REFUSED(rundir_prune(d, 1, 2, &warning, &e), scratch_folder(), "Input/output error");
		readdir_names_left = i;
		REFUSED(rundir_put_aside(scratch_folder(), path, &e), scratch_folder(), "Input/output error");
		readdir_names_left = -1;
	}
	ck_assert_int_eq(files_in(scratch_folder()), 3);
	rundir_close(d);
}
END_TEST

/* ---- what vanishes ---- */

/* A run with keep = 1 and a reader beside it. */
START_TEST(a_reader_beside_a_run_always_finds_one)
{
	enum { READS = 60 };
	fault e, warning;
	real kernel[64];
	state_list l = {0};
	state_add(&l, ARRAY_REAL, "/generator/kernel", SHAPE(64), kernel, NULL);
	save_step(1);
	const pid_t run = fork();
	if (run == 0)
		for (int i = 2;; i++) {
			save_step(2 + i % 100);
			for (int k = 0; k < 102; k++) {
				char path[RUN_PATH_MAX];
				rundir_checkpoint(scratch_folder(), k, path, sizeof path);
				if (k != 2 + i % 100)
					unlink(path);
			}
		}
	for (int i = 0; i < READS; i++) {
		checkpoint *c = rundir_newest(scratch_folder(), &warning, &e);
		OK(c);
		if (i == 0)                          /* certainly gone by now, and still there for who has it open */
			while (access(checkpoint_about(c)->path, F_OK) == 0)
				;
		OK(checkpoint_fill(c, &l, true, &e));
		ck_assert_int_eq((int64_t)kernel[1], checkpoint_about(c)->step);
		checkpoint_close(c);
	}
	kill(run, SIGKILL);
	ck_assert_int_eq(waitpid(run, NULL, 0), run);
	state_list_free(&l);
}
END_TEST

/* What is removed or replaced stays what it is for who has it open; what is written into is not believed. */
START_TEST(an_open_one_that_is_written_into_is_refused)
{
	fault e;
	real kernel[64] = {0};
	state_list l = {0};
	item_fit fit;
	state_add(&l, ARRAY_REAL, "/generator/kernel", SHAPE(64), kernel, NULL);
	save_step(2);
	for (int how = 0; how < 4; how++) {
		save_step(1);
		checkpoint *c = checkpoint_open(at_step(1), &e);
		OK(c);
		size_t n;
		char *bytes = file_bytes(at_step(2), &n);
		if (how == 0) {
			ck_assert_int_eq(rename(at_step(2), at_step(1)), 0);
			save_step(2);
		} else if (how == 1) {
			unlink(at_step(1));
		} else if (how == 2) {
			ck_assert_int_eq(truncate(at_step(1), 1000), 0);
		} else {                             /* as cp does */
			file_store(at_step(1), (const unsigned char *)bytes, n);
		}
		free(bytes);
		if (how < 2) {
			OK(checkpoint_fill(c, &l, true, &e));
			ck_assert(kernel[1] == 1);
		} else {
			REFUSED(checkpoint_fill(c, &l, true, &e), at_step(1), "cannot be read now");
			REFUSED(checkpoint_take(c, &l, &fit, &e), at_step(1), "cannot be read now");
		}
		checkpoint_close(c);
	}
	state_list_free(&l);
}
END_TEST

START_TEST(a_lock_that_is_removed_ends_the_run)
{
	fault e;
	rundir *d = opened();
	ck_assert(rundir_stands(d, &e));
	ck_assert_int_eq(unlink(scratch_at("lock")), 0);
	REFUSED(rundir_stands(d, &e), scratch_folder(), "removed or replaced");
	file_store(scratch_at("lock"), "", 0);
	REFUSED(rundir_stands(d, &e), scratch_folder(), "removed or replaced");
	rundir_close(d);
}
END_TEST

/* ---- commands ---- */

static const char CONFIG[] = "name: t\nsteps: 1\nbatch: 2\ndata: {format: random}\n"
	"model: {network: resnet, size: 16, channels: 1, classes: 2, latent: 8, g_channels: 8, d_channels: 8}\n"
	"train: {sample_every: 0, keep: 1, checkpoint_every: 1, log_every: 1}\nscore: {count: 0}\n";

START_TEST(import_takes_the_lock_of_a_run)
{
	const char *run = scratch_at("run"), *yaml = scratch_at("a.yaml");
	file_store(yaml, CONFIG, sizeof CONFIG - 1);
	answer a = sagan("train %s --out %s --quiet", yaml, run);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = sagan("export %s --out %s", run, scratch_at("keras"));
	ck_assert_msg(a.status == 0, "%s", a.text);
	fault e;
	rundir *d = rundir_open(run, &e);
	const char *line = "import %s/generator.keras --config %s --out %s/checkpoint-00000000.h5";
	a = sagan(line, scratch_at("keras"), yaml, run);
	ck_assert_msg(a.status == 1 && strstr(a.text, "another process is training there"), "%s", a.text);
	ck_assert(!file_exists(run, "checkpoint-00000000.h5"));
	rundir_close(d);
	a = sagan(line, scratch_at("keras"), yaml, run);
	ck_assert_msg(a.status == 0, "%s", a.text);
}
END_TEST

/* A link is no checkpoint that vanished, and a copy under another number none of that step. */
START_TEST(links_to_nothing_and_wrong_numbers_are_told)
{
	fault e, warning;
	char path[RUN_PATH_MAX], said[RUN_PATH_MAX + 64];
	rundir *d = opened();
	save_step(4);
	ck_assert_int_eq(symlink("/nowhere/x.h5", at_step(9)), 0);
	snprintf(said, sizeof said, "%s: a link, and what it leads to is not there", at_step(9));
	ck_assert(!goes_on_from(d, path, &warning, &e));
	ck_assert_str_eq(e.text, said);
	ck_assert(!rundir_newest(at_step(9), &warning, &e));
	ck_assert_str_eq(e.text, said);
	ck_assert_int_eq(unlink(at_step(9)), 0);
	ck_assert_int_eq(rename(save_step(5), at_step(12)), 0);
	ck_assert(!goes_on_from(d, path, &warning, &e));
	ck_assert_msg(strstr(e.text, "checkpoint-00000012.h5: holds step 5; must be called checkpoint-00000005.h5"),
		"%s", e.text);
	ck_assert(file_exists(scratch_folder(), "checkpoint-00000012.h5"));
	ck_assert_int_eq(rename(at_step(12), at_step(5)), 0);
	OK(goes_on_from(d, path, &warning, &e));
	ck_assert_str_eq(path, at_step(5));
	rundir_close(d);
}
END_TEST

/* The folder goes while the run is in it: it stops, and names no checkpoint that is gone. It goes at once: rm would
 * take file after file, and what is said of a checkpoint that goes before the lock is another line. */
START_TEST(a_run_without_its_folder_stops)
{
	const char *run = scratch_at("run"), *yaml = scratch_at("a.yaml");
	file_store(yaml, CONFIG, sizeof CONFIG - 1);
	const answer a = command("%s train %s --out %s --steps 1000000 --quiet & p=$!; while ! "
		"ls %s/checkpoint-*1.h5 >/dev/null 2>&1; do sleep 0.05; done; mv %s %s.gone; wait $p",
		sagan_program(), yaml, run, run, run, run);
	ck_assert_msg(a.status == 1 && strstr(a.text, "was removed or replaced") && !strstr(a.text, "last good"), "%s",
		a.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_was_just_written_stays_beside_damaged_ones, 1},
		{damaged_ones_do_not_count_as_kept, 1},
		{a_damaged_best_one_is_put_aside, 1},
		{a_best_one_is_the_scored_one_byte_for_byte, 1},
		{a_former_best_one_is_kept_until_it_comes_again, 1},
		{a_best_one_without_permission_is_not_overwritten, 1},
		{a_run_without_permission_is_not_called_missing, 1},
		{a_newest_one_without_permission_is_not_passed_over, 1},
		{without_descriptors_nothing_is_passed_over, 1},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		{without_memory_nothing_is_put_aside, 1},
#endif
		{readers_that_are_killed_put_nothing_aside, 1},
		{a_path_that_is_too_long_is_called_so, 1},
		{a_list_that_breaks_off_is_no_empty_folder, 1},
		{a_reader_beside_a_run_always_finds_one, 1},
		{an_open_one_that_is_written_into_is_refused, 1},
		{a_lock_that_is_removed_ends_the_run, 1},
		{import_takes_the_lock_of_a_run, 1},
		{links_to_nothing_and_wrong_numbers_are_told, 1},
		{a_run_without_its_folder_stops, 1},
	};
	return suite_run("files of a run", tests, COUNT(tests), 60);
}
