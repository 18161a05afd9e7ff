/* loader.c - batches of bytes turned into numbers, by a thread that stays two batches ahead. */
#include "data/loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "data/picture/image.h"

enum {
	RING = 2,                                    /* batches ahead: making one takes far less than a step */
	EPOCH_BITS = 40,                             /* draws kept for one epoch in a stream: 2^40 */
};

typedef struct slot {
	real *x;                                     /* own; [batch,h,w,c] */
	real *label;                                 /* own; [batch] */
} slot;

struct loader {
	const dataset *d;                            /* keep */
	loader_options o;
	int64_t batches;                             /* per epoch */
	real value[256];                             /* pixel_real */
	rng order_stream, flip_stream;               /* as at epoch 0 */

	/* Used by whoever makes batches: the thread, or the caller of a direct loader. */
	int64_t *order;                              /* own; [d->n], the permutation of order_epoch */
	int64_t order_epoch;                         /* -1: none yet */

	loader_place place;                          /* of the next batch to hand out; the caller's */

	/* The ring. Slots head .. head+ready-1 are full; the thread fills the one after them. */
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock;                        /* guards what follows */
	pthread_cond_t filled, emptied;
	slot ring[RING];
	int head, ready;
	loader_place ahead;                          /* of the next batch to make */
	int64_t seeks;                               /* a batch begun before a seek is thrown away */
	bool stop;
};

/* ---- making a batch ---- */

static loader_place place_next(const loader *l, loader_place p)
{
	return p.batch + 1 < l->batches ? (loader_place){p.epoch, p.batch + 1} : (loader_place){p.epoch + 1, 0};
}

static rng stream_at(rng base, int64_t epoch, int64_t draw)
{
	base.counter = (uint64_t)epoch << EPOCH_BITS | (uint64_t)draw;
	return base;
}

static void image_write(const loader *l, real *to, const uint8_t *from, bool flip)
{
	const int h = l->d->h, w = l->d->w, c = l->d->c;
	if (!flip) {
		for (int64_t i = 0; i < (int64_t)h * w * c; i++)
			to[i] = l->value[from[i]];
		return;
	}
	for (int y = 0; y < h; y++, from += w * c)
		for (int x = w - 1; x >= 0; x--)
			for (int k = 0; k < c; k++)
				*to++ = l->value[from[x * c + k]];
}

/* The batch at p. With shares, a round of batch * shares images is cut into one piece per share. */
static void batch_make(loader *l, loader_place p, real *x, real *label)
{
	const dataset *d = l->d;
	const int64_t bytes = dataset_image_bytes(d);
	if (l->order_epoch != p.epoch) {
		rng r = stream_at(l->order_stream, p.epoch, 0);
		rng_permutation(&r, l->order, d->n);
		l->order_epoch = p.epoch;
	}
	const int64_t first = (p.batch * l->o.shares + l->o.share) * l->o.batch;
	for (int64_t i = 0; i < l->o.batch; i++) {
		const int64_t k = l->order[first + i];
		bool flip = false;
		if (l->o.flip) {
			rng r = stream_at(l->flip_stream, p.epoch, first + i);
			flip = rng_u32(&r) >> 31;
		}
		image_write(l, x + i * bytes, d->pixels + k * bytes, flip);
		if (label)
			label[i] = d->label ? (real)d->label[k] : 0;
	}
}

/* ---- the thread ---- */

static void *fill(void *arg)
{
	loader *l = arg;
	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (l->ready == RING) {
			pthread_cond_wait(&l->emptied, &l->lock);
			continue;
		}
		const loader_place p = l->ahead;
		const int64_t seeks = l->seeks;
		const slot *s = &l->ring[(l->head + l->ready) % RING];
		pthread_mutex_unlock(&l->lock);
		batch_make(l, p, s->x, s->label);
		pthread_mutex_lock(&l->lock);
		if (seeks != l->seeks)
			continue;
		l->ahead = place_next(l, p);
		l->ready++;
		pthread_cond_signal(&l->filled);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* Signals belong to the program's main thread: the new thread inherits a mask that blocks all. */
static bool thread_start(loader *l, fault *e)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	const int why = pthread_create(&l->thread, NULL, fill, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	l->threaded = why == 0;
	return l->threaded || fault_set(e, "cannot start the loader's thread: %s", strerror(why));
}

/* ---- what callers see ---- */

static bool options_check(const dataset *d, loader_options *o, fault *e)
{
	o->shares = MAX(o->shares, 1);
	if (o->share < 0 || o->share >= o->shares)
		return fault_set(e, "loader: share %d of %d: shares are numbered 0 to %d", o->share, o->shares,
			o->shares - 1);
	if (o->batch < 1)
		return fault_set(e, "loader: batch %" PRId64 ": must be 1 or more", o->batch);
	if (o->batch > d->n / o->shares)
		return fault_set(e, "batch = %" PRId64 "%s: larger than the data: %s has %" PRId64 " images",
			o->batch, o->shares > 1 ? " in every share" : "", d->path ? d->path : "the set", d->n);
	return true;
}

static bool ring_new(loader *l, fault *e)
{
	const size_t pixels = (size_t)l->o.batch * (size_t)dataset_image_bytes(l->d);
	for (int i = 0; i < RING; i++) {
		l->ring[i].x = mem_new(pixels, sizeof(real), e);
		l->ring[i].label = mem_new((size_t)l->o.batch, sizeof(real), e);
		if (!l->ring[i].x || !l->ring[i].label)
			return false;
	}
	return true;
}

loader *loader_new(const dataset *d, const loader_options *options, fault *e)
{
	loader_options o = *options;
	if (!options_check(d, &o, e))
		return NULL;
	loader *l = mem_zero(1, sizeof *l, e);
	if (!l)
		return NULL;
	l->d = d;
	l->o = o;
	l->batches = d->n / (o.batch * o.shares);
	l->order_stream = rng_new(o.seed, "shuffle");
	l->flip_stream = rng_new(o.seed, "flip");
	l->order_epoch = -1;
	for (int v = 0; v < 256; v++)
		l->value[v] = pixel_real((uint8_t)v);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->filled, NULL);
	pthread_cond_init(&l->emptied, NULL);
	l->order = mem_new((size_t)d->n, sizeof *l->order, e);
	if (l->order && (o.direct || (ring_new(l, e) && thread_start(l, e))))
		return l;
	loader_free(l);
	return NULL;
}

void loader_free(loader *l)
{
	if (!l)
		return;
	if (l->threaded) {
		pthread_mutex_lock(&l->lock);
		l->stop = true;
		pthread_cond_signal(&l->emptied);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
	}
	for (int i = 0; i < RING; i++) {
		free(l->ring[i].x);
		free(l->ring[i].label);
	}
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->filled);
	pthread_cond_destroy(&l->emptied);
	free(l->order);
	free(l);
}

/* Copying out of the ring keeps the slot's life simple; 64 images of 32x32x3 are 0.8 MB. */
static void take(loader *l, real *x, real *label)
{
	pthread_mutex_lock(&l->lock);
	while (l->ready == 0)
		pthread_cond_wait(&l->filled, &l->lock);
	const slot *s = &l->ring[l->head];
	pthread_mutex_unlock(&l->lock);              /* the thread does not touch a full slot */
	memcpy(x, s->x, (size_t)(l->o.batch * dataset_image_bytes(l->d)) * sizeof *x);
	if (label)
		memcpy(label, s->label, (size_t)l->o.batch * sizeof *label);
	pthread_mutex_lock(&l->lock);
	l->head = (l->head + 1) % RING;
	l->ready--;
	pthread_cond_signal(&l->emptied);
	pthread_mutex_unlock(&l->lock);
}

void loader_next(loader *l, real *x, real *label)
{
	if (l->threaded)
		take(l, x, label);
	else
		batch_make(l, l->place, x, label);
	l->place = place_next(l, l->place);
}

loader_place loader_position(const loader *l)
{
	return l->place;
}

bool loader_seek(loader *l, loader_place p, fault *e)
{
	if (p.epoch < 0 || p.epoch >= INT64_C(1) << (64 - EPOCH_BITS) || p.batch < 0 || p.batch >= l->batches)
		return fault_set(e, "data position epoch %" PRId64 ", batch %" PRId64 ": outside the data (%" PRId64
			" batches an epoch)", p.epoch, p.batch, l->batches);
	l->place = p;
	if (!l->threaded)
		return true;
	pthread_mutex_lock(&l->lock);
	l->ahead = p;
	l->ready = 0;
	l->seeks++;
	pthread_cond_signal(&l->emptied);
	pthread_mutex_unlock(&l->lock);
	return true;
}

int64_t loader_batches(const loader *l)
{
	return l->batches;
}
