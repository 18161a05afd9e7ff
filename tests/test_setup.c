/* test_setup.c - how the program gets to a machine and goes again.
 *
 * tools/setup.sh runs on machines that are made up: a folder with the few programs it may find is the whole PATH, and
 * pkg-config, apt-get, id and sudo in it are scripts of this test. Installing and packing are tried for real, by
 * scripts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/base.h"
#include "core/base/local.h"
#include "tests/command.h"
#include "tests/suite.h"

/* Puts a script called `name` into the folder. */
static void script(const char *name, const char *text)
{
	const char *path = scratch_at(name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert(fprintf(f, "#!/bin/sh\n%s\n", text) > 0 && fclose(f) == 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

/* A machine without any library, whose user is `uid`. */
static void bare_machine(int uid)
{
	static const char *const tools[] = {"grep", "tail", "mktemp", "rm", "touch"};
	char text[64];
	for (int i = 0; i < COUNT(tools); i++) {
		snprintf(text, sizeof text, "PATH=/usr/bin:/bin exec %s \"$@\"", tools[i]);
		script(tools[i], text);
	}
	/* Not the real one: it would look for apt-get in its own PATH. */
	script("env", "export \"$1\"; shift; exec \"$@\"");
	snprintf(text, sizeof text, "echo %d", uid);
	script("id", text);
}

static answer setup(const char *what)
{
	return command("unset DEBIAN_FRONTEND CC; PATH=%s /bin/sh tools/setup.sh %s zlib check", scratch_folder(),
		what);
}

static void must_say(const answer *a, int status, int lines, const char *words)
{
	ck_assert_msg(a->status == status && a->lines == lines && strstr(a->text, words),
		      "status %d, %d lines: %.2000s", a->status, a->lines, a->text);
}

START_TEST(nothing_missing_says_nothing)
{
	bare_machine(1000);
	script("pkg-config", "exit 0");
	for (int i = 0; i < 2; i++) {
		const answer a = setup(i ? "install" : "check");
		must_say(&a, 0, 0, "");
	}
}
END_TEST

START_TEST(check_names_what_is_missing)
{
	bare_machine(0);
	answer a = setup("check");
	must_say(&a, 1, 1, "missing: pkg-config zlib1g-dev check. ");
	script("pkg-config", "[ \"$2\" = zlib ]");
	a = setup("check");
	must_say(&a, 1, 1, "missing: check. ");
}
END_TEST

/* An MPI is in no list of packages: `make demo` installs none, and `make test` any. */
START_TEST(check_names_the_mpi_that_is_missing)
{
	static const struct {
		const char *name, *words;
	} row[] = {
		{"ompi-c", "missing: libopenmpi-dev openmpi-bin. To install it: apt-get install libopenmpi-dev "
			"openmpi-bin\n"},
		{"mpich", "missing: libmpich-dev mpich. To install it: apt-get install libmpich-dev mpich\n"},
	};
	bare_machine(0);
	script("pkg-config", "[ \"$2\" = zlib ]");
	for (int i = 0; i < COUNT(row); i++) {
		const answer a = command("unset CC; PATH=%s /bin/sh tools/setup.sh check zlib %s", scratch_folder(),
			row[i].name);
		must_say(&a, 1, 1, row[i].words);
	}
}
END_TEST

/* What make would run for the first file of a build: what is missing is looked for there. */
static answer make_first(const char *variables)
{
	return command("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n REAL=float SAN= COVERAGE= MPI= BUILD=%s %s "
		"%s/float/.flags", scratch_folder(), variables, scratch_folder());
}

START_TEST(variables_of_make_are_checked)
{
	static const struct {
		const char *variables, *says;
	} wrong[] = {
		{"REAL=Double", "REAL = Double: must be float or double."},
		{"REAL=", "REAL = : must be float or double."},
		{"REAL='float double'", "REAL = float double: must be float or double."},
		{"MPI=no", "MPI = no: must be 1, auto, 0 or a name that pkg-config knows: ompi-c mpich."},
		{"MPI='1 mpich'", "MPI = 1 mpich: must be "},
	}, right[] = {
		{"MPI=mpich", " protoc-c mpich\n"}, {"MPI=0", " protoc-c \n"}, {"COVERAGE=0", " protoc-c \n"},
	};
	for (int i = 0; i < COUNT(wrong); i++) {
		const answer a = make_first(wrong[i].variables);
		must_say(&a, 2, 1, wrong[i].says);
	}
	for (int i = 0; i < COUNT(right); i++) {
		const answer a = make_first(right[i].variables);
		ck_assert_msg(a.status == 0 && strstr(a.text, right[i].says), "%s: %d: %.2000s", right[i].variables,
			a.status, a.text);
	}
}
END_TEST

START_TEST(neither_root_nor_sudo_says_what_to_ask_for)
{
	bare_machine(1000);
	script("apt-get", "exit 0");
	const answer a = setup("install");
	must_say(&a, 1, 1, "neither root nor sudo here. Ask for: apt-get install pkg-config zlib1g-dev check");
}
END_TEST

/* A machine with old lists of packages: installing works after an update, and without questions. */
START_TEST(lists_are_updated_and_sudo_is_used)
{
	char text[700];
	bare_machine(1000);
	script("sudo", "SUDO=1; export SUDO; exec \"$@\"");
	snprintf(text, sizeof text, "[ \"$SUDO\" ] && [ \"$DEBIAN_FRONTEND\" = noninteractive ] || exit 9\n"
		 "if [ $1 = update ]; then touch %s/updated; fi\n[ -e %s/updated ]", scratch_folder(),
		 scratch_folder());
	script("apt-get", text);
	const answer a = setup("install");
	must_say(&a, 0, 1, "installing with apt-get (a minute or so): pkg-config zlib1g-dev check");
}
END_TEST

/* apt-get says hundreds of lines then; the one that explains is passed on. */
START_TEST(no_network_is_one_line)
{
	bare_machine(0);
	script("apt-get", "i=0; while [ $i -lt 200 ]; do echo Ign:$i http; i=$((i + 1)); done\n"
	       "echo 'E: Failed to fetch http://deb/x  Temporary failure resolving deb'\n"
	       "echo 'E: Unable to fetch some archives'; [ $1 = update ] || exit 100");
	const answer a = setup("install");
	must_say(&a, 1, 2, "apt-get could not install: pkg-config zlib1g-dev check; it said: E: Failed to fetch "
		 "http://deb/x  Temporary failure");
}
END_TEST

/* A compiler is a script, too: what it predefines says what it compiles for. */
START_TEST(compilers_without_64_bits_are_refused)
{
	static const struct {
		const char *cc, *says, *words;
		int status, lines;
	} row[] = {
		{"here -O3", "echo '#define __SIZEOF_POINTER__ 8'", "", 0, 0},
		{"here -m32", "echo '#define __SIZEOF_POINTER__ 4'",
		 "needs a 64-bit system: `here -m32` compiles for 32 bits", 1, 1},
		{"here -march=odd", "echo 'odd: what is that' >&2; echo usage >&2; exit 4",
		 "the C compiler `here -march=odd` does not run: odd: what is that. CC=", 1, 1},
		{"elsewhere", "", "the C compiler `elsewhere` does not run: ", 1, 1},
	};
	bare_machine(1000);
	script("head", "PATH=/usr/bin:/bin exec head \"$@\"");
	script("pkg-config", "exit 0");
	for (int i = 0; i < COUNT(row); i++) {
		script("here", row[i].says);
		for (int k = 0; k < 2; k++) {
			const answer a = command("CC='%s' PATH=%s /bin/sh tools/setup.sh %s zlib", row[i].cc,
						 scratch_folder(), k ? "install" : "check");
			must_say(&a, row[i].status, row[i].lines, row[i].words);
		}
	}
}
END_TEST

START_TEST(install_is_complete_and_goes_again)
{
	const answer a = command("tests/install.sh '%s' %s %s", sagan_program(),
				 sizeof(real) == sizeof(double) ? "double" : "float", scratch_folder());
	must_say(&a, 0, 0, "");
}
END_TEST

START_TEST(dist_packs_a_commit_or_refuses)
{
	const answer a = command("tests/dist.sh %s", scratch_folder());
	must_say(&a, 0, 0, "");
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{nothing_missing_says_nothing, 1},
		{check_names_what_is_missing, 1},
		{check_names_the_mpi_that_is_missing, 1},
		{variables_of_make_are_checked, 1},
		{neither_root_nor_sudo_says_what_to_ask_for, 1},
		{lists_are_updated_and_sudo_is_used, 1},
		{no_network_is_one_line, 1},
		{compilers_without_64_bits_are_refused, 1},
		{install_is_complete_and_goes_again, 1},
		{dist_packs_a_commit_or_refuses, 1},
	};
	return suite_run("set-up", tests, COUNT(tests), 300);
}
