/* inception.c - see inception.h: the network as a table of blocks, walked once to make its layers and once to apply
 * them. */
#include "gan/score/inception.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/conv.h"
#include "layers/norm.h"

enum { FORMAT = 1, SIDE_MIN = 75, SIDE_MAX = 1024, WIDTH_MAX = 8192, STEPS_MAX = 8, BRANCHES_MAX = 4, PATH_ROOM = 256 };

/* ---- the table ---- */

enum step_kind { END, CONV, FORK, AVERAGE, MAXIMUM };

/* A convolution with batch norm and ReLU, or a pooling of 3x3. FORK: a convolution whose result is one of the branch's,
 * and whose neighbour gets what it got. Stride 1 keeps the map, unless `valid`; stride 2 has no zeros around. */
typedef struct step {
	enum step_kind kind;
	const char *name;
	int kh, kw, stride;
	bool valid;
} step;

typedef struct block {
	const char *name;                            /* "": the steps have whole names */
	step branch[BRANCHES_MAX][STEPS_MAX];        /* side by side; their results are joined */
} block;

#define C1(name) {CONV, name, 1, 1, 1, false}
#define C(name, kh, kw) {CONV, name, kh, kw, 1, false}
#define C2(name) {CONV, name, 3, 3, 2, true}
#define POOLED(kind, name) {{kind, NULL, 3, 3, 1, false}, C1(name)}
#define MAX2 {MAXIMUM, NULL, 3, 3, 2, true}
#define BLOCK_A(name) {name, {{C1("branch1x1")}, {C1("branch5x5_1"), C("branch5x5_2", 5, 5)}, \
	{C1("branch3x3dbl_1"), C("branch3x3dbl_2", 3, 3), C("branch3x3dbl_3", 3, 3)}, POOLED(AVERAGE, "branch_pool")}}
#define BLOCK_B(name) {name, {{C2("branch3x3")}, \
	{C1("branch3x3dbl_1"), C("branch3x3dbl_2", 3, 3), C2("branch3x3dbl_3")}, {MAX2}}}
#define BLOCK_C(name) {name, {{C1("branch1x1")}, \
	{C1("branch7x7_1"), C("branch7x7_2", 1, 7), C("branch7x7_3", 7, 1)}, \
	{C1("branch7x7dbl_1"), C("branch7x7dbl_2", 7, 1), C("branch7x7dbl_3", 1, 7), C("branch7x7dbl_4", 7, 1), \
	 C("branch7x7dbl_5", 1, 7)}, POOLED(AVERAGE, "branch_pool")}}
#define BLOCK_D(name) {name, {{C1("branch3x3_1"), C2("branch3x3_2")}, \
	{C1("branch7x7x3_1"), C("branch7x7x3_2", 1, 7), C("branch7x7x3_3", 7, 1), C2("branch7x7x3_4")}, {MAX2}}}
#define BLOCK_E(name, pool) {name, {{C1("branch1x1")}, \
	{C1("branch3x3_1"), {FORK, "branch3x3_2a", 1, 3, 1, false}, {FORK, "branch3x3_2b", 3, 1, 1, false}}, \
	{C1("branch3x3dbl_1"), C("branch3x3dbl_2", 3, 3), {FORK, "branch3x3dbl_3a", 1, 3, 1, false}, \
	 {FORK, "branch3x3dbl_3b", 3, 1, 1, false}}, POOLED(pool, "branch_pool")}}

/* In the last block the pooling takes the maximum, which pytorch-fid calls a likely error of that network. */
static const block NET[] = {
	{"", {{C2("Conv2d_1a_3x3"), {CONV, "Conv2d_2a_3x3", 3, 3, 1, true}, C("Conv2d_2b_3x3", 3, 3), MAX2,
	       C1("Conv2d_3b_1x1"), {CONV, "Conv2d_4a_3x3", 3, 3, 1, true}, MAX2}}},
	BLOCK_A("Mixed_5b"), BLOCK_A("Mixed_5c"), BLOCK_A("Mixed_5d"), BLOCK_B("Mixed_6a"), BLOCK_C("Mixed_6b"),
	BLOCK_C("Mixed_6c"), BLOCK_C("Mixed_6d"), BLOCK_C("Mixed_6e"), BLOCK_D("Mixed_7a"),
	BLOCK_E("Mixed_7b", AVERAGE), BLOCK_E("Mixed_7c", MAXIMUM),
};

/* ---- layers ---- */

typedef struct unit {
	conv conv;
	batch_norm norm;
} unit;

enum { UNITS_MAX = 128 };

struct inception {
	module *m;                                   /* own */
	int side;
	unit unit[UNITS_MAX];                        /* in the order of the table */
	int units;
	buffer *fc;                                  /* [features, classes] */
	int64_t features;
};

/* Sizes of an array in the file, which has `rank` axes of 1 to WIDTH_MAX. */
static bool stat_array(h5 *f, const char *path, int rank, shape *s, fault *e)
{
	h5_info info;
	if (!h5_stat(f, path, &info, e))
		return false;
	if (info.is_group || !h5_type_is_float(info.type) || info.s.rank != rank)
		return fault_at(e, path, "must have %d axes of floating-point numbers", rank);
	for (int i = 0; i < rank; i++)
		if (info.s.dim[i] < 1 || info.s.dim[i] > WIDTH_MAX)
			return fault_at(e, path, "%s: sizes are 1 to %d", shape_print(&info.s).s, WIDTH_MAX);
	*s = info.s;
	return true;
}

static void unit_name(const block *b, const step *s, char *name, size_t size)
{
	snprintf(name, size, "%s%s%s", b->name, *b->name ? "/" : "", s->name);
}

/* Registers a convolution over `in` channels; returns how many it gives, or 0 with e set. */
static int64_t unit_init(inception *n, h5 *f, const block *b, const step *s, int64_t in, fault *e)
{
	char name[PATH_ROOM], path[PATH_ROOM + 16];
	shape k;
	unit_name(b, s, name, sizeof name);
	snprintf(path, sizeof path, "/%s/conv/kernel", name);
	if (!stat_array(f, path, 4, &k, e))
		return 0;
	if (k.dim[0] != s->kh || k.dim[1] != s->kw || k.dim[2] != in)
		return fault_at(e, path, "%s; it must begin with %d, %d, %lld", shape_print(&k).s, s->kh, s->kw,
			(long long)in);
	must(n->units < UNITS_MAX, "more than %d convolutions", UNITS_MAX);
	unit *u = &n->unit[n->units++];
	const bool zeros = s->stride == 1 && !s->valid;
	const conv_options o = {
		.filters = (int)k.dim[3], .kh = s->kh, .kw = s->kw, .sh = s->stride,
		.padding = zeros ? PAD_AXES : PAD_VALID, .pad = s->kh / 2, .pad_w = s->kw / 2,
	};
	module_push(n->m, s->name);
	conv_init(n->m, &u->conv, "conv", in, o);
	batch_norm_init(n->m, &u->norm, "norm", k.dim[3], (bn_options){.keep = 0.9, .eps = 1e-3});
	module_pop(n->m);
	return k.dim[3];
}

/* Channels that a branch gives from `in`, or 0 with e set. */
static int64_t branch_init(inception *n, h5 *f, const block *b, const step *s, int64_t in, fault *e)
{
	int64_t joined = 0;
	for (; s->kind != END; s++) {
		const bool has_weights = s->kind == CONV || s->kind == FORK;
		const int64_t out = has_weights ? unit_init(n, f, b, s, in, e) : in;
		if (out == 0)
			return 0;
		if (s->kind == FORK)
			joined += out;
		else
			in = out;
	}
	return joined ? joined : in;
}

static int64_t block_init(inception *n, h5 *f, const block *b, int64_t in, fault *e)
{
	int64_t joined = 0, out = in;
	if (*b->name)
		module_push(n->m, b->name);
	for (int i = 0; out && i < BRANCHES_MAX && b->branch[i][0].kind != END; i++) {
		out = branch_init(n, f, b, b->branch[i], in, e);
		joined += out;
	}
	if (*b->name)
		module_pop(n->m);
	return out ? joined : 0;
}

static bool layers_init(inception *n, h5 *f, fault *e)
{
	int64_t channels = 3;
	shape fc;
	for (int i = 0; i < COUNT(NET) && channels; i++)
		channels = block_init(n, f, &NET[i], channels, e);
	if (channels == 0 || !stat_array(f, "/fc/kernel", 2, &fc, e))
		return false;
	if (fc.dim[0] != channels)
		return fault_at(e, "/fc/kernel", "%s; it must begin with %lld", shape_print(&fc).s,
			(long long)channels);
	n->features = channels;
	n->fc = module_param(n->m, "fc/kernel", fc, (init){INIT_ZEROS, 0});
	return true;
}

static bool read_array(h5 *f, const buffer *b, fault *e)
{
	char path[PATH_ROOM + 16];
	shape s;
	snprintf(path, sizeof path, "/%s", b->name);
	if (!stat_array(f, path, b->s.rank, &s, e))
		return false;
	if (!shape_equal(&s, &b->s))
		return fault_at(e, path, "%s, must be %s", shape_print(&s).s, shape_print(&b->s).s);
	if (!h5_read_real(f, path, b->x, shape_count(&b->s), e))
		return false;
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		if (!isfinite((double)b->x[i]))
			return fault_at(e, path, "holds %g", (double)b->x[i]);
	return true;
}

static bool read_arrays(const inception *n, h5 *f, fault *e)
{
	for (int i = 0; i < module_params(n->m); i++)
		if (!read_array(f, module_param_at(n->m, i), e))
			return false;
	for (int i = 0; i < module_states(n->m); i++)
		if (!read_array(f, module_state_at(n->m, i), e))
			return false;
	return true;
}

static bool read_about(inception *n, h5 *f, fault *e)
{
	int64_t format, side;
	if (!h5_attr_i64(f, "/", "format", &format, e) || !h5_attr_i64(f, "/", "side", &side, e))
		return false;
	if (format != FORMAT)
		return fault_set(e, "Inception of format %lld; this program reads %d", (long long)format, FORMAT);
	if (side < SIDE_MIN || side > SIDE_MAX)
		return fault_value(e, "side", (double)side, "must be %d to %d", SIDE_MIN, SIDE_MAX);
	n->side = (int)side;
	return true;
}

inception *inception_read(h5 *f, fault *e)
{
	inception *n = mem_zero(1, sizeof *n, e);
	rng unused = rng_new(0, "unused");
	if (n && read_about(n, f, e) && (n->m = module_new(e)) && layers_init(n, f, e) && module_alloc(n->m, &unused, e)
		&& read_arrays(n, f, e))
		return n;
	inception_free(n);
	return NULL;
}

void inception_free(inception *n)
{
	if (!n)
		return;
	module_free(n->m);
	free(n);
}

int inception_side(const inception *n)
{
	return n->side;
}

/* ---- the graph ---- */

static node *pool(graph *g, const step *s, node *x)
{
	const int pad = s->valid ? 0 : 1;
	const window_geometry w = {
		.kh = s->kh, .kw = s->kw, .sh = s->stride, .sw = s->stride, .top = pad, .bottom = pad, .left = pad,
		.right = pad,
	};
	return s->kind == AVERAGE ? op_avg_pool(g, x, w) : op_max_pool(g, x, w);
}

static node *unit_apply(graph *g, const unit *u, node *x)
{
	const mode used = {0};
	return op_relu(g, batch_norm_apply(g, &u->norm, conv_apply(g, &u->conv, x, used), used));
}

/* Puts the results of a branch into out; returns how many. *at: the next unit. */
static int branch_apply(graph *g, const inception *n, const step *s, node *x, int *at, node **out)
{
	int forks = 0;
	for (; s->kind != END; s++) {
		if (s->kind == FORK)
			out[forks++] = unit_apply(g, &n->unit[(*at)++], x);
		else
			x = s->kind == CONV ? unit_apply(g, &n->unit[(*at)++], x) : pool(g, s, x);
	}
	if (forks == 0)
		out[forks++] = x;
	return forks;
}

node *inception_apply(graph *g, const inception *n, node *x, node **logits)
{
	int at = 0;
	for (int i = 0; i < COUNT(NET); i++) {
		node *out[2 * BRANCHES_MAX];
		int k = 0;
		for (int j = 0; j < BRANCHES_MAX && NET[i].branch[j][0].kind != END; j++)
			k += branch_apply(g, n, NET[i].branch[j], x, &at, out + k);
		x = k > 1 ? op_concat(g, out, k, 3) : out[0];
	}
	x = op_mean(g, x, 1u << 1 | 1u << 2, false);
	*logits = op_dense(g, x, graph_leaf(g, n->fc));
	return x;
}

/* ---- resizing ---- */

/* Keys' cubic convolution with a = -0.5 (Resample, bicubic_filter). */
static double bicubic(double x)
{
	const double a = -0.5;
	x = fabs(x);
	if (x < 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/* Resample, precompute_coeffs: a support of two pixels, of the source where it shrinks; weights that add up to 1. */
void inception_bicubic(int from, int to, real *matrix)
{
	const double scale = (double)from / to, widen = MAX(scale, 1), support = 2 * widen;
	for (int i = 0; i < to; i++) {
		const double centre = (i + 0.5) * scale;
		const int lo = MAX((int)(centre - support + 0.5), 0), hi = MIN((int)(centre + support + 0.5), from);
		double sum = 0;
		for (int k = lo; k < hi; k++)
			sum += bicubic((k - centre + 0.5) / widen);
		for (int k = 0; k < from; k++)
			matrix[(int64_t)k * to + i] = k < lo || k >= hi ? 0
				: (real)(bicubic((k - centre + 0.5) / widen) / sum);
	}
}
