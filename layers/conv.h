/* conv.h - convolution and transposed convolution, with optional bias and spectral norm.
 *
 * Images [B,H,W,C], kernels [kh,kw,in/groups,out]; transposed kernels [kh,kw,out/groups,in], as Keras. */
#ifndef SAGAN_LAYERS_CONV_H
#define SAGAN_LAYERS_CONV_H

#include "core/graph/ops.h"
#include "layers/module.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

enum padding {
	PAD_SAME,                                    /* as TensorFlow: out = ceil(n/s); an odd zero goes to the end */
	PAD_VALID,                                   /* none */
	PAD_EVEN,                                    /* `pad` zeros on all four sides, as PyTorch */
	PAD_AXES                                     /* `pad` rows of zeros above and below, `pad_w` columns at the
	                                              * sides */
};

typedef struct conv_options {
	int filters;                                 /* output channels */
	int kh, kw;                                  /* kernel; kw 0 means kh */
	int sh, sw;                                  /* strides; 0: sh means 1, sw means sh */
	int groups;                                  /* 0 means 1 */
	enum padding padding;
	int pad, pad_w;                              /* for PAD_EVEN and PAD_AXES */
	bool bias;
	init kernel_init, bias_init;
	sn_options sn;                               /* of the kernel */
} conv_options;

typedef struct conv {
	char name[32];
	buffer *kernel, *bias;                       /* bias [out] or NULL */
	conv_options opt;
	spectral_norm sn;
	bool transposed;
} conv;

/* Registers name/kernel, and name/bias and name/u (spectral norm) where they are asked for, for an input of `in`
 * channels. Wrong: groups that do not divide ("conv1: in=10, out=8, groups=4: not divisible"). */
void conv_init(module *m, conv *c, const char *name, int64_t in, conv_options opt);
/* x [B,H,W,in] -> [B,Ho,Wo,filters]; Ho and Wo as op_conv2d (core/graph/ops.h). Wrong: other channels, a kernel larger
 * than the image with its zeros. */
node *conv_apply(graph *g, const conv *c, node *x, mode m);

/* A transposed convolution: the adjoint of a convolution with the same options. Registers the same names. */
void conv_transpose_init(module *m, conv *c, const char *name, int64_t in, conv_options opt);
/* x [B,H,W,in] -> [B,H',W',filters]. PAD_SAME: H' = H*stride; PAD_VALID: max(H*stride, (H-1)*stride + k), as Keras;
 * PAD_EVEN and PAD_AXES: (H-1)*stride + k - 2*pad, as PyTorch. */
node *conv_transpose_apply(graph *g, const conv *c, node *x, mode m);

/* One filter per channel: name/depthwise_kernel (kh,kw,C,1), as Keras, and name/bias (C). `filters` and `groups` of the
 * options are not used. Spectral norm sees the kernel as a matrix [kh*kw, C]. */
typedef struct depthwise {
	char name[32];
	buffer *kernel, *bias;                       /* bias [C] or NULL */
	conv_options opt;
	spectral_norm sn;
} depthwise;
void depthwise_init(module *m, depthwise *d, const char *name, int64_t C, conv_options opt);
/* x [B,H,W,C] -> [B,Ho,Wo,C]. */
node *depthwise_apply(graph *g, const depthwise *d, node *x, mode m);

/* Options of the convolution of the residual blocks: k x k, k odd, stride 1, k/2 zeros around, so that the map keeps
 * its size, and a bias. */
conv_options conv_same(int filters, int k, init kernel_init, sn_options sn);

SAGAN_END
#endif
