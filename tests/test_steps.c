/* test_steps.c - ten steps of training against PyTorch's: losses, penalties, lengths of gradients.
 *
 * tests/golden/steps/NAME.txt has a line for each step, which tests/peers/compare_step.py computed in double from the
 * start and the draws of these runs. To make them again:
 *
 *	SAGAN_STEPS=DIR build/float/tests/test_steps
 *	python tests/peers/compare_step.py DIR/NAME --limit 1 --write tests/golden/steps/NAME.txt        for each */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/local.h"
#include "gan/checkpoint/rundir.h"
#include "gan/train/trainer.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { STEPS = 10 };

/* Adam's eps is large: with the usual one a first step is the sign of a gradient, and rounding decides it. */
#define START \
	"seed: 7\nsteps: 10\nbatch: 4\n" \
	"model: {network: resnet, size: 16, channels: 1, classes: 2, latent: 8, g_channels: 8, d_channels: 8," \
	" layers_g: [8], layers_d: [8]%s}\n" \
	"optim: {lr_g: 1e-3, lr_d: 1e-3, beta1: 0, beta2: 0.9, eps: 0.01}\nema: {decay: 0}\n"

static const struct golden_run {
	const char *name, *model, *loss;
} RUNS[] = {
	{"rpgan-r1r2", "", "loss: {name: rpgan, penalty: r1r2, penalty_weight: 1}\n"},
	{"rpgan-r1r2-plain-d", ", spectral_norm_d: false",
	 "loss: {name: rpgan, penalty: r1r2, penalty_weight: 1, penalty_weight_fake: 0.5, d_batch: separate}\n"},
	{"rpgan-none", "", "loss: {name: rpgan}\n"},
	{"latent", ", modulation: latent, class_vector: 5", "loss: {name: rpgan, penalty: r1r2, penalty_weight: 1}\n"},
	{"chunks", ", modulation: chunks, class_vector: 5", "loss: {name: rpgan, penalty: r1r2, penalty_weight: 1}\n"},
};

/* What PyTorch is to start from. */
static void write_start(trainer *t, const char *folder, const char *name)
{
	char path[RUN_PATH_MAX], file[RUN_PATH_MAX + 32];
	fault e = {.text = ""};
	snprintf(path, sizeof path, "%s/%s", folder, name);
	mkdir(folder, 0777);
	mkdir(path, 0777);
	snprintf(file, sizeof file, "%s/checkpoint-00000000.h5", path);
	ck_assert_msg(trainer_save(t, file, &e), "%s", e.text);
	snprintf(file, sizeof file, "%s/steps.h5", path);
	ck_assert_msg(trainer_record(t, file, STEPS, &e), "%s", e.text);
	snprintf(file, sizeof file, "%s/config.yaml", path);
	char *text = config_text(trainer_config(t), &e);
	FILE *f = fopen(file, "w");
	ck_assert(f && text && fputs(text, f) >= 0 && fclose(f) == 0);
	free(text);
}

static void compare(const char *what, int step, double ours, double theirs)
{
	ck_assert_msg(fabs(ours - theirs) <= 1e-4 * (1 + fabs(theirs)), "step %d: %s %.9g, PyTorch %.9g", step, what,
		ours, theirs);
}

START_TEST(ten_steps_are_pytorchs)
{
	const struct golden_run *r = &RUNS[_i];
	const char *folder = getenv("SAGAN_STEPS");
	char text[1024], path[256];
	int n = snprintf(text, sizeof text, START, r->model);
	snprintf(text + n, sizeof text - (size_t)n, "%s", r->loss);
	config c = tiny_config(text, NULL);
	dataset *d = tiny_data(25, 16, 2);
	fault e = {.text = ""};
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	if (folder)
		write_start(t, folder, r->name);
	snprintf(path, sizeof path, "tests/golden/steps/%s.txt", r->name);
	FILE *f = folder ? NULL : fopen(path, "r");
	ck_assert_msg(folder || f, "%s cannot be read", path);
	for (int i = 1; i <= STEPS; i++) {
		step_stats s;
		double d_loss, g_loss, penalty, d_norm, g_norm;
		int step;
		ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
		if (!f)
			continue;
		const int numbers = fscanf(f, "%d %lf %lf %lf %lf %lf", &step, &d_loss, &g_loss, &penalty, &d_norm,
			&g_norm);
		ck_assert_int_eq(numbers, 6);
		ck_assert_int_eq(step, i);
		compare("loss of D", i, s.d_loss, d_loss);
		compare("loss of G", i, s.g_loss, g_loss);
		compare("penalty", i, s.penalty, penalty);
		compare("gradient of D", i, s.d_norm, d_norm);
		compare("gradient of G", i, s.g_norm, g_norm);
	}
	if (f)
		fclose(f);
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{ten_steps_are_pytorchs, COUNT(RUNS)},
	};
	return suite_run("steps", tests, COUNT(tests), 120);
}
