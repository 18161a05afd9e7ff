/* test_attention.c - attention that never holds its scores: the definition as loops in double, derivatives equal to
 * those of the three products, the same bits for any number of threads, and the memory of a plan. Finite differences
 * are in test_derivatives.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/base/thread.h"
#include "core/kernels/tile.h"
#include "layers/attention.h"
#include "layers/mhsa.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

/* ---- the op ---- */

enum { INPUTS = 3, ORDERS = 3 };

static const struct size_case {
	int64_t G, N, M, d, c;
	double scale;
} sizes[] = {
	{1, 1, 1, 1, 1, 1},            {2, 1, 5, 3, 2, 0.5},          {2, 5, 1, 2, 3, 1},
	{3, 49, 49, 8, 32, 1},         {2, 97, 33, 5, 7, -0.4},       {1, 100, 257, 16, 17, 0.25},
	{1, 200, 800, 4, 40, 0.5},     {20, 7, 300, 9, 16, 0.3},      {2, 300, 64, 33, 64, 0.2},
};

typedef struct bench {
	graph *g;
	buffer *b[INPUTS], *dy;                      /* q, k, v */
	node *in[INPUTS];
	plan *p;
} bench;

static bench bench_open(const struct size_case *s)
{
	bench t = {.g = graph_new(NULL)};
	const shape want[INPUTS] = {SHAPE(s->G, s->N, s->d), SHAPE(s->G, s->M, s->d), SHAPE(s->G, s->M, s->c)};
	rng r = rng_new(5, "attention");
	for (int i = 0; i < INPUTS; i++) {
		t.b[i] = buffer_new("x", want[i], NULL);
		rng_fill_normal(&r, t.b[i]->x, shape_count(&want[i]));
		t.in[i] = graph_leaf(t.g, t.b[i]);
	}
	t.dy = buffer_new("dy", SHAPE(s->G, s->N, s->c), NULL);
	rng_fill_normal(&r, t.dy->x, shape_count(&t.dy->s));
	return t;
}

static void bench_close(bench *t)
{
	plan_free(t->p);
	graph_free(t->g);
	for (int i = 0; i < INPUTS; i++)
		buffer_free(t->b[i]);
	buffer_free(t->dy);
}

static void bench_run(bench *t, node *const *out, int n)
{
	fault e;
	plan_free(t->p);
	t->p = plan_new(t->g, out, n, 0, &e);
	ck_assert_msg(t->p != NULL, "%s", e.text);
	plan_run(t->p);
}

/* The definition, a query at a time: o [c]. */
static void naive(const struct size_case *s, const real *q, const real *k, const real *v, double *w, double *o)
{
	double top = -INFINITY, sum = 0;
	for (int64_t m = 0; m < s->M; m++) {
		w[m] = 0;
		for (int64_t i = 0; i < s->d; i++)
			w[m] += s->scale * (double)q[i] * (double)k[m * s->d + i];
		top = fmax(top, w[m]);
	}
	for (int64_t m = 0; m < s->M; m++)
		sum += w[m] = exp(w[m] - top);
	for (int64_t j = 0; j < s->c; j++) {
		o[j] = 0;
		for (int64_t m = 0; m < s->M; m++)
			o[j] += w[m] / sum * (double)v[m * s->c + j];
	}
}

START_TEST(attention_is_its_definition)
{
	const struct size_case *s = &sizes[_i];
	bench t = bench_open(s);
	node *y = op_attention_blocked(t.g, t.in[0], t.in[1], t.in[2], s->scale);
	bench_run(&t, &y, 1);
	ck_assert(shape_equal(&y->s, &t.dy->s));
	double *w = mem_new((size_t)(s->M + s->c), sizeof *w, NULL), *o = w + s->M;
	for (int64_t r = 0; r < s->G * s->N; r++) {
		const int64_t at = r / s->N * s->M;
		naive(s, t.b[0]->x + r * s->d, t.b[1]->x + at * s->d, t.b[2]->x + at * s->c, w, o);
		for (int64_t j = 0; j < s->c; j++) {
			const double got = (double)plan_value(t.p, y)[r * s->c + j];
			/* Values reach 4; scores in float are good to 1e-6, and so is their exponential. */
			ck_assert_msg(fabs(got - o[j]) < kit_tiny, "case %d, row %lld: %.9g, should be %.9g", _i,
				      (long long)r, got, o[j]);
		}
	}
	free(w);
	bench_close(&t);
}
END_TEST

/* Scores beyond what e^x can hold; the row with the largest key takes all. */
START_TEST(large_scores_choose_one_key)
{
	const struct size_case s = {1, 3, 600, 2, 2, 1};
	bench t = bench_open(&s);
	for (int64_t m = 0; m < s.M; m++) {
		t.b[1]->x[2 * m] = (real)m;
		t.b[1]->x[2 * m + 1] = 0;
	}
	for (int64_t n = 0; n < s.N; n++)
		t.b[0]->x[2 * n] = n == 0 ? -1000 : n == 1 ? 1000 : 1;
	node *y = op_attention_blocked(t.g, t.in[0], t.in[1], t.in[2], 1), *dx[INPUTS], *out[4] = {y};
	graph_grad(t.g, y, NULL, t.in, INPUTS, dx);
	memcpy(out + 1, dx, sizeof dx);
	bench_run(&t, out, 4);
	const real *o = plan_value(t.p, y), *v = t.b[2]->x;
	for (int j = 0; j < 2; j++) {
		ck_assert(o[j] == v[j]);
		ck_assert(o[2 + j] == v[2 * 599 + j]);
	}
	for (int i = 0; i < INPUTS; i++)
		for (int64_t k = 0; k < shape_count(&dx[i]->s); k++)
			ck_assert(isfinite(plan_value(t.p, dx[i])[k]));
	bench_close(&t);
}
END_TEST

static node *products(graph *g, node *const *in, double scale)
{
	node *A = op_softmax(g, op_scale(g, op_matmul(g, in[0], in[1], false, true), scale));
	return op_matmul(g, A, in[2], false, false);
}

/* Of order 0 the value, of order 1 the gradients of <dy, y>, of order 2 those of the squares of these. */
static int derivatives(bench *t, node *y, int order, node **out)
{
	out[0] = y;
	if (order == 0)
		return 1;
	graph_grad(t->g, y, graph_leaf(t->g, t->dy), t->in, INPUTS, out);
	if (order == 1)
		return INPUTS;
	node *sum = op_fill(t->g, shape_scalar(), 0), *wrt[INPUTS + 1];
	for (int i = 0; i < INPUTS; i++) {
		sum = op_add(t->g, sum, op_sum_all(t->g, op_square(t->g, out[i])));
		wrt[i] = t->in[i];
	}
	wrt[INPUTS] = graph_leaf(t->g, t->dy);
	graph_grad(t->g, sum, NULL, wrt, INPUTS + 1, out);
	return INPUTS + 1;
}

START_TEST(derivatives_equal_those_of_the_products)
{
	const struct size_case *s = &sizes[_i / ORDERS];
	const int order = _i % ORDERS;
	bench t = bench_open(s);
	node *a[INPUTS + 1], *b[INPUTS + 1], *all[2 * (INPUTS + 1)];
	const int n = derivatives(&t, op_attention_blocked(t.g, t.in[0], t.in[1], t.in[2], s->scale), order, a);
	derivatives(&t, products(t.g, t.in, s->scale), order, b);
	memcpy(all, a, (size_t)n * sizeof *a);
	memcpy(all + n, b, (size_t)n * sizeof *b);
	bench_run(&t, all, 2 * n);
	for (int i = 0; i < n; i++) {
		const real *got = plan_value(t.p, a[i]), *want = plan_value(t.p, b[i]);
		double most = 1;
		for (int64_t k = 0; k < shape_count(&a[i]->s); k++)
			most = fmax(most, fabs((double)want[k]));
		const double worst = kit_worst(got, want, shape_count(&a[i]->s));
		ck_assert_msg(worst < kit_tiny * most, "case %d, order %d, input %d: off by %g of %g", _i / ORDERS,
			      order, i, worst, most);
	}
	bench_close(&t);
}
END_TEST

/* The third derivative, with queries and keys that are one value. */
START_TEST(a_value_may_be_queries_and_keys)
{
	bench t = bench_open(&sizes[3]);
	const real scale = (real)0.5;
	node *x = t.in[0], *v = op_slice_axis(t.g, op_tanh(t.g, x), x->s.rank - 1, 0, 1), *d[2], *all[2];
	for (int plain = 0; plain < 2; plain++) {
		node *y = plain ? products(t.g, (node *[]){x, x, v}, (double)scale)
			: op_attention_blocked(t.g, x, x, v, (double)scale);
		for (int order = 0; order < 3; order++) {
			graph_grad(t.g, op_sum_all(t.g, op_square(t.g, y)), NULL, &x, 1, &d[plain]);
			y = d[plain];
		}
		all[plain] = d[plain];
	}
	bench_run(&t, all, 2);
	double most = 0;
	for (int64_t k = 0; k < shape_count(&x->s); k++)
		most = fmax(most, fabs((double)plan_value(t.p, d[1])[k]));
	const double worst = kit_worst(plan_value(t.p, d[0]), plan_value(t.p, d[1]), shape_count(&x->s));
	ck_assert_msg(most > 0 && worst < kit_tiny * 8 * most, "off by %g of %g", worst, most);
	bench_close(&t);
}
END_TEST

/* Few samples, so that the keys fall into pieces, and many. */
START_TEST(threads_do_not_change_a_bit)
{
	const struct size_case s = {_i ? 17 : 1, 210, 1100, 6, 20, 0.5};
	bench t = bench_open(&s);
	node *out[2 * INPUTS + 2], *y = op_attention_blocked(t.g, t.in[0], t.in[1], t.in[2], s.scale);
	int n = derivatives(&t, y, 0, out);
	n += derivatives(&t, y, 1, out + n);
	n += derivatives(&t, y, 2, out + n);
	real *one[2 * INPUTS + 2];
	for (int threads = 1; threads <= 4; threads++) {
		ck_assert(pool_start(threads, NULL));
		bench_run(&t, out, n);
		for (int i = 0; i < n; i++) {
			const size_t bytes = (size_t)shape_count(&out[i]->s) * sizeof(real);
			if (threads == 1)
				memcpy(one[i] = mem_new(bytes, 1, NULL), plan_value(t.p, out[i]), bytes);
			else
				ck_assert_msg(!memcmp(one[i], plan_value(t.p, out[i]), bytes), "%d threads, output %d",
					threads, i);
		}
	}
	pool_stop();
	for (int i = 0; i < n; i++)
		free(one[i]);
	bench_close(&t);
}
END_TEST

/* Whatever the distance to the largest score: 0 where a float would have no digits left, 2^127 at most. */
START_TEST(powers_of_e_are_right_over_their_whole_range)
{
	enum { MANY = 40000 };
	const tile_kernels *level[LEVELS] = {tile_at(LEVEL_BASE), tile_at(LEVEL_V3), tile_at(LEVEL_V4)};
	static real x[MANY], y[MANY];
	for (int i = 0; i < MANY; i++)
		x[i] = (real)(-100 + 0.005 * i);
	for (int l = 0; l < COUNT(level) && level[l]; l++) {
		memcpy(y, x, sizeof x);
		level[l]->exp_shifted(y, 1, MANY, MANY, 1, &(real){0}, NULL);
		for (int i = 0; i < MANY; i++) {
			const double want = fmin(exp((double)x[i]), 0x1p127);
			ck_assert_msg(fabs((double)y[i] - want) <= 1e-5 * want + 1e-37, "%s: e^%g is not %g",
				      level_name(l), (double)x[i], (double)y[i]);
		}
	}
}
END_TEST

/* Where the level has FMA, products are rounded with the sum they join: such levels give the same bits. All are near
 * e^x, and keep 0 and NaN. */
START_TEST(softmax_passes_are_the_same_at_every_level_with_fma)
{
	enum { ROWS = 3, KEYS = 37, COUNT_ = ROWS * KEYS };
	const tile_kernels *level[LEVELS] = {tile_at(LEVEL_BASE), tile_at(LEVEL_V3), tile_at(LEVEL_V4)};
	real x[COUNT_], y[4][COUNT_], top[4][ROWS], sum[4][ROWS], old[ROWS] = {-INFINITY, 50, 0};
	rng r = rng_new(3, "levels");
	rng_fill_normal(&r, x, COUNT_);
	for (int i = 0; i < COUNT_; i++)
		x[i] *= 20;
	x[5] = -INFINITY;
	x[KEYS + 3] = -400;
	x[2 * KEYS + 1] = NAN;
	for (int l = 0; l < COUNT(level) && level[l]; l++) {
		memcpy(y[l], x, sizeof x);
		level[l]->exp_below(y[l], ROWS, KEYS, KEYS, (real)1.5, old, top[l], sum[l]);
		for (int i = 0; i < COUNT_; i++) {
			const double want = exp(1.5 * (double)x[i] - (double)top[l][i / KEYS]);
			ck_assert_msg(isnan(want) ? isnan(y[l][i])
				      : fabs((double)y[l][i] - want) <= 1e-5 * want + 1e-37,
				      "%s, %d: e^(1.5 * %g - %g) is not %g", level_name(l), i, (double)x[i],
				      (double)top[l][i / KEYS], (double)y[l][i]);
		}
		for (int i = 0; i < ROWS; i++) {
			real most = old[i];
			double all = 0;
			for (int k = 0; k < KEYS; k++) {
				most = MAX(most, (real)1.5 * x[i * KEYS + k]);      /* a NaN is not larger */
				all += (double)y[l][i * KEYS + k];
			}
			ck_assert_msg(top[l][i] == most, "%s: the largest of row %d is not %g", level_name(l), i,
				      (double)top[l][i]);
			ck_assert_msg(isnan(all) ? isnan(sum[l][i]) : fabs((double)sum[l][i] - all) <= 1e-6 * all,
				      "%s: the sum of row %d is not %g", level_name(l), i, (double)sum[l][i]);
		}
		ck_assert(y[l][5] == 0);
		ck_assert(sizeof(real) == 8 || y[l][KEYS + 3] == 0);
		ck_assert(isnan(sum[l][2]) && !isnan(sum[l][0]) && top[l][1] >= 50);
		ck_assert(l < LEVEL_V4 || (!memcmp(y[LEVEL_V3], y[l], sizeof x)
					   && !memcmp(sum[LEVEL_V3], sum[l], 2 * sizeof(real))));
	}
}
END_TEST

static const struct {
	shape q, k, v;
	const char *message;
} wrong[] = {
	{{2, {3, 4}}, {3, {1, 5, 4}}, {2, {5, 2}},
	 "attention [3,4] [1,5,4] [5,2]: needs q [..,N,d], k [..,M,d] and v [..,M,c] of the same number of axes"},
	{{3, {2, 3, 4}}, {3, {1, 5, 4}}, {3, {2, 5, 2}},
	 "attention [2,3,4] [1,5,4] [2,5,2]: leading axis 0 differs: 2, 1 and 2"},
	{{2, {3, 4}}, {2, {5, 3}}, {2, {5, 2}},
	 "attention [3,4] [5,3] [5,2]: queries have width 4: must be the keys' 3"},
	{{2, {3, 4}}, {2, {5, 4}}, {2, {6, 2}}, "attention [3,4] [5,4] [6,2]: 5 keys and 6 values: must be as many"},
};

START_TEST(wrong_shapes_are_refused)
{
	graph *g = graph_new(NULL);
	op_attention_blocked(g, op_fill(g, wrong[_i].q, 1), op_fill(g, wrong[_i].k, 1), op_fill(g, wrong[_i].v, 1), 1);
	kit_graph_refuses(g, wrong[_i].message);
}
END_TEST

START_TEST(keys_that_are_no_map_are_refused)
{
	graph *g = graph_new(NULL);
	node *k = op_fill(g, SHAPE(7, 4), 1);
	op_attention_positions(g, op_fill(g, SHAPE(3, 9), 1), k, k, 2, 3);
	kit_graph_refuses(g, "attention [3,9] [7,4] [7,4]: 7 keys are no map of 2 x 3");
	g = graph_new(NULL);
	k = op_fill(g, SHAPE(6, 4), 1);
	op_attention_positions(g, op_fill(g, SHAPE(3, 8), 1), k, k, 2, 3);
	kit_graph_refuses(g, "attention [3,8] [6,4] [6,4]: queries have width 8: must be the keys' 4, and one more for "
			  "each row and column of keys");
}
END_TEST

/* ---- which form it takes ---- */

static bool has_op(const graph *g, const char *name)
{
	for (int i = 0; i < graph_count(g); i++)
		if (!strcmp(graph_at(g, i)->op->name, name))
			return true;
	return false;
}

START_TEST(scores_are_held_where_they_are_few)
{
	static const struct {
		int64_t G, N, M;
		bool rewrite, blocked;
	} c[] = {
		{1, 64, 16, true, false}, {64, 64, 16, true, false}, {1, 4096, 4096, true, true},
		{2, 4096, 1024, true, true}, {1, 4096, 4096, false, false},
	};
	for (int i = 0; i < COUNT(c); i++) {
		graph *g = graph_new(NULL);
		graph_rewrite(g, c[i].rewrite);
		node *k = op_fill(g, SHAPE(c[i].G, c[i].M, 8), 1);
		op_attention(g, op_fill(g, SHAPE(c[i].G, c[i].N, 8), 1), k, k, 0.5);
		ck_assert(has_op(g, "attention") == c[i].blocked && has_op(g, "softmax") != c[i].blocked);
		graph_free(g);
	}
}
END_TEST

/* ---- layers ---- */

static node *self_attention(kit *k, const char *variant, node **map)
{
	static attention a;
	attention_config c;
	fault e;
	const int64_t C = shape_last(&k->in->s);
	ck_assert_msg(attention_variant(variant, C, (sn_options){0}, &c, &e), "%s", e.text);
	attention_init(k->m, &a, "attention", C, c);
	kit_ready(k);
	return attention_apply(k->g, &a, k->in, (mode){.train = true}, map, NULL);
}

/* The map is asked for: the scores are held, and nothing else changes. */
START_TEST(the_map_does_not_change_the_layer)
{
	kit k = kit_open(SHAPE(2, 32, 32, 8), 4);
	node *map, *out[2];
	static attention a;
	attention_config c;
	ck_assert(attention_variant("plain", 8, (sn_options){0}, &c, NULL));
	attention_init(k.m, &a, "attention", 8, c);
	kit_ready(&k);
	out[0] = attention_apply(k.g, &a, k.in, (mode){0}, NULL, NULL);
	ck_assert(has_op(k.g, "attention"));
	out[1] = attention_apply(k.g, &a, k.in, (mode){0}, &map, NULL);
	const real *y = kit_run(&k, out, 2);
	ck_assert(kit_worst(y, plan_value(k.p, out[1]), shape_count(&k.x->s)) < kit_tiny);
	kit_close(&k);
}
END_TEST

/* Positions as channels of queries, against scores held. */
START_TEST(positions_do_not_hold_the_scores)
{
	kit k = kit_open(SHAPE(1, 24, 32, 4), 5);
	mhsa a;
	mhsa_options o = mhsa_layer_defaults;
	o.num_heads = 2;
	o.key_dim = 3;
	o.relative = _i % 2;
	o.form = _i / 2 ? MHSA_FUNCTION : MHSA_LAYER;
	mhsa_init(k.m, &a, "mhsa", 24, 32, 4, o);
	kit_ready(&k);
	node *scores, *out[4];
	out[0] = mhsa_apply(k.g, &a, k.in, (mode){0}, NULL);
	ck_assert(has_op(k.g, "attention") && !has_op(k.g, "softmax"));
	out[1] = mhsa_apply(k.g, &a, k.in, (mode){0}, &scores);
	for (int i = 0; i < 2; i++)
		graph_grad(k.g, op_sum_all(k.g, op_square(k.g, out[i])), NULL,
			   (node *[]){graph_leaf(k.g, a.pos.r_width)}, 1, &out[2 + i]);
	kit_run(&k, out, 4);
	for (int i = 0; i < 4; i += 2) {
		double most = 1;
		const real *want = plan_value(k.p, out[i + 1]);
		for (int64_t j = 0; j < shape_count(&out[i]->s); j++)
			most = fmax(most, fabs((double)want[j]));
		ck_assert(kit_worst(plan_value(k.p, out[i]), want, shape_count(&out[i]->s)) < 5 * kit_tiny * most);
	}
	kit_close(&k);
}
END_TEST

/* Bytes of a plan that computes y and, if asked, the gradients by x and all weights. */
static size_t bytes_of(kit *k, node *y, bool penalty)
{
	enum { MOST = 32 };
	node *wrt[MOST], *out[MOST], *loss = op_sum_all(k->g, op_square(k->g, y));
	const int n = module_params(k->m);
	ck_assert_int_lt(n, MOST - 1);
	wrt[0] = k->in;
	for (int i = 0; i < n; i++)
		wrt[i + 1] = graph_leaf(k->g, module_param_at(k->m, i));
	if (penalty) {
		graph_grad(k->g, loss, NULL, wrt, 1, out);
		loss = op_sum_all(k->g, op_square(k->g, out[0]));
	}
	graph_grad(k->g, loss, NULL, wrt, n + 1, out);
	out[n + 1] = y;
	fault e;
	k->p = plan_new(k->g, out, n + 2, 0, &e);
	ck_assert_msg(k->p != NULL, "%s", e.text);
	return plan_bytes(k->p);
}

static const char *const full[] = {"official", "paper", "plain", "ashpy", "simplegan", "mnistgans", "conv2d"};

/* 64x64 positions, 64 channels, batch 16: the matrix of one sample is 67 MB in float, that of all 1074. y and dx
 * count as well. */
START_TEST(a_map_of_64x64_trains_within_200_megabytes)
{
	ck_assert(pool_start(4, NULL));
	kit k = kit_open(SHAPE(16, 64, 64, 64), 6);
	const size_t bytes = bytes_of(&k, self_attention(&k, full[_i], NULL), false) / (sizeof(real) / sizeof(float));
	ck_assert_msg(bytes <= 200000000, "%s: %zu bytes", full[_i], bytes);
	kit_close(&k);
	pool_stop();
}
END_TEST

/* A gradient penalty: a third of one matrix for all samples. */
START_TEST(second_derivatives_do_not_hold_the_scores)
{
	ck_assert(pool_start(4, NULL));
	kit k = kit_open(SHAPE(16, 64, 64, 64), 6);
	const size_t bytes = bytes_of(&k, self_attention(&k, full[_i], NULL), true) / (sizeof(real) / sizeof(float));
	ck_assert_msg(bytes <= 350000000, "%s: %zu bytes", full[_i], bytes);
	kit_close(&k);
	pool_stop();
}
END_TEST

/* Two heads with relative positions: their scores would be 2147 MB in float, the logits of rows and columns are 67. */
START_TEST(heads_on_64x64_train_within_350_megabytes)
{
	ck_assert(pool_start(4, NULL));
	kit k = kit_open(SHAPE(16, 64, 64, 64), 6);
	mhsa a;
	mhsa_options o = mhsa_layer_defaults;
	o.num_heads = 2;
	o.key_dim = 32;
	mhsa_init(k.m, &a, "mhsa", 64, 64, 64, o);
	kit_ready(&k);
	node *y = mhsa_apply(k.g, &a, k.in, (mode){.train = true}, NULL);
	const size_t bytes = bytes_of(&k, y, false) / (sizeof(real) / sizeof(float));
	ck_assert_msg(bytes <= 350000000, "%zu bytes", bytes);
	kit_close(&k);
	pool_stop();
}
END_TEST

int main(void)
{
	const suite_test alone[] = {
		{attention_is_its_definition, COUNT(sizes)},
		{large_scores_choose_one_key, 1},
		{derivatives_equal_those_of_the_products, COUNT(sizes) * ORDERS},
		{a_value_may_be_queries_and_keys, 1},
		{threads_do_not_change_a_bit, 2},
		{powers_of_e_are_right_over_their_whole_range, 1},
		{softmax_passes_are_the_same_at_every_level_with_fma, 1},
		{wrong_shapes_are_refused, COUNT(wrong)},
		{keys_that_are_no_map_are_refused, 1},
		{scores_are_held_where_they_are_few, 1},
	};
	const suite_test layers[] = {
		{the_map_does_not_change_the_layer, 1},
		{positions_do_not_hold_the_scores, 4},
		{a_map_of_64x64_trains_within_200_megabytes, COUNT(full)},
		{second_derivatives_do_not_hold_the_scores, COUNT(full)},
		{heads_on_64x64_train_within_350_megabytes, 1},
	};
	const suite_case cases[] = {
		{.name = "op", TESTS(alone)},
		{.name = "layers", TESTS(layers)},
	};
	return suite_run_cases("attention", cases, COUNT(cases), 120);
}
