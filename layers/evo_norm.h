/* evo_norm.h - normalisation and activation in one formula, which a search found (EvoNorm, arXiv 2004.02967).
 *
 * x [B,H,W,C]; all variances are divided by n, not by n - 1, and eps stands inside the roots:
 *	B0     y = x / max(sqrt(var_batch + eps), v x + sqrt(var_instance + eps)) * gamma + beta
 *	S0     y = x sigmoid(v x) / sqrt(var_group + eps) * gamma + beta
 *	S0a    y = x / sqrt(var_group + eps) * gamma + beta           no nonlinearity, groups
 *	none   y = x gamma + beta                                      no nonlinearity, no groups
 * var_batch is over B,H,W per channel (the running one when not training), var_instance over H,W, var_group over H,W
 * and the channels of a group. Source: keras_cv_attention_models 687943d, common_layers.py, EvoNormalization. Weights,
 * (1,1,1,C) each: name/gamma, name/beta, then moving_variance (state, without groups), vv (with nonlinearity, starts
 * at 1). */
#ifndef SAGAN_LAYERS_EVO_NORM_H
#define SAGAN_LAYERS_EVO_NORM_H

#include "layers/module.h"

SAGAN_BEGIN

typedef struct evo_options {
	bool nonlinearity;                           /* the factor v: forms B0 and S0 */
	int64_t groups;                              /* how many, lowered until it divides C; below 1: none, B0 */
	bool zero_gamma;                             /* gamma starts at 0, else at 1 */
	double epsilon;                              /* 0 means 1e-3 */
	double momentum;                             /* share of the old running variance; 0 means 0.99 */
} evo_options;
typedef struct evo_norm {
	char name[32];
	buffer *gamma, *beta, *vv;                   /* vv: the v of the formulas; NULL without nonlinearity */
	buffer *moving_variance;                     /* NULL with groups */
	int64_t C;
	evo_options opt;
} evo_norm;

void evo_norm_init(module *m, evo_norm *n, const char *name, int64_t C, evo_options opt);
/* x [B,H,W,C] -> same. Wrong: another rank or C. */
node *evo_norm_apply(graph *g, const evo_norm *n, node *x, mode m);

SAGAN_END
#endif
