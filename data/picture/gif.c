/* gif.c - the first frame of GIF files, and moving ones written, by giflib: the only file that knows its header. */
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "core/base/local.h"
#include "data/picture/picture_internal.h"

typedef struct reading {
	const char *path;                            /* borrow */
	const uint8_t *x;                            /* borrow; what is not read yet, `left` bytes */
	size_t left;
	GifFileType *gif;                            /* own */
	int clear;                                   /* the colour that is transparent; -1: none */
	uint8_t *canvas;                             /* own; [h,w,4], with alpha */
} reading;

static int bytes_take(GifFileType *gif, GifByteType *to, int n)
{
	reading *r = gif->UserData;
	const size_t k = MIN((size_t)MAX(n, 0), r->left);
	memcpy(to, r->x, k);
	r->x += k;
	r->left -= k;
	return (int)k;
}

static bool damaged(const reading *r, fault *e)
{
	return fault_at(e, r->path, "damaged or truncated GIF");
}

static bool reading_begin(reading *r, const char *path, const uint8_t *x, size_t n, fault *e)
{
	int why;
	*r = (reading){.path = path, .x = x, .left = n, .clear = -1};
	r->gif = DGifOpen(r, bytes_take, &why);
	return r->gif ? picture_sides_check(path, r->gif->SHeight, r->gif->SWidth, e) : damaged(r, e);
}

static void reading_end(reading *r)
{
	int why;
	if (r->gif)
		DGifCloseFile(r->gif, &why);
	free(r->canvas);
}

/* The one extension of interest says which colour is transparent. */
static bool extension_read(reading *r)
{
	int code;
	GifByteType *x;
	GraphicsControlBlock b;
	bool ok = DGifGetExtension(r->gif, &code, &x) == GIF_OK;
	if (ok && x && code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(x[0], x + 1, &b) == GIF_OK)
		r->clear = b.TransparentColor;
	while (ok && x)
		ok = DGifGetExtensionNext(r->gif, &x) == GIF_OK;
	return ok;
}

/* On to the first frame. */
static bool frame_find(reading *r)
{
	GifRecordType type = UNDEFINED_RECORD_TYPE;
	while (DGifGetRecordType(r->gif, &type) == GIF_OK && type == EXTENSION_RECORD_TYPE)
		if (!extension_read(r))
			return false;
	return type == IMAGE_DESC_RECORD_TYPE && DGifGetImageDesc(r->gif) == GIF_OK;
}

/* The order in which rows are stored: one after the other; in an interlaced frame every eighth, then those between. */
static const struct {
	int first, step;
} PASS[] = {{0, 1}, {0, 8}, {4, 8}, {2, 4}, {1, 2}};

static void row_draw(const reading *r, const GifPixelType *row, int y)
{
	const GifImageDesc *f = &r->gif->Image;
	const ColorMapObject *map = f->ColorMap ? f->ColorMap : r->gif->SColorMap;
	if (y >= r->gif->SHeight)
		return;
	for (int x = 0; x < f->Width && x + f->Left < r->gif->SWidth; x++) {
		uint8_t *to = r->canvas + ((size_t)y * (size_t)r->gif->SWidth + (size_t)(x + f->Left)) * 4;
		if (row[x] == r->clear || row[x] >= map->ColorCount)
			continue;
		const GifColorType c = map->Colors[row[x]];
		memcpy(to, (uint8_t[]){c.Red, c.Green, c.Blue, 255}, 4);
	}
}

/* Where the frame does not reach, the canvas stays transparent. */
static bool frame_draw(reading *r, fault *e)
{
	const GifImageDesc *f = &r->gif->Image;
	if (!f->ColorMap && !r->gif->SColorMap)
		return fault_at(e, r->path, "damaged GIF: it has no colours");
	r->canvas = mem_zero((size_t)r->gif->SHeight * (size_t)r->gif->SWidth, 4, e);
	GifPixelType *row = r->canvas ? mem_new((size_t)f->Width + 1, sizeof *row, e) : NULL;
	bool ok = row != NULL;
	for (int k = f->Interlace; ok && k < (f->Interlace ? COUNT(PASS) : 1); k++)
		for (int y = PASS[k].first; ok && y < f->Height; y += PASS[k].step) {
			ok = DGifGetLine(r->gif, row, f->Width) == GIF_OK || damaged(r, e);
			if (ok)
				row_draw(r, row, f->Top + y);
		}
	free(row);
	return ok;
}

static bool gif_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e)
{
	reading r;
	const bool ok = reading_begin(&r, path, x, n, e);
	if (ok)
		*s = (picture_size){r.gif->SHeight, r.gif->SWidth, 3};
	reading_end(&r);
	return ok;
}

static bool gif_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e)
{
	reading r;
	const bool ok = reading_begin(&r, path, x, n, e) && (frame_find(&r) || damaged(&r, e)) && frame_draw(&r, e)
		&& image_init(im, r.gif->SHeight, r.gif->SWidth, 3, e);
	if (ok)
		image_lay_over(r.canvas, (int64_t)im->h * im->w, 3, o->behind, im->x);
	reading_end(&r);
	return ok;
}

static bool is_gif(const uint8_t *head, size_t n)
{
	return n >= 6 && (memcmp(head, "GIF87a", 6) == 0 || memcmp(head, "GIF89a", 6) == 0);
}

extern const picture_kind picture_gif;
const picture_kind picture_gif = {"GIF", {".gif"}, is_gif, gif_stat, gif_read};

/* ---- writing ---- */

typedef struct written {
	uint8_t *x;                                  /* own */
	size_t n, room;
	bool full;                                   /* memory was out: giflib (5.2) does not look at each write */
} written;

static int bytes_give(GifFileType *gif, const GifByteType *from, int n)
{
	written *to = gif->UserData;
	const size_t more = (size_t)n;
	if (to->room - to->n < more) {
		const size_t room = 2 * (to->room + more);
		uint8_t *x = realloc(to->x, room);
		if (!x) {
			to->full = true;
			return 0;
		}
		to->x = x;
		to->room = room;
	}
	memcpy(to->x + to->n, from, more);
	to->n += more;
	return n;
}

/* Levels of red, green and blue: their product is at most 256, and the eye sees green best. */
enum { REDS = 6, GREENS = 7, BLUES = 6, COLOURS = 256 };

/* Grays, or all of the levels. */
static void palette_fill(GifColorType *to, int channels)
{
	for (int i = 0; i < COLOURS; i++) {
		const int red = i / (GREENS * BLUES), green = i / BLUES % GREENS, blue = i % BLUES;
		to[i] = (GifColorType){(GifByteType)i, (GifByteType)i, (GifByteType)i};
		if (channels == 3)
			to[i] = i < REDS * GREENS * BLUES
				? (GifColorType){(GifByteType)(red * 255 / (REDS - 1)),
					(GifByteType)(green * 255 / (GREENS - 1)),
					(GifByteType)(blue * 255 / (BLUES - 1))}
				: (GifColorType){0, 0, 0};
	}
}

/* The level of v nearest after a quarter-grain pattern of 4x4 (Bayer's matrix) is added. */
static int level(int v, int levels, int y, int x)
{
	static const int pattern[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
	return (int)(v * (levels - 1) / 255.0 + (pattern[y % 4][x % 4] + 0.5) / 16);
}

static void row_fill(GifPixelType *to, const image *im, int y)
{
	const uint8_t *from = im->x + (size_t)y * (size_t)im->w * (size_t)im->c;
	for (int x = 0; x < im->w; x++, from += im->c)
		to[x] = (GifPixelType)(im->c == 1 ? from[0] : (level(from[0], REDS, y, x) * GREENS
			+ level(from[1], GREENS, y, x)) * BLUES + level(from[2], BLUES, y, x));
}

/* Netscape's extension: shown again and again. */
static bool loop_give(GifFileType *gif)
{
	return EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK
		&& EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK
		&& EGifPutExtensionBlock(gif, 3, (GifByteType[]){1, 0, 0}) == GIF_OK
		&& EGifPutExtensionTrailer(gif) == GIF_OK;
}

static bool frame_give(GifFileType *gif, const image *im, int ms, GifPixelType *row)
{
	const GraphicsControlBlock b = {.DelayTime = MAX((ms + 5) / 10, 1), .TransparentColor = NO_TRANSPARENT_COLOR};
	GifByteType block[4];
	EGifGCBToExtension(&b, block);
	bool ok = EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof block, block) == GIF_OK
		&& EGifPutImageDesc(gif, 0, 0, im->w, im->h, false, NULL) == GIF_OK;
	for (int y = 0; ok && y < im->h; y++) {
		row_fill(row, im, y);
		ok = EGifPutLine(gif, row, im->w) == GIF_OK;
	}
	return ok;
}

static bool all_give(GifFileType *gif, const image *frame, int n, int ms)
{
	GifColorType colour[COLOURS];
	palette_fill(colour, frame->c);
	ColorMapObject *map = GifMakeMapObject(COLOURS, colour);
	GifPixelType *row = mem_new((size_t)frame->w, sizeof *row, NULL);
	EGifSetGifVersion(gif, true);
	bool ok = map && row && EGifPutScreenDesc(gif, frame->w, frame->h, 8, 0, map) == GIF_OK && loop_give(gif);
	for (int i = 0; ok && i < n; i++)
		ok = frame_give(gif, &frame[i], ms, row);
	GifFreeMapObject(map);
	free(row);
	return ok;
}

bool gif_encode(const char *path, const image *frame, int n, int ms, void **bytes, size_t *size, fault *e)
{
	int why;
	written to = {0};
	GifFileType *gif = EGifOpen(&to, bytes_give, &why);
	bool ok = gif && all_give(gif, frame, n, ms);
	ok = gif && EGifCloseFile(gif, &why) == GIF_OK && ok && !to.full;
	if (!ok) {
		free(to.x);
		to = (written){0};
		fault_at(e, path, "out of memory for %d frames", n);
	}
	*bytes = to.x;
	*size = to.n;
	return ok;
}
