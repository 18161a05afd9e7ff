/* directions.h - directions of the latent space along which a generator's images change most.
 *
 * The first layer gives the latent times a matrix A [Z,N]: a step d of length 1 changes that by |d A|, most for the
 * first eigenvector of A A' (SeFa, arXiv 2007.06600, section 3). No image is looked at. */
#ifndef SAGAN_GAN_SAMPLE_DIRECTIONS_H
#define SAGAN_GAN_SAMPLE_DIRECTIONS_H

#include "gan/nets/networks.h"

/* The n first directions d [n,Z], n at most Z, unit vectors whose largest component is above 0; strength [n], or NULL,
 * becomes |d A| of each. g: a generator. False with e set: no memory, or no layer of it takes the latent alone. */
bool directions_of(const network *g, int64_t n, real *d, double *strength, fault *e);

#endif
