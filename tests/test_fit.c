/* test_fit.c - cross-entropy and the share of right answers against their definitions, far from and near the limits of
 * the arithmetic; derivatives. The loop of fit_epoch is run by test_examples.c. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/loss/classes.h"
#include "gan/train/fit.h"
#include "tests/gradcheck.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

enum { B = 5, K = 4 };

/* Logits that are apart from each other, with 0 and large values; the true class of each row. */
static const real Z[B * K] = {1, -2, 0.5, 3, 0, 0.25, -0.25, 0.125, 80, -90, 70, 5, -400, -401, -402, -403, 9, 8, 7, 6};
static const int TRUE_CLASS[B] = {3, 0, 2, 0, 1};

static void run(node *(*make)(graph *, node *, node *), real *y)
{
	kit k = kit_open(SHAPE(B, K), 1);
	buffer *t = buffer_new("truth", SHAPE(B, K), NULL);
	for (int b = 0; b < B; b++)
		t->x[b * K + TRUE_CLASS[b]] = 1;
	kit_ready(&k);
	buffer_write(k.x, Z);
	node *out = make(k.g, k.in, graph_leaf(k.g, t));
	*y = *kit_run(&k, &out, 1);
	kit_close(&k);
	buffer_free(t);
}

START_TEST(cross_entropy_is_minus_the_log_of_the_true_probability)
{
	real y;
	double want = 0;
	run(cross_entropy, &y);
	for (int b = 0; b < B; b++) {
		double sum = 0;
		for (int k = 0; k < K; k++)
			sum += exp((double)Z[b * K + k] - (double)Z[b * K + TRUE_CLASS[b]]);
		want += log(sum) / B;
	}
	ck_assert_double_eq_tol((double)y, want, 10 * kit_tiny);
}
END_TEST

START_TEST(the_largest_logit_decides)
{
	real y;
	run(share_right, &y);
	ck_assert_double_eq_tol((double)y, 2.0 / B, kit_tiny);       /* rows 0 and 3 */
}
END_TEST

static node *entropy_of_two(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return cross_entropy(g, in[0], op_softmax(g, in[1]));
}

START_TEST(derivatives_are_the_differences)
{
	const grad_case c = {"cross_entropy", entropy_of_two, NULL, 0, 2,
			     {{{2, {3, 4}}, GRAD_APART}, {{2, {3, 4}}, GRAD_SMOOTH}}};
	char why[GRAD_WHY];
	ck_assert_msg(gradcheck_case(&c, why), "%s", why);
}
END_TEST

START_TEST(wrong_shapes_are_named)
{
	graph *g = graph_new(NULL);
	buffer *z = buffer_new("z", SHAPE(B, K), NULL), *t = buffer_new("t", SHAPE(B, K + 1), NULL);
	cross_entropy(g, graph_leaf(g, z), graph_leaf(g, t));
	kit_graph_refuses(g, "logits [5,4] and classes [5,5]: must both be [batch, classes]");
	buffer_free(z);
	buffer_free(t);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{cross_entropy_is_minus_the_log_of_the_true_probability, 1},
		{the_largest_logit_decides, 1},
		{derivatives_are_the_differences, 1},
		{wrong_shapes_are_named, 1},
	};
	return suite_run("fit", tests, COUNT(tests), 60);
}
