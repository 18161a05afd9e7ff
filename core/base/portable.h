/* portable.h - the few elementary functions of single numbers that a training run depends on, in double.
 *
 * The C library's differ in the last bit from version to version and from processor to processor. These are made of
 * additions, multiplications, divisions and exact steps alone, so they give the same bits everywhere. They are within
 * 1e-15 of the true value, relative (cosine: absolute). For spans of reals there is vecmath.h. */
#ifndef SAGAN_CORE_BASE_PORTABLE_H
#define SAGAN_CORE_BASE_PORTABLE_H

#include <stdint.h>

double portable_log(double x);                       /* normal x > 0 */
double portable_exp(double x);                       /* -700 <= x <= 700 */
double portable_cos_turns(double x);                 /* cos(2 pi x), 0 <= x <= 1 */
double portable_power(double x, int64_t n);          /* x^n for n >= 0; for |x| <= 1 the error is below n 2e-16 */

#endif
