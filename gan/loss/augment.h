/* augment.h - random transforms of real and fake images that D's gradient flows through: DiffAugment
 * (arXiv 2006.10738; data-efficient-gans DiffAugment_pytorch.py 297dc8c), and the geometry of ADA (arXiv 2006.06676).
 *
 * Images [B,H,W,C] in [-1,1]. Random numbers are drawn anew for each sample and each run. */
#ifndef SAGAN_GAN_LOSS_AUGMENT_H
#define SAGAN_GAN_LOSS_AUGMENT_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* One transform: x [B,H,W,C] -> same, drawing from `stream` (keep) at every run; or a map of it. */
typedef struct diff_augment {
	const char *name;
	node *(*draw)(graph *g, node *x, rng *stream);       /* NULL: .. */
	const struct affine_kind *map;                              /* .. this; several in a row become one */
} diff_augment;
/* color, translation, cutout of DiffAugment; flip, .. of geometry.h; ended by a row without a name. */
extern const diff_augment diff_augments[];

enum { AUGMENT_MAX = 16 };

/* What to do, in order: n rows of the table, by index. n = 0: nothing. */
typedef struct augment_policy {
	int n;
	int kind[AUGMENT_MAX];
} augment_policy;

/* x [B,H,W,C] -> same. Draws from `stream` (keep) at every run. `probability`, a scalar: each sample undergoes each
 * transform with it, drawn apart; NULL: always. */
node *augment_apply(graph *g, const augment_policy *p, node *x, node *probability, rng *stream);

/* The transforms with their random numbers given, all in [0,1): for tests, and for applying one draw to several
 * batches. color, [B,1,1,1] each: brightness - 1/2 is added; the distance from the mean over the channels of a pixel
 * is multiplied by 2 saturation (not for gray images), then that from the mean of the image by contrast + 1/2. */
node *augment_color(graph *g, node *x, node *brightness, node *saturation, node *contrast);
/* Shifted by whole pixels, up to an eighth of the side each way, zeros behind. u [B,2]: rows, columns. */
node *augment_translation(graph *g, node *x, node *u);
/* A box of half the sides becomes 0, where it lies inside. u [B,2]: its centre, row and column. */
node *augment_cutout(graph *g, node *x, node *u);

SAGAN_END
#endif
