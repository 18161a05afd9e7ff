/* hdf.c - HDF5 itself: errors, opening, closing. Reading is in hdf_path.c, hdf_read.c and hdf_attr.c (nothing
 * that a file says about itself is believed before it is checked), writing in hdf_write.c and hdf_attr.c
 * (into memory; h5.c puts it on disk).
 *
 * Written files have version 1.8 metadata, which carries checksums, no times, and creation order
 * on groups and attributes: equal calls give equal bytes. */
#include "core/base/local.h"
#include "core/base/file.h"
#include "core/h5/hdf_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { GROW = 1 << 20 };                             /* step of the image in memory */

/* ---- errors ---- */

bool hdf_fail(const hdf *f, const char *path, fault *e, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fault_set(e, "%s: %s: %s", f->path, path, text);
}

/* Of memory, or of a call of the system that failed ("errno = 5, error message = 'Input/output error'"): the file is
 * not to blame. */
static bool is_now(const H5E_error2_t *err, char text[REASON])
{
	static const char head[] = "error message = '";
	const char *of_system = err->desc ? strstr(err->desc, head) : NULL;
	if (err->min_num == H5E_NOSPACE)
		snprintf(text, REASON, "out of memory");
	else if (of_system)
		snprintf(text, REASON, FAULT_NOW ": %.*s", (int)strcspn(of_system + sizeof head - 1, "'"),
			of_system + sizeof head - 1);
	return err->min_num == H5E_NOSPACE || of_system;
}

static herr_t now_reason(unsigned n, const H5E_error2_t *err, void *text)
{
	(void)n;
	is_now(err, text);
	return 0;
}

static herr_t first_reason(unsigned n, const H5E_error2_t *err, void *text)
{
	if (!is_now(err, text) && n == 0 && err->desc)
		snprintf(text, REASON, "%s", err->desc);
	return 0;
}

const char *hdf_reason(char text[REASON])
{
	snprintf(text, REASON, "unknown HDF5 error");
	H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, text);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return text;
}

/* Kept of every call that fails, since most of them are also the answer "no" to a question. */
static char now[REASON];

static herr_t note(hid_t stack, void *ctx)
{
	(void)ctx;
	H5Ewalk2(stack, H5E_WALK_UPWARD, now_reason, now);
	return 0;
}

bool hdf_now(char text[REASON])
{
	memcpy(text, now, REASON);
	now[0] = '\0';
	return text[0];
}

bool hdf_no_answer(const hdf *f, const char *path, const char *why, fault *e)
{
	return hdf_fail(f, path ? path : "/", e, "%s", why);
}

static bool begun;                                   /* without memory it does not begin, and then says so of no file */

static void library_start(void)
{
	begun = H5open() >= 0;
	/* At exit the library would flush and report what is long decided; it has crashed there. */
	H5dont_atexit();
	H5PLset_loading_state(0);                    /* no filter or driver code from the file's wishes */
}

void hdf_quiet(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, library_start);
	H5Eset_auto2(H5E_DEFAULT, note, NULL);
}

bool hdf_begin(const char *path, fault *e)
{
	hdf_quiet();
	return begun || fault_at(e, path, "out of memory: HDF5 does not begin");
}

/* ---- opening ---- */

static hdf *hdf_new(const char *path, fault *e)
{
	hdf *f = mem_zero(1, sizeof *f, e);
	if (!f)
		return NULL;
	f->file = f->group_id = H5I_INVALID_HID;
	f->path = text_copy(path, e);
	if (!f->path) {
		free(f);
		return NULL;
	}
	return f;
}

void hdf_close(hdf *f)
{
	if (!f)
		return;
	hdf_quiet();
	hdf_let_go(f);
	if (f->file >= 0)
		H5Fclose(f->file);
	if (f->writing)
		free(f->image);
	free(f->copy);
	free(f->path);
	free(f);
}

/* The library waits for ever where a path is a pipe, and where a file of /proc only says that it is regular: a byte is
 * read before it is asked. It also calls everything that goes wrong an error of the format. */
static FILE *look_at(const char *path, uint64_t *size, fault *e)
{
	struct stat st;
	FILE *f = file_open_read(path, e);
	if (!f)
		return NULL;
	(void)getc(f);
	if (!ferror(f) && fstat(fileno(f), &st) == 0) {
		*size = (uint64_t)st.st_size;
		return f;
	}
	fault_read(e, path);
	fclose(f);
	return NULL;
}

/* Access to a file on the disk, which the library locks (flock), or does not. A library that has no property for that
 * asks the environment at each opening. */
static hid_t disk_access(bool locks)
{
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	bool ok = fapl >= 0 && H5Pset_fclose_degree(fapl, H5F_CLOSE_SEMI) >= 0;
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 11, 0))
	ok = ok && (locks || H5Pset_file_locking(fapl, false, true) >= 0);
#else
	ok = ok && (locks || setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1) == 0);
#endif
	if (ok)
		return fapl;
	H5Pclose(fapl);
	return H5I_INVALID_HID;
}

/* Some network file systems refuse every lock, and the library then every file. Where locks work it takes one: what
 * another program is writing is not read half written. */
static bool has_locks(FILE *f)
{
	const bool taken = flock(fileno(f), LOCK_SH | LOCK_NB) == 0, by_another = !taken && errno == EWOULDBLOCK;
	if (taken)
		flock(fileno(f), LOCK_UN);
	return taken || by_another;
}

static bool open_named(hdf *f, bool locks, fault *e)
{
	char why[REASON];
	hid_t fapl = disk_access(locks);
	f->file = H5Fopen(f->path, H5F_ACC_RDONLY, fapl);
	if (f->file < 0)
		fault_set(e, "%s: not a readable HDF5 file (%s)", f->path, hdf_reason(why));
	H5Pclose(fapl);
	return f->file >= 0;
}

/* A file that was removed since it was opened has no name, and the library opens names only: a copy of it. */
static hdf *open_removed(FILE *from, const char *path, uint64_t size, fault *e)
{
	void *bytes = mem_new(size, 1, e);
	const bool whole = bytes && fseek(from, 0, SEEK_SET) == 0 && fread(bytes, 1, size, from) == size;
	if (bytes && !whole && ferror(from))
		fault_read(e, path);
	else if (bytes && !whole)
		fault_at(e, path, FAULT_NOW ": it changes");
	hdf *f = whole ? hdf_open_image(bytes, size, path, e) : NULL;
	if (f)
		f->copy = bytes;
	else
		free(bytes);
	return f;
}

static bool is_removed(FILE *f)
{
	struct stat st;
	return fstat(fileno(f), &st) == 0 && st.st_nlink == 0;
}

hdf *hdf_open(const char *path, fault *e)
{
	hdf_quiet();
	uint64_t size;
	FILE *here = look_at(path, &size, e);
	if (!here)
		return NULL;
	hdf *f = hdf_new(path, e);
	if (f)
		f->size = size;
	if (f && !open_named(f, has_locks(here), e)) {
		hdf_close(f);
		f = is_removed(here) ? open_removed(here, path, size, e) : NULL;
	}
	fclose(here);
	return f;
}

/* The core driver asks for copies of an image through these; here it gets the caller's bytes. */
static void *borrow_malloc(size_t n, H5FD_file_image_op_t op, void *ctx)
{
	(void)op;
	hdf *f = ctx;
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
	hdf *f = ctx;
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
	hdf *f = ctx;
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

/* Access list of a file that lives in memory only. Bounds of the version are the writer's: they would keep a newer file
 * from being read. */
static hid_t memory_access(H5FD_file_image_callbacks_t *calls)
{
	calls->udata_copy = same_ctx;
	calls->udata_free = keep_ctx;
	hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
	bool ok = fapl >= 0 && H5Pset_fapl_core(fapl, GROW, 0) >= 0 &&
		  H5Pset_fclose_degree(fapl, H5F_CLOSE_SEMI) >= 0 &&
		  H5Pset_file_image_callbacks(fapl, calls) >= 0;
	if (ok)
		return fapl;
	H5Pclose(fapl);
	return H5I_INVALID_HID;
}

/* Two files in memory with one name would be taken for the same file. */
static void memory_name(const hdf *f, char name[32])
{
	snprintf(name, 32, "memory-%p", (const void *)f);
}

hdf *hdf_open_image(const void *bytes, size_t n, const char *label, fault *e)
{
	hdf_quiet();
	char why[REASON], name[32];
	hdf *f = hdf_new(label, e);
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
		fault_set(e, "%s: not a readable HDF5 file (%s)", label, n ? hdf_reason(why) : "it is empty");
	H5Pclose(fapl);
	if (f->file < 0) {
		hdf_close(f);
		return NULL;
	}
	return f;
}

hdf *hdf_create(const char *path, fault *e)
{
	hdf_quiet();
	char why[REASON], name[32];
	hdf *f = hdf_new(path, e);
	if (!f)
		return NULL;
	f->writing = true;
	memory_name(f, name);
	H5FD_file_image_callbacks_t calls = {own_malloc, own_memcpy, own_realloc, own_free, NULL, NULL, f};
	hid_t fapl = memory_access(&calls);
	hid_t fcpl = hdf_creation_list(H5P_FILE_CREATE);
	if (fapl >= 0 && fcpl >= 0 && H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
		f->file = H5Fcreate(name, H5F_ACC_TRUNC, fcpl, fapl);
	if (f->file < 0)
		fault_set(e, "%s: cannot prepare an HDF5 file in memory (%s)", path, hdf_reason(why));
	H5Pclose(fcpl);
	H5Pclose(fapl);
	if (f->file < 0) {
		hdf_close(f);
		return NULL;
	}
	return f;
}

hdf *hdf_create_at(const char *label, const char *path, fault *e)
{
	hdf_quiet();
	char why[REASON];
	hdf *f = hdf_new(label, e);
	if (!f)
		return NULL;
	f->writing = f->on_disk = true;
	/* It is ours alone, and locked (temporary.h): NFS takes the library's lock for one that conflicts with that. */
	hid_t fapl = disk_access(false), fcpl = hdf_creation_list(H5P_FILE_CREATE);
	if (fapl >= 0 && fcpl >= 0 && H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
		f->file = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
	H5Pclose(fcpl);
	H5Pclose(fapl);
	if (f->file >= 0)
		return f;
	fault_set(e, "%s: cannot begin an HDF5 file (%s)", label, hdf_reason(why));
	hdf_close(f);
	return NULL;
}

bool hdf_finish(hdf *f, void **bytes, size_t *n, fault *e)
{
	char why[REASON];
	hdf_quiet();
	must(f->writing, "commit of %s, which is open for reading", f->path);
	if (f->failed)
		return fault_set(e, "%s: not written, because an earlier part failed", f->path);
	hdf_let_go(f);
	bool ok = H5Fflush(f->file, H5F_SCOPE_GLOBAL) >= 0;
	const ssize_t size = !ok || f->on_disk ? 0 : H5Fget_file_image(f->file, NULL, 0);
	must(!ok || H5Fget_obj_count(f->file, H5F_OBJ_ALL) == 1, "%s: an object is still open", f->path);
	ok = ok && size >= 0;
	if (H5Fclose(f->file) < 0 || !ok)            /* the library writes until then */
		ok = fault_set(e, "%s: cannot finish the file (%s)", f->path, hdf_reason(why));
	f->file = H5I_INVALID_HID;
	*bytes = ok ? f->image : NULL;
	*n = ok ? (size_t)size : 0;
	return ok;
}
