/* test_export.c - a checkpoint in Keras files: read back they draw the same pictures; refused, nothing is written. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/graph/activations.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/train/trainer.h"
#include "gan/keras/run/run.h"
#include "gan/keras/export.h"
#include "gan/keras/file/read.h"
#include "tests/files.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* float32 files of a network of a dozen layers. */
#define TOLERANCE 2e-5

/* As over many steps: an average of unit vectors is shorter than one, and who draws makes it one again. */
static void shorten_vectors(module *average)
{
	for (int i = 0; i < module_states(average); i++) {
		buffer *b = module_state_at(average, i);
		const bool vector = module_role_at(average, i).kind == STATE_SN_VECTOR;
		for (int64_t k = 0; vector && k < shape_count(&b->s); k++)
			b->x[k] *= (real)0.5;
	}
}

/* A run of three steps with these settings, in dir/run.h5. */
static void train(const char *dir, const char *const *set, char path[300])
{
	fault e = {.text = ""};
	step_stats s;
	config c = tiny_config(TINY_PLAIN, set);
	dataset *data = tiny_data_of(16, c.net.size, 2);
	trainer *t = trainer_new(&c, data, &e);
	ck_assert_msg(t, "%s", e.text);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	if (trainer_ema(t))
		shorten_vectors(trainer_ema(t));
	snprintf(path, 300, "%s/run.h5", dir);
	ck_assert_msg(trainer_save(t, path, &e), "%s", e.text);
	trainer_free(t);
	dataset_free(data);
	config_free(&c);
}

static export_report exported(const char *from, const char *out, bool both, bool raw, bool layers)
{
	fault e = {.text = ""};
	export_report r;
	export_request q = {from, out, true, both, raw, layers, .onnx = layers};
	ck_assert_msg(keras_export(&q, &r, &e), "%s", e.text);
	return r;
}

/* Images of a file for the latents 0..n of a seed and labels in turn, against those of the sampler. */
static double file_against_sampler(const char *dir, const char *name, const char *from, bool raw)
{
	enum { N = 5, MOST = 28 * 28 };
	char path[400];
	fault e = {.text = ""}, warning;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	keras_model *m = keras_read(path, NULL, &e);
	keras_run *net = m ? keras_run_new(m, N, &e) : NULL;
	sampler *s = network_sampler_open(from, raw, SAMPLER_BATCH, &warning, &e);
	ck_assert_msg(net && s, "%s", e.text);
	real z[N * 8], y[N], want[N * MOST], got[N * MOST];
	ck_assert_int_le(sampler_image_size(s), MOST);
	for (int i = 0; i < N; i++) {
		request_latent(sampler_latent_size(s), 9, i, 0, z + 8 * i);
		y[i] = (real)(i % 2);
	}
	ck_assert(sampler_run(s, N, z, y, want, &e));
	ck_assert_msg(keras_run_predict(net, N, (const real *const[]){z, y}, got, &e), "%s", e.text);
	const double worst = kit_worst(got, want, N * sampler_image_size(s));
	sampler_free(s);
	keras_run_free(net);
	keras_model_free(m);
	return worst;
}

/* ---- the files ---- */

static const char *const settings[][4] = {
	{NULL},
	{"ema.bn_mode=standing", "ema.standing_batches=3", NULL},
	{"model.cbn_form=one_plus", "model.layers_g=[{at: 8, gamma: 0.5}]", NULL},
	{"model.size=[24, 16]", "model.layers_g=[{at: 8, gamma: 0.5}]", NULL},
	{"model.network=dcgan", "model.size=[16, 28]", "model.conditional=true", NULL},
};

START_TEST(files_draw_what_the_sampler_draws)
{
	char run[300];
	const char *dir = scratch_folder();
	train(dir, settings[_i], run);
	export_report r = exported(run, dir, true, false, false);
	ck_assert_int_eq(r.nets, 2);
	ck_assert_int_eq(r.net[0].files, 4);
	ck_assert_str_eq(r.warning.text, "");
	for (int i = 0; i < 2; i++) {
		ck_assert_double_le(r.net[i].difference, TOLERANCE);
		for (int k = 0; k < r.net[i].files; k++)
			ck_assert_msg(file_exists(dir, r.net[i].file[k]), "%s", r.net[i].file[k]);
	}
	ck_assert_double_le(file_against_sampler(dir, "generator.h5", run, false), TOLERANCE);
	ck_assert_double_le(file_against_sampler(dir, "generator.keras", run, false), TOLERANCE);
}
END_TEST

START_TEST(raw_is_the_trained_generator_not_its_average)
{
	char run[300];
	const char *dir = scratch_folder();
	train(dir, NULL, run);
	exported(run, dir, false, true, false);
	ck_assert_double_le(file_against_sampler(dir, "generator.h5", run, true), TOLERANCE);
	ck_assert_double_gt(file_against_sampler(dir, "generator.h5", run, false), 10 * TOLERANCE);
}
END_TEST

START_TEST(the_same_checkpoint_gives_the_same_bytes)
{
	static const char *const files[] = {
		"generator.h5", "generator.keras", "generator.weights.h5", "generator.reference.h5",
		"generator_layers.h5", "generator_layers.keras", "discriminator.h5", "discriminator.reference.h5",
		"generator.onnx", "discriminator.onnx",
	};
	char run[300], a[300], b[300];
	const char *dir = scratch_folder();
	train(dir, NULL, run);
	snprintf(a, sizeof a, "%s/a", dir);
	snprintf(b, sizeof b, "%s/b", dir);
	exported(run, a, true, false, true);
	sleep(1);                                    /* no file knows when it was made */
	exported(run, b, true, false, true);
	for (int i = 0; i < COUNT(files); i++)
		ck_assert_msg(files_equal_in(a, b, files[i]), "%s", files[i]);
}
END_TEST

/* What a layer of a config may have as its activation, the module knows by the same name. */
static void check_activations(const char *module_text)
{
#define NAME(name, function) name,
	static const char *const names[] = {ACTIVATIONS(NAME) NULL};
	char line[64];
	for (int i = 0; names[i]; i++) {
		snprintf(line, sizeof line, "\n    \"%s\": ", names[i]);
		ck_assert_msg(strstr(module_text, line), "%s", names[i]);
	}
}

START_TEST(the_second_form_brings_its_module)
{
	char run[300];
	size_t n;
	const char *dir = scratch_folder();
	train(dir, NULL, run);
	exported(run, dir, false, false, false);
	ck_assert(!file_exists(dir, "sagan_layers.py"));
	exported(run, dir, false, false, true);
	char *x = file_bytes_in(dir, "sagan_layers.py", &n);
	ck_assert_uint_eq(n, keras_layers_size);
	ck_assert(!memcmp(x, keras_layers_text, n));
	x[n] = '\0';
	ck_assert(strstr(x, "class SelfAttention2D") && x[n - 1] == '\n');
	check_activations(x);
	free(x);
}
END_TEST

/* ---- what is said ---- */

START_TEST(a_closed_gate_is_said)
{
	char run[300];
	const char *const open[] = {"model.layers_g=[{at: 8, gamma: 0.5}]", NULL};
	const char *dir = scratch_folder();
	train(dir, NULL, run);
	export_report r = exported(run, dir, true, false, false);
	ck_assert_str_eq(r.net[0].closed, "");       /* three steps open it a little */
	train(dir, (const char *const[]){"optim.lr_g=0", NULL}, run);
	r = exported(run, dir, true, false, false);
	ck_assert_str_eq(r.net[0].closed, "attention8");
	ck_assert_str_eq(r.net[1].closed, "");
	train(dir, open, run);
	r = exported(run, dir, false, false, false);
	ck_assert_str_eq(r.net[0].closed, "");
	ck_assert_str_eq(r.net[0].map, "attention_map");
}
END_TEST

START_TEST(statistics_of_the_batch_are_warned_of)
{
	char run[300];
	const char *dir = scratch_folder();
	train(dir, (const char *const[]){"ema.bn_mode=batch", NULL}, run);
	export_report r = exported(run, dir, false, false, false);
	ck_assert_msg(strstr(r.warning.text, "ema.bn_mode = batch"), "%s", r.warning.text);
}
END_TEST

START_TEST(a_refused_layer_leaves_no_file)
{
	char run[300], out[300];
	fault e = {.text = ""};
	export_report r;
	const char *dir = scratch_folder();
	train(dir, (const char *const[]){"model.layers_d=[{at: 8, type: halo}]", NULL}, run);
	snprintf(out, sizeof out, "%s/out", dir);
	export_request q = {run, out, true, true, .onnx = false};
	ck_assert(!keras_export(&q, &r, &e));
	ck_assert_msg(strstr(e.text, "attention8: layer type halo"), "%s", e.text);
	ck_assert(!file_exists(dir, "out"));
	r = exported(run, out, true, false, true);   /* the second form says it */
	ck_assert_str_eq(r.net[0].refused.text, "");
	ck_assert_str_eq(r.net[1].refused.text, e.text);
	ck_assert(file_exists(out, "generator.h5") && !file_exists(out, "discriminator.h5"));
	ck_assert(file_exists(out, "discriminator_layers.keras") && file_exists(out, "discriminator.reference.h5"));
	ck_assert(file_exists(out, "discriminator.onnx"));   /* and so does ONNX, in single operations */
	ck_assert_double_le(r.net[1].difference, TOLERANCE);
	ck_assert_double_gt(r.net[1].difference, 0);
}
END_TEST

START_TEST(wrong_places_are_one_line)
{
	char run[300], out[300];
	fault e = {.text = ""};
	export_report r;
	const char *dir = scratch_folder();
	train(dir, NULL, run);
	export_request q = {run, NULL, true, .onnx = false};
	snprintf(out, sizeof out, "%s/run.h5", dir);
	q.out = out;
	ck_assert(!keras_export(&q, &r, &e));
	ck_assert_msg(strstr(e.text, out) == e.text && !strchr(e.text, '\n'), "%s", e.text);
	q.from = "no/such";
	ck_assert(!keras_export(&q, &r, &e));
	ck_assert_msg(strstr(e.text, "no/such"), "%s", e.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{files_draw_what_the_sampler_draws, COUNT(settings)},
		{raw_is_the_trained_generator_not_its_average, 1},
		{the_same_checkpoint_gives_the_same_bytes, 1},
		{the_second_form_brings_its_module, 1},
		{a_closed_gate_is_said, 1},
		{statistics_of_the_batch_are_warned_of, 1},
		{a_refused_layer_leaves_no_file, 1},
		{wrong_places_are_one_line, 1},
	};
	return suite_run("export", tests, COUNT(tests), 120);
}
