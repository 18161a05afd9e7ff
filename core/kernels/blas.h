/* blas.h - BLAS and LAPACK, which are OpenBLAS, in one place: blas.c alone includes its header.
 *
 * One thread, so that results do not depend on how many there are. They do depend, in the last bits, on OpenBLAS's
 * version and on the processor that it takes this one for. So nothing that is trained goes through it; scores do. */
#ifndef SAGAN_CORE_KERNELS_BLAS_H
#define SAGAN_CORE_KERNELS_BLAS_H

#include "core/base/base.h"

enum { BLAS_SIDE_MAX = 8192 };                       /* of the matrices below */

/* Takes the memory that OpenBLAS works in and keeps, some 128 MB, or false with e set: it would wait for it for ever.
 * Comes before the others; blas_eigen calls it itself. */
bool blas_ready(fault *e);

/* Eigenvalues w [n], ascending, of the symmetric a [n,n] (its j <= i half is read), in double. With
 * `vectors`, row k of a becomes the unit eigenvector of w[k]; without, a is spoilt. False with e set when memory
 * is out or the iteration does not converge (numbers that are not finite). n is 1 to BLAS_SIDE_MAX. */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, fault *e);

/* sum += x' x, its j <= i half: x [n,d], sum [d,d]. */
void blas_gram(int64_t n, int64_t d, const double *x, double *sum);

/* c = x y': x [n,d], y [m,d], c [n,m]. */
void blas_pairs(int64_t n, int64_t m, int64_t d, const double *x, const double *y, double *c);

/* c = a b, or a b' with `transpose`; all [d,d]. */
void blas_product(int64_t d, const double *a, const double *b, bool transpose, double *c);

#endif
