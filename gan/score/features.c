/* features.c - a file becomes a network, and images become features in batches. */
#include "gan/score/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/sha256.h"
#include "core/graph/ops.h"
#include "gan/score/features_internal.h"

enum { BATCH = 64, BYTES_MAX = 1 << 30 };

extern const feature_kind features_classifier;
static const feature_kind *const KINDS[] = {&features_classifier};

struct features {
	const feature_kind *kind;
	feature_net n;
	node *probability;                           /* [batch,K] or NULL */
	plan *p;                                     /* own */
	char about[FEATURES_ABOUT + SHA256_TEXT + 16];
};

/* ---- opening ---- */

static const feature_kind *kind_of(h5 *f)
{
	for (int i = 0; i < COUNT(KINDS); i++)
		if (KINDS[i]->is(f))
			return KINDS[i];
	return NULL;
}

static bool make_plan(features *f, fault *e)
{
	node *out[2] = {f->n.features};
	f->probability = f->n.logits ? op_softmax(f->n.g, f->n.logits) : NULL;
	out[1] = f->probability;
	f->p = plan_new(f->n.g, out, out[1] ? 2 : 1, 0, e);
	return f->p != NULL;
}

/* Messages about what an HDF5 file holds begin with its name already. */
static bool open_kind(features *f, h5 *file, const char *label, const dataset *like, fault *e)
{
	fault why;
	if (!f->kind)
		return fault_at(e, label, "no network for features: `sagan classify` makes one");
	if (f->kind->open(&f->n, file, like, &why))
		return true;
	const char *reason = why.text;
	if (strncmp(reason, label, strlen(label)) == 0 && strncmp(reason + strlen(label), ": ", 2) == 0)
		reason += strlen(label) + 2;
	return fault_at(e, label, "%s", reason);
}

static bool open_image(features *f, const void *bytes, size_t n, const char *label, const dataset *like, fault *e)
{
	char hash[SHA256_TEXT];
	sha256 s = sha256_new();
	h5 *file = h5_open_image(bytes, n, label, e);
	if (!file)
		return false;
	f->kind = kind_of(file);
	f->n.g = graph_new(e);
	f->n.x = f->n.g ? buffer_new("images", SHAPE(BATCH, like->h, like->w, like->c), e) : NULL;
	const bool ok = f->n.x && open_kind(f, file, label, like, e);
	h5_close(file);
	sha256_add(&s, bytes, n);
	sha256_text(&s, hash);
	snprintf(f->about, sizeof f->about, "%s, sha256 %.8s", f->n.about, hash);
	return ok && make_plan(f, e);
}

features *features_open(const char *spec, const dataset *like, fault *e)
{
	void *bytes = NULL;
	size_t n = 0;
	features *f = mem_zero(1, sizeof *f, e);
	const bool ok = f && file_read(spec, BYTES_MAX, &bytes, &n, e) && open_image(f, bytes, n, spec, like, e);
	free(bytes);
	if (ok)
		return f;
	features_free(f);
	return NULL;
}

void features_free(features *f)
{
	if (!f)
		return;
	plan_free(f->p);
	graph_free(f->n.g);
	buffer_free(f->n.x);
	if (f->n.net)
		f->kind->free(f->n.net);
	free(f);
}

int64_t features_count(const features *f)
{
	return shape_last(&f->n.features->s);
}

int features_classes(const features *f)
{
	return f->n.logits ? (int)shape_last(&f->n.logits->s) : 0;
}

const char *features_about(const features *f)
{
	return f->about;
}

/* ---- running ---- */

/* Rows of a batch that stand for no image keep the images of the batch before: no result depends on them. */
static void run_batch(features *f, const real *images, int64_t n, real *x, real *probability)
{
	const int64_t image = shape_count(&f->n.x->s) / BATCH, D = features_count(f), K = features_classes(f);
	memcpy(f->n.x->x, images, (size_t)(n * image) * sizeof *images);
	plan_run(f->p);
	memcpy(x, plan_value(f->p, f->n.features), (size_t)(n * D) * sizeof *x);
	if (probability)
		memcpy(probability, plan_value(f->p, f->probability), (size_t)(n * K) * sizeof *probability);
}

bool features_run(features *f, const real *images, int64_t n, real *x, real *probability, fault *e)
{
	const int64_t image = shape_count(&f->n.x->s) / BATCH, D = features_count(f), K = features_classes(f);
	if (probability && K == 0)
		return fault_set(e, "%s: has no classes", f->about);
	for (int64_t lo = 0; lo < n; lo += BATCH)
		run_batch(f, images + lo * image, MIN(BATCH, n - lo), x + lo * D,
			probability ? probability + lo * K : NULL);
	return true;
}
