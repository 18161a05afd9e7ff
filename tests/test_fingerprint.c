/* test_fingerprint.c - what decides bits is kept in the checkpoint, and a run that goes on elsewhere says so. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/base/level.h"
#include "core/base/local.h"
#include "core/kernels/fingerprint.h"
#include "gan/checkpoint/checkpoint.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

static const char SMALL[] = "name: small\nsteps: 4\nbatch: 4\ndata: {format: random}\n"
	"model: {network: resnet, size: 16, channels: 1, classes: 2, g_channels: 8, d_channels: 8}\n"
	"train: {log_every: 2, sample_every: 0, sample_count: 4}\nscore: {count: 0}\n";

START_TEST(a_text_equals_itself_and_shows_what_differs)
{
	char now[FINGERPRINT_TEXT], other[FINGERPRINT_TEXT], what[FINGERPRINT_TEXT], line[FINGERPRINT_LINE];
	bool certain;
	fingerprint_row r;
	fingerprint_now(now);
	ck_assert(!fingerprint_differs(now, what, &certain) && !certain && !what[0]);
	ck_assert(!fingerprint_line(now, 7, line, &certain));
	for (int i = 0; fingerprint_at(i, &r); i++) {
		char name[80], *at;
		snprintf(name, sizeof name, "%s: ", r.name);
		snprintf(other, sizeof other, "%s", now);
		at = strstr(other, name);
		ck_assert_msg(at != NULL, "%s is not in %s", r.name, now);
		at[strlen(name)] ^= 1;
		ck_assert(fingerprint_differs(other, what, &certain));
		ck_assert_int_eq(certain, r.certain);
		ck_assert_msg(strncmp(what, r.name, strlen(r.name)) == 0 && !strstr(what, ";") && strstr(what,
			", here "),
			"%s", what);
		ck_assert(fingerprint_line(other, 7, line, &certain));
		ck_assert_msg(strstr(line, r.certain ? "from step 7 on the bits will differ" : "the bits may differ")
			&& !strchr(line, '\n'), "%s", line);
	}
	/* Rows that one of both does not know say nothing; an older file says that it says nothing. */
	ck_assert(!fingerprint_differs("moon: full", what, &certain));
	ck_assert(fingerprint_line("", 3, line, &certain) && !certain);
	ck_assert_msg(strstr(line, "does not say what it was computed with: from step 3 on"), "%s", line);
}
END_TEST

START_TEST(who_goes_on_with_other_arithmetic_is_told)
{
	const char *config = scratch_at("run.yaml"), *run = scratch_at("run");
	file_store(config, SMALL, strlen(SMALL));
	answer a = sagan("train %s --out %s --steps 1", config, run);
	ck_assert_msg(a.status == 0 && !strstr(a.text, "other arithmetic"), "%s", a.text);
	a = sagan("info %s", run);
	ck_assert_msg(strstr(a.text, "computed with precision: " REAL_NAME "; sums: ") && !strstr(a.text,
		"other than here"),
		"%s", a.text);
	a = sagan("train %s --out %s --steps 2", config, run);
	ck_assert_msg(a.status == 0 && strstr(a.text, "going on from") && !strstr(a.text, "other arithmetic"), "%s",
		a.text);
	a = command("SAGAN_CONV=direct %s train %s --out %s --steps 3", sagan_program(), config, run);
	ck_assert_msg(a.status == 0 && strstr(a.text,
		"warning: other arithmetic than the checkpoint's: convolutions fastest, "
		"here direct: from step 2 on the bits will differ from those of a run that stayed there"), "%s",
		a.text);
	a = sagan("info %s", run);
	ck_assert_msg(strstr(a.text, "convolutions: direct") && strstr(a.text,
		"other than here: convolutions direct, here "
		"fastest"), "%s", a.text);
	if (level_has(LEVEL_V3)) {
		a = command("SAGAN_CONV=direct SAGAN_LEVEL=base %s train %s --out %s --steps 4", sagan_program(),
			config, run);
		ck_assert_msg(a.status == 0 && strstr(a.text, ": sums fused, here rounded twice: from step 3 on"),
			"%s", a.text);
	}
}
END_TEST

START_TEST(the_program_tells_what_it_is)
{
	fingerprint_row r;
	const answer a = sagan("info --build");
	ck_assert_msg(a.status == 0 && strstr(a.text, "\n  readers "), "%s", a.text);
	for (int i = 0; fingerprint_at(i, &r); i++)
		ck_assert_msg(strstr(a.text, r.name) && strstr(a.text, r.value), "%s: %s", r.name, a.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_text_equals_itself_and_shows_what_differs, 1},
		{who_goes_on_with_other_arithmetic_is_told, 1},
		{the_program_tells_what_it_is, 1},
	};
	return suite_run("fingerprint", tests, COUNT(tests), 120);
}
