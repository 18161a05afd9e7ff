/* conv_form.c - which form computes a convolution: chosen by its shape and by what is wanted, never by timing.
 *
 * The number of images takes no part in forward and dx, so an image has the same bits alone and among others. */
#include "core/kernels/conv_form.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

/* A form is taken where both numbers of channels, the tiles of an image (of all images for dw, the sum over them)
 * and the share of multiplications that are left are as the row says: with few tiles the transform of the weights costs
 * more than is won, and a tile that is mostly outside of the image is work for nothing. The first row that fits counts.
 *
 * Forward, F(4x4,3x3) is faster still, but its roundings add up through the layers of a network: the images of two
 * generators of 128 and 256 pixels were off by 2.2e-5 and 2.7e-5 (tests/test_trace.c allows 2e-5). So the default takes
 * F(2x2,3x3) there, and F(4x4,3x3) for gradients.
 *
 * ms for 64 images, one core of an AMD EPYC with AVX2, direct / F2 / F4:
 *                     forward               dx                    dw
 * 32x32  64 channels  73.8 / 47.3 / 31.4    71.9 / 49.3 / 31.3    77.4 / 46.9 / 29.3
 *  8x8   64 channels  5.06 / 2.82 / 1.45    4.42 / 3.21 / 1.46    5.79 / 2.53 / 1.64
 * 16x16  32 channels  5.75 / 2.98 / 1.84    5.45 / 2.95 / 1.85    6.41 / 2.62 / 1.84
 * 16x16  16 channels  1.28 / 1.63 / 1.27    1.39 / 2.00 / 1.24    1.37 / 1.23 / 0.83
 *  7x7   64 channels  3.84 / 3.46 / 2.15    3.69 / 4.73 / 2.08    8.63 / 3.55 / 2.30
 *  4x4   64 channels  1.13 / 0.81 / 0.59    1.19 / 0.59 / 0.57    1.54 / 0.91 / 0.48
 *  8x8   64, 1 image  .063 / .063 / .110    .064 / .070 / .117    .068 / .065 / .116
 * 32x32  64, 1 image  1.03 / 0.77 / 0.58    1.09 / 0.76 / 0.57    1.23 / 0.90 / 0.49 */
static const struct {
	conv_want want;
	wino_name form;
	unsigned uses;                               /* bit of each conv_use */
	int64_t channels, tiles;
	double share;
} table[] = {
	{CONV_FASTEST, WINO_F2, 1u << CONV_FORWARD, 32, 16, 0.65},
	{CONV_FASTEST, WINO_F4, 1u << CONV_DX, 32, 4, 0.65},
	{CONV_FASTEST, WINO_F4, 1u << CONV_DW, 16, 32, 0.65},
	{CONV_EXACT, WINO_F2, 1u << CONV_FORWARD | 1u << CONV_DX, 32, 16, 0.65},
	{CONV_EXACT, WINO_F2, 1u << CONV_DW, 32, 128, 0.65},
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

/* The stricter one of what is wanted and what the environment says: later words are stricter. */
static conv_want wanted(const conv_shape *s)
{
	const int of_all = asked();
	return of_all < COUNT(word) ? MAX(s->want, (conv_want)of_all) : s->want;
}

bool conv_form_of(const conv_shape *s, conv_use use, wino_name *form)
{
	const conv_want want = wanted(s);
	for (int i = 0; i < COUNT(table) && wino_can(s); i++) {
		const wino_form *f = &wino_forms[table[i].form];
		const int64_t h = use == CONV_DX ? s->h : s->ho, w = use == CONV_DX ? s->w : s->wo;
		const int64_t tiles = (h + f->out - 1) / f->out * ((w + f->out - 1) / f->out);
		const double share = (double)(f->np * f->np * tiles) / (9 * (double)h * (double)w);
		const int64_t all = use == CONV_DW ? tiles * s->b : tiles;
		if (want == table[i].want && table[i].uses >> use & 1 && MIN(s->cin, s->cout) >= table[i].channels &&
		    all >= table[i].tiles && share <= table[i].share) {
			*form = table[i].form;
			return true;
		}
	}
	return false;
}

const char *conv_form_name(const conv_shape *s, conv_use use)
{
	static const char *const name[WINO_FORMS] = {[WINO_F2] = "F(2x2,3x3)", [WINO_F4] = "F(4x4,3x3)"};
	wino_name form;
	return conv_form_of(s, use, &form) ? name[form] : "direct";
}
