/* sample.c - the kind of sampler that a file of Keras is. */
#include "gan/keras/sample.h"

#include <stdlib.h>

#include "core/base/local.h"
#include "gan/keras/run/run.h"
#include "gan/keras/file/read.h"

typedef struct source {
	keras_run *net;                              /* own */
	int z, y;                                    /* inputs; y -1: no labels */
} source;

static bool run(void *ctx, int64_t n, const real *z, const real *label, real *images, fault *e)
{
	const source *s = ctx;
	const real *in[2] = {z, label};
	if (s->y == 0) {
		in[0] = label;
		in[1] = z;
	}
	return keras_run_predict(s->net, n, in, images, e);
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

static const sampler_kind of_file = {.run = run, .free = drop};

sampler *keras_sampler_open(const char *path, int64_t batch, fault *e)
{
	fault why = {.text = ""};
	sampler_facts facts = {.path = path, .step = -1, .batch = batch};
	source *s = mem_zero(1, sizeof *s, e);
	keras_model *m = s ? keras_read(path, NULL, e) : NULL;
	if (m && !(s->net = keras_run_new(m, batch, &why)))
		fault_set(e, "%s: %.900s", path, why.text);
	keras_model_free(m);
	if (s && s->net && is_generator(path, s, &facts, e))
		return sampler_of(&of_file, s, &facts, e);
	if (s)
		drop(s);
	return NULL;
}
