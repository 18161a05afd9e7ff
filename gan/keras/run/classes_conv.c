/* classes_conv.c - dense layers, convolutions, pooling and resizing of Keras as ops.
 *
 * Kernels are (kh, kw, in, out); of a transposed convolution (kh, kw, out, in); of a depthwise one
 * (kh, kw, in, multiplier), which in memory is a kernel [kh,kw,1,in*multiplier] of `in` groups. */
#include <string.h>

#include "gan/keras/run/placed.h"

enum { SIDE_MAX = 4096, UNITS_MAX = 1 << 24 };

/* y + bias (if the layer has one), through its activation. */
static node *finish(site *s, node *y, int64_t out)
{
	const bool bias = site_flag(s, "use_bias", true);
	node *b = bias ? site_weight(s, "bias", SHAPE(out), true) : NULL;
	const char *act = keras_text(s->l, "activation", "linear");
	if (s->failed)
		return NULL;
	return site_activation(s, b ? op_add(s->g, y, b) : y, act);
}

static node *dense(site *s)
{
	node *x = s->in[0];
	const int units = site_int(s, "units", 0, 1, UNITS_MAX);
	if (x->s.rank < 2 || !units)
		return site_fail(s, units ? "its input has no axis of features" : "has no setting units");
	node *w = site_weight(s, "kernel", SHAPE(shape_last(&x->s), units), true);
	return w ? finish(s, op_dense(s->g, x, w), units) : NULL;
}

/* Rows of a table for whole numbers [B] -> [B,C], [B,T] -> [B,T,C]. The net checks the numbers. */
static node *embed(site *s)
{
	node *x = s->in[0];
	const int rows = site_int(s, "input_dim", 0, 1, UNITS_MAX), C = site_int(s, "output_dim", 0, 1, UNITS_MAX);
	if (!rows || !C)
		return site_fail(s, "needs the settings input_dim and output_dim");
	shape to = x->s;
	if (to.rank == RANK_MAX)
		return site_fail(s, "its input has %d axes", to.rank);
	to.dim[to.rank++] = C;
	node *table = site_fits(s, &to) ? site_weight(s, "embeddings", SHAPE(rows, C), true) : NULL;
	if (!table)
		return NULL;
	return op_reshape(s->g, op_gather(s->g, table, op_reshape(s->g, x, SHAPE(shape_count(&x->s)))), to);
}

/* ---- convolutions ---- */

typedef struct conv_settings {
	int kernel[2], stride[2];
	bool same;
} conv_settings;

static conv_settings conv_read(site *s, const char *size_key, int size, int stride)
{
	conv_settings c;
	int dilation[2];
	const char *padding = keras_text(s->l, "padding", "valid");
	site_must_be(s, "data_format", "channels_last");
	site_pair(s, size_key, size, 1, SIDE_MAX, c.kernel);
	site_pair(s, "strides", stride, 1, SIDE_MAX, c.stride);
	site_pair(s, "dilation_rate", 1, 1, SIDE_MAX, dilation);
	c.same = !strcmp(padding, "same");
	if (!c.same && strcmp(padding, "valid"))
		site_fail(s, "padding %.40s: must be same or valid", padding);
	if (dilation[0] != 1 || dilation[1] != 1)
		site_fail(s, "dilation_rate [%d,%d] is not supported", dilation[0], dilation[1]);
	if (site_rank(s, 4) && !c.same && (s->in[0]->s.dim[1] < 1 || s->in[0]->s.dim[2] < 1))
		site_fail(s, "its input is empty");
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

static node *conv2d(site *s)
{
	const conv_settings c = conv_read(s, "kernel_size", 0, 1);
	const int out = site_int(s, "filters", 0, 1, UNITS_MAX), groups = site_int(s, "groups", 1, 1, UNITS_MAX);
	if (s->failed || !out || !c.kernel[0])
		return site_fail(s, "needs the settings filters and kernel_size");
	const shape *x = &s->in[0]->s;
	if (x->dim[3] % groups || out % groups)
		return site_fail(s, "groups = %d divide %lld channels or %d filters with a rest", groups,
			(long long)x->dim[3], out);
	node *w = site_weight(s, "kernel", SHAPE(c.kernel[0], c.kernel[1], x->dim[3] / groups, out), true);
	if (!w)
		return NULL;
	return finish(s, op_conv2d(s->g, s->in[0], w, conv_place(&c, x->dim[1], x->dim[2], groups)), out);
}

/* Side of the result, as Keras: rows that no window reaches stay. */
static int64_t transposed_side(const conv_settings *c, int i, int64_t n)
{
	return n * c->stride[i] + (c->same ? 0 : MAX(c->kernel[i] - c->stride[i], 0));
}

static node *conv2d_transpose(site *s)
{
	const conv_settings c = conv_read(s, "kernel_size", 0, 1);
	const int out = site_int(s, "filters", 0, 1, UNITS_MAX);
	if (keras_get(s->l, "output_padding"))
		return site_fail(s, "output_padding is not supported");
	if (site_int(s, "groups", 1, 1, UNITS_MAX) != 1)
		return site_fail(s, "groups are not supported");
	if (s->failed || !out || !c.kernel[0])
		return site_fail(s, "needs the settings filters and kernel_size");
	const shape *x = &s->in[0]->s;
	const int64_t h = transposed_side(&c, 0, x->dim[1]), wide = transposed_side(&c, 1, x->dim[2]);
	const shape to = SHAPE(x->dim[0], h, wide, out);
	node *w = site_fits(s, &to) ? site_weight(s, "kernel", SHAPE(c.kernel[0], c.kernel[1], out, x->dim[3]), true)
				    : NULL;
	if (!w)
		return NULL;
	return finish(s, op_conv2d_dx(s->g, s->in[0], w, conv_place(&c, h, wide, 1), h, wide), out);
}

/* The depthwise part alone: [B,H,W,C] -> [B,Ho,Wo,C*multiplier]. */
static node *depthwise_part(site *s, const conv_settings *c, int multiplier)
{
	const shape *x = &s->in[0]->s;
	const int64_t in = x->dim[3];
	if (s->failed || !c->kernel[0] || in > UNITS_MAX)
		return site_fail(s, "needs the setting kernel_size");
	node *w = site_weight(s, "depthwise_kernel", SHAPE(c->kernel[0], c->kernel[1], in, multiplier), true);
	if (!w)
		return NULL;
	w = op_reshape(s->g, w, SHAPE(c->kernel[0], c->kernel[1], 1, in * multiplier));
	return op_conv2d(s->g, s->in[0], w, conv_place(c, x->dim[1], x->dim[2], (int)in));
}

static node *depthwise(site *s)
{
	const conv_settings c = conv_read(s, "kernel_size", 0, 1);
	const int multiplier = site_int(s, "depth_multiplier", 1, 1, UNITS_MAX);
	node *y = depthwise_part(s, &c, multiplier);
	return y ? finish(s, y, s->in[0]->s.dim[3] * multiplier) : NULL;
}

static node *separable(site *s)
{
	const conv_settings c = conv_read(s, "kernel_size", 0, 1);
	const int multiplier = site_int(s, "depth_multiplier", 1, 1, UNITS_MAX);
	const int out = site_int(s, "filters", 0, 1, UNITS_MAX);
	node *y = out ? depthwise_part(s, &c, multiplier) : site_fail(s, "needs the setting filters");
	if (!y)
		return NULL;
	node *w = site_weight(s, "pointwise_kernel", SHAPE(1, 1, s->in[0]->s.dim[3] * multiplier, out), true);
	return w ? finish(s, op_conv2d(s->g, y, w, (conv_geometry){.sh = 1, .sw = 1, .groups = 1}), out) : NULL;
}

/* kernel (or embeddings) and bias of the layer inside, which Keras stores divided by sigma, and u. */
static node *spectral(site *s)
{
	const char *inner = keras_text(s->l, "layer", "");
	const keras_class *c = keras_class_of(inner);
	if (!c || c->apply == spectral)
		return site_fail(s, "wraps the class %.60s, which is not supported", inner);
	node *y = c->apply(s);
	if (y && s->wants.n == 0)
		return site_fail(s, "wraps a %.60s, which has no kernel", inner);
	return y && site_weight(s, "vector_u", SHAPE(1, shape_last(&s->wants.w[0].s)), false) ? y : NULL;
}

/* ---- pooling and resizing ---- */

static bool pool_read(site *s, window_geometry *w)
{
	int size[2];
	site_pair(s, "pool_size", 2, 1, SIDE_MAX, size);
	if (s->failed)
		return false;
	conv_settings c = conv_read(s, "pool_size", 2, 1);
	if (keras_get(s->l, "strides"))
		site_pair(s, "strides", 1, 1, SIDE_MAX, c.stride);
	else
		memcpy(c.stride, size, sizeof size);
	if (s->failed)
		return false;
	const conv_geometry g = conv_place(&c, s->in[0]->s.dim[1], s->in[0]->s.dim[2], 1);
	*w = (window_geometry){c.kernel[0], c.kernel[1], g.sh, g.sw, g.top, g.bottom, g.left, g.right};
	return true;
}

static node *average_pooling(site *s)
{
	window_geometry w;
	return pool_read(s, &w) ? op_avg_pool(s->g, s->in[0], w) : NULL;
}

static node *max_pooling(site *s)
{
	window_geometry w;
	return pool_read(s, &w) ? op_max_pool(s->g, s->in[0], w) : NULL;
}

/* [B,H,W,C] -> [B,C] or [B,1,1,C]. */
static node *pooled(site *s, node *y)
{
	const shape *x = &s->in[0]->s;
	const bool keep = site_flag(s, "keepdims", false);
	return op_reshape(s->g, y, keep ? SHAPE(x->dim[0], 1, 1, x->dim[3]) : SHAPE(x->dim[0], x->dim[3]));
}

static node *global_average(site *s)
{
	site_must_be(s, "data_format", "channels_last");
	return site_rank(s, 4) ? pooled(s, op_mean(s->g, s->in[0], 6, false)) : NULL;
}

static node *global_max(site *s)
{
	site_must_be(s, "data_format", "channels_last");
	if (!site_rank(s, 4) || s->in[0]->s.dim[1] > SIDE_MAX || s->in[0]->s.dim[2] > SIDE_MAX)
		return site_fail(s, "its input is too large");
	const int h = (int)s->in[0]->s.dim[1], w = (int)s->in[0]->s.dim[2];
	return pooled(s, op_max_pool(s->g, s->in[0], (window_geometry){.kh = h, .kw = w, .sh = h, .sw = w}));
}

static node *up_sampling(site *s)
{
	int size[2];
	const char *how = keras_text(s->l, "interpolation", "nearest");
	site_must_be(s, "data_format", "channels_last");
	site_pair(s, "size", 2, 1, SIDE_MAX, size);
	if (!site_rank(s, 4))
		return NULL;
	const shape *x = &s->in[0]->s;
	const shape to = SHAPE(x->dim[0], x->dim[1] * size[0], x->dim[2] * size[1], x->dim[3]);
	if (!site_fits(s, &to))
		return NULL;
	if (!strcmp(how, "nearest"))
		return op_upsample_nearest(s->g, s->in[0], size[0], size[1]);
	if (!strcmp(how, "bilinear"))
		return op_resize_bilinear(s->g, s->in[0], to.dim[1], to.dim[2]);
	return site_fail(s, "interpolation %.40s: must be nearest or bilinear", how);
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
	{0},
};
