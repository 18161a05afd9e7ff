/* token.c - small learned tensors that meet the tokens by broadcasting. */
#include "layers/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

/* Sizes of the chosen axes of x, 1 elsewhere and for the batch; the last axis alone is (C). */
static shape chosen(module *m, const char *layer, const shape *x, unsigned axes)
{
	unsigned last = 1u << (x->rank - 1);
	if (axes == 0 || axes == last)
		return SHAPE(shape_last(x));
	if (axes & 1)
		module_fail(m, "%s: axis 0 is the batch", layer);
	if (axes >= last << 1)
		module_fail(m, "%s: an axis beyond the %d of the input", layer, x->rank);
	shape s = *x;
	for (int i = 0; i < s.rank; i++)
		if (i == 0 || !(axes >> i & 1))
			s.dim[i] = 1;
	return s;
}

/* A weight as a leaf, when each of its axes, aligned at the last, is 1 or that of x. Otherwise the graph's error is set
 * and the result is a constant like x. */
static node *meets(graph *g, const char *layer, buffer *w, const node *x)
{
	bool fits = w->s.rank <= x->s.rank;
	for (int i = 1; fits && i <= w->s.rank; i++) {
		int64_t size = w->s.dim[w->s.rank - i];
		fits = size == 1 || size == x->s.dim[x->s.rank - i];
	}
	if (fits)
		return graph_leaf(g, w);
	graph_fail(g, "%s: built with weights %s, given %s", layer, shape_print(&w->s).s, shape_print(&x->s).s);
	return op_fill(g, x->s, 0);
}

/* ---- BiasLayer ---- */

void bias_layer_init(module *m, bias_layer *b, const char *name, shape input, unsigned axes, init start)
{
	*b = (bias_layer){0};
	module_name(m, b->name, sizeof b->name, name);
	module_push(m, name);
	b->bias = module_param(m, "bias", chosen(m, "bias_layer", &input, axes), start);
	module_pop(m);
}

node *bias_layer_apply(graph *g, const bias_layer *b, node *x)
{
	graph_push(g, b->name);
	node *y = op_add(g, x, meets(g, "bias_layer", b->bias, x));
	graph_pop(g);
	return y;
}

/* ---- ChannelAffine ---- */

void channel_affine_init(module *m, channel_affine *a, const char *name, shape input, affine_options opt)
{
	*a = (channel_affine){0};
	module_name(m, a->name, sizeof a->name, name);
	module_push(m, name);
	shape s = chosen(m, "channel_affine", &input, opt.axes);
	if (s.rank == input.rank && s.rank > 1)      /* without the batch */
		s = shape_of(s.rank - 1, s.dim + 1);
	init start = opt.weight_init.kind == INIT_ZEROS ? (init){.kind = INIT_ONES} : opt.weight_init;
	a->weight = module_param(m, "weight", s, start);
	if (!opt.no_bias)
		a->bias = module_param(m, "bias", s, (init){.kind = INIT_ZEROS});
	module_pop(m);
}

node *channel_affine_apply(graph *g, const channel_affine *a, node *x)
{
	graph_push(g, a->name);
	node *y = op_mul(g, x, meets(g, "channel_affine", a->weight, x));
	if (a->bias)
		y = op_add(g, y, meets(g, "channel_affine", a->bias, x));
	graph_pop(g);
	return y;
}

/* ---- PositionalEmbedding ---- */

void positional_embedding_init(module *m, positional_embedding *p, const char *name, shape input,
			       int64_t input_height)
{
	*p = (positional_embedding){.input_height = input_height};
	module_name(m, p->name, sizeof p->name, name);
	module_push(m, name);
	if (input.rank < 2)
		module_fail(m, "positional_embedding: input %s has no positions", shape_print(&input).s);
	input.dim[0] = 1;
	p->table = module_param(m, "positional_embedding", input, (init){INIT_TRUNCATED, 0.2});
	module_pop(m);
}

node *positional_embedding_apply(graph *g, const positional_embedding *p, node *x)
{
	shape one = x->s;
	one.dim[0] = 1;
	if (!shape_equal(&one, &p->table->s))
		return graph_fail(g, "positional_embedding: built for %s, given %s", shape_print(&p->table->s).s,
			shape_print(&x->s).s);
	graph_push(g, p->name);
	node *y = op_add(g, x, graph_leaf(g, p->table));
	graph_pop(g);
	return y;
}

/* A table's parts: `head` rows of class tokens, then a map of h x w. */
typedef struct table_parts {
	int64_t head, h, w;
} table_parts;

/* [1,H,W,C], or tokens [1,T+h*w,C] with h rows given or the largest square. */
static table_parts parts_of(const shape *s, int64_t rows)
{
	if (s->rank == 4)
		return (table_parts){0, s->dim[1], s->dim[2]};
	int64_t N = s->dim[1], h = rows > 0 ? rows : (int64_t)floor(sqrt((double)N));
	int64_t w = rows > 0 ? N / h : h;
	return (table_parts){N - h * w, h, w};
}

/* The map of x resized into that of the table, both [h*w,C]. */
static bool resize_map(table_parts from, const real *x, table_parts to, real *y, int64_t C, fault *e)
{
	graph *g = graph_new(e);
	buffer *b = g ? buffer_new("table", SHAPE(1, from.h, from.w, C), e) : NULL;
	bool ok = b;
	if (ok) {
		buffer_write(b, x);
		node *out = op_resize_bilinear(g, graph_leaf(g, b), to.h, to.w);
		plan *p = plan_new(g, &out, 1, 0, e);
		ok = p;
		if (p) {
			plan_run(p);
			memcpy(y, plan_value(p, out), (size_t)(to.h * to.w * C) * sizeof *y);
		}
		plan_free(p);
	}
	graph_free(g);
	buffer_free(b);
	return ok;
}

bool positional_embedding_load(positional_embedding *p, shape from, const real *x, int64_t from_height, fault *e)
{
	const shape *to = &p->table->s;
	int64_t C = shape_last(to);
	if (shape_equal(&from, to)) {
		buffer_write(p->table, x);
		return true;
	}
	if (from.rank != to->rank || (to->rank != 3 && to->rank != 4) || from.dim[0] != 1 || shape_last(&from) != C)
		return fault_set(e, "%s: a table %s cannot be resized to %s", p->table->name, shape_print(&from).s,
			shape_print(to).s);
	table_parts a = parts_of(&from, from_height), b = parts_of(to, p->input_height);
	if (a.head != b.head || a.h < 1 || a.w < 1 || b.h < 1 || b.w < 1)
		return fault_set(e, "%s: a table of %lld class tokens and a map of %lldx%lld cannot be resized to %lld "
			"and %lldx%lld", p->table->name, (long long)a.head, (long long)a.h, (long long)a.w,
			(long long)b.head, (long long)b.h, (long long)b.w);
	int64_t rows = a.head * C;
	real *y = mem_new((size_t)shape_count(to), sizeof *y, e);
	bool ok = y && resize_map(a, x + rows, b, y + rows, C, e);
	if (ok) {
		memcpy(y, x, (size_t)rows * sizeof *y);
		buffer_write(p->table, y);
	}
	free(y);
	return ok;
}

/* ---- ClassToken ---- */

void class_token_init(module *m, class_token *t, const char *name, int64_t C, class_token_options opt)
{
	*t = (class_token){.opt = opt};
	t->opt.num_tokens = opt.num_tokens ? opt.num_tokens : 1;
	module_name(m, t->name, sizeof t->name, name);
	module_push(m, name);
	if (t->opt.num_tokens < 1)
		module_fail(m, "class_token: num_tokens = %d: must be at least 1", t->opt.num_tokens);
	t->tokens = module_param(m, "tokens", SHAPE(1, t->opt.num_tokens, C), (init){INIT_TRUNCATED, 0.2});
	module_pop(m);
}

node *class_token_apply(graph *g, const class_token *t, node *x)
{
	int64_t C = shape_last(&t->tokens->s);
	if (x->s.rank != 3 || x->s.dim[2] != C)
		return graph_fail(g, "class_token: input %s: must be [B,N,%lld]", shape_print(&x->s).s, (long long)C);
	graph_push(g, t->name);
	node *all = op_broadcast(g, graph_leaf(g, t->tokens), SHAPE(x->s.dim[0], t->opt.num_tokens, C));
	node *first[] = {all, x}, *last[] = {x, all};
	node *y = op_concat(g, t->opt.is_at_end ? last : first, 2, 1);
	graph_pop(g);
	return y;
}
