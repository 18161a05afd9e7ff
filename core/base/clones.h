/* clones.h - plain loops compiled once per level, chosen at run time; and what loops tell the compiler. */
#ifndef SAGAN_CORE_BASE_CLONES_H
#define SAGAN_CORE_BASE_CLONES_H

#include "core/base/level.h"

/* Stands in place of a function's head, before its body; `params` and `args` are its parameters with and without
 * their types:
 *
 *     static CLONES(add, (real *restrict y, const real *restrict x, int64_t n), (y, x, n))
 *     {
 *             for (int64_t i = 0; i < n; i++) ..
 *
 * The body is compiled for every level, and `add` calls the one of level_now. The compiler may not join a*b + c into
 * one rounding here (-ffp-contract=off), so all levels give the same bits. The compiler's own attribute target_clones
 * would do the same, but GCC 11 does not know these levels by name, and it needs ifunc, which some systems lack and
 * which runs before a sanitizer has started. */
#if defined(__x86_64__) && !defined(COVERAGE)        /* of three equal copies two would count as not run */
#define LEVEL_AND(feature) "," feature
#define LEVEL_V3_CODE __attribute__((target("sse2" LEVEL_V3_HAS(LEVEL_AND))))
#define LEVEL_V4_CODE __attribute__((target("sse2" LEVEL_V3_HAS(LEVEL_AND) LEVEL_V4_HAS(LEVEL_AND))))
#define CLONES(name, params, args) \
	void name params; \
	static inline __attribute__((always_inline)) void name##_loop params; \
	LEVEL_V3_CODE static void name##_v3 params { name##_loop args; } \
	LEVEL_V4_CODE static void name##_v4 params { name##_loop args; } \
	void name params \
	{ \
		const cpu_level now = level_now(); \
		if (now == LEVEL_V4) \
			name##_v4 args; \
		else if (now == LEVEL_V3) \
			name##_v3 args; \
		else \
			name##_loop args; \
	} \
	static inline __attribute__((always_inline)) void name##_loop params
#else
#define CLONES(name, params, args) void name params
#endif

/* Functions that are compiled as part of whoever calls them, with that one's level. */
#ifdef COVERAGE                                      /* one copy of every line, or its branches count many times */
#define INLINE static
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* Before a loop: no iteration reads what another writes, though pointers may be equal. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"     /* what cannot be done is no fault */
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Before a loop: n copies of its body (n at least its length: none is left). */
#define LOOP_TEXT(x) #x
#if defined(COVERAGE)                                /* one copy, whose branches count once */
#define UNROLL(n)
#elif defined(__clang__)
#define UNROLL(n) _Pragma(LOOP_TEXT(clang loop unroll_count(n)))
#else
#define UNROLL(n) _Pragma(LOOP_TEXT(GCC unroll n))
#endif

/* Elements per chunk of an element-wise pass: so many that taking a chunk costs little beside them, so few that a large
 * value has some for each thread. Where a sum is cut by it, it is part of the result, to the last bits. */
enum { SPAN_GRAIN = 1 << 14 };

/* The sum of n partial sums, n a power of two, added up in halves: always the same order. */
static inline real fold_lanes(real *lane, int n)
{
	for (int half = n / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			lane[k] += lane[k + half];
	return lane[0];
}

#endif
