/* power.h - what a process does to the files of one folder, recorded, and the states that a power cut may leave.
 *
 * The file system that is imagined here promises no more than POSIX: what was written to a file is on the disk after
 * fsync of that file, a name after fsync of its folder. Before that, each write and each change of a name may be there
 * or not, whatever came later; only changes of one name, or of one file, keep their order. */
#ifndef SAGAN_TESTS_TORTURE_POWER_H
#define SAGAN_TESTS_TORTURE_POWER_H

#include "core/base/base.h"
#include "core/base/rng.h"

/* From here on this process records what it does below `folder` (one level) into the file `log`. The linker leads its
 * calls here: --wrap in the Makefile. */
void power_record(const char *folder, const char *log);

typedef struct power_log power_log;
power_log *power_read(const char *log);              /* new/free */
int power_events(const power_log *l);
void power_free(power_log *l);

/* Makes in `folder`, which is empty, what may be there after a cut before event number `at`. `calm`: everything that
 * was done is there, as after a kill. */
void power_cut(const power_log *l, int at, bool calm, rng *r, const char *folder);

/* The highest step whose checkpoint was certainly there before event `at`, name and bytes synced; -1: none. */
int64_t power_promised(const power_log *l, int at);

#endif
