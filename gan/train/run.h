/* run.h - a training run: the loop around a trainer's steps, and what it leaves in its directory.
 *
 * The library never prints: what a person should see comes through the callbacks of run_options.
 * A run directory (gan/checkpoint/rundir.h, docs/checkpoints.md) holds
 *     config.yaml               what is trained, with every default filled in
 *     checkpoint-00001000.h5    complete states (checkpoint.h), the last few
 *     checkpoint-best.h5        the one with the lowest score (score.h); scores.csv has them all
 *     metrics.csv, timing.csv   one row per log interval; times apart, they differ between runs
 *     samples-00001000.png      grids of fixed latents;  data.png: one batch as D sees it
 *     loss.png, scores.png, attention.png   pictures of the state of affairs (pictures.h) */
#ifndef SAGAN_GAN_TRAIN_RUN_H
#define SAGAN_GAN_TRAIN_RUN_H

#include <signal.h>

#include "gan/train/trainer.h"

SAGAN_BEGIN

typedef struct run_progress {
	step_stats mean;                             /* means since the last report; .step is the last */
	int64_t steps;                               /* where the run ends */
	double epoch;                                /* passes over the data, with fraction */
	double images_per_s;                         /* real images shown to D, since the last report */
	double step_s;                               /* mean seconds per step, since the last report */
	double seconds;                              /* of this process, from the first step */
	double eta_s;                                /* until the end at this speed (or until the time limit) */
} run_progress;

enum run_note {
	NOTE_INFO,                                   /* "arena: 123.4 MB for 4 plans", "resumed at step 1000" */
	NOTE_FILE,                                   /* "checkpoint run/checkpoint-00001000.h5", "picture ..." */
	NOTE_WARNING                                 /* collapse, unreadable newest checkpoint, changed keys */
};

typedef struct run_options {
	const char *out;                             /* run directory, made when missing */
	int64_t steps;                               /* total, earlier ones included; 0: as the config says */
	double max_seconds;                          /* 0: no limit. The step under way is finished */
	bool fresh;                                  /* begin anew: an earlier run moves to out/previous-N/ */
	const volatile sig_atomic_t *stop;           /* set by a signal handler; NULL: never */
	void *ctx;                                   /* first argument of the callbacks */
	void (*progress)(void *ctx, const run_progress *p);                  /* may be NULL */
	void (*note)(void *ctx, enum run_note kind, const char *text);       /* one line; may be NULL */
} run_options;

enum run_end {
	RUN_FINISHED,                                /* all steps done */
	RUN_STOPPED,                                 /* the stop flag: state saved, can go on */
	RUN_TIME                                     /* max_seconds: state saved, can go on */
};

/* The whole run: resumes from the newest readable checkpoint in opt->out, trains, logs, draws and
 * saves at the intervals of the config. On false, e is one line and the last good checkpoint stays.
 * `end` says why it ended when it returns true. */
bool run_trainer(trainer *t, const run_options *opt, enum run_end *end, fault *e);

SAGAN_END
#endif
