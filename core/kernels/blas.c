#include "core/kernels/blas.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#ifdef REAL_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

/* LAPACK has no C header of its own. Fortran passes everything by address and the lengths of texts
 * behind the last argument. */
void dsyev_(const char *job, const char *half, const int *n, double *a, const int *lda, double *w,
	    double *work, const int *lwork, int *info, size_t job_length, size_t half_length);

static void one_thread(void)
{
	openblas_set_num_threads(1);
}

void blas_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, one_thread);
}

void blas_gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
	       int64_t ldb, real *c, int64_t ldc)
{
	must(MAX(MAX(m, n), k) <= INT_MAX && MAX(MAX(lda, ldb), ldc) <= INT_MAX,
	     "matrix product %lld x %lld x %lld is too large for BLAS", (long long)m, (long long)n,
	     (long long)k);
	blas_init();
	GEMM(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n,
	     (int)k, 1, a, (int)lda, b, (int)ldb, 0, c, (int)ldc);
}

/* Fortran's columns are our rows: its upper half is our j <= i, its eigenvector columns are our rows. */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, error *e)
{
	must(n >= 1 && n <= 8192, "eigenvalues of a matrix of side %lld", (long long)n);
	blas_init();
	const int side = (int)n, room = 34 * side;   /* (block of dsytrd + 2) n: the size LAPACK likes */
	int info = 0;
	double *work = mem_new((size_t)room, sizeof *work, e);
	if (!work)
		return false;
	dsyev_(vectors ? "V" : "N", "U", &side, a, &side, w, work, &room, &info, 1, 1);
	free(work);
	return info == 0 || error_set(e, "eigenvalues of a matrix of side %d: no convergence (dsyev %d)", side, info);
}
