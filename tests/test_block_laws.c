/* test_block_laws.c - what holds for any weights of the blocks, and dropout and stochastic depth with their stream. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/aotnet.h"
#include "layers/conv_position.h"
#include "layers/mlp.h"
#include "layers/outlook.h"
#include "layers/se.h"
#include "layers/token.h"
#include "tests/blocks.h"
#include "tests/gradcheck.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

static const double tiny = sizeof(real) == 8 ? 1e-12 : 2e-5;
static const mode evaluate = {0}, train = {.train = true};

/* ---- laws ---- */

/* [1], [1 1]/2, [1 2 1]/4, [1 4 6 4 1]/16: rows of Pascal's triangle, and a flat image stays flat inside. */
START_TEST(blur_is_binomial)
{
	static const double row[][5] = {{1}, {0.5, 0.5}, {0.25, 0.5, 0.25}, {0}, {0.0625, 0.25, 0.375, 0.25, 0.0625}};
	for (int k = 1; k <= 5; k++) {
		if (k == 4)
			continue;
		module *m = module_new(NULL);
		anti_alias_downsample a;
		anti_alias_downsample_init(m, &a, "p_", 2, (anti_alias_options){.kernel_size = k, .trainable = k == 3});
		block_alloc(m);
		ck_assert_int_eq(module_params(m), k == 3);
		ck_assert_int_eq(module_states(m), k != 3);
		for (int i = 0; i < k * k * 2; i++)
			ck_assert_double_eq((double)a.kernel->x[i], row[k - 1][i / 2 / k] * row[k - 1][i / 2 % k]);
		graph *g = graph_new(NULL);
		real *y = value_of(g, anti_alias_downsample_apply(g, &a, op_fill(g, SHAPE(1, 9, 9, 2), 3)));
		ck_assert_double_eq((double)y[(2 * 5 + 2) * 2], 3);
		free(y);
		graph_free(g);
		module_free(m);
	}
}
END_TEST

/* gamma starts at 0: y = beta, which starts at 0 as well. */
START_TEST(zero_gamma_silences_the_branch)
{
	module *m = module_new(NULL);
	batchnorm_with_activation b;
	layer_norm l;
	batchnorm_with_activation_init(m, &b, "p_", 3, (bn_act_options){.zero_gamma = true});
	layer_norm_init(m, &l, "p_ln", SHAPE(2, 2, 2, 3), (ln_options){.zero_gamma = true});
	block_alloc(m);
	graph *g = graph_new(NULL);
	buffer *x = buffer_new("x", SHAPE(2, 2, 2, 3), NULL);
	grad_fill(x, GRAD_APART, 3);
	node *in = graph_leaf(g, x);
	real *y = value_of(g, batchnorm_with_activation_apply(g, &b, in, evaluate));
	real *z = value_of(g, layer_norm_apply(g, &l, in));
	for (int i = 0; i < 24; i++)
		ck_assert((double)y[i] == 0 && (double)z[i] == 0);
	free(y);
	free(z);
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

/* Variance of x [2,3,4,4] at sample b, channel c, with the channels lo..hi of the samples b0..b1, in loops. */
static double deviation(const real *x, int b0, int b1, int lo, int hi)
{
	double sum = 0, square = 0;
	int n = 0;
	for (int b = b0; b < b1; b++)
		for (int i = 0; i < 12; i++)
			for (int c = lo; c < hi; c++, n++)
				sum += (double)x[(b * 12 + i) * 4 + c];
	for (int b = b0; b < b1; b++)
		for (int i = 0; i < 12; i++)
			for (int c = lo; c < hi; c++)
				square += pow((double)x[(b * 12 + i) * 4 + c] - sum / n, 2);
	return sqrt(square / n + 1e-5);
}

/* EvoNorm's four forms by their formulas, and the running variance of B0. */
START_TEST(evo_norm_is_its_definition)
{
	static const char *const form[] = {"evo_b0", "evo_s0", "evo_s0a", "evo_plain"};
	trial t = open_layer(form[_i], SHAPE(2, 3, 4, 4), (sn_options){0}, NULL);
	const batchnorm_with_activation *layer = t.layer.body;
	const evo_norm *n = &layer->evo;
	real *y = value_of(t.g, t.y);
	for (int i = 0; i < 2 * 12 * 4; i++) {
		int b = i / 48, c = i % 4;
		double x = (double)t.x->x[i], v = n->vv ? (double)n->vv->x[c] : 0, z = x;
		if (_i == 0)
			z /= fmax(deviation(t.x->x, 0, 2, c, c + 1), v * x + deviation(t.x->x, b, b + 1, c, c + 1));
		if (_i == 1)
			z /= 1 + exp(-v * x);
		if (_i == 1 || _i == 2)
			z /= deviation(t.x->x, b, b + 1, c / 2 * 2, c / 2 * 2 + 2);
		double want = z * (double)n->gamma->x[c] + (double)n->beta->x[c];
		ck_assert_msg(fabs((double)y[i] - want) < 10 * tiny, "%s: element %d: %g, not %g", form[_i], i,
			(double)y[i], want);
	}
	free(y);
	if (_i == 0) {
		y = value_of(t.g, evo_norm_apply(t.g, n, t.in, (mode){.train = true, .update = true}));
		double var = pow(deviation(t.x->x, 0, 2, 3, 4), 2) - 1e-5;
		ck_assert_double_eq_tol((double)n->moving_variance->x[3], 0.9 + 0.1 * var, 10 * tiny);
		real *z = value_of(t.g, evo_norm_apply(t.g, n, t.in, evaluate));
		ck_assert_mem_ne(y, z, 96 * sizeof(real));
		free(y);
		free(z);
	}
	close_layer(&t);
}
END_TEST

/* Over another axis: the same as exchanging the axes around the usual layer. */
START_TEST(norm_of_another_axis_is_the_exchanged_one)
{
	trial t = open_layer("bn_second", SHAPE(2, 3, 4, 3), (sn_options){0}, NULL);
	batchnorm_with_activation b = *(const batchnorm_with_activation *)t.layer.body;
	b.opt.axis = 0;
	static const int swap[] = {0, 3, 2, 1};
	node *x = op_permute(t.g, t.in, swap);
	node *same = op_permute(t.g, batchnorm_with_activation_apply(t.g, &b, x, train), swap);
	real *y = value_of(t.g, t.y), *z = value_of(t.g, same), *last = value_of(t.g,
		batchnorm_with_activation_apply(t.g, &b, t.in, train));
	ck_assert_mem_eq(y, z, 72 * sizeof(real));
	ck_assert_mem_ne(y, last, 72 * sizeof(real));
	free(y);
	free(z);
	free(last);
	close_layer(&t);
}
END_TEST

/* prelu is x or x/4, star_relu is relu(x)^2, as they start. */
START_TEST(learned_activations_start_as_published)
{
	const double x[] = {-2, -0.5, 0, 0.5, 3}, prelu[] = {-0.5, -0.125, 0, 0.5, 3}, star[] = {0, 0, 0, 0.25, 9};
	module *m = module_new(NULL);
	activation p, s;
	activation_init(m, &p, "prelu", "prelu", 1);
	activation_init(m, &s, "star_relu", "star_relu", 1);
	block_alloc(m);
	graph *g = graph_new(NULL);
	buffer *b = buffer_new("x", SHAPE(1, 5, 1, 1), NULL);
	for (int i = 0; i < 5; i++)
		b->x[i] = (real)x[i];
	real *y = value_of(g, activation_apply(g, &p, graph_leaf(g, b)));
	real *z = value_of(g, activation_apply(g, &s, graph_leaf(g, b)));
	for (int i = 0; i < 5; i++) {
		ck_assert_double_eq((double)y[i], prelu[i]);
		ck_assert_double_eq((double)z[i], star[i]);
	}
	free(y);
	free(z);
	graph_free(g);
	buffer_free(b);
	module_free(m);
}
END_TEST

/* Hidden channels of squeeze and excitation: D truncates, H rounds to multiples. */
START_TEST(hidden_channels_are_rounded_as_in_each_state)
{
	se_options d = {0}, h = {.divisor = 8}, three = {.divisor = 3, .limit_round_down = 0.95};
	ck_assert_int_eq(se_hidden(16, d), 4);
	ck_assert_int_eq(se_hidden(13, d), 3);
	ck_assert_int_eq(se_hidden(2, d), 0);
	ck_assert_int_eq(se_hidden(16, h), 8);
	ck_assert_int_eq(se_hidden(45, h), 16);              /* 11.25 -> 8 would lose more than a tenth */
	ck_assert_int_eq(se_hidden(10, three), 3);
	ck_assert_int_eq(make_divisible(20, 8, 0.9), 24);
	ck_assert_int_eq(make_divisible(1, 8, 0.9), 8);
}
END_TEST

/* Squeeze and excitation: one factor per sample and channel, between 0 and 1. */
START_TEST(gates_scale_whole_channels)
{
	trial t = open_layer("se_d", SHAPE(2, 3, 4, 8), (sn_options){0}, NULL);
	real *y = value_of(t.g, t.y);
	for (int i = 0; i < 2 * 12 * 8; i++) {
		int first = i / 96 * 96 + i % 8;
		double gate = (double)(y[first] / t.x->x[first]);
		ck_assert(gate > 0 && gate < 1);
		ck_assert(fabs((double)y[i] - gate * (double)t.x->x[i]) < 100 * tiny);
	}
	free(y);
	close_layer(&t);
}
END_TEST

/* The parity mode of conv2d_no_bias: filters = 1 keeps all channels; without it there is one. */
START_TEST(one_filter_is_depthwise_only_in_parity)
{
	for (int parity = 0; parity < 2; parity++) {
		module *m = module_new(NULL);
		conv2d_no_bias c;
		conv2d_no_bias_init(m, &c, "", 3, (conv2d_options){
			.filters = 1, .kh = 3, .padding = CONV2D_SAME, .depthwise_parity = parity != 0});
		block_alloc(m);
		graph *g = graph_new(NULL);
		node *y = conv2d_no_bias_apply(g, &c, op_fill(g, SHAPE(1, 4, 5, 3), 1), evaluate);
		shape want = SHAPE(1, 4, 5, parity ? 3 : 1);
		ck_assert(shape_equal(&y->s, &want));
		graph_free(g);
		module_free(m);
	}
}
END_TEST

/* D's kernels have a deviation of sqrt(2/fan_out), H's lie within 1/sqrt(in k k), groups or not. */
START_TEST(convolutions_start_as_in_each_state)
{
	module *m = module_new(NULL);
	conv2d_no_bias d, h;
	conv2d_no_bias_init(m, &d, "d_", 32, (conv2d_options){.filters = 64, .kh = 3, .groups = 4});
	conv2d_no_bias_init(m, &h, "h_", 32, (conv2d_options){.filters = 64, .kh = 3, .groups = 4, .torch_init = true});
	block_alloc(m);
	double square = 0, bound = 0;
	int64_t n = shape_count(&d.conv.kernel->s);
	for (int64_t i = 0; i < n; i++) {
		square += (double)d.conv.kernel->x[i] * (double)d.conv.kernel->x[i];
		bound = fmax(bound, fabs((double)h.conv.kernel->x[i]));
	}
	ck_assert_double_eq_tol(sqrt(square / (double)n) / sqrt(2.0 / (9 * 64)), 1, 0.05);
	ck_assert_double_eq_tol(bound * sqrt(32 * 9.0), 1, 0.01);
	ck_assert(bound * sqrt(32 * 9.0) <= 1 + 1e-6);
	module_free(m);
}
END_TEST

/* The class token passes; the relative form gives it nothing and is linear in the query. */
START_TEST(class_tokens_have_no_position)
{
	trial t = open_layer("cpe_rows", SHAPE(2, 7, 3), (sn_options){0}, NULL);
	real *y = value_of(t.g, t.y);
	for (int b = 0; b < 2; b++)
		for (int c = 0; c < 3; c++)
			ck_assert_double_eq((double)y[b * 21 + c], (double)t.x->x[b * 21 + c]);
	free(y);
	close_layer(&t);

	t = open_layer("crpe_two", SHAPE(2, 3, 7, 2), (sn_options){0}, NULL);
	node *query = op_scale(t.g, op_tanh(t.g, t.in), 2);
	node *twice = conv_relative_positional_encoding_apply(t.g, t.layer.body, query, t.in, evaluate);
	y = value_of(t.g, t.y);
	real *z = value_of(t.g, twice);
	for (int i = 0; i < 2 * 3 * 7 * 2; i++) {
		ck_assert(fabs((double)(z[i] - 2 * y[i])) < tiny);
		ck_assert(i / 2 % 7 > 0 || (double)y[i] == 0);
	}
	free(y);
	free(z);
	close_layer(&t);
}
END_TEST

/* What stands two rows lower comes out two rows lower, one where the stride halves, away from the border. */
static const struct {
	const char *block;
	int rows;                                    /* by which y moves */
} moved[] = {{"blur32", 1}, {"conv_groups", 1}, {"conv_one", 2}, {"look_d", 2}};

START_TEST(shifts_pass_through)
{
	enum { H = 16, W = 6, C = 4 };
	trial t = open_layer(moved[_i].block, SHAPE(1, H, W, C), (sn_options){0}, NULL);
	int h = (int)t.y->s.dim[1], by = moved[_i].rows, row = (int)(shape_count(&t.y->s) / h);
	real *y = value_of(t.g, t.y);
	memmove(t.x->x + 2 * W * C, t.x->x, (H - 2) * W * C * sizeof(real));
	real *z = value_of(t.g, t.y);
	int rows = 0;
	for (int i = h / 4; i < h * 3 / 4; i++, rows++)
		for (int k = 0; k < row; k++)
			ck_assert(fabs((double)(z[(i + by) * row + k] - y[i * row + k])) < 10 * tiny);
	ck_assert_int_ge(rows, 4);
	free(y);
	free(z);
	close_layer(&t);
}
END_TEST

/* ---- outlook ---- */

START_TEST(outlook_rows_sum_to_one)
{
	trial t = open_layer("look_d", SHAPE(2, 5, 4, 3), (sn_options){0}, NULL);
	node *scores;
	outlook_attention_apply(t.g, t.layer.body, t.in, evaluate, &scores);
	shape want = SHAPE(2, 3, 2, 2, 9, 9);
	ck_assert(shape_equal(&scores->s, &want));
	real *a = value_of(t.g, scores);
	for (int64_t row = 0; row < shape_count(&want) / 9; row++) {
		double sum = 0;
		for (int i = 0; i < 9; i++)
			sum += (double)a[row * 9 + i];
		ck_assert(fabs(sum - 1) < tiny);
	}
	free(a);
	close_layer(&t);
}
END_TEST

/* H's frozen fold kernel changes no number. */
START_TEST(fold_kernel_folds_as_we_do)
{
	shape s = SHAPE(2, 5, 6, 3);
	trial a = open_layer("look_d", s, (sn_options){0}, NULL), b = open_layer("look_fold", s, (sn_options){0}, NULL);
	real *y = value_of(a.g, a.y), *z = value_of(b.g, b.y);
	ck_assert_int_eq(module_states(b.m), 1);
	for (int64_t i = 0; i < shape_count(&a.y->s); i++)
		ck_assert(fabs((double)(y[i] - z[i])) < tiny);
	free(y);
	free(z);
	close_layer(&a);
	close_layer(&b);
}
END_TEST

/* The definition in loops over cells, heads and taps, for a padded, an unpadded, a gapped and the simple form. */
static double naive(const trial *t, const real *v, const real *a, int b, int y, int x, int e)
{
	const outlook_options *o = &((const outlook *)t->layer.body)->opt;
	int k = o->kernel_size, s = o->strides, K = k * k, p = o->no_padding ? 0 : k / 2, n = o->num_heads;
	int E = (int)o->embed_dim, H = (int)t->x->s.dim[1], W = (int)t->x->s.dim[2], head = e / (E / n);
	int hh = (H + s - 1) / s, ww = (W + s - 1) / s;
	double sum = 0;
	for (int i = 0; i < hh; i++)
		for (int j = 0; j < ww; j++) {
			int ty = y - (i * s - p), tx = x - (j * s - p);
			if (ty < 0 || ty >= k || tx < 0 || tx >= k)
				continue;
			const real *row = a + ((((b * hh + i) * ww + j) * n + head) * K + ty * k + tx) * K;
			for (int m = 0; m < K; m++) {
				int yy = i * s - p + m / k, xx = j * s - p + m % k;
				if (yy >= 0 && yy < H && xx >= 0 && xx < W)
					sum += (double)row[m] * (double)v[((b * H + yy) * W + xx) * E + e];
			}
		}
	return sum;
}

static const struct {
	const char *block;
	shape in;
} outlooks[] = {
	{"look_d", {4, {2, 5, 4, 3}}}, {"look_gaps", {4, {2, 5, 7, 3}}}, {"look_simple", {4, {2, 4, 7, 3}}},
};

START_TEST(outlook_is_its_definition)
{
	trial t = open_layer(outlooks[_i].block, shape_of(4, outlooks[_i].in.dim), (sn_options){0}, NULL);
	outlook *o = t.layer.body;
	int E = (int)o->opt.embed_dim, H = (int)t.x->s.dim[1], W = (int)t.x->s.dim[2];
	node *scores;
	memset(o->out.kernel->x, 0, (size_t)(E * E) * sizeof(real));         /* y as it is before the projection */
	memset(o->out.bias->x, 0, (size_t)E * sizeof(real));
	for (int e = 0; e < E; e++)
		o->out.kernel->x[e * E + e] = 1;
	real *y = value_of(t.g, outlook_attention_apply(t.g, o, t.in, evaluate, &scores));
	real *a = value_of(t.g, scores), *v = value_of(t.g, dense_apply(t.g, &o->v, t.in, evaluate));
	for (int i = 0; i < 2 * H * W * E; i++) {
		double want = naive(&t, v, a, i / (H * W * E), i / (W * E) % H, i / E % W, i % E);
		ck_assert_msg(fabs((double)y[i] - want) < 10 * tiny, "element %d: %g, not %g", i, (double)y[i], want);
	}
	free(y);
	free(a);
	free(v);
	close_layer(&t);
}
END_TEST

/* ---- tokens ---- */

START_TEST(class_tokens_stand_first_or_last)
{
	static const char *const where[] = {"token_first", "token_two_last"};
	for (int end = 0; end < 2; end++) {
		trial t = open_layer(where[end], SHAPE(2, 3, 4), (sn_options){0}, NULL);
		const class_token *token = t.layer.body;
		real *y = value_of(t.g, t.y);
		int T = 1 + end, N = 3 + T;
		for (int i = 0; i < 2 * N * 4; i++) {
			int b = i / (N * 4), n = i / 4 % N, c = i % 4, own = end ? n >= 3 : n < T;
			real want = own ? token->tokens->x[(end ? n - 3 : n) * 4 + c]
					: t.x->x[(b * 3 + (end ? n : n - T)) * 4 + c];
			ck_assert(y[i] == want);
		}
		free(y);
		close_layer(&t);
	}
}
END_TEST

/* A ramp stays the ramp, sampled at the new centres and flat beyond the old ones; class tokens stay. */
START_TEST(position_tables_are_resized)
{
	fault e;
	module *m = module_new(NULL);
	positional_embedding image, tokens;
	positional_embedding_init(m, &image, "image", SHAPE(5, 4, 6, 1), 0);
	positional_embedding_init(m, &tokens, "tokens", SHAPE(5, 25, 1), 4);         /* one and 4x6 */
	block_alloc(m);
	real ramp[1 + 2 * 3];
	ramp[0] = 77;
	for (int i = 0; i < 6; i++)
		ramp[1 + i] = (real)(10 * (i / 3) + i % 3);
	ck_assert_msg(positional_embedding_load(&image, SHAPE(1, 2, 3, 1), ramp + 1, 0, &e), "%s", e.text);
	ck_assert_msg(positional_embedding_load(&tokens, SHAPE(1, 7, 1), ramp, 2, &e), "%s", e.text);
	ck_assert_double_eq((double)tokens.table->x[0], 77);
	for (int i = 0; i < 24; i++) {
		double y = fmin(fmax((i / 6 + 0.5) / 2 - 0.5, 0), 1), x = fmin(fmax((i % 6 + 0.5) / 2 - 0.5, 0), 2);
		ck_assert_double_eq_tol((double)image.table->x[i], 10 * y + x, 1e-5);
		ck_assert(tokens.table->x[1 + i] == image.table->x[i]);
	}
	real same[25];
	for (int i = 0; i < 25; i++)
		same[i] = (real)i;
	ck_assert(positional_embedding_load(&tokens, SHAPE(1, 25, 1), same, 0, &e));
	ck_assert_mem_eq(tokens.table->x, same, sizeof same);

	static const struct {
		shape from;
		const char *message;
	} wrong[] = {
		{{3, {1, 9, 1}}, "tokens/positional_embedding: a table of 0 class tokens and a map of 3x3 cannot be "
		 "resized to 1 and 4x6"},
		{{3, {1, 10, 2}}, "tokens/positional_embedding: a table [1,10,2] cannot be resized to [1,25,1]"},
		{{4, {1, 5, 5, 1}}, "tokens/positional_embedding: a table [1,5,5,1] cannot be resized to [1,25,1]"},
	};
	for (int i = 0; i < COUNT(wrong); i++) {
		shape from = shape_of(wrong[i].from.rank, wrong[i].from.dim);
		ck_assert(!positional_embedding_load(&tokens, from, same, 0, &e));
		ck_assert_str_eq(e.text, wrong[i].message);
		ck_assert_mem_eq(tokens.table->x, same, sizeof same);
	}
	module_free(m);
}
END_TEST

START_TEST(starts_have_their_deviations)
{
	module *m = module_new(NULL);
	positional_embedding p;
	spatial_gating_block s;
	channel_affine a;
	positional_embedding_init(m, &p, "p", SHAPE(1, 16, 16, 16), 0);
	spatial_gating_block_init(m, &s, "s", 64, 8, (sn_options){0});
	channel_affine_init(m, &a, "a", SHAPE(1, 3), (affine_options){.weight_init = {INIT_CONSTANT, 0.1}});
	block_alloc(m);
	double largest = 0, sum = 0;
	for (int i = 0; i < 4096; i++) {
		largest = fmax(largest, fabs((double)p.table->x[i]));
		sum += (double)p.table->x[i] * (double)p.table->x[i];
	}
	ck_assert(largest <= 0.4 + 1e-6);                    /* cut at two deviations, not widened */
	ck_assert_double_eq_tol(sqrt(sum / 4096), 0.2 * 0.8796, 0.006);
	for (int i = 0; i < 4096; i++)
		ck_assert(fabs((double)s.gate.kernel->x[i]) <= 2.1e-6);
	ck_assert_double_eq((double)s.gate.bias->x[63], 1);
	ck_assert_double_eq((double)a.weight->x[2], (double)(real)0.1);
	ck_assert_double_eq((double)a.bias->x[2], 0);
	module_free(m);
}
END_TEST

/* ---- MLPs ---- */

/* Token i of every sample moved to place (i+1) mod N. */
static void rotate_tokens(real *x, int B, int N, int C)
{
	real keep[64];
	for (int b = 0; b < B; b++) {
		real *at = x + b * N * C;
		memcpy(keep, at + (N - 1) * C, (size_t)C * sizeof *x);
		memmove(at + C, at, (size_t)((N - 1) * C) * sizeof *x);
		memcpy(at, keep, (size_t)C * sizeof *x);
	}
}

/* mlp_block sees one token at a time; mixer and gating see places. */
START_TEST(only_mlp_block_ignores_places)
{
	static const struct {
		const char *block;
		bool equivariant;
	} row[] = {{"mlp_d", true}, {"mixer_d", false}, {"gating_d", false}};
	for (int i = 0; i < COUNT(row); i++) {
		trial t = open_layer(row[i].block, SHAPE(2, 3, 4), (sn_options){0}, NULL);
		int C = (int)shape_last(&t.y->s);
		real *y = value_of(t.g, t.y);
		rotate_tokens(t.x->x, 2, 3, 4);
		rotate_tokens(y, 2, 3, C);
		real *z = value_of(t.g, t.y);
		const double worst = kit_worst(y, z, 2 * 3 * C);
		ck_assert(row[i].equivariant ? worst < tiny : worst > 1e-3);
		free(y);
		free(z);
		close_layer(&t);
	}
}
END_TEST

/* The gate starts open: K is all but 0 and its bias 1. */
START_TEST(gating_starts_as_the_first_half)
{
	module *m = module_new(NULL);
	spatial_gating_block s;
	spatial_gating_block_init(m, &s, "s", 3, 4, (sn_options){0});
	block_alloc(m);
	graph *g = graph_new(NULL);
	buffer *x = buffer_new("x", SHAPE(2, 3, 4), NULL);
	grad_fill(x, GRAD_APART, 3);
	real *y = value_of(g, spatial_gating_block_apply(g, &s, graph_leaf(g, x), evaluate));
	for (int i = 0; i < 12; i++)
		ck_assert(fabs((double)(y[i] - x->x[i / 2 * 4 + i % 2])) < 1e-4);
	free(y);
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

/* ---- dropout and stochastic depth ---- */

/* y in training with a stream of this seed; the drop rates are those of the layer. */
static real *trained(const char *name, shape s, uint64_t seed, trial *t)
{
	rng noise = rng_new(seed, "noise");
	*t = open_layer(name, s, (sn_options){0}, &(mode){.train = true, .noise = &noise});
	return value_of(t->g, t->y);
}

static const struct {
	const char *block;
	shape in;
	const char *argument;
} dropped[] = {
	{"mlp_dropped", {3, {4, 3, 4}}, "mlp_block: drop_rate = 0.5"},
	{"mixer_dropped", {3, {16, 3, 4}}, "mixer_block: drop_rate = 0.5"},
	{"look_dropped", {4, {2, 4, 4, 3}}, "outlook_attention: attn_dropout = 0.5"},
	{"look_output_dropped", {4, {2, 4, 4, 3}}, "outlook_attention: output_dropout = 0.5"},
	{"look_simple_dropped", {4, {2, 4, 4, 3}}, "outlook_attention: attn_dropout = 0.5"},
};

/* The stream decides: same seed, same bits; another seed, others; no training, no dropout; no stream, no graph. */
START_TEST(dropout_follows_its_stream)
{
	shape s = shape_of(dropped[_i].in.rank, dropped[_i].in.dim);
	trial t[4];
	real *y[4] = {
		trained(dropped[_i].block, s, 1, &t[0]),
		trained(dropped[_i].block, s, 1, &t[1]),
		trained(dropped[_i].block, s, 2, &t[2]), NULL,
	};
	t[3] = open_layer(dropped[_i].block, s, (sn_options){0}, NULL);
	y[3] = value_of(t[3].g, t[3].y);
	size_t bytes = (size_t)shape_count(&t[0].y->s) * sizeof(real);
	ck_assert_mem_eq(y[0], y[1], bytes);
	ck_assert_mem_ne(y[0], y[2], bytes);
	ck_assert_mem_ne(y[0], y[3], bytes);
	apply_layer(t[3].g, &t[3], t[3].in, train);
	fault e;
	ck_assert(!graph_ok(t[3].g, &e));
	ck_assert_msg(strstr(e.text, dropped[_i].argument) && strstr(e.text, ": training needs a random stream"), "%s",
		      e.text);
	for (int i = 0; i < 4; i++) {
		free(y[i]);
		close_layer(&t[i]);
	}
}
END_TEST

/* Half of the outputs are 0, the others twice as large. */
START_TEST(output_dropout_keeps_the_mean)
{
	shape s = SHAPE(2, 8, 8, 3);
	trial t, plain = open_layer("look_output_dropped", s, (sn_options){0}, NULL);
	real *y = trained("look_output_dropped", s, 5, &t), *z = value_of(plain.g, plain.y);
	int zeros = 0, n = 2 * 8 * 8 * 4;
	for (int i = 0; i < n; i++) {
		zeros += (double)y[i] == 0;
		ck_assert((double)y[i] == 0 || fabs((double)(y[i] - 2 * z[i])) < 10 * tiny);
	}
	ck_assert(zeros > n * 2 / 5 && zeros < n * 3 / 5);
	free(y);
	free(z);
	close_layer(&t);
	close_layer(&plain);
}
END_TEST

/* Hidden values and outputs are dropped: with W1 = 1 a quarter is left, four times as large. */
START_TEST(mlp_drops_twice)
{
	shape s = SHAPE(8, 16, 6);
	rng noise = rng_new(4, "noise");
	trial t = open_layer("mlp_dropped", s, (sn_options){0}, &(mode){.train = true, .noise = &noise});
	const mlp_block *b = t.layer.body;
	memset(b->kernel[1]->x, 0, 36 * sizeof(real));
	memset(b->bias[1]->x, 0, 6 * sizeof(real));
	for (int i = 0; i < 6; i++)
		b->kernel[1]->x[7 * i] = 1;
	real *y = value_of(t.g, t.y), *z = value_of(t.g, mlp_block_apply(t.g, b, t.in, evaluate));
	int left = 0, n = 8 * 16 * 6;
	for (int i = 0; i < n; i++) {
		left += (double)y[i] != 0;
		ck_assert((double)y[i] == 0 || fabs((double)(y[i] - 4 * z[i])) < 100 * tiny);
	}
	ck_assert_msg(left > n / 5 && left < n * 3 / 10, "%d of %d left", left, n);
	free(y);
	free(z);
	close_layer(&t);
}
END_TEST

/* Stochastic depth: a sample's branch is there twice, or not at all. With both branches at a rate of 1/2 a sample is x,
 * or has one or two; those that kept nothing are x to the bit. */
START_TEST(stochastic_depth_drops_whole_samples)
{
	trial t;
	real *y = trained("mixer_dropped", SHAPE(64, 3, 4), 3, &t);
	int untouched = 0;
	for (int b = 0; b < 64; b++) {
		int same = 0;
		for (int i = 0; i < 12; i++)
			same += y[b * 12 + i] == t.x->x[b * 12 + i];
		ck_assert_msg(same == 0 || same == 12, "sample %d: %d of 12 values unchanged", b, same);
		untouched += same == 12;
	}
	ck_assert(untouched > 6 && untouched < 28);          /* a quarter is expected */
	free(y);
	close_layer(&t);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{blur_is_binomial, 1},
		{zero_gamma_silences_the_branch, 1},
		{evo_norm_is_its_definition, 4},
		{norm_of_another_axis_is_the_exchanged_one, 1},
		{learned_activations_start_as_published, 1},
		{hidden_channels_are_rounded_as_in_each_state, 1},
		{gates_scale_whole_channels, 1},
		{one_filter_is_depthwise_only_in_parity, 1},
		{convolutions_start_as_in_each_state, 1},
		{class_tokens_have_no_position, 1},
		{shifts_pass_through, COUNT(moved)},
		{outlook_rows_sum_to_one, 1},
		{fold_kernel_folds_as_we_do, 1},
		{outlook_is_its_definition, COUNT(outlooks)},
		{class_tokens_stand_first_or_last, 1},
		{position_tables_are_resized, 1},
		{starts_have_their_deviations, 1},
		{only_mlp_block_ignores_places, 1},
		{gating_starts_as_the_first_half, 1},
		{dropout_follows_its_stream, COUNT(dropped)},
		{output_dropout_keeps_the_mean, 1},
		{mlp_drops_twice, 1},
		{stochastic_depth_drops_whole_samples, 1},
	};
	return suite_run("block laws", tests, COUNT(tests), 120);
}
