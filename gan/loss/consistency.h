/* consistency.h - D's answer should not depend on what does not change an image's meaning: CR (arXiv 1910.12027), and
 * bCR and zCR (arXiv 2002.04724). */
#ifndef SAGAN_GAN_LOSS_CONSISTENCY_H
#define SAGAN_GAN_LOSS_CONSISTENCY_H

#include "core/graph/graph.h"

/* mean (a - b)^2 -> scalar, of logits or of images. The derivative flows to both, as in PyTorch-StudioGAN (worker.py,
 * l2_loss). */
node *inconsistency(graph *g, node *a, node *b);

/* Images as they might as well have been, x [B,H,W,C] -> same: shifted by whole pixels up to an eighth of the side,
 * the edges mirrored, and with `flip` half of them exchanged left-right (PyTorch-StudioGAN src/utils/cr.py). Draws from
 * `stream` (keep) at every run. */
node *same_meaning(graph *g, node *x, bool flip, rng *stream);

#endif
