/* test_regularisers.c - what is added to the losses, and who takes part in them: LeCam, consistency, top-k. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/loss/consistency.h"
#include "gan/loss/lecam.h"
#include "gan/loss/losses.h"
#include "gan/loss/top_k.h"
#include "tests/expect.h"
#include "tests/suite.h"

static buffer *holding(const real *x, int64_t n)
{
	buffer *b = buffer_new("x", SHAPE(n), NULL);
	buffer_write(b, x);
	return b;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-5 * (1 + fabs(b));
}

/* ---- LeCam ---- */

enum { B = 5 };

static double relu(double x)
{
	return x > 0 ? x : 0;
}

/* Value, both gradients and both averages over several batches, by loops. Averages are constants to derivatives. */
START_TEST(lecam_is_its_formula)
{
	static const real first_r[B] = {(real)1.5, (real)-0.25, 3, 0, (real)0.75};
	static const real first_f[B] = {-1, 2, (real)0.5, -3, 0};
	const double keep = 0.9;
	buffer *r = holding(first_r, B), *f = holding(first_f, B), *average = holding((real[]){2, -1}, LECAM_AVERAGES);
	double mean_r = 2, mean_f = -1;
	graph *g = graph_new(NULL);
	node *in[2] = {graph_leaf(g, r), graph_leaf(g, f)}, *out[3];
	out[0] = lecam(g, in[0], in[1], average, op_fill(g, SHAPE(1), keep));
	graph_grad(g, out[0], NULL, in, 2, out + 1);
	plan *p = plan_must(g, out, 3);
	for (int k = 0; k < 3; k++) {
		double value = 0, now_r = 0, now_f = 0;
		for (int i = 0; i < B; i++) {
			now_r += (double)r->x[i] / B;
			now_f += (double)f->x[i] / B;
		}
		mean_r = keep * mean_r + (1 - keep) * now_r;
		mean_f = keep * mean_f + (1 - keep) * now_f;
		plan_run(p);
		for (int i = 0; i < B; i++) {
			const double up = relu((double)r->x[i] - mean_f), down = relu(mean_r - (double)f->x[i]);
			value += (up * up + down * down) / B;
			ck_assert(near((double)plan_value(p, out[1])[i], 2 * up / B));
			ck_assert(near((double)plan_value(p, out[2])[i], -2 * down / B));
		}
		ck_assert_msg(near((double)plan_value(p, out[0])[0], value), "batch %d", k);
		ck_assert(near((double)average->x[LECAM_REAL], mean_r) && near((double)average->x[LECAM_FAKE], mean_f));
		r->x[k] += 1;
		f->x[k] -= 2;
	}
	plan_free(p);
	graph_free(g);
	buffer_free(r);
	buffer_free(f);
	buffer_free(average);
}
END_TEST

/* ---- consistency ---- */

/* The derivative flows to both sides. */
START_TEST(inconsistency_pulls_both_sides)
{
	static const real x[B] = {1, -2, (real)0.5, 0, 3}, y[B] = {(real)0.25, -2, 1, -1, 0};
	buffer *a = holding(x, B), *b = holding(y, B);
	graph *g = graph_new(NULL);
	node *in[2] = {graph_leaf(g, a), graph_leaf(g, b)}, *out[3];
	out[0] = inconsistency(g, in[0], in[1]);
	graph_grad(g, out[0], NULL, in, 2, out + 1);
	plan *p = plan_must(g, out, 3);
	double sum = 0;
	plan_run(p);
	for (int i = 0; i < B; i++) {
		const double off = (double)x[i] - (double)y[i];
		sum += off * off / B;
		ck_assert(near((double)plan_value(p, out[1])[i], 2 * off / B));
		ck_assert(near((double)plan_value(p, out[2])[i], -2 * off / B));
	}
	ck_assert(near((double)plan_value(p, out[0])[0], sum));
	plan_free(p);
	graph_free(g);
	buffer_free(a);
	buffer_free(b);
}
END_TEST

enum { SIDE = 16, REACH = SIDE / 8, VIEWS = 64 };

static int64_t mirrored(int64_t i)
{
	return i < 0 ? -i : i >= SIDE ? 2 * (SIDE - 1) - i : i;
}

/* Whether y is x moved by (dy, dx), and turned first. */
static bool is_view(const real *y, const real *x, int dy, int dx, bool turned)
{
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			const int64_t q = mirrored(j + dx);
			if (y[i * SIDE + j] != x[mirrored(i + dy) * SIDE + (turned ? SIDE - 1 - q : q)])
				return false;
		}
	return true;
}

/* Which view of x it is, 2 (row * (2 REACH + 1) + column) + turned; -1: none. */
static int view_of(const real *y, const real *x)
{
	for (int dy = -REACH; dy <= REACH; dy++)
		for (int dx = -REACH; dx <= REACH; dx++)
			for (int turned = 0; turned < 2; turned++)
				if (is_view(y, x, dy, dx, turned))
					return 2 * ((dy + REACH) * (2 * REACH + 1) + dx + REACH) + turned;
	return -1;
}

/* Whole pixels, many shifts, and both sides only where it is said. */
START_TEST(the_same_meaning_is_shifted_and_turned)
{
	buffer *x = buffer_new("x", SHAPE(VIEWS, SIDE, SIDE, 1), NULL);
	for (int i = 0; i < VIEWS * SIDE * SIDE; i++)
		x->x[i] = (real)(i % (SIDE * SIDE));
	rng stream = rng_new(1, "penalty");
	bool seen[2 * (2 * REACH + 1) * (2 * REACH + 1)] = {false};
	int turned = 0, different = 0;
	graph *g = graph_new(NULL);
	node *y = same_meaning(g, graph_leaf(g, x), _i == 1, &stream);
	plan *p = plan_must(g, &y, 1);
	plan_run(p);
	for (int k = 0; k < VIEWS; k++) {
		const int view = view_of(plan_value(p, y) + k * SIDE * SIDE, x->x);
		ck_assert_msg(view >= 0, "sample %d", k);
		turned += view % 2;
		different += !seen[view];
		seen[view] = true;
	}
	ck_assert_msg(_i ? turned > VIEWS / 4 && turned < 3 * VIEWS / 4 : turned == 0, "%d turned", turned);
	ck_assert_msg(different > 10, "%d views", different);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
}
END_TEST

/* ---- top-k ---- */

/* Of equal ones the first. */
START_TEST(top_k_chooses_the_highest)
{
	static const real x[B] = {1, 3, -2, 3, 1};
	static const struct {
		double k;
		int chosen[B];
	} rows[] = {
		{1, {0, 1, 0, 0, 0}}, {2, {0, 1, 0, 1, 0}}, {3, {1, 1, 0, 1, 0}},
		{4, {1, 1, 0, 1, 1}}, {5, {1, 1, 1, 1, 1}},
	};
	buffer *f = holding(x, B), *k = holding((real[]){0}, 1);
	graph *g = graph_new(NULL);
	node *y = top_k_choice(g, graph_leaf(g, f), graph_leaf(g, k));
	plan *p = plan_must(g, &y, 1);
	for (int i = 0; i < COUNT(rows); i++) {
		k->x[0] = (real)rows[i].k;
		plan_run(p);
		for (int j = 0; j < B; j++)
			ck_assert_msg((int)plan_value(p, y)[j] == rows[i].chosen[j], "k = %g, sample %d", rows[i].k, j);
	}
	plan_free(p);
	graph_free(g);
	buffer_free(f);
	buffer_free(k);
}
END_TEST

/* G's loss of chosen fakes is that of a batch of these alone, and so is its gradient; the others have none. */
START_TEST(others_than_the_top_k_do_not_count)
{
	static const real reals[B] = {(real)0.5, -1, 2, 0, (real)0.25}, fakes[B] = {(real)0.125, -3, 1, (real)0.75, -2};
	static const int top[] = {0, 2, 3};
	const gan_loss *l = &gan_losses[_i];
	const int K = COUNT(top);
	real few_r[B], few_f[B];
	for (int i = 0; i < K; i++) {
		few_r[i] = reals[top[i]];
		few_f[i] = fakes[top[i]];
	}
	buffer *in[] = {holding(reals, B), holding(fakes, B), holding(few_r, K), holding(few_f, K)};
	graph *g = graph_new(NULL);
	node *x[4], *out[4];
	for (int i = 0; i < COUNT(in); i++)
		x[i] = graph_leaf(g, in[i]);
	out[0] = gan_loss_g(g, l, x[0], x[1], top_k_choice(g, x[1], op_fill(g, SHAPE(1), K)));
	out[1] = gan_loss_g(g, l, x[2], x[3], NULL);
	graph_grad(g, out[0], NULL, &x[1], 1, &out[2]);
	graph_grad(g, out[1], NULL, &x[3], 1, &out[3]);
	plan *p = plan_must(g, out, 4);
	plan_run(p);
	ck_assert(near((double)plan_value(p, out[0])[0], (double)plan_value(p, out[1])[0]));
	for (int i = 0, k = 0; i < B; i++) {
		const bool chosen = k < K && top[k] == i;
		ck_assert(near((double)plan_value(p, out[2])[i], chosen ? (double)plan_value(p, out[3])[k] : 0));
		k += chosen;
	}
	plan_free(p);
	graph_free(g);
	for (int i = 0; i < COUNT(in); i++)
		buffer_free(in[i]);
}
END_TEST

START_TEST(k_falls_epoch_by_epoch)
{
	ck_assert(top_k_of(64, 0.5, 0.99, -3) == 64);
	ck_assert(top_k_of(64, 0.5, 0.99, 0) == 64);
	ck_assert(top_k_of(64, 0.5, 0.99, 1) == 63);
	ck_assert(top_k_of(64, 0.5, 0.99, 2) == 62);                 /* 62.7 */
	ck_assert(top_k_of(64, 0.5, 0.99, 1000000) == 32);
	ck_assert(top_k_of(4, 0.01, 0, 1) == 1);
}
END_TEST

static int losses(void)
{
	int n = 0;
	while (gan_losses[n].name)
		n++;
	return n;
}

int main(void)
{
	const suite_test tests[] = {
		{lecam_is_its_formula, 1},
		{inconsistency_pulls_both_sides, 1},
		{the_same_meaning_is_shifted_and_turned, 2},
		{top_k_chooses_the_highest, 1},
		{others_than_the_top_k_do_not_count, losses()},
		{k_falls_epoch_by_epoch, 1},
	};
	return suite_run("regularisers", tests, COUNT(tests), 60);
}
