/* checkpoint.c - a state, written to and read from one HDF5 file. It knows no network. */
#include "gan/checkpoint/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/local.h"
#include "core/h5/h5.h"

enum { FORMAT_VERSION = 1, DEPTH_MAX = 16, PATH_ROOM = 512 };

const char CHECKPOINT_FROZEN[] = "/trainer/frozen_stages_of_d";

void checkpoint_info_free(checkpoint_info *c)
{
	free(c->config);
	free(c->class_names);
	*c = (checkpoint_info){0};
}

/* ---- the checksum ---- */

/* FNV-1a's prime over words of eight bytes with a rotation: each step is a bijection of h, so a single
 * wrong word is never missed. */
static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	for (; n > 0;) {
		uint64_t w = 0;
		size_t k = MIN(n, sizeof w);
		memcpy(&w, p, k);
		h ^= w;
		h = (h << 29 | h >> 35) * 0x100000001b3u;
		p += k;
		n -= k;
	}
	return h;
}

/* The hash of one item; `width` is 4 for float32 and 8 for the others. Items are added up, so the
 * order of groups in a file does not matter. */
static uint64_t hash_item(const state_item *it, char type, const void *x, size_t width)
{
	uint64_t h = 0xcbf29ce484222325u;
	h = hash_bytes(h, it->path, strlen(it->path));
	h = hash_bytes(h, &type, 1);
	h = hash_bytes(h, it->s.dim, (size_t)it->s.rank * sizeof it->s.dim[0]);
	h = hash_bytes(h, x, (size_t)shape_count(&it->s) * width);
	h ^= h >> 31;
	return h * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_config(const checkpoint_info *c)
{
	uint64_t h = hash_bytes(0x84222325cbf29ce4u, &c->step, sizeof c->step);
	return hash_bytes(h, c->config, strlen(c->config));
}

static uint64_t hash_list(const checkpoint_info *c, const state_list *l)
{
	static const char type[] = {[ARRAY_REAL] = sizeof(real) == 4 ? 'f' : 'd', [ARRAY_F64] = 'd',
		[ARRAY_I64] = 'i'};
	uint64_t sum = hash_config(c);
	for (int i = 0; i < l->n; i++) {
		const state_item *it = &l->item[i];
		sum += hash_item(it, type[it->type], it->x, it->type == ARRAY_REAL ? sizeof(real) : 8);
	}
	return sum;
}

/* ---- writing ---- */

static bool write_item(h5 *f, const state_item *it, fault *e)
{
	bool ok = it->type == ARRAY_REAL ? h5_write_real(f, it->path, it->s, it->x, e)
		: it->type == ARRAY_F64 ? h5_write_f64(f, it->path, it->s, it->x, e)
		: h5_write_i64(f, it->path, it->s, it->x, e);
	return ok && (!it->about || h5_attr_write_text(f, it->path, "about", it->about, e));
}

static bool write_info(h5 *f, const checkpoint_info *c, const state_list *l, fault *e)
{
	char sum[32];
	snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hash_list(c, l));
	return h5_attr_write_text(f, "/", "program", c->program, e)
		&& h5_attr_write_i64(f, "/", "format", FORMAT_VERSION, e)
		&& h5_attr_write_i64(f, "/", "step", c->step, e)
		&& h5_attr_write_text(f, "/", "precision", REAL_NAME, e)
		&& h5_attr_write_text(f, "/", "config", c->config, e)
		&& (!c->class_names || h5_attr_write_text(f, "/", "class_names", c->class_names, e))
		&& h5_attr_write_text(f, "/", "checksum", sum, e)
		&& (!c->has_score || (h5_attr_write_f64(f, "/", "score", c->score, e)
			&& h5_attr_write_text(f, "/", "score_about", c->score_about, e)))
		&& (!c->data[0] || h5_attr_write_text(f, "/", "data", c->data, e))
		&& (!c->began_from[0] || h5_attr_write_text(f, "/", "began_from", c->began_from, e));
}

bool checkpoint_save(const char *path, const checkpoint_info *about, const state_list *l, fault *e)
{
	if (l->failed)
		return fault_set(e, "%s: out of memory while listing the state", path);
	h5 *f = h5_create(path, e);
	if (!f)
		return false;
	bool ok = write_info(f, about, l, e);
	for (int i = 0; ok && i < l->n; i++)
		ok = write_item(f, &l->item[i], e);
	if (!ok) {
		h5_close(f);
		return false;
	}
	return h5_commit(f, e);
}

/* ---- reading ---- */

/* What not every checkpoint has. */
static bool read_more(h5 *f, checkpoint_info *out, fault *e)
{
	out->has_score = h5_attr_exists(f, "/", "score") && h5_attr_exists(f, "/", "score_about");
	return (!out->has_score || (h5_attr_f64(f, "/", "score", &out->score, e)
			&& h5_attr_text(f, "/", "score_about", out->score_about, sizeof out->score_about, e)))
		&& (!h5_attr_exists(f, "/", "data") || h5_attr_text(f, "/", "data", out->data, sizeof out->data, e))
		&& (!h5_attr_exists(f, "/", "began_from")
			|| h5_attr_text(f, "/", "began_from", out->began_from, sizeof out->began_from, e))
		&& (!h5_exists(f, CHECKPOINT_FROZEN) || h5_read_i64(f, CHECKPOINT_FROZEN, &out->frozen, 1, e));
}

/* What is shown of a file that may be a stranger's. The config is shown after it has been parsed. */
static void show_plainly(checkpoint_info *c)
{
	char *const shown[] = {c->program, c->precision, c->checksum, c->score_about, c->data, c->began_from};
	for (int i = 0; i < COUNT(shown); i++)
		text_plain(shown[i], 0);
	if (c->class_names)
		text_plain(c->class_names, '\n');
}

static bool read_info(h5 *f, const char *path, checkpoint_info *out, fault *e)
{
	int64_t format;
	*out = (checkpoint_info){0};
	if (!h5_attr_exists(f, "/", "checksum") || !h5_attr_exists(f, "/", "config"))
		return fault_set(e,
			"%s: not a checkpoint of this program (no attributes config and checksum)", path);
	if (!h5_attr_i64(f, "/", "format", &format, e))
		return false;
	if (format != FORMAT_VERSION)
		return fault_set(e, "%s: format = %lld: this program reads checkpoints of format %d", path,
			(long long)format, FORMAT_VERSION);
	snprintf(out->path, sizeof out->path, "%s", path);
	if (!h5_attr_i64(f, "/", "step", &out->step, e)
		|| !h5_attr_text(f, "/", "program", out->program, sizeof out->program, e)
		|| !h5_attr_text(f, "/", "precision", out->precision, sizeof out->precision, e)
		|| !h5_attr_text(f, "/", "checksum", out->checksum, sizeof out->checksum, e))
		return false;
	if (out->step < 0)
		return fault_set(e, "%s: step = %lld: must not be negative", path, (long long)out->step);
	if (!read_more(f, out, e))
		return false;
	if (h5_attr_exists(f, "/", "class_names") && !(out->class_names = h5_attr_text_new(f, "/", "class_names", e)))
		return false;
	out->config = h5_attr_text_new(f, "/", "config", e);
	if (!out->config)
		return false;
	show_plainly(out);
	const uint64_t all = strtoull(out->checksum, NULL, 16);      /* a sum: what is not the config is the arrays */
	snprintf(out->arrays, sizeof out->arrays, "%016llx", (unsigned long long)(all - hash_config(out)));
	return true;
}

bool checkpoint_read_info(const char *path, checkpoint_info *out, fault *e)
{
	*out = (checkpoint_info){0};
	h5 *f = h5_open(path, e);
	bool ok = f && read_info(f, path, out, e);
	h5_close(f);
	if (!ok)
		checkpoint_info_free(out);
	return ok;
}

static enum array_type kind_of(enum h5_type stored)
{
	return stored == H5_F32 ? ARRAY_REAL : stored == H5_F64 ? ARRAY_F64 : ARRAY_I64;
}

/* Adds every data set below `group` to l: float32 as ARRAY_REAL, float64 and int64 as themselves. */
static bool list_file(h5 *f, const char *group, int depth, state_list *l, fault *e)
{
	h5_names names;
	if (!h5_list(f, group, &names, e))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < names.n; i++) {
		char path[PATH_ROOM];
		h5_info info;
		int n = snprintf(path, sizeof path, "%s/%s", strcmp(group, "/") == 0 ? "" : group,
			names.name[i]);
		if (n >= (int)sizeof path || depth == DEPTH_MAX)
			ok = fault_set(e, "%s/%s: groups nested deeper than a checkpoint's", group,
				names.name[i]);
		else if (!h5_stat(f, path, &info, e))
			ok = false;
		else if (info.is_group)
			ok = list_file(f, path, depth + 1, l, e);
		else if (info.type != H5_F32 && info.type != H5_F64 && info.type != H5_I64)
			ok = fault_set(e, "%s: type is none of float32, float64, int64", path);
		else
			state_add(l, kind_of(info.type), path, info.s, NULL, NULL);
	}
	h5_names_free(&names);
	if (ok && l->failed)
		return fault_set(e, "out of memory while listing a checkpoint");
	return ok;
}

/* Arrays lie in a checkpoint as they are: more of them than the file is long were packed by somebody else, who may
 * have packed a thousand times as much. */
static bool list_stored(h5 *f, const char *path, state_list *l, fault *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fault_at(e, path, "%s", strerror(errno));
	if (!list_file(f, "/", 0, l, e))
		return false;
	uint64_t left = (uint64_t)st.st_size;
	for (int i = 0; i < l->n; i++) {
		const uint64_t n = (uint64_t)shape_count(&l->item[i].s), width = l->item[i].type == ARRAY_REAL ? 4 : 8;
		if (n > left / width)
			return fault_set(e, "%s: %s: the arrays of this file are larger than the file, which no "
				"checkpoint's are", path, l->item[i].path);
		left -= n * width;
	}
	return true;
}

/* Adds the hash of the data set `it` as stored to *sum. */
static bool hash_stored(h5 *f, const state_item *it, uint64_t *sum, fault *e)
{
	int64_t n = shape_count(&it->s);
	double *x = mem_new((size_t)n, sizeof *x, e);
	if (!x)
		return false;
	bool ok;
	if (it->type == ARRAY_I64) {
		ok = h5_read_i64(f, it->path, (int64_t *)(void *)x, n, e);
	} else {
		ok = h5_read_f64(f, it->path, x, n, e);
		float *narrow = (float *)(void *)x;  /* in place: float i lies at or before double i */
		for (int64_t i = 0; ok && it->type == ARRAY_REAL && i < n; i++) {
			float v = (float)x[i];
			memcpy(&narrow[i], &v, sizeof v);
		}
	}
	static const char type[] = {[ARRAY_REAL] = 'f', [ARRAY_F64] = 'd', [ARRAY_I64] = 'i'};
	if (ok)
		*sum += hash_item(it, type[it->type], x, it->type == ARRAY_REAL ? 4 : 8);
	free(x);
	return ok;
}

static bool verify(h5 *f, const char *path, const checkpoint_info *info, const state_list *stored, fault *e)
{
	uint64_t sum = hash_config(info);
	for (int i = 0; i < stored->n; i++)
		if (!hash_stored(f, &stored->item[i], &sum, e))
			return false;
	char have[32];
	snprintf(have, sizeof have, "%016llx", (unsigned long long)sum);
	if (strcmp(info->checksum, have) != 0)
		return fault_set(e, "%s: damaged: its contents give checksum %s, it says %s", path,
			have, info->checksum);
	return true;
}

bool checkpoint_verify(const char *path, fault *e)
{
	checkpoint_info info = {0};
	state_list stored = {0};
	h5 *f = h5_open(path, e);
	bool ok = f && read_info(f, path, &info, e) && list_stored(f, path, &stored, e)
		&& verify(f, path, &info, &stored, e);
	h5_close(f);
	state_list_free(&stored);
	checkpoint_info_free(&info);
	return ok;
}

static bool same_kind(enum array_type want, enum array_type stored)
{
	return want == stored || (want == ARRAY_REAL && stored == ARRAY_F64);
}

/* How the file's table differs from the list: the first difference in words and how many there are. */
static bool compare(const char *path, const state_list *l, const state_list *stored, bool whole, fault *e)
{
	char first[700] = "";
	int n = 0;
	for (int i = 0; i < l->n; i++) {
		const state_item *a = &l->item[i], *b = state_find(stored, a->path);
		if (b ? same_kind(a->type, b->type) && shape_equal(&a->s, &b->s) : a->optional)
			continue;
		if (n++ == 0 && !b)
			snprintf(first, sizeof first, "%.500s is missing", a->path);
		else if (n == 1)
			snprintf(first, sizeof first, "%.400s is %s in the file, %s here", a->path,
				shape_print(&b->s).s, shape_print(&a->s).s);
	}
	for (int i = 0; whole && i < stored->n; i++)
		if (!state_find(l, stored->item[i].path) && n++ == 0)
			snprintf(first, sizeof first, "%.500s is in the file, but not here",
				stored->item[i].path);
	if (n == 0)
		return true;
	if (n == 1)
		return fault_set(e, "%s: checkpoint of another network: %s", path, first);
	return fault_set(e, "%s: checkpoint of another network: %s, and %d more differences", path,
		first, n - 1);
}

static bool fill_one(h5 *f, const state_item *it, fault *e)
{
	const int64_t n = shape_count(&it->s);
	return it->type == ARRAY_REAL ? h5_read_real(f, it->path, it->x, n, e)
		: it->type == ARRAY_F64 ? h5_read_f64(f, it->path, it->x, n, e)
		: h5_read_i64(f, it->path, it->x, n, e);
}

/* Optional ones that the file does not have stay as they are. */
static bool fill(h5 *f, const state_list *l, fault *e)
{
	for (int i = 0; i < l->n; i++)
		if ((!l->item[i].optional || h5_exists(f, l->item[i].path)) && !fill_one(f, &l->item[i], e))
			return false;
	return true;
}

bool checkpoint_load(const char *path, const state_list *l, bool whole, fault *e)
{
	if (l->failed)
		return fault_set(e, "%s: out of memory while listing the state", path);
	checkpoint_info info = {0};
	state_list stored = {0};
	h5 *f = h5_open(path, e);
	bool ok = f && read_info(f, path, &info, e) && list_stored(f, path, &stored, e)
		&& compare(path, l, &stored, whole, e)
		&& (!whole || verify(f, path, &info, &stored, e))
		&& fill(f, l, e);
	h5_close(f);
	state_list_free(&stored);
	checkpoint_info_free(&info);
	return ok;
}

static bool take(h5 *f, const state_list *l, const state_list *stored, item_fit *fit, fault *e)
{
	for (int i = 0; i < l->n; i++) {
		const state_item *a = &l->item[i], *b = state_find(stored, a->path);
		fit[i] = (item_fit){.there = b != NULL};
		if (!b)
			continue;
		fit[i].s = b->s;
		fit[i].fits = same_kind(a->type, b->type) && shape_equal(&a->s, &b->s);
		if (fit[i].fits && !fill_one(f, a, e))
			return false;
	}
	return true;
}

bool checkpoint_take(const char *path, const state_list *l, item_fit *fit, fault *e)
{
	if (l->failed)
		return fault_set(e, "%s: out of memory while listing the state", path);
	checkpoint_info info = {0};
	state_list stored = {0};
	h5 *f = h5_open(path, e);
	const bool ok = f && read_info(f, path, &info, e) && list_stored(f, path, &stored, e)
		&& verify(f, path, &info, &stored, e) && take(f, l, &stored, fit, e);
	h5_close(f);
	state_list_free(&stored);
	checkpoint_info_free(&info);
	return ok;
}

bool checkpoint_rescore(const char *from, const char *to, double score, const char *about, fault *e)
{
	checkpoint_info info = {0};
	state_list l = {0};
	h5 *f = h5_open(from, e);
	bool ok = f && read_info(f, from, &info, e) && list_stored(f, from, &l, e);
	if (ok && strcmp(info.precision, REAL_NAME) != 0)
		ok = fault_set(e, "%s: of a %s program, this one computes in %s", from, info.precision,
			REAL_NAME);
	for (int i = 0; ok && i < l.n; i++) {
		state_item *it = &l.item[i];
		it->x = mem_new((size_t)shape_count(&it->s), 8, e);
		ok = it->x != NULL;
		if (ok && h5_attr_exists(f, it->path, "about"))
			ok = (it->about = h5_attr_text_new(f, it->path, "about", e)) != NULL;
	}
	ok = ok && verify(f, from, &info, &l, e) && fill(f, &l, e);
	info.has_score = true;
	info.score = score;
	snprintf(info.score_about, sizeof info.score_about, "%s", about);
	ok = ok && checkpoint_save(to, &info, &l, e);
	for (int i = 0; i < l.n; i++)
		free(l.item[i].x);
	state_list_free(&l);
	h5_close(f);
	checkpoint_info_free(&info);
	return ok;
}
