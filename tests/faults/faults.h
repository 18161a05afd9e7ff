/* faults.h - runs a program again and again, a different call of it failing each time (shim.c), and judges how it ends.
 *
 * A good end is one of two. Status 0: every file that the program writes is there, as without the fault, or a warning
 * says why one is missing. Status 1: standard error has one line more than without the fault, and every file is as it
 * was, or as it would have become, or a whole one on the way there; no temporary file is left. */
#ifndef SAGAN_TESTS_FAULTS_FAULTS_H
#define SAGAN_TESTS_FAULTS_FAULTS_H

#include "core/base/base.h"
#include "tests/faults/shim.h"

typedef struct faults faults;

/* `line`: the program's arguments, split at spaces; it runs in a folder that is made anew for each run, with a copy of
 * `start` in it (NULL: empty). NULL: the system does not let the shim work. */
faults *faults_open(const char *name, const char *line, const char *start);
void faults_close(faults *f);

/* How often the program makes the call; and the places that make it, FAULT_PLACES at most, each by the first k at which
 * it does: *at, borrow. A place is who calls, over `depth` callers (0: places are not looked for, which takes longer
 * than the program). */
int64_t faults_count(faults *f, enum fault_call call, int depth, int64_t *places, const int64_t **at);

/* Call k fails with errno `error`; lasting: and all after it. NULL when the program ended well, else a text about how
 * it ended. */
const char *faults_run(faults *f, enum fault_call call, int error, bool lasting, int64_t k);

/* How many of them ended with status 0 and another picture, for want of memory in a library that goes on without it
 * (other letters, another packing): not counted as bad. */
int64_t faults_swallowed(const faults *f);

extern const char *const fault_call_name[FAULT_CALLS];

#endif
