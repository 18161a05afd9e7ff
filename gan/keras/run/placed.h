/* placed.h - one Keras layer at its place in a graph of ops: what the classes of classes*.c are written with.
 *
 * A class is a function keras_placed -> node. It asks for its settings and weights by the functions here, which
 * check everything a file said: the first complaint is kept, and a class returns at once when there is one.
 * Sizes are limited so that no product of shapes overflows. Values are [B, ...], channels last. */
#ifndef SAGAN_GAN_KERAS_RUN_PLACED_H
#define SAGAN_GAN_KERAS_RUN_PLACED_H

#include "core/graph/ops.h"
#include "gan/keras/run/run.h"

enum { PLACED_ASKED_MAX = 64 };

typedef struct keras_placed {
	graph *g;
	const keras_layer *layer;
	int nin;
	node *in[KERAS_INPUTS];
	bool dry;                                    /* weights are not looked at: only `wants` is of interest */
	buffer **buf;                                /* not dry: [layer->weights], the weights as buffers (borrow) */
	keras_wants wants;                           /* weights asked for so far */
	bool divide, by_rows;                        /* the first weight comes divided by sigma; u is the layer's
	                                              * last */
	int asked;
	const char *ask[PLACED_ASKED_MAX];           /* borrow: the settings asked for, some more than once */
	bool failed;
	fault *e;
} keras_placed;

typedef node *(*keras_apply)(keras_placed *p);
typedef struct keras_class {
	const char *name;
	int least, most;                             /* inputs */
	keras_apply apply;
} keras_class;

/* The record of a class (`Conv2D`), or NULL; the i-th of all that are known, NULL after the last. */
const keras_class *keras_class_of(const char *name);
const keras_class *keras_class_at(int i);
/* The tables of the files, ended by an empty record. */
extern const keras_class keras_conv_classes[], keras_norm_classes[], keras_shape_classes[], keras_merge_classes[],
	keras_attention_classes[], keras_function_classes[], keras_companion_classes[];
/* The operations of models with `ops` set, which no file has: their settings are not checked. */
const keras_class *keras_op_of(const char *name);

/* The first complaint about a layer: "layer #3 (named bn, BatchNormalization): ..." is added by the caller.
 * Returns NULL. */
node *placed_fail(keras_placed *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The next weight, which must have this name, if it has a name, and shape. NULL after a complaint. */
node *placed_weight(keras_placed *p, const char *name, shape want, bool trained);

/* w / sigma for spectral norm's vector u of w's last axis, or of its rows: v = n(W u), sigma = v' W u. */
node *placed_divided(keras_placed *p, node *w, node *u, bool by_rows);

/* True when a value of this shape can be made: at least one element, at most 2^36. */
bool placed_fits(keras_placed *p, const shape *x);
/* True when x[0..n) go together as NumPy's do, the last axes beside each other, and the result can be made. */
bool placed_broadcast(keras_placed *p, node *const *x, int n);
/* True when input 0 has this many axes, the batch counted. */
bool placed_rank(keras_placed *p, int rank);

/* A setting (NULL: none), a text or its default. Classes ask by these and the functions below alone, never by
 * keras_get: what none of them asked for is not known. */
const keras_value *placed_get(keras_placed *p, const char *key);
const char *placed_text(keras_placed *p, const char *key, const char *otherwise);
/* Complains about the first setting that the class did not ask for and that is not harmless. */
void placed_known(keras_placed *p);

/* Settings, with what Keras takes when they are left out. Wrong kinds and ranges are complaints. */
int placed_int(keras_placed *p, const char *key, int otherwise, int lo, int hi);
double placed_real(keras_placed *p, const char *key, double otherwise);
bool placed_flag(keras_placed *p, const char *key, bool otherwise);
/* A pair such as kernel_size: [3, 3] or 3. */
void placed_pair(keras_placed *p, const char *key, int otherwise, int lo, int hi, int out[2]);
/* An axis, negative ones counted from the end, of a value with `rank` axes: 1 .. rank-1. */
int placed_axis(keras_placed *p, const char *key, int otherwise, int rank);
/* Complains unless the setting is absent or has this text: data_format channels_last. */
void placed_must_be(keras_placed *p, const char *key, const char *text);
/* Complains unless the setting is absent or false. */
void placed_off(keras_placed *p, const char *key);

/* The larger, the smaller of two values, element by element. */
node *placed_larger(graph *g, node *a, node *b);
node *placed_smaller(graph *g, node *a, node *b);

/* act(x) for the setting `activation` and functions of that name. */
node *placed_activation(keras_placed *p, node *x, const char *name);

#endif
