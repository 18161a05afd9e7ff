/* model.h - a Keras functional model as data: layers, their settings, their weights, who feeds whom.
 *
 * Everything that writes or reads Keras (or ONNX) files meets here: trace.c makes a model from one of
 * our networks, read.c from a file; files and graphs are made from it. It knows no file format. */
#ifndef SAGAN_GAN_KERAS_MODEL_MODEL_H
#define SAGAN_GAN_KERAS_MODEL_MODEL_H

#include "core/base/base.h"

enum {
	KERAS_NAME = 64,                             /* of a class, a setting, a weight */
	KERAS_LAYER = 512,                           /* of a layer, with those of the models around it */
	KERAS_INPUTS = 8, KERAS_LIST_MAX = 8
};

/* One entry of a layer's config, in the order it is written. */
enum keras_kind {
	KERAS_BOOL, KERAS_INT, KERAS_FLOAT, KERAS_TEXT,
	KERAS_LIST,                                  /* [3, 3]; -1 stands for null: [null, 128] */
	KERAS_PAIRS                                  /* [[1, 1], [0, 1]] as the list 1 1 0 1 */
};
typedef struct keras_value {
	char key[KERAS_NAME];
	enum keras_kind kind;
	double number;                               /* bool, int, float */
	char *text;                                  /* own */
	int n;
	int64_t list[KERAS_LIST_MAX];
} keras_value;

typedef struct keras_weight {
	char name[KERAS_NAME];                       /* "kernel": the last part of its name in Keras */
	shape s;
	real *x;                                     /* [s], own */
} keras_weight;

/* "Conv2D" under the name "block1_conv1". Weights stand in Keras' order (trainable first). */
typedef struct keras_layer {
	char name[KERAS_LAYER];
	char class_name[KERAS_NAME];                 /* "Conv2D", "sagan>SelfAttention2D" */
	int values;
	keras_value *value;                          /* [values], own */
	int weights;
	keras_weight *weight;                        /* [weights], own */
	int nin;
	int in[KERAS_INPUTS];                        /* indices of layers; a layer has one output and is used once */
} keras_layer;

typedef struct keras_model {
	char *name;                                  /* own */
	int layers;
	keras_layer *layer;                          /* [layers], own; inputs of a layer stand before it */
	int inputs, input[KERAS_INPUTS];             /* InputLayers in the order of the arguments */
	int outputs, output[KERAS_INPUTS];
	bool topology;                               /* false: read from a file of weights alone */
	bool ops;                                    /* some classes are op>NAME, operations of the graph
	                                              * (trace/trace_single.c); never in a model from a file */
} keras_model;

keras_model *keras_model_new(const char *name, fault *e);
void keras_model_free(keras_model *m);               /* NULL allowed */

/* Appends a layer fed by in[0..nin) and returns its index, or -1 with e set: memory, an index that does
 * not exist yet, a name that is taken or not [A-Za-z0-9_.-]{1,511} ("a/b: ..."), a class of more than 63 letters.
 * No name is ever cut: those of classes, settings and weights are refused as well when they are longer than 63. */
int keras_add(keras_model *m, const char *class_name, const char *name, int nin, const int *in, fault *e);
/* The same for an input: batch_input_shape [null, s...] and dtype ("float32", "int32"); and the output. */
int keras_add_input(keras_model *m, const char *name, shape s, const char *dtype, fault *e);
bool keras_set_output(keras_model *m, int layer, fault *e);
/* The name under which a layer of a file stands here. Keras allows any letters, and any length: where keras_add would
 * not take them, or there are more than 127, the name is made of what fits and a checksum of the whole, so that two
 * names stay two, and the same name becomes the same wherever it is read. */
void keras_plain_name(const char *name, char out[KERAS_LAYER]);
/* Another name for layer i; false as above. */
bool keras_rename(keras_model *m, int i, const char *name, fault *e);

/* Settings of layer i, appended or replaced. list: n numbers; pairs: n is twice the number of pairs. */
bool keras_set_bool(keras_model *m, int i, const char *key, bool x, fault *e);
bool keras_set_int(keras_model *m, int i, const char *key, int64_t x, fault *e);
bool keras_set_float(keras_model *m, int i, const char *key, double x, fault *e);
bool keras_set_text(keras_model *m, int i, const char *key, const char *x, fault *e);
bool keras_set_list(keras_model *m, int i, const char *key, int n, const int64_t *x, fault *e);
bool keras_set_pairs(keras_model *m, int i, const char *key, int n, const int64_t *x, fault *e);

/* A weight of layer i, after those it has; x [s] is copied, NULL gives zeros. */
bool keras_add_weight(keras_model *m, int i, const char *name, shape s, const real *x, fault *e);

/* Reading: the layer of a name (-1: none), a setting (NULL: none), a number with its default, a text or
 * its default, the weight of a name (NULL: none). All borrow from m. */
int keras_find(const keras_model *m, const char *name);
const keras_value *keras_get(const keras_layer *l, const char *key);
double keras_number(const keras_layer *l, const char *key, double otherwise);
const char *keras_text(const keras_layer *l, const char *key, const char *otherwise);
const keras_weight *keras_find_weight(const keras_layer *l, const char *name);

/* order[0..layers) becomes the order of model.layers in Keras: depth-first from the outputs, then by
 * depth from the outputs, deepest first (the order of Functional's layers in Keras 2 and 3). It decides
 * which weights a loader gives to which layer. Memory: false with e set. */
bool keras_order(const keras_model *m, int *order, fault *e);

/* Number of weight elements. */
int64_t keras_count(const keras_model *m);

#endif
