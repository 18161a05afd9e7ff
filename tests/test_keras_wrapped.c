/* test_keras_wrapped.c - native files that are laid out in another way than the model they are for: inside
 * SpectralNormalization, inside models inside models. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/keras/file/match.h"
#include "gan/keras/file/read.h"
#include "gan/keras/import/import.h"
#include "gan/keras/trace/trace.h"
#include "tests/suite.h"

/* ---- SpectralNormalization in the file, plain layers in the model ---- */

/* A model whose wrapped layers are plain, without weights. */
static void unwrap(keras_model *m)
{
	for (int i = 0; i < m->layers; i++) {
		keras_layer *l = &m->layer[i];
		if (!strcmp(l->class_name, "SpectralNormalization"))
			snprintf(l->class_name, sizeof l->class_name, "%s", keras_text(l, "layer", ""));
		for (int k = 0; k < l->values; k++)  /* what a plain layer has no use for becomes what it ignores */
			if (!strcmp(l->value[k].key, "layer"))
				snprintf(l->value[k].key, sizeof l->value[k].key, "registered_name");
		for (int k = 0; k < l->weights; k++)
			free(l->weight[k].x);
		l->weights = 0;
	}
}

static keras_model *read_model(const char *path)
{
	fault e;
	keras_model *m = keras_read(path, NULL, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

/* All weights of `got` are the first ones of the layers of the same names. */
static void check_same(const keras_model *got, const keras_model *want)
{
	int weights = 0;
	for (int i = 0; i < got->layers; i++) {
		const keras_layer *l = &got->layer[i], *from = &want->layer[keras_find(want, l->name)];
		ck_assert_int_le(l->weights, from->weights);
		for (int k = 0; k < l->weights; k++, weights++) {
			ck_assert(shape_equal(&l->weight[k].s, &from->weight[k].s));
			ck_assert_msg(!memcmp(l->weight[k].x, from->weight[k].x,
				(size_t)shape_count(&l->weight[k].s) * sizeof(real)), "%s", l->name);
		}
	}
	ck_assert_int_gt(weights, 3);
}

/* Real files, of versions without the layers' names and with them. */
START_TEST(wrapped_layers_of_keras_files_find_plain_ones)
{
	static const char *const version[] = {"2.15", "3.3", "3.15"};
	char weights[128], whole[128];
	fault e;
	snprintf(weights, sizeof weights, "tests/golden/keras/discriminator-sn-keras%s.weights.h5", version[_i / 2]);
	snprintf(whole, sizeof whole, "tests/golden/keras/discriminator-sn-keras%s.keras", version[_i / 2]);
	keras_model *want = read_model(whole), *plain = read_model(whole), *from = read_model(weights);
	unwrap(plain);
	for (int i = 0; _i % 2 && i < plain->layers; i++)            /* names do not help */
		snprintf(plain->layer[i].name, KERAS_LAYER, "x%d", i);
	ck_assert_msg(keras_match(plain, from, NULL, NULL, &e), "%s", e.text);
	for (int i = 0; i < plain->layers; i++)
		snprintf(plain->layer[i].name, KERAS_LAYER, "%s", want->layer[i].name);
	check_same(plain, want);
	keras_model_free(want);
	keras_model_free(plain);
	keras_model_free(from);
}
END_TEST

/* ---- files made here ---- */

/* A chain of Dense layers with these units, z [units[0]] -> .., layer k called names[k]. */
static keras_model *chain(int n, const char *const *names, const int *units)
{
	fault e;
	keras_model *m = keras_model_new("chain", &e);
	int at = keras_add_input(m, "z", SHAPE(units[0]), "float32", &e);
	for (int k = 0; k < n; k++) {
		at = keras_add(m, "Dense", names[k], 1, &at, &e);
		ck_assert_msg(at >= 0, "%s", e.text);
		ck_assert(keras_set_int(m, at, "units", units[k + 1], &e)
			&& keras_set_bool(m, at, "use_bias", true, &e));
	}
	ck_assert(keras_set_output(m, at, &e));
	return m;
}

/* kernel and bias of layer k of the chain under a path: value 100 k + i, 1000 k + i. */
static void put_dense(h5 *f, const char *path, const int *units, int k)
{
	enum { MOST = 64 };
	real w[MOST], b[MOST];
	char at[300];
	fault e;
	ck_assert_int_le(units[k] * units[k + 1], MOST);
	for (int i = 0; i < MOST; i++) {
		w[i] = (real)(100 * k + i);
		b[i] = (real)(1000 * k + i);
	}
	snprintf(at, sizeof at, "%s/vars/0", path);
	ck_assert_msg(h5_write_real(f, at, SHAPE(units[k], units[k + 1]), w, &e), "%s", e.text);
	snprintf(at, sizeof at, "%s/vars/1", path);
	ck_assert_msg(h5_write_real(f, at, SHAPE(units[k + 1]), b, &e), "%s", e.text);
}

static void put_wrapped(h5 *f, const char *path, const int *units, int k)
{
	char at[300];
	real x[64] = {1};
	fault e;
	snprintf(at, sizeof at, "%s/vars/0", path);
	ck_assert_msg(h5_write_real(f, at, SHAPE(units[k], units[k + 1]), x, &e), "%s", e.text);
	snprintf(at, sizeof at, "%s/vars/1", path);
	ck_assert_msg(h5_write_real(f, at, SHAPE(1, units[k + 1]), x, &e), "%s", e.text);
	snprintf(at, sizeof at, "%s/layer", path);
	put_dense(f, at, units, k);
}

/* The chain's layer k has the numbers of put_dense. */
static void check_chain(const keras_model *m, int n, const int *units)
{
	for (int k = 0; k < n; k++) {
		const keras_layer *l = &m->layer[k + 1];
		ck_assert_int_eq(l->weights, 2);
		ck_assert_int_eq(l->weight[1].s.dim[0], units[k + 1]);
		ck_assert_msg(l->weight[0].x[1] == (real)(100 * k + 1) && l->weight[1].x[0] == (real)(1000 * k),
			"%s has %g", l->name, (double)l->weight[0].x[1]);
	}
}

/* Path k of the file for layer k of the chain; a path that begins with '*' is wrapped. */
static bool chain_from(int n, const char *const *names, const char *const *path, const int *units, fault *e)
{
	const char *file = scratch_at("net.weights.h5");
	h5 *f = h5_create(file, e);
	ck_assert_ptr_nonnull(f);
	for (int k = 0; k < n; k++) {
		char at[300];
		snprintf(at, sizeof at, "/layers/%s", path[k] + (*path[k] == '*'));
		(*path[k] == '*' ? put_wrapped : put_dense)(f, at, units, k);
	}
	ck_assert(h5_commit(f, e));
	keras_model *w = read_model(file), *m = chain(n, names, units);
	const bool ok = keras_match(m, w, NULL, NULL, e);
	if (ok)
		check_chain(m, n, units);
	keras_model_free(w);
	keras_model_free(m);
	return ok;
}

static const char *const flat[] = {"a", "b", "c", "d"};

START_TEST(which_layers_are_wrapped_shows_in_their_shapes)
{
	static const struct {
		const char *path[4];
		int units[5];
		const char *wrong;
	} row[] = {
		{{"dense", "*spectral_normalization", "dense_1", "*spectral_normalization_1"}, {3, 4, 5, 4, 2}, NULL},
		{{"*spectral_normalization", "*spectral_normalization_1", "*spectral_normalization_2", "dense"},
		 {4, 4, 4, 4, 2}, NULL},
		{{"*spectral_normalization", "*spectral_normalization_1", "*spectral_normalization_2",
		  "*spectral_normalization_3"}, {4, 4, 4, 4, 4}, NULL},
		{{"*spectral_normalization", "*spectral_normalization_1", "dense", "dense_1"}, {4, 4, 4, 4, 4},
		 "more than one way"},
		{{"dense", "*spectral_normalization", "dense_1", "dense_2"}, {4, 5, 5, 5, 5}, "more than one way"},
		{{"dense", "*spectral_normalization", "dense_1", "lstm"}, {3, 4, 5, 4, 2}, "no way"},
	};
	fault e;
	const bool ok = chain_from(4, flat, row[_i].path, row[_i].units, &e);
	ck_assert_msg(ok == !row[_i].wrong, "%s", ok ? "taken" : e.text);
	ck_assert_msg(ok || strstr(e.text, row[_i].wrong), "%s", e.text);
}
END_TEST

/* ---- models in models ---- */

START_TEST(models_two_deep_find_their_groups)
{
	static const struct {
		const char *name[5], *path[5];
	} row[] = {
		{{"gan.g.a", "gan.g.b", "gan.c", "d", "e"},
		 {"functional/layers/functional/layers/dense", "functional/layers/functional/layers/dense_1",
		  "functional/layers/dense", "dense", "dense_1"}},
		{{"gan.g.a", "gan.d.b", "gan.d.c", "x.d", "x.y.z.e"},
		 {"sequential/layers/functional_1/layers/dense", "sequential/layers/functional/layers/dense",
		  "sequential/layers/functional/layers/dense_1", "functional/layers/dense",
		  "functional/layers/sequential/layers/sequential/layers/dense"}},
	};
	static const int units[] = {3, 4, 5, 6, 7, 8};
	fault e;
	const char *path[5];
	for (int k = 0; k < 5; k++)
		path[k] = row[_i].path[k];
	ck_assert_msg(chain_from(5, row[_i].name, path, units, &e), "%s", e.text);
	path[0] = "functional/layers/functional/layers/dense_7";
	ck_assert(!chain_from(5, row[_i].name, path, units, &e));
	ck_assert_msg(strstr(e.text, "nested model ") != NULL, "%s", e.text);
}
END_TEST

/* Wrapped layers inside a model, whose plain ones are in a file of wrapped ones. */
START_TEST(wrapped_layers_in_models_are_found)
{
	static const char *const name[] = {"gan.g.a", "gan.g.b", "gan.c"};
	static const char *const path[] = {"*functional/layers/functional/layers/spectral_normalization",
		"functional/layers/functional/layers/dense", "*functional/layers/spectral_normalization"};
	static const int units[] = {3, 4, 5, 6};
	fault e;
	ck_assert_msg(chain_from(3, name, path, units, &e), "%s", e.text);
}
END_TEST

/* ---- into a network of ours ---- */

/* The trace as Keras writes it with SpectralNormalization around all that has a kernel. */
static void write_wrapped(const keras_model *m, const char *file)
{
	int order[256], wrappers = 0, norms = 0;
	fault e;
	ck_assert_int_le(m->layers, COUNT(order));
	ck_assert(keras_order(m, order, &e));
	h5 *f = h5_create(file, &e);
	for (int o = 0; o < m->layers; o++) {
		const keras_layer *l = &m->layer[order[o]];
		const bool norm = !strcmp(l->class_name, "BatchNormalization");
		char key[200], path[300], number[16] = "";
		int *count = norm ? &norms : &wrappers;
		if (!l->weights)
			continue;
		if (*count)
			snprintf(number, sizeof number, "_%d", *count);
		++*count;
		snprintf(key, sizeof key, "/layers/%s%s", norm ? "batch_normalization" : "spectral_normalization",
			number);
		for (int k = 0; k < l->weights; k++) {
			snprintf(path, sizeof path, "%s%s/vars/%d", key, norm ? "" : "/layer", k);
			ck_assert(h5_write_real(f, path, l->weight[k].s, l->weight[k].x, &e));
		}
		const real *x = l->weight[0].x;
		const int64_t last = shape_last(&l->weight[0].s);
		snprintf(path, sizeof path, "%s/vars/0", key);
		ck_assert(norm || h5_write_real(f, path, l->weight[0].s, x, &e));
		snprintf(path, sizeof path, "%s/vars/1", key);
		ck_assert(norm || h5_write_real(f, path, SHAPE(1, last), x, &e));
	}
	ck_assert(h5_commit(f, &e));
}

START_TEST(a_wrapped_network_is_imported)
{
	net_config c;
	fault e;
	keras_imported done;
	ck_assert(net_config_default("resnet", net_square(28), &c, &e));
	c.classes = 5;
	c.g_width = c.d_width = 8;
	ck_assert(net_config_check(&c, &e));
	rng first = rng_new(1, "a"), second = rng_new(2, "b");
	const enum net_side side = _i ? NET_G : NET_D;
	network *a = network_new(&c, side, &first, &e), *b = network_new(&c, side, &second, &e);
	ck_assert(a && b);
	keras_model *m = keras_of_network(a, KERAS_STOCK, &e);
	const char *file = scratch_at("net.weights.h5");
	write_wrapped(m, file);
	keras_model *from = read_model(file);
	ck_assert_msg(keras_import_network(b, from, &done, NULL, NULL, &e), "%s", e.text);
	ck_assert_msg(done.same || sizeof(real) == 8, "off by %g at %s", done.worst, done.worst_at);
	ck_assert_double_le(done.worst, 1e-6);
	keras_model_free(m);
	keras_model_free(from);
	network_free(a);
	network_free(b);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{wrapped_layers_of_keras_files_find_plain_ones, 6},
		{which_layers_are_wrapped_shows_in_their_shapes, 6},
		{models_two_deep_find_their_groups, 2},
		{wrapped_layers_in_models_are_found, 1},
		{a_wrapped_network_is_imported, 2},
	};
	return suite_run("keras wrapped", tests, COUNT(tests), 120);
}
