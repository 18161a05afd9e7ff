/* run.h - a training run: the loop around a trainer's steps, and what it leaves in its directory.
 *
 * The library never prints: what a person should see comes through the callbacks of run_options.
 * A run directory (gan/checkpoint/rundir.h, docs/checkpoints.md) holds
 *     config.yaml               what is trained, with every default filled in
 *     checkpoint-00001000.h5    complete states (checkpoint.h), the last few
 *     checkpoint-best.h5        the one with the lowest score (score.h); scores.csv has them all
 *     metrics.csv, timing.csv   one row per log interval. Times have a file of their own, since they differ between
 *                               runs that are otherwise the same
 *     samples-00001000.png      images of the same latents at each sample interval;  data.png: a batch of real images
 *     report.html               a page with all of it (gan/report/report.h), when those are drawn
 *     events.out.tfevents.*     what TensorBoard shows (docs/tensorboard.md), a file for each process
 *     steps.h5                  what the first steps drew, when it is asked for
 *     loss.png, scores.png, attention.png   curves and attention maps, at each sample interval (run_pictures.c) and
 *                               at the end */
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
	const char *score_name;                      /* "FID", "score"; NULL: no score yet */
	double score;                                /* the last one */
	double eta_s;                                /* until the end at the speed of the last reports, or until the
	                                              * time limit */
} run_progress;

enum run_note {
	NOTE_INFO,                                   /* what the data are, where the run goes on, keys that changed,
	                                              * scores */
	NOTE_FILE,                                   /* "checkpoint: runs/a/checkpoint-00001000.h5": a file was
	                                              * written */
	NOTE_WARNING                                 /* collapse, a checkpoint that cannot be read, data that spoil
	                                              * training */
};

typedef struct run_options {
	const char *out;                             /* the run's folder, made when missing */
	int64_t steps;                               /* total, those of earlier processes included; 0: as the config
	                                              * says */
	bool start_only;                             /* saves the state before the first step, and takes none */
	int64_t record;                              /* 0: none; what so many steps draw goes into steps.h5
	                                              * (docs/step.md) */
	double max_seconds;                          /* of this process; 0: no limit. The step under way is finished */
	bool fresh;                                  /* begin anew: an earlier run moves to out/previous-N/ */
	const char *begin_from;                      /* NULL, or the run or checkpoint that a new run takes weights from
	                                              * (trainer_begin_from); a run that goes on has done so */
	const int *freeze_d;                         /* stages of D that do not learn (trainer_freeze_d); NULL: as the
	                                              * run has it, a new one none */
	bool new_data;                               /* a run may go on with other data: an epoch begins with them */
	const volatile sig_atomic_t *stop;           /* set by a signal handler; NULL: never */
	void *ctx;                                   /* first argument of the callbacks */
	void (*progress)(void *ctx, const run_progress *p);                  /* at each report; may be NULL */
	void (*step)(void *ctx, int64_t done, int64_t steps);                /* before each step; may be NULL */
	void (*note)(void *ctx, enum run_note kind, const char *text);       /* one line; may be NULL */
} run_options;

enum run_end {
	RUN_FINISHED,                                /* all steps done */
	RUN_STOPPED,                                 /* by the stop flag; the state is saved, the run can go on */
	RUN_TIME                                     /* by max_seconds; the state is saved, the run can go on */
};

/* The whole run: goes on from the newest readable checkpoint in opt->out, or begins there; trains, logs, draws and
 * saves at the intervals of the config. t and opt are borrowed. *end says why it ended when it returns true. False
 * with e set: another process trains there, the config does not go with the checkpoint, a value is not finite, a file
 * cannot be written; the last good checkpoint stays, and e names it. */
bool run_trainer(trainer *t, const run_options *opt, enum run_end *end, fault *e);

SAGAN_END
#endif
