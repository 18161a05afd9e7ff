/* json_internal.h - what the files of the JSON reader share: the only one that includes jansson. */
#ifndef SAGAN_GAN_KERAS_MODEL_JSON_INTERNAL_H
#define SAGAN_GAN_KERAS_MODEL_JSON_INTERNAL_H

#include "gan/keras/model/json.h"

#include <jansson.h>

/* The string under a key, or NULL. Borrows. */
const char *keras_entry_text(const json_t *object, const char *key);

/* The class of a layer or model, with its package where it is not Keras' own. False: it has none, or too long a one. */
bool keras_entry_class(const json_t *layer, char out[KERAS_NAME]);

/* Gives layer `at` of m the settings of its config, or one setting. Errors: json.h. */
bool keras_read_settings(keras_model *m, int at, const json_t *config, fault *e);
bool keras_read_setting(keras_model *m, int at, const char *key, const json_t *x, fault *e);

#endif
