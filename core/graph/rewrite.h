/* rewrite.h - exact algebra before arithmetic: cheaper forms that constructors return instead.
 *
 * Included by op files only. Each function returns the cheaper node, or NULL when the pattern does
 * not hold or the graph has rewriting switched off. */
#ifndef SAGAN_CORE_GRAPH_REWRITE_H
#define SAGAN_CORE_GRAPH_REWRITE_H

#include "core/graph/ops.h"

/* conv2d(x, w): 3x3 on a nearest 2x upsampling, or 1x1 on any nearest upsampling. */
node *rewrite_conv2d(graph *g, node *x, node *w, conv_geometry c);
/* factor * sum_pool(x): 2x2 of a 3x3 convolution, any tiling windows of a 1x1 convolution, either of
 * them with a bias added. Average pooling is the factor 1/(kh kw). */
node *rewrite_pool(graph *g, node *x, window_geometry w, double factor);

#endif
