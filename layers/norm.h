/* norm.h - batch, conditional batch, layer and group normalisation, channels last.
 *
 * A variance is the mean of (x - mean)^2, divided by n and not by n - 1. `keep` is the share of the old value in the
 * running statistics, new = keep*old + (1-keep)*batch: 0.9 is PyTorch's momentum 0.1 and Keras' 0.9. */
#ifndef SAGAN_LAYERS_NORM_H
#define SAGAN_LAYERS_NORM_H

#include "layers/dense.h"
#include "layers/embedding.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct bn_options {
	double keep;                                 /* in [0, 1): 0 keeps nothing of the old value */
	double eps;                                  /* > 0, added to the variance */
	bool no_scale, no_center;                    /* leave out gamma, beta */
	bool no_bessel;                              /* the running variance takes that of the batch as it is, as Keras
	                                              * does for inputs [B,C]; else times n/(n-1), as PyTorch, and
	                                              * Keras for images */
	bool zero_gamma;                             /* gamma starts at 0, so that a residual branch does; else at 1 */
} bn_options;
/* The usual ones, as part of an initialiser: (bn_options){BN_USUAL, .zero_gamma = true}. */
#define BN_USUAL .keep = 0.9, .eps = 1e-5

typedef struct batch_norm {
	char name[32];
	buffer *gamma, *beta;                        /* [C] or NULL */
	buffer *moving_mean, *moving_variance;       /* [C], states */
	bn_options opt;
} batch_norm;

/* Registers name/gamma, name/beta, and the states name/moving_mean (0) and name/moving_variance (1), all [C]. keep or
 * eps outside their ranges is a bug and stops the program. */
void batch_norm_init(module *m, batch_norm *b, const char *name, int64_t C, bn_options opt);
/* x [..,C], at least two axes -> same: (x - mean) / sqrt(variance + eps) * gamma + beta. m.train: with the statistics
 * of the batch, over all axes but the last; with m.update the running ones move. Otherwise with the running ones. */
node *batch_norm_apply(graph *g, const batch_norm *b, node *x, mode m);
/* The same with or without Bessel's factor n/(n-1) in the running variance, whatever the options say. */
node *batch_norm_apply_as(graph *g, const batch_norm *b, node *x, bool bessel, mode m);

/* Batch norm with a gain and a bias for each sample's class, rows of two tables [K,C] (arXiv 1610.07629,
 * 1707.00683). */
enum cond_form {
	COND_TABLE,                                   /* gain = its row, starts at 1; bias = its row, starts at 0 */
	COND_ONE_PLUS                                 /* gain = 1 + its row; both tables start with table_init */
};
extern const char *const cond_form_name[];           /* table one_plus; by enum value, ended by NULL */

typedef struct cond_norm {
	batch_norm bn;                               /* with gamma and beta only when K = 0 and width = 0 */
	int64_t K;
	enum cond_form form;
	embedding gain, bias;                        /* [K,C]; not used when K = 0 */
	int64_t width;                               /* above 0: of the vectors that gain and bias follow */
	dense gain_of, bias_of;                      /* [width,C]; not used when width = 0 */
} cond_norm;

/* Registers those of batch_norm_init, and for K classes name/gain/embeddings and name/bias/embeddings, with spectral
 * norm as `sn` says. K = 0: plain batch norm. */
void cond_norm_init(module *m, cond_norm *c, const char *name, int64_t C, int64_t K, bn_options opt,
		    enum cond_form form, init table_init, sn_options sn);
/* The other kind: gain = 1 + v W, bias = v V, for a vector v of `width` numbers for each sample, such as its latent
 * (self-modulation, arXiv 1810.01365) or a class vector and a piece of the latent (BigGAN, arXiv 1809.11096). Registers
 * those of batch_norm_init without gamma and beta, name/gain/kernel and name/bias/kernel [width,C]. */
void cond_norm_init_vector(module *m, cond_norm *c, const char *name, int64_t C, int64_t width, bn_options opt,
			   init kernel_init, sn_options sn);
/* x [B,..,C] -> like x; `with` is label [B] (NULL when K = 0), or v [B,width]. Wrong: no labels for K > 0, no v. */
node *cond_norm_apply(graph *g, const cond_norm *c, node *x, node *with, mode m);

typedef struct ln_options {
	double eps;                                  /* 0 means 1e-6 */
	bool no_scale, no_center;                    /* leave out gamma, beta */
	unsigned axes;                               /* bit i: axis i is normalised; 0 means the last one */
	bool zero_gamma;                             /* gamma starts at 0, else at 1 */
} ln_options;
typedef struct layer_norm {
	char name[32];
	buffer *gamma, *beta;                        /* sizes of the normalised axes, in order, or NULL */
	ln_options opt;
} layer_norm;

/* Registers name/gamma and name/beta. `input` is the shape of x; only the sizes of normalised axes matter. (The
 * layer_norm of keras_cv_attention_models is this one with the name "ln" and eps 1e-6 in its state 07209e2, whose
 * description says 1e-5, and 1e-5 in 687943d.) */
void layer_norm_init(module *m, layer_norm *l, const char *name, shape input, ln_options opt);
/* x -> same, mean and variance of each sample over the normalised axes. */
node *layer_norm_apply(graph *g, const layer_norm *l, node *x);

typedef struct group_norm {
	char name[32];
	buffer *gamma, *beta;                        /* [C] */
	int64_t groups;
	double eps;
} group_norm;

/* A group is C/groups channels next to each other; mean and variance of a sample are taken over a group and all axes
 * between batch and channels. Registers name/gamma and name/beta. Wrong: groups that do not divide C. */
void group_norm_init(module *m, group_norm *n, const char *name, int64_t C, int64_t groups, double eps);
/* x [B,..,C] -> same. */
node *group_norm_apply(graph *g, const group_norm *n, node *x);

/* Mean and variance of each group over all positions, repeated for every channel: x [B,N,C] -> two of [B,1,C]. */
void group_moments(graph *g, node *x, int64_t groups, node **mean, node **var);

SAGAN_END
#endif
