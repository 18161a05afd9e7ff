/* networks.c - the settings of networks, their construction and application: what is the same in every
 * family. The families are in resnet.c, dcgan.c, mnistgans.c. */
#include "gan/nets/networks.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/words.h"
#include "core/graph/ops.h"
#include "gan/nets/networks_internal.h"

#define ROW(name, ...) {#name, &family_##name},
static const struct family_row {
	const char *name;
	const net_family *family;
} families[] = {NET_FAMILIES(ROW)};
#undef ROW

#define NAMES(name, ...) __VA_ARGS__,
const char *const net_name[] = {NET_FAMILIES(NAMES) NULL};
#undef NAMES

const char *const upsampling_name[] = {[UPSAMPLE_NEAREST] = "nearest", [UPSAMPLE_BILINEAR] = "bilinear", NULL};
const char *const d_skip_name[] = {[SKIP_LINEAR] = "linear", [SKIP_RELU] = "relu", NULL};
const char *const net_modulation_name[] = {
	[MODULATE_LABEL] = "label", [MODULATE_LATENT] = "latent", [MODULATE_CHUNKS] = "chunks", NULL
};
const char *const net_init_name[] = {
	[NET_XAVIER] = "xavier", [NET_ORTHOGONAL] = "orthogonal", [NET_N02] = "n02", [NET_HE] = "he",
	[NET_TORCH] = "torch", NULL
};

/* ---- settings ---- */

/* The family of "resnet32", and 32; *size 0 when the name has no digits. */
static const struct family_row *family_find(const char *name, int *size)
{
	size_t letters = strlen(name);
	while (letters > 0 && isdigit((unsigned char)name[letters - 1]))
		letters--;
	*size = strlen(name + letters) <= 4 ? atoi(name + letters) : -1;
	for (int i = 0; i < COUNT(families); i++)
		if (strlen(families[i].name) == letters && !memcmp(families[i].name, name, letters))
			return &families[i];
	return NULL;
}

/* The family that fits name and size; fills *named with the size in the name, or 0. */
static const net_family *family_for(const char *name, net_size size, int *named, fault *e)
{
	const struct family_row *row = family_find(name, named);
	if (!row) {
		char known[256];
		fault_word(e, "network", name, "must be %s",
			   words_print((word_list)WORDS(net_name), known, sizeof known));
		return NULL;
	}
	if (*named && !net_size_is(size, 0) && !net_size_is(size, *named)) {
		char why[128];
		snprintf(why, sizeof why, "%.40s has size %d; network = %s takes its size from here", name, *named,
			 row->name);
		net_size_refuse(size, why, e);
		return NULL;
	}
	return row->family;
}

bool net_config_default(const char *name, net_size size, net_config *out, fault *e)
{
	int named;
	const net_family *f = family_for(name, size, &named, e);
	if (!f)
		return false;
	*out = (net_config){
		.network = name, .size = named ? net_square(named) : size,
		.channels = 3, .classes = 10, .latent = 128, .g_width = 64, .d_width = 64,
		.layer_gamma = NAN, .g_sn = true, .d_sn = true, .sn_iterations = 1, .sn_eps = 1e-6,
		.bn_keep = 0.9, .bn_eps = 1e-5, .class_vector = 128, .d_slope = 0.1, .init_gain = 1,
	};
	if (!f->check_size(out->size, e))
		return false;
	f->defaults(out);
	return true;
}

/* A whole number of the settings that has a range. */
static bool check_range(const char *name, int value, int lo, int hi, fault *e)
{
	if (value >= lo && value <= hi)
		return true;
	return fault_value(e, name, value, "must be %d to %d", lo, hi);
}

static bool check_above_0(const char *name, double value, fault *e)
{
	return value > 0 || fault_value(e, name, value, "must be above 0");
}

/* Each stage of G has a piece of the latent where they have their own. */
static bool check_pieces(const net_config *c, const net_family *f, fault *e)
{
	net_stage s[STAGES_MAX];
	const int stages = c->modulation == MODULATE_CHUNKS ? f->half[NET_G].stages(c, s) : 1;
	return c->latent >= stages ||
	       fault_value(e, "latent", c->latent, "modulation = chunks needs one for each of the %d stages", stages);
}

bool net_settings_check(const net_config *c, fault *e)
{
	int named;
	const net_family *f = family_for(c->network, c->size, &named, e);
	if (!f || !f->check_size(c->size, e) || (f->check && !f->check(c, e)))
		return false;
	if (c->channels != 1 && c->channels != 3)
		return fault_value(e, "channels", c->channels, "must be 1 or 3");
	return check_range("classes", c->classes, 0, 1 << 20, e) &&
		check_range("latent", c->latent, 1, 1 << 16, e) &&
		check_range("class_vector", c->class_vector, 1, 1 << 12, e) && check_pieces(c, f, e) &&
		check_range("width of G", c->g_width, 1, 1 << 12, e) &&
		check_range("width of D", c->d_width, 1, 1 << 12, e) &&
		check_above_0("sn_eps", c->sn_eps, e) && check_above_0("bn_eps", c->bn_eps, e) &&
		check_above_0("init_gain", c->init_gain, e);
}

bool net_layers_check(const net_config *c, enum net_side side, fault *e)
{
	int named;
	const net_family *f = family_for(c->network, c->size, &named, e);
	return f && placed_layers_check(c, side, &f->half[side], e);
}

bool net_config_check(const net_config *c, fault *e)
{
	return net_settings_check(c, e) && net_layers_check(c, NET_G, e) && net_layers_check(c, NET_D, e);
}

bool net_mixes_samples(const net_config *c)
{
	int named;
	const net_family *f = family_for(c->network, c->size, &named, NULL);
	return f && f->d_batch_norm && f->d_batch_norm(c);
}

bool net_ignores(const net_config *c, size_t setting)
{
	int named;
	const net_family *f = family_for(c->network, c->size, &named, NULL);
	for (const size_t *at = f ? f->ignores : NULL; at && *at; at++)
		if (*at == setting)
			return true;
	return false;
}

/* ---- what families ask ---- */

init net_init(const net_config *c, double gain)
{
	static const init start[] = {
		[NET_XAVIER] = {INIT_GLOROT_UNIFORM, 1}, [NET_ORTHOGONAL] = {INIT_ORTHOGONAL, 1},
		[NET_N02] = {INIT_NORMAL, 0.02}, [NET_HE] = {INIT_HE_FAN_OUT, 1},
		[NET_TORCH] = {INIT_TORCH_UNIFORM, 0},
	};
	init i = start[c->init];
	i.value *= c->init != NET_N02 ? gain : 1;
	return i;
}

/* Rows of an nn.Embedding start as N(0,1) in PyTorch. */
init net_embedding(const net_config *c)
{
	return c->init == NET_TORCH ? (init){INIT_NORMAL, 1} : net_init(c, 1);
}

layer_specs net_layer_at(int place)
{
	return (layer_specs){1, {{.at = place, .type = layer_type_named("official")}}};
}

/* Zero, except that PyTorch draws biases like their kernel's rows. */
static init bias_start(const net_config *c, int64_t fan_in)
{
	return c->init == NET_TORCH ? (init){INIT_TORCH_UNIFORM, 1 / sqrt((double)fan_in)} : (init){INIT_ZEROS, 0};
}

sn_options net_sn(const network *n)
{
	return (sn_options){.on = n->sn, .iterations = n->cfg.sn_iterations, .eps = n->cfg.sn_eps};
}

bn_options net_bn(const net_config *c)
{
	return (bn_options){.keep = c->bn_keep, .eps = c->bn_eps};
}

conv_options net_conv(const network *n, int64_t in, int64_t filters, int k, double gain)
{
	conv_options o = conv_same((int)filters, k, net_init(&n->cfg, gain), net_sn(n));
	o.bias_init = bias_start(&n->cfg, in * k * k);
	return o;
}

conv_options net_conv_map(const network *n, int64_t in, int64_t filters, net_size map)
{
	conv_options o = net_conv(n, in, filters, map.h, 1);
	o.kw = map.w;
	o.padding = PAD_VALID;
	o.bias_init = bias_start(&n->cfg, in * map.h * map.w);
	return o;
}

dense_options net_dense(const network *n, int64_t in, int64_t units)
{
	return (dense_options){
		.units = units, .bias = true, .kernel_init = net_init(&n->cfg, 1),
		.bias_init = bias_start(&n->cfg, in), .sn = net_sn(n),
	};
}

void net_norm(network *n, cond_norm *c, const char *name, int64_t C)
{
	sn_options sn = net_sn(n);
	sn.on = sn.on && n->cfg.cbn_sn;
	if (n->cfg.modulation != MODULATE_LABEL)
		cond_norm_init_vector(n->m, c, name, C, n->vector, net_bn(&n->cfg), net_init(&n->cfg, 1), sn);
	else
		cond_norm_init(n->m, c, name, C, n->cfg.classes, net_bn(&n->cfg), n->cfg.cbn_form,
			       net_init(&n->cfg, 1), sn);
}

/* ---- what G's batch norms follow ---- */

net_piece net_latent(const network *n, int i)
{
	if (n->cfg.modulation != MODULATE_CHUNKS)
		return (net_piece){0, n->cfg.latent};
	const int64_t each = n->cfg.latent / n->stages, first = n->cfg.latent - each * (n->stages - 1);
	return i == 0 ? (net_piece){0, first} : (net_piece){first + (i - 1) * each, each};
}

static bool is_modulated(const network *n)
{
	return n->side == NET_G && n->cfg.modulation != MODULATE_LABEL;
}

/* e(y) [B,class_vector], of networks with classes. */
static void class_vector_init(network *n)
{
	if (is_modulated(n) && n->cfg.classes)
		embedding_init(n->m, &n->shared, "class", n->cfg.classes, n->cfg.class_vector, net_embedding(&n->cfg),
			       (sn_options){0});
}

/* Of the vector of stage i's norms. */
static int64_t vector_width(const network *n, int i)
{
	return net_latent(n, i).length + (n->cfg.classes ? n->cfg.class_vector : 0);
}

static node *latent_of(graph *g, const network *n, int i, node *z)
{
	const net_piece p = net_latent(n, i);
	return p.length == n->cfg.latent ? z : op_slice_axis(g, z, 1, p.at, p.at + p.length);
}

/* [e(y), z of stage i]; the labels of networks whose norms follow the class. */
static node *condition_of(graph *g, const network *n, int i, node *z, node *shared, node *label)
{
	if (!is_modulated(n))
		return label;
	char name[24];
	snprintf(name, sizeof name, "condition%d", i);
	graph_push(g, name);
	node *const part[] = {shared, latent_of(g, n, i, z)};
	node *y = shared ? op_concat(g, part, 2, 1) : part[1];
	graph_pop(g);
	return y;
}

/* ---- construction ---- */

static bool build(network *n, const net_config *c, enum net_side side, rng *r, fault *e)
{
	int named;
	if (!net_config_check(c, e))
		return false;
	const net_family *f = family_for(c->network, c->size, &named, e);
	n->cfg = *c;
	n->side = side;
	n->half = &f->half[side];
	n->sn = side == NET_G ? c->g_sn : c->d_sn;
	n->stages = n->half->stages(c, n->stage);
	n->m = module_new(e);
	n->body = mem_zero(1, n->half->body, e);
	if (!n->m || !n->body)
		return false;
	class_vector_init(n);
	for (int i = 0; i < n->stages; i++) {
		n->vector = is_modulated(n) ? vector_width(n, i) : 0;
		if (!stage_start(n, i, e))
			return false;
		n->stage_params[i] = module_params(n->m);
	}
	n->half->end_init(n);
	return module_alloc(n->m, r, e);
}

network *network_new(const net_config *c, enum net_side side, rng *r, fault *e)
{
	network *n = mem_zero(1, sizeof *n, e);
	if (n && !build(n, c, side, r, e)) {
		network_free(n);
		return NULL;
	}
	return n;
}

void network_free(network *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->layers; i++)
		placed_layer_clear(&n->layer[i]);
	module_free(n->m);
	free(n->body);
	free(n);
}

/* ---- use ---- */

const char *net_side_name(enum net_side side)
{
	return side == NET_G ? "generator" : "discriminator";
}

enum net_side network_side(const network *n)
{
	return n->side;
}

module *network_module(const network *n)
{
	return n->m;
}

const net_config *network_config(const network *n)
{
	return &n->cfg;
}

shape network_input(const network *n, int64_t batch)
{
	const net_config *c = &n->cfg;
	return n->side == NET_G ? SHAPE(batch, c->latent) : SHAPE(batch, c->size.h, c->size.w, c->channels);
}

/* "[B,32,32,3]" */
static node *refuse_input(graph *g, const network *n, const node *x)
{
	const shape want = network_input(n, 1);
	const shape_text text = shape_print(&want);
	return graph_fail(g, "%s: %s %s, must be [B%s", net_side_name(n->side), n->side == NET_G ? "latent" : "image",
		shape_print(&x->s).s, text.s + strlen("[1"));
}

node *network_apply(graph *g, const network *n, node *x, node *label, mode m, node **maps)
{
	if (graph_ok(g, NULL)) {
		const shape want = network_input(n, x->s.rank > 0 ? x->s.dim[0] : 1);
		if (!shape_equal(&x->s, &want))
			return refuse_input(g, n, x);
	}
	if (n->cfg.classes && !label)
		return graph_fail(g, "a network of %d classes needs labels", n->cfg.classes);
	node *const z = x, *shared = n->shared.table ? embedding_apply(g, &n->shared, label, m) : NULL;
	if (n->side == NET_G)
		x = latent_of(g, n, 0, z);
	for (int i = 0; i < n->stages; i++)
		x = stage_run(g, n, i, x, condition_of(g, n, i, z, shared, label), m, maps);
	return n->half->end_apply(g, n, x, label, m);
}

int network_stages(const network *n)
{
	return n->stages;
}

int network_stage_params(const network *n, int k)
{
	must(k >= 0 && k <= n->stages, "stage %d of %d", k, n->stages);
	return k ? n->stage_params[k - 1] : 0;
}

int network_placed_layers(const network *n)
{
	return n->layers;
}

const placed_layer *network_placed_layer(const network *n, int i)
{
	must(i >= 0 && i < n->layers, "attention %d of %d", i, n->layers);
	return &n->layer[i];
}
