/* trainer.h - the networks of a config with all that trains them, and one step of that. The loop around the steps is
 * run.h.
 *
 * Same config, seed and machine: the same bits, for any number of threads and interruptions. */
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

/* Networks, optimisers, graphs and plans for a config. `cfg` (copied) says everything about sizes;
 * `data` (keep; NULL: constant random images, for bench and info) must have images of cfg's size.
 * new/free. */
trainer *trainer_new(const config *cfg, const dataset *data, fault *e);
void trainer_free(trainer *t);

/* One training step: d_steps updates of D, one of G, one of the EMA. False when a loss or a
 * gradient is not finite: e names the step and the first bad value; parameters of the network at
 * fault are not updated. */
bool trainer_step(trainer *t, step_stats *s, fault *e);

int64_t trainer_steps_done(const trainer *t);
const config *trainer_config(const trainer *t);
module *trainer_module(trainer *t, enum net_side side);       /* borrow */
module *trainer_ema(trainer *t);                     /* the averaged generator, or NULL */
size_t trainer_arena_bytes(const trainer *t);        /* shared by all plans */
double trainer_step_flop(const trainer *t);          /* one step: d_steps D updates and one G update */

/* The plan of one graph of training, for plan_print: "d", "d_penalty" (the D step with a penalty) or "g". Borrow.
 * NULL with e set for another key, or when this config never takes such a step. */
const plan *trainer_plan(const trainer *t, const char *key, fault *e);

/* Saves the complete state to path / replaces the state by that of path (which must be a checkpoint
 * of the same network and data; on failure t is only good for trainer_free). */
bool trainer_save(trainer *t, const char *path, fault *e);
bool trainer_load(trainer *t, const char *path, fault *e);

SAGAN_END
#endif
