/* h5.c - the functions of h5.h: each makes a record of its arguments, which a worker carries out (h5_call.h). */
#include "core/h5/h5.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/h5/h5_call.h"

struct h5 {
	char *path;                                  /* own; where it is, or will be */
	h5_worker *worker;                           /* own */
	file_draft *draft;                           /* own; of h5_create_large */
};

const char *const h5_type_name[H5_OTHER + 1] = {
	[H5_F16] = "float16", [H5_F32] = "float32", [H5_F64] = "float64", [H5_I8] = "int8", [H5_I16] = "int16",
	[H5_I32] = "int32", [H5_I64] = "int64", [H5_U8] = "uint8", [H5_U16] = "uint16", [H5_U32] = "uint32",
	[H5_U64] = "uint64", [H5_BOOL] = "bool", [H5_OTHER] = "no numbers",
};

bool h5_type_is_float(enum h5_type t)
{
	return t == H5_F16 || t == H5_F32 || t == H5_F64;
}

/* Eleven binary digits, the last one never below 2^-24. A whole number of last digits fits a double, and rint rounds
 * it to even. */
double h5_half(double x)
{
	int exponent;
	frexp(x, &exponent);
	const double last = ldexp(1, MAX(exponent - 11, -24)), y = rint(x / last) * last;
	return y > 65504 ? INFINITY : y < -65504 ? -INFINITY : y;
}

void h5_names_free(h5_names *n)
{
	for (int i = 0; i < n->n; i++)
		free(n->name[i]);
	free(n->name);
	*n = (h5_names){0, NULL};
}

/* ---- opening and closing ---- */

static h5 *begin(h5_call first, const char *path, file_draft *draft, fault *e)
{
	h5 *f = mem_zero(1, sizeof *f, e);
	if (f) {
		f->draft = draft;
		f->path = text_copy(path, e);
	}
	first.path = f ? f->path : NULL;
	if (f && f->path && (f->worker = h5_worker_new(&first, e)))
		return f;
	if (f)
		h5_close(f);
	else
		file_draft_free(draft);
	return NULL;
}

h5 *h5_open(const char *path, fault *e)
{
	return begin((h5_call){.op = H5_OP_OPEN}, path, NULL, e);
}

h5 *h5_open_image(const void *bytes, size_t n, const char *label, fault *e)
{
	return begin((h5_call){.op = H5_OP_OPEN_IMAGE, .in = bytes, .in_n = n}, label, NULL, e);
}

h5 *h5_create(const char *path, fault *e)
{
	return begin((h5_call){.op = H5_OP_CREATE}, path, NULL, e);
}

h5 *h5_create_large(const char *path, fault *e)
{
	file_draft *d = file_draft_new(path, e);
	if (!d)
		return NULL;
	return begin((h5_call){.op = H5_OP_CREATE_AT, .name = file_draft_path(d)}, path, d, e);
}

void h5_close(h5 *f)
{
	if (!f)
		return;
	h5_worker_free(f->worker);
	file_draft_free(f->draft);
	free(f->path);
	free(f);
}

bool h5_finish(h5 *f, void **bytes, size_t *n, fault *e)
{
	h5_call c = {.op = H5_OP_FINISH};
	const bool ok = h5_worker_do(f->worker, &c, e);
	*bytes = c.made;
	*n = c.made_n;
	h5_close(f);
	return ok;
}

/* The worker is gone before the file is put in place. */
static bool put_in_place(h5 *f, const h5_call *c, fault *e)
{
	file_draft *d = f->draft;
	f->draft = NULL;
	h5_worker_free(f->worker);
	f->worker = NULL;
	return d ? file_draft_commit(d, e) : file_replace(f->path, c->made, c->made_n, e);
}

bool h5_commit(h5 *f, fault *e)
{
	h5_call c = {.op = H5_OP_FINISH};
	const bool ok = h5_worker_do(f->worker, &c, e) && put_in_place(f, &c, e);
	free(c.made);
	h5_close(f);
	return ok;
}

/* ---- groups ---- */

bool h5_exists(h5 *f, const char *path)
{
	h5_call c = {.op = H5_OP_EXISTS, .path = path};
	return h5_worker_do(f->worker, &c, NULL) && c.whole;
}

bool h5_answers(const h5 *f, fault *e)
{
	return h5_worker_answers(f->worker, e);
}

bool h5_group(h5 *f, const char *path, fault *e)
{
	return h5_worker_do(f->worker, &(h5_call){.op = H5_OP_GROUP, .path = path}, e);
}

bool h5_list(h5 *f, const char *path, h5_names *out, fault *e)
{
	h5_call c = {.op = H5_OP_LIST, .path = path};
	*out = (h5_names){0, NULL};
	const bool ok = h5_worker_do(f->worker, &c, e) && h5_answer_names(&c, out, e);
	free(c.made);
	return ok;
}

bool h5_stat(h5 *f, const char *path, h5_info *out, fault *e)
{
	h5_call c = {.op = H5_OP_STAT, .path = path};
	const bool ok = h5_worker_do(f->worker, &c, e);
	*out = ok ? c.info : (h5_info){.type = H5_OTHER};
	return ok;
}

bool h5_walk(h5 *f, const char *group, int depth, h5_tree *out, fault *e)
{
	h5_call c = {.op = H5_OP_WALK, .path = group, .lo = depth};
	*out = (h5_tree){0, NULL};
	const bool ok = h5_worker_do(f->worker, &c, e) && h5_answer_members(&c, out, e);
	free(c.made);
	return ok;
}

void h5_tree_free(h5_tree *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->at[i].path);
	free(t->at);
	*t = (h5_tree){0, NULL};
}

/* ---- reading ---- */

static void read_ahead(h5 *f, enum h5_op op, const char *path, int64_t count, size_t size)
{
	h5_worker_ahead(f->worker, &(h5_call){.op = op, .path = path, .count = count, .out_n = (size_t)count * size});
}

void h5_ahead_real(h5 *f, const char *path, int64_t count)
{
	read_ahead(f, H5_OP_READ_REAL, path, count, sizeof(real));
}

void h5_ahead_f64(h5 *f, const char *path, int64_t count)
{
	read_ahead(f, H5_OP_READ_F64, path, count, sizeof(double));
}

void h5_ahead_i64(h5 *f, const char *path, int64_t count)
{
	read_ahead(f, H5_OP_READ_I64, path, count, sizeof(int64_t));
}

static bool read_numbers(h5 *f, h5_call c, void *x, int64_t count, size_t size, fault *e)
{
	c.out = x;
	c.count = count;
	c.out_n = (size_t)count * size;
	return h5_worker_do(f->worker, &c, e);
}

bool h5_read_real(h5 *f, const char *path, real *x, int64_t count, fault *e)
{
	return read_numbers(f, (h5_call){.op = H5_OP_READ_REAL, .path = path}, x, count, sizeof *x, e);
}

bool h5_read_f64(h5 *f, const char *path, double *x, int64_t count, fault *e)
{
	return read_numbers(f, (h5_call){.op = H5_OP_READ_F64, .path = path}, x, count, sizeof *x, e);
}

bool h5_read_i64(h5 *f, const char *path, int64_t *x, int64_t count, fault *e)
{
	return read_numbers(f, (h5_call){.op = H5_OP_READ_I64, .path = path}, x, count, sizeof *x, e);
}

static h5_call rows(enum h5_op op, const char *path, int64_t lo, int64_t hi)
{
	must(lo >= 0 && lo <= hi, "rows %lld to %lld of %s", (long long)lo, (long long)hi, path);
	return (h5_call){.op = op, .path = path, .lo = lo, .n = hi - lo};
}

bool h5_read_rows_u8(h5 *f, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e)
{
	return read_numbers(f, rows(H5_OP_ROWS_U8, path, lo, hi), x, count, sizeof *x, e);
}

bool h5_read_rows_real(h5 *f, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e)
{
	return read_numbers(f, rows(H5_OP_ROWS_REAL, path, lo, hi), x, count, sizeof *x, e);
}

bool h5_read_rows_f64(h5 *f, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e)
{
	return read_numbers(f, rows(H5_OP_ROWS_F64, path, lo, hi), x, count, sizeof *x, e);
}

/* ---- writing ---- */

static bool write_numbers(h5 *f, enum h5_op op, const char *path, shape s, const void *x, size_t size, fault *e)
{
	h5_call c = {.op = op, .path = path, .s = s, .in = x, .in_n = (size_t)shape_count(&s) * size};
	return h5_worker_do(f->worker, &c, e);
}

bool h5_write_f32(h5 *f, const char *path, shape s, const real *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_F32, path, s, x, sizeof *x, e);
}

bool h5_write_i32(h5 *f, const char *path, shape s, const real *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_I32, path, s, x, sizeof *x, e);
}

bool h5_write_f16(h5 *f, const char *path, shape s, const real *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_F16, path, s, x, sizeof *x, e);
}

bool h5_write_real(h5 *f, const char *path, shape s, const real *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_REAL, path, s, x, sizeof *x, e);
}

bool h5_write_f64(h5 *f, const char *path, shape s, const double *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_F64, path, s, x, sizeof *x, e);
}

bool h5_write_u8(h5 *f, const char *path, shape s, const uint8_t *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_U8, path, s, x, sizeof *x, e);
}

bool h5_write_i64(h5 *f, const char *path, shape s, const int64_t *x, fault *e)
{
	return write_numbers(f, H5_OP_WRITE_I64, path, s, x, sizeof *x, e);
}

bool h5_rows_u8(h5 *f, const char *path, shape s, fault *e)
{
	return h5_worker_do(f->worker, &(h5_call){.op = H5_OP_NEW_ROWS_U8, .path = path, .s = s}, e);
}

bool h5_rows_f32(h5 *f, const char *path, shape s, fault *e)
{
	return h5_worker_do(f->worker, &(h5_call){.op = H5_OP_NEW_ROWS_F32, .path = path, .s = s}, e);
}

bool h5_rows_i32(h5 *f, const char *path, shape s, fault *e)
{
	return h5_worker_do(f->worker, &(h5_call){.op = H5_OP_NEW_ROWS_I32, .path = path, .s = s}, e);
}

static bool fill_rows(h5 *f, h5_call c, const void *x, size_t size, fault *e)
{
	c.in = x;
	c.in_n = (size_t)c.count * size;
	return h5_worker_do(f->worker, &c, e);
}

bool h5_fill_u8(h5 *f, const char *path, int64_t lo, int64_t n, const uint8_t *x, int64_t count, fault *e)
{
	return fill_rows(f, (h5_call){.op = H5_OP_FILL_U8, .path = path, .lo = lo, .n = n, .count = count}, x,
		sizeof *x, e);
}

bool h5_fill_real(h5 *f, const char *path, int64_t lo, int64_t n, const real *x, int64_t count, fault *e)
{
	return fill_rows(f, (h5_call){.op = H5_OP_FILL_REAL, .path = path, .lo = lo, .n = n, .count = count}, x,
		sizeof *x, e);
}

/* ---- attributes ---- */

char *h5_attr_text_new(h5 *f, const char *path, const char *name, fault *e)
{
	h5_call c = {.op = H5_OP_TEXT, .path = path, .name = name};
	return h5_worker_do(f->worker, &c, e) ? c.made : NULL;
}

bool h5_attr_text(h5 *f, const char *path, const char *name, char *out, size_t size, fault *e)
{
	char *text = h5_attr_text_new(f, path, name, e);
	if (!text)
		return false;
	const size_t length = strlen(text);
	const bool ok = length < size || fault_set(e, "%s: %s: attribute \"%s\" has %zu bytes, at most %zu are "
		"expected", f->path, path, name, length, size - 1);
	if (ok)
		memcpy(out, text, length + 1);
	free(text);
	return ok;
}

bool h5_attr_i64(h5 *f, const char *path, const char *name, int64_t *x, fault *e)
{
	h5_call c = {.op = H5_OP_I64, .path = path, .name = name};
	const bool ok = h5_worker_do(f->worker, &c, e);
	if (ok)
		*x = c.whole;
	return ok;
}

bool h5_attr_f64(h5 *f, const char *path, const char *name, double *x, fault *e)
{
	h5_call c = {.op = H5_OP_F64, .path = path, .name = name};
	const bool ok = h5_worker_do(f->worker, &c, e);
	if (ok)
		*x = c.number;
	return ok;
}

bool h5_attr_exists(h5 *f, const char *path, const char *name)
{
	h5_call c = {.op = H5_OP_HAS, .path = path, .name = name};
	return h5_worker_do(f->worker, &c, NULL) && c.whole;
}

char h5_attr_kind(h5 *f, const char *path, const char *name)
{
	h5_call c = {.op = H5_OP_KIND, .path = path, .name = name};
	return h5_worker_do(f->worker, &c, NULL) ? (char)c.whole : 0;
}

bool h5_attr_texts(h5 *f, const char *path, const char *name, h5_names *out, fault *e)
{
	h5_call c = {.op = H5_OP_TEXTS, .path = path, .name = name};
	*out = (h5_names){0, NULL};
	const bool ok = h5_worker_do(f->worker, &c, e) && h5_answer_names(&c, out, e);
	free(c.made);
	return ok;
}

static bool write_text(h5 *f, enum h5_op op, const char *path, const char *name, const char *text, fault *e)
{
	h5_call c = {.op = op, .path = path, .name = name, .in = text, .in_n = strlen(text) + 1};
	return h5_worker_do(f->worker, &c, e);
}

bool h5_attr_write_text(h5 *f, const char *path, const char *name, const char *text, fault *e)
{
	return write_text(f, H5_OP_WRITE_TEXT, path, name, text, e);
}

bool h5_attr_write_ascii(h5 *f, const char *path, const char *name, const char *text, fault *e)
{
	return write_text(f, H5_OP_WRITE_ASCII, path, name, text, e);
}

bool h5_attr_write_texts(h5 *f, const char *path, const char *name, int n, const char *const *text, fault *e)
{
	size_t size = 0, at = 0;
	for (int i = 0; i < n; i++)
		size += strlen(text[i]) + 1;
	char *all = mem_new(size, 1, e);
	for (int i = 0; all && i < n; at += strlen(text[i]) + 1, i++)
		memcpy(all + at, text[i], strlen(text[i]) + 1);
	h5_call c = {.op = H5_OP_WRITE_TEXTS, .path = path, .name = name, .n = n, .in = all, .in_n = size};
	const bool ok = all && h5_worker_do(f->worker, &c, e);
	free(all);
	return ok;
}

bool h5_attr_write_i64(h5 *f, const char *path, const char *name, int64_t x, fault *e)
{
	return h5_worker_do(f->worker,
		&(h5_call){.op = H5_OP_WRITE_ONE_I64, .path = path, .name = name, .whole = x}, e);
}

bool h5_attr_write_f64(h5 *f, const char *path, const char *name, double x, fault *e)
{
	return h5_worker_do(f->worker,
		&(h5_call){.op = H5_OP_WRITE_ONE_F64, .path = path, .name = name, .number = x}, e);
}
