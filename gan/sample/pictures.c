/* pictures.c - what a run looks like: grids, where attention looks, the course of the losses. */
#include "gan/sample/pictures.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/class_names.h"
#include "data/picture/chart.h"
#include "data/picture/font.h"
#include "data/picture/image.h"
#include "data/picture/png.h"
#include "gan/sample/request.h"

enum { SHEET_WIDTH = 900, SCALE_MAX = 4 };

/* ---- grids ---- */

enum { HEAD = GLYPH_H + 4, HEAD_VALUE = 220 };       /* pixels above the columns; how bright the letters are */

/* A name at the top of a column of `room` pixels, centred, cut where there is no room. */
static void draw_head(image *im, int left, int room, const char *name)
{
	const int letters = MIN((int)strlen(name), room / GLYPH_STEP);
	left += (room - letters * GLYPH_STEP) / 2;
	for (int i = 0; i < letters; i++, left += GLYPH_STEP)
		for (int y = 0; y < GLYPH_H; y++)
			for (int x = 0; x < GLYPH_W; x++)
				if (glyph_pixel(name[i], y, x))
					memset(im->x + ((int64_t)(3 + y) * im->w + left + x) * im->c, HEAD_VALUE,
						(size_t)im->c);
}

/* Another picture takes the place of im: the same below a line of names. */
static bool add_heads(image *im, int columns, const char *heads, fault *e)
{
	image taller;
	char name[64];
	if (!image_init(&taller, im->h + HEAD, im->w, im->c, e))
		return false;
	const size_t row = (size_t)im->w * (size_t)im->c;
	for (int y = 0; y < HEAD; y++)               /* as the line above the grid */
		memcpy(taller.x + (size_t)y * row, im->x, row);
	memcpy(taller.x + HEAD * row, im->x, (size_t)im->h * row);
	for (int k = 0; k < columns; k++)
		draw_head(&taller, k * im->w / columns, im->w / columns, class_names_at(heads, k, name, sizeof name));
	image_free(im);
	*im = taller;
	return true;
}

bool picture_grid(const char *path, const real *images, int64_t n, int h, int w, int c, int columns,
	const char *heads, fault *e)
{
	image grid = {0};
	const int scale = MAX(1, MIN(SCALE_MAX, SHEET_WIDTH / (columns * (w + 2))));
	const bool ok = image_grid(&grid, images, n, h, w, c, columns, scale, e) &&
		(!heads || add_heads(&grid, columns, heads, e)) && png_write(path, grid.x, grid.h, grid.w, grid.c, e);
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

bool picture_attention(const char *path, sampler *s, uint64_t seed, int rows, fault *e)
{
	gaze *g = sampler_gaze(s, e);
	if (!g)
		return false;
	if (gaze_layers(g) == 0)
		return fault_set(e, "%s: the generator has no attention layer", path);
	const shown one = shown_of(s, NULL);
	const int high = one.h * one.scale + GAP, wide = one.w * one.scale + GAP;
	image im;
	real *z = mem_new((size_t)sampler_latent_size(s), sizeof *z, e);
	if (!z || !image_init(&im, GAP + rows * high, GAP + (QUERIES + 1) * wide, 3, e)) {
		free(z);
		return false;
	}
	memset(im.x, BACKGROUND, (size_t)im.h * (size_t)im.w * 3);
	bool ok = true;
	for (int r = 0; ok && r < rows; r++)
		ok = draw_row(&im, s, g, seed, r, z, e);
	ok = ok && png_write(path, im.x, im.h, im.w, im.c, e);
	image_free(&im);
	free(z);
	return ok;
}

/* ---- curves of a run ---- */

enum { CURVES_MAX = 4, LINE_MAX = 8192 };

/* Columns of a CSV file by name: the steps and some curves. */
typedef struct table {
	const char *const *name;                     /* borrow; [1 + curves], "step" first */
	int curves;
	double *x[1 + CURVES_MAX];                   /* own; step and the curves */
	int64_t n, room;
	int column[1 + CURVES_MAX];                  /* where they stand in a row */
} table;

/* Text of column `at` of a row, or NULL. */
static const char *field(const char *row, int at)
{
	for (; row && at > 0; at--) {
		row = strchr(row, ',');
		row = row ? row + 1 : NULL;
	}
	return row;
}

static bool find_columns(table *t, const char *path, const char *header, fault *e)
{
	for (int k = 0; k <= t->curves; k++) {
		size_t n = strlen(t->name[k]);
		t->column[k] = -1;
		const char *p;
		for (int i = 0; (p = field(header, i)) != NULL; i++)
			if (strncmp(p, t->name[k], n) == 0 && strchr(",\r\n", p[n]))
				t->column[k] = i;
		if (t->column[k] < 0)
			return fault_set(e, "%s: no column %s", path, t->name[k]);
	}
	return true;
}

static bool add_row(table *t, const char *row, fault *e)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		for (int k = 0; k <= t->curves; k++) {
			double *bigger = realloc(t->x[k], (size_t)t->room * sizeof *bigger);
			if (!bigger)
				return fault_set(e, "out of memory for %lld rows", (long long)t->room);
			t->x[k] = bigger;
		}
	}
	for (int k = 0; k <= t->curves; k++) {
		const char *p = field(row, t->column[k]);
		char *end;
		t->x[k][t->n] = p ? strtod(p, &end) : NAN;
		if (!p || end == p)
			t->x[k][t->n] = NAN;
	}
	t->n += isfinite(t->x[0][t->n]) != 0;
	return true;
}

static bool table_read(table *t, const char *path, fault *e)
{
	char line[LINE_MAX];
	FILE *f = fopen(path, "r");
	if (!f)
		return fault_set(e, "%s: cannot be read: %s", path, strerror(errno));
	bool some = fgets(line, sizeof line, f), ok = some && find_columns(t, path, line, e);
	while (ok && fgets(line, sizeof line, f))
		ok = add_row(t, line, e);
	if (ferror(f))
		ok = fault_set(e, "%s: cannot be read: %s", path, strerror(errno));
	else if (!some)
		fault_set(e, "%s: is empty", path);
	fclose(f);
	return ok;
}

static bool picture_curves(const char *path, const char *csv, const char *const *name, const char *const *legend,
	int curves, chart c, fault *e)
{
	table t = {.name = name, .curves = curves};
	bool ok = table_read(&t, csv, e);
	chart_series s[CURVES_MAX];
	for (int k = 0; k < curves; k++)
		s[k] = (chart_series){legend[k], t.x[0], t.x[k + 1], t.n};
	c.x_name = "step";
	c.series = s;
	c.count = curves;
	ok = ok && chart_write(path, &c, e);
	for (int k = 0; k <= curves; k++)
		free(t.x[k]);
	return ok;
}

bool picture_loss(const char *path, const char *metrics_csv, fault *e)
{
	static const char *const name[] = {"step", "d_loss", "g_loss", "d_real", "d_fake"};
	static const char *const legend[] = {"D loss", "G loss", "D(real)", "D(fake)"};
	const chart c = {.title = "losses and mean outputs of D"};
	return picture_curves(path, metrics_csv, name, legend, COUNT(legend), c, e);
}

bool picture_scores(const char *path, const char *scores_csv, fault *e)
{
	static const char *const name[] = {"step", "score"};
	static const char *const legend[] = {"score"};
	const chart c = {.title = "score of the checkpoints: lower is better", .log_y = true};
	return picture_curves(path, scores_csv, name, legend, COUNT(legend), c, e);
}
