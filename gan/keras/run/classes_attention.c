/* classes_attention.c - the attention layers of Keras as they predict: without dropout and masks.
 *
 * Values are rows of tokens, [B,N,C]. A map goes through a Reshape before, as in Keras. */
#include <math.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/run/placed.h"

enum { WIDTH_MAX = 1 << 24 };

/* Query, value and key, which is the value where it is not given: [B,N,C], [B,M,Cv], [B,M,Ck]. */
typedef struct tokens {
	node *q, *v, *k;
} tokens;

static bool tokens_read(keras_placed *p, tokens *t)
{
	t->q = p->in[0];
	t->v = p->in[1];
	t->k = p->in[p->nin - 1];
	for (int i = 0; i < p->nin; i++)
		if (p->in[i]->s.rank != 3)
			placed_fail(p, "its input %s has %d axes; it takes [B,N,C]", shape_print(&p->in[i]->s).s,
				p->in[i]->s.rank);
	if (!p->failed && t->v->s.dim[1] != t->k->s.dim[1])
		placed_fail(p, "%lld keys for %lld values", (long long)t->k->s.dim[1], (long long)t->v->s.dim[1]);
	return !p->failed;
}

/* Whether query and key are of one width, as sums and products of the two need. */
static bool same_width(keras_placed *p, const tokens *t)
{
	if (t->q->s.dim[2] != t->k->s.dim[2])
		placed_fail(p, "a query of width %lld and keys of width %lld", (long long)t->q->s.dim[2],
			(long long)t->k->s.dim[2]);
	const shape all = SHAPE(t->q->s.dim[0], t->q->s.dim[1], t->k->s.dim[1], t->k->s.dim[2]);
	return !p->failed && placed_fits(p, &all);
}

/* Sums over the last axis of every query and key: x [B,N,M,C] -> [B,N,M]. */
static node *pairs(keras_placed *p, const tokens *t, node *scale, node *scale_inside)
{
	graph *g = p->g;
	const shape *q = &t->q->s, *k = &t->k->s;
	node *x = op_add(g, op_reshape(g, t->q, SHAPE(q->dim[0], q->dim[1], 1, q->dim[2])),
		op_reshape(g, t->k, SHAPE(k->dim[0], 1, k->dim[1], k->dim[2])));
	x = op_tanh(g, scale_inside ? op_mul(g, x, scale_inside) : x);
	return op_sum(g, scale ? op_mul(g, x, scale) : x, 1u << 3, false);
}

/* softmax(scores) v */
static node *taken(keras_placed *p, node *scores, const tokens *t)
{
	return p->failed ? NULL : op_matmul(p->g, op_softmax(p->g, scores), t->v, false, false);
}

/* scores = scale q k', or w sum(tanh(scale (q + k))). */
static node *attention(keras_placed *p)
{
	tokens t;
	const bool concat = !strcmp(placed_text(p, "score_mode", "dot"), "concat");
	if (!concat)
		placed_must_be(p, "score_mode", "dot");
	placed_off(p, "causal");
	if (!tokens_read(p, &t) || !same_width(p, &t))
		return NULL;
	node *scale = placed_flag(p, "use_scale", false) ? placed_weight(p, "scale", shape_scalar(), true) : NULL;
	node *w = concat ? placed_weight(p, "concat_score_weight", shape_scalar(), true) : NULL;
	if (p->failed)
		return NULL;
	node *scores = concat ? op_mul(p->g, pairs(p, &t, NULL, scale), w) : op_matmul(p->g, t.q, t.k, false, true);
	return taken(p, scale && !concat ? op_mul(p->g, scores, scale) : scores, &t);
}

/* scores = sum(scale tanh(q + k)) */
static node *additive(keras_placed *p)
{
	tokens t;
	placed_off(p, "causal");
	if (!tokens_read(p, &t) || !same_width(p, &t))
		return NULL;
	node *scale = placed_flag(p, "use_scale", true)
		? placed_weight(p, "scale", SHAPE(shape_last(&t.q->s)), true) : NULL;
	return p->failed ? NULL : taken(p, pairs(p, &t, scale, NULL), &t);
}

/* ---- several heads ---- */

/* x [B,N,C] -> [B,H,N,d]: kernel [C,H,d], bias [H,d]. */
static node *heads(keras_placed *p, node *x, const char *kernel, const char *bias, int H, int d)
{
	const int64_t B = x->s.dim[0], N = x->s.dim[1], C = x->s.dim[2];
	const shape to = SHAPE(B, N, H, d);
	node *w = placed_fits(p, &to) ? placed_weight(p, kernel, SHAPE(C, H, d), true) : NULL;
	node *b = placed_flag(p, "use_bias", true) ? placed_weight(p, bias, SHAPE(H, d), true) : NULL;
	if (p->failed)
		return NULL;
	node *y = op_reshape(p->g, op_dense(p->g, x, op_reshape(p->g, w, SHAPE(C, (int64_t)H * d))), to);
	return op_permute(p->g, b ? op_add(p->g, y, b) : y, (int[]){0, 2, 1, 3});
}

/* The width of the result: one number, as it is or in a list, or that of the query. */
static int result_width(keras_placed *p, const node *q)
{
	const keras_value *v = placed_get(p, "output_shape");
	if (v && v->kind == KERAS_LIST && v->n == 1 && v->list[0] >= 1 && v->list[0] <= WIDTH_MAX)
		return (int)v->list[0];
	if (v && v->kind == KERAS_LIST)
		placed_fail(p, "output_shape must be one number from 1 to %d", WIDTH_MAX);
	return placed_int(p, "output_shape", (int)MIN(q->s.dim[2], WIDTH_MAX), 1, WIDTH_MAX);
}

/* y [B,H,N,d] -> [B,N,C]: kernel [H,d,C], bias [C]. */
static node *joined(keras_placed *p, node *y, int C)
{
	const int64_t B = y->s.dim[0], H = y->s.dim[1], N = y->s.dim[2], d = y->s.dim[3];
	const shape to = SHAPE(B, N, C);
	node *w = placed_fits(p, &to) ? placed_weight(p, "attention_output_kernel", SHAPE(H, d, C), true) : NULL;
	node *b = placed_flag(p, "use_bias", true) ? placed_weight(p, "attention_output_bias", SHAPE(C), true) : NULL;
	if (p->failed)
		return NULL;
	node *rows = op_reshape(p->g, op_permute(p->g, y, (int[]){0, 2, 1, 3}), SHAPE(B, N, H * d));
	node *out = op_dense(p->g, rows, op_reshape(p->g, w, SHAPE(H * d, C)));
	return b ? op_add(p->g, out, b) : out;
}

/* softmax(q k' / sqrt(key_dim)) v in each of H heads (arXiv 1706.03762, section 3.2.2). */
static node *multi_head(keras_placed *p)
{
	tokens t;
	const int H = placed_int(p, "num_heads", 0, 1, WIDTH_MAX), dk = placed_int(p, "key_dim", 0, 1, WIDTH_MAX);
	const int dv = placed_int(p, "value_dim", dk, 1, WIDTH_MAX);
	const keras_value *axes = placed_get(p, "attention_axes");
	placed_off(p, "use_gate");
	placed_off(p, "sliding_window");
	if (!p->failed && (!H || !dk))
		return placed_fail(p, "needs the settings num_heads and key_dim");
	if (axes && !(axes->kind == KERAS_LIST ? axes->n == 1 && axes->list[0] == 1 : axes->number == 1))
		return placed_fail(p, "attention_axes: only the axis of the tokens, 1, is supported");
	if (!tokens_read(p, &t))
		return NULL;
	const int C = result_width(p, t.q);
	node *q = heads(p, t.q, "query_kernel", "query_bias", H, dk);
	node *k = p->failed ? NULL : heads(p, t.k, "key_kernel", "key_bias", H, dk);
	node *v = p->failed ? NULL : heads(p, t.v, "value_kernel", "value_bias", H, dv);
	return p->failed ? NULL : joined(p, op_attention(p->g, q, k, v, 1 / sqrt(dk)), C);
}

const keras_class keras_attention_classes[] = {
	{"Attention", 2, 3, attention},
	{"AdditiveAttention", 2, 3, additive},
	{"MultiHeadAttention", 2, 3, multi_head},
	{0},
};
