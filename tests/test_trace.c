/* test_trace.c - networks as Keras models: built again from the model, they compute the same numbers. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/vecmath.h"
#include "core/plan/plan.h"
#include "gan/keras/run/run.h"
#include "gan/keras/model/shapes.h"
#include "gan/keras/trace/trace.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "tests/suite.h"
#include "tests/trace_kit.h"

/* ---- networks ---- */

typedef struct net_row {
	const char *network;
	net_size size;
	int width, classes, channels;
	const char *g, *d;                           /* layer type, or NULL: the network's own attention */
	int at_g, at_d;                              /* the map it stands at */
	void (*more)(net_config *c);
} net_row;

static void one_plus(net_config *c)
{
	c->cbn_form = COND_ONE_PLUS;
	c->cbn_sn = true;
}

static void bilinear(net_config *c)
{
	c->up = UPSAMPLE_BILINEAR;
	c->d_skip = SKIP_RELU;
}

static void without_sn(net_config *c)
{
	c->g_sn = c->d_sn = false;
}

static void dcgan_norms(net_config *c)
{
	c->d_batch_norm = !c->d_batch_norm;
	c->d_slope = 0;
}

static layer_args instead(const layer_type *type)
{
	layer_args a = {0};
	int i = layer_arg_find(type, "place");
	a.set |= 1u << i;
	a.value[i] = 1;
	return a;
}

static void replaced(net_config *c)
{
	c->g_layers.layer[0].args = instead(c->g_layers.layer[0].type);
	c->d_layers.layer[0].args = instead(c->d_layers.layer[0].type);
}

static void set_arg(net_config *c, const char *name, double v)
{
	layer_spec *p[] = {&c->g_layers.layer[0], &c->d_layers.layer[0]};
	for (int k = 0; k < 2; k++) {
		int i = layer_arg_find(p[k]->type, name);
		ck_assert_int_ge(i, 0);
		p[k]->args.set |= 1u << i;
		p[k]->args.value[i] = v;
	}
}

static void without_pool(net_config *c)
{
	set_arg(c, "pool", 2);
}

static void in_groups(net_config *c)
{
	set_arg(c, "groups", 4);
	set_arg(c, "bias", 1);
}

static void depthwise_conv(net_config *c)
{
	set_arg(c, "groups", 8);
}

static void added(net_config *c)
{
	set_arg(c, "residual", 1);
}

static void act_first(net_config *c)
{
	set_arg(c, "act_first", 1);
	set_arg(c, "activation", 6);                 /* selu */
}

static void set_activation(net_config *c, const char *name)
{
	const layer_type *t = c->g_layers.layer[0].type;
	const layer_arg *a = layer_arg_at(t, layer_arg_find(t, "activation"));
	int i = 0;
	while (strcmp(a->words[i], name))
		i++;
	set_arg(c, "activation", i);
}

static void prelu(net_config *c)
{
	set_activation(c, "prelu");
}

static void hard_swish(net_config *c)
{
	set_activation(c, "hard_swish");
}

static const net_row networks[] = {
	{"resnet", {28, 28}, 8, 10, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", {28, 28}, 8, 0, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", {32, 32}, 16, 10, 3, NULL, NULL, 0, 0, one_plus},
	{"resnet", {32, 32}, 16, 4, 1, NULL, NULL, 0, 0, bilinear},
	{"resnet", {64, 64}, 8, 3, 3, NULL, NULL, 0, 0, without_sn},
	{"resnet", {128, 128}, 8, 0, 3, NULL, NULL, 0, 0, NULL},
	{"official", {64, 64}, 8, 5, 3, NULL, NULL, 0, 0, NULL},
	{"official", {128, 128}, 4, 7, 3, NULL, NULL, 0, 0, one_plus},
	{"official", {256, 256}, 2, 2, 3, "official", "official", 32, 32, NULL},
	{"dcgan", {28, 28}, 4, 0, 1, NULL, NULL, 0, 0, NULL},
	{"dcgan", {28, 28}, 4, 10, 1, NULL, NULL, 0, 0, dcgan_norms},
	{"dcgan", {64, 64}, 8, 0, 3, NULL, NULL, 0, 0, NULL},
	{"dcgan", {32, 32}, 4, 6, 3, "plain", "plain", 8, 8, dcgan_norms},
	{"mnistgans", {28, 28}, 16, 0, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "official", "official", 16, 16, replaced},
	{"resnet", {32, 32}, 8, 0, 1, "official", "paper", 16, 16, without_pool},
	{"resnet", {32, 32}, 8, 3, 1, "paper", "plain", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "ashpy", "simplegan", 16, 16, NULL},
	{"resnet", {32, 32}, 8, 0, 1, "mnistgans", "conv2d", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 0, 1, "conv2d", "mnistgans", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "se", "se", 16, 16, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "se", "se", 16, 16, replaced},
	{"resnet", {32, 32}, 8, 3, 1, "mlp", "mlp", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "mlp", "mlp", 8, 8, prelu},
	{"resnet", {32, 32}, 8, 3, 1, "mlp", "mlp", 8, 8, hard_swish},
	{"resnet", {32, 32}, 8, 3, 1, "conv_position", "conv_position", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "channel_affine", "channel_affine", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "channel_affine", "channel_affine", 8, 8, added},
	{"resnet", {32, 32}, 8, 3, 1, "bias", "bias", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "layer_norm", "layer_norm", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "blur", "blur", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "bn_act", "bn_act", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "bn_act", "bn_act", 8, 8, act_first},
	{"resnet", {32, 32}, 8, 3, 1, "conv", "conv", 8, 8, NULL},
	{"resnet", {32, 32}, 8, 3, 1, "conv", "conv", 8, 8, in_groups},
	{"resnet", {32, 32}, 8, 3, 1, "conv", "conv", 8, 8, depthwise_conv},
	{"resnet", {96, 64}, 8, 3, 3, NULL, NULL, 0, 0, NULL},
	{"resnet", {16, 28}, 8, 0, 1, "simplegan", "plain", 8, 8, bilinear},
	{"resnet", {24, 16}, 8, 2, 1, "se", "mlp", 8, 8, NULL},
	{"resnet", {16, 24}, 8, 2, 3, "official", "official", 8, 8, replaced},
	{"dcgan", {24, 32}, 8, 3, 1, NULL, NULL, 0, 0, NULL},
	{"dcgan", {28, 16}, 8, 0, 3, "mnistgans", "conv2d", 8, 8, dcgan_norms},
};

static net_config config_of(const net_row *r)
{
	net_config c;
	fault e;
	ck_assert_msg(net_config_default(r->network, r->size, &c, &e), "%s", e.text);
	c.g_width = c.d_width = r->width;
	c.classes = r->classes;
	c.channels = r->channels;
	if (r->g)
		c.g_layers = (layer_specs){1, {{.at = r->at_g, .type = layer_type_named(r->g)}}};
	if (r->d)
		c.d_layers = (layer_specs){1, {{.at = r->at_d, .type = layer_type_named(r->d)}}};
	if (r->more)
		r->more(&c);
	return c;
}

START_TEST(stock_generator_computes_what_ours_does)
{
	const net_row *row = &networks[_i];
	fault e = {.text = ""};
	net_config c = config_of(row);
	network *n = trace_network(&c, NET_G);
	keras_model *k = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s%d %s: %s", row->network, row->size.h, row->g ? row->g : "", e.text);
	for (int i = 0; i < k->layers; i++)
		ck_assert_msg(!strchr(k->layer[i].class_name, '>'), "%s", k->layer[i].class_name);
	double d = trace_difference(n, k, row->network, NULL);
	ck_assert_msg(d <= trace_tolerance, "%s%d %s: %g", row->network, row->size.h, row->g ? row->g : "", d);
	keras_model_free(k);
	network_free(n);
}
END_TEST

START_TEST(stock_discriminator_computes_what_ours_does)
{
	const net_row *row = &networks[_i];
	fault e = {.text = ""};
	net_config c = config_of(row);
	network *n = trace_network(&c, NET_D);
	keras_model *k = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s%d %s: %s", row->network, row->size.h, row->d ? row->d : "", e.text);
	double d = trace_difference(n, k, row->network, NULL);
	ck_assert_msg(d <= trace_tolerance, "%s%d %s: %g", row->network, row->size.h, row->d ? row->d : "", d);
	keras_model_free(k);
	network_free(n);
}
END_TEST

/* ---- what the model looks like ---- */

static keras_model *model_of(const char *type, const char *set, double value, enum keras_form form)
{
	net_row row = {"resnet", {32, 32}, 8, 3, 1, type, type, 8, 8, NULL};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	if (set)
		set_arg(&c, set, value);
	network *n = trace_network(&c, NET_G);
	keras_model *k = keras_of_network(n, form, &e);
	ck_assert_msg(k, "%s: %s", type, e.text);
	network_free(n);
	return k;
}

static const keras_layer *layer_of(const keras_model *k, const char *name)
{
	int i = keras_find(k, name);
	ck_assert_msg(i >= 0, "no layer %s", name);
	return &k->layer[i];
}

START_TEST(users_find_inputs_output_and_map_by_name)
{
	keras_model *k = model_of("official", NULL, 0, KERAS_STOCK);
	ck_assert_int_eq(k->inputs, 2);
	ck_assert_str_eq(k->layer[k->input[0]].name, "z");
	ck_assert_str_eq(k->layer[k->input[1]].name, "y");
	ck_assert_str_eq(keras_text(&k->layer[k->input[1]], "dtype", ""), "int32");
	ck_assert_int_eq(k->outputs, 1);
	ck_assert_str_eq(k->layer[k->output[0]].name, "image");
	ck_assert_str_eq(layer_of(k, "attention_map")->class_name, "Softmax");
	ck_assert_str_eq(layer_of(k, "block1_conv1")->class_name, "Conv2D");
	keras_model_free(k);
}
END_TEST

START_TEST(every_map_has_a_name_of_its_own)
{
	net_row row = {"resnet", {32, 32}, 8, 0, 1, NULL, NULL, 0, 0, NULL};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	c.g_layers = (layer_specs){2, {
		{.at = 8, .type = layer_type_named("paper")}, {.at = 16, .type = layer_type_named("plain")},
	}};
	network *n = trace_network(&c, NET_G);
	keras_model *k = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s", e.text);
	shape s[256];
	ck_assert_int_lt(k->layers, 256);
	ck_assert_str_eq(layer_of(k, "attention_map")->class_name, "Softmax");
	ck_assert_str_eq(layer_of(k, "attention_map_2")->class_name, "Softmax");
	ck_assert(keras_shapes(k, s, &e));
	ck_assert_int_eq(s[keras_find(k, "attention_map")].dim[0], 64);
	ck_assert_int_eq(s[keras_find(k, "attention_map_2")].dim[0], 256);
	keras_model_free(k);
	network_free(n);
}
END_TEST

/* Number of layers of a class. */
static int count_of(const keras_model *k, const char *class_name)
{
	int n = 0;
	for (int i = 0; i < k->layers; i++)
		n += !strcmp(k->layer[i].class_name, class_name);
	return n;
}

/* A gate is a factor of a kernel, unless values are max-pooled and nothing projects them. */
START_TEST(gates_leave_no_layer_behind)
{
	static const char *const types[] = {
		"official", "paper", "plain", "ashpy", "simplegan", "mnistgans", "conv2d", "conv"
	};
	for (int i = 0; i < COUNT(types); i++) {
		keras_model *k = model_of(types[i], NULL, 0, KERAS_STOCK);
		ck_assert_msg(count_of(k, "Rescaling") == 0, "%s", types[i]);
		keras_model_free(k);
	}
	keras_model *k = model_of("plain", "pool", 1, KERAS_STOCK);
	ck_assert_int_eq(count_of(k, "Rescaling"), 1);
	keras_model_free(k);
}
END_TEST

/* Zero gates close the projection, not the network. */
START_TEST(a_gate_of_zero_is_a_kernel_of_zeros)
{
	net_row row = {"resnet", {32, 32}, 8, 0, 1, "official", "official", 8, 8, NULL};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	network *n = trace_network(&c, NET_G);
	network_placed_layer(n, 0)->gamma->x[0] = 0;
	keras_model *k = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s", e.text);
	const keras_weight *w = &layer_of(k, "attention8_attn")->weight[0];
	for (int64_t i = 0; i < shape_count(&w->s); i++)
		ck_assert(w->x[i] == 0);
	ck_assert(trace_difference(n, k, "closed", NULL) <= trace_tolerance);
	keras_model_free(k);
	network_free(n);
}
END_TEST

START_TEST(a_discriminator_sums_by_a_mean_and_a_factor)
{
	net_row row = {"resnet", {32, 32}, 8, 3, 1, "official", "official", 8, 8, NULL};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	network *n = trace_network(&c, NET_D);
	keras_model *k = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s", e.text);
	ck_assert_int_eq(count_of(k, "GlobalAveragePooling2D"), 1);
	ck_assert_int_eq(count_of(k, "Rescaling"), 1);
	ck_assert_double_eq(keras_number(layer_of(k, "scale"), "scale", 0), 64);
	ck_assert_str_eq(k->layer[k->output[0]].name, "logit");
	keras_model_free(k);
	network_free(n);
}
END_TEST

/* ---- what stock layers do not say ---- */

static const struct {
	const char *type, *set;
	double value;
	const char *message;
	const char *class_name;
} refused[] = {
	{"ashpy_row", NULL, 0, "attention within rows or heads", "sagan>SelfAttention2D"},
	{"mhsa", NULL, 0, "an exchange of axes", "sagan>MultiHeadAttention2D"},
	{"mhsa_h", NULL, 0, "an exchange of axes", "sagan>MultiHeadAttentionH2D"},
	{"halo", NULL, 0, "an exchange of axes", "sagan>HaloAttention2D"},
	{"halo_h", NULL, 0, "an exchange of axes", "sagan>HaloAttentionH2D"},
	{"outlook", NULL, 0, "windows that overlap", "sagan>OutlookAttention2D"},
	{"outlook_simple", "kernel", 2, "windows that overlap", "sagan>OutlookAttentionSimple2D"},
	{"conv_relative", NULL, 0, "an exchange of axes", "sagan>FactorisedAttention2D"},
	{"cot", NULL, 0, "a sum over these axes", "sagan>ContextualTransformer2D"},
	{"split_attention", NULL, 0, "parts of a value", "sagan>SplitAttention2D"},
	{"mixer", NULL, 0, "an exchange of axes", "sagan>Mixer2D"},
	{"spatial_gating", NULL, 0, "parts of a value", "sagan>SpatialGating2D"},
	{"positional_embedding", NULL, 0, "a number for each place", "sagan>PositionalEmbedding2D"},
	{"bn_act", "evo_norm", 1, "this normalisation", "sagan>EvoNorm2D"},
};

static net_config refused_config(int i)
{
	net_row row = {"resnet", {32, 32}, 8, 3, 1, refused[i].type, refused[i].type, 8, 8, NULL};
	net_config c = config_of(&row);
	if (refused[i].set)
		set_arg(&c, refused[i].set, refused[i].value);
	return c;
}

START_TEST(stock_layers_refuse_by_name_and_say_what_works)
{
	fault e = {.text = ""};
	char start[64];
	net_config c = refused_config(_i);
	network *n = trace_network(&c, NET_G);
	ck_assert_ptr_null(keras_of_network(n, KERAS_STOCK, &e));
	snprintf(start, sizeof start, "attention8: layer type %s: stock Keras layers do not say ", refused[_i].type);
	ck_assert_msg(!strncmp(e.text, start, strlen(start)), "%s", e.text);
	ck_assert_msg(strstr(e.text, refused[_i].message) && strstr(e.text, "--layers"), "%s", e.text);
	network_free(n);
}
END_TEST

/* ---- the second form ---- */

/* The weights of a layer of its own are all that the layer has registered: first what is trained. */
START_TEST(the_second_form_keeps_the_layer_with_all_its_weights)
{
	fault e = {.text = ""};
	net_config c = refused_config(_i);
	network *n = trace_network(&c, NET_G);
	const module *m = network_module(n);
	keras_model *k = keras_of_network(n, KERAS_LAYERS, &e);
	ck_assert_msg(k, "%s: %s", refused[_i].type, e.text);
	const keras_layer *l = layer_of(k, "attention8");
	ck_assert_str_eq(l->class_name, refused[_i].class_name);
	int w = 0;
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		const buffer *b = i < module_params(m) ? module_param_at(m, i)
			: module_state_at(m, i - module_params(m));
		if (strncmp(b->name, "attention8/", 11))
			continue;
		ck_assert_int_lt(w, l->weights);
		const bool same = shape_equal(&b->s, &l->weight[w].s)
			&& !memcmp(b->x, l->weight[w].x, (size_t)shape_count(&b->s) * sizeof *b->x);
		/* Self-attention has an order of its own, whatever its variant registers. */
		ck_assert_msg(same || !strcmp(refused[_i].type, "ashpy_row"), "%s: %s", b->name, l->weight[w].name);
		w++;
	}
	ck_assert_int_eq(w, l->weights);
	keras_model_free(k);
	network_free(n);
}
END_TEST

/* Every number of the network is in the model, as it is: nothing is folded, nothing left out. */
START_TEST(the_second_form_holds_every_number_once)
{
	static const char *const types[] = {
		"official", "paper", "plain", "ashpy", "simplegan", "mnistgans", "conv2d", "mhsa", "halo",
		"cot", "mixer",
	};
	net_row row = {"resnet", {32, 32}, 8, 3, 1, types[_i], types[_i], 8, 8, NULL};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	one_plus(&c);
	for (int side = NET_G; side <= NET_D; side++) {
		network *n = trace_network(&c, side);
		const module *m = network_module(n);
		keras_model *k = keras_of_network(n, KERAS_LAYERS, &e);
		ck_assert_msg(k, "%s: %s", types[_i], e.text);
		int64_t states = 0;
		for (int s = 0; s < module_states(m); s++)
			states += shape_count(&module_state_at(m, s)->s);
		ck_assert_int_eq(keras_count(k), module_param_count(m) + states);
		keras_model_free(k);
		network_free(n);
	}
}
END_TEST

START_TEST(self_attention_is_written_in_the_order_of_its_class)
{
	static const char *const want[] = {
		"gamma", "query_kernel", "query_bias", "key_kernel", "key_bias", "value_kernel",
		"value_bias", "out_kernel", "out_bias", "query_u", "key_u", "value_u", "out_u",
	};
	keras_model *k = model_of("simplegan", NULL, 0, KERAS_LAYERS);   /* registers its keys last, its gate first */
	const keras_layer *l = layer_of(k, "attention8");
	ck_assert_int_eq(l->weights, COUNT(want));
	for (int i = 0; i < COUNT(want); i++)
		ck_assert_str_eq(l->weight[i].name, want[i]);
	keras_model_free(k);
}
END_TEST

/* Without spectral norm all its classes can be evaluated here: the same numbers as the network. */
START_TEST(the_second_form_computes_what_ours_does)
{
	static const char *const types[] = {"official", "paper", "plain", "ashpy", "simplegan", "se", "bias"};
	net_row row = {"resnet", {32, 32}, 8, 3, 1, types[_i], types[_i], 8, 8, without_sn};
	fault e = {.text = ""};
	net_config c = config_of(&row);
	if (!strcmp(types[_i], "se"))
		set_arg(&c, "residual", LAYER_ADD);
	network *n = trace_network(&c, NET_G);
	keras_model *k = keras_of_network(n, KERAS_LAYERS, &e);
	ck_assert_msg(k, "%s: %s", types[_i], e.text);
	double d = trace_difference(n, k, types[_i], NULL);
	ck_assert_msg(d <= trace_tolerance, "%s: %g", types[_i], d);
	keras_model_free(k);
	network_free(n);
}
END_TEST

/* ---- compositions ---- */

/* A graph that no network of ours is. */
START_TEST(any_composition_is_traced)
{
	fault e = {.text = ""};
	rng r = rng_new(1, "own");
	module *m = module_new(&e);
	conv a, b;
	dense out;
	conv_init(m, &a, "a", 2, (conv_options){.filters = 4, .kh = 3, .sh = 2, .padding = PAD_EVEN, .pad = 2,
		.bias = true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}});
	conv_init(m, &b, "b", 4, (conv_options){.filters = 4, .kh = 1, .padding = PAD_VALID,
		.kernel_init = {INIT_GLOROT_UNIFORM, 0}});
	dense_init(m, &out, "out", 4 * 4 * 4,
		(dense_options){.units = 3, .bias = true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}});
	ck_assert(module_alloc(m, &r, &e));
	trace_stir(m);
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", SHAPE(SAMPLES, 6, 6, 2), &e);
	rng_fill_normal(&r, x->x, shape_count(&x->s));
	graph_rewrite(g, false);
	graph_trace(g, true);
	node *in = graph_leaf(g, x), *y = op_leaky_relu(g, conv_apply(g, &a, in, (mode){0}), 0.1);
	/* z is read twice, once as a row: the factor of one reader is not the other's. */
	const shape row = SHAPE(SAMPLES, 4 * 4 * 4);
	node *z = conv_apply(g, &b, y, (mode){0});
	y = op_sub(g, y, op_scale(g, op_sigmoid(g, z), 3));
	y = op_add(g, op_reshape(g, y, row), op_scale(g, op_reshape(g, z, row), 2));
	y = dense_apply(g, &out, y, (mode){0});
	keras_model *k = keras_trace(g, m, "own", 1, &(trace_end){in, "x"}, (trace_end){y, "score"}, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s", e.text);
	ck_assert_int_eq(count_of(k, "ZeroPadding2D"), 1);
	plan *p = plan_new(g, &y, 1, 0, &e);
	plan_run(p);
	keras_run *n = keras_run_new(k, SAMPLES, &e);
	ck_assert_msg(n, "%s", e.text);
	real got[SAMPLES * 3];
	ck_assert_msg(keras_run_predict(n, SAMPLES, (const real *const[]){x->x}, got, &e), "%s", e.text);
	for (int i = 0; i < SAMPLES * 3; i++)
		ck_assert_double_le(fabs((double)got[i] - (double)plan_value(p, y)[i]), 10 * trace_tolerance);
	keras_run_free(n);
	plan_free(p);
	keras_model_free(k);
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

START_TEST(recording_is_off_unless_asked_for)
{
	fault e = {.text = ""};
	int n;
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", SHAPE(2, 3), &e);
	op_gelu(g, graph_leaf(g, x));
	graph_calls(g, &n);
	ck_assert_int_eq(n, 0);
	graph_trace(g, true);
	graph_push(g, "here");
	node *y = op_gelu(g, graph_leaf(g, x));
	const graph_call *c = graph_calls(g, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_str_eq(c->kind, "activation");
	ck_assert_str_eq(c->path, "here");
	ck_assert(c->x == graph_leaf(g, x) && c->y == y);
	graph_free(g);
	buffer_free(x);
}
END_TEST

int main(void)
{
	const suite_test same_numbers[] = {
		{stock_generator_computes_what_ours_does, COUNT(networks)},
		{stock_discriminator_computes_what_ours_does, COUNT(networks)},
		{the_second_form_computes_what_ours_does, 7},
		{any_composition_is_traced, 1},
	};
	const suite_test form[] = {
		{users_find_inputs_output_and_map_by_name, 1},
		{every_map_has_a_name_of_its_own, 1},
		{gates_leave_no_layer_behind, 1},
		{a_gate_of_zero_is_a_kernel_of_zeros, 1},
		{a_discriminator_sums_by_a_mean_and_a_factor, 1},
		{stock_layers_refuse_by_name_and_say_what_works, COUNT(refused)},
		{the_second_form_keeps_the_layer_with_all_its_weights, COUNT(refused)},
		{the_second_form_holds_every_number_once, 11},
		{self_attention_is_written_in_the_order_of_its_class, 1},
		{recording_is_off_unless_asked_for, 1},
	};
	const suite_case cases[] = {
		{.name = "same numbers", TESTS(same_numbers)},
		{.name = "form", TESTS(form), .timeout = 60},
	};
	return suite_run_cases("trace", cases, COUNT(cases), 120);
}
