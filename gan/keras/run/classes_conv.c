/* classes_conv.c - dense layers, convolutions, pooling and resizing of Keras as ops.
 *
 * Kernels are (kh, kw, in, out); of a transposed convolution (kh, kw, out, in); of a depthwise one
 * (kh, kw, in, multiplier), which in memory is a kernel [kh,kw,1,in*multiplier] of `in` groups. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/run/placed.h"

enum { SIDE_MAX = 4096, UNITS_MAX = 1 << 24 };

/* y + bias (if the layer has one), through its activation. */
static node *finish(keras_placed *p, node *y, int64_t out)
{
	const bool bias = placed_flag(p, "use_bias", true);
	node *b = bias ? placed_weight(p, "bias", SHAPE(out), true) : NULL;
	const char *act = placed_text(p, "activation", "linear");
	if (p->failed)
		return NULL;
	return placed_activation(p, b ? op_add(p->g, y, b) : y, act);
}

static node *dense(keras_placed *p)
{
	node *x = p->in[0];
	const int units = placed_int(p, "units", 0, 1, UNITS_MAX);
	if (x->s.rank < 2 || !units)
		return placed_fail(p, units ? "its input has no axis of features" : "has no setting units");
	node *w = placed_weight(p, "kernel", SHAPE(shape_last(&x->s), units), true);
	return w ? finish(p, op_dense(p->g, x, w), units) : NULL;
}

/* Rows of a table for whole numbers [B] -> [B,C], [B,T] -> [B,T,C]. The net checks the numbers. */
static node *embed(keras_placed *p)
{
	node *x = p->in[0];
	const int rows = placed_int(p, "input_dim", 0, 1, UNITS_MAX), C = placed_int(p, "output_dim", 0, 1, UNITS_MAX);
	if (!rows || !C)
		return placed_fail(p, "needs the settings input_dim and output_dim");
	shape to = x->s;
	if (to.rank == RANK_MAX)
		return placed_fail(p, "its input has %d axes", to.rank);
	to.dim[to.rank++] = C;
	node *table = placed_fits(p, &to) ? placed_weight(p, "embeddings", SHAPE(rows, C), true) : NULL;
	if (!table)
		return NULL;
	return op_reshape(p->g, op_gather(p->g, table, op_reshape(p->g, x, SHAPE(shape_count(&x->s)))), to);
}

/* ---- convolutions ---- */

typedef struct conv_settings {
	int kernel[2], stride[2];
	bool same;
} conv_settings;

static conv_settings conv_read(keras_placed *p, const char *size_key, int size, int stride)
{
	conv_settings c;
	int dilation[2];
	const char *padding = placed_text(p, "padding", "valid");
	placed_must_be(p, "data_format", "channels_last");
	placed_pair(p, size_key, size, 1, SIDE_MAX, c.kernel);
	placed_pair(p, "strides", stride, 1, SIDE_MAX, c.stride);
	placed_pair(p, "dilation_rate", 1, 1, SIDE_MAX, dilation);
	c.same = !strcmp(padding, "same");
	if (!c.same && strcmp(padding, "valid"))
		placed_fail(p, "padding %.40s: must be same or valid", padding);
	if (dilation[0] != 1 || dilation[1] != 1)
		placed_fail(p, "dilation_rate [%d,%d] is not supported", dilation[0], dilation[1]);
	if (placed_rank(p, 4) && !c.same && (p->in[0]->s.dim[1] < 1 || p->in[0]->s.dim[2] < 1))
		placed_fail(p, "its input is empty");
	return c;
}

/* Zeros around an image of h x w. */
static conv_geometry conv_place(const conv_settings *c, int64_t h, int64_t w, int groups)
{
	conv_geometry g = {.sh = c->stride[0], .sw = c->stride[1], .groups = groups};
	if (c->same) {
		pad_same_tf(h, c->kernel[0], g.sh, &g.top, &g.bottom);
		pad_same_tf(w, c->kernel[1], g.sw, &g.left, &g.right);
	}
	return g;
}

static node *conv2d(keras_placed *p)
{
	const conv_settings c = conv_read(p, "kernel_size", 0, 1);
	const int out = placed_int(p, "filters", 0, 1, UNITS_MAX), groups = placed_int(p, "groups", 1, 1, UNITS_MAX);
	if (p->failed || !out || !c.kernel[0])
		return placed_fail(p, "needs the settings filters and kernel_size");
	const shape *x = &p->in[0]->s;
	if (x->dim[3] % groups || out % groups)
		return placed_fail(p, "groups = %d divide %lld channels or %d filters with a rest", groups,
			(long long)x->dim[3], out);
	node *w = placed_weight(p, "kernel", SHAPE(c.kernel[0], c.kernel[1], x->dim[3] / groups, out), true);
	if (!w)
		return NULL;
	return finish(p, op_conv2d(p->g, p->in[0], w, conv_place(&c, x->dim[1], x->dim[2], groups)), out);
}

/* Side of the result, as Keras: rows that no window reaches stay. */
static int64_t transposed_side(const conv_settings *c, int i, int64_t n)
{
	return n * c->stride[i] + (c->same ? 0 : MAX(c->kernel[i] - c->stride[i], 0));
}

static node *conv2d_transpose(keras_placed *p)
{
	const conv_settings c = conv_read(p, "kernel_size", 0, 1);
	const int out = placed_int(p, "filters", 0, 1, UNITS_MAX);
	if (placed_get(p, "output_padding"))
		return placed_fail(p, "output_padding is not supported");
	if (placed_int(p, "groups", 1, 1, UNITS_MAX) != 1)
		return placed_fail(p, "groups are not supported");
	if (p->failed || !out || !c.kernel[0])
		return placed_fail(p, "needs the settings filters and kernel_size");
	const shape *x = &p->in[0]->s;
	const int64_t h = transposed_side(&c, 0, x->dim[1]), wide = transposed_side(&c, 1, x->dim[2]);
	const shape to = SHAPE(x->dim[0], h, wide, out);
	const shape k = SHAPE(c.kernel[0], c.kernel[1], out, x->dim[3]);
	node *w = placed_fits(p, &to) ? placed_weight(p, "kernel", k, true) : NULL;
	if (!w)
		return NULL;
	return finish(p, op_conv2d_dx(p->g, p->in[0], w, conv_place(&c, h, wide, 1), h, wide), out);
}

/* The depthwise part alone: [B,H,W,C] -> [B,Ho,Wo,C*multiplier]. */
static node *depthwise_part(keras_placed *p, const conv_settings *c, int multiplier)
{
	const shape *x = &p->in[0]->s;
	const int64_t in = x->dim[3];
	placed_int(p, "groups", 1, 1, 1);            /* Keras 2 writes it, and never another */
	if (p->failed || !c->kernel[0] || in > UNITS_MAX)
		return placed_fail(p, "needs the setting kernel_size");
	node *w = placed_weight(p, "depthwise_kernel", SHAPE(c->kernel[0], c->kernel[1], in, multiplier), true);
	if (!w)
		return NULL;
	w = op_reshape(p->g, w, SHAPE(c->kernel[0], c->kernel[1], 1, in * multiplier));
	return op_conv2d(p->g, p->in[0], w, conv_place(c, x->dim[1], x->dim[2], (int)in));
}

static node *depthwise(keras_placed *p)
{
	const conv_settings c = conv_read(p, "kernel_size", 0, 1);
	const int multiplier = placed_int(p, "depth_multiplier", 1, 1, UNITS_MAX);
	node *y = depthwise_part(p, &c, multiplier);
	return y ? finish(p, y, p->in[0]->s.dim[3] * multiplier) : NULL;
}

static node *separable(keras_placed *p)
{
	const conv_settings c = conv_read(p, "kernel_size", 0, 1);
	const int multiplier = placed_int(p, "depth_multiplier", 1, 1, UNITS_MAX);
	const int out = placed_int(p, "filters", 0, 1, UNITS_MAX);
	node *y = out ? depthwise_part(p, &c, multiplier) : placed_fail(p, "needs the setting filters");
	if (!y)
		return NULL;
	node *w = placed_weight(p, "pointwise_kernel", SHAPE(1, 1, p->in[0]->s.dim[3] * multiplier, out), true);
	return w ? finish(p, op_conv2d(p->g, y, w, (conv_geometry){.sh = 1, .sw = 1, .groups = 1}), out) : NULL;
}

/* kernel (or embeddings) and bias of the layer inside, which Keras stores divided by sigma, and u. */
static node *spectral(keras_placed *p)
{
	const char *inner = placed_text(p, "layer", "");
	const keras_class *c = keras_class_of(inner);
	if (!c || c->apply == spectral)
		return placed_fail(p, "wraps the class %.60s, which is not supported", inner);
	if (c->least > p->nin)
		return placed_fail(p, "wraps the class %.60s, which takes %d inputs", inner, c->least);
	node *y = c->apply(p);
	if (y && p->wants.n == 0)
		return placed_fail(p, "wraps a %.60s, which has no kernel", inner);
	return y && placed_weight(p, "vector_u", SHAPE(1, shape_last(&p->wants.w[0].s)), false) ? y : NULL;
}

/* ---- pooling and resizing ---- */

static bool pool_read(keras_placed *p, window_geometry *w)
{
	int size[2];
	placed_pair(p, "pool_size", 2, 1, SIDE_MAX, size);
	if (p->failed)
		return false;
	conv_settings c = conv_read(p, "pool_size", 2, 1);
	if (placed_get(p, "strides"))
		placed_pair(p, "strides", 1, 1, SIDE_MAX, c.stride);
	else
		memcpy(c.stride, size, sizeof size);
	if (p->failed)
		return false;
	const conv_geometry g = conv_place(&c, p->in[0]->s.dim[1], p->in[0]->s.dim[2], 1);
	*w = (window_geometry){c.kernel[0], c.kernel[1], g.sh, g.sw, g.top, g.bottom, g.left, g.right};
	return true;
}

static node *average_pooling(keras_placed *p)
{
	window_geometry w;
	return pool_read(p, &w) ? op_avg_pool(p->g, p->in[0], w) : NULL;
}

static node *max_pooling(keras_placed *p)
{
	window_geometry w;
	return pool_read(p, &w) ? op_max_pool(p->g, p->in[0], w) : NULL;
}

/* [B,H,W,C] -> [B,C] or [B,1,1,C]. */
static node *pooled(keras_placed *p, node *y)
{
	const shape *x = &p->in[0]->s;
	const bool keep = placed_flag(p, "keepdims", false);
	return op_reshape(p->g, y, keep ? SHAPE(x->dim[0], 1, 1, x->dim[3]) : SHAPE(x->dim[0], x->dim[3]));
}

static node *global_average(keras_placed *p)
{
	placed_must_be(p, "data_format", "channels_last");
	return placed_rank(p, 4) ? pooled(p, op_mean(p->g, p->in[0], 6, false)) : NULL;
}

static node *global_max(keras_placed *p)
{
	placed_must_be(p, "data_format", "channels_last");
	if (!placed_rank(p, 4) || p->in[0]->s.dim[1] > SIDE_MAX || p->in[0]->s.dim[2] > SIDE_MAX)
		return placed_fail(p, "its input is too large");
	const int h = (int)p->in[0]->s.dim[1], w = (int)p->in[0]->s.dim[2];
	return pooled(p, op_max_pool(p->g, p->in[0], (window_geometry){.kh = h, .kw = w, .sh = h, .sw = w}));
}

static node *up_sampling(keras_placed *p)
{
	int size[2];
	const char *how = placed_text(p, "interpolation", "nearest");
	placed_must_be(p, "data_format", "channels_last");
	placed_pair(p, "size", 2, 1, SIDE_MAX, size);
	if (!placed_rank(p, 4))
		return NULL;
	const shape *x = &p->in[0]->s;
	const shape to = SHAPE(x->dim[0], x->dim[1] * size[0], x->dim[2] * size[1], x->dim[3]);
	if (!placed_fits(p, &to))
		return NULL;
	if (!strcmp(how, "nearest"))
		return op_upsample_nearest(p->g, p->in[0], size[0], size[1]);
	if (!strcmp(how, "bilinear"))
		return op_resize_bilinear(p->g, p->in[0], to.dim[1], to.dim[2]);
	return placed_fail(p, "interpolation %.40s: must be nearest or bilinear", how);
}

/* The pixel of n that pixel i of m takes: that under its centre as TensorFlow computes it, in float in every build. Its
 * rounding decides where a centre lies between two pixels (28 -> 46: pixel 11 takes 6, not 7). */
static int64_t nearest(int64_t i, int64_t n, int64_t m)
{
	const float scale = (float)n / (float)m, centre = (float)i + 0.5f;
	return MIN((int64_t)floorf(centre * scale), n - 1);
}

/* x in m pixels along an axis. */
static node *along(keras_placed *p, node *x, int axis, int64_t m)
{
	const int64_t n = x->s.dim[axis];
	node **part = mem_new((size_t)m, sizeof *part, p->e);
	int parts = 0;
	if (!part)
		return placed_fail(p, "out of memory");
	for (int64_t i = 0; i < m; i++) {
		const int64_t at = nearest(i, n, m);
		part[parts++] = op_slice_axis(p->g, x, axis, at, at + 1);
	}
	node *y = op_concat(p->g, part, parts, axis);
	free(part);
	return y;
}

/* Bilinear or nearest, half-pixel centres, no antialiasing. */
static node *resizing(keras_placed *p)
{
	const int h = placed_int(p, "height", 0, 1, SIDE_MAX), w = placed_int(p, "width", 0, 1, SIDE_MAX);
	const char *how = placed_text(p, "interpolation", "bilinear");
	static const char *const off[] = {"crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"};
	placed_must_be(p, "data_format", "channels_last");
	for (int i = 0; i < COUNT(off); i++)
		placed_off(p, off[i]);
	if (!placed_rank(p, 4) || !h || !w)
		return placed_fail(p, "needs the settings height and width");
	const shape *x = &p->in[0]->s;
	const shape to = SHAPE(x->dim[0], h, w, x->dim[3]);
	if (!placed_fits(p, &to))
		return NULL;
	if (!strcmp(how, "bilinear"))
		return op_resize_bilinear(p->g, p->in[0], h, w);
	if (strcmp(how, "nearest") != 0)
		return placed_fail(p, "interpolation %.40s: must be nearest or bilinear", how);
	if (h % x->dim[1] == 0 && w % x->dim[2] == 0)
		return op_upsample_nearest(p->g, p->in[0], (int)(h / x->dim[1]), (int)(w / x->dim[2]));
	node *rows = along(p, p->in[0], 1, h);
	return rows ? along(p, rows, 2, w) : NULL;
}

const keras_class keras_conv_classes[] = {
	{"Dense", 1, 1, dense},
	{"Embedding", 1, 1, embed},
	{"Conv2D", 1, 1, conv2d},
	{"Conv2DTranspose", 1, 1, conv2d_transpose},
	{"DepthwiseConv2D", 1, 1, depthwise},
	{"SeparableConv2D", 1, 1, separable},
	{"SpectralNormalization", 1, 1, spectral},
	{"AveragePooling2D", 1, 1, average_pooling},
	{"MaxPooling2D", 1, 1, max_pooling},
	{"GlobalAveragePooling2D", 1, 1, global_average},
	{"GlobalMaxPooling2D", 1, 1, global_max},
	{"UpSampling2D", 1, 1, up_sampling},
	{"Resizing", 1, 1, resizing},
	{0},
};
