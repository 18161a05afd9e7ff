/* run.h - a Keras model as a graph of our ops: what it predicts, and what weights its layers have.
 *
 * Every class, setting, shape and number of weights is checked before anything runs; a complaint names
 * the layer: "layer #3 (named bn, BatchNormalization): ...". Known classes: the tables of classes_*.c. */
#ifndef SAGAN_GAN_KERAS_RUN_RUN_H
#define SAGAN_GAN_KERAS_RUN_RUN_H

#include "gan/keras/model/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct keras_net keras_net;

/* A network that predicts `batch` samples at once, with a copy of the weights; m is not needed afterwards. Models with one
 * output. new/free. */
keras_net *keras_net_new(const keras_model *m, int64_t batch, error *e);
void keras_net_free(keras_net *n);                   /* NULL allowed */

/* Inputs in the order of m->input, without the batch axis. */
int keras_net_inputs(const keras_net *n);
const char *keras_net_input_name(const keras_net *n, int i);
shape keras_net_input_shape(const keras_net *n, int i);
/* Number of classes when input i holds labels (it feeds an Embedding), else 0. */
int64_t keras_net_classes(const keras_net *n, int i);
shape keras_net_output_shape(const keras_net *n);    /* of one sample */

/* out [n, output shape] from inputs[i] [n, shape of input i]; any n. Labels are whole numbers in range, or nothing is
 * run and e says which is not. */
bool keras_net_run(keras_net *net, int64_t n, const real *const *inputs, real *out, error *e);

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
/* wants[0..m->layers), whatever weights m has: those it should have. False when a class is not known. */
bool keras_weights_wanted(const keras_model *m, keras_wants *wants, error *e);

#ifdef __cplusplus
}
#endif
#endif
