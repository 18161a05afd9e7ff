/* test_old_checkpoints.c - checkpoints and configs of version 0.1.0 (tests/golden/v0.1.0): this program goes on from
 * them, samples and exports them, and takes every setting as that version meant it. */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/source.h"
#include "gan/checkpoint/saved.h"
#include "gan/keras/export.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/train/trainer_internal.h"
#include "tests/files.h"
#include "tests/suite.h"

#define FOLDER "tests/golden/v0.1.0/"

/* Two steps of training and a forward pass. Means and roots of mean squares of an array, relative to the latter. Where
 * sums are taken in another order, a gradient near zero may change its sign, which Adam turns into a whole step of the
 * rate, 1e-4 in G: seen at biases, which start at zero (2.6e-5). ADAM is what that may come to over an array. */
#define TOLERANCE 2e-3
#define ADAM 5e-5
/* A bias before a norm of the batch has no gradient but roundings (its mean below NOISE): Adam then walks two steps of
 * some 4e-4 in D, in directions that say nothing. */
#define NOISE 1e-6
#define WALK 8e-4

static const char *const NAMES[] = {"resnet", "dcgan", "mnistgans28", "official64", "layers"};

/* ---- what there is ---- */

/* The checkpoint, unpacked. */
static const char *unpacked(const char *name)
{
	enum { MOST = 1 << 20 };
	char from[128], to[64];
	fault e = {.text = ""};
	snprintf(from, sizeof from, FOLDER "%s.h5.gz", name);
	snprintf(to, sizeof to, "%s.h5", name);
	source *s = source_open(NULL, from, &e);
	uint8_t *bytes = malloc(MOST);
	const int64_t n = s ? source_read_some(s, bytes, MOST, &e) : -1;
	ck_assert_msg(n > 0 && n < MOST, "%s", e.text);
	FILE *f = fopen(scratch_at(to), "wb");
	ck_assert(f && fwrite(bytes, 1, (size_t)n, f) == (size_t)n && fclose(f) == 0);
	source_close(s);
	free(bytes);
	return scratch_at(to);
}

/* What 0.1.0 made of it: a line "name mean rms"; `bits` has a hexadecimal number. */
typedef struct told {
	char name[160];
	double mean, rms;
	uint64_t bits;
} told;
enum { TOLD_MAX = 256 };

static int read_told(const char *name, told *out)
{
	char path[128], line[256];
	int n = 0;
	snprintf(path, sizeof path, FOLDER "%s.txt", name);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	for (; fgets(line, sizeof line, f); n++) {
		told *t = &out[n];
		ck_assert_int_lt(n, TOLD_MAX);
		*t = (told){.bits = 0};
		const bool good = sscanf(line, "bits %" SCNx64, &t->bits) == 1
			|| sscanf(line, "%159s %lf %lf", t->name, &t->mean, &t->rms) == 3;
		ck_assert_msg(good, "%s: %s", path, line);
	}
	fclose(f);
	return n;
}

static const told *told_of(const told *t, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(t[i].name, name) == 0)
			return &t[i];
	return NULL;
}

/* ---- the state ---- */

static uint64_t fnv(uint64_t h, const void *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)x)[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Of every item by itself, added up: the order does not matter. */
static uint64_t bits_of(const state_list *l)
{
	uint64_t sum = 0;
	for (int k = 0; k < l->n; k++) {
		const state_item *s = &l->item[k];
		if (s->optional)                     /* 0.1.0 had none */
			continue;
		uint64_t h = fnv(UINT64_C(0xcbf29ce484222325), s->path, strlen(s->path));
		for (int64_t i = 0; i < shape_count(&s->s); i++) {
			const float f = s->type == ARRAY_REAL ? (float)((real *)s->x)[i] : 0;
			h = s->type == ARRAY_REAL ? fnv(h, &f, sizeof f) : fnv(h, (char *)s->x + 8 * i, 8);
		}
		sum += h;
	}
	return sum;
}

static double element(const state_item *s, int64_t i)
{
	return s->type == ARRAY_REAL ? (double)((real *)s->x)[i]
		: s->type == ARRAY_F64 ? ((double *)s->x)[i] : (double)((int64_t *)s->x)[i];
}

/* What the optimiser keeps of "/discriminator/a/bias": m or v; NULL when it has none. */
static const told *moment_of(const told *t, int n, const char *name, char moment)
{
	char path[200];
	const char *rest = strchr(name + 1, '/');
	if (!rest)
		return NULL;
	snprintf(path, sizeof path, "/optimizer%.*s/%c%s", (int)(rest - name), name, moment, rest);
	return told_of(t, n, path);
}

/* Whether its gradients are noise, by their mean, or without one (beta1 = 0) by the mean of their squares. */
static bool is_noise(const told *t, int n, const char *name)
{
	const told *m = moment_of(t, n, name, 'm'), *v = moment_of(t, n, name, 'v');
	return m ? m->rms < NOISE : v && sqrt(v->rms) < NOISE;
}

/* Against what was told of it. */
static void compare(const char *name, const told *t, bool noise, double sum, double squares, int64_t n)
{
	const double mean = sum / (double)n, rms = sqrt(squares / (double)n);
	const bool stepped = strncmp(t->name, "/optimizer/", 11) != 0 && strncmp(t->name, "/random/", 8) != 0;
	const double most = TOLERANCE * t->rms + (noise ? WALK : stepped ? ADAM : 1e-6);
	ck_assert_msg(fabs(mean - t->mean) <= most && fabs(rms - t->rms) <= most,
		      "%s %s: mean %.9g, rms %.9g; 0.1.0 had %.9g, %.9g", name, t->name, mean, rms, t->mean, t->rms);
}

static void compare_state(const char *name, const state_list *l, const told *t, int n)
{
	int of_then = 0;
	for (int k = 0; k < l->n; k++) {
		const state_item *s = &l->item[k];
		if (s->optional)
			continue;
		of_then++;
		const told *then = told_of(t, n, s->path);
		double sum = 0, squares = 0;
		ck_assert_msg(then != NULL, "%s: 0.1.0 had no %s", name, s->path);
		for (int64_t i = 0; i < shape_count(&s->s); i++) {
			sum += element(s, i);
			squares += element(s, i) * element(s, i);
		}
		compare(name, then, is_noise(t, n, s->path), sum, squares, shape_count(&s->s));
	}
	ck_assert_int_eq(of_then, n - 2);            /* without the lines bits and images */
}

/* ---- the tests ---- */

START_TEST(training_goes_on_as_it_did)
{
	fault e = {.text = ""};
	checkpoint_info info;
	config c;
	step_stats stats;
	told t[TOLD_MAX];
	const char *path = unpacked(NAMES[_i]);
	const int n = read_told(NAMES[_i], t);
	ck_assert_msg(checkpoint_read_info(path, &info, &e) && saved_config(&info, &c, &e), "%s", e.text);
	trainer *run = trainer_new(&c, NULL, &e);
	ck_assert_msg(run && trainer_load(run, path, &e), "%s", e.text);
	state_list l = {0};
	ck_assert(trainer_list(run, &l, &e));
	ck_assert_msg(bits_of(&l) == t[0].bits, "%s: loaded %016" PRIx64 ", 0.1.0 %016" PRIx64, NAMES[_i], bits_of(&l),
		      t[0].bits);
	state_list_free(&l);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(trainer_step(run, &stats, &e), "%s", e.text);
	l = (state_list){0};
	ck_assert(trainer_list(run, &l, &e));
	compare_state(NAMES[_i], &l, t, n);
	state_list_free(&l);
	trainer_free(run);
	config_free(&c);
	checkpoint_info_free(&info);
}
END_TEST

/* With standing statistics of batches of 64, as its command drew them. */
START_TEST(samples_are_the_ones_it_drew)
{
	fault e = {.text = ""}, warning;
	told t[TOLD_MAX];
	const int told_n = read_told(NAMES[_i], t);
	sampler *s = network_sampler_open(unpacked(NAMES[_i]), false, 4, &warning, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	const sample_request r = {.n = 4, .seed = 1, .label = -1};
	const int64_t n = 4 * sampler_image_size(s);
	real *x = malloc((size_t)n * sizeof *x), *z = malloc(4 * (size_t)sampler_latent_size(s) * sizeof *z), label[4];
	double sum = 0, squares = 0;
	ck_assert_msg(request_latents(s, &r, z, label, &e), "%s", e.text);
	for (int k = 0; k < 4; k++)                  /* 0.1.0 drew two classes as two rows */
		label[k] = (real)(sampler_classes(s) == 2 ? k / 2 : label[k]);
	ck_assert_msg(sampler_run(s, 4, z, label, x, &e), "%s", e.text);
	free(z);
	for (int64_t i = 0; i < n; i++) {
		sum += (double)x[i];
		squares += (double)x[i] * (double)x[i];
	}
	compare(NAMES[_i], told_of(t, told_n, "images"), false, sum, squares, n);
	free(x);
	sampler_free(s);
}
END_TEST

START_TEST(both_networks_are_exported)
{
	fault e = {.text = ""};
	export_report r;
	const export_request q = {.from = unpacked(NAMES[_i]), .out = scratch_at("exported"), .generator = true,
		.discriminator = true, .layers = true};
	ck_assert_msg(keras_export(&q, &r, &e), "%s", e.text);
	ck_assert_int_eq(r.nets, 2);
	for (int k = 0; k < r.nets; k++) {
		ck_assert_int_gt(r.net[k].files, 0);
		ck_assert_msg(r.net[k].difference < 1e-4, "%s %s: %g", NAMES[_i], r.net[k].name, r.net[k].difference);
	}
}
END_TEST

/* Its checksum, sums of 64 bits, is still compared. */
START_TEST(its_checksum_is_still_compared)
{
	fault e = {.text = ""};
	checkpoint_info info;
	const char *path = unpacked("dcgan");
	ck_assert_msg(checkpoint_verify(path, &e), "%s", e.text);
	ck_assert_msg(checkpoint_read_info(path, &info, &e), "%s", e.text);
	ck_assert(info.format == 1 && strlen(info.checksum) == 16 && strlen(info.arrays) == 16);
	checkpoint_info_free(&info);
	size_t n;
	int seen = 0;
	unsigned char *x = file_bytes(path, &n);
	for (size_t at = n / 3; at < n; at += n / 50) {      /* some of these are no numbers, but room between them */
		x[at] ^= 1;
		file_store(path, x, n);
		seen += !checkpoint_verify(path, &e) && strstr(e.text, "damaged: its contents give checksum ");
		x[at] ^= 1;
	}
	ck_assert_int_gt(seen, 4);
	free(x);
}
END_TEST

/* 0.1.0 took `bn_momentum: 0` for 0.9 and `sn_eps: 0` for 1e-6. Its runs go on so; a config of today means what it
 * says. */
START_TEST(a_zero_means_what_it_meant)
{
	static const char say_zero[] = "model: {bn_momentum: 0}\n";
	fault e = {.text = ""};
	checkpoint_info info;
	config c;
	ck_assert_msg(checkpoint_read_info(unpacked("resnet"), &info, &e), "%s", e.text);
	ck_assert(strstr(info.config, "\n  bn_momentum: 0\n") && strstr(info.config, "\n  sn_eps: 0\n"));
	ck_assert_msg(saved_config(&info, &c, &e), "%s", e.text);
	ck_assert(c.net.bn_keep == 0.9 && c.net.sn_eps == 1e-6 && c.net.bn_last_keep == 0);
	config_free(&c);
	checkpoint_info_free(&info);
	config_init(&c);
	ck_assert(config_parse(&c, say_zero, strlen(say_zero), "a.yaml", &e) && config_check(&c, &e));
	ck_assert(c.net.bn_keep == 0);
	config_free(&c);
}
END_TEST

/* `network: dcgan` was another network in 0.1.0. A run that it started goes on with what it has. */
START_TEST(a_run_keeps_what_the_config_leaves_to_the_network)
{
	static const char text[] = "model: {network: dcgan, size: 8, leaky: 0.3}\n";
	fault e = {.text = ""}, kept;
	config c;
	char to[600];
	const char *from = unpacked("dcgan");
	snprintf(to, sizeof to, "%s", scratch_at("run/checkpoint-00000002.h5"));
	ck_assert_int_eq(rename(from, to), 0);
	config_init(&c);
	ck_assert(config_parse(&c, text, strlen(text), "a.yaml", &e) && config_check(&c, &e));
	ck_assert(!c.net.d_sn && c.net.d_batch_norm && c.net.init == NET_N02);
	saved_follow(scratch_at("none"), &c, &kept);
	ck_assert(!kept.text[0] && !c.net.d_sn);
	saved_follow(scratch_at("run"), &c, &kept);
	ck_assert(config_check(&c, &e));
	ck_assert(c.net.d_sn && !c.net.d_batch_norm && c.net.init == NET_XAVIER);
	ck_assert(c.net.d_slope == 0.3);             /* given, so it stays, and is refused by the run */
	ck_assert_msg(strstr(kept.text, "model.spectral_norm_d true (not false), "), "%s", kept.text);
	ck_assert_msg(!strstr(kept.text, "leaky"), "%s", kept.text);
	config_free(&c);
}
END_TEST

/* One config of configs.txt: "=== configs/NAME.yaml", then its text. Returns what follows it. */
static char *next_config(char *at, char path[64], char **text)
{
	ck_assert_msg(sscanf(at, "=== %63s", path) == 1, "%.40s", at);
	*text = strchr(at, '\n') + 1;
	char *end = strstr(*text, "=== ");
	if (end)
		end[-1] = '\0';
	return end;
}

/* Networks of shipped recipes that were changed on purpose: CHANGELOG.md says so. */
static bool is_changed(const char *path, const char *key)
{
	static const struct {
		const char *path, *key;
	} row[] = {
		{"configs/demo.yaml", "model.spectral_norm_"}, {"configs/mnist-sagan.yaml", "model.spectral_norm_"},
		{"configs/fashion-sagan.yaml", "model.spectral_norm_"},
		{"configs/fashion-sagan.yaml", "model.modulation"},
		{"configs/mnist-cot.yaml", "model.spectral_norm_"},
		{"configs/mnist-halo.yaml", "model.spectral_norm_"},
		{"configs/mnist-mhsa.yaml", "model.spectral_norm_"},
		{"configs/mnist-mixer-d.yaml", "model.spectral_norm_"},
		{"configs/mnist-outlook-g.yaml", "model.spectral_norm_"},
		{"configs/cifar10-small.yaml", "model.spectral_norm_"},
		{"configs/cifar10-small.yaml", "model.cbn_form"}, {"configs/cifar10-small.yaml", "model.modulation"},
	};
	for (int i = 0; i < COUNT(row); i++)
		if (strcmp(path, row[i].path) == 0 && strncmp(key, row[i].key, strlen(row[i].key)) == 0)
			return true;
	return false;
}

/* Every complete config of 0.1.0 is read; the networks of the shipped recipes are still those. */
START_TEST(shipped_networks_are_what_they_were)
{
	static char all[1 << 16];
	FILE *f = fopen(FOLDER "configs.txt", "r");
	fault e = {.text = ""};
	int n = 0;
	ck_assert(f && fread(all, 1, sizeof all - 1, f) > 0);
	fclose(f);
	char path[64], *text;
	for (char *at = all; at; n++) {
		config then, now;
		int differ[CONFIG_KEYS_MAX];
		at = next_config(at, path, &text);
		config_init(&then);
		config_init(&now);
		ck_assert_msg(config_parse(&then, text, strlen(text), path, &e) && config_check(&then, &e),
			"%s", e.text);
		ck_assert_msg(config_load(&now, path, &e) && config_check(&now, &e), "%s", e.text);
		for (int k = config_diff(&then, &now, differ) - 1; k >= 0; k--) {
			const char *key = config_key_at(differ[k])->name;
			ck_assert_msg(strncmp(key, "model.", 6) != 0 || is_changed(path, key), "%s: %s", path, key);
		}
		config_free(&then);
		config_free(&now);
	}
	ck_assert_int_eq(n, 21);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{training_goes_on_as_it_did, COUNT(NAMES)},
		{samples_are_the_ones_it_drew, COUNT(NAMES)},
		{both_networks_are_exported, COUNT(NAMES)},
		{its_checksum_is_still_compared, 1},
		{a_zero_means_what_it_meant, 1},
		{a_run_keeps_what_the_config_leaves_to_the_network, 1},
		{shipped_networks_are_what_they_were, 1},
	};
	return suite_run("old checkpoints", tests, COUNT(tests), 60);
}
