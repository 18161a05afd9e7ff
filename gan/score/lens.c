/* lens.c - three kinds of looking behind one function. */
#include "gan/score/lens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/score/features.h"

enum { BATCH = 64, CHANNELS_MAX = 3 };

struct lens {
	features *net;                               /* own; NULL: pixels */
	bool stacked;
	net_size size, pooled;
	int channels;
	real *plane;                                 /* own; stacked: one channel of a batch [BATCH,H,W] */
	real *x, *p;                                 /* own; stacked: its features [BATCH,D], probabilities [BATCH,K] */
	char about[512], brief[64];
};

/* ---- pixels ---- */

int pool_side(int size, int most)
{
	int side = MIN(size, most);
	while (size % side)
		side--;
	return 2 * side >= MIN(size, most) ? side : MIN(size, most);
}

net_size pool_size(net_size size, int most)
{
	return (net_size){pool_side(size.h, most), pool_side(size.w, most)};
}

/* How much of pixel i of an axis lies in area k, of `to` areas that are equal. */
static double part_in(int i, int size, int k, int to)
{
	const int from = MAX(i * to, k * size), end = MIN((i + 1) * to, (k + 1) * size);
	return end > from ? (double)(end - from) / to : 0;
}

/* row [to.w,channels] += share of a row of pixels. A pixel lies in one area, or in two. */
static void pool_row(const real *x, int width, int channels, int to, double share, double *row)
{
	for (int w = 0; w < width; w++) {
		const int last = ((w + 1) * to - 1) / width;
		for (int k = w * to / width; k <= last; k++)
			for (int c = 0; c < channels; c++)
				row[k * channels + c] += share * part_in(w, width, k, to) * (double)x[w * channels + c];
	}
}

static void pool_one(const real *x, net_size size, int channels, net_size to, real *y, double *row)
{
	const double share = (double)(to.h * to.w) / ((double)size.h * size.w);
	for (int i = 0; i < to.h; i++) {
		for (int k = 0; k < to.w * channels; k++)
			row[k] = 0;
		for (int h = i * size.h / to.h; h * to.h < (i + 1) * size.h; h++)
			pool_row(x + (int64_t)h * size.w * channels, size.w, channels, to.w,
				share * part_in(h, size.h, i, to.h), row);
		for (int k = 0; k < to.w * channels; k++)
			y[i * to.w * channels + k] = (real)row[k];
	}
}

void pool_images(const real *images, int64_t n, net_size size, int channels, net_size to, real *y)
{
	enum { ROW_MAX = 64 * CHANNELS_MAX };
	double row[ROW_MAX];
	must(to.w * channels <= ROW_MAX, "images averaged to %d columns of %d channels", to.w, channels);
	for (int64_t i = 0; i < n; i++)
		pool_one(images + i * size.h * size.w * channels, size, channels, to,
			y + i * to.h * to.w * channels, row);
}

static void open_pixels(lens *l)
{
	l->pooled = pool_size(l->size, POOL_SIDE_MAX);
	snprintf(l->about, sizeof l->about, "images averaged to %dx%dx%d", l->pooled.h, l->pooled.w, l->channels);
	snprintf(l->brief, sizeof l->brief, "pixels %dx%dx%d", l->pooled.h, l->pooled.w, l->channels);
}

/* ---- networks ---- */

static bool room_for_stacks(lens *l, fault *e)
{
	const size_t D = (size_t)features_count(l->net), K = (size_t)MAX(features_classes(l->net), 1);
	return (l->plane = mem_new((size_t)(BATCH * l->size.h * l->size.w), sizeof *l->plane, e))
		&& (l->x = mem_new(BATCH * D, sizeof *l->x, e)) && (l->p = mem_new(BATCH * K, sizeof *l->p, e));
}

/* The hash at the end of a network's text is what is short. */
static void name_network(lens *l)
{
	const char *text = features_about(l->net), *hash = strstr(text, "sha256");
	snprintf(l->about, sizeof l->about, "%s%s", text, l->stacked ? ", on each channel" : "");
	snprintf(l->brief, sizeof l->brief, "%.60s", hash ? hash : text);
}

static bool open_network(lens *l, const char *spec, const dataset *like, fault *e)
{
	dataset one = *like;
	if (l->stacked) {
		one.c = 1;
		one.classes = 0;                     /* a thousand here; the network's are digits */
	}
	l->net = features_open(!strcmp(spec, LENS_NETWORK) ? LENS_AUTO : spec, &one, e);
	if (!l->net)
		return false;
	name_network(l);
	return !l->stacked || room_for_stacks(l, e);
}

lens *lens_open(const char *spec, const dataset *like, fault *why, fault *e)
{
	lens *l = mem_zero(1, sizeof *l, e);
	if (!l)
		return NULL;
	*l = (lens){.size = {like->h, like->w}, .channels = like->c, .stacked = !strcmp(like->kind, "stacked")};
	why->text[0] = '\0';
	const bool pixels = !strcmp(spec, LENS_PIXELS);
	if (!pixels && open_network(l, spec, like, why)) {
		why->text[0] = '\0';
		return l;
	}
	if (pixels || (!strcmp(spec, LENS_AUTO) && !fault_is_now(why))) {
		features_free(l->net);
		l->net = NULL;
		open_pixels(l);
		return l;
	}
	fault_take(e, why);
	lens_free(l);
	return NULL;
}

void lens_free(lens *l)
{
	if (!l)
		return;
	features_free(l->net);
	free(l->plane);
	free(l->x);
	free(l->p);
	free(l);
}

int64_t lens_count(const lens *l)
{
	if (!l->net)
		return (int64_t)l->pooled.h * l->pooled.w * l->channels;
	return features_count(l->net) * (l->stacked ? l->channels : 1);
}

int lens_classes(const lens *l)
{
	const int K = l->net ? features_classes(l->net) : 0;
	return l->stacked && l->channels == CHANNELS_MAX ? K * K * K : K;
}

const char *lens_about(const lens *l)
{
	return l->about;
}

const char *lens_short(const lens *l)
{
	return l->brief;
}

bool lens_is_pixels(const lens *l)
{
	return l->net == NULL;
}

/* ---- looking ---- */

/* p [n,K^(c+1)] from p [n,K^c] in the same rows, whose first numbers it is, and q [n,K]. Class a K + b has p_a q_b. */
static void multiply(real *p, int64_t row, int64_t have, const real *q, int K, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		for (int64_t a = have - 1; a >= 0; a--) {
			const real first = p[i * row + a];   /* read before it is overwritten: a K is at least a */
			for (int b = K - 1; b >= 0; b--)
				p[i * row + a * K + b] = first * q[i * K + b];
		}
}

static bool look_at_channel(lens *l, const real *images, int c, int64_t n, real *x, real *probability, fault *e)
{
	const int64_t area = (int64_t)l->size.h * l->size.w, D = features_count(l->net);
	const int K = features_classes(l->net);
	for (int64_t i = 0; i < n * area; i++)
		l->plane[i] = images[i * l->channels + c];
	if (!features_run(l->net, l->plane, n, l->x, probability ? l->p : NULL, e))
		return false;
	for (int64_t i = 0; i < n; i++)
		memcpy(x + (i * l->channels + c) * D, l->x + i * D, (size_t)D * sizeof *x);
	int64_t have = 1;
	for (int k = 0; k < c; k++)
		have *= K;
	if (probability)
		multiply(probability, lens_classes(l), have, l->p, K, n);
	return true;
}

static bool look_stacked(lens *l, const real *images, int64_t n, real *x, real *probability, fault *e)
{
	const int64_t size = (int64_t)l->size.h * l->size.w * l->channels, D = lens_count(l);
	const int K = lens_classes(l);
	for (int64_t lo = 0; lo < n; lo += BATCH) {
		const int64_t k = MIN(BATCH, n - lo);
		real *p = probability ? probability + lo * K : NULL;
		for (int64_t i = 0; p && i < k; i++)
			p[i * K] = 1;
		for (int c = 0; c < l->channels; c++)
			if (!look_at_channel(l, images + lo * size, c, k, x + lo * D, p, e))
				return false;
	}
	return true;
}

bool lens_look(lens *l, const real *images, int64_t n, real *x, real *probability, fault *e)
{
	must(!probability || lens_classes(l) > 0, "%s: probabilities of no classes", l->about);
	if (!l->net)
		pool_images(images, n, l->size, l->channels, l->pooled, x);
	else if (l->stacked)
		return look_stacked(l, images, n, x, probability, e);
	else
		return features_run(l->net, images, n, x, probability, e);
	return true;
}
