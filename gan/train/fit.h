/* fit.h - supervised training in its plainest form: one learner, and a pass over the data.
 *
 * What an outside program needs to train a classifier, with a graph, a module and an optimizer of its own. */
#ifndef SAGAN_GAN_TRAIN_FIT_H
#define SAGAN_GAN_TRAIN_FIT_H

#include "core/plan/plan.h"
#include "data/loader.h"
#include "layers/module.h"
#include "optim/optimizer.h"

SAGAN_BEGIN

/* ---- a network that learns from what its graph makes or finds in buffers ---- */

typedef struct learner learner;

/* Does everything that is left to do when m's layers are registered and applied in g: draws their first weights
 * (stream "weights" of the seed), makes the gradients of the scalar out[0], a plan of out[0..n), n >= 1, and an
 * optimizer: Adam as in Keras (0.9, 0.999, 1e-7). Keep: m and g must outlive it. new/free. NULL with e set: whatever
 * went wrong so far in m or g, or memory is out. */
learner *learner_new(module *m, graph *g, node *const *out, int n, uint64_t seed, fault *e);
void learner_free(learner *l);

/* One run and one update of all weights, which makes out[0] smaller. Returns out[0] as it was before the update. */
double learner_step(learner *l, double rate);

/* The value of one of `out` in the last step, borrowed until the next. */
const real *learner_value(const learner *l, const node *out);

/* ---- a network that learns from labelled pictures ---- */

/* What one pass over the data works on; all borrowed. */
typedef struct fit {
	loader *data;
	buffer *x, *label;                           /* a batch of the loader: [B,h,w,c], [B] */
	plan *p;                                     /* reads both; where o trains, assigns m's gradients
	                                              * (module_grad) */
	module *m;                                   /* what o trains */
	optimizer *o;                                /* NULL: nothing is trained */
} fit;

/* One epoch: every batch of the loader goes into x and label and through the plan; with an optimizer each is a step
 * of rate lr. *mean, where mean is not NULL, becomes the mean over the batches of `value`, a scalar output of the plan.
 * False with e set when memory is out, and with e as it is when data, x, label or p is NULL: what made them has said
 * why. */
bool fit_epoch(const fit *f, const node *value, double lr, double *mean, fault *e);

SAGAN_END
#endif
