/* classifier.c - see classifier.h: a stem, stages that halve the map, an end. */
#include "gan/classify/classifier.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/norm.h"

/* A convolution of 3x3, pooling in a stage's first, batch norm, ReLU. */
typedef struct unit {
	conv conv;
	batch_norm norm;
} unit;

typedef struct class_stage {
	unit down;                                   /* with pooling */
	unit block[CLASSIFIER_BLOCKS_MAX];
} class_stage;

struct classifier {
	classifier_options o;
	module *m;                                   /* own */
	int stages;
	unit stem;
	class_stage stage[CLASSIFIER_STAGES_MAX];
	dense end;
};

/* ---- sizes ---- */

static int stages_of(net_size s)
{
	int n = 0;
	for (int side = net_size_shorter(s); side >= CLASSIFIER_SIDE_MIN; side /= 2)
		n++;
	return n;
}

/* Channels of stage i: doubled twice at most, so that large images do not make large networks. */
static int width_of(const classifier_options *o, int i)
{
	return o->width << MIN(i, 2);
}

/* Half a stage's: its map is four times as large. */
static int stem_width(const classifier_options *o)
{
	return (o->width + 1) / 2;
}

static bool in_range(const char *name, int x, int lo, int hi, fault *e)
{
	return (x >= lo && x <= hi) || fault_value(e, name, x, "must be %d to %d", lo, hi);
}

static bool options_check(const classifier_options *o, fault *e)
{
	const int side = net_size_shorter(o->size), longer = MAX(o->size.h, o->size.w);
	if (!in_range("size", side, CLASSIFIER_SIDE_MIN, CLASSIFIER_SIDE_MAX, e)
		|| !in_range("size", longer, side, CLASSIFIER_SIDE_MAX, e))
		return false;
	if (o->channels != 1 && o->channels != 3)
		return fault_value(e, "channels", o->channels, "must be 1 (gray) or 3 (colour)");
	return in_range("classes", o->classes, 2, CLASSIFIER_CLASSES_MAX, e)
		&& in_range("width", o->width, 1, CLASSIFIER_WIDTH_MAX, e)
		&& in_range("blocks", o->blocks, 0, CLASSIFIER_BLOCKS_MAX, e);
}

/* ---- layers ---- */

static void unit_init(module *m, unit *u, const char *name, int64_t in, int out)
{
	conv_options o = conv_same(out, 3, (init){INIT_HE_FAN_OUT, 0}, (sn_options){0});
	o.bias = false;                              /* the norm has one */
	module_push(m, name);
	conv_init(m, &u->conv, "conv", in, o);
	batch_norm_init(m, &u->norm, "norm", out, (bn_options){BN_USUAL});
	module_pop(m);
}

static node *unit_apply(graph *g, const unit *u, node *x, bool pool, mode m)
{
	x = conv_apply(g, &u->conv, x, m);
	if (pool)
		x = op_avg_pool(g, x, (window_geometry){.kh = 2, .kw = 2, .sh = 2, .sw = 2});
	return op_relu(g, batch_norm_apply(g, &u->norm, x, m));
}

static void stage_init(classifier *c, int i)
{
	class_stage *s = &c->stage[i];
	const int in = i ? width_of(&c->o, i - 1) : stem_width(&c->o), out = width_of(&c->o, i);
	char name[32];
	snprintf(name, sizeof name, "stage%d", i + 1);
	module_push(c->m, name);
	unit_init(c->m, &s->down, "down", in, out);
	for (int k = 0; k < c->o.blocks; k++) {
		snprintf(name, sizeof name, "block%d", k + 1);
		unit_init(c->m, &s->block[k], name, out, out);
	}
	module_pop(c->m);
}

static void layers_init(classifier *c)
{
	unit_init(c->m, &c->stem, "stem", c->o.channels, stem_width(&c->o));
	for (int i = 0; i < c->stages; i++)
		stage_init(c, i);
	dense_init(c->m, &c->end, "end", classifier_feature_count(c),
		(dense_options){c->o.classes, true, .kernel_init = {INIT_GLOROT_UNIFORM, 0}});
}

classifier *classifier_new(const classifier_options *o, rng *r, fault *e)
{
	classifier *c = options_check(o, e) ? mem_zero(1, sizeof *c, e) : NULL;
	if (!c)
		return NULL;
	c->o = *o;
	c->stages = stages_of(o->size);
	c->m = module_new(e);
	if (c->m) {
		layers_init(c);
		if (module_alloc(c->m, r, e))
			return c;
	}
	classifier_free(c);
	return NULL;
}

void classifier_free(classifier *c)
{
	if (!c)
		return;
	module_free(c->m);
	free(c);
}

const classifier_options *classifier_options_of(const classifier *c)
{
	return &c->o;
}

module *classifier_module(const classifier *c)
{
	return c->m;
}

int classifier_feature_count(const classifier *c)
{
	return width_of(&c->o, c->stages - 1);
}

node *classifier_apply(graph *g, const classifier *c, node *x, mode m, node **features)
{
	x = unit_apply(g, &c->stem, x, false, m);
	for (int i = 0; i < c->stages; i++) {
		x = unit_apply(g, &c->stage[i].down, x, true, m);
		for (int k = 0; k < c->o.blocks; k++)
			x = op_add(g, x, unit_apply(g, &c->stage[i].block[k], x, false, m));
	}
	x = op_mean(g, x, 1u << 1 | 1u << 2, false);
	if (features)
		*features = x;
	return dense_apply(g, &c->end, x, m);
}
