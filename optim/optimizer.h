/* optimizer.h - update rules over one contiguous block of parameters; knows no layers.
 *
 * g is the gradient, t counts the updates (the first has t = 1), wd the weight decay.
 *	Adam (arXiv 1412.6980)	m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2
 *		torch		p -= lr/(1-b1^t) m / (sqrt(v/(1-b2^t)) + eps)
 *		keras		p -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + eps)
 *		amsgrad		the largest v so far stands in the root (arXiv 1904.09237)
 *	SGD	torch		m = mu m + g,     p -= lr m;  Nesterov: p -= lr (g + mu m)
 *		keras		m = mu m - lr g,  p += m;     Nesterov: p += mu m - lr g
 *	RMSprop			v = b2 v + (1-b2) g^2
 *		torch		p -= lr g / (sqrt(v) + eps)
 *		keras		p -= lr g / sqrt(v + eps)
 * Weight decay, first of all: p -= lr wd p in AdamW and in every Keras form; in PyTorch's other rules
 * g += wd p. Moments start at zero. beta1 = 0 and momentum = 0 need no m and keep none. */
#ifndef SAGAN_OPTIM_OPTIMIZER_H
#define SAGAN_OPTIM_OPTIMIZER_H

#include "core/base/base.h"

SAGAN_BEGIN

enum update_rule { RULE_ADAM, RULE_ADAMW, RULE_SGD, RULE_RMSPROP };
enum update_form { UPDATE_TORCH, UPDATE_KERAS };
/* Their names in a config, by enum value, ended by NULL. */
extern const char *const update_rule_name[], *const update_form_name[];

typedef struct optimizer_config {
	enum update_rule rule;
	enum update_form form;
	double beta1, beta2;                         /* [0,1): Adam; RMSprop's rho is beta2 */
	double eps;                                  /* > 0: Adam, RMSprop */
	double weight_decay;                         /* >= 0 */
	double momentum;                             /* [0,1): SGD */
	bool nesterov;                               /* SGD with momentum */
	bool amsgrad;                                /* Adam, AdamW */
} optimizer_config;

/* Everything that can be wrong with the settings; the place of the error is the field: "momentum". */
bool optimizer_check(const optimizer_config *c, fault *e);

typedef struct optimizer optimizer;

/* For blocks of n elements. new/free. Refuses values outside the ranges above. */
optimizer *optimizer_new(const optimizer_config *c, int64_t n, fault *e);
void optimizer_free(optimizer *o);

/* One update of param[0..n) by grad[0..n) (borrow); runs on the pool, allocates nothing. */
void optimizer_step(optimizer *o, real *param, const real *grad, double lr);

/* Everything that a checkpoint needs: the count of updates, and the slots ("m", "v", "vhat"), each a
 * block like the parameters (borrow; may be written). */
int64_t optimizer_count(const optimizer *o);
void optimizer_set_count(optimizer *o, int64_t t);
int optimizer_slots(const optimizer *o);
const char *optimizer_slot_name(const optimizer *o, int i);
real *optimizer_slot(const optimizer *o, int i);
int64_t optimizer_size(const optimizer *o);          /* n */

SAGAN_END
#endif
