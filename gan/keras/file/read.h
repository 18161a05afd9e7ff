/* read.h - Keras files of any origin: legacy .h5 (weights alone or a full model), native .weights.h5, .keras; written
 * by Keras 2.x or 3.x. A confined child process (core/base/confine.h) does all parsing: a file that crashes libhdf5,
 * hangs or eats memory ends in one line. */
#ifndef SAGAN_GAN_KERAS_FILE_READ_H
#define SAGAN_GAN_KERAS_FILE_READ_H

#include "gan/keras/model/model.h"

typedef struct keras_read_options {
	bool weights_only;                           /* as if the file had no model_config */
	bool allow_nonfinite;                        /* NaN and Inf as weights; refused without */
	int cpu_s;                                   /* limit on the reader; 0: 60 */
	const char *json;                            /* a file with the JSON of the network (model.to_json()), which
	                                              * takes the place of the file's own; NULL: none */
} keras_read_options;

/* The model in a file, with its weights. o may be NULL. new/free. A file without a config gives a model without
 * topology: layers with weights only, of class "" and in the order of the file,
 *   - legacy: under the layers' names (a nested model is one layer with the flat list of its weights);
 *   - native: under the names in the file, "conv2d_1", "functional.dense", "spectral_normalization.layer"; the
 *     layer's own name, if the file has it, is the setting "name"; weights are "0", "1", ..
 * Names that model.h does not allow are replaced. With a config the weights stand in Keras' order under Keras'
 * names (keras_match, match.h). Classes nobody knows are kept. */
keras_model *keras_read(const char *path, const keras_read_options *o, fault *e);

#endif
