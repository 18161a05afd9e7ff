/* graph.c - the append-only array of nodes, its leaves, assignments, path and first error.
 *
 * Equal nodes are made once: derivatives repeat themselves a great deal (every use of a mean makes
 * the same broadcast), and a value made once is computed and stored once. */
#include "core/graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/graph_internal.h"
#include "core/graph/ops_internal.h"

enum {
	PATH_MAX_BYTES = 512,                        /* of names of layers, one in the other: names have at most 31
	                                              * letters, so sixteen levels fit */
	NODES_FIRST = 256,                           /* room for nodes of a new graph; it doubles when it is full */
	BUCKETS_PER_NODE = 4,                        /* of the hash: at most a quarter is taken, searches are short */
};

struct path_text {
	struct path_text *next;
	char s[];
};

struct graph {
	node **at;                                   /* [n], own */
	int n, cap;
	int *bucket;                                 /* open hash of nodes, -1 empty; [buckets], 2^k */
	int buckets;
	graph_assignment *assign;                    /* [nassign] */
	int nassign, assign_cap;
	char path[PATH_MAX_BYTES];
	struct path_text *texts;                     /* paths that nodes point to */
	const char *path_now;                        /* interned copy of path, NULL when stale */
	graph_call *call;                            /* [calls], own */
	int calls;
	int slice, slices;                           /* which part of the batch, of how many */
	bool rewrite, trace, failed;
	fault err;
	node broken;                                 /* what constructors return after a failure */
};

static bool leaf_infer(node *y, char *why, size_t why_size)
{
	(void)why, (void)why_size;
	y->s = y->buf->s;
	return true;
}

/* The value of a buffer when the run starts. */
const op op_rec_leaf = {.name = "leaf", .infer = leaf_infer};

static bool stop_infer(node *y, char *why, size_t why_size)
{
	(void)why, (void)why_size;
	y->s = y->in[0]->s;
	return true;
}

static void stop_eval(const node *y, void *scratch)
{
	(void)scratch;
	if (y->x != y->in[0]->x)
		memcpy(y->x, y->in[0]->x, (size_t)shape_count(&y->s) * sizeof(real));
}

/* y = x, and no derivative: there is no vjp. */
const op op_rec_stop = {
	.name = "stop", .nin = 1, .inplace = INPLACE(0), .view = true, .infer = stop_infer, .eval = stop_eval,
};

node *op_stop(graph *g, node *x)
{
	return graph_node(g, &op_rec_stop, 1, &x, NULL);
}

graph *graph_new(fault *e)
{
	graph *g = mem_zero(1, sizeof *g, e);
	if (!g)
		return NULL;
	g->rewrite = true;
	g->slices = 1;
	g->path_now = "";
	g->broken = (node){.op = &op_rec_leaf, .g = g, .s = SHAPE(1, 1, 1, 1), .path = ""};
	return g;
}

void graph_free(graph *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->n; i++)
		free(g->at[i]);
	for (struct path_text *t = g->texts, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	free(g->at);
	free(g->bucket);
	free(g->assign);
	free(g->call);
	free(g);
}

node *graph_fail(graph *g, const char *fmt, ...)
{
	if (!g->failed) {
		char reason[768];
		va_list args;
		va_start(args, fmt);
		vsnprintf(reason, sizeof reason, fmt, args);
		va_end(args);
		fault_set(&g->err, "%s%s%s", g->path, *g->path ? ": " : "", reason);
		g->failed = true;
	}
	return &g->broken;
}

bool graph_ok(const graph *g, fault *e)
{
	if (g->failed && e)
		*e = g->err;
	return !g->failed;
}

int graph_count(const graph *g)
{
	return g->n;
}

node *graph_at(const graph *g, int id)
{
	must(id >= 0 && id < g->n, "graph_at(%d) of %d nodes", id, g->n);
	return g->at[id];
}

void graph_rewrite(graph *g, bool on)
{
	g->rewrite = on;
}

bool graph_rewrites(const graph *g)
{
	return g->rewrite && !g->failed;
}

void graph_slice(graph *g, int slice, int slices)
{
	must(slices >= 1 && slices <= SLICES_MAX && !(slices & (slices - 1)) && slice >= 0 && slice < slices,
		"slice %d of %d", slice, slices);
	g->slice = slice;
	g->slices = slices;
}

int graph_slices(const graph *g)
{
	return g->slices;
}

int graph_slice_index(const graph *g)
{
	return g->slice;
}

/* The names so far and `name` behind them; a path that was cut would name another layer. */
static void path_extend(graph *g, size_t n, const char *name)
{
	const int more = snprintf(g->path + n, sizeof g->path - n, "%s%s", n ? "/" : "", name);
	if (more >= (int)(sizeof g->path - n))
		graph_fail(g, "names of layers, one in the other, have more than %d letters", PATH_MAX_BYTES - 1);
	g->path_now = NULL;
}

void graph_push(graph *g, const char *name)
{
	path_extend(g, strlen(g->path), name);
}

void graph_pop(graph *g)
{
	char *slash = strrchr(g->path, '/');
	*(slash ? slash : g->path) = '\0';
	g->path_now = NULL;
}

/* The path as text that lives as long as the graph: nodes of one layer share it. Without memory the graph fails. */
static const char *path_intern(graph *g)
{
	if (g->path_now)
		return g->path_now;
	for (struct path_text *t = g->texts; t; t = t->next)
		if (!strcmp(t->s, g->path))
			return g->path_now = t->s;
	size_t n = strlen(g->path) + 1;
	struct path_text *t = malloc(sizeof *t + n);
	if (!t) {
		graph_fail(g, "out of memory after %d nodes", g->n);
		return "";
	}
	memcpy(t->s, g->path, n);
	t->next = g->texts;
	g->texts = t;
	return g->path_now = t->s;
}

void graph_path_set(graph *g, const char *path)
{
	path_extend(g, 0, path);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

static uint64_t node_hash(const node *y)
{
	uint64_t h = mix(1, (uint64_t)(uintptr_t)y->op);
	h = mix(h, (uint64_t)(uintptr_t)y->buf);
	for (int i = 0; i < y->nin; i++)
		h = mix(h, (uint64_t)y->in[i]->id);
	const unsigned char *bytes = (const unsigned char *)&y->a;
	for (size_t i = 0; i + 8 <= sizeof y->a; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, 8);
		h = mix(h, word);
	}
	return h;
}

static bool node_equal(const node *a, const node *b)
{
	if (a->op != b->op || a->nin != b->nin || a->buf != b->buf || memcmp(&a->a, &b->a, sizeof a->a))
		return false;
	for (int i = 0; i < a->nin; i++)
		if (a->in[i] != b->in[i])
			return false;
	return true;
}

/* Index into bucket[] where y is or would go. */
static int bucket_of(const graph *g, const node *y)
{
	int k = (int)(node_hash(y) & (uint64_t)(g->buckets - 1));
	while (g->bucket[k] >= 0 && !node_equal(g->at[g->bucket[k]], y))
		k = (k + 1) & (g->buckets - 1);
	return k;
}

static bool graph_grow(graph *g)
{
	int cap = g->cap ? 2 * g->cap : NODES_FIRST;
	node **at = realloc(g->at, (size_t)cap * sizeof *at);
	if (at)
		g->at = at;
	int *bucket = realloc(g->bucket, (size_t)cap * BUCKETS_PER_NODE * sizeof *bucket);
	if (bucket)
		g->bucket = bucket;
	if (!at || !bucket)
		return false;
	g->cap = cap;
	g->buckets = BUCKETS_PER_NODE * cap;
	for (int i = 0; i < g->buckets; i++)
		bucket[i] = -1;
	for (int i = 0; i < g->n; i++)
		if (!g->at[i]->op->impure)
			bucket[bucket_of(g, g->at[i])] = i;
	return true;
}

static void fail_shapes(graph *g, const op *o, int nin, node *const *in, const char *why)
{
	char shapes[256] = "";
	for (int i = 0, n = 0; i < nin && n < (int)sizeof shapes - SHAPE_TEXT; i++)
		n += snprintf(shapes + n, sizeof shapes - (size_t)n, "%s%s", i ? " " : "", shape_print(&in[i]->s).s);
	graph_fail(g, "%s %s: %s", o->name, shapes, why);
}

/* Appends a copy of *proto (inputs included), or returns the equal node. */
static node *graph_append(graph *g, const node *proto)
{
	if (g->n == g->cap && !graph_grow(g))
		return graph_fail(g, "out of memory after %d nodes", g->n);
	int k = bucket_of(g, proto);
	if (g->bucket[k] >= 0 && !proto->op->impure)
		return g->at[g->bucket[k]];
	node *y = malloc(sizeof *y + (size_t)proto->nin * sizeof(node *));
	if (!y)
		return graph_fail(g, "out of memory after %d nodes", g->n);
	*y = *proto;
	y->in = (node **)(y + 1);
	if (y->nin)
		memcpy(y->in, proto->in, (size_t)y->nin * sizeof(node *));
	y->id = g->n;
	y->path = path_intern(g);
	if (!y->op->impure)
		g->bucket[k] = y->id;
	return g->at[g->n++] = y;
}

node *graph_node(graph *g, const op *o, int nin, node *const *in, const attr *a)
{
	if (g->failed)
		return &g->broken;
	must(o->nin < 0 || o->nin == nin, "%s takes %d inputs, given %d", o->name, o->nin, nin);
	for (int i = 0; i < nin; i++)
		must(in[i] && in[i]->g == g, "%s: input %d is no node of this graph", o->name, i);
	node y = {.op = o, .g = g, .nin = nin, .in = (node **)in};
	if (a)
		y.a = *a;
	else
		memset(&y.a, 0, sizeof y.a);
	char why[512] = "";
	if (!o->infer(&y, why, sizeof why) || !shape_is_valid(&y.s, why, sizeof why)) {
		fail_shapes(g, o, nin, in, why);
		return &g->broken;
	}
	return graph_append(g, &y);
}

void graph_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	y->op->vjp(g, y, dy, need, dx);
}

node *graph_leaf(graph *g, buffer *b)
{
	if (!b)
		return graph_fail(g, "a buffer is missing: it could not be made, or no layer has registered it");
	if (g->failed)
		return &g->broken;
	char why[256];
	if (!shape_is_valid(&b->s, why, sizeof why))
		return graph_fail(g, "buffer %.200s: %s", b->name, why);
	node y = {.op = &op_rec_leaf, .g = g, .buf = b, .s = b->s};
	memset(&y.a, 0, sizeof y.a);
	return graph_append(g, &y);
}

void graph_assign(graph *g, buffer *b, node *x)
{
	if (!b)
		graph_fail(g, "a value is assigned to a buffer that is missing");
	if (g->failed)
		return;
	if (shape_count(&b->s) != shape_count(&x->s)) {
		graph_fail(g, "assign %s %s: value has shape %s", b->name, shape_print(&b->s).s,
			shape_print(&x->s).s);
		return;
	}
	for (int i = 0; i < g->nassign; i++)
		if (g->assign[i].b == b) {
			g->assign[i].x = x;
			return;
		}
	if (g->nassign == g->assign_cap) {
		int cap = g->assign_cap ? 2 * g->assign_cap : 32;
		graph_assignment *a = realloc(g->assign, (size_t)cap * sizeof *a);
		if (!a) {
			graph_fail(g, "out of memory for %d assignments", cap);
			return;
		}
		g->assign = a;
		g->assign_cap = cap;
	}
	g->assign[g->nassign++] = (graph_assignment){b, x};
}

node *graph_current(graph *g, buffer *b)
{
	for (int i = 0; i < g->nassign; i++)
		if (g->assign[i].b == b)
			return g->assign[i].x;
	return graph_leaf(g, b);
}

const graph_assignment *graph_assignments(const graph *g, int *n)
{
	*n = g->nassign;
	return g->assign;
}

const char *graph_path(const graph *g)
{
	return g->path;
}

void graph_trace(graph *g, bool on)
{
	g->trace = on;
}

void graph_called(graph *g, const char *kind, const void *layer, node *x, node *with, node *y)
{
	if (!g->trace || g->failed)
		return;
	if ((g->calls & (g->calls - 1)) == 0) {      /* full at every power of two */
		graph_call *more = realloc(g->call, (size_t)MAX(1, 2 * g->calls) * sizeof *more);
		if (!more) {
			graph_fail(g, "out of memory after %d calls", g->calls);
			return;
		}
		g->call = more;
	}
	g->call[g->calls++] = (graph_call){kind, layer, x, with, y, path_intern(g)};
}

const graph_call *graph_calls(const graph *g, int *n)
{
	*n = g->calls;
	return g->call;
}
