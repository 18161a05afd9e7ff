/* network_sampler.h - a sampler (sampler.h) of a generator of ours: of a checkpoint, or of a module that is training.
 *
 * Parameters do not change. Batch norm takes the statistics that the config's ema.bn_mode names. */
#ifndef SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_H
#define SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_H

#include "gan/config/config.h"
#include "gan/sample/sampler.h"

SAGAN_BEGIN

/* A sampler of `batch` images at once, with a generator of its own: of random weights, until sampler_take copies
 * others into it, which with ema.bn_mode = standing also collects the statistics anew. cfg is copied.
 * new/free (sampler_free). NULL with e set: a config without such a network, or no memory. */
sampler *network_sampler_new(const config *cfg, int64_t batch, fault *e);
/* A sampler of a checkpoint file, or of the newest good checkpoint in the folder of a run: of the averaged generator
 * where there is one, or with `raw` of the trained one. `warning` gets one line about newer checkpoints that cannot be
 * read, "" when there are none. new/free (sampler_free). NULL with e set: no checkpoint that can be read, or no
 * memory. */
sampler *network_sampler_open(const char *run_or_checkpoint, bool raw, int64_t batch, fault *warning, fault *e);
struct saved;
/* The same of a checkpoint that is open. */
sampler *network_sampler_of(const struct saved *from, bool raw, int64_t batch, fault *e);

SAGAN_END
#endif
