/* blas.c - eigenvalues by LAPACK's dsyevd, products by BLAS. */
#include "core/kernels/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/local.h"

/* LAPACK has no C header of its own. Fortran passes everything by address and the lengths of texts
 * behind the last argument. */
void dsyevd_(const char *job, const char *half, const int *n, double *a, const int *lda, double *w, double *work,
	     const int *lwork, int *iwork, const int *liwork, int *info, size_t job_length, size_t half_length);

/* Memory that OpenBLAS takes once and keeps: 32 << 22 bytes on x86-64, less elsewhere. It asks for it
 * in an endless loop when it is not to be had, so we ask before. */
enum { BUFFER = (32 << 22) + (1 << 16) };

static atomic_bool has_buffer;

/* Its own threads next to ours cost more than they give, and would make sums depend on their number. */
static void one_thread(void)
{
	openblas_set_num_threads(1);
}

bool blas_ready(fault *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, one_thread);
	if (atomic_load(&has_buffer))
		return true;
	void *room = mem_new(BUFFER, 1, e);
	if (!room)
		return false;
	free(room);
	const double one = 1;
	double sum = 0;
	cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, 1, 1, 1, &one, 1, 1, &sum, 1);
	atomic_store(&has_buffer, true);
	return true;
}

static void start(int64_t side)
{
	/* Far above what is asked for (2048 features of Inception, 192 of pixels), and far below where n * n or the
	 * workspace leaves an int. */
	must(side >= 1 && side <= BLAS_SIDE_MAX, "a matrix of side %lld", (long long)side);
	must(atomic_load(&has_buffer), "blas_ready comes first");
}

/* Fortran's columns are our rows: its upper half is our j <= i, its eigenvector columns are our rows. Divide and
 * conquer: of 2048 numbers it takes seconds, where the older dsyev takes minutes for the vectors. */
bool blas_eigen(int64_t n, double *a, double *w, bool vectors, fault *e)
{
	if (!blas_ready(e))
		return false;
	start(n);
	/* What dsyevd asks for, and where there are no vectors (block of dsytrd + 2) n, the size that it likes. */
	const int side = (int)n, room = vectors ? 1 + 6 * side + 2 * side * side : 1 + 34 * side;
	const int whole = vectors ? 3 + 5 * side : 1;
	int info = 0;
	double *work = mem_new((size_t)room, sizeof *work, e);
	int *index = work ? mem_new((size_t)whole, sizeof *index, e) : NULL;
	if (index)
		dsyevd_(vectors ? "V" : "N", "U", &side, a, &side, w, work, &room, index, &whole, &info, 1, 1);
	const bool ok = index != NULL;
	free(index);
	free(work);
	if (!ok)
		return false;
	return info == 0 || fault_set(e, "eigenvalues of a matrix of side %d: no convergence (dsyevd %d)", side, info);
}

void blas_gram(int64_t n, int64_t d, const double *x, double *sum)
{
	start(d);
	cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)d, (int)n, 1, x, (int)d, 1, sum, (int)d);
}

void blas_pairs(int64_t n, int64_t m, int64_t d, const double *x, const double *y, double *c)
{
	start(d);
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)d, 1, x, (int)d, y, (int)d, 0, c,
		(int)m);
}

void blas_product(int64_t d, const double *a, const double *b, bool transpose, double *c)
{
	start(d);
	const int n = (int)d;
	const CBLAS_TRANSPOSE turn = transpose ? CblasTrans : CblasNoTrans;
	cblas_dgemm(CblasRowMajor, CblasNoTrans, turn, n, n, n, 1, a, n, b, n, 0, c, n);
}
