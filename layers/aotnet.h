/* aotnet.h - the blocks that the attention layers of keras_cv_attention_models are built from.
 *
 * "kecam" is github.com/leondgarse/keras_cv_attention_models in two states: D = 07209e2 (1.0.2), the one that its
 * documentation page describes and that the defaults here follow, and H = 687943d (1.4.3). Where the two differ an
 * option says which; "H" or "D" beside an option is the state that has it. Images [B,H,W,C]. Weights have Keras' names
 * and shapes, in the order of their creation.
 *
 * These are the original's small functions, whose sublayers are called prefix + suffix: `prefix` is that string,
 * without slashes ("key_" gives "key_conv/kernel"; "" gives "conv/kernel"). Levels are made by module_push around
 * them. A name of more than 31 letters is a bug and stops the program. */
#ifndef SAGAN_LAYERS_AOTNET_H
#define SAGAN_LAYERS_AOTNET_H

#include "layers/activation.h"
#include "layers/conv.h"
#include "layers/evo_norm.h"
#include "layers/module.h"
#include "layers/norm.h"

SAGAN_BEGIN

/* ---- anti_alias_downsample: a fixed binomial blur, then a stride (arXiv 1904.11486) ----
 *
 * Each channel is convolved with the kernel f f', f[i] = binom(k-1,i) / 2^(k-1): for k = 3, f = [1 2 1]/4. The zeros
 * around the image are TensorFlow's SAME whatever `padding` the original is given, so the border is darker than the
 * middle.
 * Source: kecam D aotnet/aotnet.py (H the same). Weight: prefix + "anti_alias_down/depthwise_kernel" (k,k,C,1). */
typedef struct anti_alias_options {
	int kernel_size;                             /* 0 means 3 */
	int strides;                                 /* both axes; 0 means 2 */
	bool trainable;                              /* the kernel is a parameter that starts as the blur */
} anti_alias_options;
typedef struct anti_alias_downsample {
	char name[32];
	buffer *kernel;                              /* (k,k,C,1); a state unless trainable */
	anti_alias_options opt;
} anti_alias_downsample;

/* C: channels. Wrong: kernel_size < 1, strides < 1. */
void anti_alias_downsample_init(module *m, anti_alias_downsample *a, const char *prefix, int64_t C,
				anti_alias_options opt);
/* x [B,H,W,C] -> [B,ceil(H/strides),ceil(W/strides),C]. Wrong: no image. */
node *anti_alias_downsample_apply(graph *g, const anti_alias_downsample *a, node *x);

/* ---- batchnorm_with_activation ----
 *
 * y = act(bn(x)), or bn(act(x)) with act_first. bn is batch_norm (norm.h), with Bessel's factor in the running
 * variance for inputs of four or five axes whose channels are the last or the first of them after the batch, and
 * without it for others, as Keras. Weights: prefix + "bn/": gamma, beta, moving_mean, moving_variance, all (C); those
 * of the activation, if it has any, behind them (before them with act_first). With use_evo_norm: prefix + "evo_norm/"
 * of evo_norm.h. Source: kecam D aotnet/aotnet.py, H common_layers.py. */
typedef struct bn_act_options {
	const char *activation;                      /* keep; NULL, "" and "none": none (H's default; D's is relu) */
	bool zero_gamma;                             /* gamma starts at 0, so that a residual branch does; else at 1 */
	double epsilon;                              /* 0 means 1e-5 */
	double momentum;                             /* share of the old running value; 0 means 0.9 */
	bool act_first;                              /* H */
	int axis;                                    /* H: the axis of the channels; 0 means the last */
	bool use_evo_norm;                           /* H: EvoNorm (evo_norm.h) instead of norm and activation. Which
	                                              * activation does not matter: with any, its nonlinearity is on */
	int evo_norm_group_size;                     /* H: channels of a group, for the form S0; below 1: form B0 */
} bn_act_options;
typedef struct batchnorm_with_activation {
	batch_norm bn;
	activation act;
	evo_norm evo;                                /* with use_evo_norm, instead of both */
	bn_act_options opt;
} batchnorm_with_activation;

/* C is the size of the chosen axis. Wrong: an unknown activation ("activation 'rleu': unknown; did you mean 'relu'?");
 * a negative axis. */
void batchnorm_with_activation_init(module *m, batchnorm_with_activation *b, const char *prefix, int64_t C,
				    bn_act_options opt);
/* x [..,C] -> same. Wrong: an axis that x has not. */
node *batchnorm_with_activation_apply(graph *g, const batchnorm_with_activation *b, node *x, mode m);

/* ---- conv2d_no_bias ----
 *
 * A convolution whose padding is explicit zeros: out = floor((n + 2p - k) / s) + 1. Weights: prefix + "conv/kernel"
 * (kh,kw,in/groups,filters), prefix + "conv/bias" (filters) when asked. Source: kecam D aotnet/aotnet.py, H
 * common_layers.py. */
enum conv2d_padding {
	CONV2D_VALID,                                /* none */
	CONV2D_SAME,                                 /* kh/2 rows, kw/2 columns on either side: H */
	CONV2D_SAME_LARGER,                          /* max(kh,kw)/2 on all four sides: D */
	CONV2D_SAME_TF,                              /* TensorFlow's SAME: H with use_torch_padding=False */
	CONV2D_EXPLICIT                              /* pad_h rows, pad_w columns on either side: H */
};
typedef struct conv2d_options {
	int filters;
	int kh, kw;                                  /* kh 0 means 1; kw 0 means kh */
	int sh, sw;                                  /* sh 0 means 1; sw 0 means sh */
	enum conv2d_padding padding;
	int pad_h, pad_w;                            /* for CONV2D_EXPLICIT */
	bool use_bias;
	int groups;                                  /* 0 means 1 */
	/* D when groups == filters, which filters = 1 is by default: a depthwise convolution of all input channels,
	 * kernel "depthwise_kernel" (kh,kw,in,1) glorot uniform, as many channels out as in, whatever `filters`
	 * says. Off: an ordinary convolution. */
	bool depthwise_parity;
	bool torch_init;                             /* H: U(-b,b), b = 1/sqrt(in*kh*kw); else D: INIT_HE_FAN_OUT */
	sn_options sn;
} conv2d_options;
typedef struct conv2d_no_bias {
	struct conv conv;                            /* used unless is_depthwise */
	struct depthwise depthwise;                  /* used when is_depthwise */
	bool is_depthwise;
	conv2d_options opt;
} conv2d_no_bias;

/* in: channels of the input. Wrong: filters, a kernel, a stride or groups below 1; negative padding; groups that do not
 * divide. */
void conv2d_no_bias_init(module *m, conv2d_no_bias *c, const char *prefix, int64_t in, conv2d_options opt);
/* x [B,H,W,in] -> [B,Ho,Wo,filters], or [..,in] when depthwise. Wrong: an output side < 1 ("conv 7x7 on 4x4: output
 * would be empty"). */
node *conv2d_no_bias_apply(graph *g, const conv2d_no_bias *c, node *x, mode m);

SAGAN_END
#endif
