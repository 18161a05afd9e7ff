/* chart.c - axes, curves and their bands, drawn pixel by pixel. */
#include "data/picture/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/picture/font.h"
#include "data/picture/png.h"

typedef struct colour {
	uint8_t v[3];
} colour;

static const colour INK = {{40, 44, 52}}, FAINT = {{226, 229, 233}}, SOFT = {{130, 137, 146}};
/* Told apart by people with any colour vision (Okabe and Ito, 2008), strongest first. */
static const colour CURVE[] = {
	{{0, 114, 178}}, {{213, 94, 0}}, {{0, 158, 115}}, {{204, 121, 167}}, {{230, 159, 0}}, {{86, 180, 233}},
	{{100, 100, 100}}, {{190, 170, 20}},
};

enum { TEXT = 2, MARGIN = 18, TICKS = 6 };           /* TEXT: pixels per font pixel */

/* The drawing in progress: the frame of the curves in pixels and in values. */
typedef struct frame {
	image *im;
	const chart *c;
	double left, right, top, bottom;
	double x0, x1, y0, y1;                       /* y in log10 on a logarithmic axis */
} frame;

/* ---- pixels ---- */

static void blend(image *im, int y, int x, colour k, double share)
{
	if (y < 0 || x < 0 || y >= im->h || x >= im->w || share <= 0)
		return;
	uint8_t *p = im->x + ((size_t)y * (size_t)im->w + (size_t)x) * 3;
	for (int i = 0; i < 3; i++)
		p[i] = (uint8_t)(p[i] + (k.v[i] - p[i]) * MIN(share, 1) + 0.5);
}

static void fill(image *im, int y0, int x0, int y1, int x1, colour k, double share)
{
	for (int y = MAX(y0, 0); y < MIN(y1, im->h); y++)
		for (int x = MAX(x0, 0); x < MIN(x1, im->w); x++)
			blend(im, y, x, k, share);
}

/* A segment of the given width with round ends; a pixel's share is how far it is inside. */
static void segment(image *im, double ya, double xa, double yb, double xb, double width, colour k)
{
	const double r = width / 2, dy = yb - ya, dx = xb - xa, len = dy * dy + dx * dx;
	for (int y = (int)floor(MIN(ya, yb) - r - 1); y <= (int)ceil(MAX(ya, yb) + r + 1); y++)
		for (int x = (int)floor(MIN(xa, xb) - r - 1); x <= (int)ceil(MAX(xa, xb) + r + 1); x++) {
			const double t = len > 0 ? ((y - ya) * dy + (x - xa) * dx) / len : 0;
			const double s = MIN(MAX(t, 0), 1);
			const double far = hypot(y - ya - s * dy, x - xa - s * dx);
			blend(im, y, x, k, r + 0.5 - far);
		}
}

static int text_width(const char *s)
{
	return (int)strlen(s) * GLYPH_STEP * TEXT;
}

static void text(image *im, int y, int x, const char *s, colour k)
{
	for (; *s; s++, x += GLYPH_STEP * TEXT)
		for (int i = 0; i < GLYPH_H * TEXT; i++)
			for (int j = 0; j < GLYPH_W * TEXT; j++)
				if (glyph_pixel(*s, i / TEXT, j / TEXT))
					blend(im, y + i, x + j, k, 1);
}

/* ---- values to pixels ---- */

static bool shown(const frame *f, double x, double y)
{
	return isfinite(x) && isfinite(y) && (!f->c->log_y || y > 0);
}

static double value_y(const frame *f, double y)
{
	return f->c->log_y ? log10(y) : y;
}

static double pixel_x(const frame *f, double x)
{
	return f->left + (x - f->x0) / (f->x1 - f->x0) * (f->right - f->left);
}

static double pixel_y(const frame *f, double y)
{
	return f->bottom - (y - f->y0) / (f->y1 - f->y0) * (f->bottom - f->top);
}

static int double_order(const void *a, const void *b)
{
	const double p = *(const double *)a, q = *(const double *)b;
	return (p > q) - (p < q);
}

/* The vertical range covers all but the outermost 0.2 % on either side, so that one spike at the
 * start of a run does not flatten the rest. */
static bool range_y(frame *f, int64_t points, fault *e)
{
	double *v = mem_new((size_t)points, sizeof *v, e);
	int64_t n = 0;
	if (!v)
		return false;
	for (int i = 0; i < f->c->count; i++)
		for (int64_t j = 0; j < f->c->series[i].n; j++)
			if (shown(f, f->c->series[i].x[j], f->c->series[i].y[j]))
				v[n++] = value_y(f, f->c->series[i].y[j]);
	f->y0 = 0;
	f->y1 = 1;
	if (n > 0) {
		qsort(v, (size_t)n, sizeof *v, double_order);
		f->y0 = v[n / 500];
		f->y1 = v[n - 1 - n / 500];
	}
	free(v);
	if (!(f->y1 - f->y0 > 1e-12 * (fabs(f->y0) + fabs(f->y1)) && f->y1 - f->y0 > 1e-300)) {
		const double room = f->y0 == 0 ? 1 : fabs(f->y0) / 2;
		f->y0 -= room;
		f->y1 += room;
	}
	const double margin = 0.05 * (f->y1 - f->y0);
	f->y0 -= margin;
	f->y1 += margin;
	return true;
}

static bool ranges(frame *f, fault *e)
{
	int64_t points = 0;
	f->x0 = INFINITY;
	f->x1 = -INFINITY;
	for (int i = 0; i < f->c->count; i++) {
		const chart_series *s = &f->c->series[i];
		points += s->n;
		for (int64_t j = 0; j < s->n; j++)
			if (isfinite(s->x[j])) {
				f->x0 = MIN(f->x0, s->x[j]);
				f->x1 = MAX(f->x1, s->x[j]);
			}
	}
	if (!(f->x0 <= f->x1)) {
		f->x0 = 0;
		f->x1 = 1;
	} else if (f->x0 == f->x1) {
		f->x0 -= 1;
		f->x1 += 1;
	}
	return range_y(f, MAX(points, 1), e);
}

/* ---- axes ---- */

/* The step 1, 2 or 5 times a power of ten that gives at most TICKS marks. */
static double tick_step(double span)
{
	static const double nice[] = {1, 2, 5, 10};
	const double ten = pow(10, floor(log10(span / TICKS)));
	for (int i = 0; i < COUNT(nice); i++)
		if (span / (nice[i] * ten) <= TICKS)
			return nice[i] * ten;
	return 10 * ten;
}

/* 20000 -> 20k; rounded to the step, so that 0.30000000000000004 is 0.3. */
static void tick_text(char *out, size_t size, double v, double step)
{
	if (fabs(v) < step / 1e6)
		snprintf(out, size, "0");
	else if (step >= 1e6)
		snprintf(out, size, "%.6gM", v / 1e6);
	else if (step >= 1e3)
		snprintf(out, size, "%.6gk", v / 1e3);
	else
		snprintf(out, size, "%.6g", v);
}

static void axis_x(const frame *f)
{
	const double step = tick_step(f->x1 - f->x0);
	char label[32];
	for (double k = ceil(f->x0 / step); k * step <= f->x1 * (1 + 1e-12); k++) {
		const int x = (int)(pixel_x(f, k * step) + 0.5);
		fill(f->im, (int)f->top, x, (int)f->bottom, x + 1, FAINT, 1);
		fill(f->im, (int)f->bottom, x, (int)f->bottom + 6, x + 1, SOFT, 1);
		tick_text(label, sizeof label, k * step, step);
		text(f->im, (int)f->bottom + 11, x - text_width(label) / 2 + TEXT / 2, label, INK);
	}
	const char *name = f->c->x_name;
	if (name)
		text(f->im, (int)f->bottom + 34, (int)((f->left + f->right) / 2) - text_width(name) / 2, name, SOFT);
}

/* One mark at value v (as in the frame) with its number, or only the width of that. */
static int mark_y(const frame *f, double v, const char *label, bool draw)
{
	if (draw) {
		const int y = (int)(pixel_y(f, v) + 0.5);
		fill(f->im, y, (int)f->left, y + 1, (int)f->right, FAINT, 1);
		fill(f->im, y, (int)f->left - 6, y + 1, (int)f->left, SOFT, 1);
		text(f->im, y - 7 * TEXT / 2, (int)f->left - 10 - text_width(label), label, INK);
	}
	return text_width(label);
}

/* Powers of ten, with 2 and 5 times them when there are few. */
static int marks_log(const frame *f, bool draw)
{
	const double span = f->y1 - f->y0, step = MAX(1, ceil(span / TICKS));
	char label[32];
	int widest = 0;
	for (double k = floor(f->y0 / step) * step; k <= f->y1; k += step)
		for (int m = 1; m <= (span < 3 ? 5 : 1); m += m == 1 ? 1 : 3) {
			const double v = k + log10(m);
			if (v < f->y0 || v > f->y1)
				continue;
			snprintf(label, sizeof label, "%.4g", pow(10, v));
			widest = MAX(widest, mark_y(f, v, label, draw));
		}
	return widest;
}

static int marks_even(const frame *f, bool draw)
{
	const double step = tick_step(f->y1 - f->y0);
	char label[32];
	int widest = 0;
	for (double k = ceil(f->y0 / step); k * step <= f->y1; k++) {
		if (f->c->log_y)                     /* less than a decade: even in the logarithm */
			snprintf(label, sizeof label, "%.3g", pow(10, k * step));
		else
			tick_text(label, sizeof label, k * step, step);
		widest = MAX(widest, mark_y(f, k * step, label, draw));
	}
	return widest;
}

/* Draws the marks, or with draw = false only finds the widest number. */
static int axis_y(const frame *f, bool draw)
{
	return f->c->log_y && f->y1 - f->y0 >= 1 ? marks_log(f, draw) : marks_even(f, draw);
}

/* ---- curves ---- */

/* Points that fall into one column of pixels. */
typedef struct bin {
	double lo, hi, sum, x;
	int64_t n;
} bin;

static void bins_fill(const frame *f, const chart_series *s, bin *b, int n)
{
	for (int i = 0; i < n; i++)
		b[i] = (bin){.lo = INFINITY, .hi = -INFINITY};
	for (int64_t j = 0; j < s->n; j++) {
		if (!shown(f, s->x[j], s->y[j]))
			continue;
		const double x = pixel_x(f, s->x[j]), y = value_y(f, s->y[j]);
		bin *at = &b[MIN(MAX((int)(x - f->left), 0), n - 1)];
		at->lo = MIN(at->lo, y);
		at->hi = MAX(at->hi, y);
		at->sum += y;
		at->x += x;
		at->n++;
	}
}

static double clip_y(const frame *f, double v)
{
	return MIN(MAX(pixel_y(f, v), f->top), f->bottom);
}

static void band_draw(const frame *f, const bin *b, int n, colour k)
{
	for (int i = 0; i < n; i++)
		if (b[i].n > 1)
			fill(f->im, (int)clip_y(f, b[i].hi), (int)f->left + i, (int)clip_y(f, b[i].lo) + 1,
				(int)f->left + i + 1, k, 0.22);
}

/* Few points: as they are, broken at gaps. Many: the mean per column, smoothed over a few columns. */
static void line_draw(const frame *f, const chart_series *s, colour k)
{
	for (int64_t j = 0, last = -1; j < s->n; j++) {
		if (!shown(f, s->x[j], s->y[j])) {
			last = -1;
			continue;
		}
		const int64_t from = last < 0 ? j : last;
		segment(f->im, clip_y(f, value_y(f, s->y[from])), pixel_x(f, s->x[from]),
			clip_y(f, value_y(f, s->y[j])), pixel_x(f, s->x[j]), 2, k);
		last = j;
	}
}

enum { SMOOTH = 4 };

static void mean_draw(const frame *f, const bin *b, int n, colour k)
{
	double last_y = 0, last_x = -1;
	for (int i = 0; i < n; i++) {
		double sum = 0;
		int64_t count = 0;
		for (int j = MAX(i - SMOOTH, 0); j <= MIN(i + SMOOTH, n - 1); j++) {
			sum += b[j].sum;
			count += b[j].n;
		}
		if (count == 0) {
			last_x = -1;
			continue;
		}
		const double y = clip_y(f, sum / (double)count), x = f->left + i + 0.5;
		if (last_x >= 0)
			segment(f->im, last_y, last_x, y, x, 2, k);
		last_y = y;
		last_x = x;
	}
}

static bool series_draw(const frame *f, fault *e)
{
	const int n = MAX((int)(f->right - f->left), 1);
	bin *b = mem_new((size_t)n, sizeof *b, e);
	for (int pass = 0; b && pass < 2; pass++)    /* all bands below all lines */
		for (int i = 0; i < f->c->count; i++) {
			const chart_series *s = &f->c->series[i];
			const colour k = CURVE[i % COUNT(CURVE)];
			const bool many = s->n > 2 * (int64_t)n;
			if (many)
				bins_fill(f, s, b, n);
			if (pass == 0 && many)
				band_draw(f, b, n, k);
			else if (pass == 1 && many)
				mean_draw(f, b, n, k);
			else if (pass == 1)
				line_draw(f, s, k);
		}
	free(b);
	return b != NULL;
}

enum { SWATCH = 34, GAP = 18, ROW = 26 };

static int legend_width(const chart *c)
{
	int width = -GAP;
	for (int i = 0; i < c->count; i++)
		width += SWATCH + text_width(c->series[i].name) + GAP;
	return width;
}

/* Right of the title when both fit into one row, else in a row of its own. */
static bool legend_below(const chart *c, int w)
{
	return c->title && c->count && text_width(c->title) + legend_width(c) + 8 * MARGIN > w;
}

static void legend_draw(const frame *f, int y)
{
	int x = (int)f->right - legend_width(f->c);
	const double middle = y + 7 * TEXT / 2 - 0.5;
	for (int i = 0; i < f->c->count; i++) {
		segment(f->im, middle, x + 2, middle, x + 22, 4, CURVE[i % COUNT(CURVE)]);
		text(f->im, y, x + SWATCH, f->c->series[i].name, INK);
		x += SWATCH + text_width(f->c->series[i].name) + GAP;
	}
}

bool chart_draw(image *out, const chart *c, fault *e)
{
	must(c->count >= 0 && c->count <= COUNT(CURVE), "chart of %d series", c->count);
	*out = (image){0};
	const int h = c->h > 0 ? c->h : 500, w = c->w > 0 ? c->w : 900;
	if (h < 200 || w < 300 || h > DATA_SIDE_MAX || w > DATA_SIDE_MAX)
		return fault_set(e, "chart of %dx%d: needs 300x200 to %d a side", w, h, DATA_SIDE_MAX);
	if (!image_init(out, h, w, 3, e))
		return false;
	memset(out->x, 255, (size_t)h * (size_t)w * 3);
	const int below = legend_below(c, w) ? ROW : 0;
	frame f = {.im = out, .c = c, .top = 52 + below, .bottom = h - (c->x_name ? 62 : 40), .right = w - MARGIN - 8};
	if (!ranges(&f, e))
		goto fail;
	f.left = MARGIN + 10 + axis_y(&f, false);
	axis_x(&f);
	axis_y(&f, true);
	if (!series_draw(&f, e))
		goto fail;
	fill(out, (int)f.top, (int)f.left, (int)f.bottom + 1, (int)f.left + 1, SOFT, 1);
	fill(out, (int)f.bottom, (int)f.left, (int)f.bottom + 1, (int)f.right + 1, SOFT, 1);
	if (c->title)
		text(out, MARGIN, (int)f.left, c->title, INK);
	legend_draw(&f, MARGIN + below);
	return true;
fail:
	image_free(out);
	return false;
}

bool chart_write(const char *path, const chart *c, fault *e)
{
	image im;
	const bool ok = chart_draw(&im, c, e) && png_write(path, im.x, im.h, im.w, im.c, e);
	image_free(&im);
	return ok;
}
