/* test_cot.c - contextual transformer attention, and split attention with its softmax over groups.
 *
 * Equality with the originals is in the reference files; here are laws, documented sizes, sums known for the
 * original, derivatives (with smooth activations: no kinks) and every refusal. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/cot.h"
#include "layers/split_attention.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

static const mode evaluate = {0}, train = {.train = true};

static cot_options small_cot(int kernel_size, int strides)
{
	cot_options o = cot_defaults;
	o.kernel_size = kernel_size;
	o.strides = strides;
	o.activation = "swish";
	return o;
}

static split_attention_options small_split(int filters, int kernel_size, int strides, int groups)
{
	split_attention_options o = split_attention_defaults;
	o.filters = filters;
	o.kernel_size = kernel_size;
	o.strides = strides;
	o.groups = groups;
	o.activation = "swish";
	return o;
}

static node *apply_cot(graph *g, node *const *in, const void *arg)
{
	return cot_apply(g, arg, in[0], evaluate, NULL, NULL);
}

static node *train_cot(graph *g, node *const *in, const void *arg)
{
	return cot_apply(g, arg, in[0], train, NULL, NULL);
}

static node *apply_split(graph *g, node *const *in, const void *arg)
{
	return split_attention_apply(g, arg, in[0], evaluate);
}

static node *train_split(graph *g, node *const *in, const void *arg)
{
	return split_attention_apply(g, arg, in[0], train);
}

/* ---- rsoftmax ---- */

START_TEST(groups_of_rsoftmax_sum_to_one)
{
	enum { B = 2, G = 3, N = 12 };
	const bool spatial = _i == 1;
	kit k = kit_open(spatial ? SHAPE(B, 1, 2, 6) : SHAPE(B, 1, 1, N), 1);
	node *y = rsoftmax(k.g, k.in, G, spatial);
	const real *a = kit_run(&k, &y, 1);
	for (int i = 0; i < B * N / G; i++) {
		double sum = 0, all = 0, x[G];
		for (int j = 0; j < G; j++) {
			int64_t at = i / (N / G) * N + j * (N / G) + i % (N / G);
			sum += (double)a[at];
			x[j] = exp((double)k.x->x[at]);
			all += x[j];
			if (j == G - 1)
				ck_assert(fabs((double)a[at] - x[j] / all) < kit_tiny);
		}
		ck_assert(fabs(sum - 1) < kit_tiny);
	}
	kit_close(&k);
}
END_TEST

START_TEST(one_group_is_a_sigmoid)
{
	kit k = kit_open(SHAPE(2, 1, 1, 5), 2);
	node *y = rsoftmax(k.g, k.in, _i, false);
	const real *a = kit_run(&k, &y, 1);
	for (int i = 0; i < 10; i++)
		ck_assert(fabs((double)a[i] - 1 / (1 + exp(-(double)k.x->x[i]))) < kit_tiny);
	kit_close(&k);
}
END_TEST

static node *do_rsoftmax(graph *g, node *const *in, const void *arg)
{
	return rsoftmax(g, in[0], *(const int *)arg, true);
}

START_TEST(rsoftmax_has_its_derivatives)
{
	const int groups = _i + 1;
	kit k = kit_open(SHAPE(2, 1, 3, 4), 3);
	kit_ready(&k);
	kit_gradcheck(&k, "rsoftmax", do_rsoftmax, &groups);
	kit_close(&k);
}
END_TEST

START_TEST(wrong_rsoftmax_is_refused)
{
	static const struct {
		shape s;
		int groups;
		bool spatial;
		const char *message;
	} row[] = {
		{{2, {2, 6}}, 2, false, "rsoftmax: [2,6]: expects [B,H,W,C]"},
		{{4, {2, 4, 4, 6}}, 2, false, "rsoftmax: map 4x4: expects a pooled [B,1,1,C]"},
		{{4, {2, 1, 1, 7}}, 2, false, "rsoftmax: 7 values, groups=2: not divisible"},
		{{4, {2, 1, 3, 5}}, 2, true, "rsoftmax: 15 values, groups=2: not divisible"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		graph *g = graph_new(NULL);
		rsoftmax(g, op_fill(g, shape_of(row[i].s.rank, row[i].s.dim), 0), row[i].groups, row[i].spatial);
		kit_graph_refuses(g, row[i].message);
	}
}
END_TEST

/* ---- laws ---- */

enum { B = 2, H = 5, W = 4, N = H * W };

/* Without neighbours (kernel 1) exchanging positions exchanges results: build is applied in t to k's input with
 * position i at 7 i mod 20, which is a permutation. */
static void expect_equivariance(kit *k, kit *t, grad_build build, const void *arg)
{
	const int64_t C = shape_last(&k->x->s);
	for (int64_t i = 0; i < B * N; i++)
		memcpy(t->x->x + (i / N * N + i * 7 % N) * C, k->x->x + i * C, (size_t)C * sizeof(real));
	node *y = build(k->g, &k->in, arg), *z = build(t->g, &t->in, arg);
	const real *plain = kit_run(k, &y, 1), *moved = kit_run(t, &z, 1);
	const int64_t O = shape_last(&y->s);
	for (int64_t i = 0; i < B * N; i++)
		ck_assert(kit_worst(plain + i * O, moved + (i / N * N + i * 7 % N) * O, O) < 10 * kit_tiny);
}

START_TEST(kernel_one_is_equivariant_to_permutations)
{
	kit k = kit_open(SHAPE(B, H, W, 16), 4), t = kit_open(SHAPE(B, H, W, 16), 5);
	cot c;
	split_attention s;
	cot_init(k.m, &c, "cot", 16, small_cot(1, 1));
	split_attention_init(k.m, &s, "split", 16, small_split(6, 1, 1, 2));
	kit_ready(&k);
	if (_i == 0)
		expect_equivariance(&k, &t, apply_cot, &c);
	else
		expect_equivariance(&k, &t, apply_split, &s);
	kit_close(&k);
	kit_close(&t);
}
END_TEST

/* Mean of nine around every second pixel, what lies outside counted as 0: [n,H,W,C] -> [n,3,2,C]. */
static void pooled(const real *x, int64_t C, real *y)
{
	enum { OH = (H + 1) / 2, OW = (W + 1) / 2 };
	for (int64_t i = 0; i < B * OH * OW * C; i++) {
		int64_t c = i % C, ox = i / C % OW, oy = i / C / OW % OH, b = i / C / OW / OH;
		double sum = 0;
		for (int64_t v = MAX(2 * oy - 1, 0); v < MIN(2 * oy + 2, H); v++)
			for (int64_t u = MAX(2 * ox - 1, 0); u < MIN(2 * ox + 2, W); u++)
				sum += (double)x[((b * H + v) * W + u) * C + c];
		y[i] = (real)(sum / 9);
	}
}

/* With stride 2 first, cot sees the pooled picture. */
START_TEST(cot_pools_first)
{
	enum { F = 8, SMALL = B * 3 * 2 * F };
	kit k = kit_open(SHAPE(B, H, W, F), 6), t = kit_open(SHAPE(B, 3, 2, F), 7);
	cot strided, plain;
	cot_init(k.m, &strided, "cot", F, small_cot(3, 2));
	cot_init(t.m, &plain, "cot", F, small_cot(3, 1));
	kit_ready(&k);
	kit_ready(&t);                               /* the same draws */
	pooled(k.x->x, F, t.x->x);
	node *y = apply_cot(k.g, &k.in, &strided), *z = apply_cot(t.g, &t.in, &plain);
	ck_assert_int_eq(shape_count(&y->s), SMALL);
	ck_assert(kit_worst(kit_run(&k, &y, 1), kit_run(&t, &z, 1), SMALL) < 10 * kit_tiny);
	kit_close(&k);
	kit_close(&t);
}
END_TEST

/* Pooling last, stride 3 is pooling of stride 2 behind the layer of stride 1: both layers. */
START_TEST(pooling_may_come_last)
{
	enum { F = 8, SMALL = B * 3 * 2 * F };
	kit k = kit_open(SHAPE(B, H, W, F), 8);
	node *y[2];
	real want[SMALL];
	cot c[2];
	split_attention s[2];
	cot_options o = small_cot(3, 3);
	split_attention_options p = small_split(F, 3, 3, 2);
	o.downsample_first = false;
	p.downsample = SPLIT_STRIDE_POOL;
	for (int i = 0; i < 2; i++) {                /* 0 with strides, 1 without */
		o.strides = p.strides = i ? 1 : 3;
		module_push(k.m, i ? "plain" : "strided");
		if (_i == 0)
			cot_init(k.m, &c[i], "cot", F, o);
		else
			split_attention_init(k.m, &s[i], "split", F, p);
		module_pop(k.m);
	}
	kit_ready(&k);
	for (int i = 0; i < module_params(k.m) / 2; i++) {
		buffer *from = module_param_at(k.m, i), *to = module_param_at(k.m, i + module_params(k.m) / 2);
		memcpy(to->x, from->x, (size_t)shape_count(&to->s) * sizeof(real));
	}
	for (int i = 0; i < 2; i++)
		y[i] = _i == 0 ? apply_cot(k.g, &k.in, &c[i]) : apply_split(k.g, &k.in, &s[i]);
	kit_run(&k, y, 2);
	pooled(plan_value(k.p, y[1]), F, want);
	ck_assert_int_eq(shape_count(&y[0]->s), SMALL);
	ck_assert(kit_worst(plan_value(k.p, y[0]), want, SMALL) < kit_tiny);
	kit_close(&k);
}
END_TEST

START_TEST(branches_of_cot_share_each_channel)
{
	kit k = kit_open(SHAPE(B, H, W, 8), 9);
	cot c;
	node *out[2];
	cot_init(k.m, &c, "cot", 8, small_cot(3, 1));
	kit_ready(&k);
	out[0] = cot_apply(k.g, &c, k.in, evaluate, &out[1], NULL);
	kit_run(&k, out, 2);
	ck_assert_str_eq(shape_print(&out[1]->s).s, "[2,1,1,8,2]");
	const real *a = plan_value(k.p, out[1]);
	for (int i = 0; i < B * 8; i++)
		ck_assert(fabs((double)a[2 * i] + (double)a[2 * i + 1] - 1) < kit_tiny);
	kit_close(&k);
}
END_TEST

/* ---- documented sizes ---- */

/* Parameters and, with the running statistics of batch norm, all weights. */
static void expect_counts(const module *m, int64_t trained, int64_t all)
{
	int64_t states = 0;
	for (int i = 0; i < module_states(m); i++)
		states += shape_count(&module_state_at(m, i)->s);
	ck_assert_int_eq(module_param_count(m), trained);
	ck_assert_int_eq(module_param_count(m) + states, all);
}

START_TEST(layers_have_the_documented_sizes)
{
	kit k = kit_open(SHAPE(1, 28, 28, 192), 10), t = kit_open(SHAPE(2, 28, 28, 192), 10);
	cot c;
	split_attention s;
	split_attention_options o = split_attention_defaults;
	o.filters = 384;
	cot_init(k.m, &c, "cot", 192, cot_defaults);
	split_attention_init(t.m, &s, "split", 192, o);
	kit_ready(&k);
	kit_ready(&t);
	expect_counts(k.m, 235368, 236904);
	expect_counts(t.m, 776736, 778464);
	ck_assert_str_eq(shape_print(&apply_cot(k.g, &k.in, &c)->s).s, "[1,28,28,192]");
	ck_assert_str_eq(shape_print(&apply_split(t.g, &t.in, &s)->s).s, "[2,28,28,384]");
	ck_assert_int_eq(module_params(k.m) + module_states(k.m), 31);
	kit_close(&k);
	kit_close(&t);
}
END_TEST

START_TEST(rsoftmax_keeps_the_shape)
{
	graph *g = graph_new(NULL);
	ck_assert_str_eq(shape_print(&rsoftmax(g, op_fill(g, SHAPE(2, 1, 1, 98), 0), 2, false)->s).s, "[2,1,1,98]");
	graph_free(g);
}
END_TEST

START_TEST(spectral_norm_takes_every_convolution)
{
	kit k = kit_open(SHAPE(2, 3, 2, 8), 11), t = kit_open(SHAPE(2, 3, 2, 8), 11);
	cot c;
	split_attention s;
	cot_options o = small_cot(3, 1);
	split_attention_options p = small_split(4, 3, 1, 2);
	o.sn.on = p.sn.on = true;
	cot_init(k.m, &c, "cot", 8, o);
	split_attention_init(t.m, &s, "split", 8, p);
	kit_ready(&k);
	kit_ready(&t);
	kit_expect_spectral_norm(&k, "cot/key_conv cot/embed_ww_1_conv cot/embed_ww_2_conv cot/embed_1_conv "
		"cot/attn_se_1_conv cot/attn_se_2_conv", apply_cot, &c);
	kit_expect_spectral_norm(&t, "split/1_g1_conv split/1_g2_conv split/2_conv split/3_conv", apply_split, &s);
	kit_close(&k);
	kit_close(&t);
}
END_TEST

/* ---- sums known for the original, which computed them with an epsilon of 1.001e-5: 1e-6 ---- */

START_TEST(cot_has_the_known_sums)
{
	static const struct {
		shape s;
		int strides;
		known_sums want;
	} row[] = {
		{{4, {2, 4, 3, 16}}, 1, {285.187165492, 299.219884710, 1.459123840, 0.250287599, -0.162477686}},
		{{4, {2, 5, 4, 16}}, 2, {62.619736426, 71.547591170, 0.264153964, -0.135324075, 0.036791216}},
	};
	kit k = kit_open(row[_i].s, 0);
	cot c;
	cot_options o = cot_defaults;
	o.strides = row[_i].strides;
	cot_init(k.m, &c, "cot", 16, o);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = apply_cot(k.g, &k.in, &c);
	expect_counts(k.m, 3238 - 2 * (16 + 8 + 16 + 16 + 32), 3238);
	kit_expect_sums("cot_attention", kit_run(&k, &y, 1), shape_count(&y->s), &row[_i].want, 1e-6);
	kit_close(&k);
}
END_TEST

START_TEST(split_attention_has_the_known_sums)
{
	static const struct {
		int groups, strides;
		enum split_stride downsample;
		int64_t all;
		known_sums want;
	} row[] = {
		{2, 1, SPLIT_STRIDE_CONV, 1012, {101.931732515, 101.931732515, 0.990342522, 0, 0}},
		{1, 2, SPLIT_STRIDE_CONV, 790, {6.817050266, 6.817050266, 0.196322468, 0.605231470, 0.002560791}},
		{2, 2, SPLIT_STRIDE_POOL, 1012, {20.722747835, 20.722747835, 0.677715069, 0.174695155, 0.209465747}},
	};
	kit k = kit_open(SHAPE(2, 4, 5, 4), 0);
	split_attention s;
	split_attention_options o = small_split(6, 3, row[_i].strides, row[_i].groups);
	o.activation = "relu";
	o.downsample = row[_i].downsample;
	split_attention_init(k.m, &s, "split", 4, o);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = apply_split(k.g, &k.in, &s);
	expect_counts(k.m, row[_i].all - 2 * (6 * row[_i].groups + 32), row[_i].all);
	kit_expect_sums("split_attention_conv2d", kit_run(&k, &y, 1), shape_count(&y->s), &row[_i].want, 1e-6);
	kit_close(&k);
}
END_TEST

START_TEST(rsoftmax_has_the_known_sums)
{
	const known_sums want = {4, 4, 0.187457157, 0.561625355, 0.156418709};
	kit k = kit_open(SHAPE(2, 1, 1, 6), 0);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = rsoftmax(k.g, k.in, 3, false);
	kit_expect_sums("rsoftmax", kit_run(&k, &y, 1), 12, &want, 1e-10);
	kit_close(&k);
}
END_TEST

/* ---- derivatives ---- */

START_TEST(cot_has_its_derivatives)
{
	static const struct {
		int kernel_size, strides;
		bool first, training;
	} row[] = {
		{3, 1, true, false}, {3, 1, true, true}, {1, 1, true, false}, {5, 2, true, false}, {3, 2, false, true}
	};
	kit k = kit_open(SHAPE(3, 2, 3, 8), 0);
	cot c;
	cot_options o = small_cot(row[_i].kernel_size, row[_i].strides);
	o.downsample_first = row[_i].first;
	cot_init(k.m, &c, "cot", 8, o);
	kit_ready(&k);
	kit_gradcheck(&k, "cot", row[_i].training ? train_cot : apply_cot, &c);
	kit_close(&k);
}
END_TEST

START_TEST(split_attention_has_its_derivatives)
{
	static const struct {
		int kernel_size, strides, groups;
		enum split_stride downsample;
		bool training;
	} row[] = {
		{3, 1, 2, SPLIT_STRIDE_CONV, false}, {3, 1, 2, SPLIT_STRIDE_CONV, true},
		{1, 1, 1, SPLIT_STRIDE_CONV, true},
		{3, 2, 3, SPLIT_STRIDE_CONV, false}, {5, 2, 2, SPLIT_STRIDE_POOL, true},
	};
	kit k = kit_open(SHAPE(3, 3, 2, 6), 0);
	split_attention s;
	split_attention_options o = small_split(3, row[_i].kernel_size, row[_i].strides, row[_i].groups);
	o.downsample = row[_i].downsample;
	split_attention_init(k.m, &s, "split", 6, o);
	kit_ready(&k);
	kit_gradcheck(&k, "split", row[_i].training ? train_split : apply_split, &s);
	kit_close(&k);
}
END_TEST

/* ---- refusals ---- */

START_TEST(wrong_cot_is_refused)
{
	static const struct {
		int64_t F;
		cot_options o;
		const char *message;
	} row[] = {
		{12, {3, "relu", 1, true, false, {0}}, "cot: cot_attention: 12 channels: must be a multiple of 8"},
		{0, {3, "relu", 1, true, false, {0}}, "cot: cot_attention: 0 channels: must be a multiple of 8"},
		{8, {4, "relu", 1, true, false, {0}}, "cot: cot_attention: kernel_size = 4: must be odd"},
		{8, {-1, "relu", 1, true, false, {0}}, "cot: cot_attention: kernel_size = -1: must be odd"},
		{8, {3, "relu", 0, true, false, {0}}, "cot: cot_attention: strides = 0: must be at least 1"},
		{8, {3, "rleu", 1, true, false, {0}}, "cot: activation 'rleu': unknown; did you mean 'relu'?"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		module *m = module_new(NULL);
		cot c;
		cot_init(m, &c, "cot", row[i].F, row[i].o);
		kit_module_refuses(m, row[i].message);
	}
}
END_TEST

START_TEST(wrong_split_attention_is_refused)
{
	static const struct {
		split_attention_options o;
		const char *message;
	} row[] = {
		{{0, 3, 1, 2, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: filters = 0: must be at least 1"},
		{{4, 0, 1, 2, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: kernel_size = 0: must be at least 1"},
		{{4, 3, 0, 2, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: strides = 0: must be at least 1"},
		{{4, 3, 1, 0, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: groups = 0: must be 1 to 16"},
		{{4, 3, 1, 17, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: groups = 17: must be 1 to 16"},
		{{4, 3, 1, 4, "relu", SPLIT_STRIDE_CONV, false, {0}},
		 "split: split_attention_conv2d: in=10, groups=4: not divisible; 1, 2, 5, 10 fit"},
		{{4, 3, 1, 2, "sigmoidd", SPLIT_STRIDE_CONV, false, {0}},
		 "split: activation 'sigmoidd': unknown; did you mean 'sigmoid'?"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		module *m = module_new(NULL);
		split_attention s;
		split_attention_init(m, &s, "split", 10, row[i].o);
		kit_module_refuses(m, row[i].message);
	}
}
END_TEST

START_TEST(other_channels_are_refused)
{
	kit k = kit_open(SHAPE(1), 0);
	cot c;
	split_attention s;
	cot_init(k.m, &c, "cot", 8, cot_defaults);
	split_attention_init(k.m, &s, "split", 8, small_split(4, 3, 1, 2));
	kit_ready(&k);
	graph *g = graph_new(NULL);
	cot_apply(g, &c, op_fill(g, SHAPE(1, 2, 2, 16), 0), evaluate, NULL, NULL);
	kit_graph_refuses(g, "cot: cot_attention: built for [B,H,W,8], given [1,2,2,16]");
	g = graph_new(NULL);
	split_attention_apply(g, &s, op_fill(g, SHAPE(1, 2, 2, 6), 0), evaluate);
	kit_graph_refuses(g, "split: split_attention_conv2d: built for [B,H,W,8], given [1,2,2,6]");
	kit_close(&k);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{groups_of_rsoftmax_sum_to_one, 2},
		{one_group_is_a_sigmoid, 2},
		{rsoftmax_has_its_derivatives, 4},
		{wrong_rsoftmax_is_refused, 1},
		{kernel_one_is_equivariant_to_permutations, 2},
		{cot_pools_first, 1},
		{pooling_may_come_last, 2},
		{branches_of_cot_share_each_channel, 1},
		{layers_have_the_documented_sizes, 1},
		{rsoftmax_keeps_the_shape, 1},
		{spectral_norm_takes_every_convolution, 1},
		{cot_has_the_known_sums, 2},
		{split_attention_has_the_known_sums, 3},
		{rsoftmax_has_the_known_sums, 1},
		{cot_has_its_derivatives, 5},
		{split_attention_has_its_derivatives, 5},
		{wrong_cot_is_refused, 1},
		{wrong_split_attention_is_refused, 1},
		{other_channels_are_refused, 1},
	};
	return suite_run("cot", tests, COUNT(tests), 120);
}
