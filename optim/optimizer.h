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
 * Weight decay comes first: p -= lr wd p in AdamW and in every Keras form; g += wd p in PyTorch's other rules. Moments
 * start at zero. With beta1 = 0 (but for amsgrad) and with momentum = 0 no m is needed, and none is kept. */
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
	double beta1, beta2;                         /* [0,1), of Adam and AdamW; RMSprop's rho is beta2 */
	double eps;                                  /* > 0, also as a real; of all but SGD */
	double weight_decay;                         /* >= 0 */
	double momentum;                             /* [0,1), of SGD; 0 for the others */
	bool nesterov;                               /* only for SGD with momentum */
	bool amsgrad;                                /* only for Adam and AdamW */
} optimizer_config;

/* Whether the settings are allowed; else false, with e set. The place of the error is the field ("momentum"), where one
 * number is at fault. */
bool optimizer_check(const optimizer_config *c, fault *e);

typedef struct optimizer optimizer;

/* For blocks of n elements; c is copied. new/free. NULL with e set: settings that optimizer_check refuses, an n below 0
 * or beyond counting, or no memory. */
optimizer *optimizer_new(const optimizer_config *c, int64_t n, fault *e);
void optimizer_free(optimizer *o);

/* One update of param[0..n) by grad[0..n) with the learning rate lr; both are borrowed. Runs on the pool, takes no
 * memory. */
void optimizer_step(optimizer *o, real *param, const real *grad, double lr);

/* Another beta2 from the next update on, in [0,1): the correction of the bias is that of this one, as in PyTorch when
 * the settings of a group are changed. */
void optimizer_set_beta2(optimizer *o, double beta2);

/* Everything that a checkpoint needs: the number of updates so far, t of the last one, and the slots ("m", "v",
 * "vhat": those that the rule keeps, by index from 0), each [n] like the parameters (borrow; may be written). Another
 * index is a bug and stops the program. */
int64_t optimizer_count(const optimizer *o);
void optimizer_set_count(optimizer *o, int64_t t);
int optimizer_slots(const optimizer *o);
const char *optimizer_slot_name(const optimizer *o, int i);
real *optimizer_slot(const optimizer *o, int i);
int64_t optimizer_size(const optimizer *o);          /* n */

SAGAN_END
#endif
