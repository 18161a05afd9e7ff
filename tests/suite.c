#include "tests/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t suite_seed(void)
{
	const char *given = getenv("SAGAN_SEED");
	const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("SAGAN_SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	return seed;
}

/* SAGAN_TEST=WORD runs the tests that have the word in their name, for the moment in which one of them is mended. */
static bool is_asked_for(const suite_test *t)
{
	const char *word = getenv("SAGAN_TEST");
	return !word || strstr(t->test->name, word);
}

bool suite_knows(const char *variable, const char *(*name)(int i), int n)
{
	const char *given = getenv(variable);
	bool known = !given;
	for (int i = 0; !known && i < n; i++)
		known = strcmp(given, name(i)) == 0;
	if (known)
		return true;
	printf("%s=%s: must be one of", variable, given);
	for (int i = 0; i < n; i++)
		printf("%s%s", i ? ", " : " ", name(i));
	printf("\n");
	return false;
}

static bool has_tests(const suite_case *cases, int n)
{
	int times = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < cases[i].count; k++)
			times += cases[i].tests[k].times;
	return times > 0;
}

static TCase *case_new(const suite_case *c, int timeout)
{
	TCase *t = tcase_create(c->name);
	tcase_set_timeout(t, c->timeout ? c->timeout : timeout);
	tcase_add_unchecked_fixture(t, c->setup_once, c->teardown_once);
	tcase_add_checked_fixture(t, NULL, scratch_drop);
	tcase_add_checked_fixture(t, c->setup, c->teardown);    /* its teardown comes first */
	for (int i = 0; i < c->count; i++)
		if (is_asked_for(&c->tests[i]))
			tcase_add_loop_test_raise_signal(t, c->tests[i].test, c->signal, 0, c->tests[i].times);
	return t;
}

int suite_run_cases(const char *name, const suite_case *cases, int n, int timeout)
{
	Suite *s = suite_create(name);
	SRunner *r = srunner_create(s);
	for (int i = 0; i < n; i++)
		if (!cases[i].signal || srunner_fork_status(r) == CK_FORK)
			suite_add_tcase(s, case_new(&cases[i], timeout));
	scratch_open();
	srunner_run_all(r, CK_ENV);
	const int failed = srunner_ntests_failed(r);
	const bool none = srunner_ntests_run(r) == 0 && has_tests(cases, n);
	if (none)
		printf("%s: no test is chosen by the variables of tests/suite.h\n", name);
	srunner_free(r);
	scratch_close();
	return failed || none ? EXIT_FAILURE : EXIT_SUCCESS;
}

int suite_run(const char *name, const suite_test *tests, int n, int timeout)
{
	return suite_run_cases(name, &(suite_case){.name = name, .tests = tests, .count = n}, 1, timeout);
}
