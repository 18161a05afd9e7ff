/* chart.c - axes, curves and their bands, as SVG. */
#include "data/picture/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

enum { TEXT = 14, TITLE = 18, SMALL = 13, MARGIN = 16, TICKS = 6 };  /* heights of letters; pixels around; marks */

/* The drawing in progress: the frame of the curves in pixels and in values. */
typedef struct frame {
	svg *s;
	const chart *c;
	double left, right, top, bottom;
	double x0, x1, y0, y1;                       /* y in log10 on a logarithmic axis */
} frame;

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

/* 4e+13 -> 4e13 */
static char *plain_exponent(char *text)
{
	char *plus = strchr(text, '+'), *digits = plus ? plus + strspn(plus, "+0") : NULL;
	if (plus)
		memmove(plus, digits, strlen(digits) + 1);
	return text;
}

char *chart_tick(double v, double step, char *buf, size_t size)
{
	if (fabs(v) < step / 1e6)
		snprintf(buf, size, "0");
	else if (step >= 1e9)
		snprintf(buf, size, "%.6g", v);
	else if (step >= 1e6)
		snprintf(buf, size, "%.6gM", v / 1e6);
	else if (step >= 1e3)
		snprintf(buf, size, "%.6gk", v / 1e3);
	else
		snprintf(buf, size, "%.6g", v);
	return plain_exponent(buf);
}

/* Lines of one pixel lie on one row or column of pixels. */
static double crisp(double at)
{
	return floor(at) + 0.5;
}

static void axis_x(const frame *f)
{
	const double step = tick_step(f->x1 - f->x0);
	char label[32];
	for (double k = ceil(f->x0 / step); k * step <= f->x1 * (1 + 1e-12); k++) {
		const double x = crisp(pixel_x(f, k * step));
		svg_line(f->s, f->top, x, f->bottom, x, 1, SVG_FAINT);
		svg_line(f->s, f->bottom, x, f->bottom + 5, x, 1, SVG_SOFT);
		chart_tick(k * step, step, label, sizeof label);
		svg_text(f->s, f->bottom + 8 + TEXT, x, SVG_MIDDLE, TEXT, SVG_INK, label);
	}
	if (f->c->x_name)
		svg_text(f->s, f->bottom + 16 + 2 * TEXT, (f->left + f->right) / 2, SVG_MIDDLE, TEXT, SVG_SOFT,
			f->c->x_name);
}

/* One mark at value v (as in the frame) with its number, or only the width of that. */
static double mark_y(const frame *f, double v, const char *label, bool draw)
{
	if (draw) {
		const double y = crisp(pixel_y(f, v));
		svg_line(f->s, y, f->left, y, f->right, 1, SVG_FAINT);
		svg_line(f->s, y, f->left - 5, y, f->left, 1, SVG_SOFT);
		svg_text(f->s, floor(y) + 5, f->left - 9, SVG_END, TEXT, SVG_INK, label);
	}
	return svg_text_width(label, TEXT);
}

/* Powers of ten, with 2 and 5 times them when there are few. */
static double marks_log(const frame *f, bool draw)
{
	const double span = f->y1 - f->y0, step = MAX(1, ceil(span / TICKS));
	char label[32];
	double widest = 0;
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

static double marks_even(const frame *f, bool draw)
{
	const double step = tick_step(f->y1 - f->y0);
	char label[32];
	double widest = 0;
	for (double k = ceil(f->y0 / step); k * step <= f->y1; k++) {
		if (f->c->log_y)                     /* less than a decade: even in the logarithm */
			snprintf(label, sizeof label, "%.3g", pow(10, k * step));
		else
			chart_tick(k * step, step, label, sizeof label);
		widest = MAX(widest, mark_y(f, k * step, label, draw));
	}
	return widest;
}

/* Draws the marks, or with draw = false only finds the widest number. */
static double axis_y(const frame *f, bool draw)
{
	const char *name = f->c->y_name;
	if (draw && name)
		svg_text_up(f->s, (f->top + f->bottom) / 2, MARGIN + TEXT / 2, SVG_MIDDLE, TEXT, SVG_SOFT, name);
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

/* The band of columns in which more than one point falls, as one path. */
static void band_draw(const frame *f, const bin *b, int n, enum svg_paint k)
{
	svg_add(f->s, "<path fill-opacity=\"0.22\"");
	svg_paint_as(f->s, "fill", k);
	svg_add(f->s, " d=\"");
	for (int i = 0; i < n; i++) {
		if (b[i].n < 2)
			continue;
		const double hi = clip_y(f, b[i].hi), lo = clip_y(f, b[i].lo);
		svg_add(f->s, "M%.6g %.4gh1V%.4gh-1z", f->left + i, hi, MAX(lo, hi + 1));
	}
	svg_add(f->s, "\"/>\n");
}

static void line_begin(const frame *f, enum svg_paint k)
{
	svg_add(f->s, "<path fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"");
	svg_paint_as(f->s, "stroke", k);
	svg_add(f->s, " d=\"");
}

/* Few points: as they are, broken at gaps. Many: the mean per column, smoothed over a few columns. */
static void line_draw(const frame *f, const chart_series *s, enum svg_paint k)
{
	bool on = false;
	line_begin(f, k);
	for (int64_t j = 0; j < s->n; j++) {
		const bool there = shown(f, s->x[j], s->y[j]);
		if (there)                           /* a point alone is a line of no length: its round end shows */
			svg_add(f->s, "%c%.5g %.5g%s", on ? 'L' : 'M', pixel_x(f, s->x[j]),
				clip_y(f, value_y(f, s->y[j])), on ? "" : "h0");
		on = there;
	}
	svg_add(f->s, "\"/>\n");
}

enum { SMOOTH = 4 };

static void mean_draw(const frame *f, const bin *b, int n, enum svg_paint k)
{
	bool on = false;
	line_begin(f, k);
	for (int i = 0; i < n; i++) {
		double sum = 0;
		int64_t count = 0;
		for (int j = MAX(i - SMOOTH, 0); j <= MIN(i + SMOOTH, n - 1); j++) {
			sum += b[j].sum;
			count += b[j].n;
		}
		if (count > 0)
			svg_add(f->s, "%c%.5g %.5g", on ? 'L' : 'M', f->left + i + 0.5,
				clip_y(f, sum / (double)count));
		on = count > 0;
	}
	svg_add(f->s, "\"/>\n");
}

static bool series_draw(const frame *f, fault *e)
{
	const int n = MAX((int)(f->right - f->left), 1);
	bin *b = mem_new((size_t)n, sizeof *b, e);
	for (int pass = 0; b && pass < 2; pass++)    /* all bands below all lines */
		for (int i = 0; i < f->c->count; i++) {
			const chart_series *s = &f->c->series[i];
			const enum svg_paint k = (enum svg_paint)(SVG_CURVE + i);
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

/* ---- words around them ---- */

enum { SWATCH = 30, GAP = 16, ROW = 24 };

static double legend_width(const chart *c)
{
	double width = -GAP;
	for (int i = 0; i < c->count; i++)
		width += SWATCH + svg_text_width(c->series[i].name, TEXT) + GAP;
	return width;
}

/* Right of the title when both fit into one row, else in a row of its own. */
static bool legend_below(const chart *c, int w)
{
	return c->title && c->count && svg_text_width(c->title, TITLE) + legend_width(c) + 8 * MARGIN > w;
}

static void legend_draw(const frame *f, double y)
{
	double x = f->right - legend_width(f->c);
	for (int i = 0; i < f->c->count; i++) {
		svg_line(f->s, y - 0.36 * TEXT, x, y - 0.36 * TEXT, x + 22, 4, (enum svg_paint)(SVG_CURVE + i));
		svg_text(f->s, y, x + SWATCH, SVG_START, TEXT, SVG_INK, f->c->series[i].name);
		x += SWATCH + svg_text_width(f->c->series[i].name, TEXT) + GAP;
	}
}

static bool has_size(const chart *c, int *h, int *w, fault *e)
{
	must(c->count >= 0 && c->count <= SVG_CURVES, "chart of %d series", c->count);
	*h = c->h > 0 ? c->h : 500;
	*w = c->w > 0 ? c->w : 900;
	return (*h >= 200 && *w >= 300 && *h <= DATA_SIDE_MAX && *w <= DATA_SIDE_MAX)
		|| fault_set(e, "chart of %dx%d: needs 300x200 to %d a side", *w, *h, DATA_SIDE_MAX);
}

bool chart_svg(svg *out, const chart *c, fault *e)
{
	int h, w;
	*out = (svg){0};
	if (!has_size(c, &h, &w, e))
		return false;
	const double first = MARGIN + TITLE, about = c->about ? ROW : 0, legend = legend_below(c, w) ? ROW : 0;
	frame f = {.s = out, .c = c, .top = first + about + legend + 14, .right = w - MARGIN - 8};
	f.bottom = h - MARGIN - TEXT - 4 - (c->x_name ? TEXT + 8 : 0);
	if (!ranges(&f, e))
		return false;
	f.left = floor(MARGIN + (c->y_name ? TEXT + 10 : 0) + axis_y(&f, false)) + 8;
	svg_begin(out, h, w, "chart");
	axis_x(&f);
	axis_y(&f, true);
	const bool ok = series_draw(&f, e);
	svg_line(out, f.top, f.left + 0.5, f.bottom + 0.5, f.left + 0.5, 1, SVG_SOFT);
	svg_line(out, f.bottom + 0.5, f.left, f.bottom + 0.5, f.right, 1, SVG_SOFT);
	if (c->title)
		svg_text(out, first, f.left, SVG_START, TITLE, SVG_INK, c->title);
	if (c->about)
		svg_text(out, first + ROW - 2, f.left, SVG_START, SMALL, SVG_SOFT, c->about);
	legend_draw(&f, first + (legend > 0 ? about + legend : 0));
	svg_end(out);
	if (ok && svg_good(out, e))
		return true;
	svg_free(out);
	return false;
}

bool chart_draw(image *out, const chart *c, fault *e)
{
	svg s;
	int h, w;
	*out = (image){0};
	if (!has_size(c, &h, &w, e) || !chart_svg(&s, c, e))
		return false;
	bool ok = image_init(out, h, w, 3, e);
	if (ok)
		memset(out->x, 255, (size_t)h * (size_t)w * 3);
	ok = ok && svg_over(&s, out, e);
	svg_free(&s);
	if (!ok)
		image_free(out);
	return ok;
}

bool chart_write(const char *path, const chart *c, const png_notes *notes, fault *e)
{
	image im;
	const bool ok = chart_draw(&im, c, e) && png_write_noted(path, &im, notes, e);
	image_free(&im);
	return ok;
}
