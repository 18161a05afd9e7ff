/* HDF5 behind h5.h. Three parts: opening and closing, reading (nothing that a file says about itself
 * is believed before it is checked), writing (into memory; file_replace puts it on disk).
 *
 * Written files have version 1.8 metadata, which carries checksums, no times, and creation order
 * on groups and attributes: equal calls give equal bytes. */
#include "core/h5.h"

#include "core/file.h"

#include <hdf5.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	DEPTH_MAX = 64,                              /* groups in a path: a loop of hard links ends here */
	PATH_SIZE = 4096,
	NAMES_MAX = 1 << 20,                         /* members of a group */
	TEXT_MAX = 16 << 20,                         /* bytes of a text attribute */
	LIST_MAX = 1 << 20,                          /* values of a list attribute */
	GROW = 1 << 20,                              /* step of the image in memory */
};

/* Deflate cannot do better than 1032:1 (zlib's technical notes): a compressed set that claims more
 * is a bomb or a lie. */
static const uint64_t DEFLATE_MAX = 1032;

struct h5 {
	char *path;                                  /* own; where it is, or will be */
	hid_t file;
	bool writing;
	bool failed;                                 /* a write failed: never commit */
	uint64_t size;                               /* bytes of the file read */
	void *image;                                 /* writing: own, the file; reading: borrow */
	size_t image_size;                           /* reading only */
};

/* ---- errors ---- */

static void library_start(void)
{
	/* At exit the library would flush and report what is long decided; it has crashed there. */
	H5dont_atexit();
	H5PLset_loading_state(0);                    /* no filter or driver code from the file's wishes */
}

/* Before anything else in every public function: the error stack is a thread's own. */
static void quiet(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, library_start);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* "file: /path in the file: what is wrong"; returns false. */
static bool fail(const h5 *f, const char *path, error *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
static bool fail(const h5 *f, const char *path, error *e, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return error_set(e, "%s: %s: %s", f->path, path, text);
}

static herr_t first_reason(unsigned n, const H5E_error2_t *err, void *out)
{
	if (n == 0 && err->desc)
		snprintf(out, 256, "%s", err->desc);
	return 0;
}

/* The library's innermost complaint. */
static const char *reason(char text[256])
{
	snprintf(text, 256, "unknown HDF5 error");
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, text);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return text;
}

/* ---- opening ---- */

static h5 *h5_new(const char *path, error *e)
{
	h5 *f = mem_zero(1, sizeof *f, e);
	if (!f)
		return NULL;
	f->file = H5I_INVALID_HID;
	f->path = text_copy(path, e);
	if (!f->path) {
		free(f);
		return NULL;
	}
	return f;
}

void h5_close(h5 *f)
{
	if (!f)
		return;
	quiet();
	if (f->file >= 0)
		H5Fclose(f->file);
	if (f->writing)
		free(f->image);
	free(f->path);
	free(f);
}

h5 *h5_open(const char *path, error *e)
{
	quiet();
	struct stat st;
	char why[256];
	if (stat(path, &st) != 0) {
		error_set(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {                  /* opening a pipe would wait for ever */
		error_set(e, "%s: not a regular file", path);
		return NULL;
	}
	h5 *f = h5_new(path, e);
	if (!f)
		return NULL;
	f->size = (uint64_t)st.st_size;
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	H5Pset_fclose_degree(fapl, H5F_CLOSE_SEMI);
	f->file = H5Fopen(path, H5F_ACC_RDONLY, fapl);
	if (f->file < 0)
		error_set(e, "%s: not a readable HDF5 file (%s)", path, reason(why));
	H5Pclose(fapl);
	if (f->file < 0) {
		h5_close(f);
		return NULL;
	}
	return f;
}

/* The core driver asks for copies of an image through these; here it gets the caller's bytes. */
static void *borrow_malloc(size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op;
	h5 *f = ctx;
	return n <= f->image_size ? f->image : NULL;
}

static void *borrow_memcpy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op, (void)ctx;
	return to == from ? to : memcpy(to, from, n);
}

static void *borrow_realloc(void *p, size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)p, (void)n, (void)op, (void)ctx;
	return NULL;                                 /* opened for reading: never grows */
}

static herr_t borrow_free(void *p, H5FD_file_image_op_t op, void *ctx)
{
	(void)p, (void)op, (void)ctx;
	return 0;
}

/* While a file is written its image is ours: kept when the library closes the file. */
static void *own_malloc(size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op;
	h5 *f = ctx;
	return f->image = malloc(n);
}

static void *own_memcpy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op, (void)ctx;
	return memcpy(to, from, n);
}

static void *own_realloc(void *p, size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op;
	h5 *f = ctx;
	void *larger = realloc(p, n);
	if (larger)
		f->image = larger;
	return larger;
}

static herr_t own_free(void *p, H5FD_file_image_op_t op, void *ctx)
{
	(void)p, (void)op, (void)ctx;
	return 0;
}

static void *same_ctx(void *ctx)
{
	return ctx;
}

static herr_t keep_ctx(void *ctx)
{
	(void)ctx;
	return 0;
}

/* Access list of a file that lives in memory only. */
static hid_t memory_access(H5FD_file_image_callbacks_t *calls)
{
	calls->udata_copy = same_ctx;
	calls->udata_free = keep_ctx;
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	bool ok = fapl >= 0 && H5Pset_fapl_core(fapl, GROW, 0) >= 0 &&
		  H5Pset_fclose_degree(fapl, H5F_CLOSE_SEMI) >= 0 &&
		  H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0 &&
		  H5Pset_file_image_callbacks(fapl, calls) >= 0;
	if (ok)
		return fapl;
	H5Pclose(fapl);
	return H5I_INVALID_HID;
}

/* Two files in memory with one name would be taken for the same file. */
static void memory_name(const h5 *f, char name[32])
{
	snprintf(name, 32, "memory-%p", (const void *)f);
}

h5 *h5_open_image(const void *bytes, size_t n, const char *label, error *e)
{
	quiet();
	char why[256], name[32];
	h5 *f = h5_new(label, e);
	if (!f)
		return NULL;
	union {                                      /* read only, through a library without const */
		const void *in;
		void *out;
	} borrowed = {bytes};
	f->image = borrowed.out;
	f->image_size = n;
	f->size = n;
	memory_name(f, name);
	H5FD_file_image_callbacks_t calls = {borrow_malloc, borrow_memcpy, borrow_realloc, borrow_free,
					     NULL, NULL, f};
	hid_t fapl = memory_access(&calls);
	if (n > 0 && fapl >= 0 && H5Pset_file_image(fapl, f->image, n) >= 0)
		f->file = H5Fopen(name, H5F_ACC_RDONLY, fapl);
	if (f->file < 0)
		error_set(e, "%s: not a readable HDF5 file (%s)", label, n ? reason(why) : "it is empty");
	H5Pclose(fapl);
	if (f->file < 0) {
		h5_close(f);
		return NULL;
	}
	return f;
}

/* Creation lists: no times, members and attributes in the order they were made. */
static hid_t creation_list(hid_t class)
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

h5 *h5_create(const char *path, error *e)
{
	quiet();
	char why[256], name[32];
	h5 *f = h5_new(path, e);
	if (!f)
		return NULL;
	f->writing = true;
	memory_name(f, name);
	H5FD_file_image_callbacks_t calls = {own_malloc, own_memcpy, own_realloc, own_free, NULL, NULL, f};
	hid_t fapl = memory_access(&calls);
	hid_t fcpl = creation_list(H5P_FILE_CREATE);
	if (fapl >= 0 && fcpl >= 0)
		f->file = H5Fcreate(name, H5F_ACC_TRUNC, fcpl, fapl);
	if (f->file < 0)
		error_set(e, "%s: cannot prepare an HDF5 file in memory (%s)", path, reason(why));
	H5Pclose(fcpl);
	H5Pclose(fapl);
	if (f->file < 0) {
		h5_close(f);
		return NULL;
	}
	return f;
}

bool h5_commit(h5 *f, error *e)
{
	quiet();
	char why[256];
	must(f->writing, "commit of %s, which is open for reading", f->path);
	bool ok = !f->failed;
	if (!ok)
		error_set(e, "%s: not written, because an earlier part failed", f->path);
	ssize_t size = ok && H5Fflush(f->file, H5F_SCOPE_GLOBAL) >= 0 ? H5Fget_file_image(f->file, NULL, 0) : -1;
	if (ok && size < 0)
		ok = error_set(e, "%s: cannot finish the file in memory (%s)", f->path, reason(why));
	must(!ok || H5Fget_obj_count(f->file, H5F_OBJ_ALL) == 1, "%s: an object is still open", f->path);
	if (H5Fclose(f->file) < 0 && ok)
		ok = error_set(e, "%s: cannot finish the file in memory (%s)", f->path, reason(why));
	f->file = H5I_INVALID_HID;
	ok = ok && file_replace(f->path, f->image, (size_t)size, e);
	h5_close(f);
	return ok;
}

/* ---- paths ---- */

/* One step of a path: [*from, end) is the next name. False at the end of the path. */
static bool next_name(const char **from, const char **end)
{
	while (**from == '/')
		(*from)++;
	*end = *from + strcspn(*from, "/");
	return *end > *from;
}

static bool path_sane(const h5 *f, const char *path, error *e)
{
	const char *name = path, *end;
	int depth = 0;
	if (strlen(path) >= PATH_SIZE)
		return error_set(e, "%s: a path of %zu characters inside the file; %d are allowed", f->path,
				 strlen(path), PATH_SIZE - 1);
	for (; next_name(&name, &end); name = end) {
		size_t n = (size_t)(end - name);
		if (++depth > DEPTH_MAX)
			return fail(f, path, e, "nested deeper than %d groups", DEPTH_MAX);
		if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
			return fail(f, path, e, "\".\" and \"..\" are not names");
	}
	return true;
}

/* Copies path up to `end` so that the library sees one prefix at a time. */
static const char *prefix(const char *path, const char *end, char text[PATH_SIZE])
{
	memcpy(text, path, (size_t)(end - path));
	text[end - path] = '\0';
	return text;
}

/* 1 exists by hard links only, 0 does not exist, -1 refused with e set. */
static int path_state(h5 *f, const char *path, error *e)
{
	char text[PATH_SIZE];
	const char *name = path, *end;
	if (!path_sane(f, path, e))
		return -1;
	for (; next_name(&name, &end); name = end) {
		H5L_info_t link;
		H5O_info_t object;
		prefix(path, end, text);
		if (H5Lexists(f->file, text, H5P_DEFAULT) <= 0)
			return 0;
		if (H5Lget_info(f->file, text, &link, H5P_DEFAULT) < 0)
			return 0;
		if (link.type != H5L_TYPE_HARD) {
			fail(f, text, e, "a soft or external link; only real members are read");
			return -1;
		}
		if (!*end)
			break;
		if (H5Oget_info_by_name2(f->file, text, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
		    object.type != H5O_TYPE_GROUP) {
			return 0;
		}
	}
	return 1;
}

static const char *root_or(const char *path)
{
	return path[strspn(path, "/")] ? path : "/";
}

static hid_t object_open(h5 *f, const char *path, error *e)
{
	char why[256];
	int state = path_state(f, path, e);
	if (state == 0)
		fail(f, path, e, "not in the file");
	if (state <= 0)
		return H5I_INVALID_HID;
	hid_t obj = H5Oopen(f->file, root_or(path), H5P_DEFAULT);
	if (obj < 0)
		fail(f, path, e, "cannot be opened (%s)", reason(why));
	return obj;
}

bool h5_exists(h5 *f, const char *path)
{
	quiet();
	return path_state(f, path, NULL) == 1;
}

/* ---- listing ---- */

struct lister {
	h5_names *out;
	int room;                                    /* a damaged group may yield more names than it says */
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *ctx)
{
	(void)group, (void)info;
	struct lister *l = ctx;
	char *copy = l->out->n < l->room ? text_copy(name, NULL) : NULL;
	if (!copy)
		return -1;
	l->out->name[l->out->n++] = copy;
	return 0;
}

void h5_names_free(h5_names *n)
{
	for (int i = 0; i < n->n; i++)
		free(n->name[i]);
	free(n->name);
	*n = (h5_names){0, NULL};
}

/* Creation order when the group kept it, else by name. */
static H5_index_t order_of(hid_t group)
{
	unsigned flags = 0;
	hid_t list = H5Gget_create_plist(group);
	bool tracked = list >= 0 && H5Pget_link_creation_order(list, &flags) >= 0 && (flags & H5P_CRT_ORDER_TRACKED);
	H5Pclose(list);
	return tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
}

static bool list_group(h5 *f, const char *path, hid_t group, h5_names *out, error *e)
{
	char why[256];
	H5G_info_t info;
	if (H5Iget_type(group) != H5I_GROUP)
		return fail(f, path, e, "a data set; a group is expected");
	if (H5Gget_info(group, &info) < 0)
		return fail(f, path, e, "cannot be listed (%s)", reason(why));
	if (info.nlinks > NAMES_MAX)
		return fail(f, path, e, "%llu members; %d are allowed", (unsigned long long)info.nlinks, NAMES_MAX);
	out->name = mem_new((size_t)info.nlinks + 1, sizeof *out->name, e);
	if (!out->name)
		return false;
	struct lister l = {out, (int)info.nlinks};
	if (H5Literate(group, order_of(group), H5_ITER_INC, NULL, add_name, &l) < 0 || out->n != l.room)
		return fail(f, path, e, "cannot be listed (%s)", reason(why));
	return true;
}

bool h5_list(h5 *f, const char *path, h5_names *out, error *e)
{
	quiet();
	*out = (h5_names){0, NULL};
	hid_t group = object_open(f, path, e);
	if (group < 0)
		return false;
	bool ok = list_group(f, path, group, out, e);
	if (!ok)
		h5_names_free(out);
	H5Oclose(group);
	return ok;
}

/* ---- what a data set is ---- */

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

static bool check_type(const h5 *f, const char *path, struct set *d, error *e)
{
	d->class = H5Tget_class(d->type);
	d->width = H5Tget_size(d->type);
	if (d->class != H5T_FLOAT && d->class != H5T_INTEGER)
		return fail(f, path, e, "neither whole numbers nor floating-point numbers");
	if (d->width != 1 && d->width != 2 && d->width != 4 && d->width != 8)
		return fail(f, path, e, "numbers of %zu bytes; 1, 2, 4 and 8 are read", d->width);
	return true;
}

static bool check_shape(const h5 *f, const char *path, struct set *d, error *e)
{
	hsize_t dims[H5S_MAX_RANK] = {0};
	H5S_class_t kind = H5Sget_simple_extent_type(d->space);
	if (kind != H5S_SCALAR && kind != H5S_SIMPLE)
		return fail(f, path, e, "holds no values");
	int rank = H5Sget_simple_extent_ndims(d->space);
	if (rank < 0 || rank > RANK_MAX)
		return fail(f, path, e, "%d axes; at most %d are read", rank, RANK_MAX);
	if (H5Sget_simple_extent_dims(d->space, dims, NULL) < 0)
		return fail(f, path, e, "its shape cannot be read");
	uint64_t count = 1, limit = (uint64_t)INT64_MAX / 8;         /* bytes, as double, fit an int64 */
	int64_t size[RANK_MAX];
	for (int i = 0; i < rank; i++) {
		if (dims[i] > limit || (dims[i] && count > limit / dims[i]))
			return fail(f, path, e, "axis %d of %llu: more elements than any memory holds", i,
				    (unsigned long long)dims[i]);
		count *= dims[i];
		size[i] = (int64_t)dims[i];
	}
	d->s = shape_of(rank, size);
	d->count = (int64_t)count;
	return true;
}

/* Filters the reader trusts. *packed: bytes in the file may be fewer than the values. */
static bool check_filters(const h5 *f, const char *path, const struct set *d, bool *packed, error *e)
{
	int n = H5Pget_nfilters(d->list);
	*packed = false;
	if (n < 0)
		return fail(f, path, e, "its filters cannot be read");
	for (int i = 0; i < n; i++) {
		unsigned flags, config;
		size_t values = 0;
		H5Z_filter_t id = H5Pget_filter2(d->list, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
		*packed = *packed || id == H5Z_FILTER_DEFLATE;
		if (id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_FLETCHER32)
			return fail(f, path, e, "filter %d; only deflate, shuffle and fletcher32 are read", (int)id);
	}
	return true;
}

static bool check_chunks(const h5 *f, const char *path, const struct set *d, uint64_t stored, error *e)
{
	bool packed;
	hsize_t chunk[H5S_MAX_RANK] = {0};
	uint64_t bytes = d->width, values = (uint64_t)d->count * d->width;
	if (!check_filters(f, path, d, &packed, e))
		return false;
	int rank = H5Pget_chunk(d->list, H5S_MAX_RANK, chunk);
	for (int i = 0; i < rank; i++) {
		if (!chunk[i] || chunk[i] > UINT32_MAX / bytes)
			return fail(f, path, e, "chunks larger than 4 GiB");
		bytes *= chunk[i];
	}
	if (stored > f->size)
		return fail(f, path, e, "claims %llu stored bytes, more than the file has", (unsigned long long)stored);
	if (bytes / DEFLATE_MAX > f->size || (packed ? values / DEFLATE_MAX : values) > stored)
		return fail(f, path, e, "claims %llu bytes of values, stores %llu: damaged or never filled",
			    (unsigned long long)values, (unsigned long long)stored);
	return true;
}

/* The values must be able to come from where the header says they lie. */
static bool check_storage(const h5 *f, const char *path, const struct set *d, error *e)
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
			return fail(f, path, e, "its values lie in another file; that is not read");
		if (at == HADDR_UNDEF)
			return fail(f, path, e, "never filled");
		if (stored < values || values > f->size || at > f->size - values)
			return fail(f, path, e, "claims %llu bytes of values at %llu, the file has %llu",
				    (unsigned long long)values, (unsigned long long)at, (unsigned long long)f->size);
		return true;
	}
	default:
		return fail(f, path, e, "its values lie in other data sets; that is not read");
	}
}

static bool set_check(const h5 *f, const char *path, struct set *d, error *e)
{
	char why[256];
	if (H5Iget_type(d->id) != H5I_DATASET)
		return fail(f, path, e, "not a data set");
	d->type = H5Dget_type(d->id);
	d->space = H5Dget_space(d->id);
	d->list = H5Dget_create_plist(d->id);
	if (d->type < 0 || d->space < 0 || d->list < 0)
		return fail(f, path, e, "cannot be opened (%s)", reason(why));
	return check_type(f, path, d, e) && check_shape(f, path, d, e) && check_storage(f, path, d, e);
}

static bool set_open(h5 *f, const char *path, struct set *d, error *e)
{
	*d = (struct set){.id = object_open(f, path, e), .type = -1, .space = -1, .list = -1};
	if (d->id < 0)
		return false;
	bool ok = set_check(f, path, d, e);
	if (!ok)
		set_close(d);
	return ok;
}

static enum h5_type stored_type(const struct set *d)
{
	bool is_signed = d->class == H5T_INTEGER && H5Tget_sign(d->type) == H5T_SGN_2;
	if (d->class == H5T_FLOAT)
		return d->width == 4 ? H5_F32 : d->width == 8 ? H5_F64 : H5_OTHER;
	if (is_signed)
		return d->width == 4 ? H5_I32 : d->width == 8 ? H5_I64 : H5_OTHER;
	return d->width == 1 ? H5_U8 : H5_OTHER;
}

bool h5_stat(h5 *f, const char *path, h5_info *out, error *e)
{
	quiet();
	*out = (h5_info){.type = H5_OTHER};
	hid_t obj = object_open(f, path, e);
	if (obj < 0)
		return false;
	out->is_group = H5Iget_type(obj) == H5I_GROUP;
	H5Oclose(obj);
	if (out->is_group)
		return true;
	struct set d;
	if (!set_open(f, path, &d, e))
		return false;
	out->type = stored_type(&d);
	out->s = d.s;
	set_close(&d);
	return true;
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

static bool select_rows(const h5 *f, const char *path, struct set *d, const struct request *r, error *e)
{
	if (r->hi < 0)
		return true;
	if (d->s.rank == 0 || r->lo < 0 || r->lo > r->hi || r->hi > d->s.dim[0])
		return fail(f, path, e, "rows %lld to %lld asked, it has %lld", (long long)r->lo, (long long)r->hi,
			    (long long)(d->s.rank ? d->s.dim[0] : 0));
	hsize_t start[RANK_MAX] = {(hsize_t)r->lo}, size[RANK_MAX] = {(hsize_t)(r->hi - r->lo)};
	d->count = r->hi - r->lo;
	for (int i = 1; i < d->s.rank; i++) {
		size[i] = (hsize_t)d->s.dim[i];
		d->count *= d->s.dim[i];
	}
	if (d->count && H5Sselect_hyperslab(d->space, H5S_SELECT_SET, start, NULL, size, NULL) < 0)
		return fail(f, path, e, "rows %lld to %lld cannot be selected", (long long)r->lo, (long long)r->hi);
	return true;
}

static bool transfer(const h5 *f, const char *path, const struct set *d, const struct request *r, error *e)
{
	char why[256];
	bool range = false;
	hsize_t n = (hsize_t)r->count;
	hid_t flat = H5Screate_simple(1, &n, NULL);
	hid_t list = H5Pcreate(H5P_DATASET_XFER);
	bool ok = flat >= 0 && H5Pset_type_conv_cb(list, refuse_range, &range) >= 0 &&
		  H5Dread(d->id, r->memory, flat, d->space, list, r->x) >= 0;
	if (!ok)
		fail(f, path, e, range ? "holds a value that %s cannot" : "cannot be read (%s)",
		     range ? r->name : reason(why));
	H5Pclose(list);
	H5Sclose(flat);
	return ok;
}

static bool read_set(h5 *f, const char *path, const struct request *r, error *e)
{
	struct set d;
	quiet();
	if (!set_open(f, path, &d, e))
		return false;
	bool ok = select_rows(f, path, &d, r, e);
	if (ok && H5Tget_class(r->memory) == H5T_INTEGER && d.class != H5T_INTEGER)
		ok = fail(f, path, e, "holds floating-point numbers; whole numbers are expected");
	if (ok && d.count != r->count)
		ok = fail(f, path, e, "%s, %lld elements; %lld are expected", shape_print(&d.s).s, (long long)d.count,
			  (long long)r->count);
	if (ok && d.count > 0)
		ok = transfer(f, path, &d, r, e);
	set_close(&d);
	return ok;
}

#ifdef REAL_DOUBLE
#define MEMORY_REAL H5T_NATIVE_DOUBLE
#define STORED_REAL H5T_IEEE_F64LE
#else
#define MEMORY_REAL H5T_NATIVE_FLOAT
#define STORED_REAL H5T_IEEE_F32LE
#endif

bool h5_read_real(h5 *f, const char *path, real *x, int64_t count, error *e)
{
	return read_set(f, path, &(struct request){MEMORY_REAL, REAL_NAME, 0, -1, x, count}, e);
}

bool h5_read_f64(h5 *f, const char *path, double *x, int64_t count, error *e)
{
	return read_set(f, path, &(struct request){H5T_NATIVE_DOUBLE, "float64", 0, -1, x, count}, e);
}

bool h5_read_u8(h5 *f, const char *path, uint8_t *x, int64_t count, error *e)
{
	return read_set(f, path, &(struct request){H5T_NATIVE_UINT8, "uint8", 0, -1, x, count}, e);
}

bool h5_read_i64(h5 *f, const char *path, int64_t *x, int64_t count, error *e)
{
	return read_set(f, path, &(struct request){H5T_NATIVE_INT64, "int64", 0, -1, x, count}, e);
}

bool h5_read_rows_u8(h5 *f, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, error *e)
{
	must(lo >= 0 && lo <= hi, "rows %lld to %lld of %s", (long long)lo, (long long)hi, path);
	return read_set(f, path, &(struct request){H5T_NATIVE_UINT8, "uint8", lo, hi, x, count}, e);
}

/* ---- writing ---- */

static bool make_group(h5 *f, const char *path, error *e)
{
	char why[256];
	hid_t list = creation_list(H5P_GROUP_CREATE);
	hid_t group = H5Gcreate2(f->file, path, H5P_DEFAULT, list, H5P_DEFAULT);
	H5Pclose(list);
	if (group < 0) {
		f->failed = true;
		return fail(f, path, e, "cannot make the group (%s)", reason(why));
	}
	H5Gclose(group);
	return true;
}

/* Makes the groups that `path` names, its last name excluded unless `last`. One at a time, because
 * groups that the library makes on the way would carry times. */
static bool make_groups(h5 *f, const char *path, bool last, error *e)
{
	char text[PATH_SIZE];
	const char *name = path, *end;
	must(f->writing, "%s is open for reading", f->path);
	if (!path_sane(f, path, e))
		return false;
	for (; next_name(&name, &end); name = end) {
		H5O_info_t object;
		if (!end[strspn(end, "/")] && !last)
			break;
		prefix(path, end, text);
		if (H5Lexists(f->file, text, H5P_DEFAULT) <= 0) {
			if (!make_group(f, text, e))
				return false;
		} else if (H5Oget_info_by_name2(f->file, text, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0 ||
			   object.type != H5O_TYPE_GROUP) {
			f->failed = true;
			return fail(f, text, e, "a data set, so it can hold no members");
		}
	}
	return true;
}

bool h5_group(h5 *f, const char *path, error *e)
{
	quiet();
	return make_groups(f, path, true, e);
}

static hid_t space_of(const shape *s)
{
	hsize_t dims[RANK_MAX];
	for (int i = 0; i < s->rank; i++)
		dims[i] = (hsize_t)s->dim[i];
	return s->rank ? H5Screate_simple(s->rank, dims, NULL) : H5Screate(H5S_SCALAR);
}

static bool write_set(h5 *f, const char *path, shape s, hid_t stored, hid_t memory, const void *x, error *e)
{
	char why[256];
	quiet();
	if (!make_groups(f, path, false, e))
		return false;
	hid_t space = space_of(&s), list = creation_list(H5P_DATASET_CREATE);
	hid_t set = H5Dcreate2(f->file, path, stored, space, H5P_DEFAULT, list, H5P_DEFAULT);
	bool ok = set >= 0 && (shape_count(&s) == 0 ||
			       H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
	if (!ok) {
		f->failed = true;
		fail(f, path, e, "cannot be written (%s)", reason(why));
	}
	H5Dclose(set);
	H5Pclose(list);
	H5Sclose(space);
	return ok;
}

bool h5_write_real(h5 *f, const char *path, shape s, const real *x, error *e)
{
	return write_set(f, path, s, STORED_REAL, MEMORY_REAL, x, e);
}

bool h5_write_f64(h5 *f, const char *path, shape s, const double *x, error *e)
{
	return write_set(f, path, s, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, x, e);
}

bool h5_write_u8(h5 *f, const char *path, shape s, const uint8_t *x, error *e)
{
	return write_set(f, path, s, H5T_STD_U8LE, H5T_NATIVE_UINT8, x, e);
}

bool h5_write_i64(h5 *f, const char *path, shape s, const int64_t *x, error *e)
{
	return write_set(f, path, s, H5T_STD_I64LE, H5T_NATIVE_INT64, x, e);
}

/* ---- attributes ---- */

struct attribute {
	hid_t obj, id, type, space;
	char kind;                                   /* 'i', 'f', 's' or 0 */
	size_t width;
	int64_t count;
};

static void attr_close(struct attribute *a)
{
	H5Sclose(a->space);
	H5Tclose(a->type);
	H5Aclose(a->id);
	H5Oclose(a->obj);
}

static char kind_of(hid_t type)
{
	switch (H5Tget_class(type)) {
	case H5T_INTEGER:
		return 'i';
	case H5T_FLOAT:
		return 'f';
	case H5T_STRING:
		return 's';
	default:
		return 0;
	}
}

static bool attr_check(const h5 *f, const char *path, const char *name, struct attribute *a, error *e)
{
	char why[256];
	if (H5Aexists(a->obj, name) <= 0)
		return fail(f, path, e, "has no attribute \"%s\"", name);
	a->id = H5Aopen(a->obj, name, H5P_DEFAULT);
	if (a->id < 0)
		return fail(f, path, e, "attribute \"%s\" cannot be read (%s)", name, reason(why));
	a->type = H5Aget_type(a->id);
	a->space = H5Aget_space(a->id);
	a->kind = kind_of(a->type);
	a->width = H5Tget_size(a->type);
	hssize_t count = H5Sget_simple_extent_npoints(a->space);
	if (count < 0 || count > LIST_MAX || H5Sget_simple_extent_ndims(a->space) > RANK_MAX)
		return fail(f, path, e, "attribute \"%s\" is no single value or short list", name);
	a->count = (int64_t)count;
	return true;
}

static bool attr_open(h5 *f, const char *path, const char *name, struct attribute *a, error *e)
{
	*a = (struct attribute){.obj = object_open(f, path, e), .id = -1, .type = -1, .space = -1};
	if (a->obj < 0)
		return false;
	bool ok = attr_check(f, path, name, a, e);
	if (!ok)
		attr_close(a);
	return ok;
}

/* A fixed-length text is `width` bytes, ended by the first NUL or by nothing at all. */
static char *fixed_text(const struct attribute *a, error *e)
{
	char *text = mem_zero(a->width + 1, 1, e);
	if (text && H5Aread(a->id, a->type, text) < 0) {
		free(text);
		return NULL;
	}
	if (text && H5Tget_strpad(a->type) == H5T_STR_SPACEPAD)
		for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
			text[n - 1] = '\0';
	return text;
}

static char *variable_text(const struct attribute *a, error *e)
{
	char *theirs = NULL, *text = NULL;
	hid_t type = H5Tcopy(H5T_C_S1);
	if (H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5Tget_cset(a->type)) >= 0 &&
	    H5Aread(a->id, type, &theirs) >= 0)
		text = text_copy(theirs ? theirs : "", e);
	H5free_memory(theirs);
	H5Tclose(type);
	return text;
}

char *h5_attr_text_new(h5 *f, const char *path, const char *name, error *e)
{
	char why[256], *text = NULL;
	struct attribute a;
	quiet();
	if (!attr_open(f, path, name, &a, e))
		return NULL;
	if (a.kind != 's' || a.count > 1)
		fail(f, path, e, "attribute \"%s\" is not one text", name);
	else if (a.count == 0)
		text = text_copy("", e);
	else if (a.width > TEXT_MAX)
		fail(f, path, e, "attribute \"%s\" has %zu bytes; %d are allowed", name, a.width, TEXT_MAX);
	else if (!(text = H5Tis_variable_str(a.type) > 0 ? variable_text(&a, e) : fixed_text(&a, e)))
		fail(f, path, e, "attribute \"%s\" cannot be read (%s)", name, reason(why));
	attr_close(&a);
	return text;
}

bool h5_attr_text(h5 *f, const char *path, const char *name, char *out, size_t size, error *e)
{
	char *text = h5_attr_text_new(f, path, name, e);
	if (!text)
		return false;
	snprintf(out, size, "%s", text);
	free(text);
	return true;
}

static bool attr_number(h5 *f, const char *path, const char *name, bool whole, void *x, error *e)
{
	char why[256];
	struct attribute a;
	quiet();
	if (!attr_open(f, path, name, &a, e))
		return false;
	bool ok = a.count == 1 && (a.kind == 'i' || (a.kind == 'f' && !whole));
	if (!ok)
		fail(f, path, e, "attribute \"%s\" is not one %s", name, whole ? "whole number" : "number");
	else if (H5Aread(a.id, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, x) < 0)
		ok = fail(f, path, e, "attribute \"%s\" cannot be read (%s)", name, reason(why));
	attr_close(&a);
	return ok;
}

bool h5_attr_i64(h5 *f, const char *path, const char *name, int64_t *x, error *e)
{
	return attr_number(f, path, name, true, x, e);
}

bool h5_attr_f64(h5 *f, const char *path, const char *name, double *x, error *e)
{
	return attr_number(f, path, name, false, x, e);
}

/* All values of an open attribute as doubles, the first `max` of them copied; the length or -1. */
static int attr_values(const h5 *f, const char *path, const char *name, const struct attribute *a, double *x,
		       int max, error *e)
{
	char why[256];
	if (a->kind != 'i' && a->kind != 'f') {
		fail(f, path, e, "attribute \"%s\" is not a list of numbers", name);
		return -1;
	}
	double *all = mem_new((size_t)a->count, sizeof *all, e);
	int n = all ? (int)a->count : -1;
	if (n > 0 && H5Aread(a->id, H5T_NATIVE_DOUBLE, all) < 0) {
		fail(f, path, e, "attribute \"%s\" cannot be read (%s)", name, reason(why));
		n = -1;
	}
	if (n > 0)
		memcpy(x, all, (size_t)MIN(n, max) * sizeof *x);
	free(all);
	return n;
}

int h5_attr_array(h5 *f, const char *path, const char *name, double *x, int max, error *e)
{
	struct attribute a;
	quiet();
	if (!attr_open(f, path, name, &a, e))
		return -1;
	int n = attr_values(f, path, name, &a, x, max, e);
	attr_close(&a);
	return n;
}

bool h5_attr_exists(h5 *f, const char *path, const char *name)
{
	quiet();
	hid_t obj = object_open(f, path, NULL);
	if (obj < 0)
		return false;
	bool yes = H5Aexists(obj, name) > 0;
	H5Oclose(obj);
	return yes;
}

char h5_attr_kind(h5 *f, const char *path, const char *name)
{
	struct attribute a;
	quiet();
	if (!attr_open(f, path, name, &a, NULL))
		return 0;
	attr_close(&a);
	return a.kind;
}

/* Writes one value; an attribute of that name is replaced. The object must exist. */
static bool write_attr(h5 *f, const char *path, const char *name, hid_t stored, hid_t memory, const void *x, error *e)
{
	char why[256];
	must(f->writing, "%s is open for reading", f->path);
	hid_t obj = object_open(f, path, e), space = H5Screate(H5S_SCALAR), id = H5I_INVALID_HID;
	if (obj >= 0 && H5Aexists(obj, name) > 0)
		H5Adelete(obj, name);
	if (obj >= 0)
		id = H5Acreate2(obj, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
	bool ok = id >= 0 && H5Awrite(id, memory, x) >= 0;
	if (!ok && obj >= 0)
		fail(f, path, e, "attribute \"%s\" cannot be written (%s)", name, reason(why));
	f->failed = f->failed || !ok;
	H5Aclose(id);
	H5Sclose(space);
	H5Oclose(obj);
	return ok;
}

bool h5_attr_write_text(h5 *f, const char *path, const char *name, const char *text, error *e)
{
	quiet();
	size_t n = strlen(text);
	if (n > TEXT_MAX) {
		f->failed = true;
		return fail(f, path, e, "attribute \"%s\" of %zu bytes; %d are allowed", name, n, TEXT_MAX);
	}
	hid_t type = H5Tcopy(H5T_C_S1);
	bool ok = H5Tset_size(type, n ? n : 1) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
		  H5Tset_cset(type, H5T_CSET_UTF8) >= 0 && write_attr(f, path, name, type, type, text, e);
	H5Tclose(type);
	return ok;
}

bool h5_attr_write_i64(h5 *f, const char *path, const char *name, int64_t x, error *e)
{
	quiet();
	return write_attr(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &x, e);
}

bool h5_attr_write_f64(h5 *f, const char *path, const char *name, double x, error *e)
{
	quiet();
	return write_attr(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &x, e);
}
