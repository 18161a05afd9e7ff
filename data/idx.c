/* idx.c - MNIST's file format: big-endian header, then bytes, plain or .gz.
 *
 * Images: 00 00 08 r, r sizes of four bytes, pixels; r = 3 is [n,h,w], r = 4 [n,h,w,c]. Labels: r = 1. 08 says unsigned
 * bytes, the only type that images come in. (yann.lecun.com/exdb/mnist)
 *
 * Relatives: QMNIST's labels are whole numbers of four bytes, 00 00 0c 02, [n,8], the class first (Yadav and Bottou
 * 2019, arXiv:1905.10498). EMNIST's images lie on their side, and its letters are labelled from 1 (Cohen et al. 2017,
 * arXiv:1702.05373). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "data/class_names.h"
#include "data/dataset_internal.h"
#include "data/source.h"

typedef struct idx_part {
	const place *at;                             /* borrow */
	char *path[2];                               /* own; images, labels (NULL: none) */
	source *file[2];                             /* own */
	int64_t n, h, w, c;
	int64_t columns;                             /* of the labels; the first one counts */
	int label_bytes;                             /* of one number: 1 or 4 */
	bool wanted;                                 /* else only its labels are looked at */
} idx_part;

enum { PARTS_MAX = 2 };

static void part_close(idx_part *p)
{
	for (int k = 0; k < 2; k++) {
		source_close(p->file[k]);
		free(p->path[k]);
	}
}

/* What a file may hold. */
typedef struct idx_kind {
	const char *axes;                            /* in messages */
	int rank_lo, rank_hi;
	bool four_bytes;                             /* whole numbers of four bytes, too */
} idx_kind;
static const idx_kind IMAGES = {"images have 3 (n,h,w) or 4 (n,h,w,c)", 3, 4, false};
static const idx_kind LABELS = {"labels have 1, or 2 as QMNIST's", 1, 2, true};

static bool type_read(const uint8_t *head, const char *path, const idx_kind *k, int *bytes, fault *e)
{
	*bytes = head[2] == 0x0c ? 4 : 1;
	if (head[0] || head[1] || (head[2] != 8 && !(k->four_bytes && head[2] == 0x0c)))
		return fault_at(e, path, "not an IDX file of bytes: begins %02x %02x %02x, must be 00 00 08%s",
			head[0], head[1], head[2], k->four_bytes ? " or 00 00 0c" : "");
	return (head[3] >= k->rank_lo && head[3] <= k->rank_hi) || fault_at(e, path, "IDX data of %d axes, %s", head[3],
		k->axes);
}

/* Reads the sizes and compares what they promise with what the file can hold. *width: bytes of a number. */
static bool header_read(source *s, const char *path, const idx_kind *k, int64_t *dim, int *width, fault *e)
{
	uint8_t head[4], size[4];
	if (!source_read(s, head, 4, e) || !type_read(head, path, k, width, e))
		return false;
	const int rank = head[3];
	/* In long double 2^128 does not overflow; the comparison needs no exact digits. */
	long double bytes = *width;
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

static bool images_open(idx_part *p, fault *e)
{
	int64_t dim[4];
	int width;
	p->file[0] = source_open(p->at->in, p->path[0], e);
	if (!p->file[0] || !header_read(p->file[0], p->path[0], &IMAGES, dim, &width, e))
		return false;
	p->n = dim[0];
	p->h = dim[1];
	p->w = dim[2];
	p->c = dim[3];
	return true;
}

/* Of a part that is not wanted n is not known yet. */
static bool labels_open(idx_part *p, fault *e)
{
	int64_t dim[4];
	p->file[1] = source_open(p->at->in, p->path[1], e);
	if (!p->file[1] || !header_read(p->file[1], p->path[1], &LABELS, dim, &p->label_bytes, e))
		return false;
	p->columns = dim[1];
	if (p->wanted && dim[0] != p->n)
		return fault_at(e, p->path[1], "%" PRId64 " labels for the %" PRId64 " images of %s", dim[0], p->n,
			p->path[0]);
	p->n = dim[0];
	return p->columns > 0 || fault_at(e, p->path[1], "labels of 0 columns");
}

static bool part_open(idx_part *p, fault *e)
{
	return (!p->wanted || images_open(p, e)) && (!p->path[1] || labels_open(p, e));
}

/* ---- finding the files ---- */

static bool is_packed(const char *name)
{
	return name_ends(name, ".gz");
}

static const char *const split_word[SPLITS][2] = {
	[SPLIT_TRAIN] = {"train", "train"}, [SPLIT_TEST] = {"t10k", "test"},
};

/* What tells these files from others: train-images-idx3-ubyte, qmnist-train-labels-idx2-int. */
static bool is_idx_name(const char *name)
{
	return strstr(name, "ubyte") || strstr(name, "-idx");
}

/* Bytes of a file's name before the word of its part, "emnist-digits" of emnist-digits-train-images-idx3-ubyte.gz: what
 * sets that lie side by side differ in. */
static size_t set_length(const char *name, enum data_split part)
{
	const char *at = NULL;
	for (int i = 0; i < COUNT(split_word[part]); i++) {
		const char *word = strstr(name, split_word[part][i]);
		at = word && (!at || word < at) ? word : at;
	}
	size_t n = at ? (size_t)(at - name) : 0;
	while (n && strchr("-_. ", name[n - 1]))
		n--;
	return n;
}

static bool is_of_set(const char *name, enum data_split part, const char *set)
{
	return !set || (set_length(name, part) == strlen(set) && strncasecmp(name, set, strlen(set)) == 0);
}

/* IDX files of a part with images or labels ("images", "labels") in a folder. */
static bool is_of_part(const char *name, const char *what, enum data_split part)
{
	return strstr(name, what) && is_idx_name(name)
		&& (strstr(name, split_word[part][0]) || strstr(name, split_word[part][1]));
}

/* "emnist-balanced, emnist-digits": the sets of such files that have a name. */
static bool sets_print(const names *l, const char *what, enum data_split part, char *text, size_t size, fault *e)
{
	names sets = {0};
	bool ok = true;
	*text = '\0';
	for (int64_t i = 0; ok && i < l->n; i++) {
		const size_t n = set_length(l->name[i], part);
		if (!is_of_part(l->name[i], what, part) || !n
		    || (sets.n && is_of_set(l->name[i], part, sets.name[sets.n - 1])))
			continue;
		ok = names_add(&sets, l->name[i], e);
		if (ok)
			sets.name[sets.n - 1][n] = '\0';
	}
	if (ok && sets.n)
		names_print(&sets, text, size);
	names_free(&sets);
	return ok;
}

/* Two files of the same kind, of one set or of two. */
static bool several_files(const place *at, const names *l, const char *const file[2], const char *what,
	enum data_split part, fault *e)
{
	char sets[400];
	if (!sets_print(l, what, part, sets, sizeof sets, e))
		return false;
	const char *by_path = at->in ? "" : "give one of the files";
	return fault_at(e, at->path, "both %s and %s are %s %s: %s%s%s%s%s", file[0], file[1], data_split_name[part],
		what, *sets ? "data.images or --images names the set (" : "", sets, *sets ? ")" : "",
		*sets && *by_path ? ", or " : "", *sets || *by_path ? by_path : "one of them must go");
}

/* The one file in a folder whose name has "images" or "labels", is an IDX name, has the word of the split and is of the
 * set that is wanted (NULL: any); a plain file wins over its own .gz. NULL without an error: none. */
static bool part_find(char **path, const place *at, const names *l, const char *what, enum data_split part,
	const char *set, fault *e)
{
	const char *found = NULL;
	for (int64_t i = 0; i < l->n; i++) {
		const char *name = l->name[i];
		if (!is_of_part(name, what, part) || !is_of_set(name, part, set))
			continue;
		/* names are sorted: "a" comes right before "a.gz" */
		const size_t k = found ? strlen(found) : 0;
		if (found && !(strncmp(found, name, k) == 0 && strcmp(name + k, ".gz") == 0))
			return several_files(at, l, (const char *const[]){found, name}, what, part, e);
		found = found ? found : name;
	}
	if (found)
		*path = path_join(at->path, found, e);
	return !found || *path;
}

static bool part_is_missing(const place *at, const names *l, enum data_split part, const char *set, fault *e)
{
	char sets[400];
	if (!set)
		return fault_at(e, at->path, "no file of the %s images (like %s-images-idx3-ubyte.gz)",
			data_split_name[part], split_word[part][0]);
	return sets_print(l, "images", part, sets, sizeof sets, e)
		&& fault_at(e, at->path, "no %s images of a set called %s (data.images or --images)%s%s",
			data_split_name[part], set, *sets ? "; sets are " : "", sets);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Whether a file is there under this name, or under name.gz, for which `name` has room. */
static bool plain_or_packed(const bundle *in, char *name)
{
	return type_of(in, name) == FILE_REGULAR || type_of(in, strcat(name, ".gz")) == FILE_REGULAR;
}

/* train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte[.gz], or with QMNIST's ending; x.idx -> x-labels.idx, as
 * sagan sample writes them. If it exists. */
static bool labels_find(char **path, const bundle *in, const char *images, fault *e)
{
	static const char *const type[] = {"idx1-ubyte", "idx2-int"};
	const char *at = strstr(base_of(images), "images"), *idx = at ? strstr(at, "idx3-ubyte") : NULL;
	/* other endings stay as they are: train-images.ubyte */
	const int whole = (int)strlen(images) - (is_packed(images) ? 3 : 0), end = idx ? (int)(idx - images) : whole;
	const size_t size = strlen(images) + sizeof IDX_LABELS_ENDING + 8;
	char *name = mem_new(size, 1, e);
	if (!name)
		return false;
	bool there = false;
	if (whole >= 4 && strncasecmp(images + whole - 4, ".idx", 4) == 0) {
		snprintf(name, size, "%.*s" IDX_LABELS_ENDING, whole - 4, images);
		there = plain_or_packed(in, name);
	}
	for (int k = 0; at && !there && k < (idx ? COUNT(type) : 1); k++) {
		snprintf(name, size, "%.*slabels%.*s%s", (int)(at - images), images, end - (int)(at - images) - 6,
			at + 6, idx ? type[k] : "");
		there = plain_or_packed(in, name);
	}
	if (there)
		*path = name;
	else
		free(name);
	return true;
}

/* The regular files of a folder: Kaggle's MNIST has folders of the same names beside them. */
static bool files_list(names *l, const place *at, fault *e)
{
	names all;
	*l = (names){0};
	bool ok = names_list(&all, at->in, at->path, e);
	for (int64_t i = 0; ok && i < all.n; i++) {
		char *path = path_join(at->path, all.name[i], e);
		ok = path && (type_of(at->in, path) != FILE_REGULAR || names_add(l, all.name[i], e));
		free(path);
	}
	names_free(&all);
	return ok;
}

/* The labels of both parts are looked at even where one is asked for: what they mean must not depend on it. */
static bool parts_find(idx_part *p, int *n, const place *at, const dataset_options *o, fault *e)
{
	if (type_of(at->in, at->path) == FILE_REGULAR) {
		*n = 1;
		p[0].wanted = true;
		return (p[0].path[0] = text_copy(at->path, e)) && labels_find(&p[0].path[1], at->in, at->path, e);
	}
	names l;
	const char *set = data_wish(o->images);
	bool ok = files_list(&l, at, e);
	for (enum data_split k = SPLIT_TRAIN; ok && k <= SPLIT_TEST; k++) {
		fault why;
		idx_part *q = &p[*n];
		q->wanted = o->split == SPLIT_ALL || o->split == k;
		ok = (!q->wanted || part_find(&q->path[0], at, &l, "images", k, set, e)) &&
			(part_find(&q->path[1], at, &l, "labels", k, set, &why) || !q->wanted || fault_take(e, &why));
		if (ok && q->wanted && !q->path[0])
			ok = part_is_missing(at, &l, k, set, e);
		*n += q->wanted || q->path[1];
	}
	names_free(&l);
	return ok;
}

/* ---- reading ---- */

/* The least and the greatest label of all parts. */
typedef struct label_ends {
	int32_t least, most;
	enum known_classes known;                    /* the set that the labels tell */
} label_ends;

/* Number i of the first column. */
static int32_t label_at(const idx_part *p, const uint8_t *bytes, int64_t i)
{
	const uint8_t *b = bytes + i * p->columns * p->label_bytes;
	return p->label_bytes == 1 ? b[0] : (int32_t)((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3]);
}

/* `to` has room for the first `take` labels. */
static bool labels_read(const idx_part *p, int32_t *to, int64_t take, label_ends *ends, fault *e)
{
	const int64_t n = p->n * p->columns * p->label_bytes;
	uint8_t *bytes = mem_new((size_t)n, 1, e);
	bool ok = bytes && source_read(p->file[1], bytes, n, e) && source_end(p->file[1], e);
	for (int64_t i = 0; ok && i < p->n; i++) {
		const int32_t label = label_at(p, bytes, i);
		if (label < 0 || label >= DATA_CLASSES_MAX)
			ok = fault_at(e, p->path[1], "label %" PRId64 " is %d, allowed are 0 to %d", i, label,
				DATA_CLASSES_MAX - 1);
		ends->least = MIN(ends->least, label);
		ends->most = MAX(ends->most, label);
		if (i < take)
			to[i] = label;
	}
	if (ok && n == p->n && ends->known == CLASSES_KNOWN)
		ends->known = classes_of_labels(bytes, p->n);
	free(bytes);
	return ok;
}

/* Keeps the parts that are wanted, at the front. The labels of another part are counted; where they cannot be read they
 * do not count. */
static void drop_unwanted(idx_part *p, int *n, label_ends *ends)
{
	int kept = 0;
	for (int i = 0; i < *n; i++) {
		if (p[i].wanted) {
			const idx_part q = p[kept];
			p[kept++] = p[i];
			if (kept - 1 != i)
				p[i] = q;
			continue;
		}
		label_ends all = *ends;
		if (part_open(&p[i], NULL) && labels_read(&p[i], NULL, 0, &all, NULL))
			*ends = all;
	}
	*n = kept;
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

/* ---- EMNIST ---- */

static bool is_emnist(const idx_part *p)
{
	return strstr(base_of(p->path[0]), "emnist") != NULL;
}

/* By the names of the files. */
static enum known_classes emnist_classes(const idx_part *p)
{
	static const struct {
		const char *word;
		enum known_classes set;
	} kinds[] = {
		{"letters", CLASSES_EMNIST_LETTERS}, {"balanced", CLASSES_EMNIST_BALANCED},
		{"bymerge", CLASSES_EMNIST_BALANCED}, {"byclass", CLASSES_EMNIST_BYCLASS},
	};
	for (int i = 0; i < COUNT(kinds); i++)
		if (is_emnist(p) && strstr(base_of(p->path[0]), kinds[i].word))
			return kinds[i].set;
	return CLASSES_KNOWN;
}

/* Rows become columns, in place, through temp of one image. */
static bool turn_upright(dataset *d, fault *e)
{
	const int64_t size = dataset_image_bytes(d);
	uint8_t *temp = mem_new((size_t)size, 1, e);
	for (int64_t i = 0; temp && i < d->n; i++) {
		uint8_t *x = d->pixels + i * size;
		memcpy(temp, x, (size_t)size);
		for (int r = 0; r < d->h; r++)
			for (int k = 0; k < d->w; k++)
				memcpy(x + ((int64_t)k * d->h + r) * d->c, temp + ((int64_t)r * d->w + k) * d->c,
					(size_t)d->c);
	}
	const int h = d->h;
	d->h = d->w;
	d->w = h;
	free(temp);
	return temp && dataset_note(d, e, "EMNIST: its images lie on their side and are turned upright");
}

/* ---- classes ---- */

/* The names of the classes may lie next to the images, in classes.txt: *there. */
static bool names_beside(dataset *d, const place *at, bool *there, fault *e)
{
	char *folder = text_copy(at->path, e);
	if (!folder)
		return false;
	if (type_of(at->in, folder) == FILE_REGULAR) {
		char *slash = strrchr(folder, '/');
		strcpy(slash ? slash + 1 : folder, slash ? "" : ".");
	}
	char *path = path_join(folder, "classes.txt", e);
	const int classes = d->classes;
	*there = path && type_of(at->in, path) != FILE_MISSING;
	bool ok = path && class_names_read(d, at->in, path, 0, e);
	if (ok && *there && classes > d->classes)
		ok = fault_at(e, path, "names %d classes, the data have label %d", d->classes, classes - 1);
	free(path);
	free(folder);
	return ok;
}

static bool classes_set(dataset *d, const idx_part *p, const label_ends *ends, fault *e)
{
	const enum known_classes emnist = emnist_classes(p), set = emnist < CLASSES_KNOWN ? emnist : ends->known;
	const char *known = set < CLASSES_KNOWN ? class_names_known(set) : "";
	d->classes = ends->most + 1;
	if (!labels_from_0(d, ends->least, e))
		return false;
	bool there = false;
	return names_beside(d, p->at, &there, e) && (there || d->classes > class_names_count(known)
		|| class_names_set(d, known, d->path, e));
}

/* ---- all ---- */

static bool parts_read(dataset *d, idx_part *p, int n, const dataset_options *o, fault *e)
{
	int64_t total = 0;
	label_ends ends = {DATA_CLASSES_MAX, 0, CLASSES_KNOWN};
	drop_unwanted(p, &n, &ends);
	for (int i = 0; i < n; i++) {
		if (!part_open(&p[i], e))
			return false;
		total += p[i].n;
	}
	/* As doubles: a header without images may claim any size of them, which nothing has been compared with. */
	if (!parts_agree(p, n, e)
		|| !packed_check(d->path, (double)limit_of(o, total) * (double)p[0].h * (double)p[0].w
			* (double)p[0].c, e)
		|| !dataset_reserve(d, limit_of(o, total), p[0].h, p[0].w, p[0].c, p[0].path[1] != NULL, e))
		return false;
	int64_t at = 0;
	for (int i = 0; i < n; i++) {
		const int64_t take = MIN(p[i].n, d->n - at);
		if (!source_read(p[i].file[0], d->pixels + at * dataset_image_bytes(d),
			take * dataset_image_bytes(d), e))
			return false;
		if (take == p[i].n && !source_end(p[i].file[0], e))
			return false;
		if (d->label && !labels_read(&p[i], d->label + at, take, &ends, e))
			return false;
		at += take;
	}
	if (is_emnist(&p[0]) && !turn_upright(d, e))
		return false;
	if (d->label && p[0].columns > 1 && !dataset_note(d, e, "labels of %" PRId64 " columns, as QMNIST's: the first "
		"one is read", p[0].columns))
		return false;
	return !d->label || classes_set(d, &p[0], &ends, e);
}

static bool idx_read(dataset *d, const place *at, const dataset_options *o, fault *e)
{
	idx_part p[PARTS_MAX] = {{.at = at}, {.at = at}};
	int n = 0;
	bool ok = parts_find(p, &n, at, o, e) && parts_read(d, p, n, o, e);
	for (int i = 0; i < PARTS_MAX; i++)
		part_close(&p[i]);
	return ok;
}

static bool is_idx_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)length;
	return head_is(head, n, "\0\0\010", 3);
}

static bool is_idx_folder(const char *name, bool folder)
{
	return !folder && is_idx_name(name);
}

extern const data_format format_idx;
const data_format format_idx = {
	.name = "idx", .what = "IDX (MNIST)", .read = idx_read, .is_file = is_idx_file, .is_folder = is_idx_folder,
	.sets = true,
};
