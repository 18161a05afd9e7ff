/* halo.h - self-attention inside blocks that look a little over their edges (HaloNet, arXiv 2103.12731),
 * in the two forms of keras_cv_attention_models (halonet/halonet.py).
 *
 * x [B,H,W,C] is cut into blocks of b x b; around each lies a window of P = b + 2h pixels a side. There are n heads of
 * width d; only every s-th pixel of a row or column asks, so a block has q = b/s queries a side:
 *	Q = x[::s, ::s] Wq,  K, V = x Wkv		channel head*(d+dv) + i: d of key, dv of value
 *	logit((a,c),(u,t)) = Q K'/sqrt(d) + Q.r_height[:, u-a+P-1] + Q.r_width[:, t-c+P-1]
 *	y = concat(softmax(logit) V) Wo + bo		[B,H/s,W/s,O]
 * (a,c) is the query's place in its block, (u,t) the key's in the window. Windows reach over the map's edge, where
 * K = V = 0: such a key still takes part in the softmax, with its position alone. Cost N P^2 (d+dv), linear in
 * N = H*W. 07209e2, ea299be, 99f7b90 and 687943d are states of the original. */
#ifndef SAGAN_LAYERS_HALO_H
#define SAGAN_LAYERS_HALO_H

#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/heads.h"

SAGAN_BEGIN

enum halo_form {
	/* HaloAttention of 07209e2, strides as in ea299be. Weights in this order: query [C,n*d], key_value [C,2*n*d],
	 * output_weight [n*d,O], output_bias [O], r_width [d,2P-1], r_height [d,2P-1]. In the position terms Q stands
	 * divided by sqrt(d). */
	HALO_LAYER,
	/* halo_attention of 687943d. Weights: query_conv/kernel [1,1,C,n*d], key_value_conv/kernel [1,1,C,n*d+O],
	 * pos_emb/r_height, pos_emb/r_width, output/kernel [O,O], output/bias. In the position terms Q stands as it is.
	 * Values have width O/n. Where s does not divide b all pixels ask, and a 2x2 average pooling before the output
	 * stands for the strides. */
	HALO_FUNCTION
};

/* O of HALO_LAYER when out_shape is 0: n*d, as the documentation page shows and code up to 99f7b90 computes, or C, as
 * the code of 07209e2 does. HALO_FUNCTION takes C. */
enum halo_width { HALO_WIDTH_EMB_DIM, HALO_WIDTH_INPUT };

/* The original's arguments by name. Begin with one of the defaults below. */
typedef struct halo_options {
	enum halo_form form;
	int num_heads;
	/* d. HALO_FUNCTION: 0 means C / num_heads; up to 1 a share of C: that share rounded to a multiple
	 * of 8, divided by num_heads. */
	double key_dim;
	int block_size, halo_size, strides;          /* b, h, s */
	int64_t out_shape;                           /* O; 0: default_width */
	enum halo_width default_width;
	bool out_weight, out_bias;
	double attn_dropout;
	sn_options sn;                               /* of every matrix but the tables */
} halo_options;
/* 4 heads, key_dim 128, block 2, halo 1, strides 1; and 8 heads, key_dim 0, block 4, halo 1, strides 1. Both with the
 * output weight and without its bias. */
extern const halo_options halo_layer_defaults, halo_function_defaults;

typedef struct halo {
	char name[32];
	halo_options opt;
	int64_t C, d, dv, O;
	int64_t block, window, queries;              /* b, P, q */
	bool pooled;                                 /* HALO_FUNCTION: strides did not divide */
	projection query, key_value, output_weight;  /* HALO_LAYER */
	buffer *output_bias;
	conv query_conv, key_value_conv;             /* HALO_FUNCTION */
	dense output;
	positions pos;
} halo;

/* Registers the weights under `name`; none depends on the map's size. Wrong: heads, widths, block and
 * halo sizes out of range, and a width that nothing projects: "halo_attention: without the output
 * weight the width stays 512, but 256 is asked for". */
void halo_init(module *m, halo *a, const char *name, int64_t C, halo_options opt);

/* x [B,H,W,C] -> [B,H/s,W/s,O], or [B,H/2,W/2,O] where a pooling stands for the strides. scores, where not NULL, is
 * given the softmax, [B,n,H/b,W/b,q*q,P*P]. Wrong: a map that blocks do not tile: "halo_attention: map 14x16: height
 * is not a multiple of block_size 4; 2 fit". */
node *halo_apply(graph *g, const halo *a, node *x, mode m, node **scores);

SAGAN_END
#endif
