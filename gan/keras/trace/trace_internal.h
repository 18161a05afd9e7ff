/* trace_internal.h - what the parts of the tracer share: the walk (trace.c), constants (trace_fold.c), operations
 * (trace_ops.c, trace_linear.c; trace_single.c: those that no layer says), layers (trace_calls.c) and the custom
 * layers of the second form (trace_custom.c). */
#ifndef SAGAN_GAN_KERAS_TRACE_TRACE_INTERNAL_H
#define SAGAN_GAN_KERAS_TRACE_TRACE_INTERNAL_H

#include "gan/keras/trace/trace.h"

/* Where a value of the graph is in the model: scale times the output of a layer, seen under any shape of as many
 * elements. */
typedef struct traced {
	bool done;
	int layer;
	shape s;                                     /* of the layer's output, without the batch */
	double scale;
	bool into_next;                              /* the scale goes into the linear layer that follows */
	/* The Dense, Conv2D, Conv2DTranspose or Dot behind the layer, when nothing but this value sees it: its weights
	 * may still be scaled. -1: there is none. */
	int linear;
	const node *by;                              /* what made it */
} traced;

typedef struct tracer {
	graph *g;
	const module *m;
	keras_model *k;
	enum keras_form form;
	int64_t batch;
	int n;                                       /* nodes when the walk began: the arrays' length */
	traced *value;                               /* own; by node id, as all arrays */
	bool *varies;                                /* own; depends on an input */
	int *uses;                                   /* own; how many values on the way to the output read it */
	const node **user;                           /* own; the last of them */
	fault *e;
} tracer;

/* ---- trace.c ---- */

/* Where y is, after adding the layers it needs; NULL on failure with t->e set. Valid until the next call. */
traced *trace_value(tracer *t, node *y);
/* The layer whose output is y itself: scale done, and in the shape s (without the batch) when s is not NULL. -1 on
 * failure. */
int trace_plain(tracer *t, node *y);
int trace_as(tracer *t, node *y, shape s);
/* The shape of one sample of y; of a value whose first axis is not the batch, as its layer gives it. */
shape trace_shape(tracer *t, node *y);

/* Adds a layer called after a path of the graph ("block1/conv1" -> "block1_conv1") and a suffix (NULL: none). */
int trace_add(tracer *t, const char *path, const char *suffix, const char *class_name, int nin, const int *in);
/* y is the output of this layer; linear as in traced. Returns false for layer -1, so that it can end an emitter. */
bool trace_done(tracer *t, const node *y, int layer, shape s, bool linear);
/* y is where x is, times c. */
bool trace_alias(tracer *t, const node *y, node *x, double c);

/* "attention14: layer type halo: stock Keras layers do not say WHAT; .." Returns false. */
bool trace_refuse(tracer *t, const node *y, const char *what);
/* The layer of the config that a path lies in, or NULL. */
const placed_layer *trace_placed(const tracer *t, const char *path);
/* Whether a layer with kernels of its own has recorded itself under this path, so that it is a name. */
bool trace_has_name(const tracer *t, const char *path);

/* ---- trace_fold.c ---- */

/* Numbers that do not depend on the inputs: one, or one per channel. */
typedef struct terms {
	int64_t n;
	real *x;                                     /* [n], own */
} terms;

/* The value of a constant node as it is, [shape_count], to be freed; NULL on failure. */
real *fold_value(tracer *t, node *x);
/* Whether a constant is one number or one for each of `last` channels. */
bool fold_is_terms(const node *x, int64_t last);
/* The constant factor or summand x of a value with `last` channels. Refuses anything but those two kinds. */
bool fold_terms(tracer *t, const node *y, node *x, int64_t last, terms *out);
/* Multiplies the weights that x comes from by c. False when something else sees them or the layer before cannot take
 * it; nothing has changed then. */
bool fold_scale(tracer *t, const node *x, const terms *c);
/* The same with adding c to their bias: *folded. The result is false when there is no memory for a bias. */
bool fold_shift(tracer *t, const node *x, const terms *c, bool *folded);
/* Whether the one layer that reads y is linear, so that a factor of y can go into its kernel. */
bool fold_into_next(const tracer *t, const node *y);

/* ---- emitters: add layers for y, call trace_done or trace_alias; false with t->e set on failure ---- */

typedef struct op_row {
	const char *op;
	bool (*emit)(tracer *t, node *y);
} op_row;
extern const op_row trace_op_rows[];                 /* ended by {NULL}; trace_ops.c */

/* Form KERAS_OPS: these come before trace_op_rows; trace_single.c. */
typedef struct single_row {
	const char *op;
	bool (*takes)(const tracer *t, const node *y);       /* NULL: always */
	bool (*emit)(tracer *t, node *y);
} single_row;
extern const single_row trace_single_rows[];
bool emit_binary(tracer *t, node *y);                /* y = a OP b, any two that go together */

bool emit_conv(tracer *t, node *y);                  /* trace_linear.c */
bool emit_conv_transpose(tracer *t, node *y);
bool emit_matmul(tracer *t, node *y);
bool emit_gather(tracer *t, node *y);
/* y = x * w + b, element by element: the layer when nothing before can take it. b NULL: none. */
bool emit_affine(tracer *t, node *y, node *x, const terms *w, const terms *b);

typedef struct call_row {
	const char *kind;
	bool (*takes)(const tracer *t, const graph_call *c);         /* NULL: always */
	bool (*emit)(tracer *t, const graph_call *c);
} call_row;
extern const call_row trace_call_rows[], trace_custom_rows[];       /* ended by {NULL}; the second with KERAS_LAYERS */

/* ---- parts that rows share ---- */

/* A window's or kernel's way over an image. */
typedef struct trace_geometry {
	int kh, kw, sh, sw, top, bottom, left, right;
} trace_geometry;
/* The word for the zeros of a convolution on an image of h x w that layer `in` gives; where Keras has none, a
 * ZeroPadding2D before it. Returns the layer to read, or -1. */
int trace_padded(tracer *t, const node *y, int in, const char *path, trace_geometry c, int64_t h, int64_t w,
		 const char **padding);
/* kernel_size, strides, padding and, of a stock layer, data_format. */
bool trace_set_window(tracer *t, int layer, trace_geometry c, const char *padding);
trace_geometry trace_conv_geometry(const node *y), trace_window_of(const node *y);
/* The input of a concat that a slice cuts out again, or NULL. */
node *trace_cut_out(const node *y);
/* A value that another is repeated for. */
node *trace_unrepeated(node *x);
/* Sums that stock layers say: over the pixels of an image, and sum over c of a[c] b[c]. */
bool trace_is_pixel_sum(const node *y), trace_is_row_dot(const tracer *t, const node *y);
/* What a transposed convolution y leaves of the full result: "same", "valid", or NULL for another crop. */
const char *trace_crop(const node *y, trace_geometry c);
/* scale * x + offset of layer `in` (-1: a failure passes through). */
int trace_rescaling(tracer *t, const char *path, const char *suffix, int in, double scale, double offset);
/* BatchNormalization of x, affine or not; the layer's shape into *s. */
int trace_batch_norm(tracer *t, const char *path, const batch_norm *b, node *x, shape *s);
bool trace_weight(tracer *t, int layer, const char *name, const buffer *b);

#endif
