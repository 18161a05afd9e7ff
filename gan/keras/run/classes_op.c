/* classes_op.c - single operations (gan/keras/trace/trace_single.c) put back into a graph, to prove a model that is
 * written as ONNX. Values are [B, sample]; the tracer has made the settings, so they are right. */
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/run/placed.h"

/* ---- settings ---- */

static const int64_t *list_of(const keras_placed *p, const char *key)
{
	const keras_value *v = keras_get(p->layer, key);
	must(v && v->kind == KERAS_LIST, "%s (%s) without %s", p->layer->name, p->layer->class_name, key);
	return v->list;
}

static bool flag_of(const keras_placed *p, const char *key)
{
	return keras_number(p->layer, key, 0) != 0;
}

/* [B, result] */
static shape result_of(const keras_placed *p)
{
	const keras_value *v = keras_get(p->layer, "result");
	shape s = {.rank = v->n + 1, .dim = {p->in[0]->s.dim[0], 1, 1, 1, 1, 1, 1, 1}};
	memcpy(s.dim + 1, v->list, (size_t)v->n * sizeof *v->list);
	return s;
}

/* The numbers that are part of the layer. */
static node *constant_of(keras_placed *p)
{
	const keras_weight *w = keras_find_weight(p->layer, "constant");
	return placed_weight(p, "constant", w->s, false);
}

static window_geometry geometry_of(const keras_placed *p)
{
	const int64_t *k = list_of(p, "size"), *s = list_of(p, "strides"), *z = list_of(p, "zeros");
	return (window_geometry){
		(int)k[0], (int)k[1], (int)s[0], (int)s[1], (int)z[0], (int)z[1], (int)z[2], (int)z[3],
	};
}

/* ---- element by element ---- */

static node *recip(keras_placed *p) { return op_recip(p->g, p->in[0]); }
static node *root(keras_placed *p) { return op_sqrt(p->g, p->in[0]); }
static node *rsqrt(keras_placed *p) { return op_rsqrt(p->g, p->in[0]); }
static node *logarithm(keras_placed *p) { return op_log(p->g, p->in[0]); }
static node *error_function(keras_placed *p) { return op_erf(p->g, p->in[0]); }
static node *skew(keras_placed *p) { return op_skew(p->g, p->in[0]); }

static node *binary(keras_placed *p, node *(*by)(graph *g, node *a, node *b))
{
	if (p->nin == 2)
		return by(p->g, p->in[0], p->in[1]);
	node *c = constant_of(p);
	if (!c)
		return NULL;
	return flag_of(p, "constant_first") ? by(p->g, c, p->in[0]) : by(p->g, p->in[0], c);
}

/* The constant of a gate is what it lets pass. */
static node *gate(keras_placed *p)
{
	node *sel = p->in[p->nin - 1], *x = p->nin == 2 ? p->in[0] : constant_of(p);
	return x ? op_gate(p->g, op_broadcast(p->g, x, sel->s), sel, keras_number(p->layer, "slope", 0)) : NULL;
}

static node *add(keras_placed *p) { return binary(p, op_add); }
static node *sub(keras_placed *p) { return binary(p, op_sub); }
static node *mul(keras_placed *p) { return binary(p, op_mul); }
static node *quotient(keras_placed *p) { return binary(p, op_div); }

/* ---- places ---- */

static node *permute(keras_placed *p)
{
	const int64_t *axes = list_of(p, "axes");
	int axis[RANK_MAX] = {0};
	for (int i = 1; i < p->in[0]->s.rank; i++)
		axis[i] = (int)axes[i - 1] + 1;
	return op_permute(p->g, p->in[0], axis);
}

static node *pad(keras_placed *p)
{
	int64_t before[RANK_MAX] = {0}, after[RANK_MAX] = {0};
	for (int i = 1; i < p->in[0]->s.rank; i++) {
		before[i] = list_of(p, "before")[i - 1];
		after[i] = list_of(p, "after")[i - 1];
	}
	return op_pad(p->g, p->in[0], before, after);
}

static node *slice(keras_placed *p)
{
	int64_t lo[RANK_MAX] = {0}, hi[RANK_MAX] = {p->in[0]->s.dim[0]};
	for (int i = 1; i < p->in[0]->s.rank; i++) {
		lo[i] = list_of(p, "before")[i - 1];
		hi[i] = list_of(p, "after")[i - 1];
	}
	return op_slice(p->g, p->in[0], lo, hi);
}

static node *concat(keras_placed *p)
{
	return op_concat(p->g, p->in, p->nin, (int)keras_number(p->layer, "axis", 0) + 1);
}

static node *sum(keras_placed *p) { return op_sum_to(p->g, p->in[0], result_of(p)); }
static node *broadcast(keras_placed *p) { return op_broadcast(p->g, p->in[0], result_of(p)); }

/* ---- products and windows ---- */

static node *matmul(keras_placed *p)
{
	return op_matmul(p->g, p->in[0], p->in[1], flag_of(p, "ta"), flag_of(p, "tb"));
}

static node *patches(keras_placed *p) { return op_patches(p->g, p->in[0], geometry_of(p)); }
static node *sum_pool(keras_placed *p) { return op_sum_pool(p->g, p->in[0], geometry_of(p)); }

static node *patches_fold(keras_placed *p)
{
	const shape s = result_of(p);
	return op_patches_fold(p->g, p->in[0], geometry_of(p), s.dim[1], s.dim[2]);
}

/* Axes between the batch and the map are samples, too. */
static node *transpose(keras_placed *p)
{
	const window_geometry w = geometry_of(p);
	const conv_geometry c = {w.sh, w.sw, w.top, w.bottom, w.left, w.right,
				 (int)keras_number(p->layer, "groups", 1), 0};
	const shape s = result_of(p), *x = &p->in[0]->s;
	const int64_t *map = x->dim + x->rank - 3;
	node *kernel = constant_of(p);
	if (!kernel)
		return NULL;
	node *flat = op_reshape(p->g, p->in[0], SHAPE(shape_count(x) / (map[0] * map[1] * map[2]), map[0], map[1],
		map[2]));
	return op_reshape(p->g, op_conv2d_dx(p->g, flat, kernel, c, s.dim[s.rank - 3], s.dim[s.rank - 2]), s);
}

static const keras_class ops[] = {
	{"op>recip", 1, 1, recip}, {"op>sqrt", 1, 1, root}, {"op>rsqrt", 1, 1, rsqrt}, {"op>log", 1, 1, logarithm},
	{"op>erf", 1, 1, error_function}, {"op>gate", 1, 2, gate}, {"op>skew", 1, 1, skew}, {"op>add", 1, 2, add},
	{"op>sub", 1, 2, sub}, {"op>mul", 1, 2, mul}, {"op>div", 1, 2, quotient}, {"op>permute", 1, 1, permute},
	{"op>pad", 1, 1, pad}, {"op>slice", 1, 1, slice}, {"op>concat", 1, KERAS_INPUTS, concat},
	{"op>sum_to", 1, 1, sum}, {"op>broadcast", 1, 1, broadcast}, {"op>matmul", 2, 2, matmul},
	{"op>patches", 1, 1, patches}, {"op>patches_fold", 1, 1, patches_fold}, {"op>sum_pool", 1, 1, sum_pool},
	{"op>conv2d_dx", 1, 1, transpose},
};

const keras_class *keras_op_of(const char *name)
{
	for (int i = 0; i < COUNT(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}
