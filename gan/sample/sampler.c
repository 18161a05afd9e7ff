/* sampler.c - what is the same for every kind of generator: the facts, and labels that exist. */
#include "gan/sample/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"

struct sampler {
	const sampler_kind *kind;
	void *ctx;                                   /* own */
	sampler_facts facts;
	char *path, *class_names;                    /* own; of the facts */
};

int64_t sampler_batch_for(int64_t n)
{
	return MIN(SAMPLER_BATCH, (n + 7) / 8 * 8);
}

sampler *sampler_of(const sampler_kind *kind, void *ctx, const sampler_facts *facts, fault *e)
{
	sampler *s = mem_zero(1, sizeof *s, e);
	if (!s) {
		kind->free(ctx);
		return NULL;
	}
	*s = (sampler){.kind = kind, .ctx = ctx, .facts = *facts, .path = text_copy(facts->path, e)};
	s->facts.path = s->path;
	if (s->path && sampler_call_classes(s, facts->class_names ? facts->class_names : "", e))
		return s;
	sampler_free(s);
	return NULL;
}

void sampler_free(sampler *s)
{
	if (!s)
		return;
	s->kind->free(s->ctx);
	free(s->path);
	free(s->class_names);
	free(s);
}

bool sampler_call_classes(sampler *s, const char *class_names, fault *e)
{
	char *copy = text_copy(class_names, e);
	if (!copy)
		return false;
	free(s->class_names);
	s->facts.class_names = s->class_names = copy;
	return true;
}

const char *sampler_class_names(const sampler *s)
{
	return s->class_names;
}

bool sampler_take(sampler *s, const module *from, fault *e)
{
	return s->kind->take ? s->kind->take(s->ctx, from, e)
		: fault_set(e, "%s: this generator stays what it is, no other can take its place", s->path);
}

const char *sampler_path(const sampler *s)
{
	return s->path;
}

plan *sampler_plan(sampler *s)
{
	return s->kind->pass ? s->kind->pass(s->ctx) : NULL;
}

char *sampler_config(const sampler *s, fault *e)
{
	return s->kind->config ? s->kind->config(s->ctx, e) : text_copy("", e);
}

int64_t sampler_step(const sampler *s)
{
	return s->facts.step;
}

int64_t sampler_batch(const sampler *s)
{
	return s->facts.batch;
}

int64_t sampler_latent_size(const sampler *s)
{
	return s->facts.latent;
}

int sampler_classes(const sampler *s)
{
	return s->facts.classes;
}

shape sampler_image_shape(const sampler *s)
{
	return s->facts.image;
}

int64_t sampler_image_size(const sampler *s)
{
	return shape_count(&s->facts.image);
}

static bool check_labels(const sampler *s, int64_t n, const real *label, fault *e)
{
	const int K = s->facts.classes;
	for (int64_t i = 0; K && i < n; i++)
		if (!label || !(label[i] >= 0 && label[i] < K))
			return fault_set(e, "class %g: must be 0 to %d", label ? (double)label[i] : NAN, K - 1);
	return true;
}

bool sampler_run(sampler *s, int64_t n, const real *z, const real *label, real *images, fault *e)
{
	return check_labels(s, n, label, e) && s->kind->run(s->ctx, n, z, label, images, e);
}

bool sampler_mix(sampler *s, int64_t n, const real *z, const real *share, real *images, fault *e)
{
	if (s->kind->mix && s->facts.classes)
		return s->kind->mix(s->ctx, n, z, share, images, e);
	return fault_set(e, "%s: this generator has no images between classes", s->path);
}

gaze *sampler_gaze(sampler *s, fault *e)
{
	if (s->kind->gaze_of)
		return s->kind->gaze_of(s->ctx, e);
	fault_set(e, "%s: of this kind of generator it is not known where its attention layers look", s->path);
	return NULL;
}
