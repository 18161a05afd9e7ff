/* conv.c - convolution layers: a kernel, a bias, a padding rule. */
#include "layers/conv.h"

#include "core/base/local.h"

static conv_options with_defaults(conv_options o)
{
	o.kw = o.kw ? o.kw : o.kh;
	o.sh = o.sh ? o.sh : 1;
	o.sw = o.sw ? o.sw : o.sh;
	o.groups = o.groups ? o.groups : 1;
	return o;
}

static void init_parts(module *m, conv *c, const char *name, int64_t in, shape kernel)
{
	const conv_options *o = &c->opt;
	module_name(m, c->name, sizeof c->name, name);
	module_push(m, name);
	if (in % o->groups || o->filters % o->groups)
		module_fail(m, "in=%lld, out=%d, groups=%d: not divisible", (long long)in, o->filters, o->groups);
	c->kernel = module_param(m, "kernel", kernel, o->kernel_init);
	if (o->bias)
		c->bias = module_param(m, "bias", SHAPE(o->filters), o->bias_init);
	spectral_norm_init(m, &c->sn, o->sn, kernel, false);
	module_pop(m);
}

void conv_init(module *m, conv *c, const char *name, int64_t in, conv_options opt)
{
	*c = (conv){.opt = with_defaults(opt)};
	const conv_options *o = &c->opt;
	init_parts(m, c, name, in, SHAPE(o->kh, o->kw, in / o->groups, o->filters));
}

void conv_transpose_init(module *m, conv *c, const char *name, int64_t in, conv_options opt)
{
	*c = (conv){.opt = with_defaults(opt), .transposed = true};
	const conv_options *o = &c->opt;
	init_parts(m, c, name, in, SHAPE(o->kh, o->kw, o->filters / o->groups, in));
}

/* Zeros around an image of h x w that the kernel walks over. */
static conv_geometry geometry(const conv_options *o, int64_t h, int64_t w)
{
	conv_geometry c = {.sh = o->sh, .sw = o->sw, .groups = o->groups};
	switch (o->padding) {
	case PAD_SAME:
		pad_same_tf(h, o->kh, o->sh, &c.top, &c.bottom);
		pad_same_tf(w, o->kw, o->sw, &c.left, &c.right);
		break;
	case PAD_EVEN:
		c.top = c.bottom = c.left = c.right = o->pad;
		break;
	case PAD_AXES:
		c.top = c.bottom = o->pad;
		c.left = c.right = o->pad_w;
		break;
	case PAD_VALID:
		break;
	}
	return c;
}

static node *finish(graph *g, const conv *c, node *x, node *y)
{
	if (c->bias)
		y = op_add(g, y, graph_leaf(g, c->bias));
	graph_called(g, c->transposed ? "conv_transpose" : "conv", c, x, NULL, y);
	graph_pop(g);
	return y;
}

node *conv_apply(graph *g, const conv *c, node *x, mode m)
{
	must(!c->transposed, "%s is a transposed convolution", c->name);
	graph_push(g, c->name);
	node *w = spectral_norm_apply(g, &c->sn, graph_leaf(g, c->kernel), m);
	return finish(g, c, x, op_conv2d(g, x, w, geometry(&c->opt, x->s.dim[1], x->s.dim[2])));
}

/* Size of the image whose convolution has n positions. */
static int64_t image_size(const conv_options *o, int64_t n, int k, int s, int pad)
{
	if (o->padding == PAD_SAME)
		return n * s;
	if (o->padding == PAD_VALID)
		return n * s + MAX(k - s, 0);        /* Keras: rows that no window reaches stay */
	return (n - 1) * s + k - 2 * pad;
}

node *conv_transpose_apply(graph *g, const conv *c, node *x, mode m)
{
	const conv_options *o = &c->opt;
	must(c->transposed, "%s is no transposed convolution", c->name);
	graph_push(g, c->name);
	int64_t h = image_size(o, x->s.dim[1], o->kh, o->sh, o->pad);
	int64_t w = image_size(o, x->s.dim[2], o->kw, o->sw, o->padding == PAD_AXES ? o->pad_w : o->pad);
	node *kernel = spectral_norm_apply(g, &c->sn, graph_leaf(g, c->kernel), m);
	return finish(g, c, x, op_conv2d_dx(g, x, kernel, geometry(o, h, w), h, w));
}

/* ---- depthwise ---- */

void depthwise_init(module *m, depthwise *d, const char *name, int64_t C, conv_options opt)
{
	*d = (depthwise){.opt = with_defaults(opt)};
	conv_options *o = &d->opt;
	o->filters = o->groups = (int)C;
	module_name(m, d->name, sizeof d->name, name);
	module_push(m, name);
	d->kernel = module_param(m, "depthwise_kernel", SHAPE(o->kh, o->kw, C, 1), o->kernel_init);
	if (o->bias)
		d->bias = module_param(m, "bias", SHAPE(C), o->bias_init);
	spectral_norm_init(m, &d->sn, o->sn, SHAPE(o->kh, o->kw, 1, C), false);
	module_pop(m);
}

/* (kh,kw,C,1) is, in memory, the kernel [kh,kw,1,C] of C groups. */
node *depthwise_apply(graph *g, const depthwise *d, node *x, mode m)
{
	const conv_options *o = &d->opt;
	graph_push(g, d->name);
	node *w = op_reshape(g, graph_leaf(g, d->kernel), SHAPE(o->kh, o->kw, 1, o->groups));
	w = spectral_norm_apply(g, &d->sn, w, m);
	node *y = op_conv2d(g, x, w, geometry(o, x->s.dim[1], x->s.dim[2]));
	if (d->bias)
		y = op_add(g, y, graph_leaf(g, d->bias));
	graph_called(g, "depthwise", d, x, NULL, y);
	graph_pop(g);
	return y;
}

conv_options conv_same(int filters, int k, init kernel_init, sn_options sn)
{
	return (conv_options){
		.filters = filters, .kh = k, .padding = PAD_EVEN, .pad = k / 2, .bias = true,
		.kernel_init = kernel_init, .sn = sn,
	};
}
