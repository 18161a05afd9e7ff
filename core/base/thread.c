/* thread.c - the worker pool.
 *
 * One loop runs at a time. Who counts `left` down may run one chunk, and may read the loop's
 * description, which cannot change before that chunk is done. Which chunk it is comes second: each
 * worker has a share of them, the same part of every loop, so that it finds in its caches what it
 * wrote in the loop before; when its share is done it takes from the others'. Idle threads hold
 * nothing, so a loop never waits for a worker that was not scheduled. */
#include "core/base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/base/local.h"
#include "core/base/processors.h"

enum {
	LINE = 64,                                   /* cache line: what different threads write lies apart */
	SPIN_NS = 50000,                             /* about what a sleeping thread needs to wake up */
	SPIN_PAUSES = 32,                            /* looks between two readings of the clock */
	TAKEN_BITS = 24,                             /* of a share: how many chunks of it are taken */
};

static const uint64_t LOOPS = (uint64_t)1 << (64 - TAKEN_BITS);        /* before a number comes again: years of them */

/* How much of a worker's share is taken, and in which loop: an older loop's count means nothing, so nobody has to clear
 * the shares. */
typedef struct share {
	_Alignas(LINE) _Atomic uint64_t loop_taken;
} share;

static struct {
	int count;                                   /* threads, the caller's included; 0: no pool */
	bool spin;                                   /* each thread can have a processor of its own */
	pthread_t thread[THREADS_MAX];               /* [1, count) */

	/* The loop at work: written while left == 0, read by owners of a chunk. */
	span_fn fn;
	void *ctx;
	int64_t n, grain, chunks;
	uint64_t loop;                               /* its number */
	share share[THREADS_MAX];

	_Alignas(LINE) _Atomic int64_t left;         /* chunks nobody took yet */
	_Alignas(LINE) _Atomic int64_t undone;       /* chunks not finished yet */
	_Alignas(LINE) _Atomic int sleepers;         /* workers waiting for `wake` */
	_Atomic bool waiting;                        /* the caller waits for `finished` */
	_Atomic bool stop;
	pthread_mutex_t lock;                        /* guards the two conditions only */
	pthread_cond_t wake, finished;
	pthread_mutex_t busy;                        /* held by the caller of the loop at work */
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
	.finished = PTHREAD_COND_INITIALIZER,
	.busy = PTHREAD_MUTEX_INITIALIZER,
};

/* Which worker this thread is while it runs a chunk; -1 outside. */
static _Thread_local int self = -1;

static void run_chunk(span_fn fn, void *ctx, int64_t k, int64_t grain, int64_t n)
{
	int64_t lo = k * grain;
	fn(ctx, self, lo, MIN(n - lo, grain) + lo);
}

/* Takes the next chunk of worker `of`'s share; -1: nothing is left of it. */
static int64_t take_from(int of)
{
	const int64_t first = pool.chunks * of / pool.count, end = pool.chunks * (of + 1) / pool.count;
	_Atomic uint64_t *word = &pool.share[of].loop_taken;
	uint64_t old = atomic_load(word);
	for (;;) {
		bool begun = old >> TAKEN_BITS == pool.loop;
		int64_t taken = begun ? (int64_t)(old & (((uint64_t)1 << TAKEN_BITS) - 1)) : 0;
		if (first + taken >= end)
			return -1;
		if (atomic_compare_exchange_weak(word, &old, pool.loop << TAKEN_BITS | (uint64_t)(taken + 1)))
			return first + taken;
	}
}

/* A chunk for a worker that has counted `left` down: there is one for it, in its own share or another's. */
static int64_t take_chunk(int worker)
{
	for (int of = worker;; of = of + 1 < pool.count ? of + 1 : 0) {
		int64_t k = take_from(of);
		if (k >= 0)
			return k;
	}
}

/* Takes and runs chunks until none is left. */
static void work(int worker)
{
	self = worker;
	int64_t k = atomic_load(&pool.left);
	while (k > 0) {
		if (!atomic_compare_exchange_weak(&pool.left, &k, k - 1))
			continue;
		run_chunk(pool.fn, pool.ctx, take_chunk(worker), pool.grain, pool.n);
		if (atomic_fetch_sub(&pool.undone, 1) == 1 && atomic_load(&pool.waiting)) {
			pthread_mutex_lock(&pool.lock);
			pthread_cond_signal(&pool.finished);
			pthread_mutex_unlock(&pool.lock);
		}
		k = atomic_load(&pool.left);
	}
	self = -1;
}

static bool has_work(void)
{
	return atomic_load(&pool.left) > 0 || atomic_load(&pool.stop);
}

static bool is_finished(void)
{
	return atomic_load(&pool.undone) == 0;
}

static int64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Looks at `ready` for SPIN_NS without giving the processor away. */
static bool spin_for(bool (*ready)(void))
{
	if (!pool.spin)
		return ready();
	int64_t end = clock_ns() + SPIN_NS;
	do {
		for (int i = 0; i < SPIN_PAUSES; i++) {
			if (ready())
				return true;
#if defined(__x86_64__)
			__builtin_ia32_pause();
#endif
		}
	} while (clock_ns() < end);
	return false;
}

/* Sleepers are counted before the last look, the loop is published before they are read: one of the
 * two sides sees the other, so no wake-up is lost. The same holds for `waiting` and `undone`. */
static void *worker_main(void *arg)
{
	int worker = (int)(intptr_t)arg;
	while (!atomic_load(&pool.stop)) {
		if (!spin_for(has_work)) {
			pthread_mutex_lock(&pool.lock);
			atomic_fetch_add(&pool.sleepers, 1);
			while (!has_work())
				pthread_cond_wait(&pool.wake, &pool.lock);
			atomic_fetch_sub(&pool.sleepers, 1);
			pthread_mutex_unlock(&pool.lock);
		}
		work(worker);
	}
	return NULL;
}

static void wake_workers(int64_t wanted)
{
	if (atomic_load(&pool.sleepers) == 0)
		return;
	pthread_mutex_lock(&pool.lock);
	if (wanted >= pool.count - 1)
		pthread_cond_broadcast(&pool.wake);
	else
		for (int64_t i = 0; i < wanted; i++)
			pthread_cond_signal(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
}

static void wait_finished(void)
{
	if (spin_for(is_finished))
		return;
	pthread_mutex_lock(&pool.lock);
	atomic_store(&pool.waiting, true);
	while (!is_finished())
		pthread_cond_wait(&pool.finished, &pool.lock);
	atomic_store(&pool.waiting, false);
	pthread_mutex_unlock(&pool.lock);
}

static void run_serially(int64_t n, int64_t grain, int64_t chunks, span_fn fn, void *ctx)
{
	int outer = self;
	self = MAX(outer, 0);
	for (int64_t k = 0; k < chunks; k++)
		run_chunk(fn, ctx, k, grain, n);
	self = outer;
}

void parallel_for(int64_t n, int64_t grain, span_fn fn, void *ctx)
{
	must(grain > 0, "parallel_for: grain %lld", (long long)grain);
	if (n <= 0)
		return;
	int64_t chunks = (n - 1) / grain + 1;
	/* No kernel has more chunks than a share can count. A second thread of the program finds the pool busy and
	 * does its own work. */
	if (chunks == 1 || chunks >> TAKEN_BITS > 0 || pool.count <= 1 || self >= 0 ||
	    pthread_mutex_trylock(&pool.busy) != 0) {
		run_serially(n, grain, chunks, fn, ctx);
		return;
	}
	pool.fn = fn;
	pool.ctx = ctx;
	pool.n = n;
	pool.grain = grain;
	pool.chunks = chunks;
	pool.loop = (pool.loop + 1) % LOOPS;
	atomic_store(&pool.undone, chunks);
	atomic_store(&pool.left, chunks);
	wake_workers(chunks - 1);
	work(0);
	wait_finished();
	pthread_mutex_unlock(&pool.busy);
}

int pool_processors(void)
{
	return MIN(processors_usable(), THREADS_MAX);
}

/* fork() copies the calling thread only: the child has no pool and may start one. */
static void forget_pool(void)
{
	pool.count = 0;
	atomic_store(&pool.left, 0);
	atomic_store(&pool.sleepers, 0);
	atomic_store(&pool.waiting, false);
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.wake, NULL);
	pthread_cond_init(&pool.finished, NULL);
	pthread_mutex_init(&pool.busy, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_pool);
}

bool pool_start(int count, fault *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (count < 0 || count > THREADS_MAX)
		return fault_set(e, "threads = %d: must be 0 (one per processor) to %d", count, THREADS_MAX);
	pool_stop();
	pthread_once(&once, watch_forks);
	int available = pool_processors();
	count = count ? count : available;
	pool.spin = count <= available;
	for (pool.count = 1; pool.count < count; pool.count++) {
		void *worker = (void *)(intptr_t)pool.count;
		int rc = pthread_create(&pool.thread[pool.count], NULL, worker_main, worker);
		if (rc != 0) {
			fault_set(e, "threads = %d: thread %d cannot be started: %s", count, pool.count + 1,
				strerror(rc));
			pool_stop();
			return false;
		}
	}
#ifdef __SANITIZE_ADDRESS__
	/* A thread that begins allocates in the sanitizer, whose lock a fork at that moment leaves shut in the
	 * child. */
	while (atomic_load(&pool.sleepers) < pool.count - 1)
		sched_yield();
#endif
	return true;
}

void pool_stop(void)
{
	must(self < 0, "pool_stop from inside a parallel_for");
	if (pool.count == 0)
		return;
	pthread_mutex_lock(&pool.lock);
	atomic_store(&pool.stop, true);
	pthread_cond_broadcast(&pool.wake);
	pthread_mutex_unlock(&pool.lock);
	for (int i = 1; i < pool.count; i++)
		pthread_join(pool.thread[i], NULL);
	atomic_store(&pool.stop, false);
	pool.count = 0;
}

int pool_threads(void)
{
	return MAX(pool.count, 1);
}
