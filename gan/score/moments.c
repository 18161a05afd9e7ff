/* moments.c - points are held until there are enough for one product of matrices: a point alone would go through the
 * whole of the scatter, 32 MB for 2048 numbers.
 *
 * A block of k points with mean b and scatter B joins n points with mean m and scatter S (Chan, Golub, LeVeque 1979):
 *     S += B + n k / (n + k) (b - m)(b - m)',  m += k / (n + k) (b - m)
 * which, unlike sums of squares, loses nothing to large means. */
#include "gan/score/moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/blas.h"

enum { HELD = 64 };                                  /* points of a block; part of the result, to the last bits */

bool moments_init(moments *m, int64_t d, fault *e)
{
	*m = (moments){.d = d};
	m->mean = mem_zero((size_t)d, sizeof *m->mean, e);
	m->scatter = mem_zero((size_t)(d * d), sizeof *m->scatter, e);
	m->held = mem_zero((size_t)((HELD + 1) * d), sizeof *m->held, e);        /* and one row of scratch */
	if (m->mean && m->scatter && m->held && blas_ready(e))
		return true;
	moments_free(m);
	return false;
}

void moments_free(moments *m)
{
	free(m->mean);
	free(m->scatter);
	free(m->held);
	*m = (moments){0};
}

/* The mean of the block is subtracted from its points and becomes the row behind them. Returns it. */
static double *centre(double *x, int64_t k, int64_t d)
{
	double *mean = x + HELD * d;
	memset(mean, 0, (size_t)d * sizeof *mean);
	for (int64_t i = 0; i < k; i++)
		for (int64_t j = 0; j < d; j++)
			mean[j] += x[i * d + j] / (double)k;
	for (int64_t i = 0; i < k; i++)
		for (int64_t j = 0; j < d; j++)
			x[i * d + j] -= mean[j];
	return mean;
}

void moments_settle(moments *m)
{
	const int64_t d = m->d, k = m->holds;
	const double n = (double)(m->n - k);
	if (k == 0)
		return;
	double *away = centre(m->held, k, d);
	blas_gram(k, d, m->held, m->scatter);
	for (int64_t i = 0; i < d; i++)
		away[i] -= m->mean[i];
	for (int64_t i = 0; n > 0 && i < d; i++) {
		const double f = n * (double)k / (double)m->n * away[i];
		for (int64_t j = 0; j <= i; j++)
			m->scatter[i * d + j] += f * away[j];
	}
	for (int64_t i = 0; i < d; i++)
		m->mean[i] += (double)k / (double)m->n * away[i];
	m->holds = 0;
}

/* A place for one more point. */
static double *next(moments *m)
{
	if (m->holds == HELD)
		moments_settle(m);
	m->n++;
	return m->held + m->holds++ * m->d;
}

void moments_add(moments *m, const double *x, int64_t n)
{
	for (int64_t k = 0; k < n; k++)
		memcpy(next(m), x + k * m->d, (size_t)m->d * sizeof *x);
}

void moments_add_real(moments *m, const real *x, int64_t n)
{
	for (int64_t k = 0; k < n; k++) {
		double *to = next(m);
		for (int64_t i = 0; i < m->d; i++)
			to[i] = (double)x[k * m->d + i];
	}
}

bool moments_finite(const moments *m)
{
	double sum = 0;                              /* one NaN or infinity spoils it */
	for (int64_t i = 0; i < m->d; i++)
		for (int64_t j = 0; j <= i; j++)
			sum += fabs(m->scatter[i * m->d + j]) + fabs(m->mean[i]);
	return isfinite(sum);
}

void moments_covariance(const moments *m, double *s)
{
	const int64_t d = m->d;
	must(m->n >= 2 && m->holds == 0, "covariance of %lld points, %lld held", (long long)m->n, (long long)m->holds);
	for (int64_t i = 0; i < d; i++)
		for (int64_t j = 0; j <= i; j++)
			s[i * d + j] = s[j * d + i] = m->scatter[i * d + j] / (double)(m->n - 1);
}
