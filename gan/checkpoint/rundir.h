/* rundir.h - the directory of a run: made, locked, put aside; which checkpoints (checkpoint.h) it has, which may go. */
#ifndef SAGAN_GAN_CHECKPOINT_RUNDIR_H
#define SAGAN_GAN_CHECKPOINT_RUNDIR_H

#include "core/base/base.h"

enum { RUN_PATH_MAX = 1024 };

/* dir/name into path; false, with e set, when it is too long. */
bool run_path(const char *dir, const char *name, char path[RUN_PATH_MAX], fault *e);

/* Makes dir (and its parents) and locks dir/lock for this process, so that no two runs write the same files. Returns a
 * descriptor for rundir_close, or -1 with e set: another process trains there, or dir cannot be written. The lock ends
 * with the process, however that ends. */
int rundir_open(const char *dir, fault *e);
void rundir_close(int lock);                         /* -1 allowed */

/* Moves what a run writes (files that end in .h5, .csv, .png or .html, event files, config.yaml) to dir/previous-N, N
 * the first free number. `moved` (RUN_PATH_MAX) becomes that directory, or "" when there was nothing. */
bool rundir_put_aside(const char *dir, char *moved, fault *e);

/* "dir/checkpoint-00001000.h5" */
void rundir_checkpoint(const char *dir, int64_t step, char *path, size_t size);

/* The newest checkpoint of a directory that passes checkpoint_verify; the best one where no numbered
 * one does. Unreadable newer ones are named in `warning` (one line, empty when there are none). False
 * when the directory has none at all: e then says so, or, where all are damaged, what is wrong with
 * the newest. */
bool rundir_latest(const char *dir, char *path, size_t size, fault *warning, fault *e);

/* True when the directory has a file named like a checkpoint. */
bool rundir_any(const char *dir);

/* RUN-or-CHECKPOINT as typed: of a directory the newest checkpoint, as rundir_latest; a file itself, after
 * checkpoint_verify. False with e set. */
bool rundir_resolve(const char *given, char *path, size_t size, fault *warning, fault *e);

/* Removes all numbered checkpoints of dir but the `keep` newest (at least one stays), and temporary files that a killed
 * process left. The caller holds the lock. */
bool rundir_prune(const char *dir, int keep, fault *e);

/* Whether a score is lower than that of the best checkpoint so far, or that one measures something else, is damaged, or
 * is not there. False with e set: no memory. */
bool rundir_is_best(const char *dir, double score, const char *about, bool *is, fault *e);

/* Makes dir/checkpoint-best.h5 a copy of `path` with its score, where rundir_is_best. *better says whether it did.
 * Pruning does not touch the copy. */
bool rundir_keep_best(const char *dir, const char *path, double score, const char *about, bool *better, fault *e);

/* "dir/checkpoint-best.h5", whether it is there or not. */
void rundir_best_path(const char *dir, char *path, size_t size);

/* The best checkpoint of a directory into path; false when it has none. */
bool rundir_best(const char *dir, char *path, size_t size, fault *e);

#endif
