/* init.h - draws the initial values of one parameter or state buffer. */
#ifndef SAGAN_LAYERS_INIT_H
#define SAGAN_LAYERS_INIT_H

#include "layers/module.h"

/* Fills x [s]; r moves on by what is drawn. False with e set when memory is out. */
bool init_draw(init i, const shape *s, real *x, rng *r, fault *e);

/* fan_in and fan_out of a kernel, as module.h says. */
void init_fans(const shape *s, double *fan_in, double *fan_out);

#endif
