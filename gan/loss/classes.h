/* classes.h - how well logits tell classes apart: cross-entropy and accuracy. */
#ifndef SAGAN_GAN_LOSS_CLASSES_H
#define SAGAN_GAN_LOSS_CLASSES_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* z [B,K] logits, truth [B,K] the probabilities that are wanted: a 1 for the true class and 0 for the others, or any
 * numbers that add up to 1 in each row. -> scalar, the mean over B of log(sum_k e^z_k) - sum_k truth_k z_k. Safe for
 * large |z|. Wrong: other or unequal shapes. */
node *cross_entropy(graph *g, node *z, node *truth);

/* The same shapes, truth with a single 1 in each row -> scalar, the share of rows in which no logit is above that of
 * the true class. No derivative. */
node *share_right(graph *g, node *z, node *truth);

SAGAN_END
#endif
