/* hdf5.c - sets of images in HDF5 files: the library's side of arrays.h, through core/h5/h5.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "data/arrays.h"

static void *file_open(const place *p, fault *e)
{
	return h5_open(p->path, e);
}

static void file_close(void *file)
{
	h5_close(file);
}

/* A file with an array per image has too many to look at: the first ones count. */
enum { DEPTH_MOST = 4, LISTED_MOST = 1 << 12 };

static bool group_list(h5 *f, const char *group, int depth, names *out, fault *e)
{
	h5_names l;
	if (!h5_list(f, *group ? group : "/", &l, e))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < l.n && out->n < LISTED_MOST; i++) {
		h5_info info;
		char *path = path_join(group, l.name[i], e);
		ok = path != NULL;
		/* what cannot be read (a link, a text) matters only when it is asked for */
		if (ok && h5_stat(f, path, &info, NULL) && info.is_group)
			ok = depth >= DEPTH_MOST || group_list(f, path, depth + 1, out, e);
		else if (ok)
			ok = names_add(out, path, e);
		free(path);
	}
	h5_names_free(&l);
	return ok;
}

static bool file_list(void *file, names *paths, fault *e)
{
	*paths = (names){0};
	return group_list(file, "/", 1, paths, e);
}

static bool file_stat(void *file, const char *path, array_info *out, fault *e)
{
	h5_info info;
	if (!h5_stat(file, path, &info, e))
		return false;
	*out = (array_info){.s = info.s, .numbers = !info.is_group && info.type != H5_OTHER,
		.bytes = info.type == H5_U8, .type = h5_type_name[info.type]};
	return true;
}

static bool rows_u8(void *file, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e)
{
	return h5_read_rows_u8(file, path, lo, hi, x, count, e);
}

static bool rows_real(void *file, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e)
{
	return h5_read_rows_real(file, path, lo, hi, x, count, e);
}

static bool rows_f64(void *file, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e)
{
	return h5_read_rows_f64(file, path, lo, hi, x, count, e);
}

static bool hdf5_read(dataset *d, const place *p, const dataset_options *o, fault *e)
{
	static const array_reader reader = {file_open, file_close, file_list, file_stat, rows_u8, rows_real, rows_f64};
	return arrays_read(d, p, o, &reader, e);
}

/* The signature stands at the start, or behind a block of the user's of 512, 1,024, 2,048, .. bytes. */
static bool is_hdf5_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)length;
	for (int64_t at = 0; at < n; at = at ? 2 * at : 512)
		if (head_is(head + at, n - at, "\211HDF\r\n\032\n", 8))
			return true;
	return false;
}

extern const data_format format_hdf5;
const data_format format_hdf5 = {
	.name = "hdf5", .what = "HDF5", .read = hdf5_read, .is_file = is_hdf5_file, .arrays = true,
};
