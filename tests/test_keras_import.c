/* test_keras_import.c - a network exported, imported into another one and exported again: the same bytes; and what
 * does not fit is refused before anything changes. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"
#include "gan/config/config_apply.h"
#include "gan/keras/file/read.h"
#include "gan/keras/model/json.h"
#include "gan/keras/run/run.h"
#include "gan/keras/run/values.h"
#include "gan/keras/file/write.h"
#include "gan/keras/import/import.h"
#include "gan/keras/sample.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/keras/trace/trace.h"
#include "tests/files.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

typedef struct net_row {
	const char *network;
	net_size size;
	int classes, width;
	const char *attention;                       /* NULL: the network's own */
	enum cond_form form;
	bool sn_g, sn_tables;
} net_row;

static const net_row nets[] = {
	{"resnet", {32, 32}, 10, 8, NULL, COND_TABLE, true, false},
	{"resnet", {32, 32}, 10, 8, NULL, COND_ONE_PLUS, true, true},
	{"resnet", {28, 28}, 0, 8, NULL, COND_TABLE, false, false},
	{"resnet", {28, 28}, 5, 8, "plain", COND_TABLE, true, false},
	{"resnet", {28, 28}, 5, 8, "ashpy", COND_TABLE, true, false},
	{"resnet", {28, 28}, 5, 8, "simplegan", COND_TABLE, true, false},
	{"dcgan", {32, 32}, 0, 8, NULL, COND_TABLE, false, false},
	{"official", {64, 64}, 3, 8, NULL, COND_TABLE, true, false},
	{"mnistgans", {28, 28}, 0, 16, NULL, COND_TABLE, true, false},
	{"resnet", {24, 16}, 3, 8, NULL, COND_TABLE, true, false},
	{"dcgan", {16, 28}, 0, 8, NULL, COND_TABLE, true, false},
};

static const net_row squeezed = {"resnet", {32, 32}, 0, 16, "se", COND_TABLE, true, false};

static net_config config_of(const net_row *r)
{
	net_config c;
	fault e;
	ck_assert_msg(net_config_default(r->network, r->size, &c, &e), "%s", e.text);
	c.classes = r->classes;
	c.g_width = c.d_width = r->width;
	c.latent = 16;
	c.cbn_form = r->form;
	c.cbn_sn = r->sn_tables;
	c.g_sn = r->sn_g;
	for (int i = 0; r->attention && i < c.g_layers.n; i++)
		c.g_layers.layer[i].type = layer_type_named(r->attention);
	for (int i = 0; r->attention && i < c.d_layers.n; i++)
		c.d_layers.layer[i].type = layer_type_named(r->attention);
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
	network *g, *d;
} pair;

static pair make(const net_row *r, uint64_t seed, double gate)
{
	const net_config c = config_of(r);
	rng stream = rng_new(seed, "init");
	fault e;
	pair p = {network_new(&c, NET_G, &stream, &e), NULL};
	ck_assert_msg(p.g != NULL, "%s", e.text);
	p.d = network_new(&c, NET_D, &stream, &e);
	ck_assert_msg(p.d != NULL, "%s", e.text);
	stir(network_module(p.g), seed, gate);
	stir(network_module(p.d), seed, -gate);
	return p;
}

static void drop(pair p)
{
	network_free(p.g);
	network_free(p.d);
}

static keras_model *trace(const pair *p, bool g, enum keras_form form)
{
	fault e;
	keras_model *m = keras_of_network(g ? p->g : p->d, form, &e);
	ck_assert_msg(m != NULL, "%s", e.text);
	return m;
}

static bool import(const pair *p, bool g, keras_model *from, keras_imported *out, fault *e)
{
	return keras_import_network(g ? p->g : p->d, from, out, NULL, NULL, e);
}

static void round_trip(const net_row *r, bool g, enum keras_form form, double gate)
{
	fault e;
	keras_imported done;
	pair a = make(r, 1, gate), b = make(r, 2, 0.3);
	keras_model *first = trace(&a, g, form), *moved = trace(&a, g, form);
	ck_assert_msg(import(&b, g, moved, &done, &e), "%s", e.text);
	ck_assert_msg(done.same, "%s %d %s %s: off by %g at %s", r->network, r->size.h,
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
	static const double gate[] = {0, -1.7, 1e-3, 40, 3e-9};
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

/* A native file calls weights 0, 1, ..; reading leaves it so in layers of classes that it does not know. */
START_TEST(weights_that_are_only_numbered_find_their_layers)
{
	fault e;
	keras_imported done;
	pair a = make(&nets[0], 1, 0.6), b = make(&nets[0], 2, 0.3);
	keras_model *m = trace(&a, _i, KERAS_LAYERS);
	for (int i = 0; i < m->layers; i++)
		for (int k = 0; k < m->layer[i].weights; k++)
			snprintf(m->layer[i].weight[k].name, KERAS_NAME, "%d", k);
	ck_assert_msg(import(&b, _i, m, &done, &e), "%s", e.text);
	ck_assert_msg(done.same, "off by %g at %s", done.worst, done.worst_at);
	keras_model_free(m);
	drop(a);
	drop(b);
}
END_TEST

/* As a file of weights alone is read. */
static void forget_settings(keras_model *m)
{
	for (int i = 0; i < m->layers; i++)
		m->layer[i].class_name[0] = '\0';
	m->topology = false;
}

/* Squeeze and excitation ends in a product, into which no gate can be folded: it is the scale of a layer, left out when
 * it is 1. */
START_TEST(gates_in_settings_come_back)
{
	static const double gate[] = {0.37, 1, 0, -2.5};
	round_trip(&squeezed, true, KERAS_STOCK, gate[_i]);
	round_trip(&squeezed, false, KERAS_STOCK, gate[_i]);
}
END_TEST

START_TEST(gates_that_weights_do_not_tell_are_asked_for)
{
	fault e;
	keras_imported done;
	pair a = make(&squeezed, 1, 0.6);
	keras_model *m = trace(&a, true, KERAS_STOCK);
	forget_settings(m);
	ck_assert(!import(&a, true, m, &done, &e));
	ck_assert_msg(strstr(e.text, "/gamma is its scale, which the file does not tell"), "%s", e.text);
	keras_model_free(m);
	drop(a);
}
END_TEST

/* What a model predicts for latents or images and labels of a seed: [4, ..], to be freed; *n numbers. */
static real *predict(const keras_model *m, int64_t *n)
{
	fault e;
	keras_run *k = keras_run_new(m, 4, &e);
	ck_assert_msg(k != NULL, "%s", e.text);
	real *in[2] = {NULL};
	rng r = rng_new(9, "predict");
	for (int i = 0; i < keras_run_inputs(k); i++) {
		const shape s = keras_run_input_shape(k, i);
		in[i] = malloc((size_t)(4 * shape_count(&s)) * sizeof(real));
		rng_fill_normal(&r, in[i], 4 * shape_count(&s));
		for (int j = 0; j < 4 && keras_run_classes(k, i); j++)
			in[i][j] = (real)(j % keras_run_classes(k, i));
	}
	const shape out = keras_run_output_shape(k);
	*n = 4 * shape_count(&out);
	real *y = malloc((size_t)*n * sizeof *y);
	ck_assert_msg(keras_run_predict(k, 4, (const real *const *)in, y, &e), "%s", e.text);
	free(in[0]);
	free(in[1]);
	keras_run_free(k);
	return y;
}

/* Gates, tables and norms folded in, or as layers of their own. */
START_TEST(both_forms_predict_the_same)
{
	const bool g = _i % 2;
	pair p = make(&nets[_i / 2], 3, 0.8);
	keras_model *stock = trace(&p, g, KERAS_STOCK), *layers = trace(&p, g, KERAS_LAYERS);
	int64_t n, m;
	real *x = predict(stock, &n), *y = predict(layers, &m);
	double worst = 0, most = 1;
	ck_assert_int_eq(n, m);
	for (int64_t i = 0; i < n; i++) {
		worst = MAX(worst, fabs((double)x[i] - (double)y[i]));
		most = MAX(most, fabs((double)x[i]));
	}
	ck_assert_double_le(worst, (sizeof(real) == 4 ? 2e-4 : 1e-12) * most);
	free(x);
	free(y);
	keras_model_free(stock);
	keras_model_free(layers);
	drop(p);
}
END_TEST

/* ---- files and checkpoints ---- */

/* A trainer's generator (the averaged one) or discriminator in a file of the kind. */
static void export_file(trainer *t, bool g, int kind, const char *path)
{
	static bool (*const write[])(const keras_model *m, const char *path, fault *e) = {
		keras_write_h5, keras_write_archive, keras_write_weights,
	};
	fault e;
	net_config c;
	rng start = rng_new(0, "x");
	ck_assert(config_network(trainer_config(t), &c, &e));
	network *n = network_new(&c, g ? NET_G : NET_D, &start, &e);
	ck_assert_msg(n != NULL, "%s", e.text);
	module_copy(network_module(n), g ? trainer_ema(t) : trainer_module(t, NET_D));
	keras_model *m = keras_of_network(n, KERAS_STOCK, &e);
	ck_assert_msg(m && write[kind](m, path, &e), "%s", e.text);
	keras_model_free(m);
	network_free(n);
}

static trainer *tiny_trainer(dataset *d, const char *seed)
{
	fault e;
	const char *const set[] = {"ema.bn_mode=running", seed, NULL};
	config c = tiny_config(TINY_FULL, set);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	config_free(&c);
	return t;
}

static const char *in_dir(const char *dir, const char *name, char path[300])
{
	snprintf(path, 300, "%s/%s", dir, name);
	return path;
}

static const char *const kinds[] = {"net.h5", "net.keras", "net.weights.h5"};

static void draw(sampler *s, real *x)
{
	const sample_request q = {.n = 9, .seed = 3, .label = -1, .truncation = 0.7};
	fault e;
	ck_assert_ptr_nonnull(s);
	ck_assert(request_run(s, &q, x, &e));
	sampler_free(s);
}

/* Trained, exported, imported, saved as a checkpoint, loaded: the same file again, the same images, and training goes
 * on. */
START_TEST(files_become_checkpoints_and_the_same_files)
{
	enum { PIXELS = 9 * 16 * 16 };
	char file[300], again[300], checkpoint[300], original[300];
	static real x[PIXELS], y[PIXELS], z[PIXELS];
	const bool g = _i % 2 == 0;
	const int kind = _i / 2;
	fault e = {.text = ""}, warning;
	keras_imported r;
	step_stats stats;
	const char *dir = scratch_folder();
	dataset *d = tiny_data(12, 16, 2);
	trainer *t = tiny_trainer(d, "seed=5"), *u = tiny_trainer(d, "seed=6");
	for (int k = 0; k < 3; k++)
		ck_assert_msg(trainer_step(t, &stats, &e), "%s", e.text);
	export_file(t, g, kind, in_dir(dir, kinds[kind], file));
	const enum net_side side = g ? NET_G : NET_D;
	ck_assert_msg(keras_import_file(trainer_config(u), side, trainer_module(u, side), g ? trainer_ema(u) : NULL,
		&(keras_source){.path = file}, &r, NULL, NULL, &e), "%s", e.text);
	ck_assert_msg(r.same || sizeof(real) == 8, "off by %g at %s", r.worst, r.worst_at);
	ck_assert(trainer_save(u, in_dir(dir, "checkpoint-00000000.h5", checkpoint), &e));
	trainer_free(u);
	u = tiny_trainer(d, "seed=6");
	ck_assert_msg(trainer_load(u, checkpoint, &e), "%s", e.text);
	snprintf(again, sizeof again, "%s/again%s", dir, kinds[kind] + 3);
	export_file(u, g, kind, again);
	ck_assert(files_equal(file, again));
	if (g) {
		ck_assert(trainer_save(t, in_dir(dir, "original.h5", original), &e));
		draw(network_sampler_open(original, false, 4, &warning, &e), x);
		draw(network_sampler_open(checkpoint, false, 4, &warning, &e), y);
		ck_assert_double_le(kit_worst(x, y, PIXELS), 2e-6);
		if (kind < 2) {
			draw(keras_sampler_open(file, NULL, 4, &e), z);
			ck_assert_double_le(kit_worst(x, z, PIXELS), 2e-6);
		}
	}
	ck_assert_msg(trainer_step(u, &stats, &e), "%s", e.text);
	trainer_free(t);
	trainer_free(u);
	dataset_free(d);
}
END_TEST

/* ---- what is refused ---- */

static void count_line(void *ctx, const char *text)
{
	(void)text;
	++*(int *)ctx;
}

/* A file of another width: every layer is listed, and nothing has changed. */
START_TEST(another_width_is_listed_and_changes_nothing)
{
	fault e;
	keras_imported done;
	net_row wide = nets[0];
	int lines = 0;
	wide.width = 16;
	pair a = make(&wide, 1, 0.5), b = make(&nets[0], 2, 0.5);
	keras_model *before = trace(&b, true, KERAS_STOCK), *from = trace(&a, true, KERAS_STOCK);
	ck_assert(!keras_import_network(b.g, from, &done, count_line, &lines, &e));
	ck_assert_int_ge(lines, 10);
	ck_assert_ptr_nonnull(strstr(e.text, "Shape mismatch in layer #"));
	keras_model *after = trace(&b, true, KERAS_STOCK);
	for (int i = 0; i < before->layers; i++)
		for (int k = 0; k < before->layer[i].weights; k++)
			ck_assert_mem_eq(before->layer[i].weight[k].x, after->layer[i].weight[k].x,
				(size_t)shape_count(&before->layer[i].weight[k].s) * sizeof(real));
	keras_model_free(before);
	keras_model_free(after);
	keras_model_free(from);
	drop(a);
	drop(b);
}
END_TEST

/* A setting that no weight shows: the file's network would say something else. Nothing has changed. */
START_TEST(another_setting_is_refused_and_changes_nothing)
{
	static const struct {
		const char *class, *key, *word;
		double number;
		const char *told;
	} rows[] = {
		{"Activation", "activation", "sigmoid", 0, ": activation is sigmoid in the file, tanh here"},
		{"BatchNormalization", "epsilon", NULL, 1e-2, ": epsilon is 0.01 in the file, 0.0001 here"},
		{"UpSampling2D", "interpolation", "bilinear", 0,
		 ": interpolation is bilinear in the file, nearest here"},
		{"ReLU", "negative_slope", NULL, 0.5, ""},
		{"MaxPooling2D", NULL, NULL, 0, ": AveragePooling2D in the file, MaxPooling2D here"},
	};
	fault e;
	keras_imported done;
	pair a = make(&nets[0], 1, 0.5), b = make(&nets[0], 2, 0.5);
	keras_model *from = trace(&a, true, KERAS_STOCK), *before = trace(&b, true, KERAS_STOCK);
	int changed = 0;
	for (int i = 0; i < from->layers; i++) {
		if (strcmp(from->layer[i].class_name, rows[_i].class) != 0)
			continue;
		changed++;
		if (!rows[_i].key)
			strcpy(from->layer[i].class_name, "AveragePooling2D");
		else if (rows[_i].word)
			ck_assert(keras_set_text(from, i, rows[_i].key, rows[_i].word, &e));
		else
			ck_assert(keras_set_float(from, i, rows[_i].key, rows[_i].number, &e));
	}
	ck_assert_int_ge(changed, 1);
	ck_assert(!import(&b, true, from, &done, &e));
	ck_assert_msg(strstr(e.text, "computes something else than the config's") && strstr(e.text, rows[_i].told),
		"%s", e.text);
	keras_model *after = trace(&b, true, KERAS_STOCK);
	for (int i = 0; i < before->layers; i++)
		for (int k = 0; k < before->layer[i].weights; k++)
			ck_assert_mem_eq(before->layer[i].weight[k].x, after->layer[i].weight[k].x,
				(size_t)shape_count(&before->layer[i].weight[k].s) * sizeof(real));
	keras_model_free(before);
	keras_model_free(after);
	keras_model_free(from);
	drop(a);
	drop(b);
}
END_TEST

/* The same weights in images of other sides are refused, and nothing has changed. */
START_TEST(images_of_another_size_are_refused)
{
	static const net_row tall = {"resnet", {24, 16}, 0, 8, NULL, COND_TABLE, true, false},
		wide = {"resnet", {16, 24}, 0, 8, NULL, COND_TABLE, true, false};
	static const char *const want[] = {
		"the file's discriminator takes images of [24,16,3], the config's of [16,24,3]: set model.size and "
		"model.channels",
		"the file's generator makes images of [24,16,3], the config's of [16,24,3]: set model.size and "
		"model.channels",
	};
	for (int k = 0; k < 4; k++) {
		const bool g = k % 2;
		fault e = {.text = ""};
		keras_imported done;
		pair a = make(&tall, 1, 0.5), b = make(&wide, 2, 0.3);
		keras_model *from = trace(&a, g, k < 2 ? KERAS_STOCK : KERAS_LAYERS);
		const module *m = network_module(g ? b.g : b.d);
		const size_t bytes = (size_t)module_block_size(m) * sizeof(real);
		real *before = malloc(bytes);
		memcpy(before, module_param_block(m), bytes);
		ck_assert(!import(&b, g, from, &done, &e));
		ck_assert_str_eq(e.text, want[g]);
		ck_assert_mem_eq(module_param_block(m), before, bytes);
		free(before);
		keras_model_free(from);
		drop(a);
		drop(b);
	}
}
END_TEST

/* A kernel that was never under spectral norm: the report says which and by how much. */
START_TEST(what_spectral_norm_cannot_say_is_reported)
{
	fault e;
	keras_imported done;
	pair a = make(&nets[0], 1, 0.5), b = make(&nets[0], 2, 0.5);
	keras_model *from = trace(&a, true, KERAS_STOCK);
	const int i = keras_find(from, "dense");
	ck_assert_int_ge(i, 0);
	for (int64_t k = 0; k < shape_count(&from->layer[i].weight[0].s); k++)
		from->layer[i].weight[0].x[k] *= (real)0.001;
	ck_assert_msg(keras_import_network(b.g, from, &done, NULL, NULL, &e), "%s", e.text);
	ck_assert(!done.same);
	ck_assert_str_eq(done.worst_at, "dense/kernel");
	ck_assert_double_gt(done.worst, 100);
	keras_model_free(from);
	drop(a);
	drop(b);
}
END_TEST

START_TEST(files_that_are_no_generator_are_not_drawn_from)
{
	static const struct {
		const char *file, *want;
	} row[] = {
		{"tests/golden/keras/discriminator-sn-keras3.3.keras", "no generator"},
		{"tests/golden/keras/generator-cond-keras3.3.weights.h5",
		 "there is no network in it (--model FILE.json gives it)"},
		{"tests/golden/keras/none.keras", "No such file"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		fault e;
		ck_assert_ptr_null(keras_sampler_open(row[i].file, NULL, 2, &e));
		ck_assert_msg(strstr(e.text, row[i].want) != NULL, "%s", e.text);
		ck_assert_int_eq(strncmp(e.text, row[i].file, strlen(row[i].file)), 0);
	}
}
END_TEST

/* ---- what the numbers of a generator mean ---- */

/* The layers behind Dense(12) and Reshape((2, 2, 3)), in JSON with ' for ". */
typedef struct tail {
	const char *layers, *activation;
	double lo, hi;
	const char *decided;
} tail;

#define ACT(name) "{'class_name': 'Activation', 'config': {'name': 'a', 'activation': '" name "'}}"
#define RESCALE(s, o) "{'class_name': 'Rescaling', 'config': {'name': 'r', 'scale': " s ", 'offset': " o "}}"
#define OP(name, arg, op) "{'class_name': 'ops>" op "', 'config': {'name': '" name "', " arg "}}"

static const tail tails[] = {
	{ACT("sigmoid"), "sigmoid", 0, 1, "range: 0..1, by the last activation, sigmoid"},
	{ACT("tanh"), "tanh", -1, 1, "range: -1..1, by the last activation, tanh"},
	{ACT("tanh") ", " RESCALE("0.5", "0.5"), "tanh", 0, 1, "range: 0..1, by the last activation, tanh"},
	{ACT("sigmoid") ", " RESCALE("255", "0"), "sigmoid", 0, 255, "range: 0..255, by the last activation, sigmoid"},
	{ACT("tanh") ", " OP("b", "'x2': 1", "Add") ", " OP("c", "'x2': 2", "TrueDivide"), "tanh", 0, 1,
	 "range: 0..1, by the last activation, tanh"},
	{OP("b", "'dtype': 'float32'", "Tanh") ", " OP("c", "'x2': 127.5", "Multiply") ", "
	 OP("f", "'x1': 127.5", "Subtract"),
	 "tanh", 0, 255, "range: 0..255, by the last activation, tanh"},
	{ACT("sigmoid") ", " OP("b", "'x2': 2", "Multiply") ", " OP("c", "'x_min': 0, 'x_max': 1", "Clip"), "sigmoid",
	 0, 1, "range: 0..1, by the last activation, sigmoid"},
	{ACT("sigmoid") ", {'class_name': 'UpSampling2D', 'config': {'name': 'u', 'size': [2, 2]}}", "sigmoid", 0, 1,
	 "range: 0..1, by the last activation, sigmoid"},
	{ACT("sigmoid") ", " RESCALE("3", "0"), "sigmoid", 0, 3, "range: "},          /* no range: the statistic */
	{ACT("relu"), NULL, 0, 0, "range: "},
	{ACT("linear"), NULL, 0, 0, "range: "},
	{ACT("tanh") ", {'class_name': 'Dense', 'config': {'name': 'e', 'units': 3}}", NULL, 0, 0, "range: "},
};

/* A generator of Z = 4 with random weights; new/free. */
static keras_model *generator_with(const tail *t)
{
	static const char form[] = "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
		"{'class_name': 'InputLayer', "
		"'config': {'name': 'z', 'batch_input_shape': [null, 4], 'dtype': 'float32'}}, "
		"{'class_name': 'Dense', 'config': {'name': 'd', 'units': 12}}, "
		"{'class_name': 'Reshape', 'config': {'name': 'map', 'target_shape': [2, 2, 3]}}, %s]}}";
	char text[2000];
	bool refused;
	static keras_wants wants[16];
	fault e = {.text = ""};
	rng stream = rng_new(5, "generator");
	ck_assert_int_lt(snprintf(text, sizeof text, form, t->layers), (int)sizeof text);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	keras_model *m = keras_from_json(text, strlen(text), &e);
	ck_assert_msg(m && keras_run_wants(m, wants, &refused, &e), "%s: %s", t->layers, e.text);
	for (int i = 0; i < m->layers; i++)
		for (int k = 0; k < wants[i].n; k++) {
			ck_assert(keras_add_weight(m, i, wants[i].w[k].name, wants[i].w[k].s, NULL, &e));
			for (int64_t j = 0; j < shape_count(&wants[i].w[k].s); j++)
				m->layer[i].weight[k].x[j] = (real)rng_normal(&stream);
		}
	return m;
}

START_TEST(the_last_activation_gives_the_bounds)
{
	const tail *t = &tails[_i];
	keras_model *m = generator_with(t);
	const keras_values v = keras_output_values(m);
	ck_assert_msg(!v.activation == !t->activation, "%s: %s", t->layers, v.activation ? v.activation : "none");
	ck_assert_msg(!v.activation || !strcmp(v.activation, t->activation), "%s: %s", t->layers, v.activation);
	ck_assert_msg(!v.activation || (v.lo == t->lo && v.hi == t->hi), "%s: %g..%g", t->layers, v.lo, v.hi);
	keras_model_free(m);
}
END_TEST

/* What a sampler draws is what the file computes, its black at -1 and its white at 1. */
START_TEST(images_are_drawn_in_the_range_of_the_generator)
{
	enum { N = 9, PIXELS = 12 };
	static const struct {
		int tail;
		enum data_range asked;
		double black, white;
		const char *decided;
	} row[] = {
		{0, RANGE_AUTO, 0, 1, "by the last activation, sigmoid"}, {1, RANGE_AUTO, -1, 1, "tanh"},
		{2, RANGE_AUTO, 0, 1, "tanh"}, {0, RANGE_SIGNED, -1, 1, "range: -1..1, as asked for"},
		{0, RANGE_0_255, 0, 255, "range: 0..255, as asked for"},
	};
	fault e = {.text = ""};
	static real x[N * PIXELS], y[N * PIXELS], z[N * 4];
	for (int i = 0; i < COUNT(row); i++) {
		keras_model *m = generator_with(&tails[row[i].tail]);
		keras_drawing d = {.range = row[i].asked};
		ck_assert_msg(keras_write_archive(m, scratch_at("g.keras"), &e), "%s", e.text);
		draw(keras_sampler_open(scratch_at("g.keras"), &d, 4, &e), x);
		ck_assert_msg(strstr(d.decided, row[i].decided), "%s", d.decided);
		for (int k = 0; k < N; k++)
			request_latent(4, 3, k, 0.7, z + 4 * k);
		const real *in[] = {z};
		keras_run *n = keras_run_new(m, N, &e);
		ck_assert(n && keras_run_predict(n, N, in, y, &e));
		for (int k = 0; k < N * PIXELS; k++)
			ck_assert_double_eq_tol(x[k],
				2 * (y[k] - row[i].black) / (row[i].white - row[i].black) - 1, 1e-6);
		keras_run_free(n);
		keras_model_free(m);
	}
}
END_TEST

/* Without bounds a statistic decides, and says so. */
START_TEST(without_bounds_a_statistic_decides)
{
	fault e = {.text = ""};
	for (int i = 8; i < 11; i++) {
		keras_model *m = generator_with(&tails[i]);
		keras_drawing d = {.range = RANGE_AUTO};
		ck_assert_msg(keras_write_archive(m, scratch_at("g.keras"), &e), "%s", e.text);
		sampler *s = keras_sampler_open(scratch_at("g.keras"), &d, 4, &e);
		ck_assert_msg(s && !strncmp(d.decided, "range: ", 7) && !strstr(d.decided, "by the last"), "%s",
			d.decided);
		sampler_free(s);
		keras_model_free(m);
	}
}
END_TEST

/* Weights alone, and the text of model.to_json() beside them. */
START_TEST(the_json_of_a_network_goes_with_weights_alone)
{
	fault e = {.text = ""};
	keras_model *m = generator_with(&tails[0]);
	char *text = keras_json(m, KERAS_WRAP_ARCHIVE, &e);
	ck_assert(text && keras_write_weights(m, scratch_at("g.weights.h5"), &e));
	FILE *f = fopen(scratch_at("g.json"), "w");
	ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
	const keras_read_options o = {.json = scratch_at("g.json")};
	keras_model *again = keras_read(scratch_at("g.weights.h5"), &o, &e);
	ck_assert_msg(again && again->topology && again->layers == m->layers, "%s", e.text);
	for (int i = 0; i < 48; i++)                 /* files of Keras hold float32 */
		ck_assert((float)again->layer[1].weight[0].x[i] == (float)m->layer[1].weight[0].x[i]);
	keras_model_free(again);
	ck_assert_ptr_null(keras_read(scratch_at("g.json"), NULL, &e));
	ck_assert_msg(strstr(e.text, "the JSON of a network, without weights"), "%s", e.text);
	ck_assert_ptr_null(keras_read(scratch_at("g.weights.h5"),
		&(keras_read_options){.json = scratch_at("g.weights.h5")}, &e));
	ck_assert_msg(strstr(e.text, "no JSON of a network"), "%s", e.text);
	ck_assert_ptr_null(keras_read(scratch_at("g.weights.h5"),
		&(keras_read_options){.json = scratch_at("none.json")}, &e));
	ck_assert_msg(strstr(e.text, "none.json: No such file"), "%s", e.text);
	free(text);
	keras_model_free(m);
}
END_TEST

/* Keras' own generators, not square: images of the file's size, one class or all. */
START_TEST(keras_own_generators_are_drawn_from)
{
	fault e;
	sampler *s = keras_sampler_open("tests/golden/keras/generator-cond-keras3.15.keras", NULL, 3, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	const shape want = SHAPE(12, 16, 3), got = sampler_image_shape(s);
	ck_assert(shape_equal(&want, &got));
	ck_assert_int_eq(sampler_classes(s), 4);
	ck_assert(!sampler_gaze(s, &e) && strstr(e.text, "generator-cond-keras3.15.keras: of this kind"));
	ck_assert(!sampler_take(s, NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "stays what it is"));
	static real all[8 * 12 * 16 * 3], one[2 * 12 * 16 * 3];
	sample_request q = {.n = 8, .seed = 1, .label = -1};
	ck_assert(request_run(s, &q, all, &e));
	q.n = 2;
	q.label = 0;
	ck_assert(request_run(s, &q, one, &e));
	ck_assert_double_le(kit_worst(all, one, 12 * 16 * 3), 2e-6);
	q.label = 4;
	ck_assert(!request_run(s, &q, one, &e));
	sampler_free(s);
}
END_TEST

int main(void)
{
	const suite_test round_trips[] = {
		{what_is_imported_exports_the_same, 2 * COUNT(nets)},
		{gates_that_are_shut_or_wide_come_back, 5},
		{the_second_form_is_imported_too, 2},
		{weights_that_are_only_numbered_find_their_layers, 2},
		{gates_in_settings_come_back, 4},
		{both_forms_predict_the_same, 2 * COUNT(nets)},
		{files_become_checkpoints_and_the_same_files, 6},
	};
	const suite_test refused_and_drawn_from[] = {
		{another_width_is_listed_and_changes_nothing, 1},
		{another_setting_is_refused_and_changes_nothing, 5},
		{images_of_another_size_are_refused, 1},
		{what_spectral_norm_cannot_say_is_reported, 1},
		{gates_that_weights_do_not_tell_are_asked_for, 1},
		{files_that_are_no_generator_are_not_drawn_from, 1},
		{the_last_activation_gives_the_bounds, COUNT(tails)},
		{images_are_drawn_in_the_range_of_the_generator, 1},
		{without_bounds_a_statistic_decides, 1},
		{the_json_of_a_network_goes_with_weights_alone, 1},
		{keras_own_generators_are_drawn_from, 1},
	};
	const suite_case cases[] = {
		{.name = "round trips", TESTS(round_trips), .timeout = 300},
		{.name = "refused and drawn from", TESTS(refused_and_drawn_from)},
	};
	return suite_run_cases("keras import", cases, COUNT(cases), 120);
}
