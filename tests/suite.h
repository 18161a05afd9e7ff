/* suite.h - the main function of a test program: tables of tests, run by libcheck as its environment variables say
 * (CK_FORK, CK_VERBOSITY, CK_RUN_CASE, CK_RUN_SUITE) and SAGAN_TEST, a word in the names of tests. Folders of a test
 * come from tests/scratch.h and go when it ends. */
#ifndef SAGAN_TESTS_SUITE_H
#define SAGAN_TESTS_SUITE_H

#include <check.h>

#include "core/base/base.h"
#include "core/base/local.h"
#include "tests/scratch.h"

/* Run for _i = 0 .. times - 1. */
typedef struct suite_test {
	const TTest *test;
	int times;
} suite_test;

/* Tests with something in common; what is left out is NULL or 0. */
typedef struct suite_case {
	const char *name;
	const suite_test *tests;
	int count;
	int timeout;                                 /* seconds of one test; 0: as the suite's */
	int signal;                                  /* ends every test, each in a process; CK_FORK=no skips them */
	void (*setup)(void), (*teardown)(void);      /* around each test, in its process */
	void (*setup_once)(void), (*teardown_once)(void);       /* around all, in the program's process */
} suite_case;

/* The fields tests and count. */
#define TESTS(array) .tests = (array), .count = COUNT(array)

/* For a test that wants other moments or numbers at every run: SAGAN_SEED, or the clock. Prints it, so that the run can
 * be had again. */
uint64_t suite_seed(void);

/* For a variable of the environment by which one of n things is chosen: whether it is not set, or one of them has that
 * name. Else a line says which there are. */
bool suite_knows(const char *variable, const char *(*name)(int i), int n);

/* Runs everything, prints check's summary; the exit status of main: where variables leave nothing of what is
 * there, too, it is a failure. */
int suite_run(const char *name, const suite_test *tests, int n, int timeout);
int suite_run_cases(const char *name, const suite_case *cases, int n, int timeout);

#endif
