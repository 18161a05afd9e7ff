/* write.c - Keras' three layouts and the reference file, made in memory with core/h5/h5.h.
 *
 * Facts about what loads where were tried with Keras 2.12 to 3.15: versions as written here load in all; a
 * missing keras_version makes 2.15 transpose kernels; an empty top_level_model_weights group stops 3.3. */
#include "gan/keras/file/write.h"

#include "core/base/file.h"
#include "core/archive/archive.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/keras/model/json.h"
#include "gan/keras/model/shapes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4 * KERAS_LAYER };           /* a layer stands in it twice, with a weight */

/* order[0..*n): the layers with weights as Keras' model.layers has them. new/free. */
static int *weighted(const keras_model *m, int *n, fault *e)
{
	int *order = mem_new((size_t)m->layers, sizeof *order, e);
	*n = 0;
	if (!order || !keras_order(m, order, e)) {
		free(order);
		return NULL;
	}
	for (int i = 0; i < m->layers; i++)
		if (m->layer[order[i]].weights > 0)
			order[(*n)++] = order[i];
	return order;
}

/* ---- legacy ---- */

static bool put_versions(h5 *f, const char *group, fault *e)
{
	return h5_attr_write_ascii(f, group, "backend", "tensorflow", e) &&
	       h5_attr_write_ascii(f, group, "keras_version", "2.15.0", e);
}

/* /model_weights/conv1 with conv1/kernel:0 and conv1/bias:0 below it. */
static bool put_layer(h5 *f, const keras_layer *l, fault *e)
{
	char path[PATH_SIZE];
	char (*name)[PATH_SIZE] = mem_new((size_t)l->weights, sizeof *name, e);
	const char **names = mem_new((size_t)l->weights, sizeof *names, e);
	bool ok = name && names;
	snprintf(path, sizeof path, "/model_weights/%s", l->name);
	ok = ok && h5_group(f, path, e);
	for (int k = 0; ok && k < l->weights; k++) {
		const keras_weight *w = &l->weight[k];
		snprintf(name[k], PATH_SIZE, "%s/%s:0", l->name, w->name);
		names[k] = name[k];
		snprintf(path, sizeof path, "/model_weights/%s/%s/%s:0", l->name, l->name, w->name);
		ok = h5_write_f32(f, path, w->s, w->x, e);
	}
	snprintf(path, sizeof path, "/model_weights/%s", l->name);
	ok = ok && h5_attr_write_texts(f, path, "weight_names", l->weights, names, e);
	free(name);
	free(names);
	return ok;
}

static bool put_legacy(h5 *f, const keras_model *m, const int *order, int n, fault *e)
{
	const char **names = mem_new((size_t)n, sizeof *names, e);
	bool ok = names && h5_group(f, "/model_weights", e) && put_versions(f, "/model_weights", e);
	for (int i = 0; ok && i < n; i++) {
		names[i] = m->layer[order[i]].name;
		ok = put_layer(f, &m->layer[order[i]], e);
	}
	ok = ok && h5_attr_write_texts(f, "/model_weights", "layer_names", n, names, e);
	free(names);
	return ok;
}

bool keras_write_h5(const keras_model *m, const char *path, fault *e)
{
	int n;
	int *order = weighted(m, &n, e);
	char *text = keras_json(m, KERAS_WRAP_H5, e);
	h5 *f = order && text ? h5_create(path, e) : NULL;
	bool ok = f && put_versions(f, "/", e) && h5_attr_write_ascii(f, "/", "model_config", text, e) &&
		  put_legacy(f, m, order, n, e);
	if (ok)
		ok = h5_commit(f, e);
	else
		h5_close(f);
	free(order);
	free(text);
	return ok;
}

/* ---- native ---- */

/* Keras' own rule: "_" before a capital that a small letter follows, or that follows one. */
void keras_snake(const char *class_name, char out[2 * KERAS_NAME])
{
	const char *package = strrchr(class_name, '>'), *s = package ? package + 1 : class_name;
	int n = 0;
	for (int i = 0; s[i] && n < 2 * KERAS_NAME - 2; i++) {
		bool capital = isupper((unsigned char)s[i]);
		if (capital && i > 0 && (islower((unsigned char)s[i + 1]) || islower((unsigned char)s[i - 1])))
			out[n++] = '_';
		out[n++] = (char)tolower((unsigned char)s[i]);
	}
	out[n] = '\0';
}

/* "conv2d_1" for the second Conv2D among order[0..i]. */
static void native_name(const keras_model *m, const int *order, int i, char out[PATH_SIZE])
{
	char snake[2 * KERAS_NAME], other[2 * KERAS_NAME];
	int before = 0;
	keras_snake(m->layer[order[i]].class_name, snake);
	for (int k = 0; k < i; k++) {
		keras_snake(m->layer[order[k]].class_name, other);
		before += !strcmp(snake, other);
	}
	if (before)
		snprintf(out, PATH_SIZE, "%s_%d", snake, before);
	else
		snprintf(out, PATH_SIZE, "%s", snake);
}

/* The empty /vars is what Keras 2.15 asks for first. Every layer with weights counts in its class, and
 * classes have weights always or never, so the weightless ones need no groups. */
static bool put_native(h5 *f, const keras_model *m, fault *e)
{
	char name[PATH_SIZE], path[2 * PATH_SIZE];
	int n;
	int *order = weighted(m, &n, e);
	bool ok = order && h5_group(f, "/vars", e) && h5_group(f, "/layers", e);
	for (int i = 0; ok && i < n; i++) {
		const keras_layer *l = &m->layer[order[i]];
		native_name(m, order, i, name);
		for (int k = 0; ok && k < l->weights; k++) {
			snprintf(path, sizeof path, "/layers/%s/vars/%d", name, k);
			ok = h5_write_f32(f, path, l->weight[k].s, l->weight[k].x, e);
		}
	}
	free(order);
	return ok;
}

bool keras_write_weights(const keras_model *m, const char *path, fault *e)
{
	h5 *f = h5_create(path, e);
	if (f && put_native(f, m, e))
		return h5_commit(f, e);
	h5_close(f);
	return false;
}

/* ---- .keras ---- */

/* The date is no information, and a real one would make equal models differ. */
static const char metadata[] = "{\"keras_version\": \"3.0.0\", \"date_saved\": \"2026-01-01@00:00:00\"}";

bool keras_write_archive(const keras_model *m, const char *path, fault *e)
{
	void *weights = NULL, *archive = NULL;
	size_t n = 0, size = 0;
	char *text = keras_json(m, KERAS_WRAP_ARCHIVE, e);
	h5 *f = text ? h5_create(path, e) : NULL;
	bool ok = f && put_native(f, m, e);
	if (ok)
		ok = h5_finish(f, &weights, &n, e);
	else
		h5_close(f);
	if (ok) {
		archive_member member[] = {
			{"metadata.json", metadata, sizeof metadata - 1},
			{"config.json", text, strlen(text)},
			{"model.weights.h5", weights, n},
		};
		ok = archive_pack(path, member, COUNT(member), &archive, &size, e)
			&& file_replace(path, archive, size, e);
	}
	free(text);
	free(weights);
	free(archive);
	return ok;
}

/* ---- reference ---- */

static bool put_samples(h5 *f, const char *group, const keras_layer *l, const shape *s, int n, const real *x, fault *e)
{
	char path[PATH_SIZE];
	shape all = {.rank = s->rank + 1, .dim = {n}};
	if (all.rank > RANK_MAX)
		return fault_set(e, "layer %s: too many axes", l->name);
	memcpy(all.dim + 1, s->dim, (size_t)s->rank * sizeof *s->dim);
	all = shape_of(all.rank, all.dim);
	snprintf(path, sizeof path, "/%s/%s", group, l->name);
	bool whole = !strcmp(keras_text(l, "dtype", "float32"), "int32");
	return whole ? h5_write_i32(f, path, all, x, e) : h5_write_f32(f, path, all, x, e);
}

bool keras_write_reference(const char *path, const keras_model *m, int n, const real *const *inputs,
			   const real *outputs, fault *e)
{
	shape *s = mem_zero((size_t)m->layers, sizeof *s, e);
	must(m->outputs == 1, "reference of model %s with %d outputs", m->name, m->outputs);
	bool ok = s && keras_shapes(m, s, e);
	h5 *f = ok ? h5_create(path, e) : NULL;
	ok = f;
	for (int i = 0; ok && i < m->inputs; i++)
		ok = put_samples(f, "inputs", &m->layer[m->input[i]], &s[m->input[i]], n, inputs[i], e);
	ok = ok && put_samples(f, "outputs", &m->layer[m->output[0]], &s[m->output[0]], n, outputs, e);
	free(s);
	if (ok)
		return h5_commit(f, e);
	h5_close(f);
	return false;
}
