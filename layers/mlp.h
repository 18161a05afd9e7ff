/* mlp.h - multilayer perceptrons over channels and over tokens instead of attention.
 *
 * Sources: keras_cv_attention_models mlp_mixer/mlp_mixer.py (MLP-Mixer, arXiv 2105.01601) and gated_mlp/gated_mlp.py
 * (gMLP, arXiv 2105.08050), in the states 07209e2 (D) and 687943d (H); an option with a letter is in that state
 * only. */
#ifndef SAGAN_LAYERS_MLP_H
#define SAGAN_LAYERS_MLP_H

#include "layers/activation.h"
#include "layers/dense.h"
#include "layers/module.h"
#include "layers/norm.h"

SAGAN_BEGIN

/* ---- mlp_block: y = act(x W0 + b0) W1 + b1, over the last axis of any rank ----
 *
 * Weights: name/Dense_0: kernel (C,hidden), bias; name/Dense_1: kernel (hidden,out), bias; with use_conv name/Conv_0,
 * name/Conv_1 with kernels (1,1,C,hidden), (1,1,hidden,out). Glorot uniform, zeros. */
typedef struct mlp_options {
	int64_t hidden_dim;
	int64_t output_channel;                      /* H; 0 means C */
	double drop_rate;                            /* H: dropout of hidden and output values, in training */
	bool use_conv;                               /* H: 1x1 convolutions, x is an image */
	bool no_bias;                                /* H */
	const char *activation;                      /* keep; NULL means gelu */
	sn_options sn;
} mlp_options;
typedef struct mlp_block {
	char name[32];
	buffer *kernel[2], *bias[2];
	spectral_norm sn[2];
	activation act;
	mlp_options opt;
} mlp_block;
/* `name` may be "": the sublayers are then those of the layer around it. Wrong: hidden_dim < 1. */
void mlp_block_init(module *m, mlp_block *b, const char *name, int64_t C, mlp_options opt);
/* x [..,C] -> [..,output_channel]. */
node *mlp_block_apply(graph *g, const mlp_block *b, node *x, mode m);

/* ---- mixer_block (D), mlp_mixer_block (H): the same numbers ----
 *
 * x [B,N,C]:	t = x + drop(mlp(LN(x)')'),  y = t + drop(mlp(LN(t))),  ' exchanges tokens and channels.
 * Weights: name/LayerNorm_0: gamma, beta (C), eps 1e-5; name/token_mixing/Dense_0 (N,tokens_mlp_dim), Dense_1
 * (tokens_mlp_dim,N); name/LayerNorm_1; name/channel_mixing/Dense_0 (C,channels_mlp_dim), Dense_1 (channels_mlp_dim,C).
 * So the layer fits one N only. `drop` sets the whole branch of a sample to 0, in training (stochastic depth, arXiv
 * 1603.09382). */
typedef struct mixer_options {
	int64_t tokens_mlp_dim, channels_mlp_dim;
	double drop_rate;                            /* of `drop` */
	bool no_bias;                                /* H; of the dense layers */
	const char *activation;                      /* keep; NULL means gelu */
	sn_options sn;
} mixer_options;
typedef struct mixer_block {
	char name[32];
	layer_norm norm[2];
	mlp_block token, channel;
	int64_t N, C;
	double drop_rate;
} mixer_block;
/* Wrong: a hidden size below 1. */
void mixer_block_init(module *m, mixer_block *b, const char *name, int64_t N, int64_t C, mixer_options opt);
/* x [B,N,C] -> same. Wrong: another rank, N or C than built. */
node *mixer_block_apply(graph *g, const mixer_block *b, node *x, mode m);

/* ---- spatial_gating_block: y = u * v', over tokens ----
 *
 * u the first C/2 channels, v = LN of the second C/2 (eps 1e-5): v'[n,c] = sum over m of v[m,c] K[m,n] + b[n].
 * Weights: name/vv_ln: gamma, beta (C/2); name/vv_dense: kernel (N,N) truncated normal of deviation 1e-6, bias (N)
 * ones, so that y starts as u. */
typedef struct spatial_gating_block {
	char name[32];
	layer_norm norm;
	dense gate;
	int64_t N, C;
} spatial_gating_block;
/* Wrong: odd C ("spatial_gating_block: 7 channels cannot be halved"). */
void spatial_gating_block_init(module *m, spatial_gating_block *b, const char *name, int64_t N, int64_t C,
			       sn_options sn);
/* x [B,N,C] -> [B,N,C/2]. Wrong: another rank, N or C than built. */
node *spatial_gating_block_apply(graph *g, const spatial_gating_block *b, node *x, mode m);

SAGAN_END
#endif
