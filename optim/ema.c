/* ema.c - the moving average, in one pass over the block. */
#include "optim/ema.h"

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/portable.h"
#include "core/base/thread.h"

#include <string.h>

double ema_decay(double half_life, double rampup, int64_t batch, int64_t seen)
{
	const double log_half = -0.693147180559945309417, most = 700;      /* portable_exp takes no more */
	const double life = rampup > 0 ? MIN(half_life, rampup * (double)seen) : half_life;
	return (double)batch < most * life ? portable_exp(log_half * (double)batch / life) : 0;
}

struct job {
	real *average;
	const real *x;
	real take;                                   /* 1 - decay */
};

/* Written as a + (1-d)(x-a), because d a + (1-d) x with d and 1-d rounded to float does not have x as its
 * fixed point: for d = 0.9999 they add up to 1 + 3e-8, and the average would settle 3e-4 away. */
static CLONES(average_span, (real *restrict a, const real *restrict x, real take, int64_t n), (a, x, take, n))
{
	for (int64_t i = 0; i < n; i++)
		a[i] += take * (x[i] - a[i]);
}

static void update_span(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const struct job *j = ctx;
	average_span(j->average + lo, j->x + lo, j->take, hi - lo);
}

void ema_update(real *average, const real *x, int64_t n, double decay, int64_t start, int64_t step)
{
	if (step < start || decay <= 0) {
		memcpy(average, x, (size_t)n * sizeof *x);
		return;
	}
	struct job j = {average, x, (real)(1 - decay)};
	parallel_for(n, SPAN_GRAIN, update_span, &j);
}
