/* trainer.h - a training run: one step, the loop around it, and what it leaves in its directory.
 *
 * The library never prints: what a person should see comes through the callbacks of run_options.
 * A run directory holds
 *     config.yaml               what is trained, with every default filled in
 *     checkpoint-00001000.h5    complete states (checkpoint.h), the last few
 *     checkpoint-best.h5        the one with the lowest score (score.h); scores.csv has them all
 *     metrics.csv, timing.csv   one row per log interval; times apart, they differ between runs
 *     samples-00001000.png      grids of fixed latents;  data.png: one batch as D sees it
 *     loss.png, scores.png, attention.png   pictures of the state of affairs (pictures.h)
 * Same config, seed and machine: the same bits, for any number of threads and interruptions. */
#ifndef SAGAN_GAN_TRAIN_TRAINER_H
#define SAGAN_GAN_TRAIN_TRAINER_H

#include <signal.h>

#include "core/plan/plan.h"
#include "data/dataset.h"
#include "gan/config/config.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct trainer trainer;

enum { GAMMA_MAX = 16 };

/* The scalar gate of one attention layer: y = x + gamma * attention. */
typedef struct gamma_value {
	const char *name;                            /* "generator/attention/gamma"; borrow from the trainer */
	double value, grad;                          /* grad: of the last update */
} gamma_value;

/* What one step measured; with several D updates, the mean over them. */
typedef struct step_stats {
	int64_t step;                                /* steps done, this one included */
	double d_loss, g_loss;                       /* without the penalty; 0 when not updated */
	double penalty;                              /* weighted, as added to d_loss; mean over the updates */
	int penalties;                               /* that had one */
	double d_real, d_fake;                       /* mean output of D (before any sigmoid) */
	double d_norm, g_norm;                       /* gradient norms before clipping */
	double d_rate, g_rate;                       /* learning rates used */
	double spread;                               /* deviation of the fakes over the batch, mean over pixels */
	int gammas;
	gamma_value gamma[GAMMA_MAX];
} step_stats;

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

/* Networks, optimisers, graphs and plans for a config. `cfg` (copied) says everything about sizes;
 * `data` (keep; NULL: constant random images, for bench and info) must have images of cfg's size.
 * new/free. */
trainer *trainer_new(const config *cfg, const dataset *data, error *e);
void trainer_free(trainer *t);

/* One training step: d_steps updates of D, one of G, one of the EMA. False when a loss or a
 * gradient is not finite: e names the step and the first bad value; parameters of the network at
 * fault are not updated. */
bool trainer_step(trainer *t, step_stats *s, error *e);

/* The whole run: resumes from the newest readable checkpoint in opt->out, trains, logs, draws and
 * saves at the intervals of the config. On false, e is one line and the last good checkpoint stays.
 * `end` says why it ended when it returns true. */
bool trainer_run(trainer *t, const run_options *opt, enum run_end *end, error *e);

int64_t trainer_steps_done(const trainer *t);
const config *trainer_config(const trainer *t);
module *trainer_generator(trainer *t);               /* borrow */
module *trainer_discriminator(trainer *t);
module *trainer_ema(trainer *t);                     /* the averaged generator, or NULL */
size_t trainer_arena_bytes(const trainer *t);        /* shared by all plans */
double trainer_step_flop(const trainer *t);          /* one step: d_steps D updates and one G update */

/* The plan of one graph of training, for plan_print: "d", "d_penalty" (the D step with a penalty) or "g". Borrow.
 * NULL with e set for another key, or when this config never takes such a step. */
const plan *trainer_plan(const trainer *t, const char *key, error *e);

/* Saves the complete state to path / replaces the state by that of path (which must be a checkpoint
 * of the same network and data; on failure t is only good for trainer_free). */
bool trainer_save(trainer *t, const char *path, error *e);
bool trainer_load(trainer *t, const char *path, error *e);

SAGAN_END
#endif
