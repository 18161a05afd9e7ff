/* test_data.c - data sets of every kind: what is read, and the line for each way to be broken.
 *
 * Runs in the root of the repository, whose data/mnist and data/cifar10-mini it checks. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "core/base/thread.h"
#include "data/class_names.h"
#include "data/dataset_internal.h"
#include "data/describe.h"
#include "data/picture/png.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/keras_damage.h"
#include "tests/suite.h"

static void same_set(const dataset *a, const dataset *b)
{
	ck_assert(a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c && a->classes == b->classes);
	ck_assert_mem_eq(a->pixels, b->pixels, (size_t)dataset_bytes(a));
	ck_assert(!a->label == !b->label);
	if (a->label)
		ck_assert_mem_eq(a->label, b->label, (size_t)a->n * sizeof *a->label);
}

/* ---- what the repository ships ---- */

static const struct {
	const char *file, *md5;
} shipped[] = {
	{"data/mnist/train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
	{"data/mnist/train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
	{"data/mnist/t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
	{"data/mnist/t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"},
};

START_TEST(shipped_mnist_is_the_official_one)
{
	char command[128], sum[64] = "";
	snprintf(command, sizeof command, "md5sum %s", shipped[_i].file);
	FILE *p = popen(command, "r");
	ck_assert(p && fgets(sum, sizeof sum, p) && pclose(p) == 0);
	ck_assert_msg(strncmp(sum, shipped[_i].md5, 32) == 0, "%s: %s", shipped[_i].file, sum);
}
END_TEST

static const struct {
	const char *path;
	enum data_split split;
	int64_t n;
	int h, c;
	int64_t per_class[10];
	double mean, sd;                             /* of channel 0 */
	const char *name3;
} official[] = {
	{"data/mnist", SPLIT_TRAIN, 60000, 28, 1, {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949},
		0.1307, 0.3081, "3"},
	{"data/mnist", SPLIT_TEST, 10000, 28, 1, {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 0.1325,
		0.3105, "3"},
	{"data/mnist", SPLIT_ALL, 70000, 28, 1, {6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958}, 0.1309,
		0.3084, "3"},
	{"data/mnist/t10k-images-idx3-ubyte.gz", SPLIT_TRAIN, 10000, 28, 1,
		{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 0.1325, 0.3105, "3"},
	{"data/cifar10-mini", SPLIT_TRAIN, 1600, 32, 3, {160, 160, 160, 160, 160, 160, 160, 160, 160, 160}, 0.4924,
		0.2463, "cat"},
	{"data/cifar10-mini", SPLIT_TEST, 400, 32, 3, {40, 40, 40, 40, 40, 40, 40, 40, 40, 40}, 0, 0, "cat"},
};

START_TEST(classes_and_moments_are_the_known_ones)
{
	dataset *d = set_opened(official[_i].path, (dataset_options){.split = official[_i].split});
	dataset_stats s;
	fault e;
	ck_assert_int_eq(d->n, official[_i].n);
	ck_assert(d->h == official[_i].h && d->w == d->h && d->c == official[_i].c && d->classes == 10);
	ck_assert_msg(dataset_stats_make(d, &s, &e), "%s", e.text);
	ck_assert_mem_eq(s.per_class, official[_i].per_class, sizeof official[_i].per_class);
	ck_assert_str_eq(d->class_name[3], official[_i].name3);
	if (official[_i].mean > 0) {
		ck_assert_double_eq_tol(s.mean[0], official[_i].mean, 5e-5);
		ck_assert_double_eq_tol(s.sd[0], official[_i].sd, 5e-5);
	}
	dataset_stats_free(&s);
	dataset_free(d);
}
END_TEST

/* ---- IDX ---- */

/* A set of 5 images of 4x3 with labels 0 1 2 0 1, and a test part of 2. */
static void put_idx(const char *folder, bool packed)
{
	static const struct {
		const char *name;
		uint32_t size[3];
		int rank, step, modulo;
		size_t n;
	} f[] = {
		{"train-images-idx3-ubyte", {5, 4, 3}, 3, 7, 251, 60}, {"train-labels-idx1-ubyte", {5}, 1, 1, 3, 5},
		{"t10k-images-idx3-ubyte", {2, 4, 3}, 3, 11, 251, 24}, {"t10k-labels-idx1-ubyte", {2}, 1, 1, 3, 2},
	};
	for (int i = 0; i < COUNT(f); i++) {
		uint8_t bytes[128];
		char name[128];
		const size_t n = idx_bytes(bytes, f[i].size, f[i].rank, f[i].n, f[i].step, f[i].modulo);
		snprintf(name, sizeof name, "%s/%s%s", folder, f[i].name, packed ? ".gz" : "");
		(packed ? file_put_gz : file_put)(name, bytes, n);
	}
}

START_TEST(idx_plain_and_packed_are_equal)
{
	static const int count[] = {5, 2, 7};
	put_idx("idx", false);
	put_idx("idxgz", true);
	for (int split = SPLIT_TRAIN; split <= SPLIT_ALL; split++) {
		dataset *a = set_opened(scratch_at("idx"), (dataset_options){.split = (enum data_split)split});
		dataset *b = set_opened(scratch_at("idxgz"), (dataset_options){.split = (enum data_split)split});
		same_set(a, b);
		ck_assert_int_eq(a->n, count[split]);
		ck_assert_uint_eq(dataset_checksum(a), dataset_checksum(b));
		if (split == SPLIT_ALL)
			for (int i = 0; i < 24; i++)         /* the second part after the first */
				ck_assert_int_eq(a->pixels[60 + i], i * 11 % 251);
		dataset_free(a);
		dataset_free(b);
	}
	/* both forms side by side: the plain one is taken */
	file_put("idx/train-images-idx3-ubyte.gz", "rubbish", 7);
	dataset_free(set_opened(scratch_at("idx"), (dataset_options){0}));
	dataset *c = set_opened(scratch_at("idx/train-images-idx3-ubyte"), (dataset_options){.split = SPLIT_TEST});
	ck_assert(c->n == 5 && c->label && c->classes == 3);
	dataset_free(c);
}
END_TEST

START_TEST(a_limit_takes_the_first_and_keeps_the_classes)
{
	put_idx("limit", true);
	dataset *d = set_opened(scratch_at("limit"), (dataset_options){.limit = 2, .split = SPLIT_ALL});
	ck_assert(d->n == 2 && d->classes == 3 && d->label[1] == 1);
	dataset_free(d);
	d = set_opened(scratch_at("limit"), (dataset_options){.limit = 100});
	ck_assert_int_eq(d->n, 5);
	dataset_free(d);
}
END_TEST

START_TEST(class_names_and_missing_labels_are_fine)
{
	put_idx("named", false);
	file_put("named/classes.txt", "shirt\r\n\nboot\nbag\n", 17);
	dataset *d = set_opened(scratch_at("named"), (dataset_options){0});
	ck_assert_str_eq(d->class_name[0], "shirt");
	ck_assert_str_eq(d->class_name[2], "bag");
	dataset_free(d);
	file_put("named/classes.txt", "shirt\nboot\n", 11);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("named"), NULL, &e));
	ck_assert_msg(strstr(e.text, "classes.txt: names 2 classes, the data have label 2") != NULL, "%s", e.text);
	unlink(scratch_at("named/classes.txt"));
	unlink(scratch_at("named/train-labels-idx1-ubyte"));
	d = set_opened(scratch_at("named"), (dataset_options){0});
	ck_assert(!d->label && !d->classes && !d->class_name);
	dataset_free(d);
}
END_TEST

START_TEST(images_get_the_size_and_the_channels_wanted)
{
	put_idx("sized", false);
	dataset *d = set_opened(scratch_at("sized"),
		(dataset_options){.h = 8, .w = 5, .channels = 3, .resize = RESIZE_PAD});
	dataset *p = set_opened(scratch_at("sized"), (dataset_options){0});
	ck_assert(d->h == 8 && d->w == 5 && d->c == 3 && d->n == 5);
	for (int k = 0; k < 3; k++)
		ck_assert_int_eq(d->pixels[1 * 8 * 5 * 3 + (2 * 5 + 1) * 3 + k], p->pixels[12]);
	dataset_free(d);
	dataset_free(p);
}
END_TEST

static void put_bytes(const char *name, const uint8_t *head, size_t head_n, const uint8_t *data, size_t n)
{
	uint8_t bytes[512];
	memcpy(bytes, head, head_n);
	memcpy(bytes + head_n, data, n);
	file_put(name, bytes, head_n + n);
}

/* Labels of eight numbers of four bytes, the class first. */
START_TEST(qmnist_labels_are_the_first_column)
{
	static const uint8_t head[12] = {0, 0, 0x0c, 2, 0, 0, 0, 5, 0, 0, 0, 8}, class[5] = {4, 0, 1, 2, 9};
	uint8_t rows[5 * 8 * 4] = {0}, images_bytes[128];
	for (int i = 0; i < 5; i++) {
		rows[i * 32 + 3] = class[i];
		rows[i * 32 + 7] = 77;               /* the writer's series */
	}
	const size_t n = idx_bytes(images_bytes, (const uint32_t[]){5, 4, 3}, 3, 60, 7, 251);
	file_put("qmnist/qmnist-train-images-idx3-ubyte", images_bytes, n);
	put_bytes("qmnist/qmnist-train-labels-idx2-int", head, sizeof head, rows, sizeof rows);
	static const char *const path[] = {"qmnist", "qmnist/qmnist-train-images-idx3-ubyte"};
	for (int k = 0; k < COUNT(path); k++) {
		dataset *d = set_opened(scratch_at(path[k]), (dataset_options){0});
		ck_assert(d->n == 5 && d->label && d->classes == 10);
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(d->label[i], class[i]);
		ck_assert_str_eq(d->note[0], "labels of 8 columns, as QMNIST's: the first one is read");
		dataset_free(d);
	}
	rows[2 * 32] = 0x80;                         /* a negative number */
	put_bytes("qmnist/qmnist-train-labels-idx2-int", head, sizeof head, rows, sizeof rows);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("qmnist"), NULL, &e));
	ck_assert_msg(strstr(e.text, "idx2-int: label 2 is -2147483647, allowed are 0 to 65535") != NULL, "%s", e.text);
	put_bytes("qmnist/qmnist-train-labels-idx2-int", head, sizeof head, rows, sizeof rows - 4);
	ck_assert_ptr_null(dataset_open(scratch_at("qmnist"), NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "header says 160 bytes of data, the file has 156"));
}
END_TEST

START_TEST(emnist_is_turned_upright_and_begins_with_class_0)
{
	static const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, 5}, from_1[5] = {1, 26, 3, 1, 2};
	uint8_t bytes[128];
	const size_t n = idx_bytes(bytes, (const uint32_t[]){5, 4, 3}, 3, 60, 7, 251);
	file_put("emnist/emnist-letters-train-images-idx3-ubyte", bytes, n);
	put_bytes("emnist/emnist-letters-train-labels-idx1-ubyte", head, 8, from_1, 5);
	dataset *d = set_opened(scratch_at("emnist"), (dataset_options){0});
	ck_assert(d->h == 3 && d->w == 4 && d->classes == 26 && d->label[1] == 25 && d->label[0] == 0);
	for (int y = 0; y < 3; y++)
		for (int x = 0; x < 4; x++)
			ck_assert_int_eq(d->pixels[12 + y * 4 + x], bytes[n - 60 + 12 + (size_t)(x * 3 + y)]);
	ck_assert_str_eq(d->class_name[25], "z");
	ck_assert_int_eq(d->notes, 2);
	ck_assert_str_eq(d->note[0], "EMNIST: its images lie on their side and are turned upright");
	ck_assert_str_eq(d->note[1], "labels 1 to 26 are read as classes 0 to 25");
	dataset_free(d);
}
END_TEST

/* As its authors pack them: all splits in one folder. */
START_TEST(data_images_names_one_of_several_idx_sets)
{
	static const char *const sets[] = {"emnist-balanced", "emnist-digits"};
	static const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, 5}, labels_of[2][5] = {{46, 0, 1, 2, 3}, {9, 0, 1, 2, 3}};
	uint8_t bytes[128];
	char name[128];
	for (int k = 0; k < 4; k++) {
		const char *set = sets[k / 2], *part = k % 2 ? "test" : "train";
		const size_t n = idx_bytes(bytes, (const uint32_t[]){5, 4, 3}, 3, 60, 3 + k, 251);
		snprintf(name, sizeof name, "several/gzip/%s-%s-images-idx3-ubyte.gz", set, part);
		file_put_gz(name, bytes, n);
		memcpy(bytes, head, 8);
		memcpy(bytes + 8, labels_of[k / 2], 5);
		snprintf(name, sizeof name, "several/gzip/%s-%s-labels-idx1-ubyte.gz", set, part);
		file_put_gz(name, bytes, 13);
	}
	for (int k = 0; k < 4; k++) {
		dataset *d = set_opened(scratch_at("several"), (dataset_options){.images = sets[k / 2],
			.split = k % 2 ? SPLIT_TEST : SPLIT_TRAIN});
		ck_assert(d->n == 5 && d->label && d->classes == (k < 2 ? 47 : 10));
		ck_assert_int_eq(d->pixels[d->w], 3 + k);    /* turned: the second number of the file */
		dataset_free(d);
	}
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("several"), NULL, &e));
	ck_assert_msg(strstr(e.text, "are train images: data.images or --images names the set (emnist-balanced, "
		"emnist-digits), or give one of the files") != NULL, "%s", e.text);
	ck_assert_ptr_null(dataset_open(scratch_at("several"), &(dataset_options){.images = "emnist-digit"}, &e));
	ck_assert_msg(strstr(e.text, "no train images of a set called emnist-digit (data.images or --images); sets are "
		"emnist-balanced, emnist-digits") != NULL, "%s", e.text);
}
END_TEST

/* train-images.idx3-ubyte beside a folder train-images-idx3-ubyte, which holds the same again. */
START_TEST(kaggles_mnist_is_read)
{
	put_idx("kaggle", false);
	static const char *const part[] = {"train", "t10k"}, *const what[] = {"images", "labels"};
	for (int k = 0; k < 4; k++) {
		const char *type = k / 2 ? "idx1" : "idx3";
		char from[128], to[128], folder[140];
		snprintf(from, sizeof from, "kaggle/%s-%s-%s-ubyte", part[k % 2], what[k / 2], type);
		snprintf(to, sizeof to, "kaggle/%s-%s.%s-ubyte", part[k % 2], what[k / 2], type);
		uint8_t bytes[128];
		const size_t n = file_get(from, bytes, sizeof bytes);
		ck_assert_int_eq(unlink(scratch_at(from)), 0);
		file_put(to, bytes, n);
		snprintf(folder, sizeof folder, "%s/again", from);
		file_put(folder, bytes, n);
	}
	dataset *d = set_opened(scratch_at("kaggle"), (dataset_options){.split = SPLIT_ALL});
	ck_assert(d->n == 7 && d->label && d->classes == 3);
	dataset_free(d);
	d = set_opened(scratch_at("kaggle/train-images.idx3-ubyte"), (dataset_options){0});
	ck_assert(d->n == 5 && d->label && d->classes == 3);
	dataset_free(d);
}
END_TEST

/* What labels mean must not depend on the part that is read. */
START_TEST(the_labels_of_both_parts_decide)
{
	static const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, 2}, from_1[2] = {1, 7};
	put_idx("both", false);
	put_bytes("both/t10k-labels-idx1-ubyte", head, 8, from_1, 2);
	for (int split = SPLIT_TRAIN; split <= SPLIT_ALL; split++) {
		dataset *d = set_opened(scratch_at("both"), (dataset_options){.split = (enum data_split)split});
		ck_assert(d->classes == 8 && d->label[d->n - 1] == (split == SPLIT_TRAIN ? 1 : 7));
		dataset_free(d);
	}
	file_put("both/t10k-labels-idx1-ubyte", "rubbish", 7);
	dataset *d = set_opened(scratch_at("both"), (dataset_options){0});
	ck_assert_int_eq(d->classes, 3);             /* what is not asked for does not stop the reading */
	dataset_free(d);
}
END_TEST

START_TEST(classes_can_be_given_names)
{
	put_idx("names", false);
	dataset *d = set_opened(scratch_at("names"), (dataset_options){.class_names = "cat, dog , little bird,"});
	ck_assert_int_eq(d->classes, 3);
	ck_assert_str_eq(d->class_name[0], "cat");
	ck_assert_str_eq(d->class_name[1], "dog");
	ck_assert_str_eq(d->class_name[2], "little bird");
	dataset_free(d);
	file_put("names.txt", "a\nb\nc\nd\n", 8);
	d = set_opened(scratch_at("names"), (dataset_options){.class_names = scratch_at("names.txt")});
	ck_assert_int_eq(d->classes, 4);             /* one more than the labels show */
	ck_assert_str_eq(d->class_name[3], "d");
	dataset_free(d);
	file_put("names.txt", "\xef\xbb\xbf" "eins\r\nzwei\r\ndrei\r\n", 21);
	d = set_opened(scratch_at("names"), (dataset_options){.class_names = scratch_at("names.txt")});
	ck_assert_str_eq(d->class_name[0], "eins");
	dataset_free(d);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("names"), &(dataset_options){.class_names = "a,b"}, &e));
	ck_assert_str_eq(e.text, "class names: 2 class names, needs at least 3");
	ck_assert_ptr_null(dataset_open(scratch_at("names"), &(dataset_options){.class_names = "nowhere"}, &e));
	ck_assert_msg(strstr(e.text, "nowhere: cannot read") == e.text, "%s", e.text);
	unlink(scratch_at("names/train-labels-idx1-ubyte"));
	set_refused(scratch_at("names"), (dataset_options){.class_names = "a,b,c"}, "has no labels");
}
END_TEST

START_TEST(texts_of_names_are_made_and_searched)
{
	char buf[32];
	fault e;
	char *const name[] = {"cat", "Dog", "a b"}, *const number[] = {"0", "1"};
	char *text = class_names_join(name, 3, &e), *none = class_names_join(number, 2, &e);
	ck_assert_str_eq(text, "cat\nDog\na b\n");
	ck_assert_str_eq(none, "");
	ck_assert_str_eq(class_names_at(text, 1, buf, sizeof buf), "Dog");
	ck_assert_str_eq(class_names_at(text, 3, buf, sizeof buf), "3");
	ck_assert_str_eq(class_names_at(none, 1, buf, sizeof buf), "1");
	ck_assert_str_eq(class_names_at(text, 2, buf, 3), "a ");
	ck_assert_int_eq(class_names_find(text, "dog"), 1);
	ck_assert_int_eq(class_names_find(text, "a b"), 2);
	ck_assert_int_eq(class_names_find(text, "a"), -1);
	ck_assert_int_eq(class_names_find(text, ""), -1);
	ck_assert_int_eq(class_names_find(class_names_known(CLASSES_EMNIST_BYCLASS), "a"), 36);
	static const int count[] = {10, 100, 20, 10, 26, 47, 62};
	for (int i = 0; i < CLASSES_KNOWN; i++)
		ck_assert_int_eq(class_names_count(class_names_known((enum known_classes)i)), count[i]);
	free(text);
	free(none);
}
END_TEST

static const struct {
	const char *says;
	uint32_t size[4];
	int rank;
	size_t n;                                    /* bytes of pixels */
	bool packed;
	uint32_t labels;                             /* 0: no such file */
	size_t labels_n;
	uint8_t magic[3];
} broken_idx[] = {
	{"header says 60 bytes of data, the file has 59: truncated", {5, 4, 3}, 3, 59, .labels = 5, .labels_n = 5},
	{"header says 60 bytes of data, the file has 61", {5, 4, 3}, 3, 61, .labels = 5, .labels_n = 5},
	{"truncated: ends after 75 bytes, needs 76", {5, 4, 3}, 3, 59, .packed = true, .labels = 5, .labels_n = 5},
	{"has more than the 76 bytes that its header says", {5, 4, 3}, 3, 61, .packed = true, .labels = 5,
	 .labels_n = 5},
	{"header says 7922816", {~0u, ~0u, ~0u}, 3, 60, .labels = 5, .labels_n = 5},
	{"a gzip file of this size holds at most", {~0u, 4, 3}, 3, 60, .packed = true, .labels = 5, .labels_n = 5},
	{"a gzip file of this size holds at most", {60000, 28, 28}, 3, 60, .packed = true, .labels = 5, .labels_n = 5},
	{"contains no images", {0, 4, 3}, 3, 0, .labels = 0},
	{"contains no images", {0, ~0u, ~0u, ~0u}, 4, 0, .labels = 0},
	{"images of 0x3, allowed are 1 to 16384", {5, 0, 3}, 3, 0, .labels = 0},
	{"images of 20000x3, allowed are 1 to 16384", {1, 20000, 3}, 3, 60000, .labels = 0},
	{"2 channels, allowed are 1 (gray) and 3 (RGB)", {5, 4, 3, 2}, 4, 120, .labels = 0},
	{"IDX data of 2 axes, images have 3", {5, 12}, 2, 60, .labels = 0},
	{"IDX data of 1 axes, images have 3", {60}, 1, 60, .labels = 0},
	{"not an IDX file of bytes: begins 00 00 0d", {5, 4, 3}, 3, 60, .labels = 0, .magic = {0, 0, 0x0d}},
	{"not an IDX file of bytes: begins 12 34 08", {5, 4, 3}, 3, 60, .labels = 0, .magic = {0x12, 0x34, 8}},
	{"4 labels for the 5 images", {5, 4, 3}, 3, 60, .labels = 4, .labels_n = 4},
	{"header says 5 bytes of data, the file has 3", {5, 4, 3}, 3, 60, .labels = 5, .labels_n = 3},
};

START_TEST(broken_idx_files_are_refused_with_a_line)
{
	static uint8_t bytes[1 << 17];
	char folder[32], name[64];
	snprintf(folder, sizeof folder, "broken%d", _i);
	snprintf(name, sizeof name, "%s/train-images-idx3-ubyte", folder);
	size_t n = idx_bytes(bytes, broken_idx[_i].size, broken_idx[_i].rank, broken_idx[_i].n, 7, 251);
	if (broken_idx[_i].magic[2])
		memcpy(bytes, broken_idx[_i].magic, 3);
	(broken_idx[_i].packed ? file_put_gz : file_put)(name, bytes, n);
	if (broken_idx[_i].labels) {
		snprintf(name, sizeof name, "%s/train-labels-idx1-ubyte", folder);
		n = idx_bytes(bytes, &broken_idx[_i].labels, 1, broken_idx[_i].labels_n, 1, 3);
		file_put(name, bytes, n);
	}
	set_refused(scratch_at(folder), (dataset_options){0}, broken_idx[_i].says);
}
END_TEST

/* Every length of a packed file, and every changed byte of it: a line or the true contents. */
START_TEST(a_damaged_gzip_stream_is_noticed)
{
	static uint8_t bytes[4096], copy[4096];
	put_idx("gz", true);
	const char *images = "gz/train-images-idx3-ubyte.gz";
	const size_t n = file_get(images, bytes, sizeof bytes);
	dataset *good = set_opened(scratch_at("gz"), (dataset_options){0});
	for (size_t k = 0; k < n; k++) {
		file_put(images, bytes, k);
		ck_assert_msg(!dataset_open(scratch_at("gz"), NULL, NULL), "cut at %zu of %zu", k, n);
	}
	for (size_t k = 0; k < n; k++) {
		memcpy(copy, bytes, n);
		copy[k] ^= 0x55;
		file_put(images, copy, n);
		dataset *d = dataset_open(scratch_at("gz"), NULL, NULL);
		if (d)                               /* time, name or system in gzip's header */
			same_set(d, good);
		dataset_free(d);
	}
	file_put(images, bytes, n - 3);
	set_refused(scratch_at("gz"), (dataset_options){0}, "truncated");
	dataset_free(good);
}
END_TEST

/* ---- CIFAR ---- */

enum { RECORD10 = 3073, RECORD100 = 3074 };

/* n records; label i % classes, red i, green 2 i, blue 3 i at pixel 5 of row 1. */
static size_t cifar_bytes(uint8_t *to, int n, bool hundred)
{
	const int record = hundred ? RECORD100 : RECORD10, head = hundred ? 2 : 1;
	memset(to, 0, (size_t)(n * record));
	for (int i = 0; i < n; i++) {
		uint8_t *r = to + i * record;
		r[0] = (uint8_t)(i % (hundred ? 20 : 10));
		r[head - 1] = hundred ? (uint8_t)(i * 3 % 100) : r[0];
		for (int c = 0; c < 3; c++)
			r[head + c * 1024 + 37] = (uint8_t)((c + 1) * i);
	}
	return (size_t)(n * record);
}

static uint8_t cifar[64 * RECORD100];

START_TEST(cifar_planes_become_pixels_and_parts_follow_each_other)
{
	file_put("c10/data_batch_1.bin", cifar, cifar_bytes(cifar, 12, false));
	file_put_gz("c10/data_batch_2.bin.gz", cifar, cifar_bytes(cifar, 3, false));
	file_put("c10/test_batch.bin", cifar, cifar_bytes(cifar, 4, false));
	dataset *d = set_opened(scratch_at("c10"), (dataset_options){.split = SPLIT_ALL});
	ck_assert_str_eq(d->kind, "cifar10");
	ck_assert(d->n == 19 && d->h == 32 && d->w == 32 && d->c == 3 && d->classes == 10);
	for (int i = 0; i < 19; i++) {
		const int k = i < 12 ? i : i < 15 ? i - 12 : i - 15;
		ck_assert_int_eq(d->label[i], k % 10);
		for (int c = 0; c < 3; c++)
			ck_assert_int_eq(d->pixels[((i * 32 + 1) * 32 + 5) * 3 + c], (c + 1) * k);
	}
	ck_assert_str_eq(d->class_name[9], "truck");
	dataset_free(d);
	d = set_opened(scratch_at("c10/data_batch_1.bin"), (dataset_options){.split = SPLIT_TEST});
	ck_assert_int_eq(d->n, 12);
	dataset_free(d);
}
END_TEST

START_TEST(cifar100_has_fine_and_coarse_labels)
{
	char names[256] = "";
	for (int i = 0; i < 20; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names), "coarse%d\n", i);
	file_put("c100/train.bin", cifar, cifar_bytes(cifar, 30, true));
	file_put("c100/coarse_label_names.txt", names, strlen(names));
	for (int coarse = 0; coarse < 2; coarse++) {
		dataset *d = set_opened(scratch_at("c100"), (dataset_options){.coarse = coarse});
		ck_assert_str_eq(d->kind, "cifar100");
		ck_assert_int_eq(d->classes, coarse ? 20 : 100);
		ck_assert_str_eq(d->class_name[7], coarse ? "coarse7" : "beetle");
		for (int i = 0; i < 30; i++)
			ck_assert_int_eq(d->label[i], coarse ? i % 20 : i * 3 % 100);
		ck_assert_int_eq(d->pixels[((7 * 32 + 1) * 32 + 5) * 3 + 2], 21);
		dataset_free(d);
	}
	file_put("c100/coarse_label_names.txt", names, strlen(names) - 9);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("c100"), &(dataset_options){.coarse = true}, &e));
	ck_assert_msg(strstr(e.text, "19 class names, needs 20") != NULL, "%s", e.text);
}
END_TEST

START_TEST(broken_cifar_files_are_refused_with_a_line)
{
	const size_t n = cifar_bytes(cifar, 5, false);
	file_put("b1/data_batch_1.bin", cifar, n - 1);
	set_refused(scratch_at("b1"), (dataset_options){0}, "15364 bytes, must be a multiple of the 3073 of a record");
	set_refused(scratch_at("b1/data_batch_1.bin"), (dataset_options){0}, "not recognised");
	file_put("b2/data_batch_1.bin", cifar, 0);
	set_refused(scratch_at("b2"), (dataset_options){0}, "0 bytes, must be a multiple");
	set_refused(scratch_at("b2/data_batch_1.bin"), (dataset_options){0}, "the file is empty");
	file_put_gz("b3/data_batch_1.bin.gz", cifar, n - 1);
	set_refused(scratch_at("b3"), (dataset_options){0}, "must be a multiple of the 3073");
	cifar[3 * RECORD10] = 10;
	file_put("b4/data_batch_1.bin", cifar, n);
	set_refused(scratch_at("b4"), (dataset_options){0}, "record 3 has label 10, allowed are 0 to 9");
	set_refused(scratch_at("b4"), (dataset_options){.split = SPLIT_TEST}, "no test batch");
	cifar_bytes(cifar, 5, true);
	cifar[2 * RECORD100] = 20;
	file_put("b5/train.bin", cifar, 5 * RECORD100);
	set_refused(scratch_at("b5"), (dataset_options){0}, "record 2 has label 20, allowed are 0 to 19");
	cifar[2 * RECORD100] = 0;
	cifar[4 * RECORD100 + 1] = 100;
	file_put("b5/train.bin", cifar, 5 * RECORD100);
	set_refused(scratch_at("b5"), (dataset_options){0}, "record 4 has label 100, allowed are 0 to 99");
	file_put("b6/test_batch.bin", cifar, n);
	set_refused(scratch_at("b6"), (dataset_options){0}, "no training batch");
	mkdir(scratch_at("b7"), 0777);
	mkfifo(scratch_at("b7/data_batch_1.bin"), 0666);
	set_refused(scratch_at("b7"), (dataset_options){0}, "not a regular file");
	set_refused(scratch_at("b7/data_batch_1.bin"), (dataset_options){0}, "neither a file nor a folder");
}
END_TEST

/* ---- PNG folders ---- */

static void put_png(const char *name, int h, int w, int c, int value)
{
	static uint8_t x[64 * 64 * 3];
	fault e;
	memset(x, value, sizeof x);
	x[0] = 1;
	ck_assert_msg(png_write(scratch_at(name), x, h, w, c, &e), "%s", e.text);
}

START_TEST(picture_folders_give_classes_in_turn)
{
	static const char *const file[] = {"p/b/1.png", "p/b/2.PNG", "p/b/3.png", "p/a/x.png", "p/c d/0.png"};
	for (int i = 0; i < COUNT(file); i++)
		put_png(file[i], 6, 5, 1, 10 * (i + 1));
	file_put("p/a/notes.txt", "x", 1);
	mkdir(scratch_at("p/empty"), 0777);
	dataset *d = set_opened(scratch_at("p"), (dataset_options){0});
	ck_assert(d->n == 5 && d->h == 6 && d->w == 5 && d->c == 1 && d->classes == 3);
	ck_assert_int_eq(d->notes, 2);
	ck_assert_str_eq(d->note[0], "warning: 1 files of kinds that are not read are passed over: 1 .txt");
	ck_assert_str_eq(d->note[1], "warning: folders that are passed over: empty");
	ck_assert_str_eq(d->class_name[0], "a");
	ck_assert_str_eq(d->class_name[2], "c d");
	static const int label[] = {0, 1, 2, 1, 1}, value[] = {40, 10, 50, 20, 30};
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(d->label[i], label[i]);
		ck_assert_int_eq(d->pixels[i * 30 + 7], value[i]);
	}
	dataset_free(d);
	d = set_opened(scratch_at("p"), (dataset_options){.limit = 3});
	ck_assert(d->n == 3 && d->classes == 3 && d->label[2] == 2);
	dataset_free(d);
}
END_TEST

/* Nothing vanishes: folders in a class folder belong to the class, and what is passed over is told. */
START_TEST(picture_folders_tell_what_they_pass_over)
{
	static const char *const file[] = {"n/cat/x.png", "n/cat/a/y.png", "n/cat/a/b/z.png", "n/dog/1.png"};
	for (int i = 0; i < COUNT(file); i++)
		put_png(file[i], 6, 5, 1, 10 * (i + 1));
	put_png("n/__MACOSX/cat/._x.png", 6, 5, 1, 1);
	put_png("n/.ipynb_checkpoints/x-checkpoint.png", 6, 5, 1, 1);
	file_put("n/cat/a/1.txt", "x", 1);
	file_put("n/dog/2.TXT", "x", 1);
	file_put("n/dog/README", "x", 1);
	dataset *d = set_opened(scratch_at("n"), (dataset_options){0});
	ck_assert(d->n == 4 && d->classes == 2 && d->label[0] == 0 && d->label[1] == 1 && d->label[3] == 0);
	ck_assert_int_eq(d->notes, 3);
	ck_assert_str_eq(d->note[2], "hidden files and folders (their names begin with a dot) that are passed over: 1");
	ck_assert_str_eq(d->note[0], "warning: 3 files of kinds that are not read are passed over: 2 .txt, 1 others");
	ck_assert_str_eq(d->note[1], "warning: folders that are passed over: __MACOSX");
	dataset_free(d);

	/* train and val are parts; what lies beside them is none, and no class */
	put_png("v/train/a/1.png", 6, 5, 1, 10);
	put_png("v/train/b/1.png", 6, 5, 1, 20);
	put_png("v/val/b/1.png", 6, 5, 1, 30);
	put_png("v/annotations/1.png", 6, 5, 1, 40);
	d = set_opened(scratch_at("v"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 2 && d->notes == 1);
	ck_assert_str_eq(d->note[0], "warning: folders that are passed over: annotations");
	dataset_free(d);
	d = set_opened(scratch_at("v"), (dataset_options){.split = SPLIT_TEST});
	ck_assert(d->n == 1 && d->label[0] == 1 && d->pixels[3] == 30);
	dataset_free(d);
	static const char *const names[] = {"test", "testing", "valid", "validation", "Val", "TEST_SET", "dev"};
	for (int i = 0; i < COUNT(names); i++) {
		char path[64];
		snprintf(path, sizeof path, "w%d/training/a/1.png", i);
		put_png(path, 6, 5, 1, 10);
		snprintf(path, sizeof path, "w%d/training/b/1.png", i);
		put_png(path, 6, 5, 1, 10);
		snprintf(path, sizeof path, "w%d/%s/b/1.png", i, names[i]);
		put_png(path, 6, 5, 1, 20);
		snprintf(path, sizeof path, "w%d", i);
		d = set_opened(scratch_at(path), (dataset_options){.split = SPLIT_TEST});
		ck_assert(d->n == 1 && d->classes == 2 && d->label[0] == 1);
		dataset_free(d);
	}

	/* a lone folder is no class; "train" beside another class is one */
	put_png("one/celebrities/1.png", 6, 5, 1, 10);
	put_png("one/celebrities/2.png", 6, 5, 1, 20);
	d = set_opened(scratch_at("one"), (dataset_options){0});
	ck_assert(d->n == 2 && !d->label && d->classes == 0 && d->notes == 1);
	ck_assert_str_eq(d->note[0], "all images lie in one folder, celebrities: read without labels");
	dataset_free(d);
	put_png("part/Train/a/1.png", 6, 5, 1, 10);
	put_png("part/Train/b/1.png", 6, 5, 1, 20);
	d = set_opened(scratch_at("part"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 2 && d->notes == 0);
	dataset_free(d);
	set_refused(scratch_at("part"), (dataset_options){.split = SPLIT_TEST}, "no folder test");
	put_png("traffic/train/1.png", 6, 5, 1, 10);
	put_png("traffic/bus/1.png", 6, 5, 1, 20);
	d = set_opened(scratch_at("traffic"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 2 && d->notes == 0);
	dataset_free(d);
	put_png("lost/train/cat/1.png", 6, 5, 1, 10);
	put_png("lost/holdout/cat/1.png", 6, 5, 1, 20);
	d = set_opened(scratch_at("lost"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 2 && d->notes == 1);
	ck_assert_ptr_nonnull(strstr(d->note[0], "warning: train is read as a class; folders for training"));
	dataset_free(d);

	/* a link that leads back up ends */
	put_png("loop/a/1.png", 6, 5, 1, 10);
	put_png("loop/b/1.png", 6, 5, 1, 10);
	ck_assert_int_eq(symlink("..", scratch_at("loop/a/up")), 0);
	set_refused(scratch_at("loop"), (dataset_options){0}, "more than 16 folders deep");
}
END_TEST

START_TEST(picture_folders_may_be_flat_or_divided)
{
	put_png("flat/1.png", 6, 5, 1, 10);
	put_png("flat/2.png", 6, 5, 3, 20);
	dataset *d = set_opened(scratch_at("flat"), (dataset_options){0});
	ck_assert(d->n == 2 && d->c == 3 && !d->label && d->classes == 0);
	dataset_free(d);
	set_refused(scratch_at("flat"), (dataset_options){.split = SPLIT_TEST}, "so it has no test part");

	put_png("div/train/a/1.png", 6, 5, 1, 10);
	put_png("div/train/b/1.png", 6, 5, 1, 20);
	put_png("div/test/b/1.png", 6, 5, 1, 30);
	put_png("div/test/c/1.png", 6, 5, 1, 40);
	d = set_opened(scratch_at("div"), (dataset_options){.split = SPLIT_TEST});
	ck_assert(d->n == 1 && d->classes == 2 && d->label[0] == 1 && d->pixels[3] == 30);
	set_must_note(d, "warning: folders that are passed over: c");
	dataset_free(d);
	d = set_opened(scratch_at("div"), (dataset_options){.split = SPLIT_ALL});
	ck_assert_int_eq(d->n, 3);
	dataset_free(d);
}
END_TEST

/* Tiny-ImageNet's val/images and test/images are no class, and have no labels; so have pictures without folders. */
START_TEST(classes_are_those_of_the_training_part)
{
	put_png("tiny/train/n01/images/1.png", 6, 5, 1, 10);
	put_png("tiny/train/n02/images/1.png", 6, 5, 1, 20);
	put_png("tiny/val/images/1.png", 6, 5, 1, 30);
	put_png("tiny/test/images/1.png", 6, 5, 1, 40);
	put_png("tiny/test/images/2.png", 6, 5, 1, 50);
	put_png("bare/train/n01/images/1.png", 6, 5, 1, 10);
	put_png("bare/train/n02/images/1.png", 6, 5, 1, 20);
	put_png("bare/test/1.png", 6, 5, 1, 40);
	put_png("bare/test/2.png", 6, 5, 1, 50);
	for (int i = 0; i < 2; i++) {
		const char *path = i ? "bare" : "tiny";
		dataset *d = set_opened(scratch_at(path), (dataset_options){0});
		ck_assert(d->n == 2 && d->classes == 2 && d->label[0] == 0 && d->label[1] == 1);
		ck_assert_str_eq(d->class_name[1], "n02");
		dataset_free(d);
		d = set_opened(scratch_at(path), (dataset_options){.split = SPLIT_TEST});
		ck_assert(d->n == 2 && !d->label && !d->classes && d->pixels[3] == 40);
		set_must_note(d, "the test part has no labels: none of its folders is a class of the training part");
		dataset_free(d);
		set_refused(scratch_at(path), (dataset_options){.split = SPLIT_ALL}, "the test part has no labels (");
	}
}
END_TEST

/* A folder counts as a class where a part has pictures of it, read or not. */
START_TEST(folders_without_pictures_are_no_classes)
{
	put_png("pets/images/1.png", 6, 5, 1, 10);
	file_put("pets/annotations/1.txt", "x", 1);
	file_put("pets/annotations/xmls/1.xml", "x", 1);
	dataset *d = set_opened(scratch_at("pets"), (dataset_options){0});
	ck_assert(d->n == 1 && !d->label && !d->classes);
	set_must_note(d, "warning: folders that are passed over: annotations");
	set_must_note(d, "all images lie in one folder, images: read without labels");
	dataset_free(d);

	put_png("some/train/b/1.png", 6, 5, 1, 10);
	put_png("some/train/d/1.png", 6, 5, 1, 20);
	put_png("some/test/c/1.png", 6, 5, 1, 30);
	file_put("some/train/a/1.txt", "x", 1);
	file_put("some/train/c/1.txt", "x", 1);
	d = set_opened(scratch_at("some"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 3 && d->label[0] == 0 && d->label[1] == 2);
	ck_assert_str_eq(d->class_name[1], "c");
	set_must_note(d, "warning: folders that are passed over: a");
	dataset_free(d);
}
END_TEST

/* YOLO's images/train and labels/train. */
START_TEST(parts_below_the_one_folder_of_pictures_are_parts)
{
	put_png("yolo/images/train/1.png", 6, 5, 1, 10);
	put_png("yolo/images/train/2.png", 6, 5, 1, 20);
	put_png("yolo/images/val/1.png", 6, 5, 1, 30);
	file_put("yolo/labels/train/1.txt", "0", 1);
	dataset *d = set_opened(scratch_at("yolo"), (dataset_options){0});
	ck_assert(d->n == 2 && !d->label && d->pixels[33] == 20);
	set_must_note(d, "warning: folders that are passed over: labels");
	dataset_free(d);
	d = set_opened(scratch_at("yolo"), (dataset_options){.split = SPLIT_TEST});
	ck_assert(d->n == 1 && !d->label && d->pixels[3] == 30);
	dataset_free(d);
	put_png("yolo/labels/train/mask.png", 6, 5, 1, 40);      /* two folders of pictures: told */
	d = set_opened(scratch_at("yolo"), (dataset_options){0});
	ck_assert(d->n == 4 && d->classes == 2);
	set_must_note(d, "images is read as one class, with the parts that lie in it");
	dataset_free(d);
}
END_TEST

START_TEST(picture_sizes_must_agree_or_a_size_be_given)
{
	put_png("mix/1.png", 6, 5, 1, 10);
	put_png("mix/2.png", 9, 9, 3, 20);
	put_png("mix/3.png", 40, 2, 1, 30);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("mix"), NULL, &e));
	ck_assert_msg(strstr(e.text, "2.png: 9 pixels high, 9 wide, but") && strstr(e.text, "give a size"), "%s",
		e.text);
	for (int mode = 0; mode < RESIZES; mode++) {
		dataset *d = set_opened(scratch_at("mix"), (dataset_options){.h = 8, .w = 8, .channels = 1,
			.resize = (enum data_resize)mode});
		ck_assert(d->n == 3 && d->h == 8 && d->w == 8 && d->c == 1 && d->notes >= 1);
		ck_assert_ptr_nonnull(strstr(d->note[d->notes - 1], data_resize_name[mode]));
		ck_assert_int_eq(d->pixels[64 + 4 * 8 + 4], 20);
		dataset_free(d);
	}
}
END_TEST

static void put_list(const char *name, const char *labels)
{
	char text[256];
	const int n = snprintf(text, sizeof text, "{\"labels\": [%s]}", labels);
	file_put(name, text, (size_t)n);
}

/* Their names are those of the list, and of messages, whether the folder's path ends with a slash or not. */
START_TEST(a_path_may_end_with_slashes)
{
	static const char *const end[] = {"", "/", "//"};
	char path[512];
	put_png("marked/0/1.png", 6, 5, 1, 10);
	file_put("marked/dataset.json", "\xef\xbb\xbf{\"labels\": [[\"0/1.png\", 1]]}", 31);
	dataset *marked = set_opened(scratch_at("marked"), (dataset_options){0});
	ck_assert(marked->n == 1 && marked->label[0] == 1);
	dataset_free(marked);
	put_png("list/0/1.png", 6, 5, 1, 10);
	put_png("list/0/2.png", 6, 5, 1, 20);
	put_list("list/dataset.json", "[\"0/1.png\", 1], [\"0/2.png\", 0]");
	put_idx("sets/a", false);
	put_idx("sets/b", false);
	for (int i = 0; i < COUNT(end); i++) {
		snprintf(path, sizeof path, "%s%s", scratch_at("list"), end[i]);
		dataset *d = set_opened(path, (dataset_options){0});
		ck_assert(d->n == 2 && d->classes == 2 && d->pixels[3] == 20 && d->label[1] == 1 && d->notes == 0);
		dataset_free(d);
		snprintf(path, sizeof path, "%s%s", scratch_at("sets"), end[i]);
		set_refused(path, (dataset_options){0}, "holds more than one data set (a, b): give");
	}
}
END_TEST

START_TEST(broken_picture_folders_are_refused_with_a_line)
{
	mkdir(scratch_at("q1"), 0777);
	set_refused(scratch_at("q1"), (dataset_options){0}, "no data set in this folder, which is empty; known are");
	set_refused(scratch_at("q1"), (dataset_options){.format = "png"}, "no pictures; read are PNG");
	mkdir(scratch_at("q1/a"), 0777);
	file_put("q1/a/1.tif", "x", 1);
	set_refused(scratch_at("q1"), (dataset_options){0}, "no pictures, but 1 .tif; read are PNG, JPEG, WebP or GIF");
	file_put("q4/1.bmp", "x", 1);
	file_put("q4/2.bmp", "x", 1);
	set_refused(scratch_at("q4"), (dataset_options){0}, "only files of kinds that are not read: 2 .bmp;");
	file_put("q5/a.npz", "x", 1);
	file_put("q5/b.npz", "x", 1);
	set_refused(scratch_at("q5"), (dataset_options){0}, "it holds a.npz, b.npz: one file is read, so give the path "
		"of one, or join them");
	put_png("q2/1.png", 6, 5, 1, 1);
	put_png("q2/a/1.png", 6, 5, 1, 1);
	set_refused(scratch_at("q2"), (dataset_options){0}, "has both images");
	put_png("q3/1.png", 6, 5, 1, 1);
	for (int i = 2; i < 60; i++) {               /* several bad ones: always the first is told */
		char name[32];
		snprintf(name, sizeof name, "q3/%d.png", 1000 + i);
		if (i % 20 == 19)
			file_put(name, "\211PNG\r\n\032\nrubbish", 15);
		else
			put_png(name, 6, 5, 1, 1);
	}
	fault e;
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_null(dataset_open(scratch_at("q3"), NULL, &e));
		ck_assert_msg(strstr(e.text, "1019.png: damaged or truncated PNG") != NULL, "%s", e.text);
	}
	set_refused(scratch_at("q3/1.png"), (dataset_options){0}, "a single PNG; give the folder");
	set_refused(scratch_at("q3/1.png"), (dataset_options){.format = "png"}, "format pictures needs a folder");
}
END_TEST

static void copy_golden(const char *name, const char *to)
{
	char path[96];
	size_t n;
	snprintf(path, sizeof path, "tests/golden/pictures/%s", name);
	void *x = file_bytes(path, &n);
	file_put(to, x, n);
	free(x);
}

/* All of 20 x 28: a JPEG without an ending, one called .png, others; a text that is called .jpeg is refused. */
START_TEST(pictures_are_known_by_their_bytes)
{
	copy_golden("colour.jpg", "by/1");
	copy_golden("progressive.jpg", "by/2.png");
	copy_golden("lossy.webp", "by/3.dat");
	copy_golden("still.gif", "by/4.GIF");
	copy_golden("gray.jpg", "by/5.JPG");
	file_put("by/6.txt", "hello", 5);
	file_put("by/7", "", 0);
	for (int old = 0; old < 2; old++) {
		dataset *d = set_opened(scratch_at("by"), (dataset_options){.format = old ? "png" : NULL});
		ck_assert(d->n == 5 && d->h == 20 && d->w == 28 && d->c == 3 && d->notes == 2);
		ck_assert_str_eq(d->kind, "pictures");
		ck_assert_str_eq(d->note[0], "gray images that become colour: 1");
		ck_assert_str_eq(d->note[1],
			"warning: 2 files of kinds that are not read are passed over: 1 .txt, 1 others");
		dataset_free(d);
	}
	dataset *d = set_opened(scratch_at("by"), (dataset_options){.background = "#0a141e"});
	ck_assert(d->pixels[2 * 20 * 28 * 3] == 10 && d->pixels[2 * 20 * 28 * 3 + 2] == 30);
	dataset_free(d);
	file_put("by/8.jpeg", "hello, world", 12);
	fault e;
	ck_assert_ptr_null(dataset_open(scratch_at("by"), NULL, &e));
	ck_assert_msg(strstr(e.text, "8.jpeg: no picture that is read: its first bytes are those of no PNG, JPEG, WebP "
		"or GIF") != NULL, "%s", e.text);
	set_refused(scratch_at("by/3.dat"), (dataset_options){0}, "a single WebP; give the folder");
}
END_TEST

/* A header behind more than 64 KiB of notes (as cameras and programs write them) is found all the same. */
START_TEST(a_picture_with_much_before_its_header_is_read)
{
	static uint8_t bytes[1 << 18], note[65535];
	size_t n;
	uint8_t *x = file_bytes("tests/golden/pictures/colour.jpg", &n), *p = bytes;
	memcpy(p, x, 2);
	p += 2;
	for (int i = 0; i < 3; i++) {
		memcpy(p, "\377\376\377\377", 4);
		memcpy(p + 4, note, 65533);
		p += 4 + 65533;
	}
	memcpy(p, x + 2, n - 2);
	file_put("long/1.jpg", bytes, (size_t)(p - bytes) + n - 2);
	free(x);
	dataset *d = set_opened(scratch_at("long"), (dataset_options){0});
	ck_assert(d->n == 1 && d->h == 20 && d->w == 28);
	dataset_free(d);
}
END_TEST

/* ---- HDF5 ---- */

static void put_h5(const char *name, const char *const *path, const shape *s, const uint8_t *const *x, int n)
{
	fault e;
	h5 *f = h5_create(scratch_at(name), &e);
	ck_assert(f != NULL);
	for (int i = 0; i < n; i++)
		ck_assert_msg(h5_write_u8(f, path[i], s[i], x[i], &e), "%s", e.text);
	ck_assert_msg(h5_commit(f, &e), "%s", e.text);
}

static uint8_t images[4 * 5 * 6 * 3], planes[4 * 5 * 6 * 3];
static const uint8_t labels[4] = {2, 0, 1, 2};

static void fill_images(void)
{
	for (int i = 0; i < 360; i++) {
		images[i] = (uint8_t)(i * 5 % 256);
		planes[i / 90 * 90 + i % 3 * 30 + i % 90 / 3] = images[i];
	}
}

START_TEST(hdf5_bytes_floats_and_planes_are_equal)
{
	static real unit[360], sym[360];
	for (int i = 0; i < 360; i++) {
		unit[i] = (real)(images[i] / 255.0);
		sym[i] = (real)(images[i] / 127.5 - 1);
	}
	put_h5("a.h5", (const char *[]){"/images", "/labels"}, (shape[]){SHAPE(4, 5, 6, 3), SHAPE(4)},
		(const uint8_t *[]){images, labels}, 2);
	put_h5("b.h5", (const char *[]){"/train/imgs", "/train/labels"}, (shape[]){SHAPE(4, 3, 5, 6), SHAPE(4, 1)},
		(const uint8_t *[]){planes, labels}, 2);
	const real *const floats[] = {unit, sym};
	for (int i = 0; i < 2; i++) {
		fault e;
		h5 *f = h5_create(scratch_at(i ? "d.h5" : "c.h5"), &e);
		ck_assert(f && h5_write_real(f, "/x", SHAPE(4, 5, 6, 3), floats[i], &e));
		ck_assert(h5_write_i64(f, "/y", SHAPE(4), (const int64_t[]){2, 0, 1, 2}, &e) && h5_commit(f, &e));
	}
	dataset *a = set_opened(scratch_at("a.h5"), (dataset_options){0});
	ck_assert(a->n == 4 && a->h == 5 && a->w == 6 && a->c == 3 && a->classes == 3 && a->label[3] == 2);
	ck_assert_mem_eq(a->pixels, images, sizeof images);
	static const char *const other[] = {"b.h5", "c.h5", "d.h5"};
	for (int i = 0; i < COUNT(other); i++) {
		dataset *b = set_opened(scratch_at(other[i]), (dataset_options){0});
		same_set(a, b);
		dataset_free(b);
	}
	dataset_free(a);
	a = set_opened(scratch_at("a.h5"), (dataset_options){.limit = 2, .channels = 1, .h = 5, .w = 5});
	ck_assert(a->n == 2 && a->c == 1 && a->classes == 3);
	const char *last = a->note[a->notes - 1], *before = a->note[a->notes - 2];
	ck_assert(strstr(last, " become 5x5 (") && strcmp(before, "colour images that become gray: 2") == 0);
	dataset_free(a);
	set_refused(scratch_at("a.h5"), (dataset_options){.split = SPLIT_TEST}, "so it has no test part");
	set_refused(scratch_at("b.h5"), (dataset_options){.split = SPLIT_TEST},
		"no images of the test part; it has /train/imgs");
}
END_TEST

/* libhdf5 1.10 itself loses the object headers that it fails to decode: the leak sanitizer, where
 * there is one, must not look at what is allocated here. The library reuses blocks, so this test
 * comes before all others that use HDF5. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

START_TEST(damaged_hdf5_files_never_crash)
{
	static uint8_t bytes[1 << 16], copy[1 << 16];
	if (__lsan_disable)
		__lsan_disable();
	put_h5("dam.h5", (const char *[]){"/images"}, (shape[]){SHAPE(4, 5, 6, 3)}, (const uint8_t *[]){images}, 1);
	const size_t n = file_get("dam.h5", bytes, sizeof bytes);
	for (size_t k = 8; k < n; k += n / 20) {
		file_put("dam.h5", bytes, k);
		set_refused(scratch_at("dam.h5"), (dataset_options){0}, "");
	}
	int refusals = 0;
	for (size_t k = 0; k < 300; k++) {           /* a line or a set */
		memcpy(copy, bytes, n);
		copy[k * 7919 % n] ^= (uint8_t)(1 + k % 255);
		file_put("dam.h5", copy, n);
		dataset *d = dataset_open(scratch_at("dam.h5"), NULL, NULL);
		refusals += !d;
		dataset_free(d);
	}
	ck_assert_int_gt(refusals, 20);
	if (__lsan_enable)
		__lsan_enable();
}
END_TEST

/* A limit of kinds that are known by their length was asked of all. The files are sparse. */
START_TEST(a_signature_is_known_whatever_the_length)
{
	const off_t length = (off_t)5 << 30;
	put_h5("long.h5", (const char *[]){"/images"}, (shape[]){SHAPE(4, 5, 6, 3)}, (const uint8_t *[]){images}, 1);
	ck_assert_int_eq(truncate(scratch_at("long.h5"), length), 0);
	dataset *d = set_opened(scratch_at("long.h5"), (dataset_options){0});
	ck_assert(d->n == 4 && !strcmp(d->kind, "hdf5"));
	ck_assert_mem_eq(d->pixels, images, 4 * 5 * 6 * 3);
	dataset_free(d);
	file_put("long.npy", "\223NUMPY", 6);
	ck_assert_int_eq(truncate(scratch_at("long.npy"), length), 0);
	place p;
	const data_format *f = &format_auto;
	fault e;
	ck_assert_msg(format_find(scratch_at("long.npy"), &p, &f, &e), "%s", e.text);
	ck_assert_str_eq(f->what, "numpy (.npz, .npy)");
	place_free(&p);
	file_put("long", "hello", 5);
	ck_assert_int_eq(truncate(scratch_at("long"), length), 0);
	set_refused(scratch_at("long"), (dataset_options){0}, "not recognised; known are IDX");
}
END_TEST

/* Found by fuzz_keras: libhdf5 1.10.8 ends this one with a segmentation fault, when the program itself opens it. */
START_TEST(a_file_that_crashes_the_library_is_refused)
{
	damage_counts c = {0};
	damage_try(DAMAGE_DATA, 8026, scratch_at("crash.h5"), &c);
	ck_assert_int_eq(c.refused, 1);
	ck_assert_int_eq(c.silent, 0);
}
END_TEST

START_TEST(broken_hdf5_files_are_refused_with_a_line)
{
	put_h5("e1.h5", (const char *[]){"/a", "/b"}, (shape[]){SHAPE(4, 5, 6, 3), SHAPE(4, 5, 6, 3)},
		(const uint8_t *[]){images, images}, 2);
	set_refused(scratch_at("e1.h5"), (dataset_options){0}, "no images called images, image, imgs");
	set_refused(scratch_at("e1.h5"), (dataset_options){0},
		"it holds /a [4,5,6,3] uint8, /b [4,5,6,3] uint8; data.images");
	put_h5("e2.h5", (const char *[]){"/images"}, (shape[]){SHAPE(4, 5, 6, 2)}, (const uint8_t *[]){images}, 1);
	set_refused(scratch_at("e2.h5"), (dataset_options){0}, "/images has the shape [4,5,6,2], images are");
	put_h5("e3.h5", (const char *[]){"/images"}, (shape[]){SHAPE(4, 90)}, (const uint8_t *[]){images}, 1);
	set_refused(scratch_at("e3.h5"), (dataset_options){0},
		"/images is no array of images: it has the shape [4,90] (uint8); needs");
	put_h5("e4.h5", (const char *[]){"/images", "/labels"}, (shape[]){SHAPE(4, 5, 6, 3), SHAPE(3)},
		(const uint8_t *[]){images, labels}, 2);
	set_refused(scratch_at("e4.h5"), (dataset_options){0}, "3 labels for 4 images");
	put_h5("e5.h5", (const char *[]){"/images", "/labels"}, (shape[]){SHAPE(4, 5, 6, 3), SHAPE(4, 2)},
		(const uint8_t *[]){images, images}, 2);
	set_refused(scratch_at("e5.h5"), (dataset_options){0}, "/labels: row 0 is not one-hot");
	fault e;
	h5 *f = h5_create(scratch_at("e6.h5"), &e);
	ck_assert(h5_write_u8(f, "/images", SHAPE(4, 5, 6, 3), images, &e));
	ck_assert(h5_write_f64(f, "/labels", SHAPE(4), (const double[]){0, 1, 1.5, 2}, &e) && h5_commit(f, &e));
	set_refused(scratch_at("e6.h5"), (dataset_options){0}, "label 2 is 1.5, allowed are whole numbers");
	f = h5_create(scratch_at("e7.h5"), &e);
	real x[12] = {0, 1, -3};
	ck_assert(h5_write_real(f, "/images", SHAPE(1, 3, 4), x, &e) && h5_commit(f, &e));
	set_refused(scratch_at("e7.h5"), (dataset_options){0},
		"/images: whole numbers from -3 to 1, 99.9 % of them from -3 to 1; allowed for all of them are 0..1, ");
}
END_TEST

/* ---- other paths, options ---- */

START_TEST(other_paths_and_options_are_refused_with_a_line)
{
	put_idx("o", false);
	set_refused(scratch_at("nothing"), (dataset_options){0}, "no such file or folder");
	file_put("notes.txt", "hello", 5);
	set_refused(scratch_at("notes.txt"), (dataset_options){0}, "not recognised; known are IDX");
	set_refused(scratch_at("o"), (dataset_options){.h = 32}, "wanted size 32x0");
	set_refused(scratch_at("o"), (dataset_options){.h = 1 << 20, .w = 1 << 20}, "wanted size");
	set_refused(scratch_at("o"), (dataset_options){.channels = 2}, "wanted channels 2");
	set_refused(scratch_at("o"), (dataset_options){.limit = -1}, "limit -1");
	set_refused(scratch_at("o"), (dataset_options){.format = "cifar10"}, "no training batch");
	set_refused("/dev/zero", (dataset_options){0}, "neither a file nor a folder");
	unlink(scratch_at("o/t10k-images-idx3-ubyte"));
	set_refused(scratch_at("o"), (dataset_options){.split = SPLIT_TEST}, "no file of the test images");
	put_idx("two", false);
	file_put("two/other-train-images-idx3-ubyte", "x", 1);
	set_refused(scratch_at("two"), (dataset_options){0}, "are train images: data.images or --images names the "
		"set (other), or give one of the files");
	dataset_free(NULL);
}
END_TEST

/* 60000 images of 16384 x 16384: no machine has 16 TB; nothing may be allocated to find out. */
START_TEST(a_set_that_cannot_fit_is_refused_at_once)
{
	set_refused("data/mnist", (dataset_options){.h = 16384, .w = 16384}, "GB of memory, this machine has");
}
END_TEST

/* ---- descriptions ---- */

static void line_add(void *ctx, const char *text)
{
	char *all = ctx;
	ck_assert_uint_lt(strlen(all) + strlen(text) + 2, 8192);
	strcat(strcat(all, text), "\n");
}

static void described(const dataset *d, char *text)
{
	dataset_stats s;
	fault e;
	*text = '\0';
	ck_assert(dataset_stats_make(d, &s, &e));
	dataset_describe(d, &s, line_add, text);
	dataset_stats_free(&s);
}

START_TEST(a_description_counts_and_warns)
{
	char text[8192];
	uint8_t x[4 * 4] = {0, 255, 0, 255, 9, 9, 9, 9, 0, 255, 0, 255, 1, 2, 3, 4};
	int32_t y[4] = {1, 1, 1, 2};
	char *name[3] = {"zero", "one\033[2J", "two"}, *note[2] = {"warning: passed over", "as \033 is"};
	dataset d = {.kind = "idx", .path = "P", .n = 4, .h = 2, .w = 2, .c = 1, .classes = 3, .pixels = x, .label = y,
		.class_name = name, .note = note, .notes = 2};
	described(&d, text);
	ck_assert_msg(strstr(text, "P: idx, 4 images of 2x2, gray\n") != NULL, "%s", text);
	ck_assert_msg(strstr(text, "one?[2J         3  75.00 %  ######") != NULL, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "warning: 1 of 3 classes have no image\n"));
	ck_assert_ptr_nonnull(strstr(text, "warning: 1 images are of one colour\n"));
	ck_assert_ptr_nonnull(strstr(text, "warning: 1 images are copies of others\n"));
	ck_assert_ptr_nonnull(strstr(text, "warning: passed over\nas ? is\n"));
	y[3] = 1;
	described(&d, text);
	ck_assert_ptr_nonnull(strstr(text, "warning: every image has the label 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "warning: 2 of 3 classes have no image\n"));
	/* Columns count characters, and none is cut in two. */
	name[0] = "d\u00f6g";
	name[1] = "\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6"
		"\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6";
	described(&d, text);
	char row[128];
	snprintf(row, sizeof row, "     0  d\u00f6g%21s  %8d ", "", 0);
	ck_assert_msg(strstr(text, row), "%s", text);
	snprintf(row, sizeof row, "     1  %.48s  %8d ", name[1], 4);
	ck_assert_msg(strstr(text, row), "%s", text);
	name[0] = "zero";
	memset(y, 0, sizeof y);
	described(&d, text);
	ck_assert_ptr_nonnull(strstr(text, "warning: every label is 0"));
	dataset plain = {.kind = "png", .path = "P", .n = 1, .h = 2, .w = 2, .c = 1, .pixels = x + 12};
	described(&plain, text);
	ck_assert_ptr_nonnull(strstr(text, "no labels\n"));
	ck_assert_ptr_null(strstr(text, "warning"));
}
END_TEST

START_TEST(the_checksum_sees_pixels_labels_and_sizes)
{
	uint8_t x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	int32_t y[2] = {0, 1};
	dataset d = {.n = 2, .h = 2, .w = 2, .c = 1, .classes = 2, .pixels = x, .label = y};
	const uint64_t sum = dataset_checksum(&d);
	x[7] = 9;
	ck_assert_uint_ne(dataset_checksum(&d), sum);
	x[7] = 8;
	y[1] = 0;
	ck_assert_uint_ne(dataset_checksum(&d), sum);
	y[1] = 1;
	d.h = 1;
	d.w = 4;
	ck_assert_uint_ne(dataset_checksum(&d), sum);
	d.h = d.w = 2;
	ck_assert_uint_eq(dataset_checksum(&d), sum);
}
END_TEST

static void pool_on(void)
{
	fault e;
	ck_assert_msg(pool_start(3, &e), "%s", e.text);
}

int main(void)
{
	fill_images();
	const suite_test tests[] = {
		{damaged_hdf5_files_never_crash, 1},
		{shipped_mnist_is_the_official_one, COUNT(shipped)},
		{classes_and_moments_are_the_known_ones, COUNT(official)},
		{idx_plain_and_packed_are_equal, 1},
		{a_limit_takes_the_first_and_keeps_the_classes, 1},
		{class_names_and_missing_labels_are_fine, 1},
		{images_get_the_size_and_the_channels_wanted, 1},
		{qmnist_labels_are_the_first_column, 1},
		{emnist_is_turned_upright_and_begins_with_class_0, 1},
		{data_images_names_one_of_several_idx_sets, 1},
		{kaggles_mnist_is_read, 1},
		{the_labels_of_both_parts_decide, 1},
		{classes_can_be_given_names, 1},
		{texts_of_names_are_made_and_searched, 1},
		{broken_idx_files_are_refused_with_a_line, COUNT(broken_idx)},
		{a_damaged_gzip_stream_is_noticed, 1},
		{cifar_planes_become_pixels_and_parts_follow_each_other, 1},
		{cifar100_has_fine_and_coarse_labels, 1},
		{broken_cifar_files_are_refused_with_a_line, 1},
		{picture_folders_give_classes_in_turn, 1},
		{picture_folders_tell_what_they_pass_over, 1},
		{picture_folders_may_be_flat_or_divided, 1},
		{classes_are_those_of_the_training_part, 1},
		{folders_without_pictures_are_no_classes, 1},
		{parts_below_the_one_folder_of_pictures_are_parts, 1},
		{picture_sizes_must_agree_or_a_size_be_given, 1},
		{a_path_may_end_with_slashes, 1},
		{broken_picture_folders_are_refused_with_a_line, 1},
		{pictures_are_known_by_their_bytes, 1},
		{a_picture_with_much_before_its_header_is_read, 1},
		{hdf5_bytes_floats_and_planes_are_equal, 1},
		{a_signature_is_known_whatever_the_length, 1},
		{a_file_that_crashes_the_library_is_refused, 1},
		{broken_hdf5_files_are_refused_with_a_line, 1},
		{other_paths_and_options_are_refused_with_a_line, 1},
		{a_set_that_cannot_fit_is_refused_at_once, 1},
		{a_description_counts_and_warns, 1},
		{the_checksum_sees_pixels_labels_and_sizes, 1},
	};
	const suite_case cases[] = {
		{.name = "data", TESTS(tests), .setup = pool_on, .teardown = pool_stop},
	};
	return suite_run_cases("data", cases, COUNT(cases), 60);
}
