/* read_internal.h - the parts of reading: from HDF5 (read_weights.c), through a pipe (read_pipe.c). */
#ifndef SAGAN_GAN_KERAS_FILE_READ_INTERNAL_H
#define SAGAN_GAN_KERAS_FILE_READ_INTERNAL_H

#include "core/base/confine.h"
#include "core/h5/h5.h"
#include "gan/keras/file/read.h"

/* keras_read without the child process, for tests: what happens in that one, they do not see. */
keras_model *read_unconfined(const char *path, const keras_read_options *o, fault *e);

/* Bytes that weights may take; a message says "more weights than WHOSE". */
typedef struct weight_limit {
	int64_t bytes;
	const char *whose;
} weight_limit;

/* The weights of an open file, legacy or native, as a model without topology; no more than `most`. */
keras_model *read_weights_new(h5 *f, const char *label, bool allow_nonfinite, const weight_limit *most, fault *e);

/* The attribute model_config (new/free), NULL without an error when there is none. */
char *read_config_new(h5 *f, fault *e);

/* A model through the pipe; the parent believes nothing that the child says about sizes. */
bool read_pipe_put(confine_out *out, const keras_model *m);
keras_model *read_pipe_take(confine *c, const char *label, int64_t budget, fault *e);

#endif
