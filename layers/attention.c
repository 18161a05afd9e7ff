/* attention.c - the published variants as rows of a table, and the one layer that is all of them. */
#include "layers/attention.h"

#include <string.h>

#include "core/base/local.h"
#include "core/base/words.h"
#include "core/graph/ops.h"

/* ---- the variants: widths are C / q_div, C / v_div ---- */

typedef struct variant {
	const char *name;
	int q_div, v_div;
	bool kv_pool, out_proj, bias, sn;
	double gamma_init;
	bool gamma_inside;
	enum attention_layout layout;
	enum attention_residual residual;
	const char *query, *key, *value, *out, *scalar;
	bool scalar_first, key_first;
	init kernel_init;
} variant;

static const variant variants[] = {
	/* brain-research/self-attention-gan ad9612e; BigGAN-PyTorch, PyTorch-StudioGAN, mimicry */
	{"official", 8, 2, true, true, false, true, 0, false, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "theta", "phi", "g", "attn", "sigma_ratio", false, false, {INIT_GLOROT_UNIFORM, 0}},
	/* arXiv 1805.08318v2, eq. 1-3: f makes the keys, g the queries */
	{"paper", 8, 8, false, true, false, true, 0, false, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "g", "f", "h", "v", "gamma", false, true, {INIT_GLOROT_UNIFORM, 0}},
	/* heykeetae/Self-Attention-GAN 8714a54 */
	{"plain", 8, 1, false, false, true, true, 0, false, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "query_conv", "key_conv", "value_conv", "", "gamma", false, false, {INIT_TORCH_UNIFORM, 0}},
	/* zurutech/ashpy 92ac86f, what its documentation says */
	{"ashpy", 8, 1, false, false, true, false, 0, false, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "g_conv", "f_conv", "h_conv", "", "gamma", true, true, {INIT_NORMAL, 0.02}},
	/* the same, what its code computes: a matmul of rank 4 never sees more than one row */
	{"ashpy_row", 8, 1, false, false, true, false, 0, false, ATTENTION_ROW, RESIDUAL_IDENTITY,
	 "g_conv", "f_conv", "h_conv", "", "gamma", true, true, {INIT_NORMAL, 0.02}},
	/* grohith327/simplegan cbbff02 */
	{"simplegan", 8, 2, true, true, true, true, 0, false, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "f", "g", "h", "attn", "scaling_factor", true, false, {INIT_GLOROT_UNIFORM, 0}},
	/* MorvanZhou/mnistGANs ba7e598 */
	{"mnistgans", 8, 8, false, true, true, false, 0.01, true, ATTENTION_FULL, RESIDUAL_IDENTITY,
	 "f", "g", "h", "v", "gamma", true, false, {INIT_GLOROT_UNIFORM, 0}},
	/* juancolonna/SelfAttention_Conv2D dc0cf66; its num_heads is the width of q, k and v */
	{"conv2d", 1, 1, false, true, true, false, 0.01, true, ATTENTION_FULL, RESIDUAL_BROADCAST,
	 "f", "g", "h", "v", "gamma", true, false, {INIT_GLOROT_UNIFORM, 0}},
};

const char *const attention_variants[] = {
	"official", "paper", "plain", "ashpy", "ashpy_row", "simplegan", "mnistgans", "conv2d", NULL
};

static const variant *find(const char *name)
{
	for (int i = 0; i < COUNT(variants); i++)
		if (!strcmp(variants[i].name, name))
			return &variants[i];
	return NULL;
}

bool attention_variant(const char *name, int64_t C, sn_options sn, attention_config *out, fault *e)
{
	const variant *v = find(name);
	char known[256];
	if (!v)
		return fault_set(e, "attention: unknown variant %s; must be %s", name,
			words_print((word_list)WORDS(attention_variants), known, sizeof known));
	if (C / v->q_div == 0)
		return fault_set(e, "attention: %lld channels: query width C/%d is 0; at least %d channels are needed",
			(long long)C, v->q_div, v->q_div);
	*out = (attention_config){
		.cq = C / v->q_div, .cv = C / v->v_div, .filters = C,
		.kv_pool = v->kv_pool, .out_proj = v->out_proj, .gamma_inside = v->gamma_inside,
		.bias = v->bias, .gamma_init = v->gamma_init, .layout = v->layout, .residual = v->residual,
		.sn = v->sn ? sn : (sn_options){0}, .kernel_init = v->kernel_init,
		.query = v->query, .key = v->key, .value = v->value, .out = v->out, .scalar = v->scalar,
		.scalar_first = v->scalar_first, .key_first = v->key_first,
	};
	return true;
}

/* ---- registration ---- */

/* The layer's own rules; the map's size is checked when the layer is applied. */
static void check(module *m, const attention_config *c, int64_t C)
{
	if (c->cq < 1)
		module_fail(m, "attention: %lld channels: query width is %lld; at least 1 is needed",
			(long long)C, (long long)c->cq);
	if (c->cv < 1)
		module_fail(m, "attention: %lld channels: value width is %lld; at least 1 is needed",
			(long long)C, (long long)c->cv);
	if (c->layout == ATTENTION_ROW && c->kv_pool)
		module_fail(m, "attention: layout=row cannot pool keys");
	if (!c->out_proj && c->cv != c->filters)
		module_fail(m, "attention: without an output projection the value width %lld must be filters=%lld",
			(long long)c->cv, (long long)c->filters);
	bool fits = c->filters == C || c->residual == RESIDUAL_PROJECTED ||
		(c->residual == RESIDUAL_BROADCAST && (C == 1 || c->filters == 1));
	if (!fits)
		module_fail(m, "attention: filters=%lld on %lld channels cannot be added to the input; use "
			"filters=%lld or residual=projected", (long long)c->filters, (long long)C, (long long)C);
}

static conv_options one_by_one(const attention_config *c, int64_t filters)
{
	return (conv_options){
		.filters = (int)filters, .kh = 1, .padding = PAD_VALID, .bias = c->bias,
		.kernel_init = c->kernel_init, .sn = c->sn,
	};
}

void attention_init(module *m, attention *a, const char *name, int64_t C, attention_config cfg)
{
	*a = (attention){.cfg = cfg, .C = C};
	attention_config *c = &a->cfg;
	c->filters = c->filters ? c->filters : C;
	module_name(m, a->name, sizeof a->name, name);
	module_push(m, name);
	check(m, c, C);
	init start = {INIT_CONSTANT, c->gamma_init};
	if (c->scalar_first)
		a->gamma = module_param(m, c->scalar, shape_scalar(), start);
	if (c->key_first)
		conv_init(m, &a->k, c->key, C, one_by_one(c, c->cq));
	conv_init(m, &a->q, c->query, C, one_by_one(c, c->cq));
	if (!c->key_first)
		conv_init(m, &a->k, c->key, C, one_by_one(c, c->cq));
	conv_init(m, &a->v, c->value, C, one_by_one(c, c->cv));
	if (c->out_proj)
		conv_init(m, &a->o, c->out, c->cv, one_by_one(c, c->filters));
	if (c->residual == RESIDUAL_PROJECTED && c->filters != C)
		conv_init(m, &a->skip, "skip", C, one_by_one(c, c->filters));
	if (!c->scalar_first)
		a->gamma = module_param(m, c->scalar, shape_scalar(), start);
	module_pop(m);
}

/* ---- application ---- */

/* 1x1(x), pooled when asked, as tokens [B,M,C], or rows [B,H,W,C] with layout row. */
static node *project(graph *g, const attention *a, const conv *c, node *x, bool pool, mode m)
{
	node *y = conv_apply(g, c, x, m);
	if (pool)
		y = op_max_pool(g, y, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	if (a->cfg.layout == ATTENTION_ROW)
		return y;
	return op_reshape(g, y, SHAPE(y->s.dim[0], y->s.dim[1] * y->s.dim[2], y->s.dim[3]));
}

/* What is added to x. */
static node *gated(graph *g, const attention *a, node *context, mode m, node **ctx)
{
	const attention_config *c = &a->cfg;
	node *gamma = graph_leaf(g, a->gamma), *o = context;
	node *scaled = c->gamma_inside || ctx ? op_mul(g, context, gamma) : NULL;
	if (ctx)
		*ctx = scaled;
	if (c->gamma_inside)
		o = scaled;
	if (c->out_proj) {
		o = conv_apply(g, &a->o, o, m);
		if (c->activation)
			o = op_activation(g, o, c->activation);
	}
	return c->gamma_inside ? o : op_mul(g, o, gamma);
}

static node *attend(graph *g, const attention *a, node *x, mode m, node **map, node **ctx)
{
	const attention_config *c = &a->cfg;
	if (x->s.rank != 4)
		return graph_fail(g, "attention: input %s is no image [B,H,W,C]", shape_print(&x->s).s);
	int64_t B = x->s.dim[0], H = x->s.dim[1], W = x->s.dim[2];
	if (c->kv_pool && (H % 2 || W % 2))
		return graph_fail(g, "attention: map %lldx%lld: keys and values are pooled 2x2, height and width "
			"must be even", (long long)H, (long long)W);
	node *q = project(g, a, &a->q, x, false, m);
	node *k = project(g, a, &a->k, x, c->kv_pool, m);
	node *v = project(g, a, &a->v, x, c->kv_pool, m);
	if (map) {
		*map = op_softmax(g, op_matmul(g, q, k, false, true));
		graph_called(g, "attention_map", a, x, NULL, *map);
	}
	node *O = map ? op_matmul(g, *map, v, false, false) : op_attention(g, q, k, v, 1);
	node *context = op_reshape(g, O, SHAPE(B, H, W, c->cv));
	node *skip = a->skip.kernel ? conv_apply(g, &a->skip, x, m) : x;
	return op_add(g, skip, gated(g, a, context, m, ctx));
}

node *attention_apply(graph *g, const attention *a, node *x, mode m, node **map, node **ctx)
{
	graph_push(g, a->name);
	node *y = attend(g, a, x, m, map, ctx);
	graph_called(g, "attention", a, x, NULL, y);
	graph_pop(g);
	return y;
}
