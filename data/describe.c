/* describe.c - counting what a data set contains, and saying it in lines. */
#include "data/describe.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "data/dataset_internal.h"

/* ---- numbers ---- */

static void mean_sd(const dataset *d, dataset_stats *s)
{
	/* A histogram of bytes gives both exactly, whatever the number of pixels. */
	for (int k = 0; k < d->c; k++) {
		int64_t count[256] = {0};
		const int64_t bytes = dataset_bytes(d);
		for (int64_t i = k; i < bytes; i += d->c)
			count[d->pixels[i]]++;
		const double n = (double)(bytes / d->c);
		double sum = 0, square = 0;
		for (int v = 0; v < 256; v++) {
			sum += (double)count[v] * v;
			square += (double)count[v] * v * v;
		}
		const double mean = sum / n;
		s->mean[k] = mean / 255;
		s->sd[k] = sqrt(MAX(square / n - mean * mean, 0)) / 255;
	}
}

static bool is_constant(const uint8_t *x, int64_t bytes, int c)
{
	return memcmp(x, x + c, (size_t)(bytes - c)) == 0;
}

static int hash_order(const void *a, const void *b)
{
	const uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
	return (p > q) - (p < q);
}

static bool images_look(const dataset *d, dataset_stats *s, fault *e)
{
	uint64_t *hash = mem_new((size_t)d->n, sizeof *hash, e);
	if (!hash)
		return false;
	const int64_t bytes = dataset_image_bytes(d);
	for (int64_t i = 0; i < d->n; i++) {
		s->constant_images += is_constant(d->pixels + i * bytes, bytes, d->c);
		hash[i] = data_fnv(DATA_FNV, d->pixels + i * bytes, (size_t)bytes);
	}
	qsort(hash, (size_t)d->n, sizeof *hash, hash_order);
	for (int64_t i = 1; i < d->n; i++)
		s->repeated_images += hash[i] == hash[i - 1];
	free(hash);
	return true;
}

bool dataset_stats_make(const dataset *d, dataset_stats *s, fault *e)
{
	*s = (dataset_stats){.checksum = dataset_checksum(d)};
	if (d->label) {
		s->per_class = mem_zero((size_t)d->classes, sizeof *s->per_class, e);
		if (!s->per_class)
			return false;
		for (int64_t i = 0; i < d->n; i++)
			s->per_class[d->label[i]]++;
		for (int k = 0; k < d->classes; k++)
			s->empty_classes += s->per_class[k] == 0;
	}
	mean_sd(d, s);
	if (images_look(d, s, e))
		return true;
	dataset_stats_free(s);
	return false;
}

void dataset_stats_free(dataset_stats *s)
{
	free(s->per_class);
	s->per_class = NULL;
}

/* ---- lines ---- */

typedef struct printer {
	line_fn line;
	void *ctx;
} printer;

static void print(const printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void print(const printer *p, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	/* Names come from files and folders: no control character may reach a terminal. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	p->line(p->ctx, text);
}

enum { CLASSES_SHOWN = 40, NAME_WIDTH_MAX = 24, BAR = 32 };

static void print_classes(const printer *p, const dataset *d, const dataset_stats *s)
{
	int64_t most = 1;
	int width = 1;
	const int shown = MIN(d->classes, CLASSES_SHOWN);
	for (int k = 0; k < d->classes; k++)
		most = MAX(most, s->per_class[k]);
	for (int k = 0, n; k < shown; k++) {
		text_first(d->class_name[k], NAME_WIDTH_MAX, &n);
		width = MAX(width, n);
	}
	for (int k = 0; k < shown; k++) {
		char bar[BAR + 1] = "";
		int n;
		const int bytes = text_first(d->class_name[k], NAME_WIDTH_MAX, &n);
		memset(bar, '#', (size_t)(s->per_class[k] * BAR / most));
		print(p, "  %4d  %.*s%*s  %8" PRId64 "  %5.2f %%  %s", k, bytes, d->class_name[k], width - n, "",
			s->per_class[k], 100.0 * (double)s->per_class[k] / (double)d->n, bar);
	}
	if (shown < d->classes)
		print(p, "  and %d more classes", d->classes - shown);
}

static void print_warnings(const printer *p, const dataset *d, const dataset_stats *s)
{
	const int64_t used = d->classes - s->empty_classes;
	if (d->label && used == 1 && d->label[0] == 0)
		print(p, "warning: every label is 0: a conditional network learns nothing from them");
	else if (d->label && used == 1)
		print(p, "warning: every image has the label %d", d->label[0]);
	if (s->empty_classes)
		print(p, "warning: %" PRId64 " of %d classes have no image", s->empty_classes, d->classes);
	if (s->constant_images)
		print(p, "warning: %" PRId64 " images are of one colour", s->constant_images);
	if (s->repeated_images)
		print(p, "warning: %" PRId64 " images are copies of others", s->repeated_images);
	for (int i = 0; i < d->notes; i++)
		print(p, "%s", d->note[i]);
}

void dataset_describe(const dataset *d, const dataset_stats *s, line_fn line, void *ctx)
{
	const printer p = {line, ctx};
	print(&p, "%s: %s, %" PRId64 " images of %dx%d, %s", d->path, d->kind, d->n, d->h, d->w,
		d->c == 1 ? "gray" : "RGB");
	print(&p, "memory %.1f MB, checksum %016" PRIx64, (double)dataset_bytes(d) * 1e-6, s->checksum);
	if (d->c == 1)
		print(&p, "mean %.4f, deviation %.4f (of 0..1)", s->mean[0], s->sd[0]);
	else
		print(&p, "mean %.4f %.4f %.4f, deviation %.4f %.4f %.4f (of 0..1)", s->mean[0], s->mean[1],
			s->mean[2], s->sd[0], s->sd[1], s->sd[2]);
	if (d->label) {
		print(&p, "%d classes", d->classes);
		print_classes(&p, d, s);
	} else {
		print(&p, "no labels");
	}
	print_warnings(&p, d, s);
}
