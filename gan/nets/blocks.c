/* blocks.c - written as in the papers; cheaper forms of up2 + conv, conv + pool and 1x1 around them
 * are found by the graph. */
#include "gan/nets/blocks.h"

static node *up2(graph *g, node *x, enum upsampling up)
{
	if (up == UPSAMPLE_BILINEAR)
		return op_resize_bilinear(g, x, 2 * x->s.dim[1], 2 * x->s.dim[2]);
	return op_upsample_nearest(g, x, 2, 2);
}

static node *pool2(graph *g, node *x)
{
	return op_avg_pool(g, x, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
}

void g_block_init(network *n, g_block *b, const char *name, int64_t in, int64_t out)
{
	double gain = n->cfg.init_gain;
	module_name(n->m, b->name, sizeof b->name, name);
	module_push(n->m, name);
	net_norm(n, &b->norm1, "norm1", in);
	conv_init(n->m, &b->conv1, "conv1", in, net_conv(n, in, out, 3, gain));
	net_norm(n, &b->norm2, "norm2", out);
	conv_init(n->m, &b->conv2, "conv2", out, net_conv(n, out, out, 3, gain));
	conv_init(n->m, &b->skip, "skip", in, net_conv(n, in, out, 1, 1));
	module_pop(n->m);
}

node *g_block_apply(graph *g, const g_block *b, enum upsampling up, node *x, node *with, mode m)
{
	graph_push(g, b->name);
	node *r = op_relu(g, cond_norm_apply(g, &b->norm1, x, with, m));
	r = conv_apply(g, &b->conv1, up2(g, r, up), m);
	r = op_relu(g, cond_norm_apply(g, &b->norm2, r, with, m));
	r = conv_apply(g, &b->conv2, r, m);
	node *s = conv_apply(g, &b->skip, up2(g, x, up), m);
	node *y = op_add(g, r, s);
	graph_pop(g);
	return y;
}

void d_block_init(network *n, d_block *b, const char *name, int64_t in, int64_t out, bool first, bool down)
{
	double gain = n->cfg.init_gain;
	b->first = first;
	b->down = down;
	b->has_skip = first || down || in != out;
	b->skip_relu = n->cfg.d_skip == SKIP_RELU && !first;
	module_name(n->m, b->name, sizeof b->name, name);
	module_push(n->m, name);
	conv_init(n->m, &b->conv1, "conv1", in, net_conv(n, in, out, 3, gain));
	conv_init(n->m, &b->conv2, "conv2", out, net_conv(n, out, out, 3, gain));
	if (b->has_skip)
		conv_init(n->m, &b->skip, "skip", in, net_conv(n, in, out, 1, 1));
	module_pop(n->m);
}

/* The way around the two convolutions. */
static node *around(graph *g, const d_block *b, node *x, mode m)
{
	if (!b->has_skip)
		return x;
	if (b->first)
		return conv_apply(g, &b->skip, b->down ? pool2(g, x) : x, m);
	node *s = conv_apply(g, &b->skip, x, m);
	return b->down ? pool2(g, s) : s;
}

node *d_block_apply(graph *g, const d_block *b, node *x, mode m)
{
	graph_push(g, b->name);
	node *active = b->first ? x : op_relu(g, x);
	node *r = conv_apply(g, &b->conv1, active, m);
	r = conv_apply(g, &b->conv2, op_relu(g, r), m);
	if (b->down)
		r = pool2(g, r);
	node *y = op_add(g, r, around(g, b, b->skip_relu ? active : x, m));
	graph_pop(g);
	return y;
}
