/* network_sampler.h - a sampler (sampler.h) of a generator of ours: of a checkpoint, or of a module that is training.
 *
 * Frozen parameters. How batch norm gets its statistics is the config's ema.bn_mode and is the same for every call. */
#ifndef SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_H
#define SAGAN_GAN_SAMPLE_NETWORK_SAMPLER_H

#include "gan/config/config.h"
#include "gan/sample/sampler.h"

SAGAN_BEGIN

/* A sampler of `batch` images at once, with a generator of its own (copied into by sampler_take). cfg is copied.
 * With ema.bn_mode = standing, sampler_take collects the statistics anew. */
sampler *network_sampler_new(const config *cfg, int64_t batch, fault *e);
/* From a checkpoint file or a run directory: the averaged generator, or the raw one. `warning` as
 * for rundir_latest. */
sampler *network_sampler_open(const char *run_or_checkpoint, bool raw, int64_t batch, fault *warning, fault *e);

SAGAN_END
#endif
