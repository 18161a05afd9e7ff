/* geometry.c - maps as arithmetic of random numbers, the ranges those of arXiv 2006.06676 (stylegan2-ada-pytorch,
 * training/augment.py). A map leads from a place of the result to a place of the image, both from the middle. */
#include "gan/loss/geometry.h"

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/loss/counting.h"

static node *column(graph *g, node *u, int i)
{
	return op_slice_axis(g, u, 1, i, i + 1);
}

static affine linear(graph *g, node *a, node *b, node *c, node *d)
{
	node *none = op_fill(g, a->s, 0);
	return (affine){{a, b, none, c, d, none}};
}

static affine translation(graph *g, node *rows, node *columns)
{
	node *none = op_fill(g, rows->s, 0), *one = op_fill(g, rows->s, 1);
	return (affine){{one, none, rows, none, one, columns}};
}

affine affine_identity(graph *g, int64_t B)
{
	node *none = op_fill(g, SHAPE(B, 1), 0);
	return translation(g, none, none);
}

/* ---- the kinds ---- */

static affine flip_of(graph *g, const shape *image, node *u)
{
	(void)image;
	node *turned = is_above_0(g, op_add_scalar(g, op_neg(g, u), 0.5)), *none = op_fill(g, u->s, 0);
	return linear(g, op_fill(g, u->s, 1), none, none, op_add_scalar(g, op_scale(g, turned, -2), 1));
}

/* 1 where the whole number k is v */
static node *is(graph *g, node *k, double v)
{
	return is_above_0(g, op_add_scalar(g, op_neg(g, op_abs(g, op_add_scalar(g, k, -v))), 0.5));
}

static affine turn(graph *g, node *cos, node *sin)
{
	return linear(g, cos, op_neg(g, sin), sin, cos);
}

static affine rotate90_of(graph *g, const shape *image, node *u)
{
	(void)image;
	node *k = whole_below(g, u, 4);
	return turn(g, op_sub(g, is(g, k, 0), is(g, k, 2)), op_sub(g, is(g, k, 1), is(g, k, 3)));
}

static affine shift_of(graph *g, const shape *image, node *u)
{
	node *t[2];
	for (int i = 0; i < 2; i++) {
		const int64_t reach = image->dim[1 + i] / 8;
		t[i] = op_add_scalar(g, whole_below(g, column(g, u, i), 2 * reach + 1), (double)-reach);
	}
	return translation(g, t[0], t[1]);
}

/* 2^(-0.2 u): what a place is multiplied with, where the image grows by the inverse. */
static node *narrower(graph *g, node *u)
{
	return op_exp(g, op_scale(g, u, -0.2 * 0.693147180559945309417));
}

static affine scale_of(graph *g, const shape *image, node *u)
{
	(void)image;
	node *s = narrower(g, u), *none = op_fill(g, u->s, 0);
	return linear(g, s, none, none, s);
}

/* The direction of a normal vector is uniform; the small number keeps (0,0) from being no direction. */
static affine rotate_of(graph *g, const shape *image, node *u)
{
	(void)image;
	node *length = op_sqrt(g, op_add_scalar(g, op_sum(g, op_square(g, u), 1u << 1, true), 1e-12));
	return turn(g, op_div(g, column(g, u, 0), length), op_div(g, column(g, u, 1), length));
}

static affine stretch_of(graph *g, const shape *image, node *u)
{
	(void)image;
	node *none = op_fill(g, u->s, 0);
	return linear(g, narrower(g, op_neg(g, u)), none, none, narrower(g, u));
}

static affine fraction_of(graph *g, const shape *image, node *u)
{
	return translation(g, op_scale(g, column(g, u, 0), (double)image->dim[1] / 8),
		op_scale(g, column(g, u, 1), (double)image->dim[2] / 8));
}

const affine_kind affine_flip = {1, false, flip_of};
const affine_kind affine_rotate90 = {1, false, rotate90_of};
const affine_kind affine_shift = {2, false, shift_of};
const affine_kind affine_scale = {1, true, scale_of};
const affine_kind affine_rotate = {2, true, rotate_of};
const affine_kind affine_stretch = {1, true, stretch_of};
const affine_kind affine_fraction = {2, true, fraction_of};

/* ---- together ---- */

/* The result of b at p is that of a at b(p): the matrix a b, which is the same for a third one behind. */
affine affine_then(graph *g, const affine *a, const affine *b)
{
	affine c;
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 3; j++) {
			node *sum = op_add(g, op_mul(g, a->m[3 * i], b->m[j]), op_mul(g, a->m[3 * i + 1], b->m[3 + j]));
			c.m[3 * i + j] = j == 2 ? op_add(g, sum, a->m[3 * i + 2]) : sum;
		}
	return c;
}

affine affine_either(graph *g, const affine *a, const affine *b, node *share)
{
	affine c;
	node *rest = op_add_scalar(g, op_neg(g, share), 1);
	for (int i = 0; i < COUNT(c.m); i++)
		c.m[i] = op_add(g, op_mul(g, a->m[i], share), op_mul(g, b->m[i], rest));
	return c;
}

node *affine_apply(graph *g, const affine *a, node *x)
{
	return op_warp(g, x, op_concat(g, a->m, COUNT(a->m), 1));
}
