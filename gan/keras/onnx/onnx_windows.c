/* onnx_windows.c - convolutions, pooling, resizing and padding of maps as ONNX nodes. */
#include "core/base/local.h"
#include "gan/keras/onnx/onnx_internal.h"
#include "gan/keras/model/shapes.h"

#include <string.h>

static void pair(const onnx_layer *t, const char *key, int64_t otherwise, int64_t out[2])
{
	const keras_value *v = keras_get(t->l, key);
	out[0] = v ? v->list[0] : otherwise;
	out[1] = v ? v->list[1] : otherwise;
}

static bool is_same(const onnx_layer *t)
{
	return !strcmp(keras_text(t->l, "padding", "valid"), "same");
}

/* top, left, bottom, right of a window of k at this stride and dilation. */
static void pads(const onnx_layer *t, const int64_t k[2], const int64_t stride[2], const int64_t dilation[2],
		 int64_t out[4])
{
	for (int i = 0; i < 2; i++) {
		int64_t pad[2] = {0, 0};
		if (is_same(t))
			keras_same(t->in->dim[i], (k[i] - 1) * dilation[i] + 1, stride[i], pad);
		out[i] = pad[0];
		out[i + 2] = pad[1];
	}
}

typedef struct conv_settings {
	int64_t stride[2], dilation[2], k[2];
} conv_settings;

/* Settings of a convolution of either kind, whose kernel and bias become initializers. */
static bool conv_read(const onnx_layer *t, conv_settings *c)
{
	const keras_weight *w = onnx_need(t, "kernel", 4);
	if (!w || !onnx_kernel(t, w) || (keras_find_weight(t->l, "bias") && !onnx_weight(t, "bias", 1)))
		return false;
	pair(t, "strides", 1, c->stride);
	pair(t, "dilation_rate", 1, c->dilation);
	pair(t, "kernel_size", 1, c->k);
	return true;
}

/* A convolution of either kind: the node without what is special to it. */
static onnx_node *convolution(const onnx_layer *t, const char *op, const char *value, const int64_t stride[2],
			      const int64_t dilation[2], const int64_t pad[4])
{
	char kernel[ONNX_NAME], bias[ONNX_NAME];
	const char *const in[] = {t->from[0], onnx_own(t, "kernel", kernel), onnx_own(t, "bias", bias)};
	onnx_node *node = onnx_add(t->g, op, value, keras_find_weight(t->l, "bias") ? 3 : 2, in);
	onnx_ints(t->g, node, "strides", 2, stride);
	onnx_ints(t->g, node, "dilations", 2, dilation);
	onnx_ints(t->g, node, "pads", 4, pad);
	return node;
}

/* Keras' kernel (kh, kw, in, out) is (out, in, kh, kw) in ONNX. */
static bool put_conv(const onnx_layer *t)
{
	conv_settings c;
	int64_t pad[4];
	char before[ONNX_NAME];
	if (!conv_read(t, &c))
		return false;
	pads(t, c.k, c.stride, c.dilation, pad);
	const char *value = onnx_before(t, before);
	onnx_node *node = convolution(t, "Conv", value, c.stride, c.dilation, pad);
	onnx_int(t->g, node, "group", (int64_t)keras_number(t->l, "groups", 1));
	return onnx_after(t, value);
}

/* Keras' kernel (kh, kw, out, in) is (in, out, kh, kw) in ONNX. The result has s n rows, or with padding
 * "valid" max(k - s, 0) more; ONNX' own is (n - 1) s + k - pads + output_padding. */
static bool put_conv_transpose(const onnx_layer *t)
{
	static const int64_t one[2] = {1, 1};
	conv_settings c;
	int64_t pad[4], extra[2];
	char before[ONNX_NAME];
	if (!conv_read(t, &c))
		return false;
	if (c.dilation[0] != 1 || c.dilation[1] != 1 || keras_number(t->l, "groups", 1) != 1
		|| keras_get(t->l, "output_padding"))
		return onnx_refuse(t, "dilation, groups or output_padding");
	for (int i = 0; i < 2; i++) {
		int64_t all = is_same(t) ? MAX(c.k[i] - c.stride[i], 0) : 0;
		pad[i] = all / 2;
		pad[i + 2] = all - all / 2;
		extra[i] = MAX(c.stride[i] - c.k[i], 0);
	}
	const char *value = onnx_before(t, before);
	onnx_ints(t->g, convolution(t, "ConvTranspose", value, c.stride, one, pad), "output_padding", 2, extra);
	return onnx_after(t, value);
}

static bool put_pool(const onnx_layer *t)
{
	static const int64_t one[2] = {1, 1};
	int64_t k[2], stride[2], pad[4];
	bool largest = !strcmp(t->l->class_name, "MaxPooling2D");
	pair(t, "pool_size", 2, k);
	pair(t, keras_pool_strides(t->l), 2, stride);
	pads(t, k, stride, one, pad);
	onnx_node *node = onnx_unary(t, largest ? "MaxPool" : "AveragePool", t->out, t->from[0]);
	onnx_ints(t->g, node, "kernel_shape", 2, k);
	onnx_ints(t->g, node, "strides", 2, stride);
	onnx_ints(t->g, node, "pads", 4, pad);
	return true;
}

static bool put_pool_all(const onnx_layer *t)
{
	char maps[ONNX_NAME];
	onnx_unary(t, "GlobalAveragePool", onnx_own(t, "mean", maps), t->from[0]);
	onnx_unary(t, "Flatten", t->out, maps);
	return true;
}

static bool put_upsampling(const onnx_layer *t)
{
	int64_t k[2];
	char constant_name[ONNX_NAME];
	const char *how = keras_text(t->l, "interpolation", "nearest");
	bool nearest = !strcmp(how, "nearest");
	pair(t, "size", 2, k);
	if (!nearest && strcmp(how, "bilinear") != 0)
		return onnx_refuse(t, how);
	onnx_floats(t->g, onnx_own(t, "scales", constant_name), SHAPE(4), (const real[]){1, 1, (real)k[0], (real)k[1]});
	onnx_node *node = onnx_add(t->g, "Resize", t->out, 3, (const char *const[]){t->from[0], "", constant_name});
	onnx_text(t->g, node, "mode", nearest ? "nearest" : "linear");
	onnx_text(t->g, node, "coordinate_transformation_mode", nearest ? "asymmetric" : "half_pixel");
	if (nearest)
		onnx_text(t->g, node, "nearest_mode", "floor");
	return true;
}

static bool put_padding(const onnx_layer *t)
{
	const int64_t *p = keras_get(t->l, "padding")->list;
	char constant_name[ONNX_NAME];
	onnx_list(t->g, onnx_own(t, "pads", constant_name), 8, (const int64_t[]){0, 0, p[0], p[2], 0, 0, p[1], p[3]});
	onnx_binary(t, "Pad", t->out, t->from[0], constant_name);
	return true;
}

static bool put_cropping(const onnx_layer *t)
{
	static const int64_t axes[] = {2, 3};
	const int64_t *p = keras_get(t->l, "cropping")->list, *in = t->in->dim;
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME];
	onnx_list(t->g, onnx_own(t, "starts", a), 2, (const int64_t[]){p[0], p[2]});
	onnx_list(t->g, onnx_own(t, "ends", b), 2, (const int64_t[]){in[0] - p[1], in[1] - p[3]});
	onnx_list(t->g, onnx_own(t, "axes", c), 2, axes);
	onnx_add(t->g, "Slice", t->out, 4, (const char *const[]){t->from[0], a, b, c});
	return true;
}

const onnx_class onnx_windows[] = {
	{"Conv2D", put_conv, ONNX_MAPS}, {"Conv2DTranspose", put_conv_transpose, ONNX_MAPS},
	{"AveragePooling2D", put_pool, ONNX_MAPS}, {"MaxPooling2D", put_pool, ONNX_MAPS},
	{"GlobalAveragePooling2D", put_pool_all, ONNX_MAPS}, {"UpSampling2D", put_upsampling, ONNX_MAPS},
	{"ZeroPadding2D", put_padding, ONNX_MAPS}, {"Cropping2D", put_cropping, ONNX_MAPS}, {0},
};
