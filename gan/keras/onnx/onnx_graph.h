/* onnx_graph.h - an ONNX file while it is put together: nodes, constants, inputs and outputs, by names. It knows
 * protobuf and no layer; onnx.c knows layers. */
#ifndef SAGAN_GAN_KERAS_ONNX_ONNX_GRAPH_H
#define SAGAN_GAN_KERAS_ONNX_ONNX_GRAPH_H

#include "core/base/base.h"

/* The opset whose operators onnx.c uses; every ONNX Runtime since 1.12 has it. */
enum { ONNX_OPSET = 17, ONNX_IR_VERSION = 8, ONNX_NODE_INPUTS = 8 };

/* A graph remembers that memory ran out: later calls do nothing harmful and onnx_save says so. Names are
 * copied, nothing is kept. */
typedef struct onnx onnx;
typedef struct onnx_node onnx_node;

onnx *onnx_new(const char *name, fault *e);
void onnx_free(onnx *g);                             /* NULL allowed */

/* A node of operator `op` that makes `output` of input[0..n) (at most ONNX_NODE_INPUTS; "" is an input left
 * out). Borrowed from g, for its attributes; NULL after memory ran out, which the attributes take. */
onnx_node *onnx_add(onnx *g, const char *op, const char *output, int n, const char *const *input);
void onnx_int(onnx *g, onnx_node *node, const char *name, int64_t x);
void onnx_ints(onnx *g, onnx_node *node, const char *name, int n, const int64_t *x);
void onnx_float(onnx *g, onnx_node *node, const char *name, double x);
void onnx_text(onnx *g, onnx_node *node, const char *name, const char *x);

/* Constants: x [s] as float32, as int64, and a list of int64. */
void onnx_floats(onnx *g, const char *name, shape s, const real *x);
void onnx_table(onnx *g, const char *name, shape s, const int64_t *x);
void onnx_list(onnx *g, const char *name, int n, const int64_t *x);

/* What a user gives and gets: [N, s...] with any N; whole: int32. */
void onnx_input(onnx *g, const char *name, shape s, bool whole);
void onnx_output(onnx *g, const char *name, shape s);

/* Writes the file whole (core/base/file.h). Protobuf ends at 2 GiB. */
bool onnx_save(const onnx *g, const char *path, fault *e);

#endif
