/* conv_form.c - which form computes a convolution: chosen by its shape and by what is wanted, never by timing.
 *
 * The number of images takes no part in forward and dx, so an image has the same bits alone and among others. */
#include "core/kernels/conv_form.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

/* A form is taken where both numbers of channels (at least `channels`, at most `most`), the tiles of an image (of
 * all images for dw, the sum over them) and the share of multiplications that are left are as the row says: with
 * few tiles the transform of the weights costs more than is won, and a tile that is mostly outside of the image is
 * work for nothing. The first row that fits counts.
 *
 * Drawn with F(4x4,3x3), the images of two generators of 128 and 256 pixels were off by 2.2e-5 and 2.7e-5, since its
 * roundings add up through the layers (tests/test_trace.c allows 2e-5). So training alone takes it (PLAN_FAST), and
 * what must be exact takes F(4x4,3x3) with points on the unit circle, or F(2x2,3x3) where the 49 transformed weights
 * of the former are too large.
 *
 * ms for 64 images, one core of an AMD EPYC with AVX2, direct / F2 / F4:
 *                     forward               dx                    dw
 * 32x32  64 channels  73.8 / 47.3 / 31.4    71.9 / 49.3 / 31.3    77.4 / 46.9 / 29.3
 *  8x8   64 channels  5.06 / 2.82 / 1.45    4.42 / 3.21 / 1.46    5.79 / 2.53 / 1.64
 * 16x16  32 channels  5.75 / 2.98 / 1.84    5.45 / 2.95 / 1.85    6.41 / 2.62 / 1.84
 * 16x16  16 channels  1.28 / 1.63 / 1.27    1.39 / 2.00 / 1.24    1.37 / 1.23 / 0.83
 *  7x7   64 channels  3.84 / 3.46 / 2.15    3.69 / 4.73 / 2.08    8.63 / 3.55 / 2.30
 *  4x4   64 channels  1.13 / 0.81 / 0.59    1.19 / 0.59 / 0.57    1.54 / 0.91 / 0.48
 *  8x8   64, 1 image  .063 / .044 / .054    .064 / .049 / .061    .062 / .049 / .055
 * 32x32  64, 1 image  1.03 / 0.77 / 0.58    1.09 / 0.76 / 0.57    1.23 / 0.90 / 0.49
 *
 * F4 / F2 / F4 unit, forward with bias and residual (processor time): 32x32, 64 channels 19.5 / 33.7 / 26.4; 16x16,
 * 128 18.3 / 30.8 / 24.2; 16x16, 32 2.78 / 3.57 / 2.87; 8x8, 32 0.60 / 0.81 / 0.74; 16x16, 256, 16 images 26.8
 * / 28.4 / 34.7.
 *
 * Resized ones, direct / 25 for 4 (fine map; processor time, quieter). As exact as the direct sum, so for both:
 *                     pooled: forward, dx, dw                     doubled: forward, dx, dw
 * 32x32  64 channels  35.7 / 13.9, 45.1 / 15.9, 42.4 / 15.5       38.9 / 16.0, 28.3 / 14.5, 34.7 / 16.9
 *  8x8   64 channels  1.92 / 0.87, 2.10 / 1.02, 2.53 / 1.06       2.21 / 1.00, 1.89 / 0.86, 2.55 / 1.10
 * 14x14  64 channels  5.50 / 3.46, 5.72 / 3.91, 7.11 / 4.14       5.77 / 3.78, 5.46 / 3.36, 7.38 / 4.23
 * 16x16  16 channels  0.44 / 0.36, 0.50 / 0.49, 0.48 / 0.34       0.51 / 0.84, 0.46 / 0.53, 0.49 / 0.51
 * 16x16   8 channels  0.17 / 0.21, 0.22 / 0.27, 0.22 / 0.20       0.33 / 0.28, 0.21 / 0.21, 0.23 / 0.21
 *  8x8   64, 1 image  0.16 / 0.05, 0.17 / 0.06, 0.14 / 0.06       0.27 / 0.05, 0.26 / 0.05, 0.18 / 0.06
 *
 * 25 for 4 / 81 for 16, which has twice the error of the direct sum, pooled (256 channels: 16 images):
 *                     forward         dw
 * 32x32  64 channels  11.4 / 10.0     12.3 / 11.3
 * 16x16  64 channels  2.88 / 2.55     3.29 / 2.98
 * 28x28  64 channels  8.52 / 8.42     9.49 / 9.91
 * 14x14  64 channels  2.39 / 2.08     2.71 / 2.46
 *  8x8   64 channels  0.70 / 0.67     0.80 / 0.62
 * 16x16  32 channels  0.83 / 0.77     0.93 / 0.82
 * 32x32 128 channels  19.9 / 17.7     25.9 / 26.3
 * 16x16 256 channels  10.6 / 12.7     14.1 / 13.7
 * 32x32  64, 1 image  0.19 / 0.23     0.23 / 0.22 */
enum {
	FASTEST = 1 << CONV_FASTEST, EXACT = 1 << CONV_EXACT,
	FORWARD = 1 << CONV_FORWARD, DX = 1 << CONV_DX, DW = 1 << CONV_DW,
	ANY = 1 << 30,
};

static const struct {
	unsigned wants, uses;                        /* for these */
	wino_name form;
	int64_t channels, most, tiles;
	double share;
} table[] = {
	{FASTEST, FORWARD | DX, WINO_F4, 32, ANY, 4, 0.65},
	{FASTEST, DW, WINO_F4, 16, ANY, 4, 0.65},
	{EXACT, FORWARD | DX, WINO_F4_UNIT, 32, 128, 4, 0.65},
	{EXACT, FORWARD | DX, WINO_F2, 32, ANY, 16, 0.65},
	{EXACT, DW, WINO_F4_UNIT, 32, 128, 16, 0.65},
	{EXACT, DW, WINO_F2, 32, ANY, 16, 0.65},
	{FASTEST, FORWARD | DX, WINO_HALF4, 32, 128, 4, 0.35},
	{FASTEST, DW, WINO_HALF4, 16, 64, 32, 0.35},
	{FASTEST | EXACT, FORWARD, WINO_HALF, 16, ANY, 1, 0.65},
	{FASTEST | EXACT, DX, WINO_HALF, 32, ANY, 1, 0.65},
	{FASTEST | EXACT, DW, WINO_HALF, 16, ANY, 1, 0.65},
	{FASTEST | EXACT, FORWARD | DX, WINO_DOUBLE, 32, ANY, 1, 0.65},
};

/* What SAGAN_CONV may say, in the order of conv_want. */
static const char *const word[] = {"fastest", "exact", "direct"};

static int asked(void)
{
	const char *name = getenv("SAGAN_CONV");
	int i = 0;
	while (name && i < COUNT(word) && strcmp(name, word[i]) != 0)
		i++;
	return name ? i : CONV_FASTEST;
}

bool conv_form_check(fault *e)
{
	return asked() < COUNT(word) ||
	       fault_set(e, "SAGAN_CONV=%.20s: must be fastest, exact or direct", getenv("SAGAN_CONV"));
}

const char *conv_form_least(void)
{
	return word[MIN(asked(), COUNT(word) - 1)];
}

/* The stricter one of what is wanted and what the environment says: later words are stricter. */
static conv_want wanted(const conv_shape *s)
{
	const int of_all = asked();
	return of_all < COUNT(word) ? MAX(s->want, (conv_want)of_all) : s->want;
}

/* Multiplications of the form for those of the direct sum. */
static double share_of(wino_name form, const conv_shape *s, conv_use use)
{
	const double pixels = use == CONV_DX ? (double)s->h * (double)s->w : (double)s->ho * (double)s->wo;
	const double coarse = (double)MIN(s->h, s->ho) * (double)MIN(s->w, s->wo);
	return (double)wino_products(form, s, use) / (s->resize ? 16 * coarse : 9 * pixels);
}

bool conv_form_of(const conv_shape *s, conv_use use, wino_name *form)
{
	const conv_want want = wanted(s);
	for (int i = 0; i < COUNT(table); i++) {
		if (!(table[i].wants >> want & 1) || !(table[i].uses >> use & 1) || !wino_can(table[i].form, s, use))
			continue;
		const int64_t tiles = wino_tiles(table[i].form, s, use), all = use == CONV_DW ? tiles * s->b : tiles;
		if (MIN(s->cin, s->cout) >= table[i].channels && MAX(s->cin, s->cout) <= table[i].most &&
		    all >= table[i].tiles && share_of(table[i].form, s, use) <= table[i].share) {
			*form = table[i].form;
			return true;
		}
	}
	return false;
}

const char *conv_form_name(const conv_shape *s, conv_use use)
{
	static const char *const name[WINO_FORMS] = {
		[WINO_F2] = "F(2x2,3x3)", [WINO_F4] = "F(4x4,3x3)",
		[WINO_F4_UNIT] = "F(4x4,3x3) unit", [WINO_HALF] = "25 for 4, pooled",
		[WINO_HALF4] = "81 for 16, pooled",
		[WINO_DOUBLE] = "25 for 4, doubled",
	};
	wino_name form;
	return conv_form_of(s, use, &form) ? name[form] : "direct";
}
