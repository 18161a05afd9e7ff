/* vecmath.h - elementary functions over spans, written so that the compiler vectorises them.
 *
 * In float: branch-free polynomials of our own, within 2.1 ulp of the true value everywhere (the
 * tests hold each to its own bound), with C's conventions for infinities, NaN and signed zeros. Only
 * IEEE additions, multiplications, divisions and square roots without contraction: the same bits on
 * every machine and vector width. In double: the C library in a loop.
 *
 * y[i] = f(x[i]), i < n; y may be x. */
#ifndef SAGAN_CORE_BASE_VECMATH_H
#define SAGAN_CORE_BASE_VECMATH_H

#include "core/base/base.h"

void vec_exp(real *y, const real *x, int64_t n);
void vec_log(real *y, const real *x, int64_t n);
void vec_tanh(real *y, const real *x, int64_t n);
void vec_sigmoid(real *y, const real *x, int64_t n);         /* 1 / (1 + e^-x) */
void vec_softplus(real *y, const real *x, int64_t n);        /* log(1 + e^x) */
void vec_erf(real *y, const real *x, int64_t n);

/* s[i] = sin(2 pi x[i]), c[i] = cos(2 pi x[i]) for 0 <= x[i] < 1; absolute error 1e-7. s or c may be
 * x. For random numbers: the angle of Box-Muller. */
void vec_sincos_turns(real *s, real *c, const real *x, int64_t n);

/* The largest |a[i] - b[i]|; infinity where one of them is not a number. n = 0: 0. */
double vec_largest_difference(const real *a, const real *b, int64_t n);

#endif
