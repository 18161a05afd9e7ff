/* split_attention.h - channels in groups that compete for each feature (ResNeSt, arXiv 2004.08955), as
 * keras_cv_attention_models (resnest/resnest.py) computes it.
 *
 * x [B,H,W,C], g groups, F filters:
 *	L = act(bn(concat_j conv_k(x_j)))		x_j: channels j C/g .. (j+1) C/g; L [B,H',W',g*F]
 *	a = rsoftmax(conv3(act(bn(conv2(mean over space of sum_j L_j)))))	[B,1,1,g*F]
 *	y = sum_j a_j L_j				[B,H',W',F]
 * Cost k^2 C F N, as one convolution. */
#ifndef SAGAN_LAYERS_SPLIT_ATTENTION_H
#define SAGAN_LAYERS_SPLIT_ATTENTION_H

#include "layers/aotnet.h"

SAGAN_BEGIN

/* Softmax over the groups, or a sigmoid for groups <= 1. x [B,H,W,C] -> same: seen as [B,groups,rest],
 * channels of a group together. Wrong: groups that do not divide, and, unless `spatial`, a map larger
 * than 1x1 ("rsoftmax: map 4x4: expects a pooled [B,1,1,C]"), where the original @07209e2 mixes up
 * samples; @687943d (spatial) then cuts H*W*C, in row-major order. */
node *rsoftmax(graph *g, node *x, int groups, bool spatial);

/* Where strides > 1 act. */
enum split_stride {
	SPLIT_STRIDE_CONV,                           /* in the convolution: @07209e2, and @687943d with
	                                              * downsample_first */
	SPLIT_STRIDE_POOL                            /* behind it all, a 3x3 average pooling, zeros around
	                                              * counted, of stride 2 whatever `strides` says: @687943d */
};

typedef struct split_attention_options {
	int filters;                                 /* F */
	int kernel_size, strides, groups;
	const char *activation;                      /* keep */
	enum split_stride downsample;
	bool torch_init;                             /* @687943d: the k x k kernels start uniform */
	sn_options sn;                               /* of all convolutions */
} split_attention_options;
/* (filters, 3, 1, 2, "relu", ..): filters must be given. */
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
/* x [B,H,W,C] -> [B,H',W',F], H' = floor((H + 2 floor(k/2) - k) / strides) + 1. */
node *split_attention_apply(graph *g, const split_attention *s, node *x, mode m);

SAGAN_END
#endif
