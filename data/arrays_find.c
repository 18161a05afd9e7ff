/* arrays_find.c - which arrays of a file are images and labels: by name, else because only one can be meant. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/local.h"
#include "data/arrays_internal.h"

/* Names that people use: BigGAN-PyTorch writes imgs, Keras' users x, Fuel features, numpy.savez arr_0. */
static const char *const IMAGES[] = {"images", "image", "imgs", "img", "x", "data", "features", "pixels", "arr_0",
	NULL};
static const char *const LABELS[] = {"labels", "label", "y", "targets", "target", "classes", "arr_1", NULL};

/* How a name and a part's name are put together; %1$s is the part, %2$s the name. */
static const char *const FORMS[] = {"%1$s/%2$s", "%2$s_%1$s", "%1$s_%2$s", "%1$s_set_%2$s"};

typedef struct finder {
	void *file;
	const array_reader *r;
	const char *path;                            /* of the file */
	names all;                                   /* paths of all arrays */
	fault *e;
} finder;

static bool is_called(const char *path, const char *part, const char *name)
{
	char text[ARRAY_PATH];
	const char *given = path + strspn(path, "/");
	if (!part)
		return strcasecmp(given, name + strspn(name, "/")) == 0;
	for (int i = 0; i < COUNT(FORMS); i++) {
		snprintf(text, sizeof text, FORMS[i], part, name);
		if (strcasecmp(given, text) == 0)
			return true;
	}
	return false;
}

/* The first array with one of the names in one of the parts (NULL: in none); NULL: there is none. */
static const char *named(const finder *f, const char *const *part, const char *const *name)
{
	static const char *const no_part[] = {NULL, NULL};
	const char *const *const parts = part ? part : no_part;
	for (; *name; name++)
		for (int k = 0; k == 0 || parts[k]; k++)
			for (int64_t i = 0; i < f->all.n; i++)
				if (is_called(f->all.name[i], parts[k], *name))
					return f->all.name[i];
	return NULL;
}

/* ---- what an array can be ---- */

static bool is_channels(int64_t c)
{
	return c == 1 || c == 3 || c == 4;
}

/* Reads the axes: a last axis of 1, 3 or 4 is channels, else a second one. */
static bool axes_set(array_part *p)
{
	const shape *s = &p->info.s;
	const int64_t *k = s->dim;
	const bool last = s->rank == 4 && is_channels(k[3]);
	p->planes = s->rank == 4 && !last;
	p->n = k[0];
	p->h = k[p->planes ? 2 : 1];
	p->w = k[p->planes ? 3 : 2];
	p->c = s->rank == 3 ? 1 : k[p->planes ? 1 : 3];
	/* [32,32,3] is one image */
	const bool one = s->rank == 3 && k[1] > 4 && (k[2] == 3 || k[2] == 4);
	return p->info.numbers && (s->rank == 3 || s->rank == 4) && is_channels(p->c) && !one;
}

/* Labels of n images: how many numbers each has; 0: this cannot be labels. */
static int64_t label_width(const array_info *a, int64_t n)
{
	const bool one = a->s.rank == 1, rows = a->s.rank == 2;
	return !a->numbers || (!one && !rows) || a->s.dim[0] != n ? 0 : one ? 1 : a->s.dim[1];
}

/* The only array that can be images, where no name is known; NULL without an error: none or several. */
static bool sole_images(const finder *f, const char **path)
{
	*path = NULL;
	for (int64_t i = 0; i < f->all.n; i++) {
		array_part p = {0};
		if (!f->r->stat(f->file, f->all.name[i], &p.info, NULL) || !axes_set(&p) || p.n < 1)
			continue;
		if (*path)
			return *path = NULL, false;
		*path = f->all.name[i];
	}
	return *path != NULL;
}

/* The only array that has one number, or one row, for each of n images. */
static const char *sole_labels(const finder *f, int64_t n)
{
	const char *path = NULL;
	for (int64_t i = 0; i < f->all.n; i++) {
		array_info a;
		if (!f->r->stat(f->file, f->all.name[i], &a, NULL) || !label_width(&a, n))
			continue;
		if (path)
			return NULL;
		path = f->all.name[i];
	}
	return path;
}

/* "x [8,32,32,3] float32, y [8] int64": what the file holds, for the message that asks for names. */
static void contents(const finder *f, char *text, size_t size)
{
	enum { SHOWN = 8 };
	size_t n = 0;
	int shown = 0;
	snprintf(text, size, "no arrays");
	for (int64_t i = 0; i < f->all.n && n < size; i++) {
		array_info a;
		if (!f->r->stat(f->file, f->all.name[i], &a, NULL))
			continue;
		if (shown == SHOWN) {
			snprintf(text + n, size - n, ", ..");
			return;
		}
		n += (size_t)snprintf(text + n, size - n, "%s%.60s %s %s", shown++ ? ", " : "", f->all.name[i],
			shape_print(&a.s).s, a.type);
	}
}

/* ---- choosing ---- */

static bool no_images(const finder *f, const char *wanted)
{
	char has[700], known[200] = "";
	contents(f, has, sizeof has);
	for (int i = 0; !wanted && IMAGES[i]; i++)
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", IMAGES[i]);
	return fault_at(f->e, f->path, "no images called %s; it holds %s; data.images or --images names one",
		wanted ? wanted : known, has);
}

static bool labels_set(finder *f, array_part *p)
{
	if (!f->r->stat(f->file, p->labels, &p->label_info, f->e))
		return false;
	const array_info *a = &p->label_info;
	p->label_width = label_width(a, p->n);
	if (p->label_width > DATA_CLASSES_MAX)
		return fault_at(f->e, f->path, "%s has the shape %s: %" PRId64 " classes, allowed are %d", p->labels,
			shape_print(&a->s).s, p->label_width, DATA_CLASSES_MAX);
	if (p->label_width)
		return true;
	if (a->numbers && a->s.rank > 0 && a->s.rank <= 2)
		return fault_at(f->e, f->path, "%" PRId64 " labels for %" PRId64 " images" WITHOUT_LABELS, a->s.dim[0],
			p->n);
	return fault_at(f->e, f->path, "%s has the shape %s (%s); labels are one number per image, [n] or [n,1], or "
		"one-hot rows [n,k]" WITHOUT_LABELS, p->labels, shape_print(&a->s).s, a->type);
}

static bool path_take(const finder *f, char to[ARRAY_PATH], const char *path)
{
	return snprintf(to, ARRAY_PATH, "%s", path) < ARRAY_PATH ||
		fault_at(f->e, f->path, "a name of %zu bytes; allowed are %d", strlen(path), ARRAY_PATH - 1);
}

static bool labels_find(finder *f, array_part *p, const char *const *part, const dataset_options *o)
{
	const char *wanted = data_wish(o->labels);
	if (wanted && !strcmp(wanted, "none"))
		return true;
	const char *own[] = {wanted, NULL}, *found = named(f, part, wanted ? own : LABELS);
	if (!found && wanted) {
		char has[700];
		contents(f, has, sizeof has);
		return fault_at(f->e, f->path, "no labels called %s; it holds %s", wanted, has);
	}
	if (!found && !part) {
		found = sole_labels(f, p->n);
		p->guessed = found;
	}
	return !found || (path_take(f, p->labels, found) && labels_set(f, p));
}

static bool images_set(finder *f, array_part *p, const char *images)
{
	if (!path_take(f, p->images, images) || !f->r->stat(f->file, p->images, &p->info, f->e))
		return false;
	const shape_text s = shape_print(&p->info.s);
	if (!p->info.numbers || p->info.s.rank < 3 || p->info.s.rank > 4)
		return fault_at(f->e, f->path, "%s is no array of images: it has the shape %s (%s); needs numbers in 3 "
			"or 4 axes", p->images, s.s, p->info.type);
	if (!axes_set(p))
		return fault_at(f->e, f->path, "%s has the shape %s, images are [n,h,w], [n,h,w,c] or [n,c,h,w] with "
			"c 1, 3 or 4", p->images, s.s);
	if (p->n == 0)                               /* a file need not be large to claim sides of no images */
		p->h = p->w = 0;
	return p->n == 0 || (p->h > 0 && p->w > 0)
		|| fault_at(f->e, f->path, "%s has the shape %s: images without pixels", p->images, s.s);
}

static bool part_set(finder *f, array_part *p, const char *images, const char *const *part, const dataset_options *o)
{
	return images_set(f, p, images) && labels_find(f, p, part, o);
}

static bool parts_agree(const finder *f, const array_part *p)
{
	if (!p[0].n || !p[1].n || (p[0].h == p[1].h && p[0].w == p[1].w && p[0].c == p[1].c
		&& p[0].label_width == p[1].label_width))
		return true;
	return fault_at(f->e, f->path, "%s and %s differ in the size of their images, or in their labels", p[0].images,
		p[1].images);
}

/* The word of the part that an array of images is called by; NULL: of none. */
static const char *part_word(const char *path, const char *const *name)
{
	const char *const *const part[] = {data_train_words, data_test_words};
	for (int k = 0; k < COUNT(part); k++)
		for (const char *const *word = part[k]; *word; word++)
			for (const char *const *n = name; *n; n++)
				if (is_called(path, *word, *n))
					return *word;
	return NULL;
}

/* Images of a third part (val beside train and test): named, not passed over in silence. */
static bool others_find(const finder *f, array_parts *p, const char *const *name)
{
	const char *train = part_word(p->part[SPLIT_TRAIN].images, name);
	const char *test = part_word(p->part[SPLIT_TEST].images, name);
	names others = {0};
	bool ok = true;
	for (int64_t i = 0; ok && i < f->all.n; i++) {
		const char *word = part_word(f->all.name[i], name);
		if (word && word != train && word != test)
			ok = names_add(&others, f->all.name[i], f->e);
	}
	if (ok && others.n)
		names_print(&others, p->others, sizeof p->others);
	names_free(&others);
	return ok;
}

static bool choose(finder *f, array_parts *p, const dataset_options *o)
{
	const char *wanted = data_wish(o->images), *own[] = {wanted, NULL};
	const char *const *name = wanted ? own : IMAGES;
	const char *const *const part[] = {[SPLIT_TRAIN] = data_train_words, [SPLIT_TEST] = data_test_words};
	for (int k = SPLIT_TRAIN; k <= SPLIT_TEST; k++) {
		const char *images = named(f, part[k], name);
		if (images && !part_set(f, &p->part[k], images, part[k], o))
			return false;
		p->divided = p->divided || images;
	}
	p->n = p->divided ? 2 : 1;
	if (p->divided)
		return parts_agree(f, p->part) && others_find(f, p, name);
	const char *images = named(f, NULL, name);
	if (!images && (wanted || !sole_images(f, &images)))
		return no_images(f, wanted);
	return part_set(f, &p->part[0], images, NULL, o);
}

bool arrays_find(array_parts *p, void *file, const array_reader *r, const char *path, const dataset_options *o,
	fault *e)
{
	finder f = {.file = file, .r = r, .path = path, .e = e};
	*p = (array_parts){0};
	const bool ok = r->list(file, &f.all, e) && choose(&f, p, o);
	names_free(&f.all);
	return ok;
}
