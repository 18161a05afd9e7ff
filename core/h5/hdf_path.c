/* hdf_path.c - finding things in a file: paths are walked name by name, hard links only. */
#include "core/base/local.h"
#include "core/h5/hdf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hdf_next_name(const char **from, const char **end)
{
	while (**from == '/')
		(*from)++;
	*end = *from + strcspn(*from, "/");
	return *end > *from;
}

bool hdf_path_sane(const hdf *f, const char *path, fault *e)
{
	const char *name = path, *end;
	int depth = 0;
	if (strlen(path) >= PATH_SIZE)
		return fault_set(e, "%s: a path of %zu characters inside the file; %d are allowed", f->path,
				 strlen(path), PATH_SIZE - 1);
	for (; hdf_next_name(&name, &end); name = end) {
		size_t n = (size_t)(end - name);
		if (++depth > DEPTH_MAX)
			return hdf_fail(f, path, e, "nested deeper than %d groups", DEPTH_MAX);
		if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
			return hdf_fail(f, path, e, "\".\" and \"..\" are not names");
	}
	return true;
}

const char *hdf_path_prefix(const char *path, const char *end, char text[PATH_SIZE])
{
	memcpy(text, path, (size_t)(end - path));
	text[end - path] = '\0';
	return text;
}

/* Opened and asked for its kind: H5Oget_info has another signature in every second version of the library. */
bool hdf_is_group(const hdf *f, const char *path)
{
	hid_t object = H5Oopen(f->file, path, H5P_DEFAULT);
	bool group = object >= 0 && H5Iget_type(object) == H5I_GROUP;
	if (object >= 0)
		H5Oclose(object);
	return group;
}

/* A thing in a file: its name, and the group that has it. */
struct place {
	hid_t group;                                 /* borrow: of the file */
	char name[PATH_SIZE];
};

/* What is left of path behind the group that is known; all of it where it leads elsewhere. */
static const char *behind_known(const hdf *f, const char *path)
{
	const size_t n = strlen(f->group);
	return n && strncmp(path, f->group, n) == 0 && path[n] == '/' ? path + n : path;
}

/* Goes into the group at p, whose path is path up to `end`: it is the one that is known from now on. */
static bool enter(hdf *f, struct place *p, const char *path, const char *end)
{
	const hid_t id = H5Oopen(p->group, p->name, H5P_DEFAULT);
	if (id < 0 || H5Iget_type(id) != H5I_GROUP) {
		H5Oclose(id);
		return false;
	}
	if (f->group_id >= 0)
		H5Oclose(f->group_id);
	f->group_id = p->group = id;
	hdf_path_prefix(path, end, f->group);
	snprintf(p->name, sizeof p->name, ".");
	return true;
}

/* 1 exists by hard links only, 0 does not exist, -1 refused with e set. */
static int find(hdf *f, const char *path, struct place *p, fault *e)
{
	const char *name = behind_known(f, path), *end;
	if (!hdf_path_sane(f, path, e))
		return -1;
	p->group = name > path ? f->group_id : f->file;
	snprintf(p->name, sizeof p->name, ".");      /* where no name follows */
	for (; hdf_next_name(&name, &end); name = end) {
		H5L_info_t link;
		hdf_path_prefix(name, end, p->name);
		if (H5Lexists(p->group, p->name, H5P_DEFAULT) <= 0)
			return 0;
		if (H5Lget_info(p->group, p->name, &link, H5P_DEFAULT) < 0)
			return 0;
		if (link.type != H5L_TYPE_HARD) {
			char text[PATH_SIZE];
			hdf_fail(f, hdf_path_prefix(path, end, text), e,
				"a soft or external link; only real members are read");
			return -1;
		}
		if (*end && !enter(f, p, path, end))
			return 0;
	}
	return 1;
}

hid_t hdf_object(hdf *f, const char *path, fault *e)
{
	char why[REASON];
	struct place p;
	int state = find(f, path, &p, e);
	if (state == 0)
		hdf_fail(f, path, e, "not in the file");
	if (state <= 0)
		return H5I_INVALID_HID;
	hid_t obj = H5Oopen(p.group, p.name, H5P_DEFAULT);
	if (obj < 0)
		hdf_fail(f, path, e, "cannot be opened (%s)", hdf_reason(why));
	return obj;
}

bool hdf_exists(hdf *f, const char *path)
{
	struct place p;
	hdf_quiet();
	return find(f, path, &p, NULL) == 1;
}

/* ---- listing ---- */

struct lister {
	h5_names *out;
	int room;                                    /* a damaged group may yield more names than it says */
	bool memory;                                 /* none was left for a name: e is set */
	fault *e;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *ctx)
{
	(void)group, (void)info;
	struct lister *l = ctx;
	if (l->out->n == l->room)
		return -1;
	char *copy = text_copy(name, l->e);
	l->memory = !copy;
	if (!copy)
		return -1;
	l->out->name[l->out->n++] = copy;
	return 0;
}

/* Creation order when the group kept it, else by name. */
static H5_index_t order_of(hid_t group)
{
	unsigned flags = 0;
	hid_t list = H5Gget_create_plist(group);
	bool tracked = list >= 0 && H5Pget_link_creation_order(list, &flags) >= 0 && (flags & H5P_CRT_ORDER_TRACKED);
	H5Pclose(list);
	return tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
}

static bool list_group(hdf *f, const char *path, hid_t group, h5_names *out, fault *e)
{
	char why[REASON];
	H5G_info_t info;
	if (H5Iget_type(group) != H5I_GROUP)
		return hdf_fail(f, path, e, "a data set; a group is expected");
	if (H5Gget_info(group, &info) < 0)
		return hdf_fail(f, path, e, "cannot be listed (%s)", hdf_reason(why));
	if (info.nlinks > NAMES_MAX)
		return hdf_fail(f, path, e, "%llu members; %d are allowed", (unsigned long long)info.nlinks, NAMES_MAX);
	out->name = mem_new((size_t)info.nlinks + 1, sizeof *out->name, e);
	if (!out->name)
		return false;
	struct lister l = {.out = out, .room = (int)info.nlinks, .e = e};
	if (H5Literate(group, order_of(group), H5_ITER_INC, NULL, add_name, &l) < 0 || out->n != l.room)
		return !l.memory && hdf_fail(f, path, e, "cannot be listed (%s)", hdf_reason(why));
	return true;
}

bool hdf_list(hdf *f, const char *path, h5_names *out, fault *e)
{
	hdf_quiet();
	*out = (h5_names){0, NULL};
	hid_t group = hdf_object(f, path, e);
	if (group < 0)
		return false;
	bool ok = list_group(f, path, group, out, e);
	if (!ok)
		h5_names_free(out);
	H5Oclose(group);
	return ok;
}

bool hdf_walk(hdf *f, const char *group, int depth, hdf_take take, void *ctx, fault *e)
{
	h5_names names;
	if (!hdf_list(f, group, &names, e))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < names.n; i++) {
		char path[PATH_SIZE];
		h5_info info;
		const char *above = strcmp(group, "/") == 0 ? "" : group;
		const int n = snprintf(path, sizeof path, "%s/%s", above, names.name[i]);
		ok = (n < (int)sizeof path && depth > 0)
			|| hdf_fail(f, group, e, "groups nested too deep");
		ok = ok && hdf_look(f, path, &info, e) && take(ctx, path, &info, e)
			&& (!info.is_group || hdf_walk(f, path, depth - 1, take, ctx, e));
	}
	h5_names_free(&names);
	return ok;
}
