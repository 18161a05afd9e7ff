/* run.c - layers one after the other into a graph, the graph into a plan, the plan run a batch at a time. */
#include "gan/keras/run/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/plan/plan.h"
#include "gan/keras/run/placed.h"

/* What becomes of the layers on the way: value[i] is what layer i gives; label[i] the input whose numbers it
 * passes on unchanged (as Reshape does), or -1; classes[k] the rows of the smallest table that input k picks from. */
typedef struct builder {
	const keras_model *m;
	graph *g;
	int64_t batch;
	bool dry;
	bool refused;                                /* a layer does not run here */
	node **value;                                /* own, [layers] */
	int *label;                                  /* own, [layers] */
	int *mask;                                   /* own, [layers]: the Embedding whose mask Keras carries along with
	                                              * the value of layer i, or -1 */
	buffer *input[KERAS_INPUTS];                 /* own until taken */
	int64_t classes[KERAS_INPUTS];
	buffer ***weight;                            /* own until taken; [layers][weights] */
	fault *e;
} builder;

struct keras_run {
	graph *g;
	plan *p;
	void *arena;                                 /* own; the plan's */
	node *out;
	int64_t batch;
	int inputs, layers;
	char name[KERAS_INPUTS][KERAS_LAYER];
	buffer *input[KERAS_INPUTS];                 /* own; [batch, ..] */
	real *host[KERAS_INPUTS];                    /* own; the same */
	int64_t classes[KERAS_INPUTS];
	int *weights;                                /* own, [layers] */
	buffer ***weight;                            /* own, [layers][weights] */
};

/* ---- building ---- */

/* "layer #3 (named bn, BatchNormalization): reason" */
static bool blame(builder *b, int i, const char *reason)
{
	const keras_layer *l = &b->m->layer[i];
	b->refused = true;
	return fault_set(b->e, "layer #%d (named %s, %s): %.400s", i, l->name, l->class_name, reason);
}

/* Which argument of the model layer i is, or -1. */
static int argument_of(const keras_model *m, int i)
{
	for (int k = 0; k < m->inputs; k++)
		if (m->input[k] == i)
			return k;
	return -1;
}

static bool add_input(builder *b, int i)
{
	const keras_layer *l = &b->m->layer[i];
	const keras_value *v = keras_get(l, "batch_input_shape");
	const int k = argument_of(b->m, i);
	shape s = {.rank = v && v->kind == KERAS_LIST ? v->n : 0, .dim = {b->batch, 1, 1, 1, 1, 1, 1, 1}};
	double all = (double)b->batch;
	char reason[80];
	if (k < 0)
		return blame(b, i, "is no input of the model");
	if (s.rank < 1)
		return blame(b, i, "needs the setting batch_input_shape");
	for (int j = 1; j < s.rank; j++) {
		s.dim[j] = v->list[j];
		if (s.dim[j] == -1) {
			snprintf(reason, sizeof reason, "axis %d has no fixed size (null); build the model with fixed "
				"sizes", j);
			return blame(b, i, reason);
		}
		all *= (double)s.dim[j];
		if (s.dim[j] < 1 || all > (double)(INT64_C(1) << 36))
			return blame(b, i, "its shape must have sizes from 1 on, and be small enough for memory");
	}
	if (b->dry) {
		b->value[i] = op_fill(b->g, s, 0);
	} else {
		b->input[k] = buffer_new(l->name, s, b->e);
		if (!b->input[k])
			return false;
		b->value[i] = graph_leaf(b->g, b->input[k]);
	}
	b->label[i] = k;
	b->mask[i] = -1;
	return true;
}

static bool is_one_of(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name, list[i]))
			return true;
	return false;
}

/* A layer that looks up rows needs whole numbers in range, which only inputs can be checked for. */
static bool note_labels(builder *b, int i)
{
	const keras_layer *l = &b->m->layer[i];
	const bool wrapped = !strcmp(l->class_name, "SpectralNormalization");
	const char *class_name = wrapped ? keras_text(l, "layer", "") : l->class_name;
	const bool table = !strcmp(class_name, "Embedding") || !strcmp(class_name, "sagan>SpectralEmbedding");
	const bool own = !strcmp(class_name, "sagan>ConditionalScaleShift");
	/* whose numbers are those of their input, perhaps in another shape */
	static const char *const same[] = {"Reshape", "Flatten", "Identity", "Dropout"};
	b->label[i] = is_one_of(class_name, same, COUNT(same)) ? b->label[l->in[0]] : -1;
	if (!table && !own)
		return true;
	const int k = b->label[l->in[own ? 1 : 0]];
	const int64_t rows = (int64_t)keras_number(l, own ? "classes" : "input_dim", 0);
	if (k < 0)
		return blame(b, i, "its labels are computed, not an input of the model; that is not supported");
	if (wrapped && strstr(keras_text(&b->m->layer[b->m->input[k]], "dtype", "float32"), "int"))
		return blame(b, i, "Keras 3 casts what it gives to the type of its input, whole numbers; that is not "
			"supported");
	b->classes[k] = b->classes[k] ? MIN(b->classes[k], rows) : rows;
	return true;
}

/* An Embedding with mask_zero marks the tokens 0. What is computed is the same with and without the mark, except in
 * layers that leave such tokens out; some hand it on, all others lose it (what Keras 3.15 does, tried class by class;
 * Keras 2 refuses where Keras 3 loses it). */
static bool note_mask(builder *b, int i)
{
	static const char *const heeds[] = {"Attention", "AdditiveAttention", "MultiHeadAttention", "Softmax"};
	static const char *const keeps[] = {
		"Dense", "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "BatchNormalization", "LayerNormalization",
		"GroupNormalization", "Rescaling", "Identity", "Dropout", "SpatialDropout2D", "AlphaDropout",
		"GaussianDropout", "GaussianNoise", "ActivityRegularization", "Add", "Subtract", "Multiply", "Average",
		"Maximum", "Minimum", "Concatenate",
	};
	const keras_layer *l = &b->m->layer[i];
	int from = -1;
	char text[300];
	for (int k = 0; k < l->nin; k++)
		from = from < 0 ? b->mask[l->in[k]] : from;
	if (from >= 0 && is_one_of(l->class_name, heeds, COUNT(heeds))) {
		snprintf(text, sizeof text, "mask_zero of layer %.200s is not supported where attention follows",
			b->m->layer[from].name);
		return blame(b, i, text);
	}
	b->mask[i] = is_one_of(l->class_name, keeps, COUNT(keeps)) ? from : -1;
	if (!strcmp(l->class_name, "Embedding") && keras_number(l, "mask_zero", 0) != 0)
		b->mask[i] = i;
	return true;
}

static bool add_layer(builder *b, int i, keras_wants *wants)
{
	const keras_layer *l = &b->m->layer[i];
	const keras_class *single = b->m->ops ? keras_op_of(l->class_name) : NULL;
	const keras_class *c = single ? single : keras_class_of(l->class_name);
	fault why = {.text = ""};
	char text[160];
	keras_placed p = {
		.g = b->g, .layer = l, .nin = l->nin, .dry = b->dry, .buf = b->dry ? NULL : b->weight[i], .e = &why,
	};
	if (!c)
		return blame(b, i, "the class is not known");
	if (l->nin < c->least || l->nin > c->most) {
		snprintf(text, sizeof text, "has %d inputs; it takes %d to %d", l->nin, c->least, c->most);
		return blame(b, i, text);
	}
	for (int k = 0; k < l->nin; k++)
		p.in[k] = b->value[l->in[k]];
	graph_push(b->g, l->name);
	node *y = c->apply(&p);
	graph_pop(b->g);
	if (!graph_ok(b->g, &why)) {                 /* first: what such a graph says of shapes is not true */
		blame(b, i, why.text);
		b->refused = false;                  /* memory, or shapes that do not fit in any Keras */
		return false;
	}
	if (!p.failed && !single)
		placed_known(&p);
	if (p.failed || !placed_fits(&p, &y->s))
		return blame(b, i, why.text);
	if (!b->dry && p.wants.n != l->weights) {
		snprintf(text, sizeof text, "expects %d weight(s), received %d", p.wants.n, l->weights);
		return blame(b, i, text);
	}
	b->value[i] = y;
	if (wants)
		*wants = p.wants;
	return note_mask(b, i) && note_labels(b, i);
}

/* Weights of layer i as buffers. */
static bool copy_weights(builder *b, int i)
{
	const keras_layer *l = &b->m->layer[i];
	b->weight[i] = mem_zero((size_t)l->weights, sizeof *b->weight[i], b->e);
	for (int k = 0; b->weight[i] && k < l->weights; k++) {
		const keras_weight *w = &l->weight[k];
		char name[KERAS_LAYER + KERAS_NAME];
		snprintf(name, sizeof name, "%s/%s", l->name, w->name);
		buffer *buf = b->weight[i][k] = buffer_new(name, w->s, b->e);
		if (!buf)
			return false;
		buffer_write(buf, w->x);
	}
	return b->weight[i] != NULL;
}

/* All layers in their order; wants [layers] or NULL. */
static bool add_layers(builder *b, keras_wants *wants)
{
	const keras_model *m = b->m;
	if (!m->topology)
		return fault_set(b->e, "a file of weights alone: there is no network in it");
	if (m->inputs < 1 || m->outputs < 1)
		return fault_set(b->e, "a network without an input or an output");
	for (int i = 0; i < m->layers; i++) {
		const bool input = !strcmp(m->layer[i].class_name, "InputLayer");
		if (!b->dry && !copy_weights(b, i))
			return false;
		if (input ? !add_input(b, i) : !add_layer(b, i, wants ? &wants[i] : NULL))
			return false;
	}
	return true;
}

static bool builder_start(builder *b, const keras_model *m, int64_t batch, bool dry, fault *e)
{
	*b = (builder){.m = m, .batch = batch, .dry = dry, .e = e};
	b->g = graph_new(e);
	b->value = b->g ? mem_zero((size_t)m->layers, sizeof *b->value, e) : NULL;
	b->label = b->value ? mem_zero((size_t)m->layers, sizeof *b->label, e) : NULL;
	b->mask = b->label ? mem_zero((size_t)m->layers, sizeof *b->mask, e) : NULL;
	b->weight = b->mask && !dry ? mem_zero((size_t)m->layers, sizeof *b->weight, e) : NULL;
	return b->mask && (dry || b->weight);
}

bool keras_run_wants(const keras_model *m, keras_wants *wants, bool *refused, fault *e)
{
	builder b;
	memset(wants, 0, (size_t)m->layers * sizeof *wants);
	const bool ok = builder_start(&b, m, 1, true, e) && add_layers(&b, wants);
	graph_free(b.g);
	free(b.value);
	free(b.label);
	free(b.mask);
	*refused = b.refused;
	return ok;
}

/* ---- the network ---- */

void keras_run_free(keras_run *n)
{
	if (!n)
		return;
	plan_free(n->p);
	free(n->arena);
	graph_free(n->g);
	for (int i = 0; i < n->layers && n->weight; i++) {
		for (int k = 0; n->weight[i] && k < n->weights[i]; k++)
			buffer_free(n->weight[i][k]);
		free(n->weight[i]);
	}
	for (int k = 0; k < KERAS_INPUTS; k++) {
		buffer_free(n->input[k]);
		free(n->host[k]);
	}
	free(n->weight);
	free(n->weights);
	free(n);
}

/* How many weights each layer has: known before there is one, so that a net that is not complete can be freed. */
static bool count_weights(keras_run *n, const keras_model *m, fault *e)
{
	n->layers = m->layers;
	n->weights = mem_zero((size_t)m->layers, sizeof *n->weights, e);
	for (int i = 0; n->weights && i < m->layers; i++)
		n->weights[i] = m->layer[i].weights;
	return n->weights != NULL;
}

/* The net takes what the builder made, whether or not that is complete. */
static void take_over(keras_run *n, const builder *b)
{
	const keras_model *m = b->m;
	n->g = b->g;
	n->weight = b->weight;
	n->inputs = m->inputs;
	memcpy(n->input, b->input, sizeof n->input);
	memcpy(n->classes, b->classes, sizeof n->classes);
	for (int k = 0; k < m->inputs; k++)
		snprintf(n->name[k], sizeof n->name[k], "%s", m->layer[m->input[k]].name);
}

/* What a file makes of its shapes must fit this machine. */
static bool enough_memory(const plan *p, fault *e)
{
	const double has = machine_memory();
	return (double)plan_bytes(p) <= has
		|| fault_set(e, "the network needs %.1f GB of memory, this machine has %.1f GB",
			(double)plan_bytes(p) * 1e-9, has * 1e-9);
}

static bool finish(keras_run *n, const builder *b, fault *e)
{
	const keras_model *m = b->m;
	if (m->outputs != 1)
		return fault_set(e, "a network of %d outputs; only one is supported", m->outputs);
	n->out = b->value[m->output[0]];
	for (int k = 0; k < n->inputs; k++) {
		if (!n->input[k])
			return fault_set(e, "input %d of the network is missing", k);
		n->host[k] = mem_zero((size_t)shape_count(&n->input[k]->s), sizeof(real), e);
		if (!n->host[k])
			return false;
	}
	n->p = plan_new(n->g, &n->out, 1, PLAN_UNBOUND, e);
	n->arena = n->p && enough_memory(n->p, e) ? mem_aligned(plan_bytes(n->p), e) : NULL;
	if (n->arena)
		plan_bind(n->p, n->arena);
	return n->arena != NULL;
}

keras_run *keras_run_new(const keras_model *m, int64_t batch, fault *e)
{
	builder b;
	keras_run *n = mem_zero(1, sizeof *n, e);
	must(batch > 0, "keras_run_new with a batch of %lld", (long long)batch);
	if (!n)
		return NULL;
	n->batch = batch;
	if (!count_weights(n, m, e)) {
		keras_run_free(n);
		return NULL;
	}
	bool ok = builder_start(&b, m, batch, false, e) && add_layers(&b, NULL);
	take_over(n, &b);
	ok = ok && finish(n, &b, e);
	free(b.value);
	free(b.label);
	free(b.mask);
	if (ok)
		return n;
	keras_run_free(n);
	return NULL;
}

/* ---- questions ---- */

static shape one_sample(shape s)
{
	shape out = {.rank = s.rank - 1, .dim = {1, 1, 1, 1, 1, 1, 1, 1}};
	for (int i = 1; i < s.rank; i++)
		out.dim[i - 1] = s.dim[i];
	return out;
}

int keras_run_inputs(const keras_run *n)
{
	return n->inputs;
}

const char *keras_run_input_name(const keras_run *n, int i)
{
	return n->name[i];
}

shape keras_run_input_shape(const keras_run *n, int i)
{
	return one_sample(n->input[i]->s);
}

int64_t keras_run_classes(const keras_run *n, int i)
{
	return n->classes[i];
}

shape keras_run_output_shape(const keras_run *n)
{
	return one_sample(n->out->s);
}

/* ---- running ---- */

static bool labels_check(const keras_run *n, int64_t count, const real *const *inputs, fault *e)
{
	for (int k = 0; k < n->inputs; k++) {
		const int64_t size = count * (shape_count(&n->input[k]->s) / n->batch);
		for (int64_t i = 0; n->classes[k] && i < size; i++) {
			const double x = (double)inputs[k][i];
			if (!(x >= 0 && x < (double)n->classes[k] && x == floor(x)))
				return fault_set(e, "input %s: label %g must be a whole number from 0 to %" PRId64,
					n->name[k], x, n->classes[k] - 1);
		}
	}
	return true;
}

/* The last batch is filled up with what the one before left: each sample is alone. */
bool keras_run_predict(keras_run *net, int64_t n, const real *const *inputs, real *out, fault *e)
{
	const int64_t size = shape_count(&net->out->s) / net->batch;
	if (!labels_check(net, n, inputs, e))
		return false;
	for (int64_t lo = 0; lo < n; lo += net->batch) {
		const int64_t count = MIN(net->batch, n - lo);
		for (int k = 0; k < net->inputs; k++) {
			const int64_t part = shape_count(&net->input[k]->s) / net->batch;
			memcpy(net->host[k], inputs[k] + lo * part, (size_t)(count * part) * sizeof(real));
			buffer_write(net->input[k], net->host[k]);
		}
		plan_run(net->p);
		memcpy(out + lo * size, plan_value(net->p, net->out), (size_t)(count * size) * sizeof *out);
	}
	return true;
}
