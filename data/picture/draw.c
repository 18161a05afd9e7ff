/* draw.c - SVG over pixels: the only file that knows librsvg, cairo and fontconfig.
 *
 * They run in a child process: librsvg and glib end a process in which an allocation fails, and fontconfig writes
 * to standard error. To begin they take some 60 ms of processor, so one child draws all pictures of a process: it
 * starts with the first question, when a run holds little memory yet, and ends with the process. One that has died is
 * replaced. */
#include "data/picture/svg.h"

#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <errno.h>
#include <librsvg/rsvg.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/confine.h"
#include "core/base/descriptor.h"

#undef MIN                                           /* glib has them, too */
#undef MAX
#include "core/base/local.h"

/* ---- fonts ---- */

/* Without memory fontconfig (2.14) sets itself up again and again, for ever, where it is left to do so by itself. */
static FcConfig *fonts_open(void)
{
	FcConfig *fonts = FcInitLoadConfigAndFonts();
	if (fonts && FcConfigSetCurrent(fonts))
		return fonts;
	if (fonts)
		FcConfigDestroy(fonts);
	return NULL;
}

/* Fonts that have every character of `wanted`; -1: no memory to ask. */
static int fonts_with(FcConfig *fonts, const char *wanted)
{
	FcPattern *p = FcPatternCreate();
	FcCharSet *chars = FcCharSetCreate();
	FcObjectSet *what = FcObjectSetBuild(FC_FAMILY, (char *)NULL);
	for (const char *c = wanted; chars && *c; c++)
		if (!FcCharSetAddChar(chars, (FcChar32)*c)) {
			FcCharSetDestroy(chars);
			chars = NULL;
		}
	FcFontSet *found = p && chars && what && FcPatternAddCharSet(p, FC_CHARSET, chars)
		? FcFontList(fonts, p, what) : NULL;
	const int n = found ? found->nfont : -1;
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
static bool hide_texts(RsvgHandle *h, bool has_font, fault *e)
{
	static const char style[] = "text{display:none}";
	GError *why = NULL;
	return has_font || rsvg_handle_set_stylesheet(h, (const guint8 *)style, sizeof style - 1, &why)
		|| failed(why, e);
}

static bool render(RsvgHandle *h, cairo_t *to, const image *im, fault *e)
{
	GError *why = NULL;
	const RsvgRectangle whole = {0, 0, im->w, im->h};
	cairo_font_options_t *gray = cairo_font_options_create();
	cairo_font_options_set_antialias(gray, CAIRO_ANTIALIAS_GRAY);
	cairo_set_font_options(to, gray);
	bool ok = rsvg_handle_render_document(h, to, &whole, &why) || failed(why, e);
	if (ok && cairo_status(to) != CAIRO_STATUS_SUCCESS)
		ok = fault_set(e, "a drawing cannot be drawn: %s", cairo_status_to_string(cairo_status(to)));
	cairo_font_options_destroy(gray);
	return ok;
}

/* What fonts and letters may want. */
enum { LETTERS_BYTES = 32 << 20 };

/* Libraries that find no memory for a letter draw it in another font, or leave it out, and say nothing. But malloc has
 * set errno, and few of them set it back; and memory that was out is mostly still out. */
static bool had_memory(fault *e)
{
	return (errno != ENOMEM && memory_is_there(LETTERS_BYTES))
		|| fault_set(e, "drawing: out of memory for letters");
}

static bool draw(const svg *s, image *im, bool has_font, fault *e)
{
	GError *why = NULL;
	errno = 0;
	RsvgHandle *h = rsvg_handle_new_from_data((const guint8 *)s->text, s->n, &why);
	if (!h)
		return failed(why, e);
	cairo_surface_t *pixels = cairo_image_surface_create(CAIRO_FORMAT_RGB24, im->w, im->h);
	cairo_t *to = cairo_create(pixels);
	bool ok = cairo_status(to) == CAIRO_STATUS_SUCCESS
		|| fault_set(e, "out of memory for a picture of %dx%d", im->h, im->w);
	if (ok)
		to_cairo(im, pixels);
	ok = ok && hide_texts(h, has_font, e) && render(h, to, im, e) && had_memory(e);
	if (ok)
		from_cairo(pixels, im);
	cairo_destroy(to);
	cairo_surface_destroy(pixels);
	g_object_unref(h);
	return ok;
}

static size_t bytes_of(const image *im)
{
	return (size_t)im->h * (size_t)im->w * (size_t)im->c;
}

/* ---- the child ---- */

/* A request, before the text and the pixels; the answer is a byte (1: good), then the pixels or a fault. */
typedef struct request {
	int h, w, c;
	size_t text;                                 /* bytes */
} request;

static bool answer(confine_out *out, bool ok, const image *im, const fault *why)
{
	const char good = ok;
	return confine_put(out, &good, 1)
		&& (ok ? confine_put(out, im->x, bytes_of(im)) : confine_put(out, why, sizeof *why))
		&& confine_flush(out);
}

/* False when there is no more to do, or the rest of a request for which there is no room stays in the socket. */
static bool draw_one(int from, bool has_font, confine_out *out)
{
	request r;
	fault why;
	memset(&why, 0, sizeof why);                 /* all of it goes through the pipe */
	if (!descriptor_read(from, &r, sizeof r))
		return false;
	image im = {.h = r.h, .w = r.w, .c = r.c};
	char *text = mem_new(r.text + 1, 1, &why);
	im.x = text ? mem_new(bytes_of(&im), 1, &why) : NULL;
	const bool whole = im.x && descriptor_read(from, text, r.text) && descriptor_read(from, im.x, bytes_of(&im));
	const svg s = {.text = text, .n = r.text};
	const bool ok = whole && draw(&s, &im, has_font, &why);
	const bool more = answer(out, ok, &im, &why) && whole;
	free(text);
	free(im.x);
	return more;
}

enum { CPU_S = 300, WALL_S = 120 };                  /* of all pictures; of one, or of looking at the fonts */

/* First it says whether there is a font. */
static bool draw_all(void *ctx, confine_out *out, fault *e)
{
	const int *socket = ctx;
	close(socket[0]);
	FcConfig *fonts = fonts_open();
	const int n = fonts ? fonts_with(fonts, "Agz09()") : -1;
	if (n < 0 || !memory_is_there(LETTERS_BYTES))
		return fault_set(e, "drawing: out of memory for fonts");
	const char has_font = n > 0;
	bool more = confine_put(out, &has_font, 1) && confine_flush(out);
	while (more)
		more = draw_one(socket[1], has_font, out);
	return true;
}

/* ---- the parent ---- */

/* The child that draws. Not a state that anybody could see: a new one draws the same. */
static struct drawer {
	pthread_mutex_t lock;
	pid_t of;                                    /* the process that started it; a fork of that has none */
	confine *child;
	int socket;
	char has_font;
} drawer = {.lock = PTHREAD_MUTEX_INITIALIZER, .socket = -1};

static void drawer_forget(void)
{
	if (drawer.socket >= 0)
		close(drawer.socket);
	drawer.socket = -1;
	drawer.child = NULL;
}

/* The child is over, or is told so; false with e set. */
static bool drawer_end(fault *e)
{
	if (confine_end(drawer.child, e))
		fault_set(e, "drawing: cannot be written (the writer does not hear, or is not heard)");
	drawer_forget();
	return false;
}

static bool drawer_start(fault *e)
{
	int fd[2];
	const confine_limits l = {.writes = true, .cpu_s = CPU_S, .wall_s = WALL_S};
	if (drawer.child && drawer.of != getpid())
		drawer_forget();
	if (drawer.child)
		return true;
	if (!descriptor_pair(fd))
		return fault_set(e, "drawing: cannot be written: no process for it: %s", strerror(errno));
	drawer.child = confine_start("drawing", draw_all, fd, &l, e);
	drawer.of = getpid();
	drawer.socket = fd[0];
	close(fd[1]);
	if (drawer.child && confine_take(drawer.child, &drawer.has_font, 1))
		return true;
	if (drawer.child)
		return drawer_end(e);
	drawer_forget();
	return false;
}

static bool drawer_ask(const svg *s, const image *im, char *good)
{
	const request r = {im->h, im->w, im->c, s->n};
	confine_anew(drawer.child);
	const struct iovec part[] = {{(void *)&r, sizeof r}, {s->text, s->n}, {im->x, bytes_of(im)}};
	return descriptor_send_parts(drawer.socket, part, COUNT(part)) && confine_take(drawer.child, good, 1);
}

/* into: [bytes_of(im)]. *died: the child gave no answer. */
static bool drawer_do(const svg *s, const image *im, uint8_t *into, bool *died, fault *e)
{
	char good = 0;
	fault why;
	*died = false;
	if (!drawer_start(e))
		return false;
	const bool answered = drawer_ask(s, im, &good) && confine_take(drawer.child, good ? (void *)into : &why,
		good ? bytes_of(im) : sizeof why);
	if (answered)
		return good || fault_take(e, &why);
	*died = true;
	return drawer_end(e);
}

bool svg_has_font(fault *e)
{
	pthread_mutex_lock(&drawer.lock);
	const bool there = drawer_start(e), yes = there && drawer.has_font;
	pthread_mutex_unlock(&drawer.lock);
	return yes || (there && fault_set(e, "this machine has no font, so pictures have no titles, names "
		"and numbers; apt-get install fonts-dejavu-core brings one"));
}

/* A child of an earlier picture may have been ended from outside, as a terminal ends all of its programs. */
bool svg_over(const svg *s, image *im, fault *e)
{
	bool died, ok;
	if (!svg_good(s, e))
		return false;
	uint8_t *drawn = mem_new(bytes_of(im), 1, e);
	if (!drawn)
		return false;
	pthread_mutex_lock(&drawer.lock);
	const bool old = drawer.child;
	ok = drawer_do(s, im, drawn, &died, e) || (died && old && drawer_do(s, im, drawn, &died, e));
	pthread_mutex_unlock(&drawer.lock);
	if (ok)
		memcpy(im->x, drawn, bytes_of(im));
	free(drawn);
	return ok;
}
