/* split_attention.h - channels in groups that compete for each feature (ResNeSt, arXiv 2004.08955), as
 * keras_cv_attention_models (resnest/resnest.py) computes it.
 *
 * x [B,H,W,C], g groups, F filters:
 *	L = act(bn(concat_j conv_k(x_j)))		x_j: channels j C/g .. (j+1) C/g; L [B,H',W',g*F]
 *	a = rsoftmax(conv3(act(bn(conv2(mean over space of sum_j L_j)))))	[B,1,1,g*F]
 *	y = sum_j a_j L_j				[B,H',W',F]
 * Cost k^2 C F N, as one convolution. 07209e2 and 687943d are states of the original. */
#ifndef SAGAN_LAYERS_SPLIT_ATTENTION_H
#define SAGAN_LAYERS_SPLIT_ATTENTION_H

#include "layers/aotnet.h"

SAGAN_BEGIN

/* Softmax over the groups, or a sigmoid for groups <= 1. x [B,H,W,C] -> same, seen as [B,groups,rest] in row-major
 * order: for H = W = 1 the channels of a group lie together. `spatial` allows larger maps, as 687943d; 07209e2 mixes up
 * samples there. Wrong: groups that do not divide H*W*C; a larger map without `spatial` ("rsoftmax: map 4x4: expects a
 * pooled [B,1,1,C]"). */
node *rsoftmax(graph *g, node *x, int groups, bool spatial);

/* Where strides > 1 act. */
enum split_stride {
	SPLIT_STRIDE_CONV,                           /* in the k x k convolution: 07209e2, and 687943d with
	                                              * downsample_first */
	SPLIT_STRIDE_POOL                            /* in a 3x3 average pooling of y, of stride 2 whatever `strides`
	                                              * says, whose mean counts the zeros around the map: 687943d */
};

typedef struct split_attention_options {
	int filters;                                 /* F */
	int kernel_size, strides, groups;
	const char *activation;                      /* keep */
	enum split_stride downsample;
	bool torch_init;                             /* 687943d: k x k kernels start uniform; else INIT_HE_FAN_OUT */
	sn_options sn;                               /* of all convolutions */
} split_attention_options;
/* kernel_size 3, strides 1, 2 groups, relu; filters must be given. */
extern const split_attention_options split_attention_defaults;

enum { SPLIT_GROUPS_MAX = 16 };
typedef struct split_attention {
	char name[32];
	split_attention_options opt;
	int64_t C;
	conv2d_no_bias split[SPLIT_GROUPS_MAX];      /* "1_g1_conv", ..; one group: "1_conv" */
	batchnorm_with_activation bn1, bn2;          /* "1_bn", "2_bn" */
	conv conv2, conv3;                           /* "2_conv", "3_conv", with bias */
} split_attention;

/* Weights: 1_g1_conv/kernel [k,k,C/g,F] .. (1_conv/kernel [k,k,C,F] for one group), 1_bn [g*F] (gamma,
 * beta, moving_mean, moving_variance), 2_conv/kernel [1,1,F,I], bias, I = max(C*g/4, 32), 2_bn [I],
 * 3_conv/kernel [1,1,I,g*F], bias. Wrong: sizes below 1, C % groups != 0. */
void split_attention_init(module *m, split_attention *s, const char *name, int64_t C,
			  split_attention_options opt);
/* x [B,H,W,C] -> [B,H',W',F], H' = floor((H + 2 floor(k/2) - k) / strides) + 1; with SPLIT_STRIDE_POOL the same without
 * strides, then halved, rounded up. Wrong: another rank or C. */
node *split_attention_apply(graph *g, const split_attention *s, node *x, mode m);

SAGAN_END
#endif
