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
	srunner_free(r);
	scratch_close();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int suite_run(const char *name, const suite_test *tests, int n, int timeout)
{
	return suite_run_cases(name, &(suite_case){.name = name, .tests = tests, .count = n}, 1, timeout);
}
