/* test_share.c - sagan sample and sagan evaluate on several processes: they write and say what one process does.
 *
 * SAGAN_MPI names sagan-mpi; without it (no MPI here) nothing is tested. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"
#include "tests/files.h"
#include "tests/mpirun.h"
#include "tests/suite.h"

/* Batch norm with statistics that are collected before drawing, and an average beside the generator. */
static const char CONFIG[] = "steps: 2\nbatch: 8\nseed: 5\ndata: {format: random}\n"
	"model: {network: resnet, size: 28, channels: 1, classes: 2, latent: 8, g_channels: 8, d_channels: 8, "
	"layers_g: [14], layers_d: []}\nema: {decay: 0.9, bn_mode: standing, standing_batches: 2}\n"
	"train: {sample_every: 0, tensorboard: false, sample_count: 4}\nscore: {count: 0}\n";

static char run[512], real_ones[512];                /* a run, and images in two parts of two classes */

/* Once, into the folder of the program: those of tests go with each of them. */
static void make_run_and_images(void)
{
	static const struct {
		const char *folder, *what;
	} part[] = {{"train/0", "--class 0 --n 230 --seed 2"}, {"train/1", "--class 1 --n 190 --seed 3"},
		{"test/0", "--class 0 --n 90 --seed 4"}, {"test/1", "--class 1 --n 80 --seed 5"}};
	const char *path = scratch_at("run.yaml"), *own = scratch_folder();
	const int n = (int)(strrchr(own, '/') - own);
	snprintf(run, sizeof run, "%.*s/run", n, own);
	snprintf(real_ones, sizeof real_ones, "%.*s/real", n, own);
	file_store(path, CONFIG, strlen(CONFIG));
	answer a = sagan("train %s --out %s --quiet", path, run);
	ck_assert_msg(a.status == 0, "%s", a.text);
	for (int i = 0; i < COUNT(part); i++) {
		a = sagan("sample %s %s --out %s/%s/", run, part[i].what, real_ones, part[i].folder);
		ck_assert_msg(a.status == 0, "%s", a.text);
	}
	scratch_drop();
}

/* One process for n = 0, by the plain program. */
static answer with(int n, const char *rest)
{
	return n ? mpirun(n, rest) : sagan("%s", rest);
}

static const int NUMBERS[] = {0, 2, 4};

/* ---- sample ---- */

static const struct {
	const char *options, *out;
} SAMPLES[] = {
	{"--n 150", "grid.png"},
	{"--n 300 --class 1 --truncation 0.7 --raw", "many.npz"},
	{"--n 130", "numbers.h5"},
	{"--n 40 --columns 10 --interpolate --loop", "moves.gif"},
	{"--n 140 --columns 70 --interpolate --class 0,1", "between.png"},
	{"--n 72 --direction 2", "along.png"},
};

START_TEST(samples_are_the_same_bytes)
{
	char rest[2048], first[512], latents[512];
	answer alone;
	for (int k = 0; k < COUNT(NUMBERS); k += k ? COUNT(NUMBERS) : 1 + _i % 2) {      /* 2 and 4 by turns */
		const char *out = scratch_at(SAMPLES[_i].out), *numbers = scratch_at("latents.h5");
		snprintf(rest, sizeof rest, "sample %s %s --out %s --latents %s", run, SAMPLES[_i].options, out,
			numbers);
		const answer a = with(NUMBERS[k], rest);
		ck_assert_msg(a.status == 0, "%d processes: %s", NUMBERS[k], a.text);
		if (k == 0) {
			alone = a;
			snprintf(first, sizeof first, "%s", scratch_at("first"));
			snprintf(latents, sizeof latents, "%s", scratch_at("first.h5"));
			ck_assert(rename(out, first) == 0 && rename(numbers, latents) == 0);
			continue;
		}
		ck_assert_str_eq(a.text, alone.text);
		ck_assert_msg(files_equal(out, first), "%s: %d processes draw other images", rest, NUMBERS[k]);
		ck_assert(files_equal(numbers, latents));
	}
}
END_TEST

/* The run may be with rank 0 alone. */
START_TEST(others_need_no_run)
{
	char line[4096];
	const char *x = scratch_at("x.npz"), *y = scratch_at("y.npz");
	answer a = sagan("sample %s --n 100 --out %s", run, x);
	ck_assert_int_eq(a.status, 0);
	snprintf(line, sizeof line, "-n 1 %s sample %s --n 100 --out %s : -n 1 %s sample /nowhere --n 100 --out %s",
		mpi_program(), run, y, mpi_program(), scratch_at("z.npz"));
	a = mpirun_line(line);
	ck_assert_msg(a.status == 0, "%s", a.text);
	ck_assert(files_equal(x, y) && access(scratch_at("z.npz"), F_OK) != 0);
}
END_TEST

/* ---- evaluate ---- */

static const char *const EVALUATIONS[] = {
	"--n 200 --split test --features pixels",
	"--n 150 --json --raw",                      /* by the network that fits digits */
};

START_TEST(evaluations_are_the_same_bytes)
{
	char rest[2048], first[512], warned[512];
	const char *pairs = scratch_at("pairs.png"), *log = scratch_at("log");
	answer alone;
	snprintf(first, sizeof first, "%s", scratch_at("first.png"));
	snprintf(warned, sizeof warned, "%s", scratch_at("warned"));
	snprintf(rest, sizeof rest, "evaluate %s --against %s %s --pairs %s 2>%s", run, real_ones, EVALUATIONS[_i],
		pairs, log);
	for (int k = 0; k < COUNT(NUMBERS); k++) {
		const answer a = with(NUMBERS[k], rest);
		char *said = file_bytes(log, NULL);
		ck_assert_msg(a.status == 0, "%d processes: %s", NUMBERS[k], said);
		free(said);
		if (k == 0) {
			alone = a;
			ck_assert(rename(pairs, first) == 0 && rename(log, warned) == 0);
			continue;
		}
		ck_assert_str_eq(a.text, alone.text);
		ck_assert_msg(files_equal(pairs, first), "%d processes find other pairs", NUMBERS[k]);
		ck_assert_msg(files_equal(log, warned), "%d processes say something else", NUMBERS[k]);
	}
}
END_TEST

/* ---- what is wrong ---- */

static void refused(const char *a, const char *b, const char *says)
{
	char line[1 << 13];
	snprintf(line, sizeof line, "-n 1 %s %s : -n 1 %s %s", mpi_program(), a, mpi_program(), b);
	const answer got = mpirun_line(line);
	const char *at = strstr(got.text, "sagan: ");
	ck_assert_msg(got.status != 0 && at && strstr(at, says) && !strstr(at + 1, "sagan: "), "%d: %s", got.status,
		got.text);
}

START_TEST(what_differs_is_one_line)
{
	char a[2048], b[2048];
	const char *x = scratch_at("x.npz"), *y = scratch_at("y.npz");
	ck_assert_int_eq(sagan("sample %s --n 60 --out %s", run, x).status, 0);
	ck_assert_int_eq(sagan("sample %s --n 60 --seed 2 --out %s", run, y).status, 0);
	snprintf(a, sizeof a, "sample %s --n 10 --out %s", run, scratch_at("z.npz"));
	snprintf(b, sizeof b, "sample %s --n 20 --out %s", run, scratch_at("z.npz"));
	refused(a, b, "another command line than rank 0's: sample --n 20 --out, there sample --n 10 --out");
	refused(a, "sample --nonsense", "rank 1 on ");
	refused(a, "sample --help", "another command line than rank 0's: --help, there sample --n 10 --out");
	char way[1000] = "0";                        /* classes in turn: what differs comes late */
	while (strlen(way) + 3 < sizeof way)
		strcat(way, ",1");
	snprintf(a, sizeof a, "sample /nowhere --interpolate --class %s", way);
	snprintf(b, sizeof b, "%.*s0", (int)strlen(a) - 1, a);
	refused(a, b, "another command line than rank 0's: ..");
	snprintf(a, sizeof a, "sample %s --n 10 --out %s", run, scratch_at("z.npz"));
	refused(a, "info", "another command than rank 0's: info, there sample");
	snprintf(a, sizeof a, "evaluate %s --pairs none --n 50 --against %s", run, x);
	snprintf(b, sizeof b, "evaluate %s --pairs none --n 50 --against %s", run, y);
	refused(a, b, ": other images than rank 0 has: checksum ");
	snprintf(b, sizeof b, "evaluate %s --pairs none --n 50 --against /nowhere", run);
	refused(a, b, "\"/nowhere\": no such file or folder");
	ck_assert(access(scratch_at("z.npz"), F_OK) != 0);
}
END_TEST

START_TEST(a_failure_of_the_one_that_writes_is_told_once)
{
	char rest[1024];
	snprintf(rest, sizeof rest, "sample %s --n 300 --out %s/", run, scratch_at("pictures"));
	file_store(scratch_at("pictures"), "x", 1);
	const answer a = mpirun(2, rest);
	const char *at = strstr(a.text, "sagan: ");
	ck_assert_msg(a.status == 1 && at && strstr(at, "pictures") && !strstr(at + 1, "sagan: "), "%d: %s", a.status,
		a.text);
}
END_TEST

/* ---- what is not shared ---- */

START_TEST(other_commands_run_once)
{
	const answer a = mpirun(3, "info --keys"), b = sagan("info --keys");
	const char *line = "sagan: `sagan info` does not share its work: the first of 3 processes does it, the others "
		"wait\n";
	ck_assert_msg(a.status == 0 && strstr(a.text, line) && strlen(a.text) == strlen(b.text) + strlen(line), "%s",
		a.text);
	const answer version = mpirun(3, "--version"), mistake = mpirun(3, "trian");
	ck_assert_msg(version.status == 0 && version.lines == 1, "%s", version.text);
	const char *at = strstr(mistake.text, "trian: no such command");
	ck_assert_msg(mistake.status == 2 && at && !strstr(at + 1, "trian: "), "%s", mistake.text);
}
END_TEST

/* With train.slices or without: a trainer of rank 0 shares nothing with those that wait. */
START_TEST(other_commands_train_alone)
{
	static const char *const rows[] = {
		"info %s --time --set train.slices=4", "info %s --time", "bench %s --set train.slices=4",
		"bench %s", "import %s/generator.h5 --config %s --out %s",
	};
	char rest[2048];
	const char *path = scratch_at("run.yaml"), *keras = scratch_at("keras"), *out = scratch_at("i.h5");
	file_store(path, CONFIG, strlen(CONFIG));
	answer a = sagan("export %s --out %s", run, keras);
	ck_assert_msg(a.status == 0, "%s", a.text);
	for (int i = 0; i < COUNT(rows); i++) {
		const bool imports = strncmp(rows[i], "import", 6) == 0;
		snprintf(rest, sizeof rest, rows[i], imports ? keras : path, path, out);
		a = mpirun(2, rest);
		ck_assert_msg(a.status == 0, "%s: %d: %s", rest, a.status, a.text);
	}
	snprintf(rest, sizeof rest, "info %s --set train.slices=4 2>%s", path, scratch_at("log"));
	a = mpirun(2, rest);
	ck_assert_str_eq(a.text, sagan("%s", rest).text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{samples_are_the_same_bytes, COUNT(SAMPLES)},
		{others_need_no_run, 1},
		{evaluations_are_the_same_bytes, COUNT(EVALUATIONS)},
		{what_differs_is_one_line, 1},
		{a_failure_of_the_one_that_writes_is_told_once, 1},
		{other_commands_run_once, 1},
		{other_commands_train_alone, 1},
	};
	const suite_case all = {.name = "share", TESTS(tests), .setup_once = make_run_and_images};
	mpi_any_user();
	return suite_run_cases("share", &all, mpi_program() ? 1 : 0, 300);
}
