/* resnet.c - the residual SAGANs: `resnet` has one width on every map (sizes of doublings, sizes.c), `official`
 * narrows towards the image (64, 128, 256).
 *
 * Sources: PyTorch-StudioGAN src/models/resnet.py 947b35e (32; the width tables of 64, 128 and 256),
 * brain-research/self-attention-gan ad9612e (128). Other sizes are ours. */
#include <stdio.h>

#include "core/base/local.h"
#include "gan/nets/blocks.h"

enum { BLOCKS_MAX = STAGES_MAX - 1 };

typedef struct resnet_g {
	dense project;
	g_block block[BLOCKS_MAX];
	batch_norm norm;
	conv out;
} resnet_g;

typedef struct resnet_d {
	d_block block[BLOCKS_MAX];
	dense linear;
	embedding embed;
} resnet_d;

/* ---- stages: sizes and channels ---- */

static int resnet_g_stages(const net_config *c, net_stage *out)
{
	net_size base;
	const int n = net_halvings(c->size, &base);
	for (int i = 0; i <= n; i++)
		out[i] = (net_stage){.map = net_size_times(base, i), .channels = c->g_width};
	return n + 1;
}

/* Maps up to 32 pixels: four blocks, the first two halve. Larger: one block less than G's doublings
 * halves, and a last one that does not. */
static int resnet_d_stages(const net_config *c, net_stage *out)
{
	net_size base;
	const int n = net_halvings(c->size, &base), shorter = net_size_shorter(c->size);
	const int blocks = shorter <= 32 ? 4 : n, down = shorter <= 32 ? MIN(n, 2) : n - 1;
	for (int i = 0; i < blocks; i++)
		out[i] = (net_stage){.map = net_size_times(c->size, -MIN(i + 1, down)), .channels = c->d_width};
	return blocks;
}

/* Widths in multiples of the base width: G's maps from 4x4 up, D's from half the image down. */
typedef struct official_widths {
	int size, g_stages, g[8], d_stages, d[8];
} official_widths;

static const official_widths official[] = {
	{64,  5, {16, 8, 4, 2, 1},         5, {1, 2, 4, 8, 16}},
	{128, 6, {16, 16, 8, 4, 2, 1},     6, {1, 2, 4, 8, 16, 16}},
	{256, 7, {16, 16, 8, 8, 4, 2, 1},  7, {1, 2, 4, 8, 8, 16, 16}},
};

static const official_widths *official_find(net_size size)
{
	for (int i = 0; i < COUNT(official); i++)
		if (net_size_is(size, official[i].size))
			return &official[i];
	return NULL;
}

static int official_g_stages(const net_config *c, net_stage *out)
{
	const official_widths *w = official_find(c->size);
	for (int i = 0; i < w->g_stages; i++)
		out[i] = (net_stage){.map = net_square(4 << i), .channels = (int64_t)w->g[i] * c->g_width};
	return w->g_stages;
}

static int official_d_stages(const net_config *c, net_stage *out)
{
	const official_widths *w = official_find(c->size);
	for (int i = 0; i < w->d_stages; i++)
		out[i] = (net_stage){.map = net_square(MAX(w->size >> (i + 1), 4)),
			.channels = (int64_t)w->d[i] * c->d_width};
	return w->d_stages;
}

/* ---- generator ---- */

static void g_stage_init(network *n, int i)
{
	resnet_g *r = n->body;
	const net_stage *s = &n->stage[i];
	char name[24];
	if (i == 0) {
		int64_t units = s->map.h * s->map.w * s->channels;
		const int64_t latent = net_latent(n, 0).length;
		dense_init(n->m, &r->project, "dense", latent, net_dense(n, latent, units));
		return;
	}
	snprintf(name, sizeof name, "block%d", i);
	g_block_init(n, &r->block[i - 1], name, s[-1].out, s->channels);
}

static node *g_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	const resnet_g *r = n->body;
	const net_stage *s = &n->stage[i];
	if (i > 0)
		return g_block_apply(g, &r->block[i - 1], n->cfg.up, x, with, m);
	node *y = dense_apply(g, &r->project, x, m);
	return op_reshape(g, y, SHAPE(x->s.dim[0], s->map.h, s->map.w, s->channels));
}

static void g_end_init(network *n)
{
	resnet_g *r = n->body;
	int64_t C = n->stage[n->stages - 1].out;
	bn_options bn = net_bn(&n->cfg);
	bn.keep = n->cfg.bn_last_keep != 0 ? n->cfg.bn_last_keep : bn.keep;
	batch_norm_init(n->m, &r->norm, "norm", C, bn);
	conv_init(n->m, &r->out, "out", C, net_conv(n, C, n->cfg.channels, 3, 1));
}

/* tanh(conv3(relu(BN(x)))) */
static node *g_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	(void)label;
	const resnet_g *r = n->body;
	node *y = op_relu(g, batch_norm_apply(g, &r->norm, x, m));
	return op_tanh(g, conv_apply(g, &r->out, y, m));
}

/* ---- discriminator ---- */

static void d_stage_init(network *n, int i)
{
	resnet_d *r = n->body;
	const net_stage *s = &n->stage[i];
	int64_t in = i ? s[-1].out : n->cfg.channels;
	const net_size before = i ? s[-1].map : n->cfg.size;
	char name[24];
	snprintf(name, sizeof name, "block%d", i + 1);
	d_block_init(n, &r->block[i], name, in, s->channels, i == 0, s->map.h < before.h);
}

static node *d_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	(void)with;
	const resnet_d *r = n->body;
	return d_block_apply(g, &r->block[i], x, m);
}

static void d_end_init(network *n)
{
	resnet_d *r = n->body;
	int64_t C = n->stage[n->stages - 1].out;
	dense_init(n->m, &r->linear, "linear", C, net_dense(n, C, 1));
	if (n->cfg.classes)
		embedding_init(n->m, &r->embed, "embed", n->cfg.classes, C, net_embedding(&n->cfg), net_sn(n));
}

/* h = sum over pixels of relu(x); logit = w.h + b + <embed(y), h> (arXiv 1802.05637) */
static node *d_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	const resnet_d *r = n->body;
	node *h = op_sum(g, op_relu(g, x), 1u << 1 | 1u << 2, false);
	node *logit = op_reshape(g, dense_apply(g, &r->linear, h, m), SHAPE(x->s.dim[0]));
	if (!n->cfg.classes)
		return logit;
	node *projected = op_mul(g, embedding_apply(g, &r->embed, label, m), h);
	return op_add(g, logit, op_sum(g, projected, 1u << 1, false));
}

/* ---- settings ---- */

static bool official_check_size(net_size size, fault *e)
{
	return official_find(size) || net_size_refuse(size, "the official network has 64, 128 and 256", e);
}

static void resnet_defaults(net_config *c)
{
	const bool cifar = net_size_is(c->size, 32);
	c->g_width = cifar ? 256 : 64;
	c->d_width = cifar ? 128 : 64;
	c->channels = net_size_is(c->size, 28) ? 1 : 3;
	c->bn_eps = 1e-4;                            /* PyTorch-StudioGAN 947b35e src/utils/ops.py */
	c->g_layers = c->d_layers = net_layer_at(net_size_shorter(c->size) / 2);
}

static void official_defaults(net_config *c)
{
	c->classes = 1000;
	c->bn_keep = 0.999;
	c->bn_last_keep = 0.9999;
	c->g_layers = c->d_layers = net_layer_at(net_size_is(c->size, 256) ? 64 : 32);
}

static const size_t ignored[] = {offsetof(net_config, d_batch_norm), offsetof(net_config, d_slope), 0};

const net_family family_resnet = {
	.check_size = net_check_halvings, .defaults = resnet_defaults, .ignores = ignored,
	.half = {
		[NET_G] = {sizeof(resnet_g), resnet_g_stages, g_stage_init, g_stage_apply, g_end_init, g_end_apply},
		[NET_D] = {sizeof(resnet_d), resnet_d_stages, d_stage_init, d_stage_apply, d_end_init, d_end_apply},
	},
};

const net_family family_official = {
	.check_size = official_check_size, .defaults = official_defaults, .ignores = ignored,
	.half = {
		[NET_G] = {sizeof(resnet_g), official_g_stages, g_stage_init, g_stage_apply, g_end_init, g_end_apply},
		[NET_D] = {sizeof(resnet_d), official_d_stages, d_stage_init, d_stage_apply, d_end_init, d_end_apply},
	},
};
