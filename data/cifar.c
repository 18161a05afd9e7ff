/* cifar.c - CIFAR-10 and CIFAR-100 in their binary form, plain or .gz, and in the form for Python.
 *
 * A batch is a row of records without header: label byte(s), then 32x32 red, green, blue planes.
 * CIFAR-10 has one label, CIFAR-100 a coarse (0..19) and a fine one (0..99).
 * A batch for Python is a pickle without ending, of a dictionary: the same planes as the array "data", and lists of
 * labels. (www.cs.toronto.edu/~kriz/cifar.html) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/class_names.h"
#include "data/dataset_internal.h"
#include "data/pickle.h"
#include "data/picture/image.h"
#include "data/source.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, RECORD_MAX = PIXELS + 2, TRAIN_MAX = 5 };

typedef struct cifar_kind {
	int record;                                  /* bytes */
	int label_at[2];                             /* byte of the label: fine, coarse */
	int classes[2];
	const char *names[2];                        /* file of class names */
	enum known_classes known[2];                 /* where there is no such file */
	const char *train[TRAIN_MAX + 1], *test;     /* file names without .bin */
	const char *label_key[2], *meta, *names_key[2];       /* of the pickles; meta is the file with the names */
} cifar_kind;

static const cifar_kind cifar10 = {
	.record = PIXELS + 1, .label_at = {0, 0}, .classes = {10, 10},
	.names = {"batches.meta.txt", "batches.meta.txt"}, .known = {CLASSES_CIFAR10, CLASSES_CIFAR10},
	.train = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
	.test = "test_batch", .label_key = {"labels", "labels"}, .meta = "batches.meta",
	.names_key = {"label_names", "label_names"},
};

static const cifar_kind cifar100 = {
	.record = PIXELS + 2, .label_at = {1, 0}, .classes = {100, 20},
	.names = {"fine_label_names.txt", "coarse_label_names.txt"},
	.known = {CLASSES_CIFAR100, CLASSES_CIFAR100_COARSE}, .train = {"train"}, .test = "test",
	.label_key = {"fine_labels", "coarse_labels"}, .meta = "meta",
	.names_key = {"fine_label_names", "coarse_label_names"},
};

typedef struct batches {
	bool folder;                                 /* else a single binary file, whatever its name is */
	int count;
	char *path[TRAIN_MAX + 1];                   /* own */
	int64_t n[TRAIN_MAX + 1];                    /* records */
	pickle *pickle[TRAIN_MAX + 1];               /* own; NULL: binary */
} batches;

/* Adds folder/stem.bin, folder/stem.bin.gz or the pickle folder/stem; none is no error. */
static bool batch_add(batches *b, const place *at, const char *stem, fault *e)
{
	static const char *const ending[] = {".bin", ".bin.gz", ""};
	for (int i = 0; i < COUNT(ending); i++) {
		char name[64];
		snprintf(name, sizeof name, "%s%s", stem, ending[i]);
		char *path = path_join(at->path, name, e);
		if (!path)
			return false;
		const enum file_type type = type_of(at->in, path);
		if (*ending[i] ? type != FILE_MISSING : type == FILE_REGULAR)
			return b->path[b->count++] = path, true;
		free(path);
	}
	return true;
}

/* A shortened set (fewer training batches) is allowed, as long as one is there. */
static bool batches_find(batches *b, const place *at, const dataset_options *o, const cifar_kind *k, fault *e)
{
	if (type_of(at->in, at->path) == FILE_REGULAR)
		return (b->path[b->count++] = text_copy(at->path, e)) != NULL;
	b->folder = true;
	if (o->split != SPLIT_TEST) {
		for (int i = 0; k->train[i]; i++)
			if (!batch_add(b, at, k->train[i], e))
				return false;
		if (b->count == 0)
			return fault_at(e, at->path, "no training batch (%s.bin or %s.bin.gz)", k->train[0],
				k->train[0]);
	}
	const int train = b->count;
	if (o->split != SPLIT_TRAIN && !batch_add(b, at, k->test, e))
		return false;
	return o->split == SPLIT_TRAIN || b->count > train ||
		fault_at(e, at->path, "no test batch (%s.bin or %s.bin.gz)", k->test, k->test);
}

/* Of a pickle the planes are counted. */
static bool pickle_records(batches *b, const bundle *in, int i, fault *e)
{
	int64_t bytes;
	b->pickle[i] = pickle_open(in, b->path[i], e);
	if (!b->pickle[i])
		return false;
	if (!pickle_array(b->pickle[i], "data", &bytes) || bytes == 0 || bytes % PIXELS)
		return fault_at(e, b->path[i], "no array data with rows of %d bytes, one an image, in this pickle; the "
			"binary archive (cifar-10-binary.tar.gz) is read, too", PIXELS);
	b->n[i] = bytes / PIXELS;
	return true;
}

static bool is_pickle(const char *path)
{
	return !name_ends(path, ".bin") && !name_ends(path, ".gz");
}

static bool batches_count(batches *b, const bundle *in, const cifar_kind *k, int64_t *total, fault *e)
{
	*total = 0;
	for (int i = 0; i < b->count; i++) {
		int64_t bytes;
		if (b->folder && is_pickle(b->path[i])) {
			if (!pickle_records(b, in, i, e))
				return false;
			*total += b->n[i];
			continue;
		}
		if (!file_length(in, b->path[i], INT64_C(1) << 32, &bytes, e))
			return false;
		if (bytes == 0 || bytes % k->record)
			return fault_at(e, b->path[i], "%" PRId64 " bytes, must be a multiple of the %d of a record: "
				"truncated or another format", bytes, k->record);
		b->n[i] = bytes / k->record;
		*total += b->n[i];
	}
	return true;
}

static bool batch_read(dataset *d, const bundle *in, const char *path, const cifar_kind *k, bool coarse, int64_t from,
	int64_t take, fault *e)
{
	uint8_t record[RECORD_MAX];
	source *s = source_open(in, path, e);
	bool ok = s != NULL;
	for (int64_t i = 0; ok && i < take; i++) {
		ok = source_read(s, record, k->record, e);
		if (!ok)
			break;
		for (int j = 0; j < 2; j++)
			if (record[k->label_at[j]] >= k->classes[j])
				ok = fault_at(e, path, "record %" PRId64 " has label %d, allowed are 0 to %d", i,
					record[k->label_at[j]], k->classes[j] - 1);
		d->label[from + i] = record[k->label_at[coarse]];
		image_join_planes(record + k->record - PIXELS, PLANE, 3, d->pixels + (from + i) * PIXELS);
	}
	source_close(s);
	return ok;
}

static bool pickle_read(dataset *d, const pickle *p, const char *path, const cifar_kind *k, bool coarse, int64_t from,
	int64_t take, fault *e)
{
	int64_t bytes, n, *label = NULL;
	const uint8_t *planes = pickle_array(p, "data", &bytes);
	bool ok = pickle_numbers(p, k->label_key[coarse], &label, &n, e);
	if (ok && n != bytes / PIXELS)
		ok = fault_at(e, path, "%" PRId64 " labels for %" PRId64 " images", n, bytes / PIXELS);
	for (int64_t i = 0; ok && i < take; i++) {
		if (label[i] < 0 || label[i] >= k->classes[coarse])
			ok = fault_at(e, path, "record %" PRId64 " has label %" PRId64 ", allowed are 0 to %d", i,
				label[i], k->classes[coarse] - 1);
		d->label[from + i] = (int32_t)label[i];
		image_join_planes(planes + i * PIXELS, PLANE, 3, d->pixels + (from + i) * PIXELS);
	}
	free(label);
	return ok;
}

static bool meta_read(dataset *d, const bundle *in, const char *path, const char *key, fault *e)
{
	names l = {0};
	pickle *p = pickle_open(in, path, e);
	bool ok = p && pickle_texts(p, key, &l, e);
	pickle_free(p);
	if (ok && l.n != d->classes)
		ok = fault_at(e, path, "%" PRId64 " class names, needs %d", l.n, d->classes);
	if (!ok)
		return names_free(&l), false;
	d->class_name = l.name;
	return true;
}

static bool names_find(dataset *d, const place *at, const cifar_kind *k, bool coarse, fault *e)
{
	const char *known = class_names_known(k->known[coarse]);
	d->classes = k->classes[coarse];
	if (type_of(at->in, at->path) != FILE_FOLDER)
		return class_names_set(d, known, at->path, e);
	char *path = path_join(at->path, k->names[coarse], e), *meta = path_join(at->path, k->meta, e);
	bool ok = path && meta && class_names_read(d, at->in, path, d->classes, e);
	if (ok && !d->class_name && type_of(at->in, meta) == FILE_REGULAR)
		ok = meta_read(d, at->in, meta, k->names_key[coarse], e);
	if (ok && !d->class_name)
		ok = class_names_set(d, known, at->path, e);
	free(path);
	free(meta);
	return ok;
}

static bool cifar_read(dataset *d, const place *p, const dataset_options *o, const cifar_kind *k, fault *e)
{
	batches b = {0};
	int64_t total, at = 0;
	bool ok = batches_find(&b, p, o, k, e) && batches_count(&b, p->in, k, &total, e) &&
		dataset_reserve(d, limit_of(o, total), SIDE, SIDE, 3, true, e) && names_find(d, p, k, o->coarse, e);
	for (int i = 0; ok && i < b.count && at < d->n; i++) {
		const int64_t take = MIN(b.n[i], d->n - at);
		ok = b.pickle[i] ? pickle_read(d, b.pickle[i], b.path[i], k, o->coarse, at, take, e)
				 : batch_read(d, p->in, b.path[i], k, o->coarse, at, take, e);
		at += take;
	}
	for (int i = 0; i < b.count; i++) {
		pickle_free(b.pickle[i]);
		free(b.path[i]);
	}
	return ok;
}

static bool cifar10_read(dataset *d, const place *p, const dataset_options *o, fault *e)
{
	return cifar_read(d, p, o, &cifar10, e);
}

static bool cifar100_read(dataset *d, const place *p, const dataset_options *o, fault *e)
{
	return cifar_read(d, p, o, &cifar100, e);
}

/* The files have no signature: their length is a number of records. */
static bool is_cifar10_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)head, (void)n;
	return length % cifar10.record == 0;
}

static bool is_cifar100_file(const uint8_t *head, int64_t n, int64_t length)
{
	(void)head, (void)n;
	return length % cifar100.record == 0;
}

static bool is_bin(const char *name, const char *stem)
{
	const size_t k = strlen(stem);
	return strncmp(name, stem, k) == 0 && (!strcmp(name + k, ".bin") || !strcmp(name + k, ".bin.gz"));
}

static bool is_cifar10_folder(const char *name, bool folder)
{
	return !folder && (strncmp(name, "data_batch_", 11) == 0 || is_bin(name, "test_batch"));
}

static bool is_cifar100_folder(const char *name, bool folder)
{
	return !folder && (is_bin(name, "train") || is_bin(name, "test") || strcmp(name, cifar100.meta) == 0);
}

extern const data_format format_cifar10, format_cifar100;
const data_format format_cifar10 = {
	.name = "cifar10", .what = "CIFAR-10/100 batches", .read = cifar10_read, .is_file = is_cifar10_file,
	.is_folder = is_cifar10_folder, .by_length = true,
};
const data_format format_cifar100 = {
	.name = "cifar100", .read = cifar100_read, .is_file = is_cifar100_file, .is_folder = is_cifar100_folder,
	.coarse = true, .by_length = true,
};
