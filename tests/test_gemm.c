/* test_gemm.c - matrix products on register tiles against three loops: every way of storing the factors, sides around
 * the size of a tile and a vector, few and many products, the epilogue; the same bits for any number of threads and on
 * both levels with FMA. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/gemm.h"
#include "core/kernels/thin.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "tests/suite.h"

#ifdef REAL_DOUBLE
#define EPS 2.3e-16
#else
#define EPS 1.2e-7
#endif

static const gemm_shape SHAPES[] = {
	{1, 8, 8, 1, false, false},      {1, 67, 36, 192, false, false}, {1, 9, 9, 48, false, true},
	{3, 130, 33, 17, false, false},  {3, 31, 64, 40, false, true},   {40, 9, 48, 9, false, false},
	{40, 9, 9, 48, false, true},     {1, 300, 31, 700, false, false}, {1, 64, 100, 3000, true, false},
	{1, 40, 9, 2000, true, false},   {2, 150, 33, 130, true, false}, {40, 9, 48, 9, true, false},
	{20, 17, 10, 5, true, false},    {1, 8, 9, 1, true, false},      {1, 520, 16, 5, false, true},
	{40, 13, 4, 49, false, false},   {3, 200, 5, 21, false, true},   {2, 9, 7, 1, false, false},
};

typedef struct rig {
	gemm_shape s;
	real *a, *b, *bias, *residual, *c;
} rig;

static real *random_values(int64_t n, rng *r)
{
	real *x = mem_aligned((size_t)n * sizeof *x, NULL);
	ck_assert_ptr_nonnull(x);
	rng_fill_normal(r, x, n);
	return x;
}

static rig rig_open(const gemm_shape *s)
{
	rng r = rng_new(7, "gemm");
	rig k = {.s = *s};
	k.a = random_values(s->batch * s->m * s->k, &r);
	k.b = random_values(s->batch * s->k * s->n, &r);
	k.bias = random_values(s->n, &r);
	k.residual = random_values(s->batch * s->m * s->n, &r);
	k.c = random_values(s->batch * s->m * s->n, &r);
	return k;
}

static void rig_close(rig *k)
{
	free(k->a);
	free(k->b);
	free(k->bias);
	free(k->residual);
	free(k->c);
}

static void multiply(const tile_kernels *t, rig *k, epilogue e)
{
	void *scratch = mem_aligned(gemm_scratch(t, &k->s) + 1, NULL);
	gemm(t, &k->s, k->a, k->b, e, k->c, scratch);
	free(scratch);
}

static double a_at(const rig *k, int64_t i, int64_t r, int64_t j)
{
	const gemm_shape *s = &k->s;
	return (double)k->a[i * s->m * s->k + (s->ta ? j * s->m + r : r * s->k + j)];
}

static double b_at(const rig *k, int64_t i, int64_t j, int64_t c)
{
	const gemm_shape *s = &k->s;
	return (double)k->b[i * s->k * s->n + (s->tb ? c * s->k + j : j * s->n + c)];
}

static void expect_product(const rig *k, epilogue e)
{
	const gemm_shape *s = &k->s;
	for (int64_t at = 0; at < s->batch * s->m * s->n; at++) {
		const int64_t i = at / (s->m * s->n), r = at / s->n % s->m, c = at % s->n;
		double sum = 0, size = 1;
		for (int64_t j = 0; j < s->k; j++) {
			sum += a_at(k, i, r, j) * b_at(k, i, j, c);
			size += fabs(a_at(k, i, r, j) * b_at(k, i, j, c));
		}
		sum += (e.bias ? (double)e.bias[c] : 0) + (e.residual ? (double)e.residual[at] : 0);
		if (e.act && sum < 0)
			sum *= (double)e.slope;
		ck_assert_msg(fabs((double)k->c[at] - sum) < 8 * EPS * size, "element %lld: %.9g, expected %.9g",
			      (long long)at, (double)k->c[at], sum);
	}
}

START_TEST(product_is_the_definition)
{
	rig k = rig_open(&SHAPES[_i]);
	ck_assert(gemm_suits(&k.s));
	multiply(tile_best(), &k, (epilogue){0});
	expect_product(&k, (epilogue){0});
	multiply(tile_at(LEVEL_BASE), &k, (epilogue){0});
	expect_product(&k, (epilogue){0});
	rig_close(&k);
}
END_TEST

START_TEST(epilogue_comes_after_the_sum)
{
	rig k = rig_open(&SHAPES[_i]);
	const epilogue e = {.bias = k.bias, .residual = k.residual, .slope = (real)0.25, .act = true};
	if (gemm_has_epilogue(&k.s)) {
		multiply(tile_best(), &k, e);
		expect_product(&k, e);
		multiply(tile_at(LEVEL_BASE), &k, e);
		expect_product(&k, e);
	}
	rig_close(&k);
}
END_TEST

START_TEST(threads_change_no_bit)
{
	rig k = rig_open(&SHAPES[_i]);
	const size_t bytes = (size_t)(k.s.batch * k.s.m * k.s.n) * sizeof(real);
	multiply(tile_best(), &k, (epilogue){0});
	real *one = mem_new(bytes, 1, NULL);
	memcpy(one, k.c, bytes);
	for (int threads = 2; threads <= 3; threads++) {
		ck_assert(pool_start(threads, NULL));
		multiply(tile_best(), &k, (epilogue){0});
		pool_stop();
		ck_assert_mem_eq(one, k.c, bytes);
	}
	free(one);
	rig_close(&k);
}
END_TEST

START_TEST(levels_with_fma_agree_to_the_bit)
{
	if (!level_has(LEVEL_V4))
		return;
	rig k = rig_open(&SHAPES[_i]);
	const size_t bytes = (size_t)(k.s.batch * k.s.m * k.s.n) * sizeof(real);
	multiply(tile_at(LEVEL_V3), &k, (epilogue){0});
	real *v3 = mem_new(bytes, 1, NULL);
	memcpy(v3, k.c, bytes);
	multiply(tile_at(LEVEL_V4), &k, (epilogue){0});
	ck_assert_mem_eq(v3, k.c, bytes);
	free(v3);
	rig_close(&k);
}
END_TEST

/* Sizes around lanes, rows of four and blocks, in all four layouts. Rows lie further apart than they are long. */
START_TEST(thin_product_is_the_definition)
{
	static const int64_t size[][3] = {
		{1, 1, 1}, {1, 1100, 37}, {1030, 1, 530}, {3, 600, 1025}, {20, 19, 513}, {7, 5, 4}
	};
	const int64_t m = size[_i / 4][0], n = size[_i / 4][1], k = size[_i / 4][2];
	const bool ta = _i & 1, tb = _i & 2;
	const int64_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 1, ldc = n + 2;
	rng r = rng_new(9, "thin");
	real *a = random_values(lda * (ta ? k : m), &r), *b = random_values(ldb * (tb ? n : k), &r);
	real *c = random_values(ldc * m, &r), *was = mem_new((size_t)(ldc * m), sizeof *was, NULL);
	memcpy(was, c, (size_t)(ldc * m) * sizeof *was);
	thin_product(ta, tb, m, n, k, a, lda, b, ldb, c, ldc);
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < ldc; j++) {
			double sum = 0, size_of = 0;
			for (int64_t t = 0; t < k && j < n; t++) {
				const double term = (double)a[ta ? t * lda + i : i * lda + t]
					* (double)b[tb ? j * ldb + t : t * ldb + j];
				sum += term;
				size_of += fabs(term);
			}
			const double got = (double)c[i * ldc + j];
			if (j >= n)
				ck_assert(c[i * ldc + j] == was[i * ldc + j]);
			else
				ck_assert_msg(fabs(got - sum) <= EPS * (4 + sqrt((double)k)) * size_of,
					      "ta %d tb %d [%lld,%lld]: %.9g is not %.9g", ta, tb, (long long)i,
					      (long long)j, got, sum);
		}
	free(a);
	free(b);
	free(c);
	free(was);
}
END_TEST

START_TEST(thin_shapes_are_not_for_tiles)
{
	ck_assert(!gemm_suits(&(gemm_shape){1, 1, 100, 100, false, false}));
	ck_assert(!gemm_suits(&(gemm_shape){1, 100, 1, 100, true, false}));
	ck_assert(!gemm_suits(&(gemm_shape){1, 100, 100, 100, true, true}));
	ck_assert(!gemm_has_epilogue(&(gemm_shape){1, 100, 100, 100, true, false}));
}
END_TEST

/* The ruler does the work that it counts: n sums s = x s + c, of i at first. */
START_TEST(spin_does_what_it_counts)
{
	for (int l = 0; l < LEVELS; l++) {
		const tile_kernels *t = tile_at((cpu_level)l);
		for (int rounds = 0; t && rounds < 4; rounds++) {
			real got;
			const double flop = t->spin(rounds, &got), one = t->spin(1, &(real){0});
			const int sums = (int)(one / (2 * t->vec));
			double want = 0;
			for (int i = 0; i < sums; i++) {
				double s = i;
				for (int k = 0; k < rounds; k++)
					s = s * 0.5 + 1;
				want += s;
			}
			ck_assert(sums >= 8);
			ck_assert(flop == one * rounds);
			ck_assert_msg((double)got == want, "%s, %d rounds: %g, not %g", level_name((cpu_level)l),
				      rounds, (double)got, want);
		}
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{product_is_the_definition, COUNT(SHAPES)},
		{epilogue_comes_after_the_sum, COUNT(SHAPES)},
		{threads_change_no_bit, COUNT(SHAPES)},
		{levels_with_fma_agree_to_the_bit, COUNT(SHAPES)},
		{thin_product_is_the_definition, 24},
		{thin_shapes_are_not_for_tiles, 1},
		{spin_does_what_it_counts, 1},
	};
	return suite_run("gemm", tests, COUNT(tests), 120);
}
