#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/dataset_internal.h"
#include "data/source.h"
#include "data/picture/image.h"

const char *const data_format_name[] = {"auto", "idx", "cifar10", "cifar100", "png", "hdf5", NULL};
const char *const data_split_name[] = {"train", "test", "all", NULL};

static const reader_fn reader[DATA_FORMATS] = {
	[DATA_IDX] = idx_read, [DATA_CIFAR10] = cifar10_read, [DATA_CIFAR100] = cifar100_read,
	[DATA_PNG] = pngs_read, [DATA_HDF5] = hdf5_read,
};

#define KNOWN_KINDS "IDX (MNIST), CIFAR-10/100 .bin batches, a folder of PNGs, HDF5"

/* ---- what kind of file ---- */

static bool head_is(const uint8_t *head, int64_t n, const char *magic, int64_t k)
{
	return n >= k && memcmp(head, magic, (size_t)k) == 0;
}

/* By the first bytes; CIFAR has no signature, so it goes by its record length. */
static bool format_of_file(const char *path, enum data_format *f, error *e)
{
	uint8_t head[8];
	source *s = source_open(path, e);
	const int64_t n = s ? source_read_some(s, head, sizeof head, e) : -1;
	source_close(s);
	if (n < 0)
		return false;
	if (n == 0)
		return error_at(e, path, "the file is empty");
	if (head_is(head, n, "\211HDF\r\n\032\n", 8))
		return *f = DATA_HDF5, true;
	if (head_is(head, n, "\0\0\010", 3))
		return *f = DATA_IDX, true;
	if (head_is(head, n, "\211PNG", 4))
		return error_at(e, path, "a single PNG; give the folder that contains the images");
	int64_t length;
	if (!file_length(path, INT64_C(1) << 32, &length, e))
		return false;
	if (length % 3073 == 0)
		return *f = DATA_CIFAR10, true;
	if (length % 3074 == 0)
		return *f = DATA_CIFAR100, true;
	return error_at(e, path, "not recognised; known are " KNOWN_KINDS);
}

static bool is_bin(const char *name, const char *stem)
{
	const size_t k = strlen(stem);
	return strncmp(name, stem, k) == 0 && (!strcmp(name + k, ".bin") || !strcmp(name + k, ".bin.gz"));
}

static enum data_format format_of_name(const char *folder, const char *name)
{
	if (strncmp(name, "data_batch_", 11) == 0 || is_bin(name, "test_batch"))
		return DATA_CIFAR10;
	if (is_bin(name, "train") || is_bin(name, "test"))
		return DATA_CIFAR100;
	if (strstr(name, "ubyte"))
		return DATA_IDX;
	if (name_ends(name, ".png"))
		return DATA_PNG;
	char *path = path_join(folder, name, NULL);
	const bool is_folder = path && file_type(path) == FILE_FOLDER;
	free(path);
	return is_folder ? DATA_PNG : DATA_AUTO;
}

/* In a folder names are the hint; the readers check the contents. The first kind in the order of
 * the enumeration wins, so that a stray picture or subfolder does not hide the archive. */
static bool format_of_folder(const char *path, enum data_format *f, error *e)
{
	names l;
	if (!names_list(&l, path, e))
		return false;
	*f = DATA_FORMATS;
	for (int64_t i = 0; i < l.n; i++) {
		enum data_format k = format_of_name(path, l.name[i]);
		if (k != DATA_AUTO && k < *f)
			*f = k;
	}
	names_free(&l);
	return *f != DATA_FORMATS ||
		error_at(e, path, "no data set in this folder; known are " KNOWN_KINDS);
}

static bool format_find(const char *path, enum data_format *f, error *e)
{
	switch (file_type(path)) {
	case FILE_MISSING:
		return error_at(e, path, "no such file or folder");
	case FILE_FOLDER:
		return *f != DATA_AUTO || format_of_folder(path, f, e);
	case FILE_REGULAR:
		return *f != DATA_AUTO || format_of_file(path, f, e);
	default:
		return error_at(e, path, "neither a file nor a folder");
	}
}

/* ---- memory ---- */

int64_t dataset_image_bytes(const dataset *d)
{
	return (int64_t)d->h * d->w * d->c;
}

int64_t dataset_bytes(const dataset *d)
{
	return d->n * dataset_image_bytes(d);
}

int64_t limit_of(const dataset_options *o, int64_t n)
{
	return o->limit > 0 ? MIN(o->limit, n) : n;
}

/* Linux hands out more memory than there is and kills later, so malloc alone cannot tell. */
bool memory_check(const char *what, double bytes, error *e)
{
	const double has = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	return bytes <= has || error_set(e, "%s needs %.1f GB of memory, this machine has %.1f GB: "
		"set a limit or a smaller size", what, bytes * 1e-9, has * 1e-9);
}

bool dataset_reserve(dataset *d, int64_t n, int64_t h, int64_t w, int64_t c, bool labels, error *e)
{
	if (n < 1)
		return error_at(e, d->path, "contains no images");
	if (h < 1 || w < 1 || h > DATA_SIDE_MAX || w > DATA_SIDE_MAX)
		return error_at(e, d->path, "images of %" PRId64 "x%" PRId64 ", allowed are 1 to %d pixels a side",
			h, w, DATA_SIDE_MAX);
	if (c != 1 && c != 3)
		return error_at(e, d->path, "%" PRId64 " channels, allowed are 1 (gray) and 3 (RGB)", c);
	char what[512];
	snprintf(what, sizeof what, "%.300s: %" PRId64 " images of %dx%dx%d", d->path, n, (int)h, (int)w, (int)c);
	if (!memory_check(what, (double)n * (double)(h * w * c + (labels ? 4 : 0)), e))
		return false;
	d->n = n;
	d->h = (int)h;
	d->w = (int)w;
	d->c = (int)c;
	d->pixels = mem_new((size_t)n, (size_t)(h * w * c), e);
	d->label = labels && d->pixels ? mem_new((size_t)n, sizeof *d->label, e) : NULL;
	return (d->pixels && (d->label || !labels)) || error_set(e, "%s do not fit into memory", what);
}

void dataset_free(dataset *d)
{
	if (!d)
		return;
	for (int i = 0; d->class_name && i < d->classes; i++)
		free(d->class_name[i]);
	free(d->class_name);
	free(d->label);
	free(d->pixels);
	free(d->path);
	free(d);
}

/* ---- classes ---- */

enum { NAMES_BYTES_MAX = 1 << 20 };

static bool class_lines(names *l, char *text, error *e)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
		if (line[strspn(line, " \t")] && !names_add(l, line, e))
			return false;
	return true;
}

bool class_names_read(dataset *d, const char *path, int want, error *e)
{
	if (file_type(path) == FILE_MISSING)
		return true;
	int64_t size = 0;
	names l = {0};
	char *text = NULL;
	source *s = NULL;
	bool ok = file_length(path, NAMES_BYTES_MAX, &size, e) && (s = source_open(path, e)) &&
		(text = mem_zero((size_t)size + 1, 1, e)) && source_read(s, text, size, e) &&
		class_lines(&l, text, e);
	if (ok && (l.n < 1 || l.n > DATA_CLASSES_MAX || (want && l.n != want)))
		ok = error_at(e, path, "%" PRId64 " class names, needs %s%d", l.n, want ? "" : "1 to ",
			want ? want : DATA_CLASSES_MAX);
	source_close(s);
	free(text);
	if (!ok)
		return names_free(&l), false;
	d->class_name = l.name;
	d->classes = (int)l.n;
	return true;
}

/* A class without a name is called by its number. */
static bool class_names_default(dataset *d, error *e)
{
	if (!d->label || d->class_name)
		return true;
	d->class_name = mem_zero((size_t)d->classes, sizeof *d->class_name, e);
	bool ok = d->class_name != NULL;
	for (int i = 0; ok && i < d->classes; i++) {
		char number[16];
		snprintf(number, sizeof number, "%d", i);
		ok = (d->class_name[i] = text_copy(number, e)) != NULL;
	}
	return ok;
}

/* ---- opening ---- */

static bool options_check(const char *path, const dataset_options *o, error *e)
{
	if (o->h < 0 || o->w < 0 || o->h > DATA_SIDE_MAX || o->w > DATA_SIDE_MAX || !o->h != !o->w)
		return error_at(e, path, "wanted size %dx%d: both sides must be 1 to %d, or 0 for as stored",
			o->h, o->w, DATA_SIDE_MAX);
	if (o->channels != 0 && o->channels != 1 && o->channels != 3)
		return error_at(e, path, "wanted channels %d: must be 1 (gray), 3 (RGB) or 0 for as stored",
			o->channels);
	if (o->limit < 0)
		return error_at(e, path, "limit %" PRId64 ": must be 0 (all) or more", o->limit);
	must((unsigned)o->format < DATA_FORMATS && (unsigned)o->split < SPLITS && (unsigned)o->resize < RESIZES,
		"dataset_open: format %d, split %d, resize %d", o->format, o->split, o->resize);
	return true;
}

/* Another set of the wanted size takes the place of the pixels. */
static bool dataset_convert(dataset *d, const dataset_options *o, error *e)
{
	const int h = o->h ? o->h : d->h, w = o->w ? o->w : d->w, c = o->channels ? o->channels : d->c;
	if (h == d->h && w == d->w && c == d->c)
		return true;
	dataset to = {.path = d->path};
	bool ok = dataset_reserve(&to, d->n, h, w, c, false, e);
	for (int64_t i = 0; ok && i < d->n; i++)
		ok = image_convert(d->pixels + i * dataset_image_bytes(d), d->h, d->w, d->c,
			to.pixels + i * dataset_image_bytes(&to), h, w, c, o->resize, e);
	if (!ok)
		return free(to.pixels), false;
	free(d->pixels);
	d->pixels = to.pixels;
	d->h = h;
	d->w = w;
	d->c = c;
	return true;
}

dataset *dataset_open(const char *path, const dataset_options *options, error *e)
{
	const dataset_options o = options ? *options : (dataset_options){0};
	enum data_format f = o.format;
	if (!options_check(path, &o, e) || !format_find(path, &f, e))
		return NULL;
	dataset *d = mem_zero(1, sizeof *d, e);
	bool ok = d && (d->path = text_copy(path, e));
	if (ok) {
		snprintf(d->kind, sizeof d->kind, "%s", data_format_name[f]);
		ok = reader[f](d, &o, e) && dataset_convert(d, &o, e) && class_names_default(d, e);
	}
	if (ok)
		return d;
	dataset_free(d);
	return NULL;
}

/* ---- checksum ---- */

static uint64_t fnv(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t dataset_checksum(const dataset *d)
{
	const int64_t size[5] = {d->n, d->h, d->w, d->c, d->classes};
	uint64_t sum = fnv(UINT64_C(0xcbf29ce484222325), size, sizeof size);
	if (d->label)
		sum = fnv(sum, d->label, (size_t)d->n * sizeof *d->label);
	return fnv(sum, d->pixels, (size_t)dataset_bytes(d));
}
