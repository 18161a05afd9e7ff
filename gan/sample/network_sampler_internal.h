/* network_sampler_internal.h - what the parts of a network's sampler share: images (network_sampler.c) and attention
 * maps (attend.c). */
#ifndef SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_INTERNAL_H
#define SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_INTERNAL_H

#include "gan/sample/forward.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/standing.h"

typedef struct network_sampler {
	config cfg;                                  /* own */
	network *g;                                  /* own */
	int64_t batch;
	buffer *z, *y, *one_z, *one_y;               /* own; [B,Z], [B], [1,Z], [1] */
	real *host_z, *host_y;                       /* own; [B,Z], [B] */
	standing *standing;                          /* own */
	forward draw, attend;                        /* attend: built when first needed */
	real *map;                                   /* own; of attend */
} network_sampler;

/* ---- attend.c: the kind's functions of the same names ---- */

int count_maps(const void *ctx);
bool attend(void *ctx, int layer, const real *z, int label, attention_view *out, fault *e);

#endif
