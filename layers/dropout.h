/* dropout.h - dropout as layers use it: in training only, from the stream that the mode carries. */
#ifndef SAGAN_LAYERS_DROPOUT_H
#define SAGAN_LAYERS_DROPOUT_H

#include "layers/module.h"

SAGAN_BEGIN

/* op_dropout of x with decisions drawn like `noise` (core/graph/ops.h), from m.noise; x itself outside training and
 * for rate 0. `what` names the argument in messages. Wrong: training without a stream ("mlp_block: drop_rate = 0.5:
 * training needs a random stream"). */
node *drop_out(graph *g, node *x, double rate, shape noise, mode m, const char *what);

SAGAN_END
#endif
