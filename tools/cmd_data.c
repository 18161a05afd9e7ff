/* cmd_data.c - sagan data: what a path contains. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/file.h"
#include "core/base/words.h"
#include "data/describe.h"
#include "data/picture/image.h"
#include "data/picture/png.h"
#include "tools/command.h"

/* The first 100 images, ten a row. */
static bool draw(const dataset *d, const char *path, fault *e)
{
	const int64_t n = MIN(d->n, 100), size = dataset_image_bytes(d);
	real *x = mem_new((size_t)(n * size), sizeof *x, e);
	if (!x)
		return false;
	for (int64_t i = 0; i < n * size; i++)
		x[i] = pixel_real(d->pixels[i]);
	const bool ok = png_write_grid(path, x, n, d->h, d->w, d->c, 10, d->w < 48 ? 2 : 1, e);
	free(x);
	return ok;
}

static bool describe(const dataset *d, fault *e)
{
	dataset_stats s;
	if (!dataset_stats_make(d, &s, e))
		return false;
	dataset_describe(d, &s, print_line, NULL);
	dataset_stats_free(&s);
	return true;
}

/* One part of the set; `seen` is the checksum of the part before, to pass over a set without parts. */
static bool show(const char *path, dataset_options o, const char *picture, uint64_t *seen, fault *e)
{
	dataset *d = dataset_open(path, &o, e);
	if (!d)
		return offer_data(path, e);
	const uint64_t sum = dataset_checksum(d);
	bool ok = true;
	if (sum != *seen) {
		printf("%s, %s:\n", text_show(path).s, data_split_name[o.split]);
		ok = describe(d, e) && (!picture || draw(d, picture, e));
		if (ok && picture)
			printf("picture of the first images: %s\n", text_show(picture).s);
	}
	*seen = sum;
	dataset_free(d);
	return ok;
}

/* "64" or "64x96". */
static bool size_read(const char *text, int *h, int *w)
{
	char first[8] = "";
	int64_t y, x;
	const char *by = strchr(text, 'x');
	if (by && by - text < (int)sizeof first)
		snprintf(first, sizeof first, "%.*s", (int)(by - text), text);
	if (!read_count(by ? first : text, 1, DATA_SIDE_MAX, &y)
		|| !read_count(by ? by + 1 : text, 1, DATA_SIDE_MAX, &x))
		return false;
	*h = (int)y;
	*w = (int)x;
	return true;
}

static int run(const command *c, int argc, char **argv)
{
	const word_list formats = WORDS_AT_OLD(data_formats, NULL, data_formats_renamed);
	const word_list splits = WORDS(data_split_name), ranges = WORDS(data_range_name);
	const word_list resizes = WORDS(data_resize_name), colours = DATA_COLOUR_WORDS;
	char known[128], ends[64], modes[64], behind[96];
	const char *resize = "crop", *size = NULL;
	const char *path = NULL, *format = "auto", *split = NULL, *picture = NULL, *range = "auto";
	dataset_options o = {.seed = 1};             /* the default of the key */
	snprintf(behind, sizeof behind, "behind transparency: %s", words_print(colours, known, sizeof known));
	const option_row rows[] = {
		{"format", OPTION_TEXT, &format, 0, 0, "F", "what lies there, as data.format: auto, idx, stacked.."},
		{"split", OPTION_TEXT, &split, 0, 0, "PART", "train, test or all (default: train, then test)"},
		{"coarse", OPTION_FLAG, &o.coarse, 0, 0, NULL, "CIFAR-100: the 20 coarse classes"},
		{"limit", OPTION_COUNT, &o.limit, 1, 1e12, "N", "the first N images only"},
		{"size", OPTION_TEXT, &size, 0, 0, "N|HxW", "images become so large, as in training (64, 64x96)"},
		{"resize", OPTION_TEXT, &resize, 0, 0, "MODE", words_print(resizes, modes, sizeof modes)},
		{"range", OPTION_TEXT, &range, 0, 0, "R", words_print(ranges, ends, sizeof ends)},
		{"images", OPTION_TEXT, &o.images, 0, 0, "NAME",
			"the array with the images (HDF5, numpy), or IDX set"},
		{"labels", OPTION_TEXT, &o.labels, 0, 0, "NAME", "the array with the labels; none: read without"},
		{"class-names", OPTION_PATH, &o.class_names, 0, 0, "NAMES",
		 "\"cat, dog\", or a file with a name in each line"},
		{"background", OPTION_TEXT, &o.background, 0, 0, "COLOUR", behind},
		{"picture", OPTION_PATH, &picture, 0, 0, "FILE.png", "write a grid of the first 100 images"},
	};
	const int status = options_parse(c, rows, COUNT(rows), argc, argv, &path, 1, 1);
	if (status >= 0)
		return status;
	const int s = split ? word_find(splits, split) : 0;
	if (word_find(formats, format) < 0)
		return fail_usage(c, "--format %s: must be %s", format, words_print(formats, known, sizeof known));
	if (word_find(resizes, resize) < 0)
		return fail_usage(c, "--resize %s: must be %s", resize, modes);
	if (size && !size_read(size, &o.h, &o.w))
		return fail_usage(c, "--size %s: must be a side or HEIGHTxWIDTH in pixels, 1 to %d, as 64 or 64x96",
			size, DATA_SIDE_MAX);
	o.resize = (enum data_resize)word_find(resizes, resize);
	if (word_find(ranges, range) < 0)
		return fail_usage(c, "--range %s: must be %s", range, ends);
	if (s < 0)
		return fail_usage(c, "--split %s: must be %s", split, words_print(splits, known, sizeof known));
	fault e;
	uint8_t colour[3];
	if (o.background && !data_colour(o.background, colour, &e))
		return fail_usage(c, "--background %s: %s", o.background, e.text);
	uint64_t seen = 0;
	if (picture && (!picture_beside_may_be(picture, &e) || !output_apart(picture, path, &e)
		|| !file_make_parents(picture, &e)))
		return fail(&e);
	o.format = format;
	o.split = (enum data_split)s;
	o.range = (enum data_range)word_find(ranges, range);
	if (!show(path, o, picture, &seen, &e))
		return fail(&e);
	/* Without --split the test part is shown too; a set that has none is no error. */
	if (!split) {
		o.split = SPLIT_TEST;
		puts("");
		if (!show(path, o, NULL, &seen, &e))
			printf("no test part: %s\n", e.text);
	}
	return EXIT_GOOD;
}

const command command_data = {
	.name = "data", .argument = "PATH", .summary = "what is in a data set, and whether it is sound",
	.about = "Reads a whole data set and says what it contains: images, size, classes with a\n"
		 "histogram, mean and deviation, and what would spoil a training: empty classes,\n"
		 "constant or repeated images. PATH is a folder or file of MNIST's IDX (.gz too),\n"
		 "CIFAR-10 or -100 batches, pictures (PNG, JPEG, WebP, GIF; a subfolder per class,\n"
		 "or none), numpy's .npz or HDF5 (arrays of images and labels, found by their\n"
		 "names), or a zip or tar archive of these (not of HDF5), which is read as it is.",
	.examples = "example:  sagan data data/mnist --picture mnist.png",
	.run = run,
};
