/* classes.c - see classes.h. */
#include "gan/score/classes.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/rng.h"

/* mean KL = mean_i sum_k p_ik log p_ik - sum_k q_k log q_k with q = mean p, and 0 log 0 = 0. */
double inception_score(const real *p, const int64_t *rows, int64_t n, int K, double *mean)
{
	double kl = 0;
	for (int k = 0; k < K; k++)
		mean[k] = 0;
	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < K; k++) {
			const double v = (double)p[rows[i] * K + k];
			mean[k] += v / (double)n;
			kl += v > 0 ? v * log(v) / (double)n : 0;
		}
	for (int k = 0; k < K; k++)
		kl -= mean[k] > 0 ? mean[k] * log(mean[k]) : 0;
	return exp(kl);
}

bool inception_scores(const real *p, int64_t n, int K, int64_t splits, uint64_t seed, mean_sd *out, fault *e)
{
	must(splits >= 1 && splits <= n, "%lld splits of %lld images", (long long)splits, (long long)n);
	int64_t *order = mem_new((size_t)n, sizeof *order, e);
	double *score = order ? mem_new((size_t)(splits + K), sizeof *score, e) : NULL;
	rng r = rng_new(seed, "inception score");
	if (score) {
		rng_permutation(&r, order, n);
		for (int64_t i = 0; i < splits; i++) {
			const int64_t lo = i * n / splits, hi = (i + 1) * n / splits;
			score[i] = inception_score(p, order + lo, hi - lo, K, score + splits);
		}
		*out = mean_sd_of(score, splits);
	}
	const bool ok = score != NULL;
	free(score);
	free(order);
	return ok;
}

int class_of(const real *p, int K)
{
	int best = 0;
	for (int k = 1; k < K; k++)
		if (p[k] > p[best])
			best = k;
	return best;
}

int modes_of(const int64_t *fakes, int K)
{
	int n = 0;
	for (int k = 0; k < K; k++)
		n += fakes[k] > 0;
	return n;
}

static double total(const int64_t *x, int K)
{
	int64_t sum = 0;
	for (int k = 0; k < K; k++)
		sum += x[k];
	return (double)sum;
}

double histogram_kl(const int64_t *fakes, const int64_t *real_ones, int K)
{
	const double n = total(fakes, K), m = real_ones ? total(real_ones, K) : K;
	double kl = 0;
	for (int k = 0; k < K; k++) {
		const double q = (double)fakes[k] / n, p = real_ones ? (double)real_ones[k] / m : 1 / m;
		kl += fakes[k] > 0 ? q * log(q / p) : 0;     /* x / 0 is INFINITY */
	}
	return MAX(kl, 0);
}
