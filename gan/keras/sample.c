/* sample.c - the kind of sampler that a file of Keras is. */
#include "gan/keras/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/range.h"
#include "gan/keras/file/read.h"
#include "gan/keras/run/run.h"
#include "gan/keras/run/values.h"
#include "gan/sample/request.h"

typedef struct source {
	keras_run *net;                              /* own */
	int z, y;                                    /* inputs; y -1: no labels */
	enum data_range range;                       /* of its numbers */
} source;

/* The file's own numbers. */
static bool predict(const source *s, int64_t n, const real *z, const real *label, real *images, fault *e)
{
	const real *in[2] = {z, label};
	if (s->y == 0) {
		in[0] = label;
		in[1] = z;
	}
	return keras_run_predict(s->net, n, in, images, e);
}

static bool run(void *ctx, int64_t n, const real *z, const real *label, real *images, fault *e)
{
	const source *s = ctx;
	const shape image = keras_run_output_shape(s->net);
	const double black = range_black(s->range), scale = 2 / (range_white(s->range) - black);
	if (!predict(s, n, z, label, images, e))
		return false;
	for (int64_t i = 0; s->range != RANGE_SIGNED && i < n * shape_count(&image); i++)
		images[i] = (real)(((double)images[i] - black) * scale - 1);
	return true;
}

static void drop(void *ctx)
{
	source *s = ctx;
	keras_run_free(s->net);
	free(s);
}

/* Which input is which; *out says how large everything is. */
static bool is_generator(const char *path, source *s, sampler_facts *out, fault *e)
{
	const keras_run *n = s->net;
	const shape image = keras_run_output_shape(n);
	const int inputs = keras_run_inputs(n);
	s->z = s->y = -1;
	for (int k = 0; k < inputs; k++) {
		const shape in = keras_run_input_shape(n, k);
		*(keras_run_classes(n, k) && shape_count(&in) == 1 ? &s->y : &s->z) = k;
	}
	if (s->z < 0 || inputs != 1 + (s->y >= 0))
		return fault_set(e, "%s: no generator: it has %d inputs; one of latents, and perhaps one of labels, "
			"are expected", path, inputs);
	const shape z = keras_run_input_shape(n, s->z);
	if (z.rank != 1)
		return fault_set(e, "%s: no generator: its input %s has the shape %s; latents are [Z]", path,
			keras_run_input_name(n, s->z), shape_print(&z).s);
	if (image.rank != 3 || (image.dim[2] != 1 && image.dim[2] != 3) || image.dim[0] > 65536 || image.dim[1] > 65536)
		return fault_set(e, "%s: no generator: its output has the shape %s; images are [H,W,1] or [H,W,3]",
			path, shape_print(&image).s);
	out->latent = z.dim[0];
	out->image = image;
	out->classes = s->y >= 0 ? (int)keras_run_classes(n, s->y) : 0;
	return true;
}

/* ---- what the numbers mean ---- */

enum { SEEN = 64, SEED = 1 };

/* Some images of all classes, counted. */
static bool look_at(const source *s, const sampler_facts *f, range_count *count, fault *e)
{
	const int64_t size = shape_count(&f->image);
	real *z = mem_new((size_t)(SEEN * f->latent), sizeof *z, e), *label = mem_new(SEEN, sizeof *label, e);
	real *x = mem_new((size_t)(SEEN * size), sizeof *x, e);
	bool ok = z && label && x;
	for (int i = 0; ok && i < SEEN; i++) {
		request_latent(f->latent, SEED, i, 0, z + i * f->latent);
		label[i] = (real)(f->classes ? i % f->classes : 0);
	}
	ok = ok && predict(s, SEEN, z, label, x, e);
	if (ok)
		range_count_reals(count, x, SEEN * size);
	free(z);
	free(label);
	free(x);
	return ok;
}

static bool by_statistic(source *s, const sampler_facts *f, keras_drawing *d, fault *e)
{
	range_count *count = range_count_new(e);
	range_found found;
	fault why;
	const bool ok = count && look_at(s, f, count, e);
	if (ok && range_decide(count, RANGE_AUTO, f->path, &found, &why)) {
		s->range = found.range;
		range_print(&found, d->decided, sizeof d->decided);
		const size_t n = strlen(d->decided);
		if (n + 1 < sizeof d->decided && range_warning(&found, d->decided + n + 1, sizeof d->decided - n - 1))
			d->decided[n] = '\n';
	} else if (ok) {
		s->range = RANGE_SIGNED;
		snprintf(d->decided, sizeof d->decided, "range: -1..1, for want of better: the last activation has no "
			"bounds, and the numbers fit no range; --range says it");
	}
	range_count_free(count);
	return ok;
}

/* Who asks, decides; else the last activation, if its bounds are a range; else what some images look like. */
static bool decide(source *s, const sampler_facts *f, const keras_values *v, keras_drawing *d, fault *e)
{
	s->range = d->range;
	for (int r = RANGE_AUTO + 1; s->range == RANGE_AUTO && v->activation && r < RANGES; r++)
		if (range_black(r) == v->lo && range_white(r) == v->hi)
			s->range = (enum data_range)r;
	if (s->range == RANGE_AUTO)
		return by_statistic(s, f, d, e);
	snprintf(d->decided, sizeof d->decided, "range: %s, %s%s", data_range_name[s->range],
		d->range == RANGE_AUTO ? "by the last activation, " : "as asked for",
		d->range == RANGE_AUTO ? v->activation : "");
	return true;
}

static const sampler_kind of_file = {.run = run, .free = drop};

sampler *keras_sampler_open(const char *path, keras_drawing *d, int64_t batch, fault *e)
{
	fault why = {.text = ""};
	keras_drawing none = {.json = NULL};
	keras_values v = {.activation = NULL};
	sampler_facts facts = {.path = path, .step = -1, .batch = batch};
	source *s = mem_zero(1, sizeof *s, e);
	d = d ? d : &none;
	keras_model *m = s ? keras_read(path, &(keras_read_options){.json = d->json}, e) : NULL;
	if (m)
		v = keras_output_values(m);
	if (m && !(s->net = keras_run_new(m, batch, &why)))
		fault_set(e, "%s: %.900s%s", path, why.text, m->topology ? "" : " (--model FILE.json gives it)");
	keras_model_free(m);
	if (s && s->net && is_generator(path, s, &facts, e) && decide(s, &facts, &v, d, e))
		return sampler_of(&of_file, s, &facts, e);
	if (s)
		drop(s);
	return NULL;
}
