/* test_mhsa.c - position tables, and attention with heads over the whole map.
 *
 * Equality with the originals is in the reference files; here are the definition of positions as a loop, laws,
 * documented sizes, sums known for the original, derivatives and every refusal. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/mhsa.h"
#include "layers/positions.h"
#include "tests/layer_kit.h"
#include "tests/suite.h"

static const mode evaluate = {0};

static mhsa_options small_mhsa(enum mhsa_form form, int heads, int key_dim)
{
	mhsa_options o = form == MHSA_LAYER ? mhsa_layer_defaults : mhsa_function_defaults;
	o.num_heads = heads;
	o.key_dim = key_dim;
	return o;
}

/* ---- positions ---- */

static const struct position_case {
	int64_t H, W;
	position_options o;
} position_cases[] = {
	{3, 4, {0}}, {1, 5, {0}}, {4, 1, {0}}, {1, 1, {0}},
	{2, 3, {.position_height = 4}},
	{2, 3, {.position_height = 5, .position_width = 4}},
	{2, 3, {.position_height = 5, .position_width = 4, .dynamic_shape = true}},
	{3, 4, {.use_absolute_pos = true}},
	{2, 3, {.use_absolute_pos = true, .position_height = 4, .dynamic_shape = true}},
};

/* The definition, one query and key at a time. */
static double position_logit(const positions *p, const real *q, int64_t y, int64_t x, int64_t row, int64_t column)
{
	const bool absolute = p->opt.use_absolute_pos;
	const int64_t r = absolute ? row : row - y + p->PH - 1, c = absolute ? column : column - x + p->PW - 1;
	const int64_t nr = p->r_height->s.dim[1], nc = p->r_width->s.dim[1];
	double sum = 0;
	for (int64_t i = 0; i < p->d; i++)
		sum += (double)q[i] * ((double)p->r_height->x[i * nr + r] + (double)p->r_width->x[i * nc + c]);
	return sum;
}

START_TEST(positions_are_their_definition)
{
	const struct position_case *c = &position_cases[_i];
	enum { B = 2, HEADS = 3, WIDTH = 5 };
	kit k = kit_open(SHAPE(B, HEADS, c->H, c->W, WIDTH), 1);
	positions p;
	positions_init(k.m, &p, "pos_emb", c->H, c->W, WIDTH, c->o);
	kit_ready(&k);
	node *out = positions_apply(k.g, &p, k.in);
	const real *y = kit_run(&k, &out, 1);
	const int64_t rows = c->o.dynamic_shape ? c->H : p.PH, columns = c->o.dynamic_shape ? c->W : p.PW;
	const shape want_shape = SHAPE(B, HEADS, c->H, c->W, rows, columns);
	ck_assert(shape_equal(&out->s, &want_shape));
	for (int64_t n = 0; n < B * HEADS * c->H * c->W; n++)
		for (int64_t j = 0; j < rows * columns; j++) {
			double want = position_logit(&p, k.x->x + n * WIDTH, n / c->W % c->H, n % c->W, j / columns,
						     j % columns);
			ck_assert_msg(fabs((double)y[n * rows * columns + j] - want) < 5 * kit_tiny,
				"query %lld, key %lld: %g, by definition %g", (long long)n, (long long)j,
				(double)y[n * rows * columns + j], want);
		}
	kit_close(&k);
}
END_TEST

/* Linear interpolation between half-pixel centres, ends held. */
static double resized(const real *row, int64_t from, int64_t to, int64_t o)
{
	double at = fmin(fmax(((double)o + 0.5) * (double)from / (double)to - 0.5, 0), (double)(from - 1));
	int64_t i = (int64_t)at, j = i + 1 < from ? i + 1 : i;
	return (double)row[i] + (at - (double)i) * ((double)row[j] - (double)row[i]);
}

START_TEST(tables_are_resized_along_their_length)
{
	static const int64_t length[] = {7, 13, 4, 1};
	fault e = {.text = ""};
	for (int n = 0; n < COUNT(length); n++) {
		buffer *dst = buffer_new("r_width", SHAPE(3, length[n]), NULL);
		kit k = kit_open(SHAPE(3, 7), 2);
		ck_assert_msg(position_table_load(dst, k.x, &e), "%s", e.text);
		for (int64_t i = 0; i < 3 * length[n]; i++) {
			double want = resized(k.x->x + i / length[n] * 7, 7, length[n], i % length[n]);
			ck_assert_msg(fabs((double)dst->x[i] - want) < kit_tiny, "%lld of %lld: %g, not %g",
				(long long)i, (long long)length[n], (double)dst->x[i], want);
		}
		kit_close(&k);
		buffer_free(dst);
	}
}
END_TEST

/* Tables of a 3x4 map in a layer for 6x5; those of another head width are refused. */
START_TEST(positions_load_changes_the_map_only)
{
	fault e = {.text = ""};
	module *m = module_new(NULL), *n = module_new(NULL);
	positions a, b, narrow;
	rng r = rng_new(3, "init");
	positions_init(m, &a, "a", 3, 4, 2, (position_options){0});
	positions_init(n, &b, "b", 6, 5, 2, (position_options){0});
	positions_init(n, &narrow, "narrow", 3, 4, 1, (position_options){0});
	ck_assert(module_alloc(m, &r, &e) && module_alloc(n, &r, &e));
	ck_assert_msg(positions_load(&b, a.r_height, a.r_width, &e), "%s", e.text);
	ck_assert(fabs((double)b.r_height->x[10] - (double)a.r_height->x[4]) < kit_tiny);    /* the ends meet */
	ck_assert(fabs((double)b.r_width->x[9] - (double)a.r_width->x[7]) < kit_tiny);
	const real before = narrow.r_height->x[0];
	ck_assert(!positions_load(&narrow, a.r_height, a.r_width, &e));
	ck_assert_str_eq(e.text, "a/r_height [2,5] cannot be resized to narrow/r_height [1,5]: tables [d,length] of "
		"the same d are needed");
	ck_assert(narrow.r_height->x[0] == before);
	module_free(m);
	module_free(n);
}
END_TEST

/* ---- laws of the layers over the whole map ---- */

START_TEST(mhsa_scores_sum_to_one)
{
	kit k = kit_open(SHAPE(2, 3, 4, 6), 4);
	mhsa a;
	node *out[2];
	mhsa_init(k.m, &a, "mhsa", 3, 4, 6, small_mhsa((enum mhsa_form)_i, 3, 2));
	kit_ready(&k);
	out[0] = mhsa_apply(k.g, &a, k.in, evaluate, &out[1]);
	kit_run(&k, out, 2);
	ck_assert_str_eq(shape_print(&out[1]->s).s, "[2,3,12,12]");
	kit_expect_rows_of_one(plan_value(k.p, out[1]), 2 * 3 * 12, 12);
	kit_close(&k);
}
END_TEST

/* y for x with its positions exchanged (i <-> N-1-i for a turn, else rows moved by one), put back in place. */
static double moved_difference(mhsa_options o, bool without_tables)
{
	enum { H = 3, W = 4, C = 6, N = H * W };
	kit k = kit_open(SHAPE(1, H, W, C), 5), t = kit_open(SHAPE(1, H, W, C), 5);
	mhsa a;
	mhsa_init(k.m, &a, "mhsa", H, W, C, o);
	kit_ready(&k);
	if (without_tables) {
		kit_zero(a.pos.r_height);
		kit_zero(a.pos.r_width);
	}
	for (int64_t i = 0; i < N; i++)              /* 5 and 12 have no common factor: a permutation */
		memcpy(t.x->x + i * 5 % N * C, k.x->x + i * C, C * sizeof(real));
	node *y = mhsa_apply(k.g, &a, k.in, evaluate, NULL), *z = mhsa_apply(t.g, &a, t.in, evaluate, NULL);
	const real *plain = kit_run(&k, &y, 1), *moved = kit_run(&t, &z, 1);
	const int64_t O = shape_last(&y->s);
	double worst = 0;
	for (int64_t i = 0; i < N; i++)
		worst = fmax(worst, kit_worst(plain + i * O, moved + i * 5 % N * O, O));
	kit_close(&k);
	kit_close(&t);
	return worst;
}

START_TEST(mhsa_is_equivariant_to_permutations_but_for_its_tables)
{
	mhsa_options o = small_mhsa((enum mhsa_form)(_i / 2), 2, 3);
	o.relative = _i % 2 == 0;
	ck_assert(moved_difference(o, true) < kit_tiny);
	ck_assert(moved_difference(o, false) > 1e-3);
}
END_TEST

/* H with [query | key | value] of D and its tables divided by sqrt(d). */
START_TEST(the_two_forms_of_mhsa_agree)
{
	enum { H = 2, W = 3, C = 6, HEADS = 2, WIDTH = 5, E = HEADS * WIDTH };
	kit k = kit_open(SHAPE(2, H, W, C), 6), h = kit_open(SHAPE(2, H, W, C), 6);
	mhsa a, b;
	mhsa_options late = small_mhsa(MHSA_FUNCTION, HEADS, WIDTH);
	late.out_shape = E;
	mhsa_init(k.m, &a, "mhsa", H, W, C, small_mhsa(MHSA_LAYER, HEADS, WIDTH));
	mhsa_init(h.m, &b, "mhsa", H, W, C, late);
	kit_ready(&k);
	kit_ready(&h);
	const projection *const part[] = {&a.query, &a.key, &a.value};
	for (int64_t i = 0; i < 3 * C * E; i++)
		b.qkv.kernel->x[i] = part[i / E % 3]->w->x[i / (3 * E) * E + i % E];
	memcpy(b.output.kernel->x, a.output_weight.w->x, E * E * sizeof(real));
	for (int64_t i = 0; i < WIDTH * (2 * H - 1); i++)
		b.pos.r_height->x[i] = a.pos.r_height->x[i] / (real)sqrt(WIDTH);
	for (int64_t i = 0; i < WIDTH * (2 * W - 1); i++)
		b.pos.r_width->x[i] = a.pos.r_width->x[i] / (real)sqrt(WIDTH);
	node *y = mhsa_apply(k.g, &a, k.in, evaluate, NULL), *z = mhsa_apply(h.g, &b, h.in, evaluate, NULL);
	const real *ours = kit_run(&k, &y, 1), *theirs = kit_run(&h, &z, 1);
	ck_assert(kit_worst(ours, theirs, shape_count(&y->s)) < 10 * kit_tiny);
	kit_close(&k);
	kit_close(&h);
}
END_TEST

/* ---- dropout of the scores ---- */

/* A share of about `rate` is gone in training, the rest is divided by 1 - rate; nothing in evaluation. */
START_TEST(scores_are_dropped_in_training_only)
{
	kit k = kit_open(SHAPE(2, 4, 4, 6), 13);
	rng noise = rng_new(1, "noise");
	mhsa a;
	node *out[3], *plain;
	mhsa_options o = small_mhsa(MHSA_FUNCTION, 3, 0);
	o.attn_dropout = 0.25;
	mhsa_init(k.m, &a, "mhsa", 4, 4, 6, o);
	kit_ready(&k);
	plain = mhsa_apply(k.g, &a, k.in, evaluate, &out[1]);
	out[0] = mhsa_apply(k.g, &a, k.in, (mode){.train = true, .noise = &noise}, &out[2]);
	kit_run(&k, out, 3);
	const real *kept = plan_value(k.p, out[1]), *A = plan_value(k.p, out[2]);
	const int64_t n = shape_count(&out[1]->s);
	int64_t gone = 0;
	for (int64_t i = 0; i < n; i++) {
		gone += A[i] == 0;
		ck_assert(A[i] == 0 || fabs((double)A[i] - (double)kept[i] / 0.75) < kit_tiny);
	}
	ck_assert_msg(fabs((double)gone / (double)n - 0.25) < 0.06, "%lld of %lld", (long long)gone, (long long)n);
	ck_assert(plain != out[0]);
	kit_expect_rows_of_one(kept, n / 16, 16);
	mhsa_apply(k.g, &a, k.in, (mode){.train = true}, NULL);
	fault e = {.text = ""};
	ck_assert(!graph_ok(k.g, &e));
	ck_assert_str_eq(e.text, "mhsa: attn_dropout = 0.25: training needs a random stream");
	kit_close(&k);
}
END_TEST

/* ---- documented sizes ---- */

/* The input of the documented examples; nothing is computed. */
static void expect_mhsa(mhsa_options o, const char *y, const char *weights)
{
	kit k = kit_open(SHAPE(1, 14, 16, 256), 14);
	mhsa a;
	mhsa_init(k.m, &a, "mhsa", 14, 16, 256, o);
	kit_ready(&k);
	ck_assert_str_eq(shape_print(&mhsa_apply(k.g, &a, k.in, evaluate, NULL)->s).s, y);
	kit_expect_weights(k.m, weights);
	kit_close(&k);
}

START_TEST(mhsa_has_the_documented_sizes)
{
	expect_mhsa(mhsa_layer_defaults, "[1,14,16,512]", "query [256,512], key [256,512], value [256,512], "
		"output_weight [512,512], r_width [128,31], r_height [128,27]");
	mhsa_options o = small_mhsa(MHSA_FUNCTION, 4, 128);
	expect_mhsa(o, "[1,14,16,256]", "qkv_conv/kernel [1,1,256,1280], pos_emb/r_height [128,27], "
		"pos_emb/r_width [128,31], output/kernel [256,256]");
	o.out_shape = 512;
	expect_mhsa(o, "[1,14,16,512]", "qkv_conv/kernel [1,1,256,1536], pos_emb/r_height [128,27], "
		"pos_emb/r_width [128,31], output/kernel [512,512]");
	o = mhsa_function_defaults;
	o.out_shape = 384;
	expect_mhsa(o, "[1,14,16,384]", "qkv_conv/kernel [1,1,256,896], pos_emb/r_height [64,27], "
		"pos_emb/r_width [64,31], output/kernel [384,384]");
}
END_TEST

START_TEST(positions_have_the_documented_sizes)
{
	kit k = kit_open(SHAPE(2, 4, 14, 16, 32), 14);
	positions p;
	positions_init(k.m, &p, "pos_emb", 14, 16, 32, (position_options){0});
	kit_ready(&k);
	ck_assert_str_eq(shape_print(&positions_apply(k.g, &p, k.in)->s).s, "[2,4,14,16,14,16]");
	kit_expect_weights(k.m, "r_height [32,27], r_width [32,31]");
	kit_close(&k);
}
END_TEST

static node *apply_mhsa(graph *g, node *const *in, const void *arg)
{
	return mhsa_apply(g, arg, in[0], evaluate, NULL);
}

START_TEST(spectral_norm_takes_every_matrix_of_mhsa)
{
	static const char *const u[2] = {"mhsa/query mhsa/key mhsa/value mhsa/output_weight",
					 "mhsa/qkv_conv mhsa/output"};
	kit k = kit_open(SHAPE(2, 2, 3, 6), 16);
	mhsa a;
	mhsa_options o = small_mhsa((enum mhsa_form)_i, 2, 3);
	o.sn.on = true;
	mhsa_init(k.m, &a, "mhsa", 2, 3, 6, o);
	kit_ready(&k);
	kit_expect_spectral_norm(&k, u[_i], apply_mhsa, &a);
	kit_close(&k);
}
END_TEST

/* ---- sums known for the original ---- */

typedef struct position_sums {
	position_options o;
	int64_t params;
	known_sums want;
} position_sums;

START_TEST(positions_have_the_known_sums)
{
	static const position_sums row[] = {
		{{0}, 60, {-0.300813528, 91.741694019, -0.314871910, 0.194414117, -0.586199685}},
		{{.position_height = 5, .position_width = 6}, 100,
		 {5.097772995, 667.647662936, 0.118751223, -0.142533903, 0.686569543}},
		{{.use_absolute_pos = true}, 35, {0.089404864, 83.352697860, 0.262577189, -0.338855979, -0.064677875}},
	};
	kit k = kit_open(SHAPE(1, 2, 3, 4, 5), 0);
	positions p;
	positions_init(k.m, &p, "pos_emb", 3, 4, 5, row[_i].o);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = positions_apply(k.g, &p, k.in);
	ck_assert_int_eq(module_param_count(k.m), row[_i].params);
	kit_expect_sums("positions", kit_run(&k, &y, 1), shape_count(&y->s), &row[_i].want, 1e-10);
	kit_close(&k);
}
END_TEST

START_TEST(mhsa_has_the_known_sums)
{
	static const struct {
		mhsa_options o;
		int64_t C, params;
		known_sums want;
	} row[] = {
		{{.num_heads = 2, .key_dim = 3, .relative = true, .out_weight = true}, 5, 162,
		 {0.000853416, 1.672808412, -0.010120874, 0.008302473, -0.016484006}},
		{{.num_heads = 2, .key_dim = 3, .out_shape = 7, .out_weight = true, .out_bias = true}, 5, 160,
		 {20.929865819, 47.938621245, -0.371552446, -0.400468103, -0.106883671}},
		{{.num_heads = 2, .key_dim = 3, .relative = true}, 5, 126,
		 {0.238937221, 3.565741157, 0.026351326, -0.026314780, 0.029974372}},
		{{.form = MHSA_FUNCTION, .num_heads = 2, .relative = true, .out_weight = true}, 6, 180,
		 {-1.843527470, 73.278252626, 0.372999468, 0.455936119, -0.759681997}},
		{{.form = MHSA_FUNCTION, .num_heads = 2, .key_dim = 5, .out_shape = 8, .out_weight = true,
		  .out_bias = true}, 6, 275,
		 {14.264874547, 190.451602342, -0.614437646, -2.063284258, -0.955867818}},
	};
	kit k = kit_open(SHAPE(2, 3, 4, row[_i].C), 0);
	mhsa a;
	mhsa_init(k.m, &a, "mhsa", 3, 4, row[_i].C, row[_i].o);
	kit_ready(&k);
	kit_fill_by_rule(&k);
	node *y = mhsa_apply(k.g, &a, k.in, evaluate, NULL);
	ck_assert_int_eq(module_param_count(k.m), row[_i].params);
	kit_expect_sums("mhsa", kit_run(&k, &y, 1), shape_count(&y->s), &row[_i].want, 1e-9);
	kit_close(&k);
}
END_TEST

/* ---- derivatives ---- */

static node *apply_positions(graph *g, node *const *in, const void *arg)
{
	return positions_apply(g, arg, in[0]);
}

START_TEST(positions_have_their_derivatives)
{
	const struct position_case *c = &position_cases[_i];
	kit k = kit_open(SHAPE(2, 1, c->H, c->W, 3), 0);
	positions p;
	positions_init(k.m, &p, "pos_emb", c->H, c->W, 3, c->o);
	kit_ready(&k);
	kit_gradcheck(&k, "positions", apply_positions, &p);
	kit_close(&k);
}
END_TEST

START_TEST(mhsa_has_its_derivatives)
{
	static const mhsa_options row[] = {
		{.num_heads = 2, .key_dim = 3, .relative = true, .out_weight = true},
		{.num_heads = 2, .key_dim = 2, .out_shape = 3, .out_weight = true, .out_bias = true},
		{.form = MHSA_FUNCTION, .num_heads = 2, .key_dim = 3, .relative = true, .out_weight = true,
		 .out_bias = true},
		{.form = MHSA_FUNCTION, .num_heads = 1, .relative = true},
	};
	kit k = kit_open(SHAPE(2, 2, 3, 4), 0);
	mhsa a;
	mhsa_init(k.m, &a, "mhsa", 2, 3, 4, row[_i]);
	kit_ready(&k);
	kit_gradcheck(&k, "mhsa", apply_mhsa, &a);
	kit_close(&k);
}
END_TEST

/* ---- refusals ---- */

START_TEST(wrong_mhsa_is_refused)
{
	static const struct {
		mhsa_options o;
		const char *message;
	} row[] = {
		{{.num_heads = 0, .key_dim = 3}, "block/mhsa: mhsa: num_heads = 0: must be at least 1"},
		{{.num_heads = 2, .key_dim = 0}, "block/mhsa: mhsa: key_dim = 0: must be at least 1"},
		{{.num_heads = 2, .key_dim = 3, .out_shape = -1},
		 "block/mhsa: mhsa: out_shape = -1: must be at least 1, or 0 for the layer's own width"},
		{{.num_heads = 2, .key_dim = 3, .attn_dropout = 1},
		 "block/mhsa: mhsa: attn_dropout = 1: must be at least 0 and below 1"},
		{{.form = MHSA_FUNCTION, .num_heads = 5, .out_shape = 384, .out_weight = true},
		 "block/mhsa: mhsa: output width 384 is not a multiple of 5 heads; 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, "
		 "48, 64, 96, 128, 192, 384 heads fit"},
		{{.form = MHSA_FUNCTION, .num_heads = 16},
		 "block/mhsa: mhsa: 12 channels on 16 heads: key width is 0; give key_dim"},
		{{.form = MHSA_FUNCTION, .num_heads = 4, .key_dim = -2},
		 "block/mhsa: mhsa: key_dim = -2: must be at least 1"},
	};
	for (int i = 0; i < COUNT(row); i++) {
		module *m = module_new(NULL);
		mhsa a;
		module_push(m, "block");
		mhsa_init(m, &a, "mhsa", 4, 4, 12, row[i].o);
		module_pop(m);
		kit_module_refuses(m, row[i].message);
	}
}
END_TEST

START_TEST(wrong_positions_are_refused)
{
	module *m = module_new(NULL);
	positions p;
	positions_init(m, &p, "pos_emb", 3, 4, 2, (position_options){.position_height = -1});
	kit_module_refuses(m, "pos_emb: positions: position_height = -1, position_width = 0: must be at least 0");
	m = module_new(NULL);
	positions_init(m, &p, "pos_emb", 0, 4, 2, (position_options){0});
	kit_module_refuses(m, "pos_emb: positions: map 0x4, width 2: must be at least 1");
}
END_TEST

/* Layers are tied to the sizes they were built for. */
START_TEST(other_maps_are_refused)
{
	kit k = kit_open(SHAPE(1, 1), 0);
	positions p;
	mhsa a;
	positions_init(k.m, &p, "pos_emb", 3, 4, 2, (position_options){0});
	mhsa_init(k.m, &a, "mhsa", 14, 16, 4, small_mhsa(MHSA_LAYER, 1, 2));
	kit_ready(&k);
	graph *g = graph_new(NULL);
	positions_apply(g, &p, op_fill(g, SHAPE(1, 1, 4, 3, 2), 0));
	kit_graph_refuses(g, "pos_emb: positions: built for queries [..,3,4,2], given [1,1,4,3,2]");
	g = graph_new(NULL);
	mhsa_apply(g, &a, op_fill(g, SHAPE(1, 7, 8, 4), 0), evaluate, NULL);
	kit_graph_refuses(g, "mhsa: mhsa: built for [B,14,16,4], given [1,7,8,4]");
	kit_close(&k);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{positions_are_their_definition, COUNT(position_cases)},
		{tables_are_resized_along_their_length, 1},
		{positions_load_changes_the_map_only, 1},
		{mhsa_scores_sum_to_one, 2},
		{mhsa_is_equivariant_to_permutations_but_for_its_tables, 4},
		{the_two_forms_of_mhsa_agree, 1},
		{scores_are_dropped_in_training_only, 1},
		{mhsa_has_the_documented_sizes, 1},
		{positions_have_the_documented_sizes, 1},
		{spectral_norm_takes_every_matrix_of_mhsa, 2},
		{positions_have_the_known_sums, 3},
		{mhsa_has_the_known_sums, 5},
		{positions_have_their_derivatives, COUNT(position_cases)},
		{mhsa_has_its_derivatives, 4},
		{wrong_mhsa_is_refused, 1},
		{wrong_positions_are_refused, 1},
		{other_maps_are_refused, 1},
	};
	return suite_run("mhsa", tests, COUNT(tests), 120);
}
