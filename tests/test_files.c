/* test_files.c - writing: what is at the path decides, nothing of a user's is lost, temporary files go. Reading:
 * nothing that could wait for ever is opened, and a folder that cannot be read whole is not believed.
 *
 * Rights mean nothing to root: what is about them runs as nobody. */
#define _GNU_SOURCE                                  /* RTLD_NEXT, S_ISSOCK, mknod */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/expect.h"
#include "tests/faults/readdir.h"
#include "tests/files.h"
#include "tests/suite.h"


/* Both ways to write bytes: at once, and piece by piece. */
static bool write_it(bool draft, const char *path, const char *text, fault *e)
{
	if (!draft)
		return file_replace(path, text, strlen(text), e);
	file_draft *d = file_draft_new(path, e);
	if (d && file_draft_write(d, text, 1, e) && file_draft_write(d, text + 1, strlen(text) - 1, e))
		return file_draft_commit(d, e);
	file_draft_free(d);
	return false;
}

static void holds(const char *path, const char *text)
{
	size_t n;
	char *x = file_bytes(path, &n);
	ck_assert_str_eq(x, text);
	free(x);
}

static mode_t kind_at(const char *path)
{
	struct stat st;
	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & S_IFMT;
}

/* ---- what is at the path ---- */

START_TEST(a_pipe_gets_the_bytes_and_stays)
{
	const char *path = scratch_at("pipe");
	char got[16] = "";
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	const pid_t child = fork();
	if (child == 0)
		_exit(!write_it(_i, path, "through", NULL));
	const int fd = open(path, O_RDONLY);
	ssize_t n = 0, k;
	while ((k = read(fd, got + n, sizeof got - 1 - (size_t)n)) > 0)
		n += k;
	close(fd);
	int status;
	ck_assert(waitpid(child, &status, 0) == child && status == 0);
	ck_assert_str_eq(got, "through");
	ck_assert_uint_eq(kind_at(path), S_IFIFO);
	ck_assert_int_eq(files_in(scratch_folder()), 1);
}
END_TEST

START_TEST(a_device_stays_and_a_full_one_is_told)
{
	fault e;
	ck_assert_int_eq(symlink("/dev/null", scratch_at("null")), 0);
	OK(write_it(_i, scratch_at("null"), "gone", &e));
	OK(write_it(_i, "/dev/null", "gone", &e));
	ck_assert_uint_eq(kind_at("/dev/null"), S_IFCHR);
	ck_assert_uint_eq(kind_at(scratch_at("null")), S_IFLNK);
	REFUSED(write_it(_i, "/dev/full", "lost", &e), "/dev/full", "No space left");
	ck_assert_uint_eq(kind_at("/dev/full"), S_IFCHR);
}
END_TEST

START_TEST(links_are_followed_and_stay)
{
	fault e;
	file_store(scratch_at("far/real"), "old", 3);
	ck_assert_int_eq(symlink("far/real", scratch_at("near")), 0);
	ck_assert_int_eq(symlink("near", scratch_at("nearer")), 0);
	ck_assert_int_eq(symlink(scratch_at("far/new"), scratch_at("fresh")), 0);
	ck_assert_int_eq(symlink("loop", scratch_at("loop")), 0);
	OK(write_it(_i, scratch_at("nearer"), "new", &e));
	holds(scratch_at("far/real"), "new");
	OK(write_it(_i, scratch_at("fresh"), "made", &e));
	holds(scratch_at("far/new"), "made");
	ck_assert(kind_at(scratch_at("near")) == S_IFLNK && kind_at(scratch_at("nearer")) == S_IFLNK
		&& kind_at(scratch_at("fresh")) == S_IFLNK && kind_at(scratch_at("far/real")) == S_IFREG);
	REFUSED(write_it(_i, scratch_at("loop"), "x", &e), scratch_at("loop"), "Too many levels");
	ck_assert_int_eq(files_in(scratch_at("far")), 2);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	fault e;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const int s = socket(AF_UNIX, SOCK_STREAM, 0);
	scratch_at("folder/x");
	snprintf(at.sun_path, sizeof at.sun_path, "%.100s", scratch_at("socket"));
	ck_assert_int_eq(bind(s, (struct sockaddr *)&at, sizeof at), 0);
	REFUSED(write_it(_i, scratch_at("socket"), "x", &e), scratch_at("socket"), "no regular file");
	REFUSED(write_it(_i, scratch_at("folder"), "x", &e), scratch_at("folder"), "is a folder");
	ck_assert_uint_eq(kind_at(scratch_at("socket")), S_IFSOCK);
	ck_assert_int_eq(files_in(scratch_folder()), 2);
	close(s);
}
END_TEST

START_TEST(mode_and_owner_stay)
{
	fault e;
	struct stat st;
	const char *path = scratch_at("private");
	umask(022);
	OK(write_it(_i, path, "new", &e));
	ck_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0644);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert(geteuid() != 0 || chown(path, NOBODY, NOBODY) == 0);
	OK(write_it(_i, path, "newer", &e));
	ck_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
	ck_assert(geteuid() != 0 || (st.st_uid == NOBODY && st.st_gid == NOBODY));
	holds(path, "newer");
}
END_TEST

START_TEST(a_write_protected_file_is_not_replaced)
{
	fault e;
	become_nobody();
	const char *path = scratch_at("precious");
	file_store(path, "old", 3);
	ck_assert_int_eq(chmod(path, 0444), 0);
	REFUSED(write_it(_i, path, "new", &e), path, "write-protected");
	holds(path, "old");
	ck_assert_int_eq(files_in(scratch_folder()), 1);
	ck_assert_int_eq(chmod(scratch_folder(), 0555), 0);
	REFUSED(write_it(_i, scratch_at("other"), "new", &e), scratch_at("other"), "Permission denied");
	ck_assert_int_eq(chmod(scratch_folder(), 0755), 0);
}
END_TEST

/* ---- temporary files ---- */

/* A process that writes a draft, tells, and waits to be killed. */
static pid_t start_writer(const char *path)
{
	int fd[2];
	char byte;
	ck_assert_int_eq(pipe(fd), 0);
	const pid_t child = fork();
	if (child == 0) {
		file_draft *d = file_draft_new(path, NULL);
		if (d && file_draft_write(d, "half", 4, NULL) && write(fd[1], ".", 1) == 1)
			pause();
		_exit(1);
	}
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
	close(fd[0]);
	return child;
}

static void end_writer(pid_t child)
{
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(leftovers_of_the_dead_go_and_nothing_else)
{
	static const char *const mine[] = {"thesis.txt.tmp.2024", "x.tmp.1", ".sagan-notes.tmp", ".sagan-0123.tmp",
		".sagan-0123456789abcdef-1.tmp.txt"};
	fault e;
	file_store(scratch_at("victim"), "mine", 4);
	for (int i = 0; i < COUNT(mine); i++)
		file_store(scratch_at(mine[i]), "mine", 4);
	ck_assert_int_eq(symlink("victim", scratch_at(".sagan-0123456789abcdef-2.tmp")), 0);
	const int before = files_in(scratch_folder());
	file_draft *d = file_draft_new(scratch_at("own"), &e);
	ck_assert(d && file_draft_write(d, "own", 3, &e));
	const pid_t dead = start_writer(scratch_at("a")), living = start_writer(scratch_at("b"));
	ck_assert_int_eq(files_in(scratch_folder()), before + 3);
	end_writer(dead);
	file_remove_leftovers(scratch_folder());
	ck_assert_int_eq(files_in(scratch_folder()), before + 2);
	end_writer(living);
	file_remove_leftovers(scratch_folder());
	ck_assert_int_eq(files_in(scratch_folder()), before + 1);
	OK(file_draft_commit(d, &e));
	holds(scratch_at("own"), "own");
	for (int i = 0; i < COUNT(mine); i++)
		holds(scratch_at(mine[i]), "mine");
	holds(scratch_at("victim"), "mine");
	ck_assert_uint_eq(kind_at(scratch_at(".sagan-0123456789abcdef-2.tmp")), S_IFLNK);
}
END_TEST

/* Who writes next into a folder cleans up there. */
START_TEST(the_next_writer_removes_what_a_kill_left)
{
	fault e;
	end_writer(start_writer(scratch_at("a")));
	ck_assert_int_eq(files_in(scratch_folder()), 1);
	OK(file_replace(scratch_at("b"), "b", 1, &e));
	ck_assert_int_eq(files_in(scratch_folder()), 1);
	holds(scratch_at("b"), "b");
}
END_TEST

/* ---- reading ---- */

/* check ends a test that waits. */
START_TEST(nothing_that_could_wait_is_opened)
{
	fault e;
	void *x;
	size_t n;
	ck_assert_int_eq(mkfifo(scratch_at("pipe"), 0600), 0);
	REFUSED(file_open_read(scratch_at("pipe"), &e), scratch_at("pipe"), "not a regular file");
	REFUSED(file_read("/dev/zero", 100, &x, &n, &e), "/dev/zero", "not a regular file");
	REFUSED(file_open_read(scratch_folder(), &e), scratch_folder(), "a folder");
	REFUSED(file_open_append(scratch_at("pipe"), &e), scratch_at("pipe"), "");
	REFUSED(file_open_append("/dev/null", &e), "/dev/null", "no regular file");
	REFUSED(file_open_read(scratch_at("nothing"), &e), scratch_at("nothing"), "No such file");
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_folder_is_listed_whole_or_not_at_all)
{
	fault e;
	file_names l;
	for (int i = 0; i < 9; i++) {
		char name[8];
		snprintf(name, sizeof name, "f%d", i);
		file_store(scratch_at(name), "", 0);
	}
	OK(file_names_list(scratch_folder(), &l, &e));
	ck_assert_int_eq(l.n, 9);
	file_names_free(&l);
	for (int i = 0; i < 12; i++) {
		readdir_names_left = i;
		REFUSED(file_names_list(scratch_folder(), &l, &e), scratch_folder(), "Input/output error");
		ck_assert(l.n == 0 && !l.name);
	}
	readdir_names_left = -1;
	REFUSED(file_names_list(scratch_at("nothing"), &l, &e), scratch_at("nothing"), "No such file");
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_pipe_gets_the_bytes_and_stays, 2},
		{a_device_stays_and_a_full_one_is_told, 2},
		{links_are_followed_and_stay, 2},
		{what_is_no_file_is_refused, 2},
		{mode_and_owner_stay, 2},
		{a_write_protected_file_is_not_replaced, 2},
		{leftovers_of_the_dead_go_and_nothing_else, 1},
		{the_next_writer_removes_what_a_kill_left, 1},
		{nothing_that_could_wait_is_opened, 1},
		{a_folder_is_listed_whole_or_not_at_all, 1},
	};
	return suite_run("files", tests, COUNT(tests), 20);
}
