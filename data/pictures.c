/* pictures.c - a folder of pictures as a data set, in two passes, both on the pool: the headers (is each sound, do the
 * sizes agree), then the pixels, each straight into its place. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "data/folder.h"

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
			return fault_at(e, p[i].path, "%d pixels high, %d wide, but %s is %d high, %d wide: give a "
				"size and how to resize (model.size and data.resize, or --size and --resize)",
				p[i].size.h, p[i].size.w, p[0].path, p[0].size.h, p[0].size.w);
	return true;
}

/* What reading changed: transparent pixels are colour (or gray) already. */
static bool note_changed(const pictures *l, int64_t n, dataset *d, fault *e)
{
	int64_t colours = 0, sizes = 0;
	for (int64_t i = 0; i < n; i++) {
		colours += l->p[i].size.c != d->c;
		sizes += l->p[i].size.h != d->h || l->p[i].size.w != d->w;
	}
	return dataset_note_colours(d, colours, d->c, e) && (sizes == 0 || dataset_note(d, e,
		"images of other sizes that become %dx%d (%s): %" PRId64, d->h, d->w, data_resize_name[l->resize],
		sizes));
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
	return pass(l, n, read_span, e) && note_changed(l, n, d, e);
}

/* One part alone beside other folders is more often a set that is divided otherwise than a class. */
static bool note_odd(const pictures *l, dataset *d, fault *e)
{
	return (!*l->odd || dataset_note(d, e, "warning: %s is read as a class; folders for training and testing are "
		"called train and test (or val, ..)", l->odd)) &&
		(!*l->mixed || dataset_note(d, e, "warning: %s is read as one class, with the parts that lie in it; "
			"the path of that folder reads it in parts", l->mixed)) &&
		(!l->bare || dataset_note(d, e, "warning: the test part has no labels: none of its folders is a class "
			"of the training part"));
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
		&& passed_note(&l.passed, d, e) && note_odd(&l, d, e);
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
	free(l.other);
	passed_free(&l.passed);
	pthread_mutex_destroy(&l.lock);
	return ok;
}

static bool is_picture_folder(const char *name, bool folder)
{
	return folder || picture_is_named(name);
}

const data_format format_pictures = {
	.name = "pictures", .what = "a folder of pictures", .read = pictures_open, .is_folder = is_picture_folder,
};
