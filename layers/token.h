/* token.h - what is added to, put beside or multiplied with tokens: bias, positions, class tokens, channel scales.
 *
 * Sources: keras_cv_attention_models volo/volo.py (VOLO, arXiv 2106.13112) and res_mlp/res_mlp.py (ResMLP, arXiv
 * 2105.03404), in the states 07209e2 (D) and 687943d (H). `axes` is a set, bit i for axis i; 0 means the last axis, the
 * only choice of D. Wrong, everywhere: an input of another size than built for. */
#ifndef SAGAN_LAYERS_TOKEN_H
#define SAGAN_LAYERS_TOKEN_H

#include "layers/module.h"

SAGAN_BEGIN

/* ---- BiasLayer: y = x + b ----
 *
 * Weight: name/bias (C). With other axes (H): as many axes as x, with the sizes of the chosen ones and 1 elsewhere, 1
 * for the batch, too. */
typedef struct bias_layer {
	char name[32];
	buffer *bias;
} bias_layer;
/* `input` is the shape of x; its batch size does not matter. start {0}: zeros. Wrong: axis 0, or one that x lacks. */
void bias_layer_init(module *m, bias_layer *b, const char *name, shape input, unsigned axes, init start);
/* x any shape -> same. */
node *bias_layer_apply(graph *g, const bias_layer *b, node *x);

/* ---- ChannelAffine: y = x * w + b ----
 *
 * Weights: name/weight, name/bias (C). With other axes (H): one axis fewer than x, without the batch, with the sizes of
 * the chosen ones and 1 elsewhere. */
typedef struct affine_options {
	bool no_bias;
	init weight_init;                            /* {0}: ones. D has constants only, H any start */
	unsigned axes;
} affine_options;
typedef struct channel_affine {
	char name[32];
	buffer *weight, *bias;                       /* bias NULL with no_bias */
} channel_affine;
/* Wrong: axis 0, or one that x lacks. */
void channel_affine_init(module *m, channel_affine *a, const char *name, shape input, affine_options opt);
/* x any shape -> same. */
node *channel_affine_apply(graph *g, const channel_affine *a, node *x);

/* ---- PositionalEmbedding: y = x + p ----
 *
 * Weight: name/positional_embedding, the shape of x with 1 for the batch; truncated normal of deviation 0.2. */
typedef struct positional_embedding {
	char name[32];
	buffer *table;
	int64_t input_height;
} positional_embedding;
/* input [B,H,W,C] (D), or of any rank (H). input_height matters to positional_embedding_load only: rows of the map in
 * tokens [B,T+h*w,C]; 0: the largest square that the tokens hold. */
void positional_embedding_init(module *m, positional_embedding *p, const char *name, shape input,
			       int64_t input_height);
/* x as built, any batch -> same. Wrong: "positional_embedding: built for [1,8,8,16], given [2,4,4,16]". */
node *positional_embedding_apply(graph *g, const positional_embedding *p, node *x);
/* Gives the table, after module_alloc, the values x of a table of shape `from`, which may belong to another size of
 * map: bilinear, half-pixel centres, no antialiasing (the original's load_resized_pos_emb). In tables of tokens the
 * first T rows belong to class tokens and are copied; from_height is the number of rows of the map in `from`, 0 for
 * the largest square. False with e set, and nothing changed, when rank, channels or T differ or memory is out. */
bool positional_embedding_load(positional_embedding *p, shape from, const real *x, int64_t from_height, fault *e);

/* ---- ClassToken: learned tokens before the others, or after ----
 *
 * Weight: name/tokens (1,T,C), truncated normal of deviation 0.2. */
typedef struct class_token_options {
	int num_tokens;                              /* T; 0 means 1 */
	bool is_at_end;                              /* H */
} class_token_options;
typedef struct class_token {
	char name[32];
	buffer *tokens;
	class_token_options opt;
} class_token;
/* Wrong: num_tokens < 1. */
void class_token_init(module *m, class_token *t, const char *name, int64_t C, class_token_options opt);
/* x [B,N,C] -> [B,N+T,C]. Wrong: another rank. */
node *class_token_apply(graph *g, const class_token *t, node *x);

SAGAN_END
#endif
