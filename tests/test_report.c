/* test_report.c - what a run shows: words around its pictures, its curves, its page. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/base64.h"
#include "gan/report/curves.h"
#include "gan/report/facts.h"
#include "gan/report/gather.h"
#include "gan/sample/pictures.h"
#include "gan/train/run.h"
#include "tests/command.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/scratch.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

static const picture_about nothing_known = {.step = -1, .seed = -1};

/* ---- words around pictures ---- */

static void fill(real *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = (real)(i % 17) / 8 - 1;
}

/* Letters in a part of a picture: pixels much brighter than the ground. */
static int letters(const image *im, int y0, int x0, int y1, int x1)
{
	int n = 0;
	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++)
			n += im->x[((size_t)y * (size_t)im->w + (size_t)x) * (size_t)im->c] > 150;
	return n;
}

/* im without what stands above and left of it is `inner`. */
static bool ends_with(const image *im, const image *inner)
{
	const size_t row = (size_t)(inner->w * inner->c);
	for (int y = 0; y < inner->h; y++) {
		const uint8_t *at = im->x + ((size_t)(im->h - inner->h + y) * (size_t)im->w
			+ (size_t)(im->w - inner->w)) * (size_t)im->c;
		if (memcmp(at, inner->x + (size_t)y * row, row) != 0)
			return false;
	}
	return im->c == inner->c;
}

static image opened(const char *path)
{
	image im;
	fault e;
	ck_assert_msg(picture_open(path, &im, &e), "%s", e.text);
	return im;
}

START_TEST(names_stand_over_columns_and_beside_rows)
{
	static real x[6 * 16 * 16];
	char grid[512], named[512];
	fault e = {.text = ""};
	snprintf(grid, sizeof grid, "%s", scratch_at("grid.png"));
	snprintf(named, sizeof named, "%s", scratch_at("named.png"));
	fill(x, COUNT(x));
	picture_images p = {.x = x, .n = 6, .h = 16, .w = 16, .c = 1, .columns = 3};
	ck_assert_msg(picture_grid(grid, &p, &nothing_known, &e), "%s", e.text);
	image im = opened(grid);
	ck_assert(im.h == 2 * 16 * 4 + 3 * 2 && im.w == 3 * 16 * 4 + 4 * 2 && im.c == 1);
	/* names stand over the columns that have one */
	p.heads = "cat\n \na long name that does not fit\n";
	ck_assert(picture_grid(named, &p, &nothing_known, &e));
	image heads = opened(named);
	ck_assert(heads.h == im.h + FRAME_HEAD && heads.w == im.w && ends_with(&heads, &im));
	for (int k = 0; k < 3; k++) {
		const int n = letters(&heads, 0, k * im.w / 3, FRAME_HEAD, (k + 1) * im.w / 3);
		ck_assert_msg(k == 1 ? n == 0 : n > 10, "column %d: %d", k, n);
	}
	/* and beside the rows: of two classes, the second row has the name of the second */
	p.heads = NULL;
	p.sides = " \ndog\n";
	p.cycle = 2;
	ck_assert(picture_grid(named, &p, &nothing_known, &e));
	image sides = opened(named);
	const int left = sides.w - im.w;
	ck_assert(left > 20 && sides.h == im.h && ends_with(&sides, &im));
	ck_assert_int_eq(letters(&sides, 0, 0, im.h / 2, left), 0);
	ck_assert_int_gt(letters(&sides, im.h / 2, 0, im.h, left), 10);
	image_free(&heads);
	image_free(&sides);
	image_free(&im);
}
END_TEST

/* The title in letters, the rest in the file: one that is found later says what it was made of. */
START_TEST(a_picture_says_what_made_it)
{
	static real x[6 * 16 * 16];
	static const char *const texts[] = {"Title", "samples: a <b>, step 1,234,567", "Source", "a <b>", "sagan:step",
		"1234567", "sagan:seed", "42", "sagan:config", "name: a\nsteps: 5\n"};
	fault e = {.text = ""};
	const picture_about about = {.what = "samples", .name = "a <b>", .step = 1234567, .seed = 42,
		.config = "name: a\nsteps: 5\n"};
	const picture_images p = {.x = x, .n = 6, .h = 16, .w = 16, .c = 1, .columns = 3};
	ck_assert_msg(picture_grid(scratch_at("a.png"), &p, &about, &e), "%s", e.text);
	image im = opened(scratch_at("a.png"));
	ck_assert_int_eq(im.h, FRAME_TITLE + 2 * 16 * 4 + 3 * 2);
	ck_assert_int_gt(letters(&im, 0, 0, FRAME_TITLE, im.w), 100);
	image_free(&im);
	size_t n;
	char *bytes = file_bytes(scratch_at("a.png"), &n);
	for (int i = 0; i < COUNT(texts); i++)
		ck_assert_msg(bytes_hold(bytes, n, texts[i]), "no %s in the file", texts[i]);
	free(bytes);
}
END_TEST

/* ---- curves ---- */

static void store(const char *name, const char *text)
{
	file_store(scratch_at(name), text, strlen(text));
}

/* A row that is being written has no step yet, no value, or no end: none is a point. */
START_TEST(columns_are_found_by_name)
{
	fault e = {.text = ""};
	csv c;
	store("a.csv", "step,b,c\n1,10,100\n2,,200\n3,nan,300\n\nx,1,2\n4,40\n5,50,5");
	ck_assert_msg(csv_read(&c, scratch_at("a.csv"), &e), "%s", e.text);
	ck_assert(c.columns == 3 && c.n == 4);
	ck_assert_int_eq(csv_find(&c, "a.csv", "c", &e), 2);
	ck_assert(c.x[0][3] == 4 && c.x[1][0] == 10 && c.x[2][2] == 300);
	ck_assert(isnan(c.x[1][1]) && isnan(c.x[1][2]) && isnan(c.x[2][3]));
	ck_assert_int_eq(csv_find(&c, "a.csv", "d", &e), -1);
	ck_assert_str_eq(e.text, "a.csv: no column d");
	csv_free(&c);
	store("a.csv", "");
	ck_assert(!csv_read(&c, scratch_at("a.csv"), &e));
	ck_assert_msg(strstr(e.text, "a.csv: is empty"), "%s", e.text);
	ck_assert(!csv_read(&c, "/nowhere/a.csv", &e));
	ck_assert_msg(strstr(e.text, "/nowhere/a.csv: No such file"), "%s", e.text);
}
END_TEST

START_TEST(curves_are_those_of_the_run)
{
	fault e = {.text = ""};
	svg s;
	picture_about about = {.name = "a </svg> b", .step = 20, .seed = 1};
	char dir[512];
	snprintf(dir, sizeof dir, "%s", scratch_folder());
	store("metrics.csv", "step,epoch,d_loss,g_loss,d_real,d_fake\n10,0.1,1,2,0.5,-0.5\n20,0.2,0.9,1.9,0.4,-0.4\n");
	ck_assert_msg(curves_svg(curves_find("loss"), dir, &about, &s, &e), "%s", e.text);
	ck_assert_ptr_nonnull(strstr(s.text, ">D(fake)</text>"));
	ck_assert_ptr_nonnull(strstr(s.text, ">step</text>"));
	ck_assert_ptr_nonnull(strstr(s.text, ">a &lt;/svg&gt; b, step 20</text>"));
	svg_free(&s);
	ck_assert_msg(curves_picture(curves_find("loss"), dir, scratch_at("loss.png"), &about, &e), "%s", e.text);
	image im = opened(scratch_at("loss.png"));
	ck_assert(im.w == 900 && im.h == 500);
	image_free(&im);
	ck_assert(!curves_svg(curves_find("scores"), dir, &about, &s, &e));
	ck_assert_msg(strstr(e.text, "scores.csv: No such file"), "%s", e.text);
	store("scores.csv", "step,other\n1,2\n");
	ck_assert(!curves_svg(curves_find("scores"), dir, &about, &s, &e));
	ck_assert_msg(strstr(e.text, "scores.csv: no column score"), "%s", e.text);
}
END_TEST

/* ---- the page ---- */

static const char HOSTILE[] = "<!--<b&'onload=\"x\">", HOSTILE_CLASS[] = "</script><b onload=\"x\">";

/* A run of a few steps in the folder `name` of the scratch folder, whose name and first class are markup. */
static void make_run_of(int64_t steps, const char *name, const char *more, char dir[RUN_PATH_MAX])
{
	fault e = {.text = ""};
	enum run_end end;
	dataset *d = tiny_data(25, 16, 2);
	config c = tiny_config(TINY_PLAIN, (const char *[]){"train.sample_every=5", "steps=10", "train.log_every=2",
		more, NULL});
	snprintf(c.name, sizeof c.name, "%s", HOSTILE);
	snprintf(c.data.class_names, sizeof c.data.class_names, "%s, dog", HOSTILE_CLASS);
	snprintf(dir, RUN_PATH_MAX, "%s", scratch_at(name));
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t && run_trainer(t, &(run_options){.out = dir, .steps = steps}, &end, &e), "%s", e.text);
	trainer_free(t);
	config_free(&c);
	dataset_free(d);
}

static void make_run(const char *name, const char *more, char dir[RUN_PATH_MAX])
{
	make_run_of(10, name, more, dir);
}

/* The page's JSON as a browser sees it: up to the first end of its script element. */
static json_t *page_json(const char *path, size_t *size)
{
	char *page = file_bytes(path, size);
	char *begin = strstr(page, "id=\"data\">");
	ck_assert_ptr_nonnull(begin);
	char *end = strstr(begin += strlen("id=\"data\">"), "</script>");
	ck_assert_ptr_nonnull(end);
	json_error_t why;
	json_t *all = json_loadb(begin, (size_t)(end - begin), 0, &why);
	ck_assert_msg(all != NULL, "%s", why.text);
	free(page);
	return all;
}

static int occurrences(const char *text, const char *word)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word))
		n++;
	return n;
}

/* Of a key of the config; NULL: the page has it not. */
static const char *value_on_page(const json_t *run, const char *key)
{
	const json_t *all = json_object_get(run, "config");
	for (size_t i = 0; i < json_array_size(all); i++)
		if (!strcmp(json_string_value(json_array_get(json_array_get(all, i), 0)), key))
			return json_string_value(json_array_get(json_array_get(all, i), 1));
	return NULL;
}

/* No name, folder or value of a config is markup, wherever it stands. */
START_TEST(a_hostile_name_does_no_harm)
{
	char dir[RUN_PATH_MAX], path[2 * RUN_PATH_MAX];
	size_t n;
	make_run("<img src=x>", NULL, dir);
	snprintf(path, sizeof path, "%s/report.html", dir);
	char *page = file_bytes(path, &n);
	ck_assert_int_eq(occurrences(page, "</script>"), 2);
	ck_assert_int_eq(occurrences(page, "<!--"), 0);
	ck_assert_int_eq(occurrences(page, "<b onload"), 0);
	ck_assert_int_eq(occurrences(page, "<img"), 0);
	free(page);
	json_t *all = page_json(path, &n), *one = json_array_get(json_object_get(all, "runs"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "name")), HOSTILE);
	ck_assert_ptr_nonnull(strstr(value_on_page(one, "data.class_names"), "</script><b onload="));
	json_decref(all);
}
END_TEST

/* Training wrote it. Heads are counted from 1, as `sagan attend` does. */
START_TEST(the_page_holds_the_run)
{
	char dir[RUN_PATH_MAX], path[2 * RUN_PATH_MAX];
	size_t n;
	make_run("run", "model.layers_g=[{at: 4, type: mhsa, heads: 2}, {at: 8, type: official}]", dir);
	snprintf(path, sizeof path, "%s/report.html", dir);
	json_t *all = page_json(path, &n), *one = json_array_get(json_object_get(all, "runs"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(one, "step")), 10);
	for (int i = 0; i < config_key_count(); i++)
		ck_assert_int_eq(value_on_page(one, config_key_at(i)->name) != NULL, config_key_used(i, CONFIG_GAN));
	const json_t *loss = json_array_get(json_object_get(one, "curves"), 0), *s = json_object_get(loss, "series");
	ck_assert_str_eq(json_string_value(json_object_get(loss, "id")), "loss");
	ck_assert_uint_eq(json_array_size(s), 4);
	ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(s, 0), "y")), 5);
	const json_t *samples = json_object_get(one, "samples");
	ck_assert_uint_eq(json_array_size(samples), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(samples, 1), "step")), 10);
	ck_assert_int_eq(strncmp(json_string_value(json_object_get(json_array_get(samples, 0), "png")), "iVBORw0KGgo",
		11), 0);
	const json_t *shown = json_array_get(json_object_get(one, "attention"), 0);
	const json_t *map = json_array_get(json_object_get(shown, "layers"), 0);
	static const char *const name[] = {"attention4 (mhsa), mean of 2 heads", "attention4 (mhsa), head 1 of 2",
		"attention4 (mhsa), head 2 of 2", "attention8 (official)"};
	for (int i = 0; i < COUNT(name); i++)
		ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(shown, "layers"),
			(size_t)i), "name")), name[i]);
	json_int_t size = 1;
	const char *const side[] = {"qh", "qw", "kh", "kw"};
	for (int i = 0; i < COUNT(side); i++)
		size *= json_integer_value(json_object_get(map, side[i]));
	ck_assert_int_gt(size, 16);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(map, "map"))), (size_t)(size + 2) / 3 * 4);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(shown, "pixels"))), (256 + 2) / 3 * 4);
	json_decref(all);
}
END_TEST

/* Whatever the program and the folder are called. */
START_TEST(a_page_has_the_command_that_goes_on)
{
	char dir[RUN_PATH_MAX], path[2 * RUN_PATH_MAX], want[2 * RUN_PATH_MAX + 200], program[160];
	fault e = {.text = ""};
	size_t n;
	make_run("a run", NULL, dir);
	snprintf(path, sizeof path, "%s/page.html", dir);
	snprintf(program, sizeof program, "/%0100d/my programs/sagan", 7);
	static const char *const quote[] = {"", "'"};
	for (int i = 0; i < COUNT(quote); i++) {
		const report_run run = {.folder = dir};
		ck_assert_msg(report_write(path, &run, 1, i ? program : "sagan", &e), "%s", e.text);
		json_t *all = page_json(path, &n), *one = json_array_get(json_object_get(all, "runs"), 0);
		snprintf(want, sizeof want, "%s%s%s train '%s'", quote[i], i ? program : "sagan", quote[i], dir);
		ck_assert_str_eq(json_string_value(json_object_get(one, "go_on")), want);
		json_decref(all);
	}
}
END_TEST

/* A long run of large pictures: the page has its limit, the first and the last picture, and the last point. */
START_TEST(a_page_has_its_limit)
{
	enum { PICTURES = 120, BYTES = 150000, ROWS = 30000 };
	char dir[RUN_PATH_MAX], path[2 * RUN_PATH_MAX];
	fault e = {.text = ""};
	size_t n;
	make_run("run", NULL, dir);
	char *bytes = calloc(1, BYTES);
	for (int i = 1; i <= PICTURES; i++) {
		snprintf(path, sizeof path, "%s/samples-%08d.png", dir, 1000 * i);
		file_store(path, bytes, BYTES);
	}
	free(bytes);
	snprintf(path, sizeof path, "%s/metrics.csv", dir);
	FILE *f = fopen(path, "w");
	fprintf(f, "step,epoch,d_loss,g_loss,d_real,d_fake,x/gamma,y/gamma\n");
	for (int i = 1; i <= ROWS; i++)
		fprintf(f, "%d,1,0.123456789,%d.987654321,3.3,4.4,5.5,6.6\n", i, i);
	fclose(f);
	snprintf(path, sizeof path, "%s/page.html", dir);
	report_run run[REPORT_RUNS_MOST];
	for (int runs = 1; runs <= REPORT_RUNS_MOST; runs += REPORT_RUNS_MOST - 1) {
		for (int i = 0; i < runs; i++)
			run[i] = (report_run){.folder = dir};
		ck_assert_msg(report_write(path, run, runs, "sagan", &e), "%s", e.text);
		json_t *all = page_json(path, &n), *one = json_array_get(json_object_get(all, "runs"), 0);
		ck_assert_msg(n < REPORT_BYTES_MOST, "%d runs: %zu bytes", runs, n);
		const json_t *samples = json_object_get(one, "samples");
		const size_t some = json_array_size(samples);
		ck_assert_msg(some > 0 && some <= 30, "%zu samples", some);
		ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(samples, some - 1), "step")),
			1000 * PICTURES);
		const json_t *g = json_array_get(json_object_get(json_array_get(json_object_get(one, "curves"), 0),
			"series"), 1), *y = json_object_get(g, "y");
		const size_t points = json_array_size(y);
		const double bucket = (double)ROWS / (double)points;
		ck_assert_double_eq_tol(json_number_value(json_array_get(y, points - 1)),
			ROWS + 0.987654321 - (bucket - 1) / 2, 1);
		json_decref(all);
	}
}
END_TEST

/* Two processes of 7 and 5 seconds are 12; the best score is not the last. */
START_TEST(facts_are_those_of_all_processes)
{
	char dir[RUN_PATH_MAX], path[2 * RUN_PATH_MAX];
	fault e = {.text = ""};
	run_facts r;
	make_run("run", NULL, dir);
	snprintf(path, sizeof path, "%s/timing.csv", dir);
	static const char times[] = "step,seconds,images_per_s\n2,3,10\n4,7,30\n6,2,20\n8,5,20\n";
	file_store(path, times, sizeof times - 1);
	snprintf(path, sizeof path, "%s/scores.csv", dir);
	static const char scores[] = "step,score\n2,5\n4,3\n6,nan\n8,4\n";
	file_store(path, scores, sizeof scores - 1);
	ck_assert_msg(facts_read(&r, dir, &e), "%s", e.text);
	ck_assert(r.seconds == 12 && r.images_per_s == 20 && r.step == 10);
	ck_assert(r.has_score && r.best_score == 3 && r.best_at == 4 && r.last_score == 4 && r.last_at == 8);
	ck_assert_ptr_nonnull(strstr(r.program, "sagan "));
	facts_free(&r);
	/* clocks that do not fall: 2, 3, 4 (the last of a file without the column), 5 and 6 seconds */
	snprintf(path, sizeof path, "%s/timing.csv", dir);
	static const char more[] = "step,seconds,images_per_s,from\n1,2,10,\n2,1,10,\n3,3,10,\n4,4,10,3\n5,4.5,9,4\n"
		"6,5,9,4\n7,6,10,6\n";
	file_store(path, more, sizeof more - 1);
	ck_assert_msg(facts_read(&r, dir, &e), "%s", e.text);
	ck_assert_double_eq(r.seconds, 2 + 3 + 4 + 5 + 6);
	facts_free(&r);
	/* rows that a full disk has cut, and one that is being written */
	static const char cut[] = "step,seconds,images_per_s,from\n2,3,10,0\n4,7,\n6,8,30,0\n8,9\n10,10,20,0\n12,11,4";
	file_store(path, cut, sizeof cut - 1);
	ck_assert_msg(facts_read(&r, dir, &e), "%s", e.text);
	ck_assert(r.seconds == 10 && r.images_per_s == 20);
	facts_free(&r);
	const answer a = sagan("compare --json %s %s", dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, "\"seconds\":10.0,"), "%s", a.text);
	ck_assert(!facts_read(&r, "/nowhere", &e));
	ck_assert_str_eq(e.text, "/nowhere: no such folder");
	ck_assert(!facts_read(&r, path, &e));
	ck_assert_msg(strstr(e.text, "is not the folder of a run"), "%s", e.text);
}
END_TEST

START_TEST(bytes_become_base64)
{
	/* RFC 4648, section 10 */
	static const char *const row[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xff\xef\xbe", "/+++"}};
	for (int i = 0; i < COUNT(row); i++) {
		char *text = base64_text(row[i][0], strlen(row[i][0]));
		ck_assert_str_eq(text, row[i][1]);
		free(text);
	}
}
END_TEST

/* ---- the commands ---- */

START_TEST(runs_are_compared_and_reported)
{
	char one[RUN_PATH_MAX], two[RUN_PATH_MAX];
	make_run("one", NULL, one);
	make_run_of(12, "two", "optim.lr_g=0.5", two);     /* further than its config says */
	answer a = command("%s compare %s %s", sagan_program(), one, two);
	ck_assert_msg(a.status == 0 && strstr(a.text, "optim.lr_g") && strstr(a.text, "0.5")
		&& strstr(a.text, "10 of 10") && strstr(a.text, "  12\n")
		&& !strstr(a.text, "optim.lr_d"), "%s", a.text);
	a = command("%s compare %s %s --json", sagan_program(), one, two);
	ck_assert_int_eq(a.lines, 2);
	json_t *o = json_loads(strchr(a.text, '\n') + 1, JSON_DISABLE_EOF_CHECK, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(o, "differs"), "optim.lr_g")), "0.5");
	json_decref(o);
	a = command("%s compare %s %s", sagan_program(), one, one);
	ck_assert_msg(a.status == 0 && strstr(a.text, "the configs are the same"), "%s", a.text);
	a = command("%s compare %s", sagan_program(), one);
	ck_assert_int_eq(a.status, 2);
	a = command("%s report %s %s --out %s/both.html", sagan_program(), one, two, scratch_folder());
	ck_assert_msg(a.status == 0 && strstr(a.text, "report: "), "%s", a.text);
	size_t n;
	json_t *all = page_json(scratch_at("both.html"), &n);
	ck_assert_uint_eq(json_array_size(json_object_get(all, "runs")), 2);
	json_decref(all);
	a = command("%s report %s/nothing", sagan_program(), scratch_folder());
	ck_assert_msg(a.status == 1 && a.lines == 1 && strstr(a.text, "nothing: no such folder"), "%s",
		a.text);
}
END_TEST

/* Lists of layers that differ only near their end, where 1,984 letters are allowed. */
START_TEST(long_values_are_shown_whole)
{
	enum { LAYERS = 4 };
	char yaml[4096], value[2048];
	size_t size;
	for (int r = 0; r < 2; r++) {
		size_t n = 0;
		for (int i = 0; i < LAYERS; i++)
			n += (size_t)snprintf(value + n, sizeof value - n, "%s{at: %d, type: mhsa, "
				"place: after, gamma: 0.125, residual: gamma, heads: 2, key_dim: 4, "
				"position: absolute, out_weight: true, out_bias: true, "
				"dropout: %s}", i ? ", " : "", 8 << i,
				i + 1 < LAYERS ? "0.25" : r ? "0.5" : "0.125");
		snprintf(yaml, sizeof yaml, "batch: 4\ndata: {format: random}\n"
			"model: {network: resnet, size: 128, g_channels: 8, d_channels: 8, layers_d: [%s]}\n", value);
		file_store(scratch_at(r ? "two/config.yaml" : "one/config.yaml"), yaml, strlen(yaml));
	}
	const char *dir = scratch_folder();
	answer a = sagan("compare %s/one %s/two", dir, dir);
	ck_assert_msg(a.status == 0 && strstr(a.text, ", dropout: 0.125}]  ") && strstr(a.text, ", dropout: 0.5}]\n"),
		"%.500s", a.text);
	a = sagan("compare --json %s/one %s/two", dir, dir);
	ck_assert_msg(strstr(a.text, ", dropout: 0.125}]\"") && strstr(a.text, ", dropout: 0.5}]\""), "%.500s", a.text);
	a = sagan("report %s/two", dir);
	ck_assert_msg(a.status == 0, "%s", a.text);
	json_t *all = page_json(scratch_at("two/report.html"), &size);
	const json_t *one = json_array_get(json_object_get(all, "runs"), 0);
	ck_assert_msg(strstr(value_on_page(one, "model.layers_d"), ", dropout: 0.5}]"), "%s",
		value_on_page(one, "model.layers_d"));
	json_decref(all);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{names_stand_over_columns_and_beside_rows, 1},
		{a_picture_says_what_made_it, 1},
		{columns_are_found_by_name, 1},
		{curves_are_those_of_the_run, 1},
		{a_hostile_name_does_no_harm, 1},
		{the_page_holds_the_run, 1},
		{a_page_has_the_command_that_goes_on, 1},
		{a_page_has_its_limit, 1},
		{facts_are_those_of_all_processes, 1},
		{bytes_become_base64, 1},
		{runs_are_compared_and_reported, 1},
		{long_values_are_shown_whole, 1},
	};
	return suite_run("report", tests, COUNT(tests), 60);
}
