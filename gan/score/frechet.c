/* frechet.c - moments gathered point by point, and the distance by two decompositions. */
#include "gan/score/frechet.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/kernels/blas.h"

bool moments_init(moments *m, int64_t d, fault *e)
{
	*m = (moments){.d = d};
	m->mean = mem_zero((size_t)d, sizeof *m->mean, e);
	m->scatter = mem_zero((size_t)(d * d), sizeof *m->scatter, e);
	m->away = mem_zero((size_t)d, sizeof *m->away, e);
	if (m->mean && m->scatter && m->away)
		return true;
	moments_free(m);
	return false;
}

void moments_free(moments *m)
{
	free(m->mean);
	free(m->scatter);
	free(m->away);
	*m = (moments){0};
}

/* Welford's update, which loses nothing to large means: with a = x - mean, mean += a/n and
 * scatter += (n-1)/n a a'. */
static void add_one(moments *m, const double *x)
{
	const double n = (double)++m->n;
	double *a = m->away;
	for (int64_t i = 0; i < m->d; i++) {
		a[i] = x[i] - m->mean[i];
		m->mean[i] += a[i] / n;
	}
	for (int64_t i = 0; i < m->d; i++) {
		const double f = (n - 1) / n * a[i];
		double *row = m->scatter + i * m->d;
		for (int64_t j = 0; j <= i; j++)
			row[j] += f * a[j];
	}
}

void moments_add(moments *m, const double *x, int64_t n)
{
	for (int64_t k = 0; k < n; k++)
		add_one(m, x + k * m->d);
}

/* The covariance [d,d], both halves. */
static void covariance(const moments *m, double *s)
{
	const int64_t d = m->d;
	for (int64_t i = 0; i < d; i++)
		for (int64_t j = 0; j <= i; j++)
			s[i * d + j] = s[j * d + i] = m->scatter[i * d + j] / (double)(m->n - 1);
}

/* c = a b for transpose = false, a b' otherwise; all [d,d]. */
static void product(const double *a, const double *b, bool transpose, double *c, int64_t d)
{
	for (int64_t i = 0; i < d; i++) {
		for (int64_t j = 0; j < d; j++)
			c[i * d + j] = 0;
		for (int64_t k = 0; k < d; k++)
			for (int64_t j = 0; j < d; j++)
				c[i * d + j] += a[i * d + k] * b[transpose ? j * d + k : k * d + j];
	}
}

/* Tr (S1 S2)^(1/2) without a square root of an unsymmetric matrix. With S1 = V' diag(w) V (rows of V are
 * eigenvectors) and A = diag(sqrt w) V, the eigenvalues of S1 S2 are those of the symmetric A S2 A'.
 * Rounding makes zeros slightly negative; they count as zeros. Overwrites s1, uses m and t [d,d]. */
static bool trace_of_root(double *s1, const double *s2, double *m, double *t, double *w, int64_t d,
	double *trace, fault *e)
{
	if (!blas_eigen(d, s1, w, true, e))
		return false;
	for (int64_t k = 0; k < d; k++)
		for (int64_t j = 0; j < d; j++)
			s1[k * d + j] *= sqrt(MAX(w[k], 0));
	product(s1, s2, false, t, d);
	product(t, s1, true, m, d);
	for (int64_t i = 0; i < d; i++)
		for (int64_t j = 0; j < i; j++)
			m[i * d + j] = m[j * d + i] = 0.5 * (m[i * d + j] + m[j * d + i]);
	if (!blas_eigen(d, m, w, false, e))
		return false;
	*trace = 0;
	for (int64_t k = 0; k < d; k++)
		*trace += sqrt(MAX(w[k], 0));
	return true;
}

static bool is_finite(const moments *m)
{
	double sum = 0;                              /* one NaN or infinity spoils it */
	for (int64_t i = 0; i < m->d; i++)
		for (int64_t j = 0; j <= i; j++)
			sum += fabs(m->scatter[i * m->d + j]) + fabs(m->mean[i]);
	return isfinite(sum);
}

bool frechet_distance(const moments *a, const moments *b, double *distance, fault *e)
{
	const int64_t d = a->d;
	must(a->d == b->d && a->n >= 2 && b->n >= 2, "Frechet distance of %lld points of %lld and %lld of %lld",
	     (long long)a->n, (long long)a->d, (long long)b->n, (long long)b->d);
	if (!is_finite(a) || !is_finite(b))
		return fault_set(e, "Frechet distance: a feature is not finite");
	double *room = mem_new((size_t)(4 * d * d + d), sizeof *room, e);
	if (!room)
		return false;
	double *s1 = room, *s2 = s1 + d * d, *m = s2 + d * d, *t = m + d * d, *w = t + d * d;
	covariance(a, s1);
	covariance(b, s2);
	double sum = 0, root = 0;
	for (int64_t i = 0; i < d; i++) {
		const double shift = a->mean[i] - b->mean[i];
		sum += shift * shift + s1[i * d + i] + s2[i * d + i];
	}
	const bool ok = trace_of_root(s1, s2, m, t, w, d, &root, e);
	*distance = MAX(sum - 2 * root, 0);
	free(room);
	return ok;
}
