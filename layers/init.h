/* init.h - draws the initial values of one parameter or state buffer. */
#ifndef SAGAN_LAYERS_INIT_H
#define SAGAN_LAYERS_INIT_H

#include "layers/module.h"

/* x [s] from the stream (borrow). False when memory is out. */
bool init_draw(init i, const shape *s, real *x, rng *r, fault *e);

/* fan_in and fan_out of a kernel: kh*kw*dim[-2], kh*kw*dim[-1]; a vector has its length for both. */
void init_fans(const shape *s, double *fan_in, double *fan_out);

#endif
