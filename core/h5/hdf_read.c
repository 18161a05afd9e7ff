/* hdf_read.c - data sets of any origin: type, shape and storage are checked before memory is taken. */
#include "core/base/local.h"
#include "core/h5/hdf_internal.h"

#include <stdlib.h>
#include <string.h>

/* Deflate cannot do better than 1032:1 (zlib's technical notes): a compressed set that claims more
 * is a bomb or a lie. */
static const uint64_t DEFLATE_MAX = 1032;

/* ---- what a data set is ---- */

/* Filters of other programs, by the numbers that the HDF Group gave them. */
static const struct {
	H5Z_filter_t id;
	const char *name;
} FOREIGN[] = {
	{H5Z_FILTER_SZIP, "szip"}, {H5Z_FILTER_NBIT, "nbit"}, {H5Z_FILTER_SCALEOFFSET, "scaleoffset"}, {305, "lzo"},
	{307, "bzip2"}, {32000, "lzf"}, {32001, "blosc"}, {32004, "lz4"}, {32008, "bitshuffle"}, {32013, "zfp"},
	{32015, "zstd"}, {32026, "blosc2"},
};

static const char *filter_name(H5Z_filter_t id)
{
	for (int i = 0; i < COUNT(FOREIGN); i++)
		if (FOREIGN[i].id == id)
			return FOREIGN[i].name;
	return "unknown";
}

/* A data set opened and checked. */
struct set {
	hid_t id, type, space, list;
	H5T_class_t class;
	size_t width;                                /* bytes of an element in the file */
	shape s;
	int64_t count;
};

static void set_close(struct set *d)
{
	H5Pclose(d->list);
	H5Sclose(d->space);
	H5Tclose(d->type);
	H5Dclose(d->id);
}

static bool check_type(const hdf *f, const char *path, struct set *d, fault *e)
{
	d->class = H5Tget_class(d->type);
	d->width = H5Tget_size(d->type);
	if (d->class == H5T_OPAQUE && d->width == 2)
		return hdf_fail(f, path, e, "raw values of 2 bytes, as h5py stores bfloat16; save it as float32");
	if (d->class != H5T_FLOAT && d->class != H5T_INTEGER && !(d->class == H5T_ENUM && d->width == 1))
		return hdf_fail(f, path, e, "neither whole numbers nor floating-point numbers");
	if (d->width != 1 && d->width != 2 && d->width != 4 && d->width != 8)
		return hdf_fail(f, path, e, "numbers of %zu bytes; 1, 2, 4 and 8 are read", d->width);
	return true;
}

static bool check_shape(const hdf *f, const char *path, struct set *d, fault *e)
{
	hsize_t dims[H5S_MAX_RANK] = {0};
	H5S_class_t kind = H5Sget_simple_extent_type(d->space);
	if (kind != H5S_SCALAR && kind != H5S_SIMPLE)
		return hdf_fail(f, path, e, "holds no values");
	int rank = H5Sget_simple_extent_ndims(d->space);
	if (rank < 0 || rank > RANK_MAX)
		return hdf_fail(f, path, e, "%d axes; at most %d are read", rank, RANK_MAX);
	if (H5Sget_simple_extent_dims(d->space, dims, NULL) < 0)
		return hdf_fail(f, path, e, "its shape cannot be read");
	uint64_t count = 1, limit = (uint64_t)INT64_MAX / 8;         /* bytes, as double, fit an int64 */
	int64_t size[RANK_MAX];
	for (int i = 0; i < rank; i++) {
		if (dims[i] > limit || (dims[i] && count > limit / dims[i]))
			return hdf_fail(f, path, e, "axis %d of %llu: more elements than any memory holds", i,
				    (unsigned long long)dims[i]);
		count *= dims[i];
		size[i] = (int64_t)dims[i];
	}
	d->s = shape_of(rank, size);
	d->count = (int64_t)count;
	return true;
}

/* Filters the reader trusts. *packed: bytes in the file may be fewer than the values. */
static bool check_filters(const hdf *f, const char *path, const struct set *d, bool *packed, fault *e)
{
	int n = H5Pget_nfilters(d->list);
	*packed = false;
	if (n < 0)
		return hdf_fail(f, path, e, "its filters cannot be read");
	for (int i = 0; i < n; i++) {
		unsigned flags, config;
		size_t values = 0;
		H5Z_filter_t id = H5Pget_filter2(d->list, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
		*packed = *packed || id == H5Z_FILTER_DEFLATE;
		if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
			return hdf_fail(f, path, e, "packed by the filter %s (%d), which is not read; store it again "
				       "with gzip (deflate), shuffle, fletcher32 or without a filter, in h5py: "
				       "create_dataset(.., compression=\"gzip\")", filter_name(id), (int)id);
	}
	return true;
}

/* The library unpacks a chunk whole, however few of its values are asked for. */
static const uint64_t CHUNK_FACTOR = 4, CHUNK_FREE = 16 << 20;

static bool check_chunks(const hdf *f, const char *path, const struct set *d, uint64_t stored, fault *e)
{
	bool packed;
	hsize_t chunk[H5S_MAX_RANK] = {0};
	uint64_t bytes = d->width, values = (uint64_t)d->count * d->width;
	if (!check_filters(f, path, d, &packed, e))
		return false;
	int rank = H5Pget_chunk(d->list, H5S_MAX_RANK, chunk);
	for (int i = 0; i < rank; i++) {
		if (!chunk[i] || chunk[i] > UINT32_MAX / bytes)
			return hdf_fail(f, path, e, "chunks larger than 4 GiB");
		bytes *= chunk[i];
	}
	if (bytes > MAX(CHUNK_FACTOR * values, CHUNK_FREE))
		return hdf_fail(f, path, e, "chunks of %llu bytes for %llu bytes of values", (unsigned long long)bytes,
			(unsigned long long)values);
	if (stored > f->size)
		return hdf_fail(f, path, e, "claims %llu stored bytes, more than the file has",
			(unsigned long long)stored);
	if (bytes / DEFLATE_MAX > f->size || (packed ? values / DEFLATE_MAX : values) > stored)
		return hdf_fail(f, path, e, "claims %llu bytes of values, stores %llu: damaged or never filled",
			    (unsigned long long)values, (unsigned long long)stored);
	return true;
}

/* The values must be able to come from where the header says they lie. */
static bool check_storage(const hdf *f, const char *path, const struct set *d, fault *e)
{
	uint64_t values = (uint64_t)d->count * d->width, stored = H5Dget_storage_size(d->id);
	if (f->writing || d->count == 0)
		return true;
	switch (H5Pget_layout(d->list)) {
	case H5D_COMPACT:
		return true;
	case H5D_CHUNKED:
		return check_chunks(f, path, d, stored, e);
	case H5D_CONTIGUOUS: {
		haddr_t at = H5Dget_offset(d->id);
		if (H5Pget_external_count(d->list) != 0)
			return hdf_fail(f, path, e, "its values lie in another file; that is not read");
		if (at == HADDR_UNDEF)
			return hdf_fail(f, path, e, "never filled");
		if (stored < values || values > f->size || at > f->size - values)
			return hdf_fail(f, path, e, "claims %llu bytes of values at %llu, the file has %llu",
				    (unsigned long long)values, (unsigned long long)at, (unsigned long long)f->size);
		return true;
	}
	default:
		return hdf_fail(f, path, e, "its values lie in other data sets; that is not read");
	}
}

static bool set_check(const hdf *f, const char *path, struct set *d, fault *e)
{
	char why[REASON];
	if (H5Iget_type(d->id) != H5I_DATASET)
		return hdf_fail(f, path, e, "not a data set");
	d->type = H5Dget_type(d->id);
	d->space = H5Dget_space(d->id);
	d->list = H5Dget_create_plist(d->id);
	if (d->type < 0 || d->space < 0 || d->list < 0)
		return hdf_fail(f, path, e, "cannot be opened (%s)", hdf_reason(why));
	return check_type(f, path, d, e) && check_shape(f, path, d, e) && check_storage(f, path, d, e);
}

/* Of an object that is open; it is closed when it is none that is read. */
static bool set_of(const hdf *f, const char *path, hid_t id, struct set *d, fault *e)
{
	*d = (struct set){.id = id, .type = -1, .space = -1, .list = -1};
	const bool ok = set_check(f, path, d, e);
	if (!ok)
		set_close(d);
	return ok;
}

/* ---- data sets that stay open ---- */

enum { KEPT_MAX = 1024 };                            /* some megabytes of the library */

struct kept_set {
	char *path;                                  /* own; NULL: it has been taken */
	struct set d;
};

/* False: there is no room for it. */
static bool keep(hdf *f, const char *path, const struct set *d)
{
	if (f->writing || f->nkept == KEPT_MAX)
		return false;
	if (!f->kept)
		f->kept = mem_new(KEPT_MAX, sizeof *f->kept, NULL);
	char *copy = f->kept ? text_copy(path, NULL) : NULL;
	if (copy)
		f->kept[f->nkept++] = (struct kept_set){copy, *d};
	return copy;
}

/* They are mostly read in the order in which they were found. */
static bool take_kept(hdf *f, const char *path, struct set *d)
{
	for (int i = 0; i < f->nkept; i++) {
		struct kept_set *k = &f->kept[(f->next_kept + i) % f->nkept];
		if (!k->path || strcmp(k->path, path) != 0)
			continue;
		*d = k->d;
		free(k->path);
		k->path = NULL;
		f->next_kept = (int)(k - f->kept) + 1;
		return true;
	}
	return false;
}

void hdf_let_go(hdf *f)
{
	for (int i = 0; i < f->nkept; i++)
		if (f->kept[i].path) {
			set_close(&f->kept[i].d);
			free(f->kept[i].path);
		}
	free(f->kept);
	f->kept = NULL;
	f->nkept = f->next_kept = 0;
	if (f->group_id >= 0)
		H5Gclose(f->group_id);
	f->group_id = H5I_INVALID_HID;
	f->group[0] = '\0';
}

static bool set_open(hdf *f, const char *path, struct set *d, fault *e)
{
	if (take_kept(f, path, d))
		return true;
	const hid_t id = hdf_object(f, path, e);
	return id >= 0 && set_of(f, path, id, d, e);
}

static enum h5_type stored_type(const struct set *d)
{
	/* by the binary logarithm of the width in bytes, which is 1, 2, 4 or 8 */
	static const enum h5_type floats[] = {H5_OTHER, H5_F16, H5_F32, H5_F64};
	static const enum h5_type whole[] = {H5_I8, H5_I16, H5_I32, H5_I64};
	static const enum h5_type natural[] = {H5_U8, H5_U16, H5_U32, H5_U64};
	const int k = d->width == 1 ? 0 : d->width == 2 ? 1 : d->width == 4 ? 2 : 3;
	if (d->class == H5T_ENUM)
		return H5_BOOL;
	return d->class == H5T_FLOAT ? floats[k] : H5Tget_sign(d->type) == H5T_SGN_2 ? whole[k] : natural[k];
}

static bool look(hdf *f, const char *path, h5_info *out, bool keeps, fault *e)
{
	struct set d;
	hdf_quiet();
	*out = (h5_info){.type = H5_OTHER};
	const hid_t id = hdf_object(f, path, e);
	if (id < 0)
		return false;
	out->is_group = H5Iget_type(id) == H5I_GROUP;
	if (out->is_group) {
		H5Oclose(id);
		return true;
	}
	if (!set_of(f, path, id, &d, e))
		return false;
	out->type = stored_type(&d);
	out->s = d.s;
	if (!keeps || !keep(f, path, &d))
		set_close(&d);
	return true;
}

bool hdf_stat(hdf *f, const char *path, h5_info *out, fault *e)
{
	return look(f, path, out, false, e);
}

bool hdf_look(hdf *f, const char *path, h5_info *out, fault *e)
{
	return look(f, path, out, true, e);
}

/* ---- reading ---- */

/* A value that its new type cannot hold is an error, a rounded one is not. */
static H5T_conv_ret_t refuse_range(H5T_conv_except_t what, hid_t from, hid_t to, void *in, void *out, void *ctx)
{
	(void)from, (void)to, (void)in, (void)out;
	if (what == H5T_CONV_EXCEPT_PRECISION || what == H5T_CONV_EXCEPT_TRUNCATE)
		return H5T_CONV_UNHANDLED;
	if (H5Tget_class(to) == H5T_FLOAT &&
	    (what == H5T_CONV_EXCEPT_PINF || what == H5T_CONV_EXCEPT_NINF || what == H5T_CONV_EXCEPT_NAN))
		return H5T_CONV_UNHANDLED;
	*(bool *)ctx = true;
	return H5T_CONV_ABORT;
}

struct request {
	hid_t memory;                                /* type in memory */
	const char *name;                            /* of that type, for messages */
	int64_t lo, hi;                              /* rows; hi < 0: all */
	void *x;
	int64_t count;
};

static bool select_rows(const hdf *f, const char *path, struct set *d, const struct request *r, fault *e)
{
	if (r->hi < 0)
		return true;
	if (d->s.rank == 0 || r->lo < 0 || r->lo > r->hi || r->hi > d->s.dim[0])
		return hdf_fail(f, path, e, "rows %lld to %lld asked, it has %lld", (long long)r->lo, (long long)r->hi,
			    (long long)(d->s.rank ? d->s.dim[0] : 0));
	hsize_t start[RANK_MAX] = {(hsize_t)r->lo}, size[RANK_MAX] = {(hsize_t)(r->hi - r->lo)};
	d->count = r->hi - r->lo;
	for (int i = 1; i < d->s.rank; i++) {
		size[i] = (hsize_t)d->s.dim[i];
		d->count *= d->s.dim[i];
	}
	if (d->count && H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, size, NULL) < 0)
		return hdf_fail(f, path, e, "rows %lld to %lld cannot be selected", (long long)r->lo, (long long)r->hi);
	return true;
}

static bool transfer(const hdf *f, const char *path, const struct set *d, const struct request *r, fault *e)
{
	char why[REASON];
	bool range = false;
	hsize_t n = (hsize_t)r->count;
	hid_t flat = H5Screate_simple(1, &n, NULL);
	hid_t list = H5Pcreate(H5P_DATASET_XFER);
	bool ok = flat >= 0 && H5Pset_type_conv_cb(list, refuse_range, &range) >= 0 &&
		  H5Dread(d->id, r->memory, flat, d->space, list, r->x) >= 0;
	if (!ok)
		hdf_fail(f, path, e, range ? "holds a value that %s cannot" : "cannot be read (%s)",
		     range ? r->name : hdf_reason(why));
	H5Pclose(list);
	H5Sclose(flat);
	return ok;
}

static bool read_set(hdf *f, const char *path, const struct request *r, fault *e)
{
	struct set d;
	hdf_quiet();
	if (!set_open(f, path, &d, e))
		return false;
	bool ok = select_rows(f, path, &d, r, e);
	if (ok && H5Tget_class(r->memory) == H5T_INTEGER && d.class == H5T_FLOAT)
		ok = hdf_fail(f, path, e, "holds floating-point numbers; whole numbers are expected");
	if (ok && d.count != r->count)
		ok = hdf_fail(f, path, e, "%s, %lld elements; %lld are expected", shape_print(&d.s).s,
			  (long long)d.count, (long long)r->count);
	if (ok && d.count > 0)
		ok = transfer(f, path, &d, r, e);
	set_close(&d);
	return ok;
}

#ifdef REAL_DOUBLE
#define MEMORY_REAL H5T_NATIVE_DOUBLE
#else
#define MEMORY_REAL H5T_NATIVE_FLOAT
#endif

bool hdf_read_real(hdf *f, const char *path, real *x, int64_t count, fault *e)
{
	return read_set(f, path, &(struct request){MEMORY_REAL, REAL_NAME, 0, -1, x, count}, e);
}

bool hdf_read_f64(hdf *f, const char *path, double *x, int64_t count, fault *e)
{
	return read_set(f, path, &(struct request){H5T_NATIVE_DOUBLE, "float64", 0, -1, x, count}, e);
}

bool hdf_read_i64(hdf *f, const char *path, int64_t *x, int64_t count, fault *e)
{
	return read_set(f, path, &(struct request){H5T_NATIVE_INT64, "int64", 0, -1, x, count}, e);
}

static bool read_rows(hdf *f, const char *path, const struct request *r, fault *e)
{
	must(r->lo >= 0 && r->lo <= r->hi, "rows %lld to %lld of %s", (long long)r->lo, (long long)r->hi, path);
	return read_set(f, path, r, e);
}

bool hdf_read_rows_u8(hdf *f, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e)
{
	return read_rows(f, path, &(struct request){H5T_NATIVE_UINT8, "uint8", lo, hi, x, count}, e);
}

bool hdf_read_rows_real(hdf *f, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e)
{
	return read_rows(f, path, &(struct request){MEMORY_REAL, REAL_NAME, lo, hi, x, count}, e);
}

bool hdf_read_rows_f64(hdf *f, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e)
{
	return read_rows(f, path, &(struct request){H5T_NATIVE_DOUBLE, "float64", lo, hi, x, count}, e);
}
