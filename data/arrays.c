/* arrays.c - images and labels of a file of named arrays, in a confined child process. The child sends what it found,
 * then pixels, then labels. */
#include "data/arrays.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/confine.h"
#include "core/base/local.h"
#include "data/arrays_internal.h"
#include "data/bundle.h"
#include "data/picture/image.h"
#include "data/range.h"

/* ---- the child ---- */

/* What is sent first. */
typedef struct header {
	int64_t n, h, w, c;
	bool labels;
	int classes, least_label;                    /* one more than the greatest label; the least one */
	range_found range;
	char arrays[320], hot[160], odd[240], others[240];   /* notes; "": none */
} header;

typedef struct job {
	const place *place;
	const char *path, *on_disk;                  /* of place; of the file that it is, or lies in */
	const dataset_options *o;
	const array_reader *r;
	void *file;                                  /* own */
	array_parts parts;
	header head;
	bool misfit;                                 /* numbers that were read are no labels */
	confine_out *out;
	fault *e;
} job;

/* The part that is asked for, or the first there is. */
static const array_part *first_part(const job *j)
{
	const array_part *p = j->parts.part;
	const int asked = j->parts.divided && j->o->split == SPLIT_TEST ? 1 : 0;
	return &p[p[asked].n ? asked : !asked];
}

static int64_t image_values(const array_part *p)
{
	return p->h * p->w * p->c;
}

/* Rows that fit into a piece of the memory. */
static int64_t rows_step(int64_t row_bytes)
{
	enum { PIECE = 64 << 20 };
	return MAX(1, PIECE / MAX(row_bytes, 1));
}

/* ---- range ---- */

static bool part_count(job *j, const array_part *p, range_count *c)
{
	const int64_t values = image_values(p), size = p->info.bytes ? 1 : (int64_t)sizeof(real);
	const int64_t step = MIN(rows_step(values * size), p->n);
	void *x = mem_new((size_t)(step * values), (size_t)size, j->e);
	bool ok = x != NULL;
	for (int64_t lo = 0; ok && lo < p->n; lo += step) {
		const int64_t hi = MIN(lo + step, p->n), n = (hi - lo) * values;
		ok = p->info.bytes ? j->r->rows_u8(j->file, p->images, lo, hi, x, n, j->e)
				   : j->r->rows_real(j->file, p->images, lo, hi, x, n, j->e);
		if (ok && p->info.bytes)
			range_count_bytes(c, x, n);
		else if (ok)
			range_count_reals(c, x, n);
	}
	free(x);
	return ok;
}

/* The range of one part alone; RANGE_AUTO: none. */
static enum data_range range_alone(const range_count *c)
{
	range_found f;
	return range_decide(c, RANGE_AUTO, "", &f, NULL) ? f.range : RANGE_AUTO;
}

/* A part that was stored in another range than the other is read nearly black. */
static void range_compare(job *j, const enum data_range *alone)
{
	for (int i = 0; i < j->parts.n; i++)
		if (!j->head.range.asked && j->parts.part[i].n && alone[i] != j->head.range.range)
			snprintf(j->head.odd, sizeof j->head.odd, "warning: alone, %.100s would be read as %s: the "
				"two parts seem to be stored differently", j->parts.part[i].images,
				data_range_name[alone[i]]);
}

/* All values of all parts count, whatever part and limit are asked for: the same file always means the same. */
static bool range_find(job *j)
{
	char where[ARRAY_PATH + 1024];
	enum data_range alone[2] = {RANGE_AUTO, RANGE_AUTO};
	range_count *c = range_count_new(j->e);
	bool ok = c != NULL;
	for (int i = 0; ok && i < j->parts.n; i++) {
		range_count *one = range_count_new(j->e);
		ok = one && part_count(j, &j->parts.part[i], one);
		if (ok && j->parts.part[i].n) {
			alone[i] = range_alone(one);
			range_count_add(c, one);
		}
		range_count_free(one);
	}
	snprintf(where, sizeof where, "%s: %s", j->path, first_part(j)->images);
	ok = ok && range_decide(c, j->o->range, where, &j->head.range, j->e);
	if (ok)
		range_compare(j, alone);
	range_count_free(c);
	return ok;
}

/* ---- pixels ---- */

/* Images as the program has them, [h,w,1] or [h,w,3], to the parent. */
static bool images_send(const job *j, const array_part *p, uint8_t *x, int64_t n, uint8_t *temp)
{
	const int64_t values = image_values(p), pixels = p->h * p->w;
	uint8_t background[3];
	for (int64_t i = 0; p->planes && p->c > 1 && i < n; i++) {
		memcpy(temp, x + i * values, (size_t)values);
		image_join_planes(temp, pixels, (int)p->c, x + i * values);
	}
	if (p->c == 4) {
		background_of(j->o, background);
		image_lay_over(x, n * pixels, 3, background, x);
	}
	return confine_put(j->out, x, (size_t)(n * pixels * j->head.c));
}

/* Rows [lo,hi) as bytes of 0..255; raw has room for them as reals. */
static bool rows_bytes(job *j, const array_part *p, int64_t lo, int64_t hi, uint8_t *x, real *raw)
{
	const int64_t n = (hi - lo) * image_values(p);
	const enum data_range range = j->head.range.range;
	if (!p->info.bytes) {
		if (!j->r->rows_real(j->file, p->images, lo, hi, raw, n, j->e))
			return false;
		range_bytes(range, raw, n, x);
		return true;
	}
	if (!j->r->rows_u8(j->file, p->images, lo, hi, x, n, j->e))
		return false;
	real value[256];
	uint8_t of[256];
	for (int v = 0; v < 256; v++)
		value[v] = (real)v;
	range_bytes(range, value, 256, of);
	for (int64_t i = 0; i < n && range != RANGE_0_255; i++)
		x[i] = of[x[i]];
	return true;
}

static bool pixels_send(job *j, const array_part *p, int64_t take)
{
	const int64_t values = image_values(p), step = MIN(rows_step(values * (int64_t)sizeof(real)), MAX(take, 1));
	uint8_t *x = mem_new((size_t)step, (size_t)values, j->e), *temp = mem_new((size_t)values, 1, j->e);
	real *raw = p->info.bytes ? NULL : mem_new((size_t)(step * values), sizeof *raw, j->e);
	bool ok = x && temp && (raw || p->info.bytes);
	for (int64_t lo = 0; ok && lo < take; lo += step) {
		const int64_t hi = MIN(lo + step, take);
		ok = rows_bytes(j, p, lo, hi, x, raw) && images_send(j, p, x, hi - lo, temp);
	}
	free(x);
	free(temp);
	free(raw);
	return ok;
}

/* ---- labels ---- */

/* The class that row i of the labels says, or -1 with the error set. */
static int64_t class_of(job *j, const array_part *p, const double *row, int64_t i)
{
	j->misfit = true;                            /* until it fits */
	if (p->label_width == 1) {
		const double y = row[0];
		if (y >= 0 && y < DATA_CLASSES_MAX && y == floor(y))
			return j->misfit = false, (int64_t)y;
		fault_at(j->e, j->path, "%s: label %" PRId64 " is %g, allowed are whole numbers 0 to "
			"%d" WITHOUT_LABELS, p->labels, i, y, DATA_CLASSES_MAX - 1);
		return -1;
	}
	int64_t hot = -1, ones = 0, others = 0;
	for (int64_t k = 0; k < p->label_width; k++) {
		hot = row[k] == 1 ? k : hot;
		ones += row[k] == 1;
		others += row[k] != 0 && row[k] != 1;
	}
	if (ones == 1 && others == 0)
		return j->misfit = false, hot;
	fault_at(j->e, j->path, "%s: row %" PRId64 " is not one-hot (a single 1, else 0); labels are that, or one "
		"number per image" WITHOUT_LABELS, p->labels, i);
	return -1;
}

/* Calls take for the class of each of the first n images, until it returns false. */
static bool labels_each(job *j, const array_part *p, int64_t n, bool (*take)(job *j, int64_t label))
{
	const int64_t width = p->label_width, step = MIN(rows_step(width * (int64_t)sizeof(double)), MAX(n, 1));
	double *x = mem_new((size_t)(step * width), sizeof *x, j->e);
	bool ok = x != NULL;
	for (int64_t lo = 0; ok && lo < n; lo += step) {
		const int64_t hi = MIN(lo + step, n);
		ok = j->r->rows_f64(j->file, p->labels, lo, hi, x, (hi - lo) * width, j->e);
		for (int64_t i = lo; ok && i < hi; i++) {
			const int64_t label = class_of(j, p, x + (i - lo) * width, i);
			ok = label >= 0 && take(j, label);
		}
	}
	free(x);
	return ok;
}

static bool label_count(job *j, int64_t label)
{
	j->head.classes = MAX(j->head.classes, (int)label + 1);
	j->head.least_label = MIN(j->head.least_label, (int)label);
	return true;
}

/* An array that was only guessed to be labels, by its shape, may be something else: latents beside the images. */
static void guess_drop(job *j, array_part *p)
{
	snprintf(j->head.hot, sizeof j->head.hot, "%.80s has a row for each image, but is neither classes nor one-hot",
		p->labels);
	p->label_width = 0;
	p->labels[0] = '\0';
	j->head.classes = 0;
}

/* The labels of all parts count, so that neither limit nor part changes the networks. */
static bool labels_count(job *j)
{
	bool ok = true;
	j->head.least_label = DATA_CLASSES_MAX;
	for (int i = 0; ok && i < j->parts.n; i++) {
		array_part *p = &j->parts.part[i];
		ok = labels_each(j, p, p->n, label_count);
		if (!ok && j->misfit && p->guessed) {
			guess_drop(j, p);
			return true;                 /* an undivided set: there is one part */
		}
		if (p->label_width > 1) {            /* one-hot rows say how many there are */
			j->head.classes = (int)p->label_width;
			j->head.least_label = 0;
		}
	}
	return ok;
}

static bool label_send(job *j, int64_t label)
{
	const int32_t class = (int32_t)label;
	return confine_put(j->out, &class, sizeof class);
}

/* ---- parts ---- */

/* Whether part i is asked for, and how many of its images, of those that fit into the limit. */
static int64_t share(const job *j, int i)
{
	const array_part *p = j->parts.part;
	const bool all = !j->parts.divided || j->o->split == SPLIT_ALL;
	if (!all && (int)j->o->split != i)
		return 0;
	const int64_t before = all && i ? p[0].n : 0, limit = j->o->limit;
	return limit > 0 ? MAX(0, MIN(p[i].n, limit - before)) : p[i].n;
}

/* Images of parts that were asked for. */
static bool shares_check(job *j)
{
	const array_parts *p = &j->parts;
	if (!p->divided && j->o->split == SPLIT_TEST)
		return fault_at(j->e, j->path, "not divided into train and test, so it has no test part");
	if (p->divided && j->o->split != SPLIT_ALL && !p->part[j->o->split].n)
		return fault_at(j->e, j->path, "no images of the %s part; it has %s", data_split_name[j->o->split],
			p->part[!j->o->split].images);
	for (int i = 0; i < p->n; i++)
		j->head.n += share(j, i);
	return j->head.n > 0 || fault_at(j->e, j->path, "contains no images");
}

static void header_fill(job *j)
{
	const array_part *p = first_part(j);
	header *h = &j->head;
	h->h = p->h;
	h->w = p->w;
	h->c = p->c == 4 ? 3 : p->c;
	h->labels = p->label_width > 0;
	snprintf(h->arrays, sizeof h->arrays, "images: %.100s %.60s %s as %s%s%.100s", p->images,
		shape_print(&p->info.s).s, p->info.type,
		p->info.s.rank == 3 ? "[n,h,w]" : p->planes ? "[n,c,h,w]" : "[n,h,w,c]",
		h->labels ? "; labels: " : "; no labels", p->labels);
	if (*j->parts.others)
		snprintf(h->others, sizeof h->others, "warning: arrays of other parts that are passed over: %.180s",
			j->parts.others);
	if (h->labels && p->label_width > 1)
		snprintf(h->hot, sizeof h->hot, "labels are one-hot, %" PRId64 " classes", p->label_width);
}

/* All values are looked at, whatever is asked for. */
static bool size_check(const job *j)
{
	double bytes = 0;
	for (int i = 0; i < j->parts.n; i++)
		bytes += (double)j->parts.part[i].n * (double)image_values(&j->parts.part[i]);
	return packed_check(j->on_disk, bytes, j->e);
}

static bool parts_send(job *j)
{
	if (!arrays_find(&j->parts, j->file, j->r, j->path, j->o, j->e) || !size_check(j) || !shares_check(j))
		return false;
	bool labels = j->parts.part[0].label_width || j->parts.part[1].label_width;
	if (!range_find(j) || (labels && !labels_count(j)))
		return false;
	labels = j->parts.part[0].label_width || j->parts.part[1].label_width;   /* a guess may have gone */
	header_fill(j);
	bool ok = confine_put(j->out, &j->head, sizeof j->head);
	for (int i = 0; ok && i < j->parts.n; i++)
		ok = !share(j, i) || pixels_send(j, &j->parts.part[i], share(j, i));
	for (int i = 0; ok && labels && i < j->parts.n; i++)
		ok = !share(j, i) || labels_each(j, &j->parts.part[i], share(j, i), label_send);
	return ok;
}

static bool child(void *ctx, confine_out *out, fault *e)
{
	job *j = ctx;
	j->out = out;
	j->e = e;
	j->file = j->r->open(j->place, e);
	const bool ok = j->file && parts_send(j);
	j->r->close(j->file);
	return ok;
}

/* ---- the program's side ---- */

static bool labels_sane(const dataset *d, fault *e)
{
	bool ok = d->label ? d->classes > 0 && d->classes <= DATA_CLASSES_MAX : d->classes == 0;
	for (int64_t i = 0; ok && d->label && i < d->n; i++)
		ok = d->label[i] >= 0 && d->label[i] < d->classes;
	return ok || fault_at(e, d->path, "damaged file (the reader's labels make no sense)");
}

static bool notes_take(dataset *d, header *h, fault *e)
{
	char text[400];
	h->arrays[sizeof h->arrays - 1] = h->hot[sizeof h->hot - 1] = h->odd[sizeof h->odd - 1] =
		h->others[sizeof h->others - 1] = '\0';
	if (h->range.range <= RANGE_AUTO || h->range.range >= RANGES)
		return fault_at(e, d->path, "damaged file (the reader's range makes no sense)");
	return dataset_note(d, e, "%s", h->arrays) && (!*h->hot || dataset_note(d, e, "%s", h->hot)) &&
		dataset_note(d, e, "%s", range_print(&h->range, text, sizeof text)) &&
		(!range_warning(&h->range, text, sizeof text) || dataset_note(d, e, "%s", text)) &&
		(!*h->odd || dataset_note(d, e, "%s", h->odd)) &&
		(!*h->others || dataset_note(d, e, "%s", h->others));
}

/* *whole: all came. False, and not whole: the child has the reason. */
static bool all_take(confine *c, dataset *d, bool *whole, fault *e)
{
	header h;
	*whole = false;
	if (!confine_take(c, &h, sizeof h))
		return true;
	if (!packed_check(d->path, (double)h.n * (double)h.h * (double)h.w * (double)h.c, e)
		|| !dataset_reserve(d, h.n, h.h, h.w, h.c, h.labels, e))
		return false;
	*whole = confine_take(c, d->pixels, (size_t)dataset_bytes(d)) &&
		(!d->label || confine_take(c, d->label, (size_t)d->n * sizeof *d->label));
	if (!*whole)
		return true;
	d->classes = h.classes;
	return labels_sane(d, e) && notes_take(d, &h, e) && labels_from_0(d, h.least_label, e);
}

/* Bytes of the file as it is stored; of an archive in memory those of all its files. */
static int64_t stored_bytes(const place *p)
{
	int64_t n;
	return p->in ? bundle_size(p->in) : bytes_count(NULL, p->path, &n, NULL) ? n : 0;
}

bool arrays_read(dataset *d, const place *p, const dataset_options *o, const array_reader *r, fault *e)
{
	bool whole;
	job j = {.place = p, .path = p->path, .on_disk = d->path, .o = o, .r = r};
	const confine_limits l = confine_limits_for(stored_bytes(p), machine_memory());
	confine *c = confine_start(d->path, child, &j, &l, e);
	if (!c)
		return false;
	if (!all_take(c, d, &whole, e)) {
		confine_stop(c);
		return false;
	}
	return confine_end(c, e) && (whole || fault_at(e, d->path, "damaged file (the reader ended early)"));
}
