/* activation.h - an activation by name, with its learned numbers where it has any.
 *
 * All names of op_activation (core/graph/ops.h), and
 *	prelu       x > 0 ? x : alpha x; alpha, one number per channel, is learned and starts at 0.25 (arXiv 1502.01852)
 *	star_relu   s relu(x)^2 + b; the numbers s and b are learned and start at 1 and 0 (arXiv 2210.13452) */
#ifndef SAGAN_LAYERS_ACTIVATION_H
#define SAGAN_LAYERS_ACTIVATION_H

#include "layers/module.h"

SAGAN_BEGIN

typedef struct activation {
	const char *name;                            /* keep; "linear" for none */
	buffer *alpha;                               /* prelu: (1,1,C), as Keras shares it over a map; else NULL */
	buffer *scale, *bias;                        /* star_relu: s and b, []; else NULL */
} activation;

/* `name` NULL means none. Learned numbers are registered as layer/alpha, or layer/gain and layer/bias; `layer` may be
 * NULL for an activation without them. C: channels. Wrong: an unknown name. */
void activation_init(module *m, activation *a, const char *layer, const char *name, int64_t C);
/* x [..,C] -> same. */
node *activation_apply(graph *g, const activation *a, node *x);

SAGAN_END
#endif
