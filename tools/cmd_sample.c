/* cmd_sample.c - sagan sample: pictures from a trained generator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "core/base/thread.h"
#include "core/base/words.h"
#include "data/picture/image.h"
#include "data/picture/png.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/pictures.h"
#include "gan/sample/request.h"
#include "gan/keras/sample.h"
#include "tools/command.h"
#include "tools/pick.h"

static bool is_folder(const char *path)
{
	const size_t n = strlen(path);
	return (n && path[n - 1] == '/') || file_type(path) == FILE_FOLDER;
}

/* [-1,1] to bytes; nothing else has been done to the picture. */
static bool write_one(const char *path, shape s, const real *x, fault *e)
{
	const int64_t size = shape_count(&s);
	uint8_t *byte = mem_new((size_t)size, 1, e);
	if (!byte)
		return false;
	for (int64_t i = 0; i < size; i++)
		byte[i] = pixel_byte(x[i]);
	const bool ok = png_write(path, byte, (int)s.dim[0], (int)s.dim[1], (int)s.dim[2], e);
	free(byte);
	return ok;
}

/* One file per image: DIR/000000.png, .. */
static bool write_each(const char *dir, const sampler *s, const real *x, int64_t n, fault *e)
{
	const int64_t size = sampler_image_size(s);
	char path[4096];
	for (int64_t i = 0; i < n; i++) {
		const size_t len = strlen(dir);
		snprintf(path, sizeof path, "%s%s%06lld.png", dir, len && dir[len - 1] == '/' ? "" : "/", (long long)i);
		if (!write_one(path, sampler_image_shape(s), x + i * size, e))
			return false;
	}
	printf("%lld images: %s\n", (long long)n, dir);
	return true;
}

static bool write_grid(const char *path, const sampler *s, const sample_request *q, const real *x, fault *e)
{
	const shape i = sampler_image_shape(s);
	const picture_about about = {.step = sampler_step(s), .seed = (int64_t)q->seed, .name = sampler_path(s)};
	const int K = q->interpolate ? sampler_classes(s) : 0;
	const picture_images images = {.x = x, .n = q->n, .h = (int)i.dim[0], .w = (int)i.dim[1], .c = (int)i.dim[2],
		.columns = request_columns(s, q), .heads = request_heads(s, q),
		.sides = K && q->label < 0 ? sampler_class_names(s) : NULL, .cycle = K};
	if (!picture_grid(path, &images, &about, e))
		return false;
	if (sampler_step(s) < 0)
		printf("%lld images of %s: %s\n", (long long)q->n, sampler_path(s), path);
	else
		printf("%lld images of step %lld: %s\n", (long long)q->n, (long long)sampler_step(s), path);
	return true;
}

/* What the images x were drawn from and what they are, as in the reference file of an export: inputs/z [n,Z], inputs/y
 * [n,1] where there are classes, outputs/image [n,H,W,C]. */
static bool write_latents(const char *path, const sampler *s, const sample_request *q, const real *x, fault *e)
{
	const shape i = sampler_image_shape(s);
	const int64_t Z = sampler_latent_size(s), n = q->n;
	real *z = mem_new((size_t)n * (size_t)Z, sizeof *z, e), *label = mem_new((size_t)n, sizeof *label, e);
	h5 *f = z && label && request_latents(s, q, z, label, e) ? h5_create(path, e) : NULL;
	const bool ok = f && h5_write_f32(f, "/inputs/z", SHAPE(n, Z), z, e)
		&& (!sampler_classes(s) || h5_write_i32(f, "/inputs/y", SHAPE(n, 1), label, e))
		&& h5_write_f32(f, "/outputs/image", SHAPE(n, i.dim[0], i.dim[1], i.dim[2]), x, e);
	free(z);
	free(label);
	if (ok)
		return h5_commit(f, e);
	h5_close(f);
	return false;
}

/* Before anything is drawn: whether there is a place for it. */
static bool make_place(const char *out, const char *latents, fault *e)
{
	const bool ok = is_folder(out) ? file_make_folders(out, e)
				       : picture_may_be(out, e) && file_make_parents(out, e);
	return ok && (!latents || file_make_parents(latents, e));
}

/* The sampler of a file of Keras, and what was decided about its numbers. */
static sampler *open_keras(const char *from, keras_drawing *d, int64_t n, fault *e)
{
	sampler *s = keras_sampler_open(from, d, MIN(SAMPLER_BATCH, n), e);
	if (s)
		printf("%s\n", d->decided);
	return s;
}

/* `from` is a run or a checkpoint, or a file of Keras. */
static bool sample(const char *from, keras_drawing *of_keras, bool raw, sample_request *q, const char *out,
	const char *latents, const char *class, fault *e)
{
	fault warning = {.text = ""};
	sampler *s = of_keras ? open_keras(from, of_keras, q->n, e)
			      : network_sampler_open(from, raw, SAMPLER_BATCH, &warning, e);
	if (!s)
		return false;
	if (warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", warning.text);
	real *x = mem_new((size_t)q->n * (size_t)sampler_image_size(s), sizeof *x, e);
	const bool ok = x && pick_class(s, class, &q->label, e) && make_place(out, latents, e)
		&& request_run(s, q, x, e)
		&& (is_folder(out) ? write_each(out, s, x, q->n, e) : write_grid(out, s, q, x, e))
		&& (!latents || write_latents(latents, s, q, x, e));
	free(x);
	sampler_free(s);
	return ok;
}

static int run(const command *c, int argc, char **argv)
{
	const char *from = NULL, *keras = NULL, *class = NULL, *latents = NULL, *out = "samples.png";
	const word_list ranges = WORDS(data_range_name);
	const char *range = NULL;
	keras_drawing drawing = {.json = NULL};
	char ends[64];
	sample_request q = {.n = 64, .seed = 1, .label = -1};
	int64_t seed = 1;
	int threads = 0;
	bool raw = false, best = false;
	char best_path[4096];
	const option_row rows[] = {
		{"n", OPTION_COUNT, &q.n, 1, 1000000, "N", "how many images (default 64)"},
		{"seed", OPTION_COUNT, &seed, 0, 9e15, "S", "image k depends on S and k alone (default 1)"},
		{"class", OPTION_TEXT, &class, 0, 0, "K|NAME", "of one class (default: image k has class k mod K)"},
		{"truncation", OPTION_REAL, &q.truncation, 0.01, 100, "T", "latents within +-T: better, less varied"},
		{"interpolate", OPTION_FLAG, &q.interpolate, 0, 0, NULL, "rows that lead from one latent to another"},
		{"columns", OPTION_INT, &q.columns, 1, 10000, "N", "images per row (default: one column per class)"},
		{"from", OPTION_PATH, &keras, 0, 0, "FILE", "a generator in a file of Keras: .keras or .h5"},
		{"model", OPTION_PATH, &drawing.json, 0, 0, "FILE.json", "with --from: the network of weights alone"},
		{"range", OPTION_TEXT, &range, 0, 0, "R", "with --from: black and white, as 0..1 (default: auto)"},
		{"best", OPTION_FLAG, &best, 0, 0, NULL, "the checkpoint with the best score, not the newest"},
		{"raw", OPTION_FLAG, &raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"out", OPTION_PATH, &out, 0, 0, "FILE|DIR/", "a grid, or one file per image (samples.png)"},
		{"latents", OPTION_PATH, &latents, 0, 0, "FILE.h5", "latents, labels and images as numbers, too"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &from, 0, 1);
	if (status >= 0)
		return status;
	if (!from == !keras)
		return fail_usage(c, from ? "--from FILE takes the place of a run" : "an argument is missing");
	if (keras && (raw || best))
		return fail_usage(c, "--from: a file of Keras has no %s", raw ? "raw generator" : "best checkpoint");
	if (!keras && (range || drawing.json))
		return fail_usage(c, "--%s goes with --from FILE", range ? "range" : "model");
	if (range && word_find(ranges, range) < 0)
		return fail_usage(c, "--range %s: must be %s", range, words_print(ranges, ends, sizeof ends));
	fault e;
	drawing.range = range ? (enum data_range)word_find(ranges, range) : RANGE_AUTO;
	q.seed = (uint64_t)seed;
	if (!pool_start(threads, &e) || (best && !pick_best(from, best_path, sizeof best_path, &e))
	    || !sample(keras ? keras : best ? best_path : from, keras ? &drawing : NULL, raw, &q, out, latents, class,
		       &e))
		status = fail(&e);
	else
		status = EXIT_GOOD;
	pool_stop();
	return status;
}

const command command_sample = {
	.name = "sample", .argument = "RUN-or-CHECKPOINT", .summary = "pictures from a trained generator",
	.about = "Draws images from the newest checkpoint of a run's folder (--best: the one with\n"
		 "the best score), or from one file, with the moving average of the generator.",
	.examples = "examples:\n"
		    "  sagan sample runs/demo --n 100 --out digits.png\n"
		    "  sagan sample runs/demo --class 7 --truncation 0.8 --n 10 --out sevens/\n"
		    "  sagan sample --from generator.keras --n 100",
	.run = run,
};
