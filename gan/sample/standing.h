/* standing.h - what a generator's states need before images are drawn: standing statistics of batch norm, unit vectors
 * of spectral norm. */
#ifndef SAGAN_GAN_SAMPLE_STANDING_H
#define SAGAN_GAN_SAMPLE_STANDING_H

#include "gan/checkpoint/saved.h"
#include "gan/config/config.h"
#include "gan/nets/networks.h"

typedef struct standing standing;

/* keep: g, a generator of cfg. With ema.bn_mode = standing the statistics come from batches of SAMPLER_BATCH images,
 * however many are drawn at once: they are the same for everybody who draws. new/free. */
standing *standing_new(const config *cfg, network *g, fault *e);
void standing_free(standing *s);

/* To be called whenever g's parameters and states are new: vectors of spectral norm become unit vectors, and with
 * ema.bn_mode = standing batch norm gets statistics that are collected now. The same for the same parameters. */
bool standing_settle(standing *s, fault *e);

/* The generator of a checkpoint (network_open) with what `sagan sample` takes: settled. new/free (network_free). */
network *standing_open(const saved *from, bool raw, fault *e);

#endif
