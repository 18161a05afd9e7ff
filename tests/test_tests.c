/* test_tests.c - what judges is not content where it has judged nothing: main functions of tests, and scripts. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/suite.h"

static const char *self;

static void must_fail(const char *says, const answer *a)
{
	ck_assert_msg(a->status > 0 && strstr(a->text, says), "status %d: %s", a->status, a->text);
}

START_TEST(a_program_that_ran_no_test_fails)
{
	static const char *const nothing[] = {"SAGAN_TEST=nosuchword", "CK_RUN_CASE=nosuchword",
		"CK_RUN_SUITE=nosuchword"};
	for (int i = 0; i < COUNT(nothing); i++) {
		const answer a = command("%s %s", nothing[i], self);
		must_fail("tests: no test is chosen by the variables of tests/suite.h\n", &a);
	}
	const answer a = command("SAGAN_TEST=no_programs %s", self);
	ck_assert_msg(a.status == 0 && strstr(a.text, "Checks: 1,"), "%s", a.text);
}
END_TEST

START_TEST(no_programs_do_not_pass)
{
	const answer a = command("tests/run.sh");
	must_fail("usage: ", &a);
}
END_TEST

START_TEST(a_folder_without_counts_is_not_covered)
{
	const answer a = command("tests/coverage.sh %s", scratch_folder());
	must_fail("nothing is counted there\n", &a);
}
END_TEST

START_TEST(a_program_that_does_not_start_has_no_bits)
{
	static const char *const rows[] = {"/nowhere/sagan", "false"};
	for (int i = 0; i < COUNT(rows); i++) {
		const answer a = command("tools/same-bits.sh %s", rows[i]);
		must_fail(": starts at no level: ", &a);
	}
}
END_TEST

/* Programs beside this one, and a script, that choose what they try. */
START_TEST(choices_of_nothing_are_refused)
{
	static const struct {
		const char *variable, *program, *says;
	} rows[] = {
		{"COMMAND=nosuch", "test_faults", "COMMAND=nosuch: must be one of train, "},
		{"CALL=nosuch", "test_faults", "CALL=nosuch: must be one of malloc, "},
		{"FAULT='info nosuch 12 1'", "test_faults", "FAULT=info nosuch 12 1: must be "},
		{"FAULT='nosuch malloc 12 1'", "test_faults", "FAULT=nosuch malloc 12 1: must be "},
		{"FAULT='info malloc 12'", "test_faults", "FAULT=info malloc 12: must be "},
		{"SUBJECT=nosuch", "test_memory", "SUBJECT=nosuch: must be one of "},
		{"SUBJECT=text ALLOCATION=0", "test_memory", "text: ALLOCATION=0: must be 1 to "},
		{"", "fuzz_keras 0", "fuzz_keras 0 : no file would be tried"},
		{"", "fuzz_keras 10 0 99", "fuzz_keras 10 99: no file would be tried"},
		{"", "torture/torture 0", "torture 0 : nothing would be tried"},
		{"", "torture/torture 10 1 nosuch", "torture 10 nosuch: nothing would be tried"},
	};
	const int n = (int)(strrchr(self, '/') - self);
	for (int i = 0; i < COUNT(rows); i++) {
		const answer a = command("SAGAN_TEST= FAULTS_SHIM=/nowhere %s %.*s/%s", rows[i].variable, n, self,
			rows[i].program);
		must_fail(rows[i].says, &a);
	}
	const answer keras = command("tests/keras/run.sh %s %s keras3-tf nosuch", sagan_program(), scratch_at("work"));
	must_fail("test-keras: nosuch: must be one of keras2.15, ", &keras);
	if (command("command -v python3").status == 0) {
		const answer ranks = command("python3 tests/ranks/kill.py %s 0", sagan_program());
		must_fail("KILLS=0: nothing would be killed", &ranks);
	}
}
END_TEST

int main(int argc, char **argv)
{
	self = argc ? argv[0] : "";
	const suite_test tests[] = {
		{a_program_that_ran_no_test_fails, 1},
		{no_programs_do_not_pass, 1},
		{a_folder_without_counts_is_not_covered, 1},
		{a_program_that_does_not_start_has_no_bits, 1},
		{choices_of_nothing_are_refused, 1},
	};
	return suite_run("tests", tests, COUNT(tests), 60);
}
