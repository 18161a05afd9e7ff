/* onnx.c - the frame of the ONNX export: inputs, outputs, one call per layer. */
#include "gan/keras/onnx/onnx.h"

#include "core/base/local.h"
#include "gan/keras/onnx/onnx_internal.h"
#include "gan/keras/model/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool onnx_refuse(const onnx_layer *t, const char *what)
{
	return fault_set(t->x->e, "layer %s (%s): %s has no counterpart in the ONNX export", t->l->name,
		t->l->class_name, what);
}

const char *onnx_own(const onnx_layer *t, const char *what, char out[ONNX_NAME])
{
	snprintf(out, ONNX_NAME, "%s/%s", t->l->name, what);
	return out;
}

/* ---- nodes ---- */

onnx_node *onnx_unary(const onnx_layer *t, const char *op, const char *output, const char *input)
{
	return onnx_add(t->g, op, output, 1, &input);
}

onnx_node *onnx_binary(const onnx_layer *t, const char *op, const char *output, const char *a, const char *b)
{
	return onnx_add(t->g, op, output, 2, (const char *const[]){a, b});
}

void onnx_transpose(const onnx_layer *t, const char *output, const char *input, int n, const int64_t *order)
{
	onnx_ints(t->g, onnx_unary(t, "Transpose", output, input), "perm", n, order);
}

void onnx_number(const onnx_layer *t, const char *op, const char *output, const char *input, const char *name, double x)
{
	char constant[ONNX_NAME];
	real value = (real)x;
	onnx_floats(t->g, onnx_own(t, name, constant), shape_scalar(), &value);
	onnx_binary(t, op, output, input, constant);
}

void onnx_reshape(const onnx_layer *t, const char *output, const char *input, const shape *s)
{
	int64_t dims[RANK_MAX + 1] = {0};            /* 0: the batch, as it is */
	char constant[ONNX_NAME];
	memcpy(dims + 1, s->dim, (size_t)s->rank * sizeof *dims);
	onnx_list(t->g, onnx_own(t, "shape", constant), s->rank + 1, dims);
	onnx_binary(t, "Reshape", output, input, constant);
}

/* ---- weights ---- */

const keras_weight *onnx_need(const onnx_layer *t, const char *name, int rank)
{
	const keras_weight *w = keras_find_weight(t->l, name);
	if (w && w->s.rank == rank)
		return w;
	fault_set(t->x->e, "layer %s (%s): its weight %s is missing or has another rank than %d", t->l->name,
		  t->l->class_name, name, rank);
	return NULL;
}

bool onnx_weight(const onnx_layer *t, const char *name, int rank)
{
	char full[ONNX_NAME];
	const keras_weight *w = onnx_need(t, name, rank);
	if (w)
		onnx_floats(t->g, onnx_own(t, name, full), w->s, w->x);
	return w;
}

bool onnx_kernel(const onnx_layer *t, const keras_weight *w)
{
	char full[ONNX_NAME];
	const int64_t *n = w->s.dim, taps = n[0] * n[1];
	real *x = mem_new((size_t)shape_count(&w->s), sizeof *x, t->x->e), *to = x;
	if (!x)
		return false;
	for (int64_t b = 0; b < n[3]; b++)
		for (int64_t a = 0; a < n[2]; a++)
			for (int64_t i = 0; i < taps; i++)
				*to++ = w->x[(i * n[2] + a) * n[3] + b];
	onnx_floats(t->g, onnx_own(t, "kernel", full), SHAPE(n[3], n[2], n[0], n[1]), x);
	free(x);
	return true;
}

bool onnx_vector(const onnx_layer *t, const char *name, int64_t n, real otherwise)
{
	char full[ONNX_NAME];
	if (keras_find_weight(t->l, name)) {
		const keras_weight *w = onnx_need(t, name, 1);
		if (w && w->s.dim[0] != n)
			return fault_set(t->x->e, "layer %s: %s has %lld elements, not %lld", t->l->name, name,
					 (long long)w->s.dim[0], (long long)n);
		return w && onnx_weight(t, name, 1);
	}
	real *x = mem_new((size_t)n, sizeof *x, t->x->e);
	for (int64_t i = 0; x && i < n; i++)
		x[i] = otherwise;
	if (x)
		onnx_floats(t->g, onnx_own(t, name, full), SHAPE(n), x);
	free(x);
	return x;
}

/* ---- values and their orders ---- */

/* What the user gives or gets. */
static bool is_end(const keras_model *m, int i)
{
	bool end = !strcmp(m->layer[i].class_name, "InputLayer");
	for (int o = 0; o < m->outputs; o++)
		end = end || m->output[o] == i;
	return end;
}

static void value_name(const onnx_export *x, int i, enum onnx_order order, char out[ONNX_NAME])
{
	static const char *const what[] = {[ONNX_LAST] = "/last", [ONNX_MAPS] = "/map"};
	const bool two = x->s[i].rank == 3, seen = is_end(x->m, i) && (!two || order == ONNX_LAST);
	snprintf(out, ONNX_NAME, "%s%s", x->m->layer[i].name, seen ? "" : two ? what[order] : "/value");
}

/* The name of layer i's result in this order, with a Transpose when it is not there yet; `out` has room for ONNX_NAME
 * letters. (gcc 14 takes a parameter out[ONNX_NAME] for too short where it loses count of a layer's inputs.) */
static void value_in(const onnx_export *x, int i, enum onnx_order order, char *out)
{
	static const int64_t turn[][4] = {[ONNX_LAST] = {0, 2, 3, 1}, [ONNX_MAPS] = {0, 3, 1, 2}};
	const onnx_layer t = {.g = x->g, .l = &x->m->layer[i]};
	char other[ONNX_NAME];
	value_name(x, i, order, out);
	if (x->s[i].rank != 3 || x->made[i][order])
		return;
	value_name(x, i, ONNX_LAST + ONNX_MAPS - order, other);
	onnx_transpose(&t, out, other, 4, turn[order]);
	x->made[i][order] = true;
}

/* How a layer of this class reads its inputs. */
static enum onnx_order order_of(const onnx_export *x, const onnx_class *c, const keras_layer *l)
{
	enum onnx_order order = c->order;
	for (int k = 0; c->order == ONNX_EITHER && k < l->nin; k++) {
		const bool maps = x->s[l->in[k]].rank == 3 && x->made[l->in[k]][ONNX_MAPS];
		order = maps ? ONNX_MAPS : order == ONNX_EITHER ? ONNX_LAST : order;
	}
	return order;
}

/* ---- all ---- */

static bool put_input(const onnx_layer *t)
{
	onnx_input(t->g, t->l->name, *t->s, !strcmp(keras_text(t->l, "dtype", "float32"), "int32"));
	return true;
}

static const onnx_class ends[] = {{"InputLayer", put_input, ONNX_LAST}, {0}};
static const onnx_class *const tables[] = {ends, onnx_pointwise, onnx_products, onnx_windows, onnx_ops};

static const onnx_class *class_of(const char *name)
{
	for (int k = 0; k < COUNT(tables); k++)
		for (const onnx_class *c = tables[k]; c->class_name; c++)
			if (!strcmp(c->class_name, name))
				return c;
	return NULL;
}

static bool put_layer(onnx_export *x, int i)
{
	const keras_layer *l = &x->m->layer[i];
	const onnx_class *c = class_of(l->class_name);
	char from[KERAS_INPUTS][ONNX_NAME];
	onnx_layer t = {.x = x, .g = x->g, .l = l, .s = &x->s[i], .in = l->nin ? &x->s[l->in[0]] : NULL};
	if (!c)
		return fault_set(x->e, "layer %s: class %s has no ONNX operators here", l->name, l->class_name);
	const enum onnx_order order = order_of(x, c, l);
	t.maps = order == ONNX_MAPS;
	for (int k = 0; k < l->nin; k++) {
		value_in(x, l->in[k], order, from[k]);
		t.from[k] = from[k];
	}
	value_name(x, i, order, t.out);
	x->made[i][order] = true;
	return c->put(&t);
}

static void put_output(const onnx_export *x, int i)
{
	char name[ONNX_NAME];
	value_in(x, i, ONNX_LAST, name);
	onnx_output(x->g, name, x->s[i]);
}

static bool put_all(onnx_export *x)
{
	for (int i = 0; i < x->m->layers; i++)
		if (!put_layer(x, i))
			return false;
	for (int o = 0; o < x->m->outputs; o++)
		put_output(x, x->m->output[o]);
	return true;
}

bool keras_write_onnx(const keras_model *m, const char *path, fault *e)
{
	fault why = {.text = ""};
	onnx_export x = {
		.m = m, .s = mem_zero((size_t)m->layers, sizeof *x.s, &why), .g = onnx_new(m->name, &why),
		.made = mem_zero((size_t)m->layers, sizeof *x.made, &why), .e = &why,
	};
	bool ok = x.s && x.g && x.made && keras_shapes(m, x.s, &why) && put_all(&x);
	if (!ok)
		fault_set(e, "%s: %s", path, why.text);
	ok = ok && onnx_save(x.g, path, e);
	onnx_free(x.g);
	free(x.made);
	free(x.s);
	return ok;
}
