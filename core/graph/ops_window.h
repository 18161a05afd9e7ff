/* ops_window.h - what the window ops share: ops_window.c, ops_max.c. */
#ifndef SAGAN_CORE_GRAPH_OPS_WINDOW_H
#define SAGAN_CORE_GRAPH_OPS_WINDOW_H

#include "core/graph/ops.h"

attr attr_window(window_geometry w, int64_t h, int64_t w_);
window_geometry window_of(const node *y);

/* Checks y's geometry and gives the number of windows on a map of h x w_ pixels: ho x wo. */
bool infer_windows(const node *y, int64_t h, int64_t w_, int64_t *ho, int64_t *wo, char *why,
		   size_t why_size);

#endif
