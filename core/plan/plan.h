/* plan.h - a graph made ready to run many times: what is not needed is left out, passes over memory are joined, and
 * every value has its place in one block of memory, the arena.
 *
 * Running takes no memory and checks no shapes. Several plans may share one arena, as long as one
 * runs at a time and its outputs are read before the next one runs. */
#ifndef SAGAN_CORE_PLAN_PLAN_H
#define SAGAN_CORE_PLAN_PLAN_H

#include "core/graph/graph.h"

SAGAN_BEGIN

typedef struct plan plan;

enum plan_flag {
	PLAN_SEPARATE = 1,                           /* debug: every value has a block of memory of its own, filled
	                                              * with NaN before it is written and after its last reader, so
	                                              * that wrong reads show; a run then takes memory */
	PLAN_NO_FUSE = 2,                            /* debug: one pass over memory per op */
	PLAN_NO_RECOMPUTE = 4,                       /* debug: what two passes read is written, never computed twice */
	PLAN_FAST = 16,                              /* for training: convolutions may take the fastest form, whose
	                                              * roundings are some times those of the direct sum; without it
	                                              * they are about as exact as that */
	PLAN_UNBOUND = 8,                            /* no arena of its own: plan_bind comes, or it never runs */
};

/* A plan that computes the nodes out[0..n) and all assignments of the graph, as they are now: nodes and assignments
 * made later are not in it. g must outlive it (keep). `flags`: values of plan_flag, added up; 0 is usual. Workspace is
 * reserved for the threads of the pool as it is: start the pool first. To run with more threads is a bug and stops the
 * program; fewer are allowed. NULL with e set: the graph has failed (graph.h) and e says why, or no memory.
 * new/free. */
plan *plan_new(graph *g, node *const *out, int n, unsigned flags, fault *e);
void plan_free(plan *p);

/* A plan for many runs in which only the buffers of moves[0..nmoves), leaves of g, change: what depends on other leaves
 * alone, such as weights divided by sigma and the form that a convolution packs them into, is computed in the first run
 * and in the one after plan_renew, which says that a parameter has changed. The bits are those of plan_new. It has an
 * arena of its own, larger than that of plan_new. A graph with assignments gives a plan that computes all in every
 * run. NULL with e set: as plan_new. new/free: plan_free. */
plan *plan_steady(graph *g, node *const *out, int n, node *const *moves, int nmoves, fault *e);
void plan_renew(plan *p);

size_t plan_bytes(const plan *p);                    /* of the arena, workspace included */
/* Moves the plan's values into an arena that several plans may share: plan_bytes bytes, beginning at a multiple of 64
 * (keep: it must outlive the runs, the caller frees it). */
void plan_bind(plan *p, void *arena);
/* Computes everything once, on the pool, then copies assigned values to their buffers. Leaves are read from their
 * buffers as they are now. */
void plan_run(plan *p);

/* The same for a batch in slices: p[i] are plans of equal graphs, of slices that follow each other (graph_slice), made
 * with the same flags, and each is bound to an arena of its own. Their sums over slices (op_slice_sum) are added along
 * a binary tree of the slices' numbers. Values assigned to buffers are those of p[0]: they must be the same in all, as
 * what is made of such sums and of parameters is. n: a power of two, at most SLICES_MAX. With
 * other processes (peers.h) each runs as many, by rank, and all together make up the batch. */
void plan_run_slices(plan *const *p, int n);

/* What each of so many processes would send in a run, and the memory that this takes, in bytes; p: of one slice. False
 * with e set: no memory to count. */
bool plan_carries(const plan *p, int processes, double *sent, double *memory, fault *e);

/* The value of a node of out[], [out->s], after plan_run: borrowed, and valid until a plan runs in the same arena. */
const real *plan_value(const plan *p, const node *out);

/* Operations of one run: 2 for each multiply-add that convolutions, matrix products and attention have by definition.
 * It counts the nodes as they are: for the model as it is written, make the graph with graph_rewrite off. */
double plan_flop(const plan *p);

/* ---- where the time goes ---- */

/* What one step of a plan is and took. */
typedef struct plan_cost {
	char what[240];                              /* as plan_print has it: "conv2d + bias", "chain sub mul*2" */
	shape s;                                     /* of the first value that it writes */
	const char *path;                            /* its layer; borrow, "" for none */
	double seconds;                              /* of all runs since plan_profile */
	int64_t runs;
	double flop;                                 /* of one run, as plan_flop counts */
	double bytes;                                /* of the whole values that one run reads and writes, each once */
	char form[160];                              /* of a convolution: its kernel, shapes and form; "" else */
} plan_cost;

/* From now on each step of each run is timed; a second call begins again. Before, a run does not look at the clock.
 * False with e set: no memory, and nothing has changed. */
bool plan_profile(plan *p, fault *e);
/* The same for the slices of a batch, which then run one after the other: p[0] has the times and runs of all. */
bool plan_profile_slices(plan *const *p, int n, fault *e);
/* Step i, in the order of running; times are 0 before plan_profile. False behind the last. */
bool plan_cost_at(const plan *p, int i, plan_cost *c);

/* Whether a parameter or input, or a value that a run computes, is not finite. `where` [size] then names the first one:
 * the buffer, or the op, its shape and its layer. It computes everything again, one op after the other in memory of its
 * own, so call it only when something is wrong. Assignments are not carried out, but random streams move on, so random
 * values are other ones than in the run before. False, too, when there is no memory for that. */
bool plan_find_bad(plan *p, char *where, size_t size);
/* The same for the slices of a batch, as plan_run_slices takes them. Of several processes that share them all look;
 * those in whose slices it is return true, and none where one has no memory. */
bool plan_find_bad_slice(plan *const *p, int n, char *where, size_t size);

/* The plan as text, one line for each value that a step writes: what computes it from what, its shape, bytes, the
 * steps it lives, its offset in the arena (docs/plan.md). new/free: release with free(). NULL with e set: no memory. */
char *plan_print(const plan *p, fault *e);

SAGAN_END
#endif
