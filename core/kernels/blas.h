/* blas.h - OpenBLAS and the LAPACK inside it in one place: the only file that knows cblas.h.
 *
 * Matrices are row-major. The library's own threads are off: parallelism is the caller's, over fixed
 * pieces, so that the bits do not depend on the number of threads. */
#ifndef SAGAN_CORE_KERNELS_BLAS_H
#define SAGAN_CORE_KERNELS_BLAS_H

#include "core/base/base.h"

/* Sets OpenBLAS to one thread. The first product does it too; calling it at start-up keeps it out of
 * timings. */
void blas_init(void);

/* c [m,n] = a' [m,k] b' [k,n]; ta: a is [k,m] and a' its transpose, tb likewise. Rows lie lda, ldb, ldc elements
 * apart. Runs on the caller. */
void blas_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
	       int64_t ldb, real *c, int64_t ldc);

/* Eigenvalues w [n], ascending, of the symmetric a [n,n] (its j <= i half is read), in double. With
 * `vectors`, row k of a becomes the unit eigenvector of w[k]; without, a is spoilt. False when memory
 * is out or the iteration does not converge (numbers that are not finite). */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, error *e);

#endif
