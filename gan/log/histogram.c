/* histogram.c - one pass for the ends and the sums, one for the counts. */
#include "gan/log/histogram.h"

#include <math.h>

#include "core/base/local.h"

static void add_up(histogram *h, const real *x, int64_t n)
{
	h->min = INFINITY;
	h->max = -INFINITY;
	for (int64_t i = 0; i < n; i++) {
		const double v = (double)x[i];
		if (!isfinite(v))
			continue;
		h->min = MIN(h->min, v);
		h->max = MAX(h->max, v);
		h->num += 1;
		h->sum += v;
		h->sum_squares += v * v;
	}
}

/* The last bin has its upper end, too. */
histogram histogram_of(const real *x, int64_t n)
{
	histogram h = {0};
	add_up(&h, x, n);
	if (h.num == 0)
		return (histogram){0};
	const double width = (h.max - h.min) / HISTOGRAM_BINS;
	h.bins = width > 0 ? HISTOGRAM_BINS : 1;
	for (int k = 0; k < h.bins; k++)
		h.limit[k] = k + 1 < h.bins ? h.min + (k + 1) * width : h.max;
	for (int64_t i = 0; i < n; i++)
		if (isfinite((double)x[i]))
			h.count[width > 0 ? MIN((int)(((double)x[i] - h.min) / width), h.bins - 1) : 0]++;
	return h;
}
