/* blas.c - eigenvalues by LAPACK's dsyev. */
#include "core/kernels/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/local.h"

/* LAPACK has no C header of its own. Fortran passes everything by address and the lengths of texts
 * behind the last argument. */
void dsyev_(const char *job, const char *half, const int *n, double *a, const int *lda, double *w,
	    double *work, const int *lwork, int *info, size_t job_length, size_t half_length);

/* Its own threads next to ours cost more than they give. */
static void one_thread(void)
{
	openblas_set_num_threads(1);
}

/* Fortran's columns are our rows: its upper half is our j <= i, its eigenvector columns are our rows. */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, fault *e)
{
	/* Far above what scores ask for (192), and far below where n * n or the workspace leaves an int. */
	must(n >= 1 && n <= 8192, "eigenvalues of a matrix of side %lld", (long long)n);
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, one_thread);
	const int side = (int)n, room = 34 * side;   /* (block of dsytrd + 2) n: the size LAPACK likes */
	int info = 0;
	double *work = mem_new((size_t)room, sizeof *work, e);
	if (!work)
		return false;
	dsyev_(vectors ? "V" : "N", "U", &side, a, &side, w, work, &room, &info, 1, 1);
	free(work);
	return info == 0 || fault_set(e, "eigenvalues of a matrix of side %d: no convergence (dsyev %d)", side, info);
}
