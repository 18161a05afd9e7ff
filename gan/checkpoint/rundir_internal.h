/* rundir_internal.h - what rundir.c (the directory itself), run_checkpoints.c (its numbered checkpoints) and run_best.c
 * (the best one) share. */
#ifndef SAGAN_GAN_CHECKPOINT_RUNDIR_INTERNAL_H
#define SAGAN_GAN_CHECKPOINT_RUNDIR_INTERNAL_H

#include <time.h>

#include "core/base/file.h"
#include "gan/checkpoint/rundir.h"

#define BEST_NAME "checkpoint-best.h5"

/* path gets a name that says that it is damaged; that is added to `warning`. */
bool rundir_put_damaged(const char *path, fault *warning, fault *e);

/* A numbered checkpoint that this process wrote, or read and found good: as long as the file is the same one. */
typedef struct good_one {
	int64_t step, bytes;
	uint64_t file;
	struct timespec changed;
} good_one;

struct rundir {
	char *dir;                                   /* own */
	int lock;
	bool made;                                   /* by this process */
	good_one *good;                              /* own; [goods] */
	int goods;
};

/* What lies where a user says that a run is; FILE_MISSING and FILE_UNKNOWN with e set. */
enum file_type rundir_look(const char *given, fault *e);

#endif
