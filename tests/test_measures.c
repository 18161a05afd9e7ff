/* test_measures.c - every measure of gan/score/ is what other programs compute of the same features
 * (tests/golden/scores/make_scores.py), and what can be said without a computer. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "gan/score/classes.h"
#include "gan/score/frechet.h"
#include "gan/score/kid.h"
#include "gan/score/neighbours.h"
#include "tests/suite.h"

static const char GOLDEN[] = "tests/golden/scores/scores.h5";

/* The numbers are float32, so in both builds they are what the other programs saw. */
static points read_points(h5 *f, const char *group, const char *name)
{
	char path[160];
	h5_info about;
	points p;
	fault e = {.text = ""};
	snprintf(path, sizeof path, "%s/%s", group, name);
	ck_assert_msg(h5_stat(f, path, &about, &e) && points_init(&p, about.s.dim[0], about.s.dim[1], &e)
		&& h5_read_real(f, path, p.x, p.n * p.d, &e), "%s", e.text);
	return p;
}

static moments moments_of(const points *p)
{
	moments m;
	fault e = {.text = ""};
	ck_assert_msg(moments_init(&m, p->d, &e), "%s", e.text);
	moments_add_real(&m, p->x, p->n);
	return m;
}

static double frechet(const points *x, const points *y)
{
	double distance = -1;
	fault e = {.text = ""};
	moments a = moments_of(x), b = moments_of(y);
	ck_assert_msg(frechet_distance(&a, &b, &distance, &e), "%s", e.text);
	moments_free(&a);
	moments_free(&b);
	return distance;
}

static double kernel(const points *x, const points *y)
{
	double distance = NAN;
	fault e = {.text = ""};
	ck_assert_msg(kernel_distance(x, y, &distance, &e), "%s", e.text);
	return distance;
}

static points first(const points *p, int64_t n)
{
	return (points){.n = n, .d = p->d, .x = p->x};
}

static manifold manifold_of(const points *x, const points *y)
{
	manifold m = {-1, -1, -1, -1};
	fault e = {.text = ""};
	ck_assert_msg(manifold_compare(x, y, &m, &e), "%s", e.text);
	return m;
}

/* Among points that come in three portions. */
static nearest nearest_of(const points *x, const points *among)
{
	nearest of;
	fault e = {.text = ""};
	ck_assert_msg(nearest_init(&of, x->n, &e), "%s", e.text);
	for (int i = 0; i < 3; i++) {
		const int64_t lo = i * among->n / 3, hi = (i + 1) * among->n / 3;
		const points some = {.n = hi - lo, .d = among->d, .x = among->x + lo * among->d};
		ck_assert_msg(nearest_among(&of, x, &some, lo, &e), "%s", e.text);
	}
	nearest_end(&of);
	return of;
}

/* ---- against other programs ---- */

static double golden(h5 *f, const char *group, const char *name)
{
	double x = NAN;
	fault e = {.text = ""};
	ck_assert_msg(h5_attr_f64(f, group, name, &x, &e), "%s", e.text);
	return x;
}

static void must_be(const char *group, const char *name, double is, double want, double unit, double share)
{
	ck_assert_msg(fabs(is - want) <= share * MAX(fabs(want), unit), "%s: %s is %.15g, elsewhere %.15g", group, name,
		is, want);
}

/* Of the subsets that numpy drew. */
static mean_sd kernel_of_subsets(h5 *f, const char *group, const points *x, const points *y)
{
	enum { SUBSETS = 6, SIZE = 20 };
	int64_t which[2][SUBSETS * SIZE];
	double distance[SUBSETS];
	char path[2][160];
	points a, b;
	fault e = {.text = ""};
	snprintf(path[0], sizeof path[0], "%s/kid_real", group);
	snprintf(path[1], sizeof path[1], "%s/kid_fake", group);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(h5_read_i64(f, path[i], which[i], SUBSETS * SIZE, &e), "%s", e.text);
	ck_assert(points_init(&a, SIZE, x->d, &e) && points_init(&b, SIZE, y->d, &e));
	for (int i = 0; i < SUBSETS; i++) {
		points_choose(x, which[0] + i * SIZE, &a);
		points_choose(y, which[1] + i * SIZE, &b);
		distance[i] = kernel(&a, &b);
	}
	points_free(&a);
	points_free(&b);
	return mean_sd_of(distance, SUBSETS);
}

static void compare_case(h5 *f, const char *name)
{
	char g[64];
	snprintf(g, sizeof g, "/%s", name);
	points x = read_points(f, g, "real"), y = read_points(f, g, "fake");
	const int64_t m = MIN(x.n, y.n);
	points a = first(&x, m), b = first(&y, m);
	const double unit = frechet(&x, &y);
	must_be(g, "fid", unit, golden(f, g, "fid"), 1, 1e-6);
	/* scipy has no accurate root of a singular matrix, which is what the others have of it too. */
	must_be(g, "fid_scipy", unit, golden(f, g, "fid_scipy"), 1, 1e-6);
	const mean_sd k = kernel_of_subsets(f, g, &x, &y);
	must_be(g, "kid_mean", k.mean, golden(f, g, "kid_mean"), 1, 1e-9);
	must_be(g, "kid_sd", k.sd, golden(f, g, "kid_sd"), 1, 1e-9);
	must_be(g, "mmd", kernel(&a, &b), golden(f, g, "mmd"), 1, 1e-9);
	const manifold r = manifold_of(&x, &y);
	must_be(g, "precision", r.precision, golden(f, g, "precision"), 1, 1e-7);    /* torch's mean is float32 */
	must_be(g, "recall", r.recall, golden(f, g, "recall"), 1, 1e-7);
	must_be(g, "density", r.density, golden(f, g, "density"), 1, 1e-12);
	must_be(g, "coverage", r.coverage, golden(f, g, "coverage"), 1, 1e-12);

	double again[256];
	nearest near = nearest_of(&y, &x);
	ck_assert(y.n <= COUNT(again));
	memcpy(again, near.distance, (size_t)y.n * sizeof *again);
	const copies c = copies_of(near.distance, y.n, again, y.n);
	must_be(g, "near_fake", c.fakes, golden(f, g, "near_fake"), 1, 1e-9);
	int64_t closer = 0;
	for (int64_t i = 0; i < y.n; i++)
		closer += near.distance[i] < golden(f, g, "near_limit") - 1e-12 || near.distance[i] == 0;
	ck_assert_double_eq_tol(c.near, (double)closer / (double)y.n, 1e-12);
	nearest_free(&near);
	points_free(&x);
	points_free(&y);
}

START_TEST(measures_are_those_of_other_programs)
{
	static const char *const name[] = {"clouds", "fewer_points_than_dimensions", "class_missing", "repeated_steps",
		"equal_sets", "shifted", "collapsed", "far_apart"};
	fault e = {.text = ""};
	h5 *f = h5_open(GOLDEN, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	for (int i = 0; i < COUNT(name); i++)
		compare_case(f, name[i]);
	h5_close(f);
}
END_TEST

/* Both ways to treat equal distances matter in this case of whole numbers: with the other one, prdc's precision is
 * another. */
START_TEST(points_at_the_radius_count_as_their_sources_say)
{
	fault e = {.text = ""};
	h5 *f = h5_open(GOLDEN, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	points x = read_points(f, "/repeated_steps", "real"), y = read_points(f, "/repeated_steps", "fake");
	const manifold m = manifold_of(&x, &y);
	ck_assert_double_gt(m.precision, golden(f, "/repeated_steps", "strict_precision") + 0.2);
	points_free(&x);
	points_free(&y);
	h5_close(f);

	/* On a line: 0 1 2 .. 9 and fakes halfway out: the third neighbour of an end is at 3, of the others nearer. */
	real a[10], b[10];
	for (int i = 0; i < 10; i++) {
		a[i] = (real)i;
		b[i] = (real)(12 + 100 * i);
	}
	points line = {.n = 10, .d = 1, .x = a}, out = {.n = 10, .d = 1, .x = b};
	const manifold r = manifold_of(&line, &out);
	ck_assert_double_eq_tol(r.precision, 0.1, 1e-12);          /* 12 is at 3 from 9: <= */
	b[0] = 14;                                     /* at 5 from 9, whose fifth neighbour is at 5: < leaves it out */
	ck_assert_double_eq(manifold_of(&line, &out).density, 0);
	ck_assert_double_eq(manifold_of(&line, &out).coverage, 0);
	b[0] = (real)13.5;
	ck_assert_double_eq_tol(manifold_of(&line, &out).density, 1 / 50.0, 1e-12);
	ck_assert_double_eq_tol(manifold_of(&line, &out).coverage, 0.1, 1e-12);
}
END_TEST

START_TEST(inception_score_is_that_of_torch_fidelity)
{
	fault e = {.text = ""};
	h5 *f = h5_open(GOLDEN, &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	points p = read_points(f, "", "probabilities");
	double score[INCEPTION_SPLITS], mean[16];
	int64_t order[512];
	for (int64_t i = 0; i < p.n; i++)
		order[i] = i;
	for (int64_t i = 0; i < INCEPTION_SPLITS; i++) {
		const int64_t lo = i * p.n / INCEPTION_SPLITS, hi = (i + 1) * p.n / INCEPTION_SPLITS;
		score[i] = inception_score(p.x, order + lo, hi - lo, (int)p.d, mean);
	}
	const mean_sd is = mean_sd_of(score, INCEPTION_SPLITS);
	ck_assert_double_eq_tol(is.mean, golden(f, "/probabilities", "is_mean"), 1e-12);
	ck_assert_double_eq_tol(is.sd, golden(f, "/probabilities", "is_sd"), 1e-12);
	points_free(&p);
	h5_close(f);
}
END_TEST

/* ---- without a computer ---- */

/* n normal points of d independent numbers of deviation sd. new/free by points_free. */
static points normal(int64_t n, int64_t d, double sd, const char *purpose)
{
	points p;
	fault e = {.text = ""};
	rng r = rng_new(11, purpose);
	ck_assert_msg(points_init(&p, n, d, &e), "%s", e.text);
	rng_fill_normal(&r, p.x, n * d);
	for (int64_t i = 0; i < n * d; i++)
		p.x[i] *= (real)sd;
	return p;
}

START_TEST(pairs_are_all_pairs_once)
{
	/* Sizes that fill no tile, no panel, no chunk. */
	static const struct {
		int64_t n, m, d;
	} row[] = {{1, 1, 1}, {3, 9, 2}, {67, 70, 5}, {130, 65, 19}};
	for (int i = 0; i < COUNT(row); i++) {
		points x = normal(row[i].n, row[i].d, 1, "x"), y = normal(row[i].m, row[i].d, 1, "y");
		nearest of = nearest_of(&x, &y);
		for (int64_t k = 0; k < x.n; k++) {
			double best = INFINITY;
			int64_t at = -1;
			for (int64_t j = 0; j < y.n; j++) {
				double sum = 0;
				for (int64_t l = 0; l < x.d; l++)
					sum += pow((double)x.x[k * x.d + l] - (double)y.x[j * y.d + l], 2);
				if (sum < best) {
					best = sum;
					at = j;
				}
			}
			ck_assert_int_eq(of.which[k], at);
			ck_assert_double_eq_tol(of.distance[k], sqrt(best), 1e-12);
		}
		nearest_free(&of);
		points_free(&x);
		points_free(&y);
	}
}
END_TEST

/* Two samples of one distribution: density 1 and coverage 1 - 1 / 2^k (arXiv 2002.09797, section 3.3), kernel distance
 * 0, in the mean. */
START_TEST(samples_of_one_distribution_give_what_theory_says)
{
	points x = normal(1500, 6, 1, "x"), y = normal(1500, 6, 1, "y");
	const manifold m = manifold_of(&x, &y);
	ck_assert_double_eq_tol(m.density, 1, 0.06);
	ck_assert_double_eq_tol(m.coverage, 1 - 1 / 32.0, 0.015);
	mean_sd k;
	fault e = {.text = ""};
	ck_assert(kernel_distances(&x, &y, 20, 300, 1, &k, &e));
	ck_assert_double_eq_tol(k.mean, 0, 3 * k.sd / sqrt(20));
	ck_assert(k.sd > 0);
	points_free(&x);
	points_free(&y);
}
END_TEST

/* Fakes that are good but alike are precise and recall little; fakes all over the place the other way round. */
START_TEST(narrow_and_wide_fakes_are_told_apart)
{
	points x = normal(600, 4, 1, "x"), narrow = normal(600, 4, 0.3, "y"), wide = normal(600, 4, 3, "z");
	const manifold a = manifold_of(&x, &narrow), b = manifold_of(&x, &wide);
	ck_assert_double_gt(a.precision, 0.9);
	ck_assert_double_lt(a.recall, 0.4);
	ck_assert_double_lt(b.precision, 0.5);
	ck_assert_double_gt(b.recall, 0.9);
	points_free(&x);
	points_free(&narrow);
	points_free(&wide);
}
END_TEST

/* A set that is one point over and over: nothing divides by its radius, and each program's rule for equal distances
 * shows. */
START_TEST(features_that_are_all_equal_give_numbers)
{
	points x = normal(20, 3, 0, "x"), y = normal(20, 3, 0, "y");
	const manifold m = manifold_of(&x, &y);
	ck_assert(m.precision == 1 && m.recall == 1 && m.density == 0 && m.coverage == 0);
	ck_assert_double_eq(frechet(&x, &y), 0);
	ck_assert_double_eq(kernel(&x, &y), 0);
	points_free(&x);
	points_free(&y);
}
END_TEST

START_TEST(too_few_points_are_told)
{
	points x = normal(DENSITY_K, 2, 1, "x");
	manifold m;
	fault e = {.text = ""};
	ck_assert(!manifold_compare(&x, &x, &m, &e));
	ck_assert_msg(strstr(e.text, "5 images: precision and recall need 6 or more"), "%s", e.text);
	points_free(&x);
}
END_TEST

/* Ten fakes of a hundred are training images: they are nearest to them, and more of the fakes are near than of test
 * images. */
START_TEST(planted_copies_are_found)
{
	points train = normal(400, 8, 1, "train"), fake = normal(100, 8, 1, "fake"), test = normal(100, 8, 1, "test");
	for (int i = 0; i < 10; i++)
		memcpy(fake.x + 10 * i * 8, train.x + (37 * i + 5) * 8, 8 * sizeof(real));
	nearest of_fake = nearest_of(&fake, &train), of_test = nearest_of(&test, &train);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(of_fake.which[10 * i], 37 * i + 5);
		ck_assert_double_eq(of_fake.distance[10 * i], 0);
	}
	const copies c = copies_of(of_fake.distance, 100, of_test.distance, 100);
	ck_assert(c.near >= 0.1 && c.near < 0.2 && c.ratio > 0.8 && c.ratio < 1.1);
	/* All are copies, also where the test images are, too. */
	double zero[4] = {0, 0, 0, 0}, none[4] = {0, 0, 0, 0}, far[2] = {1, 2}, again[4] = {0, 0, 0, 0};
	const copies all = copies_of(zero, 4, none, 4), others = copies_of(far, 2, again, 4);
	ck_assert(all.near == 1 && all.ratio == 1);
	ck_assert(others.near == 0 && isinf(others.ratio));
	nearest_free(&of_fake);
	nearest_free(&of_test);
	points_free(&train);
	points_free(&fake);
	points_free(&test);
}
END_TEST

START_TEST(inception_score_is_between_one_and_the_classes)
{
	enum { N = 40, K = 4 };
	real clear[N * K] = {0}, vague[N * K], lost[N * K] = {0};
	mean_sd is;
	fault e = {.text = ""};
	for (int i = 0; i < N; i++) {
		clear[i * K + i % K] = 1;
		lost[i * K + i % 3] = 1;
		for (int k = 0; k < K; k++)
			vague[i * K + k] = (real)0.25;
	}
	ck_assert(inception_scores(clear, N, K, 1, 1, &is, &e));
	ck_assert_double_eq_tol(is.mean, 4, 1e-12);
	ck_assert(inception_scores(lost, 39, K, 1, 1, &is, &e));
	ck_assert_double_eq_tol(is.mean, 3, 1e-12);
	ck_assert(inception_scores(vague, N, K, 10, 1, &is, &e));
	ck_assert_double_eq_tol(is.mean, 1, 1e-12);
	ck_assert_double_eq_tol(is.sd, 0, 1e-12);
	ck_assert(inception_scores(clear, N, K, N, 1, &is, &e));         /* splits of one image */
	ck_assert_double_eq_tol(is.mean, 1, 1e-12);
	ck_assert_double_eq_tol(is.sd, 0, 1e-12);
	ck_assert_int_eq(class_of(vague, K), 0);
	ck_assert_int_eq(class_of(clear + 2 * K, K), 2);
}
END_TEST

START_TEST(modes_and_kl_of_histograms)
{
	const int64_t all[4] = {5, 5, 5, 5}, half[4] = {10, 0, 10, 0}, data[4] = {1, 2, 3, 4}, none[4] = {0, 1, 1, 1};
	ck_assert_int_eq(modes_of(all, 4), 4);
	ck_assert_int_eq(modes_of(half, 4), 2);
	ck_assert_double_eq(histogram_kl(all, NULL, 4), 0);
	ck_assert_double_eq_tol(histogram_kl(half, NULL, 4), log(2), 1e-12);
	ck_assert_double_eq_tol(histogram_kl(half, data, 4), 0.5 * log(5) + 0.5 * log(5 / 3.0), 1e-12);
	ck_assert_double_eq(histogram_kl(data, data, 4), 0);
	ck_assert(isinf(histogram_kl(all, none, 4)));
}
END_TEST

/* Moments: blocks are part of the result, calls are not. */
START_TEST(threads_and_portions_do_not_matter)
{
	enum { N = 300, D = 17 };
	points x = normal(N, D, 1, "x"), y = normal(N, D, 1.2, "y");
	manifold m[3];
	mean_sd k[3];
	fault e = {.text = ""};
	for (int i = 0; i < 3; i++) {
		ck_assert(pool_start(1 << i, &e));
		m[i] = manifold_of(&x, &y);
		ck_assert(kernel_distances(&x, &y, 5, 90, 3, &k[i], &e));
		pool_stop();
	}
	ck_assert(!memcmp(&m[0], &m[1], sizeof m[0]) && !memcmp(&m[0], &m[2], sizeof m[0]));
	ck_assert(!memcmp(&k[0], &k[1], sizeof k[0]) && !memcmp(&k[0], &k[2], sizeof k[0]));

	moments whole = moments_of(&x), parts;
	ck_assert(moments_init(&parts, D, &e));
	for (int64_t lo = 0, n = 1; lo < N; lo += n, n = MIN(n + 13, N - lo))
		moments_add_real(&parts, x.x + lo * D, n);
	moments_settle(&whole);
	moments_settle(&parts);
	ck_assert_int_eq(memcmp(whole.scatter, parts.scatter, D * D * sizeof(double)), 0);
	ck_assert_int_eq(memcmp(whole.mean, parts.mean, D * sizeof(double)), 0);
	moments_free(&whole);
	moments_free(&parts);
	points_free(&x);
	points_free(&y);
}
END_TEST

int main(void)
{
	const suite_test others[] = {
		{measures_are_those_of_other_programs, 1},
		{points_at_the_radius_count_as_their_sources_say, 1},
		{inception_score_is_that_of_torch_fidelity, 1},
	};
	const suite_test laws[] = {
		{pairs_are_all_pairs_once, 1},
		{samples_of_one_distribution_give_what_theory_says, 1},
		{narrow_and_wide_fakes_are_told_apart, 1},
		{features_that_are_all_equal_give_numbers, 1},
		{too_few_points_are_told, 1},
		{planted_copies_are_found, 1},
		{inception_score_is_between_one_and_the_classes, 1},
		{modes_and_kl_of_histograms, 1},
		{threads_and_portions_do_not_matter, 1},
	};
	const suite_case cases[] = {{.name = "golden", TESTS(others)}, {.name = "laws", TESTS(laws)}};
	return suite_run_cases("measures", cases, COUNT(cases), 60);
}
