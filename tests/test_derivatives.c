/* test_derivatives.c - first and second derivatives of every op: the rows of tests/derivative_rows.c.
 * Conventions at kinks and ties have tests of their own below the table. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan.h"
#include "core/base/thread.h"
#include "tests/derivative_rows.h"
#include "tests/gradcheck.h"
#include "tests/suite.h"

START_TEST(derivatives_of_row)
{
	char why[GRAD_WHY] = "";
	ck_assert_msg(gradcheck_case(&derivative_rows[_i].c, why), "%s", why);
}
END_TEST

/* A row that claims an op must have it in the graph it builds. */
START_TEST(row_contains_its_op)
{
	const grad_case *c = &derivative_rows[_i].c;
	graph *g = graph_new(NULL);
	buffer *b[4];
	node *in[4];
	for (int i = 0; i < c->n; i++) {
		b[i] = buffer_new("x", shape_of(c->in[i].s.rank, c->in[i].s.dim), NULL);
		in[i] = graph_leaf(g, b[i]);
	}
	c->build(g, in, c->arg);
	bool found = false;
	for (int i = 0; i < graph_count(g); i++)
		found = found || !strcmp(graph_at(g, i)->op->name, derivative_rows[_i].op);
	ck_assert_msg(found, "row \"%s\" builds no %s", c->name, derivative_rows[_i].op);
	graph_free(g);
	for (int i = 0; i < c->n; i++)
		buffer_free(b[i]);
}
END_TEST

/* Ops without inputs (constants, random values) have nothing to differentiate. */
START_TEST(every_op_has_a_row)
{
	int ops = 0;
	for (const op *const *o = op_list; *o; o++, ops++) {
		bool found = (*o)->nin == 0;
		for (int i = 0; i < derivative_row_count; i++)
			found = found || !strcmp(derivative_rows[i].op, (*o)->name);
		ck_assert_msg(found, "op %s has no row in the table of derivatives", (*o)->name);
	}
	ck_assert_int_gt(ops, 30);
}
END_TEST

START_TEST(op_names_differ)
{
	for (const op *const *a = op_list; *a; a++)
		for (const op *const *b = a + 1; *b; b++)
			ck_assert_str_ne((*a)->name, (*b)->name);
}
END_TEST

/* ---- the check itself can fail ---- */

static bool wrong_infer(node *y, char *why, size_t why_size)
{
	(void)why, (void)why_size;
	y->s = y->in[0]->s;
	return true;
}

static void wrong_eval(const node *y, void *scratch)
{
	(void)scratch;
	for (int64_t i = 0; i < shape_count(&y->s); i++)
		y->x[i] = y->in[0]->x[i] * y->in[0]->x[i];
}

/* y = x^2 => dx = 2 x dy; the 2 is missing */
static void wrong_first(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_mul(g, dy, y->in[0]);
}

/* right, but a constant for the next derivative */
static void wrong_second(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)need;
	dx[0] = op_mul(g, dy, op_stop(g, op_scale(g, y->in[0], 2)));
}

static const op wrong[] = {
	{.name = "wrong_first", .nin = 1, .infer = wrong_infer, .eval = wrong_eval, .vjp = wrong_first},
	{.name = "wrong_second", .nin = 1, .infer = wrong_infer, .eval = wrong_eval, .vjp = wrong_second},
};

static node *do_wrong(graph *g, node *const *in, const void *arg)
{
	return graph_node(g, arg, 1, (node *[]){in[0]}, NULL);
}

#ifdef REAL_DOUBLE
START_TEST(a_wrong_derivative_is_found)
{
	static const char *const order[] = {"first derivative in input 0", "second derivative in input 0"};
	char why[GRAD_WHY] = "";
	grad_case c = {"wrong", do_wrong, &wrong[_i], 0, 1, {{{2, {3, 4}}, GRAD_SMOOTH}}};
	ck_assert(!gradcheck_case(&c, why));
	ck_assert_msg(strstr(why, order[_i]) && strstr(why, "element"), "%s", why);
}
END_TEST
#endif

/* Without differences, too: a false claim of linearity shows. */
START_TEST(a_false_adjoint_is_found)
{
	char why[GRAD_WHY] = "";
	grad_case c = {"claim", do_wrong, &wrong[1], 1, 1, {{{2, {3, 4}}, GRAD_SMOOTH}}};
	ck_assert(!gradcheck_case(&c, why));
	ck_assert_msg(strstr(why, "linear in input 0"), "%s", why);
}
END_TEST

/* ---- conventions at kinks and ties ---- */

/* d(sum y)/dx for y = build(x), x of one row; dx gets n values. */
static void gradient_of(grad_build build, const void *arg, shape s, const real *x, real *dx)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", s, NULL);
	buffer_write(b, x);
	node *leaf = graph_leaf(g, b), *d;
	graph_grad(g, build(g, &leaf, arg), NULL, &leaf, 1, &d);
	fault e = {.text = ""};
	plan *p = plan_new(g, &d, 1, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	memcpy(dx, plan_value(p, d), (size_t)shape_count(&s) * sizeof *dx);
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}

/* The same for what a row of the table computes. */
static void gradient_at(const char *row, shape s, const real *x, real *dx)
{
	const grad_case *c = derivative_row_named(row);
	gradient_of(c->build, c->arg, s, x, dx);
}

START_TEST(relu_and_abs_at_zero_take_the_left_side)
{
	const real x[2] = {0, (real)-0.0};
	real dx[2];
	gradient_at("relu", SHAPE(2), x, dx);
	ck_assert(dx[0] == 0 && dx[1] == 0);
	gradient_at("leaky_relu", SHAPE(2), x, dx);
	ck_assert(dx[0] == (real)0.2 && dx[1] == (real)0.2);
	gradient_at("abs", SHAPE(2), x, dx);
	ck_assert(dx[0] == -1 && dx[1] == -1);
}
END_TEST

START_TEST(max_pool_ties_go_to_the_first_in_row_major_order)
{
	const real x[2][16] = {
		{1, 1, 0, 2, 1, 1, 2, 2, 3, 0, 0, 0, 0, 3, 0, 0},
		{-1, -1, -2, -1, -1, -1, -1, -2, 0, 0, 5, 4, 0, 0, 5, 5},
	};
	const real want[2][16] = {
		{1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0},
		{1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0},
	};
	real dx[16];
	gradient_at("max_pool 2x2", SHAPE(1, 4, 4, 1), x[_i], dx);
	for (int i = 0; i < 16; i++)
		ck_assert_msg(dx[i] == want[_i][i], "element %d: %g", i, (double)dx[i]);
}
END_TEST

/* All values negative and a padded window: a padding that counted as 0 would win. */
START_TEST(padding_never_wins)
{
	real x[30], dx[30], sum = 0;
	for (int i = 0; i < 30; i++)
		x[i] = (real)(-1 - i);
	gradient_at("max_pool padded", SHAPE(1, 6, 5, 1), x, dx);
	for (int i = 0; i < 30; i++)
		sum += dx[i];
	ck_assert(sum == 9);                         /* one per window */
	ck_assert(dx[0] == 1 && dx[29] == 0);
}
END_TEST

/* The gradient of an unrelated value is zeros, of a stopped one too. */
static node *do_stopped(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return op_mul(g, op_stop(g, in[0]), op_fill(g, in[0]->s, 3));
}

START_TEST(a_stop_has_no_derivative)
{
	const real x[2] = {1, 2};
	real dx[2];
	gradient_of(do_stopped, NULL, SHAPE(2), x, dx);
	ck_assert(dx[0] == 0 && dx[1] == 0);
}
END_TEST

int main(void)
{
	const suite_test table[] = {
		{derivatives_of_row, derivative_row_count},
		{row_contains_its_op, derivative_row_count},
		{every_op_has_a_row, 1},
		{op_names_differ, 1},
	};
	const suite_test own[] = {
#ifdef REAL_DOUBLE
		{a_wrong_derivative_is_found, COUNT(wrong)},
#endif
		{a_false_adjoint_is_found, 1},
	};
	const suite_test kinks[] = {
		{relu_and_abs_at_zero_take_the_left_side, 1},
		{max_pool_ties_go_to_the_first_in_row_major_order, 2},
		{padding_never_wins, 1},
		{a_stop_has_no_derivative, 1},
	};
	const suite_case cases[] = {
		{.name = "table", TESTS(table)},
		{.name = "check", TESTS(own)},
		{.name = "kinks", TESTS(kinks)},
	};
	return suite_run_cases("derivatives", cases, COUNT(cases), 60);
}
