/* test_layers.c - properties of every layer, and their derivatives by finite differences.
 *
 * Equality with the originals is in the reference files; here are the laws that hold for any weights. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "layers/attention.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/embedding.h"
#include "layers/init.h"
#include "layers/norm.h"
#include "tests/blocks.h"
#include "tests/gradcheck.h"
#include "tests/suite.h"

static const double tiny = sizeof(real) == 8 ? 1e-12 : 2e-5;
static const mode evaluate = {0}, train = {.train = true}, moving = {.train = true, .update = true};

static buffer *random_buffer(shape s, uint64_t seed)
{
	buffer *b = buffer_new("x", s, NULL);
	rng r = rng_new(seed, "test");
	rng_fill_normal(&r, b->x, shape_count(&s));
	return b;
}

static module *alloc(module *m)
{
	fault e;
	rng r = rng_new(7, "init");
	ck_assert_msg(module_alloc(m, &r, &e), "%s", e.text);
	return m;
}

/* Runs the graph once; the values of out[i] go to x[i], which has room. */
static void run(graph *g, node *const *out, int n, real *const *x)
{
	fault e;
	plan *p = plan_new(g, out, n, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	for (int i = 0; i < n; i++)
		memcpy(x[i], plan_value(p, out[i]), (size_t)shape_count(&out[i]->s) * sizeof(real));
	plan_free(p);
}

static void run_one(graph *g, node *out, real *x)
{
	run(g, &out, 1, &x);
}

static double worst_difference(const real *a, const real *b, int64_t n)
{
	double worst = 0;
	for (int64_t i = 0; i < n; i++)
		worst = MAX(worst, fabs((double)a[i] - (double)b[i]));
	return worst;
}

/* The error text of a module whose registration went wrong. */
static void refused(module *m, const char *message)
{
	fault e = {.text = ""};
	rng r = rng_new(1, "init");
	ck_assert(!module_alloc(m, &r, &e));
	ck_assert_str_eq(e.text, message);
	module_free(m);
}

/* ---- modules ---- */

START_TEST(module_places_buffers_in_blocks)
{
	module *m = module_new(NULL);
	module_push(m, "block1");
	buffer *w = module_param(m, "kernel", SHAPE(3, 5), (init){INIT_CONSTANT, 2});
	buffer *u = module_state(m, "u", SHAPE(5), (init){INIT_ONES, 0}, (state_role){STATE_SN_VECTOR, 0});
	module_pop(m);
	buffer *b = module_param(m, "bias", shape_scalar(), (init){INIT_CONSTANT, 3});
	alloc(m);
	ck_assert_str_eq(w->name, "block1/kernel");
	ck_assert_str_eq(u->name, "block1/u");
	ck_assert_ptr_eq(module_find(m, "bias"), b);
	ck_assert_ptr_null(module_find(m, "kernel"));
	ck_assert_int_eq(module_param_count(m), 16);
	ck_assert_int_eq(module_params(m), 2);
	ck_assert_ptr_eq(module_param_block(m), w->x);
	ck_assert_uint_eq((uintptr_t)b->x % 64, 0);
	ck_assert_int_eq(module_grad_at(m, 1)->x - module_grad_block(m), b->x - module_param_block(m));
	double sum = 0;
	for (int64_t i = 0; i < module_block_size(m); i++)
		sum += (double)module_param_block(m)[i];
	ck_assert(sum == 15 * 2 + 3);                /* padding is zero */
	module_free(m);
}
END_TEST

/* What a state is comes from the layer that has it: under whatever name, and of the right neighbour. */
START_TEST(states_know_what_they_are)
{
	static const state_role want[] = {
		{STATE_SN_VECTOR, 0}, {STATE_SN_VECTOR, 0}, {STATE_MOVING_MEAN, 0.75}, {STATE_MOVING_VARIANCE, 0.75},
		{STATE_SN_ROW_VECTOR, 0},
	};
	const init start = {INIT_NORMAL, 1};
	const sn_options on = {.on = true};
	module *m = module_new(NULL);
	dense d, longer;                             /* of a name that begins with d's */
	batch_norm n;
	embedding t;
	dense_init(m, &longer, "ab", 3, (dense_options){.units = 2, .kernel_init = start, .sn = on});
	dense_init(m, &d, "a", 3, (dense_options){.units = 2, .kernel_init = start, .sn = on});
	batch_norm_init(m, &n, "n", 2, (bn_options){.keep = 0.75, .eps = 1e-5});
	embedding_init(m, &t, "t", 4, 2, start, on);
	alloc(m);
	ck_assert_int_eq(module_states(m), COUNT(want));
	for (int i = 0; i < COUNT(want); i++) {
		const state_role r = module_role_at(m, i);
		ck_assert_msg(r.kind == want[i].kind && r.keep == want[i].keep, "%s", module_state_at(m, i)->name);
	}
	ck_assert_ptr_eq(module_beside(m, d.kernel, STATE_SN_VECTOR), d.sn.u);
	ck_assert_ptr_eq(module_beside(m, n.gamma, STATE_MOVING_VARIANCE), n.moving_variance);
	ck_assert_ptr_eq(module_beside(m, t.table, STATE_SN_ROW_VECTOR), t.sn.u);
	ck_assert_ptr_null(module_beside(m, n.gamma, STATE_SN_VECTOR));
	ck_assert_ptr_null(module_beside(m, t.table, STATE_SN_VECTOR));
	module_free(m);
}
END_TEST

/* A layer finds its name again in its nodes' paths, so a name is whole or refused. */
START_TEST(long_names_are_refused_not_cut)
{
	static const char name[] = "a_name_of_thirty_one_letters_ab", longer[] = "a_name_of_thirty_two_letters_abc";
	const dense_options one = {.units = 1, .kernel_init = {INIT_NORMAL, 1}};
	dense d;
	module *m = module_new(NULL);
	dense_init(m, &d, name, 1, one);
	ck_assert_str_eq(d.name, name);
	alloc(m);
	module_free(m);
	m = module_new(NULL);
	dense_init(m, &d, longer, 1, one);
	refused(m, "a_name_of_thirty_two_letters_abc: a layer's name has at most 31 letters");
}
END_TEST

/* d(sum w*w)/dw = 2w lands in the gradient block. */
START_TEST(module_grad_fills_the_gradient_block)
{
	module *m = module_new(NULL);
	buffer *w = module_param(m, "w", SHAPE(4), (init){INIT_NORMAL, 1});
	buffer *unused = module_param(m, "unused", SHAPE(2), (init){INIT_NORMAL, 1});
	alloc(m);
	graph *g = graph_new(NULL);
	node *loss = op_sum_all(g, op_square(g, graph_leaf(g, w)));
	module_grad_at(m, 1)->x[0] = 5;
	module_grad(m, g, loss);
	real y;
	run_one(g, loss, &y);
	for (int i = 0; i < 4; i++)
		ck_assert(fabs((double)(module_grad_at(m, 0)->x[i] - 2 * w->x[i])) < tiny);
	ck_assert(module_grad_at(m, 1)->x[0] == 0);
	(void)unused;
	graph_free(g);
	module_free(m);
}
END_TEST

START_TEST(module_reports_the_first_failure)
{
	module *m = module_new(NULL);
	conv c;
	module_push(m, "block1");
	conv_init(m, &c, "conv1", 10, (conv_options){.filters = 8, .kh = 3, .groups = 4});
	conv_init(m, &c, "conv2", 10, (conv_options){.filters = 0, .kh = 3});
	refused(m, "block1/conv1: in=10, out=8, groups=4: not divisible");
}
END_TEST

/* Sizes whose product is 2 in 64 bits, that are negative two by two, or that overflow together. */
START_TEST(sizes_that_cannot_be_are_refused)
{
	static const int64_t wraps[] = {3, INT64_C(0x5555555555555556)}, negative[] = {-2, -3},
		huge[] = {INT64_C(1) << 62, 4};
	const shape shapes[] = {shape_of(2, wraps), shape_of(2, negative), shape_of(2, huge)};
	static const char *const why[] = {"has too many elements", "axis 0 must be at least 1",
		"has too many elements"};
	for (int i = 0; i < COUNT(shapes); i++) {
		fault e;
		ck_assert_ptr_null(buffer_new("b", shapes[i], &e));
		ck_assert_msg(strstr(e.text, why[i]) && strncmp(e.text, "buffer b: ", 10) == 0, "%s", e.text);
		module *m = module_new(NULL);
		ck_assert_ptr_null(module_param(m, "w", shapes[i], (init){INIT_NORMAL, 1}));
		ck_assert(!module_good(m, &e) && strstr(e.text, why[i]));
		module_free(m);
		buffer b = {.name = (char *)"own", .s = shapes[i]};
		graph *g = graph_new(NULL);
		graph_leaf(g, &b);
		ck_assert(!graph_ok(g, &e) && strstr(e.text, why[i]));
		graph_free(g);
	}
	module *m = module_new(NULL);
	dense d;
	dense_init(m, &d, "d", -4, (dense_options){.units = -3, .kernel_init = {INIT_NORMAL, 1}});
	refused(m, "d: kernel: shape [-4,-3]: axis 0 must be at least 1");
	m = module_new(NULL);
	fault e;
	rng r = rng_new(1, "init");
	for (int i = 0; i < 9; i++)
		module_param(m, (const char[]){(char)('a' + i), 0}, SHAPE(INT64_C(1) << 57), (init){INIT_ZEROS, 0});
	ck_assert(!module_alloc(m, &r, &e));
	ck_assert_msg(strstr(e.text, "it has too many elements"), "%s", e.text);
	module_free(m);
	m = module_new(NULL);
	layer_norm n;
	layer_norm_init(m, &n, "n", SHAPE(2, 4), (ln_options){.axes = 1u << 5});
	refused(m, "n: layer_norm: an axis beyond the 2 of the input");
}
END_TEST

/* ---- starts ---- */

enum { DRAWS = 96 * 96 };

/* kind, value, expected deviation of a [96,96] kernel, largest magnitude allowed */
static const struct {
	init i;
	double deviation, limit;
} starts[] = {
	{{INIT_NORMAL, 0.02}, 0.02, 0.2},
	{{INIT_TRUNCATED, 0.5}, 0.5 * 0.8796256610, 1},
	{{INIT_GLOROT_UNIFORM, 0}, 0.102062, 0.1767767},         /* sqrt(2/192), sqrt(6/192) */
	{{INIT_GLOROT_UNIFORM, 2}, 0.204124, 0.3535534},
	{{INIT_GLOROT_NORMAL, 0}, 0.102062, 1},
	{{INIT_HE_FAN_OUT, 0}, 0.144338, 0.3281803},             /* sqrt(2/96), two of it / 0.8796 */
	{{INIT_TORCH_UNIFORM, 0}, 0.058926, 0.1020621},          /* 1/sqrt(96)/sqrt(3), 1/sqrt(96) */
	{{INIT_TORCH_UNIFORM, 0.3}, 0.173205, 0.3},
	{{INIT_ORTHOGONAL, 3}, 3 / 9.797959, 3},
};

START_TEST(starts_have_their_deviation_and_bound)
{
	static real x[DRAWS];
	shape s = SHAPE(96, 96);
	rng r = rng_new(1, "init");
	ck_assert(init_draw(starts[_i].i, &s, x, &r, NULL));
	double sum = 0, square = 0, largest = 0;
	for (int i = 0; i < DRAWS; i++) {
		sum += (double)x[i];
		square += (double)x[i] * (double)x[i];
		largest = MAX(largest, fabs((double)x[i]));
	}
	double deviation = sqrt(square / DRAWS), d = starts[_i].deviation;
	ck_assert_msg(fabs(deviation / d - 1) < 0.03, "deviation %g, expected %g", deviation, d);
	ck_assert_msg(fabs(sum / DRAWS) < 0.05 * d, "mean %g", sum / DRAWS);
	ck_assert_msg(largest <= starts[_i].limit * 1.000001, "largest %g", largest);
}
END_TEST

/* Columns (tall) or rows (wide) are orthonormal, times the gain. */
START_TEST(orthogonal_starts_are_orthogonal)
{
	const shape shapes[] = {SHAPE(3, 3, 4, 20), SHAPE(7, 40), SHAPE(16, 16)};
	shape s = shapes[_i];
	int64_t out = shape_last(&s), rows = shape_count(&s) / out, few = MIN(out, rows), many = MAX(out, rows);
	real *x = mem_new((size_t)(out * rows), sizeof *x, NULL);
	rng r = rng_new(1, "init");
	ck_assert(init_draw((init){INIT_ORTHOGONAL, 2}, &s, x, &r, NULL));
	for (int64_t a = 0; a < few; a++)
		for (int64_t b = 0; b < few; b++) {
			double dot = 0;
			for (int64_t k = 0; k < many; k++)
				dot += (double)x[out < rows ? k * out + a : a * out + k] *
					(double)x[out < rows ? k * out + b : b * out + k];
			ck_assert(fabs(dot - (a == b ? 4 : 0)) < 10 * tiny);
		}
	free(x);
}
END_TEST

/* ---- convolutions ---- */

static const struct {
	conv_options o;
	bool transposed;
	int64_t in, out;                             /* sizes: in x (in+1) -> out x (that of in+1) */
} geometries[] = {
	{{.filters = 4, .kh = 3, .padding = PAD_SAME}, false, 7, 7},
	{{.filters = 4, .kh = 4, .sh = 2, .padding = PAD_SAME}, false, 7, 4},
	{{.filters = 4, .kh = 3, .padding = PAD_VALID}, false, 7, 5},
	{{.filters = 4, .kh = 4, .sh = 2, .padding = PAD_EVEN, .pad = 1}, false, 8, 4},
	{{.filters = 4, .kh = 3, .groups = 2, .padding = PAD_SAME}, false, 7, 7},
	{{.filters = 4, .kh = 4, .sh = 2, .padding = PAD_SAME}, true, 7, 14},
	{{.filters = 4, .kh = 4, .sh = 2, .padding = PAD_EVEN, .pad = 1}, true, 7, 14},
	{{.filters = 4, .kh = 4, .padding = PAD_VALID}, true, 1, 4},
	{{.filters = 4, .kh = 2, .sh = 3, .padding = PAD_VALID}, true, 5, 15},
	{{.filters = 4, .kh = 5, .sh = 2, .padding = PAD_VALID}, true, 5, 13},
};

/* The documented size, and a bias that is added everywhere: with kernel 0, y is the bias. */
START_TEST(convolutions_have_their_size_and_bias)
{
	conv_options o = geometries[_i].o;
	conv c;
	fault e;
	o.bias = true;
	o.bias_init = (init){INIT_CONSTANT, 3};
	module *m = module_new(NULL);
	graph *g = graph_new(NULL);
	node *x = op_fill(g, SHAPE(2, geometries[_i].in, geometries[_i].in, 6), 1), *y;
	if (geometries[_i].transposed)
		conv_transpose_init(m, &c, "conv", 6, o);
	else
		conv_init(m, &c, "conv", 6, o);
	alloc(m);
	y = geometries[_i].transposed ? conv_transpose_apply(g, &c, x, evaluate) : conv_apply(g, &c, x, evaluate);
	ck_assert_msg(graph_ok(g, &e), "%s", e.text);
	shape expected = SHAPE(2, geometries[_i].out, geometries[_i].out, 4);
	ck_assert_msg(shape_equal(&y->s, &expected), "%s", shape_print(&y->s).s);
	real *v = mem_new((size_t)shape_count(&y->s), sizeof *v, NULL);
	run_one(g, y, v);
	for (int64_t i = 0; i < shape_count(&y->s); i++)
		ck_assert(v[i] == 3);
	free(v);
	graph_free(g);
	module_free(m);
}
END_TEST

/* ---- batch norm ---- */

enum { BN_B = 4, BN_N = 4 * 3 * 5, BN_C = 3 };       /* x [4,3,5,3] */

static void moments(const real *x, int c, double *mean, double *var)
{
	*mean = *var = 0;
	for (int i = 0; i < BN_N; i++)
		*mean += (double)x[i * BN_C + c] / BN_N;
	for (int i = 0; i < BN_N; i++)
		*var += pow((double)x[i * BN_C + c] - *mean, 2) / BN_N;
}

/* Each channel has mean beta and deviation |gamma|; the running ones move by 1-keep, with n/(n-1). */
START_TEST(batch_norm_normalises_and_tracks)
{
	module *m = module_new(NULL);
	batch_norm b;
	batch_norm_init(m, &b, "norm", BN_C, (bn_options){.keep = 0.8, .eps = 1e-30, .no_bessel = _i});
	alloc(m);
	block_scramble(m, 1);
	buffer *x = random_buffer(SHAPE(BN_B, 3, 5, BN_C), 2);
	real y[BN_N * BN_C];
	graph *g = graph_new(NULL);
	node *in = graph_leaf(g, x);
	run_one(g, batch_norm_apply(g, &b, in, moving), y);
	for (int c = 0; c < BN_C; c++) {
		double mean, var, xm, xv, bessel = _i ? 1 : (double)BN_N / (BN_N - 1);
		moments(y, c, &mean, &var);
		moments(x->x, c, &xm, &xv);
		ck_assert(fabs(mean - (double)b.beta->x[c]) < tiny);
		ck_assert(fabs(sqrt(var) - fabs((double)b.gamma->x[c])) < tiny);
		ck_assert(fabs((double)b.moving_mean->x[c] - 0.2 * xm) < tiny);
		ck_assert(fabs((double)b.moving_variance->x[c] - (0.8 + 0.2 * xv * bessel)) < tiny);
	}
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

/* Without update nothing moves; applied twice in one graph the statistics move twice. */
START_TEST(batch_norm_moves_once_per_updating_application)
{
	module *m = module_new(NULL);
	batch_norm b;
	batch_norm_init(m, &b, "norm", BN_C, (bn_options){.keep = 0.5, .eps = 1e-5});
	alloc(m);
	buffer *x = random_buffer(SHAPE(BN_B, 3, 5, BN_C), 3);
	real y[BN_N * BN_C];
	double mean, var;
	moments(x->x, 0, &mean, &var);
	graph *g = graph_new(NULL);
	run_one(g, batch_norm_apply(g, &b, graph_leaf(g, x), train), y);
	ck_assert(b.moving_mean->x[0] == 0 && b.moving_variance->x[0] == 1);
	batch_norm_apply(g, &b, graph_leaf(g, x), moving);
	run_one(g, batch_norm_apply(g, &b, graph_leaf(g, x), moving), y);
	ck_assert(fabs((double)b.moving_mean->x[0] - 0.75 * mean) < tiny);
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

START_TEST(batch_norm_evaluates_with_running_statistics)
{
	module *m = module_new(NULL);
	batch_norm b;
	batch_norm_init(m, &b, "norm", BN_C, (bn_options){.keep = 0.9, .eps = 0.25});
	alloc(m);
	block_scramble(m, 4);
	for (int c = 0; c < BN_C; c++) {
		b.moving_mean->x[c] = (real)(c - 1);
		b.moving_variance->x[c] = (real)(c + 2);
	}
	buffer *x = random_buffer(SHAPE(BN_B, 3, 5, BN_C), 5);
	real y[BN_N * BN_C];
	graph *g = graph_new(NULL);
	run_one(g, batch_norm_apply(g, &b, graph_leaf(g, x), evaluate), y);
	for (int i = 0; i < BN_N * BN_C; i++) {
		int c = i % BN_C;
		double r = ((double)x->x[i] - (c - 1)) / sqrt(c + 2.25) * (double)b.gamma->x[c] + (double)b.beta->x[c];
		ck_assert(fabs((double)y[i] - r) < tiny);
	}
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

/* Of each sample, cBN is the plain norm with the gain and bias of its class. */
START_TEST(conditional_norm_is_batch_norm_per_class)
{
	enum { K = 3 };
	enum cond_form form = _i ? COND_ONE_PLUS : COND_TABLE;
	module *m = module_new(NULL), *plain = module_new(NULL);
	cond_norm c;
	batch_norm b;
	cond_norm_init(m, &c, "norm", BN_C, K, (bn_options){BN_USUAL}, form, (init){INIT_NORMAL, 1}, (sn_options){0});
	batch_norm_init(plain, &b, "norm", BN_C, (bn_options){BN_USUAL});
	alloc(m);
	alloc(plain);
	block_scramble(m, 6);
	buffer *x = random_buffer(SHAPE(BN_B, 3, 5, BN_C), 7), *label = buffer_new("y", SHAPE(BN_B), NULL);
	const int cls[BN_B] = {2, 0, 2, 1};
	real y[BN_N * BN_C], z[BN_N * BN_C];
	for (int i = 0; i < BN_B; i++)
		label->x[i] = (real)cls[i];
	graph *g = graph_new(NULL);
	node *in = graph_leaf(g, x);
	run_one(g, cond_norm_apply(g, &c, in, graph_leaf(g, label), train), y);
	for (int k = 0; k < K; k++) {
		for (int j = 0; j < BN_C; j++) {
			b.gamma->x[j] = c.gain.table->x[k * BN_C + j] + (real)(form == COND_ONE_PLUS);
			b.beta->x[j] = c.bias.table->x[k * BN_C + j];
		}
		run_one(g, batch_norm_apply(g, &b, in, train), z);
		for (int i = 0; i < BN_B; i++)
			if (cls[i] == k)
				ck_assert(worst_difference(y + i * 45, z + i * 45, 45) < tiny);
	}
	graph_free(g);
	buffer_free(x);
	buffer_free(label);
	module_free(m);
	module_free(plain);
}
END_TEST

/* Of each sample, a norm that follows a vector v is the plain norm with gain 1 + v W and bias v V. */
START_TEST(modulated_norm_is_batch_norm_per_sample)
{
	enum { D = 4 };
	module *m = module_new(NULL), *plain = module_new(NULL);
	cond_norm c;
	batch_norm b;
	cond_norm_init_vector(m, &c, "norm", BN_C, D, (bn_options){BN_USUAL}, (init){INIT_NORMAL, 1}, (sn_options){0});
	batch_norm_init(plain, &b, "norm", BN_C, (bn_options){BN_USUAL});
	alloc(m);
	alloc(plain);
	ck_assert_int_eq(module_param_count(m), 2 * D * BN_C);
	buffer *x = random_buffer(SHAPE(BN_B, 3, 5, BN_C), 7), *v = random_buffer(SHAPE(BN_B, D), 8);
	const real *w = module_find(m, "norm/gain/kernel")->x, *u = module_find(m, "norm/bias/kernel")->x;
	real y[BN_N * BN_C], z[BN_N * BN_C];
	graph *g = graph_new(NULL);
	node *in = graph_leaf(g, x);
	run_one(g, cond_norm_apply(g, &c, in, graph_leaf(g, v), train), y);
	for (int i = 0; i < BN_B; i++) {
		for (int j = 0; j < BN_C; j++) {
			double gain = 1, bias = 0;
			for (int k = 0; k < D; k++) {
				gain += (double)v->x[i * D + k] * (double)w[k * BN_C + j];
				bias += (double)v->x[i * D + k] * (double)u[k * BN_C + j];
			}
			b.gamma->x[j] = (real)gain;
			b.beta->x[j] = (real)bias;
		}
		run_one(g, batch_norm_apply(g, &b, in, train), z);
		ck_assert(worst_difference(y + i * 45, z + i * 45, 45) < 4 * tiny);
	}
	graph_free(g);
	buffer_free(x);
	buffer_free(v);
	module_free(m);
	module_free(plain);
}
END_TEST

/* Rows of a layer norm have mean 0 and variance 1; groups of a group norm too. */
START_TEST(layer_and_group_norm_standardise)
{
	module *m = module_new(NULL);
	layer_norm l;
	group_norm n;
	layer_norm_init(m, &l, "layer", SHAPE(2, 9, 8), (ln_options){.eps = 1e-30});
	group_norm_init(m, &n, "group", 8, 2, 1e-30);
	alloc(m);
	buffer *x = random_buffer(SHAPE(2, 9, 8), 8);
	real y[144], z[144];
	graph *g = graph_new(NULL);
	run_one(g, layer_norm_apply(g, &l, graph_leaf(g, x)), y);
	run_one(g, group_norm_apply(g, &n, graph_leaf(g, x)), z);
	for (int row = 0; row < 18; row++) {
		double sum = 0, square = 0;
		for (int c = 0; c < 8; c++) {
			sum += (double)y[row * 8 + c];
			square += pow((double)y[row * 8 + c], 2);
		}
		ck_assert(fabs(sum) < tiny && fabs(square - 8) < tiny * 8);
	}
	for (int b = 0; b < 4; b++) {                /* sample b/2, group b%2 */
		double sum = 0, square = 0;
		for (int i = 0; i < 36; i++) {
			double v = (double)z[b / 2 * 72 + i / 4 * 8 + b % 2 * 4 + i % 4];
			sum += v;
			square += v * v;
		}
		ck_assert(fabs(sum) < 5 * tiny && fabs(square - 36) < tiny * 36);
	}
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

START_TEST(group_norm_refuses_what_does_not_divide)
{
	module *m = module_new(NULL);
	group_norm n;
	group_norm_init(m, &n, "norm", 10, 4, 1e-5);
	refused(m, "norm: 10 channels, groups=4: not divisible");
}
END_TEST

/* ---- spectral norm ---- */

enum { SN_ROWS = 18, SN_OUT = 7 };                   /* kernel [3,3,2,7] */

/* The largest singular value of w [SN_ROWS,SN_OUT], by 20,000 multiplications with w'w in double. */
static double largest_singular_value(const real *w)
{
	double u[SN_OUT], t[SN_OUT], norm = 0;
	for (int j = 0; j < SN_OUT; j++)
		u[j] = 1 + j;
	for (int k = 0; k < 20000; k++) {
		memset(t, 0, sizeof t);
		for (int i = 0; i < SN_ROWS; i++) {
			double dot = 0;
			for (int j = 0; j < SN_OUT; j++)
				dot += (double)w[i * SN_OUT + j] * u[j];
			for (int j = 0; j < SN_OUT; j++)
				t[j] += (double)w[i * SN_OUT + j] * dot;
		}
		norm = 0;
		for (int j = 0; j < SN_OUT; j++)
			norm += t[j] * t[j];
		norm = sqrt(norm);
		for (int j = 0; j < SN_OUT; j++)
			u[j] = t[j] / norm;
	}
	return sqrt(norm);
}

typedef struct sn_trial {
	module *m;
	buffer *w;
	spectral_norm s;
	graph *g;
} sn_trial;

static sn_trial sn_open(sn_options o, bool by_rows)
{
	sn_trial t = {.m = module_new(NULL), .g = graph_new(NULL)};
	o.on = true;
	t.w = module_param(t.m, "kernel", SHAPE(3, 3, 2, SN_OUT), (init){INIT_NORMAL, 1});
	spectral_norm_init(t.m, &t.s, o, t.w->s, by_rows);
	alloc(t.m);
	return t;
}

static void sn_close(sn_trial *t)
{
	graph_free(t->g);
	module_free(t->m);
}

/* Many iterations find the norm, from either side; the divided kernel has norm 1. */
START_TEST(sigma_is_the_largest_singular_value)
{
	sn_trial t = sn_open((sn_options){.iterations = 300}, _i);
	real sigma, w[SN_ROWS * SN_OUT];
	node *leaf = graph_leaf(t.g, t.w);
	run_one(t.g, spectral_norm_sigma(t.g, &t.s, leaf, moving), &sigma);
	double expected = largest_singular_value(t.w->x);
	ck_assert_msg(fabs((double)sigma / expected - 1) < tiny, "%.9g, expected %.9g", (double)sigma, expected);
	ck_assert_int_eq(shape_count(&t.s.u->s), _i ? SN_ROWS : SN_OUT);
	run_one(t.g, spectral_norm_apply(t.g, &t.s, leaf, evaluate), w);
	ck_assert(fabs(largest_singular_value(w) - 1) < tiny);
	sn_close(&t);
}
END_TEST

/* Training forwards with update iterate u; evaluation and frozen passes leave it, and agree. */
START_TEST(u_moves_in_updating_passes_only)
{
	sn_trial t = sn_open((sn_options){0}, false);
	real before[SN_OUT], a, b;
	node *leaf = graph_leaf(t.g, t.w);
	buffer_read(t.s.u, before);
	run_one(t.g, spectral_norm_sigma(t.g, &t.s, leaf, evaluate), &a);
	run_one(t.g, spectral_norm_sigma(t.g, &t.s, leaf, train), &b);
	ck_assert(a == b && !memcmp(before, t.s.u->x, sizeof before));
	run_one(t.g, spectral_norm_sigma(t.g, &t.s, leaf, moving), &b);
	ck_assert(memcmp(before, t.s.u->x, sizeof before));
	double length = 0;
	for (int j = 0; j < SN_OUT; j++)
		length += pow((double)t.s.u->x[j], 2);
	ck_assert(fabs(length - 1) < tiny);
	ck_assert_msg(b > a, "an iteration brings sigma up: %g to %g", (double)a, (double)b);
	sn_close(&t);
}
END_TEST

/* dW = (dWbar - <dWbar, Wbar> v u') / sigma; with a constant sigma dWbar / sigma. */
START_TEST(sigma_is_inside_the_derivative)
{
	sn_trial t = sn_open((sn_options){.constant_sigma = _i}, false);
	enum { N = SN_ROWS * SN_OUT };
	buffer *dy = random_buffer(t.w->s, 9);
	node *w = graph_leaf(t.g, t.w), *bar = spectral_norm_apply(t.g, &t.s, w, evaluate), *dw;
	graph_grad(t.g, bar, graph_leaf(t.g, dy), &w, 1, &dw);
	real b[N], d[N], sigma;
	run(t.g, (node *[]){bar, dw, spectral_norm_sigma(t.g, &t.s, w, evaluate)}, 3, (real *[]){b, d, &sigma});
	double v[SN_ROWS], norm = 0, inner = 0;
	for (int i = 0; i < SN_ROWS; i++) {
		v[i] = 0;
		for (int j = 0; j < SN_OUT; j++)
			v[i] += (double)t.w->x[i * SN_OUT + j] * (double)t.s.u->x[j];
		norm += v[i] * v[i];
	}
	for (int k = 0; k < N; k++)
		inner += (double)dy->x[k] * (double)b[k];
	for (int k = 0; k < N; k++) {
		double vu = v[k / SN_OUT] / sqrt(norm) * (double)t.s.u->x[k % SN_OUT];
		double expected = ((double)dy->x[k] - (_i ? 0 : inner * vu)) / (double)sigma;
		ck_assert(fabs((double)d[k] - expected) < 10 * tiny);
	}
	buffer_free(dy);
	sn_close(&t);
}
END_TEST

/* A kernel of zeros is divided by max(norm, eps): nothing becomes NaN in u. */
START_TEST(spectral_norm_of_zeros_keeps_u_finite)
{
	sn_trial t = sn_open((sn_options){0}, false);
	memset(t.w->x, 0, SN_ROWS * SN_OUT * sizeof(real));
	real sigma;
	run_one(t.g, spectral_norm_sigma(t.g, &t.s, graph_leaf(t.g, t.w), moving), &sigma);
	ck_assert(sigma == 0);
	for (int j = 0; j < SN_OUT; j++)
		ck_assert(t.s.u->x[j] == 0);
	sn_close(&t);
}
END_TEST

/* ---- attention ---- */

typedef struct att_trial {
	module *m;
	attention a;
	buffer *x;
	graph *g;
	node *in, *y, *map, *ctx;
} att_trial;

static attention_config variant(const char *name, int64_t C)
{
	attention_config c;
	fault e;
	ck_assert_msg(attention_variant(name, C, (sn_options){0}, &c, &e), "%s", e.text);
	return c;
}

static att_trial att_open(attention_config c, shape s)
{
	fault e;
	att_trial t = {.m = module_new(NULL), .g = graph_new(NULL), .x = random_buffer(s, 11)};
	attention_init(t.m, &t.a, "attention", shape_last(&s), c);
	alloc(t.m);
	block_scramble(t.m, 12);
	t.in = graph_leaf(t.g, t.x);
	t.y = attention_apply(t.g, &t.a, t.in, evaluate, &t.map, &t.ctx);
	ck_assert_msg(graph_ok(t.g, &e), "%s", e.text);
	return t;
}

static void att_close(att_trial *t)
{
	graph_free(t->g);
	buffer_free(t->x);
	module_free(t->m);
}

static int variant_count(void)
{
	int n = 0;
	while (attention_variants[n])
		n++;
	return n;
}

enum { ATT_C = 16, ATT_N = 24, ATT_SIZE = 2 * ATT_N * ATT_C };       /* x [2,4,6,16] */

/* y = x exactly when gamma = 0; inside, when also the output bias is 0. */
START_TEST(gamma_zero_is_the_identity)
{
	att_trial t = att_open(variant(attention_variants[_i], ATT_C), SHAPE(2, 4, 6, ATT_C));
	real y[ATT_SIZE];
	run_one(t.g, t.y, y);
	ck_assert(worst_difference(y, t.x->x, ATT_SIZE) > 1e-3);
	t.a.gamma->x[0] = 0;
	if (t.a.cfg.gamma_inside)
		memset(t.a.o.bias->x, 0, ATT_C * sizeof(real));
	run_one(t.g, t.y, y);
	ck_assert(worst_difference(y, t.x->x, ATT_SIZE) == 0);
	att_close(&t);
}
END_TEST

START_TEST(rows_of_the_map_sum_to_one)
{
	att_trial t = att_open(variant(attention_variants[_i], ATT_C), SHAPE(2, 4, 6, ATT_C));
	int64_t M = t.a.cfg.layout == ATTENTION_ROW ? 6 : ATT_N / (t.a.cfg.kv_pool ? 4 : 1);
	ck_assert_int_eq(shape_last(&t.map->s), M);
	ck_assert_int_eq(shape_count(&t.map->s), 2 * ATT_N * M);
	real map[2 * ATT_N * ATT_N];
	run_one(t.g, t.map, map);
	for (int row = 0; row < 2 * ATT_N; row++) {
		double sum = 0;
		for (int k = 0; k < M; k++)
			sum += (double)map[row * M + k];
		ck_assert(fabs(sum - 1) < tiny);
	}
	att_close(&t);
}
END_TEST

/* All positions alike: every key gets 1/M. */
START_TEST(constant_input_gives_a_uniform_map)
{
	att_trial t = att_open(variant(attention_variants[_i], ATT_C), SHAPE(2, 4, 6, ATT_C));
	for (int i = 0; i < ATT_SIZE; i++)
		t.x->x[i] = (real)(i % ATT_C) / ATT_C;
	int64_t M = shape_last(&t.map->s);
	real map[2 * ATT_N * ATT_N];
	run_one(t.g, t.map, map);
	for (int64_t i = 0; i < 2 * ATT_N * M; i++)
		ck_assert(fabs((double)map[i] - 1.0 / (double)M) < tiny);
	att_close(&t);
}
END_TEST

/* The context is gamma * A V, in image shape. */
START_TEST(context_is_the_gated_sum_of_values)
{
	att_trial t = att_open(variant(attention_variants[_i], ATT_C), SHAPE(2, 4, 6, ATT_C));
	real ctx[ATT_SIZE], twice[ATT_SIZE];
	run_one(t.g, t.ctx, ctx);
	shape s = SHAPE(2, 4, 6, t.a.cfg.cv);
	ck_assert(shape_equal(&t.ctx->s, &s));
	t.a.gamma->x[0] *= 2;
	run_one(t.g, t.ctx, twice);
	for (int64_t i = 0; i < shape_count(&s); i++)
		ck_assert(fabs((double)(twice[i] - 2 * ctx[i])) < tiny);
	att_close(&t);
}
END_TEST

/* to[n] is where position n of each sample goes. */
static void permute(real *dst, const real *src, const int *to)
{
	for (int b = 0; b < 2; b++)
		for (int n = 0; n < ATT_N; n++)
			memcpy(dst + (b * ATT_N + to[n]) * ATT_C, src + (b * ATT_N + n) * ATT_C, ATT_C * sizeof(real));
}

/* Distance between f(P x) and P f(x). */
static double equivariance_error(att_trial *t, const int *to)
{
	real x[ATT_SIZE], y[ATT_SIZE], py[ATT_SIZE], z[ATT_SIZE];
	memcpy(x, t->x->x, sizeof x);
	run_one(t->g, t->y, y);
	permute(py, y, to);
	permute(t->x->x, x, to);
	run_one(t->g, t->y, z);
	memcpy(t->x->x, x, sizeof x);
	return worst_difference(py, z, ATT_SIZE);
}

/* Full: any permutation of positions. Row: whole rows, and pixels inside a row, but not two pixels of
 * different rows. */
START_TEST(attention_is_equivariant_to_permutations)
{
	att_trial full = att_open(variant("ashpy", ATT_C), SHAPE(2, 4, 6, ATT_C));
	att_trial row = att_open(variant("ashpy_row", ATT_C), SHAPE(2, 4, 6, ATT_C));
	int all[ATT_N], rows[ATT_N], inside[ATT_N], across[ATT_N];
	for (int n = 0; n < ATT_N; n++) {
		all[n] = n * 7 % ATT_N;
		rows[n] = (n / 6 + 1) % 4 * 6 + n % 6;
		inside[n] = n / 6 * 6 + (n % 6 + 1) % 6;
		across[n] = n == 0 ? 6 : n == 6 ? 0 : n;
	}
	ck_assert(equivariance_error(&full, all) < tiny);
	ck_assert(equivariance_error(&full, across) < tiny);
	ck_assert(equivariance_error(&row, rows) < tiny);
	ck_assert(equivariance_error(&row, inside) < tiny);
	ck_assert_msg(equivariance_error(&row, across) > 1e-3, "rows see each other");
	att_close(&full);
	att_close(&row);
}
END_TEST

static double gradient_size(const module *m, const char *name)
{
	for (int i = 0; i < module_params(m); i++) {
		const buffer *b = module_param_at(m, i), *d = module_grad_at(m, i);
		double sum = 0;
		if (strcmp(strchr(b->name, '/') + 1, name))
			continue;
		for (int64_t k = 0; k < shape_count(&d->s); k++)
			sum += fabs((double)d->x[k]);
		return sum;
	}
	ck_abort_msg("no parameter %s", name);
}

/* Outside, gamma = 0: gamma itself has a gradient, the projections have none; so training starts. */
START_TEST(gamma_zero_leaves_a_gradient_for_gamma_only)
{
	att_trial t = att_open(variant("official", ATT_C), SHAPE(2, 4, 6, ATT_C));
	buffer *dy = random_buffer(t.x->s, 13);
	real loss;
	t.a.gamma->x[0] = 0;
	node *l = op_sum_all(t.g, op_mul(t.g, t.y, graph_leaf(t.g, dy)));
	module_grad(t.m, t.g, l);
	run_one(t.g, l, &loss);
	ck_assert(gradient_size(t.m, "sigma_ratio") > 1e-3);
	ck_assert(gradient_size(t.m, "theta/kernel") == 0 && gradient_size(t.m, "phi/kernel") == 0);
	ck_assert(gradient_size(t.m, "g/kernel") == 0 && gradient_size(t.m, "attn/kernel") == 0);
	buffer_free(dy);
	att_close(&t);
}
END_TEST

/* Parameter counts of the originals, and names in their order of creation. */
static const struct {
	const char *variant;
	int64_t C, params;
	const char *first, *last;
} sizes[] = {
	{"official", 256, 81921, "theta/kernel", "sigma_ratio"},
	{"official", 64, 5121, "theta/kernel", "sigma_ratio"},
	{"ashpy", 64, 5201, "gamma", "h_conv/bias"},
	{"ashpy_row", 64, 5201, "gamma", "h_conv/bias"},
	{"mnistgans", 64, 2137, "gamma", "v/bias"},
	{"simplegan", 64, 2 * (512 + 8) + 2048 + 32 + 2048 + 64 + 1, "scaling_factor", "attn/bias"},
	{"paper", 64, 4 * 512 + 1, "f/kernel", "gamma"},
	{"plain", 64, 2 * (512 + 8) + 4096 + 64 + 1, "query_conv/kernel", "gamma"},
	{"conv2d", 4, 4 * (16 + 4) + 1, "gamma", "v/bias"},
};

START_TEST(variants_have_the_originals_weights)
{
	module *m = module_new(NULL);
	attention a;
	attention_init(m, &a, "attention", sizes[_i].C, variant(sizes[_i].variant, sizes[_i].C));
	alloc(m);
	ck_assert_int_eq(module_param_count(m), sizes[_i].params);
	ck_assert_str_eq(strchr(module_param_at(m, 0)->name, '/') + 1, sizes[_i].first);
	ck_assert_str_eq(strchr(module_param_at(m, module_params(m) - 1)->name, '/') + 1, sizes[_i].last);
	module_free(m);
}
END_TEST

/* filters=8 on one channel broadcasts x; filters=8 on 3 channels needs a projection: 65 parameters of the
 * original's example. */
START_TEST(residual_may_broadcast_or_project)
{
	attention_config c = variant("conv2d", 1);
	c.filters = 8;
	c.cq = c.cv = 4;
	att_trial t = att_open(c, SHAPE(2, 4, 6, 1));
	shape s = SHAPE(2, 4, 6, 8);
	ck_assert(shape_equal(&t.y->s, &s));
	ck_assert_int_eq(module_param_count(t.m), 65);
	att_close(&t);
	c = variant("conv2d", 3);
	c.filters = 8;
	c.residual = RESIDUAL_PROJECTED;
	t = att_open(c, SHAPE(2, 4, 6, 3));
	ck_assert(shape_equal(&t.y->s, &s));
	att_close(&t);
}
END_TEST

/* A rectified projection only ever adds, and adds something somewhere. */
START_TEST(activation_of_the_projection_is_applied)
{
	attention_config c = variant("conv2d", 4);
	c.activation = "relu";
	att_trial t = att_open(c, SHAPE(2, 4, 6, 4));
	real y[2 * ATT_N * 4];
	run_one(t.g, t.y, y);
	int raised = 0;
	for (int i = 0; i < 2 * ATT_N * 4; i++) {
		ck_assert(y[i] >= t.x->x[i]);
		raised += y[i] > t.x->x[i];
	}
	ck_assert(raised > 0 && raised < 2 * ATT_N * 4);
	att_close(&t);
}
END_TEST

static void refused_attention(attention_config c, int64_t C, const char *message)
{
	module *m = module_new(NULL);
	attention a;
	attention_init(m, &a, "attention14", C, c);
	refused(m, message);
}

START_TEST(wrong_attention_is_refused)
{
	fault e;
	attention_config c;
	ck_assert(!attention_variant("official", 4, (sn_options){0}, &c, &e));
	ck_assert_str_eq(e.text, "attention: 4 channels: query width C/8 is 0; at least 8 channels are needed");
	c = variant("conv2d", 3);
	c.filters = 8;
	refused_attention(c, 3, "attention14: attention: filters=8 on 3 channels cannot be added to the input; use "
		"filters=3 or residual=projected");
	c = variant("official", 16);
	c.filters = 8;
	refused_attention(c, 16, "attention14: attention: filters=8 on 16 channels cannot be added to the input; use "
		"filters=16 or residual=projected");
	c = variant("official", 16);
	c.layout = ATTENTION_ROW;
	refused_attention(c, 16, "attention14: attention: layout=row cannot pool keys");
	c = variant("plain", 16);
	c.cv = 4;
	refused_attention(c, 16, "attention14: attention: without an output projection the value width 4 must be "
		"filters=16");
	c = variant("official", 16);
	c.cq = 0;
	refused_attention(c, 16, "attention14: attention: 16 channels: query width is 0; at least 1 is needed");
}
END_TEST

START_TEST(odd_maps_are_refused_under_pooling)
{
	module *m = module_new(NULL);
	attention a;
	fault e;
	attention_init(m, &a, "attention7", 16, variant("official", 16));
	alloc(m);
	graph *g = graph_new(NULL);
	attention_apply(g, &a, op_fill(g, SHAPE(1, 7, 8, 16), 0), evaluate, NULL, NULL);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "attention7: attention: map 7x8: keys and values are pooled 2x2, height and width "
		"must be even");
	graph_free(g);
	module_free(m);
}
END_TEST

/* ---- derivatives: first and second order, of inputs and parameters ---- */

typedef struct layer_row {
	const char *name;
	shape in;
	const char *variant;                         /* of attention, or NULL */
	enum { L_CONV, L_CONV_T, L_DENSE, L_EMBED, L_BN, L_BN_EVAL, L_CBN, L_CBN_ONE, L_CBN_V, L_LN, L_GN, L_ATT } kind;
} layer_row;

static const layer_row layers[] = {
	{"conv",             {4, {2, 5, 4, 3}}, NULL, L_CONV},
	{"conv_transpose",   {4, {2, 3, 4, 3}}, NULL, L_CONV_T},
	{"dense",            {2, {3, 5}}, NULL, L_DENSE},
	{"embedding",        {1, {5}}, NULL, L_EMBED},
	{"batch_norm",       {4, {3, 2, 3, 4}}, NULL, L_BN},
	{"batch_norm rank2", {2, {7, 4}}, NULL, L_BN},
	{"batch_norm eval",  {4, {3, 2, 3, 4}}, NULL, L_BN_EVAL},
	{"cond_norm",        {4, {3, 2, 3, 4}}, NULL, L_CBN},
	{"cond_norm 1+",     {4, {3, 2, 3, 4}}, NULL, L_CBN_ONE},
	{"cond_norm vector", {4, {3, 2, 3, 4}}, NULL, L_CBN_V},
	{"layer_norm",       {3, {2, 3, 5}}, NULL, L_LN},
	{"group_norm",       {4, {2, 2, 3, 4}}, NULL, L_GN},
	{"official",         {4, {2, 4, 4, 8}}, "official", L_ATT},
	{"paper",            {4, {2, 3, 2, 8}}, "paper", L_ATT},
	{"plain",            {4, {2, 3, 2, 8}}, "plain", L_ATT},
	{"ashpy",            {4, {2, 3, 2, 8}}, "ashpy", L_ATT},
	{"ashpy_row",        {4, {2, 2, 3, 8}}, "ashpy_row", L_ATT},
	{"simplegan",        {4, {1, 4, 2, 8}}, "simplegan", L_ATT},
	{"mnistgans",        {4, {2, 2, 3, 8}}, "mnistgans", L_ATT},
	{"conv2d",           {4, {2, 2, 3, 3}}, "conv2d", L_ATT},
};

typedef struct any_layer {
	const layer_row *c;
	conv conv;
	dense dense;
	embedding embed;
	batch_norm bn;
	cond_norm cbn;
	layer_norm ln;
	group_norm gn;
	attention att;
	buffer *label;
} any_layer;

static node *apply_any(graph *g, node *const *in, const void *arg)
{
	const any_layer *l = arg;
	node *x = in[0];
	switch (l->c->kind) {
	case L_CONV:    return conv_apply(g, &l->conv, x, evaluate);
	case L_CONV_T:  return conv_transpose_apply(g, &l->conv, x, evaluate);
	case L_DENSE:   return dense_apply(g, &l->dense, x, evaluate);
	case L_EMBED:   return embedding_apply(g, &l->embed, x, evaluate);
	case L_BN:      return batch_norm_apply(g, &l->bn, x, train);
	case L_BN_EVAL: return batch_norm_apply(g, &l->bn, x, evaluate);
	case L_CBN:
	case L_CBN_ONE: return cond_norm_apply(g, &l->cbn, x, graph_leaf(g, l->label), train);
	case L_CBN_V:   return cond_norm_apply(g, &l->cbn, x, op_slice_axis(g, op_reshape(g, x, SHAPE(3, 24)), 1, 3, 8),
					       train);
	case L_LN:      return layer_norm_apply(g, &l->ln, x);
	case L_GN:      return group_norm_apply(g, &l->gn, x);
	case L_ATT:     return attention_apply(g, &l->att, x, evaluate, NULL, NULL);
	}
	return x;
}

static void init_any(module *m, any_layer *l, shape s)
{
	int64_t C = shape_last(&s);
	conv_options down = {.filters = 4, .kh = 3, .sh = 2, .padding = PAD_SAME, .bias = true};
	conv_options up = {.filters = 2, .kh = 4, .sh = 2, .padding = PAD_SAME, .bias = true};
	bn_options bn = {BN_USUAL};
	enum cond_form form = l->c->kind == L_CBN_ONE ? COND_ONE_PLUS : COND_TABLE;
	switch (l->c->kind) {
	case L_CONV:    conv_init(m, &l->conv, "conv", C, down); break;
	case L_CONV_T:  conv_transpose_init(m, &l->conv, "conv", C, up); break;
	case L_DENSE:   dense_init(m, &l->dense, "dense", C, (dense_options){.units = 3, .bias = true}); break;
	case L_EMBED:   embedding_init(m, &l->embed, "embed", 3, 4, (init){0}, (sn_options){0}); break;
	case L_BN:
	case L_BN_EVAL: batch_norm_init(m, &l->bn, "norm", C, bn); break;
	case L_CBN:
	case L_CBN_ONE: cond_norm_init(m, &l->cbn, "norm", C, 3, bn, form, (init){0}, (sn_options){0}); break;
	case L_CBN_V:   cond_norm_init_vector(m, &l->cbn, "norm", C, 5, bn, (init){0}, (sn_options){0}); break;
	case L_LN:      layer_norm_init(m, &l->ln, "norm", s, (ln_options){0}); break;
	case L_GN:      group_norm_init(m, &l->gn, "norm", C, 2, 1e-5); break;
	case L_ATT:     attention_init(m, &l->att, "attention", C, variant(l->c->variant, C)); break;
	}
}

START_TEST(derivatives_are_derivatives)
{
	any_layer l = {.c = &layers[_i]};
	char why[GRAD_WHY];
	module *m = module_new(NULL);
	shape s = shape_of(layers[_i].in.rank, layers[_i].in.dim);
	init_any(m, &l, s);
	alloc(m);
	block_scramble(m, 21);
	buffer *in[1 + 16] = {buffer_new("input", s, NULL)};
	grad_fill(in[0], l.c->kind == L_EMBED ? GRAD_INDEX : GRAD_APART, 22);
	l.label = buffer_new("label", SHAPE(s.dim[0]), NULL);
	grad_fill(l.label, GRAD_INDEX, 23);
	for (int i = 0; i < module_params(m); i++)
		in[1 + i] = module_param_at(m, i);
	bool good = gradcheck(l.c->name, apply_any, &l, in, 1 + module_params(m), l.c->kind == L_EMBED, 0, why);
	ck_assert_msg(good, "%s", why);
	buffer_free(in[0]);
	buffer_free(l.label);
	module_free(m);
}
END_TEST

/* A slope penalty through spectral norm: d/dW of sum (dy/dx)^2, y = (x Wbar)^2, against differences. In
 * evaluation sigma = |W u| is a function of W whose exact derivative is v u'. */
START_TEST(penalty_through_spectral_norm)
{
	if (sizeof(real) < 8)
		return;                              /* differences need double */
	module *m = module_new(NULL);
	dense d;
	dense_init(m, &d, "dense", 4, (dense_options){.units = 3, .sn = {.on = true},
		.kernel_init = {INIT_NORMAL, 1}});
	alloc(m);
	buffer *x = random_buffer(SHAPE(5, 4), 31);
	graph *g = graph_new(NULL);
	node *in = graph_leaf(g, x), *slope, *w = graph_leaf(g, d.kernel), *dw;
	graph_grad(g, op_square(g, dense_apply(g, &d, in, evaluate)), NULL, &in, 1, &slope);
	node *penalty = op_sum_all(g, op_square(g, slope));
	graph_grad(g, penalty, NULL, &w, 1, &dw);
	real p, grad[12], up, down;
	run(g, (node *[]){penalty, dw}, 2, (real *[]){&p, grad});
	for (int i = 0; i < 12; i++) {
		const double h = 1e-5;
		real keep = d.kernel->x[i];
		d.kernel->x[i] = keep + (real)h;
		run_one(g, penalty, &up);
		d.kernel->x[i] = keep - (real)h;
		run_one(g, penalty, &down);
		d.kernel->x[i] = keep;
		double difference = ((double)up - (double)down) / (2 * h);
		ck_assert_msg(fabs(difference - (double)grad[i]) < 1e-6 * (1 + fabs(difference)), "weight %d: %g, %g",
			i, (double)grad[i], difference);
	}
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{module_places_buffers_in_blocks, 1},
		{states_know_what_they_are, 1},
		{long_names_are_refused_not_cut, 1},
		{module_grad_fills_the_gradient_block, 1},
		{module_reports_the_first_failure, 1},
		{sizes_that_cannot_be_are_refused, 1},
		{starts_have_their_deviation_and_bound, COUNT(starts)},
		{orthogonal_starts_are_orthogonal, 3},
		{convolutions_have_their_size_and_bias, COUNT(geometries)},
		{batch_norm_normalises_and_tracks, 2},
		{batch_norm_moves_once_per_updating_application, 1},
		{batch_norm_evaluates_with_running_statistics, 1},
		{conditional_norm_is_batch_norm_per_class, 2},
		{modulated_norm_is_batch_norm_per_sample, 1},
		{layer_and_group_norm_standardise, 1},
		{group_norm_refuses_what_does_not_divide, 1},
		{sigma_is_the_largest_singular_value, 2},
		{u_moves_in_updating_passes_only, 1},
		{sigma_is_inside_the_derivative, 2},
		{spectral_norm_of_zeros_keeps_u_finite, 1},
		{gamma_zero_is_the_identity, variant_count()},
		{rows_of_the_map_sum_to_one, variant_count()},
		{constant_input_gives_a_uniform_map, variant_count()},
		{context_is_the_gated_sum_of_values, variant_count()},
		{attention_is_equivariant_to_permutations, 1},
		{gamma_zero_leaves_a_gradient_for_gamma_only, 1},
		{variants_have_the_originals_weights, COUNT(sizes)},
		{residual_may_broadcast_or_project, 1},
		{activation_of_the_projection_is_applied, 1},
		{wrong_attention_is_refused, 1},
		{odd_maps_are_refused_under_pooling, 1},
		{derivatives_are_derivatives, COUNT(layers)},
		{penalty_through_spectral_norm, 1},
	};
	return suite_run("layers", tests, COUNT(tests), 120);
}
