/* test_base.c - shapes, errors, memory, suggestions, random streams, the worker pool. */
#define _GNU_SOURCE                                  /* cpu_set_t */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/base.h"
#include "core/base/local.h"
#include "core/base/vecmath.h"
#include "core/base/portable.h"
#include "core/base/file.h"
#include "core/base/processors.h"
#include "core/base/sha256.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "core/base/words.h"
#include "tests/files.h"
#include "tests/suite.h"

/* ---- base ---- */

START_TEST(shape_counts_compares_and_prints)
{
	shape s = SHAPE(64, 32, 32, 3), scalar = shape_scalar(), t = SHAPE(64, 32, 32);
	ck_assert_int_eq(s.rank, 4);
	ck_assert_int_eq(shape_count(&s), 64 * 32 * 32 * 3);
	ck_assert_int_eq(shape_count(&scalar), 1);
	ck_assert_int_eq(shape_last(&s), 3);
	ck_assert_int_eq(shape_last(&scalar), 1);
	ck_assert_int_eq(s.dim[4], 1);
	ck_assert(shape_equal(&s, &(shape){4, {64, 32, 32, 3}}));
	ck_assert(!shape_equal(&s, &t));
	ck_assert(!shape_equal(&s, &(shape){4, {64, 32, 32, 4}}));
	ck_assert_str_eq(shape_print(&s).s, "[64,32,32,3]");
	ck_assert_str_eq(shape_print(&scalar).s, "[]");
}
END_TEST

START_TEST(longest_shape_prints_within_its_array)
{
	const int64_t m = INT64_MAX;
	shape s = SHAPE(m, m, m, m, m, m, m, m);
	shape_text t = shape_print(&s);
	ck_assert_uint_lt(strlen(t.s), SHAPE_TEXT);
	ck_assert_int_eq(t.s[strlen(t.s) - 1], ']');
}
END_TEST

START_TEST(error_is_one_line_and_false)
{
	fault e;
	char text[2000];
	ck_assert(!fault_set(&e, "%s: %d", "size", 36));
	ck_assert_str_eq(e.text, "size: 36");
	ck_assert(!fault_set(NULL, "nobody listens"));
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fault_set(&e, "%s", text);
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
}
END_TEST

/* Whoever knows a better place takes the reason, without looking into the text. */
START_TEST(error_has_a_place_and_a_reason)
{
	fault e, copy;
	char long_place[sizeof e.text + 8];
	fault_at(&e, "a: b", "no %s", "such file");
	ck_assert_str_eq(e.text, "a: b: no such file");
	ck_assert_str_eq(fault_reason(&e), "no such file");
	ck_assert(fault_is_at(&e, "a: b") && !fault_is_at(&e, "a") && !fault_is_at(&e, "a: b: no such file"));
	fault_value(&e, "size", 1048577, "must be %d", 4);
	ck_assert_str_eq(e.text, "size = 1048577: must be 4");
	ck_assert_str_eq(fault_reason(&e), "must be 4");
	ck_assert(fault_is_at(&e, "size"));
	fault_at(&e, "around", "%s", e.text);        /* its own text, told from further out */
	ck_assert_str_eq(e.text, "around: size = 1048577: must be 4");
	fault_set(&e, "alone");
	ck_assert(fault_is_at(&e, "") && !fault_is_at(&e, "alone"));
	ck_assert_str_eq(fault_reason(&e), "alone");
	memset(long_place, 'x', sizeof long_place - 1);
	long_place[sizeof long_place - 1] = '\0';
	fault_at(&e, long_place, "cut off");
	ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
	ck_assert_str_eq(fault_reason(&e), "");
	e.place = INT_MAX;
	e.reason = INT_MIN;
	e.text[5] = '\0';
	ck_assert(!fault_take(&copy, &e) && !fault_take(NULL, &e));
	ck_assert_str_eq(fault_reason(&copy), "xxxxx");
	ck_assert(fault_is_at(&copy, ""));
}
END_TEST

START_TEST(words_are_found_printed_and_corrected)
{
	static const char *const plain[] = {"one", "two", NULL};
	static const struct {
		int number;
		const char *name;
	} record[] = {{1, "uno"}, {2, "due"}, {3, "tre"}, {0}};
	const word_list a = WORDS(plain), b = WORDS_AND(plain, "many"), c = WORDS_OF(record, name), none = {0};
	char text[64];
	ck_assert_str_eq(words_print(a, text, sizeof text), "one or two");
	ck_assert_str_eq(words_print(b, text, sizeof text), "one, two or many");
	ck_assert_str_eq(words_print(c, text, sizeof text), "uno, due or tre");
	ck_assert_str_eq(words_print(c, text, 6), "uno, ");
	ck_assert_str_eq(words_print(none, text, sizeof text), "");
	ck_assert(word_count(a) == 2 && word_count(b) == 3 && word_count(c) == 3 && word_count(none) == 0);
	ck_assert(word_find(a, "many") == -1 && word_find(b, "many") == 2 && word_find(c, "tre") == 2);
	ck_assert(!word_at(a, 2) && !word_at(a, -1) && !word_at(b, 3) && !word_at(c, 3) && !word_at(none, 0));
	ck_assert_str_eq(word_near(b, "mamy"), "many");
	ck_assert_ptr_null(word_near(c, "quattro"));
}
END_TEST

START_TEST(memory_overflow_is_an_error)
{
	fault e = {.text = ""};
	/* The product wraps round to four bytes. */
	ck_assert_ptr_null(mem_new(SIZE_MAX / 4 + 2, 4, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "out of memory"));
	e.text[0] = '\0';
	ck_assert_ptr_null(mem_zero(SIZE_MAX / 4 + 2, 4, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "out of memory"));
	e.text[0] = '\0';
	ck_assert_ptr_null(mem_aligned(SIZE_MAX - 8, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "out of memory"));
}
END_TEST

START_TEST(memory_of_no_bytes_can_be_freed)
{
	void *p[] = {mem_new(0, 8, NULL), mem_zero(0, 8, NULL), mem_aligned(0, NULL), mem_new(8, 0, NULL)};
	for (int i = 0; i < COUNT(p); i++) {
		ck_assert_ptr_nonnull(p[i]);
		free(p[i]);
	}
}
END_TEST

START_TEST(memory_is_aligned_and_cleared)
{
	for (size_t bytes = 1; bytes < 300; bytes += 37) {
		char *p = mem_aligned(bytes, NULL);
		ck_assert_uint_eq((uintptr_t)p % 64, 0);
		memset(p, 1, bytes);
		free(p);
	}
	char *z = mem_zero(100, 3, NULL);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(z[i], 0);
	free(z);
}
END_TEST

START_TEST(closest_names_the_likely_word)
{
	static const char *const known[] = {"relu", "leaky_relu", "tanh", "sigmoid", "batch_size", "", "lr"};
	static const struct {
		const char *word, *want;
	} row[] = {
		{"rleu", "relu"},      {"reluu", "relu"},       {"rlu", "relu"},       {"leakyrelu", "leaky_relu"},
		{"tahn", "tanh"},      {"sigmod", "sigmoid"},   {"bath_sise", "batch_size"},
		{"relu", "relu"},      {"xyzzy", NULL},         {"", NULL},            {"q", NULL},
		{"rl", "lr"},          {"batchsize", "batch_size"}, {"convolution", NULL},
	};
	for (int i = 0; i < COUNT(row); i++) {
		const char *got = text_closest(row[i].word, known, COUNT(known));
		if (row[i].want)
			ck_assert_pstr_eq(got, row[i].want);
		else
			ck_assert_msg(!got, "'%s' suggests '%s'", row[i].word, got);
	}
	char giant[4096];
	memset(giant, 'r', sizeof giant - 1);
	giant[sizeof giant - 1] = '\0';
	ck_assert_ptr_null(text_closest(giant, known, COUNT(known)));
	ck_assert_ptr_null(text_closest("relu", known, 0));
}
END_TEST

/* ---- rng ---- */

/* Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, output. */
START_TEST(philox_gives_the_published_words)
{
	static const uint32_t row[][10] = {
		{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
		 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
	};
	for (int i = 0; i < COUNT(row); i++) {
		uint32_t out[4];
		philox4x32(row[i], row[i] + 4, out);
		ck_assert_mem_eq(out, row[i] + 6, sizeof out);
	}
}
END_TEST

/* The words of a stream, from the definition in the header. */
static uint32_t stream_word(const rng *r, uint64_t first, int64_t i)
{
	uint64_t block = first + (uint64_t)i / 4;
	uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}, out[4];
	uint32_t counter[4] = {
		(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)r->purpose, (uint32_t)(r->purpose >> 32),
	};
	philox4x32(counter, key, out);
	return out[i % 4];
}

START_TEST(fills_are_the_words_of_the_stream)
{
	enum { N = 10007 };
	static real x[N];
	rng r = rng_new(0x123456789abcdef0, "latent");
	r.counter = 0xfffffff0;                      /* the low word runs over on the way */
	uint64_t first = r.counter;
	rng_fill_uniform(&r, x, N);
	ck_assert_uint_eq(r.counter, first + (N + 3) / 4);
	for (int i = 0; i < N; i++)
		ck_assert(x[i] == (real)(stream_word(&r, first, i) >> 8) * (real)0x1p-24);
	first = r.counter;
	rng_fill_normal(&r, x, N);
	ck_assert_uint_eq(r.counter, first + (N + 3) / 4);
	for (int i = 0; i < N; i++) {
		double u = (stream_word(&r, first, i & ~1) + 0.5) * 0x1p-32;
		double turn = (stream_word(&r, first, i | 1) >> 8) * 0x1p-24 * 2 * acos(-1);
		double want = sqrt(-2 * log(u)) * (i % 2 ? sin(turn) : cos(turn));
		ck_assert_double_eq_tol((double)x[i], want, 3e-6);
	}
}
END_TEST

START_TEST(streams_differ_by_seed_and_purpose)
{
	rng a = rng_new(1, "latent"), b = rng_new(1, "labels"), c = rng_new(2, "latent"), d = rng_new(1, "latent");
	uint32_t w = rng_u32(&a);
	ck_assert_uint_ne(w, rng_u32(&b));
	ck_assert_uint_ne(w, rng_u32(&c));
	ck_assert_uint_eq(w, rng_u32(&d));
	ck_assert_uint_ne(w, rng_u32(&d));
	/* FNV-1a of "a" (draft-eastlake-fnv, test vectors) */
	ck_assert_uint_eq(rng_new(0, "a").purpose, 0xaf63dc4c8601ec8c);
}
END_TEST

START_TEST(copy_of_a_stream_replays_it)
{
	enum { N = 1001 };
	real x[N], y[N];
	rng r = rng_new(7, "augment");
	rng_fill_normal(&r, x, 13);
	rng copy = r;
	rng_fill_truncated(&r, x, N, 0.7);
	rng_fill_truncated(&copy, y, N, 0.7);
	ck_assert_mem_eq(x, y, sizeof x);
	ck_assert_mem_eq(&r, &copy, sizeof r);
}
END_TEST

/* Near the C library's everywhere, and to the bit what they gave on the machine that wrote these numbers. */
START_TEST(portable_functions_are_the_same_everywhere)
{
	rng r = rng_new(5, "portable");
	uint64_t hash = 0;
	for (int i = 0; i < 20000; i++) {
		const double u = rng_uniform(&r) + 0x1p-33, t = 40 * u - 20;
		const double y[] = {portable_log(u), portable_exp(t), portable_cos_turns(u), portable_power(u, i % 50)};
		const double want[] = {log(u), exp(t), cos(6.283185307179586476925 * u), pow(u, i % 50)};
		const double bound[] = {1e-15 * fabs(want[0]), 1e-15 * want[1], 1e-15, 2e-16 * (i % 50) * want[3]};
		for (int k = 0; k < 4; k++) {
			uint64_t bits;
			memcpy(&bits, &y[k], sizeof bits);
			hash = (hash ^ bits) * 0x100000001b3u;
			ck_assert_msg(fabs(y[k] - want[k]) <= bound[k], "function %d of %.17g: %.17g is not %.17g", k,
				      u, y[k], want[k]);
		}
	}
	ck_assert(portable_log(1) == 0 && portable_exp(0) == 1 && portable_cos_turns(0) == 1
		&& portable_power(3, 4) == 81);
	ck_assert_msg(hash == 0x4aadb15e7ff3d983u, "the hash of all is 0x%llx", (unsigned long long)hash);
}
END_TEST

static void fill_kind(int kind, rng *r, real *x, int64_t n)
{
	if (kind == 0)
		rng_fill_uniform(r, x, n);
	else if (kind == 1)
		rng_fill_normal(r, x, n);
	else
		rng_fill_truncated(r, x, n, 1.0);
}

START_TEST(fills_do_not_depend_on_threads)
{
	enum { N = 70001 };
	static real one[N], many[N];
	for (int threads = 2; threads <= 7; threads++) {
		rng a = rng_new(3, "x"), b = a;
		fill_kind(_i, &a, one, N);
		ck_assert(pool_start(threads, NULL));
		fill_kind(_i, &b, many, N);
		pool_stop();
		ck_assert_mem_eq(one, many, sizeof one);
		ck_assert_uint_eq(a.counter, b.counter);
	}
}
END_TEST

/* Moments within five standard errors; the seed is fixed, so the test never fails by chance. */
START_TEST(fills_have_the_moments_of_their_distribution)
{
	enum { N = 1 << 20 };
	/* Of uniform: 1/3 - 1/4 and 1/80. Of the normal cut at 1: variance 1 - 2 phi(1)/(2 Phi(1) - 1). */
	static const struct {
		double mean, var, fourth;
	} want[] = {{0.5, 1.0 / 12, 1.0 / 80}, {0, 1, 3}, {0, 0.2911250, 0.1645}};
	real *x = mem_new(N, sizeof(real), NULL);
	rng r = rng_new(11, "statistics");
	fill_kind(_i, &r, x, N);
	double m = 0, v = 0, q = 0, lag = 0;
	for (int i = 0; i < N; i++)
		m += (double)x[i] / N;
	for (int i = 0; i < N; i++) {
		double d = (double)x[i] - m;
		v += d * d / N;
		q += d * d * d * d / N;
		lag += d * ((double)x[(i + 1) % N] - m) / N;
	}
	ck_assert_double_eq_tol(m, want[_i].mean, 5 * sqrt(want[_i].var / N));
	ck_assert_double_eq_tol(v, want[_i].var, 5 * sqrt((want[_i].fourth - want[_i].var * want[_i].var) / N));
	ck_assert_double_eq_tol(q, want[_i].fourth, 0.02 * want[_i].fourth);
	ck_assert_double_eq_tol(lag, 0, 5 * want[_i].var / sqrt(N));
	free(x);
}
END_TEST

/* Largest distance between the sample's distribution and the normal one, times sqrt n (Kolmogorov's
 * statistic): above 1.95 once in a thousand seeds. */
static int order(const void *a, const void *b)
{
	real x = *(const real *)a, y = *(const real *)b;
	return (x > y) - (x < y);
}

START_TEST(normals_follow_the_normal_distribution)
{
	enum { N = 200000 };
	static real x[N];
	static const double limit[] = {1e9, 2.0, 0.5};
	rng r = rng_new(5, "kolmogorov");
	double cut = limit[_i], inside = erf(cut / sqrt(2)), worst = 0;
	if (cut > 10)
		rng_fill_normal(&r, x, N);
	else
		rng_fill_truncated(&r, x, N, cut);
	qsort(x, N, sizeof *x, order);
	ck_assert((double)x[0] >= -cut && (double)x[N - 1] <= cut);
	for (int i = 0; i < N; i++) {
		double p = 0.5 + 0.5 * erf((double)x[i] / sqrt(2)) / inside;
		worst = fmax(worst, fmax(fabs(p - (double)i / N), fabs(p - (i + 1.0) / N)));
	}
	ck_assert_double_lt(worst * sqrt(N), 1.95);
}
END_TEST

START_TEST(tiny_truncation_ends)
{
	real x[100];
	rng r = rng_new(5, "x");
	rng_fill_truncated(&r, x, 100, 1e-6);
	for (int i = 0; i < 100; i++)
		ck_assert(fabs((double)x[i]) <= 1.0001e-6);
}
END_TEST

START_TEST(single_draws_are_in_range_and_uniform)
{
	rng r = rng_new(9, "single");
	int64_t hits[7] = {0};
	double sum = 0, squares = 0;
	for (int i = 0; i < 70000; i++) {
		double u = rng_uniform(&r), z = rng_normal(&r);
		int64_t k = rng_below(&r, 7);
		ck_assert(u >= 0 && u < 1 && k >= 0 && k < 7);
		hits[k]++;
		sum += z;
		squares += z * z;
	}
	for (int k = 0; k < 7; k++)
		ck_assert_double_eq_tol((double)hits[k], 10000, 5 * sqrt(10000));
	ck_assert_double_eq_tol(sum / 70000, 0, 5 / sqrt(70000));
	ck_assert_double_eq_tol(squares / 70000, 1, 5 * sqrt(2.0 / 70000));
	ck_assert_int_eq(rng_below(&r, 1), 0);
	/* Multiplication alone would favour the lower third of this range by half. */
	int64_t n = ((int64_t)3 << 30) - 1, low = 0;
	for (int i = 0; i < 30000; i++)
		low += rng_below(&r, n) % 3 == 0;
	ck_assert_double_eq_tol((double)low, 10000, 5 * sqrt(30000 * 2.0 / 9));
}
END_TEST

START_TEST(permutation_holds_every_index_once)
{
	enum { N = 6 };
	rng r = rng_new(4, "shuffle");
	int first[N] = {0};
	for (int trial = 0; trial < 6000; trial++) {
		int64_t p[N];
		unsigned seen = 0;
		rng_permutation(&r, p, N);
		for (int i = 0; i < N; i++)
			seen |= 1u << p[i];
		ck_assert_uint_eq(seen, (1u << N) - 1);
		first[p[0]]++;
	}
	for (int i = 0; i < N; i++)
		ck_assert_double_eq_tol(first[i], 1000, 5 * sqrt(1000));
}
END_TEST

/* One of each stretch: whoever is sorted, and whoever takes turns, is met as often as its share. */
START_TEST(subset_is_from_all_over)
{
	enum { N = 1000, M = 300 };
	int sorted[10] = {0}, turns[10] = {0};
	fault e = {.text = ""};
	int64_t *which = rng_subset(4, "subset", M, N, &e);
	ck_assert_msg(which, "%s", e.text);
	for (int i = 0; i < M; i++) {
		ck_assert(which[i] >= i * N / M && which[i] < (i + 1) * N / M);
		sorted[which[i] * 10 / N]++;
		turns[which[i] % 10]++;
	}
	for (int k = 0; k < 10; k++) {
		ck_assert_int_eq(sorted[k], M / 10);
		ck_assert_double_eq_tol(turns[k], M / 10., 5 * sqrt(M / 10.));
	}
	free(which);
	which = rng_subset(4, "subset", N, N, &e);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(which[i], i);
	free(which);
	free(rng_subset(4, "subset", 0, N, &e));
}
END_TEST

/* ---- processors ---- */

/* A machine with so many processors, of which the last two may be used; 0: this one. The program is linked with --wrap
 * for that. */
static int machine;

int __real_sched_getaffinity(pid_t pid, size_t n, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t n, cpu_set_t *set);

int __wrap_sched_getaffinity(pid_t pid, size_t n, cpu_set_t *set)
{
	if (!machine)
		return __real_sched_getaffinity(pid, n, set);
	if (n < (size_t)machine / 8) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO_S(n, set);
	CPU_SET_S(machine - 1, n, set);
	CPU_SET_S(machine - 2, n, set);
	return 0;
}

START_TEST(processors_of_large_machines_are_counted)
{
	static const int machines[] = {64, 1024, 1088, PROCESSORS_MAX};
	processor_set here, there;
	processors_allowed(&here);
	ck_assert_int_ge(processors_count(&here), 1);
	for (int i = 0; i < COUNT(machines); i++) {
		machine = machines[i];
		processors_allowed(&there);
		ck_assert_int_eq(processors_count(&there), 2);
		ck_assert(processors_meet(&there, &there) && there.bit[(machine - 1) / 64] == UINT64_C(3) << 62);
		ck_assert(i == 0 || !processors_meet(&there, &here));
		here = there;
	}
	machine = 2 * PROCESSORS_MAX;
	processors_allowed(&there);
	ck_assert_int_eq(processors_count(&there), MIN(sysconf(_SC_NPROCESSORS_ONLN), PROCESSORS_MAX));
	machine = 0;
}
END_TEST

START_TEST(quotas_are_read_and_rounded_up)
{
	static const struct {
		const char *text;
		int processors;
	} rows[] = {
		{"200000 100000\n", 2}, {"150000 100000\n", 2}, {"200001 100000", 3}, {"1000 100000\n", 1},
		{"6400000\n100000\n", 64}, {"max 100000\n", 0}, {"-1\n100000\n", 0}, {"", 0}, {"200000", 0},
		{"200000 0", 0}, {"200000 -5", 0}, {"0 100000", 0}, {"two 100000", 0}, {"200000 many", 0},
		{"9223372036854775807 1", INT_MAX}, {"99999999999999999999999 100000", INT_MAX},
	};
	for (int i = 0; i < COUNT(rows); i++)
		ck_assert_msg(processors_in_quota(rows[i].text) == rows[i].processors, "\"%s\": %d", rows[i].text,
			processors_in_quota(rows[i].text));
}
END_TEST

static void put_quota(const char *path, const char *text)
{
	const char *file = scratch_at(path);
	fault e;
	ck_assert_msg(file_make_parents(file, &e), "%s", e.text);
	file_store(file, text, strlen(text));
}

START_TEST(the_least_quota_of_a_cgroup_and_those_above_counts)
{
	static const struct {
		const char *own;
		int processors;
	} rows[] = {
		{"0::/a/b\n", 2}, {"0::/a\n", 4}, {"0::/\n", 8}, {"0::/a/b/none/there\n", 2}, {"0::/c\n", 8},
		{"3:memory:/a\n2:cpu,cpuacct:/d\n0::/\n", 3}, {"4:cpu:/d", 3}, {"1:name=systemd:/a/b\n", 0},
		{"5:cpuset:/d\n", 0}, {"", 0}, {"0::", 0}, {"nothing of that kind\n", 0}, {"2:cpu:/docker/0123\n", 5},
	};
	put_quota("cgroup/cpu.max", "800000 100000\n");
	put_quota("cgroup/a/cpu.max", "400000 100000\n");
	put_quota("cgroup/a/b/cpu.max", "200000 100000\n");
	put_quota("cgroup/c/cpu.max", "max 100000\n");
	put_quota("cgroup/cpu/cpu.cfs_quota_us", "500000\n");
	put_quota("cgroup/cpu/cpu.cfs_period_us", "100000\n");
	put_quota("cgroup/cpu/d/cpu.cfs_quota_us", "250000\n");
	put_quota("cgroup/cpu/d/cpu.cfs_period_us", "100000\n");
	for (int i = 0; i < COUNT(rows); i++) {
		const int n = processors_of_cgroups(scratch_at("cgroup"), rows[i].own);
		ck_assert_msg(n == rows[i].processors, "\"%s\": %d", rows[i].own, n);
	}
	ck_assert_int_eq(processors_of_cgroups(scratch_at("none"), "0::/a\n"), 0);
}
END_TEST

/* ---- threads ---- */

static void nap_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

enum { ITEMS = 1003 };

typedef struct visit {
	atomic_int seen[ITEMS];
	int64_t grain;
	atomic_bool wrong;
	int threads;
} visit;

static void visit_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	visit *v = ctx;
	if (worker < 0 || worker >= v->threads || lo % v->grain || hi - lo > v->grain || hi <= lo
		|| (hi - lo < v->grain && hi != ITEMS))
		atomic_store(&v->wrong, true);
	for (int64_t i = lo; i < hi; i++)
		atomic_fetch_add(&v->seen[i], 1);
}

START_TEST(every_item_is_visited_once_in_fixed_chunks)
{
	static const int64_t grain[] = {1, 7, 64, ITEMS, 5000};
	ck_assert(pool_start(_i + 1, NULL));
	ck_assert_int_eq(pool_threads(), _i + 1);
	for (int round = 0; round < 50; round++)
		for (int k = 0; k < COUNT(grain); k++) {
			visit v = {.grain = grain[k], .threads = pool_threads()};
			parallel_for(ITEMS, grain[k], visit_chunk, &v);
			ck_assert(!atomic_load(&v.wrong));
			for (int i = 0; i < ITEMS; i++)
				ck_assert_int_eq(atomic_load(&v.seen[i]), 1);
		}
	pool_stop();
	ck_assert_int_eq(pool_threads(), 1);
}
END_TEST

START_TEST(without_a_pool_the_caller_does_the_work)
{
	visit v = {.grain = 10, .threads = 1};
	pool_stop();
	ck_assert_int_eq(pool_threads(), 1);
	parallel_for(ITEMS, 10, visit_chunk, &v);
	parallel_for(0, 10, visit_chunk, &v);
	parallel_for(-5, 10, visit_chunk, &v);
	for (int i = 0; i < ITEMS; i++)
		ck_assert_int_eq(atomic_load(&v.seen[i]), 1);
}
END_TEST

typedef struct nest {
	atomic_int inner, strangers;
} nest;

typedef struct nest_inner {
	nest *n;
	int worker;
} nest_inner;

static void inner_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	nest_inner *c = ctx;
	atomic_fetch_add(&c->n->inner, (int)(hi - lo));
	if (worker != c->worker)
		atomic_fetch_add(&c->n->strangers, 1);
}

static void outer_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	nest_inner c = {ctx, worker};
	for (int64_t i = lo; i < hi; i++)
		parallel_for(100, 9, inner_chunk, &c);
}

START_TEST(nested_loops_stay_on_their_worker)
{
	nest n = {0};
	ck_assert(pool_start(4, NULL));
	parallel_for(200, 3, outer_chunk, &n);
	ck_assert_int_eq(atomic_load(&n.inner), 20000);
	ck_assert_int_eq(atomic_load(&n.strangers), 0);
	pool_stop();
}
END_TEST

/* Plain, unguarded results: under the thread sanitizer this also proves that what chunks write is
 * visible to the caller, and what the caller wrote is visible to them. */
static void double_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	int *x = ctx;
	for (int64_t i = lo; i < hi; i++)
		x[i] *= 2;
}

START_TEST(results_are_visible_after_each_of_many_short_loops)
{
	int x[64];
	ck_assert(pool_start(3, NULL));
	for (int round = 0; round < 3000; round++) {
		for (int i = 0; i < 64; i++)
			x[i] = round + i;
		parallel_for(64, 4, double_chunk, x);
		for (int i = 0; i < 64; i++)
			ck_assert_int_eq(x[i], 2 * (round + i));
		if (round % 500 == 0)
			nap_us(2000);                /* the workers fall asleep */
	}
	pool_stop();
}
END_TEST

typedef struct pair {
	atomic_int arrived;
} pair;

/* Ends only when two threads are in it at the same time. */
static void meet_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker, (void)lo, (void)hi;
	pair *p = ctx;
	atomic_fetch_add(&p->arrived, 1);
	while (atomic_load(&p->arrived) < 2)
		nap_us(10);
}

START_TEST(sleeping_workers_wake_up)
{
	ck_assert(pool_start(2, NULL));
	for (int i = 0; i < 20; i++) {
		pair p = {0};
		nap_us(1000);
		parallel_for(2, 1, meet_chunk, &p);
		ck_assert_int_eq(atomic_load(&p.arrived), 2);
	}
	pool_stop();
}
END_TEST

enum { SHARES = 4, SHARE = 5 };

typedef struct shares {
	atomic_int arrived, left;
	int worker[SHARES * SHARE];
} shares;

/* The first chunk of each share waits for that of all others, so each thread is in one of them. */
static void share_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)hi;
	shares *s = ctx;
	s->worker[lo] = worker;
	atomic_fetch_add(&s->arrived, lo % SHARE == 0);
	while (atomic_load(&s->arrived) < SHARES)
		nap_us(10);
}

START_TEST(each_worker_has_the_same_share_of_every_loop)
{
	ck_assert(pool_start(SHARES, NULL));
	for (int round = 0; round < 100; round++) {
		shares s = {0};
		parallel_for(SHARES * SHARE, 1, share_chunk, &s);
		for (int w = 0; w < SHARES; w++)
			ck_assert_int_eq(s.worker[w * SHARE], w);
	}
	pool_stop();
}
END_TEST

/* One chunk ends last, when all others are done: those of its own share by other workers. */
static void stuck_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)hi;
	shares *s = ctx;
	s->worker[lo] = worker;
	while (lo == SHARE && atomic_load(&s->left) > 1)
		nap_us(10);
	atomic_fetch_sub(&s->left, 1);
}

START_TEST(the_share_of_a_busy_worker_is_done_by_others)
{
	ck_assert(pool_start(SHARES, NULL));
	for (int round = 0; round < 100; round++) {
		shares s = {.left = SHARES * SHARE};
		parallel_for(SHARES * SHARE, 1, stuck_chunk, &s);
		ck_assert_int_eq(atomic_load(&s.left), 0);
		for (int k = SHARE + 1; k < 2 * SHARE; k++)
			ck_assert_int_ne(s.worker[k], s.worker[SHARE]);
	}
	pool_stop();
}
END_TEST

static void add_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker, (void)hi;
	atomic_fetch_add((_Atomic int64_t *)ctx, lo);
}

/* As many as a share could not count, were they shared. */
START_TEST(very_many_chunks_are_run_once)
{
	const int64_t n = ((int64_t)2 << 24) + 10;
	_Atomic int64_t sum = 0;
	ck_assert(pool_start(2, NULL));
	parallel_for(n, 1, add_chunk, &sum);
	ck_assert_int_eq(atomic_load(&sum), n * (n - 1) / 2);
	pool_stop();
}
END_TEST

static void *second_caller(void *arg)
{
	visit *v = arg;
	for (int i = 0; i < 300; i++)
		parallel_for(ITEMS, 10, visit_chunk, v);
	return NULL;
}

START_TEST(two_threads_may_run_loops_at_once)
{
	static visit a, b;
	a = b = (visit){.grain = 10, .threads = 3};
	pthread_t t;
	ck_assert(pool_start(3, NULL));
	ck_assert_int_eq(pthread_create(&t, NULL, second_caller, &b), 0);
	second_caller(&a);
	pthread_join(t, NULL);
	pool_stop();
	for (int i = 0; i < ITEMS; i++) {
		ck_assert_int_eq(atomic_load(&a.seen[i]), 300);
		ck_assert_int_eq(atomic_load(&b.seen[i]), 300);
	}
	ck_assert(!atomic_load(&a.wrong) && !atomic_load(&b.wrong));
}
END_TEST

START_TEST(what_is_not_a_number_is_a_difference)
{
	const real a[] = {1, 2, 3}, b[] = {1, (real)2.5, 1}, c[] = {(real)NAN, 2, 3};
	ck_assert_double_eq(vec_largest_difference(a, b, 3), 2);
	ck_assert_double_eq(vec_largest_difference(a, a, 3), 0);
	ck_assert_double_eq(vec_largest_difference(a, b, 0), 0);
	ck_assert(isinf(vec_largest_difference(a, c, 3)) && isinf(vec_largest_difference(c, a, 3)));
}
END_TEST

#ifndef __SANITIZE_THREAD__                           /* which ends a child that starts threads */
START_TEST(forked_child_has_no_pool_and_may_start_one)
{
	ck_assert(pool_start(3, NULL));
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int x[64] = {0};
		bool fine = pool_threads() == 1;
		parallel_for(64, 1, double_chunk, x);
		alarm(20);
		fine &= pool_start(2, NULL) && pool_threads() == 2;
		parallel_for(64, 1, double_chunk, x);
		pool_stop();
		_exit(fine ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pool_stop();
}
END_TEST
#endif

START_TEST(wrong_thread_counts_are_errors)
{
	fault e;
	ck_assert(!pool_start(-1, &e));
	ck_assert_str_eq(e.text, "threads = -1: must be 0 (one per processor) to 256");
	ck_assert(!pool_start(THREADS_MAX + 1, &e));
	ck_assert(pool_start(0, &e));
	ck_assert_int_ge(pool_threads(), 1);
	pool_stop();
	pool_stop();
}
END_TEST

/* Seconds of processor time that this process uses while nobody asks for anything. */
START_TEST(idle_workers_sleep)
{
	ck_assert(pool_start(4, NULL));
	visit v = {.grain = 1, .threads = 4};
	parallel_for(ITEMS, 1, visit_chunk, &v);
	nap_us(5000);
	clock_t before = clock();
	nap_us(100000);
	double used = (double)(clock() - before) / CLOCKS_PER_SEC;
	pool_stop();
	ck_assert_double_lt(used, 0.05);
}
END_TEST

/* ---- hashes ---- */

/* FIPS 180-4's examples (csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values), and a million
 * times "a" (RFC 6234, TEST3). */
START_TEST(sha256_is_as_published)
{
	static const struct {
		const char *text, *hash;
	} known[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char text[SHA256_TEXT];
	for (int i = 0; i < COUNT(known); i++) {
		sha256 s = sha256_new();
		for (const char *p = known[i].text; *p; p++)
			sha256_add(&s, p, 1);
		sha256_text(&s, text);
		ck_assert_str_eq(text, known[i].hash);
	}
	sha256 s = sha256_new();
	char a[1000];
	memset(a, 'a', sizeof a);
	for (int i = 0; i < 1000; i++)
		sha256_add(&s, a, sizeof a);
	sha256_text(&s, text);
	ck_assert_str_eq(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

int main(void)
{
	const suite_test base[] = {
		{sha256_is_as_published, 1},
		{shape_counts_compares_and_prints, 1},
		{longest_shape_prints_within_its_array, 1},
		{error_is_one_line_and_false, 1},
		{error_has_a_place_and_a_reason, 1},
		{words_are_found_printed_and_corrected, 1},
		{memory_overflow_is_an_error, 1},
		{memory_of_no_bytes_can_be_freed, 1},
		{memory_is_aligned_and_cleared, 1},
		{closest_names_the_likely_word, 1},
	};
	const suite_test random[] = {
		{philox_gives_the_published_words, 1},
		{fills_are_the_words_of_the_stream, 1},
		{streams_differ_by_seed_and_purpose, 1},
		{copy_of_a_stream_replays_it, 1},
		{portable_functions_are_the_same_everywhere, 1},
		{what_is_not_a_number_is_a_difference, 1},
		{fills_do_not_depend_on_threads, 3},
		{fills_have_the_moments_of_their_distribution, 3},
		{normals_follow_the_normal_distribution, 3},
		{tiny_truncation_ends, 1},
		{single_draws_are_in_range_and_uniform, 1},
		{subset_is_from_all_over, 1},
		{permutation_holds_every_index_once, 1},
	};
	const suite_test threads[] = {
		{processors_of_large_machines_are_counted, 1},
		{quotas_are_read_and_rounded_up, 1},
		{the_least_quota_of_a_cgroup_and_those_above_counts, 1},
		{every_item_is_visited_once_in_fixed_chunks, 7},
		{without_a_pool_the_caller_does_the_work, 1},
		{nested_loops_stay_on_their_worker, 1},
		{results_are_visible_after_each_of_many_short_loops, 1},
		{sleeping_workers_wake_up, 1},
		{each_worker_has_the_same_share_of_every_loop, 1},
		{the_share_of_a_busy_worker_is_done_by_others, 1},
		{very_many_chunks_are_run_once, 1},
		{two_threads_may_run_loops_at_once, 1},
#ifndef __SANITIZE_THREAD__
		{forked_child_has_no_pool_and_may_start_one, 1},
#endif
		{wrong_thread_counts_are_errors, 1},
		{idle_workers_sleep, 1},
	};
	const suite_case cases[] = {
		{.name = "base", TESTS(base)},
		{.name = "rng", TESTS(random)},
		{.name = "threads", TESTS(threads)},
	};
	return suite_run_cases("base", cases, COUNT(cases), 60);
}
