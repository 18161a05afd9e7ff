/* shapes.h - the shape of every layer's result, from the settings alone. */
#ifndef SAGAN_GAN_KERAS_MODEL_SHAPES_H
#define SAGAN_GAN_KERAS_MODEL_SHAPES_H

#include "gan/keras/model/model.h"

/* s[0..layers) become the results' shapes without the batch, as Keras computes them: [H,W,C] maps. Stock
 * classes of the exporter only; another class, an input with an unknown axis, settings that do not fit
 * what feeds the layer: false, and e names the layer. */
bool keras_shapes(const keras_model *m, shape *s, fault *e);

/* Zeros before and after one axis of n that padding "same" means for a window of k at this stride. */
void keras_same(int64_t n, int64_t k, int64_t stride, int64_t pad[2]);

/* dim[0..n) become the sizes of `list` for `all` elements; one -1 among them is what is left. False: they are no sizes,
 * or make another number of elements. */
bool keras_reshape(int64_t all, int n, const int64_t *list, int64_t *dim);

/* The setting that holds the steps of a pooling: without strides its windows stand side by side. */
const char *keras_pool_strides(const keras_layer *l);

#endif
