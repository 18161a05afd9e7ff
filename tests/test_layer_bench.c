/* test_layer_bench.c - the table of timed layers: the documented shapes and parameter counts, times and operations that
 * can be, what is said about a layer that does not fit its input, and the command around it all. How fast a layer is,
 * is no test. SAGAN names the program (make test sets it); build/sagan otherwise. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "tests/command.h"
#include "tests/suite.h"
#include "tools/bench/layers.h"

enum { LAYERS = 47 };

typedef struct row {
	const layer_type *type;
	const layer_case *c;
	const char *name;
} row;

static row row_at(int i)
{
	row r;
	ck_assert(layer_bench_row(i, &r.type, &r.c));
	r.name = layer_case_name(r.type, r.c);
	return r;
}

static row row_of(const char *name)
{
	for (int i = 0; i < LAYERS; i++)
		if (!strcmp(row_at(i).name, name))
			return row_at(i);
	ck_abort_msg("%s is not in the table", name);
}

START_TEST(every_layer_is_timed)
{
	const row x = row_at(_i);
	layer_bench_result r;
	fault e;
	ck_assert_msg(layer_bench(x.type, x.c, 1, 1, &r, &e), "%s: %s", x.name, e.text);
	ck_assert_msg(r.forward_s > 0 && r.both_s > 0 && isfinite(r.both_s), "%s", x.name);
	ck_assert_int_eq(r.output.dim[0], 1);
	ck_assert_int_eq(r.input.dim[0], 1);
	/* A product has two more in its derivatives; a depthwise kernel that is not trained only one. */
	ck_assert_msg(r.both_gflop >= 2 * r.forward_gflop * (1 - 1e-9), "%s: %g and %g", x.name, r.forward_gflop,
		      r.both_gflop);
	ck_assert_msg(r.both_bytes >= r.forward_bytes, "%s: %zu and %zu", x.name, r.forward_bytes, r.both_bytes);
}
END_TEST

/* A name is one row of the bench, of `sagan layers` and of docs/layers.md. */
START_TEST(rows_have_names_of_their_own)
{
	const layer_type *type;
	const layer_case *c;
	ck_assert(!layer_bench_row(LAYERS, &type, &c));
	for (int i = 0; i < LAYERS; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(row_at(i).name, row_at(k).name);
}
END_TEST

/* Weights that are trained, and the shape of the result, as the originals' documentation and code give them. */
static const struct {
	const char *name, *output;
	int64_t params;
} DOCUMENTED[] = {
	{"official",                 "[1,32,32,128]",       20481},
	{"conv2d",                   "[1,28,28,8]",         65},
	{"plain_64",                 "[1,64,64,64]",        5201},
	{"anti_alias_downsample",    "[1,14,14,192]",       0},
	{"mhsa",               "[1,14,16,512]",       3 * 256 * 512 + 512 * 512 + 128 * (31 + 27)},
	{"mhsa_h",            "[1,14,16,256]",       256 * 1280 + 256 * 256 + 128 * (31 + 27)},
	{"relative_position",        "[1,4,14,16,14,16]",   32 * (27 + 31)},
	{"halo",               "[1,14,16,512]",       256 * 512 + 256 * 1024 + 512 * 512 + 2 * 128 * 7},
	{"halo_h",            "[1,12,16,384]",       256 * 256 + 256 * (256 + 384) + 384 * 384 + 64 * 2 * 11},
	{"cot",            "[1,28,28,192]",       235368},
	{"split_attention",          "[1,28,28,384]",       776736},
	{"outlook",        "[1,28,28,192]",       136452},
	{"outlook_simple", "[1,28,28,192]",       136452},
	{"class_token",              "[1,197,192]",         192},
	{"spatial_gating_block",     "[1,784,96]",          784 * 784 + 784 + 2 * 96},
	{"rsoftmax",                 "[1,1,1,98]",          0},
	{"evo_norm_b0",              "[1,28,28,192]",       3 * 192},
	{"evo_norm_s0a",             "[1,28,28,192]",       2 * 192},
	{"conv2d_transpose",         "[1,28,28,96]",        16 * 96 * 192 + 96},
	{"mhsa_absolute",            "[1,14,16,512]",       3 * 256 * 512 + 512 * 512 + 128 * (16 + 14)},
};

START_TEST(shapes_and_weights_are_the_documented_ones)
{
	layer_bench_result r;
	fault e;
	const row x = row_of(DOCUMENTED[_i].name);
	ck_assert_msg(layer_bench(x.type, x.c, 1, 1, &r, &e), "%s", e.text);
	ck_assert_str_eq(shape_print(&r.output).s, DOCUMENTED[_i].output);
	ck_assert_int_eq(r.params, DOCUMENTED[_i].params);
}
END_TEST

START_TEST(what_does_not_fit_is_said)
{
	const layer_case four = {.input = {4, {0, 14, 16, 8}}, .arg = {{"block", 4}}};
	const row x = row_of("rsoftmax");
	layer_bench_result r;
	fault e;
	ck_assert(!layer_bench(layer_type_at(layer_type_find("halo")), &four, 1, 1, &r, &e));
	ck_assert_msg(strstr(e.text, "map 14x16: height is not a multiple of block_size 4"), "%s", e.text);
	ck_assert(!layer_bench(x.type, x.c, 0, 1, &r, &e));
	ck_assert_str_eq(e.text, "batch = 0, runs = 1: must be at least 1");
}
END_TEST

/* ---- sagan bench --layers ---- */

static const struct {
	const char *arguments;
	int status, lines;
	const char *says;
} COMMANDS[] = {
	{"bench --layers --batch 1 --steps 1 --threads 2", 0, LAYERS + 1,
	 "\nhalo                       [1,14,16,256] "},
	{"bench --layers --batch 1 --steps 1 --json", 0, LAYERS,
	 "{\"layer\": \"halo\", \"input\": [1,14,16,256], \"output\": [1,14,16,512], "},
	{"bench --layers --only rsoftmax,bias --batch 1 --steps 1", 0, 3, "\nbias "},
	{"bench --layers --only rsoftmax,bia", 2, 2, "--only bia: no such layer"},
	{"bench", 2, 2, "sagan bench: an argument is missing"},
	{"bench --layers configs/demo.yaml", 2, 2, "sagan bench: configs/demo.yaml: --layers takes no config"},
	{"bench --layers --batch 0", 2, 2, "sagan bench: --batch 0: must be a whole number from 1"},
};

START_TEST(the_command_prints_a_line_for_each)
{
	const answer a = sagan("%s", COMMANDS[_i].arguments);
	ck_assert_int_eq(a.status, COMMANDS[_i].status);
	ck_assert_msg(strstr(a.text, COMMANDS[_i].says) != NULL, "%s", a.text);
	ck_assert_msg(a.lines == COMMANDS[_i].lines, "%d lines:\n%s", a.lines, a.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{every_layer_is_timed, LAYERS},
		{rows_have_names_of_their_own, 1},
		{shapes_and_weights_are_the_documented_ones, COUNT(DOCUMENTED)},
		{what_does_not_fit_is_said, 1},
		{the_command_prints_a_line_for_each, COUNT(COMMANDS)},
	};
	return suite_run("layer_bench", tests, COUNT(tests), 300);
}
