/* onnx.h - a model as an ONNX file: opset 17, float32, any batch size.
 *
 * Inputs and outputs are as in Keras (maps [N,H,W,C], labels [N,1] int32) under the names of their layers;
 * inside, maps are [N,C,H,W], which is what ONNX convolutions take. */
#ifndef SAGAN_GAN_KERAS_ONNX_ONNX_H
#define SAGAN_GAN_KERAS_ONNX_ONNX_H

#include "gan/keras/model/model.h"

/* Writes m to path (temporary file, rename). Stock classes that the exporter uses; another class, activation or
 * setting without an ONNX operator: false, and e names path and layer. Shape errors: keras_shapes. */
bool keras_write_onnx(const keras_model *m, const char *path, fault *e);

#endif
