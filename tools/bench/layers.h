/* layers.h - how long each layer takes at the size that its source documents: what `sagan bench --layers` prints. */
#ifndef SAGAN_TOOLS_BENCH_LAYERS_H
#define SAGAN_TOOLS_BENCH_LAYERS_H

#include "layers/types/catalogue.h"

typedef struct layer_bench_result {
	shape input, output;
	int64_t params;
	double forward_s;                            /* median of `runs`, as in inference */
	double both_s;                               /* the same in training, with all derivatives */
	double forward_gflop, both_gflop;            /* multiply-adds counted twice; 0: none, element-wise only */
	size_t forward_bytes, both_bytes;            /* arena: values between input and output, workspace */
} layer_bench_result;

/* The i-th row of the bench: a case of a type of the catalogue. False behind the last. */
bool layer_bench_row(int i, const layer_type **t, const layer_case **c);

/* Times one layer on `batch` random inputs, `runs` times after two that are not counted. Wrong: batch or runs
 * below 1. */
bool layer_bench(const layer_type *t, const layer_case *c, int64_t batch, int runs, layer_bench_result *r, fault *e);

#endif
