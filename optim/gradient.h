/* gradient.h - what happens to gradients between the run of a plan and the update: adding up over
 * batches, measuring, clipping. Sums have a fixed order, whatever the number of threads. */
#ifndef SAGAN_OPTIM_GRADIENT_H
#define SAGAN_OPTIM_GRADIENT_H

#include "core/base/base.h"

SAGAN_BEGIN

/* Euclidean norm of g[0..n), added up in double. */
double gradient_norm(const real *g, int64_t n);

/* g *= limit / norm when norm > limit (arXiv 1211.5063); a norm that is not finite changes nothing. Returns the norm
 * before. */
double gradient_clip_norm(real *g, int64_t n, double limit);

/* Every element above limit becomes limit, every one below -limit becomes -limit; NaN stays. */
void gradient_clip_value(real *g, int64_t n, double limit);

/* sum += g, and g *= c: to average the gradients of several batches. */
void gradient_add(real *sum, const real *g, int64_t n);
void gradient_scale(real *g, int64_t n, double c);

SAGAN_END
#endif
