/* rundir.h - the directory of a run: made, locked, put aside. Its checkpoints are in checkpoint.h. */
#ifndef SAGAN_GAN_CHECKPOINT_RUNDIR_H
#define SAGAN_GAN_CHECKPOINT_RUNDIR_H

#include "core/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RUN_PATH_MAX = 1024 };

/* dir/name into path; false when it is too long. */
bool run_path(const char *dir, const char *name, char path[RUN_PATH_MAX], error *e);

/* Makes dir (and its parents) and takes dir/lock for this process, so that no two runs write the
 * same files: returns a descriptor for rundir_close, or -1. The lock goes with the process, however
 * it ends. */
int rundir_open(const char *dir, error *e);
void rundir_close(int lock);                         /* -1 allowed */

/* Moves checkpoints, CSV files, pictures and config of an earlier run to dir/previous-N, N the first
 * free number. `moved` (RUN_PATH_MAX) becomes that directory, or "" when there was nothing. */
bool rundir_put_aside(const char *dir, char *moved, error *e);

#ifdef __cplusplus
}
#endif
#endif
