/* attention.h - SAGAN self-attention (arXiv 1805.08318) and its relatives, as one parametric layer.
 *
 * x [B,H,W,C], N = H*W positions, M = N or N/4 when keys and values are pooled:
 *	Q = x Wq + bq [N,cq]    K = pool(x Wk + bk) [M,cq]    V = pool(x Wv + bv) [M,cv]
 *	A = softmax(Q K')       O = A V
 *	outside: y = x + gamma * out(O)        inside: y = x + act((gamma O) Wo + bo)
 * No 1/sqrt(cq) anywhere. A is held where N M is small or it is asked for (op_attention).
 * It registers parameters and appends nodes; it runs nothing. */
#ifndef SAGAN_LAYERS_ATTENTION_H
#define SAGAN_LAYERS_ATTENTION_H

#include "layers/conv.h"
#include "layers/module.h"

SAGAN_BEGIN

enum attention_layout {
	ATTENTION_FULL,                              /* softmax over all positions */
	ATTENTION_ROW                                /* within each image row, as ashpy computes it */
};
enum attention_residual {
	RESIDUAL_IDENTITY,                           /* filters == C */
	RESIDUAL_BROADCAST,                          /* filters == C, or C == 1, or filters == 1 */
	RESIDUAL_PROJECTED                           /* x through a 1x1 convolution "skip" when filters != C */
};

typedef struct attention_config {
	int64_t cq, cv;                              /* query and key width, value width */
	int64_t filters;                             /* channels of y; 0 means C */
	bool kv_pool;                                /* max-pool keys and values 2x2 */
	bool out_proj;                               /* 1x1 cv -> filters, with activation */
	bool gamma_inside;                           /* gamma on the context, before the projection */
	bool bias;
	double gamma_init;
	const char *activation;                      /* of the projection; keep; NULL means linear */
	enum attention_layout layout;
	enum attention_residual residual;
	sn_options sn;                               /* of every projection kernel */
	init kernel_init;
	/* Names of the original's weights, and their order of creation. */
	const char *query, *key, *value, *out, *scalar;      /* keep */
	bool scalar_first, key_first;
} attention_config;

/* The settings of a published variant for C channels: official, paper, plain, ashpy (over the whole
 * map, as documented), ashpy_row (as computed), simplegan, mnistgans, conv2d. `sn` is used where the
 * variant has spectral norm (official, paper, simplegan, and plain, where it is an option). Unknown
 * names and widths of 0 are refused: "attention: 4 channels: query width C/8 is 0; at least 8 channels
 * are needed". */
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

void attention_init(module *m, attention *a, const char *name, int64_t C, attention_config cfg);

/* x [B,H,W,C] -> [B,H,W,filters]. map and ctx may be NULL: the map A is [B,N,M], or [B,H,W,W] with
 * layout row; ctx is gamma*O [B,H,W,cv]. Wrong: odd maps under pooling, pooled rows, channels that
 * cannot be added. */
node *attention_apply(graph *g, const attention *a, node *x, mode m, node **map, node **ctx);

SAGAN_END
#endif
