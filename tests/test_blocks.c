/* test_blocks.c - blocks, tokens, positions by convolution, outlook attention and MLPs: checksums, shapes, names,
 * derivatives, spectral norm and refusals.
 *
 * The checksums need no file: inputs and weights follow a rule, the sums were computed by the originals
 * (keras_cv_attention_models 07209e2 and 687943d) in double. */
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
#include "tests/suite.h"

static const double tiny = sizeof(real) == 8 ? 1e-12 : 2e-5;
static const mode evaluate = {0};

/* ---- checksums ---- */

static const struct {
	const char *name;
	const char *block;
	shape in, out;
	int64_t params;                              /* states counted */
	double sum, sum_abs, first, middle, last;
	double tolerance;                            /* 0 means that of nine digits */
} sums[] = {
	{"anti_alias_downsample", "blur32", {4, {1, 5, 6, 2}}, {4, {1, 3, 3, 2}}, 18,
	 1.426942269, 3.574640916, 0.144464853, -0.264963314, -0.074553707, 0},
	{"batchnorm_with_activation", "bn_relu", {4, {2, 3, 3, 4}}, {4, {2, 3, 3, 4}}, 16,
	 66.621322046, 66.621322046, 0.426339118, 1.242344422, 2.565520917, 2e-6},
	{"conv2d_no_bias", "conv_groups", {4, {1, 5, 5, 4}}, {4, {1, 3, 3, 6}}, 108,
	 0.695293721, 22.564801548, 0.214703336, -1.267080081, 0.616204559, 0},
	{"se_module", "se_d", {4, {2, 3, 4, 8}}, {4, {2, 3, 4, 8}}, 42,
	 1.909254875, 61.439814435, 0.051057421, -0.400907101, 0.634366749, 0},
	{"se_module H", "se_h", {4, {2, 3, 4, 16}}, {4, {2, 3, 4, 16}}, 280,
	 3.829057882, 119.118352405, 0.059129323, 0.420536079, -0.267270227, 0},
	{"layer_norm", "ln_d", {3, {2, 3, 4}}, {3, {2, 3, 4}}, 8,
	 5.124234761, 27.494677499, -1.100462215, -0.446342249, -2.510643434, 0},
	{"layer_norm H", "ln_h", {3, {2, 3, 4}}, {3, {2, 3, 4}}, 8,
	 5.124232182, 27.491162665, -1.100388887, -0.446182271, -2.509712908, 0},
	{"ConvPositionalEncoding", "cpe_square", {3, {2, 10, 3}}, {3, {2, 10, 3}}, 30,
	 25.438429527, 45.838973470, 0.109778301, -0.977098756, 0.190241550, 0},
	{"ConvPositionalEncoding H", "cpe_rows", {3, {2, 11, 3}}, {3, {2, 11, 3}}, 30,
	 32.336871785, 64.218487077, 0.109778301, -0.243885781, -1.342192067, 0},
	{"ConvRelativePositionalEncoding", "crpe_eight", {4, {1, 8, 10, 2}}, {4, {1, 8, 10, 2}}, 496,
	 -3.528292773, 52.161864453, 0, 0, -1.058513840, 0},
	{"outlook_attention", "look_d", {4, {1, 6, 4, 5}}, {4, {1, 6, 4, 6}}, 1044,
	 22.173787353, 45.985549626, -0.387512823, -0.394025564, 0.255009198, 0},
	{"outlook_attention H", "look_d", {4, {1, 5, 7, 4}}, {4, {1, 5, 7, 6}}, 957 - 81,
	 33.082532171, 66.945339547, -0.394045677, 0.466885078, 0.253283025, 0},
	{"outlook_attention_simple", "look_simple", {4, {1, 5, 5, 4}}, {4, {1, 5, 5, 6}}, 876,
	 24.106829320, 47.792259296, -0.376728602, 0.483642324, 0.231909559, 0},
	{"BiasLayer", "bias_last", {3, {1, 2, 3}}, {3, {1, 2, 3}}, 3,
	 6.168534217, 6.168534217, 0.209112966, 1.038434022, 1.424998322, 0},
	{"PositionalEmbedding", "pos_any", {4, {2, 2, 3, 4}}, {4, {2, 2, 3, 4}}, 24,
	 3.935819638, 32.571862215, 0.209112966, 0.520543696, -1.254652141, 0},
	{"ClassToken", "token_first", {3, {2, 3, 4}}, {3, {2, 4, 4}}, 4,
	 7.650434608, 18.475604946, 0.099334665, 0.099334665, 0.720676727, 0},
	{"mlp_block", "mlp_d", {3, {2, 3, 4}}, {3, {2, 3, 4}}, 58,
	 -8.412498179, 8.412498179, -0.361953425, -0.370265502, -0.094621648, 0},
	{"mlp_block H", "mlp_five", {3, {2, 3, 4}}, {3, {2, 3, 5}}, 65,
	 -7.228113666, 10.303842900, -0.393317530, -0.379587092, 0.276210474, 0},
	{"mixer_block", "mixer_d", {3, {2, 3, 4}}, {3, {2, 3, 4}}, 112,
	 17.036572277, 23.452358854, 0.946035823, -0.207612850, 0.840465469, 0},
	{"ChannelAffine", "affine_last", {3, {2, 3, 4}}, {3, {2, 3, 4}}, 8,
	 6.603725780, 9.668683146, 0.509652284, 0.400719689, 0.047445974, 0},
	{"spatial_gating_block", "gating_d", {3, {2, 3, 4}}, {3, {2, 3, 2}}, 16,
	 -0.952963816, 5.684758514, -0.084495435, -0.305921522, -1.541232398, 0},
};

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), k = strlen(tail);
	return n >= k && !strcmp(s + n - k, tail);
}

/* The t-th weight: 0.5 sin(0.7 i + 1.3 t + 0.2); fixed kernels keep theirs and are not counted. */
static void fill_weight(buffer *b, int *t)
{
	if (ends_with(b->name, "anti_alias_down/depthwise_kernel"))
		return;
	for (int64_t i = 0; i < shape_count(&b->s); i++) {
		double x = sin(0.7 * (double)i + 1.3 * *t + 0.2);
		b->x[i] = (real)(ends_with(b->name, "moving_variance") ? 0.5 + 0.4 * x * x :
				 ends_with(b->name, "gamma") ? 1 + 0.5 * x : 0.5 * x);
	}
	(*t)++;
}

static int64_t fill_weights(module *m)
{
	int t = 0;
	int64_t count = 0;
	for (int i = 0; i < module_params(m); i++) {
		fill_weight(module_param_at(m, i), &t);
		count += shape_count(&module_param_at(m, i)->s);
	}
	for (int i = 0; i < module_states(m); i++) {
		fill_weight(module_state_at(m, i), &t);
		count += shape_count(&module_state_at(m, i)->s);
	}
	return count;
}

/* With the query of its own. */
static node *relative_sum(const trial *t, buffer *query)
{
	for (int64_t i = 0; i < shape_count(&query->s); i++)
		query->x[i] = (real)cos(0.23 * (double)i + 0.4);
	return conv_relative_positional_encoding_apply(t->g, t->layer.body, graph_leaf(t->g, query), t->in, evaluate);
}

START_TEST(sums_are_those_of_the_originals)
{
	shape in = shape_of(sums[_i].in.rank, sums[_i].in.dim), out = shape_of(sums[_i].out.rank, sums[_i].out.dim);
	trial t = open_layer(sums[_i].block, in, (sn_options){0}, &evaluate);
	buffer *q = buffer_new("q", in, NULL);
	ck_assert_int_eq(fill_weights(t.m), sums[_i].params);
	for (int64_t i = 0; i < shape_count(&in); i++)
		t.x->x[i] = (real)sin(0.37 * (double)i + 0.11);
	node *y = strcmp(sums[_i].block, "crpe_eight") ? t.y : relative_sum(&t, q);
	real *v = value_of(t.g, y);
	ck_assert_msg(shape_equal(&y->s, &out), "%s: %s", sums[_i].name, shape_print(&y->s).s);
	int64_t n = shape_count(&out);
	double sum = 0, sum_abs = 0;
	for (int64_t i = 0; i < n; i++) {
		sum += (double)v[i];
		sum_abs += fabs((double)v[i]);
	}
	double tol = sizeof(real) == 4 ? 2e-5 : sums[_i].tolerance > 0 ? sums[_i].tolerance : 2e-9;
	const double ours[] = {sum / sum_abs, sum_abs / sum_abs, (double)v[0], (double)v[n / 2], (double)v[n - 1]};
	const double wanted[] = {sums[_i].sum / sum_abs, sums[_i].sum_abs / sum_abs, sums[_i].first, sums[_i].middle,
				 sums[_i].last};
	for (int i = 0; i < 5; i++)
		ck_assert_msg(fabs(ours[i] - wanted[i]) < tol, "%s: %d: %.12g, not %.12g", sums[_i].name, i, ours[i],
			wanted[i]);
	free(v);
	buffer_free(q);
	close_layer(&t);
}
END_TEST

/* The same numbers in training: y, and running statistics after one call (n/(n-1) = 18/17 in the variance). */
START_TEST(batch_statistics_are_those_of_the_original)
{
	static const double mean[] = {0.15143991, -0.15518104, -0.38792309, -0.43678315};
	static const double variance[] = {0.74112619, 0.85848548, 0.68240932, 0.5074291};
	batchnorm_with_activation b;
	module *m = module_new(NULL);
	graph *g = graph_new(NULL);
	shape s = SHAPE(2, 3, 3, 4);
	buffer *x = buffer_new("x", s, NULL);
	batchnorm_with_activation_init(m, &b, "", 4, (bn_act_options){0});
	block_alloc(m);
	fill_weights(m);
	for (int64_t i = 0; i < shape_count(&s); i++)
		x->x[i] = (real)sin(0.37 * (double)i + 0.11);
	node *y = batchnorm_with_activation_apply(g, &b, graph_leaf(g, x), (mode){.train = true, .update = true});
	real *v = value_of(g, y);
	double sum = 0, sum_abs = 0, tol = sizeof(real) == 4 ? 1e-4 : 2e-6;
	for (int64_t i = 0; i < shape_count(&s); i++) {
		sum += (double)v[i];
		sum_abs += fabs((double)v[i]);
	}
	ck_assert_double_eq_tol(sum, 14.424482487, tol * 90);
	ck_assert_double_eq_tol(sum_abs, 88.934010070, tol * 90);
	ck_assert_double_eq_tol((double)v[0], 0.663114495, tol);
	ck_assert_double_eq_tol((double)v[71], 1.484243166, tol);
	for (int c = 0; c < 4; c++) {
		ck_assert_double_eq_tol((double)b.bn.moving_mean->x[c], mean[c], 1e-7);
		ck_assert_double_eq_tol((double)b.bn.moving_variance->x[c], variance[c], 1e-7);
	}
	free(v);
	graph_free(g);
	buffer_free(x);
	module_free(m);
}
END_TEST

/* ---- documented shapes and parameter counts ---- */

static const struct {
	const char *block;
	shape in, out;
	int64_t params;                              /* 0: not documented */
} documented[] = {
	{"blur32", {4, {2, 28, 28, 192}}, {4, {2, 14, 14, 192}}, 0},
	{"bias_last", {4, {2, 14, 14, 192}}, {4, {2, 14, 14, 192}}, 192},
	{"affine_last", {4, {2, 14, 14, 192}}, {4, {2, 14, 14, 192}}, 384},
	{"token_first", {3, {2, 196, 192}}, {3, {2, 197, 192}}, 192},
	{"pos_any", {4, {2, 8, 16, 49}}, {4, {2, 8, 16, 49}}, 8 * 16 * 49},
	{"cpe_square", {3, {1, 197, 256}}, {3, {1, 197, 256}}, 2560},
	{"crpe_eight", {4, {1, 8, 197, 6}}, {4, {1, 8, 197, 6}}, 1488},
	{"mixer_wide", {3, {2, 784, 192}}, {3, {2, 784, 192}}, 0},
	{"mlp_wide", {3, {2, 784, 192}}, {3, {2, 784, 192}}, 14052},
	{"gating_d", {3, {2, 784, 192}}, {3, {2, 784, 96}}, 0},
	{"look_wide", {4, {2, 28, 28, 192}}, {4, {2, 28, 28, 192}}, 136452},
	{"look_simple_wide", {4, {2, 28, 28, 192}}, {4, {2, 28, 28, 192}}, 136452},
	{"se_d", {4, {2, 28, 28, 192}}, {4, {2, 28, 28, 192}}, 18672},
};

START_TEST(shapes_are_the_documented_ones)
{
	shape in = shape_of(documented[_i].in.rank, documented[_i].in.dim);
	shape out = shape_of(documented[_i].out.rank, documented[_i].out.dim);
	trial t = open_layer(documented[_i].block, in, (sn_options){0}, &evaluate);
	ck_assert_msg(shape_equal(&t.y->s, &out), "%s", shape_print(&t.y->s).s);
	if (documented[_i].params > 0)
		ck_assert_int_eq(module_param_count(t.m), documented[_i].params);
	close_layer(&t);
}
END_TEST

/* Keras' names in order of creation, shapes included. */
static const struct {
	const char *block;
	shape in;
	const char *weights;                         /* parameters, then states */
} named[] = {
	{"blur32", {4, {1, 4, 4, 2}}, "anti_alias_down/depthwise_kernel[3,3,2,1]"},
	{"bn_relu", {4, {1, 4, 4, 2}}, "bn/gamma[2] bn/beta[2] bn/moving_mean[2] bn/moving_variance[2]"},
	{"evo_b0", {4, {1, 4, 4, 2}}, "evo_norm/gamma[1,1,1,2] evo_norm/beta[1,1,1,2] evo_norm/vv[1,1,1,2] "
	 "evo_norm/moving_variance[1,1,1,2]"},
	{"evo_s0a", {4, {1, 4, 4, 2}}, "evo_norm/gamma[1,1,1,2] evo_norm/beta[1,1,1,2]"},
	{"conv_groups", {4, {1, 4, 4, 4}}, "conv/kernel[3,3,2,6]"},
	{"conv_one", {4, {1, 4, 4, 4}}, "conv/depthwise_kernel[3,3,4,1] conv/bias[4]"},
	{"se_d", {4, {1, 4, 4, 8}}, "se/1_conv/kernel[1,1,8,2] se/1_conv/bias[2] "
	 "se/2_conv/kernel[1,1,2,8] se/2_conv/bias[8]"},
	{"se_dense", {4, {1, 4, 4, 4}}, "se/1_dense/kernel[4,2] se/1_dense/bias[2] "
	 "se/2_dense/kernel[2,4] se/2_dense/bias[4]"},
	{"cpe_square", {3, {1, 5, 2}}, "cpe/depth_conv/depthwise_kernel[3,3,2,1] cpe/depth_conv/bias[2]"},
	{"crpe_two", {4, {1, 3, 5, 2}}, "crpe/depth_conv_1/depthwise_kernel[3,3,2,1] crpe/depth_conv_1/bias[2] "
	 "crpe/depth_conv_2/depthwise_kernel[1,1,4,1] crpe/depth_conv_2/bias[4]"},
	{"look_fold", {4, {1, 4, 4, 5}}, "outlook/v/kernel[5,6] outlook/attn/kernel[5,162] outlook/attn/bias[162] "
	 "outlook/out/kernel[6,6] outlook/out/bias[6] outlook/fold_convtrans/kernel[3,3,1,9]"},
	{"bias_last", {3, {1, 2, 3}}, "bias_layer/bias[3]"},
	{"bias_rows", {3, {5, 2, 3}}, "bias_layer/bias[1,2,1]"},
	{"bias_third", {3, {5, 2, 3}}, "bias_layer/bias[3]"},
	{"affine_axes", {4, {5, 2, 3, 4}}, "channel_affine/weight[2,3,1] channel_affine/bias[2,3,1]"},
	{"pos_any", {3, {5, 2, 3}}, "positional_embedding/positional_embedding[1,2,3]"},
	{"token_two_last", {3, {5, 2, 3}}, "class_token/tokens[1,2,3]"},
	{"mlp_conv", {4, {1, 2, 2, 3}}, "Conv_0/kernel[1,1,3,5] Conv_0/bias[5] Conv_1/kernel[1,1,5,3] Conv_1/bias[3]"},
	{"mixer_d", {3, {1, 2, 3}}, "mixer/LayerNorm_0/gamma[3] mixer/LayerNorm_0/beta[3] "
	 "mixer/token_mixing/Dense_0/kernel[2,5] mixer/token_mixing/Dense_0/bias[5] "
	 "mixer/token_mixing/Dense_1/kernel[5,2] mixer/token_mixing/Dense_1/bias[2] "
	 "mixer/LayerNorm_1/gamma[3] mixer/LayerNorm_1/beta[3] mixer/channel_mixing/Dense_0/kernel[3,6] "
	 "mixer/channel_mixing/Dense_0/bias[6] mixer/channel_mixing/Dense_1/kernel[6,3] "
	 "mixer/channel_mixing/Dense_1/bias[3]"},
	{"gating_d", {3, {1, 3, 4}}, "gating/vv_ln/gamma[2] gating/vv_ln/beta[2] gating/vv_dense/kernel[3,3] "
	 "gating/vv_dense/bias[3]"},
	{"act_prelu", {4, {1, 2, 2, 3}}, "prelu/alpha[1,1,3]"},
	{"act_star", {4, {1, 2, 2, 3}}, "star_relu/gain[] star_relu/bias[]"},
};

START_TEST(weights_have_the_originals_names)
{
	char text[1024] = "";
	size_t n = 0;
	trial t = open_layer(named[_i].block, shape_of(named[_i].in.rank, named[_i].in.dim), (sn_options){0}, NULL);
	for (int i = 0; i < module_params(t.m) + module_states(t.m); i++) {
		int state = i - module_params(t.m);
		const buffer *b = state < 0 ? module_param_at(t.m, i) : module_state_at(t.m, state);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s", i ? " " : "", b->name, shape_print(&b->s).s);
	}
	ck_assert_str_eq(text, named[_i].weights);
	close_layer(&t);
}
END_TEST

/* ---- derivatives ---- */

static const struct {
	const char *name;
	const char *block;
	shape in;
} smooth[] = {
	{"blur", "blur32", {4, {2, 5, 4, 2}}},
	{"blur trained", "blur_trained", {4, {2, 5, 4, 2}}},
	{"bn swish", "bn_swish", {4, {2, 3, 2, 3}}},
	{"bn after mish", "bn_last", {4, {2, 3, 2, 3}}},
	{"bn second axis", "bn_second", {4, {3, 2, 2, 3}}},
	{"evo norm b0", "evo_b0", {4, {3, 2, 2, 3}}},
	{"evo norm s0", "evo_s0", {4, {2, 3, 2, 4}}},
	{"evo norm s0a", "evo_s0a", {4, {2, 3, 2, 4}}},
	{"evo norm linear", "evo_plain", {4, {2, 3, 2, 4}}},
	{"conv groups", "conv_groups", {4, {2, 5, 4, 4}}},
	{"conv depthwise", "conv_one", {4, {2, 3, 4, 3}}},
	{"conv 1x3", "conv_rectangle", {4, {2, 3, 4, 2}}},
	{"se dense", "se_dense", {4, {2, 3, 2, 4}}},
	{"layer norm", "ln_h", {3, {2, 3, 5}}},
	{"prelu", "act_prelu", {4, {2, 3, 2, 3}}},
	{"star relu", "act_star", {4, {2, 3, 2, 3}}},
	{"cpe", "cpe_square", {3, {2, 5, 3}}},
	{"cpe rows", "cpe_rows", {3, {2, 7, 2}}},
	{"crpe", "crpe_two", {4, {2, 3, 7, 2}}},
	{"outlook", "look_d", {4, {1, 4, 4, 3}}},
	{"outlook odd", "look_d", {4, {1, 3, 5, 2}}},
	{"outlook fold", "look_fold", {4, {1, 3, 4, 2}}},
	{"outlook gaps", "look_gaps", {4, {1, 5, 4, 2}}},
	{"outlook simple", "look_simple", {4, {1, 4, 5, 2}}},
	{"bias", "bias_rows", {4, {2, 3, 2, 2}}},
	{"positions", "pos_any", {4, {2, 3, 2, 2}}},
	{"class token", "token_two_last", {3, {2, 3, 4}}},
	{"affine", "affine_axes", {4, {2, 3, 2, 2}}},
	{"mlp", "mlp_five", {3, {2, 3, 4}}},
	{"mlp conv", "mlp_conv", {4, {2, 2, 3, 4}}},
	{"mixer", "mixer_d", {3, {2, 3, 4}}},
	{"gating", "gating_d", {3, {2, 3, 8}}},
};

static node *apply_first(graph *g, node *const *in, const void *arg)
{
	const trial *t = arg;
	return apply_layer(g, t, in[0], t->mode);
}

START_TEST(derivatives_are_derivatives)
{
	char why[GRAD_WHY];
	trial t = open_layer(smooth[_i].block, shape_of(smooth[_i].in.rank, smooth[_i].in.dim), (sn_options){0}, NULL);
	buffer *in[1 + 16] = {t.x};
	grad_fill(t.x, GRAD_APART, 22);
	for (int i = 0; i < module_params(t.m); i++)
		in[1 + i] = module_param_at(t.m, i);
	bool good = gradcheck(smooth[_i].name, apply_first, &t, in, 1 + module_params(t.m), 0, 0, why);
	ck_assert_msg(good, "%s", why);
	close_layer(&t);
}
END_TEST

/* ---- spectral norm: ten times the kernels is the same layer ---- */

static const struct {
	const char *block;
	shape in;
	int kernels;
} normed[] = {
	{"conv_groups", {4, {2, 5, 4, 4}}, 1},
	{"conv_one", {4, {2, 3, 4, 3}}, 1},
	{"se_dense", {4, {2, 3, 2, 4}}, 2},
	{"se_h", {4, {2, 3, 2, 8}}, 2},
	{"cpe_square", {3, {2, 5, 3}}, 1},
	{"crpe_two", {4, {2, 3, 7, 2}}, 2},
	{"look_d", {4, {1, 4, 4, 3}}, 3},
	{"look_simple", {4, {1, 4, 4, 3}}, 3},
	{"mlp_conv", {4, {2, 2, 3, 4}}, 2},
	{"mixer_d", {3, {2, 3, 4}}, 4},
	{"gating_d", {3, {2, 3, 4}}, 1},
};

START_TEST(spectral_norm_takes_the_size_of_kernels)
{
	sn_options on = {.on = true};
	trial t = open_layer(normed[_i].block, shape_of(normed[_i].in.rank, normed[_i].in.dim), on, NULL);
	int kernels = 0;
	real *y = value_of(t.g, t.y);
	for (int i = 0; i < module_params(t.m); i++) {
		buffer *b = module_param_at(t.m, i);
		if (!ends_with(b->name, "kernel"))
			continue;
		kernels++;
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			b->x[k] *= 10;
	}
	ck_assert_int_eq(kernels, normed[_i].kernels);
	ck_assert_int_eq(module_states(t.m), kernels);       /* a vector for each */
	real *z = value_of(t.g, t.y);
	for (int64_t i = 0; i < shape_count(&t.y->s); i++)
		ck_assert_msg(fabs((double)(y[i] - z[i])) < 100 * tiny * (1 + fabs((double)y[i])), "element %d",
			(int)i);
	free(y);
	free(z);
	close_layer(&t);
}
END_TEST

/* ---- refusals ---- */

static void blur_kernel(module *m)
{
	anti_alias_downsample_init(m, &(anti_alias_downsample){0}, "", 2, (anti_alias_options){.kernel_size = -1});
}

static void blur_stride(module *m)
{
	anti_alias_downsample_init(m, &(anti_alias_downsample){0}, "", 2, (anti_alias_options){.strides = -2});
}

static void bn_name(module *m)
{
	batchnorm_with_activation_init(m, &(batchnorm_with_activation){0}, "", 2, (bn_act_options){
		.activation = "rleu"});
}

static void bn_axis(module *m)
{
	batchnorm_with_activation_init(m, &(batchnorm_with_activation){0}, "", 2, (bn_act_options){.axis = -2});
}

static void conv_groups_10(module *m)
{
	conv2d_no_bias_init(m, &(conv2d_no_bias){0}, "key_", 10, (conv2d_options){
		.filters = 8, .kh = 3, .groups = 4});
}

static void conv_no_filters(module *m)
{
	conv2d_no_bias_init(m, &(conv2d_no_bias){0}, "", 4, (conv2d_options){.kh = 3});
}

static void conv_stride(module *m)
{
	conv2d_no_bias_init(m, &(conv2d_no_bias){0}, "", 4, (conv2d_options){.filters = 8, .kh = 3, .sh = -1});
}

static void se_thin(module *m)
{
	se_module_init(m, &(se_module){0}, "se", 2, (se_options){0});
}

static void se_divisor(module *m)
{
	se_module_init(m, &(se_module){0}, "se", 16, (se_options){.divisor = -8});
}

static void se_name(module *m)
{
	se_module_init(m, &(se_module){0}, "se", 16, (se_options){.activation_out = "sigmiod"});
}

static void cpe_even(module *m)
{
	conv_positional_encoding_init(m, &(conv_positional_encoding){0}, "cpe", 2, (conv_positional_options){
		.kernel_size = 4});
}

static void crpe_heads(module *m)
{
	conv_relative_positional_encoding_init(m, &(conv_relative_positional_encoding){0}, "crpe", 4, 2,
		(conv_relative_options){0});
}

static void crpe_even(module *m)
{
	conv_relative_positional_encoding_init(m, &(conv_relative_positional_encoding){0}, "crpe", 2, 2,
		(conv_relative_options){.splits = 1, .head_splits = {2}, .head_kernel_size = {2}});
}

static void crpe_none(module *m)
{
	conv_relative_positional_encoding_init(m, &(conv_relative_positional_encoding){0}, "crpe", 2, 2,
		(conv_relative_options){.splits = 2, .head_splits = {2, 0}, .head_kernel_size = {3, 3}});
}

static void look_swapped(module *m)
{
	outlook_attention_init(m, &(outlook){0}, "outlook", 4, (outlook_options){.embed_dim = 4, .num_heads = 192});
}

static void look_lost(module *m)
{
	outlook_attention_init(m, &(outlook){0}, "outlook", 4, (outlook_options){
		.embed_dim = 8, .strides = 5, .refuse_gaps = true});
}

static void look_kernel(module *m)
{
	outlook_attention_init(m, &(outlook){0}, "outlook", 4, (outlook_options){.embed_dim = 8, .kernel_size = -3});
}

static void look_simple_heads(module *m)
{
	outlook_attention_simple_init(m, &(outlook){0}, "outlook", 4, (outlook_options){.embed_dim = 8});
}

static void bias_batch(module *m)
{
	bias_layer_init(m, &(bias_layer){0}, "b", SHAPE(2, 3, 4), 1u << 0 | 1u << 1, (init){0});
}

static void affine_beyond(module *m)
{
	channel_affine_init(m, &(channel_affine){0}, "a", SHAPE(2, 3), (affine_options){.axes = 1u << 2});
}

static void pos_vector(module *m)
{
	positional_embedding_init(m, &(positional_embedding){0}, "p", SHAPE(3), 0);
}

static void token_none(module *m)
{
	class_token_init(m, &(class_token){0}, "t", 4, (class_token_options){.num_tokens = -1});
}

static void mlp_none(module *m)
{
	mlp_block_init(m, &(mlp_block){0}, "mlp", 4, (mlp_options){0});
}

static void mlp_name(module *m)
{
	mlp_block_init(m, &(mlp_block){0}, "mlp", 4, (mlp_options){.hidden_dim = 4, .activation = "gleu"});
}

static void gating_odd(module *m)
{
	spatial_gating_block_init(m, &(spatial_gating_block){0}, "gating", 3, 7, (sn_options){0});
}

static const struct {
	void (*init)(module *m);
	const char *message;
} refused[] = {
	{blur_kernel, "anti_alias_downsample: kernel_size = -1: must be at least 1"},
	{blur_stride, "anti_alias_downsample: strides = -2: must be at least 1"},
	{bn_name, "activation 'rleu': unknown; did you mean 'relu'?"},
	{bn_axis, "batchnorm_with_activation: axis = -2: must be at least 1, or 0 for the last"},
	{conv_groups_10, "key_conv: in=10, out=8, groups=4: not divisible"},
	{conv_no_filters, "conv: filters = 0: must be at least 1"},
	{conv_stride, "conv: kernel 3x3, strides -1x-1, groups = 1, padding 0x0: a kernel, stride or group below 1 or "
	 "a negative padding"},
	{se_thin, "se: se: 2 channels * 0.25 leaves no hidden channel"},
	{se_divisor, "se: se: divisor = -8: must be at least 1, or 0 for none"},
	{se_name, "se: activation 'sigmiod': unknown; did you mean 'sigmoid'?"},
	{cpe_even, "cpe: conv_positional_encoding: kernel_size = 4: must be odd"},
	{crpe_heads, "crpe: conv_relative_positional_encoding: head_splits 2+3+3 = 8 but 4 heads"},
	{crpe_even, "crpe: conv_relative_positional_encoding: head_kernel_size = 2: must be odd"},
	{crpe_none, "crpe: conv_relative_positional_encoding: head_splits: 0 heads: must be at least 1"},
	{look_swapped, "outlook: outlook_attention: embed_dim 4 is not a multiple of 192 heads"},
	{look_lost, "outlook: outlook_attention: kernel 3 is smaller than stride 5: pixels would be lost"},
	{look_kernel, "outlook: outlook_attention: kernel_size = -3, strides = 2: must be at least 1"},
	{look_simple_heads, "outlook: outlook_attention: embed_dim 8 is not a multiple of 6 heads"},
	{bias_batch, "b: bias_layer: axis 0 is the batch"},
	{affine_beyond, "a: channel_affine: an axis beyond the 2 of the input"},
	{pos_vector, "p: positional_embedding: input [3] has no positions"},
	{token_none, "t: class_token: num_tokens = -1: must be at least 1"},
	{mlp_none, "mlp: mlp_block: hidden_dim = 0: must be at least 1"},
	{mlp_name, "mlp: activation 'gleu': unknown; did you mean 'gelu'?"},
	{gating_odd, "gating: spatial_gating_block: 7 channels cannot be halved"},
};

START_TEST(wrong_arguments_are_refused)
{
	fault e = {.text = ""};
	rng r = rng_new(1, "init");
	module *m = module_new(NULL);
	refused[_i].init(m);
	ck_assert(!module_alloc(m, &r, &e));
	ck_assert_str_eq(e.text, refused[_i].message);
	module_free(m);
}
END_TEST

static const struct {
	const char *block;
	shape built, given;
	const char *message;                         /* NULL: that of an operation */
} misfit[] = {
	{"blur32", {4, {1, 4, 4, 2}}, {3, {1, 4, 2}}, "anti_alias_downsample: input [1,4,2] is no image [B,H,W,C]"},
	{"bn_second", {3, {1, 4, 4}}, {1, {4}}, "batchnorm_with_activation: axis = 1: input [4] has 1"},
	{"evo_s0", {4, {1, 4, 4, 4}}, {3, {1, 4, 4}}, "evo_norm: input [1,4,4]: must be [B,H,W,4]"},
	{"conv_groups", {4, {1, 4, 4, 4}}, {3, {1, 4, 4}}, "conv2d_no_bias: input [1,4,4] is no image [B,H,W,C]"},
	{"conv_seven", {4, {1, 9, 9, 4}}, {4, {1, 4, 4, 4}}, "conv 7x7 on 4x4: output would be empty"},
	{"conv_seven", {4, {1, 9, 9, 4}}, {4, {1, 4, 9, 4}}, "conv 7x7 on 4x9: output would be empty"},
	{"conv_seven", {4, {1, 9, 9, 4}}, {4, {1, 9, 4, 4}}, "conv 7x7 on 9x4: output would be empty"},
	{"conv_rectangle", {4, {1, 4, 4, 4}}, {4, {1, 4, 4, 3}}, NULL},
	{"se_d", {4, {1, 4, 4, 8}}, {2, {1, 8}}, "se: input [1,8] is no image [B,H,W,C]"},
	{"cpe_square", {3, {1, 5, 2}}, {3, {1, 11, 2}},
	 "cpe: conv_positional_encoding: 10 image tokens: not a square; give input_height"},
	{"cpe_rows", {3, {1, 5, 2}}, {3, {1, 10, 2}},
	 "cpe: conv_positional_encoding: 9 image tokens: not a multiple of input_height 2"},
	{"cpe_rows", {3, {1, 5, 2}}, {3, {1, 1, 2}},
	 "cpe: conv_positional_encoding: no image tokens after the class token"},
	{"cpe_square", {3, {1, 5, 2}}, {4, {1, 2, 2, 2}},
	 "cpe: conv_positional_encoding: input [1,2,2,2] is no token list [B,1+N,C]"},
	{"crpe_two", {4, {1, 3, 5, 2}}, {4, {1, 4, 5, 2}},
	 "crpe: conv_relative_positional_encoding: input [1,4,5,2]: must be [B,3,1+N,2]"},
	{"crpe_two", {4, {1, 3, 5, 2}}, {4, {1, 3, 6, 2}},
	 "crpe: conv_relative_positional_encoding: 5 image tokens: not a multiple of input_height 2"},
	{"look_d", {4, {1, 4, 4, 3}}, {4, {1, 4, 4, 5}},
	 "outlook: outlook_attention: input [1,4,4,5]: must be [B,H,W,3]"},
	{"bias_last", {3, {1, 4, 3}}, {3, {1, 4, 5}}, "bias_layer: bias_layer: built with weights [3], given [1,4,5]"},
	{"affine_axes", {4, {1, 4, 3, 2}}, {4, {1, 4, 2, 2}},
	 "channel_affine: channel_affine: built with weights [4,3,1], given [1,4,2,2]"},
	{"pos_any", {4, {1, 8, 8, 2}}, {4, {2, 4, 4, 2}}, "positional_embedding: built for [1,8,8,2], given [2,4,4,2]"},
	{"token_first", {3, {1, 4, 3}}, {4, {1, 2, 2, 3}}, "class_token: input [1,2,2,3]: must be [B,N,3]"},
	{"mlp_conv", {4, {1, 2, 2, 3}}, {3, {1, 2, 3}},
	 "mlp_block: input [1,2,3] is no image [B,H,W,C], which use_conv wants"},
	{"mixer_d", {3, {1, 4, 3}}, {3, {1, 5, 3}}, "mixer_block: built for [B,4,3], given [1,5,3]"},
	{"mixer_d", {3, {1, 4, 3}}, {4, {1, 2, 2, 3}}, "mixer_block: built for [B,4,3], given [1,2,2,3]"},
	{"gating_d", {3, {1, 4, 6}}, {3, {1, 5, 6}}, "spatial_gating_block: built for [B,4,6], given [1,5,6]"},
};

START_TEST(wrong_inputs_are_refused)
{
	fault e = {.text = ""};
	shape built = shape_of(misfit[_i].built.rank, misfit[_i].built.dim);
	shape given = shape_of(misfit[_i].given.rank, misfit[_i].given.dim);
	trial t = open_layer(misfit[_i].block, built, (sn_options){0}, NULL);
	apply_layer(t.g, &t, op_fill(t.g, given, 1), t.mode);
	ck_assert(!graph_ok(t.g, &e));
	if (misfit[_i].message)
		ck_assert_str_eq(e.text, misfit[_i].message);
	close_layer(&t);
}
END_TEST

START_TEST(query_and_value_must_be_alike)
{
	fault e = {.text = ""};
	trial t = open_layer("crpe_two", SHAPE(1, 3, 5, 2), (sn_options){0}, NULL);
	conv_relative_positional_encoding_apply(t.g, t.layer.body, op_fill(t.g, SHAPE(1, 3, 4, 2), 1), t.in, evaluate);
	ck_assert(!graph_ok(t.g, &e));
	ck_assert_str_eq(e.text, "crpe: conv_relative_positional_encoding: query [1,3,4,2] and value [1,3,5,2] must "
		"have the same shape");
	close_layer(&t);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{sums_are_those_of_the_originals, COUNT(sums)},
		{batch_statistics_are_those_of_the_original, 1},
		{shapes_are_the_documented_ones, COUNT(documented)},
		{weights_have_the_originals_names, COUNT(named)},
		{derivatives_are_derivatives, COUNT(smooth)},
		{spectral_norm_takes_the_size_of_kernels, COUNT(normed)},
		{wrong_arguments_are_refused, COUNT(refused)},
		{wrong_inputs_are_refused, COUNT(misfit)},
		{query_and_value_must_be_alike, 1},
	};
	return suite_run("blocks", tests, COUNT(tests), 120);
}
