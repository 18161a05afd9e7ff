/* cost.c - parameters, operations and bytes of a layer at its place, from plans that never run. */
#include <string.h>

#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "layers/types/catalogue.h"

/* Plans y, and with `train` the gradients; the numbers of the plan. */
static bool measure(module *m, const placed_layer *l, buffer *b, bool train, double *flop, size_t *bytes, fault *e)
{
	rng noise = rng_new(0, "cost");
	graph *g = graph_new(e);
	if (!g)
		return false;
	node *x = graph_leaf(g, b), *out[2] = {NULL};
	out[0] = (layer_stands_alone(l) ? layer_alone_apply : placed_layer_apply)(g, l, x,
		(mode){train, train, &noise}, NULL);
	if (train) {
		node *loss = op_sum_all(g, op_square(g, out[0]));
		graph_grad(g, loss, NULL, &x, 1, &out[1]);
		if (module_params(m))
			module_grad(m, g, loss);
	}
	plan *p = plan_new(g, out, train ? 2 : 1, PLAN_UNBOUND, e);
	if (p) {
		*flop = plan_flop(p);
		*bytes = plan_bytes(p);
	}
	bool ok = p != NULL;
	plan_free(p);
	graph_free(g);
	return ok;
}

static void tell(const module *m, layer_cost *c,
		 void (*weight)(void *ctx, const char *name, const shape *s, bool trained), void *ctx)
{
	const int n = module_params(m);
	for (int i = 0; i < n + module_states(m); i++) {
		const buffer *b = i < n ? module_param_at(m, i) : module_state_at(m, i - n);
		*(i < n ? &c->params : &c->states) += shape_count(&b->s);
		if (weight)
			weight(ctx, strchr(b->name, '/') + 1, &b->s, i < n);
	}
}

bool layer_cost_of(const placed_layer *there, layer_cost *out,
		   void (*weight)(void *ctx, const char *name, const shape *s, bool trained), void *ctx, fault *e)
{
	*out = (layer_cost){0};
	if (!placed_layer_check(there, e))
		return false;
	placed_layer l = *there;
	rng r = rng_new(0, "init");
	module *m = module_new(e);
	buffer *x = buffer_new("x", l.input, e);
	bool ok = m && x && (layer_stands_alone(&l) ? layer_alone_init : placed_layer_init)(m, &l, e)
		&& module_alloc(m, &r, e)
		&& measure(m, &l, x, false, &out->flop, &out->bytes, e)
		&& measure(m, &l, x, true, &out->train_flop, &out->train_bytes, e);
	if (ok)
		tell(m, out, weight, ctx);
	placed_layer_clear(&l);
	buffer_free(x);
	module_free(m);
	return ok;
}
