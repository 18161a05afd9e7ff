/* derivative_rows.c - the table of derivatives, one row per op and geometry, and the builders its rows name. */
#include "tests/derivative_rows.h"

#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/graph/ops_internal.h"

/* ---- builders: what a row computes from its inputs ---- */

#define UNARY(name) \
	static node *do_##name(graph *g, node *const *in, const void *arg) { (void)arg; return op_##name(g, in[0]); }
#define BINARY(name) \
	static node *do_##name(graph *g, node *const *in, const void *arg) \
	{ (void)arg; return op_##name(g, in[0], in[1]); }
UNARY(square) UNARY(recip) UNARY(sqrt) UNARY(rsqrt) UNARY(exp) UNARY(log) UNARY(tanh) UNARY(sigmoid) UNARY(softplus)
UNARY(erf) UNARY(relu) UNARY(abs) UNARY(gelu) UNARY(gelu_tanh) UNARY(swish) UNARY(selu) UNARY(hard_sigmoid)
UNARY(neg) UNARY(sum_all) UNARY(mean_all) UNARY(transpose) UNARY(softmax) UNARY(kernel_turn)
UNARY(skew) UNARY(unskew)

/* The other slice of two has nothing: a plan that runs alone adds up what it has. */
static node *do_slice_sum(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	graph_slice(g, 0, 2);
	return op_slice_sum(g, in[0]);
}
BINARY(add) BINARY(sub) BINARY(mul) BINARY(div) BINARY(gather) BINARY(dense) BINARY(shift)

/* Whole numbers make maps: about the identity, uneven. */
static node *maps_of(graph *g, node *whole)
{
	return op_add_scalar(g, op_scale(g, whole, 0.23), 0.37);
}

static node *do_warp(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return op_warp(g, in[0], maps_of(g, in[1]));
}

static node *do_warp_dx(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return op_warp_dx(g, in[0], maps_of(g, in[1]));
}

static node *do_scale(graph *g, node *const *in, const void *arg)
{
	return op_scale(g, in[0], *(const double *)arg);
}

static node *do_add_scalar(graph *g, node *const *in, const void *arg)
{
	return op_add_scalar(g, in[0], *(const double *)arg);
}

static node *do_leaky_relu(graph *g, node *const *in, const void *arg)
{
	return op_leaky_relu(g, in[0], *(const double *)arg);
}

static node *do_gate(graph *g, node *const *in, const void *arg)
{
	return op_gate(g, in[0], in[1], *(const double *)arg);
}

static node *do_elu(graph *g, node *const *in, const void *arg)
{
	return op_elu(g, in[0], *(const double *)arg);
}

static node *do_clip(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return op_clip(g, in[0], -0.205, 0.205);
}

static node *do_reshape(graph *g, node *const *in, const void *arg)
{
	return op_reshape(g, op_square(g, in[0]), *(const shape *)arg);
}

static node *do_broadcast(graph *g, node *const *in, const void *arg)
{
	return op_broadcast(g, in[0], *(const shape *)arg);
}

static node *do_sum_to(graph *g, node *const *in, const void *arg)
{
	return op_sum_to(g, in[0], *(const shape *)arg);
}

static node *do_mean(graph *g, node *const *in, const void *arg)
{
	return op_mean(g, in[0], *(const unsigned *)arg, false);
}

/* Mean and variance beside each other, weighted apart. */
static node *do_moments(graph *g, node *const *in, const void *arg)
{
	node *part[2];
	op_moments(g, in[0], *(const unsigned *)arg, &part[0], &part[1]);
	part[1] = op_scale(g, part[1], 3);
	return op_concat(g, part, 2, 0);
}

static node *do_permute(graph *g, node *const *in, const void *arg)
{
	return op_permute(g, in[0], arg);
}

static node *do_softmax_axis(graph *g, node *const *in, const void *arg)
{
	return op_softmax_axis(g, in[0], *(const int *)arg);
}

typedef struct box {
	int64_t a[RANK_MAX], b[RANK_MAX];
} box;

static node *do_pad(graph *g, node *const *in, const void *arg)
{
	const box *p = arg;
	return op_pad(g, in[0], p->a, p->b);
}

static node *do_slice(graph *g, node *const *in, const void *arg)
{
	const box *p = arg;
	return op_slice(g, in[0], p->a, p->b);
}

static node *do_concat(graph *g, node *const *in, const void *arg)
{
	return op_concat(g, (node *[]){in[0], in[1], in[2]}, 3, *(const int *)arg);
}

static node *do_scatter_add(graph *g, node *const *in, const void *arg)
{
	return op_scatter_add(g, in[0], in[1], *(const int64_t *)arg);
}

static node *do_matmul(graph *g, node *const *in, const void *arg)
{
	const bool *t = arg;
	return op_matmul(g, in[0], in[1], t[0], t[1]);
}

typedef struct attention_case {
	double scale;
	int64_t rows, cols;
} attention_case;

static node *do_attention(graph *g, node *const *in, const void *arg)
{
	const attention_case *c = arg;
	if (c->cols)
		return op_attention_positions(g, in[0], in[1], in[2], c->rows, c->cols);
	return op_attention_blocked(g, in[0], in[1], in[2], c->scale);
}

/* lse and delta made of q and dy: independent enough, and the chain rule has to pass through both. */
static node *attention_gradient_of(graph *g, node *const *in, const void *arg)
{
	const attention_case *c = arg;
	attr a;
	memset(&a, 0, sizeof a);
	a.attention.scale = c->scale;
	a.attention.rows = c->rows;
	a.attention.cols = c->cols;
	node *lse = op_sum(g, op_square(g, in[0]), 1u << 2, false), *delta = op_sum(g, in[3], 1u << 2, false);
	return graph_node(g, &op_rec_attention_grad, 6, (node *[]){in[0], in[1], in[2], in[3], lse, delta}, &a);
}

static node *do_attention_grad(graph *g, node *const *in, const void *arg)
{
	return attention_gradient_of(g, in, arg);
}

static node *do_attention_second(graph *g, node *const *in, const void *arg)
{
	node *y = attention_gradient_of(g, in, arg);
	node *more[] = {y->in[0], y->in[1], y->in[2], y->in[3], y->in[4], y->in[5], op_tanh(g, in[0]),
		op_square(g, in[1]), op_tanh(g, in[2])};
	return graph_node(g, &op_rec_attention_second, COUNT(more), more, &y->a);
}

typedef struct conv_case {
	conv_geometry c;
	int64_t h, w;                                /* image, for conv2d_dx */
	int kh, kw;                                  /* kernel, for conv2d_dw */
} conv_case;

static node *do_conv2d(graph *g, node *const *in, const void *arg)
{
	return op_conv2d(g, in[0], in[1], ((const conv_case *)arg)->c);
}

static node *do_conv2d_dx(graph *g, node *const *in, const void *arg)
{
	const conv_case *a = arg;
	return op_conv2d_dx(g, in[0], in[1], a->c, a->h, a->w);
}

static node *do_conv2d_dw(graph *g, node *const *in, const void *arg)
{
	const conv_case *a = arg;
	return op_conv2d_dw(g, in[0], in[1], a->c, a->kh, a->kw);
}

typedef struct window_case {
	window_geometry w;
	int64_t h, wide;                             /* image, for the adjoints */
} window_case;

#define WINDOW(name) \
	static node *do_##name(graph *g, node *const *in, const void *arg) \
	{ return op_##name(g, in[0], ((const window_case *)arg)->w); }
#define WINDOW_BACK(name) \
	static node *do_##name(graph *g, node *const *in, const void *arg) \
	{ const window_case *a = arg; return op_##name(g, in[0], a->w, a->h, a->wide); }
#define WINDOW_PAIR(name) \
	static node *do_##name(graph *g, node *const *in, const void *arg) \
	{ return op_##name(g, in[0], in[1], ((const window_case *)arg)->w); }
WINDOW(sum_pool) WINDOW(avg_pool) WINDOW(max_pool) WINDOW(patches)
WINDOW_BACK(sum_pool_dx) WINDOW_BACK(patches_fold)
WINDOW_PAIR(max_pick) WINDOW_PAIR(max_place)

static node *do_upsample(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return op_upsample_nearest(g, in[0], 3, 2);
}

static node *do_resize(graph *g, node *const *in, const void *arg)
{
	const int64_t *s = arg;
	return op_resize_bilinear(g, in[0], s[0], s[1]);
}

static node *do_resize_dx(graph *g, node *const *in, const void *arg)
{
	const int64_t *s = arg;
	return op_resize_bilinear_dx(g, in[0], s[0], s[1]);
}

/* ---- arguments ---- */

#define ARG(type, ...) (&(const type){__VA_ARGS__})
#define PAIR(a, b) ((const bool[]){a, b})
#define SIZE(h, w) ((const int64_t[]){h, w})
#define ORDER(...) ((const int[]){__VA_ARGS__})
#define CONV(...) ARG(conv_case, __VA_ARGS__)
#define WIN(...) ARG(window_case, __VA_ARGS__)

/* stride 1 and 2, one-sided and uneven padding, groups, depthwise with a multiplier */
static const conv_case
	conv_plain = {.c = {1, 1, 0, 0, 0, 0, 1, 0}, .h = 4, .w = 5, .kh = 3, .kw = 2},
	conv_same = {.c = {1, 1, 1, 1, 1, 1, 1, 0}, .h = 4, .w = 5, .kh = 3, .kw = 3},
	conv_half = {.c = {2, 2, 0, 1, 0, 1, 1, 0}, .h = 6, .w = 4, .kh = 3, .kw = 3},
	conv_rest = {.c = {2, 3, 1, 0, 2, 1, 1, 0}, .h = 6, .w = 7, .kh = 3, .kw = 4},
	conv_point = {.c = {1, 1, 0, 0, 0, 0, 1, 0}, .h = 3, .w = 4, .kh = 1, .kw = 1},
	conv_four = {.c = {2, 2, 1, 1, 1, 1, 1, 0}, .h = 6, .w = 4, .kh = 4, .kw = 4},
	conv_groups = {.c = {1, 1, 1, 1, 1, 1, 2, 0}, .h = 4, .w = 4, .kh = 3, .kw = 3},
	conv_depth = {.c = {1, 1, 1, 1, 1, 1, 4, 0}, .h = 4, .w = 4, .kh = 3, .kw = 3},
	conv_pooled = {.c = {1, 1, 1, 1, 1, 1, 1, -2}, .h = 4, .w = 6, .kh = 3, .kw = 3},
	conv_doubled = {.c = {1, 1, 1, 1, 1, 1, 1, 2}, .h = 2, .w = 3, .kh = 3, .kw = 3},
	conv_depth2 = {.c = {2, 2, 0, 1, 0, 1, 4, 0}, .h = 4, .w = 6, .kh = 3, .kw = 3};

static const attention_case attention_plain = {0.7, 0, 0}, attention_map = {1, 2, 3};

static const window_case
	win_two = {.w = {2, 2, 2, 2, 0, 0, 0, 0}, .h = 4, .wide = 6},
	win_odd = {.w = {2, 2, 2, 2, 0, 0, 0, 0}, .h = 5, .wide = 7},
	win_overlap = {.w = {3, 3, 2, 2, 0, 1, 1, 1}, .h = 6, .wide = 5},
	win_uneven = {.w = {3, 2, 1, 3, 2, 0, 0, 1}, .h = 4, .wide = 6},
	win_gap = {.w = {2, 1, 3, 2, 0, 0, 0, 0}, .h = 5, .wide = 5};

/* ---- the table ---- */

#define S GRAD_SMOOTH
#define P GRAD_POSITIVE
#define A GRAD_APART
#define IN(values, ...) {{COUNT(((int64_t[]){__VA_ARGS__})), {__VA_ARGS__}}, values}

const derivative_row derivative_rows[] = {
	/* element-wise */
	{"add", {"add", do_add, NULL, 0, 2, {IN(S, 3, 4), IN(S, 3, 4)}}},
	{"add", {"add, broadcast", do_add, NULL, 0, 2, {IN(S, 2, 3, 4), IN(S, 4)}}},
	{"sub", {"sub", do_sub, NULL, 0, 2, {IN(S, 2, 3, 2, 4), IN(S, 2, 1, 1, 4)}}},
	{"mul", {"mul", do_mul, NULL, 3, 2, {IN(S, 3, 4), IN(S, 3, 4)}}},
	{"mul", {"mul, broadcast", do_mul, NULL, 3, 2, {IN(S, 2, 1, 4), IN(S, 3, 1)}}},
	{"mul", {"square", do_square, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"div", {"div", do_div, NULL, 1, 2, {IN(S, 3, 4), IN(P, 3, 4)}}},
	{"div", {"div, broadcast", do_div, NULL, 1, 2, {IN(S, 3, 4), IN(P, 3, 1)}}},
	{"scale", {"scale", do_scale, ARG(double, -1.7), 1, 1, {IN(S, 3, 4)}}},
	{"scale", {"neg", do_neg, NULL, 1, 1, {IN(S, 3, 4)}}},
	{"add_scalar", {"add_scalar", do_add_scalar, ARG(double, 0.3), 0, 1, {IN(S, 3, 4)}}},
	{"recip", {"recip", do_recip, NULL, 0, 1, {IN(P, 3, 4)}}},
	{"sqrt", {"sqrt", do_sqrt, NULL, 0, 1, {IN(P, 3, 4)}}},
	{"rsqrt", {"rsqrt", do_rsqrt, NULL, 0, 1, {IN(P, 3, 4)}}},
	{"exp", {"exp", do_exp, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"log", {"log", do_log, NULL, 0, 1, {IN(P, 3, 4)}}},
	{"tanh", {"tanh", do_tanh, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"sigmoid", {"sigmoid", do_sigmoid, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"softplus", {"softplus", do_softplus, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"erf", {"erf", do_erf, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"leaky_relu", {"leaky_relu", do_leaky_relu, ARG(double, 0.2), 1, 1, {IN(A, 5, 8)}}},
	{"leaky_relu", {"relu", do_relu, NULL, 1, 1, {IN(A, 5, 8)}}},
	{"gate", {"gate", do_gate, ARG(double, 0.2), 1, 2, {IN(S, 5, 8), IN(A, 5, 8)}}},
	/* composed of them */
	{"gate", {"clip", do_clip, NULL, 0, 1, {IN(A, 5, 8)}}},
	{"leaky_relu", {"abs", do_abs, NULL, 0, 1, {IN(A, 5, 8)}}},
	{"erf", {"gelu", do_gelu, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"tanh", {"gelu_tanh", do_gelu_tanh, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"sigmoid", {"swish", do_swish, NULL, 0, 1, {IN(S, 3, 4)}}},
	{"tanh", {"elu", do_elu, ARG(double, 0.7), 0, 1, {IN(A, 5, 8)}}},
	{"tanh", {"selu", do_selu, NULL, 0, 1, {IN(A, 5, 8)}}},
	{"leaky_relu", {"hard_sigmoid", do_hard_sigmoid, NULL, 0, 1, {IN(A, 5, 8)}}},
	/* shape and reduction */
	{"reshape", {"reshape", do_reshape, ARG(shape, 2, {4, 6}), 0, 1, {IN(S, 2, 3, 4)}}},
	{"broadcast", {"broadcast [C]", do_broadcast, ARG(shape, 3, {2, 3, 4}), 1, 1, {IN(S, 4)}}},
	{"broadcast", {"broadcast [B,1,C,1]", do_broadcast, ARG(shape, 4, {2, 3, 4, 3}), 1, 1, {IN(S, 2, 1, 4, 1)}}},
	{"sum_to", {"sum_to [C]", do_sum_to, ARG(shape, 1, {5}), 1, 1, {IN(S, 2, 3, 4, 5)}}},
	{"sum_to", {"sum_to [B,1,1,C]", do_sum_to, ARG(shape, 4, {2, 1, 1, 5}), 1, 1, {IN(S, 2, 3, 4, 5)}}},
	{"sum_to", {"sum_to [1,H,1,C]", do_sum_to, ARG(shape, 4, {1, 3, 1, 5}), 1, 1, {IN(S, 2, 3, 4, 5)}}},
	{"sum_to", {"sum_to [B,1,W,1]", do_sum_to, ARG(shape, 4, {2, 1, 4, 1}), 1, 1, {IN(S, 2, 3, 4, 5)}}},
	{"sum_to", {"sum_to last axis", do_sum_to, ARG(shape, 3, {2, 3, 1}), 1, 1, {IN(S, 2, 3, 40)}}},
	{"sum_to", {"sum_all", do_sum_all, NULL, 1, 1, {IN(S, 2, 3, 4)}}},
	{"sum_to", {"mean_all", do_mean_all, NULL, 1, 1, {IN(S, 2, 3, 4)}}},
	{"sum_to", {"mean axes 0, 2", do_mean, ARG(unsigned, 5), 1, 1, {IN(S, 2, 3, 4)}}},
	{"permute", {"permute 0213", do_permute, ORDER(0, 2, 1, 3), 1, 1, {IN(S, 2, 3, 4, 2)}}},
	{"permute", {"permute 3120", do_permute, ORDER(3, 1, 2, 0), 1, 1, {IN(S, 2, 3, 4, 2)}}},
	{"permute", {"permute 120", do_permute, ORDER(1, 2, 0), 1, 1, {IN(S, 2, 3, 4)}}},
	{"permute", {"transpose", do_transpose, NULL, 1, 1, {IN(S, 2, 3, 4)}}},
	{"pad", {"pad", do_pad, ARG(box, {0, 1, 2}, {1, 0, 1}), 1, 1, {IN(S, 2, 3, 4)}}},
	{"slice", {"slice", do_slice, ARG(box, {0, 1, 2}, {2, 3, 3}), 1, 1, {IN(S, 2, 3, 4)}}},
	{"concat", {"concat axis 1", do_concat, ARG(int, 1), 0, 3, {IN(S, 2, 3, 2), IN(S, 2, 1, 2), IN(S, 2, 2, 2)}}},
	{"concat", {"concat axis 2", do_concat, ARG(int, 2), 0, 3, {IN(S, 2, 3, 1), IN(S, 2, 3, 4), IN(S, 2, 3, 2)}}},
	{"softmax", {"softmax", do_softmax, NULL, 0, 1, {IN(S, 3, 2, 7)}}},
	{"moments", {"moments of rows", do_moments, ARG(unsigned, 4), 0, 1, {IN(S, 3, 2, 7)}}},
	{"moments", {"moments of columns", do_moments, ARG(unsigned, 3), 0, 1, {IN(S, 3, 4, 5)}}},
	{"moments", {"moments of a map", do_moments, ARG(unsigned, 2), 0, 1, {IN(S, 2, 5, 3)}}},
	{"sum_to", {"moments, axes apart", do_moments, ARG(unsigned, 5), 0, 1, {IN(S, 2, 5, 3)}}},
	{"slice_sum", {"slice_sum", do_slice_sum, NULL, 1, 1, {IN(S, 3, 4)}}},
	{"softmax", {"softmax axis 1", do_softmax_axis, ARG(int, 1), 0, 1, {IN(S, 2, 5, 3)}}},
	{"skew", {"skew", do_skew, NULL, 1, 1, {IN(S, 2, 4, 3, 7)}}},
	{"skew", {"skew, fewer queries than keys", do_skew, NULL, 1, 1, {IN(S, 2, 3, 9)}}},
	{"skew", {"skew, one key", do_skew, NULL, 1, 1, {IN(S, 1, 3, 1)}}},
	{"unskew", {"unskew", do_unskew, NULL, 1, 1, {IN(S, 2, 4, 3, 4)}}},
	{"unskew", {"unskew, fewer queries than keys", do_unskew, NULL, 1, 1, {IN(S, 2, 3, 5)}}},
	{"gather", {"gather", do_gather, NULL, 1, 2, {IN(S, 3, 4), IN(GRAD_INDEX, 5)}}},
	{"scatter_add", {"scatter_add", do_scatter_add, ARG(int64_t, 4), 1, 2, {IN(S, 5, 3), IN(GRAD_INDEX, 5)}}},
	/* matrix products */
	{"matmul", {"matmul", do_matmul, PAIR(false, false), 3, 2, {IN(S, 3, 4), IN(S, 4, 2)}}},
	{"matmul", {"matmul a'", do_matmul, PAIR(true, false), 3, 2, {IN(S, 2, 4, 3), IN(S, 2, 4, 2)}}},
	{"matmul", {"matmul b'", do_matmul, PAIR(false, true), 3, 2, {IN(S, 2, 3, 4), IN(S, 2, 2, 4)}}},
	{"matmul", {"matmul a' b'", do_matmul, PAIR(true, true), 3, 2, {IN(S, 2, 2, 4, 3), IN(S, 2, 2, 2, 4)}}},
	{"matmul", {"dense", do_dense, NULL, 3, 2, {IN(S, 2, 3, 4), IN(S, 4, 5)}}},
	{"attention", {"attention", do_attention, &attention_plain, 4, 3,
		{IN(S, 2, 3, 4), IN(S, 2, 5, 4), IN(S, 2, 5, 3)}}},
	{"attention", {"attention, two blocks of keys", do_attention, &attention_plain, 4, 3,
		{IN(S, 5, 2), IN(S, 260, 2), IN(S, 260, 1)}}},
	{"attention", {"attention, positions", do_attention, &attention_map, 4, 3,
		{IN(S, 2, 3, 7), IN(S, 2, 6, 2), IN(S, 2, 6, 3)}}},
	{"attention_grad", {"attention_grad", do_attention_grad, &attention_plain, 0, 4,
		{IN(S, 2, 3, 4), IN(S, 2, 5, 4), IN(S, 2, 5, 3), IN(S, 2, 3, 3)}}},
	{"attention_grad", {"attention_grad, positions", do_attention_grad, &attention_map, 0, 4,
		{IN(S, 2, 3, 7), IN(S, 2, 6, 2), IN(S, 2, 6, 3), IN(S, 2, 3, 3)}}},
	{"attention_second", {"attention_second", do_attention_second, &attention_plain, 0, 4,
		{IN(S, 2, 3, 2), IN(S, 2, 4, 2), IN(S, 2, 4, 3), IN(S, 2, 3, 3)}}},
	{"attention_second", {"attention_second, positions", do_attention_second, &attention_map, 0, 4,
		{IN(S, 2, 3, 7), IN(S, 2, 6, 2), IN(S, 2, 6, 3), IN(S, 2, 3, 3)}}},
	/* convolution */
	{"conv2d", {"conv2d 3x2", do_conv2d, &conv_plain, 3, 2, {IN(S, 2, 4, 5, 2), IN(S, 3, 2, 2, 3)}}},
	{"conv2d", {"conv2d same", do_conv2d, &conv_same, 3, 2, {IN(S, 2, 4, 5, 3), IN(S, 3, 3, 3, 2)}}},
	{"conv2d", {"conv2d Winograd", do_conv2d, &conv_same, 3, 2, {IN(S, 8, 8, 9, 32), IN(S, 3, 3, 32, 32)}}},
	{"conv2d", {"conv2d stride 2", do_conv2d, &conv_half, 3, 2, {IN(S, 2, 6, 4, 2), IN(S, 3, 3, 2, 3)}}},
	{"conv2d", {"conv2d stride 2x3, rest", do_conv2d, &conv_rest, 3, 2, {IN(S, 2, 6, 7, 2), IN(S, 3, 4, 2, 2)}}},
	{"conv2d", {"conv2d 1x1", do_conv2d, &conv_point, 3, 2, {IN(S, 2, 3, 4, 3), IN(S, 1, 1, 3, 5)}}},
	{"conv2d", {"conv2d 4x4 stride 2", do_conv2d, &conv_four, 3, 2, {IN(S, 2, 6, 4, 2), IN(S, 4, 4, 2, 2)}}},
	{"conv2d", {"conv2d groups", do_conv2d, &conv_groups, 3, 2, {IN(S, 2, 4, 4, 4), IN(S, 3, 3, 2, 6)}}},
	{"conv2d", {"conv2d depthwise", do_conv2d, &conv_depth, 3, 2, {IN(S, 1, 4, 4, 4), IN(S, 3, 3, 1, 4)}}},
	{"conv2d", {"conv2d depthwise x2", do_conv2d, &conv_depth2, 3, 2, {IN(S, 1, 4, 6, 4), IN(S, 3, 3, 1, 8)}}},
	{"conv2d", {"conv2d pooled", do_conv2d, &conv_pooled, 3, 2, {IN(S, 2, 4, 6, 2), IN(S, 3, 3, 2, 3)}}},
	{"conv2d", {"conv2d doubled", do_conv2d, &conv_doubled, 3, 2, {IN(S, 2, 2, 3, 2), IN(S, 3, 3, 2, 3)}}},
	{"conv2d", {"conv2d pooled, by a form", do_conv2d, &conv_pooled, 3, 2,
	 {IN(S, 4, 8, 10, 16), IN(S, 3, 3, 16, 16)}}},
	{"conv2d", {"conv2d doubled, by a form", do_conv2d, &conv_doubled, 3, 2,
	 {IN(S, 4, 4, 5, 16), IN(S, 3, 3, 16, 16)}}},
	{"conv2d_dx", {"conv2d_dx same", do_conv2d_dx, &conv_same, 3, 2, {IN(S, 2, 4, 5, 2), IN(S, 3, 3, 3, 2)}}},
	{"conv2d_dx", {"conv2d_dx stride 2", do_conv2d_dx, &conv_half, 3, 2, {IN(S, 2, 3, 2, 3), IN(S, 3, 3, 2, 3)}}},
	{"conv2d_dx", {"conv2d_dx rest", do_conv2d_dx, &conv_rest, 3, 2, {IN(S, 2, 3, 3, 2), IN(S, 3, 4, 2, 2)}}},
	{"conv2d_dx", {"conv2d_dx 4x4 stride 2", do_conv2d_dx, &conv_four, 3, 2,
	 {IN(S, 2, 3, 2, 2), IN(S, 4, 4, 2, 2)}}},
	{"conv2d_dx", {"conv2d_dx groups", do_conv2d_dx, &conv_groups, 3, 2, {IN(S, 1, 4, 4, 6), IN(S, 3, 3, 2, 6)}}},
	{"conv2d_dx", {"conv2d_dx depthwise", do_conv2d_dx, &conv_depth, 3, 2, {IN(S, 1, 4, 4, 4), IN(S, 3, 3, 1, 4)}}},
	{"conv2d_dx", {"conv2d_dx depthwise x2", do_conv2d_dx, &conv_depth2, 3, 2,
	 {IN(S, 1, 2, 3, 8), IN(S, 3, 3, 1, 8)}}},
	{"conv2d_dx", {"conv2d_dx pooled", do_conv2d_dx, &conv_pooled, 3, 2, {IN(S, 2, 2, 3, 3), IN(S, 3, 3, 2, 3)}}},
	{"conv2d_dx", {"conv2d_dx doubled", do_conv2d_dx, &conv_doubled, 3, 2, {IN(S, 2, 4, 6, 3), IN(S, 3, 3, 2, 3)}}},
	{"conv2d_dw", {"conv2d_dw same", do_conv2d_dw, &conv_same, 3, 2, {IN(S, 2, 4, 5, 3), IN(S, 2, 4, 5, 2)}}},
	{"conv2d_dw", {"conv2d_dw stride 2", do_conv2d_dw, &conv_half, 3, 2, {IN(S, 2, 6, 4, 2), IN(S, 2, 3, 2, 3)}}},
	{"conv2d_dw", {"conv2d_dw rest", do_conv2d_dw, &conv_rest, 3, 2, {IN(S, 2, 6, 7, 2), IN(S, 2, 3, 3, 2)}}},
	{"conv2d_dw", {"conv2d_dw groups", do_conv2d_dw, &conv_groups, 3, 2, {IN(S, 1, 4, 4, 4), IN(S, 1, 4, 4, 6)}}},
	{"conv2d_dw", {"conv2d_dw depthwise", do_conv2d_dw, &conv_depth, 3, 2, {IN(S, 1, 4, 4, 4), IN(S, 1, 4, 4, 4)}}},
	{"conv2d_dw", {"conv2d_dw depthwise x2", do_conv2d_dw, &conv_depth2, 3, 2,
	 {IN(S, 1, 4, 6, 4), IN(S, 1, 2, 3, 8)}}},
	{"conv2d_dw", {"conv2d_dw pooled", do_conv2d_dw, &conv_pooled, 3, 2, {IN(S, 2, 4, 6, 3), IN(S, 2, 2, 3, 2)}}},
	{"conv2d_dw", {"conv2d_dw doubled", do_conv2d_dw, &conv_doubled, 3, 2, {IN(S, 2, 2, 3, 3), IN(S, 2, 4, 6, 2)}}},
	{"kernel_turn", {"kernel_turn", do_kernel_turn, NULL, 1, 1, {IN(S, 3, 2, 2, 4)}}},
	/* windows and resizing */
	{"sum_pool", {"sum_pool 2x2", do_sum_pool, &win_two, 1, 1, {IN(S, 2, 4, 6, 3)}}},
	{"sum_pool", {"sum_pool 2x2, rest", do_sum_pool, &win_odd, 1, 1, {IN(S, 2, 5, 7, 2)}}},
	{"sum_pool", {"sum_pool overlapping", do_sum_pool, &win_overlap, 1, 1, {IN(S, 2, 6, 5, 2)}}},
	{"sum_pool", {"avg_pool 2x2", do_avg_pool, &win_two, 1, 1, {IN(S, 2, 4, 6, 3)}}},
	{"sum_pool", {"avg_pool padded", do_avg_pool, &win_overlap, 1, 1, {IN(S, 2, 6, 5, 2)}}},
	{"sum_pool_dx", {"sum_pool_dx 2x2", do_sum_pool_dx, &win_odd, 1, 1, {IN(S, 2, 2, 3, 3)}}},
	{"sum_pool_dx", {"sum_pool_dx uneven", do_sum_pool_dx, &win_uneven, 1, 1, {IN(S, 2, 4, 2, 2)}}},
	{"sum_pool_dx", {"sum_pool_dx with gaps", do_sum_pool_dx, &win_gap, 1, 1, {IN(S, 2, 2, 3, 2)}}},
	{"sum_pool_dx", {"upsample_nearest", do_upsample, NULL, 1, 1, {IN(S, 2, 2, 3, 2)}}},
	{"patches", {"patches overlapping", do_patches, &win_overlap, 1, 1, {IN(S, 2, 6, 5, 2)}}},
	{"patches", {"patches uneven", do_patches, &win_uneven, 1, 1, {IN(S, 1, 4, 6, 3)}}},
	{"patches_fold", {"patches_fold overlapping", do_patches_fold, &win_overlap, 1, 1, {IN(S, 1, 3, 3, 18)}}},
	{"patches_fold", {"patches_fold with gaps", do_patches_fold, &win_gap, 1, 1, {IN(S, 2, 2, 3, 4)}}},
	{"max_pick", {"max_pick", do_max_pick, &win_overlap, 2, 2, {IN(A, 1, 6, 5, 2), IN(S, 1, 6, 5, 2)}}},
	{"max_pick", {"max_pool padded", do_max_pool, &win_overlap, 1, 1, {IN(A, 1, 6, 5, 2)}}},
	{"max_pick", {"max_pool 2x2", do_max_pool, &win_two, 1, 1, {IN(A, 2, 4, 6, 2)}}},
	{"max_place", {"max_place", do_max_place, &win_two, 2, 2, {IN(A, 1, 4, 6, 3), IN(S, 1, 2, 3, 3)}}},
	{"max_place", {"max_place overlapping", do_max_place, &win_overlap, 2, 2,
	 {IN(A, 1, 6, 5, 2), IN(S, 1, 3, 3, 2)}}},
	{"resize_bilinear", {"resize up", do_resize, SIZE(7, 5), 1, 1, {IN(S, 2, 3, 4, 2)}}},
	{"resize_bilinear", {"resize down", do_resize, SIZE(3, 2), 1, 1, {IN(S, 1, 7, 6, 2)}}},
	{"resize_bilinear_dx", {"resize_dx up", do_resize_dx, SIZE(3, 4), 1, 1, {IN(S, 1, 7, 5, 2)}}},
	{"resize_bilinear_dx", {"resize_dx down", do_resize_dx, SIZE(7, 6), 1, 1, {IN(S, 1, 3, 2, 2)}}},
	{"shift", {"shift", do_shift, NULL, 1, 2, {IN(S, 3, 4, 3, 2), IN(GRAD_SHIFT, 3, 2)}}},
	{"warp", {"warp", do_warp, NULL, 1, 2, {IN(S, 3, 4, 3, 2), IN(GRAD_SHIFT, 3, 6)}}},
	{"warp_dx", {"warp_dx", do_warp_dx, NULL, 1, 2, {IN(S, 3, 4, 3, 2), IN(GRAD_SHIFT, 3, 6)}}},
};

const int derivative_row_count = COUNT(derivative_rows);

const grad_case *derivative_row_named(const char *name)
{
	for (int i = 0; i < derivative_row_count; i++)
		if (!strcmp(derivative_rows[i].c.name, name))
			return &derivative_rows[i].c;
	bug_abort(__FILE__, __LINE__, "no row is named %s", name);
}
