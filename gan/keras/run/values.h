/* values.h - between which two numbers the results of a network lie, as far as its last layers tell. */
#ifndef SAGAN_GAN_KERAS_RUN_VALUES_H
#define SAGAN_GAN_KERAS_RUN_VALUES_H

#include "gan/keras/model/model.h"

typedef struct keras_values {
	const char *activation;                      /* the last one: "sigmoid", "tanh"; NULL: none that has bounds */
	double lo, hi;                               /* of the results, where there is an activation */
} keras_values;

/* Looks from the one output back to the last activation, through layers that move values (Reshape, UpSampling2D, ..)
 * and those that scale them: Rescaling, (x + 1) / 2, clip. Borrows from nobody: the name is a constant. */
keras_values keras_output_values(const keras_model *m);

/* Whether a layer's results lie where its inputs do: it moves, chooses or averages them, or acts in training only. */
bool keras_keeps_values(const char *class_name);

#endif
