/* copy_search.c - see copy_search.h. */
#include "gan/score/copy_search.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/peers/peers.h"
#include "data/picture/png.h"

/* Training images that are compared at once: then a pass over all pairs is long enough to be shared by threads. */
enum { AT_ONCE = 1024 };

bool copy_search_begin(copy_search *s, const crowd *fakes, const crowd *tests, const image_source *train, fault *e)
{
	s->fakes = fakes;
	s->tests = tests;
	s->train = *train;
	return points_init(&s->batch, AT_ONCE, fakes->small.d, e) && nearest_init(&s->of_fakes, fakes->small.n, e)
		&& nearest_init(&s->of_tests, tests->small.n, e);
}

void copy_search_free(copy_search *s)
{
	points_free(&s->batch);
	nearest_free(&s->of_fakes);
	nearest_free(&s->of_tests);
}

static bool compare(copy_search *s, fault *e)
{
	const points some = {.n = s->waits, .d = s->batch.d, .x = s->batch.x};
	const int64_t first = s->compared;
	s->compared += s->waits;
	s->waits = 0;
	return nearest_among(&s->of_fakes, &s->fakes->small, &some, first, e)
		&& (!s->tests->small.n || nearest_among(&s->of_tests, &s->tests->small, &some, first, e));
}

bool copy_search_batch(void *ctx, int64_t lo, int64_t n, const real *small, fault *e)
{
	copy_search *s = ctx;
	(void)lo;
	memcpy(s->batch.x + s->waits * s->batch.d, small, (size_t)(n * s->batch.d) * sizeof *small);
	s->waits += n;
	return s->waits + SOURCE_BATCH <= AT_ONCE || compare(s, e);
}

/* The closest fakes, the closest first; number: of each among the judged images. */
static void choose_pairs(const nearest *of, const int64_t *number, evaluation *v)
{
	for (int64_t i = 0; i < of->n; i++) {
		int k = v->pairs;
		for (; k > 0 && v->pair[k - 1].distance > of->distance[i]; k--)
			if (k < PAIRS)
				v->pair[k] = v->pair[k - 1];
		if (k < PAIRS)
			v->pair[k] = (struct pair){number[i], of->which[i], of->distance[i]};
		v->pairs = MIN(v->pairs + (k < PAIRS), PAIRS);
	}
}

bool copy_search_end(copy_search *s, evaluation *v, fault *e)
{
	if (!peers_agree(compare(s, e), e))
		return false;
	nearest_end(&s->of_fakes);
	nearest_end(&s->of_tests);
	v->has_copies = true;
	v->has_test = s->tests->small.n > 0;
	v->copy_fakes = s->fakes->small.n;
	v->copy_tests = s->tests->small.n;
	v->copy_train = s->compared;
	choose_pairs(&s->of_fakes, s->fakes->shrunk, v);
	v->copied = copies_of(s->of_fakes.distance, s->of_fakes.n, s->of_tests.distance, s->of_tests.n);
	return true;
}

/* Image k of a source into x, through a batch of room. */
static bool read_one(const image_source *from, int64_t k, real *x, real *room, fault *e)
{
	int label[SOURCE_BATCH];
	const int64_t size = (int64_t)from->size.h * from->size.w * from->channels;
	const int64_t lo = k / SOURCE_BATCH * SOURCE_BATCH;
	if (!from->read(from->ctx, lo, MIN(SOURCE_BATCH, from->n - lo), room, label, e))
		return false;
	memcpy(x, room + (k - lo) * size, (size_t)size * sizeof *x);
	return true;
}

bool copy_search_draw(const copy_search *s, const evaluation *v, const image_source *judged, const char *path,
	fault *e)
{
	const net_size size = judged->size;
	const int64_t each = (int64_t)size.h * size.w * judged->channels;
	const int n = v->pairs;
	real *x = mem_new((size_t)(2 * n + SOURCE_BATCH) * (size_t)each, sizeof *x, e), *room = x + 2 * n * each;
	bool ok = x != NULL;
	for (int i = 0; ok && i < n; i++)
		ok = read_one(judged, v->pair[i].fake, x + i * each, room, e)
			&& read_one(&s->train, v->pair[i].train, x + (n + i) * each, room, e);
	ok = ok && png_write_grid(path, x, 2 * n, size.h, size.w, judged->channels, n, size.w < 48 ? 3 : 1, e);
	free(x);
	return ok;
}
