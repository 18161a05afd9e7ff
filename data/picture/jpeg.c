/* jpeg.c - JPEG files by libjpeg-turbo, the only file that knows jpeglib.h and its longjmp.
 *
 * Gray stays gray, YCbCr and RGB become RGB, and so do the four inks of CMYK and YCCK. Adobe's programs store inks the
 * other way round (255: none) and mark it; the mark decides. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "core/base/local.h"
#include "data/picture/picture_internal.h"

/* As in png.c: everything a longjmp may jump over lives in one struct outside the frames it unwinds. */
typedef struct reading {
	struct jpeg_decompress_struct j;
	struct jpeg_error_mgr error;
	struct jpeg_progress_mgr progress;
	jmp_buf back;
	const char *path;                            /* borrow */
	int orientation;                             /* Exif's */
	uint8_t *inks;                               /* own; a row of CMYK */
	image im;
	char why[JMSG_LENGTH_MAX];
} reading;

/* A progressive file has about ten scans. Each passes over the whole picture, so that a small file of thousands takes
 * hours (libjpeg-turbo's own advice, "Two Issues with the JPEG Standard"). */
enum { SCANS_MOST = 500 };

/* The memory of a progressive picture of the largest size allowed, and some: two bytes a coefficient. */
#define MEMORY_MOST ((long)DATA_SIDE_MAX * DATA_SIDE_MAX * 4 * 2 + (64L << 20))

static void on_error(j_common_ptr j)
{
	reading *r = j->client_data;
	j->err->format_message(j, r->why);
	longjmp(r->back, 1);
}

/* What libjpeg mends by inventing pixels is damage; what does not touch the pixels (bytes too many between markers, an
 * odd version) is none. */
static void on_message(j_common_ptr j, int level)
{
	static const int damage[] = {
		JWRN_JPEG_EOF, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE, JWRN_MUST_RESYNC,
		JWRN_BOGUS_PROGRESSION, JWRN_NOT_SEQUENTIAL,
	};
	for (int i = 0; level < 0 && i < COUNT(damage); i++)
		if (j->err->msg_code == damage[i])
			on_error(j);
}

static void on_progress(j_common_ptr j)
{
	reading *r = j->client_data;
	if (r->j.input_scan_number > SCANS_MOST) {
		snprintf(r->why, sizeof r->why, "more than %d scans", SCANS_MOST);
		longjmp(r->back, 1);
	}
}

static void reading_end(reading *r)
{
	jpeg_destroy_decompress(&r->j);
	free(r->inks);
}

/* Before a jump is possible: libjpeg's object, empty, with our ways out. */
static void reading_begin(reading *r, const char *path)
{
	memset(r, 0, sizeof *r);
	r->path = path;
	r->j.err = jpeg_std_error(&r->error);
	r->j.client_data = r;
	r->error.error_exit = on_error;
	r->error.emit_message = on_message;
	r->progress.progress_monitor = on_progress;
}

static int orientation_of(const struct jpeg_decompress_struct *j)
{
	static const char mark[6] = "Exif\0";
	for (jpeg_saved_marker_ptr m = j->marker_list; m; m = m->next)
		if (m->data_length > sizeof mark && memcmp(m->data, mark, sizeof mark) == 0)
			return exif_orientation(m->data + sizeof mark, m->data_length - sizeof mark);
	return 1;
}

static bool header_read(reading *r, const uint8_t *x, size_t n)
{
	if (setjmp(r->back))
		return false;
	jpeg_create_decompress(&r->j);
	r->j.progress = &r->progress;
	r->j.mem->max_memory_to_use = MEMORY_MOST;
	jpeg_save_markers(&r->j, JPEG_APP0 + 1, 0xffff);
	jpeg_mem_src(&r->j, x, (unsigned long)n);
	jpeg_read_header(&r->j, TRUE);
	r->orientation = orientation_of(&r->j);
	return true;
}

static bool reading_failed(const reading *r, fault *e)
{
	if (strstr(r->why, "memory"))                /* "Insufficient memory (case 4)" */
		return fault_at(e, r->path, "out of memory (%s)", r->why);
	return fault_at(e, r->path, "damaged or truncated JPEG, or of a kind that is not read (%s)", r->why);
}

/* Sizes, and the colours that libjpeg is to deliver. */
static bool header_check(reading *r, fault *e)
{
	struct jpeg_decompress_struct *j = &r->j;
	if (j->data_precision != 8)
		return fault_at(e, r->path, "a JPEG of %d bits, only those of 8 are read", j->data_precision);
	if (j->num_components != 1 && j->num_components != 3 && j->num_components != 4)
		return fault_at(e, r->path, "a JPEG of %d components, only gray, RGB and CMYK are read",
			j->num_components);
	j->out_color_space = j->num_components == 1 ? JCS_GRAYSCALE : j->num_components == 3 ? JCS_RGB : JCS_CMYK;
	return picture_sides_check(r->path, j->image_height, j->image_width, e);
}

static void paper_of(uint8_t *to, const uint8_t *inks, int w, bool adobe)
{
	for (int x = 0; x < w; x++, inks += 4, to += 3)
		for (int k = 0; k < 3; k++) {
			const int paper = adobe ? inks[k] : 255 - inks[k], light = adobe ? inks[3] : 255 - inks[3];
			to[k] = (uint8_t)((paper * light + 127) / 255);
		}
}

static bool pixels_read(reading *r)
{
	struct jpeg_decompress_struct *j = &r->j;
	if (setjmp(r->back))
		return false;
	jpeg_start_decompress(j);
	while (j->output_scanline < j->output_height) {
		uint8_t *to = r->im.x + (size_t)j->output_scanline * (size_t)r->im.w * (size_t)r->im.c;
		JSAMPROW row = r->inks ? r->inks : to;
		jpeg_read_scanlines(j, &row, 1);
		if (r->inks)
			paper_of(to, r->inks, r->im.w, j->saw_Adobe_marker);
	}
	jpeg_finish_decompress(j);
	return true;
}

static bool jpeg_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e)
{
	reading r;
	reading_begin(&r, path);
	const bool ok = header_read(&r, x, n) ? header_check(&r, e) : reading_failed(&r, e);
	if (ok) {
		const int h = (int)r.j.image_height, w = (int)r.j.image_width;
		const bool swap = image_orient_swaps(r.orientation);
		*s = (picture_size){swap ? w : h, swap ? h : w, r.j.num_components == 1 ? 1 : 3};
	}
	reading_end(&r);
	return ok;
}

static bool room_take(reading *r, fault *e)
{
	const int h = (int)r->j.image_height, w = (int)r->j.image_width, c = r->j.num_components;
	return image_init(&r->im, h, w, c == 1 ? 1 : 3, e) && (c < 4 || (r->inks = mem_new((size_t)w, 4, e)));
}

static bool jpeg_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e)
{
	reading r;
	(void)o;
	reading_begin(&r, path);
	bool ok = header_read(&r, x, n) ? header_check(&r, e) && room_take(&r, e) : reading_failed(&r, e);
	if (ok && !pixels_read(&r))
		ok = reading_failed(&r, e);
	ok = ok && image_orient(&r.im, r.orientation, e);
	reading_end(&r);
	if (ok)
		*im = r.im;
	else
		image_free(&r.im);
	return ok;
}

static bool is_jpeg(const uint8_t *head, size_t n)
{
	return n >= 3 && memcmp(head, "\377\330\377", 3) == 0;
}

extern const picture_kind picture_jpeg;
const picture_kind picture_jpeg = {"JPEG", {".jpg", ".jpeg"}, is_jpeg, jpeg_stat, jpeg_read};
