/* fit.h - supervised training in its plainest form: how well a network tells classes apart, and a pass over the data.
 *
 * What an outside program needs to train a classifier, with a graph, a module and an optimizer of its own. */
#ifndef SAGAN_GAN_TRAIN_FIT_H
#define SAGAN_GAN_TRAIN_FIT_H

#include "core/plan/plan.h"
#include "data/loader.h"
#include "layers/module.h"
#include "optim/optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* z [B,K] logits, truth [B,K] the probabilities that are wanted, one-hot or soft: rows add up to 1.
 * -> scalar, the mean over B of log(sum_k e^z_k) - sum_k truth_k z_k. Safe for large |z|. */
node *cross_entropy(graph *g, node *z, node *truth);

/* The same shapes, truth one-hot -> scalar, the share of rows whose largest logit is the true one. No derivative. */
node *share_right(graph *g, node *z, node *truth);

/* What one pass over the data works on; all borrowed. */
typedef struct fit {
	loader *data;
	buffer *x, *label;                           /* a batch: [B,h,w,c], [B] */
	plan *p;                                     /* reads both; when it trains, assigns m's gradients */
	module *m;                                   /* with o only */
	optimizer *o;                                /* NULL: nothing is trained */
} fit;

/* One epoch: every batch of the loader goes into x and label and through the plan; with an optimizer each is a step
 * of rate lr. mean (NULL: not wanted) is the mean over the batches of `value`, a scalar output of the plan. False with
 * e set when memory is out, and with e as it is when data, x, label or p is NULL: what made them has said why. */
bool fit_epoch(const fit *f, const node *value, double lr, double *mean, error *e);

#ifdef __cplusplus
}
#endif
#endif
