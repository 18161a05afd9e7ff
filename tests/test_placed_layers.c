/* test_placed_layers.c - every layer that a config can name, in both networks: trained, saved, resumed, listed,
 * refused. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/config/config_apply.h"
#include "gan/nets/networks.h"
#include "gan/sample/network_sampler.h"
#include "gan/train/run.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* ---- the table ---- */

START_TEST(types_have_all_that_the_listing_shows)
{
	for (int i = 0; i < layer_type_count(); i++) {
		const layer_type *t = layer_type_at(i);
		ck_assert_int_eq(layer_type_find(t->name), i);
		ck_assert_msg(strlen(t->what) > 8 && strlen(t->what) <= 60, "%s: %s", t->name, t->what);
		ck_assert(t->paper && t->cost && t->init && t->apply && t->body);
		ck_assert_msg(t->formula[strlen(t->formula) - 1] == '\n', "%s", t->name);
		ck_assert_msg(t->weights[strlen(t->weights) - 1] == '\n', "%s", t->name);
		ck_assert_int_le(layer_arg_count(t), LAYER_ARGS_MAX);
		for (int k = 0; k < layer_arg_count(t); k++) {
			const layer_arg *a = layer_arg_at(t, k);
			ck_assert_msg(layer_arg_find(t, a->name) == k, "%s: %s twice", t->name, a->name);
			ck_assert(a->help && (a->type != ARG_WORD || a->words));
			ck_assert_msg(a->type > ARG_REAL || (a->initial >= a->lo && a->initial <= a->hi),
				      "%s: %s", t->name, a->name);
		}
	}
}
END_TEST

START_TEST(self_attention_comes_first_in_the_order_of_model_attention)
{
	for (int i = 0; attention_variants[i]; i++) {
		ck_assert_str_eq(layer_type_at(i)->name, attention_variants[i]);
		ck_assert_str_eq(config_choice("model.attention", i), attention_variants[i]);
	}
}
END_TEST

/* ---- every type in a run ---- */

/* Arguments that differ from the defaults, where a type has more than one way to be built. */
static const char *const more[] = {
	"type: official, pool: false, key_width: 2, value_width: 3, gamma: 0.5",
	"type: mhsa, heads: 2, key_dim: 3, position: absolute, out_bias: true, dropout: 0.1",
	"type: mhsa, out_weight: false, residual: add",
	"type: mhsa, out: 12, residual: none",
	"type: mhsa, heads: 2, out: 20, residual: none, place: instead",
	"type: halo, heads: 2, block: 4, halo: 1, out: 4, residual: none",
	"type: outlook, heads: 2, out: 12, residual: none",
	"type: mhsa_h, heads: 2, out_weight: false, dropout: 0.2, residual: none",
	"type: halo, heads: 2, block: 4, halo: 2, key_dim: 3, out: 8, out_bias: true, dropout: 0.1, gamma: 1",
	"type: halo_h, heads: 2, block: 8, halo: 0, key_dim: 0.5",
	"type: outlook, heads: 2, strides: 1, kernel: 3, padding: false, dropout: 0.1, output_dropout: 0.1",
	"type: outlook, kernel: 2, strides: 3",
	"type: outlook, fold_kernel: true, residual: add",
	"type: outlook_simple, heads: 1, kernel: 5",
	"type: conv_relative, heads: 2, kernel: 5",
	"type: cot, kernel: 5, activation: swish, torch_init: true",
	"type: split_attention, groups: 1, kernel: 5, activation: gelu",
	"type: se, ratio: 0.5, divisor: 8, dense: true, glorot: true, bias: false, activation_out: hard_sigmoid",
	"type: mlp, hidden: 5, use_conv: true, bias: false, drop_rate: 0.1, activation: prelu",
	"type: mixer, tokens: 6, channels: 7, drop_rate: 0.2, bias: false, residual: gamma",
	"type: spatial_gating, hidden: 6, residual: add",
	"type: blur, kernel: 5, trainable: true",
	"type: bn_act, evo_norm: true, group_size: 2",
	"type: bn_act, act_first: true, zero_gamma: true, activation: linear, residual: add",
	"type: conv, groups: 8, bias: true",
	"type: conv, groups: 8, depthwise: false, torch_init: true",
	"type: layer_norm, scale: false, center: false",
	"type: channel_affine, bias: false, start: 0.5",
	"type: halo, place: instead",
	"type: mhsa, place: instead, residual: add",
	"type: mixer, place: instead",
	"type: official, place: instead",
};

static void site_text(int i, char text[256])
{
	if (i < layer_type_count())
		snprintf(text, 256, "type: %s", layer_type_at(i)->name);
	else
		snprintf(text, 256, "%s", more[i - layer_type_count()]);
}

static config site_config(const char *site)
{
	char g[300], d[300];
	snprintf(g, sizeof g, "model.layers_g=[{at: 8, %s}]", site);
	snprintf(d, sizeof d, "model.layers_d=[{at: 8, %s}]", site);
	return tiny_config(TINY_PLAIN, (const char *const[]){g, d, "loss.name=ns", NULL});
}

static bool all_finite(const real *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* Gradients of the layer's own parameters that are not all zero, of `of`. */
static int moved(module *m, int *of)
{
	int n = 0;
	*of = 0;
	for (int i = 0; i < module_params(m); i++) {
		if (strncmp(module_param_at(m, i)->name, "attention8/", 11))
			continue;
		const buffer *b = module_grad_at(m, i);
		bool any = false;
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			any |= b->x[k] != 0;
		n += any;
		++*of;
	}
	return n;
}

static uint64_t step_on(trainer *t, int steps)
{
	fault e = {.text = ""};
	step_stats s;
	for (int i = 0; i < steps; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	return tiny_hash(t);
}

static void check_gradients(module *m, const char *text)
{
	int of, n = moved(m, &of);
	ck_assert_msg(all_finite(module_grad_block(m), module_block_size(m)), "%s", text);
	ck_assert_msg(of == 0 || n > 0, "%s: no gradient reaches the %d parameters of %s", text, of,
		module_param_at(m, 0)->name);
}

/* What a resumed run does is what the other one would have done, so names and order of all that is saved are right. */
START_TEST(every_layer_trains_in_g_and_d_and_resumes)
{
	char text[256], path[300];
	fault e = {.text = ""};
	site_text(_i, text);
	config c = site_config(text);
	dataset *data = tiny_data(16, 16, 2);
	trainer *t = trainer_new(&c, data, &e);
	ck_assert_msg(t, "%s: %s", text, e.text);
	step_on(t, 2);
	check_gradients(trainer_module(t, NET_G), text);
	check_gradients(trainer_module(t, NET_D), text);
	const char *dir = scratch_folder();
	snprintf(path, sizeof path, "%s/half.h5", dir);
	ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
	const uint64_t whole = step_on(t, 1);
	trainer_free(t);
	t = trainer_new(&c, data, &e);
	ck_assert_msg(t && trainer_load(t, path, &e), "%s: %s", text, e.text);
	ck_assert_msg(step_on(t, 1) == whole, "%s: goes on otherwise after a resume", text);
	trainer_free(t);
	dataset_free(data);
	config_free(&c);
}
END_TEST

/* R1 in D, clipping, accumulated batches, DiffAugment: the gradient of the gradient goes through all of them. */
START_TEST(every_layer_without_batch_norm_trains_under_r1)
{
	char text[256], site[300];
	fault e = {.text = ""};
	step_stats s;
	site_text(_i, text);
	snprintf(site, sizeof site, "model.layers_d=[{at: 8, %s}]", text);
	if (strstr(text, "cot") || strstr(text, "split_attention") || strstr(text, "bn_act"))
		return;
	config c = tiny_config(TINY_FULL, (const char *const[]){site, "optim.d_steps=2", NULL});
	dataset *data = tiny_data(16, 16, 2);
	trainer *t = trainer_new(&c, data, &e);
	ck_assert_msg(t, "%s: %s", text, e.text);
	ck_assert_msg(trainer_step(t, &s, &e), "%s: %s", text, e.text);
	ck_assert_msg(s.penalties > 0 && isfinite(s.penalty) && isfinite(s.d_norm), "%s", text);
	trainer_free(t);
	dataset_free(data);
	config_free(&c);
}
END_TEST

/* What the config says is what a checkpoint's text says. */
START_TEST(every_layer_survives_the_text_of_a_config)
{
	char text[256];
	fault e = {.text = ""};
	int at[CONFIG_KEYS_MAX];
	site_text(_i, text);
	config a = site_config(text), b;
	char *yaml = config_text(&a, &e);
	config_init(&b);
	ck_assert_msg(yaml && config_parse(&b, yaml, strlen(yaml), "text", &e), "%s: %s", text, e.text);
	ck_assert_int_eq(config_diff(&a, &b, at), 0);
	ck_assert(!memcmp(&a.model.layers_g.layer[0].args, &b.model.layers_g.layer[0].args, sizeof(layer_args)));
	free(yaml);
	config_free(&a);
	config_free(&b);
}
END_TEST

/* gamma = 0: the layer is not there yet. The same numbers as a network without it, in G. */
START_TEST(layers_start_silent_behind_gamma)
{
	const layer_type *type = layer_type_at(_i);
	char text[64];
	fault e = {.text = ""};
	if (type->own_skip || type->residual != LAYER_GAMMA)
		return;
	snprintf(text, sizeof text, "type: %s", type->name);
	config c = site_config(text);
	net_config n;
	rng r = rng_new(1, "init");
	ck_assert(config_network(&c, &n, &e));
	network *net = network_new(&n, NET_G, &r, &e);
	ck_assert_msg(net, "%s", e.text);
	const placed_layer *l = network_placed_layer(net, 0);
	ck_assert(l->gamma && l->gamma->x[0] == 0);
	ck_assert_str_eq(l->gamma->name, "attention8/gamma");
	network_free(net);
	config_free(&c);
}
END_TEST

/* ---- configs ---- */

static const char *const configs[] = {"halo", "mhsa", "mixer-d", "outlook-g", "cot"};

START_TEST(configs_with_these_layers_train)
{
	char path[64];
	config c;
	fault e = {.text = ""};
	step_stats s;
	snprintf(path, sizeof path, "configs/mnist-%s.yaml", configs[_i]);
	config_init(&c);
	ck_assert_msg(config_load(&c, path, &e), "%s", e.text);
	ck_assert(config_set(&c, "batch=4", &e) && config_set(&c, "model.g_channels=8", &e));
	ck_assert(config_set(&c, "model.d_channels=8", &e));
	ck_assert_msg(config_check(&c, &e), "%s", e.text);
	trainer *t = trainer_new(&c, NULL, &e);
	ck_assert_msg(t, "%s", e.text);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	ck_assert(isfinite(s.d_loss) && isfinite(s.g_loss));
	trainer_free(t);
	config_free(&c);
}
END_TEST

/* ---- pictures ---- */

START_TEST(layers_without_a_map_are_passed_over)
{
	config c = tiny_config(TINY_PLAIN, (const char *const[]){
		"model.layers_g=[{at: 4, type: mhsa}, {at: 8, type: mlp}, {at: 16, type: official}]", NULL});
	fault e = {.text = ""};
	attention_view v;
	real z[8] = {1, -1, 0.5};
	sampler *s = network_sampler_new(&c, 4, &e);
	gaze *g = s ? sampler_gaze(s, &e) : NULL;
	ck_assert_msg(g, "%s", e.text);
	ck_assert_int_eq(gaze_layers(g), 2);
	static const int side[] = {4, 16}, keys[] = {4, 8};
	gaze_look(g, z, 0);
	for (int k = 0; k < 2; k++) {
		ck_assert_msg(gaze_view(g, k, -1, &v, &e), "%s", e.text);
		ck_assert(v.qh == side[k] && v.kw == keys[k]);
		double sum = 0;
		for (int i = 0; i < keys[k] * keys[k]; i++)
			sum += v.map[i];
		ck_assert_double_eq_tol(sum, 1, 1e-5);
	}
	sampler_free(s);
	config_free(&c);
}
END_TEST

static void hear(void *ctx, enum run_note kind, const char *text)
{
	if (kind == NOTE_INFO && strstr(text, "no layer of G has a map"))
		++*(int *)ctx;
}

/* A run whose layers have no map says so in place of the picture, and ends well. */
START_TEST(a_run_without_maps_says_so)
{
	static const char *const site[] = {
		"model.layers_g=[{at: 8, type: mlp}]", "model.layers_g=[{at: 8, type: halo}]"
	};
	for (int i = 0; i < 2; i++) {
			int heard = 0;
		fault e = {.text = ""};
		enum run_end end;
		config c = tiny_config(TINY_PLAIN,
			(const char *const[]){site[i], "steps=1", "score.count=0", NULL});
		dataset *data = tiny_data(16, 16, 2);
		const char *dir = scratch_at(site[i]);
		trainer *t = trainer_new(&c, data, &e);
		run_options opt = {.out = dir, .ctx = &heard, .note = hear};
		ck_assert_msg(t && run_trainer(t, &opt, &end, &e), "%s", e.text);
		ck_assert_int_eq(end, RUN_FINISHED);
		ck_assert_int_eq(heard, i == 0);
		trainer_free(t);
		dataset_free(data);
		config_free(&c);
	}
}
END_TEST

/* ---- the listing ---- */

static int64_t listed(const layer_row *row, int n)
{
	int64_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += row[i].params;
	return sum;
}

START_TEST(listing_counts_every_parameter_once)
{
	char text[256];
	fault e = {.text = ""};
	net_config n;
	layer_row row[128];
	rng r = rng_new(1, "init");
	site_text(_i, text);
	config c = site_config(text);
	ck_assert(config_network(&c, &n, &e));
	network *g = network_new(&n, NET_G, &r, &e);
	network *d = network_new(&n, NET_D, &r, &e);
	ck_assert_msg(g && d, "%s", e.text);
	int rows = network_layers(g, row, COUNT(row), &e);
	ck_assert_int_le(rows, COUNT(row));
	ck_assert_msg(listed(row, rows) == module_param_count(network_module(g)), "%s in G", text);
	rows = network_layers(d, row, COUNT(row), &e);
	ck_assert_msg(listed(row, rows) == module_param_count(network_module(d)), "%s in D", text);
	network_free(g);
	network_free(d);
	config_free(&c);
}
END_TEST

/* ---- refusals: one line that says which values fit ---- */

#define SITE(x) "model.layers_g=[{at: 8, " x "}]"
static const struct {
	const char *set, *says;
} refusals[] = {
	{SITE("type: halo, heads: 3"), "layer at 8 in G: halo: heads = 3: must divide the channels, 8; 1, 2, 4, 8 fit"},
	{SITE("type: halo, block: 3"), "halo: block = 3: must divide the map's side, 8; 1, 2, 4, 8 fit"},
	{SITE("type: halo, out: 16"), 
	 "halo: out = 16: what is added to the map must have its width; 0 and 8 fit, or residual = none"},
	{SITE("type: halo, strides: 2"), "strides 2: must be 1 (the map keeps its size);"},
	{SITE("type: halo, heads: many"), "heads many: must be a whole number from 1 to 4096;"},
	{SITE("type: halo, head: 2"),
	 "unknown argument head of halo, did you mean heads; it has at, type, place, gamma, "},
	{SITE("type: hallo"), "type hallo: no such layer, did you mean halo; `sagan layers` lists them;"},
	{SITE("type: halo, heads: 2, heads: 4"), "heads appears twice;"},
	{SITE("type: halo, residual: add, gamma: 1"),
	 "halo: gamma: there is none with residual = add; residual = gamma fits"},
	{SITE("type: halo, residual: ad"), "residual ad: did you mean add? must be gamma, add or none;"},
	{SITE("type: halo, key_dim: 3, out_weight: false"), "halo"},
	{SITE("type: mhsa, heads: 16"), "mhsa: heads = 16: must divide the channels, 8; 1, 2, 4, 8 fit"},
	{SITE("type: mhsa, position: none"), "position none: must be relative or absolute;"},
	{SITE("type: outlook, heads: 5"), "outlook: heads = 5: must divide the channels, 8; 1, 2, 4, 8 fit"},
	{SITE("type: layer_norm, residual: gamma"), "a gain called gamma of its own; none, add and scale = false fit"},
	{SITE("type: outlook, kernel: 2, strides: 3, refuse_gaps: true"), "kernel 2 is smaller than stride 3"},
	{SITE("type: cot, kernel: 4"), "cot: kernel = 4: must be odd; 3 and 5 fit"},
	{SITE("type: split_attention, groups: 3"), "groups = 3: must divide the channels, 8; 1, 2, 4, 8 fit"},
	{SITE("type: se, ratio: 0.01"), "se: 8 channels"},
	{SITE("type: spatial_gating, hidden: 5"), "hidden = 5: the gate halves it; 4 and 6 fit"},
	{SITE("type: conv_relative, heads: 4"),
	 "heads = 4: kernel = 0 needs 8; with another number give kernel (3, 5, 7 fit)"},
	{SITE("type: plain, pool: maybe"), "pool maybe: must be own, true or false;"},
	{SITE("type: plain, value_width: 3"),
	 "attention: without an output projection the value width 3 must be filters=8"},
	{"model.layers_g=[{at: 4, type: halo, place: instead}]",
	 "layer at 4 in G: place = instead: the first map of G is made of the latent; place = after fits"},
};

START_TEST(wrong_arguments_are_refused_in_one_line)
{
	config c = tiny_config(TINY_PLAIN, NULL);
	fault e = {.text = ""};
	bool ok = config_set(&c, refusals[_i].set, &e) && config_check(&c, &e);
	ck_assert_msg(!ok, "%s is accepted", refusals[_i].set);
	ck_assert_msg(strstr(e.text, refusals[_i].says) != NULL, "%s\nsays %s\nand not %s", refusals[_i].set, e.text,
		      refusals[_i].says);
	ck_assert(!strchr(e.text, '\n') && strncmp(e.text, "command line: model.layers_g = ", 31) == 0);
	config_free(&c);
}
END_TEST

START_TEST(batch_norm_in_d_excludes_penalties)
{
	config c = tiny_config(TINY_PLAIN, (const char *const[]){"loss.penalty=r1", NULL});
	fault e = {.text = ""};
	ck_assert(config_set(&c, "model.layers_d=[{at: 8, type: cot}]", &e));
	ck_assert(!config_check(&c, &e) && strstr(e.text, "cot in D has batch norm"));
	ck_assert(config_set(&c, "model.layers_d=[{at: 8, type: mixer}]", &e) && config_check(&c, &e));
	config_free(&c);
}
END_TEST

int main(void)
{
	const int layers = layer_type_count() + COUNT(more);
	const suite_test tests[] = {
		{types_have_all_that_the_listing_shows, 1},
		{self_attention_comes_first_in_the_order_of_model_attention, 1},
		{every_layer_trains_in_g_and_d_and_resumes, layers},
		{every_layer_without_batch_norm_trains_under_r1, layers},
		{every_layer_survives_the_text_of_a_config, layers},
		{listing_counts_every_parameter_once, layers},
		{layers_start_silent_behind_gamma, layer_type_count()},
		{configs_with_these_layers_train, COUNT(configs)},
		{layers_without_a_map_are_passed_over, 1},
		{a_run_without_maps_says_so, 1},
		{wrong_arguments_are_refused_in_one_line, COUNT(refusals)},
		{batch_norm_in_d_excludes_penalties, 1},
	};
	return suite_run("placed_layers", tests, COUNT(tests), 300);
}
