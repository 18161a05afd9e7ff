/* spread.c - means and squares of the points of each class, gathered as they come (Welford's update). */
#include "gan/score/spread.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"

bool class_spread_init(class_spread *s, int classes, int64_t d, fault *e)
{
	const size_t K = (size_t)classes;
	*s = (class_spread){.classes = classes, .d = d};
	if ((s->n = mem_zero(K, sizeof *s->n, e)) && (s->mean = mem_zero(K * (size_t)d, sizeof *s->mean, e))
		&& (s->square = mem_zero(K, sizeof *s->square, e)))
		return true;
	class_spread_free(s);
	return false;
}

void class_spread_free(class_spread *s)
{
	free(s->n);
	free(s->mean);
	free(s->square);
	*s = (class_spread){0};
}

void class_spread_add(class_spread *s, int class, const double *x)
{
	must(class >= 0 && class < s->classes, "a point of class %d of %d", class, s->classes);
	double *mean = s->mean + class * s->d;
	const double share = 1.0 / (double)++s->n[class];
	for (int64_t i = 0; i < s->d; i++) {
		const double away = x[i] - mean[i];
		mean[i] += share * away;
		s->square[class] += away * (x[i] - mean[i]);
	}
}

double class_spread_of(const class_spread *s, int k)
{
	return s->n[k] < 2 ? -1 : sqrt(MAX(2 * s->square[k] / (double)(s->n[k] - 1), 0));
}

bool class_spread_compare(const class_spread *data, const class_spread *fake, double *mean, double *lowest, int *class)
{
	int n = 0;
	double sum = 0;
	for (int k = 0; k < data->classes; k++) {
		const double r = class_spread_of(data, k), f = class_spread_of(fake, k);
		if (r <= 1e-6 || f < 0)
			continue;
		sum += f / r;
		if (n++ == 0 || f / r < *lowest) {
			*lowest = f / r;
			*class = k;
		}
	}
	*mean = n ? sum / n : 0;
	return n > 0;
}
