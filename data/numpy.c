/* numpy.c - sets of images in files of numpy: one .npy alone, or those of a folder or archive (.npz is a zip of them):
 * the files' side of arrays.h. They are in memory, or are read whole.
 *
 * A file is "\223NUMPY", a version, the length of the header, the header, the numbers. The header is a dictionary as
 * Python prints it: {'descr': '<f4', 'fortran_order': False, 'shape': (8, 32, 32, 3), }. Nothing of it is executed.
 * (numpy.lib.format) */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/arrays.h"
#include "data/bundle.h"
#include "data/passed.h"

#define SIGNATURE "\223NUMPY"
enum { HEADER_MOST = 1 << 16, FILES_MOST = 1 << 12 };

typedef struct npy {
	char *name;                                  /* own; x_train, of x_train.npy */
	const uint8_t *x;                            /* the whole file [n] */
	uint8_t *read;                               /* own; x, where it comes from the disk */
	int64_t n;
	char type[16];                               /* as it was told last */
} npy;

typedef struct file {
	const place *place;
	npy *a;                                      /* own */
	int64_t n;
} file;

/* What a header says. */
typedef struct header {
	shape s;
	bool big, fortran;
	char type[16];                               /* "<f4" */
	char kind;                                   /* b i u f, 0: no numbers */
	int size;                                    /* bytes of one */
	const uint8_t *data;                         /* borrow; numbers */
} header;

/* ---- headers ---- */

/* What stands behind 'key': in the dictionary; NULL: nothing. */
static const char *value_of(const char *text, const char *key)
{
	char want[32];
	snprintf(want, sizeof want, "'%s':", key);
	const char *at = strstr(text, want);
	return at ? at + strlen(want) + strspn(at + strlen(want), " ") : NULL;
}

static bool shape_read(const char *text, shape *s)
{
	int64_t dim[RANK_MAX];
	int rank = 0;
	if (!text || *text++ != '(')
		return false;
	for (;;) {
		text += strspn(text, " ,");
		if (*text == ')')
			break;
		char *end;
		const long long v = strtoll(text, &end, 10);
		if (end == text || v < 0 || rank == RANK_MAX)
			return false;
		dim[rank++] = v;
		text = end + (*end == 'L');          /* Python 2 writes 3L */
	}
	*s = shape_of(rank, dim);
	return true;
}

/* '<f4': order of bytes, kind, size. Others (texts, records, objects) are listed only. */
static bool type_read(const char *text, header *h)
{
	if (!text)
		return false;
	const char *from = *text == '\'' ? text + 1 : text;
	snprintf(h->type, sizeof h->type, "%.*s", (int)MIN(strcspn(from, "',"), sizeof h->type - 1), from);
	const char *t = h->type;
	const int size = *t ? atoi(t + MIN(strlen(t), 2)) : 0;
	h->big = *t == '>';
	const bool whole = *t && strchr("iu", t[1]) && (size == 1 || size == 2 || size == 4 || size == 8);
	const bool real_ = *t && t[1] == 'f' && (size == 2 || size == 4 || size == 8);
	const bool truth = *t && t[1] == 'b' && size == 1;
	if (whole || real_ || truth) {
		h->kind = t[1];
		h->size = size;
	}
	return true;
}

static bool order_read(const char *text, header *h)
{
	h->fortran = text && strncmp(text, "True", 4) == 0;
	return text && (h->fortran || strncmp(text, "False", 5) == 0);
}

/* Bytes of numbers that a header claims, -1: more than there can be. */
static int64_t claimed(const header *h)
{
	long double bytes = h->size;
	for (int i = 0; i < h->s.rank; i++)
		bytes *= (long double)h->s.dim[i];
	return bytes < 9e18L ? (int64_t)bytes : -1;
}

static bool header_read(const npy *a, const char *path, header *h, fault *e)
{
	char text[HEADER_MOST + 1];
	*h = (header){0};
	const int64_t lead = a->n > 8 && a->x[6] >= 2 ? 12 : 10;
	if (a->n < lead || memcmp(a->x, SIGNATURE, 6) != 0)
		return fault_at(e, path, "%s.npy is no file of numpy", a->name);
	const int64_t n = a->x[8] | a->x[9] << 8 | (lead == 12 ? (int64_t)a->x[10] << 16 | (int64_t)a->x[11] << 24 : 0);
	if (n > HEADER_MOST || n > a->n - lead)
		return fault_at(e, path, "%s.npy is damaged: its header has %" PRId64 " bytes", a->name, n);
	memcpy(text, a->x + lead, (size_t)n);
	text[n] = '\0';
	if (!type_read(value_of(text, "descr"), h) || !order_read(value_of(text, "fortran_order"), h)
	    || !shape_read(value_of(text, "shape"), &h->s))
		return fault_at(e, path, "%s.npy is damaged: its header makes no sense", a->name);
	h->data = a->x + lead + n;
	const int64_t have = a->n - lead - n, need = h->kind ? claimed(h) : 0;
	return (need >= 0 && need <= have) || fault_at(e, path, "%s.npy is truncated: its header says %" PRId64
		" bytes of numbers, it has %" PRId64, a->name, need, have);
}

/* ---- files ---- */

static void file_close(void *ptr)
{
	file *f = ptr;
	for (int64_t i = 0; f && i < f->n; i++) {
		free(f->a[i].name);
		free(f->a[i].read);
	}
	if (f)
		free(f->a);
	free(f);
}

/* The name without folders and ending. */
static char *array_name(const char *path, fault *e)
{
	const char *slash = strrchr(path, '/');
	char *name = text_copy(slash ? slash + 1 : path, e);
	if (name && name_ends(name, ".npy"))
		name[strlen(name) - 4] = '\0';
	return name;
}

static bool array_add(file *f, const char *path, fault *e)
{
	npy a = {0};
	if (f->place->in)
		a.x = bundle_bytes(f->place->in, path, &a.n);
	else if (bytes_read(NULL, path, INT64_MAX, &a.read, &a.n, e))
		a.x = a.read;
	else
		return false;
	a.name = array_name(path, e);
	f->a[f->n++] = a;
	return a.name != NULL;
}

static bool arrays_add(file *f, const names *l, fault *e)
{
	bool ok = true;
	for (int64_t i = 0; ok && i < l->n && f->n < FILES_MOST; i++) {
		char *path = name_ends(l->name[i], ".npy") ? path_join(f->place->path, l->name[i], e) : NULL;
		ok = !name_ends(l->name[i], ".npy") || (path && array_add(f, path, e));
		free(path);
	}
	return ok;
}

static void *file_open(const place *p, fault *e)
{
	names l = {0};
	file *f = mem_zero(1, sizeof *f, e);
	bool ok = f && (f->a = mem_zero(FILES_MOST, sizeof *f->a, e));
	if (ok) {
		f->place = p;
		ok = type_of(p->in, p->path) == FILE_REGULAR ? array_add(f, p->path, e)
			: names_list(&l, p->in, p->path, e) && arrays_add(f, &l, e);
	}
	names_free(&l);
	if (ok)
		return f;
	file_close(f);
	return NULL;
}

static bool file_list(void *ptr, names *paths, fault *e)
{
	const file *f = ptr;
	bool ok = true;
	*paths = (names){0};
	for (int64_t i = 0; ok && i < f->n; i++)
		ok = names_add(paths, f->a[i].name, e);
	return ok;
}

static npy *find(const file *f, const char *name, header *h, fault *e)
{
	name += strspn(name, "/");
	for (int64_t i = 0; i < f->n; i++)
		if (strcmp(f->a[i].name, name) == 0)
			return header_read(&f->a[i], f->place->path, h, e) ? &f->a[i] : NULL;
	fault_at(e, f->place->path, "no array %s", name);
	return NULL;
}

/* Numpy's name of a type, float16; others as the file has it. */
static const char *type_name(npy *a, const header *h)
{
	static const struct {
		char kind;
		const char *name;
	} of[] = {{'i', "int"}, {'u', "uint"}, {'f', "float"}};
	snprintf(a->type, sizeof a->type, "%s", h->kind == 'b' ? "bool" : h->type);
	for (int i = 0; i < COUNT(of); i++)
		if (h->kind == of[i].kind)
			snprintf(a->type, sizeof a->type, "%s%d", of[i].name, 8 * h->size);
	return a->type;
}

static bool file_stat(void *ptr, const char *name, array_info *out, fault *e)
{
	header h;
	npy *a = find(ptr, name, &h, e);
	if (!a)
		return false;
	*out = (array_info){.s = h.s, .numbers = h.kind != 0, .bytes = h.kind == 'u' && h.size == 1,
		.type = type_name(a, &h)};
	return true;
}

/* ---- numbers ---- */

static double half(uint16_t v)
{
	const int exponent = v >> 10 & 31, rest = v & 1023;
	const double x = exponent == 31 ? (rest ? NAN : INFINITY)
		: exponent ? ldexp(1024 + rest, exponent - 25) : ldexp(rest, -24);
	return v >> 15 ? -x : x;
}

static double number(const header *h, int64_t i)
{
	const uint8_t *p = h->data + i * h->size;
	uint64_t v = 0;
	for (int k = 0; k < h->size; k++)
		v = v << 8 | p[h->big ? k : h->size - 1 - k];
	const int unused = 64 - 8 * h->size;
	float single;
	double twice;
	const uint32_t low = (uint32_t)v;
	switch (h->kind) {
	case 'i':
		return (double)((int64_t)(v << unused) >> unused);
	case 'f':
		memcpy(&single, &low, sizeof single);
		memcpy(&twice, &v, sizeof twice);
		return h->size == 2 ? half((uint16_t)v) : h->size == 4 ? (double)single : twice;
	default:
		return (double)v;
	}
}

/* Where the value lies that is number i in C order. In Fortran's order the first axis is the fastest. */
static int64_t place_of(const header *h, int64_t i)
{
	int64_t at = 0, stride[RANK_MAX], step = 1;
	if (!h->fortran)
		return i;
	for (int k = 0; k < h->s.rank; k++) {
		stride[k] = step;
		step *= h->s.dim[k];
	}
	for (int k = h->s.rank - 1; k >= 0; i /= h->s.dim[k--])
		at += i % h->s.dim[k] * stride[k];
	return at;
}

/* Rows from lo on: the first of their values, if that many are there. */
static bool rows_find(file *f, const char *name, int64_t lo, int64_t hi, int64_t count, header *h, int64_t *first,
	fault *e)
{
	if (!find(f, name, h, e))
		return false;
	const int64_t rows = h->s.rank ? h->s.dim[0] : 1, row = rows ? shape_count(&h->s) / rows : 0;
	*first = lo * row;
	return (h->kind && lo >= 0 && hi <= rows && count == (hi - lo) * row)
		|| fault_at(e, f->place->path, "%s has other rows than its header says", name);
}

static bool rows_u8(void *ptr, const char *name, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e)
{
	header h;
	int64_t first;
	if (!rows_find(ptr, name, lo, hi, count, &h, &first, e))
		return false;
	for (int64_t i = 0; i < count; i++)
		x[i] = h.data[place_of(&h, first + i)];
	return true;
}

static bool rows_real(void *ptr, const char *name, int64_t lo, int64_t hi, real *x, int64_t count, fault *e)
{
	header h;
	int64_t first;
	if (!rows_find(ptr, name, lo, hi, count, &h, &first, e))
		return false;
	for (int64_t i = 0; i < count; i++)
		x[i] = (real)number(&h, place_of(&h, first + i));
	return true;
}

static bool rows_f64(void *ptr, const char *name, int64_t lo, int64_t hi, double *x, int64_t count, fault *e)
{
	header h;
	int64_t first;
	if (!rows_find(ptr, name, lo, hi, count, &h, &first, e))
		return false;
	for (int64_t i = 0; i < count; i++)
		x[i] = number(&h, place_of(&h, first + i));
	return true;
}

/* What lies beside the arrays of a folder or archive is told. */
static bool note_others(dataset *d, const place *p, fault *e)
{
	passed_over others = {0};
	names l = {0};
	bool ok = type_of(p->in, p->path) == FILE_REGULAR || names_list(&l, p->in, p->path, e);
	others.hidden = l.hidden;
	for (int64_t i = 0; ok && i < l.n; i++) {
		char *path = path_join(p->path, l.name[i], e);
		ok = path != NULL;
		if (ok && type_of(p->in, path) == FILE_FOLDER)
			ok = passed_folder(&others, l.name[i], e);
		else if (ok && !name_ends(l.name[i], ".npy"))
			passed_file(&others, l.name[i]);
		free(path);
	}
	ok = ok && passed_note(&others, d, e);
	passed_free(&others);
	names_free(&l);
	return ok;
}

static bool numpy_read(dataset *d, const place *p, const dataset_options *o, fault *e)
{
	static const array_reader reader = {file_open, file_close, file_list, file_stat, rows_u8, rows_real, rows_f64};
	return arrays_read(d, p, o, &reader, e) && note_others(d, p, e);
}

static bool is_numpy_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)length;
	return head_is(head, n, SIGNATURE, 6);
}

static bool is_numpy_folder(const char *name, bool folder)
{
	return !folder && name_ends(name, ".npy");
}

const data_format format_numpy = {
	.name = "numpy", .what = "numpy (.npz, .npy)", .read = numpy_read, .is_file = is_numpy_file,
	.is_folder = is_numpy_folder, .arrays = true,
};
