/* dataset.c - what kind of files a path holds, memory for them, and what every reader's images go through after it. */
#include "data/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/class_names.h"
#include "data/dataset_internal.h"
#include "data/bundle.h"
#include "data/picture/image.h"

const char *const data_train_words[] = {"train", "training", "train_set", "training_set", NULL};
const char *const data_test_words[] = {
	"test", "testing", "test_set", "val", "valid", "validation", "validate", "validation_set", "val_set", "dev",
	"eval", NULL
};
const char *const data_split_name[] = {"train", "test", "all", NULL};

/* In a folder the first kind wins, so that a stray picture or subfolder does not hide the archive. */
extern const data_format format_idx, format_cifar10, format_cifar100, format_numpy, format_hdf5, format_stacked;
const data_format format_auto = {.name = "auto"};
const data_format *const data_formats[] = {
	&format_auto, &format_idx, &format_cifar10, &format_cifar100, &format_numpy, &format_pictures, &format_hdf5,
	&format_stacked, NULL
};

const word_renamed data_formats_renamed[] = {{"png", "pictures"}, {NULL, NULL}};

/* ---- memory ---- */

int64_t dataset_image_bytes(const dataset *d)
{
	return (int64_t)d->h * d->w * d->c;
}

int64_t dataset_bytes(const dataset *d)
{
	return d->n * dataset_image_bytes(d);
}

int64_t limit_of(const dataset_options *o, int64_t n)
{
	return o->limit > 0 ? MIN(o->limit, n) : n;
}

bool memory_check(const char *what, double bytes, fault *e)
{
	const double has = machine_memory();
	return bytes <= has || fault_set(e, "%s needs %.1f GB of memory, this machine has %.1f GB: "
		"set a limit or a smaller size", what, bytes * 1e-9, has * 1e-9);
}

bool dataset_reserve(dataset *d, int64_t n, int64_t h, int64_t w, int64_t c, bool labels, fault *e)
{
	if (n < 1)
		return fault_at(e, d->path, "contains no images");
	if (h < 1 || w < 1 || h > DATA_SIDE_MAX || w > DATA_SIDE_MAX)
		return fault_at(e, d->path, "images of %" PRId64 "x%" PRId64 ", allowed are 1 to %d pixels a side",
			h, w, DATA_SIDE_MAX);
	if (c != 1 && c != 3)
		return fault_at(e, d->path, "%" PRId64 " channels, allowed are 1 (gray) and 3 (RGB)", c);
	char what[512];
	snprintf(what, sizeof what, "%.300s: %" PRId64 " images of %dx%dx%d", d->path, n, (int)h, (int)w, (int)c);
	if (!memory_check(what, (double)n * (double)(h * w * c + (labels ? 4 : 0)), e))
		return false;
	d->n = n;
	d->h = (int)h;
	d->w = (int)w;
	d->c = (int)c;
	d->pixels = mem_new((size_t)n, (size_t)(h * w * c), e);
	d->label = labels && d->pixels ? mem_new((size_t)n, sizeof *d->label, e) : NULL;
	return (d->pixels && (d->label || !labels)) || fault_set(e, "%s do not fit into memory", what);
}

void dataset_free(dataset *d)
{
	if (!d)
		return;
	for (int i = 0; d->class_name && i < d->classes; i++)
		free(d->class_name[i]);
	free(d->class_name);
	for (int i = 0; i < d->notes; i++)
		free(d->note[i]);
	free(d->note);
	free(d->label);
	free(d->pixels);
	free(d->path);
	free(d);
}

bool dataset_note(dataset *d, fault *e, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	char **more = realloc(d->note, (size_t)(d->notes + 1) * sizeof *more);
	if (!more)
		return fault_at(e, d->path, "out of memory");
	d->note = more;
	d->note[d->notes] = text_copy(text, e);
	return d->note[d->notes] && ++d->notes;
}

/* ---- classes ---- */

enum { NAMES_BYTES_MAX = 1 << 20 };

static bool class_lines(names *l, char *text, fault *e)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
		if (line[strspn(line, " \t")] && !names_add(l, line, e))
			return false;
	return true;
}

/* The names replace those of d. own: l. */
static bool names_take(dataset *d, names *l, const char *where, int lo, int hi, fault *e)
{
	if (l->n < lo || l->n > hi) {
		const char *how = lo == hi ? "" : lo > 1 ? "at least " : "1 to ";
		fault_at(e, where, "%" PRId64 " class names, needs %s%d", l->n, how, lo > 1 ? lo : hi);
		return names_free(l), false;
	}
	for (int i = 0; d->class_name && i < d->classes; i++)
		free(d->class_name[i]);
	free(d->class_name);
	d->class_name = l->name;
	d->classes = (int)l->n;
	return true;
}

static char *text_read(const bundle *in, const char *path, fault *e)
{
	int64_t size = 0;
	source *s = NULL;
	char *text = NULL;
	const bool ok = file_length(in, path, NAMES_BYTES_MAX, &size, e) && (s = source_open(in, path, e)) &&
		(text = mem_zero((size_t)size + 1, 1, e)) && source_read(s, text, size, e);
	source_close(s);
	if (ok) {
		const size_t mark = text_mark(text, (size_t)size);
		return memmove(text, text + mark, (size_t)size + 1 - mark);
	}
	free(text);
	return NULL;
}

bool class_names_read(dataset *d, const bundle *in, const char *path, int want, fault *e)
{
	if (type_of(in, path) == FILE_MISSING)
		return true;
	names l = {0};
	char *text = text_read(in, path, e);
	const bool ok = text && class_lines(&l, text, e);
	free(text);
	if (!ok)
		return names_free(&l), false;
	return names_take(d, &l, path, want ? want : 1, want ? want : DATA_CLASSES_MAX, e);
}

bool class_names_set(dataset *d, const char *text, const char *where, fault *e)
{
	names l = {0};
	char *copy = text_copy(text, e);
	const bool ok = copy && class_lines(&l, copy, e);
	free(copy);
	if (!ok)
		return names_free(&l), false;
	return names_take(d, &l, where, MAX(d->classes, 1), DATA_CLASSES_MAX, e);
}

/* "cat, dog" as lines. */
static char *list_lines(const char *list, fault *e)
{
	char *text = mem_zero(strlen(list) + 2, 1, e), *to = text;
	for (const char *p = list; text && *p;) {
		p += strspn(p, ", ");
		size_t n = strcspn(p, ",");
		const char *next = p + n;
		while (n && p[n - 1] == ' ')
			n--;
		memcpy(to, p, n);
		to += n;
		if (n)
			*to++ = '\n';
		p = next;
	}
	return text;
}

/* As the user calls them. */
static bool class_names_wanted(dataset *d, const dataset_options *o, fault *e)
{
	const char *wanted = data_wish(o->class_names);
	if (!wanted)
		return true;
	if (!d->label)
		return fault_at(e, d->path, "has no labels, so its classes cannot be named");
	const bool list = !class_names_are_file(wanted);
	char *text = list ? list_lines(wanted, e) : text_read(NULL, wanted, e);
	const bool ok = text && class_names_set(d, text, list ? CLASS_NAMES_PLACE : wanted, e);
	free(text);
	return ok;
}

static bool class_names_from(dataset *d, int first, fault *e)
{
	d->class_name = mem_zero((size_t)d->classes, sizeof *d->class_name, e);
	bool ok = d->class_name != NULL;
	for (int i = 0; ok && i < d->classes; i++) {
		char number[16];
		snprintf(number, sizeof number, "%d", first + i);
		ok = (d->class_name[i] = text_copy(number, e)) != NULL;
	}
	return ok;
}

bool labels_from_0(dataset *d, int least, fault *e)
{
	if (!d->label || least != 1 || d->classes < 3)
		return true;
	for (int64_t i = 0; i < d->n; i++)
		d->label[i]--;
	d->classes--;
	return class_names_from(d, 1, e) && dataset_note(d, e, "labels 1 to %d are read as classes 0 to %d", d->classes,
		d->classes - 1);
}

/* A class without a name is called by its number. */
static bool class_names_default(dataset *d, fault *e)
{
	return !d->label || d->class_name || class_names_from(d, 0, e);
}

/* ---- colours ---- */

const data_colour_name data_colours[] = {
	{"white", {255, 255, 255}}, {"black", {0, 0, 0}}, {"gray", {128, 128, 128}}, {NULL, {0}}
};

bool data_colour(const char *text, uint8_t rgb[3], fault *e)
{
	const word_list words = DATA_COLOUR_WORDS;
	char known[64];
	for (const data_colour_name *k = data_colours; k->name; k++)
		if (!strcmp(text, k->name))
			return memcpy(rgb, k->rgb, 3), true;
	if (text[0] != '#' || strlen(text) != 7 || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
		return fault_set(e, "must be %s", words_print(words, known, sizeof known));
	const unsigned long v = strtoul(text + 1, NULL, 16);
	for (int i = 0; i < 3; i++)
		rgb[i] = (uint8_t)(v >> (16 - 8 * i));
	return true;
}

void background_of(const dataset_options *o, uint8_t rgb[3])
{
	const bool known = data_colour(o->background ? o->background : data_colours[0].name, rgb, NULL);
	must(known, "background %s", o->background);
}

/* ---- opening ---- */

static bool options_check(const char *path, const dataset_options *o, fault *e)
{
	if (o->h < 0 || o->w < 0 || o->h > DATA_SIDE_MAX || o->w > DATA_SIDE_MAX || !o->h != !o->w)
		return fault_at(e, path, "wanted size %dx%d: both sides must be 1 to %d, or 0 for as stored",
			o->h, o->w, DATA_SIDE_MAX);
	if (o->channels != 0 && o->channels != 1 && o->channels != 3)
		return fault_at(e, path, "wanted channels %d: must be 1 (gray), 3 (RGB) or 0 for as stored",
			o->channels);
	if (o->limit < 0)
		return fault_at(e, path, "limit %" PRId64 ": must be 0 (all) or more", o->limit);
	must((unsigned)o->split < SPLITS && (unsigned)o->resize < RESIZES && (unsigned)o->range < RANGES,
		"dataset_open: split %d, resize %d, range %d", o->split, o->resize, o->range);
	uint8_t rgb[3];
	fault why;
	if (o->background && !data_colour(o->background, rgb, &why))
		return fault_at(e, path, "background %s: %s", o->background, why.text);
	return true;
}

bool dataset_note_colours(dataset *d, int64_t n, int c, fault *e)
{
	return n == 0 || dataset_note(d, e, "%s images that become %s: %" PRId64, c == 1 ? "colour" : "gray",
		c == 1 ? "gray" : "colour", n);
}

/* What dataset_convert is about to do. */
static bool note_conversion(dataset *d, const dataset_options *o, int h, int w, int c, fault *e)
{
	const bool sized = h == d->h && w == d->w;
	return dataset_note_colours(d, c != d->c ? d->n : 0, c, e) && (sized || dataset_note(d, e,
		"images of %dx%d become %dx%d (%s)", d->h, d->w, h, w, data_resize_name[o->resize]));
}

/* Another set of the wanted size takes the place of the pixels. */
static bool dataset_convert(dataset *d, const dataset_options *o, fault *e)
{
	const int h = o->h ? o->h : d->h, w = o->w ? o->w : d->w, c = o->channels ? o->channels : d->c;
	if (h == d->h && w == d->w && c == d->c)
		return true;
	dataset to = {.path = d->path};
	if (!note_conversion(d, o, h, w, c, e))
		return false;
	bool ok = dataset_reserve(&to, d->n, h, w, c, false, e);
	for (int64_t i = 0; ok && i < d->n; i++)
		ok = image_convert(d->pixels + i * dataset_image_bytes(d), d->h, d->w, d->c,
			to.pixels + i * dataset_image_bytes(&to), h, w, c, o->resize, e);
	if (!ok)
		return free(to.pixels), false;
	free(d->pixels);
	d->pixels = to.pixels;
	d->h = h;
	d->w = w;
	d->c = c;
	return true;
}

static const data_format *format_named(const char *name)
{
	const word_list all = WORDS_AT_OLD(data_formats, NULL, data_formats_renamed);
	const int i = name ? word_find(all, name) : 0;
	must(i >= 0, "dataset_open: no format is called %s", name);
	return data_formats[i];
}

const char *data_wish(const char *option)
{
	return option && *option && strcmp(option, "auto") != 0 ? option : NULL;
}

/* Wishes that this kind of files has no place for. */
static bool note_wishes(dataset *d, const data_format *f, const dataset_options *o, fault *e)
{
	const char *word = o->range != RANGE_AUTO ? "range" : data_wish(o->images) && !f->sets ? "images"
		: data_wish(o->labels) ? "labels" : NULL;
	const char *here = f->what ? f->what : f->name;
	if (word && !f->arrays
		&& !dataset_note(d, e, "warning: %s is of arrays (HDF5, numpy), and without effect on %s", word, here))
		return false;
	return !o->coarse || f->coarse
		|| dataset_note(d, e, "warning: coarse is of CIFAR-100, and without effect on %s", here);
}

/* A set that lies deeper than the path given is told of, and links that an archive has. */
static bool note_place(dataset *d, const place *p, fault *e)
{
	const int64_t links = p->in ? bundle_links(p->in) : 0;
	if (strcmp(p->path, d->path) != 0 && !dataset_note(d, e, "read from %s", p->path))
		return false;
	return !links || dataset_note(d, e, "warning: %" PRId64 " links in the archive are not followed", links);
}

/* Names of classes, of files and of folders are others'. */
static dataset *shown_plainly(dataset *d)
{
	for (int i = 0; d->class_name && i < d->classes; i++)
		text_plain(d->class_name[i], 0);
	for (int i = 0; i < d->notes; i++)
		text_plain(d->note[i], 0);
	return d;
}

dataset *dataset_open(const char *path, const dataset_options *options, fault *e)
{
	const dataset_options o = options ? *options : (dataset_options){0};
	const data_format *f = format_named(o.format);
	place p;
	if (!options_check(path, &o, e))
		return NULL;
	if (f == &format_stacked)
		return stacked_open(path, &o, e);
	if (!format_find(path, &p, &f, e))
		return NULL;
	dataset *d = mem_zero(1, sizeof *d, e);
	bool ok = d && (d->path = text_copy(path, e));
	if (ok) {
		snprintf(d->kind, sizeof d->kind, "%s", f->name);
		ok = f->read(d, &p, &o, e) && dataset_convert(d, &o, e) && class_names_default(d, e) &&
			class_names_wanted(d, &o, e) && note_wishes(d, f, &o, e) && note_place(d, &p, e);
	}
	place_free(&p);
	if (ok)
		return shown_plainly(d);
	dataset_free(d);
	return NULL;
}

/* ---- sums over all ---- */

/* The sums are whole numbers, and exact. */
void dataset_moments(const dataset *d, double *mean, double *deviation)
{
	uint64_t sum = 0, squares = 0;
	const int64_t n = dataset_bytes(d);
	for (int64_t i = 0; i < n; i++) {
		sum += d->pixels[i];
		squares += (uint64_t)d->pixels[i] * d->pixels[i];
	}
	const double m = (double)sum / (double)n, v = (double)squares / (double)n - m * m;
	*mean = m / 255;
	*deviation = v > 0 ? sqrt(v) / 255 : 0;
}

uint64_t data_fnv(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t dataset_checksum(const dataset *d)
{
	const int64_t size[5] = {d->n, d->h, d->w, d->c, d->classes};
	uint64_t sum = data_fnv(DATA_FNV, size, sizeof size);
	if (d->label)
		sum = data_fnv(sum, d->label, (size_t)d->n * sizeof *d->label);
	return data_fnv(sum, d->pixels, (size_t)dataset_bytes(d));
}
