/* activation.c - op_activation, and the two activations that learn something. */
#include "layers/activation.h"

#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"

void activation_init(module *m, activation *a, const char *layer, const char *name, int64_t C)
{
	fault e;
	*a = (activation){.name = name ? name : "linear"};
	bool prelu = !strcmp(a->name, "prelu"), star = !strcmp(a->name, "star_relu");
	if (!prelu && !star) {
		if (!activation_known(a->name, &e))
			module_fail(m, "%s", e.text);
		return;
	}
	must(layer, "activation %s has weights and needs the name of a layer", name);
	module_push(m, layer);
	if (prelu)
		a->alpha = module_param(m, "alpha", SHAPE(1, 1, C), (init){INIT_CONSTANT, 0.25});
	if (star) {
		a->scale = module_param(m, "gain", shape_scalar(), (init){.kind = INIT_ONES});
		a->bias = module_param(m, "bias", shape_scalar(), (init){.kind = INIT_ZEROS});
	}
	module_pop(m);
}

/* relu(x) - alpha relu(-x): at 0 the slope is 0, as in Keras' PReLU. */
static node *prelu_apply(graph *g, const activation *a, node *x)
{
	node *alpha = op_reshape(g, graph_leaf(g, a->alpha), SHAPE(shape_last(&a->alpha->s)));
	return op_sub(g, op_relu(g, x), op_mul(g, op_relu(g, op_neg(g, x)), alpha));
}

node *activation_apply(graph *g, const activation *a, node *x)
{
	if (a->alpha)
		return prelu_apply(g, a, x);
	if (a->scale) {
		node *y = op_mul(g, op_square(g, op_relu(g, x)), graph_leaf(g, a->scale));
		return op_add(g, y, graph_leaf(g, a->bias));
	}
	return op_activation(g, x, a->name);
}
