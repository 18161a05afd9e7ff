/* mhsa.h - multi-head self-attention with position tables (BoTNet, arXiv 2101.11605), in the two forms
 * of keras_cv_attention_models (botnet/botnet.py).
 *
 * x [B,H,W,C], n heads of width d, N = H*W:
 *	Q, K, V = x Wq, x Wk, x Wv		channel = head*d + i
 *	A = softmax(Q K' / sqrt(d) + positions)	over all N keys, per head
 *	y = concat(A V) Wo + bo			[B,H,W,O]
 * positions.h says what the positions add. Memory for all scores, B n N N numbers, is taken only where N is below 363,
 * where they are asked for, or where dropout meets them in training. 07209e2 and 687943d are states of the original. */
#ifndef SAGAN_LAYERS_MHSA_H
#define SAGAN_LAYERS_MHSA_H

#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/heads.h"

SAGAN_BEGIN

enum mhsa_form {
	/* MHSAWithPositionEmbedding of 07209e2. Weights in this order: query, key, value [C,n*d], output_weight
	 * [n*d,O], output_bias [O], r_width, r_height. In the position terms Q stands divided by sqrt(d). O is n*d
	 * unless out_shape says otherwise; the bias is allowed without the output weight. */
	MHSA_LAYER,
	/* mhsa_with_relative_position_embedding of 687943d. Weights: qkv_conv/kernel [1,1,C,2*n*d+O] (query | key |
	 * value), pos_emb/r_height, pos_emb/r_width, output/kernel [O,O], output/bias. In the position terms Q stands
	 * as it is. O is C unless out_shape says otherwise, and always C without the output weight. Values have width
	 * O/n. */
	MHSA_FUNCTION
};

/* The original's arguments by name. Begin with one of the defaults below. */
typedef struct mhsa_options {
	enum mhsa_form form;
	int num_heads;
	int64_t key_dim;                             /* d; MHSA_FUNCTION: 0 means C / num_heads */
	bool relative;                               /* false: absolute tables */
	int64_t out_shape;                           /* 0: the form's own width */
	bool out_weight, out_bias;
	double attn_dropout;
	sn_options sn;                               /* of every matrix but the tables */
} mhsa_options;
/* 4 heads, key_dim 128; and 4 heads, key_dim 0. Both relative, with the output weight and without its bias. */
extern const mhsa_options mhsa_layer_defaults, mhsa_function_defaults;

typedef struct mhsa {
	char name[32];
	mhsa_options opt;
	int64_t C, H, W;                             /* built for [B,H,W,C] */
	int64_t d, dv, O;                            /* key, value and output width */
	projection query, key, value, output_weight; /* MHSA_LAYER */
	buffer *output_bias;
	conv qkv;                                    /* MHSA_FUNCTION */
	dense output;
	positions pos;
} mhsa;

/* Registers the weights under `name` for maps of H x W. Wrong: "mhsa: key_dim = 0: must be at least
 * 1", "mhsa: output width 384 is not a multiple of 5 heads; 1, 2, 3, 4, .. heads fit". */
void mhsa_init(module *m, mhsa *a, const char *name, int64_t H, int64_t W, int64_t C, mhsa_options opt);

/* x [B,H,W,C] -> [B,H,W,O]. scores, where not NULL, is given the softmax, [B,n,N,N]. Wrong: another map than built for
 * (positions_load gives a layer built for it the tables of this one). */
node *mhsa_apply(graph *g, const mhsa *a, node *x, mode m, node **scores);

SAGAN_END
#endif
