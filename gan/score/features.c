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

enum { BYTES_MAX = 1 << 30, SPEC_MAX = 4096 };

extern const feature_kind features_classifier, features_inception, features_keras;
static const feature_kind *const KINDS[] = {&features_classifier, &features_inception, &features_keras};

struct features {
	const feature_kind *kind;
	feature_net n;
	node *probability;                           /* [batch,K] or NULL */
	plan *p;                                     /* own */
	char about[FEATURES_ABOUT + SHA256_TEXT + 16];
};

/* ---- opening ---- */

static const feature_kind *kind_of(const feature_file *f)
{
	for (int i = 0; i < COUNT(KINDS); i++)
		if (KINDS[i]->is(f))
			return KINDS[i];
	return NULL;
}

static bool make_plan(features *f, fault *e)
{
	if (f->kind->run)
		return true;
	node *out[2] = {f->n.features};
	f->probability = out[1] = f->n.scores ? op_softmax(f->n.g, f->n.scores) : NULL;
	f->p = plan_new(f->n.g, out, out[1] ? 2 : 1, 0, e);
	f->n.D = shape_last(&f->n.features->s);
	f->n.K = f->n.scores ? shape_last(&f->n.scores->s) : 0;
	return f->p != NULL;
}

/* Messages about what a file holds may begin with its name already. */
static bool open_kind(features *f, const feature_file *file, const dataset *like, fault *e)
{
	const size_t n = strlen(file->path);
	fault why;
	if (!f->kind)
		return fault_at(e, file->path, "no network for features: a file of `sagan classify`, of Keras, or of "
			"tools/inception_weights.py is read");
	if (f->kind->open(&f->n, file, like, &why))
		return true;
	const bool named = strncmp(why.text, file->path, n) == 0 && strncmp(why.text + n, ": ", 2) == 0;
	return fault_at(e, file->path, "%s", why.text + (named ? n + 2 : 0));
}

static void say(features *f, const feature_file *file)
{
	char hash[SHA256_TEXT];
	sha256 s = sha256_new();
	sha256_add(&s, file->bytes, file->n);
	sha256_text(&s, hash);
	snprintf(f->about, sizeof f->about, "%s, sha256 %.8s", f->n.about, hash);
}

/* file: its h5 is opened and closed here. */
static bool open_bytes(features *f, feature_file *file, const dataset *like, fault *e)
{
	fault why;
	file->h5 = h5_open_image(file->bytes, file->n, file->path, &why);
	const bool kind_read = file->h5 && (!h5_attr_exists(file->h5, "/", "kind")
		|| h5_attr_text(file->h5, "/", "kind", file->kind, sizeof file->kind, &why))
		&& h5_answers(file->h5, &why);
	if (!kind_read && fault_is_now(&why)) {
		h5_close(file->h5);
		return fault_take(e, &why);
	}
	f->kind = kind_of(file);
	const int batch = f->kind ? f->kind->batch : 1;
	f->n.g = graph_new(e);
	f->n.x = f->n.g ? buffer_new("images", SHAPE(batch, like->h, like->w, like->c), e) : NULL;
	const bool ok = f->n.x && open_kind(f, file, like, e);
	h5_close(file->h5);
	if (ok)
		say(f, file);
	return ok && make_plan(f, e);
}

/* FILE, or FILE:OPTION: where no file has the whole name, the first colon that ends the name of one. */
static bool open_path(features *f, const char *spec, const dataset *like, fault *e)
{
	char path[SPEC_MAX];
	const char *option = "";
	if (strlen(spec) >= sizeof path)
		return fault_set(e, "a path of more than %d letters", SPEC_MAX - 1);
	strcpy(path, spec);
	const bool whole = file_type(spec) != FILE_MISSING;
	for (char *colon = path; !whole && !*option && (colon = strchr(colon, ':')) != NULL; colon++) {
		*colon = '\0';
		if (file_type(path) == FILE_REGULAR)
			option = spec + (colon + 1 - path);
		else
			*colon = ':';
	}
	void *bytes = NULL;
	size_t n = 0;
	bool ok = file_read(path, BYTES_MAX, &bytes, &n, e);
	if (ok)
		ok = open_bytes(f, &(feature_file){.path = path, .bytes = bytes, .n = n, .option = option}, like, e);
	free(bytes);
	return ok;
}

/* ---- what is shipped ---- */

static bool open_shipped(features *f, const shipped_network *s, const dataset *like, fault *e)
{
	feature_file file = {.path = s->name, .bytes = s->bytes, .n = (size_t)(s->end - s->bytes), .option = ""};
	return open_bytes(f, &file, like, e);
}

static const shipped_network *shipped_named(const char *name)
{
	for (const shipped_network *s = shipped_networks; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* "cifar10, fashion-mnist, mnist"; returns buf. */
static const char *shipped_names(char *buf, size_t size)
{
	size_t at = 0;
	for (const shipped_network *s = shipped_networks; s->name && at < size; s++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "", s->name);
	return buf;
}

static bool open_auto(features *f, const dataset *like, fault *e)
{
	char names[128] = "";
	bool fits;
	for (const shipped_network *s = shipped_networks; s->name; s++) {
		if (!features_shipped_fits(s, like, &fits, e))
			return false;
		if (fits)
			return open_shipped(f, s, like, e);
	}
	return fault_set(e, "none of the networks that are shipped (%s) is made for such images: `sagan classify` "
		"makes one", shipped_names(names, sizeof names));
}

/* A word that is neither a file nor shipped. */
static bool refuse_name(const char *spec, fault *e)
{
	char names[128] = "";
	return fault_set(e, "%s: no such file; networks that are shipped are %s", spec,
			 shipped_names(names, sizeof names));
}

features *features_open(const char *spec, const dataset *like, fault *e)
{
	features *f = mem_zero(1, sizeof *f, e);
	if (!f)
		return NULL;
	const shipped_network *s = file_type(spec) == FILE_MISSING ? shipped_named(spec) : NULL;
	const bool ok = strcmp(spec, "auto") == 0 ? open_auto(f, like, e) : s ? open_shipped(f, s, like, e)
		: file_type(spec) == FILE_MISSING && !strpbrk(spec, "/:.") ? refuse_name(spec, e)
		: open_path(f, spec, like, e);
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
	return f->n.D;
}

int features_classes(const features *f)
{
	return (int)f->n.K;
}

const char *features_about(const features *f)
{
	return f->about;
}

/* ---- running ---- */

static int64_t batch_of(const features *f)
{
	return f->n.x->s.dim[0];
}

/* Rows of a batch that stand for no image keep the images of the batch before: no result depends on them. */
static bool run_batch(features *f, const real *images, int64_t n, real *x, real *probability, fault *e)
{
	const int64_t size = shape_count(&f->n.x->s) / batch_of(f);
	memcpy(f->n.x->x, images, (size_t)(n * size) * sizeof *images);
	if (f->kind->prepare)
		f->kind->prepare(f->n.net, f->n.x->x, n * size);
	if (f->kind->run)
		return f->kind->run(&f->n, n, x, probability, e);
	plan_run(f->p);
	memcpy(x, plan_value(f->p, f->n.features), (size_t)(n * f->n.D) * sizeof *x);
	if (probability)
		memcpy(probability, plan_value(f->p, f->probability), (size_t)(n * f->n.K) * sizeof *probability);
	return true;
}

bool features_run(features *f, const real *images, int64_t n, real *x, real *probability, fault *e)
{
	const int64_t B = batch_of(f), size = shape_count(&f->n.x->s) / B;
	if (probability && f->n.K == 0)
		return fault_set(e, "%s: has no classes", f->about);
	for (int64_t lo = 0; lo < n; lo += B)
		if (!run_batch(f, images + lo * size, MIN(B, n - lo), x + lo * f->n.D,
			probability ? probability + lo * f->n.K : NULL, e))
			return false;
	return true;
}
