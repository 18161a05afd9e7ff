/* directions.c - eigenvectors of the matrix that the latent meets first. */
#include "gan/sample/directions.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/kernels/blas.h"

/* The first layer's matrix in memory: element (i,k), i < Z, k < N, is x[i*row + k*column]. */
typedef struct matrix {
	const real *x;
	int64_t N, row, column;
} matrix;

/* Parameters are registered from the latent on: the first of the first stage that fits. A dense layer's kernel is
 * [Z,N], that of a transposed convolution [kh,kw,out,Z]. Where the latent goes into batch norms, too, the table of
 * classes stands before them; where each stage has a piece of the latent, no layer takes it whole. */
static matrix first_matrix(const network *g)
{
	const module *m = network_module(g);
	const net_config *c = network_config(g);
	const int64_t Z = c->latent;
	const int tables = c->modulation != MODULATE_LABEL && c->classes > 0;
	if (c->modulation == MODULATE_CHUNKS)
		return (matrix){0};
	for (int i = tables; i < network_stage_params(g, 1); i++) {
		const buffer *b = module_param_at(m, i);
		const int64_t N = shape_count(&b->s) / Z;
		if (b->s.rank == 2 && b->s.dim[0] == Z)
			return (matrix){b->x, N, N, 1};
		if (b->s.rank == 4 && b->s.dim[3] == Z)
			return (matrix){b->x, N, 1, Z};
	}
	return (matrix){0};
}

/* a [Z,Z] = A A', its j <= i half. */
static void square(const matrix *A, int64_t Z, double *a)
{
	for (int64_t i = 0; i < Z; i++)
		for (int64_t j = 0; j <= i; j++) {
			const real *x = A->x + i * A->row, *y = A->x + j * A->row;
			double sum = 0;
			for (int64_t k = 0; k < A->N; k++)
				sum += (double)x[k * A->column] * (double)y[k * A->column];
			a[i * Z + j] = sum;
		}
}

/* An eigenvector has two signs: that of its largest component decides. */
static void take(const double *v, int64_t Z, real *d)
{
	int64_t most = 0;
	for (int64_t i = 1; i < Z; i++)
		if (fabs(v[i]) > fabs(v[most]))
			most = i;
	for (int64_t i = 0; i < Z; i++)
		d[i] = (real)(v[most] < 0 ? -v[i] : v[i]);
}

bool directions_of(const network *g, int64_t n, real *d, double *strength, fault *e)
{
	const int64_t Z = network_config(g)->latent;
	const matrix A = first_matrix(g);
	must(n <= Z, "%lld directions of %lld", (long long)n, (long long)Z);
	if (!A.x)
		return fault_set(e, "no layer of this generator takes the latent of %lld numbers alone", (long long)Z);
	double *a = mem_zero((size_t)(Z * Z), sizeof *a, e), *w = a ? mem_new((size_t)Z, sizeof *w, e) : NULL;
	if (w)
		square(&A, Z, a);
	const bool ok = w && blas_eigen(Z, a, w, true, e);
	for (int64_t k = 0; ok && k < n; k++) {
		take(a + (Z - 1 - k) * Z, Z, d + k * Z);
		if (strength)
			strength[k] = sqrt(MAX(w[Z - 1 - k], 0));
	}
	free(w);
	free(a);
	return ok;
}
