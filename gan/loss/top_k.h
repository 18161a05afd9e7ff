/* top_k.h - training G with the fakes that D takes for real most (arXiv 2002.06224). */
#ifndef SAGAN_GAN_LOSS_TOP_K_H
#define SAGAN_GAN_LOSS_TOP_K_H

#include "core/graph/graph.h"

/* f [B] logits of fakes, k a whole number as a node [1] -> [B], 1 for the k highest, else 0; of equal ones the first.
 * No derivative. Compares every pair: B*B numbers. */
node *top_k_choice(graph *g, node *f, node *k);

/* k after so many epochs: B * decay^epochs, no less than floor * B, rounded down, at least 1 (PyTorch-StudioGAN
 * src/utils/losses.py, adjust_k). */
double top_k_of(int64_t batch, double floor, double decay, int64_t epochs);

#endif
