/* classes.h - how well logits tell classes apart: cross-entropy and accuracy. */
#ifndef SAGAN_GAN_LOSS_CLASSES_H
#define SAGAN_GAN_LOSS_CLASSES_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* z [B,K] logits, truth [B,K] the probabilities that are wanted, one-hot or soft: rows add up to 1.
 * -> scalar, the mean over B of log(sum_k e^z_k) - sum_k truth_k z_k. Safe for large |z|. */
node *cross_entropy(graph *g, node *z, node *truth);

/* The same shapes, truth one-hot -> scalar, the share of rows whose largest logit is the true one. No derivative. */
node *share_right(graph *g, node *z, node *truth);

SAGAN_END
#endif
