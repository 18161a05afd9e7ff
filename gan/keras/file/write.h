/* write.h - the files that Keras loads, written from a model with weights. Always float32.
 *
 * Every file is made in memory and put in place whole (core/base/file.h): a full disk or a kill leaves an
 * older one as it was. The same model gives the same bytes. Layers with weights stand in the order of
 * Keras' model.layers (keras_order), on which loaders rely. */
#ifndef SAGAN_GAN_KERAS_FILE_WRITE_H
#define SAGAN_GAN_KERAS_FILE_WRITE_H

#include "gan/keras/model/model.h"

/* Legacy full model, NAME.h5: attribute model_config and the weights under /model_weights. */
bool keras_write_h5(const keras_model *m, const char *path, fault *e);

/* Weights alone in the native layout, NAME.weights.h5: /layers/conv2d_1/vars/0 ... */
bool keras_write_weights(const keras_model *m, const char *path, fault *e);

/* NAME.keras: a zip of metadata.json, config.json and model.weights.h5, stored. */
bool keras_write_archive(const keras_model *m, const char *path, fault *e);

/* NAME.reference.h5: n samples, inputs[i] [n, shape of input i] in the order of m->input (int32 in the
 * file where the input's dtype is int32), outputs [n, shape of the output] under the names of the layers. */
bool keras_write_reference(const char *path, const keras_model *m, int n, const real *const *inputs,
			   const real *outputs, fault *e);

/* The name of layer class in native weights, without counter: "sagan>SelfAttention2D" is self_attention2d. */
void keras_snake(const char *class_name, char out[2 * KERAS_NAME]);

#endif
