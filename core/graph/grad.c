/* grad.c - reverse-mode differentiation as a function from graph to graph.
 *
 * Walking back from y, every node hands its gradient to its inputs by its op's vjp, which appends
 * nodes. The result is part of the same graph, so it can be differentiated again. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/graph_internal.h"
#include "core/graph/ops.h"

enum { ARITY_MAX = 64 };                             /* inputs of an op: only concat may have more than nine */

/* needs[i]: node i depends on some wrt through ops that have a derivative; i <= last. */
static void mark_dependents(const graph *g, node *const *wrt, int n, int last, bool *needs)
{
	for (int i = 0; i < n; i++)
		if (wrt[i]->id <= last)
			needs[wrt[i]->id] = true;
	for (int id = 0; id <= last; id++) {
		const node *y = graph_at(g, id);
		for (int i = 0; y->op->vjp && i < y->nin && !needs[id]; i++)
			needs[id] = needs[y->in[i]->id];
	}
}

/* Adds y's gradient dy to the gradients of its inputs. */
static void push_back(graph *g, node *y, node *dy, const bool *needs, node **grad)
{
	bool need[ARITY_MAX];
	node *dx[ARITY_MAX] = {NULL};
	bool any = false;
	must(y->nin <= ARITY_MAX, "%s has %d inputs, at most %d can be differentiated", y->op->name, y->nin, ARITY_MAX);
	for (int i = 0; i < y->nin; i++)
		any |= need[i] = needs[y->in[i]->id];
	if (!any || !y->op->vjp)
		return;
	graph_path_set(g, y->path);
	graph_vjp(g, y, dy, need, dx);
	for (int i = 0; i < y->nin && graph_ok(g, NULL); i++) {
		if (!dx[i] || !need[i])
			continue;
		must(shape_equal(&dx[i]->s, &y->in[i]->s), "gradient of %s for input %d has shape %s, not %s",
			y->op->name, i, shape_print(&dx[i]->s).s, shape_print(&y->in[i]->s).s);
		node **sum = &grad[y->in[i]->id];
		*sum = *sum ? op_add(g, *sum, dx[i]) : dx[i];
	}
}

void graph_grad(graph *g, node *y, node *seed, node *const *wrt, int n, node **out)
{
	for (int i = 0; i < n; i++)
		out[i] = wrt[i];
	if (!graph_ok(g, NULL))
		return;
	int last = y->id;
	bool *needs = calloc((size_t)last + 1, sizeof *needs);
	node **grad = calloc((size_t)last + 1, sizeof *grad);
	char *path = text_copy(graph_path(g), NULL);
	if (!needs || !grad || !path) {
		graph_fail(g, "out of memory for the gradient of %d nodes", last);
		goto out;
	}
	mark_dependents(g, wrt, n, last, needs);
	grad[last] = seed ? seed : op_fill(g, y->s, 1);
	for (int id = last; id >= 0 && graph_ok(g, NULL); id--)
		if (grad[id] && needs[id])
			push_back(g, graph_at(g, id), grad[id], needs, grad);
	graph_path_set(g, path);
	for (int i = 0; i < n; i++) {
		node *d = wrt[i]->id <= last ? grad[wrt[i]->id] : NULL;
		out[i] = d && needs[wrt[i]->id] ? d : op_fill(g, wrt[i]->s, 0);
	}
out:
	free(needs);
	free(grad);
	free(path);
}
