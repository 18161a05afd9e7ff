/* png.c - reading and writing by libpng: the only file that knows png.h, and its longjmp stays in here. */
#include "data/picture/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "data/picture/picture_internal.h"

/* libpng leaves by longjmp. Everything it may jump over lives in one of these two structs, outside
 * the frames it unwinds, so that no local variable is indeterminate afterwards. */
typedef struct reading {
	const char *path;                            /* borrow */
	const uint8_t *x;                            /* borrow; what is not read yet, `left` bytes */
	size_t left;
	png_structp png;
	png_infop info;
	png_bytep *row;                              /* own; [h] */
	bool alpha;
	uint8_t *clear;                              /* own; [h,w,c+1] when there is alpha */
	image im;
	char why[160];                               /* libpng's words */
} reading;

typedef struct writing {
	png_structp png;
	png_infop info;
	uint8_t *bytes;                              /* own; the file so far */
	size_t n, room;
	char why[160];
} writing;

enum { CHUNK_BYTES_MAX = 8 << 20 };                  /* of an ancillary chunk (text, profile) */

static void on_error(png_structp png, png_const_charp message)
{
	snprintf(png_get_error_ptr(png), sizeof ((reading *)0)->why, "%s", message);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

/* ---- reading ---- */

static void reading_end(reading *r)
{
	png_destroy_read_struct(r->png ? &r->png : NULL, r->info ? &r->info : NULL, NULL);
	free(r->row);
	free(r->clear);
}

static bool reading_begin(reading *r, const char *path, const uint8_t *x, size_t n, fault *e)
{
	*r = (reading){.path = path, .x = x, .left = n};
	r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r->why, on_error, on_warning);
	r->info = r->png ? png_create_info_struct(r->png) : NULL;
	return r->info || fault_at(e, path, "out of memory");
}

static void bytes_take(png_structp png, png_bytep to, size_t n)
{
	reading *r = png_get_io_ptr(png);
	if (n > r->left)
		png_error(png, "the file ends early");
	memcpy(to, r->x, n);
	r->x += n;
	r->left -= n;
}

static bool is_colour(const reading *r)
{
	return png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR;
}

/* Reads the header; the limits are set before libpng takes memory. */
static bool header_read(reading *r)
{
	if (setjmp(png_jmpbuf(r->png)))
		return false;
	png_set_read_fn(r->png, r, bytes_take);
	png_set_user_limits(r->png, DATA_SIDE_MAX, DATA_SIDE_MAX);
	png_set_chunk_malloc_max(r->png, CHUNK_BYTES_MAX);
	png_read_info(r->png, r->info);
	return true;
}

/* Asks for 8 bits of gray or RGB, followed by alpha if there is any. */
static bool transform_set(reading *r)
{
	if (setjmp(png_jmpbuf(r->png)))
		return false;
	png_set_expand(r->png);                      /* palettes, 1, 2 and 4 bits, tRNS */
	png_set_scale_16(r->png);
	png_set_interlace_handling(r->png);
	png_read_update_info(r->png, r->info);
	return true;
}

static bool pixels_read(reading *r)
{
	if (setjmp(png_jmpbuf(r->png)))
		return false;
	png_read_image(r->png, r->row);
	png_read_end(r->png, NULL);
	return true;
}

static bool reading_failed(const reading *r, fault *e)
{
	if (strstr(r->why, "memory"))                /* libpng's, or zlib's "insufficient memory" */
		return fault_at(e, r->path, "out of memory (%s)", r->why);
	return fault_at(e, r->path, "damaged or truncated PNG, or larger than %d pixels a side (%s)",
		DATA_SIDE_MAX, r->why);
}

/* Of what stands before the pixels (where PNG's third edition wants eXIf), so that header and picture agree. */
static int orientation(const reading *r)
{
	png_uint_32 n = 0;
	png_bytep x = NULL;
	return png_get_eXIf_1(r->png, r->info, &n, &x) && x ? exif_orientation(x, n) : 1;
}

static bool png_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e)
{
	reading r;
	bool ok = reading_begin(&r, path, x, n, e);
	if (ok && !header_read(&r))
		ok = reading_failed(&r, e);
	if (ok) {
		const int h = (int)png_get_image_height(r.png, r.info), w = (int)png_get_image_width(r.png, r.info);
		const bool swap = image_orient_swaps(orientation(&r));
		*s = (picture_size){swap ? w : h, swap ? h : w, is_colour(&r) ? 3 : 1};
	}
	reading_end(&r);
	return ok;
}

/* Takes memory for what libpng will deliver: rows of w pixels of c, or c and alpha. */
static bool rows_set(reading *r, fault *e)
{
	const size_t bytes = png_get_rowbytes(r->png, r->info);
	const int h = (int)png_get_image_height(r->png, r->info), w = (int)png_get_image_width(r->png, r->info);
	const int c = is_colour(r) ? 3 : 1;
	r->alpha = bytes == (size_t)w * (size_t)(c + 1);
	if (bytes != (size_t)w * (size_t)(c + r->alpha))
		return fault_at(e, r->path, "unexpected kind of PNG (%zu bytes a row of %d pixels)", bytes, w);
	if (!image_init(&r->im, h, w, c, e) || !(r->row = mem_new((size_t)h, sizeof *r->row, e)) ||
		(r->alpha && !(r->clear = mem_new((size_t)h, bytes, e))))
		return false;
	for (int y = 0; y < h; y++)
		r->row[y] = (r->alpha ? r->clear : r->im.x) + (size_t)y * bytes;
	return true;
}

static bool png_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e)
{
	reading r;
	bool ok = reading_begin(&r, path, x, n, e);
	if (ok && (!header_read(&r) || !transform_set(&r)))
		ok = reading_failed(&r, e);
	ok = ok && rows_set(&r, e);
	if (ok && !pixels_read(&r))
		ok = reading_failed(&r, e);
	if (ok && r.alpha)
		image_lay_over(r.clear, (int64_t)r.im.h * r.im.w, r.im.c, o->behind, r.im.x);
	ok = ok && image_orient(&r.im, orientation(&r), e);
	reading_end(&r);
	if (ok)
		*im = r.im;
	else
		image_free(&r.im);
	return ok;
}

static bool is_png(const uint8_t *head, size_t n)
{
	return n >= 8 && memcmp(head, "\211PNG\r\n\032\n", 8) == 0;
}

extern const picture_kind picture_png;
const picture_kind picture_png = {"PNG", {".png"}, is_png, png_stat, png_read};

/* ---- writing: into memory, then the whole file at once ---- */

static void bytes_add(png_structp png, png_bytep from, size_t n)
{
	writing *to = png_get_io_ptr(png);
	if (to->room - to->n < n) {
		const size_t room = 2 * (to->room + n);
		uint8_t *more = realloc(to->bytes, room);
		if (!more)
			png_error(png, "out of memory");
		to->bytes = more;
		to->room = room;
	}
	memcpy(to->bytes + to->n, from, n);
	to->n += n;
}

static void bytes_flush(png_structp png)
{
	(void)png;
}

static void notes_set(const writing *to, const png_notes *notes)
{
	png_text text[PNG_NOTES_MAX];
	must(notes->n <= PNG_NOTES_MAX, "%d texts for a PNG", notes->n);
	memset(text, 0, sizeof text);
	for (int i = 0; i < notes->n; i++) {
		text[i].compression = PNG_ITXT_COMPRESSION_NONE;
		text[i].key = (png_charp)notes->note[i].key;         /* libpng copies both */
		text[i].text = (png_charp)notes->note[i].text;
		text[i].itxt_length = strlen(notes->note[i].text);
	}
	if (notes->n)
		png_set_text(to->png, to->info, text, notes->n);
}

/* A quarter of the time of a small run went into packing its pictures: with zlib's level 6 and libpng's choice of a
 * filter for each row a sheet of attention took twice the time and was a fifth smaller. */
enum { LEVEL = 3 };

static bool encode(writing *to, const image *im, const png_notes *notes)
{
	if (setjmp(png_jmpbuf(to->png)))
		return false;
	png_set_write_fn(to->png, to, bytes_add, bytes_flush);
	png_set_IHDR(to->png, to->info, (png_uint_32)im->w, (png_uint_32)im->h, 8,
		im->c == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(to->png, LEVEL);
	png_set_filter(to->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
	notes_set(to, notes);
	png_write_info(to->png, to->info);
	for (int y = 0; y < im->h; y++)
		png_write_row(to->png, im->x + (size_t)y * (size_t)im->w * (size_t)im->c);
	png_write_end(to->png, NULL);
	return true;
}

/* Texts as iTXt has them: UTF-8, and harmless (text.h). The copies are own; notes_free. */
static void notes_free(png_notes *notes)
{
	for (int i = 0; i < notes->n; i++)
		free((char *)notes->note[i].text);
}

static bool notes_copy(const png_notes *from, png_notes *to, fault *e)
{
	*to = (png_notes){.n = 0};
	for (int i = 0; from && i < from->n; i++) {
		char *text = text_plain_new(from->note[i].text, '\n', e);
		if (!text)
			return notes_free(to), false;
		to->note[to->n++] = (struct png_note){from->note[i].key, text};
	}
	return true;
}

bool png_encode(const char *path, const image *im, const png_notes *notes, void **bytes, size_t *n, fault *e)
{
	must(im->h > 0 && im->w > 0 && (im->c == 1 || im->c == 3), "png of %dx%dx%d", im->h, im->w, im->c);
	writing to = {0};
	png_notes plain;
	*bytes = NULL;
	*n = 0;
	if (!notes_copy(notes, &plain, e))
		return false;
	to.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, to.why, on_error, on_warning);
	to.info = to.png ? png_create_info_struct(to.png) : NULL;
	bool ok = to.info || fault_at(e, path, "out of memory");
	if (ok && !encode(&to, im, &plain))
		ok = fault_at(e, path, "cannot write a PNG of %dx%dx%d: %s", im->h, im->w, im->c, to.why);
	png_destroy_write_struct(to.png ? &to.png : NULL, to.info ? &to.info : NULL);
	notes_free(&plain);
	if (!ok)
		free(to.bytes);
	*bytes = ok ? to.bytes : NULL;
	*n = to.n;
	return ok;
}

bool png_write_noted(const char *path, const image *im, const png_notes *notes, fault *e)
{
	void *bytes;
	size_t n;
	const bool ok = png_encode(path, im, notes, &bytes, &n, e) && file_replace(path, bytes, n, e);
	free(bytes);
	return ok;
}

bool png_write(const char *path, const uint8_t *pixels, int h, int w, int c, fault *e)
{
	const image im = {h, w, c, (uint8_t *)pixels};       /* only read */
	return png_write_noted(path, &im, NULL, e);
}

bool png_write_grid(const char *path, const real *x, int64_t n, int h, int w, int c, int cols, int scale,
	fault *e)
{
	image grid;
	bool ok = image_grid(&grid, x, n, h, w, c, cols, scale, e) &&
		png_write(path, grid.x, grid.h, grid.w, grid.c, e);
	image_free(&grid);
	return ok;
}
