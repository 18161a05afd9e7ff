/* penalties.h - gradient penalties on D: each contains a gradient, and is differentiated again.
 *
 * D is any function from images to logits, so that tests may use one of their own. The caller
 * multiplies by the weight. The norm of a sample's gradient is sqrt(sum + 1e-12): finite slope at 0. */
#ifndef SAGAN_GAN_LOSS_PENALTIES_H
#define SAGAN_GAN_LOSS_PENALTIES_H

#include "core/graph/graph.h"

/* x [B,H,W,C] -> logits, one per sample. `ctx` carries the network, the labels and the mode. */
typedef node *(*critic_fn)(graph *g, void *ctx, node *x);

/* mean over samples of norm(grad D(x))^2, x real images. R1 is gamma/2 times it (arXiv 1801.04406). */
node *penalty_r1(graph *g, critic_fn d, void *ctx, node *x);
/* The same from logits that exist already: y = D(x), so D runs forward once. */
node *penalty_r1_of(graph *g, node *logits, node *x);
/* Of each sample, norm(grad D(x))^2: [B], from logits that exist already. */
node *penalty_squares(graph *g, node *logits, node *x);

/* mean (norm(grad D(xh)) - target)^2, xh = a*r + (1-a)*f, a [B,1,1,1] in [0,1), target 1:
 * WGAN-GP, arXiv 1704.00028 eq. 3. */
node *penalty_gp(graph *g, critic_fn d, void *ctx, node *r, node *f, node *a, double target);

/* The same with target 1 around the data: xh = x + a*0.5*std(x)*noise, std over the whole batch, a [B,1,1,1] and noise
 * (like x) uniform in [0,1) (arXiv 1705.07215 in PyTorch-StudioGAN's form). */
node *penalty_dragan(graph *g, critic_fn d, void *ctx, node *x, node *a, node *noise);

/* A penalty as a setting of training: it draws what it needs from `stream` (keep) at every run. x real, f generated
 * images, [B,H,W,C]. */
typedef struct gan_penalty {
	const char *name;
	node *(*apply)(graph *g, critic_fn d, void *ctx, node *x, node *f, rng *stream);     /* NULL: no penalty */
	double share;                                /* of the weight as it is written: 1/2 in (gamma/2) |grad|^2 */
	/* Of real and of fake images, both by penalty_squares from the logits that the loss has made (arXiv 2501.05441,
	 * R1 and R2): a pass of D less than a penalty at images of its own. apply is NULL. */
	bool of_both;
} gan_penalty;
/* Ended by a row without a name; the first is none. */
extern const gan_penalty gan_penalties[];
enum { PENALTY_NONE = 0 };

#endif
