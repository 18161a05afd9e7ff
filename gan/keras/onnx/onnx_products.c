/* onnx_products.c - Dense, Embedding and Dot as ONNX nodes. */
#include "gan/keras/onnx/onnx_internal.h"

#include <string.h>

/* y = x W + b over the last axis; where it is axis 1, that is a convolution with a window of one. */
static bool put_dense(const onnx_layer *t)
{
	char kernel[ONNX_NAME], bias[ONNX_NAME], sum[ONNX_NAME], before[ONNX_NAME];
	bool has_bias = keras_find_weight(t->l, "bias") != NULL;
	const keras_weight *w = onnx_need(t, "kernel", 2);
	if (!w || (has_bias && !onnx_weight(t, "bias", 1)))
		return false;
	const char *value = onnx_before(t, before);
	onnx_own(t, "kernel", kernel);
	onnx_own(t, "bias", bias);
	if (t->maps && t->s->rank == 3) {
		keras_weight as = *w;
		as.s = SHAPE(1, 1, w->s.dim[0], w->s.dim[1]);
		if (!onnx_kernel(t, &as))
			return false;
		onnx_add(t->g, "Conv", value, has_bias ? 3 : 2, (const char *const[]){t->from[0], kernel, bias});
		return onnx_after(t, value);
	}
	onnx_floats(t->g, kernel, w->s, w->x);
	const char *product = has_bias ? onnx_own(t, "product", sum) : value;
	onnx_binary(t, "MatMul", product, t->from[0], kernel);
	if (has_bias)
		onnx_binary(t, "Add", value, product, bias);
	return onnx_after(t, value);
}

/* Rows of a table; labels may come as floats. */
static bool put_embedding(const onnx_layer *t)
{
	char table[ONNX_NAME], label[ONNX_NAME];
	const keras_layer *from = &t->x->m->layer[t->l->in[0]];
	const char *index = t->from[0];
	if (t->s->rank > 2)
		return onnx_refuse(t, "more than one label per sample");
	if (!onnx_weight(t, "embeddings", 2))
		return false;
	if (strcmp(from->class_name, "InputLayer") || strcmp(keras_text(from, "dtype", "float32"), "int32")) {
		index = onnx_own(t, "label", label);
		onnx_int(t->g, onnx_unary(t, "Cast", index, t->from[0]), "to", 7);         /* int64 */
	}
	onnx_binary(t, "Gather", t->out, onnx_own(t, "embeddings", table), index);
	return true;
}

/* The axis that Dot sums over, 1 or 2 of [N,n,k]. */
static int64_t dot_axis(const onnx_layer *t, int k)
{
	const keras_value *v = keras_get(t->l, "axes");
	const shape *s = &t->x->s[t->l->in[k]];
	int64_t axis = v->kind == KERAS_LIST ? v->list[k] : (int64_t)v->number;
	return axis < 0 ? axis + s->rank + 1 : axis;
}

/* [N,n,k] and [N,m,k] give [N,n,m], whatever the order of their axes; [N,k] and [N,k] give [N,1]. */
static bool put_dot(const onnx_layer *t)
{
	static const int64_t swap[] = {0, 2, 1}, one = 1;
	char a[ONNX_NAME], b[ONNX_NAME];
	const shape *s = &t->x->s[t->l->in[0]], *s1 = &t->x->s[t->l->in[1]];
	if (keras_number(t->l, "normalize", 0) != 0)
		return onnx_refuse(t, "normalize");
	if (s->rank == 1 && s1->rank == 1) {
		onnx_binary(t, "Mul", onnx_own(t, "product", a), t->from[0], t->from[1]);
		onnx_list(t->g, onnx_own(t, "axes", b), 1, &one);
		onnx_binary(t, "ReduceSum", t->out, a, b);
		return true;
	}
	if (s->rank != 2 || s1->rank != 2)
		return onnx_refuse(t, "this number of axes");
	const char *left = t->from[0], *right = t->from[1];
	if (dot_axis(t, 0) == 1)
		onnx_transpose(t, left = onnx_own(t, "left", a), t->from[0], 3, swap);
	if (dot_axis(t, 1) == 2)
		onnx_transpose(t, right = onnx_own(t, "right", b), t->from[1], 3, swap);
	onnx_binary(t, "MatMul", t->out, left, right);
	return true;
}

const onnx_class onnx_products[] = {
	{"Dense", put_dense, ONNX_EITHER}, {"Embedding", put_embedding, ONNX_LAST}, {"Dot", put_dot, ONNX_LAST},
	{0},
};
