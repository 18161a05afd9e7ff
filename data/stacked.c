/* stacked.c - images of which each colour is a gray image of its own: the benchmark of lost modes (Stacked MNIST,
 * arXiv 1611.02163 and 1712.04086). Ten digits in three colours make 1,000 classes, of which a generator should make
 * all.
 *
 * Any gray set with labels is read, by its own format. As many images are made as it has, of three drawn at random,
 * each as likely as the others; class (r K + g) K + b has the images of classes r, g and b of K as red, green and blue.
 * The draws follow from the seed and the part (train, test) alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "data/class_names.h"
#include "data/dataset_internal.h"

enum { COLOURS = 3 };

extern const data_format format_stacked;
const data_format format_stacked = {.name = "stacked"};

static bool check(const dataset *from, fault *e)
{
	if (from->c != 1)
		return fault_at(e, from->path, "stacked: each colour is a gray image, but these have colours");
	if (!from->label || from->classes < 2)
		return fault_at(e, from->path, "stacked: images with labels of two classes or more are needed");
	const int64_t K = from->classes;
	return K * K * K <= DATA_CLASSES_MAX || fault_at(e, from->path, "stacked: %d classes make %" PRId64
		" in three colours; at most %d are allowed", from->classes, K * K * K, DATA_CLASSES_MAX);
}

/* One image of the set becomes a colour of another. */
static void put_colour(const dataset *from, int64_t which, uint8_t *to, int colour)
{
	const int64_t size = dataset_image_bytes(from);
	const uint8_t *x = from->pixels + which * size;
	for (int64_t i = 0; i < size; i++)
		to[COLOURS * i + colour] = x[i];
}

static void draw(dataset *d, const dataset *from, const dataset_options *o)
{
	char purpose[32];
	snprintf(purpose, sizeof purpose, "stacked %s", data_split_name[o->split]);
	rng r = rng_new(o->seed, purpose);
	for (int64_t i = 0; i < d->n; i++) {
		d->label[i] = 0;
		for (int c = 0; c < COLOURS; c++) {
			const int64_t which = rng_below(&r, from->n);
			put_colour(from, which, d->pixels + i * dataset_image_bytes(d), c);
			d->label[i] = d->label[i] * from->classes + from->label[which];
		}
	}
}

/* "305" of digits, "Bag/Coat/Bag" of longer names. */
static bool names(dataset *d, const dataset *from, fault *e)
{
	const int K = from->classes;
	const char *between = "";
	d->classes = K * K * K;
	d->class_name = mem_zero((size_t)d->classes, sizeof *d->class_name, e);
	for (int k = 0; k < K; k++)
		if (strlen(from->class_name[k]) > 1)
			between = "/";
	bool ok = d->class_name != NULL;
	for (int k = 0; ok && k < d->classes; k++) {
		char name[400];
		snprintf(name, sizeof name, "%.120s%s%.120s%s%.120s", from->class_name[k / K / K], between,
			from->class_name[k / K % K], between, from->class_name[k % K]);
		ok = (d->class_name[k] = text_copy(name, e)) != NULL;
	}
	return ok;
}

dataset *stacked_open(const char *path, const dataset_options *o, fault *e)
{
	dataset_options gray = *o;
	gray.format = NULL;
	gray.limit = 0;
	gray.channels = 0;
	if (o->channels == 1)
		return fault_at(e, path, "stacked: three gray images make one of three channels, not of 1"), NULL;
	dataset *from = dataset_open(path, &gray, e);
	dataset *d = from && check(from, e) ? mem_zero(1, sizeof *d, e) : NULL;
	bool ok = d && (d->path = text_copy(path, e)) != NULL;
	if (ok) {
		snprintf(d->kind, sizeof d->kind, "%s", format_stacked.name);
		ok = dataset_reserve(d, limit_of(o, from->n), from->h, from->w, COLOURS, true, e) && names(d, from, e)
			&& dataset_note(d, e, "each image is three of %" PRId64 " gray ones of %s, drawn by the seed",
				from->n, from->kind);
	}
	if (ok)
		draw(d, from, o);
	dataset_free(from);
	if (ok)
		return d;
	dataset_free(d);
	return NULL;
}
