/* test_image_file.c - images written without a grid, and pictures that move: what was written is read again, by our
 * readers and by the libraries. */
#define _XOPEN_SOURCE 700                            /* getpid */
#include <check.h>
#include <gif_lib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <webp/decode.h>
#include <webp/mux.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "data/dataset.h"
#include "data/picture/moving.h"
#include "gan/sample/image_file.h"
#include "tests/data_files.h"
#include "tests/files.h"
#include "tests/suite.h"

enum { N = 70, SIDE = 8, MOST = N * SIDE * SIDE * 3 };

/* Bytes that go up and down, as what a network gives. */
static void fill(real *x, real *label, int channels)
{
	for (int i = 0; i < N * SIDE * SIDE * channels; i++)
		x[i] = pixel_real((uint8_t)(i * 7 % 256));
	for (int i = 0; i < N; i++)
		label[i] = (real)(i % 3);
}

/* `label` NULL: without. */
static void write_all(const char *path, const real *x, const real *label, int channels)
{
	fault e = {.text = ""};
	const int64_t size = SIDE * SIDE * channels;
	image_file *f = image_file_new(path, N, SHAPE(SIDE, SIDE, channels), label != NULL, &e);
	ck_assert_msg(f, "%s", e.text);
	for (int lo = 0; lo < N; lo += 32)
		ck_assert_msg(image_file_add(f, MIN(32, N - lo), x + lo * size, label ? label + lo : NULL, &e), "%s",
			e.text);
	ck_assert_msg(image_file_commit(f, &e), "%s", e.text);
}

/* ---- images ---- */

static const char *const endings[] = {".npz", ".h5", ".hdf5", ".idx", ".NPZ", ".H5"};

START_TEST(files_of_images_are_read_as_they_were_written)
{
	static real x[MOST], label[N];
	const char *ending = endings[_i / 2];
	const int channels = _i % 2 ? 3 : 1;
	char name[32];
	fault e = {.text = ""};
	if (!strcmp(ending, ".idx") && channels == 3)        /* MNIST's readers know gray only */
		return;
	fill(x, label, channels);
	snprintf(name, sizeof name, "images%s", ending);
	const char *path = scratch_at(name);
	ck_assert(image_file_is(path));
	write_all(path, x, label, channels);
	dataset *d = dataset_open(path, &(dataset_options){.split = SPLIT_ALL}, &e);
	ck_assert_msg(d, "%s", e.text);
	ck_assert(d->n == N && d->h == SIDE && d->w == SIDE && d->c == channels);
	for (int i = 0; i < N * SIDE * SIDE * channels; i++)
		ck_assert_int_eq(d->pixels[i], i * 7 % 256);
	ck_assert_ptr_nonnull(d->label);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(d->label[i], i % 3);
	dataset_free(d);
}
END_TEST

/* As MNIST's: two zeros, 8, one axis, how many, and a byte each. */
START_TEST(labels_lie_beside_an_idx_file)
{
	static real x[MOST], label[N];
	size_t n;
	fill(x, label, 1);
	write_all(scratch_at("images.idx"), x, label, 1);
	uint8_t *bytes = file_bytes(scratch_at("images-labels.idx"), &n);
	ck_assert(n == 8 + N && !memcmp(bytes, (uint8_t[]){0, 0, 8, 1, 0, 0, 0, N}, 8));
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(bytes[8 + i], i % 3);
	free(bytes);
	/* More classes than a byte has values: whole numbers of four bytes, as QMNIST's. */
	label[N - 1] = 300;
	write_all(scratch_at("images.idx"), x, label, 1);
	bytes = file_bytes(scratch_at("images-labels.idx"), &n);
	ck_assert(n == 8 + 4 * N && !memcmp(bytes, (uint8_t[]){0, 0, 12, 1, 0, 0, 0, N, 0, 0, 0, 0, 0, 0, 0, 1}, 16));
	ck_assert(!memcmp(bytes + n - 4, (uint8_t[]){0, 0, 1, 44}, 4));
	free(bytes);
	/* Labels of earlier images do not pass for those of new ones. */
	write_all(scratch_at("images.idx"), x, NULL, 1);
	ck_assert_int_eq(file_type(scratch_at("images-labels.idx")), FILE_MISSING);
}
END_TEST

START_TEST(a_folder_gets_a_picture_for_each_image)
{
	static real x[MOST], label[N];
	fault e = {.text = ""};
	image im;
	fill(x, label, 3);
	const char *dir = scratch_at("pictures/");
	write_all(dir, x, label, 3);
	char path[600];
	snprintf(path, sizeof path, "%s000069.png", dir);
	ck_assert_msg(picture_open(path, &im, &e), "%s", e.text);
	ck_assert(im.h == SIDE && im.c == 3);
	for (int i = 0; i < SIDE * SIDE * 3; i++)
		ck_assert_int_eq(im.x[i], (69 * SIDE * SIDE * 3 + i) * 7 % 256);
	image_free(&im);
	ck_assert(!file_exists(dir, "000070.png"));
}
END_TEST

/* Images of a longer drawing would pass for those of this one. */
START_TEST(a_folder_with_more_images_is_refused)
{
	static real x[MOST], label[N];
	fault e = {.text = ""};
	fill(x, label, 1);
	const char *dir = scratch_at("pictures/");
	write_all(dir, x, label, 1);
	ck_assert(!image_file_new(dir, N - 3, SHAPE(SIDE, SIDE, 1), true, &e));
	ck_assert_msg(strstr(e.text, "pictures/: 3 images of an earlier drawing"), "%s", e.text);
	write_all(dir, x, label, 1);                 /* as many: all are replaced */
	file_store(scratch_at("pictures/notes.txt"), "mine", 4);
	write_all(dir, x, label, 1);
	file_store(scratch_at("pictures/holiday.jpg"), "mine", 4);
	ck_assert(!image_file_new(dir, N, SHAPE(SIDE, SIDE, 1), true, &e));
	ck_assert_msg(strstr(e.text, "pictures/: the folder has other pictures (holiday.jpg)"), "%s", e.text);
}
END_TEST

/* A file that cannot become whole leaves an older one, and nothing beside it. */
START_TEST(a_file_that_is_given_up_leaves_nothing)
{
	static real x[MOST], label[N];
	fill(x, label, 1);
	for (int k = 0; k < COUNT(endings); k++) {
		char name[32];
		fault e = {.text = ""};
		snprintf(name, sizeof name, "old%s", endings[k]);
		const char *path = scratch_at(name);
		file_store(path, "old", 3);
		image_file *f = image_file_new(path, N, SHAPE(SIDE, SIDE, 1), true, &e);
		ck_assert_msg(f && image_file_add(f, 10, x, label, &e), "%s", e.text);
		image_file_free(f);
		void *bytes;
		size_t n;
		ck_assert(file_read(path, 100, &bytes, &n, &e) && n == 3 && !memcmp(bytes, "old", 3));
		free(bytes);
		ck_assert_int_eq(files_in(scratch_folder()), k + 1);
	}
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_named)
{
	for (int k = 0; k < COUNT(endings); k++) {
		char path[64];
		fault e = {.text = ""};
		snprintf(path, sizeof path, "/dev/null/x%s", endings[k]);
		ck_assert(!image_file_new(path, N, SHAPE(SIDE, SIDE, 1), true, &e));
		ck_assert_msg(strstr(e.text, "/dev/null"), "%s", e.text);
	}
	ck_assert(!image_file_is("x.png") && !image_file_is("x") && !image_file_is(".npz"));
}
END_TEST

/* ---- pictures that move ---- */

enum { FRAMES = 5, HIGH = 6, WIDE = 9 };

static void make_frames(image frame[FRAMES], int c)
{
	fault e;
	for (int k = 0; k < FRAMES; k++) {
		ck_assert(image_init(&frame[k], HIGH, WIDE, c, &e));
		for (int i = 0; i < HIGH * WIDE * c; i++)
			frame[k].x[i] = (uint8_t)(k * 50 + i * 5 / c);
	}
}

static void drop_frames(image frame[FRAMES])
{
	for (int k = 0; k < FRAMES; k++)
		image_free(&frame[k]);
}

/* Gray is exact, frames last as long as asked, and the film begins again for ever. */
START_TEST(a_gif_moves)
{
	image frame[FRAMES];
	fault e = {.text = ""};
	int why;
	const int c = _i ? 3 : 1;
	make_frames(frame, c);
	const char *path = scratch_at("m.gif");
	ck_assert_msg(moving_write(path, frame, FRAMES, 80, &e), "%s", e.text);
	GifFileType *g = DGifOpenFileName(path, &why);
	ck_assert(g && DGifSlurp(g) == GIF_OK);
	ck_assert(g->ImageCount == FRAMES && g->SWidth == WIDE && g->SHeight == HIGH);
	int worst = 0;
	for (int k = 0; k < FRAMES; k++) {
		GraphicsControlBlock b;
		ck_assert(DGifSavedExtensionToGCB(g, k, &b) == GIF_OK && b.DelayTime == 8);
		for (int i = 0; i < HIGH * WIDE; i++) {
			const GifColorType got = g->SColorMap->Colors[g->SavedImages[k].RasterBits[i]];
			worst = MAX(worst, abs(got.Red - frame[k].x[i * c]));
			worst = MAX(worst, abs(got.Blue - frame[k].x[i * c + c - 1]));
		}
	}
	ck_assert_int_le(worst, c == 1 ? 0 : 51);            /* a level of six */
	const ExtensionBlock *loop = g->SavedImages[0].ExtensionBlocks;
	ck_assert(loop->Function == APPLICATION_EXT_FUNC_CODE && !memcmp(loop->Bytes, "NETSCAPE2.0", 11));
	ck_assert(loop[1].ByteCount == 3 && loop[1].Bytes[1] == 0 && loop[1].Bytes[2] == 0);
	DGifCloseFile(g, &why);
	drop_frames(frame);
}
END_TEST

START_TEST(a_webp_moves)
{
	image frame[FRAMES];
	fault e = {.text = ""};
	void *bytes;
	size_t size;
	const int c = _i ? 3 : 1;
	make_frames(frame, c);
	const char *path = scratch_at("m.webp");
	ck_assert_msg(moving_write(path, frame, FRAMES, 80, &e), "%s", e.text);
	ck_assert(file_read(path, 1 << 20, &bytes, &size, &e));
	const WebPData all = {bytes, size};
	WebPMux *m = WebPMuxCreate(&all, 1);
	int n, h, w;
	WebPMuxAnimParams a;
	ck_assert(m && WebPMuxNumChunks(m, WEBP_CHUNK_ANMF, &n) == WEBP_MUX_OK && n == FRAMES);
	ck_assert(WebPMuxGetAnimationParams(m, &a) == WEBP_MUX_OK && a.loop_count == 0);
	for (int k = 0; k < n; k++) {
		WebPMuxFrameInfo f;
		ck_assert(WebPMuxGetFrame(m, (uint32_t)k + 1, &f) == WEBP_MUX_OK && f.duration == 80);
		uint8_t *rgb = WebPDecodeRGB(f.bitstream.bytes, f.bitstream.size, &w, &h);
		ck_assert(rgb && h == HIGH && w == WIDE);    /* every pixel changes from frame to frame */
		for (int i = 0; i < HIGH * WIDE; i++)
			ck_assert_int_eq(rgb[3 * i], frame[k].x[i * c]);
		WebPFree(rgb);
		WebPDataClear(&f.bitstream);
	}
	WebPMuxDelete(m);
	free(bytes);
	drop_frames(frame);
}
END_TEST

START_TEST(sides_that_a_kind_cannot_say_are_refused)
{
	fault e = {.text = ""};
	image wide;
	ck_assert(image_init(&wide, 1, 16384, 1, &e));
	ck_assert(!moving_write(scratch_at("w.webp"), &wide, 1, 50, &e));
	ck_assert_msg(strstr(e.text, "1 x 16384 pixels; at most 16383 a side are possible in .webp"), "%s", e.text);
	ck_assert(!moving_write("/dev/null/x.gif", &wide, 1, 50, &e));
	ck_assert_msg(strstr(e.text, "/dev/null"), "%s", e.text);
	ck_assert(moving_is_named("a.GIF") && !moving_is_named("a.png") && !moving_is_named("gif"));
	image_free(&wide);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{files_of_images_are_read_as_they_were_written, 2 * COUNT(endings)},
		{labels_lie_beside_an_idx_file, 1},
		{a_folder_gets_a_picture_for_each_image, 1},
		{a_folder_with_more_images_is_refused, 1},
		{a_file_that_is_given_up_leaves_nothing, 1},
		{a_folder_that_cannot_be_made_is_named, 1},
		{a_gif_moves, 2},
		{a_webp_moves, 2},
		{sides_that_a_kind_cannot_say_are_refused, 1},
	};
	return suite_run("image_file", tests, COUNT(tests), 60);
}
