/* blas.h - the LAPACK inside OpenBLAS, in one place: blas.c alone includes its header.
 *
 * Its results depend, in the last bits, on its version and on the processor that it takes this one for. So nothing that
 * is trained goes through it; scores do. */
#ifndef SAGAN_CORE_KERNELS_BLAS_H
#define SAGAN_CORE_KERNELS_BLAS_H

#include "core/base/base.h"

/* Eigenvalues w [n], ascending, of the symmetric a [n,n] (its j <= i half is read), in double. With
 * `vectors`, row k of a becomes the unit eigenvector of w[k]; without, a is spoilt. False with e set when memory
 * is out or the iteration does not converge (numbers that are not finite). n is 1 to 8192. */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, fault *e);

#endif
