/* h5.h - HDF5 in one place: only the files of core/h5 know hdf5.h and its error stack.
 *
 * Reading is defensive: names, ranks, types and sizes are checked before memory is taken; soft
 * and external links, user-defined filters and object headers that lie end in one line. Writing is
 * into an image in memory, written to a temporary file, synced and renamed: a reader never sees half
 * a file, and a failure leaves the old one untouched.
 *
 * The library itself runs in a child process, one for each open file: libhdf5 1.10 dies of some damaged files, and of
 * many a failed allocation. Then the next call fails with a line, and the caller's memory is untouched. */
#ifndef SAGAN_CORE_H5_H5_H
#define SAGAN_CORE_H5_H5_H

#include "core/base/base.h"

typedef struct h5 h5;

/* Opens for reading. new/free (h5_close). The message begins with the path. */
h5 *h5_open(const char *path, fault *e);
/* Opens a file image held in memory (borrow until closed). */
h5 *h5_open_image(const void *bytes, size_t n, const char *label, fault *e);
/* A new file in memory; h5_commit writes it to path (temporary file, fsync, rename, fsync of the
 * directory) and closes it whether or not that succeeds. Bytes are deterministic: no times. */
h5 *h5_create(const char *path, fault *e);
bool h5_commit(h5 *f, fault *e);
/* The same, but the bytes are handed over instead: *bytes [*n], new/free. The file is closed. */
bool h5_finish(h5 *f, void **bytes, size_t *n, fault *e);
void h5_close(h5 *f);                                /* NULL allowed; an uncommitted file vanishes */

/* Groups are made as needed by the writers. Paths are "/a/b/c".
 * Questions (h5_exists, h5_attr_exists, h5_attr_kind) say no also where there is no answer: no memory, a disk that
 * fails, a reader that was killed. Then every later call on f fails, and h5_answers: who concludes something from a
 * "no" without another call asks that first. */
bool h5_exists(h5 *f, const char *path);
bool h5_answers(const h5 *f, fault *e);              /* false with e set: one had no answer */
bool h5_group(h5 *f, const char *path, fault *e);    /* makes a group (and its parents) */
/* Names of the members of a group, in creation order if it was kept, else by name; at most 2^20. */
typedef struct h5_names {
	int n;
	char **name;
} h5_names;
bool h5_list(h5 *f, const char *path, h5_names *out, fault *e);
void h5_names_free(h5_names *n);

enum h5_type {
	H5_F16, H5_F32, H5_F64, H5_I8, H5_I16, H5_I32, H5_I64, H5_U8, H5_U16, H5_U32, H5_U64,
	H5_BOOL,                                     /* h5py's: FALSE and TRUE in a byte */
	H5_OTHER
};
/* As numpy calls them: "float32". */
extern const char *const h5_type_name[H5_OTHER + 1];
bool h5_type_is_float(enum h5_type t);
typedef struct h5_info {
	bool is_group;
	enum h5_type type;                           /* as stored */
	shape s;                                     /* rank > RANK_MAX is refused */
} h5_info;
bool h5_stat(h5 *f, const char *path, h5_info *out, fault *e);

/* All that is below a group, at most `depth` groups deep (deeper ones are an error): each group before its members, in
 * the order of h5_list. One call, where lists and questions would be one for each. */
typedef struct h5_member {
	char *path;
	h5_info info;
} h5_member;
typedef struct h5_tree {
	int n;
	h5_member *at;
} h5_tree;
bool h5_walk(h5 *f, const char *group, int depth, h5_tree *out, fault *e);
void h5_tree_free(h5_tree *t);

/* Whole data set as real, double or int64, converted by value; `count` must equal the number
 * of elements in the file (checked before reading). A value out of range is an error, and so are
 * floating-point numbers where whole ones are asked. */
bool h5_read_real(h5 *f, const char *path, real *x, int64_t count, fault *e);
bool h5_read_f64(h5 *f, const char *path, double *x, int64_t count, fault *e);
bool h5_read_i64(h5 *f, const char *path, int64_t *x, int64_t count, fault *e);
/* What will be read next, after what was said before, by h5_read_real and its kin: the library begins with it while the
 * caller does something else. At most H5_AHEAD at a time; more are left out. The path must stay until it is read. A
 * read of something else is right as always, and costs the time of what was begun. */
enum { H5_AHEAD = 32 };
void h5_ahead_real(h5 *f, const char *path, int64_t count);
void h5_ahead_f64(h5 *f, const char *path, int64_t count);
void h5_ahead_i64(h5 *f, const char *path, int64_t count);
/* Rows [lo,hi) of the first axis, for data sets that do not fit. `count` as above, for the rows. */
bool h5_read_rows_u8(h5 *f, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e);
bool h5_read_rows_real(h5 *f, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e);
bool h5_read_rows_f64(h5 *f, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e);

/* For other programs: float32 and int32 whatever `real` is; a value that int32 cannot hold is an error. */
bool h5_write_f32(h5 *f, const char *path, shape s, const real *x, fault *e);
bool h5_write_i32(h5 *f, const char *path, shape s, const real *x, fault *e);
/* float16, deflated, for small files. The numbers must be ones that it can hold (h5_half); another is an error. */
bool h5_write_f16(h5 *f, const char *path, shape s, const real *x, fault *e);
/* The nearest number that float16 can hold, of two equally near the even one; beyond 65504 infinity. */
double h5_half(double x);

/* A file that grows on the disk instead of in memory, for data larger than that; h5_commit puts it in place. Its data
 * sets are made whole by h5_rows_*, of shape s, and then filled from row lo on, [n,..], `count` numbers in all. */
h5 *h5_create_large(const char *path, fault *e);
bool h5_rows_u8(h5 *f, const char *path, shape s, fault *e);
bool h5_rows_f32(h5 *f, const char *path, shape s, fault *e);
bool h5_rows_i32(h5 *f, const char *path, shape s, fault *e);
bool h5_fill_u8(h5 *f, const char *path, int64_t lo, int64_t n, const uint8_t *x, int64_t count, fault *e);
bool h5_fill_real(h5 *f, const char *path, int64_t lo, int64_t n, const real *x, int64_t count, fault *e);

/* A writer that fails marks the file: h5_commit then refuses, so results need checking only once. */
bool h5_write_real(h5 *f, const char *path, shape s, const real *x, fault *e);
bool h5_write_f64(h5 *f, const char *path, shape s, const double *x, fault *e);
bool h5_write_u8(h5 *f, const char *path, shape s, const uint8_t *x, fault *e);
bool h5_write_i64(h5 *f, const char *path, shape s, const int64_t *x, fault *e);

/* Attributes of a group or data set. Texts: fixed-length or variable, NUL-padded or not; the result
 * is terminated. Readers return false when the attribute is missing, of another kind, or a text of
 * more than size-1 bytes. */
bool h5_attr_text(h5 *f, const char *path, const char *name, char *out, size_t size, fault *e);
/* The whole text, where it is stored with a fixed length at most 64 MiB; new/free: free(). NULL with e set. */
char *h5_attr_text_new(h5 *f, const char *path, const char *name, fault *e);
bool h5_attr_i64(h5 *f, const char *path, const char *name, int64_t *x, fault *e);
bool h5_attr_f64(h5 *f, const char *path, const char *name, double *x, fault *e);
bool h5_attr_exists(h5 *f, const char *path, const char *name);
/* Kind of an attribute: 'i', 'f', 's' or 0. */
char h5_attr_kind(h5 *f, const char *path, const char *name);
bool h5_attr_write_text(h5 *f, const char *path, const char *name, const char *text, fault *e);
/* As Keras wants texts: ASCII, NUL-padded. A list that is wider than 64,512 bytes becomes name0, name1, ..
 * of nearly equal length (one text wider than that is an error). */
bool h5_attr_write_ascii(h5 *f, const char *path, const char *name, const char *text, fault *e);
bool h5_attr_write_texts(h5 *f, const char *path, const char *name, int n, const char *const *text, fault *e);
/* And back: the list `name`, else name0, name1, .. together; an empty list of any type counts. False with
 * e set when there is neither. Free with h5_names_free. */
bool h5_attr_texts(h5 *f, const char *path, const char *name, h5_names *out, fault *e);
bool h5_attr_write_i64(h5 *f, const char *path, const char *name, int64_t x, fault *e);
bool h5_attr_write_f64(h5 *f, const char *path, const char *name, double x, fault *e);

#endif
