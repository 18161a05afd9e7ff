/* test_score.c - the Frechet distance is its formula, and the score of pooled pixels sees what it says. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/blas.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "gan/score/frechet.h"
#include "gan/sample/network_sampler.h"
#include "gan/score/score.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* n points of d correlated numbers: x = A z with a fixed lower triangular A. new/free. */
static double *cloud(int64_t n, int64_t d, const char *purpose)
{
	rng r = rng_new(5, purpose);
	double *x = calloc((size_t)(n * d), sizeof *x), *z = calloc((size_t)d, sizeof *z);
	ck_assert(x && z);
	for (int64_t k = 0; k < n; k++) {
		for (int64_t i = 0; i < d; i++)
			z[i] = rng_normal(&r);
		for (int64_t i = 0; i < d; i++)
			for (int64_t j = 0; j <= i; j++)
				x[k * d + i] += (i == j ? 1 + 0.1 * (double)i : sin((double)(3 * i + j))) * z[j];
	}
	free(z);
	return x;
}

static moments of(const double *x, int64_t n, int64_t d)
{
	moments m;
	fault e = {.text = ""};
	ck_assert_msg(moments_init(&m, d, &e), "%s", e.text);
	moments_add(&m, x, n);
	moments_settle(&m);
	return m;
}

static double between(moments *a, moments *b)
{
	double y = -1;
	fault e = {.text = ""};
	ck_assert_msg(frechet_distance(a, b, &y, &e), "%s", e.text);
	return y;
}

static double trace(const moments *m)
{
	double sum = 0;
	for (int64_t i = 0; i < m->d; i++)
		sum += m->scatter[i * m->d + i] / (double)(m->n - 1);
	return sum;
}

/* ---- the parts ---- */

START_TEST(eigenvectors_rebuild_the_matrix)
{
	enum { D = 17 };
	double a[D * D], v[D * D], w[D];
	fault e = {.text = ""};
	for (int i = 0; i < D; i++)
		for (int j = 0; j < D; j++)
			a[i * D + j] = cos(i * j + 1.0) + (i == j ? i : 0);
	memcpy(v, a, sizeof v);
	for (int i = 0; i < D; i++)
		for (int j = i + 1; j < D; j++)
			v[i * D + j] = NAN;          /* must not be read */
	ck_assert_msg(blas_eigen(D, v, w, true, &e), "%s", e.text);
	for (int i = 0; i < D; i++) {
		ck_assert(i == 0 || w[i - 1] <= w[i]);
		for (int j = 0; j < D; j++) {
			double sum = 0, dot = 0;
			for (int k = 0; k < D; k++) {
				sum += w[k] * v[k * D + i] * v[k * D + j];
				dot += v[i * D + k] * v[j * D + k];
			}
			ck_assert_double_eq_tol(sum, a[MAX(i, j) * D + MIN(i, j)], 1e-12);
			ck_assert_double_eq_tol(dot, i == j, 1e-13);
		}
	}
}
END_TEST

/* Against two passes, far from zero, where sums of squares would lose everything. */
START_TEST(moments_are_mean_and_scatter)
{
	enum { N = 300, D = 7 };
	double *x = cloud(N, D, "moments");
	for (int i = 0; i < N * D; i++)
		x[i] += 1e6;
	moments m = of(x, N, D);
	for (int i = 0; i < D; i++)
		for (int j = 0; j <= i; j++) {
			double a = 0, b = 0, sum = 0;
			for (int k = 0; k < N; k++) {
				a += (x[k * D + i] - 1e6) / N;
				b += (x[k * D + j] - 1e6) / N;
			}
			for (int k = 0; k < N; k++)
				sum += (x[k * D + i] - 1e6 - a) * (x[k * D + j] - 1e6 - b);
			ck_assert_double_eq_tol(m.mean[i], 1e6 + a, 1e-7);
			ck_assert_double_eq_tol(m.scatter[i * D + j], sum, 1e-5);
		}
	moments_free(&m);
	free(x);
}
END_TEST

/* ---- the distance ---- */

START_TEST(distance_to_itself_is_zero)
{
	static const int64_t n[] = {500, 20, 2};     /* more points than dimensions, fewer, two */
	for (int i = 0; i < COUNT(n); i++) {
		double *x = cloud(n[i], 49, "itself");
		moments a = of(x, n[i], 49);
		double y = between(&a, &a);
		ck_assert(y >= 0);
		ck_assert_double_eq_tol(y, 0, 1e-6 * trace(&a));
		moments_free(&a);
		free(x);
	}
}
END_TEST

START_TEST(shifted_cloud_is_as_far_as_the_shift)
{
	enum { N = 200, D = 12 };
	double *x = cloud(N, D, "shift"), want = 0;
	moments a = of(x, N, D);
	for (int j = 0; j < D; j++) {
		want += 0.25 * j * 0.25 * j;
		for (int k = 0; k < N; k++)
			x[k * D + j] += 0.25 * j;
	}
	moments b = of(x, N, D);
	ck_assert_double_eq_tol(between(&a, &b), want, 1e-9 * want);
	ck_assert_double_eq_tol(between(&b, &a), want, 1e-9 * want);
	moments_free(&a);
	moments_free(&b);
	free(x);
}
END_TEST

/* Points at +-s_i along each axis: mean 0, covariance diag(2 s_i^2 / (2D-1)), distance the sum of squared
 * differences of deviations. */
static moments star(int d, double (*size)(int))
{
	moments m;
	double *x = calloc((size_t)d, sizeof *x);
	ck_assert(x && moments_init(&m, d, NULL));
	for (int i = 0; i < d; i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			memset(x, 0, (size_t)d * sizeof *x);
			x[i] = sign * size(i);
			moments_add(&m, x, 1);
		}
	free(x);
	return m;
}

static double rising(int i)
{
	return 1 + i;
}

static double falling(int i)
{
	return i % 3 ? 9.5 - i : 0;                  /* some axes are flat */
}

START_TEST(diagonal_covariances_give_the_closed_form)
{
	enum { D = 9 };
	moments a = star(D, rising), b = star(D, falling);
	double want = 0;
	for (int i = 0; i < D; i++)
		want += 2.0 / (2 * D - 1) * (rising(i) - falling(i)) * (rising(i) - falling(i));
	ck_assert_double_eq_tol(between(&a, &b), want, 1e-6 * want);
	moments_free(&a);
	moments_free(&b);
}
END_TEST

/* In two dimensions Tr M^(1/2) = sqrt(Tr M + 2 sqrt(det M)), whatever the axes. */
START_TEST(covariances_that_do_not_commute_give_the_closed_form)
{
	const double points[2][4][2] = {
		{{2, 2}, {-2, -2}, {1, -1}, {-1, 1}},    /* scatter [[10,6],[6,10]] */
		{{1, 0}, {-1, 0}, {0, 2}, {0, -2}},      /* scatter [[2,0],[0,8]] */
	};
	moments a = of(&points[0][0][0], 4, 2), b = of(&points[1][0][0], 4, 2);
	/* over n-1 = 3: S1 S2 = [[20,48],[12,80]]/9, trace 100/9, determinant 1024/81 */
	const double want = (20 + 10) / 3.0 - 2 * sqrt(100 / 9.0 + 2 * sqrt(1024 / 81.0));
	ck_assert_double_eq_tol(between(&a, &b), want, 1e-12);
	ck_assert_double_eq_tol(between(&b, &a), want, 1e-12);
	moments_free(&a);
	moments_free(&b);
}
END_TEST

START_TEST(order_of_points_does_not_matter)
{
	enum { N = 150, D = 20 };
	double *x = cloud(N, D, "order"), *y = calloc(N * D, sizeof *y), *z = cloud(N, D, "other");
	int64_t order[N];
	rng r = rng_new(3, "order");
	ck_assert(y != NULL);
	rng_permutation(&r, order, N);
	for (int k = 0; k < N; k++)
		memcpy(y + k * D, x + order[k] * D, D * sizeof *y);
	moments a = of(x, N, D), b = of(y, N, D), c = of(z, N, D);
	ck_assert_double_eq_tol(between(&a, &c), between(&b, &c), 1e-9 * trace(&c));
	moments_free(&a);
	moments_free(&b);
	moments_free(&c);
	free(x);
	free(y);
	free(z);
}
END_TEST

/* With two points each, S = v v'/2 of rank one: Tr sqrt = |v.w|/2. */
START_TEST(fewer_points_than_dimensions_are_enough)
{
	enum { D = 60 };
	double x[2][D], y[2][D], v2 = 0, w2 = 0, vw = 0, m2 = 0;
	for (int i = 0; i < D; i++) {
		const double v = sin(i), w = cos(2 * i) + 0.3 * sin(i), m = 0.01 * i;
		x[0][i] = v / 2;
		x[1][i] = -v / 2;
		y[0][i] = m + w / 2;
		y[1][i] = m - w / 2;
		v2 += v * v;
		w2 += w * w;
		vw += v * w;
		m2 += m * m;
	}
	moments a = of(x[0], 2, D), b = of(y[0], 2, D);
	ck_assert_double_eq_tol(between(&a, &b), m2 + (v2 + w2) / 2 - fabs(vw), 1e-6 * (v2 + w2));
	moments_free(&a);
	moments_free(&b);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_told)
{
	double x[3][2] = {{1, 2}, {3, NAN}, {0, 1}}, y;
	fault e = {.text = ""};
	moments a = of(x[0], 3, 2);
	ck_assert(!frechet_distance(&a, &a, &y, &e));
	ck_assert_msg(strstr(e.text, "not finite"), "%s", e.text);
	moments_free(&a);
}
END_TEST

/* ---- pooled pixels ---- */

START_TEST(pooling_averages_areas)
{
	static const struct {
		int size, side;
	} row[] = {{28, 7}, {32, 8}, {64, 8}, {128, 8}, {56, 8}, {16, 8}, {8, 8}, {4, 4}, {14, 7}, {13, 8}, {37, 8},
		{62, 8}, {7, 7}};
	for (int i = 0; i < COUNT(row); i++)
		ck_assert_int_eq(pool_side(row[i].size, POOL_SIDE_MAX), row[i].side);

	enum { SIZE = 6, SIDE = 3, C = 2 };
	real x[SIZE * SIZE * C], y[SIDE * SIDE * C];
	for (int i = 0; i < COUNT(x); i++)
		x[i] = (real)(i % 11) / 8;
	pool_images(x, 1, net_square(SIZE), C, net_square(SIDE), y);
	for (int h = 0; h < SIDE; h++)
		for (int w = 0; w < SIDE; w++)
			for (int c = 0; c < C; c++) {
				double sum = 0;
				for (int k = 0; k < 4; k++)
					sum += (double)x[((2 * h + k / 2) * SIZE + 2 * w + k % 2) * C + c];
				ck_assert_double_eq((double)y[(h * SIDE + w) * C + c], sum / 4);
			}
}
END_TEST

/* 13 pixels in 8 areas: each has all of one or two, and the rest of its neighbours. */
START_TEST(areas_may_have_parts_of_pixels)
{
	enum { SIZE = 13, SIDE = 8 };
	real x[SIZE * SIZE], y[SIDE * SIDE];
	for (int i = 0; i < COUNT(x); i++)
		x[i] = (real)((i * 7 % 11 - 5) / 8.0);
	pool_images(x, 1, net_square(SIZE), 1, net_square(SIDE), y);
	for (int i = 0; i < SIDE * SIDE; i++) {
		double sum = 0;                      /* 8 x 8 points in each pixel, 13 x 13 of them in each area */
		for (int k = 0; k < SIZE * SIZE; k++) {
			const int h = (i / SIDE * SIZE + k / SIZE) / SIDE, w = (i % SIDE * SIZE + k % SIZE) / SIDE;
			sum += (double)x[h * SIZE + w];
		}
		ck_assert_double_eq_tol((double)y[i], sum / (SIZE * SIZE), 1e-6);
	}
}
END_TEST

/* Of 96 x 64 an area has 12 x 8 pixels. */
START_TEST(rectangles_are_averaged_on_both_sides)
{
	enum { H = 96, W = 64 };
	static real x[H * W];
	const net_size size = {H, W}, to = pool_size(size, POOL_SIDE_MAX);
	const net_size odd = pool_size((net_size){28, 72}, POOL_SIDE_MAX);
	real y[64];
	ck_assert(to.h == 8 && to.w == 8 && odd.h == 7 && odd.w == 8);
	for (int i = 0; i < H * W; i++)
		x[i] = (real)(i / W / 12 * 8 + i % W / 8) / 8;
	pool_images(x, 1, size, 1, to, y);
	for (int i = 0; i < 64; i++)
		ck_assert_double_eq_tol((double)y[i], i / 8.0, 1e-6);
}
END_TEST

static dataset *digits(int64_t n)
{
	fault e = {.text = ""};
	dataset *d = dataset_open("data/mnist", &(dataset_options){.limit = n}, &e);
	ck_assert_msg(d != NULL, "%s", e.text);
	return d;
}

/* Keeps the images whose label is not `without`, from `lo` on. */
static void keep(dataset *d, int64_t lo, int without)
{
	const int64_t size = dataset_image_bytes(d);
	int64_t n = 0;
	for (int64_t i = lo; i < d->n; i++)
		if (d->label[i] != without) {
			memmove(d->pixels + n * size, d->pixels + i * size, (size_t)size);
			d->label[n++] = d->label[i];
		}
	d->n = n;
}

static moments real_with(const dataset *d, bool flip, class_spread *spread)
{
	moments m;
	fault e = {.text = ""}, why;
	lens *look = lens_open(LENS_PIXELS, d, &why, &e);
	ck_assert_msg(look && score_real(d, d->n, flip, look, &m, spread, &e), "%s", e.text);
	lens_free(look);
	moments_settle(&m);
	return m;
}

static moments real_of(const dataset *d, bool flip)
{
	return real_with(d, flip, NULL);
}

/* Other images of all classes are at 0.038; without one class they are at 0.068 (no fives) or more. */
START_TEST(a_lost_class_is_seen)
{
	enum { N = 4000 };
	dataset *first = digits(N), *other = digits(2 * N);
	keep(other, N, -1);
	moments all = real_of(first, false), again = real_of(other, false);
	const double floor_value = between(&all, &again);
	dataset_free(other);
	for (int k = 0; k < 10; k++) {
		other = digits(2 * N);
		keep(other, N, k);
		moments lost = real_of(other, false);
		ck_assert_msg(between(&all, &lost) > 1.5 * floor_value, "without %d: %g, with all %g", k,
			between(&all, &lost), floor_value);
		moments_free(&lost);
		dataset_free(other);
	}
	moments_free(&all);
	moments_free(&again);
	dataset_free(first);
}
END_TEST

/* One image over and over has no variance: what is missing is at least that of the data. */
START_TEST(a_collapse_is_seen)
{
	dataset *d = digits(1000), *one = digits(50);
	for (int i = 1; i < 50; i++)
		memcpy(one->pixels + i * dataset_image_bytes(one), one->pixels, (size_t)dataset_image_bytes(one));
	moments a = real_of(d, false), b = real_of(one, false);
	ck_assert_double_gt(between(&a, &b), 0.99 * trace(&a));
	moments_free(&a);
	moments_free(&b);
	dataset_free(d);
	dataset_free(one);
}
END_TEST

/* Against the pairs themselves. */
START_TEST(spread_is_the_mean_squared_distance_of_pairs)
{
	enum { N = 40, D = 5, K = 3 };
	double *x = cloud(N, D, "spread"), sum[K] = {0};
	int pairs[K] = {0};
	class_spread s;
	fault e;
	ck_assert(class_spread_init(&s, K + 1, D, &e));
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < D; k++)
			x[i * D + k] += 1e5;         /* far from zero, where sums of squares would lose it */
		class_spread_add(&s, i % K, x + i * D);
		for (int j = i % K; j < i; j += K, pairs[i % K]++)
			for (int k = 0; k < D; k++)
				sum[i % K] += pow(x[i * D + k] - x[j * D + k], 2);
	}
	for (int k = 0; k < K; k++)
		ck_assert_double_eq_tol(class_spread_of(&s, k), sqrt(sum[k] / pairs[k]), 1e-8);
	ck_assert_double_eq(class_spread_of(&s, K), -1);
	class_spread_free(&s);
	free(x);
}
END_TEST

/* Of digits whose sevens are one seven over and over: told, and which; a class that neither has is passed over. */
START_TEST(a_class_that_is_alike_is_found)
{
	dataset *d = digits(1000), *half = digits(500);
	class_spread all, fake;
	fault e;
	double mean = 0, lowest = 0;
	int class = -1, first = 0;
	const int64_t bytes = dataset_image_bytes(half);
	while (half->label[first] != 7)
		first++;
	for (int i = first + 1; i < half->n; i++)
		if (half->label[i] == 7)
			memcpy(half->pixels + i * bytes, half->pixels + first * bytes, (size_t)bytes);
	ck_assert(class_spread_init(&all, 11, 49, &e) && class_spread_init(&fake, 11, 49, &e));
	moments m = real_with(d, false, &all), other = real_with(half, false, &fake);
	ck_assert(class_spread_compare(&all, &fake, &mean, &lowest, &class));
	ck_assert_int_eq(class, 7);
	ck_assert_double_eq(lowest, 0);
	ck_assert_double_eq_tol(mean, 0.9, 0.06);      /* ten classes, of which one has none; others are smaller sets */
	class_spread_free(&all);
	class_spread_free(&fake);
	moments_free(&m);
	moments_free(&other);
	dataset_free(d);
	dataset_free(half);
}
END_TEST

/* The first 320 of 1,600 are zeros and ones; and of images in turn every fifth is a zero or a five. */
START_TEST(real_images_are_of_all_classes)
{
	enum { N = 1600, SOME = 320 };
	dataset *d = digits(2000);
	fault e = {.text = ""}, why;
	moments some, all;
	order_by_class(d, _i);
	d->n = N;
	lens *look = lens_open(LENS_PIXELS, d, &why, &e);
	ck_assert_msg(look && score_real(d, SOME, false, look, &some, NULL, &e)
		&& score_real(d, N + 1, false, look, &all, NULL, &e), "%s", e.text);
	ck_assert(some.n == SOME && all.n == N);
	moments_settle(&some);
	moments_settle(&all);
	ck_assert_msg(between(&some, &all) < 0.2, "%g", between(&some, &all));
	moments_free(&some);
	moments_free(&all);
	lens_free(look);
	dataset_free(d);
}
END_TEST

START_TEST(flips_are_part_of_the_data)
{
	dataset *d = digits(300), *mirrored = digits(300);
	for (int64_t i = 0; i < d->n * 28; i++)
		for (int w = 0; w < 28; w++)
			mirrored->pixels[i * 28 + w] = d->pixels[i * 28 + 27 - w];
	moments plain = real_of(d, false), other = real_of(mirrored, false);
	moments both = real_of(d, true), other_both = real_of(mirrored, true);
	ck_assert_int_eq(both.n, 600);
	ck_assert_double_gt(between(&plain, &other), 1);
	ck_assert_double_eq_tol(between(&both, &other_both), 0, 1e-6 * trace(&both));
	moments_free(&plain);
	moments_free(&other);
	moments_free(&both);
	moments_free(&other_both);
	dataset_free(d);
	dataset_free(mirrored);
}
END_TEST

/* ---- of a generator ---- */

/* The definition, on the images that the sampler itself gives; and the same bits for any number of threads. */
START_TEST(score_of_a_generator_is_the_distance_of_its_images)
{
	enum { FAKES = 37, SIZE = 16 };
	static const char *const set[] = {"score.count=37", "score.metric=pixels", NULL};
	config c = tiny_config(TINY_PLAIN, set);
	dataset *d = tiny_data(25, SIZE, 2);
	fault e = {.text = ""}, why;
	judgement found[3];
	static const int threads[] = {1, 2, 4};
	for (int i = 0; i < 3; i++) {
		scorer s;
		moments fake;
		ck_assert(pool_start(threads[i], &e));
		sampler *from = network_sampler_new(&c, 4, &e);
		ck_assert_msg(from && scorer_init(&s, &c, d, &why, &e), "%s", e.text);
		ck_assert_msg(scorer_run(&s, from, &found[i], &e), "%s", e.text);
		ck_assert(s.z && s.label && strstr(s.about, "8x8x1, 37 samples against 25 of the data's images"));
		int ones = 0, real_ones = 0;
		for (int k = 0; k < FAKES; k++)
			ones += s.label[k] == 1;
		for (int64_t k = 0; k < d->n; k++)
			real_ones += d->label[k] == 1;
		ck_assert_msg(fabs(ones - FAKES * real_ones / (double)d->n) <= 0.5, "%d of %d, %d of %d", ones, FAKES,
			real_ones, (int)d->n);

		real *x = calloc(FAKES * SIZE * SIZE, sizeof *x);
		real y[64];
		ck_assert(x && moments_init(&fake, 64, &e) && sampler_run(from, FAKES, s.z, s.label, x, &e));
		for (int k = 0; k < FAKES; k++) {
			pool_images(x + k * SIZE * SIZE, 1, net_square(SIZE), 1, net_square(8), y);
			moments_add_real(&fake, y, 1);
		}
		ck_assert_double_eq(found[i].score, between(&s.real_moments, &fake));
		free(x);
		moments_free(&fake);
		scorer_free(&s);
		sampler_free(from);
		pool_stop();
	}
	ck_assert_int_eq(memcmp(&found[0], &found[1], sizeof found[0]), 0);
	ck_assert_int_eq(memcmp(&found[0], &found[2], sizeof found[0]), 0);
	dataset_free(d);
	config_free(&c);
}
END_TEST

int main(void)
{
	const suite_test distance[] = {
		{eigenvectors_rebuild_the_matrix, 1},
		{moments_are_mean_and_scatter, 1},
		{distance_to_itself_is_zero, 1},
		{shifted_cloud_is_as_far_as_the_shift, 1},
		{diagonal_covariances_give_the_closed_form, 1},
		{covariances_that_do_not_commute_give_the_closed_form, 1},
		{order_of_points_does_not_matter, 1},
		{fewer_points_than_dimensions_are_enough, 1},
		{numbers_that_are_not_finite_are_told, 1},
	};
	const suite_test pixels[] = {
		{pooling_averages_areas, 1},
		{areas_may_have_parts_of_pixels, 1},
		{rectangles_are_averaged_on_both_sides, 1},
		{a_lost_class_is_seen, 1},
		{a_collapse_is_seen, 1},
		{spread_is_the_mean_squared_distance_of_pairs, 1},
		{a_class_that_is_alike_is_found, 1},
		{real_images_are_of_all_classes, 2},
		{flips_are_part_of_the_data, 1},
		{score_of_a_generator_is_the_distance_of_its_images, 1},
	};
	const suite_case cases[] = {
		{.name = "distance", TESTS(distance), .timeout = 60},
		{.name = "pixels", TESTS(pixels)},
	};
	return suite_run_cases("score", cases, COUNT(cases), 120);
}
