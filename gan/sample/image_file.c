/* image_file.c - one record a kind of file: how it begins, gets images, and ends.
 *
 * .npz: images.npy and labels.npy, a zip archive that is not packed (numpy.load). .h5: /images and /labels. .idx:
 * MNIST's own form (yann.lecun.com/exdb/mnist), big-endian sizes and bytes; labels beside it in NAME-labels.idx. Gray
 * images have no axis of channels there. */
#include "gan/sample/image_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/archive/archive.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "data/dataset.h"
#include "data/picture/picture.h"
#include "data/picture/png.h"

typedef struct image_kind {
	const char *ending;                          /* NULL: a folder */
	bool (*begin)(image_file *f, fault *e);
	bool (*add)(image_file *f, int64_t m, const uint8_t *x, fault *e);
	bool (*end)(image_file *f, fault *e);        /* what was begun is ended, also when it fails */
} image_kind;

struct image_file {
	const image_kind *kind;
	char *path;                                  /* own */
	int64_t n, done;
	shape of;
	uint8_t *x;                                  /* own; bytes of one image_file_add */
	int64_t *label;                              /* own; [n], NULL: none */
	file_draft *draft;                           /* own */
	archive_draft *zip;                          /* own */
	h5 *h;                                       /* own */
};

static int64_t size_of(const image_file *f)
{
	return shape_count(&f->of);
}

/* ---- a folder ---- */

/* The number of an image's name, NNNNNN.png; -1: another name. */
static int64_t number_of(const char *name)
{
	const size_t n = strspn(name, "0123456789");
	return n >= 6 && n <= 18 && strcmp(name + n, ".png") == 0 ? strtoll(name, NULL, 10) : -1;
}

/* Images of an earlier drawing that the new ones do not replace would pass for new ones, and so would pictures of
 * others. */
static bool folder_begin(image_file *f, fault *e)
{
	file_names l;
	int64_t more = 0;
	char other[256] = "";
	if (!file_make_folders(f->path, e) || !file_names_list(f->path, &l, e))
		return false;
	for (int i = 0; i < l.n; i++) {
		more += number_of(l.name[i]) >= f->n;
		if (number_of(l.name[i]) < 0 && l.name[i][0] != '.' && picture_is_named(l.name[i]))
			snprintf(other, sizeof other, "%s", l.name[i]);
	}
	file_names_free(&l);
	if (other[0])
		return fault_at(e, f->path, "the folder has other pictures (%s), among which the images would lie; "
			"name another folder", other);
	return !more || fault_at(e, f->path, "%lld images of an earlier drawing, from %06lld.png on, would stay among "
		"the new ones; name another folder, or remove them", (long long)more, (long long)f->n);
}

/* 000000.png, .. */
static bool folder_add(image_file *f, int64_t m, const uint8_t *x, fault *e)
{
	char path[4096];
	const size_t len = strlen(f->path);
	bool ok = true;
	for (int64_t i = 0; ok && i < m; i++) {
		void *bytes;
		size_t n;
		const image im = {(int)f->of.dim[0], (int)f->of.dim[1], (int)f->of.dim[2],
			(uint8_t *)x + i * size_of(f)};  /* only read */
		snprintf(path, sizeof path, "%s%s%06lld.png", f->path, f->path[len - 1] == '/' ? "" : "/",
			(long long)(f->done + i));
		ok = png_encode(path, &im, NULL, &bytes, &n, e) && file_replace_later(path, bytes, n, e);
		free(bytes);
	}
	return ok;
}

static bool folder_end(image_file *f, fault *e)
{
	(void)f, (void)e;
	file_settle();
	return true;
}

/* ---- npz ---- */

/* The header of an array (NEP 1: numpy/lib/format.py), as long as a multiple of 64; returns its bytes. */
static size_t npy_header(char to[256], const char *type, const int64_t *dim, int rank)
{
	enum { FIXED = 10, ALIGN = 64 };
	char text[192];
	int at = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
	for (int i = 0; i < rank; i++)
		at += snprintf(text + at, sizeof text - (size_t)at, "%lld%s", (long long)dim[i],
			rank == 1 || i + 1 < rank ? ", " : "");
	at += snprintf(text + at, sizeof text - (size_t)at, "), }");
	const int whole = (FIXED + at + 1 + ALIGN - 1) / ALIGN * ALIGN, rest = whole - FIXED;
	memcpy(to, "\x93NUMPY\x01\x00", 8);
	to[8] = (char)(rest & 255);
	to[9] = (char)(rest >> 8);
	memset(to + FIXED, ' ', (size_t)rest);
	memcpy(to + FIXED, text, (size_t)at);
	to[whole - 1] = '\n';
	return (size_t)whole;
}

static bool npy_begin(image_file *f, const char *name, const char *type, const int64_t *dim, int rank, int64_t bytes,
	fault *e)
{
	char header[256];
	const size_t n = npy_header(header, type, dim, rank);
	return archive_draft_member(f->zip, name, (int64_t)n + bytes, e) && archive_draft_write(f->zip, header, n, e);
}

static bool npz_begin(image_file *f, fault *e)
{
	const int64_t dim[] = {f->n, f->of.dim[0], f->of.dim[1], f->of.dim[2]};
	return (f->draft = file_draft_new(f->path, e)) && (f->zip = archive_draft_new(f->draft, e))
		&& npy_begin(f, "images.npy", "|u1", dim, 4, f->n * size_of(f), e);
}

static bool npz_add(image_file *f, int64_t m, const uint8_t *x, fault *e)
{
	return archive_draft_write(f->zip, x, (size_t)(m * size_of(f)), e);
}

static bool draft_end(image_file *f, bool ok, fault *e)
{
	file_draft *d = f->draft;
	f->draft = NULL;
	if (ok)
		return file_draft_commit(d, e);
	file_draft_free(d);
	return false;
}

/* Labels as little-endian numbers of 8 bytes. */
static bool npz_labels(image_file *f, fault *e)
{
	bool ok = npy_begin(f, "labels.npy", "<i8", &f->n, 1, 8 * f->n, e);
	for (int64_t i = 0; ok && i < f->n; i++) {
		uint8_t le[8];
		for (int k = 0; k < 8; k++)
			le[k] = (uint8_t)((uint64_t)f->label[i] >> 8 * k);
		ok = archive_draft_write(f->zip, le, sizeof le, e);
	}
	return ok;
}

static bool npz_end(image_file *f, fault *e)
{
	bool ok = !f->label || npz_labels(f, e);
	fault other;
	ok = archive_draft_end(f->zip, ok ? e : &other) && ok;
	f->zip = NULL;
	return draft_end(f, ok, e);
}

/* ---- h5 ---- */

static bool h5_begin(image_file *f, fault *e)
{
	return (f->h = h5_create_large(f->path, e))
		&& h5_rows_u8(f->h, "/images", SHAPE(f->n, f->of.dim[0], f->of.dim[1], f->of.dim[2]), e);
}

static bool h5_add(image_file *f, int64_t m, const uint8_t *x, fault *e)
{
	return h5_fill_u8(f->h, "/images", f->done, m, x, m * shape_count(&f->of), e);
}

static bool h5_end(image_file *f, fault *e)
{
	h5 *h = f->h;
	f->h = NULL;
	if (!f->label || h5_write_i64(h, "/labels", SHAPE(f->n), f->label, e))
		return h5_commit(h, e);
	h5_close(h);
	return false;
}

/* ---- idx ---- */

/* What the numbers of a file are. */
enum idx_type { IDX_BYTES = 8, IDX_INTS = 0x0c };

static void put_int(int64_t x, uint8_t to[4])
{
	for (int k = 0; k < 4; k++)
		to[k] = (uint8_t)(x >> 8 * (3 - k));
}

/* Two zeros, the type, the rank, and the sizes. */
static bool idx_header(file_draft *d, enum idx_type type, const int64_t *dim, int rank, fault *e)
{
	uint8_t to[4 + 4 * 4] = {0, 0, (uint8_t)type, (uint8_t)rank};
	for (int i = 0; i < rank; i++)
		put_int(dim[i], to + 4 + 4 * i);
	return file_draft_write(d, to, (size_t)(4 + 4 * rank), e);
}

static bool idx_begin(image_file *f, fault *e)
{
	const int64_t dim[] = {f->n, f->of.dim[0], f->of.dim[1], f->of.dim[2]};
	return (f->draft = file_draft_new(f->path, e))
		&& idx_header(f->draft, IDX_BYTES, dim, f->of.dim[2] == 1 ? 3 : 4, e);
}

static bool idx_add(image_file *f, int64_t m, const uint8_t *x, fault *e)
{
	return file_draft_write(f->draft, x, (size_t)(m * size_of(f)), e);
}

static void labels_path(const image_file *f, char *path, size_t size)
{
	snprintf(path, size, "%.*s" IDX_LABELS_ENDING, (int)(strlen(f->path) - strlen(f->kind->ending)), f->path);
}

/* Bytes, as MNIST's; whole numbers of four, as QMNIST's, where there are more classes than a byte has values. */
static bool idx_labels(const image_file *f, fault *e)
{
	int64_t most = 0;
	for (int64_t i = 0; i < f->n; i++)
		most = MAX(most, f->label[i]);
	const enum idx_type type = most > UINT8_MAX ? IDX_INTS : IDX_BYTES;
	const size_t skip = type == IDX_INTS ? 0 : 3;
	char path[4096];
	labels_path(f, path, sizeof path);
	file_draft *d = file_draft_new(path, e);
	bool ok = d && idx_header(d, type, &f->n, 1, e);
	for (int64_t i = 0; ok && i < f->n; i++) {
		uint8_t number[4];
		put_int(f->label[i], number);
		ok = file_draft_write(d, number + skip, sizeof number - skip, e);
	}
	if (ok)
		return file_draft_commit(d, e);
	file_draft_free(d);
	return false;
}

/* Labels of earlier images would pass for those of the new ones. */
static bool idx_end(image_file *f, fault *e)
{
	char path[4096];
	if (!draft_end(f, !f->label || idx_labels(f, e), e))
		return false;
	labels_path(f, path, sizeof path);
	return f->label || file_type(path) != FILE_REGULAR || unlink(path) == 0
		|| fault_at(e, path, "labels of earlier images, which cannot be removed");
}

/* ---- the table ---- */

static const image_kind kinds[] = {
	{".npz", npz_begin, npz_add, npz_end}, {".h5", h5_begin, h5_add, h5_end},
	{".hdf5", h5_begin, h5_add, h5_end}, {".idx", idx_begin, idx_add, idx_end},
	{NULL, folder_begin, folder_add, folder_end},
};

static const image_kind *kind_of(const char *path)
{
	const size_t n = strlen(path);
	if ((n && path[n - 1] == '/') || file_type(path) == FILE_FOLDER)
		return &kinds[COUNT(kinds) - 1];
	for (int i = 0; kinds[i].ending; i++)
		if (n > strlen(kinds[i].ending) && name_ends(path, kinds[i].ending))
			return &kinds[i];
	return NULL;
}

bool image_file_is(const char *path)
{
	return kind_of(path) != NULL;
}

image_file *image_file_new(const char *path, int64_t n, shape of, bool labels, fault *e)
{
	image_file *f = mem_zero(1, sizeof *f, e);
	if (!f)
		return NULL;
	f->kind = kind_of(path);
	must(f->kind && n > 0, "%s: no file of images", path);
	f->n = n;
	f->of = of;
	if ((f->path = text_copy(path, e)) && (!labels || (f->label = mem_new((size_t)n, sizeof *f->label, e)))
		&& file_make_parents(path, e) && f->kind->begin(f, e))
		return f;
	image_file_free(f);
	return NULL;
}

bool image_file_add(image_file *f, int64_t m, const real *x, const real *label, fault *e)
{
	const int64_t size = m * size_of(f);
	must(f->done + m <= f->n, "%lld images of %lld", (long long)(f->done + m), (long long)f->n);
	free(f->x);
	f->x = mem_new((size_t)size, 1, e);
	if (!f->x)
		return false;
	for (int64_t i = 0; i < size; i++)
		f->x[i] = pixel_byte(x[i]);
	for (int64_t i = 0; f->label && i < m; i++)
		f->label[f->done + i] = (int64_t)label[i];
	if (!f->kind->add(f, m, f->x, e))
		return false;
	f->done += m;
	return true;
}

bool image_file_commit(image_file *f, fault *e)
{
	must(f->done == f->n, "%lld images of %lld", (long long)f->done, (long long)f->n);
	const bool ok = f->kind->end(f, e);
	image_file_free(f);
	return ok;
}

void image_file_free(image_file *f)
{
	fault dropped;
	if (!f)
		return;
	if (f->zip)
		archive_draft_end(f->zip, &dropped);
	h5_close(f->h);
	file_draft_free(f->draft);
	free(f->path);
	free(f->label);
	free(f->x);
	free(f);
}
