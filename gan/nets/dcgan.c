/* dcgan.c - the convolutional networks: 4x4 kernels, stride 2, no residual ways (arXiv 1511.06434).
 *
 * 64 pixels is heykeetae/Self-Attention-GAN 8714a54; other sizes follow the same pattern. The bottom map has 4 to 7
 * pixels on its shorter side and max(4, 2^(doublings-1)) times the base width; every doubling halves the width. */
#include <stdio.h>

#include "core/base/local.h"
#include "gan/nets/networks_internal.h"

typedef struct dcgan_g {
	conv up[STAGES_MAX];                         /* the last one gives the image */
	cond_norm norm[STAGES_MAX];
} dcgan_g;

typedef struct dcgan_d {
	conv down[STAGES_MAX], last;
	batch_norm norm[STAGES_MAX];
	embedding embed;
} dcgan_d;

static int64_t bottom_width(int halvings, int width)
{
	return (int64_t)MAX(4, 1 << (halvings - 1)) * width;
}

static int dcgan_g_stages(const net_config *c, net_stage *out)
{
	net_size base;
	const int n = net_halvings(c->size, &base);
	for (int i = 0; i < n; i++)
		out[i] = (net_stage){.map = net_size_times(base, i), .channels = bottom_width(n, c->g_width) >> i};
	return n;
}

static int dcgan_d_stages(const net_config *c, net_stage *out)
{
	net_size base;
	const int n = net_halvings(c->size, &base);
	for (int i = 0; i < n; i++)
		out[i] = (net_stage){.map = net_size_times(c->size, -(i + 1)),
			.channels = bottom_width(n, c->d_width) >> (n - 1 - i)};
	return n;
}

/* k4 s2 p1: exactly twice or half the size. */
static conv_options stride_two(const network *n, int64_t in, int64_t filters)
{
	conv_options o = net_conv(n, in, filters, 4, 1);
	o.sh = 2;
	o.padding = PAD_EVEN;
	o.pad = 1;
	return o;
}

/* ---- generator ---- */

static void g_stage_init(network *n, int i)
{
	dcgan_g *b = n->body;
	const net_stage *s = &n->stage[i];
	char name[24];
	snprintf(name, sizeof name, "up%d", i + 1);
	if (i == 0) {
		const int64_t latent = net_latent(n, 0).length;
		conv_transpose_init(n->m, &b->up[0], name, latent, net_conv_map(n, latent, s->channels, s->map));
	} else {
		conv_transpose_init(n->m, &b->up[i], name, s[-1].out, stride_two(n, s[-1].out, s->channels));
	}
	snprintf(name, sizeof name, "norm%d", i + 1);
	net_norm(n, &b->norm[i], name, s->channels);
}

static node *g_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	const dcgan_g *b = n->body;
	if (i == 0)
		x = op_reshape(g, x, SHAPE(x->s.dim[0], 1, 1, net_latent(n, 0).length));
	x = conv_transpose_apply(g, &b->up[i], x, m);
	return op_relu(g, cond_norm_apply(g, &b->norm[i], x, with, m));
}

static void g_end_init(network *n)
{
	dcgan_g *b = n->body;
	int64_t C = n->stage[n->stages - 1].out;
	conv_options o = stride_two(n, C, n->cfg.channels);
	o.sn.on = false;                             /* SN on all but the last */
	conv_transpose_init(n->m, &b->up[n->stages], "out", C, o);
}

static node *g_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	(void)label;
	const dcgan_g *b = n->body;
	return op_tanh(g, conv_transpose_apply(g, &b->up[n->stages], x, m));
}

/* ---- discriminator ---- */

/* No batch norm on the first map (arXiv 1511.06434). */
static bool normalised(const network *n, int i)
{
	return n->cfg.d_batch_norm && i > 0;
}

static void d_stage_init(network *n, int i)
{
	dcgan_d *b = n->body;
	const net_stage *s = &n->stage[i];
	int64_t in = i ? s[-1].out : n->cfg.channels;
	char name[24];
	snprintf(name, sizeof name, "down%d", i + 1);
	conv_init(n->m, &b->down[i], name, in, stride_two(n, in, s->channels));
	snprintf(name, sizeof name, "norm%d", i + 1);
	if (normalised(n, i))
		batch_norm_init(n->m, &b->norm[i], name, s->channels, net_bn(&n->cfg));
}

static node *d_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	(void)with;
	const dcgan_d *b = n->body;
	x = conv_apply(g, &b->down[i], x, m);
	if (normalised(n, i))
		x = batch_norm_apply(g, &b->norm[i], x, m);
	return op_leaky_relu(g, x, n->cfg.d_slope);
}

static void d_end_init(network *n)
{
	dcgan_d *b = n->body;
	const net_stage *s = &n->stage[n->stages - 1];
	conv_options o = net_conv_map(n, s->out, 1, s->map);
	o.sn.on = false;
	conv_init(n->m, &b->last, "out", s->out, o);
	if (n->cfg.classes)
		embedding_init(n->m, &b->embed, "embed", n->cfg.classes, s->out, net_embedding(&n->cfg),
			       net_sn(n));
}

/* The whole map to one number, plus <embed(y), sum over pixels of x>. */
static node *d_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	const dcgan_d *b = n->body;
	node *logit = op_reshape(g, conv_apply(g, &b->last, x, m), SHAPE(x->s.dim[0]));
	if (!n->cfg.classes)
		return logit;
	node *h = op_sum(g, x, 1u << 1 | 1u << 2, false);
	node *projected = op_mul(g, embedding_apply(g, &b->embed, label, m), h);
	return op_add(g, logit, op_sum(g, projected, 1u << 1, false));
}

/* ---- settings ---- */

static bool dcgan_check(const net_config *c, fault *e)
{
	if (c->d_slope < 0)
		return fault_value(e, "slope of D's leaky ReLU", c->d_slope, "must not be negative");
	return true;
}

static void dcgan_defaults(net_config *c)
{
	c->channels = net_size_is(c->size, 28) ? 1 : 3;
	c->classes = 0;
	if (net_size_is(c->size, 64)) {
		c->g_layers = (layer_specs){2, {
			{.at = 16, .type = layer_type_named("plain")}, {.at = 32, .type = layer_type_named("plain")},
		}};
		c->d_layers = (layer_specs){2, {
			{.at = 8, .type = layer_type_named("plain")}, {.at = 4, .type = layer_type_named("plain")},
		}};
		c->init = NET_TORCH;
		return;
	}
	c->g_layers = c->d_layers = net_layer_at(net_size_shorter(c->size) / 2);
	c->g_sn = c->d_sn = false;
	c->d_batch_norm = true;
	c->d_slope = 0.2;
	c->init = NET_N02;
}

static bool dcgan_d_batch_norm(const net_config *c)
{
	return c->d_batch_norm;
}

static const size_t ignored[] = {
	offsetof(net_config, bn_last_keep), offsetof(net_config, up), offsetof(net_config, d_skip),
	offsetof(net_config, init_gain), 0,
};

const net_family family_dcgan = {
	.check_size = net_check_halvings, .check = dcgan_check, .defaults = dcgan_defaults,
	.d_batch_norm = dcgan_d_batch_norm, .ignores = ignored,
	.half = {
		[NET_G] = {sizeof(dcgan_g), dcgan_g_stages, g_stage_init, g_stage_apply, g_end_init, g_end_apply},
		[NET_D] = {sizeof(dcgan_d), dcgan_d_stages, d_stage_init, d_stage_apply, d_end_init, d_end_apply},
	},
};
