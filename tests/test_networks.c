/* test_networks.c - whole networks: parameter counts, shapes, reference values, refusals, listings. */
#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/nets/blocks.h"
#include "gan/nets/networks.h"
#include "tests/suite.h"

#ifndef GOLDEN
#define GOLDEN "tests/golden"
#endif

/* ---- parameter counts ---- */

static net_config settings_of(const char *name, net_size size)
{
	net_config c;
	fault e;
	ck_assert_msg(net_config_default(name, size, &c, &e), "%s", e.text);
	return c;
}

static net_config settings(const char *name, int size)
{
	return settings_of(name, net_square(size));
}

static int64_t count(const net_config *c, enum net_side side)
{
	fault e;
	rng r = rng_new(1, "init");
	network *n = network_new(c, side, &r, &e);
	ck_assert_msg(n != NULL, "%s", e.text);
	int64_t params = module_param_count(network_module(n));
	network_free(n);
	return params;
}

/* Sources: PyTorch-StudioGAN's log for resnet32 256/128, shared widths by the same blocks; sagan.py of
 * mnistGANs; the official code's shapes. Width 0 keeps the default; g or d 0 is not looked at. */
static const struct {
	const char *network;
	int width;
	int64_t g, d;
} counts[] = {
	{"resnet32",      0,  4386308,  1075586},
	{"resnet32",     16,    50468,    17522},
	{"resnet32",     32,   130756,    68450},
	{"resnet32",     64,   380804,   270530},
	{"resnet32",    128,  1238788,  1075586},
	{"resnet32",    256,  4386308,        0},
	{"resnet28",     16,   112738,    17202},
	{"resnet28",     32,   245570,    67810},
	{"resnet28",     64,   571522,   269250},
	{"resnet28",    128,  1464578,  1073026},
	{"mnistgans28",   0,   813351,    10312},
	{"official128",   0, 42078852, 39463618},
};

START_TEST(parameters_are_as_published)
{
	net_config c = settings(counts[_i].network, 0);
	if (counts[_i].width)
		c.g_width = c.d_width = counts[_i].width;
	if (counts[_i].g)
		ck_assert_int_eq(count(&c, NET_G), counts[_i].g);
	if (counts[_i].d)
		ck_assert_int_eq(count(&c, NET_D), counts[_i].d);
}
END_TEST

/* ---- shapes of every kind of network ---- */

typedef struct pair {
	network *g, *d;
	graph *graph;
	buffer *z, *y;
	node *image, *logit;
	node *map_g[LAYERS_MAX], *map_d[LAYERS_MAX];
} pair;

static void pair_open(pair *p, const net_config *c, int B, mode m)
{
	fault e;
	rng r = rng_new(2, "init");
	p->g = network_new(c, NET_G, &r, &e);
	ck_assert_msg(p->g != NULL, "%s", e.text);
	p->d = network_new(c, NET_D, &r, &e);
	ck_assert_msg(p->d != NULL, "%s", e.text);
	p->graph = graph_new(NULL);
	p->z = buffer_new("z", SHAPE(B, c->latent), NULL);
	p->y = buffer_new("y", SHAPE(B), NULL);
	rng_fill_normal(&r, p->z->x, shape_count(&p->z->s));
	for (int i = 0; i < B && c->classes; i++)
		p->y->x[i] = (real)(i % c->classes);
	node *label = c->classes ? graph_leaf(p->graph, p->y) : NULL;
	p->image = network_apply(p->graph, p->g, graph_leaf(p->graph, p->z), label, m, p->map_g);
	p->logit = network_apply(p->graph, p->d, p->image, label, m, p->map_d);
	ck_assert_msg(graph_ok(p->graph, &e), "%s", e.text);
}

static void pair_close(pair *p)
{
	graph_free(p->graph);
	network_free(p->g);
	network_free(p->d);
	buffer_free(p->z);
	buffer_free(p->y);
}

static bool is_finite(const plan *p, const node *x)
{
	for (int64_t i = 0; i < shape_count(&x->s); i++)
		if (!isfinite((double)plan_value(p, x)[i]))
			return false;
	return true;
}

static const struct {
	const char *network;
	net_size size;
	int channels, classes, width;
	int at_g[3], at_d[3];                        /* attention places, ended by 0; -1: the default */
	const char *variant;
	int sn, one_plus, bilinear, init;            /* sn: 1 G, 2 D */
} kinds[] = {
	{"resnet", {28, 28}, 1, 10, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_XAVIER},
	{"resnet", {32, 32}, 3, 10, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_ORTHOGONAL},
	{"resnet", {32, 32}, 1,  0, 8,  {8, 16, 32}, {8, 16}, "official", 1, 0, 0, NET_N02},
	{"resnet", {28, 28}, 3,  0, 8,  {0}, {0}, NULL, 2, 0, 1, NET_HE},
	{"resnet", {32, 32}, 3, 10, 8,  {16}, {8}, "official", 3, 1, 1, NET_XAVIER},
	{"resnet", {28, 28}, 1,  3, 8,  {7, 14}, {7, 14}, "plain", 0, 1, 0, NET_TORCH},
	{"resnet", {64, 64}, 3,  5, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_XAVIER},
	{"resnet", {128, 128}, 3,  0, 8,  {16}, {16}, "official", 3, 0, 0, NET_XAVIER},
	{"resnet", {56, 56}, 1,  2, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_XAVIER},
	{"resnet", {16, 16}, 3,  2, 16, {8}, {8}, "paper", 3, 1, 0, NET_XAVIER},
	{"resnet", {14, 14}, 1,  0, 8,  {14}, {7}, "ashpy_row", 0, 0, 0, NET_XAVIER},
	{"resnet", {8, 8}, 3,  0, 8,  {4}, {4}, "simplegan", 3, 0, 0, NET_XAVIER},
	{"official", {64, 64}, 3, 10, 4,  {-1}, {16}, "official", 3, 0, 0, NET_XAVIER},
	{"official", {128, 128}, 1,  0, 2,  {16}, {8}, "conv2d", 3, 0, 0, NET_XAVIER},
	{"official", {256, 256}, 3,  0, 1,  {16}, {8}, "mnistgans", 3, 0, 0, NET_XAVIER},
	{"dcgan", {28, 28}, 1,  0, 4,  {-1}, {-1}, NULL, 0, 0, 0, NET_N02},
	{"dcgan", {32, 32}, 3, 10, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_N02},
	{"dcgan", {64, 64}, 3,  0, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_TORCH},
	{"mnistgans", {28, 28}, 1,  0, 16, {-1}, {-1}, NULL, 0, 0, 0, NET_XAVIER},
	{"mnistgans", {28, 28}, 3,  0, 16, {0}, {14}, "official", 0, 0, 0, NET_XAVIER},
	{"resnet", {40, 40}, 3,  2, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_XAVIER},
	{"resnet", {96, 64}, 3,  2, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_XAVIER},
	{"resnet", {64, 112}, 1,  0, 8,  {8, 16}, {32, 16}, "official", 3, 1, 1, NET_TORCH},
	{"resnet", {24, 16}, 3,  2, 8,  {8}, {8}, "plain", 3, 0, 0, NET_XAVIER},
	{"resnet", {16, 40}, 3,  0, 8,  {4, 8}, {8, 4}, "ashpy_row", 3, 0, 0, NET_XAVIER},
	{"dcgan", {32, 24}, 3,  2, 8,  {-1}, {-1}, NULL, 3, 0, 0, NET_TORCH},
	{"dcgan", {16, 20}, 1,  0, 8,  {8}, {8}, "mnistgans", 0, 0, 0, NET_N02},
};

static layer_specs places(const int *at, const char *variant, layer_specs fallback)
{
	layer_specs p = {0};
	for (int i = 0; i < 3 && at[i] > 0; i++)
		p.layer[p.n++] = (layer_spec){.at = at[i], .type = variant ? layer_type_named(variant) : NULL};
	return at[0] < 0 ? fallback : p;
}

static net_config kind_settings(int i)
{
	net_config c = settings_of(kinds[i].network, kinds[i].size);
	c.channels = kinds[i].channels;
	c.classes = kinds[i].classes;
	c.g_width = c.d_width = kinds[i].width;
	c.g_layers = places(kinds[i].at_g, kinds[i].variant, c.g_layers);
	c.d_layers = places(kinds[i].at_d, kinds[i].variant, c.d_layers);
	c.g_sn = kinds[i].sn & 1;
	c.d_sn = kinds[i].sn & 2;
	c.cbn_form = kinds[i].one_plus ? COND_ONE_PLUS : COND_TABLE;
	c.cbn_sn = kinds[i].one_plus;
	c.up = kinds[i].bilinear ? UPSAMPLE_BILINEAR : UPSAMPLE_NEAREST;
	c.init = kinds[i].init;
	return c;
}

/* Of the first of both samples. */
static void check_map(const plan *p, const placed_layer *l, const node *map)
{
	const int64_t pooled = layer_map_pooled(l), keys = l->H * l->W / (pooled * pooled);
	real *row = mem_new((size_t)keys, sizeof *row, NULL);
	ck_assert_int_eq(map->s.dim[0], 2);
	for (int q = 0; q < l->H * l->W; q++) {
		double sum = 0;
		layer_map_row(l, &map->s, plan_value(p, map), 0, q, row);
		for (int64_t k = 0; k < keys; k++)
			sum += (double)row[k];
		ck_assert_msg(fabs(sum - 1) < 1e-5, "row %d of %s sums to %.9g", q, l->name, sum);
	}
	free(row);
}

/* Images of the right shape inside [-1,1], one logit each, maps whose rows sum to one; the whole
 * derivative through D into G is finite and not zero. */
START_TEST(every_kind_of_network_runs)
{
	net_config c = kind_settings(_i);
	rng noise = rng_new(3, "noise");
	pair p;
	pair_open(&p, &c, 2, (mode){.train = true, .update = true, .noise = &noise});
	module_grad(network_module(p.g), p.graph, op_mean_all(p.graph, p.logit));
	node *out[2 + 2 * LAYERS_MAX] = {p.image, p.logit};
	int n = 2, layers_g = network_placed_layers(p.g), layers_d = network_placed_layers(p.d);
	ck_assert_int_eq(layers_g, c.g_layers.n);
	ck_assert_int_eq(layers_d, c.d_layers.n);
	for (int i = 0; i < layers_g; i++)
		out[n++] = p.map_g[i];
	for (int i = 0; i < layers_d; i++)
		out[n++] = p.map_d[i];
	fault e;
	plan *run = plan_new(p.graph, out, n, 0, &e);
	ck_assert_msg(run != NULL, "%s", e.text);
	plan_run(run);
	shape image = SHAPE(2, c.size.h, c.size.w, c.channels), logit = SHAPE(2);
	ck_assert(shape_equal(&p.image->s, &image));
	ck_assert(shape_equal(&p.logit->s, &logit));
	ck_assert(is_finite(run, p.logit));
	for (int64_t i = 0; i < shape_count(&image); i++)
		ck_assert(fabs((double)plan_value(run, p.image)[i]) <= 1);
	for (int i = 0; i < layers_g; i++)
		check_map(run, network_placed_layer(p.g, i), p.map_g[i]);
	for (int i = 0; i < layers_d; i++)
		check_map(run, network_placed_layer(p.d, i), p.map_d[i]);
	double sum = 0;
	const real *grad = module_grad_block(network_module(p.g));
	for (int64_t i = 0; i < module_block_size(network_module(p.g)); i++)
		sum += fabs((double)grad[i]);
	ck_assert(isfinite(sum) && sum > 0);
	plan_free(run);
	pair_close(&p);
}
END_TEST

/* In evaluation a sample does not depend on its batch, and nothing is assigned. */
START_TEST(evaluation_is_per_sample_and_changes_nothing)
{
	net_config c = settings("resnet28", 0);
	c.g_width = c.d_width = 8;
	pair one, two;
	pair_open(&one, &c, 1, (mode){0});
	pair_open(&two, &c, 3, (mode){0});
	memcpy(one.z->x, two.z->x, (size_t)c.latent * sizeof(real));
	int64_t n = module_state_size(network_module(two.g));
	real *before = mem_new((size_t)n, sizeof *before, NULL);
	memcpy(before, module_state_block(network_module(two.g)), (size_t)n * sizeof *before);
	plan *a = plan_new(one.graph, (node *[]){one.logit, one.image}, 2, 0, NULL);
	plan *b = plan_new(two.graph, (node *[]){two.logit, two.image}, 2, 0, NULL);
	plan_run(a);
	plan_run(b);
	double tolerance = 1e-5;
	for (int64_t i = 0; i < shape_count(&one.image->s); i++)
		ck_assert(fabs((double)plan_value(a, one.image)[i] - (double)plan_value(b, two.image)[i]) < tolerance);
	ck_assert(!memcmp(before, module_state_block(network_module(two.g)), (size_t)n * sizeof *before));
	free(before);
	plan_free(a);
	plan_free(b);
	pair_close(&one);
	pair_close(&two);
}
END_TEST

/* ---- what the settings mean ---- */

/* A block with silent convolutions is its skip: of relu(x) with SKIP_RELU, of x without. */
START_TEST(skip_takes_what_the_setting_says)
{
	network n = {.cfg = settings("resnet32", 0), .m = module_new(NULL)};
	d_block b;
	rng r = rng_new(1, "init");
	n.cfg.d_skip = _i ? SKIP_RELU : SKIP_LINEAR;
	d_block_init(&n, &b, "block", 4, 4, false, true);
	ck_assert(module_alloc(n.m, &r, NULL));
	memset(b.conv2.kernel->x, 0, (size_t)shape_count(&b.conv2.kernel->s) * sizeof(real));
	graph *g = graph_new(NULL);
	node *y = d_block_apply(g, &b, op_fill(g, SHAPE(1, 4, 4, 4), -1), (mode){0});
	plan *p = plan_new(g, &y, 1, 0, NULL);
	plan_run(p);
	double sum = 0;
	for (int i = 0; i < 16; i++)
		sum += fabs((double)plan_value(p, y)[i]);
	ck_assert_int_eq(sum > 0, !_i);
	plan_free(p);
	graph_free(g);
	module_free(n.m);
}
END_TEST

/* How far `state` moved from 1 in one training pass of G over one batch, as a share. */
static double moved(const net_config *c, const char *state)
{
	pair p;
	pair_open(&p, c, 2, (mode){.train = true, .update = true});
	plan *run = plan_new(p.graph, &p.image, 1, 0, NULL);
	buffer *b = module_find(network_module(p.g), state);
	ck_assert_ptr_nonnull(b);
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		b->x[i] = 1000;
	plan_run(run);
	double sum = 0;
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		sum += (double)b->x[i] / (double)shape_count(&b->s);
	plan_free(run);
	pair_close(&p);
	return sum / 1000;
}

/* Running means keep bn_keep of the old value, the last norm of `official` bn_last_keep. */
START_TEST(running_statistics_keep_their_share)
{
	net_config c = settings("official64", 0);
	c.g_width = c.d_width = 2;
	c.classes = 0;
	c.g_layers.n = c.d_layers.n = 0;
	ck_assert(fabs(moved(&c, "block1/norm1/moving_mean") - 0.999) < 1e-4);
	ck_assert(fabs(moved(&c, "norm/moving_mean") - 0.9999) < 1e-5);
	c.bn_last_keep = 0;                          /* as the others */
	ck_assert(fabs(moved(&c, "norm/moving_mean") - 0.999) < 1e-4);
	c = settings("mnistgans28", 0);
	ck_assert(fabs(moved(&c, "norm2/moving_mean") - 0.99) < 1e-3);
	c.bn_keep = 0;                               /* 0 is 0: nothing is left of the old value */
	ck_assert(fabs(moved(&c, "norm2/moving_mean")) < 1e-3);
}
END_TEST

/* Keras' batch norm of rank 2 has no n/(n-1): unit 0 sees +1 and -1, so its running variance stays at 1. */
START_TEST(dense_batch_norm_has_no_bessel_factor)
{
	net_config c = settings("mnistgans28", 0);
	pair p;
	pair_open(&p, &c, 2, (mode){.train = true, .update = true});
	module *m = network_module(p.g);
	buffer *w = module_find(m, "dense/kernel"), *var = module_find(m, "norm1/moving_variance");
	memset(w->x, 0, (size_t)shape_count(&w->s) * sizeof(real));
	w->x[0] = 1;
	p.z->x[0] = 1;
	p.z->x[c.latent] = -1;
	plan *run = plan_new(p.graph, &p.image, 1, 0, NULL);
	plan_run(run);
	ck_assert(fabs((double)var->x[0] - 1) < 1e-6);
	plan_free(run);
	pair_close(&p);
}
END_TEST

static double sum_of(const module *m, const char *name)
{
	const buffer *b = module_find(m, name);
	double sum = 0;
	ck_assert_msg(b != NULL, "%s", name);
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		sum += fabs((double)b->x[i]);
	return sum;
}

/* init_gain is the gain of the blocks' 3x3 kernels and of nothing else. */
START_TEST(gain_is_that_of_the_blocks)
{
	net_config c = settings("resnet28", 0);
	c.g_width = 8;
	rng a = rng_new(1, "init"), b = rng_new(1, "init");
	network *one = network_new(&c, NET_G, &a, NULL);
	c.init_gain = 3;
	network *three = network_new(&c, NET_G, &b, NULL);
	static const struct {
		const char *name;
		double gain;
	} part[] = {{"block1/conv1/kernel", 3}, {"block2/conv2/kernel", 3}, {"block1/skip/kernel", 1},
		{"dense/kernel", 1}, {"out/kernel", 1}, {"attention14/theta/kernel", 1}};
	for (int i = 0; i < COUNT(part); i++) {
		double ratio = sum_of(network_module(three), part[i].name) / sum_of(network_module(one), part[i].name);
		ck_assert_msg(fabs(ratio / part[i].gain - 1) < 1e-5, "%s: %g", part[i].name, ratio);
	}
	network_free(one);
	network_free(three);
}
END_TEST

/* Spectral norm stands where the settings say: in G, in D, on the tables of cBN only when asked. */
START_TEST(spectral_norm_stands_where_asked)
{
	net_config c = settings("resnet28", 0);
	rng r = rng_new(1, "init");
	c.g_width = c.d_width = 8;
	c.g_sn = _i & 1;
	c.d_sn = _i & 2;
	c.cbn_sn = _i & 4;
	c.cbn_form = COND_ONE_PLUS;
	network *g = network_new(&c, NET_G, &r, NULL);
	network *d = network_new(&c, NET_D, &r, NULL);
	const module *mg = network_module(g), *md = network_module(d);
	ck_assert_int_eq(module_find(mg, "block1/conv1/u") != NULL, c.g_sn);
	ck_assert_int_eq(module_find(mg, "attention14/theta/u") != NULL, c.g_sn);
	ck_assert_int_eq(module_find(mg, "block1/norm1/gain/u") != NULL, c.g_sn && c.cbn_sn);
	ck_assert_int_eq(module_find(md, "block1/conv1/u") != NULL, c.d_sn);
	ck_assert_int_eq(module_find(md, "embed/u") != NULL, c.d_sn);
	network_free(g);
	network_free(d);
}
END_TEST

/* mnistGANs' discriminator: noise and dropout when training with a stream, else none. */
START_TEST(noise_and_dropout_act_in_training_only)
{
	net_config c = settings("mnistgans28", 0);
	rng r = rng_new(1, "init"), noise = rng_new(1, "noise");
	network *d = network_new(&c, NET_D, &r, NULL);
	graph *g = graph_new(NULL);
	node *x = op_fill(g, SHAPE(2, 28, 28, 1), 0.5);
	node *y[2] = {
		network_apply(g, d, x, NULL, (mode){.train = true, .noise = &noise}, NULL),
		network_apply(g, d, x, NULL, (mode){0}, NULL),
	};
	plan *p = plan_new(g, y, 2, 0, NULL);
	real first[2][2];
	plan_run(p);
	for (int i = 0; i < 2; i++)
		memcpy(first[i], plan_value(p, y[i]), sizeof first[i]);
	plan_run(p);
	ck_assert(memcmp(first[0], plan_value(p, y[0]), sizeof first[0]));
	ck_assert(!memcmp(first[1], plan_value(p, y[1]), sizeof first[1]));
	ck_assert(first[0][0] != first[0][1] && first[1][0] == first[1][1]);
	int draws = 0;                               /* noise on the image, dropout twice */
	for (int i = 0; i < graph_count(g); i++)
		draws += !strcmp(graph_at(g, i)->op->name, "random");
	ck_assert_int_eq(draws, 3);
	plan_free(p);
	graph_free(g);
	network_free(d);
}
END_TEST

/* ---- reference values: PyTorch in double ---- */

/* Names of the reference's parts and ours. */
static const char *translated(const char *part, const char *before, enum net_side side, int att)
{
	static char text[32];
	static const char *const table[][2] = {
		{"n1", "norm1"}, {"n2", "norm2"}, {"c1", "conv1"}, {"c2", "conv2"}, {"q", "theta"}, {"k", "phi"},
		{"v", "g"}, {"o", "attn"}, {"running_mean", "moving_mean"}, {"running_var", "moving_variance"},
		{"gain", "gain/embeddings"},
	};
	if (!strcmp(part, "att")) {
		snprintf(text, sizeof text, "attention%d", att);
		return text;
	}
	if (!strcmp(part, "gamma") && !strcmp(before, "att"))
		return "sigma_ratio";
	if (!strcmp(part, "bias") && before[0] == 'n' && isdigit((unsigned char)before[1]))
		return "bias/embeddings";
	if (!strcmp(part, "dense") && side == NET_D)
		return "linear";
	if (!strcmp(before, "blocks")) {
		snprintf(text, sizeof text, "block%d", atoi(part) + 1);
		return text;
	}
	for (int i = 0; i < COUNT(table); i++)
		if (!strcmp(part, table[i][0]))
			return table[i][1];
	return part;
}

/* "003_blocks.0.n1.bias" -> "block1/norm1/bias/embeddings". */
static void our_name(char *out, size_t size, const char *name, enum net_side side, int att)
{
	char copy[128], *rest = copy, before[32] = "";
	snprintf(copy, sizeof copy, "%s", strchr(name, '_') + 1);
	*out = '\0';
	for (char *part; (part = strtok_r(rest, ".", &rest));) {
		if (strcmp(part, "blocks") && strcmp(part, "bn")) {
			size_t n = strlen(out);
			snprintf(out + n, size - n, "%s%s", n ? "/" : "", translated(part, before, side, att));
		}
		snprintf(before, sizeof before, "%s", part);
	}
}

typedef struct reference {
	h5 *f;
	char group[32];
	module *m;
	enum net_side side;
	int att;
	double scale;                                /* of the case's gradients */
} reference;

/* The largest error against the data set, over the largest reference value, or over `floor` when all
 * of it is rounding noise (gradients that are zero in exact arithmetic). */
static double distance(h5 *f, const char *path, const real *x, int64_t n, double floor)
{
	fault e;
	double *ref = mem_new((size_t)n, sizeof *ref, NULL), worst = 0, largest = 0;
	ck_assert_msg(h5_read_f64(f, path, ref, n, &e), "%s", e.text);
	for (int64_t i = 0; i < n; i++) {
		worst = MAX(worst, fabs((double)x[i] - ref[i]));
		largest = MAX(largest, fabs(ref[i]));
	}
	free(ref);
	return worst / (largest <= 1e-7 * floor ? floor : largest);
}

static h5_names members(const reference *r, const char *group)
{
	char path[64];
	h5_names names;
	fault e;
	snprintf(path, sizeof path, "/%s/%s", r->group, group);
	ck_assert_msg(h5_list(r->f, path, &names, &e), "%s", e.text);
	return names;
}

static buffer *counterpart(const reference *r, const char *name)
{
	char ours[128];
	our_name(ours, sizeof ours, name, r->side, r->att);
	buffer *b = module_find(r->m, ours);
	ck_assert_msg(b != NULL, "%s has no counterpart %s", name, ours);
	return b;
}

static void load_weights(const reference *r)
{
	h5_names names = members(r, "weight");
	char path[160];
	fault e;
	ck_assert_int_eq(names.n, module_params(r->m) + module_states(r->m));
	for (int i = 0; i < names.n; i++) {
		buffer *b = counterpart(r, names.name[i]);
		snprintf(path, sizeof path, "/%s/weight/%s", r->group, names.name[i]);
		ck_assert_msg(h5_read_real(r->f, path, b->x, shape_count(&b->s), &e), "%s", e.text);
	}
	h5_names_free(&names);
}

static buffer *input(const reference *r, const char *what, shape s)
{
	char path[64];
	fault e;
	buffer *b = buffer_new(what, s, NULL);
	snprintf(path, sizeof path, "/%s/%s", r->group, what);
	ck_assert_msg(h5_read_real(r->f, path, b->x, shape_count(&s), &e), "%s", e.text);
	return b;
}

static shape size_of(const reference *r, const char *what)
{
	char path[64];
	h5_info info;
	fault e;
	snprintf(path, sizeof path, "/%s/%s", r->group, what);
	ck_assert_msg(h5_stat(r->f, path, &info, &e), "%s", e.text);
	return info.s;
}

/* Every gradient of the reference against ours; the largest gradient sets the scale of noise. */
static double compare_gradients(reference *r)
{
	h5_names names = members(r, "grad_weight64");
	char path[160];
	double worst = 0;
	ck_assert_int_eq(names.n, module_params(r->m));
	for (int i = 0; i < names.n; i++) {
		const buffer *b = counterpart(r, names.name[i]);
		double *ref = mem_new((size_t)shape_count(&b->s), sizeof *ref, NULL);
		snprintf(path, sizeof path, "/%s/grad_weight64/%s", r->group, names.name[i]);
		ck_assert(h5_read_f64(r->f, path, ref, shape_count(&b->s), NULL));
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			r->scale = MAX(r->scale, fabs(ref[k]));
		free(ref);
	}
	for (int i = 0; i < names.n; i++) {
		const buffer *b = counterpart(r, names.name[i]);
		int k = 0;
		while (module_param_at(r->m, k) != b)
			k++;
		snprintf(path, sizeof path, "/%s/grad_weight64/%s", r->group, names.name[i]);
		double d = distance(r->f, path, module_grad_at(r->m, k)->x, shape_count(&b->s), r->scale);
		if (getenv("VERBOSE"))
			printf("%s %s: %.2g\n", r->group, names.name[i], d);
		worst = MAX(worst, d);
	}
	h5_names_free(&names);
	return worst;
}

static double compare_states(const reference *r)
{
	h5_names names = members(r, "updated64");
	char path[160];
	double worst = 0;
	ck_assert_int_eq(names.n, module_states(r->m));
	for (int i = 0; i < names.n; i++) {
		const buffer *b = counterpart(r, names.name[i]);
		snprintf(path, sizeof path, "/%s/updated64/%s", r->group, names.name[i]);
		worst = MAX(worst, distance(r->f, path, b->x, shape_count(&b->s), 0));
	}
	h5_names_free(&names);
	return worst;
}

static const struct {
	const char *group;
	enum net_side side;
	int size;
} references[] = {
	{"generator_32", NET_G, 32}, {"generator_28", NET_G, 28},
	{"discriminator_32", NET_D, 32}, {"discriminator_28", NET_D, 28},
};

/* float32: measured 3e-6 for values and states and 3e-5 for gradients, which are sums over up to 3 x 1024
 * pixels behind six batch norms of three samples. */
static const double near_value = sizeof(real) == 8 ? 1e-12 : 1e-5, near_grad = sizeof(real) == 8 ? 1e-12 : 1e-4;

/* Outputs, gradients of every parameter and of the input, running statistics and u after the call. */
START_TEST(whole_networks_equal_pytorch)
{
	fault e;
	reference r = {.side = references[_i].side};
	net_config c = settings("resnet", references[_i].size);
	c.g_width = c.d_width = 16;
	c.bn_eps = 1e-5;                             /* the reference's */
	r.att = references[_i].size / 2;
	snprintf(r.group, sizeof r.group, "%s", references[_i].group);
	r.f = h5_open(GOLDEN "/sagan_networks.h5", &e);
	ck_assert_msg(r.f != NULL, "%s", e.text);
	rng start = rng_new(4, "init");
	network *n = network_new(&c, r.side, &start, &e);
	ck_assert_msg(n != NULL, "%s", e.text);
	r.m = network_module(n);
	load_weights(&r);

	buffer *x = input(&r, "input/0", size_of(&r, "input/0")), *y = input(&r, "input/1", size_of(&r, "input/1"));
	buffer *dy = input(&r, "grad_output/0", size_of(&r, "grad_output/0"));
	graph *g = graph_new(NULL);
	node *in = graph_leaf(g, x), *label = graph_leaf(g, y), *out, *dx;
	mode m = {.train = true, .update = true};
	out = network_apply(g, n, in, label, m, NULL);
	node *loss = op_sum_all(g, op_mul(g, out, op_reshape(g, graph_leaf(g, dy), out->s)));
	module_grad(r.m, g, loss);
	graph_grad(g, loss, NULL, &in, 1, &dx);
	plan *p = plan_new(g, (node *[]){out, dx}, 2, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);

	char path[64];
	snprintf(path, sizeof path, "/%s/output64/0", r.group);
	double value = distance(r.f, path, plan_value(p, out), shape_count(&out->s), 0);
	snprintf(path, sizeof path, "/%s/grad_input64/0", r.group);
	double slope = distance(r.f, path, plan_value(p, dx), shape_count(&dx->s), 0);
	double grad = compare_gradients(&r), state = compare_states(&r);
	if (getenv("VERBOSE"))
		printf("%s: output %.2g, input gradient %.2g, gradients %.2g, states %.2g\n", r.group, value, slope,
			grad, state);
	ck_assert_msg(value < near_value, "output: %g", value);
	ck_assert_msg(state < near_value, "states: %g", state);
	ck_assert_msg(slope < near_grad, "input gradient: %g", slope);
	ck_assert_msg(grad < near_grad, "gradients: %g", grad);

	plan_free(p);
	graph_free(g);
	buffer_free(x);
	buffer_free(y);
	buffer_free(dy);
	network_free(n);
	h5_close(r.f);
}
END_TEST

/* ---- refusals ---- */

enum field { NETWORK, SIZE, CHANNELS, CLASSES, LATENT, G_WIDTH, PLACE_G, PLACE_D, TWICE };

static const struct {
	const char *network;
	int size;
	enum field field;
	int value;
	const char *message;
} refusals[] = {
	{"resnet", 30, SIZE, 30, "size = 30: must be 4 to 7 times 2^blocks; nearest are 28, 32"},
	{"resnet", 4, SIZE, 4, "size = 4: must be 4 to 7 times 2^blocks; nearest are 8, 10"},
	{"resnet", 0, SIZE, 0, "size = 0: must be given: 4 to 7 times 2^blocks, as 28, 32, 48, 64, 96 or 128"},
	{"resnet32", 64, SIZE, 64, "size = 64: resnet32 has size 32; network = resnet takes its size from here"},
	{"official", 96, SIZE, 96, "size = 96: the official network has 64, 128 and 256"},
	{"dcgan", 36, SIZE, 36, "size = 36: must be 4 to 7 times 2^blocks; nearest are 32, 40"},
	{"mnistgans", 32, SIZE, 32, "size = 32: the mnistgans network has 28"},
	{"biggan", 32, NETWORK, 0, "network = biggan: must be resnet, resnet28, resnet32, official64, official128, "
		"dcgan, dcgan64 or mnistgans28"},
	{"resnet32", 0, CHANNELS, 2, "channels = 2: must be 1 or 3"},
	{"resnet32", 0, CLASSES, -1, "classes = -1: must be 0 to 1048576"},
	{"resnet32", 0, LATENT, 0, "latent = 0: must be 1 to 65536"},
	{"resnet32", 0, G_WIDTH, 0, "width of G = 0: must be 1 to 4096"},
	{"mnistgans28", 0, CLASSES, 10, "classes = 10: the mnistgans network is unconditional"},
	{"resnet28", 0, PLACE_G, 16, "layer at 16: G has maps of 7, 14, 28"},
	{"resnet32", 0, PLACE_D, 32, "layer at 32: D has maps of 16, 8"},
	{"resnet28", 0, PLACE_G, 7, "layer at 7 in G: attention: map 7x7: keys and values are pooled 2x2, height "
		"and width must be even"},
	{"resnet28", 0, G_WIDTH, 4, "layer at 14 in G: attention: 4 channels: query width C/8 is 0; at least 8 "
		"channels are needed"},
	{"resnet32", 0, TWICE, 16, "layer at 16: listed twice for D"},
};

static void spoil(net_config *c, enum field field, int value)
{
	const layer_spec official = {.at = value, .type = layer_type_named("official")},
		paper = {.at = value, .type = layer_type_named("paper")};
	layer_specs one = {1, {official}}, two = {2, {official, paper}};
	switch (field) {
	case CHANNELS: c->channels = value; break;
	case CLASSES:  c->classes = value; break;
	case LATENT:   c->latent = value; break;
	case G_WIDTH:  c->g_width = value; break;
	case PLACE_G:  c->g_layers = one; break;
	case PLACE_D:  c->d_layers = one; break;
	case TWICE:    c->d_layers = two; break;
	case NETWORK:
	case SIZE:
		break;
	}
}

START_TEST(wrong_settings_are_refused_in_one_line)
{
	net_config c;
	fault e = {.text = ""};
	bool made = net_config_default(refusals[_i].network, net_square(refusals[_i].size), &c, &e);
	if (refusals[_i].field == NETWORK || refusals[_i].field == SIZE) {
		ck_assert(!made);
	} else {
		ck_assert_msg(made, "%s", e.text);
		spoil(&c, refusals[_i].field, refusals[_i].value);
		ck_assert(!net_config_check(&c, &e));
		rng r = rng_new(1, "init");
		fault again;
		bool of_d = refusals[_i].field == PLACE_D || refusals[_i].field == TWICE;
		ck_assert(!network_new(&c, of_d ? NET_D : NET_G, &r, &again));
		ck_assert_str_eq(again.text, e.text);
	}
	ck_assert_str_eq(e.text, refusals[_i].message);
}
END_TEST

/* ---- sizes ---- */

/* The shorter side is 4, 5, 6 or 7 times 2^n, the other any whole number times 2^n: these sizes and no others have
 * networks, each by one n. */
START_TEST(sizes_are_the_doublings_of_small_maps)
{
	enum { MOST = 120 };
	static int blocks[MOST + 1][MOST + 1];       /* static: all 0 */
	for (int n = 1; n < 6; n++)
		for (int a = 4; a <= 7; a++)
			for (int b = a; b << n <= MOST; b++)
				blocks[a << n][b << n] = blocks[b << n][a << n] = n;
	for (int h = 0; h <= MOST; h++)
		for (int w = 0; w <= MOST; w++) {
			net_size base, size = {h, w};
			const int n = net_halvings(size, &base);
			ck_assert_msg(n == blocks[h][w], "%dx%d: %d blocks, not %d", h, w, n, blocks[h][w]);
			ck_assert(n == 0 || (base.h << n == h && base.w << n == w));
			net_config c;
			ck_assert_int_eq(n > 0, net_config_default("dcgan", size, &c, NULL));
		}
}
END_TEST

/* What is told of a rectangle: the nearest that fit, which do. */
START_TEST(refused_sizes_name_those_that_fit)
{
	static const struct {
		const char *network;
		net_size size;
		const char *message;
	} row[] = {
		{"resnet", {90, 60}, "size = [90, 60]: the shorter side must be 4 to 7 times 2^blocks, the other a "
			"multiple of 2^blocks; nearest are [88, 56], [96, 56], [96, 64]"},
		{"dcgan", {64, 100}, "size = [64, 100]: the shorter side must be 4 to 7 times 2^blocks, the other a "
			"multiple of 2^blocks; nearest are [64, 96], [64, 112], [56, 96]"},
		{"resnet", {0, 64}, "size = [0, 64]: the shorter side must be 4 to 7 times 2^blocks, the other a "
			"multiple of 2^blocks; nearest are [8, 64], [10, 64], [8, 62]"},
		{"resnet", {64, 4096}, "size = [64, 4096]: the shorter side must be 4 to 7 times 2^blocks, the other a "
			"multiple of 2^blocks; nearest are [64, 2048], [56, 2048]"},
		{"resnet28", {28, 56}, "size = [28, 56]: resnet28 has size 28; network = resnet takes its size from "
			"here"},
		{"official", {64, 128}, "size = [64, 128]: the official network has 64, 128 and 256"},
		{"mnistgans", {28, 14}, "size = [28, 14]: the mnistgans network has 28"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		net_config c;
		fault e = {.text = ""};
		ck_assert(!net_config_default(row[i].network, row[i].size, &c, &e));
		ck_assert_str_eq(e.text, row[i].message);
	}
}
END_TEST

/* A map is called by its shorter side and has both. */
START_TEST(rectangles_have_both_sides_on_every_map)
{
	enum { ROWS = 32 };
	layer_row row[ROWS];
	net_config c = settings_of("resnet", (net_size){24, 16});
	rng r = rng_new(1, "init");
	fault e = {.text = ""};
	c.g_width = 8;
	network *g = network_new(&c, NET_G, &r, &e);
	ck_assert_msg(g != NULL, "%s", e.text);
	const int n = network_layers(g, row, ROWS, &e);
	const shape first = SHAPE(1, 6 * 4 * 8), map = SHAPE(1, 12, 8, 8), image = SHAPE(1, 24, 16, 3);
	bool attends = false;
	ck_assert(n > 1 && shape_equal(&row[0].out, &first) && shape_equal(&row[n - 1].out, &image));
	for (int i = 0; i < n; i++)
		if (strstr(row[i].path, "attention8/attn")) {
			ck_assert_msg(shape_equal(&row[i].out, &map), "%s", shape_print(&row[i].out).s);
			attends = true;
		}
	ck_assert(attends);
	network_free(g);

	c.g_layers.layer[0].at = 12;
	ck_assert(!net_config_check(&c, &e));
	ck_assert_str_eq(e.text, "layer at 12: G has maps of 4 (6x4), 8 (12x8), 16 (24x16)");
}
END_TEST

/* Inputs of the wrong shape are refused by the graph, with the shape that is needed. */
START_TEST(wrong_inputs_are_refused)
{
	net_config c = settings("resnet28", 0);
	c.g_width = c.d_width = 8;
	rng r = rng_new(1, "init");
	network *gen = network_new(&c, NET_G, &r, NULL);
	network *dis = network_new(&c, NET_D, &r, NULL);
	fault e;
	graph *g = graph_new(NULL);
	network_apply(g, gen, op_fill(g, SHAPE(2, 100), 0), op_fill(g, SHAPE(2), 0), (mode){0}, NULL);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "generator: latent [2,100], must be [B,128]");
	graph_free(g);
	g = graph_new(NULL);
	network_apply(g, dis, op_fill(g, SHAPE(2, 32, 32, 1), 0), op_fill(g, SHAPE(2), 0), (mode){0}, NULL);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "discriminator: image [2,32,32,1], must be [B,28,28,1]");
	graph_free(g);
	g = graph_new(NULL);
	network_apply(g, dis, op_fill(g, SHAPE(2, 28, 28, 1), 0), NULL, (mode){0}, NULL);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "a network of 10 classes needs labels");
	graph_free(g);
	network_free(gen);
	network_free(dis);
}
END_TEST

/* ---- listings ---- */

/* The rows hold every parameter once, and the published multiply-adds: resnet32 at width 64 has 0.108 and
 * 0.071 GMAC per image, at 256 1.705; resnet28 0.079 and 0.053; official128 9.22 and 4.74; mnistgans about
 * 20 M. */
static const struct {
	const char *network;
	int width;
	double g, d;
} macs[] = {
	{"resnet32", 64, 0.108e9, 0.071e9},
	{"resnet28", 64, 0.079e9, 0.053e9},
	{"resnet32", 0, 1.705e9, 0.279e9},
	{"official128", 0, 9.22e9, 4.74e9},
	{"mnistgans28", 0, 20.2e6, 0},
};

static void check_rows(const layer_row *rows, int n, int64_t params, double mac, const char *what)
{
	int64_t sum = 0;
	double products = 0;
	for (int i = 0; i < n; i++) {
		sum += rows[i].params;
		products += rows[i].mac;
	}
	ck_assert_msg(sum == params, "%s: rows hold %lld parameters of %lld", what, (long long)sum, (long long)params);
	if (mac > 0)
		ck_assert_msg(fabs(products / mac - 1) < 0.01, "%s: %.4g multiply-adds, published %.4g", what, products,
			mac);
}

/* Levels of names around one product: as many as a row has room for, and one too many. */
static int levels;

static void deep_init(network *n)
{
	(void)n;
}

static node *deep_apply(graph *g, const network *n, node *x, node *label, mode m)
{
	(void)n, (void)label, (void)m;
	for (int i = 0; i < levels; i++)
		graph_push(g, "level_of_names");
	x = op_matmul(g, x, op_fill(g, SHAPE(4, 4), 1), false, false);
	for (int i = 0; i < levels; i++)
		graph_pop(g);
	return x;
}

START_TEST(rows_of_a_listing_have_whole_paths)
{
	static const net_half half = {.end_init = deep_init, .end_apply = deep_apply};
	layer_row row[4];
	fault e = {.text = ""};
	network n = {.cfg = {.latent = 4}, .half = &half, .m = module_new(NULL)};
	levels = 6;
	ck_assert_int_eq(network_layers(&n, row, COUNT(row), &e), 1);
	ck_assert_uint_eq(strlen(row[0].path), 6 * 15 - 1);
	levels = 7;
	ck_assert_int_eq(network_layers(&n, row, COUNT(row), &e), -1);
	ck_assert_msg(strstr(e.text, "a row has room for 95 letters"), "%s", e.text);
	module_free(n.m);
}
END_TEST

START_TEST(listings_hold_every_parameter_and_product)
{
	enum { ROWS = 128 };
	layer_row rows[ROWS];
	fault e;
	net_config c = settings(macs[_i].network, 0);
	if (macs[_i].width)
		c.g_width = c.d_width = macs[_i].width;
	rng r = rng_new(1, "init");
	network *gen = network_new(&c, NET_G, &r, &e);
	network *dis = network_new(&c, NET_D, &r, &e);
	int n = network_layers(gen, rows, ROWS, &e);
	ck_assert_msg(n > 0 && n <= ROWS, "%s", e.text);
	check_rows(rows, n, module_param_count(network_module(gen)), macs[_i].g, "G");
	ck_assert_str_eq(rows[0].path, "dense");
	ck_assert_str_eq(rows[n - 1].path, "out");
	shape image = SHAPE(1, c.size.h, c.size.w, c.channels);
	ck_assert(shape_equal(&rows[n - 1].out, &image));
	n = network_layers(dis, rows, ROWS, &e);
	ck_assert_msg(n > 0 && n <= ROWS, "%s", e.text);
	check_rows(rows, n, module_param_count(network_module(dis)), macs[_i].d, "D");
	network_free(gen);
	network_free(dis);
}
END_TEST

/* The same seed gives the same start; another one does not. */
START_TEST(start_depends_on_the_seed_only)
{
	net_config c = settings("resnet28", 0);
	c.g_width = 8;
	rng a = rng_new(1, "init"), b = rng_new(1, "init"), other = rng_new(2, "init");
	network *x = network_new(&c, NET_G, &a, NULL), *y = network_new(&c, NET_G, &b, NULL),
		*z = network_new(&c, NET_G, &other, NULL);
	size_t bytes = (size_t)module_block_size(network_module(x)) * sizeof(real);
	ck_assert(!memcmp(module_param_block(network_module(x)), module_param_block(network_module(y)), bytes));
	ck_assert(memcmp(module_param_block(network_module(x)), module_param_block(network_module(z)), bytes));
	module_copy(network_module(z), network_module(x));
	ck_assert(!memcmp(module_param_block(network_module(x)), module_param_block(network_module(z)), bytes));
	network_free(x);
	network_free(y);
	network_free(z);
}
END_TEST

/* ---- what G's batch norms follow ---- */

/* Both images when the numbers [lo,hi) of their latents have `step` more. */
static void image_with(pair *p, plan *run, int64_t lo, int64_t hi, real step, real *out)
{
	const int64_t Z = p->z->s.dim[1];
	real kept[32];
	memcpy(kept, p->z->x, (size_t)(2 * Z) * sizeof *kept);
	for (int64_t i = 0; i < 2; i++)
		for (int64_t k = lo; k < hi; k++)
			p->z->x[i * Z + k] += step;
	plan_run(run);
	memcpy(out, plan_value(run, p->image), (size_t)shape_count(&p->image->s) * sizeof *out);
	memcpy(p->z->x, kept, (size_t)(2 * Z) * sizeof *kept);
}

static void zero_rows(network *n, const char *name, int64_t lo, int64_t hi)
{
	const buffer *b = module_find(network_module(n), name);
	ck_assert_msg(b != NULL, "%s", name);
	const int64_t row = shape_last(&b->s);
	memset(b->x + lo * row, 0, (size_t)((hi - lo) * row) * sizeof *b->x);
}

/* Without the rows of a piece of the latent in the norms of its stage, no pixel depends on it; on every other it does.
 * Latents of 11 for 3 stages: pieces of 5, 3 and 3 behind a class vector of 4. */
START_TEST(each_stage_has_its_own_piece_of_the_latent)
{
	enum { VECTOR = 4, FIRST = 5, PIECE = 3, PIXELS = 2 * 16 * 16 * 3 };
	static const char *const norm[] = {"norm1/gain", "norm1/bias", "norm2/gain", "norm2/bias"};
	net_config c = settings("resnet", 16);
	c.g_width = c.d_width = 8;
	c.classes = 3;
	c.latent = 11;
	c.class_vector = VECTOR;
	c.modulation = MODULATE_CHUNKS;
	pair p;
	pair_open(&p, &c, 2, (mode){0});
	fault e;
	plan *run = plan_new(p.graph, &p.image, 1, 0, &e);
	ck_assert_msg(run != NULL, "%s", e.text);
	char name[64];
	for (int i = 0; i < COUNT(norm); i++) {
		snprintf(name, sizeof name, "block%d/%s/kernel", _i + 1, norm[i]);
		ck_assert_int_eq(module_find(network_module(p.g), name)->s.dim[0], VECTOR + PIECE);
		zero_rows(p.g, name, VECTOR, VECTOR + PIECE);
	}
	real before[PIXELS], after[PIXELS];
	image_with(&p, run, 0, 0, 0, before);
	for (int piece = 0; piece < 3; piece++) {
		const int64_t lo = piece ? FIRST + (piece - 1) * PIECE : 0, hi = piece ? lo + PIECE : FIRST;
		image_with(&p, run, lo, hi, (real)0.5, after);
		ck_assert_int_eq(memcmp(before, after, sizeof before) == 0, piece == _i + 1);
	}
	plan_free(run);
	pair_close(&p);
}
END_TEST

/* Self-modulation: with a projection of zero the latent still reaches the image, through the norms alone. */
START_TEST(the_latent_reaches_the_norms)
{
	enum { PIXELS = 2 * 16 * 16 * 3 };
	net_config c = settings(_i ? "dcgan" : "resnet", 16);
	c.g_width = c.d_width = 8;
	c.classes = 0;
	c.latent = 6;
	c.modulation = MODULATE_LATENT;
	c.g_sn = false;                              /* sigma of a kernel of zeros is 0 */
	pair p;
	pair_open(&p, &c, 2, (mode){0});
	fault e;
	plan *run = plan_new(p.graph, &p.image, 1, 0, &e);
	ck_assert_msg(run != NULL, "%s", e.text);
	const char *first = _i ? "up1" : "dense";
	char name[64];
	snprintf(name, sizeof name, "%s/kernel", first);
	const buffer *kernel = module_find(network_module(p.g), name);
	memset(kernel->x, 0, (size_t)shape_count(&kernel->s) * sizeof *kernel->x);
	snprintf(name, sizeof name, "%s/bias", first);
	const buffer *bias = module_find(network_module(p.g), name);
	for (int64_t i = 0; i < shape_count(&bias->s); i++)
		bias->x[i] = (real)(i % 7) - 3;
	real before[PIXELS], after[PIXELS];
	image_with(&p, run, 0, 0, 0, before);
	image_with(&p, run, 2, 3, (real)0.5, after);
	ck_assert(isfinite(before[0]) && memcmp(before, after, sizeof before) != 0);
	plan_free(run);
	pair_close(&p);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{parameters_are_as_published, COUNT(counts)},
		{every_kind_of_network_runs, COUNT(kinds)},
		{evaluation_is_per_sample_and_changes_nothing, 1},
		{skip_takes_what_the_setting_says, 2},
		{running_statistics_keep_their_share, 1},
		{dense_batch_norm_has_no_bessel_factor, 1},
		{gain_is_that_of_the_blocks, 1},
		{spectral_norm_stands_where_asked, 8},
		{each_stage_has_its_own_piece_of_the_latent, 2},
		{the_latent_reaches_the_norms, 2},
		{noise_and_dropout_act_in_training_only, 1},
		{whole_networks_equal_pytorch, COUNT(references)},
		{wrong_settings_are_refused_in_one_line, COUNT(refusals)},
		{sizes_are_the_doublings_of_small_maps, 1},
		{refused_sizes_name_those_that_fit, 1},
		{rectangles_have_both_sides_on_every_map, 1},
		{wrong_inputs_are_refused, 1},
		{rows_of_a_listing_have_whole_paths, 1},
		{listings_hold_every_parameter_and_product, COUNT(macs)},
		{start_depends_on_the_seed_only, 1},
	};
	return suite_run("networks", tests, COUNT(tests), 300);
}
