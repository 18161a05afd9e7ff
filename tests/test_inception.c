/* test_inception.c - the network of FID against pytorch-fid's, with random weights: a narrow one that is in the
 * repository, or the whole one in the file that INCEPTION names (tests/inception/run.sh). */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/h5/h5.h"
#include "gan/score/features.h"
#include "gan/score/inception.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/suite.h"

enum { SETS = 2, WAYS = 2, N = 2 };                  /* as make_golden.py has them */
static const char *const way[WAYS][2] = {{"", "bilinear"}, {":clean", "clean"}};

static const char *golden(void)
{
	const char *path = getenv("INCEPTION");
	return path ? path : "tests/golden/inception/narrow.h5";
}

/* All numbers of an array of the golden file: new/free. */
static real *numbers(h5 *f, const char *path, shape *s)
{
	h5_info info;
	fault e;
	ck_assert_msg(h5_stat(f, path, &info, &e), "%s", e.text);
	real *x = mem_new((size_t)shape_count(&info.s), sizeof *x, &e);
	ck_assert_msg(x && h5_read_real(f, path, x, shape_count(&info.s), &e), "%s", e.text);
	*s = info.s;
	return x;
}

/* The largest difference, relative to the largest number. */
static double difference(const real *x, const real *want, int64_t n)
{
	double most = 0, largest = 0;
	for (int64_t i = 0; i < n; i++) {
		const double d = fabs((double)x[i] - (double)want[i]);
		most = d <= most ? most : d;         /* NaN counts */
		largest = fmax(largest, fabs((double)want[i]));
	}
	return most / largest;
}

START_TEST(features_are_those_of_pytorch_fid)
{
	const int set = _i / WAYS;
	const char *const *how = way[_i % WAYS];
	char path[600];
	shape s, fs, ps;
	fault e;
	h5 *f = h5_open(golden(), &e);
	ck_assert_msg(f != NULL, "%s", e.text);
	snprintf(path, sizeof path, "/golden%d/images", set);
	real *images = numbers(f, path, &s);
	snprintf(path, sizeof path, "/golden%d/%s_features", set, how[1]);
	real *want = numbers(f, path, &fs);
	snprintf(path, sizeof path, "/golden%d/%s_probabilities", set, how[1]);
	real *sure = numbers(f, path, &ps);
	h5_close(f);
	for (int64_t i = 0; i < shape_count(&s); i++)
		images[i] = images[i] / (real)127.5 - 1;
	const dataset like = {.h = (int)s.dim[1], .w = (int)s.dim[2], .c = 3};
	snprintf(path, sizeof path, "%s%s", golden(), how[0]);
	features *net = features_open(path, &like, &e);
	ck_assert_msg(net != NULL, "%s", e.text);
	ck_assert_int_eq(features_count(net), fs.dim[1]);
	ck_assert_int_eq(features_classes(net), ps.dim[1]);
	real *x = mem_new((size_t)shape_count(&fs), sizeof *x, NULL);
	real *p = mem_new((size_t)shape_count(&ps), sizeof *p, NULL);
	ck_assert(x && p && features_run(net, images, N, x, p, &e));
	ck_assert_double_lt(difference(x, want, shape_count(&fs)), 1e-4);
	ck_assert_double_lt(difference(p, sure, shape_count(&ps)), 1e-4);
	features_free(net);
	free(images);
	free(want);
	free(sure);
	free(x);
	free(p);
}
END_TEST

/* A gray image is one with three equal channels; numbers between two bytes are those of the nearer one. */
START_TEST(images_are_bytes_of_three_channels)
{
	enum { SIDE = 9 };
	static real gray[SIDE * SIDE], colour[SIDE * SIDE * 3], a[2048], b[2048];
	const dataset one = {.h = SIDE, .w = SIDE, .c = 1}, three = {.h = SIDE, .w = SIDE, .c = 3};
	fault e;
	for (int i = 0; i < SIDE * SIDE; i++) {
		const double v = (i * 37) % 256;
		gray[i] = (real)((v + 0.4) / 127.5 - 1);
		for (int c = 0; c < 3; c++)
			colour[3 * i + c] = (real)((v - 0.4) / 127.5 - 1);
	}
	gray[0] = -3;
	colour[0] = colour[1] = colour[2] = -1;
	features *f = features_open("tests/golden/inception/narrow.h5", &one, &e);
	features *g = features_open("tests/golden/inception/narrow.h5", &three, &e);
	ck_assert(f && g && features_count(f) <= COUNT(a));
	ck_assert(features_run(f, gray, 1, a, NULL, &e) && features_run(g, colour, 1, b, NULL, &e));
	ck_assert_double_lt(difference(a, b, features_count(f)), 1e-6);
	features_free(f);
	features_free(g);
}
END_TEST

/* Rows of weights add up to 1, an image of one colour keeps it, and a size stays when nothing changes. */
START_TEST(bicubic_weights_keep_what_is_even)
{
	static const int sizes[][2] = {{7, 7}, {5, 299}, {299, 5}, {28, 75}, {1, 3}};
	for (int k = 0; k < COUNT(sizes); k++) {
		const int from = sizes[k][0], to = sizes[k][1];
		real *m = mem_new((size_t)(from * to), sizeof *m, NULL);
		inception_bicubic(from, to, m);
		for (int i = 0; i < to; i++) {
			double sum = 0;
			for (int j = 0; j < from; j++) {
				sum += (double)m[j * to + i];
				if (from == to)
					ck_assert_double_eq_tol((double)m[j * to + i], i == j, 1e-7);
			}
			ck_assert_double_eq_tol(sum, 1, 1e-6);
		}
		free(m);
	}
}
END_TEST

static void refused(const char *spec, const char *says)
{
	const dataset like = {.h = 20, .w = 20, .c = 3};
	fault e;
	ck_assert_ptr_null(features_open(spec, &like, &e));
	ck_assert_msg(strstr(e.text, says), "%s", e.text);
}

START_TEST(other_files_are_refused)
{
	const char *path = scratch_at("i.h5");
	static const real x[48];
	fault e;
	refused("tests/golden/inception/narrow.h5:cleen", ":cleen: Inception has :clean");
	h5 *f = h5_create(path, &e);
	ck_assert(h5_attr_write_text(f, "/", "kind", "sagan inception", &e)
		&& h5_attr_write_i64(f, "/", "format", 1, &e) && h5_attr_write_i64(f, "/", "side", 7, &e)
		&& h5_commit(f, &e));
	refused(path, "side = 7: must be 75 to 1024");
	f = h5_create(path, &e);
	ck_assert(h5_attr_write_text(f, "/", "kind", "sagan inception", &e)
		&& h5_attr_write_i64(f, "/", "format", 1, &e) && h5_attr_write_i64(f, "/", "side", 75, &e)
		&& h5_write_real(f, "/Conv2d_1a_3x3/conv/kernel", SHAPE(3, 3, 1, 2), x, &e) && h5_commit(f, &e));
	refused(path, "/Conv2d_1a_3x3/conv/kernel: [3,3,1,2]; it must begin with 3, 3, 3");
	f = h5_create(path, &e);
	ck_assert(h5_attr_write_text(f, "/", "kind", "sagan inception", &e)
		&& h5_attr_write_i64(f, "/", "format", 1, &e) && h5_attr_write_i64(f, "/", "side", 75, &e)
		&& h5_commit(f, &e));
	refused(path, "/Conv2d_1a_3x3/conv/kernel");
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{features_are_those_of_pytorch_fid, SETS * WAYS},
		{images_are_bytes_of_three_channels, 1},
		{bicubic_weights_keep_what_is_even, 1},
		{other_files_are_refused, 1},
	};
	return suite_run("inception", tests, COUNT(tests), 600);
}
