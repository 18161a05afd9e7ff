/* json.h - the JSON of a Keras model: written so that Keras 2.15 and every Keras 3 read it, read in the dialects of
 * both. Structure and settings only; weights live in HDF5 (gan/keras/file/write.h, gan/keras/file/read.h). */
#ifndef SAGAN_GAN_KERAS_MODEL_JSON_H
#define SAGAN_GAN_KERAS_MODEL_JSON_H

#include "gan/keras/model/model.h"

enum keras_wrap {
	KERAS_WRAP_H5,                               /* attribute model_config: {"class_name":"Functional",..} */
	KERAS_WRAP_ARCHIVE                           /* config.json, model_from_json: {"module":"keras.models",..} */
};

/* The text of a model, equal for equal models whatever the locale. new/free. Floats have nine digits, so
 * a float32 comes back. Refused with the layer's name: what one of the Kerases would not load (a class
 * such as LeakyReLU or SpectralNormalization, "groups" on Conv2DTranspose, a string setting that Keras
 * 3.15 takes for a function's name). */
char *keras_json(const keras_model *m, enum keras_wrap wrap, fault *e);

/* A layer's text has 500 to 1500 bytes in Keras 2 and 3. */
enum { KERAS_LAYERS_MAX = 4096, KERAS_NESTING_MAX = 8, KERAS_JSON_MAX = KERAS_LAYERS_MAX * 2048 };

/* The model of text[0..n) (need not be terminated), without weights. new/free. Keras 2 and Keras 3,
 * Functional, Model and Sequential. Messages do not know the file. What becomes of things:
 *   - layers stand in the order of the text, which is Keras' own model.layers where Keras wrote it;
 *     moved only where a layer would stand before what feeds it.
 *   - nested models are flattened: layer "fc" of the nested model "gen" is "gen.fc"; its own
 *     InputLayers vanish, what feeds the nested model feeds their readers.
 *   - SpectralNormalization keeps class and name, and has the settings of the layer it wraps, whose class
 *     is its setting "layer" ("Conv2D"); "power_iterations" stays.
 *   - classes that are not Keras' own have their package: "sagan>SelfAttention2D"; operations of Keras 3
 *     (x + 1) are "ops>Add". Nothing is refused for its class: that is for run/ to do.
 *   - "batch_shape" becomes "batch_input_shape", a list axis of one number a number, a dtype policy its name;
 *     a function as a setting its name; nulls, initializers, regularizers and constraints are left out;
 *     Infinity, -Infinity and NaN, which Python writes, are texts; a max_value of Infinity is left out;
 *     a whole number of more than 31 bits is a real one;
 *     any other setting that model.h cannot hold is a text with its JSON.
 *   - a Sequential without InputLayer gets one, named after its first layer: "conv_input".
 * Refused in one line: no JSON, duplicate keys, more than KERAS_LAYERS_MAX layers, KERAS_NESTING_MAX
 * models inside each other or KERAS_JSON_MAX bytes, a layer called twice or by keyword or with constants,
 * circles, names that keras_add refuses, settings of the stock layers with another kind than Keras gives. */
keras_model *keras_from_json(const char *text, size_t n, fault *e);

#endif
