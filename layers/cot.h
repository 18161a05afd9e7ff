/* cot.h - contextual transformer attention (CoTNet, arXiv 2107.12292), as keras_cv_attention_models
 * (cotnet/cotnet.py) computes it.
 *
 * x [B,H,W,F], k odd, p = k/2, G = F/8:
 *	key  = act(bn(conv_k(x)))			4 groups: the static context
 *	w    = groupnorm(conv1(act(bn(conv1([x,key])))))	k*k local weights for each of G groups
 *	val  = bn(conv1(x))
 *	e    = swish(bn(sum_t val[pixel at tap t, c] w[c mod G, t]))	the dynamic context
 *	a    = softmax(conv1(act(bn(conv1(mean over H,W of e + key)))))	two shares per channel
 *	y    = e a_0 + key a_1				[B,H,W,F]
 * bn: batch norm; conv_k, conv1: convolutions k x k and 1 x 1. Cost N F (k^2 (F/4 + 1) + ..), linear in N = H*W.
 * 07209e2 and 687943d below are two states of the original. */
#ifndef SAGAN_LAYERS_COT_H
#define SAGAN_LAYERS_COT_H

#include "layers/aotnet.h"

SAGAN_BEGIN

typedef struct cot_options {
	int kernel_size;                             /* k */
	const char *activation;                      /* keep; `act`: e has swish whatever it is */
	/* strides > 1 (687943d only): a 3x3 average pooling of stride 2, whatever the number, whose mean counts the
	 * zeros around the map; before the layer or, without downsample_first, after it. */
	int strides;
	bool downsample_first;
	bool torch_init;                             /* 687943d: kernels start uniform; else INIT_HE_FAN_OUT */
	sn_options sn;                               /* of all convolutions */
} cot_options;
/* kernel_size 3, activation relu, strides 1, downsample_first. */
extern const cot_options cot_defaults;

typedef struct cot {
	char name[32];
	cot_options opt;
	int64_t F;
	conv2d_no_bias key, embed_ww_1, embed_ww_2, embed_1, se_1, se_2;
	batchnorm_with_activation key_bn, embed_ww_1_bn, embed_1_bn, embed_2_bn, se_bn;
	group_norm embed_ww_norm;
} cot;

/* Weights under name/, S = max(F/2, 32), *_bn: four of batch_norm: key_conv/kernel [k,k,F/4,F], key_bn [F];
 * embed_ww_1_conv/kernel [1,1,2F,F/2], embed_ww_1_bn [F/2]; embed_ww_2_conv/kernel [1,1,F/2,k*k*G], bias;
 * embed_ww_group_norm [k*k*G]; embed_1_conv/kernel [1,1,F,F], embed_1_bn [F]; embed_2_bn [F]; attn_se_1_conv/kernel
 * [1,1,F,S], bias; attn_se_bn [S]; attn_se_2_conv/kernel [1,1,S,2F], bias. Wrong: "cot_attention: 12 channels: must be
 * a multiple of 8", "kernel_size = 4: must be odd". */
void cot_init(module *m, cot *c, const char *name, int64_t F, cot_options opt);
/* x [B,H,W,F] -> same, or [B,ceil(H/2),ceil(W/2),F] with strides > 1. scores and local, where not NULL, are given
 * a, [B,1,1,F,2], and w, [B,H,W,G,k*k]. Wrong: another rank or F. */
node *cot_apply(graph *g, const cot *c, node *x, mode m, node **scores, node **local);

SAGAN_END
#endif
