/* onnx_internal.h - what the files of the ONNX export share: a layer at hand, and short words for nodes.
 *
 * A result with three axes lies in one of two orders: as a map [N,C,H,W], which ONNX' convolutions take, or with its
 * channels last, [N,H,W,C], as in Keras. Each class says what it reads and makes; where a value is read in the other
 * order, a Transpose makes that once. Results of other ranks are the same in both. Kernels are transposed when they are
 * written.
 *
 * What the user gives and gets has the name of its layer. All else is "layer/what" (no name of a layer has a slash):
 * optimisers add "_weight" and "_bias" to names, and layers are called so. */
#ifndef SAGAN_GAN_KERAS_ONNX_ONNX_INTERNAL_H
#define SAGAN_GAN_KERAS_ONNX_ONNX_INTERNAL_H

#include "gan/keras/model/model.h"
#include "gan/keras/onnx/onnx_graph.h"

enum { ONNX_NAME = KERAS_LAYER + KERAS_NAME };

enum onnx_order { ONNX_LAST, ONNX_MAPS, ONNX_EITHER };
enum { ONNX_ORDERS = ONNX_EITHER };                  /* that a value can have */

/* The model on its way. */
typedef struct onnx_export {
	const keras_model *m;
	shape *s;                                    /* [layers] results without the batch, in Keras' order */
	bool (*made)[ONNX_ORDERS];                   /* [layers] the orders in which a result is there */
	onnx *g;
	fault *e;
} onnx_export;

/* The layer at hand. */
typedef struct onnx_layer {
	onnx_export *x;
	onnx *g;
	const keras_layer *l;
	const shape *s, *in;                         /* its result; its first input */
	bool maps;                                   /* what it reads and makes lies as [N,C,H,W] */
	char out[ONNX_NAME];                         /* value that it makes */
	const char *from[KERAS_INPUTS];              /* values that feed it */
} onnx_layer;

/* The nodes of one class. False with e set. ONNX_EITHER: as its inputs lie, maps when one of them does. */
typedef struct onnx_class {
	const char *class_name;
	bool (*put)(const onnx_layer *t);
	enum onnx_order order;
} onnx_class;
extern const onnx_class onnx_pointwise[], onnx_products[], onnx_windows[], onnx_ops[];  /* each ends with {NULL} */

/* "layer r (Conv2D): WHAT has no counterpart ..", false. */
bool onnx_refuse(const onnx_layer *t, const char *what);

/* "layer/what", which names a value or constant of the layer. */
const char *onnx_own(const onnx_layer *t, const char *what, char out[ONNX_NAME]);

/* Nodes of one and two inputs; a transpose; one whose second input is the number x, called layer/name; the same
 * elements as [N, s...]. */
onnx_node *onnx_unary(const onnx_layer *t, const char *op, const char *output, const char *input);
onnx_node *onnx_binary(const onnx_layer *t, const char *op, const char *output, const char *a, const char *b);
void onnx_transpose(const onnx_layer *t, const char *output, const char *input, int n, const int64_t *order);
void onnx_number(const onnx_layer *t, const char *op, const char *output, const char *input, const char *name,
		 double x);
void onnx_reshape(const onnx_layer *t, const char *output, const char *input, const shape *s);

/* A weight of that rank, or NULL with e set; the same as constant layer/name. */
const keras_weight *onnx_need(const onnx_layer *t, const char *name, int rank);
bool onnx_weight(const onnx_layer *t, const char *name, int rank);

/* A weight of n elements, or n times `otherwise` when the layer was made without. */
bool onnx_vector(const onnx_layer *t, const char *name, int64_t n, real otherwise);

/* Constant layer/kernel: w (kh, kw, a, b), Keras' order for both convolutions, as (b, a, kh, kw), ONNX' order. */
bool onnx_kernel(const onnx_layer *t, const keras_weight *w);

/* The value that a layer with a setting "activation" makes before it: its own when there is none. Then the rest. */
const char *onnx_before(const onnx_layer *t, char out[ONNX_NAME]);
bool onnx_after(const onnx_layer *t, const char *value);

#endif
