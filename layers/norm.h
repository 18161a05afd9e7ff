/* norm.h - batch, conditional batch, layer and group normalisation, channels last.
 *
 * Variances are biased and taken in two passes. `keep` is the share of the old value in the running
 * statistics, new = keep*old + (1-keep)*batch: 0.9 is PyTorch's momentum 0.1 and Keras' 0.9. */
#ifndef SAGAN_LAYERS_NORM_H
#define SAGAN_LAYERS_NORM_H

#include "layers/embedding.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct bn_options {
	double keep;                                 /* in [0, 1): 0 keeps nothing of the old value */
	double eps;                                  /* > 0 */
	bool no_scale, no_center;                    /* leave out gamma, beta */
	bool no_bessel;                              /* running variance without n/(n-1): Keras, rank 2 */
	bool zero_gamma;                             /* gamma starts at 0: a residual branch starts silent */
} bn_options;
/* The usual ones, as part of an initialiser: (bn_options){BN_USUAL, .zero_gamma = true}. */
#define BN_USUAL .keep = 0.9, .eps = 1e-5

typedef struct batch_norm {
	char name[32];
	buffer *gamma, *beta;                        /* [C] or NULL */
	buffer *moving_mean, *moving_variance;       /* [C], states */
	bn_options opt;
} batch_norm;

void batch_norm_init(module *m, batch_norm *b, const char *name, int64_t C, bn_options opt);
/* x [..,C] -> same. m.train: statistics of the batch over all axes but the last, and, with m.update,
 * the running ones move; otherwise the running ones are used. */
node *batch_norm_apply(graph *g, const batch_norm *b, node *x, mode m);
/* The same with or without Bessel's factor in the running variance, whatever the options say. */
node *batch_norm_apply_as(graph *g, const batch_norm *b, node *x, bool bessel, mode m);

/* Batch norm with gain and bias of each sample's class (arXiv 1610.07629, 1707.00683). */
enum cond_form {
	COND_TABLE,                                   /* tables gamma (ones) and beta (zeros) [K,C] */
	COND_ONE_PLUS                                 /* gain = 1 + embed0(y), bias = embed1(y) */
};
extern const char *const cond_form_name[];           /* by enum value, ended by NULL */

typedef struct cond_norm {
	batch_norm bn;                               /* K = 0: plain and affine, else without */
	int64_t K;
	enum cond_form form;
	embedding gain, bias;                        /* [K,C] */
} cond_norm;

/* K = 0 gives plain batch norm. one_plus tables start with `table_init`; sn applies to them. */
void cond_norm_init(module *m, cond_norm *c, const char *name, int64_t C, int64_t K, bn_options opt,
		    enum cond_form form, init table_init, sn_options sn);
/* x [B,H,W,C], label [B] (NULL when K = 0) -> same. */
node *cond_norm_apply(graph *g, const cond_norm *c, node *x, node *label, mode m);

typedef struct ln_options {
	double eps;                                  /* 0 means 1e-6 */
	bool no_scale, no_center;
	unsigned axes;                               /* bit i: axis i is normalised; 0 means the last one */
	bool zero_gamma;                             /* gamma starts at 0 */
} ln_options;
typedef struct layer_norm {
	char name[32];
	buffer *gamma, *beta;                        /* sizes of the normalised axes, in order, or NULL */
	ln_options opt;
} layer_norm;

/* kecam's layer_norm is name "ln" with eps 1e-6 in state D (07209e2, whose docstring says 1e-5), 1e-5 in H (687943d).
 * `input` is the shape of x; only the normalised axes matter. */
void layer_norm_init(module *m, layer_norm *l, const char *name, shape input, ln_options opt);
node *layer_norm_apply(graph *g, const layer_norm *l, node *x);

typedef struct group_norm {
	char name[32];
	buffer *gamma, *beta;                        /* [C] */
	int64_t groups;
	double eps;
} group_norm;

/* Contiguous groups of channels; moments over all axes between batch and channels, and the group.
 * Wrong unless groups divides C. */
void group_norm_init(module *m, group_norm *n, const char *name, int64_t C, int64_t groups, double eps);
node *group_norm_apply(graph *g, const group_norm *n, node *x);

/* Mean and biased variance over all positions and each group, given to every channel: x [B,N,C] -> [B,1,C]. */
void group_moments(graph *g, node *x, int64_t groups, node **mean, node **var);

SAGAN_END
#endif
