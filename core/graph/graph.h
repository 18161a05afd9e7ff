/* graph.h - values and how they are made: nodes, ops, and derivatives of graphs.
 *
 * A graph is a list to which nodes are only added, so the order of making is an order in which they can be computed.
 * Nodes say what to compute; nothing is computed until a plan (plan.h) runs. Derivatives add nodes too, so a gradient
 * can be differentiated again. Ops change no state (but random ones, which move their stream on): what is to change is
 * assigned by graph_assign, after a run. */
#ifndef SAGAN_CORE_GRAPH_GRAPH_H
#define SAGAN_CORE_GRAPH_GRAPH_H

#include "core/base/base.h"
#include "core/base/rng.h"
#include "core/graph/buffer.h"

SAGAN_BEGIN

typedef struct graph graph;
typedef struct node node;
typedef struct op op;

/* What an op knows beyond its inputs: one member per family. Unused bytes are zero, so that two nodes compute the same
 * when their op and inputs are the same and their attributes are equal byte for byte. */
typedef union attr {
	double scalar;                               /* scale: factor; add_scalar: summand; leaky_relu, gate: slope */
	struct {
		double value;
		shape s;
	} fill;
	shape to;                                    /* reshape, broadcast, sum_to: the result */
	struct {                                     /* conv2d and its two derivatives */
		int kh, kw, sh, sw;                  /* kernel, stride */
		int top, bottom, left, right;        /* zeros around the image */
		int groups;
		int resize;                          /* as in conv_geometry (ops.h) */
		int want;                            /* set by the planner: conv_want (core/kernels/conv.h) */
		int64_t h, w;                        /* height and width of the image, for conv2d_dx */
		bool act;                            /* set by the planner: leaky_relu of the result, with this slope */
		double slope;
	} conv;
	struct {                                     /* windows: sum pooling, max pooling, patches; resizing */
		int kh, kw, sh, sw, top, bottom, left, right;
		int64_t h, w;                        /* size of the image, for adjoints; resizing: of the result */
	} window;
	struct {
		bool ta, tb;                         /* use the transpose of the last two axes */
		bool act;                            /* set by the planner, as in conv */
		double slope;
	} matmul;
	struct {
		double scale;
		int64_t rows, cols;                  /* of the map of keys (op_attention_positions); 0: none */
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
		int slice, slices;                   /* of the batch, which part of it is drawn */
		shape s;                             /* of the result */
	} random;
} attr;

/* One value in one graph, owned by it. Ops and layers read its fields; only the graph and the plan write them. */
struct node {
	const struct op *op;
	graph *g;
	int id;                                      /* index in the graph */
	shape s;
	int nin;
	node **in;                                   /* [nin] */
	attr a;
	buffer *buf;                                 /* leaf: its storage (keep) */
	const char *path;                            /* layer that made it, "generator/block1"; owned by the graph */
	real *x;                                     /* [s]: in the plan's own copies of nodes, while it runs */
	real *packed;                                /* there, too: see packing; NULL: there is none */
};

/* An input that the kernel reads in another order than it lies in memory: the planner has it packed before, by a step
 * of its own, so that one packing may serve several runs. */
typedef struct packing {
	int input;
	size_t (*bytes)(const node *y);              /* of the packed input; 0: this node reads it as it is */
	size_t (*scratch)(const node *y);            /* workspace of run */
	void (*run)(const node *y, void *packed, void *scratch);
} packing;

/* What a kind of node is: one `static const` record per op, in the file of its family. */
struct op {
	const char *name;
	int nin;                                     /* number of inputs; -1: any */
	unsigned inplace;                            /* bit i: y may take the storage of input i */
	bool view;                                   /* y is input 0 under another shape */
	bool impure;                                 /* never merged with an equal node: random */
	/* Checks the inputs and sets y->s. On a wrong shape writes the reason into why (what is wrong, what
	 * is allowed; the graph adds op, input shapes and layer path) and returns false. */
	bool (*infer)(node *y, char *why, size_t why_size);
	const packing *pack;                         /* NULL: none */
	size_t (*scratch)(const node *y);            /* bytes of workspace for eval; NULL: none */
	void (*eval)(const node *y, void *scratch);  /* y->x from y->in[i]->x; each begins at a multiple
	                                              * of 64 bytes */
	/* Element-wise ops only: out[i] from in[k][i], i < n; out may be in[k]. The planner runs several of these in
	 * one pass over memory; eval is then elementwise_eval (ops_internal.h). */
	void (*span)(const attr *a, real *out, const real *const *in, int64_t n);
	double (*flop)(const node *y);               /* 2 per multiply-add of its definition; NULL: not counted */
	/* What a kernel that has several forms computes, and by which, in words; NULL: it has one. */
	void (*form)(const node *y, char *text, size_t size);
	/* Makes nodes for the gradients of the inputs, given dy like y: dx[i] like in[i], or NULL for zero. need[i]
	 * says whether dx[i] is wanted. Calls public constructors only. NULL: no derivative flows through this op. */
	void (*vjp)(graph *g, node *y, node *dy, const bool *need, node **dx);
};
#define INPLACE(i) (1u << (i))

/* new/free: graph_free frees all nodes, no buffer. NULL with e set: no memory. */
graph *graph_new(fault *e);
void graph_free(graph *g);

/* The value of a buffer when a run begins, as a node [b->s] (keep: b must outlive g and its plans). Asking twice gives
 * the same node. b may be NULL, which is what buffer_new and module_param return when they fail: the graph then fails,
 * too. */
node *graph_leaf(graph *g, buffer *b);

/* After each run of a plan, b takes the value x, which must have as many elements (else the graph fails). A second
 * assignment to the same buffer replaces the first. Keep: b must outlive g and its plans. */
void graph_assign(graph *g, buffer *b, node *x);

/* The value that b will have after a run: the node assigned last, or the leaf when none was. */
node *graph_current(graph *g, buffer *b);

/* Derivatives: out[i] = d(sum of seed*y)/d(wrt[i]) for i < n, made of new nodes. seed: like y, or NULL for ones. out[i]
 * has the shape of wrt[i], and is zero when y does not depend on it. The results can be differentiated again. An op
 * with more than 64 inputs on the way is a bug and stops the program. */
void graph_grad(graph *g, node *y, node *seed, node *const *wrt, int n, node **out);

/* The same value as x, but no derivative flows through it. */
node *op_stop(graph *g, node *x);

/* Layer path for the nodes made next, for messages: push "block1" (a name without '/'), make nodes, pop. The graph
 * fails when a path has more than 511 letters. */
void graph_push(graph *g, const char *name);
void graph_pop(graph *g);

/* A graph remembers its first mistake: a wrong shape, a missing buffer, no memory. From then on constructors add
 * nothing and return a node that only stands there, so models need no checks of their own; plan_new hands the error
 * over. graph_fail notes a mistake (the path is put before it) and returns such a node. graph_ok: none so far; else
 * false, with e set. */
node *graph_fail(graph *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool graph_ok(const graph *g, fault *e);

/* Nodes 0..graph_count - 1 in order of making, borrowed from g. Another id is a bug and stops the program. */
int graph_count(const graph *g);
node *graph_at(const graph *g, int id);

/* For constructors of ops: adds a node, or returns an equal one that exists. in [nin] and a (NULL: all zero) are
 * copied. A wrong number of inputs, or an input of another graph, is a bug and stops the program. */
node *graph_node(graph *g, const op *o, int nin, node *const *in, const attr *a);

/* ---- a batch in slices ----
 *
 * A graph may compute one of `slices` equal parts of a batch, while graphs like it, nodes and all, compute the others.
 * What the parts have in common they exchange in sums (op_slice_sum, ops.h), and random values are this part of those
 * of the whole batch. It holds for nodes made from then on. The number is a power of two; a new graph is all of its
 * batch. */
enum { SLICES_MAX = 64 };
void graph_slice(graph *g, int slice, int slices);
int graph_slices(const graph *g);
int graph_slice_index(const graph *g);

/* ---- which layer made a value: for those who translate graphs ----
 *
 * With graph_trace on, the _apply functions of layers and op_activation record each of their calls: y came from x by a
 * layer of this kind. A new graph records nothing. One value may be the y of several calls, the innermost first. */
typedef struct graph_call {
	const char *kind;                            /* keep: "conv" */
	const void *layer;                           /* keep: what _apply was given; its type depends on the kind */
	node *x, *with, *y;                          /* input; second input (labels), or NULL */
	const char *path;                            /* "block1/conv1" */
} graph_call;

void graph_trace(graph *g, bool on);
/* For layers: records a call when tracing is on. Without memory the graph fails. */
void graph_called(graph *g, const char *kind, const void *layer, node *x, node *with, node *y);
/* All calls so far, [*n] in their order: borrowed from g until the next call is recorded. */
const graph_call *graph_calls(const graph *g, int *n);

/* Whether constructors may return a cheaper form of the same value (rewrite.c: a convolution before pooling, sums of
 * constants, ..). On in a new graph; a caller that needs the nodes as they are written switches it off before. */
void graph_rewrite(graph *g, bool on);
bool graph_rewrites(const graph *g);                 /* false, too, when the graph has failed */

SAGAN_END
#endif
