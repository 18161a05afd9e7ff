/* ops_window.h - the geometry of an op with windows: for ops_window.c, ops_max.c, ops_conv.c and rewrite.c. */
#ifndef SAGAN_CORE_GRAPH_OPS_WINDOW_H
#define SAGAN_CORE_GRAPH_OPS_WINDOW_H

#include "core/graph/ops.h"

attr attr_window(window_geometry w, int64_t h, int64_t w_);
/* The geometry that a node was made with. */
window_geometry window_of(const node *y);
conv_geometry conv_geometry_of(const node *y);

/* Checks y's geometry and gives the number of windows on a map of h x w_ pixels: ho x wo. */
bool infer_windows(const node *y, int64_t h, int64_t w_, int64_t *ho, int64_t *wo, char *why,
		   size_t why_size);

#endif
