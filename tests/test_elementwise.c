/* test_elementwise.c - the element-wise kernels against the C library, and the rules of their
 * constructors. Derivatives are checked by finite differences in test_derivatives.c. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan.h"
#include "core/base/thread.h"
#include "tests/suite.h"

#ifdef REAL_DOUBLE
#define REAL_DIGITS DBL_MANT_DIG
#define REAL_MIN_EXP DBL_MIN_EXP
#define REAL_LARGEST DBL_MAX
#define REAL_SMALLEST 0x1p-1074
#else
#define REAL_DIGITS FLT_MANT_DIG
#define REAL_MIN_EXP FLT_MIN_EXP
#define REAL_LARGEST FLT_MAX
#define REAL_SMALLEST 0x1p-149f
#endif

static long double ref_add(long double a, long double b) { return a + b; }
static long double ref_sub(long double a, long double b) { return a - b; }
static long double ref_mul(long double a, long double b) { return a * b; }
static long double ref_div(long double a, long double b) { return a / b; }
static long double ref_recip(long double a, long double b) { (void)b; return 1 / a; }
static long double ref_sqrt(long double a, long double b) { (void)b; return sqrtl(a); }
static long double ref_rsqrt(long double a, long double b) { (void)b; return 1 / sqrtl(a); }
static long double ref_exp(long double a, long double b) { (void)b; return expl(a); }
static long double ref_log(long double a, long double b) { (void)b; return logl(a); }
static long double ref_tanh(long double a, long double b) { (void)b; return tanhl(a); }
static long double ref_erf(long double a, long double b) { (void)b; return erfl(a); }

static long double ref_sigmoid(long double a, long double b)
{
	(void)b;
	return a >= 0 ? 1 / (1 + expl(-a)) : expl(a) / (1 + expl(a));
}

static long double ref_softplus(long double a, long double b)
{
	(void)b;
	return a > 0 ? a + log1pl(expl(-a)) : log1pl(expl(a));
}

static long double ref_scale(long double a, long double c)
{
	return a * c;
}

static long double ref_add_scalar(long double a, long double c)
{
	return a + c;
}

static long double ref_leaky(long double a, long double c)
{
	return a > 0 ? a : a * c;
}

/* Bounds in units of the last place: half for one correctly rounded operation; for float functions
 * the worst of all floats (every 19th was tried), rounded up; in double the C library's and ours. */
static const struct row {
	const op *o;
	long double (*ref)(long double a, long double b);
	double ulp_float, ulp_double;
	bool has_attr;                               /* the second argument is the attribute */
} table[] = {
	{&op_rec_add,        ref_add,        0.5001, 0.5001, false},
	{&op_rec_sub,        ref_sub,        0.5001, 0.5001, false},
	{&op_rec_mul,        ref_mul,        0.5001, 0.5001, false},
	{&op_rec_div,        ref_div,        0.5001, 0.5001, false},
	{&op_rec_scale,      ref_scale,      0.5001, 0.5001, true},
	{&op_rec_add_scalar, ref_add_scalar, 0.5001, 0.5001, true},
	{&op_rec_leaky_relu, ref_leaky,      0.5001, 0.5001, true},
	{&op_rec_recip,      ref_recip,      0.5001, 0.5001, false},
	{&op_rec_sqrt,       ref_sqrt,       0.5001, 0.5001, false},
	{&op_rec_rsqrt,      ref_rsqrt,      1.51,   1.51,   false},
	{&op_rec_exp,        ref_exp,        1.0,    1.0,    false},
	{&op_rec_log,        ref_log,        1.0,    1.0,    false},
	{&op_rec_tanh,       ref_tanh,       2.1,    2.5,    false},
	{&op_rec_sigmoid,    ref_sigmoid,    1.9,    2.5,    false},
	{&op_rec_softplus,   ref_softplus,   1.7,    2.5,    false},
	{&op_rec_erf,        ref_erf,        1.1,    1.5,    false},
};

/* Inputs: a dense sweep of the interesting range, every binade with both signs, and the edges. */
enum { SWEEP = 200000, BINADES = 2400, EDGES = 32, INPUTS = SWEEP + 2 * BINADES + EDGES };

static void make_inputs(real *x)
{
	static const double edge[EDGES] = {
		0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 0.92, -0.92, 0.8, -0.8, 88.72283, 88.7229, 89,
		-87.33655, -103.972, -103.98, -104, -105, 0.34657359, -0.34657359, 0.70710678, 1.41421356,
		709.78, 709.79, -745.13, -745.14, 4, -4, 10, -10, 2,
	};
	for (int i = 0; i < SWEEP; i++) {
		double range = i % 3 ? 11 : 110;
		x[i] = (real)(range * (2.0 * i / SWEEP - 1));
	}
	real *y = x + SWEEP;
	int lowest = REAL_MIN_EXP - REAL_DIGITS, highest = 1 - REAL_MIN_EXP + 2;
	for (int i = 0; i < BINADES; i++) {
		int e = lowest + (int)((int64_t)(highest - lowest) * i / BINADES);
		real v = (real)ldexp(1 + (i * 7919 % 4096) / 4096.0, e);
		y[2 * i] = v;
		y[2 * i + 1] = -v;
	}
	for (int i = 0; i < EDGES; i++)
		y[2 * BINADES + i] = (real)edge[i];
}

/* Distance of y from the true value in units of the last place of a real there. Infinities and NaN
 * must be where they belong, except that a value near the largest real may round either way. */
static double ulps(real y, long double want)
{
	if (isnan(want) || isnan(y))
		return isnan(want) && isnan(y) ? 0 : INFINITY;
	if (isinf(y) || isinf((real)want)) {
		bool near = fabsl(want) > (long double)REAL_LARGEST * (1 - 2e-7L) && y * (real)want > 0;
		return (real)want == y ? 0 : near ? 1 : INFINITY;
	}
	int e = want == 0 ? REAL_MIN_EXP : MAX(ilogbl(want) + 1, REAL_MIN_EXP);
	return (double)(fabsl((long double)y - want) / ldexpl(1, e - REAL_DIGITS));
}

START_TEST(kernel_is_within_its_bound_of_the_true_value)
{
	const struct row *t = &table[_i];
	real *a = mem_aligned(INPUTS * sizeof(real), NULL), *b = mem_aligned(INPUTS * sizeof(real), NULL);
	real *y = mem_aligned(INPUTS * sizeof(real), NULL);
	const real *in[] = {a, b};
	attr at = attr_none();
	at.scalar = 0.3;
	make_inputs(a);
	for (int i = 0; i < INPUTS; i++)
		b[i] = a[(i * 7919LL + 13) % INPUTS];
	t->o->span(&at, y, in, INPUTS);
	double worst = 0, bound = sizeof(real) == 4 ? t->ulp_float : t->ulp_double;
	int where = 0;
	for (int i = 0; i < INPUTS; i++) {
		long double second = t->has_attr ? (long double)(real)0.3 : (long double)b[i];
		double d = ulps(y[i], t->ref((long double)a[i], second));
		if (d > worst) {
			worst = d;
			where = i;
		}
	}
	ck_assert_msg(worst <= bound, "%s(%a, %a) = %a: %g ulp, allowed %g", t->o->name, (double)a[where],
		(double)b[where], (double)y[where], worst, bound);
	free(a);
	free(b);
	free(y);
}
END_TEST

/* Vector body, remainder and unaligned start compute the same bits, and nothing is written outside. */
START_TEST(kernel_gives_the_same_bits_at_every_position)
{
	enum { N = 100 };
	const struct row *t = &table[_i];
	real a[N + 16], b[N + 16], whole[N], y[N + 32];
	attr at = attr_none();
	at.scalar = -0.7;
	for (int i = 0; i < N + 16; i++) {
		a[i] = (real)(0.37 * i - 8);
		b[i] = (real)(5 - 0.21 * i);
	}
	t->o->span(&at, whole, (const real *const[]){a, b}, N);
	for (int lo = 0; lo < 17; lo++)
		for (int n = 0; n + lo < N; n += 7) {
			for (int i = 0; i < N + 32; i++)
				y[i] = 77;
			t->o->span(&at, y + 16 + lo % 3, (const real *const[]){a + lo, b + lo}, n);
			ck_assert_mem_eq(y + 16 + lo % 3, whole + lo, (size_t)n * sizeof(real));
			for (int i = 0; i < N + 32; i++)
				ck_assert(y[i] == 77 || (i >= 16 + lo % 3 && i < 16 + lo % 3 + n));
		}
}
END_TEST

START_TEST(kernel_may_write_over_its_inputs)
{
	enum { N = 1000 };
	const struct row *t = &table[_i];
	real a[N], b[N], y[N], z[N];
	attr at = attr_none();
	at.scalar = 0.3;
	for (int i = 0; i < N; i++) {
		a[i] = (real)(0.013 * i + 0.01);
		b[i] = (real)(3 - 0.005 * i);
	}
	t->o->span(&at, y, (const real *const[]){a, b}, N);
	memcpy(z, a, sizeof z);
	t->o->span(&at, z, (const real *const[]){z, b}, N);
	ck_assert_mem_eq(y, z, sizeof y);
	if (t->o->nin < 2)
		return;
	memcpy(z, b, sizeof z);
	t->o->span(&at, z, (const real *const[]){a, z}, N);
	ck_assert_mem_eq(y, z, sizeof y);
	t->o->span(&at, y, (const real *const[]){a, a}, N);
	memcpy(z, a, sizeof z);
	t->o->span(&at, z, (const real *const[]){z, z}, N);
	ck_assert_mem_eq(y, z, sizeof y);
}
END_TEST

START_TEST(nan_is_never_swallowed)
{
	const struct row *t = &table[_i];
	real bad[40], good[40], y[40];
	attr at = attr_none();
	for (int i = 0; i < 40; i++) {
		bad[i] = i % 2 ? (real)NAN : -(real)NAN;
		good[i] = 1;
	}
	static const double slope[] = {0, 0.3, -1};
	for (int k = 0; k < COUNT(slope); k++) {
		at.scalar = slope[k];
		t->o->span(&at, y, (const real *const[]){bad, good}, 40);
		for (int i = 0; i < 40; i++)
			ck_assert_msg(isnan(y[i]), "%s(NaN) = %g", t->o->name, (double)y[i]);
		if (t->o->nin < 2)
			continue;
		t->o->span(&at, y, (const real *const[]){good, bad}, 40);
		for (int i = 0; i < 40; i++)
			ck_assert_msg(isnan(y[i]), "%s(1, NaN) = %g", t->o->name, (double)y[i]);
	}
}
END_TEST

START_TEST(gate_selects_and_keeps_its_convention_at_zero)
{
	const real inf = (real)INFINITY;
	real x[] = {2, 2, 2, 2, inf, -inf, 3}, sel[] = {1, 0, -0.0, -1, -1, -1, (real)REAL_SMALLEST}, y[7];
	static const double none[] = {2, 0, 0, 0, 0, 0, 3}, half[] = {2, 1, 1, 1, INFINITY, -INFINITY, 3};
	attr at = attr_none();
	op_rec_gate.span(&at, y, (const real *const[]){x, sel}, 7);
	for (int i = 0; i < 7; i++)
		ck_assert_msg((double)y[i] == none[i] && !signbit(y[i]), "%d: %g", i, (double)y[i]);
	at.scalar = 0.5;
	op_rec_gate.span(&at, y, (const real *const[]){x, sel}, 7);
	for (int i = 0; i < 7; i++)
		ck_assert_msg((double)y[i] == half[i], "%d: %g", i, (double)y[i]);
}
END_TEST

START_TEST(functions_keep_signed_zero)
{
	real x[2] = {0, -(real)0.0}, y[2];
	const op *odd[] = {&op_rec_tanh, &op_rec_erf, &op_rec_sqrt};
	for (int k = 0; k < COUNT(odd); k++) {
		odd[k]->span(NULL, y, (const real *const[]){x}, 2);
		ck_assert(y[0] == 0 && !signbit(y[0]) && y[1] == 0 && signbit(y[1]));
	}
}
END_TEST

/* ---- constructors ---- */

/* Runs y and returns its values, in memory of the plan's. */
static void run(graph *g, node *y, real *out)
{
	fault e = {.text = ""};
	plan *p = plan_new(g, &y, 1, 0, &e);
	ck_assert_msg(p, "%s", e.text);
	plan_run(p);
	memcpy(out, plan_value(p, y), (size_t)shape_count(&y->s) * sizeof(real));
	plan_free(p);
}

static buffer *filled(shape s, const real *x)
{
	buffer *b = buffer_new("x", s, NULL);
	buffer_write(b, x);
	return b;
}

typedef node *(*binary_fn)(graph *g, node *a, node *b);

START_TEST(two_inputs_broadcast_in_both_directions)
{
	static const binary_fn make[] = {op_add, op_sub, op_mul, op_div};
	const real col[] = {1, 2, 3}, row[] = {10, 20, 40, 80};
	buffer *bc = filled(SHAPE(3, 1), col), *br = filled(SHAPE(4), row);
	for (int k = 0; k < COUNT(make); k++) {
		graph *g = graph_new(NULL);
		node *a = graph_leaf(g, bc), *b = graph_leaf(g, br);
		node *y = make[k](g, a, b), *z = make[k](g, b, a);
		real vy[12], vz[12];
		ck_assert(shape_equal(&y->s, &(shape){2, {3, 4, 1, 1, 1, 1, 1, 1}}));
		run(g, y, vy);
		run(g, z, vz);
		for (int i = 0; i < 12; i++) {
			real p = col[i / 4], q = row[i % 4];
			real want[] = {p + q, p - q, p * q, p / q}, back[] = {q + p, q - p, q * p, q / p};
			ck_assert(vy[i] == want[k]);
			ck_assert(vz[i] == back[k]);
		}
		graph_free(g);
	}
	buffer_free(bc);
	buffer_free(br);
}
END_TEST

START_TEST(derivative_of_a_broadcast_sums_it_back)
{
	const real col[] = {1, 2, 3}, row[] = {10, 20, 40, 80};
	buffer *bc = filled(SHAPE(3, 1), col), *br = filled(SHAPE(4), row);
	graph *g = graph_new(NULL);
	node *wrt[2] = {graph_leaf(g, bc), graph_leaf(g, br)}, *dx[2];
	graph_grad(g, op_mul(g, wrt[0], wrt[1]), NULL, wrt, 2, dx);
	real da[3], db[4];
	run(g, dx[0], da);
	run(g, dx[1], db);
	for (int i = 0; i < 3; i++)
		ck_assert(da[i] == 150);
	for (int i = 0; i < 4; i++)
		ck_assert(db[i] == 6);
	graph_free(g);
	buffer_free(bc);
	buffer_free(br);
}
END_TEST

START_TEST(wrong_shapes_name_the_op_and_both)
{
	buffer *b3 = buffer_new("a", SHAPE(2, 3), NULL), *b4 = buffer_new("b", SHAPE(4), NULL);
	graph *g = graph_new(NULL);
	fault e;
	graph_push(g, "block1");
	node *y = op_mul(g, graph_leaf(g, b3), graph_leaf(g, b4));
	op_tanh(g, op_add(g, y, graph_leaf(g, b4)));
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "block1: mul [2,3] [4]: sizes, aligned at the last axis, must be equal or 1");
	graph_free(g);
	g = graph_new(NULL);
	op_gate(g, graph_leaf(g, b3), graph_leaf(g, b4), 0.5);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "gate [2,3] [4]: the shapes must be equal");
	graph_free(g);
	buffer_free(b3);
	buffer_free(b4);
}
END_TEST

START_TEST(trivial_algebra_makes_no_nodes)
{
	buffer *b = buffer_new("x", SHAPE(2, 3), NULL);
	graph *g = graph_new(NULL);
	node *x = graph_leaf(g, b), *one = op_fill(g, SHAPE(1, 3), 1), *zero = op_fill(g, x->s, 0);
	ck_assert_ptr_eq(op_mul(g, x, one), x);
	ck_assert_ptr_eq(op_mul(g, one, x), x);
	ck_assert_ptr_eq(op_add(g, x, zero), x);
	ck_assert_ptr_eq(op_sub(g, x, zero), x);
	ck_assert_ptr_eq(op_scale(g, x, 1), x);
	ck_assert_ptr_eq(op_add_scalar(g, x, 0), x);
	ck_assert_ptr_eq(op_neg(g, op_neg(g, x)), x);
	ck_assert_ptr_eq(op_scale(g, op_scale(g, x, 4), 0.25), x);
	ck_assert_ptr_eq(op_leaky_relu(g, x, 1), x);
	ck_assert_ptr_eq(op_add(g, x, op_neg(g, op_tanh(g, x))), op_sub(g, x, op_tanh(g, x)));
	/* A broadcast by a constant still has the larger shape. */
	node *wide = op_mul(g, x, op_fill(g, SHAPE(5, 1, 1), 1));
	ck_assert(shape_equal(&wide->s, &(shape){3, {5, 2, 3, 1, 1, 1, 1, 1}}));
	graph_rewrite(g, false);
	ck_assert_ptr_ne(op_scale(g, x, 1), x);
	ck_assert(graph_ok(g, NULL));
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* ---- composed and by name ---- */

static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }
static double relu(double x) { return x > 0 ? x : 0; }
static double linear(double x) { return x; }
static double leaky(double x) { return x > 0 ? x : 0.3 * x; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double swish(double x) { return x / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }
static double elu(double x) { return x > 0 ? x : expm1(x); }
static double selu(double x) { return 1.05070098735548049 * (x > 0 ? x : 1.67326324235437728 * expm1(x)); }
static double hard_sigmoid(double x) { return fmin(fmax(0.2 * x + 0.5, 0), 1); }

static double hard_sigmoid_torch(double x) { return fmin(fmax(x / 6 + 0.5, 0), 1); }
static double hard_swish(double x) { return x * fmin(fmax(x + 3, 0), 6) / 6; }
static double mish(double x) { return x * tanh(log1p(exp(x))); }
static double phish(double x) { return x * tanh(gelu(x)); }
static double gelu_quick(double x) { return x / (1 + exp(-1.702 * x)); }
static double squared_relu(double x) { return x > 0 ? x * x : 0; }
static double leaky_fifth(double x) { return x > 0 ? x : 0.2 * x; }

/* What the original computes, with its rounded constants. */
static double gelu_linear(double x)
{
	double rest = fmax(1.769 - 0.7071 * fabs(x), 0), e = 0.5 - 0.1444 * rest * rest;
	return x * (0.5 + (x > 0 ? e : x < 0 ? -e : 0));
}

static double gelu_tanh(double x)
{
	return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

static const struct {
	const char *name;
	double (*f)(double x);
	double at_zero;                              /* derivative at 0 */
} named[] = {
	{"linear", linear, 1},       {"none", linear, 1},   {"", linear, 1},       {"relu", relu, 0},
	{"leaky_relu", leaky, 0.3},  {"sigmoid", sigmoid, 0.25}, {"tanh", tanh, 1}, {"swish", swish, 0.5},
	{"gelu", gelu, 0.5},         {"gelu_tanh", gelu_tanh, 0.5}, {"softplus", softplus, 0.5},
	{"elu", elu, 1},             {"selu", selu, 1.05070098735548049 * 1.67326324235437728},
	{"exponential", exp, 1},     {"hard_sigmoid", hard_sigmoid, 0.2},
	{"hard_sigmoid_torch", hard_sigmoid_torch, 1.0 / 6}, {"hard_swish", hard_swish, 0.5},
	{"mish", mish, 0.6},         {"phish", phish, 0},  {"gelu/quick", gelu_quick, 0.5},
	{"gelu/app", gelu_tanh, 0.5}, {"gelu/approximate", gelu_tanh, 0.5}, {"gelu/linear", gelu_linear, 0.5},
	{"squared_relu", squared_relu, 0}, {"leaky_relu/0.2", leaky_fifth, 0.2},
};

START_TEST(activation_by_name_is_its_definition)
{
	enum { N = 241 };
	real x[N], y[N], d[N];
	for (int i = 0; i < N; i++)
		x[i] = (real)((i - N / 2) * 0.05);
	buffer *b = filled(SHAPE(N), x);
	graph *g = graph_new(NULL);
	node *leaf = graph_leaf(g, b), *act = op_activation(g, leaf, named[_i].name), *dx;
	graph_grad(g, act, NULL, &leaf, 1, &dx);
	run(g, act, y);
	run(g, dx, d);
	double tol = sizeof(real) == 4 ? 1e-6 : 1e-14;
	for (int i = 0; i < N; i++) {
		double want = named[_i].f((double)x[i]);
		ck_assert_msg(fabs((double)y[i] - want) <= tol * (1 + fabs(want)), "%s(%g) = %.9g, not %.9g",
			named[_i].name, (double)x[i], (double)y[i], want);
	}
	ck_assert_double_eq_tol((double)d[N / 2], named[_i].at_zero, 10 * tol);
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* e^x - 1 must not lose the digits of a small x. */
START_TEST(elu_is_exact_near_zero)
{
	enum { N = 60 };
	real x[N], y[N];
	for (int i = 0; i < N; i++)
		x[i] = -(real)pow(2, -i);
	buffer *b = filled(SHAPE(N), x);
	graph *g = graph_new(NULL);
	run(g, op_activation(g, graph_leaf(g, b), "elu"), y);
	const double tol = sizeof(real) == 4 ? 4e-7 : 1e-15;
	for (int i = 0; i < N; i++)
		ck_assert_msg(fabs((double)y[i] / expm1((double)x[i]) - 1) <= tol, "elu(%g) = %.9g, not %.9g",
			(double)x[i], (double)y[i], expm1((double)x[i]));
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(softmax_is_an_activation)
{
	const real x[] = {0, (real)log(3), 5, 5};
	real y[4];
	buffer *b = filled(SHAPE(2, 2), x);
	graph *g = graph_new(NULL);
	run(g, op_activation(g, graph_leaf(g, b), "softmax"), y);
	static const double want[] = {0.25, 0.75, 0.5, 0.5};
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq_tol((double)y[i], want[i], 1e-6);
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(unknown_activation_suggests_the_nearest)
{
	static const char *const row[][2] = {
		{"rleu", "activation 'rleu': unknown; did you mean 'relu'?"},
		{"hard_sigmiod", "activation 'hard_sigmiod': unknown; did you mean 'hard_sigmoid'?"},
		{"leaky_relu/x", "activation 'leaky_relu/x': unknown; did you mean 'leaky_relu'?"},
		{"maxout", "activation 'maxout': unknown; known are linear, relu, "},
	};
	buffer *b = buffer_new("x", SHAPE(3), NULL);
	for (int i = 0; i < COUNT(row); i++) {
		graph *g = graph_new(NULL);
		fault e;
		op_activation(g, graph_leaf(g, b), row[i][0]);
		ck_assert(!graph_ok(g, &e));
		ck_assert_msg(!strncmp(e.text, row[i][1], strlen(row[i][1])), "%s", e.text);
		graph_free(g);
	}
	buffer_free(b);
}
END_TEST

START_TEST(clip_is_exact_and_flat_outside)
{
	const real x[] = {(real)-1e30, -3, (real)-0.1, (real)0.1, (real)0.7234567, 0.75, 2, (real)INFINITY,
		-(real)INFINITY, (real)NAN};
	enum { N = COUNT(x) };
	const double lo = -0.1, hi = 0.75;
	real y[N], d[N];
	buffer *b = filled(SHAPE(N), x);
	graph *g = graph_new(NULL);
	node *leaf = graph_leaf(g, b), *c = op_clip(g, leaf, lo, hi), *dx;
	graph_grad(g, c, NULL, &leaf, 1, &dx);
	run(g, c, y);
	run(g, dx, d);
	for (int i = 0; i < N - 1; i++) {
		real want = x[i] < (real)lo ? (real)lo : x[i] > (real)hi ? (real)hi : x[i];
		ck_assert_msg(y[i] == want, "clip(%g) = %g", (double)x[i], (double)y[i]);
		ck_assert(d[i] == (x[i] > (real)lo && x[i] < (real)hi ? 1 : 0));
	}
	ck_assert(isnan(y[N - 1]));
	/* A bound that is infinite, or beyond what a real holds, is none. */
	const double above = sizeof(real) == sizeof(float) ? 1e39 : INFINITY;
	node *upper = op_clip(g, leaf, -INFINITY, hi), *lower = op_clip(g, leaf, lo, above);
	run(g, upper, y);
	for (int i = 0; i < N - 1; i++)
		ck_assert_msg(y[i] == MIN(x[i], (real)hi), "clip(%g) = %g", (double)x[i], (double)y[i]);
	run(g, lower, y);
	for (int i = 0; i < N - 1; i++)
		ck_assert_msg(y[i] == MAX(x[i], (real)lo), "clip(%g) = %g", (double)x[i], (double)y[i]);
	fault e;
	op_clip(g, leaf, 1, 0);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "clip [10]: lower bound 1 is above upper bound 0");
	graph_free(g);
	buffer_free(b);
}
END_TEST

/* ---- random ---- */

START_TEST(random_node_draws_anew_at_every_run)
{
	graph *g = graph_new(NULL);
	rng stream = rng_new(1, "noise"), replay = stream;
	node *y = op_random(g, SHAPE(3, 5), _i, &stream), *z = op_random(g, SHAPE(3, 5), _i, &stream);
	ck_assert_ptr_ne(y, z);
	plan *p = plan_new(g, (node *[]){y, z}, 2, 0, NULL);
	ck_assert_ptr_nonnull(p);
	for (int step = 0; step < 3; step++) {
		real want[15];
		plan_run(p);
		for (int k = 0; k < 2; k++) {
			if (_i == RANDOM_UNIFORM)
				rng_fill_uniform(&replay, want, 15);
			else
				rng_fill_normal(&replay, want, 15);
			ck_assert_mem_eq(plan_value(p, k ? z : y), want, sizeof want);
		}
	}
	ck_assert_uint_eq(stream.counter, replay.counter);
	plan_free(p);
	graph_free(g);
}
END_TEST

START_TEST(dropout_keeps_the_share_and_the_mean)
{
	enum { B = 50, N = 400 };
	static real x[B * N], y[B * N], d[B * N];
	for (int i = 0; i < B * N; i++)
		x[i] = 3;
	buffer *b = filled(SHAPE(B, N), x);
	graph *g = graph_new(NULL);
	rng stream = rng_new(1, "dropout");
	node *leaf = graph_leaf(g, b), *drop = op_dropout(g, leaf, 0.2, leaf->s, &stream), *dx;
	graph_grad(g, drop, NULL, &leaf, 1, &dx);
	plan *p = plan_new(g, (node *[]){drop, dx}, 2, 0, NULL);
	ck_assert_ptr_nonnull(p);
	plan_run(p);
	memcpy(y, plan_value(p, drop), sizeof y);
	memcpy(d, plan_value(p, dx), sizeof d);
	int kept = 0;
	for (int i = 0; i < B * N; i++) {
		ck_assert(y[i] == 0 || fabs((double)y[i] - 3.75) < 1e-6);
		ck_assert(fabs(3 * (double)d[i] - (double)y[i]) < 1e-6);     /* the same mask goes back */
		kept += y[i] != 0;
	}
	ck_assert_double_eq_tol(kept, 0.8 * B * N, 5 * sqrt(0.16 * B * N));
	plan_free(p);
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(dropout_per_sample_drops_whole_samples)
{
	enum { B = 64, N = 10 };
	static real x[B * N], y[B * N];
	for (int i = 0; i < B * N; i++)
		x[i] = 1;
	buffer *b = filled(SHAPE(B, N), x);
	graph *g = graph_new(NULL);
	rng stream = rng_new(1, "depth");
	run(g, op_dropout(g, graph_leaf(g, b), 0.5, SHAPE(B, 1), &stream), y);
	int kept = 0;
	for (int i = 0; i < B; i++) {
		for (int j = 0; j < N; j++)
			ck_assert(y[i * N + j] == y[i * N]);
		kept += y[i * N] == 2;
	}
	ck_assert(kept > 10 && kept < 54);
	graph_free(g);
	buffer_free(b);
}
END_TEST

START_TEST(dropout_checks_its_rate_and_noise)
{
	buffer *b = buffer_new("x", SHAPE(2, 3), NULL);
	rng stream = rng_new(1, "dropout");
	fault e;
	graph *g = graph_new(NULL);
	node *x = graph_leaf(g, b);
	ck_assert_ptr_eq(op_dropout(g, x, 0, x->s, &stream), x);
	op_dropout(g, x, 1, x->s, &stream);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "dropout [2,3]: rate 1 must be at least 0 and below 1");
	graph_free(g);
	g = graph_new(NULL);
	op_dropout(g, graph_leaf(g, b), 0.5, SHAPE(7, 2, 3), &stream);
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, "dropout [2,3]: noise of shape [7,2,3] does not broadcast to it");
	graph_free(g);
	buffer_free(b);
}
END_TEST

int main(void)
{
	const suite_test kernels[] = {
		{kernel_is_within_its_bound_of_the_true_value, COUNT(table)},
		{kernel_gives_the_same_bits_at_every_position, COUNT(table)},
		{kernel_may_write_over_its_inputs, COUNT(table)},
		{nan_is_never_swallowed, COUNT(table)},
		{gate_selects_and_keeps_its_convention_at_zero, 1},
		{functions_keep_signed_zero, 1},
	};
	const suite_test nodes[] = {
		{two_inputs_broadcast_in_both_directions, 1},
		{derivative_of_a_broadcast_sums_it_back, 1},
		{wrong_shapes_name_the_op_and_both, 1},
		{trivial_algebra_makes_no_nodes, 1},
		{activation_by_name_is_its_definition, COUNT(named)},
		{elu_is_exact_near_zero, 1},
		{softmax_is_an_activation, 1},
		{unknown_activation_suggests_the_nearest, 1},
		{clip_is_exact_and_flat_outside, 1},
	};
	const suite_test random[] = {
		{random_node_draws_anew_at_every_run, RANDOM_NORMAL + 1},
		{dropout_keeps_the_share_and_the_mean, 1},
		{dropout_per_sample_drops_whole_samples, 1},
		{dropout_checks_its_rate_and_noise, 1},
	};
	const suite_case cases[] = {
		{.name = "kernels", TESTS(kernels)},
		{.name = "nodes", TESTS(nodes)},
		{.name = "random", TESTS(random)},
	};
	return suite_run_cases("elementwise", cases, COUNT(cases), 60);
}
