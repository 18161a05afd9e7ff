/* placed.c - settings and weights of a layer, checked; the class of a name. */
#include "gan/keras/run/placed.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"

static const double ELEMENTS_MAX = (double)(INT64_C(1) << 36);

const keras_class *keras_class_at(int i)
{
	static const keras_class *const table[] = {
		keras_conv_classes, keras_norm_classes, keras_shape_classes, keras_merge_classes,
		keras_attention_classes, keras_function_classes, keras_companion_classes,
	};
	for (int t = 0; t < COUNT(table); t++)
		for (const keras_class *c = table[t]; c->name; c++)
			if (i-- == 0)
				return c;
	return NULL;
}

const keras_class *keras_class_of(const char *name)
{
	const keras_class *c;
	for (int i = 0; (c = keras_class_at(i)) && strcmp(c->name, name); i++)
		;
	return c;
}

node *placed_fail(keras_placed *p, const char *fmt, ...)
{
	if (p->failed)
		return NULL;
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	p->failed = true;
	fault_set(p->e, "%s", text);
	return NULL;
}

bool placed_fits(keras_placed *p, const shape *x)
{
	double n = 1;
	for (int i = 0; i < x->rank; i++) {
		if (x->dim[i] < 1) {
			placed_fail(p, "gives %s, a shape without elements", shape_print(x).s);
			return false;
		}
		n *= (double)x->dim[i];
	}
	if (n > ELEMENTS_MAX)
		placed_fail(p, "gives %s, too many elements", shape_print(x).s);
	return !p->failed;
}

bool placed_broadcast(keras_placed *p, node *const *x, int n)
{
	shape to = {.rank = 0, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 0; i < n; i++)
		to.rank = MAX(to.rank, x[i]->s.rank);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < x[i]->s.rank; k++) {
			int64_t *at = &to.dim[to.rank - x[i]->s.rank + k];
			const int64_t size = x[i]->s.dim[k];
			if (size != 1 && *at != 1 && size != *at) {
				placed_fail(p, "its inputs have sizes that do not go together: %s and %s",
					shape_print(&x[0]->s).s, shape_print(&x[i]->s).s);
				return false;
			}
			*at = MAX(*at, size);
		}
	return placed_fits(p, &to);
}

bool placed_rank(keras_placed *p, int rank)
{
	if (p->in[0]->s.rank != rank)
		placed_fail(p, "its input %s has %d axes; it takes %d", shape_print(&p->in[0]->s).s, p->in[0]->s.rank,
			rank);
	return !p->failed;
}

/* ---- weights ---- */

/* Files without names of their own ("0", "1") and made-up ones match by shape alone. */
static bool weight_matches(keras_placed *p, const keras_weight *w, const char *name, const shape *want)
{
	if (shape_equal(&w->s, want))
		return true;
	placed_fail(p, "weight %s has the shape %s; %s is needed", name, shape_print(&w->s).s, shape_print(want).s);
	return false;
}

/* x / max(|x|, eps) for a column x */
static node *unit(graph *g, node *x, double eps)
{
	node *sum = op_sum_all(g, op_square(g, x));
	sum = op_add_scalar(g, op_relu(g, op_add_scalar(g, sum, -eps * eps)), eps * eps);
	return op_mul(g, x, op_rsqrt(g, sum));
}

node *placed_divided(keras_placed *p, node *w, node *u, bool by_rows)
{
	const double eps = placed_real(p, "sn_epsilon", 1e-6);
	if (p->failed || !w || !u)
		return NULL;
	if (!(eps > 0))
		return placed_fail(p, "sn_epsilon = %g: must be above 0", eps);
	const int64_t out = shape_last(&w->s), rows = shape_count(&w->s) / out;
	node *matrix = op_reshape(p->g, w, SHAPE(rows, out)),
		*column = op_reshape(p->g, u, SHAPE(by_rows ? rows : out, 1));
	node *v = unit(p->g, op_matmul(p->g, matrix, column, by_rows, false), eps);
	node *t = op_matmul(p->g, matrix, v, !by_rows, false);
	node *sigma = op_sum_all(p->g, op_mul(p->g, t, column));
	return op_mul(p->g, w, op_recip(p->g, sigma));
}

/* The first weight divided by sigma, for which the last one is needed now. */
static node *first_divided(keras_placed *p, node *w)
{
	const shape *k = &w->s;
	const shape want = SHAPE(p->by_rows ? k->dim[0] : shape_last(k));
	if (p->dry)
		return w;
	const int last = p->layer->weights - 1;
	if (last < 1 || !weight_matches(p, &p->layer->weight[last], "u", &want))
		return placed_fail(p, "has no vector u");
	return placed_divided(p, w, graph_leaf(p->g, p->buf[last]), p->by_rows);
}

node *placed_weight(keras_placed *p, const char *name, shape want, bool trained)
{
	if (p->failed || !placed_fits(p, &want))
		return NULL;
	must(p->wants.n < KERAS_WEIGHTS_MAX, "%s: more than %d weights", p->layer->class_name, KERAS_WEIGHTS_MAX);
	const int k = p->wants.n++;
	keras_wanted *w = &p->wants.w[k];
	snprintf(w->name, sizeof w->name, "%s", name);
	w->s = want;
	w->trained = trained;
	node *x = NULL;
	if (p->dry)
		x = op_fill(p->g, want, 0);
	else if (k >= p->layer->weights)
		placed_fail(p, "has %d weights; %s is missing", p->layer->weights, name);
	else if (weight_matches(p, &p->layer->weight[k], name, &want))
		x = graph_leaf(p->g, p->buf[k]);
	return x && k == 0 && p->divide ? first_divided(p, x) : x;
}

/* ---- settings ---- */

const keras_value *placed_get(keras_placed *p, const char *key)
{
	must(p->asked < PLACED_ASKED_MAX, "%s: asks for more than %d settings", p->layer->class_name, PLACED_ASKED_MAX);
	p->ask[p->asked++] = key;
	return keras_get(p->layer, key);
}

const char *placed_text(keras_placed *p, const char *key, const char *otherwise)
{
	placed_get(p, key);
	return keras_text(p->layer, key, otherwise);
}

void placed_off(keras_placed *p, const char *key)
{
	if (placed_flag(p, key, false))
		placed_fail(p, "%s is not supported", key);
}

/* Settings that change nothing of what a layer predicts, whatever their value: of training, of files; of data_format
 * and mask_zero, where no class asks (what a mask would change, run.c sees). */
static bool is_harmless(const char *key)
{
	static const char *const name[] = {
		"trainable", "dtype", "autocast", "build_config", "registered_name", "function", "lora_alpha",
		"dropout", "rate", "seed", "noise_shape", "stddev", "l1", "l2",
		"momentum", "renorm_momentum", "synchronized", "power_iterations", "sn_iterations", "sn_epsilon",
		"data_format", "fill_mode", "fill_value", "input_length", "mask_zero",
		"flash_attention", "query_shape", "key_shape", "value_shape",
	};
	for (int i = 0; i < COUNT(name); i++)
		if (!strcmp(name[i], key))
			return true;
	return false;
}

void placed_known(keras_placed *p)
{
	static const char *const off[] = {"sparse", "ragged"};
	for (int i = 0; i < COUNT(off); i++)
		placed_off(p, off[i]);
	for (int i = 0; i < p->layer->values; i++) {
		const char *key = p->layer->value[i].key;
		bool known = is_harmless(key);
		for (int k = 0; k < p->asked; k++)
			known |= !strcmp(p->ask[k], key);
		if (!known)
			placed_fail(p, "setting %s is not known", key);
	}
}

int placed_int(keras_placed *p, const char *key, int otherwise, int lo, int hi)
{
	const keras_value *v = placed_get(p, key);
	if (!v)
		return otherwise;
	if (v->kind > KERAS_FLOAT || v->number != floor(v->number) || !(v->number >= lo && v->number <= hi)) {
		placed_fail(p, "setting %s must be a whole number from %d to %d", key, lo, hi);
		return lo;
	}
	return (int)v->number;
}

double placed_real(keras_placed *p, const char *key, double otherwise)
{
	const keras_value *v = placed_get(p, key);
	if (!v)
		return otherwise;
	if (v->kind > KERAS_FLOAT || !isfinite(v->number))
		placed_fail(p, "setting %s must be a number", key);
	return v->number;
}

bool placed_flag(keras_placed *p, const char *key, bool otherwise)
{
	return placed_real(p, key, otherwise) != 0;
}

void placed_pair(keras_placed *p, const char *key, int otherwise, int lo, int hi, int out[2])
{
	const keras_value *v = placed_get(p, key);
	out[0] = out[1] = otherwise;
	if (!v)
		return;
	if (v->kind != KERAS_LIST) {
		out[0] = out[1] = placed_int(p, key, otherwise, lo, hi);
		return;
	}
	for (int i = 0; i < 2; i++) {
		const int64_t x = v->n == 2 ? v->list[i] : INT64_MIN;
		if (x < lo || x > hi)
			placed_fail(p, "setting %s must be two whole numbers from %d to %d", key, lo, hi);
		else
			out[i] = (int)x;
	}
}

int placed_axis(keras_placed *p, const char *key, int otherwise, int rank)
{
	const int axis = placed_int(p, key, otherwise, -RANK_MAX, RANK_MAX);
	const int at = axis < 0 ? axis + rank : axis;
	if (at >= 1 && at < rank)
		return at;
	placed_fail(p, "setting %s = %d: its input has the axes 1 to %d", key, axis, rank - 1);
	return rank - 1;
}

void placed_must_be(keras_placed *p, const char *key, const char *text)
{
	const keras_value *v = placed_get(p, key);
	if (v && (v->kind != KERAS_TEXT || strcmp(v->text, text)))
		placed_fail(p, "setting %s = %.40s: only %s is supported", key,
			v->kind == KERAS_TEXT ? v->text : "(a number)", text);
}

/* a where sel > 0, else b, to the bit: both are selected, not computed, since a + relu(b - a) would round and make no
 * number of an infinity. The gate of b is open where the gate of a is shut, ties included. Where sel is no number both
 * are open: NaN comes through, and the sum of two equal infinities is what they are. */
static node *chosen(graph *g, node *a, node *b, node *sel)
{
	node *shut = op_add_scalar(g, op_neg(g, op_gate(g, op_fill(g, sel->s, 1), sel, 0)), 1);
	node *other = op_add(g, shut, op_relu(g, op_neg(g, sel)));
	return op_add(g, op_gate(g, op_broadcast(g, a, sel->s), sel, 0),
		op_gate(g, op_broadcast(g, b, sel->s), other, 0));
}

node *placed_larger(graph *g, node *a, node *b)
{
	return chosen(g, a, b, op_sub(g, a, b));
}

node *placed_smaller(graph *g, node *a, node *b)
{
	return chosen(g, a, b, op_sub(g, b, a));
}

/* Names that mean the same in Keras 2 and 3. hard_sigmoid does not, so it is not among them. */
node *placed_activation(keras_placed *p, node *x, const char *name)
{
	static const char *const same[] = {
		"linear", "relu", "sigmoid", "tanh", "softmax", "swish", "gelu", "softplus", "elu", "selu",
		"exponential", "mish",
	};
	if (p->failed)
		return NULL;
	for (int i = 0; i < COUNT(same); i++)
		if (!strcmp(name, same[i]))
			return op_activation(p->g, x, name);
	if (!strcmp(name, "silu"))
		return op_swish(p->g, x);
	if (!strcmp(name, "relu6"))
		return op_clip(p->g, x, 0, 6);
	if (!strcmp(name, "leaky_relu"))
		return op_leaky_relu(p->g, x, 0.2);
	if (!strcmp(name, "softsign"))
		return op_div(p->g, x, op_add_scalar(p->g, op_abs(p->g, x), 1));
	return placed_fail(p, "activation %.40s is not supported", name);
}
