/* cmd_report.c - sagan report: one page that shows runs. */
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "gan/checkpoint/rundir.h"
#include "gan/report/report.h"
#include "tools/command.h"

/* Of one run its folder's report.html, as training writes it. */
static bool place(const char *given, const char *const *run, int n, char path[RUN_PATH_MAX], fault *e)
{
	if (!given && n == 1)
		return run_path(run[0], "report.html", path, e);
	snprintf(path, RUN_PATH_MAX, "%s", given ? given : "report.html");
	return file_make_parents(path, e);
}

static bool report(const char *const *folder, int n, const char *out, fault *e)
{
	report_run run[REPORT_RUNS_MOST];
	char path[RUN_PATH_MAX];
	for (int i = 0; i < n; i++)
		run[i] = (report_run){.folder = folder[i]};
	if (!place(out, folder, n, path, e) || !report_write(path, run, n, program_name, e))
		return false;
	fprintf(told_beside(path), "report: %s\n", text_show(path).s);
	return true;
}

static int run(const command *c, int argc, char **argv)
{
	const char *folder[REPORT_RUNS_MOST] = {NULL}, *out = NULL;
	int threads = 0, n = 0;
	fault e;
	const option_row rows[] = {
		{"out", OPTION_PATH, &out, 0, 0, "FILE.html", "the page (default: RUN/report.html, or report.html)"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	const int status = options_parse(c, rows, COUNT(rows), argc, argv, folder, 1, REPORT_RUNS_MOST);
	if (status >= 0)
		return status;
	while (n < REPORT_RUNS_MOST && folder[n])
		n++;
	const bool ok = (!out || page_may_be(out, &e)) && pool_start(threads, &e) && report(folder, n, out, &e);
	pool_stop();
	return ok ? EXIT_GOOD : fail(&e);
}

const command command_report = {
	.name = "report", .argument = "RUN [RUN...]", .summary = "one page of HTML that shows runs",
	.about = "Writes a page that needs nothing else: curves with values and smoothing, scores,\n"
		 "samples over time, where chosen pixels of generated images look, the config and\n"
		 "what differs between runs. Training writes RUN/report.html itself.",
	.examples = "examples:\n"
		    "  sagan report runs/demo\n"
		    "  sagan report runs/demo runs/mnist-sagan --out two.html",
	.run = run,
};
