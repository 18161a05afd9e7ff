/* vectors.h - what code that is compiled once per level (core/base/level.h) shares: vectors, fused products, and how
 * results are stored. GCC's vector types; intrinsics only where they say what the language cannot.
 *
 * For the files of LEVEL_SRC in the Makefile alone, which sets TILE_LEVEL and the level's instruction set. */
#ifndef SAGAN_CORE_KERNELS_VECTORS_H
#define SAGAN_CORE_KERNELS_VECTORS_H

#include "core/kernels/tile.h"

#include <string.h>

#ifdef __FMA__
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "core/base/clones.h"

#ifdef __AVX512F__
enum { BYTES = 64 };
#elif defined(__AVX2__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
enum { VEC = BYTES / (int)sizeof(real) };

typedef real vec __attribute__((vector_size(BYTES)));
typedef real vec_any __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

typedef __typeof__((vec){0} > (vec){0}) mask;

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* sum + v * x, x in all lanes, and sum + v * u, lane by lane: rounded once where the level has the instruction. It is
 * asked for by name, since a compiler that may join the two does not always (GCC 14 leaves a chain of one sum apart),
 * and levels would differ. */
#if defined(__FMA__) && defined(REAL_DOUBLE)
#define LANES_OF(name) PASTE(name, _pd)
#elif defined(__FMA__)
#define LANES_OF(name) PASTE(name, _ps)
#endif
#ifdef __AVX512F__
#define ADD_PRODUCT(sum, v, x) ((vec)LANES_OF(_mm512_fmadd)(v, LANES_OF(_mm512_set1)(x), sum))
#define ADD_VECTORS(sum, v, u) ((vec)LANES_OF(_mm512_fmadd)(v, u, sum))
#elif defined(__FMA__)
#define ADD_PRODUCT(sum, v, x) ((vec)LANES_OF(_mm256_fmadd)(v, LANES_OF(_mm256_set1)(x), sum))
#define ADD_VECTORS(sum, v, u) ((vec)LANES_OF(_mm256_fmadd)(v, u, sum))
#elif defined(__aarch64__) && defined(REAL_DOUBLE)
#define ADD_PRODUCT(sum, v, x) ((vec)vfmaq_n_f64((float64x2_t)(sum), (float64x2_t)(v), x))
#define ADD_VECTORS(sum, v, u) ((vec)vfmaq_f64((float64x2_t)(sum), (float64x2_t)(v), (float64x2_t)(u)))
#elif defined(__aarch64__)
#define ADD_PRODUCT(sum, v, x) ((vec)vfmaq_n_f32((float32x4_t)(sum), (float32x4_t)(v), x))
#define ADD_VECTORS(sum, v, u) ((vec)vfmaq_f32((float32x4_t)(sum), (float32x4_t)(v), (float32x4_t)(u)))
#else
#define ADD_PRODUCT(sum, v, x) ((sum) + (v) * (x))
#define ADD_VECTORS(sum, v, u) ((sum) + (v) * (u))
#endif

/* v, but lo where it is less and hi where it is more, lane by lane. Passes NaN. */
#ifdef __AVX512F__
#define CLAMP(v, lo, hi) ((vec)LANES_OF(_mm512_min)(hi, LANES_OF(_mm512_max)(lo, v)))
#elif defined(__FMA__)
#define CLAMP(v, lo, hi) ((vec)LANES_OF(_mm256_min)(hi, LANES_OF(_mm256_max)(lo, v)))
#else
#define CLAMP(v, lo, hi) clamp(v, lo, hi)
INLINE vec clamp(vec v, vec lo, vec hi)
{
	const mask below = v < lo, above = v > hi;
	return (vec)(((mask)v & ~below & ~above) | ((mask)lo & below) | ((mask)hi & above));
}
#endif

/* v > 0 ? v : slope * v, by masks: C has no ?: on vectors. */
INLINE vec leaky(vec v, real slope)
{
	mask positive = v > 0;
	return (vec)(((mask)v & positive) | ((mask)(v * slope) & ~positive));
}

/* The first `left` lanes of a vector, 1 .. VEC - 1: the end of the channels. Lane by lane it took a third of a product
 * with 36 columns at v4, so the masks of AVX-512 are worth their intrinsics; and half of one with 4 at v3, so others
 * move them in halves. (AVX2's masked stores take as long as lane by lane on some processors.) */
#ifdef __AVX512F__
#ifdef REAL_DOUBLE
#define FIRST(left) ((__mmask8)((1u << (left)) - 1))
#else
#define FIRST(left) ((__mmask16)((1u << (left)) - 1))
#endif
#define LOAD_SOME(left, x) ((vec)LANES_OF(_mm512_maskz_loadu)(FIRST(left), x))
#define STORE_SOME(left, y, v) LANES_OF(_mm512_mask_storeu)(y, FIRST(left), v)
#define SOME INLINE
#else
#define LOAD_SOME(left, x) load_lanes(left, x)
#define STORE_SOME(left, y, v) store_lanes(left, y, v)
#define SOME static __attribute__((noinline, unused))
INLINE void copy_lanes(int n, real *to, const real *from)
{
	UNROLL(4) for (int k = VEC / 2; k > 0; k /= 2)
		if (n & k) {
			memcpy(to, from, (size_t)k * sizeof *to);
			to += k;
			from += k;
		}
}

INLINE vec load_lanes(int n, const real *x)
{
	vec v = {0};
	copy_lanes(n, (real *)&v, x);
	return v;
}

INLINE void store_lanes(int n, real *y, vec v)
{
	copy_lanes(n, y, (const real *)&v);
}
#endif

SOME void store_some(const epilogue *e, vec v, real *y, const real *residual, const real *bias, int left)
{
	if (left <= 0)
		return;
	if (bias)
		v += LOAD_SOME(left, bias);
	if (residual)
		v += LOAD_SOME(left, residual);
	if (e->act)
		v = leaky(v, e->slope);
	STORE_SOME(left, y, v);
}

/* z += the first `left` lanes of v. */
SOME void add_some(vec v, real *z, int left)
{
	if (left > 0)
		STORE_SOME(left, z, LOAD_SOME(left, z) + v);
}

/* One vector of results at y; `left` channels are there from y on. */
INLINE void store(const epilogue *e, vec v, real *y, const real *residual, const real *bias,
		  int64_t left)
{
	if (left < VEC) {
		store_some(e, v, y, residual, bias, (int)left);
		return;
	}
	if (bias)
		v += *(const vec_any *)bias;
	if (residual)
		v += *(const vec_any *)residual;
	if (e->act)
		v = leaky(v, e->slope);
	*(vec_any *)y = v;
}

#endif
