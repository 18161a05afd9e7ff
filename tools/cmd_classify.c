/* cmd_classify.c - sagan classify: a small classifier, whose features score generators of the same data. */
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/classify/class_run.h"
#include "tools/command.h"
#include "tools/stop.h"

static void show_note(void *ctx, const char *text)
{
	const bool *quiet = ctx;
	if (!*quiet) {
		puts(text);
		fflush(stdout);
	}
	stop_if_unread();
}

static void show_progress(void *ctx, const class_progress *p)
{
	char text[160], left[64];
	snprintf(text, sizeof text, "step %lld of %lld  loss %.4f  %.0f images/s  %s", (long long)p->step,
		(long long)p->steps, p->loss, p->images_per_s, print_time(p->seconds, left, sizeof left));
	show_note(ctx, text);
}

static void show_step(void *ctx, int64_t step)
{
	(void)ctx;
	stop_step(step + 1);
}

static int run(const command *c, int argc, char **argv)
{
	const char *path, *out = NULL;
	text_list sets = {0};
	int threads = 0;
	bool fresh = false, quiet = false, finished = false;
	const option_row rows[] = {
		{"out", OPTION_PATH, &out, 0, 0, "FILE.h5", "where it goes (default: NAME.h5 of the config)"},
		{"set", OPTION_TEXTS, &sets, 0, 0, "KEY=VALUE", "another value for a key, as classify.width=16"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor; same results"},
		{"quiet", OPTION_FLAG, &quiet, 0, 0, NULL, "say nothing but errors"},
		{"fresh", OPTION_FLAG, &fresh, 0, 0, NULL, "begin anew, and replace a file that is there"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &path, 1, 1);
	if (status >= 0)
		return status;
	config cfg;
	fault e;
	char name[CONFIG_TEXT_MAX + 8];
	status = read_config_for(&cfg, CONFIG_CLASSIFIER, path, &sets);
	if (status == EXIT_GOOD) {
		snprintf(name, sizeof name, "%s.h5", cfg.name);
		const class_run_options o = {
			.out = out ? out : name, .fresh = fresh, .stop = &stop_asked, .ctx = &quiet,
			.progress = show_progress, .step = show_step, .note = show_note,
		};
		stop_on_signals(true);
		if (!pool_start(threads ? threads : cfg.train.threads, &e) || !class_run(&cfg, &o, &finished, &e))
			status = fail(&e);
		else if (!finished && !quiet)
			printf("stopped; the same command goes on\n");
		pool_stop();
	}
	config_free(&cfg);
	return status == EXIT_GOOD && !finished ? EXIT_SIGNAL + stop_asked : status;
}

const command command_classify = {
	.name = "classify", .argument = "CONFIG.yaml", .summary = "train a classifier whose features score images",
	.about = "Trains the small residual classifier that a config describes, tests it with the\n"
		 "data's test images, and writes it to a file that `sagan evaluate --features`\n"
		 "reads. Ctrl-C saves, and the same command goes on to the same bits.\n"
		 "Keys: `sagan info --keys --classify`.",
	.examples = "example:\n"
		    "  sagan classify configs/classify-mnist.yaml --out mnist.h5",
	.run = run,
};
