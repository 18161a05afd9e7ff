/* Every case of every reference file, and that the walker notices what is wrong.
 *
 * The directory is the first argument, else $GOLDEN, else tests/golden. */
#include "core/base/local.h"
#include "tests/golden.h"

#include "core/base/thread.h"
#include "tests/suite.h"

#include <check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *directory = "tests/golden";
static fault e;

START_TEST(every_case_of_every_file)
{
	golden_count n = {0};
	ck_assert_msg(pool_start(0, &e), "%s", e.text);
	ck_assert_msg(golden_walk(directory, &n, &e), "%s", e.text);
	pool_stop();
	printf("%s: %d files, %d cases, %d failed\n", directory, n.files, n.cases, n.failed);
	ck_assert_int_eq(n.failed, 0);
	ck_assert_int_gt(n.cases, 0);
}
END_TEST

/* What is written into a small file of one case of tanh, right but for one thing. */
struct damage {
	const char *layer;
	double output, grad, weight, updated;        /* added to the right value; `weight`: 1 adds a set */
	int outputs;
	int failures;                                /* expected */
	double own;                                  /* added to the float32 result of the original; 0: it has none */
};

static bool put(h5 *f, const char *path, double x)
{
	real r = (real)x;
	return strstr(path, "64") ? h5_write_f64(f, path, SHAPE(1), &x, &e) : h5_write_real(f, path, SHAPE(1), &r, &e);
}

static void write_case(const char *path, const struct damage *w)
{
	double x = 0.5, y = tanh(x), dx = 2 * (1 - y * y);
	h5 *f = h5_create(path, &e);
	put(f, "/a/input/0", x);
	put(f, "/a/output64/0", y + w->output);
	if (w->outputs > 1)
		put(f, "/a/output64/1", y);
	if (w->own != 0)
		put(f, "/a/output/0", y + w->output + w->own);
	put(f, "/a/grad_output/0", 2);
	put(f, "/a/grad_input64/0", dx + w->grad);
	if (w->weight != 0)
		put(f, "/a/grad_weight64/00_kernel", 0);
	if (w->updated != 0)
		put(f, "/a/updated64/00_u", 0);
	h5_attr_write_text(f, "/a", "layer", w->layer, &e);
	h5_attr_write_i64(f, "/a", "float64", 1, &e);
	ck_assert_msg(h5_commit(f, &e), "%s", e.text);
}

START_TEST(a_wrong_or_missing_value_is_noticed)
{
	static const struct damage rows[] = {
		{"tanh", 0, 0, 0, 0, 1, 0, 0},
		{"tanh", 1e-5, 0, 0, 0, 1, 1, 0},
		{"tanh", NAN, 0, 0, 0, 1, 1, 0},
		{"tanh", 0, 1e-5, 0, 0, 1, 1, 0},
		{"tanh", 0, 0, 1, 0, 1, 1, 0},
		{"tanh", 0, 0, 0, 1, 1, 1, 0},
		{"tanh", 0, 0, 0, 0, 2, 1, 0},
		{"tonh", 0, 0, 0, 0, 1, 1, 0},
		/* tanh(0.5) is 0.46: four times what the original itself is off, and no more */
		{"tanh", 3.8e-5, 0, 0, 0, 1, sizeof(real) == 8, 1e-5},
		{"tanh", 4.2e-5, 0, 0, 0, 1, 1, 1e-5},
	};
	const char *path = scratch_at("case.h5");
	for (int i = 0; i < COUNT(rows); i++) {
		golden_count n = {.silent = true};
		write_case(path, &rows[i]);
		ck_assert_msg(golden_file(path, &n, &e), "%s", e.text);
		ck_assert_msg(n.cases == 1 && n.failed == rows[i].failures, "row %d: %d failures", i, n.failed);
	}
}
END_TEST

int main(int argc, char **argv)
{
	const char *dir = getenv("GOLDEN");
	directory = argc > 1 ? argv[1] : dir && *dir ? dir : directory;
	const suite_test tests[] = {
		{every_case_of_every_file, 1},
		{a_wrong_or_missing_value_is_noticed, 1},
	};
	return suite_run("golden", tests, COUNT(tests), 300);
}
