/* test_picture_kinds.c - JPEG, WebP and GIF files: what they hold, how they are turned, and the line for each way to be
 * broken. Files of Pillow (tests/golden/pictures/make.py) and files made here by the libraries' encoders. */
#include <check.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>
#include <jpeglib.h>
#include <webp/encode.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "data/picture/picture_internal.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/suite.h"

/* ---- files of Pillow's ---- */

static const char *const golden[] = {
	"colour.jpg", "progressive.jpg", "gray.jpg", "inks.jpg", "turned.jpg", "turned.png", "lossy.webp",
	"lossless.webp", "turned.webp", "still.gif", "moving.gif",
};

START_TEST(pictures_are_what_pillow_reads)
{
	char path[96], want[128];
	image a, b;
	fault e;
	picture_size z;
	size_t n;
	snprintf(path, sizeof path, "tests/golden/pictures/%s", golden[_i]);
	snprintf(want, sizeof want, "%s.want.png", path);
	uint8_t *x = file_bytes(path, &n);
	ck_assert_msg(picture_stat(path, x, n, &z, &e), "%s", e.text);
	ck_assert_msg(picture_open(path, &a, &e), "%s", e.text);
	ck_assert_msg(picture_open(want, &b, &e), "%s", e.text);
	ck_assert_msg(a.h == b.h && a.w == b.w && a.c == b.c, "%s: %dx%dx%d, Pillow has %dx%dx%d", path, a.h, a.w, a.c,
		b.h, b.w, b.c);
	ck_assert(z.h == a.h && z.w == a.w && z.c == a.c);
	for (int i = 0; i < a.h * a.w * a.c; i++)    /* Pillow has other versions of the libraries */
		ck_assert_msg(abs(a.x[i] - b.x[i]) <= 2, "%s: byte %d is %d, Pillow has %d", path, i, a.x[i], b.x[i]);
	image_free(&a);
	image_free(&b);
	free(x);
}
END_TEST

START_TEST(transparent_pixels_show_the_colour_behind)
{
	const picture_options o = {.behind = {10, 20, 30}};
	static const char *const file[] = {"lossless.webp", "moving.gif"};
	for (int i = 0; i < COUNT(file); i++) {
		char path[96];
		size_t n;
		image im;
		fault e;
		snprintf(path, sizeof path, "tests/golden/pictures/%s", file[i]);
		uint8_t *x = file_bytes(path, &n);
		ck_assert_msg(picture_read(path, x, n, &o, &im, &e), "%s", e.text);
		ck_assert_mem_eq(im.x, o.behind, 3);
		image_free(&im);
		free(x);
	}
}
END_TEST

/* ---- JPEG files made here ---- */

typedef struct jpeg_how {
	int h, w;
	J_COLOR_SPACE in, as;
	int channels;
	bool no_mark;                                /* CMYK without Adobe's mark */
	const uint8_t *exif;
	size_t exif_n;
	const jpeg_scan_info *scan;
	int scans;
} jpeg_how;

/* Of x [h,w,channels]; new/free. */
static uint8_t *jpeg_bytes(const jpeg_how *how, const uint8_t *x, size_t *n)
{
	struct jpeg_compress_struct j;
	struct jpeg_error_mgr error;
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	j.err = jpeg_std_error(&error);
	jpeg_create_compress(&j);
	jpeg_mem_dest(&j, &bytes, &size);
	j.image_height = (JDIMENSION)how->h;
	j.image_width = (JDIMENSION)how->w;
	j.input_components = how->channels;
	j.in_color_space = how->in;
	jpeg_set_defaults(&j);
	jpeg_set_colorspace(&j, how->as);
	jpeg_set_quality(&j, 100, TRUE);
	if (how->no_mark)
		j.write_Adobe_marker = FALSE;
	if (how->scan) {
		j.scan_info = how->scan;
		j.num_scans = how->scans;
	}
	jpeg_start_compress(&j, TRUE);
	if (how->exif)
		jpeg_write_marker(&j, JPEG_APP0 + 1, how->exif, (unsigned)how->exif_n);
	while (j.next_scanline < j.image_height) {
		JSAMPROW row = (JSAMPROW)(x + (size_t)j.next_scanline * (size_t)(how->w * how->channels));
		jpeg_write_scanlines(&j, &row, 1);
	}
	jpeg_finish_compress(&j);
	jpeg_destroy_compress(&j);
	*n = size;
	return bytes;
}

/* One pixel of every ink: cyan, magenta, yellow, black, half black, none. 255 is full ink here. */
START_TEST(inks_become_colours_with_and_without_adobes_mark)
{
	static const uint8_t ink[6][4] = {{255, 0, 0, 0}, {0, 255, 0, 0}, {0, 0, 255, 0}, {0, 0, 0, 255},
		{0, 0, 0, 128}, {0, 0, 0, 0}};
	static const uint8_t want[6][3] = {{0, 255, 255}, {255, 0, 255}, {255, 255, 0}, {0, 0, 0}, {127, 127, 127},
		{255, 255, 255}};
	static uint8_t x[8 * 48 * 4];
	static const struct {
		J_COLOR_SPACE as;
		bool mark;
	} kind[] = {{JCS_CMYK, true}, {JCS_YCCK, true}, {JCS_CMYK, false}};
	for (int k = 0; k < COUNT(kind); k++) {
		size_t n;
		image im;
		fault e;
		for (int i = 0; i < 8 * 48; i++)
			for (int c = 0; c < 4; c++)
				x[4 * i + c] = kind[k].mark ? (uint8_t)(255 - ink[i % 48 / 8][c]) : ink[i % 48 / 8][c];
		uint8_t *bytes = jpeg_bytes(&(jpeg_how){.h = 8, .w = 48, .channels = 4, .in = JCS_CMYK,
			.as = kind[k].as, .no_mark = !kind[k].mark}, x, &n);
		ck_assert_msg(picture_read("inks", bytes, n, &picture_defaults, &im, &e), "%s", e.text);
		ck_assert(im.h == 8 && im.w == 48 && im.c == 3);
		for (int i = 0; i < 6 * 3; i++) {
			const int v = im.x[(4 * 48 + i / 3 * 8 + 4) * 3 + i % 3];
			ck_assert_msg(abs(v - want[i / 3][i % 3]) <= 3, "kind %d, ink %d, channel %d: %d", k, i / 3,
				i % 3, v);
		}
		image_free(&im);
		free(bytes);
	}
}
END_TEST

/* Exif of one entry, in both orders of bytes. */
static size_t exif_bytes(uint8_t *to, bool big, int orientation)
{
	static const uint8_t little_head[] = "Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0";
	static const uint8_t big_head[] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1";
	memset(to, 0, 32);
	memcpy(to, big ? big_head : little_head, 24);
	to[24 + big] = (uint8_t)orientation;
	return 32;
}

/* 16 x 32 pixels: a light corner where each orientation brings it. Stored, it is at the top left, 8 x 16 of it. */
static const struct {
	int orientation, h, w;
	bool bottom, right;
} turns[] = {
	{0, 16, 32, false, false}, {1, 16, 32, false, false}, {2, 16, 32, false, true}, {3, 16, 32, true, true},
	{4, 16, 32, true, false}, {5, 32, 16, false, false}, {6, 32, 16, false, true}, {7, 32, 16, true, true},
	{8, 32, 16, true, false}, {9, 16, 32, false, false},
};

START_TEST(a_picture_is_turned_as_exif_says)
{
	static uint8_t x[16 * 32];
	for (int i = 0; i < 16 * 32; i++)
		x[i] = i / 32 < 8 && i % 32 < 16 ? 200 : 50;
	for (int big = 0; big < 2; big++) {
		uint8_t exif[32];
		size_t n, exif_n = exif_bytes(exif, big, turns[_i].orientation);
		uint8_t *bytes = jpeg_bytes(&(jpeg_how){.h = 16, .w = 32, .channels = 1, .in = JCS_GRAYSCALE,
			.as = JCS_GRAYSCALE, .exif = exif, .exif_n = exif_n}, x, &n);
		image im;
		picture_size z;
		fault e;
		ck_assert_msg(picture_stat("t", bytes, n, &z, &e), "%s", e.text);
		ck_assert_msg(picture_read("t", bytes, n, &picture_defaults, &im, &e), "%s", e.text);
		ck_assert(im.h == turns[_i].h && im.w == turns[_i].w && im.c == 1 && z.h == im.h && z.w == im.w);
		for (int k = 0; k < 4; k++) {
			const int y = k / 2 ? im.h - 2 : 1, at = k % 2 ? im.w - 2 : 1;
			const bool light = (k / 2 == turns[_i].bottom) && (k % 2 == turns[_i].right);
			ck_assert_msg(abs(im.x[y * im.w + at] - (light ? 200 : 50)) <= 2,
				"orientation %d, corner %d: %d", turns[_i].orientation, k, im.x[y * im.w + at]);
		}
		image_free(&im);
		free(bytes);
	}
}
END_TEST

/* WebP's and PNG's Exif begins with the order of bytes; some programs write JPEG's mark before it. */
START_TEST(exif_may_begin_with_the_mark_of_jpeg)
{
	for (int big = 0; big < 2; big++) {
		uint8_t exif[32];
		const size_t n = exif_bytes(exif, big, 6);
		ck_assert_int_eq(exif_orientation(exif + 6, n - 6), 6);
		ck_assert_int_eq(exif_orientation(exif, n), 6);
		ck_assert_int_eq(exif_orientation(exif, 6), 1);
	}
	static uint8_t marks[6 << 16];               /* one is passed over; a file of marks is no chain */
	for (int i = 0; i < (int)sizeof marks; i += 6)
		memcpy(marks + i, "Exif\0", 6);
	exif_bytes(marks + sizeof marks - 36, false, 6);
	ck_assert_int_eq(exif_orientation(marks, sizeof marks), 1);
}
END_TEST

/* ---- broken files ---- */

static uint8_t noise[40 * 56 * 4];

static void fill_noise(void)
{
	rng r = rng_new(1, "noise");
	for (int i = 0; i < (int)sizeof noise; i++)
		noise[i] = i % 4 == 3 ? 255 : (uint8_t)rng_below(&r, 256);
}

static struct {
	size_t n;
	uint8_t x[1 << 14];
} gif;

static int gif_put(GifFileType *f, const GifByteType *x, int n)
{
	(void)f;
	must(gif.n + (size_t)n <= sizeof gif.x, "a GIF too large");
	memcpy(gif.x + gif.n, x, (size_t)n);
	gif.n += (size_t)n;
	return n;
}

static uint8_t *gif_bytes(size_t *n)
{
	int why;
	GifColorType colours[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
	gif.n = 0;
	GifFileType *f = EGifOpen(NULL, gif_put, &why);
	ColorMapObject *map = GifMakeMapObject(4, colours);
	must(f && map && EGifPutScreenDesc(f, 56, 40, 2, 0, map) == GIF_OK
		&& EGifPutImageDesc(f, 0, 0, 56, 40, false, NULL) == GIF_OK, "no GIF");
	for (int y = 0; y < 40; y++) {
		GifPixelType row[56];
		for (int x = 0; x < 56; x++)
			row[x] = noise[(y * 56 + x) * 4] % 4;
		must(EGifPutLine(f, row, 56) == GIF_OK, "no row");
	}
	must(EGifCloseFile(f, &why) == GIF_OK, "no end");
	GifFreeMapObject(map);
	uint8_t *bytes = malloc(gif.n);
	must(bytes, "out of memory");
	memcpy(bytes, gif.x, *n = gif.n);
	return bytes;
}

static uint8_t *webp_bytes(size_t *n)
{
	uint8_t *bytes = NULL;
	*n = WebPEncodeLosslessRGBA(noise, 56, 40, 56 * 4, &bytes);
	must(*n > 0, "no WebP");
	uint8_t *x = malloc(*n);
	must(x, "out of memory");
	memcpy(x, bytes, *n);
	WebPFree(bytes);
	return x;
}

static uint8_t *jpeg_plain(size_t *n)
{
	return jpeg_bytes(&(jpeg_how){.h = 40, .w = 56, .channels = 1, .in = JCS_GRAYSCALE, .as = JCS_GRAYSCALE},
		noise, n);
}

static uint8_t *jpeg_progressive(size_t *n)
{
	static const jpeg_scan_info scan[] = {{1, {0}, 0, 0, 0, 1}, {1, {0}, 1, 63, 0, 1}, {1, {0}, 0, 0, 1, 0},
		{1, {0}, 1, 63, 1, 0}};
	return jpeg_bytes(&(jpeg_how){.h = 40, .w = 56, .channels = 1, .in = JCS_GRAYSCALE, .as = JCS_GRAYSCALE,
		.scan = scan, .scans = COUNT(scan)}, noise, n);
}

static const struct {
	const char *name;
	uint8_t *(*make)(size_t *n);
	int tail;                                    /* bytes at the end that say nothing of the picture */
} kinds[] = {
	{"JPEG", jpeg_plain, 0}, {"JPEG", jpeg_progressive, 0}, {"WebP", webp_bytes, 0}, {"GIF", gif_bytes, 1},
};

START_TEST(a_picture_cut_anywhere_is_refused)
{
	size_t n;
	uint8_t *x = kinds[_i].make(&n);
	image im;
	fault e;
	ck_assert_msg(picture_read("whole", x, n, &picture_defaults, &im, &e), "%s", e.text);
	ck_assert(im.h == 40 && im.w == 56);
	image_free(&im);
	for (size_t k = 0; k + (size_t)kinds[_i].tail < n; k += k < 700 ? 1 : 17) {
		uint8_t *part = malloc(k + 1);       /* so that a sanitizer sees what is read behind the end */
		ck_assert(part != NULL);
		memcpy(part, x, k);
		ck_assert_msg(!picture_read("cut", part, k, &picture_defaults, &im, &e), "cut at %zu of %zu", k, n);
		ck_assert_ptr_null(im.x);
		ck_assert_msg(strncmp(e.text, "cut: ", 5) == 0 && !strchr(e.text, '\n'), "%s", e.text);
		if (k > 16)
			ck_assert_msg(strstr(e.text, kinds[_i].name) != NULL, "%s", e.text);
		free(part);
	}
	free(x);
}
END_TEST

START_TEST(a_picture_with_changed_bytes_is_refused_or_read_but_never_worse)
{
	size_t n;
	uint8_t *x = kinds[_i].make(&n), *copy = malloc(n);
	int refused = 0;
	ck_assert(copy != NULL);
	for (unsigned k = 0; k < 600; k++) {
		fault e = {.text = ""};
		image im;
		memcpy(copy, x, n);
		copy[k < 300 ? 3 + k % (n - 3) : k * 2654435761u % n] ^= (uint8_t)(1 + k % 255);
		if (!picture_read("changed", copy, n, &picture_defaults, &im, &e)) {
			ck_assert(*e.text && !strchr(e.text, '\n'));
			refused++;
		}
		image_free(&im);
	}
	ck_assert_int_gt(refused, 50);
	free(copy);
	free(x);
}
END_TEST

/* The frame header of a JPEG, FF C0: precision at 4, height at 5, width at 7, components at 9. */
static uint8_t *frame_of(uint8_t *x, size_t n)
{
	for (size_t i = 2; i + 10 < n; i++)
		if (x[i] == 0xff && x[i + 1] == 0xc0)
			return x + i;
	ck_abort_msg("no frame header");
}

static const struct {
	int at, value;
	const char *says;
} frames[] = {
	{4, 12, "damaged or truncated JPEG, or of a kind that is not read (Unsupported JPEG data precision 12)"},
	{1, 0xc3, "damaged or truncated JPEG, or of a kind that is not read ("},
	{5, 0xff, "65320 pixels high, 56 wide; allowed are 1 to 16384 a side"},
	{5, 0x3f, "damaged or truncated JPEG"},      /* 16168 rows, of which 40 are there */
	{6, 0, "damaged or truncated JPEG"},
};

START_TEST(a_jpeg_of_another_kind_or_size_is_refused_with_a_line)
{
	size_t n;
	uint8_t *x = jpeg_plain(&n);
	image im;
	fault e;
	frame_of(x, n)[frames[_i].at] = (uint8_t)frames[_i].value;
	ck_assert(!picture_read("J", x, n, &picture_defaults, &im, &e));
	ck_assert_msg(strstr(e.text, frames[_i].says) != NULL, "says \"%s\", should say \"%s\"", e.text,
		frames[_i].says);
	free(x);
}
END_TEST

/* Every coefficient in nine scans of its own: each passes over the whole picture. */
START_TEST(a_jpeg_of_very_many_scans_is_refused)
{
	static jpeg_scan_info scan[1 + 63 * 9];
	int k = 0;
	size_t n;
	image im;
	fault e;
	scan[k++] = (jpeg_scan_info){1, {0}, 0, 0, 0, 0};
	for (int c = 1; c < 64; c++)
		for (int bit = 8; bit >= 0; bit--)
			scan[k++] = (jpeg_scan_info){1, {0}, c, c, bit == 8 ? 0 : bit + 1, bit};
	uint8_t *x = jpeg_bytes(&(jpeg_how){.h = 40, .w = 56, .channels = 1, .in = JCS_GRAYSCALE, .as = JCS_GRAYSCALE,
		.scan = scan, .scans = k}, noise, &n);
	ck_assert(!picture_read("J", x, n, &picture_defaults, &im, &e));
	ck_assert_msg(strstr(e.text, "(more than 500 scans)") != NULL, "%s", e.text);
	free(x);
}
END_TEST

/* A moving WebP says so in its first chunk; sizes beyond the limit are refused before memory is taken. */
START_TEST(other_pictures_that_are_not_read_are_named)
{
	static const uint8_t moving[] = "RIFF\x16\0\0\0WEBPVP8X\12\0\0\0\2\0\0\0\0\0\0\0\0\0";
	static const uint8_t wide[] = "GIF89a\xff\xff\10\0\0\0\0;";
	image im;
	fault e;
	ck_assert(!picture_read("W", moving, 30, &picture_defaults, &im, &e));
	ck_assert_msg(strstr(e.text, "W: a moving WebP, only still ones are read") != NULL, "%s", e.text);
	ck_assert(!picture_read("G", wide, 14, &picture_defaults, &im, &e));
	ck_assert_msg(strstr(e.text, "G: 8 pixels high, 65535 wide; allowed are 1 to 16384") != NULL, "%s", e.text);
	ck_assert(!picture_read("N", wide, 0, &picture_defaults, &im, &e));
	ck_assert_msg(strstr(e.text, "N: an empty file, no PNG, JPEG, WebP or GIF") != NULL, "%s", e.text);
}
END_TEST

int main(void)
{
	fill_noise();
	const suite_test tests[] = {
		{pictures_are_what_pillow_reads, COUNT(golden)},
		{transparent_pixels_show_the_colour_behind, 1},
		{inks_become_colours_with_and_without_adobes_mark, 1},
		{exif_may_begin_with_the_mark_of_jpeg, 1},
		{a_picture_is_turned_as_exif_says, COUNT(turns)},
		{a_picture_cut_anywhere_is_refused, COUNT(kinds)},
		{a_picture_with_changed_bytes_is_refused_or_read_but_never_worse, COUNT(kinds)},
		{a_jpeg_of_another_kind_or_size_is_refused_with_a_line, COUNT(frames)},
		{a_jpeg_of_very_many_scans_is_refused, 1},
		{other_pictures_that_are_not_read_are_named, 1},
	};
	return suite_run("picture_kinds", tests, COUNT(tests), 60);
}
