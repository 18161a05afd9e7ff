/* test_keras_import.c - a network exported, imported into another one and exported again: the same bytes; and what
 * does not fit is refused before anything changes. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "keras/files.h"
#include "keras/import.h"
#include "keras/trace.h"

typedef struct net_row {
	const char *network;
	int size, classes, width;
	const char *attention;                       /* NULL: the network's own */
	enum cond_form form;
	bool sn_g, sn_tables;
} net_row;

static const net_row nets[] = {
	{"resnet", 32, 10, 8, NULL, COND_TABLE, true, false},
	{"resnet", 32, 10, 8, NULL, COND_ONE_PLUS, true, true},
	{"resnet", 28, 0, 8, NULL, COND_TABLE, false, false},
	{"resnet", 28, 5, 8, "plain", COND_TABLE, true, false},
	{"resnet", 28, 5, 8, "ashpy", COND_TABLE, true, false},
	{"resnet", 28, 5, 8, "simplegan", COND_TABLE, true, false},
	{"dcgan", 32, 0, 8, NULL, COND_TABLE, false, false},
	{"official", 64, 3, 8, NULL, COND_TABLE, true, false},
	{"mnistgans", 28, 0, 16, NULL, COND_TABLE, true, false},
};

static net_config config_of(const net_row *r)
{
	net_config c;
	error e;
	ck_assert_msg(net_config_default(r->network, r->size, &c, &e), "%s", e.text);
	c.classes = r->classes;
	c.g_width = c.d_width = r->width;
	c.latent = 16;
	c.cbn_form = r->form;
	c.cbn_sn = r->sn_tables;
	c.g_sn = r->sn_g;
	for (int i = 0; r->attention && i < c.g_attention.n; i++)
		c.g_attention.at[i].variant = r->attention;
	for (int i = 0; r->attention && i < c.d_attention.n; i++)
		c.d_attention.at[i].variant = r->attention;
	ck_assert_msg(net_config_check(&c, &e), "%s %s: %s", r->network, r->attention ? r->attention : "", e.text);
	return c;
}

/* As after some training: nothing is where it started, gates are open (some negative). */
static void stir(module *m, uint64_t seed, double gate)
{
	rng r = rng_new(seed, "stir");
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		buffer *b = i < module_params(m) ? module_param_at(m, i) : module_state_at(m, i - module_params(m));
		const size_t n = strlen(b->name);
		const bool u = n > 2 && !strcmp(b->name + n - 2, "/u");
		for (int64_t k = 0; !u && k < shape_count(&b->s); k++)
			b->x[k] += (real)(0.05 * fabs(rng_normal(&r)));
		if (b->s.rank == 0)
			*b->x = (real)gate;
	}
}

typedef struct pair {
	generator *g;
	discriminator *d;
} pair;

static pair make(const net_row *r, uint64_t seed, double gate)
{
	const net_config c = config_of(r);
	rng stream = rng_new(seed, "init");
	error e;
	pair p = {generator_new(&c, &stream, &e), NULL};
	ck_assert_msg(p.g != NULL, "%s", e.text);
	p.d = discriminator_new(&c, &stream, &e);
	ck_assert_msg(p.d != NULL, "%s", e.text);
	stir(generator_module(p.g), seed, gate);
	stir(discriminator_module(p.d), seed, -gate);
	return p;
}

static void drop(pair p)
{
	generator_free(p.g);
	discriminator_free(p.d);
}

static keras_model *trace(const pair *p, bool g, enum keras_form form)
{
	error e;
	keras_model *m = g ? keras_of_generator(p->g, form, &e) : keras_of_discriminator(p->d, form, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

static bool import(const pair *p, bool g, keras_model *from, keras_imported *out, error *e)
{
	return g ? keras_import_generator(p->g, from, out, NULL, NULL, e)
		 : keras_import_discriminator(p->d, from, out, NULL, NULL, e);
}

static void round_trip(const net_row *r, bool g, enum keras_form form, double gate)
{
	error e;
	keras_imported done;
	pair a = make(r, 1, gate), b = make(r, 2, 0.3);
	keras_model *first = trace(&a, g, form), *moved = trace(&a, g, form);
	ck_assert_msg(import(&b, g, moved, &done, &e), "%s", e.text);
	ck_assert_msg(done.same, "%s %d %s %s: off by %g at %s", r->network, r->size,
		r->attention ? r->attention : "", g ? "G" : "D", done.worst, done.worst_at);
	keras_model *again = trace(&b, g, form);
	for (int i = 0; i < first->layers; i++)
		for (int k = 0; k < first->layer[i].weights; k++) {
			const keras_weight *v = &first->layer[i].weight[k], *w = &again->layer[i].weight[k];
			ck_assert_mem_eq(v->x, w->x, (size_t)shape_count(&v->s) * sizeof(real));
		}
	keras_model_free(first);
	keras_model_free(moved);
	keras_model_free(again);
	drop(a);
	drop(b);
}

START_TEST(what_is_imported_exports_the_same)
{
	const net_row *r = &nets[_i / 2];
	round_trip(r, _i % 2, KERAS_STOCK, 0.6);
}
END_TEST

START_TEST(gates_that_are_shut_or_wide_come_back)
{
	static const double gate[] = {0, -1.7, 1e-3, 40};
	round_trip(&nets[0], true, KERAS_STOCK, gate[_i]);
	round_trip(&nets[0], false, KERAS_STOCK, gate[_i]);
}
END_TEST

START_TEST(the_second_form_is_imported_too)
{
	round_trip(&nets[_i], true, KERAS_LAYERS, -0.6);
	round_trip(&nets[_i], false, KERAS_LAYERS, -0.6);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keras import");
	TCase *t = tcase_create("round trips");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, what_is_imported_exports_the_same, 0, 2 * COUNT(nets));
	tcase_add_loop_test(t, gates_that_are_shut_or_wide_come_back, 0, 4);
	tcase_add_loop_test(t, the_second_form_is_imported_too, 0, 2);
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	const int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
