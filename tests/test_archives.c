/* test_archives.c - archives, files of numpy and pickles: the same images whatever they come in, and the line for each
 * way to be broken. What others' programs wrote is in tests/golden/archives (make.py says how). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/archive/archive.h"
#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "data/dataset.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/suite.h"

#define GOLDEN "tests/golden/archives/"

/* ---- what others' programs wrote ---- */

/* make.py's image i. */
static int pixel(int i, int y, int x, int c)
{
	return (31 * i + 7 * y + 3 * x + 50 * c) % 256;
}

/* Folders are in the order of their bytes, Birnen cherries Aepfel, and images are taken from them in turn. */
static const int as_stored[6] = {0, 1, 2, 3, 4, 5}, by_fruit[6] = {1, 2, 0, 4, 5, 3};

static const struct {
	const char *file, *kind, *name;              /* of class 2, NULL: no labels */
	int side, classes, tests;                    /* tests: images of the test part */
	const int *order;
	const char *note;
} golden[] = {
	{"fruit.zip", "pictures", "Äpfel", 8, 3, 0, by_fruit, "read from " GOLDEN "fruit.zip/fruit"},
	{"fruit.tar", "pictures", "Äpfel", 8, 3, 0, by_fruit, "read from " GOLDEN "fruit.tar/fruit"},
	{"fruit.tar.xz", "pictures", "Äpfel", 8, 3, 0, by_fruit, "read from"},
	{"fruit.tar.bz2", "pictures", "Äpfel", 8, 3, 0, by_fruit, "read from"},
	{"fruit.tar.zst", "pictures", "Äpfel", 8, 3, 0, by_fruit, "read from"},
	{"dots.tgz", "pictures", "Äpfel", 8, 3, 0, by_fruit, NULL},
	{"stylegan.zip", "pictures", "2", 8, 3, 0, as_stored, NULL},
	{"unlabelled.zip", "pictures", NULL, 8, 0, 0, as_stored, NULL},
	{"keras.npz", "numpy", "2", 8, 3, 3, as_stored, "x_train [6,8,8,3] uint8 as [n,h,w,c]; labels: y_train"},
	{"packed.npz", "numpy", "2", 8, 3, 3, as_stored, "range: 0..255"},
	{"fortran.npz", "numpy", "2", 8, 3, 0, as_stored, "range: 0..1"},
	{"planes.npz", "numpy", "2", 8, 3, 0, as_stored, "arr_0 [6,3,8,8] float64 as [n,c,h,w]; labels: arr_1"},
	{"half.npz", "numpy", "2", 8, 3, 0, as_stored, "float16"},
	{"wide.npz", "numpy", "2", 8, 3, 0, as_stored, "int64"},
	{"bare.npy", "numpy", NULL, 8, 0, 0, as_stored, "no labels"},
	{"cifar-10-python.tar.gz", "cifar10", "bird", 32, 10, 6, as_stored, "tar.gz/cifar-10-batches-py"},
	{"cifar-100-python.tar.gz", "cifar100", "f2", 32, 100, 0, as_stored, "tar.gz/cifar-100-python"},
};

START_TEST(the_same_images_come_out_of_all)
{
	char path[96];
	snprintf(path, sizeof path, GOLDEN "%s", golden[_i].file);
	dataset *d = set_opened(path, (dataset_options){0});
	const int side = golden[_i].side;
	ck_assert_str_eq(d->kind, golden[_i].kind);
	ck_assert(d->n == 6 && d->h == side && d->w == side && d->c == 3 && d->classes == golden[_i].classes);
	for (int i = 0; i < 6 * side * side * 3; i++) {
		const int k = i / (side * side * 3), at = i / 3 % (side * side);
		ck_assert_msg(d->pixels[i] == pixel(golden[_i].order[k], at / side, at % side, i % 3),
			"%s: byte %d is %d", path, i, d->pixels[i]);
	}
	for (int k = 0; golden[_i].name && k < 6; k++)
		ck_assert_int_eq(d->label[k], k % 3);
	if (golden[_i].name)
		ck_assert_str_eq(d->class_name[2], golden[_i].name);
	else
		ck_assert_ptr_null(d->label);
	if (golden[_i].note)
		set_must_note(d, golden[_i].note);
	dataset_free(d);
	if (golden[_i].tests) {
		d = set_opened(path, (dataset_options){.split = SPLIT_TEST});
		ck_assert_int_eq(d->n, golden[_i].tests);
		dataset_free(d);
	} else {
		set_refused(path, (dataset_options){.split = SPLIT_TEST}, "no test");
	}
}
END_TEST

START_TEST(truth_values_are_black_and_white)
{
	dataset *d = set_opened(GOLDEN "truth.npz", (dataset_options){0});
	for (int i = 0; i < 6 * 8 * 8 * 3; i++)
		ck_assert_int_eq(d->pixels[i], pixel(i / 192, i / 24 % 8, i / 3 % 8, i % 3) >= 128 ? 255 : 0);
	dataset_free(d);
	set_refused(GOLDEN "truth.npz", (dataset_options){.images = "notes"}, "notes");
	d = set_opened(GOLDEN "planes.npz", (dataset_options){.images = "arr_0", .labels = "none"});
	ck_assert_ptr_null(d->label);
	dataset_free(d);
}
END_TEST

/* ---- archives made here ---- */

static void put_zip(const char *name, const archive_member *m, int n)
{
	void *x;
	size_t size;
	fault e;
	ck_assert_msg(archive_pack("made", m, n, &x, &size, &e), "%s", e.text);
	file_put(name, x, size);
	free(x);
}

/* A file in a tar; type '0': a file, '2': a link. `says`: the size in its header. Returns the bytes. */
static size_t tar_file(uint8_t *to, const char *name, char type, const void *x, size_t n, unsigned long long says)
{
	memset(to, 0, 512 + (n + 511) / 512 * 512);
	snprintf((char *)to, 100, "%s", name);
	snprintf((char *)to + 100, 8, "0000644");
	snprintf((char *)to + 108, 8, "0000000");
	snprintf((char *)to + 116, 8, "0000000");
	snprintf((char *)to + 124, 13, "%012llo", says);
	snprintf((char *)to + 136, 12, "00000000000");
	memset(to + 148, ' ', 8);
	to[156] = (uint8_t)type;
	if (type == '2')
		snprintf((char *)to + 157, 100, "elsewhere");
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += to[i];
	snprintf((char *)to + 148, 8, "%06o", sum);
	if (n)
		memcpy(to + 512, x, n);
	return 512 + (n + 511) / 512 * 512;
}

static size_t idx_images(uint8_t *to)
{
	return idx_bytes(to, (const uint32_t[]){5, 4, 3}, 3, 60, 7, 251);
}

/* Plain and packed files of MNIST's kind, in a zip and in a tar of the oldest kind. */
START_TEST(files_of_a_set_are_found_in_an_archive)
{
	static uint8_t images[128], packed[128], labels[32], tar[8192];
	const size_t n = idx_images(images), labels_n = idx_bytes(labels, (const uint32_t[]){5}, 1, 5, 1, 3);
	file_put_gz("one.gz", images, n);
	const size_t packed_n = file_get("one.gz", packed, sizeof packed);
	put_zip("mnist.zip", (const archive_member[]){{"set/raw/train-images-idx3-ubyte.gz", packed, packed_n},
		{"set/raw/train-labels-idx1-ubyte", labels, labels_n}, {"set/raw/classes.txt", "a\nb\nc\n", 6}}, 3);
	size_t at = tar_file(tar, "train-images-idx3-ubyte", '0', images, n, n);
	at += tar_file(tar + at, "train-labels-idx1-ubyte", '0', labels, labels_n, labels_n);
	at += tar_file(tar + at, "t10k-images-idx3-ubyte", '2', NULL, 0, 0);
	file_put("mnist.tar", tar, at + 1024);
	static const char *const file[] = {"mnist.zip", "mnist.tar"};
	for (int i = 0; i < COUNT(file); i++) {
		dataset *d = set_opened(scratch_at(file[i]), (dataset_options){0});
		ck_assert(d->n == 5 && d->h == 4 && d->w == 3 && d->c == 1 && d->classes == 3 && d->label[2] == 2);
		ck_assert_mem_eq(d->pixels, images + n - 60, 60);
		ck_assert_str_eq(d->class_name[1], i ? "1" : "b");
		set_must_note(d, i ? "warning: 1 links in the archive are not followed" : "mnist.zip/set/raw");
		dataset_free(d);
	}
	set_refused(scratch_at("mnist.tar"), (dataset_options){.split = SPLIT_TEST}, "no file of the test images");
}
END_TEST

/* What libraries keep: a folder above the set, beside the archive it came from. */
START_TEST(cache_folders_are_looked_into)
{
	static uint8_t images[128];
	static uint8_t cifar[2 * 3073];
	const size_t n = idx_images(images);
	file_put("torch/MNIST/raw/train-images-idx3-ubyte", images, n);
	file_put("torch/MNIST/raw/train-images-idx3-ubyte.gz", "rubbish", 7);
	dataset *d = set_opened(scratch_at("torch"), (dataset_options){0});
	ck_assert_int_eq(d->n, 5);
	set_must_note(d, "torch/MNIST/raw");
	dataset_free(d);
	file_put("torch/cifar-10-batches-bin/data_batch_1.bin", cifar, sizeof cifar);
	set_refused(scratch_at("torch"), (dataset_options){0},
		"holds more than one data set (MNIST/raw, cifar-10-batches-bin): give the path of one");
	d = set_opened(scratch_at("torch"), (dataset_options){.format = "cifar10"});
	ck_assert(d->n == 2 && d->classes == 10);
	dataset_free(d);
	file_put("keras/mnist.npz", "rubbish", 7);
	set_refused(scratch_at("keras"), (dataset_options){0},
		"no data set in this folder itself; it holds mnist.npz: give the path of that file");
	file_put("parent/cifar-10-batches-bin/data_batch_1.bin", cifar, sizeof cifar);
	file_put("parent/cifar-10-binary.tar.gz", "rubbish", 7);
	d = set_opened(scratch_at("parent"), (dataset_options){0});
	ck_assert_int_eq(d->n, 2);
	set_must_note(d, "parent/cifar-10-batches-bin");
	dataset_free(d);
}
END_TEST

/* 64 images of 32x32x3 in a .npy are as long as 64 records of CIFAR-100: its signature goes first. */
START_TEST(a_signature_goes_before_a_length)
{
	enum { HEADER = 128, N = 64 };
	static const char head[] =
		"\x93NUMPY\1\0\x76\0{'descr': '|u1', 'fortran_order': False, 'shape': (64, 32, 32, 3), }";
	static uint8_t x[HEADER + N * 3072];
	memset(x, ' ', HEADER);
	memcpy(x, head, sizeof head - 1);
	x[HEADER - 1] = '\n';
	for (int i = 0; i < N * 3072; i++)
		x[HEADER + i] = (uint8_t)(i % 256);
	ck_assert_int_eq(sizeof x % 3074, 0);
	file_put("x.npy", x, sizeof x);
	dataset *d = set_opened(scratch_at("x.npy"), (dataset_options){0});
	ck_assert(d->n == N && d->h == 32 && d->c == 3 && !strcmp(d->kind, "numpy"));
	ck_assert_mem_eq(d->pixels, x + HEADER, sizeof x - HEADER);
	dataset_free(d);
	/* In a folder: what lies beside it is told, and pictures may be what is meant. */
	file_put("beside/x.npy", x, sizeof x);
	file_put("beside/notes.txt", "x", 1);
	file_put("beside/deep/y.txt", "x", 1);
	d = set_opened(scratch_at("beside"), (dataset_options){0});
	ck_assert(d->n == N && !strcmp(d->kind, "numpy"));
	set_must_note(d, "warning: 1 files of kinds that are not read are passed over: 1 .txt");
	set_must_note(d, "warning: folders that are passed over: deep");
	dataset_free(d);
	file_put("beside/1.png", "x", 1);
	set_refused(scratch_at("beside"), (dataset_options){0}, "holds arrays (.npy) and pictures; data.format = numpy "
		"or pictures says which are read");
	d = set_opened(scratch_at("beside"), (dataset_options){.format = "numpy"});
	set_must_note(d, "passed over: 1 .png, 1 .txt");
	dataset_free(d);
}
END_TEST

START_TEST(hidden_files_of_an_archive_are_counted)
{
	static const uint8_t rows[2] = {9, 200};
	static uint8_t png[1 << 16];
	const size_t n = png_bytes(png, sizeof png, &(png_kind){.w = 2, .h = 1, .depth = 8, .rows = rows, .row = 2});
	put_zip("hid.zip", (const archive_member[]){{"set/cat/1.png", png, n}, {"set/dog/1.png", png, n},
		{"set/cat/.2.png", png, n}, {"set/.trash/1.png", png, n}, {"set/.trash/2.png", png, n}}, 5);
	dataset *d = set_opened(scratch_at("hid.zip"), (dataset_options){0});
	ck_assert(d->n == 2 && d->classes == 2);
	set_must_note(d, "hidden files and folders (their names begin with a dot) that are passed over: 2");
	dataset_free(d);
}
END_TEST

START_TEST(a_set_file_in_an_archive_is_named)
{
	put_zip("flat.zip", (const archive_member[]){{"a.h5", "x", 1}}, 1);
	set_refused(scratch_at("flat.zip"), (dataset_options){0},
		"it holds a.h5: such a file is not read inside an archive");
}
END_TEST

/* ---- broken ones ---- */

static const char *const broken[] = {
	"fruit.zip", "fruit.tar", "fruit.tar.xz", "fruit.tar.bz2", "fruit.tar.zst", "dots.tgz", "packed.npz",
	"bare.npy", "cifar-10-python.tar.gz",
};

/* Densely at the start, then every 101 bytes and between all blocks of a tar. */
static size_t next_cut(size_t k)
{
	const size_t block = (k / 512 + 1) * 512, step = k < 40 ? k + 7 : k + 101;
	return MIN(step, block);
}

START_TEST(an_archive_cut_anywhere_is_refused)
{
	char path[96];
	size_t n;
	snprintf(path, sizeof path, GOLDEN "%s", broken[_i]);
	uint8_t *x = file_bytes(path, &n);
	for (size_t k = 1; k < n; k = next_cut(k)) {
		fault e = {.text = ""};
		file_put("cut", x, k);
		dataset *d = dataset_open(scratch_at("cut"), NULL, &e);
		/* behind the last file a tar has only zeros */
		const bool whole = strstr(path, ".tar") && k > 7168 && d && d->n == 6;
		ck_assert_msg(!d || whole, "%s cut at %zu of %zu", path, k, n);
		ck_assert_msg(d || (strstr(e.text, "cut") && !strchr(e.text, '\n')), "%s", e.text);
		dataset_free(d);
	}
	free(x);
}
END_TEST

START_TEST(an_archive_with_changed_bytes_is_refused_or_read_but_never_worse)
{
	char path[96];
	size_t n;
	int refusals = 0;
	snprintf(path, sizeof path, GOLDEN "%s", broken[_i]);
	uint8_t *x = file_bytes(path, &n), *copy = malloc(n);
	rng r = rng_new(7, "changed");
	ck_assert(copy != NULL);
	for (int k = 0; k < 60; k++) {
		fault e = {.text = ""};
		memcpy(copy, x, n);
		copy[rng_below(&r, (int64_t)n)] ^= (uint8_t)(1 + rng_below(&r, 255));
		file_put("changed", copy, n);
		dataset *d = dataset_open(scratch_at("changed"), NULL, &e);
		ck_assert_msg(d || (*e.text && !strchr(e.text, '\n')), "%s", e.text);
		refusals += !d;
		dataset_free(d);
	}
	ck_assert_int_gt(refusals, 0);
	free(copy);
	free(x);
}
END_TEST

/* More than any archive of that size can hold; a size of 8 GB in a header with nothing behind it. */
START_TEST(bombs_are_refused_before_memory_is_taken)
{
	enum { ZEROS = 200 << 20 };
	static uint8_t tar[512 + 1024];
	uint8_t *zeros = calloc(1, ZEROS + 2048);
	ck_assert(zeros != NULL);
	tar_file(zeros, "train-images-idx3-ubyte", '0', NULL, 0, 8ULL * ZEROS);
	file_put_gz("bomb.tar.gz", zeros, ZEROS + 2048);
	free(zeros);
	set_refused(scratch_at("bomb.tar.gz"), (dataset_options){0}, "train-images-idx3-ubyte has 1677721600 bytes;");
	tar_file(tar, "train-images-idx3-ubyte", '0', NULL, 0, 8ULL << 30);
	file_put("huge.tar", tar, sizeof tar);
	set_refused(scratch_at("huge.tar"), (dataset_options){0}, "train-images-idx3-ubyte has 8589934592 bytes;");
}
END_TEST

START_TEST(archives_of_other_kinds_are_refused_with_a_line)
{
	uint8_t bytes[1024];
	put_zip("locked.zip", (const archive_member[]){{"train-images-idx3-ubyte", "text", 4}}, 1);
	const size_t n = file_get("locked.zip", bytes, sizeof bytes);
	for (size_t i = 0; i + 10 < n; i++) {        /* bit 0 of the flags, in both headers */
		if (!memcmp(bytes + i, "PK\3\4", 4))
			bytes[i + 6] |= 1;
		if (!memcmp(bytes + i, "PK\1\2", 4))
			bytes[i + 8] |= 1;
	}
	file_put("locked.zip", bytes, n);
	set_refused(scratch_at("locked.zip"), (dataset_options){0}, "train-images-idx3-ubyte is encrypted");
	put_zip("texts.zip", (const archive_member[]){{"a.txt", "text", 4}}, 1);
	set_refused(scratch_at("texts.zip"), (dataset_options){0},
		"no data set in this folder, only files of kinds that are not read: 1 .txt; known are ");
	put_zip("empty.zip", NULL, 0);
	set_refused(scratch_at("empty.zip"), (dataset_options){0},
		"damaged or truncated archive (zip and tar are read)");
	put_zip("list.zip", (const archive_member[]){{"dataset.json", "{\"labels\": [[\"a.png\", -1]]}", 27}}, 1);
	set_refused(scratch_at("list.zip"), (dataset_options){.format = "pictures"},
		"dataset.json: label 0 is no pair of a path and a whole number from 0 to 65535");
	put_zip("list.zip", (const archive_member[]){{"dataset.json", "{\"labels\": [", 12}}, 1);
	set_refused(scratch_at("list.zip"), (dataset_options){.format = "pictures"},
		"dataset.json: damaged JSON in line 1");
	size_t size;
	void *gif = file_bytes("tests/golden/pictures/still.gif", &size);
	put_zip("list.zip", (const archive_member[]){{"dataset.json", "{\"labels\": [[\"a.png\", 1]]}", 26},
		{"b.gif", gif, size}}, 2);
	set_refused(scratch_at("list.zip"), (dataset_options){0}, "b.gif: has no label in dataset.json");
	/* a list of something else changes nothing */
	put_zip("other.zip", (const archive_member[]){{"dataset.json", "{\"name\": 1}", 11}, {"b.gif", gif, size}}, 2);
	dataset_free(set_opened(scratch_at("other.zip"), (dataset_options){0}));
	free(gif);
}
END_TEST

/* ---- files of numpy ---- */

static const struct {
	const char *header, *says;
} headers[] = {
	{"{'descr': '|u1', 'fortran_order': False, 'shape': (9, 8, 8), }", "says 576 bytes of numbers, it has 192"},
	{"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 8, 8), }", "says 1536 bytes of numbers"},
	{"{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 8, 8, 3), }", "truncated"},
	{"{'descr': '|u1', 'fortran_order': Perhaps, 'shape': (3, 8, 8), }", "its header makes no sense"},
	{"{'descr': '|u1', 'fortran_order': False, 'shape': (3, -8, 8), }", "its header makes no sense"},
	{"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 8, 8", "its header makes no sense"},
	{"{'descr': '|O', 'fortran_order': False, 'shape': (3, 8, 8), }", "(|O); needs numbers in 3 or 4 axes"},
};

START_TEST(files_of_numpy_that_lie_are_refused)
{
	static uint8_t x[1024];
	const size_t n = strlen(headers[_i].header);
	memcpy(x, "\223NUMPY\1\0", 8);
	x[8] = (uint8_t)n;
	memcpy(x + 10, headers[_i].header, n);
	file_put("x.npy", x, 10 + n + 192);
	set_refused(scratch_at("x.npy"), (dataset_options){0}, headers[_i].says);
}
END_TEST

/* ---- pickles ---- */

/* A batch of the archive, as the pickle that it is. free() */
static uint8_t *first_batch(size_t *size)
{
	size_t n;
	void *batch = NULL;
	fault e;
	uint8_t *gz = file_bytes(GOLDEN "cifar-10-python.tar.gz", &n);
	ck_assert_msg(archive_extract("gz", gz, n, "cifar-10-batches-py/data_batch_1", 1 << 20, &batch, size, &e),
		"%s", e.text);
	free(gz);
	return batch;
}

/* One byte after the other is changed in what lies before and behind the pixels. */
START_TEST(damaged_pickles_are_refused_or_read_but_never_worse)
{
	size_t size;
	fault e;
	uint8_t *x = first_batch(&size), was;
	int refusals = 0;
	for (size_t k = 0; k < size; k += k < 600 || k + 400 > size ? 1 : 997)
		for (int way = 0; way < 2; way++) {
			was = x[k];
			x[k] = way ? 'e' : (uint8_t)(was ^ (1u << k % 8));
			file_put("p/data_batch_1", x, size);
			x[k] = was;
			e.text[0] = '\0';
			dataset *d = dataset_open(scratch_at("p"), NULL, &e);
			ck_assert_msg(d || (*e.text && !strchr(e.text, '\n')), "%s", e.text);
			refusals += !d;
			dataset_free(d);
		}
	ck_assert_int_gt(refusals, 200);
	for (size_t k = 0; k < size; k += k < 600 || k + 400 > size ? 1 : 997) {
		file_put("p/data_batch_1", x, k);
		ck_assert(!dataset_open(scratch_at("p"), NULL, &e));
	}
	set_refused(scratch_at("p"), (dataset_options){0}, "the binary version, -binary.tar.gz, is read in any case");
	free(x);
}
END_TEST

/* Fortran's order, which numpy writes for a transposed array, is no row of planes an image. */
START_TEST(an_array_of_columns_is_refused)
{
	size_t size;
	uint8_t *x = first_batch(&size);
	int orders = 0;
	for (size_t k = 0; k + 1 < size; k++)        /* false, and the opcode of a text or of bytes behind it */
		if (x[k] == 0x89 && (x[k + 1] == 'T' || x[k + 1] == 'B' || x[k + 1] == 'X')) {
			x[k] = 0x88;
			orders++;
			break;
		}
	ck_assert_int_eq(orders, 1);
	file_put("p/data_batch_1", x, size);
	set_refused(scratch_at("p"), (dataset_options){0}, "no array data with rows of 3072 bytes");
	free(x);
}
END_TEST

static void pool_on(void)
{
	fault e;
	ck_assert_msg(pool_start(3, &e), "%s", e.text);
}

int main(void)
{
	const suite_test tests[] = {
		{the_same_images_come_out_of_all, COUNT(golden)},
		{truth_values_are_black_and_white, 1},
		{files_of_a_set_are_found_in_an_archive, 1},
		{cache_folders_are_looked_into, 1},
		{a_signature_goes_before_a_length, 1},
		{a_set_file_in_an_archive_is_named, 1},
		{hidden_files_of_an_archive_are_counted, 1},
		{an_archive_cut_anywhere_is_refused, COUNT(broken)},
		{an_archive_with_changed_bytes_is_refused_or_read_but_never_worse, COUNT(broken)},
		{bombs_are_refused_before_memory_is_taken, 1},
		{archives_of_other_kinds_are_refused_with_a_line, 1},
		{files_of_numpy_that_lie_are_refused, COUNT(headers)},
		{damaged_pickles_are_refused_or_read_but_never_worse, 1},
		{an_array_of_columns_is_refused, 1},
	};
	const suite_case cases[] = {
		{.name = "archives", TESTS(tests), .setup = pool_on, .teardown = pool_stop},
	};
	return suite_run_cases("archives", cases, COUNT(cases), 60);
}
