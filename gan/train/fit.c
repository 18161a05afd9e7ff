/* fit.c - a learner, and the loop that every supervised training is. */
#include "gan/train/fit.h"

#include <stdlib.h>

#include "core/base/local.h"

struct learner {
	module *m;                                   /* keep */
	node *loss;                                  /* keep */
	plan *p;                                     /* own */
	optimizer *o;                                /* own */
};

learner *learner_new(module *m, graph *g, node *const *out, int n, uint64_t seed, fault *e)
{
	const optimizer_config adam = {RULE_ADAM, UPDATE_KERAS, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-7};
	learner *l = mem_zero(1, sizeof *l, e);
	rng weights = rng_new(seed, "weights");
	if (!l)
		return NULL;
	l->m = m;
	l->loss = out[0];
	bool ok = module_alloc(m, &weights, e);
	if (ok)
		module_grad(m, g, l->loss);
	ok = ok && (l->p = plan_new(g, out, n, PLAN_FAST, e)) && (l->o = optimizer_new(&adam, module_block_size(m), e));
	if (ok)
		return l;
	learner_free(l);
	return NULL;
}

void learner_free(learner *l)
{
	if (!l)
		return;
	plan_free(l->p);
	optimizer_free(l->o);
	free(l);
}

double learner_step(learner *l, double rate)
{
	plan_run(l->p);
	const double before = (double)*plan_value(l->p, l->loss);
	optimizer_step(l->o, module_param_block(l->m), module_grad_block(l->m), rate);
	return before;
}

const real *learner_value(const learner *l, const node *out)
{
	return plan_value(l->p, out);
}

bool fit_epoch(const fit *f, const node *value, double lr, double *mean, fault *e)
{
	if (!f->data || !f->x || !f->label || !f->p)
		return false;
	const int64_t pixels = shape_count(&f->x->s), batches = loader_batches(f->data);
	real *x = mem_new((size_t)(pixels + shape_count(&f->label->s)), sizeof *x, e);
	if (!x)
		return false;
	double sum = 0;
	for (int64_t b = 0; b < batches; b++) {
		loader_next(f->data, x, x + pixels);
		buffer_write(f->x, x);
		buffer_write(f->label, x + pixels);
		plan_run(f->p);
		if (mean)
			sum += (double)*plan_value(f->p, value);
		if (f->o)
			optimizer_step(f->o, module_param_block(f->m), module_grad_block(f->m), lr);
	}
	if (mean)
		*mean = sum / (double)batches;
	free(x);
	return true;
}
