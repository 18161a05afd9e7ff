/* svg.h - a drawing: SVG text that grows piece by piece, and that text laid over a picture by librsvg.
 *
 * Shapes have classes, so that a page may colour them as it likes (light, dark, print), and carry the colours of a
 * picture on white, which hold where nobody says otherwise. */
#ifndef SAGAN_DATA_PICTURE_SVG_H
#define SAGAN_DATA_PICTURE_SVG_H

#include "data/picture/image.h"

/* A drawing in progress. No memory is remembered until svg_good. */
typedef struct svg {
	char *text;                                  /* own; ended by NUL */
	size_t n, room;
	bool lost;                                   /* a piece found no memory */
} svg;

/* Colours by role: class "ink" is #282c34. SVG_CURVES follow SVG_CURVE: told apart by people with any colour vision. */
enum svg_paint { SVG_INK, SVG_SOFT, SVG_FAINT, SVG_LIGHT, SVG_CURVE, SVG_CURVES = 8 };

/* Where a text stands at its point: it begins, is centred or ends there. */
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* new/free: the beginning and the end of a drawing of h x w pixels, of class `name`. */
void svg_begin(svg *s, int h, int w, const char *name);
void svg_end(svg *s);
void svg_free(svg *s);                               /* all zero allowed */
/* False with e set: there was no memory for some of it. */
bool svg_good(const svg *s, fault *e);

/* Markup as it is. */
void svg_add(svg *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* ` class="ink" fill="#282c34"` into the tag that is open; `how` is fill or stroke. */
void svg_paint_as(svg *s, const char *how, enum svg_paint p);
void svg_rect(svg *s, double y, double x, double h, double w, enum svg_paint p);
void svg_line(svg *s, double y0, double x0, double y1, double x1, double width, enum svg_paint p);

/* A line of text, escaped, with its baseline at y; `size` is that of the letters in pixels; `turned`: it goes up.
 * Control characters and what is no UTF-8 become question marks. */
void svg_text(svg *s, double y, double x, enum svg_anchor a, double size, enum svg_paint p, const char *text);
void svg_text_up(svg *s, double y, double x, enum svg_anchor a, double size, enum svg_paint p, const char *text);
/* About how many pixels wide that text is: a little more than it is in DejaVu Sans. */
double svg_text_width(const char *text, double size);
/* The bytes of `text` that fit into `room` pixels, whole characters. */
int svg_text_fit(const char *text, double size, double room);

/* Draws the finished drawing over a picture of its size. Gray pictures get its luma. Where the machine has no font, the
 * texts are left out: svg_has_font says so. False with e set: it is no SVG, or there is no memory. */
bool svg_over(const svg *s, image *im, fault *e);

/* False with e set: no font here has letters and digits; e says what to install. */
bool svg_has_font(fault *e);

#endif
