/* test_geometry.c - random maps of images: each is the map that it says, and many are one. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/loss/augment.h"
#include "gan/loss/geometry.h"
#include "tests/suite.h"

/* An image of numbers that differ; draws as given. */
typedef struct scene {
	graph *g;
	buffer *x, *u;
	real *y;                                     /* like x */
} scene;

static scene scene_open(int64_t H, int64_t W, int64_t draws, const double *u)
{
	scene s = {.g = graph_new(NULL), .x = buffer_new("x", SHAPE(1, H, W, 2), NULL),
		.u = buffer_new("u", SHAPE(1, draws), NULL), .y = calloc((size_t)(H * W * 2), sizeof(real))};
	ck_assert(s.x && s.u && s.y);
	for (int64_t k = 0; k < H * W * 2; k++)
		s.x->x[k] = (real)(k * 37 % 101) / 64;
	for (int64_t k = 0; k < draws; k++)
		s.u->x[k] = (real)u[k];
	return s;
}

static void scene_run(scene *s, node *y)
{
	fault e;
	plan *p = plan_new(s->g, &y, 1, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	plan_run(p);
	memcpy(s->y, plan_value(p, y), (size_t)shape_count(&y->s) * sizeof(real));
	plan_free(p);
}

static void scene_close(scene *s)
{
	graph_free(s->g);
	buffer_free(s->x);
	buffer_free(s->u);
	free(s->y);
}

static node *seen(const scene *s, const affine_kind *k, node *x)
{
	const affine a = k->of(s->g, &x->s, graph_leaf(s->g, s->u));
	return affine_apply(s->g, &a, x);
}

/* Index i mirrored in the centres of the first and the last of n. */
static int64_t mirrored(int64_t i, int64_t n)
{
	while (i < 0 || i >= n)
		i = i < 0 ? -i : 2 * (n - 1) - i;
	return i;
}

/* ---- maps of whole pixels are exact ---- */

static const struct whole_map {
	const affine_kind *kind;
	double u[2];
	int m[4], t[2];                              /* row = m0 i + m1 j + t0 .. from the middle */
} wholes[] = {
	{&affine_flip, {0.7}, {1, 0, 0, 1}, {0, 0}},
	{&affine_flip, {0.2}, {1, 0, 0, -1}, {0, 0}},
	{&affine_rotate90, {0.1}, {1, 0, 0, 1}, {0, 0}},
	{&affine_rotate90, {0.3}, {0, -1, 1, 0}, {0, 0}},
	{&affine_rotate90, {0.5}, {-1, 0, 0, -1}, {0, 0}},
	{&affine_rotate90, {0.99}, {0, 1, -1, 0}, {0, 0}},
	{&affine_shift, {0.99, 0}, {1, 0, 0, 1}, {1, -1}},
};

START_TEST(whole_maps_move_pixels)
{
	enum { N = 9 };
	const struct whole_map *w = &wholes[_i];
	scene s = scene_open(N, N, w->kind->draws, w->u);
	scene_run(&s, seen(&s, w->kind, graph_leaf(s.g, s.x)));
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			const int a = i - N / 2, b = j - N / 2;
			const int64_t r = mirrored(w->m[0] * a + w->m[1] * b + w->t[0] + N / 2, N);
			const int64_t q = mirrored(w->m[2] * a + w->m[3] * b + w->t[1] + N / 2, N);
			for (int c = 0; c < 2; c++)
				ck_assert_msg(s.y[(i * N + j) * 2 + c] == s.x->x[(r * N + q) * 2 + c], "%d, %d", i, j);
		}
	scene_close(&s);
}
END_TEST

/* ---- a plane shows where each pixel was taken: bilinear sampling of it is exact ---- */

enum { H = 12, W = 20 };

static const struct slanted_map {
	const affine_kind *kind;
	double u[2], m[6];
} slants[] = {
	{&affine_scale, {1}, {0.87055056, 0, 0, 0, 0.87055056, 0}},
	{&affine_scale, {-1}, {1.14869835, 0, 0, 0, 1.14869835, 0}},
	{&affine_stretch, {1}, {1.14869835, 0, 0, 0, 0.87055056, 0}},
	{&affine_rotate, {1.5, 2}, {0.6, -0.8, 0, 0.8, 0.6, 0}},
	{&affine_fraction, {0.5, -0.25}, {1, 0, 0.5 * H / 8, 0, 1, -0.25 * W / 8}},
};

START_TEST(slanted_maps_lead_where_they_say)
{
	const struct slanted_map *k = &slants[_i];
	scene s = scene_open(H, W, k->kind->draws, k->u);
	for (int i = 0; i < H * W * 2; i++)
		s.x->x[i] = (real)(0.25 * (i / 2 / W) - 0.125 * (i / 2 % W) + i % 2);
	scene_run(&s, seen(&s, k->kind, graph_leaf(s.g, s.x)));
	int inside = 0;
	for (int i = 0; i < H * W; i++) {
		const double a = i / W - (H - 1) / 2.0, b = i % W - (W - 1) / 2.0;
		const double r = k->m[0] * a + k->m[1] * b + k->m[2] + (H - 1) / 2.0;
		const double q = k->m[3] * a + k->m[4] * b + k->m[5] + (W - 1) / 2.0;
		if (r < 0 || r > H - 1 || q < 0 || q > W - 1)
			continue;
		inside++;
		for (int c = 0; c < 2; c++)
			ck_assert_msg(fabs((double)s.y[2 * i + c] - (0.25 * r - 0.125 * q + c)) < 1e-5, "pixel %d", i);
	}
	ck_assert_int_gt(inside, H * W / 2);
	scene_close(&s);
}
END_TEST

/* ---- many are one ---- */

/* Mirroring commutes with maps of whole pixels, so one resampling of both is the same as one after the other. */
START_TEST(maps_that_follow_become_one)
{
	enum { N = 9 };
	const double u[] = {0.2, 0.99};
	scene s = scene_open(N, N, 2, u);
	node *x = graph_leaf(s.g, s.x), *draws = graph_leaf(s.g, s.u), *first = op_slice_axis(s.g, draws, 1, 0, 1);
	const affine a = affine_rotate90.of(s.g, &x->s, op_add_scalar(s.g, first, 0.1));
	const affine b = affine_shift.of(s.g, &x->s, draws), both = affine_then(s.g, &a, &b);
	scene_run(&s, op_sub(s.g, affine_apply(s.g, &both, x), affine_apply(s.g, &b, affine_apply(s.g, &a, x))));
	for (int i = 0; i < N * N * 2; i++)
		ck_assert_msg(s.y[i] == 0, "pixel %d", i);
	scene_close(&s);
}
END_TEST

static int count_ops(const graph *g, const char *name)
{
	int n = 0;
	for (int i = 0; i < graph_count(g); i++)
		n += graph_at(g, i)->op && strcmp(graph_at(g, i)->op->name, name) == 0;
	return n;
}

START_TEST(a_policy_resamples_once)
{
	const augment_policy p = {.n = 5, .kind = {3, 7, 0, 6, 9}};  /* flip, rotate; color; scale, fraction */
	rng stream = rng_new(1, "augment");
	graph *g = graph_new(NULL);
	augment_apply(g, &p, op_fill(g, SHAPE(2, 8, 8, 1), 1), NULL, &stream);
	ck_assert_int_eq(count_ops(g, "warp"), 2);
	graph_free(g);
}
END_TEST

/* Samples that are spared keep their bits. */
START_TEST(spared_samples_are_as_they_were)
{
	const augment_policy p = {.n = 2, .kind = {7, 6}};
	rng stream = rng_new(1, "augment");
	scene s = scene_open(7, 6, 1, (double[]){0});
	node *x = graph_leaf(s.g, s.x);
	scene_run(&s, augment_apply(s.g, &p, x, op_fill(s.g, SHAPE(1, 1, 1, 1), 0), &stream));
	ck_assert(memcmp(s.y, s.x->x, 7 * 6 * 2 * sizeof(real)) == 0);
	scene_run(&s, augment_apply(s.g, &p, x, op_fill(s.g, SHAPE(1, 1, 1, 1), 1), &stream));
	ck_assert(memcmp(s.y, s.x->x, 7 * 6 * 2 * sizeof(real)) != 0);
	scene_close(&s);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{whole_maps_move_pixels, COUNT(wholes)},
		{slanted_maps_lead_where_they_say, COUNT(slants)},
		{maps_that_follow_become_one, 1},
		{a_policy_resamples_once, 1},
		{spared_samples_are_as_they_were, 1},
	};
	return suite_run("geometry", tests, COUNT(tests), 60);
}
