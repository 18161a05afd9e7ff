/* idx.c - MNIST's file format: big-endian header, then bytes, plain or .gz.
 *
 * Images: 00 00 08 r, r sizes of four bytes, pixels; r = 3 is [n,h,w], r = 4 [n,h,w,c]. Labels: r = 1.
 * 08 says unsigned bytes, the only type that images come in. (yann.lecun.com/exdb/mnist) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/dataset_internal.h"
#include "data/source.h"

typedef struct idx_part {
	char *path[2];                               /* own; images, labels (NULL: none) */
	source *file[2];                             /* own */
	int64_t n, h, w, c;
} idx_part;

enum { PARTS_MAX = 2 };

static void part_close(idx_part *p)
{
	for (int k = 0; k < 2; k++) {
		source_close(p->file[k]);
		free(p->path[k]);
	}
}

/* Reads the sizes and compares what they promise with what the file can hold. */
static bool header_read(source *s, const char *path, int rank_lo, int rank_hi, int64_t *dim, fault *e)
{
	uint8_t head[4], size[4];
	if (!source_read(s, head, 4, e))
		return false;
	if (head[0] || head[1] || head[2] != 8)
		return fault_at(e, path, "not an IDX file of bytes: begins %02x %02x %02x, must be 00 00 08",
			head[0], head[1], head[2]);
	const int rank = head[3];
	if (rank < rank_lo || rank > rank_hi)
		return fault_at(e, path, "IDX data of %d axes, %s", rank,
			rank_hi == 1 ? "labels have 1" : "images have 3 (n,h,w) or 4 (n,h,w,c)");
	/* In long double 2^128 does not overflow; the comparison needs no exact digits. */
	long double bytes = 1;
	for (int i = 0; i < 4; i++) {
		dim[i] = 1;
		if (i >= rank)
			continue;
		if (!source_read(s, size, 4, e))
			return false;
		dim[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
		bytes *= (long double)dim[i];
	}
	const int64_t head_bytes = 4 + 4 * rank;
	if (source_size(s) >= 0 && bytes != (long double)(source_size(s) - head_bytes))
		return fault_at(e, path, "header says %.0Lf bytes of data, the file has %" PRId64 ": truncated or not "
			"IDX", bytes, source_size(s) - head_bytes);
	if (bytes > (long double)source_most(s))
		return fault_at(e, path, "header says %.0Lf bytes of data, a gzip file of this size holds at most %"
			PRId64, bytes, source_most(s));
	return true;
}

static bool part_open(idx_part *p, fault *e)
{
	int64_t dim[4], count[4];
	p->file[0] = source_open(p->path[0], e);
	if (!p->file[0] || !header_read(p->file[0], p->path[0], 3, 4, dim, e))
		return false;
	p->n = dim[0];
	p->h = dim[1];
	p->w = dim[2];
	p->c = dim[3];
	if (!p->path[1])
		return true;
	p->file[1] = source_open(p->path[1], e);
	if (!p->file[1] || !header_read(p->file[1], p->path[1], 1, 1, count, e))
		return false;
	return count[0] == p->n || fault_at(e, p->path[1], "%" PRId64 " labels for the %" PRId64 " images of %s",
		count[0], p->n, p->path[0]);
}

/* ---- finding the files ---- */

static bool is_packed(const char *name)
{
	return name_ends(name, ".gz");
}

static const char *const split_word[SPLITS][2] = {
	[SPLIT_TRAIN] = {"train", "train"}, [SPLIT_TEST] = {"t10k", "test"},
};

/* The one file in a folder whose name has "images" or "labels", "ubyte" and the word of the split;
 * a plain file wins over its own .gz. NULL without an error: none. */
static bool part_find(char **path, const char *folder, const names *l, const char *what, enum data_split part,
	fault *e)
{
	const char *found = NULL;
	for (int64_t i = 0; i < l->n; i++) {
		const char *name = l->name[i];
		if (!strstr(name, what) || !strstr(name, "ubyte") ||
			(!strstr(name, split_word[part][0]) && !strstr(name, split_word[part][1])))
			continue;
		/* names are sorted: "a" comes right before "a.gz" */
		const size_t k = found ? strlen(found) : 0;
		if (found && !(strncmp(found, name, k) == 0 && strcmp(name + k, ".gz") == 0))
			return fault_at(e, folder, "both %s and %s are %s %s: give one of the files", found,
				name, data_split_name[part], what);
		found = found ? found : name;
	}
	if (found)
		*path = path_join(folder, found, e);
	return !found || *path;
}

/* train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte[.gz], if it exists. */
static bool labels_find(char **path, const char *images, fault *e)
{
	static const char *const ending[] = {"", ".gz"};
	const char *base = strrchr(images, '/');
	base = base ? base + 1 : images;
	const char *at = strstr(base, "images");
	if (!at)
		return true;
	const size_t size = strlen(images) + 8;
	char *name = mem_new(size, 1, e);
	if (!name)
		return false;
	int stem = (int)strlen(images) - (is_packed(images) ? 3 : 0);
	for (int i = 0; i < COUNT(ending); i++) {
		snprintf(name, size, "%.*slabels%.*s%s", (int)(at - images), images, stem - (int)(at - images) - 6,
			at + 6, ending[i]);
		char *idx = strstr(name + (at - images), "idx3");
		if (idx)
			idx[3] = '1';
		if (file_type(name) == FILE_REGULAR)
			return *path = name, true;
	}
	free(name);
	return true;
}

static bool parts_find(idx_part *p, int *n, const dataset *d, const dataset_options *o, fault *e)
{
	if (file_type(d->path) == FILE_REGULAR) {
		*n = 1;
		return (p[0].path[0] = text_copy(d->path, e)) && labels_find(&p[0].path[1], d->path, e);
	}
	names l;
	if (!names_list(&l, d->path, e))
		return false;
	bool ok = true;
	for (enum data_split k = SPLIT_TRAIN; ok && k <= SPLIT_TEST; k++) {
		if (o->split != SPLIT_ALL && o->split != k)
			continue;
		ok = part_find(&p[*n].path[0], d->path, &l, "images", k, e) &&
			part_find(&p[*n].path[1], d->path, &l, "labels", k, e);
		if (ok && !p[*n].path[0])
			ok = fault_at(e, d->path, "no file of the %s images (like %s-images-idx3-ubyte.gz)",
				data_split_name[k], split_word[k][0]);
		(*n)++;
	}
	names_free(&l);
	return ok;
}

/* ---- reading ---- */

static bool labels_read(dataset *d, const idx_part *p, int64_t from, int64_t take, int *most, fault *e)
{
	uint8_t *bytes = mem_new((size_t)p->n, 1, e);
	bool ok = bytes && source_read(p->file[1], bytes, p->n, e) && source_end(p->file[1], e);
	/* All labels count for the number of classes, so that a limit does not change the networks. */
	for (int64_t i = 0; ok && i < p->n; i++) {
		*most = MAX(*most, bytes[i]);
		if (i < take)
			d->label[from + i] = bytes[i];
	}
	free(bytes);
	return ok;
}

static bool parts_agree(const idx_part *p, int n, fault *e)
{
	for (int i = 1; i < n; i++) {
		if (p[i].h != p[0].h || p[i].w != p[0].w || p[i].c != p[0].c)
			return fault_at(e, p[i].path[0],
				"images of %" PRId64 "x%" PRId64 "x%" PRId64 ", those of %s are %" PRId64
				"x%" PRId64 "x%" PRId64, p[i].h, p[i].w, p[i].c, p[0].path[0], p[0].h,
				p[0].w, p[0].c);
		if (!p[i].path[1] != !p[0].path[1])
			return fault_at(e, p[!p[0].path[1]].path[1], "labels for only one of the two parts");
	}
	return true;
}

/* The names of the classes may lie next to the images, in classes.txt. */
static bool classes_set(dataset *d, int most, fault *e)
{
	char *folder = text_copy(d->path, e);
	if (!folder)
		return false;
	if (file_type(folder) == FILE_REGULAR) {
		char *slash = strrchr(folder, '/');
		strcpy(slash ? slash + 1 : folder, slash ? "" : ".");
	}
	char *path = path_join(folder, "classes.txt", e);
	bool ok = path && class_names_read(d, path, 0, e);
	if (ok && d->class_name && most >= d->classes)
		ok = fault_at(e, path, "names %d classes, the data have label %d", d->classes, most);
	if (ok && !d->class_name)
		d->classes = most + 1;
	free(path);
	free(folder);
	return ok;
}

static bool parts_read(dataset *d, idx_part *p, int n, const dataset_options *o, fault *e)
{
	int64_t total = 0;
	for (int i = 0; i < n; i++) {
		if (!part_open(&p[i], e))
			return false;
		total += p[i].n;
	}
	if (!parts_agree(p, n, e) ||
		!dataset_reserve(d, limit_of(o, total), p[0].h, p[0].w, p[0].c, p[0].path[1] != NULL, e))
		return false;
	int most = 0;
	int64_t at = 0;
	for (int i = 0; i < n; i++) {
		const int64_t take = MIN(p[i].n, d->n - at);
		if (!source_read(p[i].file[0], d->pixels + at * dataset_image_bytes(d),
			take * dataset_image_bytes(d), e))
			return false;
		if (take == p[i].n && !source_end(p[i].file[0], e))
			return false;
		if (d->label && !labels_read(d, &p[i], at, take, &most, e))
			return false;
		at += take;
	}
	return !d->label || classes_set(d, most, e);
}

static bool idx_read(dataset *d, const dataset_options *o, fault *e)
{
	idx_part p[PARTS_MAX] = {0};
	int n = 0;
	bool ok = parts_find(p, &n, d, o, e) && parts_read(d, p, n, o, e);
	for (int i = 0; i < PARTS_MAX; i++)
		part_close(&p[i]);
	return ok;
}

static bool is_idx_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)length;
	return head_is(head, n, "\0\0\010", 3);
}

static bool is_idx_folder(const char *name, const char *entry)
{
	(void)entry;
	return strstr(name, "ubyte") != NULL;
}

extern const data_format format_idx;
const data_format format_idx = {"idx", "IDX (MNIST)", idx_read, is_idx_file, is_idx_folder};
