/* cmd_bench.c - sagan bench: how long a training step takes, or each layer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "gan/sample/sampler.h"
#include "tools/bench/draw.h"
#include "tools/bench/layers.h"
#include "tools/bench/step.h"
#include "tools/command.h"
#include "tools/profile_print.h"

/* What --profile and --kernels ask for. */
typedef struct wishes {
	bool profile, kernels;
} wishes;

/* The profile as more members of an object; p NULL: none. */
static void more_json(const profile *p)
{
	if (!p)
		return;
	printf(", ");
	profile_print_json(p);
}

/* peak: GFLOP/s of all threads. */
static void more_text(const profile *p, double peak, wishes w)
{
	if (w.profile)
		profile_print(p, peak);
	if (w.kernels)
		profile_print_kernels(p, peak);
}

/* Its first member. */
static void begin_json(const config *cfg)
{
	json_t *text = json_text(cfg->name);
	char *name = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	printf("{\"config\": %s, ", name ? name : "null");
	free(name);
	json_decref(text);
}

static void print_json(const config *cfg, const bench_result *r, const profile *p)
{
	char size[32];
	begin_json(cfg);
	printf("\"size\": %s, \"batch\": %d, \"real\": \"%s\", \"threads\": %d, \"steps\": %d, "
	       "\"median_s\": %.6g, \"min_s\": %.6g, \"images_per_s\": %.6g, \"gflop\": %.6g, "
	       "\"peak_gflops\": %.6g, \"efficiency\": %.6g, "
	       "\"params_g\": %lld, \"params_d\": %lld, \"arena_bytes\": %zu, \"maxrss_bytes\": %.0f",
	       net_size_print(cfg->net.size, size, sizeof size), cfg->batch, REAL_NAME, r->threads, r->steps,
	       r->median_s, r->min_s, r->images_per_s, r->gflop, r->peak_gflops, r->efficiency,
	       (long long)r->params_g, (long long)r->params_d, r->arena_bytes, peak_bytes());
	more_json(p);
	printf("}\n");
}

static void print_table(const config *cfg, const bench_result *r)
{
	char a[32], b[32];
	printf("%s: %dx%d, batch %d, %d thread%s, %d steps\n", text_show(cfg->name).s, cfg->net.size.h, cfg->net.size.w,
	       cfg->batch, r->threads, r->threads == 1 ? "" : "s", r->steps);
	printf("  step        %.4g s median, %.4g s least\n", r->median_s, r->min_s);
	printf("  images      %.4g per second\n", r->images_per_s);
	printf("  arithmetic  %.4g GFLOP per step in the plain formulation, %.4g GFLOP/s\n", r->gflop,
	       r->gflop / r->median_s);
	printf("  efficiency  %.3g: that rate / (%d x %.4g GFLOP/s, the peak of a core)\n", r->efficiency, r->threads,
	       r->peak_gflops);
	printf("  parameters  G %s, D %s\n", print_count(r->params_g, a, sizeof a),
	       print_count(r->params_d, b, sizeof b));
	printf("  memory      %s arena, %s peak\n", print_bytes((double)r->arena_bytes, a, sizeof a),
	       print_bytes(peak_bytes(), b, sizeof b));
}

static int bench_steps(const config *cfg, int steps, wishes w, bool json)
{
	fault e;
	bench_result r;
	profile p = {0}, *asked = w.profile || w.kernels ? &p : NULL;
	const bool ok = step_bench(cfg, 2, steps, &r, asked, &e);
	if (ok && json)
		print_json(cfg, &r, asked);
	else if (ok)
		print_table(cfg, &r), more_text(&p, r.threads * r.peak_gflops, w);
	profile_free(&p);
	return ok ? EXIT_GOOD : fail(&e);
}

/* ---- --sample ---- */

static void draw_json(const config *cfg, const draw_result *r, const profile *p)
{
	begin_json(cfg);
	printf("\"sample\": true, \"batch\": %d, \"real\": \"%s\", \"threads\": %d, "
	       "\"times\": %d, \"median_s\": %.6g, \"min_s\": %.6g, \"images_per_s\": %.6g, \"gflop\": %.6g, "
	       "\"peak_gflops\": %.6g, \"arena_bytes\": %zu, \"maxrss_bytes\": %.0f",
	       r->batch, REAL_NAME, r->threads, r->times, r->median_s, r->min_s, r->images_per_s, r->gflop,
	       r->peak_gflops, r->arena_bytes, peak_bytes());
	more_json(p);
	printf("}\n");
}

static void draw_table(const config *cfg, const draw_result *r)
{
	char a[32], b[32];
	printf("%s: drawing %d image%s at a time, %d thread%s, %d times\n", text_show(cfg->name).s, r->batch,
	       r->batch == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s", r->times);
	printf("  images      %.4g per second\n", r->images_per_s);
	printf("  a pass      %.4g ms median, %.4g ms least\n", 1e3 * r->median_s, 1e3 * r->min_s);
	printf("  arithmetic  %.4g GFLOP, %.4g GFLOP/s; a core has %.4g\n", r->gflop, r->gflop / r->median_s,
	       r->peak_gflops);
	printf("  memory      %s arena, %s peak\n", print_bytes((double)r->arena_bytes, a, sizeof a),
	       print_bytes(peak_bytes(), b, sizeof b));
}

static int bench_draw(const config *cfg, int batch, int times, wishes w, bool json)
{
	fault e;
	draw_result r;
	profile p = {0}, *asked = w.profile || w.kernels ? &p : NULL;
	const bool ok = draw_bench(cfg, batch, times, &r, asked, &e);
	if (ok && json)
		draw_json(cfg, &r, asked);
	else if (ok)
		draw_table(cfg, &r), more_text(&p, r.threads * r.peak_gflops, w);
	profile_free(&p);
	return ok ? EXIT_GOOD : fail(&e);
}

/* ---- --layers ---- */

/* Multiply-adds counted twice per second, "-" where there are none. */
static const char *rate(const layer_bench_result *r, char *buf, size_t size)
{
	snprintf(buf, size, r->both_gflop > 0 ? "%.1f" : "-", r->both_gflop / r->both_s);
	return buf;
}

static void layer_line(const char *name, const layer_bench_result *r)
{
	char speed[32], arena[32];
	printf("%-26s %-16s %10.3f %10.3f %8s %9s\n", name, shape_print(&r->input).s, 1e3 * r->forward_s,
	       1e3 * r->both_s, rate(r, speed, sizeof speed), print_bytes((double)r->both_bytes, arena, sizeof arena));
	fflush(stdout);
}

static void layer_json(const char *name, const layer_bench_result *r)
{
	printf("{\"layer\": \"%s\", \"input\": %s, \"output\": %s, \"real\": \"%s\", \"threads\": %d, "
	       "\"params\": %lld, \"forward_s\": %.6g, \"both_s\": %.6g, \"forward_gflop\": %.6g, "
	       "\"both_gflop\": %.6g, \"forward_bytes\": %zu, \"both_bytes\": %zu}\n",
	       name, shape_print(&r->input).s, shape_print(&r->output).s, REAL_NAME, pool_threads(),
	       (long long)r->params, r->forward_s, r->both_s, r->forward_gflop, r->both_gflop, r->forward_bytes,
	       r->both_bytes);
	fflush(stdout);
}

/* Whether `only`, names with commas between them, holds this one; NULL holds all. */
static bool is_wanted(const char *only, const char *name)
{
	const size_t n = strlen(name);
	for (const char *p = only; p; p = strchr(p, ','), p += p != NULL)
		if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
			return true;
	return !only;
}

static bool is_layer(const char *name, int n)
{
	const layer_type *t;
	const layer_case *c;
	for (int i = 0; layer_bench_row(i, &t, &c); i++) {
		const char *row = layer_case_name(t, c);
		if (!strncmp(row, name, (size_t)n) && !row[n])
			return true;
	}
	return false;
}

/* One message for the first name of `only` that no layer has. */
static bool check_names(const char *only, fault *e)
{
	for (const char *p = only; p; p = strchr(p, ','), p += p != NULL) {
		const int n = (int)strcspn(p, ",");
		if (!is_layer(p, n))
			return fault_set(e, "--only %.*s: no such layer; --layers alone lists them all", n, p);
	}
	return true;
}

static int bench_layers(const command *c, int batch, int runs, int threads, const char *only, bool json)
{
	fault e;
	if (!check_names(only, &e))
		return fail_usage(c, "%s", e.text);
	if (!pool_start(threads, &e))
		return fail(&e);
	int status = EXIT_GOOD;
	if (!json)
		printf("%-26s %-16s %10s %10s %8s %9s\n",
		       "layer", "input", "forward ms", "+ back ms", "GFLOP/s", "arena");
	const layer_type *t;
	const layer_case *at;
	for (int i = 0; status == EXIT_GOOD && layer_bench_row(i, &t, &at); i++) {
		layer_bench_result r;
		if (!is_wanted(only, layer_case_name(t, at)))
			continue;
		if (layer_bench(t, at, batch, runs, &r, &e))
			(json ? layer_json : layer_line)(layer_case_name(t, at), &r);
		else
			status = fail(&e);
	}
	pool_stop();
	return status;
}

static int run(const command *c, int argc, char **argv)
{
	const char *path = NULL, *only = NULL;
	text_list sets = {0};
	int steps = 10, threads = 0, batch = 0;
	bool json = false, layers = false, draws = false;
	wishes w = {0};
	const option_row rows[] = {
		{"layers", OPTION_FLAG, &layers, 0, 0, NULL, "every layer at its documented input size, no config"},
		{"only", OPTION_TEXT, &only, 0, 0, "NAMES", "these, as mlp,halo"},
		{"sample", OPTION_FLAG, &draws, 0, 0, NULL, "drawing instead of training"},
		{"batch", OPTION_INT, &batch, 1, 1e6, "N", "images a run (layers: 16, drawing: 64)"},
		{"steps", OPTION_INT, &steps, 1, 1e6, "N", "measured steps, after two that are not (default 10)"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
		{"set", OPTION_TEXTS, &sets, 0, 0, "KEY=VALUE", "another value for a key of the config"},
		{"profile", OPTION_FLAG, &w.profile, 0, 0, NULL, "where the time goes: kinds of work, steps of plans"},
		{"kernels", OPTION_FLAG, &w.kernels, 0, 0, NULL, "each convolution: shape, form, time, part of peak"},
		{"json", OPTION_FLAG, &json, 0, 0, NULL, "one line of JSON; with --layers one a layer"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &path, 0, 1);
	if (status >= 0)
		return status;
	if (layers)
		return path ? fail_usage(c, "%s: --layers takes no config", path)
			    : bench_layers(c, batch ? batch : 16, steps, threads, only, json);
	if (!path)
		return fail_usage(c, "an argument is missing");
	config cfg;
	fault e;
	status = read_config(&cfg, path, &sets);
	if (status == EXIT_GOOD && !pool_start(threads ? threads : cfg.train.threads, &e))
		status = fail(&e);
	if (status == EXIT_GOOD && draws)
		status = bench_draw(&cfg, batch ? batch : SAMPLER_BATCH, steps, w, json);
	else if (status == EXIT_GOOD)
		status = bench_steps(&cfg, steps, w, json);
	pool_stop();
	config_free(&cfg);
	return status;
}

const command command_bench = {
	.name = "bench", .argument = "CONFIG.yaml | --layers", .summary = "how long a training step takes",
	.about = "Times whole training steps (the D updates, the G update, the moving average) of\n"
		 "a config on random images: median and least time, images per second, operations\n"
		 "and peak memory. With --layers: forward, and forward with all derivatives, of\n"
		 "each layer alone, medians. With --sample: the generator drawing.",
	.examples = "example:  sagan bench configs/bench32.yaml --threads 2 --set batch=32\n"
		    "          sagan bench --layers --threads 1",
	.rules = (const option_rule[]){
		{"only", "layers", NULL}, {"batch", "layers sample", NULL}, {"set", NULL, "layers"},
		{"sample", NULL, "layers"}, {"profile", NULL, "layers"}, {"kernels", NULL, "layers"},
		{0},
	},
	.run = run,
};
