/* draw.c - SVG over pixels: the only file that knows librsvg, cairo and fontconfig.
 *
 * They run in a child process: librsvg and glib end a process in which an allocation fails, and fontconfig writes
 * to standard error. */
#include "data/picture/svg.h"

#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <librsvg/rsvg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/confine.h"

#undef MIN                                           /* glib has them, too */
#undef MAX
#include "core/base/local.h"

/* ---- fonts ---- */

/* Fonts that have every character of `wanted`. */
static int fonts_with(const char *wanted)
{
	FcPattern *p = FcPatternCreate();
	FcCharSet *chars = FcCharSetCreate();
	FcObjectSet *what = FcObjectSetBuild(FC_FAMILY, (char *)NULL);
	for (const char *c = wanted; chars && *c; c++)
		FcCharSetAddChar(chars, (FcChar32)*c);
	FcFontSet *found = p && chars && what && FcPatternAddCharSet(p, FC_CHARSET, chars)
		? FcFontList(NULL, p, what) : NULL;
	const int n = found ? found->nfont : 0;
	if (found)
		FcFontSetDestroy(found);
	if (what)
		FcObjectSetDestroy(what);
	if (chars)
		FcCharSetDestroy(chars);
	if (p)
		FcPatternDestroy(p);
	return n;
}

static bool font_here(void *ctx, confine_out *out, fault *e)
{
	(void)ctx, (void)e;
	const char yes = fonts_with("Agz09()") > 0;
	return confine_put(out, &yes, 1);
}

/* Asked once: fonts seldom come while a program runs. Not a state: two that ask at once find the same. */
bool svg_has_font(fault *e)
{
	static atomic_int known = -1;
	char yes = 0;
	if (atomic_load(&known) < 0) {
		const confine_limits l = {.writes = true};
		confine *c = confine_start("fonts", font_here, NULL, &l, e);
		const bool told = c && confine_take(c, &yes, 1);
		if (c && !confine_end(c, e))
			return false;
		if (!told)
			return false;
		atomic_store(&known, yes);
	}
	return atomic_load(&known) || fault_set(e, "this machine has no font, so pictures have no titles, names "
		"and numbers; apt-get install fonts-dejavu-core brings one");
}

/* ---- pixels: ours are bytes [h,w,c], cairo's are words 0x??RRGGBB with rows that may be padded ---- */

static void to_cairo(const image *im, cairo_surface_t *to)
{
	cairo_surface_flush(to);
	uint8_t *row = cairo_image_surface_get_data(to);
	const int pitch = cairo_image_surface_get_stride(to);
	const uint8_t *from = im->x;
	for (int y = 0; y < im->h; y++, row += pitch)
		for (int x = 0; x < im->w; x++, from += im->c) {
			const uint32_t p = 0xff000000u | (uint32_t)from[0] << 16
				| (uint32_t)from[im->c == 3] << 8 | from[im->c == 3 ? 2 : 0];
			memcpy(row + 4 * x, &p, sizeof p);
		}
	cairo_surface_mark_dirty(to);
}

static void from_cairo(cairo_surface_t *from, image *im)
{
	cairo_surface_flush(from);
	const uint8_t *row = cairo_image_surface_get_data(from);
	const int pitch = cairo_image_surface_get_stride(from);
	uint8_t *to = im->x;
	for (int y = 0; y < im->h; y++, row += pitch)
		for (int x = 0; x < im->w; x++, to += im->c) {
			uint32_t p;
			memcpy(&p, row + 4 * x, sizeof p);
			const uint8_t rgb[3] = {(uint8_t)(p >> 16), (uint8_t)(p >> 8), (uint8_t)p};
			if (im->c == 3)
				memcpy(to, rgb, 3);
			else
				to[0] = (uint8_t)image_luma(rgb);
		}
}

static bool failed(GError *why, fault *e)
{
	fault_set(e, "a drawing cannot be drawn: %.300s", why ? why->message : "librsvg does not say why");
	g_clear_error(&why);
	return false;
}

/* Nobody's fonts: hollow boxes would be drawn in place of letters. */
static bool hide_texts(RsvgHandle *h, fault *e)
{
	static const char style[] = "text{display:none}";
	GError *why = NULL;
	return svg_has_font(NULL) || rsvg_handle_set_stylesheet(h, (const guint8 *)style, sizeof style - 1, &why)
		|| failed(why, e);
}

static bool render(RsvgHandle *h, cairo_t *to, const image *im, fault *e)
{
	GError *why = NULL;
	const RsvgRectangle whole = {0, 0, im->w, im->h};
	cairo_font_options_t *gray = cairo_font_options_create();
	cairo_font_options_set_antialias(gray, CAIRO_ANTIALIAS_GRAY);
	cairo_set_font_options(to, gray);
	const bool ok = rsvg_handle_render_document(h, to, &whole, &why) || failed(why, e);
	cairo_font_options_destroy(gray);
	return ok;
}

static bool draw(const svg *s, image *im, fault *e)
{
	GError *why = NULL;
	RsvgHandle *h = rsvg_handle_new_from_data((const guint8 *)s->text, s->n, &why);
	if (!h)
		return failed(why, e);
	cairo_surface_t *pixels = cairo_image_surface_create(CAIRO_FORMAT_RGB24, im->w, im->h);
	cairo_t *to = cairo_create(pixels);
	bool ok = cairo_status(to) == CAIRO_STATUS_SUCCESS
		|| fault_set(e, "out of memory for a picture of %dx%d", im->h, im->w);
	if (ok)
		to_cairo(im, pixels);
	ok = ok && hide_texts(h, e) && render(h, to, im, e);
	if (ok)
		from_cairo(pixels, im);
	cairo_destroy(to);
	cairo_surface_destroy(pixels);
	g_object_unref(h);
	return ok;
}

typedef struct drawing {
	const svg *s;
	image *im;
} drawing;

static size_t bytes_of(const image *im)
{
	return (size_t)im->h * (size_t)im->w * (size_t)im->c;
}

static bool draw_here(void *ctx, confine_out *out, fault *e)
{
	const drawing *d = ctx;
	return draw(d->s, d->im, e) && confine_put(out, d->im->x, bytes_of(d->im));
}

bool svg_over(const svg *s, image *im, fault *e)
{
	drawing d = {s, im};
	fault no_font;
	if (!svg_good(s, e))
		return false;
	/* Known to the child, then. */
	if (!svg_has_font(&no_font) && fault_is_memory(&no_font))
		return fault_take(e, &no_font);
	uint8_t *drawn = mem_new(bytes_of(im), 1, e);
	confine *c = drawn ? confine_start("drawing", draw_here, &d, &(confine_limits){.writes = true}, e) : NULL;
	const bool all = c && confine_take(c, drawn, bytes_of(im)), ok = c && confine_end(c, e) && all;
	if (ok)
		memcpy(im->x, drawn, bytes_of(im));
	free(drawn);
	return ok;
}
