/* placed.h - one Keras layer at its place in a graph of ops: what the classes of classes*.c are written with.
 *
 * A class is a function site -> node. It asks for its settings and weights by the functions here, which
 * check everything a file said: the first complaint is kept, and a class returns at once when there is one.
 * Sizes are limited so that no product of shapes overflows. Values are [B, ...], channels last. */
#ifndef SAGAN_GAN_KERAS_RUN_PLACED_H
#define SAGAN_GAN_KERAS_RUN_PLACED_H

#include "core/graph/ops.h"
#include "gan/keras/run/run.h"

typedef struct site {
	graph *g;
	const keras_layer *l;
	int nin;
	node *in[KERAS_INPUTS];
	bool dry;                                    /* weights are not looked at: only wanted[] is of interest */
	buffer **buf;                                /* not dry: [l->weights], the weights as buffers (borrow) */
	keras_wants wants;                           /* weights asked for so far */
	bool divide, by_rows;                        /* the first weight comes divided by sigma; u is the layer's last */
	bool failed;
	error *e;
} site;

typedef node *(*keras_apply)(site *s);
typedef struct keras_class {
	const char *name;
	int least, most;                             /* inputs */
	keras_apply apply;
} keras_class;

/* The record of a class (`Conv2D`), or NULL. */
const keras_class *keras_class_of(const char *name);
/* The tables of the files, ended by an empty record. */
extern const keras_class keras_conv_classes[], keras_norm_classes[], keras_shape_classes[], keras_merge_classes[],
	keras_own_classes[];

/* The first complaint of a site: "layer #3 (named bn, BatchNormalization): ..." is added by the caller.
 * Returns NULL. */
node *site_fail(site *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The next weight, which must have this name, if it has a name, and shape. NULL after a complaint. */
node *site_weight(site *s, const char *name, shape want, bool trained);

/* w / sigma for spectral norm's vector u of w's last axis, or of its rows: v = n(W u), sigma = v' W u. */
node *site_divided(site *s, node *w, node *u, bool by_rows);

/* True when a value of this shape can be made: at least one element, at most 2^36. */
bool site_fits(site *s, const shape *x);
/* True when input 0 has this many axes, the batch counted. */
bool site_rank(site *s, int rank);

/* Settings, with what Keras takes when they are left out. Wrong kinds and ranges are complaints. */
int site_int(site *s, const char *key, int otherwise, int lo, int hi);
double site_real(site *s, const char *key, double otherwise);
bool site_flag(site *s, const char *key, bool otherwise);
/* A pair such as kernel_size: [3, 3] or 3. */
void site_pair(site *s, const char *key, int otherwise, int lo, int hi, int out[2]);
/* An axis, negative ones counted from the end, of a value with `rank` axes: 1 .. rank-1. */
int site_axis(site *s, const char *key, int otherwise, int rank);
/* Complains unless the setting is absent or has this text: data_format channels_last. */
void site_must_be(site *s, const char *key, const char *text);

/* act(x) for the setting `activation` and functions of that name. */
node *site_activation(site *s, node *x, const char *name);

#endif
