/* classes_shape.c - layers of Keras that move, pad or scale values, and those that do nothing when a
 * network predicts. */
#include <string.h>

#include "gan/keras/model/shapes.h"
#include "gan/keras/run/placed.h"

static node *same(keras_placed *p)
{
	return p->in[0];
}

/* target_shape without the batch; one -1 takes what is left. */
static node *reshape(keras_placed *p)
{
	const keras_value *v = placed_get(p, "target_shape");
	if (!v || v->kind != KERAS_LIST || v->n < 1 || v->n >= RANK_MAX)
		return placed_fail(p, "needs the setting target_shape, 1 to %d numbers", RANK_MAX - 1);
	const int64_t B = p->in[0]->s.dim[0], all = shape_count(&p->in[0]->s) / B;
	shape to = {.rank = v->n + 1, .dim = {B, 1, 1, 1, 1, 1, 1, 1}};
	if (!keras_reshape(all, v->n, v->list, to.dim + 1))
		return placed_fail(p, "target_shape does not have the %lld elements of its input", (long long)all);
	return op_reshape(p->g, p->in[0], to);
}

static node *flatten(keras_placed *p)
{
	placed_must_be(p, "data_format", "channels_last");
	if (p->failed)
		return NULL;
	const int64_t B = p->in[0]->s.dim[0];
	return op_reshape(p->g, p->in[0], SHAPE(B, shape_count(&p->in[0]->s) / B));
}

/* dims count from 1; the batch stays. */
static node *permute(keras_placed *p)
{
	const keras_value *v = placed_get(p, "dims");
	const int rank = p->in[0]->s.rank;
	int axis[RANK_MAX] = {0};
	unsigned seen = 1;
	if (!v || v->kind != KERAS_LIST || v->n != rank - 1)
		return placed_fail(p, "dims must be %d numbers", rank - 1);
	for (int i = 0; i < v->n; i++) {
		if (v->list[i] < 1 || v->list[i] >= rank || (seen >> v->list[i] & 1))
			return placed_fail(p, "dims must be the numbers 1 to %d, each once", rank - 1);
		seen |= 1u << v->list[i];
		axis[i + 1] = (int)v->list[i];
	}
	return op_permute(p->g, p->in[0], axis);
}

static node *repeat(keras_placed *p)
{
	const int n = placed_int(p, "n", 1, 1, 1 << 24);
	if (!placed_rank(p, 2))
		return NULL;
	const int64_t B = p->in[0]->s.dim[0], C = p->in[0]->s.dim[1];
	const shape to = SHAPE(B, n, C);
	return placed_fits(p, &to) ? op_broadcast(p->g, op_reshape(p->g, p->in[0], SHAPE(B, 1, C)), to) : NULL;
}

/* [[top, bottom], [left, right]], [rows, columns] or one number. */
static void margins(keras_placed *p, const char *key, int otherwise, int64_t before[4], int64_t after[4])
{
	enum { MARGIN_MAX = 4096 };
	const keras_value *v = placed_get(p, key);
	int both[2];
	placed_must_be(p, "data_format", "channels_last");
	for (int i = 0; i < 4; i++)
		before[i] = after[i] = 0;
	if (v && v->kind == KERAS_PAIRS) {
		for (int i = 0; i < 4; i++)
			if (v->n != 4 || v->list[i] < 0 || v->list[i] > MARGIN_MAX) {
				placed_fail(p, "%s must be two pairs of numbers from 0 to %d", key, MARGIN_MAX);
				return;
			}
		for (int i = 0; i < 2; i++) {
			before[i + 1] = v->list[2 * i];
			after[i + 1] = v->list[2 * i + 1];
		}
		return;
	}
	placed_pair(p, key, otherwise, 0, MARGIN_MAX, both);
	for (int i = 0; i < 2; i++)
		before[i + 1] = after[i + 1] = both[i];
}

static node *zero_padding(keras_placed *p)
{
	int64_t before[4], after[4];
	margins(p, "padding", 1, before, after);
	return placed_rank(p, 4) ? op_pad(p->g, p->in[0], before, after) : NULL;
}

static node *cropping(keras_placed *p)
{
	int64_t lo[4], hi[4];
	margins(p, "cropping", 0, lo, hi);
	if (!placed_rank(p, 4))
		return NULL;
	for (int i = 0; i < 4; i++) {
		hi[i] = p->in[0]->s.dim[i] - hi[i];
		if (hi[i] <= lo[i])
			return placed_fail(p, "crops all of its input %s", shape_print(&p->in[0]->s).s);
	}
	return op_slice(p->g, p->in[0], lo, hi);
}

static node *rescaling(keras_placed *p)
{
	const double scale = placed_real(p, "scale", 1), offset = placed_real(p, "offset", 0);
	return p->failed ? NULL : op_add_scalar(p->g, op_scale(p->g, p->in[0], scale), offset);
}

const keras_class keras_shape_classes[] = {
	{"Reshape", 1, 1, reshape},
	{"Flatten", 1, 1, flatten},
	{"Permute", 1, 1, permute},
	{"RepeatVector", 1, 1, repeat},
	{"ZeroPadding2D", 1, 1, zero_padding},
	{"Cropping2D", 1, 1, cropping},
	{"Rescaling", 1, 1, rescaling},
	{"Dropout", 1, 1, same},
	{"SpatialDropout2D", 1, 1, same},
	{"AlphaDropout", 1, 1, same},
	{"GaussianDropout", 1, 1, same},
	{"GaussianNoise", 1, 1, same},
	{"ActivityRegularization", 1, 1, same},
	{"Identity", 1, 1, same},
	{0},
};
