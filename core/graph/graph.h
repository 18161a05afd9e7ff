/* graph.h - values and how they are made: nodes, ops, and derivatives of graphs.
 *
 * A graph is an append-only array of nodes; creation order is topological order. Nodes say what to
 * compute; nothing runs until a plan (plan.h) is made. Derivatives append nodes too, so a gradient
 * can be differentiated again. Ops are pure: state changes are explicit assignments, done after a
 * run. */
#ifndef SAGAN_CORE_GRAPH_GRAPH_H
#define SAGAN_CORE_GRAPH_GRAPH_H

#include "core/base/base.h"
#include "core/base/rng.h"
#include "core/graph/buffer.h"

SAGAN_BEGIN

typedef struct graph graph;
typedef struct node node;
typedef struct op op;

/* What an op knows beyond its inputs: one struct per family. Unused bytes are zero, so that two
 * nodes compute the same when op, inputs, shape and attributes are equal byte for byte. */
typedef union attr {
	double scalar;                               /* scale, add_scalar, leaky slope */
	struct {
		double value;
		shape s;
	} fill;
	shape to;                                    /* reshape, broadcast, sum_to: the result */
	struct {                                     /* conv2d and its two derivatives */
		int kh, kw, sh, sw;                  /* kernel, stride */
		int top, bottom, left, right;        /* zeros around the image */
		int groups;
		int64_t h, w;                        /* size of the image side, for conv2d_dx */
		bool act;                            /* set by the planner: leaky relu of the result */
		double slope;
	} conv;
	struct {                                     /* windows: sum pooling, max pooling, patches */
		int kh, kw, sh, sw, top, bottom, left, right;
		int64_t h, w;                        /* size of the image side, for the adjoint */
	} window;
	struct {
		bool ta, tb;                         /* use the transpose of the last two axes */
		bool act;                            /* set by the planner, as in conv */
		double slope;
	} matmul;
	struct {
		double scale;
		int64_t rows, cols;                  /* map of the keys, when queries know positions */
	} attention;
	struct {
		int axis[RANK_MAX];                  /* output axis i is input axis axis[i] */
	} permute;
	struct {
		int64_t before[RANK_MAX];            /* pad: zeros before; slice: first element kept */
		int64_t after[RANK_MAX];             /* pad: zeros after; slice: one past the last kept */
	} pad;
	struct {
		int axis;
	} concat;
	struct {
		int64_t count;                       /* rows of the table */
	} gather;
	struct {
		rng *stream;                         /* keep */
		int kind;                            /* enum random_kind */
		shape s;                             /* of the result */
	} random;
} attr;

/* One value in one graph. Fields are read by ops and layers, written by the graph and plan only. */
struct node {
	const struct op *op;
	graph *g;
	int id;                                      /* index in the graph */
	shape s;
	int nin;
	node **in;                                   /* [nin] */
	attr a;
	buffer *buf;                                 /* leaf: its storage (keep) */
	const char *path;                            /* layer that made it, "generator/block1" */
	real *x;                                     /* [s], while a plan runs */
};

/* What a kind of node is: one `static const` record per op, in the file of its family. */
struct op {
	const char *name;
	int nin;                                     /* number of inputs; -1: any */
	unsigned inplace;                            /* bit i: y may take the storage of input i */
	bool view;                                   /* y is input 0 under another shape */
	bool impure;                                 /* never merged with an equal node: random */
	/* Checks the inputs and gives y->s. On a wrong shape writes the reason (what is wrong, what
	 * is allowed; the graph adds op, input shapes and layer path) and returns false. */
	bool (*infer)(node *y, char *why, size_t why_size);
	size_t (*scratch)(const node *y);            /* bytes of workspace for eval; NULL: none */
	void (*eval)(const node *y, void *scratch);  /* y->x from y->in[i]->x; each begins at a multiple
	                                              * of 64 bytes */
	/* Element-wise ops only: out[i] from in[k][i], i < n; out may be in[k]. The planner fuses chains
	 * of these; eval is then elementwise_eval. */
	void (*span)(const attr *a, real *out, const real *const *in, int64_t n);
	double (*flop)(const node *y);               /* 2 * multiply-adds by definition; NULL: not counted */
	/* Appends the gradients of the inputs, given dy like y: dx[i] like in[i], or NULL for none.
	 * need[i] says whether dx[i] is wanted. Calls public constructors only. */
	void (*vjp)(graph *g, node *y, node *dy, const bool *need, node **dx);
};
#define INPLACE(i) (1u << (i))

graph *graph_new(fault *e);
void graph_free(graph *g);

/* A buffer seen in this graph (keep: b must outlive g). Asking twice gives the same node. The graph fails without one:
 * NULL is what buffer_new and module_param return when they fail. */
node *graph_leaf(graph *g, buffer *b);

/* After each run of a plan, b takes the value x (same shape). Later graph_current(g, b) is x. */
void graph_assign(graph *g, buffer *b, node *x);

/* The value that b will have after the run so far: the last assigned node, or the leaf. */
node *graph_current(graph *g, buffer *b);

/* Appends d(sum of seed*y)/d(wrt[i]) for i < n; seed NULL means ones. out[i] has the shape of wrt[i],
 * zeros when y does not depend on it. May be called on its own results. */
void graph_grad(graph *g, node *y, node *seed, node *const *wrt, int n, node **out);

/* The same value, but no derivative flows through it. */
node *op_stop(graph *g, node *x);

/* Layer path for the nodes made next, for messages: push "block1", make nodes, pop. The graph fails when a path has
 * more than 511 letters. */
void graph_push(graph *g, const char *name);
void graph_pop(graph *g);

/* A graph remembers its first wrong shape; constructors then do nothing harmful and plan_new hands
 * the error over. Layers use graph_fail for their own checks and may return its result. */
node *graph_fail(graph *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool graph_ok(const graph *g, fault *e);

int graph_count(const graph *g);
node *graph_at(const graph *g, int id);

/* For op constructors: appends a node, or returns an equal one that exists. `in` is copied. */
node *graph_node(graph *g, const op *o, int nin, node *const *in, const attr *a);

/* ---- which layer made a value: for those who translate graphs ----
 *
 * With graph_trace on, the _apply functions of layers record themselves: y came from x by a layer of this
 * kind. Off, as a graph starts, recording costs a test. A value may have several, the innermost first. */
typedef struct graph_call {
	const char *kind;                            /* keep: "conv" */
	const void *layer;                           /* keep: what _apply was given; its type goes with the kind */
	node *x, *with, *y;                          /* input; second input (labels), or NULL */
	const char *path;                            /* "block1/conv1" */
} graph_call;

void graph_trace(graph *g, bool on);
/* Records a call, when tracing is on; without memory the graph fails. */
void graph_called(graph *g, const char *kind, const void *layer, node *x, node *with, node *y);
/* All calls so far: [*n], borrowed until the next one. */
const graph_call *graph_calls(const graph *g, int *n);

/* Algebraic rewriting in constructors (rewrite.c) is on by default; tests switch it off. */
void graph_rewrite(graph *g, bool on);
bool graph_rewrites(const graph *g);

SAGAN_END
#endif
