/* HDF5 files: what is written comes back, equal contents give equal bytes, a damaged or hostile file
 * ends in one line, a failed write leaves the old file.
 *
 * hdf5.h is included to make files that our own writer refuses to make: links, foreign filters,
 * variable-length texts, sets that were never filled. */
#define _DEFAULT_SOURCE                              /* syscall */
#include "core/base/local.h"
#include "core/h5/h5_call.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static fault e;

static const real reals[6] = {1, -2, 0.5, 1e-30, 3e30, 0};
static const double doubles[2] = {1.0 / 3, -1e300};
static const uint8_t bytes[4] = {0, 1, 254, 255};
static const int64_t wholes[3] = {INT64_MIN, 7, INT64_MAX};

/* Every kind of thing we write. */
static bool fill(h5 *f, int64_t step)
{
	return h5_write_real(f, "/net/z/kernel", SHAPE(2, 3), reals, &e) &&
	       h5_write_f64(f, "/net/a/double", SHAPE(2), doubles, &e) &&
	       h5_write_u8(f, "/images", SHAPE(2, 2), bytes, &e) &&
	       h5_write_i64(f, "/net/labels", SHAPE(3), wholes, &e) &&
	       h5_write_real(f, "/net/scalar", shape_scalar(), reals + 2, &e) &&
	       h5_write_real(f, "/net/empty", SHAPE(0, 3), reals, &e) &&
	       h5_group(f, "/void", &e) &&
	       h5_attr_write_text(f, "/", "config", "size: 32\nname: \"\xc3\xa9\"\n", &e) &&
	       h5_attr_write_text(f, "/", "none", "", &e) &&
	       h5_attr_write_i64(f, "/net", "step", 1, &e) &&
	       h5_attr_write_i64(f, "/net", "step", step, &e) &&
	       h5_attr_write_f64(f, "/net/z/kernel", "sigma", 0.1, &e);
}

static void write_file(const char *path, int64_t step)
{
	h5 *f = h5_create(path, &e);
	ck_assert_msg(f, "%s", e.text);
	OK(fill(f, step));
	OK(h5_commit(f, &e));
}

static h5 *open_file(const char *path)
{
	h5 *f = h5_open(path, &e);
	ck_assert_msg(f, "%s", e.text);
	return f;
}

START_TEST(values_of_every_type_come_back)
{
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	real r[6];
	double d[6];
	uint8_t u[4];
	int64_t i[3];
	OK(h5_read_real(f, "/net/z/kernel", r, 6, &e));
	ck_assert_mem_eq(r, reals, sizeof r);
	OK(h5_read_f64(f, "net/a/double", d, 2, &e));
	ck_assert_mem_eq(d, doubles, sizeof doubles);
	OK(h5_read_rows_u8(f, "/images", 0, 2, u, 4, &e));
	ck_assert_mem_eq(u, bytes, sizeof u);
	OK(h5_read_rows_u8(f, "/images", 1, 2, u, 2, &e));
	ck_assert_mem_eq(u, bytes + 2, 2);
	OK(h5_read_i64(f, "/net/labels", i, 3, &e));
	ck_assert_mem_eq(i, wholes, sizeof i);
	OK(h5_read_real(f, "/net/scalar", r, 1, &e));
	ck_assert(r[0] == reals[2]);
	OK(h5_read_real(f, "/net/empty", r, 0, &e));
	OK(h5_read_f64(f, "/net/z/kernel", d, 6, &e));
	for (int k = 0; k < 6; k++)
		ck_assert(d[k] == (double)reals[k]);
	h5_close(f);
}
END_TEST

/* What is asked for ahead and read in that order, in another, with another count, or not at all. */
START_TEST(reads_may_be_asked_for_ahead)
{
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	real r[6];
	double d[6];
	int64_t i[3];
	h5_ahead_real(f, "/net/z/kernel", 6);
	h5_ahead_i64(f, "/net/labels", 3);
	OK(h5_read_real(f, "/net/z/kernel", r, 6, &e));
	ck_assert_mem_eq(r, reals, sizeof r);
	OK(h5_read_i64(f, "/net/labels", i, 3, &e));
	ck_assert_mem_eq(i, wholes, sizeof i);
	h5_ahead_i64(f, "/net/labels", 3);
	h5_ahead_real(f, "/net/empty", 0);
	h5_ahead_real(f, "/net/missing", 5);
	OK(h5_read_f64(f, "net/a/double", d, 2, &e));
	ck_assert_mem_eq(d, doubles, sizeof doubles);
	h5_ahead_real(f, "/net/z/kernel", 6);
	REFUSED(h5_read_real(f, "/net/z/kernel", r, 5, &e), scratch_at("a.h5"), "6 elements; 5 are expected");
	for (int k = 0; k < 2 * H5_AHEAD; k++)
		h5_ahead_i64(f, "/net/labels", 3);
	for (int k = 0; k < 2 * H5_AHEAD; k++) {
		memset(i, 0, sizeof i);
		OK(h5_read_i64(f, "/net/labels", i, 3, &e));
		ck_assert_mem_eq(i, wholes, sizeof i);
	}
	h5_ahead_i64(f, "/net/labels", 3);           /* nobody takes it */
	h5_close(f);
}
END_TEST

/* The same as lists and questions, and as deep as is allowed. */
START_TEST(a_walk_finds_what_lists_and_stats_do)
{
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	h5_tree t;
	OK(h5_walk(f, "/", 9, &t, &e));
	ck_assert_int_gt(t.n, 6);
	for (int k = 0, at = 0; k < t.n; k++) {
		h5_info info;
		OK(h5_stat(f, t.at[k].path, &info, &e));
		ck_assert_int_eq(t.at[k].info.is_group, info.is_group);
		ck_assert(info.is_group || (t.at[k].info.type == info.type && shape_equal(&t.at[k].info.s, &info.s)));
		if (strchr(t.at[k].path + 1, '/'))
			continue;
		h5_names top;                        /* those of the first level, in the order of the list */
		OK(h5_list(f, "/", &top, &e));
		ck_assert_str_eq(t.at[k].path + 1, top.name[at++]);
		h5_names_free(&top);
	}
	h5_tree_free(&t);
	REFUSED(h5_walk(f, "/", 1, &t, &e), scratch_at("a.h5"), "/net: groups nested too deep");
	ck_assert(t.n == 0 && !t.at);
	h5_close(f);
}
END_TEST

/* Data sets that a walk found stay open until they are read: more than may stay open, in any order, and twice. */
START_TEST(what_was_walked_is_read_in_any_order)
{
	enum { GROUPS = 3, EACH = 370 };
	const char *p = scratch_at("many.h5");
	char path[64];
	real x[2];
	h5_tree t;
	h5 *f = h5_create(p, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	for (int g = 0; g < GROUPS; g++)
		for (int k = 0; k < EACH; k++) {
			const real of_it[2] = {(real)g, (real)k};
			snprintf(path, sizeof path, "/group%d/%03d", g, k);
			OK(h5_write_real(f, path, SHAPE(2), of_it, &e));
		}
	OK(h5_commit(f, &e));
	f = open_file(p);
	OK(h5_walk(f, "/", 2, &t, &e));
	ck_assert_int_eq(t.n, GROUPS * (EACH + 1));
	for (int round = 0; round < 2; round++)
		for (int i = t.n - 1; i >= 0; i--) {
			int g, k;
			if (t.at[i].info.is_group)
				continue;
			OK(h5_read_real(f, t.at[i].path, x, 2, &e));
			ck_assert_int_eq(sscanf(t.at[i].path, "/group%d/%d", &g, &k), 2);
			ck_assert(x[0] == (real)g && x[1] == (real)k);
		}
	h5_tree_free(&t);
	h5_close(f);
}
END_TEST

/* Slashes too many, and none at the beginning, before and after the group is known. */
START_TEST(slashes_do_not_count)
{
	static const char *const same[] = {
		"/net/z/kernel", "//net/z//kernel", "net/z/kernel", "net//z///kernel", "///net/z/kernel",
	};
	static const char *const group[] = {"/net/", "/net/z//", "net/z", "/", "//", ""};
	int members[COUNT(group)];
	const char *p = scratch_at("a.h5");
	write_file(p, 42);
	for (int i = 0; i < COUNT(group); i++) {
		static const char *const plain[] = {"/net", "/net/z", "/net/z", "/", "/", "/"};
		h5 *f = open_file(p);
		h5_names in_it;
		OK(h5_list(f, plain[i], &in_it, &e));
		members[i] = in_it.n;
		h5_names_free(&in_it);
		h5_close(f);
	}
	ck_assert(members[0] != members[1] && members[1] != members[3] && members[0] != members[3]);
	for (int first = 0; first < COUNT(same); first++) {
		h5 *f = open_file(p);
		real want[6], x[6];
		h5_info info;
		OK(h5_read_real(f, same[first], want, 6, &e));
		for (int i = 0; i < COUNT(same); i++) {
			OK(h5_read_real(f, same[i], x, 6, &e));
			ck_assert_mem_eq(want, x, sizeof x);
			ck_assert(h5_exists(f, same[i]));
		}
		for (int i = 0; i < 2 * COUNT(group); i++) {
			const int g = i / 2;                 /* twice: the second time it is known */
			h5_names in_it;
			OK(h5_stat(f, group[g], &info, &e));
			ck_assert(info.is_group);
			OK(h5_list(f, group[g], &in_it, &e));
			ck_assert_int_eq(in_it.n, members[g]);
			h5_names_free(&in_it);
		}
		ck_assert(!h5_exists(f, "/net/z/kernel/"));  /* a data set has nothing behind its name */
		ck_assert(!h5_exists(f, "/net/z/z") && !h5_exists(f, "/net/net") && !h5_exists(f, "/net/z/kernel/x"));
		h5_close(f);
	}
}
END_TEST

START_TEST(a_request_that_does_not_fit_is_refused)
{
	const char *p = scratch_at("a.h5");
	write_file(p, 42);
	h5 *f = open_file(p);
	real r[6];
	uint8_t u[8];
	int64_t i[3];
	REFUSED(h5_read_real(f, "/net/z/kernel", r, 5, &e), p, "[2,3], 6 elements; 5 are expected");
	REFUSED(h5_read_real(f, "/net/x", r, 5, &e), p, "/net/x: not in the file");
	REFUSED(h5_read_real(f, "/net/z/kernel/deeper", r, 5, &e), p, "not in the file");
	REFUSED(h5_read_real(f, "/net", r, 5, &e), p, "not a data set");
	REFUSED(h5_read_real(f, "/net/../net", r, 5, &e), p, "not names");
	REFUSED(h5_read_rows_u8(f, "/net/z/kernel", 0, 2, u, 6, &e), p, "whole numbers are expected");
	REFUSED(h5_read_rows_u8(f, "/net/labels", 0, 3, u, 3, &e), p, "holds a value that uint8 cannot");
	REFUSED(h5_read_rows_u8(f, "/images", 1, 3, u, 4, &e), p, "rows 1 to 3");
	REFUSED(h5_read_rows_u8(f, "/images", 0, 1, u, 4, &e), p, "2 elements; 4");
	REFUSED(h5_attr_i64(f, "/net", "stop", i, &e), p, "no attribute \"stop\"");
	REFUSED(h5_attr_i64(f, "/net/z/kernel", "sigma", i, &e), p, "not one whole number");
	REFUSED(h5_attr_text(f, "/net", "step", (char *)u, 8, &e), p, "not one text");
	char deep[400] = "";
	for (int k = 0; k < 100; k++)
		strcat(deep, "/g");
	REFUSED(h5_read_real(f, deep, r, 5, &e), p, "nested deeper");
	ck_assert(!h5_exists(f, deep) && !h5_exists(f, "/net/x") && h5_exists(f, "/net") && h5_exists(f, "/"));
	h5_close(f);
}
END_TEST

START_TEST(attributes_come_back)
{
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	char text[64], small[5];
	int64_t i = 0;
	double d = 0;
	OK(h5_attr_text(f, "/", "config", text, sizeof text, &e));
	ck_assert_str_eq(text, "size: 32\nname: \"\xc3\xa9\"\n");
	REFUSED(h5_attr_text(f, "/", "config", small, sizeof small, &e), scratch_at("a.h5"),
		"attribute \"config\" has 20 bytes, at most 4 are expected");
	OK(h5_attr_text(f, "/", "none", text, sizeof text, &e));
	ck_assert_str_eq(text, "");
	OK(h5_attr_i64(f, "/net", "step", &i, &e));
	ck_assert_int_eq(i, 42);
	OK(h5_attr_f64(f, "/net/z/kernel", "sigma", &d, &e));
	ck_assert(d == 0.1);
	OK(h5_attr_f64(f, "/net", "step", &d, &e));
	ck_assert(d == 42);
	ck_assert_int_eq(h5_attr_kind(f, "/", "config"), 's');
	ck_assert_int_eq(h5_attr_kind(f, "/net", "step"), 'i');
	ck_assert_int_eq(h5_attr_kind(f, "/net/z/kernel", "sigma"), 'f');
	ck_assert_int_eq(h5_attr_kind(f, "/", "other"), 0);
	ck_assert(h5_attr_exists(f, "/", "none") && !h5_attr_exists(f, "/", "other") &&
		  !h5_attr_exists(f, "/other", "none"));
	h5_close(f);
}
END_TEST

START_TEST(long_texts_come_back)
{
	size_t n = 3 << 20;
	char *text = malloc(n + 1), *back;
	for (size_t k = 0; k < n; k++)
		text[k] = (char)('a' + k % 26);
	text[n] = '\0';
	h5 *f = h5_create(scratch_at("long.h5"), &e);
	OK(h5_attr_write_text(f, "/", "config", text, &e));
	OK(h5_commit(f, &e));
	f = open_file(scratch_at("long.h5"));
	OK(back = h5_attr_text_new(f, "/", "config", &e));
	ck_assert_str_eq(back, text);
	free(back);
	free(text);
	h5_close(f);
}
END_TEST

START_TEST(members_are_listed_as_they_were_made)
{
	static const char *const want[] = {"z", "a", "labels", "scalar", "empty"};
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	h5_names names;
	OK(h5_list(f, "/net", &names, &e));
	ck_assert_int_eq(names.n, COUNT(want));
	for (int k = 0; k < names.n; k++)
		ck_assert_str_eq(names.name[k], want[k]);
	h5_names_free(&names);
	OK(h5_list(f, "/void", &names, &e));
	ck_assert_int_eq(names.n, 0);
	h5_names_free(&names);
	REFUSED(h5_list(f, "/images", &names, &e), scratch_at("a.h5"), "a group is expected");
	h5_close(f);
}
END_TEST

START_TEST(stat_tells_type_and_shape)
{
	static const struct {
		const char *path;
		bool group;
		enum h5_type type;
		int rank;
	} rows[] = {
		{"/",             true,  H5_OTHER,                            0},
		{"/net",          true,  H5_OTHER,                            0},
		{"/net/z/kernel", false, sizeof(real) == 4 ? H5_F32 : H5_F64, 2},
		{"/net/a/double", false, H5_F64,                              1},
		{"/images",       false, H5_U8,                               2},
		{"/net/labels",   false, H5_I64,                              1},
		{"/net/scalar",   false, sizeof(real) == 4 ? H5_F32 : H5_F64, 0},
	};
	write_file(scratch_at("a.h5"), 42);
	h5 *f = open_file(scratch_at("a.h5"));
	for (int k = 0; k < COUNT(rows); k++) {
		h5_info info;
		OK(h5_stat(f, rows[k].path, &info, &e));
		ck_assert(info.is_group == rows[k].group && info.type == rows[k].type);
		ck_assert_int_eq(info.s.rank, rows[k].rank);
	}
	h5_close(f);
}
END_TEST

START_TEST(equal_contents_give_equal_bytes)
{
	size_t na, nb, nc;
	write_file(scratch_at("a.h5"), 42);
	sleep(1);                                    /* a time stored anywhere would differ now */
	write_file(scratch_at("b.h5"), 42);
	write_file(scratch_at("c.h5"), 43);
	char *a = file_bytes(scratch_at("a.h5"), &na), *b = file_bytes(scratch_at("b.h5"), &nb);
	char *c = file_bytes(scratch_at("c.h5"), &nc);
	ck_assert_uint_eq(na, nb);
	ck_assert_mem_eq(a, b, na);
	ck_assert(na != nc || memcmp(a, c, na));
	free(a);
	free(b);
	free(c);
}
END_TEST

/* A reader that a file has taken over answers with one member whose path has no end, says that there are two, and what
 * lies behind the answer looks like the second. */
START_TEST(lists_end_where_the_answer_does)
{
	char made[4 * sizeof(h5_info)] = {0};
	h5_tree tree;
	h5_names names;
	made[sizeof(h5_info)] = 'p';
	made[2 * sizeof(h5_info) + 2] = 'q';
	h5_call c = {.op = H5_OP_WALK, .made = made, .made_n = sizeof(h5_info) + 1, .n = 2};
	OK(h5_answer_members(&c, &tree, &e));
	ck_assert_int_eq(tree.n, 1);
	ck_assert_str_eq(tree.at[0].path, "p");
	h5_tree_free(&tree);
	static const int64_t lies[] = {-1, -5, sizeof(h5_info) + 2, INT64_MAX};
	for (int i = 0; i < COUNT(lies); i++) {
		c.n = lies[i];
		REFUSED(h5_answer_members(&c, &tree, &e), "", "names");
		REFUSED(h5_answer_names(&c, &names, &e), "", "names");
	}
}
END_TEST

START_TEST(an_image_in_memory_reads_like_the_file)
{
	size_t n;
	real r[6];
	write_file(scratch_at("a.h5"), 42);
	char *a = file_bytes(scratch_at("a.h5"), &n);
	h5 *f = h5_open_image(a, n, "checkpoint", &e), *g = h5_open_image(a, n, "checkpoint", &e);
	ck_assert_msg(f && g, "%s", e.text);
	OK(h5_read_real(f, "/net/z/kernel", r, 6, &e));
	h5_close(f);
	OK(h5_read_real(g, "/net/z/kernel", r, 6, &e));
	ck_assert_mem_eq(r, reals, sizeof r);
	h5_close(g);
	REFUSED(h5_open_image(a, 0, "checkpoint", &e), "checkpoint", "empty");
	REFUSED(h5_open_image(a, n / 2, "checkpoint", &e), "checkpoint", "not a readable HDF5 file");
	free(a);
}
END_TEST

/* As h5py writes it with libver="latest". */
START_TEST(an_image_of_the_newest_format_is_read)
{
	size_t n;
	const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
	ck_assert_int_ge(H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), 0);
	ck_assert_int_ge(H5Fclose(H5Fcreate(scratch_at("new.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, access)), 0);
	H5Pclose(access);
	char *bytes_of = file_bytes(scratch_at("new.h5"), &n);
	ck_assert_int_ge(bytes_of[8], 3);            /* the version of the superblock */
	h5 *f = h5_open_image(bytes_of, n, "new", &e);
	ck_assert_msg(f, "%s", e.text);
	h5_close(f);
	free(bytes_of);
}
END_TEST

START_TEST(an_uncommitted_file_vanishes)
{
	h5 *f = h5_create(scratch_at("a.h5"), &e);
	OK(fill(f, 1));
	h5_close(f);
	ck_assert_int_eq(files_in(scratch_folder()), 0);
}
END_TEST

START_TEST(what_is_no_hdf5_file_is_refused)
{
	REFUSED(h5_open(scratch_at("none.h5"), &e), scratch_at("none.h5"), "No such file");
	REFUSED(h5_open(scratch_folder(), &e), scratch_folder(), "not a regular file");
	file_store(scratch_at("text.h5"), "hello", 5);
	REFUSED(h5_open(scratch_at("text.h5"), &e), scratch_at("text.h5"), "not a readable HDF5 file");
	file_store(scratch_at("empty.h5"), "", 0);
	REFUSED(h5_open(scratch_at("empty.h5"), &e), scratch_at("empty.h5"), "not a readable HDF5 file");
}
END_TEST

/* Everything that can be asked of a file, whatever is in it. */
static int visit(h5 *f, const char *path, int depth, int budget)
{
	h5_names names;
	h5_info info;
	char text[32];
	int64_t i;
	double d;
	if (budget <= 0 || !h5_stat(f, path, &info, &e))
		return budget;
	h5_attr_text(f, path, "config", text, sizeof text, &e);
	h5_attr_i64(f, path, "step", &i, &e);
	h5_attr_f64(f, path, "sigma", &d, &e);
	int64_t n = shape_count(&info.s);
	if (!info.is_group && n < 1000) {
		double *x = malloc(sizeof *x * (size_t)(n + 1));
		h5_read_f64(f, path, x, n, &e);
		h5_read_rows_u8(f, path, 0, info.s.rank ? info.s.dim[0] : 0, (uint8_t *)x, n, &e);
		free(x);
	}
	if (!info.is_group || depth > 5 || !h5_list(f, path, &names, &e))
		return budget - 1;
	for (int k = 0; k < names.n; k++) {
		char child[4096];
		if (snprintf(child, sizeof child, "%s/%s", path, names.name[k]) < (int)sizeof child)
			budget = visit(f, child, depth + 1, budget - 1);
	}
	h5_names_free(&names);
	return budget;
}

/* The library loses memory of its own when a file is damaged; leak checkers are told to look away. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* Prefixes and random changes of one to eight bytes: an answer or an error line, never a crash. */
START_TEST(damaged_files_never_crash)
{
	size_t n;
	uint64_t state = 1;
	int opened = 0;
	if (__lsan_disable)
		__lsan_disable();
	write_file(scratch_at("a.h5"), 42);
	char *good = file_bytes(scratch_at("a.h5"), &n), *bad = malloc(n);
	for (int k = 0; k < 800; k++) {
		memcpy(bad, good, n);
		size_t m = k % 4 ? n : (size_t)k * n / 800;
		for (int c = 0; k % 4 && c <= k % 8; c++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			bad[(state >> 20) % n] ^= (char)(1 + (state >> 56) % 255);
		}
		file_store(scratch_at("bad.h5"), bad, m);
		h5 *f = k % 2 ? h5_open(scratch_at("bad.h5"), &e) : h5_open_image(bad, m, "bad", &e);
		opened += f != NULL;
		if (f)
			visit(f, "/", 0, 200);
		h5_close(f);
	}
	ck_assert_msg(opened > 100, "only %d of 800 files opened: the mutations prove little", opened);
	if (__lsan_enable)
		__lsan_enable();
	free(good);
	free(bad);
}
END_TEST

/* A file with what foreign or hostile programs put into theirs. */
static void make_foreign(const char *path)
{
	hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	hsize_t dims[2] = {64, 64}, nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, huge[2] = {1 << 20, 1 << 20};
	hsize_t absurd[2] = {1ull << 40, 1ull << 40};
	hid_t space = H5Screate_simple(2, dims, NULL), one = H5Screate(H5S_SCALAR);
	static uint8_t x[4096];
	for (int k = 0; k < 4096; k++)
		x[k] = (uint8_t)k;

	H5Lcreate_soft("/loop", f, "/loop", H5P_DEFAULT, H5P_DEFAULT);
	H5Lcreate_external("/etc/passwd", "/x", f, "/outside", H5P_DEFAULT, H5P_DEFAULT);
	hid_t g = H5Gcreate2(f, "/ring", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	H5Lcreate_hard(f, "/ring", g, "ring", H5P_DEFAULT, H5P_DEFAULT);
	H5Gclose(g);

	hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_chunk(dcpl, 2, (hsize_t[]){16, 16});
	hid_t sparse = H5Dcreate2(f, "/sparse", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
	H5Pset_deflate(dcpl, 6);
	hid_t packed = H5Dcreate2(f, "/packed", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
	H5Dwrite(packed, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
	hid_t wide = H5Screate_simple(2, huge, NULL), deep = H5Screate_simple(2, absurd, NULL);
	H5Dclose(H5Dcreate2(f, "/bomb", H5T_STD_U8LE, wide, H5P_DEFAULT, dcpl, H5P_DEFAULT));
	H5Dclose(H5Dcreate2(f, "/absurd", H5T_STD_U8LE, deep, H5P_DEFAULT, dcpl, H5P_DEFAULT));
	H5Pset_scaleoffset(dcpl, H5Z_SO_INT, 0);
	hid_t odd = H5Dcreate2(f, "/filter", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
	H5Dwrite(odd, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);

	hid_t ext = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_external(ext, "/etc/passwd", 0, 4096);
	hid_t external = H5Dcreate2(f, "/external", H5T_STD_U8LE, space, H5P_DEFAULT, ext, H5P_DEFAULT);
	hid_t never = H5Dcreate2(f, "/never", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	hid_t axes = H5Screate_simple(9, nine, NULL);
	hid_t ranks = H5Dcreate2(f, "/rank9", H5T_STD_U8LE, axes, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	hid_t big = H5Dcreate2(f, "/big", H5T_STD_I16BE, one, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	H5Dwrite(big, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &(int){-300});

	hid_t text = H5Tcopy(H5T_C_S1);
	hid_t words = H5Dcreate2(f, "/words", text, one, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	static const char *const value = "variable";
	H5Tset_size(text, H5T_VARIABLE);
	hid_t a = H5Acreate2(f, "variable", text, one, H5P_DEFAULT, H5P_DEFAULT);
	H5Awrite(a, text, &value);
	H5Aclose(a);
	H5Tclose(text);
	text = H5Tcopy(H5T_C_S1);
	H5Tset_size(text, 4);
	H5Tset_strpad(text, H5T_STR_SPACEPAD);
	a = H5Acreate2(f, "spaces", text, one, H5P_DEFAULT, H5P_DEFAULT);
	H5Awrite(a, text, "ab  ");
	H5Aclose(a);
	H5Tset_strpad(text, H5T_STR_NULLPAD);
	a = H5Acreate2(f, "full", text, one, H5P_DEFAULT, H5P_DEFAULT);
	H5Awrite(a, text, "full");
	H5Aclose(a);
	hid_t three = H5Screate_simple(1, (hsize_t[]){3}, NULL);
	a = H5Acreate2(f, "list", H5T_STD_I64LE, three, H5P_DEFAULT, H5P_DEFAULT);
	H5Awrite(a, H5T_NATIVE_INT64, (int64_t[]){3, 4, 5});
	H5Aclose(a);

	hid_t const sets[] = {sparse, packed, odd, external, never, ranks, big, words};
	for (int k = 0; k < COUNT(sets); k++)
		H5Dclose(sets[k]);
	hid_t const spaces[] = {space, one, wide, deep, axes, three};
	for (int k = 0; k < COUNT(spaces); k++)
		H5Sclose(spaces[k]);
	H5Pclose(dcpl);
	H5Pclose(ext);
	H5Tclose(text);
	ck_assert_int_ge(H5Fclose(f), 0);
}

START_TEST(foreign_files_are_read_or_refused)
{
	static const struct {
		const char *path, *why;
	} refused[] = {
		{"/loop",       "link"},
		{"/outside",    "link"},
		{"/outside/x",  "link"},
		{"/sparse",     "never filled"},
		{"/bomb",       "claims"},
		{"/absurd",     "more elements than any memory holds"},
		{"/filter",     "packed by the filter scaleoffset (6)"},
		{"/external",   "another file"},
		{"/never",      "never filled"},
		{"/rank9",      "9 axes"},
		{"/words",      "neither whole numbers nor"},
	};
	const char *p = scratch_at("foreign.h5");
	make_foreign(p);
	h5 *f = open_file(p);
	static uint8_t x[4096];
	h5_info info;
	for (int k = 0; k < COUNT(refused); k++) {
		REFUSED(h5_stat(f, refused[k].path, &info, &e), p, refused[k].why);
		REFUSED(h5_read_rows_u8(f, refused[k].path, 0, 4096, x, 4096, &e), p, refused[k].why);
	}
	OK(h5_read_rows_u8(f, "/packed", 0, 64, x, 4096, &e));
	for (int k = 0; k < 4096; k++)
		ck_assert_int_eq(x[k], (uint8_t)k);
	int64_t i;
	OK(h5_read_i64(f, "/big", &i, 1, &e));
	ck_assert_int_eq(i, -300);
	char text[16];
	double d;
	OK(h5_attr_text(f, "/", "variable", text, sizeof text, &e));
	ck_assert_str_eq(text, "variable");
	OK(h5_attr_text(f, "/", "spaces", text, sizeof text, &e));
	ck_assert_str_eq(text, "ab");
	OK(h5_attr_text(f, "/", "full", text, sizeof text, &e));
	ck_assert_str_eq(text, "full");
	REFUSED(h5_attr_f64(f, "/", "list", &d, &e), p, "not one number");
	h5_close(f);
}
END_TEST

/* The old file must be there, readable, with its old content; nothing else in the directory. */
static void check_old_file(const char *path)
{
	int64_t step = 0;
	h5 *f = open_file(path);
	OK(h5_attr_i64(f, "/net", "step", &step, &e));
	ck_assert_int_eq(step, 42);
	h5_close(f);
	ck_assert_int_eq(files_in(scratch_folder()), 1);
}

START_TEST(a_full_disk_leaves_the_old_file)
{
	const char *p = scratch_at("a.h5");
	write_file(p, 42);
	h5 *f = h5_create(p, &e);
	OK(fill(f, 43));
	disk_full(512);
	bool committed = h5_commit(f, &e);
	disk_free();
	ck_assert(!committed);
	ck_assert_msg(!strncmp(e.text, p, strlen(p)) && strstr(e.text, "cannot write"), "%s", e.text);
	check_old_file(p);
}
END_TEST

/* What the library's locks are on the file system: those of the system; as NFS has them, which makes them locks of
 * fcntl; or refused. The library calls this function, as it is the program's. */
static enum { LOCKS_USUAL, LOCKS_NFS, LOCKS_REFUSED } locks;

__attribute__((visibility("default"))) int flock(int fd, int what)
{
	const int kind = what & ~LOCK_NB;
	struct flock whole = {.l_whence = SEEK_SET,
			      .l_type = kind == LOCK_EX ? F_WRLCK : kind == LOCK_SH ? F_RDLCK : F_UNLCK};
	if (locks == LOCKS_USUAL)
		return (int)syscall(SYS_flock, fd, what);
	if (locks == LOCKS_NFS)
		return fcntl(fd, F_SETLK, &whole);
	errno = ENOLCK;
	return -1;
}

static bool write_large(const char *path)
{
	h5 *f = h5_create_large(path, &e);
	if (f && h5_rows_u8(f, "/images", SHAPE(2, 2), &e) && h5_fill_u8(f, "/images", 0, 2, bytes, 4, &e))
		return h5_commit(f, &e);
	h5_close(f);
	return false;
}

START_TEST(files_are_written_and_read_whatever_locks_there_are)
{
	const char *p = scratch_at("large.h5");
	uint8_t x[4];
	locks = _i;
	OK(write_large(p));
	h5 *f = open_file(p);
	OK(h5_read_rows_u8(f, "/images", 0, 2, x, 4, &e) && memcmp(x, bytes, 4) == 0);
	h5_close(f);
	locks = LOCKS_USUAL;
}
END_TEST

/* HDF5 locks what it writes. Such a file is not read, and not called damaged; a new one takes its place. */
START_TEST(what_another_program_is_writing_is_not_read_now)
{
	const char *p = scratch_at("large.h5");
	OK(write_large(p));
	const int fd = open(p, O_RDWR);
	ck_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
	ck_assert(!h5_open(p, &e) && fault_is_now(&e));
	OK(write_large(p));
	h5_close(open_file(p));
	close(fd);
}
END_TEST

/* A file that is written piece by piece: the piece that no longer fits says so, and there is no file. */
START_TEST(a_full_disk_is_seen_by_large_files)
{
	enum { ROWS = 400, SIZE = 784 };
	uint8_t x[10 * SIZE] = {1};
	const char *p = scratch_at("large.h5");
	disk_full(100000);                           /* of the child, too, that writes the file */
	h5 *f = h5_create_large(p, &e);
	OK(f && h5_rows_u8(f, "/images", SHAPE(ROWS, 28, 28, 1), &e));
	bool ok = true;
	for (int i = 0; i < ROWS; i += 10)
		ok = h5_fill_u8(f, "/images", i, 10, x, COUNT(x), &e) && ok;
	const bool committed = h5_commit(f, &e);
	disk_free();
	ck_assert(!ok && !committed);
	ck_assert(!file_exists(scratch_folder(), "large.h5"));
	ck_assert_int_eq(files_in(scratch_folder()), 0);
}
END_TEST

START_TEST(an_impossible_path_is_one_line)
{
	const char *p = scratch_at("a.h5");
	char below[200];
	write_file(p, 42);
	snprintf(below, sizeof below, "%s/b.h5", p);
	h5 *f = h5_create(below, &e);
	OK(fill(f, 43));
	REFUSED(h5_commit(f, &e), below, "Not a directory");
	f = h5_create(scratch_folder(), &e);         /* the rename fails: a directory is in the way */
	OK(fill(f, 43));
	REFUSED(h5_commit(f, &e), scratch_folder(), "is a folder");
	check_old_file(p);
}
END_TEST

START_TEST(a_failed_part_is_never_committed)
{
	const char *p = scratch_at("a.h5");
	write_file(p, 42);
	h5 *f = h5_create(p, &e);
	OK(fill(f, 43));
	REFUSED(h5_write_u8(f, "/images", SHAPE(4), bytes, &e), p, "/images: cannot be written");
	REFUSED(h5_write_u8(f, "/images/more", SHAPE(4), bytes, &e), p, "can hold no members");
	REFUSED(h5_commit(f, &e), p, "earlier part failed");
	check_old_file(p);
}
END_TEST

/* Halves between two numbers of float16 go to the even one; below 2^-14 the numbers are 2^-24 apart. */
START_TEST(halves_are_rounded_and_come_back)
{
	static const double pairs[][2] = {
		{1, 1}, {1 + 0x1p-11, 1}, {1 + 3 * 0x1p-11, 1 + 0x1p-9}, {1 + 0x1.1p-11, 1 + 0x1p-10}, {65504, 65504},
		{0x1p-24, 0x1p-24}, {0x1.1p-25, 0x1p-24}, {0x1p-25, 0}, {-0.1, -0.0999755859375}, {0, 0},
	};
	real x[COUNT(pairs)], y[COUNT(pairs)];
	const char *p = scratch_at("half.h5");
	h5_info info;
	for (int i = 0; i < COUNT(pairs); i++) {
		ck_assert_double_eq(h5_half(pairs[i][0]), pairs[i][1]);
		x[i] = (real)pairs[i][1];
	}
	ck_assert(isinf(h5_half(65520)) && isinf(h5_half(-1e9)) && isnan(h5_half(NAN)));
	h5 *f = h5_create(p, &e);
	OK(h5_write_f16(f, "/x", SHAPE(COUNT(pairs)), x, &e));
	OK(h5_commit(f, &e));
	f = h5_open(p, &e);
	OK(f && h5_stat(f, "/x", &info, &e));
	ck_assert_int_eq(info.type, H5_F16);
	OK(h5_read_real(f, "/x", y, COUNT(pairs), &e));
	for (int i = 0; i < COUNT(pairs); i++)
		ck_assert_double_eq((double)x[i], (double)y[i]);
	h5_close(f);
	f = h5_create(p, &e);
	REFUSED(h5_write_f16(f, "/x", SHAPE(1), &(real){(real)0.1}, &e), p, "/x: 0.1");
	REFUSED(h5_commit(f, &e), p, "earlier part failed");
}
END_TEST

/* A kernel of many equal numbers takes little room, and comes back. */
START_TEST(large_arrays_of_halves_are_deflated)
{
	const shape s = SHAPE(3, 3, 64, 64);
	const int64_t n = shape_count(&s);
	real *x = mem_zero((size_t)n, sizeof *x, &e), *y = mem_new((size_t)n, sizeof *y, &e);
	size_t size;
	ck_assert(x && y);
	for (int64_t i = 0; i < n; i += 100)
		x[i] = (real)(i % 1000) / 64;
	h5 *f = h5_create(scratch_at("packed.h5"), &e);
	OK(h5_write_f16(f, "/x", s, x, &e));
	OK(h5_commit(f, &e));
	f = h5_open(scratch_at("packed.h5"), &e);
	OK(f && h5_read_real(f, "/x", y, n, &e));
	ck_assert(memcmp(x, y, (size_t)n * sizeof *x) == 0);
	h5_close(f);
	free(file_bytes(scratch_at("packed.h5"), &size));
	ck_assert_uint_lt(size, (size_t)n);
	free(x);
	free(y);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{values_of_every_type_come_back, 1},
		{reads_may_be_asked_for_ahead, 1},
		{a_walk_finds_what_lists_and_stats_do, 1},
		{what_was_walked_is_read_in_any_order, 1},
		{slashes_do_not_count, 1},
		{a_request_that_does_not_fit_is_refused, 1},
		{attributes_come_back, 1},
		{long_texts_come_back, 1},
		{members_are_listed_as_they_were_made, 1},
		{stat_tells_type_and_shape, 1},
		{equal_contents_give_equal_bytes, 1},
		{lists_end_where_the_answer_does, 1},
		{an_image_in_memory_reads_like_the_file, 1},
		{an_image_of_the_newest_format_is_read, 1},
		{an_uncommitted_file_vanishes, 1},
		{what_is_no_hdf5_file_is_refused, 1},
		{damaged_files_never_crash, 1},
		{foreign_files_are_read_or_refused, 1},
		{large_arrays_of_halves_are_deflated, 1},
		{halves_are_rounded_and_come_back, 1},
		{a_full_disk_leaves_the_old_file, 1},
		{a_full_disk_is_seen_by_large_files, 1},
		{files_are_written_and_read_whatever_locks_there_are, LOCKS_REFUSED + 1},
		{what_another_program_is_writing_is_not_read_now, 1},
		{an_impossible_path_is_one_line, 1},
		{a_failed_part_is_never_committed, 1},
	};
	return suite_run("h5", tests, COUNT(tests), 60);
}
