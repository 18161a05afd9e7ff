/* crowd.c - see crowd.h. */
#include "gan/score/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/peers/peers.h"
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
	free(c->looked);
	free(c->shrunk);
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

/* How many of them are below `end`: ascending numbers, of an image each. */
static int64_t below(const int64_t *which, int64_t m, int64_t end)
{
	int64_t lo = 0;
	while (lo < m) {
		const int64_t mid = (lo + m) / 2;
		if (which[mid] < end)
			lo = mid + 1;
		else
			m = mid;
	}
	return lo;
}

static bool set_up(crowd *c, const crowd_plan *want, const image_source *from, lens *look, fault *e)
{
	const int64_t D = lens_count(look);
	*c = (crowd){.want = *want};
	must(want->keep <= want->images && want->images <= from->n && want->pixels <= from->n, "a plan of more images");
	return (c->looked = rng_subset(want->seed, "looked at", want->images, from->n, e))
		&& (c->shrunk = rng_subset(want->seed, "kept small", want->pixels, from->n, e))
		&& moments_init(&c->all, D, e) && init_classes(c, D, e) && points_init(&c->kept, want->keep, D, e)
		&& points_init(&c->small, want->pixels, (int64_t)want->small.h * want->small.w * from->channels, e)
		&& (!want->probabilities
			|| (c->p = mem_new((size_t)want->keep * (size_t)want->classes, sizeof *c->p, e)));
}

/* Where the features of the image that is looked at as number i are kept: -1 for those that are not. new/free. */
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

/* What is made of some images: of a batch for each process. Images are those of this process's batch alone. Rows of
 * `small` are those of the images of a batch, of all else those that are looked at, at the batch's begin. */
typedef struct portion {
	real *images;                                /* own; [B,H,W,C] */
	real *x, *p, *small;                         /* own; [B P,D], [B P,K] or NULL, [B P,small size * C] */
	int *label;                                  /* own; [B P] */
	int64_t D, K, S;                             /* numbers of a row */
} portion;

static void portion_free(portion *b)
{
	free(b->images);
	free(b->x);
	free(b->p);
	free(b->small);
	free(b->label);
}

static bool portion_init(portion *b, const crowd *c, const image_source *from, const lens *look, fault *e)
{
	const size_t B = SOURCE_BATCH, rows = B * (size_t)peers_count();
	*b = (portion){.D = lens_count(look), .K = lens_classes(look), .S = c->small.d};
	return (b->images = mem_new(B * (size_t)(from->size.h * from->size.w * from->channels), sizeof(real), e))
		&& (b->x = mem_zero(rows * (size_t)b->D, sizeof(real), e))
		&& (!b->K || (b->p = mem_zero(rows * (size_t)b->K, sizeof(real), e)))
		&& (b->small = mem_zero(rows * (size_t)b->S, sizeof(real), e))
		&& (b->label = mem_zero(rows, sizeof *b->label, e));
}

/* Images lo to lo + n of the set, rows from `at` on of the portion. */
static bool look_at(const crowd *c, portion *b, const image_source *from, lens *look, int64_t lo, int64_t at, int64_t n,
	fault *e)
{
	const int64_t size = (int64_t)from->size.h * from->size.w * from->channels, all = c->want.images;
	int64_t looked = 0;
	if (!from->read(from->ctx, lo, n, b->images, b->label + at, e))
		return false;
	for (int64_t i = 0; from->classes && c->want.as && i < n; i++)
		b->label[at + i] = c->want.as[b->label[at + i]];
	pool_images(b->images, n, from->size, from->channels, c->want.small, b->small + at * b->S);
	for (int64_t k = below(c->looked, all, lo); k < all && c->looked[k] < lo + n; k++, looked++) {
		const int64_t i = c->looked[k] - lo;             /* never in front of its place */
		memmove(b->images + looked * size, b->images + i * size, (size_t)size * sizeof *b->images);
		b->label[at + looked] = b->label[at + i];
	}
	return looked == 0
		|| lens_look(look, b->images, looked, b->x + at * b->D, b->p ? b->p + at * b->K : NULL, e);
}

/* Every process has made the rows of one batch. */
static void hand_out(portion *b)
{
	const size_t B = SOURCE_BATCH;
	peers_join(b->x, peers_count(), B * (size_t)b->D * sizeof(real));
	peers_join(b->small, peers_count(), B * (size_t)b->S * sizeof(real));
	peers_join(b->label, peers_count(), B * sizeof *b->label);
	if (b->p)
		peers_join(b->p, peers_count(), B * (size_t)b->K * sizeof(real));
}

/* The class of row i of a portion: its label, where it has one, else what the lens sees; -1: neither. */
static void add_classes(crowd *c, const portion *b, int64_t i, bool labelled)
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
		moments_add_real(&c->of_class[class], b->x + i * b->D, 1);
}

/* Rows at to at + n; place: that of the first. */
static void add(crowd *c, const portion *b, int64_t at, int64_t n, bool labelled, const int64_t *place)
{
	const int64_t D = b->D, K = c->want.classes;
	moments_add_real(&c->all, b->x + at * D, n);
	for (int64_t i = 0; i < n; i++) {
		if (K)
			add_classes(c, b, at + i, labelled);
		if (place[i] < 0)
			continue;
		memcpy(c->kept.x + place[i] * D, b->x + (at + i) * D, (size_t)D * sizeof *b->x);
		if (c->p)
			memcpy(c->p + place[i] * K, b->p + (at + i) * K, (size_t)K * sizeof *b->p);
	}
}

/* small: of images lo to lo + n. */
static void keep_small(crowd *c, const real *small, int64_t lo, int64_t n)
{
	const int64_t m = c->want.pixels, S = c->small.d;
	for (int64_t k = below(c->shrunk, m, lo); k < m && c->shrunk[k] < lo + n; k++)
		memcpy(c->small.x + k * S, small + (c->shrunk[k] - lo) * S, (size_t)S * sizeof *small);
}

/* The portion as images lo to lo + n, in their order. */
static bool add_all(crowd *c, const portion *b, int64_t lo, int64_t n, bool labelled, const int64_t *place,
	const crowd_reading *how, fault *e)
{
	for (int64_t at = 0; at < n; at += SOURCE_BATCH) {
		const int64_t k = MIN(SOURCE_BATCH, n - at), first = below(c->looked, c->want.images, lo + at);
		const real *small = b->small + at * b->S;
		keep_small(c, small, lo + at, k);
		add(c, b, at, below(c->looked, c->want.images, lo + at + k) - first, labelled, place + first);
		if (how->each && !how->each(how->each_ctx, lo + at, k, small, e))
			return false;
	}
	return true;
}

/* One behind the last image that is needed. */
static int64_t end_of(const crowd *c, int64_t all)
{
	const int64_t n = c->want.images, m = c->want.pixels;
	return MAX(MAX(n ? c->looked[n - 1] + 1 : 0, m ? c->shrunk[m - 1] + 1 : 0), all);
}

/* A batch by each process, then the next ones. Everything is added by all of them. */
static bool read_all(crowd *c, portion *b, const int64_t *place, const image_source *from, lens *look,
	const crowd_reading *how, fault *e)
{
	const int64_t all = end_of(c, how->all);
	const int64_t round = SOURCE_BATCH * peers_count(), own = SOURCE_BATCH * peers_rank();
	bool ok = true;
	for (int64_t lo = 0; lo < all; lo += round) {
		const int64_t n = MIN(round, all - lo), mine = MIN(SOURCE_BATCH, n - own);
		if (how->progress)
			how->progress(how->progress_ctx, how->what, lo, all);
		ok = ok && (mine <= 0 || look_at(c, b, from, look, lo + own, own, mine, e));
		if (!peers_agree(ok, e))
			return false;
		hand_out(b);
		ok = add_all(c, b, lo, n, from->classes > 0, place, how, e);
	}
	return peers_agree(ok, e);
}

bool crowd_read(crowd *c, const crowd_plan *want, const image_source *from, lens *look, const crowd_reading *how,
	fault *e)
{
	portion b = {0};
	int64_t *place = set_up(c, want, from, look, e) ? places(want, e) : NULL;
	const bool room = peers_agree(place && portion_init(&b, c, from, look, e), e);
	const bool ok = room && read_all(c, &b, place, from, look, how, e);
	portion_free(&b);
	free(place);
	return ok;
}
