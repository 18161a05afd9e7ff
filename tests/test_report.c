/* test_report.c - what a run shows: words around its pictures, its curves, its page. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/report/curves.h"
#include "gan/sample/pictures.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/scratch.h"
#include "tests/suite.h"

static const picture_about nothing_known = {.step = -1, .seed = -1};

/* ---- words around pictures ---- */

static void fill(real *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = (real)(i % 17) / 8 - 1;
}

static bool holds(const char *bytes, size_t n, const char *text)
{
	const size_t k = strlen(text);
	for (size_t i = 0; i + k <= n; i++)
		if (memcmp(bytes + i, text, k) == 0)
			return true;
	return false;
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
		ck_assert_msg(holds(bytes, n, texts[i]), "no %s in the file", texts[i]);
	free(bytes);
}
END_TEST

/* ---- curves ---- */

static void store(const char *name, const char *text)
{
	file_store(scratch_at(name), text, strlen(text));
}

/* A row that is being written has no step yet, or no value: neither is a point. */
START_TEST(columns_are_found_by_name)
{
	fault e = {.text = ""};
	csv c;
	store("a.csv", "step,b,c\n1,10,100\n2,,200\n3,nan,300\n\nx,1,2\n4,40");
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
	ck_assert_msg(strstr(e.text, "/nowhere/a.csv: cannot be read"), "%s", e.text);
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
	ck_assert_msg(strstr(e.text, "scores.csv: cannot be read: No such file"), "%s", e.text);
	store("scores.csv", "step,other\n1,2\n");
	ck_assert(!curves_svg(curves_find("scores"), dir, &about, &s, &e));
	ck_assert_msg(strstr(e.text, "scores.csv: no column score"), "%s", e.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{names_stand_over_columns_and_beside_rows, 1},
		{a_picture_says_what_made_it, 1},
		{columns_are_found_by_name, 1},
		{curves_are_those_of_the_run, 1},
	};
	return suite_run("report", tests, COUNT(tests), 60);
}
