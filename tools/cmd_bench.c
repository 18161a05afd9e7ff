/* cmd_bench.c - sagan bench: how long a training step takes. */
#include <stdio.h>
#include <sys/resource.h>

#include "core/thread.h"
#include "gan/trainer.h"
#include "tools/command.h"

/* Largest resident size of this process so far. Linux counts in units of 1024 bytes. */
static double peak_bytes(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) == 0 ? (double)u.ru_maxrss * 1024 : 0;
}

static void print_json(const config *cfg, const bench_result *r)
{
	char name[4 * CONFIG_TEXT_MAX];
	printf("{\"config\": %s, \"size\": %d, \"batch\": %d, \"real\": \"%s\", \"threads\": %d, \"steps\": %d, "
	       "\"median_s\": %.6g, \"min_s\": %.6g, \"images_per_s\": %.6g, \"gflop\": %.6g, "
	       "\"params_g\": %lld, \"params_d\": %lld, \"arena_bytes\": %zu, \"maxrss_bytes\": %.0f}\n",
	       config_value(cfg, config_key_find("name"), name, sizeof name), cfg->model.size, cfg->batch, REAL_NAME, r->threads, r->steps, r->median_s, r->min_s,
	       r->images_per_s, r->gflop, (long long)r->params_g, (long long)r->params_d, r->arena_bytes, peak_bytes());
}

static void print_table(const config *cfg, const bench_result *r)
{
	char a[32], b[32];
	printf("%s: %dx%d, batch %d, %d thread%s, %d steps\n", cfg->name, cfg->model.size, cfg->model.size, cfg->batch,
	       r->threads, r->threads == 1 ? "" : "s", r->steps);
	printf("  step        %.4g s median, %.4g s least\n", r->median_s, r->min_s);
	printf("  images      %.4g per second\n", r->images_per_s);
	printf("  arithmetic  %.4g GFLOP per step in the plain formulation, %.4g GFLOP/s\n", r->gflop,
	       r->gflop / r->median_s);
	printf("  parameters  G %s, D %s\n", print_count(r->params_g, a, sizeof a), print_count(r->params_d, b, sizeof b));
	printf("  memory      %s arena, %s peak\n", print_bytes((double)r->arena_bytes, a, sizeof a),
	       print_bytes(peak_bytes(), b, sizeof b));
}

static int run(const command *c, int argc, char **argv)
{
	const char *path = NULL;
	text_list sets = {0};
	int steps = 10, threads = 0;
	bool json = false;
	const option_row rows[] = {
		{"steps", OPTION_INT, &steps, 1, 1e6, "N", "measured steps, after two that are not (default 10)"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
		{"set", OPTION_TEXTS, &sets, 0, 0, "KEY=VALUE", "another value for a key of the config"},
		{"json", OPTION_FLAG, &json, 0, 0, NULL, "one line of JSON"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &path, 1, 1);
	if (status >= 0)
		return status;
	config cfg;
	error e;
	bench_result r;
	status = read_config(&cfg, path, &sets);
	if (status == EXIT_GOOD && !pool_start(threads ? threads : cfg.train.threads, &e))
		status = fail(&e);
	if (status == EXIT_GOOD && !trainer_bench(&cfg, steps, &r, &e))
		status = fail(&e);
	if (status == EXIT_GOOD)
		(json ? print_json : print_table)(&cfg, &r);
	pool_stop();
	config_free(&cfg);
	return status;
}

const command command_bench = {
	.name = "bench", .argument = "CONFIG.yaml", .summary = "how long a training step takes",
	.about = "Times whole training steps (the D updates, the G update, the moving average) of\n"
		 "a config on random images: median and least time, images per second, operations\n"
		 "and peak memory.",
	.examples = "example:  sagan bench configs/bench32.yaml --threads 2 --set batch=32",
	.run = run,
};
