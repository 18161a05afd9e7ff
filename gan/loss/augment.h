/* augment.h - DiffAugment: random transforms of real and fake images that D's gradient flows through
 * (arXiv 2006.10738; data-efficient-gans DiffAugment_pytorch.py 297dc8c).
 *
 * Images [B,H,W,C] in [-1,1]. Parameters are fresh per sample and per run. */
#ifndef SAGAN_GAN_LOSS_AUGMENT_H
#define SAGAN_GAN_LOSS_AUGMENT_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* One transform: x [B,H,W,C] -> same, drawing from `stream` (keep) at every run. */
typedef struct diff_augment {
	const char *name;
	node *(*draw)(graph *g, node *x, rng *stream);
} diff_augment;
/* color, translation, cutout; ended by a row without a name. */
extern const diff_augment diff_augments[];

enum { AUGMENT_MAX = 8 };

/* What to do, in order: rows of the table. n = 0: nothing. */
typedef struct augment_policy {
	int n;
	int kind[AUGMENT_MAX];
} augment_policy;

/* x [B,H,W,C] -> same. Draws from `stream` (keep) at every run. */
node *augment_apply(graph *g, const augment_policy *p, node *x, rng *stream);

/* The transforms with their random numbers given, for tests and for applying one draw to several
 * batches. u are uniform in [0,1). */
node *augment_color(graph *g, node *x, node *brightness, node *saturation, node *contrast);  /* [B,1,1,1] */
node *augment_translation(graph *g, node *x, node *u);       /* u [B,2]: rows, columns */
node *augment_cutout(graph *g, node *x, node *u);            /* u [B,2]: rows, columns */

SAGAN_END
#endif
