/* placed.c - settings and weights of a layer, checked; the class of a name. */
#include "gan/keras/run/placed.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double ELEMENTS_MAX = (double)(INT64_C(1) << 36);

const keras_class *keras_class_of(const char *name)
{
	static const keras_class *const table[] = {
		keras_conv_classes, keras_norm_classes, keras_shape_classes, keras_merge_classes, keras_own_classes,
	};
	for (int t = 0; t < COUNT(table); t++)
		for (const keras_class *c = table[t]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

node *site_fail(site *s, const char *fmt, ...)
{
	if (s->failed)
		return NULL;
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	s->failed = true;
	error_set(s->e, "%s", text);
	return NULL;
}

bool site_fits(site *s, const shape *x)
{
	double n = 1;
	for (int i = 0; i < x->rank; i++) {
		if (x->dim[i] < 1) {
			site_fail(s, "gives %s, a shape without elements", shape_print(x).s);
			return false;
		}
		n *= (double)x->dim[i];
	}
	if (n > ELEMENTS_MAX)
		site_fail(s, "gives %s, too many elements", shape_print(x).s);
	return !s->failed;
}

bool site_rank(site *s, int rank)
{
	if (s->in[0]->s.rank != rank)
		site_fail(s, "its input %s has %d axes; it takes %d", shape_print(&s->in[0]->s).s, s->in[0]->s.rank, rank);
	return !s->failed;
}

/* ---- weights ---- */

/* Files without names of their own ("0", "1") and made-up ones match by shape alone. */
static bool weight_matches(site *s, const keras_weight *w, const char *name, const shape *want)
{
	if (shape_equal(&w->s, want))
		return true;
	site_fail(s, "weight %s has the shape %s; %s is needed", name, shape_print(&w->s).s, shape_print(want).s);
	return false;
}

/* x / max(|x|, eps) for a column x */
static node *unit(graph *g, node *x, double eps)
{
	node *sum = op_sum_all(g, op_square(g, x));
	sum = op_add_scalar(g, op_relu(g, op_add_scalar(g, sum, -eps * eps)), eps * eps);
	return op_mul(g, x, op_rsqrt(g, sum));
}

node *site_divided(site *s, node *w, node *u, bool by_rows)
{
	const double eps = site_real(s, "sn_epsilon", 1e-6);
	if (s->failed || !w || !u)
		return NULL;
	if (!(eps > 0))
		return site_fail(s, "sn_epsilon = %g: must be above 0", eps);
	const int64_t out = shape_last(&w->s), rows = shape_count(&w->s) / out;
	node *matrix = op_reshape(s->g, w, SHAPE(rows, out)), *column = op_reshape(s->g, u, SHAPE(by_rows ? rows : out, 1));
	node *v = unit(s->g, op_matmul(s->g, matrix, column, by_rows, false), eps);
	node *t = op_matmul(s->g, matrix, v, !by_rows, false);
	node *sigma = op_sum_all(s->g, op_mul(s->g, t, column));
	return op_mul(s->g, w, op_recip(s->g, sigma));
}

/* The first weight divided by sigma, for which the last one is needed now. */
static node *first_divided(site *s, node *w)
{
	const shape *k = &w->s;
	const shape want = SHAPE(s->by_rows ? k->dim[0] : shape_last(k));
	if (s->dry)
		return w;
	const int last = s->l->weights - 1;
	if (last < 1 || !weight_matches(s, &s->l->weight[last], "u", &want))
		return site_fail(s, "has no vector u");
	return site_divided(s, w, graph_leaf(s->g, s->buf[last]), s->by_rows);
}

node *site_weight(site *s, const char *name, shape want, bool trained)
{
	if (s->failed || !site_fits(s, &want))
		return NULL;
	must(s->wants.n < KERAS_WEIGHTS_MAX, "%s: more than %d weights", s->l->class_name, KERAS_WEIGHTS_MAX);
	const int k = s->wants.n++;
	keras_wanted *w = &s->wants.w[k];
	snprintf(w->name, sizeof w->name, "%s", name);
	w->s = want;
	w->trained = trained;
	node *x = NULL;
	if (s->dry)
		x = op_fill(s->g, want, 0);
	else if (k >= s->l->weights)
		site_fail(s, "has %d weights; %s is missing", s->l->weights, name);
	else if (weight_matches(s, &s->l->weight[k], name, &want))
		x = graph_leaf(s->g, s->buf[k]);
	return x && k == 0 && s->divide ? first_divided(s, x) : x;
}

/* ---- settings ---- */

int site_int(site *s, const char *key, int otherwise, int lo, int hi)
{
	const keras_value *v = keras_get(s->l, key);
	if (!v)
		return otherwise;
	if (v->kind > KERAS_FLOAT || v->number != floor(v->number) || !(v->number >= lo && v->number <= hi)) {
		site_fail(s, "setting %s must be a whole number from %d to %d", key, lo, hi);
		return lo;
	}
	return (int)v->number;
}

double site_real(site *s, const char *key, double otherwise)
{
	const keras_value *v = keras_get(s->l, key);
	if (!v)
		return otherwise;
	if (v->kind > KERAS_FLOAT || !isfinite(v->number))
		site_fail(s, "setting %s must be a number", key);
	return v->number;
}

bool site_flag(site *s, const char *key, bool otherwise)
{
	return site_real(s, key, otherwise) != 0;
}

void site_pair(site *s, const char *key, int otherwise, int lo, int hi, int out[2])
{
	const keras_value *v = keras_get(s->l, key);
	out[0] = out[1] = otherwise;
	if (!v)
		return;
	if (v->kind != KERAS_LIST) {
		out[0] = out[1] = site_int(s, key, otherwise, lo, hi);
		return;
	}
	for (int i = 0; i < 2; i++) {
		const int64_t x = v->n == 2 ? v->list[i] : INT64_MIN;
		if (x < lo || x > hi)
			site_fail(s, "setting %s must be two whole numbers from %d to %d", key, lo, hi);
		else
			out[i] = (int)x;
	}
}

int site_axis(site *s, const char *key, int otherwise, int rank)
{
	const int axis = site_int(s, key, otherwise, -RANK_MAX, RANK_MAX);
	const int at = axis < 0 ? axis + rank : axis;
	if (at >= 1 && at < rank)
		return at;
	site_fail(s, "setting %s = %d: its input has the axes 1 to %d", key, axis, rank - 1);
	return rank - 1;
}

void site_must_be(site *s, const char *key, const char *text)
{
	const keras_value *v = keras_get(s->l, key);
	if (v && (v->kind != KERAS_TEXT || strcmp(v->text, text)))
		site_fail(s, "setting %s = %.40s: only %s is supported", key, v->kind == KERAS_TEXT ? v->text : "(a number)",
			text);
}

/* Names that mean the same in Keras 2 and 3. hard_sigmoid does not, so it is not among them. */
node *site_activation(site *s, node *x, const char *name)
{
	static const char *const same[] = {
		"linear", "relu", "sigmoid", "tanh", "softmax", "swish", "gelu", "softplus", "elu", "selu", "exponential",
		"mish",
	};
	if (s->failed)
		return NULL;
	for (int i = 0; i < COUNT(same); i++)
		if (!strcmp(name, same[i]))
			return op_activation(s->g, x, name);
	if (!strcmp(name, "silu"))
		return op_swish(s->g, x);
	if (!strcmp(name, "relu6"))
		return op_clip(s->g, x, 0, 6);
	if (!strcmp(name, "leaky_relu"))
		return op_leaky_relu(s->g, x, 0.2);
	if (!strcmp(name, "softsign"))
		return op_div(s->g, x, op_add_scalar(s->g, op_abs(s->g, x), 1));
	return site_fail(s, "activation %.40s is not supported", name);
}
