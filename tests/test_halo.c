/* test_halo.c - attention with heads and position tables in blocks that overlap.
 *
 * Equality with the originals is in the reference files; here are laws, documented sizes, sums known for the
 * original, derivatives and every refusal. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/halo.h"
#include "layers/mhsa.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

static const mode evaluate = {0};

static halo_options small_halo(enum halo_form form, int heads, double key_dim, int block, int halo_size)
{
	halo_options o = form == HALO_LAYER ? halo_layer_defaults : halo_function_defaults;
	o.num_heads = heads;
	o.key_dim = key_dim;
	o.block_size = block;
	o.halo_size = halo_size;
	return o;
}

static node *apply_halo(graph *g, node *const *in, const void *arg)
{
	return halo_apply(g, arg, in[0], evaluate, NULL);
}

/* ---- laws of the layers in blocks ---- */

/* One block without a halo sees what the layer over the whole map sees. */
START_TEST(halo_of_one_block_is_mhsa)
{
	enum { S = 3, C = 5, HEADS = 2, WIDTH = 3, E = HEADS * WIDTH };
	kit k = kit_open(SHAPE(2, S, S, C), 8), h = kit_open(SHAPE(2, S, S, C), 8);
	mhsa a;
	halo b;
	node *out[2], *also[2];
	mhsa_options o = mhsa_layer_defaults;
	o.num_heads = HEADS;
	o.key_dim = WIDTH;
	mhsa_init(k.m, &a, "mhsa", S, S, C, o);
	halo_init(h.m, &b, "halo", C, small_halo(HALO_LAYER, HEADS, WIDTH, S, 0));
	kit_ready(&k);
	kit_ready(&h);
	memcpy(b.query.w->x, a.query.w->x, C * E * sizeof(real));
	for (int64_t i = 0; i < C * 2 * E; i++) {    /* channel head*2d + i: d of key, d of value */
		int64_t head = i % (2 * E) / (2 * WIDTH), j = i % (2 * WIDTH);
		const projection *p = j < WIDTH ? &a.key : &a.value;
		b.key_value.w->x[i] = p->w->x[i / (2 * E) * E + head * WIDTH + j % WIDTH];
	}
	memcpy(b.output_weight.w->x, a.output_weight.w->x, E * E * sizeof(real));
	memcpy(b.pos.r_width->x, a.pos.r_width->x, WIDTH * (2 * S - 1) * sizeof(real));
	memcpy(b.pos.r_height->x, a.pos.r_height->x, WIDTH * (2 * S - 1) * sizeof(real));
	out[0] = mhsa_apply(k.g, &a, k.in, evaluate, &out[1]);
	also[0] = halo_apply(h.g, &b, h.in, evaluate, &also[1]);
	kit_run(&k, out, 2);
	kit_run(&h, also, 2);
	ck_assert_str_eq(shape_print(&also[1]->s).s, "[2,2,1,1,9,9]");
	for (int i = 0; i < 2; i++)
		ck_assert(kit_worst(plan_value(k.p, out[i]), plan_value(h.p, also[i]), shape_count(&out[i]->s)) <
			10 * kit_tiny);
	kit_close(&k);
	kit_close(&h);
}
END_TEST

enum { MAP = 12, CH = 4 };

/* y [1,n,n,O] of the layer for one picture. */
static void blocks_of(const halo *a, const real *picture, real *y)
{
	kit k = kit_open(SHAPE(1, MAP, MAP, CH), 9);
	buffer_write(k.x, picture);
	node *out = halo_apply(k.g, a, k.in, evaluate, NULL);
	memcpy(y, kit_run(&k, &out, 1), (size_t)shape_count(&out->s) * sizeof(real));
	kit_close(&k);
}

/* A picture on black ground moved by one block moves the result by one block. Both forms, with strides. */
START_TEST(halo_moves_with_its_blocks)
{
	static const struct {
		enum halo_form form;
		int strides;
	} how[] = {{HALO_LAYER, 1}, {HALO_LAYER, 3}, {HALO_FUNCTION, 1}, {HALO_FUNCTION, 3}};
	enum { BLOCK = 3 };
	const int side = MAP / how[_i].strides, step = BLOCK / how[_i].strides;
	halo_options o = small_halo(how[_i].form, 2, 2, BLOCK, 2);
	o.strides = how[_i].strides;
	module *m = module_new(NULL);
	kit k = kit_open(SHAPE(1, MAP, MAP, CH), 9);
	halo a;
	halo_init(k.m, &a, "halo", CH, o);
	kit_ready(&k);
	static real x[MAP * MAP * CH], moved[MAP * MAP * CH], y[MAP * MAP * CH], z[MAP * MAP * CH];
	memset(x, 0, sizeof x);
	memset(moved, 0, sizeof moved);
	for (int i = 0; i < MAP - BLOCK; i++)
		for (int j = 0; j < (MAP - BLOCK) * CH; j++) {
			x[i * MAP * CH + j] = k.x->x[i * MAP * CH + j];
			moved[(i + BLOCK) * MAP * CH + BLOCK * CH + j] = k.x->x[i * MAP * CH + j];
		}
	blocks_of(&a, x, y);
	blocks_of(&a, moved, z);
	const int64_t O = a.O;
	double size = 0;
	for (int i = 0; i < side - step; i++) {
		const real *at = y + i * side * O, *to = z + ((i + step) * side + step) * O;
		ck_assert(kit_worst(at, to, (side - step) * O) < kit_tiny);
		size = fmax(size, fabs((double)*at));
	}
	ck_assert(size > 0.01);
	kit_close(&k);
	module_free(m);
}
END_TEST

/* Pixel (4,4) lies in block (1,1) of 3x3; with a halo of 1 only blocks that reach 3..5 +- 1 see it. */
START_TEST(halo_sees_no_further_than_its_window)
{
	kit k = kit_open(SHAPE(1, MAP, MAP, CH), 10);
	halo a;
	halo_init(k.m, &a, "halo", CH, small_halo(HALO_FUNCTION, 2, 0, 3, _i));
	kit_ready(&k);
	static real x[MAP * MAP * CH], y[MAP * MAP * CH], z[MAP * MAP * CH];
	buffer_read(k.x, x);
	blocks_of(&a, x, y);
	x[(3 * MAP + 3) * CH] += 1;                  /* the corner of block (1,1) */
	blocks_of(&a, x, z);
	for (int i = 0; i < MAP; i++)
		for (int j = 0; j < MAP; j++) {
			const bool same = kit_worst(y + (i * MAP + j) * CH, z + (i * MAP + j) * CH, CH) == 0;
			const int first = _i ? 0 : 3;
			const bool sees = i >= first && i < 6 && j >= first && j < 6;
			ck_assert_msg(same == !sees, "pixel %d,%d", i, j);
		}
	kit_close(&k);
}
END_TEST

/* Keys beyond the edge are zeros that count: with all tables 0 their logit is 0, not minus infinity. */
START_TEST(keys_beyond_the_edge_count)
{
	kit k = kit_open(SHAPE(1, 2, 2, 3), 11);
	halo a;
	node *out[2];
	halo_init(k.m, &a, "halo", 3, small_halo(HALO_LAYER, 1, 2, 2, 1));
	kit_ready(&k);
	kit_zero(a.pos.r_height);
	kit_zero(a.pos.r_width);
	kit_zero(a.query.w);
	out[0] = halo_apply(k.g, &a, k.in, evaluate, &out[1]);
	kit_run(&k, out, 2);
	ck_assert_str_eq(shape_print(&out[1]->s).s, "[1,1,1,1,4,16]");
	for (int i = 0; i < 4 * 16; i++)
		ck_assert(fabs((double)plan_value(k.p, out[1])[i] - 1.0 / 16) < kit_tiny);
	kit_close(&k);
}
END_TEST

START_TEST(halo_scores_sum_to_one)
{
	kit k = kit_open(SHAPE(2, 4, 8, 6), 12);
	halo a;
	node *out[2];
	halo_init(k.m, &a, "halo", 6, small_halo((enum halo_form)_i, 3, 2, 4, 1));
	kit_ready(&k);
	out[0] = halo_apply(k.g, &a, k.in, evaluate, &out[1]);
	kit_run(&k, out, 2);
	kit_expect_rows_of_one(plan_value(k.p, out[1]), 2 * 3 * 2 * 16, 36);
	kit_close(&k);
}
END_TEST

/* ---- documented sizes ---- */

static void expect_halo(halo_options o, shape s, const char *y, const char *weights)
{
	kit k = kit_open(s, 15);
	halo a;
	halo_init(k.m, &a, "halo", 256, o);
	kit_ready(&k);
	ck_assert_str_eq(shape_print(&halo_apply(k.g, &a, k.in, evaluate, NULL)->s).s, y);
	kit_expect_weights(k.m, weights);
	kit_close(&k);
}

START_TEST(halo_has_the_documented_sizes)
{
	halo_options o = halo_layer_defaults;
	expect_halo(o, SHAPE(1, 14, 16, 256), "[1,14,16,512]", "query [256,512], key_value [256,1024], "
		"output_weight [512,512], r_width [128,7], r_height [128,7]");
	o.default_width = HALO_WIDTH_INPUT;
	expect_halo(o, SHAPE(2, 14, 16, 256), "[2,14,16,256]", "query [256,512], key_value [256,1024], "
		"output_weight [512,256], r_width [128,7], r_height [128,7]");
	o.strides = 2;
	expect_halo(o, SHAPE(2, 14, 16, 256), "[2,7,8,256]", "query [256,512], key_value [256,1024], "
		"output_weight [512,256], r_width [128,7], r_height [128,7]");
	o = halo_function_defaults;
	o.num_heads = 4;
	o.out_shape = 384;
	expect_halo(o, SHAPE(2, 12, 16, 256), "[2,12,16,384]", "query_conv/kernel [1,1,256,256], "
		"key_value_conv/kernel [1,1,256,640], pos_emb/r_height [64,11], pos_emb/r_width [64,11], "
		"output/kernel [384,384]");
}
END_TEST

/* key_dim of the function: a width, a share of the channels, the whole of them (exactly 1), or C / heads. */
START_TEST(halo_key_dim_is_a_width_or_a_share)
{
	static const struct {
		double key_dim;
		int64_t d;
	} row[] = {{0, 8}, {5, 5}, {0.5, 4}, {1, 8}, {0.1, 2}};
	for (int i = 0; i < COUNT(row); i++) {
		module *m = module_new(NULL);
		halo a;
		halo_init(m, &a, "halo", 32, small_halo(HALO_FUNCTION, 4, row[i].key_dim, 4, 1));
		ck_assert_msg(a.d == row[i].d, "key_dim %g gives %lld", row[i].key_dim, (long long)a.d);
		module_free(m);
	}
}
END_TEST

START_TEST(spectral_norm_takes_every_matrix_of_halo)
{
	static const char *const u[2] = {"halo/query halo/key_value halo/output_weight",
					 "halo/query_conv halo/key_value_conv halo/output"};
	kit k = kit_open(SHAPE(2, 4, 2, 6), 17);
	halo a;
	halo_options o = small_halo((enum halo_form)_i, 2, 3, 2, 1);
	o.sn.on = true;
	halo_init(k.m, &a, "halo", 6, o);
	kit_ready(&k);
	kit_expect_spectral_norm(&k, u[_i], apply_halo, &a);
	kit_close(&k);
}
END_TEST

/* ---- sums known for the original ---- */

START_TEST(halo_has_the_known_sums)
{
	static const struct {
		shape s;
		halo_options o;
		int64_t params;
		known_sums want;
	} row[] = {
		{{4, {2, 4, 6, 5}}, {HALO_LAYER, 2, 3, 2, 1, 1, 0, HALO_WIDTH_INPUT, true, false, 0, {0}}, 162,
		 {-0.208560099, 0.848513258, -0.006806421, -0.004926357, 0.001254292}},
		{{4, {1, 6, 3, 5}}, {HALO_LAYER, 2, 3, 3, 2, 1, 6, HALO_WIDTH_INPUT, true, false, 0, {0}}, 204,
		 {0.013142049, 0.187194820, 0.000611773, -0.004491065, 0.001170109}},
		{{4, {1, 4, 8, 6}}, {HALO_FUNCTION, 2, 0, 4, 1, 1, 0, 0, true, false, 0, {0}}, 210,
		 {-0.201219941, 0.677990976, 0.004656395, 0.007975172, -0.004410694}},
		{{4, {1, 4, 8, 6}}, {HALO_FUNCTION, 2, 5, 2, 1, 2, 8, 0, true, false, 0, {0}}, 302,
		 {-1.007690665, 96.810533643, 0.685754062, -0.993886577, -2.775700384}},
		{{4, {1, 6, 6, 6}}, {HALO_FUNCTION, 2, 0, 3, 1, 2, 0, 0, true, false, 0, {0}}, 198,
		 {0.085337424, 0.600494105, -0.020448772, 0.007888161, 0.008161440}},
	};
	kit k = kit_open(row[_i].s, 0);
	halo a;
	halo_init(k.m, &a, "halo", shape_last(&row[_i].s), row[_i].o);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = halo_apply(k.g, &a, k.in, evaluate, NULL);
	ck_assert_int_eq(module_param_count(k.m), row[_i].params);
	kit_expect_sums("halo", kit_run(&k, &y, 1), shape_count(&y->s), &row[_i].want, 1e-9);
	kit_close(&k);
}
END_TEST

/* ---- derivatives ---- */

START_TEST(halo_has_its_derivatives)
{
	static const halo_options row[] = {
		{HALO_LAYER, 2, 2, 2, 1, 1, 0, HALO_WIDTH_EMB_DIM, true, true, 0, {0}},
		{HALO_LAYER, 1, 3, 2, 2, 2, 3, HALO_WIDTH_INPUT, true, false, 0, {0}},
		{HALO_LAYER, 2, 2, 4, 0, 1, 0, HALO_WIDTH_EMB_DIM, false, true, 0, {0}},
		{HALO_FUNCTION, 2, 0, 2, 1, 1, 0, 0, true, true, 0, {0}},
		{HALO_FUNCTION, 2, 3, 4, 1, 2, 6, 0, true, false, 0, {0}},
		{HALO_FUNCTION, 2, 0, 2, 1, 3, 0, 0, true, false, 0, {0}},
	};
	kit k = kit_open(SHAPE(1, 4, 4, 4), 0);
	halo a;
	halo_init(k.m, &a, "halo", 4, row[_i]);
	kit_ready(&k);
	kit_gradcheck(&k, "halo", apply_halo, &a);
	kit_close(&k);
}
END_TEST

/* ---- refusals ---- */

START_TEST(wrong_halo_is_refused)
{
	static const struct {
		halo_options o;
		const char *message;
	} row[] = {
		{{HALO_LAYER, 0, 3, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: num_heads = 0: must be at least 1"},
		{{HALO_LAYER, 2, 0, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: key_dim = 0 with 2 heads on 12 channels: key width must be at least 1"},
		{{HALO_FUNCTION, 2, -1, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: key_dim = -1 with 2 heads on 12 channels: key width must be at least 1"},
		{{HALO_FUNCTION, 16, 0, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: key_dim = 0 with 16 heads on 12 channels: key width must be at least 1"},
		{{HALO_LAYER, 2, 0.5, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: key_dim = 0.5: must be a whole number"},
		{{HALO_FUNCTION, 2, 2.5, 2, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: key_dim = 2.5: must be a whole number, or a share of the channels up to 1"},
		{{HALO_LAYER, 2, 3, 1, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: block_size = 1: must be at least 2"},
		{{HALO_FUNCTION, 2, 3, 0, 1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: block_size = 0: must be at least 1"},
		{{HALO_LAYER, 2, 3, 2, -1, 1, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: halo_size = -1: must be at least 0"},
		{{HALO_LAYER, 2, 3, 2, 1, 0, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: strides = 0: must be at least 1"},
		{{HALO_LAYER, 2, 3, 4, 1, 3, 0, 0, true, false, 0, {0}},
		 "halo: halo_attention: strides = 3: must divide block_size 4; 1, 2, 4 fit"},
		{{HALO_LAYER, 2, 3, 2, 1, 1, -4, 0, true, false, 0, {0}},
		 "halo: halo_attention: out_shape = -4: must be at least 1, or 0 for the layer's own width"},
		{{HALO_LAYER, 2, 3, 2, 1, 1, 0, 0, true, false, -0.5, {0}},
		 "halo: halo_attention: attn_dropout = -0.5: must be at least 0 and below 1"},
		{{HALO_LAYER, 2, 3, 2, 1, 1, 0, HALO_WIDTH_INPUT, false, false, 0, {0}},
		 "halo: halo_attention: without the output weight the width stays 6, but 12 is asked for"},
		{{HALO_FUNCTION, 3, 2, 4, 1, 1, 8, 0, true, false, 0, {0}},
		 "halo: halo_attention: output width 8 is not a multiple of 3 heads; 1, 2, 4, 8 heads fit"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		module *m = module_new(NULL);
		halo a;
		halo_init(m, &a, "halo", 12, row[i].o);
		kit_module_refuses(m, row[i].message);
	}
}
END_TEST

/* Blocks tile the map, and channels are those that the layer was built for. */
START_TEST(other_maps_are_refused)
{
	kit k = kit_open(SHAPE(1, 1), 0);
	halo b;
	halo_init(k.m, &b, "halo", 4, small_halo(HALO_LAYER, 1, 2, 4, 1));
	kit_ready(&k);
	static const struct {
		int64_t h, w, c;
		const char *message;
	} row[] = {
		{14, 16, 4, "halo: halo_attention: map 14x16: height is not a multiple of block_size 4; 2 fit"},
		{12, 18, 4, "halo: halo_attention: map 12x18: width is not a multiple of block_size 4; 2, 3, 6 fit"},
		{4, 7, 4, "halo: halo_attention: map 4x7: width is not a multiple of block_size 4; none fit"},
		{4, 4, 5, "halo: halo_attention: built for [B,H,W,4], given [1,4,4,5]"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		graph *g = graph_new(NULL);
		halo_apply(g, &b, op_fill(g, SHAPE(1, row[i].h, row[i].w, row[i].c), 0), evaluate, NULL);
		kit_graph_refuses(g, row[i].message);
	}
	kit_close(&k);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{halo_of_one_block_is_mhsa, 1},
		{halo_moves_with_its_blocks, 4},
		{halo_sees_no_further_than_its_window, 2},
		{keys_beyond_the_edge_count, 1},
		{halo_scores_sum_to_one, 2},
		{halo_has_the_documented_sizes, 1},
		{halo_key_dim_is_a_width_or_a_share, 1},
		{spectral_norm_takes_every_matrix_of_halo, 2},
		{halo_has_the_known_sums, 5},
		{halo_has_its_derivatives, 6},
		{wrong_halo_is_refused, 1},
		{other_maps_are_refused, 1},
	};
	return suite_run("halo", tests, COUNT(tests), 120);
}
