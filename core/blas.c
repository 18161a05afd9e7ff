#include "core/blas.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>

#ifdef REAL_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

static void one_thread(void)
{
	openblas_set_num_threads(1);
}

void blas_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, one_thread);
}

void blas_gemm_in(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
		  const real *b, int64_t ldb, real *c, int64_t ldc, bool add)
{
	must(MAX(MAX(m, n), k) <= INT_MAX && MAX(MAX(lda, ldb), ldc) <= INT_MAX,
	     "matrix product %lld x %lld x %lld is too large for BLAS", (long long)m, (long long)n,
	     (long long)k);
	blas_init();
	GEMM(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n,
	     (int)k, 1, a, (int)lda, b, (int)ldb, add ? 1 : 0, c, (int)ldc);
}

void blas_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, const real *b, real *c)
{
	blas_gemm_in(ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, c, n, false);
}
