/* loader.h - batches in random order, made ready on a thread while the last one is used.
 *
 * Every epoch is a permutation drawn from (seed, epoch), every flip from (seed, epoch, place in the
 * epoch): two integers, epoch and batch, are the whole state, and seeking to them continues the
 * sequence exactly. The last incomplete batch of an epoch is dropped. */
#ifndef SAGAN_DATA_LOADER_H
#define SAGAN_DATA_LOADER_H

#include "data/dataset.h"

SAGAN_BEGIN

typedef struct loader loader;

typedef struct loader_options {
	int64_t batch;                               /* images per batch, of this share */
	uint64_t seed;
	bool flip;                                   /* mirror left-right with probability 1/2 */
	int share, shares;                           /* this is the share-th (from 0) of shares; 0 of 0 and
	                                              * 0 of 1: everything */
	bool direct;                                 /* no thread: batches are made when asked for */
} loader_options;

/* d is kept and must outlive the loader. new/free. Refuses a batch (times shares) larger than the
 * data. Starts the thread; it takes no signals. */
loader *loader_new(const dataset *d, const loader_options *o, fault *e);
void loader_free(loader *l);

/* The next batch: x [batch,h,w,c], pixel v as pixel_real(v); label [batch] whole numbers (zeros for a
 * set without labels), or NULL when not wanted. */
void loader_next(loader *l, real *x, real *label);

/* Where the next batch comes from. With shares, all shares at the same position have disjoint
 * images, and together those of one loader with batch * shares. */
typedef struct loader_place {
	int64_t epoch;                               /* from 0 */
	int64_t batch;                               /* from 0, within the epoch */
} loader_place;
loader_place loader_position(const loader *l);
/* Continues at a position. Wrong is a negative number or a batch outside the epoch. */
bool loader_seek(loader *l, loader_place p, fault *e);
int64_t loader_batches(const loader *l);             /* per epoch */

SAGAN_END
#endif
