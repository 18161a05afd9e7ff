/* trainer.h - the networks of a config with all that trains them, and one step of that. The loop around the steps is
 * run.h.
 *
 * Same config, seed and data: the same bits, for any number of threads and interruptions (docs/portability.md says on
 * which machines). */
#ifndef SAGAN_GAN_TRAIN_TRAINER_H
#define SAGAN_GAN_TRAIN_TRAINER_H

#include "core/plan/plan.h"
#include "data/dataset.h"
#include "gan/config/config.h"
#include "gan/nets/networks.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct trainer trainer;

enum { GAMMA_MAX = 2 * LAYERS_MAX };               /* one a layer, of G and D */

/* The gate of one layer: gamma in y = x + gamma * layer(x). */
typedef struct gamma_value {
	const char *name;                            /* "generator/attention14"; borrowed from the trainer */
	double value, grad;                          /* grad: of the last update */
} gamma_value;

/* What one step measured; with several D updates, the mean over them. */
typedef struct step_stats {
	int64_t step;                                /* steps done, this one included */
	double d_loss, g_loss;                       /* without what is added to them */
	double penalty;                              /* penalty, LeCam, consistency as they are added to the loss of D;
	                                              * mean over the updates .. */
	int penalties;                               /* .. with all of it (loss.penalty_every), so many there were */
	double d_real, d_fake;                       /* mean output of D (logits) for real images and for fakes */
	double d_norm, g_norm;                       /* gradient norms before clipping */
	double d_rate, g_rate;                       /* learning rates used */
	double augment;                              /* probability of each transform */
	double spread;                               /* deviation of the fakes over the batch, mean over pixels */
	int gammas;
	gamma_value gamma[GAMMA_MAX];
} step_stats;

/* Networks, optimisers, graphs and plans for a config. `cfg` (copied) says everything about sizes. `data` (keep) must
 * have images of its size; NULL: the same random images at every step, to measure speed. Start the pool first: plans
 * are made for its threads (plan.h). new/free. NULL with e set: a config that config_check refuses, data that do not
 * fit, or no memory. */
trainer *trainer_new(const config *cfg, const dataset *data, fault *e);
void trainer_free(trainer *t);

/* One training step: d_steps updates of D, one of G, one of the moving average. False when a loss or a gradient is not
 * finite: e names the step and the first bad value, the network at fault is not updated, and s->step stays 0. Part of
 * the step may have been done: go on from a checkpoint, not from here. False after a whole step: what it drew could not
 * be written (trainer_record). */
bool trainer_step(trainer *t, step_stats *s, fault *e);

/* The next `steps` steps also write what they draw and their losses into an HDF5 file (docs/step.md), complete after
 * the last of them. False with e set: the file cannot be made. */
bool trainer_record(trainer *t, const char *path, int64_t steps, fault *e);
/* Completes the file with the steps that were made; nothing, where it is complete or there is none. */
bool trainer_record_end(trainer *t, fault *e);

int64_t trainer_steps_done(const trainer *t);
const config *trainer_config(const trainer *t);
module *trainer_module(trainer *t, enum net_side side);       /* borrow */
module *trainer_ema(trainer *t);                     /* the averaged generator, borrowed; NULL: there is none */
size_t trainer_arena_bytes(const trainer *t);        /* shared by all plans */
/* What each of so many processes, which share the slices of a batch, needs and sends, in bytes: memory for its plans,
 * for parameters, gradients, moments and averages, and for what it carries; what it sends in a step, a mean where a
 * penalty comes in some updates only. False with e set: no memory to count. */
bool trainer_share_cost(const trainer *t, int processes, double *memory, double *sent, fault *e);
/* Operations of one step, 2 per multiply-add, of the networks as they are written (plan_flop); where a penalty comes in
 * every k-th update only, the mean over these. */
double trainer_step_flop(const trainer *t);
/* Real images that one step shows to D, in all its updates. */
double trainer_step_images(const trainer *t);

/* From now on steps are timed, by step of a plan (plan_profile) and by what lies around the plans. Before, no clock is
 * read. False with e set: no memory. */
bool trainer_profile(trainer *t, fault *e);
/* The i-th of the parts around the plans: its name ("batch", "optimizer", "average") and its seconds since then. False
 * behind the last. */
bool trainer_part(const trainer *t, int i, const char **name, double *seconds);

/* The plan of one graph of training, for plan_print: "d", "d_penalty" (the D step with a penalty) or "g". Borrow.
 * NULL with e set for another key, or when this config never takes such a step. */
const plan *trainer_plan(const trainer *t, const char *key, fault *e);
/* The i-th of those that this config takes, and its key; NULL behind the last. */
const plan *trainer_plan_at(const trainer *t, int i, const char **key);

/* A warm start. The parameters and states of G, D and the average become those of a checkpoint, or of the newest one of
 * a run, where name and shape are the same; the others, and all else, stay as they are. note gets a line that says what
 * fits, and one for each that does not. Before the first step. False with e set, and nothing changed: the file cannot
 * be read, or nothing in it fits. */
bool trainer_begin_from(trainer *t, const char *run_or_checkpoint, void *ctx, void (*note)(void *ctx, const char *line),
			fault *e);
/* From now on the first n stages of D, from the image on, with the layers placed after them, do not learn (arXiv
 * 2002.10964); 0: all learn. Their states move as always. Part of the state that is saved. False with e set: D has
 * fewer stages, or no memory. trainer_may_freeze_d: whether it has so many. */
bool trainer_freeze_d(trainer *t, int n, fault *e);
bool trainer_may_freeze_d(const trainer *t, int n, fault *e);

/* Saves the complete state to the file path. False with e set, and an older file untouched: a number of the state is
 * not finite, or the file cannot be written. */
bool trainer_save(trainer *t, const char *path, fault *e);
/* Replaces the state by that of the checkpoint at path. False with e set: it cannot be read, or is of another network,
 * precision, seed or data; t is then only good for trainer_free. */
bool trainer_load(trainer *t, const char *path, fault *e);

SAGAN_END
#endif
