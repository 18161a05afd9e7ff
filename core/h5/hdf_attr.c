/* hdf_attr.c - attributes: single values, lists, and the lists of texts in pieces that Keras keeps. */
#include "core/base/local.h"
#include "core/h5/hdf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct attribute {
	const hdf *f;                                /* borrow, as the two texts */
	const char *path, *name;
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

/* What the library says; false. Not where memory is out, which e says then: the file may be good. */
static bool unreadable(const struct attribute *a, fault *e)
{
	char why[REASON];
	return hdf_fail(a->f, a->path, e, "attribute \"%s\" cannot be read (%s)", a->name, hdf_reason(why));
}

static bool attr_check(struct attribute *a, fault *e)
{
	if (H5Aexists(a->obj, a->name) <= 0)
		return hdf_fail(a->f, a->path, e, "has no attribute \"%s\"", a->name);
	a->id = H5Aopen(a->obj, a->name, H5P_DEFAULT);
	if (a->id < 0)
		return unreadable(a, e);
	a->type = H5Aget_type(a->id);
	a->space = H5Aget_space(a->id);
	a->kind = kind_of(a->type);
	a->width = H5Tget_size(a->type);
	hssize_t count = H5Sget_simple_extent_npoints(a->space);
	if (count < 0 || count > LIST_MAX || H5Sget_simple_extent_ndims(a->space) > RANK_MAX)
		return hdf_fail(a->f, a->path, e, "attribute \"%s\" is no single value or short list", a->name);
	a->count = (int64_t)count;
	return true;
}

static bool attr_open(hdf *f, const char *path, const char *name, struct attribute *a, fault *e)
{
	*a = (struct attribute){f, path, name, .obj = hdf_object(f, path, e), .id = -1, .type = -1, .space = -1};
	if (a->obj < 0)
		return false;
	bool ok = attr_check(a, e);
	if (!ok)
		attr_close(a);
	return ok;
}

/* A fixed-length text is `width` bytes, ended by the first NUL or by nothing at all. */
static char *fixed_text(const struct attribute *a, fault *e)
{
	char *x = mem_zero(a->width + 1, 1, e);
	if (x && H5Aread(a->id, a->type, x) < 0) {
		unreadable(a, e);
		free(x);
		return NULL;
	}
	if (x && H5Tget_strpad(a->type) == H5T_STR_SPACEPAD)
		for (size_t n = strlen(x); n > 0 && x[n - 1] == ' '; n--)
			x[n - 1] = '\0';
	return x;
}

static char *variable_text(const struct attribute *a, fault *e)
{
	char *theirs = NULL, *text = NULL;
	hid_t type = H5Tcopy(H5T_C_S1);
	const bool ok = H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5Tget_cset(a->type)) >= 0 &&
		H5Aread(a->id, type, &theirs) >= 0;
	if (ok)
		text = text_copy(theirs ? theirs : "", e);
	else
		unreadable(a, e);
	H5free_memory(theirs);
	H5Tclose(type);
	return text;
}

char *hdf_attr_text_new(hdf *f, const char *path, const char *name, fault *e)
{
	char *text = NULL;
	struct attribute a;
	hdf_quiet();
	if (!attr_open(f, path, name, &a, e))
		return NULL;
	if (a.kind != 's' || a.count > 1)
		hdf_fail(f, path, e, "attribute \"%s\" is not one text", name);
	else if (a.count == 0)
		text = text_copy("", e);
	else if (a.width > TEXT_MAX || (!f->writing && a.width > f->size))
		hdf_fail(f, path, e, "attribute \"%s\" has %zu bytes; %llu are allowed", name, a.width,
			(unsigned long long)(f->writing ? TEXT_MAX : MIN(f->size, (uint64_t)TEXT_MAX)));
	else
		text = (H5Tis_variable_str(a.type) > 0 ? variable_text : fixed_text)(&a, e);
	attr_close(&a);
	/* How long a variable text is shows only when it has been read. */
	if (text && strlen(text) > TEXT_MAX) {
		hdf_fail(f, path, e, "attribute \"%s\" has %zu bytes; %d are allowed", name, strlen(text), TEXT_MAX);
		free(text);
		text = NULL;
	}
	return text;
}

static bool attr_number(hdf *f, const char *path, const char *name, bool whole, void *x, fault *e)
{
	struct attribute a;
	hdf_quiet();
	if (!attr_open(f, path, name, &a, e))
		return false;
	bool ok = a.count == 1 && (a.kind == 'i' || (a.kind == 'f' && !whole));
	if (!ok)
		hdf_fail(f, path, e, "attribute \"%s\" is not one %s", name, whole ? "whole number" : "number");
	else if (H5Aread(a.id, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, x) < 0)
		ok = unreadable(&a, e);
	attr_close(&a);
	return ok;
}

bool hdf_attr_i64(hdf *f, const char *path, const char *name, int64_t *x, fault *e)
{
	return attr_number(f, path, name, true, x, e);
}

bool hdf_attr_f64(hdf *f, const char *path, const char *name, double *x, fault *e)
{
	return attr_number(f, path, name, false, x, e);
}

bool hdf_attr_exists(hdf *f, const char *path, const char *name)
{
	hdf_quiet();
	hid_t obj = hdf_object(f, path, NULL);
	if (obj < 0)
		return false;
	bool yes = H5Aexists(obj, name) > 0;
	H5Oclose(obj);
	return yes;
}

char hdf_attr_kind(hdf *f, const char *path, const char *name)
{
	struct attribute a;
	hdf_quiet();
	if (!attr_open(f, path, name, &a, NULL))
		return 0;
	attr_close(&a);
	return a.kind;
}

/* Fixed length, NUL-padded; H5I_INVALID_HID makes the call that takes it fail. */
static hid_t text_type(size_t n, H5T_cset_t set)
{
	hid_t type = H5Tcopy(H5T_C_S1);
	if (H5Tset_size(type, n ? n : 1) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0
	    && H5Tset_cset(type, set) >= 0)
		return type;
	H5Tclose(type);
	return H5I_INVALID_HID;
}

/* Writes one value, or a list of n when n >= 0; an attribute of that name is replaced. The object must exist. */
static bool write_attr(hdf *f, const char *path, const char *name, hid_t stored, hid_t memory, int64_t n,
		       const void *x, fault *e)
{
	char why[REASON];
	hsize_t count = (hsize_t)MAX(n, 0);
	must(f->writing, "%s is open for reading", f->path);
	hid_t obj = hdf_object(f, path, e), id = H5I_INVALID_HID;
	hid_t space = n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
	if (obj >= 0 && H5Aexists(obj, name) > 0)
		H5Adelete(obj, name);
	if (obj >= 0)
		id = H5Acreate2(obj, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
	bool ok = id >= 0 && H5Awrite(id, memory, x) >= 0;
	if (!ok && obj >= 0)
		hdf_fail(f, path, e, "attribute \"%s\" cannot be written (%s)", name, hdf_reason(why));
	f->failed = f->failed || !ok;
	H5Aclose(id);
	H5Sclose(space);
	H5Oclose(obj);
	return ok;
}

static bool write_text(hdf *f, const char *path, const char *name, H5T_cset_t set, const char *text, fault *e)
{
	hdf_quiet();
	size_t n = strlen(text);
	if (n > TEXT_MAX) {
		f->failed = true;
		return hdf_fail(f, path, e, "attribute \"%s\" of %zu bytes; %d are allowed", name, n, TEXT_MAX);
	}
	hid_t type = text_type(n, set);
	bool ok = write_attr(f, path, name, type, type, -1, text, e);
	H5Tclose(type);
	return ok;
}

bool hdf_attr_write_text(hdf *f, const char *path, const char *name, const char *text, fault *e)
{
	return write_text(f, path, name, H5T_CSET_UTF8, text, e);
}

bool hdf_attr_write_ascii(hdf *f, const char *path, const char *name, const char *text, fault *e)
{
	return write_text(f, path, name, H5T_CSET_ASCII, text, e);
}

bool hdf_attr_write_i64(hdf *f, const char *path, const char *name, int64_t x, fault *e)
{
	hdf_quiet();
	return write_attr(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &x, e);
}

bool hdf_attr_write_f64(hdf *f, const char *path, const char *name, double x, fault *e)
{
	hdf_quiet();
	return write_attr(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, -1, &x, e);
}

/* ---- lists of texts ---- */

/* h5py and Keras give a list in one attribute that much room, a little below what an object header holds. */
enum { PIECE_BYTES = 64512 };

/* "layer_names", or "layer_names7" when there is a number. */
static const char *piece_name(const char *name, int number, char out[256])
{
	if (number < 0)
		snprintf(out, 256, "%s", name);
	else
		snprintf(out, 256, "%s%d", name, number);
	return out;
}

/* text[0..n), each `width` bytes. */
static bool write_piece(hdf *f, const char *path, const char *name, int n, const char *const *text, size_t width,
			fault *e)
{
	char *flat = mem_zero((size_t)n, width, e);
	hid_t type = text_type(width, H5T_CSET_ASCII);
	for (int i = 0; flat && i < n; i++)
		memcpy(flat + (size_t)i * width, text[i], strlen(text[i]));
	bool ok = flat && write_attr(f, path, name, type, type, n, flat, e);
	f->failed = f->failed || !ok;
	H5Tclose(type);
	free(flat);
	return ok;
}

/* k pieces, k as small as it can be; the first n mod k are one longer. */
bool hdf_attr_write_texts(hdf *f, const char *path, const char *name, int n, const char *const *text, fault *e)
{
	size_t width = 1;
	char piece[256];
	int k = 1;
	hdf_quiet();
	for (int i = 0; i < n; i++)
		width = MAX(width, strlen(text[i]));
	if (width > PIECE_BYTES) {
		f->failed = true;
		return hdf_fail(f, path, e, "attribute \"%s\" has a text of %zu bytes; %d are allowed", name, width,
			PIECE_BYTES);
	}
	while (((size_t)n + (size_t)k - 1) / (size_t)k * width > PIECE_BYTES)
		k++;
	for (int i = 0, at = 0; i < k; i++) {
		int part = n / k + (i < n % k);
		if (!write_piece(f, path, piece_name(name, k > 1 ? i : -1, piece), part, text + at, width, e))
			return false;
		at += part;
	}
	return true;
}

/* A copy of at most `width` bytes, behind those of `out`. */
static bool add_text(h5_names *out, const char *text, size_t width, bool spaces, fault *e)
{
	size_t n = strnlen(text, width);
	while (spaces && n > 0 && text[n - 1] == ' ')
		n--;
	char *copy = mem_new(n + 1, 1, e);
	if (!copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	out->name[out->n++] = copy;
	return true;
}

static bool fixed_list(const struct attribute *a, h5_names *out, fault *e)
{
	char *flat = mem_new((size_t)a->count, a->width, e);
	bool spaces = H5Tget_strpad(a->type) == H5T_STR_SPACEPAD;
	bool ok = flat && (H5Aread(a->id, a->type, flat) >= 0 || unreadable(a, e));
	for (int64_t i = 0; ok && i < a->count; i++)
		ok = add_text(out, flat + (size_t)i * a->width, a->width, spaces, e);
	free(flat);
	return ok;
}

static bool variable_list(const struct attribute *a, h5_names *out, fault *e)
{
	char **theirs = mem_zero((size_t)a->count, sizeof *theirs, e);
	hid_t type = H5Tcopy(H5T_C_S1);
	bool read = theirs && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5Tget_cset(a->type)) >= 0 &&
		    H5Aread(a->id, type, theirs) >= 0, ok = read || (theirs && unreadable(a, e));
	for (int64_t i = 0; ok && i < a->count; i++)
		ok = add_text(out, theirs[i] ? theirs[i] : "", TEXT_MAX, false, e);
	if (read)
		H5Dvlen_reclaim(type, a->space, H5P_DEFAULT, theirs);
	H5Tclose(type);
	free(theirs);
	return ok;
}

static bool read_piece(const struct attribute *a, h5_names *out, fault *e)
{
	if (a->count == 0)
		return true;                         /* h5py writes an empty list as floats */
	if (a->kind != 's' || H5Sget_simple_extent_ndims(a->space) > 1)
		return hdf_fail(a->f, a->path, e, "attribute \"%s\" is not a list of texts", a->name);
	bool variable = H5Tis_variable_str(a->type) > 0;
	if (!variable && (a->width > 1 << 16 || a->width * (size_t)a->count > TEXT_MAX))
		return hdf_fail(a->f, a->path, e, "attribute \"%s\" has %lld texts of %zu bytes; too many or too long",
			a->name, (long long)a->count, a->width);
	if (out->n + a->count > LIST_MAX)
		return hdf_fail(a->f, a->path, e, "attribute \"%s\" has more than %d texts", a->name, LIST_MAX);
	char **larger = realloc(out->name, ((size_t)out->n + (size_t)a->count) * sizeof *larger);
	if (!larger)
		return fault_set(e, "out of memory");
	out->name = larger;
	return variable ? variable_list(a, out, e) : fixed_list(a, out, e);
}

bool hdf_attr_texts(hdf *f, const char *path, const char *name, h5_names *out, fault *e)
{
	char piece[256], first[256];
	*out = (h5_names){0, NULL};
	bool chunked = !hdf_attr_exists(f, path, name) && hdf_attr_exists(f, path, piece_name(name, 0, first));
	bool ok = true;
	for (int i = 0; ok && (i == 0 || (chunked && hdf_attr_exists(f, path, piece_name(name, i, piece)))); i++) {
		struct attribute a;
		piece_name(name, chunked ? i : -1, piece);
		ok = attr_open(f, path, piece, &a, e);
		if (ok) {
			ok = read_piece(&a, out, e);
			attr_close(&a);
		}
	}
	if (!ok)
		h5_names_free(out);
	return ok;
}
