/* hdf.h - HDF5 in this process: what the functions of h5.h do, where they do it (h5_call.c says where that is).
 *
 * Each is that of h5.h with its name; texts and lists are the same. */
#ifndef SAGAN_CORE_H5_HDF_H
#define SAGAN_CORE_H5_HDF_H

#include "core/h5/h5.h"

typedef struct hdf hdf;

hdf *hdf_open(const char *path, fault *e);           /* new/free (hdf_close) */
hdf *hdf_open_image(const void *bytes, size_t n, const char *label, fault *e);
hdf *hdf_create(const char *label, fault *e);
/* A file on the disk, at `path`, instead of in memory. */
hdf *hdf_create_at(const char *label, const char *path, fault *e);
/* The file is complete: *bytes [*n], owned by f until hdf_close; NULL and 0 of a file on the disk. */
bool hdf_finish(hdf *f, void **bytes, size_t *n, fault *e);
void hdf_close(hdf *f);                              /* NULL allowed */

/* Before a file is opened; false with e set: the library cannot be had. */
bool hdf_begin(const char *path, fault *e);

/* Whether a call of the library has failed since this was last asked for want of memory, or since a call of the system
 * failed, and how that is said. Then "no" is no answer of the file. */
enum { REASON = 256 };
bool hdf_now(char text[REASON]);
bool hdf_no_answer(const hdf *f, const char *path, const char *why, fault *e);       /* says so; false */

bool hdf_exists(hdf *f, const char *path);
bool hdf_group(hdf *f, const char *path, fault *e);
bool hdf_list(hdf *f, const char *path, h5_names *out, fault *e);
bool hdf_stat(hdf *f, const char *path, h5_info *out, fault *e);
/* `take` is called for each member as h5_walk lists them; it returns false, with e set, to end that. */
typedef bool (*hdf_take)(void *ctx, const char *path, const h5_info *info, fault *e);
bool hdf_walk(hdf *f, const char *group, int depth, hdf_take take, void *ctx, fault *e);

bool hdf_read_real(hdf *f, const char *path, real *x, int64_t count, fault *e);
bool hdf_read_f64(hdf *f, const char *path, double *x, int64_t count, fault *e);
bool hdf_read_i64(hdf *f, const char *path, int64_t *x, int64_t count, fault *e);
bool hdf_read_rows_u8(hdf *f, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e);
bool hdf_read_rows_real(hdf *f, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e);
bool hdf_read_rows_f64(hdf *f, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e);

bool hdf_write_f32(hdf *f, const char *path, shape s, const real *x, fault *e);
bool hdf_write_i32(hdf *f, const char *path, shape s, const real *x, fault *e);
bool hdf_write_f16(hdf *f, const char *path, shape s, const real *x, fault *e);
bool hdf_write_real(hdf *f, const char *path, shape s, const real *x, fault *e);
bool hdf_write_f64(hdf *f, const char *path, shape s, const double *x, fault *e);
bool hdf_write_u8(hdf *f, const char *path, shape s, const uint8_t *x, fault *e);
bool hdf_write_i64(hdf *f, const char *path, shape s, const int64_t *x, fault *e);

bool hdf_rows_u8(hdf *f, const char *path, shape s, fault *e);
bool hdf_rows_f32(hdf *f, const char *path, shape s, fault *e);
bool hdf_rows_i32(hdf *f, const char *path, shape s, fault *e);
bool hdf_fill_u8(hdf *f, const char *path, int64_t lo, int64_t n, const uint8_t *x, int64_t count, fault *e);
bool hdf_fill_real(hdf *f, const char *path, int64_t lo, int64_t n, const real *x, int64_t count, fault *e);

char *hdf_attr_text_new(hdf *f, const char *path, const char *name, fault *e);
bool hdf_attr_i64(hdf *f, const char *path, const char *name, int64_t *x, fault *e);
bool hdf_attr_f64(hdf *f, const char *path, const char *name, double *x, fault *e);
bool hdf_attr_texts(hdf *f, const char *path, const char *name, h5_names *out, fault *e);
bool hdf_attr_exists(hdf *f, const char *path, const char *name);
char hdf_attr_kind(hdf *f, const char *path, const char *name);
bool hdf_attr_write_text(hdf *f, const char *path, const char *name, const char *text, fault *e);
bool hdf_attr_write_ascii(hdf *f, const char *path, const char *name, const char *text, fault *e);
bool hdf_attr_write_texts(hdf *f, const char *path, const char *name, int n, const char *const *text, fault *e);
bool hdf_attr_write_i64(hdf *f, const char *path, const char *name, int64_t x, fault *e);
bool hdf_attr_write_f64(hdf *f, const char *path, const char *name, double x, fault *e);

#endif
