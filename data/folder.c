/* folder.c - which pictures a folder holds: one subfolder per class, or just images; perhaps divided into parts such as
 * train/ and test/. What lies in folders of a class folder belongs to the class. Everything that is passed over is
 * counted and named.
 *
 * A file that is named like a picture must be one; another is one when its first bytes say so. */
#include "data/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"

static bool is_folder_in(const pictures *l, const char *folder, const char *name, bool *yes, fault *e)
{
	char *path = path_join(folder, name, e);
	*yes = path && type_of(l->in, path) == FILE_FOLDER;
	free(path);
	return path != NULL;
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
			ok = folder_is_left_behind(all.name[i]) ? passed_folder(&l->passed, all.name[i], e)
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
	return path && (!fault_is_now(&why) || fault_set(e, "%s", why.text));
}

/* Whether a folder, and with depth those in it, hold a picture. */
static bool holds_picture(const pictures *l, const char *folder, int depth, bool *yes, fault *e)
{
	names all;
	*yes = false;
	if (depth > DEPTH_MOST)
		return fault_at(e, folder, "more than %d folders deep", DEPTH_MOST);
	bool ok = names_list(&all, l->in, folder, e);
	for (int64_t i = 0; ok && !*yes && i < all.n; i++) {
		const char *name = all.name[i];
		bool is_folder;
		ok = is_folder_in(l, folder, name, &is_folder, e)
			&& (is_folder || is_picture(l, folder, name, yes, e));
		if (!ok || !is_folder || depth == 0 || folder_is_left_behind(name))
			continue;
		char *path = path_join(folder, name, e);
		ok = path && holds_picture(l, path, depth + 1, yes, e);
		free(path);
	}
	names_free(&all);
	return ok;
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

/* own: path, which may be NULL with e set. */
static bool part_add(pictures *l, char *path, bool wanted, fault *e)
{
	const bool ok = path && (!wanted || names_add(&l->parts, path, e));
	if (wanted)
		free(path);
	else
		l->other = path;
	return ok;
}

/* Folders of the test part that is read which are no classes of the training part. Where none is one, they have to do
 * with something else (Tiny-ImageNet's val/images), and the part has no labels. */
static bool test_part_look(pictures *l, const char *folder, fault *e)
{
	names sub;
	int64_t known = 0;
	bool ok = subfolders(l, &sub, folder, e);
	for (int64_t i = 0; i < sub.n; i++)
		known += has_name(&l->classes, sub.name[i]);
	for (int64_t i = 0; ok && known && i < sub.n; i++)
		ok = has_name(&l->classes, sub.name[i]) || passed_folder(&l->passed, sub.name[i], e);
	names_free(&sub);
	l->bare = !known;
	return ok;
}

/* Classes are those of the training part, whatever part is read: numbers must not depend on it. */
static bool parts_add(pictures *l, const char *root, const char *train, const char *test, enum data_split split,
	fault *e)
{
	char *path = path_join(root, train ? train : test, e);
	bool ok = path && classes_of(l, path, e);
	free(path);
	if (ok && train)
		ok = part_add(l, path_join(root, train, e), split != SPLIT_TEST, e);
	if (ok && test)
		ok = part_add(l, path_join(root, test, e), split != SPLIT_TRAIN, e);
	if (ok && train && test && split != SPLIT_TRAIN)
		ok = test_part_look(l, l->parts.name[l->parts.n - 1], e);
	return ok;
}

/* The folder with the first of the words, in letters of either case; NULL: there is none. Borrowed from l. */
static const char *first_there(const names *l, const char *const *word)
{
	for (; *word; word++)
		for (int64_t i = 0; i < l->n; i++)
			if (strcasecmp(l->name[i], *word) == 0)
				return l->name[i];
	return NULL;
}

/* The folders of a divided set that are none of its two parts. */
static bool pass_others(pictures *l, const names *sub, const char *train, const char *test, fault *e)
{
	for (int64_t i = 0; i < sub->n; i++)
		if ((!train || strcmp(sub->name[i], train)) && (!test || strcmp(sub->name[i], test))
		    && !passed_folder(&l->passed, sub->name[i], e))
			return false;
	return true;
}

/* A class that is called as a part and holds folders, as a part does. `name` NULL: there is none. */
static bool look_odd(pictures *l, const char *root, const char *name, fault *e)
{
	names inside = {0};
	char *path = name ? path_join(root, name, e) : NULL;
	const bool ok = !name || (path && subfolders(l, &inside, path, e));
	if (inside.n)
		snprintf(l->odd, sizeof l->odd, "%.200s", name);
	names_free(&inside);
	free(path);
	return ok;
}

/* Of the folders that one alone which holds pictures, where parts lie in it (YOLO's images/train beside labels/train):
 * *name, borrowed from sub; NULL: it is not so. */
static bool parts_below(pictures *l, const char *root, const names *sub, const char **name, fault *e)
{
	names inside = {0};
	int with = 0;
	bool yes, ok = holds_picture(l, root, 0, &yes, e);
	*name = NULL;
	for (int64_t i = 0; ok && !yes && with < 2 && i < sub->n; i++) {
		bool holds = false;
		char *path = path_join(root, sub->name[i], e);
		ok = path && holds_picture(l, path, 1, &holds, e);
		free(path);
		with += holds;
		*name = holds ? sub->name[i] : *name;
	}
	char *path = ok && with == 1 ? path_join(root, *name, e) : NULL;
	ok = ok && (with != 1 || (path && subfolders(l, &inside, path, e)));
	if (!first_there(&inside, data_train_words) || !first_there(&inside, data_test_words))
		*name = NULL;
	names_free(&inside);
	free(path);
	return ok;
}

/* A folder for training and one for testing are parts, whatever lies beside them; so is one of them alone. Else
 * subfolders are classes: "train" beside "bus" is a vehicle. */
static bool parts_of(pictures *l, const char *root, enum data_split split, fault *e)
{
	names sub;
	const char *below = NULL;
	bool ok = subfolders(l, &sub, root, e);
	const char *train = first_there(&sub, data_train_words), *test = first_there(&sub, data_test_words);
	const bool divided = (train && test) || (sub.n == 1 && (train || test));
	ok = ok && (divided || parts_below(l, root, &sub, &below, e));
	if (ok && divided) {
		ok = parts_add(l, root, train, test, split, e) && pass_others(l, &sub, train, test, e);
		if (ok && l->parts.n < (split == SPLIT_ALL ? 2 : 1))
			ok = fault_at(e, root, "no folder %s", test ? "train" : "test");
	} else if (ok && below) {
		char *path = path_join(root, below, e);
		ok = path && pass_others(l, &sub, below, NULL, e) && parts_of(l, path, split, e);
		free(path);
	} else if (ok && split == SPLIT_TEST) {
		ok = fault_at(e, root, "not divided into folders train and test, so it has no test part");
	} else if (ok) {
		ok = look_odd(l, root, train ? train : test, e) && classes_of(l, root, e)
			&& names_add(&l->parts, root, e);
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

/* The pictures of one folder, and with depth of those in it; `rank` goes on over the parts of a class. */
static bool pictures_in(pictures *l, const char *folder, int32_t label, int64_t *rank, int depth, fault *e)
{
	names files;
	if (depth > DEPTH_MOST)
		return fault_at(e, folder, "more than %d folders deep", DEPTH_MOST);
	bool ok = names_list(&files, l->in, folder, e);
	l->passed.hidden += files.hidden;
	if (depth == 1 && !l->list.there && first_there(&files, data_train_words)
	    && first_there(&files, data_test_words))
		snprintf(l->mixed, sizeof l->mixed, "%.200s", folder);
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
			passed_file(&l->passed, name);
		else if (!is_folder)
			continue;
		else if (depth > 0 && folder_is_left_behind(name))
			ok = passed_folder(&l->passed, name, e);
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
		p->label = labels_of(&l->list, path_below(root, p->path));
		if (p->label < 0) {
			free(next);
			return fault_at(e, p->path, "has no label in " LABELS_FILE);
		}
		p->rank = next[p->label]++;
	}
	free(next);
	return next != NULL;
}

/* Whether class k has a picture in the part that is not read. */
static bool other_has(const pictures *l, int64_t k, bool *yes, fault *e)
{
	*yes = false;
	if (!l->other)
		return true;
	char *path = path_join(l->other, l->classes.name[k], e);
	const bool ok = path && (type_of(l->in, path) != FILE_FOLDER || holds_picture(l, path, 1, yes, e));
	free(path);
	return ok;
}

/* A folder without pictures in any part is no class (annotations/ beside images/). */
static bool drop_empty(pictures *l, fault *e)
{
	names kept = {0};
	int32_t *number = mem_zero((size_t)MAX(l->classes.n, 1), sizeof *number, e);
	bool ok = number != NULL, there;
	for (int64_t i = 0; ok && i < l->n; i++)
		number[l->p[i].label] = 1;
	for (int64_t k = 0; ok && k < l->classes.n; k++) {
		const char *name = l->classes.name[k];
		there = number[k];
		number[k] = (int32_t)kept.n;
		ok = (there || other_has(l, k, &there, e))
			&& (there ? names_add(&kept, name, e) : passed_folder(&l->passed, name, e));
	}
	for (int64_t i = 0; ok && i < l->n; i++)
		l->p[i].label = number[l->p[i].label];
	free(number);
	names_free(ok ? &l->classes : &kept);
	if (ok)
		l->classes = kept;
	return ok;
}

static bool folder_pictures(pictures *l, const char *root, const dataset_options *o, fault *e)
{
	int64_t rank = 0;
	if (!parts_of(l, root, o->split, e))
		return false;
	/* without a class, or stray; of a part without labels, which is the last, all */
	for (int64_t i = 0; i < l->parts.n; i++)
		if (!pictures_in(l, l->parts.name[i], 0, &rank, l->bare && i == l->parts.n - 1, e))
			return false;
	const int64_t loose = l->n;
	for (int64_t k = 0; k < l->classes.n; k++)
		if (!class_pictures(l, k, e))
			return false;
	if (loose && loose < l->n && l->bare)
		return fault_at(e, root, "the test part has no labels (none of its folders is a class of the training "
			"part), so both parts cannot be read as one set; give train or test");
	if (loose && loose < l->n)
		return fault_at(e, root, "has both images (like %s) and class folders with images; allowed is one "
			"of the two", l->p[0].path);
	if (!loose)
		return drop_empty(l, e);
	l->bare = l->bare && l->classes.n > 1;
	names_free(&l->classes);                     /* the subfolders have nothing to do with it */
	return true;
}

bool pictures_find(pictures *l, const char *root, const dataset_options *o, fault *e)
{
	char kinds[64], others[200];
	if (type_of(l->in, root) != FILE_FOLDER)
		return fault_at(e, root, "format %s needs a folder of images", format_pictures.name);
	if (!labels_read(&l->list, l->in, root, e)
	    || !(l->list.there ? listed_pictures(l, root, o, e) : folder_pictures(l, root, o, e)))
		return false;
	if (l->n == 0)
		return fault_at(e, root, "no pictures%s%s; read are %s", l->passed.files ? ", but " : "",
			passed_files_print(&l->passed, others, sizeof others),
			picture_kinds_print(kinds, sizeof kinds));
	qsort(l->p, (size_t)l->n, sizeof *l->p, picture_order);
	return true;
}
