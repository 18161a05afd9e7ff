/* test_rewrite.c - rewriting and fused epilogues change the work, never the meaning: values, first and
 * second derivatives equal those of the graph as written, up to rounding. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "tests/suite.h"

enum { CASES = 7, WRT = 4 };

static const double TOLERANCE = sizeof(real) == 4 ? 2e-5 : 1e-12;

static conv_geometry same(int k)
{
	return (conv_geometry){.sh = 1, .sw = 1, .top = k / 2, .bottom = k / 2, .left = k / 2, .right = k / 2,
		.groups = 1};
}

/* The patterns, written as in the papers. x [2,6,8,5], w3 [3,3,5,5], w1 [1,1,5,5], b [5]. */
static node *pattern(graph *g, int which, node *x, node *w3, node *w1, node *b)
{
	const window_geometry two = {.kh = 2, .kw = 2, .sh = 2, .sw = 2};
	switch (which) {
	case 0: return op_conv2d(g, op_upsample_nearest(g, x, 2, 2), w3, same(3));
	case 1: return op_conv2d(g, op_upsample_nearest(g, x, 2, 2), w1, same(1));
	case 2: return op_avg_pool(g, op_add(g, op_conv2d(g, x, w3, same(3)), b), two);
	case 3: return op_sum_pool(g, op_add(g, op_conv2d(g, x, w1, same(1)), b), two);
	case 4: {
		/* A generator block with its skip. */
		node *r = op_conv2d(g, op_upsample_nearest(g, op_relu(g, x), 2, 2), w3, same(3));
		r = op_add(g, op_conv2d(g, op_relu(g, op_add(g, r, b)), w3, same(3)), b);
		return op_add(g, r, op_conv2d(g, op_upsample_nearest(g, x, 2, 2), w1, same(1)));
	}
	case 5: {
		/* A discriminator block with its skip, and relu of the sum. */
		node *r = op_relu(g, op_add(g, op_conv2d(g, op_relu(g, x), w3, same(3)), b));
		r = op_avg_pool(g, op_add(g, op_conv2d(g, r, w3, same(3)), b), two);
		return op_relu(g, op_add(g, r, op_avg_pool(g, op_add(g, op_conv2d(g, x, w1, same(1)), b), two)));
	}
	default:
		/* Residual that is the input itself: not to be overwritten. */
		return op_leaky_relu(g, op_add(g, op_add(g, op_conv2d(g, x, w3, same(3)), b), x), 0.2);
	}
}

/* Value, gradients, and gradients of the squared gradients, one after the other. */
static int64_t evaluate(int which, bool rewrite, unsigned flags, buffer **leaf, double *out, bool *cheaper)
{
	graph *g = graph_new(NULL);
	graph_rewrite(g, rewrite);
	node *v[WRT], *d[WRT], *dd[WRT], *all[1 + 2 * WRT], *norm = NULL;
	for (int i = 0; i < WRT; i++)
		v[i] = graph_leaf(g, leaf[i]);
	node *y = pattern(g, which, v[0], v[1], v[2], v[3]);
	/* tanh makes the second derivatives different from zero. */
	graph_grad(g, op_mean_all(g, op_square(g, op_tanh(g, y))), NULL, v, WRT, d);
	for (int i = 0; i < WRT; i++) {
		node *s = op_sum_all(g, op_square(g, d[i]));
		norm = norm ? op_add(g, norm, s) : s;
	}
	graph_grad(g, norm, NULL, v, WRT, dd);
	all[0] = y;
	for (int i = 0; i < WRT; i++) {
		all[1 + i] = d[i];
		all[1 + WRT + i] = dd[i];
	}
	fault e;
	plan *p = plan_new(g, all, 1 + 2 * WRT, flags, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	int64_t n = 0;
	for (int i = 0; i < 1 + 2 * WRT; i++)
		for (int64_t k = 0; k < shape_count(&all[i]->s); k++)
			out[n++] = (double)plan_value(p, all[i])[k];
	*cheaper = plan_flop(p) > 0;
	plan_free(p);
	graph_free(g);
	return n;
}

START_TEST(values_and_derivatives_are_kept)
{
	rng r = rng_new(3, "rewrite");
	const shape s[WRT] = {SHAPE(2, 6, 8, 5), SHAPE(3, 3, 5, 5), SHAPE(1, 1, 5, 5), SHAPE(5)};
	buffer *leaf[WRT];
	for (int i = 0; i < WRT; i++) {
		leaf[i] = buffer_new("leaf", s[i], NULL);
		rng_fill_normal(&r, leaf[i]->x, shape_count(&s[i]));
		for (int64_t k = 0; k < shape_count(&s[i]); k++)
			leaf[i]->x[k] *= (real)0.4;
	}
	enum { MOST = 1 << 15 };
	double *plain = malloc(MOST * sizeof *plain), *fast = malloc(MOST * sizeof *fast);
	bool cheaper;
	int64_t n = evaluate(_i, false, PLAN_NO_FUSE, leaf, plain, &cheaper);
	ck_assert_int_eq(n, evaluate(_i, true, 0, leaf, fast, &cheaper));
	ck_assert(n <= MOST);
	double most = 0;
	for (int64_t k = 0; k < n; k++)
		most = fmax(most, fabs(plain[k]));
	for (int64_t k = 0; k < n; k++)
		ck_assert_msg(fabs(plain[k] - fast[k]) <= TOLERANCE * most, "pattern %d element %d: %g, not %g", _i,
			(int)k, fast[k], plain[k]);
	for (int i = 0; i < WRT; i++)
		buffer_free(leaf[i]);
	free(plain);
	free(fast);
}
END_TEST

/* The point of it: 16 multiplications where there were 36, 1 where there were 4. */
START_TEST(rewriting_saves_the_stated_work)
{
	const double factor[] = {36.0 / 16, 4, 36.0 / 16, 4};
	for (int which = 0; which < COUNT(factor); which++) {
		double flop[2];
		for (int rewrite = 0; rewrite < 2; rewrite++) {
			graph *g = graph_new(NULL);
			graph_rewrite(g, rewrite);
			buffer *x = buffer_new("x", SHAPE(2, 6, 8, 5), NULL),
			       *w3 = buffer_new("w3", SHAPE(3, 3, 5, 5), NULL),
			       *w1 = buffer_new("w1", SHAPE(1, 1, 5, 5), NULL), *b = buffer_new("b", SHAPE(5), NULL);
			node *y = pattern(g, which, graph_leaf(g, x), graph_leaf(g, w3), graph_leaf(g, w1),
				graph_leaf(g, b));
			plan *p = plan_new(g, &y, 1, 0, NULL);
			flop[rewrite] = plan_flop(p);
			plan_free(p);
			graph_free(g);
			buffer_free(x);
			buffer_free(w3);
			buffer_free(w1);
			buffer_free(b);
		}
		ck_assert_double_eq_tol(flop[0] / flop[1], factor[which], 1e-9);
	}
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{values_and_derivatives_are_kept, CASES},
		{rewriting_saves_the_stated_work, 1},
	};
	return suite_run("rewrite", tests, COUNT(tests), 60);
}
