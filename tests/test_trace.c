/* test_trace.c - networks as Keras models: built again from the model, they compute the same numbers. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "keras/build.h"
#include "keras/trace.h"

enum { SAMPLES = 3 };

/* Rounding only: the same sums in another order, over some dozen layers. Double proves that it is that. */
static const double tolerance = sizeof(real) == 8 ? 1e-12 : 2e-5;

/* ---- networks ---- */

typedef struct net_row {
	const char *network;
	int size, width, classes, channels;
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
	c->d_skip_relu = true;
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

static layer_args instead(const char *type)
{
	layer_args a = {0};
	int i = layer_arg_find(layer_type_at(layer_type_find(type)), "place");
	a.set |= 1u << i;
	a.value[i] = 1;
	return a;
}

static void replaced(net_config *c)
{
	c->g_attention.at[0].args = instead(c->g_attention.at[0].variant);
	c->d_attention.at[0].args = instead(c->d_attention.at[0].variant);
}

static void set_arg(net_config *c, const char *name, double v)
{
	attention_place *p[] = {&c->g_attention.at[0], &c->d_attention.at[0]};
	for (int k = 0; k < 2; k++) {
		int i = layer_arg_find(layer_type_at(layer_type_find(p[k]->variant)), name);
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
	const layer_type *t = layer_type_at(layer_type_find(c->g_attention.at[0].variant));
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
	{"resnet", 28, 8, 10, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", 28, 8, 0, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", 32, 16, 10, 3, NULL, NULL, 0, 0, one_plus},
	{"resnet", 32, 16, 4, 1, NULL, NULL, 0, 0, bilinear},
	{"resnet", 64, 8, 3, 3, NULL, NULL, 0, 0, without_sn},
	{"resnet", 128, 8, 0, 3, NULL, NULL, 0, 0, NULL},
	{"official", 64, 8, 5, 3, NULL, NULL, 0, 0, NULL},
	{"official", 128, 4, 7, 3, NULL, NULL, 0, 0, one_plus},
	{"official", 256, 2, 2, 3, "official", "official", 32, 32, NULL},
	{"dcgan", 28, 4, 0, 1, NULL, NULL, 0, 0, NULL},
	{"dcgan", 28, 4, 10, 1, NULL, NULL, 0, 0, dcgan_norms},
	{"dcgan", 64, 8, 0, 3, NULL, NULL, 0, 0, NULL},
	{"dcgan", 32, 4, 6, 3, "plain", "plain", 8, 8, dcgan_norms},
	{"mnistgans", 28, 16, 0, 1, NULL, NULL, 0, 0, NULL},
	{"resnet", 32, 8, 3, 1, "official", "official", 16, 16, replaced},
	{"resnet", 32, 8, 0, 1, "official", "paper", 16, 16, without_pool},
	{"resnet", 32, 8, 3, 1, "paper", "plain", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "ashpy", "simplegan", 16, 16, NULL},
	{"resnet", 32, 8, 0, 1, "mnistgans", "conv2d", 8, 8, NULL},
	{"resnet", 32, 8, 0, 1, "conv2d", "mnistgans", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "se", "se", 16, 16, NULL},
	{"resnet", 32, 8, 3, 1, "se", "se", 16, 16, replaced},
	{"resnet", 32, 8, 3, 1, "mlp", "mlp", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "mlp", "mlp", 8, 8, prelu},
	{"resnet", 32, 8, 3, 1, "mlp", "mlp", 8, 8, hard_swish},
	{"resnet", 32, 8, 3, 1, "conv_position", "conv_position", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "channel_affine", "channel_affine", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "channel_affine", "channel_affine", 8, 8, added},
	{"resnet", 32, 8, 3, 1, "bias", "bias", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "layer_norm", "layer_norm", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "blur", "blur", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "bn_act", "bn_act", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "bn_act", "bn_act", 8, 8, act_first},
	{"resnet", 32, 8, 3, 1, "conv", "conv", 8, 8, NULL},
	{"resnet", 32, 8, 3, 1, "conv", "conv", 8, 8, in_groups},
	{"resnet", 32, 8, 3, 1, "conv", "conv", 8, 8, depthwise_conv},
};

static net_config config_of(const net_row *r)
{
	net_config c;
	error e;
	ck_assert_msg(net_config_default(r->network, r->size, &c, &e), "%s", e.text);
	c.g_width = c.d_width = r->width;
	c.classes = r->classes;
	c.channels = r->channels;
	if (r->g)
		c.g_attention = (attention_places){1, {{.size = r->at_g, .variant = r->g}}};
	if (r->d)
		c.d_attention = (attention_places){1, {{.size = r->at_d, .variant = r->d}}};
	if (r->more)
		r->more(&c);
	return c;
}

/* Numbers that a trained network could have: no gate is zero, no statistic is the first one. */
static void stir(module *m)
{
	rng r = rng_new(11, "stir");
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		const bool state = i >= module_params(m);
		buffer *b = state ? module_state_at(m, i - module_params(m)) : module_param_at(m, i);
		if (state && !strstr(b->name, "moving"))
			continue;
		for (int64_t k = 0; k < shape_count(&b->s); k++) {
			double v = rng_normal(&r);
			if (state)
				b->x[k] = (real)(strstr(b->name, "variance") ? 0.8 + 0.4 * v * v : 0.3 * v);
			else
				b->x[k] = b->s.rank == 0 ? (real)-0.7 : b->x[k] + (real)(0.1 * v);
		}
	}
}

/* ---- the same numbers ---- */

typedef node *(*apply_fn)(graph *g, const void *net, node *x, node *label);

static node *apply_g(graph *g, const void *net, node *x, node *label)
{
	return generator_apply(g, net, x, label, (mode){0}, NULL);
}

static node *apply_d(graph *g, const void *net, node *x, node *label)
{
	return discriminator_apply(g, net, x, label, (mode){0}, NULL);
}

/* Largest difference between the network and the model, as a share of the largest output; nothing is as large as 0. */
static double difference(const void *net, apply_fn apply, shape s, int classes, const keras_model *k, const char *what)
{
	error e = {""};
	s.dim[0] = SAMPLES;
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", s, &e), *y = buffer_new("y", SHAPE(SAMPLES), &e);
	rng r = rng_new(5, "inputs");
	rng_fill_normal(&r, x->x, shape_count(&s));
	for (int i = 0; i < SAMPLES; i++)
		y->x[i] = (real)(classes ? (i * 2 + 1) % classes : 0);
	node *out = apply(g, net, graph_leaf(g, x), classes ? graph_leaf(g, y) : NULL);
	plan *p = plan_new(g, &out, 1, 0, &e);
	ck_assert_msg(p, "%s: %s", what, e.text);
	plan_run(p);
	keras_net *n = keras_net_new(k, 2, &e);
	ck_assert_msg(n, "%s: %s", what, e.text);
	const int64_t count = shape_count(&out->s);
	const real *want = plan_value(p, out);
	real *got = malloc((size_t)count * sizeof *got);
	ck_assert_msg(keras_net_run(n, SAMPLES, (const real *const[]){x->x, y->x}, got, &e), "%s: %s", what, e.text);
	double worst = 0, largest = 0;
	for (int64_t i = 0; i < count; i++) {
		worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
		largest = fmax(largest, fabs((double)want[i]));
	}
	ck_assert_msg(largest > 1e-3 && isfinite(largest), "%s: outputs up to %g", what, largest);
	free(got);
	keras_net_free(n);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	buffer_free(y);
	return worst / fmax(largest, 1);
}

static generator *generator_of(const net_config *c)
{
	error e;
	rng r = rng_new(3, "g");
	generator *n = generator_new(c, &r, &e);
	ck_assert_msg(n, "%s", e.text);
	stir(generator_module(n));
	return n;
}

static discriminator *discriminator_of(const net_config *c)
{
	error e;
	rng r = rng_new(4, "d");
	discriminator *n = discriminator_new(c, &r, &e);
	ck_assert_msg(n, "%s", e.text);
	stir(discriminator_module(n));
	return n;
}

START_TEST(stock_generator_computes_what_ours_does)
{
	const net_row *row = &networks[_i];
	error e = {""};
	net_config c = config_of(row);
	generator *n = generator_of(&c);
	keras_model *k = keras_of_generator(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s%d %s: %s", row->network, row->size, row->g ? row->g : "", e.text);
	for (int i = 0; i < k->layers; i++)
		ck_assert_msg(!strchr(k->layer[i].class_name, '>'), "%s", k->layer[i].class_name);
	double d = difference(n, apply_g, SHAPE(1, c.latent), c.classes, k, row->network);
	ck_assert_msg(d <= tolerance, "%s%d %s: %g", row->network, row->size, row->g ? row->g : "", d);
	keras_model_free(k);
	generator_free(n);
}
END_TEST

START_TEST(stock_discriminator_computes_what_ours_does)
{
	const net_row *row = &networks[_i];
	error e = {""};
	net_config c = config_of(row);
	discriminator *n = discriminator_of(&c);
	keras_model *k = keras_of_discriminator(n, KERAS_STOCK, &e);
	ck_assert_msg(k, "%s%d %s: %s", row->network, row->size, row->d ? row->d : "", e.text);
	double d = difference(n, apply_d, SHAPE(1, c.size, c.size, c.channels), c.classes, k, row->network);
	ck_assert_msg(d <= tolerance, "%s%d %s: %g", row->network, row->size, row->d ? row->d : "", d);
	keras_model_free(k);
	discriminator_free(n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trace");
	TCase *t = tcase_create("same numbers");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, stock_generator_computes_what_ours_does, 0, COUNT(networks));
	tcase_add_loop_test(t, stock_discriminator_computes_what_ours_does, 0, COUNT(networks));
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
