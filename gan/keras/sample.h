/* sample.h - images from a generator in a file of Keras. */
#ifndef SAGAN_GAN_KERAS_SAMPLE_H
#define SAGAN_GAN_KERAS_SAMPLE_H

#include "data/dataset.h"
#include "gan/sample/sampler.h"

/* What is asked for, and what became of it. */
typedef struct keras_drawing {
	const char *json;                            /* the JSON of weights alone (keras_read_options); NULL: none */
	enum data_range range;                       /* which numbers of the generator are black and white */
	char decided[512];                           /* set: "range: 0..1, by the last activation, sigmoid" */
} keras_drawing;

/* A sampler (gan/sample/sampler.h) of the generator in a .keras or full .h5 file, `batch` images at once: one input of
 * latents [Z], perhaps one of labels [1] or [], which feeds an Embedding; output [H,W,1 or 3]. Anything else, and files
 * of weights alone, are refused in one line. d: NULL asks for nothing. With RANGE_AUTO the last activation decides what
 * the numbers mean, or where it has no bounds a statistic of some images. The sampler's images are in [-1,1]. */
sampler *keras_sampler_open(const char *path, keras_drawing *d, int64_t batch, fault *e);

#endif
