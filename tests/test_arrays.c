/* test_arrays.c - files of named arrays: which one is read, and what its numbers mean.
 *
 * HDF5 files of types that sagan itself never writes are made by the library's own functions. */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/h5/h5.h"
#include "data/range.h"
#include "tests/data_files.h"
#include "tests/suite.h"

/* ---- range ---- */

enum { VALUES = 24576 };

/* What values are decided to be: evenly spread from lo to hi, but the last `others` of them are `other`. */
static range_found decided(double lo, double hi, int others, double other)
{
	static real x[VALUES];
	fault e;
	range_found f;
	range_count *c = range_count_new(&e);
	ck_assert_ptr_nonnull(c);
	for (int i = 0; i < VALUES; i++)
		x[i] = (real)(i >= VALUES - others ? other : lo + (hi - lo) * i / (VALUES - 1));
	range_count_reals(c, x, VALUES / 2);         /* in pieces, as from a file */
	range_count_reals(c, x + VALUES / 2, VALUES / 2);
	if (!range_decide(c, RANGE_AUTO, "P", &f, &e)) {
		f = (range_found){.range = RANGE_AUTO};
		ck_assert_msg(strstr(e.text, "P: values from ") == e.text, "%s", e.text);
		ck_assert_ptr_nonnull(strstr(e.text, "allowed are 0..1, -1..1, 0..255 or 0..65535"));
	}
	range_count_free(c);
	return f;
}

static const struct {
	double lo, hi;
	int others;
	double other;
	enum data_range range;
	int cut;
} ranges[] = {
	{0, 1, 0, 0, RANGE_0_1, 0},
	{0, 1, 1, 1.0001, RANGE_0_1, 0},             /* read as 0..255, nearly black, by 0.1.0 */
	{0, 1, 1, -0.0001, RANGE_0_1, 0},            /* read as -1..1, from mid-gray up, by 0.1.0 */
	{0, 1, 1, 100, RANGE_0_1, 1},                /* one hot pixel */
	{0, 1, 200, 1.05, RANGE_0_1, 200},           /* a resampling filter overshoots */
	{0, 1, 200, -0.05, RANGE_0_1, 200},
	{0, 1, 40, 1.5, RANGE_AUTO, 0},              /* more than 0.1 %, and far: it means something */
	{-1, 1, 0, 0, RANGE_SIGNED, 0},
	{-1, 1, 200, 1.05, RANGE_SIGNED, 200},
	{-1, 1, 1, -1.15, RANGE_SIGNED, 1},
	{-0.004, 1.004, 0, 0, RANGE_0_1, 98},
	{0, 1, 1, -0.5, RANGE_0_1, 1},
	{0, 255, 0, 0, RANGE_0_255, 0},
	{0, 255, 200, 265, RANGE_0_255, 200},
	{0, 255, 200, -10, RANGE_0_255, 200},
	{0, 255, 1, -300, RANGE_0_255, 1},
	{0, 65535, 0, 0, RANGE_0_65535, 0},
	{0, 4095, 0, 0, RANGE_0_65535, 0},
	{0, 0, 0, 0, RANGE_0_1, 0},
	{0, 0, 10, 200, RANGE_0_255, 0},             /* whole numbers: few bright dots are no outliers */
	{0, 0, 10, 3000, RANGE_0_65535, 0},
	{-1, -1, 10, 1, RANGE_SIGNED, 0},
	{-1.8, 1.8, 0, 0, RANGE_AUTO, 0},            /* standardised */
	{-2.1, 2.6, 0, 0, RANGE_AUTO, 0},
	{-0.5, 2.8, 0, 0, RANGE_AUTO, 0},
	{0, 1.42, 0, 0, RANGE_AUTO, 0},
	{-100, 100, 0, 0, RANGE_AUTO, 0},
};

START_TEST(the_bulk_of_the_values_decides)
{
	const range_found f = decided(ranges[_i].lo, ranges[_i].hi, ranges[_i].others, ranges[_i].other);
	ck_assert_msg(f.range == ranges[_i].range, "%s", data_range_name[f.range]);
	if (ranges[_i].cut == 98)                    /* all that lies more than half a byte outside */
		ck_assert_int_eq(f.cut, 2 * (int)((0.004 - 0.5 / 255) / 1.008 * (VALUES - 1) + 1));
	else if (f.range)
		ck_assert_int_eq(f.cut, ranges[_i].cut);
}
END_TEST

START_TEST(what_was_decided_is_said_and_doubted)
{
	char text[400];
	range_found f = decided(0, 1, 20, 1.05);
	ck_assert_str_eq(range_print(&f, text, sizeof text), "range: 0..1, by 99.9 % of the values "
		"(0.000977 to 0.996); 20 values outside, up to 1.05, are cut off");
	ck_assert(!range_warning(&f, text, sizeof text));
	f = decided(0, 4095, 0, 0);
	ck_assert(range_warning(&f, text, sizeof text));
	ck_assert_msg(strstr(text, "warning: the values use 6.2 % of the range 0..65535") == text, "%s", text);
	f = decided(0.4, 0.6, 0, 0);
	ck_assert(range_warning(&f, text, sizeof text));
	f = decided(-0.005, 1.005, 0, 0);
	f.cut = f.n / 50;
	ck_assert(range_warning(&f, text, sizeof text));
	ck_assert_msg(strstr(text, "warning: 2.0 % of the values lie outside of 0..1") == text, "%s", text);
}
END_TEST

START_TEST(a_range_that_is_asked_for_is_taken)
{
	fault e;
	range_found f;
	range_count *c = range_count_new(&e);
	const real x[4] = {0, 1, 2, 255}, bad[2] = {0, NAN};
	range_count_reals(c, x, 4);
	ck_assert(range_decide(c, RANGE_0_1, "P", &f, &e));
	ck_assert(f.range == RANGE_0_1 && f.asked && f.cut == 2);
	range_count_reals(c, bad, 2);
	ck_assert(!range_decide(c, RANGE_0_1, "P", &f, &e));
	ck_assert_str_eq(e.text, "P: value 5 is not a number");
	range_count_free(c);
}
END_TEST

START_TEST(numbers_become_the_nearest_bytes)
{
	static const struct {
		enum data_range r;
		real x;
		int byte;
	} row[] = {
		{RANGE_0_1, 0, 0}, {RANGE_0_1, 1, 255}, {RANGE_0_1, (real)0.5, 128}, {RANGE_0_1, (real)1.2, 255},
		{RANGE_0_1, -9, 0}, {RANGE_0_1, (real)NAN, 0}, {RANGE_SIGNED, -1, 0}, {RANGE_SIGNED, 1, 255},
		{RANGE_SIGNED, (real)0.001, 128}, {RANGE_0_255, (real)99.4, 99}, {RANGE_0_255, (real)99.6, 100},
		{RANGE_0_65535, 257 * 77, 77},
	};
	for (int i = 0; i < COUNT(row); i++) {
		uint8_t byte;
		range_bytes(row[i].r, &row[i].x, 1, &byte);
		ck_assert_msg(byte == row[i].byte, "row %d: %d", i, byte);
	}
}
END_TEST

/* ---- files ---- */

/* An array of a type of the library's. */
typedef struct part {
	const char *path;
	hid_t type, memory;                          /* in the file, of x */
	shape s;
	const void *x;
	H5Z_filter_t filter;                         /* 0: none */
} part;

static void group_make(hid_t file, const char *path)
{
	char group[64];
	const char *slash = strrchr(path, '/');
	snprintf(group, sizeof group, "%.*s", slash ? (int)(slash - path) : 0, path);
	if (*group && H5Lexists(file, group, H5P_DEFAULT) <= 0)
		H5Gclose(H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static const char *file_of(const char *name, const part *p, int n, hsize_t user_block)
{
	hid_t create = H5Pcreate(H5P_FILE_CREATE);
	H5Pset_userblock(create, user_block);
	hid_t file = H5Fcreate(scratch_at(name), H5F_ACC_TRUNC, create, H5P_DEFAULT);
	ck_assert_int_ge(file, 0);
	for (int i = 0; i < n; i++) {
		hsize_t dim[RANK_MAX];
		for (int k = 0; k < p[i].s.rank; k++)
			dim[k] = (hsize_t)p[i].s.dim[k];
		hid_t space = H5Screate_simple(p[i].s.rank, dim, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
		if (p[i].filter) {
			H5Pset_chunk(list, p[i].s.rank, dim);
			H5Pset_filter(list, p[i].filter, H5Z_FLAG_OPTIONAL, 0, NULL);
		}
		group_make(file, p[i].path);
		hid_t set = H5Dcreate2(file, p[i].path, p[i].type, space, H5P_DEFAULT, list, H5P_DEFAULT);
		ck_assert_int_ge(set, 0);
		ck_assert_int_ge(H5Dwrite(set, p[i].memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, p[i].x), 0);
		H5Dclose(set);
		H5Pclose(list);
		H5Sclose(space);
	}
	H5Pclose(create);
	ck_assert_int_ge(H5Fclose(file), 0);
	return scratch_at(name);
}

#define BYTES H5T_STD_U8LE, H5T_NATIVE_UINT8
#define LONGS H5T_STD_I64LE, H5T_NATIVE_INT64

enum { N = 6, H = 4, W = 5 };
static uint8_t bytes[N * H * W * 3];
static const int64_t classes[N] = {0, 1, 2, 0, 1, 2};

static void fill(void)
{
	for (int i = 0; i < N * H * W * 3; i++)
		bytes[i] = (uint8_t)(i * 7 % 256);
}

/* float16 as h5py and numpy write it. */
static hid_t half_type(void)
{
	hid_t t = H5Tcopy(H5T_IEEE_F32LE);
	H5Tset_fields(t, 15, 10, 5, 0, 10);
	H5Tset_size(t, 2);
	H5Tset_ebias(t, 15);
	return t;
}

static hid_t bool_type(void)
{
	hid_t t = H5Tenum_create(H5T_STD_I8LE);
	const int8_t no = 0, yes = 1;
	H5Tenum_insert(t, "FALSE", &no);
	H5Tenum_insert(t, "TRUE", &yes);
	return t;
}

START_TEST(every_type_of_number_gives_the_same_pixels)
{
	static float unit[N * H * W * 3];
	static uint16_t deep[N * H * W * 3];
	for (int i = 0; i < COUNT(unit); i++) {
		unit[i] = (float)bytes[i] / 255;
		deep[i] = (uint16_t)(bytes[i] * 257);
	}
	const shape s = SHAPE(N, H, W, 3);
	hid_t half = half_type();
	const struct {
		const char *name, *range;
		part p;
	} row[] = {
		{"u8.h5", "range: 0..255", {"/images", BYTES, s, bytes, 0}},
		{"f16.h5", "range: 0..1", {"/images", half, H5T_NATIVE_FLOAT, s, unit, 0}},
		{"f64.h5", "range: 0..1", {"/images", H5T_IEEE_F64LE, H5T_NATIVE_FLOAT, s, unit, 0}},
		{"big.h5", "range: 0..1", {"/images", H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, s, unit, 0}},
		{"u16.h5", "range: 0..65535", {"/images", H5T_STD_U16LE, H5T_NATIVE_UINT16, s, deep, 0}},
		{"i64.h5", "range: 0..255", {"/images", H5T_STD_I64BE, H5T_NATIVE_UINT8, s, bytes, 0}},
		{"i16.h5", "range: 0..255", {"/images", H5T_STD_I16LE, H5T_NATIVE_UINT8, s, bytes, 0}},
	};
	for (int i = 0; i < COUNT(row); i++) {
		dataset *d = set_opened(file_of(row[i].name, &row[i].p, 1, 0), (dataset_options){0});
		ck_assert_msg(memcmp(d->pixels, bytes, sizeof bytes) == 0, "%s", row[i].name);
		set_must_note(d, row[i].range);
		dataset_free(d);
	}
	H5Tclose(half);
}
END_TEST

/* Integers of 0 and 1 were black in 0.1.0. */
START_TEST(masks_are_black_and_white)
{
	uint8_t mask[N * H * W];
	for (int i = 0; i < COUNT(mask); i++)
		mask[i] = i % 3 == 0;
	hid_t boolean = bool_type();
	const part p[] = {{"/images", BYTES, SHAPE(N, H, W), mask, 0},
		{"/images", boolean, boolean, SHAPE(N, H, W), mask, 0}};
	for (int i = 0; i < COUNT(p); i++) {
		dataset *d = set_opened(file_of(i ? "mask1.h5" : "mask0.h5", &p[i], 1, 0), (dataset_options){0});
		for (int k = 0; k < COUNT(mask); k++)
			ck_assert_int_eq(d->pixels[k], mask[k] ? 255 : 0);
		set_must_note(d, "range: 0..1");
		dataset_free(d);
	}
	H5Tclose(boolean);
}
END_TEST

/* Each part alone would be decided otherwise. */
START_TEST(both_parts_have_one_range)
{
	static float dark[N * H * W], full[N * H * W];
	for (int i = 0; i < COUNT(full); i++) {
		dark[i] = (float)(i % 2);
		full[i] = (float)(i % 256);
	}
	const part p[] = {{"/train/images", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, SHAPE(N, H, W), full, 0},
		{"/test/images", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, SHAPE(N, H, W), dark, 0}};
	const char *path = file_of("two.h5", p, 2, 0);
	dataset *d = set_opened(path, (dataset_options){.split = SPLIT_TEST});
	set_must_note(d, "range: 0..255");
	set_must_note(d, "images: /test/images ");
	set_must_note(d, "warning: alone, /test/images would be read as 0..1: the two parts");
	ck_assert_int_eq(d->pixels[1], 1);
	dataset_free(d);
	d = set_opened(path, (dataset_options){.split = SPLIT_TEST, .range = RANGE_0_1, .limit = 1});
	set_must_note(d, "range: 0..1, as asked for");
	set_must_note(d, "warning: ");
	ck_assert_int_eq(d->pixels[1], 255);
	dataset_free(d);
}
END_TEST

static const struct {
	const char *images, *labels;
	enum data_split split;
} pairs[] = {
	{"/images", "/labels", SPLIT_TRAIN}, {"/imgs", "/label", SPLIT_TRAIN}, {"/X", "/Y", SPLIT_TRAIN},
	{"/data", "/targets", SPLIT_TRAIN}, {"/features", "/target", SPLIT_TRAIN}, {"/arr_0", "/arr_1", SPLIT_TRAIN},
	{"/train/images", "/train/labels", SPLIT_TRAIN}, {"/test/x", "/test/y", SPLIT_TEST},
	{"/x_train", "/y_train", SPLIT_TRAIN}, {"/x_test", "/y_test", SPLIT_TEST},
	{"/train_images", "/train_labels", SPLIT_TRAIN}, {"/val_images", "/val_labels", SPLIT_TEST},
	{"/train_set_x", "/train_set_y", SPLIT_TRAIN}, {"/test_set_x", "/test_set_y", SPLIT_TEST},
	{"/training/img", "/training/classes", SPLIT_TRAIN}, {"/faces", "/people", SPLIT_TRAIN},
};

START_TEST(common_names_are_known_and_single_arrays_found)
{
	const part p[] = {{pairs[_i].images, BYTES, SHAPE(N, H, W, 3), bytes, 0},
		{pairs[_i].labels, LONGS, SHAPE(N), classes, 0}};
	dataset *d = set_opened(file_of("p.h5", p, 2, 0), (dataset_options){.split = pairs[_i].split});
	ck_assert(d->n == N && d->label && d->classes == 3 && d->label[4] == 1);
	ck_assert_mem_eq(d->pixels, bytes, sizeof bytes);
	set_must_note(d, pairs[_i].images);
	set_must_note(d, pairs[_i].labels);
	dataset_free(d);
}
END_TEST

START_TEST(a_third_part_is_told)
{
	const part p[] = {{"/train_images", BYTES, SHAPE(N, H, W, 3), bytes, 0},
		{"/val_images", BYTES, SHAPE(N, H, W, 3), bytes, 0},
		{"/test_images", BYTES, SHAPE(N, H, W, 3), bytes, 0},
		{"/test_features", BYTES, SHAPE(N, H, W, 3), bytes, 0}};
	dataset *d = set_opened(file_of("third.h5", p, 4, 0), (dataset_options){0});
	set_must_note(d, "images: /train_images ");
	set_must_note(d, "warning: arrays of other parts that are passed over: /val_images");
	for (int i = 0; i < d->notes; i++)
		ck_assert_ptr_null(strstr(d->note[i], "test_"));
	dataset_free(d);
}
END_TEST

START_TEST(names_can_be_given)
{
	static uint8_t white[N * H * W * 3];
	static const int64_t other[N] = {4, 3, 2, 1, 0, 0};
	memset(white, 255, sizeof white);
	const part p[] = {{"/images", BYTES, SHAPE(N, H, W, 3), white, 0}, {"/labels", LONGS, SHAPE(N), classes, 0},
		{"/train/faces", BYTES, SHAPE(N, H, W, 3), bytes, 0}, {"/train/age", LONGS, SHAPE(N), other, 0}};
	const char *path = file_of("given.h5", p, 4, 0);
	dataset *d = set_opened(path, (dataset_options){.images = "faces", .labels = "age"});
	ck_assert(d->classes == 5 && d->label[1] == 3 && memcmp(d->pixels, bytes, sizeof bytes) == 0);
	dataset_free(d);
	d = set_opened(path, (dataset_options){.images = "train/faces", .labels = "labels"});
	ck_assert(d->classes == 3 && memcmp(d->pixels, bytes, sizeof bytes) == 0);
	dataset_free(d);
	d = set_opened(path, (dataset_options){.images = "/images", .labels = "none"});
	ck_assert(!d->label && d->pixels[0] == 255);
	dataset_free(d);
	d = set_opened(path, (dataset_options){.images = "auto", .labels = ""});
	ck_assert(d->classes == 3 && d->pixels[0] == 255);
	dataset_free(d);
	set_refused(path, (dataset_options){.images = "cats"},
		"no images called cats; it holds /images [6,4,5,3] uint8, "
		"/labels [6] int64, /train/age [6] int64, /train/faces [6,4,5,3] uint8; data.images");
	set_refused(path, (dataset_options){.labels = "cats"}, "no labels called cats; it holds /images");
	set_refused(path, (dataset_options){.images = "labels"},
		"labels is no array of images: it has the shape [6] (int64)");
}
END_TEST

START_TEST(labels_may_be_one_hot_or_begin_with_1)
{
	float hot[N][3] = {{0}}, two[N][3] = {{0}};
	int64_t from_one[N], twos[N] = {1, 2, 1, 2, 1, 2};
	for (int i = 0; i < N; i++) {
		hot[i][classes[i]] = 1;
		two[i][i % 3] = (float)0.5;
		from_one[i] = classes[i] + 1;
	}
	const part images_part = {"/images", BYTES, SHAPE(N, H, W, 3), bytes, 0};
	part p[] = {images_part, {"/labels", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, SHAPE(N, 3), hot, 0}};
	dataset *d = set_opened(file_of("hot.h5", p, 2, 0), (dataset_options){0});
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(d->label[i], classes[i]);
	set_must_note(d, "labels are one-hot, 3 classes");
	dataset_free(d);
	p[1].x = two;
	set_refused(file_of("two.h5", p, 2, 0), (dataset_options){0}, "/labels: row 0 is not one-hot");
	set_refused(file_of("two.h5", p, 2, 0), (dataset_options){0}, "data.labels: none (or --labels none) reads");
	/* what is not called labels was only guessed to be some: latents */
	p[1].path = "/z";
	d = set_opened(file_of("z.h5", p, 2, 0), (dataset_options){0});
	ck_assert(d->n == N && !d->label && !d->classes && !memcmp(d->pixels, bytes, sizeof bytes));
	set_must_note(d, "; no labels");
	set_must_note(d, "/z has a row for each image, but is neither classes nor one-hot");
	dataset_free(d);
	set_refused(file_of("z.h5", p, 2, 0), (dataset_options){.labels = "z"}, "/z: row 0 is not one-hot");
	p[1] = (part){"/labels", LONGS, SHAPE(N, 1), from_one, 0};
	d = set_opened(file_of("one.h5", p, 2, 0), (dataset_options){0});
	ck_assert(d->classes == 3 && d->label[0] == 0 && d->label[2] == 2);
	ck_assert_str_eq(d->class_name[0], "1");
	set_must_note(d, "labels 1 to 3 are read as classes 0 to 2");
	dataset_free(d);
	p[1].x = twos;
	d = set_opened(file_of("twos.h5", p, 2, 0), (dataset_options){0});
	ck_assert(d->classes == 2 && d->label[1] == 1);
	dataset_free(d);
}
END_TEST

START_TEST(planes_and_opacity_are_told_from_the_shape)
{
	static uint8_t rgba[N * H * W * 4], planes[N * H * W * 3];
	for (int i = 0; i < N * H * W; i++)
		for (int k = 0; k < 3; k++) {
			rgba[4 * i + k] = bytes[3 * i + k];
			planes[i / (H * W) * H * W * 3 + k * H * W + i % (H * W)] = bytes[3 * i + k];
			rgba[4 * i + 3] = i % 2 ? 255 : 0;
		}
	const part p[] = {{"/images", BYTES, SHAPE(N, 3, H, W), planes, 0},
		{"/images", BYTES, SHAPE(N, H, W, 4), rgba, 0}};
	dataset *d = set_opened(file_of("planes.h5", &p[0], 1, 0), (dataset_options){0});
	ck_assert_mem_eq(d->pixels, bytes, sizeof bytes);
	set_must_note(d, "[6,3,4,5] uint8 as [n,c,h,w]; no labels");
	dataset_free(d);
	const char *path = file_of("rgba.h5", &p[1], 1, 0);
	static const struct {
		const char *colour;
		uint8_t rgb[3];
	} ground[] = {{NULL, {255, 255, 255}}, {"black", {0, 0, 0}}, {"#1a2B03", {0x1a, 0x2b, 3}}};
	for (int i = 0; i < COUNT(ground); i++) {
		d = set_opened(path, (dataset_options){.background = ground[i].colour});
		ck_assert_int_eq(d->c, 3);
		ck_assert_mem_eq(d->pixels, ground[i].rgb, 3);
		ck_assert_mem_eq(d->pixels + 3, bytes + 3, 3);
		dataset_free(d);
	}
	set_refused(path, (dataset_options){.background = "pink"},
		"background pink: must be white, black, gray or #rrggbb");
}
END_TEST

/* [32,32,3] is a picture and not 32 of them, 3 pixels wide. */
START_TEST(one_image_is_no_set)
{
	const part p = {"/images", BYTES, SHAPE(10, 9, 3), bytes, 0};
	set_refused(file_of("single.h5", &p, 1, 0), (dataset_options){0},
		"/images has the shape [10,9,3], images are [n,h,w]");
}
END_TEST

/* The range of no values was a bug that ended the reader, and the file was called damaged. */
START_TEST(images_have_pixels)
{
	const struct {
		shape s;
		const char *why;
	} no[] = {
		{SHAPE(5, 0, 8), "/images has the shape [5,0,8]: images without pixels"},
		{SHAPE(5, 8, 0, 3), "/images has the shape [5,8,0,3]: images without pixels"},
		{SHAPE(0, 8, 8), "contains no images"},
	};
	for (int i = 0; i < COUNT(no); i++) {
		const part p = {"/images", BYTES, no[i].s, bytes, 0};
		set_refused(file_of("none.h5", &p, 1, 0), (dataset_options){0}, no[i].why);
	}
	/* sizes of nothing are compared with no bytes of the file */
	const int64_t most = INT64_C(1) << 59;
	part p[] = {{"/x_train", BYTES, SHAPE(N, H, W, 3), bytes, 0}, {"/y_train", LONGS, SHAPE(N), classes, 0},
		{"/x_test", BYTES, SHAPE(0, most, most, 3), bytes, 0}, {"/y_test", LONGS, SHAPE(0), classes, 0}};
	dataset *d = set_opened(file_of("empty.h5", p, 4, 0), (dataset_options){.split = SPLIT_ALL});
	ck_assert(d->n == N && d->classes == 3);
	dataset_free(d);
	p[3].s = SHAPE(0, most);
	set_refused(file_of("empty.h5", p, 4, 0), (dataset_options){0},
		"/y_test has the shape [0,576460752303423488]: 576460752303423488 classes, allowed are 65536");
}
END_TEST

START_TEST(a_user_block_and_foreign_filters)
{
	part p = {"/images", BYTES, SHAPE(N, H, W, 3), bytes, 0};
	for (hsize_t block = 512; block <= 8192; block *= 2) {
		dataset *d = set_opened(file_of("block.h5", &p, 1, block), (dataset_options){0});
		ck_assert_mem_eq(d->pixels, bytes, sizeof bytes);
		dataset_free(d);
	}
	p.filter = 32000;
	set_refused(file_of("lzf.h5", &p, 1, 0), (dataset_options){0},
		"/images: packed by the filter lzf (32000), which is "
		"not read; store it again with gzip");
}
END_TEST

int main(void)
{
	fill();
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	const suite_test tests[] = {
		{the_bulk_of_the_values_decides, COUNT(ranges)},
		{what_was_decided_is_said_and_doubted, 1},
		{a_range_that_is_asked_for_is_taken, 1},
		{numbers_become_the_nearest_bytes, 1},
		{every_type_of_number_gives_the_same_pixels, 1},
		{masks_are_black_and_white, 1},
		{both_parts_have_one_range, 1},
		{common_names_are_known_and_single_arrays_found, COUNT(pairs)},
		{a_third_part_is_told, 1},
		{names_can_be_given, 1},
		{labels_may_be_one_hot_or_begin_with_1, 1},
		{planes_and_opacity_are_told_from_the_shape, 1},
		{one_image_is_no_set, 1},
		{images_have_pixels, 1},
		{a_user_block_and_foreign_filters, 1},
	};
	return suite_run("arrays", tests, COUNT(tests), 60);
}
