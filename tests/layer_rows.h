/* layer_rows.h - every layer that a config can place, with arguments that make a difference, in a small network. */
#ifndef SAGAN_TESTS_LAYER_ROWS_H
#define SAGAN_TESTS_LAYER_ROWS_H

#include "gan/nets/networks.h"

enum { LAYER_ROWS = 49 };
/* type and arguments as in a config, and the ONNX operators that the layer is for. */
typedef struct layer_row_of {
	const char *layer, *ops;
} layer_row_of;
extern const layer_row_of layer_rows[LAYER_ROWS];

/* A network of 32x32 images with that layer at 8x8, three classes, numbers as after a training (trace_kit.h). */
network *layer_row_network(const char *layer, enum net_side side);

#endif
