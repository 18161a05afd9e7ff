/* checksum.c - see checksum.h. */
#include "gan/checkpoint/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"

static const struct {
	const char *name;                            /* as numpy calls it */
	char letter;                                 /* in format 1 */
	size_t width;
} STORED[STORED_KINDS] = {
	[STORED_F32] = {"float32", 'f', 4}, [STORED_F64] = {"float64", 'd', 8}, [STORED_I64] = {"int64", 'i', 8},
};

size_t stored_width(enum stored_as a)
{
	return STORED[a].width;
}

enum stored_as stored_here(enum array_type t)
{
	return t == ARRAY_I64 ? STORED_I64 : t == ARRAY_F64 || sizeof(real) == 8 ? STORED_F64 : STORED_F32;
}

/* ---- format 1 ---- */

/* FNV-1a's prime over words of eight bytes with a rotation: each step is a bijection of h, so a single
 * wrong word is never missed. */
static uint64_t add_words(uint64_t h, const void *bytes, size_t n)
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

static uint64_t sum_of(const state_item *it, enum stored_as as, const void *x, size_t bytes)
{
	uint64_t h = 0xcbf29ce484222325u;
	h = add_words(h, it->path, strlen(it->path));
	h = add_words(h, &STORED[as].letter, 1);
	h = add_words(h, it->s.dim, (size_t)it->s.rank * sizeof it->s.dim[0]);
	h = add_words(h, x, bytes);
	h ^= h >> 31;
	return h * 0x9e3779b97f4a7c15u;
}

uint64_t checksum_of_config(int64_t step, const char *config)
{
	uint64_t h = add_words(0x84222325cbf29ce4u, &step, sizeof step);
	return add_words(h, config, strlen(config));
}

/* ---- format 2 ---- */

void item_hash_make(item_hash *h, int format, const void *x)
{
	const size_t bytes = (size_t)shape_count(&h->it->s) * STORED[h->as].width;
	h->sum = 0;
	h->text[0] = '\0';
	if (format == FORMAT_SUMS) {
		h->sum = sum_of(h->it, h->as, x, bytes);
	} else {
		sha256 s = sha256_new();
		sha256_add(&s, x, bytes);
		sha256_text(&s, h->text);
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const item_hash *)a)->it->path, ((const item_hash *)b)->it->path);
}

void checksum_arrays(item_hash *h, int n, char text[SHA256_TEXT])
{
	char line[STATE_PATH_MAX + SHAPE_TEXT + SHA256_TEXT + 16];
	sha256 s = sha256_new();
	if (n > 0)
		qsort(h, (size_t)n, sizeof *h, by_path);
	for (int i = 0; i < n; i++) {
		const int k = snprintf(line, sizeof line, "%s %s %s %s\n", h[i].it->path, STORED[h[i].as].name,
			shape_print(&h[i].it->s).s, h[i].text);
		sha256_add(&s, line, (size_t)k);
	}
	sha256_text(&s, text);
}

static void hash_some(void *ctx, int worker, int64_t lo, int64_t hi)
{
	item_hash *h = ctx;
	(void)worker;
	for (int64_t i = lo; i < hi; i++)
		item_hash_make(&h[i], FORMAT_SHA256, h[i].it->x);
}

bool checksum_list(const state_list *l, char text[SHA256_TEXT], fault *e)
{
	item_hash *h = mem_zero((size_t)l->n, sizeof *h, e);
	if (!h)
		return false;
	for (int i = 0; i < l->n; i++)
		h[i] = (item_hash){.it = &l->item[i], .as = stored_here(l->item[i].type)};
	parallel_for(l->n, 1, hash_some, h);
	checksum_arrays(h, l->n, text);
	free(h);
	return true;
}
