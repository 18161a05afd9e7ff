/* self_attention.c - the self_attention family as layer types: the variants of layers/attention.h. */
#include <math.h>
#include <string.h>

#include "core/base/local.h"
#include "layers/types/arguments.h"
#include "layers/attention.h"

static const char *const POOL[] = {"own", "true", "false", NULL};
static const layer_arg args[] = {
	{.name = "key_width", .type = ARG_INT, .hi = 4096, .zero = "the variant's",
	 .help = "width of queries and keys"},
	{.name = "value_width", .type = ARG_INT, .hi = 4096, .zero = "the variant's", .help = "width of values"},
	{.name = "pool", .type = ARG_WORD, .words = POOL, .help = "2x2 max-pooled keys and values; own: the variant's"},
};

/* `plain` is without spectral norm, as in heykeetae's networks. */
static bool settings(const placed_layer *l, attention_config *c, fault *e)
{
	sn_options sn = l->sn;
	if (!strcmp(l->spec.type->name, "plain"))
		sn.on = false;
	if (!attention_variant(l->spec.type->name, l->C, sn, c, e))
		return false;
	c->filters = layer_out(l);
	int64_t cq = (int64_t)layer_number(l, "key_width"), cv = (int64_t)layer_number(l, "value_width");
	int pool = (int)layer_number(l, "pool");
	c->cq = cq ? cq : c->cq;
	c->cv = cv ? cv : c->cv;
	c->kv_pool = pool ? pool == 1 : c->kv_pool;
	c->kernel_init = l->start;
	if (!isnan(l->gamma_start))
		c->gamma_init = l->gamma_start;
	if (l->spec.args.set & 1u << layer_arg_find(l->spec.type, "gamma"))
		c->gamma_init = layer_number(l, "gamma");
	return true;
}

static bool fits(const placed_layer *l, fault *e)
{
	attention_config c;
	return settings(l, &c, e);
}

static void init_layer(module *m, void *body, const char *name, const placed_layer *l)
{
	attention_config c;
	fault e;
	if (settings(l, &c, &e))
		attention_init(m, body, name, l->C, c);
	else
		module_fail(m, "%s", e.text);
}

static node *apply(graph *g, const void *body, node *x, mode m, node **map)
{
	return attention_apply(g, body, x, m, map, NULL);
}

static buffer *gamma_of(const void *body)
{
	return ((const attention *)body)->gamma;
}

static int pooled(const placed_layer *l)
{
	return ((const attention *)l->body)->cfg.kv_pool ? 2 : 1;
}

/* Scores [B,N,M], or [B,H,W,W] where a pixel sees its own row. */
static void lay(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	if (((const attention *)l->body)->cfg.layout == ATTENTION_FULL) {
		layer_lay_whole(l, s, scores, head, q, row);
		return;
	}
	for (int64_t x = 0; x < l->W; x++)
		row[q / l->W * l->W + x] += scores[q * l->W + x];
}

static const layer_sight sight = {.pooled = pooled, .lay = lay, .shares = true};

/* The 32x32 map of the paper's ablation (table 1) at half its channels, an MNIST image for conv2d, and maps whose N x N
 * scores no layer may hold. */
#define MAP_32 {4, {0, 32, 32, 128}}
#define MAP_64 {4, {0, 64, 64, 64}}
static const layer_case cases[] = {{.input = MAP_32}};
static const layer_case official_cases[] = {{.input = MAP_32}, {.name = "official_64", .input = MAP_64}};
static const layer_case plain_cases[] = {{.input = MAP_32}, {.name = "plain_64", .input = MAP_64}};
static const layer_case conv2d_cases[] = {
	{.input = {4, {0, 28, 28, 1}}, .arg = {{"key_width", 4}, {"value_width", 4}}, .out = 8},
	{.name = "conv2d_64", .input = MAP_64},
};

#define WHOLE   "Q = x Wq [N,cq]  K = x Wk [N,cq]  V = x Wv [N,cv]\n"
#define POOLED  "Q = x Wq [N,cq]  K = pool(x Wk) [N/4,cq]  V = pool(x Wv) [N/4,cv]\n"
#define OUTSIDE "y = x + gamma (softmax(Q K') V) Wo\n"
#define INSIDE  "y = x + (gamma softmax(Q K') V) Wo + bo\n"
#define DIRECT  "y = x + gamma softmax(Q K') V\n"
#define IN_ROWS "Q = x Wq [H,W,cq]  K = x Wk [H,W,cq]  V = x Wv [H,W,cv]\n" \
		"y_i = x_i + gamma softmax(Q_i K_i') V_i for each row i of the map: [W,W] scores, H times\n"
#define FAMILY(c) ARGS(args), CASES(c), .body = sizeof(attention), .sight = &sight, .own_skip = true, \
		.fits = fits, .init = init_layer, .apply = apply, .gamma = gamma_of

static const layer_type types[] = {
	{.name = "official", .what = "SAGAN self-attention as its authors run it: pooled keys",
	 .paper = "arXiv 1805.08318", .cost = "N N/4 (C/8 + C/2)", .formula = POOLED OUTSIDE,
	 .weights = "theta (1,1,C,C/8), phi (1,1,C,C/8), g (1,1,C,C/2), attn (1,1,C/2,C), sigma_ratio ()\n",
	 FAMILY(official_cases)},
	{.name = "paper", .what = "SAGAN self-attention, equations 1 to 3", .paper = "arXiv 1805.08318",
	 .cost = "N^2 C/4", .formula = WHOLE OUTSIDE,
	 .weights = "f (1,1,C,C/8), g (1,1,C,C/8), h (1,1,C,C/8), v (1,1,C/8,C), gamma ()\n", FAMILY(cases)},
	{.name = "plain", .what = "self-attention without output projection, biases, no SN",
	 .paper = "heykeetae/Self-Attention-GAN", .cost = "N^2 (C/8 + C)", .formula = WHOLE DIRECT,
	 .weights = "query_conv, key_conv (1,1,C,C/8), value_conv (1,1,C,C), biases, gamma ()\n", FAMILY(plain_cases)},
	{.name = "ashpy", .what = "ashpy's attention over the whole map, as documented", .paper = "zurutech/ashpy",
	 .cost = "N^2 (C/8 + C)", .formula = WHOLE DIRECT,
	 .weights = "gamma (), f_conv, g_conv (1,1,C,C/8), h_conv (1,1,C,C), biases\n", FAMILY(cases)},
	{.name = "ashpy_row", .what = "ashpy's attention within image rows, as computed", .paper = "zurutech/ashpy",
	 .cost = "N W (C/8 + C)", .formula = IN_ROWS,
	 .weights = "gamma (), f_conv, g_conv (1,1,C,C/8), h_conv (1,1,C,C), biases\n", FAMILY(cases)},
	{.name = "simplegan", .what = "pooled self-attention with biases", .paper = "grohith327/simplegan",
	 .cost = "N N/4 (C/8 + C/2)", .formula = POOLED OUTSIDE,
	 .weights = "scaling_factor (), f, g (1,1,C,C/8), h (1,1,C,C/2), attn (1,1,C/2,C), biases\n", FAMILY(cases)},
	{.name = "mnistgans", .what = "self-attention with gamma before the projection",
	 .paper = "MorvanZhou/mnistGANs", .cost = "N^2 C/4", .formula = WHOLE INSIDE,
	 .weights = "gamma (), f, g, h (1,1,C,C/8), v (1,1,C/8,C), biases\n", FAMILY(cases)},
	{.name = "conv2d", .what = "SelfAttention_Conv2D with full widths",
	 .paper = "juancolonna/SelfAttention_Conv2D", .cost = "N^2 2C", .formula = WHOLE INSIDE,
	 .weights = "gamma (), f, g, h, v (1,1,C,C), biases\n", FAMILY(conv2d_cases)},
};
const layer_group layers_self_attention = {types, COUNT(types)};
