/* test_checkpoint.c - a state on disk: nothing is lost on the way, nothing damaged is believed, and the
 * files of a directory are kept as promised. */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* A state of three arrays of all kinds. */
typedef struct sample_state {
	real kernel[2][3];
	double sums[4];
	int64_t stream[3];
	state_list list;
} sample_state;

static void state_make(sample_state *s)
{
	*s = (sample_state){.list = {0}};
	for (int i = 0; i < 6; i++)
		s->kernel[i / 3][i % 3] = (real)(0.1 * i - 0.2);
	for (int i = 0; i < 4; i++)
		s->sums[i] = 1.0 / (i + 3);
	for (int i = 0; i < 3; i++)
		s->stream[i] = INT64_MIN + i;
	state_add(&s->list, ARRAY_REAL, "/generator/block1/kernel", SHAPE(2, 3), s->kernel, NULL);
	state_add(&s->list, ARRAY_F64, "/trainer/sums", SHAPE(4), s->sums, "sums of something");
	state_add(&s->list, ARRAY_I64, "/random/latent", SHAPE(3), s->stream, "key, stream, block");
}

static checkpoint_info about(int64_t step)
{
	return (checkpoint_info){.step = step, .program = "sagan test", .config = (char *)"seed: 1\n"};
}

static void save_step(int64_t step)
{
	sample_state s;
	fault e = {.text = ""};
	char path[RUN_PATH_MAX];
	checkpoint_info info = about(step);
	state_make(&s);
	rundir_checkpoint(scratch_folder(), step, path, sizeof path);
	ck_assert_msg(checkpoint_save(path, &info, &s.list, &e), "%s", e.text);
	state_list_free(&s.list);
}

/* ---- there and back ---- */

START_TEST(state_comes_back_bit_for_bit)
{
	sample_state a, b;
	fault e = {.text = ""};
	save_step(12);
	state_make(&a);
	state_make(&b);
	memset(b.kernel, 0, sizeof b.kernel);
	memset(b.sums, 0, sizeof b.sums);
	memset(b.stream, 0, sizeof b.stream);
	ck_assert_msg(checkpoint_load(scratch_at("checkpoint-00000012.h5"), &b.list, true, &e), "%s", e.text);
	ck_assert_mem_eq(a.kernel, b.kernel, sizeof a.kernel);
	ck_assert_mem_eq(a.sums, b.sums, sizeof a.sums);
	ck_assert_mem_eq(a.stream, b.stream, sizeof a.stream);

	checkpoint_info info;
	ck_assert_msg(checkpoint_read_info(scratch_at("checkpoint-00000012.h5"), &info, &e), "%s", e.text);
	ck_assert_int_eq(info.step, 12);
	ck_assert_str_eq(info.config, "seed: 1\n");
	ck_assert_str_eq(info.program, "sagan test");
	ck_assert_str_eq(info.precision, REAL_NAME);
	ck_assert(!info.has_score);
	checkpoint_info_free(&info);
	state_list_free(&a.list);
	state_list_free(&b.list);
}
END_TEST

START_TEST(equal_states_give_equal_files)
{
	size_t n, k;
	save_step(3);
	unsigned char *a = file_bytes(scratch_at("checkpoint-00000003.h5"), &n);
	save_step(3);
	unsigned char *b = file_bytes(scratch_at("checkpoint-00000003.h5"), &k);
	ck_assert_uint_eq(n, k);
	ck_assert_mem_eq(a, b, n);
	free(a);
	free(b);
}
END_TEST

START_TEST(a_person_understands_the_names)
{
	fault e = {.text = ""};
	char text[64];
	save_step(5);
	h5 *f = h5_open(scratch_at("checkpoint-00000005.h5"), &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert(h5_exists(f, "/generator/block1/kernel") && h5_exists(f, "/random/latent"));
	ck_assert(h5_attr_text(f, "/trainer/sums", "about", text, sizeof text, &e));
	ck_assert_str_eq(text, "sums of something");
	h5_close(f);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(checkpoint_of_another_network_is_told_in_one_line)
{
	save_step(1);
	real other[2][4] = {{0}}, more[1] = {0};
	const struct {
		const char *path;
		shape s;
		void *x;
		bool whole;
		const char *word;
	} row[] = {
		{"/generator/block1/kernel", SHAPE(2, 4), other, false,
			"/generator/block1/kernel is [2,3] in the file, [2,4] here"},
		{"/generator/block2/kernel", SHAPE(1), more, false, "/generator/block2/kernel is missing"},
		{"/generator/block1/kernel", SHAPE(2, 3), other, true,
			"is in the file, but not here, and 1 more"},
		{"/random/latent", SHAPE(3), other, false, "/random/latent"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		state_list l = {0};
		fault e = {.text = ""};
		state_add(&l, ARRAY_REAL, row[i].path, row[i].s, row[i].x, NULL);
		ck_assert(!checkpoint_load(scratch_at("checkpoint-00000001.h5"), &l, row[i].whole, &e));
		ck_assert_msg(strstr(e.text, row[i].word) && strstr(e.text, "checkpoint of another network")
			&& !strchr(e.text, '\n'), "%s", e.text);
		state_list_free(&l);
	}
	for (int i = 0; i < 8; i++)
		ck_assert(other[i / 4][i % 4] == 0);     /* nothing was filled */
}
END_TEST

START_TEST(files_of_others_are_refused)
{
	fault e = {.text = ""};
	checkpoint_info info;
	h5 *f = h5_create(scratch_at("plain.h5"), &e);
	ck_assert(f && h5_write_f64(f, "/x", SHAPE(1), &(double){1}, &e) && h5_commit(f, &e));
	ck_assert(!checkpoint_read_info(scratch_at("plain.h5"), &info, &e));
	ck_assert_msg(strstr(e.text, "not a checkpoint"), "%s", e.text);
	ck_assert(!checkpoint_read_info(scratch_at("absent.h5"), &info, &e));
	ck_assert_msg(strstr(e.text, "absent.h5"), "%s", e.text);
}
END_TEST

/* libhdf5 1.10 itself loses the object headers that it fails to decode: the leak sanitizer, where there is
 * one, must not look at what is allocated there. It reuses blocks, so that test comes first. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* Cut anywhere, or with any byte changed, a checkpoint is refused or still gives the same state. */
START_TEST(damage_is_seen)
{
	size_t n;
	int refused = 0, tried = 0;
	sample_state want;
	if (__lsan_disable)
		__lsan_disable();
	state_make(&want);
	save_step(2);
	unsigned char *x = file_bytes(scratch_at("checkpoint-00000002.h5"), &n);
	for (size_t i = 0; i < n; i += 7) {
		fault e = {.text = ""};
		file_store(scratch_at("cut.h5"), x, i);
		ck_assert_msg(!checkpoint_verify(scratch_at("cut.h5"), &e), "cut at %zu of %zu", i, n);
		ck_assert(e.text[0] && !strchr(e.text, '\n'));

		sample_state s;
		state_make(&s);
		memset(s.kernel, 0, sizeof s.kernel);
		x[i] ^= 0x40;
		file_store(scratch_at("bad.h5"), x, n);
		x[i] ^= 0x40;
		tried++;
		if (!checkpoint_load(scratch_at("bad.h5"), &s.list, true, &e)) {
			ck_assert(e.text[0] && !strchr(e.text, '\n'));
			refused++;
		} else {                             /* the byte means nothing: padding, a name's flags */
			ck_assert_mem_eq(s.kernel, want.kernel, sizeof s.kernel);
			ck_assert_mem_eq(s.sums, want.sums, sizeof s.sums);
			ck_assert_mem_eq(s.stream, want.stream, sizeof s.stream);
		}
		state_list_free(&s.list);
	}
	ck_assert_int_gt(refused, tried / 10);
	free(x);
	state_list_free(&want.list);
	if (__lsan_enable)
		__lsan_enable();
}
END_TEST

/* One bit of a stored number: HDF5 does not notice, the checksum does. */
START_TEST(a_flipped_bit_in_the_data_is_seen)
{
	size_t n, where = 0;
	fault e = {.text = ""};
	const double third = 1.0 / 3;
	save_step(2);
	unsigned char *x = file_bytes(scratch_at("checkpoint-00000002.h5"), &n);
	for (size_t i = 0; i + 8 <= n; i++)
		if (memcmp(x + i, &third, sizeof third) == 0)
			where = i;
	ck_assert_uint_gt(where, 0);
	x[where] ^= 1;
	file_store(scratch_at("bad.h5"), x, n);
	ck_assert(!checkpoint_verify(scratch_at("bad.h5"), &e));
	ck_assert_msg(strstr(e.text, "damaged") && strstr(e.text, "checksum"), "%s", e.text);
	free(x);
}
END_TEST

/* ---- a failure leaves the world as it was ---- */

/* No file may grow beyond 512 bytes: what a full disk does, without a full disk. */
START_TEST(full_disk_leaves_the_older_file)
{
	sample_state s;
	fault e = {.text = ""};
	checkpoint_info info = about(2);
	state_make(&s);
	save_step(2);
	size_t n, k;
	unsigned char *before = file_bytes(scratch_at("checkpoint-00000002.h5"), &n);
	disk_full(512);
	s.kernel[0][0] = 99;
	bool ok = checkpoint_save(scratch_at("checkpoint-00000002.h5"), &info, &s.list, &e);
	disk_free();
	ck_assert(!ok);
	ck_assert_msg(strstr(e.text, "checkpoint-00000002.h5") && strstr(e.text, "File too large"),
		"%s", e.text);
	unsigned char *after = file_bytes(scratch_at("checkpoint-00000002.h5"), &k);
	ck_assert(n == k && memcmp(before, after, n) == 0);
	ck_assert_int_eq(files_in(scratch_folder()), 1);     /* no temporary file stays */
	free(before);
	free(after);
	state_list_free(&s.list);
}
END_TEST

START_TEST(unwritable_directory_is_told)
{
	sample_state s;
	fault e = {.text = ""};
	char path[RUN_PATH_MAX];
	checkpoint_info info = about(2);
	state_make(&s);
	snprintf(path, sizeof path, "%s/missing/checkpoint.h5", scratch_folder());
	ck_assert(!checkpoint_save(path, &info, &s.list, &e));
	ck_assert_msg(strstr(e.text, "missing/checkpoint.h5") && strstr(e.text, "No such file"), "%s",
		e.text);
	state_list_free(&s.list);
}
END_TEST

/* ---- the files of a directory ---- */

START_TEST(newest_readable_checkpoint_is_found_by_number)
{
	fault e = {.text = ""}, warning;
	char path[RUN_PATH_MAX];
	bool any;
	ck_assert(rundir_any(scratch_folder(), &any, &e) && !any);
	ck_assert(!rundir_latest(scratch_folder(), path, &warning, &e));
	ck_assert_msg(strstr(e.text, "no checkpoint"), "%s", e.text);

	save_step(900);
	save_step(1000);
	save_step(123456789);                        /* more digits than eight */
	file_store(scratch_at("checkpoint-99999999.txt"), (const unsigned char *)"x", 1);
	file_store(scratch_at("checkpoint-00002000.h5.tmp.1"), (const unsigned char *)"x", 1);
	ck_assert(rundir_any(scratch_folder(), &any, &e) && any);
	ck_assert_msg(rundir_latest(scratch_folder(), path, &warning, &e), "%s", e.text);
	ck_assert_str_eq(path, scratch_at("checkpoint-123456789.h5"));
	ck_assert_str_eq(warning.text, "");

	/* The newest is cut short: the one before, and a warning that says so. */
	ck_assert_int_eq(truncate(path, 600), 0);
	ck_assert_msg(rundir_latest(scratch_folder(), path, &warning, &e), "%s", e.text);
	ck_assert_str_eq(path, scratch_at("checkpoint-00001000.h5"));
	ck_assert_msg(strstr(warning.text, "checkpoint-123456789.h5")
		&& strstr(warning.text, "checkpoint-00001000.h5"),
		"%s", warning.text);

	ck_assert_int_eq(truncate(scratch_at("checkpoint-00001000.h5"), 0), 0);
	ck_assert_int_eq(truncate(scratch_at("checkpoint-00000900.h5"), 10), 0);
	ck_assert(!rundir_latest(scratch_folder(), path, &warning, &e));
	ck_assert_msg(strstr(e.text, "checkpoint-123456789.h5") && strstr(e.text, "no other"), "%s",
		e.text);
}
END_TEST

START_TEST(pruning_keeps_the_last_n_and_the_best)
{
	fault e = {.text = ""}, warning;
	bool better;
	rundir *d = rundir_open(scratch_folder(), &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	for (int i = 1; i <= 5; i++)
		save_step(i);
	ck_assert(rundir_keep_best(scratch_folder(), scratch_at("checkpoint-00000001.h5"), 3.5, "units", &better,
		&warning, &e) && better);
	file_store(scratch_at("thesis.txt.tmp.2024"), (const unsigned char *)"mine", 4);
	ck_assert_msg(rundir_prune(d, 2, 5, &warning, &e), "%s", e.text);
	rundir_close(d);
	for (int i = 1; i <= 5; i++) {
		char path[RUN_PATH_MAX];
		rundir_checkpoint(scratch_folder(), i, path, sizeof path);
		ck_assert_int_eq(access(path, F_OK) == 0, i >= 4);
	}
	ck_assert_int_eq(access(scratch_at("checkpoint-best.h5"), F_OK), 0);
	ck_assert_int_eq(access(scratch_at("thesis.txt.tmp.2024"), F_OK), 0);
}
END_TEST

START_TEST(best_is_the_lowest_score_and_complete)
{
	static const struct {
		double score;
		const char *about;
		bool better;
	} row[] = {
		{NAN, "apples", false}, {5, "apples", true}, {6, "apples", false}, {NAN, "apples", false},
		{4.5, "apples", true}, {4.5, "apples", false},
		{7, "pears", true},                  /* nothing to do with apples */
	};
	fault e = {.text = ""}, warning;
	checkpoint_info info;
	for (int i = 0; i < COUNT(row); i++) {
		bool better;
		char path[RUN_PATH_MAX];
		save_step(i + 1);
		rundir_checkpoint(scratch_folder(), i + 1, path, sizeof path);
		ck_assert_msg(rundir_keep_best(scratch_folder(), path, row[i].score, row[i].about, &better,
			&warning, &e), "%s", e.text);
		ck_assert_int_eq(better, row[i].better);
	}
	ck_assert_msg(checkpoint_read_info(scratch_at("checkpoint-best.h5"), &info, &e), "%s", e.text);
	ck_assert(info.has_score && info.score == 7 && info.step == COUNT(row));
	ck_assert_str_eq(info.score_about, "pears");
	checkpoint_info_free(&info);
	ck_assert_msg(checkpoint_verify(scratch_at("checkpoint-best.h5"), &e), "%s", e.text);
	sample_state s, want;
	state_make(&s);
	state_make(&want);
	memset(s.kernel, 0, sizeof s.kernel);
	ck_assert_msg(checkpoint_load(scratch_at("checkpoint-best.h5"), &s.list, true, &e), "%s", e.text);
	ck_assert_mem_eq(s.kernel, want.kernel, sizeof s.kernel);
	state_list_free(&s.list);
	state_list_free(&want.list);
}
END_TEST

/* A damaged best one does not stand in the way; the best one is gone on from when nothing else is left. */
START_TEST(best_is_replaced_when_damaged_and_used_when_alone)
{
	fault e = {.text = ""}, warning;
	bool better, any;
	char path[RUN_PATH_MAX];
	ck_assert(!rundir_best(scratch_folder(), path, sizeof path, &e));
	ck_assert_msg(strstr(e.text, "checkpoint-best.h5") && strstr(e.text, "score.count"), "%s", e.text);
	save_step(1);
	ck_assert(rundir_keep_best(scratch_folder(), scratch_at("checkpoint-00000001.h5"), 1, "units", &better,
		&warning, &e) && better);
	ck_assert(rundir_best(scratch_folder(), path, sizeof path, &e));
	size_t n;
	unsigned char *x = file_bytes(path, &n);
	const double third = 1.0 / 3;
	for (size_t i = 0; i + 8 <= n; i++)
		if (memcmp(x + i, &third, sizeof third) == 0)
			x[i] ^= 1;
	file_store(path, x, n);
	free(x);
	ck_assert(!checkpoint_verify(path, NULL));
	ck_assert(rundir_keep_best(scratch_folder(), scratch_at("checkpoint-00000001.h5"), 2, "units", &better,
		&warning, &e) && better);
	ck_assert_msg(checkpoint_verify(path, &e), "%s", e.text);

	ck_assert_int_eq(truncate(scratch_at("checkpoint-00000001.h5"), 100), 0);
	ck_assert_msg(rundir_latest(scratch_folder(), path, &warning, &e), "%s", e.text);
	ck_assert_str_eq(path, scratch_at("checkpoint-best.h5"));
	ck_assert_msg(strstr(warning.text, "checkpoint-00000001.h5"), "%s", warning.text);
	ck_assert_int_eq(unlink(scratch_at("checkpoint-00000001.h5")), 0);
	ck_assert(rundir_any(scratch_folder(), &any, &e) && any);
	ck_assert_msg(rundir_latest(scratch_folder(), path, &warning, &e), "%s", e.text);
	ck_assert_str_eq(warning.text, "");
}
END_TEST

/* 64 MB of zeros in 64 KB: they are refused before they are unpacked. */
START_TEST(packed_arrays_are_refused)
{
	enum { N = 1 << 24 };
	const char *path = scratch_at("checkpoint-00000002.h5");
	const hsize_t n = N;
	static const float one = 0;
	fault e = {.text = ""};
	save_step(2);
	ck_assert(checkpoint_verify(path, &e));
	hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate_simple(1, &n, NULL);
	hid_t list = H5Pcreate(H5P_DATASET_CREATE);
	H5Pset_chunk(list, 1, &n);
	H5Pset_deflate(list, 9);
	H5Pset_fill_value(list, H5T_NATIVE_FLOAT, &one);
	H5Pset_fill_time(list, H5D_FILL_TIME_ALLOC);
	H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
	hid_t set = H5Dcreate2(f, "/bomb", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
	ck_assert(set >= 0);
	H5Dclose(set);
	H5Pclose(list);
	H5Sclose(space);
	H5Fclose(f);
	ck_assert(!checkpoint_verify(path, &e));
	ck_assert_msg(strstr(e.text, "/bomb: the arrays of this file are larger than the file"), "%s", e.text);
}
END_TEST

/* ---- what is shown is covered by the checksum ---- */

static void save_all(const char *path)
{
	sample_state s;
	fault e = {.text = ""};
	checkpoint_info info = about(7);
	state_make(&s);
	info.class_names = (char *)"cat\ndog\n";
	info.has_score = true;
	info.score = 1.5;
	snprintf(info.score_about, sizeof info.score_about, "units");
	snprintf(info.data, sizeof info.data, "60 images of 2x3x1");
	snprintf(info.began_from, sizeof info.began_from, "another (step 3)");
	snprintf(info.fingerprint, sizeof info.fingerprint, "sums: fused");
	ck_assert_msg(checkpoint_save(path, &info, &s.list, &e), "%s", e.text);
	state_list_free(&s.list);
}

/* Another value of the same kind and length, as somebody with an editor for HDF5 would write it. */
static void forge(const char *path, const char *name)
{
	hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), a = H5Aopen(f, name, H5P_DEFAULT), type = H5Aget_type(a);
	unsigned char x[512] = {0};
	ck_assert_msg(a >= 0 && H5Tget_size(type) < sizeof x && H5Aread(a, type, x) >= 0, "%s", name);
	x[0] ^= 1;
	ck_assert(H5Awrite(a, type, x) >= 0);
	H5Tclose(type);
	H5Aclose(a);
	H5Fclose(f);
}

/* "sagan 0.2.0\n  complete: the checksum is right" was believed of a file once. */
START_TEST(forged_attributes_are_seen)
{
	static const char *const names[] = {"program", "step", "precision", "config", "class_names", "score",
		"score_about", "data", "began_from", "fingerprint", "arrays", "checksum_of", "checksum"};
	const char *path = scratch_at("checkpoint-00000007.h5");
	fault e = {.text = ""};
	save_all(path);
	ck_assert_msg(checkpoint_verify(path, &e), "%s", e.text);
	for (int i = 0; i < COUNT(names); i++) {
		forge(path, names[i]);
		ck_assert_msg(!checkpoint_verify(path, &e), "%s was forged and believed", names[i]);
		ck_assert_msg(strstr(e.text, "damaged") || strstr(e.text, "has no attribute"), "%s: %s", names[i],
			e.text);
		forge(path, names[i]);
		ck_assert_msg(checkpoint_verify(path, &e), "%s: %s", names[i], e.text);
	}
}
END_TEST

/* A score that was not there is no part of what was hashed. */
START_TEST(added_attributes_are_seen)
{
	const char *path = scratch_at("checkpoint-00000002.h5");
	fault e = {.text = ""};
	const double score = 0.1;
	save_step(2);
	hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
	hid_t a = H5Acreate2(f, "score", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
	ck_assert(a >= 0 && H5Awrite(a, H5T_NATIVE_DOUBLE, &score) >= 0);
	H5Aclose(a);
	H5Sclose(space);
	H5Fclose(f);
	ck_assert(!checkpoint_verify(path, &e));
	ck_assert_msg(strstr(e.text, "damaged: its checksum does not cover the attribute score"), "%s", e.text);
}
END_TEST

/* The lines that docs/checkpoints.md describes, hashed here by hand: what is written down is what is done. */
START_TEST(the_checksum_is_the_one_that_is_described)
{
	const char *path = scratch_at("checkpoint-00000002.h5");
	char item[3][SHA256_TEXT], text[1024], have[SHA256_TEXT];
	fault e = {.text = ""};
	checkpoint_info info;
	sample_state s;
	sha256 h;
	save_step(2);
	state_make(&s);
	const struct {
		const void *x;
		size_t n;
	} part[] = {{s.kernel, sizeof s.kernel}, {s.stream, sizeof s.stream}, {s.sums, sizeof s.sums}};
	for (int i = 0; i < 3; i++) {
		h = sha256_new();
		sha256_add(&h, part[i].x, part[i].n);
		sha256_text(&h, item[i]);
	}
	snprintf(text, sizeof text, "/generator/block1/kernel " REAL_NAME " [2,3] %s\n/random/latent int64 [3] %s\n"
		"/trainer/sums float64 [4] %s\n", item[0], item[1], item[2]);
	h = sha256_new();
	sha256_add(&h, text, strlen(text));
	sha256_text(&h, have);
	ck_assert_msg(checkpoint_read_info(path, &info, &e), "%s", e.text);
	ck_assert_str_eq(info.arrays, have);

	snprintf(text, sizeof text,
		"checksum_of 43\nprogram format step precision config arrays\nprogram 10\nsagan test\n"
		"format 1\n2\nstep 1\n2\nprecision 7\n" REAL_NAME "\nconfig 8\nseed: 1\n\narrays 64\n%s\n",
		info.arrays);
	h = sha256_new();
	sha256_add(&h, text, strlen(text));
	sha256_text(&h, have);
	ck_assert_str_eq(info.checksum_of, "program format step precision config arrays");
	ck_assert_str_eq(info.checksum, have);
	checkpoint_info_free(&info);
	state_list_free(&s.list);
}
END_TEST

/* Letters by which a file could move the cursor of a terminal and write over what the program says of it. */
START_TEST(texts_of_a_file_cannot_steer_a_terminal)
{
	sample_state s;
	fault e = {.text = ""};
	checkpoint_info info = about(2), back;
	const char *path = scratch_at("checkpoint-00000002.h5");
	state_make(&s);
	snprintf(info.program, sizeof info.program, "sagan\n  complete: \033[2K\xc2\x9bm\177");
	ck_assert_msg(checkpoint_save(path, &info, &s.list, &e), "%s", e.text);
	ck_assert_msg(checkpoint_read_info(path, &back, &e), "%s", e.text);
	ck_assert_str_eq(back.program, "sagan?  complete: ?[2K??m?");
	checkpoint_info_free(&back);
	state_list_free(&s.list);
	fault_set(&e, "a\033[1mb\nc");
	ck_assert_str_eq(e.text, "a?[1mb?c");
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{damage_is_seen, 1},
		{packed_arrays_are_refused, 1},
		{texts_of_a_file_cannot_steer_a_terminal, 1},
		{forged_attributes_are_seen, 1},
		{added_attributes_are_seen, 1},
		{the_checksum_is_the_one_that_is_described, 1},
		{state_comes_back_bit_for_bit, 1},
		{equal_states_give_equal_files, 1},
		{a_person_understands_the_names, 1},
		{checkpoint_of_another_network_is_told_in_one_line, 1},
		{files_of_others_are_refused, 1},
		{a_flipped_bit_in_the_data_is_seen, 1},
		{full_disk_leaves_the_older_file, 1},
		{unwritable_directory_is_told, 1},
		{newest_readable_checkpoint_is_found_by_number, 1},
		{pruning_keeps_the_last_n_and_the_best, 1},
		{best_is_the_lowest_score_and_complete, 1},
		{best_is_replaced_when_damaged_and_used_when_alone, 1},
	};
	return suite_run("checkpoint", tests, COUNT(tests), 300);
}
