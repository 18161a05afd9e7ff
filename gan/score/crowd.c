/* crowd.c - see crowd.h. */
#include "gan/score/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "gan/score/classes.h"

void crowd_free(crowd *c)
{
	moments_free(&c->all);
	for (int k = 0; c->of_class && k < c->want.classes; k++)
		moments_free(&c->of_class[k]);
	free(c->of_class);
	points_free(&c->kept);
	points_free(&c->small);
	free(c->p);
	free(c->histogram);
	*c = (crowd){0};
}

static bool init_classes(crowd *c, int64_t D, fault *e)
{
	const int K = c->want.classes;
	if (K && !(c->histogram = mem_zero((size_t)K, sizeof *c->histogram, e)))
		return false;
	if (!c->want.by_class)
		return true;
	if (!(c->of_class = mem_zero((size_t)K, sizeof *c->of_class, e)))
		return false;
	for (int k = 0; k < K; k++)
		if (!moments_init(&c->of_class[k], D, e))
			return false;
	return true;
}

static bool set_up(crowd *c, const crowd_plan *want, const image_source *from, lens *look, fault *e)
{
	const int64_t D = lens_count(look);
	*c = (crowd){.want = *want};
	must(want->keep <= want->images && want->images <= from->n && want->pixels <= from->n, "a plan of more images");
	return moments_init(&c->all, D, e) && init_classes(c, D, e) && points_init(&c->kept, want->keep, D, e)
		&& points_init(&c->small, want->pixels, (int64_t)want->small.h * want->small.w * from->channels, e)
		&& (!want->probabilities
			|| (c->p = mem_new((size_t)want->keep * (size_t)want->classes, sizeof *c->p, e)));
}

/* Where the features of image i are kept: -1 for those that are not. new/free. */
static int64_t *places(const crowd_plan *want, fault *e)
{
	int64_t *order = mem_new((size_t)want->images, sizeof *order, e);
	int64_t *place = order ? mem_new((size_t)want->images, sizeof *place, e) : NULL;
	rng r = rng_new(want->seed, "kept features");
	if (place) {
		int64_t n = 0;
		rng_permutation(&r, order, want->images);
		for (int64_t i = 0; i < want->images; i++)
			place[i] = -1;
		for (int64_t i = 0; i < want->keep; i++)
			place[order[i]] = 0;
		for (int64_t i = 0; i < want->images; i++)       /* in the order of the set */
			if (place[i] == 0)
				place[i] = n++;
	}
	free(order);
	return place;
}

/* A batch and what is made of it. */
typedef struct portion {
	real *images, *x, *p;                        /* own; [B,H,W,C], [B,D], [B,K] or NULL */
	int label[SOURCE_BATCH];
} portion;

static void portion_free(portion *b)
{
	free(b->images);
	free(b->x);
	free(b->p);
}

static bool portion_init(portion *b, const image_source *from, const lens *look, fault *e)
{
	const size_t B = SOURCE_BATCH, K = (size_t)lens_classes(look);
	*b = (portion){0};
	return (b->images = mem_new(B * (size_t)(from->size.h * from->size.w * from->channels), sizeof(real), e))
		&& (b->x = mem_new(B * (size_t)lens_count(look), sizeof(real), e))
		&& (!K || (b->p = mem_new(B * K, sizeof(real), e)));
}

/* The class of image i of a portion: its label, where it has one, else what the lens sees; -1: neither. */
static void add_classes(crowd *c, const portion *b, int64_t i, bool labelled, int64_t D)
{
	const int K = c->want.classes, seen = b->p ? class_of(b->p + i * K, K) : -1;
	const int label = labelled && b->label[i] < K ? b->label[i] : -1, class = label >= 0 ? label : seen;
	if (seen >= 0 || label >= 0)
		c->histogram[seen >= 0 ? seen : label]++;
	if (label >= 0 && seen >= 0) {
		c->labelled++;
		c->right += label == seen;
	}
	if (c->of_class && class >= 0)
		moments_add_real(&c->of_class[class], b->x + i * D, 1);
}

static void add(crowd *c, const portion *b, int64_t n, bool labelled, const int64_t *place)
{
	const int64_t D = c->all.d, K = c->want.classes;
	moments_add_real(&c->all, b->x, n);
	for (int64_t i = 0; i < n; i++) {
		if (K)
			add_classes(c, b, i, labelled, D);
		if (place[i] < 0)
			continue;
		memcpy(c->kept.x + place[i] * D, b->x + i * D, (size_t)D * sizeof *b->x);
		if (c->p)
			memcpy(c->p + place[i] * K, b->p + i * K, (size_t)K * sizeof *b->p);
	}
}

static void keep_small(crowd *c, const image_source *from, const real *images, int64_t lo, int64_t n)
{
	const int64_t k = MIN(n, c->small.n - lo);
	if (k > 0)
		pool_images(images, k, from->size, from->channels, c->want.small, c->small.x + lo * c->small.d);
}

static bool read_all(crowd *c, portion *b, const int64_t *place, const image_source *from, lens *look,
	const crowd_reading *how, fault *e)
{
	const int64_t all = MAX(MAX(c->want.images, c->want.pixels), how->all);
	for (int64_t lo = 0; lo < all; lo += SOURCE_BATCH) {
		const int64_t n = MIN(SOURCE_BATCH, all - lo), looked = MIN(n, c->want.images - lo);
		if (how->progress)
			how->progress(how->progress_ctx, how->what, lo, all);
		if (!from->read(from->ctx, lo, n, b->images, b->label, e))
			return false;
		keep_small(c, from, b->images, lo, n);
		if (looked > 0 && !lens_look(look, b->images, looked, b->x, b->p, e))
			return false;
		if (looked > 0)
			add(c, b, looked, from->classes > 0, place + lo);
		if (how->each && !how->each(how->each_ctx, lo, n, b->images, e))
			return false;
	}
	return true;
}

bool crowd_read(crowd *c, const crowd_plan *want, const image_source *from, lens *look, const crowd_reading *how,
	fault *e)
{
	portion b = {0};
	if (!set_up(c, want, from, look, e))
		return false;
	int64_t *place = places(want, e);
	const bool ok = place && portion_init(&b, from, look, e) && read_all(c, &b, place, from, look, how, e);
	portion_free(&b);
	free(place);
	return ok;
}
