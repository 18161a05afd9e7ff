/* ema.h - the exponential moving average of a block: the generator that is sampled. */
#ifndef SAGAN_OPTIM_EMA_H
#define SAGAN_OPTIM_EMA_H

#include "core/base/base.h"

SAGAN_BEGIN

/* average = decay * average + (1-decay) * x over n elements, after update number `step` (from 0). While step < start,
 * and for a decay of 0, average becomes a copy of x. (BigGAN starts at 1000: the weights of the first updates would
 * stay in the average for long.) Runs on the pool. */
void ema_update(real *average, const real *x, int64_t n, double decay, int64_t start, int64_t step);

/* The decay of an average whose half-life is so many images, after a step of `batch` images when `seen` images came
 * before it: 0.5^(batch / half-life) (arXiv 1806.04498). With rampup above 0 the half-life is at most this share of the
 * images seen (StyleGAN2-ADA, training_loop.py), so that a young average follows quickly; 0 in the first step. */
double ema_decay(double half_life, double rampup, int64_t batch, int64_t seen);

SAGAN_END
#endif
