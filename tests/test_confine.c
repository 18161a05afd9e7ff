/* test_confine.c - a child that crashes, hangs, eats memory, lies or is fine: the parent goes on in every case. What it
 * may not do: test_seal. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/confine.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "tests/files.h"
#include "tests/suite.h"

enum { MANY = 3 << 20 };

static bool send_numbers(void *ctx, confine_out *out, fault *e)
{
	(void)e;
	for (int i = 0; i < *(int *)ctx; i++)
		if (!confine_put(out, &i, sizeof i))
			return false;
	return true;
}

static bool send_block(void *ctx, confine_out *out, fault *e)
{
	(void)e;
	return confine_put(out, "ab", 2) && confine_put(out, ctx, MANY);
}

static bool refuse(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out;
	return fault_set(e, "x.h5: not what it says");
}

static bool crash(void *ctx, confine_out *out, fault *e)
{
	(void)out, (void)e;
	raise(*(int *)ctx);
	return true;
}

static bool spin(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out, (void)e;
	for (volatile int i = 0;; i = i + 1)
		;
	return true;
}

static bool sleep_long(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out, (void)e;
	sleep(100);
	return true;
}

static bool eat_memory(void *ctx, confine_out *out, fault *e)
{
	(void)out;
	void *p = mem_new(*(size_t *)ctx, 1, e);
	free(p);
	return p != NULL;
}

static bool vanish(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out, (void)e;
	_exit(3);
}

#ifndef COVERAGE
static bool print_and_write(void *ctx, confine_out *out, fault *e)
{
	(void)out;
	printf("from the child\n");
	fflush(stdout);
	FILE *f = fopen(ctx, "w");
	const bool wrote = f && fputs("x", f) >= 0 && fflush(f) == 0;
	if (f)
		fclose(f);
	return !wrote || fault_set(e, "could write");
}
#endif

/* Reading, memory, time, threads. */
static void *one_more(void *x)
{
	*(int *)x += 1;
	return NULL;
}

static bool do_what_is_needed(void *ctx, confine_out *out, fault *e)
{
	char byte = 0;
	int count = 0;
	pthread_t thread;
	(void)out;
	FILE *f = fopen(ctx, "rb");
	const bool read = f && fread(&byte, 1, 1, f) == 1 && byte == 'x' && fclose(f) == 0;
	char *large = malloc(MANY);
	const bool memory = large && (large = realloc(large, 3 * (size_t)MANY)) != NULL;
	free(large);
	const bool threads = pthread_create(&thread, NULL, one_more, &count) == 0 && pthread_join(thread, NULL) == 0;
	const int refused = open("/dev/null", O_RDONLY);
	if (!read || !memory || !threads || count != 1 || refused < 0)
		return fault_set(e, "read %d, memory %d, thread %d, count %d, open %d: %s", read, memory, threads,
			count,
			refused, strerror(errno));
	return true;
}

#if defined(__linux__) && defined(__x86_64__) && !defined(COVERAGE) && !defined(__SANITIZE_ADDRESS__) \
	&& !defined(__SANITIZE_THREAD__)
#define SEALS
static bool be_sealed(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out;
	return confine_sealed() || fault_set(e, "not sealed");
}
#endif

static bool run_with(confine_fn fn, void *ctx, confine_limits l, fault *e)
{
	confine *c = confine_start("x.h5", fn, ctx, &l, e);
	return confine_end(c, e);
}

static bool run(confine_fn fn, void *ctx, fault *e)
{
	return run_with(fn, ctx, (confine_limits){0}, e);
}

START_TEST(what_is_put_is_taken_in_any_pieces)
{
	int n = 100000, sum = 0;
	fault e;
	confine *c = confine_start("x", send_numbers, &n, &(confine_limits){0}, &e);
	ck_assert_ptr_nonnull(c);
	for (int i = 0; i < n; i++) {
		int x = -1;
		ck_assert(confine_take(c, &x, i % 4));
		ck_assert(confine_take(c, (char *)&x + i % 4, sizeof x - (size_t)(i % 4)));
		sum += x != i;
	}
	char more;
	ck_assert(!confine_take(c, &more, 1));
	ck_assert(confine_end(c, &e));
	ck_assert_int_eq(sum, 0);
}
END_TEST

START_TEST(large_blocks_come_whole)
{
	char *x = malloc(MANY), *y = malloc(MANY), two[2];
	fault e;
	for (int i = 0; i < MANY; i++)
		x[i] = (char)(i * 7 + i / 1000);
	confine *c = confine_start("x", send_block, x, &(confine_limits){0}, &e);
	ck_assert(confine_take(c, two, 2) && confine_take(c, y, MANY));
	ck_assert_mem_eq(x, y, MANY);
	ck_assert(confine_end(c, &e));
	free(x);
	free(y);
}
END_TEST

START_TEST(the_childs_line_is_the_parents)
{
	fault e;
	ck_assert(!run(refuse, NULL, &e));
	ck_assert_str_eq(e.text, "x.h5: not what it says");
}
END_TEST

START_TEST(signals_become_one_line)
{
	static const int sig[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
	for (int i = 0; i < COUNT(sig); i++) {
		fault e;
		char want[80];
		int s = sig[i];
		snprintf(want, sizeof want, "x.h5: damaged file (the reader stopped on signal %d)", s);
		ck_assert(!run(crash, &s, &e));
		ck_assert_str_eq(e.text, want);
	}
}
END_TEST

START_TEST(an_end_without_a_word_is_an_error)
{
	fault e;
	ck_assert(!run(vanish, NULL, &e));
	ck_assert_str_eq(e.text, "x.h5: cannot be read now (the reader stopped without a word)");
}
END_TEST

START_TEST(hangs_end)
{
	fault e;
	ck_assert(!run_with(spin, NULL, (confine_limits){.cpu_s = 1}, &e));
	ck_assert_str_eq(e.text, "x.h5: cannot be read now (the reader did not end in 1 s of processor time)");
	ck_assert(!run_with(sleep_long, NULL, (confine_limits){.wall_s = 1}, &e));
	ck_assert_str_eq(e.text, "x.h5: cannot be read now (the reader did not end in 1 s)");
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* qemu-user takes the limit and does not keep it: it says that there is none. */
static bool has_limit(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)out, (void)e;
	struct rlimit r;
	return getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
}
#endif

START_TEST(memory_is_limited)
{
	size_t much = (size_t)1 << 30, little = 1 << 20;
	confine_limits l = {.memory = (size_t)256 << 20};
	fault e;
	ck_assert(run_with(eat_memory, &little, l, &e));
	ck_assert(run(eat_memory, &much, &e));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (!run_with(has_limit, NULL, l, &e))
		return;
	ck_assert(!run_with(eat_memory, &much, l, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "out of memory"));
#endif
}
END_TEST

/* For `make coverage` a child may write: its counters. */
#ifndef COVERAGE
START_TEST(the_child_neither_prints_nor_writes)
{
	char path[512];
	fault e;
	snprintf(path, sizeof path, "%s", scratch_at("file"));
	file_store(path, "", 0);
	fflush(stdout);
	const bool ok = run(print_and_write, path, &e);
	ck_assert_msg(ok, "%s", e.text);
}
END_TEST
#endif

/* This build on this machine seals, but for those that cannot. */
START_TEST(a_sealed_child_does_what_readers_do)
{
	char path[512];
	fault e = {.text = ""};
	snprintf(path, sizeof path, "%s", scratch_at("file"));
	file_store(path, "x", 1);
	ck_assert_msg(run(do_what_is_needed, path, &e), "%s", e.text);
#ifdef SEALS
	const char *loaded = getenv("LD_PRELOAD");
	ck_assert_msg(run(be_sealed, NULL, &e) || (loaded && strstr(loaded, "vgpreload")), "%s", e.text);
#endif
}
END_TEST

/* The parent stops a child that is in the middle of sending. */
START_TEST(stopping_early_leaves_no_process)
{
	int n = 100000000, x;
	fault e;
	confine *c = confine_start("x", send_numbers, &n, &(confine_limits){0}, &e);
	ck_assert(confine_take(c, &x, sizeof x));
	confine_stop(c);
	c = confine_start("x", send_numbers, &n, &(confine_limits){0}, &e);
	ck_assert(confine_take(c, &x, sizeof x));
	ck_assert(!confine_end(c, &e));
	confine_stop(NULL);
	ck_assert(!confine_end(NULL, &e));
}
END_TEST

#ifdef __linux__
static bool tell_and_wait(void *ctx, confine_out *out, fault *e)
{
	return confine_put(out, "+", 1) && confine_flush(out) && sleep_long(ctx, out, e);
}

/* The pipe has its end when nobody holds it any more. */
START_TEST(a_parent_that_is_killed_leaves_no_process)
{
	int fd[2], status;
	char byte;
	ck_assert_int_eq(pipe(fd), 0);
	const pid_t parent = fork();
	if (parent == 0) {
		confine *c = confine_start("x", tell_and_wait, NULL, &(confine_limits){0}, NULL);
		if (confine_take(c, &byte, 1))
			raise(SIGKILL);
		_exit(1);
	}
	close(fd[1]);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert(WIFSIGNALED(status));
	struct pollfd p = {.fd = fd[0], .events = POLLIN};
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	ck_assert_int_eq((int)read(fd[0], &byte, 1), 0);
	close(fd[0]);
}
END_TEST
#endif

static void add_up(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	int64_t *sum = ctx;
	for (int64_t i = lo; i < hi; i++)
		sum[i] = i;
}

static bool count_up(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)e;
	int64_t x[64] = {0};
	parallel_for(64, 4, add_up, x);
	return confine_put(out, &x[63], sizeof x[63]);
}

START_TEST(a_pool_in_the_parent_does_not_matter)
{
	fault e;
	ck_assert(pool_start(4, &e));
	for (int i = 0; i < 20; i++) {
		int64_t x[64], got = 0;
		parallel_for(64, 1, add_up, x);
		confine *c = confine_start("x", count_up, NULL, &(confine_limits){.wall_s = 60}, &e);
		ck_assert(confine_take(c, &got, sizeof got));
		ck_assert_int_eq(got, 63);
		ck_assert(confine_end(c, &e));
	}
	pool_stop();
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_is_put_is_taken_in_any_pieces, 1},
		{large_blocks_come_whole, 1},
		{the_childs_line_is_the_parents, 1},
		{signals_become_one_line, 1},
		{an_end_without_a_word_is_an_error, 1},
		{hangs_end, 1},
		{memory_is_limited, 1},
#ifndef COVERAGE
		{the_child_neither_prints_nor_writes, 1},
#endif
		{a_sealed_child_does_what_readers_do, 1},
		{stopping_early_leaves_no_process, 1},
#ifdef __linux__
		{a_parent_that_is_killed_leaves_no_process, 1},
#endif
		{a_pool_in_the_parent_does_not_matter, 1},
	};
	return suite_run("confine", tests, COUNT(tests), 120);
}
