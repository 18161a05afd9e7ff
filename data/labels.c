/* labels.c - dataset.json, by jansson. */
#include "data/labels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/local.h"
#include "data/bundle.h"
#include "data/dataset_internal.h"

/* A row has some 35 bytes and becomes 230 of memory; of other JSON 2 bytes may become 48. So a list in an archive has
 * no more than for the files beside it. */
enum { JSON_MOST = 128 << 20, ROW_MOST = 256, JSON_FREE = 1 << 20 };

static int64_t json_most(const bundle *in)
{
	return in ? MIN(ROW_MOST * bundle_files(in) + JSON_FREE, JSON_MOST) : JSON_MOST;
}

static bool row_read(label_list *l, const json_t *pair, const char *file, fault *e)
{
	const char *path = json_string_value(json_array_get(pair, 0));
	const json_t *label = json_array_get(pair, 1);
	const json_int_t v = json_integer_value(label);
	if (json_array_size(pair) != 2 || !path || !json_is_integer(label) || v < 0 || v >= DATA_CLASSES_MAX)
		return fault_at(e, file, "label %" PRId64 " is no pair of a path and a whole number from 0 to %d", l->n,
			DATA_CLASSES_MAX - 1);
	l->row[l->n] = (struct label_row){text_copy(path, e), (int32_t)v};
	l->classes = MAX(l->classes, (int)v + 1);
	return l->row[l->n].path && ++l->n;
}

static int row_order(const void *a, const void *b)
{
	return strcmp(((const struct label_row *)a)->path, ((const struct label_row *)b)->path);
}

static bool rows_read(label_list *l, const json_t *root, const char *file, fault *e)
{
	const json_t *labels = json_object_get(root, "labels");
	const size_t n = json_array_size(labels);
	l->there = json_is_array(labels) || json_is_null(labels);
	if (!n)
		return true;
	l->row = mem_zero(n, sizeof *l->row, e);
	bool ok = l->row != NULL;
	for (size_t i = 0; ok && i < n; i++)
		ok = row_read(l, json_array_get(labels, i), file, e);
	if (ok)
		qsort(l->row, (size_t)l->n, sizeof *l->row, row_order);
	return ok;
}

bool labels_read(label_list *l, const bundle *in, const char *folder, fault *e)
{
	uint8_t *x = NULL;
	int64_t n;
	json_error_t why;
	*l = (label_list){0};
	char *file = path_join(folder, LABELS_FILE, e);
	if (!file || type_of(in, file) != FILE_REGULAR) {
		const bool ok = file != NULL;
		free(file);
		return ok;
	}
	bool ok = bytes_count(in, file, &n, e);
	if (ok && n > json_most(in))
		ok = fault_at(e, file, "%" PRId64 " bytes; a list of labels may have %" PRId64 " here", n,
			json_most(in));
	ok = ok && bytes_read(in, file, n, &x, &n, e);
	const size_t mark = ok ? text_mark(x, (size_t)n) : 0;
	json_t *root = ok ? json_loadb((const char *)x + mark, (size_t)n - mark, 0, &why) : NULL;
	if (ok && !root)
		ok = fault_at(e, file, "damaged JSON in line %d: %s", why.line, why.text);
	ok = ok && rows_read(l, root, file, e);
	json_decref(root);
	free(x);
	free(file);
	if (!ok)
		labels_free(l);
	return ok;
}

void labels_free(label_list *l)
{
	for (int64_t i = 0; i < l->n; i++)
		free(l->row[i].path);
	free(l->row);
	*l = (label_list){0};
}

int32_t labels_of(const label_list *l, const char *path)
{
	const struct label_row key = {.path = (char *)(uintptr_t)path};
	const struct label_row *r = l->n ? bsearch(&key, l->row, (size_t)l->n, sizeof *l->row, row_order) : NULL;
	return r ? r->label : -1;
}
