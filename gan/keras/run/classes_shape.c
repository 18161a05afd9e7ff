/* classes_shape.c - layers of Keras that move, pad or scale values, and those that do nothing when a
 * network predicts. */
#include <string.h>

#include "gan/keras/run/placed.h"

static node *same(site *s)
{
	return s->in[0];
}

/* target_shape without the batch; one -1 takes what is left. */
static node *reshape(site *s)
{
	const keras_value *v = keras_get(s->l, "target_shape");
	if (!v || v->kind != KERAS_LIST || v->n < 1 || v->n >= RANK_MAX)
		return site_fail(s, "needs the setting target_shape, 1 to %d numbers", RANK_MAX - 1);
	const int64_t B = s->in[0]->s.dim[0], all = shape_count(&s->in[0]->s) / B;
	shape to = {.rank = v->n + 1, .dim = {B, 1, 1, 1, 1, 1, 1, 1}};
	int open = 0;
	int64_t known = 1;
	for (int i = 0; i < v->n; i++) {
		const int64_t n = v->list[i];
		if (n == -1 && !open)
			open = i + 1;
		else if (n < 1 || n > all || (known *= n) > all)
			return site_fail(s, "target_shape does not have the %lld elements of its input", (long long)all);
		to.dim[i + 1] = n;
	}
	if (open)
		to.dim[open] = all / known;
	if (open ? all % known : known != all)
		return site_fail(s, "target_shape does not have the %lld elements of its input", (long long)all);
	return op_reshape(s->g, s->in[0], to);
}

static node *flatten(site *s)
{
	site_must_be(s, "data_format", "channels_last");
	if (s->failed)
		return NULL;
	const int64_t B = s->in[0]->s.dim[0];
	return op_reshape(s->g, s->in[0], SHAPE(B, shape_count(&s->in[0]->s) / B));
}

/* dims count from 1; the batch stays. */
static node *permute(site *s)
{
	const keras_value *v = keras_get(s->l, "dims");
	const int rank = s->in[0]->s.rank;
	int axis[RANK_MAX] = {0};
	unsigned seen = 1;
	if (!v || v->kind != KERAS_LIST || v->n != rank - 1)
		return site_fail(s, "dims must be %d numbers", rank - 1);
	for (int i = 0; i < v->n; i++) {
		if (v->list[i] < 1 || v->list[i] >= rank || (seen >> v->list[i] & 1))
			return site_fail(s, "dims must be the numbers 1 to %d, each once", rank - 1);
		seen |= 1u << v->list[i];
		axis[i + 1] = (int)v->list[i];
	}
	return op_permute(s->g, s->in[0], axis);
}

static node *repeat(site *s)
{
	const int n = site_int(s, "n", 1, 1, 1 << 24);
	if (!site_rank(s, 2))
		return NULL;
	const int64_t B = s->in[0]->s.dim[0], C = s->in[0]->s.dim[1];
	const shape to = SHAPE(B, n, C);
	return site_fits(s, &to) ? op_broadcast(s->g, op_reshape(s->g, s->in[0], SHAPE(B, 1, C)), to) : NULL;
}

/* [[top, bottom], [left, right]], [rows, columns] or one number. */
static void margins(site *s, const char *key, int otherwise, int64_t before[4], int64_t after[4])
{
	enum { MARGIN_MAX = 4096 };
	const keras_value *v = keras_get(s->l, key);
	int both[2];
	site_must_be(s, "data_format", "channels_last");
	for (int i = 0; i < 4; i++)
		before[i] = after[i] = 0;
	if (v && v->kind == KERAS_PAIRS) {
		for (int i = 0; i < 4; i++)
			if (v->n != 4 || v->list[i] < 0 || v->list[i] > MARGIN_MAX) {
				site_fail(s, "%s must be two pairs of numbers from 0 to %d", key, MARGIN_MAX);
				return;
			}
		for (int i = 0; i < 2; i++) {
			before[i + 1] = v->list[2 * i];
			after[i + 1] = v->list[2 * i + 1];
		}
		return;
	}
	site_pair(s, key, otherwise, 0, MARGIN_MAX, both);
	for (int i = 0; i < 2; i++)
		before[i + 1] = after[i + 1] = both[i];
}

static node *zero_padding(site *s)
{
	int64_t before[4], after[4];
	margins(s, "padding", 1, before, after);
	return site_rank(s, 4) ? op_pad(s->g, s->in[0], before, after) : NULL;
}

static node *cropping(site *s)
{
	int64_t lo[4], hi[4];
	margins(s, "cropping", 0, lo, hi);
	if (!site_rank(s, 4))
		return NULL;
	for (int i = 0; i < 4; i++) {
		hi[i] = s->in[0]->s.dim[i] - hi[i];
		if (hi[i] <= lo[i])
			return site_fail(s, "crops all of its input %s", shape_print(&s->in[0]->s).s);
	}
	return op_slice(s->g, s->in[0], lo, hi);
}

static node *rescaling(site *s)
{
	const double scale = site_real(s, "scale", 1), offset = site_real(s, "offset", 0);
	return s->failed ? NULL : op_add_scalar(s->g, op_scale(s->g, s->in[0], scale), offset);
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
