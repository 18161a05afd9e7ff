/* trace_fold.c - what does not depend on the inputs: computed by running it, and moved into the layers around. */
#include "core/base/local.h"
#include "gan/keras/trace/trace_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan/plan.h"

/* ---- values ---- */

real *fold_value(tracer *t, node *x)
{
	const size_t n = (size_t)shape_count(&x->s);
	plan *p = plan_new(t->g, &x, 1, 0, t->e);
	real *out = p ? mem_new(n, sizeof *out, t->e) : NULL;
	if (out) {
		plan_run(p);
		memcpy(out, plan_value(p, x), n * sizeof *out);
	}
	plan_free(p);
	return out;
}

/* Whether a value of shape s, aligned at the last axis, is one number, or one per channel. */
static bool is_per_channel(const shape *s, int64_t last)
{
	const int64_t n = shape_count(s);
	return n == 1 || (n == last && shape_last(s) == last);
}

/* Below what only repeats it. */
static const node *bare(const node *x)
{
	while (!strcmp(x->op->name, "broadcast") || (!strcmp(x->op->name, "reshape") && shape_count(&x->s) == 1))
		x = x->in[0];
	return x;
}

/* A fill of any shape is the same number everywhere. */
static bool is_fill(const node *x)
{
	return !strcmp(x->op->name, "fill");
}

bool fold_is_terms(const node *x, int64_t last)
{
	x = bare(x);
	return is_fill(x) || is_per_channel(&x->s, last);
}

bool fold_terms(tracer *t, const node *y, node *x, int64_t last, terms *out)
{
	*out = (terms){0};
	if (!fold_is_terms(x, last))
		return trace_refuse(t, y, "a number for each place");
	x = (node *)bare(x);
	out->n = is_fill(x) ? 1 : shape_count(&x->s);
	out->x = fold_value(t, x);
	return out->x != NULL;
}

/* ---- moving factors and summands ---- */

/* Classes whose output is linear in their kernel and bias; axis of the kernel that counts output channels, from
 * the last. */
static const struct {
	const char *name;
	int axis;
} linear_class[] = {{"Dense", 1}, {"Conv2D", 1}, {"Conv2DTranspose", 2}};

/* 1 or 2 as above; 0: another class. */
static int output_axis(const keras_layer *l)
{
	for (int i = 0; i < COUNT(linear_class); i++)
		if (!strcmp(linear_class[i].name, l->class_name))
			return linear_class[i].axis;
	return 0;
}

static int64_t outputs(const keras_layer *l)
{
	const shape *s = &l->weight[0].s;
	return s->dim[s->rank - output_axis(l)];
}

/* The place of x's weights, when a factor or summand for n channels can go there; else -1. */
static int weights_of(const tracer *t, const node *x, int64_t n)
{
	const traced *v = &t->value[x->id];
	if (!v->done || v->linear < 0 || v->scale != 1 || t->uses[x->id] != 1)
		return -1;
	const keras_layer *l = &t->k->layer[v->linear];
	if (output_axis(l) == 0)
		return -1;
	return n == 1 || (n == outputs(l) && shape_last(&x->s) == n) ? v->linear : -1;
}

/* Dot([map, values]): a factor goes on to what made the values. */
static const node *behind_dot(const tracer *t, const node *x)
{
	const traced *v = &t->value[x->id];
	if (!v->done || v->linear < 0 || v->scale != 1 || t->uses[x->id] != 1)
		return NULL;
	return strcmp(t->k->layer[v->linear].class_name, "Dot") ? NULL : v->by->in[1];
}

/* + 0 leaves no negative zeros: an import could not give them back. */
bool fold_scale(tracer *t, const node *x, const terms *c)
{
	const node *values = c->n == 1 ? behind_dot(t, x) : NULL;
	if (values)
		return fold_scale(t, values, c);
	int at = weights_of(t, x, c->n);
	if (at < 0)
		return false;
	keras_layer *l = &t->k->layer[at];
	const int64_t n = outputs(l), inner = output_axis(l) == 2 ? shape_last(&l->weight[0].s) : 1;
	for (int w = 0; w < l->weights; w++) {
		const int64_t each = w == 0 ? inner : 1, count = shape_count(&l->weight[w].s);
		for (int64_t i = 0; i < count; i++)
			l->weight[w].x[i] = l->weight[w].x[i] * c->x[c->n == 1 ? 0 : i / each % n] + 0;
	}
	return true;
}

bool fold_shift(tracer *t, const node *x, const terms *c, bool *folded)
{
	int at = weights_of(t, x, c->n);
	*folded = at >= 0;
	if (at < 0)
		return true;
	const int64_t n = outputs(&t->k->layer[at]);
	if (t->k->layer[at].weights == 1 && (!keras_add_weight(t->k, at, "bias", SHAPE(n), NULL, t->e) ||
	    !keras_set_bool(t->k, at, "use_bias", true, t->e)))
		return false;
	for (int64_t i = 0; i < n; i++)
		t->k->layer[at].weight[1].x[i] += c->x[c->n == 1 ? 0 : i];
	return true;
}

bool fold_into_next(const tracer *t, const node *y)
{
	while (t->uses[y->id] == 1 && t->user[y->id]) {
		const node *by = t->user[y->id];
		const char *name = by->op->name;
		if (!strcmp(name, "conv2d") || !strcmp(name, "conv2d_dx") || !strcmp(name, "matmul"))
			return by->in[0] == y && !t->varies[by->in[1]->id];
		if (strcmp(name, "reshape"))
			return false;
		y = by;
	}
	return false;
}
