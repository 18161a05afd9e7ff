/* confine.h - work on the files of strangers in a child process that may crash, hang or eat memory.
 *
 * libhdf5 1.10.8 can be made to crash by a damaged file whatever its caller checks. So such files are read
 * by a forked child with limits on memory, processor time and time by the clock. It can write no file and leaves no
 * core; where the system can (seal.h), it can do nothing but read, compute and answer; what it found comes back
 * through a pipe, in pieces whose sizes the parent decides. When the child crashes, meets a limit or ends too early,
 * the parent gets one line: "model.h5: damaged file (the reader stopped on signal 11)". That is said of a crash alone,
 * and only where there is memory: of an end from outside (killed, the limit on its time, no process) and of a lack of
 * memory it says what fault_is_now knows.
 *
 * On Linux the child ends with the thread that started it, whatever ends that.
 *
 * The child is a copy of the calling thread alone: it finds no worker pool (thread.h) and must not start one,
 * and a library whose lock another thread held stays locked in it. Call it where no other thread is inside
 * libhdf5 or libarchive; memory, the pool and OpenBLAS do not matter. */
#ifndef SAGAN_CORE_BASE_CONFINE_H
#define SAGAN_CORE_BASE_CONFINE_H

#include "core/base/base.h"

typedef struct confine_limits {
	int cpu_s;                                   /* seconds of processor; 0: 60 */
	int wall_s;                                  /* seconds by the clock; 0: 600 */
	size_t memory;                               /* bytes above what the process has; 0: no limit. Not in force
	                                              * under AddressSanitizer and ThreadSanitizer, which reserve
	                                              * terabytes */
	bool writes;                                 /* it makes a file, and cannot be stopped by a damaged one */
	bool files;                                  /* it may write to the disk, and is not sealed */
} confine_limits;

/* For work on n bytes of a packed file: a minute, and one more for every 100 MB; ten times as long by the clock. */
confine_limits confine_limits_for(int64_t n, double memory);

/* ---- the child's side ---- */

typedef struct confine_out confine_out;

/* Does the work and sends what it found; false with e set: the parent gets that line as it is. */
typedef bool (*confine_fn)(void *ctx, confine_out *out, fault *e);

/* Sends n bytes, some of them later (64 KiB are collected). False when they cannot be sent. When the parent has gone or
 * takes no more, the child ends here by SIGPIPE: nobody waits for it. */
bool confine_put(confine_out *out, const void *x, size_t n);
bool confine_flush(confine_out *out);                /* what was collected goes now: the parent waits for it */

/* Whether this process is such a child; whether the system keeps it from all but reading (seal.h). */
bool confine_within(void);
bool confine_sealed(void);

/* ---- the parent's side ---- */

typedef struct confine confine;

/* Forks a child that runs fn(ctx, ..) and ends. `label`, the path of the file, begins messages (borrow until the
 * end). NULL with e set: no pipe, no process. */
confine *confine_start(const char *label, confine_fn fn, void *ctx, const confine_limits *l, fault *e);

/* Receives exactly n bytes. False when the child ended or ran out of time before: confine_end says why. */
bool confine_take(confine *c, void *x, size_t n);

/* The time by the clock begins anew: for a child that serves one call after the other. */
void confine_anew(confine *c);

/* Waits for the child and frees c (NULL allowed: false, e untouched). True when its function returned true and all that
 * it sent had been taken, or fits the pipe; else e has its line, or why it stopped. What the parent did not take is
 * lost. A parent that wants no more calls confine_stop. */
bool confine_end(confine *c, fault *e);

/* Stops the child and frees c (NULL allowed): the parent has seen enough. */
void confine_stop(confine *c);

#endif
