/* test_gaze.c - maps of attention layers: each, laid out as one matrix a head, is what the layer computes with: matrix
 * times values, put through the rest of the layer, is the layer's output. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/config/config_apply.h"
#include "core/h5/h5.h"
#include "gan/sample/attention_file.h"
#include "gan/sample/attention_sheet.h"
#include "layers/cot.h"
#include "layers/halo.h"
#include "layers/mhsa.h"
#include "layers/outlook.h"
#include "tests/data_files.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { H = 8, W = 12, C = 16, N = H * W };

/* ---- the layer again, from its maps A [n,N,M] ---- */

/* [1,..,n*d] -> [n,N,d], and back to [1,H,W,n*d]. */
static node *split(graph *g, node *x, int64_t n)
{
	const int64_t d = shape_last(&x->s) / n, tokens = shape_count(&x->s) / (n * d);
	return op_permute(g, op_reshape(g, x, SHAPE(tokens, n, d)), (const int[]){1, 0, 2});
}

static node *join(graph *g, node *x)
{
	return op_reshape(g, op_permute(g, x, (const int[]){1, 0, 2}), SHAPE(1, H, W, x->s.dim[0] * x->s.dim[2]));
}

static node *mixed(graph *g, node *A, node *values)
{
	return join(g, op_matmul(g, A, split(g, values, A->s.dim[0]), false, false));
}

static node *self_attention_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)m;
	const attention *a = body;
	node *v = conv_apply(g, &a->v, x, (mode){0}), *gamma = graph_leaf(g, a->gamma);
	if (a->cfg.kv_pool)
		v = op_max_pool(g, v, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	node *o = mixed(g, A, v);
	if (a->cfg.gamma_inside)
		return op_add(g, x, conv_apply(g, &a->o, op_mul(g, o, gamma), (mode){0}));
	return op_add(g, x, op_mul(g, a->cfg.out_proj ? conv_apply(g, &a->o, o, (mode){0}) : o, gamma));
}

static node *mhsa_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)m;
	const mhsa *a = body;
	const int64_t E = a->opt.num_heads * a->d;
	if (a->opt.form == MHSA_LAYER)
		return projection_apply(g, &a->output_weight, mixed(g, A, projection_apply(g, &a->value, x, (mode){0})),
			(mode){0});
	node *qkv = conv_apply(g, &a->qkv, x, (mode){0});
	return dense_apply(g, &a->output, mixed(g, A, op_slice_axis(g, qkv, 3, 2 * E, 2 * E + a->O)), (mode){0});
}

/* Keys and values of a head lie side by side. */
static node *halo_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)m;
	const halo *a = body;
	const int64_t n = a->opt.num_heads, d = a->d, dv = a->dv;
	const bool layer = a->opt.form == HALO_LAYER;
	node *kv = layer ? projection_apply(g, &a->key_value, x, (mode){0})
		: conv_apply(g, &a->key_value_conv, x, (mode){0});
	node *v = op_slice_axis(g, op_reshape(g, kv, SHAPE(N, n, d + dv)), 2, d, d + dv);
	node *o = mixed(g, A, op_reshape(g, v, SHAPE(N, n * dv)));
	return layer ? projection_apply(g, &a->output_weight, o, (mode){0}) : dense_apply(g, &a->output, o, (mode){0});
}

static node *outlook_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)m;
	const outlook *o = body;
	return dense_apply(g, &o->out, mixed(g, A, dense_apply(g, &o->v, x, (mode){0})), (mode){0});
}

static node *normal(graph *g, const conv2d_no_bias *c, const batchnorm_with_activation *bn, node *x)
{
	return batchnorm_with_activation_apply(g, bn, conv2d_no_bias_apply(g, c, x, (mode){0}), (mode){0});
}

/* Channel s * G + i of a value is weighted by group i. */
static node *cot_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)m;
	const cot *c = body;
	const int64_t G = A->s.dim[0];
	node *key = normal(g, &c->key, &c->key_bn, x), *v = normal(g, &c->embed_1, &c->embed_1_bn, x);
	v = op_permute(g, op_reshape(g, v, SHAPE(N, C / G, G)), (const int[]){2, 0, 1});
	node *e = op_permute(g, op_matmul(g, A, v, false, false), (const int[]){1, 2, 0});
	e = batchnorm_with_activation_apply(g, &c->embed_2_bn, op_reshape(g, e, x->s), (mode){0});
	node *s = op_mean(g, op_add(g, e, key), 1u << 1 | 1u << 2, true);
	s = conv2d_no_bias_apply(g, &c->se_2, normal(g, &c->se_1, &c->se_bn, s), (mode){0});
	s = op_softmax(g, op_reshape(g, s, SHAPE(1, 1, 1, C, 2)));
	const shape each = SHAPE(1, 1, 1, C);
	return op_add(g, op_mul(g, e, op_reshape(g, op_slice_axis(g, s, 4, 0, 1), each)),
		op_mul(g, key, op_reshape(g, op_slice_axis(g, s, 4, 1, 2), each)));
}

/* The sum over all positions; the test has put the convolutions of the positions to zero. */
static node *relative_again(graph *g, const module *m, const void *body, node *x, node *A)
{
	(void)body;
	const char *const out[] = {"layer/out/kernel", "layer/out/bias"};
	node *qkv = op_dense(g, op_reshape(g, x, SHAPE(N, C)), graph_leaf(g, module_find(m, "layer/qkv/kernel")));
	node *o = mixed(g, A, op_slice_axis(g, qkv, 1, 2 * C, 3 * C));
	return op_add(g, op_dense(g, o, graph_leaf(g, module_find(m, out[0]))), graph_leaf(g, module_find(m, out[1])));
}

/* ---- the cases ---- */

typedef struct sight_row {
	const char *type;
	node *(*again)(graph *g, const module *m, const void *body, node *x, node *A);
	int heads, pooled;
	bool shares;
	int reach;                                   /* pixels that a query sees to each side; 0: all */
	layer_case at;
} sight_row;

#define WITH(...) .at = {.input = {4, {0, H, W, C}}, .arg = {__VA_ARGS__}}
#define SELF(name, pool) {name, self_attention_again, 1, pool, true, 0, WITH({0})}
static const sight_row row[] = {
	SELF("official", 2), SELF("paper", 1), SELF("plain", 1), SELF("ashpy", 1), SELF("ashpy_row", 1),
	SELF("simplegan", 2), SELF("mnistgans", 1), SELF("conv2d", 1),
	{"official", self_attention_again, 1, 1, true, 0, WITH({"pool", 2}, {"key_width", 3}, {"value_width", 5})},
	{"mhsa", mhsa_again, 4, 1, true, 0, WITH({0})},
	{"mhsa", mhsa_again, 2, 1, true, 0, WITH({"heads", 2}, {"key_dim", 3}, {"position", 1})},
	{"mhsa_h", mhsa_again, 4, 1, true, 0, WITH({0})},
	{"halo", halo_again, 4, 1, true, 2, WITH({0})},
	{"halo", halo_again, 2, 1, true, 5, WITH({"heads", 2}, {"block", 4}, {"halo", 2}, {"key_dim", 3})},
	{"halo_h", halo_again, 8, 1, true, 4, WITH({0})},
	{"halo_h", halo_again, 2, 1, true, 3, WITH({"heads", 2}, {"block", 4}, {"halo", 0})},
	{"outlook", outlook_again, 4, 1, false, 2, WITH({0})},
	{"outlook", outlook_again, 2, 1, false, 4, WITH({"heads", 2}, {"kernel", 5}, {"strides", 3})},
	{"outlook", outlook_again, 2, 1, false, 2, WITH({"heads", 2}, {"strides", 1}, {"padding", 0})},
	{"outlook_simple", outlook_again, 4, 1, false, 2, WITH({0})},
	{"outlook_simple", outlook_again, 1, 1, false, 4, WITH({"heads", 1}, {"kernel", 5})},
	{"cot", cot_again, C / 8, 1, false, 1, WITH({0})},
	{"cot", cot_again, C / 8, 1, false, 2, WITH({"kernel", 5})},
	{"conv_relative", relative_again, 8, 1, false, 0, WITH({0})},
};

/* A layer that has run, and its maps [n,N,M]. */
typedef struct seen {
	kit k;
	placed_layer l;
	const real *y;
	buffer *maps;                                /* own */
} seen;

static seen see(const sight_row *r)
{
	fault e;
	seen s = {.l = placed_layer_case(layer_type_named(r->type), &r->at, 1)};
	snprintf(s.l.name, sizeof s.l.name, "layer");
	s.k = kit_open(SHAPE(1, H, W, C), 5);
	ck_assert(layer_alone_init(s.k.m, &s.l, &e));
	kit_ready(&s.k);
	for (int i = 0; i < module_params(s.k.m); i++)
		if (strstr(module_param_at(s.k.m, i)->name, "depth_conv"))
			kit_zero(module_param_at(s.k.m, i));
	node *scores, *out[] = {layer_alone_apply(s.k.g, &s.l, s.k.in, (mode){0}, &scores), NULL};
	ck_assert(layer_has_map(&s.l) && scores);
	out[1] = scores;
	s.y = kit_run(&s.k, out, 2);
	const int n = layer_map_heads(&s.l), pooled = layer_map_pooled(&s.l);
	const int64_t M = N / pooled / pooled;
	ck_assert_int_eq(n, r->heads);
	ck_assert_int_eq(pooled, r->pooled);
	s.maps = buffer_new("maps", SHAPE(n, N, M), &e);
	for (int head = 0; head < n; head++)
		for (int q = 0; q < N; q++)
			layer_map_row(&s.l, &scores->s, plan_value(s.k.p, scores), head, q,
				s.maps->x + (head * N + q) * M);
	return s;
}

static void unsee(seen *s)
{
	placed_layer_clear(&s->l);
	kit_close(&s->k);
	buffer_free(s->maps);
}

/* ---- laws ---- */

START_TEST(maps_times_values_give_the_layers_output)
{
	const sight_row *r = &row[_i];
	fault e;
	seen s = see(r);
	graph *g = graph_new(&e);
	node *y = r->again(g, s.k.m, s.l.body, graph_leaf(g, s.k.x), graph_leaf(g, s.maps));
	plan *p = plan_new(g, &y, 1, 0, &e);
	ck_assert_msg(p, "%s: %s", r->type, e.text);
	plan_run(p);
	ck_assert_int_eq(shape_count(&y->s), N * C);
	double most = 0;
	for (int i = 0; i < N * C; i++)
		most = MAX(most, fabs((double)s.y[i]));
	ck_assert_msg(kit_worst(s.y, plan_value(p, y), N * C) < kit_tiny * MAX(most, 1), "row %d, %s: off by %g of %g",
		_i, r->type, kit_worst(s.y, plan_value(p, y), N * C), most);
	plan_free(p);
	graph_free(g);
	unsee(&s);
}
END_TEST

/* 1 where the whole softmax lies on the map, less where a halo reaches over its edge, never below 0. */
START_TEST(rows_of_shares_sum_to_one)
{
	const sight_row *r = &row[_i];
	seen s = see(r);
	ck_assert_int_eq(s.l.spec.type->sight->shares, r->shares);
	const int64_t M = s.maps->s.dim[2];
	int below = 0;
	for (int64_t i = 0; r->shares && i < r->heads * N; i++) {
		double sum = 0;
		for (int64_t k = 0; k < M; k++) {
			ck_assert(s.maps->x[i * M + k] >= 0);
			sum += (double)s.maps->x[i * M + k];
		}
		ck_assert_msg(sum < 1 + 1e-5, "%s: %g", r->type, sum);
		below += sum < 1 - 1e-5;
	}
	if (!strncmp(r->type, "halo", 4) && layer_number(&s.l, "halo") > 0)
		ck_assert(below > 0 && below < r->heads * N);
	else
		ck_assert_int_eq(below, 0);
	unsee(&s);
}
END_TEST

/* Where a query of a window cannot look is nothing, and at the rim of its window something. */
START_TEST(windows_are_all_that_is_seen)
{
	const sight_row *r = &row[_i];
	seen s = see(r);
	const int64_t M = s.maps->s.dim[2];
	int rim = 0;
	for (int64_t i = 0; r->reach && i < r->heads * N * M; i++) {
		const int q = (int)(i / M % N), k = (int)(i % M);
		const int far = MAX(abs(q / W - k / W), abs(q % W - k % W));
		ck_assert_msg(far <= r->reach || s.maps->x[i] == 0, "%s: %d looks at %d", r->type, q, k);
		rim += far == r->reach && s.maps->x[i] != 0;
	}
	ck_assert(!r->reach || rim > 0);
	unsee(&s);
}
END_TEST

/* A block's pixels see the same window, whatever their place in it. */
START_TEST(halos_end_where_they_should)
{
	for (int i = 0; i < COUNT(row); i++) {
		if (strncmp(row[i].type, "halo", 4))
			continue;
		seen s = see(&row[i]);
		const int b = (int)layer_number(&s.l, "block"), h = (int)layer_number(&s.l, "halo");
		for (int64_t k = 0; k < (int64_t)row[i].heads * N * N; k++) {
			const int q = (int)(k / N % N), key = (int)(k % N), y = q / W / b * b, x = q % W / b * b;
			const bool in = key / W >= y - h && key / W < y + b + h && key % W >= x - h
				&& key % W < x + b + h;
			ck_assert_int_eq(s.maps->x[k] > 0, in);
		}
		unsee(&s);
	}
}
END_TEST

/* ---- of networks ---- */

static network *of_layers(const char *g, const char *d, enum net_side side, net_config *n)
{
	fault e;
	config c = tiny_config(TINY_PLAIN, (const char *const[]){g, d, NULL});
	rng r = rng_new(1, "init");
	ck_assert(config_network(&c, n, &e));
	network *net = network_new(n, side, &r, &e);
	ck_assert_msg(net, "%s", e.text);
	config_free(&c);
	return net;
}

#define SITES(other) "[{at: 4, type: mhsa, heads: 2}, {at: 8, type: official}" other "]"

/* What was drawn is the picture of G, what was shown that of D; another input has another map. */
START_TEST(both_networks_are_looked_into)
{
	net_config c;
	fault e = {.text = ""};
	attention_view v, mean;
	real x[2][16 * 16], first[16 * 4];
	rng r = rng_new(3, "x");
	network *n = of_layers("model.layers_g=" SITES(", {at: 16, type: mlp}"), "model.layers_d=" SITES(),
		(enum net_side)_i, &c);
	rng_fill_normal(&r, x[0], 2 * 16 * 16);
	gaze *g = gaze_new(n, &e);
	ck_assert_msg(g, "%s", e.text);
	ck_assert_int_eq(gaze_layers(g), 2);
	const int small = _i == NET_G ? 0 : 1;       /* D begins at the image */
	ck_assert_int_eq(gaze_heads(g, small), 2);
	ck_assert_str_eq(gaze_layer_name(g, small), "attention4");
	gaze_look(g, x[0], 0);
	ck_assert_msg(gaze_view(g, !small, 0, &v, &e), "%s", e.text);
	ck_assert(!strcmp(v.layer, "attention8") && !strcmp(v.type, "official") && v.heads == 1 && v.shares);
	ck_assert(v.qh == 8 && v.qw == 8 && v.kh == 4 && v.kw == 4);
	ck_assert(_i == NET_G || !memcmp(v.image, x[0], 16 * 16 * sizeof(real)));
	ck_assert(gaze_view(g, small, 0, &v, &e) && v.head == 0 && v.heads == 2 && v.qh == 4 && v.kw == 4);
	memcpy(first, v.map, 16 * 4 * sizeof *first);
	ck_assert(gaze_view(g, small, 1, &v, &e) && memcmp(first, v.map, sizeof first) != 0);
	real both[16 * 4];
	for (int i = 0; i < 16 * 4; i++)
		both[i] = (first[i] + v.map[i]) / 2;
	ck_assert(gaze_view(g, small, -1, &mean, &e) && mean.head == -1);
	ck_assert(kit_worst(both, mean.map, 16 * 4) < 1e-6);
	gaze_look(g, x[1], 0);
	ck_assert(gaze_view(g, small, 0, &v, &e) && memcmp(first, v.map, sizeof first) != 0);
	/* Parameters are those of the moment of each look. */
	module *m = network_module(n);
	for (int i = 0; i < module_params(m); i++) {
		buffer *p = module_param_at(m, i);
		for (int64_t k = 0; k < shape_count(&p->s); k++)
			p->x[k] *= (real)(k % 2 ? 1.5 : 0.5);
	}
	gaze_look(g, x[1], 0);
	ck_assert(gaze_view(g, small, 0, &v, &e));
	memcpy(first, v.map, sizeof first);
	gaze_free(g);
	g = gaze_new(n, &e);
	gaze_look(g, x[1], 0);
	ck_assert(gaze_view(g, small, 0, &v, &e) && memcmp(first, v.map, sizeof first) == 0);
	gaze_free(g);
	network_free(n);
}
END_TEST

START_TEST(maps_too_large_to_show_are_refused)
{
	net_config c;
	fault e = {.text = ""};
	attention_view v;
	rng r = rng_new(1, "init");
	ck_assert(net_config_default("dcgan", net_square(512), &c, &e));
	c.g_width = 4;
	c.classes = 0;
	c.g_layers = (layer_specs){1, {{.at = 256, .type = layer_type_named("halo")}}};
	network *n = network_new(&c, NET_G, &r, &e);
	ck_assert_msg(n, "%s", e.text);
	gaze *g = gaze_new(n, &e);
	real *z = mem_zero((size_t)c.latent, sizeof *z, &e);
	gaze_look(g, z, 0);
	ck_assert(!gaze_view(g, 0, 0, &v, &e));
	ck_assert_str_eq(e.text, "attention256: a map of 65536 x 65536 numbers is larger than the 268435456 that are "
		"shown");
	gaze_free(g);
	network_free(n);
	free(z);
}
END_TEST

/* ---- shown ---- */

enum { SIDE = 16 };

/* A map of 4x4 on an image of 16x16: query (0,0) looks at key (3,3) alone, all others at key (0,0), half as much. */
static attention_view one_point(real map[16 * 16], real x[SIDE * SIDE])
{
	memset(map, 0, 16 * 16 * sizeof *map);
	for (int q = 0; q < 16; q++)
		map[q * 16 + (q ? 0 : 15)] = (real)(q ? 0.5 : 1);
	for (int i = 0; i < SIDE * SIDE; i++)
		x[i] = -1;
	return (attention_view){.layer = "a", .type = "t", .heads = 1, .qh = 4, .qw = 4, .kh = 4, .kw = 4,
		.shares = true, .map = map, .image = x};
}

/* How bright the middle of a cell's quarter is. */
static int bright(const image *im, int line, int cell, int y, int x)
{
	const int wide = SIDE * 4 + 6, left = im->w - 84 - 3 * wide + cell * wide;
	const int top = FRAME_TITLE + FRAME_HEAD + line * (64 + 6);
	const uint8_t *p = im->x + ((top + y * 16 + 8) * im->w + left + x * 16 + 8) * 3;
	return p[0] + p[1] + p[2];
}

/* On a scale for each row, and on one for both rows, of which the second looks half as much. */
START_TEST(a_sheet_shows_where_pixels_look)
{
	static const sheet_pixel at[] = {{2, 1}, {15, 15}};
	real map[16 * 16], x[SIDE * SIDE];
	fault e = {.text = ""};
	image im;
	const attention_view v = one_point(map, x);
	sheet *s = sheet_new(SHAPE(SIDE, SIDE, 1), 2, 64, _i, &e);
	ck_assert(s && sheet_add(s, &v, at, "a label", &e));
	for (int i = 0; i < 16 * 16; i++)
		map[i] /= 2;
	ck_assert(sheet_add(s, &v, at, "", &e));
	ck_assert_msg(sheet_write(s, scratch_at("sheet.png"), "image\none\ntwo\n",
		&(picture_about){.what = "what", .step = 3, .seed = -1}, &e), "%s", e.text);
	ck_assert_msg(picture_open(scratch_at("sheet.png"), &im, &e), "%s", e.text);
	ck_assert_int_eq(im.h, FRAME_TITLE + FRAME_HEAD + 2 * (64 + 6));
	ck_assert(bright(&im, 0, 1, 3, 3) > 400 && bright(&im, 0, 1, 1, 1) == 0);
	ck_assert(bright(&im, 0, 2, 0, 0) > 100 && bright(&im, 0, 2, 0, 0) < bright(&im, 0, 1, 3, 3));
	ck_assert(bright(&im, 0, 2, 3, 3) == 0);
	if (_i)
		ck_assert_int_lt(bright(&im, 1, 1, 3, 3), bright(&im, 0, 1, 3, 3));
	else
		ck_assert_int_eq(bright(&im, 1, 1, 3, 3), bright(&im, 0, 1, 3, 3));
	sheet_free(s);
	image_free(&im);
}
END_TEST

START_TEST(chosen_pixels_are_where_something_is)
{
	real x[28 * 28];
	sheet_pixel at[SHEET_PIXELS];
	for (int i = 0; i < 28 * 28; i++)
		x[i] = -1;
	static const int spot[4][2] = {{3, 4}, {10, 20}, {22, 5}, {17, 15}};
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 4; i++)
			x[(spot[k][0] / 2 * 2 + i / 2) * 28 + spot[k][1] / 2 * 2 + i % 2] = 1;
	sheet_choose(x, SHAPE(28, 28, 1), at);
	for (int k = 0; k < 4; k++)
		ck_assert(at[k].y / 2 == spot[k][0] / 2 && at[k].x / 2 == spot[k][1] / 2);
	ck_assert(at[4].y == 3 && at[4].x == 3);
}
END_TEST

/* The numbers of all heads, as they are seen. */
START_TEST(a_file_holds_the_maps_of_all_heads)
{
	net_config c;
	fault e = {.text = ""};
	attention_view v;
	h5_info info;
	int64_t step;
	char text[32];
	real z[8] = {1, -1}, all[2 * 16 * 16];
	const char *path = scratch_at("maps.h5");
	network *n = of_layers("model.layers_g=" SITES(), "model.layers_d=" SITES(), NET_G, &c);
	gaze *g = gaze_new(n, &e);
	ck_assert_msg(g, "%s", e.text);
	gaze_look(g, z, 0);
	ck_assert_msg(attention_file_write(path, g, 0, 2, SHAPE(16, 16, 1), NET_G, 0,
		&(picture_about){.step = 7, .seed = 1}, &e), "%s", e.text);
	h5 *f = h5_open(path, &e);
	const shape want = SHAPE(2, 4, 4, 4, 4);
	ck_assert(f && h5_stat(f, "/maps/attention4", &info, &e) && shape_equal(&info.s, &want));
	ck_assert(h5_read_real(f, "/maps/attention4", all, 2 * 16 * 16, &e) && gaze_view(g, 0, 1, &v, &e));
	ck_assert(kit_worst(all + 16 * 16, v.map, 16 * 16) < 1e-7);
	ck_assert(h5_attr_i64(f, "/", "step", &step, &e) && step == 7);
	ck_assert(h5_attr_text(f, "/maps/attention8", "type", text, sizeof text, &e) && !strcmp(text, "official"));
	ck_assert(h5_exists(f, "/image") && h5_attr_text(f, "/", "network", text, sizeof text, &e));
	h5_close(f);
	gaze_free(g);
	network_free(n);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{maps_times_values_give_the_layers_output, COUNT(row)},
		{rows_of_shares_sum_to_one, COUNT(row)},
		{windows_are_all_that_is_seen, COUNT(row)},
		{halos_end_where_they_should, 1},
		{both_networks_are_looked_into, 2},
		{maps_too_large_to_show_are_refused, 1},
		{a_sheet_shows_where_pixels_look, 2},
		{chosen_pixels_are_where_something_is, 1},
		{a_file_holds_the_maps_of_all_heads, 1},
	};
	return suite_run("gaze", tests, COUNT(tests), 60);
}
