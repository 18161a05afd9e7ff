/* lecam.h - the LeCam regulariser: D's outputs are held to where they were lately (arXiv 2104.03310). */
#ifndef SAGAN_GAN_LOSS_LECAM_H
#define SAGAN_GAN_LOSS_LECAM_H

#include "core/graph/graph.h"

/* The two averages in a buffer: mean D(real), mean D(fake). */
enum { LECAM_REAL, LECAM_FAKE, LECAM_AVERAGES };

/* r, f: D's logits of real and fake images; averages [LECAM_AVERAGES]. -> scalar,
 *	mean relu(r - average of f)^2 + mean relu(average of r - f)^2
 * with the averages constant, after this batch has moved them: new = keep * old + (1 - keep) * mean. keep: scalar. */
node *lecam(graph *g, node *r, node *f, buffer *averages, node *keep);

#endif
