/* ema.h - the exponential moving average of a block: the generator that is sampled. */
#ifndef SAGAN_OPTIM_EMA_H
#define SAGAN_OPTIM_EMA_H

#include "core/base/base.h"

SAGAN_BEGIN

/* average = decay * average + (1-decay) * x over n elements, after update number `step` (from 0); a copy
 * of x while step < start (BigGAN starts at 1000: early weights would stay in it for long). */
void ema_update(real *average, const real *x, int64_t n, double decay, int64_t start, int64_t step);

SAGAN_END
#endif
