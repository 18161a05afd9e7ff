/* mutants.c - is the test of derivatives a test? Breaks every derivative of every op, one at a time, and lets the
 * rows of tests/derivative_rows.c look, as test_derivatives does. Prints a table; a mutant that no row sees is a
 * failure. In double: in float, differences are too coarse to compare with (tests/gradcheck.h).
 *
 * An op hands dy on as dx[i] for input i. The mutants of y = f(in[0], in[1], ..):
 *
 *   first, drop         dx[i] is left out
 *   first, bend         dx[i] is (1 + BEND) dx[i]
 *   second, drop        dx[i] keeps its value, but in[j] is a constant for its next derivative
 *   second, bend        dx[i] keeps its value; its derivative in in[j] is (1 + BEND) times what it was
 *
 * A constant in[j] is op_stop(in[j]), and y is computed again from it, so that nothing flows through y either. The
 * program is linked with --wrap=graph_vjp: graph_grad then calls the function of that name below.
 *
 * Where dx[i] does not depend on in[j] (y is linear in in[i], or piecewise so) there is no second derivative to
 * break: "none". That is no way out for a row: its differences compare every second derivative with 0, too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/graph_internal.h"
#include "core/graph/ops.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan.h"
#include "tests/derivative_rows.h"

enum { ARITY_MAX = 16 };

/* A row tolerates 2e-7 (1 + the largest element). A bend of 1e-5 is seen everywhere, one of 1e-6 not by all. */
static const double BEND = 1e-5;

static struct mutant {
	const char *op;                              /* NULL: nothing is broken */
	bool second, bend;
	int i, j;                                    /* dx[i], and for the second order in[j] */
} now;
static bool busy;                                    /* inside the function below */
static bool bitten;                                  /* some derivative was changed since this was cleared */

void __real_graph_vjp(graph *g, node *y, node *dy, const bool *need, node **dx);
void __wrap_graph_vjp(graph *g, node *y, node *dy, const bool *need, node **dx);

/* dx[i] of the same op with the inputs `in`. */
static node *gradient_with(graph *g, const node *y, node *dy, const bool *need, node *const *in)
{
	node *dx[ARITY_MAX] = {NULL};
	node *again = graph_node(g, y->op, y->nin, in, &y->a);
	__real_graph_vjp(g, again, dy, need, dx);
	return dx[now.i];
}

static node *gradient_blind_to(graph *g, const node *y, node *dy, const bool *need, int j)
{
	node *in[ARITY_MAX];
	memcpy(in, y->in, (size_t)y->nin * sizeof *in);
	in[j] = op_stop(g, in[j]);
	return gradient_with(g, y, dy, need, in);
}

/* Largest element of d, with the values that the leaves have now. */
static double largest(graph *g, node *d)
{
	fault e;
	plan *p = plan_new(g, &d, 1, 0, &e);
	must(p, "%s", e.text);
	plan_run(p);
	double most = 0;
	for (int64_t k = 0; k < shape_count(&d->s); k++)
		most = fmax(most, fabs((double)plan_value(p, d)[k]));
	plan_free(p);
	return most;
}

/* Whether dx[i] has a derivative in in[j] alone: every input is a value of its own here, cut off from the graph.
 * Some have none although the graph says so: attention_grad computes three gradients at once, and that of v does
 * not depend on v. So the numbers decide, for a sum of dx[i] with weights that are not all the same. */
static bool depends(graph *g, const node *y, node *dy, const bool *need, int j)
{
	node *in[ARITY_MAX], *d;
	for (int k = 0; k < y->nin; k++) {
		in[k] = op_stop(g, y->in[k]);
		for (int times = 0; times < k; times++)
			in[k] = op_stop(g, in[k]);
	}
	node *dx = gradient_with(g, y, op_stop(g, dy), need, in);
	graph_grad(g, dx, op_exp(g, op_stop(g, dx)), &in[j], 1, &d);
	return largest(g, d) > 1e-12;
}

static node *break_second(graph *g, const node *y, node *dy, const bool *need, node *dx)
{
	if (!depends(g, y, dy, need, now.j))
		return dx;
	bitten = true;
	node *blind = gradient_blind_to(g, y, dy, need, now.j);
	return now.bend ? op_add(g, dx, op_scale(g, op_sub(g, dx, blind), BEND)) : blind;
}

static node *break_first(graph *g, node *dx)
{
	bitten = true;
	return now.bend ? op_scale(g, dx, 1 + BEND) : NULL;
}

void __wrap_graph_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	__real_graph_vjp(g, y, dy, need, dx);
	if (busy || !now.op || strcmp(y->op->name, now.op) || now.i >= y->nin || now.j >= y->nin || !dx[now.i])
		return;
	must(y->nin <= ARITY_MAX, "%s has %d inputs, mutants are made of %d", now.op, y->nin, ARITY_MAX);
	busy = true;
	dx[now.i] = now.second ? break_second(g, y, dy, need, dx[now.i]) : break_first(g, dx[now.i]);
	busy = false;
}

/* ---- one mutant ---- */

static int mutants, survivors;

/* The first row about the op that sees the mutant; "none" when there was nothing to break; NULL: it survives. */
static const char *row_that_sees(struct mutant m)
{
	char why[GRAD_WHY];
	bool met = false;
	const char *seen = NULL;
	now = m;
	for (int k = 0; k < derivative_row_count && !seen; k++) {
		bitten = false;
		if (!strcmp(derivative_rows[k].op, m.op) && !gradcheck_case(&derivative_rows[k].c, why))
			seen = derivative_rows[k].c.name;
		met |= bitten;
	}
	now.op = NULL;
	return seen ? seen : met ? NULL : "none";
}

/* Drop and bend; the row that saw both, or a text that says what did not go well. */
static const char *judge(struct mutant m)
{
	const char *seen[2];
	for (int bend = 0; bend < 2; bend++) {
		m.bend = bend;
		seen[bend] = row_that_sees(m);
		if (!seen[bend])
			survivors++;
		if (!seen[bend] || strcmp(seen[bend], "none"))
			mutants++;
	}
	return seen[0] && seen[1] ? seen[1] : seen[0] ? "**bend survives**" : seen[1] ? "**drop survives**"
		: "**survive**";
}

/* ---- the table ---- */

/* Inputs of the op: rows of concat, whose record takes any number, say how many. */
static int arity(const op *o)
{
	int most = o->nin;
	for (int k = 0; k < derivative_row_count; k++)
		if (o->nin < 0 && !strcmp(derivative_rows[k].op, o->name))
			most = MAX(most, derivative_rows[k].c.n);
	return most;
}

/* "0-2: `add`, 3: none": neighbours with the same answer are said once. */
static void print_second(const op *o, int i, int n)
{
	const char *answer[ARITY_MAX];
	for (int j = 0; j < n; j++)
		answer[j] = judge((struct mutant){o->name, .second = true, .i = i, .j = j});
	for (int j = 0, from = 0; j < n; j++) {
		if (j + 1 < n && !strcmp(answer[j + 1], answer[from]))
			continue;
		printf("%s", from ? "; " : "");
		if (from > 0 || j < n - 1)
			printf(from < j ? "%d-%d: " : "%d: ", from, j);
		printf("%s", answer[from]);
		from = j + 1;
	}
}

static void print_op(const op *o)
{
	const int n = arity(o);
	for (int i = 0; i < n; i++) {
		printf("| %s | %d | %s | ", o->name, i, judge((struct mutant){o->name, .i = i}));
		print_second(o, i, n);
		printf(" |\n");
		fflush(stdout);
	}
}

/* A row that is red before anything is broken would see every mutant. */
static bool rows_are_green(void)
{
	char why[GRAD_WHY];
	for (int k = 0; k < derivative_row_count; k++)
		if (!gradcheck_case(&derivative_rows[k].c, why)) {
			fprintf(stderr, "red although nothing is broken: %s\n", why);
			return false;
		}
	return true;
}

int main(void)
{
	if (!rows_are_green())
		return EXIT_FAILURE;
	puts("| op | input | first derivative | second derivative, in each input |\n| --- | --- | --- | --- |");
	for (const op *const *o = op_list; *o; o++)
		if ((*o)->vjp)
			print_op(*o);
	printf("\n%d mutants, %d survivors\n", mutants, survivors);
	return survivors ? EXIT_FAILURE : EXIT_SUCCESS;
}
