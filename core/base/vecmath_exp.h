/* vecmath_exp.h - the exponential of one element, for loops that have more to do with it than
 * vecmath.h's spans. Included by kernel files only; vecmath.c says how the polynomials were made. */
#ifndef SAGAN_CORE_BASE_VECMATH_EXP_H
#define SAGAN_CORE_BASE_VECMATH_EXP_H

#include <math.h>
#include <string.h>

#include "core/base/base.h"

#ifndef REAL_DOUBLE

static inline int32_t float_bits(float x)
{
	int32_t i;
	memcpy(&i, &x, sizeof i);
	return i;
}

static inline float bits_float(int32_t i)
{
	float x;
	memcpy(&x, &i, sizeof x);
	return x;
}

/* ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact. */
#define LN2_HI 0x1.62e4p-1f
#define LN2_LO 1.42860677e-6f
#define LOG2_E 1.44269504f

/* x = n ln 2 + r, |r| <= ln 2 / 2; returns r. Adding 1.5 * 2^23 rounds to a whole number and leaves
 * it in the low bits, where a NaN gives some n but keeps r a NaN. */
static inline float reduce_exp(float x, int32_t *n)
{
	const float magic = 0x1.8p23f;
	float t = x * LOG2_E + magic;
	*n = float_bits(t) - float_bits(magic);
	float whole = t - magic;
	return (x - whole * LN2_HI) - whole * LN2_LO;
}

/* e^r - 1 for |r| <= ln 2 / 2; error 4e-10. */
static inline float expm1_near_zero(float r)
{
	float p = 0.000197633475f * r + 0.00139323308f;
	p = p * r + 0.00833354425f;
	p = p * r + 0.0416664928f;
	p = p * r + 0.166666657f;
	return r + r * r * (p * r + 0.5f);
}

/* 2^n for -126 <= n <= 127. Unsigned: whatever n comes with a NaN, the shift is defined. */
static inline float power_of_two(int32_t n)
{
	return bits_float((int32_t)(((uint32_t)n + 127u) << 23));
}

/* e^x for -87 <= x <= 0 (or NaN): the result is a normal float. */
static inline float exp_negative(float x)
{
	int32_t n;
	float r = reduce_exp(x, &n);
	return (1.0f + expm1_near_zero(r)) * power_of_two(n);
}

/* e^x with 0 for what is no normal number (below -87), at most e^88. Passes NaN. */
static inline float exp_normal(float x)
{
	float in = x < -87.0f ? -87.0f : x;
	in = in > 88.0f ? 88.0f : in;
	float y = exp_negative(in);
	return x < -87.0f ? 0.0f : y;
}

#else

static inline double exp_normal(double x) { return exp(x); }

#endif
#endif
