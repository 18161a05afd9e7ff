/* thread.h - the worker pool: one parallel_for, whose chunks do not depend on the number of threads.
 *
 * The pool is the program's only mutable global. Chunk k covers [k*grain, min(n, (k+1)*grain)),
 * whoever runs it: a kernel that adds up per chunk and combines the chunks in order therefore gives
 * the same bits for any number of threads. */
#ifndef SAGAN_CORE_BASE_THREAD_H
#define SAGAN_CORE_BASE_THREAD_H

#include "core/base/base.h"

SAGAN_BEGIN

enum { THREADS_MAX = 256 };

/* Starts the pool with `count` threads, the caller's included (0: one per processor this process
 * may use). Starting again replaces the pool. Without a pool everything runs on the caller. */
bool pool_start(int count, fault *e);
void pool_stop(void);
int pool_threads(void);                              /* 1 without a pool */

/* One chunk of work: `worker` is 0..pool_threads()-1 and names per-thread scratch; [lo,hi) is the
 * chunk. */
typedef void (*span_fn)(void *ctx, int worker, int64_t lo, int64_t hi);

/* Runs fn over [0,n) in chunks of `grain` and returns when all are done. Called from inside a
 * chunk it runs serially on that worker. */
void parallel_for(int64_t n, int64_t grain, span_fn fn, void *ctx);

SAGAN_END
#endif
