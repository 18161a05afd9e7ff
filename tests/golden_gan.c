/* The parts of GANs: attention layers, losses, gradient penalties and whole networks, built from layers/ and
 * gan/ for the comparison with reference files. */
#include "core/base/local.h"
#include "tests/golden.h"

#include "core/graph/ops.h"
#include "gan/loss/losses.h"
#include "gan/nets/networks.h"
#include "gan/loss/penalties.h"
#include "layers/attention.h"
#include "layers/norm.h"

#include <stdio.h>
#include <string.h>

/* ---- attention of GANs ---- */

/* y, context and attention_map, as output_names lists them ("y" alone where it does not). */
static bool give_outputs(golden_case *c, node *y, node *ctx, node *map, const char *fallback)
{
	char names[128];
	golden_text(c, "output_names", fallback, names, sizeof names);
	for (char *at = names, *name; *at && c->ny < GOLDEN_NODES; ) {
		name = at;
		at += strcspn(at, ",");
		if (*at)
			*at++ = '\0';
		node *v = !strcmp(name, "y") ? y : !strcmp(name, "context") ? ctx
			: !strcmp(name, "attention_map") ? map : NULL;
		if (!v)
			return fault_set(c->e, "%s: output %s is not known", c->group, name);
		golden_give(c, v);
	}
	return true;
}

static bool build_attention(golden_case *c, const char *variant, attention_config *cfg)
{
	attention a;
	node *map, *ctx;
	attention_init(c->m, &a, variant, shape_last(&c->x[0]->s), *cfg);
	if (!golden_bind(c, c->m, 0))
		return false;
	node *y = attention_apply(c->g, &a, c->x[0], c->mode, &map, &ctx);
	return give_outputs(c, y, ctx, map, !strcmp(variant, "official") ? "y,attention_map" : "y");
}

static bool build_variant(golden_case *c, const char *variant)
{
	attention_config cfg;
	sn_options none = {.on = false};
	return attention_variant(variant, shape_last(&c->x[0]->s), none, &cfg, c->e)
		&& build_attention(c, variant, &cfg);
}

static bool build_ashpy(golden_case *c)
{
	return build_variant(c, "ashpy_row");
}

static bool build_mnistgans(golden_case *c)
{
	return build_variant(c, "mnistgans");
}

static bool build_official(golden_case *c)
{
	return build_variant(c, "official");
}

static bool build_conv2d_attention(golden_case *c)
{
	char act[32];
	attention_config cfg;
	int64_t C = shape_last(&c->x[0]->s);
	if (!attention_variant("conv2d", C, (sn_options){.on = false}, &cfg, c->e))
		return false;
	golden_text(c, "activation", "linear", act, sizeof act);
	cfg.activation = act;
	cfg.cq = cfg.cv = (int64_t)golden_number(c, "num_heads", (double)C);
	cfg.filters = (int64_t)golden_number(c, "filters", (double)C);
	return build_attention(c, "conv2d", &cfg);
}

/* W / sigma inside the layer: the product of the kernel's shape that has the kernel as an input. */
static node *divided_kernel(golden_case *c, const buffer *kernel)
{
	for (int i = 0; i < graph_count(c->g); i++) {
		node *n = graph_at(c->g, i);
		if (n->nin == 2 && !strcmp(n->op->name, "mul") && shape_equal(&n->s, &kernel->s) &&
		    (n->in[0]->buf == kernel || n->in[1]->buf == kernel))
			return n;
	}
	return NULL;
}

/* Five power iterations and a division in place at every call, in inference too, with no derivative
 * through sigma; spectral_norm=False still wraps all projections but the first. */
static bool build_simplegan(golden_case *c)
{
	attention a;
	attention_config cfg;
	int64_t C = shape_last(&c->x[0]->s);
	bool all = golden_number(c, "spectral_norm", 1) != 0;
	sn_options sn = {.on = true, .iterations = 5, .constant_sigma = true};
	if (!attention_variant("simplegan", C, sn, &cfg, c->e))
		return false;
	attention_init(c->m, &a, "simplegan", C, cfg);
	a.q.sn.opt.on = all;
	if (!golden_bind(c, c->m, all ? 0 : 1))
		return false;
	mode every_call = {.train = true, .update = true};
	golden_give(c, attention_apply(c->g, &a, c->x[0], every_call, NULL, NULL));
	const buffer *const kernel[] = {a.q.kernel, a.k.kernel, a.v.kernel, a.o.kernel};
	for (int i = 0; i < c->nw; i++)
		for (int k = all ? 0 : 1; k < COUNT(kernel); k++)
			if (c->w[i].buf == kernel[k] &&
			    !(c->w[i].at = c->w[i].after = divided_kernel(c, kernel[k])))
				return fault_set(c->e, "%s: no divided kernel of %s", c->group, kernel[k]->name);
	return true;
}

/* ---- losses ---- */

static bool build_loss(golden_case *c)
{
	static const struct {
		const char *golden, *ours;
	} names[] = {
		{"hinge", "hinge"}, {"nonsaturating", "ns"}, {"minimax", "minimax"}, {"wasserstein", "wgan"},
		{"lsgan", "ls"}, {"keras_hinge_mnistgans", "keras_hinge"}, {"keras_bce_from_logits", "ns"},
	};
	char layer[64];
	golden_text(c, "layer", "", layer, sizeof layer);
	size_t n = strlen(layer);
	for (int i = 0; i < COUNT(names); i++) {
		if (n < 2 || strlen(names[i].golden) != n - 2 || strncmp(layer, names[i].golden, n - 2) != 0)
			continue;
		const gan_loss *l = gan_loss_find(names[i].ours, c->e);
		if (!l)
			return false;
		bool d = !strcmp(layer + n - 2, "_d");
		return golden_give(c, d ? l->d_loss(c->g, c->x[0], c->x[1]) : gan_loss_g(c->g, l, NULL, c->x[1], NULL));
	}
	return fault_set(c->e, "%s: loss %s is not known", c->group, layer);
}

/* ---- penalties: small discriminators described by attribute `discriminator` ---- */

typedef struct critic {
	golden_case *c;
	int next;                                    /* weight read next */
	batch_norm bn;
	node *x, *logits;                            /* where the slope is taken, and D there */
} critic;

static node *critic_weight(critic *d)
{
	return golden_leaf(d->c, d->next++);
}

static node *critic_conv(graph *g, critic *d, node *x)
{
	conv_geometry at = {.sh = 2, .sw = 2, .groups = 1};
	pad_same_tf(x->s.dim[1], 3, 2, &at.top, &at.bottom);
	pad_same_tf(x->s.dim[2], 3, 2, &at.left, &at.right);
	node *w = critic_weight(d);
	return op_add(g, op_conv2d(g, x, w, at), critic_weight(d));
}

static node *critic_dense(graph *g, critic *d, node *x)
{
	node *w = critic_weight(d);
	return op_add(g, op_dense(g, x, w), critic_weight(d));
}

/* gamma * softmax(f g') h + x */
static node *critic_attention(graph *g, critic *d, node *x)
{
	shape s = x->s;
	node *t = op_reshape(g, x, SHAPE(s.dim[0], s.dim[1] * s.dim[2], s.dim[3]));
	node *q = critic_dense(g, d, t), *k = critic_dense(g, d, t), *v = critic_dense(g, d, t);
	node *o = op_matmul(g, op_softmax(g, op_matmul(g, q, k, false, true)), v, false, false);
	return op_add(g, op_mul(g, op_reshape(g, o, s), critic_weight(d)), x);
}

static node *critic_activation(graph *g, const golden_case *c, node *x)
{
	char what[512];
	golden_text(c, "discriminator", "", what, sizeof what);
	if (strstr(what, "leaky_relu_0.2"))
		return op_leaky_relu(g, x, 0.2);
	if (strstr(what, "swish"))
		return op_swish(g, x);
	if (strstr(what, "tanh"))
		return op_tanh(g, x);
	return graph_fail(g, "discriminator \"%s\" is not known", what);
}

static node *critic_apply(graph *g, void *ctx, node *x)
{
	critic *d = ctx;
	char what[512];
	golden_text(d->c, "discriminator", "", what, sizeof what);
	d->x = x;
	node *h = critic_activation(g, d->c, critic_conv(g, d, x));
	if (strstr(what, "self-attention"))
		h = critic_attention(g, d, h);
	if (strstr(what, "batch norm")) {
		d->next += 2;
		h = batch_norm_apply(g, &d->bn, h, (mode){.train = true, .update = false});
	}
	h = critic_activation(g, d->c, critic_conv(g, d, h));
	int64_t B = h->s.dim[0];
	d->logits = critic_dense(g, d, op_reshape(g, h, SHAPE(B, shape_count(&h->s) / B)));
	return d->logits;
}

/* gamma and beta are the weights after the first convolution; the running values are not used. */
static bool critic_batch_norm(golden_case *c, critic *d)
{
	char what[512];
	rng r = rng_new(1, "golden");
	golden_text(c, "discriminator", "", what, sizeof what);
	if (!strstr(what, "batch norm"))
		return true;
	batch_norm_init(c->m, &d->bn, "bn", shape_count(&c->w[2].s), (bn_options){BN_USUAL});
	if (!module_alloc(c->m, &r, c->e))
		return false;
	c->w[2].buf = d->bn.gamma;
	c->w[3].buf = d->bn.beta;
	buffer_write(d->bn.gamma, c->w[2].x);
	buffer_write(d->bn.beta, c->w[3].x);
	return true;
}

static node *slope_of(golden_case *c, const critic *d)
{
	node *slope, *x = d->x;
	graph_grad(c->g, d->logits, NULL, &x, 1, &slope);
	return slope;
}

static bool build_r1(golden_case *c)
{
	critic d = {.c = c};
	if (!critic_batch_norm(c, &d))
		return false;
	golden_give(c, penalty_r1(c->g, critic_apply, &d, c->x[0]));
	golden_give(c, slope_of(c, &d));
	return golden_give(c, d.logits);
}

static bool build_gp(golden_case *c)
{
	critic d = {.c = c};
	if (!critic_batch_norm(c, &d))
		return false;
	golden_give(c, penalty_gp(c->g, critic_apply, &d, c->x[0], c->x[1], c->x[2], golden_number(c, "target", 1)));
	node *slope = slope_of(c, &d);
	unsigned inner = 1u << 1 | 1u << 2 | 1u << 3;
	golden_give(c, op_sqrt(c->g, op_sum(c->g, op_square(c->g, slope), inner, false)));
	golden_give(c, slope);
	return golden_give(c, d.logits);
}

/* ---- whole networks ---- */

/* "006_blocks.0.n1.bn.running_mean" -> "block1/norm1/moving_mean". */
static void peer_name(const char *weight, char *out, size_t size)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {
		{"blocks.0", "block1"}, {"blocks.1", "block2"}, {"blocks.2", "block3"}, {"blocks.3", "block4"},
		{"att.gamma", "attention/sigma_ratio"}, {"att.q", "attention/theta"}, {"att.k", "attention/phi"},
		{"att.v", "attention/g"}, {"att.o", "attention/attn"},
		{"n1.gain", "norm1/gain/embeddings"}, {"n1.bias", "norm1/bias/embeddings"}, {"n1.bn", "norm1"},
		{"n2.gain", "norm2/gain/embeddings"}, {"n2.bias", "norm2/bias/embeddings"}, {"n2.bn", "norm2"},
		{"c1", "conv1"}, {"c2", "conv2"}, {"running_mean", "moving_mean"}, {"running_var", "moving_variance"},
	};
	const char *at = weight + strcspn(weight, "_") + 1;
	size_t n = 0;
	*out = '\0';
	while (*at && n < size) {
		const char *ours = NULL;
		size_t taken = strcspn(at, ".");
		for (int i = 0; !ours && i < COUNT(names); i++) {
			size_t k = strlen(names[i].theirs);
			if (!strncmp(at, names[i].theirs, k) && (at[k] == '.' || at[k] == '\0')) {
				ours = names[i].ours;
				taken = k;
			}
		}
		n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? "/" : "", ours ? 64 : (int)taken,
			ours ? ours : at);
		at += taken + (at[taken] == '.');
	}
}

/* The attention's name carries the size of its map, the discriminator's last layer is called linear. */
static const char *attention_at;
static bool is_discriminator;

static void network_name(const char *weight, char *out, size_t size)
{
	char plain[192];
	peer_name(weight, plain, sizeof plain);
	if (!strncmp(plain, "attention/", 10))
		snprintf(out, size, "%s/%s", attention_at, plain + 10);
	else if (is_discriminator && !strncmp(plain, "dense/", 6))
		snprintf(out, size, "linear/%s", plain + 6);
	else
		snprintf(out, size, "%s", plain);
}

/* Axis i of the weight that is called "NNN_name", or `otherwise` when the case has none. */
static int64_t weight_axis(const golden_case *c, const char *name, int i, int64_t otherwise)
{
	for (int k = 0; k < c->nw; k++) {
		const char *plain = c->w[k].name + strcspn(c->w[k].name, "_");
		if (*plain && !strcmp(plain + 1, name) && i < c->w[k].s.rank)
			return c->w[k].s.dim[i];
	}
	return otherwise;
}

/* Widths, latent and classes are those of the weights. */
static void widths_of(const golden_case *c, enum net_side side, net_config *net)
{
	const bool g = side == NET_G;
	const char *last = g ? "out.kernel" : "dense.kernel", *table = g ? "blocks.0.n1.gain" : "embed.embeddings";
	net->g_width = net->d_width = (int)weight_axis(c, last, g ? 2 : 0, 0);
	net->latent = (int)weight_axis(c, "dense.kernel", 0, 0);
	net->classes = (int)weight_axis(c, table, 0, 0);
	if (weight_axis(c, "att.q.kernel", 0, 0) == 0)
		net->g_layers.n = net->d_layers.n = 0;
}

/* Settings of the peer at the sizes of the case: images are the input of D or the output of G. */
static bool network_settings(golden_case *c, enum net_side side, net_config *net)
{
	const char *set = side == NET_G ? "output64" : "input";
	char path[512];
	h5_info info;
	snprintf(path, sizeof path, "%s/%s/0", c->group, set);
	if (!h5_stat(c->f, path, &info, c->e))
		return false;
	if (!net_config_default("resnet", (net_size){(int)info.s.dim[1], (int)info.s.dim[2]}, net, c->e))
		return false;
	net->channels = (int)info.s.dim[3];
	widths_of(c, side, net);
	net->bn_eps = golden_number(c, "bn_eps", 0);
	net->bn_keep = 1 - golden_number(c, "bn_momentum", 0);
	net->sn_iterations = (int)golden_number(c, "sn_iterations", 0);
	net->cbn_form = COND_TABLE;
	return true;
}

static void drop_network(void *n)
{
	network_free(n);
}

static bool build_network(golden_case *c, enum net_side side)
{
	net_config net;
	rng r = rng_new(1, "golden");
	if (!network_settings(c, side, &net))
		return false;
	network *n = network_new(&net, side, &r, c->e);
	if (!n)
		return false;
	c->kept = n;
	c->drop = drop_network;
	attention_at = network_placed_layers(n) ? network_placed_layer(n, 0)->name : "";
	is_discriminator = side == NET_D;
	return golden_bind_names(c, network_module(n), network_name) &&
	       golden_give(c, network_apply(c->g, n, c->x[0], net.classes ? c->x[1] : NULL, c->mode, NULL));
}

static bool build_generator(golden_case *c)
{
	return build_network(c, NET_G);
}

static bool build_discriminator(golden_case *c)
{
	return build_network(c, NET_D);
}

/* ---- the table ---- */

/* Figures: output, gradient of inputs, of weights, updated states (README.md, "Tolerances"). A file whose original is
 * farther off is held to what it holds itself. */
const golden_layer golden_gan[] = {
	{"Attention", "ashpy", build_ashpy, NULL, {2e-7, 3e-7, 6e-6, 0}, 0},
	{"Attention", "mnistGANs", build_mnistgans, NULL, {3e-7, 2e-7, 1e-6, 0}, 0},
	{"SelfAttention", "simplegan", build_simplegan, NULL, {5e-8, 1e-7, 3e-6, 2e-7}, 0},
	{"SelfAttention_Conv2D", NULL, build_conv2d_attention, NULL, {3e-7, 2e-7, 2e-6, 0}, 0},
	/* PyTorch gives values in double only. The figures are half of what our own float32 kernels were
	 * measured to be off, so that a factor 2 is left for other instruction sets: large logits for the
	 * attention, twenty layers with batch norm over three samples for the networks. */
	{"official SAGAN attention", NULL, build_official, NULL, {5e-7, 8e-7, 1.5e-6, 0}, 0},
	{"sagan generator", NULL, build_generator, NULL, {1.6e-6, 5e-7, 1e-5, 5e-7}, 0},
	{"sagan discriminator", NULL, build_discriminator, NULL, {3e-7, 3e-7, 5e-6, 3e-7}, 0},

	{"hinge_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"hinge_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"keras_bce_from_logits_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"keras_hinge_mnistgans_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"keras_hinge_mnistgans_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"lsgan_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"lsgan_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"minimax_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"nonsaturating_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"nonsaturating_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"wasserstein_d", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"wasserstein_g", NULL, build_loss, NULL, {1e-7, 6e-8, 0, 0}, 0},
	{"r1", NULL, build_r1, NULL, {3e-7, 5e-7, 2e-6, 0}, 0},
	/* In double: our norm is sqrt(s + 1e-12), which (norm - 1)^2 shows where the norm is near 1. */
	{"wgan_gp", NULL, build_gp, NULL, {3e-7, 5e-7, 2e-6, 0}, 1e-9},
	{0}
};
