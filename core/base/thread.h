/* thread.h - the worker pool: one parallel_for, whose chunks do not depend on the number of threads.
 *
 * The pool is the only state that the whole program shares. Chunk k covers [k*grain, min(n, (k+1)*grain)),
 * whoever runs it: a kernel that adds up per chunk and combines the chunks in order therefore gives
 * the same bits for any number of threads. */
#ifndef SAGAN_CORE_BASE_THREAD_H
#define SAGAN_CORE_BASE_THREAD_H

#include "core/base/base.h"

SAGAN_BEGIN

enum { THREADS_MAX = 256 };

/* Starts the pool with `count` threads, the caller's included (0: one per processor that this process may use).
 * Starting again replaces the pool. False with e set: count is not 0..THREADS_MAX (an older pool stays), or a thread
 * cannot be started (there is no pool then). Without a pool everything runs on the caller; nobody needs to start one.
 * After fork() the child has none. */
bool pool_start(int count, fault *e);
/* Ends the threads; nothing happens when there are none. A call from inside a chunk is a bug and stops the program. */
void pool_stop(void);
int pool_threads(void);                              /* 1 without a pool */
int pool_processors(void);                           /* by affinity and quota of this process, at most THREADS_MAX */

/* Chunk [lo,hi) of the work that ctx describes. `worker` is 0..pool_threads()-1: no two chunks that one parallel_for
 * runs at the same time have the same, so it can choose a part of scratch memory that ctx points to. */
typedef void (*span_fn)(void *ctx, int worker, int64_t lo, int64_t hi);

/* Runs fn over [0,n) in chunks of `grain` and returns when all are done; ctx is borrowed. A loop inside a chunk runs on
 * that chunk's worker alone, and so does a loop of a second thread while the pool is busy. n <= 0 does nothing;
 * grain < 1 is a bug and stops the program. */
void parallel_for(int64_t n, int64_t grain, span_fn fn, void *ctx);

SAGAN_END
#endif
