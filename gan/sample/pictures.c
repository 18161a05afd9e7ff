/* pictures.c - what a run looks like: grids, where attention looks. */
#include "gan/sample/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/sample/request.h"

enum { SHEET_WIDTH = 900, SCALE_MAX = 4 };

/* ---- grids ---- */

bool picture_grid(const char *path, const picture_images *p, const picture_about *about, fault *e)
{
	image grid = {0};
	char title[256];
	picture_texts texts;
	const int scale = MAX(1, MIN(SCALE_MAX, SHEET_WIDTH / (p->columns * (p->w + 2))));
	const picture_words words = {.title = about->what ? picture_title(about, title, sizeof title) : NULL,
		.heads = p->heads, .columns = p->columns, .sides = p->sides,
		.rows = (int)((p->n + p->columns - 1) / p->columns), .cycle = p->cycle};
	const bool ok = image_grid(&grid, p->x, p->n, p->h, p->w, p->c, p->columns, scale, e)
		&& picture_frame(&grid, &words, e) && png_write_noted(path, &grid, picture_notes(about, &texts), e);
	image_free(&grid);
	return ok;
}

/* ---- attention ---- */

enum { QUERIES = 5, GAP = 4, CELL = 112, BACKGROUND = 56 };

typedef struct colour {
	double r, g, b;
} colour;

/* h in [0,1]: black, violet, red, orange, pale yellow. */
static colour heat(double h)
{
	static const colour stop[] = {
		{0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164},
	};
	double at = MAX(0, MIN(h, 1)) * (COUNT(stop) - 1);
	int i = MIN((int)at, COUNT(stop) - 2);
	double f = at - i;
	const colour *a = &stop[i], *b = &stop[i + 1];
	return (colour){a->r + f * (b->r - a->r), a->g + f * (b->g - a->g), a->b + f * (b->b - a->b)};
}

static void put(image *im, int y, int x, colour k)
{
	uint8_t *p = im->x + ((int64_t)y * im->w + x) * 3;
	p[0] = (uint8_t)lround(k.r);
	p[1] = (uint8_t)lround(k.g);
	p[2] = (uint8_t)lround(k.b);
}

/* A generated image and how many pixels of the sheet one of its pixels takes. */
typedef struct shown {
	const real *x;                               /* [h,w,c] in [-1,1] */
	int h, w, c, scale;
} shown;

static colour pixel(const shown *s, int y, int x)
{
	const real *p = s->x + ((int64_t)y * s->w + x) * s->c;
	double v[3];
	for (int i = 0; i < 3; i++)
		v[i] = PIXEL_HALF * (1 + MAX(-1, MIN((double)p[MIN(i, s->c - 1)], 1)));
	return (colour){v[0], v[1], v[2]};
}

/* The value of a map [h,w] at a point of [0,1)^2, bilinear between centres of cells. */
static double map_at(const real *map, int h, int w, double y, double x)
{
	double fy = MAX(0, MIN(y * h - 0.5, h - 1)), fx = MAX(0, MIN(x * w - 0.5, w - 1));
	int i = MIN((int)fy, MAX(h - 2, 0)), j = MIN((int)fx, MAX(w - 2, 0));
	int i1 = MIN(i + 1, h - 1), j1 = MIN(j + 1, w - 1);
	fy -= i;
	fx -= j;
	double top = (1 - fx) * map[i * w + j] + fx * map[i * w + j1];
	double bottom = (1 - fx) * map[i1 * w + j] + fx * map[i1 * w + j1];
	return (1 - fy) * top + fy * bottom;
}

static void draw_image(image *im, int top, int left, const shown *s)
{
	for (int y = 0; y < s->h * s->scale; y++)
		for (int x = 0; x < s->w * s->scale; x++)
			put(im, top + y, left + x, pixel(s, y / s->scale, x / s->scale));
}

/* The image in dim gray; over it, in colour, how much query (qy,qx) looks there, as a share of the most
 * it looks anywhere; around the query a frame. */
static void draw_query(image *im, int top, int left, const shown *s, const attention_view *v, int qy,
	int qx)
{
	const real *row = v->map + (int64_t)(qy * v->qw + qx) * v->kh * v->kw;
	double most = 1e-12;
	const int high = s->h * s->scale, wide = s->w * s->scale;
	for (int i = 0; i < v->kh * v->kw; i++)
		most = MAX(most, (double)row[i]);
	for (int y = 0; y < high; y++) {
		for (int x = 0; x < wide; x++) {
			colour k = pixel(s, y / s->scale, x / s->scale);
			double gray = 0.35 * (0.299 * k.r + 0.587 * k.g + 0.114 * k.b);
			double h = map_at(row, v->kh, v->kw, (y + 0.5) / high, (x + 0.5) / wide) / most;
			double a = 0.85 * MIN(1.0, 1.5 * h);
			colour hot = heat(h);
			put(im, top + y, left + x, (colour){(1 - a) * gray + a * hot.r,
				(1 - a) * gray + a * hot.g,
				(1 - a) * gray + a * hot.b});
		}
	}
	static const colour frame = {0, 255, 255};
	int y0 = qy * high / v->qh, y1 = (qy + 1) * high / v->qh - 1;
	int x0 = qx * wide / v->qw, x1 = (qx + 1) * wide / v->qw - 1;
	for (int x = x0; x <= x1; x++) {
		put(im, top + y0, left + x, frame);
		put(im, top + y1, left + x, frame);
	}
	for (int y = y0; y <= y1; y++) {
		put(im, top + y, left + x0, frame);
		put(im, top + y, left + x1, frame);
	}
}

/* How far the image is from its own mean around a query: what a person would point at. */
static double interest(const shown *s, const attention_view *v, int qy, int qx, double mean)
{
	double sum = 0;
	int y1 = (qy + 1) * s->h / v->qh, x1 = (qx + 1) * s->w / v->qw;
	for (int y = qy * s->h / v->qh; y < y1; y++)
		for (int x = qx * s->w / v->qw; x < x1; x++) {
			colour k = pixel(s, y, x);
			sum += fabs((k.r + k.g + k.b) / 3 - mean);
		}
	return sum;
}

/* The most interesting query of each quarter of the map, and one of a corner's background. */
static void choose_queries(const shown *s, const attention_view *v, int at[QUERIES][2])
{
	double mean = 0;
	for (int y = 0; y < s->h; y++)
		for (int x = 0; x < s->w; x++) {
			colour k = pixel(s, y, x);
			mean += (k.r + k.g + k.b) / 3 / ((double)s->h * s->w);
		}
	for (int i = 0; i < QUERIES - 1; i++) {
		int y0 = i / 2 * v->qh / 2, y1 = (i / 2 + 1) * v->qh / 2;
		int x0 = i % 2 * v->qw / 2, x1 = (i % 2 + 1) * v->qw / 2;
		double best = -1;
		for (int y = y0; y < y1; y++)
			for (int x = x0; x < x1; x++) {
				double now = interest(s, v, y, x, mean);
				if (now > best) {
					best = now;
					at[i][0] = y;
					at[i][1] = x;
				}
			}
	}
	at[QUERIES - 1][0] = v->qh / 8;
	at[QUERIES - 1][1] = v->qw / 8;
}

/* An image of the sampler's size, enlarged to about CELL pixels on its longer side. */
static shown shown_of(const sampler *s, const real *x)
{
	const shape i = sampler_image_shape(s);
	const int h = (int)i.dim[0], w = (int)i.dim[1];
	return (shown){x, h, w, (int)i.dim[2], MAX(1, CELL / MAX(h, w))};
}

static bool draw_row(image *im, sampler *smp, gaze *g, uint64_t seed, int row, real *z, fault *e)
{
	attention_view v;
	const int K = sampler_classes(smp);
	int at[QUERIES][2] = {{0}};
	request_latent(sampler_latent_size(smp), seed, row, 0, z);
	gaze_look(g, z, K ? row % K : 0);
	if (!gaze_view(g, gaze_layers(g) - 1, -1, &v, e))
		return false;
	const shown s = shown_of(smp, v.image);
	const int top = GAP + row * (s.h * s.scale + GAP);
	choose_queries(&s, &v, at);
	draw_image(im, top, GAP, &s);
	for (int i = 0; i < QUERIES; i++)
		draw_query(im, top, GAP + (i + 1) * (s.w * s.scale + GAP), &s, &v, at[i][0], at[i][1]);
	return true;
}

/* Row r is of class r mod K. */
static bool frame_attention(image *im, const sampler *s, int rows, const picture_about *about, fault *e)
{
	char title[256];
	const int K = sampler_classes(s);
	const picture_words words = {.title = about->what ? picture_title(about, title, sizeof title) : NULL,
		.heads = "image\nupper left\nupper right\nlower left\nlower right\ncorner\n", .columns = QUERIES + 1,
		.sides = K ? sampler_class_names(s) : NULL, .rows = rows, .cycle = K};
	return picture_frame(im, &words, e);
}

bool picture_attention(const char *path, sampler *s, uint64_t seed, int rows, const picture_about *about, fault *e)
{
	gaze *g = sampler_gaze(s, e);
	if (!g)
		return false;
	if (gaze_layers(g) == 0)
		return fault_set(e, "%s: the generator has no attention layer", path);
	const shown one = shown_of(s, NULL);
	const int high = one.h * one.scale + GAP, wide = one.w * one.scale + GAP;
	image im;
	picture_texts texts;
	real *z = mem_new((size_t)sampler_latent_size(s), sizeof *z, e);
	if (!z || !image_init(&im, GAP + rows * high, GAP + (QUERIES + 1) * wide, 3, e)) {
		free(z);
		return false;
	}
	memset(im.x, BACKGROUND, (size_t)im.h * (size_t)im.w * 3);
	bool ok = true;
	for (int r = 0; ok && r < rows; r++)
		ok = draw_row(&im, s, g, seed, r, z, e);
	ok = ok && frame_attention(&im, s, rows, about, e)
		&& png_write_noted(path, &im, picture_notes(about, &texts), e);
	image_free(&im);
	free(z);
	return ok;
}
