/* test_bombs.c - files of 300 KB and less that would become gigabytes: each is refused in a line, and what that took is
 * measured, with all processes that the command started. In 0.1.0 a .keras of 254 KB took 2.1 GB and 24 s. */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"

/* ---- packing ---- */

typedef struct member {
	const char *name;
	const void *x;
	size_t n;
} member;

/* archive_write_set_format_zip, or a tar packed by gzip. */
static void put_archive(const char *path, bool zip, const member *m, int count)
{
	struct archive *a = archive_write_new();
	ck_assert_int_eq(zip ? archive_write_set_format_zip(a) : archive_write_set_format_ustar(a), ARCHIVE_OK);
	if (!zip)
		ck_assert_int_eq(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	ck_assert_int_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (int i = 0; i < count; i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, m[i].name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, (la_int64_t)m[i].n);
		ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
		for (size_t at = 0; at < m[i].n;) {
			const la_ssize_t k = archive_write_data(a, (const char *)m[i].x + at, m[i].n - at);
			ck_assert_int_gt(k, 0);
			at += (size_t)k;
		}
		archive_entry_free(e);
	}
	ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void put_gz(const char *path, const void *head, size_t head_n, size_t zeros)
{
	char *piece = calloc(1, 1 << 20);
	gzFile f = gzopen(path, "wb9");
	ck_assert(f && piece && gzwrite(f, head, (unsigned)head_n) == (int)head_n);
	for (; zeros > 0; zeros -= MIN(zeros, (size_t)1 << 20))
		ck_assert_int_gt(gzwrite(f, piece, (unsigned)MIN(zeros, (size_t)1 << 20)), 0);
	ck_assert_int_eq(gzclose(f), Z_OK);
	free(piece);
}

/* A data set of n zeros of a type in the file, packed in chunks of `chunk`. */
static void add_zeros(hid_t f, const char *path, hid_t type, int rank, const hsize_t *n, const hsize_t *chunk)
{
	const hsize_t most[4] = {H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED};
	const double zero = 0;
	const hid_t space = H5Screate_simple(rank, n, most), list = H5Pcreate(H5P_DATASET_CREATE);
	const hid_t links = H5Pcreate(H5P_LINK_CREATE);
	H5Pset_create_intermediate_group(links, 1);
	H5Pset_chunk(list, rank, chunk);
	H5Pset_deflate(list, 9);
	H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &zero);
	H5Pset_fill_time(list, H5D_FILL_TIME_ALLOC);
	H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
	const hid_t set = H5Dcreate2(f, path, type, space, links, list, H5P_DEFAULT);
	ck_assert(set >= 0);
	H5Dclose(set);
	H5Pclose(links);
	H5Pclose(list);
	H5Sclose(space);
}

static hid_t begin_h5(const char *path)
{
	const hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
	ck_assert(f >= 0);
	return f;
}

/* ---- networks ---- */

static const char NETWORK[] =
	"{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"build_input_shape\":[null,4],\"layers\":["
	"{\"class_name\":\"Dense\",\"config\":{\"name\":\"dense\",\"units\":3,\"activation\":\"linear\","
	"\"use_bias\":true}}]}}";

static void put_weights(const char *path, hsize_t n, hsize_t chunk)
{
	const hid_t f = begin_h5(path);
	add_zeros(f, "/layers/dense/vars/0", H5T_IEEE_F32LE, 1, &n, &chunk);
	H5Fclose(f);
}

static void put_keras(const char *path, const char *json, size_t json_n, const char *weights)
{
	size_t n;
	void *x = file_bytes(weights, &n);
	const member m[] = {{"metadata.json", "{}", 2}, {"config.json", json, json_n}, {"model.weights.h5", x, n}};
	put_archive(path, true, m, 3);
	free(x);
}

/* 60 MB of "0,": each becomes a number on the heap. */
static void wide_json(const char *path)
{
	enum { N = 60 << 20 };
	char *text = malloc(N);
	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < N; i++)
		text[i] = i % 2 ? ',' : '0';
	text[0] = '[';
	text[N - 1] = ']';
	text[N - 2] = '0';
	put_weights(scratch_at("w.h5"), 12, 12);
	put_keras(path, text, N, scratch_at("w.h5"));
	free(text);
}

static void deep_json(const char *path)
{
	enum { N = 7 << 20 };
	char *text = malloc(N);
	ck_assert_ptr_nonnull(text);
	memset(text, '[', N);
	put_weights(scratch_at("w.h5"), 12, 12);
	put_keras(path, text, N, scratch_at("w.h5"));
	free(text);
}

/* 19 million weights for a network that has fifteen. */
static void wide_weights(const char *path)
{
	put_weights(scratch_at("w.h5"), 19 << 20, 1 << 20);
	put_keras(path, NETWORK, sizeof NETWORK - 1, scratch_at("w.h5"));
}

/* The same without packing: what the zip packs. */
static void wide_member(const char *path)
{
	char *zeros = calloc(1, 300 << 20);
	ck_assert_ptr_nonnull(zeros);
	const member m[] = {{"metadata.json", "{}", 2}, {"config.json", NETWORK, sizeof NETWORK - 1},
		{"model.weights.h5", zeros, 300 << 20}};
	put_archive(path, true, m, 3);
	free(zeros);
}

/* Twelve values, and a chunk of 290 MB around them, which the library unpacks whole. */
static void wide_chunk(const char *path)
{
	put_weights(path, 12, 70 << 20);
}

static void wide_legacy(const char *path)
{
	put_weights(path, 60 << 20, 1 << 20);
}

/* ---- data ---- */

static void put_npz(const char *path, size_t images)
{
	char head[128] = "\x93NUMPY\1\0v";
	const size_t n = 128 + images * 64 * 64;
	char *x = calloc(1, n);
	ck_assert_ptr_nonnull(x);
	memcpy(x, head, 10);
	memset(x + 10, ' ', 117);
	x[8] = 118;
	x[127] = '\n';
	const int k = snprintf(head, sizeof head, "{'descr': '|u1', 'fortran_order': False, 'shape': (%zu, 64, 64), }",
		images);
	memcpy(x + 10, head, (size_t)k);
	put_archive(path, true, &(member){"x_train.npy", x, n}, 1);
	free(x);
}

static void wide_npz(const char *path)
{
	put_npz(path, 60000);
}

static const unsigned char IDX[16] = {0, 0, 8, 3, 0, 0, 0xf4, 0x24, 0, 0, 0, 64, 0, 0, 0, 64};
enum { IDX_BYTES = 0xf424 * 64 * 64 };

/* Packed twice: a hundred thousand times as much as it has bytes. */
static void idx_in_tar(const char *path)
{
	size_t n;
	put_gz(scratch_at("inner.gz"), IDX, sizeof IDX, IDX_BYTES);
	void *x = file_bytes(scratch_at("inner.gz"), &n);
	put_archive(path, false, &(member){"train-images-idx3-ubyte.gz", x, n}, 1);
	free(x);
}

static void wide_tar(const char *path)
{
	enum { N = 250 << 20 };
	char *x = calloc(1, N);
	ck_assert_ptr_nonnull(x);
	put_archive(path, false, &(member){"train-images-idx3-ubyte", x, N}, 1);
	free(x);
}

static void wide_idx(const char *path)
{
	put_gz(path, IDX, sizeof IDX, IDX_BYTES);
}

static void wide_h5(const char *path)
{
	const hsize_t n[] = {60000, 64, 64}, chunk[] = {256, 64, 64};
	const hid_t f = begin_h5(path);
	add_zeros(f, "/images", H5T_STD_U8LE, 3, n, chunk);
	H5Fclose(f);
}

static void labels_in_zip(const char *path)
{
	enum { N = 60 << 20 };
	size_t n;
	char *text = malloc(N);
	void *png = file_bytes("tests/golden/pictures/turned.png", &n);
	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < N; i++)
		text[i] = i % 2 ? ',' : '0';
	memcpy(text, "{\"labels\":[", 11);
	memcpy(text + N - 3, "0]}", 3);
	put_archive(path, true, (const member[]){{"dataset.json", text, N}, {"a.png", png, n}, {"b.png", png, n}}, 3);
	free(text);
	free(png);
}

/* ---- all ---- */

#define SAMPLE "sample --n 1 --out /dev/null --from"

static const struct {
	const char *name, *command;
	void (*make)(const char *path);
	const char *says;
} BOMBS[] = {
	{"json.keras", SAMPLE, wide_json, "config.json has 62914560 bytes; 8388608 are allowed"},
	{"deep.keras", SAMPLE, deep_json, "not JSON: maximum parsing depth reached"},
	{"weights.keras", SAMPLE, wide_weights, "more weights than the network that it describes"},
	{"member.keras", SAMPLE, wide_member, "model.weights.h5 has 314572800 bytes;"},
	{"chunk.h5", SAMPLE, wide_chunk, "chunks of 293601280 bytes"},
	{"weights.h5", SAMPLE, wide_legacy, "more weights than a file of this size can hold"},
	{"images.npz", "data", wide_npz, "has 245760128 bytes;"},
	{"twice.tar.gz", "data", idx_in_tar, "unpack it first"},
	{"images.tar.gz", "data", wide_tar, "has 262144000 bytes;"},
	{"train-images-idx3-ubyte.gz", "data", wide_idx, "unpack it first"},
	{"images.h5", "data", wide_h5, "unpack it first"},
	{"labels.zip", "data", labels_in_zip, "a list of labels may have"},
};

START_TEST(bombs_are_refused_with_little_memory)
{
	enum { FILE_MOST = 310 << 10, MB_MOST = 250 };
	size_t n;
	const char *path = scratch_at(BOMBS[_i].name);
	BOMBS[_i].make(path);
	free(file_bytes(path, &n));
	ck_assert_msg(n < FILE_MOST, "%s: %zu bytes", path, n);
	const answer a = sagan("%s %s", BOMBS[_i].command, path);
	ck_assert_msg(a.status == 1 && a.lines == 1 && strstr(a.text, BOMBS[_i].says), "status %d: %s", a.status,
		a.text);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_msg(a.peak_mb < MB_MOST, "%s: %zu bytes took %ld MB: %s", path, n, a.peak_mb, a.text);
#endif
}
END_TEST

int main(void)
{
	const suite_test tests[] = {{bombs_are_refused_with_little_memory, COUNT(BOMBS)}};
	return suite_run("bombs", tests, COUNT(tests), 120);
}
