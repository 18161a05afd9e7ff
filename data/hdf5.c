/* hdf5.c - images and labels in an HDF5 file, through core/h5.h.
 *
 * Images are bytes or floats, [n,h,w], [n,h,w,c] or [n,c,h,w] with c 1 or 3. Floats are taken as
 * -1..1 when one is negative, else as 0..1 when none is above 1, else as 0..255. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/h5.h"
#include "data/dataset_internal.h"

/* Names that people use (BigGAN-PyTorch writes imgs and labels; Keras users x and y). */
static const char *const image_name[] = {"images", "imgs", "x", "data", NULL};
static const char *const label_name[] = {"labels", "label", "y", NULL};

typedef struct h5_part {
	char images[64], labels[64];                 /* paths; "" without labels */
	h5_info info;
	int64_t n, h, w, c;
	bool planes;                                 /* [n,c,h,w] */
} h5_part;

static bool first_of(h5 *f, const char *group, const char *const *name, char *path, size_t size)
{
	for (int i = 0; name[i]; i++) {
		snprintf(path, size, "%s/%s", group, name[i]);
		if (h5_exists(f, path))
			return true;
	}
	*path = '\0';
	return false;
}

/* Reads the axes: a last axis of 1 or 3 is channels, else a second one. */
static bool axes_set(h5_part *p, const char *file, error *e)
{
	const shape *s = &p->info.s;
	const int64_t *k = s->dim;
	p->n = k[0];
	if (s->rank == 3) {
		p->h = k[1];
		p->w = k[2];
		p->c = 1;
	} else if (s->rank == 4 && (k[3] == 1 || k[3] == 3)) {
		p->h = k[1];
		p->w = k[2];
		p->c = k[3];
	} else if (s->rank == 4 && (k[1] == 1 || k[1] == 3)) {
		p->planes = true;
		p->c = k[1];
		p->h = k[2];
		p->w = k[3];
	} else {
		return error_set(e, "%s: %s has the shape %s, images are [n,h,w], [n,h,w,c] or [n,c,h,w] with c 1 or "
			"3", file, p->images, shape_print(s).s);
	}
	return true;
}

static bool labels_stat(h5 *f, const char *file, const h5_part *p, error *e)
{
	h5_info l;
	if (!h5_stat(f, p->labels, &l, e))
		return false;
	if (l.is_group || l.type == H5_OTHER || l.s.rank < 1 || shape_count(&l.s) != l.s.dim[0])
		return error_set(e, "%s: %s has the shape %s, labels are one number per image: [n] or [n,1]", file,
			p->labels, shape_print(&l.s).s);
	return l.s.dim[0] == p->n || error_set(e, "%s: %" PRId64 " labels for %" PRId64 " images", file, l.s.dim[0],
		p->n);
}

static bool part_stat(h5 *f, const char *file, const char *group, h5_part *p, error *e)
{
	*p = (h5_part){0};
	if (!first_of(f, group, image_name, p->images, sizeof p->images))
		return error_set(e, "%s: no data set images (or imgs, x, data) in %s", file, *group ? group : "/");
	first_of(f, group, label_name, p->labels, sizeof p->labels);
	if (!h5_stat(f, p->images, &p->info, e))
		return false;
	if (p->info.is_group || p->info.type == H5_OTHER || p->info.s.rank < 3)
		return error_set(e, "%s: %s is not a data set of images: needs numbers in 3 or 4 axes", file, p->images);
	return axes_set(p, file, e) && (!*p->labels || labels_stat(f, file, p, e));
}

/* ---- pixels ---- */

/* How stored numbers become bytes: v * scale + shift. */
static bool range_find(const real *x, int64_t n, const char *file, const char *path, double *scale, double *shift,
	error *e)
{
	double lo = INFINITY, hi = -INFINITY;
	for (int64_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return error_set(e, "%s: %s: value %" PRId64 " is not a number", file, path, i);
		lo = MIN(lo, (double)x[i]);
		hi = MAX(hi, (double)x[i]);
	}
	if (lo < -1.001 || hi > 255.001 || (lo < 0 && hi > 1.001))
		return error_set(e, "%s: %s: values from %g to %g; allowed are 0 to 255, 0 to 1, or -1 to 1", file, path,
			lo, hi);
	*scale = lo < 0 ? 127.5 : hi <= 1 ? 255 : 1;
	*shift = lo < 0 ? 127.5 : 0;
	return true;
}

static bool floats_read(h5 *f, const h5_part *p, const char *file, int64_t take, uint8_t *to, error *e)
{
	const int64_t all = shape_count(&p->info.s), n = take * p->h * p->w * p->c;
	char what[256];
	snprintf(what, sizeof what, "%.200s: reading floats", file);
	real *x = memory_check(what, (double)all * sizeof *x, e) ? mem_new((size_t)all, sizeof *x, e) : NULL;
	double scale = 1, shift = 0;
	const bool ok = x && h5_read_real(f, p->images, x, all, e) &&
		range_find(x, all, file, p->images, &scale, &shift, e);
	for (int64_t i = 0; ok && i < n; i++) {
		const double v = (double)x[i] * scale + shift + 0.5;
		to[i] = v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
	}
	free(x);
	return ok;
}

/* One image [c,h,w] -> [h,w,c], through `temp` of the same size. */
static void planes_join(uint8_t *x, uint8_t *temp, int64_t pixels, int64_t c)
{
	memcpy(temp, x, (size_t)(pixels * c));
	for (int64_t i = 0; i < pixels; i++)
		for (int64_t k = 0; k < c; k++)
			x[i * c + k] = temp[k * pixels + i];
}

static bool pixels_read(h5 *f, dataset *d, const h5_part *p, int64_t at, int64_t take, error *e)
{
	const int64_t bytes = dataset_image_bytes(d);
	uint8_t *to = d->pixels + at * bytes;
	const bool floats = p->info.type == H5_F32 || p->info.type == H5_F64;
	const bool ok = floats ? floats_read(f, p, d->path, take, to, e) :
		h5_read_rows_u8(f, p->images, 0, take, to, take * bytes, e);
	if (!ok || !p->planes || p->c == 1)
		return ok;
	uint8_t *temp = mem_new((size_t)bytes, 1, e);
	for (int64_t i = 0; temp && i < take; i++)
		planes_join(to + i * bytes, temp, p->h * p->w, p->c);
	free(temp);
	return temp != NULL;
}

/* ---- labels ---- */

static bool labels_read(h5 *f, dataset *d, const h5_part *p, int64_t at, int64_t take, error *e)
{
	double *x = mem_new((size_t)p->n, sizeof *x, e);
	bool ok = x && h5_read_f64(f, p->labels, x, p->n, e);
	for (int64_t i = 0; ok && i < p->n; i++) {
		if (!(x[i] >= 0 && x[i] < DATA_CLASSES_MAX && x[i] == floor(x[i]))) {
			ok = error_set(e, "%s: %s: label %" PRId64 " is %g, allowed are whole numbers 0 to %d", d->path,
				p->labels, i, x[i], DATA_CLASSES_MAX - 1);
			break;
		}
		d->classes = MAX(d->classes, (int)x[i] + 1);
		if (i < take)
			d->label[at + i] = (int32_t)x[i];
	}
	free(x);
	return ok;
}

/* ---- parts ---- */

static bool parts_stat(h5 *f, const char *file, const dataset_options *o, h5_part *p, int *n, error *e)
{
	static const char *const group[] = {"/train", "/test"};
	const bool train = h5_exists(f, group[0]), test = h5_exists(f, group[1]);
	*n = 0;
	if (!train && !test) {
		if (o->split == SPLIT_TEST)
			return error_set(e, "%s: not divided into groups train and test, so it has no test part", file);
		return part_stat(f, file, "", &p[(*n)++], e);
	}
	for (int k = SPLIT_TRAIN; k <= SPLIT_TEST; k++)
		if ((o->split == SPLIT_ALL || (int)o->split == k) && !part_stat(f, file, group[k], &p[(*n)++], e))
			return false;
	if (*n == 2 && (p[0].h != p[1].h || p[0].w != p[1].w || p[0].c != p[1].c || !*p[0].labels != !*p[1].labels))
		return error_set(e, "%s: the images of /train and /test differ in size, or only one has labels", file);
	return true;
}

static bool parts_read(h5 *f, dataset *d, const dataset_options *o, error *e)
{
	h5_part p[2];
	int n;
	if (!parts_stat(f, d->path, o, p, &n, e))
		return false;
	const int64_t total = p[0].n + (n == 2 ? p[1].n : 0);
	const bool labels = *p[0].labels;
	if (!dataset_reserve(d, limit_of(o, total), p[0].h, p[0].w, p[0].c, labels, e))
		return false;
	int64_t at = 0;
	for (int i = 0; i < n; i++) {
		const int64_t take = MIN(p[i].n, d->n - at);
		if (take && !pixels_read(f, d, &p[i], at, take, e))
			return false;
		if (labels && !labels_read(f, d, &p[i], at, take, e))
			return false;
		at += take;
	}
	return true;
}

bool hdf5_read(dataset *d, const dataset_options *o, error *e)
{
	h5 *f = h5_open(d->path, e);
	const bool ok = f && parts_read(f, d, o, e);
	h5_close(f);
	return ok;
}
