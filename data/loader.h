/* loader.h - batches in random order, made ready on a thread while the last one is used.
 *
 * The order of an epoch is drawn from (seed, epoch), a flip from (seed, epoch, place in the epoch). So two integers,
 * epoch and batch, are the whole state: a loader that seeks to them goes on exactly as this one would. What is left of
 * an epoch and fills no batch is not used in it. */
#ifndef SAGAN_DATA_LOADER_H
#define SAGAN_DATA_LOADER_H

#include "data/dataset.h"

SAGAN_BEGIN

typedef struct loader loader;

typedef struct loader_options {
	int64_t batch;                               /* images per batch, of this share */
	uint64_t seed;
	bool flip;                                   /* mirror left-right with probability 1/2 */
	int share, shares;                           /* for several processes that share an epoch: this is number share
	                                              * (from 0) of shares; 0 of 0 and 0 of 1: everything */
	bool direct;                                 /* no thread: batches are made when asked for */
} loader_options;

/* Keep: d must outlive the loader; o is copied. Unless direct, starts a thread, which handles no signals. new/free.
 * NULL with e set: batch < 1, batch * shares above the number of images, a share that is not below shares, no memory
 * or thread. */
loader *loader_new(const dataset *d, const loader_options *o, fault *e);
void loader_free(loader *l);

/* Copies the next batch: x [batch,h,w,c], a pixel v as v / 127.5 - 1; label [batch] whole numbers (zeros for a set
 * without labels), or NULL when not wanted. After the last batch of an epoch the next epoch begins. */
void loader_next(loader *l, real *x, real *label);

/* Where the next batch comes from. Loaders of all shares at the same place have different images, together those of one
 * loader with a batch of batch * shares. */
typedef struct loader_place {
	int64_t epoch;                               /* from 0 */
	int64_t batch;                               /* from 0, within the epoch */
} loader_place;
loader_place loader_position(const loader *l);
/* Goes on at a place. False with e set, and nothing changed: a number below 0, a batch outside the epoch, an epoch from
 * 2^24 on. */
bool loader_seek(loader *l, loader_place p, fault *e);
int64_t loader_batches(const loader *l);             /* per epoch */

SAGAN_END
#endif
