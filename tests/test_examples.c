/* test_examples.c - the programs of docs/examples/ do what they say, as their reader would run them. EXAMPLES names
 * their folder (make test sets it); build/float/examples otherwise. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/suite.h"

/* own_layer and classify leave what they made to the end of the process: the leak checker is off. */
static answer example(const char *line)
{
	const char *folder = getenv("EXAMPLES");
	return command("ASAN_OPTIONS=detect_leaks=0 %s/%s", folder && *folder ? folder : "build/float/examples", line);
}

/* The number behind `word` in the line that begins with `line`. */
static double number(const answer *a, const char *line, const char *word)
{
	double value;
	const char *at = strstr(a->text, line), *w = at ? strstr(at, word) : NULL;
	ck_assert_msg(w && sscanf(w + strlen(word), "%lf", &value) == 1, "no %s behind %s in:\n%s", word, line,
		a->text);
	return value;
}

/* 16736 = 64*64 queries + 64*128 keys and values + 64*64 output + 2*16*11 positions. */
START_TEST(a_layer_runs_alone)
{
	const answer a = example("layer");
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert_msg(strstr(a.text, "x [2,16,16,64] -> y [2,16,16,64], scores [2,4,4,4,16,36]\n16736 weights, "),
		"%s", a.text);
	ck_assert_double_eq_tol(number(&a, "16736", "loss "), 0.0401, 1e-4);
	ck_assert_double_gt(number(&a, "gradient", "weights "), 0.01);
	ck_assert_double_gt(number(&a, "gradient", "input "), 0.001);
}
END_TEST

START_TEST(an_own_layer_learns_the_ring)
{
	const answer a = example("own_layer");
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert_double_lt(number(&a, "step   0", "right "), 75);
	ck_assert_double_gt(number(&a, "step 600", "right "), 96);
	ck_assert_double_lt(number(&a, "step 600", "loss "), 0.2 * number(&a, "step   0", "loss "));
}
END_TEST

/* Two passes over 1000 digits: ten per cent are right by chance, 97 after one pass over all. */
START_TEST(a_classifier_learns_digits)
{
	const answer a = example("classify 2 1000");
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert_double_gt(number(&a, "epoch  2", "accuracy "), 75);
	ck_assert_double_lt(number(&a, "epoch  2", "loss "), 0.5 * number(&a, "epoch  1", "loss "));
}
END_TEST

START_TEST(a_classifier_says_what_is_wrong)
{
	const answer a = example("classify 1 100");
	ck_assert_int_eq(a.status, 1);
	ck_assert_msg(strstr(a.text, "classify: batch = 125: larger than the data"), "%s", a.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_layer_runs_alone, 1},
		{an_own_layer_learns_the_ring, 1},
		{a_classifier_learns_digits, 1},
		{a_classifier_says_what_is_wrong, 1},
	};
	return suite_run("examples", tests, COUNT(tests), 600);
}
