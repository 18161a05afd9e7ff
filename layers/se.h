/* se.h - squeeze and excitation (arXiv 1709.01507): a gain for each channel from the mean over the map.
 *
 * s = mean of x over H, W;  y = x * act_out(W2 act(W1 s + b1) + b2), r hidden channels: D int(C*se_ratio);
 * H rounds C*se_ratio to a multiple of `divisor`, and up where that loses more than 1 - limit_round_down. Weights:
 * name/"1_conv": kernel (1,1,C,r), bias (r); name/"2_conv": kernel (1,1,r,C), bias (C); with `dense` name/"1_dense",
 * "2_dense": (C,r), (r,C). Source: kecam D aotnet/aotnet.py, H common_layers.py (D and H: layers/aotnet.h). */
#ifndef SAGAN_LAYERS_SE_H
#define SAGAN_LAYERS_SE_H

#include "layers/activation.h"
#include "layers/module.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

typedef struct se_options {
	double se_ratio;                             /* 0 means 0.25 */
	int divisor;                                 /* 0: truncate, as D; H: 8 */
	double limit_round_down;                     /* H; 0 means 0.9 */
	const char *activation;                      /* keep; NULL means relu */
	const char *activation_out;                  /* keep; NULL means sigmoid; H: the second of a pair */
	bool no_bias;
	bool dense;                                  /* H: use_conv=False */
	bool glorot;                                 /* H: glorot uniform kernels; else INIT_HE_FAN_OUT, as D */
	sn_options sn;
} se_options;
typedef struct se_module {
	char name[32];
	buffer *kernel[2], *bias[2];
	spectral_norm sn[2];
	activation act[2];
	int64_t hidden;
	se_options opt;
} se_module;

/* r of the formula above; 0 is possible only without divisor. */
int64_t se_hidden(int64_t C, se_options opt);
/* v rounded to the nearest multiple of divisor, at least one of them, and to the next one above where the nearest is
 * less than limit * v. */
int64_t make_divisible(double v, int divisor, double limit);
/* C: channels of x. Wrong: r = 0 ("se: 2 channels * 0.25 leaves no hidden channel"), a negative divisor, unknown
 * activations. */
void se_module_init(module *m, se_module *s, const char *name, int64_t C, se_options opt);
/* x [B,H,W,C] -> same. Wrong: no image. */
node *se_module_apply(graph *g, const se_module *s, node *x, mode m);

SAGAN_END
#endif
