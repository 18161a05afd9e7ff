/* optimizer.c - one span kernel for each rule, and the constants that a step gives it. */
#include "optim/optimizer.h"

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/portable.h"
#include "core/base/thread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

const char *const update_rule_name[] = {
	[RULE_ADAM] = "adam", [RULE_ADAMW] = "adamw", [RULE_SGD] = "sgd", [RULE_RMSPROP] = "rmsprop", NULL
};
const char *const update_form_name[] = {[UPDATE_TORCH] = "torch", [UPDATE_KERAS] = "keras", NULL};

enum slot { SLOT_M, SLOT_V, SLOT_VHAT, SLOTS };
static const char *const slot_names[SLOTS] = {"m", "v", "vhat"};

/* One update's constants, taken in double: 1 - b2^t with b2 = 0.999 in float is wrong by 1e-5. */
typedef struct coefficients {
	real shrink;                                 /* decoupled weight decay: p is multiplied by it */
	real l2;                                     /* coupled weight decay: times p, added to g */
	real b1, c1, b2, c2;                         /* c = 1 - b */
	real step, root, eps;                        /* p -= step * m / (root * sqrt(v) + eps) */
	real mu, in, out, direct;                    /* SGD: m = mu m + in g;  p += out m + direct g */
} coefficients;

/* One span of parameters, gradients and slots; a slot that the rule does not keep is NULL. */
typedef void span_update(const coefficients *k, real *restrict p, const real *restrict g, real *restrict m,
			 real *restrict v, real *restrict vhat, int64_t n);

struct optimizer {
	optimizer_config cfg;
	span_update *update;
	int64_t n, t;
	real *slot[SLOTS];                           /* own; [n] or NULL */
};

/* ---- span kernels: one pass over memory, which is what they cost ---- */

static CLONES(adam_span, (const coefficients *k, real *restrict p, const real *restrict g, real *restrict m,
	real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	(void)vhat;
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++) {
		real d = g[i] + c.l2 * p[i];
		m[i] = c.b1 * m[i] + c.c1 * d;
		v[i] = c.b2 * v[i] + c.c2 * (d * d);
		p[i] = c.shrink * p[i] - c.step * m[i] / (c.root * sqrt(v[i]) + c.eps);
	}
}

/* beta1 = 0: m is g. RMSprop with eps outside the root is the same without bias correction. */
static CLONES(adam_plain_span, (const coefficients *k, real *restrict p, const real *restrict g,
	real *restrict m, real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	(void)m, (void)vhat;
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++) {
		real d = g[i] + c.l2 * p[i];
		v[i] = c.b2 * v[i] + c.c2 * (d * d);
		p[i] = c.shrink * p[i] - c.step * d / (c.root * sqrt(v[i]) + c.eps);
	}
}

static CLONES(amsgrad_span, (const coefficients *k, real *restrict p, const real *restrict g, real *restrict m,
	real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++) {
		real d = g[i] + c.l2 * p[i];
		m[i] = c.b1 * m[i] + c.c1 * d;
		v[i] = c.b2 * v[i] + c.c2 * (d * d);
		vhat[i] = MAX(vhat[i], v[i]);
		p[i] = c.shrink * p[i] - c.step * m[i] / (c.root * sqrt(vhat[i]) + c.eps);
	}
}

static CLONES(rmsprop_keras_span, (const coefficients *k, real *restrict p, const real *restrict g,
	real *restrict m, real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	(void)m, (void)vhat;
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++) {
		v[i] = c.b2 * v[i] + c.c2 * (g[i] * g[i]);
		p[i] = c.shrink * p[i] - c.step * g[i] / sqrt(v[i] + c.eps);
	}
}

static CLONES(sgd_span, (const coefficients *k, real *restrict p, const real *restrict g, real *restrict m,
	real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	(void)m, (void)v, (void)vhat;
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++)
		p[i] = c.shrink * p[i] - c.step * (g[i] + c.l2 * p[i]);
}

static CLONES(momentum_span, (const coefficients *k, real *restrict p, const real *restrict g, real *restrict m,
	real *restrict v, real *restrict vhat, int64_t n),
	(k, p, g, m, v, vhat, n))
{
	(void)v, (void)vhat;
	const coefficients c = *k;
	for (int64_t i = 0; i < n; i++) {
		real d = g[i] + c.l2 * p[i];
		m[i] = c.mu * m[i] + c.in * d;
		p[i] = c.shrink * p[i] + c.out * m[i] + c.direct * d;
	}
}

/* ---- making one ---- */

static bool in_unit(double x)
{
	return x >= 0 && x < 1;
}

bool optimizer_check(const optimizer_config *c, fault *e)
{
	bool adam = c->rule == RULE_ADAM || c->rule == RULE_ADAMW, sgd = c->rule == RULE_SGD;
	if (adam && !in_unit(c->beta1))
		return fault_value(e, "beta1", c->beta1, "must be in [0, 1)");
	if (!sgd && !in_unit(c->beta2))
		return fault_value(e, "beta2", c->beta2, "must be in [0, 1)");
	if (!sgd && !((real)c->eps > 0 && isfinite((real)c->eps)))
		return fault_value(e, "eps", c->eps, "must be greater than 0 and finite in " REAL_NAME);
	if (!(c->weight_decay >= 0 && isfinite((real)c->weight_decay)))
		return fault_value(e, "weight_decay", c->weight_decay, "must be at least 0 and finite in " REAL_NAME);
	if (!in_unit(c->momentum) || (!sgd && c->momentum != 0))
		return fault_value(e, "momentum", c->momentum, "must be in [0, 1), and 0 unless the rule is SGD");
	if (c->nesterov && c->momentum == 0)
		return fault_set(e, "optimizer: Nesterov's form needs SGD with momentum greater than 0");
	if (c->amsgrad && !adam)
		return fault_set(e, "optimizer: amsgrad is a form of Adam");
	return true;
}

static span_update *choose(const optimizer_config *c, bool need[SLOTS])
{
	if (c->rule == RULE_SGD) {
		need[SLOT_M] = c->momentum > 0;
		return c->momentum > 0 ? momentum_span : sgd_span;
	}
	need[SLOT_V] = true;
	if (c->rule == RULE_RMSPROP)
		return c->form == UPDATE_KERAS ? rmsprop_keras_span : adam_plain_span;
	need[SLOT_M] = c->beta1 > 0 || c->amsgrad;
	need[SLOT_VHAT] = c->amsgrad;
	return c->amsgrad ? amsgrad_span : c->beta1 > 0 ? adam_span : adam_plain_span;
}

optimizer *optimizer_new(const optimizer_config *c, int64_t n, fault *e)
{
	bool need[SLOTS] = {false};
	if (!optimizer_check(c, e))
		return NULL;
	if (n < 0 || n > INT64_MAX / (int64_t)sizeof(double)) {
		fault_set(e, "optimizer: %" PRId64 " elements cannot be counted in bytes", n);
		return NULL;
	}
	optimizer *o = mem_zero(1, sizeof *o, e);
	if (!o)
		return NULL;
	o->cfg = *c;
	o->n = n;
	o->update = choose(c, need);
	for (int i = 0; i < SLOTS; i++) {
		size_t bytes = (size_t)n * sizeof(real);
		if (!need[i])
			continue;
		o->slot[i] = mem_aligned(bytes, e);
		if (!o->slot[i]) {
			optimizer_free(o);
			return NULL;
		}
		memset(o->slot[i], 0, bytes);
	}
	return o;
}

void optimizer_free(optimizer *o)
{
	for (int i = 0; o && i < SLOTS; i++)
		free(o->slot[i]);
	free(o);
}

void optimizer_set_beta2(optimizer *o, double beta2)
{
	must(in_unit(beta2), "beta2 = %g", beta2);
	o->cfg.beta2 = beta2;
}

/* ---- one update ---- */

/* What t and lr make of the settings; t is the number of this update, from 1. */
static coefficients coefficients_at(const optimizer_config *c, int64_t t, double lr)
{
	bool keras = c->form == UPDATE_KERAS, adam = c->rule == RULE_ADAM || c->rule == RULE_ADAMW;
	bool decoupled = keras || c->rule == RULE_ADAMW;
	double fix1 = adam ? 1 - portable_power(c->beta1, t) : 1;
	double fix2 = adam ? sqrt(1 - portable_power(c->beta2, t)) : 1;
	double in = keras ? -lr : 1, out = keras ? 1 : -lr;
	return (coefficients){
		.shrink = (real)(decoupled ? 1 - lr * c->weight_decay : 1),
		.l2 = (real)(decoupled ? 0 : c->weight_decay),
		.b1 = (real)c->beta1, .c1 = (real)(1 - c->beta1),
		.b2 = (real)c->beta2, .c2 = (real)(1 - c->beta2),
		.step = (real)(keras ? lr * fix2 / fix1 : lr / fix1),
		.root = (real)(keras ? 1 : 1 / fix2),
		.eps = (real)c->eps,
		.mu = (real)c->momentum, .in = (real)in,
		.out = (real)(c->nesterov ? out * c->momentum : out),
		.direct = (real)(c->nesterov ? -lr : 0),
	};
}

struct job {
	const optimizer *o;
	coefficients c;
	real *p;
	const real *g;
};

static void step_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct job *j = ctx;
	real *at[SLOTS];
	for (int i = 0; i < SLOTS; i++)
		at[i] = j->o->slot[i] ? j->o->slot[i] + lo : NULL;
	j->o->update(&j->c, j->p + lo, j->g + lo, at[SLOT_M], at[SLOT_V], at[SLOT_VHAT], hi - lo);
}

void optimizer_step(optimizer *o, real *param, const real *grad, double lr)
{
	o->t++;
	struct job j = {o, coefficients_at(&o->cfg, o->t, lr), param, grad};
	parallel_for(o->n, SPAN_GRAIN, step_span, &j);
}

/* ---- state ---- */

int64_t optimizer_count(const optimizer *o)
{
	return o->t;
}

void optimizer_set_count(optimizer *o, int64_t t)
{
	o->t = t;
}

int64_t optimizer_size(const optimizer *o)
{
	return o->n;
}

int optimizer_slots(const optimizer *o)
{
	int n = 0;
	for (int i = 0; i < SLOTS; i++)
		n += o->slot[i] != NULL;
	return n;
}

/* The i-th slot that exists. */
static int slot_at(const optimizer *o, int i)
{
	int k = 0;
	while (k < SLOTS && (!o->slot[k] || i-- > 0))
		k++;
	must(k < SLOTS, "slot index outside 0..%d", optimizer_slots(o) - 1);
	return k;
}

const char *optimizer_slot_name(const optimizer *o, int i)
{
	return slot_names[slot_at(o, i)];
}

real *optimizer_slot(const optimizer *o, int i)
{
	return o->slot[slot_at(o, i)];
}
