/* sample.h - images from a generator in a file of Keras. */
#ifndef SAGAN_GAN_KERAS_SAMPLE_H
#define SAGAN_GAN_KERAS_SAMPLE_H

#include "gan/sample/sampler.h"

/* A sampler (gan/sample/sampler.h) of the generator in a .keras or full .h5 file, `batch` images at once: one input of
 * latents [Z], perhaps one of labels [1] or [], which feeds an Embedding; output [H,W,1 or 3] in [-1,1]. Anything
 * else, and files of weights alone, are refused in one line. */
sampler *keras_sampler_open(const char *path, int64_t batch, fault *e);

#endif
