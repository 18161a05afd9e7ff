/* attention.h - SAGAN self-attention (arXiv 1805.08318) and its relatives, as one parametric layer.
 *
 * x [B,H,W,C], N = H*W positions, M = N or N/4 when keys and values are pooled:
 *	Q = x Wq + bq [N,cq]    K = pool(x Wk + bk) [M,cq]    V = pool(x Wv + bv) [M,cv]
 *	A = softmax(Q K')       O = A V
 *	outside: y = x + gamma * out(O)        inside: y = x + act((gamma O) Wo + bo)
 * Without the projection `out`, y = x + gamma * O. Scores are not divided by sqrt(cq). Memory for all of A is taken
 * only where N M is small (op_attention) or the caller asks for A. */
#ifndef SAGAN_LAYERS_ATTENTION_H
#define SAGAN_LAYERS_ATTENTION_H

#include "layers/conv.h"
#include "layers/module.h"

SAGAN_BEGIN

enum attention_layout {
	ATTENTION_FULL,                              /* softmax over all positions */
	ATTENTION_ROW                                /* over the positions of the same row of the map, as ashpy does */
};
enum attention_residual {
	RESIDUAL_IDENTITY,                           /* x itself: filters must be C */
	RESIDUAL_BROADCAST,                          /* x itself, broadcast: filters must be C, or one of both 1 */
	RESIDUAL_PROJECTED                           /* x, when filters is not C through a 1x1 convolution "skip" */
};

typedef struct attention_config {
	int64_t cq, cv;                              /* query and key width, value width */
	int64_t filters;                             /* channels of y; 0 means C */
	bool kv_pool;                                /* max-pool keys and values 2x2 */
	bool out_proj;                               /* 1x1 convolution cv -> filters, with activation */
	bool gamma_inside;                           /* gamma times O, before the projection; else behind it */
	bool bias;                                   /* of every projection */
	double gamma_init;                           /* where gamma starts */
	const char *activation;                      /* of the projection; keep; NULL means linear */
	enum attention_layout layout;
	enum attention_residual residual;
	sn_options sn;                               /* of every projection kernel */
	init kernel_init;
	/* Names of the original's weights, and their order of creation: gamma (`scalar`) first or last, keys before
	 * queries or behind them. */
	const char *query, *key, *value, *out, *scalar;      /* keep */
	bool scalar_first, key_first;
} attention_config;

/* The settings of a published variant for C channels, by a name of attention_variants: official, paper, plain, ashpy
 * (over the whole map, as its documentation says), ashpy_row (as its code computes), simplegan, mnistgans, conv2d.
 * `sn` is used where the variant has spectral norm (official, paper, simplegan, and plain, where it is an option).
 * False with e set: an unknown name, or too few channels ("attention: 4 channels: query width C/8 is 0; at least 8
 * channels are needed"). Sources of the variants: layers/attention.c. */
bool attention_variant(const char *name, int64_t C, sn_options sn, attention_config *out, fault *e);
/* Names of the variants, ended by NULL. */
extern const char *const attention_variants[];

typedef struct attention {
	char name[32];
	attention_config cfg;
	int64_t C;
	conv q, k, v, o, skip;
	buffer *gamma;                               /* scalar [] */
} attention;

/* Registers the weights under name/. Wrong: a width below 1, pooling with ATTENTION_ROW, a value width other than
 * filters where nothing projects, filters that cannot be added to C channels. */
void attention_init(module *m, attention *a, const char *name, int64_t C, attention_config cfg);

/* x [B,H,W,C] -> [B,H,W,filters] (C where RESIDUAL_BROADCAST adds one channel to all). map and ctx, where not NULL,
 * are given A, [B,N,M] or with ATTENTION_ROW [B,H,W,W], and gamma*O [B,H,W,cv]. Wrong: no image; an odd height or
 * width under pooling. */
node *attention_apply(graph *g, const attention *a, node *x, mode m, node **map, node **ctx);

SAGAN_END
#endif
