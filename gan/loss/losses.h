/* losses.h - what D and G minimise, as functions of D's logits on real and fake images.
 *
 * r = D(real), f = D(fake), any shapes, equal ones where pairs are compared; results are scalars. Sources and formulas
 * stand with the table in losses.c. */
#ifndef SAGAN_GAN_LOSS_LOSSES_H
#define SAGAN_GAN_LOSS_LOSSES_H

#include "core/graph/graph.h"

typedef struct gan_loss {
	const char *name;
	node *(*d_loss)(graph *g, node *r, node *f);
	/* What G minimises, of each fake, like f: gan_loss_g takes their mean. */
	node *(*g_each)(graph *g, node *f);          /* NULL where pairs are compared */
	/* Instead of g_each: compares real i with fake i of the same class. G's step draws real images, too. */
	node *(*g_of_pairs)(graph *g, node *r, node *f);
	double border;                               /* of D between real, above it, and fake; NAN: there is none */
	const char *help;                            /* both formulas */
} gan_loss;

/* Ended by a row without a name. */
extern const gan_loss gan_losses[];
/* The row of that name, or NULL with `e` naming the allowed ones. */
const gan_loss *gan_loss_find(const char *name, fault *e);

/* G's loss, the mean over the fakes, or over those whose `chosen` is 1 (top_k.h; NULL: all). r: NULL but for pairs. */
node *gan_loss_g(graph *g, const gan_loss *l, node *r, node *f, node *chosen);

#endif
