/* trace.h - a network of ours as a Keras model, made from the graph that computes it.
 *
 * The network is applied once in evaluation mode, and the values are walked back from its output: a value that
 * a layer has recorded (graph_called) becomes that Keras layer, any other becomes what says its operation. What
 * depends on parameters alone, as a kernel divided by its sigma, is computed by running it. No network is known
 * here, so every composition of our layers can be written, or is refused by name. */
#ifndef SAGAN_GAN_KERAS_TRACE_TRACE_H
#define SAGAN_GAN_KERAS_TRACE_TRACE_H

#include "gan/nets/networks.h"
#include "gan/keras/model/model.h"

enum keras_form {
	KERAS_STOCK,                                 /* stock layers only, norms and gates folded into kernels */
	KERAS_LAYERS,                                /* those and the classes of sagan_layers.py
	                                              * (docs/keras-layers.md) */
	KERAS_OPS                                    /* stock layers, and where they do not do single operations of the
	                                              * graph: for ONNX, no Keras opens it */
};

/* One end of a network: its value, and the name that the Keras layer gets. */
typedef struct trace_end {
	node *x;
	const char *name;
} trace_end;

/* What g computes from in[0..nin) to `out`, as a model called `name`. The graph is built with graph_trace on,
 * graph_rewrite off, a batch of two or more and attention asked for its map; a value of rank 1 among the inputs is
 * class labels. m (borrow) owns the parameters, which are read as they are now. Wrong: "attention14: layer type halo:
 * stock Keras layers do not say an exchange of axes; ..". new/free. */
keras_model *keras_trace(graph *g, const module *m, const char *name, int nin, const trace_end *in, trace_end out,
			 enum keras_form form, fault *e);

/* G: z (and y) -> image; D: image (and y) -> logit. */
keras_model *keras_of_network(const network *n, enum keras_form form, fault *e);
/* The same in the form KERAS_OPS, in which also the scores of attention (layer_sight) can be looked up: scores
 * [network_placed_layers] get the layers of the model that give them, -1 for types without a sight. */
keras_model *keras_of_network_scores(const network *n, int *scores, fault *e);

#endif
