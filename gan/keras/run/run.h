/* run.h - a Keras model as a graph of our ops: what it predicts, and what weights its layers have.
 *
 * Every class, setting, shape and number of weights is checked before anything runs; a complaint names
 * the layer: "layer #3 (named bn, BatchNormalization): ...". Known classes: the tables of classes_*.c. */
#ifndef SAGAN_GAN_KERAS_RUN_RUN_H
#define SAGAN_GAN_KERAS_RUN_RUN_H

#include "gan/keras/model/model.h"

typedef struct keras_run keras_run;

/* A network that predicts `batch` samples at once, with a copy of the weights; m is not needed afterwards. Models with
 * one output. new/free. */
keras_run *keras_run_new(const keras_model *m, int64_t batch, fault *e);
void keras_run_free(keras_run *n);                   /* NULL allowed */

/* Inputs in the order of m->input, without the batch axis. */
int keras_run_inputs(const keras_run *n);
const char *keras_run_input_name(const keras_run *n, int i);
shape keras_run_input_shape(const keras_run *n, int i);
/* Number of classes when input i holds labels (it feeds an Embedding), else 0. */
int64_t keras_run_classes(const keras_run *n, int i);
shape keras_run_output_shape(const keras_run *n);    /* of one sample */

/* out [n, output shape] from inputs[i] [n, shape of input i]; any n. Labels are whole numbers in range, or nothing is
 * run and e says which is not. */
bool keras_run_predict(keras_run *net, int64_t n, const real *const *inputs, real *out, fault *e);

/* The weights that layer i has by its class and settings and the shape of its input. */
enum { KERAS_WEIGHTS_MAX = 64 };
typedef struct keras_wanted {
	char name[KERAS_NAME];                       /* "kernel" */
	shape s;
	bool trained;
} keras_wanted;
typedef struct keras_wants {
	int n;
	keras_wanted w[KERAS_WEIGHTS_MAX];
} keras_wants;
/* wants[0..m->layers), whatever weights m has: those it should have. *refused when the reason of a failure is a layer
 * that does not run here: its class is not known, or a setting not supported. Else it is memory, or shapes that do not
 * fit. */
bool keras_run_wants(const keras_model *m, keras_wants *wants, bool *refused, fault *e);

#endif
