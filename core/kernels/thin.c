/* thin.c - a few rows against many: the long factor is read once and in order, the short one is copied.
 *
 * c[f,j] = sum over t of few[f,t] many[j,t]. When the sum runs along the rows of the long factor each result is a dot
 * product in lanes; when it runs across them, rows are added up to eight rows of results that stay in L1. */
#include "core/kernels/thin.h"

#include "core/base/clones.h"
#include "core/base/local.h"

enum {
	FEW = 8,                                     /* rows of the short factor at a time */
	TERMS = 512, RESULTS = 512,                  /* and of these: copies and sums, 16 KB each, stay in L1 */
	LANES = 16,                                  /* sums of a dot product side by side, the same at every level.
	                                              * Like TERMS part of what a result is, to the last bits */
};

typedef struct thin {
	const real *few, *many;
	int64_t few_row, few_term;                   /* steps, elements */
	int64_t many_row;                            /* between rows of the long factor as it is stored */
	int64_t f, j, terms;                         /* sizes */
	real *c;
	int64_t c_few, c_many;
} thin;

typedef struct block {
	int64_t f0, rows, t0, terms, j0, results;
	real few[FEW][TERMS];
	real sum[FEW][RESULTS];
} block;

static void copy_few(const thin *p, block *b)
{
	for (int64_t f = 0; f < b->rows; f++)
		for (int64_t t = 0; t < b->terms; t++)
			b->few[f][t] = p->few[(b->f0 + f) * p->few_row + (b->t0 + t) * p->few_term];
}

static inline real dot(const real *x, const real *y, int64_t n)
{
	real lane[LANES] = {0};
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] += x[i + k] * y[i + k];
	for (int k = 0; i + k < n; k++)
		lane[k] += x[i + k] * y[i + k];
	return fold_lanes(lane, LANES);
}

/* Terms t0.. of the results of all rows of the long factor. */
static CLONES(add_dots, (const thin *p, const block *b), (p, b))
{
	for (int64_t j = 0; j < p->j; j++)
		for (int64_t f = 0; f < b->rows; f++) {
			real *c = p->c + (b->f0 + f) * p->c_few + j * p->c_many;
			const real part = dot(p->many + j * p->many_row + b->t0, b->few[f], b->terms);
			*c = b->t0 == 0 ? part : *c + part;
		}
}

/* sum[i] += w[0] x[0,i] + .., rows of x `step` apart, one term after the other. */
static inline void add_rows(real *restrict sum, const real *restrict x, int64_t step, const real *restrict w,
			    int64_t rows, int64_t n)
{
	int64_t t = 0;
	for (; t + 4 <= rows; t += 4, x += 4 * step)
		for (int64_t i = 0; i < n; i++)
			sum[i] = (((sum[i] + w[t] * x[i]) + w[t + 1] * x[step + i]) + w[t + 2] * x[2 * step + i])
				 + w[t + 3] * x[3 * step + i];
	for (; t < rows; t++, x += step)
		for (int64_t i = 0; i < n; i++)
			sum[i] += w[t] * x[i];
}

static CLONES(add_terms, (const thin *p, block *b), (p, b))
{
	for (int64_t f = 0; f < b->rows; f++)
		add_rows(b->sum[f], p->many + b->t0 * p->many_row + b->j0, p->many_row, b->few[f], b->terms,
			 b->results);
}

static void by_dots(const thin *p, block *b)
{
	for (b->t0 = 0; b->t0 < p->terms; b->t0 += TERMS) {
		b->terms = MIN(TERMS, p->terms - b->t0);
		copy_few(p, b);
		add_dots(p, b);
	}
}

static void by_rows(const thin *p, block *b)
{
	for (b->j0 = 0; b->j0 < p->j; b->j0 += RESULTS) {
		b->results = MIN(RESULTS, p->j - b->j0);
		for (int64_t f = 0; f < b->rows; f++)
			for (int64_t i = 0; i < b->results; i++)
				b->sum[f][i] = 0;
		for (b->t0 = 0; b->t0 < p->terms; b->t0 += TERMS) {
			b->terms = MIN(TERMS, p->terms - b->t0);
			copy_few(p, b);
			add_terms(p, b);
		}
		for (int64_t f = 0; f < b->rows; f++)
			for (int64_t i = 0; i < b->results; i++)
				p->c[(b->f0 + f) * p->c_few + (b->j0 + i) * p->c_many] = b->sum[f][i];
	}
}

void thin_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
		  int64_t ldb, real *c, int64_t ldc)
{
	const bool along = m >= n ? !ta : tb;        /* the sum runs along the rows of the long factor */
	thin p;
	if (m >= n)
		p = (thin){.few = b, .few_row = tb ? ldb : 1, .few_term = tb ? 1 : ldb, .many = a, .many_row = lda,
			   .f = n, .j = m, .terms = k, .c = c, .c_few = 1, .c_many = ldc};
	else
		p = (thin){.few = a, .few_row = ta ? 1 : lda, .few_term = ta ? lda : 1, .many = b, .many_row = ldb,
			   .f = m, .j = n, .terms = k, .c = c, .c_few = ldc, .c_many = 1};
	block w;
	for (w.f0 = 0; w.f0 < p.f; w.f0 += FEW) {
		w.rows = MIN(FEW, p.f - w.f0);
		(along ? by_dots : by_rows)(&p, &w);
	}
}
