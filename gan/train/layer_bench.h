/* layer_bench.h - how long each layer takes at the size that its source documents: what `sagan bench --layers` prints. */
#ifndef SAGAN_GAN_TRAIN_LAYER_BENCH_H
#define SAGAN_GAN_TRAIN_LAYER_BENCH_H

#include "core/graph/graph.h"
#include "layers/module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A layer to be timed: registers itself in m and appends its nodes to g. x [input] -> y. */
typedef struct layer_bench_row {
	const char *name;
	shape input;                                 /* the first axis is the batch: 0, for the caller to choose */
	node *(*build)(module *m, graph *g, node *x, mode run, const struct layer_bench_row *row);
	const char *variant;                         /* of attention.h; NULL for the others */
} layer_bench_row;

/* Every layer of layers/ with its documented input; ended by a row without a name. */
extern const layer_bench_row layer_bench_rows[];

typedef struct layer_bench_result {
	shape input, output;
	int64_t params;
	double forward_s;                            /* median of `runs`, as in inference */
	double both_s;                               /* the same in training, with the derivatives by x and all weights */
	double forward_gflop, both_gflop;            /* multiply-adds counted twice; 0: none, element-wise only */
	size_t forward_bytes, both_bytes;            /* arena: values between input and output, workspace */
} layer_bench_result;

/* Times one layer on `batch` random inputs, `runs` times after two that are not counted. Wrong: batch or runs below 1. */
bool layer_bench(const layer_bench_row *row, int64_t batch, int runs, layer_bench_result *r, error *e);

#ifdef __cplusplus
}
#endif
#endif
