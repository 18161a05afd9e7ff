/* test_metrics.c - rows of a run's CSV files: which stay when a run goes on, and that none is lost to a read that
 * fails. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"
#include "gan/report/curves.h"
#include "gan/train/metrics.h"
#include "tests/files.h"
#include "tests/scratch.h"
#include "tests/suite.h"

static fault warning;

static metrics *open_at(int64_t step, fault *e)
{
	const step_stats none = {.gammas = 0};
	return metrics_open(scratch_folder(), step, &none, METRICS_SPREAD, &warning, e);
}

/* Rows up to the step stay, later ones and one that was cut short go. */
START_TEST(a_run_that_goes_on_drops_what_is_done_again)
{
	fault e = {.text = ""};
	file_store(scratch_at("scores.csv"), "step,score\n2,1\n4,2\n6,3\n8", 26);
	for (int k = 0; k < 2; k++) {
		metrics *m = open_at(4, &e);
		ck_assert_msg(m != NULL, "%s", e.text);
		ck_assert(metrics_close(m, &e));
		char *text = file_bytes(scratch_at("scores.csv"), NULL);
		ck_assert_str_eq(text, "step,score\n2,1\n4,2\n");
		free(text);
	}
	metrics *m = open_at(0, &e);
	const judgement j = {.score = 0.5, .has_spread = true, .mean = 0.75, .lowest = 0.25, .lowest_class = 3};
	ck_assert_msg(m && metrics_score(m, 1, &j, &e) && metrics_close(m, &e), "%s", e.text);
	char *text = file_bytes(scratch_at("scores.csv"), NULL);
	ck_assert_str_eq(text, "step,score\n1,0.5\n");
	free(text);
	text = file_bytes(scratch_at("spread.csv"), NULL);
	ck_assert_str_eq(text, "step,mean,lowest,class\n1,0.75,0.25,3\n");
	free(text);
}
END_TEST

/* The row says of which process it is, also behind rows of before that column. */
START_TEST(times_are_of_processes)
{
	static const char old[] = "step,seconds,images_per_s\n2,0.106,40.0\n4,0.5,41.0\n6,0.9,41.0\n";
	fault e = {.text = ""};
	file_store(scratch_at("timing.csv"), old, sizeof old - 1);
	for (int k = 0; k < 2; k++) {
		metrics *m = open_at(4 + k, &e);
		ck_assert_msg(m && !warning.text[0], "%s%s", e.text, warning.text);
		ck_assert_msg(metrics_time(m, 5 + k, 0.25, 42, &e) && metrics_close(m, &e), "%s", e.text);
	}
	char *text = file_bytes(scratch_at("timing.csv"), NULL);
	ck_assert_str_eq(text, "step,seconds,images_per_s,from\n2,0.106,40.0,\n4,0.5,41.0,\n"
		"5,0.250,42.0,4\n6,0.250,42.0,5\n");
	free(text);
}
END_TEST

/* Longer than what is read at once: every row is still there. */
START_TEST(long_files_are_read_to_their_end)
{
	enum { ROWS = 20000 };
	static char text[12 * ROWS + 64];
	fault e = {.text = ""};
	size_t n = (size_t)sprintf(text, "step,score\n");
	for (int i = 1; i <= ROWS; i++)
		n += (size_t)sprintf(text + n, "%d,0.5\n", i);
	file_store(scratch_at("scores.csv"), text, n);
	metrics *m = open_at(ROWS, &e);
	ck_assert_msg(m && metrics_close(m, &e), "%s", e.text);
	size_t have;
	char *after = file_bytes(scratch_at("scores.csv"), &have);
	ck_assert(have == n && memcmp(after, text, n) == 0);
	free(after);
}
END_TEST

/* What opens but cannot be read (memory that is not there) is neither an empty file nor a short one. */
START_TEST(a_read_that_fails_is_told)
{
	fault e = {.text = ""};
	ck_assert_int_eq(symlink("/proc/self/mem", scratch_at("metrics.csv")), 0);
	ck_assert_ptr_null(open_at(4, &e));
	ck_assert_msg(strstr(e.text, "metrics.csv: cannot be read"), "%s", e.text);
	const picture_about about = {.step = -1, .seed = -1};
	ck_assert(!curves_picture(curves_find("loss"), scratch_folder(), scratch_at("loss.png"), &about, &e));
	ck_assert_msg(strstr(e.text, "metrics.csv: cannot be read"), "%s", e.text);
}
END_TEST

/* A line that is no row costs itself, and stays beside. */
START_TEST(a_stray_line_costs_no_row)
{
	static const char text[] = "step,score\n2,1\nfinishing step 3 and saving\n4,2\n5,2,2\n6,3\n\0\0\n7,1\n9,2\n1";
	fault e = {.text = ""};
	file_store(scratch_at("scores.csv"), text, sizeof text - 1);
	metrics *m = open_at(7, &e);
	ck_assert_msg(m && metrics_sync(m, &e) && metrics_close(m, &e), "%s", e.text);
	ck_assert_msg(strstr(warning.text, "scores.csv: 3 lines are no rows"), "%s", warning.text);
	char *rows = file_bytes(scratch_at("scores.csv"), NULL);
	ck_assert_str_eq(rows, "step,score\n2,1\n4,2\n6,3\n7,1\n");
	free(rows);
	size_t n;
	rows = file_bytes(scratch_at("stray-scores.csv"), &n);
	static const char stray[] = "finishing step 3 and saving\n5,2,2\n\0\0\n";
	ck_assert(n == sizeof stray - 1 && memcmp(rows, stray, n) == 0);
	free(rows);
	m = open_at(7, &e);
	ck_assert_msg(m && metrics_close(m, &e) && !warning.text[0], "%s%s", e.text, warning.text);
	/* one warning tells of all files */
	static const char times[] = "step,seconds,images_per_s,from\n2,1,1,0\nkilled\n";
	file_store(scratch_at("timing.csv"), times, sizeof times - 1);
	file_store(scratch_at("scores.csv"), text, sizeof text - 1);
	m = open_at(7, &e);
	ck_assert_msg(m && metrics_close(m, &e), "%s", e.text);
	ck_assert_msg(strstr(warning.text, "/timing.csv: 1 line is no row, and in ") && strstr(warning.text,
		"stray-timing.csv now; scores.csv: 3 lines are no rows, and in stray-scores.csv now"), "%s",
		warning.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_run_that_goes_on_drops_what_is_done_again, 1},
		{times_are_of_processes, 1},
		{long_files_are_read_to_their_end, 1},
		{a_read_that_fails_is_told, 1},
		{a_stray_line_costs_no_row, 1},
	};
	return suite_run("metrics", tests, COUNT(tests), 60);
}
