/* hdf5.c - images and labels in an HDF5 file, through core/h5/h5.h, in a confined child process (core/base/confine.h):
 * the library crashes on some damaged files. The child sends sizes, then pixels, then labels.
 *
 * Images are bytes or floats, [n,h,w], [n,h,w,c] or [n,c,h,w] with c 1 or 3. Floats are taken as
 * -1..1 when one is negative, else as 0..1 when none is above 1, else as 0..255. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/confine.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "data/dataset_internal.h"
#include "data/picture/image.h"

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
static bool axes_set(h5_part *p, const char *file, fault *e)
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
		return fault_at(e, file, "%s has the shape %s, images are [n,h,w], [n,h,w,c] or [n,c,h,w] with c 1 or "
			"3", p->images, shape_print(s).s);
	}
	return true;
}

static bool labels_stat(h5 *f, const char *file, const h5_part *p, fault *e)
{
	h5_info l;
	if (!h5_stat(f, p->labels, &l, e))
		return false;
	if (l.is_group || l.type == H5_OTHER || l.s.rank < 1 || shape_count(&l.s) != l.s.dim[0])
		return fault_at(e, file, "%s has the shape %s, labels are one number per image: [n] or [n,1]",
			p->labels, shape_print(&l.s).s);
	return l.s.dim[0] == p->n || fault_at(e, file, "%" PRId64 " labels for %" PRId64 " images", l.s.dim[0],
		p->n);
}

static bool part_stat(h5 *f, const char *file, const char *group, h5_part *p, fault *e)
{
	*p = (h5_part){0};
	if (!first_of(f, group, image_name, p->images, sizeof p->images))
		return fault_at(e, file, "no data set images (or imgs, x, data) in %s", *group ? group : "/");
	first_of(f, group, label_name, p->labels, sizeof p->labels);
	if (!h5_stat(f, p->images, &p->info, e))
		return false;
	if (p->info.is_group || p->info.type == H5_OTHER || p->info.s.rank < 3)
		return fault_at(e, file, "%s is not a data set of images: needs numbers in 3 or 4 axes", p->images);
	return axes_set(p, file, e) && (!*p->labels || labels_stat(f, file, p, e));
}

/* ---- pixels ---- */

/* How stored numbers become bytes: v * scale + shift. */
static bool range_find(const real *x, int64_t n, const char *file, const char *path, double *scale, double *shift,
	fault *e)
{
	double lo = INFINITY, hi = -INFINITY;
	for (int64_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return fault_at(e, file, "%s: value %" PRId64 " is not a number", path, i);
		lo = MIN(lo, (double)x[i]);
		hi = MAX(hi, (double)x[i]);
	}
	if (lo < -1.001 || hi > 255.001 || (lo < 0 && hi > 1.001))
		return fault_at(e, file, "%s: values from %g to %g; allowed are 0 to 255, 0 to 1, or -1 to 1", path,
			lo, hi);
	*scale = lo < 0 ? PIXEL_HALF : hi <= 1 ? 255 : 1;
	*shift = lo < 0 ? PIXEL_HALF : 0;
	return true;
}

/* All images, because their range decides what the numbers mean; `take` of them become bytes in to. */
static bool floats_read(h5 *f, const h5_part *p, const char *file, int64_t take, uint8_t *to, fault *e)
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

/* Images in the order [h,w,c], to the parent. */
static bool images_send(const h5_part *p, uint8_t *x, int64_t n, uint8_t *temp, confine_out *out)
{
	const int64_t bytes = p->h * p->w * p->c;
	for (int64_t i = 0; p->planes && p->c > 1 && i < n; i++)
		planes_join(x + i * bytes, temp, p->h * p->w, p->c);
	return confine_put(out, x, (size_t)(n * bytes));
}

/* Bytes come in pieces, so that only the parent has them all; floats as a whole. */
static bool pixels_send(h5 *f, const char *file, const h5_part *p, int64_t take, confine_out *out, fault *e)
{
	enum { PIECE = 64 << 20 };
	const int64_t bytes = p->h * p->w * p->c;
	const bool floats = p->info.type == H5_F32 || p->info.type == H5_F64;
	const int64_t step = floats ? take : MIN(take, MAX(1, PIECE / bytes));
	uint8_t *x = mem_new((size_t)step, (size_t)bytes, e), *temp = mem_new((size_t)bytes, 1, e);
	bool ok = x && temp;
	for (int64_t lo = 0; ok && lo < take; lo += step) {
		const int64_t hi = MIN(lo + step, take);
		ok = (floats ? floats_read(f, p, file, take, x, e)
			     : h5_read_rows_u8(f, p->images, lo, hi, x, (hi - lo) * bytes, e)) &&
			images_send(p, x, hi - lo, temp, out);
	}
	free(x);
	free(temp);
	return ok;
}

/* ---- labels ---- */

/* All labels are checked and count for *classes, `take` of them are sent. */
static bool labels_send(h5 *f, const char *file, const h5_part *p, int64_t take, int32_t *classes, confine_out *out,
	fault *e)
{
	double *x = mem_new((size_t)p->n, sizeof *x, e);
	bool ok = x && h5_read_f64(f, p->labels, x, p->n, e);
	for (int64_t i = 0; ok && i < p->n; i++) {
		if (!(x[i] >= 0 && x[i] < DATA_CLASSES_MAX && x[i] == floor(x[i]))) {
			ok = fault_at(e, file, "%s: label %" PRId64 " is %g, allowed are whole numbers 0 to %d",
				p->labels, i, x[i], DATA_CLASSES_MAX - 1);
			break;
		}
		const int32_t label = (int32_t)x[i];
		*classes = MAX(*classes, label + 1);
		ok = i >= take || confine_put(out, &label, sizeof label);
	}
	free(x);
	return ok;
}

/* ---- parts ---- */

static bool parts_stat(h5 *f, const char *file, const dataset_options *o, h5_part *p, int *n, fault *e)
{
	static const char *const group[] = {"/train", "/test"};
	const bool train = h5_exists(f, group[0]), test = h5_exists(f, group[1]);
	*n = 0;
	if (!train && !test) {
		if (o->split == SPLIT_TEST)
			return fault_at(e, file, "not divided into groups train and test, so it has no test part");
		return part_stat(f, file, "", &p[(*n)++], e);
	}
	for (int k = SPLIT_TRAIN; k <= SPLIT_TEST; k++)
		if ((o->split == SPLIT_ALL || (int)o->split == k) && !part_stat(f, file, group[k], &p[(*n)++], e))
			return false;
	if (*n == 2 && (p[0].h != p[1].h || p[0].w != p[1].w || p[0].c != p[1].c || !*p[0].labels != !*p[1].labels))
		return fault_at(e, file, "the images of /train and /test differ in size, or only one has labels");
	return true;
}

/* What is sent first. */
typedef struct header {
	int64_t n, h, w, c;
	bool labels;
} header;

/* How many images of part i are wanted, of those that fit into the limit. */
static int64_t share(const h5_part *p, int i, int64_t n)
{
	const int64_t before = i ? MIN(p[0].n, n) : 0;
	return MIN(p[i].n, n - before);
}

static bool parts_send(h5 *f, const char *file, const dataset_options *o, confine_out *out, fault *e)
{
	h5_part p[2];
	int n;
	int32_t classes = 0;
	if (!parts_stat(f, file, o, p, &n, e))
		return false;
	const header head = {limit_of(o, p[0].n + (n == 2 ? p[1].n : 0)), p[0].h, p[0].w, p[0].c, *p[0].labels != '\0'};
	bool ok = confine_put(out, &head, sizeof head);
	for (int i = 0; ok && i < n; i++)
		ok = share(p, i, head.n) == 0 || pixels_send(f, file, &p[i], share(p, i, head.n), out, e);
	for (int i = 0; ok && head.labels && i < n; i++)
		ok = labels_send(f, file, &p[i], share(p, i, head.n), &classes, out, e);
	return ok && confine_put(out, &classes, sizeof classes);
}

typedef struct job {
	const char *path;
	const dataset_options *o;
} job;

static bool child(void *ctx, confine_out *out, fault *e)
{
	const job *j = ctx;
	h5 *f = h5_open(j->path, e);
	const bool ok = f && parts_send(f, j->path, j->o, out, e);
	h5_close(f);
	return ok;
}

/* ---- the program's side ---- */

static bool labels_sane(const dataset *d, int32_t classes, fault *e)
{
	bool ok = d->label ? classes > 0 && classes <= DATA_CLASSES_MAX : classes == 0;
	for (int64_t i = 0; ok && d->label && i < d->n; i++)
		ok = d->label[i] >= 0 && d->label[i] < classes;
	return ok || fault_at(e, d->path, "damaged file (the reader's labels make no sense)");
}

/* *whole: all came. False, and not whole: the child has the reason. */
static bool parts_take(confine *c, dataset *d, bool *whole, fault *e)
{
	header head;
	int32_t classes;
	*whole = false;
	if (!confine_take(c, &head, sizeof head))
		return true;
	if (!dataset_reserve(d, head.n, head.h, head.w, head.c, head.labels, e))
		return false;
	*whole = confine_take(c, d->pixels, (size_t)dataset_bytes(d)) &&
		(!d->label || confine_take(c, d->label, (size_t)d->n * sizeof *d->label)) &&
		confine_take(c, &classes, sizeof classes);
	if (*whole)
		d->classes = classes;
	return !*whole || labels_sane(d, classes, e);
}

/* A minute, and one more for every 100 MB: packed files take long. Memory: this machine's. */
static confine_limits limits_of(const char *path)
{
	struct stat st;
	const int64_t length = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
	const int minutes = 1 + (int)MIN(length / 100000000, 1000);
	const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	return (confine_limits){.cpu_s = 60 * minutes, .wall_s = 600 * minutes, .memory = (size_t)memory};
}

static bool hdf5_read(dataset *d, const dataset_options *o, fault *e)
{
	bool whole;
	job j = {d->path, o};
	const confine_limits l = limits_of(d->path);
	confine *c = confine_start(d->path, child, &j, &l, e);
	if (!c)
		return false;
	if (!parts_take(c, d, &whole, e)) {
		confine_stop(c);
		return false;
	}
	return confine_end(c, e) && (whole || fault_at(e, d->path, "damaged file (the reader ended early)"));
}

static bool is_hdf5_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)length;
	return head_is(head, n, "\211HDF\r\n\032\n", 8);
}

extern const data_format format_hdf5;
const data_format format_hdf5 = {"hdf5", "HDF5", hdf5_read, is_hdf5_file, NULL};
