/* layer_bench.c - the layers with their documented inputs as rows of a table, and a stopwatch.
 *
 * Inputs of keras_cv_attention_models are those of its documentation and its own tests (07209e2, 687943d); those of
 * the SAGAN family the 32x32 map of the SAGAN paper's ablation (arXiv 1805.08318, table 1) at half its channels, and
 * an MNIST image for conv2d; rows _64 are maps whose N x N scores no layer may hold. Layers without a documented size
 * stand on the map of the others. */
#include "gan/train/layer_bench.h"

#include <stdlib.h>

#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "core/base/clock.h"
#include "layers/aotnet.h"
#include "layers/attention.h"
#include "layers/conv_position.h"
#include "layers/cot.h"
#include "layers/halo.h"
#include "layers/mhsa.h"
#include "layers/mlp.h"
#include "layers/outlook.h"
#include "layers/se.h"
#include "layers/split_attention.h"
#include "layers/token.h"

/* ---- builders: a layer as documented, on x ---- */

typedef layer_bench_row row;

static node *self_attention(module *m, graph *g, node *x, mode run, const row *r)
{
	attention a;
	attention_config c;
	const int64_t C = shape_last(&x->s);
	error e;
	if (!attention_variant(r->variant, C == 1 ? 4 : C, (sn_options){0}, &c, &e))
		return graph_fail(g, "%s", e.text);
	c.filters = C == 1 ? 8 : C;
	attention_init(m, &a, r->name, C, c);
	return attention_apply(g, &a, x, run, NULL, NULL);
}

static node *anti_alias(module *m, graph *g, node *x, mode run, const row *r)
{
	anti_alias_downsample a;
	(void)run, (void)r;
	anti_alias_downsample_init(m, &a, "", shape_last(&x->s), (anti_alias_options){0});
	return anti_alias_downsample_apply(g, &a, x);
}

static node *blur(module *m, graph *g, node *x, mode run, const row *r)
{
	anti_alias_downsample a;
	(void)run, (void)r;
	anti_alias_downsample_init(m, &a, "", shape_last(&x->s), (anti_alias_options){.strides = 1});
	return anti_alias_downsample_apply(g, &a, x);
}

static node *bn_act(module *m, graph *g, node *x, mode run, const row *r)
{
	batchnorm_with_activation b;
	(void)r;
	batchnorm_with_activation_init(m, &b, "", shape_last(&x->s), (bn_act_options){.activation = "relu"});
	return batchnorm_with_activation_apply(g, &b, x, run);
}

static node *batch_norm_of(module *m, graph *g, node *x, mode run, const row *r)
{
	batch_norm b;
	batch_norm_init(m, &b, r->name, shape_last(&x->s), (bn_options){0});
	return batch_norm_apply(g, &b, x, run);
}

static node *group_norm_of(module *m, graph *g, node *x, mode run, const row *r)
{
	group_norm n;
	(void)run;
	group_norm_init(m, &n, r->name, shape_last(&x->s), 32, 1e-5);
	return group_norm_apply(g, &n, x);
}

static node *evo_norm_of(module *m, graph *g, node *x, mode run, const row *r, evo_options o)
{
	evo_norm n;
	evo_norm_init(m, &n, r->name, shape_last(&x->s), o);
	return evo_norm_apply(g, &n, x, run);
}

static node *evo_b0(module *m, graph *g, node *x, mode run, const row *r)
{
	return evo_norm_of(m, g, x, run, r, (evo_options){.nonlinearity = true});
}

static node *evo_s0(module *m, graph *g, node *x, mode run, const row *r)
{
	return evo_norm_of(m, g, x, run, r, (evo_options){.nonlinearity = true, .groups = 32});
}

static node *evo_s0a(module *m, graph *g, node *x, mode run, const row *r)
{
	return evo_norm_of(m, g, x, run, r, (evo_options){.groups = 32});
}

/* The activation that the row is called after. */
static node *learned_activation(module *m, graph *g, node *x, mode run, const row *r)
{
	activation a;
	(void)run;
	activation_init(m, &a, r->name, r->name, shape_last(&x->s));
	return activation_apply(g, &a, x);
}

static node *dense_of(module *m, graph *g, node *x, mode run, const row *r)
{
	dense d;
	dense_init(m, &d, r->name, shape_last(&x->s), (dense_options){
		.units = shape_last(&x->s), .bias = true, .kernel_init = {.kind = INIT_GLOROT_UNIFORM}});
	return dense_apply(g, &d, x, run);
}

static node *depthwise3x3(module *m, graph *g, node *x, mode run, const row *r)
{
	depthwise d;
	depthwise_init(m, &d, r->name, shape_last(&x->s), (conv_options){
		.kh = 3, .bias = true, .kernel_init = {.kind = INIT_GLOROT_UNIFORM}});
	return depthwise_apply(g, &d, x, run);
}

/* 4x4, stride 2, half as many channels: the way up of DCGAN. */
static node *way_up(module *m, graph *g, node *x, mode run, const row *r)
{
	conv c;
	conv_transpose_init(m, &c, r->name, shape_last(&x->s), (conv_options){
		.filters = (int)shape_last(&x->s) / 2, .kh = 4, .sh = 2, .bias = true,
		.kernel_init = {.kind = INIT_GLOROT_UNIFORM}});
	return conv_transpose_apply(g, &c, x, run);
}

static node *conv3x3(module *m, graph *g, node *x, mode run, const row *r)
{
	conv2d_no_bias c;
	(void)r;
	conv2d_no_bias_init(m, &c, "", shape_last(&x->s),
			    (conv2d_options){.filters = (int)shape_last(&x->s), .kh = 3, .padding = CONV2D_SAME});
	return conv2d_no_bias_apply(g, &c, x, run);
}

static node *squeeze(module *m, graph *g, node *x, mode run, const row *r)
{
	se_module s;
	se_module_init(m, &s, r->name, shape_last(&x->s), (se_options){0});
	return se_module_apply(g, &s, x, run);
}

static node *mhsa_of(module *m, graph *g, node *x, mode run, const row *r, mhsa_options o)
{
	mhsa a;
	o.num_heads = 4;
	o.key_dim = 128;
	mhsa_init(m, &a, r->name, x->s.dim[1], x->s.dim[2], x->s.dim[3], o);
	return mhsa_apply(g, &a, x, run, NULL);
}

static node *mhsa_layer(module *m, graph *g, node *x, mode run, const row *r)
{
	return mhsa_of(m, g, x, run, r, mhsa_layer_defaults);
}

static node *mhsa_absolute(module *m, graph *g, node *x, mode run, const row *r)
{
	mhsa_options o = mhsa_layer_defaults;
	o.relative = false;
	return mhsa_of(m, g, x, run, r, o);
}

static node *mhsa_function(module *m, graph *g, node *x, mode run, const row *r)
{
	return mhsa_of(m, g, x, run, r, mhsa_function_defaults);
}

static node *relative_position(module *m, graph *g, node *x, mode run, const row *r)
{
	positions p;
	(void)run;
	positions_init(m, &p, r->name, x->s.dim[2], x->s.dim[3], x->s.dim[4], (position_options){0});
	return positions_apply(g, &p, x);
}

static node *halo_layer(module *m, graph *g, node *x, mode run, const row *r)
{
	halo h;
	halo_init(m, &h, r->name, shape_last(&x->s), halo_layer_defaults);
	return halo_apply(g, &h, x, run, NULL);
}

static node *halo_function(module *m, graph *g, node *x, mode run, const row *r)
{
	halo h;
	halo_options o = halo_function_defaults;
	o.num_heads = 4;
	o.out_shape = 384;
	halo_init(m, &h, r->name, shape_last(&x->s), o);
	return halo_apply(g, &h, x, run, NULL);
}

static node *contextual(module *m, graph *g, node *x, mode run, const row *r)
{
	cot c;
	cot_init(m, &c, r->name, shape_last(&x->s), cot_defaults);
	return cot_apply(g, &c, x, run, NULL);
}

static node *layer_norm_of(module *m, graph *g, node *x, mode run, const row *r)
{
	layer_norm l;
	(void)run;
	layer_norm_init(m, &l, r->name, x->s, (ln_options){0});
	return layer_norm_apply(g, &l, x);
}

static node *conv_position(module *m, graph *g, node *x, mode run, const row *r)
{
	conv_positional_encoding p;
	conv_positional_encoding_init(m, &p, r->name, shape_last(&x->s), (conv_positional_options){0});
	return conv_positional_encoding_apply(g, &p, x, run);
}

static node *conv_relative(module *m, graph *g, node *x, mode run, const row *r)
{
	conv_relative_positional_encoding p;
	conv_relative_positional_encoding_init(m, &p, r->name, x->s.dim[1], x->s.dim[3], (conv_relative_options){0});
	return conv_relative_positional_encoding_apply(g, &p, x, x, run);
}

static node *rsoftmax_of_two(module *m, graph *g, node *x, mode run, const row *r)
{
	(void)m, (void)run, (void)r;
	return rsoftmax(g, x, 2, false);
}

static node *split(module *m, graph *g, node *x, mode run, const row *r)
{
	split_attention s;
	split_attention_options o = split_attention_defaults;
	o.filters = 384;
	split_attention_init(m, &s, r->name, shape_last(&x->s), o);
	return split_attention_apply(g, &s, x, run);
}

static const outlook_options outlook_documented = {.embed_dim = 192, .num_heads = 4};

static node *outlook_of(module *m, graph *g, node *x, mode run, const row *r)
{
	outlook o;
	outlook_attention_init(m, &o, r->name, shape_last(&x->s), outlook_documented);
	return outlook_attention_apply(g, &o, x, run, NULL);
}

static node *outlook_simple(module *m, graph *g, node *x, mode run, const row *r)
{
	outlook o;
	outlook_attention_simple_init(m, &o, r->name, shape_last(&x->s), outlook_documented);
	return outlook_attention_apply(g, &o, x, run, NULL);
}

static node *bias_of(module *m, graph *g, node *x, mode run, const row *r)
{
	bias_layer b;
	(void)run;
	bias_layer_init(m, &b, r->name, x->s, 0, (init){0});
	return bias_layer_apply(g, &b, x);
}

static node *affine(module *m, graph *g, node *x, mode run, const row *r)
{
	channel_affine a;
	(void)run;
	channel_affine_init(m, &a, r->name, x->s, (affine_options){0});
	return channel_affine_apply(g, &a, x);
}

static node *position_table(module *m, graph *g, node *x, mode run, const row *r)
{
	positional_embedding p;
	(void)run;
	positional_embedding_init(m, &p, r->name, x->s, 0);
	return positional_embedding_apply(g, &p, x);
}

static node *class_token_of(module *m, graph *g, node *x, mode run, const row *r)
{
	class_token t;
	(void)run;
	class_token_init(m, &t, r->name, shape_last(&x->s), (class_token_options){0});
	return class_token_apply(g, &t, x);
}

static node *mlp(module *m, graph *g, node *x, mode run, const row *r)
{
	mlp_block b;
	mlp_block_init(m, &b, r->name, shape_last(&x->s), (mlp_options){.hidden_dim = 36});
	return mlp_block_apply(g, &b, x, run);
}

static node *mixer(module *m, graph *g, node *x, mode run, const row *r)
{
	mixer_block b;
	mixer_block_init(m, &b, r->name, x->s.dim[1], x->s.dim[2],
			 (mixer_options){.tokens_mlp_dim = 196, .channels_mlp_dim = 36});
	return mixer_block_apply(g, &b, x, run);
}

static node *gating(module *m, graph *g, node *x, mode run, const row *r)
{
	spatial_gating_block b;
	spatial_gating_block_init(m, &b, r->name, x->s.dim[1], x->s.dim[2], (sn_options){0});
	return spatial_gating_block_apply(g, &b, x, run);
}

const layer_bench_row layer_bench_rows[] = {
	{"official",                    {4, {0, 32, 32, 128}},   self_attention,    "official"},
	{"paper",                       {4, {0, 32, 32, 128}},   self_attention,    "paper"},
	{"plain",                       {4, {0, 32, 32, 128}},   self_attention,    "plain"},
	{"ashpy",                       {4, {0, 32, 32, 128}},   self_attention,    "ashpy"},
	{"ashpy_row",                   {4, {0, 32, 32, 128}},   self_attention,    "ashpy_row"},
	{"simplegan",                   {4, {0, 32, 32, 128}},   self_attention,    "simplegan"},
	{"mnistgans",                   {4, {0, 32, 32, 128}},   self_attention,    "mnistgans"},
	{"conv2d",                      {4, {0, 28, 28, 1}},     self_attention,    "conv2d"},
	{"official_64",                 {4, {0, 64, 64, 64}},    self_attention,    "official"},
	{"plain_64",                    {4, {0, 64, 64, 64}},    self_attention,    "plain"},
	{"conv2d_64",                   {4, {0, 64, 64, 64}},    self_attention,    "conv2d"},
	{"anti_alias_downsample",       {4, {0, 28, 28, 192}},   anti_alias,        NULL},
	{"blur",                        {4, {0, 28, 28, 192}},   blur,              NULL},
	{"batchnorm_with_activation",   {4, {0, 28, 28, 192}},   bn_act,            NULL},
	{"batch_norm",                  {4, {0, 28, 28, 192}},   batch_norm_of,     NULL},
	{"group_norm",                  {4, {0, 28, 28, 192}},   group_norm_of,     NULL},
	{"layer_norm",                  {4, {0, 28, 28, 192}},   layer_norm_of,     NULL},
	{"evo_norm_b0",                 {4, {0, 28, 28, 192}},   evo_b0,            NULL},
	{"evo_norm_s0",                 {4, {0, 28, 28, 192}},   evo_s0,            NULL},
	{"evo_norm_s0a",                {4, {0, 28, 28, 192}},   evo_s0a,           NULL},
	{"prelu",                       {4, {0, 28, 28, 192}},   learned_activation, NULL},
	{"star_relu",                   {4, {0, 28, 28, 192}},   learned_activation, NULL},
	{"dense",                       {4, {0, 28, 28, 192}},   dense_of,          NULL},
	{"conv2d_no_bias",              {4, {0, 28, 28, 192}},   conv3x3,           NULL},
	{"depthwise_conv2d",            {4, {0, 28, 28, 192}},   depthwise3x3,      NULL},
	{"conv2d_transpose",            {4, {0, 14, 14, 192}},   way_up,            NULL},
	{"se_module",                   {4, {0, 28, 28, 192}},   squeeze,           NULL},
	{"mhsa_layer",                  {4, {0, 14, 16, 256}},   mhsa_layer,        NULL},
	{"mhsa_absolute",               {4, {0, 14, 16, 256}},   mhsa_absolute,     NULL},
	{"mhsa_function",               {4, {0, 14, 16, 256}},   mhsa_function,     NULL},
	{"relative_position",           {5, {0, 4, 14, 16, 32}}, relative_position, NULL},
	{"halo_layer",                  {4, {0, 14, 16, 256}},   halo_layer,        NULL},
	{"halo_function",               {4, {0, 12, 16, 256}},   halo_function,     NULL},
	{"cot_attention",               {4, {0, 28, 28, 192}},   contextual,        NULL},
	{"conv_positional_encoding",    {3, {0, 197, 256}},      conv_position,     NULL},
	{"conv_relative_positional",    {4, {0, 8, 197, 6}},     conv_relative,     NULL},
	{"rsoftmax",                    {4, {0, 1, 1, 98}},      rsoftmax_of_two,   NULL},
	{"split_attention",             {4, {0, 28, 28, 192}},   split,             NULL},
	{"outlook_attention",           {4, {0, 28, 28, 192}},   outlook_of,        NULL},
	{"outlook_attention_simple",    {4, {0, 28, 28, 192}},   outlook_simple,    NULL},
	{"bias_layer",                  {4, {0, 14, 14, 192}},   bias_of,           NULL},
	{"channel_affine",              {4, {0, 14, 14, 192}},   affine,            NULL},
	{"positional_embedding",        {4, {0, 8, 16, 49}},     position_table,    NULL},
	{"class_token",                 {3, {0, 196, 192}},      class_token_of,    NULL},
	{"mlp_block",                   {3, {0, 784, 192}},      mlp,               NULL},
	{"mixer_block",                 {3, {0, 784, 192}},      mixer,             NULL},
	{"spatial_gating_block",        {3, {0, 784, 192}},      gating,            NULL},
	{NULL,                          {0, {0}},                NULL,              NULL},
};

/* ---- the stopwatch ---- */

enum { WARM_UP = 2 };

/* Median time of a run; s [runs] is scratch. */
static double time_plan(plan *p, int runs, double *s)
{
	for (int i = -WARM_UP; i < runs; i++) {
		double start = clock_s();
		plan_run(p);
		if (i >= 0)
			s[i] = clock_s() - start;
	}
	return median(s, runs);
}

/* A random buffer of shape s. */
static buffer *random_buffer(const char *name, shape s, rng *r, error *e)
{
	buffer *b = buffer_new(name, s, e);
	if (b)
		rng_fill_normal(r, b->x, shape_count(&s));
	return b;
}

/* Appends dx = d<dy,y>/dx and assigns the same for all weights to m's gradients. False when memory is out. */
static bool append_gradients(module *m, graph *g, node *y, node *dy, node *x, node **dx, error *e)
{
	const int n = module_params(m);
	node **wrt = mem_new(2 * (size_t)(n + 1), sizeof *wrt, e);
	if (!wrt)
		return false;
	node **out = wrt + n + 1;
	wrt[n] = x;
	for (int i = 0; i < n; i++)
		wrt[i] = graph_leaf(g, module_param_at(m, i));
	graph_grad(g, y, dy, wrt, n + 1, out);
	for (int i = 0; i < n; i++)
		graph_assign(g, module_grad_at(m, i), out[i]);
	*dx = out[n];
	free(wrt);
	return true;
}

/* What one measurement makes; all own. */
typedef struct rig {
	module *m;
	graph *g;
	buffer *x, *dy;
	plan *p;
	double *s;
} rig;

/* The plan of a layer: y alone, as in inference, or in training with its gradients. */
static bool rig_plan(rig *k, const row *r, shape input, bool both, node **y, error *e)
{
	rng noise = rng_new(1, "layer_bench");
	node *out[2];
	if (!(k->m = module_new(e)) || !(k->g = graph_new(e)) || !(k->x = random_buffer("x", input, &noise, e)))
		return false;
	node *x = graph_leaf(k->g, k->x);
	*y = out[0] = r->build(k->m, k->g, x, (mode){.train = both, .update = both}, r);
	if (!module_alloc(k->m, &noise, e) || !graph_ok(k->g, e))
		return false;
	if (both && !(k->dy = random_buffer("dy", (*y)->s, &noise, e)))
		return false;
	if (both && !append_gradients(k->m, k->g, *y, graph_leaf(k->g, k->dy), x, &out[1], e))
		return false;
	return (k->p = plan_new(k->g, out, both ? 2 : 1, 0, e)) != NULL;
}

static bool measure(const row *r, shape input, int runs, bool both, layer_bench_result *to, error *e)
{
	rig k = {.s = mem_new((size_t)runs, sizeof *k.s, e)};
	node *y;
	bool ok = k.s && rig_plan(&k, r, input, both, &y, e);
	if (ok) {
		*(both ? &to->both_s : &to->forward_s) = time_plan(k.p, runs, k.s);
		*(both ? &to->both_gflop : &to->forward_gflop) = plan_flop(k.p) / 1e9;
		*(both ? &to->both_bytes : &to->forward_bytes) = plan_bytes(k.p);
		to->output = y->s;
		to->params = module_param_count(k.m);
	}
	plan_free(k.p);
	graph_free(k.g);
	module_free(k.m);
	buffer_free(k.x);
	buffer_free(k.dy);
	free(k.s);
	return ok;
}

bool layer_bench(const layer_bench_row *r, int64_t batch, int runs, layer_bench_result *to, error *e)
{
	if (batch < 1 || runs < 1)
		return error_set(e, "batch = %lld, runs = %d: must be at least 1", (long long)batch, runs);
	*to = (layer_bench_result){.input = shape_of(r->input.rank, r->input.dim)};
	to->input.dim[0] = batch;
	return measure(r, to->input, runs, false, to, e) && measure(r, to->input, runs, true, to, e);
}
