/* folder.c - a folder of pictures: one subfolder per class, or just images; perhaps divided into parts such as train/
 * and test/. What lies in folders of a class folder belongs to the class. Everything that is passed over is counted and
 * named.
 *
 * A file that is named like a picture must be one; another is one when its first bytes say so. Two passes, both on the
 * pool: the headers (is each sound, do the sizes agree), then the pixels, each straight into its place. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "data/dataset_internal.h"
#include "data/labels.h"
#include "data/picture/picture.h"
#include "data/source.h"

typedef struct picture {
	char *path;                                  /* own */
	int32_t label;
	int64_t rank;                                /* within its class */
	picture_size size;
} picture;

/* Files that are no pictures, by the end of their names, and folders that are not looked into. */
typedef struct passed_over {
	int64_t files;
	struct {
		char ending[16];
		int64_t n;
	} kind[8];
	int kinds;                                   /* files of further kinds are in `files` only */
	names folders;                               /* own */
} passed_over;

typedef struct pictures {
	const bundle *in;                            /* borrow; NULL: on the disk */
	int64_t n, room;
	passed_over passed;                          /* own */
	picture *p;                                  /* own */
	names classes;
	names parts;                                 /* folders to read images from */
	label_list list;                             /* own; dataset.json, if there is one */
	dataset *d;                                  /* borrow; filled by the second pass */
	enum data_resize resize;
	picture_options how;
	pthread_mutex_t lock;                        /* guards what follows */
	int64_t first_bad;                           /* lowest picture that failed, or n */
	fault bad;
} pictures;

/* ---- finding the files ---- */

static bool is_folder_in(const pictures *l, const char *folder, const char *name, bool *yes, fault *e)
{
	char *path = path_join(folder, name, e);
	*yes = path && type_of(l->in, path) == FILE_FOLDER;
	free(path);
	return path != NULL;
}

static bool pass_folder(pictures *l, const char *name, fault *e)
{
	for (int64_t i = 0; i < l->passed.folders.n; i++)
		if (strcmp(l->passed.folders.name[i], name) == 0)
			return true;
	return names_add(&l->passed.folders, name, e);
}

static void pass_file(passed_over *p, const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *ending = dot && strlen(dot) < sizeof p->kind[0].ending ? dot : "others";
	p->files++;
	int i = 0;
	while (i < p->kinds && strcasecmp(p->kind[i].ending, ending) != 0)
		i++;
	if (i == COUNT(p->kind))
		return;
	if (i == p->kinds)
		snprintf(p->kind[p->kinds++].ending, sizeof p->kind[0].ending, "%s", ending);
	p->kind[i].n++;
}

/* The subfolders of a folder, without those left behind. */
static bool subfolders(pictures *l, names *out, const char *folder, fault *e)
{
	names all;
	*out = (names){0};
	bool ok = names_list(&all, l->in, folder, e), yes;
	for (int64_t i = 0; ok && i < all.n; i++) {
		ok = is_folder_in(l, folder, all.name[i], &yes, e);
		if (ok && yes)
			ok = folder_is_left_behind(all.name[i]) ? pass_folder(l, all.name[i], e)
							 : names_add(out, all.name[i], e);
	}
	names_free(&all);
	return ok;
}

static bool has_name(const names *l, const char *name)
{
	for (int64_t i = 0; i < l->n; i++)
		if (strcmp(l->name[i], name) == 0)
			return true;
	return false;
}

/* Sorted insertion, so that classes are numbered in the order of their names. */
static bool class_add(names *l, const char *name, fault *e)
{
	if (has_name(l, name))
		return true;
	if (!names_add(l, name, e))
		return false;
	for (int64_t i = l->n - 1; i > 0 && strcmp(l->name[i - 1], l->name[i]) > 0; i--) {
		char *t = l->name[i];
		l->name[i] = l->name[i - 1];
		l->name[i - 1] = t;
	}
	return true;
}

/* The classes of both parts are counted even if one part is read: numbers must not depend on it. */
static bool classes_of(pictures *l, const char *folder, fault *e)
{
	names sub;
	bool ok = subfolders(l, &sub, folder, e);
	for (int64_t i = 0; ok && i < sub.n; i++)
		ok = class_add(&l->classes, sub.name[i], e);
	names_free(&sub);
	return ok && (l->classes.n <= DATA_CLASSES_MAX
		|| fault_at(e, folder, "%" PRId64 " class folders, allowed are %d", l->classes.n, DATA_CLASSES_MAX));
}

static bool part_add(pictures *l, const char *root, const char *name, bool wanted, fault *e)
{
	char *path = path_join(root, name, e);
	const bool ok = path && classes_of(l, path, e) && (!wanted || names_add(&l->parts, path, e));
	free(path);
	return ok;
}

static const char *first_there(const names *l, const char *const *name)
{
	while (*name && !has_name(l, *name))
		name++;
	return *name;
}

/* The folders of a divided set that are none of its two parts. */
static bool pass_others(pictures *l, const names *sub, const char *train, const char *test, fault *e)
{
	for (int64_t i = 0; i < sub->n; i++)
		if ((!train || strcmp(sub->name[i], train)) && (!test || strcmp(sub->name[i], test))
		    && !pass_folder(l, sub->name[i], e))
			return false;
	return true;
}

/* A folder for training and one for testing are parts, whatever lies beside them; so is one of them alone. Else
 * subfolders are classes: "train" beside "bus" is a vehicle. */
static bool parts_of(pictures *l, const char *root, enum data_split split, fault *e)
{
	names sub;
	bool ok = subfolders(l, &sub, root, e);
	const char *train = first_there(&sub, data_train_words), *test = first_there(&sub, data_test_words);
	if (ok && ((train && test) || (sub.n == 1 && (train || test)))) {
		ok = (!train || part_add(l, root, train, split != SPLIT_TEST, e)) &&
			(!test || part_add(l, root, test, split != SPLIT_TRAIN, e)) &&
			pass_others(l, &sub, train, test, e);
		if (ok && l->parts.n < (split == SPLIT_ALL ? 2 : 1))
			ok = fault_at(e, root, "no folder %s", test ? "train" : "test");
	} else if (ok && split == SPLIT_TEST) {
		ok = fault_at(e, root, "not divided into folders train and test, so it has no test part");
	} else if (ok) {
		ok = classes_of(l, root, e) && names_add(&l->parts, root, e);
	}
	names_free(&sub);
	return ok;
}

static bool picture_add(pictures *l, const char *folder, const char *name, int32_t label, int64_t rank, fault *e)
{
	if (l->n == l->room) {
		const int64_t room = MAX(2 * l->room, 1024);
		picture *more = realloc(l->p, (size_t)room * sizeof *more);
		if (!more)
			return fault_at(e, folder, "out of memory for %" PRId64 " names", room);
		l->p = more;
		l->room = room;
	}
	l->p[l->n] = (picture){.path = path_join(folder, name, e), .label = label, .rank = rank};
	return l->p[l->n].path && ++l->n;
}

enum { DEPTH_MOST = 16 };                            /* a link may lead back up */

/* Whether a file is a picture: by its name, or by its bytes where the name tells nothing. One that cannot be read is
 * passed over like the others. */
static bool is_picture(const pictures *l, const char *folder, const char *name, bool *yes, fault *e)
{
	*yes = picture_is_named(name);
	if (*yes)
		return true;
	char *path = path_join(folder, name, e);
	uint8_t *head = NULL;
	int64_t n;
	fault why = {.text = ""};
	*yes = path && bytes_read(l->in, path, PICTURE_HEAD, &head, &n, &why) && picture_kind_name(head, (size_t)n);
	free(head);
	free(path);
	return path && (!fault_is_memory(&why) || fault_set(e, "%s", why.text));
}

/* The pictures of one folder, and with depth of those in it; `rank` goes on over the parts of a class. */
static bool pictures_in(pictures *l, const char *folder, int32_t label, int64_t *rank, int depth, fault *e)
{
	names files;
	if (depth > DEPTH_MOST)
		return fault_at(e, folder, "more than %d folders deep", DEPTH_MOST);
	bool ok = names_list(&files, l->in, folder, e);
	for (int64_t i = 0; ok && i < files.n; i++) {
		const char *name = files.name[i];
		bool is_folder, yes = false;
		ok = is_folder_in(l, folder, name, &is_folder, e)
			&& (is_folder || is_picture(l, folder, name, &yes, e));
		if (!ok)
			break;
		if (yes)
			ok = picture_add(l, folder, name, label, (*rank)++, e);
		else if (!is_folder && !(l->list.there && strcmp(name, LABELS_FILE) == 0))
			pass_file(&l->passed, name);
		else if (!is_folder)
			continue;
		else if (depth > 0 && folder_is_left_behind(name))
			ok = pass_folder(l, name, e);
		else if (depth > 0) {
			char *path = path_join(folder, name, e);
			ok = path && pictures_in(l, path, label, rank, depth + 1, e);
			free(path);
		}
	}
	names_free(&files);
	return ok;
}

static bool class_pictures(pictures *l, int64_t k, fault *e)
{
	int64_t rank = 0;
	bool ok = true;
	for (int64_t i = 0; ok && i < l->parts.n; i++) {
		char *folder = path_join(l->parts.name[i], l->classes.name[k], e);
		ok = folder && (type_of(l->in, folder) != FILE_FOLDER
			|| pictures_in(l, folder, (int32_t)k, &rank, 1, e));
		free(folder);
	}
	return ok;
}

/* First of each class, second of each class, .. */
static int picture_order(const void *a, const void *b)
{
	const picture *p = a, *q = b;
	return p->rank != q->rank ? (p->rank > q->rank) - (p->rank < q->rank) : p->label - q->label;
}

/* All pictures below the root, each of the class that dataset.json says; without labels there, of none. */
static bool listed_pictures(pictures *l, const char *root, const dataset_options *o, fault *e)
{
	int64_t rank = 0;
	if (o->split == SPLIT_TEST)
		return fault_at(e, root, "a set with " LABELS_FILE " is not divided, so it has no test part");
	if (!pictures_in(l, root, 0, &rank, 1, e))
		return false;
	if (!l->list.n)
		return true;
	int64_t *next = mem_zero((size_t)l->list.classes, sizeof *next, e);
	for (int64_t i = 0; next && i < l->n; i++) {
		picture *p = &l->p[i];
		p->label = labels_of(&l->list, p->path + strlen(root) + 1);
		if (p->label < 0) {
			free(next);
			return fault_at(e, p->path, "has no label in " LABELS_FILE);
		}
		p->rank = next[p->label]++;
	}
	free(next);
	return next != NULL;
}

static bool folder_pictures(pictures *l, const char *root, const dataset_options *o, fault *e)
{
	int64_t rank = 0;
	if (!parts_of(l, root, o->split, e))
		return false;
	for (int64_t i = 0; i < l->parts.n; i++)     /* without a class, or stray */
		if (!pictures_in(l, l->parts.name[i], 0, &rank, 0, e))
			return false;
	const int64_t loose = l->n;
	for (int64_t k = 0; k < l->classes.n; k++)
		if (!class_pictures(l, k, e))
			return false;
	if (loose && loose < l->n)
		return fault_at(e, root, "has both images (like %s) and class folders with images; allowed is one "
			"of the two", l->p[0].path);
	if (loose)                                   /* the subfolders have nothing to do with it */
		names_free(&l->classes);
	return true;
}

static bool pictures_find(pictures *l, const char *root, const dataset_options *o, fault *e)
{
	char kinds[64];
	if (type_of(l->in, root) != FILE_FOLDER)
		return fault_at(e, root, "format %s needs a folder of images", format_pictures.name);
	if (!labels_read(&l->list, l->in, root, e)
	    || !(l->list.there ? listed_pictures(l, root, o, e) : folder_pictures(l, root, o, e)))
		return false;
	if (l->n == 0)
		return fault_at(e, root, "no pictures (%" PRId64 " files of other kinds); read are %s",
			l->passed.files, picture_kinds_print(kinds, sizeof kinds));
	qsort(l->p, (size_t)l->n, sizeof *l->p, picture_order);
	return true;
}

/* ---- reading ---- */

/* Which error is told must not depend on the threads: that of the lowest picture. */
static void picture_failed(pictures *l, int64_t i, const fault *why)
{
	pthread_mutex_lock(&l->lock);
	if (i < l->first_bad) {
		l->first_bad = i;
		l->bad = *why;
	}
	pthread_mutex_unlock(&l->lock);
}

/* Most headers lie within so many bytes; a picture whose header does not is read whole. */
enum { HEADER_BYTES = 1 << 16, PICTURE_BYTES_MOST = 1 << 30 };

static bool picture_look(const bundle *in, picture *p, fault *e)
{
	uint8_t *x;
	int64_t n, all;
	if (!bytes_count(in, p->path, &all, e) || !bytes_read(in, p->path, HEADER_BYTES, &x, &n, e))
		return false;
	bool ok = picture_stat(p->path, x, (size_t)n, &p->size, e);
	free(x);
	if (ok || all <= n)
		return ok;
	ok = bytes_read(in, p->path, PICTURE_BYTES_MOST, &x, &n, e) && picture_stat(p->path, x, (size_t)n, &p->size, e);
	free(x);
	return ok;
}

static bool picture_load(const bundle *in, const char *path, const picture_options *how, image *im, fault *e)
{
	uint8_t *x;
	int64_t n;
	*im = (image){0};
	const bool ok = bytes_read(in, path, PICTURE_BYTES_MOST, &x, &n, e)
		&& picture_read(path, x, (size_t)n, how, im, e);
	free(x);
	return ok;
}

static void stat_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	pictures *l = ctx;
	(void)worker;
	fault why;
	for (int64_t i = lo; i < hi; i++)
		if (!picture_look(l->in, &l->p[i], &why))
			picture_failed(l, i, &why);
}

static void read_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	pictures *l = ctx;
	dataset *d = l->d;
	(void)worker;
	fault why;
	for (int64_t i = lo; i < hi; i++) {
		image im;
		if (!picture_load(l->in, l->p[i].path, &l->how, &im, &why) || !image_convert(im.x, im.h, im.w, im.c,
			d->pixels + i * dataset_image_bytes(d), d->h, d->w, d->c, l->resize, &why))
			picture_failed(l, i, &why);
		image_free(&im);
	}
}

static bool pass(pictures *l, int64_t n, span_fn fn, fault *e)
{
	l->first_bad = n;
	parallel_for(n, 16, fn, l);
	if (l->first_bad < n && e)
		*e = l->bad;
	return l->first_bad == n;
}

static bool sizes_agree(const pictures *l, int64_t n, fault *e)
{
	const picture *p = l->p;
	for (int64_t i = 1; i < n; i++)
		if (p[i].size.h != p[0].size.h || p[i].size.w != p[0].size.w)
			return fault_at(e, p[i].path, "%d pixels high, %d wide, but %s is %d high, %d wide: give the "
				"size wanted and how to resize", p[i].size.h, p[i].size.w, p[0].path, p[0].size.h,
				p[0].size.w);
	return true;
}

static bool pictures_read(pictures *l, dataset *d, const dataset_options *o, fault *e)
{
	const int64_t n = limit_of(o, l->n);
	if (!pass(l, n, stat_span, e) || (!o->h && !sizes_agree(l, n, e)))
		return false;
	int c = o->channels;
	for (int64_t i = 0; !o->channels && i < n; i++)
		c = MAX(c, l->p[i].size.c);
	const bool labels = l->classes.n > 0 || l->list.n > 0;
	if (!dataset_reserve(d, n, o->h ? o->h : l->p[0].size.h, o->w ? o->w : l->p[0].size.w, c, labels, e))
		return false;
	for (int64_t i = 0; labels && i < n; i++)
		d->label[i] = l->p[i].label;
	l->d = d;
	l->resize = o->resize;
	background_of(o, l->how.behind);
	return pass(l, n, read_span, e);
}

/* "warning: 3 files are no pictures and are passed over: 2 .txt, 1 .csv" */
static bool note_passed(const passed_over *p, dataset *d, fault *e)
{
	char text[400] = "";
	size_t n = 0;
	for (int i = 0; i < p->kinds && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRId64 " %s", i ? ", " : "", p->kind[i].n,
			p->kind[i].ending);
	if (p->files && !dataset_note(d, e, "warning: %" PRId64 " files are no pictures and are passed over: %s",
				      p->files, text))
		return false;
	n = 0;
	for (int64_t i = 0; i < p->folders.n && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? ", " : "", p->folders.name[i]);
	return !p->folders.n || dataset_note(d, e, "warning: folders that are passed over: %s", text);
}

/* A single class tells nothing: its folder is only where the images lie. */
static bool drop_lone_class(pictures *l, dataset *d, fault *e)
{
	if (l->classes.n != 1)
		return true;
	const bool ok = dataset_note(d, e, "all images lie in one folder, %s: read without labels", l->classes.name[0]);
	names_free(&l->classes);
	return ok;
}

/* Converts to the wanted size, too. */
static bool pictures_open(dataset *d, const place *p, const dataset_options *o, fault *e)
{
	pictures l = {.in = p->in};
	pthread_mutex_init(&l.lock, NULL);
	const bool ok = pictures_find(&l, p->path, o, e) && drop_lone_class(&l, d, e) && pictures_read(&l, d, o, e)
		&& note_passed(&l.passed, d, e);
	if (ok && l.list.n) {                        /* its classes have numbers */
		d->classes = l.list.classes;
	} else if (ok) {
		d->class_name = l.classes.name;
		d->classes = (int)l.classes.n;
	} else {
		names_free(&l.classes);
	}
	labels_free(&l.list);
	for (int64_t i = 0; i < l.n; i++)
		free(l.p[i].path);
	free(l.p);
	names_free(&l.parts);
	names_free(&l.passed.folders);
	pthread_mutex_destroy(&l.lock);
	return ok;
}

static bool is_picture_folder(const char *name, bool folder)
{
	return folder || picture_is_named(name);
}

const data_format format_pictures = {"pictures", "a folder of pictures", pictures_open, NULL, is_picture_folder};
