/* forward.c - a graph of one network, and its plan. */
#include "gan/sample/forward.h"

bool forward_build(forward *f, const network *n, buffer *x, buffer *label, mode m, bool maps, fault *e)
{
	f->g = graph_new(e);
	if (!f->g)
		return false;
	node *y = network_config(n)->classes ? graph_leaf(f->g, label) : NULL, *moves[] = {graph_leaf(f->g, x), y};
	f->y = network_apply(f->g, n, moves[0], y, m, maps ? f->map : NULL);
	node *out[1 + LAYERS_MAX] = {f->y};
	int count = 1;
	for (int i = 0; maps && i < network_placed_layers(n); i++)
		if (f->map[i])
			out[count++] = f->map[i];
	f->p = plan_steady(f->g, out, count, moves, y ? 2 : 1, e);
	if (f->p)
		return true;
	forward_free(f);                             /* it may be tried again */
	*f = (forward){.g = NULL};
	return false;
}

void forward_free(forward *f)
{
	plan_free(f->p);
	graph_free(f->g);
}
