/* test_keras_round.c - whole exports: imported and exported again they are the same files; whatever stops an export,
 * each file is whole. */
#include <check.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/local.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/train/trainer_internal.h"
#include "gan/keras/export.h"
#include "gan/keras/file/read.h"
#include "gan/keras/import/import.h"
#include "gan/keras/sample.h"
#include "gan/keras/trace/trace.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { SET_MAX = 8 };

static trainer *make(dataset *d, const char *const *set, bool fresh, enum net_side side, const char *onto)
{
	fault e = {.text = ""};
	config c = tiny_config(TINY_PLAIN, set);
	if (fresh)
		c.seed += 7;
	if (fresh)
		ck_assert_msg(keras_import_config(&c, side, &(keras_source){0}, onto, &e), "%s", e.text);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	config_free(&c);
	return t;
}

static dataset *data_for(const char *const *set)
{
	config c = tiny_config(TINY_PLAIN, set);
	dataset *d = tiny_data_of(16, c.net.size, 2);
	config_free(&c);
	return d;
}

/* A checkpoint after some steps. */
static const char *train(const char *name, const char *const *set, int steps)
{
	fault e = {.text = ""};
	step_stats s;
	dataset *d = data_for(set);
	trainer *t = make(d, set, false, NET_G, NULL);
	for (int i = 0; i < steps; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	const char *path = scratch_at(name);
	ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
	trainer_free(t);
	dataset_free(d);
	return path;
}

static bool export_to(const char *from, const char *out, fault *e)
{
	export_report r;
	const export_request q = {from, out, true, true, .layers = true, .onnx = true};
	return keras_export(&q, &r, e);
}

static void must_export(const char *from, const char *out)
{
	fault e = {.text = ""};
	ck_assert_msg(export_to(from, out, &e), "%s", e.text);
}

/* Both networks of a folder's files with this ending, into checkpoints of another start. */
static const char *import_both(const char *const *set, const char *dir, const char *ending)
{
	const char *path = scratch_at("imported.h5");
	dataset *d = data_for(set);
	for (int side = NET_G; side <= NET_D; side++) {
		fault e = {.text = ""};
		keras_imported r;
		char file[400];
		snprintf(file, sizeof file, "%s/%s%s", dir, net_side_name(side), ending);
		trainer *t = make(d, set, true, side, side == NET_D ? path : NULL);
		ck_assert_msg(side == NET_G || trainer_load(t, path, &e), "%s", e.text);
		ck_assert_msg(keras_import_file(trainer_config(t), side, trainer_module(t, side),
			side == NET_G ? trainer_ema(t) : NULL, &(keras_source){.path = file}, &r, NULL, NULL, &e),
			"%s", e.text);
		ck_assert_msg(r.same || sizeof(real) == 8, "%s: off by %g at %s", file, r.worst, r.worst_at);
		ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
		trainer_free(t);
	}
	dataset_free(d);
	return path;
}

static const char *const FILES[] = {
	"generator.h5", "generator.keras", "generator.weights.h5", "generator.onnx", "generator.reference.h5",
	"discriminator.h5", "discriminator.keras", "discriminator.weights.h5", "discriminator.onnx",
	"discriminator.reference.h5",
	"generator_layers.h5", "generator_layers.keras", "discriminator_layers.h5", "discriminator_layers.keras",
	"sagan_layers.py",
};

static const char *in(const char *dir, const char *name, char path[400])
{
	snprintf(path, 400, "%s/%s", dir, name);
	return path;
}

/* ---- round trips ---- */

/* Gates shut, open, below zero; biases of zero; statistics of three kinds; sigmas on and off. */
static const char *const SETTINGS[][SET_MAX] = {
	{NULL},
	{"optim.lr_g=0", "optim.lr_d=0", NULL},
	{"model.layers_g=[{at: 8, gamma: -0.5}]", "model.layers_d=[{at: 8, gamma: 1e-4}]", NULL},
	{"ema.bn_mode=standing", "ema.standing_batches=3", NULL},
	{"ema.bn_mode=batch", "model.cbn_form=one_plus", NULL},
	{"model.spectral_norm_g=false", "model.attention=plain", NULL},
	{"model.modulation=latent", "model.conditional=true", NULL},
	{"model.modulation=chunks", "model.latent=11", "model.cbn_sn=true", NULL},
	{"model.network=dcgan", "model.conditional=true", "model.modulation=chunks", NULL},
	{"model.size=[24, 16]", "model.layers_g=[{at: 8, gamma: -0.5}]", NULL},
	{"model.network=dcgan", "model.size=[16, 28]", "model.conditional=true", "model.layers_d=[{at: 8, gamma: 1}]",
	 NULL},
};

/* Of the stock form the second form cannot come back: gates and sigmas are in the kernels for good. */
START_TEST(imported_networks_export_the_same_files)
{
	static const char *const ending[] = {".keras", "_layers.keras", ".h5", ".weights.h5", "_layers.h5"};
	const int other = _i - 2 * COUNT(SETTINGS);          /* the other endings of the first settings */
	const char *const *set = SETTINGS[other < 0 ? _i / 2 : 0], *with = ending[other < 0 ? _i % 2 : 2 + other];
	const char *first = scratch_at("first"), *again = scratch_at("again");
	must_export(train("run.h5", set, 3), first);
	must_export(import_both(set, first, with), again);
	for (int i = 0; sizeof(real) == 4 && i < COUNT(FILES); i++)
		if (*with == '_' || !strstr(FILES[i], "_layers."))
			ck_assert_msg(files_equal_in(first, again, FILES[i]), "%s: %s differs", with, FILES[i]);
}
END_TEST

/* Weights alone do not say of which form they are; both layouts of both forms. */
START_TEST(weights_alone_find_their_form)
{
	static const char *const file[] = {
		"generator.keras", "generator.h5", "generator_layers.keras", "generator_layers.h5",
	};
	fault e = {.text = ""};
	char path[400];
	keras_imported r;
	const char *dir = scratch_at("files");
	dataset *d = tiny_data(16, 16, 2);
	must_export(train("run.h5", NULL, 2), dir);
	trainer *t = make(d, NULL, true, NET_G, NULL);
	keras_model *from = keras_read(in(dir, file[_i], path), &(keras_read_options){.weights_only = true}, &e);
	ck_assert_msg(from && !from->topology, "%s", e.text);
	ck_assert_msg(keras_import_network(t->g, from, &r, NULL, NULL, &e), "%s: %s", file[_i], e.text);
	ck_assert_msg(r.same || sizeof(real) == 8, "%s: off by %g at %s", file[_i], r.worst, r.worst_at);
	keras_model_free(from);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

static void draw(sampler *s, real *x)
{
	fault e = {.text = ""};
	const sample_request q = {.n = 8, .seed = 3, .label = -1};
	ck_assert_ptr_nonnull(s);
	ck_assert_msg(request_run(s, &q, x, &e), "%s", e.text);
	sampler_free(s);
}

/* Whatever ema.bn_mode says, an imported generator draws what the file draws. */
START_TEST(imported_networks_draw_what_their_file_draws)
{
	static const char *const sets[][SET_MAX] = {
		{"ema.bn_mode=running", NULL}, {"ema.bn_mode=batch", NULL},
		{"ema.bn_mode=standing", "ema.standing_batches=2", NULL}, {"model.size=[16, 24]", NULL},
	};
	const char *first = scratch_at("first");
	char file[400];
	static real x[8 * 16 * 24], y[8 * 16 * 24];
	fault e = {.text = ""}, warning;
	must_export(train("run.h5", sets[_i], 3), first);
	const char *path = import_both(sets[_i], first, ".keras");
	draw(keras_sampler_open(in(first, "generator.keras", file), NULL, 4, &e), x);
	draw(network_sampler_open(path, false, 4, &warning, &e), y);
	for (int i = 0; i < COUNT(x); i++)
		ck_assert_double_le(fabs((double)x[i] - (double)y[i]), 1e-5);
}
END_TEST

/* A bias of zero is not left as it was, as what a gate that is shut hides would be. */
START_TEST(zeros_behind_an_open_gate_are_imported)
{
	fault e = {.text = ""};
	keras_imported r;
	net_config c;
	ck_assert(net_config_default("resnet", net_square(28), &c, &e));
	c.g_width = c.d_width = 8;
	c.d_layers.layer[0].type = layer_type_named("plain");
	ck_assert_msg(net_config_check(&c, &e), "%s", e.text);
	rng stream = rng_new(1, "a");
	network *n[2] = {network_new(&c, NET_D, &stream, &e), network_new(&c, NET_D, &stream, &e)};
	for (int k = 0; k < 2; k++) {
		module *m = network_module(n[k]);
		for (int i = 0; i < module_params(m); i++) {
			buffer *b = module_param_at(m, i);
			const size_t len = strlen(b->name);
			const bool bias = len > 4 && !strcmp(b->name + len - 4, "bias");
			for (int64_t j = 0; j < shape_count(&b->s) && (bias || b->s.rank == 0); j++)
				b->x[j] = bias ? (real)k : (real)0.5;
		}
	}
	keras_model *from = keras_of_network(n[0], KERAS_STOCK, &e);
	ck_assert(keras_import_network(n[1], from, &r, NULL, NULL, &e));
	ck_assert_msg(r.worst < 1e-6, "off by %g at %s", r.worst, r.worst_at);
	keras_model_free(from);
	network_free(n[0]);
	network_free(n[1]);
}
END_TEST

/* ---- what stops an export ---- */

/* Each file is that of `a` or of `b`; how many are of b. Temporary files only where `killed`. */
static int whole_files(const char *dir, const char *a, const char *b, bool killed)
{
	int of_b = 0;
	for (int i = 0; i < COUNT(FILES); i++) {
		const bool new = files_equal_in(dir, b, FILES[i]);
		ck_assert_msg(new || files_equal_in(dir, a, FILES[i]), "%s is neither the old nor the new one",
			FILES[i]);
		of_b += new;
	}
	int entries = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		entries += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !(killed && strstr(e->d_name, ".tmp"));
	closedir(d);
	ck_assert_int_eq(entries, COUNT(FILES));
	return of_b;
}

typedef struct exports {
	const char *a, *b, *from_b, *dir;            /* two exports, the second one's checkpoint, where it shall go */
} exports;

static exports two_exports(void)
{
	static const char *const other[] = {"seed=9", NULL};
	exports x = {scratch_at("a"), scratch_at("b"), train("b.h5", other, 2), scratch_at("out")};
	const char *from_a = train("a.h5", NULL, 2);
	must_export(from_a, x.a);
	must_export(x.from_b, x.b);
	must_export(from_a, x.dir);
	return x;
}

/* A limit on the size of files stops the write in the middle, as a full disk does. */
START_TEST(a_full_disk_leaves_whole_files)
{
	static const size_t limit[] = {512, 20000, 60000, 200000};
	const exports x = two_exports();
	fault e = {.text = ""};
	disk_full(limit[_i]);
	const bool ok = export_to(x.from_b, x.dir, &e);
	disk_free();
	const int of_b = whole_files(x.dir, x.a, x.b, false);
	ck_assert(ok == (of_b == COUNT(FILES)));
	ck_assert_msg(ok || (!strncmp(e.text, x.dir, strlen(x.dir)) && strstr(e.text, "cannot write")
		&& !strchr(e.text, '\n')), "%s", e.text);
	ck_assert_msg(ok || _i < 3, "%s", e.text);
	ck_assert(!ok || _i > 0);
}
END_TEST

/* Killed after ever longer times, until one export comes to its end. */
START_TEST(a_kill_leaves_whole_files)
{
	const exports x = two_exports();
	int seen = 0, status = -1;
	for (int us = 2000; status != 0; us += us / 3) {
		const pid_t pid = fork();
		if (pid == 0)
			_exit(export_to(x.from_b, x.dir, NULL) ? 0 : 1);
		nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000L}, NULL);
		kill(pid, SIGKILL);
		ck_assert(waitpid(pid, &status, 0) == pid);
		const int of_b = whole_files(x.dir, x.a, x.b, true);
		ck_assert(of_b >= seen);
		seen = of_b;
	}
	ck_assert_int_eq(seen, COUNT(FILES));
}
END_TEST

/* Places that cannot be written: one line that names them, and nothing beside. */
START_TEST(places_that_cannot_be_written_are_named)
{
	fault e = {.text = ""};
	struct stat s;
	char path[400];
	const char *run = train("run.h5", NULL, 1), *dir = scratch_at("out");
	static const char *const bad[] = {"/proc/none", "/dev/null/none"};
	for (int i = 0; i < COUNT(bad); i++) {
		ck_assert(!export_to(run, bad[i], &e));
		ck_assert_msg(!strncmp(e.text, bad[i], strlen(bad[i])) && !strchr(e.text, '\n'), "%s", e.text);
	}
	ck_assert(mkdir(dir, 0777) == 0 && mkdir(in(dir, "generator.h5", path), 0777) == 0);
	ck_assert(!export_to(run, dir, &e));
	ck_assert_msg(!strncmp(e.text, path, strlen(path)) && !strchr(e.text, '\n'), "%s", e.text);
	ck_assert(stat(path, &s) == 0 && S_ISDIR(s.st_mode));
	DIR *d = opendir(dir);
	for (struct dirent *x; (x = readdir(d));)
		ck_assert_msg(!strstr(x->d_name, ".tmp"), "%s", x->d_name);
	closedir(d);
}
END_TEST

int main(void)
{
	const suite_test round[] = {
		{imported_networks_export_the_same_files, 2 * COUNT(SETTINGS) + 3},
		{weights_alone_find_their_form, 4},
		{imported_networks_draw_what_their_file_draws, 4},
		{zeros_behind_an_open_gate_are_imported, 1},
	}, stopped[] = {
		{a_full_disk_leaves_whole_files, 4},
		{a_kill_leaves_whole_files, 1},
		{places_that_cannot_be_written_are_named, 1},
	};
	const suite_case cases[] = {
		{.name = "round trips", TESTS(round)},
		{.name = "stopped", TESTS(stopped)},
	};
	return suite_run_cases("keras round", cases, COUNT(cases), 240);
}
