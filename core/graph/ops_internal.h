/* ops_internal.h - what op files share, and the records by which the planner knows some ops from others. */
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

/* The same sizes when leading axes of size 1 are left out: [1,1,C] and [C]. */
bool shape_equal_aligned(const shape *a, const shape *b);

/* Whether the planner may hand a product bias, residual and activation, as it does with convolutions. */
bool matmul_has_epilogue(const node *y);

/* Every op that has inputs or makes values, by family: the only list of them. Leaves and stops belong to the graph. */
#define OP_LIST(OP) \
	OP(add) OP(sub) OP(mul) OP(div) OP(scale) OP(add_scalar) \
	OP(recip) OP(sqrt) OP(rsqrt) OP(exp) OP(log) OP(tanh) OP(sigmoid) OP(softplus) OP(erf) OP(leaky_relu) OP(gate) \
	OP(fill) OP(random) OP(reshape) OP(broadcast) OP(permute) OP(pad) OP(slice) OP(concat) \
	OP(gather) OP(scatter_add) OP(skew) OP(unskew) \
	OP(sum_to) OP(softmax) OP(moments) OP(slice_sum) \
	OP(matmul) OP(attention) OP(attention_grad) OP(attention_second) \
	OP(conv2d) OP(conv2d_dx) OP(conv2d_dw) OP(kernel_turn) \
	OP(sum_pool) OP(sum_pool_dx) OP(patches) OP(patches_fold) OP(max_pick) OP(max_place) \
	OP(resize_bilinear) OP(resize_bilinear_dx) OP(shift) OP(warp) OP(warp_dx)

#define OP_RECORD(name) extern const op op_rec_##name;
OP_LIST(OP_RECORD)
#undef OP_RECORD

/* All of them, ended by NULL: what the derivative test walks. */
extern const op *const op_list[];

#endif
