/* blas.h - the LAPACK inside OpenBLAS in one place: the only file that knows cblas.h.
 *
 * Its bits depend on its version and on the processor that it takes this one for, so nothing that is trained goes
 * through it; scores do. */
#ifndef SAGAN_CORE_KERNELS_BLAS_H
#define SAGAN_CORE_KERNELS_BLAS_H

#include "core/base/base.h"

/* Eigenvalues w [n], ascending, of the symmetric a [n,n] (its j <= i half is read), in double. With
 * `vectors`, row k of a becomes the unit eigenvector of w[k]; without, a is spoilt. False when memory
 * is out or the iteration does not converge (numbers that are not finite). */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, fault *e);

#endif
