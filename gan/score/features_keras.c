/* features_keras.c - a layer of a Keras model as features: FILE.keras or a full .h5, FILE:LAYER, FILE:RANGE,
 * FILE:LAYER:RANGE.
 *
 * LAYER: without it, what the last Dense layer gets. Of a map [h,w,c] the mean over its positions is taken. RANGE
 * (DATA_RANGE_WORDS, data/dataset.h) says what the model's numbers mean; without it 0..255 where the model begins
 * with a Rescaling, resizing, cropping, padding and noise before it or not, else 0..1. Images of another size are
 * resized bilinearly, gray ones become three equal channels where the model wants them. The model's own result, where
 * it is a row of two numbers or more, gives the classes: probabilities, or logits, whichever those of a black image
 * look like. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "data/range.h"
#include "gan/keras/file/read.h"
#include "gan/keras/run/run.h"
#include "gan/keras/run/values.h"
#include "gan/score/features_internal.h"

enum { BATCH = 32, D_MAX = 1 << 16 };

typedef struct source {
	keras_run *layer, *whole;                    /* own; whole: NULL without classes */
	shape image, out;                            /* what the model takes; what the layer gives */
	bool logits;                                 /* the whole model gives these */
	node *ready;                                 /* images as the model wants them, [batch, image] */
	plan *p;                                     /* own; makes them */
	real *map;                                   /* own; [batch, out] */
} source;

static void free_source(void *net)
{
	source *s = net;
	plan_free(s->p);
	keras_run_free(s->layer);
	keras_run_free(s->whole);
	free(s->map);
	free(s);
}

/* ---- which layer, which range ---- */

static bool range_named(const char *name, size_t n, enum data_range *out)
{
	for (int r = RANGE_AUTO + 1; r < RANGES; r++)
		if (strlen(data_range_name[r]) == n && strncmp(data_range_name[r], name, n) == 0)
			return *out = (enum data_range)r, true;
	return false;
}

/* The layer before the last Dense on the way back from the result. */
static int usual_layer(const keras_model *m)
{
	int i = m->output[0];
	while (m->layer[i].nin > 0 && strcmp(m->layer[i].class_name, "Dense") != 0)
		i = m->layer[i].in[0];
	return m->layer[i].nin > 0 ? m->layer[i].in[0] : m->output[0];
}

/* Before the Rescaling the images may be resized, cropped or padded; a border of zeros is black in 0..255, too. */
static enum data_range usual_range(const keras_model *m)
{
	int at = m->input[0];
	for (int i = 0; i < m->layers; i++) {        /* a layer stands behind its inputs */
		const keras_layer *l = &m->layer[i];
		if (l->nin != 1 || l->in[0] != at)
			continue;
		if (strcmp(l->class_name, "Rescaling") == 0)
			return RANGE_0_255;
		if (!keras_keeps_values(l->class_name) && strcmp(l->class_name, "ZeroPadding2D") != 0)
			return RANGE_0_1;
		at = i;
	}
	return RANGE_0_1;
}

/* "LAYER", "RANGE", "LAYER:RANGE". */
static bool read_option(const keras_model *m, const char *option, int *layer, enum data_range *range, fault *e)
{
	const char *colon = strrchr(option, ':'), *last = colon ? colon + 1 : option;
	const word_list ranges = DATA_RANGE_WORDS;
	char name[KERAS_LAYER] = "", known[64];
	*layer = usual_layer(m);
	*range = usual_range(m);
	const bool has_range = range_named(last, strlen(last), range);
	const size_t n = has_range ? (colon ? (size_t)(colon - option) : 0) : strlen(option);
	if (n == 0)
		return true;
	snprintf(name, sizeof name, "%.*s", (int)MIN(n, sizeof name - 1), option);
	*layer = keras_find(m, name);
	if (*layer >= 0)
		return true;
	const char *near = NULL, *names[256];
	for (int i = 0; i < MIN(m->layers, COUNT(names)); i++)
		names[i] = m->layer[i].name;
	near = text_closest(name, names, MIN(m->layers, COUNT(names)));
	return fault_set(e, ":%.60s: no such layer%s%.60s%s, and no range (%s)", name, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "", words_print(ranges, known, sizeof known));
}

/* ---- images as the model wants them ---- */

static bool takes_images(source *s, fault *e)
{
	if (keras_run_inputs(s->layer) != 1)
		return fault_set(e, "no classifier of images: it has %d inputs", keras_run_inputs(s->layer));
	s->image = keras_run_input_shape(s->layer, 0);
	const int64_t c = shape_last(&s->image);
	return (s->image.rank == 3 && (c == 1 || c == 3))
		|| fault_set(e, "no classifier of images: its input is %s; [H,W,1] and [H,W,3] are read",
			shape_print(&s->image).s);
}

static bool images_ready(source *s, feature_net *n, const dataset *like, enum data_range range, fault *e)
{
	const double black = range_black(range), half = (range_white(range) - black) / 2;
	const int64_t h = s->image.dim[0], w = s->image.dim[1], c = s->image.dim[2];
	node *x = graph_leaf(n->g, n->x);
	if (c < like->c)
		return fault_set(e, "its images are gray, these have colours");
	if (h != like->h || w != like->w)
		x = op_resize_bilinear(n->g, x, h, w);
	if (c > like->c)
		x = op_concat(n->g, (node *[]){x, x, x}, 3, 3);
	s->ready = op_add_scalar(n->g, op_scale(n->g, x, half), black + half);
	s->p = plan_new(n->g, &s->ready, 1, 0, e);
	return s->p != NULL;
}

/* ---- opening ---- */

/* Whether the model's result on a black image is no row of probabilities. */
static bool gives_logits(source *s, int64_t K, double black, bool *logits, fault *e)
{
	const int64_t size = shape_count(&s->image);
	real *x = mem_new((size_t)(size + K), sizeof *x, e), *y = x + size;
	double sum = 0;
	bool negative = false;
	for (int64_t i = 0; x && i < size; i++)
		x[i] = (real)black;
	const bool ok = x && keras_run_predict(s->whole, 1, (const real *const[]){x}, y, e);
	for (int64_t k = 0; ok && k < K; k++) {
		negative = negative || y[k] < 0;
		sum += (double)y[k];
	}
	*logits = negative || !(fabs(sum - 1) < 1e-3);
	free(x);
	return ok;
}

static bool open_runs(source *s, feature_net *n, keras_model *m, int layer, double black, fault *e)
{
	const int result = m->output[0];
	s->whole = keras_run_new(m, BATCH, e);
	m->output[0] = layer;
	s->layer = s->whole ? keras_run_new(m, BATCH, e) : NULL;
	m->output[0] = result;
	if (!s->layer || !takes_images(s, e))
		return false;
	s->out = keras_run_output_shape(s->layer);
	const shape row = keras_run_output_shape(s->whole);
	n->D = s->out.rank == 3 ? shape_last(&s->out) : shape_count(&s->out);
	n->K = row.rank == 1 && row.dim[0] > 1 && result != layer ? row.dim[0] : 0;
	if (n->D > D_MAX)
		return fault_set(e, "%.60s gives %lld numbers; at most %d are compared: name a later layer",
			m->layer[layer].name, (long long)n->D, D_MAX);
	if (n->K == 0) {
		keras_run_free(s->whole);
		s->whole = NULL;
	}
	s->map = mem_new((size_t)(BATCH * shape_count(&s->out)), sizeof *s->map, e);
	return s->map && (n->K == 0 || gives_logits(s, n->K, black, &s->logits, e));
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool open_model(feature_net *n, keras_model *m, const feature_file *f, const dataset *like, fault *e)
{
	source *s = n->net = mem_zero(1, sizeof *s, e);
	int layer;
	enum data_range range;
	if (!s || !read_option(m, f->option, &layer, &range, e)
		|| !open_runs(s, n, m, layer, range_black(range), e) || !images_ready(s, n, like, range, e))
		return false;
	snprintf(n->about, sizeof n->about, "%.80s, layer %.60s%s, images %.40s in %s", last_part(f->path),
		m->layer[layer].name, s->out.rank == 3 ? " (mean)" : "", shape_print(&s->image).s,
		data_range_name[range]);
	return true;
}

static bool open_keras(feature_net *n, const feature_file *f, const dataset *like, fault *e)
{
	keras_model *m = keras_read(f->path, NULL, e);
	if (!m)
		return false;
	const bool ok = m->topology && m->outputs == 1 && m->inputs > 0 ? open_model(n, m, f, like, e)
		: fault_set(e, "no classifier: a whole model with one result is read");
	keras_model_free(m);
	return ok;
}

static bool is_keras(const feature_file *f)
{
	return (!f->h5 && f->n > 4 && memcmp(f->bytes, "PK\003\004", 4) == 0)
		|| (f->h5 && h5_attr_exists(f->h5, "/", "model_config"));
}

/* ---- running ---- */

static void mean_of_maps(const source *s, int64_t n, int64_t D, real *x)
{
	const int64_t positions = shape_count(&s->out) / D;
	for (int64_t i = 0; i < n; i++)
		for (int64_t d = 0; d < D; d++) {
			double sum = 0;
			for (int64_t p = 0; p < positions; p++)
				sum += (double)s->map[(i * positions + p) * D + d];
			x[i * D + d] = (real)(sum / (double)positions);
		}
}

static void softmax(real *z, int64_t K)
{
	double top = (double)z[0], sum = 0;
	for (int64_t k = 1; k < K; k++)
		top = MAX(top, (double)z[k]);
	for (int64_t k = 0; k < K; k++)
		sum += exp((double)z[k] - top);
	for (int64_t k = 0; k < K; k++)
		z[k] = (real)(exp((double)z[k] - top) / sum);
}

static bool run_keras(feature_net *net, int64_t n, real *x, real *probability, fault *e)
{
	const source *s = net->net;
	plan_run(s->p);
	const real *const in[] = {plan_value(s->p, s->ready)};
	if (!keras_run_predict(s->layer, n, in, s->map, e)
		|| (probability && !keras_run_predict(s->whole, n, in, probability, e)))
		return false;
	mean_of_maps(s, n, net->D, x);
	for (int64_t i = 0; probability && s->logits && i < n; i++)
		softmax(probability + i * net->K, net->K);
	return true;
}

extern const feature_kind features_keras;
const feature_kind features_keras = {
	.batch = BATCH, .is = is_keras, .open = open_keras, .free = free_source, .run = run_keras,
};
