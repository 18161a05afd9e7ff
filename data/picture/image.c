/* image.c - resizing by weights per axis, channels, grids. */
#include "data/picture/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

const char *const data_resize_name[] = {"crop", "fit", "stretch", "pad", NULL};

bool image_init(image *im, int h, int w, int c, fault *e)
{
	must(h > 0 && w > 0 && (c == 1 || c == 3), "image_init %dx%dx%d", h, w, c);
	*im = (image){.h = h, .w = w, .c = c, .x = mem_zero((size_t)h * (size_t)w, (size_t)c, e)};
	if (!im->x)
		*im = (image){0};
	return im->x != NULL;
}

void image_free(image *im)
{
	free(im->x);
	*im = (image){0};
}

/* ITU-R BT.601. */
int image_luma(const uint8_t rgb[3])
{
	return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000;
}

void image_join_planes(const uint8_t *planes, int64_t n, int c, uint8_t *to)
{
	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < c; k++)
			to[i * c + k] = planes[k * n + i];
}

void image_lay_over(const uint8_t *from, int64_t n, int c, const uint8_t colour[3], uint8_t *to)
{
	const uint8_t gray = (uint8_t)image_luma(colour), *behind = c == 1 ? &gray : colour;
	for (int64_t i = 0; i < n; i++, from += c + 1, to += c) {
		const int opacity = from[c], rest = 255 - opacity;
		for (int k = 0; k < c; k++)
			to[k] = (uint8_t)((from[k] * opacity + behind[k] * rest + 127) / 255);
	}
}

/* ---- orientation ---- */

/* Pixel (y,x) of the turned picture is (y,x) of the stored one after, in this order: axes changed for each other, rows
 * counted from the bottom, columns from the right. (Exif 2.3, tag 274) */
static const struct {
	bool swap, bottom, right;
} ORIENTATION[9] = {
	[2] = {.right = true}, [3] = {.bottom = true, .right = true}, [4] = {.bottom = true},
	[5] = {.swap = true}, [6] = {.swap = true, .bottom = true}, [7] = {true, true, true},
	[8] = {.swap = true, .right = true},
};

bool image_orient_swaps(int orientation)
{
	return orientation >= 1 && orientation < COUNT(ORIENTATION) && ORIENTATION[orientation].swap;
}

bool image_orient(image *im, int orientation, fault *e)
{
	if (orientation <= 1 || orientation >= COUNT(ORIENTATION))
		return true;
	const bool swap = ORIENTATION[orientation].swap;
	image to;
	if (!image_init(&to, swap ? im->w : im->h, swap ? im->h : im->w, im->c, e))
		return false;
	uint8_t *p = to.x;
	for (int y = 0; y < to.h; y++)
		for (int x = 0; x < to.w; x++, p += im->c) {
			const int row = swap ? x : y, col = swap ? y : x;
			const int from_y = ORIENTATION[orientation].bottom ? im->h - 1 - row : row;
			const int from_x = ORIENTATION[orientation].right ? im->w - 1 - col : col;
			memcpy(p, im->x + ((size_t)from_y * (size_t)im->w + (size_t)from_x) * (size_t)im->c,
				(size_t)im->c);
		}
	image_free(im);
	*im = to;
	return true;
}

static uint8_t byte_of(double v)
{
	return !(v > 0) ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

/* ---- resizing ---- */

real pixel_real(uint8_t v)
{
	return (real)(v / PIXEL_HALF - 1);
}

uint8_t pixel_byte(real x)
{
	return byte_of(((double)x + 1) * PIXEL_HALF);
}

/* Where one output pixel takes its value from: source pixels first .. first+count-1 of an axis. */
typedef struct tap {
	int first, count;
	double *weight;                              /* [count], sums to 1 */
} tap;

/* Weights of output i of m over the span [lo, lo+len) of a source axis of n pixels. */
static void tap_set(tap *t, int i, int m, double lo, double len, int n)
{
	const double step = len / m;
	if (step > 1) {                              /* the pixels' shares of [a,b) */
		const double a = MAX(lo + i * step, 0), b = MIN(lo + (i + 1) * step, n);
		t->first = MIN((int)a, n - 1);
		t->count = MAX(MIN((int)ceil(b), n) - t->first, 1);
		for (int k = 0; k < t->count; k++) {
			const double from = MAX(a, t->first + k), to = MIN(b, t->first + k + 1);
			t->weight[k] = t->count == 1 ? 1 : (to - from) / (b - a);
		}
		return;
	}
	const double at = MIN(MAX(lo + (i + 0.5) * step - 0.5, 0), n - 1);
	t->first = MIN((int)at, n - 1);
	t->count = t->first + 1 < n ? 2 : 1;
	t->weight[0] = t->count == 2 ? 1 - (at - t->first) : 1;
	t->weight[1] = at - t->first;
}

static tap *taps_new(int m, double lo, double len, int n, fault *e)
{
	const size_t room = (size_t)MAX(len / m, 1) + 3;
	tap *t = mem_new((size_t)m, sizeof *t + room * sizeof(double), e);
	for (int i = 0; t && i < m; i++) {
		t[i].weight = (double *)(t + m) + (size_t)i * room;
		tap_set(&t[i], i, m, lo, len, n);
	}
	return t;
}

/* Rows [sh][w,c] of the source resized across only. */
static void resize_across(double *to, const uint8_t *from, int sh, int sw, int c, const tap *tx, int w)
{
	for (int y = 0; y < sh; y++)
		for (int x = 0; x < w; x++)
			for (int k = 0; k < c; k++) {
				const size_t first = (size_t)y * (size_t)sw + (size_t)tx[x].first;
				const uint8_t *p = from + first * (size_t)c + k;
				double sum = 0;
				for (int j = 0; j < tx[x].count; j++)
					sum += tx[x].weight[j] * p[j * c];
				*to++ = sum;
			}
}

/* Then down: out row y is a weighted sum of rows of `mid` [sh][row]. `pitch`: bytes between rows. */
static void resize_down(uint8_t *to, size_t pitch, const double *mid, const tap *ty, int h, size_t row)
{
	for (int y = 0; y < h; y++)
		for (size_t i = 0; i < row; i++) {
			const double *p = mid + (size_t)ty[y].first * row + i;
			double sum = 0;
			for (int j = 0; j < ty[y].count; j++)
				sum += ty[y].weight[j] * p[(size_t)j * row];
			to[(size_t)y * pitch + i] = byte_of(sum);
		}
}

/* A rectangle, in pixels that need not be whole. */
typedef struct rect {
	double y, x, h, w;
} rect;

/* The part `r` of from [sh,sw,c] as h x w pixels at `to`. */
static bool resample(const uint8_t *from, int sh, int sw, int c, rect r, uint8_t *to, size_t pitch, int h, int w,
	fault *e)
{
	tap *ty = taps_new(h, r.y, r.h, sh, e), *tx = taps_new(w, r.x, r.w, sw, e);
	const size_t row = (size_t)w * (size_t)c;
	double *mid = mem_new((size_t)sh * row, sizeof *mid, e);
	if (ty && tx && mid) {
		resize_across(mid, from, sh, sw, c, tx, w);
		resize_down(to, pitch, mid, ty, h, row);
	}
	const bool ok = ty && tx && mid;
	free(ty);
	free(tx);
	free(mid);
	return ok;
}

/* No scaling: the overlap of the two centred frames. */
static void pad_copy(const uint8_t *from, int sh, int sw, int c, uint8_t *to, int h, int w)
{
	const int y0 = (h - sh) / 2, x0 = (w - sw) / 2;
	const int rows = MIN(h, sh), cols = MIN(w, sw);
	for (int y = 0; y < rows; y++)
		memcpy(to + ((size_t)(y + MAX(y0, 0)) * (size_t)w + (size_t)MAX(x0, 0)) * (size_t)c,
			from + ((size_t)(y + MAX(-y0, 0)) * (size_t)sw + (size_t)MAX(-x0, 0)) * (size_t)c,
			(size_t)cols * (size_t)c);
}

/* to [h,w,c], black before; same channels. */
static bool resize(const uint8_t *from, int sh, int sw, int c, uint8_t *to, int h, int w, enum data_resize mode,
	fault *e)
{
	const size_t pitch = (size_t)w * (size_t)c;
	const double fy = (double)h / sh, fx = (double)w / sw;
	rect r = {0, 0, sh, sw};
	if (sh == h && sw == w) {
		memcpy(to, from, (size_t)h * pitch);
		return true;
	}
	if (mode == RESIZE_PAD) {
		pad_copy(from, sh, sw, c, to, h, w);
		return true;
	}
	if (mode == RESIZE_FIT) {
		const double f = MIN(fy, fx);
		const int ih = MAX(MIN((int)(sh * f + 0.5), h), 1), iw = MAX(MIN((int)(sw * f + 0.5), w), 1);
		to += (size_t)((h - ih) / 2) * pitch + (size_t)((w - iw) / 2) * (size_t)c;
		return resample(from, sh, sw, c, r, to, pitch, ih, iw, e);
	}
	if (mode == RESIZE_CROP) {
		const double f = MAX(fy, fx);
		r.h = MIN(h / f, sh);
		r.w = MIN(w / f, sw);
		r.y = (sh - r.h) / 2;
		r.x = (sw - r.w) / 2;
		if (f == 1)                          /* pixels stay what they are: none between two */
			r.y = floor(r.y), r.x = floor(r.x);
	}
	return resample(from, sh, sw, c, r, to, pitch, h, w, e);
}

/* n pixels of sc channels as c channels. */
static void recolour(const uint8_t *from, int sc, uint8_t *to, int c, size_t n)
{
	for (size_t i = 0; i < n; i++, from += sc, to += c) {
		const int v = sc == c || sc == 1 ? from[0] : image_luma(from);
		for (int k = 0; k < c; k++)
			to[k] = (uint8_t)(sc == c ? from[k] : v);
	}
}

bool image_convert(const uint8_t *from, int sh, int sw, int sc, uint8_t *to, int h, int w, int c,
	enum data_resize mode, fault *e)
{
	const size_t n = (size_t)h * (size_t)w;
	if (sc == c) {
		memset(to, 0, n * (size_t)c);
		return resize(from, sh, sw, c, to, h, w, mode, e);
	}
	uint8_t *sized = mem_zero(n, (size_t)sc, e);
	const bool ok = sized && resize(from, sh, sw, sc, sized, h, w, mode, e);
	if (ok)
		recolour(sized, sc, to, c, n);
	free(sized);
	return ok;
}

/* ---- grids ---- */

enum { LINE = 2, LINE_VALUE = 48 };

static void cell_draw(image *out, int top, int left, const real *x, int h, int w, int scale)
{
	const int c = out->c;
	for (int y = 0; y < h * scale; y++)
		for (int i = 0; i < w * scale; i++) {
			const real *p = x + ((size_t)(y / scale) * (size_t)w + (size_t)(i / scale)) * (size_t)c;
			uint8_t *q = out->x + ((size_t)(top + y) * (size_t)out->w + (size_t)(left + i)) * (size_t)c;
			for (int k = 0; k < c; k++)
				q[k] = pixel_byte(p[k]);
		}
}

bool image_grid(image *out, const real *x, int64_t n, int h, int w, int c, int cols, int scale, fault *e)
{
	must(n > 0 && h > 0 && w > 0 && (c == 1 || c == 3), "image_grid %lld of %dx%dx%d", (long long)n, h, w, c);
	*out = (image){0};
	scale = MAX(scale, 1);
	const int64_t across = cols > 0 ? MIN(cols, n) : (int64_t)ceil(sqrt((double)n));
	const int64_t down = (n + across - 1) / across;
	const int64_t ph = (int64_t)h * scale + LINE, pw = (int64_t)w * scale + LINE;
	if (down * ph + LINE > DATA_SIDE_MAX || across * pw + LINE > DATA_SIDE_MAX)
		return fault_set(e, "a grid of %lld images of %dx%d at scale %d is larger than %d pixels a side: "
			"take fewer images", (long long)n, h, w, scale, DATA_SIDE_MAX);
	if (!image_init(out, (int)(down * ph) + LINE, (int)(across * pw) + LINE, c, e))
		return false;
	memset(out->x, LINE_VALUE, (size_t)out->h * (size_t)out->w * (size_t)c);
	for (int64_t i = 0; i < n; i++)
		cell_draw(out, (int)(i / across * ph) + LINE, (int)(i % across * pw) + LINE,
			x + i * h * w * c, h, w, scale);
	return true;
}
