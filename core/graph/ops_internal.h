/* ops_internal.h - what op files share and nothing else includes. */
#ifndef SAGAN_CORE_GRAPH_OPS_INTERNAL_H
#define SAGAN_CORE_GRAPH_OPS_INTERNAL_H

#include "core/base/clones.h"
#include "core/graph/graph.h"

/* y has the shape of every input. */
bool infer_same(node *y, char *why, size_t why_size);

/* eval of every op with a span: chunks of SPAN_GRAIN on the pool. */
void elementwise_eval(const node *y, void *scratch);

/* why = message; returns false. For infer functions. */
bool refuse(char *why, size_t why_size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Attributes with every byte zero, as graph_node compares them; and those of an op with a target
 * shape. */
attr attr_none(void);
attr attr_to(shape to);

/* For infer functions: sizes given by the caller are >= 1 and their product fits. */
bool shape_is_valid(const shape *s, char *why, size_t why_size);

/* The same sizes when leading axes of size 1 are left out: [1,1,C] and [C]. */
bool shape_equal_aligned(const shape *a, const shape *b);

/* Whether the planner may hand a product bias, residual and activation, as it does with convolutions. */
bool matmul_has_epilogue(const node *y);

/* Records, one line per file. */
extern const op op_rec_fill, op_rec_reshape, op_rec_gather, op_rec_scatter_add;
extern const op op_rec_broadcast, op_rec_permute, op_rec_pad, op_rec_slice, op_rec_concat;
extern const op op_rec_skew, op_rec_unskew;
extern const op op_rec_sum_to, op_rec_softmax, op_rec_moments;
extern const op op_rec_matmul;
extern const op op_rec_attention, op_rec_attention_grad, op_rec_attention_second;
extern const op op_rec_sum_pool, op_rec_sum_pool_dx, op_rec_patches, op_rec_patches_fold;
extern const op op_rec_max_pick, op_rec_max_place;
extern const op op_rec_resize_bilinear, op_rec_resize_bilinear_dx, op_rec_shift;
extern const op op_rec_add, op_rec_sub, op_rec_mul, op_rec_div, op_rec_scale, op_rec_add_scalar;
extern const op op_rec_recip, op_rec_sqrt, op_rec_rsqrt;
extern const op op_rec_exp, op_rec_log, op_rec_tanh, op_rec_sigmoid, op_rec_softplus, op_rec_erf;
extern const op op_rec_gate, op_rec_leaky_relu;
extern const op op_rec_random;
extern const op op_rec_kernel_turn;
extern const op op_rec_conv2d, op_rec_conv2d_dx, op_rec_conv2d_dw;

#endif
