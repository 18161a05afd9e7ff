/* test_ops.c - values of the ops that move, add up, multiply and resize, against plain loops over
 * their definitions; what wrong shapes are told; and that threads change no bit. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "core/base/rng.h"
#include "core/base/thread.h"
#include "tests/suite.h"

#ifdef REAL_DOUBLE
static const double EPS = 2.220446049250313e-16;
#else
static const double EPS = 1.1920929e-7;
#endif

/* ---- a value and its graph ---- */

enum { INPUTS = 3 };

typedef struct bench {
	graph *g;
	buffer *b[INPUTS];
	node *in[INPUTS];
	plan *p;
} bench;

static buffer *noise(shape s, uint64_t seed)
{
	buffer *b = buffer_new("x", s, NULL);
	rng r = rng_new(seed, "ops");
	ck_assert(b != NULL);
	for (int64_t i = 0; i < shape_count(&s); i++)
		b->x[i] = (real)(2 * rng_uniform(&r) - 1);
	return b;
}

static bench bench_new(int n, const shape *s)
{
	bench t = {.g = graph_new(NULL)};
	for (int i = 0; i < n; i++) {
		t.b[i] = noise(s[i], 1 + (uint64_t)i);
		t.in[i] = graph_leaf(t.g, t.b[i]);
	}
	return t;
}
#define BENCH(...) bench_new(COUNT(((shape[]){__VA_ARGS__})), (shape[]){__VA_ARGS__})

static const real *bench_run(bench *t, node *y)
{
	fault e = {.text = ""};
	t->p = plan_new(t->g, &y, 1, 0, &e);
	ck_assert_msg(t->p != NULL, "%s", e.text);
	plan_run(t->p);
	return plan_value(t->p, y);
}

static void bench_free(bench *t)
{
	plan_free(t->p);
	graph_free(t->g);
	for (int i = 0; i < INPUTS; i++)
		buffer_free(t->b[i]);
}

static void expect(const char *what, int64_t at, double got, double want, double tolerance)
{
	ck_assert_msg(fabs(got - want) <= tolerance, "%s: element %lld is %.9g, must be %.9g", what,
		      (long long)at, got, want);
}

/* ---- walking shapes by index, the slow way ---- */

typedef struct index {
	int64_t i[RANK_MAX];
} index_t;

static index_t index_at(const shape *s, int64_t k)
{
	index_t x = {{0}};
	for (int a = s->rank - 1; a >= 0; a--) {
		x.i[a] = k % s->dim[a];
		k /= s->dim[a];
	}
	return x;
}

static int64_t flat_at(const shape *s, const int64_t *i)
{
	int64_t k = 0;
	for (int a = 0; a < s->rank; a++)
		k = k * s->dim[a] + i[a];
	return k;
}

/* Axes of all lengths around the vector width and the tile, few elements in all. */
static shape random_shape(rng *r)
{
	static const int64_t length[] = {1, 1, 2, 3, 4, 5, 7, 16, 17, 33, 40};
	shape s = shape_of((int)rng_below(r, 5) + 1, (int64_t[RANK_MAX]){1, 1, 1, 1, 1, 1, 1, 1});
	for (int a = 0; a < s.rank; a++)
		do
			s.dim[a] = length[rng_below(r, COUNT(length))];
		while (shape_count(&s) > 40000);
	return s;
}

enum { SHAPES = 150 };

/* Some axes as size 1, perhaps the first ones dropped. */
static shape random_part(rng *r, const shape *s)
{
	int drop = (int)rng_below(r, s->rank + 1);
	shape t = shape_of(s->rank - drop, s->dim + drop);
	for (int a = 0; a < t.rank; a++)
		if (rng_below(r, 2))
			t.dim[a] = 1;
	return t;
}

/* Element of the small shape that element k of the big one belongs to, aligned at the last axis. */
static int64_t small_at(const shape *small, const shape *big, int64_t k)
{
	index_t x = index_at(big, k), y = {{0}};
	for (int a = 0; a < small->rank; a++)
		y.i[a] = small->dim[a] == 1 ? 0 : x.i[a + big->rank - small->rank];
	return flat_at(small, y.i);
}

START_TEST(broadcast_repeats_and_sum_to_adds)
{
	rng r = rng_new(5, "shapes");
	for (int n = 0; n < SHAPES; n++) {
		const shape big = random_shape(&r), small = random_part(&r, &big);
		const int64_t count = shape_count(&big);
		bench t = BENCH(small);
		const real *y = bench_run(&t, op_broadcast(t.g, t.in[0], big));
		for (int64_t k = 0; k < count; k++)
			expect("broadcast", k, (double)y[k], (double)t.b[0]->x[small_at(&small, &big, k)], 0);
		bench_free(&t);

		t = BENCH(big);
		y = bench_run(&t, op_sum_to(t.g, t.in[0], small));
		double *sum = calloc((size_t)shape_count(&small), sizeof *sum);
		for (int64_t k = 0; k < count; k++)
			sum[small_at(&small, &big, k)] += (double)t.b[0]->x[k];
		for (int64_t k = 0; k < shape_count(&small); k++)
			expect("sum_to", k, (double)y[k], sum[k],
				4 * EPS * sqrt((double)count / (double)shape_count(&small)));
		free(sum);
		bench_free(&t);
	}
}
END_TEST

START_TEST(permute_exchanges_indices)
{
	rng r = rng_new(6, "shapes");
	for (int n = 0; n < SHAPES; n++) {
		const shape s = random_shape(&r);
		int64_t order[RANK_MAX];
		int axis[RANK_MAX] = {0};
		rng_permutation(&r, order, s.rank);
		for (int a = 0; a < s.rank; a++)
			axis[a] = (int)order[a];
		bench t = BENCH(s);
		node *y = op_permute(t.g, t.in[0], axis);
		const shape ys = y->s;
		const real *v = bench_run(&t, y);
		for (int64_t k = 0; k < shape_count(&s); k++) {
			index_t to = index_at(&ys, k), from = {{0}};
			for (int a = 0; a < s.rank; a++)
				from.i[axis[a]] = to.i[a];
			expect("permute", k, (double)v[k], (double)t.b[0]->x[flat_at(&s, from.i)], 0);
		}
		bench_free(&t);
	}
}
END_TEST

START_TEST(pad_and_slice_move_the_box)
{
	rng r = rng_new(7, "shapes");
	for (int n = 0; n < SHAPES; n++) {
		const shape s = random_shape(&r);
		int64_t before[RANK_MAX] = {0}, after[RANK_MAX] = {0}, lo[RANK_MAX], hi[RANK_MAX];
		for (int a = 0; a < s.rank; a++) {
			before[a] = rng_below(&r, 3);
			after[a] = rng_below(&r, 3);
			lo[a] = rng_below(&r, s.dim[a]);
			hi[a] = lo[a] + 1 + rng_below(&r, s.dim[a] - lo[a]);
		}
		bench t = BENCH(s);
		node *y = op_pad(t.g, t.in[0], before, after);
		shape ys = y->s;
		const real *v = bench_run(&t, y);
		for (int64_t k = 0; k < shape_count(&ys); k++) {
			index_t at = index_at(&ys, k);
			bool inside = true;
			for (int a = 0; a < s.rank; a++) {
				at.i[a] -= before[a];
				inside = inside && at.i[a] >= 0 && at.i[a] < s.dim[a];
			}
			expect("pad", k, (double)v[k], inside ? (double)t.b[0]->x[flat_at(&s, at.i)] : 0, 0);
		}
		plan_free(t.p);
		y = op_slice(t.g, t.in[0], lo, hi);
		ys = y->s;
		v = bench_run(&t, y);
		for (int64_t k = 0; k < shape_count(&ys); k++) {
			index_t at = index_at(&ys, k);
			for (int a = 0; a < s.rank; a++)
				at.i[a] += lo[a];
			expect("slice", k, (double)v[k], (double)t.b[0]->x[flat_at(&s, at.i)], 0);
		}
		bench_free(&t);
	}
}
END_TEST

START_TEST(slices_of_a_concat_are_its_inputs)
{
	for (int axis = 0; axis < 3; axis++) {
		shape s[3] = {SHAPE(3, 4, 5), SHAPE(3, 4, 5), SHAPE(3, 4, 5)};
		for (int k = 0; k < 3; k++)
			s[k].dim[axis] = 1 + 20 * k;
		bench t = bench_new(3, s);
		node *y = op_concat(t.g, t.in, 3, axis);
		ck_assert_int_eq(y->s.dim[axis], 63);
		int64_t at = 0;
		for (int k = 0; k < 3; k++) {
			const real *v = bench_run(&t, op_slice_axis(t.g, y, axis, at, at + s[k].dim[axis]));
			ck_assert(!memcmp(v, t.b[k]->x, (size_t)shape_count(&s[k]) * sizeof *v));
			plan_free(t.p);
			at += s[k].dim[axis];
		}
		t.p = NULL;
		bench_free(&t);
	}
}
END_TEST

/* A mean of 65536 values near 1 per channel: a plain float sum would be off by 1e-4. */
START_TEST(long_sums_are_accurate)
{
	static const int64_t width[] = {1, 3, 16, 64};
	for (int k = 0; k < COUNT(width); k++) {
		const int64_t c = width[k], rows = 64 * 32 * 32;
		bench t = BENCH(SHAPE(64, 32, 32, c));
		double sum[64] = {0};
		for (int64_t i = 0; i < rows * c; i++) {
			t.b[0]->x[i] += 1;
			sum[i % c] += (double)t.b[0]->x[i];
		}
		const real *y = bench_run(&t, op_sum_to(t.g, t.in[0], SHAPE(c)));
		for (int64_t i = 0; i < c; i++)
			expect("long sum", i, (double)y[i] / sum[i], 1, 2 * EPS);
		bench_free(&t);
	}
}
END_TEST

START_TEST(means_divide_by_what_they_add)
{
	bench t = BENCH(SHAPE(2, 3, 4));
	node *y = op_mean(t.g, t.in[0], 1u << 0 | 1u << 2, false);
	ck_assert(y->s.rank == 1 && y->s.dim[0] == 3);
	const real *v = bench_run(&t, y);
	for (int j = 0; j < 3; j++) {
		double sum = 0;
		for (int i = 0; i < 8; i++)
			sum += (double)t.b[0]->x[i / 4 * 12 + j * 4 + i % 4];
		expect("mean", j, (double)v[j], sum / 8, 4 * EPS);
	}
	bench_free(&t);
}
END_TEST

/* ---- softmax ---- */

START_TEST(softmax_is_the_definition)
{
	static const int64_t width[] = {1, 2, 5, 31, 32, 33, 100, 1024};
	for (int k = 0; k < COUNT(width); k++) {
		const int64_t n = width[k];
		bench t = BENCH(SHAPE(40, n));
		for (int64_t i = 0; i < 40 * n; i++)
			t.b[0]->x[i] *= 20;
		const real *y = bench_run(&t, op_softmax(t.g, t.in[0]));
		for (int64_t r = 0; r < 40; r++) {
			const real *x = t.b[0]->x + r * n;
			long double sum = 0, total = 0;      /* wider than the double build's values */
			for (int64_t i = 0; i < n; i++)
				sum += expl((long double)x[i]);
			for (int64_t i = 0; i < n; i++) {
				double want = (double)(expl((long double)x[i]) / sum);
				expect("softmax", i, (double)y[r * n + i], want, 40 * EPS * want);
				total += (long double)y[r * n + i];
			}
			expect("softmax row sum", r, (double)total, 1, 8 * EPS);
		}
		bench_free(&t);
	}
}
END_TEST

START_TEST(softmax_survives_large_logits)
{
	bench t = BENCH(SHAPE(2, 3));
	buffer_write(t.b[0], (real[]){1e30f, -1e30f, 0, -3e4f, -3e4f, -4e4f});
	const real *y = bench_run(&t, op_softmax(t.g, t.in[0]));
	const double want[] = {1, 0, 0, 0.5, 0.5, 0};
	for (int i = 0; i < 6; i++)
		expect("softmax", i, (double)y[i], want[i], EPS);
	bench_free(&t);
}
END_TEST

/* Wherever the largest logit stands in a row, vector lanes and the rest of the row included. */
START_TEST(softmax_finds_every_maximum)
{
	enum { N = 71 };
	bench t = BENCH(SHAPE(N, N));
	for (int i = 0; i < N; i++)
		t.b[0]->x[i * N + i] = 1e4f;
	const real *y = bench_run(&t, op_softmax(t.g, t.in[0]));
	for (int i = 0; i < N * N; i++)
		expect("softmax", i, (double)y[i], i / N == i % N, 0);
	bench_free(&t);
}
END_TEST

/* ---- tables ---- */

START_TEST(gather_and_scatter_go_by_index)
{
	const real index[5] = {2, 0, 2, 1, 2};
	bench t = BENCH(SHAPE(3, 70), SHAPE(5), SHAPE(5, 70));
	buffer_write(t.b[1], index);
	const real *y = bench_run(&t, op_gather(t.g, t.in[0], t.in[1]));
	for (int64_t i = 0; i < 5 * 70; i++)
		expect("gather", i, (double)y[i], (double)t.b[0]->x[(int)index[i / 70] * 70 + i % 70], 0);
	plan_free(t.p);
	y = bench_run(&t, op_scatter_add(t.g, t.in[2], t.in[1], 4));
	const real *d = t.b[2]->x;
	for (int64_t i = 0; i < 70; i++) {
		expect("scatter_add", i, (double)y[i], (double)d[70 + i], 0);
		expect("scatter_add", 70 + i, (double)y[70 + i], (double)d[210 + i], 0);
		expect("scatter_add", 140 + i, (double)y[140 + i], (double)(d[i] + d[140 + i] + d[280 + i]), 0);
		expect("scatter_add", 210 + i, (double)y[210 + i], 0, 0);
	}
	bench_free(&t);
}
END_TEST

/* ---- matrix products ---- */

/* Shapes that are cut along rows, columns, the sum, the batch, and not at all. */
static const struct product_case {
	int64_t batch, m, n, k;
} products[] = {
	{1, 3, 5, 7}, {1, 1000, 9, 33}, {1, 17, 1500, 20}, {1, 20, 18, 5000}, {3, 150, 140, 70}, {40, 9, 8, 7},
	{2, 1, 1, 1},
};

static void product_is_right(const struct product_case *c, bool ta, bool tb)
{
	bench t = BENCH(SHAPE(c->batch, ta ? c->k : c->m, ta ? c->m : c->k),
		SHAPE(c->batch, tb ? c->n : c->k, tb ? c->k : c->n));
	const real *y = bench_run(&t, op_matmul(t.g, t.in[0], t.in[1], ta, tb));
	ck_assert(plan_flop(t.p) == 2.0 * (double)(c->batch * c->m * c->n * c->k));
	for (int64_t b = 0; b < c->batch; b++)
		for (int64_t i = 0; i < c->m; i++)
			for (int64_t j = 0; j < c->n; j++) {
				const real *pa = t.b[0]->x + b * c->m * c->k, *pb = t.b[1]->x + b * c->k * c->n;
				long double sum = 0;
				for (int64_t k = 0; k < c->k; k++)
					sum += (long double)pa[ta ? k * c->m + i : i * c->k + k] *
					       (long double)pb[tb ? j * c->k + k : k * c->n + j];
				/* k roundings, each half an epsilon of a partial sum (about sqrt(k)/3, or the
				 * result), add up like a random walk of k steps. */
				const double root = sqrt((double)c->k);
				expect("matmul", (b * c->m + i) * c->n + j, (double)y[(b * c->m + i) * c->n + j],
				       (double)sum, EPS * root * fmax(fabs((double)sum), root));
			}
	bench_free(&t);
}

START_TEST(matmul_is_three_loops)
{
	product_is_right(&products[_i / 4], _i & 1, _i & 2);
}
END_TEST

START_TEST(dense_keeps_leading_axes)
{
	bench t = BENCH(SHAPE(2, 3, 4, 5), SHAPE(5, 6));
	node *y = op_dense(t.g, t.in[0], t.in[1]);
	ck_assert(y->s.rank == 4 && y->s.dim[2] == 4 && y->s.dim[3] == 6);
	const real *v = bench_run(&t, y);
	for (int64_t i = 0; i < 24 * 6; i++) {
		double sum = 0;
		for (int k = 0; k < 5; k++)
			sum += (double)t.b[0]->x[i / 6 * 5 + k] * (double)t.b[1]->x[k * 6 + i % 6];
		expect("dense", i, (double)v[i], sum, 8 * EPS);
	}
	bench_free(&t);
}
END_TEST

/* ---- windows ---- */

static const window_geometry windows[] = {
	{2, 2, 2, 2, 0, 0, 0, 0}, {3, 3, 2, 2, 0, 1, 1, 1}, {3, 2, 1, 3, 2, 0, 0, 1}, {2, 1, 3, 2, 0, 0, 0, 0},
	{4, 4, 4, 4, 0, 0, 0, 0},
};
static const int64_t channels[] = {1, 3, 64, 70};

/* Sum, count and largest of the real pixels of one window, and each tap's value. */
typedef struct look {
	double sum, largest, tap[16];
	int count;
} look;

static look look_at(const buffer *x, window_geometry w, int64_t b, int64_t oy, int64_t ox, int64_t c)
{
	look l = {.largest = -INFINITY};
	for (int t = 0; t < w.kh * w.kw; t++) {
		int64_t iy = oy * w.sh - w.top + t / w.kw, ix = ox * w.sw - w.left + t % w.kw;
		if (iy < 0 || iy >= x->s.dim[1] || ix < 0 || ix >= x->s.dim[2])
			continue;
		l.tap[t] = (double)x->x[flat_at(&x->s, (int64_t[]){b, iy, ix, c})];
		l.sum += l.tap[t];
		l.largest = fmax(l.largest, l.tap[t]);
		l.count++;
	}
	return l;
}

static void windows_are_right(window_geometry w, int64_t c)
{
	bench t = BENCH(SHAPE(2, 9, 8, c));
	node *out[] = {op_sum_pool(t.g, t.in[0], w), op_avg_pool(t.g, t.in[0], w), op_max_pool(t.g, t.in[0], w),
		       op_patches(t.g, t.in[0], w)};
	fault e;
	t.p = plan_new(t.g, out, COUNT(out), 0, &e);
	plan_run(t.p);
	const shape s = out[0]->s;
	ck_assert_int_eq(s.dim[1], (9 + w.top + w.bottom - w.kh) / w.sh + 1);
	ck_assert_int_eq(s.dim[2], (8 + w.left + w.right - w.kw) / w.sw + 1);
	for (int64_t k = 0; k < shape_count(&s); k++) {
		const index_t i = index_at(&s, k);
		const look l = look_at(t.b[0], w, i.i[0], i.i[1], i.i[2], i.i[3]);
		expect("sum_pool", k, (double)plan_value(t.p, out[0])[k], l.sum, 16 * EPS);
		expect("avg_pool", k, (double)plan_value(t.p, out[1])[k], l.sum / l.count, 16 * EPS);
		expect("max_pool", k, (double)plan_value(t.p, out[2])[k], l.largest, 0);
		for (int tap = 0; tap < w.kh * w.kw; tap++)
			expect("patches", k, (double)plan_value(t.p, out[3])[k / c * c * w.kh * w.kw + tap * c + k % c],
			       l.tap[tap], 0);
	}
	bench_free(&t);
}

START_TEST(windows_are_loops_over_taps)
{
	windows_are_right(windows[_i / COUNT(channels)], channels[_i % COUNT(channels)]);
}
END_TEST

/* max_pick and max_place: the values under the largest entries, and back to where they were; many entries are equal. */
static void largest_are_right(window_geometry w, int64_t c)
{
	const int64_t ho = (9 + w.top + w.bottom - w.kh) / w.sh + 1, wo = (8 + w.left + w.right - w.kw) / w.sw + 1;
	bench t = BENCH(SHAPE(2, 9, 8, c), SHAPE(2, 9, 8, c), SHAPE(2, ho, wo, c));
	const shape xs = t.b[0]->s, ys = t.b[2]->s;
	for (int64_t k = 0; k < shape_count(&xs); k++)
		t.b[0]->x[k] = (real)floor(2 * (double)t.b[0]->x[k]);
	node *out[] = {op_max_pick(t.g, t.in[0], t.in[1], w), op_max_place(t.g, t.in[0], t.in[2], w)};
	fault e;
	t.p = plan_new(t.g, out, COUNT(out), 0, &e);
	plan_run(t.p);
	double *placed = mem_zero((size_t)shape_count(&xs), sizeof *placed, NULL);
	for (int64_t k = 0; k < shape_count(&ys); k++) {
		const index_t i = index_at(&ys, k);
		int64_t first = -1;
		for (int tap = 0; tap < w.kh * w.kw; tap++) {
			const int64_t iy = i.i[1] * w.sh - w.top + tap / w.kw, ix = i.i[2] * w.sw - w.left + tap % w.kw;
			if (iy < 0 || iy >= xs.dim[1] || ix < 0 || ix >= xs.dim[2])
				continue;
			const int64_t at = flat_at(&xs, (int64_t[]){i.i[0], iy, ix, i.i[3]});
			if (first < 0 || t.b[0]->x[at] > t.b[0]->x[first])
				first = at;
		}
		expect("max_pick", k, (double)plan_value(t.p, out[0])[k], (double)t.b[1]->x[first], 0);
		placed[first] += (double)t.b[2]->x[k];
	}
	for (int64_t k = 0; k < shape_count(&xs); k++)
		expect("max_place", k, (double)plan_value(t.p, out[1])[k], placed[k], 16 * EPS);
	free(placed);
	bench_free(&t);
}

START_TEST(largest_entries_are_the_first_of_equal_ones)
{
	largest_are_right(windows[_i / COUNT(channels)], channels[_i % COUNT(channels)]);
}
END_TEST

START_TEST(upsampling_repeats_pixels)
{
	bench t = BENCH(SHAPE(2, 3, 4, 5));
	node *y = op_upsample_nearest(t.g, t.in[0], 2, 3);
	const shape s = y->s, want = SHAPE(2, 6, 12, 5);
	ck_assert(shape_equal(&s, &want));
	const real *v = bench_run(&t, y);
	for (int64_t k = 0; k < shape_count(&s); k++) {
		index_t i = index_at(&s, k);
		i.i[1] /= 2;
		i.i[2] /= 3;
		expect("upsample", k, (double)v[k], (double)t.b[0]->x[flat_at(&t.b[0]->s, i.i)], 0);
	}
	bench_free(&t);
}
END_TEST

/* tf.image.resize([0,1,2,3], 8, "bilinear") and torch's interpolate(align_corners=False) agree on
 * these; the second row is the way back to 2 without antialias. */
START_TEST(bilinear_known_values)
{
	bench t = BENCH(SHAPE(1, 1, 4, 1));
	buffer_write(t.b[0], (real[]){0, 1, 2, 3});
	const double up[] = {0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3}, down[] = {0.5, 2.5};
	const real *y = bench_run(&t, op_resize_bilinear(t.g, t.in[0], 1, 8));
	for (int i = 0; i < 8; i++)
		expect("up", i, (double)y[i], up[i], 0);
	plan_free(t.p);
	y = bench_run(&t, op_resize_bilinear(t.g, t.in[0], 1, 2));
	for (int i = 0; i < 2; i++)
		expect("down", i, (double)y[i], down[i], 0);
	bench_free(&t);
}
END_TEST

/* A plane a + b i + c j is reproduced exactly away from the clamped edge, by any size. */
START_TEST(bilinear_reproduces_planes)
{
	bench t = BENCH(SHAPE(2, 8, 9, 3));
	for (int64_t k = 0; k < shape_count(&t.b[0]->s); k++) {
		index_t i = index_at(&t.b[0]->s, k);
		t.b[0]->x[k] = (real)(1 + 0.5 * (double)i.i[1] - 0.25 * (double)i.i[2] + (double)i.i[3]);
	}
	node *y = op_resize_bilinear(t.g, t.in[0], 13, 20);
	const shape s = y->s;
	const real *v = bench_run(&t, y);
	for (int64_t k = 0; k < shape_count(&s); k++) {
		index_t i = index_at(&s, k);
		double row = ((double)i.i[1] + 0.5) * 8 / 13 - 0.5, col = ((double)i.i[2] + 0.5) * 9 / 20 - 0.5;
		row = fmin(fmax(row, 0), 7);
		col = fmin(fmax(col, 0), 8);
		expect("plane", k, (double)v[k], 1 + 0.5 * row - 0.25 * col + (double)i.i[3], 64 * EPS);
	}
	bench_free(&t);
}
END_TEST

START_TEST(shift_moves_each_image)
{
	static const real by[4][2] = {{0, 0}, {1, -2}, {-1, 1}, {100, 0}};
	bench t = BENCH(SHAPE(4, 5, 6, 3), SHAPE(4, 2));
	buffer_write(t.b[1], &by[0][0]);
	const real *y = bench_run(&t, op_shift(t.g, t.in[0], t.in[1]));
	const shape s = t.b[0]->s;
	for (int64_t k = 0; k < shape_count(&s); k++) {
		index_t i = index_at(&s, k);
		i.i[1] += (int64_t)by[i.i[0]][0];
		i.i[2] += (int64_t)by[i.i[0]][1];
		bool inside = i.i[1] >= 0 && i.i[1] < 5 && i.i[2] >= 0 && i.i[2] < 6;
		expect("shift", k, (double)y[k], inside ? (double)t.b[0]->x[flat_at(&s, i.i)] : 0, 0);
	}
	bench_free(&t);
}
END_TEST

/* ---- what costs nothing makes no node ---- */

START_TEST(identities_return_their_input)
{
	bench t = BENCH(SHAPE(2, 3, 4));
	node *x = t.in[0];
	const int64_t zero[3] = {0}, all[3] = {2, 3, 4};
	ck_assert_ptr_eq(op_reshape(t.g, x, x->s), x);
	ck_assert_ptr_eq(op_reshape(t.g, op_reshape(t.g, x, SHAPE(24)), x->s), x);
	ck_assert_ptr_eq(op_broadcast(t.g, x, x->s), x);
	ck_assert_ptr_eq(op_sum_to(t.g, x, x->s), x);
	ck_assert_ptr_eq(op_permute(t.g, x, (int[]){0, 1, 2}), x);
	ck_assert_ptr_eq(op_pad(t.g, x, zero, zero), x);
	ck_assert_ptr_eq(op_slice(t.g, x, zero, all), x);
	ck_assert_ptr_eq(op_concat(t.g, &x, 1, 1), x);
	ck_assert_str_eq(op_broadcast(t.g, x, SHAPE(1, 2, 3, 4))->op->name, "reshape");
	bench_free(&t);
}
END_TEST

/* ---- relative positions ---- */

/* Sizes: the leading axis, queries, what lies between, keys. */
START_TEST(skew_moves_each_query_along)
{
	static const struct {
		int64_t o, m, i, p;
	} size[] = {{2, 4, 3, 4}, {1, 2, 1, 5}, {3, 1, 2, 1}, {2, 70, 3, 90}};
	const int64_t o = size[_i].o, m = size[_i].m, i = size[_i].i, p = size[_i].p, l = 2 * p - 1;
	bench t = BENCH(SHAPE(o, m, i, l), SHAPE(o, m, i, p));
	const real *y = bench_run(&t, op_skew(t.g, t.in[0]));
	for (int64_t r = 0; r < o * m * i; r++)
		for (int64_t j = 0; j < p; j++)
			expect("skew", r * p + j, (double)y[r * p + j],
			       (double)t.b[0]->x[r * l + p - 1 + j - r / i % m], 0);
	plan_free(t.p);
	y = bench_run(&t, op_unskew(t.g, t.in[1]));
	for (int64_t r = 0; r < o * m * i; r++)
		for (int64_t c = 0; c < l; c++) {
			int64_t j = c - (p - 1) + r / i % m;
			expect("unskew", r * l + c, (double)y[r * l + c],
			       j < 0 || j >= p ? 0 : (double)t.b[1]->x[r * p + j], 0);
		}
	bench_free(&t);
}
END_TEST

/* ---- wrong shapes ---- */

typedef void (*wrong_fn)(graph *g, node *const *in);

/* Wherever it stands in its window, and whatever number of channels is beside it. */
START_TEST(what_is_no_number_is_the_largest)
{
	const int64_t C = _i ? 19 : 1;
	const window_geometry w = {2, 2, 2, 2, 0, 0, 0, 0};
	for (int at = 0; at < 4; at++) {
		bench t = BENCH(SHAPE(1, 2, 2, C), SHAPE(1, 1, 1, C));
		for (int64_t c = 0; c < C; c++)
			t.b[0]->x[at * C + c] = (real)NAN;
		node *out[] = {op_max_pool(t.g, t.in[0], w), op_max_place(t.g, t.in[0], t.in[1], w)};
		fault e;
		t.p = plan_new(t.g, out, COUNT(out), 0, &e);
		plan_run(t.p);
		for (int64_t c = 0; c < C; c++) {
			ck_assert(isnan(plan_value(t.p, out[0])[c]));
			for (int k = 0; k < 4; k++)
				ck_assert(plan_value(t.p, out[1])[k * C + c] == (k == at ? t.b[1]->x[c] : 0));
		}
		bench_free(&t);
	}
}
END_TEST

static const window_geometry two = {2, 2, 2, 2, 0, 0, 0, 0}, nothing = {0}, thick = {2, 2, 2, 2, 2, 0, 0, 0},
			     big = {9, 2, 2, 2, 0, 0, 0, 0}, still = {2, 2, 0, 2, 0, 0, 0, 0};

#define WRONG(name, call) static void name(graph *g, node *const *in) { (void)in; call; }
WRONG(w_fill, op_fill(g, SHAPE(2, 0), 1))
WRONG(w_fill_huge, op_fill(g, SHAPE(INT64_C(1) << 40, INT64_C(1) << 40), 1))
WRONG(w_reshape, op_reshape(g, in[0], SHAPE(5, 5)))
WRONG(w_broadcast, op_broadcast(g, in[0], SHAPE(2, 5, 4)))
WRONG(w_broadcast_less, op_broadcast(g, in[0], SHAPE(4)))
WRONG(w_sum_to, op_sum_to(g, in[0], SHAPE(2, 3, 2)))
WRONG(w_sum, op_sum(g, in[0], 8, false))
WRONG(w_permute, op_permute(g, in[0], (int[]){0, 2, 2}))
WRONG(w_transpose, op_transpose(g, in[2]))
WRONG(w_pad, op_pad(g, in[0], (int64_t[]){0, -1, 0}, (int64_t[]){0, 0, 0}))
WRONG(w_slice, op_slice(g, in[0], (int64_t[]){0, 1, 0}, (int64_t[]){2, 4, 4}))
WRONG(w_slice_empty, op_slice_axis(g, in[0], 2, 1, 1))
WRONG(w_slice_axis, op_slice_axis(g, in[0], 3, 0, 1))
WRONG(w_concat, op_concat(g, in, 2, 0))
WRONG(w_softmax, op_softmax_axis(g, in[0], 3))
WRONG(w_gather, op_gather(g, in[0], in[2]))
WRONG(w_skew_rank, op_unskew(g, in[2]))
WRONG(w_skew_even, op_skew(g, in[0]))
WRONG(w_skew_few, op_skew(g, in[1]))
WRONG(w_unskew_few, op_unskew(g, in[1]))
WRONG(w_matmul, op_matmul(g, in[0], in[0], false, false))
WRONG(w_matmul_t, op_matmul(g, in[0], op_transpose(g, in[0]), true, false))
WRONG(w_matmul_rank, op_matmul(g, in[0], in[2], false, false))
WRONG(w_dense, op_dense(g, in[0], in[1]))
WRONG(w_pool, op_sum_pool(g, in[0], two))
WRONG(w_pool_thick, op_max_pool(g, in[1], thick))
WRONG(w_pool_big, op_patches(g, in[1], big))
WRONG(w_pool_still, op_avg_pool(g, in[1], still))
WRONG(w_pool_none, op_avg_pool(g, in[1], nothing))
WRONG(w_pad_huge, op_pad(g, in[2], (int64_t[]){INT64_C(1) << 62}, (int64_t[]){0}))
WRONG(w_pool_back, op_sum_pool_dx(g, in[1], two, 7, 8))
WRONG(w_fold, op_patches_fold(g, in[1], two, 8, 8))
WRONG(w_resize, op_resize_bilinear(g, in[1], 0, 4))
WRONG(w_shift, op_shift(g, in[1], in[2]))

static const struct wrong_case {
	wrong_fn make;
	const char *text;
} wrong[] = {
	{w_fill, "fill : shape [2,0]: axis 1 must be at least 1"},
	{w_fill_huge, "fill : shape [1099511627776,1099511627776] has too many elements"},
	{w_reshape, "reshape [2,3,4]: 24 elements cannot take the shape [5,5] of 25"},
	{w_broadcast, "broadcast [2,3,4]: cannot broadcast to [2,5,4]: axis 1 has 3, allowed are 1 and 5"},
	{w_broadcast_less, "broadcast [2,3,4]: cannot broadcast to [4]: it has fewer axes"},
	{w_sum_to, "sum_to [2,3,4]: cannot sum to [2,3,2]: axis 2 has 2, allowed are 1 and 4"},
	{w_sum, "sum [2,3,4]: set of axes 0x8: must be bits 0..2"},
	{w_permute, "permute [2,3,4]: output axis 2 is input axis 2: must be each of 0..2 once"},
	{w_transpose, "transpose [6]: needs at least two axes"},
	{w_pad, "pad [2,3,4]: axis 1: -1 zeros before and 0 after: must not be negative"},
	{w_slice, "slice [2,3,4]: axis 1: elements 1 up to 4: must be a non-empty part of 0 up to 3"},
	{w_slice_empty, "slice [2,3,4]: axis 2: elements 1 up to 1: must be a non-empty part of 0 up to 4"},
	{w_slice_axis, "slice [2,3,4]: axis 3: must be 0..2"},
	{w_concat, "concat [2,3,4] [2,4,4,3]: inputs 0 and 1 differ in another axis than 0"},
	{w_softmax, "softmax [2,3,4]: axis 3: must be 0..2"},
	{w_gather, "gather [2,3,4] [6]: needs a table [K,C] and an index [B]"},
	{w_skew_rank, "unskew [6]: needs [..,queries,inner,columns]"},
	{w_skew_even, "skew [2,3,4]: 4 columns: must be odd, 2 * keys - 1"},
	{w_skew_few, "skew [2,4,4,3]: 4 queries, 2 keys: there must not be more queries than keys"},
	{w_unskew_few, "unskew [2,4,4,3]: 4 queries, 3 keys: there must not be more queries than keys"},
	{w_matmul, "matmul [2,3,4] [2,3,4]: inner sizes differ: 4 and 3"},
	{w_matmul_t, "matmul [2,3,4] [2,4,3]: inner sizes differ: 3 (transposed) and 4"},
	{w_matmul_rank, "matmul [2,3,4] [6]: needs two inputs of the same number of axes, at least two"},
	{w_dense, "dense [2,3,4] [2,4,4,3]: the last axis of x must be the first of w [K,N]"},
	{w_pool, "sum_pool [2,3,4]: needs an image [B,H,W,C]"},
	{w_pool_thick, "max_pick [2,4,4,3] [2,4,4,3]: padding 2,0,0,0 (top, bottom, left, right) of window 2x2: "
		"must be 0 up to the window's size less one"},
	{w_pool_big, "patches [2,4,4,3]: window 9x2 does not fit into the padded map of 4x4"},
	{w_pool_still, "sum_pool [2,4,4,3]: window 2x2, stride 0x2: must be at least 1"},
	{w_pool_none, "sum_pool [2,4,4,3]: window 0x0, stride 0x0: must be at least 1"},
	{w_pad_huge, "pad [6]: shape [4611686018427387910] has too many elements"},
	{w_pool_back, "sum_pool_dx [2,4,4,3]: a map of 7x8 has 3x4 windows, given 4x4"},
	{w_fold, "patches_fold [2,4,4,3]: 3 channels: must be a multiple of the 4 taps of the window"},
	{w_resize, "resize_bilinear [2,4,4,3]: size 0x4: must be at least 1x1"},
	{w_shift, "shift [2,4,4,3] [6]: needs an image [B,H,W,C] and shifts [B,2]"},
};

START_TEST(wrong_shapes_are_named)
{
	bench t = BENCH(SHAPE(2, 3, 4), SHAPE(2, 4, 4, 3), SHAPE(6));
	fault e = {.text = ""};
	graph_push(t.g, "block1");
	wrong[_i].make(t.g, t.in);
	ck_assert(!graph_ok(t.g, &e));
	ck_assert_msg(!strncmp(e.text, "block1: ", 8) && !strcmp(e.text + 8, wrong[_i].text), "%s", e.text);
	wrong[(_i + 1) % COUNT(wrong)].make(t.g, t.in);      /* later constructors change nothing */
	ck_assert(plan_new(t.g, t.in, 1, 0, &e) == NULL);
	ck_assert_str_eq(e.text + 8, wrong[_i].text);
	bench_free(&t);
}
END_TEST

/* ---- threads ---- */

static int large_outputs(graph *g, node *const *in, node **out)
{
	const window_geometry pool = {3, 3, 2, 2, 0, 1, 1, 1};
	node *x = in[0], *m = op_reshape(g, x, SHAPE(16 * 16 * 16, 48)),
		*flat = op_reshape(g, x, SHAPE(16, 16 * 16 * 48));
	int n = 0;
	out[n++] = op_sum_to(g, x, SHAPE(48));
	out[n++] = op_sum_to(g, x, SHAPE(16, 1, 1, 48));
	out[n++] = op_sum_all(g, x);
	out[n++] = op_sum_to(g, flat, SHAPE(16, 1));
	out[n++] = op_sum_to(g, flat, SHAPE(1, 16 * 16 * 48));
	out[n++] = op_permute(g, x, (int[]){3, 1, 0, 2});
	out[n++] = op_softmax(g, flat);
	out[n++] = op_matmul(g, m, m, true, false);
	out[n++] = op_matmul(g, m, in[1], false, false);
	out[n++] = op_sum_pool(g, x, pool);
	out[n++] = op_max_pool(g, x, pool);
	out[n++] = op_max_place(g, x, op_avg_pool(g, x, pool), pool);
	out[n++] = op_patches_fold(g, op_patches(g, x, pool), pool, 16, 16);
	out[n++] = op_resize_bilinear_dx(g, op_resize_bilinear(g, x, 23, 30), 16, 16);
	out[n++] = op_concat(g, (node *[]){x, x, x}, 3, 3);
	return n;
}

enum { OUTPUTS = 16 };

START_TEST(threads_change_no_bit)
{
	real *want[OUTPUTS] = {NULL};
	bench t = BENCH(SHAPE(16, 16, 16, 48), SHAPE(48, 40));
	node *out[OUTPUTS];
	int n = large_outputs(t.g, t.in, out);
	for (int threads = 1; threads <= 5; threads++) {
		/* A plan has workspace for the threads there are when it is made. */
		ck_assert(pool_start(threads, NULL));
		plan_free(t.p);
		fault e = {.text = ""};
		t.p = plan_new(t.g, out, n, 0, &e);
		ck_assert_msg(t.p != NULL, "%s", e.text);
		plan_run(t.p);
		for (int i = 0; i < n; i++) {
			size_t bytes = (size_t)shape_count(&out[i]->s) * sizeof(real);
			if (threads == 1)
				want[i] = memcpy(malloc(bytes), plan_value(t.p, out[i]), bytes);
			ck_assert_msg(!memcmp(want[i], plan_value(t.p, out[i]), bytes), "%s %s differs with %d threads",
				      out[i]->op->name, shape_print(&out[i]->s).s, threads);
		}
	}
	pool_stop();
	for (int i = 0; i < n; i++)
		free(want[i]);
	bench_free(&t);
}
END_TEST

int main(void)
{
	const suite_test values[] = {
		{broadcast_repeats_and_sum_to_adds, 1},
		{permute_exchanges_indices, 1},
		{pad_and_slice_move_the_box, 1},
		{slices_of_a_concat_are_its_inputs, 1},
		{long_sums_are_accurate, 1},
		{means_divide_by_what_they_add, 1},
		{softmax_is_the_definition, 1},
		{softmax_survives_large_logits, 1},
		{softmax_finds_every_maximum, 1},
		{gather_and_scatter_go_by_index, 1},
		{skew_moves_each_query_along, 4},
		{matmul_is_three_loops, 4 * COUNT(products)},
		{dense_keeps_leading_axes, 1},
		{largest_entries_are_the_first_of_equal_ones, COUNT(windows) * COUNT(channels)},
		{what_is_no_number_is_the_largest, 2},
		{windows_are_loops_over_taps, COUNT(windows) * COUNT(channels)},
		{upsampling_repeats_pixels, 1},
		{bilinear_known_values, 1},
		{bilinear_reproduces_planes, 1},
		{shift_moves_each_image, 1},
		{identities_return_their_input, 1},
	};
	const suite_test errors[] = {
		{wrong_shapes_are_named, COUNT(wrong)},
	};
	const suite_test threads[] = {
		{threads_change_no_bit, 1},
	};
	const suite_case cases[] = {
		{.name = "values", TESTS(values)},
		{.name = "errors", TESTS(errors)},
		{.name = "threads", TESTS(threads)},
	};
	return suite_run_cases("ops", cases, COUNT(cases), 60);
}
