/* clones.h - plain loops compiled once per x86-64 level, the best one chosen at load time. */
#ifndef SAGAN_CORE_BASE_CLONES_H
#define SAGAN_CORE_BASE_CLONES_H

#include "core/base/base.h"

/* Stands before a function whose loops the compiler vectorises. Sanitizers run before the choice can
 * be made, so they get the plain version. -std=c11 contracts nothing: all levels give the same bits. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(NO_CLONES)
#define VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTOR_CLONES
#endif

enum {
	SPAN_GRAIN = 1 << 14,                        /* elements per chunk of an element-wise pass */
};

/* The sum of n partial sums, n a power of two, added up in halves: always the same order. */
static inline real fold_lanes(real *lane, int n)
{
	for (int half = n / 2; half > 0; half /= 2)
		for (int k = 0; k < half; k++)
			lane[k] += lane[k + half];
	return lane[0];
}

#endif
