/* processors.h - which processors this process may use: those of its affinity, for as much time as its cgroups allow.
 *
 * `docker run --cpus=2` gives two processors' time on all of them: only the quota says so. */
#ifndef SAGAN_CORE_BASE_PROCESSORS_H
#define SAGAN_CORE_BASE_PROCESSORS_H

#include "core/base/base.h"

/* By their numbers; as many as Linux can be built for. */
enum { PROCESSORS_MAX = 1 << 13 };
typedef struct processor_set {
	uint64_t bit[PROCESSORS_MAX / 64];
} processor_set;

void processors_allowed(processor_set *s);           /* by affinity; where the system does not say, all */
int processors_count(const processor_set *s);
bool processors_meet(const processor_set *a, const processor_set *b);        /* they have one in common */

/* By affinity and quota, 1 or more. */
int processors_usable(void);

/* ---- for tests ---- */

/* "200000 100000", as in cpu.max: so much time in so much time. The processors that this takes, rounded up; 0: no
 * bound ("max", "-1"), or no such text. */
int processors_in_quota(const char *text);

/* The least quota of a process in the cgroups `own`, of version 2 or 1, and of all above; 0: no bound. `own` is what
 * /proc/self/cgroup has, `root` where cgroups are mounted. */
int processors_of_cgroups(const char *root, const char *own);

#endif
