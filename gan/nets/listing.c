/* listing.c - the layers of a network with shapes, parameters and multiply-adds, read off a graph of one
 * image: a layer is a path with parameters of its own or with products. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/nets/networks_internal.h"

/* Multiply-adds of one node's product. */
static double mac_of(const node *y)
{
	return y->op->flop ? y->op->flop(y) / 2 : 0;
}

/* Whether there is a parameter "path/<name>" that no deeper layer owns. */
static bool has_params(const module *m, const char *path)
{
	size_t n = strlen(path);
	for (int i = 0; i < module_params(m); i++) {
		const buffer *b = module_param_at(m, i);
		if (!strncmp(b->name, path, n) && b->name[n] == '/' && !strchr(b->name + n + 1, '/'))
			return true;
	}
	return false;
}

/* Every parameter counts in the row with the longest path that its name begins with: some layers have names for
 * parts that are no layers of the graph, and a bare matrix is called as its layer. */
static void count_params(const module *m, layer_row *rows, int n)
{
	for (int i = 0; i < module_params(m); i++) {
		const buffer *b = module_param_at(m, i);
		layer_row *owner = NULL;
		for (int k = 0; k < n; k++) {
			size_t len = strlen(rows[k].path);
			bool is_in = !strncmp(b->name, rows[k].path, len) && (!b->name[len] || b->name[len] == '/');
			if (is_in && (!owner || len > strlen(owner->path)))
				owner = &rows[k];
		}
		if (owner)
			owner->params += shape_count(&b->s);
	}
}

static layer_row *row_of(layer_row *rows, int n, const char *path)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(rows[i].path, path))
			return &rows[i];
	return NULL;
}

/* One node that depends on the input: a new row, or a later value of one. */
static void note(const module *m, const node *y, layer_row *rows, int *n, int max)
{
	layer_row *row = row_of(rows, MIN(*n, max), y->path);
	if (!row) {
		layer_row fresh = {.params = 0};
		snprintf(fresh.path, sizeof fresh.path, "%s", y->path);
		if (!*y->path || (!has_params(m, y->path) && mac_of(y) == 0))
			return;
		if ((*n)++ >= max)
			return;
		row = &rows[*n - 1];
		*row = fresh;
	}
	row->out = y->s;
	row->mac += mac_of(y);
}

/* Walks the graph; only what depends on the inputs x and label counts, so that spectral norm's products
 * with kernels do not. */
static int walk(const module *m, const graph *g, const node *x, const node *label, layer_row *rows, int max,
		fault *e)
{
	int count = graph_count(g), n = 0;
	bool fits = true, *live = mem_zero((size_t)count, sizeof *live, e);
	if (!live)
		return -1;
	for (int id = 0; fits && id < count; id++) {
		const node *y = graph_at(g, id);
		live[id] = y == x || y == label;
		for (int i = 0; i < y->nin; i++)
			live[id] |= live[y->in[i]->id];
		fits = strlen(y->path) < sizeof rows->path
			|| fault_set(e, "%.200s..: a row has room for %zu letters", y->path, sizeof rows->path - 1);
		if (fits && live[id] && y->nin)
			note(m, y, rows, &n, max);
	}
	free(live);
	if (!fits)
		return -1;
	count_params(m, rows, MIN(n, max));
	return n;
}

int network_layers(const network *n, layer_row *rows, int max, fault *e)
{
	int count = -1;
	graph *g = graph_new(e);
	buffer *x = buffer_new("input", network_input(n, 1), e), *label = buffer_new("label", SHAPE(1), e);
	if (g && x && label) {
		graph_rewrite(g, false);             /* the layers as written */
		node *in = graph_leaf(g, x), *y = graph_leaf(g, label);
		network_apply(g, n, in, n->cfg.classes ? y : NULL, (mode){0}, NULL);
		if (graph_ok(g, e))
			count = walk(n->m, g, in, y, rows, max, e);
	}
	graph_free(g);
	buffer_free(x);
	buffer_free(label);
	return count;
}
