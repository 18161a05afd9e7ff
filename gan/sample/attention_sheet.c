/* attention_sheet.c - rows are collected, so that the scale of colours is known, then painted; the words and the bars
 * are one drawing over the picture.
 *
 * Colours: what is looked at most is pale yellow, nothing is the dimmed image. Where weights may be negative, these are
 * blue. */
#include "gan/sample/attention_sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/class_names.h"

enum { GAP = 6, GROUND = 48, LETTERS = 13, LINE = 18, LABEL_MOST = 260, BAR = 16, BAR_ROOM = 84 };

typedef struct sheet_row {
	real *image;                                 /* own; [H,W,C] */
	real *map;                                   /* own; [pixels, kh*kw] */
	char label[256];
	int qh, qw, kh, kw;
	sheet_pixel at[SHEET_PIXELS_MAX];
	bool shares;
	double most;                                 /* the largest magnitude in map */
} sheet_row;

struct sheet {
	shape image;
	int pixels, scale;                           /* pixels of the sheet that one of the image takes */
	bool common;
	int n;
	sheet_row row[SHEET_ROWS_MAX];
};

/* ---- which pixels ---- */

/* Gray of a pixel. */
static double gray_at(const real *x, const shape *s, int64_t i)
{
	double sum = 0;
	for (int64_t c = 0; c < s->dim[2]; c++)
		sum += (double)x[i * s->dim[2] + c];
	return sum / (double)s->dim[2];
}

/* How far a square of pixels [y,y+side) is from the mean. */
static double interest(const real *x, const shape *s, int y, int left, int side, double mean)
{
	double sum = 0;
	for (int64_t i = y; i < MIN(y + side, s->dim[0]); i++)
		for (int64_t j = left; j < MIN(left + side, s->dim[1]); j++)
			sum += fabs(gray_at(x, s, i * s->dim[1] + j) - mean);
	return sum;
}

void sheet_choose(const real *x, shape of, sheet_pixel at[SHEET_PIXELS])
{
	const int H = (int)of.dim[0], W = (int)of.dim[1], side = MAX(1, MIN(H, W) / 14);
	double mean = 0;
	for (int64_t i = 0; i < (int64_t)H * W; i++)
		mean += gray_at(x, &of, i) / ((double)H * W);
	for (int k = 0; k < SHEET_PIXELS - 1; k++) {
		double best = -1;
		for (int y = k / 2 * H / 2; y + side <= (k / 2 + 1) * H / 2; y += side)
			for (int left = k % 2 * W / 2; left + side <= (k % 2 + 1) * W / 2; left += side) {
				const double now = interest(x, &of, y, left, side, mean);
				if (now <= best)
					continue;
				best = now;
				at[k] = (sheet_pixel){y + side / 2, left + side / 2};
			}
	}
	at[SHEET_PIXELS - 1] = (sheet_pixel){H / 8, W / 8};
}

/* ---- collecting ---- */

sheet *sheet_new(shape of, int pixels, int side, bool common, fault *e)
{
	sheet *s = mem_zero(1, sizeof *s, e);
	must(pixels >= 0 && pixels <= SHEET_PIXELS_MAX, "%d pixels of a sheet", pixels);
	if (s)
		*s = (sheet){.image = of, .pixels = pixels, .common = common,
			.scale = (int)MAX(1, side / MAX(of.dim[0], of.dim[1]))};
	return s;
}

void sheet_free(sheet *s)
{
	for (int i = 0; s && i < s->n; i++) {
		free(s->row[i].image);
		free(s->row[i].map);
	}
	free(s);
}

bool sheet_add(sheet *s, const attention_view *v, const sheet_pixel *at, const char *label, fault *e)
{
	const int M = v->kh * v->kw;
	const int64_t size = shape_count(&s->image);
	if (s->n == SHEET_ROWS_MAX)
		return fault_set(e, "a sheet of attention has room for %d maps; name one layer or head",
			SHEET_ROWS_MAX);
	sheet_row *r = &s->row[s->n];
	*r = (sheet_row){.qh = v->qh, .qw = v->qw, .kh = v->kh, .kw = v->kw, .shares = v->shares, .most = 1e-12};
	r->image = mem_new((size_t)size, sizeof *r->image, e);
	r->map = mem_new((size_t)(s->pixels * M), sizeof *r->map, e);
	s->n++;
	if (!r->image || !r->map)
		return false;
	snprintf(r->label, sizeof r->label, "%s", label);
	memcpy(r->image, v->image, (size_t)size * sizeof *r->image);
	for (int k = 0; k < s->pixels; k++) {
		r->at[k] = at[k];
		const int64_t q = at[k].y * r->qh / s->image.dim[0] * r->qw + at[k].x * r->qw / s->image.dim[1];
		memcpy(r->map + k * M, v->map + q * M, (size_t)M * sizeof *r->map);
	}
	for (int i = 0; i < s->pixels * M; i++)
		r->most = MAX(r->most, fabs((double)r->map[i]));
	return true;
}

static double most_of(const sheet *s, int row)
{
	double most = s->row[row].most;
	for (int i = 0; s->common && i < s->n; i++)
		most = MAX(most, s->row[i].most);
	return most;
}

/* ---- painting ---- */

typedef struct colour {
	double r, g, b;
} colour;

/* h in [-1,1]: 0 black, over violet, red and orange to pale yellow; below 0 to pale blue. */
static colour heat(double h)
{
	static const colour warm[] = {
		{0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164},
	}, cold[] = {{0, 0, 4}, {8, 48, 107}, {33, 113, 181}, {107, 174, 214}, {222, 235, 247}};
	const colour *stop = h < 0 ? cold : warm;
	const double at = MIN(fabs(h), 1) * (COUNT(warm) - 1);
	const int i = MIN((int)at, COUNT(warm) - 2);
	const double f = at - i;
	return (colour){stop[i].r + f * (stop[i + 1].r - stop[i].r), stop[i].g + f * (stop[i + 1].g - stop[i].g),
		stop[i].b + f * (stop[i + 1].b - stop[i].b)};
}

static void put(image *im, int y, int x, colour k)
{
	uint8_t *p = im->x + ((int64_t)y * im->w + x) * 3;
	p[0] = (uint8_t)lround(k.r);
	p[1] = (uint8_t)lround(k.g);
	p[2] = (uint8_t)lround(k.b);
}

static colour pixel(const sheet *s, const real *x, int64_t i)
{
	const int C = (int)s->image.dim[2];
	double v[3];
	for (int k = 0; k < 3; k++)
		v[k] = pixel_byte(x[i * C + MIN(k, C - 1)]);
	return (colour){v[0], v[1], v[2]};
}

/* The value of a map [h,w] at a point of [0,1)^2, bilinear between centres of cells. */
static double map_at(const real *map, int h, int w, double y, double x)
{
	double fy = MAX(0, MIN(y * h - 0.5, h - 1)), fx = MAX(0, MIN(x * w - 0.5, w - 1));
	const int i = MIN((int)fy, MAX(h - 2, 0)), j = MIN((int)fx, MAX(w - 2, 0));
	const int i1 = MIN(i + 1, h - 1), j1 = MIN(j + 1, w - 1);
	fy -= i;
	fx -= j;
	const double top = (1 - fx) * (double)map[i * w + j] + fx * (double)map[i * w + j1];
	const double bottom = (1 - fx) * (double)map[i1 * w + j] + fx * (double)map[i1 * w + j1];
	return (1 - fy) * top + fy * bottom;
}

/* A frame around rows y0..y1 and columns x0..x1. */
static void frame(image *im, int y0, int x0, int y1, int x1)
{
	static const colour cyan = {0, 255, 255};
	for (int x = x0; x <= x1; x++) {
		put(im, y0, x, cyan);
		put(im, y1, x, cyan);
	}
	for (int y = y0; y <= y1; y++) {
		put(im, y, x0, cyan);
		put(im, y, x1, cyan);
	}
}

/* Cell 0 is the image, with frames around the queries; cell 1 + k what query k looks at. */
static void paint_cell(image *im, int top, int left, const sheet *s, const sheet_row *r, int cell, double most)
{
	const int high = (int)s->image.dim[0] * s->scale, wide = (int)s->image.dim[1] * s->scale;
	const real *map = cell ? r->map + (cell - 1) * r->kh * r->kw : NULL;
	for (int y = 0; y < high; y++)
		for (int x = 0; x < wide; x++) {
			colour k = pixel(s, r->image, y / s->scale * s->image.dim[1] + x / s->scale);
			if (map) {
				const double h = map_at(map, r->kh, r->kw, (y + 0.5) / high, (x + 0.5) / wide) / most;
				const double a = 0.85 * MIN(1.0, 1.5 * fabs(h));
				const double gray = 0.35 * (1 - a) * (0.299 * k.r + 0.587 * k.g + 0.114 * k.b);
				const colour hot = heat(h);
				k = (colour){gray + a * hot.r, gray + a * hot.g, gray + a * hot.b};
			}
			put(im, top + y, left + x, k);
		}
	for (int k = cell ? cell - 1 : 0; k < (cell ? cell : s->pixels); k++) {
		const int qy = r->at[k].y * r->qh / (int)s->image.dim[0];
		const int qx = r->at[k].x * r->qw / (int)s->image.dim[1];
		frame(im, top + qy * high / r->qh, left + qx * wide / r->qw, top + (qy + 1) * high / r->qh - 1,
			left + (qx + 1) * wide / r->qw - 1);
	}
}

/* ---- words ---- */

/* Where everything lies. */
typedef struct layout {
	int top, left, high, wide;                   /* of the cells; a cell with its gap */
	int h, w;                                    /* of the sheet */
} layout;

static layout lay_out(const sheet *s, const char *title)
{
	double widest = 0;
	char line[128];
	for (int r = 0; r < s->n; r++)
		for (int k = 0; k < 4; k++)
			widest = MAX(widest, svg_text_width(class_names_at(s->row[r].label, k, line, sizeof line),
				LETTERS));
	layout l = {.top = FRAME_TITLE + FRAME_HEAD, .left = (int)MIN(widest, LABEL_MOST) + 2 * GAP};
	l.high = (int)s->image.dim[0] * s->scale + GAP;
	l.wide = (int)s->image.dim[1] * s->scale + GAP;
	l.h = l.top + s->n * l.high;
	l.w = MAX(l.left + (s->pixels + 1) * l.wide + BAR_ROOM, (int)svg_text_width(title, LETTERS + 2) + 3 * GAP);
	return l;
}

static void write_line(svg *d, double y, double x, enum svg_anchor a, double room, const char *text)
{
	char cut[128];
	snprintf(cut, sizeof cut, "%s", text);
	cut[svg_text_fit(cut, LETTERS, room)] = '\0';
	svg_text(d, y, x, a, LETTERS, SVG_LIGHT, cut);
}

/* Lines of a text one below the other, ending at x. */
static void write_label(svg *d, double y, double x, const char *label)
{
	char line[128];
	for (int k = 0; *label; k++) {
		const size_t n = strcspn(label, "\n");
		snprintf(line, sizeof line, "%.*s", (int)MIN(n, sizeof line - 1), label);
		write_line(d, y + k * LINE, x, SVG_END, LABEL_MOST, line);
		label += n + (label[n] == '\n');
	}
}

/* The bar of one row: `most` above, and below 0 or -most. */
static void write_bar(svg *d, double y, double x, double high, bool shares, double most)
{
	enum { STEPS = 32 };
	char text[32];
	for (int i = 0; i < STEPS; i++) {
		const double at = 1 - (i + 0.5) / STEPS;
		const colour k = heat(shares ? at : 2 * at - 1);
		svg_add(d, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"#%02x%02x%02x\"/>\n", x,
			y + i * high / STEPS, BAR, high / STEPS + 0.5, (int)k.r, (int)k.g, (int)k.b);
	}
	snprintf(text, sizeof text, "%.2g", most);
	write_line(d, y + LETTERS, x + BAR + 5, SVG_START, BAR_ROOM, text);
	snprintf(text, sizeof text, "%.2g", shares ? 0 : -most);
	write_line(d, y + high - 3, x + BAR + 5, SVG_START, BAR_ROOM, text);
}

static bool write_words(image *im, const sheet *s, const layout *l, const char *title, const char *heads, fault *e)
{
	char name[128];
	svg d;
	svg_begin(&d, im->h, im->w, "words");
	svg_text(&d, FRAME_TITLE - 9, 2 * GAP, SVG_START, LETTERS + 2, SVG_LIGHT, title);
	for (int k = 0; k <= s->pixels; k++)
		write_line(&d, l->top - 6, l->left + k * l->wide + (l->wide - GAP) / 2.0, SVG_MIDDLE, l->wide,
			class_names_at(heads, k, name, sizeof name));
	const double bars = l->left + (s->pixels + 1) * l->wide + GAP;
	bool shares = true;
	for (int r = 0; r < s->n; r++)
		shares = shares && s->row[r].shares;
	write_line(&d, l->top - 6, bars, SVG_START, BAR_ROOM, shares ? "share" : "weight");
	for (int r = 0; r < s->n; r++) {
		const double y = l->top + r * l->high;
		write_label(&d, y + LETTERS + 2, l->left - GAP, s->row[r].label);
		write_bar(&d, y, bars, l->high - GAP, s->row[r].shares, most_of(s, r));
	}
	svg_end(&d);
	const bool ok = svg_over(&d, im, e);
	svg_free(&d);
	return ok;
}

bool sheet_write(const sheet *s, const char *path, const char *heads, const picture_about *about, fault *e)
{
	char title[256];
	image im;
	picture_texts texts;
	picture_title(about, title, sizeof title);
	const layout l = lay_out(s, title);
	if (!image_init(&im, l.h, l.w, 3, e))
		return false;
	memset(im.x, GROUND, (size_t)im.h * (size_t)im.w * 3);
	for (int r = 0; r < s->n; r++)
		for (int k = 0; k <= s->pixels; k++)
			paint_cell(&im, l.top + r * l.high, l.left + k * l.wide, s, &s->row[r], k, most_of(s, r));
	const bool ok = write_words(&im, s, &l, title, heads, e)
		&& png_write_noted(path, &im, picture_notes(about, &texts), e);
	image_free(&im);
	return ok;
}
