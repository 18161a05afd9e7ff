/* dense.h - x W + b over the last axis, with optional bias and spectral norm. W is [in,out]. */
#ifndef SAGAN_LAYERS_DENSE_H
#define SAGAN_LAYERS_DENSE_H

#include "layers/module.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

typedef struct dense_options {
	int64_t units;
	bool bias;
	init kernel_init, bias_init;
	sn_options sn;
} dense_options;

typedef struct dense {
	char name[32];
	buffer *kernel, *bias;                       /* [in,units]; [units] or NULL */
	spectral_norm sn;
} dense;

/* Registers name/kernel, and name/bias and name/u (spectral norm) where they are asked for. */
void dense_init(module *m, dense *d, const char *name, int64_t in, dense_options opt);
/* x [..,in] -> [..,units]. Wrong: another last axis. */
node *dense_apply(graph *g, const dense *d, node *x, mode m);

/* Both at once, for a layer that is used once: x [..,in] -> [..,units], with a bias and weights that start as Keras'
 * (Glorot uniform). Not for a graph that is traced (graph_trace): that keeps the layer's address, and this one ends
 * with the call. */
node *dense_layer(module *m, graph *g, const char *name, node *x, int64_t units);

SAGAN_END
#endif
