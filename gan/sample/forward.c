/* forward.c - a graph of one generator, and its plan. */
#include "gan/sample/forward.h"

bool forward_build(forward *f, const network *n, buffer *z, buffer *y, mode m, bool maps, fault *e)
{
	f->g = graph_new(e);
	if (!f->g)
		return false;
	node *label = network_config(n)->classes ? graph_leaf(f->g, y) : NULL;
	f->x = network_apply(f->g, n, graph_leaf(f->g, z), label, m, maps ? f->map : NULL);
	node *out[1 + LAYERS_MAX] = {f->x};
	int count = 1;
	for (int i = 0; maps && i < network_placed_layers(n); i++)
		if (f->map[i])
			out[count++] = f->map[i];
	f->p = plan_new(f->g, out, count, 0, e);
	return f->p != NULL;
}

void forward_free(forward *f)
{
	plan_free(f->p);
	graph_free(f->g);
}
