/* vecmath.c - elementary functions over spans.
 *
 * Each float function reduces its argument to a short interval and evaluates a polynomial there.
 * The polynomials are ours: weighted minimax fits (Lawson's iteration on 1500 Chebyshev points,
 * values from 40 digits), refitted after rounding each coefficient to float; the error stated next
 * to each is that of the rounded polynomial, relative to the function. Both sides of a choice are
 * computed and one is selected, since a branch would keep the loop scalar. */
#include "core/base/vecmath.h"
#include "core/base/clones.h"

#include <math.h>
#include <string.h>

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

static inline float exp_one(float x)
{
	/* Beyond these e^x is infinite or zero. A NaN passes both comparisons. */
	x = x > 89.0f ? 89.0f : x;
	x = x < -104.0f ? -104.0f : x;
	int32_t n;
	float r = reduce_exp(x, &n);
	/* Two factors: 2^128 and 2^-150 are no floats, and the last product alone rounds. */
	int32_t half = n >> 1;
	return (1.0f + expm1_near_zero(r)) * power_of_two(half) * power_of_two(n - half);
}

/* log(1 + f) + k ln 2 for sqrt(1/2) <= 1 + f <= sqrt(2); error 6e-9. The large terms come last. */
static inline float log1p_plus(float f, float k)
{
	float p = -0.0764514953f * f + 0.127783552f;
	p = p * f - 0.131642282f;
	p = p * f + 0.141998321f;
	p = p * f - 0.166227743f;
	p = p * f + 0.200012848f;
	p = p * f - 0.250008374f;
	p = p * f + 0.333333313f;
	float f2 = f * f;
	float y = f * f2 * p + k * LN2_LO;
	y -= 0.5f * f2;
	return (f + y) + k * LN2_HI;
}

static inline float log_one(float x)
{
	/* Subnormal numbers are scaled into the normal range first. */
	bool tiny = x < 0x1p-126f;
	float scaled = tiny ? x * 0x1p23f : x;
	int32_t i = float_bits(scaled);
	/* Unsigned, so that negative x, refused below, cannot overflow. */
	int32_t k = (int32_t)((uint32_t)i - (uint32_t)float_bits(0.707106781f)) >> 23;
	float m = bits_float((int32_t)((uint32_t)i - ((uint32_t)k << 23)));
	float y = log1p_plus(m - 1.0f, (float)k - (tiny ? 23.0f : 0.0f));
	y = x == 0.0f ? -INFINITY : y;
	y = x < INFINITY ? y : x;                    /* infinity and NaN are their own logarithms */
	return x < 0.0f ? NAN : y;
}

/* With e = e^(-2|x|) and s = 1 - e, computed without cancellation: |tanh x| = s / (1 + e). Below 0.8
 * it is written as s/2 + s/2 q, q = s / (1 + e), and above as 1 - 2 q, q = e / (1 + e): the roundings
 * in q then count half or less. */
static inline float tanh_one(float x)
{
	float a = fabsf(x);
	a = a > 10.0f ? 10.0f : a;                   /* tanh 10 rounds to 1 */
	int32_t n;
	float r = reduce_exp(-2.0f * a, &n);
	float scale = power_of_two(n), tail = scale * expm1_near_zero(r);
	float e = scale + tail, s = (1.0f - scale) - tail;
	bool big = a > 0.8f;
	float q = (big ? e : s) / (1.0f + e);
	float half = 0.5f * s;
	return copysignf(big ? 1.0f - 2.0f * q : half + half * q, x);
}

/* With e = e^-|x|, which cannot overflow, and q = e / (1 + e): 1 - q for x >= 0, and q below, written
 * as e - e q because the rounding of 1 + e would be half of its error. */
static inline float sigmoid_one(float x)
{
	float e = exp_one(-fabsf(x));
	float q = e / (1.0f + e);
	return x >= 0.0f ? 1.0f - q : e - e * q;
}

/* max(x, 0) + log(1 + e), e = e^-|x| in [0, 1]; 1 + e = 2 (1 + (e-1)/2) where it exceeds sqrt 2. */
static inline float softplus_one(float x)
{
	float e = exp_one(-fabsf(x));
	bool big = e > 0.414213562f;
	float f = big ? 0.5f * e - 0.5f : e;
	float y = log1p_plus(f, big ? 1.0f : 0.0f);
	return (x > 0.0f ? x : 0.0f) + y;
}

/* |x| < 0.92: x (1 + p(x^2)), error 9e-10. Above: 1 - e^g with g = log(erfc |x|), a polynomial in
 * |x| - 1, error 9.4e-9; erf 4 rounds to 1. */
static inline float erf_one(float x)
{
	float a = fabsf(x);
	float s = x * x;
	float p = 8.00129419e-05f * s - 0.000805056421f;
	p = p * s + 0.00519244839f;
	p = p * s - 0.0268557388f;
	p = p * s + 0.112836257f;
	p = p * s - 0.376126289f;
	p = p * s + 0.128379166f;
	float near = x + x * p;

	float t = (a > 4.0f ? 4.0f : a) - 1.0f;
	float g = 5.27472657e-05f * t + 2.08597521e-05f;
	g = g * t - 0.00170303893f;
	g = g * t + 0.0099388212f;
	g = g * t - 0.041578941f;
	g = g * t - 0.843096972f;
	g = g * t - 2.63896775f;
	g = g * t - 1.84960556f;
	float far = copysignf(1.0f - exp_negative(g), x);
	return a < 0.92f ? near : far;
}

/* Quarter turns: x = k/4 + f, |f| <= 1/8, both exact. sin and cos of 2 pi f by polynomials in f^2
 * (errors 2.8e-8 and 4e-10); k mod 4 says which of the two is which, and their signs. */
static inline void sincos_one(float x, float *s, float *c)
{
	int32_t k = (int32_t)(x * 4.0f + 0.5f);
	float f = x - 0.25f * (float)k;
	float f2 = f * f;
	float sn = f * (((-76.8250122f * f2 + 81.6266174f) * f2 - 41.3418694f) * f2 + 6.28318548f);
	float cs = 1.0f + f2 * (((58.5568848f * f2 - 85.4230652f) * f2 + 64.9391403f) * f2 - 19.7392082f);
	bool swap = k & 1;
	float ss = swap ? cs : sn, cc = swap ? sn : cs;
	*s = (k & 2) ? -ss : ss;
	*c = ((k + 1) & 2) ? -cc : cc;
}

#else

static inline double exp_one(double x) { return exp(x); }
static inline double log_one(double x) { return log(x); }
static inline double tanh_one(double x) { return tanh(x); }
static inline double erf_one(double x) { return erf(x); }

static inline double sigmoid_one(double x)
{
	double e = exp(-fabs(x));
	return (x >= 0 ? 1 : e) / (1 + e);
}

static inline double softplus_one(double x)
{
	return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static inline void sincos_one(double x, double *s, double *c)
{
	const double two_pi = 6.283185307179586476925;
	*s = sin(two_pi * x);
	*c = cos(two_pi * x);
}

#endif

/* ivdep: y may be x itself, never overlaps it otherwise, so every element is independent. */

CLONES(vec_exp, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = exp_one(x[i]);
}

CLONES(vec_log, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = log_one(x[i]);
}

CLONES(vec_tanh, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = tanh_one(x[i]);
}

CLONES(vec_sigmoid, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = sigmoid_one(x[i]);
}

CLONES(vec_softplus, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = softplus_one(x[i]);
}

CLONES(vec_erf, (real *y, const real *x, int64_t n), (y, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		y[i] = erf_one(x[i]);
}

CLONES(vec_sincos_turns, (real *s, real *c, const real *x, int64_t n), (s, c, x, n))
{
	INDEPENDENT
	for (int64_t i = 0; i < n; i++) {
		real sn, cs;
		sincos_one(x[i], &sn, &cs);
		s[i] = sn;
		c[i] = cs;
	}
}

/* fmax would pass over what is not a number, and gcc 12.2 crashes on such a loop for arm64. */
double vec_largest_difference(const real *a, const real *b, int64_t n)
{
	double largest = 0;
	for (int64_t i = 0; i < n; i++) {
		const double d = fabs((double)a[i] - (double)b[i]);
		if (isnan(d))
			return INFINITY;
		if (d > largest)
			largest = d;
	}
	return largest;
}
