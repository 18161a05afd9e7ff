/* gif.c - the first frame of GIF files by giflib, the only file that knows its header. */
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
