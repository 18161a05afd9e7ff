/* plan.h - a graph made ready to run many times: pruned, fused, placed in one arena.
 *
 * Running allocates nothing and checks no shapes. Several plans may share one arena, as long as one
 * runs at a time and its outputs are read before the next one runs. */
#ifndef SAGAN_CORE_PLAN_PLAN_H
#define SAGAN_CORE_PLAN_PLAN_H

#include "core/graph/graph.h"

SAGAN_BEGIN

typedef struct plan plan;

enum plan_flag {
	PLAN_SEPARATE = 1,                           /* debug: every value has a malloc of its own, poisoned
	                                              * when its life ends; for ASan and as the reference */
	PLAN_NO_FUSE = 2,                            /* debug: one pass over memory per op */
	PLAN_NO_RECOMPUTE = 4,                       /* debug: what two passes read is written, never computed twice */
	PLAN_UNBOUND = 8,                            /* no arena of its own: plan_bind comes, or it never runs */
};

/* Plans the values out[0..n) and all assignments of the graph. The graph must outlive the plan. A
 * wrong shape remembered by the graph comes out here. The workspace is sized for the pool as it is:
 * start the pool first; more threads later are a bug, fewer are not. new/free. */
plan *plan_new(graph *g, node *const *out, int n, unsigned flags, fault *e);
void plan_free(plan *p);

size_t plan_bytes(const plan *p);                    /* arena needed, workspace included */
/* Places the plan's values in an arena that plans share (borrow: plan_bytes bytes, 64-byte aligned, must outlive
 * the runs). */
void plan_bind(plan *p, void *arena);
void plan_run(plan *p);

/* Value of an output after plan_run; valid until the arena is used again. */
const real *plan_value(const plan *p, const node *out);

/* Multiply-adds of one run counted twice, as in "GFLOP of the plain formulation": convolutions and
 * matrix products as written by the model, before rewriting. */
double plan_flop(const plan *p);

/* Whether a run computes a value that is not finite; `where` then names the first in order of computation, its op
 * and its layer. It runs the plan again in the debug mode, so call it only when something is wrong; false, too,
 * when there is no memory for that. */
bool plan_find_bad(plan *p, char *where, size_t size);

/* The plan as text, one line for each value that a step writes: what computes it from what, its shape, bytes, the
 * steps it lives, its offset in the arena (docs/plan.md). new/free: release with free(). NULL: no memory. */
char *plan_print(const plan *p, fault *e);

SAGAN_END
#endif
