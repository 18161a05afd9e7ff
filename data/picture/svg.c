/* svg.c - writing SVG. What draws it is draw.c. */
#include "data/picture/svg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"

/* Curves: Okabe and Ito, Color Universal Design (2008), strongest first. */
static const struct paint {
	const char *name, *colour;
} PAINT[] = {
	[SVG_INK] = {"ink", "#282c34"}, [SVG_SOFT] = {"soft", "#6c737d"}, [SVG_FAINT] = {"faint", "#e2e5e9"},
	[SVG_LIGHT] = {"light", "#dcdcdc"},
	[SVG_CURVE] = {"c0", "#0072b2"}, {"c1", "#d55e00"}, {"c2", "#009e73"}, {"c3", "#cc79a7"}, {"c4", "#e69f00"},
	{"c5", "#56b4e9"}, {"c6", "#646464"}, {"c7", "#beaa14"},
};
_Static_assert(COUNT(PAINT) == SVG_CURVE + SVG_CURVES, "a colour for each curve");

/* ---- text that grows ---- */

static bool make_room(svg *s, size_t more)
{
	if (s->lost || s->room - s->n > more)
		return !s->lost;
	const size_t room = 2 * (s->room + more) + 256;
	char *bigger = realloc(s->text, room);
	s->lost = !bigger;
	if (!bigger)
		return false;
	s->text = bigger;
	s->room = room;
	return true;
}

void svg_add(svg *s, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	const int n = vsnprintf(NULL, 0, fmt, args);
	if (n >= 0 && make_room(s, (size_t)n + 1)) {
		vsnprintf(s->text + s->n, (size_t)n + 1, fmt, again);
		s->n += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

bool svg_good(const svg *s, fault *e)
{
	return !s->lost || fault_set(e, "out of memory for a drawing of %zu bytes", s->n);
}

void svg_free(svg *s)
{
	free(s->text);
	*s = (svg){0};
}

/* ---- shapes ---- */

void svg_begin(svg *s, int h, int w, const char *name)
{
	*s = (svg){0};
	svg_add(s, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Verdana, sans-serif\">\n", name, w, h, w, h);
}

void svg_end(svg *s)
{
	svg_add(s, "</svg>\n");
}

void svg_paint_as(svg *s, const char *how, enum svg_paint p)
{
	svg_add(s, " class=\"%s-%s\" %s=\"%s\"", how, PAINT[p].name, how, PAINT[p].colour);
}

void svg_rect(svg *s, double y, double x, double h, double w, enum svg_paint p)
{
	svg_add(s, "<rect x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"", x, y, w, h);
	svg_paint_as(s, "fill", p);
	svg_add(s, "/>\n");
}

void svg_line(svg *s, double y0, double x0, double y1, double x1, double width, enum svg_paint p)
{
	svg_add(s, "<path d=\"M%.6g %.6gL%.6g %.6g\" stroke-width=\"%.6g\"", x0, y0, x1, y1, width);
	svg_paint_as(s, "stroke", p);
	svg_add(s, "/>\n");
}

/* ---- letters ---- */

static void add_escaped(svg *s, const char *text)
{
	while (*text) {
		const int n = text_harmless(text);
		if (n == 0)
			svg_add(s, "?");
		else if (text_markup(*text))
			svg_add(s, "%s", text_markup(*text));
		else
			svg_add(s, "%.*s", n, text);
		text += MAX(n, 1);
	}
}

static void add_text(svg *s, const char *where, enum svg_anchor a, double size, enum svg_paint p, const char *text)
{
	static const char *const anchor[] = {"start", "middle", "end"};
	svg_add(s, "<text %s text-anchor=\"%s\" font-size=\"%.6g\"", where, anchor[a], size);
	svg_paint_as(s, "fill", p);
	svg_add(s, ">");
	add_escaped(s, text);
	svg_add(s, "</text>\n");
}

void svg_text(svg *s, double y, double x, enum svg_anchor a, double size, enum svg_paint p, const char *text)
{
	char where[64];
	snprintf(where, sizeof where, "x=\"%.6g\" y=\"%.6g\"", x, y);
	add_text(s, where, a, size, p, text);
}

void svg_text_up(svg *s, double y, double x, enum svg_anchor a, double size, enum svg_paint p, const char *text)
{
	char where[96];
	snprintf(where, sizeof where, "transform=\"translate(%.6g %.6g) rotate(-90)\"", x, y);
	add_text(s, where, a, size, p, text);
}

/* Widths of DejaVu Sans as shares of the size: most letters are at most 0.65 wide, a few narrow, a few broad. */
static double advance(const char *text, int n)
{
	if (n > 1)
		return *text & 0x20 && n == 2 ? 0.65 : 1;    /* Latin, Greek, Cyrillic; others may be square */
	return strchr("ijl.,:;'|!()[] ", *text) ? 0.42 : strchr("mwMWGOQ%@", *text) ? 0.98 : 0.66;
}

double svg_text_width(const char *text, double size)
{
	double sum = 0;
	for (int n; *text; text += n) {
		n = MAX(text_harmless(text), 1);
		sum += advance(text, n) * size;
	}
	return sum;
}

int svg_text_fit(const char *text, double size, double room)
{
	const char *p = text;
	for (int n; *p; p += n) {
		n = MAX(text_harmless(p), 1);
		room -= advance(p, n) * size;
		if (room < 0)
			break;
	}
	return (int)(p - text);
}
