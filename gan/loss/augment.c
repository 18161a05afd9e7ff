/* augment.c - DiffAugment as nodes: random numbers become offsets and masks by arithmetic, so that the
 * transforms are ordinary operations with ordinary derivatives. */
#include "gan/loss/augment.h"

#include "core/graph/ops.h"
#include "gan/loss/counting.h"
#include "gan/loss/geometry.h"

/* Column i of u [B,2] as [B,1]. */
static node *column(graph *g, node *u, int i)
{
	return op_slice_axis(g, u, 1, i, i + 1);
}

/* ---- the transforms ---- */

/* (x - m) * factor + m */
static node *away_from(graph *g, node *x, node *m, node *factor)
{
	return op_add(g, op_mul(g, op_sub(g, x, m), factor), m);
}

node *augment_color(graph *g, node *x, node *brightness, node *saturation, node *contrast)
{
	x = op_add(g, x, op_add_scalar(g, brightness, -0.5));
	if (shape_last(&x->s) > 1)                   /* gray: the mean over channels is the pixel */
		x = away_from(g, x, op_mean(g, x, 1u << 3, true), op_scale(g, saturation, 2));
	return away_from(g, x, op_mean(g, x, 1u << 1 | 1u << 2 | 1u << 3, true), op_add_scalar(g, contrast, 0.5));
}

node *augment_translation(graph *g, node *x, node *u)
{
	node *t[2];
	for (int i = 0; i < 2; i++) {
		int64_t reach = x->s.dim[1 + i] / 8;
		t[i] = op_add_scalar(g, whole_below(g, column(g, u, i), 2 * reach + 1), (double)-reach);
	}
	return op_shift(g, x, op_concat(g, t, 2, 1));
}

/* 1 at the rows (of n) that the box covers: centre o, rows o - h/2 .. o - h/2 + h-1 where they exist,
 * h = n/2. u [B,1] -> [B,n]. */
static node *covered(graph *g, node *u, int64_t n)
{
	int64_t h = n / 2;
	node *first = op_add_scalar(g, whole_below(g, u, n + (h % 2 == 0)), (double)-(h / 2));        /* [B,1] */
	node *offset = op_sub(g, count_up(g, n), first);         /* [B,n]: inside means 0 .. h-1 */
	node *from = is_above_0(g, op_add_scalar(g, offset, 0.5));
	node *to = is_above_0(g, op_add_scalar(g, op_neg(g, offset), (double)h - 0.5));
	return op_mul(g, from, to);
}

node *augment_cutout(graph *g, node *x, node *u)
{
	int64_t B = x->s.dim[0], H = x->s.dim[1], W = x->s.dim[2];
	node *rows = op_reshape(g, covered(g, column(g, u, 0), H), SHAPE(B, H, 1, 1));
	node *columns = op_reshape(g, covered(g, column(g, u, 1), W), SHAPE(B, 1, W, 1));
	node *keep = op_add_scalar(g, op_neg(g, op_mul(g, rows, columns)), 1);
	return op_mul(g, x, keep);
}

/* ---- the policy ---- */

static node *draw_color(graph *g, node *x, rng *stream)
{
	shape one = SHAPE(x->s.dim[0], 1, 1, 1);
	node *brightness = op_random(g, one, RANDOM_UNIFORM, stream);
	node *saturation = op_random(g, one, RANDOM_UNIFORM, stream);
	node *contrast = op_random(g, one, RANDOM_UNIFORM, stream);
	return augment_color(g, x, brightness, saturation, contrast);
}

static node *draw_translation(graph *g, node *x, rng *stream)
{
	return augment_translation(g, x, op_random(g, SHAPE(x->s.dim[0], 2), RANDOM_UNIFORM, stream));
}

static node *draw_cutout(graph *g, node *x, rng *stream)
{
	return augment_cutout(g, x, op_random(g, SHAPE(x->s.dim[0], 2), RANDOM_UNIFORM, stream));
}

const diff_augment diff_augments[] = {
	{"color",       draw_color, NULL},
	{"translation", draw_translation, NULL},
	{"cutout",      draw_cutout, NULL},
	{"flip",        NULL, &affine_flip},
	{"rotate90",    NULL, &affine_rotate90},
	{"shift",       NULL, &affine_shift},
	{"scale",       NULL, &affine_scale},
	{"rotate",      NULL, &affine_rotate},
	{"stretch",     NULL, &affine_stretch},
	{"fraction",    NULL, &affine_fraction},
	{0}
};

/* 1 for each sample that is to undergo a transform, like s. */
static node *drawn_share(graph *g, shape s, node *probability, rng *stream)
{
	node *u = op_random(g, s, RANDOM_UNIFORM, stream);
	return is_above_0(g, op_sub(g, op_reshape(g, probability, shape_of(s.rank, (int64_t[]){1, 1, 1, 1})), u));
}

/* Each sample of y, or of x as it was. */
static node *either(graph *g, node *x, node *y, node *probability, rng *stream)
{
	node *share = drawn_share(g, SHAPE(x->s.dim[0], 1, 1, 1), probability, stream);
	return op_add(g, op_mul(g, y, share), op_mul(g, x, op_add_scalar(g, op_neg(g, share), 1)));
}

static affine draw_map(graph *g, const affine_kind *k, const node *x, node *probability, rng *stream)
{
	const int64_t B = x->s.dim[0];
	const affine a = k->of(g, &x->s, op_random(g, SHAPE(B, k->draws), k->normal ? RANDOM_NORMAL : RANDOM_UNIFORM,
		stream));
	const affine none = affine_identity(g, B);
	return probability ? affine_either(g, &a, &none, drawn_share(g, SHAPE(B, 1), probability, stream)) : a;
}

/* The maps of rows *i.. of p that follow each other; *i becomes the row behind them. */
static node *through_maps(graph *g, const augment_policy *p, int *i, node *x, node *probability, rng *stream)
{
	affine all = draw_map(g, diff_augments[p->kind[*i]].map, x, probability, stream);
	while (++*i < p->n && diff_augments[p->kind[*i]].map) {
		const affine next = draw_map(g, diff_augments[p->kind[*i]].map, x, probability, stream);
		all = affine_then(g, &all, &next);
	}
	return affine_apply(g, &all, x);
}

node *augment_apply(graph *g, const augment_policy *p, node *x, node *probability, rng *stream)
{
	graph_push(g, "augment");
	for (int i = 0; i < p->n; ) {
		const diff_augment *a = &diff_augments[p->kind[i]];
		if (a->map) {
			x = through_maps(g, p, &i, x, probability, stream);
			continue;
		}
		node *y = a->draw(g, x, stream);
		x = probability ? either(g, x, y, probability, stream) : y;
		i++;
	}
	graph_pop(g);
	return x;
}
