/* profile_print.c - tables of kinds and of single steps, longest first. */
#include "tools/profile_print.h"

#include <stdio.h>

#include "core/base/local.h"

/* Rows that take less of the step are added up in one line: there are hundreds. */
static const double LEAST = 0.005;

/* "-" where there is nothing to count. */
static const char *number(double x, const char *form, char *buf, size_t size)
{
	snprintf(buf, size, form, x);
	return x > 0 ? buf : "-";
}

static void print_figures(const profile_row *r, const profile *p, double peak)
{
	char rate[32], part[32], memory[32];
	const double gflops = r->seconds > 0 ? r->flop / r->seconds / 1e9 : 0;
	const double gbytes = r->seconds > 0 ? r->bytes / r->seconds / 1e9 : 0;
	printf("%9.3f %5.1f%% %5.4g %8s %5s %6s", 1e3 * r->seconds, 100 * r->seconds / p->step_seconds, r->runs,
	       number(gflops, "%.1f", rate, sizeof rate), number(100 * gflops / peak, "%.0f%%", part, sizeof part),
	       number(gbytes, "%.1f", memory, sizeof memory));
}

static int count_long(const profile *p, const profile_row *row, int n)
{
	int k = 0;
	while (k < n && row[k].seconds >= LEAST * p->step_seconds)
		k++;
	return k;
}

static void print_rest(const profile *p, const profile_row *row, int from, int n)
{
	profile_row sum = {.runs = 0};
	for (int i = from; i < n; i++) {
		sum.seconds += row[i].seconds;
		sum.runs += row[i].runs;
	}
	if (from == n)
		return;
	print_figures(&sum, p, 1);
	printf("  %d more, each below %.1f %%\n", n - from, 100 * LEAST);
}

static void print_head(const char *what)
{
	printf("\n%9s %6s %5s %8s %5s %6s  %s\n", "ms", "share", "runs", "GFLOP/s", "peak", "GB/s", what);
}

void profile_print(const profile *p, double peak)
{
	const int kinds = count_long(p, p->kind, p->kinds), rows = count_long(p, p->row, p->rows);
	print_head("kind of work, all of a step or pass");
	for (int i = 0; i < kinds; i++) {
		print_figures(&p->kind[i], p, peak);
		printf("  %s\n", p->kind[i].what);
	}
	print_rest(p, p->kind, kinds, p->kinds);
	print_head("one step of a plan (sagan info CONFIG --plan d, g, sample)");
	for (int i = 0; i < rows; i++) {
		const profile_row *n = &p->row[i];
		print_figures(n, p, peak);
		if (*n->plan)
			printf("  %s %d: %s %s%s%s\n", n->plan, n->step, n->what, shape_print(&n->s).s,
			       *n->path ? " in " : "", n->path);
		else
			printf("  %s\n", n->what);
	}
	print_rest(p, p->row, rows, p->rows);
	printf("\nsum %.4g ms of %.4g ms, the mean: %.1f %%\n", 1e3 * p->seconds, 1e3 * p->step_seconds,
	       100 * p->seconds / p->step_seconds);
}

void profile_print_kernels(const profile *p, double peak)
{
	double seconds = 0;
	print_head("convolution: use, kernel, image and output (dx and dw: of forward), form");
	for (int i = 0; i < p->kernels; i++) {
		print_figures(&p->kernel[i], p, peak);
		printf("  %s\n", p->kernel[i].what);
		seconds += p->kernel[i].seconds;
	}
	printf("\nsum %.4g ms of %.4g ms, the mean: %.1f %%\n", 1e3 * seconds, 1e3 * p->step_seconds,
	       100 * seconds / p->step_seconds);
}

static void json_rows(const profile_row *row, int n, bool kinds)
{
	for (int i = 0; i < n; i++) {
		const profile_row *r = &row[i];
		printf("%s{\"what\": \"%s\", \"s\": %.6g, \"runs\": %.6g, \"gflop\": %.6g, \"bytes\": %.6g",
		       i ? ", " : "", r->what, r->seconds, r->runs, r->flop / 1e9, r->bytes);
		if (!kinds && *r->plan)
			printf(", \"plan\": \"%s\", \"step\": %d, \"shape\": %s, \"layer\": \"%s\"", r->plan, r->step,
			       shape_print(&r->s).s, r->path);
		printf("}");
	}
}

void profile_print_json(const profile *p)
{
	printf("\"mean_s\": %.6g, \"profile_s\": %.6g, \"kinds\": [", p->step_seconds, p->seconds);
	json_rows(p->kind, p->kinds, true);
	printf("], \"nodes\": [");
	json_rows(p->row, p->rows, false);
	printf("], \"kernels\": [");
	json_rows(p->kernel, p->kernels, true);
	printf("]");
}
