/* graph_internal.h - what graph.c, grad.c and the planner know of a graph and nobody else. */
#ifndef SAGAN_CORE_GRAPH_GRAPH_INTERNAL_H
#define SAGAN_CORE_GRAPH_GRAPH_INTERNAL_H

#include "core/graph/graph.h"

typedef struct graph_assignment {
	buffer *b;                                   /* keep */
	node *x;
} graph_assignment;

const graph_assignment *graph_assignments(const graph *g, int *n);

/* The whole path for the nodes made next: a derivative belongs to the layer of its forward node. */
void graph_path_set(graph *g, const char *path);
const char *graph_path(const graph *g);

/* The gradients of y's inputs, by its op. graph_grad's only way to them, and in another file than graph_grad:
 * the linker can then put another function between the two, as tests/mutants.c does. */
void graph_vjp(graph *g, node *y, node *dy, const bool *need, node **dx);

extern const op op_rec_leaf, op_rec_stop;

#endif
