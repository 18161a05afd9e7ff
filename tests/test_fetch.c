/* test_fetch.c - tools/fetch-data.sh against a server of this machine (tests/serve.py): whole files, files that end too
 * early, wrong ones, and what an interrupted fetch left. Skipped where curl or python3 is missing. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

static pid_t server;
static char port[32];

static bool can_serve(void)
{
	return command("command -v curl && command -v python3 && command -v md5sum && command -v tar").status == 0;
}

/* The folder "served" of the test, on a port of its own. */
static void start(void)
{
	if (!can_serve())
		return;
	file_store(scratch_at("served/.keep"), "", 0);
	const char *folder = scratch_at("served"), *said = scratch_at("port");
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		execlp("python3", "python3", "tests/serve.py", folder, said, (char *)NULL);
		_exit(9);
	}
	for (int i = 0; i < 1000 && access(said, F_OK) != 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	FILE *f = fopen(said, "r");
	ck_assert_msg(f && fscanf(f, "%31s", port) == 1, "the server says no port");
	fclose(f);
}

static void stop(void)
{
	if (server > 0) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

/* A file of n bytes in the served folder; its row in the table. */
static void serve(const char *set, const char *name, size_t n)
{
	char *bytes = malloc(n), at[256];
	ck_assert(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	snprintf(at, sizeof at, "served/%s", name);
	file_store(scratch_at(at), bytes, n);
	free(bytes);
	const answer a = command("cd %s && echo \"file %s %s $(md5sum <served/%s | cut -d ' ' -f 1) %zu\" >>table && "
		"grep -q '^mirror %s ' table || echo 'mirror %s http://127.0.0.1:%s' >>table", scratch_folder(), set,
		name, name, n, set, set, port);
	ck_assert_msg(a.status == 0, "%s", a.text);
}

static answer fetch(const char *set)
{
	return command("TABLE=%s/table tools/fetch-data.sh %s %s/data", scratch_folder(), set, scratch_folder());
}

static void same(const char *a, const char *b)
{
	size_t n, m;
	char *x = file_bytes(scratch_at(a), &n), *y = file_bytes(scratch_at(b), &m);
	ck_assert_msg(n == m && memcmp(x, y, n) == 0, "%s and %s differ", a, b);
	free(x);
	free(y);
}

/* What the server has sent: "/one.gz from 0\n.." */
static void must_have_sent(const char *want)
{
	char *text = file_bytes(scratch_at("served/log"), NULL);
	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(a_set_is_fetched_with_its_sizes)
{
	if (!can_serve())
		return;
	serve("digits", "one.gz", 1200000);
	serve("digits", "two.gz", 4500);
	answer a = fetch("digits");
	ck_assert_msg(a.status == 0 && strstr(a.text, "/one.gz (1.2 MB)\n") && strstr(a.text, "/two.gz (4.5 kB)\n")
		&& strstr(a.text, "digits is in "), "%s", a.text);
	same("served/one.gz", "data/digits/one.gz");
	same("served/two.gz", "data/digits/two.gz");
	ck_assert(access(scratch_at("data/.fetch"), F_OK) != 0);
	a = fetch("digits");
	ck_assert_msg(a.status == 0 && strstr(a.text, "one.gz is there") && strstr(a.text, "two.gz is there"), "%s",
		a.text);
	must_have_sent("/one.gz from 0\n/two.gz from 0\n");
	a = fetch("letters");
	ck_assert_msg(a.status == 2 && strstr(a.text, "usage: ") && strstr(a.text, "digits|all"), "%s", a.text);
}
END_TEST

/* The connection ends after 5,000 bytes, each time: three commands fetch 12,000, none of them twice. */
START_TEST(a_fetch_goes_on_where_it_ended)
{
	if (!can_serve())
		return;
	serve("digits", "one.gz", 12000);
	file_store(scratch_at("served/one.gz.cut"), "5000", 4);
	answer a = fetch("digits");
	ck_assert_msg(a.status == 1 && strstr(a.text, "one.gz: 5000 of 12000 bytes came\n")
		&& strstr(a.text, "the same command goes on from there"), "%s", a.text);
	ck_assert(access(scratch_at("data/digits/one.gz"), F_OK) != 0);
	a = fetch("digits");
	ck_assert_msg(a.status == 1 && strstr(a.text, "(12 kB, of which 5.0 kB are here)")
		&& strstr(a.text, "10000 of 12000"), "%s", a.text);
	a = fetch("digits");
	ck_assert_msg(a.status == 0, "%s", a.text);
	same("served/one.gz", "data/digits/one.gz");
	must_have_sent("/one.gz from 0\n/one.gz from 5000\n/one.gz from 10000\n");
}
END_TEST

/* What is there is thrown away for the whole file. */
START_TEST(a_server_that_knows_no_parts_gives_the_file_anew)
{
	if (!can_serve())
		return;
	serve("digits", "one.gz", 9000);
	file_store(scratch_at("served/whole-only"), "", 0);
	file_store(scratch_at("data/.fetch/digits/one.gz"), "half", 4);
	const answer a = fetch("digits");
	ck_assert_msg(a.status == 0, "%s", a.text);
	same("served/one.gz", "data/digits/one.gz");
}
END_TEST

/* Of the right length and not; the second mirror has the right one. Without it nothing is put in place. */
START_TEST(a_wrong_file_is_not_used)
{
	if (!can_serve())
		return;
	serve("digits", "one.gz", 9000);
	char *bytes = file_bytes(scratch_at("served/one.gz"), NULL);
	bytes[8999] ^= 1;
	file_store(scratch_at("served/bad/one.gz"), bytes, 9000);
	file_store(scratch_at("served/long/one.gz"), bytes, 9001);
	free(bytes);
	answer a = command("MIRROR=http://127.0.0.1:%s/bad TABLE=%s/table tools/fetch-data.sh digits %s/data", port,
		scratch_folder(), scratch_folder());
	ck_assert_msg(a.status == 0 && strstr(a.text, "/bad/one.gz: 9000 bytes with MD5 ")
		&& strstr(a.text, ": not used\n"), "%s", a.text);
	same("served/one.gz", "data/digits/one.gz");
	const char *dir = scratch_folder();
	for (int i = 0; i < 2; i++) {
		a = command("sed 's#^mirror.*#mirror digits http://127.0.0.1:%s/%s#' %s/table >%s/other; "
			"TABLE=%s/other tools/fetch-data.sh digits %s/elsewhere", port,
			i ? "long" : "bad", dir, dir, dir, dir);
		ck_assert_msg(a.status == 1 && strstr(a.text, "one.gz: no mirror delivered the right file"), "%s",
			a.text);
	}
	ck_assert(access(scratch_at("elsewhere/digits/one.gz"), F_OK) != 0);
}
END_TEST

/* A part that is no part of this file: it is found out, and the file fetched anew. */
START_TEST(a_part_of_something_else_does_no_harm)
{
	if (!can_serve())
		return;
	serve("digits", "one.gz", 9000);
	file_store(scratch_at("data/.fetch/digits/one.gz"), "something else", 14);
	const answer a = fetch("digits");
	ck_assert_msg(a.status == 0 && strstr(a.text, ": not used\n"), "%s", a.text);
	same("served/one.gz", "data/digits/one.gz");
}
END_TEST

/* An archive becomes a folder, or nothing. */
START_TEST(an_archive_becomes_a_folder)
{
	if (!can_serve())
		return;
	answer a = command("cd %s && mkdir pictures-bin && echo a >pictures-bin/a.bin && echo b >pictures-bin/b.bin && "
		"tar -czf served/pictures.tar.gz pictures-bin && echo \"file pictures pictures.tar.gz "
		"$(md5sum <served/pictures.tar.gz | cut -d ' ' -f 1) $(wc -c <served/pictures.tar.gz)\" >table && "
		"echo 'mirror pictures http://127.0.0.1:%s' >>table && echo 'unpack pictures pictures-bin' >>table",
		scratch_folder(), port);
	ck_assert_msg(a.status == 0, "%s", a.text);
	a = fetch("all");
	ck_assert_msg(a.status == 0 && strstr(a.text, "pictures is in "), "%s", a.text);
	same("pictures-bin/a.bin", "data/pictures/a.bin");
	same("pictures-bin/b.bin", "data/pictures/b.bin");
	a = fetch("pictures");
	ck_assert_msg(a.status == 0 && strstr(a.text, "is there; remove it to fetch it again"), "%s", a.text);
}
END_TEST

/* The shipped digits are the official files: the table has their sums and sizes. */
START_TEST(the_table_knows_the_digits_that_are_shipped)
{
	char here[512];
	ck_assert(getcwd(here, sizeof here) != NULL);
	if (!can_serve())
		return;
	const answer a = command("MIRROR=file://%s/data/mnist tools/fetch-data.sh mnist %s/data", here,
		scratch_folder());
	ck_assert_msg(a.status == 0 && strstr(a.text, "train-images-idx3-ubyte.gz (9.9 MB)"), "%s", a.text);
	ck_assert_int_eq(command("cmp data/mnist/t10k-labels-idx1-ubyte.gz %s/data/mnist/t10k-labels-idx1-ubyte.gz",
		scratch_folder()).status, 0);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_set_is_fetched_with_its_sizes, 1},
		{a_fetch_goes_on_where_it_ended, 1},
		{a_server_that_knows_no_parts_gives_the_file_anew, 1},
		{a_wrong_file_is_not_used, 1},
		{a_part_of_something_else_does_no_harm, 1},
		{an_archive_becomes_a_folder, 1},
		{the_table_knows_the_digits_that_are_shipped, 1},
	};
	const suite_case fetches = {"fetch", TESTS(tests), .timeout = 120, .setup = start, .teardown = stop};
	return suite_run_cases("fetch", &fetches, 1, 120);
}
