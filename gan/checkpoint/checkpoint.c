/* checkpoint.c - a state, written to and read from one HDF5 file. It knows no network. */
#include "gan/checkpoint/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/attributes.h"
#include "gan/checkpoint/checksum.h"
#include "gan/config/config.h"

enum { FORMAT_VERSION = FORMAT_SHA256, DEPTH_MAX = 16 };

const char CHECKPOINT_FROZEN[] = "/trainer/frozen_stages_of_d";
const char CHECKPOINT_DATA[] = "/loader/data_checksum";

void checkpoint_info_free(checkpoint_info *c)
{
	free(c->config);
	free(c->class_names);
	*c = (checkpoint_info){0};
}

/* ---- writing ---- */

static bool write_item(h5 *f, const state_item *it, fault *e)
{
	bool ok = it->type == ARRAY_REAL ? h5_write_real(f, it->path, it->s, it->x, e)
		: it->type == ARRAY_F64 ? h5_write_f64(f, it->path, it->s, it->x, e)
		: h5_write_i64(f, it->path, it->s, it->x, e);
	return ok && (!it->about || h5_attr_write_text(f, it->path, "about", it->about, e));
}

static bool write_info(h5 *f, const checkpoint_info *about, const state_list *l, fault *e)
{
	checkpoint_info c = *about;                  /* its texts stay the caller's */
	c.format = FORMAT_VERSION;
	snprintf(c.precision, sizeof c.precision, "%s", REAL_NAME);
	return checksum_list(l, c.arrays, e) && attributes_write(f, &c, e);
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

/* What is shown of a file that may be a stranger's. The config is shown after it has been parsed. */
static void show_plainly(checkpoint_info *c)
{
	char *const shown[] = {c->program, c->precision, c->checksum, c->arrays, c->score_about, c->data,
		c->began_from, c->fingerprint};
	for (int i = 0; i < COUNT(shown); i++)
		text_plain(shown[i], 0);
	if (c->class_names)
		text_plain(c->class_names, '\n');
}

static bool check_format(h5 *f, const char *path, fault *e)
{
	int64_t format;
	if (!h5_attr_exists(f, "/", "checksum") || !h5_attr_exists(f, "/", "config"))
		return h5_answers(f, e) && fault_set(e,
			"%s: not a checkpoint of this program (no attributes config and checksum)", path);
	if (!h5_attr_i64(f, "/", "format", &format, e))
		return false;
	return (format >= FORMAT_SUMS && format <= FORMAT_VERSION)
		|| fault_set(e, "%s: format = %lld: this program reads checkpoints of formats %d to %d", path,
			(long long)format, FORMAT_SUMS, FORMAT_VERSION);
}

/* In format 1 the checksum is a sum: what is not the config is the arrays. */
static void part_of_arrays(checkpoint_info *c)
{
	const uint64_t all = strtoull(c->checksum, NULL, 16);
	snprintf(c->arrays, sizeof c->arrays, "%016llx",
		(unsigned long long)(all - checksum_of_config(c->step, c->config)));
}

static bool read_info(h5 *f, const char *path, checkpoint_info *out, fault *e)
{
	*out = (checkpoint_info){0};
	if (!check_format(f, path, e) || !attributes_read(f, out, e)
		|| (h5_exists(f, CHECKPOINT_FROZEN) && !h5_read_i64(f, CHECKPOINT_FROZEN, &out->frozen, 1, e))
		|| !h5_answers(f, e))
		return false;
	snprintf(out->path, sizeof out->path, "%s", path);
	if (out->step < 0 || out->step > CONFIG_STEPS_MAX)
		return fault_set(e, "%s: step = %lld: must be 0 to %d", path, (long long)out->step, CONFIG_STEPS_MAX);
	if (out->format == FORMAT_SUMS)
		part_of_arrays(out);
	show_plainly(out);
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

/* Of an item that list_file has listed. */
static enum stored_as stored_in_file(const state_item *it)
{
	return it->type == ARRAY_REAL ? STORED_F32 : it->type == ARRAY_F64 ? STORED_F64 : STORED_I64;
}

/* Adds every data set of the file to l: float32 as ARRAY_REAL, float64 and int64 as themselves. */
static bool list_file(h5 *f, state_list *l, fault *e)
{
	h5_tree tree;
	if (!h5_walk(f, "/", DEPTH_MAX, &tree, e))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < tree.n; i++) {
		const h5_info *info = &tree.at[i].info;
		if (info->is_group)
			continue;
		ok = info->type == H5_F32 || info->type == H5_F64 || info->type == H5_I64
			|| fault_set(e, "%s: type is none of float32, float64, int64", tree.at[i].path);
		if (ok)
			state_add(l, kind_of(info->type), tree.at[i].path, info->s, NULL, NULL);
	}
	h5_tree_free(&tree);
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
	if (!list_file(f, l, e))
		return false;
	uint64_t left = (uint64_t)st.st_size;
	for (int i = 0; i < l->n; i++) {
		const uint64_t n = (uint64_t)shape_count(&l->item[i].s),
			width = stored_width(stored_in_file(&l->item[i]));
		if (n > left / width)
			return fault_set(e, "%s: %s: the arrays of this file are larger than the file, which no "
				"checkpoint's are", path, l->item[i].path);
		left -= n * width;
	}
	return true;
}

static bool fill_one(h5 *f, const state_item *it, fault *e)
{
	const int64_t n = shape_count(&it->s);
	return it->type == ARRAY_REAL ? h5_read_real(f, it->path, it->x, n, e)
		: it->type == ARRAY_F64 ? h5_read_f64(f, it->path, it->x, n, e)
		: h5_read_i64(f, it->path, it->x, n, e);
}

/* By the name that the file's list has: it stays as long as the file is open, as what is asked for ahead must. */
static void ahead_one(h5 *f, const state_item *it, const state_item *stored)
{
	const int64_t n = shape_count(&it->s);
	(it->type == ARRAY_REAL ? h5_ahead_real : it->type == ARRAY_F64 ? h5_ahead_f64 : h5_ahead_i64)(f, stored->path,
		n);
}

/* Items up to H5_AHEAD of i are asked for before they are hashed. asked: so many of them were. */
static void ahead_hash(h5 *f, const state_list *l, int i, int *asked)
{
	for (; *asked < MIN(l->n, i + H5_AHEAD); ++*asked)
		ahead_one(f, &l->item[*asked], &l->item[*asked]);
}

/* The hash of the data set `it` as stored. */
static bool hash_stored(h5 *f, const state_item *it, int64_t format, item_hash *h, fault *e)
{
	int64_t n = shape_count(&it->s);
	double *x = mem_new((size_t)n, sizeof *x, e);
	if (!x)
		return false;
	state_item at = *it;
	at.x = x;
	const bool ok = fill_one(f, &at, e);
#ifdef REAL_DOUBLE
	float *narrow = (float *)(void *)x;          /* in place: float i lies at or before double i */
	for (int64_t i = 0; ok && it->type == ARRAY_REAL && i < n; i++) {
		const float v = (float)x[i];
		memcpy(&narrow[i], &v, sizeof v);
	}
#endif
	*h = (item_hash){.it = it, .as = stored_in_file(it)};
	if (ok)
		item_hash_make(h, (int)format, x);
	free(x);
	return ok;
}

static bool is_right(const checkpoint_info *c, const char *what, const char *have, const char *said, fault *e)
{
	return strcmp(have, said) == 0 || fault_set(e, "%s: damaged: its %s give checksum %s, it says %s", c->path,
		what, have, said);
}

static bool sums_are_right(const checkpoint_info *c, const item_hash *h, int n, fault *e)
{
	char have[SHA256_TEXT];
	uint64_t sum = checksum_of_config(c->step, c->config);
	for (int i = 0; i < n; i++)
		sum += h[i].sum;
	snprintf(have, sizeof have, "%016llx", (unsigned long long)sum);
	return is_right(c, "contents", have, c->checksum, e);
}

static bool hashes_are_right(h5 *f, const checkpoint_info *c, item_hash *h, int n, fault *e)
{
	char have[SHA256_TEXT];
	checksum_arrays(h, n, have);
	return is_right(c, "arrays", have, c->arrays, e) && attributes_checksum(f, c->path, c->checksum_of, have, e)
		&& is_right(c, "contents", have, c->checksum, e);
}

static bool verify(h5 *f, const checkpoint_info *c, const state_list *stored, fault *e)
{
	const int n = stored->n;
	item_hash *h = mem_zero((size_t)n, sizeof *h, e);
	bool ok = h != NULL;
	for (int i = 0, asked = 0; ok && i < n; i++) {
		ahead_hash(f, stored, i, &asked);
		ok = hash_stored(f, &stored->item[i], c->format, &h[i], e);
	}
	ok = ok && (c->format == FORMAT_SUMS ? sums_are_right(c, h, n, e) : hashes_are_right(f, c, h, n, e));
	free(h);
	return ok;
}

struct checkpoint {
	h5 *f;
	struct stat file;                            /* before it was read */
	checkpoint_info info;
	state_list stored;                           /* every data set, in the order of the file; no arrays */
};

checkpoint *checkpoint_open(const char *path, fault *e)
{
	checkpoint *c = mem_zero(1, sizeof *c, e);
	if (c)
		(void)stat(path, &c->file);          /* where that fails opening it does, too, and says why */
	if (c && (c->f = h5_open(path, e)) && read_info(c->f, path, &c->info, e)
		&& list_stored(c->f, path, &c->stored, e) && verify(c->f, &c->info, &c->stored, e))
		return c;
	checkpoint_close(c);
	return NULL;
}

void checkpoint_close(checkpoint *c)
{
	if (!c)
		return;
	h5_close(c->f);
	state_list_free(&c->stored);
	checkpoint_info_free(&c->info);
	free(c);
}

const checkpoint_info *checkpoint_about(const checkpoint *c)
{
	return &c->info;
}

bool checkpoint_verify(const char *path, fault *e)
{
	checkpoint *c = checkpoint_open(path, e);
	const bool good = c != NULL;
	checkpoint_close(c);
	return good;
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

/* Optional ones that the file does not have stay as they are. */
static bool fill(h5 *f, const state_list *l, const state_list *stored, fault *e)
{
	for (int i = 0, asked = 0; i < l->n; i++) {
		for (; asked < MIN(l->n, i + H5_AHEAD); asked++) {
			const state_item *there = state_find(stored, l->item[asked].path);
			if (there)
				ahead_one(f, &l->item[asked], there);
		}
		if ((!l->item[i].optional || state_find(stored, l->item[i].path)) && !fill_one(f, &l->item[i], e))
			return false;
	}
	return true;
}

static bool is_listed(const checkpoint *c, const state_list *l, fault *e)
{
	return !l->failed || fault_set(e, "%s: out of memory while listing the state", c->info.path);
}

/* What is removed or replaced stays as it was for who has it open; what somebody writes into does not. */
static bool is_unchanged(const checkpoint *c, fault *e)
{
	struct stat now;
	const struct stat *then = &c->file;
	if (stat(c->info.path, &now) != 0 || now.st_dev != then->st_dev || now.st_ino != then->st_ino)
		return true;
	return (now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec
		&& now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
		|| fault_at(e, c->info.path, FAULT_NOW ": somebody writes into it");
}

/* This program saves nothing else. */
static bool is_finite(const checkpoint *c, const state_list *l, fault *e)
{
	fault why;
	return state_is_finite(l, &why) || fault_at(e, c->info.path, "%s", why.text);
}

bool checkpoint_fill(checkpoint *c, const state_list *l, bool whole, fault *e)
{
	return is_listed(c, l, e) && compare(c->info.path, l, &c->stored, whole, e) && fill(c->f, l, &c->stored, e)
		&& is_unchanged(c, e) && is_finite(c, l, e);
}

bool checkpoint_load(const char *path, const state_list *l, bool whole, fault *e)
{
	checkpoint *c = checkpoint_open(path, e);
	const bool ok = c && checkpoint_fill(c, l, whole, e);
	checkpoint_close(c);
	return ok;
}

bool checkpoint_take(checkpoint *c, const state_list *l, item_fit *fit, fault *e)
{
	if (!is_listed(c, l, e))
		return false;
	for (int i = 0; i < l->n; i++) {
		const state_item *a = &l->item[i], *b = state_find(&c->stored, a->path);
		fit[i] = (item_fit){.there = b != NULL};
		if (!b)
			continue;
		fit[i].s = b->s;
		fit[i].fits = same_kind(a->type, b->type) && shape_equal(&a->s, &b->s);
		if (fit[i].fits && !fill_one(c->f, a, e))
			return false;
	}
	return is_unchanged(c, e) && is_finite(c, l, e);
}

/* Every item of the file with its array, which the caller frees. */
static bool read_all(checkpoint *c, state_list *l, fault *e)
{
	bool ok = true;
	for (int i = 0; ok && i < c->stored.n; i++) {
		const state_item *it = &c->stored.item[i];
		void *x = mem_new((size_t)shape_count(&it->s), 8, e);
		char *about = NULL;
		ok = x && (!h5_attr_exists(c->f, it->path, "about")
			|| (about = h5_attr_text_new(c->f, it->path, "about", e)));
		if (ok)
			state_add(l, it->type, it->path, it->s, x, about);
		if (l->n <= i)
			free(x);
		free(about);
	}
	return ok && is_listed(c, l, e) && fill(c->f, l, &c->stored, e) && is_unchanged(c, e);
}

bool checkpoint_rescore(checkpoint *from, const char *to, double score, const char *about, fault *e)
{
	checkpoint_info info = from->info;           /* its texts stay those of `from` */
	state_list l = {0};
	if (strcmp(info.precision, REAL_NAME) != 0)
		return fault_set(e, "%s: of a %s program, this one computes in %s", info.path, info.precision,
			REAL_NAME);
	info.has_score = true;
	info.score = score;
	snprintf(info.score_about, sizeof info.score_about, "%s", about);
	const bool ok = read_all(from, &l, e) && checkpoint_save(to, &info, &l, e);
	for (int i = 0; i < l.n; i++)
		free(l.item[i].x);
	state_list_free(&l);
	return ok;
}
