/* forward.h - a network's graph and plan for batches of one size. */
#ifndef SAGAN_GAN_SAMPLE_FORWARD_H
#define SAGAN_GAN_SAMPLE_FORWARD_H

#include "core/plan/plan.h"
#include "gan/nets/networks.h"

typedef struct forward {
	graph *g;                                    /* own */
	plan *p;                                     /* own; NULL: not built */
	node *y;                                     /* images [B,H,W,C]; of D logits [B] */
	node *map[LAYERS_MAX];                       /* with `maps`: as network_apply gives them */
} forward;

/* Fills f, which is zero, for latents or images in x and labels [B] (both keep). On failure f is zero again. The
 * parameters stay as they are between runs, or plan_renew follows. */
bool forward_build(forward *f, const network *n, buffer *x, buffer *label, mode m, bool maps, fault *e);
void forward_free(forward *f);                       /* all zero allowed */

#endif
