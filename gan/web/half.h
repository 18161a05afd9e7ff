/* half.h - numbers as bytes of a page: float16 or float32, little-endian. */
#ifndef SAGAN_GAN_WEB_HALF_H
#define SAGAN_GAN_WEB_HALF_H

#include "core/base/base.h"

/* The nearest float16 (IEEE 754 binary16), ties to even; too large numbers become infinity. And its value. */
uint16_t half_of(float x);
float half_value(uint16_t h);

/* x [n] in `width` bytes each, 2 or 4, to bytes [n*width]. */
void pack_numbers(const real *x, int64_t n, int width, uint8_t *bytes);

#endif
