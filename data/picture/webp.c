/* webp.c - still WebP pictures read, and moving ones written, by libwebp: the only file that knows its headers.
 *
 * A file is "RIFF", a length, "WEBP" and chunks: a name, a length, contents, and a byte more where that is odd. */
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "core/base/local.h"
#include "data/picture/picture_internal.h"

static size_t number(const uint8_t *x)
{
	return x[0] | (size_t)x[1] << 8 | (size_t)x[2] << 16 | (size_t)x[3] << 24;
}

/* Exif stands behind the pixels, so that the beginning of a file tells too little: all of it must be there. */
static bool header_read(const char *path, const uint8_t *x, size_t n, WebPBitstreamFeatures *f, fault *e)
{
	if (n - 8 < number(x + 4) || WebPGetFeatures(x, n, f) != VP8_STATUS_OK)
		return fault_at(e, path, "damaged or truncated WebP");
	if (f->has_animation)
		return fault_at(e, path, "a moving WebP, only still ones are read");
	return picture_sides_check(path, f->height, f->width, e);
}

static int orientation(const uint8_t *x, size_t n)
{
	for (size_t at = 12; at + 8 < n;) {
		const size_t size = number(x + at + 4);
		if (memcmp(x + at, "EXIF", 4) == 0)
			return exif_orientation(x + at + 8, MIN(size, n - at - 8));
		at += 8 + size + size % 2;
	}
	return 1;
}

static bool webp_stat(const char *path, const uint8_t *x, size_t n, picture_size *s, fault *e)
{
	WebPBitstreamFeatures f;
	if (!header_read(path, x, n, &f, e))
		return false;
	const bool swap = image_orient_swaps(orientation(x, n));
	*s = (picture_size){swap ? f.width : f.height, swap ? f.height : f.width, 3};
	return true;
}

static bool pixels_read(image *im, const uint8_t *x, size_t n, const uint8_t behind[3], fault *e, const char *path)
{
	const size_t row = (size_t)im->w * 4;
	uint8_t *clear = mem_new((size_t)im->h, row, e);
	if (!clear)
		return false;
	const bool ok = WebPDecodeRGBAInto(x, n, clear, (size_t)im->h * row, (int)row) != NULL;
	if (ok)
		image_lay_over(clear, (int64_t)im->h * im->w, 3, behind, im->x);
	free(clear);
	/* The library does not say why; it wants some rows of memory besides the picture. */
	const size_t wants = (size_t)im->h * row + (16 << 20);
	return ok || fault_at(e, path, memory_is_there(wants) ? "damaged or truncated WebP" : "out of memory");
}

static bool webp_read(const char *path, const uint8_t *x, size_t n, const picture_options *o, image *im, fault *e)
{
	WebPBitstreamFeatures f;
	if (!header_read(path, x, n, &f, e) || !image_init(im, f.height, f.width, 3, e))
		return false;
	if (pixels_read(im, x, n, o->behind, e, path) && image_orient(im, orientation(x, n), e))
		return true;
	image_free(im);
	return false;
}

static bool is_webp(const uint8_t *head, size_t n)
{
	return n >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0;
}

extern const picture_kind picture_webp;
const picture_kind picture_webp = {"WebP", {".webp"}, is_webp, webp_stat, webp_read};

/* ---- writing ---- */

/* Gray becomes RGB, which is what the library takes. */
static bool frame_add(WebPAnimEncoder *to, const image *im, int at, const WebPConfig *c)
{
	WebPPicture p;
	const size_t n = (size_t)im->h * (size_t)im->w;
	uint8_t *rgb = mem_new(n, 3, NULL);
	bool ok = rgb && WebPPictureInit(&p);
	if (ok) {
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < 3; k++)
				rgb[3 * i + k] = im->x[im->c == 3 ? 3 * i + k : i];
		p.use_argb = 1;
		p.width = im->w;
		p.height = im->h;
		ok = WebPPictureImportRGB(&p, rgb, 3 * im->w) && WebPAnimEncoderAdd(to, &p, at, c);
		WebPPictureFree(&p);
	}
	free(rgb);
	return ok;
}

bool webp_encode(const char *path, const image *frame, int n, int ms, void **bytes, size_t *size, fault *e)
{
	WebPAnimEncoderOptions o;
	WebPConfig c;
	WebPData all = {0};
	WebPAnimEncoder *to = WebPAnimEncoderOptionsInit(&o) && WebPConfigInit(&c) && WebPConfigLosslessPreset(&c, 6)
		? WebPAnimEncoderNew(frame->w, frame->h, &o) : NULL;
	bool ok = to;
	for (int i = 0; ok && i < n; i++)
		ok = frame_add(to, &frame[i], i * ms, &c);
	ok = ok && WebPAnimEncoderAdd(to, NULL, n * ms, NULL) && WebPAnimEncoderAssemble(to, &all);
	if (!ok)
		fault_at(e, path, "cannot make a WebP of %d frames: %s", n, to && *WebPAnimEncoderGetError(to)
			? WebPAnimEncoderGetError(to) : "out of memory");
	WebPAnimEncoderDelete(to);
	*bytes = ok ? mem_new(all.size, 1, e) : NULL;
	*size = all.size;
	if (*bytes)
		memcpy(*bytes, all.bytes, all.size);
	WebPDataClear(&all);
	return *bytes != NULL;
}
