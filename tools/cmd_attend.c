/* cmd_attend.c - sagan attend: where chosen pixels look, in every attention layer and head. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "data/class_names.h"
#include "data/picture/picture.h"
#include "gan/checkpoint/kept.h"
#include "gan/checkpoint/saved.h"
#include "gan/sample/attention_file.h"
#include "gan/sample/attention_sheet.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "tools/command.h"
#include "tools/pick.h"

/* Layers of more heads than this (CoT has one for 8 channels) are shown as a mean, unless a head is asked for. */
enum { HEADS_SHOWN = 8, SIDE = 192, PICTURE_MOST = 1 << 28 };

/* What is asked for. */
typedef struct asked {
	const char *from, *image, *class, *layer, *out;
	enum net_side side;
	int64_t seed;
	int head;                                    /* 0: all; from 1 */
	bool mean, common, raw;
	int pixels;
	sheet_pixel pixel[SHEET_PIXELS_MAX];
} asked;

/* What is looked at. */
typedef struct scene {
	saved from;
	sampler *s;                                  /* own */
	network *d;                                  /* own; NULL: the generator is looked into */
	gaze *own;                                   /* own; of d */
	gaze *g;
	real *x;                                     /* own; the latent, or the image that D sees */
	int label;
} scene;

/* ---- the input ---- */

static bool read_image(const char *path, shape to, real *x, fault *e)
{
	void *bytes;
	size_t n;
	image im = {0};
	const int64_t size = shape_count(&to);
	if (!file_read(path, PICTURE_MOST, &bytes, &n, e))
		return false;
	uint8_t *fitted = mem_new((size_t)size, 1, e);
	const bool ok = fitted && picture_read(path, bytes, n, &picture_defaults, &im, e)
		&& image_convert(im.x, im.h, im.w, im.c, fitted, (int)to.dim[0], (int)to.dim[1], (int)to.dim[2],
			RESIZE_CROP, e);
	for (int64_t i = 0; ok && i < size; i++)
		x[i] = pixel_real(fitted[i]);
	image_free(&im);
	free(fitted);
	free(bytes);
	return ok;
}

/* Latent 0 of the seed, or the file's image, or what G makes of that latent. */
static bool fill_input(scene *v, const asked *a, fault *e)
{
	const shape one = sampler_image_shape(v->s);
	const int64_t Z = sampler_latent_size(v->s);
	real *z = mem_new((size_t)Z, sizeof *z, e);
	bool ok = z && (v->x = mem_new((size_t)MAX(Z, shape_count(&one)), sizeof *v->x, e));
	if (ok)
		request_latent(Z, (uint64_t)a->seed, 0, 0, z);
	const real label = (real)v->label;
	if (ok && a->image)
		ok = read_image(a->image, one, v->x, e);
	else if (ok && v->d)
		ok = sampler_run(v->s, 1, z, &label, v->x, e);
	else if (ok)
		memcpy(v->x, z, (size_t)Z * sizeof *z);
	free(z);
	return ok;
}

static bool scene_open(scene *v, const asked *a, fault *e)
{
	fault warning = {.text = ""};
	if (!saved_open(a->from, &v->from, &warning, e))
		return false;
	if (warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", warning.text);
	if (v->from.cfg.ema.bn_mode == BN_BATCH && !a->image)
		fputs("sagan: warning: ema.bn_mode = batch, so an image depends on those of its batch: this one is a "
			"batch of its own, and not that of sagan sample\n", stderr);
	v->s = network_sampler_of(&v->from, a->raw, 1, e);
	if (!v->s || !pick_class(v->s, a->class, &v->label, e))
		return false;
	if (a->side == NET_D && !(v->d = network_open(&v->from, NET_D, false, e)))
		return false;
	saved_let_go(&v->from);
	v->g = v->d ? v->own = gaze_new(v->d, e) : sampler_gaze(v->s, e);
	if (!v->g || !fill_input(v, a, e))
		return false;
	if (gaze_layers(v->g) == 0)
		return fault_set(e, "%s: the %s has no attention layer; try --net %s", v->from.path,
			net_side_name(a->side), net_side_name(!a->side));
	gaze_look(v->g, v->x, v->label);
	return true;
}

static void scene_close(scene *v)
{
	gaze_free(v->own);
	network_free(v->d);
	sampler_free(v->s);
	saved_close(&v->from);
	free(v->x);
}

/* ---- which maps ---- */

/* The layers [lo,hi) that --layer names. */
static bool find_layers(const asked *a, const gaze *g, int *lo, int *hi, fault *e)
{
	char names[256] = "";
	*lo = 0;
	*hi = gaze_layers(g);
	if (!a->layer)
		return true;
	for (int i = 0; i < gaze_layers(g); i++) {
		const size_t n = strlen(names);
		if (strcmp(gaze_layer_name(g, i), a->layer) == 0) {
			*lo = i;
			*hi = i + 1;
			return true;
		}
		snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", gaze_layer_name(g, i));
	}
	return fault_set(e, "--layer %s: the attention layers of the %s are %s", a->layer, net_side_name(a->side),
		names);
}

static bool check_heads(const asked *a, const gaze *g, int lo, int hi, fault *e)
{
	for (int i = lo; i < hi; i++)
		if (a->head > gaze_heads(g, i))
			return fault_set(e, "--head %d: %s has %d", a->head, gaze_layer_name(g, i), gaze_heads(g, i));
	return true;
}

static bool check_pixels(const asked *a, shape of, fault *e)
{
	for (int k = 0; k < a->pixels; k++)
		if (a->pixel[k].y >= of.dim[0] || a->pixel[k].x >= of.dim[1])
			return fault_set(e, "--pixel %d,%d: the image has rows 0 to %lld and columns 0 to %lld",
				a->pixel[k].y, a->pixel[k].x, (long long)of.dim[0] - 1, (long long)of.dim[1] - 1);
	return true;
}

/* ---- the picture ---- */

/* "attention14\nmhsa\nhead 2 of 4\n" */
static bool add_map(sheet *to, gaze *g, int layer, int head, const sheet_pixel *at, fault *e)
{
	attention_view v;
	char label[128], which[48];
	if (!gaze_view(g, layer, head, &v, e))
		return false;
	gaze_head_name(head, v.heads, which, sizeof which);
	snprintf(label, sizeof label, "%s\n%s\n%s%s%dx%d to %dx%d\n", v.layer, v.type, which, *which ? "\n" : "", v.qh,
		v.qw, v.kh, v.kw);
	return sheet_add(to, &v, at, label, e);
}

static bool add_layer(sheet *to, const asked *a, gaze *g, int layer, const sheet_pixel *at, fault *e)
{
	const int n = gaze_heads(g, layer);
	if (a->mean || (n > HEADS_SHOWN && !a->head))
		return add_map(to, g, layer, -1, at, e);
	for (int k = a->head ? a->head - 1 : 0; k < (a->head ? a->head : n); k++)
		if (!add_map(to, g, layer, k, at, e))
			return false;
	return true;
}

static void write_heads(const asked *a, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "image\n");
	for (int k = 0; k < a->pixels; k++)
		n += (size_t)snprintf(buf + n, size - n, "pixel %d,%d\n", a->pixel[k].y, a->pixel[k].x);
}

static bool draw(scene *v, asked *a, int lo, int hi, const picture_about *about, fault *e)
{
	char heads[64 + 32 * SHEET_PIXELS_MAX];
	const shape of = sampler_image_shape(v->s);
	if (a->pixels == 0) {
		sheet_choose(gaze_image(v->g), of, a->pixel);
		a->pixels = SHEET_PIXELS;
	}
	write_heads(a, heads, sizeof heads);
	sheet *to = sheet_new(of, a->pixels, SIDE, a->common, e);
	bool ok = to;
	for (int i = lo; ok && i < hi; i++)
		ok = add_layer(to, a, v->g, i, a->pixel, e);
	fault no_font;
	if (ok && !svg_has_font(&no_font))
		fprintf(stderr, "sagan: warning: %s\n", no_font.text);
	ok = ok && sheet_write(to, a->out, heads, about, e);
	sheet_free(to);
	return ok;
}

/* ---- the command ---- */

static bool is_numbers(const char *path)
{
	return name_ends(path, ".h5") || name_ends(path, ".hdf5");
}

/* "generator, class seven, seed 1"; an image of a file has no seed. */
static void write_title(const scene *v, const asked *a, char *buf, size_t size)
{
	char name[64];
	size_t n = (size_t)snprintf(buf, size, "%s", net_side_name(a->side));
	if (sampler_classes(v->s))
		n += (size_t)snprintf(buf + n, size - n, ", class %s",
			class_names_at(sampler_class_names(v->s), v->label, name, sizeof name));
	if (!a->image)
		snprintf(buf + n, size - n, ", seed %lld", (long long)a->seed);
}

static bool attend(asked *a, fault *e)
{
	scene v = {.label = 0};
	char what[160];
	int lo, hi;
	bool ok = scene_open(&v, a, e) && find_layers(a, v.g, &lo, &hi, e) && check_heads(a, v.g, lo, hi, e)
		&& check_pixels(a, sampler_image_shape(v.s), e) && file_make_parents(a->out, e);
	if (ok) {
		write_title(&v, a, what, sizeof what);
		char *text = config_text(&v.from.cfg, e);
		const picture_about about = {.what = what, .name = v.from.cfg.name, .step = v.from.step,
			.seed = a->image ? -1 : a->seed, .config = text};
		const shape of = sampler_image_shape(v.s);
		ok = text && (is_numbers(a->out)
			? attention_file_write(a->out, v.g, lo, hi, of, a->side, v.label, &about, e)
			: draw(&v, a, lo, hi, &about, e));
		free(text);
		if (ok)
			fprintf(told_beside(a->out), "%d attention layer%s of the %s at step %lld: %s\n", hi - lo,
				hi - lo > 1 ? "s" : "", net_side_name(a->side), (long long)v.from.step,
				text_show(a->out).s);
	}
	scene_close(&v);
	return ok;
}

/* "12,8" */
static bool parse_pixel(const char *text, sheet_pixel *to)
{
	char rest;
	return strspn(text, "0123456789,") == strlen(text) && strlen(text) < 12
		&& sscanf(text, "%d,%d%c", &to->y, &to->x, &rest) == 2;
}

static int run(const command *c, int argc, char **argv)
{
	asked a = {.seed = 1, .out = "attention.png"};
	text_list pixels = {0};
	const char *net = NULL;
	bool best = false;
	int threads = 0;
	char best_path[4096];
	const option_row rows[] = {
		{"seed", OPTION_COUNT, &a.seed, 0, 9e15, "S", "the image is number 0 of `sagan sample --seed S`"},
		{"class", OPTION_TEXT, &a.class, 0, 0, "K|NAME", "of this class (default: 0)"},
		{"image", OPTION_PATH, &a.image, 0, 0, "FILE", "the discriminator looks at this picture"},
		{"net", OPTION_TEXT, &net, 0, 0, "N", "generator (default; not with --image) or discriminator"},
		{"pixel", OPTION_TEXTS, &pixels, 0, 0, "Y,X", "where this pixel looks; often (default: five)"},
		{"layer", OPTION_TEXT, &a.layer, 0, 0, "NAME", "one layer (default: all that have a map)"},
		{"head", OPTION_INT, &a.head, 1, 4096, "N", "one head, from 1 (default: each)"},
		{"mean", OPTION_FLAG, &a.mean, 0, 0, NULL, "the mean of a layer's heads"},
		{"common", OPTION_FLAG, &a.common, 0, 0, NULL, "one scale of colours, not one a row"},
		{"best", OPTION_FLAG, &best, 0, 0, NULL, "the checkpoint with the best score, not the newest"},
		{"raw", OPTION_FLAG, &a.raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"out", OPTION_PATH, &a.out, 0, 0, "FILE", "a picture (attention.png), or .h5: all maps as numbers"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &a.from, 1, 1);
	if (status >= 0)
		return status;
	a.side = net ? NET_G : a.image ? NET_D : NET_G;
	if (net && strcmp(net, net_side_name(NET_D)) == 0)
		a.side = NET_D;
	else if (net && strcmp(net, net_side_name(NET_G)) != 0)
		return fail_usage(c, "--net %s: must be generator or discriminator", net);
	if (a.image && a.side == NET_G)
		return fail_usage(c, "--image: only the discriminator looks at a picture; the generator has --seed");
	if (a.image && file_same(a.image, a.out))
		return fail_usage(c, "--out %s: is the picture that is looked at", a.out);
	if (pixels.n > SHEET_PIXELS_MAX)
		return fail_usage(c, "--pixel: at most %d fit on a sheet", SHEET_PIXELS_MAX);
	for (; a.pixels < pixels.n; a.pixels++)
		if (!parse_pixel(pixels.text[a.pixels], &a.pixel[a.pixels]))
			return fail_usage(c, "--pixel %s: must be a row and a column, as 12,8", pixels.text[a.pixels]);
	fault e;
	if (!pool_start(threads, &e)
	    || !(is_numbers(a.out) ? kept_spared(a.out, KEPT_NOTHING, &e) : picture_may_be(a.out, &e))
	    || (best && !rundir_best(a.from, best_path, sizeof best_path, &e)))
		return fail(&e);
	if (best)
		a.from = best_path;
	status = attend(&a, &e) ? EXIT_GOOD : fail(&e);
	pool_stop();
	return status;
}

const command command_attend = {
	.name = "attend", .argument = "RUN-or-CHECKPOINT", .summary = "where the attention layers look",
	.about = "Draws, for every attention layer and head, where chosen pixels of an image look:\n"
		 "one of the generator, or one that the discriminator is shown.",
	.examples = "examples:\n"
		    "  sagan attend runs/demo --class 7 --pixel 14,14\n"
		    "  sagan attend runs/demo --image seven.png --class 7\n"
		    "  sagan attend runs/demo --layer attention14 --out maps.h5",
	.rules = (const option_rule[]){
		{"seed", NULL, "image"}, {"mean", NULL, "head"}, {"raw", NULL, "image"}, {0},
	},
	.run = run,
};
