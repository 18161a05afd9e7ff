/* shapes.c - one rule per class, in a table. Batch axes are left out everywhere, but Keras counts them in
 * `axis`, `axes` and batch_input_shape. */
#include "gan/keras/model/shapes.h"

#include <string.h>

#include "core/base/local.h"

/* Shape rule of a class: in[0..l->nin) -> out. Errors name the layer. */
typedef bool shape_rule(const keras_layer *l, const shape *in, shape *out, fault *e);

static const int64_t ELEMENTS_MAX = (int64_t)1 << 40;

static bool wrong(const keras_layer *l, const shape *in, const char *what, fault *e)
{
	return fault_set(e, "layer %s (%s) of %s: %s", l->name, l->class_name, shape_print(in).s, what);
}

/* Two numbers of a list setting, or `otherwise` for both. */
static bool pair(const keras_layer *l, const char *key, int64_t otherwise, int64_t out[2])
{
	const keras_value *v = keras_get(l, key);
	out[0] = out[1] = otherwise;
	if (!v)
		return true;
	if (v->kind != KERAS_LIST || v->n != 2)
		return false;
	out[0] = v->list[0];
	out[1] = v->list[1];
	return out[0] >= 1 && out[1] >= 1;
}

/* A number that counts something; 0 where it is none or too large, which no result may have. */
static int64_t number_of(const keras_layer *l, const char *key)
{
	const double x = keras_number(l, key, 0);
	return x >= 1 && x <= (double)ELEMENTS_MAX ? (int64_t)x : 0;
}

/* Each axis of a map times its factor, both from 1 on. */
static bool enlarge(const keras_layer *l, const int64_t factor[2], shape *s, fault *e)
{
	for (int i = 0; i < 2; i++) {
		if (s->dim[i] > ELEMENTS_MAX / factor[i])
			return wrong(l, s, "its result is too large", e);
		s->dim[i] *= factor[i];
	}
	return true;
}

static bool is_map(const keras_layer *l, const shape *in, fault *e)
{
	if (strcmp(keras_text(l, "data_format", "channels_last"), "channels_last") != 0)
		return wrong(l, in, "data_format is not channels_last", e);
	return in->rank == 3 || wrong(l, in, "maps of [H,W,C] are expected", e);
}

/* ---- elementwise ---- */

static bool of_input(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	const keras_value *v = keras_get(l, "batch_input_shape");
	(void)in;
	*out = shape_scalar();
	for (int i = 1; v && v->kind == KERAS_LIST && i < v->n; i++) {
		if (v->list[i] < 1)
			return fault_set(e, "layer %s: axis %d has no fixed size", l->name, i);
		out->dim[out->rank++] = v->list[i];
	}
	return v || fault_set(e, "layer %s: no batch_input_shape", l->name);
}

static bool of_same(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	(void)l, (void)e;
	*out = in[0];
	return true;
}

static bool of_broadcast(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	*out = in[0];
	for (int k = 1; k < l->nin; k++) {
		if (in[k].rank != out->rank)
			return wrong(l, &in[k], "another number of axes than the first input", e);
		for (int i = 0; i < out->rank; i++) {
			int64_t a = out->dim[i], b = in[k].dim[i];
			if (a != b && a != 1 && b != 1)
				return wrong(l, &in[k], "does not fit the first input", e);
			out->dim[i] = MAX(a, b);
		}
	}
	return true;
}

/* ---- products ---- */

static bool of_dense(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	*out = in[0];
	if (in->rank < 1)
		return wrong(l, in, "nothing to multiply", e);
	out->dim[out->rank - 1] = number_of(l, "units");
	return true;
}

static bool of_embedding(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	*out = in[0];
	if (in->rank >= RANK_MAX)
		return wrong(l, in, "too many axes", e);
	out->dim[out->rank++] = number_of(l, "output_dim");
	return true;
}

/* An axis of Dot, counted with the batch, as one of s; -1 when it is none. */
static int dot_axis(const keras_layer *l, int k, const shape *s)
{
	const keras_value *v = keras_get(l, "axes");
	int64_t axis = !v ? 0 : v->kind == KERAS_LIST ? (v->n == 2 ? v->list[k] : 0) : (int64_t)v->number;
	if (axis < 0)
		axis += s->rank + 1;
	return axis >= 1 && axis <= s->rank ? (int)axis - 1 : -1;
}

/* Sums over one axis of each: [N,d] and [M,d] along d give [N,M]; two vectors give [1]. */
static bool of_dot(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	if (l->nin != 2)
		return wrong(l, in, "two inputs are expected", e);
	int a = dot_axis(l, 0, &in[0]), b = dot_axis(l, 1, &in[1]);
	if (a < 0 || b < 0 || in[0].dim[a] != in[1].dim[b] || in[0].rank + in[1].rank > RANK_MAX)
		return wrong(l, &in[1], "its axis does not fit the first input's", e);
	*out = shape_scalar();
	for (int i = 0; i < in[0].rank; i++)
		if (i != a)
			out->dim[out->rank++] = in[0].dim[i];
	for (int i = 0; i < in[1].rank; i++)
		if (i != b)
			out->dim[out->rank++] = in[1].dim[i];
	if (out->rank == 0)
		out->dim[out->rank++] = 1;
	return true;
}

/* ---- windows ---- */

void keras_same(int64_t n, int64_t k, int64_t stride, int64_t pad[2])
{
	int64_t all = MAX(((n + stride - 1) / stride - 1) * stride + k - n, 0);
	pad[0] = all / 2;
	pad[1] = all - all / 2;
}

const char *keras_pool_strides(const keras_layer *l)
{
	return keras_get(l, "strides") ? "strides" : "pool_size";
}

/* Both kinds of convolution and pooling: `size` and `strides` are the settings with the window and its steps, which
 * are `otherwise` without them. */
static bool windows(const keras_layer *l, const char *size, const char *strides, int64_t otherwise, const shape *in,
		    shape *out, fault *e)
{
	int64_t k[2], s[2], d[2];
	const char *padding = keras_text(l, "padding", "valid");
	bool same = !strcmp(padding, "same");
	if (!is_map(l, in, e))
		return false;
	if (!pair(l, size, otherwise, k) || !pair(l, strides, otherwise, s) || !pair(l, "dilation_rate", 1, d))
		return wrong(l, in, "its window or stride is not two positive numbers", e);
	if (!same && strcmp(padding, "valid") != 0)
		return wrong(l, in, "padding must be same or valid", e);
	*out = in[0];
	for (int i = 0; i < 2; i++) {
		int64_t n = in->dim[i], wide = (k[i] - 1) * d[i] + 1;
		if (!same && n < wide)
			return wrong(l, in, "its window is larger than the map", e);
		out->dim[i] = same ? (n + s[i] - 1) / s[i] : (n - wide) / s[i] + 1;
	}
	return true;
}

static bool of_conv(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	if (!windows(l, "kernel_size", "strides", 1, in, out, e))
		return false;
	out->dim[2] = number_of(l, "filters");
	return true;
}

static bool of_transpose(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	int64_t k[2], s[2];
	bool same = !strcmp(keras_text(l, "padding", "valid"), "same");
	if (!is_map(l, in, e))
		return false;
	if (!pair(l, "kernel_size", 1, k) || !pair(l, "strides", 1, s))
		return wrong(l, in, "its window or stride is not two positive numbers", e);
	*out = in[0];
	if (!enlarge(l, s, out, e))
		return false;
	for (int i = 0; i < 2 && !same; i++)
		out->dim[i] += MAX(k[i] - s[i], 0);
	out->dim[2] = number_of(l, "filters");
	return true;
}

static bool of_pool(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	return windows(l, "pool_size", keras_pool_strides(l), 2, in, out, e);
}

static bool of_pool_all(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	*out = SHAPE(in->dim[2]);
	if (keras_number(l, "keepdims", 0) != 0)
		return wrong(l, in, "keepdims is not known here", e);
	return is_map(l, in, e);
}

/* ---- moving ---- */

/* The product never gets beyond `all`: larger ones would overflow, to 0 among others. */
bool keras_reshape(int64_t all, int n, const int64_t *list, int64_t *dim)
{
	int64_t known = 1;
	int open = -1;
	for (int i = 0; i < n; i++) {
		dim[i] = list[i];
		if (list[i] == -1 && open < 0)
			open = i;
		else if (list[i] < 1 || known > all / list[i])
			return false;
		else
			known *= list[i];
	}
	if (open >= 0)
		dim[open] = all / known;
	return all == known * (open >= 0 ? dim[open] : 1);
}

static bool of_reshape(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	const keras_value *v = keras_get(l, "target_shape");
	if (!v || v->kind != KERAS_LIST)
		return wrong(l, in, "no target_shape", e);
	*out = shape_of(v->n, v->list);
	return keras_reshape(shape_count(in), v->n, v->list, out->dim)
		|| wrong(l, in, "target_shape does not fit", e);
}

static bool of_flatten(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	(void)l, (void)e;
	*out = SHAPE(shape_count(in));
	return true;
}

/* Rows and columns around a map: `sign` of them more. */
static bool of_edges(const keras_layer *l, const char *key, int sign, const shape *in, shape *out, fault *e)
{
	const keras_value *v = keras_get(l, key);
	if (!is_map(l, in, e))
		return false;
	if (!v || v->kind != KERAS_PAIRS || v->n != 4)
		return wrong(l, in, "it must have [[top, bottom], [left, right]]", e);
	*out = in[0];
	for (int i = 0; i < 4; i++) {
		if (v->list[i] < 0 || v->list[i] > ELEMENTS_MAX)
			return wrong(l, in, "an edge is negative or too large", e);
		out->dim[i / 2] += sign * v->list[i];
	}
	return (out->dim[0] >= 1 && out->dim[1] >= 1) || wrong(l, in, "nothing is left of the map", e);
}

static bool of_padding(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	return of_edges(l, "padding", 1, in, out, e);
}

static bool of_cropping(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	return of_edges(l, "cropping", -1, in, out, e);
}

/* Along the last axis. */
static bool of_join(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	*out = in[0];
	const int last = out->rank - 1, axis = (int)keras_number(l, "axis", -1);
	if (last < 0)
		return wrong(l, in, "it has no axis to join along", e);
	if (axis != -1 && axis != out->rank)
		return wrong(l, in, "only the last axis is joined here", e);
	for (int i = 1; i < l->nin; i++) {
		shape like = in[i];
		if (like.rank != out->rank)
			return wrong(l, in, "another number of axes beside it", e);
		out->dim[last] += like.dim[last];
		like.dim[last] = in[0].dim[last];
		if (!shape_equal(&like, in))
			return wrong(l, in, "another size beside it", e);
	}
	return true;
}

static bool of_upsampling(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	int64_t k[2];
	if (!is_map(l, in, e))
		return false;
	if (!pair(l, "size", 2, k))
		return wrong(l, in, "size must be two positive numbers", e);
	*out = in[0];
	return enlarge(l, k, out, e);
}

/* A single operation of the graph carries it. */
static bool of_result(const keras_layer *l, const shape *in, shape *out, fault *e)
{
	const keras_value *v = keras_get(l, "result");
	if (!v || v->kind != KERAS_LIST)
		return wrong(l, in, "no result", e);
	*out = shape_of(v->n, v->list);
	return true;
}

/* ---- all ---- */

static const struct {
	const char *class_name;
	shape_rule *rule;
	int nin;                                     /* -1: one or more */
} rules[] = {
	{"InputLayer", of_input, 0},
	{"Dense", of_dense, 1},
	{"Conv2D", of_conv, 1},
	{"Conv2DTranspose", of_transpose, 1},
	{"Embedding", of_embedding, 1},
	{"BatchNormalization", of_same, 1},
	{"ReLU", of_same, 1},
	{"LeakyReLU", of_same, 1},
	{"Dropout", of_same, 1},
	{"Activation", of_same, 1},
	{"Softmax", of_same, 1},
	{"LayerNormalization", of_same, 1},
	{"Rescaling", of_same, 1},
	{"Reshape", of_reshape, 1},
	{"Flatten", of_flatten, 1},
	{"ZeroPadding2D", of_padding, 1},
	{"Cropping2D", of_cropping, 1},
	{"Concatenate", of_join, -1},
	{"UpSampling2D", of_upsampling, 1},
	{"AveragePooling2D", of_pool, 1},
	{"MaxPooling2D", of_pool, 1},
	{"GlobalAveragePooling2D", of_pool_all, 1},
	{"Dot", of_dot, 2},
	{"Add", of_broadcast, -1},
	{"Multiply", of_broadcast, -1},
	{"sagan>SpectralDense", of_dense, 1},        /* the second form: docs/keras-layers.md */
	{"sagan>SpectralConv2D", of_conv, 1},
	{"sagan>SpectralConv2DTranspose", of_transpose, 1},
	{"sagan>SpectralEmbedding", of_embedding, 1},
	{"sagan>ConditionalScaleShift", of_same, 2},
	{"sagan>GlobalSumPooling2D", of_pool_all, 1},
	{"sagan>", of_same, 1},                      /* the others keep their map */
	{"op>", of_result, -1},                      /* gan/keras/trace/trace_single.c */
};

/* A name that ends in > stands for all that begin so. */
static bool is_of(const keras_layer *l, const char *class_name)
{
	const size_t n = strlen(class_name);
	return class_name[n - 1] == '>' ? !strncmp(l->class_name, class_name, n) : !strcmp(l->class_name, class_name);
}

static bool shape_one(const keras_layer *l, const shape *all, shape *out, fault *e)
{
	shape in[KERAS_INPUTS] = {{0}};
	for (int k = 0; k < l->nin; k++)
		in[k] = all[l->in[k]];
	for (int i = 0; i < COUNT(rules); i++) {
		if (!is_of(l, rules[i].class_name))
			continue;
		if (rules[i].nin < 0 ? l->nin < 1 : l->nin != rules[i].nin)
			return fault_set(e, "layer %s (%s): %d inputs", l->name, l->class_name, l->nin);
		if (!rules[i].rule(l, in, out, e))
			return false;
		int64_t n = 1;
		for (int d = 0; d < out->rank; d++) {
			if (out->dim[d] < 1 || n > ELEMENTS_MAX / out->dim[d])
				return wrong(l, in, "its result is empty or too large", e);
			n *= out->dim[d];
		}
		return true;
	}
	return fault_set(e, "layer %s: class %s is not known here", l->name, l->class_name);
}

bool keras_shapes(const keras_model *m, shape *s, fault *e)
{
	for (int i = 0; i < m->layers; i++)
		if (!shape_one(&m->layer[i], s, &s[i], e))
			return false;
	return true;
}
