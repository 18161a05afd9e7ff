/* test_plan.c - graphs, derivatives of graphs, and plans: what a plan computes does not depend on how
 * it is fused, placed or threaded. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "core/base/thread.h"
#include "tests/suite.h"

enum { LEAVES = 5, NODES = 60, GRAPHS = 60 };

/* Samples of a random graph: values of 3 fit a cache and are always kept, those of 6 may be computed again. */
static int64_t samples = 3;

static shape leaf_shapes(int i)
{
	const int64_t B = samples;
	const shape s[LEAVES] = {SHAPE(B, 8, 8, 16), SHAPE(16), SHAPE(B, 1, 1, 16), SHAPE(B, 8, 8, 16), SHAPE(1)};
	return s[i];
}

static buffer *random_buffer(const char *name, shape s, rng *r)
{
	buffer *b = buffer_new(name, s, NULL);
	rng_fill_normal(r, b->x, shape_count(&s));
	return b;
}

/* A random expression over the leaves: element-wise ops, broadcasts, sums, views, a product. */
static node *random_graph(graph *g, node *const *leaf, rng *r)
{
	const int64_t B = samples;
	const shape full = SHAPE(B, 8, 8, 16);
	const shape sums[] = {SHAPE(1, 1, 1, 16), SHAPE(B, 1, 1, 16), SHAPE(1, 1, 1, 1), SHAPE(B, 1, 1, 1)};
	node *v[NODES];
	int n = 0;
	for (int i = 0; i < LEAVES; i++)
		v[n++] = op_broadcast(g, leaf[i], full);
	while (n < NODES) {
		node *a = v[rng_below(r, n)], *b = v[rng_below(r, n)], *y = NULL;
		switch (rng_below(r, 10)) {
		case 0: y = op_add(g, a, b); break;
		case 1: y = op_tanh(g, op_mul(g, a, b)); break;
		case 2: y = op_sub(g, a, op_scale(g, b, 0.5)); break;
		case 3: y = op_leaky_relu(g, a, 0.2); break;
		case 4: y = op_sigmoid(g, a); break;
		case 5: y = op_gate(g, a, b, 0.1); break;
		case 6: y = op_tanh(g, op_sub(g, a, op_scale(g, op_sum_to(g, b, sums[rng_below(r, 4)]), 1e-2))); break;
		case 7:
			y = op_exp(g, op_tanh(g, op_reshape(g, a, SHAPE(B, 64, 16))));
			y = op_tanh(g, op_reshape(g, y, full));
			break;
		case 8: y = op_stop(g, op_mul(g, a, a)); y = op_tanh(g, y); break;
		default: {
			node *p = op_softmax(g, op_reshape(g, a, SHAPE(B, 64, 16)));
			y = op_reshape(g, p, full);
		}
		}
		v[n++] = y;
	}
	node *sum = v[n - 1];
	for (int i = n - 8; i < n - 1; i++)
		sum = op_add(g, sum, v[i]);
	return op_mean_all(g, op_tanh(g, sum));
}

typedef struct trial {
	graph *g;
	buffer *leaf[LEAVES], *grad[LEAVES];
	node *out[1 + LEAVES];
} trial;

/* y, its gradients, and the gradient of their squared norm: differentiated twice. */
static void trial_open(trial *t, uint64_t seed)
{
	rng r = rng_new(seed, "graph");
	node *leaf[LEAVES];
	t->g = graph_new(NULL);
	for (int i = 0; i < LEAVES; i++) {
		t->leaf[i] = random_buffer("leaf", leaf_shapes(i), &r);
		t->grad[i] = buffer_new("grad", leaf_shapes(i), NULL);
		leaf[i] = graph_leaf(t->g, t->leaf[i]);
	}
	t->out[0] = random_graph(t->g, leaf, &r);
	node *d[LEAVES], *dd[LEAVES], *norm = NULL;
	graph_grad(t->g, t->out[0], NULL, leaf, LEAVES, d);
	for (int i = 0; i < LEAVES; i++) {
		node *s = op_sum_all(t->g, op_square(t->g, d[i]));
		norm = norm ? op_add(t->g, norm, s) : s;
	}
	graph_grad(t->g, norm, NULL, leaf, LEAVES, dd);
	for (int i = 0; i < LEAVES; i++) {
		t->out[1 + i] = d[i];
		graph_assign(t->g, t->grad[i], dd[i]);
	}
}

static void trial_close(trial *t)
{
	for (int i = 0; i < LEAVES; i++) {
		buffer_free(t->leaf[i]);
		buffer_free(t->grad[i]);
	}
	graph_free(t->g);
}

/* All results of one run in one array; the caller frees it. */
static real *results(trial *t, unsigned flags, int64_t *count)
{
	fault e;
	plan *p = plan_new(t->g, t->out, 1 + LEAVES, flags, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	plan_run(p);
	*count = 1;
	for (int i = 0; i < LEAVES; i++)
		*count += 2 * shape_count(&t->leaf[i]->s);
	real *all = malloc((size_t)*count * sizeof *all), *to = all;
	for (int i = 0; i < 1 + LEAVES; i++) {
		int64_t n = shape_count(&t->out[i]->s);
		memcpy(to, plan_value(p, t->out[i]), (size_t)n * sizeof *to);
		to += n;
	}
	for (int i = 0; i < LEAVES; i++) {
		buffer_read(t->grad[i], to);
		to += shape_count(&t->grad[i]->s);
	}
	plan_free(p);
	return all;
}

START_TEST(placed_run_equals_separate_values)
{
	samples = 3 + 3 * _i;
	for (uint64_t seed = 0; seed < GRAPHS; seed++) {
		trial t;
		int64_t n;
		trial_open(&t, seed);
		real *placed = results(&t, 0, &n), *apart = results(&t, PLAN_SEPARATE, &n);
		ck_assert_msg(!memcmp(placed, apart, (size_t)n * sizeof(real)), "graph %d differs", (int)seed);
		free(placed);
		free(apart);
		trial_close(&t);
	}
}
END_TEST

START_TEST(fused_run_equals_op_by_op)
{
	samples = _i == 0 ? 3 : 6;
	for (uint64_t seed = 0; seed < GRAPHS; seed++) {
		trial t;
		int64_t n;
		trial_open(&t, seed);
		real *fused = results(&t, _i < 2 ? 0 : PLAN_NO_RECOMPUTE, &n);
		real *plain = results(&t, PLAN_NO_FUSE | PLAN_SEPARATE, &n);
		double worst = 0, most = 0;
		for (int64_t i = 0; i < n; i++) {
			worst = fmax(worst, fabs((double)fused[i] - (double)plain[i]));
			most = fmax(most, fabs((double)plain[i]));
			ck_assert_msg(isfinite((double)fused[i]), "graph %d: element %d is not finite", (int)seed,
				(int)i);
		}
		/* Sums are added in another order; second derivatives amplify that. */
		ck_assert_msg(worst <= (sizeof(real) == 4 ? 2e-4 : 1e-12) * most, "graph %d: %g of %g", (int)seed,
			worst, most);
		free(fused);
		free(plain);
		trial_close(&t);
	}
}
END_TEST

/* What a chain computes again instead of reading it has the same bits, and there is less to write. */
/* Two outputs of a graph of two leaves, fused, against op by op. */
typedef void two_outputs(graph *g, node *x, node *b, node **out);

static void fused_is_plain(shape x, shape b, two_outputs *make, double tiny)
{
	rng r = rng_new(1, "data");
	buffer *leaf[] = {random_buffer("x", x, &r), random_buffer("b", b, &r)};
	graph *g = graph_new(NULL);
	node *out[2];
	make(g, graph_leaf(g, leaf[0]), graph_leaf(g, leaf[1]), out);
	plan *fused = plan_new(g, out, 2, 0, NULL), *plain = plan_new(g, out, 2, PLAN_NO_FUSE | PLAN_SEPARATE, NULL);
	plan_run(fused);
	plan_run(plain);
	for (int i = 0; i < 2; i++)
		for (int64_t k = 0; k < shape_count(&out[i]->s); k++) {
			const double is = (double)plan_value(fused, out[i])[k];
			const double want = (double)plan_value(plain, out[i])[k];
			ck_assert_msg(fabs(is - want) <= tiny * fmax(1, fabs(want)), "output %d, element %d: "
				"%g, not %g", i, (int)k, is, want);
		}
	plan_free(fused);
	plan_free(plain);
	graph_free(g);
	buffer_free(leaf[0]);
	buffer_free(leaf[1]);
}

/* Products of 64 and of 8 columns, read under a shape of as many as the bias has. */
static void biases_of_views(graph *g, node *x, node *b, node **out)
{
	const int64_t width = shape_last(&b->s), columns[] = {64, 8};
	node *rows = op_slice_axis(g, x, 0, 0, 16);
	for (int i = 0; i < 2; i++) {
		node *w = op_slice_axis(g, x, 0, 16, 16 + columns[i]);
		node *y = op_matmul(g, rows, w, false, true);
		out[i] = op_add(g, op_reshape(g, y, SHAPE(16 * columns[i] / width, width)), b);
	}
}

/* A product adds a bias to its own rows. Narrower and wider ones than its result once were read as if they fitted. */
START_TEST(a_bias_of_another_width_stays_apart)
{
	static const int64_t width[] = {4, 8, 32, 64};
	fused_is_plain(SHAPE(80, 8), SHAPE(width[_i]), biases_of_views, 64 * (sizeof(real) == 4 ? 1e-6 : 1e-15));
}
END_TEST

/* Sums over all samples and over all but the samples, in one chain. */
static void sums_both_ways(graph *g, node *x, node *b, node **out)
{
	const shape s = x->s;
	node *y = op_square(g, op_sub(g, x, b));
	out[0] = op_sum_to(g, y, SHAPE(1, s.dim[1], s.dim[2]));
	out[1] = op_sum_to(g, y, SHAPE(s.dim[0], s.dim[1], 1));
}

/* A chain is cut where its inner sums end, which may be in the middle of what an outer sum repeats. */
START_TEST(a_sum_goes_on_where_its_section_begins)
{
	const int64_t C = _i ? 1024 : 1500;
	fused_is_plain(SHAPE(64, 2, C), SHAPE(64, 2, 1), sums_both_ways, sizeof(real) == 4 ? 1e-4 : 1e-12);
}
END_TEST

START_TEST(a_value_computed_again_is_the_same)
{
	graph *g = graph_new(NULL);
	rng r = rng_new(1, "again");
	buffer *b[] = {random_buffer("x", SHAPE(64, 8, 16), &r), random_buffer("w", SHAPE(16), &r)};
	node *v = op_leaky_relu(g, op_mul(g, graph_leaf(g, b[0]), graph_leaf(g, b[1])), 0.1);
	static const int swap[] = {1, 0, 2};
	node *y = op_tanh(g, op_add(g, op_permute(g, op_permute(g, op_exp(g, v), swap), swap), v));
	plan *again = plan_new(g, &y, 1, 0, NULL), *kept = plan_new(g, &y, 1, PLAN_NO_RECOMPUTE, NULL);
	plan_run(again);
	plan_run(kept);
	ck_assert(!memcmp(plan_value(again, y), plan_value(kept, y), (size_t)shape_count(&y->s) * sizeof(real)));
	char *text = plan_print(again, NULL);
	ck_assert_msg(strstr(text, "chain mul leaky_relu exp (x, w)")
		&& strstr(text, "chain mul leaky_relu add tanh (x, w, %"), "%s", text);
	free(text);
	text = plan_print(kept, NULL);
	ck_assert_msg(strstr(text, "chain mul leaky_relu exp (x, w)") && strstr(text, "chain add tanh (%"), "%s", text);
	free(text);
	plan_free(again);
	plan_free(kept);
	graph_free(g);
	buffer_free(b[0]);
	buffer_free(b[1]);
}
END_TEST

START_TEST(threads_change_no_bit)
{
	trial t;
	trial_open(&t, 7);
	int64_t n;
	real *one = results(&t, 0, &n);
	for (int threads = 2; threads <= 4; threads++) {
		ck_assert(pool_start(threads, NULL));
		real *many = results(&t, 0, &n);
		ck_assert_msg(!memcmp(one, many, (size_t)n * sizeof(real)), "%d threads differ", threads);
		free(many);
	}
	pool_stop();
	free(one);
	trial_close(&t);
}
END_TEST

/* d/dx of (d/dx tanh(x)): -2 tanh(x) (1 - tanh(x)^2). */
START_TEST(gradient_of_gradient)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(3), NULL);
	const real x[3] = {(real)-0.7, (real)0.1, (real)1.3};
	buffer_write(b, x);
	node *leaf = graph_leaf(g, b), *d, *dd;
	graph_grad(g, op_tanh(g, leaf), NULL, &leaf, 1, &d);
	graph_grad(g, d, NULL, &leaf, 1, &dd);
	plan *p = plan_new(g, &dd, 1, 0, NULL);
	plan_run(p);
	for (int i = 0; i < 3; i++) {
		double t = tanh((double)x[i]);
		ck_assert_double_eq_tol((double)plan_value(p, dd)[i], -2 * t * (1 - t * t), 1e-6);
	}
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(equal_nodes_are_made_once)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(3), NULL);
	node *x = graph_leaf(g, b);
	ck_assert_ptr_eq(x, graph_leaf(g, b));
	ck_assert_ptr_eq(op_tanh(g, x), op_tanh(g, x));
	ck_assert_ptr_ne(op_scale(g, x, 2), op_scale(g, x, 3));
	rng r = rng_new(1, "noise");
	ck_assert_ptr_ne(op_random(g, SHAPE(3), RANDOM_UNIFORM, &r), op_random(g, SHAPE(3), RANDOM_UNIFORM, &r));
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* An assignment is seen by later readers of the same run, and by the buffer after it. */
START_TEST(assignments_happen_after_the_run)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("state", SHAPE(1), NULL);
	node *before = graph_leaf(g, b);
	graph_assign(g, b, op_add_scalar(g, before, 1));
	node *after = graph_current(g, b);
	graph_assign(g, b, op_scale(g, after, 2));
	node *out[] = {op_scale(g, before, 10), graph_current(g, b)};
	plan *p = plan_new(g, out, 2, 0, NULL);
	const double expected[] = {0, 2, 20, 6, 60, 14};
	for (int run = 0; run < 3; run++) {
		plan_run(p);
		ck_assert_double_eq((double)plan_value(p, out[0])[0], expected[2 * run]);
		ck_assert_double_eq((double)plan_value(p, out[1])[0], expected[2 * run + 1]);
		ck_assert_double_eq((double)b->x[0], expected[2 * run + 1]);
	}
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* "The value when the run begins", also of a buffer that gets another one in the same run, in any order. */
START_TEST(buffers_may_change_places)
{
	for (int order = 0; order < 2; order++) {
		graph *g = graph_new(NULL);
		buffer *now = buffer_new("now", SHAPE(2), NULL), *before = buffer_new("before", SHAPE(2), NULL);
		buffer *a = buffer_new("a", SHAPE(2), NULL), *b = buffer_new("b", SHAPE(1, 2), NULL);
		node *next = op_add_scalar(g, graph_leaf(g, now), 1);
		graph_assign(g, order ? now : before, order ? next : graph_leaf(g, now));
		graph_assign(g, order ? before : now, order ? graph_leaf(g, now) : next);
		graph_assign(g, a, graph_leaf(g, b));
		graph_assign(g, b, op_reshape(g, graph_leaf(g, a), b->s));
		b->x[0] = b->x[1] = 7;
		plan *p = plan_new(g, &next, 1, 0, NULL);
		for (int run = 1; run <= 3; run++) {
			plan_run(p);
			for (int i = 0; i < 2; i++) {
				ck_assert_double_eq((double)now->x[i], run);
				ck_assert_double_eq((double)before->x[i], run - 1);
				ck_assert_double_eq((double)a->x[i], run % 2 ? 7 : 0);
				ck_assert_double_eq((double)b->x[i], run % 2 ? 0 : 7);
			}
		}
		plan_free(p);
		graph_free(g);
		buffer *all[] = {now, before, a, b};
		for (int i = 0; i < COUNT(all); i++)
			buffer_free(all[i]);
	}
}
END_TEST

START_TEST(first_wrong_shape_is_remembered)
{
	graph *g = graph_new(NULL);
	buffer *a = buffer_new("a", SHAPE(2, 3), NULL), *b = buffer_new("b", SHAPE(4, 5), NULL);
	graph_push(g, "generator");
	graph_push(g, "block1");
	node *y = op_matmul(g, graph_leaf(g, a), graph_leaf(g, b), false, false);
	graph_pop(g);
	y = op_tanh(g, op_add(g, y, graph_leaf(g, a)));
	fault e = {.text = ""};
	ck_assert_ptr_null(plan_new(g, &y, 1, 0, &e));
	ck_assert_msg(strstr(e.text, "generator/block1: matmul [2,3] [4,5]") == e.text, "%s", e.text);
	graph_free(g);
	buffer_free(a);
	buffer_free(b);
}
END_TEST

/* A buffer that could not be made is no value: the graph says so, and which layer wanted it. */
START_TEST(a_missing_buffer_is_a_wrong_graph)
{
	for (int assigned = 0; assigned < 2; assigned++) {
		graph *g = graph_new(NULL);
		buffer *b = buffer_new("x", SHAPE(4), NULL);
		graph_push(g, "block1");
		node *y = op_add_scalar(g, graph_leaf(g, assigned ? b : NULL), 1);
		graph_assign(g, assigned ? NULL : b, y);
		fault e;
		ck_assert_ptr_null(plan_new(g, &y, 1, 0, &e));
		ck_assert_msg(strncmp(e.text, "block1: ", 8) == 0 && strstr(e.text, "missing"), "%s", e.text);
		graph_free(g);
		buffer_free(b);
	}
}
END_TEST

/* 47 names of ten letters do not fit; cut, the path would be that of another layer. */
START_TEST(a_path_is_never_cut)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(4), NULL);
	node *y = graph_leaf(g, b);
	for (int i = 0; i < 46; i++)
		graph_push(g, "0123456789");
	y = op_add_scalar(g, y, 1);
	ck_assert(graph_ok(g, NULL));
	ck_assert_uint_eq(strlen(y->path), 46 * 11 - 1);
	graph_push(g, "0123456789");
	fault e;
	ck_assert(!graph_ok(g, &e));
	ck_assert_msg(strstr(e.text, "names of layers, one in the other, have more than 511 letters"), "%s", e.text);
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(first_bad_value_is_named)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(4), NULL);
	node *x = graph_leaf(g, b);
	graph_push(g, "here");
	node *bad = op_log(g, op_add_scalar(g, x, -1));
	graph_pop(g);
	node *y = op_sum_all(g, op_tanh(g, bad));
	plan *p = plan_new(g, &y, 1, 0, NULL);
	char where[128] = "";
	plan_run(p);
	ck_assert(plan_find_bad(p, where, sizeof where));
	ck_assert_str_eq(where, "log [4] in here");
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* Workspace is sized for the pool at planning: a larger pool must stop the program, not write past it. */
START_TEST(more_threads_than_planned_is_a_bug)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(4), NULL);
	node *y = op_tanh(g, graph_leaf(g, b));
	plan *p = plan_new(g, &y, 1, 0, NULL);
	ck_assert(pool_start(2, NULL));
	plan_run(p);
}
END_TEST

START_TEST(arena_is_smaller_than_the_sum_of_values)
{
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(64, 64), NULL);
	node *y = graph_leaf(g, b);
	for (int i = 0; i < 20; i++)
		y = op_matmul(g, y, y, false, false);
	plan *p = plan_new(g, &y, 1, 0, NULL);
	ck_assert_uint_lt(plan_bytes(p), 3 * 64 * 64 * sizeof(real) + (1 << 20));
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* ---- plans as text ---- */

/* One line of plan_print: a value, or the workspace of a step. */
typedef struct lodger {
	int step, value, def, last, place_of;        /* value: 0 for workspace; place_of: whose memory it took, or -1 */
	bool in_arena;
	size_t bytes, at;
} lodger;

/* One word of a line, and where the rest begins. */
static const char *word(const char *line, char text[64])
{
	int used = 0;
	ck_assert_msg(sscanf(line, "%63s%n", text, &used) == 1, "a word is missing in: %s", line);
	return line + used;
}

/* Reads a line as a person does; false when it is none of a step. *step is the last number of a step seen. */
static bool lodger_read(const char *line, int *step, int steps, lodger *l)
{
	char text[64], life[64];
	const char *rest = word(line, text);
	int n;
	if (sscanf(text, "%d%n", &n, &(int){0}) == 1 && text[0] != '-') {
		ck_assert_int_eq(n, *step + 1);
		*step = n;
		rest = word(rest, text);
	} else if (strspn(line, " ") < 6)
		return false;
	*l = (lodger){.step = *step, .place_of = -1, .last = steps};
	ck_assert_msg(text[0] == '-' || sscanf(text, "%%%d", &l->value) == 1, "%s", line);
	rest = word(word(rest, text), text);
	ck_assert_msg(sscanf(text, "%zu", &l->bytes) == 1, "%s", line);
	rest = word(word(rest, life), text);
	ck_assert_msg(sscanf(life, "%d..%d", &l->def, &l->last) >= 1, "%s", line);
	l->in_arena = sscanf(text, "%zu", &l->at) == 1;
	const char *place = strstr(rest, "in place of %");
	if (place)
		sscanf(place, "in place of %%%d", &l->place_of);
	return true;
}

/* All lines of a printed plan; *total begins at the line of the arena. */
static int lodgers_read(char *text, lodger *l, const char **total)
{
	int steps = -1, step = -1, n = 0;
	*total = strstr(text, "\narena: ") + 1;
	for (const char *line = text; line < *total; line = strchr(line, '\n') + 1)
		sscanf(line, "%d ", &steps);
	for (const char *line = strchr(text, '\n') + 1; line < *total; line = strchr(line, '\n') + 1)
		n += lodger_read(line, &step, steps + 1, &l[n]);
	ck_assert_int_eq(step, steps);
	return n;
}

static bool took_over(const lodger *y, const lodger *x)
{
	return x->value && y->place_of == x->value && y->at == x->at && y->def == x->last;
}

static void check_no_overlap(const lodger *l, int n, uint64_t seed)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++) {
			const lodger *a = &l[i], *b = &l[k];
			const bool in_time = a->def <= b->last && b->def <= a->last;
			const bool in_space = a->in_arena && b->in_arena && a->at < b->at + b->bytes
				&& b->at < a->at + a->bytes;
			ck_assert_msg(!in_time || !in_space || took_over(a, b) || took_over(b, a),
				      "graph %d: %%%d and %%%d of steps %d and %d lie on each other", (int)seed,
				      a->value, b->value, a->step, b->step);
		}
}

/* The last line, from the lines above it: the end of the last value, and what lives in the fullest step. */
static void check_total(const lodger *l, int n, const char *total, size_t planned)
{
	size_t arena, values, workspace, gaps, end = 0, alive = 0, work = 0;
	int step;
	ck_assert_msg(sscanf(total, "arena: %zu bytes = %zu of values + %zu of workspace in step %d, where most is "
			     "needed, + %zu of gaps", &arena, &values, &workspace, &step, &gaps) == 5, "%s", total);
	for (int i = 0; i < n; i++) {
		if (!l[i].in_arena)
			continue;
		end = l[i].at + l[i].bytes > end ? l[i].at + l[i].bytes : end;
		if (l[i].def > step || l[i].last < step)
			continue;
		bool passed_on = false;
		for (int k = 0; k < n && l[i].last == step; k++)
			passed_on |= l[k].def == step && took_over(&l[k], &l[i]);
		*(l[i].value ? &alive : &work) += passed_on ? 0 : l[i].bytes;
	}
	ck_assert_uint_eq(arena, planned);
	ck_assert_uint_eq(end, planned);
	ck_assert_uint_eq(alive, values);
	ck_assert_uint_eq(work, workspace);
	ck_assert_uint_eq(values + workspace + gaps, arena);
}

START_TEST(printed_values_never_lie_on_each_other)
{
	static lodger l[4096];
	int reused = 0;
	for (uint64_t seed = 0; seed < GRAPHS; seed++) {
		trial t;
		trial_open(&t, seed);
		plan *p = plan_new(t.g, t.out, 1 + LEAVES, 0, NULL);
		char *text = plan_print(p, NULL);
		const char *total;
		const int n = lodgers_read(text, l, &total);
		ck_assert_int_gt(n, 10);
		check_no_overlap(l, n, seed);
		check_total(l, n, total, plan_bytes(p));
		for (int i = 0; i < n; i++)
			reused += l[i].place_of >= 0;
		free(text);
		plan_free(p);
		trial_close(&t);
	}
	ck_assert_int_gt(reused, GRAPHS);
}
END_TEST

static const char small_plan[] =
	" step   value  shape                    bytes  life            offset  computed by\n"
	"    0      %%1  [1,32]             %11d  0..1                 0  sum_to (x)\n"
	"    1      %%2  [1,32]             %11d  1..end               -  chain scale (%%1); written into mean\n"
	"    2      %%7  [64,32]            %11d  2..3                 0  chain sub scale tanh (x, %%2) in out\n"
	"            -  workspace          %11d  2..2       %11d  of step 2\n"
	"    3      %%8  [64,32]            %11d  3..4                 0  softmax (%%7) in out; in place of %%7\n"
	"    4      %%9  [64,32]            %11d  4..5                 0  chain exp (%%8); in place of %%8\n"
	"    5     %%10  [32,64]            %11d  5..end     %11d  permute (%%9)\n"
	"results: %%10\n"
	"after the run: mean = %%2\n"
	"arena: %d bytes = %d of values + %d of workspace in step 2, where most is needed, + 0 of gaps\n";

/* Chains with sums, memory taken over, a value computed where its buffer is, an op with a layer's name. */
START_TEST(a_small_plan_as_text)
{
	graph *g = graph_new(NULL);
	buffer *x = buffer_new("x", SHAPE(64, 32), NULL), *m = buffer_new("mean", SHAPE(32), NULL);
	node *in = graph_leaf(g, x), *mean = op_mean(g, in, 1, true);
	graph_assign(g, m, op_reshape(g, mean, SHAPE(32)));
	graph_push(g, "out");
	node *y = op_softmax(g, op_tanh(g, op_scale(g, op_sub(g, in, mean), 2)));
	graph_pop(g);
	node *z = op_permute(g, op_exp(g, y), (int[]){1, 0});
	plan *p = plan_new(g, &z, 1, 0, NULL);
	char *text = plan_print(p, NULL), expected[2048];
	const int row = 32 * (int)sizeof(real), all = 64 * row;
	snprintf(expected, sizeof expected, small_plan,
		 row, row, all, all, all, all, all, all, all, 2 * all, all, all);
	ck_assert_str_eq(text, expected);
	free(text);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	buffer_free(m);
}
END_TEST

START_TEST(what_a_product_took_in_is_printed)
{
	graph *g = graph_new(NULL);
	buffer *x = buffer_new("x", SHAPE(64, 32), NULL), *w = buffer_new("out/kernel", SHAPE(32, 32), NULL);
	buffer *b = buffer_new("out/bias", SHAPE(32), NULL);
	graph_push(g, "out");
	node *in = graph_leaf(g, x), *y = op_matmul(g, in, graph_leaf(g, w), false, false);
	y = op_leaky_relu(g, op_add(g, op_add(g, y, graph_leaf(g, b)), in), 0.1);
	plan *p = plan_new(g, &y, 1, 0, NULL), *apart = plan_new(g, &y, 1, PLAN_NO_FUSE, NULL);
	char *text = plan_print(p, NULL), *plain = plan_print(apart, NULL);
	ck_assert_msg(strstr(text,
		"  matmul + bias + residual + leaky_relu(0.1) (x, out/kernel, out/bias, x) in out\n"), "%s", text);
	ck_assert_msg(strstr(plain, "  matmul (x, out/kernel) in out") && strstr(plain, "  leaky_relu (%"),
		"%s", plain);
	free(text);
	free(plain);
	plan_free(p);
	plan_free(apart);
	graph_free(g);
	buffer_free(x);
	buffer_free(w);
	buffer_free(b);
}
END_TEST

/* ---- steady ---- */

enum { MOVES = 2 };                                  /* the first leaves; the others are as parameters */

static void move(buffer *b, real by)
{
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		b->x[i] = by - b->x[i] / 2;
}

/* Both plans run; whether the outputs of p are those of q. */
static bool agree(plan *p, plan *q, node *const *out, int n)
{
	bool same = true;
	plan_run(p);
	plan_run(q);
	for (int i = 0; i < n; i++)
		same = same && !memcmp(plan_value(p, out[i]), plan_value(q, out[i]),
				       (size_t)shape_count(&out[i]->s) * sizeof(real));
	return same;
}

/* A plan that computes what is still once has the bits of one that computes all, whatever moves; and it does leave out
 * what is still: a parameter that changes is not seen before plan_renew says so. */
START_TEST(a_steady_plan_gives_the_same_bits)
{
	int unseen = 0;
	for (uint64_t seed = 0; seed < GRAPHS; seed++) {
		rng r = rng_new(seed, "graph");
		graph *g = graph_new(NULL);
		buffer *b[LEAVES];
		node *leaf[LEAVES], *out[1 + LEAVES];
		for (int i = 0; i < LEAVES; i++)
			leaf[i] = graph_leaf(g, b[i] = random_buffer("leaf", leaf_shapes(i), &r));
		out[0] = random_graph(g, leaf, &r);
		graph_grad(g, out[0], NULL, leaf, LEAVES, out + 1);
		plan *p = plan_steady(g, out, 1 + LEAVES, leaf, MOVES, NULL);
		plan *q = plan_new(g, out, 1 + LEAVES, 0, NULL);
		for (int k = 0; k < 4; k++) {
			ck_assert_msg(agree(p, q, out, 1 + LEAVES), "graph %d, run %d", (int)seed, k);
			move(b[k % MOVES], (real)0.25 * (real)k);
		}
		for (int i = MOVES; i < LEAVES; i++)
			move(b[i], 1);
		unseen += !agree(p, q, out, 1 + LEAVES);
		plan_renew(p);
		ck_assert_msg(agree(p, q, out, 1 + LEAVES), "graph %d, renewed", (int)seed);
		ck_assert_msg(agree(p, q, out, 1 + LEAVES), "graph %d, renewed and run again", (int)seed);
		plan_free(p);
		plan_free(q);
		graph_free(g);
		for (int i = 0; i < LEAVES; i++)
			buffer_free(b[i]);
	}
	ck_assert_int_gt(unseen, GRAPHS / 10);
}
END_TEST

/* ---- exact or fast ---- */

enum { MAP = 8, CH = 64 };

/* Output pixel (i,j), channel c, of a 3x3 convolution of x [1,MAP,MAP,CH] with zeros around: in double. */
static double convolved(const real *x, const real *w, int i, int j, int c)
{
	double sum = 0;
	for (int ky = 0; ky < 3; ky++)
		for (int kx = 0; kx < 3; kx++) {
			const int h = i + ky - 1, v = j + kx - 1;
			if (h < 0 || h >= MAP || v < 0 || v >= MAP)
				continue;
			for (int k = 0; k < CH; k++)
				sum += (double)x[(h * MAP + v) * CH + k] * (double)w[((ky * 3 + kx) * CH + k) * CH + c];
		}
	return sum;
}

/* A plan without flags is within the roundings of a direct sum; PLAN_FAST may take twelve times of that (test_conv.c),
 * and here, where F(4x4,3x3) wins, it does compute something else. */
START_TEST(only_a_fast_plan_may_round_more)
{
	const conv_geometry same = {1, 1, 1, 1, 1, 1, 1, 0};
	const double direct = (sizeof(real) == 4 ? 1.2e-7 : 2.3e-16) * (9 * CH + 4);
	rng r = rng_new(1, "fast");
	buffer *b[] = {random_buffer("x", SHAPE(1, MAP, MAP, CH), &r), random_buffer("w", SHAPE(3, 3, CH, CH), &r)};
	graph *g = graph_new(NULL);
	node *y = op_conv2d(g, graph_leaf(g, b[0]), graph_leaf(g, b[1]), same);
	plan *exact = plan_new(g, &y, 1, 0, NULL), *fast = plan_new(g, &y, 1, PLAN_FAST, NULL);
	plan_run(exact);
	plan_run(fast);
	int others = 0;
	for (int i = 0; i < MAP * MAP * CH; i++) {
		const double want = convolved(b[0]->x, b[1]->x, i / CH / MAP, i / CH % MAP, i % CH);
		const real a = plan_value(exact, y)[i], f = plan_value(fast, y)[i];
		ck_assert_msg(fabs((double)a - want) <= direct, "%d: %.9g, should be %.9g", i, (double)a, want);
		ck_assert_msg(fabs((double)f - want) <= 12 * direct, "%d: %.9g, should be %.9g", i, (double)f, want);
		others += a != f;
	}
	ck_assert_int_gt(others, MAP * MAP * CH / 2);
	plan_free(exact);
	plan_free(fast);
	graph_free(g);
	buffer_free(b[0]);
	buffer_free(b[1]);
}
END_TEST

/* ---- times ---- */

/* A profiled run gives the same bits; every step of the plan has its cost, by the name that plan_print gives it, and
 * all of them together take no longer than the runs. */
START_TEST(steps_are_timed_when_asked_for)
{
	enum { RUNS = 3 };
	graph *g = graph_new(NULL);
	rng r = rng_new(1, "times");
	buffer *b[] = {random_buffer("x", SHAPE(300, 64), &r), random_buffer("w", SHAPE(64, 32), &r)};
	node *x = graph_leaf(g, b[0]);
	node *y = op_relu(g, op_matmul(g, op_tanh(g, op_square(g, x)), graph_leaf(g, b[1]), false, false));
	plan *p = plan_new(g, &y, 1, 0, NULL);
	char *text = plan_print(p, NULL);
	real *before = mem_new(300 * 32, sizeof *before, NULL);
	plan_cost c;
	plan_run(p);
	memcpy(before, plan_value(p, y), 300 * 32 * sizeof *before);
	for (int i = 0; plan_cost_at(p, i, &c); i++)
		ck_assert(c.seconds == 0);
	ck_assert(plan_profile(p, NULL));
	const double start = clock_s();
	for (int i = 0; i < RUNS; i++)
		plan_run(p);
	const double wall = clock_s() - start;
	ck_assert(!memcmp(before, plan_value(p, y), 300 * 32 * sizeof *before));
	double sum = 0, flop = 0, bytes = 0;
	int n = 0;
	for (; plan_cost_at(p, n, &c); n++) {
		ck_assert_msg(strstr(text, c.what) != NULL, "%s is not in\n%s", c.what, text);
		ck_assert(c.seconds > 0 && c.runs == RUNS);
		sum += c.seconds;
		flop += c.flop;
		bytes += c.bytes;
	}
	ck_assert_int_eq(n, 2);
	ck_assert(!plan_cost_at(p, -1, &c));
	ck_assert(sum <= wall);
	ck_assert(flop == plan_flop(p));
	/* The chain reads x and writes as much; the product reads that and w, and writes y. */
	ck_assert(bytes == (3 * 300 * 64 + 64 * 32 + 300 * 32) * sizeof(real));
	ck_assert(plan_profile(p, NULL) && plan_cost_at(p, 0, &c) && c.seconds == 0 && c.runs == 0);
	free(before);
	free(text);
	plan_free(p);
	graph_free(g);
	buffer_free(b[0]);
	buffer_free(b[1]);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{placed_run_equals_separate_values, 2},
		{fused_run_equals_op_by_op, 3},
		{a_bias_of_another_width_stays_apart, 4},
		{a_sum_goes_on_where_its_section_begins, 2},
		{a_value_computed_again_is_the_same, 1},
		{threads_change_no_bit, 1},
		{gradient_of_gradient, 1},
		{equal_nodes_are_made_once, 1},
		{assignments_happen_after_the_run, 1},
		{buffers_may_change_places, 1},
		{first_wrong_shape_is_remembered, 1},
		{a_steady_plan_gives_the_same_bits, 1},
		{only_a_fast_plan_may_round_more, 1},
		{a_missing_buffer_is_a_wrong_graph, 1},
		{a_path_is_never_cut, 1},
		{first_bad_value_is_named, 1},
		{arena_is_smaller_than_the_sum_of_values, 1},
		{printed_values_never_lie_on_each_other, 1},
		{a_small_plan_as_text, 1},
		{what_a_product_took_in_is_printed, 1},
		{steps_are_timed_when_asked_for, 1},
	};
	const suite_test bugs[] = {
		{more_threads_than_planned_is_a_bug, 1},
	};
	const suite_case cases[] = {
		{.name = "plan", TESTS(tests)},
		{.name = "bugs", TESTS(bugs), .signal = SIGABRT},
	};
	return suite_run_cases("plan", cases, COUNT(cases), 120);
}
