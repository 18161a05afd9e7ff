/* format.c - what kind of data set a path leads to, and where in a folder or archive it lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "data/bundle.h"
#include "data/dataset_internal.h"
#include "data/labels.h"
#include "data/passed.h"
#include "data/picture/picture.h"
#include "data/source.h"

void place_free(place *p)
{
	free(p->path);
	bundle_free(p->in);
	*p = (place){0};
}

bool folder_is_left_behind(const char *name)
{
	static const char *const left[] = {"__MACOSX", "@eaDir", "lost+found"};
	for (int i = 0; i < COUNT(left); i++)
		if (strcmp(name, left[i]) == 0)
			return true;
	return false;
}

bool head_is(const uint8_t *head, int64_t n, const char *signature, int64_t k)
{
	return n >= k && memcmp(head, signature, (size_t)k) == 0;
}

/* "PATH: not recognised; known are IDX (MNIST), ..". */
static bool unknown(const char *path, const char *what, fault *e)
{
	char known[256] = "";
	for (const data_format *const *f = data_formats; *f; f++)
		if ((*f)->what)
			snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "",
				(*f)->what);
	return fault_at(e, path, "%s; known are %s, and zip and tar archives of all but HDF5", what, known);
}

/* ---- files ---- */

/* Kinds without a signature have small files (CIFAR's have 31 MB); that of a longer file is not known. */
static const int64_t BY_LENGTH_MOST = INT64_C(1) << 32;

static const data_format *kind_of_file(bool by_length, const uint8_t *head, int64_t n, int64_t length)
{
	for (const data_format *const *k = data_formats; *k; k++)
		if ((*k)->is_file && (*k)->by_length == by_length && (*k)->is_file(head, n, length))
			return *k;
	return NULL;
}

/* A signature decides first, whatever the length is: to know it a packed file must be unpacked. */
static bool format_of_file(const char *path, const data_format **f, fault *e)
{
	uint8_t head[FORMAT_HEAD];
	int64_t length = 0;
	source *s = source_open(NULL, path, e);
	const int64_t n = s ? source_read_some(s, head, sizeof head, e) : -1;
	source_close(s);
	if (n < 0)
		return false;
	if (n == 0)
		return fault_at(e, path, "the file is empty");
	if (picture_kind_name(head, (size_t)n))
		return fault_at(e, path, "a single %s; give the folder that contains the images",
			picture_kind_name(head, (size_t)n));
	*f = kind_of_file(false, head, n, 0);
	if (!*f && !file_length(NULL, path, BY_LENGTH_MOST, &length, e) && length <= BY_LENGTH_MOST)
		return false;
	if (!*f && length <= BY_LENGTH_MOST)
		*f = kind_of_file(true, head, n, length);
	return *f || unknown(path, "not recognised", e);
}

/* ---- folders ---- */

/* What a folder holds, at one look. */
typedef struct look {
	const data_format *f;                        /* by its own entries; NULL: no kind */
	names folders;                               /* own; in it, without those left behind */
	bool pictures;                               /* files that are named like pictures */
	bool listed;                                 /* a list of the pictures' labels (data/labels.h) */
	names files;                                 /* own; those that may be sets by themselves */
	passed_over others;                          /* own; all other files, to be told where there is no kind */
} look;

static void look_free(look *l)
{
	names_free(&l->folders);
	names_free(&l->files);
	passed_free(&l->others);
}

/* In a folder such a file is only named, to be given by its own path. */
static bool is_set_file(const char *name)
{
	static const char *const ending[] = {".npz", ".h5", ".hdf5", ".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz"};
	for (int i = 0; i < COUNT(ending); i++)
		if (name_ends(name, ending[i]))
			return true;
	return false;
}

/* The first kind in the list that an entry looks like, before `*f`. */
static void kind_of_entry(const char *name, bool folder, const data_format **f)
{
	for (const data_format *const *k = data_formats; *k && *k != *f; k++)
		if ((*k)->is_folder && (*k)->is_folder(name, folder)) {
			*f = *k;
			return;
		}
}

/* In a folder names are the hint; the readers check the contents. */
static bool folder_look(const bundle *in, const char *path, look *l, fault *e)
{
	names all;
	*l = (look){0};
	bool ok = names_list(&all, in, path, e);
	for (int64_t i = 0; ok && i < all.n; i++) {
		char *entry = path_join(path, all.name[i], e);
		const bool folder = entry && type_of(in, entry) == FILE_FOLDER;
		ok = entry != NULL;
		free(entry);
		kind_of_entry(all.name[i], folder, &l->f);
		l->listed = l->listed || (!folder && strcmp(all.name[i], LABELS_FILE) == 0);
		l->pictures = l->pictures || (!folder && picture_is_named(all.name[i]));
		if (ok && !folder && is_set_file(all.name[i]))
			ok = names_add(&l->files, all.name[i], e);
		else if (ok && !folder)
			passed_file(&l->others, all.name[i]);
		if (ok && folder && !folder_is_left_behind(all.name[i]))
			ok = names_add(&l->folders, all.name[i], e);
	}
	names_free(&all);
	return ok;
}

/* Data sets that are more than folders of pictures lie so deep in a folder of a few (torchvision's MNIST/raw); classes
 * of pictures are not searched for them. */
enum { DEPTH_MOST = 3, FOLDERS_MOST = 16 };

typedef struct found {
	const data_format *asked;                    /* format_auto: any */
	names paths;                                 /* own */
	const data_format *f;                        /* of the last one */
} found;

static bool is_wanted(const found *o, const data_format *f)
{
	return f && f != &format_pictures && (o->asked == &format_auto || o->asked == f);
}

static bool sets_within(const bundle *in, const char *path, const look *l, int depth, found *o, fault *e)
{
	bool ok = true;
	if (depth > DEPTH_MOST || l->pictures || l->folders.n > FOLDERS_MOST)
		return true;
	for (int64_t i = 0; ok && i < l->folders.n; i++) {
		look sub;
		char *folder = path_join(path, l->folders.name[i], e);
		ok = folder && folder_look(in, folder, &sub, e);
		if (ok && is_wanted(o, sub.f)) {
			ok = names_add(&o->paths, folder, e);
			o->f = sub.f;
		} else if (ok) {
			ok = sets_within(in, folder, &sub, depth + 1, o, e);
		}
		if (folder)
			look_free(&sub);
		free(folder);
	}
	return ok;
}

/* *path moves on to `to`, which is given away; NULL: memory was out. */
static bool step_into(char **path, char *to)
{
	free(*path);
	*path = to;
	return to != NULL;
}

static bool is_part(const char *name)
{
	const char *const *const lists[] = {data_train_words, data_test_words};
	for (int k = 0; k < COUNT(lists); k++)
		for (const char *const *word = lists[k]; *word; word++)
			if (strcasecmp(*word, name) == 0)
				return true;
	return false;
}

/* A lone folder with folders in it is where the classes or parts of pictures are. *again: there was one. */
static bool step_to_classes(place *p, const look *l, bool *again, fault *e)
{
	look sub = {0};
	*again = false;
	if (l->pictures || l->folders.n != 1 || is_part(l->folders.name[0]))
		return true;
	char *only = path_join(p->path, l->folders.name[0], e);
	const bool ok = only && folder_look(p->in, only, &sub, e);
	*again = ok && sub.folders.n > 0;
	look_free(&sub);
	if (*again)
		return step_into(&p->path, only);
	free(only);
	return ok;
}

/* The list of several sets, for people to choose from. */
static bool several(const char *path, const found *o, fault *e)
{
	char text[600] = "";
	for (int64_t i = 0; i < o->paths.n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ", " : "",
			path_below(path, o->paths.name[i]));
	return fault_at(e, path, "holds more than one data set (%s): give the path of one", text);
}

/* No set in the folder itself. */
static bool files_alone(const place *p, const names *l, fault *e)
{
	char text[400];
	return fault_at(e, p->path, "no data set in this folder itself; it holds %s: %s",
		names_print(l, text, sizeof text),
		p->in ? "such a file is not read inside an archive" : l->n == 1 ? "give the path of that file"
		: "one file is read, so give the path of one, or join them");
}

static bool nothing_there(const place *p, const look *l, fault *e)
{
	char others[200], what[300] = "no data set in this folder, which is empty";
	if (l->others.files)
		snprintf(what, sizeof what, "no data set in this folder, only files of kinds that are not read: %s",
			passed_files_print(&l->others, others, sizeof others));
	return unknown(p->path, what, e);
}

/* Arrays are known by their ending alone, and so are pictures: neither may be taken for the set in silence. */
static bool arrays_and_pictures(const look *l, const data_format *asked)
{
	return asked == &format_auto && l->f == &format_numpy && l->pictures;
}

/* *f: the kind of the folder that p is or has moved on to; *again: it has moved to one that must be looked at. */
static bool folder_step(place *p, const data_format *asked, const data_format **f, bool *again, fault *e)
{
	look l;
	found o = {.asked = asked};
	bool ok = folder_look(p->in, p->path, &l, e);
	*f = l.f;
	*again = false;
	if (ok && arrays_and_pictures(&l, asked))
		ok = fault_at(e, p->path, "holds arrays (.npy) and pictures; data.format = %s or %s says which are "
			"read", format_numpy.name, format_pictures.name);
	else if (ok && !l.listed && !is_wanted(&o, l.f)) {
		ok = sets_within(p->in, p->path, &l, 1, &o, e) && (o.paths.n < 2 || several(p->path, &o, e));
		if (ok && o.paths.n == 1) {
			*f = o.f;
			ok = step_into(&p->path, text_copy(o.paths.name[0], e));
		} else if (ok && l.f == &format_pictures) {
			ok = step_to_classes(p, &l, again, e);
		} else if (ok && !l.f && l.files.n) {
			ok = files_alone(p, &l.files, e);
		} else if (ok && !l.f && asked == &format_auto) {
			ok = nothing_there(p, &l, e);
		}
	}
	look_free(&l);
	names_free(&o.paths);
	return ok;
}

static bool format_of_folder(place *p, const data_format **f, fault *e)
{
	const data_format *asked = *f;
	bool again = true;
	for (int depth = 0; again && depth <= DEPTH_MOST; depth++)
		if (!folder_step(p, asked, f, &again, e))
			return false;
	if (asked != &format_auto)
		*f = asked;
	return true;
}

/* ---- both ---- */

bool format_find(const char *path, place *p, const data_format **f, fault *e)
{
	const enum file_type type = file_type(path);
	*p = (place){0};
	if (type == FILE_MISSING)
		return fault_at(e, path, "no such file or folder");
	if (type == FILE_UNKNOWN)
		return fault_read(e, path);
	if (type == FILE_OTHER)
		return fault_at(e, path, "neither a file nor a folder");
	bool ok = (p->path = text_copy(path, e)) != NULL;
	bool archive = false;
	if (ok && type == FILE_REGULAR)
		ok = bundle_is(path, &archive, e);
	if (ok && archive)
		ok = (p->in = bundle_open(path, e)) != NULL;
	if (ok && (archive || type == FILE_FOLDER))
		ok = format_of_folder(p, f, e);
	else if (ok && *f == &format_auto)
		ok = format_of_file(path, f, e);
	if (!ok)
		place_free(p);
	return ok;
}
