/* mnistgans.c - the SAGAN of MorvanZhou/mnistGANs (sagan.py ba7e598): 28x28, unconditional, Keras.
 *
 * Base widths 32 (G's last map) and 16 (D's first). */
#include "gan/nets/networks_internal.h"

/* From sagan.py: slope of LeakyReLU, rates of Dropout and GaussianNoise. */
#define SLOPE     0.3
#define DROPOUT   0.3
#define NOISE     0.01

typedef struct mnist_g {
	dense project;
	conv up[2], out;
	batch_norm norm[3];
} mnist_g;

typedef struct mnist_d {
	conv down[2];
	batch_norm norm[2];
	dense linear;
} mnist_d;

static int mnist_g_stages(const net_config *c, net_stage *out)
{
	for (int i = 0; i < 3; i++)
		out[i] = (net_stage){.map = net_square(7 << i), .channels = (int64_t)c->g_width << (2 - i)};
	return 3;
}

static int mnist_d_stages(const net_config *c, net_stage *out)
{
	for (int i = 0; i < 2; i++)
		out[i] = (net_stage){.map = net_square(14 >> i), .channels = (int64_t)c->d_width << i};
	return 2;
}

/* k4, TensorFlow's SAME: zeros 1 and 1 at stride 2, 1 and 2 at stride 1. */
static conv_options four(const network *n, int64_t in, int64_t filters, int stride)
{
	conv_options o = net_conv(n, in, filters, 4, 1);
	o.sh = stride;
	o.padding = PAD_SAME;
	return o;
}

/* ---- generator ---- */

static void g_stage_init(network *n, int i)
{
	mnist_g *b = n->body;
	const net_stage *s = &n->stage[i];
	static const char *const up[] = {"up1", "up2"}, *const norm[] = {"norm1", "norm2", "norm3"};
	bn_options bn = net_bn(&n->cfg);
	if (i == 0) {
		int64_t units = s->map.h * s->map.w * s->channels;
		dense_init(n->m, &b->project, "dense", n->cfg.latent, net_dense(n, n->cfg.latent, units));
		bn.no_bessel = true;                 /* Keras' rank 2 path: every unit is a channel */
		batch_norm_init(n->m, &b->norm[0], norm[0], units, bn);
		return;
	}
	conv_transpose_init(n->m, &b->up[i - 1], up[i - 1], s[-1].out, four(n, s[-1].out, s->channels, 2));
	batch_norm_init(n->m, &b->norm[i], norm[i], s->channels, bn);
}

static node *g_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	(void)with;
	const mnist_g *b = n->body;
	const net_stage *s = &n->stage[i];
	x = i ? conv_transpose_apply(g, &b->up[i - 1], x, m) : dense_apply(g, &b->project, x, m);
	x = op_relu(g, batch_norm_apply(g, &b->norm[i], x, m));
	return i ? x : op_reshape(g, x, SHAPE(x->s.dim[0], s->map.h, s->map.w, s->channels));
}

static void g_end_init(network *n)
{
	mnist_g *b = n->body;
	int64_t C = n->stage[2].out;
	conv_init(n->m, &b->out, "out", C, four(n, C, n->cfg.channels, 1));
}

static node *g_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	(void)label;
	const mnist_g *b = n->body;
	return op_tanh(g, conv_apply(g, &b->out, x, m));
}

/* ---- discriminator ---- */

static void d_stage_init(network *n, int i)
{
	mnist_d *b = n->body;
	static const char *const down[] = {"down1", "down2"}, *const norm[] = {"norm1", "norm2"};
	int64_t in = i ? n->stage[0].out : n->cfg.channels, out = n->stage[i].channels;
	conv_init(n->m, &b->down[i], down[i], in, four(n, in, out, 2));
	batch_norm_init(n->m, &b->norm[i], norm[i], out, net_bn(&n->cfg));
}

static node *dropped(graph *g, node *x, mode m)
{
	return m.train && m.noise ? op_dropout(g, x, DROPOUT, x->s, m.noise) : x;
}

static node *noisy(graph *g, node *x, mode m)
{
	if (!m.train || !m.noise)
		return x;
	return op_add(g, x, op_scale(g, op_random(g, x->s, RANDOM_NORMAL, m.noise), NOISE));
}

/* Noise before the first stage, dropout after the attention that follows it, and at the end. */
static node *d_stage_apply(graph *g, const network *n, int i, node *x, node *with, mode m)
{
	(void)with;
	const mnist_d *b = n->body;
	x = i ? dropped(g, x, m) : noisy(g, x, m);
	x = conv_apply(g, &b->down[i], x, m);
	return op_leaky_relu(g, batch_norm_apply(g, &b->norm[i], x, m), SLOPE);
}

static void d_end_init(network *n)
{
	mnist_d *b = n->body;
	const net_stage *s = &n->stage[1];
	int64_t in = s->map.h * s->map.w * s->out;
	dense_init(n->m, &b->linear, "linear", in, net_dense(n, in, 1));
}

static node *d_end_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	(void)label;
	const mnist_d *b = n->body;
	int64_t B = x->s.dim[0];
	x = op_reshape(g, dropped(g, x, m), SHAPE(B, shape_count(&x->s) / B));
	return op_reshape(g, dense_apply(g, &b->linear, x, m), SHAPE(B));
}

/* ---- settings ---- */

static bool mnist_check_size(net_size size, fault *e)
{
	return net_size_is(size, 28) || net_size_refuse(size, "the mnistgans network has 28", e);
}

static bool mnist_check(const net_config *c, fault *e)
{
	if (c->classes)
		return fault_value(e, "classes", c->classes, "the mnistgans network is unconditional");
	if (c->modulation != MODULATE_LABEL)
		return fault_word(e, "modulation", net_modulation_name[c->modulation],
				  "the mnistgans network has no norms that follow anything");
	return true;
}

static void mnist_defaults(net_config *c)
{
	c->channels = 1;
	c->classes = 0;
	c->latent = 100;
	c->g_width = 32;
	c->d_width = 16;
	c->g_sn = c->d_sn = false;
	c->bn_keep = 0.99;
	c->bn_eps = 1e-3;
	c->g_layers = (layer_specs){2, {
		{.at = 14, .type = layer_type_named("mnistgans")}, {.at = 28, .type = layer_type_named("mnistgans")},
	}};
	c->d_layers = (layer_specs){1, {{.at = 14, .type = layer_type_named("mnistgans")}}};
}

static bool mnist_d_batch_norm(const net_config *c)
{
	(void)c;
	return true;
}

static const size_t ignored[] = {
	offsetof(net_config, bn_last_keep), offsetof(net_config, up), offsetof(net_config, d_skip),
	offsetof(net_config, init_gain), offsetof(net_config, d_batch_norm), offsetof(net_config, d_slope), 0,
};

const net_family family_mnistgans = {
	.check_size = mnist_check_size, .check = mnist_check, .defaults = mnist_defaults,
	.d_batch_norm = mnist_d_batch_norm, .ignores = ignored,
	.half = {
		[NET_G] = {sizeof(mnist_g), mnist_g_stages, g_stage_init, g_stage_apply, g_end_init, g_end_apply},
		[NET_D] = {sizeof(mnist_d), mnist_d_stages, d_stage_init, d_stage_apply, d_end_init, d_end_apply},
	},
};
