/* rundir.h - the directory of a run: made, locked, put aside; which checkpoints (checkpoint.h) it has, which may go.
 *
 * Nothing in it is written before what is there was read without error: a file that cannot be read now, or a list of
 * files that breaks off, is no reason to begin anew or to go on from something older. Only what is read and found
 * damaged is passed over, and whoever holds the lock gives it a name that says so: damaged-checkpoint-00001000.h5. */
#ifndef SAGAN_GAN_CHECKPOINT_RUNDIR_H
#define SAGAN_GAN_CHECKPOINT_RUNDIR_H

#include "gan/checkpoint/checkpoint.h"

/* dir/name into path; false, with e set, when it is too long. */
bool run_path(const char *dir, const char *name, char path[RUN_PATH_MAX], fault *e);

/* A directory that this process may write to. */
typedef struct rundir rundir;

/* Makes dir (and its parents) and locks dir/lock for this process, so that no two runs write the same files; removes
 * temporary files that a killed process left. NULL with e set: another process trains there, or dir cannot be written.
 * The lock ends with the process, however that ends. new/free: rundir_close, which removes dir again where it was made
 * here and nothing was written into it. */
rundir *rundir_open(const char *dir, fault *e);
void rundir_close(rundir *d);                        /* NULL allowed */

/* Whether the directory and the lock are still where they were; false with e set when somebody removed them or put
 * others in their place. */
bool rundir_stands(const rundir *d, fault *e);

/* Moves what a run writes (files that end in .h5, .csv, .png or .html, event files, config.yaml) to dir/previous-N, N
 * the first free number. `moved` (RUN_PATH_MAX) becomes that directory, or "" when there was nothing. */
bool rundir_put_aside(const char *dir, char *moved, fault *e);

/* "dir/checkpoint-00001000.h5" */
void rundir_checkpoint(const char *dir, int64_t step, char *path, size_t size);

/* The newest checkpoint of a directory that is not damaged; the best one where no numbered one is good. Damaged newer
 * ones are named in `warning` (one line, empty when there are none; NULL allowed). NULL with e set: the directory has
 * none at all, or all are damaged, or a newer one cannot be read now. One that is removed before it is open is none.
 * `given` may be a checkpoint file as well. Release with checkpoint_close; its path is in checkpoint_about. */
checkpoint *rundir_newest(const char *given, fault *warning, fault *e);

/* The same for who goes on from there: damaged newer ones are put aside, or later steps would seem older. */
checkpoint *rundir_resume(rundir *d, fault *warning, fault *e);

/* Where the newest of a directory lies: rundir_newest and checkpoint_close. */
bool rundir_latest(const char *dir, char path[RUN_PATH_MAX], fault *warning, fault *e);

/* Whether the directory has a file named like a checkpoint; false with e set: it cannot be read. A directory that is
 * missing has none. */
bool rundir_any(const char *dir, bool *any, fault *e);

/* Whether a file that holds `step` may have this name: of numbered checkpoints the number is the step. */
bool rundir_name_fits(const char *path, int64_t step, fault *e);

/* *step becomes that of the last numbered checkpoint before it; -1: there is none. False with e set: the directory
 * cannot be read. */
bool rundir_before(const char *dir, int64_t *step, fault *e);

/* Removes the numbered checkpoints before `step`, which this process has just written, but the keep-1 newest that are
 * good. What is damaged is put aside, what cannot be read now stays; both are no reason to remove fewer or more than
 * otherwise, and are told in `warning`. Later steps are not touched. */
bool rundir_prune(rundir *d, int keep, int64_t step, fault *warning, fault *e);

/* The best checkpoint; *best is NULL where there is none. A damaged one is put aside, which `warning` tells. False with
 * e set: it cannot be read now. */
bool rundir_open_best(const char *dir, checkpoint **best, fault *warning, fault *e);

/* Where the best checkpoint goes that is none of the run any more: dir/former-best-00000018.h5, 18 being its step, or
 * former-best-00000018.2.h5 where such a one is there, of another branch. */
bool rundir_former_best(const char *dir, int64_t step, char path[RUN_PATH_MAX], fault *e);
/* Gives the best checkpoint another name. */
bool rundir_move_best(const char *dir, const char *to, fault *e);
/* Removes the former best one of that step where the best one is the same state again: a run that was killed comes to
 * it a second time. */
void rundir_drop_former(const char *dir, int64_t step);

/* Whether a score is lower than that of the best checkpoint so far, or that one measures something else, or is not
 * there (rundir_open_best). */
bool rundir_is_best(const char *dir, double score, const char *about, bool *is, fault *warning, fault *e);

/* Makes dir/checkpoint-best.h5 a copy of `path` with its score, where rundir_is_best. *better says whether it did.
 * Pruning does not touch the copy. */
bool rundir_keep_best(const char *dir, const char *path, double score, const char *about, bool *better, fault *warning,
	fault *e);

/* "dir/checkpoint-best.h5", whether it is there or not. */
void rundir_best_path(const char *dir, char *path, size_t size);

/* The best checkpoint of a directory into path. False with e set: it has none, it is a file, or nothing is there. */
bool rundir_best(const char *dir, char *path, size_t size, fault *e);

#endif
