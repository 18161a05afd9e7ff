/* test_pictures.c - PNG files of every kind, resizing, grids and charts. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/local.h"
#include "data/picture/chart.h"
#include "data/picture/png.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/suite.h"

/* ---- round trips ---- */

static const int sizes[][3] = {{1, 1, 1}, {1, 7, 3}, {5, 3, 3}, {28, 28, 1}, {33, 64, 3}, {300, 200, 3}};

START_TEST(what_is_written_is_read_again)
{
	const int h = sizes[_i][0], w = sizes[_i][1], c = sizes[_i][2];
	uint8_t *x = malloc((size_t)(h * w * c));
	fault e;
	image im;
	for (int i = 0; i < h * w * c; i++)
		x[i] = (uint8_t)(i * 2654435761u >> 13);
	ck_assert_msg(png_write(scratch_at("a.png"), x, h, w, c, &e), "%s", e.text);
	ck_assert_msg(picture_open(scratch_at("a.png"), &im, &e), "%s", e.text);
	ck_assert(im.h == h && im.w == w && im.c == c);
	ck_assert_mem_eq(im.x, x, (size_t)(h * w * c));
	image_free(&im);
	free(x);
}
END_TEST

/* ---- kinds: one row of pixels each, and what it must become ---- */

static const uint8_t red_blue[] = {255, 0, 0, 0, 0, 255, 9, 9, 9};

static const struct {
	const char *what;
	png_kind kind;
	uint8_t rows[16];
	int c;
	uint8_t want[16];
} kinds[] = {
	{"gray 1 bit", {.w = 4, .h = 1, .depth = 1, .type = 0, .row = 1}, {0x50}, 1, {0, 255, 0, 255}},
	{"gray 2 bits", {.w = 4, .h = 1, .depth = 2, .type = 0, .row = 1}, {0x1b}, 1, {0, 85, 170, 255}},
	{"gray 4 bits", {.w = 2, .h = 1, .depth = 4, .type = 0, .row = 1}, {0x2f}, 1, {34, 255}},
	{"gray 8 bits", {.w = 3, .h = 1, .depth = 8, .type = 0, .row = 3}, {0, 77, 255}, 1, {0, 77, 255}},
	/* 0x7f80 / 257 = 127.0, 0x80ff / 257 = 128.49, 0x01ff / 257 = 1.99 */
	{"gray 16 bits", {.w = 3, .h = 1, .depth = 16, .type = 0, .row = 6}, {0x7f, 0x80, 0x80, 0xff, 0x01, 0xff}, 1,
		{127, 128, 2}},
	{"RGB 16 bits", {.w = 1, .h = 1, .depth = 16, .type = 2, .row = 6}, {0xff, 0xff, 0, 0, 0x40, 0x40}, 3,
		{255, 0, 64}},
	{"palette", {.w = 4, .h = 1, .depth = 2, .type = 3, .row = 1, .palette = red_blue, .palette_n = 9}, {0x18}, 3,
		{255, 0, 0, 0, 0, 255, 9, 9, 9, 255, 0, 0}},
	{"palette with a clear entry", {.w = 3, .h = 1, .depth = 2, .type = 3, .row = 1, .palette = red_blue,
		.palette_n = 9, .trns = (const uint8_t[]){255, 0}, .trns_n = 2}, {0x18}, 3,
		{255, 0, 0, 255, 255, 255, 9, 9, 9}},
	{"gray with a clear value", {.w = 3, .h = 1, .depth = 8, .type = 0, .row = 3,
		.trns = (const uint8_t[]){0, 77}, .trns_n = 2}, {0, 77, 200}, 1, {0, 255, 200}},
	{"gray and alpha", {.w = 3, .h = 1, .depth = 8, .type = 4, .row = 6}, {100, 255, 100, 0, 0, 128}, 1,
		{100, 255, 127}},
	{"RGBA", {.w = 2, .h = 1, .depth = 8, .type = 6, .row = 8}, {10, 20, 30, 255, 0, 100, 200, 51}, 3,
		{10, 20, 30, 204, 224, 244}},
	{"RGBA 16 bits", {.w = 1, .h = 1, .depth = 16, .type = 6, .row = 8}, {0, 0, 0x64, 0x64, 0xc8, 0xc8, 0x33, 0x33},
		3, {204, 224, 244}},
};

START_TEST(every_kind_of_png_becomes_gray_or_rgb_bytes)
{
	uint8_t bytes[8192];
	png_kind k = kinds[_i].kind;
	k.rows = kinds[_i].rows;
	file_put("kind.png", bytes, png_bytes(bytes, sizeof bytes, &k));
	fault e;
	image im;
	picture_size z;
	const size_t n = file_get("kind.png", bytes, sizeof bytes);
	ck_assert_msg(picture_stat("kind.png", bytes, n, &z, &e), "%s: %s", kinds[_i].what, e.text);
	ck_assert_msg(picture_open(scratch_at("kind.png"), &im, &e), "%s: %s", kinds[_i].what, e.text);
	ck_assert(z.h == k.h && z.w == k.w && z.c == kinds[_i].c);
	ck_assert(im.h == k.h && im.w == k.w && im.c == z.c);
	for (int i = 0; i < z.w * z.c; i++)
		ck_assert_msg(im.x[i] == kinds[_i].want[i], "%s: byte %d is %d, must be %d", kinds[_i].what, i, im.x[i],
			kinds[_i].want[i]);
	image_free(&im);
}
END_TEST

/* ---- broken files ---- */

static size_t good_png(uint8_t *bytes, size_t room, int w, int h)
{
	static uint8_t rows[64 * 64];
	for (int i = 0; i < 64 * 64; i++)
		rows[i] = (uint8_t)(i * 37 ^ i >> 3);
	png_kind k = {.w = 64, .h = 64, .depth = 8, .type = 0, .row = 64, .rows = rows};
	const size_t n = png_bytes(bytes, room, &k);
	if (w != 64 || h != 64) {                    /* lie in IHDR: its sum is then wrong too */
		bytes[16] = (uint8_t)(w >> 24);
		bytes[17] = (uint8_t)(w >> 16);
		bytes[18] = (uint8_t)(w >> 8);
		bytes[19] = (uint8_t)w;
		bytes[23] = (uint8_t)h;
	}
	return n;
}

/* Cut at every length: each is an error, none a crash or a half image. */
START_TEST(a_png_cut_anywhere_is_refused)
{
	static uint8_t bytes[16384];
	const size_t n = good_png(bytes, sizeof bytes, 64, 64);
	for (size_t k = 0; k < n - 12; k += k < 64 ? 1 : 97) {     /* the last 12 are the end mark */
		fault e;
		image im;
		file_put("cut.png", bytes, k);
		ck_assert_msg(!picture_open(scratch_at("cut.png"), &im, &e), "cut at %zu", k);
		ck_assert_ptr_null(im.x);
		ck_assert_msg(strstr(e.text, "cut.png: ") != NULL, "%s", e.text);
	}
}
END_TEST

START_TEST(a_png_with_changed_bytes_is_refused_or_read_but_never_worse)
{
	static uint8_t bytes[16384], copy[16384];
	const size_t n = good_png(bytes, sizeof bytes, 64, 64);
	int refused = 0;
	for (unsigned k = 0; k < 400; k++) {
		memcpy(copy, bytes, n);
		copy[8 + k * 2654435761u % (n - 8)] ^= (uint8_t)(1 + k % 255);
		file_put("changed.png", copy, n);
		fault e;
		image im;
		if (picture_open(scratch_at("changed.png"), &im, &e))
			image_free(&im);
		else
			refused++;
	}
	ck_assert_int_gt(refused, 200);
}
END_TEST

START_TEST(files_that_are_no_png_are_named)
{
	static uint8_t bytes[16384];
	fault e;
	image im;
	ck_assert(!picture_open(scratch_at("missing.png"), &im, &e));
	ck_assert_msg(strstr(e.text, "missing.png: cannot read: No such file") != NULL, "%s", e.text);
	file_put("text.png", "hello, world", 12);
	ck_assert(!picture_open(scratch_at("text.png"), &im, &e));
	ck_assert_msg(strstr(e.text, "text.png: no picture that is read: its first bytes are those of no PNG, JPEG, "
		"WebP or GIF") != NULL, "%s", e.text);
	ck_assert(!picture_open("/", &im, &e));
	ck_assert_msg(strstr(e.text, "not a regular file") != NULL, "%s", e.text);
	file_put("lie.png", bytes, good_png(bytes, sizeof bytes, 1 << 30, 200));
	ck_assert(!picture_open(scratch_at("lie.png"), &im, &e));
	ck_assert_msg(strstr(e.text, "lie.png: damaged or truncated PNG") != NULL, "%s", e.text);
}
END_TEST

/* A correct file that is only too large must be refused before memory is taken. */
START_TEST(a_png_that_is_too_large_is_refused)
{
	static uint8_t row[DATA_SIDE_MAX + 8], bytes[DATA_SIDE_MAX + 8192];
	png_kind k = {.w = DATA_SIDE_MAX + 1, .h = 1, .depth = 8, .type = 0, .row = DATA_SIDE_MAX + 1, .rows = row};
	fault e;
	image im;
	file_put("wide.png", bytes, png_bytes(bytes, sizeof bytes, &k));
	ck_assert(!picture_open(scratch_at("wide.png"), &im, &e));
	ck_assert_msg(strstr(e.text, "larger than 16384 pixels a side") != NULL, "%s", e.text);
	k.w--;
	k.row--;
	file_put("wide.png", bytes, png_bytes(bytes, sizeof bytes, &k));
	ck_assert_msg(picture_open(scratch_at("wide.png"), &im, &e), "%s", e.text);
	image_free(&im);
}
END_TEST

/* The disk is full (here: files may not grow beyond 100 bytes): the old picture stays, and alone. */
START_TEST(a_failed_write_leaves_the_old_file)
{
	static uint8_t x[64 * 64], before[8192], after[8192];
	fault e;
	x[5] = 9;
	ck_assert(png_write(scratch_at("w/old.png"), x, 8, 8, 1, &e));
	const size_t n = file_get("w/old.png", before, sizeof before);
	for (int i = 0; i < 64 * 64; i++)
		x[i] = (uint8_t)(i * 2654435761u >> 9);
	disk_full(100);
	const bool ok = png_write(scratch_at("w/old.png"), x, 64, 64, 1, &e);
	disk_free();
	ck_assert(!ok);
	ck_assert_msg(strstr(e.text, "old.png: cannot write") != NULL, "%s", e.text);
	ck_assert_uint_eq(file_get("w/old.png", after, sizeof after), n);
	ck_assert_mem_eq(before, after, n);
	ck_assert_int_eq(unlink(scratch_at("w/old.png")), 0);
	ck_assert_int_eq(rmdir(scratch_at("w")), 0);  /* empty: no temporary file stayed */
	ck_assert(!png_write("/nowhere/at/all.png", x, 8, 8, 1, &e));
	ck_assert_msg(strstr(e.text, "/nowhere/at/all.png: cannot") != NULL, "%s", e.text);
}
END_TEST

/* ---- resizing ---- */

static void convert(const uint8_t *from, int sh, int sw, int sc, uint8_t *to, int h, int w, int c,
	enum data_resize mode)
{
	fault e;
	ck_assert_msg(image_convert(from, sh, sw, sc, to, h, w, c, mode, &e), "%s", e.text);
}

START_TEST(shrinking_by_whole_factors_is_the_mean_of_blocks)
{
	uint8_t x[6 * 9], y[2 * 3];
	for (int i = 0; i < 54; i++)
		x[i] = (uint8_t)(i * 97 % 256);
	convert(x, 6, 9, 1, y, 2, 3, 1, RESIZE_STRETCH);
	for (int i = 0; i < 6; i++) {
		int sum = 0;
		for (int k = 0; k < 9; k++)
			sum += x[(i / 3 * 3 + k / 3) * 9 + i % 3 * 3 + k % 3];
		ck_assert_int_eq(y[i], (int)(sum / 9.0 + 0.5));
	}
}
END_TEST

/* 3 pixels as 2: each takes one whole and half of the middle one. */
START_TEST(shrinking_by_other_factors_weighs_by_area)
{
	const uint8_t x[3] = {0, 90, 180}, want[2] = {30, 150};
	uint8_t y[2];
	convert(x, 1, 3, 1, y, 1, 2, 1, RESIZE_STRETCH);
	ck_assert_mem_eq(y, want, 2);
	convert(x, 3, 1, 1, y, 2, 1, 1, RESIZE_STRETCH);
	ck_assert_mem_eq(y, want, 2);
}
END_TEST

/* Half-pixel centres: doubling 0, 100 gives 0, 25, 75, 100. */
START_TEST(growing_is_bilinear_with_half_pixel_centres)
{
	const uint8_t x[2] = {0, 100}, want[4] = {0, 25, 75, 100};
	uint8_t y[4];
	convert(x, 1, 2, 1, y, 1, 4, 1, RESIZE_STRETCH);
	ck_assert_mem_eq(y, want, 4);
}
END_TEST

START_TEST(a_constant_stays_constant_at_any_size)
{
	static uint8_t x[64 * 64 * 3], y[64 * 64 * 3];
	memset(x, 201, sizeof x);
	for (int sh = 1; sh <= 40; sh += 13)
		for (int sw = 1; sw <= 40; sw += 7)
			for (int h = 1; h <= 64; h += 21)
				for (int w = 1; w <= 64; w += 9)
					for (int mode = RESIZE_CROP; mode <= RESIZE_STRETCH; mode += 2) {
						memset(y, 0, sizeof y);
						convert(x, sh, sw, 3, y, h, w, 3, (enum data_resize)mode);
						ck_assert_mem_eq(y, x, (size_t)(h * w * 3));
					}
}
END_TEST

START_TEST(modes_cut_frame_stretch_and_pad)
{
	/* 2 x 4: columns 10 20 30 40 */
	const uint8_t x[8] = {10, 20, 30, 40, 10, 20, 30, 40};
	static const struct {
		enum data_resize mode;
		int h, w;
		uint8_t want[16];
	} row[] = {
		{RESIZE_CROP, 2, 2, {20, 30, 20, 30}},
		{RESIZE_CROP, 2, 3, {10, 20, 30, 10, 20, 30}},       /* not a mean of two columns */
		{RESIZE_FIT, 4, 4, {0, 0, 0, 0, 10, 20, 30, 40, 10, 20, 30, 40, 0, 0, 0, 0}},
		{RESIZE_STRETCH, 2, 2, {15, 35, 15, 35}},
		{RESIZE_PAD, 4, 2, {0, 0, 20, 30, 20, 30, 0, 0}},
		{RESIZE_PAD, 1, 6, {0, 10, 20, 30, 40, 0}},
	};
	for (int i = 0; i < COUNT(row); i++) {
		uint8_t y[16];
		convert(x, 2, 4, 1, y, row[i].h, row[i].w, 1, row[i].mode);
		for (int k = 0; k < row[i].h * row[i].w; k++)
			ck_assert_msg(y[k] == row[i].want[k], "row %d, pixel %d: %d, must be %d", i, k, y[k],
				row[i].want[k]);
	}
}
END_TEST

START_TEST(channels_are_converted_by_luma_and_by_copies)
{
	const uint8_t rgb[9] = {255, 0, 0, 0, 255, 0, 0, 0, 255}, want[3] = {76, 150, 29};
	uint8_t gray[3], back[9];
	convert(rgb, 1, 3, 3, gray, 1, 3, 1, RESIZE_CROP);
	ck_assert_mem_eq(gray, want, 3);
	convert(gray, 1, 3, 1, back, 1, 3, 3, RESIZE_CROP);
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(back[i], gray[i / 3]);
}
END_TEST

/* ---- grids and charts ---- */

START_TEST(a_grid_places_scales_and_clamps)
{
	/* three images 1x2, gray: the last value is not a number */
	const real x[6] = {-1, 1, 0, 5, -7, (real)NAN};
	image g;
	fault e;
	ck_assert(image_grid(&g, x, 3, 1, 2, 1, 2, 3, &e));
	ck_assert(g.h == 2 * (3 + 2) + 2 && g.w == 2 * (6 + 2) + 2 && g.c == 1);
	static const struct {
		int y, x, v;
	} at[] = {
		{2, 2, 0}, {4, 4, 0}, {2, 5, 255}, {4, 7, 255}, {2, 10, 128}, {2, 13, 255}, {7, 2, 0}, {7, 5, 0},
		{0, 0, 48}, {2, 8, 48}, {5, 2, 48}, {7, 10, 48},
	};
	for (int i = 0; i < COUNT(at); i++)
		ck_assert_msg(g.x[at[i].y * g.w + at[i].x] == at[i].v, "pixel %d,%d is %d, must be %d", at[i].y,
			at[i].x, g.x[at[i].y * g.w + at[i].x], at[i].v);
	image_free(&g);
	ck_assert(!image_grid(&g, x, 3, 1, 2, 1, 3, 10000, &e));
	ck_assert_msg(strstr(e.text, "take fewer images") != NULL, "%s", e.text);
}
END_TEST

static image white(int h, int w, int c)
{
	image im;
	fault e;
	ck_assert(image_init(&im, h, w, c, &e));
	memset(im.x, 255, (size_t)(h * w * c));
	return im;
}

/* Pixels of rows [y0,y1) that are no longer white. */
static int drawn(const image *im, int y0, int y1)
{
	int n = 0;
	for (int i = y0 * im->w * im->c; i < y1 * im->w * im->c; i += im->c)
		n += im->x[i] < 200;
	return n;
}

static svg bar_and_word(const char *word)
{
	svg s;
	svg_begin(&s, 60, 80, "x");
	svg_rect(&s, 10, 20, 10, 30, SVG_CURVE);
	svg_text(&s, 50, 40, SVG_MIDDLE, 16, SVG_INK, word);
	svg_end(&s);
	return s;
}

/* Over what is there: a shape covers exactly its pixels, in colour and in gray. */
START_TEST(a_drawing_lies_over_a_picture)
{
	fault e = {.text = ""};
	svg s = bar_and_word("Word");
	for (int c = 1; c <= 3; c += 2) {
		image im = white(60, 80, c);
		ck_assert_msg(svg_over(&s, &im, &e), "%s", e.text);
		const uint8_t *in = im.x + (15 * 80 + 30) * c, *out = im.x + (15 * 80 + 51) * c;
		const uint8_t blue[3] = {0, 0x72, 0xb2}, gray = (uint8_t)image_luma(blue);
		ck_assert_mem_eq(in, c == 3 ? blue : &gray, (size_t)c);
		ck_assert_int_eq(out[0], 255);
		ck_assert_int_eq(drawn(&im, 0, 25), 300);
		ck_assert_int_gt(drawn(&im, 30, 60), 40);
		image_free(&im);
	}
	svg_free(&s);
}
END_TEST

START_TEST(without_a_font_texts_are_left_out)
{
	static const char none[] = "<?xml version=\"1.0\"?><fontconfig></fontconfig>";
	fault e = {.text = ""};
	file_put("fonts.conf", (const uint8_t *)none, sizeof none - 1);
	setenv("FONTCONFIG_FILE", scratch_at("fonts.conf"), 1);
	ck_assert(!svg_has_font(&e));
	ck_assert_msg(strstr(e.text, "no font") && strstr(e.text, "fonts-dejavu-core"), "%s", e.text);
	svg s = bar_and_word("Word");
	image im = white(60, 80, 3);
	ck_assert_msg(svg_over(&s, &im, &e), "%s", e.text);
	ck_assert_int_eq(drawn(&im, 0, 25), 300);
	ck_assert_int_eq(drawn(&im, 25, 60), 0);
	image_free(&im);
	svg_free(&s);
}
END_TEST

/* Names come from configs: no byte of one is markup, or no text at all. */
START_TEST(texts_of_drawings_are_escaped)
{
	static const char *const row[][2] = {
		{"a</text><b a=\"1\">&amp;", ">a&lt;/text&gt;&lt;b a=&quot;1&quot;&gt;&amp;amp;<"},
		{"tab\there, bell\a", ">tab?here, bell?<"},
		{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", ">\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80<"},
		{"\xff\xc0\xaf", ">???" "<"}, {"\xed\xa0\x80", ">???" "<"}, {"cut \xe2\x82", ">cut ??" "<"},
		{"\xef\xbf\xbf", ">???" "<"}, {"\xc2\x85", ">??" "<"},
	};
	fault e = {.text = ""};
	for (int i = 0; i < COUNT(row); i++) {
		svg s = bar_and_word(row[i][0]);
		ck_assert_msg(strstr(s.text, row[i][1]), "%d: %s", i, s.text);
		image im = white(60, 80, 3);
		ck_assert_msg(svg_over(&s, &im, &e), "%d: %s", i, e.text);
		image_free(&im);
		svg_free(&s);
	}
}
END_TEST

/* The estimate decides where legends stand and names are cut. */
START_TEST(texts_are_not_wider_than_is_said)
{
	static const char *const row[] = {"D(real)", "million images, WWW mmm", "ill fit till 11.111", "0123456789"};
	fault e = {.text = ""};
	for (int i = 0; i < COUNT(row); i++) {
		svg s;
		image im = white(40, 400, 1);
		svg_begin(&s, 40, 400, "x");
		svg_text(&s, 25, 0, SVG_START, 14, SVG_INK, row[i]);
		svg_end(&s);
		ck_assert_msg(svg_over(&s, &im, &e), "%s", e.text);
		int end = 0;
		for (int k = 0; k < 40 * 400; k++)
			if (im.x[k] < 200)
				end = MAX(end, k % 400 + 1);
		const double said = svg_text_width(row[i], 14);
		ck_assert_msg(end > said / 2 && end <= said, "%s: %d, said %g", row[i], end, said);
		ck_assert_int_eq(svg_text_fit(row[i], 14, said + 0.01), (int)strlen(row[i]));
		ck_assert_int_eq(svg_text_fit(row[i], 14, 0), 0);
		image_free(&im);
		svg_free(&s);
	}
}
END_TEST

/* Rows whose columns [x0,x1) hold a pixel of the first curve's colour; -1 without. */
static double curve_height(const image *im, int x0, int x1)
{
	double sum = 0;
	int n = 0;
	for (int y = 56; y < im->h - 66; y++)
		for (int x = x0; x < x1; x++) {
			const uint8_t *p = im->x + (y * im->w + x) * 3;
			if (p[0] == 0 && p[1] == 114 && p[2] == 178) {
				sum += y;
				n++;
			}
		}
	return n ? sum / n : -1;
}

START_TEST(a_chart_shows_a_rising_curve_rising)
{
	static double x[5000], y[5000];
	for (int points = 50; points <= 5000; points *= 100) {
		for (int i = 0; i < points; i++) {
			x[i] = i;
			y[i] = 3.0 * i / points + (i % 2 ? 0.1 : -0.1);
		}
		const chart_series s = {"D loss", x, y, points};
		const chart c = {.title = "loss", .x_name = "step", .series = &s, .count = 1};
		image im;
		fault e;
		ck_assert_msg(chart_draw(&im, &c, &e), "%s", e.text);
		ck_assert(im.w == 900 && im.h == 500 && im.c == 3);
		const double left = curve_height(&im, 150, 200), middle = curve_height(&im, 450, 500),
			right = curve_height(&im, 780, 830);
		ck_assert_msg(left > middle + 50 && middle > right + 50 && right > 0, "%g %g %g", left, middle, right);
		image_free(&im);
	}
}
END_TEST

START_TEST(marks_of_an_axis_are_short)
{
	static const struct {
		double v, step;
		const char *says;
	} row[] = {
		{0.1 + 0.2, 0.1, "0.3"}, {-2, 1, "-2"}, {1e-17, 0.1, "0"}, {20000, 5000, "20k"}, {3e6, 1e6, "3M"},
		{2.5e8, 5e7, "250M"}, {4e13, 2e13, "4e13"}, {-5e9, 5e9, "-5e9"}, {0, 1e12, "0"},
		{1e300, 1e299, "1e300"},
	};
	char text[32];
	for (int i = 0; i < COUNT(row); i++)
		ck_assert_str_eq(chart_tick(row[i].v, row[i].step, text, sizeof text), row[i].says);
}
END_TEST

START_TEST(charts_of_odd_data_are_drawn)
{
	const double x[4] = {0, 1, 2, 3}, flat[4] = {2, 2, 2, 2}, holes[4] = {NAN, 1, INFINITY, -1},
		zero[4] = {0, 0, 0, 0}, wide[4] = {1e-9, 1, 1e9, 1e15};
	const double *const y[] = {flat, holes, zero, wide};
	for (int i = 0; i < COUNT(y); i++)
		for (int64_t n = 0; n <= 4; n++)
			for (int log_y = 0; log_y < 2; log_y++) {
				const chart_series s = {"a", x, y[i], n};
				const chart c = {.title = "a title that is long enough to need a row of its own for "
					"the names", .series = &s, .count = 1, .log_y = log_y};
				fault e;
				ck_assert_msg(chart_write(scratch_at("c.png"), &c, NULL, &e), "%s", e.text);
			}
	fault e;
	image im;
	ck_assert(!chart_draw(&im, &(chart){.w = 10, .h = 10}, &e));
	ck_assert_msg(strstr(e.text, "chart of 10x10") != NULL, "%s", e.text);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{what_is_written_is_read_again, COUNT(sizes)},
		{every_kind_of_png_becomes_gray_or_rgb_bytes, COUNT(kinds)},
		{a_png_cut_anywhere_is_refused, 1},
		{a_png_with_changed_bytes_is_refused_or_read_but_never_worse, 1},
		{files_that_are_no_png_are_named, 1},
		{a_png_that_is_too_large_is_refused, 1},
		{a_failed_write_leaves_the_old_file, 1},
		{shrinking_by_whole_factors_is_the_mean_of_blocks, 1},
		{shrinking_by_other_factors_weighs_by_area, 1},
		{growing_is_bilinear_with_half_pixel_centres, 1},
		{a_constant_stays_constant_at_any_size, 1},
		{modes_cut_frame_stretch_and_pad, 1},
		{channels_are_converted_by_luma_and_by_copies, 1},
		{a_grid_places_scales_and_clamps, 1},
		{a_drawing_lies_over_a_picture, 1},
		{without_a_font_texts_are_left_out, 1},
		{texts_of_drawings_are_escaped, 1},
		{texts_are_not_wider_than_is_said, 1},
		{a_chart_shows_a_rising_curve_rising, 1},
		{marks_of_an_axis_are_short, 1},
		{charts_of_odd_data_are_drawn, 1},
	};
	return suite_run("pictures", tests, COUNT(tests), 60);
}
