/* op_list.c - every op that has inputs or makes values: what the derivative test walks. Leaves and
 * stops belong to the graph (graph.c). */
#include "core/graph/ops.h"

#include "core/graph/ops_internal.h"

const op *const op_list[] = {
	&op_rec_add, &op_rec_sub, &op_rec_mul, &op_rec_div, &op_rec_scale, &op_rec_add_scalar,
	&op_rec_recip, &op_rec_sqrt, &op_rec_rsqrt,
	&op_rec_exp, &op_rec_log, &op_rec_tanh, &op_rec_sigmoid, &op_rec_softplus, &op_rec_erf,
	&op_rec_leaky_relu, &op_rec_gate,
	&op_rec_fill, &op_rec_random, &op_rec_reshape, &op_rec_broadcast, &op_rec_sum_to,
	&op_rec_permute, &op_rec_pad, &op_rec_slice, &op_rec_concat,
	&op_rec_skew, &op_rec_unskew,
	&op_rec_softmax, &op_rec_moments, &op_rec_gather, &op_rec_scatter_add,
	&op_rec_matmul,
	&op_rec_attention, &op_rec_attention_grad, &op_rec_attention_second,
	&op_rec_conv2d, &op_rec_conv2d_dx, &op_rec_conv2d_dw, &op_rec_kernel_turn,
	&op_rec_sum_pool, &op_rec_sum_pool_dx, &op_rec_patches, &op_rec_patches_fold,
	&op_rec_max_pick, &op_rec_max_place,
	&op_rec_resize_bilinear, &op_rec_resize_bilinear_dx, &op_rec_shift,
	NULL,
};
