/* frechet.c - the distance by two decompositions of symmetric matrices. */
#include "gan/score/frechet.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/kernels/blas.h"

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
	blas_product(d, s1, s2, false, t);
	blas_product(d, t, s1, true, m);
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

bool frechet_distance(moments *a, moments *b, double *distance, fault *e)
{
	const int64_t d = a->d;
	must(a->d == b->d && a->n >= 2 && b->n >= 2, "Frechet distance of %lld points of %lld and %lld of %lld",
	     (long long)a->n, (long long)a->d, (long long)b->n, (long long)b->d);
	moments_settle(a);
	moments_settle(b);
	if (!moments_finite(a) || !moments_finite(b))
		return fault_set(e, "Frechet distance: a feature is not finite");
	double *room = mem_new((size_t)(4 * d * d + d), sizeof *room, e);
	if (!room)
		return false;
	double *s1 = room, *s2 = s1 + d * d, *m = s2 + d * d, *t = m + d * d, *w = t + d * d;
	moments_covariance(a, s1);
	moments_covariance(b, s2);
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
