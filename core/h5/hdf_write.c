/* hdf_write.c - groups and data sets of a file that is made in memory. */
#include "core/base/local.h"
#include "core/h5/hdf_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef REAL_DOUBLE
#define MEMORY_REAL H5T_NATIVE_DOUBLE
#define STORED_REAL H5T_IEEE_F64LE
#else
#define MEMORY_REAL H5T_NATIVE_FLOAT
#define STORED_REAL H5T_IEEE_F32LE
#endif

hid_t hdf_creation_list(hid_t class)
{
	unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
	hid_t list = H5Pcreate(class);
	bool ok = list >= 0 && H5Pset_obj_track_times(list, 0) >= 0 && H5Pset_attr_creation_order(list, order) >= 0;
	if (ok && class != H5P_DATASET_CREATE)
		ok = H5Pset_link_creation_order(list, order) >= 0;
	if (ok && class == H5P_DATASET_CREATE)
		ok = H5Pset_layout(list, H5D_CONTIGUOUS) >= 0 && H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) >= 0;
	if (ok)
		return list;
	H5Pclose(list);
	return H5I_INVALID_HID;
}

static bool make_group(hdf *f, const char *path, fault *e)
{
	char why[REASON];
	hid_t list = hdf_creation_list(H5P_GROUP_CREATE);
	hid_t group = H5Gcreate2(f->file, path, H5P_DEFAULT, list, H5P_DEFAULT);
	H5Pclose(list);
	if (group < 0) {
		f->failed = true;
		return hdf_fail(f, path, e, "cannot make the group (%s)", hdf_reason(why));
	}
	H5Gclose(group);
	return true;
}

/* Makes the groups that `path` names, its last name excluded unless `last`. One at a time, because
 * groups that the library makes on the way would carry times. */
static bool make_groups(hdf *f, const char *path, bool last, fault *e)
{
	char text[PATH_SIZE];
	const char *name = path, *end;
	must(f->writing, "%s is open for reading", f->path);
	if (!hdf_path_sane(f, path, e))
		return false;
	for (; hdf_next_name(&name, &end); name = end) {
		if (!end[strspn(end, "/")] && !last)
			break;
		hdf_path_prefix(path, end, text);
		if (H5Lexists(f->file, text, H5P_DEFAULT) <= 0) {
			if (!make_group(f, text, e))
				return false;
		} else if (!hdf_is_group(f, text)) {
			f->failed = true;
			return hdf_fail(f, text, e, "a data set, so it can hold no members");
		}
	}
	return true;
}

bool hdf_group(hdf *f, const char *path, fault *e)
{
	hdf_quiet();
	return make_groups(f, path, true, e);
}

static hid_t space_of(const shape *s)
{
	hsize_t dims[RANK_MAX];
	for (int i = 0; i < s->rank; i++)
		dims[i] = (hsize_t)s->dim[i];
	return s->rank ? H5Screate_simple(s->rank, dims, NULL) : H5Screate(H5S_SCALAR);
}

/* One chunk, which is small enough to be read whole, the bytes of equal rank side by side, deflated. */
static bool pack(hid_t list, const shape *s)
{
	hsize_t dims[RANK_MAX];
	for (int i = 0; i < s->rank; i++)
		dims[i] = (hsize_t)s->dim[i];
	return H5Pset_layout(list, H5D_CHUNKED) >= 0 && H5Pset_chunk(list, s->rank, dims) >= 0
		&& H5Pset_shuffle(list) >= 0 && H5Pset_deflate(list, 9) >= 0;
}

/* A data set that is not filled yet, or H5I_INVALID_HID with e set. */
static hid_t new_set(hdf *f, const char *path, shape s, hid_t stored, bool packed, fault *e)
{
	char why[REASON];
	hdf_quiet();
	if (!make_groups(f, path, false, e))
		return H5I_INVALID_HID;
	hid_t space = space_of(&s), list = hdf_creation_list(H5P_DATASET_CREATE);
	hid_t set = packed && !pack(list, &s) ? H5I_INVALID_HID
		: H5Dcreate2(f->file, path, stored, space, H5P_DEFAULT, list, H5P_DEFAULT);
	if (set < 0) {
		f->failed = true;
		hdf_fail(f, path, e, "cannot be written (%s)", hdf_reason(why));
	}
	H5Pclose(list);
	H5Sclose(space);
	return set;
}

/* Ends a writing that went well or not. Small pieces are gathered and reach the disk when the set is closed: that can
 * fail as well. */
static bool close_set(hdf *f, const char *path, hid_t set, bool ok, fault *e)
{
	char why[REASON];
	if (ok && H5Dclose(set) >= 0)
		return true;
	f->failed = true;
	hdf_fail(f, path, e, "cannot be written (%s)", hdf_reason(why));
	if (!ok)
		H5Dclose(set);
	return false;
}

static bool fill_set(hdf *f, const char *path, shape s, hid_t set, hid_t memory, const void *x, fault *e)
{
	return set >= 0 && close_set(f, path, set, shape_count(&s) == 0
		|| H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0, e);
}

static bool write_set(hdf *f, const char *path, shape s, hid_t stored, hid_t memory, const void *x, fault *e)
{
	return fill_set(f, path, s, new_set(f, path, s, stored, false, e), memory, x, e);
}

/* ---- row by row ---- */

static bool rows_new(hdf *f, const char *path, shape s, hid_t stored, fault *e)
{
	hid_t set = new_set(f, path, s, stored, false, e);
	return set >= 0 && close_set(f, path, set, true, e);
}

bool hdf_rows_u8(hdf *f, const char *path, shape s, fault *e)
{
	return rows_new(f, path, s, H5T_STD_U8LE, e);
}

bool hdf_rows_f32(hdf *f, const char *path, shape s, fault *e)
{
	return rows_new(f, path, s, H5T_IEEE_F32LE, e);
}

bool hdf_rows_i32(hdf *f, const char *path, shape s, fault *e)
{
	return rows_new(f, path, s, H5T_STD_I32LE, e);
}

/* How many numbers n rows of a set hold. */
static int64_t rows_count(const hsize_t *dims, int rank, int64_t n)
{
	for (int i = 1; i < rank; i++)
		n *= (int64_t)dims[i];
	return n;
}

static bool fill(hdf *f, const char *path, int64_t lo, int64_t n, hid_t memory, const void *x, int64_t count, fault *e)
{
	hsize_t dims[RANK_MAX] = {0}, at[RANK_MAX] = {(hsize_t)lo};
	hdf_quiet();
	hid_t set = H5Dopen2(f->file, path, H5P_DEFAULT), space = H5Dget_space(set);
	const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
	dims[0] = (hsize_t)n;
	hid_t part = rank > 0 ? H5Screate_simple(rank, dims, NULL) : H5I_INVALID_HID;
	const bool ok = rank > 0 && rows_count(dims, rank, n) == count
		&& H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, dims, NULL) >= 0
		&& H5Dwrite(set, memory, part, space, H5P_DEFAULT, x) >= 0;
	const bool closed = close_set(f, path, set, ok, e);
	H5Sclose(part);
	H5Sclose(space);
	return closed;
}

bool hdf_fill_u8(hdf *f, const char *path, int64_t lo, int64_t n, const uint8_t *x, int64_t count, fault *e)
{
	return fill(f, path, lo, n, H5T_NATIVE_UINT8, x, count, e);
}

bool hdf_fill_real(hdf *f, const char *path, int64_t lo, int64_t n, const real *x, int64_t count, fault *e)
{
	return fill(f, path, lo, n, MEMORY_REAL, x, count, e);
}

bool hdf_write_real(hdf *f, const char *path, shape s, const real *x, fault *e)
{
	return write_set(f, path, s, STORED_REAL, MEMORY_REAL, x, e);
}

bool hdf_write_f64(hdf *f, const char *path, shape s, const double *x, fault *e)
{
	return write_set(f, path, s, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, x, e);
}

bool hdf_write_u8(hdf *f, const char *path, shape s, const uint8_t *x, fault *e)
{
	return write_set(f, path, s, H5T_STD_U8LE, H5T_NATIVE_UINT8, x, e);
}

bool hdf_write_i64(hdf *f, const char *path, shape s, const int64_t *x, fault *e)
{
	return write_set(f, path, s, H5T_STD_I64LE, H5T_NATIVE_INT64, x, e);
}

bool hdf_write_f32(hdf *f, const char *path, shape s, const real *x, fault *e)
{
	return write_set(f, path, s, H5T_IEEE_F32LE, MEMORY_REAL, x, e);
}

/* Converted here: the library would clip and round without a word. */
bool hdf_write_i32(hdf *f, const char *path, shape s, const real *x, fault *e)
{
	size_t n = (size_t)shape_count(&s);
	int32_t *whole = mem_new(n, sizeof *whole, e);
	bool ok = whole;
	for (size_t i = 0; ok && i < n; i++) {
		bool fits = x[i] >= (real)-2147483648.0 && x[i] < (real)2147483648.0;
		whole[i] = fits ? (int32_t)x[i] : 0;
		if (!fits || (real)whole[i] != x[i])
			ok = hdf_fail(f, path, e, "%.9g is no whole number of 32 bits", (double)x[i]);
	}
	f->failed = f->failed || !ok;
	ok = ok && write_set(f, path, s, H5T_STD_I32LE, H5T_NATIVE_INT32, whole, e);
	free(whole);
	return ok;
}

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of mantissa. */
static hid_t half_type(void)
{
	hid_t t = H5Tcopy(H5T_IEEE_F32LE);
	if (t >= 0 && H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0 && H5Tset_ebias(t, 15) >= 0 && H5Tset_size(t, 2) >= 0)
		return t;
	H5Tclose(t);
	return H5I_INVALID_HID;
}

/* Below that, what HDF5 writes about a chunk is more than what deflating saves. */
enum { PACK_FROM = 1 << 13 };

bool hdf_write_f16(hdf *f, const char *path, shape s, const real *x, fault *e)
{
	for (int64_t i = 0; i < shape_count(&s); i++)
		if (!((double)x[i] == h5_half((double)x[i])) || isinf(x[i])) {
			f->failed = true;
			return hdf_fail(f, path, e, "%.9g is no number of float16", (double)x[i]);
		}
	hid_t half = half_type();
	const bool packed = s.rank > 0 && shape_count(&s) >= PACK_FROM;
	const bool ok = fill_set(f, path, s, new_set(f, path, s, half, packed, e), MEMORY_REAL, x, e);
	H5Tclose(half);
	return ok;
}
