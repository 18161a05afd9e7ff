/* curves.c - from a CSV file to a chart. */
#include "gan/report/curves.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/checkpoint/rundir.h"

const curves curves_of_run[] = {
	{"loss", "loss curve", "metrics.csv", "losses and mean outputs of D", "loss, output", false,
		{{"d_loss", "D loss"}, {"g_loss", "G loss"}, {"d_real", "D(real)"}, {"d_fake", "D(fake)"}}},
	{"scores", "scores", "scores.csv", "score of the checkpoints: lower is better", "score", true,
		{{"score", "score"}}},
	{"spread", NULL, "spread.csv", "how much images of one class differ (real ones: 1)", "share", false,
		{{"mean", "mean of the classes"}, {"lowest", "lowest class"}}},
	{"norms", NULL, "metrics.csv", "length of the gradients", "norm", true, {{"d_norm", "D"}, {"g_norm", "G"}}},
	{"gates", NULL, "metrics.csv", "gates of the attention layers", "gamma", false, {{"*/gamma", NULL}}},
	{"rates", NULL, "metrics.csv", "learning rates", "rate", false, {{"d_rate", "D"}, {"g_rate", "G"}}},
	{"variety", NULL, "metrics.csv", "how much fakes of a batch differ", "deviation", false,
		{{"spread", "deviation"}}},
	{"speed", NULL, "timing.csv", "speed", "images/s", false, {{"images_per_s", "images/s"}}},
	{.id = NULL},
};

const curves *curves_find(const char *id)
{
	const curves *k = curves_of_run;
	while (k->id && strcmp(k->id, id) != 0)
		k++;
	must(k->id, "no curves %s", id);
	return k;
}

/* The columns of c that belong to k, as series over step. */
static int find_series(const curves *k, const csv *c, const char *path, chart_series *s, fault *e)
{
	const int step = csv_find(c, path, "step", e);
	for (int i = 0; i < CURVES_MAX && k->curve[i].column; i++) {
		const int at = csv_find(c, path, k->curve[i].column, e);
		if (step < 0 || at < 0)
			return -1;
		s[i] = (chart_series){k->curve[i].name, c->x[step], c->x[at], c->n};
		if (!k->curve[i + 1].column)
			return i + 1;
	}
	return 0;
}

/* Into a PNG file, or with path NULL into `out`. */
static bool draw(const curves *k, const char *run, const char *path, const picture_about *about, svg *out, fault *e)
{
	char file[RUN_PATH_MAX], of[256];
	csv c;
	picture_texts texts;
	chart_series s[CURVES_MAX];
	const picture_about whose = {.name = about->name, .step = about->step, .seed = -1};
	picture_about titled = *about;
	titled.what = k->title;
	if (!run_path(run, k->file, file, e) || !csv_read(&c, file, e))
		return false;
	const chart drawn = {.title = k->title, .about = picture_title(&whose, of, sizeof of), .x_name = "step",
		.y_name = k->y_name, .log_y = k->log_y, .series = s, .count = find_series(k, &c, file, s, e)};
	const bool ok = drawn.count >= 0 && (path ? chart_write(path, &drawn, picture_notes(&titled, &texts), e)
		: chart_svg(out, &drawn, e));
	csv_free(&c);
	return ok;
}

bool curves_picture(const curves *k, const char *run, const char *path, const picture_about *about, fault *e)
{
	return draw(k, run, path, about, NULL, e);
}

bool curves_svg(const curves *k, const char *run, const picture_about *about, svg *out, fault *e)
{
	return draw(k, run, NULL, about, out, e);
}
