/* match.h - the weights of a file, which belong to no layer yet, become those of a model's layers. */
#ifndef SAGAN_GAN_KERAS_FILE_MATCH_H
#define SAGAN_GAN_KERAS_FILE_MATCH_H

#include "gan/keras/file/complaints.h"
#include "gan/keras/model/model.h"

/* Gives m, a model with topology, the weights of `weights`, a model without, by the names of the layers where all are
 * found, else by position; shapes must agree. Weights that m had are dropped; `weights` loses what m takes. Whatever
 * does not agree goes to `line` (NULL allowed), one line per layer; e has the first and how many there are. On failure
 * m and `weights` are unchanged. Frozen SpectralNormalization (kernel, u, bias) and nested models (trained weights
 * first, or layer by layer) are told apart by shapes and names. */
bool keras_match(keras_model *m, keras_model *weights, complaints_line line, void *ctx, fault *e);

#endif
