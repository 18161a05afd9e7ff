/* thin.h - matrix products with a side too short for register tiles, or with both factors transposed. */
#ifndef SAGAN_CORE_KERNELS_THIN_H
#define SAGAN_CORE_KERNELS_THIN_H

#include "core/base/base.h"

/* c [m,n] = a' [m,k] b' [k,n]; ta: a is [k,m] and a' its transpose, tb likewise. Rows lie lda, ldb, ldc elements
 * apart. Runs on the caller. Products are rounded before they are added, in an order that depends on the sizes alone:
 * the same bits at every level. */
void thin_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
		  int64_t ldb, real *c, int64_t ldc);

#endif
