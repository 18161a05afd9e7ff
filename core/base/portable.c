/* portable.c - series, after the argument is brought near zero. Exponents are exact: frexp, ldexp and floor round
 * nothing. */
#include "core/base/portable.h"

#include <math.h>

#define LN2 0.693147180559945309417
#define LN2_HI 0x1.62e42feep-1                       /* 32 bits: its product with an exponent is exact */
#define LN2_LO 1.90821492927058770002e-10

/* log x = k ln 2 + log m, sqrt(1/2) <= m < sqrt 2; log m = 2 s (1 + s^2/3 + s^4/5 + ..), s = (m-1) / (m+1) <= 0.172. */
double portable_log(double x)
{
	int k;
	double m = frexp(x, &k);
	if (m < 0.707106781186547524) {
		m *= 2;
		k--;
	}
	const double s = (m - 1) / (m + 1), s2 = s * s;
	double p = 0;
	for (int i = 11; i > 0; i--)
		p = s2 * (1.0 / (2 * i + 1) + p);
	return k * LN2_HI + (2 * s + (2 * s * p + k * LN2_LO));
}

/* e^x = 2^k e^r, |r| <= ln 2 / 2 */
double portable_exp(double x)
{
	const double k = floor(x / LN2 + 0.5), r = (x - k * LN2_HI) - k * LN2_LO;
	double p = 1;
	for (int i = 14; i > 0; i--)
		p = 1 + p * r / i;
	return ldexp(p, (int)k);
}

/* Quarter turns, as in vecmath.c: cosine or sine of at most an eighth of a turn. */
double portable_cos_turns(double x)
{
	const double two_pi = 6.283185307179586476925;
	const int k = (int)(x * 4 + 0.5);
	const double r = two_pi * (x - 0.25 * k), r2 = r * r;
	double c = 1, s = 1;
	for (int i = 9; i > 0; i--) {
		c = 1 - c * r2 / ((2 * i - 1) * (2 * i));
		s = 1 - s * r2 / ((2 * i) * (2 * i + 1));
	}
	const double value = k & 1 ? s * r : c;
	return ((k + 1) & 2) ? -value : value;
}

double portable_power(double x, int64_t n)
{
	double y = 1;
	for (; n > 0; n /= 2, x *= x)
		if (n & 1)
			y *= x;
	return y;
}
