/* half.c - the bits of a float16 from those of a float32. */
#include "gan/web/half.h"

#include <math.h>
#include <string.h>

#include "core/base/local.h"

/* binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. The fraction that is left over rounds, ties to even;
 * a carry goes into the exponent by itself. */
uint16_t half_of(float x)
{
	const uint16_t sign = signbit(x) ? 0x8000 : 0;
	const double a = fabs((double)x);
	int e;
	if (isnan(x))
		return sign | 0x7e00;
	if (a >= 65520)                              /* half the way from the largest, 65504, to the next */
		return sign | 0x7c00;
	if (a < 0x1p-14)                             /* steps of 2^-24 */
		return (uint16_t)(sign | (uint16_t)nearbyint(a * 0x1p24));
	const double f = frexp(a, &e);               /* a = f 2^e, f from 0.5 */
	const long steps = (long)nearbyint(f * 2048);        /* 1024 to 2048 */
	return (uint16_t)(sign | (((e + 13) << 10) + steps));
}

float half_value(uint16_t h)
{
	const int e = h >> 10 & 31, f = h & 1023;
	const double special = f ? (double)NAN : (double)INFINITY;
	const double a = e == 0 ? f * 0x1p-24 : e == 31 ? special : ldexp(1024 + f, e - 25);
	return (float)(h & 0x8000 ? -a : a);
}

void pack_numbers(const real *x, int64_t n, int width, uint8_t *bytes)
{
	for (int64_t i = 0; i < n; i++) {
		const float v = (float)x[i];
		uint32_t bits;
		memcpy(&bits, &v, sizeof bits);
		bits = width == 2 ? half_of(v) : bits;
		for (int k = 0; k < width; k++)
			*bytes++ = (uint8_t)(bits >> (8 * k));
	}
}
