/* test_augment.c - DiffAugment against plain loops, losses and penalties by their laws. Reference values of
 * losses and penalties are in the golden files. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/loss/augment.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"
#include "tests/expect.h"
#include "tests/gradcheck.h"
#include "tests/suite.h"

static const double tiny = sizeof(real) == 8 ? 1e-12 : 2e-6;

static buffer *random_buffer(shape s, uint64_t seed)
{
	buffer *b = buffer_new("x", s, NULL);
	rng r = rng_new(seed, "test");
	rng_fill_normal(&r, b->x, shape_count(&s));
	return b;
}

/* ---- transforms against loops ---- */

enum { SAMPLES = 19, LAST_C = 2 };

typedef struct picture {
	int H, W;
	graph *g;
	buffer *x, *u;
	real *y;
} picture;

/* u of sample k puts both axes at choice k mod n, rows and columns apart; every third sits exactly on the
 * bound between two choices, which belongs to the upper one. */
static picture picture_open(int H, int W, int rows, int columns)
{
	picture p = {.H = H, .W = W, .g = graph_new(NULL)};
	p.x = random_buffer(SHAPE(SAMPLES, H, W, LAST_C), 1);
	p.u = buffer_new("u", SHAPE(SAMPLES, 2), NULL);
	for (int k = 0; k < SAMPLES; k++) {
		double inside = k % 3 == 0 ? 0 : k % 3 == 1 ? 0.5 : 0.999;
		p.u->x[2 * k] = (real)((k % rows + inside) / rows);
		p.u->x[2 * k + 1] = (real)((k * 5 % columns + inside) / columns);
	}
	p.y = mem_new((size_t)shape_count(&p.x->s), sizeof *p.y, NULL);
	return p;
}

static void picture_run(picture *p, node *y)
{
	plan *run = plan_must(p->g, &y, 1);
	plan_run(run);
	memcpy(p->y, plan_value(run, y), (size_t)shape_count(&y->s) * sizeof(real));
	plan_free(run);
}

static void picture_close(picture *p)
{
	graph_free(p->g);
	buffer_free(p->x);
	buffer_free(p->u);
	free(p->y);
}

static const int sizes[][2] = {{8, 8}, {16, 9}, {7, 6}, {10, 32}, {4, 5}};

START_TEST(translation_shifts_by_whole_pixels)
{
	int H = sizes[_i][0], W = sizes[_i][1], rh = H / 8, rw = W / 8;
	picture p = picture_open(H, W, 2 * rh + 1, 2 * rw + 1);
	picture_run(&p, augment_translation(p.g, graph_leaf(p.g, p.x), graph_leaf(p.g, p.u)));
	for (int k = 0; k < SAMPLES; k++) {
		int ty = k % (2 * rh + 1) - rh, tx = k * 5 % (2 * rw + 1) - rw;
		for (int i = 0; i < H; i++)
			for (int j = 0; j < W * LAST_C; j++) {
				int a = i + ty, b = j / LAST_C + tx;
				bool in = a >= 0 && a < H && b >= 0 && b < W;
				real v = in ? p.x->x[((k * H + a) * W + b) * LAST_C + j % LAST_C] : 0;
				ck_assert(p.y[(k * H + i) * W * LAST_C + j] == v);
			}
	}
	picture_close(&p);
}
END_TEST

/* Marks what the published code sets to zero: centre o, box rows clamp(o - h/2 + a), columns alike. */
static void published_box(bool *cut, int H, int W, int oy, int ox)
{
	int h = H / 2, w = W / 2;
	for (int a = 0; a < h; a++)
		for (int b = 0; b < w; b++) {
			int i = MIN(MAX(oy - h / 2 + a, 0), H - 1), j = MIN(MAX(ox - w / 2 + b, 0), W - 1);
			cut[i * W + j] = true;
		}
}

START_TEST(cutout_clears_the_published_box)
{
	int H = sizes[_i][0], W = sizes[_i][1], rows = H + (H / 2 % 2 == 0), columns = W + (W / 2 % 2 == 0);
	picture p = picture_open(H, W, rows, columns);
	picture_run(&p, augment_cutout(p.g, graph_leaf(p.g, p.x), graph_leaf(p.g, p.u)));
	for (int k = 0; k < SAMPLES; k++) {
		bool cut[10 * 32 + 16 * 9] = {false};
		published_box(cut, H, W, k % rows, k * 5 % columns);
		for (int i = 0; i < H * W * LAST_C; i++) {
			int64_t at = (int64_t)k * H * W * LAST_C + i;
			ck_assert_msg(p.y[at] == (cut[i / LAST_C] ? 0 : p.x->x[at]), "%dx%d, sample %d, pixel %d", H, W,
				k, i / LAST_C);
		}
	}
	picture_close(&p);
}
END_TEST

/* Brightness, saturation, contrast in that order, by loops; C = 1: saturation is the identity. */
START_TEST(color_changes_brightness_saturation_contrast)
{
	enum { B = 2, N = 12 };
	const int C = _i ? 3 : 1;
	buffer *x = random_buffer(SHAPE(B, 3, 4, C), 3), *u = buffer_new("u", SHAPE(3, B, 1, 1, 1), NULL);
	const real draws[6] = {(real)0.1, (real)0.9, (real)0.7, (real)0.2, (real)0.4, (real)0.8};
	memcpy(u->x, draws, sizeof draws);
	graph *g = graph_new(NULL);
	node *part[3];
	for (int i = 0; i < 3; i++)
		part[i] = op_reshape(g, op_slice_axis(g, graph_leaf(g, u), 0, i, i + 1), SHAPE(B, 1, 1, 1));
	node *y = augment_color(g, graph_leaf(g, x), part[0], part[1], part[2]);
	plan *p = plan_must(g, &y, 1);
	plan_run(p);
	for (int b = 0; b < B; b++) {
		double v[N * 3], mean = 0;
		for (int i = 0; i < N * C; i++)
			v[i] = (double)x->x[b * N * C + i] + (double)draws[b] - 0.5;
		for (int i = 0; i < N; i++) {
			double m = 0;
			for (int c = 0; c < C; c++)
				m += v[i * C + c] / C;
			for (int c = 0; c < C; c++)
				v[i * C + c] = (v[i * C + c] - m) * 2 * (double)draws[B + b] + m;
		}
		for (int i = 0; i < N * C; i++)
			mean += v[i] / (N * C);
		for (int i = 0; i < N * C; i++) {
			double expected = (v[i] - mean) * ((double)draws[2 * B + b] + 0.5) + mean;
			ck_assert(fabs((double)plan_value(p, y)[b * N * C + i] - expected) < tiny);
		}
	}
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	buffer_free(u);
}
END_TEST

/* ---- derivatives ---- */

static node *build_color(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return augment_color(g, in[0], in[1], in[2], in[3]);
}

static node *build_translation(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return augment_translation(g, in[0], in[1]);
}

static node *build_cutout(graph *g, node *const *in, const void *arg)
{
	(void)arg;
	return augment_cutout(g, in[0], in[1]);
}

/* The gradient flows through every transform; both are linear in the image where their draw is fixed. */
START_TEST(gradients_flow_through)
{
	static const grad_build build[] = {build_color, build_translation, build_cutout};
	const shape draw = _i ? SHAPE(2, 2) : SHAPE(2, 1, 1, 1);
	char why[GRAD_WHY];
	buffer *in[4];
	int n = _i ? 2 : 4;
	in[0] = random_buffer(SHAPE(2, 9, 8, 3), 5);
	for (int i = 1; i < n; i++) {
		in[i] = buffer_new("u", draw, NULL);
		for (int64_t k = 0; k < shape_count(&draw); k++)
			in[i]->x[k] = (real)(0.15 + 0.2 * (double)k + 0.05 * i);
	}
	bool good = gradcheck("augment", build[_i], NULL, in, n, _i ? 2u : 0, _i ? 1u : 0, why);
	ck_assert_msg(good, "%s", why);
	for (int i = 0; i < n; i++)
		buffer_free(in[i]);
}
END_TEST

/* Fresh draws for every run, for every application, and for every sample. */
START_TEST(draws_are_fresh)
{
	augment_policy policy = {.n = 0};
	rng stream = rng_new(1, "augment");
	while (diff_augments[policy.n].name) {
		policy.kind[policy.n] = policy.n;
		policy.n++;
	}
	ck_assert_int_eq(policy.n, 10);
	graph *g = graph_new(NULL);
	node *x = op_fill(g, SHAPE(2, 8, 8, 1), 0.5), *two[2];
	for (int i = 0; i < 2; i++)
		two[i] = augment_apply(g, &policy, x, NULL, &stream);
	plan *p = plan_must(g, two, 2);
	enum { N = 64 };
	real first[2 * N];
	plan_run(p);
	memcpy(first, plan_value(p, two[0]), sizeof first);
	ck_assert_msg(memcmp(first, plan_value(p, two[1]), sizeof first), "two applications drew alike");
	ck_assert_msg(memcmp(first, first + N, N * sizeof(real)), "two samples drew alike");
	plan_run(p);
	ck_assert_msg(memcmp(first, plan_value(p, two[0]), sizeof first), "two runs drew alike");
	plan_free(p);
	graph_free(g);
}
END_TEST

/* How many of 1,000 samples a transform that spares none has changed; the others are as they were, to the bit. */
START_TEST(a_probability_is_a_share_of_the_samples)
{
	enum { N = 1000, SIZE = 4 * 4 };
	static const double probability[] = {0, 0.3, 1};
	const augment_policy policy = {.n = 1, .kind = {2}};         /* cutout */
	for (int k = 0; k < COUNT(probability); k++) {
		rng stream = rng_new(1, "augment");
		int changed = 0;
		graph *g = graph_new(NULL);
		node *x = op_fill(g, SHAPE(N, 4, 4, 1), 0.7), *share = op_fill(g, SHAPE(1, 1, 1, 1), probability[k]);
		node *y = augment_apply(g, &policy, x, share, &stream);
		plan *p = plan_must(g, &y, 1);
		plan_run(p);
		for (int i = 0; i < N; i++) {
			bool same = true;
			for (int j = 0; j < SIZE; j++)
				same = same && plan_value(p, y)[i * SIZE + j] == (real)0.7;
			changed += !same;
		}
		const bool sure = probability[k] == 0 || probability[k] == 1;
		ck_assert_msg(fabs(changed / (double)N - probability[k]) <= (sure ? 0 : 0.05),
			"%d of %d with probability %g", changed, N, probability[k]);
		plan_free(p);
		graph_free(g);
	}
}
END_TEST

/* ---- losses ---- */

static double value_of(graph *g, node *y)
{
	plan *p = plan_must(g, &y, 1);
	plan_run(p);
	double v = (double)plan_value(p, y)[0];
	plan_free(p);
	return v;
}

/* D's and G's loss for r = (0.5, 2), f = (-3, 0.25), by hand. */
static const struct {
	const char *name;
	double d, g;
} by_hand[] = {
	{"hinge", 0.25 + 0.625, 1.375},
	{"ns", 0.3005024976 + 0.4372633857, 1.8122633857},
	{"kl", 0.3005024976 + 0.4372633857, 1.375},
	{"minimax", 0.3005024976 + 0.4372633857, -0.4372633857},
	{"ls", 0.5 * 0.625 + 0.5 * 4.53125, 0.5 * 8.28125},
	{"wgan", -1.375 - 1.25, 1.375},
	{"keras_hinge", (0.5 + 0 + 0 + 1.25) / 4, 3.75},
	{"rpgan", 0.0949872844, 2.7199872844},
};

START_TEST(losses_have_their_value)
{
	fault e;
	const gan_loss *l = gan_loss_find(by_hand[_i].name, &e);
	ck_assert_msg(l != NULL, "%s", e.text);
	buffer *r = buffer_new("r", SHAPE(2), NULL), *f = buffer_new("f", SHAPE(2), NULL);
	const real real_logits[2] = {(real)0.5, 2}, fake_logits[2] = {-3, (real)0.25};
	buffer_write(r, real_logits);
	buffer_write(f, fake_logits);
	graph *g = graph_new(NULL);
	double d = value_of(g, l->d_loss(g, graph_leaf(g, r), graph_leaf(g, f)));
	node *fakes = graph_leaf(g, f);
	double gl = value_of(g, gan_loss_g(g, l, graph_leaf(g, r), fakes, NULL));
	ck_assert_msg(fabs(d - by_hand[_i].d) < 1e-6, "D: %.9g", d);
	ck_assert_msg(fabs(gl - by_hand[_i].g) < 1e-6, "G: %.9g", gl);
	graph_free(g);
	buffer_free(r);
	buffer_free(f);
}
END_TEST

START_TEST(unknown_losses_are_refused)
{
	fault e;
	ck_assert_ptr_null(gan_loss_find("hing", &e));
	ck_assert_str_eq(e.text, "loss = hing: must be hinge, ns, kl, minimax, ls, wgan, keras_hinge or rpgan");
	int n = 0;
	while (gan_losses[n].name)
		n++;
	ck_assert_int_eq(n, COUNT(by_hand));
}
END_TEST

/* ---- penalties: D(x) = <w, x> has the slope w everywhere ---- */

typedef struct linear {
	buffer *w;                                   /* like one image */
} linear;

static node *linear_apply(graph *g, void *ctx, node *x)
{
	const linear *l = ctx;
	return op_sum(g, op_mul(g, x, graph_leaf(g, l->w)), 14, false);
}

/* A nonlinear one, for derivatives: sum tanh(w x)^2. */
static node *curved_apply(graph *g, void *ctx, node *x)
{
	const linear *l = ctx;
	return op_sum(g, op_square(g, op_tanh(g, op_mul(g, x, graph_leaf(g, l->w)))), 14, false);
}

START_TEST(penalties_measure_the_slope)
{
	linear l = {random_buffer(SHAPE(1, 3, 2, 2), 1)};
	buffer *x = random_buffer(SHAPE(4, 3, 2, 2), 2), *f = random_buffer(SHAPE(4, 3, 2, 2), 3);
	double square = 0;
	for (int i = 0; i < 12; i++)
		square += pow((double)l.w->x[i], 2);
	graph *g = graph_new(NULL);
	node *a = op_fill(g, SHAPE(4, 1, 1, 1), 0.3), *in = graph_leaf(g, x), *fake = graph_leaf(g, f);
	double r1 = value_of(g, penalty_r1(g, linear_apply, &l, in));
	double gp = value_of(g, penalty_gp(g, linear_apply, &l, in, fake, a, 1));
	double zero = value_of(g, penalty_gp(g, linear_apply, &l, in, fake, a, 0));
	double dragan = value_of(g, penalty_dragan(g, linear_apply, &l, in, a, fake));
	ck_assert(fabs(r1 - square) < tiny * square * 10);
	ck_assert(fabs(gp - pow(sqrt(square) - 1, 2)) < tiny * 100);
	ck_assert(fabs(zero - square) < tiny * square * 10);
	ck_assert(fabs(dragan - gp) < tiny * 100);
	graph_free(g);
	buffer_free(l.w);
	buffer_free(x);
	buffer_free(f);
}
END_TEST

/* D(x) = |x|^2 / 2 has the slope x: the penalty tells where it was taken. */
static node *bowl_apply(graph *g, void *ctx, node *x)
{
	(void)ctx;
	return op_scale(g, op_sum(g, op_square(g, x), 14, false), 0.5);
}

/* The length of sample b of x + c*y, 12 elements each. */
static double length_of(const real *x, double c, const real *y, int b)
{
	double sum = 0;
	for (int i = b * 12; i < b * 12 + 12; i++)
		sum += pow((double)x[i] + c * (double)y[i], 2);
	return sqrt(sum);
}

START_TEST(penalties_are_taken_in_their_place)
{
	enum { B = 4, N = B * 12 };
	buffer *x = random_buffer(SHAPE(B, 3, 2, 2), 4), *u = random_buffer(SHAPE(B, 3, 2, 2), 5);
	const double a = 0.3;
	double mean = 0, square = 0, gp = 0, dragan = 0;
	for (int i = 0; i < N; i++)
		mean += (double)x->x[i] / N;
	for (int i = 0; i < N; i++)
		square += pow((double)x->x[i] - mean, 2);
	double std = sqrt(square / (N - 1));
	for (int b = 0; b < B; b++) {
		/* a*x + (1-a)*u, and x + a/2 std u */
		gp += pow(a * length_of(x->x, (1 - a) / a, u->x, b) - 1, 2) / B;
		dragan += pow(length_of(x->x, a / 2 * std, u->x, b) - 1, 2) / B;
	}
	graph *g = graph_new(NULL);
	node *share = op_fill(g, SHAPE(B, 1, 1, 1), a), *in = graph_leaf(g, x), *other = graph_leaf(g, u);
	ck_assert(fabs(value_of(g, penalty_gp(g, bowl_apply, NULL, in, other, share, 1)) - gp) < 100 * tiny);
	ck_assert(fabs(value_of(g, penalty_dragan(g, bowl_apply, NULL, in, share, other)) - dragan) < 100 * tiny);
	graph_free(g);
	buffer_free(x);
	buffer_free(u);
}
END_TEST

/* Where D is flat the penalty is target^2 and its derivative finite: sqrt(s + 1e-12). */
START_TEST(flat_discriminators_give_no_nan)
{
	linear l = {buffer_new("w", SHAPE(1, 3, 2, 2), NULL)};
	buffer *images = random_buffer(SHAPE(4, 3, 2, 2), 6);
	graph *g = graph_new(NULL);
	node *x = graph_leaf(g, images), *a = op_fill(g, SHAPE(4, 1, 1, 1), 0.3), *w = graph_leaf(g, l.w), *dw;
	node *gp = penalty_gp(g, linear_apply, &l, x, op_neg(g, x), a, 1);
	graph_grad(g, gp, NULL, &w, 1, &dw);
	plan *p = plan_must(g, (node *[]){gp, dw}, 2);
	plan_run(p);
	ck_assert(fabs((double)plan_value(p, gp)[0] - 1) < 1e-5);
	for (int i = 0; i < 12; i++)
		ck_assert(isfinite((double)plan_value(p, dw)[i]));
	plan_free(p);
	graph_free(g);
	buffer_free(l.w);
	buffer_free(images);
}
END_TEST

static node *build_penalty(graph *g, node *const *in, const void *arg)
{
	linear l = {in[1]->buf};
	node *a = op_fill(g, SHAPE(3, 1, 1, 1), 0.3);
	switch (*(const int *)arg) {
	case 0:  return penalty_r1(g, curved_apply, &l, in[0]);
	case 1:  return penalty_gp(g, curved_apply, &l, in[0], op_scale(g, in[0], 0.5), a, 1);
	default: return penalty_dragan(g, curved_apply, &l, in[0], a, op_fill(g, in[0]->s, 0.7));
	}
}

/* The derivative of a penalty, which is a second derivative of D, against differences; and its own. */
START_TEST(penalties_have_derivatives)
{
	char why[GRAD_WHY];
	buffer *in[2] = {random_buffer(SHAPE(3, 2, 2, 2), 8), random_buffer(SHAPE(1, 2, 2, 2), 9)};
	bool good = gradcheck("penalty", build_penalty, &_i, in, 2, 0, 0, why);
	ck_assert_msg(good, "%s", why);
	buffer_free(in[0]);
	buffer_free(in[1]);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{translation_shifts_by_whole_pixels, COUNT(sizes)},
		{cutout_clears_the_published_box, COUNT(sizes)},
		{color_changes_brightness_saturation_contrast, 2},
		{gradients_flow_through, 3},
		{draws_are_fresh, 1},
		{a_probability_is_a_share_of_the_samples, 1},
		{losses_have_their_value, COUNT(by_hand)},
		{unknown_losses_are_refused, 1},
		{penalties_measure_the_slope, 1},
		{penalties_are_taken_in_their_place, 1},
		{flat_discriminators_give_no_nan, 1},
		{penalties_have_derivatives, 3},
	};
	return suite_run("augment", tests, COUNT(tests), 60);
}
