/* frame.c - the words are one drawing over the picture. */
#include "gan/sample/frame.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/version.h"
#include "data/class_names.h"

enum { TITLE = 15, NAME = 12, GAP = 8, SIDE_MOST = 200, GROUND = 48 };        /* heights of letters; pixels; its gray */

/* ---- names ---- */

/* `name`, cut to `room` pixels, centred at x or ending there. */
static void draw_name(svg *s, double y, double x, enum svg_anchor a, double room, char *name)
{
	name[svg_text_fit(name, NAME, room)] = '\0';
	svg_text(s, y, x, a, NAME, SVG_LIGHT, name);
}

static const char *side(const picture_words *w, int row, char *buf, size_t size)
{
	return class_names_at(w->sides, w->cycle > 0 ? row % w->cycle : row, buf, size);
}

/* Pixels left of the picture. */
static int side_width(const picture_words *w)
{
	char name[128];
	double widest = 0;
	for (int r = 0; w->sides && r < w->rows; r++)
		widest = MAX(widest, svg_text_width(side(w, r, name, sizeof name), NAME));
	return w->sides ? (int)MIN(widest, SIDE_MOST) + 2 * GAP : 0;
}

static void draw_words(svg *s, const picture_words *w, const image *inner, int top, int left)
{
	char name[128];
	const double across = w->columns > 0 ? (double)inner->w / w->columns : 0,
		down = w->rows > 0 ? (double)inner->h / w->rows : 0;
	if (w->title)
		svg_text(s, FRAME_TITLE - 9, left + GAP, SVG_START, TITLE, SVG_LIGHT, w->title);
	for (int k = 0; w->heads && k < w->columns; k++) {
		class_names_at(w->heads, k, name, sizeof name);
		draw_name(s, top - 6, left + (k + 0.5) * across, SVG_MIDDLE, across, name);
	}
	for (int r = 0; w->sides && r < w->rows; r++) {
		side(w, r, name, sizeof name);
		draw_name(s, top + (r + 0.5) * down + 0.36 * NAME, left - GAP, SVG_END, left - GAP, name);
	}
}

/* im in the lower right of a larger one. */
static bool enlarge(const image *im, int top, int left, int w, image *out, fault *e)
{
	if (!image_init(out, im->h + top, w, im->c, e))
		return false;
	memset(out->x, GROUND, (size_t)out->h * (size_t)out->w * (size_t)out->c);
	const size_t row = (size_t)im->w * (size_t)im->c;
	for (int y = 0; y < im->h; y++)
		memcpy(out->x + ((size_t)(top + y) * (size_t)out->w + (size_t)left) * (size_t)im->c,
			im->x + (size_t)y * row, row);
	return true;
}

bool picture_frame(image *im, const picture_words *w, fault *e)
{
	const int top = (w->title ? FRAME_TITLE : 0) + (w->heads ? FRAME_HEAD : 0), left = side_width(w);
	const int title = w->title ? (int)svg_text_width(w->title, TITLE) + 2 * GAP : 0;
	image framed;
	svg s;
	if (top == 0 && left == 0)
		return true;
	if (!enlarge(im, top, left, MAX(im->w, title) + left, &framed, e))
		return false;
	svg_begin(&s, framed.h, framed.w, "words");
	draw_words(&s, w, im, top, left);
	svg_end(&s);
	const bool ok = svg_over(&s, &framed, e);
	svg_free(&s);
	image_free(ok ? im : &framed);
	if (ok)
		*im = framed;
	return ok;
}

/* ---- facts ---- */

/* 12000 as 12,000 */
static void digits(int64_t n, char *buf, size_t size)
{
	char plain[24];
	const int len = snprintf(plain, sizeof plain, "%lld", (long long)n);
	size_t at = 0;
	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = plain[i];
	}
	buf[at] = '\0';
}

char *picture_title(const picture_about *a, char *buf, size_t size)
{
	char step[32];
	const char *const what = a->what ? a->what : "", *const name = a->name ? a->name : "";
	size_t n = (size_t)snprintf(buf, size, "%s%s%s", what, *what && *name ? ": " : "", name);
	n = MIN(n, size - 1);
	if (a->step >= 0) {
		digits(a->step, step, sizeof step);
		snprintf(buf + n, size - n, "%sstep %s", n ? ", " : "", step);
	}
	return buf;
}

static void add(png_notes *n, const char *key, const char *text)
{
	if (text && *text)
		n->note[n->n++] = (struct png_note){key, text};
}

static const char *number(int64_t n, char *buf, size_t size)
{
	snprintf(buf, size, "%lld", (long long)n);
	return n >= 0 ? buf : NULL;
}

const png_notes *picture_notes(const picture_about *a, picture_texts *room)
{
	png_notes *n = &room->notes;
	n->n = 0;
	add(n, "Title", picture_title(a, room->title, sizeof room->title));
	add(n, "Software", "sagan " SAGAN_VERSION);
	add(n, "Source", a->name);
	add(n, "sagan:step", number(a->step, room->step, sizeof room->step));
	add(n, "sagan:seed", number(a->seed, room->seed, sizeof room->seed));
	add(n, "sagan:config", a->config);
	return n;
}
