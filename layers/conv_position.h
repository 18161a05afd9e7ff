/* conv_position.h - positions from a convolution of the map (CoaT, arXiv 2104.06399).
 *
 * Tokens [B,1+N,C]: one class token, then the N = h*w pixels of the map row by row. The map has input_height rows, or
 * is a square. Convolutions are depthwise, with stride 1, k/2 zeros around and a bias. Source:
 * keras_cv_attention_models 07209e2 coat/coat.py; 687943d adds input_height. Weights in Keras' order. */
#ifndef SAGAN_LAYERS_CONV_POSITION_H
#define SAGAN_LAYERS_CONV_POSITION_H

#include "layers/conv.h"
#include "layers/module.h"

SAGAN_BEGIN

/* ---- ConvPositionalEncoding: y = x + depthwise(x) for pixels, y = x for the class token ----
 *
 * Weights: name/depth_conv/depthwise_kernel (k,k,C,1) glorot uniform, name/depth_conv/bias (C) zeros. */
typedef struct conv_positional_options {
	int kernel_size;                             /* 0 means 3; odd */
	int64_t input_height;                        /* rows of the map; 0: the map is square */
	sn_options sn;
} conv_positional_options;
typedef struct conv_positional_encoding {
	char name[32];
	depthwise conv;
	conv_positional_options opt;
} conv_positional_encoding;

/* Wrong: an even kernel. */
void conv_positional_encoding_init(module *m, conv_positional_encoding *p, const char *name, int64_t C,
				   conv_positional_options opt);
/* x [B,1+N,C] -> same. Wrong: "conv_positional_encoding: 10 image tokens: not a square; give input_height". */
node *conv_positional_encoding_apply(graph *g, const conv_positional_encoding *p, node *x, mode m);

/* ---- ConvRelativePositionalEncoding: the factorised attention's position term ----
 *
 * query, value [B,n,1+N,d]. The values of the pixels, as a map of n*d channels (head*d + i), are cut into blocks of
 * heads; block j goes through a convolution of its own size. y[:,head,1+t,i] = query[:,head,1+t,i] * conv[t,head*d+i];
 * the row of the class token is zero. No scaling. Weights: name/depth_conv_1/depthwise_kernel (k,k,heads*d,1) glorot
 * uniform, name/depth_conv_1/bias (heads*d) zeros, then depth_conv_2 ... */
enum { CONV_RELATIVE_SPLITS = 8 };
typedef struct conv_relative_options {
	int splits;                                  /* 0: three blocks of 2, 3, 3 heads with kernels 3, 5, 7 */
	int head_splits[CONV_RELATIVE_SPLITS];       /* heads of each block */
	int head_kernel_size[CONV_RELATIVE_SPLITS];  /* odd */
	int64_t input_height;                        /* rows of the map; 0: the map is square */
	sn_options sn;
} conv_relative_options;
typedef struct conv_relative_positional_encoding {
	char name[32];
	depthwise conv[CONV_RELATIVE_SPLITS];
	int64_t heads, d;
	conv_relative_options opt;
} conv_relative_positional_encoding;

/* heads: n; d: channels of a head. Wrong: blocks that do not add up to n ("head_splits 2+3+3 = 8 but 4 heads"); an even
 * kernel. More than CONV_RELATIVE_SPLITS blocks are a bug and stop the program. */
void conv_relative_positional_encoding_init(module *m, conv_relative_positional_encoding *p, const char *name,
					    int64_t heads, int64_t d, conv_relative_options opt);
/* query, value [B,n,1+N,d] -> same. Wrong: unequal shapes, another n or d than built, an N that is no such map. */
node *conv_relative_positional_encoding_apply(graph *g, const conv_relative_positional_encoding *p, node *query,
					      node *value, mode m);

SAGAN_END
#endif
