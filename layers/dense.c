/* dense.c - a matrix product over the last axis. */
#include "layers/dense.h"

#include "core/graph/ops.h"

void dense_init(module *m, dense *d, const char *name, int64_t in, dense_options opt)
{
	*d = (dense){0};
	module_name(m, d->name, sizeof d->name, name);
	module_push(m, name);
	shape kernel = SHAPE(in, opt.units);
	d->kernel = module_param(m, "kernel", kernel, opt.kernel_init);
	if (opt.bias)
		d->bias = module_param(m, "bias", SHAPE(opt.units), opt.bias_init);
	spectral_norm_init(m, &d->sn, opt.sn, kernel, false);
	module_pop(m);
}

node *dense_apply(graph *g, const dense *d, node *x, mode m)
{
	graph_push(g, d->name);
	node *w = spectral_norm_apply(g, &d->sn, graph_leaf(g, d->kernel), m);
	node *y = op_dense(g, x, w);
	if (d->bias)
		y = op_add(g, y, graph_leaf(g, d->bias));
	graph_called(g, "dense", d, x, NULL, y);
	graph_pop(g);
	return y;
}

node *dense_layer(module *m, graph *g, const char *name, node *x, int64_t units)
{
	const dense_options o = {.units = units, .bias = true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}};
	dense d;
	dense_init(m, &d, name, shape_last(&x->s), o);
	return dense_apply(g, &d, x, (mode){.train = true});
}
