/* test_web.c - a generator as a page: its text, its numbers, and, where Node is there, what the engine in it computes.
 * With SAGAN_WEB_DIR set the pages stay there, for a browser (tests/web/run.sh). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/base/vecmath.h"
#include "core/graph/activations.h"
#include "gan/checkpoint/rundir.h"
#include "gan/keras/trace/trace.h"
#include "gan/sample/directions.h"
#include "gan/sample/forward.h"
#include "gan/sample/gaze.h"
#include "gan/sample/network_sampler.h"
#include "gan/train/trainer.h"
#include "gan/web/half.h"
#include "gan/web/page.h"
#include "gan/web/web.h"
#include "tests/command.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/layer_rows.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"
#include "tests/trace_kit.h"

static fault e;

/* ---- numbers ---- */

/* Values by hand from IEEE 754: ties go to the even one, small ones are steps of 2^-24. */
START_TEST(halves_are_the_nearest)
{
	static const struct {
		float x;
		uint16_t bits;
	} row[] = {
		{0, 0}, {-0.0f, 0x8000}, {1, 0x3c00}, {-2, 0xc000}, {65504, 0x7bff}, {65519.99f, 0x7bff},
		{65520, 0x7c00}, {1 + 0x1p-11f, 0x3c00}, {1 + 0x1.8p-10f, 0x3c02}, {1 + 0x1.01p-11f, 0x3c01},
		{0x1p-24f, 1}, {0x1p-25f, 0}, {0x1.01p-25f, 1}, {0x1.8p-24f, 2}, {0x1p-14f, 0x0400},
		{0x1.ff8p-15f, 0x03ff}, {0x1.ffcp-15f, 0x0400}, {0x1.fffp-15f, 0x0400}, {0x1.fffp0f, 0x4000},
		{(float)INFINITY, 0x7c00},
	};
	for (int i = 0; i < COUNT(row); i++)
		ck_assert_msg(half_of(row[i].x) == row[i].bits, "%a: %04x instead of %04x", (double)row[i].x,
			half_of(row[i].x), row[i].bits);
	for (unsigned h = 0; h < 0x10000; h++)
		if ((h & 0x7fff) <= 0x7c00)
			ck_assert_uint_eq(half_of(half_value((uint16_t)h)), h);
	ck_assert(isnan(half_value(half_of((float)NAN))));
}
END_TEST

/* RFC 4648, section 10. */
START_TEST(base64_is_that_of_the_standard)
{
	static const char *const row[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xfb\xff", "+/8="},
	};
	for (int i = 0; i < COUNT(row); i++) {
		char *x = base64_text(row[i][0], strlen(row[i][0]));
		ck_assert_str_eq(x, row[i][1]);
		free(x);
	}
}
END_TEST

/* Only the first stage's kernel meets the latent alone: neither a table of as many classes nor a kernel of as many
 * channels does. */
START_TEST(what_has_the_size_of_the_latent_is_not_its_layer)
{
	static const struct {
		int how;
		int64_t latent, classes;
		bool known;
	} row[] = {{MODULATE_CHUNKS, 64, 10, false}, {MODULATE_LATENT, 100, 100, true}};
	for (int i = 0; i < COUNT(row); i++) {
		net_config c;
		OK(net_config_default("resnet28", (net_size){28, 28}, &c, &e));
		c.channels = 1;
		c.latent = row[i].latent;
		c.classes = row[i].classes;
		c.modulation = row[i].how;
		c.g_width = 64;
		rng r = rng_new(1, "init");
		network *g = network_new(&c, NET_G, &r, &e);
		OK(g);
		real d[100];
		double strength;
		ck_assert_int_eq(directions_of(g, 1, d, &strength, &e), row[i].known);
		if (row[i].known) {
			double length = 0;
			const buffer *A = module_find(network_module(g), "dense/kernel");
			for (int64_t j = 0; j < A->s.dim[1]; j++) {
				double sum = 0;
				for (int64_t k = 0; k < c.latent; k++)
					sum += (double)d[k] * (double)A->x[k * A->s.dim[1] + j];
				length += sum * sum;
			}
			ck_assert_double_eq_tol(sqrt(length), strength, 1e-4 * strength);
		} else {
			ck_assert_msg(strstr(e.text, "no layer of this generator takes the latent"), "%s", e.text);
		}
		network_free(g);
	}
}
END_TEST

/* A' A of the first matrix has them as eigenvectors: each is of length 1, no step is longer behind the matrix. */
START_TEST(directions_are_those_of_the_first_layer)
{
	network *g = layer_row_network("plain", NET_G);
	const int64_t Z = network_config(g)->latent;
	enum { N = 3 };
	real *d = mem_new((size_t)(N * Z), sizeof *d, &e);
	double strength[N], last = INFINITY;
	OK(directions_of(g, N, d, strength, &e));
	const buffer *A = module_param_at(network_module(g), 0);
	const int64_t M = A->s.dim[1];
	for (int k = 0; k < N; k++) {
		double length = 0, behind = 0;
		for (int64_t i = 0; i < Z; i++)
			length += (double)d[k * Z + i] * (double)d[k * Z + i];
		for (int64_t j = 0; j < M; j++) {
			double sum = 0;
			for (int64_t i = 0; i < Z; i++)
				sum += (double)d[k * Z + i] * (double)A->x[i * M + j];
			behind += sum * sum;
		}
		ck_assert_double_eq_tol(length, 1, 1e-5);
		ck_assert_double_eq_tol(sqrt(behind), strength[k], 1e-4 * strength[k]);
		ck_assert_double_le(strength[k], last);
		last = strength[k];
	}
	free(d);
	network_free(g);
}
END_TEST

/* ---- pages of networks ---- */

enum { N = 3 };

/* The images of N latents, by the network itself. */
static void draw(const network *g, buffer *z, buffer *label, real *images)
{
	forward f = {0};
	OK(forward_build(&f, g, z, label, (mode){0}, false, &e));
	plan_run(f.p);
	memcpy(images, plan_value(f.p, f.y), (size_t)shape_count(&f.y->s) * sizeof *images);
	forward_free(&f);
}

/* Rows of every map of the first latent, for tests/web/check.js. */
static json_t *numbers_of(const real *x, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_real((double)x[i]));
	return list;
}

static void write_maps(const network *g, const real *z, int label, const char *path)
{
	gaze *at = gaze_new(g, &e);
	attention_view v;
	json_t *all = json_array();
	ck_assert_ptr_nonnull(at);
	gaze_look(at, z, label);
	for (int layer = 0; layer < gaze_layers(at); layer++)
		for (int head = -1; head < gaze_heads(at, layer); head++) {
			OK(gaze_view(at, layer, head, &v, &e));
			for (int k = 0; k < 4; k++) {
				const int q = k * (v.qh * v.qw - 1) / 3, M = v.kh * v.kw;
				json_array_append_new(all, json_pack("{s:i,s:i,s:i,s:o}", "layer", layer, "head", head,
					"q", q, "row", numbers_of(v.map + (int64_t)q * M, M)));
			}
		}
	ck_assert_int_eq(json_dump_file(all, path, 0), 0);
	json_decref(all);
	gaze_free(at);
}

/* DIR/NAME.html of a network with this layer in G, and NAME.maps.json. */
static void write_page(const char *dir, const char *layer)
{
	char name[120], path[600], maps[600];
	network *g = layer_row_network(layer, NET_G);
	buffer *z = buffer_new("z", network_input(g, N), &e), *label = buffer_new("label", SHAPE(N), &e);
	const net_config *c = network_config(g);
	real *images = mem_new((size_t)(N * c->size.h * c->size.w * c->channels), sizeof *images, &e);
	int scores[LAYERS_MAX];
	size_t bytes;
	rng r = rng_new(3, "latents");
	rng_fill_normal(&r, z->x, N * c->latent);
	for (int i = 0; i < N; i++)
		label->x[i] = (real)(i % c->classes);
	draw(g, z, label, images);
	keras_model *m = keras_of_network_scores(g, scores, &e);
	ck_assert_msg(m, "%s: %s", layer, e.text);
	const web_program p = {
		.g = g, .m = m, .scores = scores, .class_names = "", .summary = layer, .about = "A test.", .width = 4,
		.samples = N, .z = z->x, .label = label->x, .images = images,
	};
	snprintf(name, sizeof name, "%s", layer);
	for (char *k = name; *k; k++)
		*k = strchr(": ,/", *k) ? '_' : *k;
	snprintf(path, sizeof path, "%s/%s.html", dir, name);
	snprintf(maps, sizeof maps, "%s/%s.maps.json", dir, name);
	OK(page_write(path, &p, layer, &bytes, &e));
	write_maps(g, z->x, (int)label->x[0], maps);
	keras_model_free(m);
	free(images);
	buffer_free(z);
	buffer_free(label);
	network_free(g);
}

static bool has_node(void)
{
	return command("node --version").status == 0;
}

/* What check.js says of all pages in a folder: each is right, as many as there should be. */
static void expect_engine(const char *dir, int pages)
{
	if (!has_node())
		return;
	const answer a = command("node tests/web/check.js %s/*.html", dir);
	const char *bad = strstr(a.text, "FAILED");
	ck_assert_msg(a.status == 0 && !bad, "%.600s", bad ? bad : a.text);
	ck_assert_int_eq(a.lines, pages);
}

static const char *folder(void)
{
	const char *kept = getenv("SAGAN_WEB_DIR");
	return kept ? kept : scratch_folder();
}

START_TEST(the_engine_runs_every_layer)
{
	for (int i = 0; i < LAYER_ROWS; i++)
		write_page(folder(), layer_rows[i].layer);
	expect_engine(folder(), LAYER_ROWS);
}
END_TEST

#define NAME(name, function) name,
static const char *const activations[] = {ACTIVATIONS(NAME) "prelu", "star_relu"};
#undef NAME

START_TEST(the_engine_runs_every_activation)
{
	char layer[100];
	for (int i = 0; i < COUNT(activations); i++) {
		snprintf(layer, sizeof layer, "bn_act, activation: %s", activations[i]);
		write_page(scratch_folder(), layer);
	}
	expect_engine(scratch_folder(), COUNT(activations));
}
END_TEST

/* ---- pages of checkpoints ---- */

/* A checkpoint of a tiny run; its name is the title of the page. */
static const char *checkpoint_of(const char *text, const char *name)
{
	static char path[RUN_PATH_MAX];
	char set[120];
	step_stats s;
	snprintf(set, sizeof set, "name=%s", name);
	config c = tiny_config(text, (const char *const[]){set, NULL});
	dataset *d = tiny_data_of(25, c.net.size, 2);
	free(d->class_name[1]);
	d->class_name[1] = text_copy("b</script><script>alert(1)</script>", &e);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t, "%s", e.text);
	OK(trainer_step(t, &s, &e));
	trace_stir(trainer_ema(t) ? trainer_ema(t) : trainer_module(t, NET_G));
	rundir_checkpoint(scratch_folder(), 1, path, sizeof path);
	OK(trainer_save(t, path, &e));
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
	return path;
}

static int occurrences(const char *text, const char *word)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

/* What stands in the script with this id; new. */
static char *script(const char *page, const char *id)
{
	char mark[40];
	snprintf(mark, sizeof mark, "id=\"%s\">", id);
	const char *from = strstr(page, mark) + strlen(mark), *to = strstr(from, "</script>");
	char *out = mem_zero((size_t)(to - from) + 1, 1, &e);
	memcpy(out, from, (size_t)(to - from));
	return out;
}

/* Texts of people are text in it, and it asks for nothing outside itself. */
START_TEST(a_page_is_one_file_and_its_texts_are_text)
{
	web_report r;
	const web_request q = {.from = checkpoint_of(TINY_FULL, "<img>&amp"), .out = scratch_at("new/page.html")};
	OK(web_export(&q, &r, &e));
	char *page = file_bytes(q.out, NULL);
	ck_assert_uint_eq(strlen(page), r.bytes);
	ck_assert_int_eq(occurrences(page, "&lt;img&gt;&amp;amp"), 2);
	ck_assert_ptr_null(strstr(page, "<img"));
	ck_assert_int_eq(occurrences(page, "<script"), 4);
	ck_assert_int_eq(occurrences(page, "</script>"), 4);
	ck_assert_ptr_nonnull(strstr(page, "\"b\\u003c/script>\\u003cscript>alert(1)\\u003c/script>\""));
	ck_assert_ptr_nonnull(strstr(page, "default-src 'none'"));
	static const char *const outside[] = {
		"http:", "https:", "import(", "fetch(", "XMLHttp", "innerHTML", " src=", "url(",
	};
	for (int i = 0; i < COUNT(outside); i++)
		ck_assert_msg(!strstr(page, outside[i]), "the page has %s", outside[i]);
	ck_assert_int_eq(occurrences(page, "@media"), occurrences(page, "@"));       /* no mark is left */
	free(page);
}
END_TEST

START_TEST(the_program_names_every_number_once)
{
	web_report r;
	const web_request q = {.from = checkpoint_of(TINY_TALL, "tall"), .out = scratch_at("page.html"), .exact = true};
	OK(web_export(&q, &r, &e));
	ck_assert_int_eq(r.width, 4);
	ck_assert_double_lt(r.error, 1e-4);
	char *page = file_bytes(q.out, NULL), *text = script(page, "program"), *weights = script(page, "weights");
	json_t *all = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(all);
	int64_t at = 0;
	const json_t *layers = json_object_get(all, "layers"),
		*images = json_object_get(json_object_get(all, "reference"), "images");
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const char *name;
		json_t *place;
		json_object_foreach(json_object_get(json_array_get(layers, i), "w"), name, place) {
			int64_t n = 1;
			for (size_t k = 0; k < json_array_size(json_array_get(place, 1)); k++)
				n *= json_integer_value(json_array_get(json_array_get(place, 1), k));
			ck_assert_int_eq(json_integer_value(json_array_get(place, 0)), at);
			at += n;
		}
	}
	ck_assert_int_eq(at, r.weights);
	ck_assert_int_eq(json_integer_value(json_array_get(images, 0)), at + WEB_SAMPLES * 8);
	const int64_t numbers = at + WEB_SAMPLES * (8 + 24 * 16);
	ck_assert_uint_eq(strlen(weights), (size_t)((numbers * 4 + 2) / 3 * 4));
	json_decref(all);
	free(text);
	free(weights);
	free(page);
}
END_TEST

/* float16 where that is good enough, with the error that it makes; and the engine agrees. */
START_TEST(numbers_are_as_narrow_as_the_images_allow)
{
	static const char *const kinds[] = {TINY_FULL, TINY_TALL, TINY_WIDE};
	web_report half, whole;
	const char *from = checkpoint_of(kinds[_i], "digits");
	const web_request q = {.from = from, .out = scratch_at("half.html")},
		exact = {.from = from, .out = scratch_at("whole.html"), .exact = true};
	OK(web_export(&q, &half, &e) && web_export(&exact, &whole, &e));
	ck_assert(half.width == 2 && whole.width == 4 && half.weights == whole.weights);
	ck_assert(half.error > whole.error && half.error < 2 * WEB_HALF_MOST && whole.error < 1e-4);
	ck_assert_uint_lt(half.bytes, whole.bytes);
	expect_engine(scratch_folder(), 2);
}
END_TEST

/* Number `at` and the following of a page of float16: its text is of base64 digits. */
static void read_halves(const char *text, int64_t at, int64_t n, real *x)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (int64_t i = 0; i < n; i++) {
		uint16_t h = 0;
		for (int b = 0; b < 16; b++) {               /* bit b of the number, low byte first */
			const int64_t bit = (at + i) * 16 + b / 8 * 8 + 7 - b % 8;
			const long digit = strchr(digits, text[bit / 6]) - digits;
			h |= (uint16_t)((digit >> (5 - bit % 6) & 1) << b);
		}
		x[i] = (real)half_value(h);
	}
}

/* A browser draws what the page holds, rounded to float16. The images beside it are of these latents, not of those
 * before they were rounded. */
START_TEST(images_of_a_page_are_those_of_its_latents)
{
	static const char *const kinds[] = {TINY_FULL, TINY_TALL, TINY_WIDE};
	web_report r;
	fault warning;
	const web_request q = {.from = checkpoint_of(kinds[_i], "digits"), .out = scratch_at("half.html")};
	OK(web_export(&q, &r, &e));
	ck_assert_int_eq(r.width, 2);
	sampler *s = network_sampler_open(q.from, false, SAMPLER_BATCH, &warning, &e);
	ck_assert_msg(s, "%s", e.text);
	const int64_t Z = sampler_latent_size(s), size = sampler_image_size(s);
	real *z = mem_new((size_t)(WEB_SAMPLES * Z), sizeof *z, &e), label[WEB_SAMPLES];
	real *there = mem_new((size_t)(WEB_SAMPLES * size), sizeof *there, &e);
	real *drawn = mem_new((size_t)(WEB_SAMPLES * size), sizeof *drawn, &e);
	char *page = file_bytes(q.out, NULL), *text = script(page, "program"), *numbers = script(page, "weights");
	json_t *all = json_loads(text, 0, NULL), *reference = json_object_get(all, "reference");
	ck_assert_ptr_nonnull(reference);
	read_halves(numbers, r.weights, WEB_SAMPLES * Z, z);
	read_halves(numbers, r.weights + WEB_SAMPLES * Z, WEB_SAMPLES * size, there);
	for (size_t i = 0; i < WEB_SAMPLES; i++)
		label[i] = (real)json_number_value(json_array_get(json_object_get(reference, "labels"), i));
	OK(sampler_run(s, WEB_SAMPLES, z, label, drawn, &e));
	ck_assert_double_lt(vec_largest_difference(drawn, there, WEB_SAMPLES * size), 0x1p-12 + 1e-6);
	sampler_free(s);
	free(z);
	free(there);
	free(drawn);
	json_decref(all);
	free(text);
	free(numbers);
	free(page);
}
END_TEST

static int64_t texts_left;                           /* allocations of jansson before one fails; < 0: after it */

static void *maybe_malloc(size_t n)
{
	return texts_left-- == 0 ? NULL : malloc(n);
}

/* One of jansson's allocations fails: a page without a part of its program would be no page. */
START_TEST(a_page_without_memory_for_its_program_is_none)
{
	enum { TRIED = 12, MANY = 1 << 30 };
	web_report r;
	const web_request q = {.from = checkpoint_of(TINY_PLAIN, "digits"), .out = scratch_at("page.html")};
	json_set_alloc_funcs(maybe_malloc, free);
	texts_left = MANY;
	OK(web_export(&q, &r, &e));
	const int64_t made = MANY - texts_left;
	ck_assert_int_gt(made, 100 * TRIED);
	remove(q.out);
	for (int i = 0; i < TRIED; i++) {
		texts_left = made * i / TRIED;
		ck_assert_msg(!web_export(&q, &r, &e), "%d of %d: one failed, and there is a page", i, TRIED);
		ck_assert_msg(e.text[0] && !strchr(e.text, '\n'), "%s", e.text);
		ck_assert(!file_exists(scratch_folder(), "page.html"));
	}
	json_set_alloc_funcs(malloc, free);
}
END_TEST

START_TEST(what_cannot_be_a_page_is_told)
{
	web_report r;
	web_request q = {.from = scratch_at("nothing"), .out = scratch_at("page.html")};
	ck_assert(!web_export(&q, &r, &e));
	ck_assert_msg(strstr(e.text, "nothing"), "%s", e.text);
	q.from = checkpoint_of(TINY_PLAIN, "digits");
	disk_full(1000);
	const bool ok = web_export(&q, &r, &e);
	disk_free();
	ck_assert(!ok && !strchr(e.text, '\n'));
	ck_assert_msg(strstr(e.text, "page.html"), "%s", e.text);
	ck_assert(!file_exists(scratch_folder(), "page.html"));
}
END_TEST

static void setup(void)
{
	must(pool_start(2, &e), "%s", e.text);
}

int main(void)
{
	const suite_test tests[] = {
		{halves_are_the_nearest, 1}, {base64_is_that_of_the_standard, 1},
		{directions_are_those_of_the_first_layer, 1},
		{what_has_the_size_of_the_latent_is_not_its_layer, 1},
		{the_engine_runs_every_layer, 1}, {the_engine_runs_every_activation, 1},
		{a_page_is_one_file_and_its_texts_are_text, 1}, {the_program_names_every_number_once, 1},
		{images_of_a_page_are_those_of_its_latents, 3},
		{numbers_are_as_narrow_as_the_images_allow, 3}, {what_cannot_be_a_page_is_told, 1},
		{a_page_without_memory_for_its_program_is_none, 1},
	};
	const suite_case cases[] = {
		{.name = "web", TESTS(tests), .timeout = 300, .setup = setup, .teardown = pool_stop},
	};
	return suite_run_cases("web", cases, COUNT(cases), 300);
}
