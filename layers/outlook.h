/* outlook.h - outlook attention (VOLO, arXiv 2106.13112): a pixel's own features say how its neighbourhood is mixed.
 *
 * x [B,H,W,C], E = embed_dim, n heads of width d = E/n, windows of k x k taps every s pixels, K = k*k,
 * hh = ceil(H/s), ww = ceil(W/s) cells:
 *	v = x Wv [B,H,W,E]                                     channel head*d + i
 *	a = softmax((mean(x) Wa + ba) / sqrt(d)) [B,hh,ww,n,K,K]      mean over a cell; channel (head*K + m)*K + m'
 *	z[cell,m] = sum over m' of a[m,m'] v[tap m' of the cell]      taps outside the image are 0
 *	y = fold(z) Wo + bo [B,H,W,E]                          taps of all cells added, not averaged
 * Cost B hh ww (K^2 E + C K^2 n) multiply-adds beside the projections: linear in N.
 * Weights, in the order of creation: name/v/kernel (C,E); name/attn/kernel (C,K*K*n), name/attn/bias; name/out/kernel
 * (E,E), name/out/bias; kernels glorot uniform, biases zero. Source: keras_cv_attention_models volo/volo.py at 07209e2
 * (D) and 687943d (H). Where the original runs, the numbers are its own; where it fails, the formula holds. */
#ifndef SAGAN_LAYERS_OUTLOOK_H
#define SAGAN_LAYERS_OUTLOOK_H

#include "layers/dense.h"
#include "layers/module.h"

SAGAN_BEGIN

/* By name: the call outlook_attention(inputs, 4, 192) of the original's documentation asks, by the order of its
 * arguments, for width 4 with 192 heads. */
typedef struct outlook_options {
	int64_t embed_dim;
	int num_heads;                               /* 0: 8 as H, or 6 as outlook_attention_simple */
	int kernel_size;                             /* 0 means 3 */
	int strides;                                 /* 0 means 2; not used by the simple one, where s = k */
	bool no_padding;                             /* windows start at the pixel itself; else k/2 above and left of it
	                                              * (D with padding other than 1) */
	double attn_dropout;                         /* of a, in training */
	double output_dropout;                       /* of y, in training; not of the simple one */
	bool refuse_gaps;                            /* H: k < s is an error; else pixels under no tap are 0
	                                              * before Wo */
	bool fold_kernel;                            /* H: fold by a transposed convolution with its frozen
	                                              * name/fold_convtrans/kernel (k,k,1,k*k), a state, ones where
	                                              * tap and channel agree. The same numbers, slower */
	sn_options sn;                               /* of the three projections */
} outlook_options;

typedef struct outlook {
	char name[32];
	dense v, attn, out;
	buffer *fold;                                /* (k,k,1,k*k) or NULL */
	int64_t C;
	bool simple;
	outlook_options opt;
} outlook;

/* C: channels of x. Wrong: an embed_dim that is no multiple of num_heads ("embed_dim 4 is not a multiple of 192
 * heads"); k or s below 1; k < s with refuse_gaps ("outlook_attention: kernel 3 is smaller than stride 5: pixels would
 * be lost"). */
void outlook_attention_init(module *m, outlook *o, const char *name, int64_t C, outlook_options opt);
/* The simple form: s = k, so windows lie side by side. The map is padded with zeros at the bottom and the right to
 * whole windows, and the mean of a cell counts these zeros; each axis by its own size (the original takes the height's
 * for both). */
void outlook_attention_simple_init(module *m, outlook *o, const char *name, int64_t C, outlook_options opt);

/* x [B,H,W,C] -> [B,H,W,embed_dim], for both forms. scores, where not NULL, is given a after dropout, [B,hh,ww,n,K,K].
 * Wrong: another rank or C. */
node *outlook_attention_apply(graph *g, const outlook *o, node *x, mode m, node **scores);

SAGAN_END
#endif
