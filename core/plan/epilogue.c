/* epilogue.c - bias, residual and activation behind a convolution or a matrix product, on the tile while
 * it is in registers: three passes over memory less.
 *
 * It works on the plan's private copies, so graphs and derivatives never see it. A product
 * followed by nothing but + bias, + another value, relu takes them as inputs 2 and 3 and as an
 * attribute, and moves to the place of the last of them. A matrix product does so under another shape, too:
 * its kernel looks at the shapes of its factors only. */
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan_internal.h"

typedef struct readers {
	int *count;                                  /* [p->count] live readers of each root, assignments too */
	int *last;                                   /* [p->count] id of the reader found last */
} readers;

static void count_readers(const plan *p, readers *r)
{
	for (int id = 0; id < p->count; id++) {
		const node *y = p->node[id];
		for (int i = 0; y && i < y->nin; i++) {
			r->count[y->in[i]->id]++;
			r->last[y->in[i]->id] = id;
		}
	}
	for (int i = 0; i < p->nout; i++)
		r->count[p->out[i]] += 2;
	for (int i = 0; i < p->nassign; i++)
		r->count[p->assign[i].x->id] += 2;
}

/* The [C] value that input i of an addition repeats over all pixels, or NULL. */
static node *bias_of(const plan *p, const node *add, int i)
{
	const node *b = add->in[i];
	sum_form f;
	if (b->op != &op_rec_broadcast || !sum_form_of(&b->s, &b->in[0]->s, &f) || f.outer != 1
	    || f.inner != shape_last(&add->s) || shape_count(&b->in[0]->s) != f.inner)
		return NULL;
	return p->node[b->in[0]->id];
}

static bool *act_of(node *product, double **slope)
{
	const bool conv = product->op == &op_rec_conv2d;
	*slope = conv ? &product->a.conv.slope : &product->a.matmul.slope;
	return conv ? &product->a.conv.act : &product->a.matmul.act;
}

/* The product takes the place of its only reader `to`. */
static void move_to(plan *p, node *conv, int to, readers *r)
{
	int from = conv->id;
	node *old = p->node[to];
	for (int id = to + 1; id < p->count; id++)
		for (int i = 0; p->node[id] && i < p->node[id]->nin; i++)
			if (p->node[id]->in[i] == old)
				p->node[id]->in[i] = conv;
	for (int i = 0; i < p->nassign; i++)
		if (p->assign[i].x == old)
			p->assign[i].x = conv;
	for (int i = 0; i < conv->nin; i++)
		if (r->last[conv->in[i]->id] == from)
			r->last[conv->in[i]->id] = to;
	conv->id = to;
	p->node[to] = conv;
	p->node[from] = NULL;
	free(old);
	r->count[from] = 0;
}

/* A matrix product that is only read under another shape takes that shape, where this leads on. A bias is added to its
 * rows, whose width must then be that of the shape. */
static node *look_through_view(plan *p, node *product, node *next, readers *r)
{
	if (product->op != &op_rec_matmul || next->op != &op_rec_reshape || r->count[next->id] != 1)
		return next;
	node *after = p->node[r->last[next->id]];
	const bool same_width = shape_last(&next->s) == shape_last(&product->s);
	const bool leads_on = after->op == &op_rec_leaky_relu
		|| (after->op == &op_rec_add && after->in[0] != after->in[1]
		    && (product->nin == 3 || (same_width && bias_of(p, after, after->in[0] == next))));
	if (!leads_on)
		return next;
	product->s = next->s;
	p->home[next->id].root = next->id;
	move_to(p, product, next->id, r);
	return after;
}

/* One step: what reads the product becomes part of it. */
static bool absorb(plan *p, node *conv, readers *r)
{
	double *slope;
	bool *act = act_of(conv, &slope);
	if (r->count[conv->id] != 1 || *act)
		return false;
	node *next = look_through_view(p, conv, p->node[r->last[conv->id]], r);
	if (next->op == &op_rec_leaky_relu) {
		*act = true;
		*slope = next->a.scalar;
		move_to(p, conv, next->id, r);
		return true;
	}
	if (next->op != &op_rec_add || next->in[0] == next->in[1])
		return false;
	int other = next->in[0] == conv;
	node *bias = bias_of(p, next, other);
	if (bias && conv->nin == 2) {
		r->count[next->in[other]->id]--;
		conv->in[conv->nin++] = bias;
		move_to(p, conv, next->id, r);
		return true;
	}
	if (bias || conv->nin != 3)
		return false;
	conv->in[conv->nin++] = next->in[other];
	move_to(p, conv, next->id, r);
	return true;
}

static bool is_product(const node *y)
{
	return y->op == &op_rec_conv2d || y->op == &op_rec_matmul;
}

absorbed absorbed_by(const node *y)
{
	if (!is_product(y))
		return (absorbed){0};
	const bool conv = y->op == &op_rec_conv2d;
	return (absorbed){
		.bias = y->nin > 2, .residual = y->nin > 3, .act = conv ? y->a.conv.act : y->a.matmul.act,
		.slope = conv ? y->a.conv.slope : y->a.matmul.slope,
	};
}

static bool takes_epilogue(const node *y)
{
	return is_product(y) && y->nin == 2 && (y->op != &op_rec_matmul || matmul_has_epilogue(y));
}

/* Broadcasts whose only reader became a product are not needed any more. */
static void drop_unread(plan *p, const readers *r)
{
	for (int id = 0; id < p->count; id++)
		if (p->node[id] && p->node[id]->op == &op_rec_broadcast && r->count[id] == 0) {
			free(p->node[id]);
			p->node[id] = NULL;
		}
}

bool plan_epilogues(plan *p, fault *e)
{
	readers r = {
		mem_zero((size_t)p->count, sizeof *r.count, e),
		mem_zero((size_t)p->count, sizeof *r.last, e),
	};
	bool ok = r.count && r.last;
	if (ok) {
		count_readers(p, &r);
		for (int id = 0; id < p->count; id++) {
			node *y = p->node[id];
			if (y && takes_epilogue(y))
				while (absorb(p, y, &r))
					;
		}
		drop_unread(p, &r);
	}
	free(r.count);
	free(r.last);
	return ok;
}
